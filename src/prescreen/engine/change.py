"""What time alone will change: the day on which a criterion turns, and when to screen again (semantics §7).

A leaf's truth can change only on days at which one of its records, or the candidate's age, crosses an edge of a
window. Those days are collected, a few too many rather than one too few, and the criterion is evaluated on each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from prescreen.candidate.facts import EventFact, Facts, Result
from prescreen.engine.cases import Budget, truth_of
from prescreen.engine.compile import CompiledCriterion, CompiledTrial, Node
from prescreen.engine.setting import HORIZON, Setting, depends_on_day_only
from prescreen.language.model import SCREENING, Age, Event, Observation, Window
from prescreen.time import (
    DAY,
    EARLIEST,
    EARLIEST_DAY,
    LATEST,
    LATEST_DAY,
    Span,
    completed_years,
    parse_when,
    shift_day,
    unshift_day,
)
from prescreen.truth import FALSE, TRUE, Truth

MOST_DAYS: Final = 2_000
MOST_LOOKS: Final = 200_000  # days times records; a candidate with more is told no turning day rather than kept waiting
_FAR: Final = 10  # days: more than clipped months make the way back uneven by

Turn = tuple[int, Truth]


class Later:
    """What time alone brings a candidate: the days on which each leaf may change, and the evaluations of those days.

    Both are shared by the criteria of a report.
    """

    __slots__ = ("_days", "_firsts", "_settings", "compiled", "last", "most", "setting")

    def __init__(self, compiled: CompiledTrial, setting: Setting) -> None:
        self.compiled = compiled
        self.setting = setting
        self.last = setting.windows.horizon
        self.most = max(10, min(MOST_DAYS, MOST_LOOKS // (1 + setting.facts.size)))
        self._days: list[tuple[int, ...] | None] = [None] * compiled.leaf_count
        self._firsts = [LATEST_DAY] * compiled.leaf_count
        self._settings: dict[int, Setting] = {}

    def days(self, node: Node) -> tuple[int, ...]:
        """The later days, up to the horizon, on which a leaf's truth may change."""
        days = self._days[node.number]
        if days is None:
            setting = self.setting
            today, last = setting.day, setting.windows.horizon
            found = _days(node, setting, self.compiled)
            days = self._days[node.number] = tuple([day for day in found if today < day <= last])
            if days:
                self._firsts[node.number] = min(days)
        return days

    def on(self, day: int, criterion: CompiledCriterion) -> Setting:
        """The evaluation of a later day; what a leaf of the criterion found today still holds before its first day."""
        later = self._settings.get(day)
        if later is None:
            later = self._settings[day] = self.compiled.setting(self.setting.facts, day, self.setting.ranges)
        found, now, firsts = later.found, self.setting.found, self._firsts
        for number in criterion.numbers:
            if found[number] is None and firsts[number] > day:
                found[number] = now[number]
        return later


def turning(criterion: CompiledCriterion, truth: Truth, later: Later) -> Turn | None:
    """The first later day within ten years on which the truth is another, and which; None: none."""
    days: set[int] = set()
    for node in criterion.timed:
        days.update(later.days(node))
    if criterion.repeats:
        days.update(day for day in _ages_apart(criterion, later.setting) if later.setting.day < day <= later.last)
    if not days:
        return None
    budget = Budget()
    trial = later.compiled.trial
    for day in sorted(days)[: later.most]:
        then = truth_of(criterion, later.on(day, criterion), trial, budget)
        if budget.left < 0:
            return None  # too much to tell apart: nothing is said rather than something wrong
        if then is not truth:
            return day, then
    return None


def _ages_apart(criterion: CompiledCriterion, setting: Setting) -> Iterator[int]:
    """Days that lie as far from an anchor as one age from another: two ages of one partly known birth date."""
    ages = [node.condition for node in criterion.timed if isinstance(node.condition, Age)]
    for age in ages:
        for other in ages:
            anchor = None if other.anchor == SCREENING else setting.anchor(other.anchor)
            if age.anchor != SCREENING or anchor is None:
                continue
            for here in (age.low, age.below):
                for there in (other.low, other.below):
                    if here is not None and there is not None:
                        for edge in {anchor.first_day, anchor.last_day}:
                            day = shift_day(shift_day(edge, there, -1), here, 1)
                            yield from range(day - _FAR, day + _FAR)


def rescreening_day(later: Later, truths: list[Truth], turns: list[Turn | None]) -> int | None:
    """The first day without a failed criterion, for a candidate who fails only on what time will turn.

    truths, turns: of each criterion, on the screening day.
    """
    compiled, setting = later.compiled, later.setting
    last = setting.windows.horizon
    for _ in range(MOST_DAYS):
        failed = [place for place, c in enumerate(compiled.criteria) if _fails(c, truths[place])]
        if not failed:
            return later.setting.day if later.setting is not setting else None
        days = [turn[0] for place in failed if (turn := turns[place]) is not None]
        if len(days) < len(failed) or max(days) > last:
            return None
        later = Later(compiled, compiled.setting(setting.facts, max(days), setting.ranges))
        truths = [truth_of(c, later.setting, compiled.trial) for c in compiled.criteria]
        turns = [
            turning(c, truth, later) if _fails(c, truth) else None
            for c, truth in zip(compiled.criteria, truths, strict=True)
        ]
    return None


def _fails(criterion: CompiledCriterion, truth: Truth) -> bool:
    return truth is (TRUE if criterion.excludes else FALSE)


def _days(node: Node, setting: Setting, compiled: CompiledTrial) -> Iterable[int]:
    facts, leaf = setting.facts, node.condition
    found = setting.found[node.number]
    constant = None if found is None else found.constant
    match leaf:
        case Observation():
            if constant is None:
                concept = compiled.trial.catalogue.observations[leaf.code]
                days = _observation_days(leaf, concept.inputs, facts, setting)
                return days if concept.expression is None or facts.birth is None else days + _birthdays(facts, setting)
        case Event():
            if constant is not None and leaf.domain not in facts.complete and not leaf.excepted:
                return ()  # no record and no declaration: nothing that a day could change
            records = facts.events.get(leaf.domain, ()) if found is None else found.seen
            days = _event_days(leaf, facts, records, setting.day)
            for event in (leaf, *leaf.excepted):
                days += _anchored_days(event.window, setting)
            if leaf.at != SCREENING and leaf.for_at_least is not None:
                days += _lasted_by(leaf.at, leaf.for_at_least, setting)
                if leaf.changed and (anchor := setting.anchor(leaf.at)) is not None:
                    days += (anchor.first_day, anchor.last_day, anchor.last_day + 1)
            return days
        case Age() if leaf.anchor == SCREENING and facts.birth is not None:
            birth = facts.birth
            spans = [span for span in (leaf.low, leaf.below) if span is not None]
            return [shift_day(day, span, 1) for span in spans for day in {birth.first_day, birth.last_day}]
        case _:
            pass
    return ()


def _observation_days(leaf: Observation, inputs: tuple[str, ...], facts: Facts, setting: Setting) -> list[int]:
    days = _anchored_days(leaf.window, setting)
    today = setting.day
    for code in (leaf.code, *inputs):
        relevant: Iterable[Result] = facts.results.get(code, ())
        if leaf.select.how == "latest" and not inputs and not leaf.changes and leaf.without is None:
            relevant = _newest(facts.results.get(code, ()), setting)
        for result in relevant:
            first, last = result.low // DAY, result.high // DAY
            if last >= today:
                days += (first, last, last + 1)
            days += _ends(leaf.window, first, today)
            if last != first:
                days += _ends(leaf.window, last, today)
            if leaf.without is not None and first < last and last >= today:
                days += range(today, min(last, today + MOST_DAYS) + 1)  # each day the sample may be of one day more
    return days


def _birthdays(facts: Facts, setting: Setting) -> list[int]:
    """The days up to the horizon on which an age may change."""
    assert facts.birth is not None
    ages = range(completed_years(facts.birth.last_day, setting.day), 131) if facts.birth.last_day <= setting.day else ()
    found: list[int] = []
    for age in ages[: HORIZON.number + 2]:
        span = Span(age + 1, "years")
        found += (shift_day(facts.birth.first_day, span, 1), shift_day(facts.birth.last_day, span, 1))
    return found


def _newest(results: tuple[Result, ...], setting: Setting) -> Iterator[Result]:
    """Of results sorted newest first: those not yet over, and the newest of the others where that is plain."""
    for position, result in enumerate(results):
        yield result
        if result.high <= setting.now and (position + 1 == len(results) or results[position + 1].high < result.low):
            return


def _event_days(leaf: Event, facts: Facts, records: tuple[EventFact, ...], today: int) -> list[int]:
    days: list[int] = []
    declared = facts.complete.get(leaf.domain)
    if declared is not None and declared.through is not None:
        _add_covered(days, leaf, {declared.through.first_day, declared.through.last_day}, today)
    for record in records:
        _add_record(days, leaf, record, today)
    return days


def _add_record(days: list[int], leaf: Event, record: EventFact, today: int) -> None:
    """Days on which a record begins or ends, enters or leaves the window, or has lasted long enough."""
    edges: set[int] = set()
    for when in (record.start, record.end):
        if when is not None:
            edges |= {when.first_day, when.last_day}
    if record.denies:
        own = getattr(record.record, "date", None)
        if own is not None:
            edges |= {parse_when(own).first_day, parse_when(own).last_day}
        _add_covered(days, leaf, edges, today)
        return
    for edge in edges:
        if edge >= today:
            days += (edge, edge + 1)
        days += _ends(leaf.window, edge, today)
        if leaf.for_at_least is not None and leaf.at == SCREENING:
            days += _moved(edge, leaf.for_at_least)
        for _, span in leaf.duration:
            for day in _moved(edge, span):
                days += (day, day + 1)
    for exception in leaf.excepted:
        _add_record(days, exception, record, today)


def _add_covered(days: list[int], leaf: Event, edges: Iterable[int], today: int) -> None:
    """Days on which what is denied up to an edge no longer reaches as far as the leaf looks."""
    for edge in edges:
        days.append(edge + 1)
        days += _ends(leaf.window, edge, today)
        if leaf.for_at_least is not None:
            days += _moved(edge + 1, leaf.for_at_least)


def _anchored_days(window: Window, setting: Setting) -> list[int]:
    """Days on which the screening day passes an end of a window that hangs on an anchor."""
    days: list[int] = []
    if not depends_on_day_only(window):
        for instant in setting.bounds(window):
            if EARLIEST < instant < LATEST:
                day = instant // DAY
                days += (day, day + 1)
                for edge in (day - 1, day, day + 1):
                    days += _ends(window, edge, setting.day)
    return days


def _lasted_by(name: str, span: Span, setting: Setting) -> Iterator[int]:
    """Days on which the screening day passes the last beginning of what has lasted so long at an anchor."""
    anchor = setting.anchor(name)
    if anchor is not None:
        for day in (anchor.first_day, anchor.last_day):
            back = day - span.number // 24 if span.unit == "hours" else unshift_day(day, span)
            yield from range(back - 1, back + 3)


def _ends(window: Window, edge: int, today: int) -> list[int]:
    """Screening days after today on which a moving end of a window reaches or passes a day."""
    days: list[int] = []
    for end in (window.start, window.end):
        if end is not None and end.anchor == SCREENING and end.span is not None:
            days += _crossing(edge, end.span, end.sign, today)
    return days


def _crossing(edge: int, span: Span, sign: int, today: int) -> Iterable[int]:
    """Screening days on which a moved end of a window reaches a day, and passes it; none where both are long past."""
    if span.unit == "hours":
        day = edge - sign * (span.number // 24)
        return range(day - 1, day + 4)
    if span.unit in ("days", "weeks"):
        day = shift_day(edge, span, -sign)
        return (day, day + 1)
    months = span.number * (12 if span.unit == "years" else 1)
    if edge + (31 * months if sign < 0 else 0) + _FAR < today:
        return ()
    day = shift_day(edge, span, -sign)
    # Clipped months make the way back uneven by up to three days.
    while day > EARLIEST_DAY and shift_day(day - 1, span, sign) >= edge:
        day -= 1
    while day < LATEST_DAY and shift_day(day, span, sign) < edge:
        day += 1
    past = day
    while past < LATEST_DAY and shift_day(past, span, sign) <= edge:
        past += 1
    return (day, past)


def _moved(edge: int, span: Span) -> Iterator[int]:
    if span.unit == "hours":
        yield from range(edge + span.number // 24, edge + span.number // 24 + 3)
    else:
        yield shift_day(edge, span, 1)
