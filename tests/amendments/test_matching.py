"""Which criterion became which: renumbered, moved, split by cohort, replaced; and whom a criterion is asked of."""

from __future__ import annotations

from prescreen.amendment import Amendment, compare
from prescreen.amendment.witnesses import with_witnesses
from prescreen.language import Trial

from .rules import HEAD, one, trial

TEXTS = {
    "surgery": ("Major surgery in the last four weeks.", "{procedure: major-surgery, within: 4 weeks}"),
    "heart": ("Heart failure of any class.", "{condition: heart-failure}"),
    "hiv": ("Infection with the human immunodeficiency virus.", "{condition: HIV-infection}"),
    "tb": ("Tuberculosis, whether latent or active.", "{condition: tuberculosis}"),
    "vaccine": ("A live vaccine less than a month ago.", "{treatment: live-vaccine, within: 4 weeks}"),
}


def excluding(**criteria: str) -> Trial:
    """A trial whose exclusion criteria have these ids and contents."""
    each = ", ".join(f"{{id: {i}, text: '{TEXTS[c][0]}', exclude_if: {TEXTS[c][1]}}}" for i, c in criteria.items())
    return trial(f"[{each}]")


def told(found: Amendment) -> list[tuple[str | None, str | None, tuple[str, ...]]]:
    return [(change.old, change.new, change.what) for change in found.criteria]


def test_a_criterion_put_in_between_renumbers_those_behind_it() -> None:
    found = compare(
        excluding(E1="surgery", E2="heart", E3="hiv"), excluding(E1="surgery", E2="tb", E3="heart", E4="hiv")
    )
    assert told(found) == [
        (None, "E2", ("added",)),
        ("E2", "E3", ("renumbered",)),
        ("E3", "E4", ("renumbered",)),
    ]


def test_a_criterion_left_out_stands_where_it_stood() -> None:
    found = compare(
        excluding(E1="surgery", E2="tb", E3="heart", E4="hiv"), excluding(E1="surgery", E2="heart", E3="hiv")
    )
    assert told(found) == [
        ("E2", None, ("removed",)),
        ("E3", "E2", ("renumbered",)),
        ("E4", "E3", ("renumbered",)),
    ]


def test_two_criteria_that_change_places() -> None:
    found = compare(excluding(E1="surgery", E2="heart"), excluding(E1="heart", E2="surgery"))
    assert [(change.old, change.new) for change in found.criteria] == [("E2", "E1"), ("E1", "E2")]
    assert found.same_meaning


def test_as_few_as_explain_it_have_moved() -> None:
    found = compare(
        excluding(E1="surgery", E2="heart", E3="hiv", E4="tb"), excluding(E4="tb", E1="surgery", E2="heart", E3="hiv")
    )
    assert told(found) == [("E4", "E4", ("moved",))]
    assert found.same_meaning


def test_one_id_for_two_things_is_one_removed_and_one_added() -> None:
    found = compare(excluding(E1="surgery", E2="tb"), excluding(E1="surgery", E2="vaccine"))
    assert sorted(told(found), key=str) == [("E2", None, ("removed",)), (None, "E2", ("added",))]


def test_the_same_id_is_kept_through_a_changed_limit_and_text() -> None:
    old = trial("[{id: I1, text: Platelets 75 or more, include_if: {observation: platelets, at_least: 75 10*9/L}}]")
    new = trial("[{id: I1, text: A sufficient count, include_if: {observation: platelets, at_least: 50 10*9/L}}]")
    assert told(compare(old, new)) == [("I1", "I1", ("condition", "text"))]


def test_bounds_that_come_to_differ_by_cohort() -> None:
    same = one("{observation: eGFR, at_least: 30 mL/min/1.73m2}")
    split = one("{observation: eGFR, per_cohort: {A: {at_least: 30 mL/min/1.73m2}, B: {at_least: 45 mL/min/1.73m2}}}")
    found = compare(same, split)
    assert told(found) == [("X1", "X1@B", ("condition",))]
    assert [change.direction for change in found.criteria] == ["stricter"]
    back = with_witnesses(compare(split, same), split, same)
    assert told(back) == [("X1@B", "X1", ("condition",))]
    assert [change.direction for change in back.criteria] == ["looser"]
    assert [witness.candidate["id"] for witness in back.witnesses] == ["X1@B-failed-met"]


def test_a_limit_for_all_in_the_place_of_one_for_each_cohort() -> None:
    split = one("{observation: BMI, per_cohort: {A: {at_most: 30 kg/m2}, B: {at_most: 35 kg/m2}}}")
    same = one("{observation: BMI, at_most: 32 kg/m2}")
    found = with_witnesses(compare(split, same), split, same)
    assert [(change.old, change.new, change.direction) for change in found.criteria] == [
        ("X1@A", "X1", "looser"),
        ("X1@B", "X1", "stricter"),
    ]
    assert [witness.candidate["id"] for witness in found.witnesses] == ["X1@A-failed-met", "X1@B-met-failed"]


def test_a_criterion_asked_of_another_cohort() -> None:
    def version(cohorts: str) -> Trial:
        return trial(f"[{{id: X1, text: one, cohorts: {cohorts}, exclude_if: {{condition: heart-failure}}}}]")

    old, new = version("[A]"), version("[A, B]")
    (change,) = with_witnesses(compare(old, new), old, new).criteria
    assert (change.what, change.direction) == (("cohorts",), "stricter")
    assert [each.words for each in change.differences] == ["now also asked of cohort B"]
    assert change.search
    (witness,) = change.search.witnesses
    assert (witness.old, witness.new, witness.cohort) == (None, "failed", "B")
    (change,) = with_witnesses(compare(new, old), new, old).criteria
    assert [each.words for each in change.differences] == ["no longer asked of cohort B"]
    assert change.direction == "looser"
    assert change.search
    assert [(w.old, w.new, w.cohort) for w in change.search.witnesses] == [("failed", None, "B")]


def test_a_cohort_that_only_one_version_has_is_told_once() -> None:
    head = HEAD.replace(", {id: B, title: another arm}", "")
    criterion = "[{id: X1, text: one, include_if: {answer: a}}]"
    found = compare(trial(criterion, head), trial(criterion))
    assert [(change.what, change.name, change.words) for change in found.trial] == [
        ("cohort", "B", ("added: another arm",))
    ]
    assert not found.criteria
    assert not found.same_meaning


def test_an_inclusion_turned_into_the_exclusion_of_the_same() -> None:
    old, new = one("{condition: heart-failure}"), one("{condition: heart-failure}", "exclude_if")
    (change,) = with_witnesses(compare(old, new), old, new).criteria
    assert (change.what, change.direction) == (("kind",), "both")
    assert [each.words for each in change.differences] == [
        "inclusion criterion became exclusion criterion: what was required now keeps out"
    ]
    assert change.search
    assert [(w.old, w.new) for w in change.search.witnesses] == [("failed", "met"), ("met", "failed")]


def test_an_inclusion_turned_into_an_exclusion_with_another_limit() -> None:
    found = compare(one("{observation: ALT, at_most: 3 ULN}"), one("{observation: ALT, above: 5 ULN}", "exclude_if"))
    (change,) = found.criteria
    assert [each.words for each in change.differences] == [
        "inclusion criterion became exclusion criterion",
        "ALT: limit raised from 3 × ULN to 5 × ULN",
    ]
    assert change.direction == "looser"
