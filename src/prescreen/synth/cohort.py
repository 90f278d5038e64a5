"""Synthetic cohorts of any size, written batch by batch: made up from the catalogue and tables of prevalences.

No person is in them. The same seed, size and options give the same tables.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from prescreen.catalogue import bundled_catalogue
from prescreen.language.model import (
    AllOf,
    Answer,
    AnyOf,
    AtLeastOf,
    Condition,
    If,
    Not,
    Trial,
    Unless,
    Use,
)
from prescreen.synth.drawing import Array, Batch, Days, Shares, draw_batch, owners, texts
from prescreen.synth.events import Events, draw_complete, draw_events
from prescreen.synth.persons import GROUPS
from prescreen.synth.results import Vocabulary, draw_observations, transplanted_before
from prescreen.tables import TABLES, Sink
from prescreen.tables.writing import Format

BATCH: Final = 50_000
DEFAULT_DAY: Final = date(2026, 6, 1)
"""The screening day that a cohort is made for where none is given: fixed, so that a seed always means the same."""
USUAL: Final = Shares()
_ANSWERED: Final = 0.99  # of the questions to whoever is worked up
_FAVOURABLE: Final = 0.99  # of their answers


def synthesise(
    candidates: int,
    seed: int,
    folder: str | Path,
    *,
    form: Format = "parquet",
    on: date = DEFAULT_DAY,
    shares: Shares = USUAL,
    trials: Sequence[Trial] = (),
    progress: Callable[[int], None] | None = None,
) -> dict[str, int]:
    """Write a synthetic cohort as tables into a folder; gives back how many rows each has.

    shares: how irregular it is. trials: those whose questions and anchors are answered for the groups that are prepared
    for them. progress: told how many candidates are done. Raises InputRefused where the folder has tables already.
    """
    catalogue = bundled_catalogue()
    days, words, events = Days(on.toordinal()), Vocabulary(catalogue), Events(catalogue)
    asked = {trial.id: trial for trial in trials}
    width = max(7, len(str(candidates)))
    target = Path(folder)
    with Sink(target, form) as sink:
        for number, first in enumerate(range(0, max(candidates, 1), BATCH)):
            size = min(BATCH, candidates - first)
            batch = draw_batch(seed, number, first + 1, size, width, on, days, shares, catalogue)
            columns: dict[str, dict[str, Any]] = {
                "persons": _persons(batch),
                "observations": draw_observations(batch, words),
                **draw_events(batch, events),
                "answers": _answers(batch, asked),
                "anchors": _anchors(batch),
                "complete": draw_complete(batch),
            }
            for name, table in TABLES.items():
                made = columns[name]
                ordered = [column for column in table.names if column in made]
                sink.write(name, pa.table({column: made[column] for column in ordered}))
            if progress is not None:
                progress(first + size)
    (target / "synthetic.json").write_text(
        json.dumps(
            {
                "synthetic": "made up by `prescreen synth`; no person is in it",
                "candidates": candidates,
                "seed": seed,
                "screening_date": on.isoformat(),
                "irregular": shares.irregular,
                "bad": shares.bad,
                "results": shares.results,
                "catalogue_sha256": catalogue.sha256,
                "rows": sink.counts,
            },
            indent=2,
        )
        + "\n",
        encoding="utf-8",
    )
    return sink.counts


def _persons(batch: Batch) -> dict[str, pa.Array]:
    share = batch.shares.irregular
    aged = batch.some(share * 0.3)
    unknown = batch.some(share * 0.3) | aged
    born, vague = batch.born, batch.some(share)
    year, month, day = (_part(born, unit) for unit in ("Y", "M", "D"))
    birth = pa.array(np.where(vague, np.where(batch.some(0.5), year, month), day), pa.string(), mask=unknown)
    sex = np.where(batch.some(share * 0.3), 2, np.where(batch.female, 0, 1))
    sex = np.where(batch.some(batch.shares.bad), 3, sex)
    years = np.floor((batch.on - born) / 365.2425).astype(np.int64)
    return {
        "candidate": batch.candidates(np.arange(batch.size)),
        "birth_date": birth,
        "sex": texts(["female", "male", None, "unknown"], sex),
        "age": texts([*(str(year) for year in range(151)), None], np.where(aged, np.clip(years, 0, 150), 151)),
        "age_on": batch.dated(batch.days.index(np.full(batch.size, batch.on)), ~aged),
    }


def _part(days: Array, unit: str) -> Array:
    """Ordinals as text to the year (Y), month (M) or day (D)."""
    since_1970 = (days - date(1970, 1, 1).toordinal()).astype("datetime64[D]")
    return since_1970.astype(f"datetime64[{unit}]").astype(str).astype(object)


def favourable(trial: Trial) -> dict[str, bool | str]:
    """For each question of a trial, the answer that stands least in the way: by where it occurs first."""
    found: dict[str, bool | str] = {}
    for criterion in trial.criteria:
        _walk(criterion.condition, criterion.kind == "inclusion", trial, found)
    return found


def _walk(condition: Condition | None, wanted: bool, trial: Trial, found: dict[str, bool | str]) -> None:
    match condition:
        case Answer(question, equals):
            options: tuple[bool | str, ...] = trial.questions[question].options or (True, False)
            found.setdefault(question, equals if wanted else next(each for each in options if each != equals))
        case AllOf(children) | AnyOf(children) | AtLeastOf(children=children):
            for child in children:
                _walk(child, wanted, trial, found)
        case Not(child):
            _walk(child, not wanted, trial, found)
        case Use(child=child):
            _walk(child, wanted, trial, found)
        case If(first, then, otherwise):
            _walk(first, wanted, trial, found)
            _walk(then, wanted, trial, found)
            _walk(otherwise, wanted, trial, found)
        case Unless(child, exception, saves):
            _walk(child, wanted, trial, found)
            _walk(exception, wanted if saves else not wanted, trial, found)
        case _:
            pass


def _answers(batch: Batch, asked: dict[str, Trial]) -> dict[str, pa.Array]:
    rng = batch.rng
    rows: list[tuple[str | None, str, str]] = []  # trial, question, answer
    chosen: list[Array] = []
    for index, group in enumerate(GROUPS):
        trial = asked.get(group.trial or "")
        if trial is None:
            continue
        mine = np.flatnonzero((batch.group == index) & batch.prepared)
        for question, answer in favourable(trial).items():
            other = not answer if isinstance(answer, bool) else answer
            answered = mine[rng.random(len(mine)) < _ANSWERED]
            good = rng.random(len(answered)) < _FAVOURABLE
            for each, who in ((answer, answered[good]), (other, answered[~good])):
                rows.append((trial.id, question, str(each).lower() if isinstance(each, bool) else each))
                chosen.append(who)
    for question, share in (("informed-consent", 0.06), ("otherwise-unsuitable", 0.01)):
        rows.append((None, question, "true"))
        chosen.append(np.flatnonzero(batch.some(share)))
    owner, kind = owners(chosen)
    return {
        "candidate": batch.candidates(owner),
        "trial": texts([trial for trial, _, _ in rows], kind),
        "question": texts([question for _, question, _ in rows], kind),
        "value": texts([answer for _, _, answer in rows], kind),
    }


def _anchors(batch: Batch) -> dict[str, pa.Array]:
    names: list[str] = []
    chosen: list[Array] = []
    shifts: list[Array] = []
    for index, group in enumerate(GROUPS):
        for name, (low, high) in group.anchors.items():
            mine = np.flatnonzero((batch.group == index) & batch.prepared & batch.some(0.97))
            names.append(name)
            chosen.append(mine)
            shift = batch.rng.integers(low, high + 1, len(mine))
            shifts.append(-transplanted_before(batch)[mine] if name == "transplantation" else shift)
    owner = np.concatenate(chosen)
    kind = np.repeat(np.arange(len(names)), [len(each) for each in chosen])
    order = np.argsort(owner, kind="stable")
    day = batch.days.index(batch.on + np.concatenate(shifts))[order]
    return {
        "candidate": batch.candidates(owner[order]),
        "anchor": texts(list(names), kind[order]),
        "date": batch.dated(day),
    }
