"""`make bench-fhir`: from the text of a FHIR Bundle to a full report, in multiples of `json.loads` of the same text.

Processor time of one thread, so that what else the machine does does not count; medians of interleaved rounds. Beside
it `fhir.resources` reading the same text, where it is installed. The Bundles are those of `../shared/data`, or those
given.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_early = argparse.ArgumentParser(add_help=False)
_early.add_argument("--package", default="src", help="where the package is taken from (default src)")
PACKAGE = ROOT / _early.parse_known_args()[0].package
sys.path.insert(0, str(PACKAGE))

from prescreen import load_trial, screen  # noqa: E402
from prescreen.engine import screen as engine  # noqa: E402
from prescreen.intake import parse  # noqa: E402

ON = date(2026, 6, 1)
TARGET = 1.6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, parents=[_early])
    parser.add_argument("bundles", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=31)
    options = parser.parse_args()
    places = [parent / "shared" / "data" / "fhir" / "synthea-r4" for parent in ROOT.parents]
    found = options.bundles or sorted(path for place in places for path in place.glob("*.json"))
    if not found:
        print("no bundles: give some, or put them at ../shared/data/fhir/synthea-r4")
        return 0
    trial = load_trial(ROOT / "rules" / "NCT07535138")
    model = _fhir_resources()
    how = "as it is" if engine.__file__.endswith(".py") else "compiled"
    print(f"{trial.id} on {ON}, the engine {how}; medians of {options.rounds} rounds, processor time in ms")
    print(f"{'bundle':<24}{'kB':>7}{'json.loads':>12}{'report':>9}{'ratio':>7}{'fhir.resources':>16}{'ratio':>7}")
    gc.collect()
    gc.freeze()
    sums = [0.0, 0.0]
    for path in found:
        text = path.read_bytes()

        def report(text: bytes = text) -> None:
            for candidate in parse(text, trial.catalogue):
                screen(trial, candidate, on=ON).model_dump_json()

        def loads(text: bytes = text) -> None:
            json.loads(text)

        plain, full = measured((loads, report), options.rounds)
        sums[0] += plain
        sums[1] += full
        other = ""
        if model is not None:
            theirs = measured((lambda text=text: model(json.loads(text)),), 3)[0]
            other = f"{theirs * 1e3:>16.1f}{theirs / plain:>7.1f}"
        name = path.stem[:22]
        print(f"{name:<24}{len(text) / 1e3:>7.0f}{plain * 1e3:>12.2f}{full * 1e3:>9.2f}{full / plain:>7.2f}{other}")
    print(f"all: {sums[1] / sums[0]:.2f} × json.loads (target {TARGET})")
    return 0


def measured(ways: tuple[Callable[[], None], ...], rounds: int) -> list[float]:
    """The median time of each way, tried in turn; a first round warms up."""
    times: list[list[float]] = [[] for _ in ways]
    for number in range(rounds + 1):
        for way, some in zip(ways, times, strict=True):
            begun = time.thread_time()
            way()
            if number:
                some.append(time.thread_time() - begun)
    return [median(some) for some in times]


def _fhir_resources() -> Any:
    """Reads a bundle as models of R4B, entry by entry; what they refuse is passed over. None where it is not there."""
    try:
        from fhir.resources.R4B import get_fhir_model_class
    except ImportError:
        return None

    def read(data: dict[str, Any]) -> None:
        for entry in data["entry"]:
            resource = entry["resource"]
            try:
                get_fhir_model_class(resource["resourceType"]).model_validate(resource)
            except ValueError:
                continue

    return read


if __name__ == "__main__":
    sys.exit(main())
