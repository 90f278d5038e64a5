"""The cases of criteria: each can be read and has the status that it expects; no status is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from prescreen import screen, statuses
from prescreen.candidate import Candidate
from prescreen.candidate.read import parse_candidate
from prescreen.language import SCREENING, Case, Criterion, Rules, Trial, Where
from prescreen.language.source import plain_data, shown
from prescreen.problems import InputRefused, Problem, did_you_mean
from prescreen.yamlio import Node

CASE_DAY: Final = date(2026, 6, 1)
"""The screening day of a case that names none: fixed, so that a case holds on any day or on none."""

_STATUSES: Final = ("met", "failed", "undetermined")


def criterion_nodes(root: Node) -> Iterator[Node]:
    """The criteria of a rule file as they are written, the wrong ones included."""
    criteria = root.get("criteria")
    return (node for node in (criteria.items() if criteria else ()) if node.kind == "map")


def status_problems(rules: Rules, root: Node) -> Iterator[Problem]:
    """Criteria that are not shown in each status."""
    for criterion in criterion_nodes(root):
        cases = criterion.get("cases")
        expected = [case.get("expect") for case in (cases.items() if cases else ())]
        words = {node.text for node in expected if node}
        missing = [status for status in _STATUSES if status not in words]
        if missing and not words - set(_STATUSES):  # a misspelt status is told already
            message = f"{criterion_name(criterion)} has no case that is {' and none that is '.join(missing)}"
            yield (criterion.get("id") or criterion).problem("no-case", message, rules.file)


def case_problems(rules: Rules, root: Node) -> Iterator[Problem]:
    """Cases whose candidate cannot be read, and those of sound criteria that have another status."""
    trial = rules.trial
    read: dict[Where, list[tuple[Criterion, Case]]] = {}
    for criterion in trial.criteria if trial else ():
        for case in criterion.cases:
            read.setdefault(case.where, []).append((criterion, case))
    for node in criterion_nodes(root):
        cases = node.get("cases")
        for number, written in enumerate(cases.items() if cases else (), 1):
            given = written.get("given")
            if given is None or given.kind != "map":
                continue
            mistakes = list(_given_problems(rules, root, f"{criterion_name(node)}, case {number}", given))
            yield from mistakes
            if trial is None or mistakes:
                continue
            for criterion, case in read.get(Where(written.line, written.column), ()):
                name = f"{criterion.id}, case {number}"
                yield from _status_problems(trial, criterion, name, case, written, rules.file)


def _given_problems(rules: Rules, root: Node, name: str, given: Node) -> Iterator[Problem]:
    """What is wrong with the candidate of a case, where it is wrong."""
    catalogue = rules.trial.catalogue if rules.trial else rules.catalogue
    try:
        content = {"id": "case", **{key: value for key, value in _mapping(given).items() if key != "id"}}
        parse_candidate(content, catalogue=catalogue)
    except InputRefused as refused:
        for problem in refused.problems:
            node = _node_at(given, problem.path or "", at_key=problem.code == "unknown-key")
            if problem.code == "unknown-code" and catalogue.may_hold(node.text):
                continue
            place = f" at {problem.path}" if problem.path else ""
            yield node.problem("invalid-given", f"{name}{place}: {problem.message}", rules.file, problem.hint)
    for key, declared in _DECLARED.items():
        names, known = given.get(key), root.get(declared)
        if names is None or names.kind != "map":
            continue
        allowed = [known_name.text for known_name, _ in (known.pairs() if known else ())]
        allowed += [SCREENING] if declared == "anchors" else []
        noun = declared.removesuffix("s")
        for said, _ in names.pairs():
            if said.text not in allowed:
                hint = did_you_mean(said.text, allowed) or f"declare it under `{declared}`"
                message = f"{name}: no {noun} is named `{shown(said.text)}`"
                yield said.problem(f"unknown-{noun}", message, rules.file, hint)


_DECLARED: Final = {"answers": "questions", "anchors": "anchors"}
"""The keys of a candidate whose names a trial declares, and where."""


def _status_problems(
    trial: Trial, criterion: Criterion, name: str, case: Case, written: Node, file: str
) -> Iterator[Problem]:
    on = CASE_DAY if case.on is None else date.fromisoformat(case.on)
    expect = written.get("expect") or written
    try:
        profile = parse_candidate({"id": "case", **case.given}, catalogue=trial.catalogue)
        candidate = Candidate(profile, trial.catalogue)
        status = statuses(trial, candidate, on=on)[criterion.id]
    except InputRefused as refused:  # what only the screening day shows: somebody not born yet
        for problem in refused.problems:
            node = _node_at(written.get("given") or written, problem.path or "")
            yield node.problem("invalid-given", f"{name} at {problem.path}: {problem.message}", file, problem.hint)
        return
    if status != case.expect:
        message = f"{name} is {status}, expected {case.expect}"
        yield expect.problem("case-fails", message, file, screen(trial, candidate, on=on)[criterion.id].headline)


def criterion_name(criterion: Node) -> str:
    """What a criterion is called in messages."""
    identifier = criterion.get("id")
    return shown(identifier.text) if identifier and identifier.text else f"the criterion on line {criterion.line}"


def _mapping(node: Node) -> dict[str, object]:
    content = plain_data(node)
    return content if isinstance(content, dict) else {}


_STEP: Final = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]|\[`(.*?)`\]")


def _node_at(node: Node, path: str, at_key: bool = False) -> Node:
    """The node of a candidate's place such as ``observations[2].code``; the last one that is there.

    at_key: the key itself is meant, and not what stands under it.
    """
    name = node
    for key, position, quoted in _STEP.findall(path):
        if position:
            items = node.items()
            found = next(((item, item) for item in items[int(position) :]), None)
        else:
            found = next((pair for pair in node.pairs() if pair[0].text == (key or quoted)), None)
        if found is None:
            return node
        name, node = found
    return name if at_key else node
