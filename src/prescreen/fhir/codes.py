"""What FHIR's own codes mean for a candidate: results in words, statuses, routes, severities; and which of several
codings of one thing is taken.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from typing import Final, Literal, NamedTuple

from prescreen.catalogue import HIERARCHICAL, Catalogue, Domain, Related, system_name
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

OPPOSITE: Final = {
    "positive": "negative",
    "negative": "positive",
    "reactive": "negative",
    "non-reactive": "positive",
    "nonreactive": "positive",
    "detected": "not detected",
    "not detected": "detected",
}
"""The coded result that words contradict."""

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
    for coding in concept.coding:
        if coding.code:
            return coding.code
    return None


def code_among(concept: Concept, words: Container[str]) -> str | None:
    """The one code of a concept that is among those known; None where none or several are."""
    found = list(dict.fromkeys([coding.code for coding in concept.coding if coding.code in words]))
    return found[0] if len(found) == 1 else None


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
    if len(found) > 1:
        return None
    for word in found:
        said = OPPOSITE.get((concept.text or "").strip().casefold())
        return None if said == word else word
    if concept.text:
        return concept.text
    for coding in concept.coding:
        if coding.display:
            return coding.display
    return None


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


def observations_in_words(concept: Concept | None, catalogue: Catalogue) -> list[str]:
    """The observations whose names or synonyms a concept is in words; it may be one of them.

    LOINC's names count by their component, where it is one of the blood: "Alanine aminotransferase [Enzymatic
    activity/volume] in Blood". What has a code of LOINC is no other observation because its name holds another's;
    what has a site's own code may be each that its words name ("ALT (GPT) serum").
    """
    if concept is None:
        return []
    found: dict[str, None] = {}
    in_loinc = any(coding.code and system_name(coding.system or "") == "loinc" for coding in concept.coding)
    for text in (concept.text, *[coding.display for coding in concept.coding]):
        if text:
            words = text.strip()
            if (named := _IN_BLOOD.fullmatch(words)) is not None:
                words = named[1]
            known = catalogue.observation(words) or catalogue.observation("-".join(words.split()))
            if known is not None:
                found[known.name] = None
            elif not in_loinc and len(text) <= _LONGEST:
                for part in _parts(text):
                    known = catalogue.observation(part)
                    if known is not None:
                        found[known.name] = None
    return list(found)


_LONGEST: Final = 200
_PART: Final = re.compile(r"[^\s,;:()\[\]/]+")


def _parts(text: str) -> list[str]:
    """The words of a text, and each two and three of them that follow one another, as a catalogue would write them."""
    words = _PART.findall(text)[:12]
    return ["-".join(words[n : n + length]) for length in (1, 2, 3) for n in range(len(words) - length + 1)]


def text_in_words(concept: Concept | None) -> bool:
    """Whether a concept says in words what it is."""
    return concept is not None and bool(concept.text or any(coding.display for coding in concept.coding))


class Named(NamedTuple):
    """The codings by which one event is recorded; known: whether the catalogue knows them; agree: whether those of one
    concept may all be so."""

    codings: list[tuple[str, str]]
    known: bool
    agree: bool


def events_named(concepts: Iterable[Concept | None], domain: Domain, catalogue: Catalogue) -> Named:
    """What of its codings an event is recorded by.

    Of those that the catalogue knows, each that says more than the others do; otherwise one, of a system whose codes
    show what they are not, where there is one.
    """
    given: list[tuple[str, str]] = []
    most: list[tuple[str, str]] = []
    agree = True
    for concept in concepts:
        pairs = codings(concept)
        given += pairs
        known: list[tuple[tuple[str, str], Related]] = []
        for pair in pairs:
            related = catalogue.related(domain, pair)
            if related.named and not any(related.is_a == other.is_a for _, other in known):
                known.append((pair, related))
        for pair, related in known:
            if not any(related.is_a < other.is_a for _, other in known):
                most.append(pair)
        if len(known) > 1:
            agree = agree and all(_may_be_one(one, other) for _, one in known for _, other in known)
    if most:
        return Named(list(dict.fromkeys(most)), True, agree)
    told = [pair for pair in given if system_name(pair[0]) in HIERARCHICAL]
    named = [pair for pair in given if system_name(pair[0]) is not None]
    return Named((told or named or given)[:1], False, True)


def _may_be_one(one: Related, other: Related) -> bool:
    """Whether two codes may be of the same thing, as far as the catalogue knows."""
    return one.named <= other.any_of or other.named <= one.any_of


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
