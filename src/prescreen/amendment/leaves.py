"""Differences between two leaves that ask about the same thing: ages, results, answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from prescreen.amendment.bounds import Found, bound_changes, of_change, of_tests
from prescreen.amendment.meaning import change_key, meaning, window_key
from prescreen.amendment.spans import order
from prescreen.amendment.words import TURNED, Effect, Told, at, listed, phrase, readable, span_change, window_change
from prescreen.language.model import Age, Answer, Change, Coded, Detected, Observation, Select, Sex, Test, Trial
from prescreen.language.wording import observation_label
from prescreen.time import Span


def age_differences(old: Age, new: Age) -> list[Told]:
    """Bounds of age and the day on which it counts."""
    found: list[Found] = []
    for name, before, after, longer in (
        ("minimum age", old.low, new.low, "stronger"),
        ("maximum age", _highest(old), _highest(new), "weaker"),
    ):
        found += _age_change(name, before, after, "stronger" if longer == "stronger" else "weaker")
    if old.anchor != new.anchor:
        found.append((f"counted {at(new.anchor)} instead of {at(old.anchor)}", "unclear"))
    return [Told("age", words, effect) for words, effect in found]


def _highest(age: Age) -> tuple[Span, str] | None:
    """The upper bound (exclusive), and how people say it: `at_most: 65 years` is below 66."""
    if age.below is None:
        return None
    below = f"below {age.below}"
    return age.below, below if below in age.text else str(Span(age.below.number - 1, age.below.unit))


def _age_change(
    name: str, old: Span | tuple[Span, str] | None, new: Span | tuple[Span, str] | None, longer: Effect
) -> list[Found]:
    (before, said), (after, says) = (
        (end, str(end)) if isinstance(end, Span) else end or (None, "") for end in (old, new)
    )
    upper = longer == "weaker"
    if before is None or after is None:
        if after is not None:
            return [(f"now with a {name} of {says}", "stronger")]
        return [(f"no longer a {name} (was {said})", "weaker")] if before is not None else []
    way = order(after, before)
    if way == 0:
        return [] if said == says else [(f"{name} written as {says} instead of {said}: the same age", "same")]
    if way is None:
        return [(f"{name} changed from {said} to {says}", "unclear")]
    effect: Effect = "weaker" if (way > 0) == upper else "stronger"
    return [(f"{name} {'raised' if way > 0 else 'lowered'} from {said} to {says}", effect)]


def sex_differences(old: Sex, new: Sex) -> list[Told]:
    """The sex that is asked for."""
    return [] if old.sex == new.sex else [Told("sex", f"{new.sex} instead of {old.sex}", "unclear")]


def answer_differences(old: Answer, new: Answer) -> list[Told]:
    """The answer that is wanted."""
    if old.equals == new.equals:
        return []
    words = f"must be answered {_answer(new)} instead of {_answer(old)}"
    return [Told(f"question {readable(new.question)}", words, "unclear")]


def _answer(leaf: Answer) -> str:
    return ("yes" if leaf.equals else "no") if isinstance(leaf.equals, bool) else f"“{leaf.equals}”"


def observation_differences(old: Observation, new: Observation, before: Trial, after: Trial) -> list[Told]:
    """Limits, codes, window, choice of result, changes and spoiled results of one observation."""
    found: list[Found] = []
    found += bound_changes(of_tests(old.tests), of_tests(new.tests))
    found += _coded(old.tests, new.tests)
    found += _select(old, new)
    found += _changes(old.changes, new.changes, _unit(new, after))
    found += _without(old, new, before, after)
    label = observation_label(new.code, after.catalogue)
    return [*(Told(label, words, effect) for words, effect in found), *_window(label, old, new, before, after)]


def _window(label: str, old: Observation, new: Observation, before: Trial, after: Trial) -> list[Told]:
    """The window of results: one outside is stale and no failure, so that another window settles others, either way."""
    if window_key(old.window) == window_key(new.window):
        return []
    usual = old.window == before.results_within and new.window == after.results_within
    words, effect = window_change(old.window, new.window)
    tail = {"weaker": ": other results settle it too", "stronger": ": other results settle nothing"}.get(effect, "")
    return [Told(label, f"{words}{tail}", "unclear", "results_within" if usual else None)]


def _unit(leaf: Observation, trial: Trial) -> str:
    concept = trial.catalogue.observation(leaf.code)
    return concept.unit if concept else ""


def _coded(old: Sequence[Test], new: Sequence[Test]) -> list[Found]:
    """Codes and detection."""
    found: list[Found] = []
    before, after = ([test for test in tests if isinstance(test, Detected)] for tests in (old, new))
    if before != after:
        said = [
            " and ".join("detected" if test.wanted else "not detected" for test in tests) for tests in (before, after)
        ]
        if before and after:
            found.append((f"must be {said[1]} instead of {said[0]}", "unclear"))
        else:
            found.append(
                (f"now also {said[1]}", "stronger") if after else (f"no longer asked to be {said[0]}", "weaker")
            )
    for negated in (False, True):
        was, now = _values(old, negated), _values(new, negated)
        prefix = "not " if negated else ""
        more: Effect = "stronger" if negated else "weaker"
        if was is None or now is None:
            if values := was or now:
                word = f"{'now' if now else 'no longer'} asked to be {prefix}{listed(sorted(values), 'or')}"
                found.append((word, "stronger" if now else "weaker"))
            continue
        if gained := now - was:
            found.append((f"now also {prefix}{listed(sorted(gained), 'or')}", more))
        if lost := was - now:
            found.append((f"no longer {prefix}{listed(sorted(lost), 'or')}", TURNED[more]))
    return found


def _values(tests: Sequence[Test], negated: bool) -> set[str] | None:
    """The codes that a result must be among (negated: must not); None where nothing is asked."""
    found = [set(test.values) for test in tests if isinstance(test, Coded) and test.negated == negated]
    if not found:
        return None
    return set[str]().union(*found) if negated else found[0].intersection(*found[1:])


_HOW: Final = {
    "latest": "the latest result",
    "first": "the first result",
    "any": "any result",
    "every": "every result",
    "highest": "the highest result",
    "lowest": "the lowest result",
}


def _chosen(select: Select) -> str:
    match select.how:
        case "consecutive":
            apart = f" at least {select.apart} apart" if select.apart else ""
            return f"{select.count} consecutive results{apart}"
        case "mean_of":
            return f"the mean of the latest {select.count} results"
    return _HOW[select.how]


def _select(old: Observation, new: Observation) -> list[Found]:
    """Which results count: `any` holds wherever a single one or all hold, `every` only where all do."""
    was, now = old.select, new.select
    if was == now:
        return []
    single = ("latest", "first", "highest", "lowest")
    effect: Effect = "unclear"
    if (now.how == "any" and was.how in (*single, "every")) or (was.how == "every" and now.how in single):
        effect = "weaker"
    elif (was.how == "any" and now.how in (*single, "every")) or (now.how == "every" and was.how in single):
        effect = "stronger"
    elif was.how == now.how == "consecutive" and was.apart == now.apart:
        effect = "weaker" if now.count < was.count else "stronger"
    return [(f"now by {_chosen(now)} instead of by {_chosen(was)}", effect)]


def _changes(old: Sequence[Change], new: Sequence[Change], unit: str) -> list[Found]:
    """Falls and rises."""
    found: list[Found] = []
    for way in ("fall", "rise"):
        was, now = (next((change for change in changes if change.way == way), None) for changes in (old, new))
        if was is None or now is None:
            if now is not None:
                said = " and ".join(bound.whole for bound in of_change(now.bounds, unit))
                found.append((f"now also a {way} of {said}", "stronger"))
            elif was is not None:
                found.append((f"no longer a {way}", "weaker"))
            continue
        if change_key(was) == change_key(now):
            continue
        found += bound_changes(of_change(was.bounds, unit), of_change(now.bounds, unit), f"limit of the {way}")
        if was.base != now.base:
            found.append((f"{way} from the {now.base} result instead of the {was.base}", "unclear"))
        if was.over != now.over:
            found.append((span_change(f"{way} over", was.over, now.over, "weaker")[0], "unclear"))
    return found


def _without(old: Observation, new: Observation, before: Trial, after: Trial) -> list[Found]:
    """Events after which a result does not count."""
    if old.without is None or new.without is None:
        if new.without is not None:
            return [(f"results after {phrase(new.without, after)} no longer count", "unclear")]
        if old.without is not None:
            return [(f"results after {phrase(old.without, before)} now count", "unclear")]
        return []
    if meaning(old.without) == meaning(new.without):
        return []
    words = f"results that do not count: after {phrase(new.without, after)} instead of {phrase(old.without, before)}"
    return [(words, "unclear")]
