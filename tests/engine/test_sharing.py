"""What is remembered of one candidate never shows in the report of another, however many records that one has."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from tests.engine.helper import criteria, report

ON = date(2026, 6, 1)
LETTERS = "abcdefg"


def many_results(number: int) -> list[dict[str, Any]]:
    first = date(2025, 6, 2)
    return [
        {"code": "ALT", "value": 5, "unit": "U/L", "date": str(first + timedelta(days=place % 60))}
        for place in range(number)
    ]


def test_a_case_split_is_not_remembered_from_a_candidate_of_many_records() -> None:
    four = [
        {"at_least_of": {"count": 4, "of": [{"answer": letter} for letter in LETTERS]}},
        {"at_least_of": {"count": 4, "of": [{"not": {"answer": letter}} for letter in LETTERS]}},
    ]
    questions = {letter: {"ask": "candidate", "text": f"{letter}?"} for letter in LETTERS}
    trial = criteria({"include_if": {"any": four}}, questions=questions)
    report(trial, {"observations": many_results(2_000)})
    assert report(trial)["C1"].status == "met"  # four of seven say yes, or four say no


def test_a_horizon_is_not_remembered_from_a_candidate_of_many_records() -> None:
    trial = criteria(
        {"include_if": {"observation": "ALT", "at_most": "100 U/L", "within": "1 year", "select": "highest"}},
        {"exclude_if": {"condition": "malignancy", "for_at_least": "6 months"}},
    )
    declared: dict[str, Any] = {"complete": {"conditions": {"through": "2026-05-31"}}}
    report(trial, {**declared, "observations": many_results(19_000)})
    assert report(trial, declared)["C2"].turns_on == "2026-12-01"
