"""Hold the engine against the brute-force reference on generated pairs (`make soundness`).

Prints how many answers were unknown, unsound (must be none) and needlessly unknown (none but where flagged), then shows
that planted bugs are caught. Exit status 1 when something is wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing import Pool
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.reference.compare import as_json, expected, judge, reported, said, shrunk  # noqa: E402
from tests.reference.generate import Pair, pair  # noqa: E402

CHUNK = 100
FULL = 40  # of so many pairs one is given a full report, which takes longer
SHOWN = 5
MOST_REFUSED = 500  # then something is broken, and the run ends early


@dataclass
class Tally:
    """Counts over some seeds, and the seeds of what went wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, list[int]] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        self.counts += other.counts
        for kind, seeds in other.wrong.items():
            self.wrong.setdefault(kind, []).extend(seeds)

    def note(self, kind: str, seed: int) -> None:
        self.counts[kind] += 1
        self.wrong.setdefault(kind, []).append(seed)


def run(seeds: range) -> Tally:
    """Judge the pairs of some seeds."""
    tally = Tally()
    for seed in seeds:
        made = pair(seed)
        truths = expected(made)
        if truths is None:
            tally.counts["skipped"] += 1
            continue
        try:
            answer = said(made)
            kind = judge(made, truths, answer)
            full = reported(made) if seed % FULL == 0 else None
        except Exception:  # a refusal or a crash: listed, never hidden
            tally.note("refused", seed)
            continue
        tally.counts["pairs"] += 1
        tally.counts["repeated"] += made.facts_repeat()
        tally.counts[f"said {answer}"] += 1
        if full is not None:
            tally.counts["full"] += 1
            tally.counts["flagged"] += not full[1]
            if full[0] is not answer:
                tally.note("differing", seed)
        if kind == "flagged":
            tally.note("needless though flagged", seed)
        elif kind != "ok":
            tally.note(kind, seed)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20_000, help="pairs judged at least (default 20000)")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--show", type=int, default=SHOWN, help="failing pairs to show of each kind")
    parser.add_argument("--flagged", action="store_true", help="show needlessly unknown pairs that were flagged, too")
    parser.add_argument("--no-mutants", action="store_true", help="do not try planted bugs")
    options = parser.parse_args()
    began = time.monotonic()
    total = Tally()
    seed = options.first
    with Pool(options.processes) as workers:
        while total.counts["pairs"] < options.pairs and seed - options.first < 2 * options.pairs + CHUNK:
            # A few more than asked, for the pairs with too many completions.
            missing = options.pairs - total.counts["pairs"]
            chunks = [range(seed + at, seed + min(at + CHUNK, missing)) for at in range(0, missing, CHUNK)]
            for tally in workers.imap_unordered(run, chunks):
                total.add(tally)
                if total.counts["refused"] > MOST_REFUSED:
                    break
            if total.counts["refused"] > MOST_REFUSED:
                break
            seed += missing
    _print(total, time.monotonic() - began)
    for kind in (
        "unsound",
        "needless",
        "refused",
        "differing",
        *(["needless though flagged"] if options.flagged else []),
    ):
        for failing in sorted(total.wrong.get(kind, []))[: options.show]:
            _show(kind, failing)
    wrong = any(total.counts[kind] for kind in ("unsound", "needless", "refused", "differing"))
    if not options.no_mutants:
        import mutants

        print()
        wrong = mutants.main() != 0 or wrong
    return 1 if wrong else 0


def _print(total: Tally, seconds: float) -> None:
    counts = total.counts
    pairs = max(1, counts["pairs"])
    rows = [
        ("pairs", f"{counts['pairs']:,}"),
        ("  with repeated facts", _share(counts["repeated"], pairs)),
        ("  skipped besides (too many completions)", f"{counts['skipped']:,}"),
        ("  refused besides (must be 0)", f"{counts['refused']:,}"),
        ("answers true", _share(counts["said True"], pairs)),
        ("answers false", _share(counts["said False"], pairs)),
        ("answers unknown", _share(counts["said None"], pairs)),
        ("unsound (must be 0)", f"{counts['unsound']:,}"),
        ("needlessly unknown, not flagged (must be 0)", f"{counts['needless']:,}"),
        ("needlessly unknown, flagged as not proven exact", f"{counts['needless though flagged']:,}"),
        ("full reports compared", f"{counts['full']:,}"),
        ("  differing from the quick answer (must be 0)", f"{counts['differing']:,}"),
        ("  flagged as not proven exact", _share(counts["flagged"], max(1, counts["full"]))),
        ("seconds", f"{seconds:.0f}"),
    ]
    for name, value in rows:
        print(f"{name:<50}{value:>16}")


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({100 * part / whole:.1f} %)"


def _show(kind: str, seed: int) -> None:
    made = pair(seed)
    if kind in ("refused", "differing"):
        try:
            print(f"\n{kind}, seed {seed}: said {said(made)}, reported {reported(made)}\n  {as_json(made)}")
        except Exception as error:
            print(f"\n{kind}, seed {seed}: {type(error).__name__}: {error}\n  {as_json(made)}")
        return

    def fails(attempt: Pair) -> bool:
        truths = expected(attempt)
        return truths is not None and judge(attempt, truths, said(attempt)) == kind.split()[-1]

    small = shrunk(made, fails)
    print(f"\n{kind}, seed {seed}: said {said(small)}, completions {sorted(expected(small) or ())}")
    print(f"  {as_json(small)}")


if __name__ == "__main__":
    sys.exit(main())
