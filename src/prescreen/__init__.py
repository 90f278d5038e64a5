"""Eligibility pre-screening for clinical trials: exact, three-valued, explained.

Names are imported from their modules when they are first used (PEP 562), so that a command pays only for what it
needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
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

_MODULES: Final = {
    "Candidate": "prescreen.candidate",
    "InputRefused": "prescreen.problems",
    "Report": "prescreen.report",
    "Truth": "prescreen.truth",
    "load_candidate": "prescreen.api",
    "load_ranges": "prescreen.ranges",
    "load_trial": "prescreen.language",
    "screen": "prescreen.api",
    "statuses": "prescreen.api",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(_MODULES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
