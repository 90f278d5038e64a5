"""Rows of some candidates are those of all, looked through one by one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from prescreen.cohort.rows import Everybody, Rows, Some
from prescreen.cohort.spelling import Pool

OWNERS = st.lists(st.integers(0, 9), max_size=30)
PLACES = st.sets(st.integers(0, 9)).map(sorted)


def texts(rows: Rows) -> list[tuple[int, str | None]]:
    """The candidate of each row, and what stands in its column."""
    pool = rows.pools["value"]
    return [
        (owner, pool.spellings[number][0])
        for owner, number in zip(rows.owner.tolist(), rows.column("value").tolist(), strict=True)
    ]


def picked(rows: list[tuple[int, str | None]], candidates: list[int]) -> Iterator[tuple[int, str | None]]:
    for owner, text in rows:
        if owner in candidates:
            yield candidates.index(owner), text


@given(OWNERS, PLACES, st.data())
def test_of_some(owners: list[int], candidates: list[int], data: st.DataObject) -> None:
    """In whatever order the table has its rows, also of some of some, and of whom there is none."""
    pool = Pool(["value"])
    numbers = pool.numbers([f"{row}" for row in range(len(owners))])
    table = {"owner": np.asarray(owners, np.int64), "value": numbers}
    all_ = Everybody(10, {("procedures", "value"): pool}, {}, {"procedures": table}.get)
    rows = sorted(((owner, f"{row}") for row, owner in enumerate(owners)), key=lambda each: each[0])
    assert texts(all_.table("procedures")) == rows
    some, found = Some(all_, np.asarray(candidates, np.int64)), list(picked(rows, candidates))
    assert texts(some.table("procedures")) == found
    assert some.table("procedures") is some.table("procedures")
    of_these = data.draw(st.sets(st.integers(0, len(candidates) - 1)).map(sorted)) if candidates else []
    fewer = Some(some, np.asarray(of_these, np.int64))
    assert texts(fewer.table("procedures")) == list(picked(found, of_these))
    assert fewer.persons().owner.tolist() == list(range(len(of_these)))
    assert texts(some.table("procedures").only(np.ones(len(found), bool))) == found
    cells = all_.table("procedures").of(candidates)
    assert cells == {each: [{"value": text} for owner, text in rows if owner == each] for each in candidates}
