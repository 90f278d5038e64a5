"""Distinct spellings as whole numbers: each text is read once, by the code that reads a candidate's JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from prescreen.cohort.algebra import FALSE, TRUE, Marked, Reading, Spelling

Ids = npt.NDArray[Any]

ROOM: Final = 2**62
"""More combinations have no packed keys that are the same everywhere."""

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
        self._by_text: dict[str | None, int] = {}
        self._check = check
        self._tables: dict[object, _Table] = {}
        self._bearers: dict[Hashable, dict[str, list[int]]] = {}
        self._parts: dict[tuple[str, ...], tuple[Pool, Ids]] = {}

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
            self._bearers.clear()
        return found

    def numbers(self, texts: Sequence[str | None]) -> Ids:
        """The numbers of texts of a single column; an empty text is nothing."""
        known = self._by_text
        found = [known.get(text, -1) for text in texts]
        for place, number in enumerate(found):
            if number < 0:
                text = texts[place]
                found[place] = known[text] = self.number((text or None,))
        return np.asarray(found, np.int32)

    def read_so_far(self) -> Iterator[tuple[Spelling, bool]]:
        """Each spelling, and whether it can be read."""
        return zip(self.spellings, self.sound, strict=True)

    def soundness(self) -> Ids:
        return np.asarray(self.sound, bool)

    def read(self, reading: Reading, numbers: Ids) -> Ids:
        """What a reading makes of spellings by their numbers: worked out once for each, when it is first met; nothing
        of what cannot be read."""
        table = self._tables.get(reading.key)
        if table is None or len(table.values) < len(self.spellings):
            table = self._table(reading)
        found = picked(table.values, numbers)
        if not table.whole and found.min(initial=0) == _UNREAD[reading.truth]:
            self._work_out(reading, table, numbers)
            found = picked(table.values, numbers)
        return found

    def _table(self, reading: Reading) -> _Table:
        """The table of a reading, with room for all spellings."""
        if len(reading.columns) < len(self.columns):
            part, of_part = self._part(reading.columns)
            table = _Table(part.read(reading, of_part), True)
        elif isinstance(reading.of, Marked):
            table = _Table(self._marked(reading.of), True)
        else:
            table = _Table(np.full(len(self.spellings), _UNREAD[reading.truth], _KIND[reading.truth]), False)
            known = self._tables.get(reading.key)
            if known is not None:
                table.values[: len(known.values)] = known.values
        self._tables[reading.key] = table
        return table

    def _marked(self, marked: Marked) -> Ids:
        """Which spellings bear one of some marks."""
        bearers = self._bearers.get(marked.key)
        if bearers is None:
            bearers = self._bearers[marked.key] = {}
            for number, (spelling, sound) in enumerate(self.read_so_far()):
                for mark in marked.of(spelling) if sound else ():
                    bearers.setdefault(mark, []).append(number)
        found = np.full(len(self), FALSE, np.int8)
        for mark in marked.wanted & bearers.keys():
            found[bearers[mark]] = TRUE
        return found

    def _work_out(self, reading: Reading, table: _Table, numbers: Ids) -> None:
        """Read the spellings of some rows; where these are most of all, all."""
        values = table.values
        met = np.zeros(len(values), bool)
        met[numbers] = True
        table.whole = bool(np.count_nonzero(met) * _MOST >= len(met))
        open_ = values == _UNREAD[reading.truth]
        if not table.whole:
            open_ &= met
        for number in np.flatnonzero(open_).tolist():
            values[number] = reading.of(self.spellings[number]) if self.sound[number] else 0

    def _part(self, columns: tuple[str, ...]) -> tuple[Pool, Ids]:
        """The spellings of some of the columns, and which of them each spelling holds."""
        part, of_part = self._parts.get(columns, (Pool(columns), np.zeros(0, np.int32)))
        if len(of_part) < len(self.spellings):
            places = [self.columns.index(column) for column in columns]
            more = [
                part.number(tuple(each[place] for place in places)) if sound else 0
                for each, sound in zip(self.spellings[len(of_part) :], self.sound[len(of_part) :], strict=True)
            ]
            of_part = np.concatenate([of_part, np.asarray(more, np.int32)])
        self._parts[columns] = part, of_part
        return part, of_part


@dataclass(slots=True)
class _Table:
    """What a reading has made of spellings, by their numbers. whole: of all of them."""

    values: Ids
    whole: bool


_KIND: Final = (np.int64, np.int8)
_MOST: Final = 2
"""Of which part of all spellings the others are worked out, too, so that none is looked for again."""
_UNREAD: Final = (-(1 << 63), -1)
"""What stands for a reading that has not been made: of instants, of truths. None is ever so, or less."""


def picked(values: Ids, at: Ids) -> Ids:
    """Some of the values; all places are of these."""
    return values.take(at, mode="clip")  # which need not look for others: twice as fast


def packed(columns: Sequence[Ids], sizes: Sequence[int]) -> Ids:
    """One number for each combination of numbers; columns are brought together as often as they would overflow."""
    whole = columns[0].astype(np.int64)
    room = sizes[0]
    for column, size in zip(columns[1:], sizes[1:], strict=True):
        if room * size > ROOM:
            _, whole = np.unique(whole, return_inverse=True)
            room = int(whole.max(initial=0)) + 1
        whole = whole * size + column
        room *= size
    return whole
