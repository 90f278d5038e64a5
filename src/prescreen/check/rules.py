"""One rule file: it loads, its document is there, the age of its results is limited, its cases hold and hold it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from prescreen.catalogue import Catalogue
from prescreen.check.bench import Bench
from prescreen.check.cases import case_problems, criterion_name, criterion_nodes, status_problems
from prescreen.check.coverage import coverage_problems
from prescreen.check.model import Checked, Mutations
from prescreen.check.mutations import LEAST_SCORE, Telling, mutations, score_problems
from prescreen.language import Rules, read_rules
from prescreen.language.source import shown
from prescreen.problems import InputRefused, Problem
from prescreen.yamlio import Node, with_source_lines


def check_trial(
    path: str,
    catalogue: Catalogue | None = None,
    least_score: float | None = LEAST_SCORE,
    tell: Telling = lambda _made: None,
) -> Checked:
    """Everything that is wrong with one rule file, a folder of a trial or a bundled trial.

    catalogue: the codes to use, as far as they could be read; by default those that `load_trial` uses. least_score:
    how many percent of mutants the cases must notice; None makes no mutants. tell: is told how many were tried.
    """
    try:
        rules = read_rules(path, catalogue=catalogue)
    except InputRefused as refused:
        return Checked(path, "trial", None, {"criteria": 0, "cases": 0}, refused.problems)
    found = [*rules.problems]
    mutated: Mutations | None = None
    if rules.root is not None and rules.root.kind == "map":
        own = [problem for look in _LOOKS for problem in look(rules, rules.root)]
        bench = Bench(rules, rules.trial, rules.root) if rules.trial else None
        if bench:
            own += coverage_problems(bench, rules.file)
        if bench and bench.holds and not rules.problems and least_score is not None:
            mutated = mutations(bench, rules.file, tell)
            own += score_problems(mutated, least_score, rules.file)
        found += with_source_lines(own, rules.text)
    found.sort(key=lambda problem: (problem.line or 0, problem.column or 0))
    criteria = list(criterion_nodes(rules.root)) if rules.root else []
    cases = sum(len(node.items()) for criterion in criteria if (node := criterion.get("cases")))
    name = rules.trial.id if rules.trial and not rules.problems else None
    counts = {"criteria": len(criteria), "cases": cases}
    return Checked(rules.file, "trial", name, counts, tuple(found), mutated)


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
    if root.get("results_within") is not None:
        return
    definitions = root.get("definitions")
    conditions = [(f"`{name.text}`", node) for name, node in (definitions.pairs() if definitions else ())]
    conditions += [
        (criterion_name(criterion), node)
        for criterion in criterion_nodes(root)
        for kind in ("include_if", "exclude_if")
        if (node := criterion.get(kind))
    ]
    for name, condition in conditions:
        for leaf in _results_of_any_age(condition):
            observation = leaf.get("observation")
            what = f"a result of {shown(observation.text)}" if observation and observation.text else "these results"
            hint = "state `within` here or `results_within` for the trial; `any` is an answer"
            yield leaf.problem("no-window", f"{name}: how old may {what} be", rules.file, hint)


def _results_of_any_age(condition: Node) -> Iterator[Node]:
    """The mappings in a condition that ask for an observation and do not say how old it may be."""
    pending = [condition]
    while pending:
        node = pending.pop()
        if node.get("observation") and not node.get("within"):
            yield node
        pending += [*(value for _, value in node.pairs()), *node.items()]


_LOOKS: Final[tuple[Callable[[Rules, Node], Iterable[Problem]], ...]] = (
    _document_problems,
    _window_problems,
    status_problems,
    case_problems,
)
"""What a rule file that is YAML is looked over for, each by itself: what is wrong in one place hides nothing else."""
