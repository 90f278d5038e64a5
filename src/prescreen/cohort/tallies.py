"""Existence leaves over several records together, over columns: distinct concepts, lines of treatment, doses added up.

Bounds decide nearly everybody: what one record comes to by itself, and what all would come to on one day. What lies
between them is for the direct evaluator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from math import ceil, floor
from typing import TYPE_CHECKING, Final, Generic

from prescreen.candidate.facts import STATUSES
from prescreen.cohort.algebra import FALLBACK, FALSE, TRUE, UNKNOWN, E, R, Reading, Spelling
from prescreen.cohort.coding import CODE, LASTING, Wanted, holds, words_of
from prescreen.cohort.timing import Timing
from prescreen.cohort.windows import Bounds
from prescreen.language.model import Amount, Event, Operator
from prescreen.time import DAY, LATEST_DAY

if TYPE_CHECKING:
    from prescreen.cohort.events import Events

_MOST_ADDED: Final = 60  # records; of more, the direct evaluator does not tell days apart
_MICRO: Final = 1_000_000
_MUCH: Final = 1 << 40
_UPWARD: Final = frozenset({"at_least", "above"})


@dataclass(frozen=True, slots=True)
class Records(Generic[E, R]):
    """The records that are or may be what is asked for, and the truth of each. absent: whether nothing else can be."""

    rows: R
    truth: E
    absent: E


def counted(events: Events[E, R], leaf: Event) -> E:
    """`count`: how many of the codes have a record, between those that surely and those that may have."""
    a = events.algebra
    each = [events.leaf(replace(leaf, codes=(code,), count=())).code for code in leaf.codes]
    one, zero = a.number(1), a.number(0)

    def number(*truths: int) -> E:
        held = [reduce(a.either, [a.same(code, a.truth(truth)) for truth in truths]) for code in each]
        return reduce(a.plus, [a.where(holds, one, zero) for holds in held], zero)

    sure, perhaps, left = number(TRUE), number(TRUE, UNKNOWN), number(FALLBACK)
    most = a.plus(perhaps, left)
    return _conjoined(
        events,
        [_within(events, sure, a.plus(sure, left), perhaps, most, operator, bound) for operator, bound in leaf.count],
    )


def lines(events: Events[E, R], leaf: Event, found: Records[E, R]) -> E:
    """`lines`: how many courses there were of which no two overlap: of one record, one."""
    a = events.algebra
    sure = _number(events, found.rows, a.same(found.truth, a.truth(TRUE)))
    all_ = _number(events, found.rows, a.negated(a.same(found.truth, a.truth(FALSE))))
    endless = a.number(_MUCH)
    least, most = a.least(sure, a.number(1)), a.where(found.absent, all_, endless)
    fewest = a.where(found.absent, a.least(all_, a.number(1)), endless)
    return _conjoined(events, [_within(events, least, sure, fewest, most, operator, bound)
                               for operator, bound in leaf.lines])  # fmt: skip


def _number(events: Events[E, R], rows: R, condition: E) -> E:
    return events.algebra.total(rows, condition, events.algebra.number(1))


def _within(
    events: Events[E, R], least_low: E, least_high: E, most_low: E, most_high: E, operator: Operator, bound: int
) -> E:
    """Whether a number between a least and a most, each known between two bounds itself, is within a bound."""
    a = events.algebra
    upward = operator in _UPWARD
    # At least so many, or not more than one less.
    needed = a.number(bound + (operator in ("above", "at_most")))
    surely, never = a.at_most(needed, least_low), a.negated(a.at_most(needed, most_high))
    open_ = a.both(a.negated(a.at_most(needed, least_high)), a.at_most(needed, most_low))
    if_so, if_not = (TRUE, FALSE) if upward else (FALSE, TRUE)
    return a.where(surely, a.truth(if_so), a.where(never, a.truth(if_not), a.where(open_, a.truth(UNKNOWN),
                                                                                    a.truth(FALLBACK))))  # fmt: skip


def _conjoined(events: Events[E, R], truths: list[E]) -> E:
    """All of some truths; FALLBACK where one is, and none is false."""
    a = events.algebra
    if len(truths) == 1:
        return truths[0]
    false = reduce(a.either, [a.same(truth, a.truth(FALSE)) for truth in truths])
    open_ = reduce(a.either, [a.same(truth, a.truth(FALLBACK)) for truth in truths])
    return a.where(false, a.truth(FALSE), a.where(open_, a.truth(FALLBACK), reduce(a.least, truths)))


# --- daily doses in equivalents -----------------------------------------------------------------------


def added_up(events: Events[E, R], leaf: Event, wanted: Wanted, found: Records[E, R], bounds: Bounds[E]) -> E:
    """Whether on some day of the window the doses of that day, added up, are within the bounds."""
    a, domain, rows = events.algebra, leaf.domain, found.rows
    matched = a.negated(a.same(found.truth, a.truth(FALSE)))
    some = a.exists(rows, matched)
    nothing = a.where(found.absent, a.truth(FALSE), a.truth(UNKNOWN))
    if any(amount.operator not in _UPWARD for amount in leaf.daily_dose):
        return a.where(some, a.truth(FALLBACK), nothing)
    columns = tuple(name for name in (*CODE, "daily_dose_value", "daily_dose_unit") if name in a.columns(domain))

    def read(key: str, of: Callable[[Spelling], int], *, truth: bool) -> E:
        return a.read(rows, Reading(columns, (key, leaf.equivalent, leaf.daily_dose), of, truth=truth))

    def alone(spelling: Spelling) -> int:
        """Whether a record's own dose is within the bounds."""
        dose = wanted.equivalent(words_of(spelling, columns, domain))
        return UNKNOWN if dose is None else TRUE if all(holds(dose, amount) for amount in leaf.daily_dose) else FALSE

    def rounded_up(spelling: Spelling) -> int:
        dose = wanted.equivalent(words_of(spelling, columns, domain))
        return 0 if dose is None else min(_MUCH, ceil(dose * _MICRO))

    by_itself = read("alone within", alone, truth=True)
    dose = read("dose rounded up", rounded_up, truth=False)
    sure = a.both(matched, a.same(found.truth, a.truth(TRUE)))
    days = _days(events, wanted, rows)
    true = a.exists(rows, a.both(a.both(sure, a.same(by_itself, a.truth(TRUE))), days.surely(bounds)))
    too_little = a.number(max(map(_too_little, leaf.daily_dose)))
    known = a.negated(a.exists(rows, a.both(matched, a.same(by_itself, a.truth(UNKNOWN)))))
    false = a.both(a.both(found.absent, known), a.at_most(a.total(rows, matched, dose), too_little))
    never_true = a.either(a.at_most(a.total(rows, sure, dose), too_little), days.no_sure_day(bounds))
    might = a.both(a.both(matched, a.negated(a.same(by_itself, a.truth(FALSE)))), days.perhaps(bounds))
    possible = a.either(a.negated(found.absent), a.exists(rows, might))
    code = a.where(true, a.truth(TRUE), a.where(false, a.truth(FALSE),
                   a.where(a.both(never_true, possible), a.truth(UNKNOWN), a.truth(FALLBACK))))  # fmt: skip
    code = a.where(a.at_most(_number(events, rows, matched), a.number(_MOST_ADDED)), code, a.truth(FALLBACK))
    return a.where(some, code, nothing)


def _too_little(amount: Amount) -> int:
    """The most that is not within a bound from below, in millionths."""
    number = amount.number * _MICRO
    return floor(number) if amount.operator == "above" else ceil(number) - 1


@dataclass(frozen=True, slots=True)
class _Days(Generic[E, R]):
    """The days between which records may have begun and ended, on which the sum of doses has them; those on which they
    may give way to what begins on the day left out."""

    events: Events[E, R]
    rows: R
    last: int
    first_low: E
    first_high: E
    last_sure: E
    last_perhaps: E

    def surely(self, bounds: Bounds[E]) -> E:
        """Whether a record surely counts on a day that is surely in the window."""
        a = self.events.algebra
        low, high = (self._on_rows(bounds, edge) for edge in ("low_sure", "high_sure"))
        begins = a.times(self.first_high, DAY)
        ends = a.plus(a.times(a.least(self.last_sure, a.number(self.last)), DAY), a.number(DAY - 1))
        # A whole day from the later of the beginnings to the earlier of the ends.
        whole = a.at_most(a.plus(a.most(begins, low), a.number(2 * DAY)), a.least(ends, high))
        there = a.at_most(begins, a.minus(ends, a.number(DAY - 1)))
        inside = a.both(a.at_most(low, begins), a.at_most(a.plus(begins, a.number(DAY - 1)), high))
        return a.both(there, a.either(whole, inside))

    def perhaps(self, bounds: Bounds[E]) -> E:
        """Whether a record may count on a day that may be in the window."""
        a = self.events.algebra
        low, high = (self._on_rows(bounds, edge) for edge in ("low_maybe", "high_maybe"))
        begins = a.times(self.first_low, DAY)
        ends = a.plus(a.times(a.least(self.last_perhaps, a.number(self.last)), DAY), a.number(DAY - 1))
        in_window = a.both(a.at_most(begins, high), a.at_most(low, ends))
        return a.both(in_window, a.both(a.at_most(begins, ends), a.at_most(low, high)))

    def no_sure_day(self, bounds: Bounds[E]) -> E:
        """Whether no whole day is surely in the window."""
        a = self.events.algebra
        return a.negated(a.at_most(a.plus(bounds.low_sure, a.number(DAY - 1)), bounds.high_sure))

    def _on_rows(self, bounds: Bounds[E], edge: str) -> E:
        number: E = getattr(bounds, edge)
        return number if bounds.fixed is not None else self.events.algebra.spread(self.rows, number)


def _days(events: Events[E, R], wanted: Wanted, rows: R) -> _Days[E, R]:
    a, leaf = events.algebra, wanted.leaf
    timing = Timing(a, events.calendar, leaf.domain, rows)
    contradictory = events.contradictory(timing, rows)
    edges: list[E | None] = [None, None, None, None]
    for status in sorted(leaf.statuses or STATUSES[leaf.domain]):
        may_be = events.may_be(rows, leaf.domain, status)
        for applies, without_end in ((may_be, False), (a.both(may_be, contradictory), True)):
            times = timing.times(status, wanted.momentary, without_end)
            for place, edge in enumerate((times.start_low, times.start_high, times.end_low, times.end_high)):
                if place % 2 == 0:
                    mine, join = a.where(applies, edge, a.number(LATEST_DAY * DAY)), a.least
                else:
                    mine, join = a.where(applies, edge, a.number(0)), a.most
                known = edges[place]
                edges[place] = mine if known is None else join(known, mine)
    days = [a.divided(edge, DAY) for edge in edges if edge is not None]
    first_low, first_high, last_low, last_high = days
    ongoing = events.may_be(rows, leaf.domain, LASTING.get(leaf.domain, ""))
    more = a.where(a.both(ongoing, a.negated(timing.has_end)), a.number(1), a.number(0))
    last_low, last_high = a.plus(last_low, more), a.plus(last_high, more)
    # What ends on a day gives way to what begins on it, unless it began on it itself.
    one_day = a.same(first_low, last_low)
    last_sure = a.where(one_day, last_low, a.minus(last_low, a.number(1)))
    gives_way = a.both(a.same(last_low, last_high), a.negated(a.at_most(last_high, first_high)))
    last_perhaps = a.where(gives_way, a.minus(last_high, a.number(1)), last_high)
    last = LATEST_DAY if "planned" in leaf.statuses else events.calendar.day
    return _Days(events, rows, last, first_low, first_high, last_sure, last_perhaps)
