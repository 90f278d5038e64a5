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
from prescreen.catalogue import DOMAINS, Catalogue
from prescreen.engine import events, person, results, tallies
from prescreen.engine.asking import ask
from prescreen.engine.setting import Found, Setting, Windows, only_moves_on
from prescreen.engine.spoiled import spoiled_leaf
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
    parts_of,
)
from prescreen.language.wording import describe, leaf_label, window_words
from prescreen.memory import keep
from prescreen.ranges import Ranges
from prescreen.report.model import Explanation, Missing
from prescreen.truth import FALSE, TRUE, UNKNOWN, Truth, at_least, but_not, choice, disjunction, negation

Decide = Callable[[Setting], Found]

_KINDS: Final[dict[type, str]] = {
    AllOf: "all",
    AnyOf: "any",
    Not: "not",
    AtLeastOf: "at_least_of",
    If: "if",
    Use: "use",
    Unless: "unless",
    Age: "age",
    Sex: "sex",
    Observation: "observation",
    Event: "event",
    Answer: "answer",
}
_DAYS_KEPT: Final = 4096
_MOST_REMEMBERED: Final = 256
_ANCHOR: Final = "anchor:"
_OBSERVATION: Final = "observation:"
_MOST_REPORTS: Final = 4096


class Node:
    """A condition with its parts; `number` is that of a leaf, else -1.

    kind: its name in reports. `place` is the node's own among those of its criterion, parts before the whole. moves_on:
    a leaf on results as they are reported, each by itself, in a window that only moves on (see `only_moves_on`). ways:
    how it could be settled, by what tells that apart, in which no record of a candidate is.

    For `if` without `else` and for `unless` the parts are as written: (condition, then[, else]), (requirement,
    exception).
    """

    __slots__ = ("children", "condition", "kind", "moves_on", "number", "place", "requirement", "ways")

    def __init__(self, condition: Condition, children: tuple[Node, ...], requirement: str) -> None:
        self.condition = condition
        self.children = children
        self.requirement = requirement
        self.kind = _KINDS[type(condition)]
        self.number = -1
        self.place = -1
        self.moves_on = False
        self.ways: dict[tuple[object, ...], Any] = {}

    def evaluate(self, setting: Setting) -> Truth:
        """The truth of the condition, by Kleene's tables; no further than needed."""
        return self.children[0].evaluate(setting)

    def combined(self, truths: list[Truth]) -> Truth:
        """The truth of a node whose parts have been evaluated; `truths` by place."""
        return truths[self.children[0].place]

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


def share(memory: dict[Any, Any], key: object, made: object) -> None:
    """Remember what was made, under a key in which nothing of a candidate is."""
    keep(memory, key, made, _MOST_REMEMBERED)


class LeafNode(Node):
    """A leaf: decided once in an evaluation, wherever it occurs.

    label, window: what people call what is looked for, and when it counts. memory, shared, names: what was made of
    findings, by what tells them apart, in which no record of a candidate is: how they are explained; by day, how they
    change; what an existence leaf waits for.
    """

    __slots__ = ("decide", "label", "memory", "names", "shared", "window")

    def __init__(
        self, condition: Condition, requirement: str, number: int, decide: Decide, label: str, window: str
    ) -> None:
        super().__init__(condition, (), requirement)
        self.label = label
        self.window = window
        self.memory: dict[tuple[object, ...], Explanation] = {}
        self.shared: dict[tuple[int, tuple[object, ...]], Any] = {}
        self.names: dict[tuple[object, ...], tuple[str, ...]] = {}
        self.number = number
        self.decide = decide

    def find(self, setting: Setting) -> Found:
        """What the leaf finds, decided now if it has not been."""
        found = setting.found[self.number]
        if found is None:
            found = setting.found[self.number] = self.decide(setting)
        return found

    def evaluate(self, setting: Setting) -> Truth:
        return self.find(setting).truth

    def combined(self, truths: list[Truth]) -> Truth:
        return truths[self.place]


class AllNode(Node):
    __slots__ = ()

    def evaluate(self, setting: Setting) -> Truth:
        result = TRUE
        for child in self.children:
            truth = child.evaluate(setting)
            if truth is FALSE:
                return FALSE
            if truth is UNKNOWN:
                result = UNKNOWN
        return result

    def combined(self, truths: list[Truth]) -> Truth:
        result = TRUE
        for child in self.children:
            truth = truths[child.place]
            if truth is FALSE:
                return FALSE
            if truth is UNKNOWN:
                result = UNKNOWN
        return result


class AnyNode(Node):
    __slots__ = ()

    def evaluate(self, setting: Setting) -> Truth:
        result = FALSE
        for child in self.children:
            truth = child.evaluate(setting)
            if truth is TRUE:
                return TRUE
            if truth is UNKNOWN:
                result = UNKNOWN
        return result

    def combined(self, truths: list[Truth]) -> Truth:
        result = FALSE
        for child in self.children:
            truth = truths[child.place]
            if truth is TRUE:
                return TRUE
            if truth is UNKNOWN:
                result = UNKNOWN
        return result


class CountNode(Node):
    __slots__ = ("count",)

    def __init__(self, condition: AtLeastOf, children: tuple[Node, ...], requirement: str) -> None:
        super().__init__(condition, children, requirement)
        self.count = condition.count

    def evaluate(self, setting: Setting) -> Truth:
        return at_least(self.count, [child.evaluate(setting) for child in self.children])

    def combined(self, truths: list[Truth]) -> Truth:
        return at_least(self.count, [truths[child.place] for child in self.children])


class NotNode(Node):
    __slots__ = ()

    def evaluate(self, setting: Setting) -> Truth:
        return negation(self.children[0].evaluate(setting))

    def combined(self, truths: list[Truth]) -> Truth:
        return negation(truths[self.children[0].place])


class SavedNode(Node):
    """`unless` that saves: the requirement or the exception."""

    __slots__ = ()

    def evaluate(self, setting: Setting) -> Truth:
        truth = self.children[0].evaluate(setting)
        return TRUE if truth is TRUE else disjunction((truth, self.children[1].evaluate(setting)))

    def combined(self, truths: list[Truth]) -> Truth:
        return disjunction((truths[self.children[0].place], truths[self.children[1].place]))


class SparedNode(Node):
    """`unless` that spares: the requirement without the exception."""

    __slots__ = ()

    def evaluate(self, setting: Setting) -> Truth:
        truth = self.children[0].evaluate(setting)
        return FALSE if truth is FALSE else but_not(truth, self.children[1].evaluate(setting))

    def combined(self, truths: list[Truth]) -> Truth:
        return but_not(truths[self.children[0].place], truths[self.children[1].place])


class IfNode(Node):
    __slots__ = ()

    def evaluate(self, setting: Setting) -> Truth:
        parts = self.children
        otherwise = parts[2].evaluate(setting) if len(parts) > 2 else TRUE
        return choice(parts[0].evaluate(setting), parts[1].evaluate(setting), otherwise)

    def combined(self, truths: list[Truth]) -> Truth:
        parts = self.children
        otherwise = truths[parts[2].place] if len(parts) > 2 else TRUE
        return choice(truths[parts[0].place], truths[parts[1].place], otherwise)


@dataclass(frozen=True, slots=True, eq=False)
class CompiledCriterion:
    """A criterion ready to be evaluated.

    repeats: a fact may be used more than once, so that Kleene's tables alone may be needlessly unknown;
    repeats_with_ranges: so, where a site's table makes limits depend on sex and age. reach: of each leaf, by
    number, the kinds of facts that may inform it. numbers: the distinct leaves. nodes: all, parts first. timed: the
    leaves whose truth may change with the day. anchors: the names of those that some leaf hangs on. entangled:
    pairs of leaves that share more than semantics §1 promises to tell apart. memory: reports of findings in which
    no record of a candidate is (see `engine.screen`), and what else is the same for many.
    """

    criterion: Criterion
    root: Node
    excludes: bool
    repeats: bool
    repeats_with_ranges: bool
    reach: tuple[tuple[int, frozenset[str]], ...]
    numbers: tuple[int, ...]
    nodes: tuple[Node, ...]
    timed: tuple[LeafNode, ...]
    anchors: tuple[str, ...]
    observations: tuple[str, ...]
    domains: tuple[str, ...]
    entangled: frozenset[tuple[int, int]]
    memory: dict[tuple[object, ...], Any] = field(default_factory=dict)

    def remember(self, key: tuple[object, ...], made: object) -> None:
        """Keep in `memory` what was made, under a key in which nothing of a candidate is."""
        keep(self.memory, key, made, _MOST_REPORTS)

    def repeats_in(self, setting: Setting) -> bool:
        """Whether a fact may be used more than once in an evaluation."""
        return self.repeats if setting.ranges is None else self.repeats_with_ranges

    def records_in(self, facts: Facts) -> int:
        """How many records there are of the kinds that may inform the criterion."""
        number = 0
        for code in self.observations:
            number += len(facts.results.get(code, ()))
        for domain, records in facts.events.items():
            if domain in self.domains:
                number += len(records)
        return number

    def rests_on_no_record(self, setting: Setting) -> bool:
        """Whether no record of the candidate is in what any leaf found."""
        return all(node.find(setting).constant is not None for node in self.nodes if isinstance(node, LeafNode))

    def truths(self, setting: Setting) -> list[Truth]:
        """The truth of every node, by place."""
        found: list[Truth] = []
        for node in self.nodes:
            found.append(node.evaluate(setting) if node.number >= 0 else node.combined(found))
        return found


class CompiledTrial:
    """A trial ready to screen; made once, shared by all threads."""

    __slots__ = ("_asked", "_days", "_window_numbers", "criteria", "leaf_count", "leaves", "trial")

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self._days: dict[int, Windows] = {}
        builder = _Builder(trial, self.windows_on)
        self._window_numbers = builder.window_numbers
        self.criteria = tuple(_criterion(criterion, builder) for criterion in trial.criteria)
        self.leaves: tuple[LeafNode, ...] = tuple(builder.leaves)
        self.leaf_count = len(self.leaves)
        self._asked: dict[str, Missing] = {}

    def setting(self, facts: Facts, day: int, ranges: Ranges | None) -> Setting:
        """A fresh evaluation of a candidate on a day."""
        return Setting(facts, day, ranges, self.leaf_count, self.windows_on(day))

    def asked(self, fact: str) -> Missing:
        """Whom to ask for a fact, and what; one of a few names for each leaf."""
        found = self._asked.get(fact)
        if found is None:
            found = self._asked[fact] = ask(fact, self.trial)
        return found

    def windows_on(self, day: int) -> Windows:
        """The trial's windows on a screening day."""
        found = self._days.get(day)
        if found is None:
            found = Windows(self._window_numbers, day)
            if len(self._days) >= _DAYS_KEPT:
                self._days = {}
            self._days[day] = found
        return found


def _criterion(criterion: Criterion, builder: _Builder) -> CompiledCriterion:
    root = builder.build(criterion.condition)
    nodes = [node for node in root.leaves() if isinstance(node, LeafNode)]
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
            else _facts_of(node.condition, catalogue, ranges=True) | _domains_of(node.condition)
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
        _named(reach, _ANCHOR),
        _named(reach, _OBSERVATION),
        tuple(sorted({key for keys in reach.values() for key in keys if key in DOMAINS})),
        _entangled({node.number: node.condition for node in nodes}, catalogue),
    )


def _named(reach: dict[int, frozenset[str]], kind: str) -> tuple[str, ...]:
    """The names after a kind of fact among those that leaves reach."""
    return tuple(sorted({key[len(kind) :] for keys in reach.values() for key in keys if key.startswith(kind)}))


def _entangled(leaves: dict[int, Condition], catalogue: Catalogue) -> frozenset[tuple[int, int]]:
    """Pairs of leaves, both ways round, of which an unknown is not promised to be exact (semantics §1): a derived
    quantity beside its own inputs or an age, and existence leaves on the same or related concepts."""
    return frozenset(
        pair
        for one, first in leaves.items()
        for other, second in leaves.items()
        if one != other and _are_entangled(first, second, catalogue)
        for pair in ((one, other), (other, one))
    )


def _are_entangled(one: Condition, other: Condition, catalogue: Catalogue) -> bool:
    match one, other:
        case Observation(), Observation():
            inputs = catalogue.observations[one.code].inputs
            return other.code in inputs or (bool(inputs) and other.code == one.code)
        case Observation(), Age():
            return bool(catalogue.observations[one.code].inputs)
        case Event(), Event():
            return one.domain == other.domain and not _below(one, catalogue).isdisjoint(_below(other, catalogue))
    return False


def _below(leaf: Event, catalogue: Catalogue) -> set[str]:
    """The concepts of an existence leaf, and all that are narrower."""
    return set(leaf.codes).union(*(catalogue.descendants(leaf.domain, code) for code in leaf.codes))


class _Builder:
    def __init__(self, trial: Trial, windows_on: Callable[[int], Windows]) -> None:
        self.trial = trial
        self.windows_on = windows_on
        self.numbers: dict[Leaf, int] = {}
        self.leaves: list[LeafNode] = []
        self.windows: dict[Window, int] = {}
        self.window_numbers: dict[int, int] = {}  # by the identity of each window object, which the trial keeps alive

    def build(self, condition: Condition) -> Node:
        words = describe(condition, self.trial.catalogue, self.trial.questions)
        match condition:
            case AllOf():
                return AllNode(condition, self._parts(*condition.children), words)
            case AnyOf():
                return AnyNode(condition, self._parts(*condition.children), words)
            case AtLeastOf():
                return CountNode(condition, self._parts(*condition.children), words)
            case Not():
                return NotNode(condition, self._parts(condition.child), words)
            case Use():
                return Node(condition, self._parts(condition.child), words)
            case Unless():
                parts = self._parts(condition.child, condition.exception)
                return SavedNode(condition, parts, words) if condition.saves else SparedNode(condition, parts, words)
            case If():
                branches = (condition.then,) if condition.otherwise is None else (condition.then, condition.otherwise)
                return IfNode(condition, self._parts(condition.condition, *branches), words)
            case _:
                return self._leaf(condition, words)

    def _parts(self, *conditions: Condition) -> tuple[Node, ...]:
        return tuple([self.build(condition) for condition in conditions])

    def _leaf(self, leaf: Leaf, words: str) -> Node:
        if isinstance(leaf, Observation) and leaf.without is not None:
            self.build(leaf.without)  # its leaves are numbered first
        if isinstance(leaf, Observation | Event):
            for part in (leaf, *(leaf.excepted if isinstance(leaf, Event) else ())):
                self.window_numbers[id(part.window)] = self.windows.setdefault(part.window, len(self.windows))
        number = self.numbers.get(leaf)
        decide: Decide
        if number is None:
            number, decide = len(self.leaves), self._decide(leaf)
        else:
            decide = self.leaves[number].decide
        label, window = "", ""
        if isinstance(leaf, Observation | Event):
            label, window = leaf_label(leaf, self.trial.catalogue), window_words(leaf.window) or "any time"
        node = LeafNode(leaf, words, number, decide, label, window)
        if number == len(self.leaves):
            self.numbers[leaf] = number
            self.leaves.append(node)
        if isinstance(leaf, Observation):
            plain = not leaf.changes and leaf.without is None
            inputs = self.trial.catalogue.observations[leaf.code].inputs
            node.moves_on = plain and not inputs and only_moves_on(leaf.window)
        return node

    def _decide(self, leaf: Leaf) -> Decide:
        catalogue = self.trial.catalogue
        match leaf:
            case Observation():
                concept = catalogue.observations[leaf.code]
                decide = results.observation_leaf(leaf, concept, self.windows[leaf.window])
                if leaf.without is None:
                    return decide
                spoiled = self.build(leaf.without).evaluate
                return spoiled_leaf(leaf, concept, decide, spoiled, events_of(leaf.without), self.windows_on)
            case Event():
                make = tallies.tally_leaf if leaf.tallies else events.event_leaf
                return make(leaf, catalogue, self.windows)
            case Age():
                return person.age_leaf(leaf)
            case Sex():
                return person.sex_leaf(leaf)
            case Answer():
                return person.answer_leaf(leaf, self.trial.id, self.trial.questions[leaf.question])


def _repeats(leaves: list[Condition], catalogue: Catalogue, *, ranges: bool) -> bool:
    uses = Counter(key for leaf in leaves for key in _facts_of(leaf, catalogue, ranges=ranges))
    return any(count > 1 for count in uses.values()) or any(_repeats_itself(leaf, ranges=ranges) for leaf in leaves)


def _repeats_itself(leaf: Condition, *, ranges: bool) -> bool:
    """Whether a leaf alone may use a fact for several records: an anchor for where they lie, sex and birth date for
    what limits they have, the day of a result for both."""
    if isinstance(leaf, Observation):
        return bool(_anchors(leaf.window)) or (ranges and _uses_limits(leaf))
    return isinstance(leaf, Event) and bool(_anchors_of(leaf))


def _facts_of(leaf: Condition, catalogue: Catalogue, *, ranges: bool) -> set[str]:
    """Names of what a leaf's truth may rest on, coarse enough that distinct names never share a fact."""
    match leaf:
        case Observation():
            concept = catalogue.observations[leaf.code]
            found = {f"observation:{code}" for code in (leaf.code, *concept.inputs)}
            if concept.formula is not None or (ranges and _uses_limits(leaf)):
                found |= {"birth_date", "sex"}
            for event in events_of(leaf.without):
                found |= _facts_of(event, catalogue, ranges=ranges)
            return found | _anchors(leaf.window)
        case Event():
            related = {leaf.domain + ":" + code for code in leaf.codes}
            for code in leaf.codes:
                related |= {f"{leaf.domain}:{name}" for name in catalogue.descendants(leaf.domain, code)}
            return related | _anchors_of(leaf)
        case Age():
            return {"birth_date"} | (set() if leaf.anchor == SCREENING else {f"anchor:{leaf.anchor}"})
        case Sex():
            return {"sex"}
        case Answer():
            return {f"answer:{leaf.question}"}
        case _:
            raise TypeError(leaf)


def events_of(condition: Condition | None) -> tuple[Event, ...]:
    """The event leaves of a condition, such as that of `without`."""
    return tuple(part for part in parts_of(condition) if isinstance(part, Event))


def _domains_of(leaf: Condition) -> set[str]:
    return {event.domain for event in events_of(leaf.without)} if isinstance(leaf, Observation) else set()


def _uses_limits(leaf: Observation) -> bool:
    return any(
        isinstance(test, Comparison) and any(t.of in ("ULN", "LLN") for t in test.thresholds) for test in leaf.tests
    )


def _anchors(window: Window) -> set[str]:
    return {f"anchor:{end.anchor}" for end in (window.start, window.end) if end is not None and end.anchor != SCREENING}


def _anchors_of(leaf: Event) -> set[str]:
    """The anchors on which an existence leaf hangs, those of its exceptions included."""
    found: set[str] = set()
    for part in (leaf, *leaf.excepted):
        found |= _anchors(part.window) | (set() if part.at == SCREENING else {f"anchor:{part.at}"})
    return found
