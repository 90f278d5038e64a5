"""A trial for the solver: conditions as formulas over what a complete record of a candidate says.

Each leaf of a condition is one Boolean. What the leaves are about is said beside them, in two layers. *Sound*: every
complete record there can be, on any screening day, keeps to it; where a leaf cannot be said exactly it is left open.
So what the solver finds impossible is impossible. *Exact*: what a candidate keeps to besides who can be written as JSON
so that nothing is open. So what it finds there is a candidate, and `find` screens it before it gives it away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final, Literal

import z3

from prescreen.catalogue.model import DOMAINS, Domain
from prescreen.engine.person import answers_of
from prescreen.language.model import (
    ANY_WINDOW,
    Age,
    AllOf,
    Answer,
    AnyOf,
    AtLeastOf,
    Condition,
    Criterion,
    Event,
    If,
    Leaf,
    Not,
    Observation,
    Sex,
    Trial,
    Unless,
    Use,
    parts_of,
)
from prescreen.prove.codes import Codes
from prescreen.prove.days import Days
from prescreen.prove.events import Records, plain, single
from prescreen.prove.person import age, age_exact, age_facts, answer, answer_facts, sex
from prescreen.prove.results import History, compared, real

SCREENED_ON: Final = date(2026, 6, 1)
"""The screening day of candidates that are found."""

_MOST_MEGABYTES: Final = 2000

Status = Literal["met", "failed"]


class Undecided(Exception):  # noqa: N818 - an answer of the solver's, and no error
    """The solver has not answered in its time."""


@dataclass
class Query:
    """What is said of the leaves of a query, and the variables it is said with."""

    days: Days
    histories: dict[str, History]
    records: dict[Domain, Records]
    leaves: tuple[Leaf, ...]
    sound: list[z3.BoolRef]
    exact: list[z3.BoolRef]


class Model:
    """The conditions of one trial, or of several that share their facts (two versions of one), as formulas.

    seconds: how long the solver may take over one question.
    """

    def __init__(self, *trials: Trial, seconds: float = 10.0) -> None:
        self.trials = trials
        self.seconds = seconds
        self.asked = self.undecided = self.unreproduced = 0
        self.codes = Codes({id(trial.catalogue): trial.catalogue for trial in trials}.values())
        self._truths: dict[Leaf, z3.BoolRef] = {}
        self._leaf_of: dict[str, Leaf] = {}
        self._formulas: dict[int, tuple[Condition, z3.BoolRef]] = {}
        self._queries: dict[frozenset[Leaf], Query] = {}
        self.answers: dict[str, tuple[bool | str, ...]] = {}
        for trial in trials:
            for question in trial.questions.values():
                known = self.answers.get(question.id, ())
                self.answers[question.id] = (*known, *(each for each in answers_of(question) if each not in known))

    # --- formulas ---------------------------------------------------------------------------------------

    def condition(self, condition: Condition) -> z3.BoolRef:
        """The formula that is true of a complete record exactly when the condition is."""
        found = self._formulas.get(id(condition))
        if found is None:
            found = self._formulas[id(condition)] = condition, self._formula(condition)
        return found[1]

    def met(self, criterion: Criterion) -> z3.BoolRef:
        """The formula that is true when a criterion is met: an inclusion's condition, or not an exclusion's."""
        formula = self.condition(criterion.condition)
        return formula if criterion.kind == "inclusion" else z3.Not(formula)

    def with_parts(self, condition: Condition, instead: Mapping[int, z3.BoolRef]) -> z3.BoolRef:
        """The formula of a condition with other formulas for some of its parts, by the identity of each."""
        return self._formula(condition, lambda part: self.with_parts(part, instead), instead)

    def _formula(
        self,
        condition: Condition,
        of: Callable[[Condition], z3.BoolRef] | None = None,
        instead: Mapping[int, z3.BoolRef] | None = None,
    ) -> z3.BoolRef:
        of = of or self.condition
        if instead and id(condition) in instead:
            return instead[id(condition)]
        match condition:
            case AllOf(children):
                return z3.And(*map(of, children))
            case AnyOf(children):
                return z3.Or(*map(of, children))
            case Not(child):
                return z3.Not(of(child))
            case Use(child=child):
                return of(child)
            case AtLeastOf(count, children):
                # a sum and not z3.AtLeast, which takes no formulas that are plainly true or false
                return z3.Sum(*[z3.If(of(child), 1, 0) for child in children]) >= count
            case If(first, then, otherwise):
                return z3.If(of(first), of(then), z3.BoolVal(True) if otherwise is None else of(otherwise))
            case Unless(child, exception, saves):
                return z3.Or(of(child), of(exception)) if saves else z3.And(of(child), z3.Not(of(exception)))
            case _:
                return self._truth(condition)

    def _truth(self, leaf: Leaf) -> z3.BoolRef:
        if leaf not in self._truths:
            truth = z3.Bool(f"leaf:{len(self._truths)}")
            self._truths[leaf] = truth
            self._leaf_of[truth.decl().name()] = leaf
        return self._truths[leaf]

    def leaves_of(self, *formulas: z3.BoolRef) -> frozenset[Leaf]:
        """The leaves that formulas speak of."""
        found: set[Leaf] = set()
        seen: set[int] = set()
        pending: list[Any] = list(formulas)
        while pending:
            part = pending.pop()
            if part.get_id() in seen:
                continue
            seen.add(part.get_id())
            if z3.is_const(part) and part.decl().name() in self._leaf_of:
                found.add(self._leaf_of[part.decl().name()])
            pending.extend(part.children())
        return frozenset(found)

    def in_order(self, leaves: Iterable[Leaf]) -> list[Leaf]:
        """Leaves in the order in which the model met them."""
        wanted = frozenset(leaves)
        return [leaf for leaf in self._truths if leaf in wanted]

    # --- questions --------------------------------------------------------------------------------------

    def possible(self, *formulas: z3.BoolRef) -> bool:
        """Whether some complete record may make all formulas true; False is proven. Raises Undecided."""
        solver = self.solver(self.query(self.leaves_of(*formulas)).sound)
        solver.add(*formulas)
        return bool(self.check(solver) == z3.sat)

    def implies(self, one: z3.BoolRef, other: z3.BoolRef) -> bool:
        """Whether a formula is proven to be true wherever another is."""
        return not self.possible(one, z3.Not(other))

    def contradiction(self, formulas: Mapping[str, z3.BoolRef]) -> tuple[str, ...]:
        """The names of a smallest set of formulas that cannot all be true: leaving one out makes them possible. Empty
        where all of them may be true."""
        solver = self.solver(self.query(self.leaves_of(*formulas.values())).sound)
        for name, formula in formulas.items():
            solver.assert_and_track(formula, f"tracked:{name}")
        if self.check(solver) == z3.sat:
            return ()
        core = [name for name in formulas if any(str(each) == f"tracked:{name}" for each in solver.unsat_core())]
        for name in list(core):
            rest = [formulas[other] for other in core if other != name]
            try:
                if not self.possible(*rest):
                    core.remove(name)
            except Undecided:
                pass  # it stays in the set, which may then not be the smallest
        return tuple(core)

    def solver(self, facts: Iterable[z3.BoolRef]) -> z3.Solver:
        solver = z3.Solver()
        solver.set("timeout", max(1, int(self.seconds * 1000)))
        solver.set("max_memory", _MOST_MEGABYTES)
        solver.set("random_seed", 0)
        solver.add(*facts)
        return solver

    def check(self, solver: z3.Solver, *assumptions: z3.BoolRef) -> Any:
        """The solver's answer, sat or unsat. Raises Undecided where it has none in its time."""
        self.asked += 1
        try:
            found = solver.check(*assumptions)
        except z3.Z3Exception:  # out of memory
            found = z3.unknown
        if found == z3.unknown:
            self.undecided += 1
            raise Undecided
        return found

    # --- facts ------------------------------------------------------------------------------------------

    def query(self, leaves: frozenset[Leaf]) -> Query:
        """Everything that is said of some leaves."""
        found = self._queries.get(leaves)
        if found is None:
            found = self._queries[leaves] = self._query(self.in_order(leaves))
        return found

    def _query(self, leaves: Sequence[Leaf]) -> Query:
        days = Days()
        query = Query(days, {}, {}, tuple(leaves), [], [])
        self._person(query, leaves)
        by_code: dict[str, list[Observation]] = {}
        events: list[Event] = []
        for leaf in leaves:
            if isinstance(leaf, Observation):
                by_code.setdefault(leaf.code, []).append(leaf)
            elif isinstance(leaf, Event):
                events.append(leaf)
        for code, asked in by_code.items():
            self._results(query, code, asked)
            for leaf in asked:
                for part in parts_of(leaf.without):
                    if isinstance(part, Event):  # to write a result down, nothing spoils it
                        ever = replace(part, window=ANY_WINDOW, for_at_least=None, duration=(), by_start=False)
                        query.exact.append(z3.Not(self._truth(ever)))
                        events.append(ever)
        self._events(query, list(dict.fromkeys(events)))
        query.sound += days.sound()
        query.exact += days.exact
        return query

    def _person(self, query: Query, leaves: Sequence[Leaf]) -> None:
        ages = [leaf for leaf in leaves if isinstance(leaf, Age)]
        for leaf in leaves:
            match leaf:
                case Age():
                    query.sound.append(self._truths[leaf] == age(leaf, query.days))
                case Sex():
                    query.sound.append(self._truths[leaf] == sex(leaf))
                case Answer(question):
                    options = self.answers[question]
                    query.sound += [self._truths[leaf] == answer(leaf, options), *answer_facts(question, options)]
                case _:
                    pass
        query.sound += age_facts(ages, query.days)
        query.exact += age_exact(ages, query.days)

    def _results(self, query: Query, code: str, leaves: Sequence[Observation]) -> None:
        concept = next(t.catalogue.observations[code] for t in self.trials if code in t.catalogue.observations)
        history = query.histories[code] = History(concept, leaves, query.days)
        query.sound += history.sound()
        query.exact += history.exact()
        for leaf in leaves:
            sound, exact = history.meaning(leaf, self._truths[leaf])
            query.sound += sound
            query.exact += exact

    def _events(self, query: Query, leaves: Sequence[Event]) -> None:
        singles: dict[Domain, dict[Event, z3.BoolRef]] = {}
        for leaf in leaves:
            if "confirmed" not in leaf.verification:
                query.exact.append(z3.Not(self._truth(leaf)))  # only what is confirmed is written down
                continue
            for each in single(leaf):
                singles.setdefault(leaf.domain, {})[each] = self._truth(each)
        for domain in DOMAINS:
            if domain in singles:
                catalogue = self.trials[0].catalogue
                records = query.records[domain] = Records(domain, singles[domain], self.codes, query.days, catalogue)
                query.sound += records.sound()
                query.exact += records.exact()
        for leaf in leaves:
            if leaf.tallies and "confirmed" in leaf.verification:
                self._tally(query, leaf)

    def _tally(self, query: Query, leaf: Event) -> None:
        truth, parts = self._truths[leaf], [self._truth(each) for each in single(leaf)]
        if leaf.count:
            number = z3.Sum(*[z3.If(part, 1, 0) for part in parts])
            query.sound.append(truth == z3.And(*[compared(number, operator, k) for operator, k in leaf.count]))
        elif leaf.lines:
            number = z3.Int(f"{truth.decl().name()}.lines")
            query.sound += [number >= 0, (number >= 1) == parts[0]]
            query.sound.append(truth == z3.And(*[compared(number, operator, k) for operator, k in leaf.lines]))
            query.exact.append(number <= 1)
        else:
            query.sound.append(z3.Implies(truth, parts[0]))
            records = query.records[leaf.domain]
            entry = next(entry for entry in records.entries if entry.leaf == plain(leaf))
            worth = [
                z3.And(entry.kind == i, *[compared(entry.daily_dose * real(factor), a.operator, real(a.number))
                                          for a in leaf.daily_dose])
                for i, kind in enumerate(entry.kinds)
                if (factor := self._factor(kind.code, leaf.equivalent)) is not None
            ]  # fmt: skip
            query.exact.append(truth == z3.And(parts[0], z3.Or(*worth)))

    def _factor(self, code: object, equivalent: str) -> Any:
        treatments = self.trials[0].catalogue.events["treatments"]
        found = treatments[code].equivalents.get(equivalent) if isinstance(code, str) else None
        return None if found is None else found.factor
