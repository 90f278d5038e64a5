"""Live sessions: every candidate's standing is kept current while facts come in one by one (contract §7).

A session takes an event, keeps it in its log with all that follows from it, and tells what has changed. What was told
as kept is on the disk. Nothing of a candidate has to be in memory: a dossier is made of the candidate's events when it
is needed, and some are remembered.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from hashlib import sha256
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Final

from prescreen.candidate import Candidate
from prescreen.catalogue import Catalogue
from prescreen.engine.compile import CompiledTrial
from prescreen.language import load_trial
from prescreen.language.model import Trial
from prescreen.problems import InputRefused, Problem, did_you_mean
from prescreen.ranges import Ranges, load_ranges
from prescreen.report.model import Report, Status
from prescreen.session import fallback
from prescreen.session.changes import differences, explained, written
from prescreen.session.dossier import Dossier, touched
from prescreen.session.events import Event, in_event, read_event
from prescreen.session.log import MEMORY, Book, Log, StoreFailed
from prescreen.session.model import Change, Kept, Outcome, Placed
from prescreen.session.standing import Judge, judges

_START: Final = "(start)"
_OPENING: Final = "(opening)"
_DOSSIERS: Final = 256  # remembered
_CHUNK: Final = 100  # candidates brought up to date in one transaction

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
        self._sources = json.dumps([given_as(each) for each in given])
        self._ranges = str(Path(ranges).absolute()) if isinstance(ranges, str | Path) else ""
        self.trials: tuple[Trial, ...] = tuple(each if isinstance(each, Trial) else load_trial(each) for each in given)
        _check_trials(self.trials)
        self._catalogues: tuple[Catalogue, ...] = tuple(
            {trial.catalogue.sha256: trial.catalogue for trial in self.trials}.values()
        )
        tables = {trial.id: _table(ranges, trial) for trial in self.trials}
        self._versions = {trial.id: _version(trial, tables[trial.id]) for trial in self.trials}
        self._lock = RLock()
        self._dossiers: OrderedDict[str, Dossier] = OrderedDict()
        self._baselines: dict[tuple[str, int], Placed] = {}
        self._listeners: list[Listener] = []
        self._unmarked: list[int] = []
        self._fresh: dict[str, Dossier] = {}
        self._log = Log(MEMORY if store is None else str(store))
        self._judges, self._engine = judges([CompiledTrial(trial) for trial in self.trials], tables)
        try:
            with self._writing() as book:
                self._begin(book, on)
            for _ in self._catch_up(_OPENING):
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
        self, events: Iterable[Mapping[str, Any] | str | bytes], *, named: bool = False
    ) -> list[Outcome | InputRefused]:
        """Take some events in one go, which costs less than one by one: what became of each, refusals included.

        They are kept together, up to a new day for all. Raises StoreFailed when that is not possible; what was kept
        before that still is, and events may be sent again.
        """
        outcomes: list[Outcome | InputRefused] = []
        read: list[Event | InputRefused] = []
        for event in events:
            try:
                read.append(read_event(event, self._catalogues, named=named))
            except InputRefused as refused:
                read.append(refused)
        with self._lock:
            while read:
                last = next(
                    (n for n, each in enumerate(read) if isinstance(each, Event) and each.candidate is None), -1
                )
                together, read = (read, []) if last < 0 else (read[: last + 1], read[last + 1 :])
                some = self._kept(together)
                for outcome in some:
                    if isinstance(outcome, Outcome):
                        self._tell(outcome.changes)
                if last >= 0 and isinstance(some[-1], Outcome) and not some[-1].repeated:
                    some[-1] = self._moved(some[-1])
                outcomes += some
        return outcomes

    def feed(self, events: Iterable[Mapping[str, Any] | str | bytes]) -> Iterator[Change]:
        """Take events one after the other, and give each change as it comes about."""
        for event in events:
            yield from self.apply(event).changes

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every change from now on; the function that is returned ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def pending(self) -> tuple[Change, ...]:
        """Changes that nobody was told of: of a run that ended before it could, and of rules that are others now."""
        with self._lock, self._writing() as book:
            found = tuple(book.untold())
        self._unmarked += [change.number for change in found]
        return found

    # --- what there is ----------------------------------------------------------------------------------------------

    @property
    def day(self) -> date:
        """The screening day for all."""
        with self._lock, self._writing() as book:
            return date.fromordinal(book.common_day()[0])

    @property
    def store(self) -> str:
        """The URL of the log, without a password."""
        return self._log.name

    @property
    def processes(self) -> list[int]:
        """The ids of the processes in which rules fire; each may be killed at any time."""
        return self._engine.processes

    def candidates(self) -> Iterator[str]:
        """The ids of all candidates, in order."""
        last: str | None = None
        while True:
            with self._lock, self._writing() as book:
                rows = book.rows(last, _CHUNK)
            if not rows:
                return
            yield from (row.candidate for row in rows)
            last = rows[-1].candidate

    def candidate(self, candidate: str) -> Candidate:
        """What is known of a candidate, as `screen` takes it."""
        return Candidate(self._looked_up(candidate)[0].profile)

    def day_of(self, candidate: str) -> date:
        """A candidate's screening day."""
        return date.fromordinal(self._looked_up(candidate)[1])

    def statuses(self, candidate: str, trial: str | None = None) -> dict[str, Status]:
        """The status of each criterion by id; trial: its id, where the session has several."""
        judge = self._judge(trial)
        with self._lock, self._writing() as book:
            dossier = self._known(book, candidate)
            self._bring_up(book, dossier, dossier, book.common_day(), _OPENING)
            standing = book.standings(candidate)[judge.trial.id].standing
        ids = [criterion.id for criterion in judge.trial.criteria]
        return dict(zip(ids, judge.statuses(standing), strict=True))

    def report(self, candidate: str, trial: str | None = None) -> Report:
        """The full report: what `screen` says of the same facts on the candidate's day."""
        judge = self._judge(trial)
        dossier, day = self._looked_up(candidate)
        dossier.check_day(day)
        return fallback.full_report(judge.trial, Candidate(dossier.profile), date.fromordinal(day), judge.ranges)

    def verdict_changes(self, trial: str | None = None) -> dict[str, Change]:
        """The last change of the verdict on each candidate, where there was one."""
        with self._lock, self._writing() as book:
            return book.last_verdicts(self._judge(trial).trial.id)

    # --- the end ----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Note what was told, end the worker processes, let go of the log."""
        with self._lock:
            try:
                if self._unmarked:
                    with self._writing():
                        pass  # what was told is noted
            except InputRefused:
                pass  # it will be told once more
            finally:
                self._engine.close()
                self._log.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # --- inside -----------------------------------------------------------------------------------------------------

    def _begin(self, book: Book, on: date | None) -> None:
        if book.common_day() == (0, 0):
            if on is None:
                raise InputRefused([Problem("no-day", "the log is new: a screening day is needed (`on`)")])
            event = read_event({"on": on.isoformat()}, (), named=False)
            book.append(_START, None, event.day, event.body, event.digest)
        for name, value in (("trials", self._sources), ("ranges", self._ranges)):
            if book.fact(name) != value:
                book.state(name, value)
        for judge in self._judges:
            key = f"criteria {self._versions[judge.trial.id]}"
            if book.fact(key) is None:
                book.state(key, json.dumps(written(judge)))

    @contextmanager
    def _writing(self) -> Iterator[Book]:
        """A transaction, with what is told since the last one; dossiers made in it count once it is kept."""
        self._fresh = {}
        marked = self._unmarked
        try:
            with self._log.writing() as book:
                book.told(marked)
                yield book
        except BaseException:
            self._fresh = {}
            raise
        self._unmarked = [number for number in self._unmarked if number not in set(marked)] if marked else []
        for identity, dossier in self._fresh.items():
            self._dossiers[identity] = dossier
            self._dossiers.move_to_end(identity)
        while len(self._dossiers) > _DOSSIERS:
            self._dossiers.popitem(last=False)
        self._fresh = {}

    def _kept(self, events: list[Event | InputRefused]) -> list[Outcome | InputRefused]:
        """Keep some events and what follows from them, each for its candidate."""
        outcomes: list[Outcome | InputRefused] = []
        with self._writing() as book:
            for event in events:
                try:
                    outcomes.append(event if isinstance(event, InputRefused) else self._taken(book, event))
                except StoreFailed:
                    raise
                except InputRefused as refused:
                    assert isinstance(event, Event)
                    outcomes.append(InputRefused(in_event(event.id, refused.problems)))
        return outcomes

    def _taken(self, book: Book, event: Event) -> Outcome:
        """Take one event; nothing is written before it is known to be right."""
        if event.id is not None and (digest := book.digest(event.id)) is not None:
            if digest != event.digest:
                message = "an event of this id was kept before, with another content"
                hint = "a correction is an event of its own: give it an id of its own"
                raise InputRefused([Problem("duplicate-event", message, hint=hint)])
            return Outcome(event.id, True, ())
        if event.candidate is None:
            kept = book.append(event.id, None, event.day, event.body, event.digest)
            return Outcome(kept.id, False, ())
        before = self._known(book, event.candidate, new=event.added is not None or bool(event.withdrawn))
        common = book.common_day()
        after = before.with_event(event, max(before.seq, common[1]) + 1)  # the next number, or a later one
        after.check_day(after.day_on(common))
        kept = book.append(event.id, event.candidate, event.day, event.body, event.digest)
        after = after.numbered(kept.seq)
        book.place_candidate(event.candidate, kept.seq, after.day, after.day_seq, new=before.seq == 0)
        changes = self._bring_up(book, before, after, common, kept.id)
        self._fresh[event.candidate] = after
        return Outcome(kept.id, False, tuple(changes))

    def _moved(self, outcome: Outcome) -> Outcome:
        """What a new day for all has changed."""
        changes: list[Change] = []
        for some in self._catch_up(outcome.event):
            self._tell(some)
            changes += some
        return Outcome(outcome.event, False, tuple(changes))

    def _bring_up(
        self, book: Book, before: Dossier, after: Dossier, common: tuple[int, int], event: str
    ) -> list[Change]:
        """Bring a candidate's standings up to date; what has changed, noted in the log.

        before: the dossier of the standings that are on file, if they can be relied on.
        """
        identity = after.profile.id
        day = after.day_on(common)
        placed = book.standings(identity)
        kinds = touched(before.profile, after.profile, self._catalogues)
        candidate = Candidate(after.profile)
        changes: list[Change] = []
        for judge in self._judges:
            trial = judge.trial.id
            old = placed.get(trial)
            reliable = old is not None and (old.version, old.seq) == (self._versions[trial], before.seq)
            if old is not None and reliable and (old.seq, old.standing.day) == (after.seq, day):
                continue
            setting = judge.setting(candidate, day)
            standing = judge.judged(setting, old.standing if old is not None and reliable else None, kinds)
            new = Placed(self._versions[trial], after.seq, standing, judge.verdicts(standing))
            was = old or self._baseline(judge, day)
            found = differences(judge, was, self._written(book, judge, was), new, identity, event)
            changes += [book.note(change) for change in explained(judge, found, new, setting)]
            book.place(identity, trial, new, new=old is None)
        return changes

    def _written(self, book: Book, judge: Judge, placed: Placed) -> list[tuple[str, bool]]:
        """The criteria of the rules of which a standing is."""
        if placed.version == self._versions[judge.trial.id]:
            return written(judge)
        return [(each, excludes) for each, excludes in json.loads(book.fact(f"criteria {placed.version}") or "[]")]

    def _baseline(self, judge: Judge, day: int) -> Placed:
        """The standing of somebody of whom nothing is known."""
        key = (judge.trial.id, day)
        found = self._baselines.get(key)
        if found is None:
            standing = judge.judged(judge.setting(Candidate(Dossier.empty("-").profile), day), None, frozenset())
            found = Placed(self._versions[judge.trial.id], 0, standing, judge.verdicts(standing))
            if len(self._baselines) >= _DOSSIERS:
                self._baselines.clear()
            self._baselines[key] = found
        return found

    def _catch_up(self, event: str) -> Iterator[list[Change]]:
        """Bring all up to date who are behind: after a new day, a crash, or a change of the rules."""
        last: str | None = None
        while True:
            with self._lock, self._writing() as book:
                common = book.common_day()
                rows = book.rows(last, _CHUNK)
                changes: list[Change] = []
                for row in rows:
                    day = row.day if row.day is not None and row.day_seq > common[1] else common[0]
                    if any(
                        (placed := row.standings.get(trial)) is None
                        or (placed.version, placed.seq, placed.standing.day) != (version, row.seq, day)
                        for trial, version in self._versions.items()
                    ):
                        dossier = self._dossier(book, row.candidate)
                        changes += self._bring_up(book, dossier, dossier, common, event)
            if not rows:
                return
            if changes:
                yield changes
            last = rows[-1].candidate

    def _known(self, book: Book, candidate: str, *, new: bool = False) -> Dossier:
        """The dossier of a candidate whom the log knows, or may come to know now."""
        dossier = self._dossier(book, candidate)
        if dossier.seq == 0 and not new:
            message = f"nothing is known of a candidate `{candidate}`"
            hint = did_you_mean(candidate, self._dossiers)
            raise InputRefused([Problem("unknown-candidate", message, path="candidate", hint=hint)])
        return dossier

    def _dossier(self, book: Book, candidate: str) -> Dossier:
        """A candidate's dossier, with all that other writers have told since."""
        if candidate in self._fresh:
            return self._fresh[candidate]
        dossier = self._dossiers.get(candidate) or Dossier.empty(candidate)
        if dossier.seq < book.last_of(candidate):
            for kept in book.events_of(candidate, dossier.seq):
                dossier = self._replayed(dossier, kept)
        self._fresh[candidate] = dossier
        return dossier

    def _replayed(self, dossier: Dossier, kept: Kept) -> Dossier:
        try:
            return dossier.with_event(read_event(kept.body, self._catalogues, named=False), kept.seq)
        except InputRefused as refused:
            # It was right when it was kept: a name has gone from the catalogue since.
            raise InputRefused(in_event(kept.id, refused.problems)) from None

    def _looked_up(self, candidate: str) -> tuple[Dossier, int]:
        """A candidate's dossier and screening day."""
        with self._lock, self._writing() as book:
            dossier = self._known(book, candidate)
            return dossier, dossier.day_on(book.common_day())

    def _judge(self, trial: str | None) -> Judge:
        if trial is None and len(self._judges) == 1:
            return self._judges[0]
        for judge in self._judges:
            if judge.trial.id == trial:
                return judge
        known = ", ".join(each.id for each in self.trials)
        message = "which trial is meant?" if trial is None else f"the session has no trial `{trial}`"
        raise InputRefused([Problem("unknown-trial", message, hint=f"it has {known}")])

    def _tell(self, changes: Iterable[Change]) -> None:
        for change in changes:
            for listener in list(self._listeners):
                listener(change)
            self._unmarked.append(change.number)


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


def _version(trial: Trial, ranges: Ranges | None) -> str:
    """What a standing depends on beside the facts."""
    parts = (trial.sha256, trial.catalogue.sha256, "" if ranges is None else ranges.sha256)
    return sha256(" ".join(parts).encode()).hexdigest()[:32]
