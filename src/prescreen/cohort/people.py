"""Candidates of a shard as the direct evaluator takes them, made of the rows that columns hold: the tables are not read
again. Only of candidates whose rows can all be read; of them, only what some columns look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from prescreen.candidate.facts import Candidate
from prescreen.cohort.arrays import Arrays, Rows
from prescreen.cohort.plan import Plan, looked_at
from prescreen.problems import InputRefused
from prescreen.tables import Row, read_rows

_ALWAYS: Final = ("answers", "anchors", "complete")
_NAME: Final = "candidate"  # whose id is not asked for


class People:
    """The candidates of a shard."""

    def __init__(self, arrays: Arrays, plan: Plan, day: int) -> None:
        self.arrays = arrays
        self.plan = plan
        self.day = day
        self._results: dict[str, Rows] = {}
        self._looked_at: dict[tuple[int, ...], tuple[tuple[str, ...], tuple[str, ...]]] = {}

    def read(self, wanted: Mapping[int, Sequence[int]]) -> Iterator[tuple[int, Candidate | InputRefused]]:
        """Some of them, by their places, each with what columns of the plan look at."""
        for place, columns in wanted.items():
            try:
                yield place, read_rows(_NAME, self._rows(place, columns), self.plan.catalogue, self.day).candidate
            except InputRefused as refused:
                yield place, refused

    def _rows(self, place: int, columns: Sequence[int]) -> dict[str, list[Row]]:
        """Rows by table; which of a file each is, is not told."""
        key = tuple(columns)
        known = self._looked_at.get(key)
        if known is None:
            known = self._looked_at[key] = looked_at([self.plan.columns[column] for column in columns])
        concepts, domains = known
        found = {
            "persons": [Row(0, cells) for cells in self.arrays.persons().of(place)],
            "observations": [
                Row(0, {**cells, "code": concept}) for concept in concepts for cells in self._of(concept).of(place)
            ],
        }
        for table in (*domains, *_ALWAYS):
            found[table] = [Row(0, cells) for cells in self.arrays.table(table).of(place)]
        return found

    def _of(self, concept: str) -> Rows:
        found = self._results.get(concept)
        if found is None:
            found = self._results[concept] = self.arrays.results(concept)
        return found
