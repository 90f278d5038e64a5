"""Rule files held to what they promise: they load, their cases hold, every criterion is shown in each status."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from prescreen import load_trial, screen
from prescreen.candidate import Candidate
from prescreen.candidate.read import parse_candidate
from prescreen.language.model import Case, Criterion, Observation, Trial, parts_of
from prescreen.problems import InputRefused, Problem

CASE_DAY: Final = date(2026, 6, 1)
"""The screening day of a case that names none: fixed, so that a case holds on any day or on none."""

_STATUSES: Final = ("met", "failed", "undetermined")


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in one rule file. trial: its id, None where it does not load; criteria, cases: how many."""

    file: str
    trial: str | None
    criteria: int
    cases: int
    problems: tuple[Problem, ...]


def check_paths(paths: Sequence[str]) -> Iterator[Checked]:
    """Check rule files, folders of a trial, or folders that hold several of those; one result for each trial."""
    for path in paths:
        for file in rule_files(path):
            yield check_trial(file)


def rule_files(path: str) -> list[str]:
    """The rule files that a path stands for; the path itself where it holds none, so that it is refused by name."""
    folder = Path(path)
    try:
        if folder.is_dir() and not (folder / "trial.yaml").exists():
            return sorted(str(file) for file in folder.glob("*/trial.yaml")) or [path]
    except (OSError, ValueError):
        pass
    return [path]


def check_trial(path: str) -> Checked:
    """Load one rule file, run its cases and say what is missing."""
    try:
        trial = load_trial(path)
    except InputRefused as refused:
        return Checked(path, None, 0, 0, refused.problems)
    file = trial.file or path
    problems = [
        *_document_problems(trial, file),
        *_window_problems(trial, file),
        *(problem for criterion in trial.criteria for problem in _criterion_problems(trial, criterion, file)),
    ]
    cases = sum(len(criterion.cases) for criterion in trial.criteria)
    return Checked(file, trial.id, len(trial.criteria), cases, tuple(problems))


def _document_problems(trial: Trial, file: str) -> Iterator[Problem]:
    if trial.document is None:
        yield Problem("no-document", f"{trial.id} names no source document", file, hint="state it as source: document")
    elif not any((folder / trial.document).is_file() for folder in Path(file).resolve().parents):
        yield Problem("no-document", f"the source document `{trial.document}` is not found", file)


def _window_problems(trial: Trial, file: str) -> Iterator[Problem]:
    """Results of any age count only where the rule file says so."""
    if trial.results_within_stated:
        return
    for criterion in trial.criteria:
        for leaf in parts_of(criterion.condition):
            if isinstance(leaf, Observation) and leaf.window is trial.results_within:
                message = f"{criterion.id}: how old may a result of {leaf.code} be"
                hint = "state `within` here or `results_within` for the trial; `any` is an answer"
                yield Problem("no-window", message, file, line=leaf.where.line, column=leaf.where.column, hint=hint)


def _criterion_problems(trial: Trial, criterion: Criterion, file: str) -> Iterator[Problem]:
    for number, case in enumerate(criterion.cases, 1):
        yield from _case_problems(trial, criterion, f"{criterion.id}, case {number}", case, file)
    shown = {case.expect for case in criterion.cases}
    missing = [status for status in _STATUSES if status not in shown]
    if missing:
        message = f"{criterion.id} has no case that is {' and none that is '.join(missing)}"
        yield Problem("no-case", message, file, line=criterion.where.line, column=criterion.where.column)


def _case_problems(trial: Trial, criterion: Criterion, name: str, case: Case, file: str) -> Iterator[Problem]:
    line, column = case.where.line, case.where.column
    on = _day(case)
    if on is None:
        yield Problem("bad-date", f"{name}: `{case.on}` is no day: expected YYYY-MM-DD", file, line=line, column=column)
        return
    try:
        profile = parse_candidate({"id": "case", **case.given}, catalogue=trial.catalogue)
        result = screen(trial, Candidate(profile, trial.catalogue), on=on)[criterion.id]
    except InputRefused as refused:
        for problem in refused.problems:
            place = f" at {problem.path}" if problem.path else ""
            message = f"{name}{place}: {problem.message}"
            yield Problem(problem.code, message, file, line=line, column=column, hint=problem.hint)
        return
    if result.status != case.expect:
        message = f"{name} is {result.status}, expected {case.expect}"
        yield Problem("case-fails", message, file, line=line, column=column, hint=result.headline)


def _day(case: Case) -> date | None:
    try:
        return CASE_DAY if case.on is None else date.fromisoformat(case.on)
    except ValueError:
        return None
