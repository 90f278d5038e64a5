"""`fall` and `rise`: a result against an earlier one, both as sets of possibilities."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from prescreen.candidate.facts import Result
from prescreen.catalogue import ObservationConcept
from prescreen.engine.derive import derive
from prescreen.engine.setting import Bounds, Setting
from prescreen.language.model import Change, ChangeBound
from prescreen.quantities import Magnitude, compare
from prescreen.quantities.magnitude import SAFE
from prescreen.time import DAY, EARLIEST, HOUR, first_instant, shift_day
from prescreen.truth import FALSE, TRUE, UNKNOWN, Truth, agreement, conjunction

_ZERO: Final = Magnitude.of(0)


class Earlier:
    """The results that are or may be earlier than another and within reach; `sure`: those that surely are."""

    __slots__ = ("every", "sure")

    def __init__(self, every: tuple[Result, ...], sure: tuple[Result, ...]) -> None:
        self.every = every
        self.sure = sure


class _Span:
    """The values that something may have; None: unbounded."""

    __slots__ = ("high", "high_open", "low", "low_open")

    def __init__(
        self, low: Magnitude | None, high: Magnitude | None, low_open: bool = False, high_open: bool = False
    ) -> None:
        self.low = low
        self.high = high
        self.low_open = low_open
        self.high_open = high_open


def changed(result: Result, changes: tuple[Change, ...], setting: Setting) -> Truth:
    """Whether a result lies as far below or above an earlier one as is asked; unknown where none is on file."""
    return conjunction([_one(result, change, setting) for change in changes])


def earlier_than(result: Result, change: Change, setting: Setting) -> Earlier:
    """The earlier results that a change is measured from: reported ones, derived ones where there are none."""
    window = _before(result, change, setting)
    concept = result.concept
    every: list[Result] = []
    sure: list[Result] = []
    for other in setting.facts.results.get(concept.name, ()):
        if other.index != result.index and _may_lie(other, window, setting):
            every.append(other)
            if _surely_lies(other, window, setting):
                sure.append(other)
    if concept.formula is not None and not sure:
        made = derive(concept, window, setting)
        derived = [other for other in made.results if other.index != result.index and _may_lie(other, window, setting)]
        if derived and not every and made.sure:
            sure = [other for other in derived if _surely_lies(other, window, setting)]
        every += derived
    return Earlier(tuple(every), tuple(sure))


def _before(result: Result, change: Change, setting: Setting) -> Bounds:
    """The time before a result from which the earlier ones are."""
    low, high = result.low, min(result.high, setting.now)
    if change.over is None:
        return Bounds(EARLIEST, low - 1, EARLIEST, high - 1)
    if change.over.unit == "hours":
        length = change.over.number * HOUR
        return Bounds(high - length, low - 1, low - length, high - 1)
    first, last = (first_instant(shift_day(moment // DAY, change.over, -1)) for moment in (low, high))
    return Bounds(last, low - 1, first, high - 1)


def _may_lie(result: Result, window: Bounds, setting: Setting) -> bool:
    return result.low <= min(window.high_maybe, setting.now) and result.high >= window.low_maybe


def _surely_lies(result: Result, window: Bounds, setting: Setting) -> bool:
    return result.low >= window.low_sure and min(result.high, setting.now) <= window.high_sure


def _one(result: Result, change: Change, setting: Setting) -> Truth:
    earlier = earlier_than(result, change, setting)
    if not earlier.sure or result.problem is not None:
        return UNKNOWN
    own = _Span(result.value_low, result.value_high, result.low_open, result.high_open)
    return agreement([_compared(own, base, change) for base in _bases(earlier, change, setting)])


def _bases(earlier: Earlier, change: Change, setting: Setting) -> list[_Span]:
    """What the earlier value may be: of each result that may be the one, or between the bounds of the extreme one."""
    match change.base:
        case "latest":
            newest = max(other.low for other in earlier.sure)
            return [_values(other) for other in earlier.every if min(other.high, setting.now) >= newest]
        case "first":
            oldest = min(min(other.high, setting.now) for other in earlier.sure)
            return [_values(other) for other in earlier.every if other.low <= oldest]
        case "highest":
            return [_extreme(earlier, 1)]
        case "lowest":
            return [_extreme(earlier, -1)]


def _values(result: Result) -> _Span:
    if result.problem is not None:
        return _Span(_least(result.concept), None)
    return _Span(result.value_low, result.value_high, result.low_open, result.high_open)


def _least(concept: ObservationConcept) -> Magnitude | None:
    return None if concept.analyte is not None and concept.analyte.may_be_negative else _ZERO


def _extreme(earlier: Earlier, sign: int) -> _Span:
    """The bounds of the highest (sign 1) or lowest (-1) value: its near end is that of the results that are surely
    there, its far end that of all that may be."""
    near, near_open = _furthest([_end(_values(other), -sign) for other in earlier.sure], sign)
    far, far_open = _furthest([_end(_values(other), sign) for other in earlier.every], sign)
    if any(_end(_values(other), sign)[0] is None for other in earlier.every):
        far, far_open = None, False
    return _Span(near, far, near_open, far_open) if sign == 1 else _Span(far, near, far_open, near_open)


def _end(values: _Span, sign: int) -> tuple[Magnitude | None, bool]:
    return (values.high, values.high_open) if sign == 1 else (values.low, values.low_open)


def _furthest(ends: list[tuple[Magnitude | None, bool]], sign: int) -> tuple[Magnitude | None, bool]:
    """Of the known ends the greatest (sign 1) or least (-1); closed where one of those is."""
    best: Magnitude | None = None
    best_open = False
    for end, is_open in ends:
        if end is None:
            continue
        side = sign if best is None else compare(end, best)
        if side == sign or (side == 0 and best_open and not is_open):
            best, best_open = end, is_open
    return best, best_open


def _compared(own: _Span, base: _Span, change: Change) -> Truth:
    return conjunction([_bound_holds(own, base, change, bound) for bound in change.bounds])


def _bound_holds(own: _Span, base: _Span, change: Change, bound: ChangeBound) -> Truth:
    """Fallen by at least 50 %: the value is at most half of the earlier one. So each bound is one comparison."""
    sign = -1 if change.way == "fall" else 1
    factor, more = Fraction(1), sign * bound.number
    if bound.relative:
        factor, more = 1 + more / 100, Fraction(0)
        if _may_be_zero(own) and _may_be_zero(base):
            return UNKNOWN  # from 0 to 0: there is no share of nothing
    far = bound.operator in ("at_least", "above")
    upward = far == (sign == 1)
    strict = bound.operator in ("above", "below")
    return _is_above(own, base, factor, more, strict) if upward else _is_below(own, base, factor, more, strict)


def _may_be_zero(values: _Span) -> bool:
    return values.low is None or (compare(values.low, _ZERO) <= 0 and not values.low_open)


def _is_above(own: _Span, base: _Span, factor: Fraction, more: Fraction, strict: bool) -> Truth:
    """Whether the value is at least (strictly: above) factor times the earlier one and so much more."""
    lowest = _side(own.low, base.high, factor, more)
    if lowest is not None and (lowest > 0 or (lowest == 0 and (not strict or own.low_open or base.high_open))):
        return TRUE
    highest = _side(own.high, base.low, factor, more)
    if highest is not None and (highest < 0 or (highest == 0 and (strict or own.high_open or base.low_open))):
        return FALSE
    return UNKNOWN


def _is_below(own: _Span, base: _Span, factor: Fraction, more: Fraction, strict: bool) -> Truth:
    above = _is_above(own, base, factor, more, not strict)
    return TRUE if above is FALSE else FALSE if above is TRUE else UNKNOWN


def _side(value: Magnitude | None, base: Magnitude | None, factor: Fraction, more: Fraction) -> int | None:
    """The sign of value - (factor * base + more); None where an end is unbounded, or roots are too near a tie."""
    if value is None or base is None:
        return None
    if not more:
        return compare(value, base.times(Magnitude.of(factor)))
    exact_value, exact_base = value.rational, base.rational
    if exact_value is not None and exact_base is not None:
        difference = exact_value - factor * exact_base - more
        return (difference > 0) - (difference < 0)
    distance = value.approx - float(factor) * base.approx - float(more)
    bound = SAFE * (abs(value.approx) + abs(base.approx) + abs(float(more)))
    return None if abs(distance) <= bound else 1 if distance > 0 else -1
