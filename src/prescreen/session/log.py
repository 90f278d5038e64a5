"""The log of a session's events in a database: opened, locked, and what goes wrong with it in words of ours.

Writers take turns: a transaction locks out the others from its beginning. What an event brings about is written in one
transaction with it, so that after a crash there is all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sql
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from prescreen.session.book import Book, StoreFailed, has_log, store_failed, tables

MEMORY: Final = "sqlite://"

_SCHEMA: Final = "prescreen/session/2"
_WAIT: Final = 60_000  # milliseconds for another writer
_LOCK: Final = 0x70726573  # of PostgreSQL: any number that is always the same


class Log:
    """The log at a URL of SQLAlchemy's, or in a file of SQLite's.

    Raises StoreFailed when it cannot be opened, or is a database of something else.
    """

    def __init__(self, url: str = MEMORY) -> None:
        try:
            self._url = sql.make_url(url if "://" in url else f"sqlite:///{url}")
        except ArgumentError:
            raise store_failed(
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
            book = Book(connection)
            yield book
            book.write()

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _opened(self) -> sql.Engine:
        if not self._lite:
            return sql.create_engine(self._url)
        memory = self._url.database in (None, "", ":memory:")
        if not memory and not Path(str(self._url.database)).parent.is_dir():
            raise store_failed("no-store", f"there is no folder for {self.name}")
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
            tables.create_all(connection)
            Book(connection).state("schema", _SCHEMA)
            return
        schema = Book(connection).fact("schema") if has_log(names) else None
        if schema is None:
            raise store_failed("no-store", f"{self.name} holds something else than the log of a session")
        if schema != _SCHEMA:
            raise store_failed("no-store", f"{self.name} was written by another release ({schema}): expected {_SCHEMA}")

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Errors of the database in words of ours."""
        try:
            yield
        except NoSuchModuleError:
            kind = self._url.drivername
            message = f"there is no database of the kind `{kind}`: expected sqlite or postgresql"
            raise store_failed("no-store", message) from None
        except ModuleNotFoundError as error:
            message = f"the driver `{error.name}` for {self._url.get_backend_name()} is not installed"
            raise store_failed("no-store", message) from None
        except DBAPIError as error:
            raise self._words(str(error.orig)) from None
        except UnicodeDecodeError:
            raise store_failed("store-damaged", f"{self.name} is damaged: a text in it is none") from None
        except SQLAlchemyError as error:
            raise self._words(str(error).partition("\n")[0]) from None

    def _words(self, said: str) -> StoreFailed:
        said = said.strip().partition("\n")[0]
        low = said.lower()
        if "full" in low or "disk i/o" in low or "no space" in low:
            return store_failed(
                "store-full", f"{self.name} cannot be written: {low}", "make room and send the event again"
            )
        if "malformed" in low or "decode" in low or "not a database" in low or "corrupt" in low:
            return store_failed("store-damaged", f"{self.name} is damaged or no database: {low}")
        if "locked" in low:
            message = f"{self.name} is being written by somebody else, for more than {_WAIT // 1000} seconds"
            return store_failed("store-busy", message)
        if "readonly" in low:
            return store_failed("no-store", f"{self.name} may not be written")
        return store_failed("no-store", f"{self.name} cannot be used: {low}")
