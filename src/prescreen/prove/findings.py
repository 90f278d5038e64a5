"""Everything that is proven of a trial, in the order of its file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import z3

from prescreen.language.model import Condition, Criterion, Trial, Where
from prescreen.prove.finding import Finding, in_words, listed
from prescreen.prove.gaps import Gap, alternatives, between_cohorts, gaps_between, meeting_points, subgroups
from prescreen.prove.implied import Together, in_every_cohort
from prescreen.prove.model import Model, Undecided
from prescreen.prove.parts import NeedlessPart, definitions, needless_parts
from prescreen.prove.witness import Witness, find

Say = Callable[[str], None]
_Kind = TypeVar("_Kind")
_IMPLIED = frozenset({"implied-criterion", "repeated-criterion"})


@dataclass
class Proofs:
    """What was found in a trial.

    asked: how many questions the solver was asked; undecided: how many of them it has not answered in its time; unsure:
    the codes of findings that were not looked for to the end; unshown: candidates who were screened and had other
    statuses than the solver said.
    """

    findings: list[Finding] = field(default_factory=list)
    asked: int = 0
    undecided: int = 0
    unsure: set[str] = field(default_factory=set)
    unshown: int = 0


def prove(trial: Trial, seconds: float = 10.0, say: Say = lambda _: None) -> Proofs:
    """Look a trial over. seconds: for each question; say: is told what is looked at."""
    search = _Search(trial, Model(trial, seconds=seconds), say)
    search.criteria()
    search.named()
    search.together()
    search.gaps()
    found = search.proofs
    found.findings.sort(key=lambda finding: (finding.where.line, finding.where.column, finding.code))
    found.asked, found.undecided = search.model.asked, search.model.undecided
    found.unshown = search.model.unreproduced
    return found


class _Search:
    def __init__(self, trial: Trial, model: Model, say: Say) -> None:
        self.trial, self.model, self.say = trial, model, say
        self.proofs = Proofs()
        self.constant: dict[str, str] = {}  # criteria that everybody or nobody meets, with the code that says so
        self._told: dict[tuple[str, Where, str], int] = {}

    def criteria(self) -> None:
        """Each criterion by itself: can it be met, can it be failed, does each part of it matter."""
        for criterion in self.trial.criteria:
            self.say(f"{self.trial.id} {criterion.id}")
            with_parts = True
            for code, formula in (
                ("nobody-meets", self.model.met(criterion)),
                ("nobody-fails", z3.Not(self.model.met(criterion))),
            ):
                if self._impossible(code, formula):
                    self.constant[criterion.id] = code
                    self._tell_constant(criterion, code, formula)
                    with_parts = False
                    break
            if with_parts:
                for part in self._found("needless-part", needless_parts(self.model, criterion.condition)):
                    self._tell_part(f"{criterion.id}: ", part, (criterion,))

    def named(self) -> None:
        """Parts of named conditions, each looked at by itself."""
        for name, use in definitions(criterion.condition for criterion in self.trial.criteria).items():
            formula = self.model.condition(use.child)
            if self._impossible("needless-part", formula) or self._impossible("needless-part", z3.Not(formula)):
                continue  # where it is used, it is a part that never matters
            for part in self._found("needless-part", needless_parts(self.model, use.child)):
                self._tell_part(f"`{name}`: ", part, ())

    def together(self) -> None:
        """The criteria that a candidate has to meet together: contradictions, and what is implied."""
        cohorts: list[str | None] = [cohort.id for cohort in self.trial.cohorts]
        implied: dict[str | None, Mapping[str, tuple[str, ...]] | None] = {}
        for cohort in cohorts or [None]:
            implied[cohort] = None
            self.say(f"{self.trial.id}, {'the criteria together' if cohort is None else f'cohort {cohort}'}")
            mine = [
                criterion
                for criterion in self.trial.criteria
                if (cohort is None or not criterion.cohorts or cohort in criterion.cohorts)
                and criterion.id not in self.constant
            ]
            if not mine:
                continue
            try:
                together = Together(self.model, mine)
                core = together.contradiction()
            except Undecided:
                self.proofs.unsure |= {"nobody-enters", *_IMPLIED}
                continue
            if core:
                self._tell_contradiction(cohort, [together.criteria[name] for name in core])
                self.proofs.unsure |= _IMPLIED  # of those who meet everything else there is nobody
                implied[cohort] = {name: () for name in together.criteria if name not in core}
                continue
            try:
                implied[cohort] = together.implied()
            except Undecided:
                self.proofs.unsure |= _IMPLIED
        for name, by in in_every_cohort(implied, self.trial.criteria).items():
            self._tell_implied(name, by)

    def gaps(self) -> None:
        """Values that nothing, or two things at once, take in."""
        self.say(f"{self.trial.id}, gaps")
        for criterion in self.trial.criteria:
            if criterion.id in self.constant:
                continue
            for part in alternatives(criterion):
                formulas = [self.model.condition(child) for child in part.children]
                for gap in self._found("gap", gaps_between(self.model, formulas, part.where)):
                    message = f"{criterion.id}: {gap.words} lies between two alternatives and is in none"
                    self._tell_gap("gap", message, gap, (criterion,))
            self._subgroups([criterion], (criterion,))
        self._subgroups(self.trial.criteria, ())
        for between in self._found("gap", between_cohorts(self.model, self.trial)):  # and overlaps
            names = listed(list(between.cohorts))
            how = "no cohort takes in" if between.code == "gap" else "both cohorts take in"
            message = f"cohorts {names}: {how} {between.words}"
            own = [c for c in self.trial.criteria if set(c.cohorts) & set(between.cohorts)]
            witness = self._witness(between.wanted, show=own)
            self._add(Finding(between.code, message, own[0].where, (), None, witness))

    def _subgroups(self, criteria: Sequence[Criterion], explains: Sequence[Criterion]) -> None:
        """Gaps and common edges of subgroups: within one criterion, or (explained by the trial) of several."""
        label = f"{explains[0].id}: " if explains else ""
        for conditions in subgroups(criteria, across=not explains):
            formulas = [self.model.condition(condition) for condition in conditions]
            where = conditions[0].where
            for gap in self._found("gap", gaps_between(self.model, formulas, where)):
                self._tell_gap("gap", f"{label}{gap.words} lies between two subgroups and is in none", gap, criteria)
            for place, one in enumerate(formulas):
                for other in formulas[place + 1 :]:
                    pair = [one, other]
                    for gap in self._found("overlap", meeting_points(self.model, pair, where)):
                        wanted = replace(gap, wanted=(*gap.wanted, *pair))
                        self._tell_gap("overlap", f"{label}{gap.words} is in two subgroups", wanted, criteria)

    # --- questions --------------------------------------------------------------------------------------

    def _impossible(self, code: str, *formulas: z3.BoolRef) -> bool:
        try:
            return not self.model.possible(*formulas)
        except Undecided:
            self.proofs.unsure.add(code)
            return False

    def _found(self, code: str, search: Iterator[_Kind]) -> Iterator[_Kind]:
        """What a search finds, up to a question that was not answered."""
        try:
            yield from search
        except Undecided:
            self.proofs.unsure |= {"gap", "overlap"} if code in ("gap", "overlap") else {code}

    def _witness(self, *wishes: Sequence[z3.BoolRef], show: Sequence[Criterion]) -> Witness | None:
        """A candidate of the first wish that one can be found for."""
        for wanted in wishes:
            try:
                found = find(self.model, wanted, show=show)
            except Undecided:
                continue
            if found is not None:
                return found
        return None

    # --- findings ---------------------------------------------------------------------------------------

    def _add(self, finding: Finding) -> None:
        """Findings of one place and kind are told once: the criteria of several cohorts are written in one place."""
        key = (finding.code, finding.where, finding.message.partition(": ")[2])
        known = self._told.get(key)
        if known is None:
            self._told[key] = len(self.proofs.findings)
            self.proofs.findings.append(finding)
            return
        first = self.proofs.findings[known]
        criteria = (*first.criteria, *(name for name in finding.criteria if name not in first.criteria))
        label = f"{listed(list(criteria))}: " if criteria else ""
        message = label + first.message.partition(": ")[2]
        self.proofs.findings[known] = Finding(
            first.code, message, first.where, criteria, first.hint, first.witness or finding.witness
        )

    def _tell_constant(self, criterion: Criterion, code: str, impossible: z3.BoolRef) -> None:
        asked = in_words(criterion.condition, self.trial)
        if criterion.kind == "inclusion":
            why = "nobody can be so" if code == "nobody-meets" else "everybody is so"
        else:
            why = "everybody is so" if code == "nobody-meets" else "nobody can be so"
        verb = "meet" if code == "nobody-meets" else "fail"
        message = f"{criterion.id}: nobody can {verb} this: {asked}: {why}"
        witness = self._witness([z3.Not(impossible)], show=[criterion])
        self._add(Finding(code, message, criterion.where, (criterion.id,), None, witness))

    def _tell_part(self, label: str, found: NeedlessPart, criteria: Sequence[Criterion]) -> None:
        words = in_words(found.part, self.trial)
        if found.always:
            why = "everybody is so anyway" if found.taken else "nobody can be so"
        else:
            why = "what else is asked implies it" if found.taken else "without it the same candidates are left"
        own = self.model.condition(found.part)
        unexpected = z3.Not(own) if found.taken else own
        witness = self._witness([unexpected], [own], [z3.Not(own)], show=criteria or self._users(found.part))
        names = tuple(criterion.id for criterion in criteria)
        message = f"{label}this {found.what} never matters: {words}: {why}"
        self._add(Finding("needless-part", message, found.part.where, names, None, witness))

    def _users(self, part: Condition) -> list[Criterion]:
        """The first criterion in whose condition a part of a named condition stands."""
        leaves = self.model.leaves_of(self.model.condition(part))
        using = (c for c in self.trial.criteria if leaves <= self.model.leaves_of(self.model.met(c)))
        return list(using)[:1]

    def _tell_contradiction(self, cohort: str | None, core: Sequence[Criterion]) -> None:
        names = [criterion.id for criterion in core]
        what = "the trial" if cohort is None else f"cohort {cohort}"
        message = f"{what}: nobody can enter: {listed(names)} cannot be met together"
        met = list(map(self.model.met, core))
        wishes = [[*met[:place], *met[place + 1 :]] for place in range(len(met) - 1, -1, -1)]
        witness = self._witness(*wishes, show=core)
        hint = "leaving one of them out makes the others possible"
        self._add(Finding("nobody-enters", message, core[-1].where, (), hint, witness))

    def _tell_implied(self, name: str, by: Mapping[str | None, tuple[str, ...]]) -> None:
        criteria = {criterion.id: criterion for criterion in self.trial.criteria}
        criterion, met = criteria[name], self.model.met(criteria[name])
        others = [criteria[other] for other in dict.fromkeys(other for each in by.values() for other in each)]
        sets = set(by.values())
        if not others:
            return  # nobody enters any of its cohorts, or nobody can fail it, which was not decided where it is told
        code = "implied-criterion"
        if len(others) == 1 and self._impossible(code, met, z3.Not(self.model.met(others[0]))):
            code, message = "repeated-criterion", f"it says the same as {others[0].id}: who meets one meets the other"
        elif len(sets) == 1:
            message = f"everyone who meets {listed(sets.pop())} meets it as well"
        else:
            each = [f"who meets {listed(names)} in {cohort}" for cohort, names in by.items()]
            message = f"everyone {' or '.join(each)} meets it as well"
        witness = self._witness([z3.Not(met)], show=[*others, criterion])
        self._add(Finding(code, f"{name}: {message}", criterion.where, (name,), None, witness))

    def _tell_gap(self, code: str, message: str, gap: Gap, criteria: Sequence[Criterion]) -> None:
        touched = [c for c in criteria if gap.leaves & self.model.leaves_of(self.model.met(c))]
        witness = self._witness(gap.wanted, show=touched)
        names = tuple(criterion.id for criterion in criteria) if len(criteria) == 1 else ()
        self._add(Finding(code, message, gap.where, names, None, witness))
