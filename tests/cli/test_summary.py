"""How much a text shows: `--summary` and `--verbose`."""

from __future__ import annotations

from pathlib import Path

import pytest

from prescreen.cli import REFUSED, main

EXAMPLES = Path(__file__).parents[2] / "examples"
ON = ("--on", "2026-06-01")
Capture = pytest.CaptureFixture[str]


def test_a_summary_has_a_line_for_each_candidate_and_no_reports(capsys: Capture) -> None:
    paths = sorted(str(path) for path in EXAMPLES.glob("*.json"))
    assert main(["screen", "NCT07535138", *paths, *ON, "--summary"]) == 0
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines() if line.startswith("C-")] == [
        f"C-{number:03}" for number in range(1, len(paths) + 1)
    ]
    assert f"{len(paths)} screened" in said
    assert "INELIGIBLE" not in said  # the head of a report


def test_a_summary_of_one(capsys: Capture) -> None:
    assert main(["screen", "NCT07535138", str(EXAMPLES / "c-003-too-old.json"), *ON, "--summary"]) == 0
    assert "1 screened: 1 ineligible" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--summary", "--format", "json"), "--summary goes with --format text only"),
        (("--verbose", "--format", "html"), "--verbose goes with --format text only"),
        (("--summary", "--verbose"), "--verbose and --summary exclude each other"),
    ],
)
def test_what_has_no_effect_is_refused(options: tuple[str, ...], told: str, capsys: Capture) -> None:
    assert main(["screen", "NCT07535138", str(EXAMPLES / "c-003-too-old.json"), *ON, *options]) == REFUSED
    assert told in capsys.readouterr().err


def test_an_input_is_never_written_over(tmp_path: Path, capsys: Capture) -> None:
    candidate = tmp_path / "candidate.json"
    candidate.write_text('{"id": "C-1"}')
    assert main(["screen", "NCT07535138", str(candidate), *ON, "--out", str(candidate)]) == REFUSED
    assert "would be overwritten" in capsys.readouterr().err
    assert candidate.read_text() == '{"id": "C-1"}'
