"""The results of a check as text for people, JSON for programs, and SARIF 2.1.0 for hosts of code."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from prescreen import __version__
from prescreen.check.model import MISTAKES, Checked, Mutations
from prescreen.problems import Problem

SCHEMA: Final = "prescreen/check/1"
_SARIF: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def summary(checked: Checked) -> str:
    """One line: what it is, how much was looked at, and how much is wrong."""
    counts = [f"{number} {what}" for what, number in checked.counts.items()]
    if found := checked.mutations:
        more = "" if found.whole else " and more that were not tried"
        counts.append(f"{found.made} mutants{more} ({found.percent} noticed)")
    return f"{checked.name or checked.file}: {', '.join(counts)}, {_found(checked.problems)}"


def survivors(checked: Checked) -> list[str]:
    """A line for each mutant that no case notices."""
    return [f"  {each.message}" for each in checked.mutations.survivors] if checked.mutations else []


def text(results: Sequence[Checked]) -> str:
    """What is wrong in every file, each with its place, and a line for each file with its surviving mutants."""
    problems = [str(problem) for checked in results for problem in checked.problems]
    lines = [line for checked in results for line in (summary(checked), *survivors(checked))]
    return "\n".join([*problems, *lines]) + "\n"


def as_json(results: Sequence[Checked]) -> str:
    """Everything that was found, as data."""
    checked = [
        {
            "file": result.file,
            "kind": result.kind,
            "name": result.name,
            "counts": dict(result.counts),
            "problems": [_problem(problem) for problem in result.problems],
            **({"mutations": _mutations(result.mutations)} if result.mutations else {}),
        }
        for result in results
    ]
    found = sum(len(result.problems) for result in results)
    return _dumped({"schema": SCHEMA, "found": found, "checked": checked})


def sarif(results: Sequence[Checked]) -> str:
    """The same in the Static Analysis Results Interchange Format, which hosts of code show beside the lines."""
    problems = [(result, problem) for result in results for problem in (*result.problems, *_as_problems(result))]
    codes = sorted({problem.code for _, problem in problems})
    driver = {
        "name": "prescreen",
        "version": __version__,
        "rules": [
            {
                "id": code,
                "shortDescription": {"text": MISTAKES.get(code, _UNNOTICED_MEANS)},
                "help": {"text": f"see {'mutation-score' if code == _UNNOTICED else code} in docs/errors.md"},
                "defaultConfiguration": {"level": _level(code)},
            }
            for code in codes
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(result, problem, codes.index(problem.code)) for result, problem in problems],
    }
    return _dumped({"$schema": _SARIF, "version": "2.1.0", "runs": [run]})


FORMS: Final[dict[str, Callable[[Sequence[Checked]], str]]] = {"text": text, "json": as_json, "sarif": sarif}


def _found(problems: Sequence[Problem]) -> str:
    return f"{len(problems)} found" if problems else "ok"


def _problem(problem: Problem) -> dict[str, Any]:
    names = ("code", "message", "hint", "file", "line", "column", "width", "source_line", "path")
    return {name: getattr(problem, name) for name in names if getattr(problem, name) is not None}


_UNNOTICED: Final = "unnoticed-mutant"
_UNNOTICED_MEANS: Final = "a change of a rule that no case notices"


def _mutations(found: Mutations) -> dict[str, Any]:
    survivors = [
        {"name": each.name, "change": each.what, "line": each.line, "column": each.column} for each in found.survivors
    ]
    return {
        "made": found.made,
        "noticed": found.noticed,
        "score": round(found.score, 2),
        "whole": found.whole,
        "survivors": survivors,
    }


def _as_problems(result: Checked) -> list[Problem]:
    """The surviving mutants, to be shown beside the lines."""
    survivors = result.mutations.survivors if result.mutations else ()
    return [
        Problem(_UNNOTICED, each.message, each.file, None, each.line, each.column, each.width) for each in survivors
    ]


def _level(code: str) -> str:
    return "note" if code == _UNNOTICED else "error"


def _sarif_result(result: Checked, problem: Problem, index: int) -> dict[str, Any]:
    message = problem.message + (f" ({problem.hint})" if problem.hint else "")
    place: dict[str, Any] = {"artifactLocation": _artifact(problem.file or result.file)}
    if problem.line:
        column = problem.column or 1
        place["region"] = {"startLine": problem.line, "startColumn": column, "endColumn": column + problem.width}
        if problem.source_line is not None:
            place["region"]["snippet"] = {"text": problem.source_line}
    return {
        "ruleId": problem.code,
        "ruleIndex": index,
        "level": _level(problem.code),
        "message": {"text": message},
        "locations": [{"physicalLocation": place}],
    }


def _artifact(file: str) -> dict[str, str]:
    """A file below the folder in which the check runs is named from there, any other by its whole path."""
    uri, here = Path(os.path.abspath(file)).as_uri(), Path.cwd().as_uri() + "/"
    return {"uri": uri.removeprefix(here), "uriBaseId": "%SRCROOT%"} if uri.startswith(here) else {"uri": uri}


def _dumped(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
