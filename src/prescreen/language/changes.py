"""`fall` and `rise`: how far a result must lie below or above an earlier one."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, get_args

from prescreen.catalogue import ObservationConcept
from prescreen.language.comparisons import OPERATORS, bound_nodes, contradictory, read_number
from prescreen.language.model import Change, ChangeBound, Operator
from prescreen.language.source import Fields, Source, listed, shown
from prescreen.language.windows import read_span
from prescreen.quantities import UnitProblem
from prescreen.time import Span
from prescreen.yamlio import Node

Way = Literal["fall", "rise"]
Base = Literal["latest", "first", "highest", "lowest"]
WAYS: tuple[Way, ...] = get_args(Way)
BASES: tuple[Base, ...] = get_args(Base)
_POINTS = ("percentage point", "percentage points")


def read_changes(source: Source, fields: Fields, concept: ObservationConcept) -> tuple[tuple[Change, ...], str] | None:
    """The changes that a leaf asks for, and the same in words; None where something is wrong with one."""
    changes: list[Change] = []
    words: list[str] = []
    for way in WAYS:
        node = fields.get(way)
        if node is None:
            continue
        read = _read(source, way, fields.keys[way], node, concept)
        if read is None:
            return None
        changes.append(read[0])
        words.append(read[1])
    return tuple(changes), " and ".join(words)


def _read(source: Source, way: Way, key: Node, node: Node, concept: ObservationConcept) -> tuple[Change, str] | None:
    if concept.analyte is None:
        source.refuse(key, "wrong-comparison", f"`{concept.name}` is a coded result: it has no `{way}`")
        return None
    fields = source.fields(node, f"`{way}`", (*OPERATORS, "between", "from", "over"))
    if fields is None or fields.misspelt:
        return None
    bounds: list[ChangeBound] = []
    words: list[str] = []
    written = bound_nodes(source, fields)
    if written is None:
        return None
    for operator, value in written:
        bound = _bound(source, way, operator, value, concept)
        if bound is None:
            return None
        bounds.append(bound)
        words.append(f"{operator.replace('_', ' ')} {' '.join(value.text.split())}")
    if not bounds:
        source.refuse(node, "no-comparison", f"`{way}` needs a bound: one of {listed(OPERATORS, 'or')}")
        return None
    for relative in (True, False):
        if contradictory([(bound.operator, bound.number) for bound in bounds if bound.relative is relative]):
            source.refuse(node, "empty-comparison", f"no {way} meets these bounds")
            return None
    origin, reach = fields.get("from"), fields.get("over")
    word = source.choice(origin, "`from`", BASES) if origin else "latest"
    over = read_span(source, reach, "`over`") if reach else None
    base: Base | None = next((known for known in BASES if known == word), None)
    if base is None or (reach and over is None):
        return None
    return Change(way, tuple(bounds), base, over), _words(way, words, base, over)


def _bound(source: Source, way: Way, operator: Operator, node: Node, concept: ObservationConcept) -> ChangeBound | None:
    """A share of the earlier result (`50 %`), or an amount in a unit of the observation."""
    written = source.text(node, "a change")
    text = " ".join(written.split()) if written else ""
    read = read_number(source, node, text) if text else None
    if read is None or concept.analyte is None:
        return None
    number, unit = read
    if number < 0:
        other = "rise" if way == "fall" else "fall"
        source.refuse(node, "invalid-number", f"`{shown(text)}`: a {way} is not below 0", f"write it as a `{other}`")
        return None
    if unit == "%":
        if concept.analyte.may_be_negative:
            source.refuse(node, "wrong-unit", f"`{concept.name}` may be below 0: there is no share of it")
            return None
        if way == "fall" and number > 100:
            source.refuse(node, "invalid-number", f"`{shown(text)}`: nothing falls by more than all of it")
            return None
        return ChangeBound(operator, number, relative=True)
    source.spend_on_unit(unit)
    scale = concept.analyte.scale("%" if unit in _POINTS else unit)
    if isinstance(scale, UnitProblem) or scale.log10:
        hint = f"write a share such as `50 %`, or an amount in `{concept.unit}`".replace(" in ``", "")
        source.refuse(node, "wrong-unit", f"`{shown(text)}` is no change of `{concept.name}`", hint)
        return None
    return ChangeBound(operator, number * Fraction(scale.factor), relative=False)


def _words(way: Way, bounds: list[str], base: Base, over: Span | None) -> str:
    done = "fallen" if way == "fall" else "risen"
    reach = f" of the {over} before it" if over else ""
    which = "the one before it" if base == "latest" and over is None else f"the {base} one{reach or ' before it'}"
    return f"{done} {' and '.join(bounds)} from {which}"
