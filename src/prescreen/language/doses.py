"""Bounds of event leaves: doses, daily doses (as equivalents too), counts, lines and durations."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from prescreen.language.cohorts import for_cohort
from prescreen.language.comparisons import OPERATORS, bound_nodes, contradictory, read_number
from prescreen.language.model import Amount, Operator
from prescreen.language.names import Names
from prescreen.language.source import Fields, Source, listed, shown
from prescreen.language.windows import lasting, read_span
from prescreen.time import Span
from prescreen.yamlio import Node

_MAX_COUNT = 1000
_MILLIGRAMS = {
    "g": Fraction(1000),
    "mg": Fraction(1),
    "ug": Fraction(1, 1000),
    "µg": Fraction(1, 1000),
    "μg": Fraction(1, 1000),
    "mcg": Fraction(1, 1000),
}
_PER_DAY = ("/day", "/d")


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds under an option as operators and nodes, `between` as two of them; what `as` names, or None."""

    found: tuple[tuple[Operator, Node], ...] = ()
    equivalent: Node | None = None


def read_amounts(source: Source, bounds: Bounds, node: Node | None, daily: bool) -> tuple[Amount, ...]:
    """The bounds of `dose` (in mg) or `daily_dose` (in mg/day)."""
    read = [_amount(source, each, operator, daily) for operator, each in bounds.found]
    found = tuple(amount for amount in read if amount)
    if node and contradictory([(amount.operator, amount.number) for amount in found]):
        source.refuse(node, "empty-comparison", f"no {'daily dose' if daily else 'dose'} meets these bounds")
    return found


def read_counts(source: Source, bounds: Bounds, node: Node | None) -> tuple[tuple[Operator, int], ...]:
    """The bounds of `count` and `lines`."""
    read = [(operator, source.whole(each, "a count", 0, _MAX_COUNT)) for operator, each in bounds.found]
    found = [(operator, number) for operator, number in read if number is not None]
    if node and contradictory([(operator, Fraction(number)) for operator, number in found]):
        source.refuse(node, "empty-comparison", "no count meets these bounds")
    return tuple(found)


def read_lengths(source: Source, bounds: Bounds, node: Node | None) -> tuple[tuple[Operator, Span], ...]:
    """The bounds of `duration`."""
    read = [(operator, read_span(source, each, "a duration")) for operator, each in bounds.found]
    found = [(operator, span) for operator, span in read if span]
    hours = [(operator, Fraction(lasting(span)[1])) for operator, span in found if not lasting(span)[0]]
    if node and contradictory(hours):
        source.refuse(node, "empty-comparison", "no duration meets these bounds")
    return tuple(found)


def read_bounds(names: Names, fields: Fields, option: str) -> Bounds:
    """The bounds under an option, those of the cohort included."""
    source, node = names.source, fields.get(option)
    if node is None:
        return Bounds()
    known = (*OPERATORS, "between")
    keys = (*known, "per_cohort", *(["as"] if option == "daily_dose" else []))
    written = source.fields(node, f"`{option}`", keys)
    bounds = for_cohort(names, written, known) if written else None
    if bounds is None:
        return Bounds()
    equivalent = bounds.get("as")
    if not any(name in bounds for name in known) and not bounds.misspelt:
        source.refuse(node, "no-comparison", f"`{option}` needs a bound: one of {listed(OPERATORS, 'or')}")
    return Bounds(tuple(bound_nodes(source, bounds) or ()), equivalent)


def read_equivalent(names: Names, node: Node | None, codes: tuple[str, ...]) -> str:
    """The treatment in which the daily doses of others are expressed ("" for none): each code needs a factor to it,
    of its own or of something narrower."""
    concept = names.event("treatments", node) if node else None
    if concept is None or node is None:
        return ""
    treatments = names.catalogue.events["treatments"]
    for code in codes:
        every = {code} | names.catalogue.descendants("treatments", code)
        if not any(concept.name in treatments[name].equivalents for name in every):
            message = f"the catalogue gives no dose of `{code}` that is equivalent to `{concept.name}`"
            names.source.refuse(node, "no-equivalent", message)
    return concept.name


def _amount(source: Source, node: Node, operator: Operator, daily: bool) -> Amount | None:
    written = source.text(node, "a dose")
    text = " ".join(written.split()) if written else ""
    read = read_number(source, node, text) if text else None
    if read is None:
        return None
    number, unit = read
    example = "`10 mg/day`" if daily else "`1000 mg`"
    if not unit:
        source.refuse(node, "missing-unit", f"`{shown(text)}` has no unit", f"write it like {example}")
        return None
    bare = next((unit.removesuffix(end).strip() for end in _PER_DAY if unit.endswith(end)), None) if daily else unit
    factor = _MILLIGRAMS.get(bare or "")
    if factor is None:
        what = "a daily dose is a mass per day" if daily else "a dose is a mass"
        source.refuse(node, "wrong-unit", f"`{shown(unit)}` does not fit: {what}", f"write it like {example}")
        return None
    if number < 0:
        source.refuse(node, "invalid-number", f"`{shown(text)}`: a dose is never below 0")
        return None
    return Amount(operator, number * factor, text)
