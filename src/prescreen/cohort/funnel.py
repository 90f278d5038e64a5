"""Counting: the attrition funnel of each protocol, shard by shard, and checked to add up (docs/cohorts.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from prescreen.cohort.plan import Plan, Protocol
from prescreen.cohort.spelling import Ids
from prescreen.cohort.walk import FAILED, MET, UNDETERMINED

SCHEMA: Final = "prescreen/funnel/1"
VERDICTS: Final = ("ineligible", "undetermined", "eligible")
"""By the number of a verdict: the better, the greater."""

INELIGIBLE, OPEN, ELIGIBLE = 0, 1, 2

Facts = dict[str, list[int]]
"""By fact: of how many candidates it is among what they wait for, and of how many it is all."""


@dataclass
class _Step:
    """One criterion's counts in one cohort of one protocol."""

    status: list[int] = field(default_factory=lambda: [0, 0, 0])
    excludes: int = 0
    remaining: int = 0
    remaining_met: int = 0
    alone_excludes: int = 0
    alone_undetermined: int = 0


class Cohort:
    """The criteria of one cohort of a protocol, by their places in the plan; name None: the trial has no cohorts."""

    def __init__(self, protocol: Protocol, plan: Plan, name: str | None, title: str | None) -> None:
        self.name = name
        self.title = title
        self.complete = protocol.trial.complete
        self.columns = tuple(
            column
            for column in protocol.columns
            if name is None
            or not plan.columns[column].criterion.cohorts
            or name in plan.columns[column].criterion.cohorts
        )
        self.steps = [_Step() for _ in self.columns]
        self.verdicts = [0, 0, 0]

    def verdict(self, statuses: Ids) -> Ids:
        """The verdict of each candidate (semantics §2)."""
        best = np.full(len(statuses), ELIGIBLE if self.complete else OPEN, np.int8)
        for column in self.columns:
            np.minimum(best, statuses[:, column], out=best)
        return best

    def add(self, statuses: Ids) -> Ids:
        """Count some candidates; their verdicts."""
        count = len(statuses)
        alive, sure = np.ones(count, bool), np.ones(count, bool)
        failures, open_ = np.zeros(count, np.int16), np.zeros(count, np.int16)
        for column, step in zip(self.columns, self.steps, strict=True):
            status = statuses[:, column]
            failed, undetermined = status == FAILED, status == UNDETERMINED
            met = status == MET
            number = [_count(each) for each in (failed, undetermined, met)]
            if sum(number) != count:
                raise AssertionError("a candidate has no status")
            step.status = [a + b for a, b in zip(step.status, number, strict=True)]
            step.excludes += _count(alive & failed)
            alive &= ~failed
            sure &= met
            step.remaining += _count(alive)
            step.remaining_met += _count(sure)
            failures += failed
            open_ += undetermined
        once, last = failures == 1, (failures == 0) & (open_ == 1)
        for column, step in zip(self.columns, self.steps, strict=True):
            step.alone_excludes += _count(once & (statuses[:, column] == FAILED))
            step.alone_undetermined += _count(last & (statuses[:, column] == UNDETERMINED))
        verdicts = self.verdict(statuses)
        self.verdicts = [a + b for a, b in zip(self.verdicts, np.bincount(verdicts, minlength=3).tolist(), strict=True)]
        return verdicts

    def as_json(self, plan: Plan, facts: Sequence[Facts]) -> dict[str, Any]:
        """What funnel.json says of it."""
        return {
            "cohort": self.name,
            "title": self.title,
            "verdicts": _named(self.verdicts),
            "criteria": [
                {
                    "id": plan.columns[column].criterion.id,
                    "kind": plan.columns[column].criterion.kind,
                    "text": plan.columns[column].criterion.text,
                    "met": step.status[MET],
                    "failed": step.status[FAILED],
                    "undetermined": step.status[UNDETERMINED],
                    "excludes": step.excludes,
                    "remaining": step.remaining,
                    "remaining_met": step.remaining_met,
                    "alone_excludes": step.alone_excludes,
                    "alone_undetermined": step.alone_undetermined,
                    "missing": _missing(facts[column]),
                }
                for column, step in zip(self.columns, self.steps, strict=True)
            ],
        }


class Funnel:
    """The counts of all protocols of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.candidates = 0
        self.facts: list[Facts] = [{} for _ in plan.columns]
        self.protocols: list[tuple[Protocol, list[Cohort], list[int]]] = []
        for protocol in plan.protocols:
            arms: list[tuple[str | None, str | None]] = [(each.id, each.title) for each in protocol.trial.cohorts]
            cohorts = [Cohort(protocol, plan, name, title) for name, title in arms or [(None, None)]]
            self.protocols.append((protocol, cohorts, [0, 0, 0]))

    def add(self, statuses: Ids) -> list[tuple[Ids, list[Ids]]]:
        """Count some candidates. For each protocol: the verdicts overall, and of each cohort."""
        self.candidates += len(statuses)
        found: list[tuple[Ids, list[Ids]]] = []
        for _, cohorts, verdicts in self.protocols:
            each = [cohort.add(statuses) for cohort in cohorts]
            best = np.maximum.reduce(each)
            for number, count in enumerate(np.bincount(best, minlength=3).tolist()):
                verdicts[number] += count
            found.append((best, each))
        return found

    def add_facts(self, column: int, facts: Mapping[str, tuple[int, int]]) -> None:
        """Count the facts that undetermined candidates of a column wait for."""
        mine = self.facts[column]
        for fact, (some, alone) in facts.items():
            if some:
                counts = mine.setdefault(fact, [0, 0])
                counts[0] += some
                counts[1] += alone

    def as_json(self, day: str, ranges_sha256: str | None, issues: int) -> dict[str, Any]:
        """The content of funnel.json; raises AssertionError where counts do not add up."""
        self._check()
        trials = [
            {
                "trial": trial.id,
                "title": trial.title,
                "rules_sha256": trial.sha256,
                "complete": trial.complete,
                "gaps": list(trial.gaps),
                "protocols": [
                    {
                        "variant": protocol.variant,
                        "verdicts": _named(verdicts),
                        "cohorts": [cohort.as_json(self.plan, self.facts) for cohort in cohorts],
                    }
                    for protocol, cohorts, verdicts in self.protocols
                    if protocol.trial.id == trial.id
                ],
            }
            for trial in self.plan.trials
        ]
        return {
            "schema": SCHEMA,
            "screening_date": day,
            "candidates": self.candidates,
            "catalogue_sha256": self.plan.catalogue.sha256,
            "ranges_sha256": ranges_sha256,
            "issues": issues,
            "trials": trials,
        }

    def _check(self) -> None:
        """Every candidate is counted once wherever it is counted."""
        for _, cohorts, verdicts in self.protocols:
            for counts in (verdicts, *(cohort.verdicts for cohort in cohorts)):
                _same(sum(counts), self.candidates)
            for cohort in cohorts:
                left = self.candidates
                for step in cohort.steps:
                    _same(sum(step.status), self.candidates)
                    left -= step.excludes
                    _same(step.remaining, left)
                _same(left, self.candidates - cohort.verdicts[INELIGIBLE])


def _count(where: Ids) -> int:
    return int(np.count_nonzero(where))


def _same(one: int, other: int) -> None:
    if one != other:
        raise AssertionError(f"counts do not add up: {one} and {other}")


def _named(verdicts: Sequence[int]) -> dict[str, int]:
    return {name: verdicts[VERDICTS.index(name)] for name in ("eligible", "undetermined", "ineligible")}


def _missing(facts: Facts) -> list[dict[str, Any]]:
    ordered = sorted(facts.items(), key=lambda item: (-item[1][0], item[0]))
    return [{"fact": fact, "candidates": some, "alone": alone} for fact, (some, alone) in ordered]
