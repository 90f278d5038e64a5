"""Chapter 1 of the semantics: three truths, soundness, and exactness where a fact is used more than once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.helper import ask, observation, result, truth

ALT_UP_TO_3 = {"observation": "ALT", "at_most": "3 ULN"}
ALT_UP_TO_5 = {"observation": "ALT", "at_most": "5 ULN"}
LIVER_METASTASES = {"condition": "liver-metastases"}
FIT = {"answer": "fit"}
RANGE = {"high": 40}


def test_true_when_it_holds_in_every_completion() -> None:
    assert truth({"observation": "ALT", "at_most": "120 U/L"}, result("ALT", "<20", "U/L")) is True


def test_false_when_it_holds_in_none() -> None:
    assert truth({"observation": "ALT", "at_most": "120 U/L"}, result("ALT", ">200", "U/L")) is False


def test_unknown_otherwise() -> None:
    assert truth({"observation": "ALT", "at_most": "120 U/L"}, result("ALT", "100-140", "U/L")) is None
    assert truth({"observation": "ALT", "at_most": "120 U/L"}) is None


def test_a_leaf_with_a_result_in_its_window_gets_no_further_ones() -> None:
    every = {"observation": "ALT", "at_most": "120 U/L", "select": "every"}
    assert truth(every, result("ALT", 30, "U/L")) is True
    some = {"observation": "ALT", "above": "120 U/L", "select": "any"}
    assert truth(some, result("ALT", 30, "U/L")) is False


def test_a_leaf_without_results_has_one_free_value_for_all_leaves_alike() -> None:
    below, above = {"observation": "ALT", "below": "50 U/L"}, {"observation": "ALT", "at_least": "50 U/L"}
    assert truth({"any": [below, above]}) is True
    assert truth({"all": [below, above]}) is False


def test_leaves_that_differ_in_window_or_select_do_not_share_their_free_value() -> None:
    below = {"observation": "ALT", "below": "50 U/L", "within": "14 days"}
    above = {"observation": "ALT", "at_least": "50 U/L", "within": "28 days"}
    assert truth({"any": [below, above]}) is None
    first = {"observation": "ALT", "at_least": "50 U/L", "within": "14 days", "select": "first"}
    assert truth({"any": [below, first]}) is None


@pytest.mark.parametrize(
    "condition",
    [
        {"condition": "SLE"},
        {"treatment": "rituximab"},
        {"procedure": "major-surgery"},
        {"allergy": "albumin"},
        FIT,
        {"age": {"at_least": "18 years"}},
        {"sex": "female"},
    ],
)
def test_what_is_not_recorded_may_be(condition: dict[str, Any]) -> None:
    assert truth(condition) is None


def test_an_unknown_anchor_may_be_any_day() -> None:
    within = {"procedure": "major-surgery", "within": "14 days before first_dose"}
    surgery = {"procedures": [{"code": "major-surgery", "date": "2026-05-01", "status": "completed"}]}
    assert truth(within, surgery) is None
    assert truth(within, {**surgery, "anchors": {"first_dose": "2026-05-10"}}) is True


# --- exactness ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "open_fact",
    [FIT, ALT_UP_TO_3, {"condition": "SLE"}, {"sex": "female"}, {"age": {"at_least": "18 years"}}],
)
def test_a_or_not_a_is_true_and_a_and_not_a_false(open_fact: dict[str, Any]) -> None:
    tautology = ask({"any": [open_fact, {"not": open_fact}]})
    assert (tautology.condition, tautology.exact, tautology.deciding) == (True, True, ())
    assert truth({"all": [open_fact, {"not": open_fact}]}) is False


def test_one_result_against_two_multiples_of_an_unknown_limit() -> None:
    # at most 3 times the limit, or at most 5 times it: as the second follows from the first, only one question is left
    unranged = result("ALT", 92, "U/L")
    assert truth({"all": [ALT_UP_TO_3, {"not": ALT_UP_TO_5}]}, unranged) is False
    assert truth({"any": [ALT_UP_TO_5, {"not": ALT_UP_TO_3}]}, unranged) is True
    assert truth({"any": [ALT_UP_TO_3, {"all": [LIVER_METASTASES, ALT_UP_TO_5]}]}, unranged) is None


def test_a_censored_result_that_is_used_twice() -> None:
    some = result("ALT", "60-200", "U/L", reference_range=RANGE)
    assert truth({"any": [ALT_UP_TO_3, {"not": ALT_UP_TO_3}]}, some) is True
    assert truth({"any": [ALT_UP_TO_3, {"observation": "ALT", "above": "100 U/L"}]}, some) is True
    assert truth({"all": [ALT_UP_TO_3, {"observation": "ALT", "above": "150 U/L"}]}, some) is False


def test_a_partial_date_that_is_used_twice() -> None:
    early = {
        "observation": "HBsAg",
        "is": "negative",
        "within": {"from": "2 weeks before screening", "to": "screening"},
    }
    # "2026-05" lies before or within the last two weeks: in either case the result is the latest within five weeks
    known = {"observations": [{"code": "HBsAg", "value": "negative", "date": "2026-05"}]}
    assert truth(early, known) is None
    assert truth({"any": [early, {"observation": "HBsAg", "is": "negative", "within": "5 weeks"}]}, known) is True


def test_an_age_known_by_year_that_is_used_twice() -> None:
    under, over = {"age": {"below": "65 years"}}, {"age": {"at_least": "65 years"}}
    born = {"birth_date": "1961"}
    assert truth(under, born) is None
    assert truth({"any": [under, over]}, born) is True
    assert truth({"all": [under, over]}, born) is False


def test_both_branches_agree_while_the_condition_is_open() -> None:
    assert truth({"if": FIT, "then": {"sex": "female"}, "else": {"sex": "female"}}, {"sex": "female"}) is True
    assert truth({"if": FIT, "then": FIT, "else": {"not": FIT}}) is True


def test_a_question_with_options_has_one_answer() -> None:
    stages = [{"answer": "stage", "equals": stage} for stage in ("early", "middle", "late")]
    assert truth({"any": stages}) is True
    assert truth({"any": stages[:2]}) is None
    assert truth({"at_least_of": {"count": 2, "of": stages}}) is False


def test_the_sex_is_one_of_two() -> None:
    assert truth({"any": [{"sex": "female"}, {"sex": "male"}]}) is True
    assert truth({"all": [{"sex": "female"}, {"sex": "male"}]}) is False


def test_read_once_conditions_stay_plain_and_exact() -> None:
    found = ask({"all": [FIT, {"sex": "female"}, ALT_UP_TO_3]}, {"sex": "female"})
    assert (found.condition, found.exact) == (None, True)


def test_a_derived_quantity_beside_its_input_is_flagged() -> None:
    both = {
        "all": [
            {"observation": "eGFR", "at_least": "45 mL/min/1.73m2"},
            {"observation": "creatinine", "at_most": "2 mg/dL"},
        ]
    }
    assert ask(both).exact is False


def test_existence_leaves_that_differ_only_in_window_are_flagged() -> None:
    def surgery(window: str) -> dict[str, Any]:
        return {"procedure": "major-surgery", "within": window}

    found = ask({"any": [surgery("4 weeks"), {"not": surgery("8 weeks")}]})
    assert (found.condition, found.exact) == (None, False)


def test_existence_leaves_of_related_codes_are_flagged() -> None:
    found = ask({"any": [{"condition": "SLE"}, {"not": {"condition": "lupus-nephritis"}}]})
    assert (found.condition, found.exact) == (None, False)


@pytest.mark.parametrize(("size", "condition", "exact"), [(6, True, True), (18, None, False)])
def test_past_a_stated_size_cases_are_not_told_apart(size: int, condition: bool | None, exact: bool) -> None:
    # of so many questions and their denials, just half are true whatever the answers are
    names = [f"q{number}" for number in range(size)]
    both = [leaf for name in names for leaf in ({"answer": name}, {"not": {"answer": name}})]
    questions = {name: {"ask": "investigator", "text": f"{name}?"} for name in names}
    found = ask({"at_least_of": {"count": size, "of": both}}, questions=questions)
    assert (found.condition, found.exact) == (condition, exact)


def test_known_results_need_no_cases() -> None:
    found = ask({"any": [ALT_UP_TO_3, {"not": ALT_UP_TO_3}]}, result("ALT", 92, "U/L", reference_range=RANGE))
    assert (found.condition, found.exact, found.deciding) == (True, True, ())


def test_tied_results_are_one_possibility_at_a_time() -> None:
    both = {"observations": [observation("ALT", value, "U/L") for value in (30, 300)]}
    low, high = {"observation": "ALT", "below": "100 U/L"}, {"observation": "ALT", "at_least": "100 U/L"}
    assert truth(low, both) is None
    assert truth({"any": [low, high]}, both) is True
