"""Kleene's strong logic, against its tables and against what all completions say."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prescreen.truth import (
    FALSE,
    TRUE,
    UNKNOWN,
    Truth,
    agreement,
    at_least,
    choice,
    conjunction,
    disjunction,
    known,
    negation,
)

TRUTHS = (TRUE, UNKNOWN, FALSE)
MANY = st.lists(st.sampled_from(TRUTHS), max_size=6)


def completions(truths: tuple[Truth, ...]) -> list[tuple[bool, ...]]:
    return list(product(*((True, False) if truth is UNKNOWN else (truth is TRUE,) for truth in truths)))


def over(values: set[bool]) -> Truth:
    return UNKNOWN if len(values) == 2 else Truth.of(values.pop())


@pytest.mark.parametrize("truth", TRUTHS)
def test_a_truth_in_an_if_raises(truth: Truth) -> None:
    with pytest.raises(TypeError, match="three values"):
        bool(truth)
    with pytest.raises(TypeError):
        assert not truth


def test_yes_no_and_none_there_and_back() -> None:
    assert [Truth.of(answer) for answer in (True, False, None)] == [TRUE, FALSE, UNKNOWN]
    assert [known(truth) for truth in (TRUE, FALSE, UNKNOWN)] == [True, False, None]


def test_the_table_of_not() -> None:
    assert [negation(truth) for truth in TRUTHS] == [FALSE, UNKNOWN, TRUE]


TABLE_OF_ALL = [[TRUE, UNKNOWN, FALSE], [UNKNOWN, UNKNOWN, FALSE], [FALSE, FALSE, FALSE]]
TABLE_OF_ANY = [[TRUE, TRUE, TRUE], [TRUE, UNKNOWN, UNKNOWN], [TRUE, UNKNOWN, FALSE]]


def test_the_tables_of_all_and_any() -> None:
    assert [[conjunction((a, b)) for b in TRUTHS] for a in TRUTHS] == TABLE_OF_ALL
    assert [[disjunction((a, b)) for b in TRUTHS] for a in TRUTHS] == TABLE_OF_ANY


def test_of_nothing() -> None:
    assert (conjunction(()), disjunction(()), agreement(())) == (TRUE, FALSE, UNKNOWN)
    assert (at_least(0, ()), at_least(1, ())) == (TRUE, FALSE)


@given(MANY.map(tuple), st.integers(-1, 7))
def test_every_function_is_what_all_completions_say(truths: tuple[Truth, ...], count: int) -> None:
    ways = completions(truths)
    assert conjunction(truths) is over({all(way) for way in ways})
    assert disjunction(truths) is over({any(way) for way in ways})
    assert at_least(count, truths) is over({sum(way) >= count for way in ways})


@given(MANY)
def test_de_morgan(truths: list[Truth]) -> None:
    assert negation(conjunction(truths)) is disjunction([negation(truth) for truth in truths])
    assert at_least(len(truths), truths) is conjunction(truths)
    assert at_least(1, truths) is disjunction(truths)


@pytest.mark.parametrize(("a", "b", "c"), list(product(TRUTHS, repeat=3)))
def test_choice_is_what_all_completions_say_but_for_the_condition_used_twice(a: Truth, b: Truth, c: Truth) -> None:
    assert choice(a, b, c) is over({y if x else z for x, y, z in completions((a, b, c))})


@given(MANY)
def test_agreement_holds_what_holds_in_every_case(truths: list[Truth]) -> None:
    same = set(truths)
    assert agreement(truths) is (same.pop() if len(same) == 1 else UNKNOWN)
