"""When something was, as FHIR says it: a date, a period, an age, or words; as a date of the candidate's model."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from prescreen.fhir.resources import Period, Quantity, Span
from prescreen.time import Span as Length
from prescreen.time import SpanUnit, When, day_text, parse_when, shift_day

_UNITS: Final[dict[str, SpanUnit]] = {
    "a": "years", "year": "years", "years": "years", "yr": "years", "mo": "months", "month": "months",
    "months": "months", "wk": "weeks", "week": "weeks", "weeks": "weeks", "d": "days", "day": "days", "days": "days",
}  # fmt: skip


class NoDate(ValueError):
    """Why something is no date, in words."""


def moment(text: str) -> str:
    """A dateTime, checked; seconds of 60, which FHIR allows, are the last of their minute."""
    if text[17:19] == "60":
        text = f"{text[:17]}59{text[19:]}"
    try:
        parse_when(text)
    except ValueError as error:
        raise NoDate(str(error)) from None
    if "/" in text:
        raise NoDate(f"`{text[:40]}` is no date: expected one date")
    return text


def some_time_in(period: Period) -> str | None:
    """Something that was at some time of a period; None where it says nothing."""
    start = None if period.start is None else moment(period.start)
    end = None if period.end is None else moment(period.end)
    return between(start, end)


def between(start: str | None, end: str | None) -> str | None:
    """Some time from one date to another; None leaves an end open."""
    if start is None and end is None:
        return None
    if start == end:
        return start
    text = f"{start or '..'}/{end or '..'}"
    try:
        parse_when(text)
    except ValueError as error:
        raise NoDate(str(error)) from None
    return text


def at_age(age: Quantity | None, most: Quantity | None, birth: When | None) -> str | None:
    """Some time at an age, or from one age to another; None where the birth date is not known.

    Somebody is 40 years old from the day of completing 40 years to the day before completing 41.
    """
    least, longest = _length(age), _length(most)
    if birth is None or (least is None and longest is None):
        return None
    first = None if least is None else day_text(shift_day(birth.first_day, least, 1))
    last = None
    if longest is not None:
        after = Length(longest.number + 1, longest.unit)
        last = day_text(max(birth.first_day, shift_day(birth.last_day, after, 1) - 1))
    return between(first, last)


def is_aged(within: Span, birth: When | None, on: str | None) -> bool | None:
    """Whether somebody is of an age on a date; None where that is open."""
    if birth is None or on is None:
        return None
    least, most = _length(within.low), _length(within.high)
    when = parse_when(on)
    surely = True
    if least is not None:
        if shift_day(birth.first_day, least, 1) > when.last_day:
            return False
        surely = shift_day(birth.last_day, least, 1) <= when.first_day
    if most is not None:
        over = Length(most.number + 1, most.unit)
        if shift_day(birth.last_day, over, 1) <= when.first_day:
            return False
        surely = surely and shift_day(birth.first_day, over, 1) > when.last_day
    return True if surely else None


def _length(age: Quantity | None) -> Length | None:
    if age is None:
        return None
    number = age.value
    unit = _UNITS.get((age.code or age.unit or "").strip().casefold())
    if type(number) not in (int, Decimal) or number != int(number) or not 0 <= number <= 200_000 or unit is None:
        raise NoDate("an age is a whole number of years, months, weeks or days")
    return Length(int(number), unit)
