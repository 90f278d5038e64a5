"""What columns leave open of a shard, decided directly: once for all who are alike, and one by one for the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from prescreen.candidate.facts import Candidate
from prescreen.cohort.algebra import FALLBACK
from prescreen.cohort.decide import Decisions, Waiting
from prescreen.cohort.fallback import Answered, Direct
from prescreen.cohort.plan import Plan
from prescreen.cohort.spelling import Ids
from prescreen.cohort.walk import ALONE, UNDETERMINED
from prescreen.problems import InputRefused

Read = Callable[[Mapping[int, Sequence[int]]], Iterator[tuple[int, Candidate | InputRefused]]]
"""Candidates of a shard, by their places, each with what some columns of the plan look at."""


@dataclass(frozen=True)
class Settled:
    """The statuses of a shard: FALLBACK, in all columns, only for candidates of whom columns decide nothing. facts: as
    of `Decisions`, of everybody else.

    pairs: how many statuses columns left open; shared: how many of these were decided for all who are alike; alone: of
    how many candidates others were decided one by one; refused: who cannot be read at all, by place, and why.
    """

    statuses: Ids
    facts: list[Waiting]
    pairs: int = 0
    shared: int = 0
    alone: int = 0
    refused: dict[int, str] = field(default_factory=dict)


class Settling:
    """Asks the direct evaluator; what it says of all who are alike is asked once for all shards."""

    def __init__(self, plan: Plan, direct: Direct) -> None:
        self.plan = plan
        self.direct = direct
        self._answers: dict[tuple[int, int], Answered | None] = {}

    def settled(self, decisions: Decisions, read: Read) -> Settled:
        """Fill in what the decisions on a shard leave open."""
        statuses, facts = decisions.statuses, decisions.facts
        pairs = int(np.count_nonzero(statuses == FALLBACK))
        self._ask_for_all_alike(decisions, read)
        shared = sum(self._spread(decisions, column, alike) for column, alike in decisions.alike.items())
        open_ = (statuses == FALLBACK).any(axis=1)
        open_[decisions.odd] = False
        left = {place: np.flatnonzero(statuses[place] == FALLBACK).tolist() for place in np.flatnonzero(open_).tolist()}
        refused: dict[int, str] = {}
        for place, candidate in read(left):
            columns = left[place]
            if isinstance(candidate, InputRefused):
                statuses[place, columns] = UNDETERMINED
                refused[place] = candidate.problems[0].message
                continue
            for column, answer in zip(columns, self.direct.decide(candidate, columns), strict=True):
                statuses[place, column] = answer.status
                count(facts[column], answer)
        return Settled(statuses, facts, pairs, shared, len(left), refused)

    def _ask_for_all_alike(self, decisions: Decisions, read: Read) -> None:
        asked: dict[int, list[tuple[int, int]]] = {}
        for column, alike in decisions.alike.items():
            rows = np.flatnonzero(decisions.statuses[:, column] == FALLBACK)
            numbers, first = np.unique(alike, return_index=True)
            for number, at in zip(numbers.tolist(), rows[first].tolist(), strict=True):
                if number != ALONE and (column, number) not in self._answers:
                    asked.setdefault(at, []).append((column, number))
        for place, candidate in read({place: [column for column, _ in keys] for place, keys in asked.items()}):
            if isinstance(candidate, InputRefused):
                continue
            keys = asked[place]
            for key, answer in zip(keys, self.direct.decide(candidate, [column for column, _ in keys]), strict=True):
                # How many days of anchors are told apart hangs on records, unless they leave it undetermined.
                holds_for_all = answer.status == UNDETERMINED or not self.plan.columns[key[0]].anchored
                self._answers[key] = answer if holds_for_all else None

    def _spread(self, decisions: Decisions, column: int, alike: Ids) -> int:
        """Give the answers to all who are alike; to how many."""
        rows = np.flatnonzero(decisions.statuses[:, column] == FALLBACK)
        numbers, which, counts = np.unique(alike, return_inverse=True, return_counts=True)
        status = np.full(len(numbers), FALLBACK, np.int8)
        spread = 0
        for place, (number, some) in enumerate(zip(numbers.tolist(), counts.tolist(), strict=True)):
            answer = self._answers.get((column, number))
            if answer is not None:
                status[place] = answer.status
                count(decisions.facts[column], answer, some)
                spread += some
        decisions.statuses[rows, column] = status[which]
        return spread


def count(facts: Waiting, answer: Answered, number: int = 1) -> None:
    """Count for how many a status waits for each fact, where it is undetermined."""
    if answer.status == UNDETERMINED:
        alone = len(answer.open) == 1
        for fact in answer.open:
            some, single = facts.get(fact, (0, 0))
            facts[fact] = (some + number, single + number * alone)
