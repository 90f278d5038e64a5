"""Differences between conditions: what is said of each, and which way it goes."""

from __future__ import annotations

import pytest

from prescreen.amendment import compare

from .rules import one

PREDNISONE = "treatment: prednisone"
SURGERY = "procedure: major-surgery"
THREE = "[{answer: a}, {answer: b}, {answer: c}]"

# kind, old, new, then what is said and its direction
TOLD = [
    ("include", "{age: {at_least: 18 years}}", "{age: {at_least: 16 years}}",
     "age: minimum age lowered from 18 years to 16 years", "looser"),
    ("include", "{age: {at_least: 2 years}}", "{age: {at_least: 2 years, below: 12 years}}",
     "age: now with a maximum age of below 12 years", "stricter"),
    ("include", "{age: {at_least: 18 years}}", "{age: {at_least: 18 years}, on: first_dose}",
     "age: counted at first dose instead of at screening", "unclear"),
    ("include", "{age: {at_least: 24 months}}", "{age: {at_least: 2 years}}",
     "age: minimum age written as 2 years instead of 24 months: the same age", "none"),
    ("include", "{sex: female}", "{sex: male}", "sex: male instead of female", "unclear"),
    ("exclude", "{observation: ALT, above: 3 ULN}", "{observation: ALT, above: 5 ULN}",
     "ALT: limit raised from 3 × ULN to 5 × ULN", "looser"),
    ("include", "{not: {observation: ALT, above: 3 ULN}}", "{not: {observation: ALT, above: 5 ULN}}",
     "ALT: limit raised from 3 × ULN to 5 × ULN", "looser"),
    ("include", "{observation: ALT, at_most: 3 ULN}", "{observation: ALT, at_most: 120 U/L}",
     "ALT: limit changed from 3 × ULN to 120 U/L", "unclear"),
    ("exclude", "{observation: potassium, at_least: 5.5 mmol/L}", "{observation: potassium, above: 5.5 mmol/L}",
     "potassium: exactly 5.5 mmol/L no longer counts (`at_least` became `above`)", "looser"),
    ("include", "{observation: potassium, below: 5 mmol/L}", "{observation: potassium, at_most: 5.5 mmol/L}",
     "potassium: limit raised from below 5 mmol/L to at most 5.5 mmol/L", "looser"),
    ("include", "{observation: potassium, at_most: 5 mmol/L}",
     "{observation: potassium, at_most: 5 mmol/L, at_least: 3 mmol/L}",
     "potassium: now also at least 3 mmol/L", "stricter"),
    ("include", "{observation: creatinine, at_most: 1.5 mg/dL}", "{observation: creatinine, at_most: 133 umol/L}",
     "serum creatinine: limit raised from 1.5 mg/dL to 133 umol/L", "looser"),
    ("include", "{observation: creatinine, at_most: [1.5 mg/dL, 133 umol/L]}",
     "{observation: creatinine, at_most: [2 mg/dL, 120 umol/L]}",
     "serum creatinine: limit changed from 1.5 mg/dL (133 umol/L) to 2 mg/dL (120 umol/L)", "unclear"),
    ("include", "{observation: HBsAg, is: negative}", "{observation: HBsAg, one_of: [negative, positive]}",
     "HBsAg: now also positive", "looser"),
    ("exclude", "{observation: HBV-DNA, detected: true}", "{observation: HBV-DNA, above: 1 LLOD}", None, "both"),
    ("include", "{observation: ALT, at_most: 3 ULN, within: 28 days}",
     "{observation: ALT, at_most: 3 ULN, within: 14 days}",
     "ALT: window shortened from 28 days to 14 days before screening: other results settle nothing", "unclear"),
    ("include", "{observation: ALT, at_most: 3 ULN}", "{observation: ALT, at_most: 3 ULN, select: any}",
     "ALT: now by any result instead of by the latest result", "looser"),
    ("include", "{observation: ALT, at_most: 3 ULN}", "{observation: ALT, at_most: 3 ULN, select: highest}",
     "ALT: now by the highest result instead of by the latest result", "unclear"),
    ("include", "{observation: ALT, at_most: 3 ULN, select: {consecutive: 2}}",
     "{observation: ALT, at_most: 3 ULN, select: {consecutive: 3}}",
     "ALT: now by 3 consecutive results instead of by 2 consecutive results", "stricter"),
    ("include", "{observation: UPCR, fall: {at_least: 50 %, from: first}}",
     "{observation: UPCR, fall: {at_least: 30 %, from: first}}",
     "UPCR: limit of the fall lowered from 50 % to 30 %", "looser"),
    ("include", "{observation: haemoglobin, at_least: 9 g/dL}",
     "{observation: haemoglobin, at_least: 9 g/dL, without: {procedure: transfusion, within: 1 month}}",
     "haemoglobin: results after blood product transfusion within 1 month before screening no longer count", "unclear"),
    ("exclude", f"{{{SURGERY}, within: 4 weeks}}", f"{{{SURGERY}, within: 3 months}}",
     "major surgery: window lengthened from 4 weeks to 3 months before screening", "stricter"),
    ("exclude", f"{{{SURGERY}, within: 4 weeks}}", f"{{{SURGERY}}}",
     "major surgery: window widened from “within 4 weeks before screening” to “at any time”", "stricter"),
    ("exclude", f"{{{SURGERY}, within: 4 weeks}}", f"{{{SURGERY}, within: 28 days}}",
     "written otherwise, with the same meaning", "none"),
    ("exclude", f"{{{SURGERY}, within: 4 weeks}}", f"{{{SURGERY}, within: 4 weeks before first_dose}}",
     "major surgery: window changed from “within 4 weeks before screening” to “within 4 weeks before first dose”",
     "unclear"),
    ("exclude", "{condition: heart-failure, status: active}", "{condition: heart-failure}",
     "heart failure: status: now also remission or resolved", "stricter"),
    ("exclude", "{condition: malignancy}", "{condition: malignancy, except: [basal-cell-carcinoma]}",
     "malignancy: exception added: basal cell carcinoma of the skin", "looser"),
    ("exclude", "{condition: heart-failure, severity: severe}", "{condition: heart-failure}",
     "heart failure: severity: no longer only severe", "stricter"),
    ("exclude", "{condition: heart-failure}", "{condition: heart-failure, verification: [confirmed, provisional]}",
     "heart failure: certainty: now also provisional", "stricter"),
    ("include", f"{{{PREDNISONE}, stable_for: 4 weeks}}", f"{{{PREDNISONE}, stable_for: 8 weeks}}",
     "prednisone: must be stable for 8 weeks instead of 4 weeks", "stricter"),
    ("include", f"{{{PREDNISONE}, for_at_least: 4 weeks}}", f"{{{PREDNISONE}, for_at_least: 8 weeks}}",
     "prednisone: must last at least 8 weeks instead of 4 weeks", "stricter"),
    ("include", f"{{{PREDNISONE}, daily_dose: {{at_most: 10 mg/day}}}}",
     f"{{{PREDNISONE}, daily_dose: {{at_most: 7.5 mg/day}}}}",
     "prednisone: limit of the daily dose lowered from 10 mg/day to 7.5 mg/day", "stricter"),
    ("exclude", f"{{{PREDNISONE}, within: 3 months, duration: {{above: 14 days}}}}",
     f"{{{PREDNISONE}, within: 3 months, duration: {{above: 28 days}}}}",
     "prednisone: duration above 28 days instead of 14 days", "looser"),
    ("include", "{treatment: immunosuppressant, lines: {at_least: 2}}",
     "{treatment: immunosuppressant, lines: {at_least: 1}}",
     "immunosuppressant: number of lines lowered from 2 to 1", "looser"),
    ("exclude", "{treatment: [rituximab, belimumab], count: {at_most: 1}}",
     "{treatment: [rituximab, belimumab, anifrolumab], count: {at_most: 1}}",
     "rituximab or belimumab: now also counts: anifrolumab", "looser"),
    ("include", "{answer: a}", "{not: {answer: a}}", "turned into the contrary: “A?” answered no", "unclear"),
    ("include", "{answer: a}", "{answer: a, equals: false}",
     "question a: must be answered no instead of yes", "unclear"),
    ("include", "{answer: a}", "{answer: b}", "now “B?” answered yes instead of “A?” answered yes", "unclear"),
    ("include", "{answer: a}", "{all: [{answer: a}, {answer: b}]}", "now also needed: “B?” answered yes", "stricter"),
    ("include", "{answer: a}", "{any: [{answer: a}, {answer: b}]}", "now also counts: “B?” answered yes", "looser"),
    ("exclude", "{any: [{answer: a}, {answer: b}]}", "{answer: a}", "no longer counts: “B?” answered yes", "looser"),
    ("include", f"{{at_least_of: {{count: 1, of: {THREE}}}}}", f"{{at_least_of: {{count: 2, of: {THREE}}}}}",
     "`at least 1 of 3` became `at least 2 of 3`: “A?” answered yes, “B?” answered yes and “C?” answered yes",
     "stricter"),
    ("include", f"{{any: {THREE}}}", f"{{at_least_of: {{count: 1, of: {THREE}}}}}",
     "written otherwise, with the same meaning", "none"),
    ("include", "{not: {any: [{answer: a}, {answer: b}]}}", "{all: [{not: {answer: b}}, {not: {answer: a}}]}",
     "written otherwise, with the same meaning", "none"),
    ("include", "{answer: a, unless: {answer: b}}", "{any: [{answer: b}, {answer: a}]}",
     "written otherwise, with the same meaning", "none"),
    ("exclude", "{answer: a, unless: {answer: b}}", "{answer: a}", "exception removed: “B?” answered yes", "stricter"),
    ("include", "{answer: a}", "{if: {sex: female}, then: {answer: a}}", "now asked only where female", "looser"),
    ("include", "{if: {sex: female}, then: {answer: a}}", "{if: {sex: female}, then: {answer: a}, else: {answer: b}}",
     "now also asked of the others: “B?” answered yes", "stricter"),
    ("include", "{if: {sex: female}, then: {observation: haemoglobin, at_least: 8 g/dL}, else: {answer: a}}",
     "{if: {sex: female}, then: {observation: haemoglobin, at_least: 9 g/dL}, else: {answer: a}}",
     "haemoglobin: limit raised from 8 g/dL to 9 g/dL (where female)", "stricter"),
    ("include", "{if: {age: {at_least: 65 years}}, then: {answer: a}}",
     "{if: {age: {at_least: 70 years}}, then: {answer: a}}",
     "age: minimum age raised from 65 years to 70 years (in who belongs to the subgroup)", "unclear"),
    ("exclude", "{answer: a, unless: {answer: b}}", "{answer: a, unless: {any: [{answer: b}, {answer: c}]}}",
     "now also counts: “C?” answered yes", "looser"),
    ("include", "{any: [{answer: a}, {answer: b}]}", f"{{all: {THREE}}}", None, "stricter"),
    ("include", f"{{any: {THREE}}}", "{all: [{answer: a}, {answer: b}]}", None, "stricter"),
    ("include", "{not: {observation: ALT, at_least: 3 ULN}}", "{observation: ALT, below: 3 ULN}",
     "written otherwise, with the same meaning", "none"),
    ("include", "{not: {observation: ALT, at_least: 3 ULN}}", "{observation: ALT, at_most: 3 ULN}",
     "ALT: exactly 3 × ULN now counts (`below` became `at_most`)", "looser"),
    ("include", "{not: {observation: ALT, above: 3 ULN, select: any}}", "{observation: ALT, at_most: 3 ULN}",
     None, "unclear"),
    ("include", "{not: {observation: ALT, at_least: 3 ULN, below: 5 ULN}}", "{observation: ALT, at_most: 3 ULN}",
     "now ALT at most 3 × ULN instead of not: ALT at least 3 × ULN and below 5 × ULN", "unclear"),
    ("exclude", "{treatment: [rituximab, belimumab], stable_for: 4 weeks}",
     "{treatment: [rituximab, belimumab, anifrolumab], stable_for: 4 weeks}",
     "rituximab or belimumab: now also counts: anifrolumab", "unclear"),
    ("exclude", "{allergy: albumin}", "{allergy: [albumin, semaglutide]}", None, "stricter"),
    ("include", "{all: [{answer: a}, {all: [{answer: b}, {sex: female}]}]}",
     "{all: [{sex: female}, {answer: b}, {answer: a}]}", "written otherwise, with the same meaning", "none"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "old", "new", "words", "direction"), TOLD, ids=range(len(TOLD)))
def test_what_is_said(kind: str, old: str, new: str, words: str | None, direction: str) -> None:
    found = compare(one(old, f"{kind}_if"), one(new, f"{kind}_if"))
    (change,) = found.criteria
    assert change.direction == direction
    if words is not None:
        assert [each.words for each in change.differences] == [words]
    assert found.same_meaning == (direction == "none")


def test_there_and_back_again() -> None:
    turned = {"looser": "stricter", "stricter": "looser"}
    for kind, old, new, _, direction in TOLD:
        (change,) = compare(one(new, f"{kind}_if"), one(old, f"{kind}_if")).criteria
        assert change.direction == turned.get(direction, direction), (new, old)


def test_a_condition_is_no_different_from_itself() -> None:
    for kind, old, new, *_ in TOLD:
        for condition in (old, new):
            found = compare(one(condition, f"{kind}_if"), one(condition, f"{kind}_if"))
            assert (found.criteria, found.trial, found.same_meaning) == ((), (), True)
