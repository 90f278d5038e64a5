"""One table where it lies: Parquet or CSV files, or a table of a database, and how DuckDB scans it."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from prescreen.problems import InputRefused, Problem

Kind = Literal["parquet", "csv", "duckdb"]

FILE_KINDS: Final[tuple[Kind, ...]] = ("parquet", "csv")
ATTACHED: Final = "cohort_data"
"""The name under which a database is attached."""
MAX_LINE: Final = 1_000_000
"""The longest line of a CSV, in bytes."""
_FORMS: Final[tuple[tuple[str, Kind], ...]] = ((".parquet", "parquet"), (".csv", "csv"), (".csv.gz", "csv"))


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
                files = texts_in_sql(self.files)
                plain = f"read_parquet([{files}], union_by_name = true, hive_partitioning = false{options})"
                if not numbered:
                    return plain
                return f"(SELECT *, file_row_number + 1 AS row_number_, filename AS file_ FROM {plain})"
            case "csv":
                described = ", ".join(f"{text_in_sql(name)}: 'VARCHAR'" for name in self.header)
                plain = (
                    f"read_csv([{texts_in_sql(self.files)}], auto_detect = false, header = true, "
                    f"delim = {text_in_sql(self.delimiter)}, quote = '\"', escape = '\"', columns = {{{described}}}, "
                    f"store_rejects = true, rejects_limit = 0, max_line_size = {MAX_LINE}"
                    f"{', filename = true' if numbered else ''})"
                )
                if not numbered:
                    return plain
                if not self.several:
                    return f"(SELECT *, row_number() OVER () AS row_number_, filename AS file_ FROM {plain})"
                # Within a partition rows have no order of their own, so they are counted through all files first.
                counted = f"(SELECT *, row_number() OVER () AS count_ FROM {plain})"
                number = "count_ - min(count_) OVER (PARTITION BY filename) + 1"
                return f"(SELECT * EXCLUDE (count_), {number} AS row_number_, filename AS file_ FROM {counted})"
            case "duckdb":
                plain = f"{ATTACHED}.{name_in_sql(self.table)}"
                if not numbered:
                    return plain
                number = "row_number() OVER ()" if self.is_view else "rowid + 1"
                return f"(SELECT *, {number} AS row_number_, NULL AS file_ FROM {plain})"


def as_text(name: str, kind: str) -> str:
    """A column as SQL text: numbers by their shortest digits, lists with `;` between."""
    quoted = name_in_sql(name)
    if kind == "VARCHAR":
        return quoted
    return f"array_to_string({quoted}, ';')" if kind.endswith("[]") else f"CAST({quoted} AS VARCHAR)"


def unreadable(path: Path, table: str, error: Exception) -> InputRefused:
    """What DuckDB says of a table that it cannot read."""
    return refused("unreadable", f"the table {table} cannot be read: {first_line(error)}", path)


def named(path: Path) -> tuple[str, Kind | None]:
    lower = path.name.lower()
    for ending, kind in _FORMS:
        if lower.endswith(ending):
            return lower.removesuffix(ending), kind
    return lower, None


def header_of(source: Source) -> tuple[tuple[str, ...], str]:
    """The columns of CSV files, which all have the same, and what stands between them."""
    first: tuple[tuple[str, ...], str] | None = None
    for path in source.files:
        try:
            with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as stream:
                line = stream.readline(MAX_LINE).decode("utf-8-sig").replace("\r", "\n").split("\n")[0]
        except (OSError, UnicodeDecodeError, EOFError) as error:
            raise refused("unreadable", f"cannot be read: {first_line(error)}", path) from None
        delimiter = max(",;\t", key=line.count)
        names = tuple(name.strip().lower() for name in next(csv.reader([line], delimiter=delimiter), []))
        if not any(names) or len(set(names)) < len(names):
            raise refused("bad-header", "its first line does not name each column once", path)
        if first is not None and first != (names, delimiter):
            raise refused("bad-header", f"its columns are not those of {source.files[0].name}", path)
        first = (names, delimiter)
    assert first is not None
    return first


def refused(code: str, message: str, path: Path, hint: str | None = None) -> InputRefused:
    return InputRefused([Problem(code, message, str(path), hint=hint)])


def first_line(error: object) -> str:
    if "reached an invalid state" in str(error):
        return "its lines do not all end alike"
    text = str(error).strip().split("\n")[0][:200]
    return text[:1].lower() + text[1:]


def name_in_sql(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def text_in_sql(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def texts_in_sql(paths: Iterable[Path]) -> str:
    return ", ".join(text_in_sql(str(path)) for path in paths)
