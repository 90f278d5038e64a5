"""Mutants: rule files with one thing changed. Each must be noticed by a case, or the cases do not hold the rule.

docs/decisions/0013-mutants.md says which changes are made, what counts as noticed, and why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final

from prescreen.check.bench import KINDS, Bench, Place
from prescreen.check.edits import edits_of, window_edits
from prescreen.check.model import Mutations, Survivor
from prescreen.check.writing import key_node, mapping, put, renamed
from prescreen.engine.compile import CompiledTrial
from prescreen.language import Trial
from prescreen.language.source import shown
from prescreen.problems import Problem
from prescreen.yamlio import Node


@dataclass(frozen=True, slots=True, eq=False)
class Mutant:
    """A trial of the criteria that an edit touches. place, at, what: where it was made and what it is, in words."""

    place: Place
    at: Node
    what: str
    trial: Trial


Telling = Callable[[int], None]
"""Told how many mutants have been tried so far."""

LEAST_SCORE: Final = 90
"""How many of a hundred mutants the cases of a rule file must notice, where nobody asks for more or less."""


def mutations(bench: Bench, file: str, tell: Telling) -> Mutations:
    """How many mutants of the sound criteria there are, and those that no case notices."""
    made = 0
    survivors: list[Survivor] = []
    for mutant in mutants(bench):
        if bench.exhausted:
            return Mutations(made, tuple(survivors), whole=False)
        made += 1
        tell(made)
        if not bench.noticed(CompiledTrial(mutant.trial)):
            at = mutant.at
            survivors.append(Survivor(_name(mutant.place), mutant.what, file, at.line, at.column, at.width))
    survivors.sort(key=lambda survivor: (survivor.line, survivor.column))
    return Mutations(made, tuple(survivors))


def score_problems(found: Mutations, least: float, file: str) -> Iterator[Problem]:
    """Cases that notice too few mutants."""
    if found.score < least:
        message = (
            f"the cases notice {found.noticed} of {found.made} mutants, {found.percent}: {least:g} % are asked for"
        )
        yield Problem("mutation-score", message, file, hint="add a case for each of the mutants that are listed")


def _name(place: Place) -> str:
    return f"`{shown(place.name)}`" if place.definition else shown(place.name)


def mutants(bench: Bench) -> Iterator[Mutant]:
    """Every mutant: each is a rule file that loads, and no two of a place mean the same, nor what is written."""
    for place in bench.places():
        seen = {_meaning(bench.read(place.criteria))}
        for edit in edits_of(place.condition, bench.day_of(place)):
            if place.definition:
                trial = bench.read(place.criteria, definition=(place.name, edit.node))
            else:
                (criterion,) = place.criteria
                kind = _kind(criterion)
                trial = bench.read([put(criterion, kind, edit.node)])
            yield from _new(place, edit.at, edit.what, trial, seen)
        if not place.definition:
            (criterion,) = place.criteria
            kind = _kind(criterion)
            other = KINDS[1 - KINDS.index(kind)]
            pairs = [renamed(pair, other) if pair[0].text == kind else pair for pair in criterion.pairs()]
            trial = bench.read([mapping(pairs, criterion)])
            yield from _new(place, key_node(criterion, kind), f"`{kind}` as `{other}`", trial, seen)
    yield from _of_all(bench)


def _of_all(bench: Bench) -> Iterator[Mutant]:
    """Mutants of the age of results that the trial states for all leaves that state none."""
    place = bench.everything()
    window = place.condition.get("results_within")
    if window is None or not place.criteria:
        return
    seen = {_meaning(bench.read(place.criteria))}
    for edit in window_edits(window, "results_within", bench.day_of(place)):
        yield from _new(place, edit.at, edit.what, bench.read(place.criteria, within=edit.node), seen)


def _new(place: Place, at: Node, what: str, trial: Trial | None, seen: set[Any]) -> Iterator[Mutant]:
    if trial is None or (meaning := _meaning(trial)) in seen:
        return
    seen.add(meaning)
    yield Mutant(place, at, what, trial)


def _kind(criterion: Node) -> str:
    return next(key.text for key, _ in criterion.pairs() if key.text in KINDS)


_WORDS_ONLY: Final = frozenset({"text", "name", "where"})


def _meaning(trial: Trial | None) -> object:
    """What the criteria of a trial say, whatever the words."""
    return trial and tuple((each.id, each.kind, _told(each.condition)) for each in trial.criteria)


def _told(value: Any) -> object:
    if isinstance(value, tuple):
        return tuple(map(_told, value))
    if not is_dataclass(value):
        return value
    told = (_told(getattr(value, each.name)) for each in fields(value) if each.compare and each.name not in _WORDS_ONLY)
    return (type(value).__name__, *told)
