"""Candidates as they come: prescreen's own JSON, or FHIR Bundles, from files, standard input or Python data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prescreen.candidate.facts import Candidate
from prescreen.candidate.read import is_fhir, parse_candidate, plain_data, read_texts
from prescreen.catalogue import Catalogue
from prescreen.problems import InputRefused


def candidates_of(
    path: str, catalogue: Catalogue, seen: dict[str, str] | None = None
) -> Iterator[Candidate | InputRefused]:
    """The candidates of a file of either form (`-`: standard input), in its order and one at a time.

    A Bundle gives as many candidates as it has patients. What is refused is given as the InputRefused that says why,
    and the next ones go on. seen: where each id was met so far, shared by the files of a run; a second candidate of the
    same id is refused.
    """
    seen = {} if seen is None else seen
    for text in read_texts(path):
        try:
            for candidate in parse(text.content(), catalogue):
                try:
                    text.claim(candidate.id, seen)
                    yield candidate
                except InputRefused as refused:
                    yield text.at_its_place(refused)
        except InputRefused as refused:
            yield text.at_its_place(refused)


def parse(data: bytes | Mapping[str, Any], catalogue: Catalogue) -> tuple[Candidate, ...]:
    """The candidates of a JSON text or of Python data. Raises InputRefused with everything that is wrong."""
    if isinstance(data, bytes):
        if not is_fhir(data) and not _says_its_type(data):
            return (_own(data, catalogue),)
        from prescreen.fhir.read import read_bundle  # only those who have Bundles wait for it

        return read_bundle(data, catalogue).candidates
    if "resourceType" not in data:
        return (_own(data, catalogue),)
    from prescreen.fhir.read import read_bundle

    plain = plain_data(data)
    return read_bundle(plain if isinstance(plain, dict) else {}, catalogue).candidates


def _says_its_type(data: bytes) -> bool:
    """Whether a text is a FHIR resource that says so further on, as where keys are sorted."""
    if b'"resourceType"' not in data:
        return False
    from prescreen.fhir.bundle import kind_of_text

    return kind_of_text(data) is not None


def _own(data: bytes | Mapping[str, Any], catalogue: Catalogue) -> Candidate:
    return Candidate(parse_candidate(data, catalogue=catalogue))
