"""The report of a screening. Renderers are imported by name (`prescreen.report.text`, `.markdown`, `.html`), so that
one output never pays for the libraries of another."""

from prescreen.issues import Issue
from prescreen.report.model import (
    CriterionReport,
    Evidence,
    Explanation,
    Missing,
    NextFact,
    Report,
    Status,
    Verdict,
)

__all__ = [
    "CriterionReport",
    "Evidence",
    "Explanation",
    "Issue",
    "Missing",
    "NextFact",
    "Report",
    "Status",
    "Verdict",
]
