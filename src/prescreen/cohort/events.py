"""Existence leaves over columns: conditions, treatments, procedures, allergies, in an open world (semantics §3, §5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Final, Generic

from prescreen.candidate.facts import STATUSES
from prescreen.catalogue import Catalogue, system_name
from prescreen.catalogue.model import Domain
from prescreen.cohort import tallies
from prescreen.cohort.algebra import FALLBACK, FALSE, TRUE, UNKNOWN, Algebra, E, Marked, R, Reading, Spelling
from prescreen.cohort.coding import CODE, DATES, LASTING, Wanted, Words, code_of, covered, wanted_by, words_of
from prescreen.cohort.timing import Timing
from prescreen.cohort.windows import AFTER_ALL, BEFORE_ALL, Bounds, Calendar, opening
from prescreen.language.model import SCREENING, Condition, Event, parts_of
from prescreen.time import DAY, EARLIEST, HOUR, LATEST, When, parse_when, unshift_day

_PLANNED: Final = frozenset({"planned"})
_UNDATED: Final = frozenset({"planned", "never"})

_Systems = frozenset[frozenset[str]]
"""Of some codes, the code systems that can express each."""


@dataclass(frozen=True, slots=True)
class Existence(Generic[E]):
    """What an event leaf found. code: its truth, or FALLBACK. several: whether more than one record may be open in it.
    silent: whether nothing on file speaks of it at all."""

    code: E
    several: E
    silent: E


@dataclass(frozen=True, slots=True)
class _Judged(Generic[E, R]):
    """The records that a leaf has to look at, and the truth of each."""

    rows: R
    truth: E


@dataclass(frozen=True, slots=True)
class _Touching(Generic[E, R]):
    """The records that are or may be of some codes. sure: which of them are; any: who has one."""

    rows: R
    sure: E
    any: E


@dataclass(frozen=True, slots=True)
class _Some(Generic[E, R]):
    """Those of some records that may have a status, with their dates. without_end: taken as if they had no end."""

    status: str
    without_end: bool
    condition: E
    timing: Timing[E, R]


@dataclass(frozen=True, slots=True)
class _Denials(Generic[E, R]):
    """The records of a domain that say no. spoken: who has one, or has declared what is complete of the domain;
    of_one_event: whether it speaks of one event only; until_first, until_last: the last instant up to which it speaks,
    on the first and last day that may be its."""

    rows: R
    timing: Timing[E, R]
    spoken: E
    of_one_event: E
    until_first: E
    until_last: E


class Events(Generic[E, R]):
    """Decides event leaves; the records of a domain or of some codes and what they deny are found once."""

    def __init__(
        self, algebra: Algebra[E, R], calendar: Calendar[E, R], catalogue: Catalogue, plain: Events[E, R] | None = None
    ) -> None:
        """plain: what has found records already, with anchors on other days."""
        self.algebra = algebra
        self.calendar = calendar
        self.catalogue = catalogue
        self._denials: dict[Domain, _Denials[E, R]] = {} if plain is None else plain._denials
        self._touched: dict[tuple[Domain, tuple[str, ...]], _Touching[E, R]] = {} if plain is None else plain._touched
        self._covered: dict[Hashable, E] = {}
        self._declared_of: dict[tuple[Domain, _Systems], tuple[E, E]] = {} if plain is None else plain._declared_of

    def leaf(self, leaf: Event) -> Existence[E]:
        a = self.algebra
        wanted = wanted_by(leaf, self.catalogue)
        if leaf.tallies:
            return self._tallied(leaf, wanted)
        bounds = self.calendar.bounds(leaf.window)
        denials = self._denying(leaf.domain)
        absent = self._absent(leaf, wanted, bounds, denials)
        # What may be of another code is open at best: where more may be unrecorded, it tells nothing.
        judged = self._records(leaf, wanted, bounds, absent)
        rows, truth = judged.rows, judged.truth
        contradicted = self._contradicted(wanted, denials, judged)
        true = a.exists(rows, a.same(truth, a.truth(TRUE)))
        open_ = a.exists(rows, a.same(truth, a.truth(UNKNOWN)))
        doubtful = a.both(true, contradicted)
        code = a.where(a.both(absent, a.negated(open_)), a.truth(FALSE), a.truth(UNKNOWN))
        code = a.where(doubtful, a.truth(FALLBACK), a.where(true, a.truth(TRUE), code))
        spoken = self._spoken_of(leaf, wanted, denials)
        return Existence(code, a.either(open_, doubtful), a.negated(spoken))

    def _tallied(self, leaf: Event, wanted: Wanted) -> Existence[E]:
        """Several records together."""
        a, domain = self.algebra, leaf.domain
        bounds = self.calendar.bounds(leaf.window)
        if leaf.equivalent:
            leaf_of_one = replace(leaf, daily_dose=(), equivalent="")
            judged = self._records(leaf_of_one, wanted_by(leaf_of_one, self.catalogue), bounds)
        else:
            judged = self._records(leaf, wanted, bounds)
        denials, rows, truth = self._denying(domain), judged.rows, judged.truth
        outside = self._outside(leaf, bounds)
        if leaf.count:
            code = tallies.counted(self, leaf)
        else:
            absent = self._absent(leaf, wanted, bounds, denials)
            found = tallies.Records(rows, truth, absent)
            if leaf.equivalent:
                code = tallies.added_up(self, leaf, wanted, found, bounds)
            else:
                code = tallies.lines(self, leaf, found)
            true = a.exists(rows, a.same(truth, a.truth(TRUE)))
            doubtful = a.both(true, self._contradicted(wanted, denials, judged))
            code = a.where(doubtful, a.truth(FALLBACK), code)
        told = self._spoken_of(leaf, wanted, denials)
        several = a.exists(rows, a.negated(a.same(truth, a.truth(FALSE))))
        # A window that holds nothing for sure tells something, too.
        return Existence(code, several, a.negated(a.either(told, outside)))

    def _spoken_of(self, leaf: Event, wanted: Wanted, denials: _Denials[E, R]) -> E:
        """Whether anything on file speaks of a leaf's codes."""
        return self.algebra.either(self._touching(leaf, wanted).any, denials.spoken)

    def spoiling(self, without: Condition) -> tuple[E, E]:
        """Of the events of a condition: whether nothing on file speaks of any, and whether there never was one."""
        a = self.algebra
        silent, absent = a.flag(True), a.flag(True)
        for leaf in (part for part in parts_of(without) if isinstance(part, Event)):
            wanted = wanted_by(leaf, self.catalogue)
            silent = a.both(silent, a.negated(self._spoken_of(leaf, wanted, self._denying(leaf.domain))))
            ruled_out = self._declared(leaf, wanted, a.number(LATEST), leaf.codes)
            absent = a.both(absent, a.both(a.negated(self._touching(leaf, wanted).any), ruled_out))
        if not isinstance(without, Event):
            return silent, a.flag(False)
        return silent, absent

    def speaks_of_days(self, without: Condition) -> bool:
        """Whether an event before a sample is told by its days alone, as `clear` takes it to be."""
        if not isinstance(without, Event):
            return False
        start, end = without.window.start, without.window.end
        of_sample = start is not None and start.anchor == SCREENING and start.sign < 0 and start.span is not None
        ends = end is None or (end.anchor == SCREENING and end.span is None)
        plain = not (without.tallies or without.for_at_least or without.duration or "planned" in without.statuses)
        return of_sample and ends and plain

    def clear(self, without: Event, results: R, high: E) -> tuple[E, E]:
        """Whether results, taken by some instant each, surely were not taken after an event; and whether there surely
        may have been one before, because nothing rules it out."""
        a, domain = self.algebra, without.domain
        wanted, rows, start = wanted_by(without, self.catalogue), self.algebra.events(domain), without.window.start
        assert start is not None
        touching = a.negated(a.same(self._words(rows, wanted), a.truth(FALSE)))
        timing = Timing(a, self.calendar, domain, rows)
        begun = a.where(timing.has_start, timing.low(timing.start), a.number(EARLIEST))
        ends = a.both(timing.has_end, a.negated(self.contradictory(timing, rows)))
        over = a.where(ends, timing.high(timing.end), a.number(LATEST))
        first = a.spread(results, a.smallest(rows, touching, begun, AFTER_ALL))
        last = a.spread(results, a.largest(rows, touching, over, BEFORE_ALL))
        opens = Reading(("date",), ("opens", start), lambda s: opening(s[0], start), truth=False)
        until = self._day_end(high)
        apart = a.either(a.negated(a.at_most(first, until)), a.negated(a.at_most(a.read(results, opens), last)))
        through = a.spread(results, self._declared_through(without, wanted))
        covered = a.at_most(until, through)
        denials = self._denying(domain).rows
        of_codes = reduce(a.either, [self._names(denials, wanted, code) for code in without.codes])
        denied = a.spread(results, a.exists(denials, of_codes))
        return a.both(apart, covered), a.negated(a.either(covered, denied))

    def _day_end(self, instant: E) -> E:
        a = self.algebra
        return a.plus(a.times(a.divided(instant, DAY), DAY), a.number(DAY - 1))

    def _declared_through(self, leaf: Event, wanted: Wanted) -> E:
        """The last instant up to which the list is declared complete for a leaf's codes."""
        a, rows = self.algebra, self.algebra.complete(leaf.domain)
        speaks, through = self._declarations(rows, leaf.domain, frozenset(wanted.systems.values()))
        return a.largest(rows, speaks, through, BEFORE_ALL)

    def dated(self, leaf: Event) -> tuple[R, E, str]:
        """The records that a leaf may ask for, the time apart: their rows, which of these, and the column of their
        beginning."""
        a, rows = self.algebra, self.algebra.events(leaf.domain)
        may_be = a.negated(a.same(self._words(rows, wanted_by(leaf, self.catalogue)), a.truth(FALSE)))
        if leaf.statuses:
            may_be = a.both(may_be, self.may_be(rows, leaf.domain, *sorted(leaf.statuses)))
        return rows, may_be, DATES[leaf.domain][0]

    def _any(self, rows: R) -> E:
        return self.algebra.exists(rows, self.algebra.flag(True))

    def _of_code(self, rows: R, wanted: Wanted) -> E:
        """Whether records are of one of the codes that are asked for."""

        def told(spelling: Spelling) -> int:
            return wanted.relation(code_of(spelling))

        return self.algebra.read(rows, Reading(CODE, ("of", wanted.domain, wanted.leaf.codes), told))

    def _words(self, rows: R, wanted: Wanted) -> E:
        """What records say of a leaf, status and dates apart."""
        a, domain = self.algebra, wanted.domain
        columns = wanted.looks_at(a.columns(domain))
        said = Reading(columns, ("says", wanted.leaf), lambda s: wanted.says(words_of(s, columns, domain)))
        return a.least(self._of_code(rows, wanted), a.read(rows, said))

    # --- the records ----------------------------------------------------------------------------------

    def _records(self, leaf: Event, wanted: Wanted, bounds: Bounds[E], where: E | None = None) -> _Judged[E, R]:
        """The truth of each record that is of the codes; of those that may be, where it matters (None: everywhere)."""
        a, touching = self.algebra, self._touching(leaf, wanted)
        rows = touching.rows
        if where is not None:
            rows = a.narrowed(rows, a.either(touching.sure, a.spread(rows, where)))
        exceptions = [(wanted_by(each, self.catalogue), self.calendar.bounds(each.window)) for each in leaf.excepted]
        some, otherwise = self._by_status(leaf, rows)
        least, most = a.where(otherwise, a.truth(FALSE), a.truth(TRUE)), a.truth(FALSE)
        for each in some:
            truth = self._had(wanted, bounds, exceptions, each.timing, each.status, each.without_end)
            least = a.least(least, a.filled(each.condition, truth, a.truth(TRUE)))
            most = a.most(most, a.filled(each.condition, truth, a.truth(FALSE)))
        truth = a.where(a.same(least, most), least, a.truth(UNKNOWN))
        return _Judged(rows, truth)

    def _touching(self, leaf: Event, wanted: Wanted) -> _Touching[E, R]:
        """The records that are or may be of a leaf's codes."""
        found = self._touched.get((leaf.domain, leaf.codes))
        if found is None:
            a, every = self.algebra, self.algebra.events(leaf.domain)
            rows = a.only(every, a.negated(a.same(self._of_code(every, wanted), a.truth(FALSE))))
            sure = a.same(self._of_code(rows, wanted), a.truth(TRUE))
            found = self._touched[leaf.domain, leaf.codes] = _Touching(rows, sure, self._any(rows))
        return found

    def _by_status(self, leaf: Event, rows: R) -> tuple[list[_Some[E, R]], E]:
        """Records by the statuses that they may have, of those that the leaf asks for, such together as say the same of
        a time; those said to go on although their end is past, once as they are and once as what goes on and has no
        end. And which records may have a status that it does not ask for."""
        a, domain = self.algebra, leaf.domain
        contradictory = self.contradictory(Timing(a, self.calendar, domain, rows), rows)
        some: list[tuple[str, bool, E]] = []
        otherwise = a.flag(False)
        for statuses in _said_alike(leaf):
            may_be = self.may_be(rows, domain, *statuses)
            applies = a.both(may_be, a.negated(contradictory))
            where = applies if statuses[0] in _UNDATED else a.either(may_be, contradictory)
            if leaf.statuses and statuses[0] not in leaf.statuses:
                otherwise = a.either(otherwise, where)
            elif statuses[0] == LASTING.get(domain):
                some += [(statuses[0], False, applies), (statuses[0], True, contradictory)]
            else:
                some.append((statuses[0], False, where))
        return [
            _Some(status, without_end, condition, Timing(a, self.calendar, domain, a.only(rows, condition)))
            for status, without_end, condition in some
            if not a.nowhere(condition)
        ], otherwise

    def contradictory(self, timing: Timing[E, R], rows: R) -> E:
        """Whether a record is said to go on although its end is past."""
        a, lasting = self.algebra, LASTING.get(timing.domain)
        if lasting is None:
            return a.flag(False)
        reading = Reading(("status",), ("is", lasting), lambda s: TRUE if s[0] == lasting else FALSE)
        return a.both(timing.ended(), a.same(a.read(rows, reading), a.truth(TRUE)))

    def may_be(self, rows: R, domain: Domain, *statuses: str) -> E:
        """Whether records may have one of some statuses."""
        a = self.algebra
        if "status" not in a.columns(domain):
            return self.algebra.flag(True)
        reading = Reading(("status",), ("may be", statuses), lambda s: TRUE if s[0] in (None, *statuses) else FALSE)
        return a.same(a.read(rows, reading), a.truth(TRUE))

    def _had(
        self,
        wanted: Wanted,
        bounds: Bounds[E],
        exceptions: list[tuple[Wanted, Bounds[E]]],
        timing: Timing[E, R],
        status: str,
        without_end: bool,
    ) -> E:
        """Whether records are what the leaf asks for, had they this status."""
        a, leaf = self.algebra, wanted.leaf
        if leaf.statuses and status not in leaf.statuses:
            return a.truth(FALSE)
        truth = self._words(timing.rows, wanted)
        truth = a.least(truth, timing.in_window(leaf, status, wanted.momentary, without_end, bounds))
        if leaf.changed:
            truth = a.least(truth, timing.changed_since(leaf, status, wanted.momentary, without_end))
        else:
            truth = a.least(truth, timing.long_enough(leaf, status, without_end))
        if leaf.duration:
            truth = a.least(truth, timing.lasted(leaf, status, wanted.momentary, without_end))
        for excepted, window in exceptions:
            out = self._had(excepted, window, [], timing, status, without_end)
            truth = a.least(truth, a.minus(a.truth(TRUE), out))
        return truth

    # --- what denies them -----------------------------------------------------------------------------

    def _denying(self, domain: Domain) -> _Denials[E, R]:
        """The records that say no."""
        found = self._denials.get(domain)
        if found is None:
            a, every = self.algebra, self.algebra.events(domain)
            columns = _spoken(a.columns(domain))
            denies = Reading(columns, "denies", lambda s: _flag(words_of(s, columns, domain).denies))
            rows = a.only(every, a.same(a.read(every, denies), a.truth(TRUE)))
            timing = Timing(a, self.calendar, domain, rows)
            found = self._denials[domain] = _Denials(
                rows,
                timing,
                a.either(self._any(rows), self._any(a.complete(domain))),
                self._of_one_event(rows, timing),
                self._denied_until(timing, "first day's end", _first_days_end),
                self._denied_until(timing, "last day's end", lambda when: _day_end(when.last_day)),
            )
        return found

    def _contradicted(self, wanted: Wanted, denials: _Denials[E, R], judged: _Judged[E, R]) -> E:
        """Whether every record that was found may be the very one that another record denies."""
        a, domain, rows = self.algebra, wanted.domain, judged.rows
        codes = wanted.leaf.codes
        contradicts = Marked(("named", domain), wanted.named, wanted.refutable)
        relevant = a.read(denials.rows, Reading(CODE, ("contradicts", domain, codes), contradicts))
        relevant = a.same(relevant, a.truth(TRUE))
        if a.nowhere(relevant):
            return a.flag(False)
        # Of whom nothing is denied, nothing need be looked at.
        concerned = a.spread(rows, a.exists(denials.rows, relevant))
        rows = a.only(rows, a.both(a.same(judged.truth, a.truth(TRUE)), concerned))
        timing, denying, found = Timing(a, self.calendar, domain, rows), denials.timing, a.flag(True)
        begun = a.where(timing.has_start, timing.low(timing.start), a.number(EARLIEST))
        latest = a.largest(rows, found, begun, BEFORE_ALL)
        by_then = a.both(relevant, a.negated(denials.of_one_event))
        refuted = a.at_most(latest, a.largest(denials.rows, by_then, denials.until_last, BEFORE_ALL - 1))
        if a.nowhere(denials.of_one_event):
            return refuted
        earliest = a.smallest(rows, found, begun, AFTER_ALL)
        at = denying.low(denying.start)
        after = a.at_most(a.spread(denials.rows, earliest), at)
        between = a.both(after, a.at_most(at, a.spread(denials.rows, latest)))
        of_one = a.both(a.both(relevant, denials.of_one_event), between)
        return a.either(refuted, a.exists(denials.rows, of_one))

    def _of_one_event(self, denials: R, timing: Timing[E, R]) -> E:
        """Whether a denial is of one event only: a dated not-done."""
        a = self.algebra
        if timing.domain != "procedures":
            return a.flag(False)
        columns = _spoken(a.columns(timing.domain))
        refuted = Reading(columns, "refuted", lambda s: _flag(_refuted(words_of(s, columns, timing.domain))))
        return a.both(timing.has_start, a.negated(a.same(a.read(denials, refuted), a.truth(TRUE))))

    def _denied_until(self, timing: Timing[E, R], key: str, of: Callable[[When], int]) -> E:
        """The last instant up to which denials speak: that of their own date, else the screening day."""
        a, now = self.algebra, self.algebra.number(self.calendar.now)
        until = now
        for column in dict.fromkeys((timing.start, timing.end, "date")):  # the last that is given counts
            until = a.where(a.given(timing.rows, column), timing.date(column, key, of), until)
        return a.least(until, now)

    def _absent(self, leaf: Event, wanted: Wanted, bounds: Bounds[E], denials: _Denials[E, R]) -> E:
        """Whether nothing unrecorded can be what is asked for."""
        a, planned = self.algebra, "planned" in leaf.statuses
        outside = self._outside(leaf, bounds)
        needed = self._looked_at_until(leaf, bounds)
        covered = self._declared(leaf, wanted, needed, leaf.codes, bounds)
        absent = a.either(outside, covered)
        if planned:
            return absent  # no record denies a plan
        if len(leaf.codes) == 1:
            return a.either(absent, self._denied(wanted, needed, denials, leaf.codes[0]))
        # One code may be denied by a record, another by the declaration, which speaks of codes by their systems alone.
        by_systems: dict[frozenset[str], E] = {}
        each: list[E] = []
        for code in leaf.codes:
            systems = wanted.systems[code]
            if systems not in by_systems:
                by_systems[systems] = self._declared(leaf, wanted, needed, (code,), bounds)
            each.append(a.either(self._denied(wanted, needed, denials, code), by_systems[systems]))
        return a.either(absent, reduce(a.both, each))

    def _outside(self, leaf: Event, bounds: Bounds[E]) -> E:
        """Whether the window is empty, or opens after the screening day, so that nothing past lies in it."""
        a, now = self.algebra, self.algebra.number(self.calendar.now)
        empty = a.negated(a.at_most(bounds.low_maybe, bounds.high_maybe))
        return empty if "planned" in leaf.statuses else a.either(empty, a.negated(a.at_most(bounds.low_maybe, now)))

    def _looked_at_until(self, leaf: Event, bounds: Bounds[E]) -> E:
        """The last instant at which what the leaf asks for can have begun."""
        a, now, day = self.algebra, self.calendar.now, self.calendar.day
        if leaf.statuses == _PLANNED:
            return a.number(now)
        last = a.least(bounds.high_maybe, a.number(now))
        if "planned" not in leaf.statuses:
            for operator, length in leaf.duration:
                if operator in ("at_least", "above"):
                    longer = operator == "above"
                    begun = (
                        now - length.number * HOUR - longer
                        if length.unit == "hours"
                        else unshift_day(day - longer, length) * DAY + DAY - 1
                    )
                    last = a.least(last, a.number(begun))
        span = leaf.for_at_least
        if span is None:
            return last

        def begun_by(high: int) -> int:
            if leaf.changed:
                return high // DAY * DAY + DAY - 1
            if span.unit == "hours":
                return high - span.number * HOUR
            return unshift_day(high // DAY, span) * DAY + DAY - 1

        if leaf.at == SCREENING:
            return a.least(last, a.number(begun_by(now)))
        key = ("begun by", span, leaf.changed)
        return a.least(last, self.calendar.anchor(leaf.at, key, lambda when: begun_by(when.high), LATEST))

    def _declared(
        self, leaf: Event, wanted: Wanted, needed: E, codes: tuple[str, ...], bounds: Bounds[E] | None = None
    ) -> E:
        """Whether the list is declared complete for codes, as far as the leaf looks. bounds: of its window, by which it
        looks so far; None: it looks as far as there are days."""
        a, rows = self.algebra, self.algebra.complete(leaf.domain)
        until, systems = _looks_until(leaf, bounds), frozenset(wanted.systems[code] for code in codes)
        key = (leaf.domain, systems, until)
        found = None if until is None else self._covered.get(key)
        if found is None:
            speaks, through = self._declarations(rows, leaf.domain, systems)
            found = a.exists(rows, a.both(a.at_most(a.spread(rows, needed), through), speaks))
            if until is not None:
                self._covered[key] = found
        return found

    def _declarations(self, rows: R, domain: Domain, systems: _Systems) -> tuple[E, E]:
        """Whether declarations speak of codes that some systems can express, and up to which instant they do."""
        known = self._declared_of.get((domain, systems))
        if known is not None:
            return known
        a = self.algebra
        speaks = Reading(
            ("systems",),
            ("covers", systems),
            lambda s: _flag(all(covered(each, systems_of(s[0])) for each in systems)),
        )
        through = a.read(rows, Reading(("through",), "through", _through, truth=False))
        found = self._declared_of[domain, systems] = a.same(a.read(rows, speaks), a.truth(TRUE)), through
        return found

    def _denied(self, wanted: Wanted, needed: E, denials: _Denials[E, R], code: str) -> E:
        """Whether a record denies a code, as far as the leaf looks."""
        a, rows = self.algebra, denials.rows
        speaks = self._names(rows, wanted, code)
        if a.nowhere(speaks):
            return a.flag(False)
        speaks = a.both(speaks, a.negated(denials.of_one_event))
        return a.exists(rows, a.both(speaks, a.at_most(a.spread(rows, needed), denials.until_first)))

    def _names(self, denials: R, wanted: Wanted, code: str) -> E:
        """Which denials name a code, or what it is a kind of."""
        a, domain = self.algebra, wanted.domain
        denies = Marked(("named", domain), wanted.named, wanted.broader[code])
        return a.same(a.read(denials, Reading(CODE, ("denied", domain, code), denies)), a.truth(TRUE))


def _looks_until(leaf: Event, bounds: Bounds[E] | None) -> Hashable:
    """All by which a leaf looks so far as it does; None where that is of each candidate's own."""
    if bounds is None:
        return ()
    if bounds.fixed is None or leaf.at != SCREENING:
        return None
    return bounds.fixed[1], leaf.statuses, leaf.duration, leaf.for_at_least, leaf.changed


def _day_end(day: int) -> int:
    return day * DAY + DAY - 1


def _first_days_end(when: When) -> int:
    return _day_end(when.first_day)


def _through(spelling: Spelling) -> int:
    """How far a declaration reaches; nowhere where it does not say."""
    text = spelling[0]
    if text is None or text.casefold() == "false":
        return BEFORE_ALL
    return LATEST if text.casefold() == "true" else _first_days_end(parse_when(text))


def systems_of(text: str | None) -> frozenset[str] | None:
    """The code systems of a declaration, as a table writes them; None: all."""
    if text is None:
        return None
    return frozenset(system_name(each) or each for each in (part.strip() for part in re.split("[;,]", text)) if each)


def _said_alike(leaf: Event) -> list[tuple[str, ...]]:
    """The statuses of a domain, such together as say the same of a time, and as the leaf and its exceptions ask for
    alike."""
    found: dict[object, list[str]] = {}
    for status in sorted(STATUSES[leaf.domain]):
        apart = status if status in _UNDATED or status == LASTING.get(leaf.domain) else None
        asked = tuple(not each.statuses or status in each.statuses for each in (leaf, *leaf.excepted))
        found.setdefault((apart, asked), []).append(status)
    return [tuple(statuses) for statuses in found.values()]


def _spoken(columns: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that tell a denial."""
    return tuple(column for column in columns if column in ("status", "verification"))


def _refuted(words: Words) -> bool:
    return words.verification == "refuted"


def _flag(holds: bool) -> int:
    return TRUE if holds else FALSE
