"""Hold cohorts against the direct evaluator (`make agreement`): the same status for every candidate and criterion.

Generated pairs of conditions and candidates, all conditions against all candidates; the bundled trials against a
synthetic cohort and against results on their thresholds; then planted bugs in the cohort engine, each of which must
show. Exit status 1 when a status differs, or a bug does not show.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from itertools import count
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "tools")]

from mutants import Mutant, NotApplicableError, planted  # noqa: E402

from prescreen import load_trial  # noqa: E402
from prescreen.candidate.profile import Profile  # noqa: E402
from prescreen.language.load import bundled_trials  # noqa: E402
from prescreen.language.model import Trial  # noqa: E402
from tests.cohort.agreement import (  # noqa: E402
    Compared,
    compared,
    compared_tables,
    generated,
    leaf_by_leaf,
    on_boundaries,
    peculiar,
    said_twice,
)
from tests.cohort.several import of_limits_by_sex, of_open_ages, of_shared_facts, of_what_records_make_of_cases, several  # noqa: E402
from tests.reference.generate import SCREENING_DAYS  # noqa: E402

DAY = date(2026, 6, 1)
COHORT = "prescreen.cohort."
MUTANTS = (
    Mutant(
        "stale results count", COHORT + "results:Results._surely_in", "a.at_most(low_sure, taken.low)", "a.flag(True)"
    ),
    Mutant(
        "results of the future count", COHORT + "results:Results._may_be_in", "a.least(now, high_maybe)", "high_maybe"
    ),
    Mutant(
        "an old result for the latest",
        COHORT + "results:Results._counting",
        "newest = a.largest(",
        "newest = a.smallest(",
    ),
    Mutant(
        "the least of results that disagree",
        COHORT + "results:Results._agreed",
        "a.where(a.same(least, most), least, a.truth(UNKNOWN))",
        "least",
    ),
    Mutant(
        "refuted results count", COHORT + "results:Results._results", 'FALSE if s[0] == "refuted" else TRUE', "TRUE"
    ),
    Mutant(
        "an open end is closed",
        COHORT + "judging:_against",
        "lower > 0 or (lower == 0 and result.low_open)",
        "lower > 0",
    ),
    Mutant("a limit's multiple is the limit", COHORT + "judging:_compared", "threshold.magnitude.times(own)", "own"),
    Mutant("doubles decide ties", COHORT + "arrays:Arrays._quick", "(near + SAFE * np.abs(end)", "(0.0 * np.abs(end)"),
    Mutant("an interval is its lower end", COHORT + "arrays:_ends", "float(written.high)", "float(written.low or 0)"),
    Mutant(
        "rows of the next candidate",
        COHORT + "rows:Rows.of",
        "self._of(np.asarray(candidates, np.intp))",
        "self._of(np.asarray(candidates, np.intp) + 1)",
    ),
    Mutant("statuses of exceptions do not matter", COHORT + "events:_said_alike", "(leaf, *leaf.excepted)", "(leaf,)"),
    Mutant(
        "above for below, in floats", COHORT + "judging:_quick", "(TRUE, FALSE) if upward", "(FALSE, TRUE) if upward"
    ),
    Mutant(
        "what went on counts by its start",
        COHORT + "timing:Timing.in_window",
        "a.at_most(low_maybe, t.end_high)",
        "a.at_most(low_maybe, t.start_high)",
    ),
    Mutant(
        "what a record may be is passed over",
        COHORT + "coding:Wanted.relation",
        "not self.codes.isdisjoint(related.may_be)",
        "False",
    ),
    Mutant(
        "provisional counts as confirmed",
        COHORT + "coding:Wanted.says",
        'if words.verification == "provisional" and',
        "if False and",
    ),
    Mutant(
        "`through` is ignored",
        COHORT + "events:_through",
        'return LATEST if text.casefold() == "true" else',
        "return LATEST if True else",
    ),
    Mutant(
        "refutations cover broader concepts",
        COHORT + "coding:Wanted.named",
        "self.related(code_of(spelling)).named",
        "self.related(code_of(spelling)).is_a",
    ),
    Mutant(
        "records that may be of another code are not looked at",
        COHORT + "events:Events._records",
        "a.either(touching.sure, a.spread(rows, where))",
        "touching.sure",
    ),
    Mutant(
        "alike are candidates with records in what leaves share",
        COHORT + "walk:Walk._alike",
        "bare = a.both(bare, a.either(a.negated(a.both(here, shared[use.key])), leaf.bare))",
        "bare = bare",
    ),
    Mutant(
        "an unknown status counts",
        COHORT + "events:Events._records",
        "truth = a.where(a.same(least, most), least, a.truth(UNKNOWN))",
        "truth = most",
    ),
    Mutant(
        "the birthday is a day late", COHORT + "person:born_by", "unshift_day(day, span)", "unshift_day(day - 1, span)"
    ),
    Mutant(
        "a bare answer goes first",
        COHORT + "person:Persons.answer",
        "where(own[1], own[0], bare[0])",
        "where(bare[1], bare[0], own[0])",
    ),
    Mutant(
        "not swaps nothing",
        COHORT + "algebra:Truths.negation",
        "most = self.algebra.minus(two, part.least)",
        "most = part.least",
    ),
    Mutant(
        "at least k counts unknowns",
        COHORT + "algebra:Truths._at_least",
        "for bound in (TRUE, UNKNOWN):",
        "for bound in (UNKNOWN, UNKNOWN):",
    ),
    Mutant(
        "what both branches agree on is lost",
        COHORT + "algebra:Truths.choice",
        "[*taken, self.all_of((then, otherwise))]",
        "taken",
    ),
    Mutant("facts used twice are not noticed", COHORT + "walk:Walk._shared", "number(_TWICE)", "number(99)"),
    Mutant(
        "windows end a day late",
        COHORT + "windows:_edge",
        "first = shift_day(anchor.first_day, span, moment.sign)",
        "first = shift_day(anchor.first_day, span, moment.sign) + 1",
    ),
    Mutant("who says two things is not odd", COHORT + "scan:Scan._twice", "values[counts > 1]", "values[counts > 9]"),
    Mutant(
        "all unlike are alike",
        COHORT + "walk:Walk._alike",
        "number = a.plus(a.times(number, 3), leaf.truth.least)",
        "pass",
    ),
    Mutant("doses are not added up", COHORT + "tallies:added_up", "a.total(rows, matched, dose)", "a.number(0)"),
    Mutant(
        "an equivalent is its own weight",
        COHORT + "coding:Wanted.equivalent",
        "None if factor is None or dose is None else dose * factor",
        "dose",
    ),
    Mutant(
        "a transfusion spoils nothing",
        COHORT + "events:Events.clear",
        "return a.both(apart, covered),",
        "return covered,",
    ),
    Mutant(
        "a transfusion that is denied may have been",
        COHORT + "events:Events.clear",
        "denied = a.spread(results, a.exists(denials, of_codes))",
        "denied = a.flag(False)",
    ),
    Mutant(
        "what a supposed sex would derive is left out",
        COHORT + "walk:Walk._criterion",
        "status = a.where(self.persons.sex_open(), a.truth(FALLBACK), status)",
        "pass",
    ),
    Mutant(
        "who is supposed to be a man, is one",
        COHORT + "person:Persons.sex",
        "a.where(self.sex_open(),",
        "a.where(a.flag(True),",
    ),
    Mutant("tests that are open together are open", COHORT + "judging:satisfied", "truths.count(UNKNOWN) > 1", "False"),
    Mutant(
        "one height for another",
        COHORT + "derive:_heights",
        "counts = may & (high >= newest[rows.owner])",
        "counts = may & surely & (low == newest[rows.owner])",
    ),
    Mutant(
        "age at the birthday of the first of a month",
        COHORT + "derive:_ages",
        "np.minimum(birth_high, first)",
        "birth_low",
    ),
    Mutant(
        "an anchor that is not known is any single day",
        COHORT + "decide:_Hanging.hear",
        "(witness == UNDETERMINED) | (least < most)",
        "least <= most",
    ),
    Mutant("an ALT in ukat/L is taken for U/L", COHORT + "arrays:_factor", "float(scale.factor)", "1.0"),
)


def of_pairs(first: int, size: int, days: int, engine: str, report: Callable[[str], None]) -> Compared:
    """Generated pairs, all conditions of a day against all candidates of that day."""
    total = Compared()
    for day in SCREENING_DAYS[:days]:
        # Spark takes its time for each condition, and hardly any for each candidate.
        of_spark = engine == "spark"
        trial, profiles = generated(count(first), day, 2_500 if of_spark else size, 10 if of_spark else None)
        found = compared([trial], profiles, day, engine=engine)
        report(f"  generated, {day}: {found.pairs:,} pairs, {found.by_columns / found.pairs:.0%} by columns")
        total.add(found)
    return total


def of_trials(candidates: int, seed: int, engine: str, report: Callable[[str], None], at_once: int = 3) -> Compared:
    """The bundled trials against a synthetic cohort, with and without bad rows, and against their own thresholds."""
    from prescreen.synth import Shares, synthesise

    total = Compared()
    trials = [load_trial(name) for name in bundled_trials()]
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        shares = Shares(irregular=0.1, bad=0.01)
        synthesise(candidates, seed, data, shares=shares, trials=trials[:2])
        for first in range(0, len(trials), at_once):
            some = trials[first : first + at_once]
            found = compared_tables(some, data, Path(name) / f"out{first}", DAY, engine)
            names = ", ".join(trial.id for trial in some)
            report(f"  synthetic, {names}: {found.pairs:,} pairs, {found.by_columns / found.pairs:.0%} by columns")
            total.add(found)
    for extra in range(12 if engine == "local" else 1):
        found = compared(*_several(seed + extra), DAY, engine=engine)
        total.add(found)
    report(f"  several records and unknown anchors, the last of them: {found.pairs:,} pairs")
    total.add(_of_edge_cases(engine))
    for trial in trials:
        alone = leaf_by_leaf(trial)
        profiles = [*on_boundaries(trial, DAY), *peculiar(trial, DAY)]
        total.add(compared([alone], profiles if engine == "local" else profiles[:40], DAY, engine=engine))
    report(f"  with the trials' own thresholds: {total.pairs:,} pairs")
    return total


def _of_edge_cases(engine: str) -> Compared:
    total = Compared()
    made = (of_open_ages, of_shared_facts, of_what_records_make_of_cases, of_limits_by_sex)
    for trial, profiles in (each(DAY) for each in made):
        total.add(compared([trial], profiles, DAY, engine=engine))
    return total


def _several(seed: int) -> tuple[list[Trial], list[Profile]]:
    trial, profiles = several(seed, DAY, 12, 80)
    return [trial], profiles


def _one_trial(engine: str, report: Callable[[str], None]) -> Compared:
    """NCT07535138 against a synthetic cohort with bad rows."""
    from prescreen.synth import Shares, synthesise

    trial = load_trial("NCT07535138")
    with tempfile.TemporaryDirectory() as name:
        synthesise(300, 11, Path(name) / "data", shares=Shares(irregular=0.1, bad=0.01), trials=[trial])
        found = compared_tables([trial], Path(name) / "data", Path(name) / "out", DAY, engine)
    report(f"  synthetic, {trial.id}: {found.pairs:,} pairs, {found.by_columns / found.pairs:.0%} by columns")
    return found


def small() -> Compared:
    """What each planted bug is looked for with."""
    quiet: Callable[[str], None] = lambda _: None  # noqa: E731
    from prescreen.synth import Shares, synthesise

    total = of_pairs(0, 60, 4, "local", quiet)
    for seed in range(3):
        total.add(compared(*_several(seed), DAY))
    total.add(_of_edge_cases("local"))
    trial = load_trial("NCT07535138")
    profiles = [*on_boundaries(trial, DAY), *peculiar(trial, DAY)]
    total.add(compared([leaf_by_leaf(trial)], profiles, DAY))
    with tempfile.TemporaryDirectory() as name:
        synthesise(80, 5, Path(name) / "data", shares=Shares(irregular=0.3, bad=0.2), trials=[trial])
        total.add(compared_tables([trial], Path(name) / "data", Path(name) / "out", DAY))
        said_twice(Path(name) / "twice", trial)
        total.add(compared_tables([trial], Path(name) / "twice", Path(name) / "out2", DAY))
    return total


def _hunt(index: int) -> tuple[int, str]:
    """What came of a planted bug; of none (-1), which must be nothing."""
    try:
        if index >= 0:
            planted(MUTANTS[index])
    except (NotApplicableError, SyntaxError) as problem:
        return index, f"no longer applies: {problem}"
    try:
        found = small()
    except Exception as error:
        return index, f"caught by a crash ({type(error).__name__})"
    if not found.different:
        return index, f"SURVIVED {found.pairs:,} pairs"
    return index, f"caught by {len(found.different):,} of {found.pairs:,} pairs"


def hunt(processes: int, report: Callable[[str], None] = print) -> int:
    """Try every planted bug; how many are not caught."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, maxtasksperchild=1) as workers:
        outcome = dict(workers.imap_unordered(_hunt, range(-1, len(MUTANTS)), chunksize=1))
    if not outcome[-1].startswith("SURVIVED"):
        report(f"  without any bug: {outcome[-1]}")
        return len(MUTANTS)
    width = max(len(mutant.title) for mutant in MUTANTS)
    for index, mutant in enumerate(MUTANTS):
        report(f"  {mutant.title:<{width}}  {outcome[index]}")
    caught = sum(words.startswith("caught") for words in outcome.values())
    report(f"planted bugs caught: {caught} of {len(MUTANTS)}")
    return len(MUTANTS) - caught


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["local", "spark", "both"], default="local")
    parser.add_argument("--size", type=int, default=170, help="generated pairs of a day; each day has their square")
    parser.add_argument("--candidates", type=int, default=400, help="of the synthetic cohort")
    parser.add_argument("--first", type=int, default=100_000, help="the first seed")
    parser.add_argument("--no-mutants", action="store_true", help="do not try planted bugs")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    options = parser.parse_args()
    wrong = 0
    for engine in ["local", "spark"] if options.engine == "both" else [options.engine]:
        began = time.monotonic()
        print(f"{engine}:")
        total = of_pairs(options.first, options.size, 5 if engine == "local" else 1, engine, print)
        if engine == "local":
            total.add(of_trials(options.candidates, 11, engine, print))
        else:
            total.add(_one_trial(engine, print))
        share = total.by_columns / total.pairs
        print(f"{engine}: {total.pairs:,} pairs compared, {share:.1%} decided by columns, "
              f"{len(total.different):,} different, in {time.monotonic() - began:.0f} s")  # fmt: skip
        for words in total.different[:10]:
            print(f"  {words}")
        wrong += len(total.different)
    if not options.no_mutants:
        wrong += hunt(options.processes)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
