"""The corpus of mistakes: each is told at its place with its code, none hides another, suggestions only where close."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft4Validator

from prescreen.check import MISTAKES, check_paths
from prescreen.cli import FOUND, main
from prescreen.problems import Problem
from tests.check.corpus import BAD, ROOT, expectations, found

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize("name", BAD)
def test_each_mistake_is_told_at_its_place(name: str) -> None:
    assert found(BAD[name]) == expectations(BAD[name])


def test_the_corpus_is_large_and_every_folder_is_in_it() -> None:
    assert set(BAD) == {path.name for path in ROOT.iterdir() if path.is_dir()}
    assert len(BAD) >= 70
    assert sum(len(expectations(folder)) >= 2 for folder in BAD.values()) >= 20
    assert max(len(expectations(folder)) for folder in BAD.values()) >= 9


def everything() -> list[Problem]:
    return [problem for checked in check_paths([str(ROOT)]) for problem in checked.problems]


def test_all_of_them_at_once() -> None:
    """A run over the whole folder finds what runs over each find; a catalogue counts for its own trial only."""
    assert len(everything()) == sum(len(expectations(folder)) for folder in BAD.values())


def test_what_is_said_is_said_in_the_house_style() -> None:
    for problem in everything():
        assert problem.code in MISTAKES
        for said in (problem.message, problem.hint or "x"):
            assert not said.endswith("."), said
        begins = re.sub(r"^[CE]\d(, case \d)?( at \w+)?(:| is| has) ", "", problem.message)
        assert not begins[0].isupper(), problem.message
        if problem.line:
            assert problem.source_line is not None, str(problem)
            assert "^" in str(problem)


def test_meanings_agree_wherever_a_code_is_used() -> None:
    from prescreen import yamlio
    from prescreen.catalogue import entries
    from prescreen.language import source

    for table in (yamlio.MISTAKES, entries.MISTAKES, source.MISTAKES):
        for code, meaning in table.items():
            assert MISTAKES[code] == meaning, code


def test_as_json(capsys: Capture) -> None:
    assert main(["check", str(BAD["many-at-once"]), str(BAD["unknown-unit"]), "--format", "json"]) == FOUND
    said = json.loads(capsys.readouterr().out)
    assert said["schema"] == "prescreen/check/1"
    assert [checked["kind"] for checked in said["checked"]] == ["trial", "trial"]
    assert said["found"] == sum(len(checked["problems"]) for checked in said["checked"])
    (problem,) = said["checked"][1]["problems"]
    assert (problem["code"], problem["line"], problem["column"], problem["width"]) == ("unknown-unit", 17, 45, 11)
    assert problem["source_line"].endswith("{observation: ALT, at_most: 30 furlongs}")


def test_as_sarif(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts that hosts of code read: rules, places in code points, files named from the root."""
    monkeypatch.chdir(ROOT)
    out = tmp_path / "found.sarif"
    assert main(["check", "unknown-unit", str(BAD["empty-file"]), "--format", "sarif", "--out", str(out)]) == FOUND
    said = json.loads(out.read_text(encoding="utf-8"))
    assert said["version"] == "2.1.0"
    (run,) = said["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["empty", "unknown-unit"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    first, second = (result["locations"][0]["physicalLocation"] for result in run["results"])
    assert first["artifactLocation"] == {"uri": "unknown-unit/trial.yaml", "uriBaseId": "%SRCROOT%"}
    assert {**first["region"], "snippet": None} == {
        "startLine": 17,
        "startColumn": 45,
        "endColumn": 56,
        "snippet": None,
    }
    assert "region" not in second


def test_sarif_keeps_to_its_schema(capsys: Capture) -> None:
    schema = json.loads((Path(__file__).parent / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    assert main(["check", str(ROOT), "no-such-trial", "--format", "sarif"]) == FOUND
    said = json.loads(capsys.readouterr().out)
    assert len(said["runs"][0]["results"]) >= 150
    assert [error.message for error in Draft4Validator(schema).iter_errors(said)] == []


def test_a_file_elsewhere_is_named_by_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check", str(BAD["unknown-unit"]), "--format", "sarif"]) == FOUND
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert uri == {"uri": (BAD["unknown-unit"] / "trial.yaml").as_uri()}


def test_as_text_in_a_file(tmp_path: Path) -> None:
    out = tmp_path / "found.txt"
    assert main(["check", str(BAD["unknown-unit"]), "--out", str(out)]) == FOUND
    said = out.read_text(encoding="utf-8")
    assert "error[unknown-unit]" in said
    assert said.endswith("1 criteria, 3 cases, 1 found\n")


def test_a_file_that_cannot_be_written(tmp_path: Path, capsys: Capture) -> None:
    assert main(["check", str(BAD["unknown-unit"]), "--out", str(tmp_path)]) == 2
    assert "is a directory" in capsys.readouterr().err
