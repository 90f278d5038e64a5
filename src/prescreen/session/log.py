"""The log of a session's events, and what follows from them, in a database; the one module that knows SQLAlchemy.

Events are only ever appended, each with the digest of its content. Beside them stand conclusions, which could be made
of the events again: of each candidate the standing in each trial, and the changes of status with whether they were
told.
What an event brings about is written in one transaction with it, so that after a crash there is all of it or nothing.
Writers take turns: a transaction that writes locks out the others from its beginning.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sql
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from prescreen.problems import InputRefused, Problem
from prescreen.session.model import Change, Kept, Placed, Row, Standing

MEMORY: Final = "sqlite://"

_SCHEMA: Final = "prescreen/session/1"
_WAIT: Final = 60_000  # milliseconds for another writer
_LOCK: Final = 0x70726573  # of PostgreSQL: any number that is always the same

_tables = sql.MetaData()
# SQLite counts rows by itself only in a plain integer.
_number = sql.BigInteger().with_variant(sql.Integer(), "sqlite")
_facts = sql.Table(
    "prescreen_session", _tables, sql.Column("key", sql.Text, primary_key=True), sql.Column("value", sql.Text)
)
_events = sql.Table(
    "events",
    _tables,
    sql.Column("seq", _number, primary_key=True, autoincrement=True),
    sql.Column("id", sql.Text, nullable=False, unique=True),
    sql.Column("candidate", sql.Text),
    sql.Column("day", sql.Integer),
    sql.Column("body", sql.Text, nullable=False),
    sql.Column("digest", sql.Text, nullable=False),
    sql.Index("events_of", "candidate", "seq"),
)
_candidates = sql.Table(
    "candidates",
    _tables,
    sql.Column("candidate", sql.Text, primary_key=True),
    sql.Column("seq", _number, nullable=False),
    sql.Column("day", sql.Integer),
    sql.Column("day_seq", _number, nullable=False),
)
_standings = sql.Table(
    "standings",
    _tables,
    sql.Column("candidate", sql.Text, primary_key=True),
    sql.Column("trial", sql.Text, primary_key=True),
    sql.Column("version", sql.Text, nullable=False),
    sql.Column("seq", _number, nullable=False),
    sql.Column("day", sql.Integer, nullable=False),
    sql.Column("leaves", sql.Text, nullable=False),
    sql.Column("fired", sql.Text, nullable=False),
    sql.Column("truths", sql.Text, nullable=False),
    sql.Column("verdicts", sql.Text, nullable=False),
)
_changes = sql.Table(
    "changes",
    _tables,
    sql.Column("number", _number, primary_key=True, autoincrement=True),
    sql.Column("event", sql.Text, nullable=False),
    sql.Column("day", sql.Integer, nullable=False),
    sql.Column("candidate", sql.Text, nullable=False),
    sql.Column("trial", sql.Text, nullable=False),
    sql.Column("criterion", sql.Text),
    sql.Column("cohort", sql.Text),
    sql.Column("before", sql.Text, nullable=False),
    sql.Column("after", sql.Text, nullable=False),
    sql.Column("because", sql.Text, nullable=False),
    sql.Column("told", sql.Boolean, nullable=False),
    sql.Index("changes_of", "trial", "candidate"),
    sql.Index("changes_untold", "told"),
)

_find_event = sql.select(_events.c.digest).where(_events.c.id == sql.bindparam("wanted"))
_find_day = (
    sql.select(_events.c.day, _events.c.seq)
    .where(_events.c.candidate.is_(None))
    .order_by(_events.c.seq.desc())
    .limit(1)
)
_find_since = (
    sql.select(_events)
    .where(_events.c.candidate == sql.bindparam("of"), _events.c.seq > sql.bindparam("since"))
    .order_by(_events.c.seq)
)
_find_standings = sql.select(_standings).where(_standings.c.candidate == sql.bindparam("of"))
_place_candidate = _candidates.update().where(_candidates.c.candidate == sql.bindparam("of"))
_place_standing = _standings.update().where(
    _standings.c.candidate == sql.bindparam("of"), _standings.c.trial == sql.bindparam("within")
)
_name_event = _events.update().where(_events.c.seq == sql.bindparam("of"))
_mark_told = _changes.update().where(_changes.c.number == sql.bindparam("of"))
_find_fact = sql.select(_facts.c.value).where(_facts.c.key == sql.bindparam("of"))
_find_candidate = sql.select(_candidates.c.seq).where(_candidates.c.candidate == sql.bindparam("of"))


class StoreFailed(InputRefused):
    """The log could not be read or written; nothing of the event at hand was kept."""


class Book:
    """The log within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._day: tuple[int, int] | None = None

    def fact(self, key: str) -> str | None:
        """Something that the log says of itself."""
        found = self._connection.execute(_find_fact, {"of": key}).scalar()
        return None if found is None else str(found)

    def state(self, key: str, value: str) -> None:
        """Have the log say something of itself."""
        self._connection.execute(_facts.delete().where(_facts.c.key == key))
        self._connection.execute(_facts.insert(), {"key": key, "value": value})

    def digest(self, identity: str) -> str | None:
        """The digest of the event of that id, None when there is none."""
        found = self._connection.execute(_find_event, {"wanted": identity}).scalar()
        return None if found is None else str(found)

    def append(self, identity: str | None, candidate: str | None, day: int | None, body: str, digest: str) -> Kept:
        """Append an event; one without an id is named by its number."""
        row = {"id": identity or "", "candidate": candidate, "day": day, "body": body, "digest": digest}
        seq = _key(self._connection.execute(_events.insert(), row))
        self._day = self._day if candidate is not None else None
        if identity is None:
            identity = f"#{seq}"
            while self.digest(identity) is not None:  # somebody has used the name
                identity = f"#{identity}"
            self._connection.execute(_name_event, {"of": seq, "id": identity})
        return Kept(seq, identity, candidate, body)

    def common_day(self) -> tuple[int, int]:
        """The screening day for all, and the number of the event that told it; (0, 0) in an empty log."""
        if self._day is None:
            found = self._connection.execute(_find_day).first()
            self._day = (0, 0) if found is None else (int(found.day), int(found.seq))
        return self._day

    def last_of(self, candidate: str) -> int:
        """The number of the last event of a candidate; 0 when there is none."""
        return int(self._connection.execute(_find_candidate, {"of": candidate}).scalar() or 0)

    def events_of(self, candidate: str, since: int) -> list[Kept]:
        """A candidate's events after that of a number. Raises StoreFailed when one is not what was written."""
        found = []
        for row in self._connection.execute(_find_since, {"of": candidate, "since": since}):
            if sha256(row.body.encode()).hexdigest() != row.digest:
                raise _failed("store-damaged", f"the log is damaged: event `{row.id}` is not as it was written")
            found.append(Kept(int(row.seq), row.id, row.candidate, row.body))
        return found

    def place_candidate(self, candidate: str, seq: int, day: int | None, day_seq: int, *, new: bool) -> None:
        """Note a candidate's last event and own day."""
        values = {"seq": seq, "day": day, "day_seq": day_seq}
        if new:
            self._connection.execute(_candidates.insert(), {"candidate": candidate, **values})
        else:
            self._connection.execute(_place_candidate, {"of": candidate, **values})

    def standings(self, candidate: str) -> dict[str, Placed]:
        """A candidate's standings by trial."""
        return {row.trial: _placed(row) for row in self._connection.execute(_find_standings, {"of": candidate})}

    def place(self, candidate: str, trial: str, placed: Placed, *, new: bool) -> None:
        """Keep a standing in the place of the one before."""
        standing = placed.standing
        values = {
            "version": placed.version,
            "seq": placed.seq,
            "day": standing.day,
            "leaves": standing.leaves,
            "fired": standing.fired,
            "truths": standing.truths,
            "verdicts": json.dumps({cohort or "": verdict for cohort, verdict in placed.verdicts.items()}),
        }
        if new:
            self._connection.execute(_standings.insert(), {"candidate": candidate, "trial": trial, **values})
        else:
            self._connection.execute(_place_standing, {"of": candidate, "within": trial, **values})

    def note(self, change: Change) -> Change:
        """Keep a change, not yet told; the same with its number."""
        row = asdict(change) | {"because": json.dumps(change.because, ensure_ascii=False), "told": False}
        del row["number"]
        number = _key(self._connection.execute(_changes.insert(), row))
        return replace(change, number=number)

    def told(self, numbers: Iterable[int]) -> None:
        """Note that changes were told."""
        rows = [{"of": number, "told": True} for number in numbers]
        if rows:
            self._connection.execute(_mark_told, rows)

    def untold(self) -> list[Change]:
        """The changes that nobody was told of."""
        found = self._connection.execute(
            sql.select(_changes).where(_changes.c.told == sql.false()).order_by(_changes.c.number)
        )
        return [_change(row) for row in found]

    def last_verdicts(self, trial: str) -> dict[str, Change]:
        """The last change of the verdict on each candidate, where there was one."""
        of_verdict = (_changes.c.trial == trial) & _changes.c.criterion.is_(None) & _changes.c.cohort.is_(None)
        found = self._connection.execute(sql.select(_changes).where(of_verdict).order_by(_changes.c.number))
        return {row.candidate: _change(row) for row in found}

    def rows(self, after: str | None, most: int) -> list[Row]:
        """Candidates in the order of their ids, from the one after `after` on."""
        wanted = sql.select(_candidates).order_by(_candidates.c.candidate).limit(most)
        if after is not None:
            wanted = wanted.where(_candidates.c.candidate > after)
        found = self._connection.execute(wanted).all()
        standings: dict[str, dict[str, Placed]] = {row.candidate: {} for row in found}
        if found:
            between = _standings.c.candidate.between(found[0].candidate, found[-1].candidate)
            for row in self._connection.execute(sql.select(_standings).where(between)):
                standings[row.candidate][row.trial] = _placed(row)
        return [Row(row.candidate, int(row.seq), row.day, int(row.day_seq), standings[row.candidate]) for row in found]


class Log:
    """The log at a URL of SQLAlchemy's, or in a file of SQLite's.

    Raises StoreFailed when it cannot be opened, or is a database of something else.
    """

    def __init__(self, url: str = MEMORY) -> None:
        try:
            self._url = sql.make_url(url if "://" in url else f"sqlite:///{url}")
        except ArgumentError:
            raise _failed(
                "no-store", "this is no URL of a database: expected sqlite:///FILE or postgresql://…"
            ) from None
        self._lite = self._url.get_backend_name() == "sqlite"
        self.name = self._url.render_as_string(hide_password=True)
        with self._telling():
            self._engine = self._opened()
            with self._engine.begin() as connection:
                self._prepare(connection)

    @contextmanager
    def writing(self) -> Iterator[Book]:
        """A transaction: all of it is kept at the end, or nothing of it when something is raised."""
        with self._telling(), self._engine.begin() as connection:
            if not self._lite:
                connection.execute(sql.select(sql.func.pg_advisory_xact_lock(_LOCK)))
            yield Book(connection)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _opened(self) -> sql.Engine:
        if not self._lite:
            return sql.create_engine(self._url)
        memory = self._url.database in (None, "", ":memory:")
        if not memory and not Path(str(self._url.database)).parent.is_dir():
            raise _failed("no-store", f"there is no folder for {self.name}")
        options: dict[str, Any] = {"poolclass": StaticPool} if memory else {}
        arguments = {"check_same_thread": False, "timeout": _WAIT / 1000, "isolation_level": None}
        engine = sql.create_engine(self._url, connect_args=arguments, **options)

        @sql.event.listens_for(engine, "connect")
        def prepare(connection: Any, _: object) -> None:
            cursor = connection.cursor()
            # Kept means: on the disk. Readers and the one writer do not wait for each other.
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.close()

        @sql.event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        return engine

    def _prepare(self, connection: Connection) -> None:
        if not self._lite:
            connection.execute(sql.select(sql.func.pg_advisory_xact_lock(_LOCK)))
        names = set(sql.inspect(connection).get_table_names())
        if not names:
            _tables.create_all(connection)
            Book(connection).state("schema", _SCHEMA)
            return
        schema = Book(connection).fact("schema") if _facts.name in names else None
        if schema is None:
            raise _failed("no-store", f"{self.name} holds something else than the log of a session")
        if schema != _SCHEMA:
            raise _failed("no-store", f"{self.name} was written by another release ({schema}): expected {_SCHEMA}")

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Errors of the database in words of ours."""
        try:
            yield
        except NoSuchModuleError:
            kind = self._url.drivername
            message = f"there is no database of the kind `{kind}`: expected sqlite or postgresql"
            raise _failed("no-store", message) from None
        except ModuleNotFoundError as error:
            message = f"the driver `{error.name}` for {self._url.get_backend_name()} is not installed"
            raise _failed("no-store", message) from None
        except DBAPIError as error:
            raise self._words(str(error.orig)) from None
        except SQLAlchemyError as error:
            raise self._words(str(error).partition("\n")[0]) from None

    def _words(self, said: str) -> StoreFailed:
        said = said.strip().partition("\n")[0]
        low = said.lower()
        if "full" in low or "disk i/o" in low or "no space" in low:
            return _failed("store-full", f"{self.name} cannot be written: {low}", "make room and send the event again")
        if "malformed" in low or "not a database" in low or "corrupt" in low:
            return _failed("store-damaged", f"{self.name} is damaged or no database: {low}")
        if "locked" in low:
            message = f"{self.name} is being written by somebody else, for more than {_WAIT // 1000} seconds"
            return _failed("store-busy", message)
        if "readonly" in low:
            return _failed("no-store", f"{self.name} may not be written")
        return _failed("no-store", f"{self.name} cannot be used: {low}")


def _failed(code: str, message: str, hint: str | None = None) -> StoreFailed:
    return StoreFailed([Problem(code, message, hint=hint)])


def _key(done: Any) -> int:
    """The number that a row was given."""
    return int(done.inserted_primary_key[0])


def _placed(row: Any) -> Placed:
    standing = Standing(int(row.day), row.leaves, row.fired, row.truths)
    verdicts = {cohort or None: verdict for cohort, verdict in json.loads(row.verdicts).items()}
    return Placed(row.version, int(row.seq), standing, verdicts)


def _change(row: Any) -> Change:
    values = {field.name: getattr(row, field.name) for field in fields(Change)}
    return Change(**{**values, "because": tuple(json.loads(row.because))})
