"""How a refusal is told."""

# ruff: noqa: E501 (tables with a case a line)
from __future__ import annotations

import pytest

from prescreen.problems import InputRefused, Problem, closest, did_you_mean


def test_a_problem_with_its_place_in_a_text() -> None:
    problem = Problem(
        "unknown-code", "no observation is called `ATL`", "trial.yaml", None, 12, 20, 3, "    {observation: ATL}", "did you mean `ALT`?"
    )  # fmt: skip
    assert str(problem).splitlines() == [
        "error[unknown-code]: no observation is called `ATL`",
        "  --> trial.yaml:12:20",
        "   |",
        "12 |     {observation: ATL}",
        "   |                    ^^^",
        "   = hint: did you mean `ALT`?",
    ]


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ({"path": "observations[2].value"}, "  --> observations[2].value"),
        ({"file": "c.json", "path": "observations[2].value"}, "  --> c.json: observations[2].value"),
        ({"file": "c.json"}, "  --> c.json"),
        ({"file": "t.yaml", "line": 3}, "  --> t.yaml:3:1"),
    ],
)
def test_a_problem_with_part_of_its_place(place: dict[str, object], line: str) -> None:
    assert str(Problem("code", "message", **place)).splitlines() == ["error[code]: message", line]  # type: ignore[arg-type]


def test_a_problem_of_no_place() -> None:
    assert str(Problem("code", "message")) == "error[code]: message"


def test_all_problems_of_an_input_at_once() -> None:
    both = [Problem("a", "first"), Problem("b", "second")]
    refused = InputRefused(problem for problem in both)
    assert refused.problems == tuple(both)
    assert str(refused) == "error[a]: first\nerror[b]: second"
    assert isinstance(refused, ValueError)


@pytest.mark.parametrize(
    ("name", "match"),
    [("observatons", "observations"), ("ATL", None), ("alt", "ALT"), ("HBSAG", "HBsAg"), ("zorkmid", None)],
)
def test_a_name_is_suggested_only_when_it_is_close(name: str, match: str | None) -> None:
    known = ["observations", "conditions", "ALT", "HBsAg"]
    assert closest(name, known) == match
    assert did_you_mean(name, known) == (None if match is None else f"did you mean `{match}`?")
