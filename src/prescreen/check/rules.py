"""One rule file: it loads, its document is there, the age of its results is limited, its cases hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from prescreen.catalogue import Catalogue
from prescreen.check.cases import case_problems, criterion_nodes, status_problems
from prescreen.check.model import Checked
from prescreen.language import (
    AllOf,
    AnyOf,
    AtLeastOf,
    Condition,
    If,
    Not,
    Observation,
    Rules,
    Unless,
    Use,
    read_rules,
)
from prescreen.problems import InputRefused, Problem
from prescreen.yamlio import Node, with_source_lines


def check_trial(path: str, catalogue: Catalogue | None = None) -> Checked:
    """Everything that is wrong with one rule file, a folder of a trial or a bundled trial.

    catalogue: the codes to use, as far as they could be read; by default those that `load_trial` uses.
    """
    try:
        rules = read_rules(path, catalogue=catalogue)
    except InputRefused as refused:
        return Checked(path, "trial", None, {"criteria": 0, "cases": 0}, refused.problems)
    found = [*rules.problems]
    if rules.root is not None:
        own = [problem for look in _LOOKS for problem in look(rules, rules.root)]
        found += with_source_lines(own, rules.text)
    found.sort(key=lambda problem: (problem.line or 0, problem.column or 0))
    criteria = list(criterion_nodes(rules.root)) if rules.root else []
    cases = sum(len(node.items()) for criterion in criteria if (node := criterion.get("cases")))
    name = rules.trial.id if rules.trial and not rules.problems else None
    return Checked(rules.file, "trial", name, {"criteria": len(criteria), "cases": cases}, tuple(found))


def _document_problems(rules: Rules, root: Node) -> Iterator[Problem]:
    source = root.get("source")
    document = source.get("document") if source else None
    if document is None:
        hint = "state it as `source: {document: …}`"
        yield (source or root).problem("no-document", "the rule file names no source document", rules.file, hint)
    elif document.text and not _is_found(document.text, rules.file):
        message = f"the source document `{document.text[:200]}` is not found"
        hint = "name it as seen from the rule file's folder or one above it"
        yield document.problem("no-document", message, rules.file, hint)


def _is_found(document: str, file: str) -> bool:
    try:
        return any((folder / document).is_file() for folder in Path(file).resolve().parents)
    except (OSError, ValueError):
        return False


def _window_problems(rules: Rules, root: Node) -> Iterator[Problem]:
    """Results of any age count only where the rule file says so."""
    trial, told = rules.trial, set()
    if trial is None or trial.results_within_stated:
        return
    for criterion in trial.criteria:
        for leaf in _observations(criterion.condition):
            if leaf.window == trial.results_within and leaf.where not in told:
                told.add(leaf.where)
                message = f"{criterion.id}: how old may a result of {leaf.code} be"
                hint = "state `within` here or `results_within` for the trial; `any` is an answer"
                yield Problem("no-window", message, rules.file, None, leaf.where.line, leaf.where.column, hint=hint)


def _observations(condition: Condition) -> Iterator[Observation]:
    pending: list[Condition | None] = [condition]
    while pending:
        match pending.pop():
            case Observation() as leaf:
                yield leaf
            case AllOf(children) | AnyOf(children) | AtLeastOf(children=children):
                pending.extend(reversed(children))
            case Not(child) | Use(child=child):
                pending.append(child)
            case If(first, then, otherwise):
                pending.extend((otherwise, then, first))
            case Unless(child, exception):
                pending.extend((exception, child))


_LOOKS: Final[tuple[Callable[[Rules, Node], Iterable[Problem]], ...]] = (
    _document_problems,
    _window_problems,
    status_problems,
    case_problems,
)
"""What a rule file that is YAML is looked over for, each by itself: what is wrong in one place hides nothing else."""
