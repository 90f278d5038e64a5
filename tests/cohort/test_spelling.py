"""Spellings are read once for all rows, by several threads at once."""

from __future__ import annotations

import threading
from types import TracebackType

import numpy as np

from prescreen.cohort.algebra import Reading, Spelling
from prescreen.cohort.spelling import Pool

MANY = 300  # spellings: of more than 256, those that are met are read first


def _length(spelling: Spelling) -> int:
    return 0 if spelling[0] is None else len(spelling[0])


def _pool() -> Pool:
    pool = Pool(["value", "unit"])
    for number in range(1, MANY):
        pool.number(("x" * number, "mg" if number % 2 else None))
    return pool


class _InTurn:
    """A lock that admits threads by their names in a given order, after all of them have come to it once."""

    def __init__(self, order: list[str]) -> None:
        self.order = order
        self.came: set[str] = set()
        self.expected = set(order)
        self.changed = threading.Condition(threading.Lock())
        self.held = False

    def __enter__(self) -> None:
        me = threading.current_thread().name
        with self.changed:
            self.came.add(me)
            self.changed.notify_all()
            assert self.changed.wait_for(
                lambda: not self.held and self.came >= self.expected and (not self.order or self.order[0] == me), 20
            )
            self.held = True
            del self.order[:1]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self.changed:
            self.held = False
            self.changed.notify_all()


def test_two_threads_that_read_the_same_at_once_read_all_of_it() -> None:
    """One makes the table, the other finds it made while it waited, and the first then reads all spellings: what the
    second has not met must be read all the same (a cohort had wrong statuses in one of some runs)."""
    pool = _pool()
    reading = Reading(("value", "unit"), "length", _length, truth=False)
    many, few = np.tile(np.arange(MANY), 20), np.asarray([3, 5])
    pool._lock = _InTurn(["first", "second", "first"])  # type: ignore[assignment]
    read: dict[str, list[int]] = {}

    def run(numbers: np.ndarray) -> None:  # type: ignore[type-arg]
        read[threading.current_thread().name] = pool.read(reading, numbers).tolist()

    threads = [threading.Thread(target=run, args=(each,), name=name)
               for name, each in (("first", many), ("second", few))]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert read["first"] == [0, *range(1, MANY)] * 20
    assert read["second"] == [3, 5]
    assert pool.read(reading, np.arange(MANY)).tolist() == [0, *range(1, MANY)]


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
