"""Expansions made: the value sets of a catalogue, asked of a terminology once and pinned in files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from prescreen.catalogue import DOMAINS, Catalogue
from prescreen.catalogue.expansions import FOLDER, Expansion
from prescreen.catalogue.model import EventConcept
from prescreen.problems import InputRefused, Problem
from prescreen.terminology.model import Part, Terminology, ValueSet


def expandable(catalogue: Catalogue) -> Iterator[EventConcept]:
    """The concepts whose value sets include what lies below codes of a system whose codes do not show it."""
    for domain in DOMAINS:
        for concept in catalogue.events[domain].values():
            if concept.included:
                yield concept


def expansion_of(concept: EventConcept, terminology: Terminology, date: str) -> Expansion | None:
    """The full list of what a concept includes; None where the terminology does not know it."""
    include = tuple(Part(system, (), codes) for system, codes in concept.included.items())
    exclude = tuple(Part(system, codes) for system, codes in concept.excluded.items() if system in concept.included)
    codes = terminology.expand(ValueSet(include, exclude))
    if codes is None:
        return None
    versions = getattr(terminology, "versions", ())
    return Expansion(concept.domain, concept.name, date, codes, ", ".join(versions) or None)


def write_expansions(expansions: Iterable[Expansion], folder: Path) -> list[Path]:
    """Write expansions into the folder `expansions` of a catalogue folder, one file each; gives back the files."""
    written: list[Path] = []
    try:
        (folder / FOLDER).mkdir(exist_ok=True)
        for expansion in expansions:
            path = folder / FOLDER / f"{expansion.domain}-{expansion.concept}.json"
            path.write_text(json.dumps(expansion.as_value_set(), indent=1) + "\n", encoding="utf-8")
            written.append(path)
    except OSError as error:
        reason = (error.strerror or "output error").lower()
        raise InputRefused([Problem("no-output", f"cannot be written: {reason}", str(folder))]) from None
    return written
