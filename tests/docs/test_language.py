"""docs/language.md: every example loads and its cases hold, and every construct has an example and an explanation."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from prescreen import load_trial, screen
from prescreen.candidate import Candidate
from prescreen.candidate.read import parse_candidate
from prescreen.catalogue.entries import ENTRY_KEYS
from prescreen.check.cases import CASE_DAY
from prescreen.language import trial as top
from prescreen.language.comparisons import COMPARISONS
from prescreen.language.conditions import CONDITIONS, HOWS
from prescreen.language.events import OPTIONS
from prescreen.language.quantities import QUANTITY_KEYS
from prescreen.language.source import plain_data
from prescreen.schemas import schema_text
from prescreen.yamlio import load_yaml
from tests.docs.constructs import constructs, used
from tests.docs.language import PAGE, Section, recipes, sections
from tests.docs.pages import prose

SECTIONS = sections()
SCHEMAS: dict[str, Any] = {name: json.loads(schema_text(name)) for name in ("trial", "catalogue")}
WORDS = prose(PAGE.read_text(encoding="utf-8"))

WINDOWS = {
    "a length": r"\d+ \w+",
    "before, a length": r"\d+ days before \w+",
    "after, a length": r"\d+ weeks after \w+",
    "before": r"before \w+",
    "after": r"after \w+",
    "any": r"any",
    "half-lives": r"\d+ half-lives",
    "half-lives before": r"\d+ half-lives before \w+",
    **{unit: rf"\d+ {unit}.*" for unit in ("hours", "days", "weeks", "months")},
}
"""The forms of a window that is a text; those that are mappings have keys."""
LIMITS = ("ULN", "LLN", "LLOD")


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_the_example_loads_and_its_cases_hold(section: Section, tmp_path: Path) -> None:
    trial = load_trial(section.write(tmp_path))
    for criterion in trial.criteria:
        assert {"met", "failed"} <= {case.expect for case in criterion.cases} or "@" in criterion.id
        for number, case in enumerate(criterion.cases, 1):
            profile = parse_candidate({"id": "case", **case.given}, catalogue=trial.catalogue)
            on = date.fromisoformat(case.on) if case.on else CASE_DAY
            result = screen(trial, Candidate(profile, trial.catalogue), on=on)[criterion.id]
            assert result.status == case.expect, f"{criterion.id}, case {number}: {result.headline}"


RECIPES = recipes()


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_what_protocols_say_can_be_written_so(recipe: Section, tmp_path: Path) -> None:
    assert load_trial(recipe.write(tmp_path)).criteria


def test_the_table_of_what_protocols_say_is_read() -> None:
    assert len(RECIPES) >= 20


def plain(text: str) -> Any:
    return json.loads(json.dumps(plain_data(load_yaml(text, "f")), default=float))


def shown() -> set[str]:
    """Every construct that an example makes use of."""
    found: set[str] = set()
    for section in SECTIONS:
        found |= used(SCHEMAS["trial"], plain(section.trial))
        if section.catalogue:
            found |= used(SCHEMAS["catalogue"], plain(section.catalogue))
    return found


def known() -> set[str]:
    return constructs(SCHEMAS["trial"]) | constructs(SCHEMAS["catalogue"])


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_an_editor_finds_nothing_wrong_with_the_example(section: Section) -> None:
    files = {"trial": section.trial, "catalogue": section.catalogue}
    for name, text in files.items():
        found = Draft7Validator(SCHEMAS[name]).iter_errors(plain(text)) if text else ()
        assert [f"{error.json_path}: {error.message[:300]}" for error in found] == []


def test_every_construct_has_an_example() -> None:
    assert known() - shown() == set()


def test_the_constructs_are_those_of_the_loaders_tables() -> None:
    names = {construct.partition(": ")[2] for construct in known()}
    tables = (
        *(top.TRIAL_KEYS, top.SOURCE_KEYS, top.COHORT_KEYS, top.QUESTION_KEYS, top.CRITERION_KEYS, top.PLACE_KEYS),
        *(top.CASE_KEYS, top.ASKED, top.EXPECTED, QUANTITY_KEYS, HOWS, COMPARISONS, *CONDITIONS.values(), CONDITIONS),
        *(*OPTIONS.values(), *ENTRY_KEYS.values(), ENTRY_KEYS),
    )
    joined = {"per_cohort"}  # told by the place in which it stands
    assert {key for table in tables for key in table} - joined <= names
    assert all(f"observation: {key}" in known() for key in COMPARISONS)
    assert {"per_cohort of observation", "per_cohort of age", "per_cohort of an option", "unless"} <= known()


def test_every_construct_is_explained() -> None:
    said = re.findall(r"`([^`\n]+)`|^#+ (.*)$", WORDS, re.MULTILINE)
    coded = {word for pair in said for text in pair for word in re.findall(r"[\w.-]+", text)}
    names = {construct.partition(": ")[2] or construct.split()[0] for construct in known()} - {"a"}
    assert names - coded == set()


@pytest.mark.parametrize("form", WINDOWS)
def test_every_form_of_window_has_an_example(form: str) -> None:
    texts = [text for section in SECTIONS for text in _windows(plain(section.trial))]
    assert any(re.fullmatch(WINDOWS[form], text) for text in texts)


def _windows(data: Any) -> list[str]:
    if isinstance(data, list):
        return [text for item in data for text in _windows(item)]
    if not isinstance(data, dict):
        return []
    own = [data["within"]] if isinstance(data.get("within"), str) else []
    return [*own, *(text for value in data.values() for text in _windows(value))]


@pytest.mark.parametrize("limit", LIMITS)
def test_every_limit_has_an_example(limit: str) -> None:
    assert any(re.search(rf": \d+ {limit}\b", section.trial) for section in SECTIONS)
    assert f"{limit}`" in WORDS


def test_a_key_that_nobody_explained_is_told() -> None:
    """The test of the test: a schema with one more key has one more construct, and no example of it."""
    schema = json.loads(json.dumps(SCHEMAS["trial"]))
    schema["definitions"]["condition-treatment"]["properties"]["batch"] = {"type": "string"}
    assert constructs(schema) - shown() == {"treatment: batch"}
