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
from prescreen.cohort.arrays import Arrays, Memory
from prescreen.cohort.fallback import Direct
from prescreen.cohort.people import People
from prescreen.cohort.scan import Scan
from prescreen.language.load import bundled_trials
from prescreen.language.model import Trial
from prescreen.problems import InputRefused
from prescreen.synth import synthesise
from prescreen.tables import open_tables, write_tables
from tests.cohort.agreement import generated, on_boundaries, peculiar

DAY = date(2026, 6, 1)


def held(trials: Sequence[Trial], data: Path) -> int:
    """How many candidates were made of rows, and have all statuses that they have by their tables."""
    plan, day = make_plan(trials), DAY.toordinal()
    direct, columns = Direct(plan, day, None), range(len(plan.columns))
    with open_tables(data) as tables:
        scan = Scan(tables, plan.catalogue, plan.concepts, plan.domains, day, 1 << 12)
        scan.run(lambda *_: None)
        (shard,) = scan.shards
        odd, identities = frozenset(scan.odd()), list(scan.candidates)
        whole = dict(zip(identities, tables.read_many(identities, plan.catalogue, day), strict=True))
        arrays = Arrays(
            len(identities), scan.pools, scan.concepts, shard.rows().get, scan.signature, Memory(), scan.concept
        )
        places = [place for place in range(len(identities)) if place not in odd]
        some = {place: tuple(np.random.default_rng(place).permutation(columns)[:9].tolist()) for place in places}
        for wanted in ({place: tuple(columns) for place in places}, some):
            for place, made in People(arrays, plan, day).read(wanted):
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
