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


def test_the_example_cohort_is_the_example_candidates(tmp_path: Path) -> None:
    paths = sorted(Path("examples").glob("*.json"))
    assert write_tables([parse_candidate(path.read_bytes()) for path in paths], tmp_path / "cohort", "csv") == []
    written = {path.name: path.read_text() for path in (tmp_path / "cohort").iterdir()}
    assert written == {path.name: path.read_text() for path in Path("examples/cohort").iterdir()}


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

    def status(text: str | None) -> str | None:
        """The status with a text in the cell; None where it should be readable, and contradicts the row."""
        spoiled = list(rows[table])
        spoiled[index] = replace(spoiled[index], cells={**spoiled[index].cells, name: text})
        read = read_rows("C-1", {**rows, table: spoiled}, trial.catalogue, made.day.toordinal())
        if text in BAD[KIND[name]]:
            assert len(read.issues) == 1, (table, name, text)
            assert read.issues[0].row == index + 1
        elif read.issues:
            return None
        return statuses(trial, read.candidate, on=made.day)["C"]

    found = status(rng.choice(BAD[KIND[name]]))
    if found == "undetermined":
        return
    cells = rows[table][index].cells
    if name in ("date", "start") and cells.get("status") == "planned":
        return  # a plan without a day lies ahead, and a plan of the past does not
    for text in [cells[name], *readable(table, name, rng, made.day)]:
        assert status(text) in (found, "undetermined", None), (table, name, text)


def readable(table: str, name: str, rng: Random, day: date) -> list[str]:
    """Texts that could have stood in a cell: of other days up to the screening day, other words, other codes."""
    if name == "through":
        return ["2020-01-01", "false"]
    if name in ("date", "onset", "abatement", "start", "end", "birth_date"):
        back = (0, 1, 14, 28, 29, rng.randint(0, 400), rng.randint(400, 20_000))
        return [date.fromordinal(day.toordinal() - days).isoformat() for days in back] + ["2001", "2020-02"]
    if name in ("low", "high", "detection_limit"):
        return ["0.1", "1", "50", "1000"]
    if name == "value":
        return ["0", "1", "100000"]
    if name == "code" and table == "observations":
        return ["ALT", "AST", "creatinine", "platelets", "HBsAg"]
    if name == "code":
        return rng.sample(list(bundled_catalogue().events[table]), 3)  # type: ignore[index]
    found = _OTHER.get(name, [])
    return list(found.get(table, [])) if isinstance(found, dict) else list(found)


ANY_CELL = st.one_of(
    st.none(),
    st.text(st.characters(codec="utf-8"), max_size=12),
    st.sampled_from([
        "ALT", "loinc", "1742-6", "U/L", "<20", "1:80", "-1", "1e39", "1e-39", "9" * 60, "true", "false", "2026", "nan",
        "2026-05-20", "9999-12-31", "0001", "active", "ongoing", "never", "refuted", "SLE", "rituximab", "conditions",
        "atc;", "mg",
    ]),
)  # fmt: skip
ANY_ROWS = st.fixed_dictionaries({
    name: st.lists(st.fixed_dictionaries(dict.fromkeys(table.names[1:], ANY_CELL)), max_size=2)
    for name, table in TABLES.items()
})  # fmt: skip


@examples(60)
@given(ANY_ROWS)
def test_any_cells_give_a_candidate_who_can_be_screened(made: dict[str, list[dict[str, str | None]]]) -> None:
    trial = load_trial("NCT07535138")
    rows = {
        table: [
            Row(number, {name: cell for name, cell in cells.items() if cell}) for number, cells in enumerate(some, 1)
        ]
        for table, some in made.items()
    }
    read = read_rows("C-1", rows, trial.catalogue, DAY.toordinal())
    report = screen(trial, read.candidate, on=DAY)
    told = [(issue.code, issue.path) for issue in report.issues]
    assert [(issue.code, issue.place) for issue in read.issues] == told[: len(read.issues)]


def test_every_column_has_a_bad_text_or_takes_any() -> None:
    free = {"candidate", "unit", "range_unit", "route", "outcome", "severity", "site", "confirmed_by", "display", "id",
            "source", "trial", "question", "anchor", "systems", "dose_unit", "daily_dose_unit", "daily_dose_value",
            "for_system", "for_display"}  # fmt: skip
    assert {name for table in TABLES.values() for name in table.names} == set(KIND) | free
