"""What a unit is: an exact factor and the kinds of thing it counts, above and below the line.

The two sides are kept apart, uncancelled: mg/mg, mmol/mol and % are all numbers, yet of different kinds, and a
molar mass turns one into another. Every arbitrary unit ([IU], {copies}, {1.73_m2}, equivalents) is a base of
its own, so that it equals nothing but itself.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Final

from prescreen.quantities.spelling import to_ucum

Dimension = tuple[tuple[str, int], ...]
"""Bases with their exponents, sorted by name: (("length", 3),) is a volume."""

LONGEST: Final = 40
"""No unit is longer; the grammar's time grows with the cube of the length."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit read. A number x in it is ``factor * x + offset`` in base units (g, m, s, mol, K, …).

    ucum: its code. top, bottom: what stands above and below the line, both with positive exponents. offset:
    for temperatures. log10: the number is the logarithm to base 10 of one in this unit.
    """

    ucum: str
    factor: Fraction
    top: Dimension = ()
    bottom: Dimension = ()
    offset: Fraction = Fraction(0)
    log10: bool = False

    @property
    def dimension(self) -> Dimension:
        """Top over bottom, cancelled; exponents may be negative."""
        return combine(self.top, tuple((base, -exponent) for base, exponent in self.bottom))

    @property
    def kind(self) -> str:
        """The kind of quantity in words: ``mass concentration``."""
        name = _kind_in_words(self.top, self.bottom)
        return f"logarithm of a {name}" if self.log10 else name


def combine(a: Dimension, b: Dimension) -> Dimension:
    """The product of two dimensions."""
    powers = dict(a)
    for base, exponent in b:
        powers[base] = powers.get(base, 0) + exponent
    return tuple(sorted((base, exponent) for base, exponent in powers.items() if exponent))


def is_arbitrary(base: str) -> bool:
    """Whether a base is a unit that equals nothing but itself, rather than a dimension of physics."""
    return base[0] in "[{" or base in ("equivalents", "osmoles")


def read_unit(text: str) -> Unit | None:
    """The unit that a text means by itself, whatever is measured in it; None when it is not known for certain.

    Laboratory spellings first (`prescreen.quantities.spelling`), then UCUM. An empty text is no unit.
    """
    if len(text) > LONGEST:
        return None
    return _read(text.strip())


@lru_cache(maxsize=2048)
def _read(text: str) -> Unit | None:
    code, log10 = to_ucum(text)
    unit = ucum_unit(code)
    if unit is None or not log10:
        return unit
    if unit.offset or not unit.bottom:  # the logarithm of what, per what?
        return None
    return Unit(f"log10 {unit.ucum}", unit.factor, unit.top, unit.bottom, log10=True)


def ucum_unit(code: str) -> Unit | None:
    """The unit of a UCUM code: from the table, else through UCUM's grammar; None when it is no UCUM."""
    if not code or len(code) > LONGEST or not code.isascii():
        return None
    row = table().get(code)
    if row is not None:
        return from_row(code, row)
    from prescreen.quantities import ucum  # building a registry takes half a second, and few ever need it

    with _READING:
        return ucum.read(code)


_READING: Final = threading.Lock()

Row = tuple[str, dict[str, int], dict[str, int]] | tuple[str, dict[str, int], dict[str, int], str]
TABLE: Final = Path(__file__).with_name("units.json")
"""Units in common use as UCUM reads them; `python -m prescreen.quantities.ucum` writes it."""


@lru_cache(maxsize=1)
def table() -> dict[str, Row]:
    rows = json.loads(TABLE.read_text("ascii")) if TABLE.exists() else {}
    return {code: tuple(row) for code, row in rows.items()}


@lru_cache(maxsize=256)
def spellings(dimension: Dimension) -> tuple[str, ...]:
    """The units of the table that have a dimension."""
    return tuple(code for code, row in table().items() if from_row(code, row).dimension == dimension)


def from_row(code: str, row: Row) -> Unit:
    factor, top, bottom, *offset = row
    return Unit(
        code,
        Fraction(factor),
        tuple(sorted(top.items())),
        tuple(sorted(bottom.items())),
        Fraction(offset[0]) if offset else Fraction(0),
    )


def to_row(unit: Unit) -> Row:
    row = (str(unit.factor), dict(unit.top), dict(unit.bottom))
    return (*row, str(unit.offset)) if unit.offset else row


# Annotations, {…} in UCUM, that say what is counted or how, and change nothing.
_NEUTRAL: Final = frozenset({
    "cell", "beat", "breath", "creat", "creatinine", "cre", "cr", "hb", "hemoglobin", "haemoglobin",
    "hemoglobinsaturation", "saturation", "rbc", "wbc", "platelet", "plt", "neutrophil", "lymphocyte",
    "leukocyte", "erythrocyte", "inr", "score", "tscore", "zscore", "index", "indexval", "ratio", "scoratio",
    "titer", "titre", "number", "count", "#", "point", "total", "totalhb", "specimen", "event", "episode",
    "spermatozoa", "prot", "protein", "fraction", "totalvolume", "totaloutput", "percentile", "cagrepeat",
    "gaarepeat", "repeat", "lvef", "ef", "mom", "m.o.m", "normal", "normalized", "ph",
})  # fmt: skip
_SAME: Final = {
    "feu": "{FEU}", "ddu": "{DDU}", "ru": "{RU}", "eu": "{EU}",
    "copy": "{copies}", "copie": "{copies}", "cp": "{copies}",
    "1.73m2": "{1.73_m2}",
}  # fmt: skip


def annotation(text: str) -> str | None:
    """The base that an annotation (without its braces) stands for; None for a neutral one.

    An annotation that is not known to be neutral is a base of its own: ug{FEU}/mL is not ug/mL, and what
    UCUM would ignore is at worst a unit that does not convert.
    """
    folded = text.casefold().replace("_", "").replace(" ", "")
    singular = folded.removesuffix("s") if len(folded) > 2 else folded
    if not folded or folded in _NEUTRAL or singular in _NEUTRAL:
        return None
    return _SAME.get(singular, f"{{{folded}}}")


_POWERS: Final = {("length", 2): "area", ("length", 3): "volume"}
_NAMES: Final = {
    "": "plain number",
    "mass/volume": "mass concentration",
    "substance/volume": "substance concentration",
    "substance/volume·time": "catalytic concentration",
    "substance/time": "rate of substance",
    "equivalents/volume": "concentration of equivalents",
    "osmoles/volume": "osmolarity",
    "osmoles/mass": "osmolality",
    "number/volume": "number concentration",
    "number/time": "frequency",
    "mass/mass": "mass fraction",
    "substance/substance": "substance fraction",
    "volume/volume": "volume fraction",
    "volume/time": "flow",
    "volume/time·{1.73_m2}": "flow per 1.73 m² of body surface",
    "mass/time": "mass per time",
    "mass/length·time^2": "pressure",
    "substance": "amount of substance",
}


def _kind_in_words(top: Dimension, bottom: Dimension) -> str:
    above, below = _side(top), _side(bottom)
    key = f"{above or 'number'}/{below}" if below else above
    if key in _NAMES:
        return _NAMES[key]
    if below == "volume" and not above.startswith("mass"):
        return f"concentration in {above}"
    return f"{above or 'number'} per {below}" if below else above


def _side(dimension: Dimension) -> str:
    return "·".join(
        _POWERS.get((base, exponent)) or (base if exponent == 1 else f"{base}^{exponent}")
        for base, exponent in dimension
    )
