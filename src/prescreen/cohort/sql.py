"""The algebra as SQL: expressions of sqlglot, and the statements that compute them in whatever dialect.

Texts of the tables become numbers by joining each table with its distinct spellings (`dimensions`), which Python has
read. From rows to candidates it goes by grouping, back by joining; both in stages, so that each table is grouped once
a stage, however many expressions there are. No expression is ever NULL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlglot import exp

from prescreen.catalogue import ObservationConcept
from prescreen.catalogue.model import Domain
from prescreen.cohort.algebra import FALSE, TRUE, Reading, Spelling, given
from prescreen.cohort.judging import WRITTEN
from prescreen.language.model import Test

PEOPLE: Final = "people"
_LARGE: Final = 20  # an expression of more nodes gets a name
_DEEP: Final = 12  # names that stand on one another in one query
CODED: Final = ("system", "code")


@dataclass(frozen=True, slots=True)
class Sql:
    """An expression on the rows of a table, or on people ("" for a constant). stage: how many times it went from rows
    to people before it can be computed."""

    node: exp.Expression
    place: str = ""
    stage: int = 0
    size: int = 1


@dataclass(frozen=True, slots=True)
class View:
    """Rows of a table that fulfil a condition. concept: what its observations measure."""

    table: str
    condition: Sql | None = None
    concept: str | None = None


@dataclass(frozen=True, slots=True)
class Dimension:
    """Columns of a table whose spellings are read together, and the readings asked for: (column, reading, concept)."""

    table: str
    columns: tuple[str, ...]
    readings: dict[tuple[object, ...], tuple[str, Reading, str | None]]

    @property
    def name(self) -> str:
        return f"spelled_{self.table}_{'_'.join(self.columns)[:40]}"


Statement = tuple[str, exp.Expression]
"""A table, and the query that makes it."""


class SqlAlgebra:
    """Collects what a walk asks for. groups: for each table the groups of columns that are read together."""

    def __init__(
        self,
        groups: dict[str, list[tuple[str, ...]]],
        concepts: Sequence[str],
        concept_of: Callable[[Spelling], str | None],
        signature: Callable[[str], tuple[str, ...]],
    ) -> None:
        self.dimensions = {table: [Dimension(table, columns, {}) for columns in some] for table, some in groups.items()}
        self._concepts = {name: number for number, name in enumerate(concepts, 1)}
        self._concept_of = concept_of
        self._signature = signature
        self._lets: dict[tuple[str, int], list[tuple[str, exp.Expression]]] = {}
        self._named: dict[tuple[str, int, str], Sql] = {}
        self._sums: dict[tuple[str, int], list[tuple[str, Any]]] = {}
        self._count = 0

    def _name(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count}"

    # --- tables ---------------------------------------------------------------------------------------

    def persons(self) -> View:
        return View(PEOPLE)

    def results(self, concept: str) -> View:
        number = self._concepts.get(concept, -1)
        read = Reading(CODED, "concept", lambda s: self._concepts.get(self._concept_of(s) or "", 0), truth=False)
        rows = View("observations")
        return View("observations", self.same(self.read(rows, read), self.number(number)), concept)

    def events(self, domain: Domain) -> View:
        return View(domain)

    def complete(self, domain: Domain) -> View:
        return self._some("complete", ("domain",), lambda s: s[0] == domain, domain)

    def answers(self, trial: str | None, question: str) -> View:
        return self._some("answers", ("trial", "question"), lambda s: s == (trial, question), (trial, question))

    def anchors(self, name: str) -> View:
        return self._some("anchors", ("anchor",), lambda s: s[0] == name, name)

    def _some(self, table: str, columns: tuple[str, ...], of: Callable[[Spelling], bool], key: object) -> View:
        reading = Reading(columns, ("is", key), lambda s: TRUE if of(s) else FALSE)
        return View(table, self.same(self.read(View(table), reading), self.truth(TRUE)))

    def columns(self, domain: Domain) -> tuple[str, ...]:
        return self._signature(domain)

    def derived(
        self, concept: ObservationConcept, tests: tuple[Test, ...], lead: View, partners: Sequence[tuple[Sql, Sql]],
        day: int,
    ) -> Sql | None:  # fmt: skip
        return None

    def read(self, rows: View, reading: Reading) -> Sql:
        for dimension in self.dimensions[rows.table]:
            if set(reading.columns) <= set(dimension.columns):
                judged = rows.concept if reading.columns == WRITTEN else None
                key = (reading.columns, reading.key, judged)
                if key not in dimension.readings:
                    dimension.readings[key] = (self._name("r"), reading, judged)
                return Sql(exp.column(dimension.readings[key][0]), rows.table)
        value = reading.of((None,) * len(reading.columns))
        return self.truth(value) if reading.truth else self.number(value)

    def given(self, rows: View, column: str) -> Sql:
        return self.same(self.read(rows, given(column)), self.truth(TRUE))

    # --- numbers and conditions -----------------------------------------------------------------------

    def number(self, value: int) -> Sql:
        return Sql(exp.cast(exp.convert(value), "bigint"))

    def truth(self, value: int) -> Sql:
        return self.number(value)

    def flag(self, holds: bool) -> Sql:
        return Sql(exp.true() if holds else exp.false())

    def least(self, a: Sql, b: Sql) -> Sql:
        return self._of(lambda x, y: exp.Least(this=x, expressions=[y]), a, b)

    def most(self, a: Sql, b: Sql) -> Sql:
        return self._of(lambda x, y: exp.Greatest(this=x, expressions=[y]), a, b)

    def plus(self, a: Sql, b: Sql) -> Sql:
        return self._of(lambda x, y: exp.paren(exp.Add(this=x, expression=y)), a, b)

    def minus(self, a: Sql, b: Sql) -> Sql:
        return self._of(lambda x, y: exp.paren(exp.Sub(this=x, expression=y)), a, b)

    def times(self, a: Sql, factor: int) -> Sql:
        return self._of(lambda x, y: exp.paren(exp.Mul(this=x, expression=y)), a, self.number(factor))

    def divided(self, a: Sql, by: int) -> Sql:
        return self._of(lambda x, y: exp.paren(exp.IntDiv(this=x, expression=y)), a, self.number(by))

    def same(self, a: Sql, b: Sql) -> Sql:
        return self._of(lambda x, y: exp.paren(exp.EQ(this=x, expression=y)), a, b)

    def at_most(self, a: Sql, b: Sql) -> Sql:
        return self._of(lambda x, y: exp.paren(exp.LTE(this=x, expression=y)), a, b)

    def both(self, a: Sql, b: Sql) -> Sql:
        return self._of(lambda x, y: exp.paren(exp.And(this=x, expression=y)), a, b)

    def either(self, a: Sql, b: Sql) -> Sql:
        return self._of(lambda x, y: exp.paren(exp.Or(this=x, expression=y)), a, b)

    def negated(self, a: Sql) -> Sql:
        return self._of(lambda x: exp.paren(exp.Not(this=x)), a)

    def where(self, condition: Sql, then: Sql, otherwise: Sql) -> Sql:
        return self._of(lambda c, x, y: exp.Case().when(c, x).else_(y), condition, then, otherwise)

    def _of(self, make: Callable[..., exp.Expression], *parts: Sql) -> Sql:
        place = next((part.place for part in parts if part.place), "")
        assert all(part.place in ("", place) for part in parts), [part.place for part in parts]
        stage = max(part.stage for part in parts)
        made = Sql(make(*(part.node.copy() for part in parts)), place, stage, 1 + sum(part.size for part in parts))
        return self._let(made) if made.size > _LARGE and place else made

    def _let(self, made: Sql) -> Sql:
        """A name for an expression, so that what uses it stays small."""
        key = (made.place, made.stage, made.node.sql())
        known = self._named.get(key)
        if known is None:
            name = self._name("x")
            self._lets.setdefault((made.place, made.stage), []).append((name, made.node))
            known = self._named[key] = Sql(exp.column(name), made.place, made.stage)
        return known

    # --- rows and people ------------------------------------------------------------------------------

    def only(self, rows: View, condition: Sql) -> View:
        mine = condition if rows.condition is None else self.both(rows.condition, condition)
        return View(rows.table, mine, rows.concept)

    def narrowed(self, rows: View, condition: Sql) -> View:
        return rows

    def filled(self, condition: Sql, number: Sql, otherwise: Sql) -> Sql:
        return self.where(condition, number, otherwise)

    def nowhere(self, condition: Sql) -> bool:
        return bool(condition.node == exp.false())

    def largest(self, rows: View, condition: Sql, number: Sql, nothing: int) -> Sql:
        return self._extreme(exp.Max, rows, condition, number, nothing)

    def smallest(self, rows: View, condition: Sql, number: Sql, nothing: int) -> Sql:
        return self._extreme(exp.Min, rows, condition, number, nothing)

    def total(self, rows: View, condition: Sql, number: Sql) -> Sql:
        return self._extreme(exp.Sum, rows, condition, number, 0)

    def exists(self, rows: View, condition: Sql) -> Sql:
        found = self._extreme(exp.Max, rows, condition, self.number(1), 0)
        return self.same(found, self.number(1))

    def _extreme(self, of: type[exp.Func], rows: View, condition: Sql, number: Sql, nothing: int) -> Sql:
        chosen = condition if rows.condition is None else self.both(rows.condition, condition)
        if rows.table == PEOPLE:
            return self.where(chosen, number, self.number(nothing))
        stage = max(chosen.stage, number.stage)
        node = of(this=exp.Case().when(chosen.node.copy(), number.node.copy()))
        key = (rows.table, stage, node.sql())
        known = self._named.get(key)
        if known is None:
            name = self._name("c")
            self._sums.setdefault((rows.table, stage), []).append((name, node))
            known = self._named[key] = Sql(exp.column(name), PEOPLE, stage + 1)
        filled = exp.Coalesce(this=known.node.copy(), expressions=[self.number(nothing).node])
        return Sql(filled, PEOPLE, stage + 1, 2)

    def spread(self, rows: View, number: Sql) -> Sql:
        if not number.place or rows.table == PEOPLE:
            return number
        return Sql(number.node, rows.table, max(1, number.stage), number.size)

    # --- statements -----------------------------------------------------------------------------------

    def statements(self, outputs: dict[str, Sql]) -> list[Statement]:
        """What has to be computed, in order; the last table has the outputs by candidate.

        They start from tables `people_0` (candidate, and the spellings of persons read) and, for each table,
        `NAME_0` (candidate, and its spellings read).
        """
        last = max([output.stage for output in outputs.values()], default=0)
        tables = sorted({table for table, _ in self._sums})
        made: list[Statement] = self._with_lets(PEOPLE, 0, exp.select("*").from_(f"{PEOPLE}_read"))
        for table in tables:
            made += self._with_lets(table, 0, exp.select("*").from_(f"{table}_read"))
        for stage in range(1, last + 1):
            joined = exp.select("p.*").from_(exp.alias_(exp.to_table(f"{PEOPLE}_{stage - 1}"), "p", table=True))
            for number, table in enumerate(tables):
                sums = self._sums.get((table, stage - 1), [])
                if not sums:
                    continue
                grouped = exp.select("candidate", *(exp.alias_(node, name) for name, node in sums))
                grouped = grouped.from_(f"{table}_{stage - 1}").group_by("candidate")
                made.append((f"{table}_sums_{stage - 1}", grouped))
                alias = f"s{number}"
                joined = joined.join(
                    exp.alias_(exp.to_table(f"{table}_sums_{stage - 1}"), alias, table=True),
                    on=exp.EQ(this=exp.column("candidate", "p"), expression=exp.column("candidate", alias)),
                    join_type="left",
                ).select(*(exp.column(name, alias) for name, _ in sums))
            made.append((f"{PEOPLE}_joined_{stage}", joined))
            made += self._with_lets(PEOPLE, stage, exp.select("*").from_(f"{PEOPLE}_joined_{stage}"))
            if stage < last:
                for table in tables:
                    made += self._with_people(table, stage)
        final = exp.select("candidate", *(exp.alias_(output.node.copy(), name) for name, output in outputs.items()))
        made.append(("decided", final.from_(f"{PEOPLE}_{last}")))
        return made

    def _with_people(self, table: str, stage: int) -> list[Statement]:
        """The rows of a table with all that is known of their candidates."""
        of_people = [name for s in range(stage + 1) for name in self._people_columns(s)]
        joined = (
            exp.select("t.*", *(exp.column(name, "p") for name in of_people))
            .from_(exp.alias_(exp.to_table(f"{table}_0"), "t", table=True))
            .join(
                exp.alias_(exp.to_table(f"{PEOPLE}_{stage}"), "p", table=True),
                on=exp.EQ(this=exp.column("candidate", "t"), expression=exp.column("candidate", "p")),
            )
        )
        inner = exp.select("*").from_(joined.subquery("j"))
        lets = [let for s in range(1, stage + 1) for let in self._lets.get((table, s), [])]
        return _named(f"{table}_{stage}", inner, lets)

    def _people_columns(self, stage: int) -> list[str]:
        found = [name for name, _ in self._lets.get((PEOPLE, stage), [])]
        if stage == 0:
            found += [name for d in self.dimensions[PEOPLE] for name, _, _ in d.readings.values()]
        for (_, of_stage), sums in self._sums.items():
            if of_stage == stage - 1:
                found += [name for name, _ in sums]
        return found

    def _with_lets(self, place: str, stage: int, query: exp.Select) -> list[Statement]:
        return _named(f"{place}_{stage}", query, self._lets.get((place, stage), []))


def _named(name: str, query: exp.Select, lets: Sequence[tuple[str, exp.Expression]]) -> list[Statement]:
    """A query with named expressions beside its columns, each of which may use those before it; where they stand on one
    another too often, in several tables."""
    made: list[Statement] = []
    known: set[str] = set()
    layer: list[tuple[str, exp.Expression]] = []
    depth = 0
    for let, node in lets:
        if any(column.name in known for column in node.find_all(exp.Column)):
            query, depth = _layered(query, layer), depth + 1
            known, layer = set(), []
            if depth == _DEEP:
                made.append((f"{name}_part_{len(made)}", query))
                query, depth = exp.select("*").from_(made[-1][0]), 0
        layer.append((let, node))
        known.add(let)
    return [*made, (name, _layered(query, layer))]


def _layered(query: exp.Select, layer: Sequence[tuple[str, exp.Expression]]) -> exp.Select:
    if not layer:
        return query
    named: list[Any] = [exp.alias_(node.copy(), name) for name, node in layer]
    return exp.select("*", *named).from_(query.subquery("l"))
