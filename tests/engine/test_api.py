"""What programs use: candidates from files and dicts, and what is refused."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from prescreen import InputRefused, load_candidate, load_ranges, screen, statuses
from tests.engine.helper import ON, one, result

ADULT = one({"age": {"at_least": "18 years"}})


def write(path: Path, *lines: object) -> Path:
    path.write_text("\n".join(json.dumps(line) for line in lines), "utf-8")
    return path


def test_a_candidate_from_a_file_or_a_dict_is_the_same(tmp_path: Path) -> None:
    given = {"id": "C-1", "birth_date": "1990"}
    path = write(tmp_path / "c.json", given)
    loaded = load_candidate(path)
    assert loaded.id == "C-1"
    reports = {screen(ADULT, known, on=ON).model_dump_json() for known in (given, loaded, load_candidate(str(path)))}
    assert len(reports) == 1


def test_a_file_of_several_candidates_or_of_a_bad_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="several candidates"):
        load_candidate(write(tmp_path / "many.ndjson", {"id": "C-1"}, {"id": "C-2"}))
    with pytest.raises(InputRefused, match="observatons"):
        load_candidate(write(tmp_path / "bad.json", {"id": "C-1", "observatons": []}))
    with pytest.raises(InputRefused):
        load_candidate(tmp_path / "none.json")


def test_a_birth_after_the_screening_day_is_refused() -> None:
    for call in (screen, statuses):
        with pytest.raises(InputRefused, match="2026-06-02"):
            call(ADULT, {"id": "C-1", "birth_date": "2026-06-02"}, on=ON)
    assert statuses(ADULT, {"id": "C-1", "birth_date": "2026"}, on=date(2026, 1, 1)) == {"C1": "failed"}


def test_a_table_of_ranges_by_path_or_loaded(tmp_path: Path) -> None:
    trial = one({"observation": "ALT", "at_most": "3 ULN"})
    path = tmp_path / "ranges.csv"
    path.write_text("code,high,unit\nALT,40,U/L\n", "utf-8")
    table = load_ranges(path, trial.catalogue)
    given = {"id": "C-1", **result("ALT", 92, "U/L")}
    for ranges in (path, str(path), table):
        report = screen(trial, given, on=ON, ranges=ranges)
        assert (report["C1"].status, report.ranges_sha256) == ("met", table.sha256)
        assert statuses(trial, given, on=ON, ranges=ranges) == {"C1": "met"}
    assert screen(trial, given, on=ON).ranges_sha256 is None


def test_a_report_is_asked_by_criterion() -> None:
    report = screen(ADULT, {"id": "C-1"}, on=ON)
    assert [criterion.id for criterion in report] == ["C1"]
    with pytest.raises(KeyError):
        _ = report["C2"]
    assert "C1" in str(report)
    assert json.loads(report.model_dump_json())["schema"] == "prescreen/report/1"
