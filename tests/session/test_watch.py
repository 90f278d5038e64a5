"""`prescreen watch` and `worklist`: a coordinator's week as it is told, refusals, feeds that are still open."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stdout, suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from prescreen.cli import DONE, REFUSED, main
from prescreen.problems import InputRefused
from prescreen.session import Change, Session, fallback
from prescreen.session import watch as module
from prescreen.session.watch import line_of, text_of, watch
from prescreen.session.worklist import worklist
from tests.engine.helper import criteria

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
FEED = ROOT / "examples" / "feed.ndjson"
DAY = date(2026, 6, 1)
ON = ("--on", "2026-06-01")
TRIAL = criteria(
    {"include_if": {"age": {"at_least": "18 years", "at_most": "65 years"}}}, {"include_if": {"answer": "fit"}}
)

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The log of the example's week, and what was told of it."""
    store = str(tmp_path_factory.mktemp("week") / "log.db")
    out = io.StringIO()
    with Session("NCT07535138", store, on=DAY) as session, FEED.open("rb") as feed:
        watch(session, feed, "feed.ndjson", out, _no_refusal)
    return store, out.getvalue()


def _no_refusal(refused: InputRefused) -> None:
    raise refused


def test_the_week_is_told_line_by_line(week: tuple[str, str]) -> None:
    assert week[1] == (GOLDEN / "feed.out.ndjson").read_text(encoding="utf-8")


def test_the_week_as_text(capsys: Capture) -> None:
    assert main(["watch", "NCT07535138", *ON, "--from", str(FEED), "--format", "text"]) == DONE
    assert capsys.readouterr().out == (GOLDEN / "feed.txt").read_text(encoding="utf-8")


def test_the_week_told_again_changes_nothing(week: tuple[str, str], capsys: Capture) -> None:
    assert main(["watch", "NCT07535138", *ON, "--from", str(FEED), "--store", week[0]]) == DONE
    told = capsys.readouterr()
    assert told.out == ""
    assert "note: the log is on 2026-06-08 and stays there" in told.err


def test_the_work_list(week: tuple[str, str], capsys: Capture) -> None:
    assert main(["worklist", "--store", week[0]]) == DONE
    assert capsys.readouterr().out == (GOLDEN / "worklist.txt").read_text(encoding="utf-8")
    assert main(["worklist", "--store", week[0], "--format", "json", "--since", "2026-06-08"]) == DONE
    found = json.loads(capsys.readouterr().out)
    assert (found["schema"], found["day"], found["candidates"]) == ("prescreen/worklist/1", "2026-06-08", 6)
    assert [each["candidate"] for each in found["one_fact"]] == ["C-205"]
    assert found["one_fact"][0]["settles"] == ["E7"]
    assert [each["on"] for each in found["again"]] == sorted(each["on"] for each in found["again"])
    assert found["dropped"] == []


def test_a_work_list_goes_to_a_file(week: tuple[str, str], tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "list.txt"
    assert main(["worklist", "NCT07535138", "--store", week[0], "--out", str(out)]) == DONE
    assert out.read_text(encoding="utf-8") == (GOLDEN / "worklist.txt").read_text(encoding="utf-8")
    assert capsys.readouterr().out == ""


def test_a_work_list_of_several_trials() -> None:
    trials = [ROOT / "rules" / name for name in ("NCT05700630", "NCT07535138")]
    with Session(trials, on=DAY) as session:
        session.add("C-1", {"birth_date": "2024-01"})
        session.add("C-2", {"birth_date": "2008-06-04", "sex": "male"})
        found = worklist(session)
        assert {each.trial for each in found.dropped} == {"NCT07535138"}
        (again,) = [each for each in found.again if (each.candidate, each.trial) == ("C-2", "NCT07535138")]
        assert (again.on, again.turns[0][:2]) == ("2026-06-04", ("I1", "met"))
        text = found.as_text(width=80)
        assert all(len(line) <= 80 for line in text.splitlines())
        assert "NCT05700630, NCT07535138  2 candidates on 2026-06-01" in text
        assert "One fact from a decision (0)\n  nobody\n" in text


def test_what_one_fact_can_decide() -> None:
    with Session(TRIAL, on=DAY) as session:
        session.add("C-1", {"birth_date": "1965"})
        session.add("C-2", {"sex": "male"})
        (one,) = worklist(session).one_fact
        assert (one.candidate, one.fact, one.ask, one.settles, one.complete) == (
            "C-1",
            "answer:fit",
            "investigator",
            ("C2",),
            True,
        )
        session.add("C-1", {"answers": {"fit": True}})
        found = worklist(session)
        assert found.one_fact == ()
        assert [(each.candidate, each.verdict) for each in found.again] == [("C-1", "eligible")]


def test_nobody_is_screened_before_birth() -> None:
    with Session(TRIAL, on=DAY) as session:
        session.add("C-1", {"birth_date": "2020-01-01"})
        session.add("C-2", {"birth_date": "1950"})
        session.on(date(2019, 1, 1))
        with pytest.raises(InputRefused, match="lies after the screening day"):
            session.report("C-1")
        assert [each.candidate for each in worklist(session, since=DAY).dropped] == ["C-2"]


def test_wrong_events_are_told_and_the_rest_is_done(tmp_path: Path, capsys: Capture) -> None:
    feed = tmp_path / "feed.ndjson"
    feed.write_text(
        '{"event": "e-1", "candidate": "C-1", "add": {"birth_date": "1990"}}\n'
        '{"event": "e-2", "candidate": "C-1", "add": {"observatons": []}}\n'
        "\n"
        '{"event": "e-3", "candidate": "C-1", "add": {"observations": [{"code": "ALT", "date": "2026-13-01"}]}}\n'
        '{"event": "e-4", "candidate": "C-1", "set": {"birth_date": "1950"}}\n'
        '{"event": "e-5", "candida'
    )
    assert main(["watch", "NCT07535138", *ON, "--from", str(feed), "--acknowledge"]) == REFUSED
    told = capsys.readouterr()
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert [line["event"] for line in lines if "kept" in line] == ["e-1", "e-4"]
    assert [line["to"] for line in lines if "to" in line] == ["met", "failed", "ineligible"]
    assert (
        f"error[unknown-key]: there is no key `observatons` here\n  --> {feed}:2:1: event `e-2`, add.observatons"
        in told.err
    )
    assert "did you mean `observations`?" in told.err
    assert f"--> {feed}:4:1: event `e-3`, add.observations[0].date" in told.err
    assert f"--> {feed}:6:" in told.err
    assert "3 of 5 events refused" in told.err
    assert "Traceback" not in told.err


def test_what_a_verdict_line_says(week: tuple[str, str]) -> None:
    lines = [json.loads(line) for line in week[1].splitlines()]
    (surgery,) = [
        line
        for line in lines
        if line["candidate"] == "C-202" and line.get("criterion") == "E4" and line["to"] == "failed"
    ]
    assert surgery["because"] == ["Appendectomy 2025-12-17, 23 weeks before"]
    (verdict,) = [line for line in lines if line["candidate"] == "C-206" and "verdict" in line]
    assert list(verdict) == ["candidate", "trial", "verdict", "from", "to", "because", "on", "event"]
    assert (verdict["verdict"], verdict["from"], verdict["to"]) == ("ineligible", "undetermined", "ineligible")
    assert verdict["because"] == ["I1: Age 66, required 18 to 65 years"]


def test_a_line_comes_as_soon_as_its_event(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "import sys; from prescreen.cli import main; sys.exit(main())",
        "watch",
        "NCT07535138",
        *ON,
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    pipe: Any = subprocess.PIPE
    with subprocess.Popen(
        command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for year, status in (("1990", "met"), ("1950", "failed")):
            event = {"event": year, "candidate": "C-1", "set": {"birth_date": year}}
            process.stdin.write(json.dumps(event) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["to"] == status  # the feed is still open
        process.stdin.close()
        assert json.loads(process.stdout.readline())["verdict"] == "ineligible"
        assert process.wait(timeout=60) == DONE


class Drips(io.RawIOBase):
    """A feed of which so many bytes come at a time."""

    def __init__(self, content: bytes, size: int) -> None:
        self.content = content
        self.size = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece, self.content = self.content[: self.size], self.content[self.size :]
        buffer[: len(piece)] = piece
        return len(piece)


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_lines_are_put_together_however_they_come(size: int) -> None:
    events = [{"event": f"e-{n}", "candidate": "Ç-1", "set": {"birth_date": str(1985 + n % 5)}} for n in range(70)]
    content = b"\xef\xbb\xbf" + "\r\n".join(json.dumps(each, ensure_ascii=False) for each in events).encode()
    out = io.StringIO()
    with Session(TRIAL, on=DAY) as session:
        done = watch(session, io.BufferedReader(Drips(content, size)), "feed", out, _no_refusal)
        assert (done.events, done.refused) == (70, 0)
        assert session.candidate("Ç-1").profile.birth_date == str(1985 + 69 % 5)


def test_a_line_that_is_far_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 1_000)
    good = b'{"event": "e-1", "candidate": "C-1", "set": {"birth_date": "1990"}}'
    refused: list[InputRefused] = []
    out = io.StringIO()
    with Session(TRIAL, on=DAY) as session:
        feed = io.BytesIO(b"x" * 200_000 + b"\n" + good + b"\n" + b"y" * 70_000)
        done = watch(session, feed, "feed", out, refused.append)
    assert (done.events, done.refused) == (3, 2)
    assert [each.problems[0].line for each in refused] == [1, 3]
    assert json.loads(out.getvalue())["to"] == "met"


def test_lines_for_people_are_cut_to_the_terminal() -> None:
    change = Change("e-1", DAY.toordinal(), "C-1", "NCT1", None, "A", "undetermined", "ineligible", ("why " * 50,))
    text = text_of(change, several=True, width=70)
    assert len(text) <= 70
    assert text.startswith("2026-06-01  C-1  NCT1")
    assert "INELIGIBLE (A)" in text
    assert json.loads(line_of(change))["cohort"] == "A"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["watch", "NCT00000000"], "NCT00000000"),
        (["watch", "NCT07535138", "--from", "nowhere.ndjson"], "error[no-file]: there is no such file"),
        (["watch", "NCT07535138", "--from", "."], "is a directory"),
        (["watch", "NCT07535138", "--store", "nowhere/log.db"], "error[no-store]: there is no folder"),
        (["watch", "NCT07535138", "--ranges", "nowhere.csv"], "nowhere.csv"),
        (["worklist", "--store", "nowhere.db"], "error[no-store]: there is no such file"),
        (["watch", "NCT07535138", "--acknowledge", "--format", "text"], "goes with --format jsonl"),
    ],
)
def test_what_cannot_be_done_is_told(arguments: list[str], message: str, capsys: Capture) -> None:
    assert main([*arguments, *(ON if arguments[0] == "watch" else ())]) == REFUSED
    told = capsys.readouterr()
    assert message in told.err
    assert "Traceback" not in told.err


def test_without_a_day_today_is_told(tmp_path: Path, capsys: Capture) -> None:
    feed = tmp_path / "feed.ndjson"
    feed.write_text("")
    assert main(["watch", "NCT07535138", "--from", str(feed), "--store", str(tmp_path / "log.db")]) == DONE
    assert "note: the screening day is today, " in capsys.readouterr().err


def test_an_engine_that_fails_ends_the_watch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capture) -> None:
    broken = tmp_path / "worker.py"
    broken.write_text("raise SystemExit(3)\n")
    monkeypatch.setattr("prescreen.session.process._SCRIPT", broken)
    store = str(tmp_path / "log.db")
    assert main(["watch", "NCT07535138", *ON, "--from", str(FEED), "--store", store]) == REFUSED
    told = capsys.readouterr()
    assert told.out == ""
    assert "error[engine]: the rule engine did not answer" in told.err
    monkeypatch.undo()
    with Session("NCT07535138", store) as session:
        assert list(session.candidates()) == []


def test_an_output_that_is_full_is_told(capsys: Capture) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    with open("/dev/full", "w") as full, redirect_stdout(full):
        assert main(["watch", "NCT07535138", *ON, "--from", str(FEED)]) == REFUSED
        with suppress(OSError):
            full.close()
    assert capsys.readouterr().err.endswith("error: the output cannot be written: no space left on device\n")


def test_a_bundle_is_no_event(tmp_path: Path, capsys: Capture) -> None:
    feed = tmp_path / "feed.ndjson"
    bundle = {"event": "e-1", "candidate": "C-1", "add": {"resourceType": "Bundle", "type": "collection", "entry": []}}
    odd = {"event": "e-2", "candidate": "C-1", "add": {"observations": [{"code": "ALT", "value": 3, "unit": "K/uL"}]}}
    feed.write_text(json.dumps(bundle) + "\n" + json.dumps(odd) + "\n")
    assert main(["watch", "NCT07535138", *ON, "--from", str(feed)]) == REFUSED
    told = capsys.readouterr().err
    assert "error[fhir]: is a FHIR resource" in told
    assert "a Bundle does not say what has changed" in told
    assert f"note: {feed}:2, event `e-2`: record `e-2/observations[0]`: ALT: `K/uL` is a number concentration" in told


def test_a_work_list_is_made_again_only_where_something_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    with Session(TRIAL, on=DAY) as session:
        for number in range(5):
            session.add(f"C-{number}", {"birth_date": "1990"})
        made: list[str] = []
        full = fallback.full_report
        monkeypatch.setattr(
            fallback, "full_report", lambda trial, known, *rest: (made.append(known.id), full(trial, known, *rest))[1]
        )
        first = worklist(session)
        assert len(first.one_fact) == len(made) == 5
        assert worklist(session) == first
        assert len(made) == 5
        session.add("C-3", {"answers": {"fit": False}})
        assert [each.candidate for each in worklist(session).dropped] == ["C-3"]
        assert made[5:] == ["C-3"]
        session.on(date(2026, 6, 2))
        assert worklist(session).day == "2026-06-02"
        assert len(made) == 11
