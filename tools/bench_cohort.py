"""How fast a cohort is screened (`make bench-cohort`), as multiples of a floor that is measured in the same run.

The floor: DuckDB reads every value of every column of every table once (the sum of a hash of each). Each run is a
process of its own, from the files to written results, the audit included; its wall time and greatest memory are told.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_early = argparse.ArgumentParser(add_help=False)
_early.add_argument("--package", default="src", help="where the package is taken from (default src)")
PACKAGE = ROOT / _early.parse_known_args()[0].package
sys.path.insert(0, str(PACKAGE))

ONE = ("NCT07535138",)
_LARGE = 1_000_000  # candidates of whom ten trials are timed once
_EVERY = 0.25  # seconds, memory is looked at
RUN = """
import sys
from prescreen.cli import main
sys.exit(main(sys.argv[1:]))
"""


def floor(data: Path) -> tuple[float, float]:
    """Seconds and gigabytes that DuckDB takes to read every value."""
    script = (
        "import duckdb, sys, time\n"
        "from pathlib import Path\n"
        "duckdb.sql('SET enable_progress_bar = false')\n"
        "began = time.perf_counter()\n"
        "for path in sorted(Path(sys.argv[1]).glob('*.parquet')):\n"
        "    names = [row[0] for row in duckdb.sql(f\"DESCRIBE SELECT * FROM '{path}'\").fetchall()]\n"
        "    sums = ', '.join(f'sum(hash(\"{name}\")::HUGEINT)' for name in names)\n"
        "    duckdb.sql(f\"SELECT {sums} FROM '{path}'\").fetchall()\n"
        "print(time.perf_counter() - began)\n"
    )
    _, memory, out = timed([sys.executable, "-c", script, str(data)])
    return float(out.strip()), memory


def timed(command: list[str]) -> tuple[float, float, str]:
    """Wall seconds, greatest memory in GB (of the process and its children, pages that they share counted once), and
    what was printed."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(PACKAGE)})
    assert process.stdout is not None
    most, done = [0], Event()

    def watch() -> None:
        while not done.wait(_EVERY):
            most[0] = max(most[0], sum(map(_memory, _family(process.pid))))

    watching = Thread(target=watch)
    watching.start()
    out = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    done.set()
    watching.join()
    if status:
        raise SystemExit(f"failed: {' '.join(command[:6])}")
    return seconds, max(most[0], usage.ru_maxrss) / 1e6, out


def _family(process: int) -> list[int]:
    """A process and its children."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []
    return [process, *(each for child in children for each in _family(int(child)))]


def _memory(process: int) -> int:
    """Kilobytes, those that n processes share counted as an n-th."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def screened(data: Path, trials: tuple[str, ...], folder: Path) -> tuple[float, float, dict[str, Any]]:
    out = folder / "out"
    command = [sys.executable, "-c", RUN, "cohort", *trials, "--data", str(data), "--out", str(out), "--quiet"]
    seconds, memory, _ = timed([*command, "--on", "2026-06-01"])
    return seconds, memory, json.loads((out / "manifest.json").read_text())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, parents=[_early])
    parser.add_argument("--sizes", default="10000,100000,1000000", help="candidates, with commas between")
    parser.add_argument("--data", default=str(ROOT / "build" / "cohorts"), help="where cohorts are made and kept")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ten", action="store_true", help="ten trials in one pass, too")
    options = parser.parse_args()
    from prescreen.language.load import bundled_trials
    from prescreen.synth import synthesise

    walls: dict[str, float] = {}
    print(f"{'candidates':>12}{'rows':>14}{'floor s':>9}{'run s':>9}{'× floor':>9}{'GB':>7}{'direct':>9}  parts")
    for size in map(int, options.sizes.split(",")):
        data = Path(options.data) / str(size)
        if not data.exists():
            synthesise(size, 7, data)
        runs = [("one trial", ONE)]
        if options.ten:
            others = [name for name in bundled_trials() if name not in ONE]
            runs.append(("ten trials", (*ONE, *others[:9])))
        for name, trials in runs:
            results = []
            for _ in range(1 if len(trials) > 1 and size >= _LARGE else options.rounds):
                with tempfile.TemporaryDirectory() as folder:
                    base, _ = floor(data)
                    results.append((base, *screened(data, trials, Path(folder))))
            results.sort(key=lambda each: each[1] / each[0])
            base, seconds, memory, manifest = results[len(results) // 2]
            rows = sum(manifest["rows_read"].values())
            parts = ", ".join(f"{part} {spent:.1f}" for part, spent in manifest["seconds"].items())
            share = manifest["direct"]["share_of_candidates"]
            figures = (
                f"{size:>12,}{rows:>14,}{base:>9.2f}{seconds:>9.1f}{seconds / base:>9.1f}{memory:>7.2f}{share:>9.2%}"
            )
            print(f"{figures}  {parts} ({name})", flush=True)
            walls[name] = seconds
        if options.ten:
            alone = [walls["one trial"]]
            for name in others[:9]:
                with tempfile.TemporaryDirectory() as folder:
                    alone.append(screened(data, (name,), Path(folder))[0])
            ten, usual = walls["ten trials"], median(alone)
            print(
                f"{'':>12}ten trials in one pass take {ten / alone[0]:.1f} times as long as {ONE[0]}, "
                f"{ten / usual:.1f} times as long as one of them (median of each alone, {usual:.1f} s), "
                f"{ten / sum(alone):.2f} of all one after the other",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
