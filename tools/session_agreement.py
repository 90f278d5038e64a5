"""Live sessions against screenings: after any sequence of events every criterion is what `screen` says of the facts.

A hypothesis state machine leads candidates through at least 50 steps: additions, corrections, withdrawals, new
screening days, replays, wrong events, the log closed and opened again, and the worker process killed; after each step
all statuses are compared, and that every change was told. Then bugs are planted in the session, and each must be
caught. Exit status 1 for a difference or a bug that survives.
"""

from __future__ import annotations

import argparse
import inspect
import multiprocessing
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from random import Random
from typing import ClassVar

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from hypothesis import HealthCheck, Phase, seed, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test  # noqa: E402

from prescreen import load_trial  # noqa: E402
from tests.session.life import CANDIDATES, KINDS, TODAY, TWICE, Life  # noqa: E402
from tools.mutants import Mutant, NotApplicableError, planted  # noqa: E402

STEPS = 50
SEQUENCES = 2_000
RULES = sorted(path for path in (ROOT / "rules").iterdir() if (path / "trial.yaml").is_file())
SCRATCH = "/dev/shm" if Path("/dev/shm").is_dir() else None  # the disk's own speed is not the matter here

SESSION = "prescreen.session."
MUTANTS = (
    Mutant("a new day leaves conclusions stale", SESSION + "standing:Judge._reached", "if day != old.day", "if False"),
    Mutant("a withdrawn record stays", SESSION + "dossier:_remove", "lists[name] = tuple(", "("),
    Mutant("a day late", SESSION + "dossier:Dossier.day_on", "else common[0]", "else common[0] - 1"),
    Mutant(
        "an own day outlives the next for all", SESSION + "dossier:Dossier.day_on", "self.day_seq > common[1]", "True"
    ),
    Mutant(
        "a corrected record counts beside the old one",
        SESSION + "dossier:_add",
        "records[place : place + 1] = [record]",
        "records.append(record)",
    ),
    Mutant(
        "an answer of this trial touches nothing",
        SESSION + "dossier:touched",
        "rpartition(':')[2]",
        "partition(':')[0]",
    ),
    Mutant("a new anchor touches nothing", SESSION + "dossier:touched", 'kinds.add(f"anchor:{name}")', "pass"),
    Mutant(
        "completeness touches nothing",
        SESSION + "dossier:touched",
        "is not getattr(before, domain) or",
        "is not getattr(before, domain) or False and",
    ),
    Mutant("inputs of derived quantities touch nothing", SESSION + "dossier:_kind", "concept.name", "concept.formula"),
    Mutant("`not` is lost", SESSION + "gates:_Builder.connect", "(gate, not turned)", "(gate, turned)"),
    Mutant("an exception spares nobody", SESSION + "gates:_Builder.connect", "(parts[1], True)", "(parts[1], False)"),
    Mutant(
        "`all` needs all but one",
        SESSION + "gates:_Builder.connect",
        "self.gate(len(parts),",
        "self.gate(len(parts) - 1,",
    ),
    Mutant("cases are not told apart", SESSION + "standing:Judge.judged", 'if fired[place] == "?" and', "if False and"),
    Mutant(
        "cases told apart once for all",
        SESSION + "standing:Judge.judged",
        "leaves.isdisjoint(criterion.numbers) and",
        "",
    ),
    Mutant(
        "an undecided leaf is posted as false", SESSION + "standing:Judge._fired", 'if letters[leaf] != "?"', "if True"
    ),
    Mutant("a killed worker's answer is unknown", SESSION + "process:_Worker.decide", "continue", "return {}"),
    Mutant("a changed leaf fires nothing", SESSION + "standing:Judge.judged", "changed.add(number)", "pass"),
    Mutant(
        "facts that a criterion rests on are left out",
        SESSION + "standing:Judge._asked_for",
        "found.update(*(kinds for _, kinds in criterion.reach))",
        "found.update(*(kinds for leaf, kinds in criterion.reach if leaf in leaves))",
    ),
    Mutant(
        "a corrected record is compared as it was",
        "prescreen.candidate.facts:_results",
        "known.record is record",
        "known is not None",
    ),
    Mutant(
        "a corrected treatment is compared as it was",
        "prescreen.candidate.facts:prepare",
        "before[index].record is record",
        "True",
    ),
    Mutant("null does not withdraw", SESSION + "dossier:_withdraw", "changed[key] = _EMPTY[key]", "pass"),
    Mutant(
        "a change is not told",
        SESSION + "changes:differences",
        "!= is_now\n    ]",
        '!= is_now and is_now != "undetermined"\n    ]',
    ),
)


class Machine(RuleBasedStateMachine):
    """Candidates led through a session. counted: what there was, over all sequences."""

    counted: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.life: Life | None = None
        self.rng = Random(0)
        self.folder: tempfile.TemporaryDirectory[str] | None = None

    @initialize(
        places=st.lists(st.integers(0, len(RULES)), min_size=1, max_size=2, unique=True),
        kept=st.booleans(),
        ranged=st.sampled_from([False, False, True]),
    )
    def begin(self, places: list[int], kept: bool, ranged: bool) -> None:
        self.folder = tempfile.TemporaryDirectory(dir=SCRATCH)
        store = f"{self.folder.name}/log.db" if kept else None
        self.life = Life([TRIALS[place] for place in places], store, ranged=ranged)

    @rule(kind=st.sampled_from(KINDS), number=st.integers(0, 2**32))
    def step(self, kind: str, number: int) -> None:
        assert self.life is not None
        self.rng = Random(number)
        self.life.step(kind, self.rng)
        self.counted[kind] += 1

    def teardown(self) -> None:
        life = self.life
        if life is None:
            return
        try:
            if sys.exc_info()[0] is None:
                while life.steps < STEPS:
                    self.step(self.rng.choice(KINDS), self.rng.randrange(2**32))
                for candidate in CANDIDATES:
                    for trial in life.trials:
                        if candidate in life.profiles:
                            self.counted.update(life.session.statuses(candidate, trial.id).values())
                life.end(whole=self.rng.random() < 0.2)
                self.counted["sequences"] += 1
                self.counted["steps"] += life.steps
        finally:
            life.session.close()
            assert self.folder is not None
            self.folder.cleanup()


TRIALS = [*(load_trial(path) for path in RULES), TWICE]


def run(sequences: int, start: int, steps: int = 52) -> tuple[Counter[str], str]:
    """Some sequences; what was counted, and the difference that was found, if one was."""
    Machine.counted = Counter()
    profile = settings(
        max_examples=sequences,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    try:
        _run(start, profile)
    except Exception:
        return Machine.counted, traceback.format_exc(limit=-6)
    return Machine.counted, ""


def _run(start: int, profile: settings) -> None:
    machine = seed(start)(type("Seeded", (Machine,), {}))
    run_state_machine_as_test(machine, settings=profile)


def _part(work: tuple[int, int]) -> tuple[Counter[str], str]:
    return run(*work)


def _hunt(index: int) -> tuple[int, str]:
    """Lead candidates through a session with a planted bug until a difference shows."""
    try:
        planted(MUTANTS[index])
    except NotApplicableError as problem:
        return index, f"no longer applies: {problem}"
    for number in range(400):
        rng = Random(number)
        life = Life([TRIALS[number % len(TRIALS)]])
        try:
            for _ in range(STEPS):
                life.step(rng.choice(KINDS), rng)
            life.end()
        except AssertionError:
            return index, f"caught by a difference in sequence {number + 1}"
        except Exception as error:
            return index, f"caught by a crash ({type(error).__name__}) in sequence {number + 1}"
        finally:
            life.session.close()
    return index, "SURVIVED 400 sequences"


def main(sequences: int, processes: int, bugs: bool) -> int:
    """Run the sequences, then the planted bugs; 1 for a difference or a survivor."""
    began = time.monotonic()
    context = multiprocessing.get_context("fork")
    size = max(1, min(25, sequences // processes))
    work = [(min(size, sequences - first), 1_000 + first) for first in range(0, sequences, size)]
    counted: ClassVar[Counter[str]] = Counter()
    differences = []
    with context.Pool(processes, maxtasksperchild=1) as workers:
        for some, difference in workers.imap_unordered(_part, work, chunksize=1):
            counted += some
            if difference:
                differences.append(difference)
                print(difference, file=sys.stderr, flush=True)
            print(f"{counted['sequences']} sequences, {len(differences)} differences", file=sys.stderr, flush=True)
    kinds = ", ".join(f"{kind} {counted[kind]}" for kind in dict.fromkeys(KINDS))
    statuses = ", ".join(f"{counted[status]} {status}" for status in ("met", "failed", "undetermined"))
    print(
        f"{counted['sequences']} sequences of at least {STEPS} steps over {len(TRIALS)} trials from {TODAY}, "
        f"{counted['steps']} steps: {len(differences)} differences, in {time.monotonic() - began:.0f} s"
    )
    print(f"  steps: {kinds}")
    print(f"  at the end of a sequence: {statuses}")
    if not bugs:
        return 1 if differences else 0
    with context.Pool(processes, maxtasksperchild=1) as workers:
        outcome = dict(workers.imap_unordered(_hunt, range(len(MUTANTS)), chunksize=1))
    for index, mutant in enumerate(MUTANTS):
        print(f"{mutant.title:<46}{outcome[index]}")
    caught = sum(text.startswith("caught") for text in outcome.values())
    print(f"planted bugs caught: {caught} of {len(MUTANTS)}, in {time.monotonic() - began:.0f} s")
    return 0 if not differences and caught == len(MUTANTS) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=inspect.getdoc(sys.modules[__name__]))
    parser.add_argument("--sequences", type=int, default=SEQUENCES)
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--no-bugs", action="store_true", help="do not plant bugs")
    options = parser.parse_args()
    sys.exit(main(options.sequences, options.processes, not options.no_bugs))
