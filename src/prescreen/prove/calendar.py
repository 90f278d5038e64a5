"""How many days calendar months are, at the least and at the most: what holds of every screening day."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from prescreen.time import ordinal

_FIRST_YEAR: Final = 1600
_CYCLE: Final = 4800  # months after which the Gregorian calendar repeats
MOST_MONTHS: Final = 2400
MEAN_MONTH: Final = (48_699, 1_600)  # 30.436875 days, as a fraction
MONTH_MARGIN: Final = 6  # days by which so many months differ from so many mean months, at the most


@lru_cache(maxsize=1)
def _firsts() -> list[int]:
    """The day numbers of the first days of months, from January of `_FIRST_YEAR` on."""
    months = _CYCLE + MOST_MONTHS + 2
    return [ordinal(_FIRST_YEAR + month // 12, month % 12 + 1, 1) for month in range(months)]


@lru_cache(maxsize=4096)
def days_of_months(months: int, sign: int) -> tuple[int, int]:
    """The least and the greatest number of days from a day to the one so many months after it (sign 1) or before it."""
    months = min(months, MOST_MONTHS)
    firsts, step = _firsts(), sign * months
    least, most = 10**6, 0
    for month in range(MOST_MONTHS, _CYCLE + MOST_MONTHS) if sign < 0 else range(_CYCLE):
        here, there = firsts[month], firsts[month + step]
        clipped = max(0, (firsts[month + 1] - here) - (firsts[month + step + 1] - there))
        length = abs(there - here)
        shorter, longer = (length - clipped, length) if sign > 0 else (length, length + clipped)
        least, most = min(least, shorter), max(most, longer)
    return least, most


@lru_cache(maxsize=4096)
def days_between_months(fewer: int, more: int, sign: int) -> tuple[int, int]:
    """The same between the two days that lie so many months, fewer and more, after (before) one and the same day."""
    fewer, more = min(fewer, MOST_MONTHS), min(more, MOST_MONTHS)
    firsts = _firsts()
    least, most = 10**6, 0
    for month in range(MOST_MONTHS, _CYCLE + MOST_MONTHS) if sign < 0 else range(_CYCLE):
        ends = []
        for day in range(28, firsts[month + 1] - firsts[month] + 1):
            for months in (fewer, more):
                target = month + sign * months
                ends.append(firsts[target] + min(day, firsts[target + 1] - firsts[target]))
        gaps = [abs(late - early) for early, late in zip(ends[::2], ends[1::2], strict=True)]
        least, most = min(least, *gaps), max(most, *gaps)
    return least, most
