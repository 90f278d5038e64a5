"""docs/authoring.md, followed from top to bottom: the commands say what the page shows, the trial is as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from prescreen import load_trial
from prescreen.language.model import Condition, Trial
from tests.docs.guide import PAGE, Run, follow
from tests.docs.pages import ROOT, blocks, commands

GUIDE = PAGE.read_text(encoding="utf-8")
COMMANDS = [command for block in blocks(GUIDE) if block.language == "console" for command, _ in commands(block)]
TRIAL = "my-trials/GLUCO-1/trial.yaml"
MEANINGS = re.findall(r"(?m)^\|[^|]*\| `((?:in|ex)clude_if: [^`]*)`[^|]*\| `((?:in|ex)clude_if: [^`]*)`", GUIDE)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guide")


@pytest.fixture(scope="module")
def runs(here: Path) -> list[Run]:
    return follow(GUIDE, here)


@pytest.fixture(scope="module")
def trial(here: Path, runs: list[Run]) -> Trial:
    return load_trial(here / TRIAL)


@pytest.mark.parametrize("number", range(len(COMMANDS)), ids=lambda number: f"{number}-{COMMANDS[number]}")
def test_the_command_says_what_the_page_shows(number: int, runs: list[Run]) -> None:
    run = runs[number]
    assert run.command == COMMANDS[number]
    assert run.holds, run.said


def test_the_mistakes_are_undone_and_the_trial_is_whole(here: Path, trial: Trial) -> None:
    protocol = (here / "my-trials" / "GLUCO-1" / "protocol.md").read_text(encoding="utf-8")
    lists = protocol.split("criteria\n")[1:]
    items = [
        (section, item)
        for section, text in zip(("inclusion", "exclusion"), lists, strict=True)
        for item in re.findall(r"(?m)^(\d+)\. ", text)
    ]
    assert len(items) == 10
    assert [(criterion.section, criterion.item) for criterion in trial.criteria] == items
    assert trial.complete
    assert trial.results_within_stated


def test_the_first_line_leads_an_editor_to_the_schema(here: Path, trial: Trial) -> None:
    first = (here / TRIAL).read_text(encoding="utf-8").partition("\n")[0]
    named = first.removeprefix("# yaml-language-server: $schema=")
    assert ((here / TRIAL).parent / named).resolve() == ROOT / "schemas" / "trial.json"


def test_there_are_mistakes_to_try() -> None:
    tried = [block for block in blocks(GUIDE) if block.language == "diff"]
    assert len(tried) >= 9
    told = {code for block in blocks(GUIDE) for code in re.findall(r"error\[([a-z-]+)\]", block.text)}
    assert {"unknown-key", "syntax", "unknown-code", "case-fails", "missing-else", "no-window", "missing-unit"} <= told


@pytest.mark.parametrize(("wrong", "right"), MEANINGS)
def test_what_is_meant_and_what_is_not_load_and_differ(wrong: str, right: str, tmp_path: Path) -> None:
    assert _condition(wrong, tmp_path / "wrong.yaml") != _condition(right, tmp_path / "right.yaml")


def test_the_table_of_meanings_is_read() -> None:
    assert len(MEANINGS) >= 8


def _condition(criterion: str, path: Path) -> Condition:
    head = "schema: prescreen/trial/1\nid: T1\ntitle: A trial\nanchors: {first_dose: the day of the first dose}\n"
    path.write_text(f"{head}criteria:\n  - id: C1\n    text: A criterion.\n    {criterion}\n", encoding="utf-8")
    return load_trial(path).criteria[0].condition
