"""The report as GitHub-flavoured Markdown, for an issue, a wiki or a record of the review.

Every text from a profile or a rule file is escaped: it can start no list, table, link, mention, HTML or formula. What
is a name or a value stands as it was written; nothing is interpreted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from prescreen.report import words
from prescreen.report.model import SCHEMA, CriterionReport, Evidence, Explanation, Report
from prescreen.report.words import clean

_DEEPEST = 8  # levels of nested lists; Markdown needs two blanks a level
_SPECIAL = re.compile(r"[\\`*_\[\]<>&|~$#]")
_LEADING = re.compile(r"^([-+=]|\d+(?=[.)](?:\s|$)))")
# Sites turn these into links, mentions or pictures after the Markdown is read, where a backslash no longer helps. A
# zero-width blank behind the first character does; it is written as an entity, so that the source shows it.
_ACTIVE = re.compile(r"://|www(?=\.)|@|(?:#|GH-)(?=\d)|(?:mailto|xmpp)(?=:)|:(?=[a-z_+-][\w+-]*:)", re.IGNORECASE)
_BLANK = "\u200b"


def render(reports: Sequence[Report]) -> str:
    """All reports in one document: a summary table where there are several, then a section for each candidate."""
    lines = [f"# Pre-screening: {', '.join(safe(trial) for trial in words.trials(reports)) or 'no candidate'}", ""]
    if not reports:
        lines += ["No candidate was screened.", ""]
    if len(reports) > 1:
        lines += [*_summary(reports), ""]
    for report in reports:
        lines += _report(report)
    return "\n".join(lines).rstrip("\n") + "\n"


def safe(text: str) -> str:
    """`text` as Markdown that shows exactly that text, on one line, anywhere: in a paragraph, a list or a table."""
    text = _ACTIVE.sub(lambda found: found[0][0] + _BLANK + found[0][1:], clean(text))
    text = _SPECIAL.sub(r"\\\g<0>", text).replace(_BLANK, "&#8203;")
    return _LEADING.sub(lambda sign: f"{sign[0]}\\" if sign[0].isdigit() else f"\\{sign[0]}", text)


def _summary(reports: Sequence[Report]) -> Iterator[str]:
    yield "| Candidate | Verdict | Failed | Undetermined | Met | Failed criteria | Ask first | Re-screen |"
    yield "|---|---|--:|--:|--:|---|---|---|"
    several = len(words.trials(reports)) > 1
    for report in reports:
        name = f"{safe(report.candidate)} ({safe(report.trial)})" if several else safe(report.candidate)
        numbers = " | ".join(str(report.counts.get(status, 0)) for status in words.ORDER)
        failed = ", ".join(safe(i) for i in words.failed_ids(report))
        first = report.next_facts[0] if report.next_facts else None
        ask = f"{safe(words.wanted(first))} ({safe(first.ask)})" if first else ""
        verdict = f"{words.MARK[report.verdict]} {report.verdict}"
        yield f"| {name} | {verdict} | {numbers} | {failed} | {ask} | {safe(report.rescreen_on or '')} |"


def _report(report: Report) -> Iterator[str]:
    yield f"## {safe(report.candidate)}: {words.MARK[report.verdict]} {report.verdict.upper()}"
    yield ""
    yield f"{safe(report.trial)}, {safe(report.title)}. Screened on {safe(report.screening_date)}."
    yield ""
    yield f"{words.meaning(report)} Criteria: {words.counts(report)}."
    if (rescreen := words.rescreen(report)) is not None:
        yield ""
        yield f"**{safe(rescreen)}.**"
    if (gaps := words.gaps(report)) is not None:
        yield ""
        yield f"> **The rule file's source is incomplete:** {safe(gaps)}"
    yield ""
    if cohorts := words.cohort_verdicts(report):
        yield from (f"- cohort {safe(name)}: {words.MARK[verdict]} {verdict}" for name, verdict in cohorts)
        yield ""
    asked = words.asked(report)
    for status, criteria in words.grouped(report):
        yield f"### {words.MARK[status]} {status.capitalize()} ({len(criteria)})"
        yield ""
        for criterion in criteria:
            yield from _criterion(criterion, asked)
        yield ""
    yield from _section("Ask next", _next(report))
    yield from _section("With time, if nothing else changes", _turns(report))
    yield from _section("Data issues", _issues(report))
    yield from _section("Provenance", _provenance(report))


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    listed = list(lines)
    if listed:
        yield from (f"### {title}", "", *listed, "")


def _criterion(criterion: CriterionReport, asked: dict[str, tuple[str, str]]) -> Iterator[str]:
    yield f"- {words.MARK[criterion.status]} **{safe(criterion.id)}** {safe(criterion.headline)}"
    place = ", ".join(part for part in (words.origin(criterion), words.cohorts_of(criterion)) if part)
    yield f"  - *Protocol:* {safe(criterion.text)}" + (f" ({safe(place)})" if place else "")
    if criterion.reading is not None:
        yield f"  - *Read as:* {safe(criterion.reading)}"
    if doubts := words.doubts(criterion):
        yield f"  - *Note:* {'; '.join(doubts)}"
    yield f"  - *Condition:* {words.truth_word(criterion.condition)} ({words.effect(criterion)})"
    for depth, part, node in words.nodes(criterion.explanation):
        yield from _node("  " * (min(depth, _DEEPEST) + 2), part, node)
    if criterion.deciding:
        yield f"  - *Decided by:* {'; '.join(safe(words.fact_words(fact)) for fact in criterion.deciding)}"
    for fact in criterion.missing:
        ask, question = asked.get(fact, ("", ""))
        question = f": {safe(question)} (ask the {safe(ask)})" if question else ""
        yield f"  - *Missing:* {safe(words.fact_words(fact))}{question}"
    if (turn := words.turn(criterion)) is not None:
        yield f"  - *Turns:* {safe(turn)}"


def _node(indent: str, part: str | None, node: Explanation) -> Iterator[str]:
    said = f"*{part}* " if part is not None else ""
    finding = f": **{safe(node.finding)}**" if node.finding else ""
    facts = "; ".join(f"{name} {safe(value)}" for name, value in words.node_facts(node))
    compared = f" ({facts})" if facts else ""
    yield f"{indent}- {words.truth_mark(node.truth)} {said}{safe(node.requirement)}{finding}{compared}"
    for evidence in node.evidence:
        yield f"{indent}  - {_evidence(evidence)}"


def _evidence(evidence: Evidence) -> str:
    parts = [" ".join(safe(part) for part in (evidence.label, evidence.written) if part)]
    if (dated := words.dated(evidence)) is not None:
        parts.append(safe(dated))
    if evidence.source is not None:
        parts.append(f"from {safe(evidence.source)}")
    if evidence.compared is not None:
        parts.append(f"compared as {safe(evidence.compared)}")
    note = f" ({safe(evidence.note)})" if evidence.note is not None else ""
    return f"{safe(evidence.record)}: {', '.join(parts)}; {safe(words.role(evidence))}{note}"


def _next(report: Report) -> Iterator[str]:
    for number, fact in enumerate(report.next_facts, 1):
        said = f"**{safe(words.wanted(fact))}:** {safe(fact.question)} ({safe(words.settles(fact))})"
        yield f"{number}. {safe(fact.ask)}, {said}"


def _turns(report: Report) -> Iterator[str]:
    for day, status, ids in words.turns(report):
        yield f"- from {safe(day)}: {', '.join(safe(i) for i in ids)} {status}"


def _issues(report: Report) -> Iterator[str]:
    for issue in report.issues:
        place = f"{safe(issue.path)}: " if issue.path else ""
        yield f"- {place}{safe(issue.message)} ({safe(issue.code)})"


def _provenance(report: Report) -> Iterator[str]:
    yield f"- rules: sha256 {safe(report.rules_sha256)}"
    yield f"- catalogue: sha256 {safe(report.catalogue_sha256)}"
    if report.ranges_sha256 is not None:
        yield f"- reference ranges: sha256 {safe(report.ranges_sha256)}"
    yield f"- report schema: {SCHEMA}"
