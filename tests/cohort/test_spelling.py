"""Spellings are read once for all rows."""

from __future__ import annotations

import numpy as np

from prescreen.cohort.algebra import Marked, Reading, Spelling
from prescreen.cohort.spelling import Pool

MANY = 300  # spellings


def _length(spelling: Spelling) -> int:
    return 0 if spelling[0] is None else len(spelling[0])


def _pool() -> Pool:
    pool = Pool(["value", "unit"])
    for number in range(1, MANY):
        pool.number(("x" * number, "mg" if number % 2 else None))
    return pool


def test_a_spelling_is_read_when_it_is_met() -> None:
    pool = _pool()
    read: list[Spelling] = []
    reading = Reading(("value", "unit"), "length", lambda s: read.append(s) or _length(s), truth=False)  # type: ignore[func-returns-value]
    assert pool.read(reading, np.asarray([3, 5, 3])).tolist() == [3, 5, 3]
    assert len(read) == 2
    assert pool.read(reading, np.asarray([5, 7])).tolist() == [5, 7]
    assert len(read) == 3
    assert pool.read(reading, np.arange(MANY // 2)).tolist() == list(range(MANY // 2))
    assert len(read) == MANY  # most are met: the others are read with them
    assert pool.read(reading, np.tile(np.arange(MANY), 20)).tolist() == [0, *range(1, MANY)] * 20
    assert len(read) == MANY


def test_a_part_of_a_spelling_is_read_as_the_whole_is() -> None:
    pool = _pool()
    of_part = Reading(("unit",), "unit given", lambda s: 2 if s[0] else 0)
    expected = [0, *(2 if number % 2 else 0 for number in range(1, MANY))]
    assert pool.read(of_part, np.arange(MANY)).tolist() == expected
    pool.number(("y", "mmol"))
    assert pool.read(of_part, np.arange(MANY + 1)).tolist() == [*expected, 2]


def test_what_cannot_be_read_is_nothing() -> None:
    pool = Pool(["value"], lambda spelling: spelling[0] != "?")
    numbers = np.asarray([pool.number(("ab",)), pool.number(("?",)), pool.number((None,))])
    assert pool.read(Reading(("value",), "length", _length, truth=False), numbers).tolist() == [2, 0, 0]


def test_marks_are_found_as_each_spelling_bears_them() -> None:
    pool = Pool(["value"], lambda spelling: spelling[0] != "ab?")
    texts = ["ab", "b", "", "abc", "ab?", None, "cb"]
    wanted = (frozenset("a"), frozenset("bc"), frozenset("x"), frozenset[str]())

    def read() -> list[list[int]]:
        numbers = np.asarray([pool.number((text,)) for text in texts])
        readings = [
            Reading(("value",), each, Marked("letters", lambda s: frozenset(s[0] or ""), each)) for each in wanted
        ]
        return [pool.read(reading, numbers).tolist() for reading in readings]

    def each(marks: frozenset[str]) -> list[int]:
        return [2 if text != "ab?" and marks & set(text or "") else 0 for text in texts]

    assert read() == [each(marks) for marks in wanted]
    texts += ["a", "d"]  # a spelling that comes later is found, too
    assert read() == [each(marks) for marks in wanted]
