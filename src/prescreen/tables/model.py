"""The cohort tables as data: which there are, their columns, and what each holds (contract §6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from prescreen.issues import Issue


@dataclass(frozen=True, slots=True)
class Column:
    """A column. needed: a table without it cannot be read at all. usual: one of those that every export has (contract
    §6); the others may stand beside them."""

    name: str
    meaning: str
    needed: bool = False
    usual: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """A table in long format: a row for each fact."""

    name: str
    meaning: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True, slots=True)
class TableIssue:
    """Something about a row that a person should know.

    code: stable name; table, row: where, the row counted from 1 within its file (None: of the table as a whole);
    file: the file's name where the table has several; candidate: whose row it is, None where nobody can tell;
    message: what is wrong, and what became of it.
    """

    code: str
    table: str
    row: int | None
    candidate: str | None
    message: str
    file: str | None = None

    @property
    def place(self) -> str:
        """``observations row 12``, ``observations/part-3.parquet row 12``."""
        name = self.table if self.file is None else f"{self.table}/{self.file}"
        return name if self.row is None else f"{name} row {self.row}"

    def as_issue(self) -> Issue:
        """The form in which a report lists it."""
        return Issue(self.code, self.place, self.message)


def _columns(*described: tuple[str, str], needed: frozenset[str], further: frozenset[str]) -> tuple[Column, ...]:
    return tuple(Column(name, meaning, name in needed, name not in further) for name, meaning in described)


_CANDIDATE: Final = ("candidate", "the candidate's id")
_SYSTEM: Final = ("system", "code system, by short name or URI; empty: `code` is a catalogue name")
_CODE: Final = ("code", "catalogue name, or a code of the system")
_RECORD: Final = (
    ("display", "how the code reads in its system"),
    ("id", "the record's own id"),
    ("source", "where it comes from"),
)
_VERIFICATION: Final = ("verification", "confirmed (also if empty), provisional or refuted")
_SPOKEN: Final = ("date", "the day that the record speaks of: until when a refutation holds")
_FURTHER: Final = frozenset({"display", "id", "source", "site"})
_CODED: Final = frozenset({"candidate", "code"})

TABLES: Final[dict[str, Table]] = {
    table.name: table
    for table in (
        Table(
            "persons",
            "one row for each candidate",
            _columns(
                _CANDIDATE,
                ("birth_date", "year, month or day of birth"),
                ("sex", "female or male"),
                ("age", "completed years, where the birth date is not shared"),
                ("age_on", "the day of `age`"),
                needed=frozenset({"candidate"}),
                further=frozenset({"age", "age_on"}),
            ),
        ),
        Table(
            "observations",
            "laboratory results, vital signs, scores",
            _columns(
                _CANDIDATE,
                _SYSTEM,
                _CODE,
                ("value", "number, `<20`, `20-40` or a coded result; empty: no result"),
                ("unit", "the unit, as the laboratory spells it"),
                ("low", "lower limit of the result's own reference range"),
                ("high", "upper limit of it"),
                ("range_unit", "unit of the range; empty: that of the result"),
                ("detection_limit", "limit of detection, in the unit of the result"),
                ("date", "year, month, day or date-time of the sample"),
                _VERIFICATION,
                *_RECORD,
                needed=_CODED,
                further=_FURTHER,
            ),
        ),
        Table(
            "conditions",
            "diseases and states",
            _columns(
                _CANDIDATE,
                _SYSTEM,
                _CODE,
                ("status", "active, remission or resolved; empty: any"),
                ("onset", "when it began"),
                ("abatement", "when it ended"),
                _VERIFICATION,
                ("severity", "in the words of the rules"),
                ("site", "where in the body"),
                ("confirmed_by", "what it was confirmed by"),
                _SPOKEN,
                *_RECORD,
                needed=_CODED,
                further=_FURTHER | {"severity", "confirmed_by", "date"},
            ),
        ),
        Table(
            "treatments",
            "drugs and other treatments",
            _columns(
                _CANDIDATE,
                _SYSTEM,
                _CODE,
                ("start", "when it began"),
                ("end", "when it ended"),
                ("status", "ongoing, completed, planned or never; empty: any"),
                ("dose_value", "dose of an administration"),
                ("dose_unit", "unit of it"),
                ("daily_dose_value", "dose of a day"),
                ("daily_dose_unit", "unit of it"),
                ("route", "way of administration"),
                ("for", "the condition that it is given for: catalogue name, or a code of `for_system`"),
                ("for_system", "code system of `for`; empty: it is a catalogue name"),
                ("for_display", "how that code reads in its system"),
                ("outcome", "what came of it"),
                _VERIFICATION,
                _SPOKEN,
                *_RECORD,
                needed=_CODED,
                further=_FURTHER
                | {"daily_dose_value", "daily_dose_unit", "for_system", "for_display", "verification", "date"},
            ),
        ),
        Table(
            "procedures",
            "operations and other procedures",
            _columns(
                _CANDIDATE,
                _SYSTEM,
                _CODE,
                ("date", "when it was done, or is planned"),
                ("status", "completed, planned or not-done; empty: any"),
                _VERIFICATION,
                ("site", "where in the body"),
                *_RECORD,
                needed=_CODED,
                further=_FURTHER | {"verification"},
            ),
        ),
        Table(
            "allergies",
            "allergies and intolerances",
            _columns(
                _CANDIDATE,
                _SYSTEM,
                _CODE,
                ("severity", "in the words of the rules"),
                _VERIFICATION,
                ("date", "when it showed"),
                *_RECORD,
                needed=_CODED,
                further=_FURTHER | {"verification", "date"},
            ),
        ),
        Table(
            "answers",
            "what people answered",
            _columns(
                _CANDIDATE,
                ("trial", "the trial that asked; empty: any"),
                ("question", "the question's name"),
                ("value", "true, false or one of the question's options; empty: not answered"),
                needed=frozenset({"candidate", "question"}),
                further=frozenset(),
            ),
        ),
        Table(
            "anchors",
            "days that trials count from",
            _columns(
                _CANDIDATE,
                ("anchor", "its name"),
                ("date", "its day"),
                needed=frozenset({"candidate", "anchor"}),
                further=frozenset(),
            ),
        ),
        Table(
            "complete",
            "which lists are complete",
            _columns(
                _CANDIDATE,
                ("domain", "conditions, treatments, procedures or allergies"),
                ("through", "the day up to which it is, or true: the screening day; empty or false: not declared"),
                ("systems", "among what these code systems can express, with `;` between them; empty: all"),
                needed=frozenset({"candidate", "domain"}),
                further=frozenset(),
            ),
        ),
    )
}
"""By name, in the order in which a candidate is read."""
