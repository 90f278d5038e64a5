"""Bounds that differ by cohort: a criterion is read for each cohort as if written for it alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prescreen import load_trial
from prescreen.check.rules import check_trial
from prescreen.language.model import Trial
from tests.engine.helper import criteria, observation, report

COHORTS = [{"id": "A", "title": "diabetic"}, {"id": "B", "title": "IgA nephropathy"}]
HBA1C = {"observation": "HbA1c", "per_cohort": {"A": {"at_most": "10 %"}, "B": {"below": "6.5 %"}}}
ADULT = {"age": {"per_cohort": {"A": {"at_least": "18 years"}, "B": {"at_least": "12 years", "at_most": "17 years"}}}}


def trial(*conditions: dict[str, Any], **top: Any) -> Trial:
    return criteria(*({"include_if": condition} for condition in conditions), cohorts=COHORTS, **top)


def test_each_cohort_has_its_own_criterion_and_verdict() -> None:
    found = report(trial(HBA1C, ADULT), {"birth_date": "1990-01-01", "observations": [observation("HbA1c", 8, "%")]})
    assert {criterion.id: criterion.status for criterion in found.criteria} == {
        "C1@A": "met",
        "C1@B": "failed",
        "C2@A": "met",
        "C2@B": "failed",
    }
    assert found.cohorts == {"A": "eligible", "B": "ineligible"}
    assert (found.verdict, found.rescreen_on) == ("eligible", None)  # what fails in B does not matter
    assert [criterion.cohorts for criterion in found.criteria] == [("A",), ("B",), ("A",), ("B",)]
    assert found["C1@B"].explanation.requirement == "HbA1c below 6.5 %"


def test_what_does_not_differ_stands_once() -> None:
    common = {"observation": "HbA1c", "at_most": "12 %", "per_cohort": {"A": {"above": "7 %"}, "B": {"above": "5 %"}}}
    found = report(trial({"sex": "female"}, common), {"sex": "female", "observations": [observation("HbA1c", 6, "%")]})
    assert {criterion.id: criterion.status for criterion in found.criteria} == {
        "C1": "met",
        "C2@A": "failed",
        "C2@B": "met",
    }


def test_only_the_cohorts_of_the_criterion_are_told_apart() -> None:
    only_a = {"include_if": {"observation": "HbA1c", "per_cohort": {"A": {"at_most": "10 %"}}}, "cohorts": ["A"]}
    made = criteria(only_a, cohorts=COHORTS)
    assert [criterion.id for criterion in made.criteria] == ["C1@A"]


def test_definitions_and_treatments_may_differ_too() -> None:
    steroid = {
        "treatment": "prednisone",
        "daily_dose": {"per_cohort": {"A": {"at_most": "10 mg/day"}, "B": {"at_most": "5 mg/day"}}},
    }
    made = trial({"any": [{"use": "low"}, {"use": "sugar"}]}, definitions={"low": steroid, "sugar": HBA1C})
    dose = {"code": "prednisone", "start": "2026-01-01", "status": "ongoing"}
    known = {"treatments": [{**dose, "daily_dose": {"value": 8, "unit": "mg/day"}}]}
    high = [observation("HbA1c", 11, "%")]
    found = report(made, {**known, "observations": high, "complete": {"treatments": True}})
    assert {criterion.id: criterion.status for criterion in found.criteria} == {"C1@A": "met", "C1@B": "failed"}


def test_counts_and_changes_by_cohort() -> None:
    fall = {
        "observation": "ALT",
        "per_cohort": {"A": {"fall": {"at_least": "50 %"}}, "B": {"fall": {"at_least": "20 %"}}},
    }
    results = [observation("ALT", 60, "U/L"), observation("ALT", 100, "U/L", date="2026-01-20")]
    found = report(trial(fall), {"observations": results})
    assert [criterion.status for criterion in found.criteria] == ["failed", "met"]


def test_cases_may_name_a_cohort(tmp_path: Path) -> None:
    def written(cases: str) -> str:
        path = tmp_path / "trial.yaml"
        path.write_text(
            "schema: prescreen/trial/1\nid: T1\ntitle: t\nsource: {document: trial.yaml}\nresults_within: any\n"
            "cohorts: [{id: A, title: a}, {id: B, title: b}]\ncriteria:\n"
            "  - id: C1\n    text: t\n"
            "    include_if: {observation: HbA1c,"
            " per_cohort: {A: {at_most: 10 %}, B: {below: 6.5 %}}}\n"
            f"    cases:\n{cases}",
            "utf-8",
        )
        return str(path)

    def given(value: object, expect: str, more: str = "") -> str:
        result = f"{{code: HbA1c, value: {value}, unit: '%', date: 2026-05-20}}"
        return f"      - {{expect: {expect}, given: {{observations: [{result}]}}{more}}}\n"

    cases = given(6, "met") + given(11, "failed") + "      - {expect: undetermined, given: {}}\n"
    each = given(10, "met", ", cohort: A") + given(6.5, "failed", ", cohort: B")
    good = check_trial(written(cases + each), least_score=None)
    assert (good.problems, good.counts) == ((), {"criteria": 1, "cases": 5})
    assert [problem.code for problem in check_trial(written(cases + each + given(8, "met"))).problems] == ["case-fails"]
    assert [case.cohort for case in load_trial(written(cases + each)).criteria[0].cases] == [None, None, None, "A"]
