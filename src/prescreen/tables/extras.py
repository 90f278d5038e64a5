"""The libraries that cohorts need and nothing else does: the optional extra `cohort`, imported only when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from prescreen.problems import InputRefused, Problem


def require(*names: str) -> Any:
    """The first of some modules, all of them there. Raises InputRefused where one is not installed."""
    for name in reversed(names):
        try:
            found = import_module(name)
        except ImportError:
            message = f"cohort tables need {name}, which is not installed"
            hint = "install prescreen with its extra `cohort`: prescreen[cohort]"
            raise InputRefused([Problem("not-installed", message, hint=hint)]) from None
    return found
