"""The bundled trial: its cases hold, every item of its page is accounted for, and the examples come out as intended."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from prescreen import load_candidate, load_trial, screen
from prescreen.language.model import Case, Criterion, Trial
from prescreen.report.model import Report

ROOT = Path(__file__).resolve().parents[2]
SEED = ROOT / "seeds" / "NCT07535138.md"
EXAMPLES = ROOT / "examples"
ON = date(2026, 6, 1)

TRIAL: Trial = load_trial(ROOT / "rules" / "NCT07535138")
CASES = [
    pytest.param(criterion, case, id=f"{criterion.id}-{number}")
    for criterion in TRIAL.criteria
    for number, case in enumerate(criterion.cases, 1)
]

# id: (section, item) of the page, in its order
ITEMS = {
    "P1": ("summary", "P1"),
    "I1": ("inclusion", "1"),
    "I2": ("inclusion", "2"),
    "I3": ("inclusion", "3"),
    "I3.1": ("inclusion", "3.1"),
    "E1": ("exclusion", "1"),
    "E2": ("exclusion", "2"),
    "E3": ("exclusion", "3"),
    "E4": ("exclusion", "4"),
    "E5": ("exclusion", "5"),
    "E6": ("exclusion", "6"),
    "E7": ("exclusion", "7"),
    "E8": ("exclusion", "8"),
}

# what each example was made to show: its criteria that are not met
FAILED, UNDETERMINED = "failed", "undetermined"
EXAMPLE: dict[str, dict[str, str]] = {
    "c-001-all-met": {},
    "c-002-alt-above-limit": {"I3.1": FAILED},
    "c-003-too-old": {"I1": FAILED},
    "c-004-hepatitis-b": {"E6": FAILED},
    "c-005-recent-surgery": {"E4": FAILED},
    "c-006-malignancy": {"E3": FAILED},
    "c-007-first-contact": dict.fromkeys(set(ITEMS) - {"I1", "I2"}, UNDETERMINED),
    "c-008-missing-and-stale": {"I3.1": UNDETERMINED, "E6": UNDETERMINED, "E7": UNDETERMINED},
    "c-009-censored-below-detection": {},
    "c-010-si-units": {"E6": UNDETERMINED},
    "c-011-partial-dates": {"I3.1": UNDETERMINED, "E4": UNDETERMINED},
    "c-012-conflicts": {"P1": UNDETERMINED, "I3.1": UNDETERMINED},
    # mixed connective tissue disease has no ICD-10-CM code of its own, HTLV no SNOMED code: such records tell neither
    "c-013-coded-records": {"E4": FAILED, "E5": UNDETERMINED, "E7": UNDETERMINED},
    "c-014-several-exclusions": {"I1": FAILED, "E2": FAILED, "E7": FAILED, "E8": FAILED},
}


def _screen(name: str) -> Report:
    return screen(TRIAL, load_candidate(EXAMPLES / f"{name}.json"), on=ON)


@pytest.mark.parametrize(("criterion", "case"), CASES)
def test_every_case_holds(criterion: Criterion, case: Case) -> None:
    assert case.on is not None, "a case must not depend on the day it is run"
    candidate = load_candidate({"id": "case", **case.given})
    report = screen(TRIAL, candidate, on=date.fromisoformat(case.on))
    result = report[criterion.id]
    assert result.status == case.expect, result.headline


@pytest.mark.parametrize("criterion", TRIAL.criteria, ids=lambda criterion: criterion.id)
def test_every_criterion_has_a_case_of_each_status(criterion: Criterion) -> None:
    assert {case.expect for case in criterion.cases} == {"met", "failed", "undetermined"}


def test_every_item_of_the_page_is_encoded_in_its_order() -> None:
    encoded = {criterion.id: (criterion.section, criterion.item) for criterion in TRIAL.criteria}
    assert list(encoded.items()) == list(ITEMS.items())
    for criterion in TRIAL.criteria:
        assert criterion.kind == ("exclusion" if criterion.section == "exclusion" else "inclusion")


def test_the_seed_lists_the_same_items() -> None:
    text = SEED.read_text(encoding="utf-8")
    headings = {"Population": "summary", "Inclusion": "inclusion", "Exclusion": "exclusion"}
    found: list[tuple[str, str]] = []
    section = ""
    for line in text.splitlines():
        if heading := re.match(r"## (\w+)", line):
            section = headings.get(heading[1], "")
        elif (item := re.match(r"\s*(?:-|\d+\.) \*\*([\w.]+)\*\* —", line)) and section:
            found.append((section, item[1]))
    assert found == list(ITEMS.values())


def test_the_gaps_of_the_page_are_stated() -> None:
    assert not TRIAL.complete
    assert TRIAL.document == "seeds/NCT07535138.md"
    assert [gap.split(" list ")[0] for gap in TRIAL.gaps] == ["the inclusion", "the exclusion"]
    assert SEED.read_text(encoding="utf-8").count("**Cut off here.**") == len(TRIAL.gaps)


def test_a_doubtful_text_says_how_it_was_read() -> None:
    assert {criterion.id for criterion in TRIAL.criteria if not criterion.reading} == {"I2"}


def test_every_question_is_asked_by_some_criterion() -> None:
    used = repr([criterion.condition for criterion in TRIAL.criteria])
    assert [name for name in TRIAL.questions if f"question='{name}'" not in used] == []


def test_every_example_is_in_the_table() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.json")} == set(EXAMPLE)


@pytest.mark.parametrize("name", EXAMPLE)
def test_an_example_comes_out_as_intended(name: str) -> None:
    report = _screen(name)
    expected = dict.fromkeys(ITEMS, "met") | EXAMPLE[name]
    assert {result.id: result.status for result in report.criteria} == expected
    assert report.verdict == ("ineligible" if FAILED in expected.values() else "undetermined")
    assert report.counts == {"met": 0, "failed": 0, "undetermined": 0} | Counter(expected.values())


@pytest.mark.parametrize("name", EXAMPLE)
def test_an_example_is_readable_to_the_last_record(name: str) -> None:
    assert _screen(name).issues == ()


def test_surgery_alone_turns_with_time() -> None:
    # the surgery of "2026-01" may have been on the 1st: 24 weeks end on 18 June, and the next day is open again
    report = _screen("c-005-recent-surgery")
    assert report.rescreen_on == "2026-06-19"
    assert report["E4"].turns_on == "2026-06-19"


def test_age_never_turns_back() -> None:
    assert _screen("c-003-too-old").rescreen_on is None


def test_conflicts_are_shown() -> None:
    report = _screen("c-012-conflicts")
    assert {result.id for result in report.criteria if result.conflict} == {"P1", "I3.1"}


def test_what_is_missing_is_named() -> None:
    missing = _screen("c-008-missing-and-stale")["I3.1"].missing
    assert {"observation:ALT#reference_range", "observation:ALP#reference_range"} <= set(missing)


def test_the_hepatitis_b_result_decides() -> None:
    example = json.loads((EXAMPLES / "c-004-hepatitis-b.json").read_text(encoding="utf-8"))
    codes = [record["code"] for record in example["observations"]]
    deciding = _screen("c-004-hepatitis-b")["E6"].deciding
    # one of the two positive serologies is enough, and the DNA alone is not
    assert len(deciding) == 2
    assert f"observation:HBV-DNA[{codes.index('HBV-DNA')}]" in deciding


def test_many_candidates_one_a_line() -> None:
    verdicts = {}
    for line in (EXAMPLES / "many.ndjson").read_text(encoding="utf-8").splitlines():
        report = screen(TRIAL, load_candidate(json.loads(line)), on=ON)
        verdicts[report.candidate] = report.verdict
    assert verdicts == {"M-001": "undetermined", "M-002": "ineligible", "M-003": "ineligible", "M-004": "undetermined"}
