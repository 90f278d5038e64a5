"""Facts that hang together are told to the solver as such: units, limits, dates, ages, codes and their hierarchy."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import z3
from hypothesis import given
from hypothesis import strategies as st

from prescreen import load_trial
from prescreen.prove import Model, Undecided, find
from prescreen.prove.calendar import MEAN_MONTH, MONTH_MARGIN, days_between_months, days_of_months
from prescreen.time import Span, completed_months, shift_day

QUESTIONS = {"stage": {"ask": "investigator", "text": "Stage?", "options": ["early", "late"]}}
DAYS = st.dates(date(1900, 1, 1), date(2400, 1, 1)).map(date.toordinal)


def trial(*conditions: Any, **top: Any) -> Any:
    content = {
        "schema": "prescreen/trial/1",
        "id": "T",
        "title": "t",
        "source": {"document": "none"},
        "results_within": "28 days",
        "anchors": {"first_dose": "the day of the first dose", "enrolment": "the day of enrolment"},
        "questions": QUESTIONS,
        "criteria": [{"id": f"I{n}", "text": "t", "include_if": each} for n, each in enumerate(conditions)],
    }
    return load_trial({**content, **top})


def implies(one: Any, other: Any) -> bool:
    loaded = trial(one, other)
    model = Model(loaded)
    first, second = map(model.met, loaded.criteria)
    return model.implies(first, second)


ALT = {"observation": "ALT"}
SURGERY = {"procedure": "major-surgery"}
RITUXIMAB = {"treatment": "rituximab"}

IMPLIED = [
    ({"observation": "creatinine", "at_most": "1 mg/dL"}, {"observation": "creatinine", "at_most": "89 umol/L"}),
    ({**ALT, "at_most": "2 ULN"}, {**ALT, "at_most": "3 ULN"}),
    ({**ALT, "below": "1 LLN"}, {**ALT, "at_most": "1 ULN"}),
    ({**ALT, "above": "10 U/L", "select": "lowest"}, {**ALT, "above": "9 U/L", "select": "every"}),
    ({**ALT, "above": "10 U/L"}, {**ALT, "above": "10 U/L", "select": "any"}),
    ({"observation": "HBV-DNA", "above": "1 LLOD"}, {"observation": "HBV-DNA", "detected": True}),
    ({**SURGERY, "within": "4 weeks"}, {**SURGERY, "within": "1 month"}),
    ({**SURGERY, "within": "1 year"}, {**SURGERY, "within": "366 days"}),
    ({**SURGERY, "within": "4 weeks before first_dose"}, {**SURGERY, "within": "1 month before first_dose"}),
    ({**RITUXIMAB, "status": "ongoing"}, {**RITUXIMAB, "within": "24 hours"}),
    ({**RITUXIMAB, "within": "2 months", "by": "start"}, {**RITUXIMAB, "within": "2 months"}),
    (
        {"condition": "SLE", "status": "active", "for_at_least": "3 months"},
        {"condition": "SLE", "status": "active", "for_at_least": "12 weeks"},
    ),
    ({"condition": "lupus-nephritis"}, {"condition": "SLE"}),
    ({"condition": "basal-cell-carcinoma"}, {"condition": ["malignancy", "SLE"]}),
    ({"treatment": "prednisone", "daily_dose": {"above": "10 mg/day"}}, {"treatment": "systemic-corticosteroids"}),
    ({"age": {"at_least": "18 years"}}, {"age": {"at_least": "216 months"}}),
    ({"age": {"at_least": "18 years"}}, {"age": {"at_least": "6573 days"}}),
    ({"answer": "stage", "equals": "early"}, {"not": {"answer": "stage", "equals": "late"}}),
    ({"sex": "female"}, {"not": {"sex": "male"}}),
    ({"observation": "HBsAg", "is": "positive"}, {"observation": "HBsAg", "is_not": "negative"}),
    ({"treatment": ["rituximab", "cyclophosphamide"], "count": {"at_least": 2}}, RITUXIMAB),
    ({**RITUXIMAB, "lines": {"at_least": 2}}, RITUXIMAB),
]  # fmt: skip

NOT_IMPLIED = [
    ({"observation": "creatinine", "at_most": "1 mg/dL"}, {"observation": "creatinine", "at_most": "88 umol/L"}),
    ({**ALT, "at_most": "3 ULN"}, {**ALT, "at_most": "120 U/L"}),
    ({**ALT, "above": "10 U/L", "select": "any"}, {**ALT, "above": "10 U/L"}),
    ({**SURGERY, "within": "30 days"}, {**SURGERY, "within": "1 month"}),
    ({**SURGERY, "within": "1 month"}, {**SURGERY, "within": "30 days"}),
    ({**SURGERY, "within": "4 weeks before first_dose"}, {**SURGERY, "within": "4 weeks before enrolment"}),
    ({**RITUXIMAB, "within": "2 months"}, {**RITUXIMAB, "within": "2 months", "by": "start"}),
    ({"condition": "SLE"}, {"condition": "lupus-nephritis"}),
    ({"condition": "malignancy"}, {"condition": "malignancy", "except": "basal-cell-carcinoma"}),
    ({"age": {"at_least": "18 years"}}, {"age": {"at_least": "18 years"}, "on": "first_dose"}),
    ({"age": {"at_least": "18 years"}}, {"age": {"at_least": "6575 days"}}),
    ({"observation": "HBsAg", "is": "positive"}, {"observation": "HBcAb", "is": "positive"}),
]


@pytest.mark.parametrize(("one", "other"), IMPLIED)
def test_whoever_is_the_one_is_the_other(one: Any, other: Any) -> None:
    assert implies(one, other)


@pytest.mark.parametrize(("one", "other"), NOT_IMPLIED)
def test_the_one_may_be_without_the_other(one: Any, other: Any) -> None:
    assert not implies(one, other)


def test_a_contradiction_is_as_small_as_can_be() -> None:
    loaded = trial({**ALT, "at_most": "3 ULN"}, {"sex": "female"}, {**ALT, "above": "5 ULN"}, {**ALT, "above": "6 ULN"})
    model = Model(loaded)
    formulas = {criterion.id: model.met(criterion) for criterion in loaded.criteria}
    assert model.contradiction(formulas) in (("I0", "I2"), ("I0", "I3"))
    assert model.contradiction({name: formulas[name] for name in ("I1", "I2", "I3")}) == ()


def test_two_versions_of_a_trial_share_their_facts() -> None:
    old, new = trial({**ALT, "at_most": "3 ULN"}), trial({**ALT, "at_most": "2 ULN"})
    model = Model(old, new)
    before, after = model.met(old.criteria[0]), model.met(new.criteria[0])
    assert model.implies(after, before)
    witness = find(model, [before, z3.Not(after)], {"I0": "met"}, {"I0": "failed"})
    assert witness is not None
    (result,) = witness.candidate["observations"]
    assert 2 * result["reference_range"]["high"] < result["value"] <= 3 * result["reference_range"]["high"]


def test_a_candidate_who_cannot_be_is_not_found() -> None:
    loaded = trial({**ALT, "at_most": "3 ULN"}, {**ALT, "above": "5 ULN"})
    model = Model(loaded)
    assert find(model, list(map(model.met, loaded.criteria)), {"I0": "met", "I1": "met"}) is None
    assert model.unreproduced == 0


def test_a_candidate_with_other_statuses_than_expected_is_not_given_away() -> None:
    loaded = trial({"sex": "female"})
    model = Model(loaded)
    assert find(model, [model.met(loaded.criteria[0])], {"I0": "failed"}) is None
    assert model.unreproduced == 1


def test_a_question_without_an_answer_in_time_is_undecided() -> None:
    loaded = trial({"sex": "female"})
    model = Model(loaded)
    numbers = [z3.Int(f"n{place}") for place in range(4)]
    hard = z3.And(*[n > 1 for n in numbers], sum(n**3 for n in numbers[:3]) == numbers[3] ** 5 + 114)
    model.seconds = 0.02
    solver = model.solver([hard])
    with pytest.raises(Undecided):
        model.check(solver)
    assert model.undecided == 1


@given(DAYS, st.integers(0, 1500), st.sampled_from((-1, 1)))
def test_months_are_as_long_as_the_bounds_say(day: int, months: int, sign: int) -> None:
    least, most = days_of_months(months, sign)
    assert least <= abs(shift_day(day, Span(months, "months"), sign) - day) <= most


@given(DAYS, st.integers(0, 200), st.integers(0, 200), st.sampled_from((-1, 1)))
def test_so_are_the_days_between_months(day: int, one: int, other: int, sign: int) -> None:
    fewer, more = sorted((one, other))
    ends = [shift_day(day, Span(months, "months"), sign) for months in (fewer, more)]
    least, most = days_between_months(fewer, more, sign)
    assert least <= abs(ends[1] - ends[0]) <= most


@given(DAYS, st.integers(0, 120 * 366))
def test_completed_months_are_near_their_mean_length(born: int, days: int) -> None:
    months = completed_months(born, born + days)
    numerator, denominator = MEAN_MONTH
    assert denominator * (days + MONTH_MARGIN) >= numerator * months
    assert denominator * (days - MONTH_MARGIN) <= numerator * (months + 1)


def test_the_bounds_of_a_month() -> None:
    assert days_of_months(1, -1) == (28, 31)
    assert days_of_months(12, 1) == (365, 366)
    assert timedelta(days=days_of_months(1200, 1)[0]).days == 36524
