"""Concepts whose ICD-10-CM codes are scattered: what is neither listed nor surely something else leaves them open."""

from __future__ import annotations

from pathlib import Path

import pytest

from prescreen.catalogue import Catalogue, load_catalogue
from prescreen.problems import InputRefused

# Each as a concept and the codes of which a record certainly is one.
IS: dict[str, str] = {
    "infection": "L05.01 N61.1 K75.0 M72.6 M46.20 K04.7 K12.2 H44.009 H00.019 M60.009 D73.3 O75.3 O98.511 N15.1 A15.0",
    "pneumonia": "J10.01 A48.1 B01.2 J95.851 J18.9",
    "urinary-tract-infection": "O23.40 N15.1 B37.41 N39.0",
    "sepsis": "T81.44XA O86.04 A41.9",
    "active-tuberculosis": "O98.011 P37.0",
    "malignancy": "C97 C50.911",
}

# Each as a concept and the codes of which a record may be one.
MAY_BE: dict[str, str] = {
    "infection": "H66.90 K81.0 J32.9 N73.9 N49.2 J44.0 L73.2 N12 H16.009 T86.13 K57.32 E11.628 J69.0 R69 B94.8 Z22.322",
    "bacterial-infection": "N39.0 N10 L03.90 J18.9 H66.90 J02.9 A64 J06.9",
    "viral-infection": "J00 J06.9 J18.9 J20.9 O98.511 J02.9",
    "fungal-infection": "J18.9 L08.9 H60.90",
    "respiratory-infection": "J44.0 J47.0 J69.0 A37.90",
    "pneumonia": "J69.0 A70 A22.1 J85.2",
    "urinary-tract-infection": "T83.511A B37.49 N12 N30.90 N34.1 A02.25",
    "sepsis": "B99.9 A49.9 T80.211A",
    "active-tuberculosis": "J18.9 B90.9",
    "HIV-infection": "B97.31 R75",
    "HTLV-infection": "B97.31",
    "CMV-infection": "B34.9",
    "lupus-nephritis": "M32 M32.9 M32.10 M32.12 M32.13 N08 N04.9 N05.9",
    "membranous-nephropathy": "N08 M32.14 N04.9",
    "glomerulonephritis": "M31.31 N08",
    "end-stage-kidney-disease": "I12.0 Z99.2",
    "chronic-kidney-disease": "Z99.2",
    "acute-kidney-injury": "T79.5XXA O90.41 N99.0",
    "malignancy": "R18.0 J91.0 O9A.119 G89.3 D63.0 D47.Z1 D37.1 D49.9 Z85.3",
    "alcohol-abuse": "F10.920",
    "neurodegenerative-disease": "G31.83",
}

# What clinics see every day, with codes that leave no doubt about an infection.
CHRONIC = (
    "I10 E11.9 E11.22 E11.65 M32.14 M32.9 N02.B1 N04.21 N04.20 N05.2 M17.11 M16.11 M81.0 F32.9 E78.5 N18.30 C50.911 "
    "J45.909 J44.9 I25.10 I48.91 I50.9 K21.9 G47.33 E03.9 E66.9 Z33.1 K57.30 D50.9 M05.79 L40.0 K50.90 G35 M10.9 "
    "Z79.899 G43.909 N40.0 F17.210 I63.9 N18.6 C83.30 D69.3 K74.60 Z94.0 Z85.3 S72.001A"
)

# Each as a concept and the codes of which a record certainly is none.
IS_NOT: dict[str, str] = {
    **dict.fromkeys(
        (
            *("infection", "bacterial-infection", "viral-infection", "fungal-infection", "parasitic-infection"),
            *("respiratory-infection", "pneumonia", "urinary-tract-infection", "sepsis", "active-tuberculosis"),
            *("HIV-infection", "HTLV-infection", "CMV-infection", "syphilis"),
        ),
        CHRONIC,
    ),
    "bacterial-infection": "B02.9 B35.1 U07.1 I10",
    "viral-infection": "A41.9 B37.0 L03.90 N39.0",
    "pneumonia": "N39.0 J00 J20.9 L03.90",
    "urinary-tract-infection": "J18.9 L03.90 A41.9",
    "HIV-infection": "J18.9 N39.0 H66.90 B30.9",
    "active-tuberculosis": "N39.0 U07.1 A41.9",
    "lupus-nephritis": "N02.B1 N04.21 N18.30 I10 L93.0",
    "membranous-nephropathy": "N02.B1 N18.30 I10 M32.11",
    "malignancy": "I10 D06.9 D17.9 N18.30",
    "alcohol-abuse": "F17.210 I10",
}


def pairs(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(name, code) for name, codes in table.items() for code in codes.split()]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.mark.parametrize(("name", "code"), pairs(IS))
def test_is(catalogue: Catalogue, name: str, code: str) -> None:
    assert name in catalogue.related("conditions", ("icd-10-cm", code)).is_a


@pytest.mark.parametrize(("name", "code"), pairs(MAY_BE))
def test_may_be(catalogue: Catalogue, name: str, code: str) -> None:
    related = catalogue.related("conditions", ("icd-10-cm", code))
    assert name in related.may_be
    assert name not in related.is_a


@pytest.mark.parametrize(("name", "code"), pairs(IS_NOT))
def test_is_not(catalogue: Catalogue, name: str, code: str) -> None:
    assert catalogue.event("conditions", name) is not None
    related = catalogue.related("conditions", ("icd-10-cm", code))
    assert name not in related.is_a | related.may_be


OWN = """schema: prescreen/catalogue/1
conditions:
  z-broad: {label: broad, icd-10-cm: [X10], outside: {icd-10-cm: [A00-W99, X50]}, perhaps: {icd-10-cm: [A01.1]}}
  z-kind: {label: kind, parents: [z-broad], icd-10-cm: [X10.1], outside: {icd-10-cm: [X60]}}
  z-closed: {label: closed, parents: [z-broad], icd-10-cm: [X10.2]}
  z-plain: {label: plain, parents: [z-broad]}
  z-plain-and-closed: {label: plain and closed, parents: [z-broad, z-other]}
  z-other: {label: other, icd-10-cm: [X70-X71]}
"""
OPEN = {"z-broad", "z-kind", "z-plain"}


@pytest.mark.parametrize(
    ("code", "is_a", "may_be"),
    [
        ("X10.1", {"z-broad", "z-kind"}, set()),
        ("X10.3", {"z-broad"}, {"z-kind", "z-plain", "z-plain-and-closed", "z-other"}),
        ("X20", set(), OPEN),  # neither listed nor outside; a closed list rules its concept out
        ("X50.1", set(), set()),  # outside the broader one, and so outside its kinds
        ("X5", set(), OPEN),
        ("X60", set(), {"z-broad", "z-plain"}),
        ("A01.1", set(), OPEN),  # perhaps, though outside
        ("A01", set(), OPEN),
        ("A01.2", set(), set()),
        ("X70", {"z-other"}, OPEN | {"z-plain-and-closed"}),
    ],
)
def test_open_lists(tmp_path: Path, code: str, is_a: set[str], may_be: set[str]) -> None:
    (tmp_path / "own.yaml").write_text(OWN)
    related = load_catalogue(tmp_path).related("conditions", ("icd-10-cm", code))
    assert {name for name in related.is_a if name.startswith("z-")} == is_a
    assert {name for name in related.may_be if name.startswith("z-")} == may_be


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("outside: [I10]", "wrong-type"),
        ("outside: {snomed: ['68815009']}", "unknown-key"),
        ("perhaps: {icd-10-cm: I10}", "wrong-type"),
        ("outside: {icd-10-cm: [lupus]}", "invalid-code"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / "own.yaml").write_text(f"schema: prescreen/catalogue/1\nconditions: {{zz: {{label: a, {text}}}}}\n")
    with pytest.raises(InputRefused) as caught:
        load_catalogue(tmp_path)
    assert code in [problem.code for problem in caught.value.problems]
