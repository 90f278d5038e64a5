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
from prescreen.candidate.profile import Profile
from prescreen.candidate.read import parse_candidate
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
from tests.cohort.several import (
    of_limits_by_sex,
    of_open_ages,
    of_shared_facts,
    of_what_records_make_of_cases,
    several,
)
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


def test_limits_on_two_sides_and_by_sex() -> None:
    trial, profiles = of_limits_by_sex(DAY)
    found = compared([trial], profiles, DAY)
    assert found.pairs == 147 * 7
    assert not found.different
    assert found.by_columns > 600  # a sex that is not given, an interval over one limit, a denial of another code


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


OWN = """
schema: prescreen/trial/1
id: {id}
title: A quantity of its own
source: {{document: none, complete: true}}
results_within: any
quantities: {{Q: {{formula: {formula}, unit: "{unit}"}}}}
criteria:
  - {{id: I1, text: At least 2, include_if: {{observation: Q, at_least: 2 {unit}}}}}
  - {{id: I2, text: Above -2, include_if: {{observation: Q, above: -2 {unit}}}}}
"""


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0,), (1,)])
def test_quantities_of_one_name_of_several_trials(order: tuple[int, ...], tmp_path: Path) -> None:
    """Found by review: results were judged by the first trial's quantity; and no result below 0 was any."""
    trials = []
    for place, (formula, unit) in enumerate((("ALT / AST", "1"), ("ALT + AST", "U/L"))):
        (tmp_path / f"{place}.yaml").write_text(OWN.format(id=f"OWN{place}", formula=formula, unit=unit), "utf-8")
        trials.append(load_trial(tmp_path / f"{place}.yaml"))
    (tmp_path / "data").mkdir()
    results = [f"{value},{unit}" for value in ("3", "-3", "<20", "<-3", ">1", "-1") for unit in ("1", "U/L", "")]
    rows = [f"P{number},Q,{result},2026-05-20" for number, result in enumerate(results)]
    text = "\n".join(["candidate,code,value,unit,date", *rows, "N,ALT,-1,U/L,2026-05-20", ""])
    (tmp_path / "data" / "observations.csv").write_text(text, encoding="utf-8")
    found = compared_tables([trials[place] for place in order], tmp_path / "data", tmp_path / "out", DAY)
    assert found.pairs == 19 * 2 * len(order)
    assert not found.different
    assert found.by_columns > found.pairs // 2


SPOILED = """
schema: prescreen/trial/1
id: SPOILED
title: Results that do not count after something
source: {document: none, complete: true}
results_within: any
criteria:
  - id: I1
    text: After no azathioprine
    include_if: {observation: haemoglobin, above: 11 g/dL, without: {treatment: azathioprine, within: 14 days}}
  - id: I2
    text: After no operation, however long ago
    include_if: {observation: haemoglobin, above: 11 g/dL, without: {procedure: appendectomy, within: any}}
  - id: I3
    text: A derived one after none
    include_if: {observation: BMI, above: 18 kg/m2, without: {procedure: appendectomy}}
  - id: I4
    text: By the sex, after none
    include_if:
      if: {sex: female}
      then: {observation: haemoglobin, above: 11 g/dL, without: {procedure: appendectomy, within: any}}
      else: {observation: haemoglobin, above: 13 g/dL, without: {procedure: appendectomy, within: any}}
"""


def of_spoiled_results(value: int, taken: str | None) -> list[Profile]:
    on = {} if taken is None else {"date": taken}
    results = [
        {"code": "haemoglobin", "value": value, "unit": "g/dL", **on},
        {"code": "weight", "value": 70, "unit": "kg", **on},
        {"code": "height", "value": 170, "unit": "cm", "date": "2026-05-20"},
    ]
    reported = {"code": "BMI", "value": 25, "unit": "kg/m2", **on}
    courses = [
        {"code": "azathioprine", "status": status, **end}
        for status in ("ongoing", "completed")
        for end in ({}, {"end": "2026-01-17"}, {"end": "2026-05-17"})
    ]
    complete = {"treatments": True, "procedures": True}
    return [
        parse_candidate({"id": f"P{n}-{m}", "observations": some, "treatments": [each], "complete": complete})
        for n, each in enumerate(courses)
        for m, some in enumerate((results, [*results, reported]))
    ]


@pytest.mark.parametrize("taken", ["2026-05-20", "2026", "2026-03/2026-05", None])
@pytest.mark.parametrize("value", [10, 12, 14])
def test_what_may_spoil_a_result(value: int, taken: str | None, tmp_path: Path) -> None:
    """Found by review: the end of what is said to go on was believed; and of a sample that may have been taken on any
    of many days, columns said more than the evaluator."""
    (tmp_path / "trial.yaml").write_text(SPOILED, encoding="utf-8")
    found = compared([load_trial(tmp_path / "trial.yaml")], of_spoiled_results(value, taken), DAY)
    assert found.pairs == 12 * 4
    assert not found.different


TWICE = """
schema: prescreen/trial/1
id: TWICE
title: A window and a length of time that hang on one anchor
source: {document: none, complete: true}
anchors: {first: the first dose}
criteria:
  - id: I1
    text: At least 30 days of fluorouracil before the first dose
    include_if: {treatment: fluorouracil, within: 28 days before first, for_at_least: 30 days, at: first}
  - id: I2
    text: The same, or of methotrexate
    include_if:
      any:
        - {treatment: fluorouracil, within: {to: first}, for_at_least: 30 days, at: first}
        - {treatment: methotrexate, within: 28 days before first, for_at_least: 30 days, at: first}
"""


def test_what_is_not_recorded_is_held_against_an_anchor_twice(tmp_path: Path) -> None:
    """Found by review: what is not recorded was in the window on one day of the anchor, long enough on another."""
    (tmp_path / "trial.yaml").write_text(TWICE, encoding="utf-8")
    (tmp_path / "data").mkdir()
    days = [f"2026-{month:02}-{day:02}" for month, day in ((4, 1), (4, 30), (5, 2), (5, 3), (5, 4), (5, 31), (6, 1))]
    rows = [f"P{number},treatments,{day}" for number, day in enumerate(days)]
    (tmp_path / "data" / "complete.csv").write_text("\n".join(["candidate,domain,through", *rows, ""]), "utf-8")
    known = [f"P{number},first,{day}" for number, day in ((3, "2026-06"), (4, "2026-07-15"))]
    (tmp_path / "data" / "anchors.csv").write_text("\n".join(["candidate,anchor,date", *known, ""]), "utf-8")
    found = compared_tables([load_trial(tmp_path / "trial.yaml")], tmp_path / "data", tmp_path / "out", DAY)
    assert found.pairs == 2 * len(days)
    assert not found.different
