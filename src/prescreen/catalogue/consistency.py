"""What only the whole of a catalogue shows: names used twice, unknown parents and inputs, cycles, disputed codes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from prescreen.catalogue.codes import normal_code
from prescreen.catalogue.model import Domain, EventConcept, ObservationConcept
from prescreen.problems import Problem, did_you_mean
from prescreen.yamlio import Node

MAX_ANCESTORS = 200
"""No hierarchy that people wrote is deeper or wider; a made-up one shall not fill the memory."""

Observations = Mapping[str, ObservationConcept]
Events = Mapping[Domain, Mapping[str, EventConcept]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a concept is defined: file and the nodes of its name and of its content."""

    file: str
    node: Node
    content: Node

    def problem(self, code: str, message: str, hint: str | None = None, said: str = "") -> Problem:
        """A problem where the concept says a text, or at its name where it does not say it."""
        return (self._saying(said) or self.node).problem(code, message, self.file, hint)

    def _saying(self, text: str) -> Node | None:
        """The item of a list in the content that is this text, however deep."""
        pending = [self.content] if text else []
        while pending:
            node = pending.pop()
            found = next((item for item in node.items() if item.value == text), None)
            if found:
                return found
            pending += [*node.items(), *(value for _, value in node.pairs())]
        return None


Places = Mapping[tuple[str, str], Place]
"""By section and name."""


def inconsistencies(
    observations: Observations, events: Events, places: Places, unread: Collection[tuple[str, str]] = ()
) -> Iterator[Problem]:
    """Every mistake that no entry shows alone, at the entry that has it.

    unread: section and name of the concepts that have mistakes of their own; links to them are let pass.
    """
    yield from _names_twice("observations", observations.values(), places)
    yield from _disputed_codes(observations, places)
    yield from _broken_links(
        {name: concept.inputs for name, concept in observations.items()}, "observations", "input", places, unread
    )
    for domain, concepts in events.items():
        yield from _names_twice(domain, concepts.values(), places)
        yield from _broken_links(
            {name: concept.parents for name, concept in concepts.items()}, domain, "parent", places, unread
        )
        for concept in concepts.values():
            for other in concept.equivalents:
                if other not in concepts:
                    message = f"`{concept.name}` has an equivalent in `{other[:64]}`, which is not among the {domain}"
                    hint = did_you_mean(other[:64], concepts)
                    yield places[domain, concept.name].problem("unknown-equivalent", message, hint)


def without_wrong_links(concepts: Mapping[str, EventConcept], all_of_them: bool) -> dict[str, EventConcept]:
    """The concepts without parents that are not there, or that lead round in a circle; or without any parents."""
    links = {name: tuple(p for p in concept.parents if p in concepts) for name, concept in concepts.items()}
    sound = set() if all_of_them else set(_in_order(links))
    return {name: replace(concept, parents=links[name] if name in sound else ()) for name, concept in concepts.items()}


def _names_twice(
    section: str, concepts: Iterable[ObservationConcept | EventConcept], places: Places
) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    concepts = tuple(concepts)
    for concept in concepts:
        owners[concept.name] = concept.name
    for concept in concepts:
        for synonym in concept.synonyms:
            owner = owners.setdefault(synonym, concept.name)
            if owner != concept.name:
                message = f"the synonym `{synonym[:64]}` of `{concept.name}` belongs to `{owner}` already"
                yield places[section, concept.name].problem("duplicate-id", message, said=synonym)


def _disputed_codes(observations: Observations, places: Places) -> Iterator[Problem]:
    owners: dict[tuple[str, str], str] = {}
    for concept in observations.values():
        for system, codes in concept.codes.items():
            for code in codes:
                owner = owners.setdefault((system, normal_code(system, code)), concept.name)
                if owner != concept.name:
                    message = f"{system} {code} of `{concept.name}` is a code of `{owner}` already"
                    yield places["observations", concept.name].problem("duplicate-code", message, said=code)


def _broken_links(
    links: Mapping[str, tuple[str, ...]],
    section: str,
    kind: str,
    places: Places,
    unread: Collection[tuple[str, str]],
) -> Iterator[Problem]:
    """Links to names that are not there, and links that lead back to where they began."""
    for name, targets in links.items():
        for target in targets:
            if target not in links and (section, target) not in unread:
                message = f"the {kind} `{target[:64]}` of `{name}` is not among the {section}"
                hint = did_you_mean(target[:64], links)
                yield places[section, name].problem(f"unknown-{kind}", message, hint, target)
    broader: dict[str, frozenset[str]] = {}
    for name in _in_order(links):
        known = [target for target in links[name] if target in broader]
        broader[name] = frozenset(known).union(*(broader[target] for target in known))
        if len(broader[name]) > MAX_ANCESTORS:
            message = f"`{name}` rests on more than {MAX_ANCESTORS} others"
            yield places[section, name].problem(f"too-many-{kind}s", message)
            broader[name] = frozenset()
    for name in links:
        if name not in broader:
            yield places[section, name].problem("cycle", f"the {kind}s of `{name}` lead round in a circle")


def _in_order(links: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Each name after all that it links to; what is on a circle, or leads to one, is left out."""
    left = {name: len({target for target in targets if target in links}) for name, targets in links.items()}
    sources: dict[str, list[str]] = {name: [] for name in links}
    for name, targets in links.items():
        for target in dict.fromkeys(targets):
            if target in links:
                sources[target].append(name)
    ready = [name for name, count in left.items() if count == 0]
    while ready:
        name = ready.pop()
        yield name
        for source in sources[name]:
            left[source] -= 1
            if left[source] == 0:
                ready.append(source)
