"""Which concepts one record can be of at once, as far as a query tells them apart, and how such a record is coded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from prescreen.catalogue import Catalogue
from prescreen.catalogue.model import Domain
from prescreen.engine.events import Sought
from prescreen.language.model import ANY_WINDOW, Event

Code = str | dict[str, str]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record. concepts: those of the query that it is of. code: how it is written so that nothing about it
    is open; None where the catalogue has no such code."""

    concepts: frozenset[str]
    code: Code | None = field(compare=False)


class Codes:
    """The kinds of records of a domain, by the concepts that a query speaks of; remembered."""

    def __init__(self, catalogues: Iterable[Catalogue]) -> None:
        self.catalogues = tuple(catalogues)
        self._coded: dict[Domain, list[tuple[str, str]]] = {}
        self._kinds: dict[tuple[Domain, frozenset[str]], tuple[Kind, ...]] = {}

    def kinds(self, domain: Domain, spoken: frozenset[str]) -> tuple[Kind, ...]:
        """Every set of the concepts spoken of that one record is of; the plainest code for each."""
        key = (domain, spoken)
        if key not in self._kinds:
            self._kinds[key] = tuple(self._found(domain, spoken))
        return self._kinds[key]

    def _found(self, domain: Domain, spoken: frozenset[str]) -> list[Kind]:
        codes: dict[frozenset[str], Code | None] = {}
        names = sorted(spoken) + sorted({name for c in self.catalogues for name in c.events[domain]} - spoken)
        for name in names:
            self._note(codes, domain, name, spoken, name)
        systems = self._systems(domain, spoken)
        for system, text in self._listed(domain):
            self._note(codes, domain, (system, text), spoken, {"system": system, "code": text}, system in systems)
        return [Kind(concepts, code) for concepts, code in codes.items() if concepts]

    def _note(
        self,
        codes: dict[frozenset[str], Code | None],
        domain: Domain,
        recorded: str | tuple[str, str],
        spoken: frozenset[str],
        written: Code,
        readable: bool = True,
    ) -> None:
        found = [c.related(domain, recorded) for c in self.catalogues]
        is_a = frozenset().union(*(related.is_a for related in found)) & spoken
        decided = all(related.may_be.isdisjoint(spoken) and related.is_a & spoken == is_a for related in found)
        if is_a not in codes or (codes[is_a] is None and readable and decided):
            codes[is_a] = written if readable and decided else None

    def _listed(self, domain: Domain) -> list[tuple[str, str]]:
        """Every code that the catalogue lists for a concept."""
        if domain not in self._coded:
            self._coded[domain] = sorted(
                {
                    (system, code)
                    for catalogue in self.catalogues
                    for concept in catalogue.events[domain].values()
                    for system, codes in concept.codes.items()
                    for code in codes
                    if "-" not in code
                }
            )
        return self._coded[domain]

    def _systems(self, domain: Domain, spoken: frozenset[str]) -> frozenset[str]:
        """The systems that can express every concept spoken of: a code there leaves none of them open."""
        if not spoken:
            return frozenset()
        leaf = Event(domain, tuple(sorted(spoken)), ANY_WINDOW, frozenset())
        return frozenset.intersection(
            *(
                code.systems
                for c in self.catalogues
                if spoken <= c.events[domain].keys()
                for code in Sought(leaf, c).codes
            )
        )
