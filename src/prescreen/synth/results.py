"""Synthetic observations: values, units in many spellings, ranges, dates, and what is irregular about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prescreen.catalogue import Catalogue, ObservationConcept
from prescreen.quantities import Scale
from prescreen.quantities.numerals import plain
from prescreen.synth.drawing import SITES, VISITS, Array, Batch, texts
from prescreen.synth.laboratory import MEASURED, NEGATIVE, POSITIVE, TESTED, UNMAPPED, WHOLE, Measured
from prescreen.synth.persons import GROUPS, PREPARED

_LIMITS_AT: Final = (1.0, 0.9, 1.1, 1.0, 1.05)  # a site's upper limits, relative to the usual ones
_SPELLINGS: Final = {"U/L": "U/l", "10*9/L": "x10^9/L", "mmol/L": "mmol/l", "mg/dL": "mg/dl", "g/dL": "g/dl"}
_PERSISTENT: Final = 0.8  # of what makes a value differ from the median, the part that a person keeps
_UNREADABLE_VALUES: Final = ("pending", "1,5", "see comment", "NaN", "~7", "-3")
_UNREADABLE_DATES: Final = ("20.05.2026", "2026-13-01", "yesterday", "2026-02-30")
_UNREADABLE_CODES: Final = ("ALTT", "creatinin", "lab 17", "")


@dataclass(frozen=True, slots=True)
class _Unit:
    """One spelling of a unit of a quantity: x in it is ``factor * x + offset`` canonical, or ``factor * 10**x``."""

    kind: int
    text: str | None
    factor: float
    offset: float
    log10: bool
    decimals: int


class Vocabulary:
    """What all batches draw observations from: quantities, tests, their codes and units. Made once for a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.names = [each.code for each in MEASURED] + [each.code for each in TESTED]
        weights = np.array([each.weight for each in MEASURED] + [each.weight for each in TESTED])
        self.rates = weights / weights.sum()
        self.prepared = np.array(
            [[name in PREPARED or name in group.results for name in self.names] for group in GROUPS]
        )
        self.medians = np.array([[g.results.get(m.code, (m.median, 0))[0] for m in MEASURED] for g in GROUPS])
        self.spreads = np.array([[g.results.get(m.code, (0, m.spread))[1] for m in MEASURED] for g in GROUPS])
        self.special = np.array([[m.code in g.results for m in MEASURED] for g in GROUPS])
        self._units()
        self._codes()

    def _units(self) -> None:
        self.units: list[_Unit] = []
        first: list[int] = []
        count: list[int] = []
        for index, measured in enumerate(MEASURED):
            made = _units_of(index, measured, self.catalogue.observations[measured.code])
            first.append(len(self.units))
            count.append(len(made))
            self.units += made
        rest = [0] * len(TESTED)
        self.first_unit, self.unit_count = np.array(first + rest), np.array(count + rest)
        self.factor = np.array([unit.factor for unit in self.units])
        self.offset = np.array([unit.offset for unit in self.units])
        self.log10 = np.array([unit.log10 for unit in self.units])
        self.power = 10.0 ** np.array([unit.decimals for unit in self.units])
        self.unit_texts = [unit.text for unit in self.units]
        self.low = [_limit(unit, "low", 1.0) for unit in self.units]
        self.high = [_limit(unit, "high", site) for unit in self.units for site in _LIMITS_AT]
        self.detection = [_limit(unit, "detection", 1.0) for unit in self.units]
        rows = [(m, self.catalogue.observations[m.code]) for m in MEASURED]
        self.least = np.array([float(concept.low) if concept.low is not None else -1e9 for _, concept in rows])
        self.most = np.array([float(concept.high) if concept.high is not None else 1e9 for _, concept in rows])
        self.lognormal = np.array([not m.normal for m in MEASURED])
        self.detectable = np.array([np.nan if m.detection is None else m.detection for m in MEASURED])

    def _codes(self) -> None:
        """For each quantity and site, its code as the site writes it: one of `pairs`."""
        self.pairs: list[tuple[str | None, str]] = []
        self.code_at = np.zeros((len(self.names), SITES), np.int32)
        for index, name in enumerate(self.names):
            concept = self.catalogue.observations[name]
            loinc = concept.codes.get("loinc", ())
            for site in range(SITES):
                pair: tuple[str | None, str] = (None, name)
                if loinc and site != 2:
                    uri = site == 1
                    pair = ("http://loinc.org" if uri else "loinc", loinc[site % len(loinc)])
                elif concept.synonyms and site == 2 and index % 4 == 0:
                    pair = (None, concept.synonyms[0])
                self.code_at[index, site] = len(self.pairs)
                self.pairs.append(pair)
        self.unmapped_at = len(self.pairs)
        known = self.catalogue
        self.pairs += [("loinc", code) for code in UNMAPPED if known.observation_for("loinc", code) is None]
        self.unreadable_at = len(self.pairs)
        self.pairs += [(None, code) for code in _UNREADABLE_CODES]


def _units_of(index: int, measured: Measured, concept: ObservationConcept) -> list[_Unit]:
    assert concept.analyte is not None
    made: list[_Unit] = []
    spelled = concept.units[:5] or ("",)
    if concept.unit == "":
        return [_Unit(index, None, 1, 0, False, 2 if measured.code == "INR" else 0)]
    for text in (*spelled, *(_SPELLINGS[unit] for unit in spelled if unit in _SPELLINGS)):
        scale = concept.analyte.scale(text)
        if not isinstance(scale, Scale):
            continue
        factor, offset = float(scale.factor), float(scale.offset)
        typical = measured.median if scale.log10 else (measured.median - offset) / factor
        if measured.code in WHOLE and factor == 1 and offset == 0:
            decimals = 0
        elif scale.log10:
            decimals = 2
        else:
            decimals = int(np.clip(2 - np.floor(np.log10(max(abs(typical), 1e-9))), 0, 6))
        made.append(_Unit(index, text, factor, offset, scale.log10, decimals))
    return made


def _limit(unit: _Unit, which: str, relative: float) -> str | None:
    """A limit as a laboratory prints it in a unit."""
    canonical = getattr(MEASURED[unit.kind], which)
    if canonical is None or unit.log10:
        return None
    if MEASURED[unit.kind].normal:
        relative = 1.0  # of what is known exactly, all print the same limits
    number = (canonical * relative - unit.offset) / unit.factor
    return plain(Fraction(f"{number:.3g}"))


def draw_observations(batch: Batch, words: Vocabulary) -> dict[str, pa.Array]:
    """The columns of the batch's observations, in the order of its persons."""
    rng, shares = batch.rng, batch.shares
    owner, kind, visit, z = _measurements(batch, words)
    measured = kind < len(MEASURED)
    rows = len(owner)
    site = batch.site[owner]
    date = batch.days.index(batch.visits[owner, visit])
    _transplanted(batch, words, owner, kind, date)
    number, unit, text, undetected = _values(batch, words, owner, kind, z)
    values = pc.if_else(pa.array(measured), pa.array(number).cast(pa.string()), text)
    limits = texts(words.detection, np.where(measured, unit, 0)).cast(pa.string())
    below = pc.if_else(pa.array(rng.random(rows) < 0.6), pc.binary_join_element_wise("<", limits, ""), "not detected")
    values = pc.if_else(pc.and_(pa.array(undetected), pc.is_valid(below)), below, values)
    plain_number = measured & ~undetected

    chance = rng.random(rows)
    irregular = _Irregular(chance, shares.irregular)
    date = np.where(irregular("partial date"), batch.days.vaguer(date, rng), date)
    date = np.where(irregular("time of day"), batch.days.closer(np.minimum(date, batch.days.days - 1), rng), date)
    date = np.where(irregular("later"), batch.days.index(batch.on + rng.integers(1, 60, rows)), date)
    no_date = irregular("no date")
    no_unit = ~measured | irregular("no unit")
    values = _rewritten(values, irregular("censored") & plain_number, lambda old, i: ("<" if i % 3 else ">") + old)
    values = _rewritten(values, irregular("range") & plain_number, lambda old, _: f"{old}-{_times(old, 1.5)}")
    values = _rewritten(values, irregular("implausible") & plain_number, lambda old, _: _times(old, 1000))
    values = _rewritten(values, irregular("indeterminate") & ~measured, lambda _, __: "indeterminate")
    values = pc.if_else(pa.array(irregular("no value")), pa.scalar(None, pa.string()), values)

    high = np.where(measured, unit, 0) * SITES + site
    has_range = measured & (rng.random(rows) < 0.75)
    other = irregular("range in another unit") & has_range & (words.unit_count[kind] > 1)
    elsewhere = words.first_unit[kind]
    range_unit = np.where(other, elsewhere, unit)
    high = np.where(other, elsewhere * SITES + site, high)
    low_missing, detection_missing = ~has_range, ~measured | (rng.random(rows) < 0.3)

    code = words.code_at[kind, site]
    strays = words.unreadable_at - words.unmapped_at
    code = np.where(irregular("unmapped code"), words.unmapped_at + rng.integers(0, strays, rows), code)
    verification = np.select([irregular("provisional"), irregular("refuted")], [1, 2], 0)

    bad = _Irregular(rng.random(rows), shares.bad, _BAD)
    values = _rewritten(values, bad("value"), lambda _, i: _UNREADABLE_VALUES[i % len(_UNREADABLE_VALUES)])
    code = np.where(bad("code"), words.unreadable_at + rng.integers(0, len(_UNREADABLE_CODES), rows), code)
    verification = np.where(bad("verification"), 3, verification)
    dates = batch.dated(date, no_date)
    if shares.bad:
        dates = _rewritten(
            dates.cast(pa.string()), bad("date"), lambda _, i: _UNREADABLE_DATES[i % len(_UNREADABLE_DATES)]
        ).dictionary_encode()
    highs = texts(words.high, high, ~has_range)
    if shares.bad:
        highs = _rewritten(highs.cast(pa.string()), bad("limit"), lambda _, __: "n/a").dictionary_encode()
    return {
        "candidate": batch.candidates(owner),
        "system": texts([system for system, _ in words.pairs], code),
        "code": texts([code or None for _, code in words.pairs], code),
        "value": values,
        "unit": texts(words.unit_texts, np.where(measured, unit, 0), no_unit),
        "low": texts(words.low, np.where(measured, range_unit, 0), low_missing),
        "high": highs,
        "range_unit": texts(words.unit_texts, np.where(measured, range_unit, 0), ~other),
        "detection_limit": texts(words.detection, np.where(measured, unit, 0), detection_missing),
        "date": dates,
        "verification": texts([None, "provisional", "refuted", "unconfirmed"], verification),
    }


def _measurements(batch: Batch, words: Vocabulary) -> tuple[Array, Array, Array, Array]:
    """Who was measured what at which visit, and how far from the median, in standard deviations."""
    rng = batch.rng
    owners: list[Array] = []
    visits: list[Array] = []
    deviations: list[Array] = []
    sizes: list[int] = []
    for index in range(len(words.names)):
        own = rng.standard_normal(batch.size)
        counts = rng.poisson(words.rates[index] * batch.shares.results * 0.9 * batch.activity)
        owner = np.repeat(np.arange(batch.size), counts)
        visit = np.minimum(rng.geometric(0.4, len(owner)) - 1, VISITS - 1)
        anew = np.flatnonzero(batch.prepared & words.prepared[batch.group, index])
        twice = rng.random(len(owner)) < batch.shares.irregular * _CONFLICTS
        owner = np.concatenate([owner, anew, owner[twice]])
        visit = np.concatenate([visit, np.zeros(len(anew), np.int64), visit[twice]])
        owners.append(owner)
        visits.append(visit)
        deviations.append(_PERSISTENT * own[owner] + (1 - _PERSISTENT**2) ** 0.5 * rng.standard_normal(len(owner)))
        sizes.append(len(owner))
    kind = np.repeat(np.arange(len(sizes)), sizes)
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return owner[order], kind[order], np.concatenate(visits)[order], np.concatenate(deviations)[order]


def _transplanted(batch: Batch, words: Vocabulary, owner: Array, kind: Array, date: Array) -> None:
    """After a transplantation, the results that its trial asks for are of the second week."""
    groups = [index for index, group in enumerate(GROUPS) if "transplantation" in group.anchors]
    wanted = np.isin(kind, [words.names.index("fasting-glucose"), words.names.index("eGFR")])
    mine = np.isin(batch.group[owner], groups) & batch.prepared[owner] & wanted
    date[mine] = batch.days.index(batch.on - transplanted_before(batch)[owner[mine]] + 12)


def transplanted_before(batch: Batch) -> Array:
    """How many days before the screening day a transplantation was; from the day of birth, so that tables agree."""
    return 16 + batch.born % 13


def _values(
    batch: Batch, words: Vocabulary, owner: Array, kind: Array, z: Array
) -> tuple[Array, Array, pa.Array, Array]:
    """Numbers in the unit that each was written in, the unit, the words of results that are none, and which numbers lie
    below the limit of detection."""
    rng = batch.rng
    measured = kind < len(MEASURED)
    which = np.where(measured, kind, 0)
    group = batch.group[owner]
    middle, spread = words.medians[group, which], words.spreads[group, which]
    canonical = np.where(words.lognormal[which], middle * np.exp(spread * z), middle + spread * z)
    # Whoever is prepared for a trial has been found free of the viruses that are not its subject.
    free = batch.prepared[owner] & ~np.isnan(words.detectable[which]) & ~words.special[group, which]
    canonical = np.where(free, canonical / 1e4, canonical)
    canonical = np.clip(canonical, np.maximum(words.least[which], 0.0), words.most[which] * 0.999)
    # A site keeps to one unit for each quantity; now and then a result comes from elsewhere.
    count = words.unit_count[which]
    preferred = (batch.site[owner] * 7 + which * 3) % 5 % np.maximum(count, 1)
    preferred = np.where(batch.site[owner] == 0, 0, preferred)
    unit = words.first_unit[which] + np.where(rng.random(len(owner)) < 0.02, rng.integers(0, count), preferred)
    raw = (canonical - words.offset[unit]) / words.factor[unit]
    logged = words.log10[unit]
    raw = np.where(logged, np.log10(np.maximum(raw, 1.0)), raw)
    number = np.rint(raw * words.power[unit]) / words.power[unit]

    positive = np.array([0.0] * len(MEASURED) + [each.positive for each in TESTED])[kind]
    is_positive = (rng.random(len(owner)) < positive) & ~batch.prepared[owner]
    style = np.where(
        rng.random(len(owner)) < 0.9, batch.site[owner] % 2 * 3, rng.integers(0, len(NEGATIVE), len(owner))
    )
    text = texts([*NEGATIVE, *POSITIVE], style + np.where(is_positive, len(NEGATIVE), 0)).cast(pa.string())
    return number, unit, text, measured & (canonical < words.detectable[which])


_CONFLICTS: Final = 0.08
_KINDS: Final = {
    "censored": 0.25, "partial date": 0.12, "time of day": 0.2, "no unit": 0.05, "no value": 0.06, "range": 0.03,
    "provisional": 0.04, "refuted": 0.02, "no date": 0.02, "later": 0.02, "implausible": 0.02,
    "range in another unit": 0.08, "unmapped code": 0.05, "indeterminate": 0.03,
}  # fmt: skip
_BAD: Final = {"value": 0.4, "date": 0.2, "code": 0.15, "verification": 0.1, "limit": 0.15}


class _Irregular:
    """Which rows are irregular in which way: each in at most one."""

    def __init__(self, chance: Array, share: float, kinds: dict[str, float] = _KINDS) -> None:
        self._chance = chance
        self._edges: dict[str, tuple[float, float]] = {}
        total, low = sum(kinds.values()), 0.0
        for kind, weight in kinds.items():
            high = low + share * weight / total
            self._edges[kind] = (low, high)
            low = high

    def __call__(self, kind: str) -> Array:
        low, high = self._edges[kind]
        return (self._chance >= low) & (self._chance < high)


def _times(text: str, factor: float) -> str:
    """A number times another; words stay."""
    try:
        return f"{float(text) * factor:.6g}"
    except ValueError:
        return text


def _rewritten(values: Any, chosen: Array, rewrite: Callable[[str, int], str]) -> Any:
    """Texts with some of them written anew: each from the old one and a running number."""
    places = np.flatnonzero(chosen)
    if not len(places):
        return values
    old = values.take(pa.array(places)).to_pylist()
    new = [rewrite(text or "0", number) for number, text in enumerate(old)]
    return pc.replace_with_mask(values, pa.array(chosen), pa.array(new, pa.string()))
