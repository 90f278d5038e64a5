"""What a check finds, and what the codes of its problems mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import prescreen.catalogue.entries as catalogue
import prescreen.language.source as language
import prescreen.yamlio as yamlio
from prescreen.language.accepted import FINDINGS
from prescreen.problems import Problem

Kind = Literal["trial", "catalogue"]


@dataclass(frozen=True, slots=True)
class Proven:
    """A finding of proofs: an error, a note (a protocol may well mean it), or accepted.

    accepted: why the authors accept it, as the rule file says. witness: a candidate who shows it, as plain data, with
    the screening day and the statuses that `screen` gives.
    """

    problem: Problem
    accepted: str | None = None
    witness: Mapping[str, object] | None = None
    on: str | None = None
    statuses: Mapping[str, str] | None = None

    @property
    def counts(self) -> bool:
        """Whether a check has found something by it."""
        return self.problem.grade == "error"


@dataclass(frozen=True, slots=True)
class Proofs:
    """What was proven of a rule file. asked: questions to the solver; undecided: those that it has not answered within
    `seconds`; unshown: candidates who turned out other than the solver said, and were not shown."""

    findings: tuple[Proven, ...]
    asked: int
    undecided: int
    unshown: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in one rule file or catalogue folder.

    name: the trial's id; None for a catalogue, and for a rule file that does not load. counts: how many there are of
    what was looked at (criteria, cases), in the order in which people are told. problems: in the order of the file.
    """

    file: str
    kind: Kind
    name: str | None
    counts: Mapping[str, int]
    problems: tuple[Problem, ...]
    proofs: Proofs | None = None

    @property
    def found(self) -> int:
        """How much is wrong: problems, and findings of proofs that nobody has accepted."""
        return len(self.problems) + sum(proven.counts for proven in (self.proofs.findings if self.proofs else ()))


_OWN: Final[dict[str, str]] = {
    "no-document": "a rule file whose source document is not named or not found",
    "no-window": "a result whose age nobody has limited",
    "no-case": "a criterion without a case of each status",
    "invalid-given": "a case whose candidate cannot be read",
    "case-fails": "a case with another status than it expects",
    "needless-acceptance": "a finding is accepted that there is not",
}

MISTAKES: Final[dict[str, str]] = {**yamlio.MISTAKES, **catalogue.MISTAKES, **language.MISTAKES, **_OWN, **FINDINGS}
"""Every code that a problem of a rule file or catalogue can have, and what it means; docs/errors.md shows each."""
