"""The funnel as one self-contained page with charts, for a meeting's screen, a phone or paper.

The charts are drawn as SVG by the template: no script, no picture, nothing from elsewhere, and the page's own policy
forbids all of it (docs/decisions/0020). Every text is cleaned and escaped by the template engine itself.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from jinja2 import Environment
from markupsafe import Markup

from prescreen.funnel import words
from prescreen.funnel.model import SCHEMA, Funnel
from prescreen.report.template import environment
from prescreen.report.words import clean

_TEMPLATES = Path(__file__).parent / "templates"
SCALE: Final = 10_000
"""The length of a whole bar in the charts' own unit."""


def render(funnel: Funnel) -> str:
    """All trials of a funnel in one page."""
    style = _style()
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return (
        _environment()
        .get_template("funnel.html")
        .render(
            funnel=funnel, total=funnel.candidates, schema=SCHEMA, style=Markup(style), style_hash=digest, words=words,
            segments=segments, scale=SCALE,
            title="Feasibility of " + (", ".join(clean(trial.trial) for trial in funnel.trials) or "no trial"),
        )
    )  # fmt: skip


class Segment(NamedTuple):
    """A piece of a bar, with the class that colours it."""

    kind: str
    x: float
    width: float


def segments(total: int, *parts: tuple[str, int]) -> list[Segment]:
    """Pieces of a bar one after the other; what is somebody is never narrower than can be seen."""
    found: list[Segment] = []
    x = 0.0
    for kind, count in parts:
        width = SCALE * count / total if total else 0.0
        if count:
            found.append(Segment(kind, round(min(x, SCALE - _LEAST), 1), round(max(width, _LEAST), 1)))
        x += width
    return found


_LEAST: Final = SCALE / 400


@cache
def _style() -> str:
    return (_TEMPLATES / "funnel.css").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    return environment(_TEMPLATES)
