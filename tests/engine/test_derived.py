"""Derived quantities: against published values, exact at their boundaries, and unknown without their inputs."""

# ruff: noqa: E501 (tables with a case a line)
from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import pytest

from tests.engine.helper import ask, leaf, observation, result, truth

MAN_50 = {"sex": "male", "birth_date": "1976-01-01"}
WOMAN_40 = {"sex": "female", "birth_date": "1986-01-01"}
EGFR = "mL/min/1.73m2"


def close(code: str, number: str | Decimal, unit: str, given: dict[str, Any], by: str = "0.5") -> bool:
    """Whether a derived value lies so close to a number: seen through thresholds on either side of it."""
    low, high = Decimal(number) - Decimal(by), Decimal(number) + Decimal(by)
    return (
        truth({"observation": code, "at_least": f"{low} {unit}".rstrip(), "at_most": f"{high} {unit}".rstrip()}, given)
        is True
    )


def ckd_epi_2021(creatinine: str, age: int, female: bool) -> Decimal:
    """The equation as printed (Inker et al. 2021), in 40 digits."""
    with localcontext() as context:
        context.prec = 40
        kappa, alpha = (Decimal("0.7"), Decimal("-0.241")) if female else (Decimal("0.9"), Decimal("-0.302"))
        ratio = Decimal(creatinine) / kappa
        value = 142 * min(ratio, Decimal(1)) ** alpha * max(ratio, Decimal(1)) ** Decimal("-1.200")
        return value * Decimal("0.9938") ** age * (Decimal("1.012") if female else 1)


@pytest.mark.parametrize(
    ("creatinine", "who", "published"),
    # the National Kidney Foundation's calculator, rounded to whole numbers
    [("1.0", MAN_50, 92), ("0.8", WOMAN_40, 95), ("2.0", MAN_50, 40), ("0.6", WOMAN_40, 116), ("0.9", MAN_50, 104)],
)
def test_egfr_as_published(creatinine: str, who: dict[str, str], published: int) -> None:
    assert close("eGFR", str(published), EGFR, {**who, **result("creatinine", creatinine, "mg/dL")}, by="1")


@pytest.mark.parametrize("creatinine", ["0.5", "0.7", "0.91", "2.5"])
@pytest.mark.parametrize("who", [MAN_50, WOMAN_40])
def test_egfr_is_exact_on_either_side_of_an_irrational_boundary(creatinine: str, who: dict[str, str]) -> None:
    value = ckd_epi_2021(creatinine, 50 if who is MAN_50 else 40, who is WOMAN_40)
    given = {**who, **result("creatinine", creatinine, "mg/dL")}
    with localcontext() as context:
        context.prec = 40
        below, above = (round(value + step, 14) for step in (-Decimal("1e-12"), Decimal("1e-12")))
    assert truth({"observation": "eGFR", "at_least": f"{below} {EGFR}"}, given) is True
    assert truth({"observation": "eGFR", "at_least": f"{above} {EGFR}"}, given) is False


def test_egfr_converts_its_input() -> None:
    # 88.402 umol/L are 1 mg/dL
    assert close(
        "eGFR", ckd_epi_2021("1", 50, False), EGFR, {**MAN_50, **result("creatinine", "88.402", "umol/L")}, by="0.001"
    )


def test_the_inputs_are_kept_as_evidence_with_the_source_of_the_formula() -> None:
    found = ask({"observation": "eGFR", "at_least": f"60 {EGFR}"}, {**MAN_50, **result("creatinine", "1.0", "mg/dL")})
    assert found.deciding == ("observation:creatinine[0]", "birth_date", "sex")
    evidence = leaf(found.explanation, "observation").evidence
    assert [e.record for e in evidence] == ["observations[0]", "observations[0]"]
    assert "CKD-EPI 2021" in (evidence[1].note or "")
    assert "(derived)" in found.headline


@pytest.mark.parametrize(
    ("lack", "missing"),
    [
        ("sex", ("observation:eGFR", "sex")),
        ("birth_date", ("observation:eGFR", "birth_date")),
        ("observations", ("observation:eGFR", "observation:creatinine")),
    ],
)
def test_without_an_input_a_derived_value_is_unknown_and_the_input_is_asked_for(
    lack: str, missing: tuple[str, ...]
) -> None:
    given = {**MAN_50, **result("creatinine", "1.0", "mg/dL")}
    del given[lack]
    found = ask({"observation": "eGFR", "at_least": f"60 {EGFR}"}, given)
    assert (found.condition, found.missing) == (None, missing)
    assert leaf(found.explanation, "observation").reason == "missing"


@pytest.mark.parametrize(
    ("birth", "expected"),
    [("2008-05-21", None), ("2008-05-20", True), ("2008", None), ("2007", True)],
)
def test_outside_the_ages_of_the_formula_it_is_unknown(birth: str, expected: bool | None) -> None:
    given = {"sex": "male", "birth_date": birth, **result("creatinine", "1.0", "mg/dL")}
    assert truth({"observation": "eGFR", "at_least": f"60 {EGFR}"}, given) is expected


def test_an_age_known_by_year_gives_an_interval() -> None:
    given = {"sex": "male", "birth_date": "1976", **result("creatinine", "1.0", "mg/dL")}
    older, younger = ckd_epi_2021("1.0", 50, False), ckd_epi_2021("1.0", 49, False)
    assert truth({"observation": "eGFR", "at_least": f"{older - Decimal('0.01'):.2f} {EGFR}"}, given) is True
    assert truth({"observation": "eGFR", "at_least": f"{(older + younger) / 2:.2f} {EGFR}"}, given) is None
    assert truth({"observation": "eGFR", "above": f"{younger + Decimal('0.01'):.2f} {EGFR}"}, given) is False


def test_a_censored_input_gives_an_interval() -> None:
    clean = {"observation": "eGFR", "at_least": f"60 {EGFR}"}
    assert truth(clean, {**MAN_50, **result("creatinine", "0.8-1.0", "mg/dL")}) is True
    assert truth(clean, {**MAN_50, **result("creatinine", "1.0-2.0", "mg/dL")}) is None
    assert truth(clean, {**MAN_50, **result("creatinine", "2.0-3.0", "mg/dL")}) is False


@pytest.mark.parametrize(
    "record",
    [
        observation("creatinine", "1.0", "kg"),
        observation("creatinine", ">1.0", "mg/dL"),
        observation("creatinine", 0, "mg/dL"),
        observation("creatinine", "<1.0", "mg/dL"),
    ],
)
def test_an_unusable_input_decides_nothing(record: dict[str, Any]) -> None:
    assert truth({"observation": "eGFR", "at_least": f"60 {EGFR}"}, {**MAN_50, "observations": [record]}) is None


def test_a_reported_result_goes_before_a_derived_one() -> None:
    both = {
        "observations": [observation("eGFR", 40, EGFR, date="2026-05-10"), observation("creatinine", "1.0", "mg/dL")]
    }
    condition = {"observation": "eGFR", "at_least": f"60 {EGFR}", "within": "28 days"}
    found = ask(condition, {**MAN_50, **both})
    assert (found.condition, found.deciding) == (False, ("observation:eGFR[0]",))
    both["observations"][0]["date"] = "2026-01-01"  # no longer in the window: the derived one counts
    assert truth(condition, {**MAN_50, **both}) is True


def test_the_input_lies_in_the_same_window() -> None:
    condition = {"observation": "eGFR", "at_least": f"60 {EGFR}", "within": "28 days"}
    assert truth(condition, {**MAN_50, **result("creatinine", "1.0", "mg/dL", date="2026-05-03")}) is None
    assert truth(condition, {**MAN_50, **result("creatinine", "1.0", "mg/dL", date="2026-05-04")}) is True


def test_the_latest_input_counts() -> None:
    two = {
        "observations": [
            observation("creatinine", 3, "mg/dL", date="2026-05-10"),
            observation("creatinine", 1, "mg/dL"),
        ]
    }
    condition = {"observation": "eGFR", "at_least": f"60 {EGFR}"}
    assert truth(condition, {**MAN_50, **two}) is True
    assert truth({**condition, "select": "first"}, {**MAN_50, **two}) is False
    assert truth({**condition, "select": "lowest"}, {**MAN_50, **two}) is False
    assert truth({**condition, "select": "any"}, {**MAN_50, **two}) is True


# --- the others -------------------------------------------------------------------------------------------------


def several(*records: tuple[str, object, str], **more: Any) -> dict[str, Any]:
    return {"observations": [observation(*record, **more) for record in records]}


@pytest.mark.parametrize(
    ("code", "unit", "value", "given"),
    [
        # (140 - 50) x 72 / (72 x 1.0) = 90, and 85 % of it for a woman of 50
        ("creatinine-clearance", "mL/min", "90", {**MAN_50, **several(("creatinine", 1, "mg/dL"), ("weight", 72, "kg"))}),
        ("creatinine-clearance", "mL/min", "76.5", {**MAN_50, "sex": "female", **several(("creatinine", 1, "mg/dL"), ("weight", 72, "kg"))}),
        ("creatinine-clearance", "mL/min", "85", {**WOMAN_40, **several(("creatinine", 1, "mg/dL"), ("weight", 72000, "g"))}),
        ("BMI", "kg/m2", "25", several(("weight", 100, "kg"), ("height", 200, "cm"))),
        ("BMI", "kg/m2", "20", several(("weight", 45, "kg"), ("height", "1.5", "m"))),
        # 8.0 + 0.8 x (4.0 - 2.0)
        ("corrected-calcium", "mg/dL", "9.6", several(("calcium", 8, "mg/dL"), ("albumin", 2, "g/dL"))),
        ("corrected-calcium", "mg/dL", "9.6", several(("calcium", 8, "mg/dL"), ("albumin", 20, "g/L"))),
        # 400 ms at 60 /min, and the cube root of 1.728 is 1.2
        ("QTcF", "ms", "400", several(("QT", 400, "ms"), ("heart-rate", 60, "/min"))),
        ("QTcF", "ms", "480", several(("QT", 400, "ms"), ("heart-rate", "103.68", "/min"))),
        ("QTcF", "ms", "480", several(("QT", "0.4", "s"), ("heart-rate", "103.68", "/min"))),
        ("UPCR", "g/g", "1.5", several(("urine-protein", 150, "mg/dL"), ("urine-creatinine", 100, "mg/dL"))),
        ("UPCR", "g/g", "1.5", several(("urine-protein", "1.5", "g/L"), ("urine-creatinine", 1, "g/L"))),
        ("UACR", "mg/g", "300", several(("urine-albumin", 300, "mg/L"), ("urine-creatinine", 100, "mg/dL"))),
        ("UACR", "mg/g", "300", several(("urine-albumin", 30, "mg/dL"), ("urine-creatinine", "8.8402", "mmol/L"))),
    ],
)  # fmt: skip
def test_formulas(code: str, unit: str, value: str, given: dict[str, Any]) -> None:
    near = Decimal("0.001") * Decimal(value)
    assert close(code, value, unit, given, by=str(near)), ask(
        {"observation": code, "at_least": f"0 {unit}"}, given
    ).headline


def test_a_root_that_comes_out_even_is_exact() -> None:
    given = several(("QT", 400, "ms"), ("heart-rate", "103.68", "/min"))
    assert truth({"observation": "QTcF", "at_most": "480 ms"}, given) is True
    assert truth({"observation": "QTcF", "below": "480 ms"}, given) is False


@pytest.mark.parametrize(
    ("code", "first", "second", "threshold"),
    [
        ("UPCR", ("urine-protein", 150, "mg/dL"), ("urine-creatinine", 100, "mg/dL"), "1 g/g"),
        ("corrected-calcium", ("calcium", 8, "mg/dL"), ("albumin", 2, "g/dL"), "9 mg/dL"),
        ("QTcF", ("QT", 400, "ms"), ("heart-rate", 60, "/min"), "390 ms"),
    ],
)
def test_ratios_corrected_calcium_and_qtcf_need_inputs_of_one_day(
    code: str, first: tuple[str, object, str], second: tuple[str, object, str], threshold: str
) -> None:
    condition = {"observation": code, "at_least": threshold}
    assert truth(condition, {"observations": [observation(*first), observation(*second)]}) is True
    apart = {"observations": [observation(*first), observation(*second, date="2026-05-19")]}
    assert truth(condition, apart) is None
    vague = {"observations": [observation(*first), observation(*second, date="2026-05")]}
    assert truth(condition, vague) is None


@pytest.mark.parametrize(
    ("birth", "measured", "expected"),
    [
        ("1976", "2010-01-01", True),
        ("1992-01-01", "2009-12-31", None),  # at 17 the candidate was still growing
        ("1992-01-01", "2010-01-01", True),
        (None, "2010-01-01", None),
        (None, "2026-05-10", True),
    ],
)
def test_an_adults_height_may_be_of_any_day(birth: str | None, measured: str, expected: bool | None) -> None:
    condition = {"observation": "BMI", "at_least": "24 kg/m2", "within": "28 days"}
    weight, height = observation("weight", 100, "kg"), observation("height", 200, "cm", date=measured)
    born = {} if birth is None else {"birth_date": birth}
    assert truth(condition, {"observations": [weight, height], **born}) is expected
    weight["date"] = "2026-01-01"
    assert truth(condition, {"observations": [weight, height], **born}) is None


def test_two_inputs_of_one_day_that_disagree() -> None:
    given = several(("QT", 400, "ms"), ("heart-rate", 60, "/min"), ("heart-rate", 120, "/min"))
    assert truth({"observation": "QTcF", "at_most": "450 ms"}, given) is None
    assert truth({"observation": "QTcF", "at_most": "510 ms"}, given) is True


def test_a_reported_result_that_may_lie_outside_the_window_leaves_both_open() -> None:
    condition = {"observation": "eGFR", "at_least": f"60 {EGFR}", "within": "28 days"}
    creatinine = observation("creatinine", "1.0", "mg/dL")
    for reported, expected in ((90, True), (40, None)):
        records = [observation("eGFR", reported, EGFR, date="2026"), creatinine]
        assert truth(condition, {**MAN_50, "observations": records}) is expected
