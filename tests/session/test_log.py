"""The log: nothing that was acknowledged is lost, nothing is doubled, and what goes wrong is told in words."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy.dialects import postgresql, sqlite

from prescreen import InputRefused, load_trial, statuses
from prescreen.session import Session, StoreFailed, book
from prescreen.session.book import _check
from prescreen.session.session import sources_of
from tests.engine.helper import criteria

ROOT = Path(__file__).parents[2]
DAY = date(2026, 6, 1)
TRIAL = criteria(
    {"include_if": {"age": {"at_least": "18 years", "at_most": "65 years"}}},
    {"exclude_if": {"observation": "ALT", "above": "3 ULN", "within": "28 days"}},
)
WATCH = [sys.executable, "-c", "import sys; from prescreen.cli import main; sys.exit(main())", "watch", "NCT07535138"]


def alt(value: float, identity: str = "alt") -> dict[str, Any]:
    record = {"id": identity, "code": "ALT", "value": value, "unit": "U/L", "reference_range": {"high": 40}}
    return {"observations": [{**record, "date": "2026-05-28"}]}


def event(number: int) -> dict[str, Any]:
    """An event that adds a record without an id, so that a doubled one would show."""
    record = {
        "code": "ALT",
        "value": number % 200,
        "unit": "U/L",
        "reference_range": {"high": 40},
        "date": "2026-05-28",
    }
    return {"event": f"e-{number}", "candidate": f"C-{number % 5}", "add": {"observations": [record]}}


def code_of(store: object) -> str:
    with pytest.raises(StoreFailed) as failed, Session(TRIAL, str(store), on=DAY):
        pass
    return failed.value.problems[0].code


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "src")}


def test_a_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    store = tmp_path / "log.db"
    with Session(TRIAL, store, on=DAY) as session:
        session.add("C-1", {"birth_date": "1990", **alt(92)}, event="e-1")
        session.on(date(2026, 6, 3))
    with Session(TRIAL, store, on=date(2030, 1, 1)) as session:
        assert session.day == date(2026, 6, 3)
        assert tuple(session.pending()) == ()
        assert session.statuses("C-1") == {"C1": "met", "C2": "met"}
        assert session.apply({"event": "e-1", "candidate": "C-1", "add": {"birth_date": "1990", **alt(92)}}).repeated
        assert next((each.before, each.after) for each in session.add("C-1", alt(200))) == ("met", "failed")
    assert sources_of(store) == ([TRIAL.id], None)


def test_two_writers_see_each_other(tmp_path: Path) -> None:
    store = tmp_path / "log.db"
    with Session(TRIAL, store, on=DAY) as one, Session(TRIAL, store) as other:
        one.add("C-1", {"birth_date": "1990"}, event="e-1")
        other.add("C-1", alt(92), event="e-2")
        assert one.apply({"event": "e-2", "candidate": "C-1", "add": alt(92)}).repeated
        with pytest.raises(InputRefused, match="kept before, with another content"):
            one.add("C-1", alt(93), event="e-2")
        one.remove("C-1", "alt")
        with pytest.raises(InputRefused, match="no record with the id `alt`"):
            other.remove("C-1", "alt")
        other.on(date(2060, 6, 1))
        assert one.statuses("C-1") == other.statuses("C-1") == {"C1": "failed", "C2": "undetermined"}
        assert one.candidate("C-1").profile == other.candidate("C-1").profile


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    store = tmp_path / "log.db"
    feeds = []
    for part in range(2):
        feed = tmp_path / f"{part}.ndjson"
        feed.write_text("".join(json.dumps(event(number)) + "\n" for number in range(part, 40, 1 + part)))
        feeds.append([*WATCH, "--on", "2026-06-01", "--store", str(store), "--from", str(feed)])
    with Session(load_trial("NCT07535138"), store, on=DAY):
        pass  # so that both find a log
    running = [subprocess.Popen(each, env=environment(), stdout=subprocess.PIPE, cwd=ROOT) for each in feeds]
    for process in running:
        process.communicate(timeout=120)
        assert process.returncode == 0
    with Session(load_trial("NCT07535138"), store) as session:
        counts = [len(session.candidate(f"C-{number}").profile.observations) for number in range(5)]
    assert counts == [8] * 5


def test_the_main_process_may_be_killed(tmp_path: Path) -> None:
    store = tmp_path / "log.db"
    feed = tmp_path / "feed.ndjson"
    feed.write_text("".join(json.dumps(event(number)) + "\n" for number in range(4_000)))
    command = [*WATCH, "--on", "2026-06-01", "--store", str(store), "--from", str(feed), "--acknowledge"]
    kept: list[str] = []
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        for line in process.stdout:
            told = json.loads(line)
            if "kept" in told:
                kept.append(told["event"])
            if len(kept) == 130:
                process.send_signal(signal.SIGKILL)
                break
        kept += [
            told["event"] for line in process.stdout if line.endswith("\n") and "kept" in (told := json.loads(line))
        ]
    trial = load_trial("NCT07535138")
    with Session(trial, store) as session:
        for number in range(len(kept)):
            assert session.apply(event(number)).repeated, number
        for number in range(len(kept), len(kept) + 70):
            session.apply(event(number))  # what was not acknowledged may be sent again
        records = sum(len(session.candidate(f"C-{number}").profile.observations) for number in range(5))
        last = len(kept) + 70
        with sqlite3.connect(store) as raw:
            assert raw.execute("select count(*) from events where id like 'e-%'").fetchone() == (records,)
        assert last <= records <= last + 64  # what was kept together with the last that was acknowledged


def test_what_could_not_be_told_is_told_later(tmp_path: Path) -> None:
    store = tmp_path / "log.db"
    session = Session(TRIAL, store, on=DAY)
    session.listen(_broken)
    with pytest.raises(BrokenPipeError):
        session.add("C-1", {"birth_date": "1950"})
    session.close()
    with Session(TRIAL, store) as again:
        assert [(each.criterion, each.after) for each in again.pending()] == [("C1", "failed"), (None, "ineligible")]
    with Session(TRIAL, store) as once_more:
        assert tuple(once_more.pending()) == ()


def _broken(change: object) -> None:
    raise BrokenPipeError


def test_standings_that_are_behind_are_made_again(tmp_path: Path) -> None:
    store = tmp_path / "log.db"
    with Session(TRIAL, store, on=DAY) as session:
        session.add("C-1", {"birth_date": "1990", **alt(200)})
        session.add("C-2", {"birth_date": "1990"})
    with sqlite3.connect(store) as raw:  # a process that ended before it came to them
        raw.execute("delete from standings where candidate = 'C-2'")
        (version,) = raw.execute("select distinct version from standings").fetchone()
        row = {"version": version, "seq": 1, "day": 2, "leaves": "??", "fired": "??", "truths": "??", "verdicts": "{}"}
        names = ", ".join(f"{name} = :{name}" for name in (*row, "digest"))
        raw.execute(f"update standings set {names}", {**row, "digest": _check(row)})
    with Session(TRIAL, store) as session:
        assert session.statuses("C-1") == {"C1": "met", "C2": "failed"}
        assert session.statuses("C-2") == {"C1": "met", "C2": "undetermined"}


def test_other_rules_are_told_as_changes(tmp_path: Path) -> None:
    store = tmp_path / "log.db"
    with Session(TRIAL, store, on=DAY) as session:
        session.add("C-1", {"birth_date": "1950"})
    amended = criteria({"include_if": {"age": {"at_least": "18 years"}}}, {"include_if": {"sex": "female"}})
    with Session(amended, store) as session:
        told = [(each.criterion, each.before, each.after) for each in session.pending()]
        assert told == [("C1", "failed", "met"), (None, "ineligible", "undetermined")]


def test_a_full_disk_is_told_and_nothing_is_half_kept(tmp_path: Path) -> None:
    store = tmp_path / "log.db"
    feed = tmp_path / "feed.ndjson"
    feed.write_text("".join(json.dumps(event(number)) + "\n" for number in range(1_500)))
    command = [*WATCH, "--on", "2026-06-01", "--store", str(store), "--from", str(feed), "--acknowledge"]

    def little_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (250_000, 250_000))

    done = subprocess.run(
        command,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        preexec_fn=little_room,
        check=False,
    )
    assert done.returncode == 2
    assert "error[store-full]" in done.stderr
    assert "Traceback" not in done.stderr
    kept = [told["event"] for line in done.stdout.splitlines() if "kept" in (told := json.loads(line))]
    assert kept
    with Session(load_trial("NCT07535138"), store) as session:  # there is room again
        for number in range(len(kept)):
            assert session.apply(event(number)).repeated
        assert not session.apply({**event(7), "event": "new"}).repeated


def test_a_torn_end_of_the_log_is_as_if_it_had_not_been(tmp_path: Path) -> None:
    store = tmp_path / "log.db"
    torn = tmp_path / "torn"
    torn.mkdir()
    with Session(TRIAL, store, on=DAY) as session:
        for number in range(20):
            session.apply(event(number))
        for path in tmp_path.glob("log.db*"):
            shutil.copy(path, torn)  # as a process that was killed leaves it
        for number in range(20, 23):
            session.apply(event(number))
    wal = torn / "log.db-wal"
    wal.write_bytes(wal.read_bytes()[:-1_000])
    with Session(TRIAL, torn / "log.db") as session:
        assert all(session.apply(event(number)).repeated for number in range(19))
        for number in range(19, 23):
            session.apply(event(number))
        assert [len(session.candidate(f"C-{each}").profile.observations) for each in range(5)] == [5, 5, 5, 4, 4]


def test_a_changed_event_is_noticed(tmp_path: Path) -> None:
    store = tmp_path / "log.db"
    with Session(TRIAL, store, on=DAY) as session:
        session.add("C-1", {"birth_date": "1990"}, event="e-1")
    with sqlite3.connect(store) as raw:
        raw.execute("update events set body = replace(body, '1990', '1890')")
    with Session(TRIAL, store) as session, pytest.raises(StoreFailed, match="event `e-1` is not as it was written"):
        session.report("C-1")


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"not a database at all, and longer than its header " * 4, "store-damaged"), (b"", None)],
)
def test_a_file_that_is_no_log(content: bytes, code: str | None, tmp_path: Path) -> None:
    store = tmp_path / "log.db"
    store.write_bytes(content)
    if code is None:
        with Session(TRIAL, store, on=DAY) as session:
            assert list(session.candidates()) == []
    else:
        assert code_of(store) == code


def test_a_torn_database_is_told(tmp_path: Path) -> None:
    store = tmp_path / "log.db"
    with Session(TRIAL, store, on=DAY) as session:
        for number in range(50):
            session.apply(event(number))
    whole = store.read_bytes()
    store.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreFailed, match="is damaged or no database"), Session(TRIAL, store) as session:
        session.apply_all([event(number) for number in range(50)])


def test_a_log_that_is_damaged_anywhere_is_told_or_harmless(tmp_path: Path) -> None:
    whole = tmp_path / "whole.db"
    with Session(TRIAL, whole, on=DAY) as session:
        session.apply_all([event(number) for number in range(40)])
    content = whole.read_bytes()
    outcomes = set()
    for number in range(40):
        rng = Random(number)
        damaged = bytearray(content)
        if rng.random() < 0.3:
            del damaged[rng.randrange(len(damaged)) :]
        for _ in range(rng.choice([1, 4, 50])):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        store = tmp_path / f"{number}.db"
        store.write_bytes(damaged)
        try:
            with Session(TRIAL, store, on=DAY) as session:
                session.apply_all([event(each) for each in range(35, 45)])
                session.on(date(2026, 6, 2))
                for candidate in session.candidates():
                    with suppress(InputRefused):  # a name that is damaged
                        assert session.statuses(candidate) == statuses(TRIAL, session.candidate(candidate), session.day)
                list(session.pending())
            outcomes.add("harmless")
        except StoreFailed as failed:
            outcomes.update(problem.code for problem in failed.problems)
    assert "store-damaged" in outcomes
    assert outcomes <= {"harmless", "store-damaged", "no-store"}


def test_what_is_asked_of_the_database_is_portable() -> None:
    """Every statement and table in both dialects; what each means there is seen in the tests on the databases."""
    made = [each for each in vars(book).values() if isinstance(each, sqlalchemy.Executable)]
    made += [sqlalchemy.schema.CreateTable(table) for table in book.tables.sorted_tables]
    made += [sqlalchemy.schema.CreateIndex(index) for table in book.tables.sorted_tables for index in table.indexes]
    assert len(made) > 15
    for dialect in (postgresql.dialect(), sqlite.dialect()):
        texts = [str(each.compile(dialect=dialect)) for each in made]
        assert all(texts)
    assert any("WHERE told = 0" in text for text in texts)  # the index of what is untold


def test_other_stores_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as raw:
        raw.execute("create table patients (id text)")
    assert code_of(other) == "no-store"
    assert code_of(tmp_path / "nowhere" / "log.db") == "no-store"
    assert code_of("mysterious://host/log") == "no-store"
    with Session(TRIAL, tmp_path / "log.db", on=DAY):
        pass
    with sqlite3.connect(tmp_path / "log.db") as raw:
        raw.execute("update prescreen_session set value = 'prescreen/session/0' where key = 'schema'")
    assert code_of(tmp_path / "log.db") == "no-store"
    with pytest.raises(InputRefused, match="no such file"):
        sources_of(tmp_path / "nobody.db")
    with pytest.raises(InputRefused, match="no session was held"):
        sources_of("sqlite://")


def test_a_password_is_not_shown() -> None:
    with pytest.raises(StoreFailed) as failed:
        Session(TRIAL, "postgresql://me:secret@localhost:1/log", on=DAY)
    assert "secret" not in str(failed.value)


def test_a_store_that_somebody_else_writes_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prescreen.session.log._WAIT", 200)
    store = tmp_path / "log.db"
    with Session(TRIAL, store, on=DAY) as session, sqlite3.connect(store, isolation_level=None) as raw:
        raw.execute("begin immediate")
        with pytest.raises(StoreFailed, match="being written by somebody else"):
            session.add("C-1", {"birth_date": "1990"})
        raw.execute("rollback")
        assert session.add("C-1", {"birth_date": "1990"})


@pytest.fixture
def postgres() -> Iterator[str]:
    """A database of PostgreSQL's, where its programs and a driver are there."""
    pytest.importorskip("psycopg")
    if shutil.which("initdb") is None or shutil.which("pg_ctl") is None:
        pytest.skip("there is no PostgreSQL here")
    as_user: list[str] = []
    if os.getuid() == 0:  # as which it does not run
        if shutil.which("runuser") is None:
            pytest.skip("PostgreSQL does not run as root")
        as_user = ["runuser", "-u", "nobody", "--"]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "log"
        folder.mkdir()
        if as_user:
            os.chmod(scratch, 0o755)
            shutil.chown(folder, "nobody")
        yield from _postgres(folder, as_user)


def _postgres(folder: Path, as_user: list[str]) -> Iterator[str]:
    run = {"check": True, "capture_output": True, "timeout": 60, "cwd": "/"}
    subprocess.run([*as_user, "initdb", "-D", str(folder), "-A", "trust", "-U", "log"], **run)  # type: ignore[call-overload]
    options = f"-k {folder} -c listen_addresses=''"
    start = [*as_user, "pg_ctl", "-D", str(folder), "-o", options, "-l", f"{folder}/said", "-w", "start"]
    subprocess.run(start, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, cwd="/")
    try:
        yield f"postgresql+psycopg://log@/postgres?host={folder}"
    finally:
        subprocess.run([*as_user, "pg_ctl", "-D", str(folder), "-m", "immediate", "stop"], **run)  # type: ignore[call-overload]


def test_the_log_may_lie_in_postgresql(postgres: str) -> None:
    with Session(TRIAL, postgres, on=DAY) as one, Session(TRIAL, postgres) as other:
        began = time.monotonic()
        for number in range(10):
            (one, other)[number % 2].apply(event(number))
        assert one.apply(event(3)).repeated
        assert one.add("C-1", {"birth_date": "1950"})[-1].after == "ineligible"
        other.on(date(2026, 6, 20))
        assert other.statuses("C-1") == one.statuses("C-1")
        assert time.monotonic() - began < 60
    with Session(TRIAL, postgres) as session:
        assert list(session.candidates()) == [f"C-{number}" for number in range(5)]
        assert len(session.candidate("C-1").profile.observations) == 2
