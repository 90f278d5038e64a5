"""Expansions: the full lists of what value sets include, pinned in files and dated.

An expansion is a FHIR ValueSet with an `expansion`, in the folder `expansions` of a catalogue folder. Its identifier
says of which concept it is (system ``urn:prescreen:concept``, value ``conditions/lupus-nephritis``), and its
`expansion.timestamp` of which day. Its codes are listed ones from then on, but for those that the concept excludes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from prescreen.catalogue.codes import SYSTEMS, is_code, system_name
from prescreen.catalogue.model import DOMAINS, Domain, EventConcept
from prescreen.problems import Problem
from prescreen.time import parse_when

FOLDER: Final = "expansions"
CONCEPT: Final = "urn:prescreen:concept"
"""The system of the identifier by which an expansion names its concept."""
MAX_BYTES: Final = 64_000_000


@dataclass(frozen=True, slots=True)
class Expansion:
    """The full list of a concept's value set on a day. codes: by system. version: of the code systems, as stated."""

    domain: Domain
    concept: str
    date: str
    codes: Mapping[str, tuple[str, ...]]
    version: str | None = None

    def as_value_set(self) -> dict[str, Any]:
        """The expansion as a FHIR ValueSet."""
        contains = [
            {"system": SYSTEMS[system][0], "code": code} for system, codes in self.codes.items() for code in codes
        ]
        expansion: dict[str, Any] = {"timestamp": self.date, "total": len(contains), "contains": contains}
        if self.version is not None:
            expansion["parameter"] = [{"name": "version", "valueUri": self.version}]
        return {
            "resourceType": "ValueSet",
            "identifier": [{"system": CONCEPT, "value": f"{self.domain}/{self.concept}"}],
            "status": "active",
            "expansion": expansion,
        }


def expansion_files(folder: Path) -> list[Path]:
    """The expansions that lie in a catalogue folder, by name."""
    return sorted(path for path in (folder / FOLDER).glob("*.json") if path.is_file())


def parse_expansion(raw: bytes, file: str) -> Expansion | Problem:
    """The expansion of a file, or what is wrong with it."""
    try:
        data: Any = json.loads(raw) if len(raw) <= MAX_BYTES else None
        expansion = data["expansion"]
        (named,) = [each["value"] for each in data["identifier"] if each["system"] == CONCEPT]
        domain, _, concept = named.partition("/")
        date, contained = expansion["timestamp"], list(_contained(expansion["contains"], 0))
        version = next((each.get("valueUri") for each in expansion.get("parameter", [])), None)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        message = "is no expansion: expected a FHIR ValueSet with `identifier`, `expansion.timestamp` and its codes"
        return Problem("wrong-schema", message, file)
    try:
        parse_when(date)
    except (ValueError, TypeError):
        return Problem("missing-key", "the expansion has no date (`expansion.timestamp`)", file)
    known = next((each for each in DOMAINS if each == domain), None)
    if known is None or not concept:
        return Problem("unknown-value", f"`{named[:64]}` names no concept: expected such as conditions/NAME", file)
    codes: dict[str, list[str]] = {}
    for uri, code in contained:
        system = system_name(uri) if isinstance(uri, str) else None
        if system is None or not isinstance(code, str) or not is_code(system, code):
            return Problem("invalid-code", f"`{str(code)[:64]}` is no code of `{str(uri)[:64]}`", file)
        codes.setdefault(system, []).append(code)
    return Expansion(known, concept, date, {system: tuple(some) for system, some in codes.items()}, version)


def _contained(contains: list[Any], depth: int) -> Iterator[tuple[Any, Any]]:
    for each in contains:
        if not each.get("abstract") and "code" in each:
            yield each.get("system"), each["code"]
        if depth < 20:
            yield from _contained(each.get("contains", []), depth + 1)


def expanded(concept: EventConcept, expansion: Expansion) -> EventConcept:
    """The concept with the codes of an expansion, but for those that it excludes."""
    codes = dict(concept.codes)
    for system, more in expansion.codes.items():
        gone = concept.excluded.get(system, ())
        codes[system] = tuple(dict.fromkeys((*codes.get(system, ()), *(code for code in more if code not in gone))))
    dates = {**concept.expanded, **dict.fromkeys(expansion.codes, expansion.date)}
    return replace(concept, codes=codes, expanded=dates)
