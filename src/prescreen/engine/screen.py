"""Screen a candidate: statuses, verdict, and the report that explains them."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final

from prescreen.candidate.facts import Candidate, Facts, Result
from prescreen.engine import wording
from prescreen.engine.cases import resolve, truth_of
from prescreen.engine.change import Later, Turn, rescreening_day, turning
from prescreen.engine.compile import (
    AllNode,
    AnyNode,
    CompiledCriterion,
    CompiledTrial,
    IfNode,
    Node,
    NotNode,
    SavedNode,
    SparedNode,
)
from prescreen.engine.deciding import deciding, restrict
from prescreen.engine.explain import explain
from prescreen.engine.missing import missing
from prescreen.engine.next import Ways, next_facts, ways
from prescreen.engine.setting import Setting
from prescreen.engine.timing import contradicts_itself
from prescreen.issues import Issue
from prescreen.language.model import Trial
from prescreen.ranges import Ranges
from prescreen.report.model import CriterionReport, Explanation, Missing, Report, Status, Verdict
from prescreen.time import day_text
from prescreen.truth import FALSE, TRUE, UNKNOWN, Truth, known

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
    found: dict[str, Status] = {}
    for criterion in compiled.criteria:
        truth = truth_of(criterion, setting, trial)
        met = FALSE if criterion.excludes else TRUE
        found[criterion.criterion.id] = "undetermined" if truth is UNKNOWN else "met" if truth is met else "failed"
    return found


def report(trial: Trial, candidate: Candidate, on: date, ranges: Ranges | None = None) -> Report:
    """The full report of one candidate on a screening day; pure: the same input gives the same report."""
    compiled = compiled_trial(trial)
    facts = candidate.facts(trial.catalogue)
    setting = compiled.setting(facts, on.toordinal(), ranges)
    later = Later(compiled, setting)
    results_of = [_result(criterion, later) for criterion in compiled.criteria]
    criteria = tuple([found.report for found in results_of])
    truths = [found.truth for found in results_of]
    verdict, cohorts = _verdicts(trial, criteria)
    counts: dict[Status, int] = {"met": 0, "failed": 0, "undetermined": 0}
    for criterion in criteria:
        counts[criterion.status] += 1
    day = rescreening_day(later, truths, [found.turn for found in results_of]) if verdict == "ineligible" else None
    return Report(
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
        next_facts=next_facts(compiled, [found.ways for found in results_of], verdict != "ineligible"),
        questions=_questions(criteria, compiled),
        rescreen_on=None if day is None else day_text(day),
        counts=counts,
        issues=tuple(_issues(facts, setting, trial)),
    )


class _Result:
    """A criterion's report with what the trial as a whole is made of: its truth, how it could be settled, and the day
    on which it turns."""

    __slots__ = ("report", "truth", "turn", "ways")

    def __init__(self, report: CriterionReport, truth: Truth, ways: Ways | None, turn: Turn | None) -> None:
        self.report = report
        self.truth = truth
        self.ways = ways
        self.turn = turn


def _result(criterion: CompiledCriterion, later: Later) -> _Result:
    """A criterion's result; remembered where none of the candidate's own records is in it, as for all who have
    nothing on file, or answered the same."""
    compiled, setting, facts = later.compiled, later.setting, later.setting.facts
    criterion.root.evaluate(setting)
    key: list[object] = [setting.day]
    for number in criterion.numbers:
        found = compiled.leaves[number].find(setting)
        if found.constant is None:
            return _made(criterion, later)
        key.append(found.constant)
    for name in criterion.anchors:
        when = facts.anchors.get(name)
        key.append(None if when is None else when.text)
    remembered: _Result | None = criterion.memory.get(tuple(key))
    if remembered is None:
        # Made without the records that are not in it: how many there are bounds what is tried, and others share this.
        names = [f"answer:{name}" for name in facts.answers] + [f"complete:{domain}" for domain in facts.complete]
        names += [f"anchor:{name}" for name in criterion.anchors if name in facts.anchors]
        bare = compiled.setting(restrict(facts, names), setting.day, None)
        criterion.root.evaluate(bare)
        remembered = _made(criterion, Later(compiled, bare))
        criterion.remember(tuple(key), remembered)
    return remembered


def _made(compiled: CompiledCriterion, later: Later) -> _Result:
    trial, setting = later.compiled, later.setting
    criterion = compiled.criterion
    resolved = resolve(compiled, setting, trial.trial)
    truth = resolved.truth
    lacking = missing(compiled, setting, trial.trial) if truth is UNKNOWN else ()
    truths = compiled.truths(setting)
    trees = explain(compiled, truths, setting, trial.trial)
    turn = turning(compiled, truth, later)
    report = CriterionReport(
        criterion.id,
        criterion.kind,
        _STATUS[compiled.excludes][truth],
        known(truth),
        resolved.exact,
        criterion.text,
        _headline(compiled, truths, trees, truth),
        trees[-1],
        deciding(compiled, truths, setting, truth, trial),
        lacking,
        None if turn is None else day_text(turn[0]),
        _conflict(compiled, setting, trial),
        criterion.cohorts,
        criterion.section,
        criterion.item,
        criterion.reading,
        None if turn is None else _STATUS[compiled.excludes][turn[1]],
    )
    return _Result(report, truth, ways(compiled, setting, lacking, trial.trial) if truth is UNKNOWN else None, turn)


def _questions(criteria: tuple[CriterionReport, ...], compiled: CompiledTrial) -> tuple[Missing, ...]:
    names = dict.fromkeys([name for criterion in criteria for name in criterion.missing])
    return tuple([compiled.asked(name) for name in names])


def _conflict(compiled: CompiledCriterion, setting: Setting, trial: CompiledTrial) -> bool:
    return any(trial.leaves[number].find(setting).conflict for number in compiled.numbers)


def findings(compiled: CompiledCriterion, truth: Truth, setting: Setting, trial: Trial) -> tuple[str, ...]:
    """What leaves found, in words, as far as a criterion's truth rests on it.

    That of which its headline is made; of a truth that is known, without leaves that are open, as long as others tell.
    """
    truths = compiled.truths(setting)
    trees = explain(compiled, truths, setting, trial)
    found: dict[str, None] = {}
    _telling(compiled.root, truth, truths, trees, found)
    if truth is not UNKNOWN:
        open_ones = {trees[node.place].finding for node in compiled.root.leaves() if truths[node.place] is UNKNOWN}
        found = {text: None for text in found if text not in open_ones} or found
    return tuple([text if text[0].isdigit() else text[0].upper() + text[1:] for text in found])


def _headline(criterion: CompiledCriterion, truths: list[Truth], trees: list[Explanation], truth: Truth) -> str:
    """The findings that carry a status, in one line."""
    found: dict[str, None] = {}
    _telling(criterion.root, truth, truths, trees, found)
    texts = []
    for text in found:
        texts.append(text if text[1:2].isupper() else text[:1].upper() + text[1:])  # eGFR is no EGFR
        if len(texts) == _MOST_HEADLINE:
            break
    if len(found) > _MOST_HEADLINE:
        texts.append(f"and {len(found) - _MOST_HEADLINE} more")
    return "; ".join(texts) or "Nothing is asked of this candidate"


def _telling(node: Node, truth: Truth, truths: list[Truth], trees: list[Explanation], found: dict[str, None]) -> None:
    """Collect the findings of leaves on which a node's truth rests."""
    children = node.children
    if not children:
        finding = trees[node.place].finding
        if finding:
            found[finding] = None
        return
    if truths[node.place] is not truth:
        # A tautology: no leaf alone carries the status, all of them together do.
        for child in children:
            _telling(child, truths[child.place], truths, trees, found)
        return
    first = truths[children[0].place]
    if isinstance(node, NotNode):
        _telling(children[0], first, truths, trees, found)
    elif isinstance(node, IfNode):
        _telling(children[0], first, truths, trees, found)
        for child, branch in zip(children[1:], (TRUE, FALSE), strict=False):
            if first is branch or first is UNKNOWN:
                _telling(child, truths[child.place], truths, trees, found)
    elif isinstance(node, (SavedNode, SparedNode)):
        # saved by either part, or failed by both; spared (not by the requirement, or by the exception), or caught
        # by the requirement without the exception: in each case what carries the truth is told.
        _telling(children[0], first, truths, trees, found)
        second = truths[children[1].place]
        if second is not FALSE or first is not UNKNOWN:
            _telling(children[1], second, truths, trees, found)
    else:
        one = (isinstance(node, AnyNode) and truth is TRUE) or (isinstance(node, AllNode) and truth is FALSE)
        for child in children:
            if truths[child.place] is truth:
                _telling(child, truth, truths, trees, found)
                if one:
                    return


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
    found = list(facts.issues)
    now = setting.now
    for some in facts.results.values():
        found += [_later(facts.place(f"observations[{r.index}]"), r) for r in some if r.low > now]
    for domain, records in facts.events.items():
        for record in records:
            if record.start is not None and record.start.low > now and "planned" not in record.statuses:
                found.append(
                    Issue(
                        "later",
                        facts.place(f"{domain}[{record.index}]"),
                        f"{wording.event_text(record, setting)} lies later than the screening day; not used",
                    )
                )
            if contradicts_itself(record, setting):
                text = f"{wording.event_text(record, setting)}: said to go on although it has ended"
                found.append(Issue("contradiction", facts.place(f"{domain}[{record.index}]"), text))
    for name in facts.answers:
        prefix, _, question = name.rpartition(":")
        if prefix in ("", trial.id) and question not in trial.questions:
            found.append(
                Issue(
                    "unknown-answer", facts.place(f"answers.{name}"), f"the trial asks no question named `{question}`"
                )
            )
    for name in facts.anchors:
        if name not in trial.anchors:
            found.append(Issue("unknown-anchor", f"anchors.{name}", f"the trial has no anchor named `{name}`"))
    return found


def _later(path: str, result: Result) -> Issue:
    return Issue(
        "later", path, f"{result.concept.name} of {result.when.text} lies later than the screening day; not used"
    )
