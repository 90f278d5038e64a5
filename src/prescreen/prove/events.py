"""Records of conditions, treatments, procedures and allergies as variables of the solver.

A leaf is true when some record is what it asks for. So one record for each leaf is enough to show every combination
of truths: it is there when the leaf is true, it is then what the leaf asks for, and whatever else it is makes those
leaves true as well. What looks at several records together (`lines`, doses added up) is open but for what follows from
there being a record at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import z3
from pydantic import BaseModel

from prescreen.candidate.profile import AllergyRecord, ConditionRecord, ProcedureRecord, TreatmentRecord
from prescreen.catalogue import Catalogue
from prescreen.catalogue.model import Domain
from prescreen.engine.timing import LASTING
from prescreen.language.events import STATUSES
from prescreen.language.model import Amount, Event
from prescreen.prove.codes import Codes, Kind
from prescreen.prove.days import FARTHEST, Days
from prescreen.prove.results import compared, real

WORDS: Final = ("severity", "site", "confirmed_by", "route", "outcome")
"""Attributes of a record that are words."""
_RECORDS: Final[dict[Domain, type[BaseModel]]] = {
    "conditions": ConditionRecord,
    "treatments": TreatmentRecord,
    "procedures": ProcedureRecord,
    "allergies": AllergyRecord,
}
RECORDED: Final = "recorded"


def plain(leaf: Event) -> Event:
    """The leaf that asks for one record of the same kind."""
    if leaf.equivalent:
        return replace(leaf, equivalent="", daily_dose=())
    return replace(leaf, count=(), lines=()) if leaf.count or leaf.lines else leaf


def single(leaf: Event) -> tuple[Event, ...]:
    """The leaves that ask for one record each, on whose truths the truth of a leaf rests."""
    if leaf.count:
        return tuple(replace(plain(leaf), codes=(code,)) for code in leaf.codes)
    return (plain(leaf),)


class Entry:
    """One record of a domain, there or not. leaf: the one that it is there for."""

    def __init__(self, leaf: Event, number: int, kinds: Sequence[Kind], indications: Sequence[Kind]) -> None:
        name = f"{leaf.domain}[{number}]"
        self.leaf = leaf
        self.name = name
        self.kinds, self.indications = tuple(kinds), tuple(indications)
        self.kind, self.indication = z3.Int(f"{name}.code"), z3.Int(f"{name}.for")
        self.status = z3.Int(f"{name}.status")
        self.start, self.end = z3.Int(f"{name}.start"), z3.Int(f"{name}.end")
        self.dose, self.daily_dose = z3.Real(f"{name}.dose"), z3.Real(f"{name}.daily_dose")
        self.words = {word: z3.Int(f"{name}.{word}") for word in WORDS if word in _RECORDS[leaf.domain].model_fields}

    def is_of(self, codes: Iterable[str]) -> z3.BoolRef:
        wanted = set(codes)
        return z3.Or(*[self.kind == i for i, kind in enumerate(self.kinds) if kind.concepts & wanted])

    def is_for(self, codes: Iterable[str]) -> z3.BoolRef:
        wanted = set(codes)
        return z3.Or(*[self.indication == i for i, kind in enumerate(self.indications) if kind.concepts & wanted])

    def same_as(self, other: Entry) -> z3.BoolRef:
        """Whether two records say the same."""
        pairs = [(i, other.kinds.index(kind)) for i, kind in enumerate(self.kinds) if kind in other.kinds]
        alike = [z3.And(self.kind == i, other.kind == j) for i, j in pairs]
        own = (self.indication, self.status, self.start, self.end, self.dose, self.daily_dose, *self.words.values())
        others = (
            *(other.indication, other.status, other.start, other.end, other.dose, other.daily_dose),
            *other.words.values(),
        )
        return z3.And(z3.Or(*alike), *[mine == its for mine, its in zip(own, others, strict=True)])


class Records:
    """The records of a domain in a query. leaves: those that ask for one record each, with their truths."""

    def __init__(
        self, domain: Domain, leaves: Mapping[Event, z3.BoolRef], codes: Codes, days: Days, catalogue: Catalogue
    ) -> None:
        self.domain = domain
        self.truths = dict(leaves)
        self.codes = codes
        self.days = days
        self.statuses = STATUSES[domain] or (RECORDED,)
        self.lasting = LASTING.get(domain, "")
        self._momentary = {
            leaf: domain in ("procedures", "allergies")
            or all(catalogue.events[domain][code].momentary for code in leaf.codes)
            for leaf in (*leaves, *(each for leaf in leaves for each in leaf.excepted))
        }
        spoken = frozenset(code for leaf in self._momentary for code in leaf.codes)
        meant = frozenset(code for leaf in self._momentary for code in leaf.indication)
        kinds = codes.kinds(domain, spoken)
        indications = (
            (Kind(frozenset(), self._other_indication(meant)), *codes.kinds("conditions", meant)) if meant else ()
        )
        self.words = {
            word: tuple(sorted({value for leaf in self._momentary for value in getattr(leaf, word)})) for word in WORDS
        }
        self.entries = tuple(
            Entry(leaf, number, [kind for kind in kinds if kind.concepts & set(leaf.codes)], indications)
            for number, leaf in enumerate(leaves)
        )

    def _other_indication(self, meant: frozenset[str]) -> str | None:
        """A condition that is none of those meant, nor may be."""
        for catalogue in self.codes.catalogues[:1]:
            for name in sorted(catalogue.events["conditions"]):
                if catalogue.related("conditions", name).any_of.isdisjoint(meant):
                    return name
        return None

    def sound(self) -> list[z3.BoolRef]:
        """What holds of every record."""
        found: list[z3.BoolRef] = []
        for entry in self.entries:
            found += self._times(entry)
            found += [entry.kind >= 0, entry.kind < max(1, len(entry.kinds))]
            found += [entry.indication >= 0, entry.indication < max(1, len(entry.indications))]
            found += [entry.dose >= 0, entry.daily_dose >= 0]
            for word, value in entry.words.items():
                found += [value >= 0, value <= len(self.words[word])]
            there = self.truths[entry.leaf]
            found.append(z3.Implies(there, self.matches(entry, entry.leaf)))
            for other, truth in self.truths.items():
                if other is not entry.leaf and any(kind.concepts & set(other.codes) for kind in entry.kinds):
                    found.append(z3.Implies(z3.And(there, self.matches(entry, other)), truth))
        return found

    def exact(self) -> list[z3.BoolRef]:
        """What records that are written down keep to besides: codes that leave nothing open, plans that lie ahead."""
        found: list[z3.BoolRef] = []
        for entry in self.entries:
            written = [entry.kind == i for i, kind in enumerate(entry.kinds) if kind.code is not None]
            said = [entry.indication == i for i, kind in enumerate(entry.indications) if kind.code is not None]
            there = self.truths[entry.leaf]
            found.append(z3.Implies(there, z3.Or(*written)))
            if entry.indications:
                found.append(z3.Implies(there, z3.Or(*said)))
            if "planned" in self.statuses:
                found.append(z3.Implies(entry.status == self.statuses.index("planned"), entry.start > 0))
        return found

    def _times(self, entry: Entry) -> list[z3.BoolRef]:
        start, end, days = entry.start, entry.end, [entry.start, entry.end]
        found = [entry.status >= 0, entry.status < len(self.statuses), start <= end]
        found += [bound for day in days for bound in (day >= -FARTHEST, day <= FARTHEST)]
        if self.domain in ("procedures", "allergies"):
            found.append(start == end)
        for number, status in enumerate(self.statuses):
            if status == "planned":
                continue
            found.append(z3.Implies(entry.status == number, end == 0 if status == self.lasting else end <= 0))
        return found

    def matches(self, entry: Entry, leaf: Event) -> z3.BoolRef:
        """Whether a record that is there is what a leaf asks for."""
        days, momentary = self.days, self._momentary[leaf]
        last = entry.start if momentary or leaf.by_start else entry.end
        if "confirmed" not in leaf.verification:
            return z3.BoolVal(False)  # records that are written down are confirmed
        parts = [entry.is_of(leaf.codes), days.overlaps(entry.start, last, leaf.window)]
        if leaf.statuses:
            parts.append(self._has_status(entry, leaf.statuses))
        going_on = self._has_status(entry, {self.lasting}) if self.lasting else z3.BoolVal(True)
        if leaf.for_at_least is not None:
            anchor, span = days.anchor(leaf.at), leaf.for_at_least
            if leaf.changed:
                ended = entry.start if momentary else entry.end
                recent = [
                    z3.And(z3.Not(days.reaches(day, span, anchor)), day <= anchor) for day in (entry.start, ended)
                ]
                parts.append(z3.Or(recent[0], z3.And(z3.Not(going_on), recent[1])))
            else:
                parts.append(
                    z3.If(going_on, days.reaches(entry.start, span, anchor), days.reaches(entry.end, span, anchor))
                )
        for operator, span in leaf.duration:
            more = int(operator in ("above", "at_most"))
            reached = z3.BoolVal(False) if momentary else days.reaches(entry.start, span, entry.end, more)
            parts.append(reached if operator in ("at_least", "above") else z3.Not(reached))
        for word, value in entry.words.items():
            wanted = getattr(leaf, word)
            if wanted:
                parts.append(z3.Or(*[value == self.words[word].index(one) for one in sorted(wanted)]))
        if leaf.indication:
            parts.append(entry.is_for(leaf.indication))
        parts += [_dosed(entry.dose, amount) for amount in leaf.dose]
        parts += [_dosed(entry.daily_dose, amount) for amount in leaf.daily_dose]
        parts += [z3.Not(self.matches(entry, each)) for each in leaf.excepted]
        return z3.And(*parts)

    def _has_status(self, entry: Entry, statuses: Iterable[str]) -> z3.BoolRef:
        return z3.Or(*[entry.status == i for i, status in enumerate(self.statuses) if status in statuses])


def _dosed(dose: z3.ArithRef, amount: Amount) -> z3.BoolRef:
    return compared(dose, amount.operator, real(amount.number))
