"""Chapter 7 of the semantics: what every result carries as data, by example. Promises over many: `test_promises.py`."""

# ruff: noqa: E501 (tables with a case a line)
from __future__ import annotations

from typing import Any

import pytest

from tests.engine.helper import ask, criteria, leaf, observation, one, report, result

ALT_3 = {"observation": "ALT", "at_most": "3 ULN"}
SLE = {"condition": "SLE"}
FIT, CARER, FEMALE = {"answer": "fit"}, {"answer": "carer"}, {"sex": "female"}
ADULT = {"age": {"at_least": "18 years"}}


# --- the tree and its evidence ------------------------------------------------------------------------------------


def test_a_leaf_shows_record_value_as_written_and_as_compared_date_and_source() -> None:
    given = result(
        "total-bilirubin", "17.1", "umol/L", reference_range={"high": 1.2, "unit": "mg/dL"}, source="report 17"
    )
    explained = leaf(ask({"observation": "total-bilirubin", "at_most": "2 ULN"}, given).explanation, "observation")
    (evidence,) = explained.evidence
    assert (evidence.record, evidence.written, evidence.date, evidence.source) == (
        "observations[0]", "17.1 umol/L", "2026-05-20", "report 17",
    )  # fmt: skip
    assert (evidence.compared, evidence.role) == ("0.9998 mg/dL", "decides")
    assert explained.threshold == "2.4 mg/dL (2 ULN)"
    assert explained.limit == "ULN 1.2 mg/dL: the result's own reference range"
    assert explained.margin == pytest.approx(17.1 / 17.104 / 2.4 - 1, abs=1e-4)


@pytest.mark.parametrize(
    ("condition", "nodes"),
    [
        ({"all": [FIT, FEMALE]}, ["all", "answer", "sex"]),
        ({"any": [FIT, {"not": FEMALE}]}, ["any", "answer", "not", "sex"]),
        ({"at_least_of": {"count": 1, "of": [FIT, ADULT]}}, ["at_least_of", "answer", "age"]),
        ({"if": FIT, "then": FEMALE, "else": SLE}, ["if", "answer", "sex", "condition"]),
        ({"use": "named"}, ["use", "treatment"]),
        ({**ALT_3, "unless": {"procedure": "dialysis"}}, ["unless", "observation", "procedure"]),
        ({"allergy": "albumin"}, ["allergy"]),
    ],
)
def test_the_tree_follows_the_condition(condition: dict[str, Any], nodes: list[str]) -> None:
    def names(node: Any) -> list[str]:
        return [node.node, *(name for child in node.children for name in names(child))]

    found = ask(condition, definitions={"named": {"treatment": "rituximab"}})
    assert names(found.explanation) == nodes
    assert all(node.requirement for node in [found.explanation, *found.explanation.children])
    assert found.explanation.truth is found.condition


def test_every_node_carries_its_own_truth() -> None:
    tree = ask(
        {"any": [{"all": [FIT, FEMALE]}, {"not": CARER}]}, {"sex": "male", "answers": {"carer": False}}
    ).explanation
    assert tree.truth is True
    assert [(child.node, child.truth) for child in tree.children] == [("all", False), ("not", True)]
    assert [child.truth for child in tree.children[0].children] == [None, False]


@pytest.mark.parametrize(
    ("condition", "given", "words"),
    [
        (ADULT, {"birth_date": "1984-07"}, "Age 41, required"),
        (ADULT, {"birth_date": "2008"}, "Age 17 to 18, required"),
        (ADULT, {}, "The birth date is not on file"),
        ({"age": {"at_least": "18 years"}, "on": "enrolment"}, {"birth_date": "2008-06-10"}, "The day of enrolment is not on file"),
        ({"age": {"at_least": "6 months"}}, {"birth_date": "2026-01-01"}, "Age 5 months, required"),
        (FEMALE, {"sex": "male"}, "Male, required female"),
        (FEMALE, {}, "The sex is not on file"),
        (FIT, {"answers": {"fit": True}}, "Answered yes: Is the candidate fit?"),
        (FIT, {}, "Not answered yet: Is the candidate fit?"),
        ({"answer": "stage", "equals": "late"}, {"answers": {"stage": "early"}}, "Answered early: Which stage?"),
        (SLE, {"complete": {"conditions": True}}, "declared complete"),
        (SLE, {"conditions": [{"code": "SLE", "verification": "refuted"}]}, "recorded as absent"),
        (SLE, {"conditions": [{"code": "SLE", "onset": "2021", "status": "active"}]}, "since 2021"),
        (ALT_3, result("ALT", 92, "U/L", reference_range={"high": 40}), "92 U/L on 2026-05-20 = 2.3 × ULN 40 U/L"),
        (ALT_3, {}, "ALT"),
        ({"observation": "ALT", "at_most": "50 U/L"}, result("ALT", "20-60", "U/L"), "not known closely enough"),
        ({"observation": "HBV-DNA", "detected": True}, result("HBV-DNA", "<20", "[IU]/mL"), "its limit of detection is not known"),
        ({"all": [FIT, CARER, ALT_3, SLE, FEMALE]}, {}, "and 2 more"),
    ],
)  # fmt: skip
def test_the_headline_says_what_was_found(condition: dict[str, Any], given: dict[str, Any], words: str) -> None:
    assert words in ask(condition, given).headline


def test_the_headline_of_a_branch_tells_what_carries_it() -> None:
    given = {"answers": {"fit": False, "carer": True}, "sex": "male"}
    assert ask({"if": FIT, "then": CARER, "else": FEMALE}, given).headline == (
        "Answered no: Is the candidate fit?; Male, required female"
    )
    assert ask({"any": [FIT, CARER]}, given).headline == "Answered yes: Is there a carer?"
    assert ask({"all": [FIT, CARER]}, given).headline == "Answered no: Is the candidate fit?"
    assert ask({**FIT, "unless": CARER}, given).headline.endswith("Answered yes: Is there a carer?")
    spared = ask({**FIT, "unless": CARER}, {"answers": {"fit": True, "carer": True}}, excludes=True)
    assert spared.status == "met"
    assert spared.headline.endswith("Answered yes: Is there a carer?")


def test_dozens_of_records_are_shown_in_part_and_conflicts_in_full() -> None:
    many = {"observations": [observation("ALT", 30 + day, "U/L", date=f"2026-05-{day:02}") for day in range(1, 29)]}
    explained = leaf(
        ask({"observation": "ALT", "at_most": "90 U/L", "select": "every"}, many).explanation, "observation"
    )
    assert len(explained.evidence) == 12


# --- margin -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "value", "margin"),
    [
        ({"at_most": "100 U/L"}, 77, -0.23),
        ({"at_most": "100 U/L"}, 150, 0.5),
        ({"at_least": "50 U/L", "at_most": "100 U/L"}, 90, -0.1),  # the nearer of the two
        ({"at_most": "100 U/L"}, "<50", None),
    ],
)
def test_the_margin_is_the_distance_to_the_threshold_as_a_ratio(
    condition: dict[str, str], value: object, margin: float | None
) -> None:
    found = ask({"observation": "ALT", **condition}, result("ALT", value, "U/L"))
    assert leaf(found.explanation, "observation").margin == margin


def test_the_margin_of_a_tie_is_nought() -> None:
    given = result("creatinine", 1.8, "mg/dL", reference_range={"high": 1.2})
    found = ask({"observation": "creatinine", "at_most": "1.5 ULN"}, given)
    assert leaf(found.explanation, "observation").margin == 0


# --- deciding -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "given", "deciding"),
    [
        (FIT, {}, ()),
        ({"any": [FIT, FEMALE]}, {"answers": {"fit": True}, "sex": "female"}, ("answer:fit",)),
        ({"all": [FIT, FEMALE]}, {"answers": {"fit": True}, "sex": "female"}, ("answer:fit", "sex")),
        ({"all": [FIT, FEMALE]}, {"answers": {"fit": True}, "sex": "male"}, ("sex",)),
        ({"any": [{"all": [FIT, CARER]}, FEMALE]}, {"answers": {"fit": True, "carer": True}, "sex": "female"}, ("sex",)),
        ({"at_least_of": {"count": 2, "of": [FIT, CARER, FEMALE]}}, {"answers": {"fit": True, "carer": True}, "sex": "female"}, ("answer:fit", "answer:carer")),
        ({"if": FIT, "then": CARER, "else": FEMALE}, {"answers": {"fit": True, "carer": False}, "sex": "female"}, ("answer:fit", "answer:carer")),
        ({"if": FIT, "then": FEMALE, "else": FEMALE}, {"answers": {"fit": True}, "sex": "female"}, ("sex",)),
        ({**FIT, "unless": CARER}, {"answers": {"fit": False, "carer": True}}, ("answer:carer",)),
        (FIT, {"answers": {"T1:fit": True, "fit": False}}, ("answer:T1:fit",)),
        (SLE, {"conditions": [{"code": "asthma"}, {"code": "SLE"}, {"code": "lupus-nephritis"}]}, ("condition:SLE[1]",)),
        (SLE, {"complete": {"conditions": True, "procedures": True}}, ("complete:conditions",)),
        ({"age": {"at_least": "18 years"}, "on": "enrolment"}, {"birth_date": "2000", "anchors": {"enrolment": "2026-06-10", "first_dose": "2026-07-01"}}, ("birth_date", "anchor:enrolment")),
        ({"observation": "ALT", "at_most": "90 U/L"}, {"observations": [observation("AST", 1, "U/L"), observation("ALT", 30, "U/L")]}, ("observation:ALT[1]",)),
        ({"observation": "ALT", "at_most": "90 U/L", "select": "highest"}, {"observations": [observation("ALT", 40, "U/L"), observation("ALT", 30, "U/L")]}, ("observation:ALT[0]",)),
        ({"observation": "ALT", "at_most": "90 U/L", "select": {"mean_of": 2}}, {"observations": [observation("ALT", 40, "U/L", date="2026-05-19"), observation("ALT", 30, "U/L")]}, ("observation:ALT[1]", "observation:ALT[0]")),
        ({"treatment": ["rituximab", "belimumab"], "count": {"at_least": 1}}, {"treatments": [{"code": "rituximab", "status": "ongoing"}]}, ("treatment:rituximab[0]",)),
        ({"procedure": "major-surgery", "within": "4 weeks before first_dose"}, {"procedures": [{"code": "major-surgery", "date": "2026-05-20", "status": "completed"}], "anchors": {"first_dose": "2026-05-30"}}, ("procedure:major-surgery[0]", "anchor:first_dose")),
    ],
)  # fmt: skip
def test_the_deciding_facts_are_few_and_named(
    condition: dict[str, Any], given: dict[str, Any], deciding: tuple[str, ...]
) -> None:
    found = ask(condition, given)
    assert found.deciding == deciding
    assert ask(condition, given).deciding == deciding


# --- missing ------------------------------------------------------------------------------------------------------

SURGERY = {"procedure": "major-surgery", "within": "24 weeks"}
MISSING: list[tuple[dict[str, Any], dict[str, Any], str, list[dict[str, Any]]]] = [
    # condition, what is known, the fact, and completions that differ in it alone
    (ALT_3, {}, "observation:ALT", [result("ALT", v, "U/L", reference_range={"high": 40}) for v in (100, 200)]),
    (ALT_3, result("ALT", 92, "U/L"), "observation:ALT#reference_range",
     [result("ALT", 92, "U/L", reference_range={"high": high}) for high in (20, 40)]),
    ({"observation": "HBV-DNA", "above": "1 LLOD"}, result("HBV-DNA", "<20", "[IU]/mL"), "observation:HBV-DNA#detection_limit",
     [result("HBV-DNA", 15, "[IU]/mL", detection_limit=limit) for limit in (10, 20)]),
    ({"observation": "ALT", "at_most": "90 U/L", "within": "28 days"}, result("ALT", 30, "U/L", date="2026"), "observation:ALT#date",
     [{"observations": [observation("ALT", 300, "U/L", date="2026-05-10"), observation("ALT", 30, "U/L", date=d)]} for d in ("2026-05-09", "2026-05-20")]),
    ({"observation": "ALT", "at_most": "2 ukat/L"}, result("ALT", 100, "zorkmid"), "observation:ALT#unit",
     [result("ALT", 100, unit) for unit in ("U/L", "ukat/L")]),
    (FIT, {}, "answer:fit", [{"answers": {"fit": a}} for a in (True, False)]),
    (FEMALE, {}, "sex", [{"sex": s} for s in ("female", "male")]),
    (ADULT, {"birth_date": "2008"}, "birth_date", [{"birth_date": d} for d in ("2008-01-01", "2008-12-01")]),
    ({**ADULT, "on": "enrolment"}, {"birth_date": "2008-06-10"}, "anchor:enrolment",
     [{"birth_date": "2008-06-10", "anchors": {"enrolment": d}} for d in ("2026-06-09", "2026-06-10")]),
    (SLE, {}, "condition:SLE", [{"conditions": [{"code": "SLE"}]}, {"conditions": [{"code": "SLE", "verification": "refuted"}]}]),
    (SLE, {}, "complete:conditions", [{"complete": {"conditions": True}}, {"conditions": [{"code": "SLE"}]}]),
    (SURGERY, {"procedures": [{"code": "major-surgery", "date": "2025", "status": "completed"}]}, "procedure:major-surgery#date",
     [{"procedures": [{"code": "major-surgery", "date": d, "status": "completed"}], "complete": {"procedures": True}} for d in ("2025-12-14", "2025-12-15")]),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "given", "fact", "completions"), MISSING, ids=[row[2] for row in MISSING])
def test_a_missing_fact_is_one_in_which_completions_differ(
    condition: dict[str, Any], given: dict[str, Any], fact: str, completions: list[dict[str, Any]]
) -> None:
    found = ask(condition, given)
    assert found.status == "undetermined"
    assert fact in found.missing
    assert {ask(condition, completion).condition for completion in completions} == {True, False}
    asked = {question.fact: question for question in report(one(condition), given).questions}
    assert asked[fact].question.endswith("?")
    assert asked[fact].ask in ("candidate", "caregiver", "coordinator", "investigator")


def test_what_can_no_longer_change_the_status_is_not_missing() -> None:
    found = ask({"any": [{"all": [FIT, FEMALE]}, CARER]}, {"sex": "male"})
    assert found.missing == ("answer:carer",)
    unless = ask({"any": [FIT, {"not": {"all": [FIT, CARER]}}]})
    assert (unless.condition, unless.missing) == (True, ())


def test_facts_that_are_used_twice_are_missing_only_where_they_tip_the_balance() -> None:
    # whatever the answer is, the carer decides
    found = ask({"any": [{"all": [FIT, CARER]}, {"all": [{"not": FIT}, CARER]}]})
    assert found.missing == ("answer:carer",)


# --- turns_on, rescreen_on ------------------------------------------------------------------------------------------


EARLIER = {"from": "12 weeks before screening", "to": "4 weeks before screening"}


def done(day: str, **more: Any) -> dict[str, Any]:
    return {
        "procedures": [{"code": "major-surgery", "date": day, "status": "completed"}],
        "complete": {"procedures": True},
        **more,
    }


@pytest.mark.parametrize(
    ("condition", "given", "day", "to"),
    [
        (ADULT, {"birth_date": "2008-06-02"}, "2026-06-02", "met"),
        (ADULT, {"birth_date": "2008-06"}, "2026-06-30", "met"),  # undetermined today: perhaps born on the first
        (ADULT, {"birth_date": "2008-07"}, "2026-07-01", "undetermined"),
        ({"age": {"at_most": "65 years"}}, {"birth_date": "1984-07"}, None, None),  # later than ten years on
        (SURGERY, done("2026-05-20"), "2026-11-05", "failed"),
        ({"observation": "ALT", "at_most": "90 U/L", "within": "28 days"}, result("ALT", 30, "U/L"), "2026-06-18", "undetermined"),
        ({"condition": "SLE", "status": "active", "for_at_least": "1 year"}, {"conditions": [{"code": "SLE", "status": "active", "onset": "2026-05-31"}], "complete": {"conditions": True}}, "2027-05-31", "met"),
        ({"procedure": "major-surgery", "within": "1 month"}, {"complete": {"procedures": {"through": "2026-06-05"}}}, "2026-06-06", "undetermined"),
        # a declaration and a refutation that no longer reach the end of the window
        ({"procedure": "major-surgery", "within": EARLIER}, {"complete": {"procedures": {"through": "2026-06-01"}}}, "2026-06-30", "undetermined"),
        ({"condition": "SLE", "within": EARLIER}, {"conditions": [{"code": "SLE", "verification": "refuted", "date": "2026-06-01"}]}, "2026-06-30", "undetermined"),
        (FIT, {"answers": {"fit": True}}, None, None),
        (ALT_3, {}, None, None),
    ],
)  # fmt: skip
def test_turns_on_is_the_first_later_day_with_another_status(
    condition: dict[str, Any], given: dict[str, Any], day: str | None, to: str | None
) -> None:
    found = ask(condition, given)
    assert (found.turns_on, found.turns_to) == (day, to)


def test_a_plan_does_not_become_done() -> None:
    planned = {
        "procedures": [{"code": "major-surgery", "date": "2026-06-10", "status": "planned"}],
        "complete": {"procedures": True},
    }
    assert ask(SURGERY, planned).turns_on is None


def test_rescreening_is_the_first_day_without_a_failed_criterion() -> None:
    trial = criteria({"exclude_if": SURGERY}, {"include_if": ADULT}, {"include_if": FIT})
    given = done("2026-05-20", birth_date="2008-12-24", answers={"fit": True})
    found = report(trial, given)
    assert (found["C1"].turns_on, found["C2"].turns_on, found.rescreen_on) == ("2026-11-05", "2026-12-24", "2026-12-24")
    assert report(trial, {**given, "answers": {"fit": False}}).rescreen_on is None
    assert report(trial, {**given, "birth_date": "1990"}).rescreen_on == "2026-11-05"


def test_rescreening_waits_for_criteria_that_fail_in_the_meantime() -> None:
    # the first surgery is over in November, but the candidate is too young until March
    trial = criteria({"exclude_if": SURGERY}, {"exclude_if": {"age": {"between": ["18 years", "18 years"]}}})
    found = report(trial, done("2026-05-20", birth_date="2008-10-01"))
    assert found["C2"].status == "met"
    assert found.rescreen_on == "2027-10-01"


def test_nobody_is_rescreened_who_fails_in_nothing() -> None:
    assert report(one(ADULT), {"birth_date": "1990"}).rescreen_on is None
    assert report(one({"age": {"at_most": "17 years"}}), {"birth_date": "1990"}).rescreen_on is None


# --- next facts -----------------------------------------------------------------------------------------------------


def next_facts(trial: Any, given: dict[str, Any] | None = None) -> list[tuple[tuple[str, ...], tuple[str, ...], bool]]:
    return [(fact.facts, fact.settles, fact.decides) for fact in report(trial, given).next_facts]


def test_what_alone_could_decide_the_verdict_comes_first_then_what_settles_most() -> None:
    trial = criteria(
        {"include_if": {"any": [FEMALE, CARER]}},  # the sex alone can only settle it one way
        {"include_if": {"any": [FEMALE, {"not": CARER}]}},
        {"include_if": FIT},
    )
    assert next_facts(trial) == [
        (("answer:fit",), ("C3",), True),
        (("sex",), ("C1", "C2"), False),
        (("answer:carer",), ("C1", "C2"), False),
    ]


def test_then_the_smallest_sets_where_no_single_fact_does() -> None:
    neither = {"any": [{"all": [FIT, CARER]}, {"all": [{"not": FIT}, {"not": CARER}]}]}
    (found,) = next_facts(one(neither))
    assert set(found[0]) == {"answer:fit", "answer:carer"}
    assert (found[1], found[2]) == (("C1",), False)


def test_the_last_open_criterion_of_a_complete_source_decides_either_way() -> None:
    trial = criteria({"include_if": {"any": [FIT, CARER]}}, {"include_if": FEMALE})
    found = next_facts(trial, {"sex": "female"})
    assert found == [(("answer:fit",), ("C1",), True), (("answer:carer",), ("C1",), True)]
    assert next_facts(trial, {"sex": "male"}) == [
        (("answer:fit",), ("C1",), False),
        (("answer:carer",), ("C1",), False),
    ]


@pytest.mark.parametrize(
    ("condition", "given", "facts"),
    [
        ({**FIT, "unless": CARER}, {}, [("answer:fit",), ("answer:carer",)]),
        ({"not": SLE}, {}, [("condition:SLE",), ("complete:conditions",)]),
        ({"condition": ["SLE", "asthma"]}, {}, [("condition:SLE",), ("condition:asthma",), ("complete:conditions",)]),
        ({"at_least_of": {"count": 2, "of": [FIT, CARER, FEMALE]}}, {"sex": "female"}, [("answer:fit",), ("answer:carer",)]),
        (SURGERY, {"procedures": [{"code": "major-surgery", "date": "2025", "status": "completed"}], "complete": {"procedures": True}}, [("procedure:major-surgery#date",)]),
        ({"if": FIT, "then": CARER, "else": FEMALE}, {"sex": "male"}, [("answer:fit",)]),
    ],
)  # fmt: skip
def test_the_facts_to_find_out(condition: dict[str, Any], given: dict[str, Any], facts: list[tuple[str, ...]]) -> None:
    assert [found[0] for found in next_facts(one(condition), given)] == facts


def test_a_missing_input_or_the_derived_result_itself_settles() -> None:
    egfr = {"observation": "eGFR", "at_least": "45 mL/min/1.73m2"}
    found = next_facts(one(egfr), {"sex": "male", "birth_date": "1976-01-01"})
    assert {facts for facts, _, _ in found} == {("observation:eGFR",), ("observation:creatinine",)}
    assert next_facts(one(egfr), {"sex": "male"})[0][0] == ("observation:eGFR",)


def test_a_date_settles_only_the_way_in_which_the_results_go() -> None:
    low = {"observation": "ALT", "at_most": "100 U/L", "within": "28 days"}
    given = {"observations": [observation("ALT", 30, "U/L", date="2026-05"), observation("ALT", 300, "U/L")]}
    assert ("observation:ALT#date",) in [facts for facts, _, _ in next_facts(one(low), given)]
