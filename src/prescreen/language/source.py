"""A rule file while it is read: its nodes, their places, and everything that is wrong with it.

Every reading method returns None where the node is not what it must be, and has then said so; so a reader goes
on, and all mistakes of a file are reported at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NoReturn

from prescreen.problems import InputRefused, Problem, closest, did_you_mean
from prescreen.yamlio import Node

MAX_PROBLEMS = 100
MAX_STEPS = 20_000
_STEPS_OF_A_UNIT = 300
MAX_DEPTH = 64
_MAX_VALUES = 50_000
_MAX_WORDS = 200  # characters of a code, quantity, window or name
_MAX_PROSE = 20_000
_MAX_SHOWN = 60  # characters of a wrong name that a message repeats
_MAX_LINE = 500  # a longer line is not shown: nobody could find the caret

MISTAKES: dict[str, str] = {
    "missing-file": "there is no such file, folder or bundled trial",
    "unreadable": "a file or folder that cannot be opened, or is no ordinary one",
    "wrong-schema": "a file that does not begin with the schema of its kind",
    "wrong-type": "a mapping, list, text, number or yes-or-no where another was expected",
    "missing-key": "something that must be said is not",
    "unknown-key": "a key that does not exist here",
    "unknown-value": "a word that is none of those allowed here",
    "empty": "a list, text, mapping or file that says nothing",
    "invalid-name": "a name or id with characters that names do not have",
    "reserved-name": "a name that the language itself uses",
    "duplicate-id": "one id or name given to two things",
    "not-one-kind": "a criterion with both or neither of `include_if` and `exclude_if`",
    "not-one-condition": "a condition with no or several kinds of condition",
    "unknown-code": "a code that is not in the catalogue",
    "unknown-question": "a question that the trial does not declare",
    "unknown-anchor": "an anchor that the trial does not declare",
    "unknown-definition": "a definition that the trial does not hold",
    "unknown-cohort": "a cohort that the trial does not declare",
    "recursive-definition": "a definition that uses itself",
    "invalid-number": "a number that cannot be read or cannot be meant",
    "invalid-date": "a date that is none",
    "invalid-span": "a length of time that cannot be read",
    "invalid-window": "a window that cannot be read",
    "empty-window": "a window that ends before it starts",
    "missing-unit": "a number without the unit that it needs",
    "unknown-unit": "a unit that cannot be read",
    "wrong-unit": "a unit of the wrong kind",
    "repeated-unit": "one limit given twice in one kind of unit",
    "no-comparison": "an observation, age or amount that is compared with nothing",
    "wrong-comparison": "a comparison that this kind of value does not have",
    "empty-comparison": "bounds that no value can meet",
    "unclear-unless": "an exception in a place where it has no clear direction",
    "missing-else": "`if` without `else` where that would decide for everyone else",
    "no-half-life": "a window in half-lives of a drug whose half-life the catalogue does not give",
    "no-equivalent": "a dose in equivalents of a drug for which the catalogue gives none",
    "invalid-formula": "a formula, of a molecule or of a quantity, that cannot be read or computes nothing",
    "too-large": "a file that says more than anybody wrote",
    "too-deep": "mappings, lists or conditions nested too deep",
    "too-many": "more mistakes than are worth listing",
}
"""Every code of a problem of a rule file, besides those of `prescreen.yamlio`, and what it means."""


Hint = str | Callable[[], str | None] | None


@dataclass(slots=True)
class Fields:
    """A mapping's values by key, and the keys themselves for their places.

    misspelt: a key is unknown and nobody can tell what it was meant for, so that nothing is surely missing.
    """

    node: Node
    values: dict[str, Node]
    keys: dict[str, Node]
    misspelt: bool = False

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def get(self, key: str) -> Node | None:
        return self.values.get(key)

    def only(self, names: Collection[str]) -> Fields:
        """The same mapping seen with some of its keys only."""
        values = {name: value for name, value in self.values.items() if name in names}
        return Fields(self.node, values, {name: self.keys[name] for name in values}, self.misspelt)


@dataclass(slots=True)
class Source:
    """A rule file: `file` as the user named it, its `lines`, for plain data the `paths` of its nodes."""

    file: str | None
    lines: Sequence[str] = ()
    paths: Mapping[int, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _told: set[tuple[str, int]] = field(default_factory=set)
    _steps: int = 0
    _units: set[str] = field(default_factory=set)

    def refuse(self, node: Node, code: str, message: str, hint: Hint = None) -> None:
        """Report a mistake at a node, once for each code (a definition is read at every use).

        A hint that takes a search is given as a function, called only when it is needed.
        """
        if (code, id(node)) in self._told:
            return
        self._told.add((code, id(node)))
        hint = hint() if callable(hint) else hint
        place = self.paths.get(id(node))
        if node.line:
            line = self.lines[node.line - 1] if node.line <= len(self.lines) else None
            shown = line if line is not None and len(line) <= _MAX_LINE else None
            problem = Problem(code, message, self.file, place, node.line, node.column, node.width, shown, hint)
        else:
            problem = Problem(code, message, self.file, place, hint=hint)
        self.problems.append(problem)
        if len(self.problems) >= MAX_PROBLEMS:
            self.give_up("too-many", f"there are more than {MAX_PROBLEMS} mistakes: the rest is not listed")

    def give_up(self, code: str, message: str) -> NoReturn:
        """Stop reading: InputRefused with what was found, in the order of the file."""
        last = Problem(code, message, self.file)
        raise InputRefused([*self.in_order(), last])

    def in_order(self) -> list[Problem]:
        return sorted(self.problems, key=lambda problem: (problem.line or 0, problem.column or 0))

    def spend(self, steps: int = 1) -> None:
        """Count conditions and items of lists, uses of definitions written out; gives up where they are too many."""
        self._steps += steps
        if self._steps > MAX_STEPS:
            self.give_up("too-large", f"the trial has more than {MAX_STEPS:,} conditions and codes")

    def spend_on_unit(self, unit: str) -> None:
        """The first sight of a unit costs more: an unusual one takes milliseconds to read."""
        if unit not in self._units:
            self._units.add(unit)
            self.spend(_STEPS_OF_A_UNIT)

    def fields(
        self, node: Node, what: str, known: Collection[str], required: Iterable[str] = (), told: Mapping[str, str] = {}
    ) -> Fields | None:
        """A mapping with known keys only; `what` names it in messages ("a criterion").

        told: misspelt keys that have been reported, with those that they were meant for.
        """
        if node.kind != "map":
            self.refuse(node, "wrong-type", f"{what} is a mapping, not {_kind(node)}")
            return None
        found = Fields(node, {}, {})
        for key, value in node.pairs():
            name = told.get(key.text, key.text)
            if name in known:
                found.values[name] = value
                found.keys[name] = key
            else:
                self._misspelt(key, value, what, known, found)
        missing = [name for name in required if name not in found]
        if missing and not found.misspelt:
            self.refuse(node, "missing-key", f"{what} needs {listed(missing)}")
        return found

    def _misspelt(self, key: Node, value: Node, what: str, known: Collection[str], found: Fields) -> None:
        """Report an unknown key; what stands under it is read as what it must have been meant for."""
        meant = closest(key.text, known)
        hint = f"did you mean `{meant}`?" if meant else f"one of {listed(known, 'or')}"
        self.refuse(key, "unknown-key", f"{what} has no `{shown(key.text)}`", hint)
        if meant is None or found.node.get(meant) is not None:
            found.misspelt = True
        else:
            found.values.setdefault(meant, value)
            found.keys.setdefault(meant, key)

    def named(self, node: Node, what: str) -> list[tuple[Node, Node]]:
        """A mapping whose keys are names that the author gives: the names and values, well-formed ones only."""
        if node.kind != "map":
            self.refuse(node, "wrong-type", f"{what} are a mapping of names, not {_kind(node)}")
            return []
        return [(key, value) for key, value in node.pairs() if self.name(key, "a name") is not None]

    def items(self, node: Node, what: str) -> tuple[Node, ...]:
        """A list of one or more; `what` names it in messages ("`criteria`")."""
        if node.kind != "list":
            self.refuse(node, "wrong-type", f"{what} is a list, not {_kind(node)}")
        elif not node.items():
            self.refuse(node, "empty", f"{what} is empty")
        self.spend(len(node.items()))
        return node.items()

    def one_or_more(self, node: Node, what: str) -> tuple[Node, ...]:
        """A list of one or more, or one thing that stands for itself."""
        return self.items(node, what) if node.kind == "list" else (node,)

    def prose(self, node: Node, what: str) -> str | None:
        """A text of sentences that is not empty."""
        return self.text(node, what, _MAX_PROSE)

    def text(self, node: Node, what: str, most: int = _MAX_WORDS) -> str | None:
        """A text of a few words that is not empty."""
        if node.kind != "scalar":
            self.refuse(node, "wrong-type", f"{what} is a text, not {_kind(node)}")
            return None
        if node.plain() is None or not node.text.strip():
            self.refuse(node, "empty", f"{what} is empty")
            return None
        if len(node.text) > most:
            self.refuse(node, "too-large", f"{what} has more than {most:,} characters")
            return None
        return node.text

    def name(self, node: Node, what: str) -> str | None:
        """An id or name: letters, digits, `.`, `_` and `-`, at most 80 of them."""
        text = self.text(node, what)
        if text is not None and not re.fullmatch(NAME, text, re.ASCII):
            hint = "use letters, digits, `.`, `_` and `-`, beginning with a letter or digit, at most 80"
            self.refuse(node, "invalid-name", f"`{shown(text)}` is not {what}", hint)
            return None
        return text

    def boolean(self, node: Node, what: str) -> bool | None:
        value = node.plain() if node.kind == "scalar" else None
        if not isinstance(value, bool):
            self.refuse(node, "wrong-type", f"{what} is `true` or `false`, not {_kind(node)}")
            return None
        return value

    def whole(self, node: Node, what: str, low: int, high: int) -> int | None:
        """A whole number from low to high."""
        if node.kind != "scalar" or not _WHOLE.fullmatch(node.text) or not low <= int(node.text) <= high:
            self.refuse(node, "invalid-number", f"{what} is a whole number from {low} to {high}, not {_kind(node)}")
            return None
        return int(node.text)

    def choice(self, node: Node, what: str, options: Collection[str]) -> str | None:
        """One of several words."""
        text = self.text(node, what)
        if text is not None and text not in options:
            self.refuse(node, "unknown-value", f"{what} cannot be `{shown(text)}`", near(text, options))
            return None
        return text

    def lookup(self, node: Node, what: str, known: Collection[str], declared: str) -> str | None:
        """A name that the trial itself declares: `what` is "question", "anchor", "definition" or "cohort"."""
        text = self.text(node, f"the {what}")
        if text is not None and text not in known:
            message = f"no {what} is named `{shown(text)}`"
            otherwise = f"declare it under `{declared}`"
            self.refuse(node, f"unknown-{what}", message, lambda: did_you_mean(text, known) or otherwise)
            return None
        return text


NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,79}"
"""What an id or name is, as a regular expression."""

_WHOLE = re.compile(r"\d{1,9}", re.ASCII)


def near(text: str, known: Collection[str]) -> Callable[[], str]:
    """A hint with the nearest known word, or with all of them."""
    return lambda: did_you_mean(text, known) or f"one of {listed(known, 'or')}"


def shown(text: str, most: int = _MAX_SHOWN) -> str:
    """A text short enough to be repeated in a message, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def listed(words: Iterable[str], last: str = "and") -> str:
    """`a`, `b` and `c`."""
    quoted = [f"`{word}`" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} {last} {quoted[-1]}"


def _kind(node: Node) -> str:
    match node.kind:
        case "map":
            return "a mapping"
        case "list":
            return "a list"
    if node.plain() is None:
        return "nothing"
    return f"`{shown(node.text)}`" if node.text.strip() else "an empty text"


def plain_data(node: Node) -> object:
    """A node as plain Python data: dicts, lists, texts, ints, Decimals, booleans and None."""
    match node.kind:
        case "map":
            return {key.text: plain_data(value) for key, value in node.pairs()}
        case "list":
            return [plain_data(item) for item in node.items()]
        case "scalar":
            return node.plain()


def from_plain(data: Mapping[str, object], name: str | None) -> tuple[Node, Source]:
    """Plain Python data as nodes without places, whose problems name their path (``criteria[2].include_if``).

    Numbers count as they are written: floats by their shortest text. Raises InputRefused where something is no
    plain data, or nested too deep (also: holds itself), or too much.
    """
    paths: dict[int, str] = {}
    problems: list[Problem] = []

    def scalar(text: str, quoted: bool, path: str) -> Node:
        if len(paths) >= _MAX_VALUES:
            raise InputRefused([Problem("too-large", f"the trial has more than {_MAX_VALUES:,} values", name)])
        node = Node("scalar", text, quoted, 0, 0, 0)
        paths[id(node)] = path
        return node

    def node_of(value: object, path: str, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise InputRefused([Problem("too-deep", f"nested more than {MAX_DEPTH} levels deep", name)])
        match value:
            case str():
                return scalar(value, True, path)
            case None:
                return scalar("", False, path)
            case bool():
                return scalar("true" if value else "false", False, path)
            case int() | Decimal() | float() if not isinstance(value, int) or abs(value) < 10**400:
                return scalar(float.__repr__(value) if isinstance(value, float) else str(value), False, path)
            case Mapping():
                pairs = []
                for key, entry in value.items():
                    below = f"{path}.{shown(str(key))}" if path else shown(str(key))
                    if not isinstance(key, str):
                        problems.append(Problem("wrong-type", "a key is a text", name, below))
                        continue
                    pairs.append((scalar(key, True, below), node_of(entry, below, depth + 1)))
                node = Node("map", tuple(pairs), False, 0, 0, 0)
            case list() | tuple():
                entries = (node_of(entry, f"{path}[{i}]", depth + 1) for i, entry in enumerate(value))
                node = Node("list", tuple(entries), False, 0, 0, 0)
            case _:
                problems.append(Problem("wrong-type", f"a {type(value).__name__} is no plain data", name, path))
                return scalar("", False, path)
        paths[id(node)] = path
        return node

    root = node_of(data, "", 0)
    if problems:
        raise InputRefused(problems)
    return root, Source(name, paths=paths)
