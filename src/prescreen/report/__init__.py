"""The report of a screening. Renderers are imported by name (`prescreen.report.text`, `.markdown`, `.html`), so that
one output never pays for the libraries of another."""

from prescreen.report.model import (
    CriterionReport,
    Evidence,
    Explanation,
    Issue,
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
