"""Gaps and overlaps: values of one quantity that no alternative, no subgroup or no cohort takes in, or that two do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import z3

from prescreen.language.model import AllOf, AnyOf, Condition, Criterion, If, Leaf, Not, Trial, Unless, Where
from prescreen.prove.model import Model
from prescreen.prove.ranges import Line, Stretch, holes, joined, quantities


@dataclass(frozen=True, slots=True)
class Gap:
    """Values of a quantity that nothing (or, of two, both) of what stands at a place takes in.

    words: the values. leaves: what sets limits for the quantity. wanted: what is true of a candidate who has one.
    """

    where: Where
    words: str
    leaves: frozenset[Leaf]
    wanted: tuple[z3.BoolRef, ...]


def gaps_between(model: Model, formulas: Sequence[z3.BoolRef], where: Where) -> Iterator[Gap]:
    """Values between those that one of several formulas can be true for, at which none can."""
    leaves = model.leaves_of(*formulas)
    for quantity in quantities(model, formulas):
        line = Line(model, quantity, leaves)
        for hole in holes(line, line.covered(z3.Or(*formulas))):
            yield Gap(where, line.words(hole), frozenset(line.leaves), (line.inside(hole),))


def meeting_points(model: Model, formulas: Sequence[z3.BoolRef], where: Where) -> Iterator[Gap]:
    """Single values at which two formulas can both be true, although each of them goes its own way beside it: limits
    that both take their edge in."""
    leaves = model.leaves_of(*formulas)
    for quantity in quantities(model, formulas):
        line = Line(model, quantity, leaves)
        one, other = (line.covered(formula) for formula in formulas)
        for place, stretch in enumerate(line.stretches):
            if stretch.low == stretch.high is not None and one[place] and other[place]:
                around = {(one[beside], other[beside]) for beside in (place - 1, place + 1)}
                if around == {(True, False), (False, True)}:
                    yield Gap(where, line.words(stretch), frozenset(line.leaves), (line.inside(stretch),))


def alternatives(criterion: Criterion) -> Iterator[AnyOf]:
    """The alternatives by which a criterion can be met (and not those by which somebody is excluded)."""
    pending: list[tuple[Condition, bool]] = [(criterion.condition, criterion.kind == "inclusion")]
    while pending:
        part, helps = pending.pop()
        match part:
            case AnyOf(children):
                if helps:
                    yield part
                pending += [(child, helps) for child in children]
            case AllOf(children):
                pending += [(child, helps) for child in children]
            case Not(child):
                pending.append((child, not helps))
            case If(_, then, otherwise):
                pending += [(branch, helps) for branch in (then, otherwise) if branch is not None]
            case Unless(child):
                pending.append((child, helps))
            case _:
                pass


def subgroups(criteria: Sequence[Criterion], *, across: bool) -> Iterator[list[Condition]]:
    """The conditions of subgroups that stand side by side: of criteria that are nothing but an `if` (across), or within
    a criterion, of one `if … else if …` that asks nothing of the others, or of several `if` in one `all`."""
    if across:
        including = [each for each in criteria if each.kind == "inclusion"]
        roots = {each.id.partition("@")[0]: each.condition for each in including}  # once for all cohorts
        yield from _side_by_side(list(roots.values()))
        return
    pending = [criterion.condition for criterion in criteria]
    while pending:
        part = pending.pop()
        match part:
            case AllOf(children):
                yield from _side_by_side(children)
                pending += children
            case AnyOf(children):
                pending += children
            case If(_, then, otherwise):
                if otherwise is not None:
                    chain = _chain(part)
                    if len(chain) > 1:
                        yield chain
                pending += [branch for branch in (then, otherwise) if branch is not None]
            case Not(child) | Unless(child):
                pending.append(child)
            case _:
                pass


def _side_by_side(parts: Sequence[Condition]) -> Iterator[list[Condition]]:
    conditions = [part.condition for part in parts if isinstance(part, If) and part.otherwise is None]
    if len(conditions) > 1:
        yield conditions


def _chain(part: If) -> list[Condition]:
    """The subgroups of `if … else if …`; none where something is asked of all others."""
    found = [part.condition]
    rest = part.otherwise
    while isinstance(rest, If):
        found.append(rest.condition)
        rest = rest.otherwise
    return found if rest is None else []


@dataclass(frozen=True, slots=True)
class BetweenCohorts:
    """Values of a quantity that no cohort takes in (gap) or that several do, although each takes in others that the
    other does not."""

    code: str
    cohorts: tuple[str, ...]
    words: str
    wanted: tuple[z3.BoolRef, ...]


def between_cohorts(model: Model, trial: Trial) -> Iterator[BetweenCohorts]:
    """Gaps and overlaps of the cohorts' own criteria."""
    own = {
        cohort.id: [criterion for criterion in trial.criteria if cohort.id in criterion.cohorts]
        for cohort in trial.cohorts
    }
    formulas = {cohort: z3.And(*map(model.met, criteria)) for cohort, criteria in own.items() if criteria}
    if len(formulas) < 2:
        return
    leaves = model.leaves_of(*formulas.values())
    for quantity in quantities(model, list(formulas.values())):
        line = Line(model, quantity, leaves)
        covered = {cohort: line.covered(formula) for cohort, formula in formulas.items()}
        for hole in holes(line, [any(each) for each in zip(*covered.values(), strict=True)]):
            yield BetweenCohorts("gap", tuple(formulas), line.words(hole), (line.inside(hole),))
        names = list(covered)
        for place, one in enumerate(names):
            for other in names[place + 1 :]:
                yield from _overlaps(line, {one: covered[one], other: covered[other]}, formulas)


def _overlaps(line: Line, covered: dict[str, list[bool]], formulas: dict[str, z3.BoolRef]) -> Iterator[BetweenCohorts]:
    one, other = covered.values()
    both = [a and b for a, b in zip(one, other, strict=True)]
    if not any(both) or both in (one, other):
        return  # apart, or one within the other
    first, last = both.index(True), len(both) - 1 - both[::-1].index(True)
    stretch: Stretch = line.stretches[first]
    if last > first:
        stretch = joined(stretch, line.stretches[last])
    wanted = [line.inside(line.stretches[first]), *(formulas[name] for name in covered)]
    yield BetweenCohorts("overlap", tuple(covered), line.words(stretch), tuple(wanted))
