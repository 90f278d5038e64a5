"""Live sessions: every candidate's standing is kept current while facts come in one by one (contract §7).

A session takes an event, keeps it in its log with all that follows from it, and tells what has changed. What was told
as kept is on the disk.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from prescreen.candidate import Candidate
from prescreen.language import load_trial
from prescreen.language.model import Trial
from prescreen.problems import InputRefused, Problem
from prescreen.ranges import Ranges, load_ranges
from prescreen.report.model import Report, Status
from prescreen.session import fallback
from prescreen.session.dossier import Dossier
from prescreen.session.events import Event, read_event
from prescreen.session.keeping import Keeper
from prescreen.session.log import MEMORY, Log
from prescreen.session.model import Change, Outcome
from prescreen.session.standing import Judge

if TYPE_CHECKING:
    from prescreen.session.stream import Stream

_OPENING: Final = "(opening)"
_PAGE: Final = 500  # candidates' ids read at once

Listener = Callable[[Change], None]


class Session:
    """Candidates' standings in some trials, kept current.

    trials: rule files as `load_trial` takes them, or trials. store: the URL of a database or a file's name; by default
    the log is in memory and gone at the end. on: the screening day with which a new log begins; a log that has begun
    keeps its own (`day`). ranges: a site's reference ranges. May be used by several threads, one at a time; close it at
    the end, or use it with `with`. Raises InputRefused for a trial, table or log that cannot be used.
    """

    def __init__(
        self,
        trials: Trial | str | Path | Iterable[Trial | str | Path],
        store: str | Path | None = None,
        *,
        on: date | None = None,
        ranges: str | Path | Mapping[str, Ranges] | None = None,
    ) -> None:
        given = [trials] if isinstance(trials, Trial | str | Path) else list(trials)
        self.trials: tuple[Trial, ...] = tuple(each if isinstance(each, Trial) else load_trial(each) for each in given)
        _check_trials(self.trials)
        stated = {
            "trials": json.dumps([given_as(each) for each in given]),
            "ranges": str(Path(ranges).absolute()) if isinstance(ranges, str | Path) else "",
        }
        tables = {trial.id: _table(ranges, trial) for trial in self.trials}
        self._lock = RLock()
        self._listeners: list[Listener] = []
        self._streams: list[Stream] = []
        self._keeper = Keeper(self.trials, tables, MEMORY if store is None else str(store))
        try:
            with self._keeper.writing() as book:
                self._keeper.begin(book, None if on is None else on.toordinal(), stated)
            for _ in self._keeper.catch_up(_OPENING):
                pass  # they are pending
        except BaseException:
            self.close()
            raise

    # --- events ---------------------------------------------------------------------------------------------------

    def add(self, candidate: str, facts: Mapping[str, Any], *, event: str | None = None) -> tuple[Change, ...]:
        """Add records, answers and what else a profile has (contract §2); a record whose id is known is replaced."""
        return self.apply(_plain(event, candidate=candidate, add=facts)).changes

    def set(self, candidate: str, facts: Mapping[str, Any], *, event: str | None = None) -> tuple[Change, ...]:
        """Set birth date, sex, anchors, answers, declarations of completeness; None withdraws."""
        return self.apply(_plain(event, candidate=candidate, set=facts)).changes

    def remove(self, candidate: str, *records: str, event: str | None = None) -> tuple[Change, ...]:
        """Withdraw records by their id."""
        return self.apply(_plain(event, candidate=candidate, remove=list(records))).changes

    def on(self, day: date, candidate: str | None = None, *, event: str | None = None) -> tuple[Change, ...]:
        """Move to another screening day, all or one candidate."""
        whose = {} if candidate is None else {"candidate": candidate}
        return self.apply(_plain(event, on=day.isoformat(), **whose)).changes

    def apply(self, event: Mapping[str, Any] | str | bytes, *, named: bool = False) -> Outcome:
        """Take an event in the form of contract §7, and tell what it has changed; when this returns it is kept.

        An event whose id was seen before changes nothing. named: it must have an id of its own. Raises InputRefused for
        an event that is wrong, or differs from the one of its id; StoreFailed when it cannot be kept. Then nothing of
        it counts.
        """
        (outcome,) = self.apply_all([event], named=named)
        if isinstance(outcome, InputRefused):
            raise outcome
        return outcome

    def apply_all(
        self, events: Iterable[Mapping[str, Any] | str | bytes], *, named: bool = False, changes: bool = True
    ) -> list[Outcome | InputRefused]:
        """Take some events in one go, which costs less than one by one: what became of each, refusals included.

        They are kept together, up to a new day for all. changes: False where listeners are all that is to be told of
        them; a new day may bring as many as there are candidates. Raises StoreFailed when events cannot be kept; what
        was kept before still is, and all may be sent again.
        """
        outcomes: list[Outcome | InputRefused] = []
        read: list[Event | InputRefused] = []
        for event in events:
            try:
                read.append(read_event(event, self._keeper.catalogues, self._keeper.ids, named=named))
            except InputRefused as refused:
                read.append(refused)
        with self._lock:
            while read:
                last = next(
                    (n for n, each in enumerate(read) if isinstance(each, Event) and each.candidate is None), -1
                )
                together, read = (read, []) if last < 0 else (read[: last + 1], read[last + 1 :])
                some = self._keeper.kept(together)
                for outcome in some:
                    if isinstance(outcome, Outcome):
                        self._tell(outcome.changes)
                if last >= 0 and isinstance(some[-1], Outcome) and not some[-1].repeated:
                    some[-1] = self._moved(some[-1], collected=changes)
                outcomes += some
        return outcomes

    def feed(self, events: Iterable[Mapping[str, Any] | str | bytes]) -> Iterator[Change]:
        """Take events one after the other, and give each change as it comes about."""
        for event in events:
            yield from self.apply(event).changes

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every change from now on; the function that is returned ends that."""
        self._listeners.append(listener)

        def end() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return end

    def stream(self) -> Stream:
        """Every change from now on as an asynchronous iterator; to be called where an event loop runs.

        It ends with the session, or when it is closed. A change counts as told once it is in the stream.
        """
        from prescreen.session.stream import Stream  # only those who want one wait for asyncio

        stream = Stream(self.listen)
        self._streams.append(stream)
        return stream

    def pending(self) -> Iterator[Change]:
        """Changes that nobody was told of: of a run that ended before it could, and of rules that are others now."""
        last = 0
        while True:
            with self._lock, self._keeper.writing() as book:
                found = book.untold(last)
            if not found:
                return
            for change in found:
                yield change
                self._keeper.told([change.number])
            last = found[-1].number

    # --- what there is ----------------------------------------------------------------------------------------------

    @property
    def day(self) -> date:
        """The screening day for all."""
        with self._lock, self._keeper.writing() as book:
            return date.fromordinal(book.common_day()[0])

    @property
    def store(self) -> str:
        """The URL of the log, without a password."""
        return self._keeper.log.name

    @property
    def processes(self) -> list[int]:
        """The ids of the processes in which rules fire; each may be killed at any time."""
        return self._keeper.engine.processes

    def candidates(self) -> Iterator[str]:
        """The ids of all candidates, in order."""
        last: str | None = None
        while True:
            with self._lock, self._keeper.writing() as book:
                rows = book.rows(last, _PAGE)
            if not rows:
                return
            yield from (row.candidate for row in rows)
            last = rows[-1].candidate

    def candidate(self, candidate: str) -> Candidate:
        """What is known of a candidate, as `screen` takes it."""
        return self._looked_up(candidate)[0].candidate

    def day_of(self, candidate: str) -> date:
        """A candidate's screening day."""
        return date.fromordinal(self._looked_up(candidate)[1])

    def statuses(self, candidate: str, trial: str | None = None) -> dict[str, Status]:
        """The status of each criterion by id; trial: its id, where the session has several."""
        judge = self._judge(trial)
        with self._lock, self._keeper.writing() as book:
            self._keeper.bring_up(book, self._keeper.known(book, candidate), _OPENING)
            standing = book.standings(candidate)[judge.trial.id].standing
        ids = [criterion.id for criterion in judge.trial.criteria]
        return dict(zip(ids, judge.statuses(standing), strict=True))

    def report(self, candidate: str, trial: str | None = None) -> Report:
        """The full report: what `screen` says of the same facts on the candidate's day."""
        judge = self._judge(trial)
        dossier, day = self._looked_up(candidate)
        dossier.check_day(day)
        return fallback.full_report(judge.trial, dossier.candidate, date.fromordinal(day), judge.ranges)

    def made_of_reports(
        self, make: Callable[[Report], str], maker: str, trial: str | None = None
    ) -> Iterator[tuple[str, str]]:
        """What is made of the report of each candidate, in order; nothing where no report can be made.

        It is kept in the log and made again only when the facts, the day, the rules or the maker are others: what a
        maker of a name makes of a report is always the same.
        """
        judge = self._judge(trial)

        def made(dossier: Dossier, day: int) -> str:
            try:
                dossier.check_day(day)
            except InputRefused:
                return ""  # not born yet on the day to which all were moved
            return make(fallback.full_report(judge.trial, dossier.candidate, date.fromordinal(day), judge.ranges))

        last: str | None = None
        while True:
            with self._lock, self._keeper.writing() as book:
                page = self._keeper.outlooks(book, judge, last, made, maker)
            if not page:
                return
            yield from page
            last = page[-1][0]

    def verdict_changes(self, candidates: Sequence[str], trial: str | None = None) -> dict[str, Change]:
        """The last change of the verdict on each candidate, where there was one."""
        with self._lock, self._keeper.writing() as book:
            return book.last_verdicts(self._judge(trial).trial.id, candidates)

    # --- the end ----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Note what was told, end the worker processes, let go of the log."""
        with self._lock:
            for stream in self._streams:
                stream.close()
            self._streams.clear()
            self._keeper.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # --- inside -----------------------------------------------------------------------------------------------------

    def _moved(self, outcome: Outcome, *, collected: bool) -> Outcome:
        """What a new day for all has changed."""
        changes: list[Change] = []
        with self._lock:
            for some in self._keeper.catch_up(outcome.event):
                self._tell(some)
                if collected:
                    changes += some
        return Outcome(outcome.event, False, tuple(changes))

    def _looked_up(self, candidate: str) -> tuple[Dossier, int]:
        """A candidate's dossier and screening day."""
        with self._lock, self._keeper.writing() as book:
            dossier = self._keeper.known(book, candidate)
            return dossier, dossier.day_on(book.common_day())

    def _judge(self, trial: str | None) -> Judge:
        judges = self._keeper.judges
        if trial is None and len(judges) == 1:
            return judges[0]
        for judge in judges:
            if judge.trial.id == trial:
                return judge
        known = ", ".join(each.id for each in self.trials)
        message = "which trial is meant?" if trial is None else f"the session has no trial `{trial}`"
        raise InputRefused([Problem("unknown-trial", message, hint=f"it has {known}")])

    def _tell(self, changes: Iterable[Change]) -> None:
        for change in changes:
            for listener in list(self._listeners):
                listener(change)
            self._keeper.told([change.number])


def given_as(trial: Trial | str | Path) -> str:
    """How a trial can be found again: a bundled one by its id, others by their place."""
    if isinstance(trial, Trial):
        return trial.id
    return str(Path(trial).absolute()) if Path(trial).exists() else str(trial)


def sources_of(store: str | Path) -> tuple[list[str], str | None]:
    """The trials of the last session with a log, and its table of ranges, as they can be found again.

    Raises InputRefused when it cannot be opened, or no session was held with it.
    """
    if "://" not in str(store) and not Path(store).is_file():
        raise InputRefused([Problem("no-store", "there is no such file", file=str(store))])
    log = Log(str(store))
    try:
        with log.writing() as book:
            trials, ranges = book.fact("trials"), book.fact("ranges")
    finally:
        log.close()
    if trials is None:
        raise InputRefused([Problem("no-store", "no session was held with this log yet", file=log.name)])
    return json.loads(trials), ranges or None


def _plain(event: str | None, **content: Any) -> dict[str, Any]:
    return content if event is None else {"event": event, **content}


def _check_trials(trials: tuple[Trial, ...]) -> None:
    if not trials:
        raise InputRefused([Problem("no-trial", "a session needs at least one trial")])
    ids = [trial.id for trial in trials]
    for trial in dict.fromkeys(ids):
        if ids.count(trial) > 1:
            raise InputRefused([Problem("duplicate-id", f"the trial `{trial}` is given twice")])


def _table(ranges: str | Path | Mapping[str, Ranges] | None, trial: Trial) -> Ranges | None:
    if isinstance(ranges, str | Path):
        return load_ranges(ranges, trial.catalogue)
    return None if ranges is None else ranges.get(trial.id)
