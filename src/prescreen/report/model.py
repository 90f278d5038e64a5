"""The report of one screening: the canonical form, from which every other output is drawn (contract §3).

A report is many small objects that never change; as msgspec structs they are made, and written as JSON, in a tenth of
the time of dataclasses. They are trees, so that the garbage collector need not look at them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec

from prescreen.issues import Issue

Status = Literal["met", "failed", "undetermined"]
Verdict = Literal["eligible", "ineligible", "undetermined"]


class Evidence(msgspec.Struct, frozen=True, gc=False):
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


class Explanation(msgspec.Struct, frozen=True, gc=False):
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


class Missing(msgspec.Struct, frozen=True, gc=False):
    """A fact that would help. fact: its name (``observation:ALT#reference_range``); whom to ask; the question."""

    fact: str
    ask: str
    question: str


class CriterionReport(msgspec.Struct, frozen=True, gc=False):
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


class NextFact(msgspec.Struct, frozen=True, gc=False):
    """What to find out next. facts: one, or the smallest set, that settles `settles`; `decides` says whether
    it alone could decide the verdict."""

    fact: str
    facts: tuple[str, ...]
    ask: str
    question: str
    settles: tuple[str, ...]
    decides: bool


SCHEMA: Final = "prescreen/report/1"


class Report(msgspec.Struct, frozen=True, gc=False, tag_field="schema", tag=SCHEMA):
    """What one screening of one candidate for one trial found. questions: what to ask for each fact that some criterion
    misses."""

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
    questions: tuple[Missing, ...] = ()

    def model_dump(self) -> dict[str, Any]:
        """The report as plain data: dicts, lists, strings, numbers."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    def model_dump_json(self, *, indent: int | None = None) -> str:
        """The report as JSON; indent: on several lines, by so many blanks."""
        text = msgspec.json.encode(self)
        return (text if indent is None else msgspec.json.format(text, indent=indent)).decode()

    @classmethod
    def model_validate_json(cls, text: str | bytes) -> Report:
        """The report that a JSON text holds. Raises ValueError where it is none."""
        return msgspec.json.decode(text, type=cls)

    @classmethod
    def model_json_schema(cls) -> dict[str, Any]:
        """The JSON Schema of a report."""
        described = msgspec.json.schema(cls)
        parts = described["$defs"]
        return {**parts.pop(cls.__name__), "$defs": parts}

    def __str__(self) -> str:
        from prescreen.report.text import render  # the terminal's libraries only when they are needed

        return render(self)

    def __getitem__(self, criterion_id: str) -> CriterionReport:
        for criterion in self.criteria:
            if criterion.id == criterion_id:
                return criterion
        raise KeyError(criterion_id)

    def __iter__(self) -> Iterator[CriterionReport]:
        return iter(self.criteria)
