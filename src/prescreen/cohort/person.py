"""Leaves about the person over columns: age, sex, answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic

from prescreen.cohort.algebra import FALSE, TRUE, UNKNOWN, Algebra, E, R, Reading, Spelling
from prescreen.cohort.windows import Calendar
from prescreen.language.model import SCREENING, Age, Answer, Question, Sex
from prescreen.time import DAY, EARLIEST_DAY, LATEST_DAY, Span, When, age_interval, parse_when, shift_day

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

        return self.algebra.read(self.algebra.persons(), Reading(("sex",), ("sex", leaf.sex), read))

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
        if leaf.anchor == SCREENING:
            day = self.calendar.day
            reading = Reading(BIRTH, ("age", leaf.low, leaf.below), lambda s: self._age_on(leaf, s, day, day))
            return self.algebra.read(self.algebra.persons(), reading)
        return self._age_at_anchor(leaf)

    def _age_on(self, leaf: Age, spelling: Spelling, first: int, last: int) -> int:
        """The truth of an age on some day of [first, last]."""
        birth = born(spelling)
        if birth is None:
            return UNKNOWN
        youngest, oldest = self._turning(leaf.low, birth)
        too_young, too_old = self._turning(leaf.below, birth)
        truth = TRUE
        if leaf.low is not None and first < oldest:
            truth = UNKNOWN if last >= youngest else FALSE
        if leaf.below is not None and last >= too_young:
            truth = FALSE if first >= too_old else min(truth, UNKNOWN)
        return truth

    def _turning(self, span: Span | None, birth: When) -> tuple[int, int]:
        """The first and the last day on which somebody born then may become so old."""
        if span is None:
            return _NO_DAY, _NO_DAY
        first, last = birth.first_day, min(birth.high // DAY, self.calendar.day)
        turned = shift_day(first, span, 1)
        return turned, turned if first == last else shift_day(last, span, 1)

    def _age_at_anchor(self, leaf: Age) -> E:
        a = self.algebra
        first = self.calendar.anchor(leaf.anchor, "first day", lambda when: when.first_day, EARLIEST_DAY)
        last = self.calendar.anchor(leaf.anchor, "last day", lambda when: when.last_day, LATEST_DAY)
        truth = a.truth(TRUE)
        for span, lower in ((leaf.low, True), (leaf.below, False)):
            if span is None:
                continue
            turns, turns_last = self._turning_day(span, 0), self._turning_day(span, 1)
            surely, perhaps = a.at_most(turns_last, first), a.at_most(turns, last)
            reached = a.where(surely, a.truth(TRUE), a.where(perhaps, a.truth(UNKNOWN), a.truth(FALSE)))
            truth = a.least(truth, reached if lower else a.minus(a.truth(TRUE), reached))
        known = Reading(BIRTH, "born", lambda s: FALSE if born(s) is None else TRUE)
        given = a.same(a.read(a.persons(), known), a.truth(TRUE))
        return a.where(given, truth, a.truth(UNKNOWN))

    def _turning_day(self, span: Span, which: int) -> E:
        def read(spelling: Spelling) -> int:
            birth = born(spelling)
            return _NO_DAY if birth is None else self._turning(span, birth)[which]

        key = ("turns", span, which)
        return self.algebra.read(self.algebra.persons(), Reading(BIRTH, key, read, truth=False))

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
