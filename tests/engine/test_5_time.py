"""Chapter 5 of the semantics: the screening day, anchors, windows, ages and durations."""

# ruff: noqa: E501 (tables with a case a line)
from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.engine.helper import ON, ask, observation, result, truth

SURGERY = {"procedure": "major-surgery", "within": "24 weeks"}


def surgery(day: str, status: str = "completed", **more: Any) -> dict[str, Any]:
    record = {"code": "major-surgery", "date": day, "status": status}
    return {"procedures": [record], "complete": {"procedures": True}, **more}


def test_the_screening_day_is_the_one_given() -> None:
    adult = {"age": {"at_least": "18 years"}}
    assert truth(adult, {"birth_date": "2008-06-02"}, on=date(2026, 6, 1)) is False
    assert truth(adult, {"birth_date": "2008-06-02"}, on=date(2026, 6, 2)) is True


# --- anchors ----------------------------------------------------------------------------------------------------

BEFORE_DOSE = {"procedure": "major-surgery", "within": "14 days before first_dose"}


@pytest.mark.parametrize(
    ("anchor", "expected"),
    [("2026-05-20", True), ("2026-05-24", True), ("2026-05-25", False), ("2026-05", None), ("2026-05-09", False), (None, None)],
)  # fmt: skip
def test_anchors_are_dated_by_the_profile(anchor: str | None, expected: bool | None) -> None:
    anchors: dict[str, Any] = {} if anchor is None else {"anchors": {"first_dose": anchor}}
    found = ask(BEFORE_DOSE, surgery("2026-05-10", **anchors))
    assert found.condition is expected
    if expected is None:
        assert "anchor:first_dose" in found.missing


def test_what_does_not_depend_on_the_unknown_day_is_still_decided() -> None:
    either = {"any": [BEFORE_DOSE, {"sex": "female"}]}
    assert truth(either, surgery("2026-05-10", sex="female")) is True
    # whatever the day is, no surgery of a complete and empty list was done before it
    assert truth(BEFORE_DOSE, {"complete": {"procedures": True}}) is False


def test_an_age_on_an_anchor() -> None:
    adult = {"age": {"at_least": "18 years"}, "on": "enrolment"}
    born = {"birth_date": "2008-06-10"}
    assert truth(adult, born) is None
    assert truth(adult, {**born, "anchors": {"enrolment": "2026-06-10"}}) is True
    assert truth(adult, {**born, "anchors": {"enrolment": "2026-06-09"}}) is False
    assert truth(adult, {**born, "anchors": {"enrolment": "2026-06"}}) is None


# --- windows ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "first"),
    [
        ("24 weeks", date(2025, 12, 15)),
        ("28 days", date(2026, 5, 4)),
        ("6 months", date(2025, 12, 1)),
        ("1 year", date(2025, 6, 1)),
        ("24 weeks before screening", date(2025, 12, 15)),
        ({"from": "24 weeks before screening", "to": "screening"}, date(2025, 12, 15)),
        ({"from": "24 weeks before screening"}, date(2025, 12, 15)),
    ],
)
def test_both_ends_of_a_window_are_in_it(window: Any, first: date) -> None:
    condition = {**SURGERY, "within": window}
    assert truth(condition, surgery(first.isoformat())) is True
    assert truth(condition, surgery((first - timedelta(days=1)).isoformat())) is False
    assert truth(condition, surgery(ON.isoformat())) is True


def test_an_exclusion_is_clear_the_day_after_its_time_has_passed() -> None:
    day = date(2026, 6, 1) + timedelta(weeks=24)
    assert ask(SURGERY, surgery("2026-06-01"), on=day, excludes=True).status == "failed"
    assert ask(SURGERY, surgery("2026-06-01"), on=day + timedelta(days=1), excludes=True).status == "met"


def test_the_part_of_a_window_after_the_screening_day_sees_plans_only() -> None:
    window = {"from": "4 weeks before screening", "to": "4 weeks after screening"}
    done = {"procedure": "major-surgery", "within": window}
    planned = {**done, "status": ["completed", "planned"]}
    assert truth(done, surgery("2026-06-20")) is False
    assert truth(done, surgery("2026-06-20", "planned")) is False
    assert truth(planned, surgery("2026-06-20", "planned")) is True
    assert truth(planned, surgery("2026-06-30", "planned")) is False
    assert truth(planned, surgery("2026-06", "planned")) is None


def test_an_undated_plan_is_of_any_later_day() -> None:
    plan = {"procedures": [{"code": "major-surgery", "status": "planned"}], "complete": {"procedures": True}}
    planned = {"procedure": "major-surgery", "status": "planned"}
    assert truth(planned, plan) is True
    assert truth({**planned, "within": "4 weeks after screening"}, plan) is None
    assert truth({**planned, "within": "4 weeks"}, plan) is None  # it may be of this very day
    assert truth({**planned, "within": {"to": "1 day before screening"}}, plan) is False


@pytest.mark.parametrize(
    ("on", "first"),
    [(date(2026, 3, 31), "2026-02-28"), (date(2024, 3, 31), "2024-02-29"), (date(2026, 3, 28), "2026-02-28"), (date(2026, 5, 31), "2026-04-30")],
)  # fmt: skip
def test_months_are_calendar_ones_and_end_with_the_month(on: date, first: str) -> None:
    month = {**SURGERY, "within": "1 month"}
    assert truth(month, surgery(first), on=on) is True
    before = (date.fromisoformat(first) - timedelta(days=1)).isoformat()
    assert truth(month, surgery(before), on=on) is False


def test_windows_in_hours_see_days_as_intervals_of_a_day() -> None:
    day = {"observation": "ALT", "at_most": "100 U/L", "within": "48 hours"}
    # from the midnight that begins 30 May to the last instant of 1 June, as the screening itself is a whole day
    assert truth(day, result("ALT", 30, "U/L", date="2026-05-31")) is True
    assert truth(day, result("ALT", 30, "U/L", date="2026-05-28")) is None
    hours = {"observation": "ALT", "at_most": "100 U/L", "within": "24 hours before first_dose"}
    anchored = {"anchors": {"first_dose": "2026-05-20T12:00"}}
    assert truth(hours, {**result("ALT", 30, "U/L", date="2026-05-20T08:00"), **anchored}) is True
    assert truth(hours, {**result("ALT", 30, "U/L", date="2026-05-19"), **anchored}) is None
    assert truth(hours, {**result("ALT", 30, "U/L", date="2026-05-19T11:00"), **anchored}) is None


# --- ages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("birth", "on", "age", "expected"),
    [
        ("1960-06-02", ON, {"between": ["18 years", "65 years"]}, True),  # 65, one day before 66
        ("1960-06-01", ON, {"between": ["18 years", "65 years"]}, False),
        ("2008-06-01", ON, {"at_least": "18 years"}, True),
        ("2008-06-02", ON, {"at_least": "18 years"}, False),
        ("2007-06-02", ON, {"above": "18 years"}, False),  # above 18 is at least 19
        ("2007-06-01", ON, {"above": "18 years"}, True),
        ("2008-02-29", date(2026, 2, 28), {"at_least": "18 years"}, True),
        ("2008-02-29", date(2026, 2, 27), {"at_least": "18 years"}, False),
        ("2008-06-02", ON, {"below": "18 years"}, True),
        ("2026-01-31", date(2026, 2, 28), {"at_least": "1 month"}, True),
        ("2026-05-18", ON, {"at_least": "2 weeks"}, True),
        ("2026-05-19", ON, {"at_least": "2 weeks"}, False),
    ],
)
def test_age_is_completed_units(birth: str, on: date, age: dict[str, Any], expected: bool) -> None:
    assert truth({"age": age}, {"birth_date": birth}, on=on) is expected


@pytest.mark.parametrize(
    ("age", "expected"),
    [({"at_least": "41 years"}, True), ({"at_least": "42 years"}, None), ({"at_most": "42 years"}, True)],
)
def test_an_age_instead_of_a_birth_date(age: dict[str, str], expected: bool | None) -> None:
    assert truth({"age": age}, {"age": {"value": 41, "on": "2026-05-20"}}) is expected


# --- conditions and treatments over time --------------------------------------------------------------------------

WITHIN = {"treatment": "rituximab", "within": "24 weeks"}


def treated(**record: Any) -> dict[str, Any]:
    return {"treatments": [{"code": "rituximab", **record}], "complete": {"treatments": True}}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"start": "2025-01-01", "end": "2025-12-15", "status": "completed"}, True),
        ({"start": "2025-01-01", "end": "2025-12-14", "status": "completed"}, False),
        ({"start": "2020-01-01", "status": "ongoing"}, True),
        ({"status": "ongoing"}, True),
        ({"start": "2020-01-01", "status": "completed"}, None),  # the end is missing: any day from the start
        ({"start": "2026-01-01", "status": "completed"}, True),
        ({"start": "2020-01-01", "end": "2025", "status": "completed"}, None),
        ({"start": "2025-12", "end": "2026-01", "status": "completed"}, True),
        ({"start": "2020-01-01"}, None),
    ],
)
def test_a_treatments_time_overlaps_the_window(record: dict[str, Any], expected: bool | None) -> None:
    assert truth(WITHIN, treated(**record)) is expected


def test_a_missing_end_is_asked_for() -> None:
    found = ask(WITHIN, treated(start="2020-01-01", status="completed"))
    assert found.missing == ("treatment:rituximab#end",)


def test_events_of_a_moment_count_by_their_day() -> None:
    stroke = {"condition": "stroke", "within": "6 months"}
    everything = {"complete": {"conditions": True}}
    assert (
        truth(stroke, {"conditions": [{"code": "stroke", "onset": "2025-11-30", "status": "active"}], **everything})
        is False
    )
    assert truth(stroke, {"conditions": [{"code": "stroke", "onset": "2025-12-01"}], **everything}) is True
    lasting = {"condition": "SLE", "within": "6 months"}
    assert (
        truth(lasting, {"conditions": [{"code": "SLE", "onset": "2025-11-30", "status": "active"}], **everything})
        is True
    )


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"status": "active", "onset": "2025-06-01"}, True),
        ({"status": "active", "onset": "2025-06-02"}, False),
        ({"status": "active", "onset": "2025"}, None),
        ({"status": "active", "onset": "2024"}, True),
        ({"status": "active"}, None),
        ({"status": "remission", "onset": "2010", "abatement": "2025-06-01"}, True),
        ({"status": "remission", "onset": "2010", "abatement": "2025-06-02"}, False),
        ({"status": "resolved", "onset": "2010", "abatement": "2026-01"}, False),
        ({"status": "resolved", "onset": "2026-01"}, False),  # over no longer than it has been
        ({"status": "resolved", "onset": "2010"}, None),
        ({"onset": "2026-01", "abatement": "2026-02"}, False),
    ],
)
def test_for_at_least_runs_from_onset_or_abatement(record: dict[str, Any], expected: bool | None) -> None:
    condition = {"condition": "SLE", "for_at_least": "1 year"}
    given = {"conditions": [{"code": "SLE", **record}], "complete": {"conditions": True}}
    assert truth(condition, given) is expected


def test_for_at_least_at_an_anchor_and_in_hours() -> None:
    condition = {"condition": "SLE", "status": "active", "for_at_least": "1 month", "at": "enrolment"}
    active = {
        "conditions": [{"code": "SLE", "status": "active", "onset": "2026-05-31"}],
        "complete": {"conditions": True},
    }
    assert truth(condition, active) is None
    assert truth(condition, {**active, "anchors": {"enrolment": "2026-06-30"}}) is True
    assert truth(condition, {**active, "anchors": {"enrolment": "2026-06-29"}}) is False
    hours = {"condition": "SLE", "status": "active", "for_at_least": "24 hours"}
    assert truth(hours, active) is None
    assert truth(hours, {**active, "conditions": [{"code": "SLE", "status": "active", "onset": "2026-05-30"}]}) is True


def test_status_options_take_one_or_several() -> None:
    ended = {"conditions": [{"code": "SLE", "status": "resolved"}], "complete": {"conditions": True}}
    assert truth({"condition": "SLE", "status": "active"}, ended) is False
    assert truth({"condition": "SLE", "status": ["active", "resolved"]}, ended) is True
    assert truth({"condition": "SLE", "status": "ever"}, ended) is True
    planned = {"treatments": [{"code": "rituximab", "status": "planned"}], "complete": {"treatments": True}}
    assert truth({"treatment": "rituximab"}, planned) is False  # ever leaves out what is planned
    assert truth({"treatment": "rituximab", "status": "planned"}, planned) is True


def test_partial_results_within_windows_that_end_before_the_screening_day() -> None:
    earlier = {
        "observation": "ALT",
        "at_most": "100 U/L",
        "within": {"from": "8 weeks before screening", "to": "4 weeks before screening"},
    }
    assert (
        truth(
            earlier,
            {"observations": [observation("ALT", 30, "U/L", date="2026-04-20"), observation("ALT", 300, "U/L")]},
        )
        is True
    )
    assert truth(earlier, result("ALT", 30, "U/L")) is None


def test_windows_in_hours_may_end_before_their_anchor() -> None:
    window = {"from": "72 hours before first_dose", "to": "24 hours before first_dose"}
    condition = {"observation": "ALT", "at_most": "100 U/L", "within": window}
    anchored = {"anchors": {"first_dose": "2026-05-20T12:00"}}
    assert truth(condition, {**result("ALT", 30, "U/L", date="2026-05-18"), **anchored}) is True
    assert truth(condition, {**result("ALT", 30, "U/L", date="2026-05-20"), **anchored}) is None
    assert ask(condition, {**result("ALT", 30, "U/L", date="2026-05-20"), **anchored}).missing == ("observation:ALT",)
