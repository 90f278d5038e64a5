"""Rows read into candidates: what is whole comes through, what is bad is listed and leaves open what it may say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from prescreen import load_trial, statuses
from prescreen.candidate.leftopen import NO_ANSWER, UNREADABLE
from prescreen.candidate.read import parse_candidate
from prescreen.catalogue import bundled_catalogue
from prescreen.problems import InputRefused
from prescreen.tables import Row, TableCandidate, read_rows
from prescreen.tables.reading import MAX_ROWS

ON = date(2026, 6, 1)
Rows = dict[str, Sequence[dict[str, str | None]]]


def read(rows: Rows, day: int | None = None) -> TableCandidate:
    made = {table: [Row(number, cells) for number, cells in enumerate(some, 1)] for table, some in rows.items()}
    return read_rows("C-1", made, bundled_catalogue(), day)


def decided(condition: dict[str, Any], rows: Rows, anchors: dict[str, str] | None = None) -> str:
    """The status of an inclusion criterion."""
    trial = load_trial(
        {
            "schema": "prescreen/trial/1",
            "id": "T",
            "title": "t",
            "source": {"document": "none", "complete": True},
            "results_within": "any",
            "anchors": {"enrolment": "the day of enrolment"},
            "questions": {"stage": {"ask": "investigator", "text": "?", "options": ["early", "late"]},
                          "well": {"ask": "investigator", "text": "?"}},
            "criteria": [{"id": "C", "text": "t", "include_if": condition}],
        }
    )  # fmt: skip
    return statuses(trial, read(rows).candidate, on=ON)["C"]


ALT = {"code": "ALT", "value": "30", "unit": "U/L", "high": "40", "date": "2026-05-20"}
LOW_ALT = {"observation": "ALT", "at_most": "3 ULN"}
SLE = {"code": "SLE", "status": "active", "onset": "2020-03-01"}
ALL_CONDITIONS = [{"domain": "conditions", "through": "true"}]
ALL_TREATMENTS = [{"domain": "treatments", "through": "true"}]
ALL_PROCEDURES = [{"domain": "procedures", "through": "true"}]


def test_rows_become_the_profile_that_json_would() -> None:
    found = read(
        {
            "persons": [{"birth_date": "1984-07", "sex": "female"}],
            "observations": [
                {"system": "loinc", "code": "1742-6", "value": "92.50", "unit": "U/L", "low": "5", "high": "40",
                 "range_unit": "IU/L", "date": "2026-05-20", "verification": "confirmed"},
                {"code": "HBV-DNA", "value": "<20", "unit": "[IU]/mL", "detection_limit": "20"},
                {"code": "HBsAg", "value": "negative", "date": "2026-05-20T08:30"},
            ],
            "treatments": [
                {"code": "rituximab", "start": "2025-01", "end": "2025-03-10", "status": "completed",
                 "dose_value": "1000", "dose_unit": "mg", "route": "intravenous", "for": "lupus-nephritis"},
            ],
            "answers": [{"trial": "NCT07535138", "question": "informed-consent", "value": "TRUE"},
                        {"question": "stage", "value": "early"}],
            "anchors": [{"anchor": "enrolment", "date": "2026-06-10"}],
            "complete": [{"domain": "procedures", "through": "2026-05-31", "systems": "snomed; icd-10-cm"},
                         {"domain": "allergies", "through": "true"}],
        }
    )  # fmt: skip
    assert found.issues == ()
    assert found.candidate.profile == parse_candidate(
        """{"id": "C-1", "birth_date": "1984-07", "sex": "female",
        "observations": [
            {"code": {"system": "loinc", "code": "1742-6"}, "value": 92.50, "unit": "U/L", "date": "2026-05-20",
             "reference_range": {"low": 5, "high": 40, "unit": "IU/L"}},
            {"code": "HBV-DNA", "value": "<20", "unit": "[IU]/mL", "detection_limit": 20},
            {"code": "HBsAg", "value": "negative", "date": "2026-05-20T08:30"}],
        "treatments": [{"code": "rituximab", "start": "2025-01", "end": "2025-03-10", "status": "completed",
                        "dose": {"value": 1000, "unit": "mg"}, "route": "intravenous", "for": "lupus-nephritis"}],
        "answers": {"NCT07535138:informed-consent": true, "stage": "early"},
        "anchors": {"enrolment": "2026-06-10"},
        "complete": {"procedures": {"through": "2026-05-31", "systems": ["snomed", "icd-10-cm"]}, "allergies": true}}"""
    )


@pytest.mark.parametrize(
    "spoiled",
    [
        {"value": "pending"}, {"value": "1,5"}, {"value": "-3"}, {"value": "NaN"}, {"value": "3\x07"},
        {"high": "n/a"}, {"low": "50"}, {"high": "-4"}, {"detection_limit": "few"}, {"unit": "U/L\x00"},
        {"date": "20.05.2026"}, {"date": "2026-13-01"}, {"verification": "final"}, {"code": "ALTT"}, {"code": None},
        {"system": "our lab"},
    ],
)  # fmt: skip
def test_a_bad_result_is_listed_and_may_be_the_latest(spoiled: dict[str, str | None]) -> None:
    rows: Rows = {"observations": [{**ALT, "date": "2026-05-01"}, {**ALT, **spoiled}]}
    found = read(rows)
    assert [(issue.table, issue.row) for issue in found.issues] == [("observations", 2)]
    assert found.issues[0].as_issue() in found.candidate.facts(bundled_catalogue()).issues
    assert decided(LOW_ALT, {"observations": [ALT]}) == "met"
    assert decided(LOW_ALT, rows) == "undetermined"


@pytest.mark.parametrize("harmless", [{"value": None}, {"verification": "refuted"}])
def test_what_is_no_result_stays_none_whatever_else_is_bad(harmless: dict[str, str | None]) -> None:
    rows: Rows = {"observations": [ALT, {**ALT, **harmless, "date": "never", "code": "ALT"}]}
    assert [issue.row for issue in read(rows).issues] == [2]
    assert decided(LOW_ALT, rows) == "met"


def test_a_bad_result_touches_no_other_observation() -> None:
    rows: Rows = {"observations": [ALT, {**ALT, "code": "AST", "value": "?"}]}
    assert decided(LOW_ALT, rows) == "met"
    assert decided({"observation": "AST", "at_most": "3 ULN"}, rows) == "undetermined"


def test_a_bad_value_of_an_earlier_day_decides_nothing_only_on_that_day() -> None:
    assert decided(LOW_ALT, {"observations": [{**ALT, "value": "pending", "date": "2026-05-01"}, ALT]}) == "met"


def test_an_unlisted_code_of_a_system_is_no_bad_row() -> None:
    found = read({"observations": [{**ALT, "system": "loinc", "code": "33037-3"}, ALT]})
    assert found.issues == ()
    assert [issue.code for issue in found.candidate.facts(bundled_catalogue()).issues] == ["unmapped-code"]


def test_many_results_without_a_code_do_not_fill_the_memory() -> None:
    rows: Rows = {"observations": [{**ALT, "code": f"local {number}"} for number in range(400)]}
    found = read(rows)
    assert len(found.issues) == 400
    assert len(found.candidate.profile.observations) == 100 * len(bundled_catalogue().observations)
    assert decided(LOW_ALT, {"observations": [ALT, *rows["observations"]]}) == "undetermined"


@pytest.mark.parametrize(
    ("spoiled", "asked"),
    [
        ({"code": "SLEE"}, {"condition": "SLE"}),
        ({"code": "SLEE"}, {"condition": "malignancy"}),
        ({"system": "ours", "code": "17"}, {"condition": "malignancy"}),
        ({"status": "chronic"}, {"condition": "SLE", "status": "active"}),
        ({"onset": "long ago"}, {"condition": "SLE", "within": "1 year", "by": "start"}),
        ({"abatement": "soon"}, {"condition": "SLE", "status": "active"}),
        ({"onset": "2025-01-01", "abatement": "2024-01-01"}, {"condition": "SLE", "status": "active"}),
        ({"verification": "likely"}, {"condition": "SLE"}),
        ({"verification": "likely"}, {"condition": "SLE", "verification": ["confirmed", "provisional"]}),
        ({"severity": "se\x00vere"}, {"condition": "SLE", "severity": "severe"}),
    ],
)
def test_a_bad_condition_leaves_open_what_it_may_say(spoiled: dict[str, str | None], asked: dict[str, Any]) -> None:
    rows: Rows = {"conditions": [{**SLE, **spoiled}], "complete": ALL_CONDITIONS}
    assert [issue.table for issue in read(rows).issues] == ["conditions"]
    assert decided(asked, rows) == "undetermined"


def test_a_bad_date_leaves_what_does_not_rest_on_it() -> None:
    assert decided({"condition": "SLE"}, {"conditions": [{**SLE, "onset": "long ago"}]}) == "met"


def test_a_bad_row_leaves_other_concepts_of_a_complete_list_alone() -> None:
    rows: Rows = {"conditions": [{**SLE, "verification": "likely"}], "complete": ALL_CONDITIONS}
    assert decided({"condition": "malignancy"}, rows) == "failed"


@pytest.mark.parametrize(
    "spoiled",
    [
        {"verification": "likely"},
        {"verification": "refuted", "onset": "then"},
        {"verification": "refuted", "code": "lupus??"},
        {"verification": "likely", "code": None},
    ],
)
def test_what_may_deny_and_cannot_be_read_contradicts_what_says_so(spoiled: dict[str, str | None]) -> None:
    rows: Rows = {"conditions": [SLE, {**SLE, **spoiled}]}
    assert decided({"condition": "SLE"}, {"conditions": [SLE]}) == "met"
    assert decided({"condition": "SLE"}, rows) == "undetermined"


@pytest.mark.parametrize("status", ["stopped", "nevr"])
def test_a_treatment_of_unreadable_status_may_be_denied(status: str) -> None:
    given = {"code": "rituximab", "start": "2025-01-10", "status": status}
    for asked in ({"treatment": "rituximab"}, {"treatment": "rituximab", "status": "planned"}):
        assert decided(asked, {"treatments": [given], "complete": ALL_TREATMENTS}) == "undetermined"


@pytest.mark.parametrize(
    ("spoiled", "asked"),
    [
        ({"start": "last spring"}, {"treatment": "rituximab", "within": "2 years", "by": "start"}),
        ({"end": "?"}, {"treatment": "rituximab", "within": "24 weeks"}),
        ({"dose_value": "a lot", "dose_unit": "mg"}, {"treatment": "rituximab", "dose": {"at_least": "500 mg"}}),
        ({"dose_value": "-5", "dose_unit": "mg"}, {"treatment": "rituximab", "dose": {"at_most": "500 mg"}}),
        ({"dose_value": "500"}, {"treatment": "rituximab", "dose": {"at_least": "500 mg"}}),
        ({"for": "lupus-nefritis"}, {"treatment": "rituximab", "for": "lupus-nephritis"}),
        ({"status": "never", "end": "?"}, {"treatment": "rituximab"}),
    ],
)
def test_a_bad_treatment_leaves_open_what_it_may_say(spoiled: dict[str, str | None], asked: dict[str, Any]) -> None:
    row = {"code": "rituximab", "start": "2025-01-10", "end": "2025-03-10", "status": "completed", **spoiled}
    rows: Rows = {"treatments": [row], "complete": ALL_TREATMENTS}
    assert [issue.table for issue in read(rows).issues] == ["treatments"]
    assert decided(asked, rows) == "undetermined"


LONG_AGO = {"code": "major-surgery", "date": "2024-01-10", "status": "completed"}


@pytest.mark.parametrize(
    ("spoiled", "within"),
    [({"date": "May"}, "24 weeks"), ({"status": "done"}, "5 years"), ({"code": "surgery??"}, "5 years"),
     ({"status": "not done", "date": "?"}, "24 weeks")],
)  # fmt: skip
def test_a_bad_procedure_leaves_open_what_it_may_say(spoiled: dict[str, str | None], within: str) -> None:
    asked = {"procedure": "major-surgery", "within": within}
    expected = "failed" if within == "24 weeks" else "met"
    assert decided(asked, {"procedures": [LONG_AGO], "complete": ALL_PROCEDURES}) == expected
    assert decided(asked, {"procedures": [{**LONG_AGO, **spoiled}], "complete": ALL_PROCEDURES}) == "undetermined"


def test_persons_who_contradict_themselves_are_not_known() -> None:
    found = read({"persons": [{"birth_date": "1980-01-01", "sex": "female"}, {"birth_date": "1990-01-01", "sex": "F"}]})
    assert found.candidate.profile.birth_date is None
    assert found.candidate.profile.sex == "female"
    assert sorted(issue.code for issue in found.issues) == ["conflict", "wrong-value"]
    same = read({"persons": [{"birth_date": "1980-01-01"}, {"birth_date": "1980-01-01", "sex": None}]})
    assert (same.candidate.profile.birth_date, same.issues) == ("1980-01-01", ())


def test_a_birth_after_the_screening_day_is_not_known() -> None:
    found = read({"persons": [{"birth_date": "2027-01-01"}]}, ON.toordinal())
    assert found.candidate.profile.birth_date is None
    assert [issue.code for issue in found.issues] == ["future-birth"]


@pytest.mark.parametrize("age", [{"age": "41"}, {"age": "forty", "age_on": "2026"}, {"age": "400", "age_on": "2026"}])
def test_an_age_needs_a_day_and_a_number(age: dict[str, str | None]) -> None:
    found = read({"persons": [age]})
    assert found.candidate.profile.age is None
    assert len(found.issues) == 1
    assert read({"persons": [{"age": "41", "age_on": "2026"}]}).candidate.profile.age is not None


def test_answers_that_contradict_each_other_decide_nothing() -> None:
    yes, no = {"question": "well", "value": "true"}, {"question": "well", "value": "false"}
    assert decided({"answer": "well"}, {"answers": [yes, yes]}) == "met"
    assert decided({"answer": "well"}, {"answers": [yes, no]}) == "undetermined"
    assert decided({"answer": "well"}, {"answers": [no, {**yes, "value": None}]}) == "failed"
    assert decided({"answer": "well"}, {"answers": [yes, {"trial": "T", "question": "well", "value": "f\x00"}]}) == (
        "undetermined"
    )
    found = read({"answers": [yes, no, {"value": "true"}]})
    assert found.candidate.profile.answers == {"well": NO_ANSWER}
    assert [issue.code for issue in found.issues] == ["conflict", "bad-entry"]


def test_days_of_one_anchor_that_differ_are_none() -> None:
    two = [{"anchor": "a", "date": "2026-06-01"}, {"anchor": "a", "date": "2026-06-02"}]
    found = read(
        {"anchors": [*two, {"anchor": "b", "date": "soon"}, {"anchor": "c", "date": "2026"}, {"date": "2026"}]}
    )
    assert found.candidate.profile.anchors == {"c": "2026"}
    assert [issue.row for issue in found.issues] == [2, 3, 5]


@pytest.mark.parametrize(
    ("rows", "expected", "issues"),
    [
        ([{"through": "true"}], True, 0),
        ([{"through": "TRUE", "systems": "snomed"}], {"systems": ("snomed",)}, 0),
        ([{"through": "2026-05"}], {"through": "2026-05"}, 0),
        ([{"through": None}], False, 1),
        ([{"through": "false"}], False, 0),
        ([{"through": "yes"}], False, 1),
        ([{"through": "true", "systems": "snomd"}], {"systems": ()}, 1),
        ([{"through": "true", "systems": "snomed,ours,icd-10-cm"}], {"systems": ("snomed", "icd-10-cm")}, 1),
        ([{"through": "true", "systems": "snomed"}, {"through": "true", "systems": "atc"}],
         {"systems": ("snomed", "atc")}, 0),
        ([{"through": "true", "systems": "snomed"}, {"through": "true"}], True, 0),
        ([{"through": "true"}, {"through": "2026"}], False, 1),
        ([{"through": "true", "domain": "diseases"}], False, 1),
    ],
)  # fmt: skip
def test_declarations_of_completeness(rows: list[dict[str, str | None]], expected: Any, issues: int) -> None:
    found = read({"complete": [{"domain": "conditions", **row} for row in rows]})
    declared = found.candidate.profile.complete.conditions
    plain = declared if isinstance(declared, bool) else declared.model_dump(exclude_none=True)
    assert (plain, len(found.issues)) == (expected, issues)


def test_a_row_that_could_not_be_taken_apart_may_be_anything() -> None:
    rows = {
        "observations": [Row(1, ALT), Row(2, {}, None, "too many cells")],
        "conditions": [Row(1, SLE), Row(2, {}, None, "too many cells")],
        **{name: [Row(1, {}, None, "too many cells")] for name in ("persons", "answers", "anchors", "complete")},
    }
    found = read_rows("C-1", rows, bundled_catalogue())
    assert sorted(issue.table for issue in found.issues) == [
        "anchors", "answers", "complete", "conditions", "observations", "persons",
    ]  # fmt: skip
    assert {record.code for record in found.candidate.profile.observations} >= {"ALT", "AST", "HBsAg"}
    assert found.candidate.profile.conditions[-1].code.system == UNREADABLE  # type: ignore[union-attr]


def test_more_rows_than_a_candidate_can_have_are_refused() -> None:
    with pytest.raises(InputRefused, match="rows of one candidate"):
        read_rows("C-1", {"observations": [Row(1, ALT)] * (MAX_ROWS + 1)}, bundled_catalogue())


@pytest.mark.parametrize("identity", ["", "a\nb", "x" * 300])
def test_an_id_that_is_none_is_refused(identity: str) -> None:
    with pytest.raises(InputRefused, match="is no id"):
        read_rows(identity, {}, bundled_catalogue())


def test_after_many_unknown_names_a_code_of_an_unreadable_system_is_one_more() -> None:
    unknown: list[dict[str, str | None]] = [{"code": f"zz{number}", "value": "1"} for number in range(30)]
    found = read({"observations": [*unknown, {"system": "a\x01", "code": "zz", "value": "1"}]})
    assert len(found.issues) == 31
    assert found.issues[-1].message.startswith("system: text with a control character")
