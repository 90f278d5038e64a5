"""Criteria that contradict each other, and criteria that others leave nothing to decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import z3

from prescreen.language.model import Criterion
from prescreen.prove.model import Model, Undecided


class Together:
    """The criteria that a candidate has to meet together: those of the trial, or of one of its cohorts.

    All of them are told to one solver, and a question is which of them to suppose.
    """

    def __init__(self, model: Model, criteria: Sequence[Criterion]) -> None:
        self.model = model
        self.criteria = {criterion.id: criterion for criterion in criteria}
        self.met = {criterion.id: model.met(criterion) for criterion in criteria}
        self._supposed = {name: z3.Bool(f"met:{name}") for name in self.met}
        self._missed = {name: z3.Bool(f"missed:{name}") for name in self.met}
        self._solver = model.solver(model.query(model.leaves_of(*self.met.values())).sound)
        for name, met in self.met.items():
            self._solver.add(z3.Implies(self._supposed[name], met))
            self._solver.add(z3.Implies(self._missed[name], z3.Not(met)))

    def contradiction(self) -> tuple[str, ...]:
        """A smallest set of criteria that nobody can meet together; empty where there is none."""
        core = self._core(list(self._supposed.values()))
        return () if core is None else self._smallest([name for name in self.met if f"met:{name}" in core], None)

    def implied(self, left_out: Sequence[str] = ()) -> dict[str, tuple[str, ...]]:
        """Each criterion that whoever meets others meets anyway, with a smallest set of those others.

        The last of several that say the same is the one that is implied; what is implied implies nothing else.
        left_out: criteria that are not to be looked at, nor to imply anything. Raises Undecided.
        """
        found: dict[str, tuple[str, ...]] = {}
        for name in reversed(self.met):
            if name in left_out:
                continue
            others = [each for other, each in self._supposed.items() if other not in (name, *found, *left_out)]
            core = self._core([*others, self._missed[name]])
            if core is not None and f"missed:{name}" in core:
                found[name] = self._smallest([other for other in self.met if f"met:{other}" in core], name)
        return dict(reversed(found.items()))

    def _core(self, supposed: Sequence[z3.BoolRef]) -> set[str] | None:
        """Of what is supposed, what cannot be so together; None where all of it may be."""
        if self.model.check(self._solver, *supposed) == z3.sat:
            return None
        return {str(each) for each in self._solver.unsat_core()}

    def _smallest(self, core: list[str], missed: str | None) -> tuple[str, ...]:
        """A core with everything left out that can be."""
        for name in list(core):
            rest = [self.met[other] for other in core if other != name]
            try:
                if not self.model.possible(*rest, *([] if missed is None else [z3.Not(self.met[missed])])):
                    core.remove(name)
            except Undecided:
                pass  # it stays, and the set may not be the smallest
        return tuple(core)


def in_every_cohort(
    found: Mapping[str | None, Mapping[str, tuple[str, ...]] | None], criteria: Sequence[Criterion]
) -> dict[str, dict[str | None, tuple[str, ...]]]:
    """Of what is implied in each cohort (None: not decided), what is so in every cohort of its criterion, with what
    implies it in each; by nothing where it makes no difference, because nobody enters that cohort anyway."""
    common: dict[str, dict[str | None, tuple[str, ...]]] = {}
    for criterion in criteria:
        mine = {c: each for c, each in found.items() if c is None or not criterion.cohorts or c in criterion.cohorts}
        if mine and all(each is not None and criterion.id in each for each in mine.values()):
            by = {cohort: each[criterion.id] for cohort, each in mine.items() if each is not None}
            common[criterion.id] = {cohort: names for cohort, names in by.items() if names}
    return common
