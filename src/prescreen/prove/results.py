"""Results of one observation as variables of the solver: a history of as many as its leaves can tell apart.

A leaf looks at the result that counts, so a record with one result for each distinct leaf shows every combination of
truths that a longer one can. Each result has a day, a value in the catalogue's unit, limits of normal and of detection
of its own, a kind of unit where a limit is written in two, and a code where results are coded. Derived quantities are
results like any other: a reported one may have any value.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import z3

from prescreen.catalogue import ObservationConcept
from prescreen.language.model import (
    SCREENING,
    Change,
    ChangeBound,
    Coded,
    Comparison,
    Detected,
    Observation,
    Operator,
    Test,
    Threshold,
    Window,
)
from prescreen.prove.days import FARTHEST, Days, days_of, months_of
from prescreen.time import Span

INDETERMINATE = "indeterminate"


def real(number: Fraction | int) -> z3.ArithRef:
    """An exact number for the solver."""
    number = Fraction(number)
    return z3.Q(number.numerator, number.denominator)


def compared(left: z3.ArithRef, operator: Operator, right: z3.ArithRef) -> z3.BoolRef:
    match operator:
        case "at_least":
            return left >= right
        case "above":
            return left > right
        case "at_most":
            return left <= right
        case "below":
            return left < right


class Slot:
    """One result of a history, the newest first."""

    def __init__(self, code: str, number: int) -> None:
        name = f"{code}[{number}]"
        self.day = z3.Int(f"{name}.day")
        self.value = z3.Real(f"{name}.value")
        self.uln, self.lln, self.lod = (z3.Real(f"{name}.{limit}") for limit in ("uln", "lln", "lod"))
        self.kind = z3.Int(f"{name}.kind")
        self.coded = z3.Int(f"{name}.coded")


class History:
    """The results of one observation in a query. leaves: those of the query that ask for them."""

    def __init__(self, concept: ObservationConcept, leaves: Sequence[Observation], days: Days) -> None:
        self.concept = concept
        self.leaves = tuple(leaves)
        self.days = days
        tests = [test for leaf in leaves for test in leaf.tests]
        self.codes = tuple(
            dict.fromkeys(
                code
                for code in (*concept.values, *(code for t in tests if isinstance(t, Coded) for code in t.values))
                if code != INDETERMINATE
            )
        )
        self.kinds = tuple(
            dict.fromkeys(
                threshold.kind
                for test in tests
                if isinstance(test, Comparison) and len(test.thresholds) > 1
                for threshold in test.thresholds
            )
        )
        self.coded = any(isinstance(test, Coded) for test in tests)
        latest = {(leaf.window, leaf.changes, leaf.without) for leaf in leaves if leaf.select.how == "latest"}
        others = {leaf for leaf in leaves if leaf.select.how != "latest"}
        changes = sum(len(leaf.changes) for leaf in {*leaves})
        self.slots = tuple(Slot(concept.name, number) for number in range(len(latest) + len(others) + changes))
        self.copies = max(leaf.select.count for leaf in leaves)
        self.apart = max(_days_apart(leaf) for leaf in leaves)
        self._to_today = all(_ends_today(leaf.window) for leaf in leaves)

    def sound(self) -> list[z3.BoolRef]:
        """What holds of every history."""
        concept, found = self.concept, []
        signed = concept.analyte is not None and concept.analyte.may_be_negative
        for slot in self.slots:
            found += [slot.day <= 0, slot.day >= -FARTHEST]
            found += [
                slot.kind >= 0,
                slot.kind <= len(self.kinds),
                slot.coded >= 0,
                slot.coded < max(1, len(self.codes)),
            ]
            found += [slot.uln > 0, slot.lln <= slot.uln, slot.lod > 0]
            if not signed:
                found += [slot.value >= 0, slot.lln >= 0]
            if concept.low is not None:
                found += [slot.value >= real(concept.low), slot.uln >= real(concept.low)]
            if concept.high is not None:
                found += [slot.value <= real(concept.high), slot.uln <= real(concept.high)]
        found += [newer.day >= older.day for newer, older in zip(self.slots, self.slots[1:], strict=False)]
        return found

    def exact(self) -> list[z3.BoolRef]:
        """What a history that is written down keeps to besides."""
        room = 1 + (self.copies - 1) * self.apart
        found = [newer.day >= older.day + room for newer, older in zip(self.slots, self.slots[1:], strict=False)]
        for slot in self.slots:
            found.append(slot.lln < slot.uln)
            if any(bound.relative for leaf in self.leaves for change in leaf.changes for bound in change.bounds):
                found.append(slot.value > 0)  # there is no share of nothing
            if self.kinds:
                found.append(slot.kind < len(self.kinds))
        if len(self.slots) > 1 and any(leaf.select.how in ("highest", "lowest") for leaf in self.leaves):
            found.append(z3.Distinct(*[slot.value for slot in self.slots]))  # of equal ones, either is the highest
        return found

    def meaning(self, leaf: Observation, truth: z3.BoolRef) -> tuple[list[z3.BoolRef], list[z3.BoolRef]]:
        """What the truth of a leaf says of the history: in every record, and in one that is written down.

        A leaf is only spoken of where a result lies in its window, unless none can (a window that opens after today).
        """
        inside = [self.days.overlaps(slot.day, slot.day, leaf.window) for slot in self.slots]
        passed = [self.passes(slot, leaf.tests) for slot in self.slots]
        has = z3.Or(*inside)
        some = z3.Or(*[z3.And(i, p) for i, p in zip(inside, passed, strict=True)])
        other = z3.Or(*[z3.And(i, z3.Not(p)) for i, p in zip(inside, passed, strict=True)])
        sound = [z3.Or(has, z3.Not(self.days.possible(leaf.window)))]
        how = leaf.select.how
        if leaf.changes or how == "consecutive":
            sound.append(z3.Implies(z3.And(has, truth), some))
        elif how in ("first", "mean_of") or leaf.without is not None or not (how == "latest" or self._to_today):
            sound += [z3.Implies(z3.And(has, truth), some), z3.Implies(z3.And(has, z3.Not(truth)), other)]
        elif how in ("highest", "lowest"):
            extremes = [self._is_extreme(place, inside, 1 if how == "highest" else -1) for place in range(len(inside))]
            sound += [
                z3.Implies(z3.And(has, truth), _some(extremes, passed)),
                z3.Implies(z3.And(has, z3.Not(truth)), _some(extremes, [z3.Not(p) for p in passed])),
            ]
        else:
            sound.append(z3.Implies(has, truth == self._one_result(how, inside, passed)))
        return sound, [has, *self._written(leaf, truth, inside, passed)]

    def _one_result(self, how: str, inside: list[z3.BoolRef], passed: list[z3.BoolRef]) -> z3.BoolRef:
        match how:
            case "any":
                return _some(inside, passed)
            case "every":
                return z3.And(*[z3.Implies(i, p) for i, p in zip(inside, passed, strict=True)])
            case "first":
                return _some(_firsts(inside[::-1]), passed[::-1])
            case _:
                return _some(_firsts(inside), passed)

    def _written(
        self, leaf: Observation, truth: z3.BoolRef, inside: list[z3.BoolRef], passed: list[z3.BoolRef]
    ) -> list[z3.BoolRef]:
        how = leaf.select.how
        if leaf.changes:
            chosen = _firsts(inside)
            moved = [z3.And(p, *[self._moved(place, change) for change in leaf.changes])
                     for place, p in enumerate(passed)]  # fmt: skip
            earlier = [z3.And(*[z3.Or(*self._earlier(place, change)) for change in leaf.changes])
                       for place in range(len(passed))]  # fmt: skip
            return [_some(chosen, earlier), truth == _some(chosen, moved)]
        if how in ("consecutive", "mean_of"):  # results that all pass or all fail; each is written `count` times
            oldest = [slot.day - (self.copies - 1) * self.apart for slot in self.slots]
            within = [self.days.overlaps(day, day, leaf.window) for day in oldest]
            same = zip(inside, passed, within, strict=True)
            return [z3.Implies(i, z3.And(p == truth, w)) for i, p, w in same]
        if how in ("highest", "lowest"):
            extremes = [self._is_extreme(place, inside, 1 if how == "highest" else -1) for place in range(len(inside))]
            return [truth == _some(extremes, passed)]
        return [truth == self._one_result(how, inside, passed)]

    def _is_extreme(self, place: int, inside: list[z3.BoolRef], sign: int) -> z3.BoolRef:
        own = self.slots[place].value
        others = [z3.Implies(i, own * sign >= slot.value * sign) for i, slot in zip(inside, self.slots, strict=True)]
        return z3.And(inside[place], *others)

    def _earlier(self, place: int, change: Change) -> list[z3.BoolRef]:
        """Of each older result: whether it lies in reach of a change."""
        own = self.slots[place]
        return [
            z3.BoolVal(True) if change.over is None else slot.day >= own.day - _whole(change.over)
            for slot in self.slots[place + 1 :]
        ]

    def _moved(self, place: int, change: Change) -> z3.BoolRef:
        own, older = self.slots[place], self.slots[place + 1 :]
        reach = self._earlier(place, change)
        match change.base:
            case "latest":
                chosen = _firsts(reach)
            case "first":
                chosen = _firsts(reach[::-1])[::-1]
            case _:
                sign = 1 if change.base == "highest" else -1
                chosen = [
                    z3.And(r, *[z3.Implies(o, slot.value * sign >= other.value * sign)
                                for o, other in zip(reach, older, strict=True)])
                    for r, slot in zip(reach, older, strict=True)
                ]  # fmt: skip
        moved = [z3.And(*[_change(own.value, slot.value, change, bound) for bound in change.bounds]) for slot in older]
        return _some(chosen, moved)

    def passes(self, slot: Slot, tests: Sequence[Test]) -> z3.BoolRef:
        """Whether one result passes all tests."""
        return z3.And(*[self._passes(slot, test) for test in tests])

    def _passes(self, slot: Slot, test: Test) -> z3.BoolRef:
        match test:
            case Comparison(operator, thresholds):
                found = compared(slot.value, operator, self._threshold(slot, thresholds[0]))
                for threshold in thresholds[:0:-1]:
                    own = compared(slot.value, operator, self._threshold(slot, threshold))
                    found = z3.If(slot.kind == self.kinds.index(threshold.kind), own, found)
                return found
            case Coded(values, negated):
                one = z3.Or(*[slot.coded == self.codes.index(code) for code in values if code in self.codes])
                return z3.Not(one) if negated else one
            case Detected(wanted):
                detected = slot.value >= slot.lod
                return detected if wanted else z3.Not(detected)

    def _threshold(self, slot: Slot, threshold: Threshold) -> z3.ArithRef:
        number = real(threshold.number)
        match threshold.of:
            case "ULN":
                return number * slot.uln
            case "LLN":
                return number * slot.lln
            case "LLOD":
                return number * slot.lod
            case _:
                return number


def _whole(span: Span) -> int:
    """A length of time in days, of months and years as few as they can be: what is written down lies well inside."""
    months = months_of(span)
    if months is not None:
        return months * 28
    return span.number // 24 if span.unit == "hours" else days_of(span)


def _days_apart(leaf: Observation) -> int:
    """How many days lie between results so that a leaf surely finds them far enough apart."""
    apart = leaf.select.apart
    if apart is None:
        return 0
    months = months_of(apart)
    if months is not None:
        return 32 * months
    return 1 - (-apart.number // 24) if apart.unit == "hours" else days_of(apart) + 1


def _ends_today(window: Window) -> bool:
    end = window.end
    return end is None or (end.anchor == SCREENING and (end.span is None or end.sign > 0))


def _firsts(inside: list[z3.BoolRef]) -> list[z3.BoolRef]:
    """Of each, whether it is the first that is in."""
    return [z3.And(one, *[z3.Not(before) for before in inside[:place]]) for place, one in enumerate(inside)]


def _some(chosen: list[z3.BoolRef], truths: list[z3.BoolRef]) -> z3.BoolRef:
    return z3.Or(*[z3.And(one, truth) for one, truth in zip(chosen, truths, strict=True)])


def _change(own: z3.ArithRef, base: z3.ArithRef, change: Change, bound: ChangeBound) -> z3.BoolRef:
    """Fallen by at least 50 %: the value is at most half of the earlier one."""
    sign = -1 if change.way == "fall" else 1
    limit = base * real(1 + sign * bound.number / 100) if bound.relative else base + real(sign * bound.number)
    return compared(own * sign, bound.operator, limit * sign)
