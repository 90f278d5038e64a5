"""What changed outside the criteria: each thing once, with the criteria that use it; and what the solver cannot say."""

from __future__ import annotations

from pathlib import Path

import pytest

from prescreen import load_trial
from prescreen.amendment import Amendment, compare
from prescreen.amendment.witnesses import with_witnesses
from prescreen.language import Trial

from .rules import HEAD, one, trial

ALT = "{observation: ALT, at_most: 3 ULN}"


def headed(*edits: tuple[str, str], condition: str = ALT) -> Trial:
    """A trial with one criterion, its head edited."""
    head = HEAD
    for before, after in edits:
        assert before in head
        head = head.replace(before, after)
    return one(condition, head=head)


def told(found: Amendment) -> list[tuple[str, str | None, tuple[str, ...], tuple[str, ...]]]:
    return [(change.what, change.name, change.words, change.used_by) for change in found.trial]


def test_the_age_of_results_is_told_once_and_at_each_criterion() -> None:
    old, new = headed(), headed(("28 days", "14 days"))
    found = with_witnesses(compare(old, new), old, new)
    words = "window shortened from 28 days to 14 days before screening"
    assert told(found) == [("results_within", None, (words,), ("X1",))]
    (change,) = found.criteria
    (difference,) = change.differences
    assert difference.words == f"ALT: {words}: other results settle nothing"
    assert difference.cause == "results_within"
    assert change.search
    (witness,) = change.search.witnesses
    assert (witness.old, witness.new) == ("met", "undetermined")
    assert witness.candidate["observations"][0]["date"] == "2026-05-04"


def test_a_window_that_a_leaf_states_is_its_own() -> None:
    stated = "{observation: ALT, at_most: 3 ULN, within: 7 days}"
    found = compare(headed(condition=stated), headed(("28 days", "14 days"), condition=stated))
    assert not found.criteria
    assert told(found)[0][3] == ()


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (("id: T1", "id: T2"), ("id", None, ("“T1” became “T2”",), ())),
        (("title: a trial", "title: b"), ("title", None, ("“a trial” became “b”",), ())),
        (
            ("title: a trial", "title: a trial\nrecruitment: closed"),
            ("recruitment", None, ("now stated: “closed”",), ()),
        ),
        (
            ("title: a trial", "title: a trial\nsource: {complete: false, gaps: [the end]}"),
            (
                "source",
                None,
                ("the source text is no longer complete: nobody can be reported eligible", "new gap: the end"),
                (),
            ),
        ),
        (
            ("the first dose", "the first infusion"),
            ("anchor", "first_dose", ("“the first dose” became “the first infusion”",), ("X1",)),
        ),
        (
            ("another arm", "a third arm"),
            ("cohort", "B", ("“another arm” became “a third arm”",), ()),
        ),
        (
            ('a: {ask: coordinator, text: "A?"}', 'a: {ask: candidate, text: "Really?", options: [x, y]}'),
            (
                "question",
                "a",
                (
                    "“A?” became “Really?”",
                    "now put to the candidate instead of the coordinator",
                    "answers: yes or no became x or y",
                ),
                (),
            ),
        ),
        (
            ('  d: {ask: coordinator, text: "D?"}\n', ""),
            ("question", "d", ("removed: “D?”",), ()),
        ),
    ],
)
def test_each_thing(edit: tuple[str, str], expected: tuple[str, str | None, tuple[str, ...], tuple[str, ...]]) -> None:
    condition = "{all: [{answer: b}, {procedure: major-surgery, within: 4 weeks before first_dose}]}"
    found = compare(headed(condition=condition), headed(edit, condition=condition))
    assert told(found) == [expected]
    assert found.criteria == ()
    assert not found.same_meaning


def test_a_definition_is_told_once_and_counts_for_every_criterion_that_uses_it() -> None:
    def version(limit: str) -> Trial:
        criteria = (
            "[{id: I1, text: first of two, include_if: {use: low}},"
            " {id: E1, text: second of two, exclude_if: {use: twice}}]"
        )
        definitions = f"{{low: {{observation: ALT, at_most: {limit}}}, twice: {{not: {{use: low}}}}}}"
        return trial(criteria, definitions=definitions)

    found = compare(version("3 ULN"), version("5 ULN"))
    words = "ALT: limit raised from 3 × ULN to 5 × ULN"
    assert told(found) == [("definition", "low", (words,), ("I1", "E1"))]
    assert [(change.new, change.direction) for change in found.criteria] == [("I1", "looser"), ("E1", "looser")]
    assert {each.cause for change in found.criteria for each in change.differences} == {"definition:low"}


def test_a_renamed_definition_changes_no_meaning() -> None:
    old = one("{use: low}", definitions=f"{{low: {ALT}}}")
    new = one("{use: under}", definitions=f"{{under: {ALT}}}")
    assert compare(old, new).same_meaning
    assert compare(old, one(ALT)).same_meaning


def test_a_quantity_of_the_trials_own() -> None:
    def version(factor: str) -> Trial:
        quantity = f'quantities: {{ratio: {{formula: "AST / ALT * {factor}", unit: "1"}}}}\n'
        return one("{observation: ratio, at_most: 2}", head=HEAD + quantity)

    old, new = version("1"), version("2")
    found = with_witnesses(compare(old, new), old, new)
    words = "ratio: formula changed from “AST / ALT * 1” to “AST / ALT * 2”"
    assert told(found) == [("quantity", "ratio", (words,), ("X1",))]
    (change,) = found.criteria
    assert (change.direction, change.search and change.search.result) == ("unclear", "undecided")
    assert change.search
    assert change.search.why == "a code means something else in each version's catalogue"


def test_a_catalogue_beside_one_version_that_means_something_else(tmp_path: Path) -> None:
    for name, codes in (("old", "Z94.0"), ("new", "Z94.0, Z94.1")):
        (tmp_path / name / "catalogue").mkdir(parents=True)
        (tmp_path / name / "T").mkdir()
        (tmp_path / name / "catalogue" / "own.yaml").write_text(
            "schema: prescreen/catalogue/1\nconditions:\n  own-disease:\n    label: own disease\n"
            f"    icd-10-cm: [{codes}]\n    ask: coordinator\n    question: Is there the disease?\n"
        )
        (tmp_path / name / "T" / "trial.yaml").write_text(
            "schema: prescreen/trial/1\nid: T\ntitle: t\n"
            "criteria: [{id: E1, text: own, exclude_if: {condition: own-disease}}]\n"
        )
    old, new = (load_trial(tmp_path / name / "T") for name in ("old", "new"))
    found = with_witnesses(compare(old, new), old, new)
    assert told(found) == [("catalogue", "own-disease", ("own disease: the catalogue gives other codes",), ("E1",))]
    (change,) = found.criteria
    assert change.differences[0].cause == "catalogue:own-disease"
    assert change.search
    assert change.search.result == "undecided"


def test_a_difference_that_matters_to_nobody_is_proven_to() -> None:
    old = one(ALT)
    new = one(f"{{any: [{ALT}, {{all: [{{observation: ALT, at_most: 2 ULN}}, {{sex: female}}]}}]}}")
    (change,) = compare(old, new).criteria
    assert change.direction == "looser"  # by its form
    (change,) = with_witnesses(compare(old, new), old, new).criteria
    assert (change.direction, change.search and change.search.result) == ("none", "none")


def test_other_cases_are_counted_and_nothing_else() -> None:
    case = ", cases: [{expect: undetermined, given: {}}]"
    old, new = (trial(f"[{{id: I1, text: t, include_if: {ALT}{more}}}]") for more in ("", case))
    found = compare(old, new)
    assert (found.cases, found.same_meaning, found.criteria, found.trial) == (1, True, (), ())
