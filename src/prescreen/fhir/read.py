"""A Bundle as candidates: whose each resource is, what it says, and what became of each entry.

Nothing is dropped silently (semantics §9): each entry is understood, left open, unmapped, aside or skipped, and what is
wrong with it is an issue with its path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from prescreen.candidate.facts import Candidate
from prescreen.catalogue import Catalogue
from prescreen.fhir.bundle import CHANGED, Part, parts
from prescreen.fhir.events import read_allergy, read_condition, read_procedure
from prescreen.fhir.medications import read_administration, read_immunization, read_request, read_statement
from prescreen.fhir.observations import read_observation
from prescreen.fhir.person import patient_id, read_consent, read_patients, read_response
from prescreen.fhir.plain import PlainTexts
from prescreen.fhir.setting import ENTERED_IN_ERROR, Entry, Setting, State
from prescreen.fhir.settle import settled
from prescreen.issues import Issue
from prescreen.problems import InputRefused, Problem

READERS: Final[dict[str, Callable[[Entry, Setting], State]]] = {
    "Observation": read_observation,
    "Condition": read_condition,
    "Procedure": read_procedure,
    "MedicationRequest": read_request,
    "MedicationStatement": read_statement,
    "MedicationAdministration": read_administration,
    "AllergyIntolerance": read_allergy,
    "Immunization": read_immunization,
    "Consent": read_consent,
    "QuestionnaireResponse": read_response,
}
"""What is read of each type of resource, besides Patient and Medication."""

_REFERRED: Final = frozenset({"Patient", "Medication"})
_USED: Final = frozenset({*READERS, *_REFERRED})
OWNER: Final = {"AllergyIntolerance": "patient", "Immunization": "patient", "Consent": "patient"}
_ORDER: Final[dict[State, int]] = {"open": 0, "unmapped": 1, "understood": 2, "aside": 3, "skipped": 4}


class Seen(NamedTuple):
    """An entry and what became of it. kind: the type of its resource, None where there is none."""

    path: str
    kind: str | None
    state: State


class BundleRead:
    """The candidates of a Bundle, one for each patient, and what became of its entries."""

    def __init__(self, candidates: tuple[Candidate, ...], found: list[Part], states: list[State]) -> None:
        self.candidates = candidates
        self._parts = found
        self._states = states

    @property
    def entries(self) -> tuple[Seen, ...]:
        """All entries, in their order."""
        return tuple(map(Seen, [part.path for part in self._parts], [part.kind for part in self._parts], self._states))


def read_bundle(source: bytes | Mapping[str, Any], catalogue: Catalogue) -> BundleRead:
    """The candidates that a Bundle describes: one for each Patient in it.

    source: its JSON text, or the same as data with exact numbers. Raises InputRefused where it is no Bundle, or it is
    not known of whom it speaks.
    """
    return _Bundle(parts(source, _USED), catalogue).read()


class _Owner:
    """A patient of the Bundle: what it is called by, its Patient resources, and the candidate while it is made."""

    def __init__(self, identity: str, setting: Setting) -> None:
        self.identity = identity
        self.setting = setting
        self.patients: list[tuple[int, Entry]] = []  # with the number of the entry


class _Bundle:
    def __init__(self, found: list[Part], catalogue: Catalogue) -> None:
        self.parts = found
        self.catalogue = catalogue
        self.issues: list[Issue] = []
        self.owners: dict[str, _Owner] = {}
        self.references: dict[str, _Owner | None] = {}
        self.medications: dict[str, tuple[str, dict[str, Any]]] = {}
        self.states: list[State] = ["skipped"] * len(found)
        self.doubts: dict[int, str] = {}
        self.left_out: set[int] = set()
        self.containing: set[int] = set()  # patients and medications within which there are resources
        self.spoilt: set[int] = set()
        self.on_servers: set[str] = set()  # patients, by type and id, whose entries have a server's address

    def read(self) -> BundleRead:
        self._find_twins()
        for number, part in enumerate(self.parts):
            if part.kind == "Patient":
                self._meet_patient(number, part)
            elif part.kind == "Medication":
                self._meet_medication(number, part)
        if not self.owners:
            self._meet_subjects()
        for owner in self.owners.values():
            state = read_patients([entry for _, entry in owner.patients], owner.setting)
            for number, _ in owner.patients:
                self.states[number] = state
        settings = {reference: owner.setting for reference, owner in self.references.items() if owner is not None}
        plain = PlainTexts(self.catalogue, settings)
        for number, part in enumerate(self.parts):
            if number not in self.left_out:
                self._read_part(number, part, plain)
        candidates = tuple([self._candidate(owner) for owner in self.owners.values()])
        return BundleRead(candidates, self.parts, self.states)

    def _find_twins(self) -> None:
        """Resources that are there twice: the same is read once; where two differ, neither is certain."""
        met: dict[tuple[str, object], int] = {}
        for number, part in enumerate(self.parts):
            kind = part.kind
            if kind is None or kind not in _USED:
                continue
            identity = part.identity()
            key: tuple[str, object] = (kind, identity) if type(identity) is str else ("", part.url)
            first = met.setdefault(key, number)
            if first == number or key[1] is None:
                continue
            other = self.parts[first]
            if other.read() == part.read() and part.problem is None and other.problem is None:
                self.left_out.add(number)
                self.states[number] = "aside"
                self._tell("duplicate-id", part.path, f"the same as {other.path}; read once")
            else:
                message = f"{kind} `{str(key[1])[:60]}` is there twice, and differs"
                self._tell("duplicate-id", part.path, f"{message} from {other.path}; neither is certain")
                for each in (first, number):
                    self.doubts.setdefault(each, message)

    def _opened(self, number: int, part: Part) -> dict[str, Any]:
        """What a resource says; where its JSON has mistakes, it is in doubt."""
        data = part.read()
        if part.problem is not None and number not in self.spoilt:
            self.spoilt.add(number)
            self.doubts.setdefault(number, part.problem)
            self._tell("bad-entry", part.path, part.problem)
        return data

    def _met(self, number: int, part: Part) -> dict[str, Any]:
        """What a resource says that others refer to."""
        data = self._opened(number, part)
        if "contained" in data:
            self.containing.add(number)
        return data

    def _doubt(self, number: int, part: Part, data: dict[str, Any]) -> str | None:
        """Why what an entry says may not be so."""
        if part.changes_meaning(data):
            self.spoilt.add(number)
            self.doubts.setdefault(number, CHANGED)
        return self.doubts.get(number)

    def _tell(self, code: str, path: str, message: str) -> None:
        self.issues.append(Issue(code, path, message))

    # --- whose -----------------------------------------------------------------------------------------------------

    def _meet_patient(self, number: int, part: Part) -> None:
        data = self._met(number, part)
        if not data and part.early is not None:
            data = {"id": part.early}
        identity = patient_id(data, part.url) or part.path.removesuffix(".resource")
        owner = self._owner(identity)
        if number not in self.left_out:
            entry = Entry(part.path, "Patient", data, self._doubt(number, part, data))
            entry.spoilt = number in self.spoilt
            owner.patients.append((number, entry))
        if part.url is not None and "://" in part.url:
            self.on_servers.add(f"Patient/{data.get('id')}")
        for reference in names_of(part.url, "Patient", data.get("id")):
            if self.references.setdefault(reference, owner) is not owner:
                self.references[reference] = None  # it may be either

    def _owner(self, identity: str) -> _Owner:
        owner = self.owners.get(identity)
        if owner is None:
            owner = self.owners[identity] = _Owner(identity, Setting(self.catalogue, self.medications))
        return owner

    def _meet_medication(self, number: int, part: Part) -> None:
        data = self._met(number, part)
        doubt = self._doubt(number, part, data)
        self.states[number] = "understood" if doubt is None else "open"
        for reference in names_of(part.url, "Medication", data.get("id")):
            # one of two of the same name may be either
            sure = doubt is None and reference not in self.medications
            self.medications[reference] = (part.path, data if sure else {})

    def _meet_subjects(self) -> None:
        """Candidates of a Bundle without a Patient: those of whom its resources speak."""
        for part in self.parts:
            if part.kind in READERS:
                reference = reference_of(part.read(), OWNER.get(part.kind, "subject"))
                if reference is not None and _is_patient(reference):
                    identity = patient_id({"id": re.split(r"[/:]", plain_reference(reference))[-1]}, None)
                    if identity is not None:
                        self.references[reference] = self._owner(identity)
        if not self.owners:
            hint = "a Bundle is one patient's: a Patient, and resources whose subject it is"
            raise InputRefused([Problem("no-patient", "the Bundle has no Patient, and speaks of none", hint=hint)])
        self._tell("no-patient", "entry", "there is no Patient in the Bundle: birth date and sex are not known")

    def _whose(self, data: Mapping[str, Any], kind: str) -> tuple[Iterable[_Owner], str | None]:
        """Of whom a resource speaks, and what makes that doubtful; nobody where it is not about a patient."""
        reference = reference_of(data, OWNER.get(kind, "subject"))
        everybody = self.owners.values()
        if reference is None:
            return everybody, "it is not said whose it is"
        owner = self._led_to(reference)
        if owner is not None:
            return (owner,), None
        if not _is_patient(reference):
            return (), None
        return everybody, f"its {OWNER.get(kind, 'subject')} `{reference[:80]}` leads nowhere"

    def _led_to(self, reference: str) -> _Owner | None:
        """The patient to whom a reference leads; a server's address must be that of the patient's own entry."""
        reference = reference.partition("/_history")[0]
        owner = self.references.get(reference)
        if owner is not None or reference.startswith(("urn:", "#")):
            return owner
        local = plain_reference(reference)
        if "://" in reference and local in self.on_servers:
            return None
        return self.references.get(local)

    # --- what ------------------------------------------------------------------------------------------------------

    def _read_part(self, number: int, part: Part, plain: PlainTexts) -> None:
        kind = part.kind
        if kind is None:
            self._tell("bad-entry", part.path, f"{part.problem or 'it is not said of which type it is'}; not used")
            self.states[number] = "open"
            return
        if kind not in READERS:
            self._look_within(number, part)
            return
        if kind == "Observation" and number not in self.doubts:
            state = plain.read(part)
            if state is not None:
                self.states[number] = state
                return
        data = self._opened(number, part)
        doubt = self._doubt(number, part, data)
        self._count(number, self._read_resource(kind, data, part.path, doubt))
        if "contained" in data:
            self._read_contained(number, part, data, doubt)

    def _look_within(self, number: int, part: Part) -> None:
        """A resource of a type that is not read: those within it may be of one that is."""
        if (part.raw is None and part.data is None) or (part.kind in _REFERRED and number not in self.containing):
            return
        data = self._opened(number, part)
        if "contained" in data:
            self._read_contained(number, part, data, self._doubt(number, part, data))

    def _count(self, number: int, state: State) -> None:
        """The state of an entry is that of the part of it of which most must be said."""
        known = self.states[number]
        if known != state:
            self.states[number] = known if _ORDER[known] < _ORDER[state] else state

    def _read_contained(self, number: int, part: Part, data: Mapping[str, Any], doubt: str | None) -> None:
        """Resources within a resource: those that are read, of the same patient unless they say whose they are."""
        status = data.get("status")
        for index, kind, each in resources_within(data):
            path = f"{part.path}.contained[{index}]"
            if status in (ENTERED_IN_ERROR, "cancelled") and doubt is None:
                self._tell(status, path, f"it is part of a {part.kind} that is {status.replace('-', ' ')}; not used")
                self._count(number, "aside")
            else:
                self._count(number, self._read_resource(kind, each, path, doubt))

    def _read_resource(self, kind: str, data: dict[str, Any], path: str, doubt: str | None) -> State:
        owners, uncertain = self._whose(data, kind)
        state: State = "aside"
        for owner in owners:
            state = READERS[kind](Entry(path, kind, data, doubt or uncertain), owner.setting)
        if not owners:
            self._tell("other-owner", path, "it is not about a patient; not used")
        return state

    # --- the candidate ---------------------------------------------------------------------------------------------

    def _candidate(self, owner: _Owner) -> Candidate:
        setting = owner.setting
        profile = settled(owner.identity, setting)
        return Candidate(profile, None, (*self.issues, *setting.issues), setting.places)


def resources_within(data: Mapping[str, Any]) -> list[tuple[int, str, dict[str, Any]]]:
    """The resources that another contains, of those types that are read: with place and type.

    They are of the same patient unless they say whose they are.
    """
    found: list[tuple[int, str, dict[str, Any]]] = []
    contained = data.get("contained")
    for index, each in enumerate(contained if type(contained) is list else ()):
        kind = each.get("resourceType") if isinstance(each, dict) else None
        if type(kind) is not str or kind not in READERS:
            continue
        owner = OWNER.get(kind, "subject")
        reference = reference_of(each, owner)
        if reference is None or reference.startswith("#"):
            whose = data.get("subject", data.get("patient"))
            each = {**each, owner: whose} if whose is not None else each
        found.append((index, kind, each))
    return found


def reference_of(data: Mapping[str, Any], name: str) -> str | None:
    subject = data.get(name)
    reference = subject.get("reference") if isinstance(subject, dict) else None
    return reference if isinstance(reference, str) and reference else None


def plain_reference(reference: str) -> str:
    """A reference by type and id, without a server's address and a version."""
    return "/".join(reference.partition("/_history")[0].split("/")[-2:])


def names_of(url: str | None, kind: str, identity: object) -> list[str]:
    """The references that lead to a resource: its fullUrl, its type and id."""
    named = [url] if url else []
    if type(identity) is str and url != f"{kind}/{identity}":
        named.append(f"{kind}/{identity}")
    return named


def _is_patient(reference: str) -> bool:
    """Whether a reference may lead to a patient: it names none of the other kinds of subject."""
    steps = reference.partition("/_history")[0].split("/")
    return len(steps) < 2 or not steps[-2][:1].isupper() or steps[-2] == "Patient"
