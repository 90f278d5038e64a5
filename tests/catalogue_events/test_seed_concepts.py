"""Concepts that came with the protocols NCT05687279 to NCT05689424, and what was mended on the way."""

from __future__ import annotations

import pytest

from prescreen.catalogue import Catalogue, load_catalogue
from prescreen.catalogue.model import Domain

BROADER: list[tuple[Domain, str, str]] = [
    ("conditions", "COPD", "lung-disease"),
    ("conditions", "pulmonary-fibrosis", "lung-disease"),
    ("conditions", "secondary-Sjogren-syndrome", "autoimmune-disease"),
    ("treatments", "investigational-biologic", "biologic"),
    ("treatments", "investigational-biologic", "investigational-drug"),
    ("treatments", "palivizumab", "anti-RSV-antibody"),
    ("treatments", "RSV-immunoglobulin", "immunoglobulin"),
    ("treatments", "telithromycin", "strong-CYP3A4-inhibitor"),
    ("procedures", "gastric-banding", "bariatric-surgery"),
    ("procedures", "admission-for-fluid-overload", "hospitalisation"),
    ("allergies", "insulin-lispro", "insulin"),
]

# domain, ICD-10-CM or ATC code, concept, whether the record certainly is one; if not, whether it may be
CODED: list[tuple[Domain, str, str, str, bool, bool]] = [
    ("conditions", "icd-10-cm", "Z99.81", "oxygen-dependence", True, False),
    ("conditions", "icd-10-cm", "Z99.2", "dialysis-dependence", True, False),
    ("conditions", "icd-10-cm", "J44.9", "lung-disease", True, False),
    ("conditions", "icd-10-cm", "I27.20", "lung-disease", False, True),
    ("conditions", "icd-10-cm", "E03.5", "myxoedema", True, False),
    ("conditions", "icd-10-cm", "E03.9", "myxoedema", False, True),
    ("conditions", "icd-10-cm", "I10", "oedema", False, False),
    ("treatments", "atc", "J06BD08", "immunoglobulin", False, False),
    ("treatments", "atc", "J06BA02", "immunoglobulin", True, False),
    ("treatments", "atc", "J06BD08", "anti-RSV-antibody", True, False),
    ("treatments", "atc", "B05AA05", "blood-product", False, True),
    ("treatments", "atc", "R01BA02", "nasal-medication", False, False),
]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.mark.parametrize(("domain", "narrower", "broader"), BROADER)
def test_is_an_instance(catalogue: Catalogue, domain: Domain, narrower: str, broader: str) -> None:
    assert broader in catalogue.ancestors(domain, narrower)


@pytest.mark.parametrize(("domain", "system", "code", "concept", "surely", "perhaps"), CODED)
def test_coded(
    catalogue: Catalogue, domain: Domain, system: str, code: str, concept: str, surely: bool, perhaps: bool
) -> None:
    related = catalogue.related(domain, (system, code))
    assert (concept in related.is_a) is surely
    assert (concept in related.may_be) is perhaps


@pytest.mark.parametrize("name", ["vaccine", "influenza-vaccine", "MMR-vaccine", "RSV-vaccine"])
def test_a_vaccination_is_of_a_moment(catalogue: Catalogue, name: str) -> None:
    assert catalogue.events["treatments"][name].momentary
