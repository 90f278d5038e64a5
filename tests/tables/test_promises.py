"""What holds for any candidate: tables give it back as it was, explain is screen, and no bad cell decides anything."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prescreen import InputRefused, load_trial, screen, statuses
from prescreen.api import explain
from prescreen.candidate.profile import Profile
from prescreen.candidate.read import parse_candidate
from prescreen.catalogue import bundled_catalogue
from prescreen.tables import Row, open_tables, read_rows, rows_of, write_tables
from prescreen.tables.model import TABLES
from tests.candidate.examples import full
from tests.engine.test_promises import examples
from tests.reference.generate import Pair, pair

DAY = date(2026, 6, 1)
SEEDS = st.integers(0, 10**9).map(pair)
LABELS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8)
TEXTS = st.one_of(LABELS, st.sampled_from(['a "quoted", text', "two\nlines", "a\r\nb", " ", "'", "NULL", "\\", "true"]))


def as_rows(profile: Profile) -> dict[str, list[Row]]:
    rows, untold = rows_of(profile)
    assert not untold
    return {
        table: [
            Row(number, {name: cell for name, cell in cells.items() if cell}) for number, cells in enumerate(some, 1)
        ]
        for table, some in rows.items()
    }


@examples(60)
@given(SEEDS)
def test_rows_give_a_candidate_back(made: Pair) -> None:
    profile = parse_candidate(made.candidate)
    found = read_rows(profile.id, as_rows(profile), bundled_catalogue())
    assert found.issues == ()
    assert canonical(found.candidate.profile) == canonical(profile)


def canonical(profile: Profile) -> dict[str, Any]:
    """Without what two spellings of one thing differ by: results in numerals, declarations without a word."""
    plain = profile.model_dump(exclude_defaults=True)
    for record in plain.get("observations", ()):
        record["value"] = str(record.get("value", ""))
    for domain, declared in plain.get("complete", {}).items():
        if declared == {}:
            plain["complete"][domain] = True
    return plain


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """Any profile that the JSON takes, with what only texts can hold."""
    data: dict[str, Any] = draw(SEEDS).candidate if draw(st.booleans()) else full()
    data = {**data, "id": draw(LABELS.filter(str.strip))}
    for name in ("observations", "conditions", "treatments", "procedures", "allergies"):
        records = [dict(record) for record in data.get(name, ())]
        for record in records:
            if draw(st.booleans()):
                record["source"] = draw(TEXTS)
            if draw(st.booleans()):
                record["id"] = draw(TEXTS)
            if draw(st.integers(0, 4)) == 0:
                record["code"] = {"system": "urn:ours", "code": draw(LABELS), "display": draw(TEXTS)}
        data[name] = records
    data["answers"] = {**data.get("answers", {}), draw(LABELS): draw(st.one_of(st.booleans(), TEXTS))}
    try:
        return parse_candidate(data)
    except InputRefused:
        return parse_candidate(full())


@examples(40)
@given(
    st.lists(profiles(), min_size=1, max_size=3, unique_by=lambda each: each.id), st.sampled_from(["parquet", "csv"])
)
def test_files_give_candidates_back_or_tell_what_they_cannot(
    tmp_path_factory: pytest.TempPathFactory, some: list[Profile], form: Any
) -> None:
    folder = tmp_path_factory.mktemp("cohort") / "tables"
    untold = write_tables(some, folder, form)
    with open_tables(folder) as tables:
        assert sorted(tables.ids()) == sorted(profile.id for profile in some)
        for profile in some:
            found = tables.read(profile.id, bundled_catalogue())
            assert found is not None
            if not any(text.startswith(f"{profile.id}: ") for text in untold):
                assert found.issues == ()
                assert canonical(found.candidate.profile) == canonical(profile)


@examples(25)
@given(SEEDS)
def test_explain_is_screen(tmp_path_factory: pytest.TempPathFactory, made: Pair) -> None:
    folder = tmp_path_factory.mktemp("cohort") / "tables"
    trial = load_trial(made.trial())
    profile = parse_candidate(made.candidate, catalogue=trial.catalogue)
    write_tables([profile], folder)
    with open_tables(folder) as tables:
        found = explain(trial, tables, profile.id, on=made.day)
    assert found.model_dump() == screen(trial, made.candidate, on=made.day).model_dump()


@pytest.mark.parametrize("path", sorted(Path("examples").glob("*.json")), ids=lambda path: path.stem)
def test_the_examples_are_explained_as_they_are_screened(path: Path, tmp_path: Path) -> None:
    trial = load_trial("NCT07535138")
    profile = parse_candidate(path.read_bytes())
    write_tables([profile], tmp_path / "tables", "csv")
    with open_tables(tmp_path / "tables") as tables:
        found = explain(trial, tables, profile.id, on=DAY)
    expected = screen(trial, json.loads(path.read_text()), on=DAY)
    assert found.model_dump() == expected.model_dump()


# --- bad cells --------------------------------------------------------------------------------------------------------

BAD: dict[str, list[str]] = {
    "date": ["31.12.2025", "2026-02-30", "now"],
    "number": ["n/a", "1,5", "NaN", "--"],
    "word": ["final", "Confirmd", "x"],
    "code": ["no such thing", "ALTT"],
}
KIND = {
    **dict.fromkeys(("date", "onset", "abatement", "start", "end", "birth_date", "age_on", "through"), "date"),
    **dict.fromkeys(("low", "high", "detection_limit", "dose_value", "age"), "number"),
    **dict.fromkeys(("status", "verification", "sex", "domain"), "word"),
    **dict.fromkeys(("code", "system", "for"), "code"),
    "value": "number",
}
_DATES = ["2020-05-05", "2025", "2026-05-20", "2026-05-31"]
_OTHER = {
    "status": {"conditions": ["active", "remission", "resolved"], "treatments": ["ongoing", "completed", "never"],
               "procedures": ["completed", "not-done"]},
    "verification": ["confirmed", "provisional", "refuted"],
    "sex": ["female", "male"],
}  # fmt: skip


@examples(150)
@given(SEEDS, st.integers(0, 10**9))
def test_a_bad_cell_never_decides_what_a_readable_one_would_not(made: Pair, seed: int) -> None:
    """Where a cell is bad, a status is open, or the one that every readable text in its place gives."""
    rng = Random(seed)
    trial = load_trial(made.trial())
    rows = as_rows(parse_candidate(made.candidate, catalogue=trial.catalogue))
    places = [
        (table, index, name)
        for table, some in rows.items()
        for index, row in enumerate(some)
        for name in row.cells
        if name in KIND and table not in ("answers", "anchors") and not (name == "code" and row.cells.get("system"))
    ]
    if not places:
        return
    table, index, name = rng.choice(places)

    def status(text: str | None) -> str:
        spoiled = list(rows[table])
        spoiled[index] = replace(spoiled[index], cells={**spoiled[index].cells, name: text})
        read = read_rows("C-1", {**rows, table: spoiled}, trial.catalogue, made.day.toordinal())
        if text in BAD[KIND[name]]:
            assert len(read.issues) == 1, (table, name, text)
            assert read.issues[0].row == index + 1
        return statuses(trial, read.candidate, on=made.day)["C"]

    found = status(rng.choice(BAD[KIND[name]]))
    if found == "undetermined":
        return
    for text in [rows[table][index].cells[name], *readable(table, name, rng)]:
        assert status(text) in (found, "undetermined"), (table, name, text)


def readable(table: str, name: str, rng: Random) -> list[str]:
    """Texts that could have stood in a cell: of other days up to the screening day, other words, other codes."""
    if name == "through":
        return ["2020-01-01", "false"]
    if name in ("date", "onset", "abatement", "start", "end"):
        return []  # another date may contradict the row's others; the promise for dates is tested by examples
    found = _OTHER.get(name, [])
    if isinstance(found, dict):
        found = found.get(table, [])
    if name in ("low", "high"):
        return []
    if name == "value":
        return ["0", "1", "100000"]
    if name == "code" and table == "observations":
        return ["ALT", "AST", "creatinine", "platelets", "HBsAg"]
    if name == "code":
        return rng.sample(list(bundled_catalogue().events[table]), 3)  # type: ignore[index]
    return list(found)


def test_every_column_has_a_bad_text_or_takes_any() -> None:
    free = {"candidate", "unit", "range_unit", "route", "outcome", "severity", "site", "confirmed_by", "display", "id",
            "source", "trial", "question", "anchor", "systems", "dose_unit", "daily_dose_unit", "daily_dose_value",
            "for_system", "for_display"}  # fmt: skip
    assert {name for table in TABLES.values() for name in table.names} == set(KIND) | free
