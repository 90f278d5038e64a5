"""Candidates of a shard as the direct evaluator takes them, made of the rows that columns hold: the tables are not read
again. Only of candidates whose rows can all be read; of them, only what some columns look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from prescreen.candidate.facts import Candidate
from prescreen.cohort.plan import Plan, looked_at
from prescreen.cohort.rows import Shelf
from prescreen.problems import InputRefused
from prescreen.tables import Row, read_rows

_ALWAYS: Final = ("answers", "anchors", "complete")
_NAME: Final = "candidate"  # whose id is not asked for
_AT_ONCE: Final = 256  # candidates of whom rows are held as texts

_Looked = tuple[tuple[str, ...], tuple[str, ...]]
"""The concepts and the domains that some columns look at."""


class People:
    """The candidates of a shard. shelf: its rows."""

    def __init__(self, shelf: Shelf, plan: Plan, day: int) -> None:
        self.shelf = shelf
        self.plan = plan
        self.day = day
        self._looked_at: dict[tuple[int, ...], _Looked] = {}

    def read(self, wanted: Mapping[int, Sequence[int]]) -> Iterator[tuple[int, Candidate | InputRefused]]:
        """Some of them, by their places, each with what columns of the plan look at."""
        places = iter(sorted(wanted))
        while some := list(islice(places, _AT_ONCE)):
            for place, rows in self._rows({place: self._looks_at(wanted[place]) for place in some}).items():
                try:
                    yield place, read_rows(_NAME, rows, self.plan.catalogue, self.day).candidate
                except InputRefused as refused:
                    yield place, refused

    def _looks_at(self, columns: Sequence[int]) -> _Looked:
        key = tuple(columns)
        known = self._looked_at.get(key)
        if known is None:
            known = self._looked_at[key] = looked_at([self.plan.columns[column] for column in columns])
        return known

    def _rows(self, wanted: Mapping[int, _Looked]) -> dict[int, dict[str, list[Row]]]:
        """Their rows by table; which of a file each is, is not told."""
        found: dict[int, dict[str, list[Row]]] = {place: {"observations": []} for place in wanted}
        of_concept: dict[str, list[int]] = {}
        of_table: dict[str, list[int]] = {table: list(wanted) for table in _ALWAYS}
        for place, (concepts, domains) in wanted.items():
            for concept in concepts:
                of_concept.setdefault(concept, []).append(place)
            for domain in domains:
                of_table.setdefault(domain, []).append(place)
        for place, cells in self.shelf.persons().of(list(wanted)).items():
            found[place]["persons"] = _numberless(cells)
        for table, places in of_table.items():
            for place, cells in self.shelf.table(table).of(places).items():
                found[place][table] = _numberless(cells)
        for concept, places in of_concept.items():
            for place, cells in self.shelf.results(concept).of(places).items():
                found[place]["observations"] += _numberless([{**row, "code": concept} for row in cells])
        return found


def _numberless(cells: Sequence[dict[str, str]]) -> list[Row]:
    return [Row(0, row) for row in cells]
