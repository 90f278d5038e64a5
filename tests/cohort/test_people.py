"""Candidates made of a shard's own rows have the statuses that those read from the tables have."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from prescreen import load_trial
from prescreen.cohort import make_plan
from prescreen.cohort.arrays import Arrays
from prescreen.cohort.decide import Waiting, decide
from prescreen.cohort.fallback import Direct
from prescreen.cohort.people import People
from prescreen.cohort.spelling import Ids
from prescreen.language.load import bundled_trials
from prescreen.language.model import Trial
from prescreen.problems import InputRefused
from prescreen.synth import synthesise
from prescreen.tables import open_tables, write_tables
from tests.cohort.agreement import generated, on_boundaries, peculiar
from tests.cohort.several import several
from tests.cohort.shards import columns_of, scanned

DAY = date(2026, 6, 1)


def held(trials: Sequence[Trial], data: Path) -> int:
    """How many candidates were made of rows, and have all statuses that they have by their tables."""
    plan, day = make_plan(trials), DAY.toordinal()
    direct, columns = Direct(plan, day, None), range(len(plan.columns))
    with open_tables(data) as tables:
        scan = scanned(tables, plan, DAY)
        arrays, identities = columns_of(scan)
        odd = frozenset(scan.odd())
        whole = dict(zip(identities, tables.read_many(identities, plan.catalogue, day), strict=True))
        places = [place for place in range(len(identities)) if place not in odd]
        some = {place: tuple(np.random.default_rng(place).permutation(columns)[:9].tolist()) for place in places}
        for wanted in ({place: tuple(columns) for place in places}, some):
            for place, made in People(arrays.shelf, plan, day).read(wanted):
                read = whole[identities[place]]
                assert not isinstance(made, InputRefused)
                assert not isinstance(read, InputRefused)
                mine = wanted[place]
                assert direct.decide(made, mine) == direct.decide(read.candidate, mine), identities[place]
    return len(places)


@pytest.mark.parametrize("several", [False, True], ids=["one trial", "all trials"])
def test_synthetic_candidates(several: bool, tmp_path: Path) -> None:
    synthesise(150, 3, tmp_path / "data")
    names = bundled_trials() if several else ("NCT07535138",)
    assert held([load_trial(name) for name in names], tmp_path / "data") > 100


def test_generated_candidates(tmp_path: Path) -> None:
    trial, profiles = generated(count(20_000), DAY, 40)
    everybody = [*profiles, *peculiar(trial, DAY), *on_boundaries(trial, DAY)[:40]]
    assert not write_tables(everybody, tmp_path / "data")
    assert held([trial], tmp_path / "data") > 40


@pytest.mark.parametrize("synthetic", [True, False])
def test_days_are_supposed_for_few_as_for_all(synthetic: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What anchors leave open is the same whether a criterion's candidates are looked at alone or among all."""
    if synthetic:
        trials = [load_trial(name) for name in bundled_trials()]
        synthesise(400, 4, tmp_path / "data")
    else:
        trial, profiles = several(3, DAY, 24, 120)
        trials = [trial]
        assert not write_tables(profiles, tmp_path / "data")
    plan, looked_at_alone = make_plan(trials), 0
    some_of = Arrays.of_some

    def of_some(arrays: Arrays, candidates: Ids) -> Arrays:
        nonlocal looked_at_alone
        looked_at_alone += 1
        return some_of(arrays, candidates)

    monkeypatch.setattr(Arrays, "of_some", of_some)
    found: list[tuple[list[list[int]], list[Waiting]]] = []
    for few, is_alone in ((10**9, False), (1, True)):
        monkeypatch.setattr("prescreen.cohort.decide._FEW", few)
        with open_tables(tmp_path / "data") as tables:
            scan = scanned(tables, plan, DAY)
            arrays, _ = columns_of(scan)
            made = decide(arrays, np.asarray(scan.odd(), np.int64), plan, DAY.toordinal(), None)
        assert (looked_at_alone > 0) is is_alone
        found.append((made.statuses.tolist(), made.facts))
    assert found[0] == found[1]
