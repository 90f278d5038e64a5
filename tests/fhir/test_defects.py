"""Seeded defects: each is listed with its place, the rest is screened, no status rests on a guess (semantics §9)."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from prescreen import InputRefused, load_candidate, screen, statuses
from prescreen.fhir.bundle import Part
from tests.engine.helper import criteria
from tests.fhir.bundles import (
    LOINC,
    ME,
    RXNORM,
    SNOMED,
    UCUM,
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

ON = date(2026, 6, 1)
TRIAL = criteria(
    {"include_if": {"observation": "ALT", "at_most": "3 ULN", "within": "28 days"}},
    {"include_if": {"observation": "AST", "at_most": "120 U/L", "within": "28 days"}},
    {"include_if": {"condition": "lupus-nephritis"}},
    {"exclude_if": {"treatment": "rituximab", "within": "24 weeks"}},
    {"include_if": {"procedure": "surgery"}},
    {"include_if": {"age": {"at_least": "18 years"}}},
    {"include_if": {"sex": "female"}},
)
NAMES = dict(
    zip(("ALT", "AST", "lupus", "rituximab", "surgery", "age", "sex"), (c.id for c in TRIAL.criteria), strict=True)
)
OLD = observation(value=20, id="old", effectiveDateTime="2026-05-10")
AST = observation("1920-8", 30, id="ast")
SOUND = (patient(), observation(), AST, condition(), statement(), procedure())
"""ALT, AST, the disease and the surgery are met, rituximab is open: nobody says that the list is complete."""


def open_lists(*resources: Any) -> dict[str, str]:
    return told(bundle(*resources))[0]


def told(data: Any) -> tuple[dict[str, str], list[tuple[str, str | None, str]]]:
    """The statuses by name, and the issues; from text and from data, with and without reports, they are the same."""
    candidate = load_candidate(json.loads(text_of(data)) if isinstance(data, dict) else data, catalogue=TRIAL.catalogue)
    report = screen(TRIAL, candidate, on=ON)
    found = statuses(TRIAL, candidate, on=ON)
    assert found == {each.id: each.status for each in report.criteria}
    issues = [(issue.code, issue.path, issue.message) for issue in report.issues]
    return {name: found[number] for name, number in NAMES.items()}, issues


def without(resource: dict[str, Any], *names: str, **more: Any) -> dict[str, Any]:
    return {**{key: value for key, value in resource.items() if key not in names}, **more}


@dataclass(frozen=True)
class Defect:
    """What stands in place of a sound resource, what is said of it and where, and the criteria that it leaves open."""

    name: str
    resources: tuple[Any, ...]
    code: str
    path: str
    undetermined: tuple[str, ...]


def instead(name: str, resource: Any, code: str, path: str, *undetermined: str, place: int = 1) -> Defect:
    resources = [*SOUND[:place], resource, *SOUND[place + 1 :]]
    return Defect(name, tuple(resources), code, f"entry[{place}].{path}".rstrip("."), undetermined)


E1 = "resource"
DEFECTS = (
    # --- observations
    instead("a date that is none", observation(effectiveDateTime="2026-02-30"), "bad-entry",
            f"{E1}.effectiveDateTime", "ALT"),
    instead("two times", observation(effectiveInstant="2026-05-20T08:00:00Z"), "bad-entry", E1, "ALT"),
    instead("a period upside down", without(observation(), "effectiveDateTime",
            effectivePeriod={"start": "2026-05-21", "end": "2026-05-20"}), "bad-entry", f"{E1}.effectivePeriod", "ALT"),
    instead("two values", observation(valueString="40"), "bad-entry", f"{E1}.valueQuantity", "ALT"),
    instead("a value and a reason for none", observation(dataAbsentReason=coded("x:y", "error")), "bad-entry",
            f"{E1}.valueQuantity", "ALT"),
    instead("a number as text", observation(value="40"), "bad-entry", f"{E1}.valueQuantity", "ALT"),
    instead("a quantity without a number", observation(valueQuantity={"unit": "U/L"}), "bad-entry",
            f"{E1}.valueQuantity", "ALT"),
    instead("a negative concentration", observation(value=-4), "bad-entry", E1, "ALT"),
    instead("a comparator that is none", observation(valueQuantity=quantity(40, comparator="~")), "bad-entry",
            f"{E1}.valueQuantity", "ALT"),
    instead("a comparator that is a number", observation(valueQuantity=quantity(40, comparator=4)), "bad-entry",
            f"{E1}.valueQuantity.comparator", "ALT"),
    instead("a unit in words that is not the coded one", observation(
            valueQuantity={"value": 40, "unit": "ukat/L", "system": UCUM, "code": "U/L"}), "bad-entry",
            f"{E1}.valueQuantity", "ALT"),
    instead("a unit of another kind", observation(unit="mg/dL"), "unit-unusable", E1, "ALT"),
    instead("no unit", observation(unit=None), "unit-unusable", E1, "ALT"),
    instead("no status", without(observation(), "status"), "bad-entry", E1, "ALT"),
    instead("a status that is none", observation(status="done"), "bad-entry", E1, "ALT"),
    instead("a status that is a list", observation(status=["final"]), "bad-entry", f"{E1}.status", "ALT"),
    instead("an unknown status", observation(status="unknown"), "bad-entry", E1, "ALT"),
    instead("a preliminary result", observation(status="preliminary"), "provisional-unusable", E1, "ALT"),
    instead("entered in error", observation(status="entered-in-error"), "entered-in-error", E1, "ALT"),
    instead("cancelled", observation(status="cancelled"), "cancelled", E1, "ALT"),
    instead("a value of an unread kind", without(observation(), "valueQuantity", valueTime="10:00:00"), "bad-entry",
            f"{E1}.valueTime", "ALT"),
    instead("a masked value", without(observation(), "valueQuantity", dataAbsentReason=coded("x:y", "masked")),
            "bad-entry", E1, "ALT"),
    instead("a range upside down", observation(referenceRange=[{"low": quantity(50), "high": quantity(40)}]),
            "bad-entry", f"{E1}.referenceRange[0]", "ALT"),
    instead("a range in words only", observation(referenceRange=[{"text": "up to 40"}]), "bad-entry",
            f"{E1}.referenceRange[0]", "ALT"),
    instead("two ranges for anybody", observation(referenceRange=[{"high": quantity(40)}, {"high": quantity(60)}]),
            "not-used", f"{E1}.referenceRange", "ALT"),
    instead("a code in words", observation(code={"text": "ALT"}), "unknown-code", f"{E1}.code", "ALT"),
    instead("a local code with a known display", observation(code=coded("urn:lab", "77", "ALT")),
            "unknown-code", f"{E1}.code", "ALT"),
    instead("an unlisted code by a name of LOINC's", observation(
            code=coded(LOINC, "99999-9", "Alanine aminotransferase [Enzymatic activity/volume] in Urine")),
            "unmapped-code", f"{E1}.code", "ALT"),
    instead("an unlisted code by another name of LOINC's", observation(
            code=coded(LOINC, "99999-9", "Alanine aminotransferase [Enzymatic activity/volume] in Capillary blood")),
            "unknown-code", f"{E1}.code", "ALT"),
    instead("codings of two observations", observation(code={"coding": [
            {"system": LOINC, "code": "1742-6"}, {"system": LOINC, "code": "1920-8"}]}), "conflict", f"{E1}.code",
            "ALT", "AST"),
    instead("no code", without(observation(), "code"), "unknown-code", E1, "ALT", "AST"),
    instead("a code that is a number", observation(code={"coding": [{"system": LOINC, "code": 17426}]}),
            "bad-entry", f"{E1}.code.coding[0].code", "ALT", "AST"),
    instead("a modifier extension", observation(modifierExtension=[{"url": "urn:not"}]), "bad-entry", E1, "ALT"),
    instead("a focus", observation(focus=[{"reference": "Patient/donor"}]), "bad-entry", E1, "ALT"),
    instead("a subject that leads nowhere", observation(subject={"reference": "Patient/p2"}), "bad-entry", E1, "ALT"),
    instead("no subject", without(observation(), "subject"), "bad-entry", E1, "ALT"),
    instead("about a device", observation(subject={"reference": "Device/d1"}), "other-owner", E1, "ALT"),
    instead("an implausible value", observation(value=400_000), "implausible-unusable", E1, "ALT"),
    instead("a value with a control character", without(observation(), "valueQuantity", valueString="4\x07"),
            "bad-entry", E1, "ALT"),
    # --- entries
    instead("a resource that is a list", [], "bad-entry", E1, "ALT"),
    instead("a resource without a type", without(observation(), "resourceType"), "bad-entry", E1, "ALT"),
    instead("no resource", None, "bad-entry", "", "ALT"),
    Defect("the same id with another value", (*SOUND, observation(value=900)), "duplicate-id", "entry[6].resource",
           ("ALT",)),
    Defect("the same resource twice", (*SOUND, observation()), "duplicate-id", "entry[6].resource", ()),
    # --- the patient
    instead("a gender that is none", patient(gender="woman"), "bad-entry", f"{E1}.gender", "sex", place=0),
    instead("a birth date that is none", patient(birthDate="5 July 1984"), "bad-entry", f"{E1}.birthDate", "age",
            place=0),
    instead("a birth date that is a number", patient(birthDate=1984), "bad-entry", f"{E1}.birthDate", "age", place=0),
    Defect("two patients of one id", (*SOUND, patient(gender="male")), "conflict", "entry[6].resource", ("sex",)),
    # --- conditions
    instead("a verification that is none", condition(verificationStatus=verified("maybe")), "bad-entry", E1, "lupus",
            place=3),
    instead("a provisional condition", condition(verificationStatus=verified("provisional")), "", "", "lupus", place=3),
    instead("a condition entered in error", condition(verificationStatus=verified("entered-in-error")),
            "entered-in-error", E1, "lupus", place=3),
    instead("a condition without a code", without(condition(), "code"), "bad-entry", E1, "lupus", place=3),
    instead("a condition in words", condition(code={"text": "lupus of the kidney"}), "unknown-code", E1,
            "lupus", place=3),
    instead("a condition in an unknown system", condition("urn:hospital", "LN"), "unmapped-code", f"{E1}.code", "lupus",
            place=3),
    instead("two onsets", condition(onsetString="long ago"), "bad-entry", E1, place=3),
    instead("an onset after the abatement", condition(abatementDateTime="2020", clinicalStatus=clinical("resolved")),
            "bad-entry", E1, place=3),
    # --- treatments and procedures
    instead("a drug that leads nowhere", without(statement(), "medicationCodeableConcept",
            medicationReference={"reference": "Medication/none"}), "no-reference", f"{E1}.medicationReference",
            "rituximab", place=4),
    instead("a statement without a status", without(statement(), "status"), "bad-entry", E1, "rituximab", place=4),
    instead("a procedure without a status", without(procedure(), "status"), "bad-entry", E1, "surgery", place=5),
    instead("a procedure of an unknown status", procedure(status="unknown"), "bad-entry", E1, "surgery", place=5),
    instead("a procedure in an unknown system", procedure(code=coded("urn:x", "1")), "unmapped-code",
            f"{E1}.code", "surgery", place=5),
)  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS, ids=[defect.name for defect in DEFECTS])
def test_a_defect_is_told_and_leaves_open_what_it_touches(defect: Defect) -> None:
    data = bundle(*defect.resources)
    found, issues = told(data)
    if defect.code:
        assert (defect.code, defect.path) in [(code, path) for code, path, _ in issues], issues
    touched = {"rituximab", *defect.undetermined}
    assert {name for name, status in found.items() if status == "undetermined"} == touched
    assert {status for name, status in found.items() if name not in touched} == {"met"}


def test_there_are_enough_kinds_of_defects() -> None:
    assert len({defect.name for defect in DEFECTS}) == len(DEFECTS) >= 25


def test_without_a_defect_nothing_is_said() -> None:
    found, issues = told(bundle(*SOUND))
    assert issues == []
    assert {name for name, status in found.items() if status != "met"} == {"rituximab"}


DECIDED_BY_OLD = {"entered in error", "cancelled", "about a device", "an unlisted code by a name of LOINC's"}


@pytest.mark.parametrize("defect", [each for each in DEFECTS if "ALT" in each.undetermined], ids=lambda each: each.name)
def test_an_older_result_does_not_stand_in_for_one_that_cannot_be_read(defect: Defect) -> None:
    found, _ = told(bundle(*defect.resources, OLD))
    unread = defect.name not in DECIDED_BY_OLD and not defect.path.endswith("entry[1]")
    unread = unread and defect.name != "a resource that is a list"
    # both results are below the limit, whichever is the latest
    unread = unread and defect.name not in ("a date that is none", "two times", "a period upside down")
    assert found["ALT"] == ("undetermined" if unread else "met")


def test_a_key_that_is_given_twice_is_no_value() -> None:
    text = text_of(bundle(*SOUND)).replace(b'"status": "final", "code"', b'"status": "final", "status": "x", "code"', 1)
    found, issues = told_text(text)
    assert ("bad-entry", "entry[1].resource", "the key `status` is given twice") in issues
    assert found["ALT"] == "undetermined"
    assert found["lupus"] == "met"


def test_a_code_that_is_given_twice_may_be_any() -> None:
    text = text_of(bundle(*SOUND)).replace(b'"code": "1742-6"', b'"code": "1742-6", "code": "2160-0"', 1)
    found, _ = told_text(text)
    assert (found["ALT"], found["AST"], found["lupus"]) == ("undetermined", "undetermined", "met")


@pytest.mark.parametrize(
    "twice",
    [
        (b'"entry": [', b'"entry": [], "entry": ['),
        (b'{"resource": ', b'{"resource": {"resourceType": "Basic"}, "resource": '),
        (b'"entry": [', b'"implicitRules": "urn:x", "implicitRules": null, "entry": ['),
        (b'"entry": [', b'"implicitRules": null, "implicitRules": "urn:x", "entry": ['),
        (b'{"resource": ', b'{"modifierExtension": [{"url": "urn:x"}], "modifierExtension": null, "resource": '),
    ],
)
def test_a_bundle_whose_own_keys_are_given_twice_is_refused(twice: tuple[bytes, bytes]) -> None:
    with pytest.raises(InputRefused, match="given twice"):
        told_text(text_of(bundle(*SOUND)).replace(*twice, 1))


IRREGULAR = {
    "an entry that is null": lambda data: data["entry"].append(None),
    "an entry that is a number": lambda data: data["entry"].insert(0, 5),
    "a resource that is a number": lambda data: data["entry"].append({"resource": 5}),
    "an entry without a resource": lambda data: data["entry"].append({"fullUrl": "urn:uuid:9"}),
    "a fullUrl that is a number": lambda data: data["entry"][2].update(fullUrl=5),
    "an entry that is changed": lambda data: data["entry"][2].update(modifierExtension=[]),
    "a resource without a type": lambda data: data["entry"][2]["resource"].pop("resourceType"),
    "a Bundle in the Bundle": lambda data: data["entry"].append({"resource": bundle(OLD, None)}),
}


@pytest.mark.parametrize("name", IRREGULAR)
def test_a_key_that_is_given_twice_does_not_hide_what_else_is_wrong(name: str) -> None:
    """Everything is as without the key, and the key is told."""
    data = copy.deepcopy(bundle(*SOUND, condition(id="mark")))
    IRREGULAR[name](data)
    sound = text_of(data)
    twice = sound.replace(b'"id": "mark"', b'"id": "mark", "note": 1, "note": 2', 1)
    found, issues = told_text(sound)
    found_twice, issues_twice = told_text(twice)
    assert [each for each in issues_twice if "given twice" not in each[2]] == issues
    assert {code for code, _, message in issues_twice if "given twice" in message} == {"bad-entry"}
    assert found_twice == found


def test_a_key_that_is_given_twice_within_a_bundle_in_the_bundle_is_told() -> None:
    text = text_of(bundle(*SOUND, bundle(condition(id="mark"), OLD), {"note": 3, "valueString": "x", "id": "any"}))
    found, issues = told_text(text.replace(b'"id": "mark"', b'"id": "mark", "note": 1, "note": 2', 1))
    assert ("bad-entry", "entry[6].resource.entry[0].resource", "the key `note` is given twice") in issues
    assert found == told_text(text)[0]
    found, issues = told_text(text.replace(b'"id": "any"', b'"id": "any", "note": 2', 1))
    assert ("bad-entry", "entry[7].resource", "the key `note` is given twice") in issues
    assert found["ALT"] == "undetermined"


TWICE = b'"id": "o1", "note": 1, "note": 2'


@pytest.mark.parametrize(
    "more",
    [
        (b'"resourceType": "Bundle"', b'"resourceType": 5'),
        (b'"resourceType": "Bundle"', b'"resourceType": ["Bundle"]'),
        (b'"type": "collection"', b'"implicitRules": "urn:x"'),
        (b'"type": "collection"', b'"total": NaN'),
        (b'"type": "collection"', b'"type": "\\ud800"'),
        (b'"id": "ast"', b'"id": "ast", "note": -Infinity'),
        (b'"id": "ast"', b'"id": "ast", "note": NaN'),
        (b'"id": "ast"', b'"id": "ast", "note": "\\ud800"'),
        (b'"id": "ast"', b'"id": "ast", "\\udc00": 1'),
    ],
)
def test_what_is_no_bundle_is_refused_also_where_a_key_is_given_twice(more: tuple[bytes, bytes]) -> None:
    text = text_of(bundle(*SOUND)).replace(*more, 1)
    for each in (text, text.replace(b'"id": "o1"', TWICE, 1)):
        with pytest.raises(InputRefused):
            told_text(each)


@pytest.mark.parametrize("wrong", [b"\xed\xa0\x80", b"\xed\xb0\x80", b"\xff", b"\xc3"])
@pytest.mark.parametrize(
    "member", [b'"%s": 1', b'"note": "%s"', b'"note": [{"text": "%s"}]', b'"code": {"text": "%s"}']
)
@pytest.mark.parametrize("more", [b"", b', "y": 1, "y": 2', b', "y": "\\u0041"'])
def test_bytes_that_are_no_text_spoil_their_resource(member: bytes, wrong: bytes, more: bytes) -> None:
    text = text_of(bundle(*SOUND, without(OLD, "code"))).replace(
        b'"id": "old"', b'"id": "old", ' + member % wrong + more
    )
    found, issues = told_text(text)
    assert ("bad-entry", "entry[6].resource", "its JSON cannot be read") in issues
    assert (found["ALT"], found["AST"], found["lupus"]) == ("undetermined", "undetermined", "met")
    with pytest.raises(InputRefused, match="is no UTF-8 text"):  # where the whole must be read
        told_text(text.replace(b'"entry": [', b'"entry": [null, '))


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (b'"note": "\\ud800"', "half of a sign that is written as two"),
        (b'"\\udc00": 1', "half of a sign that is written as two"),
        (b'"note": ' + b"[" * 300 + b"]" * 300, "it is nested too deeply"),
        (b'"note": NaN', "a number that cannot be read"),
        (b'"note": -Infinity', "a number that cannot be read"),
        (b'"\\ud800": 1, "\\ud800": 2', "the key `\ufffd` is given twice"),
    ],
)
def test_what_cannot_be_read_of_a_line_is_told_for_what_it_is(member: bytes, reason: str) -> None:
    part = Part("x", "Observation", None, b'{"resourceType": "Observation", "status": "final", ' + member + b"}")
    assert part.read()["status"] == "final"
    assert part.problem == reason


def told_text(text: bytes) -> tuple[dict[str, str], list[tuple[str, str | None, str]]]:
    from prescreen.intake import parse

    (candidate,) = parse(text, TRIAL.catalogue)
    report = screen(TRIAL, candidate, on=ON)
    found = {each.id: each.status for each in report.criteria}
    issues = [(issue.code, issue.path, issue.message) for issue in report.issues]
    return {name: found[number] for name, number in NAMES.items()}, issues


def test_a_denial_that_cannot_be_read_denies_nothing() -> None:
    complete = {"condition": "lupus-nephritis"}
    trial = criteria({"include_if": complete})
    for more in ({"verificationStatus": verified("refuted")}, {"verificationStatus": verified("odd")}):
        data = bundle(patient(), condition(), condition(id="c2", **more))
        candidate = load_candidate(data, catalogue=trial.catalogue)
        assert statuses(trial, candidate, on=ON) == {"C1": "undetermined"}


def test_contained_resources_are_read() -> None:
    report = {"resourceType": "DiagnosticReport", "id": "d1", "status": "final", "subject": ME,
              "code": coded(LOINC, "24323-8"), "contained": [without(observation(), "subject")]}  # fmt: skip
    found, issues = told(bundle(patient(), report, AST))
    assert (found["ALT"], issues) == ("met", [])
    drug = {"resourceType": "Medication", "id": "d", "code": coded(RXNORM, "121191")}
    given = without(statement(), "medicationCodeableConcept", medicationReference={"reference": "#d"}, contained=[drug])
    trial = criteria({"include_if": {"treatment": "rituximab"}})
    assert statuses(trial, load_candidate(bundle(patient(), given), catalogue=trial.catalogue), on=ON)["C1"] == "met"


@pytest.mark.parametrize("kind", [None, 5, "", {}, {"a": 1}, [], ["Observation"]])
@pytest.mark.parametrize("outer", [patient(), condition(), {"resourceType": "Encounter", "id": "e"}])
def test_what_is_contained_without_a_type_is_skipped(outer: dict[str, Any], kind: object) -> None:
    within = without(observation(id="c", value=900), "resourceType")
    data = bundle(patient(), observation(), {**outer, "contained": [{**within, "resourceType": kind}]})
    untyped = bundle(patient(), observation(), {**outer, "contained": [within]})
    assert told(data) == told_text(text_of(data)) == told(untyped)


def test_an_unknown_type_is_skipped_and_the_rest_read() -> None:
    found, issues = told(bundle(*SOUND, {"resourceType": "Sculpture", "id": "s"}))
    assert issues == []
    assert found["ALT"] == "met"


def test_a_code_of_a_system_that_a_concept_does_not_cover_is_never_absence() -> None:
    trial = criteria({"exclude_if": {"condition": "IgA-nephropathy"}})
    data = bundle(patient(), condition(SNOMED, "44465007"))
    candidate = load_candidate(data, catalogue=trial.catalogue)
    report = screen(trial, candidate, on=ON)
    assert report["C1"].status == "undetermined"
    assert "44465007" in report["C1"].headline
    assert [issue.code for issue in report.issues] == ["unmapped-code"]


def test_what_is_no_bundle_is_refused() -> None:
    for data, words in (
        (observation(), "is a FHIR Observation"),
        ({"resourceType": "Bundle"}, "has no Patient"),
        ({"resourceType": 4}, "is a FHIR resource"),
    ):
        with pytest.raises(InputRefused, match=words):
            load_candidate(data)
