"""Events: what a session is told, one at a time, as JSON (contract §7).

An event adds records and answers of a candidate, removes records by their id, sets or withdraws what there is one of,
or moves the screening day, of all or of one candidate. It is checked as a candidate is, as a whole and before anything
of it counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from typing import Any, Final

from msgspec.json import Encoder

from prescreen.candidate.checks import MAX_ID
from prescreen.candidate.profile import Profile
from prescreen.candidate.read import from_json, profile_of, read_plain
from prescreen.candidate.structure import build_profile, path_text, quoted, shown
from prescreen.catalogue import DOMAINS, Catalogue
from prescreen.problems import InputRefused, Problem, did_you_mean
from prescreen.session.model import Kept

FIRST_DAY: Final = date(1900, 1, 1)
LAST_DAY: Final = date(2999, 12, 31)

_KEYS: Final = ("event", "candidate", "add", "remove", "set", "on")
_SINGLE: Final = ("birth_date", "age", "sex", "answers", "anchors", "complete")
"""What `set` may set: of each there is one, or one by name."""

_LARGE: Final = 200_000  # characters from which on mistakes may be too many to be counted
_MOST_REMOVED: Final = 10_000
_canonical: Final = Encoder(order="sorted", decimal_format="number")


Withdrawn = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Event:
    """An event that may be kept, if the candidate's records allow it.

    id: None where whoever told it gave none. candidate: None: all (a new day). added: the records and answers to be
    added, and what is set, as a profile of nothing else. withdrawn: what is set to null, as (key,) or (key, name).
    removed: ids of records. day: the new screening day (its ordinal). trial: the one that an answer is for if it does
    not say. body: all but the id, in one spelling.
    """

    id: str | None
    candidate: str | None
    added: Profile | None
    withdrawn: Withdrawn
    removed: tuple[str, ...]
    day: int | None
    trial: str | None
    body: str

    @classmethod
    def of_day(cls, day: int) -> Event:
        """A new screening day for all."""
        body = _canonical.encode({"on": date.fromordinal(day).isoformat()}).decode()
        return cls(None, None, None, (), (), day, None, body)

    @property
    def digest(self) -> str:
        """What tells two events of one id apart."""
        return sha256(self.body.encode()).hexdigest()


def read_event(
    data: Mapping[str, Any] | str | bytes, catalogues: Iterable[Catalogue], trials: Sequence[str], *, named: bool = True
) -> Event:
    """An event from JSON text or from a dict.

    catalogues: every name of a code must be known to each. trials: those of the session; an answer that names none is
    for the only one. named: the event must have an id of its own. Raises InputRefused with every problem, each with
    its place in the event.
    """
    problems: list[Problem] = []
    plain, _ = read_plain(data, problems)
    if not isinstance(plain, dict):
        problems.append(Problem("no-event", f"{shown(plain)} where an event is expected, which is an object"))
        raise InputRefused(problems)
    for key in plain:
        if key not in _KEYS:
            hint = did_you_mean(key, _KEYS) or f"known keys: {', '.join(_KEYS)}"
            message = f"there is no key {quoted(key)} here"
            problems.append(Problem("unknown-key", message, path=path_text((key,)), hint=hint))
    identity = _identity(plain, "event", problems, needed=named)
    day = _day(plain, problems)
    only_day = "on" in plain and not {"add", "remove", "set"} & plain.keys()
    candidate = _identity(plain, "candidate", problems, needed=not only_day)
    body = _canonical.encode({key: value for key, value in plain.items() if key != "event"}).decode()
    removed = _removed(plain, problems)
    content, withdrawn = _content(plain, problems)
    only = trials[0] if len(trials) == 1 else None
    if only is None:
        _check_answers(plain, trials, problems)
    added: Profile | None = None
    if any(content.values()):
        for catalogue in catalogues:
            added = _checked(content, catalogue, problems, large=len(body) > _LARGE)
    if not (removed or added or withdrawn or day is not None or problems):
        problems.append(Problem("no-event", "says nothing: expected `add`, `remove`, `set` or `on`"))
    if problems:
        raise InputRefused(in_event(identity, problems))
    added, withdrawn = _of_trial(added, withdrawn, only, problems)
    if problems:
        raise InputRefused(in_event(identity, problems))
    return Event(identity, candidate, added, withdrawn, removed, day, only, body)


def read_kept(kept: Kept) -> Event:
    """An event from the log, where it stands as it was once it had been checked.

    Raises InputRefused where it no longer has the form of an event.
    """
    plain: Any = from_json(kept.body.encode())
    problems: list[Problem] = []
    content, withdrawn = _content(plain, problems)
    added: Profile | None = None
    if any(content.values()):
        built = build_profile(_whole(content), large=False)
        if isinstance(built, list):
            raise InputRefused(in_event(kept.id, built))
        added = built
    added, withdrawn = _of_trial(added, withdrawn, kept.trial, problems)
    day = date.fromisoformat(plain["on"]).toordinal() if "on" in plain else None
    removed = tuple(plain.get("remove", ()))
    return Event(kept.id, kept.candidate, added, withdrawn, removed, day, kept.trial, kept.body)


def in_event(identity: str | None, problems: Iterable[Problem]) -> list[Problem]:
    """Problems with the event that they are in beside their place."""
    if identity is None:
        return list(problems)
    where = f"event {quoted(identity)}"
    return [replace(one, path=f"{where}, {one.path}" if one.path else where) for one in dict.fromkeys(problems)]


def _identity(plain: dict[str, Any], key: str, problems: list[Problem], *, needed: bool) -> str | None:
    value = plain.get(key)
    if value is None:
        if needed or key in plain:
            problems.append(Problem("missing-key", f"`{key}` is missing", path=key))
        return None
    if not isinstance(value, str):
        problems.append(Problem("wrong-type", f"{shown(value)} where text is expected", path=key))
        return None
    if not (value.strip() and value.isprintable() and len(value) <= MAX_ID):
        message = f"{quoted(value)} is no id: expected 1 to {MAX_ID} printable characters"
        problems.append(Problem("bad-id", message, path=key))
        return None
    return value


def _day(plain: dict[str, Any], problems: list[Problem]) -> int | None:
    if "on" not in plain:
        return None
    value = plain["on"]
    try:
        if not isinstance(value, str) or len(value) != 10:
            raise ValueError
        day = date.fromisoformat(value)
    except ValueError:
        message = f"{shown(value)} where a day is expected, YYYY-MM-DD"
        problems.append(Problem("bad-date", message, path="on"))
        return None
    if not FIRST_DAY <= day <= LAST_DAY:
        message = f"the screening day {day.isoformat()} lies outside {FIRST_DAY.isoformat()} to {LAST_DAY.isoformat()}"
        problems.append(Problem("screening-day", message, path="on"))
        return None
    return day.toordinal()


def _removed(plain: dict[str, Any], problems: list[Problem]) -> tuple[str, ...]:
    value = plain.get("remove", [])
    if not isinstance(value, list):
        problems.append(Problem("wrong-type", f"{shown(value)} where a list of record ids is expected", path="remove"))
        return ()
    if len(value) > _MOST_REMOVED:
        problems.append(Problem("too-long", f"a list of more than {_MOST_REMOVED:,} ids", path="remove"))
        return ()
    for index, identity in enumerate(value):
        if not isinstance(identity, str):
            message = f"{shown(identity)} where the id of a record is expected"
            problems.append(Problem("wrong-type", message, path=f"remove[{index}]"))
    return tuple(dict.fromkeys(identity for identity in value if isinstance(identity, str)))


def _content(plain: dict[str, Any], problems: list[Problem]) -> tuple[dict[str, dict[str, Any]], Withdrawn]:
    """What `add` and `set` hold, by key; and what is withdrawn."""
    content: dict[str, dict[str, Any]] = {}
    withdrawn: list[tuple[str, ...]] = []
    for name in ("add", "set"):
        value = plain.get(name)
        if name not in plain:
            continue
        if not isinstance(value, dict):
            problems.append(Problem("wrong-type", f"{shown(value)} where an object is expected", path=name))
            continue
        content[name] = kept = dict(value)
        if "id" in kept:
            message = "there is no key `id` here: `candidate` says whose facts these are"
            problems.append(Problem("unknown-key", message, path=f"{name}.id"))
            del kept["id"]
        if name == "set":
            for key in value:
                if key not in _SINGLE:
                    hint = did_you_mean(key, _SINGLE) or "records are added with `add` and withdrawn with `remove`"
                    message = f"there is no key {quoted(key)} here"
                    problems.append(Problem("unknown-key", message, path=path_text((name, key)), hint=hint))
                    del kept[key]
            withdrawn += _nulls(kept)
    shared = content.get("add", {}).keys() & content.get("set", {}).keys()
    for key in sorted(shared):
        message = f"{quoted(key)} is given under `add` and under `set`"
        problems.append(Problem("duplicate-key", message, path=path_text(("set", key))))
    return content, tuple(withdrawn)


def _of_trial(
    added: Profile | None, withdrawn: Withdrawn, trial: str | None, problems: list[Problem]
) -> tuple[Profile | None, Withdrawn]:
    """What is added and withdrawn, each answer with its trial."""
    if trial is None:
        return added, withdrawn
    if added is not None and added.answers:
        answers = {_question(name, trial): answer for name, answer in added.answers.items()}
        if len(answers) < len(added.answers):
            message = f"a question is answered twice, as `NAME` and as `{trial}:NAME`"
            problems.append(Problem("duplicate-key", message, path="answers"))
        added = added.model_copy(update={"answers": answers})
    if any(place[0] == "answers" for place in withdrawn):
        withdrawn = tuple(
            [
                (key, *(_question(name, trial) if key == "answers" else name for name in names))
                for key, *names in withdrawn
            ]
        )
    return added, withdrawn


def _question(name: str, trial: str) -> str:
    return name if ":" in name else f"{trial}:{name}"


def _check_answers(plain: dict[str, Any], trials: Sequence[str], problems: list[Problem]) -> None:
    """Among several trials an answer says for which it is."""
    for key in ("add", "set"):
        content = plain.get(key)
        answers = content.get("answers") if isinstance(content, dict) else None
        for name in answers if isinstance(answers, dict) else ():
            if ":" not in name:
                message = f"an answer to {quoted(name)}, of which trial? the session has several"
                hint = f"write `{trials[0]}:{name[:40]}`, or the like" if trials else None
                problems.append(Problem("bare-answer", message, path=path_text((key, "answers", name)), hint=hint))


def _nulls(kept: dict[str, Any]) -> list[tuple[str, ...]]:
    """Take out of `set` what is null; its places."""
    found: list[tuple[str, ...]] = []
    for key, value in list(kept.items()):
        if value is None:
            found.append((key,))
            del kept[key]
        elif isinstance(value, dict) and key in ("answers", "anchors", "complete"):
            known = DOMAINS if key == "complete" else value
            found += [(key, name) for name, inner in value.items() if inner is None and name in known]
            kept[key] = {name: inner for name, inner in value.items() if inner is not None or name not in known}
    return found


def _whole(content: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The content as plain data of a profile."""
    whole: dict[str, Any] = {"id": "-"}
    for kept in content.values():
        whole |= kept
    return whole


def _checked(
    content: dict[str, dict[str, Any]], catalogue: Catalogue, problems: list[Problem], *, large: bool
) -> Profile | None:
    """The content as a profile of its own; what is wrong with it is added to the problems."""
    places: dict[str, str] = {}
    for name, kept in content.items():
        places |= dict.fromkeys(kept, name)
    try:
        return profile_of(_whole(content), catalogue, [], large=large)
    except InputRefused as refused:
        for problem in refused.problems:
            path = problem.path or ""
            key = path.partition(".")[0].partition("[")[0]
            if problem.code == "fhir":
                hint = "a Bundle does not say what has changed: map it, or screen it with `prescreen screen`"
                problem = replace(problem, hint=hint)
            place = f"{places.get(key, 'add')}.{path}" if path else None
            problems.append(replace(problem, path=place))
        return None
