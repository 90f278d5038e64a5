"""Candidates who are read from the tables as a whole: those of whom columns decide nothing, and a sample of the others,
whose statuses are decided a second time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from prescreen.candidate.facts import Candidate
from prescreen.cohort.decide import Waiting
from prescreen.cohort.fallback import Direct
from prescreen.cohort.plan import Plan
from prescreen.cohort.progress import Progress
from prescreen.cohort.settle import Settled, count
from prescreen.cohort.spelling import Ids
from prescreen.cohort.store import sample
from prescreen.cohort.walk import UNDETERMINED
from prescreen.problems import InputRefused
from prescreen.tables import TableCandidate, TableIssue, Tables

_TRIALS_AUDITED: Final = 2
_AT_ONCE: Final = 20_000  # candidates that are read
_MOST_ISSUES: Final = 5_000_000
_STATUSES: Final = ("failed", "undetermined", "met")


class DisagreementError(Exception):
    """Columns and the direct evaluator give different statuses: a bug, and no result."""


class Whole:
    """Those candidates of a cohort. identities: of all candidates, in the order of their places; audited: how many make
    the sample; issues: of what was read; odd: how many columns do not decide.

    Of the sample, each is decided for some of the trials, in turn.
    """

    def __init__(
        self, plan: Plan, tables: Tables, direct: Direct, identities: Sequence[str], audited: int, progress: Progress
    ) -> None:
        self.plan = plan
        self.tables = tables
        self.direct = direct
        self.identities = identities
        self.progress = progress
        self.sample = {place: rank for rank, place in enumerate(sample(identities, audited))}
        self.issues: list[TableIssue] = []
        self.odd = 0
        self.facts: list[Waiting] = [{} for _ in plan.columns]
        self._decided: dict[int, Ids] = {}
        self._again: dict[int, dict[int, int]] = {}
        self._places: list[int] = []

    def read(self, odd: Sequence[int]) -> None:
        """Read and decide them. odd: of whom columns decide nothing, by their places."""
        columns = range(len(self.plan.columns))
        self.odd = len(odd)
        undecided = frozenset(odd)
        self._places = places = sorted({*odd, *self.sample})
        for place, read in self._read(places):
            self.progress.add("candidates decided one by one", 1, len(places))
            if isinstance(read, InputRefused):
                self.refuse(place, read.problems[0].message)
                self._decided[place] = np.full(len(columns), UNDETERMINED, np.int8)
                continue
            self._tell(read.issues)
            if place not in undecided:
                mine = self._columns_of(self.sample[place])
                self._again[place] = dict(zip(mine, self.direct.statuses(read.candidate, mine), strict=True))
                continue
            answers = self.direct.decide(read.candidate, columns)
            self._decided[place] = np.asarray([answer.status for answer in answers], np.int8)
            for facts, answer in zip(self.facts, answers, strict=True):
                count(facts, answer)

    def _columns_of(self, rank: int) -> list[int]:
        """The columns for which a candidate of the sample is decided a second time."""
        trials = [trial.id for trial in self.plan.trials]
        mine = {trials[(rank + each) % len(trials)] for each in range(_TRIALS_AUDITED)}
        return [place for place, column in enumerate(self.plan.columns) if column.trial.id in mine]

    def people(self, wanted: Mapping[int, Sequence[int]]) -> Iterator[tuple[int, Candidate | InputRefused]]:
        """Any candidates, by their places."""
        for place, read in self._read(sorted(wanted)):
            yield place, read if isinstance(read, InputRefused) else read.candidate

    def _read(self, places: Sequence[int]) -> Iterator[tuple[int, TableCandidate | InputRefused]]:
        for first in range(0, len(places), _AT_ONCE):
            some = places[first : first + _AT_ONCE]
            wanted = [self.identities[place] for place in some]
            yield from zip(some, self.tables.read_many(wanted, self.plan.catalogue, self.direct.day), strict=True)

    def refuse(self, place: int, message: str) -> None:
        """List a candidate who cannot be read."""
        self._tell([TableIssue("refused", "all", None, self.identities[place], message)])

    def _tell(self, issues: Sequence[TableIssue]) -> None:
        self.issues += issues[: max(0, _MOST_ISSUES - len(self.issues))]

    def complete(self, first: int, settled: Settled) -> None:
        """Bring what they are into a shard, of which `first` is the first candidate. Raises DisagreementError where the
        sample differs."""
        statuses = settled.statuses
        end = first + len(statuses)
        for place in self._places[bisect_left(self._places, first) : bisect_left(self._places, end)]:
            mine = statuses[place - first]
            if place in self._decided:
                mine[:] = self._decided.pop(place)
            for column, status in self._again.pop(place, {}).items():
                if mine[column] != status:
                    raise self._disagreement(place, column, int(mine[column]), status)
        for row, reason in settled.refused.items():
            self.refuse(first + row, reason)

    def _disagreement(self, place: int, column: int, status: int, directly: int) -> DisagreementError:
        asked = self.plan.columns[column]
        return DisagreementError(
            f"{self.identities[place]}, {asked.trial.id} {asked.criterion.id}: columns say {_STATUSES[status]}, the "
            f"direct evaluator says {_STATUSES[directly]}; nothing is written; please report it"
        )
