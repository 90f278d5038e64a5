"""Existence leaves that look at several records together: distinct concepts, lines of treatment, doses added up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Final, NamedTuple

from prescreen.candidate.facts import EventFact
from prescreen.candidate.profile import TreatmentRecord
from prescreen.catalogue import Catalogue, Equivalent
from prescreen.engine.events import (
    Decide,
    Found,
    Match,
    Sought,
    absent_besides,
    holds,
    is_refuted,
    matches_record,
    milligrams,
)
from prescreen.engine.setting import Bounds, Setting
from prescreen.engine.timing import contradicts_itself, times
from prescreen.language.model import Amount, Event, Operator, Window
from prescreen.time import DAY, LATEST_DAY, first_instant, last_instant
from prescreen.truth import FALSE, TRUE, UNKNOWN, Truth, at_least, conjunction, disjunction, negation

_MOST_LINES: Final = 12  # more courses are not told apart one by one
_MOST_ADDED: Final = 60  # records whose doses are added up, day by day


def tally_leaf(leaf: Event, catalogue: Catalogue, numbers: Mapping[Window, int]) -> Decide:
    """The function that decides a leaf with `count`, `lines` or doses in equivalents."""
    if leaf.count:
        return _count_leaf(leaf, catalogue, numbers)
    window, number = leaf.window, numbers[leaf.window]
    sought = Sought(replace(leaf, daily_dose=()) if leaf.equivalent else leaf, catalogue)

    def decide(setting: Setting) -> Found:
        if setting.forced is not None and leaf in setting.forced:
            return Found(setting.forced[leaf])
        bounds = setting.windows.bounds[number] or setting.bounds(window)
        records = setting.facts.events.get(leaf.domain, ())
        matches = _matching(sought, records, bounds, setting)
        absent, against = absent_besides(sought, records, setting.facts.complete.get(leaf.domain), bounds, setting)
        if leaf.equivalent:
            truth = _added_up(sought, leaf.daily_dose, matches, absent, bounds, setting)
        else:
            least, most = _lines(sought, matches, setting)
            truth = conjunction(
                [_number_holds(least, most if absent else None, operator, bound) for operator, bound in leaf.lines]
            )
        conflict = any("conflict" in aspects for _, _, aspects in matches)
        unproven = truth is UNKNOWN and bool(matches)
        return Found(truth, tuple(matches), against, conflict, absent, unproven, None, records)

    return decide


def _matching(sought: Sought, records: tuple[EventFact, ...], bounds: Bounds, setting: Setting) -> list[Match]:
    """The records that are or may be what is sought."""
    found: list[Match] = []
    for record in records:
        if not record.asserts:
            continue
        truth, aspects = matches_record(sought, record, bounds, setting)
        if truth is TRUE and is_refuted(record, records, setting):
            truth, aspects = UNKNOWN, ("conflict",)
        if truth is not FALSE:
            found.append((record, truth, aspects))
    return found


# --- distinct concepts --------------------------------------------------------------------------------


def _count_leaf(leaf: Event, catalogue: Catalogue, numbers: Mapping[Window, int]) -> Decide:
    """`count`: how many of the codes have a matching record, between those that surely and those that may have."""
    window, number = leaf.window, numbers[leaf.window]
    apart = tuple(Sought(leaf, catalogue, (code,)) for code in leaf.codes)

    def decide(setting: Setting) -> Found:
        if setting.forced is not None and leaf in setting.forced:
            return Found(setting.forced[leaf])
        bounds = setting.windows.bounds[number] or setting.bounds(window)
        records = setting.facts.events.get(leaf.domain, ())
        declared = setting.facts.complete.get(leaf.domain)
        truths: list[Truth] = []
        matches: list[Match] = []
        against: list[str] = []
        for sought in apart:
            mine = _matching(sought, records, bounds, setting)
            matches += mine
            truth = disjunction([truth for _, truth, _ in mine])
            if truth is FALSE:
                absent, why = absent_besides(sought, records, declared, bounds, setting)
                against.extend(name for name in why if name not in against)
                truth = FALSE if absent else UNKNOWN
            truths.append(truth)
        parts = [_count_holds(truths, operator, bound) for operator, bound in leaf.count]
        return Found(conjunction(parts), tuple(matches), tuple(against), seen=records)

    return decide


def _count_holds(truths: list[Truth], operator: Operator, bound: int) -> Truth:
    match operator:
        case "at_least":
            return at_least(bound, truths)
        case "above":
            return at_least(bound + 1, truths)
        case "at_most":
            return negation(at_least(bound + 1, truths))
        case "below":
            return negation(at_least(bound, truths))


# --- lines of treatment -------------------------------------------------------------------------------


class _Course(NamedTuple):
    """The instants at which a record may have begun and ended."""

    start_low: int
    start_high: int
    end_low: int
    end_high: int


def _courses(sought: Sought, matches: list[Match], setting: Setting) -> list[_Course]:
    """When each record may have begun and ended, whichever of the statuses that count it has."""
    found: list[_Course] = []
    for record, _, _ in matches:
        statuses = (record.statuses & sought.leaf.statuses) or record.statuses
        readings = [record, record.going_on()] if contradicts_itself(record, setting) else [record]
        each = [times(reading, status, sought.momentary, setting) for reading in readings for status in statuses]
        found.append(
            _Course(
                min(low for low, _, _, _ in each),
                max(high for _, high, _, _ in each),
                min(low for _, _, low, _ in each),
                max(high for _, _, _, high in each),
            )
        )
    return found


def _lines(sought: Sought, matches: list[Match], setting: Setting) -> tuple[int, int]:
    """The fewest and the most courses of which no two overlap that there may be among the records.

    What begins on the day on which another ends follows it, unless both began on that day.
    """
    courses = _courses(sought, matches, setting)
    sure = [course for course, (_, truth, _) in zip(courses, matches, strict=True) if truth is TRUE]
    least = _most_apart(sure[:_MOST_LINES], surely=True)
    return least, _most_apart(courses, surely=False) if len(courses) <= _MOST_LINES else len(courses)


def _most_apart(courses: list[_Course], *, surely: bool) -> int:
    """The size of the greatest set of courses of which each two surely (or possibly) follow one another."""
    best = 0
    pending: list[tuple[int, list[_Course]]] = [(0, courses)]
    while pending:
        size, left = pending.pop()
        best = max(best, size)
        if size + len(left) <= best:
            continue
        first, rest = left[0], left[1:]
        pending.append((size, rest))
        pending.append((size + 1, [other for other in rest if _apart(first, other, surely=surely)]))
    return best


def _apart(one: _Course, other: _Course, *, surely: bool) -> bool:
    follows = _surely_follows if surely else _may_follow
    return follows(one, other) or follows(other, one)


def _surely_follows(later: _Course, earlier: _Course) -> bool:
    begins = later.start_low // DAY
    return earlier.end_high // DAY <= begins and earlier.start_high // DAY < begins


def _may_follow(later: _Course, earlier: _Course) -> bool:
    begins = later.start_high // DAY
    return earlier.end_low // DAY <= begins and earlier.start_low // DAY < begins


def _number_holds(least: int, most: int | None, operator: Operator, bound: int) -> Truth:
    """Whether a number from `least` to `most` (None: any) is within a bound."""
    match operator:
        case "at_least" | "above":
            needed = bound + (operator == "above")
            return TRUE if least >= needed else FALSE if most is not None and most < needed else UNKNOWN
        case "at_most" | "below":
            allowed = bound - (operator == "below")
            return FALSE if least > allowed else TRUE if most is not None and most <= allowed else UNKNOWN


# --- daily doses in equivalents -----------------------------------------------------------------------


class _Given:
    """A record's days and what it adds to a day's sum. sure: whether it is one of those sought. dose: in mg/day of the
    treatment in which doses are expressed; None: not known."""

    __slots__ = ("dose", "first_high", "first_low", "last_high", "last_low", "sure")

    def __init__(
        self, sure: bool, first_low: int, first_high: int, last_low: int, last_high: int, dose: Fraction | None
    ) -> None:
        self.sure = sure
        self.first_low = first_low
        self.first_high = first_high
        self.last_low = last_low
        self.last_high = last_high
        self.dose = dose

    def surely_on(self, day: int, others: list[_Given], absent: bool) -> bool:
        """Whether it is surely counted on a day; what ends on a day gives way to what begins on it, be that on file or
        not (absent: nothing else can be)."""
        if not (self.sure and self.first_high <= day <= self.last_low):
            return False
        if self.last_low > day or self.first_low == day:
            return True
        return absent and not any(other is not self and other.first_low <= day <= other.first_high for other in others)

    def maybe_on(self, day: int, others: list[_Given]) -> bool:
        if not self.first_low <= day <= self.last_high:
            return False
        if not (self.last_low == day == self.last_high and self.first_high < day):
            return True
        return not any(
            other is not self and other.sure and other.first_low == day == other.first_high for other in others
        )


def _added_up(
    sought: Sought, amounts: tuple[Amount, ...], matches: list[Match], absent: bool, bounds: Bounds, setting: Setting
) -> Truth:
    """Whether on some day of the window the doses of that day, added up as equivalents, are within the bounds."""
    given = [
        _Given(
            truth is TRUE,
            course.start_low // DAY,
            course.start_high // DAY,
            course.end_low // DAY + _goes_on(record),
            course.end_high // DAY + _goes_on(record),
            _worth(record, sought),
        )
        for course, (record, truth, _) in zip(_courses(sought, matches, setting), matches, strict=True)
    ]
    if len(given) > _MOST_ADDED:
        return UNKNOWN
    possible = not absent
    for day in _telling_days(given, bounds, setting, "planned" in sought.leaf.statuses):
        if last_instant(day) < bounds.low_maybe or first_instant(day) > bounds.high_maybe:
            continue
        sure = [each for each in given if each.surely_on(day, given, absent)]
        perhaps = [each for each in given if each.maybe_on(day, given)]
        least = sum((each.dose for each in sure if each.dose is not None), Fraction(0))
        doses = [each.dose for each in perhaps]
        most = sum((dose for dose in doses if dose is not None), Fraction(0)) if None not in doses else None
        inside = bounds.low_sure <= first_instant(day) and last_instant(day) <= bounds.high_sure
        if sure and inside and all(_sum_holds(least, most if absent else None, bound) for bound in amounts):
            return TRUE
        possible = possible or (bool(perhaps) and all(_sum_may_hold(least, most, bound) for bound in amounts))
    return UNKNOWN if possible else FALSE


def _goes_on(record: EventFact) -> int:
    """One day more for what has not ended on its last day."""
    return int("ongoing" in record.statuses and record.end is None)


def _telling_days(given: Iterable[_Given], bounds: Bounds, setting: Setting, plans: bool) -> list[int]:
    """A day of each stretch in which the sum of the doses does not change, and the days at its edges."""
    edges = {bound // DAY for bound in bounds}
    for each in given:
        edges |= {each.first_low, each.first_high, each.last_low, each.last_high}
    last = LATEST_DAY if plans else setting.day
    return sorted({day + step for day in edges for step in (-1, 0, 1) if day + step <= last})


def equivalent_of(record: EventFact, name: str, catalogue: Catalogue) -> Equivalent | None:
    """What a record's drug is worth in another; None where the catalogue does not say, or what it is is open."""
    treatments = catalogue.events["treatments"]
    found = [treatments[each].equivalents.get(name) for each in sorted(record.related.named)]
    if not found or any(other is None or found[0] is None or other.factor != found[0].factor for other in found):
        return None
    return found[0]


def _worth(record: EventFact, sought: Sought) -> Fraction | None:
    written = record.record
    dose = written.daily_dose if isinstance(written, TreatmentRecord) else None
    number = None if dose is None else milligrams(dose, "mg/d")
    equivalent = equivalent_of(record, sought.leaf.equivalent, sought.catalogue)
    return None if number is None or equivalent is None else number * equivalent.factor


def _sum_holds(least: Fraction, most: Fraction | None, bound: Amount) -> bool:
    if bound.operator in ("at_least", "above"):
        return holds(least, bound.operator, bound.number)
    return most is not None and holds(most, bound.operator, bound.number)


def _sum_may_hold(least: Fraction, most: Fraction | None, bound: Amount) -> bool:
    if bound.operator in ("at_least", "above"):
        return most is None or holds(most, bound.operator, bound.number)
    return holds(least, bound.operator, bound.number)
