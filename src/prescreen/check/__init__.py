"""Rule files and catalogues held to what they promise: they load, their cases hold, and the cases hold the rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from prescreen.check.catalogues import Catalogues, check_catalogue
from prescreen.check.files import targets
from prescreen.check.model import MISTAKES, Checked
from prescreen.check.mutations import LEAST_SCORE, Telling
from prescreen.check.rules import check_trial
from prescreen.language.load import catalogue_beside
from prescreen.problems import InputRefused

__all__ = ["LEAST_SCORE", "MISTAKES", "Checked", "check_paths"]


def check_paths(
    paths: Sequence[str], least_score: float | None = LEAST_SCORE, tell: Telling = lambda _made: None
) -> Iterator[Checked]:
    """Check rule files and catalogues, or folders that hold them at any depth; one result for each.

    least_score: how many percent of its mutants the cases of a rule file must notice; None makes no mutants. tell: is
    told how many mutants of a rule file have been tried.

    A catalogue beside the folder of a trial is checked before it, once, whether a path leads to it or not.
    """
    catalogues = Catalogues()
    checked: set[str] = set()
    for target in targets(paths):
        if target.kind == "catalogue":
            folders = [Path(target.path)]
        else:
            folders = [folder] if (folder := _beside(target.path)) else []
        for folder in folders:
            key = str(folder.resolve())
            if key not in checked:
                checked.add(key)
                yield check_catalogue(folder, catalogues)
        if target.kind == "trial":
            yield check_trial(target.path, catalogues.of(folders[0]) if folders else None, least_score, tell)


def _beside(path: str) -> Path | None:
    """The catalogue that extends the bundled one for a trial, if one does; seen from here where it lies below."""
    file = Path(path)
    try:
        beside = catalogue_beside(file if file.is_dir() else file.parent) if file.exists() else None
        return beside.relative_to(Path.cwd()) if beside and beside.is_relative_to(Path.cwd()) else beside
    except (OSError, ValueError, InputRefused):
        return None  # reading the trial says what is wrong with its place
