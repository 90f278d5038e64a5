"""Partial dates, calendar spans and completed units of age.

An instant is an integer: microseconds since 0001-01-01T00:00 on the local calendar. A day is its proleptic
Gregorian ordinal (``date.toordinal``). Everything that is dated is an interval of instants, so that "2026-05"
and "2026-05-20T08:30" are the same kind of thing, known more or less closely.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from prescreen.memory import keep

DAY: Final = 86_400_000_000  # microseconds
HOUR: Final = 3_600_000_000

EARLIEST_DAY: Final = 1  # 0001-01-01
LATEST_DAY: Final = 3_652_059  # 9999-12-31
EARLIEST: Final = EARLIEST_DAY * DAY
LATEST: Final = LATEST_DAY * DAY + DAY - 1

_TWOS: Final = 13
_REST: Final = DAY >> _TWOS  # DAY has 13 factors of 2


def first_instant(day: int) -> int:
    """The first microsecond of a day.

    As ``day * DAY``, by a small factor and a shift: compiled, products of numbers beyond 2**31 take ten times as long.
    """
    return (day * _REST) << _TWOS


def last_instant(day: int) -> int:
    """The last microsecond of a day."""
    return ((day + 1) * _REST << _TWOS) - 1


SpanUnit = Literal["hours", "days", "weeks", "months", "years"]

_WHEN: Final = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:[T ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?)?"
    r"(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class When:
    """A date as written, and the first and last instant that it may be (both included)."""

    text: str
    low: int
    high: int

    @property
    def first_day(self) -> int:
        return self.low // DAY

    @property
    def last_day(self) -> int:
        return self.high // DAY

    @property
    def is_one_day(self) -> bool:
        return self.low // DAY == self.high // DAY

    def __str__(self) -> str:
        return self.text


ANY_TIME: Final = When("undated", EARLIEST, LATEST)


def parse_when(text: str) -> When:
    """Read a year, month, day or date-time (ISO 8601, as FHIR R4 writes them), or what lies between two of them.

    A date-time with a zone is taken as every instant from its wall time to its UTC time, since the site's own
    zone is not known. ``2026-05-01/2026-05-03`` is some time from the first to the last; ``..`` leaves an end open.
    Raises ValueError saying what was expected.
    """
    found = _WHENS.get(text)
    if found is None:
        found = keep(_WHENS, text, _parsed(text), _MOST_WHENS)
    return found


_WHENS: Final[dict[str, When]] = {}
_MOST_WHENS: Final = 65_536


def _parsed(text: str) -> When:
    if "/" in text:
        return _between(text)
    match = _WHEN.fullmatch(text)
    if match is None:
        raise ValueError(f"`{text[:40]}` is no date: expected YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm")
    part = match.groupdict()
    year = int(part["year"])
    if year < 1:
        raise ValueError(f"`{text}` is no date: there is no year 0000")
    if part["month"] is None:
        return When(text, first_instant(ordinal(year, 1, 1)), last_instant(ordinal(year, 12, 31)))
    month = int(part["month"])
    if not 1 <= month <= 12:
        raise ValueError(f"`{text}` is no date: there is no month {month:02}")
    last = _month_length(year, month)
    if part["day"] is None:
        return When(text, first_instant(ordinal(year, month, 1)), last_instant(ordinal(year, month, last)))
    day = int(part["day"])
    if not 1 <= day <= last:
        raise ValueError(f"`{text}` is no date: {year:04}-{month:02} has {last} days")
    start = first_instant(ordinal(year, month, day))
    if part["hour"] is None:
        return When(text, start, start + DAY - 1)
    hour, minute, second = int(part["hour"]), int(part["minute"]), int(part["second"] or 0)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"`{text}` is no date: there is no time {text[11:19]}")
    low = start + ((hour * 60 + minute) * 60 + second) * 1_000_000
    if part["second"] is None:
        high = low + 60_000_000 - 1
    elif part["fraction"] is None:
        high = low + 1_000_000 - 1
    else:
        low += int(part["fraction"][:6].ljust(6, "0"))
        high = low
    zone = part["zone"]
    if zone and zone != "Z":
        offset = (int(zone[1:3]) * 60 + int(zone[4:6])) * 60_000_000
        if int(zone[1:3]) > 14 or int(zone[4:6]) > 59:
            raise ValueError(f"`{text}` is no date: there is no zone {zone}")
        if zone[0] == "+":
            low -= offset
        else:
            high += offset
    return When(text, max(low, EARLIEST), min(high, LATEST))


def _between(text: str) -> When:
    first, _, last = text.partition("/")
    if "/" in last or first == last == "..":
        raise ValueError(f"`{text[:60]}` is no date: expected two dates with one `/` between them")
    low = EARLIEST if first == ".." else parse_when(first).low
    high = LATEST if last == ".." else parse_when(last).high
    if low > high:
        raise ValueError(f"`{text[:60]}` is no date: it ends before it begins")
    return When(text, low, high)


# (A tuple of any length: one of a fixed length is made anew wherever compiled code picks from it.)
_BEFORE_MONTH: Final[tuple[int, ...]] = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_FOUR_CENTURIES: Final = 146_097  # days


def ordinal(year: int, month: int, day: int) -> int:
    """The number of a day, 1 for 0001-01-01: as `date.toordinal` counts."""
    past = year - 1
    leap_day = 1 if month > 2 and _is_leap(year) else 0
    return past * 365 + past // 4 - past // 100 + past // 400 + _BEFORE_MONTH[month - 1] + leap_day + day


def _civil(day: int) -> tuple[int, int, int]:
    """Year, month and day of a number: `date.fromordinal` without making an object, since ages and windows ask often.

    Years run from March, so that the day that comes and goes is the last (H. Hinnant, "chrono-Compatible Low-Level
    Date Algorithms", `civil_from_days`).
    """
    since = day + 305  # days since 0000-03-01
    era = since // _FOUR_CENTURIES
    of_era = since - era * _FOUR_CENTURIES
    year_of_era = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * of_year + 2) // 153  # from March
    day_of_month = of_year - (153 * month + 2) // 5 + 1
    year = year_of_era + era * 400
    return (year, month + 3, day_of_month) if month < 10 else (year + 1, month - 9, day_of_month)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _month_length(year: int, month: int) -> int:
    if month == 2:
        return 29 if _is_leap(year) else 28
    return 30 if month in (4, 6, 9, 11) else 31


_TEXTS: Final[dict[int, str]] = {}
_MOST_TEXTS: Final = 8192


def day_text(day: int) -> str:
    """The ISO date of a day."""
    text = _TEXTS.get(day)
    if text is None:
        text = keep(_TEXTS, day, date.fromordinal(day).isoformat(), _MOST_TEXTS)
    return text


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time on the calendar: ``28 days``, ``18 years``, ``24 hours``."""

    number: int
    unit: SpanUnit

    def __str__(self) -> str:
        return f"{self.number} {self.unit if self.number != 1 else self.unit[:-1]}"


_SPAN_UNITS: dict[str, SpanUnit] = {
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "hours"),
    **dict.fromkeys(("d", "day", "days"), "days"),
    **dict.fromkeys(("wk", "week", "weeks"), "weeks"),
    **dict.fromkeys(("mo", "month", "months"), "months"),
    **dict.fromkeys(("a", "yr", "year", "years"), "years"),
}
_SPAN: Final = re.compile(r"(\d{1,6})\s*([a-z]+)", re.ASCII)


def parse_span(text: str) -> Span:
    """Read ``24 weeks``. Raises ValueError saying what was expected."""
    match = _SPAN.fullmatch(text.strip())
    if match is None or match[2] not in _SPAN_UNITS:
        raise ValueError(
            f"`{text[:40]}` is no span of time: expected a whole number of hours, days, weeks, months or years"
        )
    return Span(int(match[1]), _SPAN_UNITS[match[2]])


def shift_day(day: int, span: Span, sign: int) -> int:
    """The day that lies `span` after (sign 1) or before (sign -1) a day.

    Months and years are calendar ones; a day that does not exist becomes the last of its month. Spans in hours
    shift instants, not days. What leaves the calendar (years 1 to 9999) is the day before its first or after its last.
    """
    day = max(EARLIEST_DAY, min(LATEST_DAY, day))
    number = span.number if sign > 0 else -span.number
    match span.unit:
        case "days":
            shifted = day + number
        case "weeks":
            shifted = day + 7 * number
        case "months":
            return _shift_months(day, number)
        case "years":
            return _shift_months(day, 12 * number)
        case "hours":
            raise ValueError("hours shift an instant, not a day")
    return max(EARLIEST_DAY - 1, min(LATEST_DAY + 1, shifted))


def _shift_months(day: int, months: int) -> int:
    from_year, from_month, from_day = _civil(day)
    since = from_year * 12 + from_month - 1 + months
    year, month = since // 12, since % 12
    if year < 1:
        return EARLIEST_DAY - 1
    if year > 9999:
        return LATEST_DAY + 1
    return ordinal(year, month + 1, min(from_day, _month_length(year, month + 1)))


def unshift_day(day: int, span: Span) -> int:
    """The last day d with ``shift_day(d, span, 1) <= day``: born on d or before, one is `span` old on `day`.

    Adding calendar spans is monotone but not one to one (28 to 31 January all lie a month before 28 February),
    so this is not `shift_day` backwards.
    """
    found = max(EARLIEST_DAY, shift_day(day, span, -1))
    # Clipping moves a day by at most three; step to the last day that still fits.
    while found > EARLIEST_DAY and shift_day(found, span, 1) > day:
        found -= 1
    while found < LATEST_DAY and shift_day(found + 1, span, 1) <= day:
        found += 1
    return found


def completed_years(birth: int, day: int) -> int:
    """Completed years of age on a day; born on 29 February, one is a year older on 28 February."""
    return _completed(birth, day, 12)


def completed_months(birth: int, day: int) -> int:
    """Completed months of age on a day."""
    return _completed(birth, day, 1)


def _completed(birth: int, day: int, months: int) -> int:
    year, month, _ = _civil(day)
    birth_year, birth_month, _ = _civil(birth)
    count = (year * 12 + month - birth_year * 12 - birth_month) // months
    return count - 1 if _shift_months(birth, count * months) > day else count


def age_interval(years: int, on: When) -> When:
    """The birth dates of somebody who was `years` old at some time in `on`."""
    earliest = unshift_day(on.first_day, Span(years + 1, "years")) + 1
    latest = unshift_day(on.last_day, Span(years, "years"))
    return When(f"{years} years old on {on.text}", first_instant(earliest), last_instant(latest))


def length_text(days: int) -> str:
    """A number of days as people say it: ``3 days``, ``8 weeks``, ``2 years``."""
    days = abs(days)
    if days < 28:
        return f"{days} day{'s' * (days != 1)}"
    if days < 365:
        return f"{days // 7} weeks"
    years = timedelta(days=days).days // 365.25
    return f"{int(years)} year{'s' * (int(years) != 1)}" if years >= 2 else f"{int(days / 30.4375)} months"
