"""Conditions in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from prescreen.catalogue import Catalogue
from prescreen.language import Answer, Event, Moment, Observation, Select, Window, describe
from prescreen.language.wording import window_words
from prescreen.time import Span
from tests.language.rules import load, one


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{all: [{sex: male}]}", "all of"),
        ("{any: [{sex: male}]}", "any of"),
        ("{at_least_of: {count: 1, of: [{sex: male}]}}", "at least 1 of"),
        ("{not: {sex: male}}", "not: male"),
        ("{not: {all: [{sex: male}]}}", "not: all of"),
        ("{if: {sex: female}, then: {answer: fit}}", "if female, then “Is the candidate fit?” answered yes"),
        (
            "{if: {sex: female}, then: {answer: fit, equals: false}, else: {answer: arm, equals: left}}",
            "if female, then “Is the candidate fit?” answered no, otherwise “Which arm?” answered left",
        ),
        ("{use: exposed}", "exposed"),
        ("{sex: female, unless: {use: exposed}}", "female, unless exposed"),
        ("{age: {at_least: 18 years, at_most: 65 years}}", "aged 18 to 65 years"),
        ("{age: {at_least: 18 years}, on: first_dose}", "aged at least 18 years at first dose"),
        ("{observation: ALT, at_most: 3 ULN}", "ALT at most 3 × ULN"),
        ("{observation: ALT, at_most: 3 ULN, within: any}", "ALT at most 3 × ULN at any time"),
        ("{observation: ALT, at_most: 3 x ULN, within: 7 days}", "ALT at most 3 × ULN within 7 days before screening"),
        ("{observation: HBsAg, is: positive}", "HBsAg positive"),
        ("{observation: HBV-DNA, above: 1 LLOD}", "HBV DNA above the detection limit"),
        ("{observation: HBV-DNA, below: 2 LLOD}", "HBV DNA below 2 × LLOD"),
        ("{observation: total-bilirubin, at_most: 2 ULN}", "total bilirubin at most 2 × ULN"),
        ("{observation: HbA1c, between: [7 %, 10 %]}", "HbA1c 7 to 10 %"),
        (
            "{observation: creatinine, at_most: [1.5 mg/dL, 133 umol/L], select: highest}",
            "creatinine at most 1.5 mg/dL (133 umol/L) by the highest result",
        ),
        ("{observation: ALT, at_least: 45 U/L, below: 90 U/L}", "ALT at least 45 U/L and below 90 U/L"),
        ("{observation: ALT, at_most: 3 ULN, select: every}", "ALT at most 3 × ULN in every result"),
        (
            "{observation: ALT, at_most: 3 ULN, select: {consecutive: 2, apart: 24 hours}}",
            "ALT at most 3 × ULN in 2 consecutive results at least 24 hours apart",
        ),
        (
            "{observation: ALT, at_most: 3 ULN, select: {mean_of: 3}}",
            "ALT at most 3 × ULN as the mean of the latest 3 results",
        ),
        ("{treatment: rituximab, lines: {at_least: 2}}", "rituximab (at least 2 lines)"),
        ("{procedure: major-surgery, within: 24 weeks}", "major surgery within 24 weeks before screening"),
        (
            "{not: {condition: malignancy, except: basal-cell-carcinoma}}",
            "no malignancy except basal cell carcinoma",
        ),
        (
            "{condition: malignancy, status: [remission, resolved], for_at_least: 5 years, at: enrolment}",
            "malignancy (in remission or resolved) for at least 5 years at enrolment",
        ),
        (
            "{condition: [malignancy, lupus-nephritis], verification: [confirmed, provisional], severity: severe, "
            "site: skin, confirmed_by: biopsy}",
            "severe malignancy or lupus nephritis (confirmed or provisional) of the skin confirmed by biopsy",
        ),
        (
            "{treatment: rituximab, for: lupus-nephritis, route: oral, outcome: relapsed, dose: {above: 5 mg}, "
            "count: {at_least: 1}, within: 2 weeks after first_dose}",
            "rituximab for lupus nephritis given oral with outcome relapsed above 5 mg (at least 1 of these) "
            "within 2 weeks after first dose",
        ),
        ("{allergy: albumin}", "allergy to albumin"),
    ],
)
def test_words(text: str, words: str, tmp_path: Path, catalogue: Catalogue) -> None:
    rules = one(text).replace("questions:", "results_within: 28 days\nquestions:")
    trial = load(rules, tmp_path, catalogue)
    found = trial.criteria[0].condition
    assert describe(found, trial.catalogue, trial.questions, trial.results_within) == words


def test_a_window_of_results_is_named_unless_it_goes_without_saying(tmp_path: Path, catalogue: Catalogue) -> None:
    trial = load(one("{observation: ECOG, at_most: 1, within: 7 days}"), tmp_path, catalogue)
    found = trial.criteria[0].condition
    assert describe(found, catalogue, {}) == "ECOG at most 1 within 7 days before screening"
    assert isinstance(found, Observation)
    assert describe(found, catalogue, {}, found.window) == "ECOG at most 1"


@pytest.mark.parametrize(
    ("window", "words"),
    [
        (Window(None, Moment("first_dose"), ""), "before first dose"),
        (Window(None, Moment("screening", Span(6, "months")), ""), "until 6 months before screening"),
        (Window(Moment("enrolment"), None, ""), "after enrolment"),
        (Window(Moment("enrolment", Span(1, "days"), 1), None, ""), "from 1 day after enrolment"),
        (
            Window(Moment("screening", Span(24, "weeks")), Moment("enrolment"), ""),
            "from 24 weeks before screening to enrolment",
        ),
    ],
)
def test_windows_in_words(window: Window, words: str) -> None:
    assert window_words(window) == words


def test_names_that_are_not_known_are_still_readable(catalogue: Catalogue) -> None:
    window = Window(None, None, "any")
    assert describe(Answer("is_fit", True), catalogue, {}) == "“is fit” answered yes"
    assert describe(Observation("blood-lead", (), window, Select(), "low"), catalogue, {}) == "blood lead low"
    assert describe(Event("conditions", ("lead-poisoning",), window, frozenset()), catalogue, {}) == "lead poisoning"
