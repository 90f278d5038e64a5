"""Candidates that the tests share."""

from __future__ import annotations

from typing import Any


def full() -> dict[str, Any]:
    """A candidate with every kind of record."""
    return {
        "id": "C-001",
        "birth_date": "1984-07",
        "age": {"value": 41, "on": "2026-05-20"},
        "sex": "female",
        "observations": [
            {
                "id": "o1",
                "code": "ALT",
                "value": 92,
                "unit": "U/L",
                "reference_range": {"low": 5, "high": 40},
                "date": "2026-05-20",
                "source": "lab report 17",
            },
            {
                "code": {"system": "http://loinc.org", "code": "1975-2"},
                "value": 17.1,
                "unit": "umol/L",
                "reference_range": {"high": 1.2, "unit": "mg/dL"},
                "date": "2026-05-20",
            },
            {"code": "HBV-DNA", "value": "<20", "unit": "[IU]/mL", "detection_limit": 20, "date": "2026-05-20"},
            {"code": "HBsAg", "value": "negative", "date": "2026-05-20T08:30"},
            {"code": "creatinine", "value": None},
        ],
        "conditions": [
            {
                "code": "lupus-nephritis",
                "onset": "2021",
                "abatement": None,
                "status": "active",
                "verification": "confirmed",
            }
        ],
        "treatments": [
            {
                "code": "rituximab",
                "start": "2025-01",
                "end": "2025-03-10",
                "status": "completed",
                "dose": {"value": 1000, "unit": "mg"},
                "route": "intravenous",
                "for": "lupus-nephritis",
                "outcome": "relapsed",
            }
        ],
        "procedures": [{"code": "major-surgery", "date": "2026", "status": "completed"}],
        "allergies": [{"code": {"system": "snomed", "code": "102263004"}, "severity": "severe"}],
        "answers": {"informed-consent": True, "NCT07535138:hbv-prophylaxis-planned": False, "arm": "left"},
        "anchors": {"enrolment": "2026-06-10"},
        "complete": {"procedures": {"through": "2026-05-31", "systems": ["snomed"]}, "conditions": True},
    }
