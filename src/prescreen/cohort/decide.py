"""One shard decided in memory: every criterion of the plan for every candidate of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from prescreen.cohort.algebra import FALLBACK
from prescreen.cohort.arrays import Arrays, Memory, Rows
from prescreen.cohort.plan import Plan
from prescreen.cohort.scan import Columns, Scan, Shard
from prescreen.cohort.spelling import Ids, packed
from prescreen.cohort.walk import ALONE, UNDETERMINED, Walk
from prescreen.ranges import Ranges


_SUPPOSED: Final = (0, 400, -400)
"""Days after the screening day that anchors which are not given are supposed to be."""


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
    pieces = {table: _joined(some) for table, some in shard.pieces.items()}
    arrays = Arrays(size, scan.pools, scan.concepts, pieces, scan.signature, memory, scan.concept)
    walk: Walk[Ids, Rows] = Walk(arrays, day, plan.catalogue, ranges, plan.bare)
    witnesses: list[Walk[Ids, Rows]] = [
        Walk(arrays, day, plan.catalogue, ranges, plan.bare, day + later) for later in _SUPPOSED
    ]
    odd = _odd(shard, pieces, scan)
    statuses = np.empty((size, len(plan.columns)), np.int8)
    facts: list[dict[str, tuple[int, int]]] = []
    alike: dict[int, Ids] = {}
    for place, column in enumerate(plan.columns):
        (decided,) = walk.trial(column.trial, [column.criterion])
        statuses[:, place] = decided.status
        if column.anchored and (statuses[:, place] == FALLBACK).any():
            # Where even a known anchor leaves a criterion undetermined, an unknown one does.
            for witness in witnesses:
                (supposed,) = witness.trial(column.trial, [column.criterion])
                open_ = (statuses[:, place] == FALLBACK) & (supposed.status == UNDETERMINED) & decided.settled
                statuses[open_, place] = UNDETERMINED
        statuses[odd, place] = FALLBACK
        facts.append(_facts(statuses[:, place] == UNDETERMINED, decided.open))
        if decided.alike is not None:
            number = np.broadcast_to(decided.alike, size).copy()
            number[odd] = ALONE
            number = number[statuses[:, place] == FALLBACK]
            if (number != ALONE).any():
                alike[place] = number
    return Decisions(statuses, facts, alike)


def _facts(undetermined: Ids, open_: dict[str, Ids]) -> dict[str, tuple[int, int]]:
    """How many wait for each fact, and how many for nothing else."""
    waiting = {fact: undetermined & where for fact, where in open_.items()}
    number = sum((each.astype(np.int16) for each in waiting.values()), np.zeros(len(undetermined), np.int16))
    single = number == 1
    return {fact: (int(each.sum()), int((each & single).sum())) for fact, each in waiting.items()}


def _joined(pieces: list[Columns]) -> Columns:
    if len(pieces) == 1:
        return pieces[0]
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


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
