"""Proofs of one rule file: findings at their places, those that the authors accept told apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from prescreen.catalogue import Catalogue
from prescreen.check.model import Checked, Proofs, Proven
from prescreen.language import Rules, read_rules
from prescreen.language.model import Accepted, Trial, Where
from prescreen.problems import Problem
from prescreen.prove.finding import Finding
from prescreen.prove.findings import prove
from prescreen.yamlio import with_source_lines

Say = Callable[[str], None]


def with_proofs(checked: Checked, catalogue: Catalogue | None, seconds: float, say: Say) -> Checked:
    """A checked rule file with what is proven of it; as it is where it is no trial that loads.

    seconds: how long the solver may take over one question. say: is told what is looked at.
    """
    if checked.name is None:
        return checked
    rules = read_rules(checked.file, catalogue=catalogue)
    if rules.trial is None:
        return checked
    found = prove(rules.trial, seconds, say)
    used: set[Where] = set()
    findings = [_proven(finding, rules, used) for finding in found.findings]
    findings += _needless(rules, used, found.unsure)
    findings.sort(key=lambda proven: (proven.problem.line or 0, proven.problem.column or 0))
    proofs = Proofs(tuple(findings), found.asked, found.undecided, found.unshown, seconds)
    return replace(checked, proofs=proofs)


def _proven(finding: Finding, rules: Rules, used: set[Where]) -> Proven:
    assert rules.trial is not None
    accepted = [each for each in _explaining(finding, rules.trial) if each.code == finding.code]
    used.update(each.where for each in accepted)
    problem = _problem(finding.code, finding.message, finding.where, rules, finding.hint)
    problem = replace(problem, grade="accepted" if accepted else finding.grade)
    witness = finding.witness
    return Proven(
        problem,
        accepted[0].reason if accepted else None,
        witness.candidate if witness else None,
        witness.on.isoformat() if witness else None,
        witness.statuses if witness else None,
    )


def _explaining(finding: Finding, trial: Trial) -> Iterator[Accepted]:
    """What is accepted where a finding can be: in its criteria, or at the top for what belongs to none."""
    if not finding.criteria:
        yield from trial.accepted
    for criterion in trial.criteria:
        if criterion.id in finding.criteria:
            yield from criterion.accepted


def _needless(rules: Rules, used: set[Where], unsure: set[str]) -> Iterator[Proven]:
    """What is accepted and was not found, where it was looked for to the end."""
    trial = rules.trial
    assert trial is not None
    every = [*trial.accepted, *(each for criterion in trial.criteria for each in criterion.accepted)]
    for accepted in {each.where: each for each in every}.values():
        if accepted.where not in used and accepted.code not in unsure:
            message = f"`{accepted.code}` is accepted here, and nothing of the kind is found"
            yield Proven(_problem("needless-acceptance", message, accepted.where, rules, "leave it out"))


def _problem(code: str, message: str, where: Where, rules: Rules, hint: str | None) -> Problem:
    problem = Problem(code, message, rules.file, line=where.line or None, column=where.column or None, hint=hint)
    return next(iter(with_source_lines([problem], rules.text)))
