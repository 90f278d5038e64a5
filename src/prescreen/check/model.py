"""What a check finds, and what the codes of its problems mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import prescreen.catalogue.entries as catalogue
import prescreen.language.source as language
import prescreen.yamlio as yamlio
from prescreen.problems import Problem

Kind = Literal["trial", "catalogue"]


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


_OWN: Final[dict[str, str]] = {
    "no-document": "a rule file whose source document is not named or not found",
    "no-window": "a result whose age nobody has limited",
    "no-case": "a criterion without a case of each status",
    "invalid-given": "a case whose candidate cannot be read",
    "case-fails": "a case with another status than it expects",
}

MISTAKES: Final[dict[str, str]] = {**yamlio.MISTAKES, **catalogue.MISTAKES, **language.MISTAKES, **_OWN}
"""Every code that a problem of a rule file or catalogue can have, and what it means; docs/errors.md shows each."""
