"""What single resources become, resource by resource (docs/fhir.md)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from prescreen.candidate.profile import Profile
from prescreen.catalogue import bundled_catalogue
from prescreen.fhir.read import read_bundle
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


def read(*resources: Any, who: dict[str, Any] | None = None) -> tuple[Profile, list[str]]:
    """The profile, and the codes of the issues."""
    (candidate,) = read_bundle(text_of(bundle(who or patient(), *resources)), bundled_catalogue()).candidates
    return candidate.profile, [issue.code for issue in candidate.issues]


def without(resource: dict[str, Any], *names: str, **more: Any) -> dict[str, Any]:
    return {**{key: value for key, value in resource.items() if key not in names}, **more}


VALUES: list[tuple[dict[str, Any], Any, str | None]] = [
    ({"valueQuantity": quantity(Decimal("1.80"))}, Decimal("1.80"), "U/L"),
    ({"valueQuantity": quantity(20, comparator="<")}, "<20", "U/L"),
    ({"valueQuantity": quantity(20, comparator=">=")}, ">=20", "U/L"),
    ({"valueQuantity": {"value": 5, "unit": "U/L"}}, 5, "U/L"),
    ({"valueQuantity": {"value": 5, "unit": "odd", "system": "urn:other", "code": "77"}}, 5, "odd"),
    ({"valueInteger": 7}, 7, None),
    ({"valueString": "<20"}, "<20", None),
    ({"valueBoolean": True}, "true", None),
    ({"valueRange": {"low": quantity(20), "high": quantity(40)}}, "20-40", "U/L"),
    ({"valueRange": {"low": quantity(20)}}, ">=20", "U/L"),
    ({"valueRange": {"high": quantity(20)}}, "<=20", "U/L"),
    ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 80}}}, "1:80", None),
    ({"valueCodeableConcept": coded(SNOMED, "10828004")}, "positive", None),
    ({"valueCodeableConcept": coded(LOINC, "LA6577-6", "Not reactive")}, "negative", None),
    ({"valueCodeableConcept": coded("urn:x/v3-ObservationInterpretation", "ND")}, "not detected", None),
    ({"valueCodeableConcept": {"text": "Class B"}}, "Class B", None),
]


@pytest.mark.parametrize(("given", "value", "unit"), VALUES, ids=lambda each: str(each)[:40])
def test_values(given: dict[str, Any], value: Any, unit: str | None) -> None:
    resource = without(observation(), "valueQuantity", "referenceRange", **given)
    profile, issues = read(resource)
    (record,) = profile.observations
    assert (record.value, record.unit, issues) == (value, unit, [])
    assert str(record.value) == str(value)  # 1.80 stays as it was written
    assert (record.id, record.source, record.date) == ("o1", "entry[1] Observation", "2026-05-20")


def test_absent_values() -> None:
    plain = without(observation(), "valueQuantity")
    reason = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
    for code, count in (("not-performed", 0), ("not-asked", 0), ("masked", 1), ("unknown", 1)):
        assert len(read({**plain, "dataAbsentReason": coded(reason, code)})[0].observations) == count
    assert read(plain)[0].observations == ()
    assert read({**plain, "interpretation": [coded("x:y", "H")]})[0].observations[0].value == " (not readable)"


def test_components_stand_for_themselves() -> None:
    panel = without(observation(), "valueQuantity", "referenceRange", code=coded(LOINC, "85354-9"), component=[
        {"code": coded(LOINC, "8480-6"), "valueQuantity": quantity(130, "mm[Hg]")},
        {"code": coded(LOINC, "8462-4"), "valueQuantity": {"value": "x"}},
    ])  # fmt: skip
    profile, issues = read(panel)
    assert [(each.id, each.value) for each in profile.observations] == [("o1#0", 130), ("o1#1", " (not readable)")]
    assert issues == ["bad-entry"]


TIMES: list[tuple[dict[str, Any], str | None]] = [
    ({"effectiveDateTime": "2026-05"}, "2026-05"),
    ({"effectiveDateTime": "2026-05-20T08:30:60+02:00"}, "2026-05-20T08:30:59+02:00"),
    ({"effectiveInstant": "2026-05-20T08:30:00.123Z"}, "2026-05-20T08:30:00.123Z"),
    ({"effectivePeriod": {"start": "2026-05-01", "end": "2026-05-02"}}, "2026-05-01/2026-05-02"),
    ({"effectivePeriod": {"end": "2026-05-02"}}, "../2026-05-02"),
    ({"effectivePeriod": {}}, None),
    ({"issued": "2026-05-20T08:30:00Z"}, "../2026-05-20T08:30:00Z"),
    ({}, None),
]


@pytest.mark.parametrize(("given", "date"), TIMES, ids=lambda each: str(each)[:40])
def test_times_of_results(given: dict[str, Any], date: str | None) -> None:
    profile, issues = read(without(observation(), "effectiveDateTime", **given))
    assert (profile.observations[0].date, issues) == (date, [])


def test_reference_ranges_are_for_this_patient() -> None:
    def limits(*ranges: dict[str, Any], who: dict[str, Any] | None = None) -> Any:
        found = read(observation(referenceRange=list(ranges)), who=who)[0].observations[0].reference_range
        return None if found is None else (found.low, found.high, found.unit)

    women, men = ({"coding": [{"code": code}]} for code in ("248152002", "male"))
    of_women, of_men = ({"high": quantity(high), "appliesTo": [who]} for high, who in ((35, women), (50, men)))
    assert limits(of_women, of_men) == (None, 35, None)
    assert limits(of_women, of_men, who=patient(gender="male")) == (None, 50, None)
    assert limits(of_women, of_men, who=patient(gender="unknown")) is None
    assert limits({"low": quantity(1, "ukat/L"), "high": quantity(2, "ukat/L")}) == (1, 2, "ukat/L")
    years = {"low": quantity(18, "a"), "high": quantity(65, "a")}
    assert limits({"high": quantity(40), "age": years}) == (None, 40, None)
    assert limits({"high": quantity(40), "age": {"low": quantity(65, "a")}}) is None
    assert limits({"high": quantity(40), "age": years}, who=without(patient(), "birthDate")) is None
    therapeutic = {"high": quantity(9), "type": coded("x:y", "therapeutic")}
    assert limits(therapeutic, {"high": quantity(40), "type": coded("x:y", "normal")}) == (None, 40, None)
    assert limits({"high": quantity(40), "appliesTo": [{"text": "adults of the Andes"}]}) is None


def test_conditions() -> None:
    def one(**more: Any) -> Any:
        (found,) = read(condition(**more))[0].conditions
        return found

    assert (one().status, one().onset, one().verification) == ("active", "2021", "confirmed")
    for code, status in (("recurrence", "active"), ("inactive", None), ("remission", "remission")):
        assert one(clinicalStatus=clinical(code)).status == status
    for code, certainty in (("differential", "provisional"), ("unconfirmed", "provisional"), ("refuted", "refuted")):
        assert one(verificationStatus=verified(code)).verification == certainty
    assert one(severity=coded(SNOMED, "24484000")).severity == "severe"
    aged = without(condition(), "onsetDateTime", onsetAge=quantity(40, "a"))
    assert read(aged)[0].conditions[0].onset == "2024-07-05/2025-07-04"
    spanned = without(condition(), "onsetDateTime", onsetRange={"low": quantity(1, "a"), "high": quantity(2, "a")})
    assert read(spanned)[0].conditions[0].onset == "1985-07-05/1987-07-04"
    assert read(aged, who=without(patient(), "birthDate"))[0].conditions[0].onset is None
    two = {"coding": [{"system": SNOMED, "code": "44465007"}, {"system": ICD, "code": "M32.14"}]}
    assert [each.code.code for each in read(condition(code=two))[0].conditions] == ["M32.14"]  # type: ignore[union-attr]


def test_procedures() -> None:
    for status, meant in (("completed", "completed"), ("preparation", "planned"), ("not-done", "not-done"),
                          ("in-progress", None), ("stopped", None)):  # fmt: skip
        assert read(procedure(status=status))[0].procedures[0].status == meant
    period = without(procedure(), "performedDateTime", performedPeriod={"start": "2026-01-12", "end": "2026-01-13"})
    assert read(period)[0].procedures[0].date == "2026-01-12/2026-01-13"


def request(**more: Any) -> dict[str, Any]:
    return {"resourceType": "MedicationRequest", "id": "r1", "status": "active", "intent": "order", "subject": ME,
            "medicationCodeableConcept": coded(RXNORM, "121191"), "authoredOn": "2026-05-01", **more}  # fmt: skip


def test_orders_prove_no_intake() -> None:
    def one(**more: Any) -> Any:
        return read(request(**more))[0].treatments[0]

    assert (one().verification, one().status, one().start) == ("provisional", "ongoing", "2026-05-01/..")
    assert one(intent="plan").status == "planned"
    assert one(status="stopped").status == "completed"
    assert read(request(status="cancelled"))[0].treatments == ()
    assert read(request(doNotPerform=True))[1] == ["not-done"]
    dosage = {"route": coded(SNOMED, "47625008"), "doseAndRate": [{"doseQuantity": quantity(Decimal("2.5"), "mg")}],
              "timing": {"repeat": {"frequency": 1, "period": 8, "periodUnit": "h"}}}  # fmt: skip
    dosed = one(dosageInstruction=[dosage])
    assert (dosed.route, dosed.dose.value, dosed.daily_dose.value, dosed.daily_dose.unit) == (
        "intravenous", Decimal("2.5"), Decimal("7.5"), "mg/d",
    )  # fmt: skip
    assert one(dosageInstruction=[{**dosage, "asNeededBoolean": True}]).daily_dose is None
    assert one(dosageInstruction=[dosage, dosage]).dose is None
    assert one(reasonCode=[coded(ICD, "M32.14")]).indication.code == "M32.14"


def test_statements_and_administrations() -> None:
    def one(**more: Any) -> Any:
        return read(statement(**more))[0].treatments[0]

    assert (one().status, one().start, one().end, one().verification) == (
        "completed", "2025-01", "2025-03-10", "confirmed",
    )  # fmt: skip
    moment = without(statement(), "effectivePeriod", effectiveDateTime="2026-05-01")
    times = [read({**moment, "status": status})[0].treatments[0] for status in ("active", "completed", "intended")]
    assert [(each.start, each.end) for each in times] == [
        ("../2026-05-01", None), ("../2026-05-01", "2026-05-01/.."), ("2026-05-01", None),
    ]  # fmt: skip
    # what is not taken now may have been taken before: it is said and denied
    never = without(statement(), "effectivePeriod", status="not-taken", dateAsserted="2026-05-01")
    assert [each.verification for each in read(never)[0].treatments] == ["refuted", "provisional"]
    assert read(statement(status="not-taken"))[1] == ["not-done"]
    given = {**moment, "resourceType": "MedicationAdministration"}
    assert read({**given, "status": "completed"})[0].treatments[0].end == "2026-05-01"
    assert read({**given, "status": "not-done"})[0].treatments == ()
    assert read({**given, "status": "unknown"})[0].treatments[0].verification == "provisional"
    vaccine = {"resourceType": "Immunization", "status": "completed", "patient": ME, "occurrenceDateTime": "2026-01-01",
               "vaccineCode": coded("http://hl7.org/fhir/sid/cvx", "140")}  # fmt: skip
    assert read(vaccine)[0].treatments[0].start == "2026-01-01"
    assert read({**vaccine, "status": "not-done"})[1] == ["not-done"]


def test_allergies() -> None:
    allergy = {"resourceType": "AllergyIntolerance", "patient": ME, "code": coded(SNOMED, "764146007"),
               "reaction": [{"severity": "severe"}]}  # fmt: skip
    (one,) = read(allergy)[0].allergies
    assert (one.severity, one.verification) == ("severe", "confirmed")
    assert read({**allergy, "clinicalStatus": coded("x:y", "resolved")})[0].allergies[0].verification == "provisional"
    none = {**allergy, "code": coded(SNOMED, "716186003", "No known allergy")}
    assert read(none)[0].allergies == ()
    assert read(none)[1] == ["not-used"]


BIRTH_SEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"
USE = "http://hl7.org/fhir/StructureDefinition/patient-sexParameterForClinicalUse"


@pytest.mark.parametrize(
    ("gender", "extensions", "sex"),
    [
        ("female", [], "female"),
        ("other", [], None),
        ("female", [{"url": BIRTH_SEX, "valueCode": "F"}], "female"),
        ("male", [{"url": BIRTH_SEX, "valueCode": "F"}], None),
        ("other", [{"url": BIRTH_SEX, "valueCode": "F"}], None),
        ("unknown", [{"url": BIRTH_SEX, "valueCode": "F"}], "female"),
        ("male", [{"url": USE, "valueCodeableConcept": coded("x:y", "female-typical")}], "female"),
        ("male", [{"url": USE, "valueCodeableConcept": coded("x:y", "specified")}], None),
        (None, [{"url": BIRTH_SEX, "valueCode": "M"}], "male"),
    ],
)
def test_sex_for_clinical_use(gender: str | None, extensions: list[Any], sex: str | None) -> None:
    who = without(patient(extension=extensions), "gender")
    assert read(who=who if gender is None else {**who, "gender": gender})[0].sex == sex


def test_people() -> None:
    named = without(patient(), "id", identifier=[{"value": "MRN-7"}])
    assert read(who=named)[0].id == "MRN-7"
    assert read(who=without(patient(), "id"))[0].id == "entry[0]"
    assert read(who=patient(deceasedBoolean=True))[1] == ["deceased"]
    unnamed = bundle(observation())
    (candidate,) = read_bundle(text_of(unnamed), bundled_catalogue()).candidates
    assert (candidate.id, [issue.code for issue in candidate.issues]) == ("p1", ["no-patient"])
    by_url = bundle()
    by_url["entry"] = [{"fullUrl": "urn:uuid:7", "resource": without(patient(), "id")},
                       {"resource": {**observation(), "subject": {"reference": "urn:uuid:7"}}}]  # fmt: skip
    (candidate,) = read_bundle(text_of(by_url), bundled_catalogue()).candidates
    assert (candidate.id, len(candidate.profile.observations), candidate.issues) == ("7", 1, ())


def test_answers_and_consents() -> None:
    def response(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "resourceType": "QuestionnaireResponse",
            "status": "completed",
            "subject": ME,
            "item": list(items),
            **more,
        }

    yes, text, code = {"valueBoolean": True}, {"valueString": "early"}, {"valueCoding": {"code": "late"}}
    nested = {"linkId": "1", "item": [{"linkId": "fit", "answer": [yes]}]}
    by_definition = {"linkId": "1.2", "definition": "http://x/q#stage", "answer": [code]}
    profile, issues = read(response(nested, by_definition, {"linkId": "T1:carer", "answer": [text]}))
    assert profile.answers == {"fit": True, "stage": "late", "T1:carer": "early"}
    assert issues == []
    assert read(response({"linkId": "7", "answer": [yes]}))[1] == ["unmapped-code"]
    once = {"linkId": "fit", "answer": [yes]}
    assert read(response(once, questionnaire="http://x/NCT07535138"))[0].answers == {"NCT07535138:fit": True}
    assert read(response(once, status="in-progress"))[0].answers == {"fit": "not readable"}
    no = {"linkId": "fit", "answer": [{"valueBoolean": False}]}
    assert read(response(once), response(no))[0].answers == {"fit": "not readable"}
    assert read(response(once, status="entered-in-error"))[0].answers == {}
    consent = {"resourceType": "Consent", "status": "active", "patient": ME, "policy": [{"uri": "x/NCT07535138"}]}
    assert read(consent)[0].answers == {"NCT07535138:informed-consent": True}
    assert read({**consent, "status": "rejected"})[0].answers == {"NCT07535138:informed-consent": False}
    assert read({**consent, "status": "draft"})[0].answers == {"NCT07535138:informed-consent": "not readable"}
    assert read(without(consent, "policy"))[0].answers == {}
