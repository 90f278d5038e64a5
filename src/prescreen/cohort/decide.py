"""One shard decided in memory: every criterion of the plan for every candidate of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from prescreen.cohort.algebra import FALLBACK, Algebra, E, R
from prescreen.cohort.arrays import Arrays, Memory
from prescreen.cohort.plan import Plan
from prescreen.cohort.scan import Columns, Scan, Shard
from prescreen.cohort.spelling import Ids, packed
from prescreen.cohort.walk import ALONE, FAILED, MET, UNDETERMINED, Decided, Walk
from prescreen.ranges import Ranges

SUPPOSED: Final = (0, 20_000, -40_000)
"""Days after the screening day that anchors which are not given are supposed to be: that day, long after it and long
before it, when nothing on file has happened yet."""


@dataclass(frozen=True)
class Decisions:
    """statuses: by candidate and column of the plan; FALLBACK where columns do not tell. facts: for each column, by
    fact, of how many candidates that columns leave undetermined it is among what they wait for, and of how many it is
    all. alike: by column, for its candidates with FALLBACK, in order, a number that is the same for those of whom the
    direct evaluator would say the same, or ALONE."""

    statuses: Ids
    facts: list[dict[str, tuple[int, int]]]
    alike: dict[int, Ids]


def decide(
    shard: Shard, size: int, scan: Scan, plan: Plan, day: int, ranges: Ranges | None, memory: Memory
) -> Decisions:
    """The decisions on a shard of so many candidates."""
    pieces = shard.rows()
    arrays = Arrays(size, scan.pools, scan.concepts, pieces, scan.signature, memory, scan.concept)
    decided, walk = walked(arrays, plan, day, ranges)
    return assembled(size, plan, decided, witnessed(walk, plan), _odd(shard, pieces, scan))


Witnesses = Callable[[int], Iterable[E]]
"""The statuses of a column on days that anchors which are not given may be, one day after the other."""


def walked(algebra: Algebra[E, R], plan: Plan, day: int, ranges: Ranges | None) -> tuple[list[Decided[E]], Walk[E, R]]:
    """Every column of a plan decided, and the walk that did it."""
    walk = Walk(algebra, day, plan.catalogue, ranges, plan.bare)
    return [found for column in plan.columns for found in walk.trial(column.trial, [column.criterion])], walk


def witnessed(walk: Walk[E, R], plan: Plan, of_records: bool = True) -> Witnesses[E]:
    """The statuses on supposed days. of_records: also on days of the candidates' own records."""
    days: dict[int, Walk[E, R]] = {}

    def witnesses(place: int) -> Iterable[E]:
        column = plan.columns[place]
        if not column.anchored:
            return
        for later in SUPPOSED:
            if later not in days:
                days[later] = walk.supposing(walk.day + later)
            yield days[later].trial(column.trial, [column.criterion])[0].status
        if of_records:
            own = walk.supposing_records(column.criterion.condition)
            yield own.trial(column.trial, [column.criterion])[0].status

    return witnesses


def assembled(size: int, plan: Plan, decided: Sequence[Decided[Ids]], witnesses: Witnesses[Ids], odd: Ids) -> Decisions:
    """The decisions that a backend's arrays come to. odd: candidates that columns do not decide."""
    statuses = np.empty((size, len(plan.columns)), np.int8)
    facts: list[dict[str, tuple[int, int]]] = []
    alike: dict[int, Ids] = {}
    for place, found in enumerate(decided):
        status = np.empty(size, np.int8)
        status[:] = found.status
        status[odd] = FALLBACK
        _witnessed(status, found.settled, witnesses(place))
        status[odd] = FALLBACK
        statuses[:, place] = status
        facts.append(_facts(status == UNDETERMINED, found.open))
        if found.alike is not None:
            number = np.broadcast_to(found.alike, size).copy()
            number[odd] = ALONE
            number = number[status == FALLBACK]
            if (number != ALONE).any():
                alike[place] = number
    return Decisions(statuses, facts, alike)


def _witnessed(status: Ids, settled: Ids, witnesses: Iterable[Ids]) -> None:
    """Settle what an anchor that is not given leaves open: where a known one would leave the criterion undetermined, or
    two days of it would decide it differently, an unknown one leaves it undetermined."""
    least, most = np.full(len(status), MET, np.int8), np.full(len(status), FAILED, np.int8)
    open_ = (status == FALLBACK) & settled
    for witness in witnesses if open_.any() else ():
        sure = witness != FALLBACK
        least = np.where(sure, np.minimum(least, witness), least)
        most = np.where(sure, np.maximum(most, witness), most)
        status[open_ & ((witness == UNDETERMINED) | (least < most))] = UNDETERMINED
        open_ &= status == FALLBACK
        if not open_.any():
            break


def _facts(undetermined: Ids, open_: dict[str, Ids]) -> dict[str, tuple[int, int]]:
    """How many wait for each fact, and how many for nothing else."""
    waiting = {fact: undetermined & where for fact, where in open_.items()}
    number = sum((each.astype(np.int16) for each in waiting.values()), np.zeros(len(undetermined), np.int16))
    single = number == 1
    return {fact: (int(each.sum()), int((each & single).sum())) for fact, each in waiting.items()}


def _odd(shard: Shard, pieces: dict[str, Columns], scan: Scan) -> Ids:
    """The candidates that columns do not decide: with rows that cannot be read, or that say something twice."""
    found = list(shard.odd)
    for table, column in (("persons", None), ("answers", "asked"), ("anchors", "anchor"), ("complete", "declared")):
        rows = pieces.get(table)
        if rows is None:
            continue
        keys = [rows["owner"]]
        sizes = [scan.block]
        if column is not None:
            numbers = rows[column]
            if table == "complete":
                domains = [spelling[0] for spelling in scan.pools[table, column].spellings]
                numbers = np.unique(np.asarray(domains, str), return_inverse=True)[1][numbers]
            keys.append(numbers)
            sizes.append(len(scan.pools[table, column]))
        order = packed(keys, sizes)
        values, counts = np.unique(order, return_counts=True)
        twice = np.isin(order, values[counts > 1])
        found.append(np.unique(rows["owner"][twice]))
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)
