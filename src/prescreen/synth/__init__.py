"""Synthetic cohorts: realistic tables in which no person is, for tests, benchmarks and demonstrations."""

from prescreen.synth.cohort import DEFAULT_DAY, USUAL, synthesise
from prescreen.synth.drawing import Shares

__all__ = ["DEFAULT_DAY", "USUAL", "Shares", "synthesise"]
