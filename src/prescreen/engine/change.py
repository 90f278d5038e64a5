"""What time alone will change: the day on which a criterion turns, and when to screen again (semantics §7).

A leaf's truth can change only on days at which one of its records, or the candidate's age, crosses an edge of a window. Those
days are collected, a few too many rather than one too few, and the criterion is evaluated on each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from prescreen.candidate.facts import EventFact, Facts, Result
from prescreen.catalogue import Catalogue
from prescreen.engine.cases import Budget, truth_of
from prescreen.engine.compile import CompiledCriterion, CompiledTrial, Node
from prescreen.engine.setting import Setting, depends_on_day_only
from prescreen.language.model import SCREENING, Age, Event, Moment, Observation, Window
from prescreen.time import DAY, EARLIEST, EARLIEST_DAY, LATEST, LATEST_DAY, Span, parse_when, shift_day, unshift_day
from prescreen.truth import FALSE, TRUE, Truth

MOST_DAYS: Final = 2_000
MOST_LOOKS: Final = 200_000  # days times records; a candidate with more is told no turning day rather than kept waiting


def turning(
    criterion: CompiledCriterion, setting: Setting, truth: Truth, compiled: CompiledTrial
) -> tuple[int, Truth] | None:
    """The first later day within ten years on which the truth is another, and which; None: none."""
    today = setting.day
    last = setting.windows.horizon
    days: set[int] = set()
    firsts: dict[int, int] = {}
    for node in criterion.timed:
        own = [day for day in _days(node, setting, compiled.trial.catalogue) if today < day <= last]
        if own:
            firsts[node.number] = min(own)
            days.update(own)
    budget = Budget()
    most = max(10, min(MOST_DAYS, MOST_LOOKS // (1 + setting.facts.size)))
    for day in sorted(days)[:most]:
        later = compiled.setting(setting.facts, day, setting.ranges)
        for number in criterion.numbers:
            if firsts.get(number, LATEST_DAY) > day:
                later.found[number] = setting.found[number]  # nothing has changed for this leaf
        then = truth_of(criterion, later, compiled.trial, budget)
        if budget.left < 0:
            return None  # too much to tell apart: nothing is said rather than something wrong
        if then is not truth:
            return day, then
    return None


def rescreening_day(compiled: CompiledTrial, setting: Setting, truths: list[Truth]) -> int | None:
    """The first day without a failed criterion, for a candidate who fails only on what time will turn."""
    last = setting.windows.horizon
    here, now = setting, truths
    for _ in range(MOST_DAYS):
        failed = [c for c, truth in zip(compiled.criteria, now, strict=True) if _fails(c, truth)]
        if not failed:
            return here.day if here is not setting else None
        turns = [turning(c, here, now[compiled.criteria.index(c)], compiled) for c in failed]
        days = [turn[0] for turn in turns if turn is not None]
        if len(days) < len(failed) or max(days) > last:
            return None
        here = compiled.setting(setting.facts, max(days), setting.ranges)
        now = [truth_of(c, here, compiled.trial) for c in compiled.criteria]
    return None


def _fails(criterion: CompiledCriterion, truth: Truth) -> bool:
    return truth is (TRUE if criterion.excludes else FALSE)


def _days(node: Node, setting: Setting, catalogue: Catalogue) -> Iterator[int]:
    facts, leaf = setting.facts, node.condition
    match leaf:
        case Observation():
            if setting.found[node.number] is None or setting.found[node.number].constant is None:
                yield from _observation_days(leaf, catalogue.observations[leaf.code].inputs, facts, setting)
        case Event():
            found = setting.found[node.number]
            records = facts.events.get(leaf.domain, ()) if found is None else found.seen
            yield from _event_days(leaf, facts, records)
            for event in (leaf, *leaf.excepted):
                yield from _anchored_days(event.window, setting)
            if leaf.at != SCREENING and leaf.for_at_least is not None:
                yield from _lasted_by(leaf.at, leaf.for_at_least, setting)
        case Age() if leaf.anchor == SCREENING and facts.birth is not None:
            for span in (leaf.low, leaf.below):
                if span is not None:
                    yield shift_day(facts.birth.first_day, span, 1)
                    yield shift_day(facts.birth.last_day, span, 1)
        case _:
            pass


def _observation_days(leaf: Observation, inputs: tuple[str, ...], facts: Facts, setting: Setting) -> Iterator[int]:
    yield from _anchored_days(leaf.window, setting)
    codes = (leaf.code, *inputs)
    for code in codes:
        relevant: Iterable[Result] = facts.results.get(code, ())
        if leaf.select.how == "latest" and len(codes) == 1:
            relevant = _newest(facts.results.get(code, ()), setting)
        for result in relevant:
            yield from _crossings(leaf.window, result.low // DAY, result.high // DAY, setting.day)


def _newest(results: tuple[Result, ...], setting: Setting) -> Iterator[Result]:
    """Of results sorted newest first: those not yet over, and the newest of the others where that is plain."""
    for position, result in enumerate(results):
        yield result
        if result.high <= setting.now and (position + 1 == len(results) or results[position + 1].high < result.low):
            return


def _event_days(leaf: Event, facts: Facts, records: tuple[EventFact, ...]) -> Iterator[int]:
    declared = facts.complete.get(leaf.domain)
    if declared is not None and declared.through is not None:
        for edge in (declared.through.first_day, declared.through.last_day):
            yield edge + 1
            yield from _ends(leaf.window, edge)
            if leaf.for_at_least is not None:
                yield from _moved(edge + 1, leaf.for_at_least)
    for record in records:
        yield from _record_days(leaf, record)


def _record_days(leaf: Event, record: EventFact) -> Iterator[int]:
    edges = [day for when in (record.start, record.end) if when is not None for day in (when.first_day, when.last_day)]
    if record.denies:
        own = getattr(record.record, "date", None)
        if own is not None:
            edges += [parse_when(own).first_day, parse_when(own).last_day]
        for edge in edges:
            yield edge + 1
            yield from _ends(leaf.window, edge)
            if leaf.for_at_least is not None:
                yield from _moved(edge + 1, leaf.for_at_least)
        return
    for edge in edges:
        yield from _crossings(leaf.window, edge, edge, EARLIEST_DAY)
        if leaf.for_at_least is not None and leaf.at == SCREENING:
            yield from _moved(edge, leaf.for_at_least)
    for exception in leaf.excepted:
        yield from _record_days(exception, record)


def _anchored_days(window: Window, setting: Setting) -> Iterator[int]:
    """Days on which the screening day passes an end of a window that hangs on an anchor."""
    if not depends_on_day_only(window):
        for instant in setting.bounds(window):
            if EARLIEST < instant < LATEST:
                day = instant // DAY
                yield from (day, day + 1)
                for edge in (day - 1, day, day + 1):
                    yield from _ends(window, edge)


def _lasted_by(name: str, span: Span, setting: Setting) -> Iterator[int]:
    """Days on which the screening day passes the last beginning of what has lasted so long at an anchor."""
    anchor = setting.anchor(name)
    if anchor is not None:
        for day in (anchor.first_day, anchor.last_day):
            back = day - span.number // 24 if span.unit == "hours" else unshift_day(day, span)
            yield from range(back - 1, back + 3)


def _crossings(window: Window, first: int, last: int, today: int) -> Iterator[int]:
    """Days on which something of the days first to last comes into sight, or enters or leaves a window."""
    if last >= today:
        yield first
        yield from (last, last + 1)
    for edge in {first, last}:
        yield from _ends(window, edge)


def _ends(window: Window, edge: int) -> Iterator[int]:
    """Screening days on which a moving end of a window reaches or passes a day."""
    for end in (window.start, window.end):
        if end is not None and end.anchor == SCREENING and end.span is not None:
            yield from _crossing(edge, end)


def _crossing(edge: int, end: Moment) -> Iterator[int]:
    """Screening days on which a moved end of a window reaches a day, and passes it."""
    span = end.span
    assert span is not None
    if span.unit == "hours":
        day = edge - end.sign * (span.number // 24)
        yield from range(day - 1, day + 4)
        return
    day = shift_day(edge, span, -end.sign)
    if span.unit in ("days", "weeks"):
        yield from (day, day + 1)
        return
    # Clipped months make the way back uneven by up to three days.
    while day > EARLIEST_DAY and shift_day(day - 1, span, end.sign) >= edge:
        day -= 1
    while day < LATEST_DAY and shift_day(day, span, end.sign) < edge:
        day += 1
    yield day
    while day < LATEST_DAY and shift_day(day, span, end.sign) <= edge:
        day += 1
    yield day


def _moved(edge: int, span: Span) -> Iterator[int]:
    if span.unit == "hours":
        yield from range(edge + span.number // 24, edge + span.number // 24 + 3)
    else:
        yield shift_day(edge, span, 1)
