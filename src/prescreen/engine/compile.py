"""Compile a trial: each criterion becomes a tree of nodes that evaluate themselves, each distinct leaf is decided once.

Nothing here depends on a candidate. What a leaf found is kept in the setting, so that the explanation reads what the
verdict was made of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from prescreen.candidate.facts import Facts
from prescreen.catalogue import Catalogue
from prescreen.engine import events, person, results
from prescreen.engine.asking import ask
from prescreen.engine.setting import Setting, Windows, only_moves_on
from prescreen.language.model import (
    SCREENING,
    Age,
    AllOf,
    Answer,
    AnyOf,
    AtLeastOf,
    Comparison,
    Condition,
    Criterion,
    Event,
    If,
    Leaf,
    Not,
    Observation,
    Sex,
    Trial,
    Unless,
    Use,
    Window,
)
from prescreen.language.wording import describe
from prescreen.ranges import Ranges
from prescreen.report.model import Missing
from prescreen.truth import FALSE, TRUE, UNKNOWN, Truth, at_least, choice, conjunction, disjunction, negation

Evaluate = Callable[[Setting], Truth]

_DAYS_KEPT: Final = 4096
_MOST_REMEMBERED: Final = 256


class Node:
    """A condition with its parts and the function that evaluates it; `number` is that of a leaf, else -1.

    `place` is the node's own among those of its criterion, parts before the whole. `memory` keeps explanations of
    findings in which no record of a candidate is. moves_on: a leaf on results as they are reported, in a window that
    only moves on (see `only_moves_on`).

    For `if` without `else` and for `unless` the parts are as written: (condition, then[, else]), (requirement,
    exception).
    """

    __slots__ = ("children", "condition", "evaluate", "memory", "moves_on", "number", "place", "requirement")

    def __init__(
        self, condition: Condition, children: tuple[Node, ...], evaluate: Evaluate, number: int, requirement: str
    ) -> None:
        self.condition = condition
        self.children = children
        self.evaluate = evaluate
        self.number = number
        self.requirement = requirement
        self.place = -1
        self.memory: dict[tuple[str, ...], Any] = {}
        self.moves_on = False

    def remembered(self, key: tuple[str, ...], make: Callable[[], Any]) -> Any:
        """What was made before under a key, in which nothing of a candidate may be."""
        found = self.memory.get(key)
        if found is None:
            if len(self.memory) >= _MOST_REMEMBERED:
                self.memory.clear()
            found = self.memory[key] = make()
        return found

    def leaves(self) -> Iterator[Node]:
        """The leaves below this node, in order, as often as they occur."""
        if self.number >= 0:
            yield self
        for child in self.children:
            yield from child.leaves()

    def parts_first(self) -> Iterator[Node]:
        """All nodes, each after its parts."""
        for child in self.children:
            yield from child.parts_first()
        yield self


def combined(node: Node, truths: list[Truth]) -> Truth:
    """The truth of a node whose parts have been evaluated, by Kleene's tables; `truths` by place."""
    condition = node.condition
    parts = [truths[child.place] for child in node.children]
    match condition:
        case AllOf():
            return conjunction(parts)
        case AnyOf():
            return disjunction(parts)
        case Not():
            return negation(parts[0])
        case AtLeastOf():
            return at_least(condition.count, parts)
        case Unless():
            return disjunction(parts) if condition.saves else conjunction((parts[0], negation(parts[1])))
        case If():
            return choice(parts[0], parts[1], parts[2] if len(parts) > 2 else TRUE)
        case _:
            return parts[0]


@dataclass(frozen=True, slots=True, eq=False)
class CompiledCriterion:
    """A criterion ready to be evaluated.

    repeats: a fact may be used more than once, so that Kleene's tables alone may be needlessly unknown;
    repeats_with_ranges: so, where a site's table makes limits depend on sex and age. reach: of each leaf, by number,
    the kinds of facts that may inform it. numbers: the distinct leaves. nodes: all, parts first. timed: the leaves
    whose truth may change with the day. memory: reports of findings in which no record of a candidate is (see
    `engine.screen`).
    """

    criterion: Criterion
    root: Node
    excludes: bool
    repeats: bool
    repeats_with_ranges: bool
    reach: tuple[tuple[int, frozenset[str]], ...]
    numbers: tuple[int, ...]
    nodes: tuple[Node, ...]
    timed: tuple[Node, ...]
    memory: dict[tuple[object, ...], Any] = field(default_factory=dict)

    def truths(self, setting: Setting) -> list[Truth]:
        """The truth of every node, by place."""
        found: list[Truth] = []
        for node in self.nodes:
            found.append(node.evaluate(setting) if node.number >= 0 else combined(node, found))
        return found


class CompiledTrial:
    """A trial ready to screen; made once, shared by all threads."""

    __slots__ = ("_asked", "_days", "_window_numbers", "criteria", "leaf_count", "leaves", "trial")

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        builder = _Builder(trial)
        self.criteria = tuple(_criterion(criterion, builder) for criterion in trial.criteria)
        self.leaves: tuple[Node, ...] = tuple(builder.leaves)
        self.leaf_count = len(self.leaves)
        self._window_numbers = builder.window_numbers
        self._days: dict[int, Windows] = {}
        self._asked: dict[str, Missing] = {}

    def setting(self, facts: Facts, day: int, ranges: Ranges | None) -> Setting:
        """A fresh evaluation of a candidate on a day."""
        return Setting(facts, day, ranges, self.leaf_count, self._windows_on(day))

    def asked(self, fact: str) -> Missing:
        """Whom to ask for a fact, and what; one of a few names for each leaf."""
        found = self._asked.get(fact)
        if found is None:
            found = self._asked[fact] = ask(fact, self.trial)
        return found

    def _windows_on(self, day: int) -> Windows:
        found = self._days.get(day)
        if found is None:
            found = Windows(self._window_numbers, day)
            if len(self._days) >= _DAYS_KEPT:
                self._days = {}
            self._days[day] = found
        return found


def _criterion(criterion: Criterion, builder: _Builder) -> CompiledCriterion:
    root = builder.build(criterion.condition)
    nodes = list(root.leaves())
    in_order = tuple(root.parts_first())
    for place, node in enumerate(in_order):
        node.place = place
    leaves = [node.condition for node in nodes]
    catalogue = builder.trial.catalogue
    reach = {
        node.number: frozenset(
            {
                node.condition.domain,
                *(key for key in _facts_of(node.condition, catalogue, ranges=True) if "anchor:" in key),
            }
            if isinstance(node.condition, Event)
            else _facts_of(node.condition, catalogue, ranges=True)
        )
        for node in nodes
    }
    return CompiledCriterion(
        criterion,
        root,
        criterion.kind == "exclusion",
        _repeats(leaves, catalogue, ranges=False),
        _repeats(leaves, catalogue, ranges=True),
        tuple(reach.items()),
        tuple(reach),
        in_order,
        tuple({node.number: node for node in nodes if not isinstance(node.condition, Answer | Sex)}.values()),
    )


class _Builder:
    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.numbers: dict[Leaf, int] = {}
        self.leaves: list[Node] = []
        self.windows: dict[Window, int] = {}
        self.window_numbers: dict[int, int] = {}  # by the identity of each window object, which the trial keeps alive

    def build(self, condition: Condition) -> Node:
        words = describe(condition, self.trial.catalogue, self.trial.questions)
        match condition:
            case AllOf() | AnyOf() | AtLeastOf():
                children = tuple(self.build(child) for child in condition.children)
                return Node(condition, children, _junction(condition, children), -1, words)
            case Not() | Use():
                child = self.build(condition.child)
                return Node(
                    condition, (child,), _not(child) if isinstance(condition, Not) else child.evaluate, -1, words
                )
            case Unless():
                child, exception = self.build(condition.child), self.build(condition.exception)
                evaluate = _saved(child, exception) if condition.saves else _spared(child, exception)
                return Node(condition, (child, exception), evaluate, -1, words)
            case If():
                parts = [self.build(condition.condition), self.build(condition.then)]
                if condition.otherwise is not None:
                    parts.append(self.build(condition.otherwise))
                return Node(condition, tuple(parts), _choice(parts), -1, words)
            case _:
                return self._leaf(condition, words)

    def _leaf(self, leaf: Leaf, words: str) -> Node:
        if isinstance(leaf, Observation | Event):
            for part in (leaf, *(leaf.excepted if isinstance(leaf, Event) else ())):
                self.window_numbers[id(part.window)] = self.windows.setdefault(part.window, len(self.windows))
        number = self.numbers.get(leaf)
        if number is None:
            number = self.numbers[leaf] = len(self.leaves)
            self.leaves.append(Node(leaf, (), _remembered(number, self._decide(leaf)), number, words))
        node = Node(leaf, (), self.leaves[number].evaluate, number, words)
        if isinstance(leaf, Observation):
            node.moves_on = not self.trial.catalogue.observations[leaf.code].inputs and only_moves_on(leaf.window)
        return node

    def _decide(self, leaf: Leaf) -> Callable[[Setting], Any]:
        catalogue = self.trial.catalogue
        match leaf:
            case Observation():
                number = self.windows[leaf.window]
                return results.observation_leaf(leaf, catalogue.observations[leaf.code], number)
            case Event():
                return events.event_leaf(leaf, catalogue, self.windows)
            case Age():
                return person.age_leaf(leaf)
            case Sex():
                return person.sex_leaf(leaf)
            case Answer():
                return person.answer_leaf(leaf, self.trial.id, self.trial.questions[leaf.question])


def _remembered(number: int, decide: Callable[[Setting], Any]) -> Evaluate:
    def leaf(setting: Setting) -> Truth:
        found: Any = setting.found[number]
        if found is None:
            found = setting.found[number] = decide(setting)
        truth: Truth = found.truth
        return truth

    return leaf


def _junction(condition: AllOf | AnyOf | AtLeastOf, children: tuple[Node, ...]) -> Evaluate:
    parts = tuple(child.evaluate for child in children)
    if isinstance(condition, AtLeastOf):
        count = condition.count
        return lambda setting: at_least(count, [part(setting) for part in parts])
    # `all` stops at the first FALSE, `any` at the first TRUE; anything UNKNOWN on the way is kept.
    stop, go_on = (FALSE, TRUE) if isinstance(condition, AllOf) else (TRUE, FALSE)

    def junction(setting: Setting) -> Truth:
        result = go_on
        for part in parts:
            truth = part(setting)
            if truth is stop:
                return stop
            if truth is UNKNOWN:
                result = UNKNOWN
        return result

    return junction


def _not(child: Node) -> Evaluate:
    part = child.evaluate
    return lambda setting: negation(part(setting))


def _saved(child: Node, exception: Node) -> Evaluate:
    part, saving = child.evaluate, exception.evaluate

    def saved(setting: Setting) -> Truth:
        truth = part(setting)
        if truth is TRUE:
            return TRUE
        other = saving(setting)
        return TRUE if other is TRUE else UNKNOWN if truth is UNKNOWN or other is UNKNOWN else FALSE

    return saved


def _spared(child: Node, exception: Node) -> Evaluate:
    part, sparing = child.evaluate, exception.evaluate

    def spared(setting: Setting) -> Truth:
        truth = part(setting)
        if truth is FALSE:
            return FALSE
        other = sparing(setting)
        return FALSE if other is TRUE else UNKNOWN if truth is UNKNOWN or other is UNKNOWN else TRUE

    return spared


def _choice(parts: list[Node]) -> Evaluate:
    condition, then = parts[0].evaluate, parts[1].evaluate
    otherwise = parts[2].evaluate if len(parts) > 2 else None

    def chosen(setting: Setting) -> Truth:
        return choice(condition(setting), then(setting), TRUE if otherwise is None else otherwise(setting))

    return chosen


def _repeats(leaves: list[Condition], catalogue: Catalogue, *, ranges: bool) -> bool:
    uses = Counter(key for leaf in leaves for key in _facts_of(leaf, catalogue, ranges=ranges))
    return any(count > 1 for count in uses.values())


def _facts_of(leaf: Condition, catalogue: Catalogue, *, ranges: bool) -> set[str]:
    """Names of what a leaf's truth may rest on, coarse enough that distinct names never share a fact."""
    match leaf:
        case Observation():
            concept = catalogue.observations[leaf.code]
            found = {f"observation:{code}" for code in (leaf.code, *concept.inputs)}
            if concept.formula is not None or (ranges and _uses_limits(leaf)):
                found |= {"birth_date", "sex"}
            return found | _anchors(leaf.window)
        case Event():
            related = {leaf.domain + ":" + code for code in leaf.codes}
            for code in leaf.codes:
                related |= {f"{leaf.domain}:{name}" for name in catalogue.descendants(leaf.domain, code)}
            at = set() if leaf.at == SCREENING else {f"anchor:{leaf.at}"}
            return related | at | _anchors(leaf.window)
        case Age():
            return {"birth_date"} | (set() if leaf.anchor == SCREENING else {f"anchor:{leaf.anchor}"})
        case Sex():
            return {"sex"}
        case Answer():
            return {f"answer:{leaf.question}"}
        case _:
            raise TypeError(leaf)


def _uses_limits(leaf: Observation) -> bool:
    return any(
        isinstance(test, Comparison) and any(t.of in ("ULN", "LLN") for t in test.thresholds) for test in leaf.tests
    )


def _anchors(window: Window) -> set[str]:
    return {f"anchor:{end.anchor}" for end in (window.start, window.end) if end is not None and end.anchor != SCREENING}
