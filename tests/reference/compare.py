"""One pair through the program's public API, held against the reference."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from prescreen import load_trial, screen, statuses
from tests.reference.generate import QUESTIONS, Mapping, Pair
from tests.reference.worlds import TooManyError, outcomes

OPTIONS = {name: options for name, options in QUESTIONS.items() if options}


def expected(pair: Pair) -> frozenset[bool] | None:
    """The truths over all completions; None where there are too many to enumerate."""
    try:
        return frozenset(
            outcomes(
                pair.condition,
                pair.candidate,
                pair.day,
                exclusion=pair.exclusion,
                options=OPTIONS,
                definitions=pair.definitions,
            )
        )
    except TooManyError:
        return None


def said(pair: Pair) -> bool | None:
    """What the program says of the condition: true, false or None for unknown (statuses alone, the quick way)."""
    status = statuses(load_trial(pair.trial()), pair.candidate, on=pair.day)["C"]
    return None if status == "undetermined" else (status == "met") is not pair.exclusion


def reported(pair: Pair) -> tuple[bool | None, bool]:
    """The same from the full report, and whether that is marked as exact."""
    report = screen(load_trial(pair.trial()), pair.candidate, on=pair.day)["C"]
    return report.condition, report.exact


def agrees(truths: frozenset[bool], answer: bool | None) -> bool:
    """Whether an answer is sound and exact."""
    return len(truths) == 2 if answer is None else truths == {answer}


def judge(pair: Pair, truths: frozenset[bool], answer: bool | None) -> str:
    """ok, unsound (a completion disagrees), needless (unknown, all completions agree) or flagged (so, but flagged)."""
    if agrees(truths, answer):
        return "ok"
    if answer is not None:
        return "unsound"
    return "needless" if reported(pair)[1] else "flagged"


def shrunk(pair: Pair, fails: Callable[[Pair], bool]) -> Pair:
    """A smaller pair that still fails: parts are left out one by one as long as it does."""
    smaller = True
    while smaller:
        smaller = False
        for attempt in _smaller(pair):
            try:
                still = fails(attempt)
            except (ValueError, KeyError, TypeError):  # what is left is no longer a condition
                still = False
            if still:
                pair, smaller = attempt, True
                break
    return pair


def _smaller(pair: Pair) -> Iterator[Pair]:
    for condition in _parts(pair.condition):
        yield replace(pair, condition=condition)
    for key, value in pair.candidate.items():
        if key == "id":
            continue
        yield replace(pair, candidate={name: each for name, each in pair.candidate.items() if name != key})
        if isinstance(value, list):
            for index in range(len(value)):
                yield replace(pair, candidate={**pair.candidate, key: value[:index] + value[index + 1 :]})
                for part in value[index]:
                    if part != "code":
                        record = {name: each for name, each in value[index].items() if name != part}
                        yield replace(
                            pair, candidate={**pair.candidate, key: [*value[:index], record, *value[index + 1 :]]}
                        )
        elif isinstance(value, dict):
            for part in value:
                rest = {name: each for name, each in value.items() if name != part}
                yield replace(pair, candidate={**pair.candidate, key: rest})


def _parts(condition: Mapping) -> Iterator[Mapping]:
    """Conditions with one part less."""
    for key in ("all", "any"):
        for index, part in enumerate(condition.get(key, [])):
            yield part
            if len(condition[key]) > 1:
                yield {**condition, key: condition[key][:index] + condition[key][index + 1 :]}
            for smaller in _parts(part):
                yield {**condition, key: [*condition[key][:index], smaller, *condition[key][index + 1 :]]}
    if "at_least_of" in condition:
        yield from condition["at_least_of"]["of"]
    for key in ("not", "if", "then", "else", "unless"):
        if key in condition:
            yield condition[key]
            for smaller in _parts(condition[key]):
                yield {**condition, key: smaller}
    if "unless" in condition:
        yield {key: value for key, value in condition.items() if key != "unless"}
    for key in (
        "within",
        "select",
        "status",
        "for_at_least",
        "at",
        "verification",
        "except",
        "severity",
        "route",
        "outcome",
        "stable_for",
        "by",
        "duration",
        "fall",
        "rise",
    ):
        if key in condition:
            yield {name: value for name, value in condition.items() if name != key}


def as_json(pair: Pair) -> str:
    """A pair as it can be put into a file and tried by hand."""
    shown: dict[str, Any] = {"exclude_if" if pair.exclusion else "include_if": pair.condition}
    if pair.definitions:
        shown["definitions"] = pair.definitions
    return json.dumps({**shown, "candidate": pair.candidate, "on": pair.day.isoformat()}, ensure_ascii=False)
