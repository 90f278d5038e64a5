"""An amendment for a terminal: a summary, a line for each change, then every change in full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.text import Text

from prescreen.amendment import telling
from prescreen.amendment.model import Amendment, CriterionChange, Direction, Rewording
from prescreen.report.page import Page
from prescreen.report.words import clean

_STYLE: Final[dict[Direction, str]] = {
    "looser": "bold green",
    "stricter": "bold red",
    "both": "bold yellow",
    "unclear": "bold yellow",
    "none": "dim",
}
_LABELS: Final = 9  # columns for the word of a direction
_NAMES: Final = 11  # columns for the names of criteria, at most


def render(amendment: Amendment, *, colour: bool = False, width: int = 100) -> str:
    """In lines of at most `width` cells; each candidate stands on one line, however long, so that it can be copied."""
    page = Page(colour, width)
    page.hang("", Text(telling.title(amendment), "bold"))
    page.hang("", Text(telling.summary(amendment)))
    _overview(page, amendment)
    for change in amendment.criteria:
        _in_full(page, change)
    if amendment.criteria:
        page.blank()
        page.hang("", Text(telling.LEGEND, "dim"))
    if said := telling.cases(amendment):
        page.hang("", Text(said, "dim"))
    return page.text()


def _overview(page: Page, amendment: Amendment) -> None:
    names = min(_NAMES, max((len(clean(change.name)) for change in amendment.criteria), default=0))
    if amendment.criteria:
        page.blank()
    for change in amendment.criteria:
        label = Text(f"  {telling.LABEL[change.direction]}", _STYLE[change.direction])
        name = Text(clean(change.name), "bold")
        line = Text(telling.headline(change))
        page.columns([(label, _LABELS + 2), (name, names), (line, page.width - _LABELS - names - 4)])
    if amendment.trial:
        page.blank()
        page.hang("", Text("Outside the criteria", "bold"))
    for other in amendment.trial:
        said = Text("; ".join(map(clean, other.words)))
        if used := telling.used_by(other):
            said.append(f" ({used})", "dim")
        page.hang(f"  {telling.matter(other)}  ", said, "bold", most=24)


def _in_full(page: Page, change: CriterionChange) -> None:
    page.blank()
    name = Text.assemble((clean(change.name), "bold"), f"  {change.kind}")
    page.ends(name, Text(telling.LABEL[change.direction], _STYLE[change.direction]))
    for difference in change.differences:
        line = Text(clean(difference.words))
        if cause := telling.cause(difference.cause):
            line.append(f" ({cause})", "dim")
        if len({each.direction for each in change.differences}) > 1:
            line.append(f": {telling.LABEL[difference.direction]}", _STYLE[difference.direction])
        page.hang("  • ", line)
    for word, said_so in (("renumbered", "renumbered"), ("moved", "stands elsewhere in the list")):
        if word in change.what:
            page.hang("  • ", Text(said_so))
    if "source" in change.what and len(change.what) == 1:
        page.hang("  • ", Text("another place in the source text"))
    for label, rewording in (("text", change.text), ("reading", change.reading)):
        if rewording:
            _reworded(page, label, rewording)
    for remark in telling.remarks(change):
        page.hang("  ! ", Text(remark), "yellow")
    if said := telling.search(change):
        page.hang("  ", Text(said))
    for witness in change.search.witnesses if change.search else ():
        page.hang("  candidate  ", Text(telling.turn(witness), "bold"))
        page.raw(f"    {telling.candidate(witness)}")


def _reworded(page: Page, label: str, rewording: Rewording) -> None:
    sides = telling.reworded(rewording)
    for word, text, runs, style in zip(
        ("was", "now"), (rewording.old, rewording.new), sides, ("red", "green"), strict=True
    ):
        if text is not None:
            page.hang(
                f"  {label} {word}  ", _runs(runs, style if None not in (rewording.old, rewording.new) else ""), "dim"
            )


def _runs(runs: Sequence[tuple[str, bool]], style: str) -> Text:
    return Text(" ").join(Text(words, style if own else "") for words, own in runs)
