"""Bundled trials with every limit, window or status edited: what the form of a change tells is borne out by screening,
and no change is left without a candidate."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from prescreen import load_trial
from prescreen.amendment import compare
from prescreen.amendment.witnesses import with_witnesses
from prescreen.api import statuses

RULES = Path(__file__).parents[2] / "rules"


def _more(keys: str, after: str) -> Callable[[str], str]:
    """One more wherever a number stands behind a key."""
    pattern = re.compile(rf"((?:{keys}): )(\d+)(?![\d.])({after})")
    return lambda text: pattern.sub(lambda found: f"{found[1]}{int(found[2]) + 1}{found[3]}", text)


EDITS: dict[str, Callable[[str], str]] = {
    "limits": _more("at_least|at_most|above|below", ""),
    "windows": _more("within", " (?:days|weeks|months|years)"),
    "statuses": lambda text: text.replace("status: active", "status: [active, remission]"),
}
_CASES = re.compile(r"(?ms)^    cases:\n.*?(?=^  - id:|^  #|\Z)")


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("name", ["NCT05687890", "NCT05693909", "NCT05702931"])
def test_an_edit_everywhere(name: str, edit: str, tmp_path: Path) -> None:
    text = (RULES / name / "trial.yaml").read_text(encoding="utf-8")
    text = _CASES.sub("", text)
    head, start, rules = text.partition("\ndefinitions:" if "\ndefinitions:" in text else "\ncriteria:")
    edited = f"{head}{start}{EDITS[edit](rules)}"
    (tmp_path / "trial.yaml").write_text(edited, encoding="utf-8")
    old, new = load_trial(RULES / name), load_trial(tmp_path)
    by_form = compare(old, new)
    found = with_witnesses(by_form, old, new)
    results: Counter[str] = Counter()
    for told, change in zip(by_form.criteria, found.criteria, strict=True):
        assert told.direction in (change.direction, "both", "unclear")
        assert change.search
        results[change.search.result] += 1
        for witness in change.search.witnesses:
            on = date.fromisoformat(witness.on)
            was, now = (statuses(version, witness.candidate, on) for version in (old, new))
            assert (was[change.old or ""], now[change.new or ""]) == (witness.old, witness.new)
            assert witness.old != witness.new
    assert results.total() >= 3
    assert results["found"] == results.total()
