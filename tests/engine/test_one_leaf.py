"""A leaf that uses one open fact for several records: exact, and with no fact missing that cannot matter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.helper import ask

MAY = {"anchors": {"first_dose": "2026-05"}}
AROUND = {"from": "20 days before first_dose", "to": "first_dose"}  # either day below lies in it, whatever the day is
RANGES = "code,sex,age_from,age_to,low,high,unit,valid_from,valid_to\n"
BY_SEX = RANGES + "ALT,female,,,,30,U/L,,\nALT,male,,,,40,U/L,,\n"
BY_DAY = RANGES + "ALT,,,,,30,U/L,,2026-05-15\nALT,,,,,40,U/L,2026-05-16,\n"
WOMEN = RANGES + "ALT,female,,,,30,U/L,,\n"
ONE_TO_TWO = {"observation": "ALT", "at_least": "1 ULN", "at_most": "2 ULN"}


def alt(value: Any, day: str) -> dict[str, Any]:
    return {"code": "ALT", "value": value, "unit": "U/L", "date": day}


@pytest.mark.parametrize(
    ("condition", "given"),
    [
        (
            {"observation": "ALT", "at_most": "100 U/L", "within": AROUND},
            {"observations": [alt(10, "2026-05-01"), alt(12, "2026-05-15")]},
        ),
        (
            {"procedure": "major-surgery", "within": AROUND},
            {
                "procedures": [
                    {"code": "major-surgery", "date": day, "status": "completed"}
                    for day in ("2026-05-01", "2026-05-15")
                ]
            },
        ),
    ],
)
def test_records_of_which_one_lies_in_the_window_whatever_the_anchor_is(
    condition: dict[str, Any], given: dict[str, Any]
) -> None:
    found = ask(condition, {**MAY, **given})
    assert found.condition is True
    assert len(found.deciding) == 3  # both records, and when the anchor may be


@pytest.mark.parametrize(("select", "condition"), [("any", True), ("every", False), ("latest", None)])
def test_results_of_which_one_passes_in_women_and_another_in_men(
    select: str, condition: bool | None, tmp_path: Path
) -> None:
    table = tmp_path / "ranges.csv"
    table.write_text(BY_SEX, "utf-8")
    given = {"observations": [alt(35, "2026-05-20"), alt(65, "2026-05-22")]}
    found = ask({**ONE_TO_TWO, "select": select}, given, ranges=table)
    assert found.condition is condition
    assert found.missing == (("sex",) if condition is None else ())  # no row of the table asks for an age


@pytest.mark.parametrize(
    ("text", "value", "missing"),
    [
        (BY_DAY, 35, ("observation:ALT#date",)),
        (BY_SEX, "30-41", ("sex", "observation:ALT")),
        (WOMEN, 35, ("sex", "observation:ALT#reference_range")),
    ],
)
def test_what_a_table_leaves_open_is_what_it_asks_for(
    text: str, value: object, missing: tuple[str, ...], tmp_path: Path
) -> None:
    table = tmp_path / "ranges.csv"
    table.write_text(text, "utf-8")
    leaf = {"observation": "ALT", "at_most": "1 ULN", "select": "any", "within": "90 days"}
    assert ask(leaf, {"observations": [alt(value, "2026-05")]}, ranges=table).missing == missing


def test_a_day_that_tells_the_limit_and_the_place_in_the_window(tmp_path: Path) -> None:
    table = tmp_path / "ranges.csv"
    table.write_text(BY_DAY, "utf-8")
    results = [alt(35, "2026-05"), alt(35, "2026-05-16")]  # before 16 May it would be too high, and too old
    found = ask(
        {"observation": "ALT", "at_most": "1 ULN", "within": "16 days"}, {"observations": results}, ranges=table
    )
    assert found.condition is True


def test_an_open_end_is_asked_for_where_the_anchor_is_known() -> None:
    given = {
        "conditions": [{"code": "malignancy", "onset": "2026-04-22", "status": "remission"}],
        "complete": {"conditions": True},
        "anchors": {"first_dose": "2026-06-01"},
    }
    found = ask({"condition": "malignancy", "within": "4 weeks after first_dose"}, given)
    assert (found.condition, found.missing) == (None, ("condition:malignancy#end",))


def test_what_is_counted_already_is_not_missing() -> None:
    drugs = ["rituximab", "belimumab"]
    given: dict[str, Any] = {
        "treatments": [{"code": "rituximab", "start": "2024", "end": "2025", "status": "completed"}]
    }
    counted = ask({"treatment": drugs, "count": {"at_most": 1}}, given)
    assert counted.missing == ("treatment:belimumab", "complete:treatments")
    given["treatments"].append({"code": "belimumab", "start": "2025", "end": "2025", "status": "completed"})
    lines = ask({"treatment": drugs, "lines": {"at_least": 2}}, {**given, "complete": {"treatments": True}})
    assert lines.condition is None
    assert "treatment:rituximab#end" in lines.missing


def test_a_result_that_is_too_fresh_today_and_counts_one_day() -> None:
    window = {"from": "24 weeks before screening", "to": "1 week before screening"}
    leaf = {"observation": "ALT", "at_most": "80 U/L", "within": window}
    found = ask(leaf, {"observations": [alt(100, "2026-05-28"), alt(20, "2026-06-01")]})
    assert (found.turns_on, found.condition) == ("2026-06-04", None)


def test_a_window_of_which_only_the_anchor_is_open_asks_for_nothing_else() -> None:
    given = {
        "treatments": [{"code": "rituximab", "start": "2026-05-20", "end": "2026-05-20", "status": "completed"}],
        "complete": {"treatments": True},
        "anchors": {"first_dose": "2026-06"},
    }
    found = ask({"treatment": "rituximab", "within": "20 days before first_dose"}, given)
    assert (found.condition, found.missing) == (None, ("anchor:first_dose",))


MEAN = {"select": {"mean_of": 2}, "within": "28 days"}


def test_a_mean_of_derived_values_is_decided() -> None:
    creatinine = [
        {"code": "creatinine", "value": value, "unit": "mg/dL", "date": day}
        for value, day in (("1.0", "2026-05-20"), ("1.1", "2026-05-22"))
    ]
    man = {"birth_date": "1980-01-01", "sex": "male", "observations": creatinine}
    assert ask({"observation": "eGFR", "at_least": "60 mL/min/1.73m2", **MEAN}, man).condition is True
    assert ask({"observation": "eGFR", "below": "60 mL/min/1.73m2", **MEAN}, man).condition is False


@pytest.mark.parametrize(
    ("bound", "first", "second", "condition"),
    [
        ({"above": "1 ULN"}, 80, 1, True),  # twice the limit, and some more
        ({"above": "1 ULN"}, 80, 0, False),
        ({"at_least": "1 ULN"}, 80, 0, True),
        ({"at_most": "1 ULN"}, 80, 1, False),
        ({"above": "1 ULN"}, 79, 1, None),
    ],
)
def test_a_mean_with_a_limit_that_may_be_any(
    bound: dict[str, Any], first: int, second: int, condition: bool | None
) -> None:
    results = [{**alt(first, "2026-05-20"), "reference_range": {"high": 40}}, alt(second, "2026-05-22")]
    found = ask({"observation": "ALT", **bound, **MEAN}, {"observations": results})
    assert (found.condition, found.exact) == (condition, True)
    assert found.missing == (("observation:ALT#reference_range",) if condition is None else ())
