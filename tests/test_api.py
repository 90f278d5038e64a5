"""What programs use: `load_candidate`, `screen`, `statuses`, and the report they get."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from prescreen import Candidate, InputRefused, load_candidate, load_trial, screen, statuses

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.json"))
ON = date(2026, 6, 1)
TRIAL = load_trial(ROOT / "rules" / "NCT07535138")


def test_a_candidate_comes_from_a_file_or_a_dict(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text('{"id": "A", "birth_date": "1961"}')
    from_file, from_dict = load_candidate(path), load_candidate({"id": "A", "birth_date": "1961"})
    assert isinstance(from_file, Candidate)
    assert from_file.profile == from_dict.profile
    assert screen(TRIAL, from_file, ON) == screen(TRIAL, {"id": "A", "birth_date": "1961"}, ON)


def test_a_file_of_several_candidates_is_not_one(tmp_path: Path) -> None:
    path = tmp_path / "two.ndjson"
    path.write_text('{"id": "A"}\n{"id": "B"}\n')
    with pytest.raises(InputRefused) as refused:
        load_candidate(path)
    assert [problem.code for problem in refused.value.problems] == ["several-candidates"]


def test_what_is_no_candidate_is_not_taken_for_a_path() -> None:
    profile = load_candidate({"id": "A", "birth_date": "1961"}).profile
    with pytest.raises(TypeError, match="not Profile") as refused:
        screen(TRIAL, profile, ON)  # type: ignore[arg-type]
    assert "1961" not in str(refused.value)


def test_a_bad_file_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text('{"id": "A", "sexx": "male"}')
    with pytest.raises(InputRefused, match="unknown-key") as refused:
        load_candidate(path)
    assert refused.value.problems[0].file == str(path)


def test_nobody_is_screened_before_birth() -> None:
    with pytest.raises(InputRefused, match="birth"):
        screen(TRIAL, {"id": "A", "birth_date": "2026-06-02"}, ON)
    with pytest.raises(InputRefused, match="birth"):
        statuses(TRIAL, {"id": "A", "birth_date": "2026-06-02"}, ON)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_statuses_are_those_of_the_report(path: Path) -> None:
    candidate = load_candidate(path)
    report = screen(TRIAL, candidate, ON)
    assert statuses(TRIAL, candidate, ON) == {criterion.id: criterion.status for criterion in report}


def test_a_table_of_ranges_may_be_named(tmp_path: Path) -> None:
    table = tmp_path / "ranges.csv"
    table.write_text("code,sex,age_from,age_to,low,high,unit,valid_from,valid_to\nALT,,,,,40,U/L,,\n")
    candidate = {"id": "A", "observations": [{"code": "ALT", "value": 130, "unit": "U/L", "date": "2026-05-20"}]}
    without, report = screen(TRIAL, candidate, ON), screen(TRIAL, candidate, ON, ranges=table)
    assert without.ranges_sha256 is None
    assert report.ranges_sha256 is not None
    assert "observation:ALT#reference_range" in without["I3.1"].missing
    assert "observation:ALT#reference_range" not in report["I3.1"].missing


def test_a_report_is_read_by_criterion() -> None:
    report = screen(TRIAL, {"id": "A", "birth_date": "2015"}, ON)
    assert [criterion.id for criterion in report] == [criterion.id for criterion in TRIAL.criteria]
    assert report["I1"].status == "failed"
    with pytest.raises(KeyError, match="I99"):
        _ = report["I99"]
    assert "INELIGIBLE" in str(report)
    assert report.model_dump_json().startswith('{"schema":"prescreen/report/1"')


def test_any_thread_gets_the_same_report() -> None:
    candidates = [load_candidate(path) for path in EXAMPLES]
    alone = [screen(TRIAL, candidate, ON).model_dump_json() for candidate in candidates]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda one: screen(TRIAL, one, ON).model_dump_json(), candidates * 2))
    assert together == alone * 2
