"""The three truths of a condition about a candidate whose record is incomplete.

A condition is TRUE when it holds in every full record that agrees with what is known, FALSE when it
holds in none, UNKNOWN otherwise (Kleene's strong three-valued logic, *Introduction to
Metamathematics*, 1952, §64).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final, NoReturn


class Truth(Enum):
    """One of three truths; compare with ``is``, never with ``if truth``."""

    FALSE = 0
    UNKNOWN = 1
    TRUE = 2

    def __bool__(self) -> NoReturn:
        raise TypeError("a Truth has three values: compare it with `is TRUE`, `is FALSE` or `is UNKNOWN`")

    __hash__ = object.__hash__  # members are one of a kind; the hash that enumerations have is slow

    @classmethod
    def of(cls, known: bool | None) -> Truth:
        """The truth of a plain yes or no; None is UNKNOWN."""
        return UNKNOWN if known is None else TRUE if known else FALSE


FALSE: Final = Truth.FALSE
UNKNOWN: Final = Truth.UNKNOWN
TRUE: Final = Truth.TRUE


def known(truth: Truth) -> bool | None:
    """True, False, or None for UNKNOWN: the form in which reports write a truth."""
    return None if truth is UNKNOWN else truth is TRUE


def negation(a: Truth) -> Truth:
    """not: TRUE ↔ FALSE, UNKNOWN stays."""
    return TRUE if a is FALSE else FALSE if a is TRUE else UNKNOWN


def conjunction(truths: Iterable[Truth]) -> Truth:
    """all: FALSE if one is FALSE, else UNKNOWN if one is UNKNOWN, else TRUE (also of nothing)."""
    result = TRUE
    for truth in truths:
        if truth is FALSE:
            return FALSE
        if truth is UNKNOWN:
            result = UNKNOWN
    return result


def but_not(truth: Truth, exception: Truth) -> Truth:
    """The one and not the other, as `conjunction` and `negation` say together."""
    if truth is FALSE or exception is TRUE:
        return FALSE
    return truth if exception is FALSE else UNKNOWN


def disjunction(truths: Iterable[Truth]) -> Truth:
    """any: TRUE if one is TRUE, else UNKNOWN if one is UNKNOWN, else FALSE (also of nothing)."""
    result = FALSE
    for truth in truths:
        if truth is TRUE:
            return TRUE
        if truth is UNKNOWN:
            result = UNKNOWN
    return result


def at_least(count: int, truths: Iterable[Truth]) -> Truth:
    """k of n: TRUE once k are TRUE, FALSE once fewer than k are left that may be."""
    true = possible = 0
    for truth in truths:
        true += truth is TRUE
        possible += truth is not FALSE
    return TRUE if true >= count else FALSE if possible < count else UNKNOWN


def choice(condition: Truth, then: Truth, otherwise: Truth) -> Truth:
    """if/then/else: the branch taken; while the condition is UNKNOWN, what both branches agree on."""
    if condition is TRUE:
        return then
    if condition is FALSE:
        return otherwise
    return then if then is otherwise else UNKNOWN


def agreement(truths: Iterable[Truth]) -> Truth:
    """What holds whichever of several possibilities is the case; UNKNOWN where they differ."""
    result: Truth | None = None
    for truth in truths:
        if truth is UNKNOWN or (result is not None and truth is not result):
            return UNKNOWN
        result = truth
    return UNKNOWN if result is None else result
