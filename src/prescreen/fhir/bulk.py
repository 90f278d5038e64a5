"""A bulk export, one resource a line, as cohort tables (contract §6): a line at a time, however many there are.

Every file is read twice. First the patients and medications, which are kept: what is said of a patient's age or sex, or
refers to a drug, is looked up in them; and of the other resources which ids are there more than once. Then the rest,
those with such an id last, together. A line that cannot be read is listed; what it may say is left open where it is
known of whom it speaks. Bundles in files of their own (`.json`) are read as they are anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from prescreen.candidate.leftopen import Record
from prescreen.candidate.profile import Profile
from prescreen.candidate.read import MAX_BYTES
from prescreen.catalogue import Catalogue
from prescreen.fhir.bundle import CHANGED, Part, kind_of_text
from prescreen.fhir.person import patient_id, read_patients
from prescreen.fhir.read import OWNER, READERS, names_of, read_bundle, reference_of, resources_within
from prescreen.fhir.resources import id_in
from prescreen.fhir.setting import ENTERED_IN_ERROR, Entry, Setting, State
from prescreen.fhir.settle import settled
from prescreen.problems import InputRefused, Problem
from prescreen.tables import TABLES, Sink, rows_of
from prescreen.time import When

ISSUES: Final = "_issues.jsonl"
"""The file of issues beside the tables, one a line."""
_BATCH: Final = 20_000  # rows that are held before they are written
_FIRST: Final = ("Patient", "Medication")
_ORDER: Final[tuple[State, ...]] = ("open", "unmapped", "understood", "aside")


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
    """Write the tables of a folder of NDJSON files and of Bundles (at any depth) into another.

    form: parquet or csv. progress: told how many resources were read so far. Raises InputRefused where there is no such
    file, or tables are already there.
    """
    place = Path(folder)
    files = sorted(path for path in place.rglob("*.ndjson") if path.is_file()) if place.is_dir() else []
    bundles = sorted(path for path in place.rglob("*.json") if path.is_file()) if place.is_dir() else []
    if not files and not bundles:
        message = "there is no NDJSON file in it: expected Patient.ndjson, Observation.ndjson …, or Bundles (*.json)"
        raise InputRefused([Problem("no-data", message, str(place))])
    with ExitStack() as stack:
        sink = stack.enter_context(Sink(Path(out), "csv" if form == "csv" else "parquet"))
        issues = stack.enter_context((Path(out) / ISSUES).open("w", encoding="utf-8"))
        importer = _Importer(place, catalogue, sink, issues, progress)
        for first in (True, False):
            for path in files:
                importer.read_file(path, first)
        importer.read_twins()
        for path in bundles:
            importer.read_bundle(path)
        importer.flush()
    return importer.result


class _Importer:
    """What is kept while an export is read: people, medications, which ids are there twice, rows not yet written."""

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
        self.met: set[int] = set()  # hashes of types with ids
        self.again: set[int] = set()  # those met before
        self.twins: dict[tuple[str, str], list[Part]] = {}
        self.batch: dict[str, list[dict[str, str | None]]] = {}
        self.held = 0
        self.read = 0

    def read_file(self, path: Path, first: bool) -> None:
        """The resources of a file: first patients and medications, the others in a second reading."""
        name = str(path.relative_to(self.folder))
        for number, line in _lines(path):
            kind = None if line is None else kind_of_text(line)
            identity = None if line is None or kind not in READERS else id_in(line)
            key = hash((kind, identity))
            if (kind in _FIRST) is not first:
                if first and identity is not None:
                    (self.again if key in self.met else self.met).add(key)
                continue
            part = Part(f"{name}:{number}", kind, None, line)
            if kind is not None and identity is not None and key in self.again:
                self.twins.setdefault((kind, identity), []).append(part)
            else:
                self._count(part, self._read(part))

    def read_twins(self) -> None:
        """Resources whose ids are there more than once: the same is read once; where they differ, none is certain."""
        for (kind, identity), parts in self.twins.items():
            differ = any(part.read() != parts[0].read() for part in parts[1:])
            for number, part in enumerate(parts):
                if number and not differ:
                    self._tell(self._whose(part), "duplicate-id", part.path, f"the same as {parts[0].path}; read once")
                    self._count(part, "aside")
                    continue
                doubt = None
                if differ:
                    doubt = f"{kind} `{identity[:60]}` is there more than once, and differs"
                    self._tell(self._whose(part), "duplicate-id", part.path, f"{doubt}; none is certain")
                self._count(part, self._read(part, doubt))

    def read_bundle(self, path: Path) -> None:
        """The candidates of a Bundle in a file of its own."""
        name = str(path.relative_to(self.folder))
        try:
            if path.stat().st_size > MAX_BYTES:
                raise InputRefused([Problem("too-long", f"more than {MAX_BYTES // 1_000_000} MB")])
            read = read_bundle(path.read_bytes(), self.catalogue)
        except (InputRefused, OSError) as error:
            why = "; ".join(each.message for each in error.problems) if isinstance(error, InputRefused) else str(error)
            self._tell(None, "bad-entry", name, why)
            self._count(Part(name, "Bundle"), "open")
            return
        for entry in read.entries:
            self._count(Part(name, entry.kind), entry.state)
        for candidate in read.candidates:
            if candidate.id in self.people:
                self._tell(candidate.id, "duplicate-id", name, "another Patient has this id; not used")
                continue
            self.people[candidate.id] = _Person(None, None)
            self.result.patients += 1
            self._write(candidate.profile)
            for issue in candidate.issues:
                self._tell(candidate.id, issue.code, f"{name}:{issue.path}", issue.message)

    def _count(self, part: Part, state: State) -> None:
        kind = part.kind or "no type"
        self.result.types[kind] = self.result.types.get(kind, 0) + 1
        self.result.states[state] = self.result.states.get(state, 0) + 1
        self.read += 1
        if self.progress is not None:
            self.progress(self.read)

    def _read(self, part: Part, doubt: str | None = None) -> State:
        data = {} if part.raw is None else part.read()
        kind = part.kind
        if kind is None:
            self._tell(None, "bad-entry", part.path, part.problem or "it is not said of which type the resource is")
            return "open"
        if part.problem is not None:
            self._tell(self._whose(part), "bad-entry", part.path, part.problem)
        doubt = doubt or part.problem or (CHANGED if part.changes_meaning(data) else None)
        if kind == "Medication":
            for reference in names_of(None, kind, data.get("id")):
                sure = doubt is None and reference not in self.medications  # one of two may be either
                self.medications[reference] = (part.path, data if sure else {})
            return "understood" if doubt is None else "open"
        if kind == "Patient":
            return self._read_patient(part, data, doubt)
        if kind in READERS:
            return self._read_resource(kind, data, part.path, doubt)
        states: set[State] = set()
        for index, inner, each in resources_within(data):
            path = f"{part.path}.contained[{index}]"
            if data.get("status") in (ENTERED_IN_ERROR, "cancelled"):
                self._tell(self._whose(part), str(data["status"]), path, "it is part of what does not count; not used")
                states.add("aside")
            else:
                states.add(self._read_resource(inner, each, path, doubt))
        return next((state for state in _ORDER if state in states), "skipped")

    def _whose(self, part: Part) -> str | None:
        reference = reference_of(part.read(), OWNER.get(part.kind or "", "subject"))
        return None if reference is None else patient_id({"id": reference.split("/")[-1]}, None)

    def _read_resource(self, kind: str, data: dict[str, Any], path: str, doubt: str | None) -> State:
        reference = reference_of(data, OWNER.get(kind, "subject"))
        steps = [] if reference is None else reference.partition("/_history")[0].split("/")
        identity = patient_id({"id": steps[-1]}, None) if steps else None
        if identity is None:
            self._tell(None, "other-owner", path, f"it is not said whose the {kind} is; not used")
            return "open"
        if len(steps) > 1 and steps[-2] != "Patient":
            self._tell(None, "other-owner", path, "it is not about a patient; not used")
            return "aside"
        setting = Setting(self.catalogue, self.medications)
        person = self.people.get(identity)
        if person is not None:
            setting.birth, setting.sex = person.birth, person.sex
        state = READERS[kind](Entry(path, kind, data, doubt), setting)
        self._settle(identity, setting)
        return state

    def _read_patient(self, part: Part, data: dict[str, Any], doubt: str | None) -> State:
        identity = patient_id(data, None)
        if identity is None:
            self._tell(None, "bad-entry", part.path, "a Patient without an id; not used")
            return "open"
        setting = Setting(self.catalogue, self.medications)
        entry = Entry(part.path, "Patient", data, doubt)
        entry.spoilt = doubt is not None
        state = read_patients([entry], setting)
        known = self.people.get(identity)
        if known is not None:
            if (known.birth, known.sex) == (setting.birth, setting.sex):
                self._tell(identity, "duplicate-id", part.path, "another Patient has this id; read once")
                return "aside"
            self.people[identity] = _Person(None, None)  # the table holds both, and neither counts
            self._tell(identity, "duplicate-id", part.path, "another Patient has this id, and differs")
        else:
            self.people[identity] = _Person(setting.birth, setting.sex)
            self.result.patients += 1
        self._settle(identity, setting, person=True)
        return state

    def _settle(self, identity: str, setting: Setting, person: bool = False) -> None:
        self._write(settled(identity, setting), person)
        for issue in setting.issues:
            self._tell(identity, issue.code, issue.path, issue.message)

    def _write(self, profile: Profile, person: bool = True) -> None:
        rows, untold = rows_of(profile)
        if not person:
            rows.pop("persons", None)
        for table, some in rows.items():
            self.batch.setdefault(table, []).extend(some)
            self.held += len(some)
            self.result.rows += len(some)
        for text in untold:
            self._tell(profile.id, "not-used", None, text)
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
