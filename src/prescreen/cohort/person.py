"""Leaves about the person over columns: age, sex, answers."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, Generic

from prescreen.cohort.algebra import FALSE, TRUE, UNKNOWN, Algebra, E, R, Reading, Spelling
from prescreen.cohort.windows import Calendar
from prescreen.language.model import SCREENING, Age, Answer, Question, Sex
from prescreen.time import EARLIEST_DAY, LATEST_DAY, Span, When, age_interval, parse_when, shift_day, unshift_day

SEXES: Final = ("female", "male")
"""What a table may say; anything else is listed, and is not known."""

BIRTH: Final = ("birth_date", "age", "age_on")
"""The columns that tell when somebody was born."""

_NO_DAY: Final = -1


class Persons(Generic[E, R]):
    """Decides the leaves that look at no record. bare: whether answers without a trial count."""

    def __init__(self, algebra: Algebra[E, R], calendar: Calendar[E, R], bare: bool) -> None:
        self.algebra = algebra
        self.calendar = calendar
        self.bare = bare

    def sex(self, leaf: Sex) -> E:
        def read(spelling: Spelling) -> int:
            return UNKNOWN if spelling[0] not in SEXES else TRUE if spelling[0] == leaf.sex else FALSE

        a, supposed = self.algebra, self.calendar.supposed
        truth = a.read(a.persons(), Reading(("sex",), ("sex", leaf.sex), read))
        if supposed is None:
            return truth
        return a.where(self.sex_open(), a.truth(TRUE if supposed.sex == leaf.sex else FALSE), truth)

    def sex_open(self) -> E:
        """Whether the sex is not on file."""
        return self._is_open("sex", lambda text: TRUE if text in SEXES else FALSE)

    def birth_missing(self) -> E:
        """Whether no birth date is on file."""
        return self._birth_is_open(lambda _: TRUE, "given")

    def birth_open(self) -> E:
        """Whether the birth date is not known to the day."""
        return self._birth_is_open(lambda when: TRUE if when.is_one_day else FALSE, "known")

    def _birth_is_open(self, of: Callable[[When], int], what: str) -> E:
        def read(spelling: Spelling) -> int:
            birth = born(spelling)
            return FALSE if birth is None else of(birth)

        a = self.algebra
        return a.negated(a.same(a.read(a.persons(), Reading(BIRTH, (what, "birth"), read)), a.truth(TRUE)))

    def _is_open(self, column: str, of: Callable[[str], int], what: str = "known") -> E:
        a = self.algebra
        reading = Reading((column,), (what, column), lambda s: FALSE if s[0] is None else of(s[0]))
        return a.negated(a.same(a.read(a.persons(), reading), a.truth(TRUE)))

    def age(self, leaf: Age) -> E:
        """True or false when all birth dates and anchor days agree."""
        a = self.algebra
        youngest, oldest = self._birth("first"), self._birth("last")
        truth = a.truth(TRUE)
        for span, lower in ((leaf.low, True), (leaf.below, False)):
            if span is None:
                continue
            perhaps = a.at_most(youngest, self._born_by(leaf.anchor, span, "last"))
            surely = a.at_most(oldest, self._born_by(leaf.anchor, span, "first"))
            reached = a.where(surely, a.truth(TRUE), a.where(perhaps, a.truth(UNKNOWN), a.truth(FALSE)))
            truth = a.least(truth, reached if lower else a.minus(a.truth(TRUE), reached))
        return a.where(self.birth_missing(), a.truth(UNKNOWN), truth)

    def _birth(self, edge: str) -> E:
        """The first or the last day, by the screening day, on which somebody may be born."""

        def read(spelling: Spelling) -> int:
            birth = born(spelling)
            if birth is None:
                return _NO_DAY
            return birth.first_day if edge == "first" else min(birth.last_day, self.calendar.day)

        return self.algebra.read(self.algebra.persons(), Reading(BIRTH, ("birth", edge), read, truth=False))

    def _born_by(self, anchor: str, span: Span, edge: str) -> E:
        """The last day of birth of who has come to an age on an anchor: on the first or the last day that may be it."""
        if anchor == SCREENING:
            return self.algebra.number(born_by(self.calendar.day, span))
        unknown = born_by(EARLIEST_DAY if edge == "first" else LATEST_DAY, span)

        def read(when: When) -> int:
            return born_by(when.first_day if edge == "first" else when.last_day, span)

        return self.calendar.anchor(anchor, ("born by", span, edge), read, unknown)

    def answer(self, leaf: Answer, trial: str, question: Question) -> E:
        """An answer for this trial goes before a bare one; one that is none of the question's decides nothing."""
        own = self._answer(leaf, trial, question)
        if not self.bare:
            return own[0]
        bare = self._answer(leaf, None, question)
        return self.algebra.where(own[1], own[0], bare[0])

    def _answer(self, leaf: Answer, trial: str | None, question: Question) -> tuple[E, E]:
        """The truth by an answer, and whether there is one."""
        a, rows = self.algebra, self.algebra.answers(trial, leaf.question)
        answers: tuple[bool | str, ...] = question.options or (True, False)

        def read(spelling: Spelling) -> int:
            answer = answer_of(spelling[0])
            if answer not in answers:
                return UNKNOWN
            return TRUE if answer == leaf.equals else FALSE

        reading = Reading(("value",), ("answer", leaf.equals, answers), read)
        truth = a.read(rows, reading)
        return a.largest(rows, a.flag(True), truth, UNKNOWN), a.exists(rows, a.flag(True))


def born_by(day: int, span: Span) -> int:
    """The last day of birth of who has come to an age by a day; _NO_DAY where the calendar has none."""
    found = unshift_day(day, span)
    return found if shift_day(found, span, 1) <= day else _NO_DAY


@lru_cache(maxsize=1 << 16)
def born(spelling: Spelling) -> When | None:
    """The days on which somebody may be born, by a birth date, an age on some day, or both; None: not known."""
    birth, age, on = spelling
    by_date = None if birth is None else parse_when(birth)
    if age is None or on is None:
        return by_date
    by_age = age_interval(int(age), parse_when(on))
    if by_date is None:
        return by_age
    low, high = max(by_date.low, by_age.low), min(by_date.high, by_age.high)
    return When(by_date.text, low, high) if low <= high else None


def answer_of(text: str | None) -> bool | str | None:
    """An answer as a table writes it: true and false in any capitals, else its text."""
    folded = "" if text is None else text.casefold()
    return folded == "true" if folded in ("true", "false") else text
