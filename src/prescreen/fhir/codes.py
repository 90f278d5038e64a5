"""What FHIR's own codes mean for a candidate: results in words, statuses, routes, severities; and which of several
codings of one thing is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal

from prescreen.catalogue import HIERARCHICAL, Catalogue, Domain, ObservationConcept, Related, system_name
from prescreen.fhir.resources import Coding, Concept

TEXT: Final = "text"
"""The system of what is said in words only: one of which no concept has codes."""

SNOMED_RESULTS: Final = {
    "10828004": "positive",
    "260385009": "negative",
    "260373001": "detected",
    "260415000": "not detected",
    "11214006": "positive",
    "131194007": "negative",
    "419984006": "inconclusive",
    "82334004": "indeterminate",
    "42425007": "equivocal",
}
"""Qualifier values of SNOMED CT: positive, negative, detected, not detected, reactive, non-reactive, and no result."""

LOINC_RESULTS: Final = {
    "LA6576-8": "positive",
    "LA6577-6": "negative",
    "LA11882-0": "detected",
    "LA11883-8": "not detected",
}
"""Answers of LOINC's lists."""

INTERPRETATIONS: Final = {
    "POS": "positive",
    "NEG": "negative",
    "DET": "detected",
    "ND": "not detected",
    "RR": "positive",
    "NR": "negative",
    "WR": "indeterminate",
    "IND": "indeterminate",
    "E": "equivocal",
}
"""Codes of HL7's ObservationInterpretation, where a result itself is coded so."""

_RESULTS: Final = {"snomed": SNOMED_RESULTS, "loinc": LOINC_RESULTS}
_INTERPRETATION: Final = "ObservationInterpretation"

ROUTES: Final = {
    "47625008": "intravenous",
    "26643006": "oral",
    "34206005": "subcutaneous",
    "78421000": "intramuscular",
    "6064005": "topical",
    "37161004": "rectal",
    "46713006": "nasal",
    "372464004": "intradermal",
    "37839007": "sublingual",
}
SEVERITIES: Final = {"24484000": "severe", "6736007": "moderate", "255604002": "mild"}

NO_ALLERGY: Final = frozenset({"716186003", "409137002", "429625007", "428607008"})
"""SNOMED CT: no known allergy, no known drug, food, environmental allergy."""

_IN_BLOOD: Final = re.compile(
    r"([^\[\]]{1,80}) \[[^\[\]]{1,80}\] in (?:[A-Z][a-z]+ )?(?:Serum|Plasma|[Bb]lood)\b.{0,120}"
)

Certainty = Literal["confirmed", "provisional", "refuted"]


def first_code(concept: Concept | None) -> str | None:
    """The code of a concept of FHIR's own code systems (a status, a meaning)."""
    if concept is None:
        return None
    return next((coding.code for coding in concept.coding if coding.code), None)


def in_snomed(concept: Concept | None, words: dict[str, str]) -> str | None:
    """The word for a SNOMED CT coding; None where there is none of the table, or two that differ."""
    if concept is None:
        return None
    found = {
        words[coding.code]
        for coding in concept.coding
        if coding.code in words and coding.system is not None and system_name(coding.system) == "snomed"
    }
    return found.pop() if len(found) == 1 else None


def result_in_words(concept: Concept) -> str | None:
    """A coded result as the candidate's model writes it; None where its codings disagree, or say nothing."""
    found: dict[str, None] = {}
    for coding in concept.coding:
        if coding.code is None or coding.system is None:
            continue
        known = _RESULTS.get(system_name(coding.system) or "")
        if known is None and coding.system.endswith(_INTERPRETATION):
            known = INTERPRETATIONS
        if known is not None and coding.code in known:
            found[known[coding.code]] = None
    if len(found) == 1:
        return next(iter(found))
    if found:
        return None
    return concept.text or next((coding.display for coding in concept.coding if coding.display), None)


def text_of(concept: Concept | None) -> str:
    """How people read a concept."""
    if concept is None:
        return ""
    texts = (concept.text, *(coding.display or coding.code for coding in concept.coding))
    return next((text for text in texts if text), "")


def codings(concept: Concept | None) -> list[tuple[str, str]]:
    """The codes that have a system and a code."""
    if concept is None:
        return []
    return [(coding.system, coding.code) for coding in concept.coding if coding.system and coding.code]


def observations_named(concept: Concept | None, catalogue: Catalogue) -> dict[str, tuple[str, str]]:
    """The observations that the codings of a concept are, each with the coding that says so."""
    found: dict[str, tuple[str, str]] = {}
    if concept is not None:
        for coding in concept.coding:
            system, code = coding.system, coding.code
            if system and code:
                known = catalogue.observation_for(system, code)
                if known is not None:
                    found.setdefault(known.name, (system, code))
    return found


def observation_in_words(concept: Concept | None, catalogue: Catalogue) -> ObservationConcept | None:
    """The observation whose name or synonym a concept is in words; it may be that one.

    LOINC's names count by their component, where it is one of the blood: "Alanine aminotransferase [Enzymatic
    activity/volume] in Blood".
    """
    if concept is None:
        return None
    for text in (concept.text, *(coding.display for coding in concept.coding)):
        if text:
            words = text.strip()
            if (named := _IN_BLOOD.fullmatch(words)) is not None:
                words = named[1]
            found = catalogue.observation(words) or catalogue.observation("-".join(words.split()))
            if found is not None:
                return found
    return None


def events_named(
    concepts: Iterable[Concept | None], domain: Domain, catalogue: Catalogue
) -> tuple[list[tuple[str, str]], bool]:
    """The codings by which one event is recorded, and whether the catalogue knows one of them.

    Of those that it knows, each that says more than the others do; otherwise one, of a system whose codes show what
    they are not, where there is one.
    """
    given = [pair for concept in concepts for pair in codings(concept)]
    known: list[tuple[tuple[str, str], Related]] = []
    for pair in given:
        related = catalogue.related(domain, pair)
        if related.named and all(related.is_a != other.is_a for _, other in known):
            known.append((pair, related))
    if known:
        most = [pair for pair, related in known if not any(related.is_a < other.is_a for _, other in known)]
        return most, True
    told = [pair for pair in given if system_name(pair[0]) in HIERARCHICAL]
    named = [pair for pair in given if system_name(pair[0]) is not None]
    return (told or named or given)[:1], False


def display_of(concept: Concept | None, coding: tuple[str, str]) -> str | None:
    """How a coding reads: its display, or the concept's text."""
    if concept is None:
        return None
    for each in concept.coding:
        if (each.system, each.code) == coding and each.display:
            return each.display
    return concept.text


def is_coding(coding: Coding, system: str) -> bool:
    return coding.system is not None and system_name(coding.system) == system
