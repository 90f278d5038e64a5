"""Formulas of plain arithmetic: read by a small parser, computed exactly over intervals.

``age * (CAG - 33.66)``: numbers, names, ``+ - * /``, whole powers with ``**``, parentheses. A hyphen without spaces is
part of a name (``total-bilirubin``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

from prescreen.quantities.numerals import parse_number

MOST_POWER: Final = 10
_MOST_PARTS: Final = 200
_MOST_DEPTH: Final = 30
_MOST_DEGREE: Final = 100

Operation = Literal["number", "name", "+", "-", "*", "/", "**"]
Interval = tuple[Fraction, Fraction]
"""The least and the greatest value, both possible as far as is known."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A number, a name, or an operation on parts; the power of ``**`` is `value`."""

    operation: Operation
    value: Fraction = Fraction(0)
    name: str = ""
    parts: tuple[Formula, ...] = ()

    def names(self) -> tuple[str, ...]:
        """The names in it, in the order in which they first stand there."""
        found = [self.name] if self.operation == "name" else [name for part in self.parts for name in part.names()]
        return tuple(dict.fromkeys(found))

    def interval(self, known: Mapping[str, Interval]) -> Interval | None:
        """Bounds of the value, exact where every name is one number or stands once; None where it is not defined
        (a division by what may be 0)."""
        if self.operation == "number":
            return self.value, self.value
        if self.operation == "name":
            return known[self.name]
        sides: list[Interval] = []
        for part in self.parts:
            side = part.interval(known)
            if side is None:
                return None
            sides.append(side)
        if self.operation == "**":
            return _power(sides[0], int(self.value))
        (a, b), (c, d) = sides
        if self.operation == "+":
            return a + c, b + d
        if self.operation == "-":
            return a - d, b - c
        if self.operation == "/":
            if c <= 0 <= d:
                return None
            c, d = 1 / d, 1 / c
        products = (a * c, a * d, b * c, b * d)
        return min(products), max(products)


def parse_formula(text: str) -> Formula:
    """Read a formula. Raises ValueError saying what is wrong with it."""
    reader = _Reader(text)
    formula = reader.sum(0)
    if reader.next is not None:
        raise ValueError(f"`{reader.next[:20]}` stands where an operation or the end was expected")
    if _degree(formula) > _MOST_DEGREE:
        raise ValueError("the powers are too high")
    return formula


def _power(base: Interval, power: int) -> Interval | None:
    low, high = base
    if power < 0 and low <= 0 <= high:
        return None
    ends = (low**power, high**power)
    if power > 0 and power % 2 == 0 and low < 0 < high:
        return Fraction(0), max(ends)
    return min(ends), max(ends)


def _degree(formula: Formula) -> int:
    below = [_degree(part) for part in formula.parts]
    if formula.operation == "**":
        return below[0] * max(1, abs(int(formula.value)))
    if formula.operation in ("*", "/"):
        return sum(below)
    return max(below, default=1)


_TOKEN: Final = re.compile(
    r"\s*(\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![A-Za-z0-9.])|[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*|\*\*|[-+*/()])",
    re.ASCII,
)


class _Reader:
    """The tokens of a formula; `next` is the one to be read, None at the end."""

    def __init__(self, text: str) -> None:
        self.tokens: Iterator[str] = iter(_tokens(text))
        self.parts = 0
        self.next = next(self.tokens, None)

    def take(self) -> str:
        token = self.next
        if token is None:
            raise ValueError("it breaks off")
        self.next = next(self.tokens, None)
        return token

    def made(self, operation: Operation, *parts: Formula, value: Fraction = Fraction(0), name: str = "") -> Formula:
        self.parts += 1
        if self.parts > _MOST_PARTS:
            raise ValueError(f"it has more than {_MOST_PARTS} parts")
        return Formula(operation, value, name, parts)

    def sum(self, depth: int) -> Formula:
        found = self.product(depth)
        while self.next == "+" or self.next == "-":
            plus = self.take() == "+"
            found = self.made("+" if plus else "-", found, self.product(depth))
        return found

    def product(self, depth: int) -> Formula:
        found = self.signed(depth)
        while self.next == "*" or self.next == "/":
            times = self.take() == "*"
            found = self.made("*" if times else "/", found, self.signed(depth))
        return found

    def signed(self, depth: int) -> Formula:
        if self.next == "-":
            self.take()
            return self.made("-", self.made("number"), self.signed(self._deeper(depth)))
        return self.raised(depth)

    def raised(self, depth: int) -> Formula:
        base = self.atom(depth)
        if self.next != "**":
            return base
        self.take()
        sign = 1
        if self.next == "-":
            self.take()
            sign = -1
        token = self.take()
        if not token.isdigit() or int(token[:9]) > MOST_POWER:
            raise ValueError(f"a power is a whole number up to {MOST_POWER}, not `{token[:20]}`")
        return self.made("**", base, value=Fraction(sign * int(token)))

    def atom(self, depth: int) -> Formula:
        token = self.take()
        if token == "(":
            inner = self.sum(self._deeper(depth))
            if self.next != ")":
                raise ValueError("a parenthesis is not closed")
            self.take()
            return inner
        if token[0].isdigit():
            number = parse_number(token)
            if number is None:
                raise ValueError(f"`{token[:20]}` is no number that anyone would use")
            return self.made("number", value=number)
        if not token[0].isalpha():
            raise ValueError(f"`{token}` stands where a number or a name was expected")
        return self.made("name", name=token)

    def _deeper(self, depth: int) -> int:
        if depth >= _MOST_DEPTH:
            raise ValueError(f"it is nested more than {_MOST_DEPTH} deep")
        return depth + 1


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    place = 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            raise ValueError(f"`{text[place:].strip()[:20]}` is no part of a formula")
        found.append(match[1])
        place = match.end()
    return found
