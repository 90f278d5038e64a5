"""Which rule files and catalogues a path stands for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from prescreen.check.model import Kind

RULE_FILE = "trial.yaml"
CATALOGUE = "catalogue"
_MISNAMED = "trial.yml"
_ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Target:
    """Something to check. path: a rule file or what a trial is called, or the folder of a catalogue."""

    kind: Kind
    path: str


def targets(paths: Sequence[str]) -> Iterator[Target]:
    """What paths stand for, each thing once; a path that leads to nothing stands for itself and is refused by name."""
    seen: set[tuple[Kind, str]] = set()
    for path in paths:
        for target in _of(path):
            key = (target.kind, os.path.realpath(target.path) if "\0" not in target.path else target.path)
            if key not in seen:
                seen.add(key)
                yield target


def _of(path: str) -> list[Target]:
    place = Path(path)
    try:
        if place.is_dir():
            return list(_below(place)) or [Target("trial", path)]
        if place.is_file() and place.name != RULE_FILE and place.resolve().parent.name == CATALOGUE:
            return [Target("catalogue", str(place.parent))]
    except (OSError, ValueError):
        pass  # no path of a file: perhaps the id of a bundled trial
    return [Target("trial", path)]


def _below(folder: Path) -> Iterator[Target]:
    """The catalogues and rule files in a folder and below it, in the order of their names."""
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        place = Path(where)
        if place.resolve().name == CATALOGUE and any(name.endswith(_ENDINGS) for name in files):
            yield Target("catalogue", where)
        if RULE_FILE in files:
            yield Target("trial", str(place / RULE_FILE))
        elif _MISNAMED in files:
            yield Target("trial", where)  # refused by name, and not passed over
