"""How fast live sessions are, and how much memory they take: NCT07535138, with 1,000 and with 10,000 candidates.

Each run has a process and a log in a file of its own. Every candidate is told in one event and then in single ones (a
result, a correction, an answer), as lines that `prescreen watch` reads from a file. Then events come one at a time for
candidates all over the log, and the time from event to change is taken. Beside it stands what a full re-screen of such
candidates costs with the direct evaluator, in the same process. Peak memory is that of the main process and, by itself,
of the worker in which rules fire. Exit status 1 when either is not flat.
"""

from __future__ import annotations

import argparse
import io
import json
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
SINGLE = 1_000
RESCREENS = 200
MORE = 3  # single events of a candidate, after the first


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


def singles(rng: Random) -> list[dict[str, Any]]:
    """Single facts of a candidate, each of which changes a status as a rule."""
    multiple = rng.choice([0.5, 0.9, 2.5, 4.2])
    liver = {"id": "alt", "code": "ALT", "unit": "U/L", "reference_range": {"high": 40}}
    surface = rng.choice(["negative", "negative", "reactive"])
    return [
        {"add": {"observations": [{**liver, "value": round(40 * multiple, 1), "date": "2026-05-28"}]}},
        {"add": {"observations": [{"id": "hbs", "code": "HBsAg", "value": surface, "date": "2026-05-28"}]}},
        {"add": {"observations": [{**liver, "value": 400 if multiple < 3 else 20, "date": "2026-05-29"}]}},
    ]


class Feed(io.RawIOBase):
    """Events as a file of lines that is made while it is read, so that it takes no memory."""

    def __init__(self, events: Iterator[dict[str, Any]]) -> None:
        self.events = events
        self.rest = b""
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while len(self.rest) < len(buffer) and (event := next(self.events, None)) is not None:
            self.rest += json.dumps(event).encode() + b"\n"
            self.count += 1
        size = min(len(self.rest), len(buffer))
        buffer[:size], self.rest = self.rest[:size], self.rest[size:]
        return size


def measure(candidates: int) -> dict[str, Any]:
    """One run, in this process."""
    from prescreen import load_trial, screen, statuses
    from prescreen.candidate import Candidate
    from prescreen.session import Session
    from prescreen.session.commands import rules_spared
    from prescreen.session.watch import watch

    trial = load_trial(ROOT / "rules" / "NCT07535138")
    rng = Random(candidates)
    found: dict[str, Any] = {"candidates": candidates}
    with (
        tempfile.TemporaryDirectory() as folder,
        Session(trial, f"{folder}/log.db", on=DAY) as session,
        rules_spared(),  # as the command does
    ):

        def refuse(refused: Exception) -> None:
            raise refused

        def first() -> Iterator[dict[str, Any]]:
            for number in range(candidates):
                yield {"event": f"a-{number}", "candidate": f"C-{number}", "add": facts(number)}

        def rest() -> Iterator[dict[str, Any]]:
            order = list(range(candidates))
            rng.shuffle(order)
            for index in range(MORE):
                for number in order:
                    yield {
                        "event": f"b-{number}-{index}",
                        "candidate": f"C-{number}",
                        **singles(Random(number))[index],
                    }

        with open(f"{folder}/out", "w") as out:
            for name, events in (("first", first()), ("rest", rest())):
                feed = Feed(events)
                began, busy = time.perf_counter(), time.process_time()
                watch(session, io.BufferedReader(feed, 65_536), "feed", out, refuse)
                took = time.perf_counter() - began
                found[name] = {"events": feed.count, "per second": feed.count / took}
                found[name]["cpu ms"] = (time.process_time() - busy) / feed.count * 1_000

        times: list[float] = []
        changed: list[float] = []
        busy = time.process_time()
        for place in range(SINGLE // 2):
            candidate = f"C-{rng.randrange(candidates)}"
            known = {record.id for record in session.candidate(candidate).profile.observations}
            again = singles(Random(place))[1]
            for index, event in enumerate(({"remove": ["hbs"]}, again) if "hbs" in known else (again,)):
                line = json.dumps({"event": f"c-{place}-{index}", "candidate": candidate, **event}).encode()
                began = time.perf_counter()
                changes = session.apply(line).changes
                times.append(time.perf_counter() - began)
                if changes:
                    changed.append(times[-1])
        found["cpu ms"] = (time.process_time() - busy) / len(times) * 1_000
        found["median ms"] = statistics.median(times) * 1_000
        found["median ms to a change"] = statistics.median(changed) * 1_000
        found["changes"] = len(changed)

        waits = []
        for _ in range(100):
            began = time.perf_counter()
            with session._keeper.log.writing() as book:
                book.state("bench", "nothing")
            waits.append(time.perf_counter() - began)
        found["disk ms"] = statistics.median(waits) * 1_000

        began = time.perf_counter()
        session.apply({"on": "2026-06-02"})
        found["new day, ms a candidate"] = (time.perf_counter() - began) / candidates * 1_000

        profiles = [session.candidate(f"C-{rng.randrange(candidates)}").profile for _ in range(RESCREENS)]
        for name, look in (("report ms", screen), ("statuses ms", statuses)):
            times, busy = [], time.process_time()
            for profile in profiles:
                began = time.perf_counter()
                look(trial, Candidate(profile), on=DAY)
                times.append(time.perf_counter() - began)
            found[name] = statistics.median(times) * 1_000
            found[f"{name} of CPU"] = (time.process_time() - busy) / len(profiles) * 1_000
        found["MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        found["worker MB"] = sum(map(_peak, session.processes))
    return found


def _peak(process: int) -> float:
    """The most memory that a process has had, in MB."""
    text = Path(f"/proc/{process}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmHWM"))


def _told(run: dict[str, Any]) -> str:
    """A run in words."""
    to_change, margin, rest = run["median ms to a change"], " " * 19, run["rest"]
    each = 1_000 / rest["per second"]
    report, statuses = (run[f"{name} ms of CPU"] / rest["cpu ms"] for name in ("report", "statuses"))
    lines = (
        f"{run['candidates']:>6} candidates: {run['first']['events']} first contacts, "
        f"{run['first']['per second']:.0f} a second ({run['first']['cpu ms']:.2f} ms of CPU each)",
        f"{margin}{rest['events']} single events, {rest['per second']:.0f} a second ({rest['cpu ms']:.2f} ms)",
        f"{margin}one by one {run['median ms']:.2f} ms, to a change {to_change:.2f} ms (median of {run['changes']})",
        f"{margin}of it {run['cpu ms']:.2f} ms of CPU here; a transaction of one word takes {run['disk ms']:.2f} ms",
        f"{margin}a new day for all: {run['new day, ms a candidate']:.2f} ms a candidate",
        f"{margin}a full re-screen {run['report ms']:.2f} ms: {run['report ms'] / each:.1f} × a single event, "
        f"{run['report ms'] / to_change:.1f} × one to a change; by CPU {report:.1f} ×",
        f"{margin}statuses alone {run['statuses ms']:.2f} ms: {run['statuses ms'] / each:.1f} ×, "
        f"{run['statuses ms'] / to_change:.1f} ×; by CPU {statuses:.1f} ×",
        f"{margin}peak memory {run['MB']:.0f} MB, and {run['worker MB']:.0f} MB of the worker",
    )
    return "\n".join(lines)


def main(sizes: list[int]) -> int:
    """Each size in a process of its own; 1 when the largest takes a fifth more memory than the smallest."""
    began = time.monotonic()
    runs = []
    for size in sizes:
        done = subprocess.run(
            [sys.executable, __file__, "--run", str(size)], check=True, capture_output=True, text=True
        )
        runs.append(json.loads(done.stdout))
        print(_told(runs[-1]), flush=True)
    ratios = {"main process": runs[-1]["MB"] / runs[0]["MB"], "worker": runs[-1]["worker MB"] / runs[0]["worker MB"]}
    for whose, ratio in ratios.items():
        print(f"memory of the {whose} with {sizes[-1]} candidates: {ratio:.2f} × that with {sizes[0]}", end="; ")
    print(f"flat: at most {FLAT}. In {time.monotonic() - began:.0f} s")
    return 0 if max(ratios.values()) <= FLAT else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[1_000, 10_000])
    parser.add_argument("--run", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run is not None:
        print(json.dumps(measure(options.run)))
        sys.exit(0)
    sys.exit(main(options.sizes))
