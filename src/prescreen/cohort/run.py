"""A whole run: tables in, statuses, verdicts and funnel out; whatever stops it, no result looks whole that is not."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from prescreen.cohort.algebra import FALLBACK
from prescreen.cohort.arrays import Arrays, Memory
from prescreen.cohort.decide import decide
from prescreen.cohort.fallback import Direct
from prescreen.cohort.output import Results, cannot_write, prepare
from prescreen.cohort.people import People
from prescreen.cohort.plan import Plan
from prescreen.cohort.processes import each_done
from prescreen.cohort.progress import Listener, Progress
from prescreen.cohort.rows import Everybody
from prescreen.cohort.scan import Scan, Shard, no_candidates
from prescreen.cohort.settle import Settled, Settling
from prescreen.cohort.store import FOLDER, Store, described
from prescreen.cohort.whole import Whole
from prescreen.problems import InputRefused, Problem
from prescreen.ranges import Ranges
from prescreen.tables import TableIssue, Tables, open_tables
from prescreen.time import day_text

_BLOCK: Final = 13 << 13  # the more candidates a shard has, the fewer short operations there are, and the more memory
_LEAST: Final = 1 << 13
_ROOM: Final = 1 << 10  # for candidates who have no row in the table of persons
AUDITED: Final = 1_000
_MOST_PROCESSES: Final = 4  # each holds the arrays of one shard


@dataclass(frozen=True, slots=True)
class Options:
    """How a run is done. memory: the most that it should take, in bytes; block: candidates of a shard (None: as many
    shards for each process, none too large); audited: how many are decided a second time, directly, each for two of the
    trials in turn. threads: of the tables' reader, and processes that decide; None: one for each core."""

    memory: int = 4 << 30
    block: int | None = None
    audited: int = AUDITED
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of a run: the content of funnel.json, and of manifest.json."""

    funnel: dict[str, Any]
    manifest: dict[str, Any]


def run_cohort(
    plan: Plan,
    data: str | Path,
    out: str | Path,
    day: int,
    ranges: Ranges | None = None,
    options: Options | None = None,
    tell: Listener | None = None,
    engine: str = "local",
) -> Summary:
    """Screen the cohort of some tables, and write the results into a folder.

    Raises InputRefused where tables cannot be read or results not written, DisagreementError where the engines differ.
    """
    options = options or Options()
    folder = Path(out)
    prepare(folder)
    memory = f"{max(options.memory // 4, 1 << 28)}B"
    with open_tables(data, memory=memory, threads=options.threads, spill=folder / FOLDER) as tables:
        try:
            return _Run(plan, tables, folder, day, ranges, options, tell, engine).done()
        except ChildProcessError as error:
            message = f"{error}; what was decided so far is kept, the same command goes on"
            raise InputRefused([Problem("no-output", message, str(folder))]) from None
        except OSError as error:
            raise cannot_write(folder, error) from None


class _Run:
    def __init__(
        self, plan: Plan, tables: Tables, folder: Path, day: int, ranges: Ranges | None, options: Options,
        tell: Listener | None, engine: str,
    ) -> None:  # fmt: skip
        self.engine = engine
        self.plan = plan
        self.tables = tables
        self.folder = folder
        self.day = day
        self.ranges = ranges
        self.options = options
        self.progress = Progress(tell, time.monotonic)
        self.began = time.monotonic()
        self.spent: dict[str, float] = {}
        self.sha256 = None if ranges is None else ranges.sha256
        self.processes = options.threads or min(_MOST_PROCESSES, os.cpu_count() or 1)
        self.block = options.block or _block(tables, self.processes)
        self.store = Store(folder, described(plan, tables, day, self.sha256, self.block, version("prescreen")))
        budget, folder = options.memory // 4, self.store.folder
        self.scan = Scan(tables, plan.catalogue, plan.concepts, plan.domains, day, self.block, budget, folder)
        self.direct = Direct(plan, day, ranges)
        self.issues: list[TableIssue] = list(tables.issues)
        self.left: Counter[str] = Counter()

    def done(self) -> Summary:
        with Results(self.folder, self.plan) as results:
            whole = self._by_spark(results) if self.engine == "spark" else self._here(results)
            results.count(whole.facts)
            self.issues += whole.issues
            self._tell_issues()
            with self._timed("write"):  # what is not written yet
                return self._written(results, whole)

    def _here(self, results: Results) -> Whole:
        """Everything in the memory of this machine."""
        with self._timed("read"):
            self.scan.run(self.progress.add)
        whole = self._whole(list(self.scan.candidates))
        with self._timed("decide"):
            meanwhile = partial(whole.read, self.scan.odd())
            for shard in each_done(self.scan.shards, self._decider(), self.processes, meanwhile):
                shard.pieces.clear()
                settled = self.store.load(shard.number, self._size(shard))
                if settled is None:
                    raise AssertionError("a shard has no statuses")
                self._take(shard.first, settled, whole, results)
        return whole

    def _decider(self) -> Callable[[Shard], None]:
        """What decides a shard, and keeps what comes of it."""
        memory, settling = Memory(), Settling(self.plan, self.direct)
        scan, plan, day = self.scan, self.plan, self.day

        def decided(shard: Shard) -> None:
            size = self._size(shard)
            if self.store.load(shard.number, size) is None:
                shelf = Everybody(size, scan.pools, scan.concepts, shard.rows().get)
                arrays = Arrays(size, shelf, scan.signature, memory, scan.concept)
                odd = shard.odd[0] if shard.odd else np.zeros(0, np.int64)
                made = decide(arrays, odd, plan, day, self.ranges)
                self.store.save(shard.number, settling.settled(made, People(shelf, plan, day).read))

        return decided

    def _size(self, shard: Shard) -> int:
        return min(self.block, len(self.scan.candidates) - shard.first)

    def _by_spark(self, results: Results) -> Whole:
        """The same by Spark, in one piece."""
        from prescreen.cohort.relational import decide_in
        from prescreen.cohort.spark import SparkRunner

        with self._timed("decide"):
            identities, made = decide_in(SparkRunner(self.tables), self.scan, self.plan, self.day, self.ranges)
            whole = self._whole(identities)
            whole.read(made.odd.tolist())
            self._take(0, Settling(self.plan, self.direct).settled(made, whole.people), whole, results)
        return whole

    def _whole(self, identities: Sequence[str]) -> Whole:
        if not identities:
            raise no_candidates(self.tables.path)
        return Whole(self.plan, self.tables, self.direct, identities, self.options.audited, self.progress)

    def _take(self, first: int, settled: Settled, whole: Whole, results: Results) -> None:
        """Complete a shard, and have it written while others are decided."""
        whole.complete(first, settled)
        statuses = settled.statuses
        if (statuses == FALLBACK).any():
            raise AssertionError("a candidate has no status")
        results.add(whole.identities[first : first + len(statuses)], statuses, settled.facts)
        self.left.update(pairs=settled.pairs, shared=settled.shared, alone=settled.alone)
        self.progress.add("candidates decided", len(statuses), len(whole.identities))

    def _tell_issues(self) -> None:
        """All issues, each once, in the order of the tables."""
        if self.scan.nobody:
            message = f"{self.scan.nobody:,} rows name no candidate; not used"
            self.issues.append(TableIssue("no-candidate", "all", None, None, message))
        # A result that was read as a whole has one issue, of all that is wrong with it.
        told = {(issue.file, issue.row) for issue in self.issues if issue.table == "observations"}
        others = (i for i in self.scan.issues() if i.table != "observations" or (i.file, i.row) not in told)
        known = dict.fromkeys([*self.issues, *others])
        self.issues = sorted(known, key=lambda i: (i.table, i.file or "", i.row or 0, i.code, i.message))

    def _timed(self, what: str) -> _Timer:
        return _Timer(self.spent, what)

    # --- the results ------------------------------------------------------------------------------------

    def _written(self, results: Results, whole: Whole) -> Summary:
        results.close()
        results.issues(self.issues)
        funnel = results.funnel.as_json(day_text(self.day), self.sha256, len(self.issues))
        candidates = len(whole.identities)
        read = whole.odd + self.left["alone"]
        manifest = {
            "schema": "prescreen/manifest/1",
            "engine": self.engine,
            "screening_date": day_text(self.day),
            "candidates": candidates,
            "rows_read": self.scan.rows,
            "rows_written": {**results.rows, "issues": len(self.issues)},
            "direct": {
                "pairs": self.left["pairs"],
                "share_of_pairs": self.left["pairs"] / (candidates * max(1, len(self.plan.columns))),
                "candidates_read": read,
                "share_of_candidates": read / candidates,
                "shared_pairs": self.left["shared"],
                "audited": len(whole.sample),
            },
            "resumed_shards": self.store.kept,
            "seconds": {
                **{k: round(v, 3) for k, v in self.spent.items()},
                "all": round(time.monotonic() - self.began, 3),
            },
        }
        _write_funnel(results, funnel)
        results.publish(manifest)
        self.store.clear()
        return Summary(funnel, manifest)


def _block(tables: Tables, processes: int) -> int:
    """How many candidates a shard has: as many shards for each process, and of many, a quarter of one more, so that
    less is left to write when all are decided."""
    persons = tables.count("persons")
    shards = -(-persons // (_BLOCK * processes)) * processes
    if not shards:
        return _BLOCK
    quarters = 4 * shards + (shards > 2 * processes)
    return max(_LEAST, -(-4 * persons // quarters) + _ROOM)


def _write_funnel(results: Results, funnel: dict[str, Any]) -> None:
    from prescreen.funnel import funnel_html

    results.text("funnel.json", json.dumps(funnel, indent=1, ensure_ascii=False) + "\n")
    results.text("funnel.html", funnel_html(funnel))


class _Timer:
    def __init__(self, spent: dict[str, float], what: str) -> None:
        self.spent = spent
        self.what = what

    def __enter__(self) -> None:
        self.began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.spent[self.what] = self.spent.get(self.what, 0.0) + time.monotonic() - self.began
