"""What the solver is told holds of every record: whatever truths the engine finds together, the model allows together,
and gives the condition the same truth. And what the solver finds, the engine confirms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from prescreen import load_trial
from prescreen.candidate import Candidate
from prescreen.candidate.read import parse_candidate
from prescreen.engine.compile import CompiledCriterion, LeafNode
from prescreen.engine.screen import compiled_trial
from prescreen.engine.setting import Setting
from prescreen.problems import InputRefused
from prescreen.prove import SCREENED_ON, Model, Status, find
from prescreen.truth import TRUE, UNKNOWN
from tests.reference.generate import Pair, pair

NOT_WRITTEN = ("consecutive", "mean_of", "fall", "rise")
"""What is modelled exactly only in part when a candidate is written down."""


def _held_against(model: Model, compiled: CompiledCriterion, setting: Setting, nodes: Sequence[LeafNode]) -> int:
    """How many leaves of a criterion are known of a candidate; their truths, and the condition's, are possible."""
    whole = model.condition(compiled.criterion.condition)
    spoken = model.leaves_of(whole)
    known: list[z3.BoolRef] = []
    for node in nodes:
        truth = node.find(setting).truth
        if truth is not UNKNOWN and node.condition in spoken:
            formula = model.condition(node.condition)
            known.append(formula if truth is TRUE else z3.Not(formula))
    assert model.possible(*known), compiled.criterion.id
    if len(known) == len(spoken):
        truth = compiled.root.evaluate(setting)
        assert truth is not UNKNOWN
        assert model.possible(*known, whole) is (truth is TRUE)
        assert model.possible(*known, z3.Not(whole)) is not (truth is TRUE)
    return len(known)


def _truths_together(made: Pair) -> int:
    """How many leaves are known of a generated candidate."""
    try:
        trial = load_trial(made.trial())
        profile = parse_candidate(made.candidate, catalogue=trial.catalogue)
    except InputRefused:
        return 0
    compiled = compiled_trial(trial)
    setting = compiled.setting(Candidate(profile, trial.catalogue).facts(trial.catalogue), made.day.toordinal(), None)
    return _held_against(Model(trial), compiled.criteria[0], setting, compiled.leaves)


@pytest.mark.parametrize("name", ["NCT05689424", "NCT05696613", "NCT07535138"])
def test_the_truths_of_the_cases_of_rules_are_possible_together(name: str) -> None:
    trial = load_trial(name)
    model, compiled = Model(trial), compiled_trial(trial)
    for criterion in compiled.criteria:
        for case in criterion.criterion.cases:
            profile = parse_candidate({"id": "case", **case.given}, catalogue=trial.catalogue)
            day = SCREENED_ON if case.on is None else date.fromisoformat(case.on)
            facts = Candidate(profile, trial.catalogue).facts(trial.catalogue)
            _held_against(model, criterion, compiled.setting(facts, day.toordinal(), None), compiled.leaves)


@pytest.mark.parametrize("start", range(0, 600, 150))
def test_truths_found_together_are_possible_together(start: int) -> None:
    known = [_truths_together(pair(seed)) for seed in range(start, start + 150)]
    assert sum(number > 1 for number in known) > 20


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=1_000_000, max_value=2**31))
def test_any_truths_found_together_are_possible_together(seed: int) -> None:
    _truths_together(pair(seed))


def _shown(made: Pair) -> int:
    """How many of the two statuses a candidate was found for; each that was found has been screened."""
    trial = load_trial(made.trial())
    model, (criterion,) = Model(trial), trial.criteria
    met = model.met(criterion)
    wishes: list[tuple[z3.BoolRef, Status]] = [(met, "met"), (z3.Not(met), "failed")]
    found = [find(model, [formula], {"C": status}) for formula, status in wishes]
    for (formula, _), witness in zip(wishes, found, strict=True):
        assert witness is None or model.possible(formula)
    written = json.dumps([made.condition, made.definitions])
    assert model.unreproduced == 0 or any(word in written for word in NOT_WRITTEN), written
    return sum(witness is not None for witness in found)


@pytest.mark.parametrize("start", range(0, 160, 40))
def test_what_is_found_is_confirmed_by_screening(start: int) -> None:
    found = sum(_shown(pair(seed)) for seed in range(start, start + 40))
    assert found > 60  # of 80
