"""A dossier: what is known of a candidate so far, made of the candidate's events, one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from prescreen.candidate import Candidate
from prescreen.candidate.checks import check_against_day
from prescreen.candidate.profile import Coding, Complete, ObservationRecord, Profile
from prescreen.candidate.structure import RECORD_LISTS, quoted
from prescreen.catalogue import DOMAINS, Catalogue
from prescreen.problems import InputRefused, Problem, did_you_mean
from prescreen.session.events import Event

_MOST_RECORDS: Final = 50_000
_MOST_HINTS: Final = 10
_EMPTY: Final[dict[str, Any]] = {
    "birth_date": None,
    "age": None,
    "sex": None,
    "answers": {},
    "anchors": {},
    "complete": Complete(),
}


@dataclass(frozen=True, slots=True)
class Dossier:
    """A candidate after so many events.

    seq: of the last event in it (0: none). day: the candidate's own screening day, from the event of the number
    `day_seq` on; None where only days for all were told.
    """

    candidate: Candidate
    seq: int = 0
    day: int | None = None
    day_seq: int = 0

    @classmethod
    def empty(cls, candidate: str) -> Dossier:
        """Of a candidate of whom nothing is known."""
        return cls(Candidate(Profile(id=candidate)))

    @property
    def profile(self) -> Profile:
        return self.candidate.profile

    @property
    def size(self) -> int:
        """The number of records, and one more."""
        return 1 + sum(len(getattr(self.profile, name)) for name in RECORD_LISTS)

    def with_event(self, event: Event, seq: int, name: str) -> Dossier:
        """The dossier with an event: removals first, then additions, then what is withdrawn.

        seq, name: of the event in its log. A record whose id is on file replaces that one; one without an id is called
        after its event. Raises InputRefused when the event does not go with what is on
        file; then nothing of it counts.
        """
        candidate = self.candidate.with_profile(_with(self.profile, event, name))
        if event.day is None:
            return Dossier(candidate, seq, self.day, self.day_seq)
        return Dossier(candidate, seq, event.day, seq)

    def day_on(self, common: tuple[int, int]) -> int:
        """The screening day; common: that for all, and the number of the event that told it."""
        return self.day if self.day is not None and self.day_seq > common[1] else common[0]

    def check_day(self, day: int) -> None:
        """Refuse a birth after the screening day, as a screening does."""
        problems = check_against_day(self.profile, day)
        if problems:
            raise InputRefused(problems)


def touched(before: Profile, after: Profile, catalogues: Iterable[Catalogue]) -> frozenset[str]:
    """The kinds of facts in which two profiles of a candidate differ, as `CompiledCriterion.reach` names them."""
    kinds: set[str] = set()
    if after.birth_date != before.birth_date or after.age != before.age:
        kinds.add("birth_date")
    if after.sex != before.sex:
        kinds.add("sex")
    for name in _differing(before.answers, after.answers):
        kinds.add(f"answer:{name.rpartition(':')[2]}")
    for name in _differing(before.anchors, after.anchors):
        kinds.add(f"anchor:{name}")
    complete, was = after.complete, before.complete
    for domain in DOMAINS:
        if getattr(after, domain) is not getattr(before, domain) or getattr(complete, domain) != getattr(was, domain):
            kinds.add(domain)
    if after.observations is not before.observations:
        kept = {id(record) for record in before.observations} & {id(record) for record in after.observations}
        changed = [record for record in (*before.observations, *after.observations) if id(record) not in kept]
        kinds |= {_kind(record, catalogue) for record in changed for catalogue in catalogues}
    return frozenset(kinds)


def _differing(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    if after is before:
        return set()
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def _kind(record: ObservationRecord, catalogue: Catalogue) -> str:
    code = record.code
    if isinstance(code, Coding):
        concept = catalogue.observation_for(code.system, code.code)
    else:
        concept = catalogue.observation(code)
    return "observation" if concept is None else f"observation:{concept.name}"


def _with(profile: Profile, event: Event, called: str) -> Profile:
    """The profile with an event. called: the event's name, after which records without an id are called."""
    problems: list[Problem] = []
    lists: dict[str, tuple[Any, ...]] = {name: getattr(profile, name) for name in RECORD_LISTS}
    if event.removed:
        _remove(lists, event.removed, problems)
    if event.added is not None:
        _add(lists, event.added, called, problems)
    if sum(map(len, lists.values())) > _MOST_RECORDS:
        problems.append(Problem("too-long", f"a candidate of more than {_MOST_RECORDS:,} records"))
    if problems:
        raise InputRefused(problems)
    changed: dict[str, Any] = {name: new for name, new in lists.items() if new is not getattr(profile, name)}
    if event.added is not None:
        changed |= _single(profile, event.added)
    for place in event.withdrawn:
        _withdraw(profile, place, changed)
    return profile.model_copy(update=changed)


def _remove(lists: dict[str, tuple[Any, ...]], removed: tuple[str, ...], problems: list[Problem]) -> None:
    known = {record.id for records in lists.values() for record in records}
    for index, identity in enumerate(removed):
        if identity not in known:
            message = f"no record with the id {quoted(identity)} is on file"
            hint = did_you_mean(identity, sorted(known)) if len(problems) < _MOST_HINTS else None
            problems.append(Problem("unknown-record", message, path=f"remove[{index}]", hint=hint))
    gone = set(removed)
    for name, records in lists.items():
        if any(record.id in gone for record in records):
            lists[name] = tuple([record for record in records if record.id not in gone])


def _add(lists: dict[str, tuple[Any, ...]], added: Profile, event: str, problems: list[Problem]) -> None:
    """Add records to their lists; one whose id is there takes the other's place."""
    places = {record.id: (name, place) for name, records in lists.items() for place, record in enumerate(records)}
    given: set[str] = set()
    for name in RECORD_LISTS:
        new: tuple[Any, ...] = getattr(added, name)
        if not new:
            continue
        records = list(lists[name])
        for index, record in enumerate(new):
            identity = record.id
            if identity is None:
                identity = f"{event}/{name}[{index}]"
                while identity in places or identity in given:  # somebody has used the name
                    identity += "+"
                record = record.model_copy(update={"id": identity})
            path = f"add.{name}[{index}].id"
            known, place = places.get(identity, (name, len(records)))
            if identity in given:
                message = f"the id {quoted(identity)} is given twice in this event"
                problems.append(Problem("duplicate-id", message, path=path))
            elif known != name:
                message = f"the id {quoted(identity)} is that of a record of {known}"
                hint = "a corrected record stays in its list; to move it, remove it first"
                problems.append(Problem("duplicate-id", message, path=path, hint=hint))
            else:
                records[place : place + 1] = [record]
            given.add(identity)
        lists[name] = tuple(records)


def _single(profile: Profile, added: Profile) -> dict[str, Any]:
    """What an event sets, beside what it leaves as it was."""
    changed: dict[str, Any] = {}
    for key in added.model_fields_set & _EMPTY.keys():
        value = getattr(added, key)
        if key in ("answers", "anchors"):
            value = {**getattr(profile, key), **value}
        elif key == "complete":
            value = profile.complete.model_copy(update={name: getattr(value, name) for name in value.model_fields_set})
        if value is not None:
            changed[key] = value
    return changed


def _withdraw(profile: Profile, place: tuple[str, ...], changed: dict[str, Any]) -> None:
    key = place[0]
    if len(place) == 1:
        changed[key] = _EMPTY[key]
        return
    value = changed.get(key, getattr(profile, key))
    if key == "complete":
        changed[key] = value.model_copy(update={place[1]: False})
    else:
        changed[key] = {name: inner for name, inner in value.items() if name != place[1]}
