"""What an amendment changed: the canonical form, from which every output is drawn."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from prescreen.report.model import Status

Direction = Literal["looser", "stricter", "both", "none", "unclear"]
"""What a change does to candidates. looser: it keeps out nobody who was let in, and may let in some who were kept out;
stricter: the other way round; both: it loosens in one respect and tightens in another; none: no candidate's status
changes; unclear: its form does not tell."""

DIRECTIONS: Final[tuple[Direction, ...]] = ("looser", "stricter", "both", "unclear", "none")

Change = Literal[
    "added", "removed", "renumbered", "moved", "kind", "condition", "cohorts", "writing", "text", "reading", "source"
]
"""What is different about a criterion. writing: the condition is written otherwise and means the same; source: the
place in the source text."""

Matter = Literal[
    "id",
    "title",
    "recruitment",
    "source",
    "results_within",
    "cohort",
    "anchor",
    "question",
    "definition",
    "quantity",
    "catalogue",
]


class Rewording(msgspec.Struct, frozen=True, gc=False):
    """A text in both versions; null where there is none."""

    old: str | None
    new: str | None


class Difference(msgspec.Struct, frozen=True, gc=False):
    """One difference between two conditions, in words. cause: what it comes from, where that lies outside the criterion
    (``definition:active-hepatitis-b``, ``results_within``)."""

    words: str
    direction: Direction
    cause: str | None = None


class Witness(msgspec.Struct, frozen=True, gc=False):
    """A candidate whose status the change turns, as both versions screen them.

    candidate: as `prescreen screen` reads it; on: the screening day. old, new: the status by each version; null where
    the version does not have the criterion (or not for that cohort).
    """

    candidate: dict[str, Any]
    on: str
    old: Status | None
    new: Status | None
    cohort: str | None = None


class Search(msgspec.Struct, frozen=True, gc=False):
    """What came of looking for such candidates. result: found; none (it is proven that there is none); undecided (why
    says what kept it from being decided)."""

    result: Literal["found", "none", "undecided"]
    witnesses: tuple[Witness, ...] = ()
    why: str | None = None


class CriterionChange(msgspec.Struct, frozen=True, gc=False):
    """What changed in one criterion. old, new: its id in each version; null where it is not there. what: kinds of
    change. direction: of all differences together."""

    old: str | None
    new: str | None
    kind: Literal["inclusion", "exclusion"]
    what: tuple[Change, ...]
    direction: Direction
    differences: tuple[Difference, ...] = ()
    text: Rewording | None = None
    reading: Rewording | None = None
    search: Search | None = None

    @property
    def name(self) -> str:
        """How the criterion is called: by both ids where they differ."""
        if self.old and self.new and self.old != self.new:
            return f"{self.old} → {self.new}"
        return self.new or self.old or ""


class TrialChange(msgspec.Struct, frozen=True, gc=False):
    """What changed outside the criteria. name: of the question, anchor, cohort, definition or code; null for what there
    is one of. used_by: the criteria of the new version (of the old one, if it is gone) that use it."""

    what: Matter
    name: str | None
    words: tuple[str, ...]
    used_by: tuple[str, ...] = ()


class Version(msgspec.Struct, frozen=True, gc=False):
    """One version of the rule file."""

    trial: str
    title: str
    file: str | None
    rules_sha256: str
    criteria: int


SCHEMA: Final = "prescreen/diff/1"


class Amendment(msgspec.Struct, frozen=True, gc=False, tag_field="schema", tag=SCHEMA):
    """All that an amendment changed. counts: changes of criteria by direction. cases: how many criteria have other
    test cases; those are no part of a trial's meaning."""

    old: Version
    new: Version
    same_meaning: bool
    counts: dict[Direction, int]
    trial: tuple[TrialChange, ...]
    criteria: tuple[CriterionChange, ...]
    cases: int = 0

    @property
    def witnesses(self) -> tuple[Witness, ...]:
        """Every candidate that was found, in the order of the criteria."""
        return tuple(each for change in self.criteria if change.search for each in change.search.witnesses)

    def model_dump_json(self, *, indent: int | None = None) -> str:
        """The amendment as JSON; indent: on several lines, by so many blanks."""
        text = msgspec.json.encode(self)
        return (text if indent is None else msgspec.json.format(text, indent=indent)).decode()

    @classmethod
    def model_json_schema(cls) -> dict[str, Any]:
        """The JSON Schema of an amendment."""
        described = msgspec.json.schema(cls)
        parts = described["$defs"]
        return {**parts.pop(cls.__name__), "$defs": parts}


def together(directions: set[Direction]) -> Direction:
    """The direction of several differences at once."""
    known = directions - {"none"}
    if not known:
        return "none"
    if len(known) == 1:
        return next(iter(known))
    return "unclear" if "unclear" in known else "both"
