"""Partial dates, calendar spans and ages (semantics §4 and §5)."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prescreen.time import (
    DAY,
    EARLIEST_DAY,
    HOUR,
    LATEST_DAY,
    Span,
    _civil,
    age_interval,
    completed_months,
    completed_years,
    day_text,
    first_instant,
    last_instant,
    length_text,
    ordinal,
    parse_span,
    parse_when,
    shift_day,
    unshift_day,
)

DAYS = st.dates(date(1900, 1, 1), date(2100, 12, 31)).map(date.toordinal)
SPANS = st.builds(Span, st.integers(0, 130), st.sampled_from(["days", "weeks", "months", "years"]))


def _day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", "2026-01-01", "2026-12-31"),
        ("2026-02", "2026-02-01", "2026-02-28"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2026-05-20", "2026-05-20", "2026-05-20"),
        ("2026-05-20T08:30", "2026-05-20", "2026-05-20"),
        ("2026-05-20T00:30:00+02:00", "2026-05-19", "2026-05-20"),
        ("2026-05-20T23:30:00-02:00", "2026-05-20", "2026-05-21"),
    ],
)
def test_a_date_is_the_instants_that_it_may_be(text: str, first: str, last: str) -> None:
    when = parse_when(text)
    assert (day_text(when.first_day), day_text(when.last_day), str(when)) == (first, last, text)
    assert when.is_one_day is (first == last)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("2026-05-20T08:30", 60_000_000),
        ("2026-05-20T08:30:15", 1_000_000),
        ("2026-05-20T08:30:15.25", 1),
        ("2026-05-20T08:30:15Z", 1_000_000),
        ("2026-05-20", DAY),
        ("2026-05-20T08:30:00+05:30", 5 * HOUR + HOUR // 2 + 1_000_000),
    ],
)
def test_a_time_is_as_long_as_it_is_known(text: str, length: int) -> None:
    when = parse_when(text)
    assert when.high - when.low + 1 == length


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2026-02-30", "2026-02 has 28 days"),
        ("2026-13", "no month 13"),
        ("0000", "no year 0000"),
        ("2026-05-20T24:00", "no time 24:00"),
        ("2026-05-20T08:30:00+15:00", "no zone"),
        ("20.5.2026", "expected YYYY"),
        ("", "expected YYYY"),
        ("2026-05-20 08:30 x", "expected YYYY"),
    ],
)
def test_what_is_no_date_is_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_when(text)


@pytest.mark.parametrize(
    ("start", "span", "sign", "end"),
    [
        ("2026-01-31", "1 month", 1, "2026-02-28"),
        ("2024-01-31", "1 month", 1, "2024-02-29"),
        ("2026-03-31", "1 month", -1, "2026-02-28"),
        ("2004-02-29", "18 years", 1, "2022-02-28"),
        ("2026-06-01", "24 weeks", -1, "2025-12-15"),
        ("2026-06-01", "28 d", -1, "2026-05-04"),
    ],
)
def test_spans_are_those_of_the_calendar(start: str, span: str, sign: int, end: str) -> None:
    assert day_text(shift_day(_day(start), parse_span(span), sign)) == end


def test_what_leaves_the_calendar_is_the_day_outside_it() -> None:
    assert shift_day(_day("0003-01-01"), Span(9, "years"), -1) == EARLIEST_DAY - 1
    assert shift_day(_day("0001-02-01"), Span(9, "weeks"), -1) == EARLIEST_DAY - 1
    assert shift_day(_day("9998-01-01"), Span(9, "years"), 1) == LATEST_DAY + 1
    assert shift_day(_day("9999-12-01"), Span(9, "weeks"), 1) == LATEST_DAY + 1
    with pytest.raises(ValueError, match="hours shift an instant"):
        shift_day(_day("2026-01-01"), Span(9, "hours"), 1)


@pytest.mark.parametrize("text", ["", "28", "days", "28 fortnights", "-3 days", "1.5 years", "1234567 days"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no span of time"):
        parse_span(text)


def test_the_calendar_is_that_of_the_standard_library() -> None:
    """Every day of four centuries around a screening, and both ends of the calendar."""
    for number in (*range(1, 800), *range(date(1800, 1, 1).toordinal(), date(2200, 1, 2).toordinal()), LATEST_DAY):
        day = date.fromordinal(number)
        assert _civil(number) == (day.year, day.month, day.day)
        assert ordinal(day.year, day.month, day.day) == number


@given(st.integers(min_value=0, max_value=LATEST_DAY + 1))
def test_a_day_begins_and_ends_with_its_instants(day: int) -> None:
    assert (first_instant(day), last_instant(day)) == (day * DAY, day * DAY + DAY - 1)


def test_spans_are_written_as_people_say_them() -> None:
    assert [str(parse_span(text)) for text in ("1 day", "2wk", "1 yr", "24 h")] == [
        "1 day",
        "2 weeks",
        "1 year",
        "24 hours",
    ]
    assert [length_text(days) for days in (1, -3, 27, 56, 400, 731)] == [
        "1 day",
        "3 days",
        "27 days",
        "8 weeks",
        "13 months",
        "2 years",
    ]


@given(DAYS, SPANS)
def test_the_last_day_from_which_a_span_has_passed(day: int, span: Span) -> None:
    found = unshift_day(day, span)
    assert shift_day(found, span, 1) <= day < shift_day(found + 1, span, 1)


@given(DAYS, DAYS)
def test_completed_units(a: int, b: int) -> None:
    birth, day = sorted((a, b))
    years, months = completed_years(birth, day), completed_months(birth, day)
    assert shift_day(birth, Span(years, "years"), 1) <= day < shift_day(birth, Span(years + 1, "years"), 1)
    assert shift_day(birth, Span(months, "months"), 1) <= day < shift_day(birth, Span(months + 1, "months"), 1)
    assert months // 12 == years


@given(st.integers(0, 120), DAYS, st.integers(-3, 3))
def test_an_age_says_when_one_was_born(years: int, day: int, off: int) -> None:
    on = parse_when(day_text(day))
    born = age_interval(years, on)
    for birth in (born.first_day + off, born.last_day + off):
        assert (completed_years(birth, day) == years) is (born.first_day <= birth <= born.last_day)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-05-01/2026-05-03", "2026-05-01", "2026-05-03"),
        ("2026-05/2026-05-20T08:30", "2026-05-01", "2026-05-20"),
        ("../2026-05", "0001-01-01", "2026-05-31"),
        ("2026/..", "2026-01-01", "9999-12-31"),
    ],
)
def test_between_two_dates(text: str, first: str, last: str) -> None:
    when = parse_when(text)
    assert (day_text(when.first_day), day_text(when.last_day), when.text) == (first, last, text)


@pytest.mark.parametrize("text", ["../..", "2026-05-03/2026-05-01", "2026/2027/2028", "2026/", "/2026", "2026-13/.."])
def test_what_lies_between_nothing(text: str) -> None:
    with pytest.raises(ValueError, match="is no date"):
        parse_when(text)
