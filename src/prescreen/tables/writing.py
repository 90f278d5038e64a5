"""Candidates written as rows of the cohort tables, and what tables cannot say told.

Reading what was written gives the same candidate. Two spellings of one thing come back as one: a result given as the
text "0.8" as the number 0.8, a list declared complete by `{}` as one by `true`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from prescreen.candidate.profile import Coding, Dose, Profile
from prescreen.catalogue import DOMAINS
from prescreen.problems import InputRefused, Problem
from prescreen.tables.extras import require
from prescreen.tables.model import TABLES

if TYPE_CHECKING:
    import pyarrow as pa

Rows = dict[str, list[dict[str, str | None]]]
"""Rows by table, each with its cells by column; None where empty."""
Format = Literal["parquet", "csv"]

_BATCH: Final = 5_000  # candidates that are held before their rows are written
_PLAIN: Final = ("id", "source", "date", "unit", "onset", "abatement", "status", "severity", "site", "confirmed_by",
                 "start", "end", "route", "outcome")  # fmt: skip


def rows_of(profile: Profile) -> tuple[Rows, list[str]]:
    """The rows of a candidate by table, and in words what they cannot express."""
    writer = _Writer(profile.id)
    writer.person(profile)
    for place in ("observations", *DOMAINS):
        for index, record in enumerate(getattr(profile, place)):
            writer.record(place, index, record)
    writer.rest(profile)
    return writer.rows, writer.untold


def write_tables(profiles: Iterable[Profile], folder: str | Path, form: Format = "parquet") -> list[str]:
    """Write candidates as tables into a folder, which is made; all tables, all columns.

    Gives back what the tables cannot express, in words. Raises InputRefused where a table is already there.
    """
    place = Path(folder)
    untold: list[str] = []
    with ExitStack() as stack:
        sink = stack.enter_context(Sink(place, form))
        batch: Rows = {}
        for number, profile in enumerate(profiles, 1):
            rows, lost = rows_of(profile)
            untold += lost
            for table, some in rows.items():
                batch.setdefault(table, []).extend(some)
            if number % _BATCH == 0:
                _flush(sink, batch)
                batch = {}
        _flush(sink, batch)
    return untold


def _flush(sink: Sink, batch: Rows) -> None:
    import pyarrow as pa

    for name, table in TABLES.items():
        some = batch.get(name, [])
        columns = {column: pa.array([row.get(column) for row in some], pa.string()) for column in table.names}
        sink.write(name, pa.table(columns))


class Sink:
    """Tables as files that grow batch by batch, and have their names only once they are whole.

    form: parquet or csv. compression: of Parquet.
    """

    def __init__(self, folder: Path, form: Format, compression: str = "zstd") -> None:
        require("pyarrow")
        self.folder = folder
        self.form = form
        self.compression = compression
        self.counts: dict[str, int] = {}
        self._writers: dict[str, Any] = {}
        self._made = False

    def __enter__(self) -> Sink:
        try:
            self._made = not self.folder.exists()
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _no_output(self.folder, f"cannot be made: {(error.strerror or 'output error').lower()}") from None
        taken = [each.name for each in self.folder.iterdir() if each.name.partition(".")[0] in TABLES]
        if taken:
            raise _no_output(self.folder, f"has cohort tables already ({sorted(taken)[0]})")
        return self

    def write(self, table: str, rows: pa.Table) -> None:
        """Add rows to a table; all rows of a table have the same columns."""
        self.counts[table] = self.counts.get(table, 0) + rows.num_rows
        writer = self._writers.get(table)
        try:
            if writer is None:
                writer = self._writers[table] = self._writer(table, rows)
            writer.write(rows)
        except OSError as error:
            raise _no_output(self.folder, f"cannot be written: {str(error).lower()[:200]}") from None

    def _writer(self, table: str, rows: pa.Table) -> Any:
        path = str(self._unfinished(table))
        if self.form == "csv":
            return _Csv(path, rows.schema)
        import pyarrow.parquet as pq

        return pq.ParquetWriter(path, rows.schema, compression=self.compression, use_dictionary=True)

    def _unfinished(self, table: str) -> Path:
        return self.folder / f".{table}.{self.form}.unfinished"

    def __exit__(self, kind: object, *_: object) -> None:
        failed = kind is not None
        for table, writer in self._writers.items():
            try:
                writer.close()
            except OSError as error:
                failed = True
                if kind is None:
                    kind = error
            if failed:
                self._unfinished(table).unlink(missing_ok=True)
        if failed:
            if self._made and not any(self.folder.iterdir()):
                self.folder.rmdir()
            if isinstance(kind, OSError):
                raise _no_output(self.folder, f"cannot be written: {str(kind).lower()[:200]}") from None
            return
        for table in self._writers:
            self._unfinished(table).replace(self.folder / f"{table}.{self.form}")


class _Csv:
    """Writes Arrow tables as CSV: cells in quotes only where they must be, empty ones as nothing."""

    def __init__(self, path: str, schema: pa.Schema) -> None:
        self._stream = open(path, "w", encoding="utf-8", newline="")  # noqa: SIM115 - closed by `close`
        self._writer = csv.writer(self._stream, lineterminator="\n")
        self._writer.writerow(schema.names)

    def write(self, rows: pa.Table) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc
        from pyarrow.csv import WriteOptions, write_csv

        rows = rows.cast(pa.schema([(name, pa.string()) for name in rows.schema.names]))
        odd = rows.num_rows and any(
            pc.any(pc.match_substring_regex(column, _QUOTED)).as_py() for column in rows.columns
        )
        if odd:
            self._writer.writerows(zip(*(column.to_pylist() for column in rows.columns), strict=True))
            return
        self._stream.flush()
        options = WriteOptions(include_header=False, quoting_style="none")  # nothing in it needs quotes; much faster
        write_csv(rows, self._stream.buffer, options)

    def close(self) -> None:
        self._stream.close()


_QUOTED: Final = '[",\r\n]'


class _Writer:
    """Collects the rows of one candidate, and what they cannot say."""

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.rows: Rows = {}
        self.untold: list[str] = []

    def add(self, table: str, **cells: str | None) -> None:
        self.rows.setdefault(table, []).append({"candidate": self.identity, **cells})

    def lost(self, place: str, why: str) -> None:
        self.untold.append(f"{self.identity}: {place}: {why}")

    def text(self, place: str, text: str | None) -> str | None:
        if text == "":
            self.lost(place, "an empty text is written as none")
            return None
        return text

    def person(self, profile: Profile) -> None:
        age = profile.age
        self.add(
            "persons",
            birth_date=profile.birth_date,
            sex=profile.sex,
            age=None if age is None else str(age.value),
            age_on=None if age is None else age.on,
        )

    def record(self, place: str, index: int, record: Any) -> None:
        where = f"{place}[{index}]"
        cells = self.code(f"{where}.code", record.code)
        if cells["code"] is None:
            self.lost(where, "a record without a code is not written")
            return
        for name in _PLAIN:
            if hasattr(record, name):
                cells[name] = self.text(f"{where}.{name}", getattr(record, name))
        cells["verification"] = record.verification
        if place == "observations":
            value = record.value
            cells["value"] = self.text(f"{where}.value", value) if isinstance(value, str) else _number(value)
            reference = record.reference_range
            if reference is not None:
                unit = self.text(f"{where}.reference_range.unit", reference.unit)
                cells |= {"low": _number(reference.low), "high": _number(reference.high), "range_unit": unit}
                if not any((cells["low"], cells["high"], unit)):
                    self.lost(f"{where}.reference_range", "an empty range is written as none")
            cells["detection_limit"] = _number(record.detection_limit)
        if place == "treatments":
            self.dose(f"{where}.dose", "dose", record.dose, cells)
            self.dose(f"{where}.daily_dose", "daily_dose", record.daily_dose, cells)
            if record.indication is not None:
                given = self.code(f"{where}.for", record.indication)
                cells |= {"for": given["code"], "for_system": given.get("system"), "for_display": given.get("display")}
        self.add(place, **cells)

    def code(self, where: str, code: str | Coding) -> dict[str, str | None]:
        if isinstance(code, str):
            return {"code": self.text(where, code)}
        text = self.text(f"{where}.code", code.code)
        if text is None:
            return {"code": None}
        return {"system": code.system, "code": text, "display": self.text(f"{where}.display", code.display)}

    def dose(self, where: str, name: str, dose: Dose | None, cells: dict[str, str | None]) -> None:
        if dose is None:
            return
        if dose.unit == "":
            self.lost(where, "a dose without a unit is not written")
            return
        cells |= {f"{name}_value": _number(dose.value), f"{name}_unit": dose.unit}

    def rest(self, profile: Profile) -> None:
        for name, answer in profile.answers.items():
            trial, colon, question = name.rpartition(":")
            if not question or (colon and not trial):
                self.lost(f"answers.{name}", "a name that is no question's is not written")
            elif isinstance(answer, str) and (not answer or answer.casefold() in ("true", "false")):
                self.lost(f"answers.{name}", f"the text `{answer}` would be read as another answer; not written")
            else:
                value = answer if isinstance(answer, str) else str(answer).lower()
                self.add("answers", trial=trial or None, question=question, value=value)
        for name, day in profile.anchors.items():
            if name:
                self.add("anchors", anchor=name, date=day)
            else:
                self.lost("anchors", "an anchor without a name is not written")
        for domain in DOMAINS:
            self.declared(domain, getattr(profile.complete, domain))

    def declared(self, domain: str, declared: Any) -> None:
        if isinstance(declared, bool):
            if declared:
                self.add("complete", domain=domain, through="true")
            return
        through = declared.through or "true"
        if declared.systems is None:
            self.add("complete", domain=domain, through=through)
            return
        systems = tuple(dict.fromkeys(system.strip() for system in declared.systems))
        if any("," in system or ";" in system for system in systems):
            self.lost(f"complete.{domain}", "a system with a comma or semicolon cannot be written; nothing is declared")
        elif not systems:
            self.lost(f"complete.{domain}", "a list complete among no systems is not written")
        else:
            self.add("complete", domain=domain, through=through, systems="; ".join(systems))


def _number(number: Any) -> str | None:
    return None if number is None else str(number)


def _no_output(folder: Path, message: str) -> InputRefused:
    return InputRefused([Problem("no-output", message, str(folder))])
