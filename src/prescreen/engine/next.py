"""What to find out next, ranked (semantics §7).

For every undetermined criterion: which single fact could settle it either way; where none could, the smallest set
that could.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from prescreen.candidate.facts import KIND_OF
from prescreen.engine import events, results
from prescreen.engine.cases import Budget, TooManyCasesError, UncutError, cases, cost_of, key_uses
from prescreen.engine.compile import (
    AllNode,
    CompiledCriterion,
    CompiledTrial,
    CountNode,
    IfNode,
    LeafNode,
    Node,
    NotNode,
    SparedNode,
    share,
)
from prescreen.engine.keys import AnchorKey, DateKey, Key
from prescreen.engine.missing import key_names, leaf_names
from prescreen.engine.open import open_keys, undecided
from prescreen.engine.setting import Setting
from prescreen.language.model import Event, Observation, Trial
from prescreen.report.model import NextFact
from prescreen.truth import FALSE, TRUE, UNKNOWN, Truth

Names = tuple[str, ...]
_MOST_TRIED: Final = 300
NO_NAMES: Final[frozenset[str]] = frozenset()


class Settles:
    """How a node can become true or false: single facts that may do it alone, and a smallest set (None: no way)."""

    __slots__ = ("false_by", "false_set", "true_by", "true_set")

    def __init__(
        self, true_by: frozenset[str], false_by: frozenset[str], true_set: Names | None, false_set: Names | None
    ) -> None:
        self.true_by = true_by
        self.false_by = false_by
        self.true_set = true_set
        self.false_set = false_set

    def turned(self) -> Settles:
        return Settles(self.false_by, self.true_by, self.false_set, self.true_set)


_IS_TRUE: Final = Settles(NO_NAMES, NO_NAMES, (), None)
_IS_FALSE: Final = Settles(NO_NAMES, NO_NAMES, None, ())


class Ways:
    """How an undetermined criterion could be settled: facts that may do so alone (with whether they could make it
    failed), or else a smallest set of facts."""

    __slots__ = ("alone", "criterion", "together")

    def __init__(self, criterion: str, alone: tuple[tuple[str, bool], ...], together: Names | None) -> None:
        self.criterion = criterion
        self.alone = alone
        self.together = together


def ways(criterion: CompiledCriterion, setting: Setting, missing: Names, trial: Trial) -> Ways:
    """How a criterion that waits for the facts `missing` could be settled."""
    found = _ways(criterion.root, setting)
    waiting = missing
    if criterion.repeats:
        # A fact used twice may be wanted one way here and another way there: only trying tells.
        missing = _tried(criterion, setting, missing, trial)
    fails, meets = (found.true_by, found.false_by) if criterion.excludes else (found.false_by, found.true_by)
    alone = tuple((name, name in fails) for name in missing if name in fails or name in meets)
    sets = [names for names in (found.true_set, found.false_set) if names]
    if criterion.repeats and not alone:
        # A single name that was tried in vain is no set; all that is missing settles it in any case.
        sets = [names for names in sets if len(names) > 1] or ([waiting] if waiting else [])
    return Ways(criterion.criterion.id, alone, min(sets, key=len) if sets and not alone else None)


def _tried(criterion: CompiledCriterion, setting: Setting, missing: Names, trial: Trial) -> Names:
    """Those of the facts of which some possibility alone settles the criterion, or of which that is too much to try."""
    root = criterion.root
    uses = key_uses(root, setting)
    if max(uses.values(), default=0) < 2:
        return missing
    kept: set[str] = set(missing)
    named: dict[Key, set[str]] = {}
    for leaf in undecided(root, setting):
        for key in open_keys(leaf, setting):
            if uses[key] > 1:
                named.setdefault(key, set()).update(key_names(key, leaf, setting))
    budget = Budget(cost_of(criterion, setting), _MOST_TRIED)
    for key, names in named.items():
        try:
            settled = False
            for case in cases(key, root, setting, trial):
                budget.spend()
                settled = settled or root.evaluate(case) is not UNKNOWN
        except (TooManyCasesError, UncutError):
            continue
        if not settled:
            kept -= names
    return tuple(name for name in missing if name in kept)


def next_facts(compiled: CompiledTrial, open_ways: list[Ways | None], open_verdict: bool) -> tuple[NextFact, ...]:
    """The ranked list: what alone could decide the verdict, then what settles most criteria, then sets.

    open_verdict: nothing has failed yet, so that one failure decides.
    """
    undetermined = [way for way in open_ways if way is not None]
    last_one = len(undetermined) == 1 and compiled.trial.complete
    settles: dict[str, list[str]] = {}
    decides: set[str] = set()
    sets: dict[Names, list[str]] = {}
    for way in undetermined:
        for name, fails in way.alone:
            settles.setdefault(name, []).append(way.criterion)
            if open_verdict and (fails or last_one):
                decides.add(name)
        if way.together is not None:
            sets.setdefault(way.together, []).append(way.criterion)
    ranked = [(name not in decides, -len(settles[name]), place, name) for place, name in enumerate(settles)]
    ranked.sort()
    listed = []
    for _, _, _, name in ranked:
        asked = compiled.asked(name)
        listed.append(NextFact(name, (name,), asked.ask, asked.question, tuple(settles[name]), name in decides))
    for names, criteria in sorted(sets.items(), key=lambda item: len(item[0])):
        questions = [compiled.asked(name) for name in names]
        words = " ".join([asked.question for asked in questions])
        listed.append(NextFact(names[0], names, questions[0].ask, words, tuple(criteria), False))
    return tuple(listed)


def _ways(node: Node, setting: Setting) -> Settles:
    """How a node can be settled; built from the leaves up."""
    truth = node.evaluate(setting)
    if truth is TRUE:
        return _IS_TRUE
    if truth is FALSE:
        return _IS_FALSE
    if isinstance(node, LeafNode):
        return _ways_of_leaf(node, setting)
    if isinstance(node, NotNode):
        return _ways(node.children[0], setting).turned()
    if isinstance(node, CountNode):
        return _count([_ways(child, setting) for child in node.children], node.count)
    if isinstance(node, IfNode):
        return _if(node, setting)
    if isinstance(node, SparedNode):
        requirement, exception = node.children
        parts = [_ways(requirement, setting)] if requirement.evaluate(setting) is UNKNOWN else []
        if exception.evaluate(setting) is UNKNOWN:
            parts.append(_ways(exception, setting).turned())
        return parts[0] if len(parts) == 1 else _count(parts, 2)
    # Of `all` the parts are true or open, of `any` false or open: only the open ones are left to be settled.
    parts = [_ways(child, setting) for child in node.children if child.evaluate(setting) is UNKNOWN]
    if len(parts) == 1:
        return parts[0]
    key = tuple(parts)  # most are those remembered of leaves
    settles: Settles | None = node.ways.get(key)
    if settles is None:
        settles = _count(parts, len(parts) if isinstance(node, AllNode) else 1)
        share(node.ways, key, settles)
    return settles


def _if(node: Node, setting: Setting) -> Settles:
    condition, then = _ways(node.children[0], setting), _ways(node.children[1], setting)
    otherwise = _ways(node.children[2], setting) if len(node.children) > 2 else _IS_TRUE
    first = _count([condition, then], 2)
    second = _count([condition.turned(), otherwise], 2)
    true = _count([first, second], 1)
    against_first = _count([condition, then.turned()], 2)
    against_second = _count([condition.turned(), otherwise.turned()], 2)
    false = _count([against_first, against_second], 1)
    return Settles(true.true_by, false.true_by, true.true_set, false.true_set)


def _count(parts: list[Settles], count: int) -> Settles:
    """At least `count` of the parts: `all` is all of them, `any` one."""
    true_by, true_set = _reach([(p.true_by, p.true_set) for p in parts], count)
    false_by, false_set = _reach([(p.false_by, p.false_set) for p in parts], len(parts) - count + 1)
    return Settles(true_by, false_by, true_set, false_set)


def _reach(ways: list[tuple[frozenset[str], Names | None]], count: int) -> tuple[frozenset[str], Names | None]:
    """Single facts, and a smallest set, that bring `count` of some parts about; a part that is so already needs ()."""
    needed = count
    todo: list[tuple[frozenset[str], Names]] = []
    for singles, names in ways:
        if names is not None:
            if names:
                todo.append((singles, names))
            else:
                needed -= 1
    if needed <= 0:
        return NO_NAMES, ()
    if len(todo) < needed:
        return NO_NAMES, None
    alone = _wanted_often(todo, needed)
    if alone:
        return alone, (_first_asked(alone, todo),)
    chosen = sorted([names for _, names in todo], key=len)[:needed]
    return alone, tuple(dict.fromkeys([name for names in chosen for name in names]))


def _first_asked(alone: frozenset[str], todo: list[tuple[frozenset[str], Names]]) -> str:
    """A plain question before the declaration that a whole domain is complete; else the earliest."""
    declaration: str | None = None
    for _, names in todo:
        for name in names:
            if name in alone:
                if not name.startswith("complete:"):
                    return name
                declaration = declaration or name
    plain = [name for name in alone if not name.startswith("complete:")]
    return min(plain) if plain else declaration or min(alone)


def _wanted_often(todo: list[tuple[frozenset[str], Names]], times: int) -> frozenset[str]:
    """The single facts that so many parts want."""
    if len(todo) == 1:
        return todo[0][0]
    if len(todo) == times:
        return frozenset.intersection(*[singles for singles, _ in todo])
    if times == 1:
        return frozenset.union(*[singles for singles, _ in todo])
    tally = Counter([name for singles, _ in todo for name in singles])
    return frozenset([name for name, count in tally.items() if count >= times])


def _ways_of_leaf(node: LeafNode, setting: Setting) -> Settles:
    """How an open leaf can be settled; remembered where nothing of the candidate's records tells it apart."""
    found = node.find(setting)
    key = found.constant
    leaf = node.condition
    if key is None and isinstance(found, events.Found) and isinstance(leaf, Event):
        asks = found.asks(leaf)
        key = None if asks is None else (asks, leaf_names(node, setting))
    if key is None:
        return _count([_leaf_ways(node, setting)], 1)
    settles: Settles | None = node.ways.get(key)
    if settles is None:
        settles = _count([_leaf_ways(node, setting)], 1)
        share(node.ways, key, settles)
    return settles


def _leaf_ways(node: Node, setting: Setting) -> Settles:
    found = setting.found[node.number]
    names = leaf_names(node, setting)
    leaf = node.condition
    if isinstance(leaf, Event) and isinstance(found, events.Found):
        return _event_ways(leaf, found, names)
    if isinstance(leaf, Observation) and isinstance(found, results.Found) and (found.results or found.lacking):
        return _observation_ways(node, leaf, found, setting, names)
    alone = frozenset(names) if len(names) == 1 else NO_NAMES
    return Settles(alone, alone, names, names)


def _event_ways(leaf: Event, found: events.Found, names: Names) -> Settles:
    kind = KIND_OF[leaf.domain]
    codes = tuple(f"{kind}:{code}" for code in leaf.codes)
    complete = f"complete:{leaf.domain}"
    pending = [record for record in found.matches if record[1] is UNKNOWN]
    if not pending and found.absent:
        alone = frozenset(names) if len(names) == 1 else NO_NAMES
        return Settles(alone, alone, names, names)
    if not pending:
        by_absence = frozenset({complete, codes[0]}) if len(codes) == 1 else frozenset({complete})
        return Settles(frozenset(codes), by_absence, codes[:1], (complete,) if len(codes) > 1 else codes)
    aspects = tuple(name for name in names if "#" in name or name.startswith("anchor:"))
    one = aspects[:1] if len(pending) == 1 and len(pending[0][2]) == 1 else ()
    true_by = frozenset(one) | frozenset(codes if not found.absent else ())
    if found.absent:
        false_by = frozenset(aspects) if len(pending) == 1 else NO_NAMES
        return Settles(true_by, false_by, one or aspects, aspects[:1] if len(pending) == 1 else aspects)
    return Settles(true_by, NO_NAMES, one or codes[:1], (*aspects, complete))


def _observation_ways(node: Node, leaf: Observation, found: results.Found, setting: Setting, names: Names) -> Settles:
    keys = list(dict.fromkeys(open_keys(node, setting)))
    derived = f"observation:{leaf.code}"
    if found.lacking and not found.results:
        alone = {derived} | (set(found.lacking) if len(found.lacking) == 1 else set())
        return Settles(frozenset(alone), frozenset(alone), (derived,), (derived,))
    if len(keys) == 1:
        of_key = key_names(keys[0], node, setting)
        alone_names = frozenset(of_key) if len(of_key) == 1 else NO_NAMES
        return Settles(alone_names, alone_names, of_key, of_key)
    true_by: set[str] = set()
    false_by: set[str] = set()
    known: Iterable[Truth] = {truth for truth in found.truths if truth is not UNKNOWN}
    for key in keys:
        if isinstance(key, DateKey | AnchorKey):
            by_date = key_names(key, node, setting)
            true_by.update(by_date if TRUE in known else ())
            false_by.update(by_date if FALSE in known else ())
    return Settles(frozenset(true_by), frozenset(false_by), names, names)
