"""Folders of catalogue files: each is read once in a check, however many trials lie beside it."""

from __future__ import annotations

from pathlib import Path

from prescreen.catalogue import Catalogue, read_catalogue
from prescreen.check.model import Checked
from prescreen.problems import Problem


class Catalogues:
    """The catalogues of a check by folder, each as far as it can be read."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[Catalogue, list[Problem]]] = {}

    def read(self, folder: Path) -> tuple[Catalogue, list[Problem]]:
        key = str(folder.resolve())
        if key not in self._read:
            self._read[key] = read_catalogue(folder)
        return self._read[key]

    def of(self, folder: Path) -> Catalogue:
        return self.read(folder)[0]


def check_catalogue(folder: Path, catalogues: Catalogues) -> Checked:
    """Everything that is wrong with a folder of catalogue files, its units included."""
    _, problems = catalogues.read(folder)
    files = sum(path.suffix in (".yaml", ".yml") for path in folder.iterdir())
    return Checked(str(folder), "catalogue", None, {"files": files}, tuple(problems))
