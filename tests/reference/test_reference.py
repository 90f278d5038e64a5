"""The reference itself, held against expectations written by hand from docs/semantics.md.

These are also the place to see which readings were taken. T, F and U: true, false, unknown.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.reference import TooManyError, outcomes
from tests.reference.generate import SCREENING_DAYS, pair

ON = date(2026, 6, 1)
T, F, U = {True}, {False}, {True, False}


def alt(value: Any, high: Any = 40, day: str | None = "2026-05-20", **more: Any) -> dict[str, Any]:
    record = {"code": "ALT", "value": value, "unit": "U/L", **more}
    if high is not None:
        record["reference_range"] = {"high": high}
    if day is not None:
        record["date"] = day
    return record


def dna(value: Any, **more: Any) -> dict[str, Any]:
    return {"code": "HBV-DNA", "value": value, "unit": "[IU]/mL", "date": "2026-05-20", **more}


def hbsag(value: Any, day: str = "2026-05-20", **more: Any) -> dict[str, Any]:
    return {"code": "HBsAg", "value": value, "date": day, **more}


def obs(*records: dict[str, Any]) -> dict[str, Any]:
    return {"observations": list(records)}


def had(domain: str, *records: dict[str, Any], complete: Any = None, **more: Any) -> dict[str, Any]:
    return {domain: list(records), **({"complete": {domain: complete}} if complete else {}), **more}


def surgery(day: str | None = None, status: str | None = "completed", **more: Any) -> dict[str, Any]:
    return {"code": "major-surgery", **({"date": day} if day else {}), **({"status": status} if status else {}), **more}


UNDETECTED = {"observation": "HBV-DNA", "detected": False}
ALT3 = {"observation": "ALT", "at_most": "3 ULN"}
ABOVE3 = {"observation": "ALT", "above": "3 ULN"}
ALT5 = {"observation": "ALT", "at_most": "5 ULN"}
LIVER = {"condition": "malignancy"}
SURGERY = {"procedure": "major-surgery", "within": "24 weeks"}  # from 2025-12-15
POSITIVE = {"observation": "HBsAg", "is": "positive"}
LN = {"condition": "lupus-nephritis"}
SLE = {"condition": "SLE"}
LN_2021 = {"code": "lupus-nephritis", "onset": "2021", "status": "active"}
CREATININE = {"observation": "creatinine", "at_most": ["1.5 mg/dL", "133 umol/L"]}
GIVEN = {"code": "rituximab", "start": "2020", "status": "completed"}
REFUTED = {"code": "lupus-nephritis", "verification": "refuted"}
SEVERE = {"allergy": "albumin", "severity": "severe"}
UNKNOWN_CODE = {"system": "http://example.org", "code": "1"}
MILD = {"code": "albumin", "severity": "mild"}
RITUXIMAB = {"treatment": "rituximab", "within": "6 months"}
MALIGNANCY_BUT = {"condition": "malignancy", "except": ["basal-cell-carcinoma"]}
YEARS = {"birth_date": "1961"}


CASES: dict[str, tuple[dict[str, Any], dict[str, Any], set[bool]]] = {
    # logic, and facts that repeat
    "a or not a": ({"any": [POSITIVE, {"not": POSITIVE}]}, {}, T),
    "a and not a": ({"all": [POSITIVE, {"not": POSITIVE}]}, {}, F),
    "lower or higher limit": ({"any": [ALT3, {"all": [LIVER, ALT5]}]}, obs(alt(92)), T),
    "between both limits": ({"any": [ALT3, {"all": [LIVER, ALT5]}]}, obs(alt(160)), U),
    "above both limits": ({"any": [ALT3, {"all": [LIVER, ALT5]}]}, obs(alt(201)), F),
    "two limits exclude each other": ({"all": [ALT3, {"observation": "ALT", "above": "5 ULN"}]}, obs(alt(1, None)), F),
    "female or male": ({"any": [{"sex": "female"}, {"sex": "male"}]}, {}, T),
    "at least one of two sexes": ({"at_least_of": {"count": 2, "of": [{"sex": "female"}, {"sex": "male"}]}}, {}, F),
    "if without else": ({"if": {"sex": "female"}, "then": {"answer": "q"}}, {"sex": "male"}, T),
    "if with both branches true": (
        {"if": {"sex": "female"}, "then": {"answer": "q"}, "else": {"answer": "q"}}, {"answers": {"q": True}}, T,
    ),
    "if unknown, branches differ": ({"if": {"sex": "female"}, "then": {"sex": "male"}, "else": {"sex": "male"}}, {}, U),
    "unless saves": ({**POSITIVE, "unless": {"answer": "q"}}, {**obs(hbsag("negative")), "answers": {"q": True}}, T),
    "unless under not spares": (
        {"not": {**POSITIVE, "unless": {"answer": "q"}}}, {**obs(hbsag("positive")), "answers": {"q": True}}, T,
    ),
    "answer equals": ({"answer": "q", "equals": "late"}, {"answers": {"q": "early"}}, F),
    "answer open": ({"answer": "q"}, {}, U),
    "every of": ({"observation": {"every_of": ["ALT", "AST"]}, "at_most": "3 ULN"}, obs(alt(92)), U),
    "any of": ({"observation": {"any_of": ["ALT", "AST"]}, "at_most": "3 ULN"}, obs(alt(92)), T),
    # age
    "born 1961 is 64 or 65": ({"age": {"at_most": "65 years"}}, YEARS, T),
    "born 1961 may be 65": ({"age": {"at_most": "64 years"}}, YEARS, U),
    "65 includes the whole year": ({"age": {"between": ["18 years", "65 years"]}}, {"birth_date": "1960-06-02"}, T),
    "66 on the birthday": ({"age": {"at_most": "65 years"}}, {"birth_date": "1960-06-01"}, F),
    "above 18 is at least 19": ({"age": {"above": "18 years"}}, {"birth_date": "2007-06-02"}, F),
    "eighteen today": ({"age": {"at_least": "18 years"}}, {"birth_date": "2008-06-01"}, T),
    "eighteen at enrolment": (
        {"age": {"at_least": "18 years"}, "on": "enrolment"},
        {"birth_date": "2008-06-10", "anchors": {"enrolment": "2026-06-10"}},
        T,
    ),
    "eighteen at an unknown enrolment": (
        {"age": {"at_least": "18 years"}, "on": "enrolment"}, {"birth_date": "2008-06-10"}, U,
    ),
    "age twice, birth open": (
        {"all": [{"age": {"at_least": "18 years"}}, {"age": {"below": "18 years"}}]}, {"birth_date": "2008"}, F,
    ),
    "age given": ({"age": {"at_least": "41 years"}}, {"age": {"value": 41, "on": "2026-05-20"}}, T),
    "age given, maybe older": ({"age": {"at_least": "42 years"}}, {"age": {"value": 41, "on": "2026-05-20"}}, U),
    # values and limits
    "on the threshold": ({"observation": "creatinine", "at_most": "1.5 ULN"}, obs(
        {"code": "creatinine", "value": 1.8, "unit": "mg/dL", "reference_range": {"high": 1.2}}), T),
    "strictly below": (
        {"observation": "ALT", "below": "3 ULN"}, obs(alt(120)), F,
    ),
    "no reference range": (ALT3, obs(alt(92, None)), U),
    "zero is below any multiple": (ALT3, obs(alt(0, None)), T),
    "ULN of each result is its own": ({**ALT3, "select": "every"}, obs(alt(92), alt(92, 30)), F),
    "less than": ({"observation": "HBV-DNA", "below": "20 [IU]/mL"}, obs(dna("<20")), T),
    "less than, higher limit": ({"observation": "HBV-DNA", "at_most": "15 [IU]/mL"}, obs(dna("<20")), U),
    "range": ({"observation": "HBV-DNA", "at_least": "20 [IU]/mL"}, obs(dna("20-40")), T),
    "more than": ({"observation": "HBV-DNA", "above": "1000 [IU]/mL"}, obs(dna(">1000")), T),
    "not detected, no limit": ({"observation": "HBV-DNA", "above": "1 LLOD"}, obs(dna("not detected")), F),
    "below the detection limit": (UNDETECTED, obs(dna("<20", detection_limit=20)), T),
    "below a limit of quantification": (UNDETECTED, obs(dna("<20")), U),
    "a plain number was detected": ({"observation": "HBV-DNA", "detected": True}, obs(dna(12)), T),
    "a plain number and its limit": ({"observation": "HBV-DNA", "detected": True}, obs(dna(12, detection_limit=20)), F),
    "own kind of unit": (
        CREATININE, obs({"code": "creatinine", "value": 133, "unit": "umol/L", "date": "2026-05-20"}), T,
    ),
    "missing unit": (ALT3, obs({**alt(92), "unit": None}), U),
    "unit of another size": ({"observation": "ALT", "at_most": "2 ukat/L"}, obs(alt(120)), T),
    # which result
    "reactive is positive": (POSITIVE, obs(hbsag("reactive")), T),
    "indeterminate decides nothing": (POSITIVE, obs(hbsag("indeterminate")), U),
    "null is no result": (POSITIVE, obs(hbsag("negative", "2026-05-01"), hbsag(None)), F),
    "refuted is no result": (POSITIVE, obs(hbsag("positive", verification="refuted"), hbsag("negative", "2026")), F),
    "unusable may be the latest": (ALT3, obs(alt(92, day="2026-05-01"), {**alt(92), "unit": "furlong"}), U),
    "latest": (ALT3, obs(alt(200, day="2026-05-01"), alt(92)), T),
    "first": ({**ALT3, "select": "first"}, obs(alt(200, day="2026-05-01"), alt(92)), F),
    "partial date, both may be latest": (ALT3, obs(alt(200, day="2026-05"), alt(92)), U),
    "partial date, values agree": (ALT3, obs(alt(90, day="2026-05"), alt(92)), T),
    "conflict": (ALT3, obs(alt(200), alt(92)), U),
    "conflict, any": ({**ALT3, "select": "any"}, obs(alt(200), alt(92)), T),
    "highest": ({**ALT3, "select": "highest"}, obs(alt(200), alt(92)), F),
    "lowest": ({**ALT3, "select": "lowest"}, obs(alt(200), alt(92)), T),
    "later than the screening day": (ALT3, obs(alt(92, day="2026-06-02")), U),
    "stale": ({**ALT3, "within": "28 days"}, obs(alt(92, day="2026-05-03")), U),
    "first day of the window": ({**ALT3, "within": "28 days"}, obs(alt(92, day="2026-05-04")), T),
    "free value shared": ({"any": [{**ALT3, "within": "28 days"}, {**ABOVE3, "within": "28 days"}]}, {}, T),
    "free values of two windows": ({"any": [ALT3, {**ABOVE3, "within": "28 days"}]}, {}, U),
    "every of none": ({**ALT3, "select": "every"}, {}, U),
    "consecutive": (
        {"observation": "ALT", "above": "3 ULN", "select": {"consecutive": 2, "apart": "24 hours"}},
        obs(alt(200, day="2026-05-01"), alt(200, day="2026-05-03")), T,
    ),
    "consecutive, perhaps too near": (
        {"observation": "ALT", "above": "3 ULN", "select": {"consecutive": 2, "apart": "24 hours"}},
        obs(alt(200, day="2026-05-01"), alt(200, day="2026-05-02")), U,
    ),
    "consecutive, days": (
        {"observation": "ALT", "above": "3 ULN", "select": {"consecutive": 2, "apart": "1 day"}},
        obs(alt(200, day="2026-05-01"), alt(200, day="2026-05-02")), T,
    ),
    "consecutive, one only": ({"observation": "ALT", "above": "3 ULN", "select": {"consecutive": 2}}, obs(alt(200)), F),
    "mean of two": (
        {"observation": "ALT", "at_most": "120 U/L", "select": {"mean_of": 2}},
        obs(alt(140, day="2026-05-01"), alt(100)), T,
    ),
    "mean of too few": ({"observation": "ALT", "at_most": "120 U/L", "select": {"mean_of": 2}}, obs(alt(100)), U),
    # windows
    "24 weeks, first day": (SURGERY, had("procedures", surgery("2025-12-15")), T),
    "24 weeks, the day before": (SURGERY, had("procedures", surgery("2025-12-14"), complete=True), F),
    "only a year": (SURGERY, had("procedures", surgery("2025"), complete=True), U),
    "this year is cut off today": (
        {"procedure": "major-surgery", "within": "6 months"}, had("procedures", surgery("2026")), T,
    ),
    "unknown anchor": (
        {"procedure": "major-surgery", "within": "before first_dose"}, had("procedures", surgery("2026-01-01")), U,
    ),
    "unknown anchor in two windows": (
        {"any": [{**SURGERY, "within": "14 days before first_dose"},
                 {"not": {**SURGERY, "within": "28 days before first_dose"}}]},
        had("procedures", surgery("2026-05-10"), complete=True), U,
    ),
    "wider window follows": (
        {"any": [{"not": {**SURGERY, "within": "14 days before first_dose"}},
                 {**SURGERY, "within": "28 days before first_dose"}]},
        had("procedures", surgery("2026-05-10"), complete=True), T,
    ),
    "treatment overlaps": (RITUXIMAB, had("treatments", {**GIVEN, "end": "2025-12-01"}), T),
    "treatment over before": (
        RITUXIMAB,
        had("treatments", {**GIVEN, "end": "2025-11-30"}, complete=True), F,
    ),
    "ongoing runs to today": (RITUXIMAB, had("treatments", {**GIVEN, "status": "ongoing"}), T),
    "missing end": (RITUXIMAB, had("treatments", GIVEN, complete=True), U),
    "a plan does not count as ever": (
        {"treatment": "rituximab"}, had("treatments", {"code": "rituximab", "status": "planned"}, complete=True), F,
    ),
    "a plan counts when asked for": (
        {"procedure": "major-surgery", "status": "planned", "within": "4 weeks after screening"},
        had("procedures", surgery("2026-06-29", "planned")), T,
    ),
    "active for six months": (
        {**LN, "for_at_least": "6 months"}, had("conditions", {**LN_2021, "onset": "2025-12-01"}), T,
    ),
    "active for a day less": (
        {**LN, "for_at_least": "6 months"}, had("conditions", {**LN_2021, "onset": "2025-12-02"}, complete=True), F,
    ),
    "in remission since": (
        {**LN, "for_at_least": "6 months"},
        had("conditions", {**LN_2021, "status": "remission", "abatement": "2026-01-01"}, complete=True), F,
    ),
    # the open world
    "not on file": (LN, {}, U),
    "complete": (LN, had("conditions", complete=True), F),
    "complete through an earlier day": (SURGERY, had("procedures", complete={"through": "2026-05-31"}), U),
    "complete through the end of the window": (
        {**SURGERY, "within": {"from": "12 weeks before screening", "to": "4 weeks before screening"}},
        had("procedures", complete={"through": "2026-05-04"}), F,
    ),
    "complete covers plans": ({"procedure": "major-surgery", "status": "planned"}, had("procedures", complete=True), F),
    "refuted": (LN, had("conditions", REFUTED), F),
    "refuted broader": (LN, had("conditions", {"code": "SLE", "verification": "refuted"}), F),
    "refuted narrower": (SLE, had("conditions", REFUTED), U),
    "refuted until": (LN, had("conditions", {**REFUTED, "date": "2026-05-31"}), U),
    "refuted today": (LN, had("conditions", {**REFUTED, "date": "2026-06-01"}), F),
    "never": ({"treatment": "rituximab"}, had("treatments", {"code": "rituximab", "status": "never"}), F),
    "a dated not-done": (SURGERY, had("procedures", surgery("2026-05-01", "not-done")), U),
    "an undated not-done": (SURGERY, had("procedures", surgery(None, "not-done")), F),
    "narrower record": (SLE, had("conditions", LN_2021), T),
    "broader record": (LN, had("conditions", {"code": "SLE", "status": "active"}, complete=True), U),
    "a code nobody knows": (
        LN, had("conditions", {"code": UNKNOWN_CODE, "status": "active"}, complete=True), U,
    ),
    "provisional": (LN, had("conditions", {**LN_2021, "verification": "provisional"}, complete=True), U),
    "known or suspected": (
        {**LN, "verification": ["confirmed", "provisional"]},
        had("conditions", {**LN_2021, "verification": "provisional"}), T,
    ),
    "confirmed and refuted": (
        LN, had("conditions", LN_2021, REFUTED, complete=True), U,
    ),
    "confirmed after it was refuted": (
        LN, had("conditions", LN_2021, {**REFUTED, "date": "2020"}), T,
    ),
    "status missing": (SURGERY, had("procedures", surgery("2026-05-01", None), complete=True), U),
    "another status": (
        {**LN, "status": "active"}, had("conditions", {**LN_2021, "status": "resolved"}, complete=True), F,
    ),
    "excepted": (
        MALIGNANCY_BUT, had("conditions", {"code": "basal-cell-carcinoma", "status": "active"}, complete=True), F,
    ),
    "not excepted": (MALIGNANCY_BUT, had("conditions", {"code": "malignancy", "status": "active"}, complete=True), U),
    "perhaps excepted": (
        {"condition": "malignancy", "except": [{"condition": "basal-cell-carcinoma", "status": "resolved"}]},
        had("conditions", {"code": "basal-cell-carcinoma"}, complete=True), U,
    ),
    "severity": (
        SEVERE, had("allergies", MILD, complete=True), F,
    ),
    "severity not written": (SEVERE, had("allergies", {"code": "albumin"}, complete=True), U),
}  # fmt: skip


@pytest.mark.parametrize(("condition", "candidate", "expected"), CASES.values(), ids=CASES.keys())
def test_expectations(condition: dict[str, Any], candidate: dict[str, Any], expected: set[bool]) -> None:
    assert outcomes(condition, candidate, ON) == expected


def test_unless_spares_under_exclusion() -> None:
    condition = {**POSITIVE, "unless": {"answer": "q"}}
    candidate = {**obs(hbsag("positive")), "answers": {"q": True}}
    assert outcomes(condition, candidate, ON, exclusion=True) == F


def test_options_of_a_question() -> None:
    condition = {"any": [{"answer": "q", "equals": "early"}, {"answer": "q", "equals": "late"}]}
    assert outcomes(condition, {}, ON, options={"q": ["early", "late"]}) == T


def test_too_many_completions_are_refused() -> None:
    candidate = obs(*(alt("20-400", None, None) for _ in range(6)))
    with pytest.raises(TooManyError):
        outcomes({**ALT3, "select": "highest"}, candidate, ON)


def test_pairs_are_the_same_for_the_same_seed() -> None:
    assert pair(7) == pair(7)
    assert pair(7).day in SCREENING_DAYS


def test_a_third_of_the_pairs_repeat_facts() -> None:
    assert sum(pair(seed).facts_repeat() for seed in range(300)) > 100
