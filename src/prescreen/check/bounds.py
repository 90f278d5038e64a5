"""The bounds that a leaf of a rule file states, each with the same leaf written otherwise: strict, moved, left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from prescreen.check.writing import (
    mapping,
    moved_age,
    moved_length,
    moved_number,
    put,
    quoted,
    renamed,
    scalar,
    sequence,
    without,
)
from prescreen.language.comparisons import OPERATORS
from prescreen.yamlio import Node

STRICT: Final = {"at_least": "above", "at_most": "below"}
LOOSE: Final = {strict: loose for loose, strict in STRICT.items()}
TURNED: Final = {"at_least": "at_most", "above": "below", "at_most": "at_least", "below": "above"}

_PLACES: Final = ("age", "dose", "daily_dose", "duration", "count", "lines", "fall", "rise")
"""The options of a leaf under which bounds stand; those of an observation stand beside it."""


@dataclass(frozen=True, slots=True)
class Bound:
    """One bound of a leaf. at: its number in the file. option: under what it stands ("" beside the observation).
    around: the mapping in which it stands, `between` written as two bounds; whole: that mapping as part of the leaf."""

    operator: str
    at: Node
    option: str
    around: Node
    whole: Callable[[Node], Node]

    @property
    def words(self) -> str:
        return quoted((self.operator, self.at))

    def as_operator(self, operator: str) -> Node | None:
        """The leaf with an operator instead; None where another bound has it."""
        if operator != self.operator and self.around.get(operator) is not None:
            return None
        pairs = [renamed(pair, operator) if pair[0].text == self.operator else pair for pair in self.around.pairs()]
        return self.whole(mapping(pairs, self.around))

    def moved(self, step: int) -> tuple[Node, Node] | None:
        """The number moved by a step (1 up, -1 down) and the leaf with it; None where it does not move."""
        numbers = self.at.items() or (self.at,)
        texts = [self._moved(number.text, step) for number in numbers]
        moved = [scalar(text, number) for text, number in zip(texts, numbers, strict=True) if text]
        if len(moved) < len(numbers):
            return None
        value = sequence(moved, self.at) if self.at.kind == "list" else moved[0]
        return value, self.whole(put(self.around, self.operator, value))

    def _moved(self, text: str, step: int) -> str | None:
        if self.option == "age":
            return moved_age(text, step)
        if self.option == "duration":
            return moved_length(text, step, lambda _anchor: _SOME_DAY)
        return moved_number(text, step)

    def dropped(self) -> Node:
        """The leaf without the bound, and without the option under which no other stands."""
        left = without(self.around, self.operator)
        if self.option and not any(left.get(name) for name in (*OPERATORS, "per_cohort")):
            return without(self.whole(left), self.option)
        return self.whole(left)


_SOME_DAY: Final = 739_000  # durations in months become days; of which months hardly matters


def bounds_of(leaf: Node) -> Iterator[Bound]:
    """The bounds of a leaf, in the order of its options."""
    for option, around, whole in _arounds(leaf):
        plain = _without_between(around)
        for key, value in plain.pairs():
            if key.text in OPERATORS:
                yield Bound(key.text, value, option, plain, whole)


def _arounds(leaf: Node) -> Iterator[tuple[str, Node, Callable[[Node], Node]]]:
    """The mappings of a leaf in which bounds may stand, those of cohorts too, each with how it becomes the leaf."""
    outer: list[tuple[str, Node, Callable[[Node], Node]]] = []
    if leaf.get("observation") is not None:
        outer.append(("", leaf, lambda new: new))
    for option in _PLACES:
        if (node := leaf.get(option)) is not None and node.kind == "map":
            outer.append((option, node, lambda new, option=option: put(leaf, option, new)))  # type: ignore[misc]
    for option, node, whole in outer:
        yield option, node, whole
        cohorts = node.get("per_cohort")
        for cohort, own in cohorts.pairs() if cohorts else ():
            yield (
                option,
                own,
                lambda new, node=node, cohorts=cohorts, cohort=cohort, whole=whole: whole(  # type: ignore[misc]
                    put(node, "per_cohort", put(cohorts, cohort.text, new))
                ),
            )


def _without_between(node: Node) -> Node:
    ends = node.get("between")
    if ends is None or len(ends.items()) != 2 or node.get("at_least") or node.get("at_most"):
        return node
    low, high = ends.items()
    return mapping([*without(node, "between").pairs(), (scalar("at_least", ends), low), (scalar("at_most", ends), high)], node)


