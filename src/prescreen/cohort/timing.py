"""When event records were, over columns: their times against a leaf's window and lengths of time (semantics §5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic

from prescreen.catalogue.model import Domain
from prescreen.cohort.algebra import FALSE, TRUE, UNKNOWN, Algebra, E, R, Reading, Spelling
from prescreen.cohort.coding import DATES, LASTING
from prescreen.cohort.windows import Bounds, Calendar
from prescreen.language.model import SCREENING, Event
from prescreen.time import DAY, EARLIEST, HOUR, LATEST, Span, When, parse_when, shift_day

_NO_TIME: Final = Span(0, "days")


@dataclass(frozen=True, slots=True)
class Times(Generic[E]):
    """The instants at which records may have begun and ended."""

    start_low: E
    start_high: E
    end_low: E
    end_high: E


class Timing(Generic[E, R]):
    """The dates of the rows of one table of records, for one leaf or its exceptions."""

    def __init__(self, algebra: Algebra[E, R], calendar: Calendar[E, R], domain: Domain, rows: R) -> None:
        self.algebra = algebra
        self.calendar = calendar
        self.domain: Domain = domain
        self.rows = rows
        self.start, self.end = DATES[domain]
        self.has_start: E = algebra.given(rows, self.start)
        self.has_end: E = algebra.given(rows, self.end)
        self._read: dict[tuple[str, object], E] = {}

    def date(self, column: str, key: object, of: Callable[[When], int]) -> E:
        """A number made of a date; only looked at where there is one."""
        found = self._read.get((column, key))
        if found is None:
            a = self.algebra

            def read(spelling: Spelling) -> int:
                return 0 if spelling[0] is None else of(parse_when(spelling[0]))

            found = self._read[column, key] = a.read(self.rows, Reading((column,), ("date", key), read, truth=False))
        return found

    def low(self, column: str, moved: Span | None = None) -> E:
        return self.date(column, ("low", moved), lambda when: _added(moved, when.low))

    def high(self, column: str, moved: Span | None = None) -> E:
        return self.date(column, ("high", moved), lambda when: _added(moved, when.high))

    def ended(self) -> E:
        """Whether a record has an end, and that lies by the screening day."""
        a = self.algebra
        return a.both(self.has_end, a.at_most(self.high(self.end), a.number(self.calendar.now)))

    def times(self, status: str, momentary: bool, without_end: bool, moved: Span | None = None) -> Times[E]:
        """When records began and ended, had they this status. without_end: had they no end, too.

        moved: each time moved on by a span (its day, or the instant by hours), which keeps their order.
        """
        a, instant = self.algebra, self.calendar.now
        now = a.number(_added(moved, instant))
        earliest, latest = a.number(_added(moved, EARLIEST)), a.number(_added(moved, LATEST))
        lasting = status == LASTING.get(self.domain)
        if status == "planned":
            low = a.where(self.has_start, self.low(self.start, moved), a.number(_added(moved, self.calendar.day * DAY)))
            high = a.where(self.has_start, self.high(self.start, moved), latest)
            if momentary:
                return Times(low, high, low, high)
            return Times(
                low,
                high,
                a.where(self.has_end, self.low(self.end, moved), low),
                a.where(self.has_end, self.high(self.end, moved), latest),
            )
        low = a.where(self.has_start, self.low(self.start, moved), earliest)
        high = a.where(self.has_start, a.least(self.high(self.start, moved), now), now)
        if momentary:
            return Times(low, high, low, high)
        open_low, open_high = (now, now) if lasting else (low, now)
        if without_end:
            return Times(low, high, open_low, open_high)
        end_low, end_high = self.low(self.end, moved), self.high(self.end, moved)
        by_end = high
        if not lasting:
            after = a.negated(a.at_most(self.low(self.end), a.number(instant)))
            by_end = a.where(a.both(a.negated(self.has_start), after), end_high, high)
        by_end = a.least(by_end, end_high)
        return Times(
            low,
            a.where(self.has_end, by_end, high),
            a.where(self.has_end, a.most(a.least(end_low, now), low), open_low),
            a.where(self.has_end, a.least(end_high, now), open_high),
        )

    def in_window(self, leaf: Event, status: str, momentary: bool, without_end: bool, bounds: Bounds[E]) -> E:
        """Whether records lie in the leaf's window, had they this status."""
        a, now = self.algebra, self.algebra.number(self.calendar.now)
        t = self.times(status, momentary or leaf.by_start, without_end)
        false, unknown, true = a.truth(FALSE), a.truth(UNKNOWN), a.truth(TRUE)
        if leaf.window.start is None and leaf.window.end is None:
            truth = true
        else:
            low_sure, high_sure, low_maybe, high_maybe = (
                self.on_rows(bounds, edge) for edge in ("low_sure", "high_sure", "low_maybe", "high_maybe")
            )
            outside = a.negated(
                a.both(
                    a.at_most(low_maybe, high_maybe),
                    a.both(a.at_most(t.start_low, high_maybe), a.at_most(low_maybe, t.end_high)),
                )
            )
            inside = a.both(a.at_most(t.start_high, high_sure), a.at_most(low_sure, t.end_low))
            if not _one_anchor(leaf):
                inside = a.both(inside, a.at_most(low_sure, high_sure))
            truth = a.where(outside, false, a.where(inside, true, unknown))
        if status != "planned":
            # It ends after the screening day, and may begin after it.
            truth = a.where(a.at_most(t.start_high, now), truth, unknown)
        return a.where(a.at_most(t.start_low, t.start_high), truth, false)

    def long_enough(self, leaf: Event, status: str, without_end: bool) -> E:
        """`for_at_least`: since the onset of what lasts, since the end of what is over."""
        a, span = self.algebra, leaf.for_at_least
        if span is None:
            return a.truth(TRUE)
        lasting = status == LASTING.get(self.domain) or self.domain in ("procedures", "allergies")
        column, given = (self.start, self.has_start) if lasting else (self.end, self.has_end)
        if not lasting and without_end:
            given = a.flag(False)
        least = _added(span, EARLIEST)
        low = a.where(given, self.date(column, ("low +", span), lambda w: _added(span, w.low)), a.number(least))
        if not lasting:
            begun = self.date(self.start, ("low +", span), lambda w: _added(span, w.low))
            low = a.where(self.has_start, a.most(low, begun), low)
        now = self.calendar.now
        latest = self.date(column, ("high +", span, now), lambda w: _added(span, min(w.high, now)))
        high = a.where(given, latest, a.number(_added(span, now)))
        hours = span.unit == "hours"
        first = self.anchored(leaf.at, ("first", hours), lambda w: _edge_of(span, w.low), _edge_of(span, EARLIEST))
        last = self.anchored(leaf.at, ("last", hours), lambda w: _edge_of(span, w.high), _edge_of(span, LATEST))
        return a.where(
            a.at_most(high, first),
            a.truth(TRUE),
            a.where(a.at_most(low, last), a.truth(UNKNOWN), a.truth(FALSE)),
        )

    def changed_since(self, leaf: Event, status: str, momentary: bool, without_end: bool) -> E:
        """`stable_for`: whether a record began or ended less than so long before the anchor, and not after its day."""
        a = self.algebra
        at = self.times(status, momentary, without_end)
        moved = self.times(status, momentary, without_end, leaf.for_at_least)
        began = self._less_than_ago(leaf, at.start_low, at.start_high, moved.start_low, moved.start_high)
        if status == LASTING.get(self.domain):
            return began  # it goes on
        ended = self._less_than_ago(leaf, at.end_low, at.end_high, moved.end_low, moved.end_high)
        return a.most(began, ended)

    def _less_than_ago(self, leaf: Event, low: E, high: E, moved_low: E, moved_high: E) -> E:
        """Whether a moment of [low, high], moved on by the leaf's span, lies after the anchor, and itself not after the
        anchor's day."""
        a, span = self.algebra, leaf.for_at_least
        assert span is not None
        key, name = span.unit == "hours", leaf.at
        first = self.anchored(name, ("first", key), lambda w: _edge_of(span, w.low), _edge_of(span, EARLIEST))
        last = self.anchored(name, ("last", key), lambda w: _edge_of(span, w.high), _edge_of(span, LATEST))
        first_day = self.anchored(name, "first day's end", lambda w: _day_end(w.low), _day_end(EARLIEST))
        last_day = self.anchored(name, "last day's end", lambda w: _day_end(w.high), _day_end(LATEST))
        surely = a.both(a.negated(a.at_most(moved_low, last)), a.at_most(high, first_day))
        perhaps = a.both(a.negated(a.at_most(moved_high, first)), a.at_most(low, last_day))
        return a.where(surely, a.truth(TRUE), a.where(perhaps, a.truth(UNKNOWN), a.truth(FALSE)))

    def lasted(self, leaf: Event, status: str, momentary: bool, without_end: bool) -> E:
        """`duration`: the time from the beginning to the end, between days, or in hours between instants."""
        a, truth = self.algebra, self.algebra.truth(TRUE)
        for operator, span in leaf.duration:
            more = int(operator in ("above", "at_most"))
            if momentary:
                reached = surely = a.flag(False)
            else:
                moved = self.times(status, momentary, without_end, span)
                end = self.times(status, momentary, without_end, None if span.unit == "hours" else _NO_TIME)
                reached = a.at_most(a.plus(moved.start_low, a.number(more)), end.end_high)
                surely = a.at_most(a.plus(moved.start_high, a.number(more)), end.end_low)
            one = a.where(surely, a.truth(TRUE), a.where(reached, a.truth(UNKNOWN), a.truth(FALSE)))
            truth = a.least(truth, one if operator in ("at_least", "above") else a.minus(a.truth(TRUE), one))
        return truth

    def anchored(self, name: str, key: object, of: Callable[[When], int], unknown: int) -> E:
        """A number made of the anchor of each row's candidate."""
        day = self.calendar.day
        if name == SCREENING:
            return self.algebra.number(of(When("", day * DAY, day * DAY + DAY - 1)))
        return self.algebra.spread(self.rows, self.calendar.anchor(name, key, of, unknown))

    def on_rows(self, bounds: Bounds[E], edge: str) -> E:
        number: E = getattr(bounds, edge)
        return number if bounds.fixed is not None else self.algebra.spread(self.rows, number)


def _one_anchor(leaf: Event) -> bool:
    """Whether a window cannot turn out empty: with both ends on one anchor, it opens before it closes."""
    start, end = leaf.window.start, leaf.window.end
    return start is None or end is None or start.anchor == end.anchor


def _added(span: Span | None, instant: int) -> int:
    """An instant moved on by hours, or the day so long after its day; by nothing, the instant itself."""
    if span is None:
        return instant
    return instant + span.number * HOUR if span.unit == "hours" else shift_day(instant // DAY, span, 1)


def _day_end(instant: int) -> int:
    return instant // DAY * DAY + DAY - 1


def _edge_of(span: Span, instant: int) -> int:
    return instant if span.unit == "hours" else instant // DAY
