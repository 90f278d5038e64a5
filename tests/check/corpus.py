"""The mistakes in `tests/bad-rules`: folders, what is expected of each, and what a check finds.

A line of `expected` says `CODE FILE:LINE:COLUMN SUGGESTION`: `0:0` is the file as a whole, `-` no suggestion.
"""

from __future__ import annotations

import re
from pathlib import Path

from prescreen.check import check_paths
from prescreen.problems import Problem

ROOT = Path(__file__).parents[1] / "bad-rules"
BAD = {path.parent.name: path.parent for path in sorted(ROOT.glob("*/expected"))}

Found = tuple[str, str, str]
"""Code, place, suggestion."""


def expectations(folder: Path) -> list[Found]:
    lines = (folder / "expected").read_text(encoding="utf-8").splitlines()
    return sorted((code, place, suggestion) for code, place, suggestion in (line.split(" ", 2) for line in lines))


def found(folder: Path) -> list[Found]:
    problems = [problem for checked in check_paths([str(folder)]) for problem in checked.problems]
    return sorted(as_expected(problem, folder) for problem in problems)


def as_expected(problem: Problem, folder: Path) -> Found:
    file = Path(problem.file or "").absolute().relative_to(folder.absolute())
    hint = re.fullmatch(r"did you mean `(.*)`\?", problem.hint or "")
    suggestion = hint[1] if hint else "-"
    return problem.code, f"{file}:{problem.line or 0}:{problem.column or 0}", suggestion
