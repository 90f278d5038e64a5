"""Mutants: an author's possible mistakes, each noticed by a case or listed."""

from __future__ import annotations

import json
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import prescreen.check.bench as bench_module
import prescreen.check.mutations as making
from prescreen import statuses
from prescreen.check import check_paths
from prescreen.check.bench import Bench
from prescreen.check.model import Mutations
from prescreen.check.mutations import mutants
from prescreen.check.rules import check_trial
from prescreen.cli import DONE, FOUND, main
from prescreen.engine.compile import CompiledTrial
from prescreen.language import load_trial, read_rules
from tests.check.record import GOLDEN, drawn

ROOT = Path(__file__).parents[2]

HEAD = """\
schema: prescreen/trial/1
id: T1
title: A trial
source: {document: trial.yaml}
results_within: any
questions: {explained: {ask: investigator, text: Is it explained by the disease?}}
criteria:
"""
LIVER = """\
  - id: I1
    text: ALT at most 3 × ULN, unless explained by the disease.
    include_if: {observation: ALT, at_most: 3 ULN, select: highest, unless: {answer: explained}}
    cases:
      - {expect: met, given: {observations: [{code: ALT, value: 120, unit: U/L, reference_range: {high: 40}}]}}
      - {expect: met, given: {answers: {explained: true}}}
      - expect: failed
        given:
          observations: [{code: ALT, value: 200, unit: U/L, reference_range: {high: 40}}]
          answers: {explained: false}
      - {expect: undetermined, given: {}}
"""
A_LITTLE_MORE = """\
      - expect: failed
        given:
          observations: [{code: ALT, value: 121, unit: U/L, reference_range: {high: 40}}]
          answers: {explained: false}
"""
TWO_RESULTS = """\
      - expect: failed
        given:
          observations:
            - {code: ALT, value: 200, unit: U/L, reference_range: {high: 40}, date: "2026-05-13"}
            - {code: ALT, value: 30, unit: U/L, reference_range: {high: 40}, date: "2026-05-20"}
          answers: {explained: false}
"""


def checked(folder: Path, text: str) -> Mutations:
    path = folder / "trial.yaml"
    path.write_text(text, encoding="utf-8")
    found = check_trial(str(path)).mutations
    assert found is not None
    return found


def test_a_mutant_survives_until_a_case_notices_it(tmp_path: Path) -> None:
    found = checked(tmp_path, HEAD + LIVER)
    assert [survivor.message for survivor in found.survivors] == [
        "I1, line 10: `at_most: 3 ULN` as `at_most: 3.3 ULN` is noticed by no case",
        "I1, line 10: `select: highest` as `select: lowest` is noticed by no case",
        "I1, line 10: without `select: highest` is noticed by no case",
    ]
    more = checked(tmp_path, HEAD + LIVER + A_LITTLE_MORE)
    assert [survivor.what for survivor in more.survivors] == [
        "`select: highest` as `select: lowest`",
        "without `select: highest`",
    ]
    assert (more.made, more.noticed) == (found.made, found.noticed + 1)
    all_noticed = checked(tmp_path, HEAD + LIVER + A_LITTLE_MORE + TWO_RESULTS)
    assert (all_noticed.survivors, all_noticed.score, all_noticed.percent) == ((), 100, "100 %")


def test_what_a_survivor_is_about_is_at_its_place(tmp_path: Path) -> None:
    first, *_ = checked(tmp_path, HEAD + LIVER).survivors
    line = (HEAD + LIVER).splitlines()[first.line - 1]
    assert line[first.column - 1 :][: first.width] == "3 ULN"
    assert str(first).startswith(f"{tmp_path / 'trial.yaml'}:10:{first.column}: I1, line 10")


def test_a_definition_is_changed_wherever_it_is_used(tmp_path: Path) -> None:
    """Whichever criterion notices: the one case that tells at_most from below is the second one's."""
    used = "    cases:\n      - {expect: met, given: {observations: [{code: ALT, value: 1, unit: U/L}]}}\n"
    used += "      - {expect: failed, given: {observations: [{code: ALT, value: 9, unit: U/L}]}}\n"
    used += "      - {expect: undetermined, given: {}}\n"
    head = HEAD.replace("criteria:", "definitions:\n  low: {observation: ALT, at_most: 2 U/L}\ncriteria:")
    one = f"  - id: I1\n    text: Low.\n    include_if: {{use: low}}\n{used}"
    found = checked(tmp_path, head + one + one.replace("I1", "I2").replace("value: 1,", "value: 2,"))
    said = [survivor.message for survivor in found.survivors]
    assert said == [
        "`low`, line 8: `observation: ALT` with `select: any` is noticed by no case",
        "`low`, line 8: `at_most: 2 U/L` as `at_most: 2.2 U/L` is noticed by no case",
    ]


def test_every_construct_has_its_mutants() -> None:
    """As people read them; `make golden` records them again after a change that is meant."""
    assert drawn() == GOLDEN.read_text(encoding="utf-8")


def test_no_mutant_is_another_one_or_the_rule_itself() -> None:
    path = Path(__file__).parent / "mutants" / "every-construct" / "trial.yaml"
    bench = bench_of(path)
    by_place: dict[str, list[Any]] = {}
    for mutant in mutants(bench):
        by_place.setdefault(mutant.place.name, []).append(making._meaning(mutant.trial))
    assert len(by_place) == 5
    for place in [*bench.places(), bench.everything()]:
        meanings = by_place[place.name]
        assert len(set(meanings)) == len(meanings)
        assert making._meaning(bench.read(place.criteria)) not in meanings


def test_mutants_of_every_construct_screen_as_the_bench_says() -> None:
    """Those of cohorts too; the property below is of one criterion without any."""
    bench = bench_of(Path(__file__).parent / "mutants" / "every-construct" / "trial.yaml")
    noticed = 0
    for mutant in mutants(bench):
        others = False
        for criterion in bench.criteria:
            name = criterion.id if any(each.id == criterion.id for each in mutant.trial.criteria) else criterion.id[:2]
            if all(each.id != name for each in mutant.trial.criteria):
                continue
            for case in criterion.cases:
                status = statuses(mutant.trial, {"id": "case", **case.given}, date(2026, 6, 1))[name]
                others = others or status != case.expect
        assert bench.noticed(CompiledTrial(mutant.trial)) == others, mutant.what
        noticed += others
    assert noticed >= 20


def test_files_with_mistakes_or_failing_cases_have_no_mutants(tmp_path: Path) -> None:
    path = tmp_path / "trial.yaml"
    for text in (HEAD + LIVER.replace("value: 120", "value: 130"), HEAD.replace("title", "titel") + LIVER):
        path.write_text(text, encoding="utf-8")
        result = check_trial(str(path))
        assert result.problems
        assert result.mutations is None


def test_the_score_that_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "trial.yaml"
    path.write_text(HEAD + LIVER + A_LITTLE_MORE, encoding="utf-8")
    assert main(["check", str(path)]) == FOUND
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == "T1: 1 criteria, 5 cases, 9 mutants (77.7 % noticed), 1 found"
    assert "error[mutation-score]: the cases notice 7 of 9 mutants, 77.7 %: 90 % are asked for" in said.err
    assert main(["check", str(path), "--min-mutation-score", "77"]) == DONE
    assert main(["check", str(path), "--min-mutation-score", "78"]) == FOUND
    assert main(["check", str(path), "--no-mutations"]) == DONE
    assert "mutants" not in capsys.readouterr().out.splitlines()[-1]
    assert main(["check", str(path), "--no-mutations", "--min-mutation-score", "10"]) == 2
    assert "exclude each other" in capsys.readouterr().err


def test_as_json_and_sarif(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "trial.yaml"
    path.write_text(HEAD + LIVER + A_LITTLE_MORE, encoding="utf-8")
    main(["check", str(path), "--min-mutation-score", "0", "--format", "json"])
    (said,) = json.loads(capsys.readouterr().out)["checked"]
    assert {**said["mutations"], "survivors": None} == {
        "made": 9,
        "noticed": 7,
        "score": 77.78,
        "whole": True,
        "survivors": None,
    }
    assert said["mutations"]["survivors"][1] == {
        "name": "I1",
        "change": "without `select: highest`",
        "line": 10,
        "column": 60,
    }
    main(["check", str(path), "--min-mutation-score", "0", "--format", "sarif"])
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert [(rule["id"], rule["defaultConfiguration"]["level"]) for rule in run["tool"]["driver"]["rules"]] == [
        ("unnoticed-mutant", "note")
    ]
    assert [result["level"] for result in run["results"]] == ["note", "note"]
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 10
    main(["check", str(path), "--no-mutations", "--format", "json"])
    assert "mutations" not in json.loads(capsys.readouterr().out)["checked"][0]


def test_work_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bench_module, "MOST_WORK", 300)
    found = checked(tmp_path, HEAD + LIVER)
    assert 0 < found.made < 9
    assert not found.whole
    main(["check", str(tmp_path / "trial.yaml")])
    assert f"{found.made} mutants and more that were not tried" in capsys.readouterr().out


def test_progress_is_told(tmp_path: Path) -> None:
    path = tmp_path / "trial.yaml"
    path.write_text(HEAD + LIVER, encoding="utf-8")
    told: list[int] = []
    list(check_paths([str(path)], tell=told.append))
    assert told == list(range(1, 10))


def test_the_bundled_trials_are_held_by_their_cases() -> None:
    results = [checked for checked in check_paths([str(ROOT / "rules")]) if checked.kind == "trial"]
    assert len(results) == 11
    for result in results:
        assert [str(problem) for problem in result.problems] == []
        assert result.mutations is not None
        assert result.mutations.made >= 100
        assert result.mutations.score >= 95, [str(survivor) for survivor in result.mutations.survivors]


def bench_of(path: Path) -> Bench:
    rules = read_rules(path)
    assert rules.trial is not None
    assert rules.root is not None
    return Bench(rules, rules.trial, rules.root)


def _observation(code: str, value: object, day: str) -> dict[str, object]:
    return {"code": code, "value": value, "unit": "U/L", "reference_range": {"high": 40}, "date": day}


_AGES = st.sampled_from(
    [{"at_least": "18 years"}, {"at_most": "65 years"}, {"at_least": "18 years", "below": "40 years"}]
)
_WINDOWS = st.sampled_from(["28 days", "1 month", "any", {"from": "8 weeks before screening"}])
LEAVES = st.one_of(
    st.builds(lambda age: {"age": age}, _AGES),
    st.just({"sex": "female"}),
    st.just({"answer": "explained"}),
    st.builds(
        lambda operator, number, window: {"observation": "ALT", operator: f"{number} ULN", "within": window},
        st.sampled_from(["at_least", "above", "at_most", "below"]),
        st.integers(1, 3),
        _WINDOWS,
    ),
    st.builds(
        lambda status, window: {"condition": "hypertension", "status": status, "within": window},
        st.sampled_from(["active", "resolved", ["active", "resolved"], "ever"]),
        _WINDOWS,
    ),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(
            lambda key, parts: {key: parts}, st.sampled_from(["all", "any"]), st.lists(inner, min_size=2, max_size=3)
        ),
        st.builds(lambda part: {"not": part}, inner),
        st.builds(lambda parts: {"at_least_of": {"count": 2, "of": parts}}, st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda first, then, other: {"if": first, "then": then, "else": other}, LEAVES, inner, inner),
        st.builds(lambda leaf, other: {**leaf, "unless": other}, LEAVES, LEAVES),
    ),
    max_leaves=5,
)
_DATES = st.sampled_from(["2026-05-31", "2026-05-04", "2026-05-03", "2026-05-01", "2026-04-30", "2020-01-01"])
CANDIDATES = st.fixed_dictionaries(
    {},
    optional={
        "birth_date": st.sampled_from(["2008-06-01", "2008-06-02", "1960-06-02", "1960-06-01", "1986-06-01", "1990"]),
        "sex": st.sampled_from(["female", "male"]),
        "answers": st.builds(lambda answer: {"explained": answer}, st.booleans()),
        "observations": st.lists(
            st.builds(_observation, st.just("ALT"), st.sampled_from([39, 40, 80, 81, 120, 121]), _DATES), max_size=2
        ),
        "conditions": st.lists(
            st.builds(
                lambda status, day: {"code": "hypertension", "status": status, "onset": day},
                st.sampled_from(["active", "resolved"]),
                _DATES,
            ),
            max_size=1,
        ),
        "complete": st.just({"conditions": True}),
    },
)


@settings(max_examples=60)
@given(CONDITIONS, st.sampled_from(["include_if", "exclude_if"]), st.lists(CANDIDATES, min_size=4, max_size=8))
def test_a_mutant_is_noticed_exactly_when_screening_says_otherwise(
    condition: dict[str, object], kind: str, candidates: list[dict[str, object]]
) -> None:
    """Against the program's front door: what the bench calls noticed is another status of `statuses`, for some case."""
    on = date(2026, 6, 1)
    trial: dict[str, Any] = {
        "schema": "prescreen/trial/1",
        "id": "T1",
        "title": "A trial",
        "results_within": "28 days",
        "questions": {"explained": {"ask": "investigator", "text": "Is it explained?"}},
        "criteria": [{"id": "C1", "text": "A criterion.", kind: condition}],
    }
    loaded = load_trial(trial)
    expected = [statuses(loaded, {"id": "case", **candidate}, on)["C1"] for candidate in candidates]
    assume(len(set(expected)) == 3)
    cases = [{"expect": status, "given": given} for status, given in zip(expected, candidates, strict=True)]
    trial["criteria"][0]["cases"] = cases
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trial.yaml"
        path.write_text(json.dumps(trial), encoding="utf-8")
        bench = bench_of(path)
    assert bench.holds
    own = making._meaning(bench.read(bench.everything().criteria))
    for mutant in mutants(bench):
        assert making._meaning(mutant.trial) != own
        others = [statuses(mutant.trial, {"id": "case", **candidate}, on)["C1"] for candidate in candidates]
        assert bench.noticed(CompiledTrial(mutant.trial)) == (others != expected), mutant.what
