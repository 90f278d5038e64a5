"""Rule files for the tests: a trial around one criterion or one condition."""

from __future__ import annotations

from pathlib import Path

from prescreen.catalogue import Catalogue
from prescreen.language import Condition, Trial, load_trial

HEAD = """\
schema: prescreen/trial/1
id: T1
title: a trial
anchors: {enrolment: the day of enrolment, first_dose: the first dose}
questions:
  fit: {ask: investigator, text: Is the candidate fit?}
  arm: {ask: coordinator, text: Which arm?, options: [left, right]}
definitions:
  exposed: {observation: HBsAg, is: positive}
"""


def one(condition: str, kind: str = "include_if") -> str:
    """The rule file of a trial with one criterion, whose condition is written in YAML's flow style."""
    return f"{HEAD}criteria:\n  - id: C1\n    text: one\n    {kind}: {condition}\n"


def load(text: str, folder: Path, catalogue: Catalogue) -> Trial:
    path = folder / "trial.yaml"
    path.write_text(text, "utf-8")
    return load_trial(path, catalogue=catalogue)


def condition(text: str, folder: Path, catalogue: Catalogue, kind: str = "include_if") -> Condition:
    """The condition of a trial that has only this one."""
    return load(one(text, kind), folder, catalogue).criteria[0].condition
