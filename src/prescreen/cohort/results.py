"""Observation leaves over columns: which results count, and what they say together (semantics §4)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Final, Generic

from prescreen.catalogue import Catalogue, ObservationConcept
from prescreen.cohort.algebra import FALLBACK, FALSE, TRUE, UNKNOWN, Algebra, E, R, Reading, Spelling
from prescreen.cohort.events import Events
from prescreen.cohort.judging import Written, is_signed, judgement
from prescreen.cohort.person import BIRTH, SEXES, born
from prescreen.cohort.windows import AFTER_ALL, BEFORE_ALL, Bounds, Calendar
from prescreen.language.model import Event, Observation, Window, parts_of
from prescreen.quantities import NoValue, read_value, short_number
from prescreen.ranges import Ranges
from prescreen.time import ANY_TIME, DAY, parse_when

_OF_A_PERSON: Final = frozenset({"ckd-epi-2021", "cockcroft-gault"})
"""Formulas that need to know age and sex."""
_MOST_DAYS: Final = 61
_FEW: Final = 70
"""Of the days of samples, and of records: the direct evaluator looks at 5,000 records as of a day, and at 62 days."""
_IN_COLUMNS: Final = frozenset({"latest", "first", "any", "every"})


@dataclass(frozen=True, slots=True)
class Taken(Generic[E, R]):
    """The results of an analyte: all that are one, and the first and last instant at which each may have been taken."""

    rows: R
    counts: E
    low: E
    high: E


@dataclass(frozen=True, slots=True)
class Seen(Generic[E]):
    """What an observation leaf found. code: its truth, or FALLBACK. recorded: whether a result may be in the window.
    sure: whether one is for sure; otherwise a further one may decide."""

    code: E
    may_fall_back: bool
    recorded: E
    sure: E


@dataclass(frozen=True, slots=True)
class _InWindow(Generic[E, R]):
    rows: R  # the results that may be in the window
    low: E
    high: E
    sure: E
    ends: E  # when each result was at the latest, in the window and by the screening day
    any_inside: E
    any_sure: E


class Results(Generic[E, R]):
    """Decides observation leaves; what leaves share (results of an analyte, those in a window) is worked out once."""

    def __init__(
        self, algebra: Algebra[E, R], calendar: Calendar[E, R], catalogue: Catalogue, ranges: Ranges | None,
        events: Events[E, R],
    ) -> None:  # fmt: skip
        """catalogue: of all trials; their own quantities come with the leaf. events: for those of a `without`."""
        self.events = events
        self.algebra = algebra
        self.calendar = calendar
        self.catalogue = catalogue
        self.ranges = ranges
        self._written: dict[int, Written] = {}
        # By the concept itself: trials may give different quantities of their own one name.
        self._taken: dict[int, Taken[E, R]] = {}
        self._inside: dict[tuple[int, Window], _InWindow[E, R]] = {}
        self._chosen: dict[tuple[int, str], E] = {}

    def leaf(self, leaf: Observation, concept: ObservationConcept) -> Seen[E]:
        a = self.algebra
        found = self._window(leaf.code, concept, leaf.window)
        recorded = found.any_inside
        if leaf.changes:
            # With nothing in the window there is nothing to select from.
            code = a.where(found.any_inside, a.truth(FALLBACK), a.truth(UNKNOWN))
        else:
            site = () if self.ranges is None else self.ranges.rows(leaf.code)
            judged = a.read(found.rows, judgement(leaf, self._as_written(concept), site))
            decided = self._decided if leaf.select.how in _IN_COLUMNS else self._by_number
            code = a.where(found.any_sure, decided(leaf, found, judged), a.truth(UNKNOWN))
        if concept.formula is not None:
            derivable = a.both(a.negated(found.any_sure), self._derivable(concept, leaf.window))
            recorded = a.either(recorded, derivable)
            code = a.where(derivable, self._derived(leaf, concept, found), code)
        if leaf.without is not None:
            code = self._unspoiled(leaf, concept, found, code, recorded)
        return Seen(code, True, recorded, found.any_sure)

    def _as_written(self, concept: ObservationConcept) -> Written:
        return self._written.setdefault(id(concept), Written(concept))

    def _derived(self, leaf: Observation, concept: ObservationConcept, reported: _InWindow[E, R]) -> E:
        """The truth of a quantity that is derived, because none is reported for sure."""
        a, first = self.algebra, concept.inputs[0]
        if leaf.select.how != "latest" or leaf.changes:
            return a.truth(FALLBACK)
        lead = self._window(first, self.catalogue.observations[first], leaf.window)
        bounds = self.calendar.bounds(leaf.window)
        partners: list[tuple[E, E]] = []
        for code in concept.inputs[1:]:
            taken = self._results(code, self.catalogue.observations[code])
            inside = self._may_be_in(taken, bounds)
            partners.append((inside, a.both(inside, self._surely_in(taken, bounds))))
        judged = a.derived(concept, leaf.tests, lead.rows, partners, self.calendar.day)
        if judged is None:
            return a.truth(FALLBACK)
        chosen = self._counting(leaf, lead)
        agreed = a.where(reported.any_inside, a.truth(FALLBACK), self._agreed(chosen, lead.rows, judged))
        return a.where(lead.any_sure, agreed, a.truth(UNKNOWN))

    def _unspoiled(
        self, leaf: Observation, concept: ObservationConcept, found: _InWindow[E, R], code: E, recorded: E
    ) -> E:
        """A leaf whose results do not count after certain events: with none before any that may be the one, it is as it
        is; where each result may be refused, its truth is open."""
        a, rows, without = self.algebra, found.rows, leaf.without
        assert without is not None
        domains = dict.fromkeys(event.domain for event in parts_of(without) if isinstance(event, Event))
        records = [a.total(a.events(domain), a.flag(True), a.number(1)) for domain in domains]
        few_records = a.at_most(reduce(a.plus, records), a.number(_FEW - 2))
        if concept.formula is not None or not self.events.speaks_of_days(without):
            silent, absent = self.events.spoiling(without)
            inputs = (self._window(each, self.catalogue.observations[each], leaf.window) for each in concept.inputs)
            looked = a.number(0)
            for samples in (found, *inputs):
                few, days = self._days(samples)
                absent = a.both(absent, a.negated(a.exists(samples.rows, a.negated(few))))
                looked = a.plus(looked, days)
            absent = a.both(absent, a.both(a.at_most(looked, a.number(_FEW)), few_records))
            told = a.where(silent, a.truth(UNKNOWN), a.where(absent, code, a.truth(FALLBACK)))
            return a.where(recorded, told, code)
        assert isinstance(without, Event)
        clear, open_ = self.events.clear(without, rows, a.least(found.high, a.number(self.calendar.now)))
        few, looked = self._days(found)
        clear, open_ = a.both(clear, few), a.either(open_, a.negated(few))
        if leaf.select.how in ("latest", "first"):
            counting = self._counting(leaf, found)
        else:
            counting = a.flag(True)
        all_open = a.negated(a.exists(rows, a.negated(open_)))
        all_clear = a.negated(a.exists(rows, a.both(counting, a.negated(clear))))
        not_many = a.both(a.at_most(looked, a.number(_FEW)), few_records)
        told = a.where(a.both(all_clear, not_many), code, a.truth(FALLBACK))
        told = a.where(all_open, a.truth(UNKNOWN), told)
        return a.where(recorded, told, code)

    def _days(self, samples: _InWindow[E, R]) -> tuple[E, E]:
        """Of samples: whether the days on which each may have been taken are so few that the direct evaluator looks at
        them all; and how many these are of all of a candidate's."""
        a, rows = self.algebra, samples.rows
        until = a.least(samples.high, a.number(self.calendar.now))
        last, first = (a.divided(each, DAY) for each in (until, samples.low))
        days = a.plus(a.minus(last, first), a.number(1))
        most = a.number(_MOST_DAYS)
        return a.at_most(days, most), a.total(rows, a.flag(True), a.least(days, most))

    def _by_number(self, leaf: Observation, found: _InWindow[E, R], judged: E) -> E:
        """Of selections that take the direct evaluator, what the number of results and their agreement tell."""
        a, rows, how, count = self.algebra, found.rows, leaf.select.how, leaf.select.count
        one, every = a.number(1), a.flag(True)
        inside, sure = a.total(rows, every, one), a.total(rows, found.sure, one)
        if how == "mean_of":
            return a.where(a.at_most(a.number(count), inside), a.truth(FALLBACK), a.truth(UNKNOWN))
        all_agree = self._agreed(every, rows, judged)
        true = a.same(all_agree, a.truth(TRUE))
        if how != "consecutive":  # the highest, the lowest
            agreed = a.either(true, a.same(all_agree, a.truth(FALSE)))
            return a.where(a.either(agreed, a.same(inside, one)), all_agree, a.truth(FALLBACK))
        possible = a.total(rows, a.negated(a.same(judged, a.truth(FALSE))), one)
        passing = a.total(rows, a.same(judged, a.truth(TRUE)), one)
        code = a.truth(FALLBACK)
        if count == 2 and leaf.select.apart is None:
            two = a.both(a.same(inside, a.number(2)), a.same(sure, a.number(2)))
            earlier = a.smallest(rows, every, found.high, AFTER_ALL)
            later = a.largest(rows, every, found.low, BEFORE_ALL)
            apart = a.both(two, a.negated(a.at_most(later, earlier)))
            certain = a.where(a.same(passing, a.number(2)), a.truth(TRUE), a.truth(UNKNOWN))
            unjudged = a.exists(rows, a.same(judged, a.truth(FALLBACK)))
            code = a.where(a.both(apart, a.negated(unjudged)), certain, code)
        return a.where(a.at_most(a.number(count), possible), code, a.truth(FALSE))

    def _decided(self, leaf: Observation, found: _InWindow[E, R], judged: E) -> E:
        how = leaf.select.how
        if how in ("latest", "first"):
            return self._agreed(self._counting(leaf, found), found.rows, judged)
        # any, every: one surely in the window settles it one way, all that may be in it the other
        a, rows = self.algebra, found.rows
        settles, otherwise = (TRUE, FALSE) if how == "any" else (FALSE, TRUE)
        settled = a.exists(rows, a.both(found.sure, a.same(judged, a.truth(settles))))
        against = a.exists(rows, a.negated(a.same(judged, a.truth(otherwise))))
        open_ = a.exists(rows, a.same(judged, a.truth(FALLBACK)))
        rest = a.where(open_, a.truth(FALLBACK), a.where(against, a.truth(UNKNOWN), a.truth(otherwise)))
        return a.where(settled, a.truth(settles), rest)

    def _agreed(self, chosen: E, rows: R, judged: E) -> E:
        """The truth on which all results that may be the one agree."""
        a = self.algebra
        least = a.smallest(rows, chosen, judged, UNKNOWN)
        most = a.largest(rows, chosen, judged, UNKNOWN)
        agreed = a.where(a.same(least, most), least, a.truth(UNKNOWN))
        return a.where(a.same(most, a.truth(FALLBACK)), most, agreed)

    def _counting(self, leaf: Observation, found: _InWindow[E, R]) -> E:
        """The results that may be the latest (first): none is surely in the window and after (before) them."""
        key = (id(found), leaf.select.how)
        known = self._chosen.get(key)
        if known is not None:
            return known
        a, rows = self.algebra, found.rows
        if leaf.select.how == "latest":
            newest = a.largest(rows, found.sure, found.low, BEFORE_ALL)
            chosen = a.at_most(a.spread(rows, newest), found.ends)
        else:
            bounds = self.calendar.bounds(leaf.window)
            by = a.least(found.high, a.number(self.calendar.now))
            oldest = a.smallest(rows, found.sure, by, AFTER_ALL)
            begins = a.most(found.low, self._on_rows(rows, bounds, "low_maybe"))
            chosen = a.at_most(begins, a.spread(rows, oldest))
        self._chosen[key] = chosen
        return chosen

    def _on_rows(self, rows: R, bounds: Bounds[E], edge: str) -> E:
        number: E = getattr(bounds, edge)
        return number if bounds.fixed is not None else self.algebra.spread(rows, number)

    def dated(self, code: str) -> tuple[R, E, str]:
        """The results of an analyte: their rows, which of these are one, and the column of their day."""
        taken = self._results(code, self.catalogue.observations[code])
        return taken.rows, taken.counts, "date"

    def _results(self, code: str, concept: ObservationConcept) -> Taken[E, R]:
        found = self._taken.get(id(concept))
        if found is None:
            a = self.algebra
            rows = a.results(code)
            signed = is_signed(concept)
            value = Reading(("value",), ("a value", signed), lambda s: _is_value(s[0], signed))
            told = Reading(("verification",), "not refuted", lambda s: FALSE if s[0] == "refuted" else TRUE)
            counts = a.same(a.least(a.read(rows, value), a.read(rows, told)), a.truth(TRUE))
            found = self._taken[id(concept)] = Taken(rows, counts, a.read(rows, _LOW), a.read(rows, _HIGH))
        return found

    def _window(self, code: str, concept: ObservationConcept, window: Window) -> _InWindow[E, R]:
        known = self._inside.get((id(concept), window))
        if known is not None:
            return known
        a, every, bounds = self.algebra, self._results(code, concept), self.calendar.bounds(window)
        rows = a.only(every.rows, self._may_be_in(every, bounds))
        taken = Taken(rows, a.flag(True), a.read(rows, _LOW), a.read(rows, _HIGH))
        sure = self._surely_in(taken, bounds)
        by_now = a.least(taken.high, a.number(self.calendar.now))
        ends = a.least(by_now, self._on_rows(rows, bounds, "high_maybe"))
        any_inside, any_sure = a.exists(rows, a.flag(True)), a.exists(rows, sure)
        found = _InWindow(rows, taken.low, taken.high, sure, ends, any_inside, any_sure)
        self._inside[id(concept), window] = found
        return found

    def _may_be_in(self, taken: Taken[E, R], bounds: Bounds[E]) -> E:
        """Which results may be in a window."""
        a, now = self.algebra, self.algebra.number(self.calendar.now)
        low_maybe, high_maybe = (self._on_rows(taken.rows, bounds, edge) for edge in ("low_maybe", "high_maybe"))
        by_now = a.both(taken.counts, a.at_most(taken.low, a.least(now, high_maybe)))
        return a.both(by_now, a.at_most(low_maybe, taken.high))

    def _surely_in(self, taken: Taken[E, R], bounds: Bounds[E]) -> E:
        """Which of the results that may be in a window surely are."""
        a, now = self.algebra, self.algebra.number(self.calendar.now)
        low_sure, high_sure = (self._on_rows(taken.rows, bounds, edge) for edge in ("low_sure", "high_sure"))
        return a.both(a.at_most(low_sure, taken.low), a.at_most(a.least(taken.high, now), high_sure))

    def _derivable(self, concept: ObservationConcept, window: Window) -> E:
        """Whether all that a derived quantity needs may be on file; what lacks an input is no result."""
        a, persons = self.algebra, self.algebra.persons()
        first = concept.inputs[0]
        lead = self._window(first, self.catalogue.observations[first], window)
        found = lead.any_inside if first not in concept.any_day else self._on_file(first)
        for code in concept.inputs[1:]:
            found = a.both(found, self._on_file(code))
        if concept.formula in _OF_A_PERSON:
            for reading in (
                Reading(("sex",), "a sex", lambda s: TRUE if s[0] in SEXES else FALSE),
                Reading(BIRTH, "born", lambda s: FALSE if born(s) is None else TRUE),
            ):
                found = a.both(found, a.same(a.read(persons, reading), a.truth(TRUE)))
        return found

    def _on_file(self, code: str) -> E:
        """Whether there is any result by the screening day."""
        a, taken = self.algebra, self._results(code, self.catalogue.observations[code])
        return a.exists(taken.rows, a.both(taken.counts, a.at_most(taken.low, a.number(self.calendar.now))))


def _is_value(text: str | None, signed: bool) -> int:
    if text is not None and short_number(text) is not None:
        return TRUE
    return FALSE if isinstance(read_value(text, signed), NoValue) else TRUE


def _low(spelling: Spelling) -> int:
    return ANY_TIME.low if spelling[0] is None else parse_when(spelling[0]).low


def _high(spelling: Spelling) -> int:
    return ANY_TIME.high if spelling[0] is None else parse_when(spelling[0]).high


_LOW: Final = Reading(("date",), "low", _low, truth=False)
_HIGH: Final = Reading(("date",), "high", _high, truth=False)
