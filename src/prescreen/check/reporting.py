"""The results of a check as text for people, JSON for programs, and SARIF 2.1.0 for hosts of code."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from prescreen import __version__
from prescreen.check.model import MISTAKES, Checked, Mutations, Proofs, Proven
from prescreen.problems import Problem

SCHEMA: Final = "prescreen/check/1"
_SARIF: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def summary(checked: Checked) -> str:
    """One line: what it is, how much was looked at, and how much is wrong."""
    counts = [f"{number} {what}" for what, number in checked.counts.items()]
    if found := checked.mutations:
        more = "" if found.whole else " and more that were not tried"
        counts.append(f"{found.made} mutants{more} ({found.percent} noticed)")
    proofs = "" if checked.proofs is None else f", {_proofs_in_words(checked.proofs)}"
    return f"{checked.name or checked.file}: {', '.join(counts)}, {_found(checked.problems)}{proofs}"


def survivors(checked: Checked) -> list[str]:
    """A line for each mutant that no case notices."""
    return [f"  {each.message}" for each in checked.mutations.survivors] if checked.mutations else []


def told(checked: Checked) -> list[str]:
    """Everything that is found, each with its place: what is wrong, then what is proven."""
    proven = checked.proofs.findings if checked.proofs else ()
    return [*map(str, checked.problems), *map(_told_finding, proven)]


def _told_finding(proven: Proven) -> str:
    """A finding as people read it: with the candidate who shows it, and why it is accepted."""
    lines = [str(proven.problem)]
    if proven.accepted is not None:
        lines.append(f"   = accepted: {proven.accepted}")
    if proven.witness is not None:
        statuses = ", ".join(f"{name} {status}" for name, status in (proven.statuses or {}).items())
        lines.append(f"   = on {proven.on}, {statuses}:")
        lines.append(f"     {json.dumps(proven.witness, ensure_ascii=False)}")
    return "\n".join(lines)


def _proofs_in_words(proofs: Proofs) -> str:
    """How much was proven: ``1 proven, 2 accepted, 3 notes``, and what was not decided."""
    grades = Counter(proven.problem.grade for proven in proofs.findings)
    accepted, notes, counted = grades["accepted"], grades["note"], grades["error"]
    words = [f"{number} {what}" for number, what in (
        (counted, "proven"), (accepted, "accepted"), (notes, "note" if notes == 1 else "notes"),
        (proofs.undecided, f"not decided in {proofs.seconds:g} s"),
        (proofs.unshown, "without a candidate who shows it"),
    ) if number]  # fmt: skip
    return f"proofs: {', '.join(words) or 'ok'}"


def text(results: Sequence[Checked]) -> str:
    """What is wrong in every file, each with its place, and a line for each file with its surviving mutants."""
    problems = [each for checked in results for each in told(checked)]
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
            **({} if result.proofs is None else {"proofs": _proofs(result.proofs)}),
        }
        for result in results
    ]
    found = sum(result.found for result in results)
    return _dumped({"schema": SCHEMA, "found": found, "checked": checked})


def sarif(results: Sequence[Checked]) -> str:
    """The same in the Static Analysis Results Interchange Format, which hosts of code show beside the lines."""
    problems = [(result, problem) for result in results for problem in (*result.problems, *_as_problems(result))]
    proven = [(result, each) for result in results if result.proofs for each in result.proofs.findings]
    codes = sorted({problem.code for _, problem in problems} | {each.problem.code for _, each in proven})
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
        "results": [
            *(_sarif_result(result, problem, codes.index(problem.code)) for result, problem in problems),
            *(_sarif_proven(result, each, codes.index(each.problem.code)) for result, each in proven),
        ],
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


def _proofs(proofs: Proofs) -> dict[str, Any]:
    return {
        "asked": proofs.asked,
        "undecided": proofs.undecided,
        "unshown": proofs.unshown,
        "seconds": proofs.seconds,
        "findings": [
            {
                **_problem(proven.problem),
                "grade": proven.problem.grade,
                "accepted": proven.accepted,
                "witness": proven.witness,
                "on": proven.on,
                "statuses": None if proven.statuses is None else dict(proven.statuses),
            }
            for proven in proofs.findings
        ],
    }


def _sarif_proven(result: Checked, proven: Proven, index: int) -> dict[str, Any]:
    """A finding of proofs: what the authors accept is suppressed, with their reason."""
    made = _sarif_result(result, proven.problem, index)
    if proven.problem.grade != "error":
        made["level"] = "note"
    if proven.accepted is not None:
        made["suppressions"] = [{"kind": "inSource", "justification": proven.accepted}]
    if proven.witness is not None:
        made["properties"] = {"witness": proven.witness, "on": proven.on, "statuses": dict(proven.statuses or {})}
    return made


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
