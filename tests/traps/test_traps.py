"""Traps that were measured in other libraries and engines, each asked of this one.

Those of unit grammars alone (readings of spellings, kinds kept apart) are in `tests/quantities`.
"""

# ruff: noqa: E501 (tables with a case a line)
from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal

import pytest

from prescreen import InputRefused, Truth, load_candidate
from tests.engine.helper import ask, criteria, observation, report, result, truth

FIT = {"answer": "fit"}


# --- unit libraries ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["1,5", "120/80", "nan", "NaN", "inf"])
def test_a_unit_library_never_parses_a_value(value: str) -> None:
    # pint reads "1,5 mg/dL" as 15, "120/80 mmHg" as 1.5, and takes NaN
    with pytest.raises(InputRefused):
        load_candidate({"id": "C-1", **result("creatinine", value, "mg/dL")})


def test_a_comparator_is_not_dropped() -> None:
    # pint takes the text "<5 mg/dL" for 5
    assert truth({"observation": "CRP", "at_least": "5 mg/L"}, result("CRP", "<5", "mg/L")) is False


@pytest.mark.parametrize(
    ("code", "threshold", "value", "unit"),
    [
        ("ferritin", "10 ng/mL", 10, "ug/L"),  # pint's floats: 10 ug/L >= 10 ng/mL is false
        ("neutrophils", "4100 /uL", "4.1", "10*9/L"),
        ("neutrophils", "4.1 10*9/L", 4100, "/uL"),
        ("ALT", "1 ukat/L", 60, "U/L"),
    ],
)
def test_equal_quantities_are_equal_across_units(code: str, threshold: str, value: object, unit: str) -> None:
    given = result(code, value, unit)
    assert truth({"observation": code, "at_least": threshold}, given) is True
    assert truth({"observation": code, "at_most": threshold}, given) is True


def test_a_percentage_is_compared_as_one() -> None:
    # pint: 7 % > 6.5 is false
    assert truth({"observation": "HbA1c", "above": "6.5 %"}, result("HbA1c", 7, "%")) is True


def test_threads_do_not_swap_the_factors_of_analytes() -> None:
    # pint's contexts: 22 of 1,600 conversions in 4 threads took another analyte's factor
    trial = criteria(
        {"include_if": {"observation": "creatinine", "between": ["0.99 mg/dL", "1.01 mg/dL"]}},
        {"include_if": {"observation": "glucose", "between": ["99 mg/dL", "101 mg/dL"]}},
    )
    given = {"observations": [observation("creatinine", "88.4", "umol/L"), observation("glucose", "5.55", "mmol/L")]}
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as pool:
            verdicts = set(pool.map(lambda _: report(trial, given).verdict, range(100)))
    finally:
        sys.setswitchinterval(before)
    assert verdicts == {"eligible"}


@pytest.mark.parametrize(
    ("code", "threshold", "value", "unit"),
    [
        ("HBV-DNA", "20 [IU]/mL", 20000, "/L"),  # ucumvert: all arbitrary units are 1
        ("HBV-DNA", "20 [IU]/mL", 20, "{copies}/mL"),
        ("eGFR", "60 mL/min/{1.73_m2}", 60, "mL/min"),
        ("D-dimer", "500 ng/mL{FEU}", 500, "ng/mL{DDU}"),
    ],
)
def test_arbitrary_indexed_and_equivalent_units_are_their_own(
    code: str, threshold: str, value: object, unit: str
) -> None:
    assert truth({"observation": code, "at_least": threshold}, result(code, value, unit)) is None


def test_milliequivalents_are_not_millimoles_of_a_divalent_ion() -> None:
    # ucumvert: 5 meq/L are 5 mmol/L; of calcium they are 2.5
    calcium = {"observation": "calcium", "between": ["2.49 mmol/L", "2.51 mmol/L"]}
    assert truth(calcium, result("calcium", 5, "meq/L")) is True


@pytest.mark.parametrize(("value", "limit"), [("1.8", "0.6"), ("1.8", "1.2"), ("0.3", "0.1"), ("4.2", "1.4")])
def test_a_multiple_of_a_limit_on_the_boundary(value: str, limit: str) -> None:
    # 60 <= 1.5 x 40 proves nothing; v/u <= k was missed until such pairs were planted
    multiple = Decimal(value) / Decimal(limit)
    given = result("creatinine", value, "mg/dL", reference_range={"high": Decimal(limit)})
    assert truth({"observation": "creatinine", "at_most": f"{multiple} ULN"}, given) is True
    assert truth({"observation": "creatinine", "above": f"{multiple} ULN"}, given) is False


# --- rule engines -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "expected"), [("8", True), (8, True), ("6", False)])
def test_numbers_as_text_are_numbers(value: object, expected: bool) -> None:
    # durable-rules: "8" > 7 fires as text does, "10" > 7 does not
    assert truth({"observation": "SLEDAI-2K", "above": 7}, result("SLEDAI-2K", value)) is expected
    assert truth({"observation": "SLEDAI-2K", "above": 7}, result("SLEDAI-2K", "10")) is True


@pytest.mark.parametrize("value", [1e-7, 1e16])
def test_exponents_are_read(value: float) -> None:
    # durable-rules refuses them with error 204
    assert truth({"observation": "HBV-DNA", "above": "1 [IU]/mL"}, result("HBV-DNA", value, "[IU]/mL")) is not True


def test_a_rule_that_has_not_fired_is_not_false() -> None:
    assert truth({"not": {"condition": "SLE"}}) is None


def test_a_truth_is_no_boolean() -> None:
    with pytest.raises(TypeError):
        _ = bool(Truth.UNKNOWN)


# --- logic and dates elsewhere ------------------------------------------------------------------------------------


def test_existence_with_an_unknown_date_is_unknown() -> None:
    # CQL: exists(X where date within ...) is false
    undated = {"procedures": [{"code": "major-surgery", "status": "completed"}], "complete": {"procedures": True}}
    assert truth({"procedure": "major-surgery", "within": "24 weeks"}, undated) is None


def test_an_age_is_no_difference_of_years() -> None:
    # Circe lets a candidate of 17 into "18 to 65"
    adult = {"age": {"between": ["18 years", "65 years"]}}
    assert truth(adult, {"birth_date": "2008-12-31"}, on=date(2026, 6, 1)) is False


def test_an_untested_candidate_is_not_negative() -> None:
    # CTML: an untested patient matches !BRAF
    for condition in (
        {"not": {"observation": "HIV-Ab", "is": "positive"}},
        {"observation": "HIV-Ab", "is_not": "positive"},
    ):
        assert truth(condition) is None


def test_a_multiple_of_the_limit_is_not_the_number() -> None:
    # TrialMatchAI reads "ALT <= 3 x ULN" as 3
    given = result("ALT", 92, "U/L", reference_range={"high": 40})
    assert truth({"observation": "ALT", "at_most": "3 ULN"}, given) is True


def test_a_missing_result_makes_nobody_eligible() -> None:
    # OPA: a missing ALT gives eligible; OpenFisca: missing is 0
    found = report(criteria({"include_if": {"observation": "ALT", "at_most": "3 ULN"}}, {"exclude_if": {"observation": "ALT", "above": "3 ULN"}}))  # fmt: skip
    assert found.verdict == "undetermined"


def test_a_censored_result_is_no_text_that_sorts_after_numbers() -> None:
    # OPA: "<20" passes as greater than any number
    assert truth({"observation": "ALT", "above": "50 U/L"}, result("ALT", "<20", "U/L")) is False


def test_an_exclusion_that_cannot_be_computed_is_not_skipped() -> None:
    # Cedar: a forbid that errs is skipped
    assert (
        ask({"observation": "ALT", "above": "3 ULN"}, result("ALT", 500, "zorkmid"), excludes=True).status
        == "undetermined"
    )


@pytest.mark.parametrize("operator", ["is_not", "one_of", "is"])
def test_in_and_not_in_with_an_unknown_are_unknown(operator: str) -> None:
    # SQL: 5 NOT IN (1, NULL) is NULL, true in polars and pyarrow
    wanted = ["positive"] if operator == "one_of" else "positive"
    assert truth({"observation": "HBsAg", operator: wanted}, result("HBsAg", "indeterminate")) is None


def test_counting_and_every_are_three_valued() -> None:
    # COUNT and EXISTS are never unknown, bool_and skips NULL, LEAST ignores it
    some = {"observations": [observation("ALT", 30, "U/L"), observation("ALT", 30, "zorkmid")]}
    for select in ("every", "highest", {"mean_of": 2}):
        assert truth({"observation": "ALT", "at_most": "50 U/L", "select": select}, some) is None
    assert truth({"at_least_of": {"count": 1, "of": [FIT, {"sex": "female"}]}}, {"sex": "male"}) is None


def test_if_with_an_unknown_condition_does_not_take_else() -> None:
    # CASE WHEN NULL takes ELSE
    assert truth({"if": FIT, "then": {"sex": "male"}, "else": {"sex": "female"}}, {"sex": "female"}) is None


def test_an_unusable_latest_result_is_not_passed_over_for_an_older_one() -> None:
    # DuckDB's arg_max skips a latest record whose value is NULL
    both = {"observations": [observation("ALT", 30, "U/L", date="2026-05-01"), observation("ALT", 30, "zorkmid")]}
    assert truth({"observation": "ALT", "at_most": "50 U/L"}, both) is None


# --- codes and real texts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["M32.14", "M3214", "m32.14"])
def test_a_prefix_of_icd_10_cm_is_its_hierarchy_with_or_without_dots(code: str) -> None:
    coded = {"conditions": [{"code": {"system": "icd-10-cm", "code": code}}]}
    assert truth({"condition": "lupus-nephritis"}, coded) is True
    assert truth({"condition": "SLE"}, coded) is True


@pytest.mark.parametrize("code", ["N02.B1", "N02.B2", "N02.B"])
def test_iga_nephropathy_has_codes_of_its_own_in_icd_10_cm(code: str) -> None:
    coded = {"conditions": [{"code": {"system": "icd-10-cm", "code": code}}]}
    assert truth({"condition": "IgA-nephropathy"}, coded) is True


def test_records_of_one_code_system_and_without_ranges() -> None:
    # Synthea: conditions in SNOMED CT only, observations without reference ranges
    lupus = {"conditions": [{"code": {"system": "http://snomed.info/sct", "code": "55464009"}}]}
    assert truth({"condition": "SLE"}, lupus) is True
    assert truth({"observation": "ALT", "at_most": "3 ULN"}, result("ALT", 92, "U/L")) is None


@pytest.mark.parametrize("threshold", ["50,000 /uL", "=<2 mg/dL", "≤2"])
def test_a_rule_states_its_reading_of_a_doubtful_text(threshold: str) -> None:
    with pytest.raises(InputRefused):
        truth({"observation": "platelets", "at_least": threshold})
