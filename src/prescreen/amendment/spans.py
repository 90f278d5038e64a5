"""Which of two lengths of time is longer, and which of two windows wider, as far as that is sure."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Final, Literal

from prescreen.amendment.meaning import window_key
from prescreen.language.model import Moment, Window
from prescreen.time import Span, ordinal, shift_day

Wider = Literal["wider", "narrower", "same", "unclear"]

_FIRST: Final = ordinal(2023, 1, 1)
_CYCLE: Final = 1461  # days of four years: months of every length stand in every order


@lru_cache(maxsize=1024)
def _days(span: Span) -> tuple[Fraction, Fraction]:
    """The fewest and the most days that a span lasts."""
    if span.unit == "hours":
        return Fraction(span.number, 24), Fraction(span.number, 24)
    starts = range(_FIRST, _FIRST + _CYCLE) if span.unit in ("months", "years") else (_FIRST,)
    lengths = [shift_day(start, span, 1) - start for start in starts]
    return Fraction(min(lengths)), Fraction(max(lengths))


def order(one: Span | None, other: Span | None) -> Literal[-1, 0, 1] | None:
    """-1, 0 or 1 as a span is shorter, as long, or longer than another; None where that depends on the months."""
    (low, high), (other_low, other_high) = (
        _days(span) if span else (Fraction(0), Fraction(0)) for span in (one, other)
    )
    if one and other and _months(one) == _months(other) is not None:
        return 0
    if low == high == other_low == other_high:
        return 0
    if low >= other_high:
        return 1
    return -1 if high <= other_low else _by_months(one, other)


def _months(span: Span) -> int | None:
    return {"months": span.number, "years": 12 * span.number}.get(span.unit)


def _by_months(one: Span | None, other: Span | None) -> Literal[-1, 1] | None:
    months, other_months = (_months(span) if span else None for span in (one, other))
    if months is None or other_months is None:
        return None
    return 1 if months > other_months else -1


def _later(one: Moment, other: Moment) -> Literal[-1, 0, 1] | None:
    """-1, 0 or 1 as a moment is earlier, the same, or later than another; None where that is not sure."""
    if one.anchor != other.anchor:
        return None
    sign, other_sign = (moment.sign if moment.span else 0 for moment in (one, other))
    if sign != other_sign:
        return 1 if sign > other_sign else -1
    found = order(one.span, other.span)
    if found is None or sign >= 0:
        return found
    return 1 if found < 0 else -1 if found > 0 else 0


def _reach(old: Moment | None, new: Moment | None, outward: Literal[-1, 1]) -> int | None:
    """1, 0 or -1 as an end of a window moved out, stayed or moved in; None where that is not sure."""
    if old is None or new is None:
        return (old is not None) - (new is not None)
    found = _later(new, old)
    return None if found is None else found * outward


def widened(old: Window, new: Window) -> Wider:
    """Whether the new window holds the old one, or the old one the new."""
    if window_key(old) == window_key(new):
        return "same"
    start, end = _reach(old.start, new.start, -1), _reach(old.end, new.end, 1)
    if start is None or end is None or start * end < 0 or start == end == 0:
        return "unclear"
    return "wider" if start + end > 0 else "narrower"
