"""The one place where a session asks the direct evaluator: for criteria whose facts repeat, for words and reports.

What Kleene's tables leave unknown although a fact is used twice, rules cannot tell; `engine.cases` tells the cases
apart. Everything else that a session says comes of its own gates.
"""

from __future__ import annotations

from datetime import date

from prescreen.candidate import Candidate
from prescreen.engine.cases import truth_of
from prescreen.engine.compile import CompiledCriterion
from prescreen.engine.screen import findings, report
from prescreen.engine.setting import Setting
from prescreen.language.model import Trial
from prescreen.ranges import Ranges
from prescreen.report.model import Report
from prescreen.truth import Truth


def exact(criterion: CompiledCriterion, setting: Setting, trial: Trial) -> Truth:
    """The truth of a criterion of which the gates know only that Kleene's tables leave it unknown."""
    return truth_of(criterion, setting, trial)


def words(criterion: CompiledCriterion, truth: Truth, setting: Setting, trial: Trial) -> tuple[str, ...]:
    """Why a criterion has its truth: the findings of the leaves that it rests on."""
    return findings(criterion, truth, setting, trial)


def full_report(trial: Trial, candidate: Candidate, on: date, ranges: Ranges | None) -> Report:
    """What `prescreen screen` says of the same facts."""
    return report(trial, candidate, on, ranges)
