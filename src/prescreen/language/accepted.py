"""What proofs may find in a trial, and the explanations by which its authors accept it: `accepted: {gap: "…"}`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from prescreen.language.model import Accepted, Where
from prescreen.language.source import Source
from prescreen.yamlio import Node

FINDINGS: Final[dict[str, str]] = {
    "nobody-meets": "a criterion that nobody can meet",
    "nobody-fails": "a criterion that nobody can fail",
    "nobody-enters": "a trial, or one of its cohorts, whose criteria nobody can meet together",
    "needless-part": "a part of a condition that never matters",
    "implied-criterion": "a criterion that everyone meets who meets others",
    "repeated-criterion": "a criterion that says the same as another",
    "gap": "values between two alternatives, subgroups or cohorts that are in none",
    "overlap": "values that are in two subgroups or cohorts",
}
"""The kinds of findings that an author can accept, and what each means."""

OF_TRIAL: Final = ("nobody-enters", "needless-part", "gap", "overlap")
"""What may be accepted at the top of a rule file: what concerns several criteria, cohorts or a definition."""
OF_CRITERION: Final = tuple(code for code in FINDINGS if code != "nobody-enters")


def read_accepted(source: Source, node: Node | None, known: Sequence[str]) -> tuple[Accepted, ...]:
    """The findings that are accepted, each with the reason; known: those that can be accepted in this place."""
    fields = source.fields(node, "`accepted`", tuple(known)) if node else None
    if fields is None:
        return ()
    found = []
    for code, value in fields.values.items():
        reason = source.prose(value, "why it is accepted")
        key = fields.keys[code]
        if reason:
            found.append(Accepted(code, reason, Where(key.line, key.column)))
    return tuple(found)
