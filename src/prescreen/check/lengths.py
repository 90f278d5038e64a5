"""The lengths of time that a leaf of a rule file states, each with the same leaf that asks for a step more of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from prescreen.check.cases import CASE_DAY
from prescreen.check.writing import DayOf, moved_length, put, put_at, quoted, scalar, sequence, without
from prescreen.language import SCREENING
from prescreen.yamlio import Node

_LASTING: Final = ("for_at_least", "stable_for")


@dataclass(frozen=True, slots=True)
class Length:
    """A length of time. at: its place; path: the keys that lead to it in the leaf; step: in which direction it asks for
    more; anchor: from which it counts, where it does not say so itself. free: the leaf without it."""

    at: Node
    leaf: Node
    path: tuple[str, ...]
    step: int
    anchor: str
    free: Node

    @property
    def words(self) -> str:
        return quoted((self.path[-1], self.at))

    def harder(self, day_of: DayOf) -> Node | None:
        """The leaf that asks for a step more: a window without its outermost day, a day longer of something that
        lasts. day_of: the days of anchors in the case at hand. None where nothing would be left of it."""
        items = self.at.items()
        moved = [self._moved(item, day_of) for item in items or (self.at,)]
        kept = [item for item in moved if item]
        if not kept or (len(kept) < len(moved) and not items):
            return None
        return put_at(self.leaf, self.path, sequence(kept, self.at) if items else kept[0])

    def _moved(self, node: Node, day_of: DayOf) -> Node | None:
        text = moved_length(node.text, self.step, lambda named: day_of(self.anchor if named == SCREENING else named))
        return scalar(text, node) if text else None


def lengths_of(leaf: Node) -> Iterator[Length]:
    """The lengths of time of a leaf: of what lasts, and of windows."""
    for key in _LASTING:
        if (value := leaf.get(key)) is not None:
            anchor = at.text if (at := leaf.get("at")) else SCREENING
            yield Length(value, leaf, (key,), 1, anchor, without(leaf, key, "at"))
    yield from window_lengths(leaf, "within")


def window_lengths(leaf: Node, key: str) -> Iterator[Length]:
    """The edges of the window under a key that are stated as a length of time."""
    window = leaf.get(key)
    if window is None:
        return
    anything = put(leaf, key, scalar("any", window))
    if window.kind == "scalar":
        if is_length(window):
            yield Length(window, leaf, (key,), -1, SCREENING, anything)
        return
    for name, value in window.pairs():
        if value.kind == "list":  # the longest or the shortest of some: the drug decides which of them it is
            yield Length(value, leaf, (key, name.text), -1, SCREENING, anything)
        elif is_length(value):
            inward = -1 if (" before " in value.text) == (name.text == "from") else 1
            left = without(window, name.text)
            free = put(leaf, key, left) if left.pairs() else anything
            yield Length(value, leaf, (key, name.text), inward, SCREENING, free)


def is_length(node: Node) -> bool:
    return moved_length(node.text, 1, lambda _anchor: CASE_DAY.toordinal()) is not None
