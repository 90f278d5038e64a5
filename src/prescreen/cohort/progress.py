"""How far a run is: what is being done, how fast, and how long it will take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_EVERY: Final = 0.5  # seconds


Listener = Callable[[str, int, int | None, float], None]
"""Who is told: of what, how many rows or candidates are done, of how many (None: not known), in how many seconds."""


class Progress:
    """Tells a listener at most twice a second. clock: seconds, of whoever runs this."""

    def __init__(self, tell: Listener | None, clock: Callable[[], float]) -> None:
        self._tell = tell
        self._clock = clock
        self._next = 0.0
        self._what = ""
        self._began = 0.0
        self._done = 0

    def add(self, what: str, number: int, whole: int | None = None) -> None:
        if self._tell is None:
            return
        now = self._clock()
        if what != self._what:
            self._what, self._began, self._done = what, now, 0
        self._done += number
        if now >= self._next:
            self._next = now + _EVERY
            self._tell(what, self._done, whole, now - self._began)


def words(what: str, done: int, whole: int | None, seconds: float) -> str:
    """``observations: 4,194,304 of 20,000,000 rows, 1,200,000 a second, 13 s left``."""
    rate = done / seconds if seconds > 0 else 0.0
    text = f"{what}: {done:,}" + (f" of {whole:,}" if whole else "")
    if rate:
        text += f", {rate:,.0f} a second"
        if whole and whole > done:
            text += f", {(whole - done) / rate:,.0f} s left"
    return text
