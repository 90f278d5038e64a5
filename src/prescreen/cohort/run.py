"""A whole run: tables in, statuses, verdicts and funnel out; whatever stops it, no result looks whole that is not."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from importlib.metadata import version
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import numpy as np

from prescreen.cohort.algebra import FALLBACK
from prescreen.cohort.arrays import Memory
from prescreen.cohort.decide import Decisions, decide
from prescreen.cohort.fallback import Answered, Direct, RowsAsked
from prescreen.cohort.output import Results, cannot_write, prepare
from prescreen.cohort.plan import Plan
from prescreen.cohort.processes import each_done
from prescreen.cohort.progress import Listener, Progress
from prescreen.cohort.scan import Scan, Shard, no_candidates
from prescreen.cohort.spelling import Ids
from prescreen.cohort.store import FOLDER, Store, described, sample
from prescreen.cohort.walk import ALONE, UNDETERMINED
from prescreen.problems import InputRefused, Problem
from prescreen.ranges import Ranges
from prescreen.tables import Asked, TableCandidate, TableIssue, Tables, open_tables
from prescreen.time import day_text

BLOCK: Final = 1 << 16
AUDITED: Final = 1_000
_MOST_PROCESSES: Final = 4  # each holds the arrays of one shard
_TRIALS_AUDITED: Final = 2
_AT_ONCE: Final = 20_000  # candidates that are read for the direct evaluator
_MOST_ISSUES: Final = 5_000_000


class DisagreementError(Exception):
    """Columns and the direct evaluator give different statuses: a bug, and no result."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a run is done. memory: the most that it should take, in bytes; block: candidates of a shard; audited: how
    many are decided a second time, directly, each for two of the trials in turn. threads: of the tables' reader, and
    processes that decide; None: one for each core."""

    memory: int = 4 << 30
    block: int = BLOCK
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
        self.store = Store(folder, described(plan, tables, day, self.sha256, options.block, version("prescreen")))
        budget, folder = options.memory // 4, self.store.folder
        self.scan = Scan(tables, plan.catalogue, plan.concepts, plan.domains, day, options.block, budget, folder)
        self.direct = Direct(plan, day, ranges)
        self.issues: list[TableIssue] = list(tables.issues)

    def done(self) -> Summary:
        identities, decided = self._by_spark() if self.engine == "spark" else self._here()
        with Results(self.folder, self.plan) as results:
            with self._timed("direct"):
                direct = self._directly(identities, decided, results)
            self._tell_issues()
            with self._timed("write"):  # what is not written yet
                return self._written(results, len(identities), direct)

    def _here(self) -> tuple[list[str], list[Decisions]]:
        """The candidates, and what columns decide of them, in the memory of this machine."""
        with self._timed("read"):
            self.scan.run(self.progress.add)
        identities = list(self.scan.candidates)
        if not identities:
            raise no_candidates(self.tables.path)
        with self._timed("decide"):
            return identities, self._decided(len(identities))

    def _by_spark(self) -> tuple[list[str], list[Decisions]]:
        """The same by Spark, in one piece."""
        from prescreen.cohort.relational import decide_in
        from prescreen.cohort.spark import SparkRunner

        with self._timed("decide"):
            identities, decisions = decide_in(SparkRunner(self.tables), self.scan, self.plan, self.day, self.ranges)
        if not identities:
            raise no_candidates(self.tables.path)
        self.options = replace(self.options, block=len(identities))
        return identities, [decisions]

    def _tell_issues(self) -> None:
        """All issues, each once, in the order of the tables."""
        if self.scan.nobody:
            message = f"{self.scan.nobody:,} rows name no candidate; not used"
            self.issues.append(TableIssue("no-candidate", "all", None, None, message))
        known = dict.fromkeys([*self.issues, *self.scan.issues()])
        self.issues = sorted(known, key=lambda i: (i.table, i.file or "", i.row or 0, i.code, i.message))

    def _timed(self, what: str) -> _Timer:
        return _Timer(self.spent, what)

    def _size(self, shard: int, count: int) -> int:
        return min(self.options.block, count - shard * self.options.block)

    def _decided(self, count: int) -> list[Decisions]:
        """The decisions of columns, shard by shard."""
        memory = Memory()
        found: list[Decisions] = []

        def decided(shard: Shard) -> None:
            size = self._size(shard.number, count)
            if self.store.load(shard.number, size) is None:
                made = decide(shard, size, self.scan, self.plan, self.day, self.ranges, memory)
                self.store.save(shard.number, made)

        processes = self.options.threads or min(_MOST_PROCESSES, os.cpu_count() or 1)
        for shard in each_done(self.scan.shards, decided, processes):
            decisions = self.store.load(shard.number, self._size(shard.number, count))
            if decisions is None:
                raise AssertionError("a shard has no decisions")
            shard.pieces.clear()
            found.append(decisions)
            self.progress.add("candidates decided", len(decisions.statuses), count)
        return found

    # --- the direct evaluator ---------------------------------------------------------------------------

    def _directly(self, identities: Sequence[str], decided: Sequence[Decisions], results: Results) -> dict[str, Any]:
        """Fill in what columns left to the direct evaluator, and hold a sample of the rest against it. Shards of which
        nothing is left are handed on to be written."""
        open_ = sum(int((decisions.statuses == FALLBACK).sum()) for decisions in decided)
        shared = self._for_all_alike(identities, decided)
        left = [
            np.flatnonzero((d.statuses == FALLBACK).any(axis=1)) + n * self.options.block for n, d in enumerate(decided)
        ]
        audited = {place: rank for rank, place in enumerate(sample(identities, self.options.audited))}
        alone = np.concatenate(left).tolist()
        waiting = list(enumerate(decided))
        for place in self._one_by_one(identities, decided, sorted({*alone, *audited}), audited):
            while waiting and (waiting[0][0] + 1) * self.options.block <= place:
                self._settled(identities, *waiting.pop(0), results)
        for number, decisions in waiting:
            self._settled(identities, number, decisions, results)
        pairs = len(identities) * max(1, len(self.plan.columns))
        return {
            "pairs": open_,
            "share_of_pairs": open_ / pairs,
            "candidates_read": len(alone),
            "share_of_candidates": len(alone) / len(identities),
            "shared_pairs": shared,
            "audited": len(audited),
        }

    def _settled(self, identities: Sequence[str], number: int, decisions: Decisions, results: Results) -> None:
        if (decisions.statuses == FALLBACK).any():
            raise AssertionError("a candidate has no status")
        first = number * self.options.block
        results.add(identities[first : first + len(decisions.statuses)], decisions)

    def _for_all_alike(self, identities: Sequence[str], decided: Sequence[Decisions]) -> int:
        """Ask once for all candidates of whom the direct evaluator would say the same; how many pairs that settles."""
        asked: dict[tuple[int, int], int] = {}
        for number, decisions in enumerate(decided):
            for column, alike in decisions.alike.items():
                rows = np.flatnonzero(decisions.statuses[:, column] == FALLBACK)
                numbers, first = np.unique(alike, return_index=True)
                for each, at in zip(numbers.tolist(), first.tolist(), strict=True):
                    if each != ALONE:
                        asked.setdefault((column, each), int(rows[at]) + number * self.options.block)
        of_candidate: dict[int, list[tuple[int, int]]] = {}
        for key, place in asked.items():
            of_candidate.setdefault(place, []).append(key)
        answers: dict[tuple[int, int], Answered] = {}
        for place, read in self._read(identities, sorted(of_candidate)):
            if isinstance(read, InputRefused):
                continue
            keys = of_candidate[place]
            said = self.direct.decide(read.candidate, [column for column, _ in keys])
            answers |= {
                key: answer
                for key, answer in zip(keys, said, strict=True)
                if answer.status == UNDETERMINED or not self.plan.columns[key[0]].anchored
            }
        return sum(_spread(decisions, answers) for decisions in decided)

    def _one_by_one(
        self, identities: Sequence[str], decided: Sequence[Decisions], places: Sequence[int], audited: Mapping[int, int]
    ) -> Iterator[int]:
        """Candidates decided, or decided again; the place of each before its turn."""
        block = self.options.block
        columns: dict[int, tuple[int, ...]] = {}
        for place in places:
            open_ = np.flatnonzero(decided[place // block].statuses[place % block] == FALLBACK)
            # Who is open in all columns may have rows that cannot be read, and these are told.
            if place not in audited and len(open_) < len(self.plan.columns) and self.scan.rows:
                columns[place] = tuple(open_.tolist())
        asked = RowsAsked(self.plan, {identities[place]: some for place, some in columns.items()}, self.scan.codes())
        whole = self._read(identities, [place for place in places if place not in columns])
        for place, read in merge(whole, self._read(identities, list(columns), asked), key=itemgetter(0)):
            yield place
            statuses = decided[place // block].statuses[place % block]
            facts = decided[place // block].facts
            if isinstance(read, InputRefused):
                statuses[:] = UNDETERMINED
                self.issues.append(TableIssue("refused", "all", None, identities[place], read.problems[0].message))
                continue
            open_ = statuses == FALLBACK
            if place in audited:
                again = np.flatnonzero(self._audited_of(audited[place]) & ~open_).tolist()
                for column, status in zip(again, self.direct.statuses(read.candidate, again), strict=True):
                    if statuses[column] != status:
                        raise self._disagreement(identities[place], column, int(statuses[column]), status)
            mine = np.flatnonzero(open_).tolist()
            for column, answer in zip(mine, self.direct.decide(read.candidate, mine), strict=True):
                statuses[column] = answer.status
                if answer.status == UNDETERMINED:
                    _count(facts[column], answer, 1)
            self.issues += read.issues[: max(0, _MOST_ISSUES - len(self.issues))]
            self.progress.add("candidates decided one by one", 1, len(places))

    def _audited_of(self, rank: int) -> Ids:
        """The columns for which an audited candidate is decided a second time: those of some trials, in turn."""
        trials = [trial.id for trial in self.plan.trials]
        mine = {trials[(rank + each) % len(trials)] for each in range(_TRIALS_AUDITED)}
        return np.asarray([column.trial.id in mine for column in self.plan.columns], bool)

    def _read(
        self, identities: Sequence[str], places: Sequence[int], asked: Asked | None = None
    ) -> Iterator[tuple[int, TableCandidate | InputRefused]]:
        for first in range(0, len(places), _AT_ONCE):
            some = places[first : first + _AT_ONCE]
            wanted = [identities[place] for place in some]
            read = self.tables.read_many(wanted, self.plan.catalogue, self.day, asked)
            yield from zip(some, read, strict=True)

    def _disagreement(self, identity: str, column: int, status: int, directly: int) -> DisagreementError:
        names = ("failed", "undetermined", "met")
        asked = self.plan.columns[column]
        return DisagreementError(
            f"{identity}, {asked.trial.id} {asked.criterion.id}: columns say {names[status]}, the direct evaluator "
            f"says {names[directly]}; nothing is written; please report it"
        )

    # --- the results ------------------------------------------------------------------------------------

    def _written(self, results: Results, candidates: int, direct: Mapping[str, Any]) -> Summary:
        results.close()
        results.issues(self.issues)
        funnel = results.funnel.as_json(day_text(self.day), self.sha256, len(self.issues))
        manifest = {
            "schema": "prescreen/manifest/1",
            "engine": self.engine,
            "screening_date": day_text(self.day),
            "candidates": candidates,
            "rows_read": self.scan.rows,
            "rows_written": {**results.rows, "issues": len(self.issues)},
            "direct": dict(direct),
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


def _count(facts: dict[str, tuple[int, int]], answer: Answered, number: int) -> None:
    alone = len(answer.open) == 1
    for fact in answer.open:
        some, single = facts.get(fact, (0, 0))
        facts[fact] = (some + number, single + number * alone)


def _spread(decisions: Decisions, answers: Mapping[tuple[int, int], Answered]) -> int:
    """Give the answers to all who are alike; to how many."""
    count = 0
    for column, alike in decisions.alike.items():
        rows = np.flatnonzero(decisions.statuses[:, column] == FALLBACK)
        numbers, which, counts = np.unique(alike, return_inverse=True, return_counts=True)
        status = np.full(len(numbers), FALLBACK, np.int8)
        for place, (number, some) in enumerate(zip(numbers.tolist(), counts.tolist(), strict=True)):
            answer = answers.get((column, number))
            if answer is not None:
                status[place] = answer.status
                count += some
                if answer.status == UNDETERMINED:
                    _count(decisions.facts[column], answer, some)
        decisions.statuses[rows, column] = status[which]
    return count


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
