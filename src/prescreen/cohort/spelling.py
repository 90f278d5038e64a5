"""Distinct spellings as whole numbers: each text of a column is read once, by the code that reads a candidate's JSON."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from prescreen.cohort.algebra import Reading, Spelling

Ids = npt.NDArray[Any]

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


class Pool:
    """The distinct spellings of some columns, numbered as they come; number 0 is that of nothing.

    check: whether a spelling can be read at all; the candidates of those that cannot go to the direct evaluator.
    """

    def __init__(self, columns: Sequence[str], check: Callable[[Spelling], bool] | None = None) -> None:
        self.columns = tuple(columns)
        nothing: Spelling = (None,) * len(self.columns)
        self.spellings: list[Spelling] = [nothing]
        self.sound: list[bool] = [check is None or check(nothing)]
        self.all_sound = self.sound[0]
        self._numbers: dict[Spelling, int] = {nothing: 0}
        self._check = check
        self._tables: dict[object, Ids] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.spellings)

    @property
    def type(self) -> np.dtype[Any]:
        """The smallest type that holds the numbers so far."""
        return np.min_scalar_type(len(self.spellings) - 1)

    def number(self, spelling: Spelling) -> int:
        found = self._numbers.get(spelling)
        if found is None:
            found = self._numbers[spelling] = len(self.spellings)
            self.spellings.append(spelling)
            sound = self._check is None or (
                not any(text and _CONTROL.search(text) for text in spelling) and self._check(spelling)
            )
            self.sound.append(sound)
            self.all_sound = self.all_sound and sound
        return found

    def numbers(self, texts: Iterable[str | None]) -> Ids:
        """The numbers of texts of a single column; an empty text is nothing."""
        number = self.number
        return np.asarray([number((text or None,)) for text in texts], self._wide())

    def _wide(self) -> np.dtype[Any]:
        return np.dtype(np.int32)

    def soundness(self) -> Ids:
        return np.asarray(self.sound, bool)

    def table(self, reading: Reading) -> Ids:
        """What a reading makes of each spelling, by its number; nothing of what cannot be read."""
        key = (reading.columns, reading.key)
        with self._lock:
            known = self._tables.get(key)
            if known is None or len(known) < len(self.spellings):
                done = 0 if known is None else len(known)
                places = [self.columns.index(column) for column in reading.columns]
                whole = places == list(range(len(self.columns)))
                more = [
                    (reading.of(each if whole else tuple(each[p] for p in places)) if sound else 0)
                    for each, sound in zip(self.spellings[done:], self.sound[done:], strict=True)
                ]
                made = np.asarray(more, np.int8 if reading.truth else np.int64)
                known = made if known is None else np.concatenate([known, made])
                self._tables[key] = known
            return known


def packed(columns: Sequence[Ids], sizes: Sequence[int]) -> Ids:
    """One number for each combination of numbers; columns are brought together as often as they would overflow."""
    whole = columns[0].astype(np.int64)
    room = sizes[0]
    for column, size in zip(columns[1:], sizes[1:], strict=True):
        if room * size > 2**62:
            _, whole = np.unique(whole, return_inverse=True)
            room = int(whole.max(initial=0)) + 1
        whole = whole * size + column
        room *= size
    return whole
