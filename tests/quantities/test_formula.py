"""Formulas of arithmetic: what they are worth over intervals, and everything refused."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prescreen.quantities import Formula, parse_formula


def point(text: str, **values: str) -> Fraction | None:
    interval = parse_formula(text).interval({name: (Fraction(v), Fraction(v)) for name, v in values.items()})
    if interval is None:
        return None
    assert interval[0] == interval[1]
    return interval[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("8 / 4 / 2", "1"),
        ("7 - 2 - 1", "4"),
        ("-2 ** 2", "-4"),
        ("2 ** -2", "1/4"),
        ("- (1 - 3)", "2"),
        ("1.5e1 * 2", "30"),
        ("2 ** 0", "1"),
    ],
)
def test_arithmetic_is_exact(text: str, expected: str) -> None:
    assert point(text) == Fraction(expected)


def test_names_are_codes_and_hyphens_without_spaces_belong_to_them() -> None:
    assert parse_formula("age * (CAG - 33.66)").names() == ("age", "CAG")
    assert parse_formula("total-bilirubin - a").names() == ("total-bilirubin", "a")
    assert point("age * (CAG - 33.66)", age="40", CAG="44") == Fraction("413.6")
    assert point("1 / a", a="0") is None
    assert point("a ** -1", a="0") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "breaks off"),
        ("1 +", "breaks off"),
        ("(1", "not closed"),
        ("1 2", "the end was expected"),
        (")", "a number or a name"),
        ("a ** b", "a whole number up to 10"),
        ("a ** 11", "a whole number up to 10"),
        ("a ** 1.5", "a whole number up to 10"),
        ("__import__('os')", "no part of a formula"),
        ("a.b", "no part of a formula"),
        ("2a", "no part of a formula"),
        ("1e999999 * a", "no number"),
        ("(" * 31 + "a" + ")" * 31, "nested"),
        ("-" * 40 + "a", "nested"),
        ("((a ** 10) ** 10) ** 10", "too high"),
        (" + ".join(["a"] * 120), "parts"),
    ],
)
def test_what_is_no_formula_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why.replace("(", r"\(")):
        parse_formula(text)


NUMBERS = st.fractions(-5, 5, max_denominator=8)


@st.composite
def formulas(draw: st.DrawFn, depth: int = 3) -> Formula:
    if depth == 0 or draw(st.booleans()):
        name = draw(st.sampled_from(["a", "b", ""]))
        return Formula("name", name=name) if name else Formula("number", draw(NUMBERS))
    operation = draw(st.sampled_from(["+", "-", "*", "/", "**"]))
    if operation == "**":
        return Formula("**", Fraction(draw(st.integers(-3, 3))), parts=(draw(formulas(depth - 1)),))
    return Formula(operation, parts=(draw(formulas(depth - 1)), draw(formulas(depth - 1))))


@given(formulas(), NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_no_value_lies_outside_the_bounds(formula: Formula, a: Fraction, b: Fraction, c: Fraction, d: Fraction) -> None:
    wide = {"a": (min(a, b), max(a, b)), "b": (min(c, d), max(c, d))}
    bounds = formula.interval(wide)
    if bounds is None:
        return
    for x, y in product((a, b, (a + b) / 2), (c, d, (c + d) / 2)):
        inside = formula.interval({"a": (x, x), "b": (y, y)})
        assert inside is not None
        assert bounds[0] <= inside[0] == inside[1] <= bounds[1]
