"""Cohorts held against the direct evaluator: every candidate and criterion, by way of tables, run and result files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from prescreen import load_trial, statuses
from prescreen.candidate import Candidate
from prescreen.candidate.profile import Profile
from prescreen.candidate.read import parse_candidate
from prescreen.cohort import Options, make_plan, run_cohort
from prescreen.language.model import Answer, Comparison, Observation, Trial, parts_of
from prescreen.problems import InputRefused
from prescreen.quantities import Scale
from prescreen.ranges import Ranges
from prescreen.tables import open_tables, write_tables
from tests.reference.generate import Mapping, Pair, pair

ULNS = ("0.6", "1.2", "35.5", "40", "117.6")
"""Upper limits that are printed; 0.6 × 3 is 1.8 in decimals, and not in binary floating point."""
_FINITE = {2**i * 5**j for i in range(12) for j in range(12)}


@dataclass
class Compared:
    """How many pairs of a candidate and a criterion were compared, how many columns decided, and which differ."""

    pairs: int = 0
    by_columns: int = 0
    different: list[str] = field(default_factory=list)

    def add(self, other: Compared) -> None:
        self.pairs += other.pairs
        self.by_columns += other.by_columns
        self.different += other.different


def combined(pairs: Sequence[Pair]) -> Trial:
    """One trial of the conditions of several generated pairs."""
    rules: dict[str, Any] = {**pairs[0].trial(), "criteria": []}
    definitions: Mapping = {}
    for number, one in enumerate(pairs):
        name = f"named{number}"
        condition: Any = one.condition
        if one.definitions:
            definitions[name] = one.definitions["named"]
            condition = _renamed(condition, name)
        kind = "exclude_if" if one.exclusion else "include_if"
        rules["criteria"].append({"id": f"C{number}", "text": "t", kind: condition})
    rules.pop("definitions", None)
    return load_trial({**rules, **({"definitions": definitions} if definitions else {})})


def _renamed(part: Any, name: str) -> Any:
    if isinstance(part, dict):
        return {key: name if key == "use" else _renamed(value, name) for key, value in part.items()}
    return [_renamed(each, name) for each in part] if isinstance(part, list) else part


def generated(
    seeds: Iterable[int], day: date, count: int, conditions: int | None = None
) -> tuple[Trial, list[Profile]]:
    """A trial and candidates of so many generated pairs of a day; each candidate is for one criterion in particular.

    conditions: how many of the pairs give the trial their condition; None: all.
    """
    found: list[Pair] = []
    for seed in seeds:
        one = pair(seed)
        if one.day == day:
            found.append(one)
        if len(found) == count:
            break
    trial = combined(found[:conditions])
    profiles = [
        parse_candidate({**one.candidate, "id": f"P{number:05}"}, catalogue=trial.catalogue)
        for number, one in enumerate(found)
    ]
    return trial, profiles


def leaf_by_leaf(trial: Trial) -> Trial:
    """A trial that asks for each observation and answer of another by itself."""
    leaves = dict.fromkeys(
        part
        for criterion in trial.criteria
        for part in parts_of(criterion.condition)
        if isinstance(part, Observation | Answer)
    )
    first = trial.criteria[0]
    criteria = [
        replace(first, id=f"L{number}", kind="inclusion", condition=leaf, cohorts=(), cases=())
        for number, leaf in enumerate(leaves)
    ]
    return replace(trial, criteria=tuple(criteria), cohorts=())


def peculiar(trial: Trial, day: date) -> list[Profile]:
    """Candidates with what generated ones rarely have: a refuted latest result, answers of both kinds that differ."""
    before = date.fromordinal(day.toordinal() - 3).isoformat()
    made: list[dict[str, Any]] = []
    for leaf in dict.fromkeys(part for c in trial.criteria for part in parts_of(c.condition)):
        if isinstance(leaf, Observation):
            for value in ("positive", "negative", 1, 100, "<5", ">5"):
                latest = {"code": leaf.code, "value": value, "date": day.isoformat(), "unit": "U/L"}
                older = {"code": leaf.code, "value": "negative", "date": before}
                made += [{"observations": [{**latest, "verification": v}, older]} for v in ("refuted", "provisional")]
        if isinstance(leaf, Answer):
            made.append({"answers": {leaf.question: True, f"{trial.id}:{leaf.question}": False}})
            made.append({"answers": {leaf.question: False, f"{trial.id}:{leaf.question}": True}})
    return [
        parse_candidate({"id": f"Q{number:05}", **each}, catalogue=trial.catalogue) for number, each in enumerate(made)
    ]


def on_boundaries(trial: Trial, day: date) -> list[Profile]:
    """Candidates with a result on, just below and just above each threshold of a trial, in each unit that takes it."""
    catalogue = trial.catalogue
    made: dict[str, dict[str, Any]] = {}
    for criterion in trial.criteria:
        for leaf in parts_of(criterion.condition):
            if not isinstance(leaf, Observation) or catalogue.observations[leaf.code].analyte is None:
                continue
            for test in leaf.tests:
                for threshold in test.thresholds if isinstance(test, Comparison) else ():
                    for record in _results(catalogue.observations[leaf.code], threshold):
                        made.setdefault(repr(record), {**record, "date": day.isoformat()})
    return [
        parse_candidate(
            {"id": f"B{number:05}", "observations": [record], "birth_date": "1980-05", "sex": "female"},
            catalogue=catalogue,
        )
        for number, record in enumerate(made.values())
    ]


def _results(concept: Any, threshold: Any) -> Iterable[dict[str, Any]]:
    for unit in concept.units or ("",):
        scale = concept.analyte.scale(unit or None)
        if not isinstance(scale, Scale) or scale.log10 or scale.offset:
            continue
        limits = ULNS if threshold.of in ("ULN", "LLN") else ("20",) if threshold.of == "LLOD" else ("",)
        for limit in limits:
            exact = threshold.number * Fraction(limit) if limit else threshold.number / scale.factor
            for factor in (Fraction(1), Fraction(999, 1000), Fraction(1001, 1000)):
                value = exact * factor
                if value.denominator not in _FINITE:
                    continue
                record: dict[str, Any] = {
                    "code": concept.name,
                    "value": _plain(value),
                    **({"unit": unit} if unit else {}),
                }
                if threshold.of == "LLOD":
                    record["detection_limit"] = 20
                elif limit:
                    record["reference_range"] = {"high" if threshold.of == "ULN" else "low": float(limit)}
                yield record
                if factor == 1:
                    yield {**record, "value": f">{_plain(value)}"}
                    yield {**record, "value": f"<{_plain(value)}"}


def _plain(number: Fraction) -> int | float:
    return int(number) if number.denominator == 1 else float(number)


def compared(
    trials: Sequence[Trial],
    profiles: Sequence[Profile],
    day: date,
    ranges: Ranges | None = None,
    engine: str = "local",
    block: int = 64,
) -> Compared:
    """Profiles written as tables, run as a cohort, and held against the direct evaluator on the profiles themselves."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if lost := write_tables(profiles, folder / "data"):
            raise AssertionError(f"tables cannot say it: {lost[0]}")
        wanted = {profile.id: [_direct(trial, profile, day, ranges) for trial in trials] for profile in profiles}
        return _held(trials, folder / "data", folder / "out", day, ranges, engine, block, wanted)


def said_twice(folder: Path, trial: Trial) -> None:
    """Tables in which candidates have two birth dates and two answers, some of them alike."""
    folder.mkdir()
    question = next(iter(trial.questions))
    births = [
        "candidate,birth_date,sex",
        "A,1980-01-01,female",
        "A,2015-01-01,female",
        "B,1980-01-01,",
        "B,1980-01-01,male",
    ]
    answers = ["candidate,trial,question,value", f"A,,{question},true", f"A,,{question},false", f"B,,{question},true"]
    (folder / "persons.csv").write_text("\n".join(births) + "\n", encoding="utf-8")
    (folder / "answers.csv").write_text("\n".join([*answers, f"B,,{question},TRUE"]) + "\n", encoding="utf-8")


def compared_tables(trials: Sequence[Trial], data: Path, out: Path, day: date, engine: str = "local") -> Compared:
    """The candidates of some tables, run as a cohort, and held against the direct evaluator on their rows."""
    wanted: dict[str, list[dict[str, str]]] = {}
    with open_tables(data) as tables:
        catalogue = trials[0].catalogue
        for read in tables.read_many(list(tables.ids()), catalogue, day.toordinal()):
            assert not isinstance(read, InputRefused)
            profile = read.candidate.profile
            wanted[profile.id] = [_direct(trial, profile, day, None, len(trials) == 1) for trial in trials]
    return _held(trials, data, out, day, None, engine, 1 << 12, wanted)


def _direct(trial: Trial, profile: Profile, day: date, ranges: Ranges | None, bare: bool = True) -> dict[str, str]:
    if not bare:
        answers = {name: answer for name, answer in profile.answers.items() if ":" in name}
        profile = profile.model_copy(update={"answers": answers})
    return {**statuses(trial, Candidate(profile, trial.catalogue), on=day, ranges=ranges)}


def _held(
    trials: Sequence[Trial], data: Path, out: Path, day: date, ranges: Ranges | None, engine: str, block: int,
    wanted: dict[str, list[dict[str, str]]],
) -> Compared:  # fmt: skip
    options = Options(block=block, audited=0)
    done = run_cohort(make_plan(trials), data, out, day.toordinal(), ranges, options, engine=engine)
    rows = pq.read_table(out / "criteria.parquet", columns=["candidate", "trial", "criterion", "status"])
    found: dict[tuple[str, str, str], str] = {}
    columns = [rows.column(name).to_pylist() for name in rows.column_names]
    for candidate, trial, criterion, status in zip(*columns, strict=True):
        found[candidate, trial, criterion] = status
    result = Compared()
    for candidate, each in wanted.items():
        for trial, expected in zip(trials, each, strict=True):
            for criterion, status in expected.items():
                result.pairs += 1
                said = found.get((candidate, trial.id, criterion))
                if said != status:
                    result.different.append(f"{candidate} {trial.id} {criterion}: cohort {said}, direct {status}")
    result.by_columns = result.pairs - done.manifest["direct"]["pairs"]
    return result
