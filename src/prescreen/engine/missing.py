"""Missing facts: what two completions may differ in alone and yet differ in status, by name, with whom to ask.

Names: ``observation:ALT``, ``observation:ALT#reference_range``, ``condition:malignancy#date``,
``complete:conditions``, ``answer:informed-consent``, ``anchor:enrolment``, ``birth_date``, ``sex``.
"""

from __future__ import annotations

from prescreen.candidate.facts import KIND_OF, EventFact, Result
from prescreen.engine import events, results
from prescreen.engine.cases import MOST_TRIED, Budget, TooManyCasesError, UncutError, cost_of, key_uses, matters
from prescreen.engine.compare import limits_of, threshold_for
from prescreen.engine.compile import CompiledCriterion, LeafNode, Node, share
from prescreen.engine.keys import (
    AnchorKey,
    AnswerKey,
    BirthKey,
    DateKey,
    EventKey,
    FreeKeyOf,
    Key,
    ResultKey,
    SexKey,
    TieKey,
)
from prescreen.engine.open import open_keys, undecided
from prescreen.engine.setting import Setting
from prescreen.engine.timing import LASTING
from prescreen.language.model import Answer, Comparison, Detected, Event, Observation, Trial
from prescreen.truth import TRUE


def missing(criterion: CompiledCriterion, setting: Setting, trial: Trial) -> tuple[str, ...]:
    """The missing facts of an undetermined criterion, in the order of its leaves."""
    names: dict[str, None] = {}
    if not criterion.repeats_in(setting):
        for leaf in undecided(criterion.root, setting):
            for name in leaf_names(leaf, setting):
                names[name] = None
        return tuple(names)
    uses = key_uses(criterion.root, setting)
    repeated = any(count > 1 for count in uses.values())
    budget = Budget(cost_of(criterion, setting), MOST_TRIED)
    tipping = {key for key in uses if _matters(criterion.root, setting, trial, key, budget)} if repeated else None
    for leaf in undecided(criterion.root, setting):
        for key in open_keys(leaf, setting):
            if tipping is None or key in tipping:
                names.update(dict.fromkeys(key_names(key, leaf, setting)))
    if not names:  # nothing alone tips the balance: all of it is wanted
        for leaf in undecided(criterion.root, setting):
            names.update(dict.fromkeys(leaf_names(leaf, setting)))
    return tuple(names)


def _matters(root: Node, setting: Setting, trial: Trial, key: Key, budget: Budget) -> bool:
    """Whether a fact can tip the balance; where that is too much to find out, it is asked for all the same."""
    try:
        return matters(root, setting, trial, key, budget)
    except (TooManyCasesError, UncutError):
        return True


def leaf_names(leaf: Node, setting: Setting) -> tuple[str, ...]:
    """All names of what an undecided leaf waits for."""
    found = setting.found[leaf.number]
    assert found is not None
    if isinstance(found, results.Found) and not found.results and not found.lacking:
        assert isinstance(leaf.condition, Observation)
        return (f"observation:{leaf.condition.code}",)
    if isinstance(leaf.condition, Answer):
        return (f"answer:{leaf.condition.question}",)
    if found.wanted is not None:
        return found.wanted
    names: dict[str, None] = {}
    for key in open_keys(leaf, setting):
        for name in key_names(key, leaf, setting):
            names[name] = None
    wanted = tuple(names)
    if isinstance(found, (results.Found, events.Found)):  # what is found of a person is shared by all leaves
        found.wanted = wanted
    return wanted


def key_names(key: Key, leaf: Node, setting: Setting) -> tuple[str, ...]:
    """The names of an open fact as a leaf sees it."""
    match key:
        case EventKey(event):  # the commonest
            found = setting.found[leaf.number]
            asks = found.asks(event) if isinstance(found, events.Found) else None
            if asks is None or not isinstance(leaf, LeafNode):
                return _event_names(event, found)
            names: tuple[str, ...] | None = leaf.names.get(asks)
            if names is None:
                names = _event_names(event, found)
                share(leaf.names, asks, names)
            return names
        case AnchorKey(name):
            return (f"anchor:{name}",)
        case SexKey():
            return ("sex",)
        case BirthKey():
            return ("birth_date",)
        case AnswerKey(question):
            return (f"answer:{question}",)
        case DateKey(code, _):
            found = setting.found[leaf.number]
            if isinstance(found, results.Found) and found.conflict:
                return (f"observation:{code}",)
            return (f"observation:{code}#date",)
        case TieKey(code, _, _):
            return (f"observation:{code}",)
        case FreeKeyOf(free):
            found = setting.found[leaf.number]
            lacking = found.lacking if isinstance(found, results.Found) else ()
            return (f"observation:{free[0]}", *lacking)
        case ResultKey(code, index):
            return _result_names(code, index, leaf, setting)


def _result_names(code: str, index: int, leaf: Node, setting: Setting) -> tuple[str, ...]:
    assert isinstance(leaf.condition, Observation)
    result = setting.facts.result(index)
    name = f"observation:{code}"
    if result.problem is not None:
        return (f"{name}#unit",) if result.problem[0] == "unit" else (name,)
    names: dict[str, None] = {}
    for test in leaf.condition.tests:
        if isinstance(test, Comparison):
            names.update(dict.fromkeys(_comparison_names(name, result, test, setting)))
        elif isinstance(test, Detected) and result.lod is None:
            names[f"{name}#detection_limit"] = None
        elif not result.is_point:
            names[name] = None
    select, found = leaf.condition.select, setting.found[leaf.number]
    if not names and select.how == "mean_of" and result.is_point and isinstance(found, results.Found):
        # All of it is known: the mean waits for what is not known of another, or for one more.
        return () if len(found.results) >= select.count else (name,)
    return tuple(names) or (name,)


def _comparison_names(name: str, result: Result, test: Comparison, setting: Setting) -> list[str]:
    threshold = threshold_for(result, test)
    names = []
    if threshold is not None and threshold.of == "LLOD" and result.lod is None:
        return [f"{name}#detection_limit"]
    if (
        threshold is not None
        and (threshold.of == "ULN" or threshold.of == "LLN")
        and any(limit.number is None for limit in limits_of(result, threshold.of, setting))
    ):
        names.append(f"{name}#reference_range")
    if not result.is_point:
        names.append(name)
    return names


def _event_names(leaf: Event, found: object) -> tuple[str, ...]:
    kind = KIND_OF[leaf.domain]
    names: dict[str, None] = {}
    codes = leaf.codes
    if isinstance(found, events.Found):
        for record, _, aspects in found.matches:
            code = min(record.related.named, default=leaf.codes[0])
            open_ones = (*aspects, *_tallied(leaf, record))
            names.update(
                {f"{kind}:{code}#{aspect}": None for aspect in open_ones if aspect not in ("duration", "anchor")}
            )
        if found.absent:
            return tuple(names)
        if leaf.count:
            # What is counted already is not counted twice.
            counted = {code for record, truth, _ in found.matches if truth is TRUE for code in record.is_a}
            codes = tuple([code for code in codes if code not in counted])
    names.update({f"{kind}:{code}": None for code in codes})
    names[f"complete:{leaf.domain}"] = None
    return tuple(names)


def _tallied(leaf: Event, record: EventFact) -> list[str]:
    """What is open about a record that surely counts, but not for how much: its days, or its dose."""
    if not leaf.lines and not leaf.equivalent:
        return []
    names = []
    if record.start is None or not record.start.is_one_day:
        names.append("date")
    if not record.end.is_one_day if record.end is not None else record.statuses != {LASTING.get(record.domain)}:
        names.append("end")
    if leaf.equivalent and getattr(record.record, "daily_dose", None) is None:
        names.append("daily_dose")
    return names
