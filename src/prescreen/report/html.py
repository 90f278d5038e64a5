"""The report as one self-contained page: for a reviewer's screen, phone or paper.

There is no script, and the page's own policy forbids any: only the one style sheet, known by its hash, is let in.
Every text is cleaned and escaped by the template engine itself, so that no place in the template can forget to.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup

from prescreen.report import words
from prescreen.report.model import SCHEMA, Explanation, Report
from prescreen.report.template import environment

_DEEPEST = 12  # levels of the tree that are indented; deeper ones carry their number
_TEMPLATES = Path(__file__).parent / "templates"


def render(reports: Sequence[Report]) -> str:
    """All reports in one page, led by a table of the candidates where there are several."""
    style = _style()
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return (
        _environment()
        .get_template("report.html")
        .render(
            reports=reports,
            schema=SCHEMA,
            style=Markup(style),
            style_hash=digest,
            words=words,
            tree=_tree,
            title=_title(reports),
        )
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """A node as the template writes it: `closes` lists end before it, `opens` says whether one begins with it."""

    node: Explanation
    part: str | None
    number: int | None
    opens: bool
    closes: int


def _tree(explanation: Explanation) -> Iterator[_Row]:
    """The nodes top down, with where nested lists begin and end."""
    before = 0
    for depth, part, node in words.nodes(explanation):
        level = min(depth, _DEEPEST) + 1
        yield _Row(node, part, depth if depth > _DEEPEST else None, level > before, max(0, before - level))
        before = level


def _title(reports: Sequence[Report]) -> str:
    trials = ", ".join(words.trials(reports)) or "no candidate"
    return f"{reports[0].candidate} for {trials}" if len(reports) == 1 else f"Pre-screening for {trials}"


@cache
def _style() -> str:
    return (_TEMPLATES / "report.css").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    return environment(_TEMPLATES)
