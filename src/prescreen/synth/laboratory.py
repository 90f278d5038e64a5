"""What laboratories and wards measure, and how often: the distributions that synthetic results are drawn from.

The figures are round numbers of the right order for adults in hospital care, not estimates from data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Measured:
    """A quantity. median, spread: in the catalogue's unit; of a lognormal distribution spread is the sigma of the
    logarithm, of a normal one the standard deviation. weight: how often it is measured, relative to the others.
    low, high: limits of normal as a laboratory would print them. detection: limit of detection, below which results
    are written as less than it."""

    code: str
    median: float
    spread: float
    weight: float
    low: float | None = None
    high: float | None = None
    normal: bool = False
    detection: float | None = None


@dataclass(frozen=True, slots=True)
class Tested:
    """A test with a result in words: how many of those tested are positive, and how often it is done."""

    code: str
    positive: float
    weight: float


MEASURED: Final = (
    Measured("haemoglobin", 13.2, 1.7, 4, 12, 17, normal=True),
    Measured("platelets", 240, 0.3, 4, 150, 400),
    Measured("WBC", 7, 0.35, 4, 4, 11),
    Measured("neutrophils", 4.2, 0.4, 3, 1.8, 7.7),
    Measured("lymphocytes", 1.8, 0.4, 2, 1, 4),
    Measured("CD4-count", 600, 0.5, 0.05, 500, 1500),
    Measured("INR", 1.05, 0.12, 1, 0.8, 1.2),
    Measured("ALT", 24, 0.6, 4, 5, 40),
    Measured("AST", 24, 0.5, 3, 5, 40),
    Measured("ALP", 75, 0.35, 2.5, 40, 130),
    Measured("GGT", 28, 0.7, 1.5, 5, 60),
    Measured("total-bilirubin", 0.6, 0.5, 3, 0.2, 1.2),
    Measured("albumin", 4.1, 0.45, 2, 3.5, 5, normal=True),
    Measured("creatinine", 0.95, 0.35, 5, 0.6, 1.2),
    Measured("eGFR", 82, 0.3, 3, 60, None),
    Measured("BUN", 16, 0.4, 2, 7, 20),
    Measured("potassium", 4.2, 0.4, 4, 3.5, 5.1, normal=True),
    Measured("sodium", 139, 3, 4, 135, 145, normal=True),
    Measured("calcium", 9.3, 0.5, 1.5, 8.6, 10.3, normal=True),
    Measured("magnesium", 2, 0.12, 1, 1.6, 2.6),
    Measured("phosphate", 3.4, 0.2, 1, 2.5, 4.5),
    Measured("uric-acid", 5.6, 0.3, 0.6, 3.4, 7),
    Measured("glucose", 104, 0.3, 3, 70, 140),
    Measured("fasting-glucose", 98, 0.22, 1, 70, 100),
    Measured("HbA1c", 5.8, 0.16, 1.5, 4, 6),
    Measured("C-peptide", 2, 0.5, 0.05, 0.8, 3.9),
    Measured("total-cholesterol", 190, 0.22, 1.2, None, 200),
    Measured("LDL-cholesterol", 112, 0.3, 1.2, None, 130),
    Measured("HDL-cholesterol", 52, 0.25, 1.2, 40, None),
    Measured("triglycerides", 125, 0.5, 1.2, None, 150),
    Measured("amylase", 60, 0.35, 0.3, 28, 100),
    Measured("lipase", 32, 0.5, 0.4, 13, 60),
    Measured("ferritin", 95, 1, 0.7, 15, 300),
    Measured("transferrin-saturation", 26, 0.4, 0.3, 20, 50),
    Measured("CRP", 4, 1.3, 2, None, 5, detection=0.5),
    Measured("TSH", 1.9, 0.6, 1, 0.4, 4),
    Measured("BNP", 45, 0.9, 0.3, None, 100),
    Measured("NT-proBNP", 140, 1.2, 0.4, None, 300),
    Measured("troponin-T", 9, 0.9, 0.4, None, 14),
    Measured("LVEF", 58, 8, 0.3, 55, 70, normal=True),
    Measured("QTcF", 415, 22, 0.3, 350, 450, normal=True),
    Measured("IgG", 11, 0.3, 0.15, 7, 16),
    Measured("C3", 1.2, 0.25, 0.15, 0.9, 1.8),
    Measured("C4", 0.28, 0.35, 0.15, 0.1, 0.4),
    Measured("anti-dsDNA", 9, 1.1, 0.1, None, 30),
    Measured("UPCR", 0.12, 0.9, 0.4, None, 0.2),
    Measured("UACR", 0.012, 1.3, 0.5, None, 0.03),
    Measured("SBP", 128, 0.13, 6, 90, 140),
    Measured("DBP", 77, 0.13, 6, 60, 90),
    Measured("heart-rate", 76, 0.17, 4, 60, 100),
    Measured("SpO2", 97, 1.3, 2, 94, 100, normal=True),
    Measured("temperature", 36.8, 0.4, 2, 36, 37.5, normal=True),
    Measured("weight", 78, 0.22, 3),
    Measured("height", 169, 9.5, 1.5, normal=True),
    Measured("ECOG", 0.8, 0.8, 0.2, normal=True),
    Measured("six-minute-walk-distance", 420, 0.3, 0.05),
    Measured("NYHA", 1.6, 0.7, 0.1, normal=True),
    Measured("HBV-DNA", 900, 3, 0.08, detection=10),
    Measured("HCV-RNA", 4000, 3, 0.08, detection=15),
    Measured("HIV-RNA", 60, 2, 0.08, detection=20),
    Measured("CMV-DNA", 40, 2, 0.05, detection=30),
)

TESTED: Final = (
    Tested("HBsAg", 0.01, 0.4),
    Tested("HBcAb", 0.06, 0.3),
    Tested("HCV-Ab", 0.015, 0.4),
    Tested("HIV-Ab", 0.004, 0.4),
    Tested("HTLV-Ab", 0.001, 0.05),
    Tested("syphilis-Ab", 0.01, 0.15),
    Tested("RPR", 0.005, 0.1),
    Tested("TB-test", 0.06, 0.15),
    Tested("ANA", 0.2, 0.15),
    Tested("anti-Sm", 0.03, 0.05),
    Tested("SARS-CoV-2-PCR", 0.06, 0.5),
    Tested("pregnancy-test", 0.03, 0.2),
)

WHOLE: Final = frozenset({"ECOG", "NYHA", "SBP", "DBP", "heart-rate", "SpO2", "height", "six-minute-walk-distance"})
"""Written as whole numbers, in the catalogue's unit."""

POSITIVE: Final = ("positive", "Positive", "POS", "reactive", "Reactive")
NEGATIVE: Final = ("negative", "Negative", "NEG", "non-reactive", "Non-Reactive")
"""How laboratories write a result, the first most often."""

UNMAPPED: Final = ("33037-3", "1863-0", "32623-1", "788-0", "785-6", "786-4")
"""LOINC codes of things that no catalogue here lists (anion gap, indices of red cells and platelets)."""
