"""Screen a candidate: statuses, verdict, and the report that explains them."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final

from prescreen.candidate.facts import Candidate, Facts, Result
from prescreen.engine import events, results, wording
from prescreen.engine.cases import Resolved, resolve, truth_of
from prescreen.engine.change import rescreening_day, turning
from prescreen.engine.compile import CompiledCriterion, CompiledTrial
from prescreen.engine.deciding import deciding
from prescreen.engine.explain import explain
from prescreen.engine.missing import ask, missing
from prescreen.engine.next import next_facts
from prescreen.engine.setting import Setting
from prescreen.language.model import Trial
from prescreen.ranges import Ranges
from prescreen.report.model import CriterionReport, Explanation, Issue, Report, Status, Verdict
from prescreen.time import day_text
from prescreen.truth import FALSE, TRUE, UNKNOWN, Truth

_STATUS: Final[dict[bool, dict[Truth, Status]]] = {
    False: {TRUE: "met", FALSE: "failed", UNKNOWN: "undetermined"},
    True: {TRUE: "failed", FALSE: "met", UNKNOWN: "undetermined"},
}
_MOST_HEADLINE: Final = 3


@lru_cache(maxsize=128)
def compiled_trial(trial: Trial) -> CompiledTrial:
    """The trial compiled, once."""
    return CompiledTrial(trial)


def statuses(trial: Trial, candidate: Candidate, on: date, ranges: Ranges | None = None) -> dict[str, Status]:
    """The status of each criterion by id, without the explanation."""
    compiled = compiled_trial(trial)
    setting = compiled.setting(candidate.facts(trial.catalogue), on.toordinal(), ranges)
    return {c.criterion.id: _STATUS[c.excludes][truth_of(c, setting, trial)] for c in compiled.criteria}


def report(trial: Trial, candidate: Candidate, on: date, ranges: Ranges | None = None) -> Report:
    """The full report of one candidate on a screening day; pure: the same input gives the same report."""
    compiled = compiled_trial(trial)
    facts = candidate.facts(trial.catalogue)
    setting = compiled.setting(facts, on.toordinal(), ranges)
    resolved = [resolve(criterion, setting, trial) for criterion in compiled.criteria]
    truths = [found.truth for found in resolved]
    lacking = [
        missing(criterion, setting, trial) if truth is UNKNOWN else ()
        for criterion, truth in zip(compiled.criteria, truths, strict=True)
    ]
    criteria = tuple(
        [
            _criterion(criterion, setting, found, names, compiled)
            for criterion, found, names in zip(compiled.criteria, resolved, lacking, strict=True)
        ]
    )
    verdict, cohorts = _verdicts(trial, criteria)
    counts: dict[Status, int] = {"met": 0, "failed": 0, "undetermined": 0}
    for criterion in criteria:
        counts[criterion.status] += 1
    day = rescreening_day(compiled, setting, truths) if counts["failed"] else None
    return Report.model_construct(
        schema_="prescreen/report/1",
        trial=trial.id,
        title=trial.title,
        rules_sha256=trial.sha256,
        catalogue_sha256=trial.catalogue.sha256,
        ranges_sha256=None if ranges is None else ranges.sha256,
        candidate=candidate.profile.id,
        screening_date=on.isoformat(),
        verdict=verdict,
        cohorts=cohorts,
        source_complete=trial.complete,
        source_gaps=trial.gaps,
        criteria=criteria,
        next_facts=next_facts(compiled, setting, truths, lacking, counts["failed"] == 0),
        questions=tuple([ask(name, trial) for name in dict.fromkeys(name for names in lacking for name in names)]),
        rescreen_on=None if day is None else day_text(day),
        counts=counts,
        issues=tuple(_issues(facts, setting, trial)),
    )


def _criterion(
    compiled: CompiledCriterion, setting: Setting, resolved: Resolved, lacking: tuple[str, ...], trial: CompiledTrial
) -> CriterionReport:
    criterion = compiled.criterion
    truth = resolved.truth
    tree = explain(compiled.root, setting, trial.trial)
    turn = turning(compiled, setting, truth, trial)
    return CriterionReport(
        criterion.id,
        criterion.kind,
        _STATUS[compiled.excludes][truth],
        truth.known,
        resolved.exact,
        criterion.text,
        headline(tree, truth),
        tree,
        deciding(compiled, setting, truth, trial),
        lacking,
        None if turn is None else day_text(turn[0]),
        _conflict(compiled, setting),
        criterion.cohorts,
        criterion.section,
        criterion.item,
        criterion.reading,
        None if turn is None else _STATUS[compiled.excludes][turn[1]],
    )


def _conflict(compiled: CompiledCriterion, setting: Setting) -> bool:
    for node in compiled.root.leaves():
        found = setting.found[node.number]
        if isinstance(found, results.Found | events.Found) and found.conflict:
            return True
    return False


def headline(tree: Explanation, truth: Truth) -> str:
    """The findings that carry a status, in one line."""
    found: dict[str, None] = {}
    _telling(tree, truth.known, found)
    texts = [text if text[0].isdigit() else text[0].upper() + text[1:] for text in found if text]
    if len(texts) > _MOST_HEADLINE:
        texts = [*texts[:_MOST_HEADLINE], f"and {len(texts) - _MOST_HEADLINE} more"]
    return "; ".join(texts) or "Nothing is asked of this candidate"


def _telling(node: Explanation, truth: bool | None, found: dict[str, None]) -> None:
    """Collect the findings of leaves on which a node's truth rests."""
    if not node.children:
        if node.finding:
            found[node.finding] = None
        return
    if node.truth is not truth:
        # A tautology: no leaf alone carries the status, all of them together do.
        for child in node.children:
            _telling(child, child.truth, found)
        return
    children = node.children
    match node.node:
        case "not":
            _telling(children[0], children[0].truth, found)
        case "if":
            _telling(children[0], children[0].truth, found)
            for child, branch in zip(children[1:], (True, False), strict=False):
                if children[0].truth in (branch, None):
                    _telling(child, child.truth, found)
        case "unless":
            for child in children:
                if child.truth is truth or (truth is False and child is children[1]) or child.truth is None:
                    _telling(child, child.truth, found)
        case "any" if truth is True:
            _telling(next(child for child in children if child.truth is True), True, found)
        case "all" if truth is False:
            _telling(next(child for child in children if child.truth is False), False, found)
        case _:
            for child in children:
                if child.truth is truth:
                    _telling(child, truth, found)


def _verdicts(trial: Trial, criteria: tuple[CriterionReport, ...]) -> tuple[Verdict, dict[str, Verdict]]:
    """The verdict, and one per cohort where there are cohorts; overall the best of them (semantics §2)."""
    if not trial.cohorts:
        return _verdict(trial, [criterion.status for criterion in criteria]), {}
    cohorts = {
        cohort.id: _verdict(trial, [c.status for c in criteria if not c.cohorts or cohort.id in c.cohorts])
        for cohort in trial.cohorts
    }
    order: tuple[Verdict, ...] = ("eligible", "undetermined", "ineligible")
    return min(cohorts.values(), key=order.index), cohorts


def _verdict(trial: Trial, statuses: list[Status]) -> Verdict:
    if "failed" in statuses:
        return "ineligible"
    if "undetermined" in statuses or not trial.complete:
        return "undetermined"
    return "eligible"


def _issues(facts: Facts, setting: Setting, trial: Trial) -> list[Issue]:
    """Data issues of the profile, and what this screening did not use."""
    found = [Issue(issue.code, issue.path, issue.message) for issue in facts.issues]
    now = setting.now
    for some in facts.results.values():
        found += [_later(f"observations[{r.index}]", r) for r in some if r.low > now]
    for domain, records in facts.events.items():
        for record in records:
            if record.start is not None and record.start.low > now and "planned" not in record.statuses:
                found.append(
                    Issue("later", f"{domain}[{record.index}]", f"{wording.event_text(record, setting)} lies later than the screening day; not used")
                )
    for name in facts.answers:
        prefix, _, question = name.rpartition(":")
        if prefix in ("", trial.id) and question not in trial.questions:
            found.append(Issue("unknown-answer", f"answers.{name}", f"the trial asks no question named `{question}`"))
    for name in facts.anchors:
        if name not in trial.anchors:
            found.append(Issue("unknown-anchor", f"anchors.{name}", f"the trial has no anchor named `{name}`"))
    return found


def _later(path: str, result: Result) -> Issue:
    return Issue("later", path, f"{result.concept.name} of {result.when.text} lies later than the screening day; not used")
