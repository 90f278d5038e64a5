"""Rule text written anew: nodes put together, numbers and lengths of time moved by a step, what is written in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from prescreen.language import SCREENING
from prescreen.language.source import shown
from prescreen.time import Span, parse_span, shift_day
from prescreen.yamlio import Node

Pair = tuple[Node, Node]
DayOf = Callable[[str], int]
"""The day of an anchor as the cases have it: how many days months and years are is counted there."""

_LENGTH: Final = re.compile(r"(\d+) ([a-z-]+)((?: (?:before|after) \S+)?)")
_NUMBER: Final = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", re.ASCII)
_HALF_LIVES: Final = ("half-life", "half-lives")


def scalar(text: str, place: Node) -> Node:
    """A word or number at a place."""
    return replace(place, kind="scalar", value=text, quoted=False)


def renamed(pair: Pair, key: str) -> Pair:
    return scalar(key, pair[0]), pair[1]


def mapping(pairs: Iterable[Pair], place: Node) -> Node:
    return replace(place, kind="map", value=tuple(pairs))


def sequence(items: Iterable[Node], place: Node) -> Node:
    return replace(place, kind="list", value=tuple(items))


def put(node: Node, key: str, value: Node) -> Node:
    """A mapping with another value under one of its keys, which is added where it was not there."""
    if node.get(key) is None:
        return mapping([*node.pairs(), (scalar(key, node), value)], node)
    return mapping([(name, value if name.text == key else old) for name, old in node.pairs()], node)


def put_at(node: Node, path: Sequence[str], value: Node) -> Node:
    """A mapping with another value where a path of its keys leads; the value itself where the path is empty."""
    if not path:
        return value
    inner = node.get(path[0])
    return node if inner is None else put(node, path[0], put_at(inner, path[1:], value))


def without(node: Node, *keys: str) -> Node:
    """A mapping without some of its keys."""
    return mapping([(name, value) for name, value in node.pairs() if name.text not in keys], node)


def key_node(node: Node, key: str) -> Node:
    """The key itself, for its place."""
    return next((name for name, _ in node.pairs() if name.text == key), node)


def changed_item(node: Node, position: int, item: Node) -> Node:
    items = node.items()
    return sequence([*items[:position], item, *items[position + 1 :]], node)


def dropped_item(node: Node, position: int) -> Node:
    items = node.items()
    return sequence([*items[:position], *items[position + 1 :]], node)


def written(node: Node) -> str:
    """A node on one line, in flow style."""
    match node.kind:
        case "map":
            return "{" + ", ".join(f"{key.text}: {written(value)}" for key, value in node.pairs()) + "}"
        case "list":
            return "[" + ", ".join(map(written, node.items())) + "]"
        case "scalar":
            return " ".join(node.text.split())


def quoted(*pairs: tuple[str, Node]) -> str:
    """Keys with their values as a message shows them."""
    return f"`{shown(', '.join(f'{key}: {written(value)}' for key, value in pairs))}`"


def moved_number(text: str, step: int) -> str | None:
    """A quantity a tenth of it higher (step 1) or lower (-1); a score or count, by one. None: it has no number."""
    match = _NUMBER.match(text.strip())
    if match is None:
        return None
    number, rest = Decimal(match[0]), text.strip()[match.end() :]
    if not rest.strip() and number == number.to_integral_value():
        moved = number + step
    else:
        moved = number * (Decimal(10) + step) / 10 or Decimal(step)
    return f"{moved.normalize():f}{rest}"


def moved_age(text: str, step: int) -> str | None:
    """A number of completed units, one more or one less."""
    match = _LENGTH.fullmatch(" ".join(text.split()))
    return f"{int(match[1]) + step} {match[2]}" if match and int(match[1]) + step > 0 else None


def moved_length(text: str, step: int, day_of: DayOf, forwards: bool = False) -> str | None:
    """A length of time, or a window of one, longer (step 1) or shorter (-1) by an hour, a day or a half-life.

    Months and years become days, counted back from the day of the anchor (screening, where none is named), or forwards
    from it. None: there is no length in it, or nothing would be left.
    """
    match = _LENGTH.fullmatch(" ".join(text.split()))
    if match is None:
        return None
    number, unit, rest = int(match[1]), match[2], match[3]
    if unit in _HALF_LIVES:
        return f"{number + step} half-lives{rest}" if number + step else None
    try:
        span = parse_span(f"{number} {unit}")
    except ValueError:
        return None
    if span.unit == "hours":
        return f"{number + step} hours{rest}" if number + step > 0 else None
    days = _days(span, day_of(rest.split()[-1] if rest else SCREENING), forwards or " after " in rest) + step
    return f"{days} {'day' if days == 1 else 'days'}{rest}" if days > 0 else None


def _days(span: Span, day: int, forwards: bool) -> int:
    match span.unit:
        case "days":
            return span.number
        case "weeks":
            return 7 * span.number
        case _:
            return abs(shift_day(day, span, 1 if forwards else -1) - day)
