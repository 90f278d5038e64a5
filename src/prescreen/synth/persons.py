"""Who is in a synthetic cohort: a general population in care, and groups with the diseases that trials look for.

The prevalences are round numbers of the right order, not estimates from data. Everything of the catalogue that no table
here names is drawn too, seldom.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from prescreen.catalogue import Domain


@dataclass(frozen=True, slots=True)
class Group:
    """Persons of one kind. share: of the cohort. ages: from, to, in years. female: share of women. records: by domain,
    the chance of each concept. results: median and spread of measured quantities where they differ. trial: the trial
    that those of them are prepared for who are worked up; anchors: its days, counted from the screening day."""

    name: str
    share: float
    ages: tuple[float, float] = (18, 95)
    female: float = 0.52
    records: Mapping[Domain, Mapping[str, float]] = field(default_factory=dict)
    results: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    trial: str | None = None
    anchors: Mapping[str, tuple[int, int]] = field(default_factory=dict)


WORKED_UP: Final = 0.3
"""The share of each group that is prepared for its trial: recent results of all kinds, complete lists, answers."""

GROUPS: Final = (
    Group("in care", 0.80, (0.2, 95)),
    Group(
        "type 1 diabetes", 0.03, (12, 70), 0.48,
        {"conditions": {"diabetes-type-1": 1}, "treatments": {"insulin": 0.97}},
        {"C-peptide": (0.25, 0.8), "HbA1c": (7.5, 0.14), "glucose": (165, 0.35)},
        "NCT05689424",
    ),
    Group(
        "heart failure", 0.05, (45, 92), 0.45,
        {
            "conditions": {"chronic-heart-failure": 0.85, "heart-failure": 0.15, "atrial-fibrillation": 0.3,
                           "iron-deficiency-anaemia": 0.35, "hypertension": 0.5},
            "treatments": {"bisoprolol": 0.6, "furosemide": 0.6, "ramipril": 0.4, "spironolactone": 0.3},
        },
        {"LVEF": (38, 8), "NYHA": (2.4, 0.6), "six-minute-walk-distance": (290, 0.35), "haemoglobin": (11.6, 1.2),
         "ferritin": (75, 0.7), "transferrin-saturation": (17, 0.35), "NT-proBNP": (1500, 0.9), "eGFR": (55, 0.3)},
        "NCT05697211", {"inclusion": (0, 7), "first_dose": (7, 21)},
    ),
    Group(
        "kidney disease of diabetes", 0.04, (35, 85), 0.42,
        {
            "conditions": {"diabetes-type-2": 1, "diabetic-kidney-disease": 0.9, "hypertension": 0.7},
            "treatments": {"losartan": 0.5, "ramipril": 0.45, "metformin": 0.7, "empagliflozin": 0.4},
        },
        {"UACR": (0.6, 0.6), "eGFR": (60, 0.25), "HbA1c": (7.4, 0.15), "BNP": (60, 0.6), "albumin": (3.8, 0.35)},
        "NCT05687890", {"randomisation": (3, 21)},
    ),
    Group(
        "IgA nephropathy", 0.015, (16, 75), 0.45,
        {"conditions": {"IgA-nephropathy": 1}, "treatments": {"ramipril": 0.5, "losartan": 0.45, "prednisone": 0.15},
         "procedures": {"renal-biopsy": 0.9}},
        {"UPCR": (1.1, 0.5), "eGFR": (62, 0.3), "BNP": (40, 0.6), "HbA1c": (5.4, 0.06)},
        "NCT05687890", {"randomisation": (3, 21)},
    ),
    Group(
        "autoimmune nephropathy", 0.02, (12, 75), 0.75,
        {"conditions": {"lupus-nephritis": 0.7, "SLE": 0.6, "membranous-nephropathy": 0.25},
         "treatments": {"mycophenolate": 0.6, "hydroxychloroquine": 0.6, "prednisone": 0.6, "rituximab": 0.2,
                        "cyclophosphamide": 0.15},
         "procedures": {"renal-biopsy": 0.8}},
        {"UPCR": (1.6, 0.7), "anti-dsDNA": (70, 1), "C3": (0.8, 0.3), "albumin": (3.4, 0.5),
         "haemoglobin": (11.6, 1.5)},
        "NCT07535138", {"enrolment": (1, 14), "lymphodepletion": (10, 30)},
    ),
    Group(
        "kidney transplant", 0.012, (18, 78), 0.4,
        {"conditions": {"chronic-kidney-disease": 0.7, "hypertension": 0.7},
         "treatments": {"tacrolimus": 0.9, "mycophenolate": 0.85, "prednisone": 0.8},
         "procedures": {"kidney-transplant": 1}},
        {"fasting-glucose": (150, 0.25), "eGFR": (48, 0.35)},
        "NCT05702931", {"transplantation": (-30, -16)},
    ),
    Group(
        "HIV", 0.012, (18, 75), 0.25,
        {"conditions": {"HIV-infection": 1}, "treatments": {"antiretroviral-therapy": 0.95}},
        {"HIV-RNA": (60, 1.6), "CD4-count": (620, 0.4)},
        "NCT05700630", {"consent": (0, 3), "enrolment": (1, 10), "first_dose": (10, 30)},
    ),
    Group(
        "beta-thalassaemia", 0.006, (8, 60), 0.5,
        {"conditions": {"beta-thalassaemia": 1, "iron-overload": 0.6}, "treatments": {"deferasirox": 0.8},
         "procedures": {"red-cell-transfusion": 0.95}},
        {"ferritin": (1600, 0.6), "haemoglobin": (9.4, 1)},
        "NCT05693909", {"baseline": (5, 20)},
    ),
    Group(
        "infants", 0.015, (0.3, 2.2), 0.49, {}, {"weight": (10, 0.15), "height": (78, 6)},
        "NCT05687279", {"enrolment": (0, 7), "vaccination": (3, 14)},
    ),
)  # fmt: skip

GENERAL: Final[dict[Domain, dict[str, float]]] = {
    "conditions": {
        "hypertension": 0.24, "hyperlipidaemia": 0.2, "diabetes-type-2": 0.09, "obesity": 0.12, "depression": 0.08,
        "anxiety-disorder": 0.06, "asthma": 0.06, "COPD": 0.05, "coronary-artery-disease": 0.05,
        "atrial-fibrillation": 0.03, "heart-failure": 0.015, "CKD-stage-3": 0.03, "hypothyroidism": 0.05,
        "osteoarthritis": 0.1, "osteoporosis": 0.04, "breast-cancer": 0.01, "prostate-cancer": 0.008,
        "colorectal-cancer": 0.005, "lung-cancer": 0.004, "melanoma-of-skin": 0.003, "basal-cell-carcinoma": 0.012,
        "stroke": 0.02, "TIA": 0.01, "myocardial-infarction": 0.02, "urinary-tract-infection": 0.03,
        "pneumonia": 0.02, "COVID-19": 0.05, "influenza": 0.02, "cellulitis": 0.01, "pregnancy": 0.02,
        "tobacco-use": 0.12, "alcohol-abuse": 0.03, "drug-abuse": 0.01, "HIV-infection": 0.002, "hepatitis-B": 0.004,
        "hepatitis-C": 0.005, "active-tuberculosis": 0.0008, "migraine": 0.05, "epilepsy": 0.01,
        "rheumatoid-arthritis": 0.01, "SLE": 0.002, "psoriasis": 0.02, "ulcerative-colitis": 0.003,
        "Crohn-disease": 0.002, "anaemia": 0.03, "iron-deficiency-anaemia": 0.03, "gout": 0.03,
        "acute-pancreatitis": 0.003, "cirrhosis": 0.004, "NAFLD": 0.04, "sleep-apnoea": 0.04, "postmenopausal": 0.1,
        "valvular-heart-disease": 0.02, "peripheral-neuropathy": 0.02, "oedema": 0.02, "acute-kidney-injury": 0.01,
    },
    "treatments": {
        "lisinopril": 0.1, "losartan": 0.06, "amlodipine": 0.09, "metformin": 0.07, "atorvastatin": 0.17,
        "levothyroxine": 0.05, "prednisone": 0.04, "methylprednisolone": 0.01, "ibuprofen": 0.08, "aspirin": 0.1,
        "amoxicillin": 0.06, "ciprofloxacin": 0.02, "metoprolol": 0.08, "furosemide": 0.04, "insulin": 0.02,
        "empagliflozin": 0.02, "semaglutide": 0.02, "apixaban": 0.03, "SSRI": 0.08, "influenza-vaccine": 0.3,
        "COVID-19-vaccine": 0.2, "methotrexate": 0.01, "adalimumab": 0.006, "rituximab": 0.003, "iron-oral": 0.03,
        "iron-IV": 0.006, "oral-contraceptive": 0.03, "bisphosphonate": 0.02, "enoxaparin": 0.02,
        "investigational-drug": 0.002, "paclitaxel": 0.004, "cisplatin": 0.003, "pembrolizumab": 0.003,
    },
    "procedures": {
        "cataract-surgery": 0.03, "appendectomy": 0.03, "cholecystectomy": 0.03, "hysterectomy": 0.02,
        "hip-replacement": 0.02, "knee-replacement": 0.02, "coronary-bypass": 0.008, "PCI": 0.02, "colonoscopy": 0.1,
        "red-cell-transfusion": 0.02, "haemodialysis": 0.003, "echocardiography": 0.05, "CT": 0.1, "MRI": 0.06,
        "tumour-resection": 0.01, "caesarean-section": 0.01, "tubal-ligation": 0.005, "hospitalisation": 0.12,
        "pacemaker-implantation": 0.008,
    },
    "allergies": {
        "penicillin": 0.06, "sulfonamide": 0.03, "NSAID": 0.02, "iodinated-contrast": 0.01, "latex": 0.008,
        "peanut": 0.008, "seafood": 0.01, "cephalosporin": 0.008, "egg": 0.004, "albumin": 0.0005,
    },
}  # fmt: skip

SELDOM: Final = 0.0003
"""The chance of everything else that the catalogue names, but for what ends a person's list of possibilities."""

OF_WOMEN: Final = frozenset(
    {"pregnancy", "breastfeeding", "postmenopausal", "gestational-diabetes", "hysterectomy", "tubal-ligation",
     "bilateral-oophorectomy", "oophorectomy", "caesarean-section", "ovarian-cancer", "endometrial-cancer",
     "cervical-cancer", "cervical-carcinoma-in-situ", "uterine-cancer", "absence-of-uterus", "uterine-agenesis",
     "oral-contraceptive"}
)  # fmt: skip
OF_MEN: Final = frozenset(
    {"prostate-cancer", "testicular-cancer", "vasectomy", "history-of-prostate-cancer", "past-prostate-cancer"}
)
AGES: Final = {
    "postmenopausal": (50, 120), "pregnancy": (16, 46), "breastfeeding": (16, 47), "gestational-diabetes": (16, 46),
    "prostate-cancer": (45, 120), "osteoporosis": (45, 120), "oral-contraceptive": (15, 50),
    "cataract-surgery": (50, 120),
    "Alzheimer-disease": (60, 120), "dementia": (55, 120), "hypertension": (25, 120), "tobacco-use": (15, 120),
    "alcohol-abuse": (16, 120), "coronary-artery-disease": (35, 120), "myocardial-infarction": (35, 120),
}  # fmt: skip
PASSING: Final = frozenset(
    {"urinary-tract-infection", "pneumonia", "COVID-19", "influenza", "cellulitis", "pregnancy", "acute-pancreatitis",
     "acute-kidney-injury", "active-tuberculosis", "sepsis", "pharyngitis", "acute-febrile-illness", "bleeding"}
)  # fmt: skip
"""Conditions that end; the others last, but for cancers, which may be in remission."""
SHORT: Final = frozenset(
    {"amoxicillin", "ciprofloxacin", "ibuprofen", "enoxaparin", "methylprednisolone", "paclitaxel", "cisplatin",
     "cyclophosphamide", "rituximab", "iron-IV", "clarithromycin", "nitrofurantoin", "investigational-drug"}
)  # fmt: skip
"""Treatments that are mostly over; the others mostly go on."""
DAILY_MG: Final[dict[str, tuple[float, ...]]] = {
    "prednisone": (5, 10, 20, 40),
    "prednisolone": (5, 10, 20),
    "methylprednisolone": (8, 16, 500),
}
DOSE_MG: Final[dict[str, tuple[float, ...]]] = {
    "rituximab": (375, 500, 1000),
    "metformin": (500, 850, 1000),
    "ramipril": (2.5, 5, 10),
    "losartan": (50, 100),
    "lisinopril": (5, 10, 20),
    "atorvastatin": (10, 20, 40),
}
PREPARED: Final = frozenset(
    {"haemoglobin", "platelets", "ALT", "AST", "ALP", "total-bilirubin", "albumin", "creatinine", "potassium", "SBP",
     "DBP", "weight", "height", "HbA1c", "HBsAg", "HBcAb", "HCV-Ab", "HIV-Ab", "HTLV-Ab", "syphilis-Ab", "CMV-DNA",
     "pregnancy-test", "amylase", "eGFR", "HBV-DNA", "HCV-RNA", "HIV-RNA", "BNP", "neutrophils", "lymphocytes"}
)  # fmt: skip
"""What is measured anew of whoever is worked up, besides what is particular to the group."""
