"""What the event leaves of one domain may be, all completions of its recorded and unrecorded events considered.

Events do not touch one another: a leaf is true when one event satisfies it. So the truths of all leaves in a completion
are the union (`or`) of what its single events satisfy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, combinations, product
from typing import Any

from tests.reference.dates import DAY, FIRST_DAY, LAST_DAY, first_day_past, instants, shift
from tests.reference.rules import EventLeaf
from tests.reference.vocabulary import CONCEPTS, STATUSES, SYSTEMS_OF, narrower, with_broader

Vector = tuple[bool, ...]
Bounds = tuple[int, int]

STARTS = {"conditions": ("onset",), "treatments": ("start",), "procedures": ("date",), "allergies": ("date",)}
BEGINNING, END_OF_TIME = FIRST_DAY * DAY, LAST_DAY * DAY + DAY - 1


@dataclass(frozen=True)
class Happening:
    """One event in full. real: whether a provisional record is right after all."""

    concepts: frozenset[str]
    status: str
    start: int
    end: int
    verification: str = "confirmed"
    real: bool = True
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Refutation:
    concept: str
    until: int  # the last day that it surely covers
    perhaps_until: int  # and the last that it may cover


@dataclass(frozen=True)
class Setting:
    """The leaves of a domain with their windows and `at` days in one choice of anchors; today: the screening day."""

    leaves: tuple[EventLeaf, ...]
    windows: tuple[Bounds, ...]
    at_days: tuple[int, ...]
    excepted: tuple[tuple[tuple[EventLeaf, Bounds, int], ...], ...]
    today: int


def vectors(
    setting: Setting, domain: str, records: list[dict[str, Any]], complete: Any, spend: Callable[[int], None]
) -> set[Vector]:
    """Every combination of truths that the leaves have in some completion."""
    affirmed, refuted = _divided(records)
    refutations = [each for record in refuted for each in _refutations(record, setting.today)]
    certain: set[Vector] = {(False,) * len(setting.leaves)}
    for record in affirmed:
        options = {
            (False,) * len(setting.leaves) if happening is None else _signature(happening, setting)
            for happening in _happenings(record, domain, setting, refutations)
        }
        spend(len(options) * len(certain))
        certain = {_or(a, b) for a in certain for b in options}
    unrecorded = _unrecorded(domain, setting, refutations, complete)
    spend(len(unrecorded))
    return _closed(certain, unrecorded)


def matches(happening: Happening, leaf: EventLeaf, bounds: Bounds, at_day: int) -> bool:
    """Whether one full event satisfies one leaf, exceptions aside."""
    if not happening.concepts & set(leaf.codes):
        return False
    if leaf.verification is not None:
        suspected = happening.verification == "provisional"
        counts = happening.verification in leaf.verification
        if not (counts or (suspected and happening.real and "confirmed" in leaf.verification)):
            return False
    if leaf.statuses and happening.status not in leaf.statuses:
        return False
    last = happening.start if leaf.by_start else happening.end
    if not (happening.start <= bounds[1] and last >= bounds[0] and bounds[0] <= bounds[1]):
        return False
    if leaf.changed:
        moments = [happening.start, *([happening.end] if happening.status == "completed" else [])]
        if not any(_less_than_ago(moment // DAY, leaf, at_day) for moment in moments):
            return False
    elif leaf.for_at_least is not None:
        base = happening.end if happening.status in ("remission", "resolved", "completed") else happening.start
        if shift(base // DAY, *leaf.for_at_least) > at_day:
            return False
    if not all(_lasted(happening, *bound) for bound in leaf.duration):
        return False
    own = dict(happening.attributes)
    return all(own[name] in wanted for name, wanted in leaf.attributes)


def _lasted(happening: Happening, operator: str, number: int, unit: str) -> bool:
    reached = shift(happening.start // DAY, number, unit) + (operator in ("above", "at_most"))
    return (happening.end // DAY >= reached) == (operator in ("at_least", "above"))


def _less_than_ago(day: int, leaf: EventLeaf, at_day: int) -> bool:
    assert leaf.for_at_least is not None
    return day <= at_day < shift(day, *leaf.for_at_least)


def _signature(happening: Happening, setting: Setting) -> Vector:
    return tuple(
        matches(happening, leaf, bounds, at_day) and not any(matches(happening, *exception) for exception in excepted)
        for leaf, bounds, at_day, excepted in zip(
            setting.leaves, setting.windows, setting.at_days, setting.excepted, strict=True
        )
    )


def _or(a: Vector, b: Vector) -> Vector:
    return tuple(x or y for x, y in zip(a, b, strict=True))


def _closed(certain: set[Vector], more: set[Vector]) -> set[Vector]:
    """Each certain vector with any number of the others added."""
    found, fresh = set(certain), set(certain)
    while fresh:
        fresh = {_or(a, b) for a in fresh for b in more} - found
        found |= fresh
    return found


def _written(record: dict[str, Any], *keys: str) -> tuple[int, int] | None:
    for key in keys:
        if record.get(key) is not None:
            return instants(record[key])
    return None


def _divided(records: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Records that affirm something, and those that deny; a dated not-done denies only itself.

    A denial that is itself refuted or only provisional denies nothing, and a plan called off denies no past event.
    """
    affirmed, refuted = [], []
    for record in records:
        status, verification = record.get("status"), record.get("verification", "confirmed")
        if status in ("never", "not-done"):
            if verification == "confirmed" and (status == "never" or record.get("date") is None):
                refuted.append(record)
        elif verification == "refuted":
            if status != "planned":
                refuted.append(record)
        else:
            affirmed.append(record)
    return affirmed, refuted


def _code(record: dict[str, Any]) -> str | None:
    """The catalogue name, or None for a code that no concept covers."""
    return record["code"] if isinstance(record["code"], str) else None


def _refutations(record: dict[str, Any], today: int) -> list[Refutation]:
    """What a record denies: surely until its first possible day, perhaps until its last."""
    concept = _code(record)
    if concept is None:
        return []
    first, last = _written(record, "date") or (today * DAY, today * DAY)
    return [Refutation(concept, min(first // DAY, today), min(last // DAY, today))]


def _denied(happening: Happening, refutation: Refutation, perhaps: bool = False) -> bool:
    """Whether a refutation speaks of this event: the concept or a narrower one, begun by its day. Plans it leaves."""
    until = refutation.perhaps_until if perhaps else refutation.until
    return (
        refutation.concept in happening.concepts
        and happening.status not in ("planned", "never", "not-done")
        and happening.start // DAY <= until
    )


def _happenings(
    record: dict[str, Any], domain: str, setting: Setting, refutations: list[Refutation]
) -> list[Happening | None]:
    """Everything that a record may mean; None: it means nothing (later than today, or refuted)."""
    found: list[Happening | None] = []
    code = _code(record)
    possible = narrower(code) if code is not None else list(CONCEPTS[domain])
    own = with_broader(code) if code is not None else frozenset[str]()
    meant = {own.union(*(with_broader(each) for each in more)) for more in _subsets(possible)}
    written_status = record.get("status")
    statuses = STATUSES[domain] if written_status is None else (written_status,)
    verification = record.get("verification", "confirmed")
    for concepts, status, real, own_attributes in product(
        meant, statuses, (True, False) if verification == "provisional" else (True,), _attributes(record, setting)
    ):
        for start, end in _intervals(record, domain, status, setting):
            happening = Happening(concepts, status, start, end, verification, real, own_attributes)
            found.append(happening)
            if any(refutation.concept in own and _denied(happening, refutation, True) for refutation in refutations):
                found.append(None)  # contradicted: this record may be the wrong one
    return found or [None]


def _attributes(record: dict[str, Any], setting: Setting) -> list[tuple[tuple[str, str], ...]]:
    """The severity, route and outcome of an event, any that a leaf tells apart where they are not written."""
    wanted: dict[str, set[str]] = {}
    for leaf in _all_leaves(setting):
        for name, values in leaf.attributes:
            wanted.setdefault(name, set()).update(values)
    names = sorted(wanted)
    written = [[record[name]] if record.get(name) else [*sorted(wanted[name]), "something else"] for name in names]
    return [tuple(zip(names, each, strict=True)) for each in product(*written)]


def _all_leaves(setting: Setting) -> list[EventLeaf]:
    return [*setting.leaves, *(leaf for excepted in setting.excepted for leaf, _, _ in excepted)]


def _subsets(items: list[str]) -> list[tuple[str, ...]]:
    return list(chain.from_iterable(combinations(items, size) for size in range(len(items) + 1)))


def _intervals(record: dict[str, Any], domain: str, status: str, setting: Setting) -> list[Bounds]:
    """The times [start, end] that a record of a status may have, one for each way to lie to the edges."""
    now = setting.today * DAY + DAY - 1
    past = status != "planned"
    undated = (BEGINNING if past else setting.today * DAY, END_OF_TIME)
    if status in ("never", "not-done"):
        return [(BEGINNING, BEGINNING)]
    if domain in ("procedures", "allergies"):
        first, last = _written(record, "date") or undated
        return [(each, each) for each in _points(first, min(last, now) if past else last, setting)]
    first, last = _written(record, *STARTS[domain]) or undated
    last = min(last, now) if past else last
    starts = _points(first, last, setting)
    ended = _written(record, "abatement", "end")
    if ended is None:
        if status in ("active", "ongoing"):
            starts += [start for start in _begun_before([now], setting) if first <= start <= last]
            return [(start, now) for start in starts]
        ended = (BEGINNING, END_OF_TIME)
    until = min(ended[1], now) if past else ended[1]
    ends = _points(ended[0], until, setting)
    starts += [start for start in _begun_before(ends, setting) if first <= start <= last]
    ends += [start for start in starts if ended[0] <= start <= ended[1]]
    ends += [end for end in _ended_after(starts, setting) if ended[0] <= end <= until]
    return [(start, end) for start in starts for end in sorted(set(ends)) if start <= end]


def _durations(setting: Setting) -> set[tuple[int, str]]:
    return {(number, unit) for leaf in _all_leaves(setting) for _, number, unit in leaf.duration}


def _begun_before(ends: list[int], setting: Setting) -> list[int]:
    """Instants on and beside those from which a duration reaches an end."""
    found = set()
    for number, unit in _durations(setting):
        for end in ends:
            for target in (end // DAY, end // DAY + 1):
                day = first_day_past(number, unit, target, FIRST_DAY, LAST_DAY)
                found |= {day * DAY, day * DAY - 1}
    return sorted(found)


def _ended_after(starts: list[int], setting: Setting) -> list[int]:
    """Instants on and beside those at which a duration is reached."""
    found = set()
    for number, unit in _durations(setting):
        for start in starts:
            day = shift(start // DAY, number, unit)
            found |= {day * DAY - 1, day * DAY, (day + 1) * DAY}
    return sorted(found)


def _points(first: int, last: int, setting: Setting) -> list[int]:
    """One instant of [first, last] for each stretch between the edges of windows, denials and minimum durations."""
    if first > last:
        return []
    cuts = {first, last}
    for edge in _edges(setting):
        if first < edge <= last:
            cuts |= {edge - 1, edge}
    return sorted(cut for cut in cuts if first <= cut <= last)


@lru_cache(maxsize=8)
def _edges(setting: Setting) -> frozenset[int]:
    found = {(setting.today + 1) * DAY}
    with_exceptions = list(zip(setting.leaves, setting.windows, setting.at_days, strict=True))
    with_exceptions += [each for excepted in setting.excepted for each in excepted]
    for leaf, (first, last), at_day in with_exceptions:
        found |= {first, last + 1}
        if leaf.for_at_least is not None:
            # The first day from which the span has not yet passed at the `at` day.
            number, unit = leaf.for_at_least
            late = first_day_past(number, unit, at_day + 1, FIRST_DAY, LAST_DAY)
            found |= {late * DAY, (at_day + 1) * DAY}
    return frozenset(found)


def _unrecorded(domain: str, setting: Setting, refutations: list[Refutation], complete: Any) -> set[Vector]:
    """What events that are not on file could satisfy."""
    through, systems = _completeness(complete, setting.today)
    now = setting.today * DAY + DAY - 1
    found: set[Vector] = set()
    attributes = _attributes({}, setting)
    extra = {(refutation.until + 1) * DAY for refutation in refutations}
    if through is not None:
        extra.add((through + 1) * DAY)
    for concept in CONCEPTS[domain]:
        for status in STATUSES[domain]:
            if status in ("never", "not-done"):
                continue
            last = END_OF_TIME if status == "planned" else now
            points = sorted({*_points(BEGINNING, last, setting), *(each for each in extra if each <= last)})
            starts = [*points, *(each for each in _begun_before(points, setting) if BEGINNING <= each <= last)]
            for start in starts:
                if domain in ("procedures", "allergies"):
                    ends = [start]
                elif status in ("active", "ongoing"):
                    ends = [now]
                else:
                    ends = [each for each in (*points, *_ended_after([start], setting)) if start <= each <= last]
                for end, own in product(ends, attributes):
                    happening = Happening(with_broader(concept), status, start, end, attributes=own)
                    covered = _expressible(concept, systems)
                    if (
                        through is not None
                        and covered
                        and (through >= setting.today or (status != "planned" and start // DAY <= through))
                    ):
                        continue
                    if any(_denied(happening, refutation) for refutation in refutations):
                        continue
                    found.add(_signature(happening, setting))
    return found


def _completeness(complete: Any, today: int) -> tuple[int | None, list[str] | None]:
    """The last day through which a domain is complete (None: not at all), and among which systems (None: all)."""
    if not complete:
        return None, None
    if complete is True:
        return today, None
    through = complete.get("through")
    return today if through is None else instants(through)[0] // DAY, complete.get("systems")


def _expressible(concept: str, systems: list[str] | None) -> bool:
    return systems is None or SYSTEMS_OF.get(concept, frozenset[str]()) & set(systems) != frozenset()
