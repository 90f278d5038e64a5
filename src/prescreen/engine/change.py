"""What time alone will change: the day on which a criterion turns, and when to screen again (semantics §7).

A leaf's truth can change only on days at which one of its records, or the candidate's age, crosses an edge of a
window. Those days are collected, a few too many rather than one too few, and the criterion is evaluated on each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from prescreen.candidate.facts import EventFact, Facts, Result
from prescreen.engine import events, person, results
from prescreen.engine.cases import Budget, cost_of, truth_of
from prescreen.engine.compile import CompiledCriterion, CompiledTrial, LeafNode, share
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
    shift_day,
    unshift_day,
)
from prescreen.truth import FALSE, TRUE, UNKNOWN, Truth

MOST_DAYS: Final = 2_000
MOST_LOOKS: Final = 200_000  # days times records; a candidate with more is told no turning day rather than kept waiting
_FAR: Final = 10  # days: more than clipped months make the way back uneven by

Turn = tuple[int, Truth]
_NO_LEAF: Final = -1
_FOREVER: Final = LATEST_DAY + 2


class Changes:
    """The later days, in order, on which a leaf's truth may be another than before, and which (None: to be seen)."""

    __slots__ = ("days", "truths")

    def __init__(self, days: tuple[int, ...], truths: tuple[Truth, ...] | None = None) -> None:
        self.days = days
        self.truths = truths


_NEVER: Final = Changes(())
_LEFT: Final[tuple[Truth, ...]] = (UNKNOWN,)


class Later:
    """What time alone brings a candidate: the days on which each leaf may change, and the evaluations of those days.

    Both are shared by the criteria of a report. last: the last day of which something is told.
    """

    __slots__ = ("_changes", "_days", "_settings", "compiled", "last", "most", "setting")

    def __init__(self, compiled: CompiledTrial, setting: Setting) -> None:
        self.compiled = compiled
        self.setting = setting
        self.last = setting.windows.horizon
        self.most = max(10, min(MOST_DAYS, MOST_LOOKS // (1 + setting.facts.size)))
        self._days: list[tuple[int, ...] | None] = [None] * compiled.leaf_count
        self._changes: list[Changes | None] = [None] * compiled.leaf_count
        self._settings: dict[int, Setting] = {}

    def days(self, node: LeafNode) -> tuple[int, ...]:
        """The later days, up to the horizon and in order, on which what a leaf finds may change."""
        days = self._days[node.number]
        if days is None:
            setting = self.setting
            today, last = setting.day, setting.windows.horizon
            days = tuple(sorted({day for day in _days(node, setting, self.compiled) if today < day <= last}))
            # What no record is in is shared with others, who may have fewer records.
            most = self.most if node.find(setting).constant is None else MOST_DAYS
            if len(days) > most:
                self.last = min(self.last, days[most])  # what lies further on is not looked at, nor told
                days = days[:most]
            self._days[node.number] = days
        return days

    def changes(self, node: LeafNode) -> Changes:
        """What time alone may change of a leaf's truth."""
        changes = self._changes[node.number]
        if changes is None:
            changes = self._changes[node.number] = self._changed(node)
        return changes

    def _changed(self, node: LeafNode) -> Changes:
        setting = self.setting
        found = node.find(setting)
        if found.constant is not None:
            # No record of the candidate's is in it: what becomes of it, it shares with many.
            key = (setting.day, found.constant)
            shared: Changes | None = node.shared.get(key)
            if shared is None:
                shared = self._looked_at(node, found.truth)
                share(node.shared, key, shared)
            return shared
        if node.moves_on and isinstance(found, results.Found) and len(found.results) < 2:
            leaving = _leaving(node, found.results, setting)
            if leaving is not None:
                return Changes((leaving,), _LEFT) if found.truth is not UNKNOWN and leaving <= self.last else _NEVER
        return Changes(self.days(node))

    def _looked_at(self, node: LeafNode, truth: Truth) -> Changes:
        days, truths = [], []
        for day in self.days(node):
            now = node.evaluate(self.on(day))
            if now is not truth:
                days.append(day)
                truths.append(now)
                truth = now
        return Changes(tuple(days), tuple(truths))

    def on(self, day: int) -> Setting:
        """The evaluation of a later day."""
        later = self._settings.get(day)
        if later is None:
            later = self._settings[day] = self.setting.on(day, self.compiled.windows_on(day))
        return later


def _leaving(node: LeafNode, found: tuple[Result, ...], setting: Setting) -> int | None:
    """The day on which the one result that counts leaves a window that only moves on, after which none is left.

    None where that is not all that can happen: another result may come in, or count once this one has left.
    """
    leaf = node.condition
    assert isinstance(leaf, Observation)
    assert leaf.window.start is not None
    assert leaf.window.start.span is not None
    on_file = setting.facts.results.get(leaf.code, ())
    if not on_file or on_file[0].high > setting.now or (leaf.select.how != "latest" and len(on_file) > 1):
        return None
    if not found:
        return LATEST_DAY
    (day,) = _crossing(found[0].low // DAY, leaf.window.start.span, -1, setting.day, past=True) or (LATEST_DAY,)
    return day


def turning(criterion: CompiledCriterion, truth: Truth, later: Later) -> Turn | None:
    """The first later day within ten years on which the truth is another, and which; None: none."""
    numbers: list[int] = []
    ahead: list[Changes] = []  # of each leaf that may change, by place in `numbers`
    for node in criterion.timed:
        changes = later.changes(node)
        if changes.days:
            numbers.append(node.number)
            ahead.append(changes)
    repeats = criterion.repeats_in(later.setting)
    if repeats:
        # What is open may settle the truth although no leaf's own changes.
        days = {day for node in criterion.timed for day in later.days(node)}
        days.update(day for day in _ages_apart(criterion, later.setting) if later.setting.day < day <= later.last)
        if days:
            numbers.append(_NO_LEAF)
            ahead.append(Changes(tuple(sorted(days))))
    if not numbers:
        return None
    then = later.setting.as_found()
    budget = Budget(cost_of(criterion, later.setting))
    next_ones = [0] * len(numbers)
    while True:
        day = _FOREVER
        for place, changes in enumerate(ahead):
            if next_ones[place] < len(changes.days):
                day = min(day, changes.days[next_ones[place]])
        if day > later.last:
            return None
        for place, changes in enumerate(ahead):
            at = next_ones[place]
            if at < len(changes.days) and changes.days[at] == day:
                number = numbers[place]
                if changes.truths is not None:
                    then.found[number] = person.FOUND[changes.truths[at]]
                elif number != _NO_LEAF:
                    then.found[number] = later.compiled.leaves[number].find(later.on(day))
                next_ones[place] = at + 1
        other = criterion.root.evaluate(then)
        if other is UNKNOWN and repeats:
            other = truth_of(criterion, later.on(day), later.compiled.trial, budget)
            if budget.left < 0:
                return None  # too much to tell apart: nothing is said rather than something wrong
        if other is not truth:
            return day, other


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
    compiled, today = later.compiled, later.setting.day
    last = later.setting.windows.horizon
    for _ in range(MOST_DAYS):
        failed = [place for place, c in enumerate(compiled.criteria) if _fails(c, truths[place])]
        if not failed:
            return later.setting.day if later.setting.day != today else None
        days = [turn[0] for place in failed if (turn := turns[place]) is not None]
        if len(days) < len(failed) or max(days) > last:
            return None
        day = max(days)
        truths = [_truth_on(c, day, later) for c in compiled.criteria]
        later = Later(compiled, later.on(day))
        turns = [
            turning(c, truth, later) if _fails(c, truth) else None
            for c, truth in zip(compiled.criteria, truths, strict=True)
        ]
    return None


def _truth_on(criterion: CompiledCriterion, day: int, later: Later) -> Truth:
    """The truth of a criterion on a later day."""
    setting = later.setting
    if day > later.last or criterion.repeats_in(setting):
        return truth_of(criterion, later.on(day), later.compiled.trial)
    then = setting.as_found()
    for node in criterion.timed:
        changes = later.changes(node)
        for at, changed in enumerate(changes.days):
            if changed <= day:
                then.found[node.number] = (
                    node.find(later.on(changed)) if changes.truths is None else person.FOUND[changes.truths[at]]
                )
    return criterion.root.evaluate(then)


def _fails(criterion: CompiledCriterion, truth: Truth) -> bool:
    return truth is (TRUE if criterion.excludes else FALSE)


def _days(node: LeafNode, setting: Setting, compiled: CompiledTrial) -> Iterable[int]:
    facts, leaf = setting.facts, node.condition
    match leaf:
        case Observation():
            if node.find(setting).constant is None:
                concept = compiled.trial.catalogue.observations[leaf.code]
                days = _observation_days(leaf, concept.inputs, facts, setting)
                return days if concept.expression is None or facts.birth is None else days + _birthdays(facts, setting)
        case Event():
            found = node.find(setting)
            if isinstance(found, events.Found):
                return () if _stays(leaf, found, setting) else _event_days(leaf, found.seen, setting)
            return _event_days(leaf, (), setting)
        case Age() if leaf.anchor == SCREENING and facts.birth is not None:
            birth = facts.birth
            spans = [span for span in (leaf.low, leaf.below) if span is not None]
            return [shift_day(day, span, 1) for span in spans for day in {birth.first_day, birth.last_day}]
        case _:
            pass
    return ()


def _stays(leaf: Event, found: events.Found, setting: Setting) -> bool:
    """Whether what was found at any time so far stays found: it has begun, is not said to have ended, and nothing on
    file speaks against it."""
    end = leaf.window.end
    if (
        found.truth is not TRUE
        or leaf.tallies
        or leaf.window.start is not None
        or not (end is None or (end.anchor == SCREENING and end.span is None))
        or leaf.for_at_least is not None
        or leaf.duration
        or leaf.excepted
    ):
        return False
    for record in found.seen:
        if record.denies:
            return False
    for record, truth, _ in found.matches:
        start = record.start
        if (
            truth is TRUE
            and record.end is None
            and "planned" not in record.statuses
            and (start is None or start.high <= setting.now)
        ):
            return True
    return False


def _observation_days(leaf: Observation, inputs: tuple[str, ...], facts: Facts, setting: Setting) -> list[int]:
    window, today = leaf.window, setting.day
    days = _anchored_days(window, setting)
    for code in (leaf.code, *inputs) if inputs else (leaf.code,):
        relevant: Iterable[Result] = facts.results.get(code, ())
        if leaf.select.how == "latest" and _up_to_date(window) and not (inputs or leaf.changes or leaf.without):
            relevant = _newest(facts.results.get(code, ()), setting)
        for result in relevant:
            first, last = result.low // DAY, result.high // DAY
            if last >= today:
                days += (first, last, last + 1)
            _add_crossings(days, window, first, today)
            if last != first:
                _add_crossings(days, window, last, today)
            if (leaf.changes or leaf.without is not None) and first < last and last >= today:
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


def _up_to_date(window: Window) -> bool:
    """Whether a window runs up to the screening day or beyond, so that what is older than its newest result is and
    stays superseded."""
    end = window.end
    return end is None or (end.anchor == SCREENING and (end.span is None or end.sign > 0))


def _newest(results: tuple[Result, ...], setting: Setting) -> Iterator[Result]:
    """Of results sorted newest first: those not yet over, and the newest of the others where that is plain."""
    for position, result in enumerate(results):
        yield result
        if result.high <= setting.now and (position + 1 == len(results) or results[position + 1].high < result.low):
            return


def _event_days(leaf: Event, records: tuple[EventFact, ...], setting: Setting) -> list[int]:
    days: list[int] = []
    declared = setting.facts.complete.get(leaf.domain)
    if declared is not None and declared.through is not None:
        _add_covered(days, leaf, {declared.through.first_day, declared.through.last_day}, setting.day)
    for record in records:
        _add_record(days, leaf, record, setting.day)
    days += _anchored_days(leaf.window, setting)
    for exception in leaf.excepted:
        days += _anchored_days(exception.window, setting)
    if leaf.at != SCREENING and leaf.for_at_least is not None:
        days += _lasted_by(leaf.at, leaf.for_at_least, setting)
        anchor = setting.anchor(leaf.at)
        if leaf.changed and anchor is not None:
            days += (anchor.first_day, anchor.last_day, anchor.last_day + 1)
    return days


def _add_record(days: list[int], leaf: Event, record: EventFact, today: int) -> None:
    """Days on which a record begins or ends, enters or leaves the window, or has lasted long enough."""
    edges: set[int] = set()
    for when in (record.start, record.end):
        if when is not None:
            edges.add(when.first_day)
            edges.add(when.last_day)
    if record.denies:
        if record.spoken is not None:
            edges |= {record.spoken.first_day, record.spoken.last_day}
        _add_covered(days, leaf, edges, today)
        return
    for edge in edges:
        if edge >= today:
            days += (edge, edge + 1)
        _add_crossings(days, leaf.window, edge, today)
        if leaf.equivalent:
            # Doses are added up day by day: the days beside an edge differ from it.
            _add_crossings(days, leaf.window, edge - 1, today)
            _add_crossings(days, leaf.window, edge + 1, today)
        if leaf.for_at_least is not None and leaf.at == SCREENING:
            days += _moved(edge, leaf.for_at_least)
        for _, span in leaf.duration:
            for day in _moved(edge, span):
                days += (day, day + 1)
    for exception in leaf.excepted:
        _add_record(days, exception, record, today)


def _add_covered(days: list[int], leaf: Event, edges: Iterable[int], today: int) -> None:
    """Days on which what is denied up to an edge no longer reaches as far as the leaf looks."""
    end = leaf.window.end
    for edge in edges:
        days.append(edge + 1)
        if end is not None and end.anchor == SCREENING and end.span is not None:
            days += _crossing(edge, end.span, end.sign, today, past=True)
        if leaf.for_at_least is not None:
            days += _moved(edge + 1, leaf.for_at_least)
        for _, span in leaf.duration:
            for day in _moved(edge + 1, span):
                days += (day, day + 1)


def _anchored_days(window: Window, setting: Setting) -> list[int]:
    """Days on which the screening day passes an end of a window that hangs on an anchor."""
    days: list[int] = []
    if not depends_on_day_only(window):
        for instant in setting.bounds(window):
            if EARLIEST < instant < LATEST:
                day = instant // DAY
                days += (day, day + 1)
                for edge in (day - 1, day, day + 1):
                    _add_crossings(days, window, edge, setting.day)
    return days


def _lasted_by(name: str, span: Span, setting: Setting) -> Iterator[int]:
    """Days on which the screening day passes the last beginning of what has lasted so long at an anchor."""
    anchor = setting.anchor(name)
    if anchor is not None:
        for day in (anchor.first_day, anchor.last_day):
            back = day - span.number // 24 if span.unit == "hours" else unshift_day(day, span)
            yield from range(back - 1, back + 3)


def _add_crossings(days: list[int], window: Window, edge: int, today: int) -> None:
    """Screening days on which a moving end of a window comes to a day, and a moving beginning leaves it behind."""
    start, end = window.start, window.end
    if start is not None and start.span is not None and start.anchor == SCREENING:
        days += _crossing(edge, start.span, start.sign, today, past=True)
    if end is not None and end.span is not None and end.anchor == SCREENING:
        days += _crossing(edge, end.span, end.sign, today, past=False)


def _crossing(edge: int, span: Span, sign: int, today: int, *, past: bool) -> Iterable[int]:
    """The screening day on which the moved day reaches an edge, or has passed it; none where that is long over.

    Of spans in hours, the days around it.
    """
    if span.unit == "hours":
        day = edge - span.number // 24 if sign > 0 else edge + span.number // 24
        return range(day - 1, day + 4)
    if span.unit in ("days", "weeks"):
        length = span.number * 7 if span.unit == "weeks" else span.number
        return (edge + past - length if sign > 0 else edge + past + length,)
    months = span.number * (12 if span.unit == "years" else 1)
    if edge + (31 * months if sign < 0 else 0) + _FAR < today:
        return ()
    edge += past
    day = shift_day(edge, span, -sign)
    # Clipped months make the way back uneven by up to three days.
    while day > EARLIEST_DAY and shift_day(day - 1, span, sign) >= edge:
        day -= 1
    while day < LATEST_DAY and shift_day(day, span, sign) < edge:
        day += 1
    return (day,)


def _moved(edge: int, span: Span) -> Iterator[int]:
    if span.unit == "hours":
        yield from range(edge + span.number // 24, edge + span.number // 24 + 3)
    else:
        yield shift_day(edge, span, 1)
