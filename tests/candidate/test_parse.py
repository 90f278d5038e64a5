"""One candidate from JSON: what is read, and that everything wrong is told at once."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prescreen.candidate.checks import check_against_day
from prescreen.candidate.profile import Dose, Profile
from prescreen.candidate.read import MAX_BYTES, MAX_VALUES, parse_candidate
from prescreen.problems import InputRefused, Problem
from tests.candidate.examples import full


def problems(data: Any) -> dict[str, Problem]:
    """By place, what is wrong with a candidate."""
    with pytest.raises(InputRefused) as caught:
        parse_candidate(data)
    found = {problem.path or "": problem for problem in caught.value.problems}
    assert len(found) == len(caught.value.problems), "one problem a place"
    return found


def observation(**changes: Any) -> dict[str, Any]:
    return {"id": "x", "observations": [{"code": "ALT", "value": 1, "unit": "U/L", **changes}]}


def the_problem(data: Any) -> Problem:
    found = problems(data)
    assert len(found) == 1, found
    return next(iter(found.values()))


def test_a_full_candidate_is_read_from_text_bytes_and_dict_alike() -> None:
    from_dict = parse_candidate(full())
    text = json.dumps(full())
    assert parse_candidate(text) == parse_candidate(text.encode()) == from_dict
    assert from_dict.observations[0].value == 92
    assert from_dict.treatments[0].indication == "lupus-nephritis"
    assert from_dict.observations[4].value is None


def test_only_the_id_is_needed() -> None:
    assert parse_candidate('{"id": "C-1"}') == Profile(id="C-1")


def test_numbers_are_what_was_written() -> None:
    text = '{"id": "x", "observations": [{"code": "ALT", "value": 1.10, "unit": "U/L", "detection_limit": 1e1}]}'
    record = parse_candidate(text).observations[0]
    assert record.value == Decimal("1.10")
    assert record.detection_limit == 10
    assert parse_candidate(observation(value=1.8)).observations[0].value == Decimal("1.8")


@given(st.decimals(min_value=0, max_value=10**9, allow_nan=False, places=6))
def test_a_number_keeps_its_value_through_text(number: Decimal) -> None:
    text = json.dumps(observation(value=0)).replace('"value": 0', f'"value": {number:f}')
    assert parse_candidate(text).observations[0].value == number


@given(st.floats(min_value=1e-20, max_value=1e20))
def test_a_float_counts_by_its_shortest_text(number: float) -> None:
    value = parse_candidate(observation(value=number)).observations[0].value
    assert value == Decimal(repr(number))


def test_every_mistake_of_a_candidate_is_told_at_once() -> None:
    found = problems(
        {
            "id": 7,
            "sex": "F",
            "birth_date": "1984-13",
            "age": {"value": 200},
            "observatons": [],
            "observations": [
                {"code": "ALTT", "value": "1,5", "unt": "U/L"},
                {"code": {"sytem": "loinc", "code": "1975-2"}, "value": []},
                5,
                {"code": "ALT", "value": True},
            ],
            "conditions": {},
            "treatments": [{"code": "rituximab", "status": "done", "start": "2025-02", "end": "2025-01"}],
            "answers": {"a": 1},
            "anchors": {"enrolment": "soon"},
            "complete": {"conditions": 3, "procedures": {"throug": "2026"}},
        }
    )
    assert set(found) == {
        *("id", "sex", "birth_date", "age.value", "age.on", "observatons"),
        *("observations[0].code", "observations[0].value", "observations[0].unt"),
        *("observations[1].code.system", "observations[1].code.sytem", "observations[1].value"),
        *("observations[2]", "observations[3].value", "conditions"),
        *("treatments[0].status", "treatments[0]", "answers.a", "anchors.enrolment"),
        *("complete.conditions", "complete.procedures.throug"),
    }
    assert found["observatons"].hint == "did you mean `observations`?"
    assert found["observations[0].unt"].hint == "did you mean `unit`?"
    assert found["complete.procedures.throug"].hint == "did you mean `through`?"
    assert found["observations[1].value"].message == "a list where a number or text is expected"
    assert found["observations[3].value"].message == "true where a number or text is expected"
    assert found["sex"].message == "the text `F` where one of `female` or `male` is expected"
    assert found["complete.conditions"].message == "the number 3 where true or false or an object is expected"


def test_a_key_that_resembles_none_is_told_the_known_ones() -> None:
    hint = the_problem(observation(zzzzz=1)).hint
    assert hint is not None
    assert "detection_limit" in hint


def test_a_file_name_is_carried_by_every_problem() -> None:
    with pytest.raises(InputRefused) as caught:
        parse_candidate({"id": "", "sex": 3}, file="c.json")
    assert [problem.file for problem in caught.value.problems] == ["c.json", "c.json"]


@pytest.mark.parametrize(
    ("changes", "code", "path", "words"),
    [
        ({"date": "2026-02-30"}, "bad-date", ".date", "2026-02 has 28 days"),
        ({"date": "20.5.2026"}, "bad-date", ".date", "expected YYYY"),
        ({"value": "1,5"}, "unreadable-value", ".value", "use a point: 1.5"),
        ({"value": "pending"}, "unreadable-value", ".value", "no result yet"),
        ({"value": "1" * 100_000}, "unreadable-value", ".value", "longer than any result"),
        ({"value": -1}, "negative", ".value", "-1 is negative"),
        ({"value": Decimal("-0.1")}, "negative", ".value", "negative"),
        ({"value": "-3"}, "negative", ".value", "negative"),
        ({"value": "<-3"}, "negative", ".value", "negative"),
        ({"value": 10**40}, "too-long", ".value", "digits"),
        ({"value": Decimal("1e999")}, "too-long", ".value", "digits"),
        ({"value": Decimal("1e-999")}, "too-long", ".value", "digits"),
        ({"value": float("nan")}, "no-number", ".value", "NaN is no number"),
        ({"value": float("-inf")}, "no-number", ".value", "-Infinity is no number"),
        ({"detection_limit": -1}, "negative", ".detection_limit", "negative"),
        ({"reference_range": {"low": 5, "high": 4.5}}, "range-upside-down", ".reference_range", "above the upper"),
        ({"reference_range": {"low": -5, "high": 4}}, "negative", ".reference_range.low", "negative"),
        ({"reference_range": {"high": 10**50}}, "too-long", ".reference_range.high", "digits"),
        ({"code": "ALTT"}, "unknown-code", ".code", "no observation is named `ALTT`"),
        ({"code": {"system": "loinc2", "code": "1"}}, "unknown-system", ".code.system", "no code system"),
        ({"unit": "U/L\x1b[31m"}, "bad-text", ".unit", "control character"),
        ({"unit": "\ud800"}, "bad-text", ".unit", "control character"),
        ({"date": date(2026, 5, 20)}, "wrong-type", ".date", "a Python date"),
        ({"date": datetime(2026, 5, 20)}, "wrong-type", ".date", "a Python datetime"),  # noqa: DTZ001
        ({"value": {1}}, "wrong-type", ".value", "a Python set"),
        ({"value": 1j}, "wrong-type", ".value", "a Python complex"),
        ({"verification": None}, "wrong-value", ".verification", "null"),
    ],
)
def test_what_an_observation_may_not_say(changes: dict[str, Any], code: str, path: str, words: str) -> None:
    problem = the_problem(observation(**changes))
    assert problem.code == code
    assert problem.path == f"observations[0]{path}"
    assert words in problem.message
    assert len(str(problem)) < 600


@pytest.mark.parametrize(
    ("data", "code", "path"),
    [
        ({"conditions": [{"code": "lupus"}]}, "unknown-code", "conditions[0].code"),
        ({"conditions": [{"code": {"system": "xyz", "code": "1"}}]}, "unknown-system", "conditions[0].code.system"),
        (
            {"conditions": [{"code": "SLE", "onset": "2024-05", "abatement": "2024-04-30"}]},
            "dates-upside-down",
            "conditions[0]",
        ),
        ({"treatments": [{"code": "rituximab", "start": "2025", "end": "2024"}]}, "dates-upside-down", "treatments[0]"),
        ({"treatments": [{"code": "rituximab", "for": "lupsu"}]}, "unknown-code", "treatments[0].for"),
        (
            {"treatments": [{"code": "rituximab", "dose": {"value": -1, "unit": "mg"}}]},
            "negative",
            "treatments[0].dose.value",
        ),
        ({"treatments": [{"code": "rituximab", "end": "2025-02-29"}]}, "bad-date", "treatments[0].end"),
        ({"procedures": [{"code": "major-surgry"}]}, "unknown-code", "procedures[0].code"),
        ({"allergies": [{"code": "zzz"}]}, "unknown-code", "allergies[0].code"),
        ({"anchors": {"enrolment": "2026-6-1"}}, "bad-date", "anchors.enrolment"),
        ({"age": {"value": 3, "on": "x"}}, "bad-date", "age.on"),
        ({"age": {"value": -1, "on": "2026"}}, "wrong-value", "age.value"),
        ({"complete": {"conditions": {"through": "2026-00"}}}, "bad-date", "complete.conditions.through"),
        ({"complete": {"conditions": {"systems": ["icd"]}}}, "unknown-system", "complete.conditions.systems[0]"),
        ({"id": " "}, "bad-id", "id"),
        ({"id": "x" * 201}, "bad-id", "id"),
        ({"id": "a\nb"}, "bad-id", "id"),
        ({"answers": {"q\x00": True}}, "bad-key", "answers"),
        ({"answers": {3: True}}, "bad-key", "answers"),
        ({"answers": {"a b": 3}}, "wrong-type", "answers[`a b`]"),
    ],
)
def test_what_a_candidate_may_not_say(data: dict[str, Any], code: str, path: str) -> None:
    problem = the_problem({"id": "x", **data})
    assert (problem.code, problem.path) == (code, path)


@pytest.mark.parametrize(
    "data",
    [
        observation(code={"system": "loinc", "code": "no-such"}, value=-5),
        observation(code={"system": "urn:oid:1.2.3", "code": "x"}),
        observation(code="HBV-DNA", value=-0.5, unit="log10 [IU]/mL"),
        observation(code="temperature", value=-3.5, unit="Cel", reference_range={"low": -4, "high": 1}),
        observation(reference_range={"low": 4, "high": 4}),
        observation(reference_range={}),
        observation(value="not detected"),
        observation(value=""),
        observation(source="line 1\nline 2\t“§”"),
        {"id": "x", "conditions": [{"code": "SLE", "onset": "2024", "abatement": "2024-01-01"}]},
        {"id": "x", "observations": ()},
    ],
)
def test_what_a_candidate_may_say(data: dict[str, Any]) -> None:
    assert isinstance(parse_candidate(data), Profile)


def test_models_made_in_python_take_floats_by_their_text() -> None:
    assert Dose(value=1.8, unit="mg").value == Decimal("1.8")  # type: ignore[arg-type]


def test_the_nearest_name_of_an_unknown_code_is_offered() -> None:
    data = {"id": "x", "observations": [{"code": "creatinin"}], "procedures": [{"code": "major-surgry"}]}
    found = problems(data)
    assert found["observations[0].code"].hint == "did you mean `creatinine`?"
    assert found["procedures[0].code"].hint == "did you mean `major-surgery`?"


@pytest.mark.parametrize(
    ("text", "code", "words", "line"),
    [
        ("", "empty", "is empty", None),
        (" \n ", "empty", "is empty", None),
        ("hello", "no-json", "expected value", 1),
        ('{"id": "x",\n "sex": }', "no-json", "expected value", 2),
        ('{"id": "x", "id": "y"}', "duplicate-key", "the key `id` is given twice", 1),
        ('{"id": NaN}', "no-json", "NaN and infinities are no numbers", 1),
        ('{"id": -Infinity}', "no-json", "is no JSON", 1),
        ('{"id": 1e999999999999999999999}', "too-long", "digits", 1),
        ('{"id": ' + "1" * 1_000_000 + "}", "too-long", "digits", 1),
        ("[" * 100_000, "too-deep", "nested too deeply", 1),
        (b'{"id":\n "\xff"}', "encoding", "no UTF-8", 2),
        ('{"id": "\ud800"}', "encoding", "no UTF-8", 1),
        ("[1, 2]", "no-candidate", "a list where a candidate is expected", None),
        ("3", "no-candidate", "the number 3 where", None),
        ("null", "no-candidate", "null where", None),
        ('{"resourceType": "Bundle"}', "fhir", "is a FHIR resource", None),
    ],
)
def test_text_that_is_no_candidate(text: str | bytes, code: str, words: str, line: int | None) -> None:
    problem = the_problem(text)
    assert (problem.code, problem.line) == (code, line)
    assert words in problem.message


def test_a_list_of_candidates_is_told_how_to_be_written() -> None:
    assert (
        the_problem('[{"id": "x"}]').hint
        == "write several candidates as one object per line, without the list around them"
    )


def test_a_control_character_is_found_behind_its_escape() -> None:
    assert the_problem(r'{"id": "x", "answers": {"a": "\u001b[2J"}}').path == "answers.a"
    assert parse_candidate(r'{"id": "x", "answers": {"a": "\u00e9\n\\"}}').answers == {"a": "é\n\\"}


def test_nesting_and_cycles_in_python_data_are_refused() -> None:
    loop: dict[str, Any] = {"id": "x"}
    loop["answers"] = loop
    assert the_problem(loop).code == "too-deep"


def test_hostile_sizes_are_refused() -> None:
    assert the_problem(b" " * (MAX_BYTES + 1)).code == "too-long"
    assert the_problem(b"[" + b"1," * MAX_VALUES + b"1]").code == "too-long"
    assert the_problem({"id": "x", "answers": list(range(MAX_VALUES))}).code == "too-long"


def test_a_flood_of_mistakes_ends() -> None:
    with pytest.raises(InputRefused) as caught:
        parse_candidate('{"id": "x", "observations": [' + '{"cod": 1},' * 50_000 + '{"code": 1}]}')
    assert 1_000 <= len(caught.value.problems) < 5_000
    with pytest.raises(InputRefused) as caught:
        parse_candidate({"id": "x", "conditions": [{"code": f"lupus-nephritis{n}"} for n in range(1_500)]})
    assert len(caught.value.problems) == 1_000
    assert 0 < sum(problem.hint is not None for problem in caught.value.problems) <= 20
    keys = ",".join(f'"k{index}": 1' for index in range(50_000))
    assert the_problem('{"id": "x", ' + keys + "}").code == "too-long"


def test_a_long_candidate_keeps_its_places() -> None:
    records = [{"code": "ALT", "value": 1, "unit": "U/L", "source": "x" * 100} for _ in range(3_000)]
    profile = parse_candidate(json.dumps({"id": "x", "observations": records}))
    assert len(profile.observations) == 3_000
    records[2_500]["unt"] = "U/L"
    found = problems(json.dumps({"observations": records}))
    assert set(found) == {"id", "observations[2500].unt"}


def test_a_birth_after_the_screening_day_is_refused() -> None:
    day = date(2026, 6, 1).toordinal()
    for written, later in [
        ("2026-06-02", True),
        ("2027", True),
        ("2026-06-01", False),
        ("2026", False),
        ("1980", False),
    ]:
        found = check_against_day(parse_candidate({"id": "x", "birth_date": written}), day, "c.json")
        assert bool(found) is later
        if found:
            assert (found[0].path, found[0].file) == ("birth_date", "c.json")
            assert found[0].message == f"the birth date {written} lies after the screening day 2026-06-01"
    assert check_against_day(parse_candidate({"id": "x"}), day) == []


ONE_PER_LINE = "write several candidates as one object per line, without the list around them"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["id", "observations", "conditions", "treatments", "age", "answers", "complete", "anchors", "sex"]
)
FIELDS = st.sampled_from(["code", "value", "unit", "date", "reference_range", "low", "for", "dose", "system", "status"])


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=50)
@given(st.dictionaries(KEYS, JSON | st.lists(st.dictionaries(FIELDS, JSON, max_size=4), max_size=3), max_size=5))
def test_any_data_is_a_profile_or_is_refused(data: dict[str, Any]) -> None:
    assert read_or_refused(data)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_text_is_a_profile_or_is_refused(text: str | bytes) -> None:
    assert read_or_refused(text)


def read_or_refused(data: Any) -> Profile | tuple[Problem, ...]:
    try:
        return parse_candidate(data)
    except InputRefused as refused:
        return refused.problems
