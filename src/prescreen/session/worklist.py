"""Work lists: whom to turn to next (who lacks one fact, who has to be screened again and when, who has dropped out)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from io import StringIO
from itertools import islice
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from prescreen.language.model import Trial
from prescreen.report.model import CriterionReport, Report
from prescreen.report.words import clean
from prescreen.session.session import Session

_PAGE: Final = 500  # candidates

NEW: Final = timedelta(days=7)
"""For how long an ineligible candidate is new."""


@dataclass(frozen=True, slots=True)
class OneFact:
    """A candidate whom one fact parts from a decision.

    settles: the criteria that are still open, all of which the fact can settle. complete: the verdict would be decided;
    False where the rule file's source breaks off, so that only the criteria on file would be.
    """

    candidate: str
    trial: str
    fact: str
    ask: str
    question: str
    settles: tuple[str, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Again:
    """A candidate to be screened again: from `on` on nothing is failed any more, or something met is so no longer.

    verdict: the present one. turns: the criteria that turn by then, with what they become and how they stand now.
    """

    candidate: str
    trial: str
    on: str
    verdict: str
    turns: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A candidate who has become ineligible of late: since which day, and why."""

    candidate: str
    trial: str
    since: str
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkList:
    """What there is to do in a session on its day. candidates: how many there are."""

    day: str
    trials: tuple[str, ...]
    candidates: int
    one_fact: tuple[OneFact, ...]
    again: tuple[Again, ...]
    dropped: tuple[Dropped, ...]

    def as_json(self) -> str:
        """A work list as JSON."""
        return json.dumps({"schema": "prescreen/worklist/1", **asdict(self)}, ensure_ascii=False, indent=2) + "\n"

    def as_text(self, *, width: int = 100, colour: bool = False) -> str:
        """A work list for people, in lines of at most `width` cells."""
        out = StringIO()
        console = Console(
            file=out,
            width=width,
            force_terminal=colour,
            no_color=not colour,
            markup=False,
            highlight=False,
            _environ={},
        )
        several = len(self.trials) > 1
        people = "1 candidate" if self.candidates == 1 else f"{self.candidates} candidates"
        console.print(f"{', '.join(self.trials)}  {people} on {self.day}")
        one = [[each.candidate, each.trial, each.ask, _asked(each)] for each in self.one_fact]
        _section(console, "One fact from a decision", one, several)
        again = [[each.candidate, each.trial, each.on, _turns(each)] for each in self.again]
        _section(console, "To be screened again", again, several)
        dropped = [[each.candidate, each.trial, each.since, "; ".join(each.because)] for each in self.dropped]
        _section(console, "Newly ineligible", dropped, several)
        return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())


def worklist(session: Session, since: date | None = None) -> WorkList:
    """What there is to do. since: from which day on an ineligible candidate is new; by default the last seven days."""
    one_fact: list[OneFact] = []
    again: list[Again] = []
    dropped: list[Dropped] = []
    candidates = 0
    maker = f"worklist of {_release()}"
    for trial in session.trials:
        outlooks = session.made_of_reports(partial(_outlook, trial), maker, trial.id)
        candidates = 0
        while page := list(islice(outlooks, _PAGE)):
            candidates += len(page)
            ineligible: dict[str, date] = {}
            for candidate, text in page:
                if text:
                    outlook = json.loads(text)
                    one_fact += [OneFact(**{**each, "settles": tuple(each["settles"])}) for each in outlook["one"]]
                    again += [Again(**{**each, "turns": tuple(map(tuple, each["turns"]))}) for each in outlook["again"]]
                    if outlook["verdict"] == "ineligible":
                        ineligible[candidate] = date.fromisoformat(outlook["day"])
            for candidate, change in session.verdict_changes(list(ineligible), trial.id).items():
                when = date.fromordinal(change.day)
                if when >= (ineligible[candidate] - NEW if since is None else since):
                    dropped.append(Dropped(candidate, trial.id, when.isoformat(), change.because))
    again.sort(key=lambda each: (each.on, each.candidate, each.trial))
    dropped.sort(key=lambda each: (each.since, each.candidate, each.trial), reverse=True)
    trials = tuple(trial.id for trial in session.trials)
    return WorkList(session.day.isoformat(), trials, candidates, tuple(one_fact), tuple(again), tuple(dropped))


def _release() -> str:
    """The release of prescreen, since another one may see a report otherwise."""
    try:
        return version("prescreen")
    except PackageNotFoundError:
        return "unknown release"


def _outlook(trial: Trial, report: Report) -> str:
    """What a work list says of a candidate, as text that can be kept."""
    made = {
        "verdict": report.verdict,
        "day": report.screening_date,
        "one": [asdict(each) for each in _one_fact(report, trial)],
        "again": [asdict(each) for each in _again(report)],
    }
    return json.dumps(made, ensure_ascii=False)


def _one_fact(report: Report, trial: Trial) -> Iterator[OneFact]:
    """The fact that alone can settle all that is open, in a cohort in which nothing is failed."""
    if report.verdict == "ineligible":
        return
    cohorts: list[str | None] = [each.id for each in trial.cohorts if report.cohorts[each.id] == "undetermined"]
    for cohort in cohorts or [None]:
        wanted = {each.id for each in report.criteria if each.status == "undetermined" and _is_of(each, cohort)}
        for fact in report.next_facts:
            if wanted and len(fact.facts) == 1 and wanted <= set(fact.settles):
                settles = tuple(each.id for each in report.criteria if each.id in wanted)
                yield OneFact(
                    report.candidate, report.trial, fact.fact, fact.ask, fact.question, settles, trial.complete
                )
                return


def _is_of(criterion: CriterionReport, cohort: str | None) -> bool:
    return cohort is None or not criterion.cohorts or cohort in criterion.cohorts


def _again(report: Report) -> Iterator[Again]:
    if report.verdict == "ineligible":
        if report.rescreen_on is not None:
            failed = [each for each in report.criteria if each.status == "failed"]
            turns = tuple((each.id, each.turns_to or "undetermined", each.headline) for each in failed)
            yield Again(report.candidate, report.trial, report.rescreen_on, report.verdict, turns)
        return
    met = [each for each in report.criteria if each.status == "met" and each.turns_on is not None]
    if met:
        day = min(each.turns_on for each in met if each.turns_on is not None)
        turns = tuple((each.id, each.turns_to or "undetermined", each.headline) for each in met if each.turns_on == day)
        yield Again(report.candidate, report.trial, day, report.verdict, turns)


def _turns(each: Again) -> str:
    """What turns, in words: one criterion with how it stands now, several by what they become."""
    if len(each.turns) == 1:
        criterion, becomes, now = each.turns[0]
        return f"{criterion} turns {becomes}; now: {now}"
    by_status: dict[str, list[str]] = {}
    for criterion, becomes, _ in each.turns:
        by_status.setdefault(becomes, []).append(criterion)
    return "; ".join(f"{', '.join(criteria)} turn {becomes}" for becomes, criteria in by_status.items())


def _asked(each: OneFact) -> str:
    rest = "" if each.complete else "; the rule file's source is incomplete"
    return f"{each.question} (settles {', '.join(each.settles)}{rest})"


def _section(console: Console, title: str, rows: list[list[str]], several: bool) -> None:
    console.print()
    console.print(Text(f"{title} ({len(rows)})", "bold"))
    if not rows:
        console.print("  nobody")
        return
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(4 if several else 3):
        table.add_column(max_width=24)
    table.add_column(ratio=1)
    for candidate, trial, when, why in rows:
        cells = [candidate, trial, when, why] if several else [candidate, when, why]
        table.add_row("", *(Text(clean(cell)) for cell in cells))
    console.print(table)
