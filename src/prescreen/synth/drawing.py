"""One batch of synthetic persons: who they are, when they were seen, and the helpers that all tables draw with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa

from prescreen.catalogue import Catalogue
from prescreen.synth.persons import GROUPS, WORKED_UP
from prescreen.time import day_text

Array = np.ndarray[Any, Any]

SITES: Final = 5
"""Hospitals, each with its own habits: names or codes, one or the other system of units, its own limits of normal."""
VISITS: Final = 8
YEARS_BACK: Final = 60


@dataclass(frozen=True, slots=True)
class Shares:
    """How irregular a cohort is. irregular: of rows that are unusual, but can be read: censored values, partial dates,
    missing units, provisional results, conflicts, unmapped codes … bad: of rows that cannot be read. results: the mean
    number of results of a person."""

    irregular: float = 0.03
    bad: float = 0.0
    results: float = 20.0


class Days:
    """All dates that are written, each once: days, then months, then years, then minutes of the last three years."""

    def __init__(self, on: int) -> None:
        first = on - int(YEARS_BACK * 365.25)
        last = on + 400
        texts = [day_text(day) for day in range(first, last + 1)]
        self.first, self.days = first, len(texts)
        months = list(dict.fromkeys(text[:7] for text in texts))
        years = list(dict.fromkeys(text[:4] for text in texts))
        month_of, year_of = {m: i for i, m in enumerate(months)}, {y: i for i, y in enumerate(years)}
        self._month = np.array([month_of[text[:7]] for text in texts], np.int32) + self.days
        self._year = np.array([year_of[text[:4]] for text in texts], np.int32) + self.days + len(months)
        self._minute = self.days + len(months) + len(years)
        self._timed = last - 3 * 365
        minutes = [f"{day_text(day)}T{clock}" for day in range(self._timed, last + 1) for clock in _CLOCKS]
        self.texts = pa.array([*texts, *months, *years, *minutes], pa.string())

    def index(self, days: Array) -> Array:
        """Where the text of each day stands."""
        found: Array = np.clip(days - self.first, 0, self.days - 1).astype(np.int32)
        return found

    def vaguer(self, index: Array, rng: np.random.Generator) -> Array:
        """Months or years instead of days."""
        plain = np.minimum(index, self.days - 1)
        vague: Array = np.where(rng.random(len(index)) < 0.7, self._month[plain], self._year[plain])
        return vague

    def closer(self, index: Array, rng: np.random.Generator) -> Array:
        """Minutes instead of days, where the day is of the last years."""
        day = index + self.first - self._timed
        place = self._minute + day * len(_CLOCKS) + rng.integers(0, len(_CLOCKS), len(index))
        return np.where((day >= 0) & (index < self.days), place, index).astype(np.int32)


_CLOCKS: Final = ("06:45", "08:30", "09:10", "13:55", "16:20", "22:05")


@dataclass(slots=True)
class Batch:
    """The persons of a batch; arrays have an element for each of them.

    group: index into GROUPS; prepared: worked up for the group's trial; visits: days on which they were seen, the last
    first; born: day of birth; ids: as Arrow text.
    """

    rng: np.random.Generator
    on: int
    ids: pa.Array
    group: Array
    site: Array
    female: Array
    born: Array
    prepared: Array
    activity: Array
    visits: Array
    days: Days
    shares: Shares
    catalogue: Catalogue
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = len(self.group)

    @property
    def age(self) -> Array:
        """In years, roughly."""
        return (self.on - self.born) / 365.25

    def some(self, share: float, count: int | None = None) -> Array:
        """Which of so many, by chance."""
        return self.rng.random(self.size if count is None else count) < share

    def candidates(self, owner: Array) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(owner, pa.int32()), self.ids)

    def dated(self, index: Array, missing: Array | None = None) -> pa.Array:
        """Dates by their place in `days`; none where missing."""
        return pa.DictionaryArray.from_arrays(pa.array(index, pa.int32(), mask=missing), self.days.texts)


def draw_batch(
    seed: int,
    number: int,
    first: int,
    size: int,
    width: int,
    on: date,
    days: Days,
    shares: Shares,
    catalogue: Catalogue,
) -> Batch:
    """The persons of batch `number`, whose ids begin at `first`; the same for the same seed, whatever came before."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, number]))
    today = on.toordinal()
    weights = np.array([group.share for group in GROUPS])
    group = rng.choice(len(GROUPS), size, p=weights / weights.sum())
    low, high = (np.array([each.ages[end] for each in GROUPS]) for end in (0, 1))
    age = low[group] + (high - low)[group] * rng.beta(1.6, 1.5, size)
    female = rng.random(size) < np.array([each.female for each in GROUPS])[group]
    prepared = (rng.random(size) < WORKED_UP) & np.array([each.trial is not None for each in GROUPS])[group]
    seen_lately = rng.random(size) < 0.35
    since = np.where(seen_lately, rng.integers(0, 28, size), 28 + rng.exponential(220, size).astype(np.int64))
    since = np.where(prepared, rng.integers(0, 14, size), since)
    gaps = 1 + rng.exponential(75, (size, VISITS - 1)).astype(np.int64)
    visits = today - since[:, None] - np.concatenate([np.zeros((size, 1), np.int64), np.cumsum(gaps, axis=1)], axis=1)
    born = today - (age * 365.25).astype(np.int64) - 1
    return Batch(
        rng=rng,
        on=today,
        ids=pa.array([f"C-{number:0{width}d}" for number in range(first, first + size)], pa.string()),
        group=group,
        site=rng.integers(0, SITES, size),
        female=female,
        born=born,
        prepared=prepared,
        activity=rng.gamma(1.5, 1 / 1.5, size),
        visits=np.maximum(visits, born[:, None]),
        days=days,
        shares=shares,
        catalogue=catalogue,
    )


def texts(values: list[str | None], index: Array, missing: Array | None = None) -> pa.Array:
    """Texts by their place in a list; none where missing, or where the list has none."""
    holes = np.array([value is None for value in values])
    gone = holes[index] if holes.any() else None
    if missing is not None:
        gone = missing if gone is None else gone | missing
    words = pa.array(["" if value is None else value for value in values], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(index, pa.int32(), mask=gone), words)


def owners(chosen: list[Array]) -> tuple[Array, Array]:
    """Who has each record, and of which kind it is, for one list of persons a kind; sorted by person."""
    kind = np.repeat(np.arange(len(chosen)), [len(each) for each in chosen])
    owner = np.concatenate(chosen) if chosen else np.zeros(0, np.int64)
    order = np.argsort(owner, kind="stable")
    return owner[order], kind[order]
