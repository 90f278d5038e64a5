"""What is derived for one window says nothing of a result that nobody has written in another."""

from __future__ import annotations

from typing import Any

import pytest

from prescreen.language.model import Trial
from tests.engine.helper import criteria, observation, report

STALE = {"observation": "BMI", "at_least": "18 kg/m2", "within": "1 year"}
FRESH = {"observation": "BMI", "at_most": "30 kg/m2", "within": "28 days"}
TWICE = {"any": [{"all": [FRESH, {"age": {"at_least": "18 years"}}]}, {"all": [FRESH, {"answer": "q"}]}]}
BORN = {"birth_date": "1980-01-01"}


def trial() -> Trial:
    questions = {"q": {"ask": "candidate", "text": "t?"}}
    return criteria({"include_if": {"all": [STALE, TWICE]}}, {"include_if": TWICE}, questions=questions)


def half_a_year_ago(weight: int) -> list[dict[str, Any]]:
    return [
        observation("weight", weight, "kg", date="2025-11-13"),
        observation("height", 170, "cm", date="2025-11-13"),
    ]


@pytest.mark.parametrize("weight", [60, 110])
def test_a_stale_derived_result_leaves_a_fresh_one_unknown(weight: int) -> None:
    found = report(trial(), {**BORN, "observations": half_a_year_ago(weight)})
    assert [criterion.status for criterion in found.criteria] == ["undetermined", "undetermined"]


@pytest.mark.parametrize(("weight", "fresh", "status"), [(60, 40, "failed"), (110, 25, "met")])
def test_as_a_fresh_one_shows(weight: int, fresh: int, status: str) -> None:
    results = [*half_a_year_ago(weight), observation("BMI", fresh, "kg/m2", date="2026-06-01")]
    found = report(trial(), {**BORN, "observations": results})
    assert [criterion.status for criterion in found.criteria] == [status, status]
