"""`explain` and `synth` on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from prescreen.candidate.read import parse_candidate
from prescreen.cli import DONE, REFUSED, main
from prescreen.tables import write_tables

ROOT = Path(__file__).parents[2]
ON = ("--on", "2026-06-01")
PATHS = sorted((ROOT / "examples").glob("*.json"))

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("cohort") / "tables"
    write_tables((parse_candidate(path.read_bytes()) for path in PATHS), folder, "csv")
    return str(folder)


def explained(data: str, *more: str, candidate: str = "C-005") -> int:
    return main(["explain", "NCT07535138", "--data", data, "--candidate", candidate, *more])


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "html", "markdown"])
def test_explain_says_what_screen_says(form: str, data: str, capsys: Capture) -> None:
    assert explained(data, *ON, "--format", form) == DONE
    found = capsys.readouterr()
    more = ["--verbose"] if form == "text" else []
    file = next(str(path) for path in PATHS if "c-005" in path.name)
    assert main(["screen", "NCT07535138", file, *ON, "--format", form, *more]) == DONE
    assert found.out == capsys.readouterr().out
    assert found.err == ""


def test_an_id_that_is_not_there_is_refused_with_near_ones(data: str, capsys: Capture) -> None:
    assert explained(data, *ON, candidate="c-05") == REFUSED
    said = capsys.readouterr()
    assert said.out == ""
    assert "error[unknown-candidate]: no table names a candidate `c-05`" in said.err
    assert "hint: did you mean `C-005`" in said.err


def test_an_id_that_is_like_none_has_no_hint(data: str, capsys: Capture) -> None:
    assert explained(data, candidate="Z" * 500) == REFUSED
    assert "hint" not in capsys.readouterr().err


def test_bad_rows_are_among_the_issues_and_unread_columns_on_standard_error(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "persons.csv").write_text("candidate,birth_date,sx\nC-005,1980-13-01,male\n")
    assert explained(str(tmp_path), *ON, "--format", "json") == DONE
    said = capsys.readouterr()
    (issue,) = json.loads(said.out)["issues"]
    assert (issue["code"], issue["path"]) == ("bad-date", "persons row 1")
    assert "note: persons: the column sx is not read (did you mean `sex`?)" in said.err
    assert explained(str(tmp_path), *ON) == DONE
    assert "persons row 1" in capsys.readouterr().out


def test_without_a_day_it_is_today_and_said(data: str, capsys: Capture) -> None:
    assert explained(data, "--format", "json") == DONE
    assert "the screening day is today" in capsys.readouterr().err


def test_ranges_and_out(data: str, tmp_path: Path, capsys: Capture) -> None:
    ranges = tmp_path / "ranges.csv"
    ranges.write_text("code,sex,age_from,age_to,low,high,unit,valid_from,valid_to\nALT,,,,,40,U/L,,\n")
    out = tmp_path / "report.json"
    assert explained(data, *ON, "--ranges", str(ranges), "--format", "json", "--out", str(out)) == DONE
    assert json.loads(out.read_text())["ranges_sha256"]
    assert explained(data, *ON, "--ranges", str(ranges), "--out", str(ranges)) == REFUSED
    assert explained(str(tmp_path / "none"), *ON) == REFUSED
    assert "there is no such folder or database" in capsys.readouterr().err


def test_synth_makes_a_cohort_that_explain_reads(tmp_path: Path, capsys: Capture) -> None:
    out = str(tmp_path / "made")
    command = ["synth", "--candidates", "50", "--seed", "3", "--out", out, "--bad", "0.1", "--trial", "NCT05689424"]
    assert main(command) == DONE
    assert "50 persons" in capsys.readouterr().out
    assert explained(out, *ON, candidate="C-0000050") == DONE
    assert main(command) == REFUSED
    assert "has cohort tables already" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong", [["--candidates", "0"], ["--irregular", "2"], ["--trial", "NCT0000"], ["--on", "today"]]
)
def test_synth_refuses_what_makes_no_sense(wrong: list[str], tmp_path: Path) -> None:
    assert main(["synth", "--candidates", "5", "--out", str(tmp_path / "made"), *wrong]) == REFUSED
    assert not (tmp_path / "made").exists()


def test_without_the_extra_both_say_what_to_install(data: str, tmp_path: Path) -> None:
    code = """
import sys
for name in ("duckdb", "pyarrow", "numpy"): sys.modules[name] = None
from prescreen.cli import main
print(main(["explain", "NCT07535138", "--data", sys.argv[1], "--candidate", "C-005"]))
print(main(["synth", "--candidates", "5", "--out", sys.argv[2]]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, data, str(tmp_path / "x")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["2", "2"]
    assert done.stderr.count("install prescreen with its extra `cohort`") == 2


def test_a_screening_imports_no_library_of_cohorts() -> None:
    code = """
import sys, io
from contextlib import redirect_stdout
from prescreen.cli import main
with redirect_stdout(io.StringIO()): main(["screen", "NCT07535138", sys.argv[1], "--on", "2026-06-01"])
ours = {"prescreen.tables", "prescreen.synth", "prescreen.funnel"}
print(sorted((ours | {"duckdb", "pyarrow", "numpy"}) & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(PATHS[0])], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
