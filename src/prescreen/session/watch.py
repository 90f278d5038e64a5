"""A feed of events, one JSON object a line, led into a session; what changes is written a line each (contract §7)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import BinaryIO, Final, TextIO

from rich.text import Text

from prescreen.candidate.read import MAX_BYTES
from prescreen.candidate.structure import quoted
from prescreen.problems import InputRefused, Problem
from prescreen.report.words import MARK, clean
from prescreen.session.book import StoreFailed
from prescreen.session.model import Change, Outcome
from prescreen.session.session import Session

_PIECE: Final = 65_536
_NARROWEST: Final = 60
_TOGETHER: Final = 64  # lines, at most, that are kept in one transaction
_BYTES: Final = 1_000_000  # after which no further line is kept with them

Write = Callable[[Change], str]


@dataclass(slots=True)
class Watched:
    """What became of a feed: how many events there were, and how many of them were refused or seen before."""

    events: int = 0
    refused: int = 0
    repeated: int = 0


def watch(
    session: Session,
    feed: BinaryIO,
    name: str,
    out: TextIO,
    refuse: Callable[[InputRefused], None],
    *,
    remark: Callable[[str], None] = lambda _: None,
    write: Write | None = None,
    acknowledge: bool = False,
) -> Watched:
    """Lead a feed into a session until it ends.

    name: of the feed, for messages. out: where changes go, first those of which an earlier run could not tell. refuse:
    is told of each event that is refused; remark: of data that cannot be used, and the like. acknowledge: write a line
    for each event once it is kept. Raises StoreFailed when events cannot be kept any more.
    """
    form = line_of if write is None else write
    done = Watched()

    def say(change: Change) -> None:
        out.write(form(change) + "\n")
        out.flush()

    for change in session.pending():
        say(change)
    ended = session.listen(say)
    try:
        for lines in _together(feed):
            texts = [text for _, text in lines if text is not None]
            outcomes = iter(session.apply_all(texts, named=True, changes=False))
            for number, text in lines:
                outcome = _too_long() if text is None else next(outcomes)
                done.events += 1
                if isinstance(outcome, Outcome):
                    done.repeated += outcome.repeated
                    for said in outcome.remarks:
                        remark(f"{name}:{number}, event {quoted(outcome.event)}: {said}")
                    if acknowledge:
                        out.write(json.dumps({"event": outcome.event, "kept": True}, ensure_ascii=False) + "\n")
                        out.flush()
                else:
                    done.refused += 1
                    refuse(InputRefused(replace(each, file=name, line=number) for each in outcome.problems))
    except StoreFailed as failed:
        hint = "what was acknowledged is kept; send the events from there on again"
        raise StoreFailed(replace(each, hint=each.hint or hint) for each in failed.problems) from None
    finally:
        ended()
    return done


def line_of(change: Change) -> str:
    """A change as a line of JSON."""
    made: dict[str, object] = {"candidate": change.candidate, "trial": change.trial}
    if change.criterion is not None:
        made["criterion"] = change.criterion
    else:
        if change.cohort is not None:
            made["cohort"] = change.cohort
        made["verdict"] = change.after
    made |= {"from": change.before, "to": change.after, "because": list(change.because)}
    made |= {"on": date.fromordinal(change.day).isoformat(), "event": change.event}
    return json.dumps(made, ensure_ascii=False)


def text_of(change: Change, *, several: bool, width: int) -> str:
    """A change as a line for people, of at most `width` cells; several: trials, so that the trial has to be named."""
    whose = clean(change.candidate) + (f"  {change.trial}" if several else "")
    if change.criterion is not None:
        what = f"{change.criterion:<6} {change.after}"
    else:
        what = change.after.upper() + ("" if change.cohort is None else f" ({change.cohort})")
    day = date.fromordinal(change.day).isoformat()
    line = Text(f"{day}  {whose:<8}  {MARK.get(change.after, '?')} {what:<19}  {clean('; '.join(change.because))}")
    line.truncate(max(width, _NARROWEST), overflow="ellipsis")
    return line.plain.rstrip()


def _too_long() -> InputRefused:
    return InputRefused([Problem("too-long", f"an event of more than {MAX_BYTES // 1_000_000} MB")])


def _together(feed: BinaryIO) -> Iterator[list[tuple[int, bytes | None]]]:
    """The lines that are there, as many as may be kept together, without waiting for more; None: far too long."""
    waiting: list[tuple[int, bytes | None]] = []
    size = 0
    for number, (line, more) in enumerate(_lines(feed), start=1):
        if line is None or line.strip():
            waiting.append((number, line))
            size += len(line or b"")
        if waiting and (not more or len(waiting) == _TOGETHER or size > _BYTES):
            yield waiting
            waiting, size = [], 0


def _lines(feed: BinaryIO) -> Iterator[tuple[bytes | None, bool]]:
    """Each line, with whether the next one is there already."""
    rest: list[bytes] = []
    size = 0
    first = True
    read = getattr(feed, "read1", feed.read)
    while piece := read(_PIECE):
        *lines, last = piece.split(b"\n")
        for place, line in enumerate(lines):
            whole = b"".join([*rest, line])
            if first:
                whole, first = whole.removeprefix(b"\xef\xbb\xbf"), False
            too_long = size + len(line) > MAX_BYTES
            rest, size = [], 0
            yield None if too_long else whole, place < len(lines) - 1
        size += len(last)
        if size <= MAX_BYTES:
            rest.append(last)
    if size:
        whole = b"".join(rest)
        yield None if size > MAX_BYTES else whole.removeprefix(b"\xef\xbb\xbf") if first else whole, False
