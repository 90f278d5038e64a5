"""Facts whose possibilities cannot be cut where another leaf changes: never a truth that one completion denies."""

from __future__ import annotations

from typing import Any

from tests.engine.helper import ask, truth


def creatinine(value: object) -> dict[str, Any]:
    return {"observations": [{"code": "creatinine", "value": value, "unit": "mg/dL", "date": "2026-05-20"}]}


def test_a_derived_value_beside_its_own_input() -> None:
    condition = {
        "any": [
            {"observation": "creatinine", "at_most": "1.2 mg/dL"},
            {"observation": "creatinine", "at_least": "1.4 mg/dL"},
            {"observation": "eGFR", "at_most": "70 mL/min/1.73m2"},
        ]
    }
    man = {"birth_date": "1980-01-01", "sex": "male"}
    assert [truth(condition, {**man, **creatinine(value)}) for value in ("1.21", "1.3")] == [False, True]
    found = ask(condition, {**man, **creatinine("1.0-2.0")})
    assert (found.condition, found.exact) == (None, False)


def test_a_derived_value_at_every_age() -> None:
    def but_for(low: str, high: str) -> dict[str, Any]:
        ages = [{"age": {"at_most": "30 years"}}, {"age": {"at_least": "60 years"}}]
        unit = "mL/min/1.73m2"
        return {
            "any": [
                *ages,
                {"observation": "eGFR", "below": f"{low} {unit}"},
                {"observation": "eGFR", "above": f"{high} {unit}"},
            ]
        }

    man = {"sex": "male", **creatinine("1.22")}
    assert truth(but_for("71.9", "72.5"), {**man, "birth_date": "1976-01-01"}) is False  # at 50: 72.23
    assert truth(but_for("71.9", "72.5"), man) is None
    found = ask(but_for("71.9", "72"), man)  # at 49: 72.68
    assert found.condition is True
    assert found.deciding == ("observation:creatinine[0]", "sex")


def test_results_so_far_apart_of_which_the_day_is_open() -> None:
    def alt(value: int, day: str) -> dict[str, Any]:
        return {"code": "ALT", "value": value, "unit": "U/L", "date": day}

    in_a_row = {"consecutive": 2, "apart": "144 hours"}
    condition = {
        "any": [
            {"observation": "ALT", "above": "40 U/L", "select": in_a_row, "within": "any"},
            {"observation": "ALT", "above": "60 U/L", "within": "before enrolment"},
        ]
    }

    def on(day: str) -> bool | None:
        results = [alt(50, "2026-05-01T12:00:00.000"), alt(100, day), alt(50, "2026-05-11T12:00:00.000")]
        return truth(condition, {"anchors": {"enrolment": "2026-05-04"}, "observations": results})

    assert on("2026-05-06T12:00:00.000") is False  # five days from either neighbour
    assert on("2026-05-31") is True
    assert on("2026-05") is None

    results = [alt(50, "2026-05-01"), alt(50, "2026-05-07")]  # from five days and some to seven
    found = ask({"observation": "ALT", "above": "40 U/L", "select": in_a_row}, {"observations": results})
    assert (found.condition, found.missing) == (None, ("observation:ALT#date",))


def test_an_exception_that_hangs_on_an_anchor() -> None:
    around = {"from": "20 days before first_dose", "to": "first_dose"}
    condition = {"condition": "malignancy", "except": [{"condition": "basal-cell-carcinoma", "within": around}]}
    given = {
        "conditions": [
            {"code": "basal-cell-carcinoma", "onset": "2026-05-10", "abatement": "2026-05-11", "status": "resolved"}
        ],
        "complete": {"conditions": True},
        "anchors": {"first_dose": "2026-05"},
    }
    assert "anchor:first_dose" in ask(condition, given).missing
