"""One meaning (semantics §8): cohorts, in arrays and in SQL, give the statuses of the direct evaluator."""

from __future__ import annotations

import sys
from datetime import date
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prescreen import load_trial
from prescreen.candidate import Candidate
from prescreen.cohort.algebra import FALLBACK
from prescreen.cohort.plan import make_plan
from prescreen.cohort.relational import decide_in
from prescreen.cohort.scan import Scan
from prescreen.engine import screen as engine
from prescreen.ranges import load_ranges
from prescreen.synth import Shares, synthesise
from prescreen.tables import open_tables, write_tables
from tests.cohort.agreement import (
    compared,
    compared_tables,
    generated,
    leaf_by_leaf,
    on_boundaries,
    peculiar,
)
from tests.cohort.duck import DuckRunner
from tests.cohort.several import of_open_ages, of_shared_facts, of_what_records_make_of_cases, several
from tests.reference.generate import SCREENING_DAYS

sys.path.append(str(Path(__file__).parents[2] / "tools"))
DAY = date(2026, 6, 1)
ASKING = {
    "schema": "prescreen/trial/1",
    "id": "T",
    "title": "t",
    "source": {"document": "none", "complete": True},
    "results_within": "any",
    "questions": {"q": {"ask": "candidate", "text": "t?"}},
    "criteria": [{"id": "C", "text": "t", "include_if": {"answer": "q"}}],
}
ONE_BY_ONE = settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))


@ONE_BY_ONE
@given(st.integers(0, 10**6), st.sampled_from(SCREENING_DAYS))
def test_generated_conditions_and_candidates(seed: int, day: date) -> None:
    trial, profiles = generated(count(seed), day, 12)
    found = compared([trial], profiles, day)
    assert found.pairs == 144
    assert not found.different


@pytest.mark.parametrize("seed", [12, 13])
def test_several_records_and_unknown_anchors(seed: int) -> None:
    trial, profiles = several(seed, DAY, 12, 60)
    found = compared([trial], profiles, DAY)
    assert found.pairs == 720
    assert not found.different
    assert found.by_columns > 360


def test_a_birth_known_in_part_lies_on_either_side_of_a_limit() -> None:
    trial, profiles = of_open_ages(DAY)
    found = compared([trial], profiles, DAY)
    assert found.pairs == 360
    assert not found.different
    assert found.by_columns >= 180


@pytest.mark.parametrize("block", [1, 64])
def test_who_has_records_is_not_like_who_has_none(block: int) -> None:
    trial, profiles = of_shared_facts(DAY)
    found = compared([trial], profiles, DAY, block=block)
    assert found.pairs == 112
    assert not found.different


def test_records_that_make_cases_are_not_shared() -> None:
    """Found by review: answers were copied to whom they did not hold of, and anchors of exceptions were not seen."""
    trial, profiles = of_what_records_make_of_cases(DAY)
    found = compared([trial], profiles, DAY)
    assert found.pairs == len(profiles) * 12
    assert not found.different


def test_results_on_thresholds_and_peculiar_records() -> None:
    trial = load_trial("NCT07535138")
    profiles = [*on_boundaries(trial, DAY), *peculiar(trial, DAY)]
    assert any(o.value in ("1.8", 1.8) for profile in profiles for o in profile.observations) or len(profiles) > 100
    assert not compared([leaf_by_leaf(trial)], profiles, DAY).different


def test_a_synthetic_cohort_with_bad_rows_against_two_trials(tmp_path: Path) -> None:
    trials = [load_trial("NCT07535138"), load_trial("NCT05697211")]
    synthesise(40, 3, tmp_path / "data", shares=Shares(irregular=0.3, bad=0.1), trials=trials[:1])
    found = compared_tables(trials, tmp_path / "data", tmp_path / "out", DAY)
    assert found.pairs == 40 * sum(len(trial.criteria) for trial in trials)
    assert not found.different
    assert found.by_columns


def test_a_question_that_names_its_trial(tmp_path: Path) -> None:
    """`SEVERAL:q` without a trial is the q of SEVERAL, and another answer to it is one too many."""
    trial, _ = several(1, DAY, 1, 1)
    asking = load_trial(ASKING)
    (tmp_path / "data").mkdir()
    rows = ["A,,T:q,true", "B,T,q,true", "B,,T:q,false", "C,T,q,true", "D,,q,true", "E,T,q,true", "E,,T:q,true"]
    text = "\n".join(["candidate,trial,question,value", *rows, ""])
    (tmp_path / "data" / "answers.csv").write_text(text, encoding="utf-8")
    for number, trials in enumerate([[asking], [asking, trial]]):
        found = compared_tables(trials, tmp_path / "data", tmp_path / f"out{number}", DAY)
        assert not found.different
        assert found.by_columns


def test_candidates_whose_ids_are_lists(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    columns = {"candidate": [["a", "b"], ["c"]], "question": ["q", None], "value": ["true", "x"]}
    pq.write_table(pa.table(columns), tmp_path / "data" / "answers.parquet")
    found = compared_tables([load_trial(ASKING)], tmp_path / "data", tmp_path / "out", DAY)
    assert found.pairs == 2
    assert not found.different


def test_a_sites_table_of_limits(tmp_path: Path) -> None:
    table = tmp_path / "ranges.csv"
    table.write_text("code,sex,high,unit\nALT,,40,U/L\nAST,female,35,U/L\nAST,male,45,U/L\n", encoding="utf-8")
    trial = leaf_by_leaf(load_trial("NCT07535138"))
    ranges = load_ranges(table, trial.catalogue)
    profiles = peculiar(trial, DAY)
    assert not compared([trial], profiles, DAY, ranges).different


@pytest.mark.parametrize("seed", [0, 700, None])
def test_the_same_in_sql(tmp_path: Path, seed: int | None) -> None:
    day = DAY if seed is None else SCREENING_DAYS[seed % 5]
    trial, profiles = several(14, day, 7, 40) if seed is None else generated(count(seed), day, 7)
    write_tables(profiles, tmp_path / "data")
    plan = make_plan([trial])
    with open_tables(tmp_path / "data") as tables:
        scan = Scan(tables, plan.catalogue, plan.concepts, plan.domains, day.toordinal(), 64)
        identities, decisions = decide_in(DuckRunner(tables), scan, plan, day.toordinal(), None)
    assert identities == [profile.id for profile in profiles]
    decided = 0
    for profile, statuses in zip(profiles, decisions.statuses, strict=True):
        wanted = engine.statuses(trial, Candidate(profile, trial.catalogue), day)
        for status, said in zip(wanted.values(), statuses.tolist(), strict=True):
            if said != FALLBACK:
                decided += 1
                assert ("failed", "undetermined", "met")[said] == status
    assert decided


def test_planted_bugs_still_apply() -> None:
    import agreement
    import mutants

    assert len(agreement.MUTANTS) >= 12
    for mutant in agreement.MUTANTS:
        _, source = mutants.mutated(mutant)
        compile(source, mutant.function, "exec")
