"""Whole conditions, windows and numbers in words, and what the words of a difference say of the condition."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from prescreen.amendment.model import Direction
from prescreen.amendment.spans import order, widened
from prescreen.language.model import (
    SCREENING,
    AllOf,
    Answer,
    AnyOf,
    AtLeastOf,
    Condition,
    If,
    Moment,
    Not,
    Trial,
    Unless,
    Window,
)
from prescreen.language.wording import describe, window_words
from prescreen.time import Span

Effect = Literal["weaker", "stronger", "same", "unclear"]
"""What a difference does to a condition. weaker: it holds wherever it held, and perhaps elsewhere."""

Sign = Literal[-1, 0, 1]
"""What a condition is for a candidate: 1 where it helps when it holds, -1 where it hinders, 0 where that is open."""

TURNED: Final[dict[Effect, Effect]] = {
    "weaker": "stronger",
    "stronger": "weaker",
    "same": "same",
    "unclear": "unclear",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A difference of a condition: what it speaks of ("" where the words say it), the difference, its effect; what it
    comes from where that is stated elsewhere."""

    subject: str
    words: str
    effect: Effect
    cause: str | None = None


def direction(effect: Effect, sign: Sign) -> Direction:
    """What an effect on a condition means for candidates."""
    if effect in ("same", "unclear") or sign == 0:
        return "none" if effect == "same" else "unclear"
    return "looser" if (effect == "weaker") == (sign == 1) else "stricter"


def phrase(condition: Condition, trial: Trial, inner: bool = False) -> str:
    """A whole condition: ``liver metastases and ALT at most 5 × ULN``. inner: it stands inside another one."""
    match condition:
        case AllOf(children) | AnyOf(children):
            word = " and " if isinstance(condition, AllOf) else " or "
            text = word.join(phrase(child, trial, inner=True) for child in children)
            return f"({text})" if inner and len(children) > 1 else text
        case AtLeastOf(count, children):
            return f"at least {count} of ({'; '.join(phrase(child, trial) for child in children)})"
        case Not(child) if isinstance(child, AllOf | AnyOf | AtLeastOf | If | Unless):
            return f"not {phrase(child, trial, inner=True)}"
        case Not(Answer(question, bool() as equals)):
            return phrase(Answer(question, not equals), trial, inner)
        case If(asked, then, otherwise):
            rest = f", otherwise {phrase(otherwise, trial)}" if otherwise else ""
            text = f"if {phrase(asked, trial)}, then {phrase(then, trial)}{rest}"
            return f"({text})" if inner else text
        case Unless(child, exception):
            text = f"{phrase(child, trial, inner=True)} unless {phrase(exception, trial, inner=True)}"
            return f"({text})" if inner else text
    return describe(condition, trial.catalogue, trial.questions, trial.results_within)


def listed(words: Iterable[str], last: str = "and") -> str:
    """``a, b and c``."""
    every = list(words)
    return every[0] if len(every) == 1 else f"{', '.join(every[:-1])} {last} {every[-1]}" if every else ""


def readable(name: str) -> str:
    """A name of a rule file as people write it."""
    return name.replace("_", " ").replace("-", " ")


def when(window: Window) -> str:
    """A window, also that of any time."""
    return window_words(window) or "at any time"


def window_change(old: Window, new: Window) -> tuple[str, Effect]:
    """How a window changed, and what that does to a leaf that asks whether something lies in it."""
    found = widened(old, new)
    effect: Effect = {"wider": "weaker", "narrower": "stronger"}.get(found, "unclear")  # type: ignore[assignment]
    length, other = _length(old), _length(new)
    if found in ("wider", "narrower") and length and other and length[1:] == other[1:]:
        word = "lengthened" if found == "wider" else "shortened"
        return f"window {word} from {length[0]} to {other[0]} {_side(other[2])} {readable(other[1])}", effect
    word = {"wider": "widened", "narrower": "narrowed"}.get(found, "changed")
    return f"window {word} from “{when(old)}” to “{when(new)}”", effect


def _length(window: Window) -> tuple[Span, str, int] | None:
    """The length of a window that begins or ends with an anchor's day: its span, the anchor, and the side of it."""
    match window:
        case Window(start=Moment(anchor, Span() as span, -1), end=Moment(end, None)) if anchor == end:
            return span, anchor, -1
        case Window(start=Moment(anchor, None), end=Moment(end, Span() as span, 1)) if anchor == end:
            return span, anchor, 1
    return None


def _side(sign: int) -> str:
    return "before" if sign < 0 else "after"


def span_change(what: str, old: Span | None, new: Span | None, longer: Effect) -> tuple[str, Effect]:
    """How a length of time changed. longer: what it does to the condition when it grows; none is the shortest."""
    found = order(new, old)
    effect: Effect = "unclear" if found is None else longer if found > 0 else TURNED[longer]
    if found == 0:
        effect = "same" if old and new and (old.unit == "hours") == (new.unit == "hours") else "unclear"
    if new is None:
        return f"no longer: {what} {old}", effect
    return (f"now also: {what} {new}" if old is None else f"{what} {new} instead of {old}"), effect


def at(anchor: str) -> str:
    """The day of an anchor in a phrase."""
    return "at screening" if anchor == SCREENING else f"at {readable(anchor)}"
