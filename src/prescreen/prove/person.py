"""Age, sex and answers as variables of the solver."""

from __future__ import annotations

from collections.abc import Sequence

import z3

from prescreen.language.model import SCREENING, Age, Answer, Sex
from prescreen.prove.calendar import MEAN_MONTH, MONTH_MARGIN, days_of_months
from prescreen.prove.days import FARTHEST, Days, days_of, months_of
from prescreen.time import Span

OLDEST = 150 * 12  # months

BIRTH = z3.Int("birth")
FEMALE = z3.Bool("female")


def months_at(anchor: str) -> z3.ArithRef:
    """Completed months of age on the day of an anchor (negative before birth)."""
    return z3.Int(f"months:{anchor}")


def age_facts(leaves: Sequence[Age], days: Days) -> list[z3.BoolRef]:
    """What holds of every birth date: how completed months on several days, and days, hang together."""
    anchors = sorted({SCREENING, *(leaf.anchor for leaf in leaves)}) if leaves else []
    numerator, denominator = MEAN_MONTH
    found: list[z3.BoolRef] = [BIRTH <= 0, BIRTH >= -FARTHEST] if leaves else []
    for anchor in anchors:
        months, old = months_at(anchor), days.anchor(anchor) - BIRTH
        found += [
            denominator * (old + MONTH_MARGIN) >= numerator * months,
            denominator * (old - MONTH_MARGIN) <= numerator * (months + 1),
            (old >= 0) == (months >= 0),
        ]
        for other in anchors:
            if other != anchor:
                later = days.anchor(other) >= days.anchor(anchor)
                found.append(z3.Implies(later, months_at(other) >= months))
    for leaf in leaves:
        for months in {months_of(span) for span in (leaf.low, leaf.below) if span is not None}:
            if months is not None:
                least, most = days_of_months(months, 1)
                old = days.anchor(leaf.anchor) - BIRTH
                found.append(z3.If(months_at(leaf.anchor) >= months, old >= least, old < most))
    if leaves:
        found.append(months_at(SCREENING) <= OLDEST)
    return found


def age_exact(leaves: Sequence[Age], days: Days) -> list[z3.BoolRef]:
    """What a birth date that is written down keeps to besides: where ages on several days are asked for, on any day but
    the screening day none is reached within days of it, so that the one birth date fits them all."""
    found: list[z3.BoolRef] = []
    for leaf in leaves if len({leaf.anchor for leaf in leaves}) > 1 else ():
        for span in (leaf.low, leaf.below):
            months = None if span is None else months_of(span)
            if months is not None and leaf.anchor != SCREENING:
                least, most = days_of_months(months, 1)
                old, reached = days.anchor(leaf.anchor) - BIRTH, months_at(leaf.anchor) >= months
                found.append(z3.If(reached, old >= most + 2 * MONTH_MARGIN, old < least - 2 * MONTH_MARGIN))
    return found


def age(leaf: Age, days: Days) -> z3.BoolRef:
    """Age within bounds: at least `low`, less than `below`, in completed units."""
    parts = []
    if leaf.low is not None:
        parts.append(_reached(leaf.low, leaf, days))
    if leaf.below is not None:
        parts.append(z3.Not(_reached(leaf.below, leaf, days)))
    return z3.And(*parts)


def _reached(span: Span, leaf: Age, days: Days) -> z3.BoolRef:
    months = months_of(span)
    if months is not None:
        return months_at(leaf.anchor) >= months
    return BIRTH + days_of(span) <= days.anchor(leaf.anchor)


def sex(leaf: Sex) -> z3.BoolRef:
    return FEMALE if leaf.sex == "female" else z3.Not(FEMALE)


def answer(leaf: Answer, options: Sequence[bool | str]) -> z3.BoolRef:
    """Whether a question is answered so: one variable a question, the place of the answer among its options."""
    return given(leaf.question) == options.index(leaf.equals)


def given(question: str) -> z3.ArithRef:
    """The answer to a question, as its place among the options."""
    return z3.Int(f"answer:{question}")


def answer_facts(question: str, options: Sequence[bool | str]) -> list[z3.BoolRef]:
    return [given(question) >= 0, given(question) < len(options)]
