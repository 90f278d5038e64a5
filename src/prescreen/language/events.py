"""Event leaves: something that is or was the case, is or was given, was done, or is planned."""

from __future__ import annotations

from fractions import Fraction

from prescreen.language.comparisons import OPERATORS, contradictory, read_number
from prescreen.language.model import ANY_WINDOW, SCREENING, Amount, Domain, Event, Operator, Where, Window
from prescreen.language.names import NOUNS, Names
from prescreen.language.source import Fields, Source, listed, shown
from prescreen.language.windows import read_span, read_window
from prescreen.time import Span
from prescreen.yamlio import Node

DOMAINS: dict[str, Domain] = {noun: domain for domain, noun in NOUNS.items()}

_COMMON = ("within", "for_at_least", "at", "verification", "except")
_NOT_YET = {"treatments": ("lines", "stable_for", "as")}
OPTIONS: dict[Domain, tuple[str, ...]] = {
    "conditions": (*_COMMON, "status", "severity", "site", "confirmed_by"),
    "treatments": (*_COMMON, "status", "for", "route", "outcome", "dose", "daily_dose", "count"),
    "procedures": (*_COMMON, "status", "site"),
    "allergies": (*_COMMON, "severity"),
}
"""The options of each domain: those that a record of a candidate can answer."""

STATUSES: dict[Domain, tuple[str, ...]] = {
    "conditions": ("active", "remission", "resolved"),
    "treatments": ("ongoing", "completed", "planned"),
    "procedures": ("completed", "planned"),
    "allergies": (),
}
VERIFICATIONS = ("confirmed", "provisional")
_MAX_COUNT = 1000


def event_options(domain: Domain) -> tuple[str, ...]:
    """Every option that may stand beside the key of a domain, those not supported yet included."""
    return (*OPTIONS[domain], *_NOT_YET.get(domain, ()))


def read_event(names: Names, domain: Domain, fields: Fields, exception: bool = False) -> Event | None:
    """An event of the mapping's domain.

    exception: the mapping stands under `except`, where every status and certainty counts unless it says otherwise.
    """
    source, before = names.source, len(names.source.problems)
    for option in _NOT_YET.get(domain, ()):
        if option in fields:
            source.refuse(fields.keys[option], "not-yet", f"`{option}` is not supported yet")
            return None
    codes = names.events(domain, fields.values[NOUNS[domain]])
    statuses = _statuses(source, domain, fields.get("status"), exception)
    verification = _verification(source, fields.get("verification"), exception)
    window = _window(names, fields.get("within"))
    lasting, at = _lasting(names, fields)
    indication = names.events("conditions", fields.values["for"]) if "for" in fields else ()
    excepted = _excepted(names, domain, fields)
    words = {option: _words(source, fields, option) for option in _WORDS}
    dose = _amounts(source, fields, "dose")
    daily_dose = _amounts(source, fields, "daily_dose")
    count = _count(source, fields)
    if codes is None or indication is None or window is None or len(source.problems) > before:
        return None
    return Event(
        domain=domain,
        codes=codes,
        window=window,
        statuses=statuses,
        for_at_least=lasting,
        at=at,
        verification=verification,
        excepted=excepted,
        indication=indication,
        dose=dose,
        daily_dose=daily_dose,
        count=count,
        where=Where(fields.node.line, fields.node.column),
        **words,
    )


def statuses_of(domain: Domain, status: str) -> frozenset[str]:
    """The statuses that a word of the rule language stands for: `ever` leaves out what is planned."""
    return frozenset(STATUSES[domain]) - {"planned"} if status == "ever" else frozenset({status})


def _statuses(source: Source, domain: Domain, node: Node | None, exception: bool) -> frozenset[str]:
    if node is None:
        return frozenset(STATUSES[domain]) if exception else statuses_of(domain, "ever")
    what = f"the status of a {NOUNS[domain]}"
    words = [source.choice(item, what, (*STATUSES[domain], "ever")) for item in source.one_or_more(node, what)]
    return frozenset().union(*(statuses_of(domain, word) for word in words if word))


def _verification(source: Source, node: Node | None, exception: bool) -> frozenset[str]:
    if node is None:
        return frozenset(VERIFICATIONS if exception else ("confirmed",))
    items = source.one_or_more(node, "`verification`")
    return frozenset(word for item in items if (word := source.choice(item, "`verification`", VERIFICATIONS)))


def _window(names: Names, node: Node | None) -> Window | None:
    return read_window(names.source, node, names.anchors) if node else ANY_WINDOW


def _lasting(names: Names, fields: Fields) -> tuple[Span | None, str]:
    """`for_at_least`, and the anchor up to which it is counted."""
    length, at = fields.get("for_at_least"), fields.get("at")
    if at and not length:
        names.source.refuse(fields.keys["at"], "missing-key", "`at` goes with `for_at_least`, which is missing")
    span = read_span(names.source, length, "`for_at_least`") if length else None
    anchor = names.source.lookup(at, "anchor", [SCREENING, *names.anchors], "anchors") if at else SCREENING
    return span, anchor or SCREENING


def _excepted(names: Names, domain: Domain, fields: Fields) -> tuple[Event, ...]:
    node, source = fields.get("except"), names.source
    if node is None:
        return ()
    found = [_exception(names, domain, item) for item in source.one_or_more(node, "`except`")]
    return tuple(event for event in found if event)


def _exception(names: Names, domain: Domain, node: Node) -> Event | None:
    """What does not count: a code whatever its status, or a mapping of the same domain with options."""
    source, noun = names.source, NOUNS[domain]
    if node.kind == "scalar":
        concept = names.event(domain, node)
        if concept is None:
            return None
        every_status, any_certainty = frozenset(STATUSES[domain]), frozenset(VERIFICATIONS)
        where = Where(node.line, node.column)
        return Event(domain, (concept.name,), ANY_WINDOW, every_status, verification=any_certainty, where=where)
    options = [option for option in event_options(domain) if option not in ("except", "count")]
    for key, _ in node.pairs():
        if key.text in ("except", "unless"):
            hint = "write another condition beside this one"
            source.refuse(key, "wrong-type", "an exception has no exceptions of its own", hint)
            return None
    fields = source.fields(node, f"an exception of a {noun}", (noun, *options), required=(noun,))
    return read_event(names, domain, fields, exception=True) if fields and noun in fields else None


_WORDS = ("severity", "site", "confirmed_by", "route", "outcome")


def _words(source: Source, fields: Fields, option: str) -> frozenset[str]:
    """One or several words of an option, in lower case."""
    node = fields.get(option)
    if node is None:
        return frozenset()
    texts = [source.text(item, f"`{option}`") for item in source.one_or_more(node, f"`{option}`")]
    return frozenset(text.strip().casefold() for text in texts if text)


_MILLIGRAMS = {
    "g": Fraction(1000),
    "mg": Fraction(1),
    "ug": Fraction(1, 1000),
    "µg": Fraction(1, 1000),
    "μg": Fraction(1, 1000),
    "mcg": Fraction(1, 1000),
}
_PER_DAY = ("/day", "/d")


def _amounts(source: Source, fields: Fields, option: str) -> tuple[Amount, ...]:
    """The bounds of `dose` (in mg) or `daily_dose` (in mg/day)."""
    found: list[Amount] = []
    for operator, node in _bounds(source, fields, option):
        if amount := _amount(source, node, operator, daily=option == "daily_dose"):
            found.append(amount)
    if contradictory([(amount.operator, amount.number) for amount in found]):
        source.refuse(fields.values[option], "empty-comparison", f"no {option.replace('_', ' ')} meets these bounds")
    return tuple(found)


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


def _count(source: Source, fields: Fields) -> tuple[tuple[Operator, int], ...]:
    found: list[tuple[Operator, int]] = []
    for operator, node in _bounds(source, fields, "count"):
        number = source.whole(node, "a count", 0, _MAX_COUNT)
        if number is not None:
            found.append((operator, number))
    if contradictory([(operator, Fraction(number)) for operator, number in found]):
        source.refuse(fields.values["count"], "empty-comparison", "no count meets these bounds")
    return tuple(found)


def _bounds(source: Source, fields: Fields, option: str) -> list[tuple[Operator, Node]]:
    """The bounds under an option as operators and nodes, `between` as two of them."""
    node = fields.get(option)
    if node is None:
        return []
    bounds = source.fields(node, f"`{option}`", (*OPERATORS, "between", "as", "per_cohort"))
    if bounds is None:
        return []
    for name in ("as", "per_cohort"):
        if name in bounds:
            source.refuse(bounds.keys[name], "not-yet", f"`{name}` is not supported yet")
            return []
    if not bounds.values and not bounds.misspelt:
        source.refuse(node, "no-comparison", f"`{option}` needs a bound: one of {listed(OPERATORS, 'or')}")
    found: list[tuple[Operator, Node]] = [(name, bounds.values[name]) for name in OPERATORS if name in bounds]
    if ends := bounds.get("between"):
        both = source.items(ends, "`between`")
        if len(both) == 2:
            found += [("at_least", both[0]), ("at_most", both[1])]
        elif both:
            source.refuse(ends, "wrong-comparison", "`between` has two ends", "write `between: [a, b]`")
    return found
