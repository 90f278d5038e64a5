"""docs/sessions.md: its commands give the output shown, its Python runs, its events are events."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from prescreen.catalogue import bundled_catalogue
from prescreen.cli import main
from prescreen.session.events import read_event

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"(?ms)^```(\w+)\n(.*?)^```$", (ROOT / "docs" / "sessions.md").read_text(encoding="utf-8"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_commands_give_the_output_shown(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = [text for kind, text in BLOCKS if kind == "console"]
    commands = re.split(r"(?m)^\$ prescreen ", block)[1:]
    assert len(commands) == 2
    for command in commands:
        line, _, shown = command.partition("\n")
        assert main(shlex.split(line)) == 0
        pattern = "(?:.*\n)*?".join(re.escape(part) for part in re.split(r"(?m)^…\n", shown))
        given = capsys.readouterr().out
        assert re.fullmatch(pattern, given), given


def test_the_events_are_events_and_the_lines_are_told() -> None:
    events, told = [text.splitlines() for kind, text in BLOCKS if kind == "json"]
    assert len([read_event(line, [bundled_catalogue()], ["NCT07535138"]) for line in events]) == 5
    golden = (ROOT / "tests" / "session" / "golden" / "feed.out.ndjson").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in told] == [json.loads(line) for line in golden if line in told]


def test_the_python_runs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = [text for kind, text in BLOCKS if kind == "python"]
    exec(code, {})
    assert "criterion='I1'" in capsys.readouterr().out
