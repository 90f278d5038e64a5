"""What is remembered of one candidate never shows in the report of another, however many records that one has."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from prescreen.engine.screen import compiled_trial
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


ANCHORS = [None, "2026-06-10", "2026-06", "2026-05-20", "2027-01-05", "2026-06-10T08:00", "2026-06-01/2026-06-20"]
DECLARED = [
    False,
    True,
    {"through": "2026-06-01"},
    {"through": "2026-05"},
    {"through": "2027"},
    {"systems": ["ICD-10-CM"]},
]
PLANS: list[dict[str, Any]] = [
    {"procedure": "surgery", "status": "planned", "within": "24 weeks after enrolment"},
    {"procedure": "major-surgery", "within": "24 weeks before enrolment"},
    {"condition": "malignancy", "within": "5 years before enrolment"},
    {"treatment": "rituximab", "status": "ever", "within": "6 months before enrolment"},
    {"observation": "ALT", "at_most": "100 U/L", "within": "7 days before enrolment"},
    {"treatment": "systemic-corticosteroids", "for_at_least": "4 weeks", "at": "enrolment"},
    {"age": {"at_least": "18 years"}, "on": "enrolment"},
]
RECORDS: list[dict[str, Any]] = [
    {},
    {"procedures": [{"code": "appendectomy", "date": "2026-05-12", "status": "completed"}]},
    {"conditions": [{"code": "malignancy", "onset": "2019", "verification": "refuted"}]},
    {"observations": [{"code": "ALT", "value": 30, "unit": "U/L", "date": "2026-05-30"}], "birth_date": "2008-06-05"},
]

SNOMED = {"system": "http://snomed.info/sct", "code": "1"}
OPEN: list[dict[str, Any]] = [
    {"procedures": [{"code": "appendectomy", "date": "2026", "status": "completed"}]},
    {"procedures": [{"code": "appendectomy"}, {"code": "appendectomy", "date": "2025-12"}]},
    {"procedures": [{"code": SNOMED, "date": "2026-05-12", "status": "completed"}]},
    {"procedures": [{"code": SNOMED}, {"code": "appendectomy", "verification": "provisional"}]},
    {"conditions": [{"code": "malignancy", "verification": "provisional"}, {"code": "breast-cancer", "onset": "2021"}]},
    {"conditions": [{"code": "breast-cancer", "onset": "2020/2022"}] * 9},
    {"treatments": [{"code": "rituximab"}], "conditions": [{"code": SNOMED}]},
    {"treatments": [{"code": "rituximab", "start": "2025-11/..", "status": "ongoing"}]},
]


def anchored() -> Any:
    alone = [{"exclude_if": plan} for plan in PLANS]
    together = [{"exclude_if": {"any": PLANS[:4]}}, {"include_if": {"all": [PLANS[4], {"not": PLANS[1]}]}}]
    return criteria(*alone, *together)


@given(
    st.lists(
        st.tuples(st.sampled_from(ANCHORS), st.sampled_from(DECLARED), st.sampled_from([*RECORDS, *OPEN])),
        min_size=2,
        max_size=6,
    )
)
def test_nothing_of_one_shows_in_the_report_of_another(those: list[Any]) -> None:
    candidates = [
        {
            **records,
            "anchors": {} if anchor is None else {"enrolment": anchor},
            "complete": dict.fromkeys(("conditions", "treatments", "procedures"), declared),
        }
        for anchor, declared, records in those
    ]
    compiled_trial.cache_clear()
    after_others = [report(anchored(), candidate) for candidate in candidates]
    for candidate, found in zip(candidates, after_others, strict=True):
        compiled_trial.cache_clear()
        assert report(anchored(), candidate) == found


MANY_READINGS = [
    (2.376, "2026-05-04", 1.2, "U/L"), (79.2, "2026-05-04", 40, "U/L"), (126.0, "2026-05-04/..", None, None),
    ("<118.8", "2026-05-04", 40, "U/L"), ("2.376-4.752", "2026-05-03", 1.2, "U/L"), (42.0, "2026-05-03", 21, "U/L"),
    (80.8, "2026-05-04", 40, "U/L"), (42.0, "2025-12-15", 21, "U/L"), (21.0, "2026-06-01", 21, None),
    (15.84, "2026-05-04", 40, "U/L"), (42.0, "2026-03-03", 21, "U/L"),
]  # fmt: skip


def test_how_far_cases_are_told_apart_does_not_hang_on_records_of_other_kinds() -> None:
    high = {"observation": "ALT", "above": "2 ULN", "within": "28 days"}
    low = {"observation": "ALT", "at_most": "3 ULN", "within": "28 days"}
    trial = criteria({"include_if": {"any": [high, low]}})
    results = [
        {"code": "ALT", "value": value, "date": day, "unit": unit, "reference_range": limit and {"high": limit}}
        for value, day, limit, unit in MANY_READINGS
    ]
    other = {"conditions": [{"code": "SLE"}] * 90, "allergies": [{"code": "penicillin"}] * 90}
    found = [report(trial, {"observations": results, **more}, on=date(2026, 6, 3))["C1"] for more in ({}, other)]
    assert [(each.status, each.exact) for each in found] == [("met", True), ("met", True)]


def test_a_birth_date_is_told_apart_by_the_days_of_the_criterions_own_results(tmp_path: Path) -> None:
    table = tmp_path / "ranges.csv"
    rows = ["female,18,64,1,20,U/L,,2026-05-10", "female,18,64,1,38,U/L,2026-05-11,", "male,,,2,40,U/L,,"]
    head = "code,sex,age_from,age_to,low,high,unit,valid_from,valid_to"
    table.write_text("\n".join([head, *(f"ALT,{row}" for row in rows)]) + "\n")
    high = {"observation": "ALT", "above": "2 ULN", "within": "28 days"}
    low = {"observation": "ALT", "at_most": "3 ULN", "within": "28 days"}
    trial = criteria({"include_if": {"any": [high, low]}})
    own = [
        {"code": "ALT", "value": 80, "unit": "U/L", "date": "2026-05-05"},
        {"code": "ALT", "value": 63.63, "unit": "U/L", "date": "2026-05-05", "reference_range": {"high": 21}},
    ]
    for others in ([], [{"code": "ANA", "value": "positive", "date": f"2025-0{month}-27"} for month in range(1, 10)]):
        found = report(trial, {"observations": [*own, *others]}, ranges=table)["C1"]
        assert (found.status, found.exact) == ("met", True)
