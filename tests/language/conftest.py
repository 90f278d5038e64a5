"""A small catalogue of its own, so that these tests say what they rest on."""

from __future__ import annotations

from fractions import Fraction

import pytest

from prescreen.catalogue import Catalogue, EventConcept, ObservationConcept
from prescreen.quantities import Analyte, analyte, molar_mass

CODED = ("positive", "negative", "indeterminate")


def observation(
    name: str, unit: Analyte | None, values: tuple[str, ...] = (), label: str = "", synonyms: tuple[str, ...] = ()
) -> ObservationConcept:
    shown = unit.unit if unit else ""
    return ObservationConcept(
        name=name,
        label=label or name,
        synonyms=synonyms,
        codes={},
        analyte=unit,
        unit=shown,
        units=(shown,) if shown else (),
        values=values,
        low=None,
        high=None,
        formula=None,
        inputs=(),
        ask="coordinator",
        question=f"What is {name}?",
    )


def event(domain: str, name: str, label: str = "", synonyms: tuple[str, ...] = ()) -> EventConcept:
    return EventConcept(name, domain, label or name, synonyms, (), {}, False, "coordinator", "")  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    activity = ("[IU]", "U")
    observations = [
        *(observation(name, analyte("U/L", equates=activity, name=name)) for name in ("ALT", "AST")),
        observation(
            "creatinine", analyte("mg/dL", molar_mass=molar_mass("C4H7N3O"), name="creatinine"), synonyms=("Scr",)
        ),
        observation("creatinine-clearance", analyte("mL/min", name="creatinine clearance")),
        observation("eGFR", analyte("mL/min/{1.73_m2}", name="eGFR")),
        observation("total-bilirubin", analyte("mg/dL", name="total bilirubin"), label="total bilirubin"),
        observation(
            "HbA1c",
            analyte("%", affine={"mmol/mol": (Fraction("0.09148"), Fraction("2.152"))}, name="HbA1c"),
            label="haemoglobin A1c",
        ),
        observation("HBsAg", None, CODED),
        observation("HBV-DNA", analyte("[IU]/mL", name="HBV DNA"), ("positive", "negative", "not detected")),
        observation("ECOG", analyte("", name="ECOG")),
        observation("base-excess", analyte("mmol/L", may_be_negative=True, name="base excess")),
    ]
    events = {
        "conditions": [
            event("conditions", "malignancy", synonyms=("cancer",)),
            event("conditions", "basal-cell-carcinoma", "basal cell carcinoma"),
            event("conditions", "lupus-nephritis", "lupus nephritis"),
        ],
        "treatments": [event("treatments", "rituximab"), event("treatments", "prednisone")],
        "procedures": [event("procedures", "major-surgery", "major surgery")],
        "allergies": [event("allergies", "albumin")],
    }
    return Catalogue(
        {concept.name: concept for concept in observations},
        {domain: {concept.name: concept for concept in concepts} for domain, concepts in events.items()},  # type: ignore[misc]
        "0" * 64,
    )
