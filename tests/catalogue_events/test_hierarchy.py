"""The bundled event concepts: what rules rely on, as facts about records that may come in."""

from __future__ import annotations

from typing import get_args

import pytest

from prescreen.catalogue import Catalogue, load_catalogue
from prescreen.catalogue.model import Asked, Domain

# Each as domain, narrower concept, broader concept.
BROADER: list[tuple[Domain, str, str]] = [
    ("conditions", "lupus-nephritis", "SLE"),
    ("conditions", "lupus-nephritis", "glomerular-disease"),
    ("conditions", "lupus-nephritis", "autoimmune-nephropathy"),
    ("conditions", "IgA-nephropathy", "glomerulonephritis"),
    ("conditions", "primary-membranous-nephropathy", "autoimmune-nephropathy"),
    ("conditions", "end-stage-kidney-disease", "chronic-kidney-disease"),
    ("conditions", "end-stage-kidney-disease", "renal-failure"),
    ("conditions", "basal-cell-carcinoma", "malignancy"),
    ("conditions", "B-cell-lymphoma", "haematological-malignancy"),
    ("conditions", "liver-metastases", "metastatic-cancer"),
    ("conditions", "cervical-carcinoma-in-situ", "carcinoma-in-situ"),
    ("conditions", "catastrophic-antiphospholipid-syndrome", "antiphospholipid-syndrome"),
    ("conditions", "selective-IgA-deficiency", "immunodeficiency"),
    ("conditions", "pulmonary-tuberculosis", "bacterial-infection"),
    ("conditions", "latent-tuberculosis", "tuberculosis"),
    ("conditions", "simple-urinary-tract-infection", "infection"),
    ("conditions", "bacterial-pharyngitis", "infection"),
    ("conditions", "chronic-hepatitis-B", "liver-disease"),
    ("conditions", "unstable-angina", "ischaemic-heart-disease"),
    ("treatments", "rituximab", "B-cell-depletion"),
    ("treatments", "rituximab", "biologic"),
    ("treatments", "CD19-CAR-T-therapy", "cell-therapy"),
    ("treatments", "prednisone", "systemic-corticosteroids"),
    ("treatments", "lisinopril", "RAAS-inhibitor"),
    ("treatments", "entecavir", "antiviral"),
    ("treatments", "clarithromycin", "strong-CYP3A4-inhibitor"),
    ("treatments", "MMR-vaccine", "live-vaccine"),
    ("procedures", "appendectomy", "major-surgery"),
    ("procedures", "knee-replacement", "joint-surgery"),
    ("procedures", "joint-surgery", "major-surgery"),
    ("procedures", "kidney-transplant", "transplant"),
    ("procedures", "allogeneic-stem-cell-transplant", "stem-cell-transplant"),
    ("procedures", "renal-biopsy", "biopsy"),
    ("allergies", "penicillin", "beta-lactam"),
    ("allergies", "albumin", "biologic-product"),
]

APART: list[tuple[Domain, str, str]] = [
    ("conditions", "carcinoma-in-situ", "malignancy"),
    ("conditions", "melanoma-in-situ", "carcinoma-in-situ"),
    ("conditions", "membranous-nephropathy", "autoimmune-nephropathy"),
    ("conditions", "latent-tuberculosis", "active-tuberculosis"),
    ("conditions", "tobacco-use", "substance-abuse"),
    ("conditions", "dementia", "psychiatric-disorder"),
    ("treatments", "belimumab", "B-cell-depletion"),
    ("treatments", "hydroxychloroquine", "immunosuppressant"),
    ("treatments", "finerenone", "diuretic"),
    ("treatments", "aspirin", "NSAID"),
    ("procedures", "renal-biopsy", "surgery"),
    ("procedures", "vasectomy", "major-surgery"),
    ("procedures", "stem-cell-transplant", "surgery"),
]

# Each as domain, system, code, and what the record certainly is.
CODED: list[tuple[Domain, str, str, set[str]]] = [
    ("conditions", "icd-10-cm", "M32.14", {"lupus-nephritis", "SLE"}),
    ("conditions", "icd-10-cm", "m3214", {"lupus-nephritis"}),
    ("conditions", "icd-10-cm", "N02.B1", {"IgA-nephropathy"}),
    ("conditions", "icd-10-cm", "N04.21", {"primary-membranous-nephropathy", "nephrotic-syndrome"}),
    ("conditions", "icd-10-cm", "C44.311", {"basal-cell-carcinoma", "skin-cancer", "malignancy"}),
    ("conditions", "icd-10-cm", "C4A.9", {"Merkel-cell-carcinoma", "malignancy"}),
    ("conditions", "icd-10-cm", "C78.7", {"liver-metastases", "malignancy"}),
    ("conditions", "icd-10-cm", "C83.30", {"B-cell-lymphoma", "malignancy"}),
    ("conditions", "icd-10-cm", "D05.10", {"carcinoma-in-situ"}),
    ("conditions", "icd-10-cm", "E11.22", {"diabetes-type-2", "diabetic-kidney-disease", "chronic-kidney-disease"}),
    ("conditions", "icd-10-cm", "J02.0", {"bacterial-pharyngitis", "infection"}),
    ("conditions", "icd-10-cm", "N39.0", {"urinary-tract-infection", "infection"}),
    ("conditions", "icd-10-cm", "Z21", {"HIV-infection", "viral-infection"}),
    ("conditions", "icd-10-cm", "F10.20", {"alcohol-abuse", "substance-abuse"}),
    ("conditions", "icd-10-cm", "I1A.0", {"hypertension"}),
    ("conditions", "snomed", "68815009", {"lupus-nephritis", "SLE"}),
    ("treatments", "atc", "L01FA01", {"rituximab", "anti-CD20-antibody"}),
    ("treatments", "rxnorm", "121191", {"rituximab"}),
    ("treatments", "atc", "C09BA02", {"ACE-inhibitor"}),
    ("treatments", "cvx", "03", {"live-vaccine", "vaccine"}),
    ("procedures", "snomed", "80146002", {"appendectomy", "major-surgery", "surgery"}),
    ("procedures", "icd-10-pcs", "0TY00Z0", {"kidney-transplant"}),
]

# Each as ICD-10-CM code and what it may be, so that a leaf on that stays open.
OPEN: list[tuple[str, str]] = [
    ("M32", "lupus-nephritis"),
    ("M32.10", "lupus-nephritis"),
    ("M35.1", "mixed-connective-tissue-disease"),
    ("N02.8", "IgA-nephropathy"),
    ("N05.2", "primary-membranous-nephropathy"),
    ("N04.20", "autoimmune-nephropathy"),
    ("C83.59", "B-cell-lymphoma"),
    ("C85.9", "B-cell-lymphoma"),
    ("Z85.3", "malignancy"),
    ("Z85.3", "breast-cancer"),
    ("I25.2", "myocardial-infarction"),
    ("Z86.11", "active-tuberculosis"),
    ("N39.0", "simple-urinary-tract-infection"),
    ("N30.90", "infection"),
    ("J31.2", "infection"),
    ("D80.1", "primary-immunodeficiency"),
    ("B33.3", "HTLV-infection"),
    ("J43.9", "COPD"),
    ("G40.909", "seizure"),
    ("K74.3", "cirrhosis"),
]

# Each as ICD-10-CM code and what it certainly is not.
CLOSED: list[tuple[str, str]] = [
    ("C50.911", "basal-cell-carcinoma"),
    ("C50.911", "B-cell-lymphoma"),
    ("C34.90", "B-cell-lymphoma"),
    ("C44.321", "basal-cell-carcinoma"),
    ("C84.00", "B-cell-lymphoma"),
    ("D06.9", "malignancy"),
    ("E66.3", "obesity"),
    ("M32.14", "carcinoma-in-situ"),
    ("B30.9", "HIV-infection"),
    ("B30.9", "HTLV-infection"),
    ("A01.00", "tuberculosis"),
    ("I83.90", "stroke"),
    ("N13.30", "primary-membranous-nephropathy"),
    ("D57.3", "sickle-cell-disease"),
    ("F17.210", "substance-abuse"),
    ("D03.9", "melanoma"),
]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.mark.parametrize(("domain", "narrower", "broader"), BROADER)
def test_is_an_instance(catalogue: Catalogue, domain: Domain, narrower: str, broader: str) -> None:
    assert broader in catalogue.ancestors(domain, narrower)
    assert broader in catalogue.related(domain, narrower).is_a


@pytest.mark.parametrize(("domain", "concept", "other"), APART)
def test_is_no_instance(catalogue: Catalogue, domain: Domain, concept: str, other: str) -> None:
    assert catalogue.event(domain, concept) is not None
    assert catalogue.event(domain, other) is not None
    assert other not in catalogue.ancestors(domain, concept)


@pytest.mark.parametrize(("domain", "system", "code", "expected"), CODED)
def test_code_is(catalogue: Catalogue, domain: Domain, system: str, code: str, expected: set[str]) -> None:
    assert expected <= catalogue.related(domain, (system, code)).is_a


@pytest.mark.parametrize(("code", "concept"), OPEN)
def test_code_leaves_open(catalogue: Catalogue, code: str, concept: str) -> None:
    related = catalogue.related("conditions", ("icd-10-cm", code))
    assert concept in related.may_be
    assert concept not in related.is_a


@pytest.mark.parametrize(("code", "concept"), CLOSED)
def test_code_is_not(catalogue: Catalogue, code: str, concept: str) -> None:
    assert catalogue.event("conditions", concept) is not None
    related = catalogue.related("conditions", ("icd-10-cm", code))
    assert concept not in related.is_a | related.may_be


def test_a_moment_has_no_duration_below_it(catalogue: Catalogue) -> None:
    """What is narrower than an event of a moment is one too: it counts by its first day as well."""
    conditions = catalogue.events["conditions"]
    lasting = {
        (name, broader)
        for name, concept in conditions.items()
        if not concept.momentary
        for broader in catalogue.ancestors("conditions", name)
        if conditions[broader].momentary
    }
    assert lasting == set()


@pytest.mark.parametrize("name", ["stroke", "myocardial-infarction", "anaphylaxis", "TIA", "seizure"])
def test_momentary(catalogue: Catalogue, name: str) -> None:
    assert catalogue.events["conditions"][name].momentary


def test_every_concept_can_be_asked_for(catalogue: Catalogue) -> None:
    for concepts in catalogue.events.values():
        for concept in concepts.values():
            assert concept.ask in get_args(Asked), concept.name
            assert concept.question.endswith("?"), concept.name
            assert concept.question.count("?") == 1, concept.name


def test_no_parent_is_said_twice(catalogue: Catalogue) -> None:
    for domain, concepts in catalogue.events.items():
        for name, concept in concepts.items():
            for parent in concept.parents:
                others = set(concept.parents) - {parent}
                assert not any(parent in catalogue.ancestors(domain, other) for other in others), (name, parent)


def test_exact_codes_have_one_owner(catalogue: Catalogue) -> None:
    """RxNorm and SNOMED CT codes stand for themselves, so one concept says it all; classes of vaccines overlap."""
    for domain, concepts in catalogue.events.items():
        owners: dict[tuple[str, str], str] = {}
        for name, concept in concepts.items():
            for system in ("snomed", "rxnorm", "cpt"):
                for code in concept.codes.get(system, ()):
                    assert owners.setdefault((system, code), name) == name, (domain, system, code)
