"""A candidate written as FHIR and as prescreen's own JSON is the same candidate: the statuses agree, on every trial."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prescreen import load_candidate, load_trial, statuses
from prescreen.candidate.profile import Profile
from prescreen.catalogue import DOMAINS, Catalogue, Domain
from prescreen.fhir.observations import read_fully
from prescreen.fhir.plain import read_plain
from prescreen.fhir.setting import Entry, Setting
from prescreen.fhir.settle import settled
from prescreen.intake import parse
from prescreen.language.model import Trial
from tests.fhir.bundles import ME, UCUM, as_bundle, text_of

ON = date(2026, 6, 1)
RULES = Path(__file__).resolve().parents[2] / "rules"
TRIALS = sorted(path.parent.name for path in RULES.glob("*/trial.yaml"))

_STATUSES = {
    "conditions": ("active", "remission", "resolved"),
    "treatments": ("ongoing", "completed", "planned"),  # FHIR's "not-taken" is no "never"
    "procedures": ("completed", "planned", "not-done"),
}
dates = st.sampled_from(
    ["2026-05-30", "2026-05-20T08:30", "2026-05-20T08:30:00+02:00", "2026-05", "2026", "2025-12-01", "2021", "2020-02"]
)
intervals = dates | st.sampled_from(["2026-05-01/2026-05-03", "2025-11/2026-04-02", "../2026-05-20", "2026-03/.."])


@cache
def trial_of(name: str) -> Trial:
    return load_trial(RULES / name)


def _named(trial: Trial, domain: str) -> list[str]:
    """The concepts that a trial's text speaks of, those before others."""
    text = (RULES / trial.id / "trial.yaml").read_text(encoding="utf-8")
    known = trial.catalogue.observations if domain == "observations" else trial.catalogue.events[_domain(domain)]
    spoken = [name for name in known if name in text]
    return spoken or list(known)


def _domain(name: str) -> Domain:
    return next(domain for domain in DOMAINS if domain == name)


@st.composite
def observations(draw: st.DrawFn, trial: Trial) -> dict[str, Any]:
    catalogue = trial.catalogue
    coded = [name for name in _named(trial, "observations") if catalogue.observations[name].codes.get("loinc")]
    concept = catalogue.observations[draw(st.sampled_from(coded or ["ALT"]))]
    record: dict[str, Any] = {"code": {"system": "http://loinc.org", "code": concept.codes["loinc"][0]}}
    if concept.analyte is None:
        record["value"] = draw(st.sampled_from([*concept.values, "indeterminate"]))
    else:
        low, high = concept.low or 0, concept.high or 100
        part = low + (high - low) * draw(st.integers(1, 40)) / 40
        number = Decimal(int(part * 100)).scaleb(-2)
        if draw(st.integers(0, 2)) == 2:  # as most are: a number with a unit and a day, and nothing else
            plain = {"value": number, **({"unit": concept.unit} if concept.unit else {}), "date": draw(dates)}
            return {**record, **plain}
        written = [
            number,
            int(number),
            f"<{number}",
            f">{number}",
            f">={number}",
            f"{number}-{max(number, Decimal(int(high)))}",
            None,
        ]
        record["value"] = draw(st.sampled_from(written))
        if concept.unit:
            record["unit"] = concept.unit
            if draw(st.booleans()):
                times = draw(st.sampled_from([Decimal("0.2"), Decimal("0.4"), Decimal("0.8"), Decimal("1.5")]))
                record["reference_range"] = {"low": number * times / 2, "high": number * times}
    if draw(st.booleans()):
        record["date"] = draw(intervals)
    if draw(st.integers(0, 5)) == 0:
        record["verification"] = draw(st.sampled_from(["provisional", "refuted"]))
    return record


@st.composite
def events(draw: st.DrawFn, trial: Trial, domain: Domain) -> dict[str, Any]:
    concepts = trial.catalogue.events[domain]
    coded = [name for name in _named(trial, domain) if concepts[name].codes] or [
        n for n, c in concepts.items() if c.codes
    ]
    codes = concepts[draw(st.sampled_from(coded))].codes
    system = draw(st.sampled_from(sorted(codes)))
    code = draw(st.sampled_from([code for code in codes[system] if "-" not in code] or ["00000000"]))
    if draw(st.integers(0, 7)) == 0:
        system, code = "snomed", "44465007"
    record: dict[str, Any] = {"code": {"system": system, "code": code}}
    if domain != "treatments" and domain != "procedures" and draw(st.integers(0, 4)) == 0:
        record["verification"] = draw(st.sampled_from(["provisional", "refuted"]))
    if domain == "allergies":
        if draw(st.booleans()):
            record["severity"] = draw(st.sampled_from(["mild", "moderate", "severe"]))
        return record
    if domain != "conditions" or draw(st.booleans()):
        record["status"] = draw(st.sampled_from(_STATUSES[domain]))
    first, last = {"conditions": ("onset", "abatement"), "treatments": ("start", "end"), "procedures": ("date", "")}[
        domain
    ]
    # FHIR's "not-done" is of one event, and says when
    if record.get("status") == "not-done" or draw(st.booleans()):
        record[first] = draw(dates if domain == "treatments" else intervals)
    if last and first not in record and draw(st.integers(0, 2)) == 0:
        record[last] = draw(dates)
    if domain == "conditions" and draw(st.booleans()):
        record["date"] = draw(dates)
        record["severity"] = draw(st.sampled_from(["mild", "moderate", "severe"]))
    if domain == "treatments" and draw(st.booleans()):
        number, times = draw(st.sampled_from([5, 20, 500])), draw(st.integers(1, 4))
        record["dose"] = {"value": number, "unit": "mg"}
        record["daily_dose"] = {"value": number * times, "unit": "mg/d"}
        record["route"] = draw(st.sampled_from(["oral", "intravenous"]))
        record["for"] = {"system": "icd-10-cm", "code": draw(st.sampled_from(["M32.14", "E11.9"]))}
    return record


@st.composite
def candidates(draw: st.DrawFn, trial: Trial) -> dict[str, Any]:
    questions = sorted(trial.questions)
    results = draw(st.lists(observations(trial), max_size=5))
    if draw(st.booleans()):  # taken at once, so that they are components of one
        when = draw(dates)
        results = [{**each, "date": when} for each in results if "verification" not in each]
    made: dict[str, Any] = {
        "id": "C-1",
        "observations": results,
        **{domain: draw(st.lists(events(trial, domain), max_size=3)) for domain in DOMAINS},
        "answers": draw(st.dictionaries(st.sampled_from(questions), st.booleans(), max_size=4)) if questions else {},
    }
    if draw(st.booleans()):
        made["birth_date"] = draw(st.sampled_from(["1984-07-05", "1960", "2010-02", "1999-12-31"]))
    if draw(st.booleans()):
        made["sex"] = draw(st.sampled_from(["female", "male"]))
    return made


@pytest.mark.parametrize("name", TRIALS)
def test_fhir_and_own_json_give_the_same_statuses(name: str) -> None:
    trial = trial_of(name)

    @settings(max_examples=12, deadline=None)
    @given(candidates(trial))
    def agree(candidate: dict[str, Any]) -> None:
        own = load_candidate(candidate, catalogue=trial.catalogue)
        (fhir,) = parse(text_of(as_bundle(candidate)), trial.catalogue)
        assert said(fhir.profile) == said(own.profile)
        assert statuses(trial, fhir, on=ON) == statuses(trial, own, on=ON)

    agree()


def said(profile: Profile) -> dict[str, Any]:
    """What a profile says, whatever its records are called; a result that is none, or refuted, says nothing."""
    found = profile.model_dump(exclude={"id"})
    for name in ("observations", *DOMAINS):
        records = [{key: each[key] for key in each if key not in ("id", "source")} for each in found[name]]
        if name == "observations":
            records = [each for each in records if each["value"] is not None and each["verification"] != "refuted"]
        for each in records:
            each["code"].pop("display")
            if each.get("indication") is not None:
                each["indication"].pop("display")
        found[name] = sorted(records, key=repr)
    return found


_codes = st.sampled_from(["1742-6", "2160-0", "99999-9", "718-7"])
_quantities = st.fixed_dictionaries(
    {
        "value": st.sampled_from([Decimal("1.20"), 40, -3, "x"]),
        "unit": st.sampled_from(["U/L", "mg/dL", ""]),
        "code": st.sampled_from(["U/L", "mg/dL"]),
    },
    optional={"system": st.just(UCUM), "comparator": st.just("<")},
)


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "status": st.sampled_from(["final", "amended", "preliminary"]),
            "code": _codes.map(
                lambda code: {"coding": [{"system": "http://loinc.org", "code": code, "display": "a b"}]}
            ),
            "effectiveDateTime": st.sampled_from(
                ["2026-05-20", "2026", "2026-05-20T08:30:60Z", "2026-02-30", "2026/.."]
            ),
            "valueQuantity": _quantities,
        },
        optional={
            "id": st.just("o1"),
            "issued": st.sampled_from(["2026-05-20T08:30:00Z", ["x"]]),
            "valueString": st.just("x"),
        },
    )
)
def test_the_short_way_for_plain_results_is_the_long_one(resource: dict[str, Any]) -> None:
    data = {"resourceType": "Observation", "subject": ME, **resource}
    catalogue = trial_of("NCT07535138").catalogue
    short, long = Setting(catalogue, {}), Setting(catalogue, {})
    state = read_plain(data, "entry[1].resource", short)
    if state is None:
        return
    assert read_fully(Entry("entry[1].resource", "Observation", data), long) == state
    assert settled("C", short) == settled("C", long)
    assert (short.issues, short.places) == (long.issues, long.places)


def test_plain_results_do_take_the_short_way() -> None:
    catalogue: Catalogue = trial_of("NCT07535138").catalogue
    data = {"resourceType": "Observation", "status": "final", "subject": ME, "effectiveDateTime": "2026-05-20",
            "code": {"coding": [{"system": "http://loinc.org", "code": "1742-6"}]},
            "valueQuantity": {"value": 40, "unit": "U/L", "system": UCUM, "code": "U/L"}}  # fmt: skip
    assert read_plain(data, "entry[1].resource", Setting(catalogue, {})) == "understood"
