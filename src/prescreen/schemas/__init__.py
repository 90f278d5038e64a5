"""JSON Schemas of what people write and programs read: rule files, catalogue files, candidates, reports, comparisons.

Those of rule and catalogue files are made from the tables that the loaders use and say what an editor can check and
complete: keys, shapes, words. What a text must mean (a unit that fits, a declared name) only the loader knows.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def _trial() -> dict[str, Any]:
    from prescreen.schemas.trial import trial_schema

    return trial_schema()


def _catalogue() -> dict[str, Any]:
    from prescreen.schemas.catalogue import catalogue_schema

    return catalogue_schema()


def _candidate() -> dict[str, Any]:
    from prescreen.candidate.profile import Profile

    return {"$schema": _DIALECT, **Profile.model_json_schema(by_alias=True)}


def _report() -> dict[str, Any]:
    from prescreen.report import Report

    return {"$schema": _DIALECT, **Report.model_json_schema()}


def _diff() -> dict[str, Any]:
    from prescreen.amendment import Amendment

    return {"$schema": _DIALECT, **Amendment.model_json_schema()}


_MADE: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "trial": _trial,
    "catalogue": _catalogue,
    "candidate": _candidate,
    "report": _report,
    "diff": _diff,
}
NAMES: Final = tuple(_MADE)


def schema_text(name: str) -> str:
    """The schema of a trial, catalogue, candidate, report or comparison as it is printed and kept in `schemas/`."""
    return json.dumps(_MADE[name](), indent=2, ensure_ascii=False) + "\n"
