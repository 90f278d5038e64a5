"""What a session keeps and tells: standings, changes, events as the log has them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """A candidate's standing in a trial on a day, as letters (T true, F false, ? unknown), so that it is cheap to keep.

    leaves: of each leaf. fired: of each criterion, as the rules have it. truths: of each criterion, exact.
    """

    day: int
    leaves: str
    fired: str
    truths: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A candidate's event as the log has it; trial: the one that the session had, if it had but one."""

    seq: int
    id: str
    candidate: str
    trial: str | None
    body: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A standing with what it was made of: the version of the rules, and the number of the candidate's last event.

    verdicts: by cohort, under None the whole trial's.
    """

    version: str
    seq: int
    standing: Standing
    verdicts: dict[str | None, str]


@dataclass(frozen=True, slots=True)
class Change:
    """A status or verdict that has become another.

    event: whose doing it was. day: the screening day (its ordinal). criterion: None where it is the verdict that has
    changed, of the cohort if one is named. because: why it is so now, in words. number: of the change in its log.
    """

    event: str
    day: int
    candidate: str
    trial: str
    criterion: str | None
    cohort: str | None
    before: str
    after: str
    because: tuple[str, ...]
    number: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A candidate in the list of all: the last event, the candidate's own day, and the standings by trial."""

    candidate: str
    seq: int
    day: int | None
    day_seq: int
    standings: dict[str, Placed]

    def own_day(self, common: tuple[int, int]) -> int:
        """The screening day; common: that for all, and the number of the event that told it."""
        return self.day if self.day is not None and self.day_seq > common[1] else common[0]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an event. repeated: it was seen before and has changed nothing. remarks: what of its data cannot
    be used, or is asked for by nobody."""

    event: str
    repeated: bool
    changes: tuple[Change, ...]
    remarks: tuple[str, ...] = ()
