"""What the readers of single resources share: the candidate, and the records and issues that come of resources."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, Literal

from prescreen.candidate.leftopen import OpenEvents, Record
from prescreen.candidate.profile import Coding, ObservationRecord
from prescreen.catalogue import HIERARCHICAL, Catalogue, Domain, system_name
from prescreen.issues import Issue
from prescreen.time import When

State = Literal["understood", "open", "unmapped", "aside", "skipped"]
"""What became of an entry: all of it is used; something of it could not be read and leaves open what it may say; its
code is of no concept of the catalogue; it counts for nothing (entered in error, no result); a type that is not read."""

Given = tuple[str, str, str | None, str | None]
"""A code as it is written: system, code, display, and the concept's text."""

Coded = tuple[Coding | None, State]
"""A code as the profile has it, and whether it is listed; None where a longer look at it is needed."""

Place = Literal["observations"] | Domain

ENTERED_IN_ERROR: Final = "entered-in-error"

CODES: Final = {
    "bad-entry": "something of the entry cannot be read; what it may say is left open",
    "unknown-code": "a code that cannot be read, or is only in words; it may be anything of its kind",
    "unmapped-code": "a code that is listed for no concept",
    "entered-in-error": "entered in error; not used",
    "cancelled": "cancelled; not used",
    "not-done": "said not to have been done or given; no record",
    "no-result": "an observation without a result",
    "other-owner": "not about a patient; not used",
    "duplicate-id": "the same resource twice",
    "no-reference": "a reference that leads nowhere",
    "conflict": "two statements that contradict each other; neither is used",
    "not-used": "something that is not used",
    "deceased": "the patient is said to have died",
    "no-patient": "there is no Patient in the Bundle",
}
"""The codes of issues of this reader, besides those of a profile's facts."""


class Setting:
    """One candidate while it is made.

    birth, sex: of the patient, None where not known. records: by list of the profile. places: by path of a record in
    the profile, its place in the Bundle. medications: by the references that lead to them. plain_codes: the codes of
    plain results met so far (`prescreen.fhir.plain`). Observations that need no further check are records already.
    """

    __slots__ = (
        "answers", "birth", "catalogue", "codeless", "issues", "medications", "open_events", "person",
        "places", "plain_codes", "records", "sex",
    )  # fmt: skip

    def __init__(self, catalogue: Catalogue, medications: Mapping[str, tuple[str, dict[str, Any]]]) -> None:
        self.catalogue = catalogue
        self.medications = medications
        self.birth: When | None = None
        self.sex: str | None = None
        self.person: dict[str, Any] = {}
        self.records: dict[Place, list[Record]] = {
            "observations": [], "conditions": [], "treatments": [], "procedures": [], "allergies": [],
        }  # fmt: skip
        self.plain_codes: dict[Given, Coded] = {}
        self.codeless: list[tuple[Record, str]] = []
        self.answers: dict[str, tuple[bool | str, str]] = {}
        self.places: dict[str, str] = {}
        self.issues: list[Issue] = []
        self.open_events = OpenEvents(catalogue)

    def tell(self, code: str, path: str, message: str) -> None:
        self.issues.append(Issue(code, path, message))

    def tell_bad(self, entry: Entry, bad: Mapping[str, str]) -> None:
        """Each part of a resource that has another form than FHIR gives it."""
        for path, why in bad.items():
            self.tell("bad-entry", f"{entry.path}.{path}" if path else entry.path, f"{why}; not used")

    def add(self, place: Place, record: Record, path: str) -> None:
        """A record of the profile, made of what stands at a path of the Bundle."""
        records = self.records[place]
        self.places[f"{place}[{len(records)}]"] = path
        records.append(record)

    def add_sound(self, record: ObservationRecord, path: str) -> None:
        """A result that needs no further check."""
        records: list[Any] = self.records["observations"]
        self.places[f"observations[{len(records)}]"] = path
        records.append(record)

    def is_unplaced(self, coding: tuple[str, str]) -> bool:
        """Whether a code says nothing of what it is not: one of a system without a hierarchy in its codes."""
        return system_name(coding[0]) not in HIERARCHICAL

    def add_event(self, domain: Domain, record: Record, path: str, bad: Collection[str]) -> str | None:
        """An event; where some of its keys cannot be read, what they leave open, which is said."""
        if not bad:
            self.add(domain, {key: value for key, value in record.items() if value is not None}, path)
            return None
        records, outcome = self.open_events.leave_open(domain, record, bad)
        for each in records:
            self.add(domain, each, path)
        return outcome


class Entry:
    """A resource of the Bundle: where it stands, its JSON, and whether it may not be this candidate's, or not be so.

    doubt: why; None where nothing is doubtful. spoilt: whether nothing of a Patient can be relied on.
    """

    __slots__ = ("data", "doubt", "path", "spoilt", "type")

    def __init__(self, path: str, kind: str, data: dict[str, Any], doubt: str | None = None) -> None:
        self.path = path
        self.type = kind
        self.data = data
        self.doubt = doubt
        self.spoilt = False

    @property
    def source(self) -> str:
        """How records name it."""
        return f"{self.path.removesuffix('.resource')} {self.type}"
