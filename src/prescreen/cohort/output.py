"""The result files: written aside, and given their names only when they are whole."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from prescreen.cohort.decide import Waiting
from prescreen.cohort.funnel import VERDICTS, Funnel
from prescreen.cohort.plan import Plan
from prescreen.cohort.spelling import Ids
from prescreen.problems import InputRefused, Problem
from prescreen.tables import TableIssue

if TYPE_CHECKING:
    import pyarrow as pa

STATUSES: Final = ("failed", "undetermined", "met")
RESULTS: Final = ("criteria.parquet", "verdicts.parquet", "issues.parquet", "funnel.json", "funnel.html")
MANIFEST: Final = "manifest.json"
_GROUP: Final = 1 << 22  # rows of a row group
_MOST_WAITING: Final = 8  # row groups


class Results:
    """Counts statuses and verdicts, shard by shard, and writes them in a thread of its own. An error of it is raised at
    the next rows, or at the end; where anything was raised within it, nothing that was written is left."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder = folder
        self.plan = plan
        self.funnel = Funnel(plan)
        self.rows = {"criteria": 0, "verdicts": 0}
        self._writers: dict[str, Any] = {}
        self._layout = _layout(plan)
        self._thread = ThreadPoolExecutor(1)
        self._room = BoundedSemaphore(_MOST_WAITING)
        self._written: deque[Future[None]] = deque()

    def __enter__(self) -> Results:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)
        if kind is not None:
            self.abandon()

    def add(self, candidates: Sequence[str], statuses: Ids, facts: Sequence[Waiting]) -> None:
        """Write and count the final statuses of a shard's candidates, and what they wait for."""
        import pyarrow as pa

        identities = pa.array(candidates, pa.string())
        verdicts = self.funnel.add(statuses)
        self.count(facts)
        columns, described = self._layout
        self._long("criteria", identities, described, "status", statuses, columns)
        self._verdicts(identities, verdicts)

    def count(self, facts: Sequence[Waiting]) -> None:
        """Count what undetermined candidates wait for, by column."""
        for column, waiting in enumerate(facts):
            self.funnel.add_facts(column, waiting)

    def _verdicts(self, identities: pa.Array, verdicts: Sequence[tuple[Ids, list[Ids]]]) -> None:
        described: dict[str, list[str | None]] = {"trial": [], "cohort": []}
        found: list[Ids] = []
        for (protocol, cohorts, _), (overall, each) in zip(self.funnel.protocols, verdicts, strict=True):
            if protocol.variant is not None:
                continue
            named = [(c.name, verdict) for c, verdict in zip(cohorts, each, strict=True) if c.name is not None]
            for name, verdict in [(None, overall), *named]:
                described["trial"].append(protocol.trial.id)
                described["cohort"].append(name)
                found.append(verdict)
        self._long("verdicts", identities, described, "verdict", np.stack(found, axis=1), list(range(len(found))))

    def _long(
        self, name: str, identities: pa.Array, described: Mapping[str, Sequence[str | None]], what: str, numbers: Ids,
        columns: Sequence[int],
    ) -> None:  # fmt: skip
        """Write the rows of one candidate after the other: that takes an eighth of the room of the other way
        round. described: what the rows of a candidate say; columns: where their statuses or verdicts stand in
        `numbers`."""
        import pyarrow as pa

        each = len(columns)
        at_once = max(1, _GROUP // max(1, each))
        words = pa.array(STATUSES if what == "status" else VERDICTS)
        most = min(len(numbers), at_once)
        owner = np.repeat(np.arange(most, dtype=np.int32), each)
        blocks = {key: _repeated(texts, most) for key, texts in described.items()}
        for first in range(0, len(numbers), at_once):
            mine = identities[first : first + at_once]
            rows = len(mine) * each
            candidate = _coded(owner[:rows], mine)
            some = {key: block[:rows] for key, block in blocks.items()}
            told = _coded(numbers[first : first + len(mine)][:, columns].ravel(), words)
            self._write(name, _table({"candidate": candidate, **some, what: told}))

    def _write(self, name: str, rows: pa.Table) -> None:
        """Write rows after those before them; wait while too many are waiting."""
        self.rows[name] += rows.num_rows
        while self._written and self._written[0].done():
            self._written.popleft().result()
        self._room.acquire()
        writing = self._thread.submit(self._to_file, name, rows)
        writing.add_done_callback(lambda _: self._room.release())
        self._written.append(writing)

    def _to_file(self, name: str, rows: pa.Table) -> None:
        import pyarrow.parquet as pq

        writer = self._writers.get(name)
        if writer is None:
            writer = self._writers[name] = pq.ParquetWriter(
                self.unfinished(f"{name}.parquet"),
                rows.schema,
                compression="snappy",  # a third faster than zstd, and a tenth larger
                dictionary_pagesize_limit=1 << 26,
                data_page_size=1 << 22,
                write_statistics=False,  # each row group has all trials and criteria
                store_schema=False,
            )
        writer.write_table(rows, row_group_size=rows.num_rows or None)

    def close(self) -> None:
        for each in self._written:
            each.result()
        for writer in self._writers.values():
            writer.close()

    def abandon(self) -> None:
        """Leave nothing of what was written."""
        for writer in self._writers.values():
            with suppress(Exception):  # the first error counts
                writer.close()
        for name in (*RESULTS, MANIFEST):
            self.unfinished(name).unlink(missing_ok=True)

    def unfinished(self, name: str) -> Path:
        return self.folder / f".{name}.unfinished"

    def text(self, name: str, text: str) -> None:
        """Write a file of text."""
        with open(self.unfinished(name), "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())

    def issues(self, found: Sequence[TableIssue]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = {
            "candidate": pa.array([issue.candidate for issue in found], pa.string()),
            "table": pa.array([issue.table for issue in found], pa.string()),
            "file": pa.array([issue.file for issue in found], pa.string()),
            "row": pa.array([issue.row for issue in found], pa.int64()),
            "code": pa.array([issue.code for issue in found], pa.string()),
            "reason": pa.array([issue.message for issue in found], pa.string()),
        }
        pq.write_table(pa.table(columns), self.unfinished("issues.parquet"), compression="zstd")

    def publish(self, manifest: dict[str, Any]) -> None:
        """Give the files their names. The manifest says that they are whole: it comes last."""
        self.text(MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
        for name in (*RESULTS, MANIFEST):
            if self.unfinished(name).exists():
                self.unfinished(name).replace(self.folder / name)


def _table(columns: dict[str, pa.Array]) -> pa.Table:
    """A table in which only a cohort may be missing: what is never so need not say it, value by value."""
    import pyarrow as pa

    fields = [pa.field(name, values.type, nullable=name == "cohort") for name, values in columns.items()]
    return pa.Table.from_arrays(list(columns.values()), schema=pa.schema(fields))


def _coded(numbers: Ids, texts: pa.Array, missing: Ids | None = None) -> pa.Array:
    """Texts by their numbers; NULL where one is missing."""
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(numbers, mask=missing), texts, safe=False)


def _repeated(texts: Sequence[str | None], count: int) -> pa.Array:
    """The texts, so many times."""
    import pyarrow as pa

    known = {text: number for number, text in enumerate(dict.fromkeys(text for text in texts if text is not None))}
    numbers = [-1 if text is None else known[text] for text in texts]
    smallest = np.min_scalar_type(-len(known) - 1)
    tiled = np.tile(np.asarray(numbers, smallest), count)
    return _coded(tiled, pa.array(list(known), pa.string()), tiled < 0 if None in texts else None)


def _layout(plan: Plan) -> tuple[list[int], dict[str, list[str | None]]]:
    """For each row that a candidate has in criteria.parquet: its column of the plan; its trial, cohort and criterion.

    What belongs to some cohorts only has a row for each; what holds for all has one, without a cohort.
    """
    columns: list[int] = []
    described: dict[str, list[str | None]] = {"trial": [], "cohort": [], "criterion": []}
    for protocol in plan.written:
        for column in protocol.columns:
            criterion = plan.columns[column].criterion
            for cohort in criterion.cohorts or (None,):
                columns.append(column)
                for name, text in zip(described, (protocol.trial.id, cohort, criterion.id), strict=True):
                    described[name].append(text)
    return columns, described


def prepare(folder: Path) -> None:
    """Make the folder of results where it is not there; those of an earlier run are no longer said to be whole, lest
    they be taken for those of this one, should it be refused."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from None


def cannot_write(folder: Path, error: OSError) -> InputRefused:
    reason = (error.strerror or str(error) or "output error").lower()[:200]
    message = f"the results cannot be written: {reason}; what was decided so far is kept, the same command goes on"
    return InputRefused([Problem("no-output", message, str(folder))])
