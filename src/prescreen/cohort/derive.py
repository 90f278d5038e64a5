"""Derived quantities over arrays, in floats that are far from every threshold; near one, the direct evaluator decides.

Of the formulas of `engine.derive` those that cohorts ask most: eGFR (CKD-EPI 2021) and body mass index.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np

from prescreen.catalogue import ObservationConcept
from prescreen.cohort.algebra import FALLBACK, FALSE, TRUE, UNKNOWN, Reading, Spelling
from prescreen.cohort.judging import WRITTEN, result_of
from prescreen.cohort.person import BIRTH, born
from prescreen.cohort.spelling import Ids
from prescreen.language.model import Comparison, Test
from prescreen.quantities.magnitude import SAFE
from prescreen.time import DAY, parse_when

if TYPE_CHECKING:
    from prescreen.cohort.arrays import Arrays, Rows

_GROWN: Final = 18
_OLDEST: Final = 130
_FEBRUARY_29: Final = 229


def derived(arrays: Arrays, concept: ObservationConcept, tests: tuple[Test, ...], lead: Rows, day: int) -> Ids | None:
    """The truth of the value that each result of the first input gives, or FALLBACK; None for other formulas."""
    bounds: list[tuple[str, float]] = []
    for test in tests:
        if not isinstance(test, Comparison) or len(test.thresholds) != 1 or test.thresholds[0].of is not None:
            return None
        bounds.append((test.operator, test.thresholds[0].magnitude.approx))
    codes = concept.inputs
    match concept.formula:
        case "ckd-epi-2021":
            values, given = _values(arrays, lead, codes[0])
            value, known = _egfr(arrays, lead, values)
        case "bmi":
            values, given = _values(arrays, lead, codes[0])
            heights, known = _heights(arrays, codes[1], day)
            value, known = values / (heights[lead.owner] / 100) ** 2, known[lead.owner]
        case _:
            return None
    truth = np.full(len(lead), TRUE, np.int8)
    far = known & np.isfinite(value)
    with np.errstate(invalid="ignore"):
        for operator, bound in bounds:
            far &= np.abs(value - bound) > SAFE * (np.abs(value) + abs(bound))
            upward = operator in ("at_least", "above")
            truth[(value < bound) if upward else (value > bound)] = FALSE
    truth[~far] = FALLBACK
    truth[given == UNKNOWN] = UNKNOWN
    if concept.formula == "ckd-epi-2021":
        truth[(given == TRUE) & known & (value == 0)] = UNKNOWN  # outside the ages of the formula
    return truth


def _values(arrays: Arrays, rows: Rows, code: str) -> tuple[Ids, Ids]:
    """The value of each result as a float in the canonical unit (NaN: not in floats), and whether there is one:
    TRUE, UNKNOWN where the result decides nothing, FALLBACK where it is an interval."""
    concept = arrays.concept(code)

    def usable(spelling: Spelling) -> int:
        result = result_of(spelling, concept)
        if result is None or result.problem is not None or result.value_low is None or result.value_high is None:
            return UNKNOWN
        return TRUE if result.is_point else FALLBACK

    values = arrays.floats(rows, concept)
    given = np.full(len(rows), TRUE, np.int8)
    rest = np.flatnonzero(~(values > 0))
    if len(rest):
        given[rest] = arrays.by_spelling(rows, Reading(WRITTEN, ("usable", code), usable), rest, WRITTEN)
    return values, given


def _egfr(arrays: Arrays, lead: Rows, creatinine: Ids) -> tuple[Ids, Ids]:
    """CKD-EPI 2021 (Inker et al., N Engl J Med 2021;385:1737); 0 outside its ages. And where age and sex are known."""
    persons = arrays.persons()
    birth = arrays.read(persons, Reading(BIRTH, "born as number", _born_as_number, truth=False))[lead.owner]
    sex = arrays.read(persons, Reading(("sex",), "sex as number", _sex))[lead.owner]
    taken = arrays.read(lead, Reading(("date",), "taken as number", _as_number_taken, truth=False))
    age = (taken - birth) // 10_000
    known = (birth > 0) & (taken > 0) & (sex > 0) & (age >= 0)
    kappa = np.where(sex == 1, 0.7, 0.9)
    ratio = creatinine / kappa
    with np.errstate(invalid="ignore", divide="ignore"):
        value = (
            142.0
            * np.minimum(ratio, 1.0) ** np.where(sex == 1, -0.241, -0.302)
            * np.maximum(ratio, 1.0) ** -1.2
            * 0.9938 ** age.astype(float)
            * np.where(sex == 1, 1.012, 1.0)
        )
    value[known & ((age < _GROWN) | (age > _OLDEST))] = 0.0
    return value, known


def _heights(arrays: Arrays, code: str, day: int) -> tuple[Ids, Ids]:
    """Each candidate's one height that counts, and where it is known: an adult's latest, of any day."""
    rows = arrays.results(code)
    values, given = _values(arrays, rows, code)
    now = day * DAY + DAY - 1
    low = arrays.read(
        rows, Reading(("date",), "low", lambda s: 0 if s[0] is None else parse_when(s[0]).low, truth=False)
    )
    birth = arrays.read(arrays.persons(), Reading(BIRTH, "born as number", _born_as_number, truth=False))
    taken = arrays.read(rows, Reading(("date",), "taken as number", _as_number_taken, truth=False))
    grown = (taken > 0) & (birth[rows.owner] > 0) & ((taken - birth[rows.owner]) // 10_000 >= _GROWN)
    fine = grown & (given == TRUE) & (values > 0)
    dropped = arrays.read(rows, Reading(("value", "verification"), "no result", _no_result)) == TRUE
    past = (low <= now) & ~dropped
    trouble = np.zeros(arrays.size, bool)
    trouble[rows.owner[past & ~fine]] = True
    found = np.full(arrays.size, np.nan)
    newest = arrays.largest(rows, past & fine, taken, -1)
    latest = past & fine & (taken == newest[rows.owner])
    number = np.bincount(rows.owner[latest], minlength=arrays.size)
    found[rows.owner[latest]] = values[latest]
    return found, (number == 1) & ~trouble


def _no_result(spelling: Spelling) -> int:
    return TRUE if spelling[0] is None or spelling[1] == "refuted" else FALSE


def _born_as_number(spelling: Spelling) -> int:
    """A birth day as 19840229; 0 where it is not known to the day."""
    when = born(spelling)
    return 0 if when is None or not when.is_one_day else _number(when.first_day)


def _as_number(spelling: Spelling) -> int:
    """A day as 19840229; 0 where it is not known to the day."""
    if spelling[0] is None or not parse_when(spelling[0]).is_one_day:
        return 0
    return _number(parse_when(spelling[0]).first_day)


def _as_number_taken(spelling: Spelling) -> int:
    """The same of a sample: on 28 February of a year without a 29th, who was born on one is a year older."""
    number = _as_number(spelling)
    if number % 10_000 == _FEBRUARY_29 - 1 and _number(parse_when(spelling[0] or "").first_day + 1) % 100 == 1:
        return number + 1
    return number


def _number(day: int) -> int:
    at = date.fromordinal(day)
    return at.year * 10_000 + at.month * 100 + at.day


def _sex(spelling: Spelling) -> int:
    return {"female": 1, "male": 2}.get(spelling[0] or "", 0)
