"""Chapter 3 of the semantics: what is not on file is unknown; what makes it false; and contradictions."""

# ruff: noqa: E501 (tables with a case a line)
from __future__ import annotations

from typing import Any

import pytest

from tests.engine.helper import ask, leaf, observation, one, report, result, truth

SLE, NEPHRITIS = {"condition": "SLE"}, {"condition": "lupus-nephritis"}
SURGERY = {"procedure": "major-surgery", "within": "24 weeks"}


def conditions(*records: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"conditions": list(records), **more}


def procedures(*records: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"procedures": list(records), **more}


def complete(**domains: Any) -> dict[str, Any]:
    return {"complete": domains}


def test_a_missing_result_is_not_a_negative_one() -> None:
    assert truth({"observation": "HBsAg", "is": "positive"}) is None
    assert truth({"observation": "HBsAg", "is": "negative"}) is None


def test_an_empty_problem_list_is_not_health() -> None:
    assert truth(SLE, conditions()) is None
    assert ask(SLE, conditions()).missing == ("condition:SLE", "complete:conditions")


# --- declarations of completeness ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("leaf", "domain"),
    [(SLE, "conditions"), ({"treatment": "rituximab"}, "treatments"), (SURGERY, "procedures"), ({"allergy": "albumin"}, "allergies")],
)  # fmt: skip
def test_what_is_not_in_a_complete_list_is_false(leaf: dict[str, Any], domain: str) -> None:
    found = ask(leaf, complete(**{domain: True}))
    assert (found.condition, found.deciding) == (False, (f"complete:{domain}",))


def test_a_list_is_complete_for_its_own_domain_only() -> None:
    assert truth(SLE, complete(procedures=True, treatments=True, allergies=True)) is None


def test_a_complete_list_still_holds_its_records() -> None:
    assert truth(SLE, conditions({"code": "SLE"}, complete={"conditions": True})) is True


def test_complete_is_up_to_the_screening_day() -> None:
    assert truth(SURGERY, complete(procedures={"through": "2026-06-01"})) is False
    assert truth(SURGERY, complete(procedures={"through": "2026-05-31"})) is None


def test_absence_is_false_up_to_the_day_and_open_later() -> None:
    until_may = {**SURGERY, "within": {"from": "24 weeks before screening", "to": "1 day before screening"}}
    assert truth(until_may, complete(procedures={"through": "2026-05-31"})) is False
    assert truth(until_may, complete(procedures={"through": "2026-05-30"})) is None
    assert truth(until_may, complete(procedures={"through": "2026-05"})) is None  # perhaps only its first day
    assert truth(until_may, complete(procedures={"through": "2026-06"})) is False


def test_complete_among_systems_speaks_of_what_they_can_express() -> None:
    assert truth(SLE, complete(conditions={"systems": ["icd-10-cm"]})) is False
    assert truth(SLE, complete(conditions={"systems": ["http://hl7.org/fhir/sid/icd-10-cm"]})) is False
    # mixed connective tissue disease has no code of its own in ICD-10-CM
    mixed = {"condition": "mixed-connective-tissue-disease"}
    assert truth(mixed, complete(conditions={"systems": ["icd-10-cm"]})) is None
    assert truth(mixed, complete(conditions=True)) is False


def test_a_complete_list_covers_plans_too() -> None:
    planned = {"procedure": "major-surgery", "status": "planned", "within": "4 weeks after screening"}
    assert truth(planned, complete(procedures=True)) is False
    assert truth(planned, complete(procedures={"through": "2026-06-01"})) is False
    assert truth(planned) is None
    operation = {"code": "major-surgery", "date": "2026-06-10", "status": "planned"}
    assert truth(planned, procedures(operation, complete={"procedures": True})) is True


# --- refutations ----------------------------------------------------------------------------------------------


def test_a_refutation_covers_its_own_concept_and_narrower_ones() -> None:
    refuted = conditions({"code": "SLE", "verification": "refuted"})
    found = ask(SLE, refuted)
    assert (found.condition, found.deciding) == (False, ("condition:SLE[0]",))
    assert truth(NEPHRITIS, refuted) is False


def test_a_refutation_never_covers_broader_ones() -> None:
    assert truth(SLE, conditions({"code": "lupus-nephritis", "verification": "refuted"})) is None
    assert truth({"condition": "autoimmune-disease"}, conditions({"code": "SLE", "verification": "refuted"})) is None


@pytest.mark.parametrize(
    ("leaf", "record", "domain"),
    [
        ({"procedure": "kidney-transplant"}, {"code": "kidney-transplant", "status": "not-done"}, "procedures"),
        ({"treatment": "rituximab"}, {"code": "rituximab", "status": "never"}, "treatments"),
        ({"allergy": "albumin"}, {"code": "albumin", "verification": "refuted"}, "allergies"),
    ],
)
def test_not_done_never_and_refuted_deny(leaf: dict[str, Any], record: dict[str, Any], domain: str) -> None:
    assert truth(leaf, {domain: [record]}) is False


def test_each_of_several_codes_needs_its_own_denial() -> None:
    either = {"condition": ["SLE", "rheumatoid-arthritis"]}
    no_lupus = {"code": "SLE", "verification": "refuted"}
    assert truth(either, conditions(no_lupus)) is None
    found = ask(either, conditions(no_lupus, {"code": "rheumatoid-arthritis", "verification": "refuted"}))
    assert (found.condition, found.deciding) == (False, ("condition:SLE[0]", "condition:rheumatoid-arthritis[1]"))


def test_a_refutation_holds_up_to_its_own_date() -> None:
    dated = conditions({"code": "SLE", "verification": "refuted", "date": "2026-05-01"})
    assert truth(SLE, dated) is None
    assert truth({**SLE, "within": {"to": "2 months before screening"}}, dated) is False
    assert truth(SLE, conditions({"code": "SLE", "verification": "refuted", "date": "2026-06-01"})) is False


def test_a_dated_not_done_denies_that_event_only() -> None:
    cancelled = procedures({"code": "major-surgery", "date": "2026-03-01", "status": "not-done"})
    assert truth({"procedure": "major-surgery"}, cancelled) is None
    assert truth({"procedure": "major-surgery"}, {**cancelled, **complete(procedures=True)}) is False


# --- records that say too little ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "aspect"),
    [
        ({"code": "SLE"}, "code"),
        ({"code": "lupus-nephritis", "verification": "provisional"}, "verification"),
        ({"code": {"system": "http://example.org/own", "code": "17"}}, "code"),
    ],
)
def test_a_broader_provisional_or_strangely_coded_record_keeps_the_leaf_unknown_even_in_a_complete_list(
    record: dict[str, Any], aspect: str
) -> None:
    found = ask(NEPHRITIS, conditions(record, **complete(conditions=True)))
    assert found.condition is None
    assert [name.partition("#")[2] for name in found.missing] == [aspect]
    assert leaf(found.explanation, "condition").reason == aspect


def test_a_record_of_a_narrower_concept_is_one_of_the_broader() -> None:
    assert truth(SLE, conditions({"code": "lupus-nephritis"})) is True
    assert truth(SLE, conditions({"code": {"system": "icd-10-cm", "code": "M32.14"}})) is True


def test_a_record_of_something_else_does_not_hinder_a_complete_list() -> None:
    assert truth(SLE, conditions({"code": "asthma"}, **complete(conditions=True))) is False


def test_suspected_counts_where_the_rule_says_so() -> None:
    suspected = conditions({"code": "SLE", "verification": "provisional"})
    assert truth({**SLE, "verification": ["confirmed", "provisional"]}, suspected) is True
    assert truth({**SLE, "verification": "provisional"}, suspected) is True
    sure = conditions({"code": "SLE"}, **complete(conditions=True))
    assert truth({**SLE, "verification": "provisional"}, sure) is False


@pytest.mark.parametrize("date", ["2025", "2025-12", None])
def test_a_filter_on_an_unknown_date_is_unknown_never_silently_false(date: str | None) -> None:
    record = {"code": "major-surgery", "status": "completed"}
    found = ask(SURGERY, procedures({**record, "date": date} if date else record, **complete(procedures=True)))
    assert found.condition is None
    assert found.missing == ("procedure:major-surgery#date",)


@pytest.mark.parametrize(
    ("condition", "record", "aspect"),
    [
        ({"condition": "SLE", "status": "active"}, {"code": "SLE"}, "status"),
        ({"condition": "SLE", "severity": "severe"}, {"code": "SLE"}, "severity"),
        ({"condition": "carcinoma-in-situ", "site": "cervix"}, {"code": "carcinoma-in-situ"}, "site"),
        ({"condition": "IgA-nephropathy", "confirmed_by": "biopsy"}, {"code": "IgA-nephropathy"}, "confirmed_by"),
    ],
)
def test_every_filter_on_what_is_not_written_is_unknown(
    condition: dict[str, Any], record: dict[str, Any], aspect: str
) -> None:
    found = ask(condition, conditions(record, **complete(conditions=True)))
    assert found.condition is None
    assert found.missing == (f"condition:{record['code']}#{aspect}",)
    written = {"status": "active", "severity": "severe", "site": "cervix", "confirmed_by": "biopsy"}[aspect]
    assert truth(condition, conditions({**record, aspect: written}, **complete(conditions=True))) is True
    other = {"status": "resolved", "severity": "mild", "site": "lip", "confirmed_by": "serology"}[aspect]
    assert truth(condition, conditions({**record, aspect: other}, **complete(conditions=True))) is False


TREATED = {"code": "rituximab", "start": "2025-01-10", "end": "2025-03-10", "status": "completed"}


@pytest.mark.parametrize(
    ("option", "yes", "no"),
    [
        ({"route": "intravenous"}, {"route": "Intravenous"}, {"route": "oral"}),
        ({"outcome": ["refractory", "relapsed"]}, {"outcome": "relapsed"}, {"outcome": "remission"}),
        ({"dose": {"at_least": "1000 mg"}}, {"dose": {"value": 1, "unit": "g"}}, {"dose": {"value": 999.9, "unit": "mg"}}),
        ({"daily_dose": {"above": "10 mg/d"}}, {"daily_dose": {"value": 10.1, "unit": "mg/d"}}, {"daily_dose": {"value": 10, "unit": "mg/d"}}),
        ({"dose": {"below": "500 mg"}}, {"dose": {"value": 499, "unit": "mg"}}, {"dose": {"value": 500, "unit": "mg"}}),
        ({"dose": {"at_most": "500 mg"}}, {"dose": {"value": 500, "unit": "mg"}}, {"dose": {"value": 501, "unit": "mg"}}),
        ({"for": "SLE"}, {"for": "lupus-nephritis"}, {"for": "asthma"}),
        ({"status": "completed"}, {}, {"status": "ongoing", "end": None}),
    ],
)  # fmt: skip
def test_filters_of_treatments(option: dict[str, Any], yes: dict[str, Any], no: dict[str, Any]) -> None:
    condition = {"treatment": "rituximab", **option}
    everything = complete(treatments=True)
    assert truth(condition, {"treatments": [{**TREATED, **yes}], **everything}) is True
    assert truth(condition, {"treatments": [{**TREATED, **no}], **everything}) is False
    if "status" not in option:
        assert truth(condition, {"treatments": [TREATED], **everything}) is None


def test_a_dose_in_an_unreadable_unit_or_a_broader_indication_is_unknown() -> None:
    dosed = {"treatment": "rituximab", "dose": {"at_least": "1000 mg"}}
    assert truth(dosed, {"treatments": [{**TREATED, "dose": {"value": 375, "unit": "mg/m2"}}]}) is None
    indicated = {"treatment": "rituximab", "for": "lupus-nephritis"}
    assert truth(indicated, {"treatments": [{**TREATED, "for": "SLE"}]}) is None
    coded = {"system": "icd-10-cm", "code": "M32.14"}
    assert truth(indicated, {"treatments": [{**TREATED, "for": coded}]}) is True


@pytest.mark.parametrize(
    ("bound", "with_two", "with_one"),
    [({"at_least": 2}, True, False), ({"above": 1}, True, False), ({"at_most": 1}, False, True), ({"below": 2}, False, True)],
)  # fmt: skip
def test_counts_are_of_distinct_concepts(bound: dict[str, int], with_two: bool, with_one: bool) -> None:
    condition = {"treatment": ["rituximab", "cyclophosphamide", "belimumab"], "count": bound}
    one_of_them = [TREATED, {**TREATED, "start": "2025-06-01", "end": "2025-07-01"}]
    two = [*one_of_them, {**TREATED, "code": "belimumab"}]
    everything = complete(treatments=True)
    assert truth(condition, {"treatments": two, **everything}) is with_two
    assert truth(condition, {"treatments": one_of_them, **everything}) is with_one
    assert truth(condition, {"treatments": one_of_them}) is None
    # a further one of the same changes nothing; once two are known, none that is unknown does
    assert truth(condition, {"treatments": two}) is with_two


def test_a_count_with_a_contradicted_record_is_unknown() -> None:
    condition = {"treatment": ["rituximab", "belimumab"], "count": {"at_least": 1}}
    records = [TREATED, {"code": "rituximab", "verification": "refuted"}]
    assert truth(condition, {"treatments": records, **complete(treatments=True)}) is None


# --- exceptions ---------------------------------------------------------------------------------------------------


def test_except_removes_the_single_records_that_match_and_their_descendants() -> None:
    cancer = {"condition": "malignancy", "except": ["non-melanoma-skin-cancer"]}
    everything = complete(conditions=True)
    assert truth(cancer, conditions({"code": "basal-cell-carcinoma"}, **everything)) is False
    assert truth(cancer, conditions({"code": "basal-cell-carcinoma"}, {"code": "lung-cancer"}, **everything)) is True


def test_an_unknown_match_of_an_exception_leaves_the_record_open() -> None:
    cancer = {"condition": "malignancy", "except": ["basal-cell-carcinoma"]}
    found = ask(cancer, conditions({"code": "malignancy"}, **complete(conditions=True)))
    assert (found.condition, found.missing) == (None, ("condition:malignancy#exception",))


def test_an_exception_may_be_a_condition_of_its_own() -> None:
    old = {"condition": "malignancy", "status": "remission", "for_at_least": "5 years"}
    cancer = {"condition": "malignancy", "except": [old]}
    everything = complete(conditions=True)
    record = {"code": "lung-cancer", "onset": "2015", "status": "remission"}
    assert truth(cancer, conditions({**record, "abatement": "2021-05-31"}, **everything)) is False
    assert truth(cancer, conditions({**record, "abatement": "2021-06-02"}, **everything)) is True
    assert truth(cancer, conditions({**record, "abatement": "2021"}, **everything)) is None


# --- contradictions -----------------------------------------------------------------------------------------------

ALT = {"observation": "ALT", "at_most": "100 U/L"}


def two_results(**first: Any) -> dict[str, Any]:
    return {"observations": [observation("ALT", 30, "U/L", **first), observation("ALT", 300, "U/L")]}


@pytest.mark.parametrize("select", ["latest", "first"])
def test_two_results_of_one_time_on_opposite_sides_contradict(select: str) -> None:
    found = ask({**ALT, "select": select}, two_results())
    assert (found.condition, found.conflict) == (None, True)
    explained = leaf(found.explanation, "observation")
    assert explained.reason == "conflict"
    assert [(shown.record, shown.role) for shown in explained.evidence] == [
        ("observations[0]", "conflicts"),
        ("observations[1]", "conflicts"),
    ]
    assert "30 U/L" in found.headline
    assert "300 U/L" in found.headline


def test_two_results_on_one_side_do_not() -> None:
    found = ask({"observation": "ALT", "at_most": "300 U/L"}, two_results())
    assert (found.condition, found.conflict) == (True, False)


@pytest.mark.parametrize(
    ("select", "expected"), [("any", True), ("every", False), ("highest", False), ("lowest", True)]
)
def test_other_selections_see_no_contradiction(select: str, expected: bool) -> None:
    found = ask({**ALT, "select": select}, two_results())
    assert (found.condition, found.conflict) == (expected, False)


def test_an_earlier_result_contradicts_nothing() -> None:
    found = ask(ALT, two_results(date="2026-05-19"))
    assert (found.condition, found.conflict) == (False, False)


def test_a_concept_both_confirmed_and_refuted_is_unknown_with_both_shown() -> None:
    found = ask(SLE, conditions({"code": "SLE", "onset": "2020"}, {"code": "SLE", "verification": "refuted"}))
    assert (found.condition, found.conflict) == (None, True)
    shown = {(e.record, e.role) for e in leaf(found.explanation, "condition").evidence}
    assert ("conditions[0]", "conflicts") in shown
    assert "conditions[1]" in {record for record, _ in shown}


def test_a_refutation_of_an_earlier_time_contradicts_nothing() -> None:
    later = conditions(
        {"code": "SLE", "onset": "2024-03"}, {"code": "SLE", "verification": "refuted", "date": "2023-01-01"}
    )
    found = ask(SLE, later)
    assert (found.condition, found.conflict) == (True, False)


def test_the_rest_of_the_criterion_is_decided_as_usual() -> None:
    both = {**two_results(), "sex": "female"}
    assert truth({"any": [ALT, {"sex": "female"}]}, both) is True
    assert truth({"all": [ALT, {"sex": "male"}]}, both) is False
    other = report(one({"sex": "female"}), both)
    assert other["C1"].conflict is False


def test_a_refuted_result_and_a_null_one_are_no_results() -> None:
    assert truth(ALT, result("ALT", 300, "U/L", verification="refuted")) is None
    assert truth(ALT, result("ALT", None, "U/L")) is None
    assert ask(ALT, result("ALT", None, "U/L")).missing == ("observation:ALT",)


def test_one_operation_both_done_and_not_done_on_a_day_is_a_contradiction() -> None:
    done, cancelled = (
        {"code": "major-surgery", "date": "2026-03-01", "status": status} for status in ("completed", "not-done")
    )
    found = ask(SURGERY, procedures(done, cancelled))
    assert (found.condition, found.conflict) == (None, True)
    assert truth(SURGERY, procedures(done, {**cancelled, "date": "2026-03-02"})) is True


def test_one_code_is_denied_by_a_record_and_another_by_the_declaration() -> None:
    either = {"treatment": ["systemic-corticosteroids", "cyclophosphamide"]}
    denied = {"treatments": [{"code": "systemic-corticosteroids", "verification": "refuted"}]}
    declared = {"complete": {"treatments": {"systems": ["rxnorm"]}}}
    assert ask(either, denied).condition is None
    assert ask(either, declared).condition is None
    both = ask(either, {**denied, **declared})
    assert both.condition is False
    assert set(both.deciding) == {"treatment:systemic-corticosteroids[0]", "complete:treatments"}
