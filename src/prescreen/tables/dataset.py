"""Cohort tables where they lie: a folder of Parquet or CSV files, or a DuckDB database, read through DuckDB.

Nothing is loaded when a cohort is opened but the names and types of its columns. Reading never writes, installs or
fetches anything.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from heapq import merge
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from prescreen.catalogue import Catalogue
from prescreen.problems import InputRefused, Problem, closest
from prescreen.tables.cells import Row
from prescreen.tables.extras import require
from prescreen.tables.model import TABLES, TableIssue
from prescreen.tables.reading import TableCandidate, read_rows
from prescreen.tables.sources import (
    ATTACHED,
    FILE_KINDS,
    Kind,
    Source,
    as_text,
    first_line,
    header_of,
    name_in_sql,
    named,
    refused,
    text_in_sql,
    unreadable,
)

if TYPE_CHECKING:
    import duckdb

__all__ = ["Source", "Tables", "as_text", "open_tables", "unreadable"]

_DATABASES: Final = (".duckdb", ".ddb", ".db")
_MOST_NEAR: Final = 3
_MOST_UNOWNED: Final = 1_000


class Tables:
    """A cohort's tables, open for reading; close it, or use it in a `with`.

    sources: by table, those that are there. issues: what a person should know of the tables as a whole: columns and
    files that are not read. connection: DuckDB, on which `Source.scan` can be queried.
    """

    def __init__(self, path: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self.path = path
        self.connection = connection
        self.sources: dict[str, Source] = {}
        self.issues: list[TableIssue] = []

    def __enter__(self) -> Tables:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.connection.close()

    def read(self, identity: str, catalogue: Catalogue, day: int | None = None) -> TableCandidate | None:
        """One candidate from its rows; None where no table names it. See `read_rows`."""
        rows = self.rows([identity])
        return read_rows(identity, rows[identity], catalogue, day) if identity in rows else None

    def read_many(
        self, identities: Sequence[str], catalogue: Catalogue, day: int | None = None
    ) -> Iterator[TableCandidate | InputRefused]:
        """Candidates from their rows, in one scan of each table; in the order asked for, without those not there."""
        rows = self.rows(identities)
        for identity in dict.fromkeys(identities):
            if identity in rows:
                try:
                    yield read_rows(identity, rows[identity], catalogue, day)
                except InputRefused as refused:
                    yield refused

    def rows(self, identities: Sequence[str]) -> dict[str, dict[str, list[Row]]]:
        """The rows of some candidates by candidate and table, in the order of the files."""
        found: dict[str, dict[str, list[Row]]] = {}
        wanted = set(identities)
        for table, source in self.sources.items():
            for identity, row in self._rows(source, identities) if wanted else ():
                found.setdefault(identity, {}).setdefault(table, []).append(row)
            for owner, row in self.rejected(table):
                if owner is not None and owner in wanted:
                    found.setdefault(owner, {}).setdefault(table, []).append(row)
        return found

    def _rows(self, source: Source, identities: Sequence[str]) -> Iterator[tuple[str, Row]]:
        """The rows of candidates in one table."""
        names = [name for name in source.columns if name != "candidate"]
        chosen = ", ".join(as_text(name, source.columns[name]) for name in names)
        candidate = name_in_sql("candidate")
        if source.columns["candidate"] != "VARCHAR":
            candidate = f"CAST({candidate} AS VARCHAR)"
        values: list[Any] = list(identities)
        condition = f"{candidate} = ?"
        if len(values) != 1:
            condition, values = f"{candidate} IN (SELECT unnest(?))", [values]
        query = (
            f"SELECT {candidate}, row_number_, file_{', ' + chosen if chosen else ''} "
            f"FROM {source.scan(numbered=True)} WHERE {condition}"
        )
        fetched = self.query(query, values, source.table)
        fetched.sort(key=lambda row: (row[2] or "", row[1]))
        for identity, number, file, *cells in fetched:
            filled = {name: cell for name, cell in zip(names, cells, strict=True) if cell}
            yield identity, Row(number, filled, Path(file).name if source.several and file else None)

    def rejected(self, table: str) -> list[tuple[str | None, Row]]:
        """The lines of a CSV that the scans so far could not take apart, each with its candidate where that shows.

        Raises InputRefused for a quote that is not closed, behind which nobody can tell where rows end.
        """
        source = self.sources[table]
        scanned = "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'reject_errors'"
        if source.kind != "csv" or not self.query(scanned, [], table)[0][0]:
            return []
        query = (
            "SELECT file_path, line, first(csv_line), first(error_message), bool_or(error_type = 'UNQUOTED VALUE') "
            "FROM reject_errors JOIN reject_scans USING (scan_id, file_id) GROUP BY ALL ORDER BY file_path, line"
        )
        mine = {str(path): path.name for path in source.files}
        found: list[tuple[str | None, Row]] = []
        for path, line, text, why, unclosed in self.query(query, [], table):
            if path not in mine:
                continue
            if unclosed:
                message = f"line {line} has a quote that is not closed, so that nobody can tell where rows end"
                raise refused("unreadable", message, Path(path))
            file = mine[path] if source.several else None
            parts = next(csv.reader([text or ""], delimiter=source.delimiter), [])
            place = source.header.index("candidate")
            identity = parts[place] if len(parts) > place and parts[place] else None
            reason = f"line {line} of the file cannot be taken apart: {first_line(why)}"
            found.append((identity, Row(line - 1, {}, file, reason)))
        return found

    def count(self, table: str) -> int:
        """How many rows a table has; none where it is not there."""
        source = self.sources.get(table)
        if source is None:
            return 0
        count: int = self.query(f"SELECT count(*) FROM {source.scan()}", [], table)[0][0]
        return count

    def ids(self) -> Iterator[str]:
        """The ids of all candidates: of whoever is named in any table, in order."""
        import duckdb

        try:
            everyone = self._everyone(tuple(self.sources))
            query = f"SELECT DISTINCT candidate FROM ({everyone}) WHERE candidate <> '' ORDER BY candidate"
            found = self.connection.sql(query).to_arrow_table()
        except duckdb.Error as error:
            raise unreadable(self.path, "persons", error) from None
        named = {owner for table in self.sources for owner, _ in self.rejected(table) if owner is not None}
        whole = (each for batch in found.to_batches(max_chunksize=10_000) for each in batch.column(0).to_pylist())
        last = None
        for identity in merge(whole, sorted(named)):
            if identity != last:
                yield identity
            last = identity

    def unowned(self) -> list[TableIssue]:
        """Rows that name no candidate, so that nothing can be made of them; of each table, the first thousand."""
        found: list[TableIssue] = []
        for table, source in self.sources.items():
            query = (
                f"SELECT row_number_, file_ FROM {source.scan(numbered=True)} "
                f"WHERE CAST(candidate AS VARCHAR) = '' OR candidate IS NULL LIMIT {_MOST_UNOWNED}"
            )
            places = [(row, Path(file).name if source.several and file else None) for row, file in
                      self.query(query, [], table)]  # fmt: skip
            places += [(row.number, row.file) for owner, row in self.rejected(table) if owner is None]
            message = "the row names no candidate; not used"
            found += [TableIssue("no-candidate", table, row, None, message, file) for row, file in sorted(
                places, key=lambda place: (place[1] or "", place[0]))[:_MOST_UNOWNED]]  # fmt: skip
        return found

    def nearest(self, identity: str) -> list[str]:
        """The ids, of persons where there is that table, that a misspelt one was most likely meant to be."""
        most = max(1, min(3, len(identity) // 2))
        everyone = self._everyone(("persons",) if "persons" in self.sources else tuple(self.sources))
        query = (
            f"SELECT candidate, damerau_levenshtein(lower(candidate), lower(?)) AS apart FROM ({everyone}) "
            "WHERE length(candidate) BETWEEN ? AND ? AND apart <= ? GROUP BY ALL ORDER BY apart, candidate LIMIT ?"
        )
        values = [identity, len(identity) - most, len(identity) + most, most, _MOST_NEAR]
        found = self.query(query, values, "persons")
        return [near for near, apart in found if apart == found[0][1]]

    def _everyone(self, names: Sequence[str]) -> str:
        return " UNION ALL ".join(
            f"SELECT CAST(candidate AS VARCHAR) AS candidate FROM {self.sources[name].scan()}" for name in names
        )

    def query(self, query: str, values: Sequence[Any], table: str) -> list[tuple[Any, ...]]:
        """The rows of a query; a file that cannot be read is refused by name."""
        import duckdb

        try:
            return self.connection.execute(query, values).fetchall()
        except duckdb.Error as error:
            raise unreadable(self.path, table, error) from None


def open_tables(
    path: str | Path, *, memory: str | None = None, threads: int | None = None, spill: str | Path | None = None
) -> Tables:
    """The cohort tables of a folder or a DuckDB file.

    memory: the most that DuckDB may use ("4GB"). spill: the folder in which it may put what exceeds that; without one
    it writes nothing anywhere, and a query that needs more memory is refused. Raises InputRefused where there is no
    table, one lacks a column that it needs, or a file cannot be read.
    """
    duckdb = require("duckdb")
    place = Path(path)
    if not place.exists():
        raise refused("no-data", "there is no such folder or database: expected cohort tables", place)
    settings: dict[str, Any] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "temp_directory": "" if spill is None else str(spill),
    }
    if memory is not None:
        settings["memory_limit"] = memory
    if threads is not None:
        settings["threads"] = threads
    try:
        connection = duckdb.connect(":memory:", config=settings)
        connection.execute("SET enable_progress_bar = false")
    except duckdb.Error as error:
        raise InputRefused([Problem("no-data", f"the tables cannot be opened: {first_line(error)}")]) from None
    tables = Tables(place, connection)
    try:
        if place.is_dir():
            _find_files(tables)
        else:
            _attach(tables)
        if not tables.sources:
            expected = ", ".join(f"{name}.parquet" for name in list(TABLES)[:3])
            raise refused(
                "no-data", "there is no cohort table in it", place, f"expected {expected} … or the same as .csv"
            )
    except BaseException:
        tables.close()
        raise
    return tables


def _find_files(tables: Tables) -> None:
    known: dict[str, list[tuple[Kind, tuple[Path, ...], bool]]] = {}
    for entry in sorted(tables.path.iterdir()):
        if entry.name.startswith((".", "_")):
            continue
        name, form = named(entry)
        if name in TABLES and entry.is_dir():
            files = [(each, named(each)[1]) for each in sorted(entry.iterdir()) if not each.name.startswith((".", "_"))]
            for kind in FILE_KINDS:
                if some := tuple(each for each, its in files if its == kind and each.is_file()):
                    known.setdefault(name, []).append((kind, some, True))
        elif name in TABLES and form is not None:
            known.setdefault(name, []).append((form, (entry,), False))
        elif (form is not None or entry.is_dir()) and (near := closest(name, TABLES)):
            message = f"{entry.name} is not read: there is no table {name} (did you mean `{near}`?)"
            tables.issues.append(TableIssue("unknown-table", name, None, None, message))
    for name in TABLES:
        found = known.get(name, [])
        if len(found) > 1:
            raise refused("two-tables", f"the table {name} is there more than once, in two forms", tables.path)
        for its_kind, paths, several in found:
            tables.sources[name] = _described(tables, Source(name, its_kind, {}, paths, several))


def _attach(tables: Tables) -> None:
    if tables.path.suffix.lower() not in _DATABASES:
        expected = f"expected a folder, or a DuckDB database ({', '.join(_DATABASES)})"
        raise refused("no-data", "is neither a folder nor a database", tables.path, expected)
    tables.query(f"ATTACH {text_in_sql(str(tables.path))} AS {ATTACHED} (READ_ONLY)", [], "database")
    query = (
        "SELECT lower(table_name), table_type FROM information_schema.tables "
        "WHERE table_catalog = ? AND table_schema = 'main' ORDER BY 1"
    )
    for name, kind in tables.query(query, [ATTACHED], "database"):
        if name in TABLES:
            tables.sources[name] = _described(tables, Source(name, "duckdb", {}, is_view=kind != "BASE TABLE"))
        elif near := closest(name, TABLES):
            message = f"the table {name} is not read (did you mean `{near}`?)"
            tables.issues.append(TableIssue("unknown-table", name, None, None, message))


def _described(tables: Tables, source: Source) -> Source:
    """The source with its columns; those that are not known are told."""
    header: tuple[str, ...] = ()
    delimiter = ","
    if source.kind == "csv":
        header, delimiter = header_of(source)
        types = dict.fromkeys(header, "VARCHAR")
    else:
        rows = tables.query(f"DESCRIBE SELECT * FROM {source.scan()}", [], source.table)
        types = {str(row[0]): str(row[1]) for row in rows}
    table = TABLES[source.table]
    folded = {name.lower(): kind for name, kind in types.items()}
    for column in table.columns:
        if column.needed and column.name not in folded:
            near = closest(column.name, folded)
            message = f"the table {table.name} has no column `{column.name}`"
            raise refused("missing-column", message, tables.path, near and f"`{near}` is there")
    for name in folded:
        if name not in table.names:
            near = closest(name, table.names)
            message = f"the column {name} is not read" + (f" (did you mean `{near}`?)" if near else "")
            tables.issues.append(TableIssue("unknown-column", table.name, None, None, message))
    columns = {name: folded[name] for name in table.names if name in folded}
    return Source(source.table, source.kind, columns, source.files, source.several, header, delimiter, source.is_view)
