"""Whole cohorts: statuses, verdicts and the attrition funnel of millions of candidates, from long tables.

Criteria are walked once, over a small algebra (`algebra`) that two backends implement: numpy arrays for one machine,
SQL for Spark. What columns do not decide is decided by the direct evaluator (`fallback`).
"""

from prescreen.cohort.plan import Plan, make_plan
from prescreen.cohort.run import Options, Summary, run_cohort
from prescreen.cohort.vary import read_changes
from prescreen.cohort.whole import DisagreementError

__all__ = ["DisagreementError", "Options", "Plan", "Summary", "make_plan", "read_changes", "run_cohort"]
