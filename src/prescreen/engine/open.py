"""What is open about a candidate: the facts that an undecided leaf waits for, by key (see `engine.keys`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prescreen.candidate.facts import Result
from prescreen.engine import events, results
from prescreen.engine.compare import limits_of, limits_vary_with
from prescreen.engine.compile import Node
from prescreen.engine.keys import (
    AnchorKey,
    AnswerKey,
    BirthKey,
    DateKey,
    EventKey,
    FreeKeyOf,
    Key,
    ResultKey,
    SexKey,
    TieKey,
)
from prescreen.engine.setting import Setting, depends_on_day_only, free_key, surely_inside
from prescreen.language.model import (
    SCREENING,
    Age,
    Answer,
    AtLeastOf,
    Comparison,
    Event,
    If,
    Observation,
    Sex,
    Window,
)
from prescreen.time import DAY
from prescreen.truth import FALSE, TRUE, UNKNOWN


def undecided(node: Node, setting: Setting) -> list[Node]:
    """The UNKNOWN leaves on which an UNKNOWN node's truth depends, as often as they occur."""
    found: list[Node] = []
    _collect(node, setting, found)
    return found


def _collect(node: Node, setting: Setting, found: list[Node]) -> None:
    if node.number >= 0:
        found.append(node)
        return
    children = node.children
    if isinstance(node.condition, If):
        chosen = children[0].evaluate(setting)
        if chosen is UNKNOWN:
            _collect(children[0], setting, found)
        for branch, excluded in zip(children[1:], (FALSE, TRUE), strict=False):
            if chosen is not excluded and branch.evaluate(setting) is UNKNOWN:
                _collect(branch, setting, found)
        return
    if isinstance(node.condition, AtLeastOf) and node.condition.count > len(children):
        return
    for child in children:
        if child.evaluate(setting) is UNKNOWN:
            _collect(child, setting, found)


def open_keys(node: Node, setting: Setting) -> list[Key]:
    """The open facts of an UNKNOWN leaf, each as often as the leaf uses it."""
    leaf = node.condition
    match leaf:
        case Observation():
            return list(_of_observation(leaf, setting.found[node.number], setting))
        case Event():
            return _of_event(leaf, setting.found[node.number], setting)
        case Age():
            return [BirthKey(), *_anchor(leaf.anchor, setting)]
        case Sex():
            return [SexKey()]
        case Answer():
            return [AnswerKey(leaf.question)]
        case _:
            raise TypeError(leaf)


def _anchor(name: str, setting: Setting) -> tuple[Key, ...]:
    if name == SCREENING:
        return ()
    when = setting.anchor(name)
    return (AnchorKey(name),) if when is None or not when.is_one_day else ()


def _window_anchors(window: Window, setting: Setting) -> list[Key]:
    if depends_on_day_only(window):
        return []
    return [key for end in (window.start, window.end) if end is not None for key in _anchor(end.anchor, setting)]


def _of_observation(leaf: Observation, found: object, setting: Setting) -> Iterator[Key]:
    assert isinstance(found, results.Found)
    bounds = setting.bounds(leaf.window)
    anchors = _window_anchors(leaf.window, setting)
    if not found.sure:
        yield FreeKeyOf(free_key(leaf))
    ordered = len(found.results) > 1 and leaf.select.how in ("latest", "first", "consecutive", "mean_of")
    apart_open = found.approximate and leaf.select.apart is not None  # how far apart is not known closely enough
    for result, truth in zip(found.results, found.truths, strict=True):
        if result.index < 0:  # supposed
            continue
        inside = surely_inside(result, bounds, setting.now)
        if not inside:
            yield from anchors
        for used in result.inputs or (result,):
            last = min(used.high, setting.now)
            day_open = last // DAY != used.low // DAY or (last > used.low and _in_hours(leaf.window))
            together = ordered and (apart_open or _overlapped(used, found))
            if (not inside and day_open) or (together and last > used.low):
                yield DateKey(used.concept.name, used.index)
        if truth is UNKNOWN:
            yield from _of_value(leaf, result, setting)
    if len(found.results) > 1:
        yield from _ties(found)


def _in_hours(window: Window) -> bool:
    """Whether the hour of the day tells what lies in a window."""
    return any(
        end is not None and end.span is not None and end.span.unit == "hours" for end in (window.start, window.end)
    )


def _overlapped(result: Result, found: results.Found) -> bool:
    """Whether another of the results may be of the same time."""
    others = (used for other in found.results for used in other.inputs or (other,))
    return any(other.low <= result.high and result.low <= other.high for other in others if other is not result)


def _of_value(leaf: Observation, result: Result, setting: Setting) -> Iterator[Key]:
    if result.inputs:
        yield FreeKeyOf(free_key(leaf))
        if setting.facts.birth is not None and not setting.facts.birth.is_one_day:
            yield BirthKey()
        return
    by_sex = by_birth = by_day = False
    known = result.value_low is not None and result.value_low is result.value_high
    for test in leaf.tests:
        if isinstance(test, Comparison) and result.problem is None and setting.ranges is not None:
            for threshold in test.thresholds:
                if threshold.of == "ULN" or threshold.of == "LLN":
                    of_sex, of_birth, of_day = limits_vary_with(result, threshold.of, setting)
                    by_sex, by_birth, by_day = by_sex or of_sex, by_birth or of_birth, by_day or of_day
                    limits = limits_of(result, threshold.of, setting)
                    known = known and all(limit.number is not None for limit in limits)
    if by_sex:
        yield SexKey()
    if by_birth:
        yield BirthKey()
    if by_day:
        yield DateKey(result.concept.name, result.index)
    if known and (by_sex or by_birth or by_day):
        return
    yield ResultKey(result.concept.name, result.index)


def _ties(found: results.Found) -> Iterator[Key]:
    """The moments at which several of the results lie."""
    moments = Counter(
        (result.concept.name, result.low)
        for result in found.results
        if result.low == result.high and result.index >= 0 and not result.inputs
    )
    for (code, moment), count in moments.items():
        if count > 1:
            yield TieKey(code, moment, moment)


def _of_event(leaf: Event, found: object, setting: Setting) -> list[Key]:
    assert isinstance(found, events.Found)
    keys: list[Key] = [EventKey(leaf)]
    low_sure, high_sure, low_maybe, high_maybe = setting.bounds(leaf.window)
    if low_sure != low_maybe or high_sure != high_maybe:
        # Each record is held against the window once, though both of its ends may hang on one anchor.
        for key in dict.fromkeys(_window_anchors(leaf.window, setting)):
            keys += [key] * max(1, len(found.matches))
    if leaf.at != SCREENING:
        keys += _anchor(leaf.at, setting) * max(1, len(found.matches))
    for exception in leaf.excepted:
        anchors = [*_window_anchors(exception.window, setting), *_anchor(exception.at, setting)]
        if anchors:
            for key in dict.fromkeys(anchors):
                keys += [key] * len(found.matches)
    return keys
