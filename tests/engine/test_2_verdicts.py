"""Chapter 2 of the semantics: the status of a criterion and the verdict of a trial, with and without cohorts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.helper import ask, criteria, one, report

FIT, CARER = {"answer": "fit"}, {"answer": "carer"}
INCLUDED = {"include_if": FIT}
EXCLUDED = {"exclude_if": FIT}


def answers(**given: object) -> dict[str, Any]:
    return {"answers": given}


@pytest.mark.parametrize(
    ("condition", "inclusion", "exclusion"),
    [(True, "met", "failed"), (False, "failed", "met"), (None, "undetermined", "undetermined")],
)
def test_the_table_of_statuses(condition: bool | None, inclusion: str, exclusion: str) -> None:
    given = {} if condition is None else answers(fit=condition)
    included, excluded = ask(FIT, given), ask(FIT, given, excludes=True)
    assert (included.status, included.kind) == (inclusion, "inclusion")
    assert (excluded.status, excluded.kind) == (exclusion, "exclusion")
    assert included.condition is excluded.condition is condition  # the truth of the condition is given beside it


@pytest.mark.parametrize(
    ("given", "verdict", "counts"),
    [
        (answers(fit=True, carer=True), "eligible", (2, 0, 0)),
        (answers(fit=True), "undetermined", (1, 0, 1)),
        (answers(carer=False), "ineligible", (0, 1, 1)),
        (answers(fit=True, carer=False), "ineligible", (1, 1, 0)),
    ],
)
def test_one_failed_makes_ineligible_one_open_undetermined(
    given: dict[str, Any], verdict: str, counts: tuple[int, int, int]
) -> None:
    found = report(criteria(INCLUDED, {"include_if": CARER}), given)
    assert found.verdict == verdict
    assert found.cohorts == {}
    assert tuple(found.counts[status] for status in ("met", "failed", "undetermined")) == counts


def test_nobody_is_eligible_while_the_source_is_incomplete() -> None:
    source = {"document": "seeds/T1.md", "complete": False, "gaps": ["the list breaks off"]}
    incomplete = one(FIT, source=source)
    found = report(incomplete, answers(fit=True))
    assert (found["C1"].status, found.verdict) == ("met", "undetermined")
    assert (found.source_complete, found.source_gaps) == (False, ("the list breaks off",))
    assert report(incomplete, answers(fit=False)).verdict == "ineligible"


COHORTS = [{"id": "A", "title": "first"}, {"id": "B", "title": "second"}]


@pytest.mark.parametrize(
    ("given", "verdicts", "overall"),
    [
        (answers(fit=True, carer=True), {"A": "eligible", "B": "ineligible"}, "eligible"),
        (answers(fit=False, carer=True), {"A": "ineligible", "B": "ineligible"}, "ineligible"),
        (answers(fit=True, carer=False), {"A": "ineligible", "B": "eligible"}, "eligible"),
        (answers(fit=True), {"A": "undetermined", "B": "undetermined"}, "undetermined"),
        (answers(carer=False), {"A": "ineligible", "B": "undetermined"}, "undetermined"),
    ],
)
def test_a_verdict_for_each_cohort_and_the_best_overall(
    given: dict[str, Any], verdicts: dict[str, str], overall: str
) -> None:
    arms = criteria(
        INCLUDED,
        {"include_if": CARER, "cohorts": ["A"]},
        {"exclude_if": CARER, "cohorts": ["B"]},
        cohorts=COHORTS,
    )
    found = report(arms, given)
    assert found.cohorts == verdicts
    assert found.verdict == overall
    assert [result.cohorts for result in found.criteria] == [(), ("A",), ("B",)]


def test_cohorts_of_an_incomplete_source_are_undetermined() -> None:
    arms = criteria(INCLUDED, cohorts=COHORTS, source={"document": "x", "complete": False})
    assert report(arms, answers(fit=True)).cohorts == {"A": "undetermined", "B": "undetermined"}


def test_a_question_is_undetermined_until_it_is_answered() -> None:
    found = ask(FIT)
    assert (found.status, found.missing) == ("undetermined", ("answer:fit",))


def test_an_answer_for_this_trial_goes_before_a_bare_one() -> None:
    assert ask(FIT, {"answers": {"fit": True, "T1:fit": False}}).condition is False
    assert ask(FIT, {"answers": {"T1:fit": True}}).condition is True
    assert ask(FIT, {"answers": {"T2:fit": True}}).condition is None


def test_an_answer_that_is_none_of_the_options_decides_nothing() -> None:
    found = ask({"answer": "stage", "equals": "late"}, answers(stage="final"))
    assert found.condition is None
    assert found.missing == ("answer:stage",)
    assert "none of the answers" in found.headline
    assert ask({"answer": "stage", "equals": "late"}, answers(stage="early")).condition is False


# --- logic ----------------------------------------------------------------------------------------------

STAGES = {True: True, False: False, None: None}
A, B, C = {"answer": "fit"}, {"answer": "carer"}, {"sex": "female"}


def three(a: bool | None, b: bool | None, c: bool | None) -> dict[str, Any]:
    given: dict[str, Any] = {"answers": {n: v for n, v in (("fit", a), ("carer", b)) if v is not None}}
    return given if c is None else {**given, "sex": "female" if c else "male"}


VALUES = (True, False, None)


@pytest.mark.parametrize("a", VALUES)
@pytest.mark.parametrize("b", VALUES)
@pytest.mark.parametrize("c", VALUES)
def test_every_connective_is_what_all_completions_say(a: bool | None, b: bool | None, c: bool | None) -> None:
    def over_completions(meaning: Any) -> bool | None:
        def ways(x: bool | None) -> tuple[bool, ...]:
            return (True, False) if x is None else (x,)

        found = {meaning(x, y, z) for x in ways(a) for y in ways(b) for z in ways(c)}
        return found.pop() if len(found) == 1 else None

    given = three(a, b, c)
    meanings: list[tuple[dict[str, Any], Any]] = [
        ({"all": [A, B, C]}, lambda x, y, z: x and y and z),
        ({"any": [A, B, C]}, lambda x, y, z: x or y or z),
        ({"not": A}, lambda x, y, z: not x),
        ({"at_least_of": {"count": 2, "of": [A, B, C]}}, lambda x, y, z: x + y + z >= 2),
        ({"if": A, "then": B, "else": C}, lambda x, y, z: y if x else z),
        ({"if": A, "then": B}, lambda x, y, z: not x or y),
        ({**A, "unless": B}, lambda x, y, z: x or y),
        ({"use": "named"}, lambda x, y, z: x and not y),
        ({"any": [{"all": [A, B]}, {"all": [{"not": A}, C]}]}, lambda x, y, z: (x and y) or (not x and z)),
    ]
    for condition, meaning in meanings:
        definitions = {"named": {"all": [A, {"not": B}]}}
        assert ask(condition, given, definitions=definitions).condition is over_completions(meaning), condition
    spared = ask({**A, "unless": B}, given, excludes=True)
    assert spared.condition is over_completions(lambda x, y, z: x and not y)
    turned = ask({"not": {**A, "unless": B}}, given)
    assert turned.condition is over_completions(lambda x, y, z: not (x and not y))
