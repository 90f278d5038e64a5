"""Sessions and screenings agree, whatever happens in whatever order; `make session-agreement` tries thousands."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from prescreen import load_trial
from tests.session.life import KINDS, TWICE, Life

RULES = sorted((Path(__file__).parents[2] / "rules").glob("*/trial.yaml"))
SEQUENCES = int(os.environ.get("PRESCREEN_SEQUENCES", "1"))


@pytest.mark.parametrize("path", [*RULES, None], ids=lambda path: path.parent.name if path else "TWICE")
def test_every_criterion_is_what_a_screening_says(path: Path | None, tmp_path: Path) -> None:
    trial = TWICE if path is None else load_trial(path)
    for number in range(SEQUENCES):
        rng = Random(f"{trial.id} {number}")
        life = Life([trial], str(tmp_path / f"{number}.db"))
        try:
            for _ in range(50):
                life.step(rng.choice(KINDS), rng)
            life.end(whole=True)
        finally:
            life.session.close()
