"""Whatever a Bundle holds, it is read or refused: no crash, and no status that a sound Bundle would contradict."""

from __future__ import annotations

import copy
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from prescreen import InputRefused, load_trial, screen, statuses
from prescreen.fhir.read import read_bundle
from prescreen.intake import parse
from tests.fhir.bundles import (
    ME,
    bundle,
    coded,
    condition,
    observation,
    patient,
    procedure,
    quantity,
    statement,
    text_of,
)

TRIAL = load_trial("NCT07535138")
ON = date(2026, 6, 1)
BASE = bundle(
    patient(identifier=[{"system": "urn:x", "value": "1"}], extension=[{"url": "urn:y", "valueCode": "F"}]),
    observation(),
    {key: value for key, value in observation(id="o2").items() if key != "referenceRange"},
    observation(id="o3", component=[{"code": coded("http://loinc.org", "8480-6"),
                                     "valueQuantity": quantity(120, "mm[Hg]")}]),
    condition(abatementDateTime="2024", severity=coded("http://snomed.info/sct", "24484000")),
    procedure(),
    statement(dosage=[{"route": coded("http://snomed.info/sct", "26643006"),
                       "doseAndRate": [{"doseQuantity": quantity(5, "mg")}],
                       "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}}]),
    {"resourceType": "MedicationRequest", "id": "r1", "status": "active", "intent": "order", "subject": ME,
     "medicationReference": {"reference": "Medication/d1"}, "authoredOn": "2026-05-01"},
    {"resourceType": "Medication", "id": "d1", "code": coded("http://www.nlm.nih.gov/research/umls/rxnorm", "121191"),
     "ingredient": [{"itemCodeableConcept": coded("urn:z", "1")}]},
    {"resourceType": "MedicationAdministration", "id": "a1", "status": "completed", "subject": ME,
     "medicationCodeableConcept": coded("urn:z", "1"), "effectiveDateTime": "2026-05-02"},
    {"resourceType": "AllergyIntolerance", "id": "g1", "patient": ME, "code": coded("urn:z", "2"),
     "reaction": [{"severity": "mild"}]},
    {"resourceType": "Immunization", "id": "i1", "status": "completed", "patient": ME,
     "vaccineCode": coded("http://hl7.org/fhir/sid/cvx", "140"), "occurrenceDateTime": "2026-01-01"},
    {"resourceType": "Consent", "id": "n1", "status": "active", "patient": ME,
     "identifier": [{"value": "NCT07535138"}]},
    {"resourceType": "QuestionnaireResponse", "id": "q1", "status": "completed", "subject": ME,
     "item": [{"linkId": "informed-consent", "answer": [{"valueBoolean": True}]}]},
    {"resourceType": "DiagnosticReport", "id": "t1", "subject": ME, "contained": [observation(id="c")]},
)  # fmt: skip
ODD: list[Any] = [
    None, True, False, 0, -1, 1e300, "", " ", "x", "2026-13", "2026-01-01/2026-02-01", "\x00", "\ud800", "9" * 500,
    [], [[]], {}, {"a": 1}, [None], ["final"], {"reference": 1}, {"coding": [{"code": None}]},
    {"resourceType": "Bundle"}, {"value": "x"}, {"start": 5}, 10**400,
]  # fmt: skip


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [here]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*here, key))
    return found


PLACES = [place for place in places(BASE) if place]


def changed(place: tuple[Any, ...], value: Any) -> Any:
    data = copy.deepcopy(BASE)
    inner = data
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    return data


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PLACES), st.sampled_from(ODD))
@example(("entry", 2, "resource", "status"), ["final"])
@example(("entry", 1, "resource"), {"resourceType": "Bundle", "entry": 5})
def test_any_value_anywhere_is_read_or_refused(place: tuple[Any, ...], value: Any) -> None:
    data = changed(place, value)
    try:
        text = json.dumps(data).encode("utf-8", "surrogatepass")
        found = read_bundle(text, TRIAL.catalogue)
        for candidate in found.candidates:
            statuses(TRIAL, candidate, on=ON)
        assert all(entry.state in ("understood", "open", "unmapped", "aside", "skipped") for entry in found.entries)
    except InputRefused:
        return


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PLACES), st.sampled_from(ODD))
def test_a_bundle_taken_apart_is_the_bundle_read_as_a_whole(place: tuple[Any, ...], value: Any) -> None:
    """The fast way, which leaves alone what nobody asks about, says what the thorough one says."""
    try:
        text = text_of(changed(place, value))
        data = json.loads(text, parse_float=Decimal)
    except (UnicodeEncodeError, ValueError):
        return
    try:
        whole = read_bundle(data, TRIAL.catalogue)
    except InputRefused:
        with pytest.raises(InputRefused):
            read_bundle(text, TRIAL.catalogue)
        return
    apart = read_bundle(text, TRIAL.catalogue)
    assert [each.profile for each in apart.candidates] == [each.profile for each in whole.candidates]
    assert [each.issues for each in apart.candidates] == [each.issues for each in whole.candidates]
    assert apart.entries == whole.entries


def test_the_base_is_understood() -> None:
    found = read_bundle(text_of(BASE), TRIAL.catalogue)
    told = {entry.path: entry.state for entry in found.entries if entry.state not in ("understood", "unmapped")}
    assert told == {}


@pytest.mark.parametrize("text", [b'{"resourceType": "Bundle"', b'{"resourceType": "Bundle", "entry": ' + b"[" * 10_000,
                                  b'{"resourceType": "Bundle", "entry": [{"resource": NaN}]}',
                                  b'{"resourceType": "Bundle", "type": "\xff", "entry": []}'])  # fmt: skip
def test_text_that_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(InputRefused):
        parse(text, TRIAL.catalogue)


def test_a_bundle_of_two_patients_is_two_candidates() -> None:
    other = {**patient(), "id": "p2", "gender": "male"}
    theirs = {**observation(value=900, id="o7"), "subject": {"reference": "Patient/p2"}}
    both = parse(text_of(bundle(patient(), observation(), other, theirs)), TRIAL.catalogue)
    assert [(each.id, len(each.profile.observations)) for each in both] == [("p1", 1), ("p2", 1)]
    report = screen(TRIAL, both[1], on=ON)
    assert "900" in report["I3.1"].headline
