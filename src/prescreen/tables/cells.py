"""The cells of a row, taken out one by one as the JSON of its record, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from prescreen.candidate.facts import STATUSES
from prescreen.candidate.structure import quoted
from prescreen.problems import did_you_mean
from prescreen.quantities.numerals import parse_decimal

CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_VERIFICATIONS: Final = ("confirmed", "provisional", "refuted")
_JSON_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: its number from 1 within its file, the file's name where there are several, and its cells as
    text by column; None, or no key, where a cell is empty."""

    number: int
    cells: Mapping[str, str | None]
    file: str | None = None
    broken: str | None = None  # why the row could not be taken apart


class Cells:
    """The cells of a row as they are taken out, and what is wrong with them by column."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.bad: dict[str, str] = {}

    def get(self, column: str) -> str | None:
        """The text of a cell; None where it is empty, or has signs that no text has."""
        text = self.row.cells.get(column)
        if text is not None and CONTROL.search(text) is not None:
            self.note(FIELD_OF.get(column, column), f"{column}: text with a control character")
            return None
        return text

    def number(self, column: str) -> int | Decimal | None:
        text = self.get(column)
        if text is None:
            return None
        number = parse_decimal(text)
        if number is None:
            self.note(FIELD_OF.get(column, column), f"{column}: {quoted(text)} is no number")
            return None
        return _as_json(text, number)

    def word(self, column: str, words: Iterable[str]) -> str | None:
        """A word of a closed list."""
        text = self.get(column)
        if text is None or text in words:
            return text
        expected = ", ".join(sorted(words))
        hint = did_you_mean(text, words) or f"expected one of {expected}"
        self.note(column, f"there is no {column} {quoted(text)} ({hint})")
        return None

    def code(self, system: str = "system", code: str = "code", display: str = "display") -> Any:
        """A catalogue name, or a code of a system; None where there is none."""
        text, owner = self.get(code), self.get(system)
        if text is None:
            if owner is not None:
                self.note(code, "there is no code")
            return None
        if owner is None:
            return text
        shown = self.get(display)
        return {"system": owner, "code": text, **({} if shown is None else {"display": shown})}

    def dose(self, name: str) -> dict[str, Any] | None:
        value, unit = self.number(f"{name}_value"), self.get(f"{name}_unit")
        if value is None and unit is None:
            return None
        if value is None or unit is None:
            self.note(name, f"{name}: a dose has a number and a unit")
            return None
        return {"value": value, "unit": unit}

    def note(self, name: str, message: str) -> None:
        self.bad.setdefault(name, message)


# Cells and keys of a record that stand for one entry.
FIELD_OF: Final = {
    "system": "code", "low": "reference_range", "high": "reference_range", "range_unit": "reference_range",
    "dose_value": "dose", "dose_unit": "dose", "daily_dose_value": "daily_dose", "daily_dose_unit": "daily_dose",
    "for_system": "for",
}  # fmt: skip
HARMLESS: Final = frozenset({"id", "source", "display"})
ENDS: Final[dict[str, tuple[str, ...]]] = {
    "observations": ("date",),
    "conditions": ("onset", "abatement"),
    "treatments": ("start", "end"),
    "procedures": ("date",),
    "allergies": ("date",),
}


def _record(cells: Cells) -> dict[str, Any]:
    return {
        "id": cells.get("id"),
        "code": cells.code(),
        "source": cells.get("source"),
        "verification": cells.word("verification", _VERIFICATIONS),
        "date": cells.get("date"),
    }


def observation_record(cells: Cells) -> dict[str, Any]:
    low, high, unit = cells.number("low"), cells.number("high"), cells.get("range_unit")
    known = low is not None or high is not None or unit is not None
    return {
        **_record(cells),
        "value": _value(cells.get("value")),
        "unit": cells.get("unit"),
        "reference_range": kept({"low": low, "high": high, "unit": unit}) if known else None,
        "detection_limit": cells.number("detection_limit"),
    }


def _condition(cells: Cells) -> dict[str, Any]:
    return {
        **_record(cells),
        "status": cells.word("status", STATUSES["conditions"]),
        **{name: cells.get(name) for name in ("onset", "abatement", "severity", "site", "confirmed_by")},
    }


def _treatment(cells: Cells) -> dict[str, Any]:
    return {
        **_record(cells),
        "status": cells.word("status", STATUSES["treatments"]),
        **{name: cells.get(name) for name in ("start", "end", "route", "outcome")},
        "dose": cells.dose("dose"),
        "daily_dose": cells.dose("daily_dose"),
        "for": cells.code("for_system", "for", "for_display"),
    }


def _procedure(cells: Cells) -> dict[str, Any]:
    status = cells.word("status", STATUSES["procedures"])
    return {**_record(cells), "status": status, "site": cells.get("site")}


def _allergy(cells: Cells) -> dict[str, Any]:
    return {**_record(cells), "severity": cells.get("severity")}


EVENT_RECORDS: Final = {
    "conditions": _condition,
    "treatments": _treatment,
    "procedures": _procedure,
    "allergies": _allergy,
}


def _value(text: str | None) -> int | Decimal | str | None:
    """A result as JSON has it: what is written as a JSON number is one."""
    if text is None or _JSON_NUMBER.fullmatch(text) is None:
        return text
    number = parse_decimal(text)
    return text if number is None else _as_json(text, number)


def _as_json(text: str, number: Decimal) -> int | Decimal:
    return number if set(text) & set(".eE") else int(number)


def kept(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if value is not None}
