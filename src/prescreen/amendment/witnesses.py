"""Candidates whose status an amendment turns: found by the solver, and screened by both versions before they are shown.

The one module of this package that needs the solver.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from prescreen.amendment.meaning import subjects, window_key
from prescreen.amendment.model import DIRECTIONS, Amendment, CriterionChange, Direction, Search, Witness
from prescreen.amendment.shared import changed_codes
from prescreen.api import statuses
from prescreen.language.model import SCREENING, Criterion, Moment, Observation, Trial, Window, parts_of
from prescreen.prove import SCREENED_ON, Model, Undecided, find
from prescreen.report.model import Status
from prescreen.time import day_text, shift_day

if TYPE_CHECKING:
    import z3

Found = Witness | Literal["none", "undecided"]


def with_witnesses(
    amendment: Amendment, old: Trial, new: Trial, *, seconds: float = 10.0, say: Callable[[str], None] = lambda _: None
) -> Amendment:
    """The same amendment with what came of looking for candidates; where the solver settles a direction that the form
    of a change leaves open, with that.

    amendment: of these two versions. seconds: how long the solver may take over one question. say: is told which
    criterion is looked at.
    """
    seeker = _Seeker(old, new, seconds)
    changes: list[CriterionChange] = []
    for change in amendment.criteria:
        say(change.name)
        changes.append(seeker.seek(change))
    criteria = tuple(changes)
    counts = {direction: sum(change.direction == direction for change in criteria) for direction in DIRECTIONS}
    return msgspec.structs.replace(
        amendment, criteria=criteria, counts={name: number for name, number in counts.items() if number}
    )


@dataclass
class _Seeker:
    """Both versions, and the solver's model of them."""

    old: Trial
    new: Trial
    seconds: float

    def __post_init__(self) -> None:
        self.olds, self.news = ({criterion.id: criterion for criterion in t.criteria} for t in (self.old, self.new))
        self.codes = changed_codes(self.old, self.new)
        self.same_events = self.old.catalogue.events == self.new.catalogue.events

    def seek(self, change: CriterionChange) -> CriterionChange:
        """The change with its candidates."""
        before = self.olds[change.old] if change.old else None
        after = self.news[change.new] if change.new else None
        if before is None or after is None:
            return msgspec.structs.replace(change, search=self._alone(before, after))
        if "cohorts" in change.what and not {"condition", "kind"} & set(change.what):
            return msgspec.structs.replace(change, search=self._in_cohorts(before, after))
        if all(difference.direction == "none" for difference in change.differences):
            formal = {"writing", "kind"} & set(change.what)
            return msgspec.structs.replace(change, search=Search("none")) if formal else change
        return self._both(change, before, after)

    def _both(self, change: CriterionChange, before: Criterion, after: Criterion) -> CriterionChange:
        """A criterion that both versions have."""
        model = Model(self.old, self.new, seconds=self.seconds)
        was, now = model.met(before), model.met(after)
        looser = self._turned(model, [~was, now], before, after, "failed", "met")
        stricter = self._turned(model, [was, ~now], before, after, "met", "failed")
        found = [each for each in (looser, stricter) if isinstance(each, Witness)]
        direction = _settled(change.direction, looser, stricter)
        if looser == stricter == "none":
            search = Search("none")
        elif found or (found := self._stale(before, after)):
            search = Search("found", tuple(found))
        else:
            search = Search("undecided", why=self._why(model, before, after))
        return msgspec.structs.replace(change, search=search, direction=direction)

    def _turned(
        self,
        model: Model,
        wanted: Sequence[z3.BoolRef],
        before: Criterion,
        after: Criterion,
        old: Literal["met", "failed"],
        new: Literal["met", "failed"],
    ) -> Found:
        """A candidate who has one status by the old version and another by the new one."""
        try:
            found = find(model, wanted, {before.id: old}, {after.id: new})
            if found is not None:
                return _witness(found.candidate, found.on, max(before.id, after.id, key=len), old, new)
            if self._provable(before, after) and not model.possible(*wanted):
                return "none"
        except Undecided:
            pass
        return "undecided"

    def _provable(self, *criteria: Criterion) -> bool:
        """Whether what the solver rules out is so: all that the criteria name means the same in both versions, and they
        ask for the same results. It knows no stale results, and one version may hold for stale what the other takes."""
        if len({_results(criterion) for criterion in criteria}) > 1:
            return False
        named = {name for criterion in criteria for name in subjects(criterion.condition)}
        return not named & self.codes.keys() and (self.same_events or all(name.startswith(_PERSON) for name in named))

    def _why(self, model: Model, before: Criterion, after: Criterion) -> str:
        if model.undecided:
            return f"the solver did not answer within {self.seconds:g} s"
        if not self._provable(before, after):
            if _results(before) != _results(after):
                return "the versions ask for results of different ages"
            return "a code means something else in each version's catalogue"
        if model.unreproduced:
            return "the solver's candidate has other statuses when screened"
        return "the solver can neither rule such a candidate out nor write one down"

    def _alone(self, before: Criterion | None, after: Criterion | None, cohort: str | None = None) -> Search:
        """A criterion that only one version has (or has for a cohort): a candidate who fails it."""
        trial, criterion = (self.old, before) if before else (self.new, after)
        assert criterion is not None
        model = Model(trial, seconds=self.seconds)
        failed = ~model.met(criterion)
        try:
            found = find(model, [failed], {criterion.id: "failed"})
            if found is None:
                nobody = not model.possible(failed)
                return Search("none") if nobody else Search("undecided", why=self._why(model, criterion, criterion))
        except Undecided:
            return Search("undecided", why=self._why(model, criterion, criterion))
        old: Status | None = "failed" if before else None
        new: Status | None = None if before else "failed"
        return Search("found", (_witness(found.candidate, found.on, criterion.id, old, new, cohort),))

    def _in_cohorts(self, before: Criterion, after: Criterion) -> Search:
        """A criterion that is asked of other cohorts than it was."""
        was, now = (
            criterion.cohorts or tuple(cohort.id for cohort in trial.cohorts)
            for criterion, trial in ((before, self.old), (after, self.new))
        )
        gained = next((cohort for cohort in now if cohort not in was), None)
        if gained is not None:
            return self._alone(None, after, gained)
        return self._alone(before, None, next((cohort for cohort in was if cohort not in now), None))

    def _stale(self, before: Criterion, after: Criterion) -> list[Witness]:
        """A candidate whose results one version still takes and the other holds for stale.

        The solver speaks of complete records, in which no result is stale: it gives the results, and their day is moved
        to the first one of a window.
        """
        for trial, criterion in ((self.old, before), (self.new, after)):
            model = Model(trial, seconds=self.seconds)
            met = model.met(criterion)
            asked: dict[Literal["met", "failed"], z3.BoolRef] = {"met": met, "failed": ~met}
            for status, formula in asked.items():
                try:
                    found = find(model, [formula], {criterion.id: status})
                except Undecided:
                    continue
                for day in _first_days(criterion, found.candidate) if found else ():
                    assert found is not None
                    results = [{**each, "date": day} for each in found.candidate.get("observations", ())]
                    candidate = {**found.candidate, "observations": results}
                    old = statuses(self.old, candidate, SCREENED_ON)[before.id]
                    new = statuses(self.new, candidate, SCREENED_ON)[after.id]
                    if old != new:
                        return [_witness(candidate, SCREENED_ON, max(before.id, after.id, key=len), old, new)]
        return []


_PERSON: Final = ("observation:", "answer:", "age", "sex")


def _settled(direction: Direction, looser: Found, stricter: Found) -> Direction:
    """The direction as the solver knows it, where it knows; else that of the form."""
    if looser == stricter == "none":
        return "none"
    if isinstance(looser, Witness) and isinstance(stricter, Witness):
        return "both"
    for one, other, way, contrary in (
        (looser, stricter, "looser", "stricter"),
        (stricter, looser, "stricter", "looser"),
    ):
        if isinstance(one, Witness):
            if direction == contrary:  # a candidate shows more than a form can tell
                return "both"
            if other == "none":
                return "looser" if way == "looser" else "stricter"
    return direction


def _witness(
    candidate: dict[str, Any],
    on: date,
    criterion: str,
    old: Status | None,
    new: Status | None,
    cohort: str | None = None,
) -> Witness:
    """The candidate, named after the criterion and what becomes of its status: no two of an amendment are alike."""
    name = "-".join(filter(None, (criterion, cohort, old or "none", new or "none")))
    return Witness({**candidate, "id": name}, on.isoformat(), old, new, cohort)


def _results(criterion: Criterion) -> frozenset[Hashable]:
    """Which results count for a criterion."""
    parts = parts_of(criterion.condition)
    return frozenset((p.code, window_key(p.window), p.select) for p in parts if isinstance(p, Observation))


def _first_days(criterion: Criterion, candidate: dict[str, Any]) -> list[str]:
    """The first days of the windows of results, as the candidate's anchors place them; those still to come left out."""
    known = {SCREENING: SCREENED_ON.isoformat(), **candidate.get("anchors", {})}
    found: list[int] = []
    for part in parts_of(criterion.condition):
        match part:
            case Observation(window=Window(start=Moment(anchor, span, sign))) if anchor in known:
                day = date.fromisoformat(known[anchor]).toordinal()
                if span is None or span.unit != "hours":
                    found.append(shift_day(day, span, sign) if span else day)
    return [day_text(day) for day in dict.fromkeys(found) if 1 <= day <= SCREENED_ON.toordinal()]
