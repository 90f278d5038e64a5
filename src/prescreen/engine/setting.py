"""One evaluation: a candidate's facts seen on a screening day, and the windows of that day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from prescreen.candidate.facts import EventFact, Facts, Result
from prescreen.language.model import SCREENING, Event, Moment, Observation, Window
from prescreen.memory import keep
from prescreen.ranges import Ranges
from prescreen.time import EARLIEST, HOUR, LATEST, Span, When, first_instant, last_instant, shift_day
from prescreen.truth import Truth


class Bounds(NamedTuple):
    """A window as instants. Between `low_sure` and `high_sure` a fact is in it whatever the open anchors are;
    outside `low_maybe` to `high_maybe` it is not, whatever they are."""

    low_sure: int
    high_sure: int
    low_maybe: int
    high_maybe: int


def surely_inside(result: Result, bounds: Bounds, now: int) -> bool:
    """Whether a result lies in a window whatever its open date and the open anchors are."""
    return result.low >= bounds.low_sure and min(result.high, now) <= bounds.high_sure


HORIZON: Final = Span(10, "years")

FreeKey = tuple[str, Window, object]


def free_key(leaf: Observation) -> FreeKey:
    """What leaves that have no result share: code, window and select (semantics §1), and what else they ask of it."""
    if leaf.changes or leaf.without is not None:
        return (leaf.code, leaf.window, (leaf.select, leaf.changes, leaf.without))
    return (leaf.code, leaf.window, leaf.select)


class Windows:
    """The windows of a trial by number, and their instants on one screening day, computed when first asked for (None:
    not yet, or they depend on anchors).

    numbers: of each window of the trial's leaves, by the object's identity; its hash is slow. horizon: the last day
    to which changes are looked for, ten years on.
    """

    __slots__ = ("_day", "_numbers", "bounds", "horizon")

    def __init__(self, numbers: dict[int, int], day: int) -> None:
        self._numbers = numbers
        self._day = day
        self.horizon = shift_day(day, HORIZON, 1)
        self.bounds: list[Bounds | None] = [None] * len(numbers)

    def of(self, window: Window) -> Bounds | None:
        number = self._numbers.get(id(window))
        if number is None:
            return None
        bounds = self.bounds[number]
        if bounds is None and depends_on_day_only(window):
            bounds = self.bounds[number] = window_bounds(window, self._day, {})
        return bounds


class Found:
    """What a leaf found: its truth, and what the kinds of leaves add to it.

    constant: where no record of the candidate's is in it, what tells one such finding from another. conflict: records
    contradict each other. approximate: the truth is sound, but a closer look might decide. wanted: the names of what an
    undecided leaf waits for, once they have been asked for.
    """

    __slots__ = ("approximate", "conflict", "constant", "truth", "wanted")

    def __init__(
        self,
        truth: Truth,
        constant: tuple[object, ...] | None = None,
        conflict: bool = False,
        approximate: bool = False,
    ) -> None:
        self.truth = truth
        self.constant = constant
        self.conflict = conflict
        self.approximate = approximate
        self.wanted: tuple[str, ...] | None = None


class Setting:
    """Facts, day and site ranges of one evaluation.

    found: memory of what each leaf found, by the leaf's number. free: results supposed for leaves that have none;
    forced: truths supposed for existence leaves (both only while cases are told apart, see `engine.cases`). anchored:
    the instants of windows that hang on anchors alone, by the identity of each; they are the same on any day. touching:
    the records that an existence leaf has to look at, by its identity; the same on any day, too.
    """

    __slots__ = ("anchored", "day", "facts", "forced", "found", "free", "now", "ranges", "touching", "windows")

    def __init__(self, facts: Facts, day: int, ranges: Ranges | None, leaves: int, windows: Windows) -> None:
        self.facts = facts
        self.day = day
        self.now = last_instant(day)
        self.ranges = ranges
        self.found: list[Found | None] = [None] * leaves
        self.free: Mapping[FreeKey, Result] | None = None
        self.forced: Mapping[Event, Truth] | None = None
        self.windows = windows
        self.anchored: dict[int, Bounds] = {}
        self.touching: dict[int, list[EventFact]] = {}

    def supposing(
        self,
        facts: Facts | None = None,
        free: Mapping[FreeKey, Result] | None = None,
        forced: Mapping[Event, Truth] | None = None,
    ) -> Setting:
        """The same evaluation with something supposed; what leaves found is forgotten."""
        twin = Setting(facts or self.facts, self.day, self.ranges, len(self.found), self.windows)
        twin.free = free if free is not None else self.free
        twin.forced = forced if forced is not None else self.forced
        twin.touching = self.touching
        return twin

    def on(self, day: int, windows: Windows) -> Setting:
        """The evaluation of the same facts on another day, nothing supposed."""
        twin = Setting(self.facts, day, self.ranges, len(self.found), windows)
        twin.anchored, twin.touching = self.anchored, self.touching
        return twin

    def as_found(self) -> Setting:
        """The same evaluation with a memory of its own of what leaves found, to be changed."""
        twin = Setting(self.facts, self.day, self.ranges, 0, self.windows)
        twin.found = list(self.found)
        twin.free, twin.forced = self.free, self.forced
        return twin

    def bounds(self, window: Window) -> Bounds:
        """A window's instants, in the light of the candidate's anchors."""
        known = self.windows.of(window) or self.anchored.get(id(window))
        if known is None:
            known = window_bounds(window, self.day, self.facts.anchors)
            if not hangs_on_day(window):
                self.anchored[id(window)] = known
        return known

    def anchor(self, name: str) -> When | None:
        """The days that an anchor may be; None when it is not given at all."""
        if name == SCREENING:
            return day_when(self.day)
        return self.facts.anchors.get(name)


_DAYS: Final[dict[int, When]] = {}
_MOST_DAYS: Final = 4096


def day_when(day: int) -> When:
    """A day as the screening day's anchor."""
    when = _DAYS.get(day)
    if when is None:
        when = keep(_DAYS, day, When("screening", first_instant(day), last_instant(day)), _MOST_DAYS)
    return when


def depends_on_day_only(window: Window) -> bool:
    start, end = window.start, window.end
    return (start is None or start.anchor == SCREENING) and (end is None or end.anchor == SCREENING)


def hangs_on_day(window: Window) -> bool:
    """Whether an end of a window moves with the screening day."""
    start, end = window.start, window.end
    return (start is not None and start.anchor == SCREENING) or (end is not None and end.anchor == SCREENING)


def only_moves_on(window: Window) -> bool:
    """Whether a window runs up to the screening day from so many days, weeks, months or years before: what it has left
    behind never comes back."""
    start, end = window.start, window.end
    return (
        start is not None
        and start.anchor == SCREENING
        and start.span is not None
        and start.sign < 0
        and start.span.unit != "hours"
        and (end is None or (end.anchor == SCREENING and end.span is None))
    )


def window_bounds(window: Window, day: int, anchors: Mapping[str, When]) -> Bounds:
    """The instants of a window on a screening day; an anchor that is not given may be any day."""
    low_maybe, low_sure = (EARLIEST, EARLIEST) if window.start is None else _start(window.start, day, anchors)
    high_sure, high_maybe = (LATEST, LATEST) if window.end is None else _end(window.end, day, anchors)
    return Bounds(low_sure, high_sure, low_maybe, high_maybe)


def _anchor(moment: Moment, day: int, anchors: Mapping[str, When]) -> When | None:
    return day_when(day) if moment.anchor == SCREENING else anchors.get(moment.anchor)


def _start(moment: Moment, day: int, anchors: Mapping[str, When]) -> tuple[int, int]:
    """The earliest and the latest instant at which the window may begin."""
    anchor = _anchor(moment, day, anchors)
    if anchor is None:
        return EARLIEST, LATEST
    span = moment.span
    if span is None:
        return first_instant(anchor.first_day), first_instant(anchor.last_day)
    if span.unit == "hours":
        shift = moment.sign * span.number * HOUR
        return anchor.low + shift, anchor.high + shift
    return (
        first_instant(shift_day(anchor.first_day, span, moment.sign)),
        first_instant(shift_day(anchor.last_day, span, moment.sign)),
    )


def _end(moment: Moment, day: int, anchors: Mapping[str, When]) -> tuple[int, int]:
    """The earliest and the latest instant at which the window may end."""
    anchor = _anchor(moment, day, anchors)
    if anchor is None:
        return EARLIEST - 1, LATEST
    span = moment.span
    if span is None:
        return last_instant(anchor.first_day), last_instant(anchor.last_day)
    if span.unit == "hours":
        shift = moment.sign * span.number * HOUR
        return anchor.low + shift, anchor.high + shift
    return (
        last_instant(shift_day(anchor.first_day, span, moment.sign)),
        last_instant(shift_day(anchor.last_day, span, moment.sign)),
    )
