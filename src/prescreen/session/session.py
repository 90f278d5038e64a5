"""Live sessions: every candidate's standing is kept current while facts come in one by one (contract §7).

A session takes an event, keeps it in its log with all that follows from it, and tells what has changed. What was told as
kept is on the disk. Nothing of a candidate has to be in memory: a dossier is made of the candidate's events when it is
needed, and some are remembered.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
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
from prescreen.session.dossier import Dossier, touched
from prescreen.session.events import FIRST_DAY, LAST_DAY, Event, in_event, read_event
from prescreen.session.log import MEMORY, Book, Change, Kept, Log, Placed
from prescreen.session.standing import Judge, judges

_START: Final = "(start)"
_OPENING: Final = "(opening)"
_DOSSIERS: Final = 256  # remembered
_CHUNK: Final = 100  # candidates brought up to date in one transaction
_MOST_WORDS: Final = 3

Listener = Callable[[Change], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an event. repeated: it was seen before and has changed nothing."""

    event: str
    repeated: bool
    changes: tuple[Change, ...]


class Session:
    """Candidates' standings in some trials, kept current.

    trials: rule files as `load_trial` takes them, or trials. store: the URL of a database or a file's name; by default the log
    is in memory and gone at the end. on: the screening day with which a new log begins; a log that has begun keeps its own
    (`day`). ranges: a site's reference ranges. May be used by several threads, one at a time; close it at the end, or
    use it with `with`. Raises InputRefused for a trial, table or log that cannot be used.
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
        self.trials: tuple[Trial, ...] = tuple(
            each if isinstance(each, Trial) else load_trial(each) for each in given
        )
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
        self._log = Log(MEMORY if store is None else str(store))
        self._judges, self._engine = judges([CompiledTrial(trial) for trial in self.trials], tables)
        try:
            with self._log.writing() as book:
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

        An event whose id was seen before changes nothing. named: it must have an id of its own. Raises InputRefused for an
        event that is wrong, or differs from the one of its id; StoreFailed when it cannot be kept. Then nothing of it counts.
        """
        read = read_event(event, self._catalogues, named=named)
        with self._lock:
            try:
                outcome = self._kept(read)
            except InputRefused as refused:
                raise type(refused)(in_event(read.id, refused.problems)) from None
            self._tell(outcome.changes)
            if read.candidate is None and not outcome.repeated:
                changes = []
                for some in self._catch_up(outcome.event):
                    self._tell(some)
                    changes += some
                outcome = Outcome(outcome.event, False, tuple(changes))
            return outcome

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
        with self._lock, self._log.writing() as book:
            self._mark(book)
            found = tuple(book.untold())
        self._unmarked += [change.number for change in found]
        return found

    # --- what there is ----------------------------------------------------------------------------------------------

    @property
    def day(self) -> date:
        """The screening day for all."""
        with self._lock, self._log.writing() as book:
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
            with self._lock, self._log.writing() as book:
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
        with self._lock, self._log.writing() as book:
            dossier = self._known(book, candidate)
            self._bring_up(book, dossier, dossier, _OPENING)
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
        with self._lock, self._log.writing() as book:
            return book.last_verdicts(self._judge(trial).trial.id)

    # --- the end ----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Note what was told, end the worker processes, let go of the log."""
        with self._lock:
            try:
                if self._unmarked:
                    with self._log.writing() as book:
                        self._mark(book)
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
        for trial in self.trials:
            key = f"criteria {self._versions[trial.id]}"
            if book.fact(key) is None:
                book.state(key, json.dumps([[each.id, each.kind == "exclusion"] for each in trial.criteria]))

    def _kept(self, event: Event) -> Outcome:
        """Keep an event and what follows from it for its candidate."""
        with self._log.writing() as book:
            self._mark(book)
            if event.id is not None and (digest := book.digest(event.id)) is not None:
                if digest != event.digest:
                    message = "an event of this id was kept before, with another content"
                    hint = "a correction is an event of its own: give it an id of its own"
                    raise InputRefused([Problem("duplicate-event", message, hint=hint)])
                return Outcome(event.id, True, ())
            before = after = None
            if event.candidate is not None:
                before = self._known(book, event.candidate, new=event.added is not None or bool(event.withdrawn))
            kept = book.append(event.id, event.candidate, event.day, event.body, event.digest)
            changes: list[Change] = []
            if before is not None:
                after = before.with_event(event, kept.seq)
                after.check_day(after.day_on(book.common_day()))
                book.place_candidate(kept.candidate or "", kept.seq, after.day, after.day_seq, new=before.seq == 0)
                changes = self._bring_up(book, before, after, kept.id)
        if after is not None:
            self._remember(after)
        return Outcome(kept.id, False, tuple(changes))

    def _bring_up(self, book: Book, before: Dossier, after: Dossier, event: str) -> list[Change]:
        """Bring a candidate's standings up to date; what has changed, noted in the log.

        before: the dossier of the standings that are on file, if they can be relied on.
        """
        identity = after.profile.id
        day = after.day_on(book.common_day())
        placed = book.standings(identity)
        kinds = touched(before.profile, after.profile, self._catalogues)
        candidate = Candidate(after.profile)
        changes: list[Change] = []
        for judge in self._judges:
            trial = judge.trial.id
            old = placed.get(trial)
            reliable = old is not None and old.version == self._versions[trial] and old.seq == before.seq
            if reliable and old is not None and old.seq == after.seq and old.standing.day == day:
                continue
            setting = judge.setting(candidate, day)
            standing = judge.judged(setting, old.standing if reliable and old is not None else None, kinds)
            new = Placed(self._versions[trial], after.seq, standing, dict(judge.verdicts(standing)))
            found = self._changes(book, judge, old or self._baseline(judge, day), new, identity, event)
            if found:
                because = {place: judge.because(place, standing, setting) for place in _told_of(judge, found, new)}
                changes += [book.note(_explained(judge, change, new, because)) for change in found]
            book.place(identity, trial, new, new=old is None)
        return changes

    def _changes(
        self, book: Book, judge: Judge, old: Placed, new: Placed, candidate: str, event: str
    ) -> list[Change]:
        """The statuses and verdicts that differ between two standings, not yet explained."""
        trial = judge.trial
        after = dict(zip((each.id for each in trial.criteria), judge.statuses(new.standing), strict=True))
        if old.version == new.version:
            before = dict(zip(after, judge.statuses(old.standing), strict=True))
        else:
            written = json.loads(book.fact(f"criteria {old.version}") or "[]")
            letters = zip(written, old.standing.truths, strict=False)
            before = {each: _status(letter, excludes) for (each, excludes), letter in letters}
        day = new.standing.day
        found = [
            Change(event, day, candidate, trial.id, each, None, was, is_now, ())
            for each, is_now in after.items()
            if (was := before.get(each, "undetermined")) != is_now
        ]
        for cohort, verdict in new.verdicts.items():
            was_verdict = old.verdicts.get(cohort, "undetermined")
            if was_verdict != verdict and (cohort is not None or None in old.verdicts):
                found.append(Change(event, day, candidate, trial.id, None, cohort, was_verdict, verdict, ()))
        return found

    def _baseline(self, judge: Judge, day: int) -> Placed:
        """The standing of somebody of whom nothing is known."""
        key = (judge.trial.id, day)
        found = self._baselines.get(key)
        if found is None:
            standing = judge.judged(judge.setting(Candidate(Dossier.empty("-").profile), day), None, frozenset())
            found = Placed(self._versions[judge.trial.id], 0, standing, dict(judge.verdicts(standing)))
            if len(self._baselines) >= _DOSSIERS:
                self._baselines.clear()
            self._baselines[key] = found
        return found

    def _catch_up(self, event: str) -> Iterator[list[Change]]:
        """Bring all up to date who are behind: after a new day, a crash, or a change of the rules."""
        last: str | None = None
        while True:
            with self._lock, self._log.writing() as book:
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
                        changes += self._bring_up(book, dossier, dossier, event)
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
        dossier = self._dossiers.get(candidate) or Dossier.empty(candidate)
        if dossier.seq < book.last_of(candidate):
            for kept in book.events_of(candidate, dossier.seq):
                dossier = self._replayed(dossier, kept)
            self._remember(dossier)
        return dossier

    def _replayed(self, dossier: Dossier, kept: Kept) -> Dossier:
        try:
            return dossier.with_event(read_event(kept.body, self._catalogues, named=False), kept.seq)
        except InputRefused as refused:
            # It was right when it was kept: a name has gone from the catalogue since.
            raise InputRefused(in_event(kept.id, refused.problems)) from None

    def _remember(self, dossier: Dossier) -> None:
        self._dossiers[dossier.profile.id] = dossier
        self._dossiers.move_to_end(dossier.profile.id)
        if len(self._dossiers) > _DOSSIERS:
            self._dossiers.popitem(last=False)

    def _looked_up(self, candidate: str) -> tuple[Dossier, int]:
        """A candidate's dossier and screening day."""
        with self._lock, self._log.writing() as book:
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

    def _mark(self, book: Book) -> None:
        """Note in the log what has been told since the last event: it may be told twice after a crash, never not."""
        if self._unmarked:
            book.told(self._unmarked)
            self._unmarked = []


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


def _status(letter: str, excludes: bool) -> Status:
    if letter == "?":
        return "undetermined"
    return "met" if (letter == "T") is not excludes else "failed"


def _carrying(judge: Judge, verdict: str, cohort: str | None, placed: Placed) -> list[int]:
    """The criteria, by place, on which a verdict rests."""
    wanted = {"ineligible": "failed", "undetermined": "undetermined"}.get(verdict)
    return [
        place
        for place, (criterion, status) in enumerate(
            zip(judge.trial.criteria, judge.statuses(placed.standing), strict=True)
        )
        if status == wanted and (cohort is None or not criterion.cohorts or cohort in criterion.cohorts)
    ]


def _told_of(judge: Judge, changes: list[Change], placed: Placed) -> set[int]:
    """The criteria of which it has to be said why they stand as they do."""
    places = {criterion.id: place for place, criterion in enumerate(judge.trial.criteria)}
    wanted = {places[change.criterion] for change in changes if change.criterion is not None}
    for change in changes:
        if change.criterion is None:
            wanted.update(_carrying(judge, change.after, change.cohort, placed)[:_MOST_WORDS])
    return wanted


def _explained(judge: Judge, change: Change, placed: Placed, because: dict[int, tuple[str, ...]]) -> Change:
    """A change with the words for why it is so now."""
    from dataclasses import replace

    ids = [criterion.id for criterion in judge.trial.criteria]
    if change.criterion is not None:
        return replace(change, because=because[ids.index(change.criterion)])
    carrying = _carrying(judge, change.after, change.cohort, placed)
    words = [f"{ids[place]}: {'; '.join(because[place])}" for place in carrying[:_MOST_WORDS]]
    if len(carrying) > _MOST_WORDS:
        words.append(f"and {len(carrying) - _MOST_WORDS} more")
    if not carrying:
        complete = judge.trial.complete
        words.append("every criterion on file is met" if complete else "the rule file's source is incomplete")
    return replace(change, because=tuple(words))
