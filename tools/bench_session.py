"""How fast live sessions are, and how much memory they take: NCT07535138, with 1,000 and with 10,000 candidates.

Each run has a process and a log in a file of its own. Every candidate is told in one event and then in single ones (a
result, a correction, an answer), in batches as `prescreen watch` takes them from a file; then events come one at a time
for candidates all over the log, and the time from event to change is taken. Beside it stands what a full re-screen of
such candidates costs with the direct evaluator, in the same process. Exit status 1 when memory is not flat.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src")]

DAY = date(2026, 6, 1)
FLAT = 1.2
TOGETHER = 64
SINGLE = 1_000
RESCREENS = 200


def facts(number: int) -> dict[str, Any]:
    """A candidate's record at first contact, all met but for what the later events bring."""
    rng = Random(number)
    made: dict[str, Any] = json.loads((ROOT / "examples" / "c-001-all-met.json").read_text())
    del made["id"]
    for name in ("observations", "conditions", "treatments", "procedures"):
        for index, record in enumerate(made.get(name, [])):
            record["id"] = f"{name}-{index}"
    made["birth_date"] = f"{rng.randrange(1965, 2005)}-{rng.randrange(1, 13):02}"
    made["observations"] = [record for record in made["observations"] if record["code"] not in ("ALT", "HBsAg")]
    made["complete"] = {"conditions": True, "procedures": True}
    return made


def singles(number: int, rng: Random) -> Iterator[dict[str, Any]]:
    """Single facts of a candidate, each of which changes a status as a rule."""
    multiple = rng.choice([0.5, 0.9, 2.5, 4.2])
    liver = {
        "id": "alt",
        "code": "ALT",
        "value": round(40 * multiple, 1),
        "unit": "U/L",
        "reference_range": {"high": 40},
    }
    yield {"add": {"observations": [{**liver, "date": "2026-05-28"}]}}
    surface = rng.choice(["negative", "negative", "reactive"])
    yield {"add": {"observations": [{"id": "hbs", "code": "HBsAg", "value": surface, "date": "2026-05-28"}]}}
    yield {"add": {"observations": [{**liver, "value": 400 if multiple < 3 else 20, "date": "2026-05-29"}]}}


def measure(candidates: int) -> dict[str, Any]:
    """One run, in this process."""
    from prescreen import load_trial, screen, statuses
    from prescreen.candidate import Candidate
    from prescreen.session import Session

    trial = load_trial(ROOT / "rules" / "NCT07535138")
    rng = Random(candidates)
    found: dict[str, Any] = {"candidates": candidates}
    with tempfile.TemporaryDirectory() as folder, Session(trial, f"{folder}/log.db", on=DAY) as session:

        def events() -> Iterator[dict[str, Any]]:
            for number in range(candidates):
                yield {"event": f"a-{number}", "candidate": f"C-{number}", "add": facts(number)}
            for number in range(candidates):
                for index, event in enumerate(singles(number, Random(number))):
                    yield {"event": f"b-{number}-{index}", "candidate": f"C-{number}", **event}

        count, batch = 0, []
        began = time.perf_counter()
        for event in events():
            batch.append(event)
            if len(batch) == TOGETHER:
                session.apply_all(batch, named=True)
                count += len(batch)
                batch = []
        session.apply_all(batch, named=True)
        count += len(batch)
        found["events"] = count
        found["per second"] = count / (time.perf_counter() - began)

        took, changed = [], []
        busy = time.process_time()
        for place in range(SINGLE // 2):
            candidate = f"C-{rng.randrange(candidates)}"
            for index, event in enumerate(({"remove": ["hbs"]}, {"add": next(iter(singles(0, rng)))["add"]})):
                began = time.perf_counter()
                try:
                    changes = session.apply({"event": f"c-{place}-{index}", "candidate": candidate, **event}).changes
                except ValueError:
                    continue  # withdrawn already
                took.append(time.perf_counter() - began)
                if changes:
                    changed.append(took[-1])
        found["cpu ms"] = (time.process_time() - busy) / len(took) * 1_000
        found["median ms"] = statistics.median(took) * 1_000
        found["median ms to a change"] = statistics.median(changed) * 1_000
        found["changes"] = len(changed)

        waits = []
        for _ in range(100):
            began = time.perf_counter()
            with session._log.writing() as book:
                book.state("bench", "nothing")
            waits.append(time.perf_counter() - began)
        found["disk ms"] = statistics.median(waits) * 1_000

        began = time.perf_counter()
        session.on(date(2026, 6, 2))
        found["new day, ms a candidate"] = (time.perf_counter() - began) / candidates * 1_000

        profiles = [session.candidate(f"C-{rng.randrange(candidates)}").profile for _ in range(RESCREENS)]
        for name, look in (("report ms", screen), ("statuses ms", statuses)):
            times = []
            for profile in profiles:
                began = time.perf_counter()
                look(trial, Candidate(profile), on=DAY)
                times.append(time.perf_counter() - began)
            found[name] = statistics.median(times) * 1_000
        found["MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        workers = [Path(f"/proc/{process}/status") for process in session.processes]
        peaks = [
            line.split()[1]
            for path in workers
            if path.exists()
            for line in path.read_text().splitlines()
            if "VmHWM" in line
        ]
        found["worker MB"] = sum(int(peak) for peak in peaks) / 1024
    return found


def _told(run: dict[str, Any]) -> str:
    """A run in words."""
    event, margin, size = run["median ms to a change"], " " * 19, run["candidates"]
    lines = (
        f"{size:>6} candidates: {run['events']} events, {run['per second']:.0f} a second, {TOGETHER} together",
        f"{margin}one by one {run['median ms']:.2f} ms, to a change {event:.2f} ms (median of {run['changes']})",
        f"{margin}of it {run['cpu ms']:.2f} ms of CPU here; an empty transaction takes {run['disk ms']:.2f} ms",
        f"{margin}a new day for all: {run['new day, ms a candidate']:.2f} ms a candidate",
        f"{margin}peak memory {run['MB']:.0f} MB, and {run['worker MB']:.0f} MB of the worker",
        f"{margin}a full re-screen {run['report ms']:.2f} ms ({run['report ms'] / event:.2f} × an event), "
        f"statuses alone {run['statuses ms']:.2f} ms ({run['statuses ms'] / event:.2f} ×)",
    )
    return "\n".join(lines)


def main(sizes: list[int]) -> int:
    """Each size in a process of its own; 1 when the largest takes a fifth more memory than the smallest."""
    runs = []
    for size in sizes:
        command = [sys.executable, __file__, "--run", str(size)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ})
        runs.append(json.loads(done.stdout))
        print(_told(runs[-1]))
    ratio = runs[-1]["MB"] / runs[0]["MB"]
    print(f"memory with {sizes[-1]} candidates: {ratio:.2f} × that with {sizes[0]} (flat: at most {FLAT})")
    return 0 if ratio <= FLAT else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[1_000, 10_000])
    parser.add_argument("--run", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run is not None:
        print(json.dumps(measure(options.run)))
        sys.exit(0)
    sys.exit(main(options.sizes))
