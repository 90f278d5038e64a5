"""A small run of `make fuzz`, and that a number always stands for the same file."""

from __future__ import annotations

import pytest

from tools import fuzz


def test_broken_files_are_loaded_or_refused() -> None:
    tally = fuzz.run(range(300), seed=2)
    assert tally.faults == []
    assert tally.loaded + tally.refused == 300
    assert tally.loaded >= 3
    assert len(tally.codes) >= 30


def test_a_number_stands_for_one_file() -> None:
    first = [fuzz.broken(7, number) for number in range(40)]
    assert first == [fuzz.broken(7, number) for number in range(40)]
    assert len(set(first)) == 40
    assert first != [fuzz.broken(8, number) for number in range(40)]


def test_what_is_wrong_with_the_program_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fuzzer tells of tracebacks and of files that take too long."""

    def broken(*_: object) -> None:
        raise KeyError("oops")

    def endless(*_: object) -> None:
        raise fuzz.Hang

    for fault, said in ((broken, "KeyError"), (endless, "still at it")):
        monkeypatch.setattr(fuzz, "load", fault)
        (told,) = fuzz.run([1], seed=1).faults
        assert said in told
