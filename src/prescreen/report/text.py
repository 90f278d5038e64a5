"""The report for a terminal: short first, the whole tree on demand.

Nothing that a profile or a rule file says can steer the terminal: every text passes `words.clean`, and rich's own
markup is never parsed. Without `colour` the output is plain text; the marks ✗ ? ✓ say what colour would.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len
from rich.text import Text

from prescreen.report import words
from prescreen.report.model import CriterionReport, Evidence, Explanation, NextFact, Report
from prescreen.report.page import Page
from prescreen.report.words import clean

_PROTOCOL_FROM = 80  # columns; under that, the protocol's words do not fit beside the finding
_TABLE_FROM = {False: 96, True: 130}  # columns; under that, the summary (of several trials: True) is a list
_DEEPEST = 10  # levels of the tree that are indented; deeper ones carry their number
_TURNS_SHOWN = 4
_FAILED_SHOWN = 8

_STYLE = {
    "failed": "bold red",
    "ineligible": "bold red",
    "undetermined": "bold yellow",
    "met": "bold green",
    "eligible": "bold green",
    "conflicts": "yellow",
    "decides": "bold",
}


def render(report: Report, *, verbose: bool = False, colour: bool = False, width: int = 100) -> str:
    """One candidate's report, in lines of at most `width` terminal cells (at least 40), ending in a line end.

    Short: the verdict, a line for each criterion (failed, undetermined, met), what to ask next, when statuses turn,
    issues of the data. `verbose` adds under each criterion its reading, the tree with its evidence, the deciding and
    the missing facts, and at the end where the rules came from. `colour` adds ANSI colours.
    """
    page = Page(colour, width)
    _head(page, report, verbose)
    asked = words.asked(report)
    for status, criteria in words.grouped(report):
        page.blank()
        if verbose:
            page.hang("", Text(f"{words.MARK[status]} {status} ({len(criteria)})", _STYLE[status]))
        for criterion in criteria:
            if verbose:
                _criterion_in_full(page, criterion, asked)
            else:
                _criterion(page, criterion, _id_width(report, page.width))
    _next(page, report)
    _turns(page, report, verbose)
    _issues(page, report, verbose)
    if verbose:
        _provenance(page, report)
    return page.text()


def render_summary(reports: Sequence[Report], *, colour: bool = False, width: int = 100) -> str:
    """All candidates, a row each: verdict, counts, failed criteria, what to ask first, when to screen again."""
    page = Page(colour, width)
    if not reports:
        page.hang("", Text("no candidate was screened"))
        return page.text()
    several = len(words.trials(reports)) > 1
    days = sorted({report.screening_date for report in reports})
    span = clean(days[0]) if len(days) == 1 else f"{clean(days[0])} to {clean(days[-1])}"
    page.hang("", Text(f"{', '.join(clean(trial) for trial in words.trials(reports))} on {span}", "bold"))
    if page.width < _TABLE_FROM[several]:
        page.blank()
        for report in reports:
            _summary_item(page, report, several)
        page.blank()
    else:
        _summary_table(page, reports, several)
    said = ", ".join(f"{number} {verdict}" for verdict, number in words.tally(reports).items() if number)
    page.hang("", Text(f"{len(reports)} screened: {said}"))
    for gaps in dict.fromkeys((report.trial, words.gaps(report)) for report in reports):
        if gaps[1] is not None:
            page.hang("", Text(f"{clean(gaps[0])}: the rule file's source is incomplete: {gaps[1]}", "yellow"))
    return page.text()


def _head(page: Page, report: Report, verbose: bool) -> None:
    verdict = Text(f"{words.MARK[report.verdict]} {report.verdict.upper()}", _STYLE[report.verdict])
    page.ends(
        Text.assemble(
            (clean(report.trial), "bold"), "  ", clean(report.candidate), " on ", clean(report.screening_date)
        ),
        verdict,
    )
    if report.title:
        page.hang("", Text(clean(report.title), "dim"))
    page.hang("", Text(f"{words.meaning(report)} {words.counts(report)[0].upper()}{words.counts(report)[1:]}."))
    for cohort, found in words.cohort_verdicts(report):
        page.hang(f"  {words.MARK[found]} ", Text(f"cohort {clean(cohort)}: {found}"), _STYLE[found])
    if (gaps := words.gaps(report)) is not None:
        page.hang("! ", Text(f"the rule file's source is incomplete: {gaps}"), "yellow")
    if verbose:
        page.hang("", Text(words.LEGEND, "dim"))


def _id_width(report: Report, width: int) -> int:
    """Cells for the ids of criteria: as the longest needs, but never more than an eighth of the page."""
    longest = max((cell_len(clean(criterion.id)) for criterion in report.criteria), default=2)
    return max(2, min(longest, width // 8))


def _criterion(page: Page, criterion: CriterionReport, id_width: int) -> None:
    finding = Text(clean(criterion.headline))
    turn = words.turn(criterion)
    if turn is not None and criterion.status == "failed" and clean(criterion.turns_on or "") not in finding.plain:
        finding.append(f"; {turn}", "dim")
    for doubt in words.doubts(criterion):
        finding.append(f" ({doubt})", "yellow")
    mark = Text(f"  {words.MARK[criterion.status]}", _STYLE[criterion.status])
    name = Text(clean(criterion.id), "bold")
    protocol = Text(clean(criterion.text), "dim")
    if page.width < _PROTOCOL_FROM:
        page.columns([(mark, 3), (name, id_width), (finding, page.width - id_width - 5)])
    else:
        rest = page.width - id_width - 7
        half = rest * 2 // 5
        page.columns([(mark, 3), (name, id_width + 1), (protocol, half), (finding, rest - half)], clip=2)


def _criterion_in_full(page: Page, criterion: CriterionReport, asked: dict[str, tuple[str, str]]) -> None:
    page.blank()
    name = f"  {words.MARK[criterion.status]} {clean(criterion.id)}  "
    page.hang(name, Text(clean(criterion.headline), "bold"), _STYLE[criterion.status], most=12)

    def say(label: str, body: str, style: str = "") -> None:
        page.hang(f"      {label:<11} ", Text(body, style))

    place = ", ".join(p for p in (words.origin(criterion), words.cohorts_of(criterion)) if p)
    say("protocol", clean(criterion.text) + (f" [{place}]" if place else ""))
    if criterion.reading is not None:
        say("read as", clean(criterion.reading))
    if doubts := words.doubts(criterion):
        say("note", "; ".join(doubts), "yellow")
    say("condition", f"{words.truth_word(criterion.condition)} ({words.effect(criterion)})")
    for depth, part, node in words.nodes(criterion.explanation):
        _node(page, depth, part, node)
    if criterion.deciding:
        say("decided by", "; ".join(words.fact_words(fact) for fact in criterion.deciding))
    for i, fact in enumerate(criterion.missing):
        ask, question = asked.get(fact, ("", ""))
        question = f": {clean(question)} (ask the {clean(ask)})" if question else ""
        say("" if i else "missing", f"{words.fact_words(fact)}{question}")
    if (turn := words.turn(criterion)) is not None:
        say("turns", turn)


def _node(page: Page, depth: int, part: str | None, node: Explanation) -> None:
    indent = " " * (6 + 2 * min(depth, _DEEPEST))
    body = Text(f"({depth}) " if depth > _DEEPEST else "")
    if part is not None:
        body.append(f"{part} ", "italic")
    body.append(clean(node.requirement))
    if node.finding is not None:
        body.append(f": {clean(node.finding)}", "bold")
    page.hang(f"{indent}{words.truth_mark(node.truth)} ", body)
    if facts := list(words.node_facts(node)):
        page.hang(f"{indent}    ", Text("; ".join(f"{name} {said}" for name, said in facts), "dim"))
    for evidence in node.evidence:
        page.hang(f"{indent}  - ", _evidence(evidence))


def _evidence(evidence: Evidence) -> Text:
    line = Text(f"{clean(evidence.record)}: {clean(evidence.label)}")
    if evidence.written is not None:
        line.append(f" {clean(evidence.written)}")
    if (dated := words.dated(evidence)) is not None:
        line.append(f", {dated}")
    if evidence.source is not None:
        line.append(f", from {clean(evidence.source)}")
    if evidence.compared is not None:
        line.append(f"; compared as {clean(evidence.compared)}")
    line.append(f" [{words.role(evidence)}]", _STYLE.get(evidence.role, "dim"))
    if evidence.note is not None:
        line.append(f" {clean(evidence.note)}")
    return line


def _next(page: Page, report: Report) -> None:
    rescreen = words.rescreen(report)
    if not report.next_facts and rescreen is None:
        return
    page.blank()
    page.ends(Text("Next:" if report.next_facts else "", "bold"), Text(rescreen or "", "bold"))
    asks = min(14, max((cell_len(clean(fact.ask)) for fact in report.next_facts), default=0))
    for number, fact in enumerate(report.next_facts, 1):
        cells = [(Text(f"{number:>3}."), 4), (Text(clean(fact.ask)), asks), (_wanted(fact), page.width - asks - 6)]
        page.columns(cells)


def _wanted(fact: NextFact) -> Text:
    return Text.assemble(
        (words.wanted(fact), "bold"), ": ", clean(fact.question), " ", (f"({words.settles(fact)})", "dim")
    )


def _turns(page: Page, report: Report, verbose: bool) -> None:
    days = words.turns(report)
    if not days:
        return
    shown = days if verbose else days[:_TURNS_SHOWN]
    page.blank()
    page.hang("", Text("With time, if nothing else changes:", "bold"))
    for day, status, ids in shown:
        page.hang(f"  from {clean(day)}  ", Text(f"{', '.join(clean(i) for i in ids)} {status}"))
    if len(shown) < len(days):
        page.hang("  ", Text(f"and {len(days) - len(shown)} later", "dim"))


def _issues(page: Page, report: Report, verbose: bool) -> None:
    if not report.issues:
        return
    page.blank()
    page.hang("", Text("Data issues:", "bold"))
    places: dict[tuple[str, str], list[str]] = {}
    for issue in report.issues:
        known = places.setdefault((issue.code, issue.message), [])
        if issue.path:
            known.append(clean(issue.path))
    for (name, message), known in places.items():
        shown = known if verbose else known[:_PLACES]
        more = f" and {len(known) - len(shown)} more" if len(shown) < len(known) else ""
        place = f"{', '.join(shown)}{more}: " if shown else ""
        code = f" [{clean(name)}]" if verbose else ""
        page.hang("  ! ", Text(f"{place}{clean(message)}{code}"), "yellow")


_PLACES: Final = 3  # of one and the same issue


def _provenance(page: Page, report: Report) -> None:
    page.blank()
    page.hang("rules      ", Text(f"sha256 {clean(report.rules_sha256)}", "dim"))
    page.hang("catalogue  ", Text(f"sha256 {clean(report.catalogue_sha256)}", "dim"))
    if report.ranges_sha256 is not None:
        page.hang("ranges     ", Text(f"sha256 {clean(report.ranges_sha256)}", "dim"))


def _summary_table(page: Page, reports: Sequence[Report], several: bool) -> None:
    head = ["Candidate", "Verdict", "failed", "undet.", "met", "Stopped by", "Ask first", "Re-screen"]
    rows = [_summary_row(report) for report in reports]
    if several:
        head.insert(0, "Trial")
        rows = [[Text(clean(report.trial)), *row] for report, row in zip(reports, rows, strict=True)]
    names = len(head) - 7  # columns that name the row
    widths = [cell_len(title) for title in head]
    for i in (*range(names), names, len(head) - 3):
        widths[i] = max(widths[i], min(page.width // 6, max(row[i].cell_len for row in rows)))
    widths[-1] = 10
    widths[-2] = page.width - sum(widths[:-2]) - widths[-1] - 2 * (len(widths) - 1)
    page.blank()
    page.columns([(Text(title, "bold"), width) for title, width in zip(head, widths, strict=True)], gap=2)
    page.columns([(Text("─" * page.width, "dim"), page.width)])
    for row in rows:
        page.columns(list(zip(row, widths, strict=True)), gap=2)
    page.blank()


def _summary_row(report: Report) -> list[Text]:
    return [
        Text(clean(report.candidate)),
        Text(f"{words.MARK[report.verdict]} {report.verdict}", _STYLE[report.verdict]),
        *(Text(str(report.counts.get(status, 0)), justify="right") for status in words.ORDER),
        Text(_failed(report)),
        Text(_first(report)),
        Text(clean(report.rescreen_on or "")),
    ]


def _summary_item(page: Page, report: Report, several: bool) -> None:
    trial = f" in {clean(report.trial)}" if several else ""
    page.hang(
        f"{words.MARK[report.verdict]} ",
        Text(f"{clean(report.candidate)}{trial}: {report.verdict} ({words.counts(report)})"),
        _STYLE[report.verdict],
    )
    if failed := _failed(report):
        page.hang("    failed  ", Text(failed))
    if first := _first(report):
        page.hang("    ask     ", Text(first))
    if (rescreen := words.rescreen(report)) is not None:
        page.hang("    ", Text(rescreen))


def _failed(report: Report) -> str:
    ids = words.failed_ids(report)
    more = f" +{len(ids) - _FAILED_SHOWN}" if len(ids) > _FAILED_SHOWN else ""
    return " ".join(ids[:_FAILED_SHOWN]) + more


def _first(report: Report) -> str:
    if not report.next_facts:
        return ""
    return f"{words.wanted(report.next_facts[0])} ({clean(report.next_facts[0].ask)})"
