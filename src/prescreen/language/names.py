"""What the names in a rule file stand for: the catalogue's codes and what the trial itself declares."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from prescreen.catalogue import Catalogue, EventConcept, ObservationConcept
from prescreen.language.model import ANY_WINDOW, Domain, Question, Window
from prescreen.language.source import Source, shown
from prescreen.problems import did_you_mean
from prescreen.yamlio import Node

NOUNS: dict[Domain, str] = {
    "conditions": "condition",
    "treatments": "treatment",
    "procedures": "procedure",
    "allergies": "allergy",
}
"""The key of the rule language for each domain of events."""


def own_quantity(name: str) -> str:
    """How a quantity of the trial that is wrong stands among what is broken; no definition has such a name."""
    return f"quantity {name}"


@dataclass(frozen=True)
class Names:
    """Everything that a condition can refer to.

    definitions: their conditions, not read yet. broken: those found to be wrong, read no more (quantities too); used:
    those that some condition uses. cohorts: those of the
    trial; cohort: the one for which a criterion is being read, where its bounds differ by cohort.
    """

    source: Source
    catalogue: Catalogue
    anchors: Mapping[str, str]
    questions: Mapping[str, Question]
    definitions: Mapping[str, Node]
    results_within: Window = ANY_WINDOW
    broken: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    cohorts: tuple[str, ...] = ()
    cohort: str | None = None

    def observation(self, node: Node) -> ObservationConcept | None:
        """The observation that a code or synonym names."""
        text = self.source.text(node, "a code")
        if text is None:
            return None
        concept = self.catalogue.observation(text)
        if concept is None and own_quantity(text) not in self.broken:
            self.unknown(node, "observation", text, self.catalogue.observation_names())
        return concept

    def event(self, domain: Domain, node: Node) -> EventConcept | None:
        """The condition, treatment, procedure or substance that a code or synonym names."""
        text = self.source.text(node, "a code")
        if text is None:
            return None
        concept = self.catalogue.event(domain, text)
        if concept is None:
            self.unknown(node, NOUNS[domain], text, self.catalogue.event_names(domain))
        return concept

    def events(self, domain: Domain, node: Node) -> tuple[str, ...] | None:
        """The catalogue names of one code or a list of codes; None where one is unknown."""
        concepts = [self.event(domain, item) for item in self.source.one_or_more(node, "a list of codes")]
        names = dict.fromkeys(concept.name for concept in concepts if concept)
        return tuple(names) if concepts and None not in concepts else None

    def unknown(self, node: Node, noun: str, text: str, known: Collection[str]) -> None:
        """Refuse a code that the catalogue does not have."""
        if self.catalogue.may_hold(text):  # the catalogue's own mistakes are told elsewhere
            return
        message = f"no {noun} is named `{shown(text)}`"
        self.source.refuse(
            node, "unknown-code", message, lambda: did_you_mean(text, known) or self._elsewhere(noun, text)
        )

    def _elsewhere(self, noun: str, text: str) -> str | None:
        """A hint where the catalogue knows the name as something else."""
        if noun != "observation" and self.catalogue.observation(text):
            return f"`{text}` is an observation"
        for domain, other in NOUNS.items():
            if other != noun and self.catalogue.event(domain, text):
                return f"`{text}` is {'an' if other == 'allergy' else 'a'} {other}"
        return None
