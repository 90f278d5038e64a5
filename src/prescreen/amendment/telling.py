"""The words in which text and Markdown say the same thing of an amendment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final

from prescreen.amendment.model import DIRECTIONS, Amendment, CriterionChange, Direction, Rewording, TrialChange, Witness
from prescreen.report.words import clean

LABEL: Final[dict[Direction, str]] = {
    "looser": "looser",
    "stricter": "stricter",
    "both": "both ways",
    "unclear": "unclear",
    "none": "no effect",
}
"""What a direction is called beside a criterion."""

_COUNTED: Final[dict[Direction, str]] = {
    **LABEL,
    "unclear": "of unclear direction",
    "none": "without effect on any status",
}

LEGEND: Final = (
    "looser: keeps out nobody who was let in; stricter: lets in nobody who was kept out. "
    "Told by the form of a change, or proven."
)


def title(amendment: Amendment) -> str:
    """Which trial, and which two files."""
    ids = dict.fromkeys((amendment.old.trial, amendment.new.trial))
    files = (version.file or "(no file)" for version in (amendment.old, amendment.new))
    return f"{' → '.join(map(clean, ids))}: {' → '.join(map(clean, files))}"


def summary(amendment: Amendment) -> str:
    """All changes in a sentence or two."""
    number, outside = len(amendment.criteria), len(amendment.trial)
    if not number and not outside:
        return "No change of meaning: " + (
            "the two files are the same."
            if amendment.old.rules_sha256 == amendment.new.rules_sha256
            else "the two files differ in form only."
        )
    each = [f"{amendment.counts[d]} {_COUNTED[d]}" for d in DIRECTIONS if amendment.counts.get(d)]
    said = f"{_changes(number)} of criteria" + (f": {', '.join(each)}." if each else ".")
    if outside:
        said += f" {_changes(outside)} outside the criteria."
    return ("No change of meaning. " if amendment.same_meaning else "") + said


def _changes(number: int) -> str:
    return f"{number or 'no'} change{'s' * (number != 1)}"


def cases(amendment: Amendment) -> str | None:
    """How many criteria have other test cases."""
    if not amendment.cases:
        return None
    one = amendment.cases == 1
    return f"Test cases differ in {amendment.cases} criteri{'on' if one else 'a'}; they are no part of the meaning."


def matter(change: TrialChange) -> str:
    """What changed outside the criteria: ``question adherence``."""
    kind = change.what.replace("_", " ")
    return clean(f"{kind} {change.name}" if change.name else kind)


def used_by(change: TrialChange) -> str | None:
    return f"used by {', '.join(map(clean, change.used_by))}" if change.used_by else None


def headline(change: CriterionChange) -> str:
    """A criterion's change in a line."""
    said = [clean(difference.words) for difference in change.differences]
    said += ["renumbered"] if "renumbered" in change.what and "kind" not in change.what else []
    said += ["stands elsewhere in the list"] if "moved" in change.what else []
    words = [name for name in ("text", "reading") if name in change.what]
    if words and not change.differences:
        said.append(f"{' and '.join(words)} reworded")
    if not said and "source" in change.what:
        said.append("another place in the source text")
    return "; ".join(said)


def remarks(change: CriterionChange) -> Iterator[str]:
    """What a reviewer should look at: texts and conditions that did not change together."""
    if change.old is None or change.new is None:
        return
    own = [each for each in change.differences if each.cause is None and each.direction != "none"]
    if own and "text" not in change.what and "reading" not in change.what:
        yield "the text is the same: only the encoding changed"
    if "text" in change.what and not change.differences:
        yield "the condition is the same: only the text changed"


def cause(words: str | None) -> str | None:
    """Where a difference comes from."""
    if words is None:
        return None
    kind, _, name = words.partition(":")
    return clean(f"by the {kind} {name}" if name else f"by the trial's {kind}")


def search(change: CriterionChange) -> str | None:
    """What came of looking for a candidate, where none is shown."""
    if change.search is None or change.search.result == "found":
        return None
    if change.search.result == "none":
        return "no candidate's status changes (proven)"
    return f"not decided whether a candidate's status changes: {clean(change.search.why or 'unknown')}"


def turn(witness: Witness) -> str:
    """What becomes of a candidate: ``failed → met on 2026-06-01``."""
    old, new = (status or "not asked" for status in (witness.old, witness.new))
    where = f" in cohort {clean(witness.cohort)}" if witness.cohort else ""
    return f"{old} → {new}{where} on {witness.on}"


def candidate(witness: Witness) -> str:
    """The candidate as one line of JSON, for `prescreen screen`."""
    return json.dumps(witness.candidate, ensure_ascii=True)


def reworded(rewording: Rewording) -> tuple[list[tuple[str, bool]], list[tuple[str, bool]]]:
    """The words of both texts, each run with whether it is in this text only."""
    old, new = (clean(text or "").split(" ") for text in (rewording.old, rewording.new))
    runs: tuple[list[tuple[str, bool]], list[tuple[str, bool]]] = ([], [])
    for tag, a, b, c, d in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        for side, words in zip(runs, (old[a:b], new[c:d]), strict=True):
            if words:
                side.append((" ".join(words), tag != "equal"))
    return runs
