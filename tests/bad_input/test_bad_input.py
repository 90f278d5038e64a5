"""Input that is wrong, one test a row: told in a few lines of what and where, exit 2, no traceback, in little memory.

How soon is measured by `make refusals`, where nothing else runs beside it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from prescreen.cli import REFUSED, main

ROOT = Path(__file__).parents[2]
TRIAL = str(ROOT / "rules" / "NCT07535138")
MEGABYTES = 500


def observation(**changes: Any) -> str:
    return json.dumps({"id": "x", "observations": [{"code": "creatinine", "value": 1, "unit": "mg/dL", **changes}]})


RULE = """\
schema: prescreen/trial/1
id: NCT00000001
title: A trial
source: {document: seeds/none.md, complete: true}
results_within: any
criteria:
  - id: I1
    text: Creatinine is low.
    source: {section: inclusion, item: 1}
    include_if: {observation: creatinine, at_most: 1.5 mg/dL}
"""
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

CANDIDATES = {
    "an empty file": (b"", "empty", "is empty"),
    "not JSON": (b"id = 1\n", "no-json", "is no JSON"),
    "a list of numbers": (b"[1, 2, 3]", "no-candidate", "a list where a candidate is expected"),
    "a misspelt key": (b'{"id": "x", "observatons": []}', "unknown-key", "did you mean `observations`?"),
    "a date of 30 February": (observation(date="2026-02-30"), "bad-date", "2026-02 has 28 days"),
    "a decimal comma": (observation(value="1,5"), "unreadable-value", "use a point: 1.5"),
    "NaN": (b'{"id": "x", "observations": [{"code": "creatinine", "value": NaN}]}', "no-json", "NaN"),
    "a negative creatinine": (observation(value=-1), "negative", "observations[0].value"),
    "an unknown code": (observation(code="creatinnine"), "unknown-code", "did you mean `creatinine`?"),
    "a non-UTF-8 file": (b'{"id": "x", "birth_date": "\xff"}', "encoding", "no UTF-8"),
    "a key given twice": (b'{"id": "x", "sex": "male", "sex": "female"}', "duplicate-key", "`sex` is given twice"),
    "a birth date after the screening day": (
        b'{"id": "x", "birth_date": "2026-06-02"}',
        "future-birth",
        "after the screening day 2026-06-01",
    ),
    "a reference range upside down": (
        observation(reference_range={"low": 40, "high": 5}),
        "range-upside-down",
        "the lower limit 40 is above the upper limit 5",
    ),
    "1e999": (observation(value=0).replace('"value": 0', '"value": 1e999'), "too-long", "observations[0].value"),
    "a value of a million digits": (
        observation(value=0).replace('"value": 0', '"value": ' + "9" * 1_000_000),
        "too-long",
        "digits",
    ),
    "a million decimals": (
        observation(value=0).replace('"value": 0', '"value": 0.' + "9" * 1_000_000),
        "too-long",
        "digits",
    ),
    "a written value of a million digits": (observation(value="9" * 1_000_000), "unreadable-value", "longer than any"),
    "deep nesting": (b'{"id": "x", "answers": ' + b'{"a":' * 100_000, "too-deep", "nested too deeply"),
}

COSTLY = b'{"id": "x", "observations": [' + b"1.5," * 490_000 + b"1]}"

RULES = {
    "a YAML alias bomb": (BOMB, "alias", "the anchor `&a` is not allowed"),
    "a unit of the wrong kind in a rule": (RULE.replace("1.5 mg/dL", "1.5 mmHg"), "unit", "mmHg"),
    "a YAML tag that would build an object": (
        RULE.replace("A trial", "!!python/object/apply:os.system ['touch /tmp/owned']"),
        "tag",
        "not allowed",
    ),
    "a misspelt key of a rule": (RULE.replace("include_if", "include_iff"), "key", "include_if"),
    "an unknown code of a rule": (
        RULE.replace("observation: creatinine", "observation: creatinnine"),
        "code",
        "creatinine",
    ),
}


def refused(capsys: pytest.CaptureFixture[str], trial: str, *candidates: str) -> str:
    """What is said of a refused input; nothing is reported."""
    status = main(["screen", trial, *candidates, "--on", "2026-06-01", "--format", "jsonl"])
    said = capsys.readouterr()
    assert (status, said.out) == (REFUSED, "")
    assert "Traceback" not in said.err
    assert len(said.err) < 8_000
    assert all(sign.isprintable() or sign == "\n" for sign in said.err)
    return said.err


@pytest.mark.parametrize("row", CANDIDATES)
def test_a_bad_candidate(row: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, code, words = CANDIDATES[row]
    path = tmp_path / "candidate.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    said = refused(capsys, TRIAL, str(path))
    assert said.count("error[") == 1
    assert f"error[{code}]" in said
    assert words in said
    assert str(path) in said


@pytest.mark.parametrize("row", CANDIDATES)
def test_a_bad_candidate_does_not_keep_back_the_good_ones(
    row: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, _, _ = CANDIDATES[row]
    bad, good = tmp_path / "bad.json", tmp_path / "good.json"
    bad.write_bytes(content.encode() if isinstance(content, str) else content)
    good.write_text('{"id": "good"}')
    assert main(["screen", TRIAL, str(bad), str(good), "--on", "2026-06-01", "--format", "jsonl"]) == REFUSED
    said = capsys.readouterr()
    assert [json.loads(line)["candidate"] for line in said.out.splitlines()] == ["good"]
    assert "1 of 2 candidates refused" in said.err


@pytest.mark.parametrize("row", RULES)
def test_a_bad_rule_file(row: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, code, words = RULES[row]
    path = tmp_path / "trial.yaml"
    path.write_text(content)
    good = tmp_path / "good.json"
    good.write_text('{"id": "good"}')
    said = refused(capsys, str(path), str(good))
    assert "error[" in said
    assert code in said
    assert words in said
    assert str(path) in said


def test_the_rule_that_the_bad_ones_are_made_of_is_sound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "trial.yaml").write_text(RULE)
    (tmp_path / "good.json").write_text(observation())
    assert main(["screen", str(tmp_path), str(tmp_path / "good.json"), "--format", "jsonl"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "eligible"


def test_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = tmp_path / "good.json"
    good.write_text('{"id": "good"}')
    assert "there is no such file" in refused(capsys, TRIAL, str(tmp_path / "none.json"))
    assert "error[" in refused(capsys, str(tmp_path / "none"), str(good))


def test_a_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = tmp_path / "good.json"
    good.write_text('{"id": "good"}')
    assert "is a directory" in refused(capsys, TRIAL, str(tmp_path))
    assert "error[" in refused(capsys, str(tmp_path), str(good))


def run(path: Path, *arguments: str) -> tuple[int, str, float]:
    """Status, standard error and megabytes of the command in a process of its own."""
    error = path / "stderr"
    with open(error, "wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", "import sys; from prescreen.cli import main; sys.exit(main())", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=stream,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, error.read_text(), usage.ru_maxrss / 1024


def nested(path: Path) -> Path:
    """A hundred megabytes of nesting."""
    with open(path, "wb") as stream:
        for _ in range(100):
            stream.write(b"[" * 1_000_000)
    return path


def test_a_hundred_megabytes_of_nesting(tmp_path: Path) -> None:
    path = nested(tmp_path / "deep.json")
    status, said, megabytes = run(tmp_path, "screen", TRIAL, str(path), "--on", "2026-06-01")
    assert status == REFUSED
    assert "error[too-long]" in said
    assert "Traceback" not in said
    assert megabytes < MEGABYTES


def test_the_costliest_text_that_is_read(tmp_path: Path) -> None:
    path = tmp_path / "costly.json"
    path.write_bytes(COSTLY)
    status, said, megabytes = run(tmp_path, "screen", TRIAL, str(path), "--on", "2026-06-01")
    assert status == REFUSED
    assert "more" in said.splitlines()[-2]
    assert megabytes < MEGABYTES
