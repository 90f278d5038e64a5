"""`check`: rule files load, their cases hold, every criterion is shown in each status."""

from __future__ import annotations

from pathlib import Path

import pytest

from prescreen.check import Checked, check_paths
from prescreen.check.files import targets
from prescreen.check.rules import check_trial

ROOT = Path(__file__).parents[2]

TRIAL = """\
schema: prescreen/trial/1
id: NCT00000001
title: A trial
source: {document: seeds/a.md, complete: true}
results_within: 28 days
questions:
  explained: {ask: investigator, text: Is it explained?}
definitions:
  low: {observation: ALT, at_most: 3 ULN}
criteria:
  - id: I1
    text: Aged 18 to 65 years.
    source: {section: inclusion, item: 1}
    include_if: {age: {at_least: 18 years, at_most: 65 years}}
    cases:
      - {expect: met, given: {birth_date: "1990-01-01"}}
      - {expect: failed, on: "2007-12-31", given: {birth_date: "1990-01-01"}}
      - {expect: undetermined, given: {}}
      - {expect: met, on: "2008-01-01", given: {birth_date: "1990-01-01"}}
      - {expect: met, on: "2055-12-31", given: {birth_date: "1990-01-01"}}
      - {expect: failed, on: "2056-01-01", given: {birth_date: "1990-01-01"}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "a.md").write_text("# A trial\n")
    (tmp_path / "rules" / "NCT00000001").mkdir(parents=True)
    return tmp_path


def checked(folder: Path, text: str) -> Checked:
    path = folder / "rules" / "NCT00000001" / "trial.yaml"
    path.write_text(text)
    (result,) = check_paths([str(folder / "rules")])
    return result


def test_a_sound_rule_file(folder: Path) -> None:
    result = checked(folder, TRIAL)
    assert result.problems == ()
    assert (result.name, result.counts) == ("NCT00000001", {"criteria": 1, "cases": 6})


def test_a_rule_file_that_does_not_load(folder: Path) -> None:
    result = checked(folder, TRIAL.replace("18 years", "18 yeers"))
    assert (result.name, result.counts) == (None, {"criteria": 1, "cases": 6})
    (problem,) = result.problems
    assert (problem.code, problem.line) == ("invalid-span", 14)


def test_a_case_that_does_not_hold(folder: Path) -> None:
    (problem,) = checked(folder, TRIAL.replace('"1990-01-01"}}', '"2020-01-01"}}', 1)).problems
    assert (problem.code, problem.message) == ("case-fails", "I1, case 1 is failed, expected met")
    assert problem.line == 16
    assert problem.hint is not None
    assert "Age 6" in problem.hint


def test_a_case_that_is_no_candidate(folder: Path) -> None:
    (problem,) = checked(folder, TRIAL.replace('"1990-01-01"}}', '"1990-02-30"}}', 1)).problems
    assert (problem.code, problem.line, problem.column) == ("invalid-given", 16, 43)
    assert problem.message.startswith("I1, case 1 at birth_date: ")
    (problem,) = checked(folder, TRIAL.replace('"1990-01-01"}}', '"2990"}}', 1)).problems
    assert problem.code == "invalid-given"


def test_a_case_on_no_day(folder: Path) -> None:
    result = checked(folder, TRIAL.replace('"2007-12-31"', '"2007-12"'))
    assert [problem.line for problem in result.problems] == [17]


def test_statuses_without_a_case(folder: Path) -> None:
    text = TRIAL[: TRIAL.index("      - {expect: failed")]
    (problem,) = checked(folder, text).problems
    assert problem.message == "I1 has no case that is failed and none that is undetermined"
    assert (problem.line, problem.column, problem.width) == (11, 9, 2)


def test_the_age_of_results_must_be_stated(folder: Path) -> None:
    text = TRIAL.replace("results_within: 28 days\n", "").replace(
        "    include_if: {age: {at_least: 18 years, at_most: 65 years}}\n",
        """\
    include_if:
      all:
        - {age: {at_least: 18 years, at_most: 65 years}}
        - if: {use: low}
          then: {not: {observation: AST, above: 10000 U/L}}
          else: {observation: ALP, above: 0 U/L, within: any}
          unless: {at_least_of: {count: 1, of: [{answer: explained}, {observation: INR, above: 1}]}}
        - {any: [{answer: explained}, {sex: female}]}
""",
    )
    problems = [problem for problem in checked(folder, text).problems if problem.code == "no-window"]
    assert [problem.message for problem in problems] == [
        f"{name}: how old may a result of {code} be" for name, code in (("`low`", "ALT"), ("I1", "AST"), ("I1", "INR"))
    ]


def test_the_source_document(folder: Path) -> None:
    (problem,) = checked(folder, TRIAL.replace("seeds/a.md", "seeds/b.md")).problems
    assert problem.message == "the source document `seeds/b.md` is not found"
    unnamed = checked(folder, TRIAL.replace("document: seeds/a.md, ", "")).problems
    assert len(unnamed) == 1


def test_paths_of_rule_files(folder: Path) -> None:
    checked(folder, TRIAL)
    trial = folder / "rules" / "NCT00000001"
    file = str(trial / "trial.yaml")
    for path in (folder, folder / "rules", trial, trial / "trial.yaml"):
        assert [target.path for target in targets([str(path)])] == [file]
    assert [target.path for target in targets([str(folder), file, str(trial)])] == [file]
    assert [target.path for target in targets([str(folder / "seeds")])] == [str(folder / "seeds")]
    for name in ("NCT07535138", "x" * 5_000, "a\0b"):
        assert [target.path for target in targets([name])] == [name]
    assert check_trial(str(folder / "seeds")).name is None
    assert check_trial(str(trial)).problems == ()


def test_what_leads_nowhere_is_refused_by_name(folder: Path) -> None:
    for path in ("x" * 5_000, "a\0b", str(folder / "none"), str(folder / "seeds")):
        (result,) = check_paths([path])
        assert result.name is None
        assert result.problems[0].code in ("missing-file", "unreadable")


def test_a_rule_file_by_another_name_is_not_passed_over(folder: Path) -> None:
    checked(folder, TRIAL)
    (folder / "rules" / "NCT2").mkdir()
    (folder / "rules" / "NCT2" / "trial.yml").write_text(TRIAL)
    first, second = check_paths([str(folder)])
    assert first.problems == ()
    assert [problem.message for problem in second.problems] == ["the folder has no trial.yaml"]


def test_a_document_of_no_name(folder: Path) -> None:
    (problem,) = checked(folder, TRIAL.replace("seeds/a.md", '"a\\0b"')).problems
    assert problem.code == "no-document"


def test_catalogues_are_found_and_checked_once(folder: Path) -> None:
    checked(folder, TRIAL)
    own = folder / "rules" / "catalogue"
    own.mkdir()
    (own / "own.yaml").write_text("schema: prescreen/catalogue/1\nconditions: {zz: {label: a, parents: [lupus]}}\n")
    trial = str(folder / "rules" / "NCT00000001")
    for paths in ([str(folder)], [trial], [trial, str(folder)], [str(own / "own.yaml"), str(own), trial]):
        found = list(check_paths(paths))
        assert [result.kind for result in found] == ["catalogue", "trial"]
        assert [problem.code for problem in found[0].problems] == ["unknown-parent"]
        assert found[1].problems == ()


def test_the_bundled_trial_is_sound() -> None:
    (result,) = check_paths([str(ROOT / "rules" / "NCT07535138")])
    assert [str(problem) for problem in result.problems] == []
    assert result.counts["cases"] >= 3 * result.counts["criteria"]
