"""Results as written, and the finite choices that stand for every value, limit and kind of unit they may have."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

from tests.reference.rules import Bound, ResultLeaf
from tests.reference.vocabulary import CODED, INDETERMINATE, MEANS, TO_CANONICAL

F = Fraction
ZERO, ONE = F(0), F(1)
TINY = F(1, 10**9)
OTHER_CODE = "another code"


@dataclass(frozen=True)
class Choice:
    """One full result: a number in the canonical unit with its limits and kind of unit, or a code."""

    value: Fraction = ZERO
    kind: str = ""
    uln: Fraction = ONE
    lln: Fraction = ONE
    llod: Fraction = ONE
    code: str = ""


@dataclass(frozen=True)
class Range:
    """Values from low to high, the ends open where marked; high None is infinity."""

    low: Fraction
    high: Fraction | None
    low_open: bool = False
    high_open: bool = False

    def has(self, value: Fraction) -> bool:
        above = value > self.low or (value == self.low and not self.low_open)
        below = self.high is None or value < self.high or (value == self.high and not self.high_open)
        return above and below


NOTHING: set[Fraction] = set()
ANY_VALUE = Range(F(0), None)
POSITIVE = Range(F(0), None, low_open=True)


def number(written: int | float | str) -> Fraction:
    return F(repr(written)) if isinstance(written, float) else F(written)


def satisfied(leaf: ResultLeaf, result: Choice) -> bool:
    """Whether one full result passes all tests of a leaf."""
    return (
        all(_bound_holds(bound, result) for bound in leaf.bounds)
        and all((result.code in codes) == wanted for wanted, codes in leaf.codes)
        and all((result.value >= result.llod) == wanted for wanted in leaf.detected)
    )


def _bound_holds(bound: Bound, result: Choice) -> bool:
    limits = bound.limits
    amount, of, _ = limits[0] if len(limits) == 1 else next(each for each in limits if each[2] == result.kind)
    limit = amount * (getattr(result, of.lower()) if of else 1)
    return compare(bound.operator, result.value, limit)


def compare(operator: str, value: Any, limit: Any) -> bool:
    if operator == "at_least":
        return bool(value >= limit)
    if operator == "above":
        return bool(value > limit)
    return bool(value <= limit) if operator == "at_most" else bool(value < limit)


def cells(within: Range, breaks: set[Fraction]) -> list[Fraction]:
    """Every break inside a range, its ends, and a point between any two neighbours."""
    inner = {each for each in breaks if within.has(each)} | {within.low}
    if within.high is not None:
        inner.add(within.high)
    points = sorted(inner)
    between = [(a + b) / 2 for a, b in pairwise(points)]
    beyond = [] if within.high is not None else [points[-1] * 2 + 1]
    return sorted(each for each in {*points, *between, *beyond} if within.has(each))


def is_coded(code: str) -> bool:
    return code in CODED


def free_choices(code: str, leaves: list[ResultLeaf], others: set[Fraction] = NOTHING) -> list[Choice]:
    """What a result may be of which nothing is known."""
    if is_coded(code):
        return [Choice(code=each) for each in (*CODED[code], OTHER_CODE)]
    kinds = sorted({kind for _, kind in TO_CANONICAL[code].values()})
    return [
        choice
        for kind in kinds
        for choice in _numeric(ANY_VALUE, kind, {"uln": None, "lln": None, "llod": POSITIVE}, leaves, others)
    ]


def usable(record: dict[str, Any]) -> bool:
    """A null value is no result, nor is a refuted one."""
    return record.get("value") is not None and record.get("verification") != "refuted"


def choices(record: dict[str, Any], leaves: list[ResultLeaf], others: set[Fraction]) -> list[Choice]:
    """What a recorded result may be; `others` are further values at which leaves may turn."""
    code, written = record["code"], record["value"]
    if record.get("verification") == "provisional":
        return free_choices(code, leaves, others)
    if is_coded(code):
        if not isinstance(written, str) or written in INDETERMINATE:
            return free_choices(code, leaves, others)
        return [Choice(code=MEANS.get(written, written))]
    if written in INDETERMINATE:
        return free_choices(code, leaves, others)
    scale = TO_CANONICAL[code].get(record.get("unit") or "")
    if written in ("not detected", "detected"):
        # These need no unit; a limit needs one.
        limit = number(record["detection_limit"]) * scale[0] if scale and "detection_limit" in record else None
        return [
            choice
            for kind in sorted({kind for _, kind in TO_CANONICAL[code].values()} if scale is None else {scale[1]})
            for choice in _detection(written == "detected", limit, kind, _limits(record, scale), leaves, others)
        ]
    if scale is None:
        return free_choices(code, leaves, others)
    factor, kind = scale
    within = read_range(written)
    within = replace(within, low=within.low * factor, high=None if within.high is None else within.high * factor)
    limits: dict[str, Any] = dict(_limits(record, scale))
    if "detection_limit" in record:
        limits["llod"] = number(record["detection_limit"]) * factor
    elif isinstance(written, str) and written.startswith("<"):
        limits["llod"] = POSITIVE
    else:
        limits["llod"] = "below the value"
    return _numeric(within, kind, limits, leaves, others)


def read_range(written: Any) -> Range:
    """92, "<20", "<=20", ">1000", ">=1000" or "20-40", as written."""
    if not isinstance(written, str):
        return Range(number(written), number(written))
    if written.startswith("<="):
        return Range(F(0), F(written[2:]))
    if written.startswith(">="):
        return Range(F(written[2:]), None)
    if written.startswith("<"):
        return Range(F(0), F(written[1:]), high_open=True)
    if written.startswith(">"):
        return Range(F(written[1:]), None, low_open=True)
    low, dash, high = written.partition("-")
    return Range(F(low), F(high if dash else low))


def _limits(record: dict[str, Any], scale: tuple[Fraction, str] | None) -> dict[str, Any]:
    given = record.get("reference_range") or {}
    if given.get("unit") is not None:
        scale = TO_CANONICAL[record["code"]].get(given["unit"])
    return {
        name: number(given[key]) * scale[0] if scale and given.get(key) is not None else None
        for name, key in (("uln", "high"), ("lln", "low"))
    }


def _multiples(leaves: list[ResultLeaf], of: str) -> set[Fraction]:
    found = {limit[0] for leaf in leaves for bound in leaf.bounds for limit in bound.limits if limit[1] == of}
    return found | ({F(1)} if of == "LLOD" and any(leaf.detected for leaf in leaves) else set())


def _numeric(
    within: Range, kind: str, limits: dict[str, Any], leaves: list[ResultLeaf], others: set[Fraction]
) -> list[Choice]:
    """Products of values and limits. limits: a number, None or a Range (open), or that the value is not below it."""
    breaks = set(others)
    breaks |= {limit[0] for leaf in leaves for bound in leaf.bounds for limit in bound.limits if not limit[1]}
    for name in ("uln", "lln", "llod"):
        if isinstance(limits[name], Fraction):
            breaks |= {each * limits[name] for each in _multiples(leaves, name.upper())}
    if others:  # sums and orders with other results: approach open ends closely
        breaks.add(within.low + TINY)
        if within.high is not None:
            breaks.add(within.high - TINY)
    found = []
    for value in cells(within, breaks):
        options = []
        for name in ("uln", "lln", "llod"):
            limit, multiples = limits[name], _multiples(leaves, name.upper())
            if not multiples:
                options.append([F(1)])
            elif isinstance(limit, Fraction):
                options.append([limit])
            else:
                open_range = POSITIVE
                if limit == "below the value" and value > 0:
                    open_range = Range(F(0), value, low_open=True, high_open=True)
                turns = {value / each for each in multiples if each} | {value}
                options.append(cells(open_range, {turn for turn in turns if turn > 0}))
        found += [Choice(value, kind, uln, lln, llod) for uln, lln, llod in product(*options)]
    return found


def _detection(
    detected: bool,
    limit: Fraction | None,
    kind: str,
    limits: dict[str, Any],
    leaves: list[ResultLeaf],
    others: set[Fraction],
) -> list[Choice]:
    """Values on the right side of the limit of detection, be it known or not."""
    if limit is not None:
        within = Range(limit, None, low_open=True) if detected else Range(F(0), limit, high_open=True)
        return _numeric(within, kind, {**limits, "llod": limit}, leaves, others)
    found = _numeric(POSITIVE if detected else ANY_VALUE, kind, {**limits, "llod": POSITIVE}, leaves, others)
    if not _multiples(leaves, "LLOD"):
        return found
    return [each for each in found if (each.value > each.llod if detected else each.value < each.llod)]
