"""A loaded catalogue: concepts by name, synonym and code, and how concepts and recorded codes relate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from prescreen.catalogue.codes import (
    HIERARCHICAL,
    MAX_CODE,
    TITLES,
    ListedCodes,
    is_unspecified,
    may_stand_for,
    normal_code,
    stands_for,
    system_name,
)
from prescreen.catalogue.model import DOMAINS, Domain, EventConcept, ObservationConcept, Related
from prescreen.memory import keep

MAX_REMEMBERED: Final = 8192
"""Relations kept: a cohort asks once for each code, and a flood of made-up codes fills no memory."""


@dataclass(frozen=True, eq=False)
class Catalogue:
    """What every code means; made by `load_catalogue`, never changed.

    observations: concepts by name. events: concepts of each domain by name. sha256: of the bytes of all files.
    unread: names of concepts that have mistakes and are left out. whole: whether every file could be read.
    """

    observations: dict[str, ObservationConcept]
    events: dict[Domain, dict[str, EventConcept]]
    sha256: str
    unread: frozenset[str] = frozenset()
    whole: bool = True
    _index: _Index = field(init=False, repr=False)
    _related: dict[tuple[Domain, str | tuple[str, str]], Related] = field(init=False, repr=False, default_factory=dict)
    _named: dict[tuple[str, str], str] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", _Index(self.observations, self.events))

    def observation(self, code: str) -> ObservationConcept | None:
        """The observation of a name or synonym; capitals matter only where two differ by nothing else."""
        name = self._index.observation_names.find(code)
        return self.observations[name] if name else None

    def observation_for(self, system: str, code: str) -> ObservationConcept | None:
        """The observation of a code of a system (short name or URI), None for an unlisted one."""
        key = (system, code)
        name = self._named.get(key)
        if name is None:
            name = self._observation_named(system, code)
            if len(system) + len(code) <= 4 * MAX_CODE:
                keep(self._named, key, name, MAX_REMEMBERED)
        return self.observations[name] if name else None

    def _observation_named(self, system: str, code: str) -> str:
        short = system_name(system)
        if short is None or len(code) > MAX_CODE:
            return ""
        return self._index.observation_codes.get((short, normal_code(short, code)), "")

    def event(self, domain: Domain, code: str) -> EventConcept | None:
        """The concept of a domain by name or synonym; capitals as for observations."""
        name = self._index.event_names[domain].find(code)
        return self.events[domain][name] if name else None

    def may_hold(self, name: str) -> bool:
        """Whether a name that is not found here may be that of a concept, or a synonym, that could not be read."""
        return not self.whole or name in self.unread

    def observation_names(self) -> tuple[str, ...]:
        """Names and synonyms of all observations, for suggestions."""
        return self._index.observation_names.spellings

    def event_names(self, domain: Domain) -> tuple[str, ...]:
        """Names and synonyms of all concepts of a domain, for suggestions."""
        return self._index.event_names[domain].spellings

    def ancestors(self, domain: Domain, name: str) -> frozenset[str]:
        """All broader concepts; empty for an unknown name."""
        return self._index.ancestors[domain].get(name, frozenset())

    def descendants(self, domain: Domain, name: str) -> frozenset[str]:
        """All narrower concepts; empty for an unknown name."""
        return self._index.descendants[domain].get(name, frozenset())

    def covers(self, domain: Domain, name: str, system: str) -> bool:
        """Whether a system (short name or URI) can express a concept: it or a narrower one has codes there."""
        return system_name(system) in self._index.systems[domain].get(name, frozenset())

    def event_systems(self, domain: Domain) -> frozenset[str]:
        """The systems in which some concept of a domain has codes."""
        return frozenset().union(*self._index.systems[domain].values())

    def related(self, domain: Domain, code: str | tuple[str, str]) -> Related:
        """What a recorded code says about the concepts of a domain.

        code: a catalogue name or synonym, or (system, code) with the system by short name or URI. A record of a broader
        concept may be each narrower one. In a hierarchical system the code tells more: C50 is a malignancy and no
        basal cell carcinoma (C44), N04 and N04.9 (unspecified) may be membranous nephropathy (N04.2), N04.1 is not.
        Where a concept's list of codes is an open one (`EventConcept.outside`), what is neither listed nor outside may
        be of it: H60.0 may be an infection, I10 is none. For what the catalogue does not list at all see `covers`.
        """
        key = (domain, code)
        found = self._related.get(key)
        if found is None:
            found = self._relate(domain, code)
            if len(code if isinstance(code, str) else code[0] + code[1]) <= 4 * MAX_CODE:
                keep(self._related, key, found, MAX_REMEMBERED)
        return found

    def _relate(self, domain: Domain, code: str | tuple[str, str]) -> Related:
        if isinstance(code, str):
            concept = self.event(domain, code)
            if concept is None:
                return Related(_NONE, _NONE, _NONE, None, code)
            return self._relation(domain, {concept.name}, self.descendants(domain, concept.name), None, concept.label)
        system, text = system_name(code[0]), code[1].strip()
        if system is None or not text or len(text) > MAX_CODE:
            return Related(_NONE, _NONE, _NONE, system or code[0], text)
        recorded = normal_code(system, text)
        if system in HIERARCHICAL:
            named, narrower = self._by_hierarchy(domain, system, recorded)
        else:
            named = {name for pattern, name in self._listed(domain, system) if pattern == recorded}
            narrower = self._below(domain, named)
        return self._relation(domain, named, narrower, system, f"{TITLES[system]} {text}")

    def _by_hierarchy(self, domain: Domain, system: str, recorded: str) -> tuple[set[str], set[str]]:
        """The concepts that a code of a hierarchical system is (most specific), and others that it may be."""
        listed = self._index.listed[domain, system]
        matched = listed.standing_for(recorded)
        cut, open_ = self._excluded(domain, system, recorded, matched)
        matched -= cut | open_
        named = matched - self._above(domain, matched)
        vague = listed.hidden_in(recorded) - matched - cut
        vague |= open_
        unlisted = self._unlisted(domain, system, recorded, matched | self._above(domain, matched))
        # a direct child that the system cannot express is open, whatever its other parents' codes are
        narrower = vague | self._inexpressible_below(domain, system, named | vague)
        possible = named | narrower | unlisted
        possible |= self._above(domain, possible)
        # below what is merely not outside, only what no other list of codes rules out
        expressible = self._index.expressible[domain, system]
        narrower |= {
            name
            for name in self._below(domain, unlisted)
            if possible.issuperset(expressible & {name, *self.ancestors(domain, name)})
        }
        if is_unspecified(recorded, system):
            narrower |= self._below(domain, named)
        return named, narrower | unlisted

    def _excluded(self, domain: Domain, system: str, recorded: str, matched: set[str]) -> tuple[set[str], set[str]]:
        """Of the concepts whose codes stand for a recorded one, those that exclude it, and those that may do so."""
        cut: set[str] = set()
        open_: set[str] = set()
        for name in matched:
            excluded = self.events[domain][name].excluded.get(system)
            for pattern in excluded or ():
                pattern = normal_code(system, pattern)
                if stands_for(pattern, recorded):
                    cut.add(name)
                elif may_stand_for(recorded, pattern, system):
                    open_.add(name)
        return cut, open_ - cut

    def _unlisted(self, domain: Domain, system: str, recorded: str, is_a: set[str]) -> set[str]:
        """Concepts with an open list that a recorded code may be, though none of their codes stands for it."""
        excluding, including = self._index.outside[domain, system], self._index.perhaps[domain, system]
        perhaps = including.standing_for(recorded) | including.below(recorded)
        outside = excluding.standing_for(recorded) - is_a - perhaps
        not_outside = self._index.open_lists[domain, system] - outside - self._below(domain, outside)
        return (perhaps | not_outside) - is_a

    def _inexpressible_below(self, domain: Domain, system: str, names: set[str]) -> set[str]:
        """What lies below concepts through none but concepts that cannot be expressed in the system."""
        expressible, children = self._index.expressible[domain, system], self._index.children[domain]
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            for child in children.get(waiting.pop(), ()):
                if child not in expressible and child not in found:
                    found.add(child)
                    waiting.append(child)
        return found

    def _relation(
        self, domain: Domain, named: Iterable[str], narrower: Iterable[str], system: str | None, label: str
    ) -> Related:
        """What follows: all that is broader, certainly of what the code is, possibly of what it may be."""
        named, narrower = frozenset(named), frozenset(narrower)
        is_a = named.union(*(self.ancestors(domain, name) for name in named))
        may_be = narrower.union(*(self.ancestors(domain, name) for name in narrower)) - is_a
        if system is not None and named:
            labels = ", ".join(sorted(self.events[domain][name].label for name in named))
            label = f"{labels} ({label})"
        return Related(named, is_a, may_be, system, label)

    def _above(self, domain: Domain, names: Iterable[str]) -> set[str]:
        return {broader for name in names for broader in self.ancestors(domain, name)}

    def _below(self, domain: Domain, names: Iterable[str]) -> set[str]:
        return {narrower for name in names for narrower in self.descendants(domain, name)}

    def _listed(self, domain: Domain, system: str) -> tuple[tuple[str, str], ...]:
        return self._index.event_codes[domain].get(system, ())


_NONE: Final[frozenset[str]] = frozenset()


class _Index:
    """What is looked up, worked out once: names and synonyms, codes, and the closure of the parents."""

    def __init__(
        self, observations: Mapping[str, ObservationConcept], events: Mapping[Domain, Mapping[str, EventConcept]]
    ) -> None:
        self.observation_names = _Names(observations.values())
        self.observation_codes = {
            (system, normal_code(system, code)): concept.name
            for concept in observations.values()
            for system, codes in concept.codes.items()
            for code in codes
        }
        self.event_names = {domain: _Names(events[domain].values()) for domain in DOMAINS}
        self.event_codes = {domain: _codes(events[domain].values()) for domain in DOMAINS}
        self.ancestors = {domain: _ancestors(events[domain]) for domain in DOMAINS}
        self.descendants = {domain: _inverse(self.ancestors[domain]) for domain in DOMAINS}
        self.systems = {domain: _systems(events[domain], self.descendants[domain]) for domain in DOMAINS}
        self.children = {domain: _children(events[domain]) for domain in DOMAINS}
        pairs = [(domain, system) for domain in DOMAINS for system in HIERARCHICAL]
        self.listed = {
            (domain, system): ListedCodes(system, self.event_codes[domain].get(system, ())) for domain, system in pairs
        }
        self.outside = {pair: _patterns(events[pair[0]].values(), pair[1], "outside") for pair in pairs}
        self.perhaps = {pair: _patterns(events[pair[0]].values(), pair[1], "perhaps") for pair in pairs}
        self.open_lists = {
            (domain, system): frozenset(name for name, concept in events[domain].items() if system in concept.outside)
            for domain, system in pairs
        }
        self.expressible = {
            (domain, system): _expressible(events[domain], self.children[domain], system) for domain, system in pairs
        }


class _Names:
    """Names and synonyms, as written and without regard to capitals."""

    def __init__(self, concepts: Iterable[ObservationConcept | EventConcept]) -> None:
        self._exact: dict[str, str] = {}
        self._folded: dict[str, str | None] = {}
        for concept in concepts:
            for spelling in (concept.name, *concept.synonyms):
                self._exact[spelling] = concept.name
                folded = spelling.casefold()
                known = self._folded.setdefault(folded, concept.name)
                if known != concept.name:
                    self._folded[folded] = None
        self.spellings = tuple(self._exact)

    def find(self, text: str) -> str | None:
        return self._exact.get(text) or self._folded.get(text.casefold())


def _codes(concepts: Iterable[EventConcept]) -> dict[str, tuple[tuple[str, str], ...]]:
    """By system, each code as it is compared with the name of its concept."""
    found: dict[str, list[tuple[str, str]]] = {}
    for concept in concepts:
        for system, codes in concept.codes.items():
            found.setdefault(system, []).extend((normal_code(system, code), concept.name) for code in codes)
    return {system: tuple(pairs) for system, pairs in found.items()}


def _ancestors(concepts: Mapping[str, EventConcept]) -> dict[str, frozenset[str]]:
    """The transitive closure of the parents, which form no cycle."""
    found: dict[str, frozenset[str]] = {}
    for name in concepts:
        waiting = [name]
        while waiting:
            concept = concepts[waiting[-1]]
            first = [parent for parent in concept.parents if parent not in found]
            if first:
                waiting += first
                continue
            found[waiting.pop()] = frozenset(concept.parents).union(*(found[parent] for parent in concept.parents))
    return found


def _inverse(ancestors: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {name: set() for name in ancestors}
    for name, broader in ancestors.items():
        for other in broader:
            found[other].add(name)
    return {name: frozenset(narrower) for name, narrower in found.items()}


def _children(concepts: Mapping[str, EventConcept]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for name, concept in concepts.items():
        for parent in concept.parents:
            found.setdefault(parent, []).append(name)
    return {name: tuple(children) for name, children in found.items()}


def _patterns(concepts: Iterable[EventConcept], system: str, which: Literal["outside", "perhaps"]) -> ListedCodes:
    """The patterns of one kind in a system, with their concepts."""
    return ListedCodes(
        system,
        (
            (normal_code(system, pattern), concept.name)
            for concept in concepts
            for pattern in getattr(concept, which).get(system) or ()
        ),
    )


def _expressible(
    concepts: Mapping[str, EventConcept], children: Mapping[str, tuple[str, ...]], system: str
) -> frozenset[str]:
    """Concepts all of which a system can code: by codes of their own, or those of each of their parts."""
    found = {name for name, concept in concepts.items() if concept.codes.get(system) or system in concept.outside}
    waiting = {parent for name in found for parent in concepts[name].parents} - found
    while waiting:
        name = waiting.pop()
        if all(child in found for child in children[name]):
            found.add(name)
            waiting.update(parent for parent in concepts[name].parents if parent not in found)
    return frozenset(found)


def _systems(
    concepts: Mapping[str, EventConcept], descendants: Mapping[str, frozenset[str]]
) -> dict[str, frozenset[str]]:
    return {
        name: frozenset(system for covered in (name, *descendants[name]) for system in concepts[covered].codes)
        for name in concepts
    }
