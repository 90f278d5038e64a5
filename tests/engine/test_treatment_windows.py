"""Windows in half-lives, and treatments that are stable."""

from __future__ import annotations

from typing import Any

import pytest

from prescreen.language.model import AnyOf, AtLeastOf, Event
from prescreen.problems import InputRefused
from prescreen.time import day_text, parse_when
from tests.engine.helper import ask, one, truth

EVERYTHING = {"complete": {"treatments": True}}


def given(code: str, start: str, end: str | None = None, **more: Any) -> dict[str, Any]:
    record = {"code": code, "start": start, "status": "completed" if end else "ongoing", **more}
    return record if end is None else {**record, "end": end}


def ended(code: str, days: int) -> dict[str, Any]:
    """A candidate whose only treatment ended so many days before the screening day."""
    end = day_text(parse_when("2026-06-01").first_day - days)
    return {"treatments": [given(code, "2020-01-01", end)], **EVERYTHING}


@pytest.mark.parametrize(
    ("within", "code", "days"),
    [
        ("5 half-lives", "rituximab", 110),  # 22 days each
        ("1 half-life", "belimumab", 20),  # 19.4 days: what is left over counts as a day
        ({"longest": ["30 days", "5 half-lives"]}, "cyclophosphamide", 30),  # 12 hours each
        ({"longest": ["30 days", "5 half-lives"]}, "rituximab", 110),
        ({"shortest": ["30 days", "5 half-lives"]}, "rituximab", 30),
        ({"shortest": ["30 days", "5 half-lives"]}, "cyclophosphamide", 3),
        ({"longest": ["3 months", "4 half-lives"]}, "rituximab", 92),  # March, April, May: longer than 88 days
        ({"shortest": ["3 months", "4 half-lives"]}, "rituximab", 88),
        ({"longest": ["1 week", "5 half-lives before screening"]}, "rituximab", 110),
    ],
)
def test_each_drug_has_a_window_of_its_own(within: object, code: str, days: int) -> None:
    leaf = {"treatment": ["rituximab", "belimumab", "cyclophosphamide"], "within": within}
    assert truth(leaf, ended(code, days)) is True
    assert truth(leaf, ended(code, days + 1)) is False


def test_half_lives_before_an_anchor() -> None:
    leaf = {"treatment": "rituximab", "within": {"longest": ["30 days before first_dose", "5 half-lives"]}}
    candidate = {"treatments": [given("rituximab", "2026-01-01", "2026-02-20")], **EVERYTHING}
    assert truth(leaf, {**candidate, "anchors": {"first_dose": "2026-06-10"}}) is True
    assert truth(leaf, {**candidate, "anchors": {"first_dose": "2026-06-11"}}) is False
    assert truth({**leaf, "within": "5 half-lives before first_dose"}, candidate) is None


def test_codes_of_one_window_are_one_leaf() -> None:
    leaf = {"treatment": ["semaglutide", "cyclophosphamide"], "within": {"longest": ["60 days", "5 half-lives"]}}
    assert isinstance(one(leaf).criteria[0].condition, Event)
    assert isinstance(one({**leaf, "within": "5 half-lives"}).criteria[0].condition, AnyOf)
    assert isinstance(one({**leaf, "within": "5 half-lives", "count": {"above": 1}}).criteria[0].condition, AtLeastOf)
    two = {**leaf, "within": "5 half-lives", "count": {"between": [1, 1]}}
    candidate = {"treatments": [given("semaglutide", "2026-01-01", "2026-05-20")], **EVERYTHING}
    assert truth(two, candidate) is True
    both = [*candidate["treatments"], given("cyclophosphamide", "2026-05-31")]
    assert truth(two, {**candidate, "treatments": both}) is False


def test_half_lives_of_exceptions() -> None:
    leaf = {
        "treatment": "immunosuppressant",
        "except": [
            {"treatment": ["rituximab", "cyclophosphamide"], "within": {"longest": ["3 months", "4 half-lives"]}}
        ],
    }
    assert truth(leaf, ended("rituximab", 92)) is False
    assert truth(leaf, ended("rituximab", 93)) is True


STABLE = {"treatment": "RAAS-inhibitor", "stable_for": "12 weeks"}
SINCE_JANUARY = given("lisinopril", "2026-01-01")


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([SINCE_JANUARY], True),
        ([given("lisinopril", "2026-03-09")], True),  # twelve weeks to the day
        ([given("lisinopril", "2026-03-10")], False),
        ([], False),
        ([given("lisinopril", "2026-01-01", "2026-05-31")], False),
        ([SINCE_JANUARY, given("losartan", "2026-05-01")], False),
        ([SINCE_JANUARY, given("losartan", "2025-01-01", "2026-03-09")], True),
        ([SINCE_JANUARY, given("losartan", "2025-01-01", "2026-03-10")], False),
        ([SINCE_JANUARY, given("losartan", "2025-01-01")], True),  # two that both go on
        ([SINCE_JANUARY, given("losartan", "2026-03")], None),
    ],
)
def test_stable_is_ongoing_with_nothing_begun_or_ended_since(
    records: list[dict[str, Any]], expected: bool | None
) -> None:
    assert truth(STABLE, {"treatments": records, **EVERYTHING}) is expected


def test_an_unrecorded_change_is_possible_until_the_list_is_complete() -> None:
    assert truth(STABLE, {"treatments": [SINCE_JANUARY]}) is None
    assert ask(STABLE, {"treatments": [SINCE_JANUARY]}).missing == (
        "treatment:RAAS-inhibitor",
        "complete:treatments",
    )


def test_stable_at_an_anchor_and_at_a_dose() -> None:
    leaf = {**STABLE, "at": "first_dose"}
    candidate = {"treatments": [given("lisinopril", "2026-03-12")], **EVERYTHING}
    assert truth(leaf, {**candidate, "anchors": {"first_dose": "2026-06-04"}}) is True
    assert truth(leaf, {**candidate, "anchors": {"first_dose": "2026-06-03"}}) is False
    assert truth(leaf, candidate) is None
    dosed = {**STABLE, "daily_dose": {"at_least": "10 mg/day"}}
    for dose, expected in ((10, True), (5, False)):
        record = {**SINCE_JANUARY, "daily_dose": {"value": dose, "unit": "mg/day"}}
        assert truth(dosed, {"treatments": [record], **EVERYTHING}) is expected


def test_when_it_will_be_stable() -> None:
    report = ask(STABLE, {"treatments": [given("lisinopril", "2026-05-01")], **EVERYTHING})
    assert (report.condition, report.turns_on) == (False, "2026-07-24")


def test_a_window_of_the_beginning() -> None:
    begun = {"treatment": "luspatercept", "within": "6 months", "by": "start"}
    assert truth(begun, {"treatments": [given("luspatercept", "2025-12-01")], **EVERYTHING}) is True
    assert truth(begun, {"treatments": [given("luspatercept", "2025-11-30")], **EVERYTHING}) is False
    assert truth(begun, {"treatments": [given("luspatercept", "2025")], **EVERYTHING}) is None
    new = {"condition": "malignancy", "within": "6 months", "by": "start"}
    old = {"code": "malignancy", "status": "active", "onset": "2020"}
    assert truth(new, {"conditions": [old], "complete": {"conditions": True}}) is False
    report = ask(begun, {"treatments": [given("luspatercept", "2026-01-05")]})
    assert report.explanation.requirement == "luspatercept begun within 6 months before screening"
    assert report.turns_on == "2026-07-06"


def test_how_long_it_lasted() -> None:
    long = {"treatment": "prednisone", "within": "3 months", "duration": {"above": "14 days"}}
    for end, expected in (("2026-05-15", False), ("2026-05-16", True), ("2026-05", None)):
        assert truth(long, {"treatments": [given("prednisone", "2026-05-01", end)], **EVERYTHING}) is expected
    ongoing = ask(long, {"treatments": [given("prednisone", "2026-05-20")], **EVERYTHING})
    assert (ongoing.condition, ongoing.turns_on) == (False, "2026-06-04")
    assert ongoing.explanation.requirement == "prednisone lasting above 14 days within 3 months before screening"
    hours = {"treatment": "prednisone", "duration": {"at_most": "48 hours"}}
    assert truth(hours, {"treatments": [given("prednisone", "2026-05-20", "2026-05-21")], **EVERYTHING}) is True
    assert truth(hours, {"treatments": [given("prednisone", "2026-05-20", "2026-05-22")], **EVERYTHING}) is None
    assert truth(hours, {"treatments": [given("prednisone", "2026-05-20", "2026-05-23")], **EVERYTHING}) is False
    vague = ask({**long, "duration": {"below": "14 days"}}, {"treatments": [given("prednisone", "2026-01-01", "2026")]})
    assert (vague.condition, vague.exact) == (None, False)
    with pytest.raises(InputRefused, match="lasts no time"):
        one({"condition": "stroke", "duration": {"at_least": "1 day"}})
    through = {"complete": {"treatments": {"through": "2026-05-17"}}}
    assert truth({"treatment": "prednisone", "duration": {"above": "14 days"}}, through) is False
    assert truth({"treatment": "prednisone", "duration": {"above": "15 days"}}, through) is False
    assert truth({"treatment": "prednisone", "duration": {"above": "13 days"}}, through) is None
