"""The one walk over criteria: from the tree of a condition to an expression over columns, whatever the backend.

For each criterion the walk gives its status, or FALLBACK, and the facts that leave it undetermined. A truth that is
decided is so by Kleene's tables, soundly; one that is not stands only where no open fact is used twice (semantics §1):
otherwise the direct evaluator, which tells cases apart, is asked.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final, Generic, cast

from prescreen.candidate.facts import KIND_OF
from prescreen.catalogue import Catalogue, ObservationConcept
from prescreen.catalogue.model import Domain
from prescreen.cohort.algebra import FALLBACK, FALSE, TRUE, UNKNOWN, Algebra, Between, E, R, Reading, Spelling, Truths
from prescreen.cohort.events import Events
from prescreen.cohort.person import Persons
from prescreen.cohort.results import Results
from prescreen.cohort.windows import Calendar, Supposed, anchors_of
from prescreen.language.model import (
    SCREENING,
    Age,
    AllOf,
    Answer,
    AnyOf,
    AtLeastOf,
    Comparison,
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
from prescreen.ranges import Ranges
from prescreen.time import parse_when

FAILED: Final = 0
UNDETERMINED: Final = 1
MET: Final = 2

ALONE: Final = -1

_TWICE: Final = 2
_MOST_USES: Final = 60  # of a fact, each counting twice, whose sum is as small as a truth may be
_NO_DAY: Final = -1
_FEW: Final = (29, 29, 8, 2)
"""Records, by how many shared facts have cases for each day of one (births, anchors; three or more): with more, a case
costs the direct evaluator more, or there are more cases than it tries (`engine.cases`)."""
_FEW_OF_AGES: Final = 1  # where a quantity is derived from an open age, which is cut by values, too
_OF_OBSERVATION: Final = "observation:"
_MOST_PARTS: Final = 38  # of a number in base 3 that has 63 bits
_SMALL_PARTS: Final = 4  # of one that has 7


@dataclass(frozen=True, slots=True)
class Decided(Generic[E]):
    """A criterion over columns. status: FAILED, UNDETERMINED, MET or FALLBACK. open: by fact, whether an undetermined
    status waits for it.

    settled: whether every leaf is decided by columns, so that its truths, and the facts in `open`, are right.
    alike: where the direct evaluator is asked only because a fact is used twice, and no record of the candidate's is in
    what is open: a number that is the same for all of whom it would say the same; elsewhere ALONE (None: everywhere).
    Where days of anchors are told apart, that holds of what stays undetermined only: how many are depends on records.
    """

    criterion: Criterion
    status: E
    open: dict[str, E]
    settled: E
    alike: E | None = None


@dataclass(frozen=True, slots=True)
class _Use(Generic[E]):
    """One use of an open fact by an undecided leaf. twice: the leaf itself may use it more than once, where so; beside:
    which counts only in a criterion of which some leaves share a fact."""

    key: Hashable
    where: E | None = None
    twice: E | None = None
    beside: bool = False


@dataclass(frozen=True, slots=True)
class _Node(Generic[E]):
    """A condition decided over columns, with its parts; the rest is of a leaf, while undecided: the fact that it waits
    for, the uses of open facts, whether no record is in it (`bare`), and the anchors that it hangs on."""

    truth: Between[E]
    condition: Condition
    children: tuple[_Node[E], ...] = ()
    fact: str = ""
    uses: tuple[_Use[E], ...] = ()
    bare: E | None = None
    anchors: tuple[str, ...] = ()


class Walk(Generic[E, R]):
    """Decides the criteria of trials over one backend on one day; equal leaves, of whatever trial, are decided once.

    bare: whether answers that name no trial count. supposed: what is taken to be so where it is not given; plain: the
    walk without it, which has decided what does not hang on that.
    """

    def __init__(
        self, algebra: Algebra[E, R], day: int, catalogue: Catalogue, ranges: Ranges | None, bare: bool,
        supposed: Supposed[E, R] | None = None, plain: Walk[E, R] | None = None,
    ) -> None:  # fmt: skip
        self.algebra = algebra
        self.truths = Truths(algebra)
        self.day = day
        self.catalogue = catalogue
        self.ranges = ranges
        self.bare = bare
        self.plain = plain
        self.calendar = Calendar(algebra, day, supposed)
        self.persons = Persons(algebra, self.calendar, bare)
        self.events: Events[E, R] = Events(algebra, self.calendar, catalogue, None if plain is None else plain.events)
        self.results = Results(algebra, self.calendar, catalogue, ranges, self.events)
        self._leaves: dict[Hashable, _Node[E]] = {}
        self._counts: dict[str, E] = {} if plain is None else plain._counts

    def over(self, algebra: Algebra[E, R]) -> Walk[E, R]:
        """The same walk over other columns."""
        return Walk(algebra, self.day, self.catalogue, self.ranges, self.bare)

    def supposing(self, day: int, sex: str) -> Walk[E, R]:
        """The walk for which anchors that are not given are on a day, and who has no sex on file is of one."""
        supposed = Supposed(self.algebra, day, sex)
        return Walk(self.algebra, self.day, self.catalogue, self.ranges, self.bare, supposed, self)

    def supposing_records(self, condition: Condition, sex: str) -> Walk[E, R]:
        """The walk for which they are on the last day on which something began that hangs on them in a condition."""
        a = self.algebra
        records: list[tuple[R, str]] = []
        for leaf in dict.fromkeys(parts_of(condition)):
            if isinstance(leaf, Event) and anchors_of(leaf):
                rows, may_be, column = self.events.dated(leaf)
            elif isinstance(leaf, Observation) and anchors_of(leaf):
                rows, may_be, column = self.results.dated(leaf.code)
            else:
                continue
            records.append((self._latest(a.only(rows, may_be), column), column))
        supposed = Supposed(a, self.day, sex, records)
        return Walk(self.algebra, self.day, self.catalogue, self.ranges, self.bare, supposed, self)

    def _latest(self, rows: R, column: str) -> R:
        """Of each candidate, the records of the last day on which one began."""
        a = self.algebra
        day = a.read(rows, Reading((column,), "first day", _first_day, truth=False))
        last = a.largest(rows, a.flag(True), day, _NO_DAY)
        return a.only(rows, a.same(day, a.spread(rows, last)))

    def trial(self, trial: Trial, criteria: Sequence[Criterion]) -> list[Decided[E]]:
        """The given criteria of a trial, decided."""
        return [self._criterion(trial, criterion) for criterion in criteria]

    def _criterion(self, trial: Trial, criterion: Criterion) -> Decided[E]:
        a = self.algebra
        root = self._node(criterion.condition, trial)
        least, most = root.truth.least, root.truth.most
        undecided: list[tuple[_Node[E], E]] = []
        unknown = a.same(least, a.truth(UNKNOWN))
        self._undecided(root, unknown, undecided)
        shared = self._shared(undecided)
        doubt = reduce(a.either, shared.values()) if shared else None
        status = least if criterion.kind == "inclusion" else a.minus(a.truth(TRUE), least)
        if doubt is not None:
            status = a.where(doubt, a.truth(FALLBACK), status)
        if not root.truth.known:
            # Unknown whatever comes of it is no answer to which facts are open: they are asked for, too.
            settled = a.both(a.same(least, most), a.negated(unknown))
            exact = a.either(settled, a.both(a.same(least, most), self._no_leaf_falls_back(root)))
            status = a.where(exact, status, a.truth(FALLBACK))
        if self.plain and _derives_by_sex(criterion.condition, trial.catalogue):
            # What would be derived then, is not looked at.
            status = a.where(self.persons.sex_open(), a.truth(FALLBACK), status)
        open_: dict[str, E] = {}
        for leaf, where in undecided:
            open_[leaf.fact] = a.either(open_[leaf.fact], where) if leaf.fact in open_ else where
        settled = self._no_leaf_falls_back(root)
        asked = bool(shared) and not a.nowhere(a.same(status, a.truth(FALLBACK)))
        alike = self._alike(root, undecided, shared, trial.catalogue) if asked else None
        return Decided(criterion, status, open_, settled, alike)

    def _alike(
        self, root: _Node[E], undecided: list[tuple[_Node[E], E]], shared: dict[Hashable, E], catalogue: Catalogue
    ) -> E | None:
        """A number made of all that the direct evaluator would go by, where no record is in it.

        It supposes what leaves share, and goes by the truth of those that share nothing. Records of these, and of what
        is decided, are not in the number but for how many there are: of many, fewer cases are tried.
        """
        a = self.algebra
        leaves = list({id(leaf): leaf for leaf, _ in undecided}.values())
        derived = [node.condition for node in _leaves_of(root) if _is_derived(node.condition, catalogue)]
        anchors = list(dict.fromkeys(name for leaf in leaves for name in leaf.anchors))
        if len(leaves) + len(anchors) > _MOST_PARTS or any(leaf.bare is None for leaf in leaves):
            return None
        most = _few(shared, bool(derived))
        bare = a.both(self._no_leaf_falls_back(root), self._few_records(leaves, catalogue, most))
        for kind in dict.fromkeys(kind for leaf in derived for kind in _kinds(leaf, catalogue)):
            # Whatever of it is on file may be derived once the sex or the birth is supposed.
            bare = a.both(bare, a.same(self._records_of(kind), a.number(0)))
        for leaf, where in undecided:
            assert leaf.bare is not None
            for use in leaf.uses:
                if use.key in shared:
                    here = where if use.where is None else a.both(where, use.where)
                    bare = a.both(bare, a.either(a.negated(a.both(here, shared[use.key])), leaf.bare))
        number = a.truth(0) if len(leaves) + len(anchors) <= _SMALL_PARTS else a.number(0)
        for leaf in leaves:
            number = a.plus(a.times(number, 3), leaf.truth.least)
        for name in anchors:
            given = a.where(self.calendar.anchor_open(name), a.truth(1), a.truth(0))
            number = a.plus(a.times(number, 3), given)
        return a.where(bare, number, a.truth(ALONE))

    def _few_records(self, leaves: Sequence[_Node[E]], catalogue: Catalogue, most: int) -> E:
        """Where the kinds of records that leaves ask for have so few that the direct evaluator tries all cases."""
        a = self.algebra
        kinds = dict.fromkeys(kind for leaf in leaves for kind in _kinds(leaf.condition, catalogue))
        counts = [self._records_of(kind) for kind in kinds]
        return a.at_most(reduce(a.plus, counts), a.number(most)) if counts else a.flag(True)

    def _records_of(self, kind: str) -> E:
        """How many records there are of a domain, or results of an observation."""
        found = self._counts.get(kind)
        if found is None:
            a = self.algebra
            code = kind.removeprefix(_OF_OBSERVATION)
            rows = a.results(code) if code != kind else a.events(cast(Domain, kind))
            found = self._counts[kind] = a.total(rows, a.flag(True), a.number(1))
        return found

    def _no_leaf_falls_back(self, node: _Node[E]) -> E:
        a = self.algebra
        if node.truth.known:
            return a.flag(True)
        if not node.children:
            return a.same(node.truth.least, node.truth.most)
        return reduce(a.both, [self._no_leaf_falls_back(child) for child in node.children if not child.truth.known],
                      a.flag(True))  # fmt: skip

    # --- the tree -------------------------------------------------------------------------------------

    def _node(self, condition: Condition, trial: Trial) -> _Node[E]:
        truths = self.truths

        def parts(*some: Condition) -> tuple[_Node[E], ...]:
            return tuple(self._node(part, trial) for part in some)

        match condition:
            case AllOf(children):
                nodes = parts(*children)
                return _Node(truths.all_of([node.truth for node in nodes]), condition, nodes)
            case AnyOf(children):
                nodes = parts(*children)
                return _Node(truths.any_of([node.truth for node in nodes]), condition, nodes)
            case AtLeastOf(count, children):
                nodes = parts(*children)
                return _Node(truths.at_least(count, [node.truth for node in nodes]), condition, nodes)
            case Not(child):
                nodes = parts(child)
                return _Node(truths.negation(nodes[0].truth), condition, nodes)
            case Use(child=child):
                nodes = parts(child)
                return _Node(nodes[0].truth, condition, nodes)
            case Unless(child, exception, saves):
                nodes = parts(child, exception)
                asked, out = nodes[0].truth, nodes[1].truth
                truth = truths.any_of([asked, out]) if saves else truths.all_of([asked, truths.negation(out)])
                return _Node(truth, condition, nodes)
            case If(first, then, otherwise):
                nodes = parts(first, then, *(() if otherwise is None else (otherwise,)))
                last = truths.constant(TRUE) if otherwise is None else nodes[2].truth
                return _Node(truths.choice(nodes[0].truth, nodes[1].truth, last), condition, nodes)
            case _:
                return self._leaf(condition, trial)

    def _leaf(self, leaf: Leaf, trial: Trial) -> _Node[E]:
        own = isinstance(leaf, Answer) or (
            isinstance(leaf, Observation) and trial.catalogue.observations[leaf.code].expression is not None
        )
        key = (leaf, trial.id if own else None)
        known = self._leaves.get(key)
        if known is None:
            apart = anchors_of(leaf) or isinstance(leaf, Sex)
            known = self.plain._leaf(leaf, trial) if self.plain and not apart else self._decide(leaf, trial)
            self._leaves[key] = known
        return known

    def _decide(self, leaf: Leaf, trial: Trial) -> _Node[E]:
        truths, catalogue = self.truths, trial.catalogue
        match leaf:
            case Observation():
                seen = self.results.leaf(leaf, catalogue.observations[leaf.code])
                truth = truths.leaf(seen.code, seen.may_fall_back)
                concept = catalogue.observations[leaf.code]
                uses = self._uses_of_results(leaf, concept, seen.recorded, seen.sure)
                bare = self.algebra.negated(seen.recorded)
                anchors = anchors_of(leaf)
                return _Node(truth, leaf, (), f"observation:{leaf.code}", uses, self._missing(bare, anchors), anchors)
            case Event():
                anchors = anchors_of(leaf)
                found = self.events.leaf(leaf)
                uses = (
                    _Use(("event", leaf)),
                    *(_Use(("anchor", a), self.calendar.anchor_open(a), self._twice(leaf, a, found.several))
                      for a in anchors),
                )  # fmt: skip
                fact = f"{KIND_OF[leaf.domain]}:{'|'.join(leaf.codes)}"
                bare = self._missing(found.silent, anchors)
                bare = self.algebra.either(bare, self._known(anchors))
                return _Node(truths.leaf(found.code, True), leaf, (), fact, uses, bare, anchors)
            case Age():
                anchors = anchors_of(leaf)
                anchored = tuple(_Use(("anchor", name), self.calendar.anchor_open(name)) for name in anchors)
                truth = truths.leaf(self.persons.age(leaf), False)
                bare = self.persons.birth_missing()
                for name in anchors:
                    bare = self.algebra.both(bare, self.calendar.anchor_missing(name))
                return _Node(truth, leaf, (), "birth_date", (_Use("birth"), *anchored), bare, anchors)
            case Sex():
                truth = truths.leaf(self.persons.sex(leaf), False)
                return _Node(truth, leaf, (), "sex", (_Use("sex"),), self.algebra.flag(True))
            case Answer():
                code = self.persons.answer(leaf, trial.id, trial.questions[leaf.question])
                key = ("answer", leaf.question)
                truth = truths.leaf(code, False)
                return _Node(truth, leaf, (), f"answer:{leaf.question}", (_Use(key),), self.algebra.flag(True))

    def _twice(self, leaf: Event, anchor: str, several: E) -> E:
        """Whether an event leaf may use an open anchor more than once, so that all its days may say the same.

        They do not where it is not given at all and the whole window moves with it: some day of it puts any one record
        inside, and some day every record outside.
        """
        ends = [end for end in (leaf.window.start, leaf.window.end) if end is not None]
        if leaf.at == anchor and any(end.anchor == anchor for end in ends):
            return self.algebra.flag(True)  # what is not recorded is held against both, too
        others = [name for event in leaf.excepted for name in anchors_of(event)]
        lasting = leaf.for_at_least or leaf.duration or leaf.tallies or leaf.at != SCREENING
        if lasting or others or any(end.anchor != anchor for end in ends):
            return several
        return self.algebra.both(several, self.algebra.negated(self.calendar.anchor_missing(anchor)))

    def _known(self, anchors: Sequence[str]) -> E:
        """Where each anchor is known to the day."""
        a = self.algebra
        known = [a.negated(self.calendar.anchor_open(name)) for name in anchors]
        return reduce(a.both, known, a.flag(True))

    def _missing(self, bare: E, anchors: Sequence[str]) -> E:
        """Where a leaf is bare, and each of its anchors is known to the day or not given at all."""
        a = self.algebra
        for name in anchors:
            known = a.negated(self.calendar.anchor_open(name))
            bare = a.both(bare, a.either(known, self.calendar.anchor_missing(name)))
        return bare

    def _uses_of_results(
        self, leaf: Observation, concept: ObservationConcept, recorded: E, sure: E
    ) -> tuple[_Use[E], ...]:
        a = self.algebra
        uses: list[_Use[E]] = [
            _Use(("free", leaf.code, leaf.window, leaf.select, leaf.changes, leaf.without), a.negated(sure)),
            _Use(("results", leaf.code), recorded),
        ]
        for anchor in anchors_of(leaf):
            open_ = a.both(recorded, self.calendar.anchor_open(anchor))
            uses.append(_Use(("anchor", anchor), open_, open_))
        if concept.inputs:
            # What is derived rests on the days of its inputs, on the birth and on sex, and each result of several does.
            uses += [_Use(("results", code), recorded, recorded, beside=True) for code in concept.inputs]
            for key, open_ in (("birth", self.persons.birth_open()), ("sex", self.persons.sex_open())):
                uses.append(_Use(key, a.both(recorded, open_), recorded, beside=True))
        if self.ranges is not None and _uses_limits(leaf):
            uses.append(_Use("sex", a.both(recorded, self.persons.sex_open())))
            uses.append(_Use("birth", a.both(recorded, self.persons.birth_open())))
        return tuple(uses)

    # --- what is open, and whether it is used twice -----------------------------------------------------

    def _undecided(self, node: _Node[E], where: E, found: list[tuple[_Node[E], E]]) -> None:
        """The leaves on which an unknown truth depends, each with where it does; `where` the node itself is so."""
        if not node.children:
            found.append((node, where))
            return
        a = self.algebra
        if isinstance(node.condition, AtLeastOf) and node.condition.count > len(node.children):
            return
        for place, child in enumerate(node.children):
            here = a.both(where, a.same(child.truth.least, a.truth(UNKNOWN)))
            if isinstance(node.condition, If) and place > 0:
                excluded = a.truth(FALSE if place == 1 else TRUE)
                here = a.both(here, a.negated(a.same(node.children[0].truth.least, excluded)))
            self._undecided(child, here, found)

    def _shared(self, undecided: list[tuple[_Node[E], E]]) -> dict[Hashable, E]:
        """The open facts that may be used more than once, each with where they may, so that Kleene's unknown may be
        needless."""
        a = self.algebra
        by_key: dict[Hashable, list[tuple[E, E | None, bool]]] = {}
        for leaf, where in undecided:
            for use in leaf.uses:
                here = where if use.where is None else a.both(where, use.where)
                by_key.setdefault(use.key, []).append((here, use.twice, use.beside))
        shares = any(len(uses) > 1 for uses in by_key.values())
        found: dict[Hashable, E] = {}
        for key, some in by_key.items():
            uses = [(here, None if beside and not shares else twice) for here, twice, beside in some]
            if len(uses) == 1 and uses[0][1] is None:
                continue
            number = a.truth if len(uses) <= _MOST_USES else a.number  # what is small is added up in less time
            zero, one, two = (number(weight) for weight in range(3))
            weights = [a.where(here, one if twice is None else a.where(twice, two, one), zero) for here, twice in uses]
            found[key] = a.at_most(number(_TWICE), reduce(a.plus, weights))
        return found


def _few(shared: Iterable[Hashable], derived: bool) -> int:
    """How many records there may be, that the direct evaluator tries all cases of some shared facts."""
    days = [key for key in shared if key == "birth" or (isinstance(key, tuple) and key[0] == "anchor")]
    return _FEW_OF_AGES if derived and "birth" in days else _FEW[min(len(days), len(_FEW) - 1)]


def _leaves_of(node: _Node[E]) -> Iterator[_Node[E]]:
    if not node.children:
        yield node
    for child in node.children:
        yield from _leaves_of(child)


def _is_derived(leaf: Condition, catalogue: Catalogue) -> bool:
    return isinstance(leaf, Observation) and bool(catalogue.observations[leaf.code].inputs)


def _derives_by_sex(condition: Condition, catalogue: Catalogue) -> bool:
    """Whether a condition asks for the sex, and for a quantity that may be derived once it is known."""
    parts = list(parts_of(condition))
    return any(isinstance(part, Sex) for part in parts) and any(_is_derived(part, catalogue) for part in parts)


def _kinds(leaf: Condition, catalogue: Catalogue) -> list[str]:
    """The kinds of records that a leaf asks for: observations, inputs of derived ones included, and domains."""
    found: list[str] = []
    if isinstance(leaf, Observation):
        found += [f"{_OF_OBSERVATION}{code}" for code in (leaf.code, *catalogue.observations[leaf.code].inputs)]
    asked = leaf.without if isinstance(leaf, Observation) else leaf
    return found + [event.domain for event in parts_of(asked) if isinstance(event, Event)]


def _first_day(spelling: Spelling) -> int:
    return _NO_DAY if spelling[0] is None else parse_when(spelling[0]).first_day


def _uses_limits(leaf: Observation) -> bool:
    return any(isinstance(test, Comparison) and any(t.of in ("ULN", "LLN") for t in test.thresholds)
               for test in leaf.tests)  # fmt: skip
