"""Spans of time, moments and windows: ``28 days``, ``14 days before first_dose``, ``{from: …, to: …}``."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal

from prescreen.language.model import ANY_WINDOW, SCREENING, Moment, Window
from prescreen.language.source import Source, shown
from prescreen.problems import did_you_mean
from prescreen.time import Span, parse_span
from prescreen.yamlio import Node

RESERVED_ANCHORS = (SCREENING, "any", "before", "after")

_HINT = "write `28 days`, `14 days before first_dose`, `{from: 24 weeks before screening, to: enrolment}` or `any`"


def read_window(source: Source, node: Node, anchors: Collection[str]) -> Window | None:
    """A window; both its ends are in it. `anchors` are those that the trial declares."""
    if node.kind == "map":
        return _from_to(source, node, anchors)
    text = source.text(node, "a window")
    if text is None or _speaks_of_half_lives(source, node):
        return None
    words = " ".join(text.split())
    if words == "any":
        return ANY_WINDOW
    match _parts(words):
        case ("", "before", anchor):
            end = anchored(source, node, anchor, anchors)
            return Window(None, end, words) if end else None
        case ("", "after", anchor):
            start = anchored(source, node, anchor, anchors)
            return Window(start, None, words) if start else None
        case (length, "before", anchor):
            start = _moved(source, node, length, -1, anchor, anchors)
            return Window(start, Moment(start.anchor), words) if start else None
        case (length, "after", anchor):
            end = _moved(source, node, length, 1, anchor, anchors)
            return Window(Moment(end.anchor), end, words) if end else None
    if not words[:1].isdigit():
        source.refuse(node, "invalid-window", f"`{shown(words)}` is no window", _HINT)
        return None
    span = read_span(source, node, "a window")
    return Window(Moment(SCREENING, span, -1), Moment(SCREENING), words) if span else None


def read_span(source: Source, node: Node, what: str) -> Span | None:
    """A length of time such as ``24 weeks``."""
    text = source.text(node, what)
    if text is None or _speaks_of_half_lives(source, node):
        return None
    return _span(source, node, text)


def lasting(span: Span) -> tuple[int, int]:
    """A span in months and hours, one of which is 0: months have no fixed number of hours."""
    match span.unit:
        case "years":
            return 12 * span.number, 0
        case "months":
            return span.number, 0
        case "weeks":
            return 0, 168 * span.number
        case "days":
            return 0, 24 * span.number
        case "hours":
            return 0, span.number


def least_hours(months: int, hours: int) -> int:
    """The fewest hours that so many months (28 to 31 days each) and hours can last; both may be negative."""
    return months * 24 * (28 if months > 0 else 31) + hours


def _from_to(source: Source, node: Node, anchors: Collection[str]) -> Window | None:
    fields = source.fields(node, "a window", ("from", "to"))
    if fields is None:
        return None
    if not fields.values:
        if not fields.misspelt:
            source.refuse(node, "invalid-window", "a window needs `from` or `to`", _HINT)
        return None
    start_node, end_node = fields.get("from"), fields.get("to")
    start = read_moment(source, start_node, anchors) if start_node else None
    end = read_moment(source, end_node, anchors) if end_node else None
    if (start_node and start is None) or (end_node and end is None):
        return None
    if start and end and _certainly_later(start, end):
        message = f"the window ends before it starts: from {_words(start)} to {_words(end)}"
        source.refuse(node, "empty-window", message)
        return None
    ends = [f"from {_words(start)}" if start else "", f"to {_words(end)}" if end else ""]
    return Window(start, end, " ".join(ends).strip())


def read_moment(source: Source, node: Node, anchors: Collection[str]) -> Moment | None:
    """One end of a window: an anchor, or a span before or after one."""
    text = source.text(node, "an end of a window")
    if text is None or _speaks_of_half_lives(source, node):
        return None
    words = " ".join(text.split())
    match _parts(words):
        case (length, "before", anchor) if length:
            return _moved(source, node, length, -1, anchor, anchors)
        case (length, "after", anchor) if length:
            return _moved(source, node, length, 1, anchor, anchors)
    if words[:1].isdigit():
        hint = f"write `{shown(words)} before screening`"
        source.refuse(node, "invalid-window", "an end of a window is a moment, not a length of time", hint)
        return None
    return anchored(source, node, words, anchors)


_PARTS = re.compile(r"(?:(.*) )?(before|after) (\S+)")


def _parts(words: str) -> tuple[str, str, str] | None:
    match = _PARTS.fullmatch(words)
    return (match[1] or "", match[2], match[3]) if match else None


def _moved(
    source: Source, node: Node, length: str, sign: Literal[-1, 1], anchor: str, anchors: Collection[str]
) -> Moment | None:
    span = _span(source, node, length)
    moment = anchored(source, node, anchor, anchors)
    return Moment(moment.anchor, span, sign) if span and moment else None


def anchored(source: Source, node: Node, anchor: str, anchors: Collection[str]) -> Moment | None:
    """The day of an anchor that the trial declares."""
    if anchor == SCREENING or anchor in anchors:
        return Moment(anchor)
    hint = did_you_mean(anchor, [SCREENING, *anchors]) or "declare it under `anchors`"
    source.refuse(node, "unknown-anchor", f"no anchor is named `{shown(anchor)}`", hint)
    return None


def _span(source: Source, node: Node, text: str) -> Span | None:
    try:
        return parse_span(text)
    except ValueError:
        meant = did_you_mean((text.split() or [""])[-1], _UNITS)
        hint = meant or "write a whole number of hours, days, weeks, months or years, such as `28 days`"
        source.refuse(node, "invalid-span", f"`{shown(text)}` is no length of time", hint)
        return None


_UNITS = ("hours", "days", "weeks", "months", "years")


def _speaks_of_half_lives(source: Source, node: Node) -> bool:
    if re.search(r"half[- ]?li(fe|ves)", node.text):
        hint = "write `within: 5 half-lives` or `within: {longest: [30 days, 5 half-lives]}` beside a treatment"
        source.refuse(node, "invalid-span", "a length of time in half-lives is a treatment's own", hint)
        return True
    return False


def _words(moment: Moment) -> str:
    if moment.span is None:
        return moment.anchor
    return f"{moment.span} {'before' if moment.sign < 0 else 'after'} {moment.anchor}"


def _certainly_later(start: Moment, end: Moment) -> bool:
    """Whether a moment lies after another of the same anchor, however long the months between them are."""
    if start.anchor != end.anchor:
        return False
    (months, hours), (end_months, end_hours) = _offset(start), _offset(end)
    return least_hours(months - end_months, hours - end_hours) > 0


def _offset(moment: Moment) -> tuple[int, int]:
    """How far a moment lies from its anchor, in months and hours."""
    months, hours = lasting(moment.span) if moment.span else (0, 0)
    return moment.sign * months, moment.sign * hours
