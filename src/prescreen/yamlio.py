"""YAML 1.2 as a tree of nodes that know their place: the one reader of rule and catalogue files.

No objects are built, no tags or aliases allowed, numbers keep their text, `yes`, `no` and `on` are
strings (YAML 1.2.2, §10.3, the core schema). The tree is made iteratively from parse events, so that no
file, however nested or large, can exhaust the stack or the memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
)

from prescreen.problems import InputRefused, Problem

try:
    from yaml import CSafeLoader as Events
except ImportError:  # pragma: no cover - PyYAML built without libyaml: the same events, slower
    from yaml import SafeLoader as Events  # type: ignore[assignment]

MAX_BYTES = 5_000_000
MAX_DEPTH = 64
MAX_NODES = 100_000
MAX_PROBLEMS = 100
MAX_LINE = 400  # characters; a longer line is not shown
MAX_NUMBER = 400  # characters; what is longer is no number anyone wrote

MISTAKES: dict[str, str] = {
    "encoding": "a file that is not in UTF-8",
    "control-character": "a character that texts do not have",
    "syntax": "a text that is not YAML",
    "empty": "a list, text, mapping or file that says nothing",
    "several-documents": "more than one document in a file",
    "duplicate-key": "a key given twice in one mapping",
    "compound-key": "a list or mapping where a key is expected",
    "tag": "a tag, which would ask for an object",
    "alias": "an anchor or alias, which would repeat what is written elsewhere",
    "too-large": "a file that says more than anybody wrote",
    "too-deep": "mappings, lists or conditions nested too deep",
    "too-many": "more mistakes than are worth listing",
}
"""Every code of a problem of a YAML file as such, and what it means."""

Scalar = str | bool | int | Decimal | None


@dataclass(frozen=True, slots=True)
class Node:
    """A mapping, list or scalar of a YAML text.

    value: (key, value) pairs of a map, items of a list, text of a scalar. quoted: a scalar in quotes or a block
    scalar, always a string. line, column: where it begins, 1-based; end_column: just behind its last character on
    that line (of a map in block style, behind its first key).
    """

    kind: Literal["map", "list", "scalar"]
    value: tuple[tuple[Node, Node], ...] | tuple[Node, ...] | str
    quoted: bool
    line: int
    column: int
    end_column: int

    @property
    def width(self) -> int:
        """How many characters a caret under this node marks, at least 1."""
        return max(1, self.end_column - self.column)

    @property
    def text(self) -> str:
        """The text of a scalar as it was written; "" for a map or list."""
        return self.value if isinstance(self.value, str) else ""

    def pairs(self) -> tuple[tuple[Node, Node], ...]:
        """The keys and values of a map, in order; nothing for a list or scalar."""
        return self.value if self.kind == "map" else ()  # type: ignore[return-value]

    def items(self) -> tuple[Node, ...]:
        """The items of a list; nothing for a map or scalar."""
        return self.value if self.kind == "list" else ()  # type: ignore[return-value]

    def get(self, key: str) -> Node | None:
        """The value of a map's key, or None."""
        return next((value for name, value in self.pairs() if name.value == key), None)

    def plain(self) -> Scalar:
        """A scalar by the core schema: None, bool, int, Decimal or str.

        Infinities, NaN and numbers of more than 400 characters stay text. A map or list is an error of the caller:
        ValueError.
        """
        if self.kind != "scalar":
            raise ValueError(f"a {self.kind} is no scalar")
        text = self.text
        if self.quoted:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if len(text) <= MAX_NUMBER:
            if _INTEGER.fullmatch(text):
                return int(text)
            if _DECIMAL.fullmatch(text):
                return Decimal(text)
            if _BASED.fullmatch(text):
                return int(text, 0)
        return text

    def problem(self, code: str, message: str, file: str, hint: str | None = None) -> Problem:
        """A problem at this node, still without its line of the text: see `with_source_lines`."""
        return Problem(code, message, file, None, self.line, self.column, self.width, hint=hint)


def load_yaml(text: str | bytes, file: str) -> Node:
    """The one document of a YAML text. Raises InputRefused with everything that `read_yaml` finds wrong."""
    root, problems = read_yaml(text, file)
    if root is None or problems:
        raise InputRefused(problems)
    return root


def read_yaml(text: str | bytes, file: str) -> tuple[Node | None, list[Problem]]:
    """The one document of a YAML text as far as it can be read, and everything that is wrong with it.

    file: the name to show in problems. A duplicate or compound key, a tag, an anchor or an alias leaves a document
    whose meaning can still be looked at; the document is None where reading cannot go on: not UTF-8, control
    characters, syntax, more than 64 levels, more than 5 MB or 100,000 nodes, an empty text, several documents.
    """
    try:
        source = _decoded(text, file)
    except InputRefused as refused:
        return None, list(refused.problems)
    problems: list[Problem] = []
    root: Node | None = None
    try:
        root = _tree(source, file, problems)
    except yaml.YAMLError as error:
        problems.append(_syntax(error, file))
    if root is None and not problems:
        problems.append(Problem("empty", "the file is empty", file))
    return root, list(with_source_lines(problems, source))


def with_source_lines(problems: Iterable[Problem], source: str) -> tuple[Problem, ...]:
    """The same problems, each with the line of the text that it is about."""
    lines = _BREAK.split(source)
    return tuple(replace(problem, source_line=_shown(lines, problem.line)) for problem in problems)


def source_line(text: str, line: int) -> str | None:
    """A line of a text by its 1-based number; None beyond the end, or where it is too long to be shown.

    Lines break where the reader breaks them, which is not quite where `str.splitlines` does.
    """
    return _shown(_BREAK.split(text), line)


def _shown(lines: list[str], line: int | None) -> str | None:
    found = lines[line - 1] if line is not None and 1 <= line <= len(lines) else None
    return found if found is not None and len(found) <= MAX_LINE else None


_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,9})?", re.ASCII)
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _decoded(text: str | bytes, file: str) -> str:
    """The text as characters, or InputRefused where it is too long, not UTF-8 or has control characters."""
    if len(text) > MAX_BYTES:
        raise InputRefused([Problem("too-large", f"the file has more than {MAX_BYTES // 1_000_000} MB", file)])
    if isinstance(text, bytes):
        raw = text
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line, column = _place(raw[: error.start].decode("utf-8"))
            problem = Problem("encoding", "the file is not in UTF-8", file, None, line, column, hint="save it as UTF-8")
            raise InputRefused(with_source_lines([problem], raw.decode("utf-8", "replace"))) from None
    if found := _UNPRINTABLE.search(text):
        line, column = _place(text[: found.start()])
        message = f"the character U+{ord(found.group()):04X} is not allowed"
        problem = Problem("control-character", message, file, None, line, column)
        raise InputRefused(with_source_lines([problem], _UNPRINTABLE.sub("\ufffd", text)))
    return text


def _place(before: str) -> tuple[int, int]:
    """Line and column, both 1-based, just behind a text."""
    lines = _BREAK.split(before)
    return len(lines), len(lines[-1]) + 1


def _syntax(error: yaml.YAMLError, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    hint = next((hint for words, hint in _SYNTAX_HINTS.items() if words in what), None)
    begun = getattr(error, "context_mark", None)
    inside = next((part for words, part in _PARTS.items() if words in (getattr(error, "context", None) or "")), None)
    if inside and begun and (begun.line, begun.column) != (line - 1, column - 1):
        what += f", in the {inside} that begins at {begun.line + 1}:{begun.column + 1}"
    return Problem("syntax", f"not YAML: {what}", file, None, line, column, hint=hint)


_PARTS = {"sequence": "list", "collection": "list", "mapping": "mapping", "quoted scalar": "text", "simple key": "key"}


_SYNTAX_HINTS = {
    "mapping values are not allowed": "put a text that holds a colon in quotes, or check the indentation",
    "cannot start any token": "indent with spaces, and put a text that begins with a special character in quotes",
    "did not find expected": "check the indentation, commas and closing brackets",
}


@dataclass(slots=True)
class _Open:
    """A map or list whose end has not been read yet; a map's children are its keys and values in turn."""

    kind: Literal["map", "list"]
    line: int
    column: int
    children: list[Node]


def _tree(source: str, file: str, problems: list[Problem]) -> Node | None:
    """The document, None where there is none or reading cannot go on; what is wrong goes to problems."""
    root: Node | None = None
    unfinished: list[_Open] = []
    nodes = documents = 0
    for event in yaml.parse(source, Loader=Events):
        if isinstance(event, ScalarEvent):
            node = _scalar(event, file, problems)
        elif isinstance(event, CollectionStartEvent):
            unfinished.append(_begun(event, file, problems))
            if len(unfinished) > MAX_DEPTH:
                problems.append(_problem("too-deep", f"nested more than {MAX_DEPTH} levels deep", event, file))
                return None
            continue
        elif isinstance(event, CollectionEndEvent):
            node = _finished(unfinished.pop(), event, file, problems)
        elif isinstance(event, AliasEvent):
            node = _alias(event, file, problems)
        else:
            documents += isinstance(event, DocumentStartEvent)
            if documents > 1:
                problems.append(_problem("several-documents", "a file holds one document", event, file))
                return None
            continue
        nodes += 1
        if nodes > MAX_NODES:
            problems.append(_problem("too-large", f"the file has more than {MAX_NODES:,} values", event, file))
        if len(problems) >= MAX_PROBLEMS:
            message = f"there are more than {MAX_PROBLEMS} mistakes: the rest is not listed"
            problems.append(Problem("too-many", message, file))
        if len(problems) >= MAX_PROBLEMS or nodes > MAX_NODES:
            return None
        if unfinished:
            unfinished[-1].children.append(node)
        else:
            root = node
    nothing = root is None or (root.kind == "scalar" and root.text == "" and not root.quoted)
    return None if nothing else root


def _scalar(event: ScalarEvent, file: str, problems: list[Problem]) -> Node:
    if event.tag is not None or event.anchor is not None:
        _refuse_properties(event, file, problems)
    line, column, end_line, end_column = _span(event)
    # plain scalars have the style "" in libyaml, None in the reader without it
    return Node("scalar", event.value, bool(event.style), line, column, end_column if end_line == line else column + 1)


def _alias(event: AliasEvent, file: str, problems: list[Problem]) -> Node:
    """An empty text in place of the alias, and the problem."""
    line, column, _, end_column = _span(event)
    node = Node("scalar", "", True, line, column, end_column)
    message = f"the alias `*{_short(event.anchor or '')}` is not allowed"
    problems.append(node.problem("alias", message, file, "write the value out"))
    return node


def _begun(event: CollectionStartEvent, file: str, problems: list[Problem]) -> _Open:
    if event.tag is not None or event.anchor is not None:
        _refuse_properties(event, file, problems)
    line, column, _, _ = _span(event)
    return _Open("map" if isinstance(event, MappingStartEvent) else "list", line, column, [])


def _finished(collection: _Open, event: Event, file: str, problems: list[Problem]) -> Node:
    """The node of a collection that has ended; duplicate and compound keys go to problems."""
    children, line, column = collection.children, collection.line, collection.column
    _, _, end_line, end_column = _span(event)
    if end_line != line:
        end_column = children[0].end_column if children and children[0].line == line else column + 1
    if collection.kind == "list":
        return Node("list", tuple(children), False, line, column, end_column)
    seen: dict[str, int] = {}
    for key in children[::2]:
        if key.kind != "scalar":
            problems.append(key.problem("compound-key", f"a {key.kind} cannot be a key", file))
        elif key.text in seen:
            message = f"the key `{_short(key.text)}` is on line {seen[key.text]} already"
            problems.append(key.problem("duplicate-key", message, file, "keep one of them"))
        else:
            seen[key.text] = key.line
    pairs = tuple(zip(children[::2], children[1::2], strict=True))
    return Node("map", pairs, False, line, column, end_column)


def _refuse_properties(event: ScalarEvent | CollectionStartEvent, file: str, problems: list[Problem]) -> None:
    """Problems of a node's tag (which could ask for an object) and anchor (which could multiply it)."""
    if event.tag is not None:
        tag = _problem("tag", f"the tag `{_short(event.tag)}` is not allowed", event, file)
        problems.append(replace(tag, hint="a file holds plain data: remove the tag"))
    if event.anchor is not None:
        anchor = _problem("alias", f"the anchor `&{_short(event.anchor)}` is not allowed", event, file)
        problems.append(replace(anchor, hint="write the value out where it is used"))


def _problem(code: str, message: str, event: Event, file: str) -> Problem:
    line, column, _, _ = _span(event)
    return Problem(code, message, file, None, line, column)


def _span(event: Event) -> tuple[int, int, int, int]:
    """Line and column of an event's begin and end, 1-based."""
    start: Any = event.start_mark
    end: Any = event.end_mark
    return start.line + 1, start.column + 1, end.line + 1, end.column + 1


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
