"""The explanation of a criterion: the tree of its condition with what each leaf found (semantics §7)."""

from __future__ import annotations

from typing import Final

from prescreen.candidate.facts import KIND_OF, EventFact, Result
from prescreen.engine import events, results, wording
from prescreen.engine.compare import limits_of, threshold_for, threshold_magnitude
from prescreen.engine.compile import Node
from prescreen.engine.derive import FORMULAS
from prescreen.engine.setting import Setting
from prescreen.language.model import (
    Age,
    AllOf,
    Answer,
    AnyOf,
    AtLeastOf,
    Comparison,
    Event,
    If,
    Not,
    Observation,
    Sex,
    Trial,
    Unless,
    Use,
)
from prescreen.quantities import compare
from prescreen.report.model import Evidence, Explanation
from prescreen.truth import FALSE, UNKNOWN, Truth

_MOST_EVIDENCE: Final = 12

_NODE_NAMES: Final[dict[type, str]] = {
    AllOf: "all",
    AnyOf: "any",
    Not: "not",
    AtLeastOf: "at_least_of",
    If: "if",
    Use: "use",
    Unless: "unless",
}


def explain(node: Node, truths: list[Truth], setting: Setting, trial: Trial) -> Explanation:
    """The tree of a condition with every node's truth (`truths`, by place) and every leaf's evidence."""
    truth = truths[node.place]
    if node.number < 0:
        children = tuple([explain(child, truths, setting, trial) for child in node.children])
        name = _NODE_NAMES[type(node.condition)]
        return Explanation(name, truth.known, node.requirement, None, None, None, None, None, (), children)
    constant = setting.found[node.number].constant
    if constant is None:
        return _leaf(node, truth, setting, trial)
    made: Explanation = node.remembered(constant, lambda: _leaf(node, truth, setting, trial))
    return made


def _leaf(node: Node, truth: Truth, setting: Setting, trial: Trial) -> Explanation:
    found = setting.found[node.number]
    leaf = node.condition
    match leaf:
        case Observation():
            assert isinstance(found, results.Found)
            return _observation(leaf, found, node.requirement, setting, trial)
        case Event():
            assert isinstance(found, events.Found)
            finding, reason = wording.event_finding(leaf, found, setting, trial.catalogue)
            return Explanation(
                KIND_OF[leaf.domain], truth.known, node.requirement, finding, None, None, None, reason,
                _event_evidence(leaf, found, setting),
            )  # fmt: skip
        case Age():
            finding, reason = wording.age_finding(leaf, setting)
            return Explanation("age", truth.known, node.requirement, finding, leaf.text, reason=reason)
        case Sex():
            finding, reason = wording.sex_finding(leaf, setting)
            return Explanation("sex", truth.known, node.requirement, finding, leaf.sex, reason=reason)
        case Answer():
            words = trial.questions[leaf.question].text.strip()
            finding, reason = wording.answer_finding(leaf, truth, setting.facts, trial.id, words)
            return Explanation("answer", truth.known, node.requirement, finding, reason=reason)
        case _:
            raise TypeError(leaf)


def _observation(
    leaf: Observation, found: results.Found, requirement: str, setting: Setting, trial: Trial
) -> Explanation:
    finding, reason = wording.observation_finding(leaf, found, setting, trial.catalogue)
    if not found.results:
        stale = () if found.stale is None else (_result_evidence(found.stale, "outside", None, None),)
        return Explanation("observation", found.truth.known, requirement, finding, None, None, None, reason, stale)
    telling = found.results[0]
    for result, truth in zip(found.results, found.truths, strict=True):
        if truth is found.truth:
            telling = result
            break
    threshold, limit, margin = _compared(leaf, telling, setting)
    evidence = tuple(
        [
            _result_evidence(
                result,
                _role(result, truth, found),
                result.problem[1] if result.problem is not None else None,
                result.concept.unit,
            )
            for result, truth in zip(found.results[:_MOST_EVIDENCE], found.truths, strict=False)
        ]
    )
    inputs = tuple(
        [
            _result_evidence(
                used,
                "considered",
                f"input of {result.concept.name}: {FORMULAS[result.concept.formula or ''].source}",
                None,
            )
            for result in found.results[:_MOST_EVIDENCE]
            for used in result.inputs
        ]
    )
    return Explanation(
        "observation", found.truth.known, requirement, finding, threshold, limit, margin, reason, evidence + inputs
    )


def _compared(leaf: Observation, result: Result, setting: Setting) -> tuple[str | None, str | None, float | None]:
    """The threshold as compared, where its limit came from, and the distance to it as a ratio."""
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
            texts.append(
                text if text == threshold.text else f"{threshold.text} = {text}" if threshold.text != text else text
            )
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
            distance = 0.0 if level else float(f"{result.value_low.approx / number.approx - 1:.6g}")
            if margin is None or abs(distance) < abs(margin):
                margin = distance
    return "; ".join(texts) or None, "; ".join(dict.fromkeys(sources)) or None, margin


def _role(result: Result, truth: Truth, found: results.Found) -> str:
    if result.problem is not None:
        return "unusable"
    if found.conflict:
        return "conflicts"
    return "decides" if found.truth is not UNKNOWN and truth is found.truth else "considered"


def _result_evidence(result: Result, role: str, note: str | None, unit: str | None) -> Evidence:
    record = result.record
    if record is None:
        first = result.inputs[0]
        return Evidence(
            f"observations[{first.index}]", f"{result.concept.name} (derived)", wording.value_text(result),
            first.record.date if first.record is not None else None, None, None, role,
            note or FORMULAS[result.concept.formula or ""].source,
        )  # fmt: skip
    compared = None
    if unit and result.value_low is not None and result.is_point and record.unit != unit:
        compared = wording.with_unit(result.value_low, unit)
    return Evidence(
        f"observations[{result.index}]", result.concept.name, wording.written(record), record.date, record.source,
        compared, role, note,
    )  # fmt: skip


def _event_evidence(leaf: Event, found: events.Found, setting: Setting) -> tuple[Evidence, ...]:
    evidence = []
    for record, truth, aspects in found.matches[:_MOST_EVIDENCE]:
        role = "conflicts" if "conflict" in aspects else "considered" if truth is UNKNOWN else "decides"
        evidence.append(_record_evidence(record, role, ", ".join(aspects) or None))
    if found.truth is FALSE or found.conflict:
        evidence += [
            _record_evidence(record, "decides", "says that it is not so")
            for record in setting.facts.events.get(leaf.domain, ())
            if record.name in found.against
        ]
    return tuple(evidence)


def _record_evidence(record: EventFact, role: str, note: str | None) -> Evidence:
    dates = [when.text for when in (record.start, record.end) if when is not None]
    return Evidence(
        f"{record.domain}[{record.index}]", record.label, getattr(record.record, "status", None),
        " to ".join(dict.fromkeys(dates)) or None, record.record.source, None, role, note,
    )  # fmt: skip
