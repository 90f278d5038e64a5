"""Where a candidate stands in a trial, and how that follows: leaves are decided here, the rules do the rest."""

from __future__ import annotations

from typing import Final

from prescreen.candidate import Candidate
from prescreen.engine.compile import CompiledTrial
from prescreen.engine.setting import Setting
from prescreen.language.model import Trial
from prescreen.ranges import Ranges
from prescreen.report.model import Status
from prescreen.session import fallback
from prescreen.session.gates import Gates, gates_of
from prescreen.session.model import Standing
from prescreen.session.process import Engine
from prescreen.truth import FALSE, TRUE, UNKNOWN

_LETTER: Final = {TRUE: "T", FALSE: "F", UNKNOWN: "?"}
_TRUTH: Final = {letter: truth for truth, letter in _LETTER.items()}
_MOST_SAID: Final = 20_000
_MOST_NEEDED: Final = 1_000
_ORDER: Final = ("eligible", "undetermined", "ineligible")


class Judge:
    """Decides standings in one trial.

    place: of the trial among those of the engine. Nothing is remembered of a candidate: what is known is given. What is
    remembered is what the rules said of some truths.
    """

    def __init__(
        self, compiled: CompiledTrial, gates: Gates, place: int, engine: Engine, ranges: Ranges | None
    ) -> None:
        self.compiled = compiled
        self.trial: Trial = compiled.trial
        self.ranges = ranges
        self._gates = gates
        self._place = place
        self._engine = engine
        self._kinds = _kinds(compiled)
        self._said: dict[tuple[int, str], str] = {}
        self._needed: dict[frozenset[str], frozenset[str] | None] = {}
        self._timed = frozenset(leaf.number for criterion in compiled.criteria for leaf in criterion.timed)

    def setting(self, candidate: Candidate, day: int, kinds: frozenset[str] | None = None) -> Setting:
        """An evaluation, in which leaves are decided when they are asked for; kinds: of facts that are asked for."""
        catalogue = self.trial.catalogue
        facts = candidate.facts(catalogue) if kinds is None else candidate.facts_on(kinds, catalogue)
        return self.compiled.setting(facts, day, self.ranges)

    def needed(self, day: int, old: Standing | None, kinds: frozenset[str]) -> frozenset[str] | None:
        """The kinds of facts that are asked for once those of some kinds have changed; None: perhaps all."""
        if old is None or old.day != day:
            return None
        if kinds not in self._needed:
            if len(self._needed) > _MOST_NEEDED:
                self._needed.clear()
            self._needed[kinds] = self._asked_for(self._reached(day, old, kinds))
        return self._needed[kinds]

    def _asked_for(self, leaves: frozenset[int]) -> frozenset[str] | None:
        found: set[str] = set()
        for criterion in self.compiled.criteria:
            if not leaves.isdisjoint(criterion.numbers):
                if criterion.repeats_with_ranges:
                    return None  # to tell cases apart takes the more time the more records there are
                found.update(*(kinds for _, kinds in criterion.reach))
        return frozenset(found)

    def judged(self, setting: Setting, old: Standing | None, kinds: frozenset[str]) -> Standing:
        """The standing that follows from the facts.

        old: the one before (None: none that can be relied on, and all is decided anew). kinds: the kinds of facts that
        have changed since. A leaf is looked at again when such a fact, or the day, may change it; a criterion when one
        of its leaves has another truth, or when cases may have to be told apart in another way.
        """
        leaves = self._reached(setting.day, old, kinds)
        letters = list(old.leaves) if old is not None else ["?"] * self.compiled.leaf_count
        changed = set(leaves) if old is None else set()
        for number in leaves:
            letter = _LETTER[self.compiled.leaves[number].find(setting).truth]
            if letter != letters[number]:
                letters[number] = letter
                changed.add(number)
        fired = self._fired(letters, old, changed)
        truths = list(fired)
        for place, criterion in enumerate(self.compiled.criteria):
            if fired[place] == "?" and criterion.repeats_in(setting):
                if old is not None and leaves.isdisjoint(criterion.numbers) and old.fired[place] == "?":
                    truths[place] = old.truths[place]  # nothing that it may rest on is another
                else:
                    truths[place] = _LETTER[fallback.exact(criterion, setting, self.trial)]
        return Standing(setting.day, "".join(letters), "".join(fired), "".join(truths))

    def _reached(self, day: int, old: Standing | None, kinds: frozenset[str]) -> frozenset[int]:
        """The leaves that may have another truth, or rest on something else, than in the standing before."""
        if old is None:
            return frozenset(range(self.compiled.leaf_count))
        leaves: frozenset[int] = frozenset().union(*(self._kinds.get(kind, frozenset()) for kind in kinds))
        return leaves | self._timed if day != old.day else leaves

    def _fired(self, letters: list[str], old: Standing | None, changed: set[int]) -> list[str]:
        """What the rules say of each criterion; those without a changed leaf stay as they were.

        Rules say the same of the same truths: for each criterion that is remembered, and only asked once.
        """
        fired = ["?"] * len(self.compiled.criteria) if old is None else list(old.fired)
        asked = [
            place
            for place, criterion in enumerate(self.compiled.criteria)
            if old is None or not changed.isdisjoint(criterion.numbers)
        ]
        unsaid: dict[int, tuple[int, str]] = {}
        for place in asked:
            key = (place, "".join([letters[leaf] for leaf in self.compiled.criteria[place].numbers]))
            said = self._said.get(key)
            if said is None:
                unsaid[place] = key
            else:
                fired[place] = said
        if unsaid:
            posts = [
                (gate, (letters[leaf] == "T") is not turned)
                for place in unsaid
                for leaf, (gate, turned) in self._gates.inputs[place]
                if letters[leaf] != "?"
            ]
            decided = self._engine.decide(self._place, posts)
            if len(self._said) > _MOST_SAID:
                self._said.clear()
            for place, key in unsaid.items():
                truth = decided.get(place)
                fired[place] = self._said[key] = "?" if truth is None else "T" if truth else "F"
        return fired

    def statuses(self, standing: Standing) -> tuple[Status, ...]:
        """The status of each criterion."""
        return tuple(
            status_of(letter, criterion.excludes)
            for criterion, letter in zip(self.compiled.criteria, standing.truths, strict=True)
        )

    def verdicts(self, standing: Standing) -> dict[str | None, str]:
        """The verdict (under None), and that of each cohort, by the rules of semantics §2."""
        statuses = self.statuses(standing)
        by_cohort: dict[str | None, str] = {}
        cohorts: list[str | None] = [each.id for each in self.trial.cohorts]
        for cohort in cohorts or [None]:
            of_cohort = [
                status
                for criterion, status in zip(self.trial.criteria, statuses, strict=True)
                if cohort is None or not criterion.cohorts or cohort in criterion.cohorts
            ]
            if "failed" in of_cohort:
                by_cohort[cohort] = "ineligible"
            elif "undetermined" in of_cohort or not self.trial.complete:
                by_cohort[cohort] = "undetermined"
            else:
                by_cohort[cohort] = "eligible"
        best = min(by_cohort.values(), key=_ORDER.index)
        return {None: best, **by_cohort}

    def because(self, place: int, standing: Standing, setting: Setting) -> tuple[str, ...]:
        """Why the criterion at a place has its status, in words."""
        truth = _TRUTH[standing.truths[place]]
        return fallback.words(self.compiled.criteria[place], truth, setting, self.trial)


def judges(compiled: list[CompiledTrial], ranges: dict[str, Ranges | None]) -> tuple[list[Judge], Engine]:
    """A judge for each trial, and the engine that they share. ranges: by the id of the trial."""
    gates = [gates_of(each) for each in compiled]
    engine = Engine(gates)
    return [
        Judge(each, gates[place], place, engine, ranges[each.trial.id]) for place, each in enumerate(compiled)
    ], engine


def status_of(letter: str, excludes: bool) -> Status:
    """The status that a truth means (semantics §2)."""
    if letter == "?":
        return "undetermined"
    return "met" if (letter == "T") is not excludes else "failed"


def _kinds(compiled: CompiledTrial) -> dict[str, frozenset[int]]:
    """The leaves that each kind of fact may inform."""
    found: dict[str, set[int]] = {}
    for criterion in compiled.criteria:
        for number, kinds in criterion.reach:
            for kind in kinds:
                found.setdefault(kind, set()).add(number)
    return {kind: frozenset(numbers) for kind, numbers in found.items()}
