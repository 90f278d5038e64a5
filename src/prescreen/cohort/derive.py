"""Derived quantities over arrays, in floats that are far from every threshold; near one, the direct evaluator decides.

Of the formulas of `engine.derive` those that cohorts ask most: eGFR (CKD-EPI 2021) and body mass index.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from prescreen.time import ANY_TIME, DAY, parse_when

if TYPE_CHECKING:
    from prescreen.cohort.arrays import Arrays
    from prescreen.cohort.rows import Rows

_GROWN: Final = 18
_OLDEST: Final = 130
_FEBRUARY_29: Final = 229
_NEVER: Final = 99_999_999


def derived(
    arrays: Arrays, concept: ObservationConcept, tests: tuple[Test, ...], lead: Rows, partners: Partners, day: int
) -> Ids | None:
    """The truth of the value that each result of the first input gives, or FALLBACK; None for other formulas.

    partners: for each further input, which of its results may be, and which surely are, in the leaf's window.
    """
    bounds: list[tuple[str, float]] = []
    for test in tests:
        if not isinstance(test, Comparison) or len(test.thresholds) != 1 or test.thresholds[0].of is not None:
            return None
        bounds.append((test.operator, test.thresholds[0].magnitude.approx))
    if concept.formula not in ("ckd-epi-2021", "bmi"):
        return None
    values, given = _values(arrays, lead, concept.inputs[0])
    if concept.formula == "ckd-epi-2021":
        youngest, oldest, sex = _ages(arrays, lead, day)
        known = (sex > 0) & (oldest >= 0)
        outside = known & ((youngest < _GROWN) | (oldest > _OLDEST))
        ends = _egfr(values, oldest, sex), _egfr(values, youngest, sex)
        open_ = outside | (given == UNKNOWN)
    else:
        least, most, heights = _heights(arrays, concept.inputs[1], partners[0], day)
        known = (heights == TRUE)[lead.owner]
        ends = tuple(values / (height[lead.owner] / 100) ** 2 for height in (most, least))  # type: ignore[assignment]
        open_ = (heights == UNKNOWN)[lead.owner] | (given == UNKNOWN)
    truth = _between(*ends, bounds)
    truth[~known | (given == FALLBACK)] = FALLBACK
    truth[open_] = UNKNOWN
    return truth


Partners = Sequence[tuple[Ids, Ids]]


def _between(low: Ids, high: Ids, bounds: Sequence[tuple[str, float]]) -> Ids:
    """The truth of values between two ends, both in, far from every bound; FALLBACK near one, and where several bounds
    are open together."""
    true, false, far = (np.full(len(low), holds) for holds in (True, False, True))
    open_ = np.zeros(len(low), np.int8)
    with np.errstate(invalid="ignore"):
        for operator, bound in bounds:
            for end in (low, high):
                far &= np.abs(end - bound) > SAFE * (np.abs(end) + abs(bound))
            above, below = low > bound, high < bound
            passes, fails = (above, below) if operator in ("at_least", "above") else (below, above)
            true &= passes
            false |= fails
            open_ += ~passes & ~fails
    truth = np.where(false, np.int8(FALSE), np.where(true, np.int8(TRUE), np.int8(UNKNOWN)))
    truth[(open_ > 1) & ~false] = FALLBACK
    truth[~far | ~np.isfinite(low) | ~np.isfinite(high)] = FALLBACK
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


def _ages(arrays: Arrays, lead: Rows, day: int) -> tuple[Ids, Ids, Ids]:
    """The least and the greatest age at which each sample was taken, -1 where that is not known; and the sex."""
    persons = arrays.persons()
    birth_low, birth_high = (_born(arrays, persons, edge)[lead.owner] for edge in ("low", "high"))
    sex = arrays.read(persons, Reading(("sex",), "sex as number", _sex))[lead.owner]
    first, last = _taken(arrays, lead, "low", day), _taken(arrays, lead, "high", day)
    known = (birth_low > 0) & (first > 0)
    youngest = np.where(known, (first - np.minimum(birth_high, first)) // 10_000, -1)
    oldest = np.where(known, (last - birth_low) // 10_000, -1)
    return youngest, oldest, sex


def _egfr(creatinine: Ids, age: Ids, sex: Ids) -> Ids:
    """CKD-EPI 2021 (Inker et al., N Engl J Med 2021;385:1737)."""
    ratio = creatinine / np.where(sex == 1, 0.7, 0.9)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Ids = (
            142.0
            * np.minimum(ratio, 1.0) ** np.where(sex == 1, -0.241, -0.302)
            * np.maximum(ratio, 1.0) ** -1.2
            * 0.9938 ** age.astype(float)
            * np.where(sex == 1, 1.012, 1.0)
        )
    return found


def _heights(arrays: Arrays, code: str, partner: tuple[Ids, Ids], day: int) -> tuple[Ids, Ids, Ids]:
    """The least and the greatest of the heights that may count for each candidate: the latest, in the window or an
    adult's of any day. And whether they are known: TRUE, UNKNOWN where one decides nothing or none surely counts,
    FALLBACK where one is an interval."""
    rows = arrays.results(code)
    values, given = _values(arrays, rows, code)
    inside, sure = (np.broadcast_to(each, len(rows)) for each in partner)
    low, high = (arrays.read(rows, _instant(edge)) for edge in ("low", "high"))
    dropped = (arrays.read(rows, Reading(("value",), "no value", _no_value)) == TRUE) | (
        arrays.read(rows, Reading(("verification",), "is refuted", _refuted)) == TRUE
    )
    past = (low <= day * DAY + DAY - 1) & ~dropped
    persons = arrays.persons()
    birth_low, birth_high = (_born(arrays, persons, edge)[rows.owner] for edge in ("low", "high"))
    first, last = _taken(arrays, rows, "low", None), _taken(arrays, rows, "high", None)
    grown = (birth_low > 0) & ((first - birth_high) // 10_000 >= _GROWN)
    child = (birth_low > 0) & ((last - birth_low) // 10_000 < _GROWN)
    may, surely = past & (inside | ~child), past & (sure | grown)
    newest = arrays.largest(rows, surely, low, -1)
    counts = may & (high >= newest[rows.owner])
    worst = arrays.largest(rows, counts, given.astype(np.int64), UNKNOWN)
    unknown = arrays.exists(rows, counts & (given == UNKNOWN)) | ~arrays.exists(rows, surely)
    least, most = np.full(arrays.size, np.inf), np.full(arrays.size, -np.inf)
    points = counts & np.isfinite(values)
    np.minimum.at(least, rows.owner[points], values[points])
    np.maximum.at(most, rows.owner[points], values[points])
    return least, most, np.where(unknown, UNKNOWN, np.where(worst == FALLBACK, FALLBACK, TRUE))


def _instant(edge: str) -> Reading:
    def of(spelling: Spelling) -> int:
        found: int = getattr(ANY_TIME if spelling[0] is None else parse_when(spelling[0]), edge)
        return found

    return Reading(("date",), edge, of, truth=False)


def _no_value(spelling: Spelling) -> int:
    return TRUE if spelling[0] is None else FALSE


def _refuted(spelling: Spelling) -> int:
    return TRUE if spelling[0] == "refuted" else FALSE


def _born(arrays: Arrays, persons: Rows, edge: str) -> Ids:
    """The first or the last day of a birth as 19840229; 0 where it is not known at all."""

    def number(spelling: Spelling) -> int:
        when = born(spelling)
        return 0 if when is None else _number(when.first_day if edge == "low" else when.last_day)

    found: Ids = arrays.read(persons, Reading(BIRTH, ("born as number", edge), number, truth=False))
    return found


def _taken(arrays: Arrays, rows: Rows, edge: str, until: int | None) -> Ids:
    """The first or the last day of samples, at the latest a certain one; of those without a day 0, or that one.

    On 28 February of a year without a 29th, who was born on one is a year older: it counts as the 29th.
    """

    def number(spelling: Spelling) -> int:
        if spelling[0] is None:
            return 0 if edge == "low" else _NEVER if until is None else _number(until)
        when = parse_when(spelling[0])
        day = when.first_day if edge == "low" else when.last_day if until is None else min(when.last_day, until)
        taken = _number(day)
        if taken % 10_000 == _FEBRUARY_29 - 1 and _number(day + 1) % 100 == 1:
            return taken + 1
        return taken

    found: Ids = arrays.read(rows, Reading(("date",), ("taken as number", edge, until), number, truth=False))
    return found


def _number(day: int) -> int:
    at = date.fromordinal(day)
    return at.year * 10_000 + at.month * 100 + at.day


def _sex(spelling: Spelling) -> int:
    return {"female": 1, "male": 2}.get(spelling[0] or "", 0)
