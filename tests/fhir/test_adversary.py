"""Bundles that try to get an answer which does not follow: statuses are held to what semantics §3, §4, §9 allow."""

from __future__ import annotations

import json
from typing import Any

import pytest

from prescreen import InputRefused, load_candidate, load_trial, statuses
from prescreen.catalogue import bundled_catalogue
from prescreen.fhir.read import read_bundle
from prescreen.intake import parse
from tests.engine.helper import criteria
from tests.fhir.bundles import (
    ICD,
    LOINC,
    ME,
    RXNORM,
    SNOMED,
    bundle,
    clinical,
    coded,
    condition,
    observation,
    patient,
    procedure,
    quantity,
    statement,
    text_of,
    verified,
)
from tests.fhir.test_defects import OLD, ON, SOUND, TRIAL, told, without

URL = "https://a.example/fhir/Patient/p1"
RANGED = observation(value=100)
"""ALT of 100 U/L, which is at most 3 ULN where the ULN is 40."""


def alt(**more: Any) -> str:
    """The status of "ALT at most 3 ULN", with an older result that is well below it beside the one that is changed."""
    return told(bundle(patient(), observation(**more), OLD))[0]["ALT"]


def disease(*conditions: Any) -> str:
    return told(bundle(patient(), *conditions))[0]["lupus"]


# --- whose it is -----------------------------------------------------------------------------------------------------


def entries(*pairs: tuple[str | None, dict[str, Any]]) -> dict[str, Any]:
    found = [{"resource": each} if url is None else {"fullUrl": url, "resource": each} for url, each in pairs]
    return {"resourceType": "Bundle", "type": "searchset", "entry": found}


@pytest.mark.parametrize(
    ("reference", "is_theirs"),
    [
        ("Patient/p1", True),
        (URL, True),
        (f"{URL}/_history/3", True),
        ("Patient/p1/_history/3", True),
        ("https://b.example/fhir/Patient/p1", False),
        ("urn:uuid:p1", False),
        ("Patient?identifier=urn:x|1", False),
        ("#p1", False),
    ],
)
def test_a_reference_leads_to_the_patient_of_its_own_server(reference: str, is_theirs: bool) -> None:
    data = entries((URL, patient()), (None, observation(subject={"reference": reference})), (None, OLD))
    assert told(data)[0]["ALT"] == ("met" if is_theirs else "undetermined")


def test_without_an_address_of_its_own_a_patient_is_known_by_id() -> None:
    data = entries(("urn:uuid:p1", patient()), (None, observation(subject={"reference": URL})))
    assert told(data)[0]["ALT"] == "met"


def test_two_patients_of_one_address_are_neither() -> None:
    data = entries(("urn:uuid:1", patient()), ("urn:uuid:1", {**patient(), "id": "p2"}),
                   (None, observation(subject={"reference": "urn:uuid:1"})))  # fmt: skip
    both = parse(text_of(data), TRIAL.catalogue)
    assert [statuses(TRIAL, each, on=ON)[TRIAL.criteria[0].id] for each in both] == ["undetermined"] * 2


@pytest.mark.parametrize("subject", [{"reference": "Group/g1"}, {"reference": "Location/l1"}])
def test_what_is_of_a_group_or_place_is_nobody_s(subject: dict[str, Any]) -> None:
    found, issues = told(bundle(patient(), observation(value=900, subject=subject), OLD))
    assert found["ALT"] == "met"
    assert [code for code, _, _ in issues] == ["other-owner"]


def test_two_medications_of_one_address_are_neither() -> None:
    trial = criteria({"include_if": {"treatment": "rituximab"}})
    drug = {"resourceType": "Medication", "code": coded(RXNORM, "121191")}
    given = without(statement(), "medicationCodeableConcept", medicationReference={"reference": "urn:uuid:d"})
    for other, expected in ((None, "met"), ("8640", "undetermined")):
        drugs = [("urn:uuid:d", {**drug, "id": "d1"})]
        if other:
            drugs.append(("urn:uuid:d", {**drug, "id": "d2", "code": coded(RXNORM, other)}))
        data = entries((None, patient()), *drugs, (None, given))
        assert statuses(trial, load_candidate(data, catalogue=trial.catalogue), on=ON) == {"C1": expected}


# --- what changes the meaning ----------------------------------------------------------------------------------------

CHANGED: dict[str, Any] = {"modifierExtension": [{"url": "urn:not"}]}


@pytest.mark.parametrize(
    "resource",
    [
        observation(**CHANGED),
        observation(implicitRules="urn:rules"),
        observation(referenceRange=[{"high": quantity(40), **CHANGED}]),
        without(observation(), "valueQuantity", component=[
            {"code": coded(LOINC, "1742-6"), "valueQuantity": quantity(10), **CHANGED}]),
    ],
)  # fmt: skip
def test_a_modifier_extension_counts_at_any_depth(resource: dict[str, Any]) -> None:
    found, issues = told(bundle(patient(), resource, OLD))
    assert found["ALT"] == "undetermined"
    assert "bad-entry" in [code for code, _, _ in issues]


def test_a_modifier_extension_of_the_patient_or_of_an_entry_counts() -> None:
    found, issues = told(bundle(patient(**CHANGED), *SOUND[1:]))
    assert (found["age"], found["sex"], found["ALT"]) == ("undetermined", "undetermined", "met")
    assert issues[0][:2] == ("bad-entry", "entry[0].resource")
    data = bundle(*SOUND)
    data["entry"][3] |= CHANGED
    found, _ = told(data)
    assert (found["lupus"], found["ALT"]) == ("undetermined", "met")


def test_a_key_in_escapes_is_the_same_key() -> None:
    text = text_of(bundle(patient(), observation(**CHANGED), OLD)).replace(b"modifierE", b"modifier\\u0045")
    (candidate,) = parse(text, TRIAL.catalogue)
    assert statuses(TRIAL, candidate, on=ON)[TRIAL.criteria[0].id] == "undetermined"


def test_a_bundle_of_rules_of_its_own_is_refused() -> None:
    with pytest.raises(InputRefused, match="implicitRules"):
        parse(text_of(bundle(*SOUND, implicitRules="urn:rules")), TRIAL.catalogue)


@pytest.mark.parametrize(("status", "expected"), [("final", "met"), ("entered-in-error", "undetermined"),
                                                  ("cancelled", "undetermined")])  # fmt: skip
def test_what_is_within_a_report_in_error_is_in_error(status: str, expected: str) -> None:
    report = {"resourceType": "DiagnosticReport", "status": status, "subject": ME,
              "contained": [without(observation(), "subject")]}  # fmt: skip
    found, issues = told(bundle(patient(), report))
    assert found["ALT"] == expected
    assert [code for code, _, _ in issues] == ([] if status == "final" else [status])


# --- results ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"status": "amended"}, "met"),
        ({"status": "corrected"}, "met"),
        ({"status": "registered"}, "undetermined"),
        ({"status": "Final"}, "undetermined"),
        ({"valueQuantity": quantity(100, comparator=">")}, "undetermined"),
        ({"valueQuantity": quantity(121, comparator=">")}, "failed"),
        ({"valueQuantity": quantity(120, comparator="<=")}, "met"),
        ({"valueQuantity": quantity(4, comparator="ad")}, "undetermined"),
        ({"referenceRange": [{"high": quantity(40), "type": coded("x:y", "therapeutic")}]}, "undetermined"),
        ({"referenceRange": [{"high": quantity(40), "type": {"text": "therapeutic"}}]}, "undetermined"),
        ({"referenceRange": [{"high": quantity(40), "type": coded("x:y", "normal")}]}, "met"),
        ({"referenceRange": [{"high": quantity(40), "appliesTo": [{"text": "women"}]}]}, "undetermined"),
        ({"referenceRange": [{"high": quantity(40), "appliesTo": [coded(SNOMED, "248152002")]},
                             {"high": quantity(60), "appliesTo": [coded(SNOMED, "248153007")]}]}, "met"),
        ({"referenceRange": [{"high": quantity(40), "age": {"low": quantity(41, "a")}}]}, "met"),
        ({"referenceRange": [{"high": quantity(40), "age": {"low": quantity(42, "a")}}]}, "undetermined"),
        ({"referenceRange": [{"text": "<= 40"}]}, "met"),
        ({"referenceRange": [{"text": "5 - 40 U/L"}]}, "met"),
        ({"referenceRange": [{"text": "<40"}]}, "met"),
        ({"referenceRange": [{"text": "> 5"}]}, "undetermined"),
        ({"referenceRange": [{"text": "5-40 mg/dL"}]}, "undetermined"),
        ({"referenceRange": [{"text": "F: 5-40"}]}, "undetermined"),
        ({"referenceRange": [{"text": "3,5-40"}]}, "undetermined"),
        ({"referenceRange": [{"text": "40"}]}, "undetermined"),
        ({"effectiveDateTime": "2026-05", "value": 900}, "undetermined"),
        ({"effectiveDateTime": "2026-06-02", "value": 900}, "met"),
        ({"effectiveDateTime": "2026-06-01T23:30:00-05:00", "value": 900}, "failed"),
    ],
)  # fmt: skip
def test_results(more: dict[str, Any], expected: str) -> None:
    assert alt(**{"value": 100, **more}) == expected


def test_a_value_that_is_only_said_to_be_missing_is_a_result() -> None:
    hidden = without(observation(), "valueQuantity", _valueString={"extension": [{"url": "urn:masked"}]})
    assert told(bundle(patient(), hidden, OLD))[0]["ALT"] == "undetermined"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (coded("urn:lab", "77", "SGPT serum"), "undetermined"),
        (coded("urn:lab", "77", "Leber: ALT (GPT)"), "undetermined"),
        ({"coding": [{"system": "urn:lab", "code": "77"}]}, "undetermined"),
        (coded("urn:lab", "77", "Urine colour"), "met"),
        (coded(LOINC, "99999-9", "ALT panel"), "met"),
    ],
)
def test_a_result_in_a_system_of_its_own_may_be_what_its_words_say(code: Any, expected: str) -> None:
    found, issues = told(bundle(patient(), observation(value=900, code=code), OLD))
    assert found["ALT"] == expected
    assert {code for code, _, _ in issues} <= {"unknown-code", "unmapped-code", "value-unusable"}
    assert issues


@pytest.mark.parametrize(("text", "expected"), [("Negative", "met"), ("Positive", "undetermined"),
                                                ("see comment", "met")])  # fmt: skip
def test_words_that_contradict_a_coded_result_are_told(text: str, expected: str) -> None:
    trial = criteria({"include_if": {"observation": "HBsAg", "is": "negative"}})
    result = without(observation("5195-3"), "valueQuantity", "referenceRange",
                     valueCodeableConcept={**coded(SNOMED, "260385009"), "text": text})  # fmt: skip
    candidate = load_candidate(bundle(patient(), result), catalogue=trial.catalogue)
    assert statuses(trial, candidate, on=ON) == {"C1": expected}


# --- conditions, treatments, procedures ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([condition()], "met"),
        ([condition(clinicalStatus=clinical("inactive"))], "met"),  # "ever" was asked
        ([condition(verificationStatus=verified("differential"))], "undetermined"),
        ([condition(verificationStatus={"text": "refuted"})], "undetermined"),
        (
            [
                condition(
                    verificationStatus={
                        "coding": [*coded(SNOMED, "410605003")["coding"], *verified("confirmed")["coding"]]
                    }
                )
            ],
            "met",
        ),
        (
            [
                condition(
                    verificationStatus={"coding": [*verified("confirmed")["coding"], *verified("refuted")["coding"]]}
                )
            ],
            "undetermined",
        ),
        (
            [condition(code={"coding": [*coded(ICD, "M32.14")["coding"], *coded(ICD, "E11.9")["coding"]]})],
            "undetermined",
        ),
        ([condition(code={"coding": [*coded(ICD, "M32.14")["coding"], *coded(ICD, "M32.10")["coding"]]})], "met"),
        ([condition(code={"coding": [*coded(ICD, "M32.14")["coding"], *coded("urn:x", "1")["coding"]]})], "met"),
        ([condition(), condition(id="c2", verificationStatus=verified("entered-in-error"))], "met"),
        ([condition(SNOMED, "160245001")], "undetermined"),
    ],
)
def test_conditions(conditions: list[Any], expected: str) -> None:
    assert disease(*conditions) == expected


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (statement(), "met"),
        (statement(status="not-taken"), "undetermined"),
        (without(statement(), "effectivePeriod", status="not-taken"), "undetermined"),
        (statement(status="entered-in-error"), "undetermined"),
        (statement(medicationReference={"reference": "Medication/d"}), "undetermined"),
    ],
)
def test_treatments(resource: dict[str, Any], expected: str) -> None:
    trial = criteria({"include_if": {"treatment": "rituximab"}})
    data = bundle(patient(), resource, {"resourceType": "Medication", "id": "d", "code": coded(RXNORM, "8640")})
    assert statuses(trial, load_candidate(data, catalogue=trial.catalogue), on=ON) == {"C1": expected}


def test_what_was_not_done_or_taken_at_no_said_time_is_not_ruled_out() -> None:
    trial = criteria({"exclude_if": {"treatment": "rituximab"}}, {"exclude_if": {"procedure": "appendectomy"}})
    not_taken = without(statement(status="not-taken"), "effectivePeriod", dateAsserted="2026-05-30")
    not_done = without(procedure(status="not-done"), "performedDateTime")
    data = bundle(patient(), not_taken, not_done)
    found = statuses(trial, load_candidate(data, catalogue=trial.catalogue), on=ON)
    assert set(found.values()) == {"undetermined"}


def test_a_statement_of_one_day_does_not_end_on_that_day() -> None:
    trial = criteria({"exclude_if": {"treatment": "rituximab", "within": "24 weeks"}})
    then = without(statement(), "effectivePeriod", effectiveDateTime="2025-06-01")
    assert statuses(trial, load_candidate(bundle(patient(), then), catalogue=trial.catalogue), on=ON) == {
        "C1": "undetermined"
    }


@pytest.mark.parametrize("more", [{"dayOfWeek": ["mon"]}, {"when": ["MORN", "NIGHT"]}, {"timeOfDay": ["08:00:00"]},
                                  {"count": 3}, {"periodMax": 2}, {}])  # fmt: skip
def test_a_daily_dose_needs_every_day(more: dict[str, Any]) -> None:
    repeat = {"frequency": 2, "period": 1, "periodUnit": "d", **more}
    dosage = {"timing": {"repeat": repeat}, "doseAndRate": [{"doseQuantity": quantity(10, "mg")}]}
    (candidate,) = read_bundle(text_of(bundle(patient(), statement(dosage=[dosage]))), bundled_catalogue()).candidates
    daily = candidate.profile.treatments[0].daily_dose
    assert (None if daily is None else daily.value) == (None if more else 20)


@pytest.mark.parametrize(
    ("more", "answer"),
    [
        ({}, True),
        ({"scope": coded("x:y", "research")}, True),
        ({"scope": coded("x:y", "patient-privacy")}, None),
        ({"status": "inactive"}, "not readable"),
        ({"status": "rejected"}, False),
        ({"provision": {"type": "deny"}}, False),
        ({"provision": {"type": "permit"}}, True),
        ({"provision": {"period": {"end": "2025-01-01"}}}, "not readable"),
        ({"provision": {"type": "permit", "provision": [{"type": "deny"}]}}, "not readable"),
    ],
)
def test_consents(more: dict[str, Any], answer: object) -> None:
    consent = {"resourceType": "Consent", "status": "active", "patient": ME, "identifier": [{"value": "NCT07535138"}]}
    (candidate,) = parse(text_of(bundle(patient(), {**consent, **more})), TRIAL.catalogue)
    assert candidate.profile.answers.get("NCT07535138:informed-consent") == answer


# --- bundles ---------------------------------------------------------------------------------------------------------


def test_the_order_of_keys_does_not_matter() -> None:
    data = bundle(*SOUND)
    (candidate,) = parse(json.dumps(json.loads(text_of(data)), sort_keys=True).encode(), TRIAL.catalogue)
    (other,) = parse(text_of(data), TRIAL.catalogue)
    assert candidate.profile == other.profile


def test_outcomes_and_what_is_included_are_entries_as_others() -> None:
    data = bundle(
        *SOUND, {"resourceType": "OperationOutcome", "issue": []}, {"resourceType": "Practitioner", "id": "d"}
    )
    data["entry"][6]["search"] = {"mode": "outcome"}
    data["entry"][7]["search"] = {"mode": "include"}
    read = read_bundle(text_of(data), TRIAL.catalogue)
    assert [entry.state for entry in read.entries] == ["understood"] * 6 + ["skipped"] * 2
    assert told(data)[0] == told(bundle(*SOUND))[0]


def test_a_resource_without_a_type_may_be_the_latest_result() -> None:
    found, _ = told(bundle(patient(), without(observation(value=900), "resourceType"), OLD))
    assert found["ALT"] == "undetermined"


@pytest.mark.parametrize("number", ["1e400", "1" * 5_000, "-1e-400"])
def test_huge_numbers_decide_nothing(number: str) -> None:
    text = text_of(bundle(patient(), observation(value=41414141), OLD)).replace(b"41414141", number.encode())
    try:
        (candidate,) = parse(text, TRIAL.catalogue)
    except InputRefused:
        return
    assert statuses(TRIAL, candidate, on=ON)[TRIAL.criteria[0].id] == "undetermined"


def test_a_trial_s_own_registry_number_is_all_a_consent_speaks_of() -> None:
    consent = {"resourceType": "Consent", "status": "active", "patient": ME, "identifier": [{"value": "NCT05687279"}]}
    (candidate,) = parse(text_of(bundle(patient(), consent)), load_trial("NCT07535138").catalogue)
    assert list(candidate.profile.answers) == ["NCT05687279:informed-consent"]
