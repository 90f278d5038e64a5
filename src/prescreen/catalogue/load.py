"""Folders of catalogue files: YAML in, a catalogue or every mistake out.

A file holds any of the sections `observations`, `conditions`, `treatments`, `procedures`, `allergies`, each a map from
names to concepts. Folders are read in the order given, after the bundled one, their files by name; a later folder
replaces concepts of earlier ones by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from prescreen.catalogue.catalogue import Catalogue
from prescreen.catalogue.consistency import Place, inconsistencies
from prescreen.catalogue.entries import read_entries
from prescreen.catalogue.model import DOMAINS, Domain, EventConcept, ObservationConcept
from prescreen.problems import InputRefused, Problem
from prescreen.yamlio import MAX_BYTES, load_yaml, with_source_lines

if TYPE_CHECKING:
    from hashlib import _Hash

BUNDLED: Final = Path(__file__).resolve().parent.parent / "bundled" / "catalogue"


def load_catalogue(*folders: Path) -> Catalogue:
    """The bundled catalogue, extended or overridden by folders of catalogue files.

    Raises InputRefused with everything that is wrong in any file: keys, units and formulas, unknown parents and inputs,
    cycles, names used twice, codes that are none of their system or claimed by two observations.
    """
    loading = _bundled().copy()
    for folder in folders:
        _read_folder(folder, loading, check_units=True)
    # what entries show only together is worth checking once each is sound
    problems = loading.problems or list(inconsistencies(loading.observations, loading.events, loading.places))
    if problems:
        raise InputRefused(_with_lines(problems, loading.texts))
    return Catalogue(loading.observations, loading.events, loading.digest.hexdigest())


@cache
def bundled_catalogue() -> Catalogue:
    """The catalogue that comes with the program."""
    return load_catalogue()


@dataclass(slots=True)
class _Loading:
    """What has been read so far; places by section and name, texts by file."""

    observations: dict[str, ObservationConcept] = field(default_factory=dict)
    events: dict[Domain, dict[str, EventConcept]] = field(default_factory=lambda: {domain: {} for domain in DOMAINS})
    places: dict[tuple[str, str], Place] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    digest: _Hash = field(default_factory=sha256)

    def copy(self) -> _Loading:
        """One to go on with, that leaves this one as it is."""
        events = {domain: dict(concepts) for domain, concepts in self.events.items()}
        more = (dict(self.places), dict(self.texts), list(self.problems), self.digest.copy())
        return _Loading(dict(self.observations), events, *more)


@cache
def _bundled() -> _Loading:
    """The bundled folder. Its units are tested once and not at each start, which would build the unit registry."""
    loading = _Loading()
    _read_folder(BUNDLED, loading, check_units=False)
    return loading


def _read_folder(folder: Path, loading: _Loading, check_units: bool) -> None:
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml") and path.is_file())
    except OSError as error:
        loading.problems.append(_unreadable(error, str(folder), "catalogue folder"))
        return
    here: dict[tuple[str, str], Place] = {}
    for path in files:
        _read_file(path, here, loading, check_units)
    loading.places |= here


def _read_file(path: Path, here: dict[tuple[str, str], Place], loading: _Loading, check_units: bool) -> None:
    """Read one file. here: places of the folder so far, where no name may come twice."""
    file = str(path)
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
        root = load_yaml(raw, file)
    except OSError as error:
        loading.problems.append(_unreadable(error, file, "file"))
        return
    except InputRefused as refused:
        loading.problems += refused.problems
        return
    loading.digest.update(raw)
    loading.texts[file] = raw.decode("utf-8-sig")
    for name, concept in read_entries(root, file, loading.problems, check_units):
        section = concept.domain if isinstance(concept, EventConcept) else "observations"
        place = Place(file, name)
        first = here.setdefault((section, concept.name), place)
        if first is not place:
            message = f"`{concept.name}` is defined in {first.file}:{first.node.line} already"
            loading.problems.append(place.problem("name-twice", message))
        elif isinstance(concept, EventConcept):
            loading.events[concept.domain][concept.name] = concept
        else:
            loading.observations[concept.name] = concept


def _unreadable(error: OSError, file: str, what: str) -> Problem:
    return Problem("not-readable", f"the {what} cannot be read: {(error.strerror or 'no reason given').lower()}", file)


def _with_lines(problems: list[Problem], texts: dict[str, str]) -> list[Problem]:
    """The problems with the lines they are about, file by file."""
    shown: list[Problem] = []
    for file in dict.fromkeys(problem.file for problem in problems):
        own = [problem for problem in problems if problem.file == file]
        shown += with_source_lines(own, texts[file]) if file in texts else own
    return shown
