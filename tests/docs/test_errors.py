"""docs/errors.md: every code is there, its bad example has that mistake at that place, its good example has none."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from prescreen.check import MISTAKES
from tests.docs.errors import Section, check, sections

PACKAGE = Path(__file__).parents[2] / "src" / "prescreen"
SECTIONS = sections()
BY_CODE = {section.code: section for section in SECTIONS}
SOURCES = [
    PACKAGE / "yamlio.py",
    *(path for folder in ("language", "catalogue", "check") for path in sorted((PACKAGE / folder).glob("*.py"))),
]
TELLING = {"refuse", "problem", "give_up", "Problem", "_problem"}
FAMILIES = {"unknown-{what}": ("question", "anchor", "definition", "cohort"), "unknown-{noun}": ("question", "anchor")}
FAMILIES |= {"unknown-{kind}": ("parent", "input"), "too-many-{kind}s": ("parent", "input")}
"""Codes that are put together, and of what."""


def emitted(path: Path) -> Iterator[str]:
    """Every code that a module gives to a problem: what is said in the place of the code, however it is said."""
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) in TELLING:
            for argument in call.args[:2]:
                match argument:
                    case ast.Constant(value=str(text)) if re.fullmatch("[a-z]+(-[a-z0-9]+)*", text):
                        yield text
                    case ast.JoinedStr() if re.fullmatch(r"[a-z-]+\{\w+\}s?", ast.unparse(argument)[2:-1]):
                        pattern = ast.unparse(argument)[2:-1]
                        yield from (re.sub(r"\{\w+\}", part, pattern) for part in FAMILIES[pattern])


def test_every_code_that_the_source_can_emit_is_documented() -> None:
    found = {code for path in SOURCES for code in emitted(path)}
    assert len(found) >= 50
    assert found <= set(BY_CODE)


def test_every_code_has_a_meaning_and_a_section_and_no_other_has() -> None:
    assert [section.code for section in SECTIONS] == list(MISTAKES)
    for section in SECTIONS:
        meaning = MISTAKES[section.code]
        assert " ".join(section.meaning.split()).startswith(meaning[0].upper() + meaning[1:])


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.code)
def test_the_bad_example_has_that_mistake_at_that_place(section: Section, tmp_path: Path) -> None:
    found = check(section.bad, tmp_path / "bad", section.code)
    own = [problem for problem in found if problem.code == section.code]
    assert len(own) == 1
    assert str(own[0]) + "\n" == section.told
    assert section.code == "too-many" or found == own


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.code)
def test_the_good_example_loads(section: Section, tmp_path: Path) -> None:
    assert check(section.good, tmp_path / "good", section.code) == []
