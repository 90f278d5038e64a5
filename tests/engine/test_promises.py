"""What a report promises, held over generated criteria and candidates.

`PRESCREEN_EXAMPLES` multiplies the number of examples (1 by default).
"""

# ruff: noqa: E501 (tables with a case a line)
from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from prescreen import InputRefused, load_candidate, load_trial, screen, statuses
from prescreen.language.model import Trial
from prescreen.report.model import CriterionReport, Status
from tests.engine.helper import ANCHORS, ON, criteria, one
from tests.reference.generate import QUESTIONS, Pair, pair

Profile = dict[str, Any]

MANY = int(os.environ.get("PRESCREEN_EXAMPLES", "1"))


def examples(number: int) -> settings:
    return settings(max_examples=number * MANY, deadline=None, suppress_health_check=list(HealthCheck))


SEEDS = st.integers(min_value=0, max_value=2**31).map(pair)

ROOT = Path(__file__).resolve().parents[2]
BUNDLED = [json.loads(path.read_text("utf-8")) for path in sorted((ROOT / "examples").glob("*.json"))]


def status(trial: Trial, candidate: Mapping[str, Any], on: date) -> str:
    return statuses(trial, candidate, on=on)["C"]


# --- deciding: sufficient, subset-minimal, deterministic ------------------------------------------------------------


def only(candidate: Profile, names: set[str]) -> Profile:
    """The candidate as if only the facts of these names were on file; places in lists stay what they are."""
    kept: Profile = {"id": candidate["id"]}
    if "birth_date" in names:
        kept |= {key: candidate[key] for key in ("birth_date", "age") if key in candidate}
    if "sex" in names and "sex" in candidate:
        kept["sex"] = candidate["sex"]
    kept["observations"] = [
        record if any(name.startswith("observation:") and name.endswith(f"[{place}]") for name in names) else {**record, "value": None}
        for place, record in enumerate(candidate.get("observations", ()))
    ]  # fmt: skip
    for domain, kind in (("conditions", "condition"), ("treatments", "treatment"), ("procedures", "procedure"), ("allergies", "allergy")):  # fmt: skip
        kept[domain] = [
            record
            for place, record in enumerate(candidate.get(domain, ()))
            if any(name.startswith(f"{kind}:") and name.endswith(f"[{place}]") for name in names)
        ]
    for key, kind in (("answers", "answer"), ("anchors", "anchor"), ("complete", "complete")):
        kept[key] = {name: value for name, value in candidate.get(key, {}).items() if f"{kind}:{name}" in names}
    return kept


def subsets(names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    most = len(names) if len(names) <= 5 else 1
    return chain.from_iterable(combinations(names, len(names) - fewer) for fewer in range(1, most + 1))


@examples(60)
@given(SEEDS)
def test_the_deciding_facts_suffice_and_none_of_them_can_be_spared(made: Pair) -> None:
    trial = load_trial(made.trial())
    found = screen(trial, made.candidate, on=made.day)["C"]
    if found.status == "undetermined":
        assert found.deciding == ()
        return
    assert len(set(found.deciding)) == len(found.deciding)
    assert status(trial, only(made.candidate, set(found.deciding)), made.day) == found.status
    for fewer in subsets(found.deciding):
        assert status(trial, only(made.candidate, set(fewer)), made.day) != found.status, fewer


@pytest.mark.parametrize("candidate", BUNDLED, ids=lambda c: c["id"])
def test_the_deciding_facts_of_the_bundled_candidates(candidate: Profile) -> None:
    trial = load_trial("NCT07535138")
    for found in screen(trial, candidate, on=ON):
        if found.status != "undetermined":
            assert statuses(trial, only(candidate, set(found.deciding)), on=ON)[found.id] == found.status
            for spared in found.deciding:
                fewer = only(candidate, set(found.deciding) - {spared})
                assert statuses(trial, fewer, on=ON)[found.id] == "undetermined", (found.id, spared)


# --- turns_on and rescreen_on against a scan of days ------------------------------------------------------------------

DAYS = 800
DATES = st.one_of(
    st.integers(-500, 420).map(lambda days: (ON + timedelta(days=days)).isoformat()),
    st.sampled_from(
        ["2024", "2025", "2026", "2025-12", "2026-05", "2026-06", "2026-07", "2025-02", "2026-05-20T08:30"]
    ),
)
WINDOWS = st.sampled_from([
    "24 weeks", "28 days", "1 month", "6 months", "1 year", "48 hours", "4 weeks after screening", "before screening",
    {"from": "12 weeks before screening", "to": "4 weeks before screening"},
    {"from": "6 months before screening", "to": "1 month before screening"},
    {"from": "2 weeks before screening", "to": "2 weeks after screening"},
    {"to": "1 year before screening"}, "14 days before first_dose", {"from": "8 weeks before screening", "to": "first_dose"},
])  # fmt: skip
SPANS = st.sampled_from(["1 month", "6 months", "1 year", "12 weeks", "30 days", "72 hours"])


@st.composite
def timed_leaves(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["observation", "egfr", "procedure", "treatment", "condition", "duration", "age"]))
    within = {"within": draw(WINDOWS)}
    match kind:
        case "observation":
            select = draw(
                st.sampled_from(["latest", "first", "any", "every", "highest", {"mean_of": 2}, {"consecutive": 2}])
            )
            return {"observation": "ALT", "at_most": "100 U/L", "select": select, **within}
        case "egfr":
            return {"observation": "eGFR", "at_least": "60 mL/min/1.73m2", **within}
        case "procedure":
            chosen = draw(st.sampled_from(["completed", "planned", ["completed", "planned"]]))
            return {"procedure": "major-surgery", "status": chosen, **within}
        case "treatment":
            return {"treatment": "rituximab", **within}
        case "condition":
            return {"condition": draw(st.sampled_from(["SLE", "stroke"])), **within}
        case "duration":
            old = {"condition": "malignancy", "status": "remission", "for_at_least": draw(SPANS)}
            return draw(st.sampled_from([
                {"condition": "SLE", "for_at_least": draw(SPANS)}, old, {"condition": "malignancy", "except": [old]},
            ]))  # fmt: skip
        case _:
            low = draw(st.integers(17, 19))
            return {
                "age": draw(
                    st.sampled_from([{"at_least": f"{low} years"}, {"between": [f"{low} years", f"{low} years"]}])
                )
            }


@st.composite
def timed_profiles(draw: st.DrawFn) -> Profile:
    def some(*kinds: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(st.one_of(*kinds), max_size=2))

    def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.one_of(st.none(), strategy)

    def record(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.fixed_dictionaries(fields).map(lambda made: {k: v for k, v in made.items() if v is not None})

    observations = draw(
        st.lists(
            record(
                code=st.just("ALT"),
                value=st.sampled_from([30, 100, 300, "<90"]),
                unit=st.just("U/L"),
                date=optional(DATES),
            ),
            max_size=3,
        )
    )
    observations += draw(
        st.lists(
            record(
                code=st.just("creatinine"),
                value=st.sampled_from(["0.8", "3"]),
                unit=st.just("mg/dL"),
                date=optional(DATES),
            ),
            max_size=2,
        )
    )
    profile: Profile = {
        "id": "C-1",
        "sex": "male",
        "birth_date": draw(st.sampled_from(["2008", "2008-06-01", "2007-11", "1976-02-29", "2009-01-31"])),
        "observations": observations,
        "procedures": some(record(code=st.just("major-surgery"), date=optional(DATES), status=optional(st.sampled_from(["completed", "planned", "not-done"])))),
        "treatments": some(record(code=st.just("rituximab"), start=optional(DATES), status=optional(st.sampled_from(["ongoing", "completed"])))),
        "conditions": some(
            record(code=st.sampled_from(["SLE", "stroke", "lung-cancer"]), onset=optional(DATES), status=optional(st.sampled_from(["active", "remission"]))),
            record(code=st.sampled_from(["SLE", "lung-cancer"]), abatement=optional(DATES), status=st.just("remission")),
            record(code=st.just("SLE"), date=optional(DATES), verification=st.just("refuted")),
        ),
        "complete": {
            domain: through
            for domain in ("procedures", "treatments", "conditions")
            if (through := draw(st.sampled_from([None, True, {"through": "2026-07-10"}, {"through": "2026-06"}])))
        },
        "anchors": draw(st.sampled_from([{}, {"first_dose": "2026-06-20"}, {"first_dose": "2026-07"}])),
    }  # fmt: skip
    return profile


def scan(trial: Trial, candidate: Any, on: date, days: int = DAYS) -> Iterator[tuple[date, dict[str, Status]]]:
    for later in range(1, days + 1):
        day = on + timedelta(days=later)
        yield day, statuses(trial, candidate, on=day)


@examples(25)
@given(st.lists(timed_leaves(), min_size=1, max_size=2), timed_profiles(), st.booleans())
def test_turns_on_is_the_first_day_that_a_scan_finds(
    leaves: list[dict[str, Any]], profile: Profile, both: bool
) -> None:
    condition = leaves[0] if len(leaves) == 1 else {"all" if both else "any": leaves}
    try:
        trial = one(condition)
        candidate = load_candidate(profile, catalogue=trial.catalogue)
    except InputRefused:
        assume(False)
    found = screen(trial, candidate, on=ON)["C1"]
    expected = next(((day, now["C1"]) for day, now in scan(trial, candidate, ON) if now["C1"] != found.status), None)
    if expected is None:
        assert found.turns_on is None or date.fromisoformat(found.turns_on) > ON + timedelta(days=DAYS)
    else:
        assert (found.turns_on, found.turns_to) == (expected[0].isoformat(), expected[1])


@examples(12)
@given(SEEDS)
def test_turns_on_of_any_pair(made: Pair) -> None:
    trial = load_trial(made.trial())
    candidate = load_candidate(made.candidate, catalogue=trial.catalogue)
    found = screen(trial, candidate, on=made.day)["C"]
    expected = next(
        (day.isoformat() for day, now in scan(trial, candidate, made.day, 450) if now["C"] != found.status), None
    )
    if expected is None:
        assert found.turns_on is None or date.fromisoformat(found.turns_on) > made.day + timedelta(days=450)
    else:
        # Where too many cases would have to be told apart, nothing is said.
        assert found.turns_on == expected or (found.turns_on is None and not found.exact)


@examples(25)
@given(st.lists(st.tuples(timed_leaves(), st.booleans()), min_size=2, max_size=3), timed_profiles())
def test_rescreening_is_the_first_day_without_a_failed_criterion_that_a_scan_finds(
    leaves: list[tuple[dict[str, Any], bool]], profile: Profile
) -> None:
    try:
        trial = criteria(*({"exclude_if" if excludes else "include_if": leaf} for leaf, excludes in leaves))
        candidate = load_candidate(profile, catalogue=trial.catalogue)
    except InputRefused:
        assume(False)
    found = screen(trial, candidate, on=ON)
    if not found.counts["failed"]:
        assert found.rescreen_on is None
        return
    expected = next((day.isoformat() for day, now in scan(trial, candidate, ON) if "failed" not in now.values()), None)
    if expected is None:
        assert found.rescreen_on is None or date.fromisoformat(found.rescreen_on) > ON + timedelta(days=DAYS)
    else:
        assert found.rescreen_on == expected


# --- one meaning ------------------------------------------------------------------------------------------------------


def loaded(made: Pair, **criterion: Any) -> Trial:
    """The pair's trial with another criterion; skips what the language refuses under the other kind."""
    try:
        return load_trial({**made.trial(), "criteria": [{"id": "C", "text": "t", **criterion}]})
    except InputRefused:
        assume(False)
        raise


def plain(made: Pair) -> bool:
    return "unless" not in repr((made.condition, made.definitions))


@examples(50)
@given(SEEDS.filter(plain))
def test_inclusion_and_exclusion_are_mirror_images_and_not_turns_round(made: Pair) -> None:
    included = status(loaded(made, include_if=made.condition), made.candidate, made.day)
    mirror = {"met": "failed", "failed": "met", "undetermined": "undetermined"}
    try:
        excluded = load_trial({**made.trial(), "criteria": [{"id": "C", "text": "t", "exclude_if": made.condition}]})
        negated = load_trial(
            {**made.trial(), "criteria": [{"id": "C", "text": "t", "include_if": {"not": made.condition}}]}
        )
    except InputRefused:  # an `if` without `else`
        assume(False)
    assert status(excluded, made.candidate, made.day) == mirror[included]
    assert status(negated, made.candidate, made.day) == mirror[included]


def refinements(made: Pair) -> Iterator[Profile]:
    """The same candidate with one thing known more closely, in a way that agrees with what was written."""
    candidate, day = made.candidate, made.day
    yield from ({**candidate, "sex": sex} for sex in ("female", "male") if "sex" not in candidate)
    if "birth_date" not in candidate and "age" not in candidate:
        yield from ({**candidate, "birth_date": birth} for birth in ("1940-03-01", "1985", "2015-06-01"))
    for question, options in QUESTIONS.items():
        if question not in candidate.get("answers", {}):
            for answer in options or (True, False):
                yield {**candidate, "answers": {**candidate.get("answers", {}), question: answer}}
    for anchor in ANCHORS:
        if anchor not in candidate.get("anchors", {}):
            for days in (-20, 0, 30):
                moved = (day + timedelta(days=days)).isoformat()
                yield {**candidate, "anchors": {**candidate.get("anchors", {}), anchor: moved}}
    records = candidate.get("observations", [])
    for place, record in enumerate(records):

        def with_record(**more: Any) -> Profile:
            changed = [*records[:place], {**record, **more}, *records[place + 1 :]]  # noqa: B023
            return {**candidate, "observations": changed}

        if "reference_range" not in record and record.get("unit") and record.get("value") is not None:
            yield with_record(reference_range={"low": 1, "high": 40})
            yield with_record(reference_range={"high": 1})
        written = record.get("date", "")
        if len(written) == 7:
            yield from (
                with_record(date=f"{written}-{d}") for d in ("01", "15", "28") if f"{written}-{d}" <= day.isoformat()
            )
        if len(written) == 4:
            yield from (
                with_record(date=f"{written}-{m}") for m in ("01", "05", "12") if f"{written}-{m}-01" <= day.isoformat()
            )
        if not written:
            yield with_record(date=day.isoformat())
    if not any(record["code"] == "ALT" for record in records):
        new = {"code": "ALT", "unit": "U/L", "date": day.isoformat(), "reference_range": {"high": 40}}
        yield from ({**candidate, "observations": [*records, {**new, "value": value}]} for value in (10, 130, 1000))


@examples(20)
@given(SEEDS)
def test_knowing_more_closely_never_turns_a_known_status_round(made: Pair) -> None:
    trial = load_trial(made.trial())
    before = status(trial, made.candidate, made.day)
    assume(before != "undetermined")
    for closer in refinements(made):
        assert status(trial, closer, made.day) == before, closer


# name, thresholds, other units with the factor from the first to them as a power of ten
UNITS = [
    ("creatinine", ["1.5 mg/dL", "15 mg/L", "1.5 ULN"], "mg/dL", {"mg/L": 1, "g/L": -2}),
    ("platelets", ["100 10*9/L", "100000 /uL", "0.5 ULN"], "10*9/L", {"/uL": 3, "10*12/L": -3, "K/uL": 0}),
    ("ALT", ["3 ULN", "120 U/L", "2 ukat/L"], "U/L", {"kU/L": -3, "U/mL": -3, "mU/mL": 0}),
    ("haemoglobin", ["8 g/dL", "80 g/L", "1 LLN"], "g/dL", {"g/L": 1, "mg/dL": 3}),
]  # fmt: skip


@examples(100)
@given(
    st.sampled_from(UNITS),
    st.data(),
    st.sampled_from(["at_most", "below", "at_least", "above"]),
    st.sampled_from(["1.5", "1.8", "1.2", "60", "100", "120", "8", "7.99", "0.3"]),
    st.sampled_from(["", "<", ">", "<=", ">="]),
)
def test_the_same_result_in_another_unit_has_the_same_status(
    row: tuple[str, list[str], str, dict[str, int]], data: st.DataObject, operator: str, number: str, sign: str
) -> None:
    code, thresholds, unit, others = row
    trial = one({"observation": code, operator: data.draw(st.sampled_from(thresholds))})
    ranged = {"low": "1", "high": "1.2"} if code == "creatinine" else {"low": "10", "high": "40"}

    def found(power: int, unit: str) -> CriterionReport:
        def scaled(text: str) -> str:
            digits, _, decimals = text.partition(".")
            shift = power - len(decimals)
            whole = (digits + decimals).rjust(1 - shift, "0")
            return whole + "0" * shift if shift >= 0 else f"{whole[:shift]}.{whole[shift:]}"

        record = {
            "code": code, "value": sign + scaled(number), "unit": unit, "date": "2026-05-20",
            "reference_range": {key: Decimal(scaled(limit)) for key, limit in ranged.items()},
        }  # fmt: skip
        return screen(trial, {"id": "C-1", "observations": [record]}, on=ON)["C1"]

    before = found(0, unit)
    for other, power in others.items():
        after = found(power, other)
        assert (after.status, after.deciding) == (before.status, before.deciding), (
            other,
            after.headline,
            before.headline,
        )
        if code != "ALT":
            margins = (before.explanation.margin, after.explanation.margin)
            assert margins[0] == (None if margins[1] is None else pytest.approx(margins[1], abs=1e-9))


# --- pure ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("candidate", BUNDLED, ids=lambda c: c["id"])
def test_the_same_input_gives_the_same_report_on_any_thread(candidate: Profile) -> None:
    def fresh(_: int) -> str:
        return screen(load_trial("NCT07535138"), candidate, on=ON).model_dump_json()

    trial, shared = load_trial("NCT07535138"), load_candidate(candidate)
    first = screen(trial, shared, on=ON).model_dump_json()
    assert screen(trial, shared, on=ON).model_dump_json() == first
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: screen(trial, shared, on=ON).model_dump_json(), range(8))) == {first}
        assert fresh(0) == first


@pytest.mark.parametrize("candidate", BUNDLED, ids=lambda c: c["id"])
def test_statuses_are_those_of_the_report(candidate: Profile) -> None:
    trial = load_trial("NCT07535138")
    for day in (ON, date(2025, 1, 1), date(2030, 2, 28)):
        report = screen(trial, candidate, on=day)
        assert {found.id: found.status for found in report} == statuses(trial, candidate, on=day)


@examples(40)
@given(SEEDS, st.randoms(use_true_random=False))
def test_the_order_of_records_does_not_matter(made: Pair, rng: Any) -> None:
    trial = load_trial(made.trial())
    shuffled = dict(made.candidate)
    for domain in ("observations", "conditions", "treatments", "procedures", "allergies"):
        if domain in shuffled:
            shuffled[domain] = rng.sample(shuffled[domain], len(shuffled[domain]))
    before, after = (screen(trial, candidate, on=made.day)["C"] for candidate in (made.candidate, shuffled))
    assert (after.status, after.exact, after.conflict, after.turns_on) == (
        before.status,
        before.exact,
        before.conflict,
        before.turns_on,
    )
    assert len(after.deciding) == len(before.deciding)
    if before.exact:  # what is not proven exact may ask for a little more, as results of one time are met
        assert set(after.missing) == set(before.missing)
