"""Exact numbers that compare at the speed of floats.

A `Magnitude` is a real number a · b^(p/q) with rational a and b: every measured value, threshold and derived
value of this project has that form. Two magnitudes that differ by more than rounding could explain are compared as
floats; the rest are compared exactly, in rationals, by raising both sides to the power that clears the root.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from math import lcm
from typing import Final

# Floats here are at most a dozen roundings from the true value (1e-15 each): a relative distance of 1e-9 decides.
SAFE: Final = 1e-9
_FAR: Final = Decimal("1e-50")


@dataclass(frozen=True, slots=True)
class Root:
    """The number ``factor * base ** (numerator / denominator)``; base > 0, denominator > 0."""

    factor: Fraction
    base: Fraction
    numerator: int
    denominator: int

    def __float__(self) -> float:
        power: float = float(self.base) ** (self.numerator / self.denominator)
        return float(self.factor) * power


Exact = Fraction | Root


class Magnitude:
    """A number with its float approximation and, computed only when asked for, its exact value."""

    __slots__ = ("_exact", "_factor", "approx")

    def __init__(
        self,
        approx: float,
        exact: Exact | Callable[[], Exact] | Magnitude | Decimal | int,
        factor: Magnitude | Fraction | None = None,
    ) -> None:
        """exact: the value, what computes it, or with `factor` the magnitude or number of which it is a multiple."""
        self.approx = approx
        self._exact = exact
        self._factor = factor

    @classmethod
    def of(cls, number: Fraction | Decimal | int) -> Magnitude:
        exact = Fraction(number)
        return cls(float(exact), exact)

    @property
    def exact(self) -> Exact:
        value = self._exact
        if isinstance(value, (Fraction, Root)):
            return value
        factor = self._factor
        if isinstance(value, (Decimal, int)):
            assert isinstance(factor, Fraction)
            made: Exact = Fraction(value) * factor
        elif isinstance(value, Magnitude):
            assert isinstance(factor, Magnitude)
            made = _product(value.exact, factor.exact)
        else:
            made = value()
        self._exact = made
        return made

    @property
    def rational(self) -> Fraction | None:
        """The exact value where it is rational, else None."""
        value = self.exact
        return value if isinstance(value, Fraction) else None

    def times(self, factor: Magnitude) -> Magnitude:
        """The product with a rational magnitude."""
        return Magnitude(self.approx * factor.approx, self, factor)

    def __repr__(self) -> str:
        return f"Magnitude({self.approx!r})"


def _product(a: Exact, b: Exact) -> Exact:
    if isinstance(a, Fraction):
        return a * b if isinstance(b, Fraction) else Root(a * b.factor, b.base, b.numerator, b.denominator)
    if isinstance(b, Fraction):
        return Root(a.factor * b, a.base, a.numerator, a.denominator)
    raise TypeError("the product of two roots is not needed here")


def compare(a: Magnitude, b: Magnitude) -> int:
    """-1, 0 or 1 as a is less than, equal to or greater than b; always exact."""
    x, y = a.approx, b.approx
    difference = x - y
    bound = SAFE * (abs(x) + abs(y))
    if difference > bound:
        return 1
    if difference < -bound:
        return -1
    return compare_exact(a.exact, b.exact)


def compare_exact(a: Exact, b: Exact) -> int:
    """The sign of a - b, in rational arithmetic."""
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return (a > b) - (a < b)
    sign_a, sign_b = _sign(a), _sign(b)
    if sign_a != sign_b or sign_a == 0:
        return (sign_a > sign_b) - (sign_a < sign_b)
    # Powers of a thousand make huge rationals: fifty digits of the logarithms decide all but true ties.
    with localcontext() as context:
        context.prec = 60
        distance = _logarithm(a) - _logarithm(b)
        if abs(distance) > _FAR:
            return sign_a if distance > 0 else -sign_a
    power = lcm(_denominator(a), _denominator(b))
    x, y = _to_power(a, power), _to_power(b, power)
    return sign_a * ((x > y) - (x < y))


def _logarithm(value: Exact) -> Decimal:
    """The natural logarithm of the absolute value, to the precision of the context less a few digits."""
    if isinstance(value, Fraction):
        return Decimal(abs(value.numerator)).ln() - Decimal(value.denominator).ln()
    return _logarithm(value.factor) + _logarithm(value.base) * value.numerator / value.denominator


def _sign(value: Exact) -> int:
    number = value if isinstance(value, Fraction) else value.factor
    return (number > 0) - (number < 0)


def _denominator(value: Exact) -> int:
    return 1 if isinstance(value, Fraction) else value.denominator


def _to_power(value: Exact, power: int) -> Fraction:
    """The absolute value of `value` raised to a power that clears its root."""
    if isinstance(value, Fraction):
        return abs(value) ** power
    return abs(value.factor) ** power * value.base ** (value.numerator * power // value.denominator)
