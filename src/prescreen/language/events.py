"""Event leaves: something that is or was the case, is or was given, was done, or is planned."""

from __future__ import annotations

from dataclasses import replace

from prescreen.language.doses import read_amounts, read_bounds, read_counts, read_equivalent, read_lengths
from prescreen.language.model import (
    ANY_WINDOW,
    SCREENING,
    AllOf,
    AnyOf,
    AtLeastOf,
    Condition,
    Domain,
    Event,
    Not,
    Where,
    Window,
)
from prescreen.language.names import NOUNS, Names
from prescreen.language.source import Fields, Source
from prescreen.language.washout import Washout, half_life_of, is_washout, read_washout
from prescreen.language.windows import read_span, read_window
from prescreen.time import Span
from prescreen.yamlio import Node

DOMAINS: dict[str, Domain] = {noun: domain for domain, noun in NOUNS.items()}

_COMMON = ("within", "for_at_least", "at", "verification", "except")
_TREATMENT = ("status", "for", "route", "outcome", "dose", "daily_dose", "count", "lines", "stable_for")
OPTIONS: dict[Domain, tuple[str, ...]] = {
    "conditions": (*_COMMON, "by", "duration", "status", "severity", "site", "confirmed_by"),
    "treatments": (*_COMMON, "by", "duration", *_TREATMENT),
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
OF_WHOLE_LEAVES = ("except", "count", "lines", "stable_for")
"""Options that an exception has not: they speak of several records."""


def read_event(names: Names, domain: Domain, fields: Fields) -> Condition | None:
    """The condition of an event leaf: one leaf, or several where the codes' half-lives give them different windows."""
    read = _read_leaf(names, domain, fields, exception=False)
    if read is None:
        return None
    event, washout = read
    if "stable_for" in fields:
        return _stable(names, fields, event)
    return event if washout is None else _washed_out(names, fields, event, washout)


def _read_leaf(names: Names, domain: Domain, fields: Fields, exception: bool) -> tuple[Event, Washout | None] | None:
    """An event of the mapping's domain, and its window where that is in half-lives.

    exception: the mapping stands under `except`, where every status and certainty counts unless it says otherwise.
    """
    source, before = names.source, len(names.source.problems)
    codes = names.events(domain, fields.values[NOUNS[domain]])
    statuses = _statuses(source, domain, fields.get("status"), exception)
    verification = _verification(source, fields.get("verification"), exception)
    washout, window = _windows(names, domain, fields.get("within"))
    lasting, at = _lasting(names, fields)
    indication = names.events("conditions", fields.values["for"]) if "for" in fields else ()
    excepted = _excepted(names, domain, fields)
    words = {option: _words(source, fields, option) for option in _WORDS}
    daily = read_bounds(names, fields, "daily_dose")
    count, lines = (read_counts(source, read_bounds(names, fields, name), fields.get(name)) for name in _COUNTS)
    event = Event(
        domain=domain,
        codes=codes or (),
        window=window or ANY_WINDOW,
        statuses=statuses,
        for_at_least=lasting,
        at=at,
        verification=verification,
        excepted=excepted,
        indication=indication or (),
        dose=read_amounts(source, read_bounds(names, fields, "dose"), fields.get("dose"), daily=False),
        daily_dose=read_amounts(source, daily, fields.get("daily_dose"), daily=True),
        equivalent=read_equivalent(names, daily.equivalent, codes or ()),
        where=Where(fields.node.line, fields.node.column),
        count=count,
        lines=lines,
        by_start=_by_start(source, fields),
        duration=read_lengths(source, read_bounds(names, fields, "duration"), fields.get("duration")),
        severity=words["severity"],
        site=words["site"],
        confirmed_by=words["confirmed_by"],
        route=words["route"],
        outcome=words["outcome"],
    )
    if event.duration and all(names.catalogue.events[domain][code].momentary for code in event.codes):
        message = "what happens in a moment lasts no time"
        source.refuse(fields.keys["duration"], "wrong-comparison", message, "leave `duration` out")
    _together(source, fields)
    whole = codes is not None and indication is not None and (washout or window)
    return (event, washout) if whole and len(source.problems) == before else None


_COUNTS = ("count", "lines")
_APART = (
    ("count", "lines", "both count, in different ways"),
    ("lines", "for_at_least", "lines are counted among all records"),
    ("stable_for", "for_at_least", "both say how long it has lasted"),
    ("stable_for", "within", "it is counted back from the screening day, or from `at`"),
    ("stable_for", "status", "what is stable is ongoing"),
    ("stable_for", "count", "it speaks of one treatment"),
    ("stable_for", "lines", "it speaks of one treatment"),
)


def _together(source: Source, fields: Fields) -> None:
    """Refuse options that do not go together."""
    for one, other, why in _APART:
        if one in fields and other in fields:
            message = f"`{one}` and `{other}` do not go together: {why}"
            source.refuse(fields.keys[other], "wrong-comparison", message)


def _washed_out(names: Names, fields: Fields, event: Event, washout: Washout) -> Condition | None:
    """Each code with the windows of its own half-life, codes of the same windows together."""
    if event.lines or event.equivalent:
        message = "records that are counted or added up need one window for all"
        names.source.refuse(washout.node, "wrong-comparison", message, "write a window that is not in half-lives")
        return None
    by_code = _by_code(names, event, washout)
    if by_code is None:
        return None
    if event.count:
        plain = replace(event, count=())
        parts = [_in_windows(plain, (code,), windows, washout) for code, windows in by_code.items()]
        return _counted(parts, event)
    together: dict[tuple[Window, ...], tuple[str, ...]] = {}
    for code, windows in by_code.items():
        together[windows] = (*together.get(windows, ()), code)
    parts = [_in_windows(event, codes, windows, washout) for windows, codes in together.items()]
    return parts[0] if len(parts) == 1 else AnyOf(tuple(parts), event.where)


def _by_code(names: Names, event: Event, washout: Washout) -> dict[str, tuple[Window, ...]] | None:
    """The windows of each code; None where one has no half-life."""
    found: dict[str, tuple[Window, ...]] = {}
    for code in event.codes:
        half_life = half_life_of(names.source, washout, names.catalogue.events[event.domain][code])
        if washout.counts_half_lives and half_life is None:
            return None
        found[code] = washout.windows(half_life)
    return found


def _in_windows(event: Event, codes: tuple[str, ...], windows: tuple[Window, ...], washout: Washout) -> Condition:
    parts = tuple(replace(event, codes=codes, window=window) for window in windows)
    if len(parts) == 1:
        return parts[0]
    return AnyOf(parts, event.where) if washout.longest else AllOf(parts, event.where)


def _counted(parts: list[Condition], event: Event) -> Condition:
    """`count` over conditions of one code each."""
    bounds: list[Condition] = []
    for operator, number in event.count:
        least = AtLeastOf(number + (operator in ("above", "at_most")), tuple(parts), event.where)
        bounds.append(least if operator in ("at_least", "above") else Not(least, event.where))
    return bounds[0] if len(bounds) == 1 else AllOf(tuple(bounds), event.where)


def _stable(names: Names, fields: Fields, event: Event) -> Condition | None:
    """`stable_for`: ongoing for so long, and nothing of the same begun, stopped or changed since."""
    span = read_span(names.source, fields.values["stable_for"], "`stable_for`")
    if span is None:
        return None
    ongoing = replace(event, statuses=frozenset({"ongoing"}), for_at_least=span)
    change = replace(
        event,
        for_at_least=span,
        changed=True,
        dose=(),
        daily_dose=(),
        equivalent="",
        outcome=frozenset(),
        indication=(),
    )
    return AllOf((ongoing, Not(change, event.where)), event.where)


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


def _windows(names: Names, domain: Domain, node: Node | None) -> tuple[Washout | None, Window | None]:
    """A window, or one in half-lives; none of both where it cannot be read."""
    if node is None:
        return None, ANY_WINDOW
    if domain == "treatments" and is_washout(node):
        return read_washout(names.source, node, names.anchors), None
    return None, read_window(names.source, node, names.anchors)


def _by_start(source: Source, fields: Fields) -> bool:
    """`by: start`: the window is that of the beginning."""
    node = fields.get("by")
    if node is None:
        return False
    if "within" not in fields:
        source.refuse(fields.keys["by"], "missing-key", "`by` goes with `within`, which is missing")
    return source.choice(node, "`by`", ("start",)) is not None


def _lasting(names: Names, fields: Fields) -> tuple[Span | None, str]:
    """`for_at_least`, and the anchor up to which it is counted."""
    length, at = fields.get("for_at_least"), fields.get("at")
    if at and not length and "stable_for" not in fields:
        names.source.refuse(fields.keys["at"], "missing-key", "`at` goes with `for_at_least`, which is missing")
    span = read_span(names.source, length, "`for_at_least`") if length else None
    anchor = names.source.lookup(at, "anchor", [SCREENING, *names.anchors], "anchors") if at else SCREENING
    return span, anchor or SCREENING


def _excepted(names: Names, domain: Domain, fields: Fields) -> tuple[Event, ...]:
    node, source = fields.get("except"), names.source
    if node is None:
        return ()
    items = source.one_or_more(node, "`except`")
    return tuple(event for item in items for event in _exception(names, domain, item))


def _exception(names: Names, domain: Domain, node: Node) -> tuple[Event, ...]:
    """What does not count: a code whatever its status, or a mapping of the same domain with options."""
    source, noun = names.source, NOUNS[domain]
    if node.kind == "scalar":
        concept = names.event(domain, node)
        if concept is None:
            return ()
        every_status, any_certainty = frozenset(STATUSES[domain]), frozenset(VERIFICATIONS)
        where = Where(node.line, node.column)
        return (Event(domain, (concept.name,), ANY_WINDOW, every_status, verification=any_certainty, where=where),)
    options = [option for option in OPTIONS[domain] if option not in OF_WHOLE_LEAVES]
    for key, _ in node.pairs():
        if key.text in ("except", "unless"):
            hint = "write another condition beside this one"
            source.refuse(key, "wrong-type", "an exception has no exceptions of its own", hint)
            return ()
    fields = source.fields(node, f"an exception of a {noun}", (noun, *options), required=(noun,))
    read = _read_leaf(names, domain, fields, exception=True) if fields and noun in fields else None
    if read is None:
        return ()
    event, washout = read
    if event.equivalent:
        source.refuse(node, "wrong-comparison", "an exception removes single records: their doses are not added up")
        return ()
    if washout is None:
        return (event,)
    by_code = _by_code(names, event, washout) or {}
    if not washout.longest and any(len(windows) > 1 for windows in by_code.values()):
        source.refuse(washout.node, "invalid-window", "which of these is the shortest depends on the length of months")
    return tuple(
        replace(event, codes=(code,), window=window) for code, windows in by_code.items() for window in windows
    )


_WORDS = ("severity", "site", "confirmed_by", "route", "outcome")


def _words(source: Source, fields: Fields, option: str) -> frozenset[str]:
    """One or several words of an option, in lower case."""
    node = fields.get(option)
    if node is None:
        return frozenset()
    texts = [source.text(item, f"`{option}`") for item in source.one_or_more(node, f"`{option}`")]
    return frozenset(text.strip().casefold() for text in texts if text)
