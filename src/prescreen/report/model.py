"""The report of one screening: the canonical form, from which every other output is drawn (contract §3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Status = Literal["met", "failed", "undetermined"]
Verdict = Literal["eligible", "ineligible", "undetermined"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A record that a leaf looked at.

    record: where it stands in the profile (``observations[2]``). label: what it is, in words. written: the value as
    written, with its unit ("92 U/L"); None for events. date: as written, or None. source: as written.
    compared: the value in the unit of comparison, where a conversion was made ("17.1 umol/L = 1.0002 mg/dL").
    role: "decides", "considered" (looked at, does not decide), "conflicts", "outside" (of the window), "unusable".
    note: why, in words, where that is not plain.
    """

    record: str
    label: str
    written: str | None
    date: str | None
    source: str | None
    compared: str | None
    role: str
    note: str | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A node of the condition's tree.

    node: all, any, not, at_least_of, if, use, unless, age, sex, observation, condition, treatment, procedure,
    allergy, answer. truth: true, false or null (unknown). requirement: what is asked, in words
    ("ALT at most 3 × ULN"). finding: what was found, in words ("92 U/L on 2026-05-20 = 2.3 × ULN 40 U/L"); None
    for branches. threshold: as compared ("120 U/L"). limit: where a ULN, LLN or LLOD came from. margin: the
    distance to the threshold as a ratio (−0.23: 23 % below it). reason: stable name of why a leaf is unknown
    (missing, stale, unit, range, conflict, date, …). evidence: the records looked at. children: the parts, in
    order; for `if`: condition, then, else; for `unless`: the requirement, the exception.
    """

    node: str
    truth: bool | None
    requirement: str
    finding: str | None = None
    threshold: str | None = None
    limit: str | None = None
    margin: float | None = None
    reason: str | None = None
    evidence: tuple[Evidence, ...] = ()
    children: tuple[Explanation, ...] = ()


@dataclass(frozen=True, slots=True)
class Missing:
    """A fact that would help. fact: its name (``observation:ALT#reference_range``); whom to ask; the question."""

    fact: str
    ask: str
    question: str


@dataclass(frozen=True, slots=True)
class CriterionReport:
    """One criterion's result; see contract §3 and semantics §7 for each field."""

    id: str
    kind: Literal["inclusion", "exclusion"]
    status: Status
    condition: bool | None
    exact: bool
    text: str
    headline: str
    explanation: Explanation
    deciding: tuple[str, ...]
    missing: tuple[str, ...]
    turns_on: str | None
    conflict: bool
    cohorts: tuple[str, ...] = ()
    section: str | None = None
    item: str | None = None
    reading: str | None = None
    turns_to: Status | None = None


@dataclass(frozen=True, slots=True)
class NextFact:
    """What to find out next. facts: one, or the smallest set, that settles `settles`; `decides` says whether
    it alone could decide the verdict."""

    fact: str
    facts: tuple[str, ...]
    ask: str
    question: str
    settles: tuple[str, ...]
    decides: bool


@dataclass(frozen=True, slots=True)
class Issue:
    """Something about the data that a person should know: a result later than the screening day, an unreadable unit,
    an implausible value. path: where in the profile."""

    code: str
    path: str | None
    message: str


class Report(BaseModel):
    """What one screening of one candidate for one trial found."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)

    schema_: Literal["prescreen/report/1"] = Field(default="prescreen/report/1", alias="schema")
    trial: str
    title: str
    rules_sha256: str
    catalogue_sha256: str
    ranges_sha256: str | None
    candidate: str
    screening_date: str
    verdict: Verdict
    cohorts: dict[str, Verdict]
    source_complete: bool
    source_gaps: tuple[str, ...]
    criteria: tuple[CriterionReport, ...]
    next_facts: tuple[NextFact, ...]
    rescreen_on: str | None
    counts: dict[Status, int]
    issues: tuple[Issue, ...]
    questions: tuple[Missing, ...] = ()  # what to ask for each fact that some criterion misses

    def __str__(self) -> str:
        from prescreen.report.text import render  # the terminal's libraries only when they are needed

        return render(self)

    def __getitem__(self, criterion_id: str) -> CriterionReport:
        for criterion in self.criteria:
            if criterion.id == criterion_id:
                return criterion
        raise KeyError(criterion_id)

    def __iter__(self) -> Iterator[CriterionReport]:  # type: ignore[override]
        return iter(self.criteria)
