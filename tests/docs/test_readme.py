"""The README's examples, run: commands give the output shown, Python gives the results shown, files load."""

from __future__ import annotations

import doctest
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from prescreen import load_candidate, load_trial
from prescreen.cli import cli, main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(?ms)^```(\w+)\n(.*?)^```$", README)
BAD_TRIAL = """\
schema: prescreen/trial/1
id: BAD
title: A demonstration of mistakes
source: {document: DEMO/protocol.md}
results_within: 28 days
criteria:
  - id: I1
    text: Aged 18 or more, without renal impairment.
    include_if:
      all:
        - {not: {observation: creatinine-clearence, below: 30 mL/min}}
        - {age: {at_leest: 18 years}}
    cases:
      - {expect: met, given: {birth_date: "1990-02-30"}}
      - {expect: failed, given: {birth_date: "2015"}}
"""
BAD = '{"id": "C-103", "observatons": []}'


def _blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCKS if kind == language]


def _commands() -> Iterator[tuple[str, str]]:
    """Each command of a console block with the output shown for it."""
    for block in _blocks("console"):
        for part in re.split(r"(?m)^\$ ", block)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the repository's examples and rules, the README's own trial and its bad candidate."""
    for name in ("examples", "rules"):
        (tmp_path / name).symlink_to(ROOT / name)
    (trial,) = _blocks("yaml")
    (tmp_path / "DEMO").mkdir()
    (tmp_path / "DEMO" / "trial.yaml").write_text(trial, encoding="utf-8")
    (tmp_path / "DEMO" / "protocol.md").write_text("A demonstration.\n")
    (tmp_path / "bad.json").write_text(BAD)
    (tmp_path / "BAD").mkdir()
    (tmp_path / "BAD" / "trial.yaml").write_text(BAD_TRIAL, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("command", "shown"), list(_commands()), ids=lambda text: text[:50])
def test_commands_give_the_output_shown(
    command: str, shown: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, *arguments = shlex.split(command)
    assert name == "prescreen"
    main(arguments)
    said = capsys.readouterr()
    given = "".join(line.rstrip() + "\n" for line in (said.out + said.err).splitlines())
    # a line of its own with … stands for any lines
    pattern = "(?:.*\n)*?".join(re.escape(part) for part in re.split(r"(?m)^…\n", shown))
    assert re.fullmatch(pattern, given), given


def test_there_are_commands_to_run() -> None:
    assert len(list(_commands())) >= 3


def test_python_gives_the_results_shown(here: Path) -> None:
    (code,) = _blocks("pycon")
    test = doctest.DocTestParser().get_doctest(code, {}, "README", "README.md", 0)
    assert len(test.examples) >= 8
    told: list[str] = []
    assert doctest.DocTestRunner().run(test, out=told.append).failed == 0, "".join(told)


def test_the_candidate_loads(here: Path) -> None:
    (candidate,) = _blocks("json")
    (here / "candidate.json").write_text(candidate, encoding="utf-8")
    assert load_candidate("candidate.json").id == "C-101"


def test_the_trial_loads(here: Path) -> None:
    assert [criterion.id for criterion in load_trial("DEMO").criteria] == ["I1", "E1"]


def test_every_command_and_option_is_in_the_table() -> None:
    for name, command in cli.commands.items():
        assert f"`prescreen {name}" in README
        for parameter in command.params:
            for option in parameter.opts:
                if option.startswith("--") and option != "--help":
                    assert option in README, f"{name} {option}"


def test_every_make_target_is_in_the_table() -> None:
    targets = re.findall(r"(?m)^([a-z]+):.*## ", (ROOT / "Makefile").read_text())
    assert len(targets) >= 10
    for target in targets:
        if target not in ("help", "clean"):
            assert f"`make {target}`" in README, target


@pytest.mark.parametrize(
    "page", ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "docs/semantics.md", "docs/errors.md", "docs/tables.md"]
)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https:)([^)\s]+)\)", text):
        name, _, heading = target.partition("#")
        found = (ROOT / page).parent / name if name else ROOT / page
        assert found.exists(), target
        if heading:
            slugs = {
                re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower()).replace(" ", "-")
                for line in found.read_text(encoding="utf-8").splitlines()
                if line.startswith("#")
            }
            assert heading in slugs, target
