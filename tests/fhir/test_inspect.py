"""`prescreen inspect`: counts that add up to the entries, and which criteria the rest touches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prescreen.cli import main
from tests.fhir.bundles import LOINC, ME, SNOMED, bundle, coded, condition, observation, patient, procedure, text_of

_PLACES = [parent / "shared" / "data" / "fhir" / "synthea-r4" for parent in Path(__file__).resolve().parents[2:5]]
DATA = next((place for place in _PLACES if place.is_dir()), _PLACES[0])
BUNDLE = bundle(
    patient(),
    observation(),
    observation("12345-5", id="o2", code=coded(LOINC, "12345-5", "Creatinine something")),
    observation(id="o3", status="entered-in-error"),
    observation(id="o4", status="odd"),
    condition(SNOMED, "44465007", id="c2"),
    procedure(),
    {"resourceType": "Encounter", "id": "e1", "subject": ME},
    {"nothing": 1},
)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.json"
    path.write_bytes(text_of(BUNDLE))
    return path


def test_the_counts_add_up(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(written), "--format", "json", "--trial", "NCT07535138"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["entries"] == 9 == sum(found["states"].values())
    assert found["states"] == {"understood": 3, "open": 2, "unmapped": 2, "aside": 1, "skipped": 1}
    assert sum(count for states in found["types"].values() for count in states.values()) == 9
    by_code = {each["code"]: each for each in found["unmapped"]}
    assert (
        by_code["12345-5"]["may_be"] == ["creatinine", "creatinine-clearance"]
        or "creatinine" in by_code["12345-5"]["may_be"]
    )
    assert by_code["44465007"]["places"] == ["entry[5].resource"]
    assert "E3" in by_code["44465007"]["touches"]["NCT07535138"]


def test_text_says_the_same(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(written), "--trial", "NCT07535138"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{written}:1: 9 entries, candidate p1"
    assert "       3  understood  read and used" in lines
    assert "       9  in all" in lines
    assert "       4  Observation  1 aside, 1 open, 1 understood, 1 unmapped" in lines
    assert any("44465007), first in entry[5].resource" in line for line in lines)
    assert any(line.strip().startswith("touches NCT07535138: P1") for line in lines)


def test_what_is_no_bundle_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.json"
    path.write_text('{"id": "C-1"}')
    assert main(["inspect", str(path)]) == 2
    assert "expected a Bundle" in capsys.readouterr().err


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data are not here")
def test_synthetic_records(capsys: pytest.CaptureFixture[str]) -> None:
    paths = sorted(map(str, DATA.glob("*.json")))
    assert main(["inspect", *paths, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    for one, path in zip(found, paths, strict=True):
        assert one["entries"] == len(json.loads(Path(path).read_text())["entry"]) == sum(one["states"].values())
        assert "open" not in one["states"]
    assert main(["screen", "NCT07535138", *paths, "--on", "2026-06-01", "--format", "jsonl"]) == 0
    reports = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(reports) == 5
    for report in reports:
        assert all(criterion["headline"] for criterion in report["criteria"])
        assert all(issue["path"].startswith("entry[") for issue in report["issues"])
