"""What the observation leaves of one analyte may be, all completions of its recorded results considered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import combinations, pairwise, permutations, product
from typing import Any

from tests.reference.dates import DAY, FIRST_DAY, HOUR, instants, shift
from tests.reference.numbers import ZERO, Choice, choices, compare, free_choices, satisfied, usable
from tests.reference.rules import Change, ResultLeaf

Vector = tuple[bool, ...]
Bounds = tuple[int, int]
Earlier = tuple[tuple[tuple[int, ...], ...], ...]
Arrangement = tuple[tuple[tuple[int, ...], tuple[bool, ...], Earlier], ...]


def vectors(
    leaves: list[ResultLeaf],
    records: list[dict[str, Any]],
    windows: list[Bounds],
    today: int,
    spend: Callable[[int], None],
) -> set[Vector]:
    """Every combination of truths that the leaves (all of one analyte) have in some completion.

    windows: first and last instant of each leaf's window. today: the last instant that is past.
    spend: told the number of completions, raises when there are too many.
    """
    code = leaves[0].code
    dated = []
    for record in records:
        if record["code"] == code and usable(record):
            first, last = instants(record["date"]) if record.get("date") else (FIRST_DAY * DAY, today)
            if first <= today:
                dated.append((record, (first, min(last, today))))
    sums = any(leaf.select in ("highest", "lowest", "mean_of") or leaf.changes for leaf in leaves)
    others = _turning_points(leaves, [record for record, _ in dated]) if sums and len(dated) > 1 else set()
    options: list[list[tuple[Choice, Vector]]] = []
    for record, _ in dated:
        seen: dict[Any, tuple[Choice, Vector]] = {}
        for choice in choices(record, leaves, others):
            passed = tuple(satisfied(leaf, choice) for leaf in leaves)
            seen.setdefault((choice.value if sums else None, passed), (choice, passed))
        options.append(list(seen.values()))
    free = {
        leaf.key: set(product([True, False], repeat=sum(other.key == leaf.key for other in leaves)))
        if leaf.changes
        else {
            tuple(satisfied(other, choice) for other in leaves if other.key == leaf.key)
            for choice in free_choices(code, [other for other in leaves if other.key == leaf.key])
        }
        for leaf in leaves
    }
    times = _times([interval for _, interval in dated], leaves, windows)
    spend(_size(times) * _size(options))
    found: set[Vector] = set()
    arrangements = {each for moments in product(*times) for each in _arrangements(leaves, windows, moments)}
    for values in product(*options):
        for arrangement in arrangements:
            answers = [
                _with_changes(leaf, index, values, inside, earlier)
                if leaf.changes
                else _selected(leaf, [(values[i][0], values[i][1][index]) for i in inside], spaced)
                for index, (leaf, (inside, spaced, earlier)) in enumerate(zip(leaves, arrangement, strict=True))
            ]
            found |= set(_fill(leaves, answers, free))
    return found


def _size(lists: list[Any]) -> int:
    size = 1
    for each in lists:
        size *= len(each)
    return size


def _turning_points(leaves: list[ResultLeaf], records: list[dict[str, Any]]) -> set[Any]:
    """Values of the results, and what the others leave for a mean to be on its threshold."""
    corners = [{c.value for c in choices(record, leaves, set())} for record in records]
    points = set().union(*corners)
    for leaf in leaves:
        if leaf.select == "mean_of":
            targets = {limit[0] * leaf.count for bound in leaf.bounds for limit in bound.limits if not limit[1]}
            for others in combinations(corners, leaf.count - 1):
                points |= {target - sum(each) for target in targets for each in product(*others)}
        for change in leaf.changes:
            every = set().union(*corners)
            for _, number, relative in change.bounds:
                signed = number if change.way == "rise" else -number
                factor, more = (1 + signed / 100, ZERO) if relative else (1, signed)
                points |= {factor * each + more for each in every}
                points |= {(each - more) / factor for each in every if factor}
    return {each for each in points if each >= 0}


def _with_changes(
    leaf: ResultLeaf, index: int, values: Any, inside: tuple[int, ...], earlier: Earlier
) -> set[bool] | None:
    """What a leaf with `fall` or `rise` may be; either where there is no earlier result, or no share of one."""
    if not inside:
        return None
    each = []
    for position, bases in zip(inside, earlier, strict=True):
        passed: set[bool] = {values[position][1][index]}
        for change, before in zip(leaf.changes, bases, strict=True):
            own = values[position][0].value
            held = _changed(change, own, [values[other][0].value for other in before])
            passed = {a and b for a in passed for b in held}
        each.append(sorted(passed))
    return {
        truth
        for passes in product(*each)
        for truth in _selected(leaf, [(values[i][0], p) for i, p in zip(inside, passes, strict=True)], ()) or ()
    }


def _changed(change: Change, own: Fraction, before: list[Fraction]) -> set[bool]:
    """Whether a value lies as far from the earlier one as is asked. before: the earlier values, in order of time."""
    if not before:
        return {True, False}
    base = {"latest": before[-1], "first": before[0], "highest": max(before), "lowest": min(before)}[change.base]
    truths = {True}
    for operator, number, relative in change.bounds:
        moved = base - own if change.way == "fall" else own - base
        if relative and own == base == 0:
            held = {True, False}
        elif relative:
            held = {compare(operator, moved * 100, number * base)}
        else:
            held = {compare(operator, moved, number)}
        truths = {a and b for a in truths for b in held}
    return truths


def _times(intervals: list[Bounds], leaves: list[ResultLeaf], windows: list[Bounds]) -> list[list[int]]:
    """For each result the instants that stand for all: one in each stretch between edges, more where orders matter."""
    edges = {edge for first, last in windows for edge in (first, last + 1)}
    ends = {edge for first, last in intervals for edge in (first, last + 1)}
    apart = [leaf.apart for leaf in leaves if leaf.apart is not None]
    apart += [change.over for leaf in leaves for change in leaf.changes if change.over is not None]
    for number, unit in apart:
        for end in list(ends):
            for near in (end - 1, end):
                for sign in (-1, 1):
                    ends |= {moved + step for moved in (_moved(near, sign * number, unit),) for step in (0, 1)}
    found = []
    for position, (first, last) in enumerate(intervals):
        rivals = sum(1 for other, (a, b) in enumerate(intervals) if other != position and a <= last and first <= b)
        inside = sorted({first} | {edge for edge in edges | ends if first < edge <= last})
        points: set[int] = set()
        for start, following in zip(inside, [*inside[1:], last + 1], strict=True):
            points |= {min(start + step, following - 1) for step in range(rivals + 1)}
            if apart:
                points.add(following - 1)
        found.append(sorted(points))
    return found


def _moved(instant: int, number: int, unit: str) -> int:
    if unit == "hours":
        return instant + number * HOUR
    return shift(max(FIRST_DAY, instant // DAY), number, unit) * DAY


def _arrangements(leaves: list[ResultLeaf], windows: list[Bounds], moments: tuple[int, ...]) -> Iterator[Arrangement]:
    """For each leaf which results lie in its window, in order of time, and which neighbours are far enough apart.

    Several where results share an instant: any order of those.
    """
    together: dict[int, list[int]] = {}
    for position in sorted(range(len(moments)), key=lambda each: moments[each]):
        together.setdefault(moments[position], []).append(position)
    for permuted in product(*(permutations(group) for group in together.values())):
        order = [position for group in permuted for position in group]
        arrangement = []
        for leaf, (first, last) in zip(leaves, windows, strict=True):
            inside = tuple(position for position in order if first <= moments[position] <= last)
            spaced = tuple(
                leaf.apart is None or _far_enough(moments[a], moments[b], *leaf.apart) for a, b in pairwise(inside)
            )
            earlier = tuple(
                tuple(
                    tuple(
                        other
                        for other in order
                        if moments[other] < moments[own]
                        and (change.over is None or _within(moments[other], moments[own], *change.over))
                    )
                    for change in leaf.changes
                )
                for own in (inside if leaf.changes else ())
            )
            arrangement.append((inside, spaced, earlier))
        yield tuple(arrangement)


def _selected(leaf: ResultLeaf, inside: list[tuple[Choice, bool]], spaced: tuple[bool, ...]) -> set[bool] | None:
    """What the leaf may be given the results in its window, in order of time; None: it has no result."""
    if not inside:
        return None
    passed = [each for _, each in inside]
    match leaf.select:
        case "latest":
            return {passed[-1]}
        case "first":
            return {passed[0]}
        case "any":
            return {any(passed)}
        case "every":
            return {all(passed)}
        case "highest" | "lowest":
            pick = max if leaf.select == "highest" else min
            extreme = pick(result.value for result, _ in inside)
            return {each for result, each in inside if result.value == extreme}
        case "consecutive":
            starts = range(len(inside) - leaf.count + 1)
            return {any(all(passed[i : i + leaf.count]) and all(spaced[i : i + leaf.count - 1]) for i in starts)}
        case _:
            if len(inside) < leaf.count:
                return None
            latest = [result for result, _ in inside[-leaf.count :]]
            mean = sum((result.value for result in latest), ZERO) / leaf.count
            return {satisfied(leaf, Choice(mean, latest[-1].kind))}


def _within(earlier: int, later: int, number: int, unit: str) -> bool:
    return shift(later // DAY, -number, unit) <= earlier // DAY


def _far_enough(earlier: int, later: int, number: int, unit: str) -> bool:
    """Hours are counted between instants, longer units between days."""
    if unit == "hours":
        return later - earlier >= number * HOUR
    return shift(earlier // DAY, number, unit) <= later // DAY


def _fill(leaves: list[ResultLeaf], answers: list[set[bool] | None], free: dict[Any, set[Vector]]) -> Iterator[Vector]:
    """Give the leaves without a result the truths of one free value for each key."""
    empty = {leaf.key for leaf, answer in zip(leaves, answers, strict=True) if answer is None}
    keys = sorted(empty, key=repr)
    for given in product(*(sorted(free[key]) for key in keys)):
        of_key = {key: iter(truths) for key, truths in zip(keys, given, strict=True)}
        filled = [
            {next(of_key[leaf.key])} if leaf.key in of_key else answer or set()
            for leaf, answer in zip(leaves, answers, strict=True)
        ]
        yield from product(*filled)
