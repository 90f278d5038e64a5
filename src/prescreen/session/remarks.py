"""What a person should know of an event's data: what of it cannot be used, and what nobody asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from prescreen.candidate.profile import Profile
from prescreen.candidate.structure import quoted
from prescreen.issues import Issue
from prescreen.language.model import Trial
from prescreen.problems import did_you_mean

_PLACE: Final = re.compile(r"observations\[(\d+)\]")
_MOST: Final = 20  # of one event


def remarks(before: Profile, after: Profile, issues: Iterable[Issue], trials: Sequence[Trial]) -> tuple[str, ...]:
    """Remarks on what an event has made of a profile. issues: of the facts after it, of which those are told that its
    records have."""
    found = dict.fromkeys([*_of_records(before, after, issues), *_of_names(before, after, trials)])
    told = list(found)[:_MOST]
    if len(found) > _MOST:
        told.append(f"and {len(found) - _MOST} more remarks like these")
    return tuple(told)


def _of_records(before: Profile, after: Profile, issues: Iterable[Issue]) -> Iterator[str]:
    known: set[int] | None = None
    for issue in issues:
        place = _PLACE.match(issue.path or "")
        if place is None:
            if before.birth_date != after.birth_date or before.age != after.age:
                yield issue.message
            continue
        record = after.observations[int(place[1])]
        known = {id(each) for each in before.observations} if known is None else known
        if id(record) not in known:
            yield f"record {quoted(record.id or '')}: {issue.message}"


def _of_names(before: Profile, after: Profile, trials: Sequence[Trial]) -> Iterator[str]:
    """Answers to questions, and anchors, that no trial of the session has."""
    if after.answers is not before.answers:
        for name in after.answers.keys() - before.answers.keys():
            whose, _, question = name.rpartition(":")
            for trial in trials:
                if trial.id == whose and question not in trial.questions:
                    yield _hinted(f"{whose} asks no question named {quoted(question)}", question, trial.questions)
    if after.anchors is not before.anchors:
        anchors = {name for trial in trials for name in trial.anchors}
        for name in after.anchors.keys() - before.anchors.keys() - anchors:
            yield _hinted(f"no trial here has an anchor named {quoted(name)}", name, anchors)


def _hinted(message: str, name: str, known: Iterable[str]) -> str:
    hint = did_you_mean(name, sorted(known))
    return f"{message}: {hint}" if hint else message
