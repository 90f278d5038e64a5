"""Molar masses from chemical formulas.

Atomic weights are the abridged standard atomic weights of IUPAC's Commission on Isotopic Abundances and Atomic
Weights (Prohaska et al., Standard atomic weights of the elements 2021, Pure Appl Chem 2022;94:573-600); for
elements whose weight is an interval, the conventional value.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

ATOMIC_WEIGHTS: Final = {
    symbol: Fraction(weight)
    for symbol, weight in {
        "H": "1.008", "He": "4.0026", "Li": "6.94", "Be": "9.0122", "B": "10.81", "C": "12.011", "N": "14.007",
        "O": "15.999", "F": "18.998", "Ne": "20.180", "Na": "22.990", "Mg": "24.305", "Al": "26.982",
        "Si": "28.085", "P": "30.974", "S": "32.06", "Cl": "35.45", "Ar": "39.95", "K": "39.098",
        "Ca": "40.078", "Ti": "47.867", "V": "50.942", "Cr": "51.996", "Mn": "54.938", "Fe": "55.845",
        "Co": "58.933", "Ni": "58.693", "Cu": "63.546", "Zn": "65.38", "Ga": "69.723", "As": "74.922",
        "Se": "78.971", "Br": "79.904", "Rb": "85.468", "Sr": "87.62", "Y": "88.906", "Mo": "95.95",
        "Ag": "107.87", "Cd": "112.41", "Sn": "118.71", "Sb": "121.76", "I": "126.90", "Cs": "132.91",
        "Ba": "137.33", "Gd": "157.25", "Lu": "174.97", "Pt": "195.08", "Au": "196.97", "Hg": "200.59",
        "Tl": "204.38", "Pb": "207.2", "Bi": "208.98",
    }.items()
}  # fmt: skip

HAEMOGLOBIN_MONOMER: Final = Fraction("16114.5")
"""g/mol of a quarter of the tetramer (64 458 g/mol), in which laboratories give mmol/L of haemoglobin
(ICSH; Zijlstra and van Assendelft)."""

_FORMULA: Final = re.compile(r"(?:[A-Z][a-z]?[0-9]{0,4}){1,20}")
_PART: Final = re.compile(r"([A-Z][a-z]?)([0-9]*)")


def molar_mass(formula: str) -> Fraction:
    """g/mol of a formula such as ``C4H7N3O`` (113.12); ValueError says what is wrong with it."""
    if not _FORMULA.fullmatch(formula):
        raise ValueError(f"`{formula[:60]}` is no chemical formula such as C4H7N3O")
    total = Fraction(0)
    for symbol, count in _PART.findall(formula):
        if symbol not in ATOMIC_WEIGHTS:
            raise ValueError(f"`{symbol}` in `{formula}` is no element with an atomic weight here")
        total += ATOMIC_WEIGHTS[symbol] * int(count or 1)
    return total
