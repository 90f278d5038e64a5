"""A site's table of reference ranges: limits of normal by analyte, sex, age and date.

It stands in where a result came without its own range (semantics §6). The file is a CSV with the columns
``code, sex, age_from, age_to, low, high, unit, valid_from, valid_to`` in any order.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal, get_args

from prescreen.catalogue import Catalogue, ObservationConcept
from prescreen.problems import InputRefused, Problem, did_you_mean
from prescreen.quantities import Magnitude, Scale, UnitProblem, compare
from prescreen.quantities.numerals import parse_decimal
from prescreen.time import parse_when

Column = Literal["code", "sex", "age_from", "age_to", "low", "high", "unit", "valid_from", "valid_to"]
COLUMNS: Final[tuple[Column, ...]] = get_args(Column)

MAX_BYTES: Final = 2_000_000
MAX_ROWS: Final = 200
"""Rows that an analyte may have."""

_AGE: Final = re.compile(r"\d{1,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class RangeRow:
    """The limits of one analyte for some people at some time.

    sex: None for both. age_from, age_to: completed years, both included; None is open. low, high: in the analyte's
    canonical unit, None where the row has no such limit; low_text, high_text, unit: as written. valid_from,
    valid_to: days, both included; None is open. line: of the file.
    """

    sex: Literal["female", "male"] | None
    age_from: int | None
    age_to: int | None
    low: Magnitude | None
    high: Magnitude | None
    low_text: str
    high_text: str
    unit: str
    valid_from: int | None
    valid_to: int | None
    line: int


class Ranges:
    """The rows of a table by analyte; `sha256` is that of the file."""

    __slots__ = ("_rows", "sha256")

    def __init__(self, rows: dict[str, tuple[RangeRow, ...]], sha256: str) -> None:
        self._rows = rows
        self.sha256 = sha256

    def rows(self, code: str) -> tuple[RangeRow, ...]:
        """The rows of an analyte by its catalogue name, in the order of the file; none where it has none."""
        return self._rows.get(code, ())

    @property
    def ages(self) -> frozenset[int]:
        """The ages at which some row begins or ends."""
        return frozenset(
            age for rows in self._rows.values() for row in rows for age in (row.age_from, row.age_to) if age is not None
        )


def load_ranges(path: str | Path, catalogue: Catalogue) -> Ranges:
    """Read a site's table. Codes are catalogue names or LOINC codes.

    Raises InputRefused with every problem and its line: unknown codes and units, limits or ages upside down, rows
    that overlap and disagree.
    """
    name = str(path)
    raw = _bytes(path, name)
    problems: list[Problem] = []
    rows: dict[str, list[RangeRow]] = {}
    for line, cells in _cells(raw, name, problems):
        read = _row(line, cells, catalogue, problems)
        if read is not None:
            rows.setdefault(read[0].name, []).append(read[1])
    for code, several in rows.items():
        problems.extend(_disagreements(code, several))
    if problems:
        problems.sort(key=lambda problem: problem.line or 0)
        raise InputRefused(_in_file(problem, name) for problem in problems)
    return Ranges({code: tuple(several) for code, several in rows.items()}, hashlib.sha256(raw).hexdigest())


def _in_file(problem: Problem, name: str) -> Problem:
    return Problem(problem.code, problem.message, name, problem.path, problem.line, hint=problem.hint)


def _bytes(path: str | Path, name: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputRefused([Problem("no-file", "there is no such file", name)]) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no usable file name"
        raise InputRefused([Problem("no-file", f"cannot be read: {reason.lower()}", name)]) from None
    if len(raw) > MAX_BYTES:
        raise InputRefused([Problem("too-long", f"a table of more than {MAX_BYTES // 1_000_000} MB", name)])
    return raw


def _cells(raw: bytes, name: str, problems: list[Problem]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows as text by column, with their lines; blank ones are passed over."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputRefused([Problem("encoding", "is no UTF-8 text", name, line=line)]) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    columns: list[str] | None = None
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                continue
            if columns is None:
                columns = _columns(cells, name, reader.line_num)
            elif len(cells) != len(columns):
                message = f"{len(cells)} cells where the table has {len(columns)} columns"
                problems.append(Problem("cells", message, line=reader.line_num))
            else:
                yield reader.line_num, dict(zip(columns, cells, strict=True))
    except csv.Error as error:
        problems.append(Problem("no-csv", f"is no CSV: {error}", line=reader.line_num))
    if columns is None:
        raise InputRefused([Problem("empty", f"is empty: expected the columns {', '.join(COLUMNS)}", name)])


def _columns(cells: list[str], name: str, line: int) -> list[str]:
    problems: list[Problem] = []
    for index, cell in enumerate(cells):
        if cell not in COLUMNS:
            hint = did_you_mean(cell[:60], COLUMNS) or f"known columns: {', '.join(COLUMNS)}"
            problems.append(Problem("unknown-column", f"there is no column `{cell[:60]}`", name, line=line, hint=hint))
        elif cell in cells[:index]:
            problems.append(Problem("duplicate-column", f"the column `{cell}` is given twice", name, line=line))
    problems += [
        Problem("missing-column", f"the column `{needed}` is missing", name, line=line)
        for needed in ("code", "unit")
        if needed not in cells
    ]
    if problems:
        raise InputRefused(problems)
    return cells


def _row(
    line: int, cells: dict[str, str], catalogue: Catalogue, problems: list[Problem]
) -> tuple[ObservationConcept, RangeRow] | None:
    """One row, or None where it has problems."""
    sound = len(problems)

    def refuse(code: str, message: str, column: Column, hint: str | None = None) -> None:
        problems.append(Problem(code, message, path=column, line=line, hint=hint))

    def text(column: Column) -> str:
        return cells.get(column, "")

    def age(column: Column) -> int | None:
        if text(column) and not _AGE.fullmatch(text(column)):
            refuse("bad-age", f"`{text(column)[:40]}` is no age: expected completed years", column)
            return None
        return int(text(column)) if text(column) else None

    def day(column: Column) -> int | None:
        if not text(column):
            return None
        try:
            when = parse_when(text(column))
        except ValueError as error:
            refuse("bad-date", str(error), column)
            return None
        return when.first_day if column == "valid_from" else when.last_day

    def number(column: Column) -> Decimal | None:
        read = parse_decimal(text(column))
        if read is None and text(column):
            refuse("bad-number", f"`{text(column)[:40]}` is no number: expected digits with a decimal point", column)
        return read

    low, high = number("low"), number("high")
    age_from, age_to = age("age_from"), age("age_to")
    valid_from, valid_to = day("valid_from"), day("valid_to")
    if text("sex") not in ("", "female", "male"):
        refuse("bad-sex", f"`{text('sex')[:40]}` is no sex: expected female, male or nothing for both", "sex")
    if not text("low") and not text("high"):
        refuse("no-limit", "neither a low nor a high limit", "low")
    if low is not None and high is not None and low > high:
        refuse("range-upside-down", f"the lower limit {text('low')} is above the upper limit {text('high')}", "low")
    if age_from is not None and age_to is not None and age_from > age_to:
        refuse("ages-upside-down", f"from {age_from} to {age_to} years is nobody's age", "age_from")
    if valid_from is not None and valid_to is not None and valid_from > valid_to:
        refuse("dates-upside-down", f"valid from {text('valid_from')} to {text('valid_to')} is no day", "valid_from")
    concept = _concept(text("code"), catalogue)
    scale = None
    if concept is None:
        hint = did_you_mean(text("code")[:100], catalogue.observation_names())
        refuse("unknown-code", f"no observation is named `{text('code')[:60]}`", "code", hint)
    elif concept.analyte is None:
        refuse("coded-result", f"{concept.name} is a coded result and has no limits of normal", "code")
    else:
        scale = concept.analyte.scale(text("unit") or None)
        if isinstance(scale, UnitProblem):
            refuse("bad-unit", scale.message, "unit")
        elif not concept.analyte.may_be_negative and not scale.log10 and min(low or 0, high or 0) < 0:
            refuse("negative", f"a limit of {concept.name} cannot be negative", "low")
    if len(problems) > sound or concept is None or not isinstance(scale, Scale):
        return None
    row = RangeRow(
        _SEX[text("sex")],
        age_from,
        age_to,
        None if low is None else scale.magnitude(low),
        None if high is None else scale.magnitude(high),
        text("low"),
        text("high"),
        text("unit"),
        valid_from,
        valid_to,
        line,
    )
    return concept, row


_SEX: Final[dict[str, Literal["female", "male"] | None]] = {"": None, "female": "female", "male": "male"}


def _concept(code: str, catalogue: Catalogue) -> ObservationConcept | None:
    return catalogue.observation(code) or catalogue.observation_for("loinc", code)


def _disagreements(code: str, rows: list[RangeRow]) -> Iterator[Problem]:
    """Pairs of rows that hold for the same person on the same day with different limits."""
    if len(rows) > MAX_ROWS:
        yield Problem("too-long", f"more than {MAX_ROWS} rows for {code}", line=rows[MAX_ROWS].line)
        return
    for index, row in enumerate(rows):
        other = next((other for other in rows[:index] if _overlap(row, other) and _disagree(row, other)), None)
        if other is not None:
            message = f"{code}: other limits than line {other.line} for the same sex, age and date"
            yield Problem("overlap", message, line=row.line)


def _overlap(a: RangeRow, b: RangeRow) -> bool:
    return (
        (a.sex is None or b.sex is None or a.sex == b.sex)
        and _meet(a.age_from, a.age_to, b.age_from, b.age_to)
        and _meet(a.valid_from, a.valid_to, b.valid_from, b.valid_to)
    )


def _meet(a_from: int | None, a_to: int | None, b_from: int | None, b_to: int | None) -> bool:
    """Whether two intervals, both ends in and None open, have a point in common."""
    return (a_from is None or b_to is None or a_from <= b_to) and (b_from is None or a_to is None or b_from <= a_to)


def _disagree(a: RangeRow, b: RangeRow) -> bool:
    return any(
        mine is not None and other is not None and compare(mine, other) != 0
        for mine, other in ((a.low, b.low), (a.high, b.high))
    )
