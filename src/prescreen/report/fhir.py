"""Reports as FHIR R4 GuidanceResponses: a verdict that may be open, and the data that would decide it.

Chosen over MeasureReport in docs/decisions/0025: that one counts populations, and has no place for what is not known.
The statuses of criteria are parameters, issues of the data an OperationOutcome, both contained.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from prescreen.report.model import CriterionReport, Report
from prescreen.report.words import clean

SYSTEM: Final = "urn:prescreen:fact"
"""The system of the names of facts, in what data are required."""
_REGISTRY: Final = re.compile(r"NCT[0-9]{8}")
_TYPES: Final = {
    "observation": "Observation",
    "condition": "Condition",
    "treatment": "MedicationStatement",
    "procedure": "Procedure",
    "allergy": "AllergyIntolerance",
    "answer": "QuestionnaireResponse",
    "birth_date": "Patient",
    "sex": "Patient",
}


def render(reports: Sequence[Report]) -> str:
    """One report: its GuidanceResponse. Several: a Bundle of them."""
    made = [guidance_response(report) for report in reports]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in made]}
    whole = made[0] if len(made) == 1 else bundle if made else {"resourceType": "Bundle", "type": "collection"}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def guidance_response(report: Report) -> dict[str, Any]:
    """A report as plain data of a GuidanceResponse. An open verdict is `data-required`."""
    contained: list[dict[str, Any]] = [
        {"resourceType": "Parameters", "id": "criteria", "parameter": _parameters(report)},
    ]
    response: dict[str, Any] = {
        "resourceType": "GuidanceResponse",
        "contained": contained,
        "moduleUri": _module(report.trial),
        "status": "data-required" if report.verdict == "undetermined" else "success",
        "subject": {"identifier": {"value": clean(report.candidate)}},
        "occurrenceDateTime": report.screening_date,
        "outputParameters": {"reference": "#criteria"},
    }
    if report.source_gaps:
        response["note"] = [{"text": clean(gap)} for gap in report.source_gaps]
    if report.issues:
        issue = [
            {
                "severity": "warning",
                "code": "incomplete",
                "details": {"text": clean(each.message)},
                "diagnostics": each.code,
                **({"expression": [clean(each.path)]} if each.path else {}),
            }
            for each in report.issues
        ]
        contained.append({"resourceType": "OperationOutcome", "id": "issues", "issue": issue})
        response["evaluationMessage"] = [{"reference": "#issues"}]
    if report.verdict == "undetermined" and report.questions:
        response["dataRequirement"] = [_requirement(each.fact) for each in report.questions]
    return response


def _module(trial: str) -> str:
    if _REGISTRY.fullmatch(trial):
        return f"https://clinicaltrials.gov/study/{trial}"
    return f"urn:prescreen:trial:{trial}"


def _requirement(fact: str) -> dict[str, Any]:
    kind, _, name = fact.partition(":")
    code = {"system": SYSTEM, "code": clean(fact), "display": clean(name or kind)}
    return {"type": _TYPES.get(kind, "Basic"), "codeFilter": [{"path": "code", "code": [code]}]}


def _parameters(report: Report) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": "verdict", "valueCode": report.verdict},
        {"name": "trial", "valueString": clean(report.trial)},
        {"name": "rules-sha256", "valueString": report.rules_sha256},
        {"name": "catalogue-sha256", "valueString": report.catalogue_sha256},
    ]
    if report.ranges_sha256 is not None:
        found.append({"name": "ranges-sha256", "valueString": report.ranges_sha256})
    found += [
        {
            "name": "cohort",
            "part": [{"name": "id", "valueString": clean(name)}, {"name": "verdict", "valueCode": verdict}],
        }
        for name, verdict in report.cohorts.items()
    ]
    if report.rescreen_on is not None:
        found.append({"name": "rescreen-on", "valueDate": report.rescreen_on})
    return found + [{"name": "criterion", "part": _parts(criterion)} for criterion in report.criteria]


def _parts(criterion: CriterionReport) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [
        {"name": "id", "valueString": clean(criterion.id)},
        {"name": "kind", "valueCode": criterion.kind},
        {"name": "status", "valueCode": criterion.status},
    ]
    if criterion.condition is not None:  # an unknown truth has no value
        parts.append({"name": "condition", "valueBoolean": criterion.condition})
    texts = (("text", criterion.text), ("finding", criterion.headline))
    parts += [{"name": name, "valueString": clean(text)} for name, text in texts if text.strip()]
    parts += [{"name": "deciding", "valueString": clean(fact)} for fact in criterion.deciding]
    parts += [{"name": "missing", "valueString": clean(fact)} for fact in criterion.missing]
    if criterion.turns_on is not None:
        parts.append({"name": "turns-on", "valueDate": criterion.turns_on})
    return parts
