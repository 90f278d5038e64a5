"""The template engine of pages: every text that is put into one is cleaned and escaped on its way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from prescreen.report.words import clean


def environment(templates: Path) -> Environment:
    """The engine for the templates of a folder; a name that a template misspells is an error."""
    return Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_cleaned,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _cleaned(value: Any) -> Any:
    """Plain text is cleaned on its way out; what the template itself has made is already clean."""
    return clean(value) if type(value) is str else value
