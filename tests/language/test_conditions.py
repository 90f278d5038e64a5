"""What each condition of the language becomes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prescreen.catalogue import Catalogue
from prescreen.language import (
    ANY_WINDOW,
    Age,
    AllOf,
    Amount,
    Answer,
    AnyOf,
    AtLeastOf,
    Coded,
    Comparison,
    Condition,
    Detected,
    Event,
    If,
    Moment,
    Not,
    Observation,
    Select,
    Sex,
    Threshold,
    Unless,
    Use,
    Window,
    load_trial,
)
from prescreen.time import Span
from tests.language.rules import condition

FEMALE, MALE, FIT = Sex("female"), Sex("male"), Answer("fit", True)


@pytest.fixture
def read(tmp_path: Path, catalogue: Catalogue):  # type: ignore[no-untyped-def]
    return lambda text, kind="include_if": condition(text, tmp_path, catalogue, kind)


def leaf(found: Condition) -> Observation:
    assert isinstance(found, Observation)
    return found


def event(found: Condition) -> Event:
    assert isinstance(found, Event)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{sex: female}", FEMALE),
        ("{answer: fit}", FIT),
        ("{answer: fit, equals: false}", Answer("fit", False)),
        ("{answer: arm, equals: left}", Answer("arm", "left")),
        ("{all: [{sex: female}, {answer: fit}]}", AllOf((FEMALE, FIT))),
        ("{any: [{sex: female}]}", AnyOf((FEMALE,))),
        ("{not: {sex: male}}", Not(MALE)),
        ("{at_least_of: {count: 2, of: [{sex: male}, {sex: female}]}}", AtLeastOf(2, (MALE, FEMALE))),
        ("{if: {sex: male}, then: {answer: fit}}", If(MALE, FIT, None)),
        ("{if: {sex: male}, then: {answer: fit}, else: {sex: female}}", If(MALE, FIT, FEMALE)),
        ("{sex: male, unless: {answer: fit}}", Unless(MALE, FIT, saves=True)),
        (
            "{observation: {any_of: [ALT, AST]}, above: 1 LLOD}",
            AnyOf(
                tuple(
                    Observation(
                        code,
                        (Comparison("above", (Threshold(Fraction(1), "LLOD", None, "1 LLOD"),)),),
                        ANY_WINDOW,
                        Select(),
                        "above the detection limit",
                    )
                    for code in ("ALT", "AST")
                )
            ),
        ),
    ],
)
def test_logic_and_simple_leaves(read, text: str, expected: Condition) -> None:  # type: ignore[no-untyped-def]
    assert read(text) == expected


def test_conditions_know_their_place(read) -> None:  # type: ignore[no-untyped-def]
    found = read("{all: [{sex: male}]}")
    assert (found.where.line, found.where.column) == (13, 17)
    assert (found.children[0].where.line, found.children[0].where.column) == (13, 24)


def test_use_holds_the_definition(read) -> None:  # type: ignore[no-untyped-def]
    found = read("{use: exposed}")
    assert isinstance(found, Use)
    assert (found.name, leaf(found.child).tests) == ("exposed", (Coded(("positive",)),))


# ------------------------------------------------------------------------------------------------ unless and else


@pytest.mark.parametrize("kind", ["include_if", "exclude_if"])
@pytest.mark.parametrize("nots", [0, 1, 2, 3])
def test_each_not_turns_unless_round(read, kind: str, nots: int) -> None:  # type: ignore[no-untyped-def]
    found = read("{not: " * nots + "{all: [{sex: male, unless: {answer: fit}}]}" + "}" * nots, kind)
    for _ in range(nots):
        found = found.child
    assert found.children[0].saves is ((kind == "include_if") == (nots % 2 == 0))


def test_unless_beside_a_not_stands_outside_of_it(read) -> None:  # type: ignore[no-untyped-def]
    assert read("{not: {sex: male}, unless: {answer: fit}}") == Unless(Not(MALE), FIT, saves=True)


def test_a_definition_takes_the_direction_of_its_use(tmp_path: Path, catalogue: Catalogue) -> None:
    one = {"answer": "fit"}
    trial = load_trial(
        {
            "schema": "prescreen/trial/1",
            "id": "T",
            "title": "t",
            "questions": {"fit": {"ask": "candidate", "text": "Fit?"}},
            "definitions": {"d": {"sex": "male", "unless": one}},
            "criteria": [
                {"id": "a", "text": "a", "include_if": {"all": [{"use": "d"}, {"not": {"use": "d"}}]}},
                {"id": "b", "text": "b", "exclude_if": {"use": "d"}},
            ],
        },
        catalogue=catalogue,
    )
    both, spared = trial.criteria[0].condition, trial.criteria[1].condition
    assert isinstance(both, AllOf)
    assert both.children[0] == Use("d", Unless(MALE, FIT, saves=True))
    assert both.children[1] == Not(Use("d", Unless(MALE, FIT, saves=False)))
    assert spared == Use("d", Unless(MALE, FIT, saves=False))


def test_the_branches_of_an_if_have_a_direction(read) -> None:  # type: ignore[no-untyped-def]
    found = read("{if: {sex: male}, then: {sex: male, unless: {answer: fit}}, else: {sex: female}}")
    assert found.then == Unless(MALE, FIT, saves=True)
    assert read("{all: [{if: {sex: male}, then: {any: [{if: {sex: male}, then: {answer: fit}}]}}]}")


# ------------------------------------------------------------------------------------------------ ages


@pytest.mark.parametrize(
    ("text", "low", "below", "words"),
    [
        ("{at_least: 18 years, at_most: 65 years}", (18, "years"), (66, "years"), "18 to 65 years"),
        ("{between: [18 years, 65 years]}", (18, "years"), (66, "years"), "18 to 65 years"),
        ("{above: 18 years}", (19, "years"), None, "above 18 years"),
        ("{below: 18 years}", None, (18, "years"), "below 18 years"),
        ("{at_most: 6 months}", None, (7, "months"), "at most 6 months"),
        ("{at_least: 6 months, below: 18 years}", (6, "months"), (18, "years"), "at least 6 months and below 18 years"),
        ("{between: [30 days, 6 months]}", (30, "days"), (7, "months"), "30 days to 6 months"),
        ("{above: 8 weeks}", (9, "weeks"), None, "above 8 weeks"),
    ],
)
def test_ages(read, text: str, low: object, below: object, words: str) -> None:  # type: ignore[no-untyped-def]
    found = read(f"{{age: {text}, on: enrolment}}")
    assert isinstance(found, Age)
    assert found.low == (Span(*low) if low else None)  # type: ignore[misc]
    assert found.below == (Span(*below) if below else None)  # type: ignore[misc]
    assert (found.anchor, found.text) == ("enrolment", words)


# ------------------------------------------------------------------------------------------------ observations


def only_test(found: Condition) -> Comparison:
    (test,) = leaf(found).tests
    assert isinstance(test, Comparison)
    return test


@pytest.mark.parametrize(
    ("code", "written", "number", "of", "kind"),
    [
        ("ALT", "3 ULN", 3, "ULN", None),
        ("ALT", "2.5 × ULN", Fraction(5, 2), "ULN", None),
        ("ALT", "3 x ULN", 3, "ULN", None),
        ("ALT", "1 LLN", 1, "LLN", None),
        ("ECOG", "2", 2, None, None),
        ("HbA1c", "7.5 %", Fraction(15, 2), None, None),
        ("HbA1c", "53 mmol/mol", Fraction("7.00044"), None, "substance fraction"),
        ("eGFR", "30 mL/min/1.73m2", 30, None, "flow per 1.73 m² of body surface"),
        ("creatinine", "15 mg/L", Fraction(3, 2), None, "mass concentration"),
        ("base-excess", "-3 mmol/L", -3, None, "substance concentration"),
        ("ALT", "1e2 U/L", 100, None, None),
    ],
)
def test_thresholds_are_exact_and_canonical(  # type: ignore[no-untyped-def]
    read, code: str, written: str, number: Fraction, of: str | None, kind: str | None
) -> None:
    test = only_test(read(f"{{observation: {code}, at_most: {written}}}"))
    (threshold,) = test.thresholds
    assert (threshold.number, threshold.of, threshold.text) == (number, of, written)
    if kind:
        assert threshold.kind == kind


def test_a_logarithm_of_a_whole_number_is_exact(read) -> None:  # type: ignore[no-untyped-def]
    found = only_test(read("{observation: HBV-DNA, below: '4 log10 [IU]/mL'}"))
    assert found.thresholds[0].number == 10_000


def test_two_units_are_two_thresholds(read) -> None:  # type: ignore[no-untyped-def]
    test = only_test(read("{observation: Scr, at_most: [1.5 mg/dL, 133 umol/L]}"))
    mass, amount = test.thresholds
    assert mass.number == Fraction(3, 2)
    assert mass.kind != amount.kind
    assert abs(amount.number - Fraction("1.5045")) < Fraction("0.001")


def test_between_has_both_ends(read) -> None:  # type: ignore[no-untyped-def]
    found = leaf(read("{observation: HbA1c, between: [7 %, 10 %]}"))
    assert [(test.operator, test.thresholds[0].number) for test in found.tests if isinstance(test, Comparison)] == [
        ("at_least", 7),
        ("at_most", 10),
    ]
    assert found.text == "7 to 10 %"


def test_bounds_that_leave_one_number_are_kept(read) -> None:  # type: ignore[no-untyped-def]
    assert len(leaf(read("{observation: ECOG, at_least: 2, at_most: 2}")).tests) == 2
    assert leaf(read("{observation: ECOG, between: [0, 2]}")).text == "0 to 2"


@pytest.mark.parametrize(
    ("options", "tests", "words"),
    [
        ("is: negative", (Coded(("negative",)),), "negative"),
        ("is: Reactive", (Coded(("positive",)),), "positive"),
        ("is_not: [positive, negative]", (Coded(("positive", "negative"), True),), "not positive or negative"),
        ("one_of: [negative, NEGATIVE]", (Coded(("negative",)),), "negative"),
        ("detected: false", (Detected(False),), "not detected"),
        ("detected: true, is: positive", (Detected(True), Coded(("positive",))), "detected and positive"),
    ],
)
def test_coded_and_detected(read, options: str, tests: object, words: str) -> None:  # type: ignore[no-untyped-def]
    found = leaf(read(f"{{observation: HBV-DNA, {options}}}"))
    assert (found.tests, found.text) == (tests, words)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("latest", Select()),
        ("first", Select("first")),
        ("any", Select("any")),
        ("every", Select("every")),
        ("highest", Select("highest")),
        ("lowest", Select("lowest")),
        ("{consecutive: 2, apart: 24 hours}", Select("consecutive", 2, Span(24, "hours"))),
        ("{consecutive: 3}", Select("consecutive", 3)),
        ("{mean_of: 3}", Select("mean_of", 3)),
    ],
)
def test_select(read, written: str, expected: Select) -> None:  # type: ignore[no-untyped-def]
    assert leaf(read(f"{{observation: ALT, at_most: 3 ULN, select: {written}}}")).select == expected


# ------------------------------------------------------------------------------------------------ windows


def before(number: int, unit: str, anchor: str = "screening") -> Moment:
    return Moment(anchor, Span(number, unit), -1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "start", "end"),
    [
        ("any", None, None),
        ("28 days", before(28, "days"), Moment("screening")),
        ("14 days before first_dose", before(14, "days", "first_dose"), Moment("first_dose")),
        ("24 weeks after enrolment", Moment("enrolment"), Moment("enrolment", Span(24, "weeks"), 1)),
        ("before first_dose", None, Moment("first_dose")),
        ("after screening", Moment("screening"), None),
        ("{from: 24 weeks before screening, to: enrolment}", before(24, "weeks"), Moment("enrolment")),
        ("{to: 6 months before screening}", None, before(6, "months")),
        ("{from: 1 day after enrolment}", Moment("enrolment", Span(1, "days"), 1), None),
        ("{from: 1 month before screening, to: 30 days before screening}", before(1, "months"), before(30, "days")),
    ],
)
def test_windows(read, written: str, start: Moment | None, end: Moment | None) -> None:  # type: ignore[no-untyped-def]
    window = event(read(f"{{procedure: major-surgery, within: {written}}}")).window
    assert (window.start, window.end) == (start, end)
    assert window.text == written.strip("{}").replace("from: ", "from ").replace("to: ", "to ").replace(",", "")


def test_results_within_is_the_window_of_leaves_without_one(catalogue: Catalogue) -> None:
    data: dict[str, object] = {
        "schema": "prescreen/trial/1",
        "id": "T",
        "title": "t",
        "criteria": [
            {"id": "a", "text": "a", "include_if": {"observation": "ECOG", "at_most": 1}},
            {"id": "b", "text": "b", "include_if": {"observation": "ECOG", "at_most": 1, "within": "any"}},
        ],
    }
    unstated = load_trial(data, catalogue=catalogue)
    assert (unstated.results_within, unstated.results_within_stated) == (ANY_WINDOW, False)
    stated = load_trial({**data, "results_within": "28 days"}, catalogue=catalogue)
    assert stated.results_within == Window(before(28, "days"), Moment("screening"), "28 days")
    assert stated.results_within_stated
    assert leaf(stated.criteria[0].condition).window == stated.results_within
    assert leaf(stated.criteria[1].condition).window == ANY_WINDOW


@given(st.integers(0, 400), st.integers(0, 400), st.sampled_from(["days", "weeks", "months", "years"]))
def test_windows_of_one_unit_are_refused_exactly_when_they_end_first(first: int, last: int, unit: str) -> None:
    from prescreen.language.source import Source
    from prescreen.language.windows import read_window
    from prescreen.yamlio import load_yaml

    text = f"{{from: {first} {unit} before screening, to: {last} {unit} before screening}}"
    source = Source(None, [text])
    assert (read_window(source, load_yaml(text, "x"), ()) is None) == (last > first)


# ------------------------------------------------------------------------------------------------ events

CONDITION = frozenset({"active", "remission", "resolved"})
BOTH = frozenset({"confirmed", "provisional"})


@pytest.mark.parametrize(
    ("text", "statuses"),
    [
        ("{condition: malignancy}", CONDITION),
        ("{condition: malignancy, status: ever}", CONDITION),
        ("{condition: malignancy, status: [active, remission]}", {"active", "remission"}),
        ("{treatment: rituximab}", {"ongoing", "completed"}),
        ("{treatment: rituximab, status: planned}", {"planned"}),
        ("{treatment: rituximab, status: [ever, planned]}", {"ongoing", "completed", "planned"}),
        ("{procedure: major-surgery}", {"completed"}),
        ("{procedure: major-surgery, status: [completed, planned]}", {"completed", "planned"}),
        ("{allergy: albumin}", set()),
    ],
)
def test_statuses(read, text: str, statuses: set[str]) -> None:  # type: ignore[no-untyped-def]
    found = event(read(text))
    assert found.statuses == statuses
    assert found.verification == {"confirmed"}
    assert found.window == ANY_WINDOW


def test_every_option_of_an_event(read) -> None:  # type: ignore[no-untyped-def]
    found = event(
        read(
            "{treatment: [rituximab, prednisone, rituximab], within: 1 year, status: completed, for_at_least: 4 weeks, "
            "at: enrolment, verification: [confirmed, provisional], for: lupus-nephritis, route: Intravenous, "
            "outcome: [refractory, relapsed], dose: {at_least: 1 g, below: 2000 mg}, "
            "daily_dose: {between: [500 ug/day, 10 mg/d]}, count: {at_least: 2, at_most: 3}}"
        )
    )
    assert found == Event(
        domain="treatments",
        codes=("rituximab", "prednisone"),
        window=Window(before(1, "years"), Moment("screening"), "1 year"),
        statuses=frozenset({"completed"}),
        for_at_least=Span(4, "weeks"),
        at="enrolment",
        verification=BOTH,
        indication=("lupus-nephritis",),
        route=frozenset({"intravenous"}),
        outcome=frozenset({"refractory", "relapsed"}),
        dose=(Amount("at_least", Fraction(1000), "1 g"), Amount("below", Fraction(2000), "2000 mg")),
        daily_dose=(Amount("at_least", Fraction(1, 2), "500 ug/day"), Amount("at_most", Fraction(10), "10 mg/d")),
        count=(("at_least", 2), ("at_most", 3)),
    )


def test_options_of_conditions_and_allergies(read) -> None:  # type: ignore[no-untyped-def]
    found = event(read("{condition: cancer, severity: [Severe], site: skin, confirmed_by: biopsy}"))
    assert (found.codes, found.severity, found.site, found.confirmed_by) == (
        ("malignancy",),
        frozenset({"severe"}),
        frozenset({"skin"}),
        frozenset({"biopsy"}),
    )
    assert event(read("{allergy: albumin, severity: severe}")).severity == {"severe"}


def test_exceptions_count_whatever_their_status_and_certainty(read) -> None:  # type: ignore[no-untyped-def]
    found = event(
        read(
            "{condition: malignancy, except: [basal-cell-carcinoma, "
            "{condition: malignancy, status: resolved, for_at_least: 5 years}, {condition: lupus-nephritis}]}"
        )
    )
    code, mapping, bare = found.excepted
    assert code == Event("conditions", ("basal-cell-carcinoma",), ANY_WINDOW, CONDITION, verification=BOTH)
    assert (mapping.statuses, mapping.for_at_least, mapping.verification) == ({"resolved"}, Span(5, "years"), BOTH)
    assert (bare.statuses, bare.verification) == (CONDITION, BOTH)
    one = event(read("{treatment: rituximab, except: prednisone}")).excepted[0]
    assert one.statuses == {"ongoing", "completed", "planned"}
