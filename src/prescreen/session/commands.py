"""What the commands `watch` and `worklist` do, apart from options and streams."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO, TextIO

from prescreen.problems import InputRefused, Problem
from prescreen.session.model import Change
from prescreen.session.process import EngineFailedError
from prescreen.session.session import Session, sources_of
from prescreen.session.watch import line_of, text_of, watch
from prescreen.session.worklist import WorkList, worklist


@dataclass(frozen=True, slots=True)
class Watching:
    """What `prescreen watch` was asked for. today: the calendar's day, used where a new log is given no other.
    width: of lines of text."""

    trials: tuple[str, ...]
    on: date | None
    today: date
    ranges: str | None
    store: str | None
    feeds: tuple[str, ...]
    form: str
    acknowledge: bool
    width: int


def watch_feeds(
    asked: Watching, out: TextIO, refuse: Callable[[InputRefused], None], say: Callable[[str], None]
) -> bool:
    """Lead feeds into a session, one after the other; whether something was refused.

    refuse, say: tell refusals and notes. Raises InputRefused when there is no going on.
    """
    with Session(asked.trials, asked.store, on=asked.on or asked.today, ranges=asked.ranges) as session, rules_spared():
        day = session.day
        if asked.on is not None and day != asked.on:
            say(f"note: the log is on {day} and stays there; an event with `on` moves it")
        elif asked.on is None:
            today = f"today, {day}" if day == asked.today else f"{day}, as the log has it"
            say(f"note: the screening day is {today}; --on sets that of a new log, an event with `on` another")
        several = len(session.trials) > 1

        def write(change: Change) -> str:
            return line_of(change) if asked.form == "jsonl" else text_of(change, several=several, width=asked.width)

        refused = events = 0
        try:
            for name in asked.feeds:
                with _opened(name) as feed:
                    shown = "<stdin>" if name == "-" else name
                    done = watch(
                        session,
                        feed,
                        shown,
                        out,
                        refuse,
                        remark=lambda text: say(f"note: {text}"),
                        write=write,
                        acknowledge=asked.acknowledge,
                    )
                refused += done.refused
                events += done.events
        except EngineFailedError as failed:
            hint = "what was acknowledged is kept; send the events from there on again"
            raise InputRefused([Problem("engine", str(failed), hint=hint)]) from None
        if refused:
            say(f"{refused} of {events} events refused")
        return refused > 0


def list_work(trials: tuple[str, ...], store: str, ranges: str | None, since: date | None) -> WorkList:
    """The work list of a log. Raises InputRefused when there is none."""
    known, table = sources_of(store)
    with Session(trials or known, store, ranges=ranges or table) as session:
        return worklist(session, since)


@contextmanager
def rules_spared() -> Iterator[None]:
    """Have the garbage collector leave out what is there already, and look less often: a session leaves hardly any
    cycles."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdin.buffer
        return
    if Path(name).is_dir():
        raise InputRefused([Problem("no-file", "is a directory: expected a file of events", file=name)])
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(open(name, "rb"))
        except FileNotFoundError:
            raise InputRefused([Problem("no-file", "there is no such file", file=name)]) from None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "no usable file name"
            raise InputRefused([Problem("no-file", f"cannot be opened: {reason.lower()}", file=name)]) from None
        yield stream
