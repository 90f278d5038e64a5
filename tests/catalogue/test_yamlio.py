"""The YAML reader: places, plain scalars, and everything that it refuses."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prescreen.problems import InputRefused, Problem
from prescreen.yamlio import MAX_BYTES, MAX_PROBLEMS, Node, load_yaml, source_line


def refusal(text: str | bytes) -> tuple[Problem, ...]:
    with pytest.raises(InputRefused) as refused:
        load_yaml(text, "trial.yaml")
    assert len(str(refused.value)) < 50_000
    return refused.value.problems


def codes(text: str | bytes) -> list[str]:
    return [problem.code for problem in refusal(text)]


def test_nodes_know_their_places() -> None:
    root = load_yaml("a: 1\nb:\n  - {observation: ALT, at_least: 30 mL/min}\n", "f")
    assert root.kind == "map"
    leaf = root.get("b")
    assert leaf is not None
    (item,) = leaf.items()
    assert (item.line, item.column, item.end_column) == (3, 5, 44)
    code = item.get("observation")
    assert code is not None
    assert (code.text, code.line, code.column, code.width) == ("ALT", 3, 19, 3)
    assert item.get("nothing") is None
    assert item.items() == ()
    assert code.pairs() == ()


def test_what_spans_lines_is_marked_where_it_begins() -> None:
    root = load_yaml("key:\n  inner: |\n    text\n  other: [1,\n    2]\n  none: [\n    1]\n", "f")
    inner = root.get("key")
    assert inner is not None
    assert inner.width == len("inner")
    block = inner.get("inner")
    assert block is not None
    assert block.plain() == "text\n"
    assert block.width == 1
    wrapped, opened = inner.get("other"), inner.get("none")
    assert wrapped is not None
    assert opened is not None
    assert (wrapped.width, opened.width) == (2, 1)
    assert root.text == ""


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("on", "on"),
        ("No", "No"),
        ("1", 1),
        ("-12", -12),
        ("0o17", 15),
        ("0x1F", 31),
        ("017", 17),
        ("1.50", Decimal("1.50")),
        (".5", Decimal("0.5")),
        ("1e3", Decimal("1e3")),
        ("1:30", "1:30"),
        ("2026-06-01", "2026-06-01"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1_000", "1_000"),
        ('"1"', "1"),
        ("'true'", "true"),
        ("1.8 mg/dL", "1.8 mg/dL"),
        pytest.param("9" * 500, "9" * 500, id="a number of 500 digits"),
    ],
)
def test_plain_scalars_follow_the_core_schema(written: str, meant: object) -> None:
    node = load_yaml(f"a: {written}\n", "f").get("a")
    assert node is not None
    assert node.plain() == meant
    assert type(node.plain()) is type(meant)


def test_numbers_keep_their_text() -> None:
    node = load_yaml("a: 1.50", "f").get("a")
    assert node is not None
    assert node.text == "1.50"


def test_a_collection_is_no_scalar() -> None:
    with pytest.raises(ValueError, match="list is no scalar"):
        load_yaml("[1]", "f").plain()


def test_every_duplicate_key_tag_and_alias_is_told_at_once() -> None:
    text = "a: 1\na: 2\nb: {c: 1, 'c': 2}\nd: !!int 3\ne: &x 4\nf: *x\n? [g]\n: 5\n"
    problems = refusal(text)
    assert sorted(problem.code for problem in problems) == [
        *("alias", "alias", "compound-key", "duplicate-key", "duplicate-key", "tag"),
    ]
    outer = next(problem for problem in problems if problem.line == 2)
    assert (outer.column, outer.source_line) == (1, "a: 2")
    assert "line 1" in outer.message


def test_an_alias_bomb_stays_small() -> None:
    lines = ["a: &a [x, x]"]
    lines += [f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]" for i in range(20)]
    assert set(codes("\n".join(lines))) == {"alias"}


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system [ls]", "!x y", "! z", "!!set {}", "!<tag:yaml.org,2002:str> a"]
)
def test_tags_are_refused(tag: str) -> None:
    assert codes(f"a: {tag}") == ["tag"]


@pytest.mark.parametrize("opening", ["[", "- ", "? ", "{a: "])
def test_depth_is_bounded(opening: str) -> None:
    assert codes(opening * 1_000_000) == ["too-deep"]


def test_depth_of_64_is_allowed() -> None:
    assert load_yaml("{a: " * 63 + "[1]" + "}" * 63, "f").kind == "map"
    assert codes("{a: " * 64 + "[1]" + "}" * 64) == ["too-deep"]


@pytest.mark.parametrize(("part", "times"), [("a", MAX_BYTES + 1), ("- \n", 150_000), ("- [a,a,a,a]\n", 50_000)])
def test_size_is_bounded(part: str, times: int) -> None:
    assert codes(part * times) == ["too-large"]


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "\n\n", "\ufeff".encode()])
def test_empty_files(text: str | bytes) -> None:
    assert codes(text) == ["empty"]


def test_several_documents() -> None:
    (problem,) = refusal("a: 1\n---\nb: 2\n")
    assert (problem.code, problem.line) == ("several-documents", 2)


def test_not_utf_8() -> None:
    (problem,) = refusal(b"a: 1\nb: \xff\n")
    assert (problem.code, problem.line, problem.column) == ("encoding", 2, 4)
    assert codes("a: ä".encode("utf-16")) == ["encoding"]


@pytest.mark.parametrize("character", ["\0", "\x07", "\x7f", "\ud800", "\ufffe"])
def test_control_characters(character: str) -> None:
    (problem,) = refusal(f"a: 1\nb: x{character}\n")
    assert (problem.code, problem.line, problem.column) == ("control-character", 2, 5)


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("a: b: c\n", 1, "quotes"),
        ("a:\n\t- b\n", 2, "spaces"),
        ("a: [1, 2\nb: 3\n", 2, "brackets"),
        ("a: 'x", 1, None),
        ("%TAG ! x\n%TAG ! x\n", 2, None),
        ("a: @b\n", 1, "quotes"),
    ],
)
def test_syntax_errors_have_a_place(text: str, line: int, hint: str | None) -> None:
    (problem,) = refusal(text)
    assert (problem.code, problem.line) == ("syntax", line)
    assert (hint is None) or (problem.hint is not None and hint in problem.hint)


def test_long_names_and_lines_are_not_repeated() -> None:
    (problem,) = refusal("a" * 100_000 + ": 1\n" + "a" * 1000 + ": *b")
    assert problem.code in {"alias", "syntax"}
    assert len(str(problem)) < 500
    many = codes("".join(f"a: &x{i} 1\n" for i in range(1000)))
    assert MAX_PROBLEMS <= len(many) <= MAX_PROBLEMS + 2
    assert many[-1] == "too-many"


def test_source_lines() -> None:
    assert source_line("a\nb\r\nc", 2) == "b"
    assert source_line("a\nb", 3) is None
    assert source_line("x" * 500, 1) is None


def test_a_byte_order_mark_is_no_content() -> None:
    assert load_yaml("\ufeffa: 1".encode(), "f").get("a") is not None


WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=5).map(repr)


def flow_list(items: list[str]) -> str:
    return f"[{', '.join(items)}]"


@given(st.recursive(WORDS, lambda inner: st.lists(inner, max_size=3).map(flow_list), max_leaves=10))
def test_flow_lists_are_read_as_written(text: str) -> None:
    def written(node: Node) -> str:
        return repr(node.text) if node.kind == "scalar" else flow_list([written(item) for item in node.items()])

    assert written(load_yaml(text, "f")) == text


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_anything_is_read_or_refused(text: str | bytes) -> None:
    try:
        problems: tuple[Problem, ...] | None = load_yaml(text, "f") and None
    except InputRefused as refused:
        problems = refused.problems
    assert problems != ()
