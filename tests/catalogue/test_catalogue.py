"""Catalogues from folders: extending, overriding, relations of concepts and codes, and everything refused."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prescreen.catalogue import Catalogue, bundled_catalogue, load_catalogue, system_name
from prescreen.catalogue import catalogue as catalogue_module
from prescreen.catalogue.codes import (
    SYSTEMS,
    ListedCodes,
    is_code,
    is_unspecified,
    may_stand_for,
    normal_code,
    stands_for,
)
from prescreen.problems import InputRefused

HEAD = "schema: prescreen/catalogue/1\n"

TREE = """
conditions:
  z-disease: {label: disease, icd-10-cm: [X00-X99]}
  z-lupus: {label: lupus, synonyms: [zsle], parents: [z-disease], icd-10-cm: [X32], snomed: ["55464009"]}
  z-kidney: {label: kidney disease, parents: [z-disease]}
  z-nephritis: {label: nephritis, parents: [z-lupus, z-kidney], icd-10-cm: [X32.14], snomed: ["68815009"]}
  z-class-four: {label: class IV, parents: [z-nephritis], snomed: ["73286009"]}
  z-skin: {label: skin cancer, parents: [z-disease], icd-10-cm: [X44.31]}
treatments:
  z-antibody: {label: antibody, atc: [V99FA]}
  z-mab: {label: mab, parents: [z-antibody], rxnorm: ["121191"], atc: [V99FA01]}
"""


def load(tmp_path: Path, text: str, name: str = "own.yaml") -> Catalogue:
    (tmp_path / name).write_text(HEAD + text)
    return load_catalogue(tmp_path)


def refused(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(InputRefused) as caught:
        load(tmp_path, text)
    for problem in caught.value.problems:
        assert problem.file is not None
        assert problem.line is not None
        assert problem.source_line is not None
        assert problem.message[0] == problem.message[0].lower()
    return [problem.code for problem in caught.value.problems]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return load(tmp_path_factory.mktemp("catalogue"), TREE)


def test_a_folder_extends_and_overrides(tmp_path: Path) -> None:
    own = load(tmp_path, "observations:\n  ALT: {label: mine, unit: U/L}\n  z-new: {label: new, unit: mg/dL}\n")
    mine, new = own.observation("ALT"), own.observation("z-new")
    assert mine is not None
    assert new is not None
    assert (mine.label, mine.synonyms, mine.ask) == ("mine", (), "coordinator")
    assert new.question == "What is the latest new, and when?"
    assert own.sha256 != bundled_catalogue().sha256
    assert own.observation("AST") is not None


def test_relations_by_name(tree: Catalogue) -> None:
    found = tree.related("conditions", "ZSLE")
    assert found.named == {"z-lupus"}
    assert found.is_a == {"z-lupus", "z-disease"}
    assert found.may_be == {"z-nephritis", "z-class-four", "z-kidney"}  # and so what these are
    assert (found.system, found.label) == (None, "lupus")
    unknown = tree.related("conditions", "nonsense")
    assert (unknown.named, unknown.may_be, unknown.label) == (frozenset(), frozenset(), "nonsense")


LUPUS_MAY_BE = {"z-nephritis", "z-class-four", "z-kidney"}


@pytest.mark.parametrize(
    ("code", "named", "may_be"),
    [
        ("X32.14", "z-nephritis", {"z-class-four"}),
        ("X3214", "z-nephritis", {"z-class-four"}),
        ("x32.149", "z-nephritis", {"z-class-four"}),
        ("X32", "z-lupus", LUPUS_MAY_BE),
        ("X32.1", "z-lupus", LUPUS_MAY_BE),
        ("X32.9", "z-lupus", LUPUS_MAY_BE),
        ("X32.10", "z-lupus", LUPUS_MAY_BE),
        ("X32.11", "z-lupus", set()),  # not nephritis, and so not its class IV, which has no code of its own
        ("X44.319", "z-skin", set()),
        ("Y99", None, set()),
    ],
)
def test_relations_by_a_hierarchical_code(tree: Catalogue, code: str, named: str | None, may_be: set[str]) -> None:
    found = tree.related("conditions", ("icd-10-cm", code))
    assert found.named == ({named} if named else set())
    assert found.may_be == may_be
    assert found.system == "icd-10-cm"
    assert code in found.label


def test_relations_by_a_flat_code(tree: Catalogue) -> None:
    found = tree.related("conditions", ("http://snomed.info/sct", "55464009"))
    assert "z-lupus" in found.named
    assert "z-class-four" in found.may_be
    assert tree.related("conditions", ("snomed", "1001000119102")).is_a == frozenset()
    assert tree.related("treatments", ("rxnorm", "121191")).is_a >= {"z-mab", "z-antibody"}
    assert "z-mab" in tree.related("treatments", ("http://www.whocc.no/atc", "V99FA")).may_be
    assert tree.related("treatments", ("atc", "v99fa01")).named == {"z-mab"}


@pytest.mark.parametrize("code", [("icd-9-cm", "710.0"), ("", "1"), ("snomed", ""), ("loinc", "9" * 10_000)])
def test_codes_nobody_knows(tree: Catalogue, code: tuple[str, str]) -> None:
    found = tree.related("conditions", code)
    assert (found.named, found.is_a, found.may_be) == (frozenset(), frozenset(), frozenset())
    assert found.system == (system_name(code[0]) or code[0])


def test_coverage_by_system(tree: Catalogue) -> None:
    assert tree.covers("conditions", "z-kidney", "icd-10-cm")  # through nephritis
    assert tree.covers("conditions", "z-class-four", "http://snomed.info/sct")
    assert not tree.covers("conditions", "z-class-four", "icd-10-cm")
    assert not tree.covers("conditions", "nonsense", "icd-10-cm")
    assert not tree.covers("conditions", "z-lupus", "icd-9-cm")
    assert {"icd-10-cm", "snomed"} <= tree.event_systems("conditions")


def test_ancestors_and_descendants(tree: Catalogue) -> None:
    assert tree.ancestors("conditions", "z-nephritis") == {"z-lupus", "z-kidney", "z-disease"}
    assert tree.descendants("conditions", "z-lupus") == {"z-nephritis", "z-class-four"}
    assert tree.ancestors("conditions", "nonsense") == tree.descendants("conditions", "nonsense") == frozenset()


def test_events_by_name(tree: Catalogue) -> None:
    found = tree.event("conditions", "Z-Lupus")
    assert found is not None
    assert found.name == "z-lupus"
    assert tree.event("treatments", "z-lupus") is None
    assert "zsle" in tree.event_names("conditions")


def test_relations_are_remembered_within_bounds(tree: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue_module, "MAX_REMEMBERED", 10)
    first = tree.related("conditions", "z-lupus")
    assert tree.related("conditions", "z-lupus") is first
    for number in range(50):
        tree.related("conditions", ("icd-10-cm", f"X{number}"))
    assert len(tree._related) <= 10
    assert tree.related("conditions", "z-lupus") == first
    tree.related("conditions", "x" * 10_000)
    assert not any(len(key[1]) > 1000 for key in tree._related)


def test_ambiguous_capitals_are_not_guessed(tmp_path: Path) -> None:
    own = load(tmp_path, "observations:\n  Zx: {label: a, unit: ''}\n  zX: {label: b, unit: ''}\n")
    exact = own.observation("zX")
    assert exact is not None
    assert exact.label == "b"
    assert own.observation("zx") is None


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("observations: {zz: {label: a, unit: mg/dL, plausibel: ['1', '2']}}", ["unknown-key"]),
        ("observation: {}", ["unknown-key"]),
        ("observations: [ALT]", ["wrong-type"]),
        ("observations: {zz: 1}", ["wrong-type"]),
        ("observations: {zz: {label: a}}", ["missing-unit"]),
        ("observations: {zz: {unit: mg/dL}}", ["missing-key"]),
        ("observations: {zz: {label: [a], unit: mg/dL}}", ["wrong-type"]),
        ("observations: {zz: {label: a, unit: furlongs}}", ["unknown-unit"]),
        ("observations: {zz: {label: a, unit: mg/dL, units: [mmol/L]}}", ["wrong-unit"]),
        ("observations: {zz: {label: a, unit: mg/dL, units: mg/dL}}", ["wrong-type"]),
        ("observations: {zz: {label: a, unit: mg/dL, formula_mass: Xx2}}", ["invalid-formula"]),
        ("observations: {zz: {label: a, unit: mg/dL, molar_mass: 1, formula_mass: C}}", ["mass-twice"]),
        ("observations: {zz: {label: a, unit: mg/dL, molar_mass: -3}}", ["invalid-number"]),
        ("observations: {zz: {label: a, unit: mg/dL, molar_mass: 1e999}}", ["invalid-number"]),
        ("observations: {zz: {label: a, unit: mmol/L, valence: 1.5}}", ["invalid-number"]),
        ("observations: {zz: {label: a, unit: mg/dL, plausible: ['1']}}", ["wrong-type"]),
        ("observations: {zz: {label: a, unit: mg/dL, plausible: ['1', '1,5']}}", ["invalid-number"]),
        ("observations: {zz: {label: a, unit: mg/dL, plausible: ['9', '1']}}", ["range-upside-down"]),
        ("observations: {zz: {label: a, unit: '%', affine: [a]}}", ["wrong-type"]),
        ("observations: {zz: {label: a, unit: '%', affine: {mmol/mol: ['1']}}}", ["wrong-type"]),
        ("observations: {zz: {label: a, unit: mg/dL, signed: perhaps}}", ["wrong-type"]),
        ("observations: {zz: {label: a, unit: mg/dL, ask: nurse}}", ["unknown-value"]),
        ("observations: {zz: {label: a, unit: mg/dL, loinc: ['1742-5']}}", ["invalid-code"]),
        ("observations: {zz: {label: a, unit: mg/dL, loinc: ['1742-6']}}", ["duplicate-code"]),
        ("observations: {zz: {label: a, unit: mg/dL, synonyms: [ALT]}}", ["duplicate-id"]),
        ("observations: {zz: {label: a, unit: '', derived: {formula: ratios, inputs: [ALT]}}}", ["unknown-value"]),
        ("observations: {zz: {label: a, unit: '', derived: {formula: ratio}}}", ["missing-key"]),
        ("observations: {zz: {label: a, unit: '', derived: {inputs: [ALT]}}}", ["missing-key"]),
        ("observations: {zz: {label: a, unit: '', derived: {formula: ratio, inputs: [ALTT]}}}", ["unknown-input"]),
        ("observations: {zz: {label: a, unit: '', derived: {formula: ratio, inputs: [zz]}}}", ["cycle"]),
        ("observations: {'a b': {label: a, unit: ''}}", ["invalid-name"]),
        ("conditions: {zz: {label: a, parents: [SLEE]}}", ["unknown-parent"]),
        ("conditions: {zz: {label: a, parents: [zy]}, zy: {label: b, parents: [zz]}}", ["cycle", "cycle"]),
        ("conditions: {zz: {label: a, icd-10-cm: [C96-C00]}}", ["invalid-code"]),
        ("conditions: {zz: {label: a, snomed: ['68815008']}}", ["invalid-code"]),
        ("conditions: {zz: {label: a, momentary: [true]}}", ["wrong-type"]),
        ("conditions: {zz: {label: a, unit: mg}}", ["unknown-key"]),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path: Path, text: str, codes: list[str]) -> None:
    assert refused(tmp_path, text) == codes


def test_a_misspelt_parent_gets_a_hint(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="did you mean `lupus-nephritis`"):
        load(tmp_path, "conditions:\n  zz:\n    label: a\n    parents: [lupus-nephritus]\n")


def test_the_schema_is_required(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("observations: {}\n")
    (tmp_path / "b.yaml").write_text("schema: prescreen/trial/1\n")
    with pytest.raises(InputRefused) as caught:
        load_catalogue(tmp_path)
    assert [problem.code for problem in caught.value.problems] == ["wrong-schema", "wrong-schema"]


def test_all_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: [")
    (tmp_path / "b.yaml").write_text(HEAD + "conditions: {zz: {label: a, colour: red}}")
    (tmp_path / "c.txt").write_text("not a catalogue file")
    with pytest.raises(InputRefused) as caught:
        load_catalogue(tmp_path, tmp_path / "nowhere")
    assert [problem.code for problem in caught.value.problems] == ["syntax", "unknown-key", "unreadable"]


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.yaml").write_text(HEAD)
    opened = Path.open

    def refuse(path: Path, *arguments: str) -> object:
        if path.parent == tmp_path:
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputRefused, match="cannot be read: permission denied"):
        load_catalogue(tmp_path)


def test_a_name_twice_in_one_folder(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(HEAD + "conditions: {zz: {label: a}}")
    with pytest.raises(InputRefused, match=r"`zz` is defined in .*a\.yaml:2 already"):
        load(tmp_path, "conditions: {zz: {label: b}}", "b.yaml")


def test_a_made_up_hierarchy_fills_no_memory(tmp_path: Path) -> None:
    chain = "".join(f"  z{i}: {{label: a, parents: [z{i + 1}]}}\n" for i in range(500)) + "  z500: {label: a}\n"
    with pytest.raises(InputRefused) as caught:
        load(tmp_path, "conditions:\n" + chain)
    assert {problem.code for problem in caught.value.problems} == {"too-many-parents"}


@pytest.mark.parametrize(("short", "spelling"), [(short, s) for short, all_ in SYSTEMS.items() for s in (short, *all_)])
def test_systems_by_every_name(short: str, spelling: str) -> None:
    assert system_name(spelling) == system_name(f" {spelling.upper()}/ ") == short


def test_other_systems_are_unknown() -> None:
    assert system_name("https://loinc.org") == "loinc"
    assert system_name("http://snomed.info/sct/731000124108/version/20260301") == "snomed"
    assert system_name("http://hl7.org/fhir/sid/icd-10") is None  # the WHO's edition is another one
    assert system_name("x" * 1000) is None


@pytest.mark.parametrize(
    ("system", "code", "right"),
    [
        ("loinc", "1742-6", True),
        ("loinc", "98979-8", True),
        ("loinc", "1742-7", False),
        ("snomed", "68815009", True),
        ("snomed", "68815090", False),
        ("icd-10-cm", "N02.B2", True),
        ("icd-10-cm", "N02B2", True),
        ("icd-10-cm", "C00-C96", True),
        ("icd-10-cm", "lupus", False),
        ("atc", "L01FA01", True),
        ("atc", "L01F", True),
        ("atc", "L1", False),
        ("rxnorm", "121191", True),
        ("icd-10-pcs", "0TY00Z0", True),
        ("cpt", "38240", True),
        ("cvx", "208", True),
        ("rxnorm", "1" * 100, False),
    ],
)
def test_code_forms(system: str, code: str, right: bool) -> None:
    assert is_code(system, code) is right


@given(st.from_regex(r"[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?", fullmatch=True))
def test_a_code_stands_for_itself_and_its_prefixes_for_it(code: str) -> None:
    normal = normal_code("icd-10-cm", code)
    assert stands_for(normal, normal)
    assert not may_stand_for(normal, normal, "icd-10-cm")
    for end in range(3, len(normal)):
        assert stands_for(normal[:end], normal)
        assert may_stand_for(normal[:end], normal, "icd-10-cm")
        assert not may_stand_for(normal, normal[:end], "icd-10-cm")


_CODES = st.from_regex(r"[CD][0-3][0-2][0-9]{0,2}|[CD][0-3][0-2]-[CD][0-3][0-2]", fullmatch=True)


@given(st.lists(_CODES, max_size=20), _CODES, st.sampled_from(["icd-10-cm", "icd-10-pcs"]))
def test_listed_codes_are_found_as_if_each_were_tried(patterns: list[str], code: str, system: str) -> None:
    listed = ListedCodes(system, [(pattern, f"of {pattern}") for pattern in patterns])
    assert listed.standing_for(code) == {f"of {each}" for each in patterns if stands_for(each, code)}
    hidden = {f"of {each}" for each in patterns if may_stand_for(code, each, system)}
    assert listed.hidden_in(code) == hidden
    below = {f"of {each}" for each in patterns if each.startswith(code)}
    assert listed.below(code) == (below | hidden if "-" in code else below)


def test_vague_codes() -> None:
    assert may_stand_for("C4490", "C4431", "icd-10-cm")
    assert not may_stand_for("C44319", "C4432", "icd-10-cm")
    assert not may_stand_for("E119", "E1121", "icd-10-cm")  # "without complications"
    assert not may_stand_for("C80", "C00-C96", "icd-10-cm")
    assert is_unspecified("C801", "icd-10-cm")
    assert not is_unspecified("C801", "atc")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ("half_life: {length: long, source: a label}", "invalid-number"),
        ("half_life: {length: 5 weeks, source: a label}", "invalid-number"),
        ("half_life: {length: 0 days, source: a label}", "invalid-number"),
        ("half_life: {length: 22 days}", "missing-key"),
        ("equivalents: [prednisone]", "wrong-type"),
        ("equivalents: {a-drug: {of: 0, equals: 5, source: a label}}", "invalid-number"),
        ("equivalents: {a-drug: {of: 4, source: a label}}", "invalid-number"),
        ("equivalents: {another-drug: {of: 4, equals: 5, source: a label}}", "unknown-equivalent"),
    ],
)
def test_half_lives_and_equivalents_are_checked(wrong: str, code: str, tmp_path: Path) -> None:
    text = f"schema: prescreen/catalogue/1\ntreatments:\n  a-drug:\n    label: a drug\n    {wrong}\n"
    (tmp_path / "own.yaml").write_text(text, "utf-8")
    with pytest.raises(InputRefused) as caught:
        load_catalogue(tmp_path)
    assert code in [problem.code for problem in caught.value.problems]


def test_half_lives_and_equivalents_name_their_source() -> None:
    treatments = bundled_catalogue().events["treatments"]
    half_life, equivalent = (
        treatments["belimumab"].half_life,
        treatments["methylprednisolone"].equivalents["prednisone"],
    )
    assert half_life is not None
    assert (half_life.hours, equivalent.factor) == (Fraction("465.6"), Fraction(5, 4))
    assert half_life.source
    assert equivalent.source
