"""No mistake hides another: all wrong conditions of `test_mistakes`, many in one file, each told where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from prescreen.catalogue import Catalogue
from tests.language.rules import HEAD
from tests.language.test_mistakes import CONDITIONS, refused

MISTAKES = [(code, marked) for code, texts in CONDITIONS.items() for marked in texts]
BATCH = 40  # in one file; beyond a hundred the rest would not be listed
Place = tuple[str, int, int]


def together(mistakes: list[tuple[str, str]]) -> tuple[str, set[Place]]:
    """A file with a criterion for each mistake, and where each must be told."""
    text, places = HEAD + "criteria:\n", set()
    for number, (code, marked) in enumerate(mistakes):
        text += f"  - id: C{number}\n    text: one\n    include_if: "
        before = marked.split("«")[0]
        places.add((code, text.count("\n") + 1, len("    include_if: ") + len(before) + 1))
        text += marked.replace("«", "").replace("»", "") + "\n"
    return text, places


@pytest.mark.parametrize("start", range(0, len(MISTAKES), BATCH))
def test_no_mistake_hides_another(start: int, tmp_path: Path, catalogue: Catalogue) -> None:
    text, places = together(MISTAKES[start : start + BATCH])
    found = {(problem.code, problem.line or 0, problem.column or 0) for problem in refused(text, tmp_path, catalogue)}
    assert places <= found
    assert {line for _, line, _ in found} == {line for _, line, _ in places}


@pytest.mark.parametrize("start", range(0, len(MISTAKES), BATCH))
def test_nor_where_all_stand_under_one_criterion(start: int, tmp_path: Path, catalogue: Catalogue) -> None:
    text, places = HEAD + "criteria:\n  - id: C1\n    text: one\n    include_if:\n      any:\n", set()
    for code, marked in MISTAKES[start : start + BATCH]:
        places.add((code, text.count("\n") + 1, len("        - ") + len(marked.split("«")[0]) + 1))
        text += "        - " + marked.replace("«", "").replace("»", "") + "\n"
    found = {(problem.code, problem.line or 0, problem.column or 0) for problem in refused(text, tmp_path, catalogue)}
    assert places <= found
