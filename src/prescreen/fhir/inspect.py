"""What is understood of Bundles and what is not: counts that add up to the entries, and which criteria it touches."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from prescreen.candidate.facts import KIND_OF, Candidate
from prescreen.candidate.profile import Coding
from prescreen.catalogue import DOMAINS, HIERARCHICAL, Catalogue, ObservationConcept, system_name
from prescreen.fhir.read import BundleRead
from prescreen.fhir.setting import State
from prescreen.language.model import Event, Observation, Trial, parts_of
from prescreen.report.words import clean

STATES: Final[dict[State, str]] = {
    "understood": "read and used",
    "open": "something of it cannot be read; what it may say is left open",
    "unmapped": "read, but its code is listed for no concept of the catalogue",
    "aside": "counts for nothing: entered in error, without a result, or there twice",
    "skipped": "a type of resource that is not read",
}
"""What becomes of entries, in words, in the order in which it is shown."""

_SHOWN: Final = 3  # places of one code
_WORD: Final = re.compile(r"[^\W\d_]{4,}")
_COMMON: Final = frozenset(
    {"blood", "serum", "plasma", "urine", "mass", "volume", "presence", "body", "level", "count", "automated"}
    | {
        "test",
        "ratio",
        "total",
        "units",
        "with",
        "score",
        "status",
        "patient",
        "reported",
        "rate",
        "time",
        "moles",
        "platelet",
    }
    | {"distribution", "width", "entitic", "mean", "estimated", "method", "calculated", "calculation"}
)


class Unmapped(msgspec.Struct, frozen=True):
    """A code that is listed for no concept.

    kind: of record. may_be: what it may be: observations with a word in common; of events, anything. places: the first
    of the `count` places. touches: by trial, the criteria that ask for what it may be.
    """

    kind: str
    system: str
    code: str
    display: str | None
    count: int
    places: tuple[str, ...]
    may_be: tuple[str, ...]
    touches: dict[str, tuple[str, ...]]


class Inspected(msgspec.Struct, frozen=True):
    """What one Bundle holds.

    types: of each type of resource, how many entries are in each state; the counts of all types and states add up to
    `entries`. issues: by code.
    """

    file: str
    candidates: tuple[str, ...]
    entries: int
    states: dict[str, int]
    types: dict[str, dict[str, int]]
    unmapped: tuple[Unmapped, ...]
    issues: dict[str, int]


def inspect_bundle(file: str, read: BundleRead, catalogue: Catalogue, trials: Sequence[Trial]) -> Inspected:
    """What of a Bundle was understood, and which criteria of some trials the rest touches."""
    entries = read.entries
    states = Counter(entry.state for entry in entries)
    types: dict[str, dict[str, int]] = {}
    for (kind, state), count in sorted(Counter((entry.kind or "no type", entry.state) for entry in entries).items()):
        types.setdefault(kind, {})[state] = count
    issues: Counter[str] = Counter()
    for candidate in read.candidates:
        issues.update(issue.code for issue in candidate.facts(catalogue).issues)
    return Inspected(
        file,
        tuple(candidate.id for candidate in read.candidates),
        len(entries),
        {state: states[state] for state in STATES if states[state]},
        types,
        tuple(_unmapped(read.candidates, catalogue, trials)),
        dict(sorted(issues.items())),
    )


def _unmapped(candidates: Iterable[Candidate], catalogue: Catalogue, trials: Sequence[Trial]) -> Iterator[Unmapped]:
    found: dict[tuple[str, str, str], tuple[str | None, list[str]]] = {}
    for candidate in candidates:
        places = candidate.places or {}
        for name in ("observations", *DOMAINS):
            for index, record in enumerate(getattr(candidate.profile, name)):
                if isinstance(record.code, Coding) and _is_unmapped(name, record.code, catalogue):
                    code = record.code
                    known = found.setdefault((name, code.system, code.code), (code.display, []))
                    known[1].append(places.get(f"{name}[{index}]", f"{name}[{index}]"))
    for (name, system, number), (display, where) in sorted(found.items(), key=lambda item: -len(item[1][1])):
        may_be = tuple(_similar(display or number, catalogue.observations.values())) if name == "observations" else ()
        touches = {trial.id: _touched(name, frozenset(may_be), trial) for trial in trials}
        shown = tuple(where[:_SHOWN])
        kind = "observation" if name == "observations" else KIND_OF[name]
        yield Unmapped(kind, system, number, display, len(where), shown, may_be, touches)


def _is_unmapped(name: str, code: Coding, catalogue: Catalogue) -> bool:
    if name == "observations":
        return catalogue.observation_for(code.system, code.code) is None
    domain = next(each for each in DOMAINS if each == name)
    related = catalogue.related(domain, (code.system, code.code))
    return not related.named and system_name(code.system) not in HIERARCHICAL


def _similar(display: str, concepts: Iterable[ObservationConcept]) -> Iterator[str]:
    """Observations that have a word in common with a display: what a person would look at first."""
    words = _words(display)
    for concept in concepts:
        if words & _words(" ".join((concept.name, concept.label, *concept.synonyms)).replace("-", " ")):
            yield concept.name


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text)} - _COMMON


def _touched(name: str, may_be: frozenset[str], trial: Trial) -> tuple[str, ...]:
    """The criteria with a leaf that a record of an unlisted code may be: any of its kind, or an observation like it."""
    found: dict[str, None] = {}
    for criterion in trial.criteria:
        for part in parts_of(criterion.condition):
            match part:
                case Observation(code=code, without=without):
                    inner = [each for each in parts_of(without) if isinstance(each, Event)]
                    hit = code in may_be if name == "observations" else any(each.domain == name for each in inner)
                case Event(domain=domain):
                    hit = domain == name
                case _:
                    hit = False
            if hit:
                found[criterion.id] = None
    return tuple(found)


# --- for people ------------------------------------------------------------------------------------------------------


def render(inspected: Sequence[Inspected]) -> str:
    """What was inspected as text."""
    return "\n".join("\n".join(_lines(each)) + "\n" for each in inspected)


def _lines(one: Inspected) -> Iterator[str]:
    yield f"{clean(one.file)}: {one.entries} entries, candidate {clean(', '.join(one.candidates))}"
    for state, meaning in STATES.items():
        if state in one.states:
            yield f"  {one.states[state]:>6}  {state:<11} {meaning}"
    yield f"  {sum(one.states.values()):>6}  in all"
    yield ""
    width = max(len(kind) for kind in one.types) if one.types else 0
    for kind, states in one.types.items():
        told = ", ".join(f"{count} {state}" for state, count in states.items())
        yield f"  {sum(states.values()):>6}  {kind:<{width}}  {told}"
    if one.unmapped:
        yield ""
        yield "  codes that are listed for no concept:"
        for code in one.unmapped:
            yield from _code_lines(code)
    if one.issues:
        yield ""
        yield "  issues: " + ", ".join(f"{count} {code}" for code, count in one.issues.items())


def _code_lines(code: Unmapped) -> Iterator[str]:
    shown = clean(f"{code.display or ''} ({code.system}|{code.code})")
    yield f"  {code.count:>6}  {code.kind:<11} {shown}, first in {code.places[0]}"
    anything = "" if code.kind == "observation" else f"any {code.kind}"
    may_be = ", ".join(code.may_be) or anything
    if may_be:
        yield f"{'':<22}it may be {may_be}"
    for trial, criteria in code.touches.items():
        if criteria:
            yield f"{'':<22}touches {trial}: {', '.join(criteria)}"
