"""A Bundle as candidates: whose each resource is, what it says, and what became of each entry.

Nothing is dropped silently (semantics §9): each entry is understood, left open, unmapped, aside or skipped, and what is
wrong with it is an issue with its path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from prescreen.candidate.facts import Candidate, DataIssue
from prescreen.catalogue import Catalogue
from prescreen.fhir.bundle import Part, parts
from prescreen.fhir.events import read_allergy, read_condition, read_procedure
from prescreen.fhir.medications import read_administration, read_immunization, read_request, read_statement
from prescreen.fhir.observations import read_observation, read_plain
from prescreen.fhir.person import patient_id, read_consent, read_patients, read_response
from prescreen.fhir.setting import Entry, Setting, State
from prescreen.fhir.settle import settled
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

_USED: Final = frozenset({*READERS, "Patient", "Medication"})
_WITHIN: Final = re.compile(rb'"resourceType"\s*:\s*"(?:' + "|".join(READERS).encode() + rb')"')
OWNER: Final = {"AllergyIntolerance": "patient", "Immunization": "patient", "Consent": "patient"}
_CODED: Final = ("code", "medicationCodeableConcept", "medicationReference", "vaccineCode", "component", "ingredient")
_CODING: Final = frozenset({*_CODED, "coding", "system", "text", "reference"})
_ORDER: Final[tuple[State, ...]] = ("open", "unmapped", "understood", "aside", "skipped")


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
    return _Bundle(parts(source), catalogue).read()


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
        self.issues: list[DataIssue] = []
        self.owners: dict[str, _Owner] = {}
        self.references: dict[str, _Owner | None] = {}
        self.medications: dict[str, tuple[str, dict[str, Any]]] = {}
        self.states: list[State] = ["skipped"] * len(found)
        self.doubts: dict[int, str] = {}
        self.left_out: set[int] = set()

    def read(self) -> BundleRead:
        self._find_twins()
        for number, part in enumerate(self.parts):
            if part.kind == "Patient":
                self._meet_patient(number, part)
            elif part.kind == "Medication":
                self._meet_medication(number, part)
        if not self.owners:
            self._owners_byreference_of()
        for owner in self.owners.values():
            state = read_patients([entry for _, entry in owner.patients], owner.setting)
            for number, _ in owner.patients:
                self.states[number] = state
        for number, part in enumerate(self.parts):
            if number not in self.left_out:
                self._read_part(number, part)
        candidates = tuple([self._candidate(owner) for owner in self.owners.values()])
        return BundleRead(candidates, self.parts, self.states)

    def _find_twins(self) -> None:
        """Resources that are there twice: the same is read once; where two differ, neither is certain."""
        met: dict[tuple[str, object], int] = {}
        for number, part in enumerate(self.parts):
            kind = part.kind
            if kind not in _USED:
                continue
            data = part.read()
            if part.problem is not None:
                self._spoilt(number, part, data)
            identity = data.get("id")
            key = (kind, identity) if type(identity) is str else ("", part.url)
            first = met.setdefault(key, number)
            if first == number or key[1] is None:
                continue
            other = self.parts[first]
            if other.data == data and part.problem is None:
                self.left_out.add(number)
                self.states[number] = "aside"
                self._tell("duplicate-id", part.path, f"the same as {other.path}; read once")
            else:
                message = f"{kind} `{str(key[1])[:60]}` is there twice, and differs"
                self._tell("duplicate-id", part.path, f"{message} from {other.path}; neither is certain")
                for each in (first, number):
                    self.doubts.setdefault(each, message)

    def _spoilt(self, number: int, part: Part, data: dict[str, Any]) -> None:
        self.doubts[number] = part.problem or ""
        self._tell("bad-entry", part.path, part.problem or "")
        if not _CODING.isdisjoint(part.twice):
            for name in _CODED:
                data.pop(name, None)

    def _tell(self, code: str, path: str, message: str) -> None:
        self.issues.append(DataIssue(code, path, message))

    # --- whose -----------------------------------------------------------------------------------------------------

    def _meet_patient(self, number: int, part: Part) -> None:
        data = part.read()
        identity = patient_id(data, part.url) or part.path.removesuffix(".resource")
        owner = self._owner(identity)
        if number not in self.left_out:
            owner.patients.append((number, Entry(part.path, "Patient", data, self.doubts.get(number))))
        named = [part.url] if part.url else []
        if isinstance(data.get("id"), str):
            named.append(f"Patient/{data['id']}")
        for reference in named:
            if self.references.setdefault(reference, owner) is not owner:
                self.references[reference] = None  # it may be either

    def _owner(self, identity: str) -> _Owner:
        owner = self.owners.get(identity)
        if owner is None:
            owner = self.owners[identity] = _Owner(identity, Setting(self.catalogue, self.medications))
        return owner

    def _meet_medication(self, number: int, part: Part) -> None:
        data = part.read()
        self.states[number] = "understood"
        for reference in (part.url, f"Medication/{data.get('id')}"):
            if reference is not None:
                self.medications[reference] = (part.path, data)

    def _owners_byreference_of(self) -> None:
        """Candidates of a Bundle without a Patient: those of whom its resources speak."""
        for part in self.parts:
            if part.kind in READERS:
                reference = reference_of(part.read(), OWNER.get(part.kind, "subject"))
                if reference is not None and _is_patient(reference):
                    identity = patient_id({"id": re.split(r"[/:]", reference)[-1]}, None)
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
        owner = self.references.get(reference)
        if owner is None and not reference.startswith(("urn:", "#")):
            local = "/".join(reference.partition("/_history")[0].split("/")[-2:])
            owner = self.references.get(local)
        if owner is not None:
            return (owner,), None
        if not _is_patient(reference):
            return (), None
        return everybody, f"its {OWNER.get(kind, 'subject')} `{reference[:80]}` leads nowhere"

    # --- what ------------------------------------------------------------------------------------------------------

    def _read_part(self, number: int, part: Part) -> None:
        kind, data = part.kind, part.data
        doubt = self.doubts.get(number)
        if kind == "Observation" and doubt is None and data is not None:
            owner = self.references.get(reference_of(data, "subject") or "")
            if owner is not None and (state := read_plain(data, part.path, owner.setting)) is not None:
                self.states[number] = state
                return
        if kind in READERS:
            self._count(number, self._read_resource(kind, part.read(), part.path, doubt))
        elif kind is None:
            self._tell("bad-entry", part.path, f"{part.problem}; not used")
            self.states[number] = "open"
            return
        raw = part.raw or b""
        if "contained" in data if data is not None else b'"contained"' in raw and _WITHIN.search(raw) is not None:
            self._read_contained(number, part, doubt)

    def _count(self, number: int, state: State) -> None:
        """The state of an entry is that of the part of it of which most must be said."""
        self.states[number] = min(self.states[number], state, key=_ORDER.index)

    def _read_contained(self, number: int, part: Part, doubt: str | None) -> None:
        """Resources within a resource: those that are read, of the same patient unless they say whose they are."""
        data = part.read()
        contained = data.get("contained")
        for index, each in enumerate(contained if type(contained) is list else ()):
            kind = each.get("resourceType") if isinstance(each, dict) else None
            if kind not in READERS:
                continue
            reference = reference_of(each, OWNER.get(kind, "subject"))
            if reference is None or reference.startswith("#"):
                whose = data.get("subject", data.get("patient"))
                each = {**each, OWNER.get(kind, "subject"): whose} if whose is not None else each
            path = f"{part.path}.contained[{index}]"
            self._count(number, self._read_resource(kind, each, path, doubt or part.problem))

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


def reference_of(data: Mapping[str, Any], name: str) -> str | None:
    subject = data.get(name)
    reference = subject.get("reference") if isinstance(subject, dict) else None
    return reference if isinstance(reference, str) and reference else None


def _is_patient(reference: str) -> bool:
    """Whether a reference may lead to a patient: it names none of the other kinds of subject."""
    steps = reference.partition("/_history")[0].split("/")
    return len(steps) < 2 or not steps[-2][:1].isupper() or steps[-2] == "Patient"
