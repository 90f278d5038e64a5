"""What has changed between two standings of a candidate, and why it is so now, in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from prescreen.engine.setting import Setting
from prescreen.report.model import Status
from prescreen.session.model import Change, Placed
from prescreen.session.standing import Judge, status_of

_MOST_WORDS: Final = 3
_CARRIES: Final = {"ineligible": "failed", "undetermined": "undetermined"}

Written = Iterable[tuple[str, bool]]
"""The criteria of a version of the rules: their ids, and whether they exclude."""


def written(judge: Judge) -> list[tuple[str, bool]]:
    """The criteria of a trial as they are noted beside standings."""
    return [(criterion.id, criterion.kind == "exclusion") for criterion in judge.trial.criteria]


def differences(judge: Judge, old: Placed, of_old: Written, new: Placed, candidate: str) -> list[Change]:
    """The statuses and verdicts that differ, not yet explained, nor with an event; of_old: the criteria of the old
    standing's rules."""
    after = _statuses(written(judge), new)
    before = _statuses(of_old, old)
    day, trial = new.standing.day, judge.trial.id
    found = [
        Change("", day, candidate, trial, each, None, was, is_now, ())
        for each, is_now in after.items()
        if (was := before.get(each, "undetermined")) != is_now
    ]
    for cohort, verdict in new.verdicts.items():
        was_verdict = old.verdicts.get(cohort, "undetermined")
        if was_verdict != verdict:
            found.append(Change("", day, candidate, trial, None, cohort, was_verdict, verdict, ()))
    return found


def explained(judge: Judge, changes: list[Change], new: Placed, setting: Setting) -> list[Change]:
    """The changes with the words for why it is so now: the findings on which a criterion's status rests, and for a
    verdict the criteria on which it does."""
    places = {criterion.id: place for place, criterion in enumerate(judge.trial.criteria)}
    said: dict[int, tuple[str, ...]] = {}

    def words(place: int) -> tuple[str, ...]:
        if place not in said:
            said[place] = judge.because(place, new.standing, setting)
        return said[place]

    found = []
    for change in changes:
        if change.criterion is not None:
            because = words(places[change.criterion])
        else:
            carrying = _carrying(judge, change, new)
            told = [f"{judge.trial.criteria[place].id}: {'; '.join(words(place))}" for place in carrying[:_MOST_WORDS]]
            if len(carrying) > _MOST_WORDS:
                told.append(f"and {len(carrying) - _MOST_WORDS} more")
            if not carrying:
                complete = judge.trial.complete
                told.append("every criterion on file is met" if complete else "the rule file's source is incomplete")
            because = tuple(told)
        found.append(replace(change, because=because))
    return found


def _statuses(criteria: Written, placed: Placed) -> dict[str, Status]:
    letters = placed.standing.truths
    return {each: status_of(letter, excludes) for (each, excludes), letter in zip(criteria, letters, strict=True)}


def _carrying(judge: Judge, change: Change, placed: Placed) -> list[int]:
    """The criteria, by place, on which a verdict rests."""
    criteria = judge.trial.criteria
    return [
        place
        for place, status in enumerate(judge.statuses(placed.standing))
        if status == _CARRIES.get(change.after)
        and (change.cohort is None or not criteria[place].cohorts or change.cohort in criteria[place].cohorts)
    ]
