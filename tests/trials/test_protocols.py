"""All protocols of rules/: no item of their restated texts is dropped, and docs/protocols.md counts what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from prescreen import load_trial
from prescreen.language import Trial
from tests.language.rules import one
from tools import protocols
from tools.protocols import FIRST, Count

ROOT = Path(__file__).parents[2]
SEEDS = sorted(ROOT.glob("seeds/*.md"))
PAGE = protocols.PAGE.read_text(encoding="utf-8")

Item = tuple[str, str]
"""Section and number."""
SECTIONS = ("inclusion", "exclusion")
_ITEM = re.compile(r"\s*(?:-|\d+\.) \*\*([\w.]+)\*\* —")


@pytest.fixture(scope="module")
def counts() -> list[Count]:
    return protocols.all_counted()


def items(seed: Path) -> list[Item]:
    """The items of a restated protocol, in its order."""
    found: list[Item] = []
    section = ""
    for line in seed.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            words = line.casefold().replace("population", "summary").split()
            section = next((name for name in (*SECTIONS, "summary") if name in words), "")
        elif (item := _ITEM.match(line)) and section:
            found.append((section, item[1]))
    return found


def named(trial: Trial) -> set[Item]:
    return {(criterion.section or "", criterion.item or "") for criterion in trial.criteria}


def is_covered(item: Item, every: list[Item], criteria: set[Item]) -> bool:
    """Whether a criterion names an item, or all items that it is the heading of, or the item that it is a part of."""
    section, number = item
    below = [(other, name) for other, name in every if other == section and name.startswith(f"{number}.")]
    above = (section, number.rpartition(".")[0])
    return item in criteria or above in criteria or (bool(below) and all(each in criteria for each in below))


def test_there_is_a_rule_file_for_each_text_and_a_text_for_each_rule_file() -> None:
    assert [seed.stem for seed in SEEDS] == [path.name for path in sorted(ROOT.glob("rules/NCT*"))]
    assert len(SEEDS) == 11


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.stem)
def test_no_item_is_dropped_and_none_invented(seed: Path) -> None:
    every, criteria = items(seed), named(load_trial(ROOT / "rules" / seed.stem))
    assert {section for section, _ in every} >= set(SECTIONS)
    assert len(set(every)) == len(every) >= 13
    assert [item for item in every if not is_covered(item, every, criteria)] == []
    assert criteria <= set(every)


def test_an_item_that_no_criterion_names_is_told() -> None:
    every = [("inclusion", "1"), ("inclusion", "2"), ("inclusion", "2.1"), ("inclusion", "2.2"), ("exclusion", "1")]
    criteria = {("inclusion", "1"), ("inclusion", "2.1")}
    covered = [item for item in every if is_covered(item, every, criteria)]
    assert covered == [("inclusion", "1"), ("inclusion", "2.1")]


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.stem)
def test_numbers_of_items_have_no_gap(seed: Path) -> None:
    for section in SECTIONS:
        numbers = [int(number) for name, number in items(seed) if name == section and number.isdigit()]
        assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.stem)
def test_what_is_cut_off_is_said(seed: Path) -> None:
    trial = load_trial(ROOT / "rules" / seed.stem)
    assert trial.complete is not bool(trial.gaps)
    if "**Cut off here.**" in seed.read_text(encoding="utf-8"):
        assert not trial.complete


@pytest.mark.parametrize(
    ("condition", "how"),
    [
        ("{sex: female}", "whole"),
        ("{answer: fit}", "asked"),
        ("{not: {any: [{answer: fit}, {answer: fit}]}}", "asked"),
        ("{all: [{sex: female}, {answer: fit}]}", "part"),
        ("{sex: female, unless: {answer: fit}}", "part"),
        ("{if: {answer: fit}, then: {sex: male}, else: {sex: female}}", "part"),
        ("{use: exposed}", "whole"),
    ],
)
def test_how_a_criterion_is_decided_is_read_off_its_condition(condition: str, how: str, tmp_path: Path) -> None:
    path = tmp_path / "trial.yaml"
    path.write_text(one(condition), encoding="utf-8")
    assert protocols.how_decided(load_trial(path).criteria[0]) == how


def test_the_page_counts_what_is_there(counts: list[Count]) -> None:
    assert protocols.written(PAGE, counts) == PAGE, "write them with `make golden`"


def test_the_page_says_of_each_protocol_what_is_asked_and_why() -> None:
    reasons = protocols.reasons(PAGE)
    for seed in SEEDS:
        (reason,) = (text for name, text in reasons.items() if f"[{seed.stem}]" in name)
        assert len(reason) > 40


def test_seven_tenths_of_what_is_computable_in_the_ten_is_computed_whole(counts: list[Count]) -> None:
    ten = protocols.total(count for count in counts if count.name != FIRST)
    assert len(counts) == 11
    assert ten.percent >= 70
    assert f"{ten.percent:.0f} % of the computable criteria" in (ROOT / "README.md").read_text(encoding="utf-8")
