"""What an event record's own words say of a leaf, before its dates are looked at: once for each distinct spelling."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final

from prescreen.candidate.facts import STATUSES
from prescreen.catalogue import HIERARCHICAL, Catalogue, Related
from prescreen.catalogue.model import Domain
from prescreen.cohort.algebra import FALSE, TRUE, UNKNOWN, Spelling
from prescreen.language.model import Amount, Event
from prescreen.quantities import Analyte, Scale, analyte
from prescreen.quantities.numerals import parse_decimal

CODE: Final = ("system", "code")
LASTING: Final[dict[str, str]] = {"conditions": "active", "treatments": "ongoing"}
DATES: Final[dict[Domain, tuple[str, str]]] = {
    "conditions": ("onset", "abatement"),
    "treatments": ("start", "end"),
    "procedures": ("date", "date"),
    "allergies": ("date", "date"),
}
"""The columns of a record's beginning and end; those of what happens in a moment are one."""

_NEGATIVE: Final = frozenset({"never", "not-done"})
_ATTRIBUTES: Final = ("severity", "site", "confirmed_by", "route", "outcome")
_DOSES: Final[dict[str, Analyte]] = {}


Code = str | tuple[str, str]
"""A name of the catalogue, or a system and its code."""


@dataclass(frozen=True, slots=True)
class Words:
    """A record's words by column: what is not a column of the table is not on file."""

    by_column: dict[str, str | None]
    domain: Domain

    def __getitem__(self, column: str) -> str | None:
        return self.by_column.get(column)

    @property
    def code(self) -> Code:
        return code_of((self["system"], self["code"]))

    @property
    def verification(self) -> str:
        return self["verification"] or "confirmed"

    @property
    def statuses(self) -> frozenset[str]:
        """The statuses that it may have."""
        status = None if self.domain == "allergies" else self["status"]
        return STATUSES[self.domain] if status is None else frozenset({status})

    @property
    def asserts(self) -> bool:
        return self.verification != "refuted" and self["status"] not in _NEGATIVE

    @property
    def denies(self) -> bool:
        """A denial that is itself refuted or provisional denies nothing; a plan called off denies no past event."""
        negative = self["status"] in _NEGATIVE
        refuted = self.verification == "refuted"
        return (refuted and not negative and self["status"] != "planned") or (
            negative and self.verification == "confirmed"
        )


@lru_cache(maxsize=4096)
def wanted_by(leaf: Event, catalogue: Catalogue) -> Wanted:
    """What a leaf wants, made once for all shards and all days that anchors are supposed to be."""
    return Wanted(leaf, catalogue)


class Wanted:
    """The codes of an event leaf as they are held against records."""

    def __init__(self, leaf: Event, catalogue: Catalogue) -> None:
        self.leaf = leaf
        self.catalogue = catalogue
        self.domain: Domain = leaf.domain
        concepts = catalogue.events[leaf.domain]
        systems = catalogue.event_systems(leaf.domain)
        self.systems = {
            code: frozenset(system for system in systems if self._expressible(code, system)) for code in leaf.codes
        }
        self.codes = frozenset(leaf.codes)
        self.everywhere = frozenset.intersection(*self.systems.values())
        self.broader = {code: catalogue.ancestors(leaf.domain, code) | {code} for code in leaf.codes}
        self.momentary = leaf.domain in ("procedures", "allergies") or all(concepts[c].momentary for c in leaf.codes)
        self.refutable = self._refutable()

    def _expressible(self, name: str, system: str) -> bool:
        """Whether a system can code all that a concept means: by codes of its own, or of each of its parts."""
        concepts = self.catalogue.events[self.domain]
        if concepts[name].codes.get(system) or system in concepts[name].outside:
            return True
        parts = [part for part in self.catalogue.descendants(self.domain, name) if name in concepts[part].parents]
        return bool(parts) and all(self._expressible(part, system) for part in parts)

    def _refutable(self) -> frozenset[str]:
        """Concepts whose denial may contradict a record of what is asked for: all that such a record may be."""
        catalogue, domain = self.catalogue, self.domain
        narrower = {*self.leaf.codes}.union(*(catalogue.descendants(domain, code) for code in self.leaf.codes))
        found = set(narrower).union(*(catalogue.ancestors(domain, name) for name in narrower))
        for name in narrower:
            for system, codes in catalogue.events[domain][name].codes.items():
                for code in codes:
                    found |= catalogue.related(domain, (system, code)).is_a
        return frozenset(found)

    def related(self, code: Code) -> Related:
        return self.catalogue.related(self.domain, code)

    def relation(self, code: Code) -> int:
        """Whether a record is of one of the codes: UNKNOWN for a broader one, or one in a system that lacks them."""
        related = self.related(code)
        if not self.codes.isdisjoint(related.is_a):
            return TRUE
        if not self.codes.isdisjoint(related.may_be):
            return UNKNOWN
        if related.system is None:
            return FALSE
        unplaced = not related.named and related.system not in HIERARCHICAL
        return UNKNOWN if unplaced or related.system not in self.everywhere else FALSE

    def says(self, words: Words) -> int:
        """The truth of all that hangs on neither code, status nor dates; FALSE for what asserts nothing."""
        leaf = self.leaf
        if not words.asserts:
            return FALSE
        truths = [TRUE]
        if words.verification == "provisional" and "provisional" not in leaf.verification:
            truths.append(UNKNOWN)
        elif words.verification == "confirmed" and "confirmed" not in leaf.verification:
            return FALSE
        for attribute in _ATTRIBUTES:
            wanted: frozenset[str] = getattr(leaf, attribute)
            if wanted:
                truths.append(_attribute(words[attribute], wanted))
        if leaf.indication:
            truths.append(self._indicated(words))
        for column, unit, bounds in (("dose", "mg", leaf.dose), ("daily_dose", "mg/d", leaf.daily_dose)):
            if bounds:
                truths.append(_dosed(words[f"{column}_value"], words[f"{column}_unit"], bounds, unit))
        return min(truths)

    def looks_at(self, columns: Iterable[str]) -> tuple[str, ...]:
        """The columns that `says` looks at."""
        leaf = self.leaf
        wanted = {"status", "verification", *(each for each in _ATTRIBUTES if getattr(leaf, each))}
        if leaf.indication:
            wanted |= {"for", "for_system"}
        for dose, bounds in (("dose", leaf.dose), ("daily_dose", leaf.daily_dose)):
            if bounds:
                wanted |= {f"{dose}_value", f"{dose}_unit"}
        return tuple(column for column in columns if column in wanted)

    def _indicated(self, words: Words) -> int:
        name, system = words["for"], words["for_system"]
        if name is None:
            return UNKNOWN
        given = name if system is None else (system, name)
        related = self.catalogue.related("conditions", given)
        best = FALSE
        for code in self.leaf.indication:
            if code in related.is_a:
                return TRUE
            if code in related.may_be or related.system is not None:
                best = UNKNOWN
        return best

    def equivalent(self, words: Words) -> Fraction | None:
        """A record's daily dose in mg of the treatment in which doses are expressed; None where it is not known."""
        treatments = self.catalogue.events["treatments"]
        found = [treatments[name].equivalents.get(self.leaf.equivalent) for name in self.related(words.code).named]
        worth = {None if each is None else each.factor for each in found}
        dose = _dose(words["daily_dose_value"], words["daily_dose_unit"], "mg/d")
        factor = worth.pop() if len(worth) == 1 else None
        return None if factor is None or dose is None else dose * factor

    def named(self, spelling: Spelling) -> frozenset[str]:
        """The concepts that a written code is, by which a denial rules out what is narrower, the time apart."""
        return self.related(code_of(spelling)).named


def covered(expressible: frozenset[str], systems: frozenset[str] | None) -> bool:
    """Whether a declaration for some code systems (None: all) speaks of a code that some systems can express."""
    return systems is None or bool(expressible & systems)


def code_of(spelling: Spelling) -> Code:
    """The code of the columns `CODE`, by which the catalogue knows it."""
    system, code = spelling
    return code or "" if system is None else (system, code or "")


def words_of(spelling: Spelling, columns: Iterable[str], domain: Domain) -> Words:
    return Words(dict(zip(columns, spelling, strict=True)), domain)


def _attribute(written: str | None, wanted: frozenset[str]) -> int:
    if written is None:
        return UNKNOWN
    return TRUE if written.strip().casefold() in {word.casefold() for word in wanted} else FALSE


def _dosed(value: str | None, unit: str | None, bounds: tuple[Amount, ...], wanted: str) -> int:
    dose = _dose(value, unit, wanted)
    if dose is None:
        return UNKNOWN
    return TRUE if all(holds(dose, bound) for bound in bounds) else FALSE


def _dose(value: str | None, unit: str | None, wanted: str) -> Fraction | None:
    """A dose in a unit; None where that is not known."""
    number = None if value is None else parse_decimal(value)
    if number is None or unit is None:
        return None
    known = _DOSES.get(wanted)
    if known is None:
        known = _DOSES[wanted] = analyte(wanted)
    scale = known.scale(unit)
    return Fraction(number) * scale.factor + scale.offset if isinstance(scale, Scale) else None


def holds(dose: Fraction, bound: Amount) -> bool:
    """Whether a dose is within a bound."""
    match bound.operator:
        case "at_least":
            return dose >= bound.number
        case "above":
            return dose > bound.number
        case "at_most":
            return dose <= bound.number
        case "below":
            return dose < bound.number
