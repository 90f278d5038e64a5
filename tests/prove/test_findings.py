"""What is a finding and what is none: holes between limits, scores, exclusions, what is left open, and the words."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import z3

from prescreen.prove import Model, find
from prescreen.prove.finding import in_words
from prescreen.prove.findings import Proofs, prove
from prescreen.prove.ranges import Line, Quantity, Stretch
from tests.prove.test_model import ALT, RITUXIMAB, trial

EGFR = {"observation": "eGFR"}
ECOG = {"observation": "ECOG"}


def found(*conditions: Any, **top: Any) -> list[tuple[str, str]]:
    proofs = prove(trial(*conditions, **top))
    assert (proofs.undecided, proofs.unshown) == (0, 0)
    return [(finding.code, finding.message) for finding in proofs.findings]


@pytest.mark.parametrize(
    ("condition", "gap"),
    [
        (
            {"any": [{**EGFR, "at_most": "30 mL/min/1.73m2"}, {**EGFR, "above": "60 mL/min/1.73m2"}]},
            "eGFR above 30 to 60 mL/min/{1.73_m2}",
        ),
        ({"any": [{**ALT, "below": "1 ULN"}, {**ALT, "at_least": "2 ULN"}]}, "ALT from 1 to below 2 × ULN"),
        ({"any": [{**ALT, "below": "40 U/L"}, {**ALT, "above": "40 U/L"}]}, "ALT of exactly 40 U/L"),
        ({"any": [{**ALT, "at_most": "40 U/L"}, {**ALT, "at_least": "80 U/L"}]}, "ALT above 40 and below 80 U/L"),
        ({"any": [{**ECOG, "at_most": 1}, {**ECOG, "at_least": 3}]}, "ECOG above 1 and below 3"),
        (
            {"any": [{"age": {"below": "6 months"}}, {"age": {"at_least": "14 months"}}]},
            "age 6 to 13 months",
        ),
    ],
)
def test_a_hole_between_limits_is_a_gap(condition: Any, gap: str) -> None:
    assert found(condition) == [("gap", f"I0: {gap} lies between two alternatives and is in none")]


@pytest.mark.parametrize(
    "condition",
    [
        {"any": [{**ECOG, "at_most": 1}, {**ECOG, "at_least": 2}]},  # a score has no value between
        {"any": [{**ECOG, "at_most": 1}, {**ALT, "at_most": "3 ULN"}]},
        {"any": [{**ALT, "below": "1 ULN"}, {**ALT, "at_least": "80 U/L"}]},  # these are two quantities
        {"any": [{"age": {"below": "18 years"}}, {"age": {"at_least": "65 years"}, "on": "first_dose"}]},
    ],
)
def test_what_is_no_gap(condition: Any) -> None:
    assert "gap" not in dict(found(condition))


def test_those_who_are_not_excluded_are_no_gap() -> None:
    criteria = [
        {
            "id": "E1",
            "text": "t",
            "exclude_if": {"any": [{**ALT, "below": "5 U/L"}, {**ALT, "above": "80 U/L"}]},
        }
    ]
    assert found(criteria=criteria) == []


def test_subgroups_of_several_criteria_leave_a_gap_of_the_trial() -> None:
    answer = {"answer": "stage", "equals": "early"}
    criteria = [
        {"id": f"I{n}", "text": "t", "include_if": {"if": {"age": bounds}, "then": answer}}
        for n, bounds in enumerate([{"below": "18 years"}, {"at_least": "65 years"}])
    ]
    proofs = prove(trial(criteria=criteria))
    (finding,) = proofs.findings
    assert (finding.code, finding.criteria) == ("gap", ())
    assert finding.message == "age 18 to 64 years lies between two subgroups and is in none"
    assert finding.witness is not None
    assert finding.witness.statuses == {"I0": "met", "I1": "met"}


def test_what_only_a_provisional_record_meets_is_left_open() -> None:
    suspected = {"condition": "SLE", "verification": "provisional"}
    loaded = trial(suspected)
    model = Model(loaded)
    met = model.met(loaded.criteria[0])
    assert model.possible(met)
    assert find(model, [met], {"I0": "met"}) is None
    witness = find(model, [z3.Not(met)], {"I0": "failed"})
    assert witness is not None
    assert witness.candidate["complete"] == {"conditions": True}


def test_lengths_in_hours_are_open_on_the_day_of_their_edge_only() -> None:
    ongoing = {**RITUXIMAB, "status": "ongoing"}
    loaded = trial({**ongoing, "for_at_least": "72 hours"}, {**ongoing, "for_at_least": "2 days"})
    model = Model(loaded)
    hours, days = map(model.met, loaded.criteria)
    assert model.implies(hours, days)
    assert not model.implies(days, hours)
    witness = find(model, [days, z3.Not(hours)], {"I0": "failed", "I1": "met"})
    assert witness is not None


def test_some_questions_left_undecided_hide_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = trial({**ALT, "at_most": "3 ULN"}, {**ALT, "at_most": "5 ULN"})
    asked = z3.Solver.check
    monkeypatch.setattr(
        z3.Solver, "check", lambda solver, *supposed: z3.unknown if len(supposed) > 1 else asked(solver, *supposed)
    )
    proofs: Proofs = prove(loaded, seconds=1)
    assert proofs.findings == []
    assert proofs.undecided > 0
    assert {"implied-criterion", "repeated-criterion"} <= proofs.unsure


def test_conditions_in_words() -> None:
    condition = {
        "all": [
            {
                "if": {"sex": "female"},
                "then": {"use": "grown"},
                "else": {"not": {"any": [ALT_HIGH, {"sex": "female"}]}},
            },
            {**ALT_HIGH, "unless": {"answer": "stage", "equals": "late"}},
        ]
    }
    loaded = trial(condition, definitions={"grown": {"age": {"at_least": "18 years"}}})
    assert in_words(loaded.criteria[0].condition, loaded) == (
        "all of (if female, then `grown`, else not (any of (ALT above 5 × ULN; female)); ALT above 5 × ULN, unless "
        "“Stage?” answered late)"
    )
    long = trial({"all": [{**ALT, "at_most": f"{n} ULN"} for n in range(2, 20)]})
    assert len(in_words(long.criteria[0].condition, long)) == 160


ALT_HIGH = {**ALT, "above": "5 ULN"}


def test_stretches_without_an_end_in_words() -> None:
    loaded = trial({**ALT, "at_most": "3 ULN"})
    (leaf,) = Model(loaded).leaves_of(Model(loaded).met(loaded.criteria[0])) or (loaded.criteria[0].condition,)
    line = Line(Model(loaded), Quantity("ALT", "", leaf.window, "ULN"), [leaf])
    three = Fraction(3)
    assert [line.words(stretch) for stretch in line.stretches] == [
        "ALT below 3 × ULN",
        "ALT of exactly 3 × ULN",
        "ALT above 3 × ULN",
    ]
    assert line.words(Stretch(None, False, three, True)) == "ALT at most 3 × ULN"
    assert line.words(Stretch(three, True, None, False)) == "ALT at least 3 × ULN"
