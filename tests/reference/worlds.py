"""The truths of a condition by brute force: enumerate completions, decide the condition two-valued in each.

A completion fixes every anchor, the birth date, sex, every answer, and (in `results` and `events`) the time, value,
limits, status and meaning of every record, with free values and unrecorded events where semantics §1 allows them.
Each open fact is varied over finitely many choices: its ends and one point in every stretch between the places
where a leaf can turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from itertools import product
from typing import Any

from tests.reference import events, results
from tests.reference.dates import DAY, FIRST_DAY, LAST_DAY, days, first_day_past, shift
from tests.reference.rules import (
    AgeLeaf,
    AnswerLeaf,
    EventLeaf,
    Leaf,
    Moment,
    ResultLeaf,
    SexLeaf,
    Window,
    leaves,
    read,
)

MOST = 20_000


class TooManyError(Exception):
    """The pair has more completions than are worth enumerating."""


class Spending:
    """Counts completions; raises `TooManyError` past the most."""

    def __init__(self, most: int = MOST) -> None:
        self.left = most

    def __call__(self, amount: int) -> None:
        self.left -= amount
        if self.left < 0:
            raise TooManyError


def outcomes(
    condition: dict[str, Any],
    candidate: dict[str, Any],
    day: date,
    *,
    exclusion: bool = False,
    options: dict[str, list[str]] | None = None,
    definitions: dict[str, Any] | None = None,
    most: int = MOST,
) -> set[bool]:
    """{True}, {False} or both: the truths of a condition over all completions of a candidate.

    exclusion: the condition stands under `exclude_if`. options: the answers of questions that are not yes or no.
    Raises TooManyError.
    """
    tree = read(condition, not exclusion, definitions)
    every = list(dict.fromkeys(leaves(tree)))
    spend = Spending(most)
    today = day.toordinal()
    found: set[bool] = set()
    for anchors in _anchors(every, candidate, today):
        groups = [
            *_person(every, candidate, today, anchors, options or {}),
            *_observations(every, candidate, today, anchors, spend),
            *_domains(every, candidate, today, anchors, spend),
        ]
        size = 1
        for _, truths in groups:
            size *= len(truths)
        spend(size)
        for choice in product(*(truths for _, truths in groups)):
            known: dict[Leaf, bool] = {}
            for (members, _), chosen in zip(groups, choice, strict=True):
                known.update(zip(members, chosen, strict=True))
            found.add(holds(tree, known))
            if len(found) == 2:
                return found
    return found


def holds(tree: Any, known: dict[Leaf, bool]) -> bool:
    """The condition in one completion."""
    if not isinstance(tree, tuple):
        truth: bool = known[tree]
        return truth
    match tree:
        case ("all", children):
            return all(holds(child, known) for child in children)
        case ("any", children):
            return any(holds(child, known) for child in children)
        case ("not", child):
            return not holds(child, known)
        case ("at_least_of", count, children):
            return bool(sum(holds(child, known) for child in children) >= count)
        case ("if", condition, then, otherwise):
            if holds(condition, known):
                return holds(then, known)
            return otherwise is None or holds(otherwise, known)
        case _:
            raise ValueError(tree)


Group = tuple[list[Any], list[tuple[bool, ...]]]


def _person(
    every: list[Leaf], candidate: dict[str, Any], today: int, anchors: dict[str, int], options: dict[str, list[str]]
) -> Iterator[Group]:
    ages = [leaf for leaf in every if isinstance(leaf, AgeLeaf)]
    if ages:
        truths = {
            tuple(
                all(_old(operator, born, number, unit, anchors[leaf.anchor]) for operator, number, unit in leaf.bounds)
                for leaf in ages
            )
            for born in _births(ages, candidate, today, anchors)
        }
        yield ages, sorted(truths)
    sexes = [leaf for leaf in every if isinstance(leaf, SexLeaf)]
    if sexes:
        known = [candidate["sex"]] if candidate.get("sex") else ["female", "male"]
        yield sexes, [tuple(leaf.sex == sex for leaf in sexes) for sex in known]
    for question in sorted({leaf.question for leaf in every if isinstance(leaf, AnswerLeaf)}):
        asked = [leaf for leaf in every if isinstance(leaf, AnswerLeaf) and leaf.question == question]
        given = candidate.get("answers", {})
        answers: list[Any] = [given[question]] if question in given else options.get(question) or [True, False]
        yield asked, [tuple(leaf.equals == answer for leaf in asked) for answer in answers]


def _old(operator: str, born: int, number: int, unit: str, on: int) -> bool:
    """Age in completed units: at least 18 years from the day on which 18 years have passed since birth."""
    if operator in ("above", "at_most"):
        number += 1
    reached = shift(born, number, unit) <= on
    return reached if operator in ("at_least", "above") else not reached


def _births(ages: list[AgeLeaf], candidate: dict[str, Any], today: int, anchors: dict[str, int]) -> list[int]:
    low, high = _birth_interval(candidate, today)
    turns = [low]
    for leaf in ages:
        for operator, number, unit in leaf.bounds:
            completed = number + (operator in ("above", "at_most"))
            on = anchors[leaf.anchor]
            turns.append(first_day_past(completed, unit, on + 1, low, high))
    return _representatives(turns, low, high)


def _birth_interval(candidate: dict[str, Any], today: int) -> tuple[int, int]:
    if candidate.get("birth_date"):
        low, high = days(candidate["birth_date"])
        return low, min(high, today)
    if candidate.get("age"):
        years = candidate["age"]["value"]
        first, last = days(candidate["age"]["on"])
        low = first_day_past(years + 1, "years", first + 1, FIRST_DAY, today)
        high = first_day_past(years, "years", last + 1, FIRST_DAY, today) - 1
        return low, min(high, today)
    return shift(today, -200, "years"), today


def _representatives(turns: list[int], low: int, high: int) -> list[int]:
    """First and last day of each stretch of [low, high] that begins at a turn."""
    starts = sorted({low, *(turn for turn in turns if low < turn <= high)})
    found = []
    for start, following in zip(starts, [*starts[1:], high + 1], strict=True):
        found += [start, following - 1]
    return sorted(set(found))


def _anchors(every: list[Leaf], candidate: dict[str, Any], today: int) -> Iterator[dict[str, int]]:
    """Every anchor's day: given, or open with one choice for each way to lie to the dates on file."""
    named = {"screening"}
    moments: list[Moment] = []
    for leaf in _with_exceptions(every):
        match leaf:
            case AgeLeaf():
                named.add(leaf.anchor)
                moments.append((leaf.anchor, 0, "days"))
            case ResultLeaf() | EventLeaf():
                moments += [moment for moment in leaf.window if moment is not None]
                if isinstance(leaf, EventLeaf):
                    named.add(leaf.at)
                    moments.append((leaf.at, 0, "days"))
    named |= {anchor for anchor, _, _ in moments}
    dates = _dates(every, candidate, today)
    choices = []
    names = sorted(named - {"screening"})
    for name in names:
        given = candidate.get("anchors", {}).get(name)
        low, high = days(given) if given else (shift(today, -250, "years"), shift(today, 250, "years"))
        if low == high:
            choices.append([low])
            continue
        turns = []
        for _, number, unit in {moment for moment in moments if moment[0] == name}:
            turns += [first_day_past(number, unit, fixed, low, high) for fixed in dates]
        choices.append(_representatives(turns, low, high))
    for chosen in product(*choices):
        yield {"screening": today, **dict(zip(names, chosen, strict=True))}


def _with_exceptions(every: list[Any]) -> list[Any]:
    return every + [inner for leaf in every if isinstance(leaf, EventLeaf) for inner in leaf.excepted]


def _ages_apart(every: list[Leaf], candidate: dict[str, Any], today: int) -> set[int]:
    """Days as far from a known anchor as one age lies from another: two ages on two anchors, the birth date open."""
    low, high = _birth_interval(candidate, today)
    if high - low < 1000:
        return set()
    ages = {
        (number + (operator in ("above", "at_most")), unit)
        for leaf in every
        if isinstance(leaf, AgeLeaf)
        for operator, number, unit in leaf.bounds
    }
    bases = {today} | {day for text in candidate.get("anchors", {}).values() for day in days(text)}
    return {
        shift(shift(base, -number, unit), other, kind)
        for base in bases
        for number, unit in ages
        for other, kind in ages
    }


def _dates(every: list[Leaf], candidate: dict[str, Any], today: int) -> list[int]:
    """Days (and the days after) at which the place of an anchor's window can matter."""
    found = {today}
    codes = {leaf.code for leaf in every if isinstance(leaf, ResultLeaf)}
    spans = {
        leaf.for_at_least
        for leaf in _with_exceptions(every)
        if isinstance(leaf, EventLeaf) and leaf.for_at_least is not None
    }
    domains = {leaf.domain for leaf in every if isinstance(leaf, EventLeaf)}
    records = [record for record in candidate.get("observations", []) if record["code"] in codes]
    records += [record for domain in sorted(domains) for record in candidate.get(domain, [])]
    for record in records:
        for key in ("date", "onset", "abatement", "start", "end"):
            if record.get(key):
                found |= set(days(record[key]))
    for number, unit in spans:
        found |= {shift(day, number, unit) for day in list(found)}
    found |= _ages_apart(every, candidate, today)
    for leaf in every:
        if isinstance(leaf, AgeLeaf):
            low, high = _birth_interval(candidate, today)
            if high - low < 1000:
                for operator, number, unit in leaf.bounds:
                    completed = number + (operator in ("above", "at_most"))
                    found |= {shift(low, completed, unit), shift(high, completed, unit)}
        elif isinstance(leaf, ResultLeaf | EventLeaf):
            # Another anchor's window of known place.
            for moment in leaf.window:
                if moment is not None and moment[0] == "screening":
                    found.add(shift(today, moment[1], moment[2]))
    complete = candidate.get("complete", {})
    for domain in domains:
        if isinstance(complete.get(domain), dict) and complete[domain].get("through"):
            found |= set(days(complete[domain]["through"]))
    for name, text in candidate.get("anchors", {}).items():
        if any(moment is not None and moment[0] == name for leaf in every for moment in getattr(leaf, "window", ())):
            found |= set(days(text))
    return sorted({day + step for day in found for step in (0, 1)})


def _bounds(window: Window, anchors: dict[str, int]) -> tuple[int, int]:
    start, end = window
    first = FIRST_DAY if start is None else shift(anchors[start[0]], start[1], start[2])
    last = LAST_DAY if end is None else shift(anchors[end[0]], end[1], end[2])
    return first * DAY, last * DAY + DAY - 1


def _observations(
    every: list[Leaf], candidate: dict[str, Any], today: int, anchors: dict[str, int], spend: Callable[[int], None]
) -> Iterator[Group]:
    for code in sorted({leaf.code for leaf in every if isinstance(leaf, ResultLeaf)}):
        members = [leaf for leaf in every if isinstance(leaf, ResultLeaf) and leaf.code == code]
        windows = [_bounds(leaf.window, anchors) for leaf in members]
        now = today * DAY + DAY - 1
        yield members, sorted(results.vectors(members, candidate.get("observations", []), windows, now, spend))


def _domains(
    every: list[Leaf], candidate: dict[str, Any], today: int, anchors: dict[str, int], spend: Callable[[int], None]
) -> Iterator[Group]:
    for domain in sorted({leaf.domain for leaf in every if isinstance(leaf, EventLeaf)}):
        members = [leaf for leaf in every if isinstance(leaf, EventLeaf) and leaf.domain == domain]
        setting = events.Setting(
            tuple(members),
            tuple(_bounds(leaf.window, anchors) for leaf in members),
            tuple(anchors[leaf.at] for leaf in members),
            tuple(
                tuple((inner, _bounds(inner.window, anchors), anchors[inner.at]) for inner in leaf.excepted)
                for leaf in members
            ),
            today,
        )
        complete = candidate.get("complete", {}).get(domain, False)
        yield members, sorted(events.vectors(setting, domain, candidate.get(domain, []), complete, spend))
