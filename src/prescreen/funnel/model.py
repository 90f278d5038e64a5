"""The attrition funnel of a cohort as it stands in funnel.json: counts of candidates, and nothing else.

Every renderer draws from it. Shares are worked out where they are shown, so that the counts add up exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from prescreen.problems import InputRefused, Problem

SCHEMA: Final = "prescreen/funnel/1"

Verdicts = dict[Literal["eligible", "undetermined", "ineligible"], int]


class MissingFact(msgspec.Struct, frozen=True):
    """A fact that an undetermined criterion waits for: of how many candidates, and of how many it is the only one."""

    fact: str
    candidates: int
    alone: int


class Step(msgspec.Struct, frozen=True):
    """A criterion in the protocol's order.

    met, failed, undetermined: of all candidates. excludes: whose first failed criterion it is. remaining: who have
    failed none up to and with it; remaining_met: who have met all up to and with it. alone_excludes: who fail it and no
    other. alone_undetermined: of whom it is undetermined, and every other met. missing: the facts behind what is
    undetermined.
    """

    id: str
    kind: Literal["inclusion", "exclusion"]
    text: str
    met: int
    failed: int
    undetermined: int
    excludes: int
    remaining: int
    remaining_met: int
    alone_excludes: int
    alone_undetermined: int
    missing: tuple[MissingFact, ...] = ()


class CohortFunnel(msgspec.Struct, frozen=True):
    """The funnel of one cohort (arm) of a trial; cohort is None where the trial has none."""

    cohort: str | None
    title: str | None
    verdicts: Verdicts
    criteria: tuple[Step, ...]


class Protocol(msgspec.Struct, frozen=True):
    """The protocol as it is written (variant None), or changed as `variant` says. verdicts: overall."""

    variant: str | None
    verdicts: Verdicts
    cohorts: tuple[CohortFunnel, ...]


class TrialFunnel(msgspec.Struct, frozen=True):
    """All protocols of a trial, the written one first. complete, gaps: of its source text."""

    trial: str
    title: str
    rules_sha256: str
    complete: bool
    gaps: tuple[str, ...]
    protocols: tuple[Protocol, ...]


class Funnel(msgspec.Struct, frozen=True, tag_field="schema", tag=SCHEMA):
    """The funnels of all trials that a cohort was screened for. issues: how many rows could not be read as they are."""

    screening_date: str
    candidates: int
    catalogue_sha256: str
    ranges_sha256: str | None
    issues: int
    trials: tuple[TrialFunnel, ...]


def read_funnel(data: Mapping[str, Any] | str | bytes) -> Funnel:
    """The funnel that plain data, or the text of a funnel.json, holds. Raises InputRefused where it is none."""
    try:
        if isinstance(data, Mapping):
            found = msgspec.convert(dict(data), Funnel)
        else:
            found = msgspec.json.decode(data, type=Funnel)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputRefused([Problem("no-funnel", f"is no funnel: {str(error)[:200].lower()}")]) from None
    for trial in found.trials:
        if not trial.protocols or any(not protocol.cohorts for protocol in trial.protocols):
            raise InputRefused([Problem("no-funnel", f"is no funnel: {trial.trial} has no protocol or no cohort")])
    return found
