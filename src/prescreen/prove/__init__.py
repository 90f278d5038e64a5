"""Trials for a solver: what no candidate can do, and candidates who show what some can.

The only package that knows z3, which `pip install "prescreen[prove]"` brings; import it where it is needed.
"""

from __future__ import annotations

from prescreen.problems import InputRefused, Problem

try:
    import z3 as _z3  # noqa: F401
except ImportError:
    message, hint = "proofs need the solver z3, which is not installed", 'pip install "prescreen[prove]"'
    raise InputRefused([Problem("no-solver", message, hint=hint)]) from None

from prescreen.prove.model import SCREENED_ON, Model, Status, Undecided
from prescreen.prove.witness import Witness, find

__all__ = ["SCREENED_ON", "Model", "Status", "Undecided", "Witness", "find"]
