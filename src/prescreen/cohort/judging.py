"""What one written result says of the tests of a leaf: exact, once for each distinct spelling.

The reading of values, units, ranges and limits is the candidate's own (`candidate.facts.read_result`); what follows
from them is decided here, apart from the evaluator, so that their agreement says something.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from prescreen.candidate.facts import Result, read_result
from prescreen.candidate.profile import ObservationRecord, Range
from prescreen.catalogue import ObservationConcept
from prescreen.cohort.algebra import FALLBACK, FALSE, TRUE, UNKNOWN, Quick, Reading, Spelling
from prescreen.language.model import Coded, Comparison, Detected, Observation, Operator, Test, Threshold
from prescreen.quantities import Magnitude, compare
from prescreen.quantities.numerals import parse_decimal
from prescreen.ranges import RangeRow

WRITTEN: Final = ("value", "unit", "low", "high", "range_unit", "detection_limit", "verification")
"""The columns of an observation on which its judgement rests, besides what was measured."""

_SEXES: Final = frozenset({"female", "male"})
_ZERO: Final = Magnitude.of(0)


class Written:
    """The results of one analyte as written, each read once for all leaves that ask for it."""

    def __init__(self, concept: ObservationConcept) -> None:
        self.concept = concept
        self._known: dict[Spelling, Result | None] = {}

    def result(self, spelling: Spelling) -> Result | None:
        """A result as written, read as a candidate's own; None where it is no result."""
        if spelling not in self._known:
            self._known[spelling] = result_of(spelling, self.concept)
        return self._known[spelling]


def judgement(leaf: Observation, written: Written, site: tuple[RangeRow, ...]) -> Reading:
    """The reading that gives each result's truth under the tests of a leaf. site: the site's limits of the analyte."""
    concept = written.concept

    def judge(spelling: Spelling) -> int:
        result = written.result(spelling)
        return UNKNOWN if result is None else satisfied(result, leaf.tests, site)

    # By the concept itself: trials may give different quantities of their own one name.
    return Reading(WRITTEN, ("tests", id(concept), leaf.tests), judge, quick=_shorter(leaf.tests, concept, site))


def result_of(spelling: Spelling, concept: ObservationConcept) -> Result | None:
    """A result as written, read as a candidate's own; None where it is no result."""
    value, unit, low, high, range_unit, detection_limit, verification = spelling
    reference = None
    if low is not None or high is not None:
        reference = Range(low=_number(low), high=_number(high), unit=range_unit)
    record = ObservationRecord.model_construct(
        code=concept.name,
        value=value,
        unit=unit,
        reference_range=reference,
        detection_limit=_number(detection_limit),
        verification="provisional" if undecided(verification) else "confirmed",
        date=None,
        source=None,
        id=None,
    )
    return read_result(0, concept, record, [])


def is_signed(concept: ObservationConcept) -> bool:
    """Whether a result may be below 0."""
    return concept.analyte is not None and concept.analyte.may_be_negative


def undecided(verification: str | None) -> bool:
    """Whether a result decides nothing because of its verification: a provisional one, or one that cannot be read."""
    return verification not in (None, "confirmed")


def _number(text: str | None) -> Decimal | None:
    return None if text is None else parse_decimal(text)


def satisfied(result: Result, tests: Iterable[Test], site: tuple[RangeRow, ...]) -> int:
    """Whether a result passes all tests, in all, in none or in some of the ways that it may be.

    FALLBACK where several tests are open together (they may exclude each other), or a site's limits, which depend on
    the person, do not all say the same. Where one is open and passes in some way, the others pass in that, too.
    """
    if result.problem is not None:
        return UNKNOWN
    truths = [_passes(result, test, site) for test in tests]
    if FALSE in truths:
        return FALSE
    if FALLBACK in truths or truths.count(UNKNOWN) > 1:
        return FALLBACK
    return min(truths, default=TRUE)


def _passes(result: Result, test: Test, site: tuple[RangeRow, ...]) -> int:
    match test:
        case Comparison():
            return _compared(result, test, site)
        case Coded():
            return UNKNOWN if result.coded is None else _truth((result.coded in test.values) is not test.negated)
        case Detected():
            detected = _against_detection(result, "at_least", _ONE_LIMIT)
            return detected if test.wanted else 2 - detected


def _compared(result: Result, test: Comparison, site: tuple[RangeRow, ...]) -> int:
    kinds = [threshold for threshold in test.thresholds if threshold.kind == result.kind]
    threshold = kinds[0] if kinds and len(test.thresholds) > 1 else test.thresholds[0]
    if result.value_low is None and result.value_high is None:
        return UNKNOWN
    if threshold.of is None:
        return _against(result, test.operator, threshold.magnitude)
    if threshold.of == "LLOD":
        return _against_detection(result, test.operator, threshold)
    own = result.uln if threshold.of == "ULN" else result.lln
    if own is not None:
        return _against(result, test.operator, threshold.magnitude.times(own))
    truths: set[int] = set()
    covered: set[str] = set()
    for row in site:
        limit = row.high if threshold.of == "ULN" else row.low
        if limit is not None and len(covered) < len(_SEXES):
            truths.add(_against(result, test.operator, threshold.magnitude.times(limit)))
            if (row.age_from, row.age_to, row.valid_from, row.valid_to) == (None, None, None, None):
                covered |= _SEXES if row.sex is None else {row.sex}
    if len(covered) < len(_SEXES):
        truths.add(_against_any(result, test.operator, threshold))
    return truths.pop() if len(truths) == 1 else FALLBACK


def _against(result: Result, operator: Operator, threshold: Magnitude) -> int:
    """An interval against a number: decided when all of it falls on one side."""
    low, high = result.value_low, result.value_high
    upper = 1 if high is None else compare(high, threshold)
    lower = -1 if low is None else compare(low, threshold)
    if operator in ("at_most", "above"):
        under = upper <= 0
        over = lower > 0 or (lower == 0 and result.low_open)
    else:
        under = upper < 0 or (upper == 0 and result.high_open)
        over = lower >= 0
    if operator in ("at_most", "below"):
        return TRUE if under else FALSE if over else UNKNOWN
    return TRUE if over else FALSE if under else UNKNOWN


def _against_any(result: Result, operator: Operator, threshold: Threshold) -> int:
    """Against a multiple of some positive number: only what is not above 0 lies surely below it."""
    high = result.value_high
    if high is not None and threshold.number > 0 and compare(high, _ZERO) <= 0:
        return _truth(operator in ("at_most", "below"))
    return UNKNOWN


def _against_detection(result: Result, operator: Operator, threshold: Threshold) -> int:
    """Against a multiple of the limit of detection, known or not."""
    if result.lod is not None:
        return _against(result, operator, threshold.magnitude.times(result.lod))
    detected = result.detection
    low, high = result.value_low, result.value_high
    if detected is None and low is not None:
        sign = compare(low, _ZERO)
        detected = True if sign > 0 or (sign == 0 and result.low_open) else None
    if detected is None and high is not None and compare(high, _ZERO) <= 0:
        detected = False
    upward = operator in ("at_least", "above")
    if detected is True and threshold.number <= 1:
        return _truth(upward)
    if detected is False and threshold.number >= 1:
        return _truth(not upward)
    return UNKNOWN


def _truth(holds: bool) -> int:
    return TRUE if holds else FALSE


_ONE_LIMIT: Final = Threshold.multiple("LLOD")


def _shorter(tests: tuple[Test, ...], concept: ObservationConcept, site: tuple[RangeRow, ...]) -> tuple[Quick, ...]:
    """The shorter way, where each test compares with one threshold; against multiples of a limit, one test alone."""
    found = [_quick(test, concept, site) for test in tests]
    ways = tuple(way for way in found if way is not None)
    if len(ways) < len(found) or (len(ways) > 1 and any(way.multiple for way in ways)):
        return ()
    return ways


def _quick(test: Test, concept: ObservationConcept, site: tuple[RangeRow, ...]) -> Quick | None:
    if concept.analyte is None or not isinstance(test, Comparison):
        return None
    if len(test.thresholds) != 1 or test.thresholds[0].of not in (None, "ULN"):
        return None
    threshold = test.thresholds[0]
    upward = test.operator in ("at_least", "above")
    above, below = (TRUE, FALSE) if upward else (FALSE, TRUE)
    return Quick(concept, threshold.magnitude.approx, threshold.of == "ULN", above, below, not site)
