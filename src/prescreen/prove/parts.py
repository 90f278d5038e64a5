"""Parts of a criterion that never matter: taken as always true, or as never true, they leave the criterion as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import z3

from prescreen.language.model import AllOf, AnyOf, AtLeastOf, Condition, If, Not, Unless, Use, Where
from prescreen.prove.model import Model


@dataclass(frozen=True, slots=True)
class NeedlessPart:
    """A part that can be taken as `taken` for everybody, and nobody's truth changes.

    what: what it is to the condition around it. always: it is so for everybody anyway.
    """

    part: Condition
    what: str
    taken: bool
    always: bool


def needless_parts(model: Model, root: Condition) -> Iterator[NeedlessPart]:
    """The greatest parts of a condition that never matter, each found with those before it left out.

    A named condition is one part; what the loader made of one mapping of the rule file is one as well. Raises
    Undecided.
    """
    whole = model.condition(root)
    instead: dict[int, z3.BoolRef] = {}
    pending: list[tuple[Condition, Condition]] = [(root, root)]
    while pending:
        part, around = pending.pop()
        if part.where not in (around.where, Where()) and not isinstance(around, Not):
            found = _needless(model, root, whole, part, around, instead)
            if found is not None:
                instead[id(part)] = z3.BoolVal(found.taken)
                yield found
                continue
        pending += [(child, part) for child in _children(part)]


def _needless(
    model: Model, root: Condition, whole: z3.BoolRef, part: Condition, around: Condition, instead: dict[int, z3.BoolRef]
) -> NeedlessPart | None:
    own = model.condition(part)
    for taken in (False, True):
        changed = model.with_parts(root, {**instead, id(part): z3.BoolVal(taken)})
        if not model.possible(z3.Xor(whole, changed)):
            always = not model.possible(z3.Not(own) if taken else own)
            return NeedlessPart(part, _role(part, around), taken, always)
    return None


def _children(part: Condition) -> tuple[Condition, ...]:
    match part:
        case AllOf(children) | AnyOf(children) | AtLeastOf(children=children):
            return children
        case Not(child):
            return (child,)
        case If(first, then, otherwise):
            return (first, then) if otherwise is None else (first, then, otherwise)
        case Unless(child, exception):
            return (child, exception)
        case _:
            return ()


def _role(part: Condition, around: Condition) -> str:
    match around:
        case AllOf():
            return "requirement"
        case AnyOf() | AtLeastOf():
            return "alternative"
        case Unless(exception=exception) if part is exception:
            return "exception"
        case If(condition) if part is condition:
            return "subgroup"
        case If():
            return "branch"
        case _:
            return "part"


def definitions(roots: Iterator[Condition]) -> dict[str, Use]:
    """The named conditions used in some conditions, by name."""
    found: dict[str, Use] = {}
    pending = list(roots)
    while pending:
        part = pending.pop()
        if isinstance(part, Use):
            found.setdefault(part.name, part)
            pending.append(part.child)
        pending += _children(part)
    return found
