"""Deciding facts: a subset-minimal set of facts that already forces a criterion's status (semantics §7)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prescreen.candidate.facts import DOMAIN_OF, Domain, EventFact, Facts, Result
from prescreen.engine import events, results
from prescreen.engine.cases import truth_of
from prescreen.engine.compare import limits_of
from prescreen.engine.compile import CompiledCriterion, CompiledTrial, Node, events_of
from prescreen.engine.derive import formula_of
from prescreen.engine.setting import Setting, depends_on_day_only, surely_inside
from prescreen.language.model import (
    SCREENING,
    Age,
    Answer,
    AtLeastOf,
    Comparison,
    Event,
    If,
    Observation,
    Sex,
    Trial,
    Unless,
    Window,
)
from prescreen.truth import FALSE, TRUE, UNKNOWN, Truth, negation

Names = tuple[str, ...]
_MOST_SPARED: Final = 100
_PLAIN: Final = frozenset({"all", "any", "not", "use"})


class _Proof:
    """Facts that force a truth, as they are gathered: their names, the leaves that they decide, and whether the facts
    of each leaf are plainly as few as can be."""

    __slots__ = ("leaves", "names", "plain", "trial")

    def __init__(self, trial: str) -> None:
        self.trial = trial
        self.names: dict[str, None] = {}
        self.leaves: set[int] = set()
        self.plain = True

    def take(self, other: _Proof) -> None:
        self.names.update(other.names)
        self.leaves |= other.leaves
        self.plain = self.plain and other.plain


def deciding(
    criterion: CompiledCriterion, truths: list[Truth], setting: Setting, truth: Truth, compiled: CompiledTrial
) -> Names:
    """The facts that force a known truth; the same ones for the same input, none of them superfluous.

    truths: of every node, by Kleene's tables; truth: the criterion's own.
    """
    if truth is UNKNOWN or _of_nothing(criterion, setting, compiled) is truth:
        return ()
    proof = _Proof(compiled.trial.id)
    if truths[criterion.root.place] is truth:
        _force(criterion.root, truths, setting, proof)
    else:
        proof.names, proof.plain = dict.fromkeys(_everything(criterion, setting, compiled.trial)), False
    names = tuple(proof.names)
    repeats = criterion.repeats_in(setting)
    if not repeats and (len(names) < 2 or (proof.plain and _read_once(criterion, proof.leaves))):
        return names
    if len(names) < 2:
        return names
    kept = list(names)
    for name in reversed(names[:_MOST_SPARED]):
        fewer = [other for other in kept if other != name]
        if not fewer:
            break  # of nothing the truth is another
        restricted = compiled.setting(restrict(setting.facts, fewer), setting.day, setting.ranges)
        if truth_of(criterion, restricted, compiled.trial) is truth:
            kept = fewer
    return tuple(kept)


def _of_nothing(criterion: CompiledCriterion, setting: Setting, compiled: CompiledTrial) -> Truth:
    """The truth of a criterion for somebody of whom nothing is known: UNKNOWN but for tautologies."""
    key = ("of nothing", setting.day)
    found: Truth | None = criterion.memory.get(key)
    if found is None:
        blank = compiled.setting(restrict(setting.facts, ()), setting.day, None)
        found = truth_of(criterion, blank, compiled.trial)
        criterion.remember(key, found)
    return found


def _read_once(criterion: CompiledCriterion, leaves: set[int]) -> bool:
    """Whether the facts of some leaves tell nothing of the other leaves, so that none of them can be spared.

    Taking away a fact then leaves one of these leaves open, and with it the criterion.
    """
    key = ("read once", frozenset(leaves))
    known: bool | None = criterion.memory.get(key)
    if known is None:
        inside: set[str] = set()
        outside: set[str] = set()
        for number, keys in criterion.reach:
            if number in leaves:
                inside |= keys
            else:
                outside |= keys
        known = inside.isdisjoint(outside)
        criterion.remember(key, known)
    return known


def restrict(facts: Facts, names: Iterable[str]) -> Facts:
    """The facts as if only those named were on file."""
    kept: dict[str, set[int]] = {}
    plain: set[str] = set()
    for name in names:
        head, bracket, index = name.rpartition("[")
        if bracket:
            kept.setdefault(head, set()).add(int(index[:-1]))
        else:
            plain.add(name)
    results: dict[str, tuple[Result, ...]] = {}
    events: dict[Domain, tuple[EventFact, ...]] = {}
    for head, indexes in kept.items():
        kind, _, code = head.partition(":")
        if kind == "observation":
            results[code] = tuple(result for result in facts.results[code] if result.index in indexes)
        else:
            domain = DOMAIN_OF[kind]
            chosen = [record for record in facts.events[domain] if record.index in indexes]
            events[domain] = tuple(sorted((*events.get(domain, ()), *chosen), key=lambda record: record.index))
    return Facts(
        facts.profile,
        results,
        events,
        facts.birth if "birth_date" in plain else None,
        facts.sex if "sex" in plain else None,
        {name: answer for name, answer in facts.answers.items() if f"answer:{name}" in plain},
        {name: when for name, when in facts.anchors.items() if f"anchor:{name}" in plain},
        {domain: what for domain, what in facts.complete.items() if f"complete:{domain}" in plain},
        facts.issues,
    )


def _everything(criterion: CompiledCriterion, setting: Setting, trial: Trial) -> Names:
    """All facts on file that some leaf of the criterion looks at."""
    facts = setting.facts
    names: dict[str, None] = {}
    for node in criterion.root.leaves():
        leaf = node.condition
        match leaf:
            case Observation():
                for code in (leaf.code, *trial.catalogue.observations[leaf.code].inputs):
                    for result in facts.results.get(code, ()):
                        names[result.name] = None
                found = setting.found[node.number]
                if isinstance(found, results.Found):
                    names.update(dict.fromkeys(_beside(leaf, found, setting)))
            case Event():
                for record in facts.events.get(leaf.domain, ()):
                    names[record.name] = None
                if leaf.domain in facts.complete:
                    names[f"complete:{leaf.domain}"] = None
            case Answer():
                for name in (f"{trial.id}:{leaf.question}", leaf.question):
                    if name in facts.answers:
                        names[f"answer:{name}"] = None
            case _:
                pass
    told = set().union(*(keys for _, keys in criterion.reach))
    names.update({f"anchor:{name}": None for name in facts.anchors if f"anchor:{name}" in told})
    if facts.birth is not None and "birth_date" in told:
        names["birth_date"] = None
    if facts.sex is not None and "sex" in told:
        names["sex"] = None
    return tuple(names)


def _force(node: Node, truths: list[Truth], setting: Setting, proof: _Proof) -> None:
    """Gather facts that force a node's known truth."""
    truth = truths[node.place]
    if node.number >= 0:
        names, plain = _of_leaf(node, setting, truth, proof.trial)
        for name in names:
            proof.names[name] = None
        proof.leaves.add(node.number)
        proof.plain = proof.plain and plain
        return
    condition, children = node.condition, node.children
    if node.kind in _PLAIN:
        if len(children) == 1 or truth is (TRUE if node.kind == "all" else FALSE):
            for child in children:
                _force(child, truths, setting, proof)
        else:
            _fewest([child for child in children if truths[child.place] is truth], truths, setting, 1, proof)
        return
    match condition:
        case If():
            _choose(children, truths, setting, proof)
        case AtLeastOf():
            wanted = condition.count if truth is TRUE else len(children) - condition.count + 1
            _fewest([child for child in children if truths[child.place] is truth], truths, setting, wanted, proof)
        case Unless():
            # Saved by either part, or failed by both; spared by either (not by the exception), or caught by both.
            child, exception = children
            agreeing = [child] if truths[child.place] is truth else []
            if truths[exception.place] is (truth if condition.saves else negation(truth)):
                agreeing.append(exception)
            _fewest(agreeing, truths, setting, 2 if truth is (FALSE if condition.saves else TRUE) else 1, proof)
        case _:
            raise TypeError(condition)


def _choose(children: tuple[Node, ...], truths: list[Truth], setting: Setting, proof: _Proof) -> None:
    """`if`: the branch taken with its condition, or both branches where they agree, whichever rests on fewer facts."""
    chosen = truths[children[0].place]
    branches = children[1:]
    truth = TRUE if len(branches) < 2 else truths[branches[1].place]
    ways: list[tuple[Node, ...]] = []
    if chosen is not UNKNOWN:
        taken = 0 if chosen is TRUE else 1
        ways.append((children[0], *branches[taken : taken + 1]))
    if truths[branches[0].place] is truth and truth is not UNKNOWN:
        ways.append(branches)
    found = []
    for nodes in ways:
        own = _Proof(proof.trial)
        _union(nodes, truths, setting, own)
        found.append(own)
    proof.take(min(found, key=lambda own: len(own.names)))


def _union(nodes: Iterable[Node], truths: list[Truth], setting: Setting, proof: _Proof) -> None:
    for node in nodes:
        _force(node, truths, setting, proof)


def _fewest(nodes: list[Node], truths: list[Truth], setting: Setting, count: int, proof: _Proof) -> None:
    """The `count` nodes that rest on the fewest facts, the earlier first."""
    if len(nodes) <= count:
        _union(nodes, truths, setting, proof)
        return
    proofs = []
    for node in nodes:
        own = _Proof(proof.trial)
        _force(node, truths, setting, own)
        proofs.append(own)
    proofs.sort(key=lambda own: len(own.names))
    for own in proofs[:count]:
        proof.take(own)


def _of_leaf(node: Node, setting: Setting, truth: Truth, trial: str) -> tuple[Names, bool]:
    leaf, facts = node.condition, setting.facts
    match leaf:
        case Observation():
            found_results = setting.found[node.number]
            assert isinstance(found_results, results.Found)
            if not leaf.changes and leaf.without is None:
                return _of_observation(leaf, found_results, setting, truth)
            chosen, _ = _of_observation(leaf, found_results, setting, truth)
            return tuple(dict.fromkeys((*chosen, *_beside(leaf, found_results, setting)))), False
        case Event():
            found = setting.found[node.number]
            assert isinstance(found, events.Found)
            declared = facts.complete.get(leaf.domain)
            if (
                truth is FALSE
                and declared is not None
                and declared.through is None
                and found.against == (f"complete:{leaf.domain}",)
                and not leaf.tallies
            ):
                return found.against, True  # nothing of the kind on any day: anchors tell nothing
            anchors = () if depends_on_day_only(leaf.window) else _anchors(leaf.window)
            if leaf.at != SCREENING:
                anchors = (*anchors, f"anchor:{leaf.at}")
            if truth is TRUE and not leaf.tallies:
                name = next(record.name for record, match, _ in found.matches if match is TRUE)
                return (name, *anchors), not anchors
            matches = tuple(record.name for record, _, _ in found.matches) if leaf.tallies else ()
            return (*matches, *found.against, *anchors), not anchors and not leaf.tallies
        case Age():
            names = ("birth_date",) if leaf.anchor == SCREENING else ("birth_date", f"anchor:{leaf.anchor}")
            return names, leaf.anchor == SCREENING
        case Sex():
            return ("sex",), True
        case Answer():
            own = f"{trial}:{leaf.question}"
            return (f"answer:{own if own in facts.answers else leaf.question}",), True
        case _:
            raise TypeError(leaf)


def _of_observation(leaf: Observation, found: results.Found, setting: Setting, truth: Truth) -> tuple[Names, bool]:
    if len(found.results) == 1 and setting.ranges is None and depends_on_day_only(leaf.window):
        (result,) = found.results
        if not result.inputs:
            return (result.name,), True
    chosen: tuple[Result, ...] = _enough(leaf, found, truth)
    simple = True
    if leaf.select.how not in ("consecutive", "mean_of") and not leaf.changes and leaf.without is None:
        bounds = setting.bounds(leaf.window)
        alone = next(
            (
                result
                for result, own in zip(found.results, found.truths, strict=True)
                if own is truth and surely_inside(result, bounds, setting.now)
            ),
            None,
        )
        if alone is not None and (len(found.results) == 1 or _uncut(alone, setting)):
            chosen = (alone,)
    names: dict[str, None] = {}
    for result in chosen:
        for used in result.inputs or (result,):
            names[used.name] = None
        formula = formula_of(result.concept) if result.inputs else None
        if formula is not None and formula.needs_age:
            names["birth_date"] = None
        if formula is not None and formula.needs_sex:
            names["sex"] = None
        for test in leaf.tests:
            if isinstance(test, Comparison) and not result.inputs:
                simple = _table_facts(result, test, setting, names) and simple
    anchors = _anchors(leaf.window)
    names.update(dict.fromkeys(anchors))
    simple = simple and not anchors and (len(chosen) == 1 and not chosen[0].inputs)
    return tuple(names), simple


def _beside(leaf: Observation, found: results.Found, setting: Setting) -> list[str]:
    """The facts beside the chosen results of `fall`, `rise` and `without`: all of which some may be superfluous."""
    facts = setting.facts
    names: list[str] = []
    for event in events_of(leaf.without):
        names += [record.name for record in facts.events.get(event.domain, ())]
        names += [f"complete:{event.domain}"] if event.domain in facts.complete else []
    # Results come last, and so are the first to be spared: what spoils one is then needless, too.
    names += [result.name for result in facts.results.get(leaf.code, ())]
    for result in found.earlier:
        names += [used.name for used in result.inputs]
    if found.earlier and any(result.inputs for result in found.earlier):
        names += [name for name, known in (("birth_date", facts.birth), ("sex", facts.sex)) if known is not None]
    return names


def _enough(leaf: Observation, found: results.Found, truth: Truth) -> tuple[Result, ...]:
    """Of results in a row, those of one run that passes; where none does, one result leaves no room for a run."""
    count = leaf.select.count
    if leaf.select.how != "consecutive" or count < 2:
        return found.results
    if truth is FALSE:
        return found.results[:1]
    for start in range(len(found.results) - count + 1):
        if all(part is TRUE for part in found.truths[start : start + count]):
            return found.results[start:]
    return found.results


def _uncut(result: Result, setting: Setting) -> bool:
    """Whether this is the result as on file, not what is left of it beside others."""
    return any(result is other for other in setting.facts.results.get(result.concept.name, ()))


def _table_facts(result: Result, test: Comparison, setting: Setting, names: dict[str, None]) -> bool:
    """Add sex and birth date where the site's table gave the limit; False when it did."""
    simple = True
    for threshold in test.thresholds:
        if threshold.of in ("ULN", "LLN") and setting.ranges is not None:
            for limit in limits_of(result, threshold.of, setting):
                if limit.row is not None:
                    names["sex"] = None
                    names["birth_date"] = None
                    simple = False
    return simple


def _anchors(window: Window) -> Names:
    ends = (window.start, window.end)
    return tuple(dict.fromkeys(f"anchor:{end.anchor}" for end in ends if end is not None and end.anchor != SCREENING))
