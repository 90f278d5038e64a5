"""The terminal's report: what it says, and that nothing in it can steer the terminal."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len

from prescreen.report import Report, text

from . import sample

ANSI_STYLE = re.compile(r"\x1b\[[0-9;]*m")
EXTREMES = [
    sample.hostile(),
    sample.hostile("W" * 5_000),
    sample.hostile("漢字" * 300),
    sample.deep(),
    sample.hostile(""),
]


def visible(output: str) -> str:
    return ANSI_STYLE.sub("", output)


def test_the_short_form_reads_like_the_example() -> None:
    lines = text.render(sample.c017()).splitlines()
    assert re.fullmatch(r"NCT07535138  C-017 on 2026-03-10 +✗ INELIGIBLE", lines[0])
    assert len(lines[0]) == 100
    assert any(re.match(r"  ✗ E4 +Major surgery within 24 weeks +appendectomy 2026-01-12", line) for line in lines)
    assert any(re.match(r"Next: +Re-screen on 2026-06-30$", line) for line in lines)
    marks = [line[2] for line in lines if re.match(r"  [✗?✓] ", line)]
    assert "".join(marks) == "✗???✓✓✓"


def test_the_gap_in_the_source_is_said_plainly() -> None:
    said = " ".join(text.render(sample.c017()).split())
    assert "the rule file's source is incomplete: the inclusion list breaks off after liver function" in said
    assert "Nobody can be reported eligible." in said
    assert "incomplete" not in text.render(sample.several()[1])


def test_doubts_are_said_in_the_short_form() -> None:
    said = " ".join(text.render(sample.c017(), width=300).split())
    assert "(records conflict)" in said
    assert "(sound, not proven exact)" in said


def test_a_failed_criterion_says_when_it_turns_unless_its_headline_does() -> None:
    told = sample.report("C", (sample.SURGERY,))
    assert "; undetermined from" not in text.render(told, width=200)
    untold = replace(sample.SURGERY, headline="appendectomy 2026-01-12")
    assert "appendectomy 2026-01-12; undetermined from 2026-06-30" in text.render(
        sample.report("C", (untold,)), width=200
    )


def test_later_turns_are_counted_in_the_short_form_and_listed_in_the_long() -> None:
    criteria = tuple(replace(sample.AGE, id=f"I{i}", turns_on=f"2030-01-0{i}") for i in range(1, 8))
    report = sample.report("C", criteria)
    assert "and 3 later" in text.render(report)
    assert "2030-01-07" not in text.render(report)
    assert "2030-01-07" in text.render(report, verbose=True)


@pytest.mark.parametrize(
    "said",
    [
        "ULN 40 U/L, the reference range of the result itself",
        "threshold 120 U/L",
        "margin 23 % below the threshold",
        "observations[7]: ALT 141 U/L, 2025-11-02, from lab report 9 [outside the window]",
        "compared as 17.1 µmol/L = 0.99977 mg/dL (584.66 g/mol) [decides]",
        '"ALT, AST or ALP" is taken as each of them',
        "? unless the abnormal organ function is explained by the active autoimmune disease: not answered",
        "✗ then IgA below 0.07 g/L: 2.1 g/L on 2026-03-02",
        "decided by ALT; AST; ALP; total-bilirubin",
        "missing HBsAg HBcAb: What is the HBcAb result? (ask the coordinator)",
        "turns undetermined from 2026-06-30",
        "condition true (exclusion applies)",
        "conditions[1]: basal cell carcinoma, 2019, from pathology [looked at, does not decide] excepted",
        "[implausible]",
        "ranges sha256 0c5e7f22",
    ],
)
def test_the_long_form_gives_every_step(said: str) -> None:
    assert said in " ".join(text.render(sample.c017(), verbose=True, width=400).split())


def test_cohorts_have_their_verdicts() -> None:
    lines = text.render(sample.several()[3]).splitlines()
    assert "  ✗ cohort A: ineligible" in lines
    assert "  ? cohort B: undetermined" in lines


def test_colour_adds_nothing_but_colour() -> None:
    for verbose in (False, True):
        plain = text.render(sample.c017(), verbose=verbose)
        coloured = text.render(sample.c017(), verbose=verbose, colour=True)
        assert "\x1b[1;31m" in coloured
        assert visible(coloured) == plain
    assert visible(text.render_summary(sample.several(), colour=True)) == text.render_summary(sample.several())


def test_surroundings_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, coloured = text.render(sample.c017()), text.render(sample.c017(), colour=True)
    for name, value in {"NO_COLOR": "1", "FORCE_COLOR": "1", "TERM": "dumb", "COLUMNS": "20", "LINES": "2"}.items():
        monkeypatch.setenv(name, value)
    assert text.render(sample.c017()) == plain
    assert text.render(sample.c017(), colour=True) == coloured


@pytest.mark.parametrize("report", EXTREMES, ids=["hostile", "long", "wide", "deep", "empty"])
@pytest.mark.parametrize("width", [1, 79, 100])
def test_extreme_texts_neither_steer_the_terminal_nor_leave_the_page(report: Report, width: int) -> None:
    outputs = [
        text.render(report, width=width),
        text.render(report, width=width, verbose=True, colour=True),
        text.render_summary([report, sample.c017()], width=width, colour=True),
    ]
    for output in outputs:
        plain = visible(output)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]", plain)
        assert max(cell_len(line) for line in plain.split("\n")) <= max(40, width)
        assert not any(line != line.rstrip() for line in plain.split("\n"))
        output.encode()


def test_markup_of_the_terminal_library_is_not_read() -> None:
    said = text.render(sample.hostile(), width=10_000)
    assert "[bold red]hi[/] :smile:" in said


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=30), st.integers(30, 140), st.booleans())
def test_any_text_keeps_to_the_page(hostile: str, width: int, verbose: bool) -> None:
    report = sample.hostile(hostile)
    for output in (text.render(report, width=width, verbose=verbose), text.render_summary([report], width=width)):
        assert not {unicodedata.category(c) for c in output.replace("\n", "")} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
        assert max(cell_len(line) for line in output.split("\n")) <= max(40, width)


def test_the_summary_has_a_row_for_each_candidate() -> None:
    lines = text.render_summary(sample.several(), width=120).splitlines()
    (row,) = [line for line in lines if "C-017" in line]
    assert " ".join(row.split()) == "C-017 ✗ ineligible 1 3 3 E4 HBsAg with HBcAb (coordinator) 2026-06-30"
    assert "4 screened: 1 eligible, 2 undetermined, 1 ineligible" in lines
    assert sum("source is incomplete" in line for line in lines) == 1


def test_a_summary_that_has_no_room_for_columns_is_a_list() -> None:
    said = text.render_summary(sample.several(), width=60)
    assert "✗ C-017: ineligible (1 failed, 3 undetermined, 3 met)\n    failed  E4\n    ask     HBsAg with HBcAb" in said
    assert "    Re-screen on 2026-06-30\n" in said


def test_a_summary_over_trials_and_days_names_them() -> None:
    other = sample.report("C-001", (sample.AGE,), trial="NCT00000001", screening_date="2026-04-01")
    for width in (140, 100):
        said = text.render_summary([sample.c017(), other], width=width)
        assert said.startswith("NCT07535138, NCT00000001 on 2026-03-10 to 2026-04-01")
        assert said.count("NCT00000001") == 3  # the head, its row, the gap in its source


def test_many_failed_criteria_are_counted() -> None:
    criteria = tuple(replace(sample.SURGERY, id=f"E{i}") for i in range(12))
    assert "E0 E1 E2 E3 E4 E5 E6 E7 +4" in text.render_summary([sample.report("C", criteria)], width=200)


def test_nobody_screened() -> None:
    assert text.render_summary([]) == "no candidate was screened\n"
    assert "No criteria." in text.render(sample.report("C", ()))
