"""Eligibility pre-screening for clinical trials: exact, three-valued, explained."""

from prescreen.api import load_candidate, screen, statuses
from prescreen.candidate import Candidate
from prescreen.language import load_trial
from prescreen.problems import InputRefused
from prescreen.ranges import load_ranges
from prescreen.report import Report
from prescreen.truth import Truth

__version__ = "0.1.0"

__all__ = [
    "Candidate",
    "InputRefused",
    "Report",
    "Truth",
    "load_candidate",
    "load_ranges",
    "load_trial",
    "screen",
    "statuses",
]
