"""What a condition means, whatever way it is written: two that mean the same by their form have equal keys.

Definitions are written out, `unless` and `not` are worked into the tree, parts stand in one order, spans and limits are
numbers. Equal keys prove equal meaning; different ones prove nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import replace
from typing import Final, Literal

from prescreen.language.model import (
    Age,
    AllOf,
    Answer,
    AnyOf,
    AtLeastOf,
    Change,
    Coded,
    Comparison,
    Condition,
    Criterion,
    Detected,
    Event,
    If,
    Moment,
    Not,
    Observation,
    Operator,
    Sex,
    Test,
    Unless,
    Use,
    Window,
    parts_of,
)
from prescreen.language.windows import lasting
from prescreen.time import Span

OPPOSITE: Final[dict[Operator, Operator]] = {
    "at_least": "below",
    "below": "at_least",
    "above": "at_most",
    "at_most": "above",
}


def required(criterion: Criterion) -> Condition:
    """What a candidate must meet: of an exclusion, the contrary of its condition."""
    return plain(criterion.condition, criterion.kind == "inclusion")


def meaning(condition: Condition) -> Hashable:
    """The key of a condition."""
    return _key(plain(condition))


def plain(condition: Condition, wanted: bool = True) -> Condition:
    """The same condition (wanted False: its contrary) with definitions written out, without `unless`, and with `not`
    before leaves only."""
    match condition:
        case Use(child=child):
            return plain(child, wanted)
        case Not(child):
            return plain(child, not wanted)
        case AllOf(children, where):
            parts = tuple(plain(child, wanted) for child in children)
            return AllOf(parts, where) if wanted else AnyOf(parts, where)
        case AnyOf(children, where):
            parts = tuple(plain(child, wanted) for child in children)
            return AnyOf(parts, where) if wanted else AllOf(parts, where)
        case AtLeastOf(count, children, where):
            least = count if wanted else len(children) - count + 1
            return AtLeastOf(least, tuple(plain(child, wanted) for child in children), where)
        case Unless(child, exception, saves, where):
            either = saves == wanted
            parts = (plain(child, wanted), plain(exception, either))
            return AnyOf(parts, where) if either else AllOf(parts, where)
        case If(asked, then, None, where) if not wanted:
            return AllOf((plain(asked), plain(then, False)), where)
        case If(asked, then, otherwise, where):
            rest = plain(otherwise, wanted) if otherwise else None
            return If(plain(asked), plain(then, wanted), rest, where)
        case Observation() if not wanted and (test := _contrary(condition)):
            return replace(condition, tests=(test,), text="")
    return condition if wanted else Not(condition, condition.where)


def _contrary(leaf: Observation) -> Test | None:
    """The test that one result passes exactly when it fails that of the leaf; None where there is none."""
    if len(leaf.tests) != 1 or leaf.changes or leaf.select.how not in ("latest", "first"):
        return None
    match leaf.tests[0]:
        case Comparison(operator, thresholds):
            return Comparison(OPPOSITE[operator], thresholds)
        case Coded(values, negated):
            return Coded(values, not negated)
        case Detected(wanted):
            return Detected(not wanted)
    return None


def _key(condition: Condition) -> Hashable:
    """The key of a plain condition."""
    match condition:
        case AllOf(children):
            return _group("all", children)
        case AnyOf(children):
            return _group("any", children)
        case AtLeastOf(count, children):
            if count == 1 or count == len(children):
                return _group("any" if count == 1 else "all", children)
            return ("at_least_of", count, frozenset(Counter(map(_key, children)).items()))
        case If(asked, then, otherwise):
            return ("if", _key(asked), _key(then), _key(otherwise) if otherwise else None)
        case Not(child):
            return ("not", _key(child))
        case Age(low, below, anchor):
            return ("age", low and _span(low), below and _span(below), anchor)
        case Sex(sex):
            return ("sex", sex)
        case Answer(question, equals):
            return ("answer", question, equals)
        case Observation():
            return _observation(condition)
        case Event():
            return _event(condition)
    raise TypeError(f"{type(condition).__name__} is no plain condition")


def _group(how: Literal["all", "any"], children: Iterable[Condition]) -> Hashable:
    """`all` and `any` have no order, no repetition, and none of their own kind in them."""
    parts: set[Hashable] = set()
    for child in children:
        key = _key(child)
        parts |= key[1] if isinstance(key, tuple) and key[0] == how else {key}
    return next(iter(parts)) if len(parts) == 1 else (how, frozenset(parts))


def _sorted(keys: Iterable[Hashable]) -> tuple[Hashable, ...]:
    return tuple(sorted(keys, key=repr))


def _span(span: Span) -> tuple[str, int]:
    """Weeks are days and years are months; hours are neither, since a day-dated record lies in no hour."""
    months, hours = lasting(span)
    if span.unit == "hours":
        return ("hours", hours)
    return ("months", months) if months else ("days", hours // 24)


def _moment(moment: Moment | None) -> Hashable:
    return moment and (moment.anchor, moment.span and _span(moment.span), moment.sign if moment.span else 0)


def window_key(window: Window) -> Hashable:
    """A window by its ends."""
    return (_moment(window.start), _moment(window.end))


def _observation(leaf: Observation) -> Hashable:
    select = (leaf.select.how, leaf.select.count, leaf.select.apart and _span(leaf.select.apart))
    return (
        "observation",
        leaf.code,
        _sorted({key for test in leaf.tests for key in keys_of(test)}),
        window_key(leaf.window),
        select,
        _sorted(map(change_key, leaf.changes)),
        leaf.without and meaning(leaf.without),
    )


def keys_of(test: Test) -> tuple[Hashable, ...]:
    """A test by what it asks. A limit in one unit is a number; in several units each counts for results of its own."""
    match test:
        case Comparison(operator, thresholds):
            alone = len(thresholds) == 1
            limits = _sorted((limit.number, limit.of, None if alone else limit.kind) for limit in thresholds)
            return ((operator, limits),)
        case Coded(values, negated):
            return (("is_not" if negated else "is", _sorted(values)),)
        case Detected(wanted):
            return (("detected", wanted),)


def change_key(change: Change) -> Hashable:
    """A `fall` or `rise` by what it asks."""
    bounds = _sorted((bound.operator, bound.number, bound.relative) for bound in change.bounds)
    return (change.way, bounds, change.base, change.over and _span(change.over))


def _event(leaf: Event) -> Hashable:
    return (
        leaf.domain,
        _sorted(set(leaf.codes)),
        window_key(leaf.window),
        _sorted(leaf.statuses),
        leaf.for_at_least and _span(leaf.for_at_least),
        leaf.at,
        _sorted(leaf.verification),
        _sorted({_event(excepted) for excepted in leaf.excepted}),
        *(_sorted(words) for words in (leaf.severity, leaf.site, leaf.confirmed_by, leaf.route, leaf.outcome)),
        _sorted(set(leaf.indication)),
        *(_sorted((a.operator, a.number) for a in amounts) for amounts in (leaf.dose, leaf.daily_dose)),
        _sorted(leaf.count),
        _sorted(leaf.lines),
        leaf.equivalent,
        leaf.changed,
        leaf.by_start,
        _sorted((operator, _span(span)) for operator, span in leaf.duration),
    )


class Keys:
    """The keys and subjects of the conditions that are looked at, each found once."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[Condition, Hashable]] = {}  # with the condition, so that no other takes its place
        self._subjects: dict[int, tuple[Condition, Counter[str]]] = {}

    def meaning(self, condition: Condition) -> Hashable:
        found = self._found.get(id(condition))
        if found is None:
            found = self._found[id(condition)] = condition, meaning(condition)
        return found[1]

    def subjects(self, condition: Condition) -> Counter[str]:
        found = self._subjects.get(id(condition))
        if found is None:
            found = self._subjects[id(condition)] = condition, subjects(condition)
        return found[1]

    def same(self, one: Condition, other: Condition) -> bool:
        """Whether two conditions mean the same by their form."""
        return self.meaning(one) == self.meaning(other)

    def likeness(self, one: Condition, other: Condition) -> float:
        """The share of what two conditions speak of that both do."""
        return likeness(self.subjects(one), self.subjects(other))


def subjects(condition: Condition) -> Counter[str]:
    """What a condition speaks of: observations, codes of events, questions, age, sex."""
    found: Counter[str] = Counter()
    for part in parts_of(condition):
        match part:
            case Observation(code=code, without=without):
                found[f"observation:{code}"] += 1
                found += subjects(without) if without else Counter()
            case Event(domain=domain, codes=codes):
                found.update(f"{domain}:{code}" for code in codes)
            case Answer(question):
                found[f"answer:{question}"] += 1
            case Age():
                found["age"] += 1
            case Sex():
                found["sex"] += 1
            case _:
                pass
    return found


def likeness(one: Counter[str], other: Counter[str]) -> float:
    """The share of what two conditions speak of that both do, 0 to 1."""
    both = (one | other).total()
    return (one & other).total() / both if both else 0.0
