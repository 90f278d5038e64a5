"""One result against the tests of a leaf: sets of possibilities at a threshold (semantics §4 and §6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prescreen.candidate.facts import Result
from prescreen.engine.setting import Setting
from prescreen.language.model import Coded, Comparison, Detected, LimitOfRange, Operator, Test, Threshold
from prescreen.quantities import Magnitude, compare
from prescreen.quantities.magnitude import SAFE
from prescreen.ranges import RangeRow
from prescreen.time import DAY, Span, completed_years, shift_day
from prescreen.truth import FALSE, TRUE, UNKNOWN, Truth, agreement, negation

_ZERO: Final = Magnitude.of(0)


class Limit:
    """A limit of normal or of detection, and where it came from. number None: any positive number."""

    __slots__ = ("number", "row", "source")

    def __init__(self, number: Magnitude | None, source: str, row: RangeRow | None = None) -> None:
        self.number = number
        self.source = source
        self.row = row


UNKNOWN_LIMIT: Final = Limit(None, "")


_ABOVE: Final[dict[Operator, Truth]] = {"at_least": TRUE, "above": TRUE, "at_most": FALSE, "below": FALSE}
_BELOW: Final[dict[Operator, Truth]] = {"at_least": FALSE, "above": FALSE, "at_most": TRUE, "below": TRUE}


def quick_test(tests: tuple[Test, ...]) -> Callable[[Result], Truth | None] | None:
    """A shorter way to `satisfies` for the commonest leaves: one test, one threshold, a point value far from it.

    The function gives None wherever the long way must be gone: ties, intervals, limits that the result lacks.
    """
    if len(tests) != 1:
        return None
    test = tests[0]
    if isinstance(test, Coded):
        values, negated = frozenset(test.values), test.negated

        def coded(result: Result) -> Truth | None:
            if result.problem is not None or result.coded is None:
                return None
            return TRUE if (result.coded in values) is not negated else FALSE

        return coded
    if not isinstance(test, Comparison) or len(test.thresholds) != 1 or test.thresholds[0].of in ("LLN", "LLOD"):
        return None
    number = test.thresholds[0].magnitude.approx
    multiple = test.thresholds[0].of == "ULN"
    above, below = _ABOVE[test.operator], _BELOW[test.operator]

    def compared(result: Result) -> Truth | None:
        low = result.value_low
        if low is None or low is not result.value_high or result.problem is not None:
            return None
        threshold = number
        if multiple:
            limit = result.uln
            if limit is None:
                return None
            threshold *= limit.approx
        difference = low.approx - threshold
        bound = SAFE * (abs(low.approx) + abs(threshold))
        return above if difference > bound else below if difference < -bound else None

    return compared


def satisfies(result: Result, tests: tuple[Test, ...], setting: Setting) -> Truth:
    """Whether a result passes all tests, in all, in none or in some of the ways that it may be."""
    if result.problem is not None:
        return UNKNOWN
    truth = TRUE
    for test in tests:
        one = passes(result, test, setting)
        if one is FALSE:
            return FALSE
        if one is UNKNOWN:
            truth = UNKNOWN
    if truth is UNKNOWN and len(tests) > 1 and _bounds_exclude_each_other(result, tests, setting):
        return FALSE
    return truth


def passes(result: Result, test: Test, setting: Setting) -> Truth:
    """Whether a usable result passes one test."""
    match test:
        case Comparison():
            threshold = threshold_for(result, test)
            if threshold is None:
                return UNKNOWN
            if result.value_low is None and result.value_high is None:
                return UNKNOWN
            if threshold.of is None:
                return _relation(result, test.operator, threshold.magnitude)
            if threshold.of == "LLOD":
                return _against_detection_limit(result, test.operator, threshold)
            own = result.uln if threshold.of == "ULN" else result.lln
            if own is not None:
                return _relation(result, test.operator, threshold.magnitude.times(own))
            limits = limits_of(result, threshold.of, setting)
            if len(limits) == 1:
                return _multiple(result, test.operator, threshold, limits[0])
            return agreement(_multiple(result, test.operator, threshold, limit) for limit in limits)
        case Coded():
            if result.coded is None:
                return UNKNOWN
            return Truth.of((result.coded in test.values) is not test.negated)
        case Detected():
            detected = _against_detection_limit(result, "at_least", ONE_LLOD)
            return detected if test.wanted else negation(detected)


def threshold_for(result: Result, test: Comparison) -> Threshold | None:
    """The threshold given in the result's own kind of unit, else the first that can be compared exactly."""
    if len(test.thresholds) == 1:
        return test.thresholds[0]
    for threshold in test.thresholds:
        if threshold.kind == result.kind:
            return threshold
    return test.thresholds[0]


def limits_of(result: Result, of: LimitOfRange, setting: Setting) -> tuple[Limit, ...]:
    """The limits of normal that a result may have: its own, else those of the site's table (semantics §6)."""
    own = result.uln if of == "ULN" else result.lln
    if own is not None:
        return (Limit(own, "the result's own reference range"),)
    if setting.ranges is None:
        return (UNKNOWN_LIMIT,)
    return _site_limits(result, of, setting, setting.ranges.rows(result.concept.name))


def _site_limits(result: Result, of: LimitOfRange, setting: Setting, rows: tuple[RangeRow, ...]) -> tuple[Limit, ...]:
    """One limit for each combination of sex, age and date that is still possible."""
    facts = setting.facts
    sexes = ("female", "male") if facts.sex is None else (facts.sex,)
    first, last = result.low // DAY, min(result.high, setting.now) // DAY
    found: dict[int, Limit] = {}
    for sex in sexes:
        mine = [row for row in rows if row.sex is None or row.sex == sex]
        for day in _telling_days(first, last, mine, setting):
            for age in _ages(setting, day, mine):
                limit = _row_limit(mine, of, age, day)
                found.setdefault(-1 if limit.row is None else limit.row.line, limit)
    return tuple(found.values()) or (UNKNOWN_LIMIT,)


def limits_vary_with(result: Result, of: LimitOfRange, setting: Setting) -> tuple[bool, bool, bool]:
    """Whether the limit in a site's table hangs on the candidate's open sex, on an open birth date, on the result's
    open day."""
    if setting.ranges is None or (result.uln if of == "ULN" else result.lln) is not None:
        return False, False, False
    rows = list(setting.ranges.rows(result.concept.name))
    facts = setting.facts
    first, last = result.low // DAY, min(result.high, setting.now) // DAY
    days = _telling_days(first, last, rows, setting)
    found = [
        [
            [_number_of(rows, of, sex, age, day) for age in _ages(setting, day, rows)]
            for day in days
        ]
        for sex in (("female", "male") if facts.sex is None else (facts.sex,))
    ]  # fmt: skip
    by_sex = any(one != found[0] for one in found)
    by_age = any(len(set(ages)) > 1 for one in found for ages in one)
    by_day = first != last and (by_age or any(set(ages) != set(one[0]) for one in found for ages in one))
    return by_sex, by_age, by_day


def _number_of(rows: list[RangeRow], of: LimitOfRange, sex: str, age: int | None, day: int) -> str | None:
    number = _row_limit([row for row in rows if row.sex is None or row.sex == sex], of, age, day).number
    return None if number is None else str(number.rational)


def table_days(result: Result, setting: Setting) -> list[int]:
    """The days of a result on which a site's table may give it another limit than on the day before."""
    if setting.ranges is None:
        return []
    first, last = result.low // DAY, min(result.high, setting.now) // DAY
    return _telling_days(first, last, list(setting.ranges.rows(result.concept.name)), setting)


def _telling_days(first: int, last: int, rows: list[RangeRow], setting: Setting) -> list[int]:
    """Days of an interval on which some row comes into force or goes out of it: by date, or by age."""
    days = {first, last}
    birth = setting.facts.birth
    for row in rows:
        days.update(edge for edge in (row.valid_from, None if row.valid_to is None else row.valid_to + 1) if edge)
        for age in (row.age_from, None if row.age_to is None else row.age_to + 1):
            if age is not None and birth is not None:
                years = Span(age, "years")
                days.update((shift_day(birth.first_day, years, 1), shift_day(birth.last_day, years, 1)))
    earliest = first if birth is None else max(first, birth.first_day)
    days.add(earliest)
    return sorted(day for day in days if earliest <= day <= last) or [last]


def _ages(setting: Setting, day: int, rows: list[RangeRow]) -> list[int | None]:
    """The completed ages on a day that are possible and tell rows apart."""
    if all(row.age_from is None and row.age_to is None for row in rows):
        return [None]
    birth = setting.facts.birth
    if birth is not None:
        oldest = max(0, completed_years(birth.first_day, day))
        youngest = completed_years(min(birth.last_day, day), day)
        return [*range(youngest, oldest + 1)]
    edges = {0} | {row.age_from for row in rows if row.age_from is not None}
    return [*sorted(edges | {row.age_to + 1 for row in rows if row.age_to is not None})]


def _row_limit(rows: list[RangeRow], of: LimitOfRange, age: int | None, day: int) -> Limit:
    for row in rows:
        number = row.high if of == "ULN" else row.low
        if number is None:
            continue
        if (row.valid_from is not None and day < row.valid_from) or (row.valid_to is not None and day > row.valid_to):
            continue
        if age is not None and (
            (row.age_from is not None and age < row.age_from) or (row.age_to is not None and age > row.age_to)
        ):
            continue
        return Limit(number, f"the site's table, line {row.line}", row)
    return UNKNOWN_LIMIT


def _multiple(result: Result, operator: Operator, threshold: Threshold, limit: Limit) -> Truth:
    if limit.number is not None:
        return _relation(result, operator, threshold.magnitude.times(limit.number))
    # Any positive limit: only a value of 0 (or below) is sure to lie under every multiple of it.
    high = result.value_high
    if high is not None and threshold.number > 0 and compare(high, _ZERO) <= 0:
        return TRUE if operator in ("at_most", "below") else FALSE
    return UNKNOWN


def _relation(result: Result, operator: Operator, threshold: Magnitude) -> Truth:
    """A value's interval against a number: decided when the whole interval falls on one side."""
    low, high = result.value_low, result.value_high
    if low is high and low is not None:
        sign = compare(low, threshold)
        match operator:
            case "at_most":
                return TRUE if sign <= 0 else FALSE
            case "at_least":
                return TRUE if sign >= 0 else FALSE
            case "below":
                return TRUE if sign < 0 else FALSE
            case "above":
                return TRUE if sign > 0 else FALSE
    # For an interval: the greatest value against the threshold, and the least.
    top = 1 if high is None else compare(high, threshold)
    bottom = -1 if low is None else compare(low, threshold)
    if operator in ("at_most", "above"):
        all_at_most = top <= 0
        all_above = bottom > 0 or (bottom == 0 and result.low_open)
        truth = TRUE if all_at_most else FALSE if all_above else UNKNOWN
        return truth if operator == "at_most" else negation(truth)
    all_below = top < 0 or (top == 0 and result.high_open)
    all_at_least = bottom >= 0
    truth = TRUE if all_at_least else FALSE if all_below else UNKNOWN
    return truth if operator == "at_least" else negation(truth)


def _against_detection_limit(result: Result, operator: Operator, threshold: Threshold) -> Truth:
    """A result against a multiple of its limit of detection (semantics §4, LLOD)."""
    if result.lod is not None:
        return _relation(result, operator, threshold.magnitude.times(result.lod))
    detected = result.detection
    if detected is None:
        detected = _detected_without_limit(result)
    if detected is True and threshold.against_one <= 0:
        return TRUE if operator in ("at_least", "above") else FALSE
    if detected is False and threshold.against_one >= 0:
        return FALSE if operator in ("at_least", "above") else TRUE
    return UNKNOWN


def _detected_without_limit(result: Result) -> bool | None:
    """A number above 0 was detected, 0 was not; `<20` may be a limit of detection or one of quantification."""
    low, high = result.value_low, result.value_high
    if low is not None:
        sign = compare(low, _ZERO)
        if sign > 0 or (sign == 0 and result.low_open):
            return True
    if high is not None and compare(high, _ZERO) <= 0:
        return False
    return None


def _bounds_exclude_each_other(result: Result, tests: tuple[Test, ...], setting: Setting) -> bool:
    """Whether no value at all passes, given the limits of this very result (at least 50 U/L and at most 1 × ULN 40)."""
    lower: list[tuple[Magnitude, bool]] = []
    upper: list[tuple[Magnitude, bool]] = []
    for test in tests:
        if not isinstance(test, Comparison):
            continue
        number = threshold_magnitude(result, test, setting)
        if number is None:
            continue
        if test.operator in ("at_least", "above"):
            lower.append((number, test.operator == "above"))
        else:
            upper.append((number, test.operator == "below"))
    for least, least_open in lower:
        for most, most_open in upper:
            sign = compare(least, most)
            if sign > 0 or (sign == 0 and (least_open or most_open)):
                return True
    return False


def threshold_magnitude(result: Result, test: Comparison, setting: Setting) -> Magnitude | None:
    """The number that a result is compared with, where it is known and one."""
    threshold = threshold_for(result, test)
    if threshold is None:
        return None
    if threshold.of is None:
        return threshold.magnitude
    if threshold.of == "LLOD":
        return None if result.lod is None else threshold.magnitude.times(result.lod)
    own = result.uln if threshold.of == "ULN" else result.lln
    if own is not None:
        return threshold.magnitude.times(own)
    limits = limits_of(result, threshold.of, setting)
    if len(limits) != 1 or limits[0].number is None:
        return None
    return threshold.magnitude.times(limits[0].number)


ONE_LLOD: Final = Threshold.multiple("LLOD")
