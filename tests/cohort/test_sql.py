"""The statements that an expression comes to, in the dialect of Spark, as they are sent."""

from __future__ import annotations

import pytest

pytest.importorskip("sqlglot")

from prescreen.cohort.algebra import Reading
from prescreen.cohort.sql import CODED, PEOPLE, SqlAlgebra

EXPECTED = {
    "people_0": "SELECT * FROM people_read",
    "observations_0": "SELECT * FROM observations_read",
    "observations_sums_0": (
        "SELECT candidate, MAX(CASE WHEN ((r1 = CAST(1 AS BIGINT)) AND (r2 <= CAST(100 AS BIGINT))) THEN r2 END) AS c3 "
        "FROM observations_0 GROUP BY candidate"
    ),
    "people_joined_1": (
        "SELECT p.*, s0.c3 FROM people_0 AS p LEFT JOIN observations_sums_0 AS s0 ON p.candidate = s0.candidate"
    ),
    "people_1": "SELECT * FROM people_joined_1",
    "observations_1": (
        "SELECT * FROM (SELECT t.*, p.c3 FROM observations_0 AS t JOIN people_1 AS p ON t.candidate = p.candidate) AS j"
    ),
    "observations_sums_1": (
        "SELECT candidate, MAX(CASE WHEN (((r1 = CAST(1 AS BIGINT)) AND (r2 = COALESCE(c3, CAST(-1 AS BIGINT)))) "
        "AND TRUE) THEN CAST(1 AS BIGINT) END) AS c4 FROM observations_1 GROUP BY candidate"
    ),
    "people_joined_2": (
        "SELECT p.*, s0.c4 FROM people_1 AS p LEFT JOIN observations_sums_1 AS s0 ON p.candidate = s0.candidate"
    ),
    "people_2": "SELECT * FROM people_joined_2",
    "decided": (
        "SELECT candidate, COALESCE(c3, CAST(-1 AS BIGINT)) AS last, "
        "(COALESCE(c4, CAST(0 AS BIGINT)) = CAST(1 AS BIGINT)) AS any FROM people_2"
    ),
}


def test_the_last_day_of_a_result_in_sql() -> None:
    algebra = SqlAlgebra(
        {PEOPLE: [("sex",)], "observations": [CODED, ("date",)]}, ["ALT"], lambda spelling: spelling[1], lambda _: ()
    )
    rows = algebra.results("ALT")
    day = algebra.read(rows, Reading(("date",), "day", lambda _: 0, truth=False))
    last = algebra.largest(rows, algebra.at_most(day, algebra.number(100)), day, -1)
    on_last = algebra.exists(algebra.only(rows, algebra.same(day, algebra.spread(rows, last))), algebra.flag(True))
    statements = algebra.statements({"last": last, "any": on_last})
    assert {name: query.sql(dialect="spark") for name, query in statements} == EXPECTED
