"""`make bench`: how fast candidates are screened, on one core, and how soon a command's first report is there.

Every candidate is screened once only: each measurement of each round has its own, made from `examples/` by seeded
variation of dates, values, ranges, ids, answers and records, so that no memory of repeated input helps. Rates are
medians of the rounds; each is also given as a multiple of the time in which `json.loads` reads the same texts, measured
beside it. Targets are printed beside the figures; a slow machine is no failure. `make bench` runs it on the package
with its inner modules compiled, then on the sources as they are.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_early = argparse.ArgumentParser(add_help=False)
_early.add_argument("--package", default="src", help="where the package is taken from (default src)")
PACKAGE = ROOT / _early.parse_known_args()[0].package
sys.path.insert(0, str(PACKAGE))

from prescreen import Candidate, load_trial, screen, statuses  # noqa: E402
from prescreen.candidate.read import parse_candidate  # noqa: E402
from prescreen.engine import screen as engine  # noqa: E402
from prescreen.language import Trial  # noqa: E402

TRIAL = ROOT / "rules" / "NCT07535138"
ON = date(2026, 6, 1)
CODED = {"negative": "non-reactive", "positive": "reactive", "non-reactive": "negative", "reactive": "positive"}
MEASURED = {
    "statuses": ("statuses, from a loaded candidate", 20_000),
    "report": ("report object, from a loaded candidate", 5_000),
    "through": ("JSON text in to JSON report out", 2_000),
}
START_TARGET = 0.6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, parents=[_early])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--candidates", type=int, default=500, help="of each round (default 500)")
    parser.add_argument("--starts", type=int, default=9, help="runs of the command (default 9)")
    parser.add_argument("--seed", type=int, default=20260601)
    options = parser.parse_args()
    _one_core()
    pick = random.Random(options.seed)
    examples = [json.loads(path.read_text()) for path in sorted((ROOT / "examples").glob("*.json"))]
    batches = [
        [json.dumps(varied(examples[i % len(examples)], f"B-{number}-{i}", pick)) for i in range(options.candidates)]
        for number in range(len(MEASURED) * (options.rounds + 1))
    ]
    texts = [text for batch in batches for text in batch]
    how = "as it is" if engine.__file__.endswith(".py") else "compiled"
    print(f"NCT07535138 on {ON}, Python {platform.python_version()}, one core, the engine {how} ({options.package})")
    print(
        f"{options.rounds} rounds of {len(MEASURED)} × {options.candidates} candidates, after one to warm up;\n"
        f"{len(set(texts)):,} distinct ones, varied from {len(examples)} examples (seed {options.seed}), "
        f"{sum(map(len, texts)) / len(texts):,.0f} bytes each"
    )
    trial = load_trial(TRIAL)
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in MEASURED}
    for number, batch in enumerate(batches):
        name = list(MEASURED)[number % len(MEASURED)]
        measured[name].append(_measured(name, trial, batch))
    print(f"criteria: {_shares(trial, batches[0])}\n")
    print(f"{'':<38}{'candidates/s':>13}{'target':>9}{'× json.loads':>14}{'':>3}slowest to fastest round")
    for name, (what, target) in MEASURED.items():
        taken = measured[name][1:]
        rates = sorted(options.candidates / seconds for seconds, _ in taken)
        ratio = median(seconds / loads for seconds, loads in taken)
        span = f"{rates[0]:,.0f} to {rates[-1]:,.0f}"
        print(f"{what:<38}{median(rates):>13,.0f}{target:>9,}{ratio:>14.1f}{'':>3}{span}")
    loads = [options.candidates / loads for taken in measured.values() for _, loads in taken[1:]]
    print(f"{'json.loads of the same texts':<38}{median(loads):>13,.0f}")
    _print_start(options.starts, texts[0])
    return 0


def varied(example: dict[str, Any], name: str, pick: random.Random) -> dict[str, Any]:
    """Another candidate like an example: a few records fewer, the rest with days, values and sources of its own."""
    made: dict[str, Any] = {**example, "id": name}
    if len(example.get("birth_date", "")) == 10:
        made["birth_date"] = _shifted(example["birth_date"], pick.randint(-3_000, 1_000))
    for kind in ("observations", "conditions", "treatments", "procedures", "allergies"):
        if kind in example:
            made[kind] = [_varied_record(record, pick) for record in example[kind] if pick.random() > 0.05]
    if "answers" in example:
        made["answers"] = {
            question: answer if not isinstance(answer, bool) or pick.random() > 0.04 else not answer
            for question, answer in example["answers"].items()
            if pick.random() > 0.03
        }
    return made


def _varied_record(record: dict[str, Any], pick: random.Random) -> dict[str, Any]:
    made = dict(record)
    for key in ("date", "onset", "abatement", "start", "end"):
        if len(record.get(key) or "") == 10:
            made[key] = min(_shifted(record[key], -pick.randint(0, 9)), ON.isoformat())
    if "onset" in made and "abatement" in made and (made["abatement"] or "9") < made["onset"]:
        made["abatement"] = record["abatement"]
        made["onset"] = record["onset"]
    if "start" in made and "end" in made and (made["end"] or "9") < made["start"]:
        made["start"], made["end"] = record["start"], record["end"]
    if "value" in record:
        made["value"] = _varied_value(record["value"], pick)
    if "high" in record.get("reference_range", {}):
        limits = dict(record["reference_range"])
        limits["high"] = round(limits["high"] * pick.uniform(1, 1.15), 3)
        made["reference_range"] = limits
    if "source" in record:
        made["source"] = f"{record['source']} ({pick.randint(1, 10**6)})"
    return made


def _varied_value(value: object, pick: random.Random) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return round(value * pick.uniform(0.85, 1.2), 2)
    if isinstance(value, str) and pick.random() < 0.03:
        return CODED.get(value, value)
    return value


def _shifted(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def _measured(name: str, trial: Trial, texts: Sequence[str]) -> tuple[float, float]:
    """Seconds for all texts of a batch, and those that `json.loads` takes for them."""
    catalogue = trial.catalogue
    loads = _timed(json.loads, texts)
    if name == "through":
        return _timed(lambda text: _through(text, trial), texts), loads
    loaded = [Candidate(parse_candidate(text, catalogue=catalogue), catalogue) for text in texts]
    does = statuses if name == "statuses" else screen
    return _timed(lambda candidate: does(trial, candidate, ON), loaded), loads


def _through(text: str, trial: Trial) -> str:
    candidate = Candidate(parse_candidate(text, catalogue=trial.catalogue), trial.catalogue)
    return screen(trial, candidate, ON).model_dump_json()


def _timed(does: Callable[[Any], object], items: Sequence[Any]) -> float:
    gc.collect()
    start = time.perf_counter()
    for item in items:
        does(item)
    return time.perf_counter() - start


def _shares(trial: Trial, texts: Sequence[str]) -> str:
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(statuses(trial, Candidate(parse_candidate(text, catalogue=trial.catalogue)), ON).values())
    return ", ".join(f"{100 * counts[status] / counts.total():.0f} % {status}" for status in sorted(counts))


def _print_start(runs: int, text: str) -> None:
    """From the start of the command to the end of one report, beside Python with pydantic imported; in turns."""
    with tempfile.TemporaryDirectory() as folder:
        candidate = Path(folder) / "candidate.json"
        candidate.write_text(text)
        report = [
            sys.executable,
            "-c",
            _COMMAND,
            "screen",
            str(TRIAL),
            str(candidate),
            "--on",
            ON.isoformat(),
            "--format",
            "jsonl",
        ]
        plain = [sys.executable, "-c", "import pydantic"]
        pairs = [(_wall(report), _wall(plain)) for _ in range(runs + 1)][1:]
    first, base = (median(times) for times in zip(*pairs, strict=True))
    print(
        f'\nstart to first report: {first:.2f} s; `python -c "import pydantic"`: {base:.2f} s; '
        f"difference {first - base:.2f} s (target {START_TARGET} s), medians of {runs} runs in turns"
    )


_COMMAND = "import sys; from prescreen.cli import main; sys.exit(main())"


def _wall(command: Sequence[str]) -> float:
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def _one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


if __name__ == "__main__":
    sys.exit(main())
