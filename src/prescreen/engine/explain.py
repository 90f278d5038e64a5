"""The explanation of a criterion: the tree of its condition with what each leaf found (semantics §7)."""

from __future__ import annotations

from typing import Final

from prescreen.candidate.facts import KIND_OF, EventFact, Result
from prescreen.catalogue import Catalogue
from prescreen.engine import events, results, wording
from prescreen.engine.compare import limits_of, threshold_for, threshold_magnitude
from prescreen.engine.compile import CompiledCriterion, LeafNode, share
from prescreen.engine.derive import formula_of
from prescreen.engine.setting import Setting
from prescreen.language.model import (
    Age,
    Answer,
    Comparison,
    Event,
    Observation,
    Sex,
    Trial,
)
from prescreen.quantities import compare
from prescreen.report.model import Evidence, Explanation
from prescreen.truth import FALSE, UNKNOWN, Truth, known

_MOST_EVIDENCE: Final = 12


def explain(criterion: CompiledCriterion, truths: list[Truth], setting: Setting, trial: Trial) -> list[Explanation]:
    """Every node of a criterion by place, the whole tree last: its truth (from `truths`), of leaves the evidence."""
    trees: list[Explanation] = []
    for node in criterion.nodes:
        truth = truths[node.place]
        if isinstance(node, LeafNode):
            trees.append(_explained(node, truth, setting, trial))
        else:
            parts = tuple([trees[child.place] for child in node.children])
            own = known(truth)
            trees.append(Explanation(node.kind, own, node.requirement, None, None, None, None, None, (), parts))
    return trees


def _explained(node: LeafNode, truth: Truth, setting: Setting, trial: Trial) -> Explanation:
    constant = node.find(setting).constant
    if constant is None:
        return _leaf(node, truth, setting, trial)
    made: Explanation | None = node.memory.get(constant)
    if made is None:
        made = _leaf(node, truth, setting, trial)
        share(node.memory, constant, made)
    return made


def _leaf(node: LeafNode, truth: Truth, setting: Setting, trial: Trial) -> Explanation:
    found = node.find(setting)
    leaf = node.condition
    match leaf:
        case Observation():
            assert isinstance(found, results.Found)
            return _observation(node, leaf, found, setting, trial)
        case Event():
            assert isinstance(found, events.Found)
            finding, reason = wording.event_finding(node, leaf, found, setting)
            return Explanation(
                KIND_OF[leaf.domain], known(truth), node.requirement, finding, None, None, None, reason,
                _event_evidence(leaf, found, setting, trial.catalogue),
            )  # fmt: skip
        case Age():
            finding, reason = wording.age_finding(leaf, setting)
            return Explanation("age", known(truth), node.requirement, finding, leaf.text, reason=reason)
        case Sex():
            finding, reason = wording.sex_finding(leaf, setting)
            return Explanation("sex", known(truth), node.requirement, finding, leaf.sex, reason=reason)
        case Answer():
            words = trial.questions[leaf.question].text.strip()
            finding, reason = wording.answer_finding(leaf, truth, setting.facts, trial.id, words)
            return Explanation("answer", known(truth), node.requirement, finding, reason=reason)
        case _:
            raise TypeError(leaf)


def _observation(
    node: LeafNode, leaf: Observation, found: results.Found, setting: Setting, trial: Trial
) -> Explanation:
    requirement = node.requirement
    telling = wording.telling(found)
    finding, reason = wording.observation_finding(node, leaf, found, telling, setting, trial.catalogue)
    if telling is None:
        stale = () if found.stale is None else (_result_evidence(found.stale, "outside", None, None),)
        return Explanation("observation", known(found.truth), requirement, finding, None, None, None, reason, stale)
    threshold, limit, margin = _compared(leaf, telling, setting)
    evidence: list[Evidence] = []
    beside: list[Evidence] = []
    for place, result in enumerate(found.results):
        if place == _MOST_EVIDENCE:
            break
        note = result.problem[1] if result.problem is not None else None
        evidence.append(_result_evidence(result, _role(result, found.truths[place], found), note, result.concept.unit))
        for used in result.inputs:
            source = formula_of(result.concept).source
            beside.append(_result_evidence(used, "considered", f"input of {result.concept.name}: {source}", None))
    if found.earlier:
        earlier = found.earlier[:_MOST_EVIDENCE]
        beside += [_result_evidence(each, "considered", "the earlier result", None) for each in earlier]
    evidence += beside
    return Explanation(
        "observation", known(found.truth), requirement, finding, threshold, limit, margin, reason, tuple(evidence)
    )


def _compared(leaf: Observation, result: Result, setting: Setting) -> tuple[str | None, str | None, float | None]:
    """The threshold as compared, where its limit came from, and the distance to it as a ratio."""
    if len(leaf.tests) == 1 and not isinstance(leaf.tests[0], Comparison):
        return None, None, None
    texts: list[str] = []
    sources: list[str] = []
    margin: float | None = None
    unit = result.concept.unit
    for test in leaf.tests:
        if not isinstance(test, Comparison):
            continue
        threshold = threshold_for(result, test)
        if threshold is None:
            continue
        number = threshold_magnitude(result, test, setting)
        if number is None:
            texts.append(threshold.text)
            continue
        text = wording.with_unit(number, unit)
        if threshold.of is None:
            texts.append(text if text == threshold.text else f"{threshold.text} = {text}")
        elif threshold.of == "LLOD":
            texts.append(f"{text} ({threshold.text})")
            sources.append(f"LLOD {wording.with_unit(result.lod, unit)}: the result's own" if result.lod else "")
        else:
            chosen = limits_of(result, threshold.of, setting)[0]
            assert chosen.number is not None
            texts.append(f"{text} ({threshold.text})")
            sources.append(f"{threshold.of} {wording.with_unit(chosen.number, unit)}: {chosen.source}")
        if result.is_point and result.value_low is not None and number.approx:
            level = compare(result.value_low, number) == 0
            distance = 0.0 if level else wording.rounded(result.value_low.approx / number.approx - 1)
            if margin is None or abs(distance) < abs(margin):
                margin = distance
    return _joined(texts), _joined(sources), margin


def _joined(texts: list[str]) -> str | None:
    """Different texts as one; most often there is but one."""
    if len(texts) == 1:
        return texts[0] or None
    return "; ".join(dict.fromkeys([text for text in texts if text])) or None


def _role(result: Result, truth: Truth, found: results.Found) -> str:
    if result.problem is not None:
        return "unusable"
    if found.conflict:
        return "conflicts"
    return "decides" if found.truth is not UNKNOWN and truth is found.truth else "considered"


def _result_evidence(result: Result, role: str, note: str | None, unit: str | None) -> Evidence:
    if result.record is None:
        first = result.inputs[0]
        return Evidence(
            f"observations[{first.index}]", f"{result.concept.name} (derived)", wording.value_text(result),
            first.dated, None, None, role, note or formula_of(result.concept).source,
        )  # fmt: skip
    compared = None
    if unit and result.value_low is not None and result.is_point and result.unit != unit:
        compared = wording.with_unit(result.value_low, unit)
    return Evidence(
        f"observations[{result.index}]", result.concept.name, result.written, result.dated, result.source,
        compared, role, note,
    )  # fmt: skip


def _event_evidence(leaf: Event, found: events.Found, setting: Setting, catalogue: Catalogue) -> tuple[Evidence, ...]:
    evidence = []
    for record, truth, aspects in found.matches[:_MOST_EVIDENCE]:
        role = "conflicts" if "conflict" in aspects else "considered" if truth is UNKNOWN else "decides"
        notes = [*aspects, *([wording.equivalent_text(record, leaf, catalogue)] if leaf.equivalent else [])]
        evidence.append(_record_evidence(record, role, ", ".join(notes) or None))
    if found.truth is FALSE or found.conflict:
        evidence += [
            _record_evidence(record, "decides", "says that it is not so")
            for record in found.seen
            if record.denies and record.name in found.against
        ]
    return tuple(evidence)


def _record_evidence(record: EventFact, role: str, note: str | None) -> Evidence:
    dates = [when.text for when in (record.start, record.end) if when is not None]
    return Evidence(
        f"{record.domain}[{record.index}]", record.label, record.status,
        " to ".join(dict.fromkeys(dates)) or None, record.source, None, role, note,
    )  # fmt: skip
