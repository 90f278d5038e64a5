"""What goes out as FHIR: trials as Groups, reports as GuidanceResponses; valid by a validator of their own."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from prescreen import load_candidate, load_trial, screen
from prescreen.cli import main
from prescreen.fhir.group import R6, group_of
from prescreen.report.fhir import guidance_response, render
from tests.engine.helper import ON, criteria

ROOT = Path(__file__).resolve().parents[2]
TRIALS = sorted(path.parent.name for path in (ROOT / "rules").glob("*/trial.yaml"))
EXAMPLES = sorted((ROOT / "examples").glob("c-*.json"))


@cache
def _models() -> tuple[Any, Any]:
    pytest.importorskip("fhir.resources")
    from fhir.resources.group import Group
    from fhir.resources.R4B.guidanceresponse import GuidanceResponse

    return Group, GuidanceResponse


def described(characteristic: dict[str, Any]) -> str:
    (text,) = [each["valueMarkdown"] for each in characteristic["extension"] if each["url"].endswith("description")]
    return text


@pytest.mark.parametrize("name", TRIALS)
def test_each_trial_is_a_valid_group(name: str) -> None:
    trial = load_trial(ROOT / "rules" / name)
    group, untold = group_of(trial)
    _models()[0].model_validate(group)
    assert len(group["characteristic"]) == len(trial.criteria)
    for criterion, made in zip(trial.criteria, group["characteristic"], strict=True):
        assert described(made).startswith(f"{criterion.id}: {criterion.text}")
    names = {f"#{each['id']}" for each in group.get("contained", ())}
    text = json.dumps(group)
    referred = {each.split('"')[0] for each in text.split('"reference": "')[1:]}
    assert referred == names
    assert all(each.split(": ")[0] in {criterion.id for criterion in trial.criteria} for each in untold)


def one(condition: Any, *, excludes: bool = False) -> tuple[dict[str, Any], dict[str, dict[str, Any]], list[str]]:
    trial = criteria({"exclude_if" if excludes else "include_if": condition})
    group, untold = group_of(trial)
    return group["characteristic"][0], {f"#{each['id']}": each for each in group.get("contained", ())}, untold


def test_leaves_as_characteristics() -> None:
    made, _, untold = one({"age": {"at_least": "18 years", "at_most": "65 years"}})
    assert made["valueRange"]["low"]["value"] == 18
    assert made["valueRange"]["high"] == {
        "value": 65, "unit": "a", "system": "http://unitsofmeasure.org", "code": "a",
    }  # fmt: skip
    assert (made["exclude"], untold) == (False, [])
    made, _, untold = one({"observation": "haemoglobin", "below": "8.5 g/dL", "within": "any"}, excludes=True)
    assert made["valueQuantity"]["value"] == 8.5
    assert made["valueQuantity"]["comparator"] == "<"
    assert made["code"]["coding"][0] == {"system": "http://loinc.org", "code": "718-7", "display": "LOINC 718-7"}
    assert (made["exclude"], untold) == (True, [])
    made, _, _ = one({"sex": "female"})
    assert made["valueCodeableConcept"]["coding"][0]["code"] == "female"
    made, _, _ = one({"not": {"answer": "fit"}})
    assert (made["valueBoolean"], made["exclude"]) == (True, True)
    made, _, _ = one({"observation": "HBsAg", "is_not": "positive", "within": "any"})
    assert (made["valueCodeableConcept"]["text"], made["exclude"]) == ("positive", True)


def test_what_cannot_be_expressed_is_said() -> None:
    made, _, untold = one({"observation": "ALT", "at_most": "3 ULN", "within": "28 days"})
    assert untold == [
        "C1: ALT: only results of a time (28 days)",
        "C1: ALT: a multiple of the result's own limit (3 ULN)",
    ]
    assert "not expressed" in described(made)
    _, _, untold = one({"condition": "malignancy", "status": "active", "within": "5 years"})
    assert len(untold) == 2


def test_logic_is_contained_groups() -> None:
    made, groups, _ = one({"any": [{"sex": "female"}, {"all": [{"answer": "fit"}, {"not": {"answer": "carer"}}]}]})
    outer = groups[made["valueReference"]["reference"]]
    assert outer["extension"] == [{"url": f"{R6}.combinationMethod", "valueCode": "any-of"}]
    inner = groups[outer["characteristic"][1]["valueReference"]["reference"]]
    assert [each["exclude"] for each in inner["characteristic"]] == [False, True]
    three = [{"answer": "fit"}, {"answer": "carer"}, {"sex": "male"}]
    made, groups, _ = one({"at_least_of": {"count": 2, "of": three}})
    assert {"url": f"{R6}.combinationThreshold", "valuePositiveInt": 2} in groups["#g1"]["extension"]
    made, groups, _ = one({"if": {"sex": "male"}, "then": {"answer": "fit"}})
    branches = groups[made["valueReference"]["reference"]]["characteristic"]
    assert [each["exclude"] for each in branches] == [False, True]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each_report_is_a_valid_response(path: Path) -> None:
    trial = load_trial("NCT07535138")
    report = screen(trial, load_candidate(path), on=ON)
    response = guidance_response(report)
    _models()[1].model_validate(response)
    assert response["status"] == ("data-required" if report.verdict == "undetermined" else "success")
    parameters = next(each for each in response["contained"] if each["id"] == "criteria")["parameter"]
    told = [{part["name"]: part for part in each["part"]} for each in parameters if each["name"] == "criterion"]
    assert [each["status"]["valueCode"] for each in told] == [criterion.status for criterion in report.criteria]
    for each, criterion in zip(told, report.criteria, strict=True):
        assert ("condition" in each) == (criterion.condition is not None)
    required = {each["codeFilter"][0]["code"][0]["code"] for each in response.get("dataRequirement", ())}
    assert required == ({each.fact for each in report.questions} if report.verdict == "undetermined" else set())
    issues = [each for each in response["contained"] if each["id"] == "issues"]
    assert len(issues[0]["issue"] if issues else ()) == len(report.issues)


def test_several_are_a_bundle(capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(path) for path in EXAMPLES[:2]]
    assert main(["screen", "NCT07535138", *paths, "--on", "2026-06-01", "--format", "fhir"]) == 0
    bundle = json.loads(capsys.readouterr().out)
    assert [each["resource"]["resourceType"] for each in bundle["entry"]] == ["GuidanceResponse"] * 2
    assert main(["screen", "NCT07535138", paths[0], "--on", "2026-06-01", "--format", "fhir"]) == 0
    assert json.loads(capsys.readouterr().out)["subject"] == {"identifier": {"value": "C-001"}}
    assert json.loads(render([]))["resourceType"] == "Bundle"


def test_export_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "group.json"
    assert main(["export", "NCT07535138", "--format", "fhir-group", "--out", str(out)]) == 0
    assert json.loads(out.read_text())["identifier"] == [{"value": "NCT07535138"}]
    assert "not expressed: I3.1: ALT" in capsys.readouterr().err
    assert main(["export", "nowhere"]) == 2
