"""Observation leaves: which results of the window count, and whether they pass (semantics §4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Final

from prescreen.candidate.facts import Result
from prescreen.catalogue import ObservationConcept
from prescreen.engine.compare import limits_of, quick_test, satisfies, threshold_for
from prescreen.engine.derive import Derived, derive
from prescreen.engine.setting import Bounds, Setting, free_key, surely_inside
from prescreen.engine.setting import Found as AnyFound
from prescreen.engine.trend import changed, earlier_than
from prescreen.language.model import Change, Comparison, Observation, Threshold
from prescreen.quantities import Magnitude, compare
from prescreen.quantities.magnitude import SAFE
from prescreen.time import HOUR, Span, shift_day
from prescreen.truth import FALSE, TRUE, UNKNOWN, Truth, conjunction, disjunction

_MAX_MEAN_RESULTS: Final = 8
_MAX_PAIRS: Final = 20_000  # of a result and an earlier one


class Found(AnyFound):
    """What an observation leaf found.

    results: those that may be the ones that count, each with its own truth in `truths`. sure: whether some result is
    in the window in any case; otherwise the leaf may yet get any result. lacking: facts that a derived quantity
    lacks. stale: the newest result that lies outside the window. conflict: two results of one time disagree.
    refused: results of the window do not count (`without`); perhaps_refused: whether they do is open. earlier: what
    a fall or rise was measured from.
    """

    __slots__ = ("earlier", "lacking", "perhaps_refused", "refused", "results", "stale", "sure", "truths")

    def __init__(
        self,
        truth: Truth,
        results: tuple[Result, ...] = (),
        truths: tuple[Truth, ...] = (),
        sure: bool = False,
        lacking: tuple[str, ...] = (),
        stale: Result | None = None,
        conflict: bool = False,
        approximate: bool = False,
        constant: tuple[object, ...] | None = None,
    ) -> None:
        super().__init__(truth, constant, conflict, approximate)
        self.results = results
        self.truths = truths
        self.sure = sure
        self.lacking = lacking
        self.stale = stale
        self.refused = False
        self.perhaps_refused = False
        self.earlier: tuple[Result, ...] = ()


Decide = Callable[[Setting], Found]


def observation_leaf(leaf: Observation, concept: ObservationConcept, number: int) -> Decide:
    """The function that decides an observation leaf; `number` is that of its window."""
    code, window, tests, how = leaf.code, leaf.window, leaf.tests, leaf.select.how
    key = free_key(leaf)
    nothing = Found(UNKNOWN, constant=("nothing",))
    quick = quick_test(tests)
    changes = leaf.changes
    one_counts = how in _ONE_RESULT and not changes
    derived = concept.formula is not None

    def decide(setting: Setting) -> Found:
        results = setting.facts.results.get(code)
        if results is None and not derived and setting.free is None:
            return nothing
        bounds = setting.windows.bounds[number] or setting.bounds(window)
        now = setting.now
        lacking: tuple[str, ...] = ()
        inside: list[Result] = []
        sure = False
        if results is not None:
            low_sure, high_sure, low_maybe, high_maybe = bounds
            for result in results:
                low = result.low
                if low > now or low > high_maybe or result.high < low_maybe:
                    continue
                inside.append(result)
                if low >= low_sure and (result.high if result.high < now else now) <= high_sure:
                    sure = True
        if derived and not sure:
            made = derive(concept, bounds, setting)
            lacking = made.lacking
            if inside and made.results:
                return _reported_or_derived(leaf, inside, made, bounds, setting)
            inside.extend(made.results)
            sure = made.sure and any(surely_inside(result, bounds, now) for result in made.results)
        if not sure and setting.free is not None and key in setting.free:
            supposed = setting.free[key]
            if not inside and not changes:
                truth = satisfies(supposed, tests, setting)
                return Found(truth, (supposed,), (truth,), True)
        if not inside:
            if results is None and not lacking:
                return nothing
            stale = None if results is None else next((r for r in results if r.low <= now), None)
            return Found(UNKNOWN, lacking=lacking, stale=stale)
        if one_counts and len(inside) == 1:
            result = inside[0]
            plain = None if quick is None else quick(result)
            truth = satisfies(result, tests, setting) if plain is None else plain
            return Found(truth if sure else UNKNOWN, (result,), (truth,), sure, lacking)
        if changes and len(inside) * max(len(inside), len(results or ())) > _MAX_PAIRS:
            return Found(UNKNOWN, (inside[0],), (UNKNOWN,), sure, lacking, approximate=True)
        found = _SELECTIONS[how](leaf, inside, bounds, setting)
        if not sure:
            found.truth = UNKNOWN
        found.sure = sure
        found.lacking = lacking
        if changes:
            _note_earlier(found, changes, setting)
        return found

    return decide if concept.expression is None else _unproven(decide)


def _unproven(decide: Decide) -> Decide:
    """For a trial's own quantity: where its inputs are not known closely, its bounds may be wider than its values."""

    def decided(setting: Setting) -> Found:
        found = decide(setting)
        if found.truth is UNKNOWN and any(result.inputs for result in found.results):
            found.approximate = True
        return found

    return decided


def _note_earlier(found: Found, changes: tuple[Change, ...], setting: Setting) -> None:
    """Keep what a fall or rise was measured from; where it is open how far that was, nothing is proven."""
    every = (
        other for result in found.results for change in changes for other in earlier_than(result, change, setting).every
    )
    found.earlier = tuple({id(other): other for other in every}.values())
    found.approximate = found.truth is UNKNOWN


def _reported_or_derived(
    leaf: Observation, reported: list[Result], made: Derived, bounds: Bounds, setting: Setting
) -> Found:
    """Where a reported result may lie in the window, and a derived one counts if it does not: what all agree on."""
    found = _agreed(leaf, [*reported, *made.results], setting)
    found.conflict = False
    found.sure = made.sure and any(surely_inside(result, bounds, setting.now) for result in made.results)
    if not found.sure or leaf.select.how not in _ONE_RESULT:
        found.truth = UNKNOWN
    found.approximate = found.truth is UNKNOWN
    return found


_ONE_RESULT: Final = frozenset({"latest", "first", "any", "every", "highest", "lowest"})


def _judged(leaf: Observation, result: Result, setting: Setting) -> Truth:
    """Whether one result passes all tests, and lies as far from an earlier one as is asked."""
    truth = satisfies(result, leaf.tests, setting)
    if not leaf.changes or truth is FALSE:
        return truth
    return conjunction((truth, changed(result, leaf.changes, setting)))


def _agreed(leaf: Observation, chosen: list[Result], setting: Setting) -> Found:
    """The truth on which all results that may be the one agree."""
    truths = tuple(_judged(leaf, result, setting) for result in chosen)
    first = truths[0]
    truth = first if all(other is first for other in truths) else UNKNOWN
    conflict = truth is UNKNOWN and _contradictory(chosen, truths)
    return Found(truth, tuple(chosen), truths, conflict=conflict)


def _contradictory(chosen: list[Result], truths: tuple[Truth, ...]) -> bool:
    """Whether two results of the same written time are on opposite sides."""
    if TRUE not in truths or FALSE not in truths:
        return False
    seen: dict[tuple[int, int], Truth] = {}
    for result, truth in zip(chosen, truths, strict=True):
        if truth is not UNKNOWN and seen.setdefault((result.low, result.high), truth) is not truth:
            return True
    return False


def _latest(leaf: Observation, inside: list[Result], bounds: Bounds, setting: Setting) -> Found:
    """All results that may be the latest in the window.

    One may be the latest unless another surely lies in the window and after the latest instant of it.
    """
    now = min(setting.now, bounds.high_maybe)
    newest = max((r.low for r in inside if surely_inside(r, bounds, setting.now)), default=None)
    chosen = [r for r in inside if newest is None or min(r.high, now) >= newest]
    return _agreed(leaf, chosen, setting)


def _first(leaf: Observation, inside: list[Result], bounds: Bounds, setting: Setting) -> Found:
    oldest = min((min(r.high, setting.now) for r in inside if surely_inside(r, bounds, setting.now)), default=None)
    chosen = [r for r in inside if oldest is None or max(r.low, bounds.low_maybe) <= oldest]
    return _agreed(leaf, chosen, setting)


def _any(leaf: Observation, inside: list[Result], bounds: Bounds, setting: Setting) -> Found:
    truths = tuple(_judged(leaf, result, setting) for result in inside)
    if any(t is TRUE and surely_inside(r, bounds, setting.now) for r, t in zip(inside, truths, strict=True)):
        truth = TRUE
    else:
        truth = FALSE if all(t is FALSE for t in truths) else UNKNOWN
    return Found(truth, tuple(inside), truths)


def _every(leaf: Observation, inside: list[Result], bounds: Bounds, setting: Setting) -> Found:
    truths = tuple(_judged(leaf, result, setting) for result in inside)
    if any(t is FALSE and surely_inside(r, bounds, setting.now) for r, t in zip(inside, truths, strict=True)):
        truth = FALSE
    else:
        truth = TRUE if all(t is TRUE for t in truths) else UNKNOWN
    return Found(truth, tuple(inside), truths)


def _highest(leaf: Observation, inside: list[Result], bounds: Bounds, setting: Setting) -> Found:
    return _extreme(leaf, inside, bounds, setting, 1)


def _lowest(leaf: Observation, inside: list[Result], bounds: Bounds, setting: Setting) -> Found:
    return _extreme(leaf, inside, bounds, setting, -1)


def _extreme(leaf: Observation, inside: list[Result], bounds: Bounds, setting: Setting, sign: int) -> Found:
    """All results that may be the highest (sign 1) or lowest (-1), with what is left of their values then."""
    # Which of two thresholds an unreadable value is held against depends on its unit, too.
    two_kinds = any(isinstance(test, Comparison) and len(test.thresholds) > 1 for test in leaf.tests)
    floor: Magnitude | None = None  # of highest: no result below the greatest of the surely present least values
    floor_open = False
    for result in inside:
        if not surely_inside(result, bounds, setting.now) or result.problem is not None:
            continue
        edge = result.value_low if sign == 1 else result.value_high
        edge_open = result.low_open if sign == 1 else result.high_open
        if edge is None:
            continue
        if floor is None or compare(edge, floor) == sign or (edge_open and compare(edge, floor) == 0):
            floor, floor_open = edge, edge_open
    chosen: list[Result] = []
    for result in inside:
        if floor is None:
            chosen.append(result)
            continue
        if result.problem is not None:
            chosen.append(result if two_kinds else _unreadable(result, floor, floor_open, sign))
            continue
        far, far_open = (result.value_high, result.high_open) if sign == 1 else (result.value_low, result.low_open)
        side = sign if far is None else compare(far, floor)
        if side == -sign or (side == 0 and (far_open or floor_open) and not result.is_point):
            continue
        if side == 0 and floor_open and result.is_point:
            continue
        chosen.append(_cut(result, floor, floor_open, sign))
    return _agreed_unordered(leaf, chosen, setting)


def _agreed_unordered(leaf: Observation, chosen: list[Result], setting: Setting) -> Found:
    found = _agreed(leaf, chosen, setting)
    found.conflict = False
    # Results of one value but different limits: which is the highest is not told apart.
    found.approximate = found.truth is UNKNOWN and len(chosen) > 1
    return found


def _cut(result: Result, floor: Magnitude, floor_open: bool, sign: int) -> Result:
    near = result.value_low if sign == 1 else result.value_high
    if result.is_point or (near is not None and compare(near, floor) != -sign):
        return result
    twin = result.copy()
    if sign == 1:
        twin.value_low, twin.low_open = floor, floor_open
    else:
        twin.value_high, twin.high_open = floor, floor_open
    return twin


def _unreadable(result: Result, floor: Magnitude, floor_open: bool, sign: int) -> Result:
    """A result whose value cannot be used: where it is the highest (lowest), it lies beyond the others."""
    if result.concept.analyte is None:
        return result
    twin = result.copy()
    twin.problem = None
    twin.coded = twin.detection = None
    twin.uln = twin.lln = twin.lod = None
    twin.value_low, twin.low_open = (floor, floor_open) if sign == 1 else (None, False)
    twin.value_high, twin.high_open = (None, False) if sign == 1 else (floor, floor_open)
    return twin


def _consecutive(leaf: Observation, inside: list[Result], bounds: Bounds, setting: Setting) -> Found:
    """Some neighbours in time that all pass, each at least `apart` from the next.

    The truth grows with the truth of each result, so Kleene's tables are exact although neighbouring runs share
    results. Where partial dates leave the order open, only what holds in any order is said.
    """
    ordered = sorted(inside, key=lambda r: (r.low, r.high))
    truths = tuple(satisfies(result, leaf.tests, setting) for result in ordered)
    count = leaf.select.count
    certain = all(a.high < b.low for a, b in pairwise(ordered)) and all(
        surely_inside(r, bounds, setting.now) for r in ordered
    )
    if not certain:
        possible = sum(t is not FALSE for t in truths)
        if possible < count:
            return Found(FALSE, tuple(ordered), truths)
        return Found(UNKNOWN, tuple(ordered), truths, approximate=True)
    gaps = [_apart(a, b, leaf.select.apart) for a, b in pairwise(ordered)]
    runs = (conjunction((*truths[i : i + count], *gaps[i : i + count - 1])) for i in range(len(ordered) - count + 1))
    truth = disjunction(runs)
    # How far apart two results are is not told apart where their dates leave it open.
    return Found(truth, tuple(ordered), truths, approximate=truth is UNKNOWN and UNKNOWN in gaps)


def _apart(earlier: Result, later: Result, apart: Span | None) -> Truth:
    if apart is None:
        return TRUE
    if apart.unit == "hours":
        least = apart.number * HOUR
        if later.low - earlier.high >= least:
            return TRUE
        return FALSE if later.high - earlier.low < least else UNKNOWN
    sure = shift_day(earlier.when.last_day, apart, 1) <= later.when.first_day
    may = shift_day(earlier.when.first_day, apart, 1) <= later.when.last_day
    return TRUE if sure else UNKNOWN if may else FALSE


def _mean_of(leaf: Observation, inside: list[Result], bounds: Bounds, setting: Setting) -> Found:
    """The mean of the latest `count` results; unknown where there are fewer.

    Where it is open which are the latest, every choice of that many is tried; against a multiple of a limit the
    mean of the multiples counts.
    """
    count = leaf.select.count
    sure = [r for r in inside if surely_inside(r, bounds, setting.now)]
    everything = tuple(inside)
    if len(sure) < count:
        return Found(UNKNOWN, everything, (UNKNOWN,) * len(inside))
    newest = sorted(inside, key=lambda r: (r.low, r.high), reverse=True)
    certain = len(sure) == len(inside) and all(a.low > b.high for a, b in pairwise(newest))
    if certain:
        chosen = tuple(newest[:count])
        truth = _mean_passes(leaf, chosen, setting)
        return Found(truth, chosen, (truth,) * count, approximate=truth is UNKNOWN and not _summed_exactly(chosen))
    if len(inside) > _MAX_MEAN_RESULTS:
        return Found(UNKNOWN, everything, (UNKNOWN,) * len(inside), approximate=True)
    truths = {_mean_passes(leaf, choice, setting) for choice in combinations(newest, count)}
    truth = truths.pop() if len(truths) == 1 else UNKNOWN
    return Found(truth, everything, (truth,) * len(inside), approximate=truth is UNKNOWN)


def _mean_passes(leaf: Observation, chosen: Iterable[Result], setting: Setting) -> Truth:
    return conjunction(
        _mean_against(tuple(chosen), test, setting) if isinstance(test, Comparison) else UNKNOWN for test in leaf.tests
    )


def _mean_against(chosen: tuple[Result, ...], test: Comparison, setting: Setting) -> Truth:
    low: Fraction | None = Fraction(0)
    high: Fraction | None = Fraction(0)
    low_open = high_open = False
    threshold = threshold_for(chosen[0], test)
    for result in chosen:
        if result.problem is not None or threshold is None or (result.value_low is None and result.value_high is None):
            return UNKNOWN
        least = None if result.value_low is None else _enclosed(result.value_low, -1)
        most = None if result.value_high is None else _enclosed(result.value_high, 1)
        least_open, most_open = result.low_open, result.high_open
        unit = _unit_of_limit(result, threshold, setting)
        if unit is not None:
            least = None if least is None else least / unit
            most = None if most is None else most / unit
        elif least is None or least < 0 or threshold.of == "LLOD":
            return UNKNOWN
        elif most != 0:
            # A multiple of a limit that may be any positive number.
            least, least_open = Fraction(0), least > 0 or least_open
            most, most_open = None, False
        low = None if low is None or least is None else low + least
        high = None if high is None or most is None else high + most
        low_open = low_open or least_open
        high_open = high_open or most_open
    assert threshold is not None
    mean = chosen[0].copy()
    mean.value_low = None if low is None else Magnitude.of(low / len(chosen))
    mean.value_high = mean.value_low if low == high else None if high is None else Magnitude.of(high / len(chosen))
    mean.low_open, mean.high_open = low_open, high_open
    plain = Comparison(test.operator, (Threshold(threshold.number, None, None, threshold.text),))
    return satisfies(mean, (plain,), setting)


def _enclosed(value: Magnitude, sign: int) -> Fraction:
    """A value, or where it is no fraction (a derived eGFR) one that is surely no smaller (sign 1) or greater (-1)."""
    exact = value.rational
    return Fraction(value.approx) + sign * Fraction(SAFE * abs(value.approx)) if exact is None else exact


def _summed_exactly(chosen: tuple[Result, ...]) -> bool:
    """Whether the bounds of a mean are no wider than what it may be."""
    for result in chosen:
        for edge in (result.value_low, result.value_high):
            if edge is not None and edge.rational is None:
                return False
        if result.problem is not None:
            return False
    return True


def _unit_of_limit(result: Result, threshold: Threshold, setting: Setting) -> Fraction | None:
    if threshold.of is None:
        return Fraction(1)
    if threshold.of == "LLOD":
        return None if result.lod is None else result.lod.rational
    limits = limits_of(result, threshold.of, setting)
    if len(limits) != 1 or limits[0].number is None:
        return None
    return limits[0].number.rational or None


_SELECTIONS: Final[dict[str, Callable[[Observation, list[Result], Bounds, Setting], Found]]] = {
    "latest": _latest,
    "first": _first,
    "any": _any,
    "every": _every,
    "highest": _highest,
    "lowest": _lowest,
    "consecutive": _consecutive,
    "mean_of": _mean_of,
}
