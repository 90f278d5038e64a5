"""Candidates: their profile as JSON, checked, and its facts made ready to be compared."""

from prescreen.candidate.facts import Candidate

__all__ = ["Candidate"]
