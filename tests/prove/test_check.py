"""`check --prove`: what is told, in every form, what an author has accepted, and what becomes of the exit status."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import z3

from prescreen import load_trial
from prescreen.check import Proving, check_paths
from prescreen.cli import main
from prescreen.language.load import bundled_trials
from prescreen.prove.findings import prove

PROVE = ("check", "--no-mutations", "--prove")
HEAD = """\
schema: prescreen/trial/1
id: T
title: A trial
source: {document: protocol.md}
results_within: 28 days
"""
ADULT = "  - id: I1\n    text: Adults.\n    include_if: {age: {at_least: 18 years}}\n"
MINOR = "  - id: E1\n    text: Minors.\n    exclude_if: {age: {below: 18 years}}\n"
CASES = """\
    cases:
      - {expect: met, on: "2026-06-01", given: {birth_date: "2008-06-01"}}
      - {expect: failed, on: "2026-06-01", given: {birth_date: "2008-06-02"}}
      - {expect: undetermined, given: {}}
"""
REASON = "    accepted: {repeated-criterion: the protocol says it on both lists}\n"
TWICE = f"{HEAD}criteria:\n{ADULT}{CASES}{MINOR}{CASES}"
ACCEPTED = f"{HEAD}criteria:\n{ADULT}{CASES}{MINOR}{REASON}{CASES}"
GAP = f"""{HEAD}criteria:
  - id: I1
    text: Children and older adults.
    include_if: {{any: [{{age: {{below: 18 years}}}}, {{age: {{at_least: 65 years}}}}]}}
    cases:
      - {{expect: met, on: "2026-06-01", given: {{birth_date: "1961-06-01"}}}}
      - {{expect: failed, on: "2026-06-01", given: {{birth_date: "1961-06-02"}}}}
      - {{expect: failed, on: "2026-06-01", given: {{birth_date: "2008-06-01"}}}}
      - {{expect: met, on: "2026-06-01", given: {{birth_date: "2008-06-02"}}}}
      - {{expect: undetermined, given: {{}}}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "protocol.md").write_text("A protocol.\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path, text: str) -> str:
    (folder / "trial.yaml").write_text(text, encoding="utf-8")
    return "trial.yaml"


def as_data(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    main([*PROVE, *arguments])
    return json.loads(capsys.readouterr().out)


def test_a_finding_is_told_with_a_candidate_and_counts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(folder, TWICE)
    assert main(["check", "--no-mutations", file]) == 0
    capsys.readouterr()
    assert main([*PROVE, file]) == 1
    told = capsys.readouterr()
    assert told.out == "T: 2 criteria, 6 cases, ok, proofs: 1 proven\n"
    assert told.err.startswith("error[repeated-criterion]: E1: it says the same as I1: who meets one meets the other\n")
    assert "  --> trial.yaml:14:5\n" in told.err
    assert '   = on 2026-06-01, I1 failed, E1 failed:\n     {"id": "witness", "birth_date": ' in told.err


def test_what_is_accepted_is_shown_as_such_and_does_not_count(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*PROVE, written(folder, ACCEPTED)]) == 0
    told = capsys.readouterr()
    assert told.out == "T: 2 criteria, 6 cases, ok, proofs: 1 accepted\n"
    assert told.err.startswith("accepted[repeated-criterion]: E1: ")
    assert "   = accepted: the protocol says it on both lists\n" in told.err


def test_a_note_does_not_count(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*PROVE, written(folder, GAP)]) == 0
    told = capsys.readouterr()
    assert told.out == "T: 1 criteria, 5 cases, ok, proofs: 1 note\n"
    assert told.err.startswith("note[gap]: I1: age 18 to 64 years lies between two alternatives and is in none\n")


def test_an_acceptance_that_no_longer_applies_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stale = ACCEPTED.replace("below: 18", "below: 12").replace("repeated-criterion:", "gap:")
    assert main([*PROVE, written(folder, stale)]) == 1
    told = capsys.readouterr().err
    assert "error[implied-criterion]: E1: everyone who meets I1 meets it as well" in told
    assert "error[needless-acceptance]: `gap` is accepted here, and nothing of the kind is found" in told


def test_an_unknown_code_is_refused_with_a_suggestion(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(folder, ACCEPTED.replace("repeated-criterion", "repeated-criterium"))
    assert main(["check", "--no-mutations", file]) == 1
    told = capsys.readouterr().err
    assert "error[unknown-key]: `accepted` has no `repeated-criterium`" in told
    assert "did you mean `repeated-criterion`?" in told


@pytest.mark.parametrize("reason", ["''", "[a, b]"])
def test_a_finding_is_accepted_for_a_reason(folder: Path, capsys: pytest.CaptureFixture[str], reason: str) -> None:
    text = ACCEPTED.replace("the protocol says it on both lists", reason)
    assert main(["check", written(folder, text)]) == 1
    assert "why it is accepted" in capsys.readouterr().err


def test_what_concerns_the_trial_is_accepted_at_its_top(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    top = "accepted: {nobody-enters: an example of a contradiction}\n"
    text = f"{HEAD}{top}criteria:\n{ADULT}{CASES}{MINOR.replace('below: 18', 'at_least: 16')}{CASES}"
    data = as_data(capsys, "--format", "json", written(folder, text))
    (finding,) = data["checked"][0]["proofs"]["findings"]
    assert (finding["code"], finding["grade"]) == ("nobody-enters", "accepted")


def test_findings_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = as_data(capsys, "--format", "json", written(folder, TWICE))
    assert data["found"] == 1
    proofs = data["checked"][0]["proofs"]
    assert {name: proofs[name] for name in ("undecided", "unshown", "seconds")} == {
        "undecided": 0,
        "unshown": 0,
        "seconds": 10.0,
    }
    (finding,) = proofs["findings"]
    assert (finding["code"], finding["grade"], finding["accepted"], finding["line"]) == (
        *("repeated-criterion", "error", None, 14),
    )
    assert finding["statuses"] == {"I1": "failed", "E1": "failed"}
    assert (finding["on"], finding["witness"]["id"]) == ("2026-06-01", "witness")


def test_findings_as_sarif(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (wrong,) = as_data(capsys, "--format", "sarif", written(folder, TWICE))["runs"][0]["results"]
    assert (wrong["ruleId"], wrong["level"]) == ("repeated-criterion", "error")
    assert wrong["properties"]["witness"]["id"] == "witness"
    (meant,) = as_data(capsys, "--format", "sarif", written(folder, ACCEPTED))["runs"][0]["results"]
    reason = "the protocol says it on both lists"
    assert (meant["level"], meant["suppressions"]) == ("note", [{"kind": "inSource", "justification": reason}])
    (note,) = as_data(capsys, "--format", "sarif", written(folder, GAP))["runs"][0]["results"]
    assert note["level"] == "note"


def test_without_a_search_there_is_no_word_of_proofs(folder: Path) -> None:
    (result,) = check_paths([written(folder, TWICE)])
    assert result.proofs is None


def test_a_file_that_does_not_load_is_not_proven(folder: Path) -> None:
    (result,) = check_paths([written(folder, TWICE.replace("18 years", "18 yeers"))], None, proving=Proving())
    assert result.proofs is None
    assert result.problems


def test_what_was_not_decided_in_time_is_counted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(z3.Solver, "check", lambda *_: z3.unknown)
        assert main([*PROVE, "--time-limit", "2", written(folder, ACCEPTED)]) == 0
    said = re.fullmatch(r"T: 2 criteria, 6 cases, ok, proofs: (\d+) not decided in 2 s\n", capsys.readouterr().out)
    assert said
    assert int(said[1]) >= 5


def test_without_the_solver_it_is_said_how_to_install_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name == "z3" or name.startswith(("prescreen.prove", "z3."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "prescreen.check.proofs", raising=False)
    monkeypatch.setitem(sys.modules, "z3", None)
    assert main([*PROVE, written(folder, TWICE)]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error[no-solver]: proofs need the solver z3, which is not installed\n")
    assert 'pip install "prescreen[prove]"' in told


@pytest.mark.parametrize("name", bundled_trials())
def test_what_is_found_in_the_bundled_trials_is_explained_there(name: str) -> None:
    trial = load_trial(name)
    found = prove(trial)
    accepted = {criterion.id: {each.code for each in criterion.accepted} for criterion in trial.criteria}
    for finding in found.findings:
        assert finding.witness is not None
        assert any(finding.code in accepted[criterion] for criterion in finding.criteria), finding.message
    assert (found.undecided, found.unshown) == (0, 0)
