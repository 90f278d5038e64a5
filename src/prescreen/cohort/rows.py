"""The rows of a shard, by what is asked for: of everybody, or of some of the candidates.

Rows are in the order of their candidates, so that what concerns a candidate is a run of them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cached_property
from itertools import islice
from typing import Final, Protocol

import numpy as np

from prescreen.cohort.judging import WRITTEN
from prescreen.cohort.scan import Columns
from prescreen.cohort.spelling import Ids, Pool, picked

Pieces = Callable[[str], Columns | None]
"""The rows of a table, if there are any."""

_SUBJECT: Final = {"complete": "declared", "answers": "asked", "anchors": "anchor"}
"""The column that says what rows of a table speak of: a domain, a question of a trial, an anchor."""


class Rows:
    """Rows in the order of their candidates. pools: of their columns; source: the columns of all rows, or the rows of
    which these are some; at: which of them. `owner` is the candidate of each, where they are not numbered anew that of
    the source. Columns are picked when they are looked at: most of them never are."""

    def __init__(
        self, table: str, pools: dict[str, Pool], source: Columns | Rows, at: Ids | None = None,
        owner: Ids | None = None,
    ) -> None:  # fmt: skip
        self.table = table
        self.pools = pools
        self._source = source
        self._at = at
        self._picked: Columns = {} if owner is None else {"owner": owner}
        self._floats: dict[tuple[str, object], Ids] = {}

    def __len__(self) -> int:
        return len(self.owner if self._at is None else self._at)

    def column(self, name: str) -> Ids:
        """The numbers of the spellings of a column."""
        found = self._picked.get(name)
        if found is None:
            found = self._source.column(name) if isinstance(self._source, Rows) else self._source[name]
            found = found if self._at is None else picked(found, self._at)
            self._picked[name] = found = found.astype(np.intp, copy=False) if name == "owner" else found
        return found

    def floats(self, column: str, key: object, table: Ids) -> Ids:
        """A float for each row by the spelling of a column: picked once for all leaves that look at these rows."""
        found = self._floats.get((column, key))
        if found is None:
            found = self._floats[column, key] = picked(table, self.column(column))
        return found

    @property
    def owner(self) -> Ids:
        return self.column("owner")

    @cached_property
    def starts(self) -> Ids:
        """Where the rows of each candidate begin."""
        owner = self.owner
        changes = np.flatnonzero(owner[1:] != owner[:-1]) + 1
        return np.concatenate([np.zeros(1, np.int64), changes]) if len(owner) else np.zeros(0, np.int64)

    @cached_property
    def owners(self) -> Ids:
        """The candidates, each once."""
        return picked(self.owner, self.starts)

    @property
    def single(self) -> bool:
        return len(self.starts) == len(self)

    def only(self, chosen: Ids) -> Rows:
        return Rows(self.table, self.pools, self, np.flatnonzero(chosen))

    def of_some(self, candidates: Ids) -> Rows:
        """The rows of some candidates, who are given in order, and are numbered anew."""
        counts, at = self._of(candidates)
        return Rows(self.table, self.pools, self, at, np.repeat(np.arange(len(candidates)), counts))

    def of(self, candidates: Sequence[int]) -> dict[int, list[dict[str, str]]]:
        """The cells of some candidates' rows, without empty ones, by candidate and in the order of the rows."""
        counts, at = self._of(np.asarray(candidates, np.intp))
        mine = Rows(self.table, self.pools, self, at)
        cells: list[dict[str, str]] = [{} for _ in range(len(at))]
        for name, pool in self.pools.items():
            for row, number in zip(cells, mine.column(name).tolist(), strict=True):
                for column, text in zip(pool.columns, pool.spellings[number], strict=True):
                    if text:
                        row[column] = text
        rows = iter(cells)
        return {
            candidate: list(islice(rows, count)) for candidate, count in zip(candidates, counts.tolist(), strict=True)
        }

    def _of(self, candidates: Ids) -> tuple[Ids, Ids]:
        """How many rows each of some candidates has, and which these are."""
        firsts, ends = (self.owner.searchsorted(candidates, side) for side in ("left", "right"))
        counts = ends - firsts
        total = int(counts.sum())
        return counts, np.repeat(firsts - (np.cumsum(counts) - counts), counts) + np.arange(total)


class Shelf(Protocol):
    """Where rows are found."""

    def persons(self) -> Rows:
        """A row for each candidate."""

    def results(self, concept: str) -> Rows:
        """The results of an observation."""

    def table(self, name: str) -> Rows:
        """All rows of a table other than persons and observations."""

    def about(self, table: str, subject: Hashable) -> Rows:
        """The rows of a table that speak of a subject: a domain, a question of a trial, an anchor."""


class Everybody:
    """The rows of all candidates of a shard. pools: by table and column; concepts: the numbers of observations."""

    def __init__(self, size: int, pools: dict[tuple[str, str], Pool], concepts: dict[str, int], pieces: Pieces) -> None:
        self.size = size
        self.pools = pools
        self._concepts = concepts
        self._pieces = pieces
        self._tables: dict[str, Rows] = {}
        self._of_concept: dict[str, Rows] = {}
        self._subjects: dict[str, dict[Hashable, Rows]] = {}

    def persons(self) -> Rows:
        return self._persons

    @cached_property
    def _persons(self) -> Rows:
        rows = self._pieces("persons")
        columns: Columns = {"owner": np.arange(self.size)}
        for name in ("born", "sex"):
            columns[name] = np.zeros(self.size, np.int32)
            if rows is not None:
                columns[name][rows["owner"]] = rows[name]
        return Rows("persons", self._pools_of("persons", columns), columns)

    def results(self, concept: str) -> Rows:
        found = self._of_concept.get(concept)
        if found is None:
            order, rows, edges = self._results
            number = self._concepts.get(concept)
            at = order[:0] if number is None else order[edges[number] : edges[number + 1]]
            pools = self._pools_of("observations", (*WRITTEN, "date"))
            found = self._of_concept[concept] = Rows("observations", pools, rows, at)
        return found

    @cached_property
    def _results(self) -> tuple[Ids, Columns, Ids]:
        """The order of observations by concept and candidate, and where each concept begins."""
        rows = self._pieces("observations")
        count = max(self._concepts.values(), default=1) + 2
        if rows is None:
            nothing = {name: np.zeros(0, np.int32) for name in ("owner", "date", *WRITTEN)}
            return np.zeros(0, np.int64), nothing, np.zeros(count, np.int64)
        concept, owner = rows["concept"], rows["owner"]
        in_order = not (owner[1:] < owner[:-1]).any()
        order = np.argsort(concept, kind="stable") if in_order else np.lexsort((owner, concept))
        edges = np.concatenate([[0], np.cumsum(np.bincount(concept, minlength=count))])
        return order, rows, edges

    def table(self, name: str) -> Rows:
        found = self._tables.get(name)
        if found is None:
            found = self._tables[name] = self._sorted(name, self._pieces(name))
        return found

    def about(self, table: str, subject: Hashable) -> Rows:
        by_subject = self._subjects.get(table)
        if by_subject is None:
            by_subject = self._subjects[table] = self._by_subject(table)
        found = by_subject.get(subject)
        return self._sorted(table, None) if found is None else found

    def _by_subject(self, table: str) -> dict[Hashable, Rows]:
        rows, column = self._pieces(table), _SUBJECT[table]
        if rows is None:
            return {}
        order = np.argsort(rows[column], kind="stable")
        numbers, starts = np.unique(rows[column][order], return_index=True)
        at: dict[Hashable, list[Ids]] = {}
        spellings = self.pools[table, column].spellings
        for number, some in zip(numbers.tolist(), np.split(order, starts[1:]), strict=True):
            at.setdefault(spellings[number] if table == "answers" else spellings[number][0], []).append(some)
        return {subject: self._sorted(table, rows, np.concatenate(some)) for subject, some in at.items()}

    def _sorted(self, table: str, rows: Columns | None, at: Ids | None = None) -> Rows:
        """Rows of a table in the order of their candidates; all, or some."""
        if rows is None:
            names = [name for owner, name in self.pools if owner == table]
            rows = {name: np.zeros(0, np.int32) for name in ("owner", *names)}
        owner = rows["owner"] if at is None else picked(rows["owner"], at)
        order = np.argsort(owner, kind="stable")
        return Rows(table, self._pools_of(table, rows), rows, order if at is None else picked(at, order))

    def _pools_of(self, table: str, columns: Iterable[str]) -> dict[str, Pool]:
        return {name: self.pools[table, name] for name in columns if (table, name) in self.pools}


class Some:
    """The rows of some candidates, by their places in order, each found when it is asked for: few are for one
    criterion."""

    def __init__(self, shelf: Shelf, candidates: Ids) -> None:
        self._shelf = shelf
        self._candidates = candidates
        self._known: dict[Hashable, Rows] = {}

    def persons(self) -> Rows:
        return self._found("persons", self._shelf.persons)

    def results(self, concept: str) -> Rows:
        return self._found(("results", concept), lambda: self._shelf.results(concept))

    def table(self, name: str) -> Rows:
        return self._found(("table", name), lambda: self._shelf.table(name))

    def about(self, table: str, subject: Hashable) -> Rows:
        return self._found(("about", table, subject), lambda: self._shelf.about(table, subject))

    def _found(self, key: Hashable, of_all: Callable[[], Rows]) -> Rows:
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = of_all().of_some(self._candidates)
        return known
