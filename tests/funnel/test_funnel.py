"""The funnel's text and page: what people read, what cannot act, what adds up."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from prescreen import InputRefused
from prescreen.funnel import funnel_html, funnel_text, read_funnel
from prescreen.funnel.html import SCALE, segments
from prescreen.funnel.words import change, fact_words, number, share
from tests.funnel import sample
from tests.funnel.record import DRAWN, GOLDEN


@pytest.mark.parametrize("name", DRAWN)
def test_what_people_read_is_as_recorded(name: str) -> None:
    assert DRAWN[name]() == (GOLDEN / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [20, 60, 87, 88, 100, 119, 120, 200])
def test_no_line_is_wider_than_asked_and_every_count_is_there(width: int) -> None:
    text = funnel_text(sample.funnel(), width=width)
    assert max(map(len, text.splitlines())) <= max(width, 60)
    for step in sample.funnel()["trials"][0]["protocols"][0]["cohorts"][0]["criteria"]:
        line = next(line for line in text.splitlines() if line.startswith(step["id"]))
        assert [number(step[name]) for name in ("remaining", "excludes", "alone_excludes")] == [
            re.findall(r"[\d,]+(?!\S)", line)[place] for place in (-5, -3, -2)
        ]


def test_colour_only_where_it_is_asked_for() -> None:
    assert "\x1b" not in funnel_text(sample.funnel())
    coloured = funnel_text(sample.funnel(), colour=True)
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured).replace(" ", "") == funnel_text(sample.funnel()).replace(" ", "")


class _Page(HTMLParser):
    """What a browser would find in the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.said.append(data)


@pytest.mark.parametrize("made", [sample.funnel(), sample.hostile(), sample.nobody()])
def test_the_page_has_no_script_and_nothing_from_elsewhere(made: dict[str, Any]) -> None:
    text = funnel_html(made)
    page = _Page(text)
    assert not {"script", "img", "link", "iframe", "object", "form"} & {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        assert not {"src", "style", "onclick", "onload"} & set(attributes)
        assert (attributes.get("href") or "#").startswith("#")
    assert "default-src 'none'" in text
    assert "http://" not in text
    assert "https://" not in text
    assert "url(" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert len(text) < 200_000


def test_the_page_shows_every_number_of_the_funnel() -> None:
    said = " ".join(_Page(funnel_html(sample.funnel())).said)
    for trial in sample.funnel()["trials"]:
        for protocol in trial["protocols"]:
            for cohort in protocol["cohorts"]:
                for step in cohort["criteria"]:
                    assert number(step["remaining"]) in said
                    assert number(step["excludes"]) in said
    assert "With I1=off" in said
    assert "hepatitis-B or hepatitis-C" in said


def test_facts_that_are_not_shown_are_counted() -> None:
    made = sample.funnel()
    step = made["trials"][0]["protocols"][0]["cohorts"][0]["criteria"][0]
    step["missing"] = [{"fact": f"answer:q{place}", "candidates": 1, "alone": 0} for place in range(30)]
    for drawn in (funnel_text(made), funnel_html(made)):
        assert "and 21 more; funnel.json lists them all" in drawn
    assert "more; funnel.json" not in funnel_text(sample.funnel()) + funnel_html(sample.funnel())


def test_bars_are_as_long_as_what_they_count() -> None:
    assert segments(200, ("a", 50), ("b", 0), ("c", 150)) == [("a", 0, SCALE / 4), ("c", SCALE / 4, SCALE * 3 / 4)]
    (tiny,) = segments(1_000_000, ("a", 1))
    assert tiny.width > SCALE / 1000  # somebody can be seen
    (last,) = segments(1_000_000, ("", 0), ("a", 1))
    assert last.x + last.width <= SCALE
    assert segments(0, ("a", 0)) == []


@pytest.mark.parametrize(
    ("count", "of", "expected"),
    [
        (0, 5, "0 %"), (5, 5, "100 %"), (1, 3, "33.3 %"), (1, 10_000, "< 0.1 %"), (9_999, 10_000, "> 99.9 %"),
        (0, 0, "0 %"),
    ],
)  # fmt: skip
def test_shares_never_round_to_none_or_all(count: int, of: int, expected: str) -> None:
    assert share(count, of) == expected


def test_words() -> None:
    assert [change(5, 3), change(3, 5), change(1_003, 3), change(4, 4)] == ["+2", "−2", "+1,000", "±0"]
    assert fact_words("condition:a|b") == "the condition a or b"


@pytest.mark.parametrize(
    "broken",
    [
        "{", "[]", b"\xff", {"schema": "prescreen/funnel/2"}, {**sample.funnel(), "candidates": "many"},
        {**sample.funnel(), "trials": [{**sample.funnel()["trials"][0], "protocols": []}]},
    ],
)  # fmt: skip
def test_what_is_no_funnel_is_refused(broken: Any) -> None:
    with pytest.raises(InputRefused, match="is no funnel"):
        read_funnel(broken)


def test_a_funnel_is_read_from_text_as_from_data() -> None:
    made = sample.funnel()
    assert read_funnel(json.dumps(made)) == read_funnel(made)
    assert funnel_text(read_funnel(made)) == funnel_text(made)
    assert funnel_html(read_funnel(made)) == funnel_html(made)
