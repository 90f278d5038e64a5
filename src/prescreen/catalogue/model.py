"""What a catalogue holds: analytes, conditions, treatments, procedures and allergies by name.

`ObservationConcept` and `EventConcept` are what the rest of the program sees; how YAML becomes them is in
`prescreen.catalogue.load`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, Literal

from prescreen.quantities import Analyte, Formula

Asked = Literal["candidate", "caregiver", "coordinator", "investigator"]
Domain = Literal["conditions", "treatments", "procedures", "allergies"]
DOMAINS: Final[tuple[Domain, ...]] = ("conditions", "treatments", "procedures", "allergies")

FORMULAS: Final = ("ckd-epi-2021", "cockcroft-gault", "bmi", "payne-1973", "fridericia-1920", "ratio")
"""The derivations that a catalogue may name; each is computed and cited where derived results are."""


@dataclass(frozen=True, slots=True)
class ObservationConcept:
    """A laboratory result, vital sign, score or derived quantity.

    analyte: how its units convert (`prescreen.quantities.Analyte`); None for a purely coded result.
    unit: the canonical unit as shown to people ("" for scores). units: spellings that convert to it.
    values: the codes that a coded result may have (empty: numeric only).
    low, high: plausible range in the canonical unit, both ends plausible.
    formula: name of the derivation (``ckd-epi-2021``), None where it is always measured; inputs: codes of the
    observations it is derived from. expression: the formula itself, over the names of the inputs and `age`, where a
    trial has written it (as `written`); same_day: its inputs are of one day; any_day: those of its inputs that may be
    of any day, because they do not change.
    """

    name: str
    label: str
    synonyms: tuple[str, ...]
    codes: dict[str, tuple[str, ...]]  # system short name -> codes
    analyte: Analyte | None
    unit: str
    units: tuple[str, ...]
    values: tuple[str, ...]
    low: Fraction | None
    high: Fraction | None
    formula: str | None
    inputs: tuple[str, ...]
    ask: Asked
    question: str
    expression: Formula | None = None
    written: str = ""
    same_day: bool = False
    any_day: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HalfLife:
    """The half-life of elimination of a drug in hours, and who says so."""

    hours: Fraction
    source: str


@dataclass(frozen=True, slots=True)
class Equivalent:
    """What one milligram of a drug is worth in milligrams of another, and who says so."""

    factor: Fraction
    source: str


@dataclass(frozen=True, slots=True)
class EventConcept:
    """A condition, treatment, procedure or substance (of an allergy).

    domain: the list of the profile it belongs to. parents: broader concepts by name. codes: by system short
    name; ICD-10-CM and ATC codes stand for everything below them by prefix (dots ignored), and ``C00-C96`` is a
    range of three-character categories. momentary: an event of a moment (a stroke): it counts by its first day.
    outside: by hierarchical system, codes that surely mean something else; for narrower concepts too. Where a concept
    has any, its codes there are no full list: what is neither listed nor outside may be of it. Otherwise what is not
    listed is not of it. perhaps: by hierarchical system, codes that may be of it, though outside or not listed.
    included, excluded: the value set as the catalogue file states it: what lies below some codes, whose full list an
    expansion gives, and what is not of the concept although it lies there; excluded codes of hierarchical systems stand
    for what is below them, those of others for themselves. expanded: by system, the day of the expansion in use.
    half_life: of a treatment, with its source; None where the catalogue gives none. equivalents: by the treatment that
    doses are expressed in, how much of it one milligram is worth.
    """

    name: str
    domain: Domain
    label: str
    synonyms: tuple[str, ...]
    parents: tuple[str, ...]
    codes: dict[str, tuple[str, ...]]
    momentary: bool
    ask: Asked
    question: str
    outside: dict[str, tuple[str, ...]] = field(default_factory=dict)
    perhaps: dict[str, tuple[str, ...]] = field(default_factory=dict)
    included: dict[str, tuple[str, ...]] = field(default_factory=dict)
    excluded: dict[str, tuple[str, ...]] = field(default_factory=dict)
    expanded: dict[str, str] = field(default_factory=dict)
    half_life: HalfLife | None = None
    equivalents: dict[str, Equivalent] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Related:
    """What a recorded code says about the concepts of a domain.

    named: the concepts that the code is (most specific). is_a: concepts that the record certainly is an instance of
    (named and their ancestors). may_be: concepts that it may be (narrower than what was recorded, or of which the
    system has no full list). any_of: both together.
    system: short name of the code system (as it was written, where it is not a known one), None for a catalogue name.
    label: how people read it.
    """

    named: frozenset[str]
    is_a: frozenset[str]
    may_be: frozenset[str]
    system: str | None
    label: str
    any_of: frozenset[str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "any_of", self.is_a | self.may_be)
