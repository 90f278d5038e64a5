"""Derived quantities: computed from a candidate's results, exactly or in an exact root form.

Each formula cites its paper. A derived value needs all its inputs; it keeps them as evidence; outside the ages for
which a formula was made there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Final, Literal

from prescreen.candidate.facts import Result
from prescreen.catalogue import ObservationConcept
from prescreen.engine.setting import Bounds, Setting, day_when, surely_inside
from prescreen.quantities import Exact, Magnitude, Root, compare
from prescreen.quantities import Formula as Arithmetic
from prescreen.quantities.formula import Interval
from prescreen.time import DAY, Span, When, completed_years, shift_day
from prescreen.truth import FALSE, TRUE, UNKNOWN, Truth

_GROWN: Final = Span(18, "years")

SexName = Literal["female", "male"]


@dataclass(frozen=True, slots=True)
class Formula:
    """How one quantity is derived.

    inputs: roles in order, the first being the one that dates the derived value. same_day: all inputs must be of one
    day; otherwise the others are the latest in the same window. rising: for each input whether the value grows with it.
    of: (inputs in canonical units, age, sex) -> value in the canonical unit. minimum_age: in completed years.
    """

    source: str
    rising: tuple[bool, ...]
    of: Callable[[tuple[Fraction, ...], int, SexName | None], Exact]
    same_day: bool = False
    needs_age: bool = False
    needs_sex: bool = False
    minimum_age: int = 0
    any_day: tuple[int, ...] = ()  # inputs that may be of any day (an adult's height)
    expression: Arithmetic | None = None  # of a trial's own quantity, instead of `of`

    @property
    def unchanging(self) -> bool:
        """Whether no input changes, so that the value is that of the screening day, at the age of that day."""
        return self.expression is not None and 0 in self.any_day


def _ckd_epi_2021(inputs: tuple[Fraction, ...], age: int, sex: SexName | None) -> Exact:
    (creatinine,) = inputs  # mg/dL
    female = sex == "female"
    kappa = Fraction(7, 10) if female else Fraction(9, 10)
    alpha = -241 if female else -302
    scale = 142 * Fraction(9938, 10000) ** age * (Fraction(1012, 1000) if female else 1)
    ratio = creatinine / kappa
    return Root(Fraction(scale), ratio, alpha if ratio < 1 else -1200, 1000)


def _cockcroft_gault(inputs: tuple[Fraction, ...], age: int, sex: SexName | None) -> Exact:
    creatinine, weight = inputs  # mg/dL, kg
    value = (140 - age) * weight / (72 * creatinine)
    return value * Fraction(85, 100) if sex == "female" else value


def _bmi(inputs: tuple[Fraction, ...], age: int, sex: SexName | None) -> Exact:
    weight, height = inputs  # kg, cm
    return weight / (height / 100) ** 2


def _payne(inputs: tuple[Fraction, ...], age: int, sex: SexName | None) -> Exact:
    calcium, albumin = inputs  # mg/dL, g/dL
    return calcium + Fraction(8, 10) * (4 - albumin)


def _fridericia(inputs: tuple[Fraction, ...], age: int, sex: SexName | None) -> Exact:
    qt, rate = inputs  # ms, /min
    return Root(qt, rate / 60, 1, 3)


def _ratio(inputs: tuple[Fraction, ...], age: int, sex: SexName | None) -> Exact:
    numerator, denominator = inputs
    return numerator / denominator


FORMULAS: Final[dict[str, Formula]] = {
    "ckd-epi-2021": Formula(
        "CKD-EPI 2021 creatinine equation (Inker et al., N Engl J Med 2021;385:1737)",
        (False,), _ckd_epi_2021, needs_age=True, needs_sex=True, minimum_age=18,
    ),
    "cockcroft-gault": Formula(
        "Cockcroft and Gault, Nephron 1976;16:31",
        (False, True), _cockcroft_gault, needs_age=True, needs_sex=True, minimum_age=18,
    ),
    "bmi": Formula("body mass index (Quetelet): weight / height²", (True, False), _bmi, any_day=(1,)),
    "payne-1973": Formula(
        "albumin-corrected calcium (Payne et al., BMJ 1973;4:643)", (True, False), _payne, same_day=True
    ),
    "fridericia-1920": Formula(
        "QTcF (Fridericia, Acta Med Scand 1920;53:469)", (True, True), _fridericia, same_day=True
    ),
    "ratio": Formula("ratio of two results of one sample", (True, False), _ratio, same_day=True),
}  # fmt: skip


def formula_of(concept: ObservationConcept) -> Formula:
    """How a quantity is derived: by a formula of this module, or by the trial's own."""
    if concept.expression is None:
        return FORMULAS[concept.formula or ""]
    unchanging = tuple(place for place, name in enumerate(concept.inputs) if name in concept.any_day)
    return _own_formula(concept.written, concept.expression, concept.same_day, unchanging)


@lru_cache(maxsize=1024)
def _own_formula(written: str, expression: Arithmetic, same_day: bool, any_day: tuple[int, ...]) -> Formula:
    return Formula(
        f"the trial's own formula {written}",
        (),
        _no_single_value,
        same_day=same_day,
        needs_age="age" in expression.names(),
        any_day=any_day,
        expression=expression,
    )


def _no_single_value(inputs: tuple[Fraction, ...], age: int, sex: SexName | None) -> Exact:
    raise TypeError("a trial's own formula is computed over intervals")


@dataclass(frozen=True, slots=True)
class Derived:
    """The derived results that the inputs on file allow, newest first, and the inputs that are lacking."""

    results: tuple[Result, ...]
    lacking: tuple[str, ...]  # facts: "observation:creatinine", "birth_date", "sex"
    sure: bool = False  # whether the partners of the first input are there whatever the open dates and anchors are


def derive(concept: ObservationConcept, bounds: Bounds, setting: Setting) -> Derived:
    """Derive a quantity for each result of its first input that may lie in the window."""
    formula = formula_of(concept)
    facts = setting.facts
    usable = [_in_window(code, i, formula, bounds, setting) for i, code in enumerate(concept.inputs)]
    lacking = [f"observation:{code}" for code, found in zip(concept.inputs, usable, strict=True) if not found]
    if formula.needs_age and facts.birth is None:
        lacking.append("birth_date")
    if formula.needs_sex and facts.sex is None:
        lacking.append("sex")
    if lacking:
        return Derived((), tuple(lacking))
    results: list[Result] = []
    sure = True
    leads = [lead for lead, _ in usable[0]]
    if formula.unchanging:
        today = day_when(setting.day)
        if today.low > bounds.high_maybe or today.high < bounds.low_maybe:
            return Derived((), ())
        leads = _latest_of(leads, leads)
    for lead in leads:
        partners, certain = _partners(lead, usable[1:], formula)
        sure = sure and certain
        results.extend(_derived_result(concept, formula, (lead, *chosen), setting) for chosen in partners)
    if not results:
        return Derived((), tuple(f"observation:{code}" for code in concept.inputs))
    return Derived(tuple(results), (), sure)


Usable = list[tuple[Result, bool]]  # results that may be used, and whether they surely may


def _in_window(code: str, position: int, formula: Formula, bounds: Bounds, setting: Setting) -> Usable:
    found: Usable = []
    for result in setting.facts.results.get(code, ()):
        if result.low > setting.now:
            continue
        may = result.high >= bounds.low_maybe and result.low <= bounds.high_maybe
        sure = surely_inside(result, bounds, setting.now)
        if position in formula.any_day and formula.expression is not None:
            may = sure = True
        elif position in formula.any_day and not sure:
            adult = _adult(result, setting)
            may, sure = may or adult is not FALSE, adult is TRUE
        if may:
            found.append((result, sure))
    return found


def _adult(result: Result, setting: Setting) -> Truth:
    """Whether a measurement was taken of an adult."""
    birth = setting.facts.birth
    if birth is None:
        return UNKNOWN
    if shift_day(birth.last_day, _GROWN, 1) <= result.low // DAY:
        return TRUE
    return FALSE if shift_day(birth.first_day, _GROWN, 1) > result.high // DAY else UNKNOWN


def _partners(lead: Result, others: list[Usable], formula: Formula) -> tuple[list[tuple[Result, ...]], bool]:
    """The results that belong to a leading one: of its day, or the latest (all that may be the latest)."""
    choices: list[list[Result]] = []
    certain = True
    for found in others:
        if formula.same_day:
            day = lead.low // DAY
            same = [r for r, _ in found if r.low // DAY == day == r.high // DAY and lead.high // DAY == day]
            choices.append(_latest_of(same, same))
            certain = certain and bool(same)
        else:
            sure = [result for result, surely in found if surely]
            choices.append(_latest_of([result for result, _ in found], sure))
            certain = certain and bool(sure)
    return list(product(*choices)), certain


def _latest_of(results: list[Result], sure: list[Result]) -> list[Result]:
    newest = max((result.low for result in sure), default=None)
    return [result for result in results if newest is None or result.high >= newest]


def _derived_result(
    concept: ObservationConcept, formula: Formula, inputs: tuple[Result, ...], setting: Setting
) -> Result:
    lead = inputs[0]
    when = day_when(setting.day) if formula.unchanging else When(lead.when.text, lead.low, lead.high)
    result = Result(lead.index, concept, None, when)
    result.inputs = inputs
    for used in inputs:
        if used.problem is not None or used.value_low is None or used.value_high is None:
            words = used.problem[1] if used.problem else "its value is not known closely enough"
            result.problem = ("input", f"{used.concept.name}: {words}")
            return result
    ages = _ages(formula, result, setting)
    if ages is None:
        result.problem = ("age", f"the formula holds from {formula.minimum_age} years on")
        return result
    if formula.expression is not None:
        bounds = [_arithmetic(formula.expression, inputs, ages)]
    else:
        bounds = [_bounds_at(formula, inputs, age, setting.facts.sex) for age in ages]
    lows = [low for low, _ in bounds if low is not None]
    highs = [high for _, high in bounds if high is not None]
    if len(lows) < len(bounds) or len(highs) < len(bounds):
        result.problem = ("input", "an input of 0 gives no value")
        return result
    result.value_low = _extreme(lows, -1)
    result.value_high = _extreme(highs, 1)
    if all(used.is_point for used in inputs) and len(ages) == 1:
        result.value_high = result.value_low
    # The bounds of an open interval are not reached; keeping them closed is sound, and rarely matters: mark them.
    opened = any(used.low_open or used.high_open for used in inputs)
    result.low_open = result.high_open = opened and len(inputs) == 1
    result.kind = None
    return result


def _ages(formula: Formula, lead: Result, setting: Setting) -> list[int] | None:
    """The completed ages on the day of the leading result that are still possible; None: not for this formula."""
    if not formula.needs_age:
        return [0]
    birth = setting.facts.birth
    assert birth is not None
    first, last = lead.low // DAY, min(lead.high, setting.now) // DAY
    youngest = completed_years(min(birth.last_day, first), first)
    oldest = completed_years(birth.first_day, last)
    if youngest < formula.minimum_age or oldest > 130:
        return None
    return [youngest] if youngest == oldest else [youngest, oldest]


def _bounds_at(
    formula: Formula, inputs: tuple[Result, ...], age: int, sex: SexName | None
) -> tuple[Magnitude | None, Magnitude | None]:
    """The least and the greatest value; each formula is monotone in each input."""
    lows: list[Magnitude] = []
    highs: list[Magnitude] = []
    for used, rises in zip(inputs, formula.rising, strict=True):
        low, high = used.value_low, used.value_high
        assert low is not None
        assert high is not None
        lows.append(low if rises else high)
        highs.append(high if rises else low)
    least = _value(formula, lows, age, sex)
    if all(used.is_point for used in inputs):
        return least, least
    return least, _value(formula, highs, age, sex)


def _arithmetic(
    expression: Arithmetic, inputs: tuple[Result, ...], ages: list[int]
) -> tuple[Magnitude | None, Magnitude | None]:
    """Bounds of a trial's own quantity: exact for known inputs, otherwise wide enough."""
    known: dict[str, Interval] = {"age": (Fraction(ages[0]), Fraction(ages[-1]))}
    for used in inputs:
        low = None if used.value_low is None else used.value_low.rational
        high = None if used.value_high is None else used.value_high.rational
        if low is None or high is None:
            return None, None
        known[used.concept.name] = (low, high)
    interval = expression.interval(known)
    if interval is None:
        return None, None
    return Magnitude.of(interval[0]), Magnitude.of(interval[1])


def _value(formula: Formula, inputs: list[Magnitude], age: int, sex: SexName | None) -> Magnitude | None:
    numbers = [magnitude.rational for magnitude in inputs]
    if any(number is None or number <= 0 for number in numbers):
        return None
    exact = formula.of(tuple(number for number in numbers if number is not None), age, sex)
    return Magnitude(float(exact), exact)


def _extreme(magnitudes: list[Magnitude], sign: int) -> Magnitude:
    best = magnitudes[0]
    for magnitude in magnitudes[1:]:
        if compare(magnitude, best) == sign:
            best = magnitude
    return best
