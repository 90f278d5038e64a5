"""`fall`, `rise` and `without`: results against earlier ones, and results that an event has spoiled."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product
from random import Random
from typing import Any

import pytest

from tests.engine.helper import ask, leaf, observation, one, report, truth

HALVED: dict[str, Any] = {
    "observation": "ALT",
    "fall": {"at_least": "50 %", "from": "highest", "over": "1 year"},
    "within": "28 days",
}


def alt(*values: tuple[object, str]) -> dict[str, Any]:
    return {"observations": [observation("ALT", value, "U/L", date=day) for value, day in values]}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([(40, "2026-05-20"), (80, "2026-01-20"), (20, "2026-03-20")], True),
        ([(40.1, "2026-05-20"), (80, "2026-01-20"), (20, "2026-03-20")], False),
        ([("<40", "2026-05-20"), (">80", "2026-01-20")], True),
        ([("<41", "2026-05-20"), (80, "2026-01-20")], None),
        ([(40, "2026-05-20"), (80, "2025-05-20")], True),  # a year to the day
        ([(40, "2026-05-20"), (80, "2025-05-19")], None),  # too long ago: no earlier result
        ([(40, "2026-05-20")], None),
        ([(40, "2026-05-20"), ("80 ", "2026-05-20")], None),  # of one day: which is earlier is open
        ([(0, "2026-05-20"), (0, "2026-01-20")], None),  # from nothing to nothing
        ([(40, "2026-05-20"), (100, "2026-01")], True),
    ],
)
def test_half_of_the_highest(values: list[tuple[object, str]], expected: bool | None) -> None:
    assert truth(HALVED, alt(*values)) is expected


@pytest.mark.parametrize(
    ("base", "expected"), [("latest", False), ("first", True), ("highest", True), ("lowest", False), (None, False)]
)
def test_which_earlier_result(base: str | None, expected: bool) -> None:
    values = alt((40, "2026-05-20"), (50, "2026-04-20"), (45, "2026-03-20"), (90, "2026-02-20"))
    asked = {"above": "50 %"} | ({"from": base} if base else {})
    assert truth({"observation": "ALT", "fall": asked}, values) is expected


def test_amounts_and_percentage_points() -> None:
    rise = {"observation": "ALT", "rise": {"above": "10 U/L"}}
    assert truth(rise, alt((41, "2026-05-20"), (31, "2025-05-20"))) is False
    assert truth(rise, alt((41.1, "2026-05-20"), (31, "2025-05-20"))) is True
    assert truth(rise, alt((41, "2026-05-20"), (">31", "2025-05-20"))) is False
    points = {"observation": "HbA1c", "fall": {"at_least": "1 percentage point"}}
    results = [observation("HbA1c", 7, "%"), observation("HbA1c", 8, "%", date="2025-12-01")]
    assert truth(points, {"observations": results}) is True
    assert truth({**points, "fall": {"at_least": "50 %"}}, {"observations": results}) is False
    both = {"observation": "ALT", "at_most": "50 U/L", "fall": {"between": ["20 %", "60 %"]}}
    assert truth(both, alt((40, "2026-05-20"), (80, "2026-01-20"))) is True
    assert truth(both, alt((55, "2026-05-20"), (80, "2026-01-20"))) is False


def test_a_fall_of_a_derived_quantity() -> None:
    fall = {"observation": "eGFR", "fall": {"above": "30 %", "over": "2 years"}, "within": "28 days"}
    creatinine = [
        observation("creatinine", 2, "mg/dL"),
        observation("creatinine", 1, "mg/dL", date="2025-05-20"),
    ]
    known = {"birth_date": "1980-01-01", "sex": "female"}
    report = ask(fall, {**known, "observations": creatinine})
    assert report.condition is True
    assert set(report.deciding) >= {"observation:creatinine[0]", "observation:creatinine[1]"}
    assert truth(fall, {"observations": creatinine}) is None
    reported = observation("eGFR", 60, "mL/min/1.73m2", date="2025-08-20")
    assert truth(fall, {**known, "observations": [*creatinine, reported]}) is True
    assert truth({**fall, "fall": {"at_least": "10 mL/min/1.73m2"}}, {**known, "observations": creatinine}) is True


def test_the_earlier_result_is_shown_and_asked_for() -> None:
    found = leaf(ask(HALVED, alt((40, "2026-05-20"), (80, "2026-01-20"))).explanation, "observation")
    assert found.finding == "ALT 40 U/L on 2026-05-20, after 80 U/L on 2026-01-20"
    assert [evidence.note for evidence in found.evidence] == [None, "the earlier result"]
    assert found.requirement.startswith("ALT fallen at least 50 % from the highest one of the 1 year before it")
    alone = ask(HALVED, alt((40, "2026-05-20")))
    assert (alone.missing, leaf(alone.explanation, "observation").reason) == (("observation:ALT",), "missing")
    assert ask(HALVED, alt((40, "2026-05-20"), (80, "2026-01-20"))).turns_on == "2026-06-18"


CLEAN: dict[str, Any] = {
    "observation": "haemoglobin",
    "above": "12.5 g/dL",
    "within": "28 days",
    "without": {"procedure": "transfusion", "within": "1 month"},
}


def blood(*values: tuple[float, str], transfused: tuple[str, ...] = (), complete: bool = True) -> dict[str, Any]:
    procedures = [{"code": "transfusion", "date": day, "status": "completed"} for day in transfused]
    results = [observation("haemoglobin", value, "g/dL", date=day) for value, day in values]
    return {"observations": results, "procedures": procedures, "complete": {"procedures": complete}}


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (blood((13, "2026-05-20")), True),
        (blood((13, "2026-05-20"), complete=False), None),
        (blood((13, "2026-05-20"), transfused=("2026-04-20",)), None),  # a month before the sample
        (blood((13, "2026-05-20"), transfused=("2026-04-19",)), True),
        (blood((13, "2026-05-20"), transfused=("2026-05-21",)), True),  # after the sample
        (blood((13, "2026-05-20"), (12, "2026-05-10"), transfused=("2026-05-15",)), False),  # the one before counts
        (blood((13, "2026-05-20"), (14, "2026-05-25"), transfused=("2026-04",)), None),
        (blood((12, "2026-05-20"), (11, "2026-05-25"), complete=False), None),
        (blood((13, "2026-05"), transfused=("2026-04-10",)), None),
    ],
)
def test_results_after_a_transfusion_do_not_count(candidate: dict[str, Any], expected: bool | None) -> None:
    assert truth(CLEAN, candidate) is expected


def test_what_spoils_a_result_is_told_asked_for_and_decides() -> None:
    spoiled = ask(CLEAN, blood((13, "2026-05-20"), transfused=("2026-05-01",)))
    assert spoiled.headline == "Haemoglobin: no result counts, for each follows blood product transfusion"
    perhaps = ask(CLEAN, blood((13, "2026-05-20"), complete=False))
    assert perhaps.missing == ("observation:haemoglobin", "procedure:transfusion", "complete:procedures")
    before = ask(CLEAN, blood((13, "2026-05-20"), (12, "2026-05-10"), transfused=("2026-05-15",)))
    assert before.deciding == ("observation:haemoglobin[1]", "complete:procedures")
    requirement = leaf(before.explanation, "observation").requirement
    assert requirement.endswith("(not after blood product transfusion within 1 month before it)")


def test_what_spoils_the_only_result_of_one_candidate_is_told_of_no_other() -> None:
    trial = one(CLEAN)
    spoiled = blood((13, "2026-05-30"), transfused=("2026-05-29",))
    before = report(trial, {})["C1"]
    assert "follows" in report(trial, spoiled)["C1"].headline
    assert report(trial, {})["C1"] == before


def test_several_conditions_may_spoil_a_result() -> None:
    either = {"any": [CLEAN["without"], {"treatment": "iron-IV", "within": "2 weeks"}]}
    candidate = blood((13, "2026-05-20"))
    assert truth({**CLEAN, "without": either}, candidate) is None
    assert (
        truth({**CLEAN, "without": either}, {**candidate, "complete": {"procedures": True, "treatments": True}}) is True
    )


def test_a_leaf_that_does_not_use_them_shares_its_free_value_with_none_that_does() -> None:
    plain = {key: value for key, value in CLEAN.items() if key != "without"}
    assert truth({"any": [plain, {"not": plain}]}) is True
    assert truth({"any": [CLEAN, {"not": plain}]}) is None
    assert one(CLEAN).criteria[0].condition != one(plain).criteria[0].condition


def test_too_much_to_look_at_is_unknown_and_flagged() -> None:
    days = [(date(2026, 6, 1) - timedelta(days=each)).isoformat() for each in range(150)]
    many = alt(*((100, day) for day in days))
    report = ask({"observation": "ALT", "fall": {"at_least": "99 %"}, "select": "any", "within": "any"}, many)
    assert (report.condition, report.exact) == (None, False)
    transfused = tuple(f"2020-01-{day:02}" for day in range(1, 32)) * 2
    clean = blood(*((13, day) for day in days), transfused=transfused)
    assert truth({**CLEAN, "within": "any"}, clean) is True  # the latest alone is looked at
    every = ask({**CLEAN, "within": "any", "select": "every"}, clean)
    assert (every.condition, every.exact) == (None, False)


# --- full records of `without`, enumerated ------------------------------------------------------------

DAY = date(2026, 6, 10)
SELECTS = ("latest", "first", "any", "every")


def _days(text: str) -> list[date]:
    if len(text) > 7:
        return [date.fromisoformat(text)]
    return [date(2026, 6, 1) + timedelta(days=each) for each in range((DAY - date(2026, 6, 1)).days + 1)]


def _truths(select: str, results: list[dict[str, Any]], transfused: list[str], complete: bool) -> set[bool]:
    everywhere = [DAY - timedelta(days=each) for each in range(25)]
    extras: list[tuple[date, ...]] = [(), *(() if complete else [(day,) for day in everywhere])]
    found: set[bool] = set()
    for days in product(*(_days(each["date"]) for each in results)):
        for events in product(*map(_days, transfused)):
            for extra in extras:
                counted = []
                for result, day in zip(results, days, strict=True):
                    spoiled = any(day - timedelta(days=5) <= event <= day for event in (*events, *extra))
                    if DAY - timedelta(days=7) <= day <= DAY and not spoiled:
                        counted.append((day, result["value"] > 12.5))
                found |= _selected(select, counted)
    return found


def _selected(select: str, counted: list[tuple[date, bool]]) -> set[bool]:
    if not counted:
        return {True, False}
    if select in ("any", "every"):
        return {(any if select == "any" else all)(passed for _, passed in counted)}
    edge = (max if select == "latest" else min)(day for day, _ in counted)
    return {passed for day, passed in counted if day == edge}


@pytest.mark.parametrize("seed", range(150))
def test_no_full_record_disagrees(seed: int) -> None:
    rng = Random(seed)

    def some_day(back: int) -> str:
        text = (DAY - timedelta(days=rng.randint(0, back))).isoformat()
        return text[:7] if text.startswith("2026-06") and rng.random() < 0.15 else text

    results = [
        observation("haemoglobin", rng.choice([12, 13]), "g/dL", date=some_day(9))
        for _ in range(rng.choice([1, 2, 2, 3]))
    ]
    transfused = [some_day(15) for _ in range(rng.choice([0, 1, 1, 2]))]
    complete, select = rng.random() < 0.75, rng.choice(SELECTS)
    condition = {
        **CLEAN, "within": "7 days", "select": select, "without": {"procedure": "transfusion", "within": "5 days"},
    }  # fmt: skip
    procedures = [{"code": "transfusion", "date": day, "status": "completed"} for day in transfused]
    candidate = {"observations": results, "procedures": procedures, "complete": {"procedures": complete}}
    report = ask(condition, candidate, on=DAY)
    truths = _truths(select, results, transfused, complete)
    assert report.condition is None or truths == {report.condition}, (condition, candidate, truths)
    if report.condition is None and len(truths) == 1:
        assert not report.exact, (condition, candidate, truths)
