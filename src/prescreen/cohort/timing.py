"""When event records were, over columns: their times against a leaf's window and lengths of time (semantics §5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from prescreen.catalogue.model import Domain
from prescreen.cohort.algebra import FALSE, TRUE, UNKNOWN, Algebra, E, R, Reading, Spelling
from prescreen.cohort.coding import DATES, LASTING
from prescreen.cohort.windows import Bounds, Calendar
from prescreen.language.model import SCREENING, Event
from prescreen.time import DAY, EARLIEST, HOUR, LATEST, Span, When, parse_when, shift_day


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
        self.has_start = self.given(self.start)
        self.has_end = self.given(self.end)
        self._read: dict[tuple[str, object], E] = {}

    def given(self, column: str) -> E:
        """Whether a date is written."""
        a = self.algebra
        reading = Reading((column,), "given", lambda s: FALSE if s[0] is None else TRUE)
        return a.same(a.read(self.rows, reading), a.truth(TRUE))

    def date(self, column: str, key: object, of: Callable[[When], int]) -> E:
        """A number made of a date; only looked at where there is one."""
        found = self._read.get((column, key))
        if found is None:
            a = self.algebra

            def read(spelling: Spelling) -> int:
                return 0 if spelling[0] is None else of(parse_when(spelling[0]))

            found = self._read[column, key] = a.read(self.rows, Reading((column,), ("date", key), read, truth=False))
        return found

    def low(self, column: str) -> E:
        return self.date(column, "low", lambda when: when.low)

    def high(self, column: str) -> E:
        return self.date(column, "high", lambda when: when.high)

    def ended(self) -> E:
        """Whether a record has an end, and that lies by the screening day."""
        a = self.algebra
        return a.both(self.has_end, a.at_most(self.high(self.end), a.number(self.calendar.now)))

    def times(self, status: str, momentary: bool, without_end: bool) -> Times[E]:
        """When records began and ended, had they this status. without_end: had they no end, too."""
        a, now = self.algebra, self.algebra.number(self.calendar.now)
        lasting = status == LASTING.get(self.domain)
        if status == "planned":
            low = a.where(self.has_start, self.low(self.start), a.number(self.calendar.day * DAY))
            high = a.where(self.has_start, self.high(self.start), a.number(LATEST))
            if momentary:
                return Times(low, high, low, high)
            return Times(
                low,
                high,
                a.where(self.has_end, self.low(self.end), low),
                a.where(self.has_end, self.high(self.end), a.number(LATEST)),
            )
        low = a.where(self.has_start, self.low(self.start), a.number(EARLIEST))
        high = a.where(self.has_start, a.least(self.high(self.start), now), now)
        if momentary:
            return Times(low, high, low, high)
        open_low, open_high = (now, now) if lasting else (low, now)
        if without_end:
            return Times(low, high, open_low, open_high)
        end_low, end_high = self.low(self.end), self.high(self.end)
        by_end = high
        if not lasting:
            later = a.both(a.negated(self.has_start), a.negated(a.at_most(end_low, now)))
            by_end = a.where(later, end_high, high)
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
        first = self.anchored(leaf.at, ("first", span.unit), lambda w: _edge_of(span, w.low), _edge_of(span, EARLIEST))
        last = self.anchored(leaf.at, ("last", span.unit), lambda w: _edge_of(span, w.high), _edge_of(span, LATEST))
        return a.where(
            a.at_most(high, first),
            a.truth(TRUE),
            a.where(a.at_most(low, last), a.truth(UNKNOWN), a.truth(FALSE)),
        )

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


def _added(span: Span, instant: int) -> int:
    """An instant moved on by hours, or the day so long after its day."""
    return instant + span.number * HOUR if span.unit == "hours" else shift_day(instant // DAY, span, 1)


def _edge_of(span: Span, instant: int) -> int:
    return instant if span.unit == "hours" else instant // DAY
