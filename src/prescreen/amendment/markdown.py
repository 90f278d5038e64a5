"""An amendment as GitHub-flavoured Markdown, for a review: a table of all changes, then every change in full."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prescreen.amendment import telling
from prescreen.amendment.model import Amendment, CriterionChange, Rewording
from prescreen.report.markdown import safe


def render(amendment: Amendment) -> str:
    """One document; every text of a rule file is escaped."""
    lines = [f"# Amendment: {safe(telling.title(amendment))}", "", safe(telling.summary(amendment)), ""]
    if amendment.criteria:
        lines += ["| Criterion | Effect | Change |", "|---|---|---|"]
        for change in amendment.criteria:
            effect = telling.LABEL[change.direction]
            lines.append(f"| {safe(change.name)} | {effect} | {safe(telling.headline(change))} |")
        lines += ["", f"*{safe(telling.LEGEND)}*", ""]
    if amendment.trial:
        lines += ["## Outside the criteria", ""]
        for other in amendment.trial:
            used = f" ({safe(used)})" if (used := telling.used_by(other)) else ""
            lines.append(f"- **{safe(telling.matter(other))}**: {safe('; '.join(other.words))}{used}")
        lines.append("")
    for change in amendment.criteria:
        lines += _in_full(change)
    if said := telling.cases(amendment):
        lines.append(said)
    return "\n".join(lines).rstrip("\n") + "\n"


def _in_full(change: CriterionChange) -> Iterator[str]:
    yield f"## {safe(change.name)} ({change.kind}): {telling.LABEL[change.direction]}"
    yield ""
    for difference in change.differences:
        cause = f" ({safe(said)})" if (said := telling.cause(difference.cause)) else ""
        yield f"- {safe(difference.words)}{cause}: {telling.LABEL[difference.direction]}"
    if "renumbered" in change.what:
        yield "- renumbered"
    if "moved" in change.what:
        yield "- stands elsewhere in the list"
    for label, rewording in (("text", change.text), ("reading", change.reading)):
        if rewording:
            yield from _reworded(label, rewording)
    for remark in telling.remarks(change):
        yield f"- **{safe(remark)}**"
    if said := telling.search(change):
        yield f"- {safe(said)}"
    yield ""
    for witness in change.search.witnesses if change.search else ():
        yield f"Candidate, {safe(telling.turn(witness))}:"
        yield ""
        yield "```json"
        yield telling.candidate(witness)
        yield "```"
        yield ""


def _reworded(label: str, rewording: Rewording) -> Iterator[str]:
    whole = rewording.old is not None and rewording.new is not None
    for word, text, runs in zip(
        ("was", "now"), (rewording.old, rewording.new), telling.reworded(rewording), strict=True
    ):
        if text is not None:
            yield f"- {label} {word}: {_runs(runs, whole)}"


def _runs(runs: Sequence[tuple[str, bool]], marked: bool) -> str:
    return " ".join(f"**{safe(words)}**" if own and marked else safe(words) for words, own in runs)
