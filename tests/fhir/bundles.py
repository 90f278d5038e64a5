"""Bundles for tests: resources in short, and a candidate of prescreen's own JSON written as a Bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

LOINC = "http://loinc.org"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM = "http://unitsofmeasure.org"
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_CERTAIN = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
ME = {"reference": "Patient/p1"}


def coded(system: str, code: str, display: str | None = None) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, **({"display": display} if display else {})}]}


def patient(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1984-07-05", **more}


def quantity(value: Any, unit: str | None = "U/L", **more: Any) -> dict[str, Any]:
    units = {} if unit is None else {"unit": unit, "system": UCUM, "code": unit}
    return {"value": value, **units, **more}


def observation(lab: str = "1742-6", value: Any = 40, unit: str | None = "U/L", **more: Any) -> dict[str, Any]:
    """ALT by default, with an upper limit of normal of 40 U/L, of shortly before the screening day."""
    return {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": coded(LOINC, lab),
        "subject": ME,
        "effectiveDateTime": "2026-05-20",
        "valueQuantity": quantity(value, unit),
        "referenceRange": [{"high": quantity(40, unit)}],
        **more,
    }


def condition(system: str = ICD, disease: str = "M32.14", **more: Any) -> dict[str, Any]:
    """Active lupus nephritis by default."""
    return {
        "resourceType": "Condition",
        "id": "c1",
        "clinicalStatus": coded(_CLINICAL, "active"),
        "verificationStatus": coded(_CERTAIN, "confirmed"),
        "code": coded(system, disease),
        "subject": ME,
        "onsetDateTime": "2021",
        **more,
    }


def verified(code: str) -> dict[str, Any]:
    return coded(_CERTAIN, code)


def clinical(code: str) -> dict[str, Any]:
    return coded(_CLINICAL, code)


def procedure(**more: Any) -> dict[str, Any]:
    """An appendectomy of January by default."""
    return {
        "resourceType": "Procedure",
        "id": "x1",
        "status": "completed",
        "code": coded(SNOMED, "80146002"),
        "subject": ME,
        "performedDateTime": "2026-01-12",
        **more,
    }


def statement(**more: Any) -> dict[str, Any]:
    """Rituximab from January to March by default."""
    return {
        "resourceType": "MedicationStatement",
        "id": "m1",
        "status": "completed",
        "medicationCodeableConcept": coded(RXNORM, "121191"),
        "subject": ME,
        "effectivePeriod": {"start": "2025-01", "end": "2025-03-10"},
        **more,
    }


def bundle(*resources: Any, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources], **more}


def text_of(data: Any) -> bytes:
    """The JSON text of a Bundle, its decimals as they are."""
    return json.dumps(data, default=_exact, ensure_ascii=False).replace('"\\u0000', "").replace('\\u0000"', "").encode()


def _exact(value: object) -> str:
    assert isinstance(value, Decimal)
    return f"\x00{value}\x00"


# --- a candidate as a Bundle -----------------------------------------------------------------------------------------

_PRECISE = {"active": "active", "remission": "remission", "resolved": "resolved"}
_STATED = {"ongoing": "active", "completed": "completed", "planned": "intended", "never": "not-taken"}
_DONE = {"completed": "completed", "planned": "preparation", "not-done": "not-done"}


def as_bundle(candidate: Mapping[str, Any]) -> dict[str, Any]:
    """A candidate as a Bundle; what FHIR has no element for must not be in it."""
    me = {"resourceType": "Patient", "id": candidate["id"]}
    if "birth_date" in candidate:
        me["birthDate"] = candidate["birth_date"]
    if "sex" in candidate:
        me["gender"] = candidate["sex"]
    subject = {"reference": f"Patient/{candidate['id']}"}
    found: list[dict[str, Any]] = [me]
    found += _observations(candidate.get("observations", ()), subject)
    for record in candidate.get("conditions", ()):
        status = record.get("status")
        found.append(
            _kept(
                {
                    "resourceType": "Condition",
                    "code": _coded(record["code"]),
                    "subject": subject,
                    "verificationStatus": verified(record.get("verification", "confirmed")),
                    "clinicalStatus": None if status is None else clinical(_PRECISE[status]),
                    **_time("onset", record.get("onset")),
                    **_time("abatement", record.get("abatement")),
                    "severity": coded(SNOMED, _SEVERE[record["severity"]]) if "severity" in record else None,
                    "recordedDate": record.get("date"),
                }
            )
        )
    for record in candidate.get("treatments", ()):
        period = _kept({"start": record.get("start"), "end": record.get("end")})
        found.append(
            _kept(
                {
                    "resourceType": "MedicationStatement",
                    "status": _STATED[record["status"]],
                    "medicationCodeableConcept": _coded(record["code"]),
                    "subject": subject,
                    "effectivePeriod": period or None,
                    "dateAsserted": record.get("date"),
                    "reasonCode": [_coded(record["for"])] if "for" in record else None,
                    "dosage": _dosage(record),
                }
            )
        )
    found += [
        _kept(
            {
                "resourceType": "Procedure",
                "status": _DONE[record["status"]],
                "code": _coded(record["code"]),
                "subject": subject,
                **_time("performed", record.get("date")),
            }
        )
        for record in candidate.get("procedures", ())
    ]
    found += [
        _kept(
            {
                "resourceType": "AllergyIntolerance",
                "code": _coded(record["code"]),
                "patient": subject,
                "verificationStatus": verified(record.get("verification", "confirmed")),
                "reaction": [{"severity": record["severity"]}] if "severity" in record else None,
                "onsetDateTime": record.get("date"),
            }
        )
        for record in candidate.get("allergies", ())
    ]
    items = [
        {"linkId": name, "answer": [{"valueBoolean" if isinstance(value, bool) else "valueString": value}]}
        for name, value in candidate.get("answers", {}).items()
    ]
    if items:
        found.append(
            {"resourceType": "QuestionnaireResponse", "status": "completed", "subject": subject, "item": items}
        )
    return bundle(*found)


_SEVERE = {"mild": "255604002", "moderate": "6736007", "severe": "24484000"}
_ROUTES = {"oral": "26643006", "intravenous": "47625008"}


def _time(name: str, date: str | None) -> dict[str, Any]:
    """A date, or a period that lies between two."""
    if date is None or "/" not in date:
        return {f"{name}DateTime": date}
    start, _, end = date.partition("/")
    return {f"{name}Period": _kept({"start": None if start == ".." else start, "end": None if end == ".." else end})}


def _dosage(record: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """An instruction; a daily dose is so many of the dose a day."""
    if "dose" not in record:
        return None
    dose = record["dose"]
    made: dict[str, Any] = {"doseAndRate": [{"doseQuantity": quantity(dose["value"], dose["unit"])}]}
    if "route" in record:
        made["route"] = coded(SNOMED, _ROUTES[record["route"]])
    if "daily_dose" in record:
        times = record["daily_dose"]["value"] // dose["value"]
        made["timing"] = {"repeat": {"frequency": int(times), "period": 1, "periodUnit": "d"}}
    return [made]


def _observations(records: Sequence[Mapping[str, Any]], subject: Any) -> list[dict[str, Any]]:
    """Observations; those that follow one another and were taken and verified at once are components of one."""
    found: list[dict[str, Any]] = []
    last: tuple[Any, ...] | None = None
    for record in records:
        made = _kept(_observation(record, subject))
        mark = (record.get("date"), made["status"])
        if mark == last and made["status"] == "final":
            panel = found[-1]
            if "component" not in panel:
                panel = found[-1] = {**{key: made[key] for key in made if key not in _OWN}, "code": {"text": "panel"},
                                     "component": [{key: panel[key] for key in panel if key in _OWN}]}  # fmt: skip
            panel["component"].append({key: made[key] for key in made if key in _OWN})
        else:
            found.append(made)
        last = mark
    return found


_OWN = ("code", "valueQuantity", "valueString", "valueRange", "dataAbsentReason", "referenceRange")


def _observation(record: Mapping[str, Any], subject: Any) -> dict[str, Any]:
    value, unit = record.get("value"), record.get("unit")
    status = {"confirmed": "final", "provisional": "preliminary", "refuted": "entered-in-error"}
    made: dict[str, Any] = {
        "resourceType": "Observation",
        "status": status[record.get("verification", "confirmed")],
        "code": _coded(record["code"]),
        "subject": subject,
        **_time("effective", record.get("date")),
    }
    if value is None:
        made["dataAbsentReason"] = coded("http://terminology.hl7.org/CodeSystem/data-absent-reason", "not-performed")
    elif isinstance(value, str):
        for sign in ("<=", ">=", "<", ">"):
            if value.startswith(sign):
                made["valueQuantity"] = {**quantity(Decimal(value[len(sign) :]), unit), "comparator": sign}
                break
        else:
            low, dash, high = value.partition("-")
            if dash and low.replace(".", "").isdigit():
                made["valueRange"] = {"low": quantity(Decimal(low), unit), "high": quantity(Decimal(high), unit)}
            else:
                made["valueString"] = value
    else:
        made["valueQuantity"] = quantity(value, unit)
    if (limits := record.get("reference_range")) is not None:
        own = limits.get("unit", unit)
        ends = {end: quantity(limits[end], own) for end in ("low", "high") if end in limits}
        made["referenceRange"] = [ends]
    return made


def _coded(code: Any) -> dict[str, Any]:
    return coded(code["system"], code["code"], code.get("display"))


def _kept(resource: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resource.items() if value is not None}
