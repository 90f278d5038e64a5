"""Numerals are read strictly and written plainly."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prescreen.quantities import Number, parse_number, plain, read_value, short_number
from prescreen.quantities.numerals import bounded


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.8", Fraction(9, 5)),
        ("-3", Fraction(-3)),
        ("+.5", Fraction(1, 2)),
        ("2e3", Fraction(2000)),
        ("1E-2", Fraction(1, 100)),
    ],
)
def test_numerals_are_exact(text: str, number: Fraction) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1.",
        ".",
        "1,5",
        "1_000",
        "nan",
        "inf",
        "0x10",
        "１",
        "1e999",
        "1e41",
        "1e-41",
        "9" * 41,
        "1e",
        "--1",
        "1/2",
    ],
)
def test_what_is_no_plain_numeral_is_refused(text: str) -> None:
    assert parse_number(text) is None


def test_a_million_digits_are_refused_at_once() -> None:
    assert parse_number("1" * 10**6) is None
    assert bounded(Decimal("1" * 10**6)) is None


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity", "1e41", "1e-60"])
def test_numbers_out_of_bounds(number: str) -> None:
    assert bounded(Decimal(number)) is None


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (92, "92"),
        (Decimal("1.80"), "1.8"),
        (Fraction(-9, 5), "-1.8"),
        (Fraction(1, 3), "0.3333"),
        (Fraction(2, 3), "0.6667"),
        (Fraction("106.082"), "106.082"),
        (Fraction("106.08240001"), "106.1"),
        (Fraction(10**9), "1000000000"),
        (Fraction(10**9) + Fraction(1, 3), "1000000000"),
        (Fraction(12345678, 10), "1234568"),
        (Fraction(1, 10**6), "0.000001"),
        (Fraction(1, 3 * 10**5), "0.000003333"),
        (Fraction("99999.96"), "100000"),
        (Fraction(1, 3 * 10**9), "3.333e-10"),
        (Fraction(2 * 10**20), "2e+20"),
    ],
)
def test_plain(number: Fraction | Decimal | int, text: str) -> None:
    assert plain(number) == text


@given(st.fractions(min_value=Fraction(1, 10**6), max_value=10**9))
def test_plain_is_near_and_has_no_exponent(number: Fraction) -> None:
    text = plain(number)
    assert "e" not in text
    assert abs(Fraction(text) - number) <= number / 1000


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**6), max_value=10**6, places=3))
def test_a_numeral_reads_as_decimal_does(number: Decimal) -> None:
    assert parse_number(str(number)) == Fraction(number)


@given(st.from_regex(r"[0-9]{0,11}(\.[0-9]{0,11})?", fullmatch=True))
def test_a_short_number_is_the_point_that_a_result_of_that_text_is(text: str) -> None:
    written, found = read_value(text), short_number(text)
    if found is not None:
        assert isinstance(written, Number)
        assert written == Number(written.low, False, written.low, False)
        assert found == float(written.low or 0)
    else:
        whole, _, part = text.partition(".")
        assert not (0 < len(whole) <= 9 and (0 < len(part) <= 9 or text == whole))


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1e3", ".5", "5.", " 1", "1\n", "1,5", "1_0", "<1", "1:80", "1-2", "١", "nan"]
)
def test_what_is_no_short_number(text: str) -> None:
    assert short_number(text) is None
