"""The rows of one candidate, read tolerantly into a profile: a bad row is listed, and what would have used it is open.

A row is bad where the JSON of the same record would have been refused. It is never dropped; it becomes what leaves open
all that it may have said (`prescreen.candidate.leftopen`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from prescreen.candidate.checks import problems_of_meaning
from prescreen.candidate.facts import Candidate
from prescreen.candidate.leftopen import NO_ANSWER, OpenEvents, of_every_observation, open_result
from prescreen.candidate.profile import Profile
from prescreen.candidate.structure import build_profile, quoted
from prescreen.catalogue import DOMAINS, Catalogue, Domain, system_name
from prescreen.problems import InputRefused, Problem
from prescreen.tables.cells import (
    CONTROL,
    ENDS,
    EVENT_RECORDS,
    FIELD_OF,
    HARMLESS,
    Cells,
    Row,
    kept,
    observation_record,
)
from prescreen.tables.model import TABLES, TableIssue
from prescreen.time import day_text, parse_when

MAX_ROWS: Final = 200_000
"""The most rows that a candidate may have in all tables."""
_T = TypeVar("_T")
_MOST_HINTED: Final = 20
_PLACE: Final = re.compile(r"\w+\[0\]\.?(.*)")


@dataclass(frozen=True, slots=True)
class TableCandidate:
    """A candidate made of rows, and what was wrong with them (listed in its facts, too)."""

    candidate: Candidate
    issues: tuple[TableIssue, ...]


def read_rows(
    identity: str, rows: Mapping[str, Sequence[Row]], catalogue: Catalogue, day: int | None = None
) -> TableCandidate:
    """The candidate that the rows of all tables describe.

    rows: by table. day: the screening day's ordinal; a birth after it cannot be. Raises InputRefused for an id that is
    none, and for more rows than a candidate can have.
    """
    count = sum(map(len, rows.values()))
    if count > MAX_ROWS:
        raise InputRefused([Problem("too-long", f"{count:,} rows of one candidate; expected at most {MAX_ROWS:,}")])
    if problems := problems_of_meaning({"id": identity}, catalogue):
        raise InputRefused(problems)
    reader = _Reader(identity, catalogue)
    data: dict[str, Any] = {
        "id": identity,
        **reader.person(rows.get("persons", ()), day),
        "observations": reader.observations(rows.get("observations", ())),
        **{domain: reader.events(domain, rows.get(domain, ())) for domain in DOMAINS},
        "answers": reader.answers(rows.get("answers", ())),
        "anchors": reader.anchors(rows.get("anchors", ())),
        "complete": reader.complete(rows.get("complete", ())),
    }
    profile = build_profile(data)
    if not isinstance(profile, Profile):
        raise InputRefused(profile)
    issues = tuple(reader.issues)
    return TableCandidate(Candidate(profile, catalogue, tuple(issue.as_issue() for issue in issues)), issues)


class _Reader:
    """Reads the rows of one candidate, and lists what is wrong with them."""

    def __init__(self, identity: str, catalogue: Catalogue) -> None:
        self.identity = identity
        self.catalogue = catalogue
        self.issues: list[TableIssue] = []
        self._open = OpenEvents(catalogue)
        self._hinted = 0  # unknown names so far, for each of which the nearest one was looked for, which takes its time

    def _tell(self, table: str, row: Row, code: str, message: str) -> None:
        self.issues.append(TableIssue(code, table, row.number, self.identity, message, row.file))

    # --- persons ---------------------------------------------------------------------------------------------------

    def person(self, rows: Sequence[Row], day: int | None) -> dict[str, Any]:
        born: dict[str, Row] = {}
        sexes: dict[str, Row] = {}
        ages: dict[tuple[int, str], Row] = {}
        for row in rows:
            if row.broken is not None:
                self._tell("persons", row, "bad-row", f"{row.broken}; not used")
                continue
            birth = self._date("persons", row, "birth_date")
            if birth is not None and day is not None and parse_when(birth).first_day > day:
                message = f"the birth date {birth} lies after the screening day {day_text(day)}; not used"
                self._tell("persons", row, "future-birth", message)
                birth = None
            if birth is not None:
                born.setdefault(birth, row)
            sex = row.cells.get("sex")
            if sex in ("female", "male"):
                sexes.setdefault(sex, row)
            elif sex is not None:
                self._tell("persons", row, "wrong-value", f"the sex {quoted(sex)} is none of female, male; not used")
            if (age := self._age(row)) is not None:
                ages.setdefault(age, row)
        person: dict[str, Any] = {}
        if (birth := self._one("birth date", born)) is not None:
            person["birth_date"] = birth
        if (sex := self._one("sex", sexes)) is not None:
            person["sex"] = sex
        if (aged := self._one("age", ages)) is not None:
            person["age"] = {"value": aged[0], "on": aged[1]}
        return person

    def _age(self, row: Row) -> tuple[int, str] | None:
        years, on = row.cells.get("age"), row.cells.get("age_on")
        if years is None and on is None:
            return None
        day = self._date("persons", row, "age_on")
        if years is None or not re.fullmatch(r"[0-9]{1,3}", years, re.ASCII) or int(years) > 150:
            self._tell("persons", row, "wrong-value", "an age is 0 to 150 completed years; not used")
            return None
        if day is None:
            if on is None:
                self._tell("persons", row, "missing-day", "an age without its day; not used")
            return None
        return int(years), day

    def _one(self, what: str, found: Mapping[_T, Row]) -> _T | None:
        """The one that all rows agree on; None, and an issue, where they do not."""
        if len(found) > 1:
            shown = ", ".join(str(each) for each in list(found)[:3])
            self._tell("persons", list(found.values())[1], "conflict", f"more than one {what} ({shown}); none is used")
            return None
        return next(iter(found), None)

    def _date(self, table: str, row: Row, column: str) -> str | None:
        text = row.cells.get(column)
        if text is None:
            return None
        try:
            parse_when(text)
        except ValueError as error:
            self._tell(table, row, "bad-date", f"{column}: {error}; not used")
            return None
        return text

    # --- observations ----------------------------------------------------------------------------------------------

    def observations(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        codeless: list[dict[str, Any]] = []
        for row in rows:
            cells = Cells(row)
            record = observation_record(cells)
            self._check("observations", cells, record)
            bad = cells.bad
            if (record["value"] is None and "value" not in bad) or record["verification"] == "refuted":
                if bad:
                    self._list("observations", row, cells, "it is no result")
                if "code" not in bad:
                    found.append(kept({**record, **dict.fromkeys(bad)}))
                continue
            if bad.keys() - HARMLESS:
                any_code = "it may be a result of any observation"
                self._list("observations", row, cells, any_code if "code" in bad else "it decides nothing")
                record = open_result(record, bad)
            elif bad:
                self._list("observations", row, cells, "not used")
            if "code" in bad:
                codeless.append(record)
            else:
                found.append(kept(record))
        return found + of_every_observation(codeless, self.catalogue)

    # --- events ----------------------------------------------------------------------------------------------------

    def events(self, domain: Domain, rows: Sequence[Row]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for row in rows:
            cells = Cells(row)
            record = EVENT_RECORDS[domain](cells)
            self._check(domain, cells, record)
            bad = cells.bad
            if not bad:
                found.append(kept(record))
                continue
            record["code"] = cells.get("code") if "code" in bad else record["code"]
            records, outcome = self._open.leave_open(domain, record, {FIELD_OF.get(name, name) for name in bad})
            found += records
            self._list(domain, row, cells, outcome)
        return found

    # --- both ------------------------------------------------------------------------------------------------------

    def _check(self, table: str, cells: Cells, record: dict[str, Any]) -> None:
        """Note which cells the JSON's own checks would refuse."""
        row = cells.row
        if row.broken is not None:
            cells.bad = dict.fromkeys(TABLES[table].names, row.broken)
            return
        if record["code"] is None:
            cells.note("code", "there is no code")
        checked = {key: value for key, value in record.items() if key not in cells.bad}
        if self._hinted > _MOST_HINTED and type(record["code"]) is str and not self._known(table, record["code"]):
            cells.note("code", f"no such name: {quoted(record['code'])}")
            checked.pop("code", None)  # bad already where its system has a control character
        for problem in problems_of_meaning({"id": "row", table: [checked]}, self.catalogue):
            match = _PLACE.fullmatch(problem.path or "")
            name = match[1].partition(".")[0] if match else ""
            message = problem.message + (f" ({problem.hint})" if problem.hint else "")
            self._hinted += problem.code == "unknown-code"
            if name:
                cells.note(FIELD_OF.get(name, name), message)
            else:
                for each in ENDS[table]:
                    cells.note(each, message)

    def _known(self, table: str, name: str) -> bool:
        if table == "observations":
            return self.catalogue.observation(name) is not None
        return any(domain == table and self.catalogue.event(domain, name) is not None for domain in DOMAINS)

    def _list(self, table: str, row: Row, cells: Cells, outcome: str) -> None:
        messages = "; ".join(dict.fromkeys(cells.bad.values()))
        code = "bad-row" if row.broken is not None else "unknown-code" if "code" in cells.bad else "bad-entry"
        self._tell(table, row, code, f"{messages}; {outcome}")

    # --- answers, anchors, completeness ----------------------------------------------------------------------------

    def answers(self, rows: Sequence[Row]) -> dict[str, bool | str]:
        found: dict[str, bool | str] = {}
        for row in rows:
            cells = Cells(row)
            trial, question, value = cells.get("trial"), cells.get("question"), cells.get("value")
            if question is None or "trial" in cells.bad or row.broken is not None:
                self._tell("answers", row, "bad-entry", f"{row.broken or 'an answer to no question'}; not used")
                continue
            if value is None and "value" not in cells.bad:
                continue
            name = question if trial is None else f"{trial}:{question}"
            folded = "" if value is None else value.casefold()
            answer: bool | str = folded == "true" if folded in ("true", "false") else value or NO_ANSWER
            known = found.setdefault(name, answer)
            if "value" in cells.bad:
                self._tell("answers", row, "bad-entry", f"{cells.bad['value']}; the answer decides nothing")
            elif known is not answer and known != answer:
                found[name] = NO_ANSWER
                self._tell("answers", row, "conflict", f"another answer to {quoted(name)} is on file; neither is used")
        return found

    def anchors(self, rows: Sequence[Row]) -> dict[str, str]:
        found: dict[str, str | None] = {}
        for row in rows:
            cells = Cells(row)
            name = cells.get("anchor")
            if name is None or row.broken is not None:
                self._tell("anchors", row, "bad-entry", f"{row.broken or 'a day of no anchor'}; not used")
                continue
            if cells.get("date") is None:
                continue
            day = self._date("anchors", row, "date")
            if found.setdefault(name, day) != day:
                found[name] = None
                self._tell("anchors", row, "conflict", f"another day of {quoted(name)} is on file; neither is used")
        return {name: day for name, day in found.items() if day is not None}

    def complete(self, rows: Sequence[Row]) -> dict[str, Any]:
        found: dict[str, tuple[str, frozenset[str] | None] | None] = {}
        order: dict[str, list[str]] = {}
        for row in rows:
            domain = row.cells.get("domain")
            if row.broken is not None or domain not in DOMAINS:
                expected = f"expected one of {', '.join(DOMAINS)}"
                reason = row.broken or f"{quoted(domain or '')} is no list that can be complete: {expected}"
                self._tell("complete", row, "bad-entry", f"{reason}; not used")
                continue
            through = row.cells.get("through")
            if through is None or through.casefold() == "false":
                if through is None:
                    message = f"it is not said through which day {domain} are complete; not used"
                    self._tell("complete", row, "missing-day", message)
                continue
            through = "true" if through.casefold() == "true" else self._date("complete", row, "through")
            if through is None:
                continue
            declared = self._systems(row)
            if declared is not None:
                order.setdefault(domain, []).extend(declared)
            systems = None if declared is None else frozenset(declared)
            if domain not in found:
                found[domain] = (through, systems)
                continue
            other = found[domain]
            if other is None or other[0] != through:
                found[domain] = None
                self._tell("complete", row, "conflict", f"{domain} are declared complete in two ways; neither is used")
            elif other[1] is not None:
                found[domain] = (through, None if systems is None else other[1] | systems)
        return {
            domain: _declared(declared[0], None if declared[1] is None else tuple(dict.fromkeys(order[domain])))
            for domain, declared in found.items()
            if declared is not None
        }

    def _systems(self, row: Row) -> list[str] | None:
        """The systems of a declaration; None for all. One that is none is left out, so that less is declared."""
        text = row.cells.get("systems")
        if text is None:
            return None
        found = []
        for system in (part.strip() for part in re.split(r"[;,]", text)):
            if not system:
                continue
            if (system_name(system) is None and ":" not in system) or CONTROL.search(system):
                message = f"{quoted(system)} is no code system; nothing is declared of it"
                self._tell("complete", row, "unknown-system", message)
            else:
                found.append(system)
        return found


def _declared(through: str, systems: tuple[str, ...] | None) -> Any:
    if through == "true":
        return True if systems is None else {"systems": systems}
    return {"through": through, **({} if systems is None else {"systems": systems})}
