"""The command line: what goes to which stream, in which form, with which exit status."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import prescreen.cli
from prescreen.cli import FOUND, INTERNAL, INTERRUPTED, REFUSED, UNREAD, main

ROOT = Path(__file__).parents[2]
TRIAL = str(ROOT / "rules" / "NCT07535138")
ON = ("--on", "2026-06-01")

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def two(tmp_path: Path) -> str:
    """A file of two candidates."""
    path = tmp_path / "two.ndjson"
    path.write_text('{"id": "A", "birth_date": "1990"}\n{"id": "B", "birth_date": "2015"}\n')
    return str(path)


@pytest.fixture
def one(tmp_path: Path) -> str:
    path = tmp_path / "one.json"
    path.write_text('{"id": "A", "birth_date": "1990"}')
    return str(path)


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.json"
    path.write_text('{"id": "C", "birthdate": "1990"}')
    return str(path)


def test_one_report_a_line_in_the_order_of_the_input(two: str, tmp_path: Path, capsys: Capture) -> None:
    third = tmp_path / "third.json"
    third.write_text('{\n"id": "C"\n}')
    assert main(["screen", TRIAL, str(third), two, *ON, "--format", "jsonl"]) == 0
    said = capsys.readouterr()
    reports = [json.loads(line) for line in said.out.splitlines()]
    assert [report["candidate"] for report in reports] == ["C", "A", "B"]
    assert {report["screening_date"] for report in reports} == {"2026-06-01"}
    assert [report["schema"] for report in reports] == ["prescreen/report/1"] * 3
    assert reports[2]["verdict"] == "ineligible"
    assert said.err == ""


def test_json_of_one_candidate_is_its_report(one: str, capsys: Capture) -> None:
    assert main(["screen", TRIAL, one, *ON, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["candidate"] == "A"


def test_json_of_several_candidates_is_a_list(two: str, one: str, bad: str, capsys: Capture) -> None:
    assert main(["screen", TRIAL, two, *ON, "--format", "json"]) == 0
    assert [report["candidate"] for report in json.loads(capsys.readouterr().out)] == ["A", "B"]
    assert main(["screen", TRIAL, bad, one, *ON, "--format", "json"]) == REFUSED
    assert [report["candidate"] for report in json.loads(capsys.readouterr().out)] == ["A"]
    assert main(["screen", TRIAL, bad, bad, *ON, "--format", "json"]) == REFUSED
    assert json.loads(capsys.readouterr().out) == []
    assert main(["screen", TRIAL, bad, *ON, "--format", "json"]) == REFUSED
    assert capsys.readouterr().out == ""


def test_text_of_one_candidate_is_its_report(one: str, capsys: Capture) -> None:
    assert main(["screen", TRIAL, one, *ON]) == 0
    short = capsys.readouterr().out
    assert short.startswith("NCT07535138")
    assert "\x1b" not in short
    assert main(["screen", TRIAL, one, *ON, "--verbose"]) == 0
    assert len(capsys.readouterr().out) > 2 * len(short)


def test_text_of_several_candidates_begins_with_a_summary(two: str, capsys: Capture) -> None:
    assert main(["screen", TRIAL, two, *ON]) == 0
    text = capsys.readouterr().out
    assert "2 screened: " in text
    assert text.index("2 screened") < text.index("INELIGIBLE")


@pytest.mark.parametrize(("form", "sign"), [("html", "<!doctype html"), ("markdown", "# ")])
def test_documents_hold_every_candidate(form: str, sign: str, two: str, capsys: Capture) -> None:
    assert main(["screen", TRIAL, two, *ON, "--format", form]) == 0
    text = capsys.readouterr().out
    assert text.lower().startswith(sign)
    assert text.lower().count("<!doctype") <= 1
    assert "INELIGIBLE" in text.upper()


def test_without_a_day_it_is_today_and_that_is_said(one: str, capsys: Capture) -> None:
    today = date.today().isoformat()  # noqa: DTZ011
    assert main(["screen", TRIAL, one]) == 0
    said = capsys.readouterr()
    assert f"The screening day is today, {today}" in said.out
    assert f"note: the screening day is today, {today}" in said.err
    assert main(["screen", TRIAL, one, "--format", "jsonl"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["screening_date"] == today
    assert f"note: the screening day is today, {today}" in said.err


def test_a_trial_is_a_folder_a_file_or_a_bundled_id(one: str, capsys: Capture) -> None:
    hashes = set()
    for trial in (TRIAL, f"{TRIAL}/trial.yaml", "NCT07535138"):
        assert main(["screen", trial, one, *ON, "--format", "json"]) == 0
        hashes.add(json.loads(capsys.readouterr().out)["rules_sha256"])
    assert len(hashes) == 1


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"id": "A"}\n{"id": "B"}\n')))
    assert main(["screen", TRIAL, "-", *ON, "--format", "jsonl"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_refusals_go_to_standard_error_and_the_rest_is_reported(one: str, bad: str, capsys: Capture) -> None:
    assert main(["screen", TRIAL, bad, one, *ON, "--format", "jsonl"]) == REFUSED
    said = capsys.readouterr()
    assert json.loads(said.out)["candidate"] == "A"
    assert f"error[unknown-key]: there is no key `birthdate` here\n  --> {bad}:1:1: birthdate" in said.err
    assert "did you mean `birth_date`?" in said.err
    assert said.err.endswith("1 of 2 candidates refused\n")


def test_many_problems_are_cut_short(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"id": "x", **{f"k{index}": 1 for index in range(80)}}))
    assert main(["screen", TRIAL, str(path), *ON]) == REFUSED
    said = capsys.readouterr().err
    assert said.count("error[") == 10
    assert "… and 70 more" in said


def test_what_an_input_says_cannot_command_the_terminal(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"id": "x", "\x1b[31mkey": 1, "birth_date": "\x1b[2J"}))
    assert main(["screen", TRIAL, str(path), *ON]) == REFUSED
    assert "\x1b" not in capsys.readouterr().err


def test_ranges_of_the_site(tmp_path: Path, capsys: Capture) -> None:
    record = {"code": "ALT", "value": 400, "unit": "U/L", "date": "2026-05-30"}
    (tmp_path / "c.json").write_text(json.dumps({"id": "x", "observations": [record]}))
    (tmp_path / "ranges.csv").write_text("code,high,unit\nALT,40,U/L\n")
    status = {}
    for options in ((), ("--ranges", str(tmp_path / "ranges.csv"))):
        assert main(["screen", TRIAL, str(tmp_path / "c.json"), *ON, "--format", "json", *options]) == 0
        report = json.loads(capsys.readouterr().out)
        (criterion,) = [criterion for criterion in report["criteria"] if criterion["id"] == "I3.1"]
        status[report["ranges_sha256"] is None] = str(criterion["explanation"]).count("the site's table")
    assert status[True] == 0
    assert status[False] > 0
    (tmp_path / "ranges.csv").write_text("code,high,unit\nALT,40,mmHg\n")
    assert main(["screen", TRIAL, str(tmp_path / "c.json"), "--ranges", str(tmp_path / "ranges.csv")]) == REFUSED
    said = capsys.readouterr()
    assert said.out == ""
    assert "ranges.csv:2" in said.err


def test_a_file_is_written_whole(one: str, two: str, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "report.json"
    out.write_text("old")
    assert main(["screen", TRIAL, one, *ON, "--format", "json", "--out", str(out)]) == 0
    assert json.loads(out.read_text())["candidate"] == "A"
    assert capsys.readouterr().out == ""
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(out.stat().st_mode) == 0o666 & ~mask
    assert {path.name for path in tmp_path.iterdir()} == {"one.json", "two.ndjson", "report.json"}


def test_a_file_stays_as_it_was_where_the_run_ends_early(
    one: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    out = tmp_path / "report.json"
    out.write_text("old")

    def broken(*_: Any) -> None:
        raise RuntimeError("a word of the patient's")

    monkeypatch.setitem(prescreen.cli._WRITERS, "json", broken)
    assert main(["screen", TRIAL, one, *ON, "--format", "json", "--out", str(out)]) == INTERNAL
    assert out.read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"one.json", "report.json"}
    said = capsys.readouterr().err
    assert said.startswith("internal error: RuntimeError at cli.py:")
    assert "patient" not in said


def test_a_place_that_takes_no_file(one: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    for out, words in [(tmp_path, "is a directory"), (tmp_path / "no" / "x", "there is no folder")]:
        assert main(["screen", TRIAL, one, *ON, "--out", str(out)]) == REFUSED
        assert words in capsys.readouterr().err

    def denied(**_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", denied)
    assert main(["screen", TRIAL, one, *ON, "--out", str(tmp_path / "x")]) == REFUSED
    assert "cannot be written: permission denied" in capsys.readouterr().err


@pytest.mark.parametrize("day", ["2026-02-30", "2026-06", "1.6.2026", "today", "20260601"])
def test_a_day_that_is_none(day: str, one: str, capsys: Capture) -> None:
    assert main(["screen", TRIAL, one, "--on", day]) == REFUSED
    assert f"`{day}` is no day: expected YYYY-MM-DD" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["screen"], ["screen", TRIAL], ["nothing"], ["screen", "--format", "pdf"], ["schema"]]
)
def test_wrong_usage(arguments: list[str], capsys: Capture) -> None:
    assert main(arguments) == REFUSED
    assert "Usage: prescreen" in capsys.readouterr().err


def test_help_and_version(capsys: Capture) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert [name for name in ("screen", "check", "diff", "schema", "watch") if f"\n  {name} " in text] == [
        "screen",
        "check",
        "diff",
        "schema",
        "watch",
    ]
    assert main(["screen", "-h"]) == 0
    assert "--ranges FILE" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("prescreen 0.")


def test_schemas_describe_what_is_read_and_written(one: str, capsys: Capture) -> None:
    assert main(["schema", "candidate"]) == 0
    candidate = json.loads(capsys.readouterr().out)
    assert candidate["additionalProperties"] is False
    assert candidate["required"] == ["id"]
    assert "for" in candidate["$defs"]["TreatmentRecord"]["properties"]
    assert main(["schema", "report"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert main(["screen", TRIAL, one, *ON, "--format", "json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == set(report["properties"])


def test_an_interruption_is_quiet(one: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(prescreen.cli._WRITERS, "json", interrupted)
    assert main(["screen", TRIAL, one, *ON, "--format", "json"]) == INTERRUPTED
    assert capsys.readouterr().err.strip() == "interrupted"


def test_nobody_reads_on(two: str) -> None:
    """Lines for a reader that has gone: no traceback, and an end."""
    code = "import sys; from prescreen.cli import main; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "screen", TRIAL, "-", *ON, "--format", "jsonl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    lines = b"".join(b'{"id": "%d"}\n' % number for number in range(50))
    _, error = process.communicate(lines)
    assert process.returncode == UNREAD
    assert error == b""


def test_progress_is_told_on_a_terminal_only(two: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(prescreen.cli, "_PATIENCE", -1.0)
    assert main(["screen", TRIAL, two, *ON, "--format", "jsonl"]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(["screen", TRIAL, two, *ON, "--format", "jsonl"]) == 0
    assert "1 candidates" in capsys.readouterr().err


def test_the_first_report_waits_for_nothing_that_it_does_not_need(one: str) -> None:
    code = (
        "import sys; from prescreen.cli import main; status = main();"
        "heavy = {'rich', 'jinja2', 'pint', 'ucumvert', 'lark', 'durable', 'numpy'} & set(sys.modules);"
        "sys.exit(str(sorted(heavy)) if heavy else status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "screen", TRIAL, one, *ON, "--format", "jsonl"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_check_says_what_is_wrong_and_where(tmp_path: Path, capsys: Capture) -> None:
    assert main(["check", str(tmp_path / "none")]) == FOUND
    said = capsys.readouterr()
    assert "error[" in said.err
    assert "1 found" in said.out
