"""What the cases of a rule file must touch: both sides of every threshold, and every leaf.

Whether a case is on a threshold is asked of the leaf itself, written otherwise: one that passes `at_most: 3 ULN` and
fails `below: 3 ULN` found exactly 3 ULN, whatever its units, limits and dates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prescreen.check.bench import Bench, Place, Trying
from prescreen.check.bounds import LOOSE, STRICT, Bound, bounds_of
from prescreen.check.edits import PARTS, kind_of
from prescreen.check.lengths import lengths_of, window_lengths
from prescreen.check.writing import DayOf, mapping, put, quoted, scalar, without
from prescreen.engine.compile import CompiledTrial
from prescreen.language import Where
from prescreen.language.source import shown
from prescreen.problems import Problem
from prescreen.truth import FALSE, TRUE, Truth, negation
from prescreen.yamlio import Node

_MOST_WORK: Final = 250_000
"""Leaves times conditions of one criterion: where there are more, no leaf of it is called idle."""

_BOTH_SIDES: Final = "show both sides: a candidate exactly on it, and one a step beyond"
_ALONE: Final = "add two cases that differ in it alone"


def coverage_problems(bench: Bench, file: str) -> Iterator[Problem]:
    """Thresholds that no case is on, or beyond; leaves on which no case rests. In no order."""
    if bench.compiled is None:
        return
    rests = _resting(bench, bench.compiled)
    for place in bench.places():
        name = f"`{shown(place.name)}`" if place.definition else shown(place.name)
        for condition in conditions_in(place.condition):
            if bench.exhausted:
                yield condition.problem("too-large", "there is more to try than a check does: the rest is not", file)
                return
            yield from _untested(name, _thresholds(bench, place, condition), file)
            for leaf, words in _leaves(condition):
                if Where(leaf.line, leaf.column) not in rests:
                    yield leaf.problem("leaf-not-decided", f"{name}: no case rests on {words}", file, _ALONE)
    everything = bench.everything()
    yield from _untested(everything.name, _edge_of_all(bench, everything), file)


Threshold = tuple[Node, str, bool, bool]
"""Its place, its words, whether a case is exactly on it, and whether one is beyond."""


def _untested(name: str, thresholds: Iterable[Threshold], file: str) -> Iterator[Problem]:
    for at, words, on, beyond in thresholds:
        if not on or not beyond:
            lacking = "is beyond" if on else "is exactly on"
            message = f"{name}: no case {lacking} {words}{'' if on or beyond else ' and none is beyond it'}"
            yield at.problem("threshold-not-tested", message, file, _BOTH_SIDES)


def conditions_in(condition: Node) -> Iterator[Node]:
    """A condition of the file and all conditions in it, but for those of `without` and of definitions."""
    yield condition
    kind = kind_of(condition)
    value = condition.get(kind)
    parts = [part for key, part in condition.pairs() if key.text in PARTS and key.text != "without"]
    if value is not None:
        branches = value.get("of") if kind == "at_least_of" else value
        parts += branches.items() if branches and kind in ("all", "any", "at_least_of") else ()
    for part in parts:
        if part.kind == "map":
            yield from conditions_in(part)


_LEAVES: Final = ("age", "sex", "observation", "condition", "treatment", "procedure", "allergy", "answer")


def _leaves(condition: Node) -> Iterator[tuple[Node, str]]:
    """The leaf that a condition is, or its several: their places, and what they are called."""
    kind = kind_of(condition)
    value = condition.get(kind)
    if kind not in _LEAVES or value is None:
        return
    codes = [item for _, items in value.pairs() for item in items.items()] if kind == "observation" else []
    if codes:
        yield from ((code, quoted((kind, code))) for code in codes)
    else:
        yield condition, quoted((kind, value))


def _resting(bench: Bench, compiled: CompiledTrial) -> set[Where]:
    """The places of leaves of which some case needs the truth: with the opposite, the condition would be another."""
    found: set[Where] = set()
    for criterion in compiled.criteria:
        leaves = [node for node in criterion.nodes if node.number >= 0]
        if len(leaves) * len(criterion.nodes) > _MOST_WORK:
            found |= {leaf.condition.where for leaf in leaves}
            continue
        for trying in bench.tryings[criterion.criterion.id]:
            truths = criterion.truths(compiled.setting(trying.facts, trying.day, None))
            for leaf in leaves:
                where, truth = leaf.condition.where, truths[leaf.place]
                if where in found or truth not in (TRUE, FALSE):
                    continue
                supposed: list[Truth] = []
                for node in criterion.nodes:
                    if node is leaf:
                        supposed.append(negation(truth))
                    else:
                        supposed.append(truths[node.place] if node.number >= 0 else node.combined(supposed))
                if supposed[-1] is not truths[-1]:
                    found.add(where)
    return found


def _thresholds(bench: Bench, place: Place, condition: Node) -> Iterator[Threshold]:
    """The thresholds of a leaf or of `at_least_of`."""
    probe = _Probe(bench, place)
    leaf = without(condition, "unless")
    if kind_of(leaf) == "at_least_of":
        yield from _count(probe, leaf)
    if kind_of(leaf) not in _LEAVES:
        return
    for bound in bounds_of(leaf):
        on, beyond = _sides(probe, bound)
        yield bound.at, bound.words, on, beyond
    for length in lengths_of(leaf):
        yield length.at, length.words, probe.differs(leaf, length.harder), probe.differs(leaf, length.free)


def _sides(probe: _Probe, bound: Bound) -> tuple[bool, bool]:
    """Whether a case is exactly on a bound, and one on the other side of it than what is on it."""
    strict, loose = STRICT.get(bound.operator, bound.operator), LOOSE.get(bound.operator, bound.operator)
    passing, failing = probe.truths(bound.as_operator(loose)), probe.truths(bound.as_operator(strict))
    own = probe.truths(bound.as_operator(bound.operator)) or []
    if passing is None:
        passing = own
    if failing is None:  # with the other bound, no value would pass: whatever passes is on it
        failing = [FALSE] * len(passing)
    on = any(one is TRUE and other is FALSE for one, other in zip(passing, failing, strict=True))
    if bound.operator in LOOSE:
        return on, TRUE in own
    free = probe.truths(bound.dropped())
    if free is None:
        return on, FALSE in own
    return on, any(one is FALSE and other is not FALSE for one, other in zip(own, free, strict=True))


def _count(probe: _Probe, leaf: Node) -> Iterator[Threshold]:
    """`at_least_of`: just enough of them, and one too few."""
    within = leaf.get("at_least_of")
    count = within.get("count") if within else None
    if within is None or count is None:
        return

    def of(number: int) -> list[Truth] | None:
        return probe.truths(put(leaf, "at_least_of", put(within, "count", scalar(str(number), count))))

    own, more, fewer = of(int(count.text)) or [], of(int(count.text) + 1), of(int(count.text) - 1)
    on = any(one is TRUE and other is FALSE for one, other in zip(own, more or [FALSE] * len(own), strict=True))
    beyond = any(one is FALSE and other is TRUE for one, other in zip(own, fewer or [TRUE] * len(own), strict=True))
    yield count, quoted(("count", count)), on, beyond


def _speaks_of_results(bench: Bench) -> bool:
    """Whether a leaf on results states no window of its own."""
    return any(
        condition.get("observation") is not None and condition.get("within") is None
        for place in bench.places()
        for condition in conditions_in(place.condition)
    )


def _edge_of_all(bench: Bench, everything: Place) -> Iterator[Threshold]:
    """Whether the age of results that the trial states for all decides a case on its edge, and one beyond."""
    own = bench.compiled
    if own is None or not _speaks_of_results(bench):
        return

    def differs(top: Node | None) -> bool:
        window = top.get("results_within") if top else None
        trial = bench.read(everything.criteria, within=window) if window else None
        compiled = CompiledTrial(trial) if trial else None
        return compiled is not None and any(
            bench.truth(own, one, trying) is not bench.truth(compiled, another, trying)
            for one, another in zip(own.criteria, compiled.criteria, strict=True)
            for trying in bench.tryings[one.criterion.id]
        )

    for length in window_lengths(everything.condition, "results_within"):
        yield length.at, length.words, differs(length.harder(bench.day_of(everything))), differs(length.free)


class _Probe:
    """Leaves of one place tried on its cases, each by itself."""

    def __init__(self, bench: Bench, place: Place) -> None:
        self._bench = bench
        self._place = place
        self._tryings = bench.tryings_of(place)
        self._compiled: dict[Node, list[CompiledTrial] | None] = {}

    def truths(self, leaf: Node | None) -> list[Truth] | None:
        """The truths of a leaf in each case, each of its codes and cohorts by itself; None where it does not load."""
        compiled = self._trials(leaf) if leaf is not None else None
        if compiled is None:
            return None
        return [truth for trying in self._tryings for truth in self._in(compiled, trying)]

    def differs(self, leaf: Node, written: Node | Callable[[DayOf], Node | None]) -> bool:
        """Whether a leaf has another truth in some case when it is written otherwise; how may depend on the days of
        the case."""
        own = self._trials(leaf) or []
        for trying in self._tryings:
            other = written if isinstance(written, Node) else written(trying.day_or_some)
            compiled = self._trials(other) if other is not None else None
            if compiled is not None and self._in(own, trying) != self._in(compiled, trying):
                return True
        return False

    def _in(self, compiled: list[CompiledTrial], trying: Trying) -> list[Truth]:
        return [self._bench.truth(trial, criterion, trying) for trial in compiled for criterion in trial.criteria]

    def _trials(self, leaf: Node) -> list[CompiledTrial] | None:
        if leaf not in self._compiled:
            read = [self._bench.read([self._asking(each)]) for each in _by_code(leaf)]
            self._compiled[leaf] = [CompiledTrial(trial) for trial in read if trial] if all(read) else None
        return self._compiled[leaf]

    def _asking(self, leaf: Node) -> Node:
        """A criterion that asks for the leaf only."""
        criterion = without(self._place.criteria[0], "include_if", "exclude_if")
        return mapping([*criterion.pairs(), (scalar("include_if", leaf), leaf)], criterion)


def _by_code(leaf: Node) -> list[Node]:
    """A leaf on several observations as one for each."""
    codes = leaf.get("observation")
    several = [code for _, value in codes.pairs() for code in value.items()] if codes else []
    return [put(leaf, "observation", code) for code in several] or [leaf]
