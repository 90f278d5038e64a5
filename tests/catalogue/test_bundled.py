"""The bundled catalogue: every concept loads, every unit converts, factors are those of the literature."""

from __future__ import annotations

import re
from fractions import Fraction
from math import isclose
from pathlib import Path

import pytest

from prescreen.catalogue import DOMAINS, bundled_catalogue, load_catalogue
from prescreen.catalogue.load import BUNDLED
from prescreen.quantities import Analyte, Scale

CATALOGUE = bundled_catalogue()

REQUIRED = """
ALT AST ALP GGT total-bilirubin direct-bilirubin creatinine eGFR creatinine-clearance BUN glucose fasting-glucose
HbA1c haemoglobin haematocrit platelets neutrophils lymphocytes WBC eosinophils albumin total-protein potassium
sodium chloride bicarbonate calcium corrected-calcium ionised-calcium magnesium phosphate uric-acid
total-cholesterol LDL-cholesterol HDL-cholesterol triglycerides ferritin CRP ESR procalcitonin LDH CK amylase lipase
INR PT aPTT fibrinogen D-dimer BNP NT-proBNP troponin-T troponin-I LVEF QT QTcF UPCR UACR urine-protein
urine-creatinine urine-albumin urine-protein-24h urine-creatinine-24h IgA IgG IgM IgE C3 C4 anti-dsDNA ANA
anti-PLA2R anti-AQP4 AChR-Ab HBsAg HBsAb HBcAb HBeAg HBV-DNA HCV-Ab HCV-RNA HIV-Ab HIV-RNA CD4-count HTLV-Ab
syphilis-Ab RPR CMV-DNA CMV-IgM EBV-DNA TB-test pregnancy-test C-peptide insulin TSH free-T4 PTH vitamin-D
testosterone AFP PSA SpO2 PaO2 PaO2-FiO2 FEV1-percent SBP DBP heart-rate respiratory-rate weight height BMI
body-surface-area temperature ECOG Karnofsky NYHA SLEDAI-2K Child-Pugh MELD EDSS MMSE
"""


def analyte_of(name: str) -> Analyte:
    analyte = CATALOGUE.observations[name].analyte
    assert analyte is not None
    return analyte


def scale(name: str, unit: str) -> Scale:
    found = analyte_of(name).scale(unit)
    assert isinstance(found, Scale), found
    return found


@pytest.mark.parametrize("name", REQUIRED.split())
def test_is_there(name: str) -> None:
    concept = CATALOGUE.observation(name)
    assert concept is not None
    assert concept.name == name
    assert concept.question.endswith("?")


def test_every_unit_converts() -> None:
    for concept in CATALOGUE.observations.values():
        if concept.analyte is None:
            assert concept.values, concept.name
            continue
        canonical = concept.analyte.scale(concept.unit)
        assert isinstance(canonical, Scale), (concept.name, concept.unit)
        assert (canonical.factor, canonical.offset) == (1, 0), concept.name
        for unit in concept.units:
            found = concept.analyte.scale(unit)
            assert isinstance(found, Scale), (concept.name, unit, found)
            assert found.factor > 0


# factors from formulas and IUPAC weights, rounded as printed
@pytest.mark.parametrize(
    ("name", "unit", "factor"),
    [
        ("creatinine", "umol/L", "88.402"),
        ("urine-creatinine", "umol/L", "88.402"),
        ("total-bilirubin", "umol/L", "17.104"),
        ("direct-bilirubin", "umol/L", "17.104"),
        ("glucose", "mmol/L", "0.055507"),
        ("fasting-glucose", "mmol/L", "0.055507"),
        ("BUN", "mmol/L", "0.35696"),
        ("urea", "mmol/L", "0.16651"),
        ("uric-acid", "umol/L", "59.484"),
        ("total-cholesterol", "mmol/L", "0.025862"),
        ("LDL-cholesterol", "mmol/L", "0.025862"),
        ("triglycerides", "mmol/L", "0.011294"),
        ("calcium", "mmol/L", "0.24951"),
        ("calcium", "mEq/L", "0.49903"),
        ("phosphate", "mmol/L", "0.32285"),
        ("magnesium", "mmol/L", "0.41144"),
        ("vitamin-D", "nmol/L", "2.496"),
        ("testosterone", "nmol/L", "0.03467"),
        ("haemoglobin", "mmol/L", "0.62056"),
        ("UPCR", "mg/mmol", "113.12"),
        ("UACR", "mg/mmol", "113.12"),
        ("UPCR", "mg/g", "1000"),
        ("ALT", "ukat/L", "0.0166667"),
        ("C-peptide", "nmol/L", "0.33109"),
        ("free-T4", "pmol/L", "12.872"),
        ("BNP", "pmol/L", "0.28868"),
        ("platelets", "/uL", "1000"),
    ],
)
def test_factors(name: str, unit: str, factor: str) -> None:
    digits = len(factor.replace(".", "").lstrip("0"))
    assert isclose(1 / scale(name, unit).factor, Fraction(factor), rel_tol=0.6 * 10 ** (1 - max(digits, 4)))


def test_hba1c_converts_between_its_scales() -> None:
    assert scale("HbA1c", "mmol/mol").exact(48) == Fraction("0.09148") * 48 + Fraction("2.152")


def test_a_tie_is_exact_across_units() -> None:
    assert scale("ALT", "ukat/L").exact(3) == 180
    assert scale("platelets", "/uL").exact(4100) == Fraction("4.1")


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("eGFR", "mL/min"),
        ("creatinine-clearance", "mL/min/1.73m2"),
        ("D-dimer", "ng{DDU}/mL"),
        ("D-dimer", "ng/mL"),
        ("HBV-DNA", "copies/mL"),
        ("HIV-RNA", "IU/mL"),
        ("urine-protein-24h", "mg/dL"),
        ("ALT", "mg/dL"),
        ("anti-dsDNA", "U/L"),
        ("albumin", "mmol/L"),
        ("INR", "s"),
        ("ECOG", "%"),
    ],
)
def test_what_is_another_kind_does_not_convert(name: str, unit: str) -> None:
    assert not isinstance(analyte_of(name).scale(unit), Scale)


def test_plausible_ranges_show_unit_mistakes() -> None:
    for name, mistake in {"haemoglobin": 130, "creatinine": 88, "HbA1c": 48, "height": 1, "potassium": 40}.items():
        concept = CATALOGUE.observations[name]
        assert concept.low is not None
        assert concept.high is not None
        assert not concept.low <= mistake <= concept.high


def test_derived_quantities_name_their_inputs() -> None:
    derived = {name: (o.formula, o.inputs) for name, o in CATALOGUE.observations.items() if o.formula}
    assert derived == {
        "eGFR": ("ckd-epi-2021", ("creatinine",)),
        "creatinine-clearance": ("cockcroft-gault", ("creatinine", "weight")),
        "BMI": ("bmi", ("weight", "height")),
        "corrected-calcium": ("payne-1973", ("calcium", "albumin")),
        "QTcF": ("fridericia-1920", ("QT", "heart-rate")),
        "UPCR": ("ratio", ("urine-protein", "urine-creatinine")),
        "UACR": ("ratio", ("urine-albumin", "urine-creatinine")),
    }
    units = ("creatinine", "weight", "height", "calcium", "albumin", "QT", "heart-rate", "corrected-calcium")
    expected = ["mg/dL", "kg", "cm", "mg/dL", "g/dL", "ms", "/min", "mg/dL"]  # as the formulas want them
    assert [CATALOGUE.observations[name].unit for name in units] == expected


@pytest.mark.parametrize(
    ("system", "code", "name"),
    [
        ("loinc", "1742-6", "ALT"),
        ("http://loinc.org", "14682-9", "creatinine"),
        ("urn:oid:2.16.840.1.113883.6.1", "33914-3", "eGFR"),
        ("http://loinc.org", "22664-7", "urea"),
        ("loinc", "3091-6", "urea"),
        ("loinc", "8480-6", "SBP"),
        ("loinc", "99999-9", None),
        ("snomed", "1742-6", None),
        ("unheard-of", "1742-6", None),
        ("loinc", "1" * 1000, None),
    ],
)
def test_observations_by_code(system: str, code: str, name: str | None) -> None:
    found = CATALOGUE.observation_for(system, code)
    assert (found.name if found else None) == name


def test_names_regardless_of_capitals_where_that_is_clear() -> None:
    for spelling, name in {"sgpt": "ALT", "Hemoglobin": "haemoglobin", "hbsag": "HBsAg", "egfr": "eGFR"}.items():
        found = CATALOGUE.observation(spelling)
        assert found is not None
        assert found.name == name
    assert CATALOGUE.observation("creatinine-clearence") is None
    assert "SGPT" in CATALOGUE.observation_names()


def test_loading_is_repeatable_and_builds_no_unit_registry() -> None:
    import subprocess
    import sys

    assert load_catalogue().sha256 == CATALOGUE.sha256
    assert re.fullmatch("[0-9a-f]{64}", CATALOGUE.sha256)
    program = "import sys; from prescreen.catalogue import bundled_catalogue as b; b(); print('pint' in sys.modules)"
    source = str(Path(__file__).parents[2] / "src")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONPATH": source}
    )
    assert done.stdout.strip() == "False"


def test_every_event_has_a_question() -> None:
    for domain in DOMAINS:
        for concept in CATALOGUE.events[domain].values():
            assert concept.domain == domain
            assert concept.question.endswith("?"), concept.name


def test_lupus_by_its_codes() -> None:
    def related(code: str) -> tuple[frozenset[str], frozenset[str]]:
        found = CATALOGUE.related("conditions", ("http://hl7.org/fhir/sid/icd-10-cm", code))
        return found.is_a, found.may_be

    assert {"lupus-nephritis", "SLE"} <= related("M32.14")[0]
    assert related("M3214") == related("m32.14")
    for vague in ("M32", "M32.9", "M32.10"):
        is_a, may_be = related(vague)
        assert "SLE" in is_a
        assert "lupus-nephritis" in may_be - is_a
    # lupus of another organ says nothing against the kidney's
    is_a, may_be = related("M32.11")
    assert "SLE" in is_a
    assert "lupus-nephritis" in may_be - is_a
    is_a, may_be = related("N02.B1")
    assert "lupus-nephritis" not in is_a | may_be
    is_a, may_be = related("C50.911")
    assert "malignancy" in is_a
    assert "basal-cell-carcinoma" not in may_be


def test_the_bundled_folder_is_the_rules_folder() -> None:
    assert BUNDLED.is_dir()
    assert {path.name for path in BUNDLED.glob("observations-*.yaml")} >= {"observations-chemistry.yaml"}


@pytest.mark.parametrize(
    ("code", "certain", "possible"),
    [
        ("N00-N08", [], ["membranous-nephropathy", "IgA-nephropathy"]),
        ("M30-M36", [], ["lupus-nephritis"]),
        ("C00-C96", ["malignancy"], []),
        ("I10-I16", ["hypertension"], []),
        ("A00-B99", [], ["tuberculosis"]),
    ],
)
def test_a_recorded_block_may_be_what_lies_in_it(code: str, certain: list[str], possible: list[str]) -> None:
    related = CATALOGUE.related("conditions", ("icd-10-cm", code))
    assert set(certain) <= related.is_a
    assert set(possible) <= related.may_be
    assert "asthma" not in related.any_of
