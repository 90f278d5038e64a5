"""The schemas: as the files in `schemas/` say, made for what the loaders read, and strict enough to be of use."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from prescreen.catalogue.entries import DERIVATION_KEYS, ENTRY_KEYS
from prescreen.cli import main
from prescreen.language.conditions import CONDITIONS
from prescreen.language.source import plain_data
from prescreen.schemas import NAMES, schema_text
from prescreen.schemas import catalogue as catalogue_schema
from prescreen.schemas import trial as trial_schema
from prescreen.yamlio import load_yaml
from tests.check.corpus import BAD, expectations
from tests.language.rules import HEAD, one

ROOT = Path(__file__).parents[2]
SCHEMAS = {name: json.loads(schema_text(name)) for name in NAMES}
TRIAL, CATALOGUE = Draft7Validator(SCHEMAS["trial"]), Draft7Validator(SCHEMAS["catalogue"])
CANDIDATE = Draft202012Validator(SCHEMAS["candidate"])
RULES = sorted(ROOT.glob("rules/*/trial.yaml"))
CATALOGUES = sorted(ROOT.glob("rules/catalogue/*.yaml"))


def plain(text: str) -> Any:
    """A YAML text as an editor sees it."""
    return json.loads(json.dumps(plain_data(load_yaml(text, "f")), default=float))


def wrong(validator: Any, data: Any) -> list[str]:
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(data)]


@pytest.mark.parametrize("name", NAMES)
def test_the_files_kept_are_those_printed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", name]) == 0
    kept = (ROOT / "schemas" / f"{name}.json").read_text(encoding="utf-8")
    assert capsys.readouterr().out == kept, "record them with `make golden`"


@pytest.mark.parametrize("name", NAMES)
def test_each_is_a_schema(name: str) -> None:
    dialect = Draft7Validator if "draft-07" in SCHEMAS[name]["$schema"] else Draft202012Validator
    dialect.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.parent.name)
def test_every_rule_file_keeps_to_its_schema(path: Path) -> None:
    assert wrong(TRIAL, plain(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_every_catalogue_file_keeps_to_its_schema(path: Path) -> None:
    assert wrong(CATALOGUE, plain(path.read_text(encoding="utf-8"))) == []


PROFILES = [path for path in sorted(ROOT.glob("examples/*.*json")) if path.stem != "feed"]  # which are events


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_every_example_keeps_to_its_schema(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for candidate in [json.loads(text)] if path.suffix == ".json" else map(json.loads, text.splitlines()):
        assert wrong(CANDIDATE, candidate) == []


@pytest.mark.parametrize("path", [*RULES, *CATALOGUES], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_rule_file_names_its_schema(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    match = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert match, first
    named = (path.parent / match[1]).resolve()
    assert named == ROOT / "schemas" / ("catalogue.json" if path.parent.name == "catalogue" else "trial.json")


GOOD = [
    "{all: [{sex: female}, {not: {sex: male}}], unless: {answer: fit}}",
    "{at_least_of: {count: 1, of: [{use: exposed}]}}",
    "{if: {sex: female}, then: {sex: female}, else: {sex: male}}",
    "{age: {between: [18 years, 65 years]}, on: enrolment}",
    "{observation: {every_of: [ALT, AST]}, at_most: 3 ULN, select: {consecutive: 2, apart: 24 hours}}",
    "{observation: creatinine, at_most: [1.5 mg/dL, 133 umol/L], within: {from: enrolment, to: screening}}",
    "{observation: ECOG, between: [0, 2], within: 14 days before first_dose, select: {mean_of: 3}}",
    "{observation: HBsAg, is: positive, within: any, select: latest}",
    "{observation: HBV-DNA, detected: true}",
    "{condition: [malignancy], status: [active], except: [basal-cell-carcinoma, {condition: x, status: ever}]}",
    "{condition: malignancy, for_at_least: 5 years, at: enrolment, verification: [confirmed, provisional]}",
    "{treatment: rituximab, dose: {above: 1 g}, count: {at_least: 2}, for: lupus-nephritis, within: before enrolment}",
    "{treatment: prednisone, stable_for: 4 weeks, at: enrolment, daily_dose: {at_most: 10 mg/day}}",
    "{treatment: prednisone, daily_dose: {above: 10 mg/day, as: prednisone}, within: 28 days}",
    "{treatment: [rituximab, belimumab], lines: {at_least: 2}}",
    "{treatment: rituximab, within: {longest: [30 days before enrolment, 5 half-lives]}}",
    "{treatment: rituximab, within: 5 half-lives, by: start}",
    "{condition: malignancy, duration: {at_least: 6 months}}",
    "{observation: ALT, fall: {at_least: 50 %, from: highest, over: 1 year}, within: 28 days}",
    "{observation: haemoglobin, above: 9 g/dL, without: {procedure: transfusion, within: 1 month}}",
    "{observation: HbA1c, per_cohort: {A: {at_most: 10 %}, B: {below: 6.5 %}}}",
    "{age: {per_cohort: {A: {at_least: 18 years}, B: {at_most: 17 years}}}}",
    "{allergy: albumin, severity: severe}",
    "{answer: arm, equals: left}",
]


@pytest.mark.parametrize("text", GOOD)
def test_conditions_that_load_keep_to_the_schema(text: str) -> None:
    assert wrong(TRIAL, plain(one(text))) == []


BAD_CONDITIONS = [
    "{}",
    "{purple: 1}",
    "{sex: woman}",
    "{sex: female, within: 28 days}",
    "{sex: female, age: {at_least: 18 years}}",
    "{all: []}",
    "{all: {sex: female}}",
    "{age: {}}",
    "{age: {at_least: 18}}",
    "{age: {at_least: 18 yeers}}",
    "{age: {between: [18 years]}}",
    "{observation: ALT}",
    "{observation: ALT, at_lest: 3 ULN}",
    "{observation: ALT, at_most: many}",
    "{observation: ALT, at_most: '1,5 U/L'}",
    "{observation: ALT, between: 3 U/L}",
    "{observation: ALT, at_most: 3 ULN, select: last}",
    "{observation: ALT, at_most: 3 ULN, within: lately}",
    "{observation: {every: [ALT]}, at_most: 3 ULN}",
    "{observation: HBV-DNA, detected: perhaps}",
    "{condition: []}",
    "{condition: malignancy, status: ongoing}",
    "{condition: malignancy, at: enrolment}",
    "{condition: malignancy, verification: refuted}",
    "{condition: malignancy, except: {condition: x, except: y}}",
    "{allergy: albumin, status: active}",
    "{treatment: rituximab, dose: 5 mg}",
    "{treatment: rituximab, for_at_least: 5 half-lives}",
    "{treatment: rituximab, within: {longest: 30 days}}",
    "{treatment: rituximab, by: end}",
    "{observation: ALT, fall: {from: newest}}",
    "{observation: HbA1c, per_cohort: {A: 10 %}}",
    "{if: {sex: female}}",
    "{at_least_of: {count: 0, of: [{sex: male}]}}",
    "{not: [{sex: male}]}",
    "{sex: female, unless: {sex: women}}",
]


@pytest.mark.parametrize("text", BAD_CONDITIONS)
def test_conditions_of_a_wrong_shape_do_not(text: str) -> None:
    assert wrong(TRIAL, plain(one(text)))


CASES = "criteria: [{id: a, text: b, include_if: {sex: male}, cases: [%s]}]"
BAD_FILES = [
    HEAD.replace("trial/1", "trial/9") + CASES % "{expect: met, given: {}}",
    HEAD,
    HEAD + "criterias: []",
    HEAD + "criteria: []",
    HEAD + "criteria: [{id: a, text: b}]",
    HEAD + "criteria: [{id: a, text: b, include_if: {sex: male}, exclude_if: {sex: male}}]",
    HEAD + "criteria: [{id: a b, text: b, include_if: {sex: male}}]",
    HEAD + CASES % "{expect: eligible, given: {}}",
    HEAD + CASES % "{expect: met, given: {}, on: 2026-02}",
    HEAD + CASES % "{expect: met, given: {id: x}}",
    HEAD + CASES % "{expect: met, given: {observatons: []}}",
    HEAD + CASES % "{expect: met, given: {observations: [{vlaue: 3}]}}",
    HEAD.replace("first_dose:", "screening:") + CASES % "{expect: met, given: {}}",
    HEAD.replace("investigator", "doctor") + CASES % "{expect: met, given: {}}",
    HEAD + "source: {complete: true, gaps: [much]}\n" + CASES % "{expect: met, given: {}}",
]


@pytest.mark.parametrize("number", range(len(BAD_FILES)))
def test_rule_files_of_a_wrong_shape_do_not(number: int) -> None:
    assert wrong(TRIAL, plain(BAD_FILES[number]))


BAD_CONCEPTS = [
    "observations: {zz: {unit: mg/dL}}",
    "observations: {zz: {label: a}}",
    "observations: {zz: {label: a, unit: mg, loinc: [x]}}",
    "observations: {zz: {label: a, unit: mg, plausible: ['1']}}",
    "observations: {zz: {label: a, unit: mg, ask: nurse}}",
    "observations: {zz: {label: a, unit: mg, derived: {formula: sum, inputs: [ALT]}}}",
    "observations: {'a b': {label: a, unit: mg}}",
    "conditions: {zz: {label: a, unit: mg}}",
    "conditions: {zz: {label: a, icd-10-cm: [lupus]}}",
    "conditions: {zz: {label: a, outside: {snomed: [1]}}}",
    "conditons: {}",
]


@pytest.mark.parametrize("text", BAD_CONCEPTS)
def test_catalogue_files_of_a_wrong_shape_do_not(text: str) -> None:
    assert wrong(CATALOGUE, plain(f"schema: prescreen/catalogue/1\n{text}\n"))


def test_the_tables_have_no_key_that_the_loaders_lack() -> None:
    options = {option for keys in CONDITIONS.values() for option in keys} | {"unless"}
    assert set(trial_schema.OPTIONS) <= options
    assert set(catalogue_schema._KEYS) == {key for keys in ENTRY_KEYS.values() for key in keys}
    assert set(catalogue_schema._DERIVATION) == set(DERIVATION_KEYS)


@pytest.mark.parametrize("name", [name for name in BAD if (BAD[name] / "trial.yaml").exists()])
def test_the_schema_refuses_nothing_but_what_the_loader_refuses(name: str) -> None:
    """Where the loader finds only what an editor cannot know, the schema is content."""
    codes = {code for code, _, _ in expectations(BAD[name])}
    if codes <= MEANING:
        text = (BAD[name] / "trial.yaml").read_text(encoding="utf-8")
        assert wrong(TRIAL, plain(text)) == []


MEANING = {
    *("unknown-code", "unknown-question", "unknown-anchor", "unknown-definition", "unknown-cohort"),
    *("recursive-definition", "empty-window", "unknown-unit", "wrong-unit", "repeated-unit"),
    *("empty-comparison", "unclear-unless", "missing-else", "duplicate-id"),
    *("no-document", "no-window", "no-case", "case-fails"),
}
"""What no schema can know: names, units, directions, cases."""


def test_numbers_of_an_editor_are_numbers() -> None:
    assert plain("a: 1.80") == {"a": float(Decimal("1.80"))}
