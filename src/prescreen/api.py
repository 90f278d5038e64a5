"""What programs use: load a candidate, screen it (contract §5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from prescreen.candidate.checks import check_against_day
from prescreen.candidate.facts import Candidate
from prescreen.candidate.structure import quoted
from prescreen.catalogue import Catalogue, bundled_catalogue
from prescreen.engine import screen as engine
from prescreen.intake import candidates_of, parse
from prescreen.language.model import Trial
from prescreen.problems import InputRefused, Problem
from prescreen.ranges import Ranges, load_ranges
from prescreen.report.model import Report, Status

if TYPE_CHECKING:
    from prescreen.tables import Tables

_FIRST: Final = date(1900, 1, 1)
_LAST: Final = date(2999, 12, 31)


def load_candidate(source: str | Path | Mapping[str, Any], *, catalogue: Catalogue | None = None) -> Candidate:
    """A candidate from a JSON file with one object or FHIR R4 Bundle, or from a dict of the same shape (contract §2).

    catalogue: knows the names of codes; the bundled one by default, a trial's own is `trial.catalogue`. Raises
    InputRefused with every problem.
    """
    if not isinstance(source, str | Path | Mapping):
        raise TypeError(f"a candidate is the path of a JSON file, or a dict of its shape; not {type(source).__name__}")
    known = catalogue or bundled_catalogue()
    named = None if isinstance(source, Mapping) else str(source)
    found: list[Candidate] = []
    for item in parse(source, known) if isinstance(source, Mapping) else candidates_of(str(source), known):
        if isinstance(item, InputRefused):
            raise item
        found.append(item)
        if len(found) > 1:
            message = "holds several candidates; expected one"
            raise InputRefused([Problem("several-candidates", message, file=named)])
    return found[0]


def screen(
    trial: Trial, candidate: Candidate | Mapping[str, Any], on: date, ranges: Ranges | str | Path | None = None
) -> Report:
    """Screen a candidate for a trial on a day: the report with every criterion's status and why.

    ranges: a site's table of reference ranges, or the path of its CSV. Pure: the same input gives the same
    report, on any thread. Raises InputRefused for a candidate that is none, or born after the day.
    """
    known = _known(trial, candidate, on)
    return engine.report(trial, known, on, _table(trial, ranges))


def explain(trial: Trial, tables: Tables, identity: str, on: date, ranges: Ranges | str | Path | None = None) -> Report:
    """The report of one candidate of a cohort, from its rows: that of `screen` on the same facts.

    Rows that cannot be read are among the report's issues. Raises InputRefused where no table names the candidate.
    """
    read = tables.read(identity, trial.catalogue, on.toordinal())
    if read is None:
        near = tables.nearest(identity)
        hint = f"did you mean {' or '.join(f'`{each}`' for each in near)}?" if near else None
        message = f"no table names a candidate {quoted(identity)}"
        raise InputRefused([Problem("unknown-candidate", message, file=str(tables.path), hint=hint)])
    return screen(trial, read.candidate, on, ranges)


def statuses(
    trial: Trial, candidate: Candidate | Mapping[str, Any], on: date, ranges: Ranges | str | Path | None = None
) -> dict[str, Status]:
    """The status of each criterion by id, without explanations: the same as in the report, sooner."""
    known = _known(trial, candidate, on)
    return engine.statuses(trial, known, on, _table(trial, ranges))


def _known(trial: Trial, candidate: Candidate | Mapping[str, Any], on: date) -> Candidate:
    if not isinstance(candidate, Candidate):
        candidate = load_candidate(candidate, catalogue=trial.catalogue)
    if not _FIRST <= on <= _LAST:
        message = f"the screening day {on.isoformat()} lies outside {_FIRST.isoformat()} to {_LAST.isoformat()}"
        raise InputRefused([Problem("screening-day", message)])
    problems = check_against_day(candidate.profile, on.toordinal())
    if problems:
        raise InputRefused(problems)
    return candidate


def _table(trial: Trial, ranges: Ranges | str | Path | None) -> Ranges | None:
    return load_ranges(ranges, trial.catalogue) if isinstance(ranges, str | Path) else ranges
