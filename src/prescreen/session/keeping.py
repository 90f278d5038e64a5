"""Keeping: events go into the log with all that follows from them, and standings are brought up to date.

Nothing of a candidate has to be in memory: a dossier is made of the candidate's events when it is needed, and some are
remembered.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from prescreen.catalogue import Catalogue
from prescreen.engine.compile import CompiledTrial
from prescreen.issues import Issue
from prescreen.language.model import Trial
from prescreen.problems import InputRefused, Problem, did_you_mean
from prescreen.ranges import Ranges
from prescreen.session.book import Book, StoreFailed, store_failed
from prescreen.session.changes import differences, explained, written
from prescreen.session.dossier import Dossier, touched
from prescreen.session.events import Event, in_event, read_kept
from prescreen.session.log import Log
from prescreen.session.model import Change, Outcome, Placed, Row
from prescreen.session.remarks import remarks
from prescreen.session.standing import Judge, judges

_DOSSIERS: Final = 256  # remembered
_RECORDS: Final = 20_000  # of all dossiers that are remembered
_BASELINES: Final = 256
_CHUNK: Final = 100  # candidates brought up to date in one transaction


@dataclass(frozen=True, slots=True)
class _Concluded:
    """The standing in a trial that follows, what has changed, and what there is to say of the facts."""

    trial: str
    placed: Placed
    changes: list[Change]
    issues: tuple[Issue, ...]


class Keeper:
    """The log of a session and the judges of its trials.

    tables: a site's ranges, by trial. Close it at the end. Raises StoreFailed for a log that cannot be used.
    """

    def __init__(self, trials: Sequence[Trial], tables: Mapping[str, Ranges | None], store: str) -> None:
        self.catalogues: tuple[Catalogue, ...] = tuple(
            {trial.catalogue.sha256: trial.catalogue for trial in trials}.values()
        )
        self._trials = tuple(trials)
        self.ids = tuple([trial.id for trial in trials])
        self._versions = {trial.id: _version(trial, tables[trial.id]) for trial in trials}
        self._dossiers = _Dossiers()
        self._fresh: dict[str, Dossier] = {}
        self._baselines: dict[tuple[str, int], Placed] = {}
        self._unmarked: list[int] = []
        self.log = Log(store)
        self.judges, self.engine = judges([CompiledTrial(trial) for trial in trials], dict(tables))

    @contextmanager
    def writing(self) -> Iterator[Book]:
        """A transaction, with what was told since the last one; dossiers made in it count once it is kept."""
        self._fresh = {}
        marked = list(self._unmarked)
        try:
            with self.log.writing() as book:
                book.told(marked)
                yield book
            self._unmarked = self._unmarked[len(marked) :]
            self._dossiers.remember(self._fresh)
        finally:
            self._fresh = {}

    def told(self, numbers: Iterable[int]) -> None:
        """Have the next transaction note that changes were told."""
        self._unmarked += numbers

    def begin(self, book: Book, day: int | None, stated: Mapping[str, str]) -> None:
        """Begin a new log on a day, or go on with one that has begun; stated: what it is to say of itself."""
        if book.common_day() == (0, 0):
            if day is None:
                raise InputRefused([Problem("no-day", "the log is new: a screening day is needed (`on`)")])
            book.append(Event.of_day(day), "")  # which is nobody else's id
        for name, value in stated.items():
            if book.fact(name) != value:
                book.state(name, value)
        for judge in self.judges:
            key = f"criteria {self._versions[judge.trial.id]}"
            if book.fact(key) is None:
                book.state(key, json.dumps(written(judge)))

    def kept(self, events: Sequence[Event | InputRefused]) -> list[Outcome | InputRefused]:
        """Keep some events and what follows from them, each for its candidate, in one transaction."""
        outcomes: list[Outcome | InputRefused] = []
        read = [event for event in events if isinstance(event, Event)]
        with self.writing() as book:
            names = dict.fromkeys(event.candidate for event in read if event.candidate is not None)
            book.gather(dict.fromkeys(event.id for event in read if event.id is not None), names)
            self._recall(book, [name for name in names if self._dossiers.get(name) is None])
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
        name = event.id or book.free_name()
        if event.candidate is None:
            book.append(event, name)
            return Outcome(name, False, ())
        before = self.known(book, event.candidate, new=event.added is not None or bool(event.withdrawn))
        common = book.common_day()
        after = before.with_event(event, book.next_seq, name)
        if event.day is not None or after.profile.birth_date != before.profile.birth_date:
            after.check_day(after.day_on(common))  # else a day for all has moved to before the birth, and may move on
        concluded = self._concluded(book, before, after, common)
        book.append(event, name)
        book.place_candidate(event.candidate, after.seq, after.day, after.day_seq)
        self._fresh[event.candidate] = after
        issues = [issue for each in concluded for issue in each.issues]
        said = remarks(before.profile, after.profile, issues, self._trials)
        return Outcome(name, False, _noted(book, event.candidate, name, concluded), said)

    def bring_up(self, book: Book, dossier: Dossier, event: str) -> tuple[Change, ...]:
        """Bring a candidate's standings up to date, on whom nothing new is told: what has changed by the day, by a
        crash, or by other rules."""
        concluded = self._concluded(book, dossier, dossier, book.common_day())
        return _noted(book, dossier.profile.id, event, concluded)

    def catch_up(self, event: str) -> Iterator[tuple[Change, ...]]:
        """Bring all up to date who are behind, some in a transaction; what has changed in each."""
        last: str | None = None
        while True:
            with self.writing() as book:
                common = book.common_day()
                rows = book.rows(last, _CHUNK)
                behind = [row.candidate for row in rows if self._is_behind(row, common)]
                self._recall(book, [name for name in behind if self._dossiers.get(name) is None])
                changes: list[Change] = []
                for name in behind:
                    changes += self.bring_up(book, self._dossier(book, name), event)
            if not rows:
                return
            if changes:
                yield tuple(changes)
            last = rows[-1].candidate

    def outlooks(
        self, book: Book, judge: Judge, after: str | None, make: Callable[[Dossier, int], str], maker: str
    ) -> list[tuple[str, str]]:
        """What is made of some candidates, from the one after `after` on; taken from the log where it was made of the
        same facts, day and rules by the same maker."""
        common, trial = book.common_day(), judge.trial.id
        rows = book.rows(after, _CHUNK)
        wanted = {row.candidate: f"{self._versions[trial]} {row.seq} {row.own_day(common)} {maker}" for row in rows}
        kept = book.outlooks(trial, list(wanted))
        anew = [name for name, made_of in wanted.items() if kept.get(name, ("", ""))[0] != made_of]
        self._recall(book, [name for name in anew if self._dossiers.get(name) is None])
        made = {}
        for name in anew:
            dossier = self._dossier(book, name)
            made[name] = (wanted[name], make(dossier, dossier.day_on(common)))
        book.place_outlooks(trial, made)
        return [(name, (made.get(name) or kept[name])[1]) for name in wanted]

    def known(self, book: Book, candidate: str, *, new: bool = False) -> Dossier:
        """The dossier of a candidate whom the log knows, or (new) may come to know now."""
        dossier = self._dossier(book, candidate)
        if dossier.seq == 0 and not new:
            message = f"nothing is known of a candidate `{candidate}`"
            hint = did_you_mean(candidate, self._dossiers.names)
            raise InputRefused([Problem("unknown-candidate", message, path="candidate", hint=hint)])
        return dossier

    def forget(self) -> None:
        """Let go of all dossiers."""
        self._dossiers = _Dossiers()

    def close(self) -> None:
        """Note what was told, end the worker processes, let go of the log."""
        try:
            if self._unmarked:
                with self.writing():
                    pass  # what was told is noted
        except InputRefused:
            pass  # it will be told once more
        finally:
            self.engine.close()
            self.log.close()

    # --- inside -----------------------------------------------------------------------------------------------------

    def _concluded(self, book: Book, before: Dossier, after: Dossier, common: tuple[int, int]) -> list[_Concluded]:
        """What follows for a candidate in each trial whose standing is behind.

        before: the dossier of the standings that are on file, if they can be relied on.
        """
        day = after.day_on(common)
        placed = book.standings(after.profile.id)
        kinds = touched(before.profile, after.profile, self.catalogues)
        found: list[_Concluded] = []
        for judge in self.judges:
            trial = judge.trial.id
            version = self._versions[trial]
            old = placed.get(trial)
            reliable = old is not None and (old.version, old.seq) == (version, before.seq)
            if old is not None and reliable and (old.seq, old.standing.day) == (after.seq, day):
                continue
            relied_on = old.standing if old is not None and reliable else None
            setting = judge.setting(after.candidate, day, judge.needed(day, relied_on, kinds))
            standing = judge.judged(setting, relied_on, kinds)
            was = old or self._baseline(judge, day)
            if was.version == version and was.standing.truths == standing.truths:
                placed_anew = Placed(version, after.seq, standing, was.verdicts)
                found.append(_Concluded(trial, placed_anew, [], setting.facts.issues))
                continue
            new = Placed(version, after.seq, standing, judge.verdicts(standing))
            changes = differences(judge, was, self._written(book, judge, was), new, after.profile.id)
            if any(change.criterion is None for change in changes):
                setting = judge.setting(after.candidate, day)  # a verdict rests on other criteria, too
            found.append(_Concluded(trial, new, explained(judge, changes, new, setting), setting.facts.issues))
        return found

    def _is_behind(self, row: Row, common: tuple[int, int]) -> bool:
        """Whether a standing of a candidate is not what follows from the last event, the day and the rules."""
        day = row.own_day(common)
        return any(
            (placed := row.standings.get(trial)) is None
            or (placed.version, placed.seq, placed.standing.day) != (version, row.seq, day)
            for trial, version in self._versions.items()
        )

    def _written(self, book: Book, judge: Judge, placed: Placed) -> list[tuple[str, bool]]:
        """The criteria of the rules of which a standing is."""
        if placed.version == self._versions[judge.trial.id]:
            return written(judge)
        found = [(each, excludes) for each, excludes in json.loads(book.fact(f"criteria {placed.version}") or "[]")]
        if len(found) != len(placed.standing.truths):
            raise store_failed(
                "store-damaged", f"the log is damaged: it lacks the rules of a standing in {judge.trial.id}"
            )
        return found

    def _baseline(self, judge: Judge, day: int) -> Placed:
        """The standing of somebody of whom nothing is known."""
        key = (judge.trial.id, day)
        found = self._baselines.get(key)
        if found is None:
            standing = judge.judged(judge.setting(Dossier.empty("-").candidate, day), None, frozenset())
            found = Placed(self._versions[judge.trial.id], 0, standing, judge.verdicts(standing))
            if len(self._baselines) >= _BASELINES:
                self._baselines.clear()
            self._baselines[key] = found
        return found

    def _recall(self, book: Book, candidates: list[str]) -> None:
        """Make the dossiers of candidates, of whom none is remembered, of their events."""
        for kept in book.events_of([name for name in candidates if book.last_of(name)], 0):
            dossier = self._fresh.get(kept.candidate) or Dossier.empty(kept.candidate)
            self._fresh[kept.candidate] = dossier.with_event(read_kept(kept), kept.seq, kept.id)

    def _dossier(self, book: Book, candidate: str) -> Dossier:
        """A candidate's dossier, with all that other writers have told since."""
        if candidate in self._fresh:
            return self._fresh[candidate]
        dossier = self._dossiers.get(candidate) or Dossier.empty(candidate)
        if dossier.seq < book.last_of(candidate):
            for kept in book.events_of([candidate], dossier.seq):
                dossier = dossier.with_event(read_kept(kept), kept.seq, kept.id)
        self._fresh[candidate] = dossier
        return dossier


class _Dossiers:
    """The dossiers that are remembered: those used last, not too many and not too long."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Dossier] = OrderedDict()
        self._records = 0

    @property
    def names(self) -> Iterable[str]:
        return self._kept

    def get(self, candidate: str) -> Dossier | None:
        return self._kept.get(candidate)

    def remember(self, dossiers: Mapping[str, Dossier]) -> None:
        for name, dossier in dossiers.items():
            old = self._kept.pop(name, None)
            self._records += dossier.size - (0 if old is None else old.size)
            self._kept[name] = dossier
        while self._kept and (len(self._kept) > _DOSSIERS or self._records > _RECORDS):
            self._records -= self._kept.popitem(last=False)[1].size


def _noted(book: Book, candidate: str, event: str, concluded: Iterable[_Concluded]) -> tuple[Change, ...]:
    """Note in the log what was concluded; what has changed."""
    noted: list[Change] = []
    for each in concluded:
        noted += [book.note(change, event) for change in each.changes]
        book.place(candidate, each.trial, each.placed)
    return tuple(noted)


def _version(trial: Trial, ranges: Ranges | None) -> str:
    """What a standing depends on beside the facts."""
    parts = (trial.sha256, trial.catalogue.sha256, "" if ranges is None else ranges.sha256)
    return sha256(" ".join(parts).encode()).hexdigest()[:32]
