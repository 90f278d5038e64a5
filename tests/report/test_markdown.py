"""The Markdown report: structure, and that no text in it becomes structure. Read back with a CommonMark parser."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from prescreen.report import Report, markdown, words

from . import sample

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
STRUCTURE = {
    *("heading_open", "paragraph_open", "bullet_list_open", "ordered_list_open", "list_item_open", "blockquote_open"),
    *(
        "table_open",
        "thead_open",
        "tbody_open",
        "tr_open",
        "th_open",
        "td_open",
        "inline",
        "text",
        "strong_open",
        "em_open",
    ),
}


def tokens(document: str) -> Iterator[Token]:
    for token in PARSER.parse(document):
        yield token
        yield from token.children or ()


def shape(document: str) -> list[str]:
    return [token.type for token in tokens(document) if token.type not in ("text", "text_special", "softbreak")]


def shown(document: str) -> str:
    return "\n".join("".join(t.content for t in token.children or ()) for token in PARSER.parse(document))


def test_the_sections_of_a_report() -> None:
    headings = [line for line in markdown.render([sample.c017()]).splitlines() if line.startswith("#")]
    assert headings == [
        "# Pre-screening: NCT07535138",
        "## C-017: ✗ INELIGIBLE",
        "### ✗ Failed (1)",
        "### ? Undetermined (3)",
        "### ✓ Met (3)",
        "### Ask next",
        "### With time, if nothing else changes",
        "### Data issues",
        "### Provenance",
    ]


def test_everything_is_said() -> None:
    said = shown(markdown.render([sample.c017()]))
    plain = sample.c017().model_dump()
    for text in sample.texts({key: value for key, value in plain.items() if key not in ("schema", "cohorts")}):
        if re.search(r"[ \d]", text) and ":" not in text and text != "detection_limit":
            assert text in said


def test_several_candidates_are_led_by_a_table() -> None:
    document = markdown.render(sample.several())
    assert "| C-017 | ✗ ineligible | 1 | 3 | 3 | E4 | HBsAg with HBcAb (coordinator) | 2026-06-30 |" in document
    assert shape(document).count("tr_open") == 5
    assert "- cohort A: ✗ ineligible" in document
    assert "| Candidate |" not in markdown.render([sample.c017()])


def test_trials_are_told_apart() -> None:
    other = sample.report("C-001", (sample.AGE,), trial="NCT00000001")
    assert "| C-001 (NCT00000001) |" in markdown.render([sample.c017(), other])


def test_nobody_screened() -> None:
    assert markdown.render([]) == "# Pre-screening: no candidate\n\nNo candidate was screened.\n"


@pytest.mark.parametrize("reports", [[sample.hostile()], [sample.hostile(), sample.c017()]])
def test_hostile_text_makes_no_structure(reports: list[Report]) -> None:
    hostile = markdown.render(reports)
    harmless = markdown.render([sample.hostile("harmless"), *reports[1:]])
    assert shape(hostile) == shape(harmless)
    assert words.clean(sample.HOSTILE) in shown(hostile).replace("\u200b", "")
    for active in ("://", "www.", "@user", "a@e", "#12", "GH-3", ":smile:", "\x1b", "\u202e"):
        assert active not in hostile
    hostile.encode()


LURES = st.sampled_from(
    ["|", "`", "```", "<b>", "</details>", "<!--", "&lt;", "&#60;", "[a](http://b)", "![", "](", "**", "__", "~~", "\\",
     "\n", "\r\n\r\n", "- ", "+ ", "1. ", "2) ", "# ", "> ", "---", "===", "    ", "\t", "$$", "http://a.b", "www.a.b",
     "@me", "#1", "[x]: y", "|--|", ":+1:", "a", " ", "\u2028", "\x85"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(LURES, max_size=8).map("".join) | st.text(max_size=20))
def test_any_text_stands_as_text(text: str) -> None:
    cleaned = words.clean(text)
    for document in (
        f"- x {markdown.safe(text)} y\n",
        f"- {markdown.safe(text)}\n",
        f"|a|\n|-|\n| {markdown.safe(text)} |\n",
    ):
        assert {token.type for token in tokens(document) if not token.type.endswith("_close")} <= STRUCTURE | {
            "text_special"
        }
        assert shape(document) == shape(document.replace(markdown.safe(text), "x" if cleaned else ""))
        assert cleaned in shown(document).replace("\u200b", "")


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=30))
def test_no_control_character_comes_through(text: str) -> None:
    output = markdown.render([sample.hostile(text)])
    assert not {unicodedata.category(c) for c in output.replace("\n", "")} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_deep_trees_and_long_words_are_drawn() -> None:
    assert markdown.render([sample.deep()]).count("? not") == 400
    assert len(markdown.render([sample.hostile("W" * 5_000)])) < 500_000
