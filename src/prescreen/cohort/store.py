"""What a run keeps beside its results until they are whole, so that a killed one goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np

from prescreen.cohort.decide import Decisions
from prescreen.cohort.plan import Plan
from prescreen.tables import Tables

FOLDER: Final = ".unfinished"
_RUN: Final = "run.json"


class Store:
    """The decisions of shards, as they are made; `kept` says how many were there from a run that was broken off."""

    def __init__(self, folder: Path, run: Mapping[str, Any]) -> None:
        """run: all that the decisions depend on; those of another run are thrown away."""
        self.folder = folder / FOLDER
        text = json.dumps(run, sort_keys=True)
        # Of a killed run a process may still be at a shard: it must not be taken for one of this run.
        self._name = f"shard-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        mine = self.folder / _RUN
        if not mine.exists() or mine.read_text(encoding="utf-8") != text:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            _whole(mine, text.encode())
        for left in self.folder.glob("rows-*.npz"):
            left.unlink()
        self.kept = len(list(self.folder.glob(f"{self._name}-*.npz")))

    def load(self, shard: int, size: int) -> Decisions | None:
        """The decisions on a shard; None where there are none."""
        path = self._path(shard)
        if not path.exists():
            return None
        try:
            with np.load(path) as stored:
                statuses = stored["statuses"]
                facts = json.loads(bytes(stored["facts"]))
                alike = {int(name[1:]): stored[name] for name in stored.files if name.startswith("_")}
        except (BadZipFile, ValueError, KeyError, EOFError):
            return None  # torn, when the power failed
        if len(statuses) != size:
            return None
        return Decisions(statuses, [{name: (a, b) for name, (a, b) in each.items()} for each in facts], alike)

    def save(self, shard: int, decisions: Decisions) -> None:
        unfinished = self.folder / f"unfinished-{shard}-{os.getpid()}.npz"
        facts = np.frombuffer(json.dumps(decisions.facts).encode(), np.uint8)
        alike = {f"_{column}": numbers for column, numbers in decisions.alike.items()}
        np.savez(unfinished, statuses=decisions.statuses, facts=facts, **alike)  # type: ignore[arg-type]
        unfinished.replace(self._path(shard))

    def _path(self, shard: int) -> Path:
        return self.folder / f"{self._name}-{shard:06}.npz"

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def described(
    plan: Plan, tables: Tables, day: int, ranges_sha256: str | None, block: int, version: str
) -> dict[str, Any]:
    """All that decisions depend on: the rules, the day, and the tables by their files' sizes and times."""
    return {
        "version": version,
        "day": day,
        "ranges": ranges_sha256,
        "catalogue": plan.catalogue.sha256,
        "trials": {trial.id: trial.sha256 for trial in plan.trials},
        "protocols": [protocol.variant for protocol in plan.protocols],
        "block": block,
        "tables": {name: _files(tables.path, source.files) for name, source in tables.sources.items()},
    }


def _files(place: Path, files: Sequence[Path]) -> list[list[Any]]:
    found: list[list[Any]] = []
    for path in files or (place,):
        status = path.stat()
        found.append([str(path.resolve()), status.st_size, status.st_mtime_ns])
    return found


def sample(identities: Sequence[str], number: int) -> list[int]:
    """The places of so many candidates, chosen by their ids alone."""
    if not number:
        return []
    if len(identities) <= number:
        return list(range(len(identities)))
    step = len(identities) / number
    places = [int(each * step) for each in range(number)]
    shift = int(hashlib.sha256(f"{len(identities)}".encode()).hexdigest()[:8], 16) % max(1, int(step))
    return [place + shift for place in places if place + shift < len(identities)]


def _whole(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f"unfinished-{path.name}")
    unfinished.write_bytes(content)
    unfinished.replace(path)
