"""Every mistake has its code, its place and its width; «…» marks what the caret must mark."""

from __future__ import annotations

from pathlib import Path

import pytest

from prescreen.catalogue import Catalogue
from prescreen.language.source import MISTAKES
from prescreen.problems import InputRefused, Problem
from tests.language.rules import HEAD, load, one

CONDITIONS = {
    "unknown-code": [
        "{observation: «ALTT», at_least: 1 U/L}",
        "{observation: {every_of: [ALT, «ASTT»]}, at_least: 1 U/L}",
        "{condition: «lupus-nefritis»}",
        "{condition: [malignancy, «lupus-nefritis»]}",
        "{condition: «rituximab»}",
        "{treatment: «HBsAg»}",
        "{observation: «malignancy», is: positive}",
        "{condition: malignancy, except: [«basal-cell-carcinom»]}",
        "{treatment: rituximab, for: «lupus»}",
    ],
    "unknown-key": [
        "{procedure: major-surgery, within: {«form»: enrolment}}",
        "{treatment: rituximab, dose: {«more»: 1 mg}}",
        "{observation: ALT, at_most: 3 ULN, select: {consecutive: 2, «apartt»: 1 day}}",
        "{observation: {«every»: [ALT]}, at_most: 3 ULN}",
        "{at_least_of: {count: 1, «of_»: [{sex: male}]}}",
        "{observation: ALT, «at_lest»: 1 U/L}",
        "{sex: female, «within»: 28 days}",
        "{age: {«least»: 18 years}}",
        "{procedure: major-surgery, «severity»: severe}",
        "{allergy: albumin, «status»: active}",
        "{at_least_of: {count: 1, of: [{sex: male}], «off»: 3}}",
        "{observation: ALT, at_least: 1 U/L, within: {from: enrolment, «until»: screening}}",
    ],
    "unknown-value": [
        "{observation: ALT, fall: {at_least: 50 %, from: «best»}}",
        "{sex: «woman»}",
        "{observation: HBsAg, is: «postive»}",
        "{observation: HBsAg, one_of: [positive, «maybe»]}",
        "{observation: ALT, at_least: 1 U/L, select: «last»}",
        "{observation: ALT, at_least: 1 U/L, select: «{apart: 24 hours}»}",
        "{observation: ALT, at_least: 1 U/L, select: «{mean_of: 2, apart: 24 hours}»}",
        "{condition: malignancy, status: «ongoing»}",
        "{treatment: rituximab, status: [ongoing, «active»]}",
        "{condition: malignancy, verification: «refuted»}",
        "{answer: arm, equals: «middle»}",
    ],
    "wrong-type": [
        "{observation: ALT, at_most: 3 ULN, without: «{observation: AST, above: 3 ULN}»}",
        "{observation: ALT, between: «3 U/L»}",
        "{age: {between: «18 years»}}",
        "{treatment: rituximab, dose: {between: «1 mg»}}",
        "{treatment: rituximab, dose: «5 mg»}",
        "{procedure: major-surgery, within: «[1]»}",
        "{observation: ALT, at_most: 3 ULN, select: {consecutive: 2, apart: «[1]»}}",
        "{at_least_of: «2»}",
        "{treatment: «{}»}",
        "«female»",
        "{all: «{sex: female}»}",
        "{age: «18 years»}",
        "{observation: HBV-DNA, detected: «perhaps»}",
        "{observation: HBsAg, is: «[positive, negative]»}",
        "{answer: fit, equals: «maybe»}",
        "{observation: «[ALT, AST]», at_least: 1 U/L}",
        "{sex: «[female]»}",
        "{condition: malignancy, except: {condition: basal-cell-carcinoma, «except»: malignancy}}",
    ],
    "empty": [
        "{age: {at_least: «''»}}",
        "{treatment: rituximab, dose: {above: «''»}}",
        "{observation: HBsAg, is: «''»}",
        "{all: «[]»}",
        "{condition: «[]»}",
        "{observation: «''», at_least: 1 U/L}",
    ],
    "missing-key": [
        "{treatment: rituximab, «by»: start}",
        "{«if»: {sex: female}}",
        "«{answer: arm}»",
        "{at_least_of: «{count: 2}»}",
        "{condition: malignancy, «at»: enrolment}",
        "{condition: malignancy, except: «{status: active}»}",
    ],
    "not-one-condition": [
        "«{}»",
        "{«observaton»: ALT, at_least: 1 U/L}",
        "{sex: female, «age»: {at_least: 18 years}}",
        "{observation: «{}», at_least: 1 U/L}",
        "«{purple: 1}»",
    ],
    "unknown-question": ["{answer: «fitt»}", "{answer: «elsewhere»}"],
    "unknown-definition": ["{use: «exposd»}"],
    "unknown-anchor": [
        "{age: {at_least: 18 years}, on: «enrollment»}",
        "{procedure: major-surgery, within: «24 weeks after enrollment»}",
        "{procedure: major-surgery, within: «before surgery»}",
        "{procedure: major-surgery, within: «after surgery»}",
        "{procedure: major-surgery, within: {from: «consent», to: screening}}",
        "{condition: malignancy, for_at_least: 5 years, at: «dosing»}",
    ],
    "invalid-window": [
        "{observation: ALT, at_most: 3 ULN, without: «{procedure: major-surgery, within: 2 days before first_dose}»}",
        "{procedure: major-surgery, within: «before»}",
        "{procedure: major-surgery, within: «lately»}",
        "{procedure: major-surgery, within: «{}»}",
        "{procedure: major-surgery, within: {from: «28 days», to: screening}}",
        "{treatment: rituximab, within: «{longest: [30 days], shortest: [1 month]}»}",
        "{treatment: rituximab, within: «{longest: [30 days before first_dose, 1 week before enrolment]}»}",
        "{treatment: rituximab, except: {treatment: rituximab, within: «{shortest: [30 days, 1 month]}»}}",
    ],
    "invalid-span": [
        "{procedure: major-surgery, within: «28 dayz»}",
        "{procedure: major-surgery, within: «2.5 weeks»}",
        "{procedure: major-surgery, within: «some days before screening»}",
        "{condition: malignancy, for_at_least: «long»}",
        "{age: {at_least: «18 yeers»}}",
        "{treatment: rituximab, within: {from: «5 half-lives before screening», to: screening}}",
        "{treatment: rituximab, for_at_least: «5 half-lives»}",
        "{treatment: rituximab, within: {longest: [30 days, «0 half-lives»]}}",
    ],
    "empty-window": [
        "{treatment: rituximab, within: «{from: 25 hours after first_dose, to: 1 day after first_dose}»}",
        "{procedure: major-surgery, within: «{from: screening, to: 4 weeks before screening}»}",
        "{procedure: major-surgery, within: «{from: 4 weeks before enrolment, to: 2 months before enrolment}»}",
        "{procedure: major-surgery, within: «{from: 1 year after enrolment, to: 11 months after enrolment}»}",
    ],
    "invalid-number": [
        "{observation: ALT, fall: {at_least: «101 %»}}",
        "{observation: ALT, rise: {at_least: «-5 %»}}",
        "{observation: ALT, at_least: «many»}",
        "{observation: ALT, at_least: «'1,5 U/L'»}",
        "{observation: ALT, at_least: «'50,000 U/L'»}",
        "{observation: ALT, at_least: «1.5.2 U/L»}",
        "{observation: ALT, at_least: «1e999 U/L»}",
        "{observation: ALT, at_most: «0 ULN»}",
        "{observation: ALT, at_least: «-3 U/L»}",
        "{observation: HBV-DNA, at_most: «'4.5 log10 [IU]/mL'»}",
        "{observation: HBV-DNA, at_most: «'999999999 log10 [IU]/mL'»}",
        "{observation: ALT, at_least: 1 U/L, select: {mean_of: «1»}}",
        "{at_least_of: {count: «3», of: [{sex: female}, {sex: male}]}}",
        "{age: {at_most: «999 years»}}",
        "{treatment: rituximab, dose: {at_least: «-5 mg»}}",
        "{treatment: rituximab, count: {at_least: «two»}}",
    ],
    "missing-unit": [
        "{observation: ALT, at_most: «30»}",
        "{age: {at_least: «18»}}",
        "{treatment: rituximab, dose: {at_least: «1000»}}",
    ],
    "unknown-unit": ["{observation: ALT, at_most: «30 bananas»}"],
    "wrong-unit": [
        "{observation: ALT, fall: {at_least: «5 mg/dL»}}",
        "{observation: base-excess, fall: {at_least: «5 %»}}",
        "{observation: ALT, at_most: «30 mg/dL»}",
        "{observation: eGFR, at_least: «60 mL/min»}",
        "{observation: ECOG, at_most: «2 mg/dL»}",
        "{treatment: rituximab, dose: {at_least: «1 mg/day»}}",
        "{treatment: rituximab, daily_dose: {at_least: «1 mg»}}",
        "{age: {at_least: «18 hours»}}",
    ],
    "repeated-unit": [
        "{observation: creatinine, at_most: «[1.5 mg/dL, 15 mg/L]»}",
        "{observation: ALT, at_most: «[3 ULN, 2 ULN]»}",
    ],
    "no-comparison": [
        "{observation: ALT, fall: «{from: highest}»}",
        "«{observation: ALT}»",
        "{age: «{}»}",
        "{treatment: rituximab, dose: «{}»}",
    ],
    "wrong-comparison": [
        "{observation: ALT, fall: {at_least: 50 %}, «without»: {procedure: major-surgery}}",
        "{observation: HBsAg, «fall»: {at_least: 50 %}}",
        "{observation: ALT, rise: {at_least: 50 %}, select: «{mean_of: 2}»}",
        "{observation: ALT, rise: {between: «[1 %, 2 %, 3 %]»}}",
        "{treatment: rituximab, count: {at_least: 2}, «lines»: {at_least: 2}}",
        "{treatment: rituximab, stable_for: 4 weeks, «within»: 1 year}",
        "{treatment: rituximab, lines: {at_least: 2}, within: «{longest: [30 days, 1 month]}»}",
        "{treatment: rituximab, count: {between: «[1, 2, 3]»}}",
        "{observation: ALT, «is»: positive}",
        "{observation: HBsAg, «at_least»: 3}",
        "{observation: HBsAg, «detected»: true}",
        "{observation: ALT, between: «[1 U/L]»}",
        "{observation: creatinine, between: «[1 mg/dL, 133 umol/L]»}",
        "{observation: creatinine, at_most: «[1 mg/dL, 2 ULN]»}",
        "{observation: HBV-DNA, is: positive, select: «highest»}",
        "{age: «{at_least: 18 years, above: 20 years}»}",
        "{age: {between: «[18 years]»}}",
        "{treatment: rituximab, dose: {between: «[1 mg]»}}",
    ],
    "empty-comparison": [
        "{treatment: rituximab, duration: «{above: 14 days, below: 1 week}»}",
        "{observation: ALT, fall: «{above: 50 %, below: 20 %}»}",
        "«{observation: HBV-DNA, detected: true, is: positive, above: 3 ULN, below: 3 ULN}»",
        "«{observation: ALT, at_least: 5 U/L, below: 3 U/L}»",
        "«{observation: ALT, above: 3 ULN, at_most: 3 ULN}»",
        "«{observation: HBsAg, is: positive, is_not: positive}»",
        "«{observation: HBV-DNA, detected: true, is: positive, one_of: [negative]}»",
        "{age: «{at_least: 18 years, below: 216 months}»}",
        "{treatment: rituximab, dose: «{above: 1 g, at_most: 1000 mg}»}",
        "{treatment: rituximab, count: «{at_least: 3, at_most: 2}»}",
    ],
    "unclear-unless": [
        "{if: {sex: female, «unless»: {answer: fit}}, then: {sex: female}, else: {sex: male}}",
        "{sex: female, unless: {answer: fit, «unless»: {sex: male}}}",
    ],
    "missing-else": [
        "{not: {«if»: {sex: female}, then: {answer: fit}}}",
        "{not: {not: {«if»: {sex: female}, then: {answer: fit}}}}",
        "{if: {«if»: {sex: female}, then: {answer: fit}}, then: {sex: female}}",
        "{sex: male, unless: {«if»: {sex: female}, then: {answer: fit}}}",
    ],
    "no-half-life": [
        "{treatment: rituximab, within: «5 half-lives before screening»}",
        "{treatment: [rituximab, prednisone], within: «{longest: [30 days, 5 half-lives]}»}",
        "{treatment: rituximab, except: {treatment: prednisone, within: «5 half-lives»}}",
    ],
    "no-equivalent": ["{treatment: rituximab, daily_dose: {at_most: 10 mg/day, as: «prednisone»}}"],
}

COHORTS = "cohorts: [{id: A, title: a}]\n"

FILES = {
    "wrong-schema": [HEAD.replace("prescreen/trial/1", "«prescreen/trial/9»")],
    "wrong-type": ["«[1, 2]»", HEAD + "criteria: «7»", HEAD + "criteria: [«7»]"],
    "missing-key": ["«schema»: prescreen/trial/1\nid: a\ntitle: b\n", "«{}»"],
    "empty": [HEAD + "criteria: «[]»", HEAD.replace("title: a trial", "title: «''»")],
    "unknown-key": [
        HEAD + "«criterias»: [{id: a, text: b, include_if: {sex: male}}]",
        HEAD.replace("{ask: investigator,", "{«asks»: investigator,"),
    ],
    "invalid-name": [HEAD.replace("T1", "«a trial»"), HEAD.replace("  fit:", "  «is fit»:")],
    "reserved-name": [HEAD.replace("first_dose:", "«screening»:")],
    "unknown-value": [
        HEAD.replace("ask: investigator", "ask: «doctor»"),
        HEAD + "source: {complete: true, «gaps»: [much]}\n",
    ],
    "duplicate-id": [
        HEAD + "criteria: [{id: a, text: b, include_if: {sex: male}}, {id: «a», text: b, include_if: {sex: male}}]",
        HEAD + "cohorts: [{id: A, title: a}, {id: «A», title: b}]\n",
    ],
    "not-one-kind": [
        HEAD + "criteria: [«{id: a, text: b}»]",
        HEAD + "criteria: [«{id: a, text: b, include_if: {sex: male}, exclude_if: {sex: male}}»]",
    ],
    "unknown-cohort": [
        HEAD + "criteria: [{id: a, text: b, cohorts: [«A»], include_if: {sex: male}}]",
        one("{age: {«per_cohort»: {A: {at_least: 18 years}}}}"),
        one("{observation: ALT, per_cohort: {A: {at_most: 3 ULN}, «B»: {at_most: 2 ULN}}}") + COHORTS,
    ],
    "invalid-formula": [HEAD + "quantities: {own: {formula: «AST ! ALT», unit: '1'}}\n"],
    "recursive-definition": [
        HEAD + "  b: {use: «b»}\n",
        HEAD + "  b: {all: [{use: c}]}\n  c: {not: {use: «b»}}\n",
    ],
    "missing-else": [
        one("{«if»: {sex: female}, then: {answer: fit}}", "exclude_if"),
        HEAD + "  f: {«if»: {sex: female}, then: {answer: fit}}\ncriteria: [{id: a, text: b, exclude_if: {use: f}}]",
    ],
}

CASES = "criteria: [{id: a, text: b, include_if: {sex: male}, cases: [%s]}]"
BY_COHORT = one("{observation: ALT, %s}") + "cohorts: [{id: A, title: a}, {id: B, title: b}]\n"
FILES["missing-key"].append(BY_COHORT % "«per_cohort»: {A: {at_most: 3 ULN}}")
FILES["wrong-type"].append(BY_COHORT % "per_cohort: «[A]»")
FILES["wrong-comparison"] = [
    BY_COHORT % "at_most: 3 ULN, per_cohort: {A: {«at_most»: 2 ULN}, B: {above: 1 ULN}}",
]
FILES["unknown-value"].append(HEAD + CASES % "{expect: «eligible», given: {}}")
FILES["invalid-date"] = [HEAD + CASES % f"{{expect: met, given: {{}}, on: «{on}»}}" for on in ("2026-02-30", "2026-02")]
FILES["unknown-key"].append(HEAD + CASES % "{expect: met, given: {«id»: x}}")
FILES["unknown-key"].append(HEAD + CASES % "{expect: met, given: {}, «why»: x}")
FILES["wrong-type"] += [HEAD + CASES % "{expect: met, given: «3»}", HEAD.replace("[left, right]", "«[true, false]»")]
FILES["wrong-type"] += [
    HEAD.replace("{ask: investigator, text: Is the candidate fit?}", "«3»"),
    HEAD + "cohorts: [«A»]\n",
]
FILES["wrong-type"] += [HEAD.replace("{ask: coordinator, text: Which arm?, options: [left, right]}", "«[]»")]
FILES["wrong-type"] += [
    HEAD + "source: «x.md»\n",
    HEAD + "criteria: [{id: a, text: b, source: «3», include_if: {sex: male}}]",
]
FILES["wrong-type"] += [HEAD.replace("{enrolment: the day of enrolment, first_dose: the first dose}", "«[enrolment]»")]
FILES["empty"].append(HEAD.replace("the first dose", "«''»"))
FILES["invalid-name"].append(HEAD + "cohorts: [{id: «a b», title: c}]\n")
FILES["missing-key"].append(HEAD + CASES % "«{expect: met}»")
FILES["empty"].append(HEAD.replace("[left, right]", "«[left]»"))


def refused(text: str, folder: Path, catalogue: Catalogue) -> list[Problem]:
    with pytest.raises(InputRefused) as caught:
        load(text, folder, catalogue)
    return list(caught.value.problems)


def expect_one(code: str, marked: str, folder: Path, catalogue: Catalogue) -> Problem:
    """The problem of a code at the marked place; nothing else may be wrong but what a broken-off file lacks."""
    before, inside = marked.split("«")[0], marked.split("«")[1].split("»")[0]
    text = marked.replace("«", "").replace("»", "")
    problems = [
        problem
        for problem in refused(text, folder, catalogue)
        if code == "missing-key" or (problem.code, problem.message) != ("missing-key", "a trial needs `criteria`")
    ]
    if code != "missing-key":
        assert len(problems) == 1, [str(problem) for problem in problems]
    problem = problems[0]
    assert problem.code == code
    assert (problem.line, problem.column) == (before.count("\n") + 1, len(before.split("\n")[-1]) + 1)
    assert problem.width == len(inside)
    assert problem.source_line == text.split("\n")[before.count("\n")]
    assert not problem.message.endswith(".")
    return problem


@pytest.mark.parametrize(("code", "marked"), [(code, text) for code, texts in CONDITIONS.items() for text in texts])
def test_a_wrong_condition_is_refused_where_it_is_wrong(
    code: str, marked: str, tmp_path: Path, catalogue: Catalogue
) -> None:
    expect_one(code, one(marked), tmp_path, catalogue)


@pytest.mark.parametrize(("code", "marked"), [(code, text) for code, texts in FILES.items() for text in texts])
def test_a_wrong_file_is_refused_where_it_is_wrong(
    code: str, marked: str, tmp_path: Path, catalogue: Catalogue
) -> None:
    expect_one(code, marked, tmp_path, catalogue)


def test_every_code_is_documented() -> None:
    assert {*CONDITIONS, *FILES} <= set(MISTAKES)
    assert all(meaning and not meaning.endswith(".") for meaning in MISTAKES.values())


def hint(marked: str, folder: Path, catalogue: Catalogue, code: str) -> str:
    return expect_one(code, one(marked), folder, catalogue).hint or ""


def test_hints_suggest_what_is_close(tmp_path: Path, catalogue: Catalogue) -> None:
    def of(code: str, marked: str) -> str:
        return hint(marked, tmp_path, catalogue, code)

    assert of("unknown-code", "{condition: «lupus-nefritis»}") == "did you mean `lupus-nephritis`?"
    assert of("unknown-code", "{condition: «rituximab»}") == "`rituximab` is a treatment"
    assert of("unknown-code", "{condition: «HBsAg»}") == "`HBsAg` is an observation"
    assert of("unknown-code", "{condition: «zzz»}") == ""
    assert of("unknown-key", "{observation: ALT, «at_lest»: 1 U/L}") == "did you mean `at_least`?"
    assert of("unknown-value", "{observation: HBsAg, is: «postive»}") == "did you mean `positive`?"
    assert of("unknown-value", "{sex: «x»}") == "one of `female` or `male`"
    assert of("not-one-condition", "{«observaton»: ALT, at_least: 1 U/L}") == "did you mean `observation`?"
    assert of("missing-unit", "{observation: ALT, at_most: «30»}") == "write `30 U/L`"
    assert of("missing-unit", "{age: {at_least: «18»}}") == "write `18 years`"
    assert of("wrong-unit", "{observation: ALT, at_most: «30 mg/dL»}") == "write it in `U/L`"
    assert "detected" in of("wrong-comparison", "{observation: ALT, «is»: positive}")
    assert "is: positive" in of("wrong-comparison", "{observation: HBsAg, «at_least»: 3}")
    assert "all: [A, B]" in of("missing-else", "{not: {«if»: {sex: female}, then: {answer: fit}}}")
    assert of("unknown-question", "{answer: «elsewhere»}") == "declare it under `questions`"


def test_a_unit_error_names_both_kinds(tmp_path: Path, catalogue: Catalogue) -> None:
    problem = expect_one("wrong-unit", one("{observation: ALT, at_most: «30 mg/dL»}"), tmp_path, catalogue)
    assert "mass concentration" in problem.message
    assert "catalytic concentration" in problem.message or "U/L" in problem.message


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file(tmp_path: Path, catalogue: Catalogue) -> None:
    text = one("{all: [{sex: x}, {use: y}, {observation: ALT, at_most: 3}]}").replace("title:", "titel:")
    problems = refused(text, tmp_path, catalogue)
    assert [problem.code for problem in problems] == [
        "unknown-key",
        "unknown-value",
        "unknown-definition",
        "missing-unit",
    ]
    assert [problem.line for problem in problems] == sorted(problem.line or 0 for problem in problems)


def test_a_definition_used_twice_is_reported_once(tmp_path: Path, catalogue: Catalogue) -> None:
    text = HEAD + "  bad: {sex: x}\ncriteria: [{id: a, text: b, include_if: {all: [{use: bad}, {not: {use: bad}}]}}]"
    assert [problem.code for problem in refused(text, tmp_path, catalogue)] == ["unknown-value"]


def test_unused_definitions_are_checked(tmp_path: Path, catalogue: Catalogue) -> None:
    problems = refused(one("{sex: male}").replace("criteria:", "  bad: {sex: x}\ncriteria:"), tmp_path, catalogue)
    assert [problem.code for problem in problems] == ["unknown-value"]


def test_the_error_as_people_read_it(tmp_path: Path, catalogue: Catalogue) -> None:
    problem = expect_one(
        "unknown-code", one("{observation: «creatinine-clearence», at_least: 30 mL/min}"), tmp_path, catalogue
    )
    file = tmp_path / "trial.yaml"
    assert str(problem) == (
        "error[unknown-code]: no observation is named `creatinine-clearence`\n"
        f"  --> {file}:13:31\n"
        "   |\n"
        "13 |     include_if: {observation: creatinine-clearence, at_least: 30 mL/min}\n"
        "   |                               ^^^^^^^^^^^^^^^^^^^^\n"
        "   = hint: did you mean `creatinine-clearance`?"
    )
