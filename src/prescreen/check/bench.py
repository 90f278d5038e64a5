"""A rule file's criteria tried on their cases, as written and rewritten; each case's candidate is prepared once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from prescreen.candidate import Candidate
from prescreen.candidate.checks import check_against_day
from prescreen.candidate.facts import Facts
from prescreen.candidate.read import parse_candidate
from prescreen.check.cases import CASE_DAY
from prescreen.check.writing import DayOf, mapping, scalar, sequence, without
from prescreen.engine.cases import truth_of
from prescreen.engine.compile import CompiledCriterion, CompiledTrial
from prescreen.language import SCREENING, Case, Criterion, Rules, Trial, Where
from prescreen.language.source import Source
from prescreen.language.trial import read_trial
from prescreen.problems import InputRefused
from prescreen.truth import FALSE, TRUE, UNKNOWN, Truth
from prescreen.yamlio import Node

KINDS: Final = ("include_if", "exclude_if")
MOST_WORK: Final = 1_000_000
"""Nodes read and conditions decided for one rule file, half a minute of them; of the bundled ones the largest takes a
tenth of that."""

_STATUSES: Final = {"met", "failed", "undetermined"}


@dataclass(frozen=True, slots=True, eq=False)
class Trying:
    """A case with its candidate's facts and its screening day."""

    case: Case
    facts: Facts
    day: int

    def day_of(self, anchor: str) -> int | None:
        """The day of an anchor; None where it is open."""
        if anchor == SCREENING:
            return self.day
        when = self.facts.anchors.get(anchor)
        return when.first_day if when is not None and when.is_one_day else None

    def day_or_some(self, anchor: str) -> int:
        """The day of an anchor; `CASE_DAY` where it is open."""
        return self.day_of(anchor) or CASE_DAY.toordinal()


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A part of the rule file that is written once: the condition of a criterion or a definition.

    name: the criterion's id or the definition's name; criteria: the nodes of those that rest on it; ids: of those
    criteria (`I4@A` where bounds differ by cohort).
    """

    name: str
    condition: Node
    criteria: tuple[Node, ...]
    ids: tuple[str, ...]
    definition: bool = field(default=False)


class Bench:
    """The sound criteria of a rule file that have a case of each status, and their cases.

    holds: whether every case can be read and has the status that it expects; nothing else can be said of cases that
    have not. spent: how much has been read and tried.
    """

    def __init__(self, rules: Rules, trial: Trial, root: Node) -> None:
        self.trial = trial
        self._rules = rules
        self._root = without(root, "criteria", "definitions", "quantities")
        definitions = root.get("definitions")
        self._definitions = {name.text: node for name, node in definitions.pairs()} if definitions else {}
        shown = [each for each in trial.criteria if {case.expect for case in each.cases} == _STATUSES]
        self.criteria: tuple[Criterion, ...] = tuple(shown)
        self._nodes = _criterion_nodes(root, shown)
        self.spent = 0
        self._top = _size(self._root)
        self._tried: dict[Where, Trying] = {}  # a case of several cohorts is prepared once
        self.holds = True
        self.tryings = {criterion.id: self._prepared(criterion) for criterion in shown}
        own = self.read([*self._nodes]) if shown else None
        self.compiled = CompiledTrial(own) if own else None
        self.holds = self.holds and self.compiled is not None and not self.noticed(self.compiled)

    @property
    def exhausted(self) -> bool:
        """Whether more has been read and tried than any file that somebody wrote would ask for."""
        return self.spent > MOST_WORK

    def _prepared(self, criterion: Criterion) -> list[Trying]:
        found: list[Trying] = []
        for case in criterion.cases:
            if case.where not in self._tried:
                trying = self._read_case(case)
                if trying is None:
                    self.holds = False
                    continue
                self._tried[case.where] = trying
            found.append(self._tried[case.where])
        return found

    def _read_case(self, case: Case) -> Trying | None:
        """A case prepared; None where its candidate cannot be read, or is not born yet."""
        day = (CASE_DAY if case.on is None else date.fromisoformat(case.on)).toordinal()
        try:
            profile = parse_candidate({"id": "case", **case.given}, catalogue=self.trial.catalogue)
        except InputRefused:
            return None
        if check_against_day(profile, day):
            return None
        return Trying(case, Candidate(profile).facts(self.trial.catalogue), day)

    def places(self) -> Iterator[Place]:
        """Every condition that is written in the file and used, in its order: definitions, then criteria."""
        using = {node: self._used_by(node) for node in self._nodes}
        for name, definition in self._definitions.items():
            users = [node for node in self._nodes if name in using[node]]
            if users:
                yield Place(name, definition, tuple(users), self._ids(users), definition=True)
        for node in self._nodes:
            condition = next(value for key, value in node.pairs() if key.text in KINDS)
            ids = self._ids([node])
            yield Place(ids[0].split("@")[0], condition, (node,), ids)

    def everything(self) -> Place:
        """The criteria all together, for what is stated once for the trial."""
        return Place("the trial", self._root, tuple(self._nodes), self._ids(self._nodes))

    def _ids(self, nodes: Iterable[Node]) -> tuple[str, ...]:
        return tuple(name for node in nodes for name in self._nodes[node])

    def read(
        self, criteria: Sequence[Node], definition: tuple[str, Node] | None = None, within: Node | None = None
    ) -> Trial | None:
        """A trial of some criteria, without cases: one of the definitions, or `results_within`, may be another. None:
        it is no rule file any more."""
        definitions = {**self._definitions, **dict([definition] if definition else [])}
        used = set().union(*(self._used_by(node, definitions) for node in criteria))
        plain = [without(node, "cases") for node in criteria]
        self.spent += self._top + sum(map(_size, [*plain, *(definitions[name] for name in used)]))
        root = self._root
        pairs = [(key, within if within and key.text == "results_within" else value) for key, value in root.pairs()]
        if used:
            named = [(scalar(name, root), node) for name, node in definitions.items() if name in used]
            pairs.append((scalar("definitions", root), mapping(named, root)))
        pairs.append((scalar("criteria", root), sequence(plain, root)))
        source = Source(self._rules.file)
        try:
            trial = read_trial(source, mapping(pairs, root), self.trial.catalogue, self.trial.sha256)
        except InputRefused:
            return None
        return None if source.problems else trial

    def _used_by(self, node: Node, definitions: dict[str, Node] | None = None) -> set[str]:
        """The definitions that a criterion rests on, those used by others too."""
        known = self._definitions if definitions is None else definitions
        found: set[str] = set()
        pending = [value for key, value in node.pairs() if key.text in KINDS]
        while pending:
            part = pending.pop()
            pending += part.items()
            for key, value in part.pairs():
                pending.append(value)
                if key.text == "use" and value.text in known and value.text not in found:
                    found.add(value.text)
                    pending.append(known[value.text])
        return found

    def noticed(self, compiled: CompiledTrial) -> bool:
        """Whether some case has another status than it expects."""
        return any(
            status_of(criterion, truth) != trying.case.expect
            for criterion in compiled.criteria
            for trying in self._tryings_for(criterion.criterion.id)
            for truth in (self.truth(compiled, criterion, trying),)
        )

    def _tryings_for(self, criterion: str) -> list[Trying]:
        """The cases of a criterion; those of all its cohorts where an edit has left nothing that differs by cohort."""
        if criterion in self.tryings:
            return self.tryings[criterion]
        return [trying for name, some in self.tryings.items() if name.startswith(f"{criterion}@") for trying in some]

    def truth(self, compiled: CompiledTrial, criterion: CompiledCriterion, trying: Trying) -> Truth:
        """The truth of a criterion's condition in a case."""
        setting = compiled.setting(trying.facts, trying.day, None)
        truth = truth_of(criterion, setting, compiled.trial)
        size = len(criterion.nodes)
        told_apart = truth is UNKNOWN and criterion.repeats_in(setting)  # as many times as there are leaves, about
        self.spent += size + (size * size // 10 if told_apart else 0)
        return truth

    def tryings_of(self, place: Place) -> list[Trying]:
        """The cases of all criteria that rest on a place."""
        return list(dict.fromkeys(trying for name in place.ids for trying in self.tryings[name]))

    def day_of(self, place: Place) -> DayOf:
        """The day that an anchor has in most cases of a place; `CASE_DAY` where it has none."""
        tryings = self.tryings_of(place)

        def most(anchor: str) -> int:
            days = Counter(day for trying in tryings if (day := trying.day_of(anchor)) is not None)
            return days.most_common(1)[0][0] if days else CASE_DAY.toordinal()

        return most


def status_of(criterion: CompiledCriterion, truth: Truth) -> str:
    if truth is UNKNOWN:
        return "undetermined"
    return "met" if truth is (FALSE if criterion.excludes else TRUE) else "failed"


def _size(node: Node) -> int:
    return 1 + sum(_size(value) for _, value in node.pairs()) + sum(_size(item) for item in node.items())


def _criterion_nodes(root: Node, criteria: Sequence[Criterion]) -> dict[Node, list[str]]:
    """The nodes of criteria, each with the ids of what it became."""
    written = root.get("criteria")
    by_place = {Where(node.line, node.column): node for node in (written.items() if written else ())}
    found: dict[Node, list[str]] = {}
    for criterion in criteria:
        found.setdefault(by_place[criterion.where], []).append(criterion.id)
    return found
