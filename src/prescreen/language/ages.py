"""Ages: ``{at_least: 18 years, at_most: 65 years}`` as completed units."""

from __future__ import annotations

from prescreen.language.cohorts import KEY, for_cohort
from prescreen.language.model import SCREENING, Age, Where
from prescreen.language.names import Names
from prescreen.language.source import Fields, Source, shown
from prescreen.language.windows import lasting, least_hours
from prescreen.problems import did_you_mean
from prescreen.time import Span, parse_span
from prescreen.yamlio import Node

MAX_YEARS = 150

_BOUNDS = ("at_least", "above", "at_most", "below", "between")


def read_age(names: Names, fields: Fields) -> Age | None:
    """The condition of a mapping with the key `age`: bounds of age on an anchor's day.

    Completed units: ``above: 18 years`` is at least 19, ``at_most: 65 years`` includes the whole year of being 65.
    """
    source, node, on = names.source, fields.values["age"], fields.get("on")
    anchor = source.lookup(on, "anchor", [SCREENING, *names.anchors], "anchors") if on else SCREENING
    written_bounds = source.fields(node, "an age", (*_BOUNDS, KEY))
    bounds = for_cohort(names, written_bounds, _BOUNDS) if written_bounds else None
    if bounds is None:
        return None
    if not bounds.values:
        if not bounds.misspelt:
            source.refuse(node, "no-comparison", "an age needs a bound", "write `age: {at_least: 18 years}`")
        return None
    written = {
        name: _between(source, value) if name == "between" else (_age(source, value),)
        for name, value in bounds.values.items()
    }
    if anchor is None or any(None in ages for ages in written.values()):
        return None
    spans = {name: [age for age in ages if age] for name, ages in written.items()}
    lows = [*(s[0] for n, s in spans.items() if n in ("at_least", "between")), *map(_next, spans.get("above", ()))]
    highs = [*spans.get("below", ()), *(_next(s[-1]) for n, s in spans.items() if n in ("at_most", "between"))]
    if len(lows) > 1 or len(highs) > 1:
        source.refuse(node, "wrong-comparison", "an age has one lower and one upper bound at most")
        return None
    low, below = next(iter(lows), None), next(iter(highs), None)
    if low and below and _nobody(low, below):
        source.refuse(node, "empty-comparison", "nobody has such an age: the lower bound is above the upper one")
        return None
    return Age(low, below, anchor, _words(spans), Where(fields.node.line, fields.node.column))


def _age(source: Source, node: Node) -> Span | None:
    text = source.text(node, "an age")
    if text is None:
        return None
    try:
        age = parse_span(text)
    except ValueError:
        if text.strip().isdigit():
            hint = f"write `{shown(text)} years`"
            source.refuse(node, "missing-unit", f"`{shown(text)}` is no age: it needs a unit", hint)
        else:
            hint = did_you_mean(text.split()[-1], _UNITS) or "write a whole number of years, months, weeks or days"
            source.refuse(node, "invalid-span", f"`{shown(text)}` is no age", hint)
        return None
    if age.unit == "hours":
        source.refuse(node, "wrong-unit", "an age is not counted in hours", "write years, months, weeks or days")
        return None
    if least_hours(*lasting(age)) > MAX_YEARS * 366 * 24:
        source.refuse(node, "invalid-number", f"nobody is {age} old")
        return None
    return age


_UNITS = ("years", "months", "weeks", "days")


def _between(source: Source, node: Node) -> tuple[Span | None, ...]:
    ends = source.items(node, "`between`")
    if len(ends) == 2:
        return tuple(_age(source, end) for end in ends)
    if ends:
        source.refuse(node, "wrong-comparison", "`between` has two ends", "write `between: [18 years, 65 years]`")
    return (None,)


def _next(age: Span) -> Span:
    return Span(age.number + 1, age.unit)


def _nobody(low: Span, below: Span) -> bool:
    (months, hours), (below_months, below_hours) = lasting(low), lasting(below)
    return least_hours(months - below_months, hours - below_hours) >= 0


def _words(spans: dict[str, list[Span]]) -> str:
    """The requirement as people say it: ``18 to 65 years``, ``at least 18 years``."""
    low, high = spans.get("at_least"), spans.get("at_most")
    ends = spans.get("between") or ([low[0], high[0]] if low and high else None)
    if ends:
        first, last = ends
        return f"{first.number} to {last}" if first.unit == last.unit else f"{first} to {last}"
    return " and ".join(f"{name.replace('_', ' ')} {span[0]}" for name, span in spans.items())
