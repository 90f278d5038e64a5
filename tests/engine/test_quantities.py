"""A trial's own quantities: computed from results and age, compared like any result."""

from __future__ import annotations

from typing import Any

import pytest

from prescreen import load_trial
from prescreen.problems import InputRefused
from tests.engine.helper import ask, criteria, leaf, observation, one, report, truth

CAP = {"CAP": {"formula": "age * (CAG - 33.66)", "unit": "1", "any_day": ["CAG"]}}
HIGH: dict[str, Any] = {"observation": "CAP", "above": 400, "within": "28 days"}


def repeats(value: object, **more: Any) -> dict[str, Any]:
    return {"observations": [observation("CAG", value, None, date="2015-01-01", **more)], "birth_date": "1986-01-01"}


def test_a_score_of_age_and_a_gene() -> None:
    # 40 × (44 - 33.66) = 413.6
    assert truth(HIGH, repeats(44), quantities=CAP) is True
    assert truth({**HIGH, "above": 413.6}, repeats(44), quantities=CAP) is False
    assert truth({**HIGH, "at_least": 413.6, "above": 1}, repeats(44), quantities=CAP) is True
    assert truth(HIGH, repeats("43-44"), quantities=CAP) is None
    assert truth(HIGH, {"observations": repeats(44)["observations"]}, quantities=CAP) is None
    assert truth(HIGH, {**repeats(44), "birth_date": "1986"}, quantities=CAP) is True


def test_it_is_explained_and_asked_for() -> None:
    known = ask(HIGH, repeats(44), quantities=CAP)
    assert known.headline == "CAP 413.6 (derived) on screening"
    assert known.deciding == ("observation:CAG-repeats[0]", "birth_date")
    assert "the trial's own formula age * (CAG - 33.66)" in str(leaf(known.explanation, "observation").evidence)
    lacking = ask(HIGH, {"birth_date": "1986-01-01"}, quantities=CAP)
    assert lacking.missing == ("observation:CAP", "observation:CAG-repeats")


def test_age_is_that_of_the_screening_day_where_nothing_changes_but_age() -> None:
    found = ask({**HIGH, "above": 420}, repeats(44), quantities=CAP)
    assert (found.condition, found.turns_on) == (False, "2027-01-01")  # 41 × 10.34 = 423.94
    sampled = {"CAP": {"formula": "age * (CAG - 33.66)", "unit": "1"}}
    assert (
        truth({**HIGH, "within": "any"}, repeats(44), quantities=sampled) is False
    )  # aged 29 on the day of the sample
    assert truth(HIGH, repeats(44), quantities=sampled) is None


def test_age_and_birth_date_in_one_criterion() -> None:
    both = {"all": [{"age": {"at_least": "40 years"}}, {**HIGH, "above": 413}]}
    neither = {"any": [{"age": {"at_most": "39 years"}}, {**HIGH, "above": 413}]}
    vague = {**repeats(44), "birth_date": "1986"}
    assert truth(both, vague, quantities=CAP) is None
    assert truth(neither, vague, quantities=CAP) is True


def test_units_are_converted() -> None:
    ratio = {"ratio": {"formula": "AST / ALT", "unit": "1", "same_day": True}}
    results = [observation("AST", 1, "ukat/L"), observation("ALT", 40, "U/L")]
    assert truth({"observation": "ratio", "at_least": 1.5}, {"observations": results}, quantities=ratio) is True
    assert truth({"observation": "ratio", "above": 1.5}, {"observations": results}, quantities=ratio) is False
    apart = [observation("AST", 60, "U/L"), observation("ALT", 40, "U/L", date="2026-05-21")]
    assert truth({"observation": "ratio", "above": 1}, {"observations": apart}, quantities=ratio) is None
    share = {"share": {"formula": "AST / (AST + ALT)", "unit": "%"}}
    assert (
        truth({"observation": "share", "between": ["60 %", "60 %"]}, {"observations": results}, quantities=share)
        is True
    )
    molar = {"double": {"formula": "2 * creatinine", "unit": "umol/L", "units": {"creatinine": "umol/L"}}}
    near = {"observation": "double", "at_least": "265.2 umol/L", "at_most": "265.21 umol/L"}  # 3 × 88.402
    assert truth(near, {"observations": [observation("creatinine", 1.5, "mg/dL")]}, quantities=molar) is True
    area = {"area": {"formula": "weight / height ** 2", "unit": "kg/m2"}}
    body = [observation("weight", 80, "kg"), observation("height", 200, "cm")]
    assert (
        truth({"observation": "area", "between": ["20 kg/m2", "20 kg/m2"]}, {"observations": body}, quantities=area)
        is True
    )


def test_a_division_by_nothing_is_no_value() -> None:
    ratio = {"ratio": {"formula": "AST / (ALT - 40)", "unit": "1"}}
    results = [observation("AST", 60, "U/L"), observation("ALT", 40, "U/L")]
    assert truth({"observation": "ratio", "above": 1}, {"observations": results}, quantities=ratio) is None


def test_a_trial_without_quantities_keeps_its_catalogue() -> None:
    plain, own = one({"sex": "female"}), criteria({"include_if": HIGH}, quantities=CAP)
    assert plain.catalogue.sha256 != own.catalogue.sha256
    assert plain.catalogue.observation("CAP") is None
    assert report(own, {"observations": [observation("CAP", 500)]})["C1"].status == "met"


@pytest.mark.parametrize(
    ("quantity", "code"),
    [
        ({"formula": "age *", "unit": "1"}, "invalid-formula"),
        ({"formula": "age", "unit": "1"}, "invalid-formula"),
        ({"formula": "HBsAg + 1", "unit": "1"}, "invalid-formula"),
        ({"formula": "AST / nothing", "unit": "1"}, "unknown-code"),
        ({"formula": "AST + creatinine", "unit": "1"}, "wrong-unit"),
        ({"formula": "AST", "unit": "1"}, "wrong-unit"),
        ({"formula": "AST / ALT", "unit": "mg/dL"}, "wrong-unit"),
        ({"formula": "AST / ALT", "unit": "furlongs"}, "unknown-unit"),
        ({"formula": "AST / ALT", "unit": "1", "units": {"AST": "mg/dL"}}, "wrong-unit"),
        ({"formula": "AST / ALT", "unit": "1", "units": {"GGT": "U/L"}}, "unknown-code"),
        ({"formula": "AST / ALT", "unit": "1", "units": ["U/L"]}, "wrong-type"),
        ({"formula": "AST / ALT", "unit": "1", "any_day": ["GGT"]}, "unknown-code"),
        ({"formula": "AST / ALT"}, "missing-key"),
    ],
)
def test_what_computes_nothing_is_refused(quantity: dict[str, Any], code: str) -> None:
    trial = {
        "schema": "prescreen/trial/1", "id": "T", "title": "t", "quantities": {"own": quantity},
        "criteria": [{"id": "C", "text": "t", "include_if": {"sex": "female"}}],
    }  # fmt: skip
    with pytest.raises(InputRefused) as caught:
        load_trial(trial)
    assert [problem.code for problem in caught.value.problems] == [code]


@pytest.mark.parametrize("name", ["ALT", "age"])
def test_a_quantity_has_a_name_of_its_own(name: str) -> None:
    with pytest.raises(InputRefused) as caught:
        criteria({"include_if": {"sex": "female"}}, quantities={name: {"formula": "AST / GGT", "unit": "1"}})
    assert [problem.code for problem in caught.value.problems] == ["reserved-name"]
