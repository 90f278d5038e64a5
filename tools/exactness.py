"""`make exactness`: laboratory comparisons, many of them exactly on the threshold, against plain rational arithmetic.

Each case asks whether a result (a number, `<x`, `>x` or a range) in one unit satisfies a threshold in another, or a
multiple of an upper limit of normal. The reference shares nothing with the package: its factors are written below,
from compositions and atomic weights of its own, and it computes in fractions only. Naive floats answer the same
cases as a baseline. Exit status 1 when one answer of ours is wrong.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from prescreen.quantities import Analyte, Magnitude, Number, Scale, analyte, compare, molar_mass, read_value

Operator = Literal["at_least", "above", "at_most", "below"]
OPERATORS: tuple[Operator, ...] = ("at_least", "above", "at_most", "below")
MULTIPLES = ("1", "1.5", "2", "2.5", "3", "5", "10", "0.8", "1.25", "1.1", "0.7")


Lines = dict[str, tuple[Fraction, Fraction]]


@dataclass(frozen=True)
class Subject:
    """An analyte as the package knows it, and the reference's own lines a·x + b for its units."""

    ours: Analyte
    lines: Lines


def _lines(text: str, unit_amount: Fraction = Fraction(1)) -> Lines:
    """ "U/L 1, ukat/L 60": a unit and its factor; factors marked ``*`` count in `unit_amount`s."""
    lines: Lines = {}
    for item in text.split(","):
        unit, factor = item.split()
        lines[unit] = (Fraction(factor.strip("*")) * (unit_amount if "*" in factor else 1), Fraction(0))
    return lines


_WEIGHT = {"H": "1.008", "C": "12.011", "N": "14.007", "O": "15.999", "P": "30.974", "Ca": "40.078", "Mg": "24.305"}


def _grams(**composition: int) -> Fraction:
    return sum((Fraction(_WEIGHT[element]) * count for element, count in composition.items()), Fraction(0))


def _chemical(formula: str, grams: Fraction, unit: str, valence: int | None = None) -> Subject:
    masses = "mg/dL 1/100, g/L 1, mg/L 1/1000, ug/mL 1/1000, ng/mL 1/1000000, ug/dL 1/100000"
    lines = _lines(f"{masses}, mmol/L *1/1000, umol/L *1/1000000, nmol/L *1/1000000000", grams)
    if valence is not None:
        lines |= _lines("mEq/L *1/1000", grams / valence)
    return Subject(analyte(unit, molar_mass=molar_mass(formula), valence=valence), lines)


def subjects() -> list[Subject]:
    creatinine = _grams(C=4, H=7, N=3, O=1)
    one, none = Fraction(1), Fraction(0)
    ifcc = (Fraction("0.09148"), Fraction("2.152"))
    return [
        _chemical("C4H7N3O", creatinine, "mg/dL"),
        _chemical("C33H36N4O6", _grams(C=33, H=36, N=4, O=6), "umol/L"),
        _chemical("C6H12O6", _grams(C=6, H=12, O=6), "mmol/L"),
        _chemical("C5H4N4O3", _grams(C=5, H=4, N=4, O=3), "mg/dL"),
        _chemical("C27H46O", _grams(C=27, H=46, O=1), "mg/dL"),
        _chemical("Ca", _grams(Ca=1), "mg/dL", valence=2),
        _chemical("Mg", _grams(Mg=1), "mmol/L", valence=2),
        _chemical("P", _grams(P=1), "mg/dL"),
        Subject(
            analyte("U/L", equates=("[IU]", "U")),
            _lines("U/L 1, IU/L 1, ukat/L 60, nkat/L 6/100, mU/mL 1, kU/L 1000"),
        ),
        Subject(
            analyte("10*9/L"),
            _lines("10*9/L 1, G/L 1, /uL 1/1000, K/uL 1, 10^3/mm3 1, {cells}/mL 1/1000000"),
        ),
        Subject(
            analyte("g/g", denominator_molar_mass=molar_mass("C4H7N3O")),
            _lines("g/g 1, mg/g 1/1000, mg/mg 1, mg/mmol *1, g/mol *1", 1 / creatinine),
        ),
        Subject(
            analyte("[IU]/mL"),
            _lines("IU/mL 1, [IU]/L 1/1000, kIU/L 1, k[IU]/mL 1000, mIU/mL 1/1000"),
        ),
        Subject(
            analyte("%", affine={"mmol/mol": ifcc}),
            {"%": (one, none), "mmol/mol": ifcc, "1": (Fraction(100), none)},
        ),
        Subject(
            analyte("Cel", may_be_negative=True),
            {"Cel": (one, none), "degF": (Fraction(5, 9), Fraction(-160, 9)), "K": (one, Fraction("-273.15"))},
        ),
    ]


@dataclass(frozen=True)
class Case:
    """The result's text and true interval in its own unit (None: unbounded; flags: end left out); the threshold."""

    subject: Subject
    unit: str
    text: str | Decimal
    low: Fraction | None
    low_open: bool
    high: Fraction | None
    high_open: bool
    operator: Operator
    limit: Decimal
    limit_unit: str
    multiple: Decimal | None


def cases(count: int, seed: int) -> Iterator[Case]:
    """Seeded; about half have an end exactly on the threshold, a quarter miss it by one unit of the last digit."""
    pick = random.Random(seed)
    everything = subjects()
    while count:
        subject = pick.choice(everything)
        unit, limit_unit = pick.choice(list(subject.lines)), pick.choice(list(subject.lines))
        (a, b), (c, d) = subject.lines[unit], subject.lines[limit_unit]
        multiple = Decimal(pick.choice(MULTIPLES)) if b == d == 0 and pick.random() < 0.4 else None
        meeting = _meeting(pick, (a, b), (c, d), multiple)
        if meeting is None:
            continue
        number, limit = meeting
        roll = pick.random()
        if roll > 0.5:
            step = Decimal(1).scaleb(int(number.as_tuple().exponent))
            number += pick.choice((-step, step)) if roll < 0.75 else Decimal(pick.randint(-(10**4), 10**4)) * step
        if number <= 0 or limit <= 0:
            continue
        yield Case(subject, unit, *_written(pick, number), pick.choice(OPERATORS), limit, limit_unit, multiple)
        count -= 1


def _meeting(
    pick: random.Random, own: tuple[Fraction, Fraction], other: tuple[Fraction, Fraction], multiple: Decimal | None
) -> tuple[Decimal, Decimal] | None:
    """A number and a limit, both short decimals, that are equal: a·number + b = multiple·(c·limit + d)."""
    (a, b), (c, d) = own, other
    if b == d == 0:
        ratio = c * Fraction(multiple or 1) / a  # number = ratio · limit
        seed = Fraction(pick.randint(1, 9999), 10 ** pick.randint(0, 4))
        number, limit = _decimal(seed * ratio.numerator), _decimal(seed * ratio.denominator)
        if number is not None and limit is not None and multiple is not None:
            return number, limit
        while number is not None and limit is not None and abs(number.adjusted()) > 6:
            shift = -number.adjusted() + 1
            number, limit = number.scaleb(shift), limit.scaleb(shift)
        return None if number is None or limit is None else (number, limit)
    number = Decimal(pick.randint(200, 1500)).scaleb(-pick.randint(0, 1))
    exact = (a * Fraction(number) + b - d) / c
    limit = _decimal(exact)
    return None if limit is None else (number, limit)


def _decimal(number: Fraction) -> Decimal | None:
    """The terminating decimal that a fraction is, or None."""
    for places in range(19):
        scaled = number * 10**places
        if scaled.denominator == 1:
            return Decimal(scaled.numerator).scaleb(-places) if abs(scaled.numerator) < 10**27 else None
    return None


def _written(
    pick: random.Random, number: Decimal
) -> tuple[str | Decimal, Fraction | None, bool, Fraction | None, bool]:
    x, text = Fraction(number), f"{number:f}"
    match pick.randrange(10):
        case 0:
            return f"<{text}", None, True, x, True
        case 1:
            return f"≤ {text}", None, True, x, False
        case 2:
            return f">{text}", x, True, None, True
        case 3:
            return f">= {text}", x, False, None, True
        case 4:
            return f"{text}-{number * 2:f}", x, False, x * 2, False
        case 5:
            return f"{number / 4:f} – {text}", Fraction(number / 4), False, x, False
        case 6:
            return text, x, False, x, False
        case _:
            return number, x, False, x, False


def decide(operator: Operator, low: int | None, low_open: bool, high: int | None, high_open: bool) -> bool | None:
    """The truth of a comparison from where the ends lie (-1, 0, 1 of the threshold; None: unbounded)."""
    all_above = low is not None and (low > 0 or (low == 0 and low_open))
    all_at_least = low is not None and low >= 0
    all_below = high is not None and (high < 0 or (high == 0 and high_open))
    all_at_most = high is not None and high <= 0
    yes, no = {
        "at_least": (all_at_least, all_below),
        "above": (all_above, all_at_most),
        "at_most": (all_at_most, all_above),
        "below": (all_below, all_at_least),
    }[operator]
    return True if yes else False if no else None


def reference(case: Case) -> tuple[bool | None, bool]:
    """The truth in fractions, and whether an end lies exactly on the threshold."""
    (a, b), (c, d) = case.subject.lines[case.unit], case.subject.lines[case.limit_unit]
    threshold = (c * Fraction(case.limit) + d) * Fraction(case.multiple or 1)
    low, high = (None if x is None else a * x + b for x in (case.low, case.high))
    if low is None and not case.subject.ours.may_be_negative:
        low, low_open = b, False
    else:
        low_open = case.low_open
    signs = [None if x is None else (x > threshold) - (x < threshold) for x in (low, high)]
    return decide(case.operator, signs[0], low_open, signs[1], case.high_open), 0 in signs


def ours(case: Case) -> bool | None:
    known = case.subject.ours
    value = read_value(case.text, known.may_be_negative)
    scale, other = known.scale(case.unit), known.scale(case.limit_unit)
    assert isinstance(value, Number), (case.text, value)
    assert isinstance(scale, Scale), scale
    assert isinstance(other, Scale), other
    threshold = other.magnitude(case.limit)
    if case.multiple is not None:
        threshold = threshold.times(Magnitude.of(case.multiple))
    low, high = scale.bounds(value)
    return decide(
        case.operator,
        None if low is None else compare(low, threshold),
        value.low_open,
        None if high is None else compare(high, threshold),
        value.high_open,
    )


def naive(case: Case) -> bool | None:
    """What a program with floats and conversion factors says."""
    (a, b), (c, d) = case.subject.lines[case.unit], case.subject.lines[case.limit_unit]
    threshold = (float(c) * float(case.limit) + float(d)) * float(case.multiple or 1)
    low, high = (None if x is None else float(a) * float(x) + float(b) for x in (case.low, case.high))
    low_open = case.low_open
    if low is None and not case.subject.ours.may_be_negative:
        low, low_open = float(b), False
    signs = [None if x is None else (x > threshold) - (x < threshold) for x in (low, high)]
    return decide(case.operator, signs[0], low_open, signs[1], case.high_open)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=20260601)
    arguments = parser.parse_args()
    contenders: dict[str, Callable[[Case], bool | None]] = {"exact magnitudes": ours, "naive floats": naive}
    wrong = dict.fromkeys(contenders, 0)
    ties = 0
    start = time.perf_counter()
    for case in cases(arguments.cases, arguments.seed):
        truth, tie = reference(case)
        ties += tie
        for name, answer in contenders.items():
            if answer(case) != truth:
                wrong[name] += 1
                if name == "exact magnitudes" and wrong[name] <= 10:
                    print(f"wrong: {case}")
    share = 100 * ties / arguments.cases
    print(f"{arguments.cases} comparisons, {ties} ({share:.0f} %) exactly on the threshold, seed {arguments.seed}")
    for name, count in wrong.items():
        print(f"  {name}: {count} wrong")
    print(f"  {time.perf_counter() - start:.1f} s")
    return int(wrong["exact magnitudes"] > 0 or ties * 4 < arguments.cases)


if __name__ == "__main__":
    sys.exit(main())
