"""Value sets, and who is asked about them: codes as listed, expansions, a server; what nobody knows is unknown."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from prescreen import InputRefused, load_candidate, load_trial, statuses
from prescreen.catalogue import load_catalogue
from prescreen.catalogue.expansions import expansion_files, parse_expansion
from prescreen.cli import main
from prescreen.terminology import Listed, Part, Server, Several, ValueSet, value_set_of
from prescreen.truth import FALSE, TRUE, UNKNOWN
from tests.terminology.double import double

GLOMERULONEPHRITIS, SLE, LUPUS, A_KIND = "68815009", "55464009", "201436003", "295121000119101"
BELOW_SLE = ValueSet((Part("snomed", (), (SLE,)),))
SPRAIN = "44465007"  # a code that the double does not have
OWN = """
schema: prescreen/catalogue/1
conditions:
  zz-lupus:
    label: lupus below one code
    include:
      - {system: snomed, is_a: ["55464009"]}
      - {system: icd-10-cm, is_a: [M32]}
    exclude:
      - {system: snomed, codes: ["295121000119101"]}
      - {system: icd-10-cm, is_a: [M32.0]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    catalogue = tmp_path / "catalogue"
    catalogue.mkdir()
    (catalogue / "own.yaml").write_text(OWN)
    return catalogue


def test_codes_as_listed() -> None:
    listed = Listed()
    some = ValueSet((Part("snomed", (SLE,)), Part("icd-10-cm", (), ("M32",))), (Part("icd-10-cm", (), ("M32.0",)),))
    assert listed.contains(some, "snomed", SLE) is TRUE
    assert listed.contains(some, "snomed", LUPUS) is FALSE
    assert listed.contains(some, "icd-10-cm", "M3214") is TRUE
    assert listed.contains(some, "icd-10-cm", "M32.0") is FALSE
    assert listed.contains(some, "icd-10-cm", "I10") is FALSE
    assert listed.contains(some, "rxnorm", "121191") is UNKNOWN  # a system that is not covered says nothing
    assert listed.contains(BELOW_SLE, "snomed", SLE) is TRUE
    assert listed.contains(BELOW_SLE, "snomed", GLOMERULONEPHRITIS) is UNKNOWN
    assert listed.subsumes("icd-10-cm", "C00-C96", "C50.1") is TRUE
    assert listed.subsumes("icd-10-cm", "M32.1", "M32") is FALSE
    assert listed.subsumes("snomed", SLE, GLOMERULONEPHRITIS) is UNKNOWN
    assert listed.expand(BELOW_SLE) is None
    assert listed.expand(ValueSet((Part("snomed", (SLE, LUPUS)),), (Part("snomed", (LUPUS,)),))) == {"snomed": (SLE,)}


def test_a_server_answers() -> None:
    with double() as base:
        server = Server(base)
        assert server.contains(BELOW_SLE, "snomed", GLOMERULONEPHRITIS) is TRUE
        assert server.contains(BELOW_SLE, "snomed", LUPUS) is FALSE
        assert server.contains(BELOW_SLE, "snomed", SPRAIN) is UNKNOWN  # it may be newer than what the server has
        assert server.contains(BELOW_SLE, "icd-10-cm", "M32") is UNKNOWN
        assert server.subsumes("snomed", SLE, GLOMERULONEPHRITIS) is TRUE
        assert server.subsumes("snomed", SLE, SLE) is TRUE
        assert server.subsumes("snomed", GLOMERULONEPHRITIS, SLE) is FALSE
        assert server.expand(BELOW_SLE) == {"snomed": (A_KIND, SLE, GLOMERULONEPHRITIS)}
        assert server.versions == ("http://snomed.info/sct|2026-01",)
        without = ValueSet(BELOW_SLE.include, (Part("snomed", (A_KIND,)),))
        assert server.expand(without) == {"snomed": (SLE, GLOMERULONEPHRITIS)}


@pytest.mark.parametrize("mood", ["error", "nonsense", "elsewhere"])
def test_a_server_that_does_not_answer_knows_nothing(mood: str) -> None:
    with double(mood) as base:
        server = Server(base)
        assert server.contains(BELOW_SLE, "snomed", GLOMERULONEPHRITIS) is UNKNOWN
        assert server.subsumes("snomed", SLE, GLOMERULONEPHRITIS) is UNKNOWN
        assert server.expand(BELOW_SLE) is None
    assert server.expand(BELOW_SLE) is None  # nobody is there any more


def test_half_a_list_is_none() -> None:
    with double("partial") as base:
        assert Server(base).expand(BELOW_SLE) is None


def test_what_is_no_address_is_refused() -> None:
    for address in ("file:///etc/passwd", "ftp://x", "terminology"):
        with pytest.raises(InputRefused, match="no terminology server"):
            Server(address)


def test_several_are_asked_in_turn() -> None:
    with double() as base:
        both = Several([Listed(), Server(base)])
        assert both.subsumes("icd-10-cm", "M32", "M32.14") is TRUE
        assert both.subsumes("snomed", SLE, GLOMERULONEPHRITIS) is TRUE
        assert both.contains(BELOW_SLE, "snomed", LUPUS) is FALSE
        assert both.expand(BELOW_SLE) is not None
    assert Several([]).subsumes("snomed", SLE, LUPUS) is UNKNOWN
    assert Several([]).contains(BELOW_SLE, "snomed", SLE) is UNKNOWN
    assert Several([]).expand(BELOW_SLE) is None


def test_a_value_set_of_the_catalogue(folder: Path) -> None:
    concept = load_catalogue(folder).events["conditions"]["zz-lupus"]
    value_set = value_set_of(concept)
    assert value_set.of_system("snomed") == ValueSet((Part("snomed", (), (SLE,)),), (Part("snomed", (A_KIND,)),))
    composed = value_set.as_fhir()["compose"]
    assert {"property": "concept", "op": "is-a", "value": SLE} in composed["include"][1]["filter"] + composed[
        "include"
    ][0]["filter"]


def test_an_expansion_is_pinned_and_read_with_the_catalogue(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = load_catalogue(folder)
    with double() as base:
        assert main(["expand", str(folder), "--server", base, "--on", "2026-05-31"]) == 0
    (path,) = expansion_files(folder)
    assert capsys.readouterr().out.strip() == str(path)
    data = json.loads(path.read_text())
    assert data["expansion"]["timestamp"] == "2026-05-31"
    assert data["expansion"]["parameter"] == [{"name": "version", "valueUri": "http://snomed.info/sct|2026-01"}]
    after = load_catalogue(folder)
    concept = after.events["conditions"]["zz-lupus"]
    assert set(concept.codes["snomed"]) == {SLE, GLOMERULONEPHRITIS}  # and not what is excluded
    assert concept.expanded == {"snomed": "2026-05-31"}
    assert before.sha256 != after.sha256
    for catalogue, known in ((before, False), (after, True)):
        related = catalogue.related("conditions", ("snomed", GLOMERULONEPHRITIS))
        assert ("zz-lupus" in related.is_a) is known
    assert "zz-lupus" not in after.related("conditions", ("snomed", A_KIND)).is_a


def test_what_a_value_set_excludes_in_a_hierarchy(folder: Path) -> None:
    catalogue = load_catalogue(folder)
    for code, certain, possible in (("M32.14", True, False), ("M32.0", False, False), ("M32", False, True)):
        related = catalogue.related("conditions", ("icd-10-cm", code))
        assert ("zz-lupus" in related.is_a, "zz-lupus" in related.may_be) == (certain, possible), code


def test_what_the_server_cannot_list_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with double("partial") as base:
        assert main(["expand", str(folder), "--server", base]) == 2
    assert "no full list for zz-lupus" in capsys.readouterr().err
    assert expansion_files(folder) == []
    assert main(["expand", str(folder), "--server", "nowhere"]) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "is no expansion"),
        ('{"identifier": [{"system": "urn:prescreen:concept", "value": "conditions/x"}], "expansion": '
         '{"timestamp": "x", "contains": []}}', "has no date"),
        ('{"identifier": [{"system": "urn:prescreen:concept", "value": "x"}], "expansion": {"timestamp": "2026",'
         ' "contains": []}}', "names no concept"),
        ('{"identifier": [{"system": "urn:prescreen:concept", "value": "conditions/x"}], "expansion": '
         '{"timestamp": "2026", "contains": [{"system": "http://snomed.info/sct", "code": "1"}]}}', "is no code"),
    ],
)  # fmt: skip
def test_files_that_are_no_expansion(text: str, words: str) -> None:
    found = parse_expansion(text.encode(), "x.json")
    assert words in getattr(found, "message", "")


def test_an_expansion_of_nothing_is_refused(folder: Path) -> None:
    (folder / "expansions").mkdir()
    text = (
        '{"identifier": [{"system": "urn:prescreen:concept", "value": "conditions/zz-lupis"}], '
        '"expansion": {"timestamp": "2026", "contains": []}}'
    )
    (folder / "expansions" / "x.json").write_text(text)
    with pytest.raises(InputRefused, match="zz-lupus"):
        load_catalogue(folder)


def test_a_trial_is_screened_with_the_expansion(folder: Path) -> None:
    trial = {
        "schema": "prescreen/trial/1", "id": "T1", "title": "t",
        "criteria": [{"id": "I1", "text": "lupus", "include_if": {"condition": "zz-lupus"}}],
    }  # fmt: skip
    (folder.parent / "T1").mkdir()
    path = folder.parent / "T1" / "trial.yaml"
    path.write_text(json.dumps(trial))
    record = {"code": {"system": "snomed", "code": GLOMERULONEPHRITIS}, "status": "active"}

    def status() -> str:
        rules = load_trial(path)
        known = load_candidate({"id": "C", "conditions": [record]}, catalogue=rules.catalogue)
        return statuses(rules, known, on=date(2026, 6, 1))["I1"]

    assert status() == "undetermined"
    with double() as base:
        assert main(["expand", str(folder), "--server", base]) == 0
    assert status() == "met"
