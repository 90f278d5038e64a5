"""Leaves that look at several records together: lines, doses in equivalents. Examples, and enumerated full records."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import combinations, product
from random import Random
from typing import Any

import pytest

from tests.engine.helper import ask, leaf, truth

EVERYTHING = {"complete": {"treatments": True}}
LINES = {"treatment": ["rituximab", "cyclophosphamide", "mycophenolate"], "lines": {"at_least": 2}}
STEROIDS = "systemic-corticosteroids"
MUCH = {"treatment": STEROIDS, "within": "30 days", "daily_dose": {"above": "10 mg/day", "as": "prednisone"}}


def given(
    code: str, start: str | None, end: str | None = None, dose: float | None = None, **more: Any
) -> dict[str, Any]:
    record = {"code": code, "status": "completed" if end else "ongoing", **more}
    record |= {} if start is None else {"start": start}
    record |= {} if end is None else {"end": end}
    return record if dose is None else {**record, "daily_dose": {"value": dose, "unit": "mg/day"}}


def test_courses_that_overlap_are_one_line() -> None:
    first, second = given("cyclophosphamide", "2024-01", "2024-06"), given("mycophenolate", "2024-07", "2025-06")
    beside = given("mycophenolate", "2024-03-04", "2025-06-06")
    assert truth(LINES, {"treatments": [first, second]}) is True
    assert truth(LINES, {"treatments": [first]}) is None
    assert truth(LINES, {"treatments": [first], **EVERYTHING}) is False
    assert truth(LINES, {"treatments": [first, beside], **EVERYTHING}) is False
    assert truth({**LINES, "lines": {"at_most": 1}}, {"treatments": [first, second]}) is False
    assert truth({**LINES, "lines": {"at_most": 2}}, {"treatments": [first, second]}) is None
    assert truth({**LINES, "lines": {"between": [2, 2]}}, {"treatments": [first, second], **EVERYTHING}) is True
    assert truth({**LINES, "lines": {"above": 2}}, {"treatments": [first, second], **EVERYTHING}) is False
    assert truth({**LINES, "lines": {"below": 3}}, {"treatments": [first, second], **EVERYTHING}) is True


def test_what_begins_on_the_day_another_ends_follows_it() -> None:
    first, second = given("cyclophosphamide", "2024-01-02", "2024-06-03"), given("mycophenolate", "2024-06-03")
    assert truth(LINES, {"treatments": [first, second]}) is True
    one_day = [given(code, "2024-01-02", "2024-01-02") for code in ("rituximab", "cyclophosphamide")]
    assert truth(LINES, {"treatments": one_day, **EVERYTHING}) is False


def test_lines_that_vague_dates_leave_open() -> None:
    records = [given("cyclophosphamide", "2024", "2024"), given("mycophenolate", "2024", "2025")]
    report = ask(LINES, {"treatments": records, **EVERYTHING})
    assert (report.condition, report.exact) == (None, False)
    assert "come to together is open" in (leaf(report.explanation, "treatment").finding or "")
    many = [given("rituximab", f"20{year}-01-02", f"20{year}-01-05") for year in range(11, 26)]
    assert truth({**LINES, "lines": {"at_least": 12}}, {"treatments": many}) is True


def test_equivalents_of_what_is_given_at_one_time_are_added_up() -> None:
    five, four = given("prednisone", "2026-01-01", dose=5), given("methylprednisolone", "2026-01-01", dose=4)
    more = given("methylprednisolone", "2026-01-01", dose=4.1)
    assert truth(MUCH, {"treatments": [five, four], **EVERYTHING}) is False
    assert truth(MUCH, {"treatments": [five, more]}) is True
    assert truth(MUCH, {"treatments": [five]}) is None
    assert truth(MUCH, {"treatments": [given("dexamethasone", "2026-05-01", dose=1.5)], **EVERYTHING}) is False
    assert truth(MUCH, {"treatments": [given("dexamethasone", "2026-05-01", dose=1.6)]}) is True
    before = given("prednisone", "2026-01-01", "2026-02-01", dose=40)
    assert truth(MUCH, {"treatments": [before, five], **EVERYTHING}) is False


def test_the_sum_is_shown_with_its_source() -> None:
    records = [given("methylprednisolone", "2026-01-01", dose=8), given("prednisone", "2026-01-01")]
    found = leaf(ask(MUCH, {"treatments": records}).explanation, "treatment")
    notes = [evidence.note or "" for evidence in found.evidence]
    assert notes[0].startswith("8 mg/day = 10 mg/day as prednisone (prednisolone, US prescribing information")
    assert notes[1] == "its daily dose is not on file"
    broad = leaf(ask(MUCH, {"treatments": [given(STEROIDS, "2026-01-01", dose=8)]}).explanation, "treatment")
    assert broad.evidence[0].note == "8 mg/day, which cannot be added up"


def test_a_changed_dose_is_not_added_to_the_old_one() -> None:
    records = [given("prednisone", "2026-01-01", "2026-05-10", dose=10), given("prednisone", "2026-05-10", dose=5)]
    assert truth(MUCH, {"treatments": records, **EVERYTHING}) is False
    little = {**MUCH, "daily_dose": {"at_most": "5 mg/day", "as": "prednisone"}}
    assert truth(little, {"treatments": records, **EVERYTHING}) is True
    assert truth(little, {"treatments": records}) is None


def test_doses_that_cannot_be_added_up() -> None:
    for record in (given("prednisone", "2026-01-01"), given(STEROIDS, "2026-01-01", dose=8),
                   {**given("prednisone", "2026-01-01"), "daily_dose": {"value": 5, "unit": "mg"}}):  # fmt: skip
        assert truth(MUCH, {"treatments": [record], **EVERYTHING}) is None
    report = ask(MUCH, {"treatments": [given("prednisone", "2026-05-01", "2026-05-20", dose=20)], **EVERYTHING})
    assert report.deciding == ("treatment:prednisone[0]",)
    assert report.turns_on == "2026-06-20"


def test_too_many_records_are_not_added_up() -> None:
    records = [given("prednisone", "2026-05-10", "2026-05-20", dose=5) for _ in range(61)]
    report = ask(MUCH, {"treatments": records, **EVERYTHING})
    assert (report.condition, report.exact) == (None, False)


# --- full records, enumerated -------------------------------------------------------------------------

DAY = date(2026, 6, 20)
TODAY = DAY.toordinal()
FACTORS = {"prednisone": 1.0, "methylprednisolone": 1.25, "hydrocortisone": 0.25}
Course = tuple[int, int, float, bool]  # first and last day, dose as prednisone, whether it goes on


def _days(text: str) -> range:
    if len(text) > 7:
        return range(date.fromisoformat(text).toordinal(), date.fromisoformat(text).toordinal() + 1)
    return range(date(2026, 6, 1).toordinal(), TODAY + 1)


def _made(record: dict[str, Any]) -> list[Course]:
    factor = FACTORS[record["code"]]
    doses = [record["daily_dose"]["value"]] if "daily_dose" in record else [0.0, 100.0]
    starts = _days(record["start"])
    ends = _days(record["end"]) if "end" in record else [TODAY]
    return [
        (first, last, dose * factor, "end" not in record)
        for first, last, dose in product(starts, ends, doses)
        if first <= last
    ]


def _follows(later: Course, earlier: Course) -> bool:
    return earlier[1] <= later[0] and earlier[0] < later[0]


def _lines(courses: list[Course]) -> int:
    return max(
        size
        for size in range(len(courses) + 1)
        for some in combinations(courses, size)
        if all(_follows(a, b) or _follows(b, a) for a, b in combinations(some, 2))
    )


def _sums(courses: list[Course], first: int) -> Iterator[float]:
    for day in range(first, TODAY + 1):
        begun = any(course[0] == day for course in courses)
        counted = [
            course for course in courses
            if course[0] <= day <= course[1] and (course[3] or course[1] > day or course[0] == day or not begun)
        ]  # fmt: skip
        if counted:
            yield sum(course[2] for course in counted)


def _truths(condition: dict[str, Any], records: list[dict[str, Any]], complete: bool) -> set[bool]:
    found = set()
    more: list[list[Course]] = [[]]
    if not complete:
        days = range(TODAY - 8, TODAY + 1, 4)
        more += [[(a, b, dose, False)] for a in days for b in days if a <= b for dose in (0.1, 50.0)]
    for courses in product(*map(_made, records)):
        for extra in more:
            every = [*courses, *extra]
            if "lines" in condition:
                ((operator, bound),) = condition["lines"].items()
                numbers: list[float] = [_lines(every)]
            else:
                operator, bound = next(iter(condition["daily_dose"].items()))
                bound = float(bound.split()[0])
                numbers = list(_sums(every, TODAY - 7))
            found.add(any(_compared(number, operator, bound) for number in numbers))
    return found


def _compared(number: float, operator: str, bound: float) -> bool:
    if operator in ("at_least", "above"):
        return number >= bound if operator == "at_least" else number > bound
    return number <= bound if operator == "at_most" else number < bound


@pytest.mark.parametrize("seed", range(250))
def test_no_full_record_disagrees(seed: int) -> None:
    rng = Random(seed)
    records = []
    for _ in range(rng.choice([1, 1, 2, 2, 3])):
        first = rng.randint(TODAY - 9, TODAY - 1)
        start, end = date.fromordinal(first).isoformat(), date.fromordinal(rng.randint(first, TODAY)).isoformat()
        start = start if rng.random() < 0.85 or len(records) > 1 else start[:7]
        last = None if rng.random() < 0.35 else end
        dose = rng.choice([None, 4, 5, 10, 20])
        records.append(given(rng.choice([*FACTORS]), start, last, dose))
    if rng.random() < 0.4:
        condition: dict[str, Any] = {
            "lines": {rng.choice(["at_least", "above", "at_most", "below"]): rng.choice([1, 2])}
        }
    else:
        operator = rng.choice(["at_least", "above", "at_most", "below"])
        amount = f"{rng.choice([5, 6.25, 10, 20])} mg/day"
        condition = {"within": "7 days", "daily_dose": {operator: amount, "as": "prednisone"}}
    condition["treatment"] = [*FACTORS]
    complete = rng.random() < 0.7
    candidate = {"treatments": records, "complete": {"treatments": complete}}
    report = ask(condition, candidate, on=DAY)
    truths = _truths(condition, records, complete)
    assert report.condition is None or truths == {report.condition}, (condition, candidate, truths)
    if report.condition is None and len(truths) == 1:
        assert not report.exact, (condition, candidate, truths)
