"""Whole runs: what stops them, what they go on from, and that no result looks whole that is not."""

from __future__ import annotations

import csv
import errno
import json
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from prescreen import load_trial
from prescreen.cli import main
from prescreen.cohort import DisagreementError, Options, make_plan, read_changes, run_cohort
from prescreen.cohort import run as running
from prescreen.cohort.fallback import Direct
from prescreen.cohort.progress import Progress, words
from prescreen.cohort.settle import Settled
from prescreen.cohort.store import Store
from prescreen.language.model import Trial
from prescreen.problems import InputRefused
from prescreen.synth import synthesise

DAY = date(2026, 6, 1).toordinal()
SMALL = Options(block=16, audited=5)
FILES = {"criteria.parquet", "verdicts.parquet", "issues.parquet", "funnel.json", "funnel.html", "manifest.json"}


@pytest.fixture(scope="module")
def trial() -> Trial:
    return load_trial("NCT07535138")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort") / "data"
    synthesise(50, 1, folder)
    return folder


def rows(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return found


@pytest.mark.parametrize("audited", [0, 10])
def test_a_result_with_two_bad_cells_is_listed_once(trial: Trial, tmp_path: Path, audited: int) -> None:
    (tmp_path / "data").mkdir()
    results = ["A,ALT,5,x,2026-05-30,maybe", "B,ALT,5,,2026-13-30,maybe", "C,ALT,5,,2026-05-30,maybe"]
    text = "\n".join(["candidate,code,value,low,date,verification", *results, ""])
    (tmp_path / "data" / "observations.csv").write_text(text, encoding="utf-8")
    run_cohort(make_plan([trial]), tmp_path / "data", tmp_path / "out", DAY, options=Options(audited=audited))
    found = rows(tmp_path / "out" / "issues.parquet")
    assert [issue["row"] for issue in found] == [1, 2, 3]
    assert all("no verification `maybe`" in issue["reason"] for issue in found)
    assert "low: `x` is no number" in found[0]["reason"]
    assert "`2026-13-30` is no date" in found[1]["reason"]


def test_results_are_whole_and_add_up(trial: Trial, data: Path, tmp_path: Path) -> None:
    done = run_cohort(make_plan([trial]), data, tmp_path, DAY, options=SMALL)
    assert {path.name for path in tmp_path.iterdir()} == FILES
    criteria, verdicts = rows(tmp_path / "criteria.parquet"), rows(tmp_path / "verdicts.parquet")
    assert len(criteria) == 50 * len(trial.criteria)
    assert list(criteria[0]) == ["candidate", "trial", "cohort", "criterion", "status"]
    assert len(verdicts) == 50
    (protocol,) = done.funnel["trials"][0]["protocols"]
    for verdict, number in protocol["verdicts"].items():
        assert number == sum(row["verdict"] == verdict for row in verdicts)
    for step in protocol["cohorts"][0]["criteria"]:
        mine = [row["status"] for row in criteria if row["criterion"] == step["id"]]
        assert [step[name] for name in ("met", "failed", "undetermined")] == [
            mine.count(name) for name in ("met", "failed", "undetermined")
        ]


def test_a_broken_run_goes_on_where_it_was(
    trial: Trial, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, shards = running.Results._write, []

    def full(results: running.Results, name: str, table: object) -> None:
        shards.append(name)
        if len(shards) > 3:
            raise OSError(28, "No space left on device")
        write(results, name, table)

    plan = make_plan([trial])
    with monkeypatch.context() as patched:
        patched.setattr(running.Results, "_write", full)
        with pytest.raises(InputRefused, match="no space left on device"):
            run_cohort(plan, data, tmp_path, DAY, options=SMALL)
    assert {path.name for path in tmp_path.iterdir()} == {".unfinished"}
    done = run_cohort(plan, data, tmp_path, DAY, options=SMALL)
    assert 2 <= done.manifest["resumed_shards"] <= 4  # more, where others were decided while these were written
    fresh = run_cohort(plan, data, tmp_path / "fresh", DAY, options=SMALL)
    assert fresh.funnel == done.funnel
    assert rows(tmp_path / "criteria.parquet") == rows(tmp_path / "fresh" / "criteria.parquet")


def test_another_day_begins_anew(trial: Trial, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan([trial])
    with monkeypatch.context() as patched:
        patched.setattr(running.Results, "publish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run_cohort(plan, data, tmp_path, DAY, options=SMALL)
    assert run_cohort(plan, data, tmp_path, DAY + 1, options=SMALL).manifest["resumed_shards"] == 0


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of files")
def test_why_a_shard_cannot_be_kept_is_told(tmp_path: Path) -> None:
    """Found by hand, on a full disk: numpy did not say why, and the message was "none"."""
    import resource

    store = Store(tmp_path, {})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, before[1]))
    try:
        with pytest.raises(OSError, match="too large") as raised:
            store.save(0, Settled(np.zeros((10_000, 4), np.int8), [{}] * 4))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert raised.value.errno == errno.EFBIG
    assert store.load(0, 10_000) is None


def test_decisions_of_a_killed_run_are_not_taken_for_those_of_another(tmp_path: Path) -> None:
    """A process of a run that was killed may still keep a shard when the next run, of other rules, has begun."""
    mine, other = (Settled(np.full((4, 1), status, np.int8), [{}]) for status in (0, 2))
    killed = Store(tmp_path, {"rules": 1})
    run = Store(tmp_path, {"rules": 2})
    killed.save(0, other)
    assert run.load(0, 4) is None
    run.save(0, mine)
    killed.save(0, other)
    found = run.load(0, 4)
    assert found is not None
    assert found.statuses.tolist() == [[0]] * 4
    assert Store(tmp_path, {"rules": 2}).kept == 1
    path = run._path(0)
    whole = path.read_bytes()
    torn = (b"", halved(whole), whole[:-1], whole.replace(b"\x00\x00\x00\x00", b"\x00\x02\x00\x00"))
    for content in torn:
        path.write_bytes(content)
        assert run.load(0, 4) is None


def test_rows_beyond_the_memory_go_to_disk(trial: Trial, data: Path, tmp_path: Path) -> None:
    plan = make_plan([trial])
    usual = run_cohort(plan, data, tmp_path / "a", DAY, options=SMALL)
    tight = run_cohort(plan, data, tmp_path / "b", DAY, options=Options(block=16, audited=5, memory=1))
    assert tight.funnel == usual.funnel
    assert not (tmp_path / "b" / ".unfinished").exists()


def test_a_difference_to_the_direct_evaluator_ends_the_run(
    trial: Trial, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Direct, "statuses", lambda self, _, columns: [2 for _ in columns])
    with pytest.raises(DisagreementError, match="columns say"):
        run_cohort(make_plan([trial]), data, tmp_path, DAY, options=SMALL)
    assert {path.name for path in tmp_path.iterdir()} == {".unfinished"}


def test_an_earlier_result_is_not_taken_for_that_of_a_refused_run(
    trial: Trial, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan([trial])
    run_cohort(plan, data, tmp_path, DAY, options=SMALL)
    monkeypatch.setattr(Direct, "statuses", lambda self, _, columns: [2 for _ in columns])
    with pytest.raises(DisagreementError):
        run_cohort(plan, data, tmp_path, DAY, options=SMALL)
    assert not (tmp_path / "manifest.json").exists()


def halved(content: bytes) -> bytes:
    return content[: len(content) // 2]


def turned_round_within(content: bytes) -> bytes:
    middle = len(content) // 3
    return content[:middle] + bytes(each ^ 0xFF for each in content[middle : middle + 64]) + content[middle + 64 :]


@pytest.mark.parametrize("damage", [halved, turned_round_within])
def test_a_damaged_file_is_refused(
    damage: Callable[[bytes], bytes], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "data"
    broken.mkdir()
    for path in data.glob("*.parquet"):
        content = path.read_bytes()
        (broken / path.name).write_bytes(damage(content) if path.stem == "observations" else content)
    status = main(
        ["cohort", "NCT07535138", "--data", str(broken), "--out", str(tmp_path / "out"), "--on", "2026-06-01"]
    )
    assert status == 2
    assert "observations cannot be read" in capsys.readouterr().err
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_bad_row_is_listed_and_leaves_open_what_would_have_used_it(tmp_path: Path) -> None:
    (tmp_path / "persons.csv").write_text("candidate,birth_date,sex\nA,1980-01-01,female\nB,1980-13-01,male\n")
    with open(tmp_path / "observations.csv", "w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["candidate", "code", "value", "unit", "high", "date"])
        writer.writerow(["A", "ALT", "20", "U/L", "40", "2026-05-30"])
        writer.writerow(["B", "ALT", "20", "U/L", "40", "2026-05-30"])
        writer.writerow(["B", "ALT", "1,5", "U/L", "40", "2026-05-31"])
        stream.write("A,ALT,20\n")
    rules = {
        "schema": "prescreen/trial/1", "id": "T", "title": "t", "source": {"document": "none", "complete": True},
        "criteria": [
            {"id": "I1", "text": "t", "include_if": {"age": {"at_least": "18 years"}}},
            {"id": "I2", "text": "t", "include_if": {"observation": "ALT", "at_most": "3 ULN", "within": "28 days"}},
        ],
    }  # fmt: skip
    out = tmp_path / "out"
    run_cohort(make_plan([load_trial(rules)]), tmp_path, out, DAY, options=SMALL)
    found = {(row["candidate"], row["criterion"]): row["status"] for row in rows(out / "criteria.parquet")}
    assert found["A", "I1"] == "met"
    assert found["B", "I1"] == found["B", "I2"] == "undetermined"
    issues = rows(out / "issues.parquet")
    assert {(i["candidate"], i["table"], i["row"]) for i in issues} == {
        ("A", "observations", 4), ("B", "observations", 3), ("B", "persons", 2),
    }  # fmt: skip


def test_what_if(trial: Trial, data: Path, tmp_path: Path) -> None:
    plan = make_plan([trial], [read_changes(text, [trial]) for text in ("I1=off", "I3.1: ALT at_most 5 ULN; E2=off")])
    protocols = run_cohort(plan, data, tmp_path, DAY, options=SMALL).funnel["trials"][0]["protocols"]
    assert [protocol["variant"] for protocol in protocols] == [None, "I1=off", "I3.1: ALT at_most 5 ULN; E2=off"]
    written, younger, other = (protocol["cohorts"][0]["criteria"] for protocol in protocols)
    assert [c["id"] for c in written if c["id"] != "I1"] == [c["id"] for c in younger]
    assert len(other) == len(written) - 1
    assert protocols[1]["verdicts"]["ineligible"] <= protocols[0]["verdicts"]["ineligible"]


def test_each_count_of_the_funnel_is_that_of_the_statuses(trial: Trial, data: Path, tmp_path: Path) -> None:
    plan = make_plan([trial], [read_changes(text, [trial]) for text in ("E4=off; E2=off", "I1=off")])
    protocols = run_cohort(plan, data, tmp_path, DAY, options=SMALL).funnel["trials"][0]["protocols"]
    statuses: dict[str, dict[str, str]] = {}
    for row in rows(tmp_path / "criteria.parquet"):
        statuses.setdefault(row["candidate"], {})[row["criterion"]] = row["status"]
    assert any("failed" in of.values() for of in statuses.values())
    for protocol in protocols:
        steps = protocol["cohorts"][0]["criteria"]
        ids = [step["id"] for step in steps]
        left = set(statuses)
        for step in steps:
            own = step["id"]
            others = [other for other in ids if other != own]
            excluded = {each for each in left if statuses[each][own] == "failed"}
            left -= excluded
            assert (step["excludes"], step["remaining"]) == (len(excluded), len(left))
            assert step["remaining_met"] == sum(
                all(statuses[each][other] == "met" for other in ids[: ids.index(own) + 1]) for each in left
            )
            assert step["alone_excludes"] == sum(
                of[own] == "failed" and all(of[other] != "failed" for other in others) for of in statuses.values()
            )
            assert step["alone_undetermined"] == sum(
                of[own] == "undetermined" and all(of[other] == "met" for other in others) for of in statuses.values()
            )
        assert protocol["verdicts"]["ineligible"] == len(statuses) - len(left)


def test_a_changed_limit_counts_as_the_changed_rule_file_does(data: Path, tmp_path: Path) -> None:
    def limited(below: str) -> Trial:
        condition = {"observation": "haemoglobin", "below": below, "within": "1 year"}
        criterion = {"id": "E1", "text": "t", "exclude_if": condition}
        top = {"schema": "prescreen/trial/1", "id": "T", "title": "t"}
        return load_trial({**top, "source": {"document": "none", "complete": True}, "criteria": [criterion]})

    written = limited("9 g/dL")
    plan = make_plan([written], [read_changes("E1: haemoglobin below 14 g/dL", [written])])
    before, varied = run_cohort(plan, data, tmp_path / "1", DAY, options=SMALL).funnel["trials"][0]["protocols"]
    edited = run_cohort(make_plan([limited("14 g/dL")]), data, tmp_path / "2", DAY, options=SMALL)
    (alone,) = edited.funnel["trials"][0]["protocols"]
    assert {**varied, "variant": None} == alone
    assert before["verdicts"] != alone["verdicts"]


def test_progress_is_told_twice_a_second_with_rate_and_time_left() -> None:
    seconds = iter([0.0, 0.1, 0.6, 0.7, 2.0])
    told: list[tuple[str, int, int | None, float]] = []
    progress = Progress(lambda *some: told.append(some), lambda: next(seconds))
    for what in ("rows", "rows", "rows", "rows", "candidates"):
        progress.add(what, 100, 1_000)
    assert told == [("rows", 100, 1_000, 0.0), ("rows", 300, 1_000, 0.6), ("candidates", 100, 1_000, 0.0)]
    assert words(*told[1]) == "rows: 300 of 1,000, 500 a second, 1 s left"
    assert words(*told[0]) == "rows: 100 of 1,000"
    Progress(None, lambda: next(seconds)).add("rows", 1)  # nobody is told, and no clock read


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("E66=off", "no criterion is named `E66`"),
        ("E6", "is no change of a protocol"),
        ("I1: ALT at_most 5 ULN", "has no `at_most` for ALT"),
        ("I3.1: ALT at_most 5 ULLN", "I3.1: ALT at_most 5 ULLN"),
    ],
)
def test_changes_that_are_none_are_refused(trial: Trial, text: str, said: str) -> None:
    with pytest.raises(InputRefused, match=said):
        make_plan([trial], [read_changes(text, [trial])])


def test_the_command(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [
        "cohort",
        "NCT07535138",
        "NCT05689424",
        "--data",
        str(data),
        "--out",
        str(tmp_path),
        "--on",
        "2026-06-01",
    ]
    assert main([*command, "--vary", "NCT07535138/E6=off"]) == 0
    shown = capsys.readouterr()
    assert "NCT05689424" in shown.out
    assert "left to the direct evaluator" in shown.err
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["candidates"] == 50
    assert main([*command, "--memory", "a lot"]) == 2
    assert main(["cohort", "NCT07535138", "NCT07535138", *command[3:]]) == 2
