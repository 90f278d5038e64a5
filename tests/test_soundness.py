"""A quick run of the soundness check: the engine against the brute-force reference (`make soundness` runs more)."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.compare import as_json, expected, judge, said
from tests.reference.generate import pair
from tools.mutants import MUTANTS, Mutant, mutated


def _check(seed: int) -> None:
    made = pair(seed)
    truths = expected(made)
    if truths is None:
        return
    answer = said(made)
    assert judge(made, truths, answer) in ("ok", "flagged"), f"said {answer}, truths {set(truths)}: {as_json(made)}"


@pytest.mark.parametrize("start", range(0, 240, 40))
def test_the_first_pairs(start: int) -> None:
    for seed in range(start, start + 40):
        _check(seed)


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=1_000_000, max_value=2**31))
def test_any_pair(seed: int) -> None:
    _check(seed)


@pytest.mark.skipif("PRESCREEN_COMPILED" in os.environ, reason="bugs are planted in the sources")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.title)
def test_bugs_can_still_be_planted(mutant: Mutant) -> None:
    _, source = mutated(mutant)
    compile("from __future__ import annotations\n" + source, mutant.function, "exec")
