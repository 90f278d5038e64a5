"""Trials of one criterion, and what the program says of them: both ways of asking at once, so that they never part."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from prescreen import load_candidate, load_trial, screen, statuses
from prescreen.language.model import Trial
from prescreen.report.model import CriterionReport, Explanation, Report

ON = date(2026, 6, 1)

QUESTIONS: dict[str, Any] = {
    "fit": {"ask": "investigator", "text": "Is the candidate fit?"},
    "carer": {"ask": "caregiver", "text": "Is there a carer?"},
    "stage": {"ask": "coordinator", "text": "Which stage?", "options": ["early", "middle", "late"]},
}
ANCHORS = {"enrolment": "the day of enrolment", "first_dose": "the first dose"}


def criteria(*some: Mapping[str, Any], **top: Any) -> Trial:
    """A trial of several criteria, C1 to Cn; each given as its mapping without `id` and `text`."""
    made = [{"id": f"C{number}", "text": f"criterion {number}", **one} for number, one in enumerate(some, 1)]
    return _loaded(json.dumps({**_top(), **top, "criteria": made}))


def one(condition: Mapping[str, Any], *, excludes: bool = False, **top: Any) -> Trial:
    """A trial whose only criterion, C1, has this condition."""
    return criteria({"exclude_if" if excludes else "include_if": condition}, **top)


def ask(
    condition: Mapping[str, Any],
    candidate: Mapping[str, Any] | None = None,
    *,
    on: date = ON,
    ranges: Path | None = None,
    excludes: bool = False,
    **top: Any,
) -> CriterionReport:
    """The result of the only criterion of a trial; `screen` and `statuses` agree on it."""
    return report(one(condition, excludes=excludes, **top), candidate, on=on, ranges=ranges)["C1"]


def truth(
    condition: Mapping[str, Any],
    candidate: Mapping[str, Any] | None = None,
    *,
    on: date = ON,
    ranges: Path | None = None,
    **top: Any,
) -> bool | None:
    """Whether a condition is true, false or unknown (None) of a candidate."""
    return ask(condition, candidate, on=on, ranges=ranges, **top).condition


def report(
    trial: Trial, candidate: Mapping[str, Any] | None = None, *, on: date = ON, ranges: Path | None = None
) -> Report:
    """The report of a candidate, who needs no id here."""
    known = load_candidate({"id": "C-1", **(candidate or {})}, catalogue=trial.catalogue)
    made = screen(trial, known, on=on, ranges=ranges)
    assert {result.id: result.status for result in made.criteria} == statuses(trial, known, on=on, ranges=ranges)
    return made


def result(code: str, value: object, unit: str | None = None, **more: Any) -> dict[str, Any]:
    """A profile with one observation, of the last days before the screening day unless it says otherwise."""
    return {"observations": [observation(code, value, unit, **more)]}


def observation(code: str, value: object, unit: str | None = None, **more: Any) -> dict[str, Any]:
    record = {"code": code, "value": value, "date": "2026-05-20", **more}
    return record if unit is None else {**record, "unit": unit}


def leaf(tree: Explanation, node: str) -> Explanation:
    """The first node of a kind in an explanation."""
    found = [tree]
    while found:
        first = found.pop(0)
        if first.node == node:
            return first
        found += first.children
    raise LookupError(node)


def _top() -> dict[str, Any]:
    return {"schema": "prescreen/trial/1", "id": "T1", "title": "a trial", "questions": QUESTIONS, "anchors": ANCHORS}


@lru_cache(maxsize=2048)
def _loaded(text: str) -> Trial:
    return load_trial(json.loads(text))
