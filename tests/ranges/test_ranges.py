"""A site's table of reference ranges: what is read, and that everything wrong is told with its line."""

from __future__ import annotations

import hashlib
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prescreen.catalogue import bundled_catalogue
from prescreen.problems import InputRefused, Problem
from prescreen.ranges import MAX_BYTES, MAX_ROWS, RangeRow, Ranges, load_ranges

HEADER = "code,sex,age_from,age_to,low,high,unit,valid_from,valid_to\n"


def table(tmp_path: Path, text: str | bytes) -> Ranges:
    path = tmp_path / "ranges.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_ranges(path, bundled_catalogue())


def problems(tmp_path: Path, text: str | bytes) -> list[Problem]:
    with pytest.raises(InputRefused) as caught:
        table(tmp_path, text)
    assert all(problem.file == str(tmp_path / "ranges.csv") for problem in caught.value.problems)
    return list(caught.value.problems)


def rational(row: RangeRow, which: str = "high") -> Fraction | None:
    limit = row.high if which == "high" else row.low
    return None if limit is None else limit.rational


def test_a_row_in_full(tmp_path: Path) -> None:
    text = HEADER + "ALT,female,18,65,5,35.5,U/L,2025-01-01,2026-06\n"
    ranges = table(tmp_path, text)
    (row,) = ranges.rows("ALT")
    assert (row.sex, row.age_from, row.age_to, row.line) == ("female", 18, 65, 2)
    assert (rational(row, "low"), rational(row)) == (5, Fraction(71, 2))
    assert (row.low_text, row.high_text, row.unit) == ("5", "35.5", "U/L")
    assert row.valid_from == date(2025, 1, 1).toordinal()
    assert row.valid_to == date(2026, 6, 30).toordinal()
    assert ranges.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert ranges.rows("AST") == ()


def test_limits_are_in_the_canonical_unit(tmp_path: Path) -> None:
    by_code = table(tmp_path, "code,high,unit\ncreatinine,1.2,mg/dL\n").rows("creatinine")
    by_loinc = table(tmp_path, "code,high,unit\n2160-0,106.08240,umol/L\n").rows("creatinine")
    first, second = by_code[0].high, by_loinc[0].high
    assert first is not None
    assert second is not None
    assert abs(first.approx / second.approx - 1) < 1e-4
    assert by_code[0].low is None


def test_columns_in_any_order_blanks_and_quotes(tmp_path: Path) -> None:
    text = '\ufeffunit, high ,code\n\n"U/L", 40 ,ALT\n,,\n'
    (row,) = table(tmp_path, text.encode()).rows("ALT")
    assert (row.sex, row.age_from, row.age_to, row.low, row.valid_from, row.valid_to) == (None,) * 6
    assert rational(row) == 40
    assert row.line == 3


def test_rows_that_agree_or_hold_for_others_stand_together(tmp_path: Path) -> None:
    text = HEADER + (
        "ALT,female,,17,,30,U/L,,\nALT,female,18,,,35,U/L,,2025-12-31\nALT,female,18,,,34,U/L,2026-01-01,\n"
        "ALT,male,,,,45,U/L,,\nALT,male,,,5,,U/L,,\nALT,male,20,30,,45.0,U/L,,\n"
    )
    assert [row.line for row in table(tmp_path, text).rows("ALT")] == [2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        ("ALT,,,,,40,U/L,,\nALT,female,,,,41,U/L,,\n", [3]),
        ("ALT,male,18,65,,40,U/L,,\nALT,male,65,,,41,U/L,,\nALT,male,66,70,,41,U/L,,\n", [3]),
        ("ALT,,,,5,,U/L,,\nALT,,,,6,,U/L,,\n", [3]),
        ("ALT,,,,,40,U/L,2026-01-01,\nALT,,,,,41,U/L,,2026-01-01\n", [3]),
        ("creatinine,,,,,1,mg/dL,,\ncreatinine,,,,,10,mg/L,,\ncreatinine,,,,,11,mg/L,,\n", [4]),
    ],
)
def test_rows_that_disagree_are_refused(tmp_path: Path, rows: str, lines: list[int]) -> None:
    found = problems(tmp_path, HEADER + rows)
    assert [(problem.code, problem.line) for problem in found] == [("overlap", line) for line in lines]
    assert "than line 2 for the same sex, age and date" in found[0].message


@pytest.mark.parametrize(
    ("row", "code", "column", "words"),
    [
        ("ALTT,,,,,40,U/L,,", "unknown-code", "code", "no observation is named `ALTT`"),
        (",,,,,40,U/L,,", "unknown-code", "code", "no observation"),
        ("HBsAg,,,,,40,U/L,,", "coded-result", "code", "coded result"),
        ("ALT,,,,,40,mg/dL,,", "bad-unit", "unit", "mg/dL"),
        ("ALT,,,,,40,,,", "bad-unit", "unit", "no unit"),
        ('ALT,,,,,"1,5",U/L,,', "bad-number", "high", "decimal point"),
        ("ALT,,,,,nan,U/L,,", "bad-number", "high", "no number"),
        ("ALT,,,,,1e999,U/L,,", "bad-number", "high", "no number"),
        ("ALT,,,,," + "1" * 50_000 + ",U/L,,", "bad-number", "high", "no number"),
        ("ALT,,,,-5,40,U/L,,", "negative", "low", "cannot be negative"),
        ("ALT,,,,50,40,U/L,,", "range-upside-down", "low", "above the upper limit"),
        ("ALT,,,,,,U/L,,", "no-limit", "low", "neither"),
        ("ALT,F,,,,40,U/L,,", "bad-sex", "sex", "expected female, male"),
        ("ALT,,x,,,40,U/L,,", "bad-age", "age_from", "completed years"),
        ("ALT,,18.5,,,40,U/L,,", "bad-age", "age_from", "completed years"),
        ("ALT,,20,18,,40,U/L,,", "ages-upside-down", "age_from", "nobody"),
        ("ALT,,,,,40,U/L,2026-02-30,", "bad-date", "valid_from", "28 days"),
        ("ALT,,,,,40,U/L,2026-02-02,2026-02-01", "dates-upside-down", "valid_from", "no day"),
        ("ALT,,,,,40", "cells", None, "6 cells where the table has 9 columns"),
    ],
)
def test_what_a_row_may_not_say(tmp_path: Path, row: str, code: str, column: str | None, words: str) -> None:
    (problem,) = problems(tmp_path, f"{HEADER}\n{row}\n")
    assert (problem.code, problem.path, problem.line) == (code, column, 3)
    assert words in problem.message
    assert len(str(problem)) < 400


def test_every_problem_is_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = problems(tmp_path, HEADER + "ALT,F,x,,,y,U/L,,\nALT,,,,,40,U/L,,\nALT,,,,,41,U/L,,\nALTT,,,,,1,U/L,,\n")
    assert [problem.line for problem in found] == [2, 2, 2, 4, 5]
    assert found[-1].hint == "did you mean `ALT`?"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        ("\n ,\n", "empty"),
        ("code,hihg,unit\n", "unknown-column"),
        ("code,high\n", "missing-column"),
        ("code,code,unit\n", "duplicate-column"),
        (b"code,unit,high\nALT,U/L,\xff\n", "encoding"),
        ('code,unit,high\nALT,"U/L"x,3\n', "no-csv"),
        ("code,unit,high\nALT,U/L," + "x" * 200_000, "no-csv"),
        (b" " * (MAX_BYTES + 1), "too-long"),
    ],
)
def test_files_that_are_no_table(tmp_path: Path, text: str | bytes, code: str) -> None:
    assert problems(tmp_path, text)[0].code == code


def test_a_misspelt_column_is_told_its_name(tmp_path: Path) -> None:
    assert problems(tmp_path, "code,hihg,unit\n")[0].hint == "did you mean `high`?"
    assert "known columns: code" in (problems(tmp_path, "code,zzz,unit\n")[0].hint or "")


def test_a_table_has_so_many_rows_for_an_analyte(tmp_path: Path) -> None:
    rows = "".join(f"ALT,,{age},{age},,{40 + age},U/L,,\n" for age in range(MAX_ROWS + 1))
    (problem,) = problems(tmp_path, HEADER + rows)
    assert (problem.code, problem.line) == ("too-long", MAX_ROWS + 2)


def test_paths_that_are_no_file(tmp_path: Path) -> None:
    for path, words in [(tmp_path, "is a directory"), (tmp_path / "none", "no such file"), ("a\0b", "file name")]:
        with pytest.raises(InputRefused, match=words):
            load_ranges(path, bundled_catalogue())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=60) | st.text(alphabet='ALT,"\n01.-U/L ', max_size=60))
def test_any_text_is_a_table_or_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes((HEADER + text).encode("utf-8", "surrogatepass"))
    found: Ranges | InputRefused
    try:
        found = load_ranges(path, bundled_catalogue())
    except InputRefused as refused:
        found = refused
    assert isinstance(found, Ranges) or found.problems
