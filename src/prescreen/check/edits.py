"""Conditions as an author might have written them by mistake: each edit changes one thing in a condition's text.

An edit is made to the nodes of the file and read again by the loader, so that a mutant is exactly a rule file that
somebody could have written, however many leaves the changed place stands for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from prescreen.check.bounds import LOOSE, STRICT, TURNED, bounds_of
from prescreen.check.writing import (
    DayOf,
    changed_item,
    dropped_item,
    key_node,
    mapping,
    moved_length,
    put,
    quoted,
    renamed,
    scalar,
    sequence,
    without,
    written,
)
from prescreen.language import SCREENING
from prescreen.language.conditions import CONDITIONS
from prescreen.language.events import DOMAINS
from prescreen.language.source import shown
from prescreen.yamlio import Node


@dataclass(frozen=True, slots=True)
class Edit:
    """One change. at: the place; what: the change in words, to be followed by "is noticed by no case"; node: the
    condition with it."""

    at: Node
    what: str
    node: Node


PARTS: Final = ("if", "then", "else", "not", "unless", "without")
"""The keys under which a condition stands."""

_OPTIONS: Final = (
    "detected",
    "on",
    "at",
    "by",
    "status",
    "verification",
    "severity",
    "site",
    "confirmed_by",
    "for",
    "route",
    "outcome",
    "except",
    "select",
    "without",
)
"""What a leaf may do without, and may have been forgotten; bounds, lengths of time and `unless` aside."""

_LISTS: Final = ("status", "verification", "severity", "site", "confirmed_by", "route", "outcome", "for", "one_of")
"""Options that may be a list of words, one of which may be too many."""

_WORDS: Final = {
    ("sex", "female"): "male",
    ("sex", "male"): "female",
    ("detected", "true"): "false",
    ("detected", "false"): "true",
    ("equals", "true"): "false",
    ("equals", "false"): "true",
    ("select", "any"): "every",
    ("select", "every"): "any",
    ("select", "highest"): "lowest",
    ("select", "lowest"): "highest",
}
_KEYS: Final = {
    "is": "is_not",
    "is_not": "is",
    "fall": "rise",
    "rise": "fall",
    "every_of": "any_of",
    "any_of": "every_of",
    "longest": "shortest",
    "shortest": "longest",
}


def kind_of(condition: Node) -> str:
    """The key that says what kind a condition is; "" where none does."""
    return next((key.text for key, _ in condition.pairs() if key.text in CONDITIONS), "")


def edits_of(condition: Node, day_of: DayOf) -> Iterator[Edit]:
    """Every edit of a condition that this program knows, those inside it too. Some may be no rules any more."""
    kind = kind_of(condition)
    match kind:
        case "all" | "any":
            yield from _branches(condition, kind, day_of)
        case "at_least_of":
            yield from _counts(condition, day_of)
        case "not":
            yield Edit(key_node(condition, "not"), "without `not`", _unwrapped(condition, "not"))
        case "if":
            yield from _ifs(condition)
        case "":
            return
        case _:
            yield from leaf_edits(condition, day_of)
    if (exception := condition.get("unless")) is not None:
        yield Edit(exception, f"without {quoted(('unless', exception))}", without(condition, "unless"))
    for key, part in condition.pairs():
        if key.text in PARTS and part.kind == "map":
            for edit in edits_of(part, day_of):
                yield replace(edit, node=put(condition, key.text, edit.node))


def _unwrapped(condition: Node, key: str) -> Node:
    """What stands under a key instead of the whole; an `unless` beside it stays."""
    inner, exception = condition.get(key), condition.get("unless")
    if inner is None:
        return condition
    if exception is None:
        return inner
    return mapping([(scalar("all", condition), sequence([inner], condition)), *_pair(condition, "unless")], condition)


def _pair(condition: Node, key: str) -> list[tuple[Node, Node]]:
    return [pair for pair in condition.pairs() if pair[0].text == key]


def _branches(condition: Node, kind: str, day_of: DayOf) -> Iterator[Edit]:
    """`all` for `any`, one of the branches forgotten, and what may be wrong in each."""
    branches = condition.get(kind)
    if branches is None:
        return
    if len(branches.items()) > 1:
        other = "any" if kind == "all" else "all"
        pairs = [renamed(pair, other) if pair[0].text == kind else pair for pair in condition.pairs()]
        yield Edit(key_node(condition, kind), f"`{kind}` as `{other}`", mapping(pairs, condition))
    for at, branch in enumerate(branches.items()):
        if len(branches.items()) > 1:
            yield Edit(branch, f"without {_flow(branch)}", put(condition, kind, dropped_item(branches, at)))
        for edit in edits_of(branch, day_of):
            yield replace(edit, node=put(condition, kind, changed_item(branches, at, edit.node)))


def _counts(condition: Node, day_of: DayOf) -> Iterator[Edit]:
    within = condition.get("at_least_of")
    count, branches = (within.get("count"), within.get("of")) if within else (None, None)
    if within is None or count is None or branches is None or not count.text.isdigit():
        return
    for number in (int(count.text) + 1, int(count.text) - 1):
        edited = put(condition, "at_least_of", put(within, "count", scalar(str(number), count)))
        yield Edit(count, f"`count: {count.text}` as `count: {number}`", edited)
    for at, branch in enumerate(branches.items()):
        left = dropped_item(branches, at)
        yield Edit(branch, f"without {_flow(branch)}", put(condition, "at_least_of", put(within, "of", left)))
        for edit in edits_of(branch, day_of):
            changed = put(within, "of", changed_item(branches, at, edit.node))
            yield replace(edit, node=put(condition, "at_least_of", changed))


def _ifs(condition: Node) -> Iterator[Edit]:
    """Branches taken the other way round, always, or never."""
    at, holds, otherwise = key_node(condition, "if"), condition.get("then"), condition.get("else")
    yield Edit(at, "`then` for everyone", _unwrapped(condition, "then"))
    if holds is None or otherwise is None:
        return
    yield Edit(at, "`else` for everyone", _unwrapped(condition, "else"))
    yield Edit(key_node(condition, "else"), "without `else`", without(condition, "else"))
    yield Edit(at, "`then` and `else` exchanged", put(put(condition, "then", otherwise), "else", holds))


def leaf_edits(leaf: Node, day_of: DayOf) -> Iterator[Edit]:
    """What may be wrong in one leaf, or in what an `except` removes."""
    yield from _bound_edits(leaf)
    yield from _window_edits(leaf, day_of)
    for key, value in leaf.pairs():
        name, said = key.text, quoted((key.text, value))
        if (other := _WORDS.get((name, value.text))) is not None:
            yield Edit(value, f"{said} as `{name}: {other}`", put(leaf, name, scalar(other, value)))
        if name in _OPTIONS:
            yield Edit(value, f"without {said}", without(leaf, name))
        if name in ("for_at_least", "stable_for"):
            yield Edit(value, f"without {said}", without(leaf, name, "at"))
            for step in (1, -1):
                if moved := moved_length(value.text, step, lambda _anchor: day_of(_anchor_of(leaf))):
                    yield Edit(value, f"{said} as `{name}: {moved}`", put(leaf, name, scalar(moved, value)))
        if name in _KEYS:
            pairs = [renamed(pair, _KEYS[name]) if pair[0] is key else pair for pair in leaf.pairs()]
            yield Edit(key, f"{said} as `{_KEYS[name]}`", mapping(pairs, leaf))
        if name in _LISTS and len(value.items()) > 1:
            for at, word in enumerate(value.items()):
                yield Edit(word, f"{said} without `{word.text}`", put(leaf, name, dropped_item(value, at)))
        if (name in DOMAINS or name == "except") and len(value.items()) > 1:
            for at, code in enumerate(value.items()):
                what = f"`{name}` without `{shown(written(code))}`"
                yield Edit(code, what, put(leaf, name, dropped_item(value, at)))
        if name == "except":
            for at, item in enumerate(value.items() or (value,)):
                for edit in leaf_edits(item, day_of) if item.kind == "map" else ():
                    new = changed_item(value, at, edit.node) if value.kind == "list" else edit.node
                    yield replace(edit, node=put(leaf, name, new))
        if name == "observation" and value.kind == "map":
            yield from _several(leaf, value)
        if name == "select" and value.kind == "map":
            yield from _select_edits(leaf, value, day_of)
        if name == "answer" and leaf.get("equals") is None:
            yield Edit(value, f"{said} as its opposite", put(leaf, "equals", scalar("false", value)))
    yield from _unsaid_edits(leaf)
    for way in ("fall", "rise"):
        if (change := leaf.get(way)) is not None:
            yield from _change_edits(leaf, way, change, day_of)


_UNSAID: Final = {
    "condition": ("status", "active"),
    "treatment": ("status", "ongoing"),
    "observation": ("select", "any"),
}
"""What a leaf that says nothing of it might have said: only what is so now; not only the latest result."""


def _unsaid_edits(leaf: Node) -> Iterator[Edit]:
    option, word = _UNSAID.get(kind_of(leaf), ("", ""))
    if option and leaf.get(option) is None and leaf.get("stable_for") is None:
        at = leaf.pairs()[0][1]
        yield Edit(at, f"{_flow(leaf)} with `{option}: {word}`", put(leaf, option, scalar(word, at)))


def _anchor_of(leaf: Node) -> str:
    at = leaf.get("at")
    return at.text if at else SCREENING


def _bound_edits(leaf: Node) -> Iterator[Edit]:
    for bound in bounds_of(leaf):
        for operator in ((STRICT | LOOSE)[bound.operator], TURNED[bound.operator]):
            if (edited := bound.as_operator(operator)) is not None:
                yield Edit(bound.at, f"{bound.words} as {quoted((operator, bound.at))}", edited)
        for step in (1, -1):
            if moved := bound.moved(step):
                value, edited = moved
                yield Edit(bound.at, f"{bound.words} as {quoted((bound.operator, value))}", edited)
        yield Edit(bound.at, f"without {bound.words}", bound.dropped())


def _window_edits(leaf: Node, day_of: DayOf) -> Iterator[Edit]:
    """The window longer, shorter, on the other side of its anchor, counted from screening, or none."""
    window = leaf.get("within")
    if window is None:
        return
    for edit in window_edits(window, "within", day_of):
        yield replace(edit, node=put(leaf, "within", edit.node))


def window_edits(window: Node, key: str, day_of: DayOf) -> Iterator[Edit]:
    """Other windows for one that stands under a key."""
    if window.kind == "map":
        for name, value in window.pairs():
            for edit in _end_edits(name.text, value, day_of):
                yield replace(edit, node=put(window, name.text, edit.node))
            if name.text in _KEYS:
                other = _KEYS[name.text]
                yield Edit(name, f"`{name.text}` as `{other}`", mapping([renamed((name, value), other)], window))
            if name.text in ("from", "to") and len(window.pairs()) > 1:
                yield Edit(value, f"without {quoted((name.text, value))}", without(window, name.text))
    else:
        for new in _moved_windows(window, day_of):
            yield Edit(window, f"{quoted((key, window))} as {quoted((key, new))}", new)
    if window.text != "any":
        yield Edit(window, f"{quoted((key, window))} as `{key}: any`", scalar("any", window))


def _end_edits(key: str, value: Node, day_of: DayOf) -> Iterator[Edit]:
    """An end of a window moved, or one of the lengths of which the longest or shortest counts."""
    if value.kind == "list":
        for at, item in enumerate(value.items()):
            said = quoted((key, item))
            for new in _moved_windows(item, day_of):
                yield Edit(item, f"{said} as {quoted((key, new))}", changed_item(value, at, new))
            if len(value.items()) > 1:
                yield Edit(item, f"without {said}", dropped_item(value, at))
        return
    others = list(_moved_windows(value, day_of))
    if " " not in value.text:
        others += [scalar(f"1 day {side} {value.text}", value) for side in ("before", "after")]
    for new in others:
        yield Edit(value, f"{quoted((key, value))} as {quoted((key, new))}", new)


def _moved_windows(node: Node, day_of: DayOf) -> Iterator[Node]:
    """A scalar of a window with another length, the other side, or screening as its anchor."""
    words = " ".join(node.text.split()).split(" ")
    for step in (1, -1):
        if moved := moved_length(node.text, step, day_of):
            yield scalar(moved, node)
    if len(words) > 1 and words[-2] in ("before", "after"):
        other = "after" if words[-2] == "before" else "before"
        yield scalar(" ".join([*words[:-2], other, words[-1]]), node)
        if words[-1] != SCREENING:
            yield scalar(" ".join([*words[:-1], SCREENING]), node)


def _several(leaf: Node, codes: Node) -> Iterator[Edit]:
    """`every_of` for `any_of`, or one of the codes forgotten."""
    for key, value in codes.pairs():
        if key.text not in _KEYS or len(value.items()) < 2:
            continue
        other = mapping([renamed((key, value), _KEYS[key.text])], codes)
        yield Edit(key, f"`{key.text}` as `{_KEYS[key.text]}`", put(leaf, "observation", other))
        for at, code in enumerate(value.items()):
            left = put(codes, key.text, dropped_item(value, at))
            yield Edit(code, f"`{key.text}` without `{code.text}`", put(leaf, "observation", left))


def _select_edits(leaf: Node, select: Node, day_of: DayOf) -> Iterator[Edit]:
    for key, value in select.pairs():
        said = quoted((key.text, value))
        if value.text.isdigit():
            for number in (int(value.text) + 1, int(value.text) - 1):
                new = put(select, key.text, scalar(str(number), value))
                yield Edit(value, f"{said} as `{key.text}: {number}`", put(leaf, "select", new))
        if key.text == "apart":
            yield Edit(value, f"without {said}", put(leaf, "select", without(select, "apart")))
            for step in (1, -1):
                if moved := moved_length(value.text, step, day_of):
                    new = put(select, "apart", scalar(moved, value))
                    yield Edit(value, f"{said} as `apart: {moved}`", put(leaf, "select", new))


def _change_edits(leaf: Node, way: str, change: Node, day_of: DayOf) -> Iterator[Edit]:
    for key, value in change.pairs():
        said = quoted((key.text, value))
        if key.text in ("from", "over"):
            yield Edit(value, f"without {said}", put(leaf, way, without(change, key.text)))
        if key.text == "over":
            for step in (1, -1):
                if moved := moved_length(value.text, step, day_of):
                    new = put(change, "over", scalar(moved, value))
                    yield Edit(value, f"{said} as `over: {moved}`", put(leaf, way, new))


def _flow(condition: Node) -> str:
    """A condition by the words that say most of it."""
    kind = kind_of(condition)
    value = condition.get(kind)
    if kind in DOMAINS or kind in ("observation", "answer", "use", "sex", "age"):
        return quoted((kind, value)) if value else "a branch"
    return f"`{kind}: …`" if written(condition) else "a branch"
