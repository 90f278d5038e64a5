"""The log of a session within one transaction: its tables, what is read of them, and what is written.

Events are only ever appended, each with the digest of its content. Beside them stand conclusions, which could be made
of the events again: of each candidate the standing in each trial, and the changes of status with whether they were
told. What is to be written is held back to the end of the transaction and then written all at once, and what several
events need is read at once, so that an event does not cost a dozen statements.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from hashlib import sha256
from typing import Any, Final

import sqlalchemy as sql
from sqlalchemy.engine import Connection

from prescreen.problems import InputRefused, Problem
from prescreen.session.events import Event
from prescreen.session.model import Change, Kept, Placed, Row, Standing

_AT_ONCE: Final = 500  # ids in one statement, and changes in memory

tables = sql.MetaData()
_number = sql.BigInteger().with_variant(sql.Integer(), "sqlite")
_facts = sql.Table(
    "prescreen_session", tables, sql.Column("key", sql.Text, primary_key=True), sql.Column("value", sql.Text)
)
_events = sql.Table(
    "events",
    tables,
    sql.Column("seq", _number, primary_key=True, autoincrement=False),
    sql.Column("id", sql.Text, nullable=False, unique=True),
    sql.Column("candidate", sql.Text),
    sql.Column("trial", sql.Text),
    sql.Column("day", sql.Integer),
    sql.Column("body", sql.Text, nullable=False),
    sql.Column("digest", sql.Text, nullable=False),
    sql.Index("events_of", "candidate", "seq"),
)
_candidates = sql.Table(
    "candidates",
    tables,
    sql.Column("candidate", sql.Text, primary_key=True),
    sql.Column("seq", _number, nullable=False),
    sql.Column("day", sql.Integer),
    sql.Column("day_seq", _number, nullable=False),
)
_standings = sql.Table(
    "standings",
    tables,
    sql.Column("candidate", sql.Text, primary_key=True),
    sql.Column("trial", sql.Text, primary_key=True),
    sql.Column("version", sql.Text, nullable=False),
    sql.Column("seq", _number, nullable=False),
    sql.Column("day", sql.Integer, nullable=False),
    sql.Column("leaves", sql.Text, nullable=False),
    sql.Column("fired", sql.Text, nullable=False),
    sql.Column("truths", sql.Text, nullable=False),
    sql.Column("verdicts", sql.Text, nullable=False),
    sql.Column("digest", sql.Text, nullable=False),
)
_changes = sql.Table(
    "changes",
    tables,
    sql.Column("number", _number, primary_key=True, autoincrement=False),
    sql.Column("event", sql.Text, nullable=False),
    sql.Column("day", sql.Integer, nullable=False),
    sql.Column("candidate", sql.Text, nullable=False),
    sql.Column("trial", sql.Text, nullable=False),
    sql.Column("criterion", sql.Text),
    sql.Column("cohort", sql.Text),
    sql.Column("before", sql.Text, nullable=False),
    sql.Column("after", sql.Text, nullable=False),
    sql.Column("because", sql.Text, nullable=False),
    sql.Column("told", sql.Boolean, nullable=False),
    sql.Index("changes_of", "trial", "candidate"),
)
_outlooks = sql.Table(
    "outlooks",
    tables,
    sql.Column("candidate", sql.Text, primary_key=True),
    sql.Column("trial", sql.Text, primary_key=True),
    sql.Column("made_of", sql.Text, nullable=False),
    sql.Column("body", sql.Text, nullable=False),
)
_untold = _changes.c.told == sql.false()
sql.Index("changes_untold", _changes.c.number, sqlite_where=_untold, postgresql_where=_untold)

_wanted: Final[sql.BindParameter[Any]] = sql.bindparam("wanted", expanding=True)
_days = sql.select(_events).where(_events.c.candidate.is_(None)).order_by(_events.c.seq.desc()).limit(1)
_find_state = sql.select(
    sql.select(sql.func.max(_events.c.seq)).scalar_subquery().label("last"),
    sql.select(sql.func.max(_changes.c.number)).scalar_subquery().label("number"),
    _days.with_only_columns(_events.c.day).scalar_subquery().label("day"),
    _days.with_only_columns(_events.c.seq).scalar_subquery().label("day_seq"),
)
_find_digests = sql.select(_events.c.id, _events.c.digest).where(_events.c.id.in_(_wanted))
_find_candidates = sql.select(_candidates.c.candidate, _candidates.c.seq).where(_candidates.c.candidate.in_(_wanted))
_find_standings = sql.select(_standings).where(_standings.c.candidate.in_(_wanted))
_find_since = (
    sql.select(_events.c.seq, _events.c.id, _events.c.candidate, _events.c.trial, _events.c.body, _events.c.digest)
    .where(_events.c.candidate.in_(_wanted), _events.c.seq > sql.bindparam("since"))
    .order_by(_events.c.candidate, _events.c.seq)
)
_find_outlooks = sql.select(_outlooks).where(
    _outlooks.c.trial == sql.bindparam("within"), _outlooks.c.candidate.in_(_wanted)
)
_drop_outlook = _outlooks.delete().where(
    _outlooks.c.candidate == sql.bindparam("of"), _outlooks.c.trial == sql.bindparam("within")
)
_find_fact = sql.select(_facts.c.value).where(_facts.c.key == sql.bindparam("of"))
_place_candidate = _candidates.update().where(_candidates.c.candidate == sql.bindparam("of"))
_place_standing = _standings.update().where(
    _standings.c.candidate == sql.bindparam("of"), _standings.c.trial == sql.bindparam("within")
)
_mark_told = _changes.update().where(_changes.c.number == sql.bindparam("of"))


class StoreFailed(InputRefused):
    """The log could not be read or written; nothing of the event at hand was kept."""


def store_failed(code: str, message: str, hint: str | None = None) -> StoreFailed:
    """What is wrong with a log, as an error."""
    return StoreFailed([Problem(code, message, hint=hint)])


def has_log(names: Iterable[str]) -> bool:
    """Whether a database with tables of these names holds the log of a session."""
    return _facts.name in names


class Book:
    """The log within one transaction; `write` is called at its end.

    Other writers are locked out, so that what was read stays as it is.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._last = -1  # not looked up yet
        self._number = 0
        self._day = (0, 0)
        self._digests: dict[str, str | None] = {}
        self._seqs: dict[str, int] = {}
        self._placed: dict[str, dict[str, Placed]] = {}
        self._on_file: set[str | tuple[str, str]] = set()  # candidates, and standings as (candidate, trial)
        self._new_events: list[dict[str, object]] = []
        self._new_changes: list[dict[str, object]] = []
        self._new_candidates: dict[str, dict[str, object]] = {}
        self._new_standings: dict[tuple[str, str], Placed] = {}

    # --- what the log says of itself --------------------------------------------------------------------------------

    def fact(self, key: str) -> str | None:
        """Something that the log says of itself."""
        found = self._connection.execute(_find_fact, {"of": key}).scalar()
        return None if found is None else str(found)

    def state(self, key: str, value: str) -> None:
        """Have the log say something of itself."""
        self._connection.execute(_facts.delete().where(_facts.c.key == key))
        self._connection.execute(_facts.insert(), {"key": key, "value": value})

    def common_day(self) -> tuple[int, int]:
        """The screening day for all, and the number of the event that told it; (0, 0) in an empty log."""
        self._look()
        return self._day

    # --- events -----------------------------------------------------------------------------------------------------

    def gather(self, events: Iterable[str], candidates: Iterable[str]) -> None:
        """Read at once what is on file of events by their ids, and where candidates stand."""
        for names in _pieces([name for name in events if name not in self._digests]):
            self._digests |= dict.fromkeys(names)
            for row in self._connection.execute(_find_digests, {"wanted": names}):
                self._digests[row.id] = row.digest
        for names in _pieces([name for name in candidates if name not in self._seqs]):
            self._seqs |= dict.fromkeys(names, 0)
            self._placed |= {name: {} for name in names}
            for row in self._connection.execute(_find_candidates, {"wanted": names}):
                self._seqs[row.candidate] = _number_of(row.seq)
                self._on_file.add(row.candidate)
            for row in self._connection.execute(_find_standings, {"wanted": names}):
                self._found(row)

    def digest(self, identity: str) -> str | None:
        """The digest of the event of that id, None when there is none."""
        if identity not in self._digests:
            self.gather([identity], ())
        return self._digests[identity]

    @property
    def next_seq(self) -> int:
        """The number of the next event."""
        self._look()
        return self._last + 1

    def _look(self) -> None:
        """See how far the log has come, once."""
        if self._last < 0:
            state = self._connection.execute(_find_state).one()
            self._last, self._number = int(state.last or 0), int(state.number or 0)
            self._day = (int(state.day or 0), int(state.day_seq or 0))

    def free_name(self) -> str:
        """What the next event is called if it has no id: by its number."""
        name = f"#{self.next_seq}"
        while self.digest(name) is not None:  # somebody has used the name
            name = f"#{name}"
        return name

    def append(self, event: Event, name: str) -> None:
        """Append an event under the next number."""
        seq, digest = self.next_seq, event.digest
        row = {"seq": seq, "id": name, "candidate": event.candidate, "trial": event.trial, "day": event.day}
        self._new_events.append(row | {"body": event.body, "digest": digest})
        self._digests[name] = digest
        self._last = seq
        if event.candidate is None and event.day is not None:
            self._day = (event.day, seq)

    def events_of(self, candidates: Sequence[str], since: int) -> Iterator[Kept]:
        """Candidates' events after that of a number, as far as they were there when the transaction began: each
        candidate's in order.

        Raises StoreFailed when one is not what was written.
        """
        for names in _pieces(candidates):
            for row in self._connection.execute(_find_since, {"wanted": names, "since": since}):
                if sha256(row.body.encode()).hexdigest() != row.digest:
                    raise _damaged(f"event `{row.id}`")
                yield Kept(int(row.seq), row.id, row.candidate, row.trial, row.body)

    # --- candidates and standings -----------------------------------------------------------------------------------

    def last_of(self, candidate: str) -> int:
        """The number of the last event of a candidate; 0 when there is none."""
        if candidate not in self._seqs:
            self.gather((), [candidate])
        return self._seqs[candidate]

    def place_candidate(self, candidate: str, seq: int, day: int | None, day_seq: int) -> None:
        """Note a candidate's last event and own day."""
        self._seqs[candidate] = seq
        self._new_candidates[candidate] = {"seq": seq, "day": day, "day_seq": day_seq}

    def standings(self, candidate: str) -> dict[str, Placed]:
        """A candidate's standings by trial."""
        if candidate not in self._placed:
            self.gather((), [candidate])
        return self._placed[candidate]

    def place(self, candidate: str, trial: str, placed: Placed) -> None:
        """Keep a standing in the place of the one before."""
        self.standings(candidate)[trial] = placed
        self._new_standings[candidate, trial] = placed

    def rows(self, after: str | None, most: int) -> list[Row]:
        """Candidates in the order of their ids, from the one after `after` on, as they were on file."""
        wanted = sql.select(_candidates).order_by(_candidates.c.candidate).limit(most)
        if after is not None:
            wanted = wanted.where(_candidates.c.candidate > after)
        found = self._connection.execute(wanted).all()
        self.gather((), [row.candidate for row in found])
        return [
            Row(row.candidate, _number_of(row.seq), row.day, _number_of(row.day_seq), self._placed[row.candidate])
            for row in found
        ]

    def outlooks(self, trial: str, candidates: Sequence[str]) -> dict[str, tuple[str, str]]:
        """What was made of candidates' reports for work lists: what each was made of, and itself."""
        found: dict[str, tuple[str, str]] = {}
        for names in _pieces(candidates):
            for row in self._connection.execute(_find_outlooks, {"within": trial, "wanted": names}):
                found[row.candidate] = (row.made_of, row.body)
        return found

    def place_outlooks(self, trial: str, outlooks: Mapping[str, tuple[str, str]]) -> None:
        """Keep what was made of candidates' reports."""
        if outlooks:
            self._connection.execute(_drop_outlook, [{"of": name, "within": trial} for name in outlooks])
            rows = [
                {"candidate": name, "trial": trial, "made_of": made_of, "body": body}
                for name, (made_of, body) in outlooks.items()
            ]
            self._connection.execute(_outlooks.insert(), rows)

    # --- changes ----------------------------------------------------------------------------------------------------

    def note(self, change: Change, event: str) -> Change:
        """Keep a change that is an event's doing, not yet told; the same with the event and its number."""
        self._look()
        self._number += 1
        numbered = replace(change, event=event, number=self._number)
        row: dict[str, object] = {name: getattr(numbered, name) for name in _CHANGE}
        self._new_changes.append(row | {"because": json.dumps(change.because, ensure_ascii=False), "told": False})
        return numbered

    def told(self, numbers: Iterable[int]) -> None:
        """Note that changes were told."""
        rows = [{"of": number, "told": True} for number in numbers]
        if rows:
            self._connection.execute(_mark_told, rows)

    def untold(self, after: int) -> list[Change]:
        """The next changes after that of a number of which nobody was told; empty when there are no more."""
        wanted = sql.select(_changes).where(_untold, _changes.c.number > after)
        found = self._connection.execute(wanted.order_by(_changes.c.number).limit(_AT_ONCE))
        return [_change(row) for row in found]

    def last_verdicts(self, trial: str, candidates: Sequence[str]) -> dict[str, Change]:
        """The last change of the verdict on each candidate, where there was one."""
        of_verdict = (_changes.c.trial == trial) & _changes.c.criterion.is_(None) & _changes.c.cohort.is_(None)
        found: dict[str, Change] = {}
        for names in _pieces(candidates):
            wanted = sql.select(_changes).where(of_verdict, _changes.c.candidate.in_(names)).order_by(_changes.c.number)
            found |= {row.candidate: _change(row) for row in self._connection.execute(wanted)}
        return found

    # --- the end ----------------------------------------------------------------------------------------------------

    def write(self) -> None:
        """Write what was held back."""
        execute = self._connection.execute
        if self._new_events:
            execute(_events.insert(), self._new_events)
        if self._new_changes:
            execute(_changes.insert(), self._new_changes)
        seen = {name: name in self._on_file for name in self._new_candidates}
        if rows := [{"candidate": name, **self._new_candidates[name]} for name in seen if not seen[name]]:
            execute(_candidates.insert(), rows)
        if rows := [{"of": name, **self._new_candidates[name]} for name in seen if seen[name]]:
            execute(_place_candidate, rows)
        placed = [(*key, key in self._on_file, _columns(each)) for key, each in self._new_standings.items()]
        if rows := [{"candidate": name, "trial": trial, **row} for name, trial, known, row in placed if not known]:
            execute(_standings.insert(), rows)
        if rows := [{"of": name, "within": trial, **row} for name, trial, known, row in placed if known]:
            execute(_place_standing, rows)

    def _found(self, row: Any) -> None:
        """Note a standing that is on file."""
        if row.candidate not in self._placed or _check(row._mapping) != row.digest:
            raise _damaged(f"the standing of `{row.candidate}` in {row.trial}")
        standing = Standing(int(row.day), row.leaves, row.fired, row.truths)
        verdicts = {cohort or None: verdict for cohort, verdict in json.loads(row.verdicts).items()}
        self._placed[row.candidate][row.trial] = Placed(row.version, int(row.seq), standing, verdicts)
        self._on_file.add((row.candidate, row.trial))


_CHANGE: Final = tuple(field.name for field in fields(Change))


def _pieces(names: Sequence[str]) -> Iterator[list[str]]:
    """Names, not too many at once."""
    for first in range(0, len(names), _AT_ONCE):
        yield list(names[first : first + _AT_ONCE])


def _columns(placed: Placed) -> dict[str, object]:
    standing = placed.standing
    row: dict[str, object] = {
        "version": placed.version,
        "seq": placed.seq,
        "day": standing.day,
        "leaves": standing.leaves,
        "fired": standing.fired,
        "truths": standing.truths,
        "verdicts": json.dumps({cohort or "": verdict for cohort, verdict in placed.verdicts.items()}),
    }
    return row | {"digest": _check(row)}


_CHECKED: Final = ("version", "seq", "day", "leaves", "fired", "truths", "verdicts")


def _check(row: Mapping[str, object]) -> str:
    """What tells whether a standing is as it was written."""
    return sha256(" ".join([str(row[name]) for name in _CHECKED]).encode("utf-8", "replace")).hexdigest()[:16]


def _number_of(value: object) -> int:
    if not isinstance(value, int):
        raise _damaged("a number")
    return value


def _damaged(what: str) -> StoreFailed:
    return store_failed("store-damaged", f"the log is damaged: {what} is not as it was written")


def _change(row: Any) -> Change:
    values = {name: getattr(row, name) for name in _CHANGE}
    try:
        return Change(**{**values, "because": tuple(json.loads(row.because))})
    except (ValueError, TypeError):
        raise _damaged(f"change {row.number}") from None
