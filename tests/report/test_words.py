"""What is said the same way everywhere, and the cleaning of text."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from prescreen.report import CriterionReport, Evidence, Explanation, NextFact, words

from . import sample

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)  # lone surrogates too


def criterion(of: CriterionReport = sample.AGE, **changes: object) -> CriterionReport:
    return replace(of, **changes)  # type: ignore[arg-type]


@given(ANY_TEXT)
def test_cleaned_text_has_nothing_that_acts(text: str) -> None:
    cleaned = words.clean(text)
    assert not {unicodedata.category(c) for c in cleaned} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert words.clean(cleaned) == cleaned
    cleaned.encode()


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("ALT ≤ 3 × ULN, naïve, 漢字, שלום", "ALT ≤ 3 × ULN, naïve, 漢字, שלום"),
        ("  two\r\n\tlines ", "two lines"),
        ("\x1b[31mred\x07", "\\u001b[31mred\\u0007"),
        ("\u202eexe.\u200b\u2066", "\\u202eexe.\\u200b\\u2066"),
        ("a\x00\x9b\ud800\u2028", "a\\u0000\\u009b\\ud800\\u2028"),
        ("\U000e0041", "\\U000e0041"),
        ("e\u0301" + "\u0300" * 5, "e\u0301\u0300\u0300\u0300\\u0300\\u0300"),
        ("", ""),
    ],
)
def test_cleaning(text: str, cleaned: str) -> None:
    assert words.clean(text) == cleaned


@pytest.mark.parametrize("text", ["x" * 5_000, "\x1b" * 5_000, "µ" * 5_000, "x" * 2_101])
def test_long_text_is_cut_once_and_says_how_much(text: str) -> None:
    cleaned = words.clean(text)
    assert len(cleaned) <= words.LONGEST + 40
    shown = cleaned.split(" … ")[0]
    kept = len(shown) // len(words.clean(text[0]))
    assert cleaned == f"{shown} … ({len(text) - kept} more characters)"
    assert words.clean(cleaned) == cleaned


def test_a_little_too_long_is_shown_whole() -> None:
    assert words.clean("x" * 2_100) == "x" * 2_100


def test_failed_comes_first_and_the_protocol_order_stays() -> None:
    groups = words.grouped(sample.c017())
    assert [(status, [c.id for c in criteria]) for status, criteria in groups] == [
        ("failed", ["E4"]),
        ("undetermined", ["I2", "E6", "E7"]),
        ("met", ["I1", "I3.1", "E3"]),
    ]


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        ("inclusion", "met", "inclusion is fulfilled"),
        ("inclusion", "failed", "inclusion is not fulfilled"),
        ("inclusion", "undetermined", "inclusion is open"),
        ("exclusion", "met", "exclusion does not apply"),
        ("exclusion", "failed", "exclusion applies"),
        ("exclusion", "undetermined", "exclusion is open"),
    ],
)
def test_effect(kind: str, status: str, said: str) -> None:
    assert words.effect(criterion(kind=kind, status=status)) == said


@pytest.mark.parametrize(
    ("margin", "said"),
    [
        (-0.2333, "23 % below the threshold"),
        (0.5, "50 % above the threshold"),
        (0.0, "exactly at the threshold"),
        (1e-5, "0.001 % above the threshold"),
        (-0.004, "0.4 % below the threshold"),
        (9.0, "10 times the threshold"),
        (1e300, "1e+300 times the threshold"),
        (float("inf"), "not measurable"),
        (float("nan"), "not measurable"),
    ],
)
def test_margins(margin: float, said: str) -> None:
    assert words.margin_words(margin) == said


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        ("observation:ALT", "ALT"),
        ("observation:ALT#reference_range", "ALT, its reference range"),
        ("observation:HBV-DNA#detection_limit", "HBV-DNA, its detection limit"),
        ("observation:ALT#some_part", "ALT, its some part"),
        ("anchor:enrolment", "the day of enrolment"),
        ("complete:conditions", "whether the list of conditions is complete"),
        ("answer:consent", "an answer to consent"),
        ("condition:{0}", "the condition {0}"),
        ("birth_date", "birth date"),
        ("anchor:", "anchor:"),
    ],
)
def test_facts_in_words(fact: str, said: str) -> None:
    assert words.fact_words(fact) == said


def test_the_tree_is_walked_in_order_with_the_part_of_each_node() -> None:
    def leaf(name: str) -> Explanation:
        return Explanation("answer", None, name)

    choice = Explanation("if", None, "choice", children=tuple(leaf(n) for n in "abcd"))
    tree = Explanation("unless", None, "unless", children=(choice, leaf("e"), leaf("f")))
    assert [(depth, part, node.requirement) for depth, part, node in words.nodes(tree)] == [
        (0, None, "unless"),
        (1, None, "choice"),
        (2, "if", "a"),
        (2, "then", "b"),
        (2, "else", "c"),
        (2, None, "d"),
        (1, "unless", "e"),
        (1, None, "f"),
    ]


def test_a_reason_is_given_where_no_finding_says_it() -> None:
    assert list(words.node_facts(Explanation("sex", None, "female", reason="no_unit-given"))) == [
        ("reason", "no unit given")
    ]
    assert list(words.node_facts(Explanation("sex", None, "female", "not on file", reason="missing"))) == []


def test_undated_is_said_of_records_only() -> None:
    assert words.dated(sample.record("observations[0]", "ALT")) == "undated"
    assert words.dated(sample.record("observations[0]", "ALT", date="2026")) == "2026"
    assert words.dated(sample.record("sex", "sex")) is None


def test_an_unknown_role_is_shown_as_it_is() -> None:
    assert words.role(Evidence("r", "l", None, None, None, None, "else\x1b", None)) == "else\\u001b"


def test_turns_are_sorted_by_day_and_gathered() -> None:
    report = sample.report(
        "C",
        (
            criterion(id="A", turns_on="2026-05-01", turns_to="met"),
            criterion(id="B", turns_on="2026-04-01", turns_to=None),
            criterion(id="C", turns_on="2026-05-01", turns_to="met"),
            criterion(id="D", turns_on=None),
        ),
    )
    assert words.turns(report) == [("2026-04-01", "another status", ["B"]), ("2026-05-01", "met", ["A", "C"])]
    assert words.turn(report["B"]) == "another status from 2026-04-01"
    assert words.turn(report["D"]) is None


def test_the_meaning_of_a_verdict_names_what_holds_it_back() -> None:
    held_back = sample.report("C", (sample.AGE,))
    assert held_back.verdict == "undetermined"
    assert words.meaning(held_back) == "Meets every criterion on file, but the rule file's source is incomplete."
    assert "pre-screen" in words.meaning(sample.report("C", (sample.AGE,), source_complete=True))
    assert words.gaps(sample.report("C", (), source_complete=True)) is None
    assert "does not say" in (words.gaps(sample.report("C", (), source_gaps=())) or "")
    assert words.counts(sample.report("C", ())) == "no criteria"


def test_questions_come_from_the_report_and_from_single_next_facts() -> None:
    asked = words.asked(sample.c017())
    assert asked["observation:HIV-Ab"] == ("coordinator", "Which HIV antibody result holds?")
    assert asked["observation:HBcAb"] == ("coordinator", "What is the HBcAb result?")
    assert "observation:HBsAg" not in asked  # asked for as a set only


def test_settling() -> None:
    assert words.settles(NextFact("a", ("a",), "candidate", "?", (), False)) == "helps"
    assert words.settles(NextFact("a", ("a",), "candidate", "?", ("E1", "E2"), True)) == (
        "settles E1, E2; could decide the verdict"
    )
    assert words.wanted(NextFact("observation:a", (), "candidate", "?", (), False)) == "a"


@pytest.mark.parametrize(
    ("module", "unwanted"), [("text", "jinja2"), ("html", "rich"), ("markdown", "rich"), ("markdown", "jinja2")]
)
def test_one_output_does_not_pay_for_the_libraries_of_another(module: str, unwanted: str) -> None:
    code = f"import sys, prescreen.report.{module}; sys.exit({unwanted!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
