"""What is wrong with an input, and where: the one form in which every refusal is told.

A `Problem` is data; `str(problem)` is what a person reads. `InputRefused` carries all problems of an
input at once, so that nobody has to mend a file one error at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal
from unicodedata import combining, east_asian_width


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    code: stable name of the kind of mistake (``unknown-code``); message: what is wrong, in domain words,
    lower case, no full stop; file: the file's name as the user gave it; path: the place inside JSON
    (``observations[2].value``); line, column: 1-based, for text files; width: how many characters the
    caret marks; source_line: the text of that line; hint: what would be right; grade: `error` for what is wrong, `note`
    for what may be meant, `accepted` for what somebody has explained.
    """

    code: str
    message: str
    file: str | None = None
    path: str | None = None
    line: int | None = None
    column: int | None = None
    width: int = 1
    source_line: str | None = None
    hint: str | None = None
    grade: Literal["error", "note", "accepted"] = "error"

    def __str__(self) -> str:
        lines = [f"{self.grade}[{self.code}]: {self.message}"]
        place = self.file or ""
        if self.line is not None:
            place += f":{self.line}:{self.column or 1}"
        if self.path:
            place += f"{': ' if place else ''}{self.path}"
        if place:
            lines.append(f"  --> {place}")
        if self.line is not None and self.source_line is not None:
            number = str(self.line)
            margin = " " * len(number)
            marked = self.source_line[(self.column or 1) - 1 :][: max(1, self.width)]
            caret = _blank(self.source_line[: (self.column or 1) - 1]) + "^" * max(1, self.width, _columns(marked))
            lines += [f"{margin} |", f"{number} | {self.source_line}", f"{margin} | {caret}"]
        if self.hint:
            lines.append(f"   = hint: {self.hint}")
        return "\n".join(lines)


def _blank(text: str) -> str:
    """As much empty space as a text takes on a terminal; tabs stay, whatever they are worth there."""
    return "".join(sign if sign == "\t" else " " * _columns(sign) for sign in text)


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes: wide signs two, combining ones none."""
    return sum(0 if combining(sign) else 1 + (east_asian_width(sign) in "WF") for sign in text)


class InputRefused(ValueError):
    """An input that does not say what it must; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


_MAX_NAME = 200  # characters; a longer text is no misspelt name, and comparing it would take its time


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelt one was most likely meant to be, or None when none is close."""
    if len(name) > _MAX_NAME:
        return None
    folded = {candidate.casefold(): candidate for candidate in known}
    match = get_close_matches(name.casefold(), folded, n=1, cutoff=0.75)
    return folded[match[0]] if match else None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A hint with the closest known name, or None."""
    match = closest(name, known)
    return f"did you mean `{match}`?" if match else None
