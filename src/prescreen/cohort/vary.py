"""What-if: changes of a protocol as people say them (`E6=off`, `I3.1: ALT at_most 5 ULN`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from prescreen.language import load_trial
from prescreen.language.model import (
    AllOf,
    AnyOf,
    AtLeastOf,
    Comparison,
    Condition,
    Criterion,
    If,
    Not,
    Observation,
    Trial,
    Unless,
    Use,
)
from prescreen.problems import InputRefused, Problem, did_you_mean

_OFF: Final = re.compile(r"(?:(?P<trial>[\w-]+)/)?(?P<id>[^\s=:/]+)\s*=\s*off")
_LIMIT: Final = re.compile(
    r"(?:(?P<trial>[\w-]+)/)?(?P<id>[^\s=:/]+)\s*:\s*(?P<code>\S+)\s+(?P<operator>at_least|above|at_most|below)\s+(?P<limit>.+)"
)


@dataclass(frozen=True, slots=True)
class Change:
    """One change. criterion: its id. code, operator, limit: the comparison that is set; all None: left out.
    trial: only of this one."""

    text: str
    criterion: str
    trial: str | None = None
    code: str | None = None
    operator: str | None = None
    limit: str | None = None

    def concerns(self, trial: Trial) -> bool:
        return self.trial in (None, trial.id) and any(_named(each, self) for each in trial.criteria)


def read_changes(text: str, trials: Sequence[Trial]) -> list[Change]:
    """The changes of one `--vary`, with `;` between them. Raises InputRefused."""
    changes: list[Change] = []
    problems: list[Problem] = []
    for part in (each.strip() for each in text.split(";")):
        match = _OFF.fullmatch(part) or _LIMIT.fullmatch(part)
        if match is None:
            hint = "say `E6=off`, or `I3.1: ALT at_most 5 ULN`; with several trials `NCT07535138/E6=off`"
            problems.append(Problem("no-change", f"`{part[:80]}` is no change of a protocol", hint=hint))
            continue
        found = match.groupdict()
        change = Change(part, found["id"], found["trial"], found.get("code"), found.get("operator"), found.get("limit"))
        if not any(change.concerns(trial) for trial in trials):
            known = [criterion.id for trial in trials for criterion in trial.criteria]
            message = f"no criterion is named `{change.criterion}`"
            problems.append(Problem("unknown-criterion", message, hint=did_you_mean(change.criterion, known)))
        changes.append(change)
    if problems:
        raise InputRefused(problems)
    return changes


def changed(trial: Trial, changes: Sequence[Change]) -> Trial:
    """The trial with its criteria changed; those that are not stay the very same. Raises InputRefused."""
    criteria: list[Criterion] = list(trial.criteria)
    for change in changes:
        criteria = [
            made
            for criterion in criteria
            for made in ([criterion] if not _named(criterion, change) else _one(criterion, change, trial))
        ]
    return replace(trial, criteria=tuple(criteria))


def _named(criterion: Criterion, change: Change) -> bool:
    """A criterion that differs by cohort is named as a whole (`I4`) or for one (`I4@A`)."""
    return change.criterion in (criterion.id, criterion.id.partition("@")[0])


def _one(criterion: Criterion, change: Change, trial: Trial) -> list[Criterion]:
    if change.code is None:
        return []
    concept = trial.catalogue.observation(change.code)
    code = change.code if concept is None else concept.name
    wanted = _comparison(change, code, trial)
    counted: list[Observation] = []
    condition = _with(criterion.condition, code, wanted, counted)
    if not counted:
        message = f"{criterion.id} has no `{change.operator}` for {code} that could be changed"
        raise InputRefused([Problem("no-change", message)])
    return [replace(criterion, condition=condition)]


def _comparison(change: Change, code: str, trial: Trial) -> Comparison:
    """The comparison as a rule file would have it, units checked and converted."""
    rules = {
        "schema": "prescreen/trial/1",
        "id": "varied",
        "title": "varied",
        "source": {"document": "none", "complete": True},
        "results_within": "any",
        "criteria": [
            {"id": "C", "text": "varied", "include_if": {"observation": code, str(change.operator): change.limit}}
        ],
    }
    try:
        varied = load_trial(rules, catalogue=trial.catalogue)
    except InputRefused as refused:
        problems = [Problem(p.code, f"`{change.text}`: {p.message}", hint=p.hint) for p in refused.problems]
        raise InputRefused(problems) from None
    condition = varied.criteria[0].condition
    assert isinstance(condition, Observation)
    test = condition.tests[0]
    assert isinstance(test, Comparison)
    return test


def _with(condition: Condition, code: str, wanted: Comparison, found: list[Observation]) -> Condition:
    """A condition with the comparisons of one observation replaced; `found` counts them."""

    def part(some: Condition) -> Condition:
        return _with(some, code, wanted, found)

    match condition:
        case AllOf(children) | AnyOf(children) | AtLeastOf(children=children):
            return replace(condition, children=tuple(map(part, children)))
        case Not(child) | Use(child=child):
            return replace(condition, child=part(child))
        case Unless(child, exception):
            return replace(condition, child=part(child), exception=part(exception))
        case If(first, then, otherwise):
            return replace(
                condition,
                condition=part(first),
                then=part(then),
                otherwise=None if otherwise is None else part(otherwise),
            )
        case Observation():
            tests = tuple(
                wanted if isinstance(test, Comparison) and test.operator == wanted.operator else test
                for test in condition.tests
            )
            if condition.code != code or (tests == condition.tests and wanted not in tests):
                return condition
            found.append(condition)
            words = condition.text if tests == condition.tests else f"{wanted.operator.replace('_', ' ')} …"
            return replace(condition, tests=tests, text=words)
        case _:
            return condition
