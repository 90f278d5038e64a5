"""Value sets, and what is asked of a terminology.

A terminology may not know. It then says so: what it does not know is unknown, and never false.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from prescreen.catalogue.codes import HIERARCHICAL, SYSTEMS
from prescreen.catalogue.model import EventConcept
from prescreen.truth import Truth


@dataclass(frozen=True, slots=True)
class Part:
    """Codes of one system: single ones, and ones with all that lies below them."""

    system: str
    codes: tuple[str, ...] = ()
    is_a: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ValueSet:
    """What some parts include, but for what others exclude (FHIR's `ValueSet.compose`)."""

    include: tuple[Part, ...]
    exclude: tuple[Part, ...] = ()

    def of_system(self, system: str) -> ValueSet:
        """The parts in one system."""
        return ValueSet(
            tuple(part for part in self.include if part.system == system),
            tuple(part for part in self.exclude if part.system == system),
        )

    def as_fhir(self) -> dict[str, Any]:
        """The value set as a FHIR ValueSet."""
        compose: dict[str, Any] = {"include": [each for part in self.include for each in _composed(part)]}
        if self.exclude:
            compose["exclude"] = [each for part in self.exclude for each in _composed(part)]
        return {"resourceType": "ValueSet", "status": "active", "compose": compose}


def _composed(part: Part) -> list[dict[str, Any]]:
    uri = SYSTEMS[part.system][0]
    found: list[dict[str, Any]] = []
    if part.codes:
        found.append({"system": uri, "concept": [{"code": code} for code in part.codes]})
    found += [{"system": uri, "filter": [{"property": "concept", "op": "is-a", "value": code}]} for code in part.is_a]
    return found


class Terminology(Protocol):
    """Answers about codes; `system` by short name. UNKNOWN where it cannot tell."""

    def contains(self, value_set: ValueSet, system: str, code: str) -> Truth:
        """Whether a code is in a value set."""

    def subsumes(self, system: str, broader: str, narrower: str) -> Truth:
        """Whether one code is the other, or lies above it."""

    def expand(self, value_set: ValueSet) -> dict[str, tuple[str, ...]] | None:
        """All codes of a value set by system; None where they cannot be told."""


def value_set_of(concept: EventConcept) -> ValueSet:
    """The value set of a concept of the catalogue: its codes, with what lies below those that include it."""
    include: list[Part] = []
    for system, codes in concept.codes.items():
        below = codes if system in HIERARCHICAL else concept.included.get(system, ())
        include.append(Part(system, tuple(code for code in codes if code not in below), tuple(below)))
    exclude = [
        Part(system, (), codes) if system in HIERARCHICAL else Part(system, codes)
        for system, codes in concept.excluded.items()
    ]
    return ValueSet(tuple(include), tuple(exclude))
