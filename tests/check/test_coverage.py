"""What cases must touch: each kind of threshold exactly and beyond, each leaf."""

from __future__ import annotations

from pathlib import Path

import pytest

from prescreen.check.rules import check_trial

HEAD = """\
schema: prescreen/trial/1
id: T1
title: A trial
source: {document: trial.yaml}
results_within: any
anchors: {first_dose: the day of the first dose}
questions: {consent: {ask: candidate, text: Have you consented?}}
criteria:
  - id: C1
    text: A criterion.
    include_if:
      any:
        - {answer: consent}
"""
UNDECIDED = """\
      - {expect: undetermined, given: {}}
      - {expect: met, given: {answers: {consent: true}}}
"""


def unmet(folder: Path, condition: str, *cases: tuple[str, str], results_within: str = "any") -> list[str]:
    """What is said of a condition's thresholds when those cases are given: pairs of a status and a candidate."""
    text = HEAD.replace("results_within: any", f"results_within: {results_within}")
    text += f"        - {{{condition}}}\n    cases:\n{UNDECIDED}"
    for status, given in cases:
        text += f'      - {{expect: {status}, on: "2026-06-01", given: {{answers: {{consent: false}}, {given}}}}}\n'
    path = folder / "trial.yaml"
    path.write_text(text, encoding="utf-8")
    problems = check_trial(str(path), least_score=None).problems
    assert {problem.code for problem in problems} <= {"threshold-not-tested", "leaf-not-decided"}, problems
    for problem in problems:
        assert problem.line is not None
        assert problem.column is not None
        line = text.splitlines()[problem.line - 1]
        marked = line[problem.column - 1 :][: problem.width]
        assert problem.code != "threshold-not-tested" or problem.message.split("`")[1].endswith(marked)
    return [problem.message.removeprefix("C1: no case ") for problem in problems if "threshold" in problem.code]


def alt(value: object, day: str = "2026-05-20", high: int = 40) -> str:
    return f'observations: [{{code: ALT, value: {value}, unit: U/L, reference_range: {{high: {high}}}, date: "{day}"}}]'


def treated(start: str, end: str, more: str = "", status: str = "completed") -> str:
    ends = f', end: "{end}"' if end else ""
    record = f'{{code: prednisone, status: {status}, start: "{start}"{ends}{more}}}'
    return f"treatments: [{record}], complete: {{treatments: true}}"


def ill(onset: str, more: str = "") -> str:
    return (
        f'conditions: [{{code: hypertension, status: active, onset: "{onset}"{more}}}], complete: {{conditions: true}}'
    )


# condition; the case exactly on its threshold; the one beyond it; the threshold in words
THRESHOLDS = {
    "at most": ("observation: ALT, at_most: 3 ULN", ("met", alt(120)), ("failed", alt(121)), "at_most: 3 ULN"),
    "below": ("observation: ALT, below: 3 ULN", ("failed", alt(120)), ("met", alt(119)), "below: 3 ULN"),
    "exact in other units": (
        "observation: creatinine, at_most: 1.5 ULN",
        (
            "met",
            "observations: [{code: creatinine, value: 18, unit: mg/L, reference_range: {high: 1.2, unit: mg/dL}}]",
        ),
        (
            "failed",
            "observations: [{code: creatinine, value: 18.01, unit: mg/L, reference_range: {high: 1.2, unit: mg/dL}}]",
        ),
        "at_most: 1.5 ULN",
    ),
    "age": (
        "age: {at_most: 65 years}",
        ("met", 'birth_date: "1960-06-02"'),
        ("failed", 'birth_date: "1960-06-01"'),
        "at_most: 65 years",
    ),
    "window in days": (
        "treatment: prednisone, within: 28 days",
        ("met", treated("2026-01-01", "2026-05-04")),
        ("failed", treated("2026-01-01", "2026-05-03")),
        "within: 28 days",
    ),
    "window in months, before an anchor": (
        "treatment: prednisone, within: 3 months before first_dose",
        ("met", treated("2026-01-01", "2026-03-10") + ", anchors: {first_dose: 2026-06-10}"),
        ("failed", treated("2026-01-01", "2026-03-09") + ", anchors: {first_dose: 2026-06-10}"),
        "within: 3 months before first_dose",
    ),
    "window in half-lives": (
        "treatment: rituximab, within: 5 half-lives",
        ("met", "treatments: [{code: rituximab, status: completed, start: 2026-02-12, end: 2026-02-12}]"),
        (
            "failed",
            "treatments: [{code: rituximab, status: completed, start: 2020-01-01, end: 2020-01-01}],"
            " complete: {treatments: true}",
        ),
        "within: 5 half-lives",
    ),
    "length": (
        "condition: hypertension, for_at_least: 6 months",
        ("met", ill("2025-12-01")),
        ("failed", ill("2025-12-02")),
        "for_at_least: 6 months",
    ),
    "duration": (
        "treatment: prednisone, duration: {above: 14 days}",
        ("failed", treated("2026-05-01", "2026-05-15")),
        ("met", treated("2026-05-01", "2026-05-16")),
        "above: 14 days",
    ),
    "dose": (
        "treatment: prednisone, daily_dose: {at_most: 10 mg/day}",
        ("met", treated("2026-01-01", "", ", daily_dose: {value: 10, unit: mg/day}", "ongoing")),
        ("failed", treated("2026-01-01", "", ", daily_dose: {value: 0.011, unit: g/day}", "ongoing")),
        "at_most: 10 mg/day",
    ),
    "count": (
        "treatment: [prednisone, rituximab, cyclophosphamide], count: {at_least: 2}",
        (
            "met",
            "treatments: [{code: prednisone, status: ongoing}, {code: rituximab, status: ongoing}],"
            " complete: {treatments: true}",
        ),
        ("failed", "treatments: [{code: prednisone, status: ongoing}], complete: {treatments: true}"),
        "at_least: 2",
    ),
    "fall": (
        "observation: ALT, fall: {at_least: 50 %}",
        (
            "met",
            "observations: [{code: ALT, value: 80, unit: U/L, date: 2026-05-01},"
            " {code: ALT, value: 40, unit: U/L, date: 2026-05-20}]",
        ),
        (
            "failed",
            "observations: [{code: ALT, value: 80, unit: U/L, date: 2026-05-01},"
            " {code: ALT, value: 41, unit: U/L, date: 2026-05-20}]",
        ),
        "at_least: 50 %",
    ),
    "at least of": (
        "at_least_of: {count: 2, of: [{sex: female}, {condition: hypertension}, {observation: ALT, below: 1 U/L}]}",
        ("met", "sex: female, " + ill("2020") + ", " + alt(40)),
        ("failed", "sex: male, " + ill("2020") + ", " + alt(40)),
        "count: 2",
    ),
}


@pytest.mark.parametrize("name", THRESHOLDS)
def test_each_kind_of_threshold(name: str, tmp_path: Path) -> None:
    condition, on, beyond, words = THRESHOLDS[name]

    def said(*cases: tuple[str, str]) -> list[str]:
        return [each for each in unmet(tmp_path, condition, *cases) if f"`{words}`" in each]

    assert said(on, beyond) == []
    failing, lacking = (on, "beyond") if on[0] == "failed" else (beyond, "exactly on")
    assert said(failing) == [f"is {lacking} `{words}`"]
    if name.startswith("window"):
        assert said(on, ("failed", "complete: {treatments: true}")) == [f"is beyond `{words}`"]


def test_both_ends_of_a_window(tmp_path: Path) -> None:
    window = (
        "procedure: surgery, within: {from: 7 days before first_dose, to: 7 days after first_dose}, status: planned"
    )

    def planned(day: str) -> str:
        record = f"{{code: surgery, status: planned, date: {day}}}"
        return f"procedures: [{record}], complete: {{procedures: true}}, anchors: {{first_dose: 2026-06-20}}"

    first, last = ("met", planned("2026-06-13")), ("met", planned("2026-06-27"))
    before, after = ("failed", planned("2026-06-12")), ("failed", planned("2026-06-28"))
    start, end = "`from: 7 days before first_dose`", "`to: 7 days after first_dose`"
    assert unmet(tmp_path, window, first, last, before, after) == []
    assert unmet(tmp_path, window, first, last, before) == [f"is beyond {end}"]
    assert unmet(tmp_path, window, last, before, after) == [f"is exactly on {start}"]
    assert unmet(tmp_path, window, first, before) == [f"is exactly on {end} and none is beyond it"]


def test_the_age_of_results_that_a_trial_states_for_all(tmp_path: Path) -> None:
    leaf = "observation: ALT, at_most: 3 ULN"
    known = (("met", alt(120)), ("failed", alt(121)))
    edge, stale = ("met", alt(40, "2026-05-04")), ("undetermined", alt(40, "2026-05-03"))
    message = "the trial: no case is {} `results_within: 28 days`"
    said = unmet(tmp_path, leaf, *known, results_within="28 days")
    assert said == [message.format("is exactly on").replace("is is", "is") + " and none is beyond it"]
    assert unmet(tmp_path, leaf, *known, edge, results_within="28 days") == [message.format("beyond")]
    assert unmet(tmp_path, leaf, *known, stale, results_within="28 days") == [message.format("exactly on")]
    assert unmet(tmp_path, leaf, *known, edge, stale, results_within="28 days") == []
    assert unmet(tmp_path, f"{leaf}, within: any", *known, results_within="28 days") == []


def test_a_value_that_may_be_on_the_threshold_is_not_on_it(tmp_path: Path) -> None:
    """Born in 1960, one is 65 or 66: whether `below` would differ is not decided."""
    said = unmet(tmp_path, "age: {at_most: 66 years}", ("met", 'birth_date: "1960"'), ("failed", 'birth_date: "1950"'))
    assert said == ["is exactly on `at_most: 66 years`"]


def test_bounds_by_cohort_are_two_thresholds(tmp_path: Path) -> None:
    path = tmp_path / "trial.yaml"
    text = HEAD.replace("anchors:", "cohorts: [{id: A, title: first}, {id: B, title: second}]\nanchors:")
    text += "        - {age: {per_cohort: {A: {at_least: 18 years}, B: {at_least: 40 years}}}}\n"
    text += f"    cases:\n{UNDECIDED}"
    text += '      - {expect: failed, on: "2026-06-01", given: {birth_date: "2008-06-02", answers: {consent: false}}}\n'
    text += '      - {expect: met, on: "2026-06-01", given: {birth_date: "2008-06-01"}, cohort: A}\n'
    path.write_text(text, encoding="utf-8")
    (problem,) = check_trial(str(path), least_score=None).problems
    assert problem.message == "C1: no case is exactly on `at_least: 40 years`"


def leaves(folder: Path, condition: str, *cases: tuple[str, str]) -> list[str]:
    text = HEAD.replace("        - {answer: consent}\n", f"        - {{{condition}}}\n") + "    cases:\n"
    for status, given in (*cases, ("undetermined", "")):
        text += f'      - {{expect: {status}, on: "2026-06-01", given: {{{given}}}}}\n'
    path = folder / "trial.yaml"
    path.write_text(text, encoding="utf-8")
    problems = check_trial(str(path), least_score=None).problems
    return [problem.message for problem in problems if problem.code == "leaf-not-decided"]


def test_a_leaf_on_which_no_case_rests(tmp_path: Path) -> None:
    condition = "all: [{sex: female}, {observation: {any_of: [HBsAg, HBcAb]}, is: positive}]"
    failed = ("failed", "sex: male")

    def tested(**results: str) -> tuple[str, str]:
        written = ", ".join(f"{{code: {code}, value: {value}}}" for code, value in results.items())
        return "met", f"sex: female, observations: [{written}]"

    assert leaves(tmp_path, condition, failed, tested(HBsAg="positive")) == [
        "C1: no case rests on `observation: HBcAb`",
    ]
    assert leaves(tmp_path, condition, failed, tested(HBsAg="positive", HBcAb="positive")) == [
        "C1: no case rests on `observation: HBsAg`",
        "C1: no case rests on `observation: HBcAb`",
    ]
    both = (tested(HBsAg="positive", HBcAb="negative"), tested(HBsAg="negative", HBcAb="positive"))
    assert leaves(tmp_path, condition, failed, *both) == []


def test_very_many_leaves_are_not_called_idle(tmp_path: Path) -> None:
    idle = ", ".join(["{sex: male}"] * 300)
    condition = f"if: {{answer: consent}}, then: {{sex: female}}, else: {{all: [{idle}]}}"
    cases = (("met", "sex: female, answers: {consent: true}"), ("failed", "sex: male, answers: {consent: true}"))
    assert len(leaves(tmp_path, condition.replace(idle, "{sex: male}"), *cases)) == 1
    wide = ", ".join(["{sex: male}"] * 600)
    assert leaves(tmp_path, condition.replace(idle, wide), *cases) == []
