"""Observation leaves over columns: which results count, and what they say together (semantics §4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic

from prescreen.catalogue import Catalogue, ObservationConcept
from prescreen.cohort.algebra import FALLBACK, FALSE, TRUE, UNKNOWN, Algebra, E, R, Reading, Spelling
from prescreen.cohort.judging import judgement
from prescreen.cohort.person import BIRTH, SEXES, born
from prescreen.cohort.windows import AFTER_ALL, BEFORE_ALL, Bounds, Calendar
from prescreen.language.model import Condition, Observation, Window
from prescreen.quantities import NoValue, read_value
from prescreen.ranges import Ranges
from prescreen.time import ANY_TIME, parse_when

_OF_A_PERSON: Final = frozenset({"ckd-epi-2021", "cockcroft-gault"})
"""Formulas that need to know age and sex."""
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
    taken: Taken[E, R]
    inside: E
    sure: E
    ends: E  # when each result was at the latest, in the window and by the screening day
    any_inside: E
    any_sure: E


class Results(Generic[E, R]):
    """Decides observation leaves; what leaves share (results of an analyte, those in a window) is worked out once."""

    def __init__(
        self, algebra: Algebra[E, R], calendar: Calendar[E, R], catalogue: Catalogue, ranges: Ranges | None,
        spoiling: Callable[[Condition], tuple[E, E]],
    ) -> None:  # fmt: skip
        """catalogue: of all trials; their own quantities come with the leaf. spoiling: whether nothing is on file of
        the events of a `without`, and whether there surely were none."""
        self.spoiling = spoiling
        self.algebra = algebra
        self.calendar = calendar
        self.catalogue = catalogue
        self.ranges = ranges
        self._taken: dict[str, Taken[E, R]] = {}
        self._inside: dict[tuple[str, Window], _InWindow[E, R]] = {}
        self._chosen: dict[tuple[str, Window, str], E] = {}

    def leaf(self, leaf: Observation, concept: ObservationConcept) -> Seen[E]:
        a = self.algebra
        found = self._window(leaf.code, concept, leaf.window)
        recorded = found.any_inside
        if leaf.select.how not in _IN_COLUMNS or leaf.changes:
            # With nothing in the window there is nothing to select from.
            code = a.where(found.any_inside, a.truth(FALLBACK), a.truth(UNKNOWN))
        else:
            site = () if self.ranges is None else self.ranges.rows(leaf.code)
            judged = a.read(found.taken.rows, judgement(leaf, concept, site))
            code = a.where(found.any_sure, self._decided(leaf, found, judged), a.truth(UNKNOWN))
        if concept.formula is not None:
            derivable = a.both(a.negated(found.any_sure), self._derivable(concept, leaf.window))
            recorded = a.either(recorded, derivable)
            code = a.where(derivable, self._derived(leaf, concept, found), code)
        if leaf.without is not None:
            code = self._unspoiled(leaf.without, code, recorded)
        return Seen(code, True, recorded, found.any_sure)

    def _derived(self, leaf: Observation, concept: ObservationConcept, reported: _InWindow[E, R]) -> E:
        """The truth of a quantity that is derived, because none is reported for sure."""
        a, first = self.algebra, concept.inputs[0]
        if leaf.select.how != "latest" or leaf.changes:
            return a.truth(FALLBACK)
        lead = self._window(first, self.catalogue.observations[first], leaf.window)
        judged = a.derived(concept, leaf.tests, lead.taken.rows, self.calendar.day)
        if judged is None:
            return a.truth(FALLBACK)
        chosen = self._counting(first, leaf, lead)
        agreed = a.where(reported.any_inside, a.truth(FALLBACK), self._agreed(chosen, lead.taken.rows, judged))
        return a.where(lead.any_sure, agreed, a.truth(UNKNOWN))

    def _unspoiled(self, without: Condition, code: E, recorded: E) -> E:
        """A leaf whose results do not count after certain events: where nothing is on file of these, any result may be
        refused, and the truth is open; where they are all ruled out, none is."""
        a = self.algebra
        silent, absent = self.spoiling(without)
        told = a.where(silent, a.truth(UNKNOWN), a.where(absent, code, a.truth(FALLBACK)))
        return a.where(recorded, told, code)

    def _decided(self, leaf: Observation, found: _InWindow[E, R], judged: E) -> E:
        how = leaf.select.how
        if how in ("latest", "first"):
            return self._agreed(self._counting(leaf.code, leaf, found), found.taken.rows, judged)
        # any, every: one surely in the window settles it one way, all that may be in it the other
        a, rows = self.algebra, found.taken.rows
        settles, otherwise = (TRUE, FALSE) if how == "any" else (FALSE, TRUE)
        settled = a.exists(rows, a.both(found.sure, a.same(judged, a.truth(settles))))
        against = a.exists(rows, a.both(found.inside, a.negated(a.same(judged, a.truth(otherwise)))))
        open_ = a.exists(rows, a.both(found.inside, a.same(judged, a.truth(FALLBACK))))
        rest = a.where(open_, a.truth(FALLBACK), a.where(against, a.truth(UNKNOWN), a.truth(otherwise)))
        return a.where(settled, a.truth(settles), rest)

    def _agreed(self, chosen: E, rows: R, judged: E) -> E:
        """The truth on which all results that may be the one agree."""
        a = self.algebra
        least = a.smallest(rows, chosen, judged, UNKNOWN)
        most = a.largest(rows, chosen, judged, UNKNOWN)
        agreed = a.where(a.same(least, most), least, a.truth(UNKNOWN))
        return a.where(a.same(most, a.truth(FALLBACK)), most, agreed)

    def _counting(self, code: str, leaf: Observation, found: _InWindow[E, R]) -> E:
        """The results that may be the latest (first): none is surely in the window and after (before) them."""
        key = (code, leaf.window, leaf.select.how)
        known = self._chosen.get(key)
        if known is not None:
            return known
        a, taken = self.algebra, found.taken
        if leaf.select.how == "latest":
            newest = a.largest(taken.rows, found.sure, taken.low, BEFORE_ALL)
            chosen = a.at_most(a.spread(taken.rows, newest), found.ends)
        else:
            bounds = self.calendar.bounds(leaf.window)
            by = a.least(taken.high, a.number(self.calendar.now))
            oldest = a.smallest(taken.rows, found.sure, by, AFTER_ALL)
            begins = a.most(taken.low, self._on_rows(taken.rows, bounds, "low_maybe"))
            chosen = a.at_most(begins, a.spread(taken.rows, oldest))
        made = self._chosen[key] = a.both(found.inside, chosen)
        return made

    def _on_rows(self, rows: R, bounds: Bounds[E], edge: str) -> E:
        number: E = getattr(bounds, edge)
        return number if bounds.fixed is not None else self.algebra.spread(rows, number)

    def _results(self, code: str, concept: ObservationConcept) -> Taken[E, R]:
        found = self._taken.get(code)
        if found is None:
            a = self.algebra
            rows = a.results(code)
            signed = concept.analyte is not None and concept.analyte.may_be_negative
            is_one = Reading(("value", "verification"), ("result", signed), lambda s: _is_result(s, signed))
            counts = a.same(a.read(rows, is_one), a.truth(TRUE))
            low = a.read(rows, Reading(("date",), "low", _low, truth=False))
            high = a.read(rows, Reading(("date",), "high", _high, truth=False))
            found = self._taken[code] = Taken(rows, counts, low, high)
        return found

    def _window(self, code: str, concept: ObservationConcept, window: Window) -> _InWindow[E, R]:
        known = self._inside.get((code, window))
        if known is not None:
            return known
        a, taken, now = self.algebra, self._results(code, concept), self.algebra.number(self.calendar.now)
        bounds, rows = self.calendar.bounds(window), taken.rows
        low_sure, high_sure, low_maybe, high_maybe = (
            self._on_rows(rows, bounds, edge) for edge in ("low_sure", "high_sure", "low_maybe", "high_maybe")
        )
        by_now = a.least(taken.high, now)
        inside = a.both(taken.counts, a.at_most(taken.low, a.least(now, high_maybe)))
        inside = a.both(inside, a.at_most(low_maybe, taken.high))
        sure = a.both(inside, a.both(a.at_most(low_sure, taken.low), a.at_most(by_now, high_sure)))
        found = self._inside[code, window] = _InWindow(
            taken, inside, sure, a.least(by_now, high_maybe), a.exists(rows, inside), a.exists(rows, sure)
        )
        return found

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


def _is_result(spelling: Spelling, signed: bool) -> int:
    value, verification = spelling
    return FALSE if verification == "refuted" or isinstance(read_value(value, signed), NoValue) else TRUE


def _low(spelling: Spelling) -> int:
    return ANY_TIME.low if spelling[0] is None else parse_when(spelling[0]).low


def _high(spelling: Spelling) -> int:
    return ANY_TIME.high if spelling[0] is None else parse_when(spelling[0]).high
