"""Where rules come from: folders, files, bundled ids and plain data; and the top of a rule file."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path

import pytest

from prescreen.catalogue import Catalogue, bundled_catalogue
from prescreen.language import Case, Cohort, Question, Trial, bundled_trials, load_trial
from prescreen.problems import InputRefused, Problem
from tests.language.rules import HEAD, load, one

WHOLE = """\
schema: prescreen/trial/1
id: NCT00000001
title: a whole trial
recruitment: recruiting
source:
  document: seeds/x.md
  complete: false
  gaps: [the end]
results_within: 28 days
anchors: {enrolment: the day of enrolment}
questions:
  fit: {ask: investigator, text: Fit?, options: [yes, no, 3]}
cohorts:
  - {id: A, title: first}
  - {id: B, title: second}
criteria:
  - id: I1
    text: Aged 18 or older.
    source: {section: inclusion, item: 3.10}
    reading: as written
    cohorts: [A]
    include_if: {age: {at_least: 18 years}}
    cases:
      - {expect: met, given: {birth_date: "1990-01-01", observations: [{code: ALT, value: 1.80, date: null}]}}
      - {expect: undetermined, given: {}, on: 2026-06-01}
  - id: E1
    text: Fit.
    cohorts: B
    exclude_if: {answer: fit, equals: yes}
"""


def refused(source: object, **options: object) -> list[Problem]:
    with pytest.raises(InputRefused) as caught:
        load_trial(source, **options)  # type: ignore[arg-type]
    return list(caught.value.problems)


def test_a_whole_trial(tmp_path: Path, catalogue: Catalogue) -> None:
    trial = load(WHOLE, tmp_path, catalogue)
    assert (trial.id, trial.title, trial.recruitment) == ("NCT00000001", "a whole trial", "recruiting")
    assert (trial.document, trial.complete, trial.gaps) == ("seeds/x.md", False, ("the end",))
    assert trial.anchors == {"enrolment": "the day of enrolment"}
    assert trial.questions == {"fit": Question("fit", "investigator", "Fit?", ("yes", "no", "3"))}
    assert trial.cohorts == (Cohort("A", "first"), Cohort("B", "second"))
    assert trial.sha256 == hashlib.sha256(WHOLE.encode()).hexdigest()
    assert trial.file == str(tmp_path / "trial.yaml")
    assert trial.catalogue is catalogue
    first, second = trial.criteria
    assert (first.id, first.kind, first.section, first.item) == ("I1", "inclusion", "inclusion", "3.10")
    assert (first.reading, first.cohorts, first.where.line) == ("as written", ("A",), 17)
    assert (second.kind, second.cohorts, second.cases, second.reading) == ("exclusion", ("B",), (), None)
    given = {"birth_date": "1990-01-01", "observations": [{"code": "ALT", "value": Decimal("1.80"), "date": None}]}
    assert first.cases == (Case("met", given), Case("undetermined", {}, "2026-06-01"))  # type: ignore[arg-type]


def test_a_source_is_complete_unless_it_says_otherwise(tmp_path: Path, catalogue: Catalogue) -> None:
    trial = load(one("{sex: male}"), tmp_path, catalogue)
    assert (trial.complete, trial.gaps, trial.document) == (True, (), None)


def test_folder_file_and_text_name_the_same_trial(tmp_path: Path, catalogue: Catalogue) -> None:
    load(WHOLE, tmp_path, catalogue)
    ways = (tmp_path, str(tmp_path), tmp_path / "trial.yaml", str(tmp_path / "trial.yaml"))
    assert {load_trial(way, catalogue=catalogue).sha256 for way in ways} == {hashlib.sha256(WHOLE.encode()).hexdigest()}


def test_bundled_trials_load_by_id() -> None:
    assert "NCT07535138" in bundled_trials()
    trial = load_trial("NCT07535138")
    assert trial.id == "NCT07535138"
    assert trial.catalogue is bundled_catalogue()


def test_a_catalogue_beside_the_folder_extends_the_bundled_one(tmp_path: Path) -> None:
    rules = WHOLE.replace("{answer: fit, equals: yes}", "{condition: moon-sickness}")
    (tmp_path / "T").mkdir()
    (tmp_path / "T" / "trial.yaml").write_text(rules)
    assert [problem.code for problem in refused(tmp_path / "T")] == ["unknown-code"]
    (tmp_path / "catalogue").mkdir()
    entry = "{label: moon sickness, question: Moon sickness?, ask: coordinator}"
    (tmp_path / "catalogue" / "more.yaml").write_text(
        f"schema: prescreen/catalogue/1\nconditions:\n  moon-sickness: {entry}\n"
    )
    trial = load_trial(tmp_path / "T")
    assert trial.catalogue.event("conditions", "moon-sickness")
    (tmp_path / "catalogue" / "more.yaml").write_text("[")
    assert refused(tmp_path / "T")


def test_a_copy_of_the_bundled_catalogue_beside_the_folder_changes_nothing(tmp_path: Path) -> None:
    import shutil

    from prescreen.language.load import BUNDLED

    shutil.copytree(BUNDLED / "catalogue", tmp_path / "catalogue")
    shutil.copytree(BUNDLED / "NCT07535138", tmp_path / "NCT07535138")
    assert load_trial(tmp_path / "NCT07535138").catalogue is bundled_catalogue()


# ------------------------------------------------------------------------------------------------ plain data

DATA: dict[str, object] = {
    "schema": "prescreen/trial/1",
    "id": "T",
    "title": "t",
    "criteria": [
        {
            "id": "a",
            "text": "a",
            "include_if": {
                "all": [
                    {"observation": "ECOG", "at_most": 2},
                    {"observation": "ECOG", "at_most": 2.5},
                    {"observation": "ECOG", "at_most": Decimal("2.50")},
                    {"observation": "ECOG", "at_most": "1e0"},
                ]
            },
            "cases": ({"expect": "met", "given": {"n": 1, "x": 0.1, "t": "5", "yes": True, "no": None}},),
        }
    ],
}


def test_plain_data_counts_as_it_is_written(catalogue: Catalogue) -> None:
    trial = load_trial(DATA, catalogue=catalogue)
    condition = trial.criteria[0].condition
    numbers = [leaf.tests[0].thresholds[0].number for leaf in condition.children]  # type: ignore[union-attr]
    assert numbers == [2, Decimal("2.5"), Decimal("2.5"), 1]
    given = {"n": 1, "x": Decimal("0.1"), "t": "5", "yes": True, "no": None}
    assert trial.criteria[0].cases[0].given == given
    assert trial.file is None
    assert trial.sha256 == load_trial(dict(reversed(DATA.items())), catalogue=catalogue).sha256


def test_problems_of_plain_data_name_their_path(catalogue: Catalogue) -> None:
    wrong = {"id": "b", "text": "b", "include_if": {"sex": "x"}, "colour": 1}
    data = {**DATA, "criteria": [wrong]}
    problems = refused(data, catalogue=catalogue)
    assert {(problem.code, problem.path) for problem in problems} == {
        ("unknown-key", "criteria[0].colour"),
        ("unknown-value", "criteria[0].include_if.sex"),
    }
    assert all(problem.line is None for problem in problems)


def test_what_is_no_plain_data_is_refused(catalogue: Catalogue) -> None:
    problems = refused({"id": object(), 3: "x", "n": 10**500}, catalogue=catalogue)
    assert [problem.path for problem in problems] == ["id", "3", "n"]
    circle: dict[str, object] = {}
    circle["id"] = circle
    assert [problem.code for problem in refused(circle, catalogue=catalogue)] == ["too-deep"]
    wide = {"id": [[0] * 1000] * 1000}
    assert [problem.code for problem in refused(wide, catalogue=catalogue)] == ["too-large"]


# ------------------------------------------------------------------------------------------------ bad files


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"# nothing\n", "empty"),
        (b"\xff\xfe\x00", "encoding"),
        (b"a: [", "syntax"),
        (b"a: &x [1]\nb: *x\n", "alias"),
        (b"a: !!python/object:os.system {}\n", "tag"),
        (b"id: 1\nid: 2\n", "duplicate-key"),
        (b"[" * 100_000, "too-deep"),
        (b"a" * 6_000_000, "too-large"),
        (b"just words", "wrong-type"),
    ],
)
def test_files_that_are_no_rules(content: bytes, code: str, tmp_path: Path, catalogue: Catalogue) -> None:
    path = tmp_path / "trial.yaml"
    path.write_bytes(content)
    assert code in [problem.code for problem in refused(path, catalogue=catalogue)]


def test_names_that_are_no_rules(tmp_path: Path) -> None:
    (missing,) = refused(tmp_path / "none.yaml")
    assert missing.code == "missing-file"
    (near,) = refused("NCT07535139")
    assert (near.code, near.hint) == ("missing-file", "did you mean `NCT07535138`?")
    (empty,) = refused(tmp_path)
    assert (empty.code, empty.message) == ("missing-file", "the folder has no trial.yaml")
    (tmp_path / "trial.yaml").mkdir()
    assert [problem.code for problem in refused(tmp_path)] == ["unreadable"]
    for name in ("\0", "x" * 5000, "../NCT07535138", "catalogue", ""):
        assert refused(name)[0].code in ("missing-file", "unreadable")


def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "trial.yaml")
    assert [problem.code for problem in refused(tmp_path)] == ["unreadable"]


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trial.yaml").write_text(WHOLE)

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    (problem,) = refused(tmp_path)
    assert (problem.code, problem.message) == ("unreadable", "cannot be read: permission denied")


def test_a_catalogue_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "T").mkdir()
    (tmp_path / "T" / "trial.yaml").write_text(WHOLE)
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "catalogue" / "x.yaml").write_text("")

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    assert [problem.code for problem in refused(tmp_path / "T")] == ["unreadable"]


def test_a_trial_type_is_a_trial(tmp_path: Path, catalogue: Catalogue) -> None:
    assert isinstance(load(HEAD + "criteria: [{id: a, text: b, include_if: {sex: male}}]", tmp_path, catalogue), Trial)
