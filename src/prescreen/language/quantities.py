"""A trial's own quantities: ``CAP: {formula: "age * (CAG - 33.66)", unit: "1"}``, observations that are computed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from prescreen.catalogue import Catalogue, ObservationConcept
from prescreen.language.names import Names, own_quantity
from prescreen.language.source import Fields, Source, shown
from prescreen.quantities import Analyte, Formula, UnitProblem, analyte, parse_formula
from prescreen.yamlio import Node

AGE = "age"
OWN_FORMULA = "of the trial's own"
_ONE = ("", "1")

_Dimension = Counter[str]
"""The units of a value as written, with their powers; none for a plain number."""
QUANTITY_KEYS = ("formula", "unit", "units", "label", "same_day", "any_day")
NEEDED_KEYS = ("formula", "unit")


def read_quantities(names: Names, node: Node | None) -> Catalogue:
    """The catalogue with the trial's own quantities among its observations."""
    source, catalogue = names.source, names.catalogue
    own: dict[str, ObservationConcept] = {}
    for key, value in source.named(node, "`quantities`") if node else ():
        if catalogue.observation(key.text) or key.text == AGE:
            source.refuse(key, "reserved-name", f"`{shown(key.text)}` is known already: a quantity needs another name")
        elif concept := _quantity(names, key, value):
            own[concept.name] = concept
        else:
            names.broken.add(own_quantity(key.text))
    if not own:
        return catalogue
    digest = hashlib.sha256(catalogue.sha256.encode())
    for concept in own.values():
        digest.update(repr((concept.name, concept.expression, concept.unit)).encode())
    return Catalogue({**catalogue.observations, **own}, catalogue.events, digest.hexdigest())


def _quantity(names: Names, key: Node, node: Node) -> ObservationConcept | None:
    source = names.source
    fields = source.fields(node, "a quantity", QUANTITY_KEYS, required=NEEDED_KEYS)
    if fields is None or "formula" not in fields or "unit" not in fields:
        return None
    formula = _formula(source, fields.values["formula"])
    quantity = _analyte(source, fields.values["unit"], key.text)
    label = source.text(fields.values["label"], "`label`") if "label" in fields else key.text
    same_day = source.boolean(fields.values["same_day"], "`same_day`") if "same_day" in fields else False
    if formula is None or quantity is None:
        return None
    units = _units(names, fields)
    if units is None:
        return None
    concepts: dict[str, ObservationConcept] = {}
    for name in formula.names():
        concept = _input(names, fields.values["formula"], name) if name != AGE else None
        if concept is not None:
            concepts[name] = concept
        elif name != AGE:
            return None
    if not concepts:
        message = "a quantity is computed from one result at least"
        source.refuse(fields.values["formula"], "invalid-formula", message, "ask for an age with `age`")
        return None
    expression = _converted(source, fields, formula, concepts, units, quantity)
    unchanging = _unchanging(names, fields, concepts)
    if expression is None or label is None or same_day is None or unchanging is None:
        return None
    # What changes dates the value: it comes first.
    inputs = tuple(sorted(dict.fromkeys(concept.name for concept in concepts.values()), key=unchanging.__contains__))
    return ObservationConcept(
        name=key.text,
        label=label,
        synonyms=(),
        codes={},
        analyte=quantity,
        unit=quantity.unit,
        units=(),
        values=(),
        low=None,
        high=None,
        formula=OWN_FORMULA,
        inputs=inputs,
        ask="coordinator",
        question=f"What is the latest {label}, and when?",
        expression=expression,
        written=" ".join(fields.values["formula"].text.split()),
        same_day=same_day,
        any_day=unchanging,
    )


def _formula(source: Source, node: Node) -> Formula | None:
    text = source.text(node, "a formula", 500)
    if text is None:
        return None
    try:
        return parse_formula(text)
    except ValueError as error:
        hint = "write arithmetic on codes and `age`, such as `age * (CAG - 33.66)`"
        source.refuse(node, "invalid-formula", f"the formula cannot be read: {error}", hint)
        return None


def _analyte(source: Source, node: Node, name: str) -> Analyte | None:
    text = "" if node.kind == "scalar" and node.text.strip() in _ONE else source.text(node, "a unit")
    if text is None:
        return None
    source.spend_on_unit(text)
    try:
        return analyte(text.strip(), may_be_negative=True, name=name)
    except ValueError as error:
        source.refuse(node, "unknown-unit", str(error))
        return None


def _units(names: Names, fields: Fields) -> dict[str, Node] | None:
    """The unit in which each code counts in the formula, where that is not the catalogue's."""
    node = fields.get("units")
    if node is None:
        return {}
    if node.kind != "map":
        names.source.refuse(node, "wrong-type", "`units` is a mapping from codes to units")
        return None
    return {key.text: value for key, value in node.pairs()}


def _unchanging(names: Names, fields: Fields, concepts: Mapping[str, ObservationConcept]) -> tuple[str, ...] | None:
    """The codes of `any_day`: results that do not change, and so count however old they are."""
    node = fields.get("any_day")
    found: list[str] = []
    for item in names.source.one_or_more(node, "`any_day`") if node else ():
        concept = concepts.get(item.text) if item.kind == "scalar" else None
        if concept is None:
            names.source.refuse(item, "unknown-code", f"`{shown(item.text)}` does not stand in the formula")
            return None
        found.append(concept.name)
    return tuple(found)


def _input(names: Names, node: Node, name: str) -> ObservationConcept | None:
    """A numeric observation of the catalogue by its name in a formula."""
    concept = names.catalogue.observation(name)
    if concept is None:
        names.unknown(node, "observation", name, names.catalogue.observation_names())
    elif concept.analyte is None:
        message = f"`{shown(name)}` is a coded result: there is no arithmetic on it"
        names.source.refuse(node, "invalid-formula", message)
        return None
    return concept


def _converted(
    source: Source,
    fields: Fields,
    formula: Formula,
    concepts: Mapping[str, ObservationConcept],
    units: Mapping[str, Node],
    quantity: Analyte,
) -> Formula | None:
    """The formula over catalogue names in canonical units, giving the quantity's unit; None where units do not fit."""
    by_name: dict[str, Formula] = {AGE: Formula("name", name=AGE)}
    dimensions: dict[str, _Dimension] = {AGE: Counter()}
    for name in units.keys() - concepts.keys():
        message = f"`{shown(name)}` does not stand in the formula"
        source.refuse(units[name], "unknown-code", message)
        return None
    for name, concept in concepts.items():
        written = units.get(name)
        unit = concept.unit if written is None else source.text(written, "a unit")
        assert concept.analyte is not None
        if unit is None:
            return None
        by_name[name] = Formula("name", name=concept.name)
        dimensions[name] = Counter({unit: 1} if unit not in _ONE else {})
        if written is not None:
            source.spend_on_unit(unit)
            scale = concept.analyte.scale(unit)
            if isinstance(scale, UnitProblem) or scale.log10:
                message = scale.message if isinstance(scale, UnitProblem) else f"`{shown(unit)}` is a logarithm"
                source.refuse(written, "wrong-unit", message, f"write it in `{concept.unit}`")
                return None
            less = Formula("-", parts=(by_name[name], Formula("number", scale.offset)))
            by_name[name] = Formula("/", parts=(less, Formula("number", scale.factor)))
    node = fields.values["formula"]
    try:
        dimension = _dimension(formula, dimensions)
    except ValueError as error:
        source.refuse(node, "wrong-unit", str(error), "numbers take the unit of what they are added to")
        return None
    factor = _factor(source, fields.values["unit"], dimension, quantity)
    if factor is None:
        return None
    whole = _over(formula, by_name)
    return whole if factor == 1 else Formula("*", parts=(whole, Formula("number", factor)))


def _over(formula: Formula, by_name: Mapping[str, Formula]) -> Formula:
    if formula.operation == "name":
        return by_name[formula.name]
    return replace(formula, parts=tuple(_over(part, by_name) for part in formula.parts))


def _dimension(formula: Formula, known: Mapping[str, _Dimension]) -> _Dimension:
    """The unit of a formula's value. Raises ValueError where units are added that differ."""
    if formula.operation == "number":
        return Counter()
    if formula.operation == "name":
        return known[formula.name]
    sides = [_dimension(part, known) for part in formula.parts]
    match formula.operation:
        case "**":
            return _powers({unit: power * int(formula.value) for unit, power in sides[0].items()})
        case "*" | "/":
            sign = 1 if formula.operation == "*" else -1
            units = sides[0].keys() | sides[1].keys()
            return _powers({unit: sides[0][unit] + sign * sides[1][unit] for unit in units})
    first, second = sides
    if first == second or not formula.parts[1].names():
        return first
    if not formula.parts[0].names():
        return second
    raise ValueError(f"`{_text(first)}` and `{_text(second)}` are added: they differ")


def _powers(powers: Mapping[str, int]) -> _Dimension:
    return Counter({unit: power for unit, power in powers.items() if power})


def _text(dimension: _Dimension) -> str:
    """A dimension as a unit that can be read: ``(mg/dL).(kg)/(m)/(m)``."""
    above = [f"({unit})" for unit, power in sorted(dimension.items()) for _ in range(power)]
    below = [f"/({unit})" for unit, power in sorted(dimension.items()) for _ in range(-power)]
    return (".".join(above) or "1") + "".join(below)


def _factor(source: Source, node: Node, dimension: _Dimension, quantity: Analyte) -> Fraction | None:
    """What makes the formula's value one in the quantity's unit."""
    text = _text(dimension)
    source.spend_on_unit(text)
    scale = quantity.scale(text)
    if isinstance(scale, UnitProblem) or scale.offset or scale.log10:
        hint = "a plain number has the unit `1`" if text == "1" else f"the formula's own unit is `{text[:80]}`"
        given = quantity.unit or "1"
        source.refuse(node, "wrong-unit", f"the formula does not give `{shown(given)}`", hint)
        return None
    return scale.factor
