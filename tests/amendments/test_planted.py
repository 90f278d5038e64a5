"""An amendment with planted changes: each is told in words, and each that can turn a status shows a candidate whose
status it turns when both versions screen them."""

from __future__ import annotations

import json
from datetime import date

import pytest
from jsonschema import Draft202012Validator

from prescreen import screen
from prescreen.amendment import Amendment
from prescreen.amendment.witnesses import with_witnesses
from prescreen.schemas import schema_text

from .record import DRAWN, GOLDEN, amended, versions

WORDS = {
    "I1": "age: maximum age raised from 65 years to 75 years",
    "I2": "ALT and AST: limit raised from 3 × ULN to 5 × ULN",
    "I3": "haemoglobin: limit written as 90 g/L instead of 9 g/dL: the same limit",
    "I4": "now also needed: absolute lymphocyte count at least 0.5 10*9/L",
    "I5": "`any` became `all`: lupus nephritis and UPCR above 1 g/g",
    "I6": "potassium: exactly 5.5 mmol/L now counts (`below` became `at_most`)",
    "I7@B": "eGFR: limit raised from 30 mL/min/1.73m2 to 45 mL/min/1.73m2",
    "E1": "major surgery: window shortened from 24 weeks to 12 weeks before screening",
    "E2": "exception added: “Is the finding explained by lupus?” answered yes",
    "E3": "rituximab or belimumab: now also counts: anifrolumab",
    "E4": "now also counts: HBcAb positive",
    "E5": "exclusion criterion removed: live vaccine within 4 weeks before screening",
    "E7 → I9": "exclusion criterion became inclusion criterion: what a candidate must meet is the same",
    "E8": "SBP: now by every result instead of by the latest result",
    "E9": "new exclusion criterion: HIV infection",
}
LOOSER = {"I1", "I2", "I6", "E1", "E2", "E5", "E8"}
STRICTER = {"I4", "I5", "I7@B", "E3", "E4", "E9"}
SAME = {"I3", "E7 → I9"}


@pytest.fixture(scope="module")
def found() -> Amendment:
    return with_witnesses(amended(), *versions())


@pytest.mark.parametrize("name", DRAWN)
def test_what_people_read(name: str) -> None:
    assert DRAWN[name]() == (GOLDEN / name).read_text(encoding="utf-8"), "record it with `make golden`"


def test_each_change_in_words() -> None:
    said = {change.name: [each.words for each in change.differences] for change in amended().criteria}
    assert {name: words for name, words in said.items() if words} == {name: [words] for name, words in WORDS.items()}
    assert said["E6 → E5"] == []  # renumbered and nothing else
    assert said["I7@A"] == []  # reworded and nothing else


def test_each_direction() -> None:
    changes = amended().criteria
    assert {change.name for change in changes if change.direction == "looser"} == LOOSER
    assert {change.name for change in changes if change.direction == "stricter"} == STRICTER
    assert amended().counts == {"looser": 7, "stricter": 6, "none": 4}


def test_what_lies_outside_the_criteria() -> None:
    said = [(change.what, change.name, change.words, change.used_by) for change in amended().trial]
    assert said == [
        (
            "title",
            None,
            ("“A trial of a new drug in lupus nephritis” became “A trial of a new drug in lupus nephritis, amended”",),
            (),
        ),
        ("question", "adherence", ("now put to the investigator instead of the coordinator",), ("I8",)),
        ("definition", "hepatitis-b", ("now also counts: HBcAb positive",), ("E4",)),
    ]


def test_each_change_that_can_turn_a_status_turns_that_of_a_candidate(found: Amendment) -> None:
    old, new = versions()
    shown = set()
    for change in found.criteria:
        for witness in change.search.witnesses if change.search else ():
            plain = json.loads(json.dumps(witness.candidate))
            day = date.fromisoformat(witness.on)
            before, after = screen(old, plain, day), screen(new, plain, day)
            assert (before[change.old].status if change.old else None) == witness.old
            assert (after[change.new].status if change.new else None) == witness.new
            assert witness.old != witness.new
            shown.add(change.name)
    assert shown == LOOSER | STRICTER


def test_the_solver_finds_what_the_form_of_each_change_tells(found: Amendment) -> None:
    for change in found.criteria:
        turns = {(w.old, w.new) for w in change.search.witnesses} if change.search else set()
        if change.name in LOOSER:
            assert turns <= {("failed", "met"), ("failed", None)}
        if change.name in STRICTER:
            assert turns <= {("met", "failed"), (None, "failed")}
    assert [(change.name, change.direction) for change in found.criteria] == [
        (change.name, change.direction) for change in amended().criteria
    ]


def test_what_means_the_same_is_proven_to_turn_nobody(found: Amendment) -> None:
    assert {change.name for change in found.criteria if change.search and change.search.result == "none"} == SAME


def test_no_two_candidates_have_one_name(found: Amendment) -> None:
    names = [witness.candidate["id"] for witness in found.witnesses]
    assert len(names) == len(set(names)) == 13


def test_the_json_keeps_to_its_schema(found: Amendment) -> None:
    schema = json.loads(schema_text("diff"))
    for amendment in (found, amended()):
        plain = json.loads(amendment.model_dump_json())
        assert [error.message for error in Draft202012Validator(schema).iter_errors(plain)] == []
        assert plain["schema"] == "prescreen/diff/1"
