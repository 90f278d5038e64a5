"""Leaves about the person: age, sex, answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prescreen.engine.setting import Found, Setting
from prescreen.language.model import Age, Answer, Question, Sex
from prescreen.time import DAY, EARLIEST_DAY, LATEST_DAY, shift_day
from prescreen.truth import FALSE, TRUE, UNKNOWN, Truth

FOUND: Final = {truth: Found(truth) for truth in Truth}
_TRUE: Final = FOUND[TRUE]
_FALSE: Final = FOUND[FALSE]
_UNKNOWN: Final = FOUND[UNKNOWN]

Decide = Callable[[Setting], Found]


def age_leaf(leaf: Age) -> Decide:
    """Age in completed units on the anchor's day, true or false when all birth dates and days agree."""

    def decide(setting: Setting) -> Found:
        birth = setting.facts.birth
        if birth is None:
            return _UNKNOWN
        anchor = setting.anchor(leaf.anchor)
        first, last = (EARLIEST_DAY, LATEST_DAY) if anchor is None else (anchor.first_day, anchor.last_day)
        born_first, born_last = birth.low // DAY, min(birth.high // DAY, setting.day)
        result = _TRUE
        if leaf.low is not None and first < shift_day(born_last, leaf.low, 1):
            if last < shift_day(born_first, leaf.low, 1):
                return _FALSE
            result = _UNKNOWN
        if leaf.below is not None and last >= shift_day(born_first, leaf.below, 1):
            if first >= shift_day(born_last, leaf.below, 1):
                return _FALSE
            result = _UNKNOWN
        return result

    return decide


def sex_leaf(leaf: Sex) -> Decide:
    """Sex for clinical use."""

    def decide(setting: Setting) -> Found:
        sex = setting.facts.sex
        return _UNKNOWN if sex is None else _TRUE if sex == leaf.sex else _FALSE

    return decide


def answer_leaf(leaf: Answer, trial: str, question: Question) -> Decide:
    """An answer for this trial (``TRIAL:question``), else one given without a trial; one that is none of the
    question's answers decides nothing."""
    name, qualified, wanted = leaf.question, f"{trial}:{leaf.question}", leaf.equals
    own, general = (
        {answer: Found(TRUE if answer == wanted else FALSE, (key, str(answer))) for answer in answers_of(question)}
        for key in (qualified, name)
    )
    unanswered = Found(UNKNOWN, ("nothing",))

    def decide(setting: Setting) -> Found:
        answers = setting.facts.answers
        answer = answers.get(qualified)
        if answer is not None:
            return own.get(answer, _UNKNOWN)
        answer = answers.get(name)
        return unanswered if answer is None else general.get(answer, _UNKNOWN)

    return decide


def answers_of(question: Question) -> tuple[bool | str, ...]:
    """The answers that a question may have."""
    return question.options or (True, False)
