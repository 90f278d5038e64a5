"""Chapter 4 of the semantics: values as sets of possibilities, detection, partial dates, and which result counts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.helper import ask, leaf, observation, one, report, result, truth

ALT = "ALT"


@pytest.mark.parametrize(
    ("value", "comparison", "expected"),
    [
        (92, {"at_most": "92 U/L"}, True),
        (92, {"below": "92 U/L"}, False),
        (92, {"at_least": "92 U/L"}, True),
        (92, {"above": "92 U/L"}, False),
        ("<20", {"below": "20 U/L"}, True),
        ("<20", {"at_most": "19.9 U/L"}, None),
        ("<20", {"at_least": "20 U/L"}, False),
        ("<20", {"above": "0 U/L"}, None),
        ("<20", {"at_least": "0 U/L"}, True),
        ("<=20", {"below": "20 U/L"}, None),
        ("<=20", {"at_most": "20 U/L"}, True),
        (">1000", {"above": "1000 U/L"}, True),
        (">1000", {"at_least": "1000.1 U/L"}, None),
        (">1000", {"at_most": "1000 U/L"}, False),
        (">=1000", {"above": "1000 U/L"}, None),
        (">=1000", {"at_least": "1000 U/L"}, True),
        ("20-40", {"at_least": "20 U/L"}, True),
        ("20-40", {"above": "20 U/L"}, None),
        ("20-40", {"at_most": "40 U/L"}, True),
        ("20-40", {"below": "40 U/L"}, None),
        ("20-40", {"above": "40 U/L"}, False),
        ("20-40", {"between": ["20 U/L", "40 U/L"]}, True),
        ("20-40", {"between": ["21 U/L", "40 U/L"]}, None),
        (20, {"between": ["20 U/L", "40 U/L"]}, True),
        (40, {"between": ["20 U/L", "40 U/L"]}, True),
        ("40.01", {"between": ["20 U/L", "40 U/L"]}, False),
        (30, {"at_least": "20 U/L", "below": "30 U/L"}, False),
    ],
)
def test_a_comparison_is_decided_when_the_whole_interval_falls_on_one_side(
    value: object, comparison: dict[str, Any], expected: bool | None
) -> None:
    assert truth({"observation": ALT, **comparison}, result(ALT, value, "U/L")) is expected


def test_several_comparisons_apply_to_the_same_result() -> None:
    band = {"observation": ALT, "at_least": "40 U/L", "below": "50 U/L", "select": "any"}
    assert truth(band, {"observations": [observation(ALT, 30, "U/L"), observation(ALT, 60, "U/L")]}) is False


def test_no_value_passes_when_the_limits_of_the_very_result_exclude_each_other() -> None:
    band = {"observation": ALT, "at_least": "50 U/L", "at_most": "1 ULN"}
    censored = result(ALT, ">20", "U/L", reference_range={"high": 40})
    assert truth(band, censored) is False
    assert truth(band, result(ALT, ">20", "U/L", reference_range={"high": 50})) is None
    assert truth({**band, "at_least": "40 U/L"}, censored) is None
    assert truth({"observation": ALT, "above": "40 U/L", "at_most": "1 ULN"}, censored) is False


# --- detection ----------------------------------------------------------------------------------------------

DNA = "HBV-DNA"
ABOVE, DETECTED = {"observation": DNA, "above": "1 LLOD"}, {"observation": DNA, "detected": True}


@pytest.mark.parametrize(
    ("value", "limit", "above", "detected"),
    [
        ("not detected", None, False, False),
        ("not detected", 20, False, False),
        ("negative", None, False, False),
        ("detected", None, True, True),
        ("positive", None, True, True),
        ("<20", 20, False, False),
        ("<20", None, None, None),  # 20 may be a limit of quantification
        ("<20", 10, None, None),
        ("<20", 30, False, False),
        (0, None, False, False),
        (5, None, True, True),
        (5, 20, False, False),
        (20, 20, False, True),
        (21, 20, True, True),
        (">1000", None, True, True),
        ("10-30", 20, None, None),
    ],
)
def test_a_result_against_its_limit_of_detection(
    value: object, limit: int | None, above: bool | None, detected: bool | None
) -> None:
    more = {} if limit is None else {"detection_limit": limit}
    given = result(DNA, value, "[IU]/mL", **more)
    assert truth(ABOVE, given) is above
    assert truth(DETECTED, given) is detected
    assert truth({"observation": DNA, "detected": False}, given) is (None if detected is None else not detected)


def test_not_detected_is_below_any_greater_number_than_its_limit() -> None:
    given = result(DNA, "not detected", "[IU]/mL", detection_limit=20)
    assert truth({"observation": DNA, "below": "20 [IU]/mL"}, given) is True
    assert truth({"observation": DNA, "below": "19 [IU]/mL"}, given) is None
    assert truth({"observation": DNA, "below": "2000 [IU]/mL"}, result(DNA, "not detected", "[IU]/mL")) is None


def test_multiples_of_a_limit_of_detection() -> None:
    twice = {"observation": DNA, "above": "2 LLOD"}
    assert truth(twice, result(DNA, 41, "[IU]/mL", detection_limit=20)) is True
    assert truth(twice, result(DNA, 40, "[IU]/mL", detection_limit=20)) is False
    assert truth(twice, result(DNA, 41, "[IU]/mL")) is None
    assert truth(twice, result(DNA, "not detected", "[IU]/mL")) is False


def test_an_unknown_limit_of_detection_is_asked_for() -> None:
    found = ask(ABOVE, result(DNA, "<20", "[IU]/mL"))
    assert found.missing == ("observation:HBV-DNA#detection_limit",)
    assert leaf(found.explanation, "observation").reason == "detection-limit"


# --- dates and ages -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        ({"at_most": "65 years"}, True),
        ({"at_most": "64 years"}, None),
        ({"at_least": "64 years"}, True),
        ({"at_least": "65 years"}, None),
        ({"above": "65 years"}, False),
        ({"below": "64 years"}, False),
    ],
)
def test_born_in_1961_is_64_or_65(age: dict[str, str], expected: bool | None) -> None:
    assert truth({"age": age}, {"birth_date": "1961"}) is expected


@pytest.mark.parametrize(
    ("date", "window", "expected"),
    [
        ("2026", "24 weeks", True),  # between 1 January and 1 June; the window begins on 15 December
        ("2026-05", "28 days", None),
        ("2026-05", "5 weeks", True),
        ("2026-05-20T08:30", "28 days", True),
        ("2026", "6 months", True),
        ("2026", {"to": "1 day after screening"}, True),
        ("2025", "24 weeks", None),
        ("2024", "24 weeks", False),
    ],
)
def test_completed_events_are_cut_off_at_the_screening_day(date: str, window: Any, expected: bool | None) -> None:
    surgery = {"procedures": [{"code": "major-surgery", "date": date, "status": "completed"}]}
    complete = {**surgery, "complete": {"procedures": True}}
    assert truth({"procedure": "major-surgery", "within": window}, complete) is expected


def test_what_lies_wholly_later_is_ignored_and_listed() -> None:
    later = {
        "observations": [observation(ALT, 300, "U/L", date="2026-06-02"), observation(ALT, 30, "U/L")],
        "procedures": [{"code": "major-surgery", "date": "2026-07", "status": "completed"}],
        "complete": {"procedures": True},
    }
    assert truth({"observation": ALT, "at_most": "100 U/L"}, later) is True
    assert truth({"procedure": "major-surgery"}, later) is False
    issues = report(one({"sex": "female"}), later).issues
    assert [(issue.code, issue.path) for issue in issues] == [("later", "observations[0]"), ("later", "procedures[0]")]


def test_plans_lie_later_and_are_no_issue() -> None:
    planned = {"procedures": [{"code": "major-surgery", "date": "2026-07-01", "status": "planned"}]}
    assert report(one({"sex": "female"}), planned).issues == ()
    assert (
        truth({"procedure": "major-surgery", "status": "planned", "within": "2 months after screening"}, planned)
        is True
    )


def test_results_of_the_screening_day_itself_count() -> None:
    assert truth({"observation": ALT, "at_most": "100 U/L"}, result(ALT, 30, "U/L", date="2026-06-01T23:59")) is True


# --- coded results ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("positive", True),
        ("Reactive", True),
        ("negative", False),
        ("non-reactive", False),
        ("indeterminate", None),
        ("equivocal", None),
        ("purple", None),
    ],
)
def test_coded_results_are_compared_as_codes(value: str, expected: bool | None) -> None:
    given = result("HBsAg", value)
    turned = None if expected is None else not expected
    assert truth({"observation": "HBsAg", "is": "positive"}, given) is expected
    assert truth({"observation": "HBsAg", "is_not": "positive"}, given) is turned
    assert truth({"observation": "HBsAg", "one_of": ["positive", "negative"]}, given) is (
        None if turned is None else True
    )


@pytest.mark.parametrize(("value", "expected"), [("B", True), ("b", True), ("C", False), (7, None)])
def test_a_coded_result_is_read_in_the_catalogues_spelling(value: object, expected: bool | None) -> None:
    assert truth({"observation": "Child-Pugh", "one_of": ["A", "B"]}, result("Child-Pugh", value)) is expected


def test_an_indeterminate_result_may_be_the_latest_and_then_decides_nothing() -> None:
    both = {
        "observations": [observation("HBsAg", "negative", date="2026-05-19"), observation("HBsAg", "indeterminate")]
    }
    found = ask({"observation": "HBsAg", "is": "negative"}, both)
    assert found.condition is None
    assert leaf(found.explanation, "observation").reason == "indeterminate"


# --- which result counts --------------------------------------------------------------------------------------

AT_MOST_100 = {"observation": ALT, "at_most": "100 U/L", "within": "28 days"}


def dated(*pairs: tuple[object, str | None], unit: str = "U/L") -> dict[str, Any]:
    records = [observation(ALT, value, unit, date=date) for value, date in pairs]
    return {"observations": [{k: v for k, v in record.items() if v is not None} for record in records]}


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("latest", True),
        ("first", False),
        ("any", True),
        ("every", False),
        ("highest", False),
        ("lowest", True),
        ({"mean_of": 2}, False),
        ({"mean_of": 3}, False),
        ({"consecutive": 2}, False),
    ],
)
def test_the_selections(select: object, expected: bool) -> None:
    three = dated((110, "2026-05-10"), (150, "2026-05-15"), (80, "2026-05-20"))
    assert truth({**AT_MOST_100, "select": select}, three) is expected
    assert truth({**AT_MOST_100, "select": select}, {"observations": three["observations"][::-1]}) is expected


def test_every_and_any_are_unknown_when_there_is_no_result() -> None:
    for select in ("every", "any", "highest", "lowest", "first", {"mean_of": 2}, {"consecutive": 2}):
        assert truth({**AT_MOST_100, "select": select}, dated((30, "2026-01-01"))) is None


def test_consecutive_results_are_neighbours_far_enough_apart() -> None:
    two_high = {"observation": ALT, "above": "100 U/L", "select": {"consecutive": 2, "apart": "24 hours"}}

    def of(*pairs: tuple[object, str | None]) -> bool | None:
        return truth(two_high, dated(*pairs))

    assert of((120, "2026-05-18"), (130, "2026-05-20")) is True
    assert of((120, "2026-05-18"), (90, "2026-05-19"), (130, "2026-05-20")) is False
    assert of((120, "2026-05-20T08:00"), (130, "2026-05-20T20:00")) is False
    assert of((120, "2026-05-19T08:00"), (130, "2026-05-20T08:30")) is True
    assert of((120, "2026-05-19"), (130, "2026-05-20")) is None  # between nought and two days
    assert of((120, "2026-05")) is False
    assert of((120, "2026-05"), (130, "2026-05-20")) is None
    weeks = {**two_high, "select": {"consecutive": 2, "apart": "2 weeks"}}
    assert truth(weeks, dated((120, "2026-05-06"), (130, "2026-05-20"))) is True
    assert truth(weeks, dated((120, "2026-05-07"), (130, "2026-05-20"))) is False
    assert truth(weeks, dated((120, "2026-04"), (130, "2026-05-07"))) is None


def test_the_mean_of_fewer_results_is_unknown() -> None:
    mean = {**AT_MOST_100, "select": {"mean_of": 3}}
    assert truth(mean, dated((10, "2026-05-10"), (20, "2026-05-15"))) is None
    assert truth(mean, dated((10, "2026-05-10"), (20, "2026-05-15"), (270, "2026-05-20"))) is True
    assert truth(mean, dated((10, "2026-05-10"), (20, "2026-05-15"), ("270.1", "2026-05-20"))) is False
    assert truth(mean, dated((1, "2026-05-01"), (10, "2026-05-10"), (20, "2026-05-15"), ("271", "2026-05-20"))) is False


def test_the_mean_of_multiples_of_each_results_own_limit() -> None:
    mean = {"observation": ALT, "at_most": "2 ULN", "select": {"mean_of": 2}}

    def of(*records: tuple[object, int | None]) -> bool | None:
        made = [
            observation(
                ALT, value, "U/L", date=f"2026-05-1{day}", **({"reference_range": {"high": high}} if high else {})
            )
            for day, (value, high) in enumerate(records)
        ]
        return truth(mean, {"observations": made})

    assert of((40, 40), (150, 50)) is True
    assert of((40, 40), (151, 50)) is False
    assert of((40, 40), (150, None)) is None


def test_means_of_censored_and_unusable_results() -> None:
    mean = {"observation": ALT, "below": "100 U/L", "select": {"mean_of": 2}}
    assert truth(mean, dated(("<100", "2026-05-10"), (100, "2026-05-11"))) is True
    assert truth(mean, dated(("<=100", "2026-05-10"), (100, "2026-05-11"))) is None
    assert truth(mean, dated((">100", "2026-05-10"), (100, "2026-05-11"))) is False
    assert truth(mean, dated((100, "2026-05-10"), (20, "2026-05-11"), unit="kg")) is None


def test_means_where_the_order_is_open() -> None:
    mean = {"observation": ALT, "at_most": "100 U/L", "select": {"mean_of": 2}}
    assert truth(mean, dated((80, "2026-05"), (90, "2026-05-10"), (100, "2026-05-12"))) is True
    assert truth(mean, dated((200, "2026-05"), (90, "2026-05-10"), (100, "2026-05-12"))) is None
    many = [(80, "2026-05")] * 9
    assert ask(mean, dated(*many)).exact is False


def test_highest_and_lowest_of_censored_results() -> None:
    highest = {"observation": ALT, "above": "100 U/L", "select": "highest"}
    assert truth(highest, dated((">150", "2026-05-10"), (90, "2026-05-11"))) is True
    assert truth(highest, dated(("<120", "2026-05-10"), (110, "2026-05-11"))) is True
    assert truth(highest, dated(("<120", "2026-05-10"), (90, "2026-05-11"))) is None
    assert truth(highest, dated(("<90", "2026-05-10"), (100, "2026-05-11"))) is False
    lowest = {"observation": ALT, "below": "50 U/L", "select": "lowest"}
    assert truth(lowest, dated(("<20", "2026-05-10"), (90, "2026-05-11"))) is True
    assert truth(lowest, dated((">30", "2026-05-10"), (45, "2026-05-11"))) is True
    assert truth(lowest, dated((">30", "2026-05-10"), (55, "2026-05-11"))) is None
    assert truth(lowest, dated((">60", "2026-05-10"), (50, "2026-05-11"))) is False
    assert truth({**lowest, "below": "40 U/L"}, dated((">=40", "2026-05-10"), (40, "2026-05-11"))) is False


def test_a_null_value_is_no_result_and_the_one_before_counts() -> None:
    assert truth(AT_MOST_100, dated((30, "2026-05-18"), (None, "2026-05-20"))) is True


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"unit": "furlong"}, "unit"),
        ({"unit": None}, "unit"),
        ({"unit": "kg"}, "unit"),
        ({"value": "1:80"}, "value"),
        ({"value": 1300000}, "implausible"),
        ({"verification": "provisional"}, "provisional"),
    ],
)
def test_an_unusable_result_may_be_the_latest_and_then_the_leaf_is_unknown(record: dict[str, Any], reason: str) -> None:
    latest = {k: v for k, v in {**observation(ALT, 50, "U/L"), **record}.items() if v is not None}
    found = ask(AT_MOST_100, {"observations": [observation(ALT, 30, "U/L", date="2026-05-18"), latest]})
    assert found.condition is None
    explained = leaf(found.explanation, "observation")
    assert explained.reason == reason
    assert [e.role for e in explained.evidence] == ["unusable"]
    issues = report(one({"sex": "female"}), {"observations": [latest]}).issues
    assert [issue.path for issue in issues] == ["observations[0]"]


def test_where_partial_dates_leave_open_which_is_latest_all_are_considered() -> None:
    assert truth(AT_MOST_100, dated((30, "2026-05"), (40, "2026-05-20"))) is True
    by_month = {**AT_MOST_100, "within": "5 weeks"}
    assert truth(by_month, dated((30, "2026-05"), (40, "2026-05-20"))) is True
    assert truth(by_month, dated((300, "2026-05"), (40, "2026-05-20"))) is None
    assert truth(by_month, dated((300, "2026-04"), (40, "2026-05-20"))) is True
    first = {**by_month, "select": "first"}
    assert truth(first, dated((300, "2026-05"), (40, "2026-05-20"))) is None
    assert truth(first, dated((30, "2026-05-03"), (300, "2026-05-20"))) is True


def test_an_undated_result_may_be_any_day() -> None:
    undated = dated((30, None))
    found = ask(AT_MOST_100, undated)
    assert (found.condition, found.missing) == (None, ("observation:ALT", "observation:ALT#date"))
    assert truth({**AT_MOST_100, "within": "any"}, undated) is True


def test_a_result_outside_the_window_is_stale_unknown_never_failed() -> None:
    found = ask(AT_MOST_100, dated((300, "2025-11-02")))
    assert (found.status, found.missing) == ("undetermined", ("observation:ALT",))
    assert "2025-11-02" in found.headline
    assert "28 days" in found.headline
    explained = leaf(found.explanation, "observation")
    assert (explained.reason, [e.role for e in explained.evidence]) == ("stale", ["outside"])


def test_the_trial_states_how_old_results_may_be() -> None:
    leaf = {"observation": ALT, "at_most": "100 U/L"}
    old = dated((30, "2026-05-03"))
    assert truth(leaf, old) is True
    assert truth(leaf, old, results_within="28 days") is None
    assert truth({**leaf, "within": "any"}, old, results_within="28 days") is True
    assert truth(leaf, dated((30, "2026-05-04")), results_within="28 days") is True


def test_an_implausible_value_decides_nothing_and_is_listed() -> None:
    given = result("haemoglobin", 130, "g/dL")
    assert truth({"observation": "haemoglobin", "at_least": "8 g/dL"}, given) is None
    (issue,) = report(one({"sex": "female"}), given).issues
    assert (issue.code, issue.path) == ("implausible-unusable", "observations[0]")


def test_records_of_unknown_codes_are_listed() -> None:
    given = {"observations": [{"code": {"system": "loinc", "code": "00000-0"}, "value": 1, "date": "2026-05-20"}]}
    (issue,) = report(one({"sex": "female"}), given).issues
    assert (issue.code, issue.path) == ("unmapped-code", "observations[0].code")


def test_answers_and_anchors_that_the_trial_does_not_know_are_listed() -> None:
    given = {"answers": {"fot": True, "T2:other": True, "T1:fit": True}, "anchors": {"consent": "2026-05-01"}}
    issues = report(one({"sex": "female"}), given).issues
    assert [(i.code, i.path) for i in issues] == [
        ("unknown-answer", "answers.fot"),
        ("unknown-anchor", "anchors.consent"),
    ]


def test_an_age_that_contradicts_the_birth_date_is_not_used_and_listed() -> None:
    given = {"birth_date": "1990", "age": {"value": 60, "on": "2026-05-20"}}
    assert truth({"age": {"at_least": "18 years"}}, given) is None
    assert [issue.code for issue in report(one({"sex": "female"}), given).issues] == ["conflict"]
    together = {"birth_date": "1961", "age": {"value": 64, "on": "2026-05-20"}}
    assert truth({"age": {"at_most": "64 years"}}, together) is None
    assert truth({"age": {"at_most": "64 years"}}, {**together, "age": {"value": 64, "on": "2026-06-01"}}) is True


def test_every_of_and_any_of() -> None:
    given = {"observations": [observation("ALT", 30, "U/L"), observation("AST", 300, "U/L")]}
    assert truth({"observation": {"every_of": ["ALT", "AST"]}, "at_most": "100 U/L"}, given) is False
    assert truth({"observation": {"any_of": ["ALT", "AST"]}, "at_most": "100 U/L"}, given) is True
    assert truth({"observation": {"every_of": ["ALT", "ALP"]}, "at_most": "100 U/L"}, given) is None
