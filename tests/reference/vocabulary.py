"""The few names and unit factors that the reference knows.

Written out by hand, so that nothing is shared with the catalogue and the unit tables of the program. The factor
between mass and amount is only good to five digits: generated values keep clear of thresholds across that border.
"""

from __future__ import annotations

from fractions import Fraction

F = Fraction
CREATININE = F(10_000_000, 113_120)  # umol/L for 1 mg/dL, from 113.120 g/mol

# analyte -> unit as written -> (factor to the canonical unit, kind of unit)
TO_CANONICAL: dict[str, dict[str, tuple[Fraction, str]]] = {
    "ALT": {"U/L": (F(1), "activity"), "ukat/L": (F(60), "activity")},
    "AST": {"U/L": (F(1), "activity"), "ukat/L": (F(60), "activity")},
    "creatinine": {
        "mg/dL": (F(1), "mass"),
        "mg/L": (F(1, 10), "mass"),
        "umol/L": (1 / CREATININE, "amount"),
        "mmol/L": (1000 / CREATININE, "amount"),
    },
    "platelets": {"10*9/L": (F(1), "count"), "/uL": (F(1, 1000), "count"), "10*3/uL": (F(1), "count")},
    "HBV-DNA": {"[IU]/mL": (F(1), "arbitrary")},
    "ECOG": {"": (F(1), "score")},
}
CODED = {"HBsAg": ("positive", "negative"), "HIV-Ab": ("positive", "negative")}
MEANS = {"reactive": "positive", "non-reactive": "negative"}
INDETERMINATE = ("indeterminate", "equivocal")

STATUSES = {
    "conditions": ("active", "remission", "resolved"),
    "treatments": ("ongoing", "completed", "planned", "never"),
    "procedures": ("completed", "planned", "not-done"),
    "allergies": ("",),
}
EVER = {
    "conditions": ("active", "remission", "resolved"),
    "treatments": ("ongoing", "completed"),
    "procedures": ("completed",),
    "allergies": ("",),
}
CONCEPTS = {
    "conditions": ("SLE", "lupus-nephritis", "malignancy", "basal-cell-carcinoma", "diabetes-type-1"),
    "treatments": ("rituximab", "cyclophosphamide", "systemic-corticosteroids"),
    "procedures": ("major-surgery", "kidney-transplant", "renal-biopsy"),
    "allergies": ("albumin",),
}
PARENT = {"lupus-nephritis": "SLE", "basal-cell-carcinoma": "malignancy", "kidney-transplant": "major-surgery"}
# Code systems that can express a concept; only needed where a list is complete among some systems.
SYSTEMS_OF: dict[str, frozenset[str]] = {
    "rituximab": frozenset({"atc", "rxnorm"}),
    "cyclophosphamide": frozenset({"atc", "rxnorm"}),
    "systemic-corticosteroids": frozenset({"atc"}),
}


def with_broader(concept: str) -> frozenset[str]:
    """The concept and everything broader."""
    found = {concept}
    while concept in PARENT:
        concept = PARENT[concept]
        found.add(concept)
    return frozenset(found)


def narrower(concept: str) -> list[str]:
    """What is strictly narrower than a concept."""
    return [other for others in CONCEPTS.values() for other in others if concept in with_broader(other) - {other}]


HALF_LIVES = {"rituximab": 22, "cyclophosphamide": F(1, 2)}
"""In days; used where so many of them are two days or more, counted in whole days."""
