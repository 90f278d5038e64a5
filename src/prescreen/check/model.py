"""What a check finds, and what the codes of its problems mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor
from typing import Final, Literal

import prescreen.catalogue.entries as catalogue
import prescreen.language.source as language
import prescreen.yamlio as yamlio
from prescreen.problems import Problem

Kind = Literal["trial", "catalogue"]


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that no case notices. name: of the criterion or definition in which it was made; what: in words."""

    name: str
    what: str
    file: str
    line: int
    column: int
    width: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"

    @property
    def message(self) -> str:
        return f"{self.name}, line {self.line}: {self.what} is noticed by no case"


@dataclass(frozen=True, slots=True)
class Mutations:
    """How many mutants were made of a rule file, and those that survived; whole: whether they are all there are."""

    made: int
    survivors: tuple[Survivor, ...]
    whole: bool = True

    @property
    def noticed(self) -> int:
        return self.made - len(self.survivors)

    @property
    def score(self) -> float:
        """The share that some case notices, in percent; 100 where there was nothing to change."""
        return 100 * self.noticed / self.made if self.made else 100.0

    @property
    def percent(self) -> str:
        """The score in words, never more than it is."""
        return f"{floor(10 * self.score) / 10:g} %"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in one rule file or catalogue folder.

    name: the trial's id; None for a catalogue, and for a rule file that does not load. counts: how many there are of
    what was looked at (criteria, cases), in the order in which people are told. problems: in the order of the file.
    mutations: None where none were made.
    """

    file: str
    kind: Kind
    name: str | None
    counts: Mapping[str, int]
    problems: tuple[Problem, ...]
    mutations: Mutations | None = None


_OWN: Final[dict[str, str]] = {
    "no-document": "a rule file whose source document is not named or not found",
    "no-window": "a result whose age nobody has limited",
    "no-case": "a criterion without a case of each status",
    "invalid-given": "a case whose candidate cannot be read",
    "case-fails": "a case with another status than it expects",
    "threshold-not-tested": "a threshold that no case is on, or beyond",
    "leaf-not-decided": "a leaf on which no case rests",
    "mutation-score": "cases that notice too few changes of the rules",
}

MISTAKES: Final[dict[str, str]] = {**yamlio.MISTAKES, **catalogue.MISTAKES, **language.MISTAKES, **_OWN}
"""Every code that a problem of a rule file or catalogue can have, and what it means; docs/errors.md shows each."""
