"""What a run keeps beside its results until they are whole, so that a killed one goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import numpy as np

from prescreen.cohort.decide import Waiting
from prescreen.cohort.plan import Plan
from prescreen.cohort.settle import Settled
from prescreen.cohort.spelling import Ids
from prescreen.tables import Tables

FOLDER: Final = ".unfinished"
_RUN: Final = "run.json"


@dataclass(frozen=True)
class _Written:
    """What numpy writes to as to any stream: to a file it writes by itself, and does not say that a disk is full."""

    write: Callable[[bytes], int]


class Store:
    """What comes of shards, as it is made; `kept` says how many were there from a run that was broken off."""

    def __init__(self, folder: Path, run: Mapping[str, Any]) -> None:
        """run: all that it depends on; what came of another run is thrown away."""
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
        self.kept = len(list(self.folder.glob(f"{self._name}-*")))

    def load(self, shard: int, size: int) -> Settled | None:
        """What has come of a shard; None where nothing has."""
        path = self._path(shard)
        if not path.exists():
            return None
        try:
            with open(path, "rb") as stream:
                statuses = np.load(stream)
                checksum, text = stream.readline(), stream.read()
        except (ValueError, EOFError):
            return None  # torn, when the power failed
        if len(statuses) != size or checksum != _checksum(statuses, text):
            return None
        rest = json.loads(text)
        facts: list[Waiting] = [{fact: (some, all_) for fact, (some, all_) in each.items()} for each in rest["facts"]]
        refused = {int(place): reason for place, reason in rest["refused"].items()}
        return Settled(statuses, facts, rest["pairs"], rest["shared"], rest["alone"], refused)

    def save(self, shard: int, settled: Settled) -> None:
        unfinished = self.folder / f"unfinished-{shard}-{os.getpid()}"
        rest = {
            "facts": settled.facts, "pairs": settled.pairs, "shared": settled.shared, "alone": settled.alone,
            "refused": settled.refused,
        }  # fmt: skip
        text = json.dumps(rest).encode()
        with open(unfinished, "wb") as stream:
            np.save(_Written(stream.write), settled.statuses)
            stream.write(_checksum(settled.statuses, text) + text)
        unfinished.replace(self._path(shard))

    def _path(self, shard: int) -> Path:
        return self.folder / f"{self._name}-{shard:06}"

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def described(
    plan: Plan, tables: Tables, day: int, ranges_sha256: str | None, block: int, version: str
) -> dict[str, Any]:
    """All that statuses depend on: the rules, the day, and the tables by their files' sizes and times."""
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


def _checksum(statuses: Ids, text: bytes) -> bytes:
    return b"%08x\n" % crc32(text, crc32(np.ascontiguousarray(statuses.T).data))


def _whole(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f"unfinished-{path.name}")
    unfinished.write_bytes(content)
    unfinished.replace(path)
