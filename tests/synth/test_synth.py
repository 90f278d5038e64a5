"""Synthetic cohorts: the same for the same seed, of the catalogue, as irregular as asked, and with some eligible."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import date
from pathlib import Path

import duckdb
import pytest

from prescreen import load_trial, statuses
from prescreen.catalogue import DOMAINS, bundled_catalogue
from prescreen.language.load import bundled_trials
from prescreen.synth import DEFAULT_DAY, Shares, synthesise
from prescreen.synth.cohort import favourable
from prescreen.synth.laboratory import MEASURED, TESTED, UNMAPPED
from prescreen.synth.persons import AGES, DAILY_MG, DOSE_MG, GENERAL, GROUPS, OF_MEN, OF_WOMEN, PASSING, PREPARED, SHORT
from prescreen.tables import TABLES, TableCandidate, open_tables

KNOWN = bundled_catalogue()


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synth") / "cohort"
    synthesise(6_000, 11, folder, trials=[load_trial("NCT05697211")])
    return folder


def query(folder: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        for name in TABLES:
            connection.execute(f"CREATE VIEW {name} AS FROM '{folder}/{name}.parquet'")
        return connection.execute(sql).fetchall()


def test_a_seed_always_means_the_same(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        synthesise(300, seed, tmp_path / name, form="csv")
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(tmp_path / "a")["observations.csv"] != digests(tmp_path / "c")["observations.csv"]


def test_both_forms_hold_the_same(tmp_path: Path) -> None:
    synthesise(200, 5, tmp_path / "p", shares=Shares(bad=0.05))
    synthesise(200, 5, tmp_path / "c", form="csv", shares=Shares(bad=0.05))
    with open_tables(tmp_path / "p") as parquet, open_tables(tmp_path / "c") as csv:
        ids = list(parquet.ids())
        assert ids == list(csv.ids())
        for one, other in zip(parquet.read_many(ids, KNOWN), csv.read_many(ids, KNOWN), strict=True):
            assert isinstance(one, TableCandidate)
            assert isinstance(other, TableCandidate)
            assert one.candidate.profile == other.candidate.profile


def test_what_can_be_read_is_read_without_a_bad_row(cohort: Path) -> None:
    with open_tables(cohort) as tables:
        assert tables.issues == []
        ids = [f"C-{number:07d}" for number in range(1, 400)]
        found = list(tables.read_many(ids, KNOWN))
    assert len(found) == len(ids)
    for each in found:
        assert isinstance(each, TableCandidate)
        assert each.issues == ()


def test_it_says_that_it_is_synthetic(cohort: Path) -> None:
    said = json.loads((cohort / "synthetic.json").read_text())
    assert "no person" in said["synthetic"]
    assert (said["candidates"], said["seed"], said["screening_date"]) == (6_000, 11, DEFAULT_DAY.isoformat())
    assert said["rows"] == {name: query(cohort, f"SELECT count(*) FROM {name}")[0][0] for name in TABLES}


def test_most_rows_are_ordinary_and_the_irregular_of_every_kind(cohort: Path) -> None:
    ((rows, ordinary),) = query(
        cohort,
        "SELECT count(*), count(*) FILTER (regexp_full_match(value, '-?[0-9.]+|[A-Za-z-]+') AND length(date) = 10 "
        "AND verification IS NULL AND range_unit IS NULL) FROM observations",
    )
    assert isinstance(rows, int)
    assert isinstance(ordinary, int)
    assert 18 < rows / 6_000 < 23
    assert 0.94 < ordinary / rows < 0.99
    kinds = query(
        cohort,
        "SELECT count(*) FILTER (value LIKE '<%'), count(*) FILTER (value LIKE '>%'), count(*) FILTER (value IS NULL), "
        "count(*) FILTER (regexp_full_match(value, '[0-9.]+-[0-9.]+')), count(*) FILTER (length(date) = 7), "
        "count(*) FILTER (length(date) = 4), count(*) FILTER (length(date) = 16), count(*) FILTER (date IS NULL), "
        "count(*) FILTER (verification = 'refuted'), count(*) FILTER (range_unit IS NOT NULL), "
        "count(*) FILTER (value = 'not detected'), count(*) FILTER (date > '2026-06-01') FROM observations",
    )[0]
    assert all(isinstance(each, int) and each > 0 for each in kinds)
    (unmapped,) = query(cohort, f"SELECT count(*) FROM observations WHERE code IN {UNMAPPED}")[0]
    assert isinstance(unmapped, int)
    assert unmapped > 0


def test_units_ranges_and_codes_come_in_many_spellings(cohort: Path) -> None:
    units = dict(query(cohort, "SELECT unit, count(*) FROM observations WHERE code IN ('ALT', '1742-6') GROUP BY 1"))  # type: ignore[arg-type]
    assert {"U/L", "IU/L", "µkat/L"} <= units.keys()
    systems = {row[0] for row in query(cohort, "SELECT DISTINCT system FROM observations")}
    assert systems == {None, "loinc", "http://loinc.org"}
    assert {"icd-10-cm", "http://hl7.org/fhir/sid/icd-10-cm", "snomed", None} == {
        row[0] for row in query(cohort, "SELECT DISTINCT system FROM conditions")
    }


def test_as_many_rows_are_bad_as_asked(tmp_path: Path) -> None:
    synthesise(400, 3, tmp_path / "t", shares=Shares(bad=0.02))
    with open_tables(tmp_path / "t") as tables:
        found = list(tables.read_many(list(tables.ids()), KNOWN))
        count = sum(query(tmp_path / "t", f"SELECT count(*) FROM {name}")[0][0] for name in ("observations", *DOMAINS))  # type: ignore[misc]
    issues = Counter(issue.table for each in found if isinstance(each, TableCandidate) for issue in each.issues)
    assert {"observations", "conditions", "treatments"} <= issues.keys()
    assert 0.01 < sum(issues.values()) / count < 0.03


def test_nothing_irregular_where_none_is_asked_for(tmp_path: Path) -> None:
    synthesise(300, 3, tmp_path / "t", shares=Shares(irregular=0, results=5))
    ((odd,),) = query(
        tmp_path / "t",
        "SELECT count(*) FROM observations WHERE length(date) <> 10 OR date IS NULL OR value IS NULL "
        "OR verification IS NOT NULL OR range_unit IS NOT NULL",
    )
    assert odd == 0


def test_some_are_eligible_and_many_not(cohort: Path) -> None:
    trial = load_trial("NCT05697211")
    ids = [str(row[0]) for row in query(cohort, "SELECT DISTINCT candidate FROM answers WHERE trial IS NOT NULL")]
    assert len(ids) > 50
    with open_tables(cohort) as tables:
        found = Counter(
            tuple(sorted(set(statuses(trial, each.candidate, on=DEFAULT_DAY).values())))
            for each in tables.read_many(ids, trial.catalogue)
            if isinstance(each, TableCandidate)
        )
    assert found["met",] >= 3
    assert sum(number for kinds, number in found.items() if "failed" in kinds) > 10
    assert sum(number for kinds, number in found.items() if "undetermined" in kinds) > 10


def test_another_day_is_another_cohort(tmp_path: Path) -> None:
    synthesise(100, 3, tmp_path / "t", on=date(2024, 2, 29))
    ((latest,),) = query(tmp_path / "t", "SELECT max(date) FROM observations WHERE date < '2024-03-01'")
    assert str(latest) > "2024-02-01"


def test_the_tables_of_prevalences_name_what_the_catalogue_has() -> None:
    assert {each.code for each in (*MEASURED, *TESTED)} <= set(KNOWN.observations)
    assert {name for group in GROUPS for name in group.results} | PREPARED <= {
        each.code for each in (*MEASURED, *TESTED)
    }
    for domain in DOMAINS:
        assert set(GENERAL[domain]) <= set(KNOWN.events[domain])
        for group in GROUPS:
            assert set(group.records.get(domain, {})) <= set(KNOWN.events[domain])
    everything = {name for domain in DOMAINS for name in KNOWN.events[domain]}
    assert everything >= OF_MEN | OF_WOMEN | PASSING | SHORT | set(AGES) | set(DAILY_MG) | set(DOSE_MG)
    assert sum(group.share for group in GROUPS) == pytest.approx(1)
    for group in GROUPS:
        assert group.trial is None or group.trial in bundled_trials()
        assert group.trial is None or set(group.anchors) <= set(load_trial(group.trial).anchors)


def test_favourable_answers_stand_least_in_the_way() -> None:
    trial = load_trial(
        {
            "schema": "prescreen/trial/1", "id": "T", "title": "t", "source": {"document": "none", "complete": True},
            "questions": {
                **{name: {"ask": "investigator", "text": "?"} for name in "abcdef"},
                "stage": {"ask": "investigator", "text": "?", "options": ["early", "late"]},
            },
            "definitions": {"named": {"answer": "f"}},
            "criteria": [
                {"id": "I1", "text": "t", "include_if": {"all": [{"answer": "a"}, {"not": {"answer": "b"}}]}},
                {"id": "E1", "text": "t", "exclude_if": {"answer": "c", "unless": {"answer": "d"}}},
                {"id": "E2", "text": "t", "exclude_if": {"answer": "stage", "equals": "late"}},
                {"id": "I2", "text": "t",
                 "include_if": {"if": {"sex": "female"}, "then": {"answer": "e", "equals": False}}},
                {"id": "E3", "text": "t", "exclude_if": {"at_least_of": {"count": 1, "of": [{"use": "named"}]}}},
            ],
        }
    )  # fmt: skip
    assert favourable(trial) == {"a": True, "b": False, "c": False, "d": True, "stage": "early", "e": False, "f": False}
