"""`without`: results that do not count because of an event before the sample (a transfusion before haemoglobin)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Final

from prescreen.candidate.facts import KIND_OF, Facts, Result
from prescreen.catalogue import ObservationConcept
from prescreen.engine.results import Decide, Found
from prescreen.engine.setting import Setting, Windows, surely_inside
from prescreen.language.model import Event, Observation
from prescreen.time import DAY
from prescreen.truth import TRUE, UNKNOWN, Truth, agreement

_MOST_OPEN: Final = 4  # results of which it is open whether they count; each choice of them is looked at
_MOST_DAYS: Final = 62  # on which a sample may have been taken
_MOST_LOOKS: Final = 5_000  # at a record, as of the day of a sample


def spoiled_leaf(
    leaf: Observation,
    concept: ObservationConcept,
    decide: Decide,
    spoiled: Callable[[Setting], Truth],
    events: tuple[Event, ...],
    windows_on: Callable[[int], Windows],
) -> Decide:
    """The function that decides a leaf with `without`.

    decide: the leaf as if every result counted. spoiled: whether the events of `without` are so, on the sample's day.
    windows_on: the trial's windows on a day.
    """
    codes = (leaf.code, *concept.inputs)
    names = tuple(
        dict.fromkeys(
            name
            for event in events
            for name in (*(f"{KIND_OF[event.domain]}:{code}" for code in event.codes), f"complete:{event.domain}")
        )
    )

    latest = leaf.select.how == "latest" and not concept.inputs
    domains = tuple(dict.fromkeys(event.domain for event in events))

    def decided(setting: Setting) -> Found:
        facts, bounds = setting.facts, setting.bounds(leaf.window)
        gone: set[int] = set()
        perhaps: list[int] = []
        looks, each = 0, 1 + sum(len(facts.events.get(domain, ())) for domain in domains)
        for code in codes:
            newest: Result | None = None  # that surely counts: what is older does not matter
            for result in facts.results.get(code, ()):
                if result.low > setting.now or result.low > bounds.high_maybe or result.high < bounds.low_maybe:
                    continue
                if newest is not None and result.high < newest.low:
                    break
                looks += each * min(_MOST_DAYS, 1 + min(result.high, setting.now) // DAY - result.low // DAY)
                if looks > _MOST_LOOKS:
                    too_many = Found(UNKNOWN, (result,), (UNKNOWN,), lacking=names, approximate=True)
                    too_many.perhaps_refused = True
                    return too_many
                truth = _spoiled(result, spoiled, setting, windows_on)
                if truth is TRUE:
                    gone.add(result.index)
                elif truth is UNKNOWN:
                    perhaps.append(result.index)
                elif latest and newest is None and surely_inside(result, bounds, setting.now):
                    newest = result
        if not gone and not perhaps:
            return decide(setting)
        fullest = decide(_leaving_out(setting, codes, gone))
        if not fullest.results:
            none_left = Found(UNKNOWN, lacking=fullest.lacking, stale=fullest.stale)
            none_left.refused = bool(gone)
            return none_left
        if not perhaps:
            return fullest
        agreed = _agreed(decide, codes, gone, perhaps, setting) if len(perhaps) <= _MOST_OPEN else UNKNOWN
        found = Found(agreed, fullest.results, fullest.truths, fullest.sure, fullest.lacking)
        found.conflict = fullest.conflict and agreed is UNKNOWN
        if agreed is UNKNOWN:
            found.sure, found.approximate, found.perhaps_refused = False, True, True
            found.lacking = (*found.lacking, *names)
        return found

    return decided


def _spoiled(
    result: Result, spoiled: Callable[[Setting], Truth], setting: Setting, windows_on: Callable[[int], Windows]
) -> Truth:
    """Whether a result does not count, on whichever day it was taken."""
    first, last = result.low // DAY, min(result.high, setting.now) // DAY
    if last - first >= _MOST_DAYS:
        return UNKNOWN
    return agreement([spoiled(setting.on(day, windows_on(day))) for day in range(first, last + 1)])


def _leaving_out(setting: Setting, codes: tuple[str, ...], indexes: set[int]) -> Setting:
    facts: Facts = setting.facts
    kept = dict(facts.results)
    for code in codes:
        left = tuple(result for result in facts.results.get(code, ()) if result.index not in indexes)
        if left:
            kept[code] = left
        else:
            kept.pop(code, None)
    return setting.supposing(facts.varied(results=kept))


def _agreed(decide: Decide, codes: tuple[str, ...], gone: set[int], perhaps: list[int], setting: Setting) -> Truth:
    """What the leaf is whichever of the open results count."""
    truths = {
        decide(_leaving_out(setting, codes, gone | set(out))).truth
        for size in range(len(perhaps) + 1)
        for out in combinations(perhaps, size)
    }
    return truths.pop() if len(truths) == 1 else UNKNOWN
