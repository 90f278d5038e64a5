"""When an event was: a record's times against the window and the lengths of time of a leaf (semantics §5)."""

from __future__ import annotations

from typing import Final

from prescreen.candidate.facts import EventFact
from prescreen.engine.setting import Bounds, Setting
from prescreen.language.model import Event, Window
from prescreen.time import DAY, EARLIEST, HOUR, LATEST, Span, first_instant, last_instant, shift_day, unshift_day
from prescreen.truth import FALSE, TRUE, UNKNOWN, Truth, conjunction, disjunction, negation

LASTING: Final = {"conditions": "active", "treatments": "ongoing"}
"""The status of what goes on, by domain."""


def contradicts_itself(record: EventFact, setting: Setting) -> bool:
    """Whether a record is said to go on although its end is past."""
    return (
        record.end is not None
        and record.end.high <= setting.now
        and len(record.statuses) == 1
        and LASTING.get(record.domain) in record.statuses
    )


def timed(leaf: Event, momentary: bool, record: EventFact, bounds: Bounds, setting: Setting) -> tuple[Truth, list[str]]:
    """Status, window and duration together, of a record with one status, and what is open about them."""
    (status,) = record.statuses
    if leaf.statuses and status not in leaf.statuses:
        return FALSE, []
    at_once = momentary or leaf.by_start
    window = _in_window(leaf, record, status, at_once, bounds, setting)
    if leaf.changed:
        lasting = _changed_since(leaf, record, status, momentary, setting)
    else:
        lasting = _long_enough(leaf, record, status, setting)
    aspects: list[str] = []
    if window is UNKNOWN and _open(bounds) and _dated(record, status, at_once):
        aspects.append("anchor")
    elif window is UNKNOWN:
        end_open = record.start is not None and record.start.is_one_day and not momentary
        aspects.append("end" if end_open else "date")
    if lasting is UNKNOWN:
        aspects.append("duration" if aspects else "date")
    if not leaf.duration:
        return conjunction((window, lasting)), aspects
    lasted = _lasted(leaf, record, status, momentary, setting)
    if lasted is UNKNOWN:
        # Window and duration rest on the same dates, and are not told apart together.
        aspects += ["end" if record.start is not None and record.start.is_one_day else "date", "duration"]
    return conjunction((window, lasting, lasted)), aspects


def _open(bounds: Bounds) -> bool:
    """Whether a window hangs on a day that is not known."""
    return bounds.low_sure != bounds.low_maybe or bounds.high_sure != bounds.high_maybe


def _dated(record: EventFact, status: str, momentary: bool) -> bool:
    """Whether a record began on one day, and ended on one or goes on."""
    if record.start is None or not record.start.is_one_day:
        return False
    if record.end is None:
        return momentary or status == LASTING.get(record.domain)
    return momentary or record.end.is_one_day


def _in_window(leaf: Event, record: EventFact, status: str, momentary: bool, bounds: Bounds, setting: Setting) -> Truth:
    start_low, start_high, end_low, end_high = times(record, status, momentary, setting)
    if start_low > start_high:
        return FALSE  # wholly later than the screening day, and not a plan
    if start_high > setting.now and status != "planned":
        return UNKNOWN  # it ends after the screening day, and may begin after it
    if leaf.window.start is None and leaf.window.end is None:
        return TRUE
    low_sure, high_sure, low_maybe, high_maybe = bounds
    if low_maybe > high_maybe or start_low > high_maybe or end_high < low_maybe:
        return FALSE
    if start_high <= high_sure and end_low >= low_sure and (low_sure <= high_sure or _one_anchor(leaf.window)):
        return TRUE
    return UNKNOWN


def _one_anchor(window: Window) -> bool:
    """Whether a window cannot turn out empty: with both ends on one anchor, it opens before it closes."""
    return window.start is None or window.end is None or window.start.anchor == window.end.anchor


def times(record: EventFact, status: str, momentary: bool, setting: Setting) -> tuple[int, int, int, int]:
    """The instants at which a record may have begun and ended, given its status.

    What is over or going on is cut off at the screening day; a plan without a day may be of any later day. Ongoing
    records run to the screening day; a missing end may be any instant from the start.
    """
    now, start = setting.now, record.start
    if status == "planned":
        low, high = (first_instant(setting.day), LATEST) if start is None else (start.low, start.high)
        end = record.end
        if momentary or end is None:
            return low, high, low, high if momentary else LATEST
        return low, high, end.low, end.high
    low, high = (EARLIEST, now) if start is None else (start.low, min(start.high, now))
    if momentary:
        return low, high, low, high
    end = record.end
    if end is not None:
        if start is None and end.low > now and status != LASTING.get(record.domain):
            high = end.high
        high = min(high, end.high)
        return low, high, max(min(end.low, now), low), min(end.high, now)
    if status == LASTING.get(record.domain):
        return low, high, now, now
    return low, high, low, now


def _long_enough(leaf: Event, record: EventFact, status: str, setting: Setting) -> Truth:
    """`for_at_least`: since the onset of what lasts, since the end of what is over (semantics §5)."""
    span = leaf.for_at_least
    if span is None:
        return TRUE
    lasting = status == LASTING.get(record.domain) or record.domain in ("procedures", "allergies")
    since = record.start if lasting else record.end
    anchor = setting.anchor(leaf.at)
    low, high = (EARLIEST, setting.now) if since is None else (since.low, min(since.high, setting.now))
    if not lasting and record.start is not None:
        low = max(low, record.start.low)
    first, last = (EARLIEST, LATEST) if anchor is None else (anchor.low, anchor.high)
    if span.unit == "hours":
        shift = span.number * HOUR
        return TRUE if high + shift <= first else FALSE if low + shift > last else UNKNOWN
    if shift_day(high // DAY, span, 1) <= first // DAY:
        return TRUE
    return FALSE if shift_day(low // DAY, span, 1) > last // DAY else UNKNOWN


def _lasted(leaf: Event, record: EventFact, status: str, momentary: bool, setting: Setting) -> Truth:
    """`duration`: the time from the beginning to the end, in calendar units between days, in hours between instants."""
    start_low, start_high, end_low, end_high = times(record, status, momentary, setting)
    truths: list[Truth] = []
    for operator, span in leaf.duration:
        if momentary:
            reached = surely = False
        elif span.unit == "hours":
            least = span.number * HOUR + (operator in ("above", "at_most"))
            reached, surely = end_high - start_low >= least, end_low - start_high >= least
        else:
            more = operator in ("above", "at_most")
            reached = end_high // DAY >= shift_day(start_low // DAY, span, 1) + more
            surely = end_low // DAY >= shift_day(start_high // DAY, span, 1) + more
        truth = TRUE if surely else UNKNOWN if reached else FALSE
        truths.append(truth if operator in ("at_least", "above") else negation(truth))
    return conjunction(truths)


def _changed_since(leaf: Event, record: EventFact, status: str, momentary: bool, setting: Setting) -> Truth:
    """`stable_for`: whether a record began or ended less than so long before the anchor, and not after its day."""
    start_low, start_high, end_low, end_high = times(record, status, momentary, setting)
    anchor = setting.anchor(leaf.at)
    first, last = (EARLIEST, LATEST) if anchor is None else (anchor.low, anchor.high)
    began = _less_than_ago(leaf, start_low, start_high, first, last)
    if status == LASTING.get(record.domain):
        return began  # it goes on
    return disjunction((began, _less_than_ago(leaf, end_low, end_high, first, last)))


def _less_than_ago(leaf: Event, low: int, high: int, first: int, last: int) -> Truth:
    """Whether a moment of [low, high] lies less than the leaf's span before one of [first, last], or on its day."""
    span = leaf.for_at_least
    assert span is not None
    if span.unit == "hours":
        length = span.number * HOUR
        recent, perhaps_recent = low + length > last, high + length > first
    else:
        recent = shift_day(low // DAY, span, 1) > last // DAY
        perhaps_recent = shift_day(high // DAY, span, 1) > first // DAY
    if recent and high // DAY <= first // DAY:
        return TRUE
    return UNKNOWN if perhaps_recent and low // DAY <= last // DAY else FALSE


def begun_for(length: Span, longer: bool, setting: Setting) -> int:
    """The last instant at which what has lasted for so long, or longer, on the screening day can have begun."""
    if length.unit == "hours":
        return setting.now - length.number * HOUR - longer
    return last_instant(unshift_day(setting.day - longer, length))
