"""The day on which a status turns, against looking at every day: of options that look at several records or days."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from prescreen import load_candidate, statuses
from tests.engine.helper import one, report

DAY = date(2026, 6, 10)
AHEAD = 260
CONDITIONS: tuple[dict[str, Any], ...] = (
    {"observation": "ALT", "fall": {"at_least": "50 %", "from": "highest", "over": "4 weeks"}, "within": "2 months"},
    {"observation": "ALT", "rise": {"above": "10 U/L", "over": "1 month"}, "within": "any"},
    {"observation": "ALT", "at_most": "3 ULN", "fall": {"above": "1 U/L"}, "within": "28 days", "select": "any"},
    {
        "observation": "haemoglobin",
        "above": "12.5 g/dL",
        "within": "30 days",
        "without": {"procedure": "transfusion", "within": "5 days"},
    },
    {"treatment": "prednisone", "stable_for": "4 weeks"},
    {"treatment": "prednisone", "stable_for": "4 weeks", "at": "enrolment"},
    {"treatment": ["prednisone", "methylprednisolone"], "daily_dose": {"above": "10 mg/day", "as": "prednisone"}},
    {
        "treatment": ["prednisone", "methylprednisolone"],
        "daily_dose": {"above": "10 mg/day", "as": "prednisone"},
        "within": "6 weeks",
    },
    {
        "treatment": ["prednisone", "methylprednisolone"],
        "daily_dose": {"at_most": "10 mg/day", "as": "prednisone"},
        "within": "1 month",
    },
    {"treatment": ["prednisone", "methotrexate"], "lines": {"at_least": 2}},
    {"treatment": ["prednisone", "methotrexate"], "lines": {"at_most": 1}, "within": "3 months"},
    {"treatment": ["prednisone", "methotrexate"], "count": {"at_least": 2}, "within": "8 weeks"},
    {"treatment": "prednisone", "duration": {"at_least": "6 weeks"}},
    {"treatment": "prednisone", "duration": {"above": "2 months"}, "within": "3 months"},
    {"treatment": "prednisone", "duration": {"below": "40 days"}},
    {"treatment": "etanercept", "within": {"longest": ["18 days", "5 half-lives"]}},
)


def _some_day(rng: Random, back: int, ahead: int = 0) -> str:
    text = (DAY + timedelta(days=rng.randint(-back, ahead))).isoformat()
    return text[:7] if rng.random() < 0.2 else text


def _candidate(rng: Random) -> dict[str, Any]:
    results = [
        {
            "code": code,
            "value": rng.choice(values),
            "unit": unit,
            "date": _some_day(rng, 60, 5),
            "reference_range": {"high": high},
        }
        for code, values, unit, high in (
            *(("ALT", (20, 30, 60, 130), "U/L", 40),) * rng.randint(0, 3),
            *(("haemoglobin", (12, 13), "g/dL", 16),) * rng.randint(0, 3),
        )
    ]
    treatments = []
    for _ in range(rng.randint(0, 3)):
        status = rng.choice(("ongoing", "ongoing", "completed"))
        start = _some_day(rng, 90)
        treatment: dict[str, Any] = {
            "code": rng.choice(("prednisone", "prednisone", "methylprednisolone", "methotrexate", "etanercept")),
            "start": start,
            "status": status,
        }
        if rng.random() < 0.8:
            treatment["daily_dose"] = {"value": rng.choice((4, 5, 8, 12)), "unit": "mg/d"}
        if status == "completed" and rng.random() < 0.8:
            treatment["end"] = (date.fromisoformat(f"{start}-28"[:10]) + timedelta(days=rng.randint(0, 50))).isoformat()
        treatments.append(treatment)
    if rng.random() < 0.2:
        treatments.append({"code": "prednisone", "status": "never", "date": _some_day(rng, 30)})
    procedures = [
        {"code": "transfusion", "date": _some_day(rng, 40), "status": "completed"} for _ in range(rng.randint(0, 2))
    ]
    complete: dict[str, Any] = {
        domain: rng.choice((True, {"through": _some_day(rng, 30)}))
        for domain in ("treatments", "procedures")
        if rng.random() < 0.7
    }
    anchors = {"enrolment": _some_day(rng, 5, 30)} if rng.random() < 0.7 else {}
    return {
        "observations": results,
        "treatments": treatments,
        "procedures": procedures,
        "complete": complete,
        "anchors": anchors,
    }


@pytest.mark.parametrize("place", range(len(CONDITIONS)))
@pytest.mark.parametrize("seed", range(8))
def test_it_is_the_first_day_with_another_status(place: int, seed: int) -> None:
    rng = Random(seed * 100 + place)
    trial = one(CONDITIONS[place])
    for _ in range(3):
        candidate = _candidate(rng)
        result = report(trial, candidate, on=DAY)["C1"]
        known = load_candidate({"id": "C-1", **candidate}, catalogue=trial.catalogue)
        turning = None
        for ahead in range(1, AHEAD):
            day = DAY + timedelta(days=ahead)
            if statuses(trial, known, on=day)["C1"] != result.status:
                turning = day.isoformat()
                break
        if turning is None:
            assert result.turns_on is None or result.turns_on >= (DAY + timedelta(days=AHEAD)).isoformat(), candidate
        else:
            assert result.turns_on == turning, candidate
