"""Dates of the reference: instants are whole microseconds since 0001-01-01, days are `date.toordinal()`."""

from __future__ import annotations

from calendar import monthrange
from datetime import date

DAY = 86_400_000_000
HOUR = 3_600_000_000
FIRST_DAY, LAST_DAY = date(1, 1, 1).toordinal(), date(9999, 12, 31).toordinal()


def instants(text: str) -> tuple[int, int]:
    """First and last instant of "2026", "2026-05", "2026-05-20" or "2026-05-20T08:30"."""
    if "T" in text:
        written_day, _, time = text.partition("T")
        hour, minute = time.split(":")
        first = date.fromisoformat(written_day).toordinal() * DAY + int(hour) * HOUR + int(minute) * (HOUR // 60)
        return first, first + HOUR // 60 - 1
    parts = [int(part) for part in text.split("-")]
    if len(parts) == 1:
        first_day, last_day = date(parts[0], 1, 1), date(parts[0], 12, 31)
    elif len(parts) == 2:
        first_day, last_day = date(parts[0], parts[1], 1), date(parts[0], parts[1], monthrange(*parts)[1])
    else:
        first_day = last_day = date(*parts)
    return first_day.toordinal() * DAY, last_day.toordinal() * DAY + DAY - 1


def days(text: str) -> tuple[int, int]:
    """First and last day of a date as written."""
    first, last = instants(text)
    return first // DAY, last // DAY


def shift(day: int, number: int, unit: str) -> int:
    """The day `number` units later (earlier when negative); a day that does not exist is the last of its month."""
    if unit in ("days", "weeks"):
        return max(FIRST_DAY, min(LAST_DAY, day + number * (7 if unit == "weeks" else 1)))
    start = date.fromordinal(day)
    months = start.year * 12 + start.month - 1 + number * (12 if unit == "years" else 1)
    year, month = months // 12, months % 12 + 1
    if not 1 <= year <= 9999:
        return FIRST_DAY if year < 1 else LAST_DAY
    return date(year, month, min(start.day, monthrange(year, month)[1])).toordinal()


def first_day_past(number: int, unit: str, target: int, low: int, high: int) -> int:
    """The first day of [low, high] that, moved by so many units, reaches the target; high + 1 if none does."""
    high += 1
    while low < high:
        middle = (low + high) // 2
        if shift(middle, number, unit) >= target:
            high = middle
        else:
            low = middle + 1
    return low
