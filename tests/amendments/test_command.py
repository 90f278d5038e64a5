"""`prescreen diff`: what goes to which stream, in which form, with which exit status."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from prescreen import screen
from prescreen.amendment import compare, markdown, text
from prescreen.amendment.model import Search, Witness
from prescreen.cli import REFUSED, main

from .record import HERE, versions
from .rules import one

Capture = pytest.CaptureFixture[str]
OLD, NEW = str(HERE / "OLD"), str(HERE / "NEW")


def test_it_ends_well_whatever_changed(capsys: Capture) -> None:
    assert main(["diff", OLD, NEW]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert " ".join(said.out.split()).startswith(
        f"AMENDED: {OLD}/trial.yaml → {NEW}/trial.yaml 17 changes of criteria: 7 looser, 6 stricter, 4 without effect"
    )
    assert said.out.count("  candidate  ") == 13
    assert '    {"id": "E1-failed-met", "procedures": [{"code": "major-surgery"' in said.out
    assert "  no candidate's status changes (proven)\n" in said.out
    assert "\x1b" not in said.out


def test_a_trial_beside_itself(capsys: Capture) -> None:
    assert main(["diff", OLD, OLD]) == 0
    assert "No change of meaning: the two files are the same.\n" in capsys.readouterr().out


@pytest.mark.parametrize("trial", ["NCT07535138", "NCT05687890", "NCT05697211"])
def test_a_bundled_trial_written_otherwise(trial: str, tmp_path: Path, capsys: Capture) -> None:
    """The same rules as JSON, which is YAML without comments, line breaks and blanks as people write them."""
    from prescreen.language.source import plain_data
    from prescreen.yamlio import load_yaml

    path = HERE.parents[1] / "rules" / trial / "trial.yaml"
    plain = plain_data(load_yaml(path.read_text(encoding="utf-8"), "trial.yaml"))
    (tmp_path / "trial.yaml").write_text(json.dumps(plain, default=float), encoding="utf-8")
    assert main(["diff", str(path), str(tmp_path), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["same_meaning"], found["criteria"], found["trial"], found["cases"]) == (True, [], [], 0)
    assert main(["diff", str(path), str(tmp_path)]) == 0
    assert "No change of meaning: the two files differ in form only.\n" in capsys.readouterr().out


def test_a_version_that_is_refused_and_one_that_is_not(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "trial.yaml").write_text("schema: prescreen/trial/1\nid: T\ntitle: t\ncriterea: []\n")
    assert main(["diff", OLD, str(tmp_path)]) == REFUSED
    said = capsys.readouterr()
    assert said.out == ""
    assert "error[unknown-key]" in said.err
    assert main(["diff", str(tmp_path), "NCT99999999"]) == REFUSED
    said = capsys.readouterr()
    assert "error[unknown-key]" in said.err
    assert "error[missing-file]" in said.err


def test_candidates_go_to_a_file_that_screen_reads(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "candidates.ndjson"
    assert (
        main(["diff", OLD, NEW, "--format", "json", "--out", str(tmp_path / "d.json"), "--candidates", str(path)]) == 0
    )
    assert capsys.readouterr().out == ""
    told = json.loads((tmp_path / "d.json").read_text())
    witnesses = [w for change in told["criteria"] if change["search"] for w in change["search"]["witnesses"]]
    assert [json.loads(line) for line in path.read_text().splitlines()] == [w["candidate"] for w in witnesses]
    assert {witness["on"] for witness in witnesses} == {"2026-06-01"}
    assert main(["screen", NEW, str(path), "--on", "2026-06-01", "--format", "jsonl"]) == 0
    reports = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [report["candidate"] for report in reports] == [w["candidate"]["id"] for w in witnesses]


def test_an_input_is_not_written_over(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "trial.yaml"
    path.write_bytes((HERE / "OLD" / "trial.yaml").read_bytes())
    for option in ("--out", "--candidates"):
        assert main(["diff", str(path), NEW, option, str(path)]) == REFUSED
        assert "would be overwritten" in capsys.readouterr().err
    assert path.read_bytes() == (HERE / "OLD" / "trial.yaml").read_bytes()


def test_without_the_solver_the_words_remain(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    for name in [name for name in sys.modules if name.startswith(("prescreen.prove", "prescreen.amendment.wit"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "z3", None)
    assert main(["diff", OLD, NEW]) == 0
    said = capsys.readouterr()
    assert "7 looser, 6 stricter" in said.out
    assert "candidate  " not in said.out
    assert said.err.startswith("note: no candidates are looked for: proofs need the solver z3")


def test_markdown_lets_no_text_act() -> None:
    hostile = '"<b>A</b> | @all #1 [x](http://e.x)?"'
    old = one("{answer: a}")
    new = one("{answer: a}", head=_head(hostile))
    document = markdown.render(compare(old, new))
    assert "<b>" not in document
    assert "\\[x\\]" in document
    assert "\\<b\\>" in document


def test_a_terminal_is_not_steered() -> None:
    new = one("{answer: a}", head=_head('"A\\e[31m?"'))
    assert "\x1b" not in text.render(compare(one("{answer: a}"), new))


def test_a_candidate_stands_on_one_line_however_narrow_the_page() -> None:
    import msgspec

    old, new = one("{answer: a}"), one("{answer: b}")
    found = compare(old, new)
    (change,) = found.criteria
    witness = Witness(
        {"id": "W", "answers": {"a": True, "b": False}, "note": "é\x1b" * 50}, "2026-06-01", "met", "failed"
    )
    searches = [
        Search("found", (witness,)),
        Search("none"),
        Search("undecided", why="the solver did not answer within 10 s"),
    ]
    said = []
    for search in searches:
        changed = msgspec.structs.replace(found, criteria=(msgspec.structs.replace(change, search=search),))
        said.append(text.render(changed, width=40))
        assert markdown.render(changed).count("```") == 2 * len(search.witnesses)
    line = next(line for line in said[0].splitlines() if '"W"' in line)
    assert json.loads(line) == witness.candidate
    assert "\x1b" not in said[0]
    assert "met → failed on 2026-06-01" in said[0]
    assert "no candidate's status changes" in said[1]
    assert "not decided whether a candidate's" in said[2]


def test_what_is_shown_is_what_screening_says() -> None:
    """The candidate of a criterion is screened by both versions, as any user would."""
    from datetime import date

    from prescreen.amendment.witnesses import with_witnesses

    old, new = versions()
    for witness in with_witnesses(compare(old, new), old, new).witnesses:
        assert screen(old, witness.candidate, date.fromisoformat(witness.on)).candidate == witness.candidate["id"]


def _head(question: str) -> str:
    from .rules import HEAD

    return HEAD.replace('"A?"', question)
