"""The page: what is on it, that it is well formed, reachable and closed to whatever a text would bring in."""

from __future__ import annotations

import re
import unicodedata
from base64 import b64encode
from collections import Counter
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prescreen.report import Report, html, words

from . import sample

VOID = {"meta", "br"}
HEADINGS = {"h1", "h2", "h3"}


class Page(HTMLParser):
    """Reads a page strictly: every element closed in order; keeps elements, attributes and text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.deepest = 0
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.deepest = max(self.deepest, len(self.open))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def count(self) -> Counter[str]:
        return Counter(tag for tag, _ in self.elements)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


PAGES = {"one": [sample.c017()], "several": sample.several(), "hostile": [sample.hostile()], "none": []}


@pytest.fixture(params=PAGES)
def reports(request: pytest.FixtureRequest) -> list[Report]:
    return PAGES[request.param]


def test_everything_is_said() -> None:
    page = Page(html.render([sample.c017()]))
    plain = sample.c017().model_dump()
    for text in sample.texts({key: value for key, value in plain.items() if key != "cohorts"}):
        if re.search(r"[ \d]", text) and ":" not in text and text != "detection_limit":
            assert text in page.words


@pytest.mark.parametrize(
    "said",
    [
        "exclusion applies; condition true",
        "observations[7] outside the window",
        "compared as 17.1 µmol/L = 0.99977 mg/dL",
        "margin 23 % below the threshold",
        "HBcAb: What is the HBcAb result? ask the coordinator",
        "settles E7; could decide the verdict",
        "Re-screen on 2026-06-30.",
        "Nobody can be reported eligible.",
        "records conflict",
        "sound, not proven exact",
        "2026-06-30 E4 undetermined",
    ],
)
def test_the_page_says(said: str) -> None:
    assert said in Page(html.render([sample.c017()])).words


def test_status_is_said_in_words_not_by_colour_alone() -> None:
    page = html.render([sample.c017()])
    for criterion in sample.c017():
        assert f'<span class="heard">{criterion.status}: </span><bdi>{criterion.id}</bdi>' in page


def test_nothing_is_loaded_and_nothing_runs(reports: list[Report]) -> None:
    source = html.render(reports)
    page = Page(source)
    assert not page.count().keys() & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "svg"}
    for _, attributes in page.elements:
        assert not {name for name in attributes if name.startswith("on") or name in ("src", "style")}
        assert (attributes.get("href") or "#").startswith("#")
    style = re.findall(r"<style>(.*?)</style>", source, re.DOTALL)
    assert len(style) == 1
    assert "url(" not in style[0]
    assert "@import" not in style[0]


def test_the_policy_lets_in_this_style_sheet_only(reports: list[Report]) -> None:
    source = html.render(reports)
    (policy,) = [m["content"] for m in Page(source).all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    style = re.search(r"<style>(.*?)</style>", source, re.DOTALL)
    assert style is not None
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert source.index("Content-Security-Policy") < source.index("<style>")


def test_the_page_can_be_found_ones_way_in(reports: list[Report]) -> None:
    page = Page(html.render(reports))
    assert page.all("html") == [{"lang": "en"}]
    counted = page.count()
    assert (counted["main"], counted["h1"], counted["title"]) == (1, 1, 1)
    levels = [int(tag[1]) for tag, _ in page.elements if tag in HEADINGS]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {(a["href"] or "")[1:] for a in page.all("a")}
    targets |= {a["aria-labelledby"] or "" for _, a in page.elements if "aria-labelledby" in a}
    assert targets <= set(ids)
    assert any(m.get("name") == "viewport" for m in page.all("meta"))


def test_what_stands_in_the_way_is_open_and_what_is_met_is_folded() -> None:
    folded = {a["id"]: "open" in a for a in Page(html.render([sample.c017()])).all("details")}
    assert list(folded.values()) == [True] * 4 + [False] * 3


def test_several_candidates_are_led_by_a_table_with_anchors() -> None:
    page = Page(html.render(sample.several()))
    assert [a["href"] for a in page.all("a") if re.fullmatch(r"#c\d+", a["href"] or "")] == ["#c1", "#c2", "#c3", "#c4"]
    assert "cohort A ✗ ineligible" in page.words
    assert page.count()["table"] == 1
    assert Page(html.render([sample.c017()])).count()["table"] == 0


def test_trials_are_told_apart() -> None:
    other = sample.report("C-001", (sample.AGE,), trial="NCT00000001")
    page = Page(html.render([sample.c017(), other]))
    assert "C-001 NCT00000001" in page.words


def test_nobody_screened() -> None:
    assert "No candidate was screened" in Page(html.render([])).words


def test_hostile_text_makes_no_structure() -> None:
    hostile, harmless = Page(html.render([sample.hostile()])), Page(html.render([sample.hostile("harmless")]))
    assert hostile.elements == harmless.elements
    assert hostile.text.count(words.clean(sample.HOSTILE)) > 100


def test_ranges_are_named_where_they_were_used() -> None:
    assert "Reference ranges" in Page(html.render([sample.c017()])).words
    assert "Reference ranges" not in Page(html.render([sample.several()[1]])).words


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=30))
def test_any_text_stands_as_text(text: str) -> None:
    source = html.render([sample.hostile(text)])
    source.encode()
    assert not {unicodedata.category(c) for c in source.replace("\n", "")} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert words.clean(text) in Page(source).text


def test_deep_trees_stay_shallow_on_the_page() -> None:
    page = Page(html.render([sample.deep()]))
    assert page.words.count("not") >= 400
    assert page.deepest < 60


def test_the_tree_is_a_tree_of_lists() -> None:
    page = Page(html.render([sample.report("C", (sample.HEPATITIS,))]))
    nodes = [a for a in page.all("li") if a.get("class") == "node"]
    assert len(nodes) == sum(1 for _ in words.nodes(sample.HEPATITIS.explanation))
