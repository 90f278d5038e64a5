"""Treatments: drugs ordered, said to be taken, and given; vaccines.

An order is no proof that a drug was taken: it is a provisional record (docs/fhir.md). A statement and an administration
are confirmed ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from prescreen.candidate.leftopen import Record
from prescreen.fhir.codes import ROUTES, codings, in_snomed, text_of
from prescreen.fhir.events import Reading
from prescreen.fhir.resources import (
    Concept,
    Dosage,
    Immunization,
    Medicated,
    Medication,
    MedicationAdministration,
    MedicationRequest,
    MedicationStatement,
    Quantity,
    Repeat,
    slim,
)
from prescreen.fhir.setting import ENTERED_IN_ERROR, Entry, Setting, State
from prescreen.fhir.times import NoDate, between, moment

_ORDERED: Final = {
    "active": "ongoing",
    "completed": "completed",
    "stopped": "completed",
    "draft": "planned",
    "on-hold": None,
    "unknown": None,
}
_PLANNED: Final = ("proposal", "plan")
_ORDER: Final = ("order", "original-order", "reflex-order", "filler-order", "instance-order", "option")
_STATED: Final = {
    "active": "ongoing",
    "completed": "completed",
    "stopped": "completed",
    "intended": "planned",
    "not-taken": "never",
    "on-hold": None,
}
_GIVEN: Final = {
    "in-progress": "ongoing",
    "completed": "completed",
    "stopped": "completed",
    "on-hold": None,
    "unknown": None,
}


def read_request(entry: Entry, setting: Setting) -> State:
    """An order: perhaps begun on or after the day on which it was written."""
    resource, bad = slim(entry.data, MedicationRequest)
    reading = Reading(entry, resource, bad, setting)
    if reading.is_in_error(resource.status):
        return "aside"
    if resource.status == "cancelled" and reading.doubt is None:
        setting.tell("cancelled", entry.path, "the order is cancelled; not used")
        return "aside"
    if resource.doNotPerform:
        setting.tell("not-done", entry.path, "an order not to give something; not used")
        return "aside"
    status = _ORDERED.get(resource.status or "")
    if resource.status not in _ORDERED or reading.at_fault("status"):
        setting.tell("bad-entry", f"{entry.path}.status", "the status cannot be read; it may be any")
    if resource.intent in _PLANNED:
        status = "planned"
    elif resource.intent not in _ORDER:
        status = None
        setting.tell("bad-entry", f"{entry.path}.intent", "the intent cannot be read; the order may be any")
    authored = reading.date("authoredOn", "start")
    return _place(
        reading,
        resource,
        {
            # provisional whatever is in doubt about it: nothing is denied by an order
            "verification": "provisional",
            "status": status,
            "start": None if authored is None or status == "planned" else between(authored, None),
            **_dosed(resource.dosageInstruction, reading.at_fault("dosageInstruction")),
        },
    )


def read_statement(entry: Entry, setting: Setting) -> State:
    resource, bad = slim(entry.data, MedicationStatement)
    reading = Reading(entry, resource, bad, setting)
    if reading.is_in_error(resource.status):
        return "aside"
    if resource.status is None and not reading.at_fault("status"):
        reading.note("status", "there is no status")
    status = reading.word("status", _STATED, "status")
    start, end = _course(reading, resource, status)
    if status == "never" and reading.doubt is None:
        if start is not None or end is not None:
            setting.tell("not-done", entry.path, "not taken at that time; other times stay open, no record")
            return "aside"
        if not reading.bad:  # many lists say so of what is not taken any more
            reading.note("verification", "not taken, and it is not said when")
    record: Record = {
        "status": status,
        "start": start,
        "end": end,
        "date": reading.date("dateAsserted", "date"),
        **_dosed(resource.dosage, reading.at_fault("dosage")),
    }
    return _place(reading, resource, record)


def read_administration(entry: Entry, setting: Setting) -> State:
    resource, bad = slim(entry.data, MedicationAdministration)
    reading = Reading(entry, resource, bad, setting)
    if reading.is_in_error(resource.status):
        return "aside"
    if resource.status == "not-done" and reading.doubt is None:
        setting.tell("not-done", entry.path, "this dose was not given; no record")
        return "aside"
    status = _GIVEN.get(resource.status or "")
    start, end = _course(reading, resource, status)
    record: Record = {"status": status, "start": start, "end": end}
    if resource.status not in _GIVEN or resource.status == "unknown" or reading.at_fault("status"):
        record["verification"] = "provisional"  # it may not have been given
        setting.tell("bad-entry", f"{entry.path}.status", "it is open whether the dose was given")
    dosage = [] if resource.dosage is None else [resource.dosage]
    return _place(reading, resource, {**record, **_dosed(dosage, reading.at_fault("dosage"))})


def read_immunization(entry: Entry, setting: Setting) -> State:
    resource, bad = slim(entry.data, Immunization)
    reading = Reading(entry, resource, bad, setting)
    if reading.is_in_error(resource.status):
        return "aside"
    if resource.status == "not-done" and reading.doubt is None:
        setting.tell("not-done", entry.path, "the vaccine was not given; no record")
        return "aside"
    day = reading.time("occurrence", "start")
    record: Record = {"status": "completed", "start": day, "end": day}
    if resource.status != "completed" or reading.at_fault("status"):
        record |= {"verification": "provisional", "status": None}
        setting.tell("bad-entry", f"{entry.path}.status", "it is open whether the vaccine was given")
    if "start" in reading.bad:
        reading.note("end", reading.bad["start"])
    reading.coded = "vaccineCode"
    return reading.place("treatments", record, (resource.vaccineCode,))


def _course(
    reading: Reading, resource: MedicationStatement | MedicationAdministration, status: str | None
) -> tuple[str | None, str | None]:
    """When a treatment began and ended; what is said of a moment lay in it."""
    names = ("effectiveDateTime", "effectivePeriod")
    given = [name for name in names if getattr(resource, name) is not None or reading.at_fault(name)]
    try:
        if len(given) > 1:
            raise NoDate("two times")
        if any(reading.at_fault(name) for name in given):
            raise NoDate("the time cannot be read")
        if resource.effectiveDateTime is not None:
            day = moment(resource.effectiveDateTime)
            if status == "ongoing":
                return between(None, day), None
            if isinstance(resource, MedicationAdministration) or status == "planned":
                return day, (day if status == "completed" else None)
            return between(None, day), between(day, None)  # taken on that day, and perhaps before and after
        if resource.effectivePeriod is not None:
            period = resource.effectivePeriod
            start = None if period.start is None else moment(period.start)
            end = None if period.end is None else moment(period.end)
            between(start, end)  # refuses a period that ends before it begins
            return start, end
    except NoDate as error:
        reading.note("start", f"effective: {error}")
        reading.note("end", f"effective: {error}")
    return None, None


def _place(reading: Reading, resource: Medicated, record: Record) -> State:
    """The records of a drug: of its own code and of what is in it."""
    given = resource.medicationCodeableConcept
    reading.coded = "medicationReference" if given is None else "medicationCodeableConcept"
    indication = _indication(resource, reading)
    if indication is not None:
        record["for"] = indication
    return reading.place("treatments", record, _drugs(resource, reading))


def _drugs(resource: Medicated, reading: Reading) -> Sequence[Concept | None]:
    reference = resource.medicationReference
    if resource.medicationCodeableConcept is not None and reference is not None:
        reading.note("code", "two drugs (medicationCodeableConcept, medicationReference)")
        return (None,)
    if resource.medicationCodeableConcept is not None or reference is None:
        return (resource.medicationCodeableConcept,)
    found = _referenced(reference.reference or "", resource, reading)
    if found is None:
        where = f"{reading.entry.path}.medicationReference"
        reading.setting.tell("no-reference", where, f"`{(reference.reference or '')[:80]}` leads nowhere")
        return (Concept(text=reference.display),) if reference.display else (None,)
    path, data = found
    medication, bad = slim(data, Medication)
    for place, why in bad.items():
        reading.setting.tell("bad-entry", f"{path}.{place}" if place else path, f"{why}; not used")
    if bad or not data or medication.status == ENTERED_IN_ERROR:
        reading.note("code", "the Medication cannot be relied on")
        return (None,)
    parts = [each.itemCodeableConcept for each in medication.ingredient if each.isActive is not False]
    concepts = [each for each in (medication.code, *parts) if each is not None]
    return concepts or (None,)


def _referenced(reference: str, resource: Medicated, reading: Reading) -> tuple[str, dict[str, Any]] | None:
    if reference.startswith("#"):
        for index, each in enumerate(resource.contained):
            if isinstance(each, dict) and each.get("id") == reference[1:] and each.get("resourceType") == "Medication":
                return f"{reading.entry.path}.contained[{index}]", each
        return None
    return reading.setting.medications.get(reference)


def _indication(resource: Medicated, reading: Reading) -> Any:
    """What the drug is for, where that is one thing in one coding that can be read."""
    if len(resource.reasonCode) != 1 or reading.at_fault("reasonCode"):
        return None
    reason = resource.reasonCode[0]
    catalogue = reading.setting.catalogue
    for system, code in codings(reason):
        if catalogue.related("conditions", (system, code)).named:
            return {"system": system, "code": code, "display": text_of(reason)}
    return None


# --- doses -----------------------------------------------------------------------------------------------------------


def _dosed(dosages: Sequence[Dosage], at_fault: bool) -> Record:
    """Route, dose and daily dose, where one instruction gives them plainly."""
    if len(dosages) != 1 or at_fault:
        return {}
    dosage = dosages[0]
    given = dosage.dose
    if given is None and len(dosage.doseAndRate) == 1:
        given = dosage.doseAndRate[0].doseQuantity
    dose = _dose(given)
    found: Record = {"route": in_snomed(dosage.route, ROUTES), "dose": dose}
    repeat = None if dosage.timing is None else dosage.timing.repeat
    as_needed = dosage.asNeededBoolean or dosage.asNeededCodeableConcept is not None
    if dose is not None and repeat is not None and not as_needed and (times := _times_a_day(repeat)) is not None:
        found["daily_dose"] = {"value": dose["value"] * times, "unit": f"{dose['unit']}/d"}
    return found


def _dose(quantity: Quantity | None) -> Record | None:
    if quantity is None or quantity.comparator or type(quantity.value) not in (int, Decimal) or quantity.value < 0:
        return None
    unit = quantity.code or quantity.unit
    return {"value": quantity.value, "unit": unit} if unit else None


def _times_a_day(repeat: Repeat) -> int | None:
    """How often a day; None where it is not a whole number of times each day."""
    if repeat.frequencyMax is not None or repeat.periodMax is not None or repeat.periodUnit not in ("d", "h"):
        return None
    if repeat.dayOfWeek or repeat.timeOfDay or repeat.when or repeat.count is not None:
        return None
    frequency, period = repeat.frequency if repeat.frequency is not None else 1, repeat.period
    if type(frequency) is not int or type(period) not in (int, Decimal) or period <= 0 or not 0 < frequency <= 100:
        return None
    times = Fraction(frequency) * (1 if repeat.periodUnit == "d" else 24) / Fraction(period)
    return int(times) if times.denominator == 1 else None
