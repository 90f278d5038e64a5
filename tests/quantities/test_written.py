"""Results as laboratories write them."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prescreen.quantities import CodedValue, NoValue, Number, Unreadable, read_value


def interval(value: Any) -> tuple[object, bool, object, bool]:
    written = read_value(value)
    assert isinstance(written, Number), written
    return written[:4]


@pytest.mark.parametrize("value", [92, Decimal("1.8"), 0, -3, "1.8", " 2e3 ", "+5", ".5", Decimal("-1.5")])
def test_numbers_are_points(value: Any) -> None:
    written = read_value(value)
    assert isinstance(written, Number)
    assert written.low is written.high
    assert written.low == Decimal(str(value).strip())
    assert not written.low_open
    assert not written.high_open
    assert not written.titre


D = Decimal


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<20", (0, False, D(20), True)),
        ("< 20", (0, False, D(20), True)),
        ("less than 20", (0, False, D(20), True)),
        ("<=20", (0, False, D(20), False)),
        ("=<20", (0, False, D(20), False)),
        ("≤2.5", (0, False, D("2.5"), False)),
        (">1000", (D(1000), True, None, True)),
        ("Greater than 1000", (D(1000), True, None, True)),
        (">=1000", (D(1000), False, None, True)),
        ("=>1000", (D(1000), False, None, True)),
        ("≥ 1000", (D(1000), False, None, True)),
        ("<-2", (None, True, D(-2), True)),
        ("<0", (None, True, D(0), True)),
        ("<=0", (0, False, D(0), False)),
        ("20-40", (D(20), False, D(40), False)),
        ("20 – 40", (D(20), False, D(40), False)),
        ("0.5 to 1.5", (D("0.5"), False, D("1.5"), False)),
    ],
)
def test_comparators_and_ranges_are_intervals(text: str, expected: tuple[object, ...]) -> None:
    assert interval(text) == expected


def test_below_has_no_lower_end_where_results_may_be_negative() -> None:
    assert read_value("<2", may_be_negative=True) == Number(None, True, D(2), True)


@pytest.mark.parametrize(
    ("text", "low", "high"), [("1:80", 80, 80), ("1 : 80", 80, 80), ("<1:40", 0, 40), (">=1:640", 640, None)]
)
def test_titres_are_their_reciprocals(text: str, low: int, high: int | None) -> None:
    written = read_value(text)
    assert isinstance(written, Number)
    assert (written.low, written.high, written.titre) == (low, high, True)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("negative", "negative"),
        ("NEG", "negative"),
        ("-", "negative"),
        ("non-reactive", "negative"),
        ("Nonreactive", "negative"),
        ("Non Reactive", "negative"),
        ("pos", "positive"),
        ("+", "positive"),
        ("Reactive", "positive"),
        ("Detected", "detected"),
        ("not detected", "not-detected"),
        ("Target Not Detected", "not-detected"),
        ("undetected", "not-detected"),
        ("below detection limit", "not-detected"),
        ("equivocal", "indeterminate"),
        ("borderline", "indeterminate"),
        ("inconclusive", "indeterminate"),
        ("invalid", "indeterminate"),
        ("Class III", "class-iii"),
        ("trace", "trace"),
        ("2+", "2+"),
    ],
)
def test_words_are_codes(text: str, code: str) -> None:
    assert read_value(text) == CodedValue(code)


@pytest.mark.parametrize("value", [None, "", "  \t"])
def test_nothing_is_no_value(value: str | None) -> None:
    assert read_value(value) == NoValue()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("1,5", "use a point: 1.5"),
        ("<1,5", "use a point: 1.5"),
        ("50,000", "write 50000"),
        ("120/80", "two numbers"),
        ("5 mg/dL", "unit has its own field"),
        ("<5 mg/dL", "unit has its own field"),
        ("5%", "unit has its own field"),
        ("~5", "approximate"),
        ("approx. 5", "approximate"),
        ("ca. 5", "approximate"),
        ("about 5", "approximate"),
        ("40-20", "upside down"),
        ("nan", "not a finite number"),
        ("-Infinity", "not a finite number"),
        ("pending", "no result yet"),
        ("n/a", "no result yet"),
        ("not done", "no result yet"),
        ("1e999", "too many digits"),
        ("1e-45", "too many digits"),
        ("9" * 60, "too many digits"),
        ("1" * 50 + "-" + "2" * 50, "too many digits"),
        ("1" * 10**6, "longer than any result"),
        (10**41, "too many digits"),
        (Decimal("1e999"), "too many digits"),
        (Decimal("NaN"), "too many digits"),
        ("1.", "neither a number"),
        ("1:0", "neither a number"),
        ("2:80", "neither a number"),
        ("<", "neither a number"),
        ("１２", "neither a number"),
        (True, "a number, text or null"),
        (1.5, "a number, text or null"),
    ],
)
def test_what_is_uncertain_is_unreadable_and_says_why(value: Any, words: str) -> None:
    written = read_value(value)
    assert isinstance(written, Unreadable), written
    assert words in written.reason
    assert not written.reason.endswith(".") or "1.5" in written.reason


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    written = read_value(text)
    assert isinstance(written, Number | CodedValue | NoValue | Unreadable)
    if isinstance(written, Number) and written.low is not None and written.high is not None:
        assert written.low <= written.high


@given(st.decimals(min_value=0, max_value=10**6, places=2), st.decimals(min_value=0, max_value=10**6, places=2))
def test_a_range_is_its_two_numbers(a: Decimal, b: Decimal) -> None:
    low, high = sorted((a, b))
    assert interval(f"{low}-{high}") == (low, False, high, False)
