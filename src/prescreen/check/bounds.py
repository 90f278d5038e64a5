"""The bounds that a leaf of a rule file states, each with the same leaf written otherwise: strict, moved, left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from prescreen.check.cases import CASE_DAY
from prescreen.check.writing import (
    mapping,
    moved_age,
    moved_length,
    moved_number,
    put,
    put_at,
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
    """One bound of a leaf. at: its number in the file. around: the mapping in which it stands, `between` written as two
    bounds; path: the keys that lead to it in the leaf, none where the bound stands beside the observation."""

    operator: str
    at: Node
    leaf: Node
    path: tuple[str, ...]
    around: Node

    @property
    def words(self) -> str:
        return quoted((self.operator, self.at))

    def as_operator(self, operator: str) -> Node | None:
        """The leaf with an operator instead; None where another bound has it."""
        if operator != self.operator and self.around.get(operator) is not None:
            return None
        pairs = [renamed(pair, operator) if pair[0].text == self.operator else pair for pair in self.around.pairs()]
        return self._whole(mapping(pairs, self.around))

    def moved(self, step: int) -> tuple[Node, Node] | None:
        """The number moved by a step (1 up, -1 down) and the leaf with it; None where it does not move."""
        numbers = self.at.items() or (self.at,)
        texts = [self._moved(number.text, step) for number in numbers]
        moved = [scalar(text, number) for text, number in zip(texts, numbers, strict=True) if text]
        if len(moved) < len(numbers):
            return None
        value = sequence(moved, self.at) if self.at.kind == "list" else moved[0]
        return value, self._whole(put(self.around, self.operator, value))

    def _moved(self, text: str, step: int) -> str | None:
        if "age" in self.path:
            return moved_age(text, step)
        if "duration" in self.path:
            return moved_length(text, step, _some_day)
        return moved_number(text, step)

    def dropped(self) -> Node:
        """The leaf without the bound, and without the option under which no other stands."""
        left = without(self.around, self.operator)
        if self.path and not any(left.get(name) for name in (*OPERATORS, _BY_COHORT)):
            return without(self.leaf, self.path[0]) if len(self.path) == 1 else self._whole(left)
        return self._whole(left)

    def _whole(self, around: Node) -> Node:
        return put_at(self.leaf, self.path, around)


def bounds_of(leaf: Node) -> Iterator[Bound]:
    """The bounds of a leaf, in the order of its options."""
    for path, around in _arounds(leaf):
        plain = _without_between(around)
        for key, value in plain.pairs():
            if key.text in OPERATORS:
                yield Bound(key.text, value, leaf, path, plain)


_BY_COHORT: Final = "per_cohort"


def _arounds(leaf: Node) -> Iterator[tuple[tuple[str, ...], Node]]:
    """The mappings of a leaf in which bounds may stand, those of cohorts too, and the keys that lead to them."""
    paths: list[tuple[str, ...]] = [()] if leaf.get("observation") else []
    paths += [(option,) for option in _PLACES]
    for path in paths:
        node = leaf.get(path[0]) if path else leaf
        if node is None or node.kind != "map":
            continue
        yield path, node
        cohorts = node.get(_BY_COHORT)
        for cohort, own in cohorts.pairs() if cohorts else ():
            yield (*path, _BY_COHORT, cohort.text), own


def _without_between(node: Node) -> Node:
    ends = node.get("between")
    if ends is None or len(ends.items()) != 2 or node.get("at_least") or node.get("at_most"):
        return node
    low, high = ends.items()
    both = ((scalar("at_least", ends), low), (scalar("at_most", ends), high))
    return mapping([*without(node, "between").pairs(), *both], node)


def _some_day(_anchor: str) -> int:
    """Durations in months become days; of which months hardly matters."""
    return CASE_DAY.toordinal()
