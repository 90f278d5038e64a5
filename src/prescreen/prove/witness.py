"""From what the solver found to a candidate as JSON, who is screened before anybody is shown them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, Final

import z3

from prescreen.candidate import Candidate
from prescreen.candidate.read import parse_candidate
from prescreen.catalogue import ObservationConcept
from prescreen.catalogue.model import DOMAINS
from prescreen.engine.screen import statuses
from prescreen.language.model import (
    Age,
    Answer,
    Comparison,
    Criterion,
    Detected,
    Event,
    Observation,
    Sex,
    Trial,
)
from prescreen.problems import InputRefused
from prescreen.prove.events import RECORDED, Entry, Records
from prescreen.prove.model import SCREENED_ON, Model, Query, Status, Undecided
from prescreen.prove.person import BIRTH, FEMALE, given, months_at
from prescreen.prove.results import History, Slot
from prescreen.quantities import Scale
from prescreen.time import Span, day_text, shift_day

_TRIES: Final = 4  # with anchors on other days
_DECIMALS: Final = 6
_AROUND: Final = 40  # days in which a birth date of an age in months lies
_USUAL_LIMITS: Final = (Fraction(40), Fraction(10), Fraction(12, 10), Fraction(100), Fraction(1))
_KEYS: Final = {
    "conditions": ("onset", "abatement"),
    "treatments": ("start", "end"),
    "procedures": ("date", "date"),
    "allergies": ("date", "date"),
}


@dataclass(frozen=True, slots=True)
class Witness:
    """A candidate who shows something: screened on a day, these criteria have these statuses.

    candidate: the JSON of a candidate as plain data. statuses: by criterion, of the first trial of the model.
    """

    candidate: dict[str, Any]
    on: date
    statuses: Mapping[str, Status]


def find(
    model: Model,
    wanted: Sequence[z3.BoolRef],
    *expected: Mapping[str, Status],
    show: Sequence[Criterion] = (),
    on: date = SCREENED_ON,
) -> Witness | None:
    """A candidate of whom all the formulas are true; None where none can be written down.

    expected: for each trial of the model, the statuses that `screen` must give; a candidate who has others is counted
    in `model.unreproduced` and not given away. show: criteria of the first trial whose statuses, whichever they are,
    are to be known and shown as well. Raises Undecided.
    """
    query = model.query(model.leaves_of(*wanted, *map(model.met, show)))
    solver = model.solver([*query.sound, *query.exact, *wanted])
    for _ in range(_TRIES):
        if model.check(solver) == z3.unsat:
            return None
        found = solver.model()
        solver.push()
        solver.add(*query.days.fixed(on.toordinal(), found))
        if model.check(solver) == z3.sat:
            writer = _Writer(model, query, solver, on.toordinal())
            candidate = writer.candidate()
            first = {**(expected[0] if expected else {}), **writer.statuses(show)}
            if candidate is None or not _reproduces(model.trials, candidate, (first, *expected[1:]), on):
                model.unreproduced += 1
                return None
            return Witness(candidate, on, first)
        solver.pop()
        moved = [day != found.eval(day, model_completion=True) for day in query.days.anchors.values()]
        if not moved:
            return None
        solver.add(z3.Or(*moved))
    return None


def _reproduces(
    trials: Sequence[Trial], candidate: dict[str, Any], expected: Sequence[Mapping[str, Status]], on: date
) -> bool:
    for trial, wanted in zip(trials, expected, strict=False):
        try:
            profile = parse_candidate(candidate, catalogue=trial.catalogue)
        except InputRefused:
            return False
        said = statuses(trial, Candidate(profile, trial.catalogue), on)
        if any(said[name] != status for name, status in wanted.items()):
            return False
    return True


class _Writer:
    """Writes down what a solver has found. The solver is narrowed on the way: few records, round numbers."""

    def __init__(self, model: Model, query: Query, solver: z3.Solver, screening: int) -> None:
        self.model, self.query, self.solver, self.screening = model, query, solver, screening
        self.found = solver.model()

    def candidate(self) -> dict[str, Any] | None:
        """The candidate, None where a number or date in it cannot be written exactly."""
        query, leaves = self.query, self.query.leaves
        self._drop_records()
        self._merge_records()
        made: dict[str, Any] = {"id": "witness"}
        if any(isinstance(leaf, Age) for leaf in leaves):
            born = self._birth()
            if born is None:
                return None
            made["birth_date"] = day_text(born)
        if any(isinstance(leaf, Sex) for leaf in leaves):
            made["sex"] = "female" if self._true(FEMALE) else "male"
        results = [self._history(history) for history in query.histories.values()]
        if any(each is None for each in results):
            return None
        if results:
            made["observations"] = [record for each in results if each is not None for record in each]
        for domain in DOMAINS:
            if domain in query.records and (written := list(self._records(query.records[domain]))):
                made[domain] = written
        questions = dict.fromkeys(leaf.question for leaf in leaves if isinstance(leaf, Answer))
        if questions:
            made["answers"] = {name: self.model.answers[name][self._whole(given(name))] for name in questions}
        if query.days.anchors:
            made["anchors"] = {name: self._date(day) for name, day in query.days.anchors.items()}
        asked = {leaf.domain for leaf in leaves if isinstance(leaf, Event)} | query.records.keys()
        if asked:
            made["complete"] = {domain: True for domain in DOMAINS if domain in asked}
        return made

    def statuses(self, criteria: Sequence[Criterion]) -> dict[str, Status]:
        """The statuses of criteria for what was found."""
        return {each.id: "met" if self._true(self.model.met(each)) else "failed" for each in criteria}

    # --- the solver's numbers ---------------------------------------------------------------------------

    def _true(self, formula: z3.BoolRef) -> bool:
        """Whether a formula is true in what was found; it stays so, because something is written down by it."""
        truth = bool(z3.is_true(self.found.eval(formula, model_completion=True)))
        self.solver.add(formula if truth else z3.Not(formula))
        return truth

    def _whole(self, number: z3.ArithRef) -> int:
        whole: int = self.found.eval(number, model_completion=True).as_long()
        self.solver.add(number == whole)
        return whole

    def _exact(self, number: z3.ArithRef) -> Fraction:
        value = self.found.eval(number, model_completion=True)
        return Fraction(value.numerator_as_long(), value.denominator_as_long())

    def _date(self, day: z3.ArithRef) -> str:
        return day_text(self.screening + self._whole(day))

    def _settle(self, formula: z3.BoolRef) -> bool:
        """Narrow what was found, where it can be."""
        self.solver.push()
        self.solver.add(formula)
        try:
            possible = self.model.check(self.solver) == z3.sat
        except Undecided:
            possible = False
        if possible:
            self.found = self.solver.model()
            return True
        self.solver.pop()
        return False

    def _drop_records(self) -> None:
        for records in self.query.records.values():
            for truth in records.truths.values():
                if z3.is_true(self.found.eval(truth, model_completion=True)):
                    self._settle(z3.Not(truth))
                self._true(truth)

    def _merge_records(self) -> None:
        """One record in the place of several, where one can be what all of them are for."""
        for records in self.query.records.values():
            there = [entry for entry in records.entries if self._true(records.truths[entry.leaf])]
            for place, entry in enumerate(there):
                for other in there[:place]:
                    if self._settle(entry.same_as(other)):
                        break

    def _number(self, variable: z3.ArithRef, scale: Scale, usual: Sequence[Fraction] = ()) -> int | float | None:
        """A number with few decimals that can stand for a variable, in the unit of the scale."""
        exact = (self._exact(variable) - scale.offset) / scale.factor
        for number in (*usual, *_rounded(exact)):
            if self._settle(variable == _q(number * scale.factor + scale.offset)):
                return int(number) if number.denominator == 1 else float(number)
        return None

    # --- the person -------------------------------------------------------------------------------------

    def _birth(self) -> int | None:
        """A birth date on which every age is what the solver made it."""
        ages = [leaf for leaf in self.query.leaves if isinstance(leaf, Age)]
        wished, days = self.screening + self._whole(BIRTH), set[int]()
        for anchor in {leaf.anchor for leaf in ages}:
            day, months = self.screening + self._whole(self.query.days.anchor(anchor)), self._whole(months_at(anchor))
            latest = shift_day(day, Span(abs(months), "months"), -1 if months >= 0 else 1)
            days.update(range(latest - _AROUND, min(latest + _AROUND, self.screening) + 1))
        for born in sorted(days, key=lambda day: (abs(day - wished), day)):
            if all(self._has_age(born, leaf) for leaf in ages):
                return born
        return None

    def _has_age(self, born: int, leaf: Age) -> bool:
        day = self.screening + self._whole(self.query.days.anchor(leaf.anchor))
        low = leaf.low is None or shift_day(born, leaf.low, 1) <= day
        below = leaf.below is None or shift_day(born, leaf.below, 1) > day
        return (low and below) == self._true(self.model.condition(leaf))

    # --- results ----------------------------------------------------------------------------------------

    def _history(self, history: History) -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] = []
        times, apart = history.copies, history.apart
        for slot in history.slots:
            if not any(self._counts(history, slot, leaf) for leaf in history.leaves):
                continue
            record = self._result(history, slot)
            if record is None:
                return None
            for copy in range(times):
                day = day_text(self.screening + self._whole(slot.day) - copy * apart)
                found.append({**record, "date": day if apart or times == 1 else f"{day}T{20 - copy:02}:00"})
        return found

    def _counts(self, history: History, slot: Slot, leaf: Observation) -> bool:
        return bool(leaf.changes) or self._true(history.days.overlaps(slot.day, slot.day, leaf.window))

    def _result(self, history: History, slot: Slot) -> dict[str, Any] | None:
        concept = history.concept
        record: dict[str, Any] = {"code": concept.name}
        if history.coded or concept.analyte is None:
            record["value"] = history.codes[self._whole(slot.coded)] if history.codes else None
            return record
        unit = self._unit(history, slot)
        scale = concept.analyte.scale(unit)
        if not isinstance(scale, Scale) or scale.log10:
            return None
        limits = _limits(history)
        written: dict[str, int | float | None] = {}
        for name, variable in (("ULN", slot.uln), ("LLN", slot.lln), ("LLOD", slot.lod)):
            if name in limits:
                written[name] = self._number(variable, scale, _USUAL_LIMITS if name == "ULN" else ())
        value = self._number(slot.value, scale)
        if value is None or None in written.values():
            return None
        record["value"] = value
        if unit:
            record["unit"] = unit
        reference = {key: written[name] for key, name in (("low", "LLN"), ("high", "ULN")) if name in written}
        if reference:
            record["reference_range"] = reference
        if "LLOD" in written:
            record["detection_limit"] = written["LLOD"]
        return record

    def _unit(self, history: History, slot: Slot) -> str:
        """The catalogue's own unit, or one of the kind that a limit in two units asks for."""
        concept = history.concept
        assert concept.analyte is not None
        if history.kinds:
            kind = history.kinds[self._whole(slot.kind)]
            for unit in units_of(history, concept):
                scale = concept.analyte.scale(unit)
                if isinstance(scale, Scale) and scale.kind == kind:
                    return unit
        return concept.unit

    # --- events -----------------------------------------------------------------------------------------

    def _records(self, records: Records) -> Iterator[dict[str, Any]]:
        seen: list[dict[str, Any]] = []
        for entry in records.entries:
            if self._true(records.truths[entry.leaf]):
                written = self._record(records, entry)
                if written not in seen:
                    seen.append(written)
                    yield written

    def _record(self, records: Records, entry: Entry) -> dict[str, Any]:
        status = records.statuses[self._whole(entry.status)]
        first, last = _KEYS[records.domain]
        written: dict[str, Any] = {"code": entry.kinds[self._whole(entry.kind)].code, first: self._date(entry.start)}
        if first != last and status != records.lasting:
            written[last] = self._date(entry.end)
        if status != RECORDED:
            written["status"] = status
        for word, value in entry.words.items():
            if records.words[word]:
                place = self._whole(value)
                written[word] = [*records.words[word], "other"][place]
        if entry.indications:
            written["for"] = entry.indications[self._whole(entry.indication)].code
        leaves = [leaf for leaf in self.query.leaves if isinstance(leaf, Event) and leaf.domain == records.domain]
        every = [each for leaf in leaves for each in (leaf, *leaf.excepted)]
        for name, unit, asked in (
            ("dose", "mg", any(leaf.dose for leaf in every)),
            ("daily_dose", "mg/d", any(leaf.daily_dose for leaf in every)),
        ):
            if asked:
                number = self._number(getattr(entry, name), _PLAIN)
                written[name] = {"value": number, "unit": unit}
        return written


_PLAIN: Final = Scale(Fraction(1), Fraction(0), "", False, "")


def units_of(history: History, concept: ObservationConcept) -> list[str]:
    """Units in which a result may be written: the catalogue's, and those of the limits that ask for it."""
    texts = [
        threshold.text.split(maxsplit=1)[-1]
        for leaf in history.leaves
        for test in leaf.tests
        if isinstance(test, Comparison)
        for threshold in test.thresholds
        if threshold.of is None
    ]
    return [concept.unit, *concept.units, *texts]


def _limits(history: History) -> set[str]:
    found: set[str] = set()
    for leaf in history.leaves:
        for test in leaf.tests:
            if isinstance(test, Comparison):
                found |= {threshold.of for threshold in test.thresholds if threshold.of}
            elif isinstance(test, Detected):
                found.add("LLOD")
    return found


def _rounded(exact: Fraction) -> Iterator[Fraction]:
    """Numbers near an exact one, the roundest first, the number itself last where its decimals end."""
    for decimals in range(_DECIMALS + 1):
        unit = Fraction(1, 10**decimals)
        near = round(exact / unit) * unit
        yield from (near, near + unit, near - unit)
    denominator = exact.denominator
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    if denominator == 1:
        yield exact


def _q(number: Fraction) -> z3.ArithRef:
    return z3.Q(number.numerator, number.denominator)
