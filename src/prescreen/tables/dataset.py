"""Cohort tables where they lie: a folder of Parquet or CSV files, or a DuckDB database, read through DuckDB.

Nothing is loaded when a cohort is opened but the names and types of its columns. Reading never writes, installs or
fetches anything.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from prescreen.catalogue import Catalogue
from prescreen.problems import InputRefused, Problem, closest
from prescreen.tables.extras import require
from prescreen.tables.model import TABLES, TableIssue
from prescreen.tables.reading import Row, TableCandidate, read_rows

if TYPE_CHECKING:
    import duckdb

Kind = Literal["parquet", "csv", "duckdb"]

_FORMS: Final[tuple[tuple[str, Kind], ...]] = ((".parquet", "parquet"), (".csv", "csv"), (".csv.gz", "csv"))
_KINDS: Final[tuple[Kind, ...]] = ("parquet", "csv")
_DATABASES: Final = (".duckdb", ".ddb", ".db")
_ATTACHED: Final = "cohort_data"
_MOST_NEAR: Final = 3
_MOST_UNOWNED: Final = 1_000
MAX_LINE: Final = 1_000_000
"""The longest line of a CSV, in bytes."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a table lies. columns: those that are there, with DuckDB's type of each, by the names of `TABLES`;
    files: of Parquet and CSV; several: whether it is a folder of files, so that rows are told by file, too."""

    table: str
    kind: Kind
    columns: dict[str, str]
    files: tuple[Path, ...] = ()
    several: bool = False
    header: tuple[str, ...] = ()
    delimiter: str = ","
    is_view: bool = False

    def scan(self, *, numbered: bool = False) -> str:
        """The table as SQL that may stand after FROM, its columns as they are; of CSV all are text.

        numbered: with `row_number_`, counted from 1 within its file, and `file_`.
        """
        match self.kind:
            case "parquet":
                options = ", file_row_number = true, filename = true" if numbered else ""
                plain = (
                    f"read_parquet([{_texts(self.files)}], union_by_name = true, hive_partitioning = false{options})"
                )
                if not numbered:
                    return plain
                return f"(SELECT *, file_row_number + 1 AS row_number_, filename AS file_ FROM {plain})"
            case "csv":
                described = ", ".join(f"{_text(name)}: 'VARCHAR'" for name in self.header)
                plain = (
                    f"read_csv([{_texts(self.files)}], auto_detect = false, header = true, "
                    f"delim = {_text(self.delimiter)}, quote = '\"', escape = '\"', columns = {{{described}}}, "
                    f"store_rejects = true, rejects_limit = 0, max_line_size = {MAX_LINE}"
                    f"{', filename = true' if numbered else ''})"
                )
                if not numbered:
                    return plain
                number = "row_number() OVER (PARTITION BY filename)" if self.several else "row_number() OVER ()"
                return f"(SELECT *, {number} AS row_number_, filename AS file_ FROM {plain})"
            case "duckdb":
                plain = f"{_ATTACHED}.{_name(self.table)}"
                if not numbered:
                    return plain
                number = "row_number() OVER ()" if self.is_view else "rowid + 1"
                return f"(SELECT *, {number} AS row_number_, NULL AS file_ FROM {plain})"


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
        """All rows of some candidates, by candidate and table, in the order of the files."""
        found: dict[str, dict[str, list[Row]]] = {}
        wanted = set(identities)
        for table, source in self.sources.items():
            for identity, row in self._rows(source, identities):
                found.setdefault(identity, {}).setdefault(table, []).append(row)
            for owner, row in self.rejected(table):
                if owner is not None and owner in wanted:
                    found.setdefault(owner, {}).setdefault(table, []).append(row)
        return found

    def _rows(self, source: Source, identities: Sequence[str]) -> Iterator[tuple[str, Row]]:
        names = [name for name in source.columns if name != "candidate"]
        chosen = ", ".join(as_text(name, source.columns[name]) for name in names)
        candidate = _name("candidate")
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
                raise _refused("unreadable", message, Path(path))
            file = mine[path] if source.several else None
            parts = next(csv.reader([text or ""], delimiter=source.delimiter), [])
            place = source.header.index("candidate")
            identity = parts[place] if len(parts) > place and parts[place] else None
            reason = f"line {line} of the file cannot be taken apart: {_first_line(why)}"
            found.append((identity, Row(line - 1, {}, file, reason)))
        return found

    def ids(self) -> Iterator[str]:
        """The ids of all candidates: of whoever is named in any table, in order."""
        import duckdb

        try:
            found = self.connection.execute(
                f"SELECT DISTINCT candidate FROM ({self._everyone()}) WHERE candidate <> '' ORDER BY candidate"
            ).to_arrow_table()
        except duckdb.Error as error:
            raise unreadable(self.path, "persons", error) from None
        for table in self.sources:
            self.rejected(table)  # refuses what was not read to its end
        for batch in found.to_batches(max_chunksize=10_000):
            yield from batch.column(0).to_pylist()

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
        """The ids that a misspelt one was most likely meant to be."""
        most = max(1, min(3, len(identity) // 2))
        query = (
            f"SELECT candidate FROM (SELECT DISTINCT candidate FROM ({self._everyone()})) "
            "WHERE length(candidate) BETWEEN ? AND ? AND damerau_levenshtein(lower(candidate), lower(?)) <= ? "
            "ORDER BY damerau_levenshtein(lower(candidate), lower(?)), candidate LIMIT ?"
        )
        values = [len(identity) - most, len(identity) + most, identity, most, identity, _MOST_NEAR]
        return [row[0] for row in self.query(query, values, "persons")]

    def _everyone(self) -> str:
        first = ("persons",) if "persons" in self.sources else ()
        ordered = [*first, *(name for name in self.sources if name not in first)]
        return " UNION ALL ".join(
            f"SELECT CAST(candidate AS VARCHAR) AS candidate FROM {self.sources[name].scan()}" for name in ordered
        )

    def query(self, query: str, values: Sequence[Any], table: str) -> list[tuple[Any, ...]]:
        """The rows of a query; a file that cannot be read is refused by name."""
        import duckdb

        try:
            return self.connection.execute(query, values).fetchall()
        except duckdb.Error as error:
            raise unreadable(self.path, table, error) from None


def open_tables(path: str | Path, *, memory: str | None = None, threads: int | None = None) -> Tables:
    """The cohort tables of a folder or a DuckDB file.

    memory: the most that DuckDB may use ("4GB"). Raises InputRefused where there is no table, one lacks a column
    that it needs, or a file cannot be read.
    """
    duckdb = require("duckdb")
    place = Path(path)
    if not place.exists():
        raise _refused("no-data", "there is no such folder or database: expected cohort tables", place)
    settings: dict[str, Any] = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    if memory is not None:
        settings["memory_limit"] = memory
    if threads is not None:
        settings["threads"] = threads
    try:
        connection = duckdb.connect(":memory:", config=settings)
    except duckdb.Error as error:
        raise InputRefused([Problem("no-data", f"the tables cannot be opened: {_first_line(error)}")]) from None
    tables = Tables(place, connection)
    try:
        if place.is_dir():
            _find_files(tables)
        else:
            _attach(tables)
        if not tables.sources:
            expected = ", ".join(f"{name}.parquet" for name in list(TABLES)[:3])
            raise _refused(
                "no-data", "there is no cohort table in it", place, f"expected {expected} … or the same as .csv"
            )
    except BaseException:
        tables.close()
        raise
    return tables


def as_text(name: str, kind: str) -> str:
    """A column as SQL text: numbers by their shortest digits, lists with `;` between."""
    quoted = _name(name)
    if kind == "VARCHAR":
        return quoted
    return f"array_to_string({quoted}, ';')" if kind.endswith("[]") else f"CAST({quoted} AS VARCHAR)"


def unreadable(path: Path, table: str, error: Exception) -> InputRefused:
    """What DuckDB says of a table that it cannot read."""
    return _refused("unreadable", f"the table {table} cannot be read: {_first_line(error)}", path)


def _find_files(tables: Tables) -> None:
    known: dict[str, list[tuple[Kind, tuple[Path, ...], bool]]] = {}
    for entry in sorted(tables.path.iterdir()):
        if entry.name.startswith((".", "_")):
            continue
        name, form = _named(entry)
        if name in TABLES and entry.is_dir():
            files = [
                (each, _named(each)[1]) for each in sorted(entry.iterdir()) if not each.name.startswith((".", "_"))
            ]
            for kind in _KINDS:
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
            raise _refused("two-tables", f"the table {name} is there more than once, in two forms", tables.path)
        for its_kind, paths, several in found:
            tables.sources[name] = _described(tables, Source(name, its_kind, {}, paths, several))


def _named(path: Path) -> tuple[str, Kind | None]:
    lower = path.name.lower()
    for ending, kind in _FORMS:
        if lower.endswith(ending):
            return lower.removesuffix(ending), kind
    return lower, None


def _attach(tables: Tables) -> None:
    if tables.path.suffix.lower() not in _DATABASES:
        expected = f"expected a folder, or a DuckDB database ({', '.join(_DATABASES)})"
        raise _refused("no-data", "is neither a folder nor a database", tables.path, expected)
    tables.query(f"ATTACH {_text(str(tables.path))} AS {_ATTACHED} (READ_ONLY)", [], "database")
    query = (
        "SELECT lower(table_name), table_type FROM information_schema.tables "
        "WHERE table_catalog = ? AND table_schema = 'main' ORDER BY 1"
    )
    for name, kind in tables.query(query, [_ATTACHED], "database"):
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
        header, delimiter = _header(source)
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
            raise _refused("missing-column", message, tables.path, near and f"`{near}` is there")
    for name in folded:
        if name not in table.names:
            near = closest(name, table.names)
            message = f"the column {name} is not read" + (f" (did you mean `{near}`?)" if near else "")
            tables.issues.append(TableIssue("unknown-column", table.name, None, None, message))
    columns = {name: folded[name] for name in table.names if name in folded}
    return Source(source.table, source.kind, columns, source.files, source.several, header, delimiter, source.is_view)


def _header(source: Source) -> tuple[tuple[str, ...], str]:
    """The columns of CSV files, which all have the same, and what stands between them."""
    first: tuple[tuple[str, ...], str] | None = None
    for path in source.files:
        try:
            with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as stream:
                line = stream.readline(MAX_LINE).decode("utf-8-sig").replace("\r", "\n").split("\n")[0]
        except (OSError, UnicodeDecodeError, EOFError) as error:
            raise _refused("unreadable", f"cannot be read: {_first_line(error)}", path) from None
        delimiter = max(",;\t", key=line.count)
        names = tuple(name.strip().lower() for name in next(csv.reader([line], delimiter=delimiter), []))
        if not any(names) or len(set(names)) < len(names):
            raise _refused("bad-header", "its first line does not name each column once", path)
        if first is not None and first != (names, delimiter):
            raise _refused("bad-header", f"its columns are not those of {source.files[0].name}", path)
        first = (names, delimiter)
    assert first is not None
    return first


def _refused(code: str, message: str, path: Path, hint: str | None = None) -> InputRefused:
    return InputRefused([Problem(code, message, str(path), hint=hint)])


def _first_line(error: object) -> str:
    if "reached an invalid state" in str(error):
        return "its lines do not all end alike"
    text = str(error).strip().split("\n")[0][:200]
    return text[:1].lower() + text[1:]


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _texts(paths: Iterable[Path]) -> str:
    return ", ".join(_text(str(path)) for path in paths)
