"""One quantity cut into stretches by the limits that conditions set for it: which stretches nothing or both cover.

A quantity is the age on a day, or the latest result of one observation in one window (its value, or its multiple of
one limit of normal). Between two neighbouring limits no condition can tell values apart; in each stretch it is asked
whether the conditions can hold at all, whatever else is so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import z3

from prescreen.language.model import (
    Age,
    Comparison,
    Leaf,
    LimitOfRange,
    Observation,
    Operator,
    Select,
    Threshold,
    Window,
)
from prescreen.language.wording import observation_label
from prescreen.prove.days import months_of
from prescreen.prove.model import Model
from prescreen.time import Span


@dataclass(frozen=True, slots=True)
class Quantity:
    """What limits are set for. code: an observation, "" for the age. of: the limit of normal it is a multiple of."""

    code: str
    anchor: str = ""
    window: Window | None = None
    of: LimitOfRange | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Values from `low` to `high` (None: without end), with or without those themselves; ages in completed months."""

    low: Fraction | None
    low_in: bool
    high: Fraction | None
    high_in: bool


def quantity_of(leaf: Leaf) -> Quantity | None:
    """The one quantity that a leaf sets limits for; None where it asks for something else, or in another way."""
    if isinstance(leaf, Age):
        spans = [span for span in (leaf.low, leaf.below) if span is not None]
        return Quantity("", leaf.anchor) if all(months_of(span) is not None for span in spans) else None
    if not isinstance(leaf, Observation) or leaf.select.how != "latest" or leaf.changes or leaf.without is not None:
        return None
    tests = [test for test in leaf.tests if isinstance(test, Comparison)]
    limits = {threshold.of for test in tests for threshold in test.thresholds}
    if len(tests) != len(leaf.tests) or len(limits) != 1 or "LLOD" in limits:
        return None
    return Quantity(leaf.code, "", leaf.window, limits.pop())


def limits_of(leaf: Leaf) -> list[Fraction]:
    """The numbers that a leaf sets as limits: ages in completed months."""
    if isinstance(leaf, Age):
        return [Fraction(months_of(span) or 0) for span in (leaf.low, leaf.below) if span is not None]
    assert isinstance(leaf, Observation)
    return [test.thresholds[0].number for test in leaf.tests if isinstance(test, Comparison)]


class Line:
    """The values of one quantity as the leaves of a formula cut them up."""

    def __init__(self, model: Model, quantity: Quantity, leaves: Iterable[Leaf]) -> None:
        self.model = model
        self.quantity = quantity
        self.leaves = [leaf for leaf in leaves if quantity_of(leaf) == quantity]
        edges = sorted({number for leaf in self.leaves for number in limits_of(leaf)})
        self.stretches = list(_completed(edges) if not quantity.code else _values(edges, self._whole(edges)))

    def _whole(self, edges: Sequence[Fraction]) -> bool:
        """Whether there are whole numbers only: a score with whole limits."""
        catalogue = self.model.trials[0].catalogue
        concept = catalogue.observations.get(self.quantity.code)
        return (
            self.quantity.of is None
            and concept is not None
            and not concept.unit
            and all(e.denominator == 1 for e in edges)
        )

    def inside(self, stretch: Stretch) -> z3.BoolRef:
        """The formula that is true for values of a stretch."""
        return self.model.condition(self._leaf(stretch))

    def _leaf(self, stretch: Stretch) -> Leaf:
        quantity, text = self.quantity, ""
        if not quantity.code:
            low, high = stretch.low, stretch.high
            return Age(
                None if low is None else Span(int(low), "months"),
                None if high is None else Span(int(high), "months"),
                quantity.anchor,
                text,
            )
        tests = []
        if stretch.low is not None:
            tests.append(self._test("at_least" if stretch.low_in else "above", stretch.low))
        if stretch.high is not None:
            tests.append(self._test("at_most" if stretch.high_in else "below", stretch.high))
        assert quantity.window is not None
        return Observation(quantity.code, tuple(tests), quantity.window, Select(), text)

    def _test(self, operator: Operator, number: Fraction) -> Comparison:
        return Comparison(operator, (Threshold(number, self.quantity.of, None, str(number)),))

    def covered(self, formula: z3.BoolRef) -> list[bool]:
        """For each stretch, whether a formula may be true in it."""
        return [self.model.possible(formula, self.inside(stretch)) for stretch in self.stretches]

    def words(self, stretch: Stretch) -> str:
        """A stretch in words: ``eGFR from 60 to below 90 mL/min/1.73m2``."""
        text = self._age(stretch) if not self.quantity.code else self._value(stretch)
        return f"{self.name} {text}"

    @property
    def name(self) -> str:
        return observation_label(self.quantity.code, self.model.trials[0].catalogue) if self.quantity.code else "age"

    def _age(self, stretch: Stretch) -> str:
        assert stretch.low is not None
        assert stretch.high is not None
        low, high = int(stretch.low), int(stretch.high)
        unit, size = ("years", 12) if low % 12 == 0 and high % 12 == 0 else ("months", 1)
        first, last = low // size, high // size - 1
        return f"{first} {unit}" if first == last else f"{first} to {last} {unit}"

    def _value(self, stretch: Stretch) -> str:
        unit = self._unit
        if stretch.low is None or stretch.high is None:
            edge, inclusive = (stretch.high, stretch.high_in) if stretch.low is None else (stretch.low, stretch.low_in)
            word = (
                ("at most" if inclusive else "below") if stretch.low is None else "at least" if inclusive else "above"
            )
            return f"{word} {decimal(edge or Fraction(0))}{unit}"
        if stretch.low == stretch.high:
            return f"of exactly {decimal(stretch.low)}{unit}"
        first = "from" if stretch.low_in else "above"
        last = "to" if stretch.high_in else "to below" if stretch.low_in else "and below"
        return f"{first} {decimal(stretch.low)} {last} {decimal(stretch.high)}{unit}"

    @property
    def _unit(self) -> str:
        if self.quantity.of is not None:
            return f" × {self.quantity.of}"
        unit = self.model.trials[0].catalogue.observations[self.quantity.code].unit
        return f" {unit}" if unit else ""


def decimal(number: Fraction) -> str:
    """A number as people write it, in at most six places."""
    return f"{float(number):.6f}".rstrip("0").rstrip(".")


def _completed(edges: Sequence[Fraction]) -> Iterator[Stretch]:
    """Stretches of completed months: each from one edge to below the next."""
    every = [Fraction(0), *[edge for edge in edges if edge > 0], (edges[-1] if edges else Fraction(0)) + 1200]
    for low, high in pairwise(dict.fromkeys(every)):
        yield Stretch(low, True, high, False)


def _values(edges: Sequence[Fraction], whole: bool) -> Iterator[Stretch]:
    """Stretches between edges, and the edges themselves; of whole numbers, those that hold one."""
    if not edges:
        return
    yield Stretch(None, False, edges[0], False)
    for low, high in zip(edges, (*edges[1:], None), strict=True):
        yield Stretch(low, True, low, True)
        if high is None or not whole or high - low > 1:
            yield Stretch(low, False, high, False)


def joined(first: Stretch, last: Stretch) -> Stretch:
    """One stretch of two that follow each other, or have some between them."""
    return Stretch(first.low, first.low_in, last.high, last.high_in)


def holes(line: Line, covered: Sequence[bool]) -> Iterator[Stretch]:
    """Stretches that are not covered, between some that are."""
    if True not in covered:
        return
    first, last = covered.index(True), len(covered) - 1 - covered[::-1].index(True)
    start: int | None = None
    for place in range(first, last + 1):
        if not covered[place] and start is None:
            start = place
        elif covered[place] and start is not None:
            yield joined(line.stretches[start], line.stretches[place - 1])
            start = None


def quantities(model: Model, formulas: Sequence[z3.BoolRef]) -> list[Quantity]:
    """The quantities for which two of some formulas, or more, set limits, in a stable order."""
    counts: dict[Quantity, int] = {}
    for formula in formulas:
        for quantity in dict.fromkeys(map(quantity_of, model.in_order(model.leaves_of(formula)))):
            if quantity is not None:
                counts[quantity] = counts.get(quantity, 0) + 1
    return [quantity for quantity, count in counts.items() if count > 1]
