"""Synthetic conditions, treatments, procedures and allergies, and which lists of them are complete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prescreen.candidate.facts import STATUSES
from prescreen.catalogue import DOMAINS, Catalogue, Domain
from prescreen.synth.drawing import SITES, Array, Batch, owners, texts
from prescreen.synth.persons import (
    AGES,
    DAILY_MG,
    DOSE_MG,
    GENERAL,
    GROUPS,
    OF_MEN,
    OF_WOMEN,
    PASSING,
    SELDOM,
    SHORT,
)
from prescreen.synth.results import transplanted_before

_PREFERRED: Final[dict[Domain, str]] = {
    "conditions": "icd-10-cm", "treatments": "rxnorm", "procedures": "snomed", "allergies": "snomed"
}  # fmt: skip
_NAMES_AT: Final = 2  # the site that writes names
_SEVERITIES: Final = (None, "mild", "moderate", "severe")
_OUTCOMES: Final = (None, "response", "relapsed", "refractory", "intolerant")
_NO_CODES: Final = ("Dx 17", "chronic pain NOS", "")
_STATUS_WORDS: Final[dict[Domain, list[str | None]]] = {
    domain: [None, *sorted(STATUSES[domain]), "done"] for domain in DOMAINS
}
_ENDED: Final = frozenset({"cancer", "carcinoma", "lymphoma", "leukaemia", "melanoma"})


@dataclass(frozen=True, slots=True)
class _Concept:
    name: str
    chances: Array  # by group
    women: bool | None
    ages: tuple[float, float]


class Events:
    """What all batches draw events from: concepts with their chances, and their codes. Made once for a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.concepts: dict[Domain, list[_Concept]] = {}
        self.pairs: dict[Domain, list[tuple[str | None, str]]] = {}
        self.code_at: dict[Domain, Array] = {}
        for domain in DOMAINS:
            self.concepts[domain] = [_concept(name, domain) for name in catalogue.events[domain]]
            self.pairs[domain], self.code_at[domain] = _codes(domain, catalogue)


def _concept(name: str, domain: Domain) -> _Concept:
    general = GENERAL[domain].get(name, SELDOM)
    own = np.array([group.records.get(domain, {}).get(name, general) for group in GROUPS])
    women = True if name in OF_WOMEN else False if name in OF_MEN else None
    return _Concept(name, own, women, AGES.get(name, (0, 150)))


def _codes(domain: Domain, catalogue: Catalogue) -> tuple[list[tuple[str | None, str]], Array]:
    """The codes of a domain, and for each concept and site the one that the site writes; then two of no meaning."""
    pairs: list[tuple[str | None, str]] = []
    concepts = list(catalogue.events[domain].values())
    places = np.zeros((len(concepts), SITES), np.int32)
    for index, concept in enumerate(concepts):
        listed = {system: codes for system, codes in concept.codes.items() if any("-" not in code for code in codes)}
        for site in range(SITES):
            pair: tuple[str | None, str] = (None, concept.name)
            system = _PREFERRED[domain] if site != 4 else "snomed"
            if site != _NAMES_AT and system not in listed and listed and site != 3:
                system = sorted(listed)[0]
            if site != _NAMES_AT and system in listed:
                usable = [code for code in listed[system] if "-" not in code]
                pair = (system, usable[site % len(usable)])
                if site == 3 and system == "icd-10-cm":
                    pair = ("http://hl7.org/fhir/sid/icd-10-cm", pair[1].replace(".", ""))
            places[index, site] = len(pairs)
            pairs.append(pair)
    return [*pairs, ("snomed", "404684003"), *((None, code) for code in _NO_CODES)], places


def draw_events(batch: Batch, events: Events) -> dict[str, dict[str, pa.Array]]:
    """The columns of each list of events, in the order of the batch's persons."""
    return {domain: _drawn(batch, events, domain) for domain in DOMAINS}


def _drawn(batch: Batch, events: Events, domain: Domain) -> dict[str, pa.Array]:
    rng = batch.rng
    concepts = events.concepts[domain]
    age = batch.age
    chosen: list[Array] = []
    for concept in concepts:
        mask = rng.random(batch.size) < concept.chances[batch.group]
        if concept.women is not None:
            mask &= batch.female == concept.women
        if concept.ages != (0, 150):
            mask &= (age >= concept.ages[0]) & (age < concept.ages[1])
        chosen.append(np.flatnonzero(mask))
    owner, kind = owners(chosen)
    rows = len(owner)
    names = np.array([concept.name for concept in concepts], object)
    # The lists of most who are worked up have been gone through, and are in the catalogue's own names.
    reviewed = batch.prepared & (batch.born % 10 < 8)
    code = events.code_at[domain][kind, np.where(reviewed, _NAMES_AT, batch.site)[owner]]
    chance = rng.random(rows)
    share = batch.shares.irregular
    unlisted = len(events.pairs[domain]) - len(_NO_CODES) - 1
    code = np.where((domain == "conditions") & (chance < share * 0.2), unlisted, code)
    bad = rng.random(rows) / max(batch.shares.bad, 1e-12)  # below 1 for bad rows
    code = np.where(bad < 0.3, unlisted + 1 + rng.integers(0, len(_NO_CODES), rows), code)
    began = np.maximum(batch.on - (rng.exponential(5 * 365, rows)).astype(np.int64) - 1, batch.born[owner])
    verification = np.select([(chance > 1 - share * 0.3), (chance > 1 - share * 0.5)], [1, 2], 0)
    verification = np.where((bad >= 0.8) & (bad < 1), 3, verification)
    columns: dict[str, Any] = {
        "candidate": batch.candidates(owner),
        "system": texts([system for system, _ in events.pairs[domain]], code),
        "code": texts([text or None for _, text in events.pairs[domain]], code),
    }
    context = _Rows(batch, owner, kind, names, began, bad)
    columns |= {
        "conditions": context.conditions,
        "treatments": context.treatments,
        "procedures": context.procedures,
        "allergies": context.allergies,
    }[domain]()
    columns["verification"] = texts([None, "provisional", "refuted", "presumed"], verification)
    return columns


class _Rows:
    """The rows of one list, with what their columns depend on."""

    def __init__(self, batch: Batch, owner: Array, kind: Array, names: Array, began: Array, bad: Array) -> None:
        self.batch, self.owner, self.kind, self.names, self.began, self.bad = batch, owner, kind, names, began, bad
        self.rng, self.count = batch.rng, len(owner)

    def _is(self, words: frozenset[str]) -> Array:
        return np.array([name in words for name in self.names])[self.kind]

    def _some(self, share: float) -> Array:
        return self.rng.random(self.count) < share

    def _days(self, days: Array, missing: Array | None = None) -> pa.Array:
        index = self.batch.days.index(days)
        share = self.batch.shares.irregular
        index = np.where(self._some(share * 2), self.batch.days.vaguer(index, self.rng), index)
        gone = self._some(share * 0.5) if missing is None else missing
        return self.batch.dated(index, gone)

    def _words(self, domain: Domain, status: Array) -> pa.Array:
        words = _STATUS_WORDS[domain]
        place = {word: index for index, word in enumerate(words)}
        index = np.array([place[word] for word in status], np.int32) if self.count else np.zeros(0, np.int32)
        index = np.where(self._some(self.batch.shares.irregular), 0, index)
        return texts(words, np.where((self.bad >= 0.3) & (self.bad < 0.6), len(words) - 1, index))

    def conditions(self) -> dict[str, pa.Array]:
        passing = self._is(PASSING)
        cancer = np.array([any(word in name for word in _ENDED) for name in self.names])[self.kind]
        ended = np.where(passing, self._some(0.9), np.where(cancer, self._some(0.5), self._some(0.05)))
        status = np.where(ended, np.where(cancer, "remission", "resolved"), "active")
        lasted = np.where(passing, self.rng.integers(5, 60, self.count), self.rng.integers(100, 1500, self.count))
        end = np.minimum(self.began + lasted, self.batch.on)
        severity = np.where(self._some(0.25), self.rng.integers(1, len(_SEVERITIES), self.count), 0)
        biopsied = self._is(frozenset({"IgA-nephropathy", "lupus-nephritis", "membranous-nephropathy"}))
        return {
            "status": self._words("conditions", status),
            "onset": self._days(self.began),
            "abatement": self._days(end, ~ended),
            "severity": texts(list(_SEVERITIES), severity),
            "confirmed_by": texts([None, "biopsy"], (biopsied & self._some(0.85)).astype(np.int32)),
        }

    def treatments(self) -> dict[str, pa.Array]:
        over = np.where(self._is(SHORT), self._some(0.9), self._some(0.3))
        status = np.where(over, "completed", "ongoing").astype(object)
        status[self._some(self.batch.shares.irregular * 0.5)] = "planned"
        status[self._some(self.batch.shares.irregular * 0.5)] = "never"
        planned, never = status == "planned", status == "never"
        start = np.where(planned, self.batch.on + self.rng.integers(1, 90, self.count), self.began)
        end = np.minimum(start + self.rng.integers(3, 700, self.count), self.batch.on)
        dose, daily = (self._amounts(table) for table in (DOSE_MG, DAILY_MG))
        outcome = np.where(over & self._some(0.3), self.rng.integers(1, len(_OUTCOMES), self.count), 0)
        oral = self._is(frozenset(DAILY_MG) | frozenset(DOSE_MG) - {"rituximab"})
        route = np.where(self._is(frozenset({"rituximab", "iron-IV", "cisplatin"})), 2, np.where(oral, 1, 0))
        return {
            "start": self._days(start, never | self._some(self.batch.shares.irregular * 0.5)),
            "end": self._days(end, (status != "completed") | self._some(self.batch.shares.irregular)),
            "status": self._words("treatments", status),
            "dose_value": dose,
            "dose_unit": texts([None, "mg"], np.asarray(dose.is_valid(), np.int32)),
            "daily_dose_value": daily,
            "daily_dose_unit": texts([None, "mg/day"], np.asarray(daily.is_valid(), np.int32)),
            "route": texts([None, "oral", "intravenous"], route),
            "outcome": texts(list(_OUTCOMES), outcome),
        }

    def _amounts(self, table: dict[str, tuple[float, ...]]) -> pa.Array:
        """Usual doses of the drugs that a table names."""
        choices: list[str | None] = [None]
        first, count = np.zeros(len(self.names), np.int64), np.zeros(len(self.names), np.int64)
        for index, name in enumerate(self.names):
            if name in table:
                first[index], count[index] = len(choices), len(table[name])
                choices += [f"{dose:g}" for dose in table[name]]
        dosed = (count[self.kind] > 0) & self._some(0.8)
        picked = first[self.kind] + self.rng.integers(0, np.maximum(count[self.kind], 1))
        return texts(choices, np.where(dosed, picked, 0))

    def procedures(self) -> dict[str, pa.Array]:
        status = np.full(self.count, "completed", object)
        status[self._some(0.02)] = "planned"
        status[self._some(self.batch.shares.irregular * 0.3)] = "not-done"
        day = np.where(status == "planned", self.batch.on + self.rng.integers(1, 200, self.count), self.began)
        groups = [index for index, group in enumerate(GROUPS) if "transplantation" in group.anchors]
        mine = np.isin(self.batch.group[self.owner], groups) & self._is(frozenset({"kidney-transplant"}))
        prepared = mine & self.batch.prepared[self.owner]
        status[prepared] = "completed"
        day = np.where(prepared, self.batch.on - transplanted_before(self.batch)[self.owner], day)
        return {"date": self._days(day), "status": self._words("procedures", status)}

    def allergies(self) -> dict[str, pa.Array]:
        return {"severity": texts(list(_SEVERITIES), self.rng.integers(0, len(_SEVERITIES), self.count))}


def draw_complete(batch: Batch) -> dict[str, pa.Array]:
    """Declarations: of whoever is worked up nearly all lists, of the others what a site's habit is."""
    rng = batch.rng
    owner_of: list[Array] = []
    for place in range(len(DOMAINS)):
        usual = np.array([0.5, 0.3, 0.0, 0.6, 0.4])[batch.site] * (1, 0.8, 0.7, 0.6)[place]
        owner_of.append(np.flatnonzero(rng.random(batch.size) < np.where(batch.prepared, 0.93, usual)))
    owner, kind = owners(owner_of)
    rows = len(owner)
    whole = batch.prepared[owner] | (rng.random(rows) < 0.4)
    day = batch.days.index(batch.visits[owner, 0])
    through = batch.days.texts.take(pa.array(day))
    systems: list[str | None] = [None, *(_PREFERRED[domain] for domain in DOMAINS)]
    limited = ~whole & np.isin(batch.site[owner], (0, 1)) & (rng.random(rows) < 0.7)
    return {
        "candidate": batch.candidates(owner),
        "domain": texts(list(DOMAINS), kind),
        "through": pc.if_else(pa.array(whole), pa.scalar("true"), through),
        "systems": texts(systems, np.where(limited, kind + 1, 0)),
    }
