"""Conditions, procedures, allergies: what is or was the case, and what was done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from prescreen.candidate.leftopen import Record, may_deny
from prescreen.catalogue import Domain, system_name
from prescreen.fhir.codes import (
    NO_ALLERGY,
    SEVERITIES,
    TEXT,
    code_among,
    display_of,
    events_named,
    in_snomed,
    text_of,
)
from prescreen.fhir.resources import AllergyIntolerance, Concept, Condition, Procedure, Resource, Timed, slim
from prescreen.fhir.setting import ENTERED_IN_ERROR, Entry, Setting, State
from prescreen.fhir.times import NoDate, at_age, moment, some_time_in

VERIFICATIONS: Final = {
    "confirmed": "confirmed",
    "provisional": "provisional",
    "differential": "provisional",
    "unconfirmed": "provisional",
    "presumed": "provisional",
    "refuted": "refuted",
}
_CLINICAL: Final = {
    "active": "active",
    "recurrence": "active",
    "relapse": "active",
    "remission": "remission",
    "resolved": "resolved",
    "inactive": None,
}
_PROCEDURE: Final = {
    "preparation": "planned",
    "completed": "completed",
    "not-done": "not-done",
    "in-progress": None,
    "on-hold": None,
    "stopped": None,
}


_ALLERGY: Final = frozenset({"active", "inactive", "resolved"})


class Reading:
    """An event while it is read: its resource, what of it cannot be read by key of the record, and its dates."""

    def __init__(self, entry: Entry, resource: Resource, bad: Mapping[str, str], setting: Setting) -> None:
        self.entry = entry
        self.resource = resource
        self.setting = setting
        self.faults = dict(bad)
        self.bad: dict[str, str] = {}
        self.coded = "code"  # the element that says what it is
        if bad:
            setting.tell_bad(entry, bad)

    def at_fault(self, name: str) -> bool:
        """Whether something of an element could not be read."""
        if not self.faults:
            return False
        return any(path == name or path.startswith((f"{name}.", f"{name}[")) for path in self.faults)

    def time(self, name: str, key: str) -> str | None:
        """The time that `nameDateTime`, `namePeriod` … give; what is wrong with it is noted under a record's key."""
        data = self.entry.data
        found = [place for place in _TIMES[name] if place in data]
        if self.faults:
            found += [place for place in self.faults if place.startswith(name) and place.split(".")[0] not in found]
        elif not found:
            return None
        try:
            if len(found) > 1:
                raise NoDate(f"two times ({', '.join(found)})")
            if found and self.at_fault(found[0].split(".")[0]):
                raise NoDate("the time cannot be read")
            return self._time(name, found[0]) if found else None
        except NoDate as error:
            self.note(key, f"{name}: {error}")
            return None

    def _time(self, name: str, element: str) -> str | None:
        given: Any = getattr(self.resource, element, None)
        if given is None:
            return None
        match element.removeprefix(name):
            case "DateTime":
                return moment(given)
            case "Period":
                return some_time_in(given)
            case "Age":
                return at_age(given, given, self.setting.birth)
            case "Range":
                return at_age(given.low, given.high, self.setting.birth)
            case _:
                self.setting.tell("not-used", f"{self.entry.path}.{element}", "a time in words; it may be any")
                return None

    def date(self, name: str, key: str) -> str | None:
        """A date element of its own name."""
        text = getattr(self.resource, name)
        try:
            if name in self.faults:
                raise NoDate("the date cannot be read")
            return None if text is None else moment(text)
        except NoDate as error:
            self.note(key, f"{name}: {error}")
            return None

    def word(self, name: str, words: Mapping[str, Any], key: str, default: Any = None) -> Any:
        """What a coded status means; noted where it cannot be read."""
        given = getattr(self.resource, name)
        code = code_among(given, words) if isinstance(given, Concept) else given
        if code is not None and code in words and not self.at_fault(name):
            return words[code]
        if given is None and not self.at_fault(name):
            return default
        written = text_of(given) if isinstance(given, Concept) else given
        shown = f" `{written[:40]}`" if written else ""
        self.note(key, f"the {name}{shown} cannot be read")
        return None

    def note(self, key: str, message: str) -> None:
        self.bad.setdefault(key, message)

    @property
    def doubt(self) -> str | None:
        """Why it may be that there is no such event, or that it is somebody else's."""
        return self.entry.doubt

    def is_in_error(self, status: str | None) -> bool:
        """Whether the resource is entered in error, and nothing makes that doubtful."""
        if status != ENTERED_IN_ERROR:
            return False
        if self.doubt is None:
            self.setting.tell(ENTERED_IN_ERROR, self.entry.path, "entered in error; not used")
            return True
        self.note("verification", "one version is entered in error")
        return False

    def place(self, domain: Domain, record: Record, concepts: Iterable[Concept | None]) -> State:
        """The records of the event, one for each code that says something of its own."""
        setting, entry = self.setting, self.entry
        concepts = tuple(concepts)
        record.setdefault("verification", "confirmed")
        doubt = self.doubt
        if doubt is not None:
            if may_deny(domain, record, self.bad):
                self.note("verification", doubt)
            elif record["verification"] == "confirmed":
                record["verification"] = "provisional"
        named = events_named(concepts, domain, setting.catalogue)
        codes: list[Any] = []
        for pair in named.codings:
            display = None
            for each in concepts:
                display = display or display_of(each, pair)
            codes.append(_code(pair[0], pair[1], display))
        state: State = "understood"
        if not named.agree:
            shown = " and ".join([_shown(code) for code in codes])
            setting.tell(
                "conflict", f"{entry.path}.{self.coded}", f"{shown}: codings of different things; either may be meant"
            )
            state = "open"
            if may_deny(domain, record, self.bad):
                self.note("verification", "its codings are of different things")
            elif record["verification"] == "confirmed":
                record["verification"] = "provisional"
        if not codes:
            text = ""
            for each in concepts:
                text = text or text_of(each)
            state = "open"
            if text:
                codes = [{"system": f"urn:{TEXT}", "code": text[:60]}]
                message = f"`{text[:80]}` is in words only; it may be any of the {domain}"
                setting.tell("unknown-code", entry.path, message)
            else:
                codes = [None]
                self.note("code", "there is no code that can be read")
        elif not named.known and setting.is_unplaced(named.codings[0]):
            state = "unmapped"
            message = f"{_shown(codes[0])} is listed for no concept; it may be any of the {domain}"
            setting.tell("unmapped-code", f"{entry.path}.{self.coded}", message)
        outcome = None
        for code in codes:
            own = {**record, "id": self.resource.id or None, "source": entry.source, "code": code}
            outcome = setting.add_event(domain, own, entry.path, self.bad) or outcome
        if outcome is None and doubt is None:
            return state
        why = dict.fromkeys((*([] if doubt is None else [doubt]), *self.bad.values()))
        setting.tell("bad-entry", entry.path, f"{'; '.join(why)}; {outcome or 'left open'}")
        return "open"


_TIMES: Final = {
    name: tuple(f"{name}{kind}" for kind in ("DateTime", "Period", "Age", "Range", "String"))
    for name in ("onset", "abatement", "performed", "occurrence")
}
"""The elements that give a time, by what they have in common."""


def _code(system: str, code: str, display: str | None) -> Record:
    if ":" not in system and system_name(system) is None:
        system = f"urn:{system}"
    return {"system": system, "code": code, **({"display": display} if display else {})}


def _shown(code: Record) -> str:
    display = code.get("display")
    return f"{code['system']}|{code['code']}" + (f" ({display[:80]})" if display else "")


_CERTAINTIES: Final = frozenset({*VERIFICATIONS, ENTERED_IN_ERROR})


def _certainty(concept: Concept | None) -> str | None:
    return None if concept is None else code_among(concept, _CERTAINTIES)


def read_condition(entry: Entry, setting: Setting) -> State:
    resource, bad = slim(entry.data, Condition)
    reading = Reading(entry, resource, bad, setting)
    if reading.is_in_error(_certainty(resource.verificationStatus)):
        return "aside"
    record: Record = {
        "verification": reading.word("verificationStatus", VERIFICATIONS, "verification", "confirmed"),
        "status": reading.word("clinicalStatus", _CLINICAL, "status"),
        "onset": reading.time("onset", "onset"),
        "abatement": reading.time("abatement", "abatement"),
        "severity": in_snomed(resource.severity, SEVERITIES),
        "date": reading.date("recordedDate", "date"),
    }
    return reading.place("conditions", record, (resource.code,))


def read_procedure(entry: Entry, setting: Setting) -> State:
    resource, bad = slim(entry.data, Procedure)
    reading = Reading(entry, resource, bad, setting)
    if reading.is_in_error(resource.status):
        return "aside"
    if resource.status is None and not reading.at_fault("status"):
        reading.note("status", "there is no status")
    record: Record = {
        "status": reading.word("status", _PROCEDURE, "status"),
        "date": reading.time("performed", "date"),
    }
    if record["status"] == "not-done" and record["date"] is None and not reading.bad and reading.doubt is None:
        reading.note("verification", "not done, and it is not said when")
    return reading.place("procedures", record, (resource.code,))


def read_allergy(entry: Entry, setting: Setting) -> State:
    resource, bad = slim(entry.data, AllergyIntolerance)
    reading = Reading(entry, resource, bad, setting)
    if reading.is_in_error(_certainty(resource.verificationStatus)):
        return "aside"
    code = resource.code
    if code is not None and any(each.code in NO_ALLERGY for each in code.coding):
        setting.tell("not-used", entry.path, f"{text_of(code)[:80]}: it is not said to be free of single allergies")
        return "aside"
    verification = reading.word("verificationStatus", VERIFICATIONS, "verification", "confirmed")
    # "active" or nothing; of anything else there was one, and whether there is one now is open
    is_active = resource.clinicalStatus is None or code_among(resource.clinicalStatus, _ALLERGY) == "active"
    if verification == "confirmed" and (not is_active or reading.at_fault("clinicalStatus")):
        verification = "provisional"
    severities = {reaction.severity for reaction in resource.reaction if reaction.severity}
    onset = reading.time("onset", "date")
    record: Record = {
        "verification": verification,
        "severity": severities.pop() if len(severities) == 1 and not reading.at_fault("reaction") else None,
        "date": reading.date("recordedDate", "date") if verification == "refuted" else onset,
    }
    return reading.place("allergies", record, (code,))


__all__ = ["VERIFICATIONS", "Reading", "Timed", "read_allergy", "read_condition", "read_procedure"]
