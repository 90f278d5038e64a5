"""One shard decided in memory: every criterion of the plan for every candidate of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from prescreen.cohort.algebra import FALLBACK, E, R
from prescreen.cohort.arrays import Arrays
from prescreen.cohort.plan import Plan
from prescreen.cohort.rows import Rows
from prescreen.cohort.spelling import Ids
from prescreen.cohort.walk import ALONE, FAILED, MET, UNDETERMINED, Decided, Walk
from prescreen.ranges import Ranges

SUPPOSED: Final = ((0, "male"), (20_000, "female"), (-40_000, "male"))
"""What is supposed where it is not given. Of anchors, how many days after the screening day they are: on it, long after
it and long before it, when nothing on file has happened yet. And the sex."""

_SEX_WITH_RECORDS: Final = "female"
"""The sex that is supposed with days of records."""

_FEW: Final = 2
"""Where so many times as many candidates are at hand as are asked for, these are looked at alone."""

Waiting = dict[str, tuple[int, int]]
"""By fact, of how many undetermined candidates it is among what they wait for, and of how many it is all."""


@dataclass(frozen=True)
class Decisions:
    """statuses: by candidate and column of the plan; FALLBACK where columns do not tell. facts: for each column, what
    those wait for whom columns leave undetermined. alike: by column, for its candidates with FALLBACK, in order, a
    number that is the same for those of whom the direct evaluator would say the same, or ALONE. odd: candidates of whom
    columns tell nothing."""

    statuses: Ids
    facts: list[Waiting]
    alike: dict[int, Ids]
    odd: Ids


def decide(arrays: Arrays, odd: Ids, plan: Plan, day: int, ranges: Ranges | None) -> Decisions:
    """The decisions on a shard."""
    walk = Walk(arrays, day, plan.catalogue, ranges, plan.bare)
    return assembled(arrays.size, plan, walked(walk, plan), _Supposing(walk, arrays, plan).days(), odd)


def walked(walk: Walk[E, R], plan: Plan) -> list[Decided[E]]:
    """Every column of a plan decided."""
    return [found for column in plan.columns for found in walk.trial(column.trial, [column.criterion])]


Day = Callable[[int, Ids], Ids]
"""A day that anchors which are not given may be, and a sex: the statuses that they give in a column to candidates, by
the places of these."""


class _Supposing:
    """Days that anchors which are not given are supposed to be, and sexes, one after the other: each is asked about
    those whom the days before it have left open in a column. They soon are few, and then they are looked at alone."""

    def __init__(self, walk: Walk[Ids, Rows], arrays: Arrays, plan: Plan) -> None:
        self.plan = plan
        self._everybody = _Asked(np.arange(arrays.size), arrays, walk)
        self._asked: dict[int, _Asked] = {}  # by column

    def days(self) -> Iterator[Day]:
        for supposed in SUPPOSED:
            yield partial(self._on, supposed)
        yield self._on_days_of_records

    def _on(self, supposed: tuple[int, str], place: int, at: Ids) -> Ids:
        """All anchors that are not given on one day, and a sex."""
        asked = self._of(place, at)
        return self._statuses(asked, asked.supposing(supposed), place, at)

    def _on_days_of_records(self, place: int, at: Ids) -> Ids:
        """Each on the day of the last record that hangs on it."""
        asked = self._of(place, at)
        walk = asked.walk.supposing_records(self.plan.columns[place].criterion.condition, _SEX_WITH_RECORDS)
        return self._statuses(asked, walk, place, at)

    def _of(self, place: int, at: Ids) -> _Asked:
        asked = self._asked.get(place, self._everybody)
        if len(at) * _FEW <= len(asked.at):
            same = (each for each in self._asked.values() if np.array_equal(each.at, at))
            asked = next(same, None) or asked.only(at)
        self._asked[place] = asked
        return asked

    def _statuses(self, asked: _Asked, walk: Walk[Ids, Rows], place: int, at: Ids) -> Ids:
        column = self.plan.columns[place]
        status = np.broadcast_to(walk.trial(column.trial, [column.criterion])[0].status, len(asked.at))
        return status[np.searchsorted(asked.at, at)]


class _Asked:
    """Some candidates of a shard, by their places in it, and the walk over what columns hold of them."""

    def __init__(self, at: Ids, arrays: Arrays, walk: Walk[Ids, Rows]) -> None:
        self.at = at
        self.arrays = arrays
        self.walk = walk
        self._supposing: tuple[tuple[int, str], Walk[Ids, Rows]] | None = None

    def only(self, at: Ids) -> _Asked:
        """Some of them."""
        arrays = self.arrays.of_some(np.searchsorted(self.at, at))
        return _Asked(at, arrays, self.walk.over(arrays))

    def supposing(self, supposed: tuple[int, str]) -> Walk[Ids, Rows]:
        """The walk on a day and with a sex; that of the day before is not kept."""
        if self._supposing is None or self._supposing[0] != supposed:
            later, sex = supposed
            self._supposing = supposed, self.walk.supposing(self.walk.day + later, sex)
        return self._supposing[1]


def assembled(size: int, plan: Plan, decided: Sequence[Decided[Ids]], days: Iterable[Day], odd: Ids) -> Decisions:
    """The decisions that a backend's arrays come to. odd: candidates that columns do not decide."""
    statuses = np.empty((len(plan.columns), size), np.int8)
    for status, found in zip(statuses, decided, strict=True):
        status[:] = found.status
    statuses[:, odd] = FALLBACK
    _witnessed(plan, statuses, decided, days)
    statuses[:, odd] = FALLBACK
    facts: list[Waiting] = []
    alike: dict[int, Ids] = {}
    for place, (status, found) in enumerate(zip(statuses, decided, strict=True)):
        facts.append(_facts(status == UNDETERMINED, found.open))
        if found.alike is not None:
            number = np.broadcast_to(found.alike, size).copy()
            number[odd] = ALONE
            number = number[status == FALLBACK]
            if (number != ALONE).any():
                alike[place] = number
    return Decisions(statuses.T, facts, alike, odd)


def _witnessed(plan: Plan, statuses: Ids, decided: Sequence[Decided[Ids]], days: Iterable[Day]) -> None:
    """Settle what an anchor or a sex that is not given leaves open: where a known one would leave the criterion
    undetermined, or two of them would decide it differently, an unknown one leaves it undetermined."""
    waiting: dict[int, _Hanging] = {}
    for place, (column, found) in enumerate(zip(plan.columns, decided, strict=True)):
        if column.supposable:
            at = np.flatnonzero((statuses[place] == FALLBACK) & found.settled)
            waiting[place] = _Hanging(at, np.full(len(at), MET, np.int8), np.full(len(at), FAILED, np.int8))
    for day in days:
        waiting = {place: some for place, some in waiting.items() if len(some.at)}
        if not waiting:
            return
        for place, some in waiting.items():
            some.hear(day(place, some.at), statuses[place])


@dataclass
class _Hanging:
    """Candidates, by their places, whose status in a column hangs on an anchor or a sex that is not given; and the
    least and the greatest that it was with what was supposed."""

    at: Ids
    least: Ids
    most: Ids

    def hear(self, witness: Ids, status: Ids) -> None:
        """Settle those whom their status on a further day settles."""
        sure = witness != FALLBACK
        least = np.where(sure, np.minimum(self.least, witness), self.least)
        most = np.where(sure, np.maximum(self.most, witness), self.most)
        settled = (witness == UNDETERMINED) | (least < most)
        status[self.at[settled]] = UNDETERMINED
        self.at, self.least, self.most = self.at[~settled], least[~settled], most[~settled]


def _facts(undetermined: Ids, open_: dict[str, Ids]) -> Waiting:
    """How many wait for each fact, and how many for nothing else."""
    waiting = {fact: undetermined & where for fact, where in open_.items()}
    number = sum((each.astype(np.int16) for each in waiting.values()), np.zeros(len(undetermined), np.int16))
    single = number == 1
    return {fact: (int(np.count_nonzero(each)), int(np.count_nonzero(each & single))) for fact, each in waiting.items()}
