"""Each planted fault is found at its place and nothing else is; the candidate shown has the statuses said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prescreen.cli import main
from tests.prove.faulty import FAULTY, checked, planted


def test_there_are_enough_of_them() -> None:
    faults = [code for path in FAULTY.values() for code, _ in planted(path)]
    assert len(FAULTY) >= 30
    assert set(faults) == {
        *("nobody-meets", "nobody-fails", "nobody-enters", "needless-part", "implied-criterion"),
        *("repeated-criterion", "gap", "overlap", "needless-acceptance"),
    }


@pytest.mark.parametrize("name", FAULTY)
def test_the_planted_faults_are_found_and_no_others(name: str) -> None:
    proofs = checked(FAULTY[name]).proofs
    assert proofs is not None
    found = [(proven.problem.code, proven.problem.line or 0) for proven in proofs.findings]
    assert sorted(found) == planted(FAULTY[name])
    assert (proofs.undecided, proofs.unshown) == (0, 0)


@pytest.mark.parametrize("name", FAULTY)
def test_screening_the_witness_gives_the_statuses_shown(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proofs = checked(FAULTY[name]).proofs
    assert proofs is not None
    for number, proven in enumerate(proofs.findings):
        if proven.problem.code == "needless-acceptance":
            continue
        assert proven.witness is not None
        assert proven.statuses
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps(proven.witness), encoding="utf-8")
        assert main(["screen", str(FAULTY[name]), str(file), "--on", str(proven.on), "--format", "json"]) == 0
        report = json.loads(capsys.readouterr().out)
        said = {criterion["id"]: criterion["status"] for criterion in report["criteria"]}
        assert {criterion: said[criterion] for criterion in proven.statuses} == proven.statuses


def test_a_witness_of_a_contradiction_meets_all_but_one() -> None:
    proofs = checked(FAULTY["three-that-contradict"]).proofs
    assert proofs is not None
    (found,) = proofs.findings
    assert "I1, I2 and E1 cannot be met together" in found.problem.message
    assert sorted((found.statuses or {}).values()) == ["failed", "met", "met"]


def test_a_witness_of_a_gap_lies_in_it() -> None:
    proofs = checked(FAULTY["ages-without-a-formula"]).proofs
    assert proofs is not None
    (found,) = proofs.findings
    assert "age 19 to 24 years" in found.problem.message
    born = str((found.witness or {})["birth_date"])
    assert "2001-06-01" < born <= "2007-06-01"
    assert found.problem.grade == "note"


def test_a_month_is_not_taken_for_so_many_days() -> None:
    """Four weeks are always within a month; thirty days may be more or less than one."""
    proofs = checked(FAULTY["month-and-weeks"]).proofs
    assert proofs is not None
    assert [proven.problem.message.partition(":")[0] for proven in proofs.findings] == ["E1"]
