"""Bounds of numbers in two versions: which limit moved where, and whether it is itself still in."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

from prescreen.amendment.words import Effect
from prescreen.language.comparisons import limit_words
from prescreen.language.model import Amount, ChangeBound, Comparison, Operator, Test

Found = tuple[str, Effect]
_UPPER: Final[tuple[Operator, ...]] = ("at_most", "below")
_STRICT: Final[tuple[Operator, ...]] = ("above", "below")


@dataclass(frozen=True, slots=True)
class Bound:
    """One bound. of: what the number is a multiple or share of, None for an absolute one. numbers: by kind of unit; a
    single one counts for every kind."""

    operator: Operator
    of: Hashable
    numbers: Mapping[str | None, Fraction]
    words: str

    @property
    def whole(self) -> str:
        return f"{self.operator.replace('_', ' ')} {self.words}"


def of_tests(tests: Sequence[Test]) -> list[Bound]:
    """The bounds of an observation."""
    return [
        Bound(
            test.operator,
            test.thresholds[0].of,
            {t.kind: t.number for t in test.thresholds},
            limit_words(test.thresholds),
        )
        for test in tests
        if isinstance(test, Comparison)
    ]


def of_amounts(amounts: Sequence[Amount]) -> list[Bound]:
    """The bounds of a dose."""
    return [Bound(amount.operator, None, {None: amount.number}, amount.text) for amount in amounts]


def of_counts(counts: Sequence[tuple[Operator, int]]) -> list[Bound]:
    """The bounds of a count."""
    return [Bound(operator, None, {None: Fraction(number)}, str(number)) for operator, number in counts]


def of_change(bounds: Sequence[ChangeBound], unit: str) -> list[Bound]:
    """The bounds of a fall or rise."""
    return [
        Bound(b.operator, b.relative, {None: b.number}, f"{_plain(b.number)} {'%' if b.relative else unit}".strip())
        for b in bounds
    ]


def _plain(number: Fraction) -> str:
    return str(number.numerator) if number.denominator == 1 else f"{float(number):g}"


def bound_changes(old: Sequence[Bound], new: Sequence[Bound], noun: str = "limit") -> list[Found]:
    """What changed between the bounds of one number, in words, and what each does to the condition."""
    found: list[Found] = []
    both_sides = len({bound.operator in _UPPER for bound in (*old, *new)}) > 1
    for upper in (False, True):
        before, after = ([bound for bound in bounds if (bound.operator in _UPPER) == upper] for bounds in (old, new))
        name = f"{'upper' if upper else 'lower'} {noun}" if both_sides else noun
        if len(before) > 1 or len(after) > 1:
            if [_value(bound) for bound in before] != [_value(bound) for bound in after]:
                said = (" and ".join(bound.whole for bound in bounds) or "none" for bounds in (before, after))
                found.append((f"{name} changed from {' to '.join(said)}", "unclear"))
        elif before and after:
            found += _moved(before[0], after[0], upper, name)
        elif before:
            found.append((f"no longer {before[0].whole}", "weaker"))
        elif after:
            found.append((f"now also {after[0].whole}" if old else f"now {after[0].whole}", "stronger"))
    return found


def _value(bound: Bound) -> Hashable:
    return (bound.operator, bound.of, tuple(bound.numbers.items()))


def _moved(old: Bound, new: Bound, upper: bool, name: str) -> list[Found]:
    way = _way(old, new)
    if way is None:
        return [(f"{name} changed from {_pair(old, new)}", "unclear")]
    if way == 0:
        if old.operator != new.operator:
            within = new.operator not in _STRICT
            words = f"exactly {new.words} {'now' if within else 'no longer'} counts"
            return [(f"{words} (`{old.operator}` became `{new.operator}`)", "weaker" if within else "stronger")]
        if old.words.split() != new.words.split():
            return [(f"{name} written as {new.words} instead of {old.words}: the same limit", "same")]
        return []
    effect: Effect = "weaker" if (way > 0) == upper else "stronger"
    return [(f"{name} {'raised' if way > 0 else 'lowered'} from {_pair(old, new)}", effect)]


def _pair(old: Bound, new: Bound) -> str:
    """Both bounds; with their operators where these differ."""
    return f"{old.words} to {new.words}" if old.operator == new.operator else f"{old.whole} to {new.whole}"


def _way(old: Bound, new: Bound) -> Literal[-1, 0, 1] | None:
    """1, 0 or -1 as the number went up, stayed or went down, in every kind of unit; None where that differs."""
    if old.of != new.of:
        return None
    kinds = old.numbers.keys() | new.numbers.keys()
    if len(old.numbers) == len(new.numbers) == 1:
        kinds = {None}
    ways: set[int] = set()
    for kind in kinds:
        before, after = _number(old, kind), _number(new, kind)
        if before is None or after is None:
            return None
        ways.add((after > before) - (after < before))
    ways.discard(0)
    if len(ways) > 1:
        return None
    return 0 if not ways else 1 if 1 in ways else -1


def _number(bound: Bound, kind: str | None) -> Fraction | None:
    if len(bound.numbers) == 1:
        return next(iter(bound.numbers.values()))
    return bound.numbers.get(kind)
