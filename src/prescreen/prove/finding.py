"""What proofs find in a trial: each with its place, in words, with a candidate who shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from prescreen.language.model import AllOf, AnyOf, AtLeastOf, Condition, If, Not, Trial, Unless, Use, Where
from prescreen.language.wording import describe
from prescreen.prove.witness import Witness

Grade = Literal["error", "note"]

NOTES: Final = frozenset({"gap", "overlap"})
"""Findings that a protocol may well mean: told, and no mistake."""

_MOST_WORDS: Final = 160


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was proven of a trial.

    code: the kind of finding (a key of `prescreen.language.accepted.FINDINGS`). criteria: the criteria that may explain
    it in the rule file; none where the trial does. witness: a candidate who shows it; None where there can be none, or
    none can be written down.
    """

    code: str
    message: str
    where: Where
    criteria: tuple[str, ...] = ()
    hint: str | None = None
    witness: Witness | None = None

    @property
    def grade(self) -> Grade:
        return "note" if self.code in NOTES else "error"


def in_words(condition: Condition, trial: Trial) -> str:
    """What a condition asks for, its parts included, on one line."""
    text = _words(condition, trial)
    return text if len(text) <= _MOST_WORDS else text[: _MOST_WORDS - 1] + "…"


def _words(condition: Condition, trial: Trial) -> str:
    def of(*parts: Condition) -> str:
        return "; ".join(_words(part, trial) for part in parts)

    match condition:
        case AllOf(children) | AnyOf(children) | AtLeastOf(children=children):
            return f"{describe(condition, trial.catalogue, trial.questions)} ({of(*children)})"
        case Not(child) if isinstance(child, AllOf | AnyOf | AtLeastOf | If | Unless):
            return f"not ({of(child)})"
        case Use(name):
            return f"`{name}`"
        case If(first, then, otherwise):
            other = "" if otherwise is None else f", else {of(otherwise)}"
            return f"if {of(first)}, then {of(then)}{other}"
        case Unless(child, exception):
            return f"{of(child)}, unless {of(exception)}"
        case _:
            return describe(condition, trial.catalogue, trial.questions, trial.results_within)


def listed(names: tuple[str, ...] | list[str]) -> str:
    """``I1, I2 and E3``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
