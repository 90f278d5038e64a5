"""Windows in half-lives: ``5 half-lives``, ``{longest: [30 days, 5 half-lives]}``, ``{shortest: […]}``.

A half-life is the drug's own (the catalogue's), so each code of a leaf may have another window. The windows of one leaf
share an end: to overlap the longest of them is to overlap any, to overlap the shortest is to overlap all.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Literal

from prescreen.catalogue import EventConcept
from prescreen.language.model import SCREENING, Moment, Window
from prescreen.language.source import Source, shown
from prescreen.language.windows import anchored, lasting, least_hours, read_moment, read_span
from prescreen.time import Span
from prescreen.yamlio import Node

_HALF_LIVES = re.compile(r"(\d{1,3}) half[- ]?li(?:fe|ves)(?: (before|after) (\S+))?")
_WHOLE_DAYS_FROM = 48  # hours

Sign = Literal[-1, 1]


@dataclass(frozen=True, slots=True)
class Washout:
    """The longest (or shortest) of some lengths of time beside an anchor; a number stands for so many half-lives."""

    node: Node
    longest: bool
    lengths: tuple[Span | int, ...]
    anchor: str
    sign: Sign

    @property
    def counts_half_lives(self) -> bool:
        return any(isinstance(length, int) for length in self.lengths)

    def windows(self, half_life: Fraction | None) -> tuple[Window, ...]:
        """The windows of a drug with this half-life in hours: one, or several where months leave open which is longer.

        A window that lies in another one is left out of the longest, one that holds another out of the shortest.
        """
        spans = [
            length if isinstance(length, Span) else _of_half_lives(length, half_life or Fraction(0))
            for length in self.lengths
        ]
        kept: list[Span] = []
        for span in dict.fromkeys(spans):
            others = [other for other in kept if not (_covers(span, other) if self.longest else _covers(other, span))]
            if not any(_covers(other, span) if self.longest else _covers(span, other) for other in others):
                kept = [*others, span]
        return tuple(self._window(span) for span in kept)

    def _window(self, span: Span) -> Window:
        moved, anchor = Moment(self.anchor, span, self.sign), Moment(self.anchor)
        text = f"{span} {'before' if self.sign < 0 else 'after'} {self.anchor}"
        return Window(moved, anchor, text) if self.sign < 0 else Window(anchor, moved, text)


def is_washout(node: Node) -> bool:
    """Whether a window is one of this kind."""
    if node.kind == "map":
        return any(key.text in ("longest", "shortest") for key, _ in node.pairs())
    return node.kind == "scalar" and _HALF_LIVES.fullmatch(" ".join(node.text.split())) is not None


def read_washout(source: Source, node: Node, anchors: Collection[str]) -> Washout | None:
    """A length in half-lives, or the longest or shortest of some; a length that names no anchor shares that of the
    others, and all lie before screening where none names one."""
    longest = True
    items: tuple[Node, ...] = (node,)
    if node.kind == "map":
        fields = source.fields(node, "a window", ("longest", "shortest"))
        if fields is None or fields.misspelt:
            return None
        if len(fields.values) != 1:
            source.refuse(node, "invalid-window", "a window is the `longest` or the `shortest` of some, not both")
            return None
        ((word, listed),) = fields.values.items()
        longest, items = word == "longest", source.items(listed, f"`{word}`")
    read = [_length(source, item, anchors) for item in items]
    found = [each for each in read if each is not None]
    if not items or len(found) < len(read):
        return None
    places = dict.fromkeys((anchor, sign) for _, anchor, sign in found if anchor)
    if len(places) > 1:
        source.refuse(node, "invalid-window", "lengths that are compared lie on one side of one anchor")
        return None
    anchor, sign = next(iter(places), (SCREENING, -1))
    return Washout(node, longest, tuple(length for length, _, _ in found), anchor, sign)


def half_life_of(source: Source, washout: Washout, concept: EventConcept) -> Fraction | None:
    """The half-life of a drug in hours, where the washout counts in it; refused where the catalogue has none."""
    if not washout.counts_half_lives:
        return None
    if concept.half_life is None:
        message = f"the catalogue gives no half-life of `{concept.name}`"
        hint = "name single drugs, or give their half-lives in a catalogue beside the trial's folder"
        source.refuse(washout.node, "no-half-life", message, hint)
        return None
    return concept.half_life.hours


def _length(source: Source, node: Node, anchors: Collection[str]) -> tuple[Span | int, str, Sign] | None:
    """A length, and the anchor that it names ("" for none) with the side on which it lies."""
    text = source.text(node, "a length of time")
    if text is None:
        return None
    words = " ".join(text.split())
    if match := _HALF_LIVES.fullmatch(words):
        number, side, anchor = int(match[1]), match[2], match[3]
        if not number:
            source.refuse(node, "invalid-span", f"`{shown(words)}` is no length of time")
            return None
        if anchor and anchored(source, node, anchor, anchors) is None:
            return None
        return number, anchor or "", 1 if side == "after" else -1
    if " before " in words or " after " in words:
        moment = read_moment(source, node, anchors)
        return (moment.span, moment.anchor, moment.sign) if moment and moment.span else None
    span = read_span(source, node, "a length of time")
    return (span, "", -1) if span else None


def _of_half_lives(number: int, half_life: Fraction) -> Span:
    """Whole hours, whole days from two days on; what is left over counts as a whole one."""
    hours = number * half_life
    return Span(ceil(hours), "hours") if hours < _WHOLE_DAYS_FROM else Span(ceil(hours / 24), "days")


def _covers(one: Span, other: Span) -> bool:
    """Whether a window of one length surely holds one of the other that shares its end."""
    (months, hours), (other_months, other_hours) = lasting(one), lasting(other)
    # A window in days begins with a day, one in hours at any hour of it.
    needed = 24 if one.unit == "hours" and other.unit != "hours" else 0
    return least_hours(months - other_months, hours - other_hours) >= needed
