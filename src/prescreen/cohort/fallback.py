"""The direct evaluator, for what columns do not decide: the one module of this package that knows the engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from prescreen.candidate.facts import KIND_OF, Candidate
from prescreen.catalogue import DOMAINS
from prescreen.cohort.plan import Plan, looked_at
from prescreen.cohort.walk import FAILED, MET, UNDETERMINED
from prescreen.engine.cases import truth_of
from prescreen.engine.compile import CompiledCriterion
from prescreen.engine.open import undecided
from prescreen.engine.screen import compiled_trial
from prescreen.engine.setting import Setting
from prescreen.language.model import Age, Answer, Condition, Event, Observation, Trial
from prescreen.ranges import Ranges
from prescreen.tables import Row
from prescreen.truth import FALSE, TRUE, UNKNOWN, Truth


@dataclass(frozen=True, slots=True)
class Answered:
    """A status decided directly. open: the facts that an undetermined one waits for."""

    status: int
    open: tuple[str, ...]


class Direct:
    """Decides criteria of a plan for one candidate at a time."""

    def __init__(self, plan: Plan, day: int, ranges: Ranges | None) -> None:
        self.plan = plan
        self.day = day
        self.ranges = ranges
        self._criteria: list[tuple[Trial, CompiledCriterion]] = []
        for column in plan.columns:
            compiled = compiled_trial(column.trial)
            place = column.trial.criteria.index(column.criterion)
            self._criteria.append((column.trial, compiled.criteria[place]))

    def decide(self, candidate: Candidate, columns: Sequence[int]) -> list[Answered]:
        """The statuses of some columns of the plan, and what they wait for."""
        found: list[Answered] = []
        for criterion, setting, truth in self._decided(candidate, columns):
            leaves = undecided(criterion.root, setting) if truth is UNKNOWN else ()
            facts = tuple(dict.fromkeys(_fact(leaf.condition) for leaf in leaves))
            found.append(Answered(_status(criterion, truth), facts))
        return found

    def statuses(self, candidate: Candidate, columns: Sequence[int]) -> list[int]:
        """The statuses alone."""
        return [_status(criterion, truth) for criterion, _, truth in self._decided(candidate, columns)]

    def _decided(
        self, candidate: Candidate, columns: Sequence[int]
    ) -> Iterator[tuple[CompiledCriterion, Setting, Truth]]:
        if not self.plan.bare:
            candidate = _without_bare_answers(candidate)
        settings: dict[Trial, Setting] = {}
        for column in columns:
            trial, criterion = self._criteria[column]
            setting = settings.get(trial)
            if setting is None:
                compiled = compiled_trial(trial)
                setting = compiled.setting(candidate.facts(trial.catalogue), self.day, self.ranges)
                settings[trial] = setting
            yield criterion, setting, truth_of(criterion, setting, trial)


def _status(criterion: CompiledCriterion, truth: Truth) -> int:
    if truth is UNKNOWN:
        return UNDETERMINED
    return MET if truth is (FALSE if criterion.excludes else TRUE) else FAILED


class RowsAsked:
    """The rows that the direct evaluator looks at for columns of a plan; what it does not, need not be read.

    columns: of each candidate, which. codes: by observation, all texts of the tables' codes that mean it.
    """

    def __init__(self, plan: Plan, columns: Mapping[str, tuple[int, ...]], codes: Mapping[str, Sequence[str]]) -> None:
        self.plan = plan
        self.columns = columns
        self.codes = codes
        self._looked_at: dict[tuple[int, ...], frozenset[str]] = {}

    def __call__(self, identity: str, table: str, row: Row) -> bool:
        return table != "observations" or self._concept(row) in self._of(identity)

    def of_table(self, table: str, identities: Sequence[str]) -> tuple[Sequence[str], Sequence[str] | None]:
        if table in DOMAINS:
            return [identity for identity in identities if table in self._of(identity)], None
        if table != "observations":
            return identities, None
        concepts: frozenset[str] = frozenset().union(*map(self._of, identities))
        return identities, [text for concept in sorted(concepts) for text in self.codes.get(concept, ())]

    def _of(self, identity: str) -> frozenset[str]:
        """The observations and kinds of events that are looked at for a candidate."""
        columns = self.columns[identity]
        found = self._looked_at.get(columns)
        if found is None:
            concepts, domains = looked_at([self.plan.columns[place] for place in columns])
            found = self._looked_at[columns] = frozenset((*concepts, *domains))
        return found

    def _concept(self, row: Row) -> str | None:
        """The observation of a row that can be read."""
        catalogue = self.plan.catalogue
        system, code = row.cells.get("system"), row.cells.get("code") or ""
        found = catalogue.observation(code) if system is None else catalogue.observation_for(system, code)
        return None if found is None else found.name


def _without_bare_answers(candidate: Candidate) -> Candidate:
    answers = {name: answer for name, answer in candidate.profile.answers.items() if ":" in name}
    if len(answers) == len(candidate.profile.answers):
        return candidate
    return Candidate(candidate.profile.model_copy(update={"answers": answers}), issues=candidate.issues)


def _fact(leaf: Condition) -> str:
    match leaf:
        case Observation():
            return f"observation:{leaf.code}"
        case Event():
            return f"{KIND_OF[leaf.domain]}:{'|'.join(leaf.codes)}"
        case Age():
            return "birth_date"
        case Answer():
            return f"answer:{leaf.question}"
        case _:
            return "sex"
