"""What can be told without asking anybody: codes that are listed, and hierarchies that are in the codes themselves."""

from __future__ import annotations

from collections.abc import Sequence

from prescreen.catalogue.codes import HIERARCHICAL, normal_code, stands_for
from prescreen.terminology.model import Part, Terminology, ValueSet
from prescreen.truth import TRUE, UNKNOWN, Truth, conjunction, disjunction, negation


class Listed:
    """Codes as they are listed. ICD-10-CM, ICD-10-PCS and ATC: what lies below a code begins with it, dots aside."""

    def contains(self, value_set: ValueSet, system: str, code: str) -> Truth:
        own = value_set.of_system(system)
        if not own.include:
            return UNKNOWN  # a system that the value set does not cover says nothing
        included = disjunction([self._in_part(part, system, code) for part in own.include])
        excluded = disjunction([self._in_part(part, system, code) for part in own.exclude])
        return conjunction([included, negation(excluded)])

    def _in_part(self, part: Part, system: str, code: str) -> Truth:
        if normal_code(system, code) in (normal_code(system, each) for each in part.codes):
            return TRUE
        return disjunction([self.subsumes(system, each, code) for each in part.is_a])

    def subsumes(self, system: str, broader: str, narrower: str) -> Truth:
        above, below = normal_code(system, broader), normal_code(system, narrower)
        if above == below:
            return TRUE
        if system not in HIERARCHICAL:
            return UNKNOWN
        return Truth.of(stands_for(above, below))

    def expand(self, value_set: ValueSet) -> dict[str, tuple[str, ...]] | None:
        if any(part.is_a for part in (*value_set.include, *value_set.exclude)):
            return None
        gone = {(part.system, code) for part in value_set.exclude for code in part.codes}
        found: dict[str, dict[str, None]] = {}
        for part in value_set.include:
            some = found.setdefault(part.system, {})
            some.update(dict.fromkeys(code for code in part.codes if (part.system, code) not in gone))
        return {system: tuple(codes) for system, codes in found.items()}


class Several:
    """Terminologies that are asked in turn, until one knows."""

    def __init__(self, terminologies: Sequence[Terminology]) -> None:
        self._terminologies = tuple(terminologies)

    def contains(self, value_set: ValueSet, system: str, code: str) -> Truth:
        for terminology in self._terminologies:
            truth = terminology.contains(value_set, system, code)
            if truth is not UNKNOWN:
                return truth
        return UNKNOWN

    def subsumes(self, system: str, broader: str, narrower: str) -> Truth:
        for terminology in self._terminologies:
            truth = terminology.subsumes(system, broader, narrower)
            if truth is not UNKNOWN:
                return truth
        return UNKNOWN

    def expand(self, value_set: ValueSet) -> dict[str, tuple[str, ...]] | None:
        for terminology in self._terminologies:
            found = terminology.expand(value_set)
            if found is not None:
                return found
        return None
