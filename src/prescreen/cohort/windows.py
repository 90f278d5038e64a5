"""Windows over columns: their instants on the screening day, the same for all or by each candidate's anchors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic

from prescreen.cohort.algebra import Algebra, E, R, Reading, Spelling
from prescreen.language.model import SCREENING, Age, Condition, Event, Moment, Observation, Window
from prescreen.time import DAY, EARLIEST, HOUR, LATEST, When, parse_when, shift_day

# Instants that no date has, for the least and the most of nothing.
BEFORE_ALL: Final = EARLIEST - 2
AFTER_ALL: Final = LATEST + 2


@dataclass(frozen=True, slots=True)
class Bounds(Generic[E]):
    """A window as instants: in it for sure between `low_sure` and `high_sure`, and not outside `low_maybe` to
    `high_maybe`, whatever open anchors are. fixed: they are the same for all candidates."""

    low_sure: E
    high_sure: E
    low_maybe: E
    high_maybe: E
    fixed: tuple[int, int] | None


class Supposed(Generic[E, R]):
    """What is taken to be so where it is not given. day: that of anchors, the last on which one of some records began,
    and for whom there is none, the same for all; records: their rows, and the column of their day. sex: of persons."""

    def __init__(self, algebra: Algebra[E, R], day: int, sex: str, records: Sequence[tuple[R, str]] = ()) -> None:
        self.algebra = algebra
        self.day = day
        self.sex = sex
        self.records = records

    def number(self, key: object, of: Callable[[When], int]) -> E:
        """A number made of that day; the later the day, the greater it is (or the same)."""
        a = self.algebra
        least = BEFORE_ALL - 1

        def began(spelling: Spelling) -> int:
            return least if spelling[0] is None else of(whole_day(parse_when(spelling[0]).first_day))

        found = a.number(least)
        for rows, column in self.records:
            numbers = a.read(rows, Reading((column,), ("supposed", key), began, truth=False))
            found = a.most(found, a.largest(rows, a.flag(True), numbers, least))
        return a.where(a.same(found, a.number(least)), a.number(of(whole_day(self.day))), found)


class Calendar(Generic[E, R]):
    """The screening day, and what windows come to on it. supposed: what is taken to be so where it is not given;
    None: nothing is."""

    def __init__(self, algebra: Algebra[E, R], day: int, supposed: Supposed[E, R] | None = None) -> None:
        self.algebra = algebra
        self.supposed = supposed
        self.day = day
        self.now = day * DAY + DAY - 1
        self._windows: dict[Window, Bounds[E]] = {}
        self._anchors: dict[tuple[str, object], E] = {}
        self._open: dict[str, E] = {}
        self._missing: dict[str, E] = {}

    def bounds(self, window: Window) -> Bounds[E]:
        found = self._windows.get(window)
        if found is None:
            found = self._windows[window] = self._bounds(window)
        return found

    def _bounds(self, window: Window) -> Bounds[E]:
        a = self.algebra
        start, end = window.start, window.end
        low = (EARLIEST, EARLIEST) if start is None else self._screened(start, _begins)
        high = (LATEST, LATEST) if end is None else self._screened(end, _ends)
        if low is not None and high is not None:
            return Bounds(a.number(low[1]), a.number(high[0]), a.number(low[0]), a.number(high[1]), (low[0], high[1]))
        lows = (a.number(low[0]), a.number(low[1])) if low else self._anchored(start, _begins, (EARLIEST, LATEST))
        highs = (a.number(high[0]), a.number(high[1])) if high else self._anchored(end, _ends, (EARLIEST - 1, LATEST))
        return Bounds(lows[1], highs[0], lows[0], highs[1], None)

    def _screened(self, moment: Moment, edge: Edge) -> tuple[int, int] | None:
        """The edge that a moment of the screening day makes; None for another anchor."""
        if moment.anchor != SCREENING:
            return None
        return edge(whole_day(self.day), moment)

    def _anchored(self, moment: Moment | None, edge: Edge, unknown: tuple[int, int]) -> tuple[E, E]:
        """The earliest and the latest instant of an edge by each candidate's own anchor."""
        assert moment is not None
        key = (moment.sign, moment.span, edge)  # the same for all anchors
        return (
            self.anchor(moment.anchor, (*key, 0), lambda when: edge(when, moment)[0], unknown[0]),
            self.anchor(moment.anchor, (*key, 1), lambda when: edge(when, moment)[1], unknown[1]),
        )

    def anchor(self, name: str, key: object, of: Callable[[When], int], unknown: int) -> E:
        """A number made of each candidate's anchor; `unknown` where it is not given."""
        known = self._anchors.get((name, key))
        if known is not None:
            return known
        a, rows = self.algebra, self.algebra.anchors(name)

        def read(spelling: Spelling) -> int:
            return unknown if spelling[0] is None else of(parse_when(spelling[0]))

        value = a.read(rows, Reading(("date",), ("anchor", key), read, truth=False))
        found = a.largest(rows, a.flag(True), value, unknown)
        if self.supposed is not None:
            given = a.exists(rows, a.flag(True))
            found = a.where(given, found, self.supposed.number(key, of))
        self._anchors[name, key] = found
        return found

    def anchor_open(self, name: str) -> E:
        """Whether an anchor is not known to the day."""
        a = self.algebra
        if name == SCREENING:
            return a.flag(False)
        found = self._open.get(name)
        if found is None:
            one_day = self.anchor(name, "one day", lambda when: int(when.is_one_day), 0)
            found = self._open[name] = a.negated(a.same(one_day, a.number(1)))
        return found

    def anchor_missing(self, name: str) -> E:
        """Whether an anchor is not given at all."""
        found = self._missing.get(name)
        if found is None:
            a = self.algebra
            found = self._missing[name] = a.same(self.anchor(name, "given", lambda _: 1, 0), a.number(0))
        return found


def anchors_of(leaf: Condition) -> tuple[str, ...]:
    """The anchors that a leaf hangs on, those of its exceptions included, the screening day apart."""
    match leaf:
        case Age(anchor=anchor):
            names = [anchor]
        case Observation(window=window):
            names = _named_in(window)
        case Event(window=window, at=at, excepted=excepted):
            names = [*_named_in(window), at, *(name for event in excepted for name in anchors_of(event))]
        case _:
            names = []
    return tuple(name for name in dict.fromkeys(names) if name != SCREENING)


def _named_in(window: Window) -> list[str]:
    return [end.anchor for end in (window.start, window.end) if end is not None]


def opening(text: str | None, moment: Moment) -> int:
    """The first instant of a window before a sample of a date, as early as that may be."""
    return EARLIEST - 1 if text is None else _begins(parse_when(text), moment)[0]


def whole_day(day: int) -> When:
    return When("", day * DAY, day * DAY + DAY - 1)


Edge = Callable[[When, Moment], tuple[int, int]]
"""The earliest and the latest instant at which a window opens or closes, by the days that its anchor may be."""


def _begins(anchor: When, moment: Moment) -> tuple[int, int]:
    return _edge(anchor, moment, 0)


def _ends(anchor: When, moment: Moment) -> tuple[int, int]:
    return _edge(anchor, moment, DAY - 1)


def _edge(anchor: When, moment: Moment, of_day: int) -> tuple[int, int]:
    span = moment.span
    if span is None:
        return anchor.first_day * DAY + of_day, anchor.last_day * DAY + of_day
    if span.unit == "hours":
        shift = moment.sign * span.number * HOUR
        return anchor.low + shift, anchor.high + shift
    first = shift_day(anchor.first_day, span, moment.sign)
    last = first if anchor.is_one_day else shift_day(anchor.last_day, span, moment.sign)
    return first * DAY + of_day, last * DAY + of_day
