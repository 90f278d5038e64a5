"""The key of a condition: nothing that can change a status is left out of it."""

from __future__ import annotations

from dataclasses import fields, replace
from fractions import Fraction
from typing import Any

import pytest

from prescreen.amendment.meaning import keys_of, meaning
from prescreen.amendment.spans import order, widened
from prescreen.language.model import (
    ANY_WINDOW,
    Age,
    Amount,
    Answer,
    Change,
    ChangeBound,
    Comparison,
    Condition,
    Event,
    Moment,
    Observation,
    Select,
    Sex,
    Threshold,
    Window,
)
from prescreen.time import Span, parse_span

WEEK = Span(1, "weeks")
LAST_WEEK = Window(Moment("screening", WEEK), Moment("screening"), "1 week")
EVENT = Event("treatments", ("rituximab",), ANY_WINDOW, frozenset({"ongoing"}))
TEST = Comparison("at_most", (Threshold(Fraction(3), "ULN", None, "3 ULN"),))
OBSERVATION = Observation("ALT", (TEST,), ANY_WINDOW, Select(), "at most 3 × ULN")
FALL = Change("fall", (ChangeBound("at_least", Fraction(50), relative=True),))

OTHER: list[tuple[Condition, dict[str, Any]]] = [
    (Age(Span(18, "years"), None, "screening", ""),
     {"low": Span(19, "years"), "below": Span(66, "years"), "anchor": "consent"}),
    (Sex("female"), {"sex": "male"}),
    (Answer("fit", True), {"question": "well", "equals": False}),
    (OBSERVATION, {
        "code": "AST", "tests": (replace(TEST, operator="below"),), "window": LAST_WEEK, "select": Select("any"),
        "changes": (FALL,), "without": EVENT,
    }),
    (EVENT, {
        "domain": "conditions", "codes": ("belimumab",), "window": LAST_WEEK, "statuses": frozenset({"completed"}),
        "for_at_least": WEEK, "at": "consent", "verification": frozenset({"provisional"}), "excepted": (EVENT,),
        "severity": frozenset({"severe"}), "site": frozenset({"skin"}), "confirmed_by": frozenset({"biopsy"}),
        "indication": ("SLE",), "route": frozenset({"oral"}), "outcome": frozenset({"relapsed"}),
        "dose": (Amount("at_least", Fraction(1), "1 mg"),), "daily_dose": (Amount("at_least", Fraction(1), "1 mg"),),
        "count": (("at_least", 2),), "lines": (("at_least", 2),), "equivalent": "prednisone", "changed": True,
        "by_start": True, "duration": (("above", WEEK),),
    }),
]  # fmt: skip


@pytest.mark.parametrize(("leaf", "other"), OTHER, ids=[type(leaf).__name__ for leaf, _ in OTHER])
def test_every_option_of_a_leaf_is_part_of_its_meaning(leaf: Any, other: dict[str, Any]) -> None:
    assert set(other) == {field.name for field in fields(leaf)} - {"where", "text"}
    keys = [meaning(leaf), *(meaning(replace(leaf, **{name: value})) for name, value in other.items())]
    assert len(set(keys)) == len(keys)


def test_every_part_of_a_change_and_of_a_choice_of_results() -> None:
    changes = [
        FALL,
        replace(FALL, way="rise"),
        replace(FALL, bounds=(ChangeBound("at_least", Fraction(50), relative=False),)),
        replace(FALL, bounds=(ChangeBound("above", Fraction(50), relative=True),)),
        replace(FALL, bounds=(ChangeBound("at_least", Fraction(40), relative=True),)),
        replace(FALL, base="first"),
        replace(FALL, over=WEEK),
    ]
    selects = [Select(), Select("consecutive", 2), Select("consecutive", 3), Select("consecutive", 2, WEEK)]
    leaves = [replace(OBSERVATION, changes=(change,)) for change in changes]
    leaves += [replace(OBSERVATION, select=select) for select in selects]
    assert len({meaning(leaf) for leaf in leaves}) == len(leaves)


def test_a_limit_in_one_unit_is_a_number_and_in_two_units_each_counts() -> None:
    mass, amount = Threshold(Fraction(3, 2), None, "mass", "1.5"), Threshold(Fraction(3, 2), None, "amount", "133")
    assert keys_of(Comparison("at_most", (mass,))) == keys_of(Comparison("at_most", (amount,)))
    assert keys_of(Comparison("at_most", (mass, amount))) != keys_of(Comparison("at_most", (mass,)))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("4 weeks", "28 days", 0),
        ("12 months", "1 year", 0),
        ("24 hours", "1 day", 0),
        ("1 month", "4 weeks", 1),
        ("28 days", "1 month", -1),
        ("1 month", "30 days", None),
        ("3 months", "12 weeks", 1),
        ("6 months", "26 weeks", None),
        ("25 hours", "1 day", 1),
        ("2 months", "3 months", -1),
    ],
)
def test_which_span_is_longer(one: str, other: str, expected: int | None) -> None:
    assert order(parse_span(one), parse_span(other)) == expected
    assert order(parse_span(other), parse_span(one)) == (None if expected is None else -expected)


def _window(start: tuple[str, str | None, int] | None, end: tuple[str, str | None, int] | None) -> Window:
    ends = [
        each and Moment(each[0], each[1] and parse_span(each[1]), -1 if each[2] < 0 else 1)  # type: ignore[arg-type]
        for each in (start, end)
    ]
    return Window(ends[0] or None, ends[1] or None, "")


NOW = ("screening", None, -1)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (_window(("screening", "4 weeks", -1), NOW), _window(("screening", "28 days", -1), NOW), "same"),
        (_window(("screening", "4 weeks", -1), NOW), _window(("screening", "2 weeks", -1), NOW), "narrower"),
        (_window(("screening", "4 weeks", -1), NOW), _window(None, NOW), "wider"),
        (_window(("screening", "4 weeks", -1), NOW), ANY_WINDOW, "wider"),
        (_window(("screening", "4 weeks", -1), NOW), _window(NOW, ("screening", "4 weeks", 1)), "unclear"),
        (_window(("screening", "30 days", -1), NOW), _window(("screening", "1 month", -1), NOW), "unclear"),
        (_window(("screening", "4 weeks", -1), NOW), _window(("consent", "4 weeks", -1), NOW), "unclear"),
        (_window(NOW, ("screening", "2 weeks", 1)), _window(NOW, ("screening", "4 weeks", 1)), "wider"),
        (
            _window(("screening", "4 weeks", -1), ("screening", "1 week", -1)),
            _window(("screening", "4 weeks", -1), ("screening", "2 weeks", -1)),
            "narrower",
        ),
        (_window(("screening", "24 hours", -1), NOW), _window(("screening", "1 day", -1), NOW), "unclear"),
    ],
)
def test_which_window_is_wider(old: Window, new: Window, expected: str) -> None:
    turned = {"wider": "narrower", "narrower": "wider"}
    assert widened(old, new) == expected
    assert widened(new, old) == turned.get(expected, expected)
