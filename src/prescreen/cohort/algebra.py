"""The few operations from which every criterion is computed over columns, and the three truths in terms of them.

An expression stands for one whole number or one yes-or-no for each candidate, or for each row of a table of theirs. A
backend says what an expression is (an array, a piece of SQL) and how the operations below are done; what criteria mean
is written once, in `results`, `events`, `person` and `walk`, against this protocol.

Truths are the numbers 0, 1, 2 (false, unknown, true): and is the least, or the most, not 2 − x. NULL is not known.
What columns cannot decide is none of the three but FALLBACK, which no connective ever sees: the truths that it may
turn out to be are carried along as bounds (`Between`), and where a criterion's bounds do not meet, the direct evaluator
decides it for that candidate.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Final, Generic, Protocol, TypeVar

from prescreen.catalogue import ObservationConcept
from prescreen.catalogue.model import Domain
from prescreen.language.model import Test

FALSE: Final = 0
UNKNOWN: Final = 1
TRUE: Final = 2
FALLBACK: Final = 3

E = TypeVar("E")
R = TypeVar("R")

Spelling = tuple[str | None, ...]
"""The texts of some columns of a row, as written; None: nothing is there."""


@dataclass(frozen=True, slots=True)
class Quick:
    """A shorter way to the commonest judgement: a point value against one threshold that is not near.

    concept: what is measured. number: the threshold in the concept's unit, or (multiple) of upper limits of normal.
    above, below: the truth on either side. limits_told: a result without a limit of its own has none at all. It decides
    nothing near a tie, nor of anything unusual.
    """

    concept: ObservationConcept
    number: float
    multiple: bool
    above: int
    below: int
    limits_told: bool


@dataclass(frozen=True, slots=True)
class Marked:
    """Spellings that bear one of some marks. key: tells one kind of marks from another; of: the marks of a spelling."""

    key: Hashable
    of: Callable[[Spelling], frozenset[str]]
    wanted: frozenset[str]

    def __call__(self, spelling: Spelling) -> int:
        return FALSE if self.wanted.isdisjoint(self.of(spelling)) else TRUE


@dataclass(frozen=True, slots=True)
class Reading:
    """A whole number that Python works out, exactly, once for each distinct spelling of some columns.

    key tells one reading from another. truth: whether the numbers are truths (0 to 3); otherwise they are instants.
    quick: shorter ways, the least of whose truths it is where all of them decide.
    """

    columns: tuple[str, ...]
    key: Hashable
    of: Callable[[Spelling], int] = field(compare=False)
    truth: bool = True
    quick: tuple[Quick, ...] = field(default=(), compare=False)


def given(column: str) -> Reading:
    """Whether anything is written in a column."""
    return Reading((column,), "given", lambda s: FALSE if s[0] is None else TRUE)


class Algebra(Protocol[E, R]):
    """Expressions `E` on candidates or on rows, tables of rows `R`. Numbers are whole, conditions yes or no.

    The rows of `persons` are the candidates themselves: what is read from them is on candidates.
    """

    # the tables, as far as a question goes
    def persons(self) -> R: ...
    def results(self, concept: str) -> R: ...
    def events(self, domain: Domain) -> R: ...
    def complete(self, domain: Domain) -> R: ...
    def answers(self, trial: str | None, question: str) -> R: ...
    def anchors(self, name: str) -> R: ...

    # numbers and conditions, each on candidates or on the rows of one table
    def number(self, value: int) -> E: ...
    def truth(self, value: int) -> E: ...
    def flag(self, holds: bool) -> E: ...
    def least(self, a: E, b: E) -> E: ...
    def most(self, a: E, b: E) -> E: ...
    def plus(self, a: E, b: E) -> E: ...
    def minus(self, a: E, b: E) -> E: ...
    def times(self, a: E, factor: int) -> E: ...
    def divided(self, a: E, by: int) -> E: ...
    def same(self, a: E, b: E) -> E: ...
    def at_most(self, a: E, b: E) -> E: ...
    def both(self, a: E, b: E) -> E: ...
    def either(self, a: E, b: E) -> E: ...
    def negated(self, a: E) -> E: ...
    def where(self, condition: E, then: E, otherwise: E) -> E: ...

    # from rows to their candidates and back
    def largest(self, rows: R, condition: E, number: E, nothing: int) -> E: ...
    def smallest(self, rows: R, condition: E, number: E, nothing: int) -> E: ...
    def total(self, rows: R, condition: E, number: E) -> E: ...
    def exists(self, rows: R, condition: E) -> E: ...
    def spread(self, rows: R, number: E) -> E: ...

    def only(self, rows: R, condition: E) -> R: ...
    def narrowed(self, rows: R, condition: E) -> R:
        """Those rows under a condition, where the others do not matter: a backend may leave them in."""

    def filled(self, condition: E, number: E, otherwise: E) -> E:
        """A number of the rows that `only` leaves under a condition, as one of all rows; of the others, `otherwise`."""

    def nowhere(self, condition: E) -> bool:
        """Whether a condition is seen to hold nowhere, so that what follows from it need not be computed."""

    # what Python reads
    def read(self, rows: R, reading: Reading) -> E: ...
    def given(self, rows: R, column: str) -> E:
        """Whether anything is written in a column."""

    def columns(self, domain: Domain) -> tuple[str, ...]: ...
    def derived(
        self, concept: ObservationConcept, tests: tuple[Test, ...], lead: R, partners: Sequence[tuple[E, E]], day: int
    ) -> E | None: ...


@dataclass(frozen=True, slots=True)
class Between(Generic[E]):
    """A truth known between two bounds, both in; one and the same expression where it is known."""

    least: E
    most: E

    @property
    def known(self) -> bool:
        return self.least is self.most


class Truths(Generic[E, R]):
    """Connectives over `Between`, each bound by itself: all of them are monotone, but for not, which swaps them."""

    def __init__(self, algebra: Algebra[E, R]) -> None:
        self.algebra = algebra

    def leaf(self, code: E, may_fall_back: bool) -> Between[E]:
        """A leaf's code, 0 to 3, as bounds: FALLBACK may be any truth."""
        if not may_fall_back:
            return Between(code, code)
        a = self.algebra
        open_ = a.same(code, a.truth(FALLBACK))
        if a.nowhere(open_):
            return Between(code, code)
        return Between(a.where(open_, a.truth(FALSE), code), a.where(open_, a.truth(TRUE), code))

    def constant(self, truth: int) -> Between[E]:
        made = self.algebra.truth(truth)
        return Between(made, made)

    def all_of(self, parts: Sequence[Between[E]]) -> Between[E]:
        return self._joined(self.algebra.least, parts, TRUE)

    def any_of(self, parts: Sequence[Between[E]]) -> Between[E]:
        return self._joined(self.algebra.most, parts, FALSE)

    def _joined(self, join: Callable[[E, E], E], parts: Sequence[Between[E]], of_none: int) -> Between[E]:
        if not parts:
            return self.constant(of_none)
        least = reduce(join, [part.least for part in parts])
        if all(part.known for part in parts):
            return Between(least, least)
        return Between(least, reduce(join, [part.most for part in parts]))

    def negation(self, part: Between[E]) -> Between[E]:
        two = self.algebra.truth(TRUE)
        most = self.algebra.minus(two, part.least)
        return Between(most, most) if part.known else Between(self.algebra.minus(two, part.most), most)

    def choice(self, condition: Between[E], then: Between[E], otherwise: Between[E]) -> Between[E]:
        """if/then/else: the branch taken; while the condition is unknown, what both branches agree on."""
        taken = [self.all_of((condition, then)), self.all_of((self.negation(condition), otherwise))]
        return self.any_of([*taken, self.all_of((then, otherwise))])

    def at_least(self, count: int, parts: Sequence[Between[E]]) -> Between[E]:
        least = self._at_least(count, [part.least for part in parts])
        if all(part.known for part in parts):
            return Between(least, least)
        return Between(least, self._at_least(count, [part.most for part in parts]))

    def _at_least(self, count: int, truths: Sequence[E]) -> E:
        """k of n: true once k are, false once fewer than k are left that may be."""
        a = self.algebra
        one, zero, enough = a.number(1), a.number(0), a.number(count)
        reached: list[E] = []
        for bound in (TRUE, UNKNOWN):
            ones = [a.where(a.at_most(a.truth(bound), truth), one, zero) for truth in truths]
            reached.append(a.at_most(enough, reduce(a.plus, ones, zero)))
        true, possible = reached
        return a.where(true, a.truth(TRUE), a.where(possible, a.truth(UNKNOWN), a.truth(FALSE)))
