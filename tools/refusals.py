"""`make refusals`: every kind of bad input through the command, each in a process of its own.

Prints for each what it was told, the seconds from start to end and the peak memory. Exit status 1 where one was not
refused with status 2, printed a traceback, or took longer or more memory than it may.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.bad_input.test_bad_input import CANDIDATES, COSTLY, RULES, TRIAL, nested  # noqa: E402
from tests.language.test_hostile import HOSTILE  # noqa: E402

SECONDS, MEGABYTES = 2.0, 500


class Run(NamedTuple):
    status: int
    said: str
    seconds: float
    megabytes: float

    @property
    def fault(self) -> str:
        if self.status != 2:
            return f"status {self.status}"
        if "Traceback" in self.said or "error[" not in self.said:
            return "not told as a refusal"
        if self.seconds >= SECONDS or self.megabytes >= MEGABYTES:
            return "too costly"
        return ""


def main() -> int:
    faults = 0
    print(f"{'':<52}{'seconds':>8}{'MB':>6}  told")
    with tempfile.TemporaryDirectory() as folder:
        for name, trial, candidate in rows(Path(folder)):
            done = run(trial, candidate, Path(folder) / "stderr")
            faults += bool(done.fault)
            print(f"{name:<52}{done.seconds:>8.2f}{done.megabytes:>6.0f}  {done.fault or told(done.said)}", flush=True)
    print(f"\n{faults} faults; at most {SECONDS:g} s and {MEGABYTES} MB each")
    return 1 if faults else 0


def rows(folder: Path) -> Iterator[tuple[str, str, str]]:
    """The name of each bad input, with the trial and the candidate that the command is given."""
    good = _file(folder / "good.json", '{"id": "good"}')
    for name, (content, _, _) in CANDIDATES.items():
        yield name, TRIAL, _file(folder / "candidate.json", content)
    yield "a hundred megabytes of nesting", TRIAL, str(nested(folder / "deep.json"))
    yield "the costliest text that is read", TRIAL, _file(folder / "costly.json", COSTLY)
    yield "a missing file", TRIAL, str(folder / "none.json")
    yield "a directory", TRIAL, str(folder)
    yield "a missing rule file", str(folder / "none"), good
    for rules in (RULES, HOSTILE):
        for name, (content, *_) in rules.items():
            yield f"rules: {name}", _file(folder / "trial.yaml", content), good


def run(trial: str, candidate: str, error: Path) -> Run:
    command = [str(Path(sys.executable).with_name("prescreen")), "screen", trial, candidate, "--on", "2026-06-01"]
    begun = time.perf_counter()
    with open(error, "wb") as stream:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stream)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    return Run(process.returncode, error.read_text(), seconds, usage.ru_maxrss / 1024)


def told(said: str) -> str:
    """The first line of what was said, shortened."""
    line = next(line for line in said.splitlines() if line.startswith("error["))
    return line if len(line) <= 80 else line[:79] + "…"


def _file(path: Path, content: str | bytes) -> str:
    path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
    return str(path)


if __name__ == "__main__":
    sys.exit(main())
