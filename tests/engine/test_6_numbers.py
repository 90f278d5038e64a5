"""Chapter 6 of the semantics: exact numbers, units within their kind, and where limits of normal come from."""

# ruff: noqa: E501 (tables with a case a line)
from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from prescreen import InputRefused, load_candidate
from tests.engine.helper import ask, leaf, observation, result, truth

CREATININE_15 = {"observation": "creatinine", "at_most": "1.5 ULN"}


@pytest.mark.parametrize("value", [1.8, Decimal("1.8"), "1.8"])
def test_a_tie_at_a_multiple_is_decided_exactly(value: object) -> None:
    assert 1.8 > 1.5 * 1.2  # what binary floating point says
    found = ask(CREATININE_15, result("creatinine", value, "mg/dL", reference_range={"high": 1.2}))
    assert found.condition is True
    assert truth({"observation": "creatinine", "below": "1.5 ULN"}, result("creatinine", value, "mg/dL", reference_range={"high": 1.2})) is False  # fmt: skip


@pytest.mark.parametrize(
    ("code", "threshold", "value", "unit", "expected"),
    [
        ("ALT", {"at_most": "2 ukat/L"}, 120, "U/L", True),
        ("ALT", {"at_most": "2 ukat/L"}, "120.0000001", "U/L", False),
        ("platelets", {"at_least": "100000 /uL"}, 100, "10*9/L", True),
        ("platelets", {"at_least": "100000 /uL"}, 100, "K/uL", True),
        ("platelets", {"at_least": "100 10*9/L"}, 99999, "/uL", False),
        ("haemoglobin", {"at_least": "80 g/L"}, 8, "g/dL", True),
        ("haemoglobin", {"above": "80 g/L"}, 8, "g/dL", False),
        ("haemoglobin", {"at_least": "80 g/L"}, "7.99", "g/dL", False),
        ("total-bilirubin", {"at_most": "1.2 mg/dL"}, 20, "umol/L", True),
        ("total-bilirubin", {"at_most": "1.2 mg/dL"}, 21, "umol/L", False),
        ("HbA1c", {"at_most": "6.5 %"}, 47, "mmol/mol", True),
        ("HbA1c", {"at_most": "6.5 %"}, 48, "mmol/mol", False),
        ("temperature", {"below": "38 Cel"}, 100, "[degF]", True),
        ("temperature", {"below": "38 Cel"}, "100.4", "[degF]", False),
        ("ALT", {"at_most": "50 U/L"}, 50, "[IU]/L", True),
        ("UPCR", {"at_least": "0.5 g/g"}, 500, "mg/g{creat}", True),
        ("UPCR", {"at_least": "1 g/g"}, 113, "mg/mmol", False),
        ("UPCR", {"at_least": "1 g/g"}, 114, "mg/mmol", True),
    ],
)
def test_units_convert_within_their_kind(
    code: str, threshold: dict[str, Any], value: object, unit: str, expected: bool
) -> None:
    assert truth({"observation": code, **threshold}, result(code, value, unit)) is expected


@pytest.mark.parametrize(
    ("code", "threshold", "unit"),
    [
        ("ALT", "50 U/L", "mg/dL"),
        ("ALT", "50 U/L", None),
        ("ALT", "50 U/L", "zorkmid"),
        ("HBV-DNA", "2000 [IU]/mL", "{copies}/mL"),
        ("eGFR", "30 mL/min/1.73m2", "mL/min"),
        ("creatinine-clearance", "30 mL/min", "mL/min/{1.73_m2}"),
        ("D-dimer", "500 ng/mL{FEU}", "ng/mL{DDU}"),
        ("urine-protein-24h", "1 g/d", "g"),
    ],
)
def test_a_missing_unknown_or_incompatible_unit_is_unknown_with_that_reason(
    code: str, threshold: str, unit: str | None
) -> None:
    found = ask({"observation": code, "above": threshold}, result(code, 100, unit))
    assert found.condition is None
    assert leaf(found.explanation, "observation").reason == "unit"
    assert found.missing == (f"observation:{code}#unit",)


def test_scores_need_no_unit() -> None:
    assert truth({"observation": "ECOG", "at_most": 2}, result("ECOG", 2)) is True
    assert truth({"observation": "INR", "at_most": "1.5"}, result("INR", "1.6")) is False


def test_a_result_is_compared_with_the_threshold_of_its_own_kind() -> None:
    # 1.5 mg/dL is 132.6 umol/L: the protocol prints 133
    both = {"observation": "creatinine", "at_most": ["1.5 mg/dL", "133 umol/L"]}
    assert truth(both, result("creatinine", 133, "umol/L")) is True
    assert truth({"observation": "creatinine", "at_most": "1.5 mg/dL"}, result("creatinine", 133, "umol/L")) is False
    found = ask(both, result("creatinine", "1.51", "mg/dL"))
    assert (found.condition, leaf(found.explanation, "observation").threshold) == (False, "1.5 mg/dL")


@pytest.mark.parametrize("value", [-1, "-1", float("nan"), float("inf"), "1,5"])
def test_impossible_numbers_are_refused_at_intake(value: object) -> None:
    with pytest.raises(InputRefused):
        load_candidate({"id": "C-1", **result("creatinine", value, "mg/dL")})


# --- limits of normal ---------------------------------------------------------------------------------------------

HEADER = "code,sex,age_from,age_to,low,high,unit,valid_from,valid_to\n"


def table(path: Path, *rows: str) -> Path:
    file = path / "ranges.csv"
    file.write_text(HEADER + "\n".join(rows) + "\n", "utf-8")
    return file


ALT_3 = {"observation": "ALT", "at_most": "3 ULN"}


def test_the_range_that_came_with_the_result_goes_first_in_its_own_unit(tmp_path: Path) -> None:
    site = table(tmp_path, "ALT,,,,5,10,U/L,,")
    given = result("ALT", 92, "U/L", reference_range={"high": Decimal("0.7"), "unit": "ukat/L"})
    found = ask(ALT_3, given, ranges=site)
    explained = leaf(found.explanation, "observation")
    assert found.condition is True
    assert explained.limit == "ULN 42 U/L: the result's own reference range"
    assert explained.threshold == "126 U/L (3 ULN)"


def test_a_range_in_another_kind_of_unit_is_converted_for_the_analyte() -> None:
    bilirubin = {"observation": "total-bilirubin", "at_most": "2 ULN"}
    given = result("total-bilirubin", "17.1", "umol/L", reference_range={"high": 1.2, "unit": "mg/dL"})
    found = ask(bilirubin, given)
    assert found.condition is True
    assert leaf(found.explanation, "observation").evidence[0].compared == "0.9998 mg/dL"


def test_then_the_sites_table_and_the_explanation_names_its_line(tmp_path: Path) -> None:
    found = ask(ALT_3, result("ALT", 92, "U/L"), ranges=table(tmp_path, "AST,,,,,30,U/L,,", "ALT,,,,5,40,U/L,,"))
    assert found.condition is True
    assert leaf(found.explanation, "observation").limit == "ULN 40 U/L: the site's table, line 3"
    assert found.deciding == ("observation:ALT[0]",)


def test_otherwise_unknown_and_never_a_textbook_value(tmp_path: Path) -> None:
    for ranges in (None, table(tmp_path, "AST,,,,,30,U/L,,"), table(tmp_path, "ALT,,,,5,,U/L,,")):
        found = ask(ALT_3, result("ALT", 1, "U/L"), ranges=ranges)
        assert (found.condition, found.missing) == (None, ("observation:ALT#reference_range",))
        explained = leaf(found.explanation, "observation")
        assert (explained.reason, explained.limit, explained.margin) == ("range", None, None)


def test_nought_lies_below_every_multiple_of_a_limit() -> None:
    assert truth(ALT_3, result("ALT", 0, "U/L")) is True
    assert truth({"observation": "ALT", "above": "3 ULN"}, result("ALT", 0, "U/L")) is False


SEXED = ("creatinine,female,,,0.5,1.0,mg/dL,,", "creatinine,male,,,0.6,1.2,mg/dL,,")


@pytest.mark.parametrize(
    ("value", "sex", "expected", "deciding"),
    [
        ("1.6", "female", False, ("observation:creatinine[0]", "sex")),
        ("1.6", "male", True, ("observation:creatinine[0]", "sex")),
        ("1.6", None, None, ()),
        ("1.5", None, True, ("observation:creatinine[0]",)),
        ("1.5", "female", True, ("observation:creatinine[0]",)),
        ("1.9", None, False, ("observation:creatinine[0]",)),
    ],
)
def test_a_table_by_sex_needs_the_sex_only_where_its_rows_disagree(
    tmp_path: Path, value: str, sex: str | None, expected: bool | None, deciding: tuple[str, ...]
) -> None:
    given = result("creatinine", value, "mg/dL")
    found = ask(CREATININE_15, {**given, "sex": sex} if sex else given, ranges=table(tmp_path, *SEXED))
    assert found.condition is expected
    assert found.deciding == deciding
    if expected is None:
        assert "sex" in found.missing


AGED = ("ALP,,0,17,,300,U/L,,", "ALP,,18,,,120,U/L,,")
ALP = {"observation": "ALP", "at_most": "1 ULN"}


@pytest.mark.parametrize(
    ("birth", "value", "expected"),
    [
        ("2008-05-21", 200, True),  # 17 on the day of the sample, 18 on the day of screening
        ("2008-05-20", 200, False),
        ("2008", 200, None),
        ("2008", 120, True),
        ("2008", 301, False),
        (None, 200, None),
        (None, 110, True),
        ("1990", 200, False),
    ],
)
def test_a_table_by_age_takes_the_age_on_the_day_of_the_result(
    tmp_path: Path, birth: str | None, value: int, expected: bool | None
) -> None:
    given = result("ALP", value, "U/L")
    found = ask(ALP, {**given, "birth_date": birth} if birth else given, ranges=table(tmp_path, *AGED))
    assert found.condition is expected
    if expected is not None:
        needed = birth is not None and value == 200
        assert found.deciding == (("observation:ALP[0]", "birth_date") if needed else ("observation:ALP[0]",))
    else:
        assert "birth_date" in found.missing


DATED = ("ALT,,,,,40,U/L,,2026-04-30", "ALT,,,,,50,U/L,2026-05-01,")


@pytest.mark.parametrize(
    ("day", "expected"), [("2026-04-30", False), ("2026-05-01", True), ("2026-05", True), ("2026", None), (None, None)]
)
def test_a_table_by_date_takes_the_day_of_the_result(tmp_path: Path, day: str | None, expected: bool | None) -> None:
    given = observation("ALT", 45, "U/L", date=day)
    if day is None:
        del given["date"]
    found = ask({"observation": "ALT", "at_most": "1 ULN", "within": "any"}, {"observations": [given]}, ranges=table(tmp_path, *DATED))  # fmt: skip
    assert found.condition is expected


def test_a_lower_limit_of_normal() -> None:
    low = {"observation": "IgA", "below": "1 LLN"}
    assert truth(low, result("IgA", "0.6", "g/L", reference_range={"low": 0.7, "high": 4})) is True
    assert truth(low, result("IgA", "0.7", "g/L", reference_range={"low": 0.7, "high": 4})) is False
    assert truth(low, result("IgA", "0.6", "g/L", reference_range={"high": 4})) is None


def test_a_range_in_an_unreadable_unit_is_listed_and_not_used() -> None:
    given = result("ALT", 92, "U/L", reference_range={"high": 40, "unit": "zorkmid"})
    assert truth(ALT_3, given) is None


def test_the_limit_depends_on_a_sex_that_the_criterion_asks_for_too(tmp_path: Path) -> None:
    # 1.6 mg/dL is above 1.5 times a woman's limit and below a man's
    high_for_women = {"any": [{"sex": "male"}, {"observation": "creatinine", "above": "1.5 ULN"}]}
    given = result("creatinine", "1.6", "mg/dL")
    assert truth(high_for_women, given, ranges=table(tmp_path, *SEXED)) is True
    other = {"all": [{"sex": "male"}, {"observation": "creatinine", "above": "1.5 ULN"}]}
    assert truth(other, given, ranges=table(tmp_path, *SEXED)) is False


def test_the_limit_depends_on_an_age_that_the_criterion_asks_for_too(tmp_path: Path) -> None:
    # on the day of the sample the candidate was a minor, or is an adult with too high a result
    either = {"any": [{"age": {"below": "19 years"}}, {"observation": "ALP", "above": "1 ULN"}]}
    given = {**result("ALP", 200, "U/L"), "birth_date": "2008"}
    assert truth(either, given, ranges=table(tmp_path, *AGED)) is True
    assert truth(either, result("ALP", 200, "U/L"), ranges=table(tmp_path, *AGED)) is True
