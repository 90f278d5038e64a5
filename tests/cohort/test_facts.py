"""What undetermined candidates wait for is counted as the direct evaluator names it, one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from prescreen import load_trial
from prescreen.candidate.profile import Profile
from prescreen.cohort import make_plan
from prescreen.cohort.decide import decide
from prescreen.cohort.fallback import Direct
from prescreen.cohort.people import People
from prescreen.cohort.settle import Settling
from prescreen.cohort.walk import UNDETERMINED
from prescreen.language.load import bundled_trials
from prescreen.language.model import Trial
from prescreen.problems import InputRefused
from prescreen.synth import synthesise
from prescreen.tables import open_tables, write_tables
from tests.cohort.agreement import generated
from tests.cohort.several import of_limits_by_sex, of_shared_facts, of_what_records_make_of_cases, several
from tests.cohort.shards import columns_of, scanned

DAY = date(2026, 6, 1)
Made = tuple[Trial, Sequence[Profile]]


def counted(trials: Sequence[Trial], data: Path) -> tuple[list[Counter[str]], list[Counter[str]]]:
    """By column, how many wait for each fact and ("only …") for nothing else: by columns, and one by one."""
    plan, day = make_plan(trials), DAY.toordinal()
    direct = Direct(plan, day, None)
    columns = range(len(plan.columns))
    with open_tables(data) as tables:
        scan = scanned(tables, plan, DAY)
        arrays, identities = columns_of(scan)
        odd = np.asarray(scan.odd(), np.int64)
        decided = decide(arrays, odd, plan, day, None)
        settled = Settling(plan, direct).settled(decided, People(arrays.shelf, plan, day).read)
        by_columns = [
            Counter(
                {name: n for fact, both in facts.items() for name, n in zip((fact, f"only {fact}"), both, strict=True)}
            )
            for facts in settled.facts
        ]
        one_by_one = [Counter[str]() for _ in columns]
        for place, read in enumerate(tables.read_many(identities, plan.catalogue, day)):
            assert not isinstance(read, InputRefused)
            if place in odd:
                continue
            for column, answer in zip(columns, direct.decide(read.candidate, columns), strict=True):
                assert answer.status == settled.statuses[place, column]
                if answer.status == UNDETERMINED:
                    one_by_one[column].update(answer.open)
                    one_by_one[column].update(f"only {fact}" for fact in answer.open if len(answer.open) == 1)
    return [+some for some in by_columns], one_by_one


@pytest.mark.parametrize(
    "made",
    [
        of_limits_by_sex,
        of_shared_facts,
        of_what_records_make_of_cases,
        *(
            pytest.param(lambda day, seed=seed: several(seed, day, 24, 100), id=f"several {seed}")
            for seed in (21, 22, 23)
        ),
        pytest.param(lambda day: generated(count(40_000), day, 24), id="generated"),
    ],
)
def test_of_made_trials(made: Callable[[date], Made], tmp_path: Path) -> None:
    trial, profiles = made(DAY)
    assert not write_tables(profiles, tmp_path / "data")
    by_columns, one_by_one = counted([trial], tmp_path / "data")
    assert by_columns == one_by_one
    assert sum(map(len, by_columns)) > len(trial.criteria) // 2


def test_of_all_bundled_trials(tmp_path: Path) -> None:
    synthesise(200, 8, tmp_path / "data")
    by_columns, one_by_one = counted([load_trial(name) for name in bundled_trials()], tmp_path / "data")
    assert by_columns == one_by_one
