"""Whatever a rule file holds, it becomes a trial or is refused; how soon, `make refusals` measures."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prescreen.catalogue import Catalogue
from prescreen.language import Trial, load_trial
from prescreen.language.source import MAX_PROBLEMS
from prescreen.problems import InputRefused
from tests.language.rules import HEAD, one

SEED = (
    HEAD
    + """\
  more: {all: [{use: exposed}, {age: {between: [18 years, 65 years]}, on: enrolment}], unless: {answer: fit}}
results_within: 28 days
cohorts: [{id: A, title: first}]
source: {document: x.md, complete: false, gaps: [the end]}
criteria:
  - id: I1
    text: one
    cohorts: [A]
    include_if:
      if: {observation: {every_of: [ALT, AST]}, at_most: 3 ULN, select: {consecutive: 2, apart: 24 hours}}
      then: {use: more}
      else:
        not:
          observation: creatinine
          between: [1 mg/dL, 133 mg/L]
          within: {from: enrolment, to: 2 weeks after enrolment}
    cases: [{expect: met, given: {birth_date: 1990-01-01, x: [1, 2.50]}, on: 2026-06-01}]
  - id: E1
    text: two
    exclude_if:
      condition: cancer
      status: [active]
      except: [basal-cell-carcinoma, {condition: cancer, for_at_least: 5 years}]
  - id: E2
    text: three
    exclude_if: {treatment: rituximab, dose: {above: 1 g}, within: 14 days before first_dose, count: {at_least: 1}}
"""
)
PIECES = [
    *"{}[]:,-#'\"\n\t &*!|>%@`\0é",
    *(word for word in SEED.replace(":", " ").replace(",", " ").split() if word),
    "~",
    "null",
    "true",
    "1e999",
    "-1",
    ".nan",
    "[IU]/mL",
    "log10",
    "half-lives",
    "include_if",
    "unless",
    "per_cohort",
]


def outcome(source: object, catalogue: Catalogue) -> Trial | InputRefused:
    try:
        found: Trial | InputRefused = load_trial(source, catalogue=catalogue)  # type: ignore[arg-type]
    except InputRefused as refused:
        found = refused
    assert isinstance(found, Trial) or (found.problems and str(found))
    return found


def load_text(text: str, folder: Path, catalogue: Catalogue) -> Trial | InputRefused:
    path = folder / "trial.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return outcome(path, catalogue)


def test_the_seed_is_a_trial(tmp_path: Path, catalogue: Catalogue) -> None:
    assert isinstance(load_text(SEED, tmp_path, catalogue), Trial)


edits = st.lists(
    st.tuples(st.integers(0, len(SEED)), st.integers(0, 12), st.sampled_from(PIECES)), min_size=1, max_size=4
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits)
def test_mutated_rules_are_a_trial_or_refused(
    tmp_path: Path, catalogue: Catalogue, changes: list[tuple[int, int, str]]
) -> None:
    text = SEED
    for start, length, piece in changes:
        text = text[:start] + piece + text[start + length :]
    assert isinstance(load_text(text, tmp_path, catalogue), Trial | InputRefused)


WORDS = st.sampled_from([piece for piece in PIECES if piece.strip()])
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(max_size=8)
    | WORDS
    | st.binary(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.integers(), inner, max_size=4),
    max_leaves=10,
)
KEYS = [
    "schema",
    "id",
    "title",
    "anchors",
    "questions",
    "definitions",
    "cohorts",
    "source",
    "results_within",
    "criteria",
]


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), values, max_size=10), values)
def test_any_plain_data_is_a_trial_or_refused(catalogue: Catalogue, top: dict[str, object], condition: object) -> None:
    assert isinstance(outcome(top, catalogue), Trial | InputRefused)
    whole = {
        "schema": "prescreen/trial/1",
        "id": "T",
        "title": "t",
        "criteria": [{"id": "a", "text": "b", "include_if": condition}],
    }
    assert isinstance(outcome(whole, catalogue), Trial | InputRefused)


def doubling(levels: int, leaf: str) -> str:
    """Definitions that each use the one before twice: 2**levels conditions when written out."""
    lines = [f"  d0: {leaf}"] + [f"  d{i}: {{all: [{{use: d{i - 1}}}, {{use: d{i - 1}}}]}}" for i in range(1, levels)]
    return HEAD + "\n".join(lines) + f"\ncriteria: [{{id: a, text: b, include_if: {{use: d{levels - 1}}}}}]"


def chain(length: int) -> str:
    lines = ["  d0: {sex: male}"] + [f"  d{i}: {{not: {{use: d{i - 1}}}}}" for i in range(1, length)]
    return HEAD + "\n".join(lines) + f"\ncriteria: [{{id: a, text: b, include_if: {{use: d{length - 1}}}}}]"


LONG = "x" * 1_000_000
ODD = "{{observation: ALT, at_most: '1 10*{}.10*-{}.U/L'}}"
HOSTILE = {
    "doubling": (doubling(60, "{sex: male}"), "too-large"),
    "doubling of a mistake": (doubling(60, "{observation: ALTTT, at_most: 3 ULN}"), "unknown-code"),
    "doubling of many codes": (
        doubling(60, f"{{condition: [{', '.join(['malignancy'] * 5000)}]}}"),
        "too-large",
    ),
    "doubling of a long code": (doubling(60, f"{{condition: {LONG}}}"), "too-large"),
    "a chain of definitions": (chain(500), "too-deep"),
    "a deep condition": (one("{not: " * 62 + "{sex: male}" + "}" * 62), "too-deep"),
    "many mistakes": (HEAD + "criteria:\n" + "  - {id: a, txt: b}\n" * 10_000, "too-many"),
    "many keys": (one("{" + ", ".join(f"k{i}: 1" for i in range(10_000)) + "}"), "not-one-condition"),
    "a long name": (one(f"{{observation: {LONG}, is: positive}}"), "too-large"),
    "a long key": (one(f"{{'{LONG[:1000]}': 1}}"), "not-one-condition"),
    "a long number": (one(f"{{observation: ALT, at_most: {'9' * 190} U/L}}"), "invalid-number"),
    "many odd units": (
        one(f"{{all: [{', '.join(map(ODD.format, range(1, 5000), range(1, 5000)))}]}}"),
        "too-large",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_rules_are_refused(name: str, tmp_path: Path, catalogue: Catalogue) -> None:
    text, code = HOSTILE[name]
    refused = load_text(text, tmp_path, catalogue)
    assert isinstance(refused, InputRefused)
    assert code in [problem.code for problem in refused.problems]
    assert len(refused.problems) <= MAX_PROBLEMS + 1
    assert len(str(refused)) < 100_000
