"""A bulk export as cohort tables: the same candidates as their Bundles, and every bad line told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from prescreen import load_trial, statuses
from prescreen.candidate import Candidate
from prescreen.cli import main
from prescreen.intake import parse
from tests.engine.helper import ON
from tests.fhir.bundles import bundle, condition, observation, patient, procedure, quantity, statement, text_of

pytest.importorskip("pyarrow")

TRIAL = load_trial("NCT07535138")
DRUG = {"resourceType": "Medication", "id": "d1", "code": statement()["medicationCodeableConcept"]}
GIVEN = {**statement(), "medicationReference": {"reference": "Medication/d1"}}
del GIVEN["medicationCodeableConcept"]
SEXED = observation(
    id="o5",
    lab="1920-8",
    referenceRange=[
        {"high": quantity(35), "appliesTo": [{"coding": [{"code": "female"}]}]},
        {"high": quantity(50), "appliesTo": [{"coding": [{"code": "male"}]}]},
    ],
)


def written(folder: Path, *resources: Any) -> Path:
    """An export of resources, one file for each type, and those that are no resource in a file of their own."""
    folder.mkdir(exist_ok=True)
    for each in resources:
        kind = each.get("resourceType", "Odd") if isinstance(each, Mapping) else "Odd"
        with (folder / f"{kind}.ndjson").open("a") as stream:
            stream.write((each if isinstance(each, str) else json.dumps(each)) + "\n")
    return folder


def read(tables: Path, identity: str) -> Candidate:
    from prescreen.tables import open_tables

    with open_tables(tables) as cohort:
        found = cohort.read(identity, TRIAL.catalogue, ON.toordinal())
    assert found is not None
    return found.candidate


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_tables_give_what_the_bundle_gives(tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    resources = (patient(), observation(), SEXED, condition(), GIVEN, DRUG, procedure(),
                 observation(id="o2", status="odd"), observation(id="o3", valueString="x"))  # fmt: skip
    export, out = written(tmp_path / "export", *resources), tmp_path / "tables"
    assert main(["import", str(export), "--out", str(out), "--format", form]) == 0
    said = capsys.readouterr().out
    assert said.startswith("9 resources of 1 patients: 2 open, 7 understood\n")
    (direct,) = parse(text_of(bundle(*resources)), TRIAL.catalogue)
    tabled = read(out, "p1")
    assert statuses(TRIAL, tabled, on=ON) == statuses(TRIAL, direct, on=ON)
    # a table holds what a record leaves open in its own way: what decides is the same
    records = {name: len(getattr(tabled.profile, name)) for name in ("observations", "conditions", "treatments")}
    assert records == {"observations": 4, "conditions": 1, "treatments": 1}
    assert (tabled.profile.birth_date, tabled.profile.sex) == ("1984-07-05", "female")
    (limits,) = [each.reference_range for each in tabled.profile.observations if each.id == "o5"]
    assert limits is not None
    assert limits.high == 35


def test_every_bad_line_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nobodys = {key: value for key, value in observation(id="o9").items() if key != "subject"}
    export = written(
        tmp_path / "export",
        patient(),
        '{"resourceType": "Observation", "id"',
        "7",
        nobodys,
        observation(id="o8", subject={"reference": "Group/g"}),
        {"resourceType": "Encounter", "id": "e"},
        {**patient(), "gender": "male"},
        {"resourceType": "Patient"},
        condition(id="c9", subject={"reference": "Patient/p2"}),
    )
    out = tmp_path / "tables"
    assert main(["import", str(export), "--out", str(out)]) == 0
    assert "9 resources of 1 patients: 1 aside, 4 open, 1 skipped, 3 understood" in capsys.readouterr().out
    issues = [json.loads(line) for line in (out / "_issues.jsonl").read_text().splitlines()]
    assert {(each["code"], each["path"]) for each in issues} == {
        ("bad-entry", "Odd.ndjson:1"),
        ("other-owner", "Odd.ndjson:1"),
        ("bad-entry", "Odd.ndjson:2"),
        ("other-owner", "Observation.ndjson:1"),
        ("other-owner", "Observation.ndjson:2"),
        ("duplicate-id", "Patient.ndjson:2"),
        ("bad-entry", "Patient.ndjson:3"),
    }
    assert read(out, "p1").profile.sex is None
    assert len(read(out, "p2").profile.conditions) == 1


def test_what_is_no_export_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 2
    assert "there is no NDJSON file" in capsys.readouterr().err
    export = written(tmp_path / "export", patient())
    assert main(["import", str(export), "--out", str(tmp_path / "out")]) == 0
    assert main(["import", str(export), "--out", str(tmp_path / "out")]) == 2


def test_ids_that_are_there_twice_are_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export = written(tmp_path / "export", patient(), patient(), observation(), condition(), condition())
    (tmp_path / "export" / "Observation.2.ndjson").write_text(json.dumps(observation(value=900)) + "\n")
    out = tmp_path / "tables"
    assert main(["import", str(export), "--out", str(out)]) == 0
    assert "6 resources of 1 patients: 2 aside, 2 open, 2 understood" in capsys.readouterr().out
    issues = [json.loads(line) for line in (out / "_issues.jsonl").read_text().splitlines()]
    assert [(each["path"], each["candidate"]) for each in issues if each["code"] == "duplicate-id"] == [
        ("Patient.ndjson:2", "p1"),
        ("Condition.ndjson:2", "p1"),
        ("Observation.2.ndjson:1", "p1"),
        ("Observation.ndjson:1", "p1"),
    ]
    tabled = read(out, "p1")
    assert statuses(TRIAL, tabled, on=ON)["I3.1"] == "undetermined"
    assert len(tabled.profile.conditions) == 1


def _of(number: int, *resources: dict[str, Any]) -> list[dict[str, Any]]:
    """Resources of one patient of several, their ids made distinct."""
    found = []
    for each in resources:
        made = {**each, "id": f"{each.get('id', 'x')}-{number}"}
        for owner in ("subject", "patient"):
            if owner in made:
                made[owner] = {"reference": f"Patient/p1-{number}"}
        found.append(made)
    return found


PEOPLE = [
    [patient(), observation(), SEXED, condition(), statement(), procedure()],
    [patient(gender="male"), observation(value=500), SEXED, procedure(performedDateTime="2025")],
    [patient(birthDate="1990"), observation(status="preliminary"), condition(clinicalStatus=None)],
    [patient(), observation(modifierExtension=[{"url": "urn:not"}]), condition("urn:x", "1")],
    [patient(), observation(effectiveDateTime="2026-05"),
     observation(id="o2", value=20, effectiveDateTime="2026-05-10")],
    [patient(), statement(status="not-taken"), observation(valueQuantity=quantity(20, comparator="<"))],
    [patient(), {"resourceType": "DiagnosticReport", "id": "d", "status": "final", "subject": {"reference": "x"},
                 "contained": [{k: v for k, v in observation().items() if k != "subject"}]}],
]  # fmt: skip


def test_a_cohort_of_exports_and_bundles_has_the_statuses_of_screenings(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    people = [_of(number, *resources) for number, resources in enumerate(PEOPLE)]
    export = written(tmp_path / "export", *[each for resources in people for each in resources])
    bundles = tmp_path / "bundles"
    bundles.mkdir()
    direct: dict[tuple[str, str], str] = {}
    for number, resources in enumerate(people):
        (bundles / f"{number}.json").write_bytes(text_of(bundle(*resources)))
        (candidate,) = parse(text_of(bundle(*resources)), TRIAL.catalogue)
        direct |= {(candidate.id, name): status for name, status in statuses(TRIAL, candidate, on=ON).items()}
    for folder in (export, bundles):
        tables, out = tmp_path / f"{folder.name}-tables", tmp_path / f"{folder.name}-out"
        assert main(["import", str(folder), "--out", str(tables)]) == 0
        assert main(["cohort", "NCT07535138", "--data", str(tables), "--out", str(out), "--on", "2026-06-01"]) == 0
        rows = parquet.read_table(out / "criteria.parquet").to_pylist()
        assert {(row["candidate"], row["criterion"]): row["status"] for row in rows} == direct
