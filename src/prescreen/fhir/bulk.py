"""A bulk export, one resource a line, as cohort tables (contract §6): a line at a time, however many there are.

Patients and medications are read first and kept: what is said of a patient's age or sex, or refers to a drug, is looked
up in them. A line that cannot be read is listed; what it may say is left open where it is known of whom it speaks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from prescreen.candidate.leftopen import Record
from prescreen.candidate.read import MAX_BYTES
from prescreen.catalogue import Catalogue
from prescreen.fhir.bundle import Part, kind_of_text
from prescreen.fhir.person import patient_id, read_patients
from prescreen.fhir.read import OWNER, READERS, reference_of
from prescreen.fhir.setting import Entry, Setting, State
from prescreen.fhir.settle import settled
from prescreen.problems import InputRefused, Problem
from prescreen.tables import TABLES, Sink, rows_of
from prescreen.time import When

ISSUES: Final = "_issues.jsonl"
"""The file of issues beside the tables, one a line."""
_BATCH: Final = 20_000  # rows that are held before they are written
_FIRST: Final = ("Patient", "Medication")


@dataclass(slots=True)
class Imported:
    """What came of an export. states: of resources; types: how many of each type; patients, rows, issues: how many."""

    states: dict[State, int] = field(default_factory=dict)
    types: dict[str, int] = field(default_factory=dict)
    patients: int = 0
    rows: int = 0
    issues: int = 0


@dataclass(frozen=True, slots=True)
class _Person:
    birth: When | None
    sex: str | None


def import_folder(
    folder: str | Path,
    out: str | Path,
    catalogue: Catalogue,
    form: str = "parquet",
    progress: Callable[[int], None] | None = None,
) -> Imported:
    """Write the tables of a folder of NDJSON files (at any depth) into another.

    form: parquet or csv. progress: told how many resources were read so far. Raises InputRefused where there is no such
    file, or tables are already there.
    """
    place = Path(folder)
    files = sorted(path for path in place.rglob("*.ndjson") if path.is_file()) if place.is_dir() else []
    if not files:
        message = "there is no NDJSON file in it: expected Patient.ndjson, Observation.ndjson …"
        raise InputRefused([Problem("no-data", message, str(place))])
    with ExitStack() as stack:
        sink = stack.enter_context(Sink(Path(out), "csv" if form == "csv" else "parquet"))
        issues = stack.enter_context((Path(out) / ISSUES).open("w", encoding="utf-8"))
        importer = _Importer(place, catalogue, sink, issues, progress)
        for first in (True, False):
            for path in files:
                importer.read_file(path, first)
        importer.flush()
    return importer.result


class _Importer:
    def __init__(
        self,
        folder: Path,
        catalogue: Catalogue,
        sink: Sink,
        issues: IO[str],
        progress: Callable[[int], None] | None,
    ) -> None:
        self.folder = folder
        self.catalogue = catalogue
        self.sink = sink
        self.issues = issues
        self.progress = progress
        self.result = Imported()
        self.people: dict[str, _Person] = {}
        self.medications: dict[str, tuple[str, dict[str, Any]]] = {}
        self.batch: dict[str, list[dict[str, str | None]]] = {}
        self.held = 0
        self.read = 0

    def read_file(self, path: Path, first: bool) -> None:
        """The resources of a file: first patients and medications, the others in a second reading."""
        name = str(path.relative_to(self.folder))
        for number, line in _lines(path):
            kind = None if line is None else kind_of_text(line)
            if (kind in _FIRST) is not first:
                continue
            self.read += 1
            if self.progress is not None:
                self.progress(self.read)
            part = Part(f"{name}:{number}", kind, raw=line)
            data = {} if line is None else part.read()
            if kind is None and isinstance(data.get("resourceType"), str):
                kind = part.kind = data["resourceType"]
            self._count(kind or "no type", self._read(part, data))

    def _count(self, kind: str, state: State) -> None:
        self.result.types[kind] = self.result.types.get(kind, 0) + 1
        self.result.states[state] = self.result.states.get(state, 0) + 1

    def _read(self, part: Part, data: dict[str, Any]) -> State:
        kind = part.kind
        if kind is None:
            self._tell(None, "bad-entry", part.path, part.problem or "it is not said of which type the resource is")
            return "open"
        if kind == "Medication":
            self.medications[f"Medication/{data.get('id')}"] = (part.path, data)
            return "understood"
        if kind == "Patient":
            return self._read_patient(part, data)
        if kind not in READERS:
            return "skipped"
        reference = reference_of(data, OWNER.get(kind, "subject"))
        identity = None if reference is None else patient_id({"id": reference.split("/")[-1]}, None)
        if reference is None or identity is None:
            self._tell(None, "other-owner", part.path, f"it is not said whose the {kind} is; not used")
            return "open"
        steps = reference.split("/")
        if len(steps) > 1 and steps[-2] != "Patient":
            self._tell(None, "other-owner", part.path, "it is not about a patient; not used")
            return "aside"
        setting = Setting(self.catalogue, self.medications)
        person = self.people.get(identity)
        if person is not None:
            setting.birth, setting.sex = person.birth, person.sex
        state = READERS[kind](Entry(part.path, kind, data, part.problem), setting)
        self._write(identity, setting)
        return state

    def _read_patient(self, part: Part, data: dict[str, Any]) -> State:
        identity = patient_id(data, None)
        if identity is None:
            self._tell(None, "bad-entry", part.path, "a Patient without an id; not used")
            return "open"
        setting = Setting(self.catalogue, self.medications)
        state = read_patients([Entry(part.path, "Patient", data, part.problem)], setting)
        known = self.people.get(identity)
        if known is not None and (known.birth, known.sex) != (setting.birth, setting.sex):
            self.people[identity] = _Person(None, None)  # the table holds both, and neither counts
            self._tell(identity, "duplicate-id", part.path, "another Patient has this id, and differs")
        else:
            self.people[identity] = _Person(setting.birth, setting.sex)
            self.result.patients += known is None
        self._write(identity, setting, person=True)
        return state

    def _write(self, identity: str, setting: Setting, person: bool = False) -> None:
        rows, untold = rows_of(settled(identity, setting))
        if not person:
            rows.pop("persons", None)
        for table, some in rows.items():
            self.batch.setdefault(table, []).extend(some)
            self.held += len(some)
            self.result.rows += len(some)
        for issue in setting.issues:
            self._tell(identity, issue.code, issue.path, issue.message)
        for text in untold:
            self._tell(identity, "not-used", None, text)
        if self.held >= _BATCH:
            self.flush()

    def _tell(self, identity: str | None, code: str, path: str | None, message: str) -> None:
        self.result.issues += 1
        issue: Record = {"candidate": identity, "code": code, "path": path, "message": message}
        self.issues.write(json.dumps(issue, ensure_ascii=False) + "\n")

    def flush(self) -> None:
        """Write the rows that are held."""
        import pyarrow as pa

        for name, table in TABLES.items():
            some = self.batch.get(name, [])
            columns = {column: pa.array([row.get(column) for row in some], pa.string()) for column in table.names}
            self.sink.write(name, pa.table(columns))
        self.batch = {}
        self.held = 0


def _lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """The lines of a file that are not blank, numbered from 1; None for one that is too long."""
    try:
        with path.open("rb") as stream:
            number = 0
            while line := stream.readline(MAX_BYTES + 1):
                number += 1
                if len(line) > MAX_BYTES:
                    yield number, None
                    while line and not line.endswith(b"\n"):
                        line = stream.readline(MAX_BYTES)
                elif line.strip():
                    yield number, line
    except OSError as error:
        reason = (error.strerror or "input error").lower()
        raise InputRefused([Problem("unreadable", f"cannot be read: {reason}", str(path))]) from None
