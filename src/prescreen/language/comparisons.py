"""Comparisons of an observation: thresholds with units or limits, coded values, detection."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import get_args

from prescreen.catalogue import ObservationConcept
from prescreen.catalogue.entries import UNIT_CODES
from prescreen.language.model import Coded, Comparison, Detected, LimitOfRange, Operator, Test, Threshold
from prescreen.language.source import Fields, Source, listed, near, shown
from prescreen.quantities import UnitProblem, parse_number
from prescreen.yamlio import Node

OPERATORS: tuple[Operator, ...] = get_args(Operator)
COMPARISONS = (*OPERATORS, "between", "is", "is_not", "one_of", "detected")

_MAX_LOG = 30
_LOWER: tuple[Operator, ...] = ("at_least", "above")


def read_tests(
    source: Source, fields: Fields, concept: ObservationConcept, needed: bool = True
) -> tuple[tuple[Test, ...], str] | None:
    """What one result must meet, and the same in words; None where something is wrong with it, or nothing is asked
    although it is needed."""
    tests: list[Test] = []
    words: list[str] = []
    sound = True
    for key, node in fields.values.items():
        if key not in COMPARISONS:
            continue
        read = _read_test(source, key, fields.keys[key], node, concept)
        if read is None:
            sound = False
        else:
            tests += read[0]
            words.append(read[1])
    if not sound:
        return None
    if not tests:
        if not needed:
            return (), ""
        if not fields.misspelt:
            hint = f"write `{_example(concept)}`"
            source.refuse(fields.node, "no-comparison", f"`{concept.name}` is compared with nothing", hint)
        return None
    if _nothing_meets(tests, concept):
        message = f"no result of `{concept.name}` can meet all of these: {' and '.join(words)}"
        source.refuse(fields.node, "empty-comparison", message)
        return None
    return tuple(tests), " and ".join(words)


def read_number(source: Source, node: Node, text: str) -> tuple[Fraction, str] | None:
    """The number at the beginning of a quantity, exact, and what follows it (a unit, a limit, or nothing)."""
    match = _NUMBER.match(text)
    if match is None:
        source.refuse(node, "invalid-number", f"`{shown(text)}` is no quantity", "write a number and a unit, `30 g/L`")
        return None
    number, rest = match[0], text[match.end() :]
    if rest[:1] in (",", ".") or rest[:1].isdigit():
        hint = "write decimals with a point and thousands without a separator"
        source.refuse(node, "invalid-number", f"`{shown(text)}` has no readable number", hint)
        return None
    value = parse_number(number)
    if value is None:
        source.refuse(node, "invalid-number", f"`{shown(text)}` is no number that anyone would measure")
        return None
    return value, rest.strip()


def bound_nodes(source: Source, fields: Fields) -> list[tuple[Operator, Node]] | None:
    """The bounds of a mapping as operators and nodes, `between` as two of them; None where that has no two ends."""
    found: list[tuple[Operator, Node]] = [(name, fields.values[name]) for name in OPERATORS if name in fields]
    if ends := fields.get("between"):
        both = source.items(ends, "`between`")
        if len(both) != 2:
            if both:
                source.refuse(ends, "wrong-comparison", "`between` has two ends", "write `between: [a, b]`")
            return None
        found += [("at_least", both[0]), ("at_most", both[1])]
    return found


def contradictory(bounds: list[tuple[Operator, Fraction]]) -> bool:
    """Whether no number is within all bounds."""
    return any(
        low > high or (low == high and (lower, upper) != ("at_least", "at_most"))
        for lower, low in bounds
        if lower in _LOWER
        for upper, high in bounds
        if upper not in _LOWER
    )


_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", re.ASCII)
_LIMIT = re.compile(r"[×x*]?\s*(ULN|LLN|LLOD)")


def _read_test(
    source: Source, name: str, key: Node, node: Node, concept: ObservationConcept
) -> tuple[list[Test], str] | None:
    match name:
        case "is" | "is_not" | "one_of":
            return _coded(source, name, key, node, concept)
        case _ if concept.analyte is None:
            message = f"`{concept.name}` is a coded result: it has no `{name}`"
            source.refuse(key, "wrong-comparison", message, f"write `{_example(concept)}`")
            return None
        case "detected":
            wanted = source.boolean(node, "`detected`")
            return None if wanted is None else ([Detected(wanted)], "detected" if wanted else "not detected")
        case "between":
            return _between(source, node, concept)
    operator = next(known for known in OPERATORS if known == name)
    thresholds = _thresholds(source, node, concept)
    if thresholds is None:
        return None
    return [Comparison(operator, thresholds)], f"{operator.replace('_', ' ')} {limit_words(thresholds)}"


def _between(source: Source, node: Node, concept: ObservationConcept) -> tuple[list[Test], str] | None:
    ends = source.items(node, "`between`")
    if len(ends) != 2:
        if ends:
            source.refuse(node, "wrong-comparison", "`between` has two ends", "write `between: [a, b]`")
        return None
    low, high = (_threshold(source, end, concept) for end in ends)
    if low is None or high is None:
        return None
    if (low.of, low.kind) != (high.of, high.kind):
        source.refuse(node, "wrong-comparison", "the two ends of `between` are in different kinds of unit")
        return None
    first, last = limit_words((low,)), limit_words((high,))
    unit = last.partition(" ")[2]
    if unit and first.endswith(f" {unit}"):
        first = first.removesuffix(f" {unit}")
    return [Comparison("at_least", (low,)), Comparison("at_most", (high,))], f"{first} to {last}"


def _thresholds(source: Source, node: Node, concept: ObservationConcept) -> tuple[Threshold, ...] | None:
    """One threshold, or the same limit in several kinds of unit."""
    found = [_threshold(source, item, concept) for item in source.one_or_more(node, "a list of quantities")]
    thresholds = tuple(threshold for threshold in found if threshold)
    if not found or len(thresholds) < len(found):
        return None
    if len({(threshold.of, threshold.kind) for threshold in thresholds}) < len(thresholds):
        message = f"two limits in one kind of unit: {listed(threshold.text for threshold in thresholds)}"
        source.refuse(node, "repeated-unit", message, "give one, or one in mass and one in amount of substance")
        return None
    if len(thresholds) > 1 and any(threshold.of for threshold in thresholds):
        message = "several limits are one limit in several units: a multiple of a result's own limit stands alone"
        source.refuse(node, "wrong-comparison", message, "use `any` or `all` over two observations")
        return None
    return thresholds


def _threshold(source: Source, node: Node, concept: ObservationConcept) -> Threshold | None:
    written = source.text(node, "a quantity")
    if written is None or concept.analyte is None:
        return None
    text = " ".join(written.split())
    read = read_number(source, node, text)
    if read is None:
        return None
    number, unit = read
    if limit := _LIMIT.fullmatch(unit):
        if number <= 0:
            source.refuse(node, "invalid-number", f"`{shown(text)}`: a multiple of a limit is above 0")
            return None
        of: LimitOfRange = next(known for known in get_args(LimitOfRange) if known == limit[1])
        return Threshold(number, of, None, text)
    if number < 0 and not concept.analyte.may_be_negative:
        source.refuse(node, "invalid-number", f"`{shown(text)}`: `{concept.name}` is never below 0")
        return None
    source.spend_on_unit(unit)
    scale = concept.analyte.scale(unit)
    if isinstance(scale, UnitProblem):
        _refuse_unit(source, node, text, concept, scale)
        return None
    if scale.log10:
        if number.denominator != 1 or abs(number) > _MAX_LOG:
            hint = "write the limit itself instead of its logarithm"
            source.refuse(node, "invalid-number", f"`{shown(text)}` has no exact value", hint)
            return None
        number = Fraction(10) ** int(number)
    kind = scale.kind if concept.unit else None
    return Threshold(number * scale.factor + scale.offset, None, kind, text)


def _refuse_unit(source: Source, node: Node, text: str, concept: ObservationConcept, problem: UnitProblem) -> None:
    """Report a unit that is missing, unknown or of another kind, with one that works."""
    match UNIT_CODES[problem.code]:
        case "missing-unit":
            message = f"`{shown(text)}` has no unit: `{concept.name}` needs one"
            source.refuse(node, "missing-unit", message, f"write `{shown(text)} {concept.unit}`")
        case code:
            hint = f"write it in `{concept.unit}`" if concept.unit else "write the number alone"
            source.refuse(node, code, problem.message, hint)


def _coded(
    source: Source, name: str, key: Node, node: Node, concept: ObservationConcept
) -> tuple[list[Test], str] | None:
    if not concept.values:
        hint = f"write `{_example(concept)}` or `detected: true`"
        source.refuse(key, "wrong-comparison", f"`{concept.name}` is a number: it has no `{name}`", hint)
        return None
    if name == "is" and node.kind == "list":
        source.refuse(node, "wrong-type", "`is` takes one value, not a list", "write `one_of: […]`")
        return None
    items = source.one_or_more(node, f"`{name}`")
    found = [_value(source, item, concept) for item in items]
    values = tuple(dict.fromkeys(value for value in found if value is not None))
    if not values or None in found:
        return None
    negated = name == "is_not"
    return [Coded(values, negated)], ("not " if negated else "") + " or ".join(values)


_SAME = {"reactive": "positive", "non-reactive": "negative", "nonreactive": "negative"}


def _value(source: Source, node: Node, concept: ObservationConcept) -> str | None:
    """A value that the catalogue lists for the observation, in its spelling."""
    text = source.text(node, "a coded value")
    if text is None:
        return None
    known = {value.casefold(): value for value in concept.values}
    folded = text.strip().casefold()
    value = known.get(folded) or known.get(_SAME.get(folded, ""))
    if value is None:
        message = f"`{concept.name}` is never `{shown(text)}`"
        source.refuse(node, "unknown-value", message, near(text, concept.values))
    return value


def _nothing_meets(tests: list[Test], concept: ObservationConcept) -> bool:
    """Whether tests of one result contradict each other in one unit, or leave no coded value."""
    values = set(concept.values)
    for test in tests:
        if isinstance(test, Coded):
            values = values - set(test.values) if test.negated else values & set(test.values)
    if not values and any(isinstance(test, Coded) for test in tests):
        return True
    if Detected(True) in tests and Detected(False) in tests:
        return True
    bounds: dict[tuple[str | None, str | None], list[tuple[Operator, Fraction]]] = {}
    for test in tests:
        if isinstance(test, Comparison):
            for limit in test.thresholds:
                bounds.setdefault((limit.of, limit.kind), []).append((test.operator, limit.number))
    return any(map(contradictory, bounds.values()))


def limit_words(thresholds: tuple[Threshold, ...]) -> str:
    """A limit as people read it: ``3 × ULN``, ``1.5 mg/dL (133 umol/L)``."""
    first, *others = map(_threshold_in_words, thresholds)
    return f"{first} ({', '.join(others)})" if others else first


def _threshold_in_words(threshold: Threshold) -> str:
    match threshold.of:
        case None:
            return threshold.text
        case "LLOD" if threshold.number == 1:
            return "the detection limit"
    return f"{threshold.text.removesuffix(threshold.of).rstrip(' ×x*')} × {threshold.of}"


def _example(concept: ObservationConcept) -> str:
    """A comparison that this observation has."""
    if concept.analyte is None:
        return f"is: {concept.values[0]}" if concept.values else "is: …"
    return f"at_most: 30 {concept.unit}".rstrip()
