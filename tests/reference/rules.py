"""The rule language as the reference reads it: plain mappings to small frozen trees.

Inner nodes are tuples: ("all", children), ("any", children), ("not", child), ("at_least_of", count, children),
("if", condition, then, otherwise or None). Leaves are the dataclasses below. `unless` becomes `any` or `all`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from typing import Any

from tests.reference.vocabulary import EVER, HALF_LIVES, TO_CANONICAL

OPERATORS = ("at_least", "above", "at_most", "below")
DOMAINS = {"condition": "conditions", "treatment": "treatments", "procedure": "procedures", "allergy": "allergies"}

Moment = tuple[str, int, str]
"""Anchor, signed number and unit: ("screening", -28, "days")."""
Window = tuple[Moment | None, Moment | None]
ANY: Window = (None, None)


@dataclass(frozen=True)
class AgeLeaf:
    bounds: tuple[tuple[str, int, str], ...]  # operator, number, unit
    anchor: str


@dataclass(frozen=True)
class SexLeaf:
    sex: str


@dataclass(frozen=True)
class AnswerLeaf:
    question: str
    equals: Any


@dataclass(frozen=True)
class Bound:
    """limits: (number in the canonical unit or multiple, "" or ULN/LLN/LLOD, kind of unit) for each unit printed."""

    operator: str
    limits: tuple[tuple[Fraction, str, str], ...]


@dataclass(frozen=True)
class Change:
    """A fall or rise. bounds: (operator, number, whether it is percent of the earlier result)."""

    way: str
    bounds: tuple[tuple[str, Fraction, bool], ...]
    base: str
    over: tuple[int, str] | None


@dataclass(frozen=True)
class ResultLeaf:
    code: str
    bounds: tuple[Bound, ...]
    codes: tuple[tuple[bool, tuple[str, ...]], ...]  # (wanted, codes)
    detected: tuple[bool, ...]
    window: Window
    select: str
    count: int = 1
    apart: tuple[int, str] | None = None
    changes: tuple[Change, ...] = ()

    @property
    def key(self) -> tuple[Any, ...]:
        """Leaves with the same key share the one free value of a window without results."""
        return self.code, self.window, self.select, self.count, self.apart, self.changes


@dataclass(frozen=True)
class EventLeaf:
    domain: str
    codes: tuple[str, ...]
    window: Window = ANY
    statuses: frozenset[str] = frozenset()  # empty: any
    for_at_least: tuple[int, str] | None = None
    at: str = "screening"
    verification: frozenset[str] | None = frozenset({"confirmed"})  # None: whatever it is
    excepted: tuple[EventLeaf, ...] = ()
    attributes: tuple[tuple[str, frozenset[str]], ...] = ()
    by_start: bool = False
    duration: tuple[tuple[str, int, str], ...] = ()  # operator, number, unit
    changed: bool = False  # begun or ended less than `for_at_least` before `at`


Leaf = AgeLeaf | SexLeaf | AnswerLeaf | ResultLeaf | EventLeaf


def read(condition: dict[str, Any], saves: bool = True, definitions: dict[str, Any] | None = None) -> Any:
    """The tree of a condition; `saves`: whether an `unless` right here saves (True) or spares."""
    if "unless" in condition:
        rest = {key: value for key, value in condition.items() if key != "unless"}
        child = read(rest, saves, definitions)
        exception = read(condition["unless"], saves, definitions)
        return ("any", (child, exception)) if saves else ("all", (child, ("not", exception)))

    def inner(part: dict[str, Any]) -> Any:
        return read(part, saves, definitions)

    if "all" in condition:
        return "all", tuple(inner(part) for part in condition["all"])
    if "any" in condition:
        return "any", tuple(inner(part) for part in condition["any"])
    if "not" in condition:
        return "not", read(condition["not"], not saves, definitions)
    if "at_least_of" in condition:
        return "at_least_of", condition["at_least_of"]["count"], tuple(inner(c) for c in condition["at_least_of"]["of"])
    if "if" in condition:
        otherwise = inner(condition["else"]) if "else" in condition else None
        return "if", inner(condition["if"]), inner(condition["then"]), otherwise
    if "use" in condition:
        return inner((definitions or {})[condition["use"]])
    if "age" in condition:
        bounds = tuple((operator, *_span(text)) for operator, text in _comparisons(condition["age"]))
        return AgeLeaf(bounds, condition["age"].get("on", condition.get("on", "screening")))
    if "sex" in condition:
        return SexLeaf(condition["sex"])
    if "answer" in condition:
        return AnswerLeaf(condition["answer"], condition.get("equals", True))
    if "observation" in condition:
        code = condition["observation"]
        if isinstance(code, dict):
            together, codes = next(iter(code.items()))
            return "all" if together == "every_of" else "any", tuple(_result(each, condition) for each in codes)
        return _result(code, condition)
    if "stable_for" in condition:
        return _stable(condition)
    if _in_half_lives(condition.get("within")):
        return _washed_out(condition)
    return _event(condition)


def leaves(tree: Any) -> list[Leaf]:
    """The leaves of a tree, repeated ones as often as they stand there."""
    if not isinstance(tree, tuple):
        return [tree]
    found: list[Leaf] = []
    for part in tree[1:]:
        for child in part if isinstance(part, tuple) and part and not isinstance(part[0], str) else (part,):
            if child is not None and not isinstance(child, int):
                found += leaves(child)
    return found


def _comparisons(mapping: dict[str, Any]) -> list[tuple[str, Any]]:
    found = [(operator, mapping[operator]) for operator in OPERATORS if operator in mapping]
    if "between" in mapping:
        found += [("at_least", mapping["between"][0]), ("at_most", mapping["between"][1])]
    return found


def _span(text: str) -> tuple[int, str]:
    number, unit = text.split()
    return int(number), unit if unit.endswith("s") else unit + "s"


def _result(code: str, condition: dict[str, Any]) -> ResultLeaf:
    bounds = tuple(
        Bound(operator, tuple(_limit(code, text) for text in (value if isinstance(value, list) else [value])))
        for operator, value in _comparisons(condition)
    )
    codes = []
    for key, wanted in (("is", True), ("is_not", False), ("one_of", True)):
        if key in condition:
            value = condition[key]
            codes.append((wanted, tuple(value) if isinstance(value, list) else (value,)))
    detected = (condition["detected"],) if "detected" in condition else ()
    select: Any = condition.get("select", "latest")
    count, apart = 1, None
    if isinstance(select, dict):
        if "mean_of" in select:
            select, count = "mean_of", select["mean_of"]
        else:
            count, apart = select["consecutive"], _span(select["apart"]) if "apart" in select else None
            select = "consecutive"
    changes = tuple(_change(code, way, condition[way]) for way in ("fall", "rise") if way in condition)
    return ResultLeaf(
        code, bounds, tuple(codes), detected, window(condition.get("within", "any")), select, count, apart, changes
    )


def _change(code: str, way: str, asked: dict[str, Any]) -> Change:
    bounds = []
    for operator, text in _comparisons(asked):
        number, _, unit = text.partition(" ")
        bounds.append((operator, Fraction(number) * (1 if unit == "%" else TO_CANONICAL[code][unit][0]), unit == "%"))
    over = _span(asked["over"]) if "over" in asked else None
    return Change(way, tuple(bounds), asked.get("from", "latest"), over)


def _limit(code: str, text: str | int) -> tuple[Fraction, str, str]:
    number, _, unit = str(text).partition(" ")
    if unit in ("ULN", "LLN", "LLOD"):
        return Fraction(number), unit, ""
    factor, kind = TO_CANONICAL[code][unit]
    return Fraction(number) * factor, "", kind


def window(within: Any) -> Window:
    """`28 days`, `14 days before first_dose`, `24 weeks after x`, `before x`, `{from, to}` or `any`."""
    if within == "any":
        return ANY
    if isinstance(within, dict):
        return _moment(within["from"]) if "from" in within else None, _moment(within["to"]) if "to" in within else None
    words = within.split()
    if words[0] == "before":
        return None, (words[1], 0, "days")
    number, unit = _span(" ".join(words[:2]))
    if len(words) == 2:
        return ("screening", -number, unit), ("screening", 0, "days")
    if words[2] == "before":
        return (words[3], -number, unit), (words[3], 0, "days")
    return (words[3], 0, "days"), (words[3], number, unit)


def _moment(text: str) -> Moment:
    words = text.split()
    if len(words) == 1:
        return text, 0, "days"
    number, unit = _span(" ".join(words[:2]))
    return words[3], number if words[2] == "after" else -number, unit


def _event(condition: dict[str, Any], exception: bool = False) -> EventLeaf:
    """An event leaf; as an exception it takes every status and certainty unless it says otherwise."""
    kind = next(key for key in DOMAINS if key in condition)
    domain, codes = DOMAINS[kind], condition[kind]
    statuses: set[str] = set()
    for status in _list(condition.get("status", [] if exception else "ever")):
        statuses |= set(EVER[domain]) if status == "ever" else {status}
    excepted = tuple(
        EventLeaf(domain, (each,), verification=None) if isinstance(each, str) else _event(each, exception=True)
        for each in _list(condition.get("except", []))
    )
    attributes = tuple(
        (name, frozenset(_list(condition[name]))) for name in ("severity", "route", "outcome") if name in condition
    )
    return EventLeaf(
        domain,
        tuple(_list(codes)),
        window(condition.get("within", "any")),
        frozenset(statuses),
        _span(condition["for_at_least"]) if "for_at_least" in condition else None,
        condition.get("at", "screening"),
        None if exception and "verification" not in condition else frozenset(_verifications(condition)),
        excepted,
        attributes,
        condition.get("by") == "start",
        tuple((operator, *_span(text)) for operator, text in _comparisons(condition.get("duration", {}))),
    )


def _stable(condition: dict[str, Any]) -> Any:
    """`stable_for`: one that has gone on for so long, and none that began or ended since."""
    rest = {key: value for key, value in condition.items() if key != "stable_for"} | {
        "for_at_least": condition["stable_for"]
    }
    change = {key: value for key, value in rest.items() if key != "outcome"}
    return "all", (_event({**rest, "status": "ongoing"}), ("not", replace(_event(change), changed=True)))


def _in_half_lives(within: Any) -> bool:
    return isinstance(within, dict) and bool({"longest", "shortest"} & within.keys())


def _washed_out(condition: dict[str, Any]) -> Any:
    """A leaf for each code and length; within the longest window is within any, within the shortest within all."""
    ((word, lengths),) = condition["within"].items()
    plain = {key: value for key, value in condition.items() if key != "within"}
    anchor = next((length.split()[-1] for length in lengths if " before " in length), "screening")
    found = []
    for code in _list(condition["treatment"]):
        own = []
        for length in lengths:
            words = length.split()
            number, unit = int(words[0]), words[1]
            if unit.startswith("half"):
                number, unit = ceil(number * HALF_LIVES[code]), "days"
            own.append(_event({**plain, "treatment": code, "within": f"{number} {unit} before {anchor}"}))
        found.append(("any" if word == "longest" else "all", tuple(own)))
    return "any", tuple(found)


def _verifications(condition: dict[str, Any]) -> list[str]:
    return _list(condition.get("verification", "confirmed"))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
