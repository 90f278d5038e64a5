"""Trials and candidates for what columns find hardest: several records in one leaf, and anchors that are not known.

Doses added up, lines and counts, `without`, selections, derived quantities and windows by anchors, over records with
partial dates, intervals of days, denials, provisional and contradictory entries.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product
from random import Random
from typing import Any

from prescreen import load_trial
from prescreen.candidate.profile import Profile
from prescreen.candidate.read import parse_candidate
from prescreen.language.model import Trial
from prescreen.problems import InputRefused

Mapping = dict[str, Any]

_TOP: Mapping = {
    "schema": "prescreen/trial/1",
    "id": "SEVERAL",
    "title": "t",
    "source": {"document": "none", "complete": True},
    "results_within": "any",
    "anchors": {"first": "a", "last": "b"},
    "questions": {"q": {"ask": "candidate", "text": "t?"}},
}
_OF_EVENTS = (
    "any", "5 days before first", "30 days before first", "14 days", "2 months before first", "1 year", "before first",
    {"from": "5 days before first", "to": "14 days after last"}, {"from": "30 days before screening", "to": "first"},
    {"from": "7 days before first", "to": "7 days after first"}, "24 weeks after first",
)  # fmt: skip
_OF_RESULTS = ("any", "14 days before first", "28 days", "1 year", "before first",
               {"from": "30 days before screening", "to": "first"})  # fmt: skip
_STATUSES: tuple[Mapping, ...] = (
    {}, {"status": ["ongoing", "completed", "planned"]}, {"status": "ongoing"}, {"status": ["ever", "planned"]},
)  # fmt: skip
_DRUGS = ("systemic-corticosteroids", "prednisone", "immunosuppressant", ["prednisone", "methylprednisolone"])
_OPERATORS = ("at_least", "above", "at_most", "below")
_BIRTHS = ("1984-02-29", "1961", "2007-06", "2008-05-20", "1990-01-01", "2008-06-15", "1940-02-28")


def of_open_ages(day: date) -> tuple[Trial, list[Profile]]:
    """An eGFR and a clearance by themselves, and candidates whose partly known birth lies on either side of a limit."""
    clearance = {"observation": "creatinine-clearance", "at_least": "60 mL/min"}
    conditions = [{"observation": "eGFR", "at_least": "60 mL/min/1.73m2"}, clearance]
    criteria = [{"id": f"C{n}", "text": "t", "include_if": each} for n, each in enumerate(conditions)]
    weight = {"code": "weight", "value": 70, "unit": "kg", "date": day.isoformat()}
    profiles = []
    for birth in ("1960", "1960-06", "1960-05-31/1960-06-02"):
        for step in range(60):
            creatinine = {"code": "creatinine", "value": 0.9 + step / 200, "unit": "mg/dL", "date": day.isoformat()}
            given = {"id": f"A{len(profiles):05}", "birth_date": birth, "sex": "female"}
            profiles.append(parse_candidate({**given, "observations": [creatinine, weight]}))
    return load_trial({**_TOP, "criteria": criteria}), profiles


def of_shared_facts(day: date) -> tuple[Trial, list[Profile]]:
    """Criteria of which two leaves share what an eGFR is derived from, or of which many cases are told apart; and
    candidates of whom one has records and another none, so that they are not alike."""
    questions = {f"q{number}": {"ask": "candidate", "text": "t?"} for number in range(6)}
    either = {"any": [{"answer": "q0"}, {"not": {"answer": "q0"}}]}
    old, young = {"age": {"at_least": "65 years"}}, {"age": {"below": "65 years"}}
    good = {"observation": "eGFR", "at_least": "60 mL/min/1.73m2"}
    bad = {"observation": "eGFR", "below": "60 mL/min/1.73m2"}
    low = {"observation": "creatinine", "at_most": "1.2 mg/dL"}
    cases = [
        {"all": [{"answer": name} if yes else {"not": {"answer": name}} for name, yes in some]}
        for some in (zip(questions, each, strict=True) for each in product((True, False), repeat=len(questions)))
    ]
    conditions: list[Mapping] = [
        {"all": [either, {"any": [young, bad]}]}, {"all": [old, good]}, {"any": [old, good]}, {"any": [young, bad]},
        {"all": [good, {"not": low}]}, {"any": [{"not": good}, low]}, {"all": [either, {"any": [{"not": good}, low]}]},
        {"any": [{"observation": "ALT", "at_most": "3 ULN"}, *cases]},
    ]  # fmt: skip
    criteria = [{"id": f"C{n}", "text": "t", "include_if": each} for n, each in enumerate(conditions)]

    def result(code: str, value: float, date: str, **more: str) -> Mapping:
        return {"code": code, "value": value, "date": date, "unit": "U/L" if code == "ALT" else "mg/dL", **more}

    now, then = day.isoformat(), (day - timedelta(days=12)).isoformat()
    born_in_a_year: Mapping = {"birth_date": "1961", "sex": "female"}
    man: Mapping = {"birth_date": "1950-01-01", "sex": "male"}
    made: list[Mapping] = [
        {**born_in_a_year, "observations": [result("creatinine", 1.04, now)]},
        born_in_a_year,
        {**born_in_a_year, "observations": [result("creatinine", 1.04, now, verification="provisional")]},
        {**man, "observations": [result("creatinine", 1.3, then[:7]), result("creatinine", 1.05, then)]},
        man,
        {"observations": [result("ALT", 50, then)]},
        {"observations": [result("ALT", 50, then)] * 2000},
    ]
    trial = load_trial({**_TOP, "questions": {**_TOP["questions"], **questions}, "criteria": criteria})
    both_ways = [*made, *reversed(made)]
    return trial, [parse_candidate({"id": f"S{n:02}", **each}) for n, each in enumerate(both_ways)]


def of_what_records_make_of_cases(day: date) -> tuple[Trial, list[Profile]]:
    """Criteria of which cases are told apart by records that no leaf shares, or only once something is supposed:
    quantities derived when the sex is, anchors of exceptions, days of records of other codes; and candidates who differ
    in these."""
    old, young = {"age": {"at_least": "65 years"}}, {"age": {"below": "65 years"}}
    good, fair = ({"observation": "eGFR", "at_least": f"{bound} mL/min/1.73m2"} for bound in (60, 50))
    stale = {"observation": "BMI", "at_least": "18 kg/m2", "within": "1 year"}
    fresh = {"observation": "BMI", "at_most": "30 kg/m2", "within": "28 days"}
    either = {"any": [{"all": [fresh, {"age": {"at_least": "18 years"}}]}, {"all": [fresh, {"answer": "q"}]}]}
    steroids = {"treatment": "systemic-corticosteroids"}
    lately = {**steroids, "except": [{"treatment": "prednisone", "within": "30 days before first"}]}
    ahead = {**steroids, "except": [{"treatment": "prednisone", "within": {"from": "first"}}]}
    between = {"treatment": "azathioprine", "within": {"from": "30 days before first", "to": "7 days after last"}}
    conditions: list[Mapping] = [
        {"any": [{"all": [{"sex": "female"}, good]}, {"all": [{"sex": "male"}, fair]}]},
        {"all": [stale, either]}, either,
        {"any": [{"age": {"below": "18 years"}}, {"age": {"at_least": "76 years"}}, good]},
        {"any": [old, young, good, {"observation": "ALT", "at_most": "3 ULN"}]},
        {"all": [{"any": [old, young]}, good]},
        lately, {"not": lately}, {"any": [lately, ahead]}, {"all": [lately, ahead]}, {"any": [lately, {"not": lately}]},
        {"any": [between, {"not": between}]},
    ]  # fmt: skip
    criteria = [{"id": f"C{n}", "text": "t", "include_if": each} for n, each in enumerate(conditions)]

    def ago(days: int) -> str:
        return (day - timedelta(days)).isoformat()

    def result(code: str, value: float, unit: str, days: int) -> Mapping:
        return {"code": code, "value": value, "unit": unit, "date": ago(days)}

    def course(code: str, first: int, last: int) -> Mapping:
        return {"code": code, "start": ago(first), "end": ago(last), "status": "completed"}

    born, woman, listed = {"birth_date": "1980-01-01"}, {"sex": "female"}, {"complete": {"treatments": True}}
    creatinine = [{"observations": [result("creatinine", value, "mg/dL", 7)]} for value in (0.3, 9)]
    weights = [[result("weight", kg, "kg", 200), result("height", 170, "cm", 200)] for kg in (60, 110)]
    many = range(25)
    made: list[Mapping] = [
        *({**known, **each} for known in (born, woman) for each in (creatinine[0], {}, creatinine[1])),
        *({**born, "observations": each} for each in weights),
        {"observations": [result("ALT", 50, "U/L", 3)]},
        {"observations": [result("ALT", 50, "U/L", 30 + n * 11) for n in many]},
        {"observations": [result("eGFR", 90, "mL/min/1.73m2", 3)]},
        {"observations": [result("eGFR", 90, "mL/min/1.73m2", 30 + n * 11) for n in many]},
        {"treatments": [course("hydroxychloroquine", 9, 9)]},
        {"treatments": [course("hydroxychloroquine", 40 + n * 50, 20 + n * 50) for n in many]},
        *(
            {"treatments": [course("prednisone", days, days) for days in some], **more, **anchor}
            for some in ((10,), (10, 400), (10, 100))
            for more in ({}, listed)
            for anchor in ({}, *({"anchors": {"first": date}} for date in (f"{day.year}", f"{day}"[:7], f"{day}")))
        ),
    ]
    trial = load_trial({**_TOP, "criteria": criteria})
    both_ways = [*made, *reversed(made)]
    return trial, [parse_candidate({"id": f"S{n:03}", **each}) for n, each in enumerate(both_ways)]


def of_limits_by_sex(day: date) -> tuple[Trial, list[Profile]]:
    """Limits on two sides, limits that hang on the sex, results that a transfusion may spoil; and candidates with
    results on either side of these, whose sex is or is not on file, and of whom one procedure or another is denied."""
    spoiling = {"without": {"procedure": "red-cell-transfusion", "within": "1 month"}}
    haemoglobin = {"observation": "haemoglobin", "within": "28 days"}
    between = {"at_least": "11 g/dL", "at_most": "12 g/dL"}
    by_sex = {"if": {"sex": "male"}, "then": {**haemoglobin, "above": "12.5 g/dL", **spoiling}}
    conditions: list[Mapping] = [
        {**by_sex, "else": {**haemoglobin, "above": "11.5 g/dL", **spoiling}},
        {**haemoglobin, "above": "11 g/dL", **spoiling},
        {**haemoglobin, **between},
        {"observation": "BMI", "at_least": "18 kg/m2", "at_most": "33 kg/m2"},
        {"if": {"sex": "female"}, "then": {**haemoglobin, **between}, "else": {**haemoglobin, "above": "11.5 g/dL"}},
        {"all": [{"any": [{"sex": "female"}, {"answer": "q"}]}, {"any": [{"sex": "male"}, {"answer": "q"}]}]},
        {"observation": "ALT", "at_least": "2 ULN", "at_most": "100 U/L"},
    ]
    criteria = [{"id": f"C{n}", "text": "t", "include_if": each} for n, each in enumerate(conditions)]
    now, lately, then = (day.isoformat(), *((day - timedelta(days)).isoformat() for days in (10, 70)))

    def denied(code: str, date: str) -> Mapping:
        return {"code": code, "date": date, "verification": "refuted"}

    procedures: list[Mapping] = [
        *(denied("red-cell-transfusion", date) for date in (now, then)),
        {"code": "red-cell-transfusion", "date": lately},
        {"code": "red-cell-transfusion", "status": "not-done"},
        denied("transfusion", now),
        denied("appendectomy", now),
    ]
    height = [{"code": "height", "value": cm, "unit": "cm", "date": now} for cm in (155, 168)]
    trial = load_trial({**_TOP, "criteria": criteria})
    profiles: list[Profile] = []
    for sex, procedure, value in product(
        (None, "female", "male"), (None, *procedures), (10.5, 12, 13, "10-14", "11.5-14", "<12", ">11.5")
    ):
        kilograms = 40 + 10 * (len(profiles) % 7)
        weight = {"code": "weight", "value": kilograms, "unit": "kg", "date": now}
        result = {"code": "haemoglobin", "value": value, "unit": "g/dL", "date": lately}
        limit = {"high": (40, 60)[len(profiles) % 2]}  # 2 × 60 is above 100, so that no result is between
        enzyme = {"code": "ALT", "value": "50-150", "unit": "U/L", "reference_range": limit, "date": now}
        given: Mapping = {"id": f"L{len(profiles):03}", "observations": [result, weight, *height, enzyme]}
        given = given if sex is None else {**given, "sex": sex}
        profiles.append(parse_candidate(given if procedure is None else {**given, "procedures": [procedure]}))
    return trial, profiles


def several(seed: int, day: date, criteria: int, candidates: int) -> tuple[Trial, list[Profile]]:
    """A trial of so many criteria, and candidates for it."""
    rng = Random(seed)
    made: list[Mapping] = []
    while len(made) < criteria:
        kind = rng.choice(["include_if", "exclude_if"])
        criterion = {"id": f"C{len(made)}", "text": "t", kind: _condition(rng)}
        try:
            load_trial({**_TOP, "criteria": [criterion]})
        except InputRefused:
            continue  # an exclusion without an else, bounds that leave nothing
        made.append(criterion)
    trial = load_trial({**_TOP, "criteria": made})
    profiles: list[Profile] = []
    while len(profiles) < candidates:
        try:
            profiles.append(parse_candidate(_candidate(rng, len(profiles), day), catalogue=trial.catalogue))
        except InputRefused:
            continue  # an end before its beginning
    return trial, profiles


def _condition(rng: Random, depth: int = 0) -> Mapping:
    kind = rng.random()
    if depth >= 2 or kind < 0.5:
        return _leaf(rng)
    one, other = _condition(rng, depth + 1), _condition(rng, depth + 1)
    if kind < 0.62:
        return {"all": [one, other]}
    if kind < 0.8:
        return {"any": [one, other]}
    if kind < 0.88:
        return {"not": one}
    return {"if": rng.choice([{"sex": "female"}, {"answer": "q"}, _leaf(rng)]), "then": one, "else": other}


def _leaf(rng: Random) -> Mapping:
    drug, status, window = rng.choice(_DRUGS), rng.choice(_STATUSES), rng.choice(_OF_EVENTS)
    results, bound = rng.choice(_OF_RESULTS), {rng.choice(_OPERATORS): rng.choice([1, 2, 3])}
    match rng.randrange(11):
        case 0 | 1 | 2:
            dose = {rng.choice(["above", "at_least", "above", "at_most"]): rng.choice(["5 mg/day", "10 mg/day"])}
            drug = rng.choice(_DRUGS[:2])
            return {"treatment": drug, **status, "daily_dose": {**dose, "as": "prednisone"}, "within": window}
        case 3:
            return {"treatment": drug, **status, "lines": bound, "within": window}
        case 4:
            codes = ["systemic-corticosteroids", "antimalarial", "immunosuppressant"]
            return {"treatment": codes, **status, "count": bound, "within": window}
        case 5 | 6:
            spoiling = {"procedure": "red-cell-transfusion", "within": rng.choice(["1 month", "14 days", "48 hours"])}
            select = rng.choice(["latest", "first", "any", "every"])
            leaf = {"observation": "haemoglobin", "above": "11 g/dL", "within": results, "select": select}
            return {**leaf, "without": spoiling}
        case 7:
            select = rng.choice(["highest", "lowest", {"consecutive": 2}, {"consecutive": 3}, {"mean_of": 2}])
            return {"observation": "haemoglobin", "at_most": "11 g/dL", "within": results, "select": select}
        case 8:
            bounds = rng.choice([{"at_least": "18 kg/m2", "at_most": "33 kg/m2"}, {"above": "30 kg/m2"}])
            return {"observation": "BMI", **bounds, "within": results}
        case 9:
            unit = "mL/min/1.73m2"
            bounds = rng.choice([{"at_least": f"60 {unit}"}, {"at_least": f"45 {unit}", "below": f"90 {unit}"}])
            return {"observation": "eGFR", **bounds, "within": results}
        case _:
            if rng.random() < 0.5:
                return {"treatment": drug, **status, "within": window}
            return {"treatment": drug, "stable_for": "30 days", "at": rng.choice(["first", "screening"])}


def _date(rng: Random, day: date, first: int = -420, last: int = 40) -> str | None:
    some = day + timedelta(rng.choice([rng.randint(first, last), rng.randint(-45, 10), rng.randint(-16, 0)]))
    later = some + timedelta(rng.randint(0, 60))
    whole = some.isoformat()
    return rng.choice(
        [
            None,
            *[whole] * 9,
            f"{whole}T08:30",
            f"{whole}T23:59:59",
            whole[:7],
            whole[:4],
            f"{whole}/{later}",
            f"../{whole}",
        ]
    )


def _some(rng: Random, **cells: Any) -> Mapping:
    found = {name: cell for name, cell in cells.items() if cell is not None}
    verification = rng.choice([None] * 16 + ["provisional", "refuted"])
    return found if verification is None else {**found, "verification": verification}


def _candidate(rng: Random, number: int, day: date) -> Mapping:
    def when() -> str | None:
        return _date(rng, day)

    def times(*numbers: int) -> range:
        return range(rng.choice(numbers))

    treatments = [
        _some(
            rng,
            code=rng.choice(["prednisone", "prednisone", "methylprednisolone", "azathioprine", "hydroxychloroquine",
                             "systemic-corticosteroids", {"system": "rxnorm", "code": "723"}]),
            start=when(),
            end=rng.choice([None, when()]),
            status=rng.choice(["ongoing", "completed", "completed", "planned", "never", None]),
            daily_dose=rng.choice([None, {"value": rng.choice([2.5, 5, 4, 8, 6.25, 20, 1.6]), "unit": "mg/day"}]),
        )
        for _ in times(0, 0, 1, 1, 2, 3)
    ]  # fmt: skip
    procedures = [
        _some(
            rng,
            code=rng.choice(["red-cell-transfusion", "red-cell-transfusion", "transfusion", "appendectomy"]),
            date=when(),
            status=rng.choice(["completed", "completed", "planned", "not-done", None]),
        )
        for _ in times(0, 0, 1, 2)
    ]
    observations = [
        _some(rng, code=code, value=rng.choice(values), unit=unit, date=when())
        for code, values, unit, number in (
            ("haemoglobin", [10, 11, 11.5, 12, 13, "<11", "10-12", 130, None], "g/dL", 5),
            ("weight", [70, 80, "60-90", None, 54], "kg", 3),
            ("height", [170, 160, "150-180", 180], "cm", 3),
            ("creatinine", [0.9, 1.2, 1.5, "<1", "0.8-1.4"], "mg/dL", 3),
            ("eGFR", [60, 45, 90, "<60"], "mL/min/1.73m2", 2),
            ("BMI", [18, 33, 25], "kg/m2", 2),
        )
        for _ in range(rng.randrange(number))
    ]
    through = [True, True, {"through": (day - timedelta(1)).isoformat()}, {"systems": ["rxnorm"]}]
    anchors = [name for name in ("first", "last") if rng.random() < 0.5]
    profile = _some(
        Random(0),
        birth_date=rng.choice([None, *_BIRTHS]),
        sex=rng.choice([None, "female", "male", "female", "male"]),
        treatments=treatments or None,
        procedures=procedures or None,
        observations=observations or None,
        answers=rng.choice([None, {"q": True}, {"q": False}]),
        anchors={name: _date(rng, day, -60, 200) or day.isoformat() for name in anchors},
        complete={name: rng.choice(through) for name in ("treatments", "procedures") if rng.random() < 0.6},
    )
    profile.pop("verification", None)
    return {"id": f"S{number:04}", **profile}
