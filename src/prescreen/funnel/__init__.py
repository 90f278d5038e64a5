"""The attrition funnel of a cohort, drawn: as text, and as one page for a feasibility meeting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prescreen.funnel.model import Funnel, read_funnel

__all__ = ["Funnel", "funnel_html", "funnel_text", "read_funnel"]


def funnel_text(funnel: Funnel | Mapping[str, Any], *, colour: bool = False, width: int = 100) -> str:
    """A funnel for a terminal; see `prescreen.funnel.text`."""
    from prescreen.funnel import text

    return text.render(funnel if isinstance(funnel, Funnel) else read_funnel(funnel), colour=colour, width=width)


def funnel_html(funnel: Funnel | Mapping[str, Any]) -> str:
    """A funnel as one self-contained page; see `prescreen.funnel.html`."""
    from prescreen.funnel import html

    return html.render(funnel if isinstance(funnel, Funnel) else read_funnel(funnel))
