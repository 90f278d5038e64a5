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
from prescreen.catalogue.consistency import Place, inconsistencies, without_wrong_links
from prescreen.catalogue.entries import read_entries
from prescreen.catalogue.expansions import expanded, expansion_files, parse_expansion
from prescreen.catalogue.model import DOMAINS, Domain, EventConcept, ObservationConcept
from prescreen.problems import InputRefused, Problem, did_you_mean
from prescreen.yamlio import MAX_BYTES, read_yaml, with_source_lines

if TYPE_CHECKING:
    from hashlib import _Hash

BUNDLED: Final = Path(__file__).resolve().parent.parent / "bundled" / "catalogue"


def load_catalogue(*folders: Path) -> Catalogue:
    """The bundled catalogue, extended or overridden by folders of catalogue files.

    Raises InputRefused with everything that is wrong in any file: keys, units and formulas, unknown parents and inputs,
    cycles, names used twice, codes that are none of their system or claimed by two observations.
    """
    catalogue, problems = read_catalogue(*folders)
    if problems:
        raise InputRefused(problems)
    return catalogue


def read_catalogue(*folders: Path) -> tuple[Catalogue, list[Problem]]:
    """The same as far as it can be read, and everything that is wrong with it.

    What has a mistake is left out, and what it may be called is told apart from what is surely unknown.
    """
    loading = _bundled().copy()
    for folder in folders:
        _read_folder(folder, loading, check_units=True)
    problems = [
        *loading.problems,
        *inconsistencies(loading.observations, loading.events, loading.places, loading.unread),
    ]
    events = loading.events
    if problems:
        endless = any(problem.code == "too-many-parents" for problem in problems)
        events = {domain: without_wrong_links(concepts, endless) for domain, concepts in events.items()}
    catalogue = Catalogue(
        loading.observations,
        events,
        loading.digest.hexdigest(),
        frozenset(name for _, name in loading.unread),
        loading.whole,
    )
    return catalogue, _with_lines(problems, loading.texts)


@cache
def bundled_catalogue() -> Catalogue:
    """The catalogue that comes with the program."""
    return load_catalogue()


@dataclass(slots=True)
class _Loading:
    """What has been read so far; places by section and name, texts by file.

    unread: section and name of the concepts with mistakes. whole: whether every file could be read.
    """

    observations: dict[str, ObservationConcept] = field(default_factory=dict)
    events: dict[Domain, dict[str, EventConcept]] = field(default_factory=lambda: {domain: {} for domain in DOMAINS})
    places: dict[tuple[str, str], Place] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    digest: _Hash = field(default_factory=sha256)
    unread: set[tuple[str, str]] = field(default_factory=set)
    whole: bool = True

    def copy(self) -> _Loading:
        """One to go on with, that leaves this one as it is."""
        events = {domain: dict(concepts) for domain, concepts in self.events.items()}
        more = (dict(self.places), dict(self.texts), list(self.problems), self.digest.copy())
        return _Loading(dict(self.observations), events, *more, set(self.unread), self.whole)


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
        loading.whole = False
        return
    here: dict[tuple[str, str], Place] = {}
    for path in files:
        _read_file(path, here, loading, check_units)
    loading.places |= here
    for path in expansion_files(folder):
        _read_expansion(path, loading)


def _read_expansion(path: Path, loading: _Loading) -> None:
    try:
        raw = path.read_bytes()
    except OSError as error:
        loading.problems.append(_unreadable(error, str(path), "file"))
        loading.whole = False
        return
    loading.digest.update(raw)
    found = parse_expansion(raw, str(path))
    if isinstance(found, Problem):
        loading.problems.append(found)
        return
    concepts = loading.events[found.domain]
    if found.concept in concepts:
        concepts[found.concept] = expanded(concepts[found.concept], found)
    elif (found.domain, found.concept) not in loading.unread:
        hint = did_you_mean(found.concept[:64], concepts)
        message = f"an expansion of `{found.concept[:64]}`, which is not among the {found.domain}"
        loading.problems.append(Problem("unknown-value", message, str(path), hint=hint))


def _read_file(path: Path, here: dict[tuple[str, str], Place], loading: _Loading, check_units: bool) -> None:
    """Read one file. here: places of the folder so far, where no name may come twice."""
    file = str(path)
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        loading.problems.append(_unreadable(error, file, "file"))
        loading.whole = False
        return
    root, problems = read_yaml(raw, file)
    loading.problems += problems
    if root is None:
        loading.whole = False
        return
    told = {(problem.line, problem.column) for problem in problems}
    loading.digest.update(raw)
    loading.texts[file] = raw.decode("utf-8-sig")
    found: list[Problem] = []
    for section, name, content, concept in read_entries(root, file, found, check_units):
        key, place = (section, name.text), Place(file, name, content)
        first = here.setdefault(key, place)
        if first is not place:
            message = f"`{name.text}` is defined in {first.file}:{first.node.line} already"
            found.append(place.problem("duplicate-id", message))
        elif concept is None:
            synonyms = content.get("synonyms")
            loading.unread |= {key, *((section, synonym.text) for synonym in (synonyms.items() if synonyms else ()))}
        elif isinstance(concept, EventConcept):
            loading.events[concept.domain][concept.name] = concept
        else:
            loading.observations[concept.name] = concept
    # what YAML itself could not make sense of has no meaning to be judged either
    loading.problems += [problem for problem in found if (problem.line, problem.column) not in told]


def _unreadable(error: OSError, file: str, what: str) -> Problem:
    return Problem("unreadable", f"the {what} cannot be read: {(error.strerror or 'no reason given').lower()}", file)


def _with_lines(problems: list[Problem], texts: dict[str, str]) -> list[Problem]:
    """The problems with the lines they are about, file by file."""
    shown: list[Problem] = []
    for file in dict.fromkeys(problem.file for problem in problems):
        own = [problem for problem in problems if problem.file == file]
        shown += with_source_lines(own, texts[file]) if file in texts else own
    return shown
