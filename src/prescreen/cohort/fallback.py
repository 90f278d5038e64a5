"""The direct evaluator, for what columns do not decide: the one module of this package that knows the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prescreen.candidate.facts import KIND_OF, Candidate
from prescreen.cohort.plan import Plan
from prescreen.cohort.walk import FAILED, MET, UNDETERMINED
from prescreen.engine.cases import truth_of
from prescreen.engine.compile import CompiledCriterion
from prescreen.engine.open import undecided
from prescreen.engine.screen import compiled_trial
from prescreen.engine.setting import Setting
from prescreen.language.model import Age, Answer, Condition, Event, Observation, Trial
from prescreen.ranges import Ranges
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
