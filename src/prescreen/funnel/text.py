"""The funnel for a terminal: one aligned table for each cohort of each trial, and what changes would do.

Nothing that a rule file says can steer the terminal: every text is cleaned, and rich's markup is never parsed.
"""

from __future__ import annotations

from io import StringIO
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from prescreen.funnel import words
from prescreen.funnel.model import CohortFunnel, Funnel, TrialFunnel
from prescreen.report.words import clean

_NARROWEST: Final = 60
_BARS: Final = ((120, 24), (88, 14))  # from so many columns on, with a bar of so many and the criterion's text
_GAP: Final = 3  # columns between two of a table
_WIDEST_SHARE: Final = "> 99.9 %"
_LEGEND: Final = (
    "━ all met so far, ╌ none failed and something not known. Excluded alone: fail it and nothing else. "
    "Open alone: it is not known, and all else is met."
)
_STYLE: Final = {"eligible": "green", "undetermined": "yellow", "ineligible": "red"}


def render(funnel: Funnel, *, colour: bool = False, width: int = 100) -> str:
    """All trials of a funnel, in lines of at most `width` terminal cells (at least 60), ending in a line end."""
    console = Console(
        file=StringIO(),
        width=max(_NARROWEST, width),
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    for place, trial in enumerate(funnel.trials):
        if place:
            console.print()
        _trial(console, funnel, trial)
    if funnel.issues:
        console.print(f"\n{words.number(funnel.issues)} rows could not be read as they are; issues.parquet lists them.")
    assert isinstance(console.file, StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


def _trial(console: Console, funnel: Funnel, trial: TrialFunnel) -> None:
    total = funnel.candidates
    console.print(
        Text.assemble(
            (clean(trial.trial), "bold"), f"  {words.number(total)} candidates on {clean(funnel.screening_date)}"
        )
    )
    console.print(Text(clean(trial.title)))
    for sentence in words.in_short(trial, total):
        console.print(_hanging("- ", Text(sentence)))
    for cohort in trial.protocols[0].cohorts:
        console.print()
        if cohort.cohort is not None:
            console.print(Text(words.cohort_name(cohort), "bold"))
        console.print(_attrition(cohort, total, console.width))
        console.print(Text(_LEGEND, "dim"))
        if facts := words.waiting(cohort):
            console.print()
            console.print(_facts(facts))
            if more := words.more_waiting(cohort):
                console.print(Text(more, "dim"))
    if len(trial.protocols) > 1:
        console.print()
        console.print(_what_if(trial, total))


def _hanging(mark: str, text: Text) -> RenderableType:
    grid = Table.grid(padding=0)
    grid.add_column(no_wrap=True)
    grid.add_column()
    grid.add_row(Text(mark), text)
    return grid


def _table() -> Table:
    return Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1), header_style="bold", show_edge=False)


def _attrition(cohort: CohortFunnel, total: int, width: int) -> Table:
    bar = next((length for least, length in _BARS if width >= least), 0)
    counted = max(len(words.number(total)), len("excluded"))
    fixed = [counted] * 4 + [len(_WIDEST_SHARE)] + ([bar] if bar else [])
    taken = sum(width + _GAP for width in fixed)
    table = _table()
    table.add_column("\ncriterion", width=width - taken, no_wrap=True, overflow="ellipsis")
    if bar:
        table.add_column("\nleft of all", width=bar, no_wrap=True)
    table.add_column("\nleft", width=counted, justify="right")
    table.add_column("", width=len(_WIDEST_SHARE), justify="right", no_wrap=True)
    for title in ("excluded\nhere", "excluded\nalone", "open\nalone"):
        table.add_column(title, width=counted, justify="right")
    table.add_row(
        Text("all"), *([_bar(total, total, total, bar)] if bar else []), words.number(total), "100 %", "", "", ""
    )
    for step in cohort.criteria:
        name = Text.assemble((clean(step.id), "bold"), f"  {clean(step.text)}" if bar else "")
        table.add_row(
            name,
            *([_bar(step.remaining_met, step.remaining, total, bar)] if bar else []),
            words.number(step.remaining),
            words.share(step.remaining, total),
            Text(words.number(step.excludes), "red" if step.excludes else "dim"),
            Text(words.number(step.alone_excludes), "red" if step.alone_excludes else "dim"),
            Text(words.number(step.alone_undetermined), "yellow" if step.alone_undetermined else "dim"),
        )
    return table


def _bar(met: int, remaining: int, total: int, length: int) -> Text:
    """What is left: ━ who have met all so far, ╌ who have failed none. Never empty while somebody is left."""
    if total == 0:
        return Text()
    sure = -(-met * length // total)
    left = max(sure, -(-remaining * length // total))
    return Text.assemble(("━" * sure, "green"), ("╌" * (left - sure), "yellow"))


def _facts(facts: list[words.Waiting]) -> Table:
    table = _table()
    table.add_column("not known", overflow="fold")
    table.add_column("for", no_wrap=True)
    table.add_column("candidates", justify="right", no_wrap=True)
    table.add_column("nothing else missing", justify="right", no_wrap=True)
    for each in facts:
        row: list[Any] = [Text(each.fact), Text(each.criterion, "bold")]
        table.add_row(*row, words.number(each.candidates), words.number(each.alone))
    return table


def _what_if(trial: TrialFunnel, total: int) -> Table:
    written = trial.protocols[0]
    table = _table()
    table.add_column("protocol", overflow="fold")
    for verdict in words.VERDICTS:
        table.add_column(verdict, justify="right", no_wrap=True)
    table.add_column("not excluded", justify="right", no_wrap=True)
    for protocol in trial.protocols:
        left = words.not_excluded(protocol)
        changed = "" if protocol is written else f" ({words.change(left, words.not_excluded(written))})"
        table.add_row(
            Text(words.variant_name(protocol)),
            *(Text(words.number(protocol.verdicts.get(verdict, 0)), _STYLE[verdict]) for verdict in words.VERDICTS),
            f"{words.number(left)}{changed}",
        )
    return table
