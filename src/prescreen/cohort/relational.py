"""A cohort decided in a database: distinct spellings out, what Python reads of them in, and one query after another.

What the database is, a `Runner` says: it runs SQL of its dialect. Of a candidate's rows nothing passes through Python
but distinct spellings, and in the end a row of statuses for each candidate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from sqlglot import exp

from prescreen.candidate.checks import is_id
from prescreen.catalogue import DOMAINS
from prescreen.cohort.algebra import FALSE, TRUE, Reading, Spelling
from prescreen.cohort.coding import DATES
from prescreen.cohort.decide import SUPPOSED, Decisions, assembled, walked
from prescreen.cohort.judging import WRITTEN
from prescreen.cohort.person import BIRTH
from prescreen.cohort.plan import Plan
from prescreen.cohort.scan import Scan
from prescreen.cohort.spelling import Ids, Pool
from prescreen.cohort.sql import CODED, PEOPLE, Dimension, Sql, SqlAlgebra, View
from prescreen.cohort.walk import Decided, Walk
from prescreen.ranges import Ranges
from prescreen.tables import TABLES
from prescreen.time import parse_when

if TYPE_CHECKING:
    import pyarrow as pa

_UNREAD: Final = frozenset({"display", "id", "source", "for_display"})
_ONCE: Final = {"persons": (), "answers": ("trial", "question"), "anchors": ("anchor",), "complete": ("domain",)}
"""Of which a candidate has one row each; with more, columns do not decide."""


class Runner(Protocol):
    """A database. dialect: sqlglot's name of its SQL."""

    dialect: str

    def source(self, table: str) -> tuple[str, Sequence[str]] | None:
        """What stands after FROM for a table of the cohort, and its columns; None where it is not there."""

    def make(self, name: str, query: str) -> None: ...
    def add(self, name: str, rows: pa.Table) -> None: ...
    def fetch(self, query: str) -> pa.Table: ...


def decide_in(runner: Runner, scan: Scan, plan: Plan, day: int, ranges: Ranges | None) -> tuple[list[str], Decisions]:
    """All candidates, and the decisions on them. scan: for what it knows of spellings; it reads nothing."""
    columns = _bases(runner)
    groups = _groups(scan, columns)
    algebra = SqlAlgebra(groups, plan.concepts, lambda s: _concept(scan, s), scan.signature)
    walk = Walk(algebra, day, plan.catalogue, ranges, plan.bare)
    decided = walked(walk, plan)
    supposing = [walk.supposing(day + later, sex) for later, sex in SUPPOSED]
    outputs: dict[str, Sql] = {"odd": _odd(algebra, scan)}
    for j, found in enumerate(decided):
        outputs[f"status_{j}"], outputs[f"settled_{j}"] = found.status, found.settled
        if found.alike is not None:
            outputs[f"alike_{j}"] = found.alike
        outputs |= {f"open_{j}_{i}": where for i, where in enumerate(found.open.values())}
        column = plan.columns[j]
        if column.supposable:
            for i, other in enumerate(supposing):
                outputs[f"supposed_{j}_{i}"] = other.trial(column.trial, [column.criterion])[0].status
    for table, dimensions in algebra.dimensions.items():
        _read(runner, scan, table, dimensions)
    *steps, (_, final) = algebra.statements(outputs)
    for name, query in steps:
        runner.make(name, query.sql(dialect=runner.dialect))
    rows = runner.fetch(f"{final.sql(dialect=runner.dialect)} ORDER BY candidate")
    identities: list[str] = rows.column("candidate").to_pylist()
    size = len(identities)

    def array(name: str) -> Ids:
        return np.asarray(rows.column(name).combine_chunks().to_numpy(zero_copy_only=False))

    made = [
        Decided(
            found.criterion,
            array(f"status_{j}"),
            {fact: array(f"open_{j}_{i}").astype(bool) for i, fact in enumerate(found.open)},
            array(f"settled_{j}").astype(bool),
            None if found.alike is None else array(f"alike_{j}"),
        )
        for j, found in enumerate(decided)
    ]

    def on_day(i: int, j: int, at: Ids) -> Ids:
        return array(f"supposed_{j}_{i}")[at]

    days = [partial(on_day, i) for i in range(len(SUPPOSED))]
    nameless = np.asarray([not is_id(identity) for identity in identities], bool)
    odd = array("odd").astype(bool) | nameless | _twice(runner, columns, identities)
    return identities, assembled(size, plan, made, days, np.flatnonzero(odd))


# --- tables -------------------------------------------------------------------------------------------


def _bases(runner: Runner) -> dict[str, tuple[str, ...]]:
    """Each table with its cells as texts, empty ones as NULL; and everybody who is named in one."""
    found: dict[str, tuple[str, ...]] = {}
    named: list[str] = []
    for table in TABLES.values():
        columns = tuple(name for name in table.names if name not in _UNREAD and name != "candidate")
        source = runner.source(table.name)
        there = set() if source is None else set(source[1])
        cells = [
            exp.alias_(_cell(name) if name in there else exp.cast(exp.null(), "text"), name, quoted=True)
            for name in ("candidate", *columns)
        ]
        query = exp.select(*cells)
        made = query.sql(dialect=runner.dialect)
        made += f" FROM {source[0]}" if source is not None else " WHERE FALSE"
        runner.make(f"{table.name}_base", made)
        found[table.name] = columns
        named.append(f"SELECT candidate FROM {table.name}_base WHERE candidate IS NOT NULL")
    of_person = ", ".join(f"MIN(p.{name}) AS {name}" for name in (*BIRTH, "sex"))
    runner.make(
        f"{PEOPLE}_base",
        f"SELECT e.candidate, {of_person} FROM (SELECT DISTINCT candidate FROM ({' UNION ALL '.join(named)}) u) e "
        "LEFT JOIN persons_base p ON e.candidate = p.candidate GROUP BY e.candidate",
    )
    return found


def _cell(name: str) -> exp.Expression:
    column = exp.column(exp.to_identifier(name, quoted=True))
    return exp.Nullif(this=exp.cast(column, "text"), expression=exp.Literal.string(""))


def _groups(scan: Scan, columns: Mapping[str, tuple[str, ...]]) -> dict[str, list[tuple[str, ...]]]:
    """The columns whose spellings are read together."""
    events: dict[str, list[tuple[str, ...]]] = {
        domain: [
            scan.signature(domain),
            *((name,) for name in dict.fromkeys((*DATES[domain], "date")) if name in columns[domain]),
        ]
        for domain in DOMAINS
    }
    return {
        PEOPLE: [BIRTH, ("sex",)],
        "observations": [CODED, ("date",), (*CODED, *WRITTEN)],
        **events,
        "answers": [("trial", "question"), ("value",)],
        "anchors": [("anchor",), ("date",)],
        "complete": [("domain", "through", "systems")],
    }


def _concept(scan: Scan, spelling: Spelling) -> str | None:
    system, code = spelling
    if code is None:
        return None
    found = scan.catalogue.observation(code) if system is None else scan.catalogue.observation_for(system, code)
    return None if found is None else found.name


# --- spellings ----------------------------------------------------------------------------------------


def _read(runner: Runner, scan: Scan, table: str, dimensions: Sequence[Dimension]) -> None:
    """Each row of a table as what Python has read of its spellings."""
    import pyarrow as pa

    selected = ["b.candidate"]
    joins: list[str] = []
    for number, dimension in enumerate(dimensions):
        if not dimension.readings:
            continue
        quoted = [f'"{name}"' if runner.dialect == "duckdb" else f"`{name}`" for name in dimension.columns]
        distinct = runner.fetch(f"SELECT DISTINCT {', '.join(quoted)} FROM {table}_base WHERE candidate IS NOT NULL")
        spellings = list(zip(*(column.to_pylist() for column in distinct.columns), strict=True))
        values = _values(scan, table, dimension, spellings)
        rows = pa.table(
            {
                **{f"k{i}": pa.array([s[i] for s in spellings], pa.string()) for i in range(len(dimension.columns))},
                **{name: pa.array(numbers, pa.int64()) for name, numbers in values.items()},
            }
        )
        runner.add(dimension.name, rows)
        pairs = [
            exp.NullSafeEQ(
                this=exp.column(exp.to_identifier(name, quoted=True), "b"), expression=exp.column(f"k{i}", f"d{number}")
            )
            for i, name in enumerate(dimension.columns)
        ]
        alike = " AND ".join(pair.sql(dialect=runner.dialect) for pair in pairs)
        joins.append(f"JOIN {dimension.name} d{number} ON {alike}")
        selected += [f"d{number}.{name}" for name in values]
    runner.make(
        f"{table}_read",
        f"SELECT {', '.join(selected)} FROM {table}_base b {' '.join(joins)} WHERE b.candidate IS NOT NULL",
    )


def _values(scan: Scan, table: str, dimension: Dimension, spellings: Sequence[Spelling]) -> dict[str, list[int]]:
    """What each reading makes of each spelling; of what cannot be read, nothing."""
    sound = [_is_sound(scan, table, dimension.columns, spelling) for spelling in spellings]
    found: dict[str, list[int]] = {}
    for name, reading, concept in dimension.readings.values():
        if reading.key == "sound":
            found[name] = [TRUE if each else FALSE for each in sound]
            continue
        places = [dimension.columns.index(column) for column in reading.columns]
        known: dict[Spelling, int] = {}
        numbers: list[int] = []
        for spelling, readable in zip(spellings, sound, strict=True):
            part = tuple(spelling[place] for place in places)
            if not readable or (concept is not None and _concept(scan, (spelling[0], spelling[1])) != concept):
                numbers.append(0)
                continue
            if part not in known:
                known[part] = reading.of(part)
            numbers.append(known[part])
        found[name] = numbers
    return found


def _is_sound(scan: Scan, table: str, columns: tuple[str, ...], spelling: Spelling) -> bool:
    if table == "observations" and len(columns) > len(CODED):
        return scan.is_readable(dict(zip(columns, spelling, strict=True)))
    pool = _pool(scan, table, columns)
    return pool is None or pool.sound[pool.number(spelling)]


def _pool(scan: Scan, table: str, columns: tuple[str, ...]) -> Pool | None:
    """The pool that knows whether spellings of these columns can be read."""
    owner = "persons" if table == PEOPLE else table
    return next((pool for (of, _), pool in scan.pools.items() if of == owner and pool.columns == columns), None)


# --- candidates that columns do not decide --------------------------------------------------------------


def _odd(algebra: SqlAlgebra, scan: Scan) -> Sql:
    """Whether a candidate has a row that cannot be read."""
    odd = algebra.flag(False)
    for table, dimensions in algebra.dimensions.items():
        for dimension in dimensions:
            sound = algebra.read(View(table), Reading(dimension.columns, "sound", lambda _: TRUE))
            unsound = algebra.negated(algebra.same(sound, algebra.truth(TRUE)))
            odd = algebra.either(odd, unsound if table == PEOPLE else algebra.exists(View(table), unsound))
    for domain in DOMAINS:
        start, end = DATES[domain]
        if start != end:
            first = algebra.read(View(domain), Reading((start,), "begins", lambda s: _edge(s, "low"), truth=False))
            last = algebra.read(View(domain), Reading((end,), "ends", lambda s: _edge(s, "high"), truth=False))
            odd = algebra.either(odd, algebra.exists(View(domain), algebra.negated(algebra.at_most(first, last))))
    return odd


def _edge(spelling: Spelling, edge: str) -> int:
    text = spelling[0]
    if text is None:
        return -1 if edge == "low" else 1 << 62
    when = parse_when(text)
    return when.low if edge == "low" else when.high


def _twice(runner: Runner, columns: Mapping[str, tuple[str, ...]], identities: Sequence[str]) -> Ids:
    """Who says something twice."""
    queries = []
    for table, names in _ONCE.items():
        keys = ", ".join(["candidate", *names])
        queries.append(
            f"SELECT candidate FROM {table}_base WHERE candidate IS NOT NULL GROUP BY {keys} HAVING COUNT(*) > 1"
        )
    found: set[Any] = set(runner.fetch(" UNION ALL ".join(queries)).column("candidate").to_pylist())
    return np.asarray([identity in found for identity in identities], bool)
