"""UCUM codes read with ucumvert's grammar and pint's definitions; the one module that knows either.

pint is asked only what an atom such as ``U`` or ``[lb_av]`` is worth, in a registry of exact fractions. Prefixes,
products and powers are ours, and every arbitrary unit is a base of its own: in ucumvert all of them are 1, so that
``20 [IU]/mL`` equals ``20 /mL``, and equivalents are moles.

Run as a program, it writes `units.json`: the readings of the units in common use, which need no registry.
"""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ElementTree
from fractions import Fraction
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, Final

import pint
import ucumvert
from lark import Token, Transformer, Tree
from lark.exceptions import LarkError, VisitError
from ucumvert.ucum_pint import MAPPINGS_UCUM_TO_PINT

from prescreen.quantities.units import LONGEST, TABLE, Dimension, Unit, annotation, combine, to_row

_PACKAGE: Final = Path(ucumvert.__file__).parent

PREFIXES: Final = {
    symbol: Fraction(10) ** power
    for symbol, power in {
        "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1, "d": -1, "c": -2,
        "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
    }.items()
} | {symbol: Fraction(1024) ** power for symbol, power in (("Ki", 1), ("Mi", 2), ("Gi", 3), ("Ti", 4))}  # fmt: skip

# The bases of pint in the words of this project.
_BASES: Final = {
    "meter": "length", "gram": "mass", "second": "time", "mole": "substance", "kelvin": "temperature",
    "ampere": "current", "candela": "luminous intensity", "radian": "angle", "bit": "information", "count": "number",
}  # fmt: skip

# Temperatures: kelvin = factor * x + offset.
_OFFSETS: Final = {
    "Cel": (Fraction(1), Fraction("273.15")),
    "[degF]": (Fraction(5, 9), Fraction("459.67") * Fraction(5, 9)),
    "[degRe]": (Fraction(5, 4), Fraction("273.15")),
}

# Units that pint takes for another (moles, one), and that UCUM itself does not mark as arbitrary.
_OWN_BASE: Final = {"eq": "equivalents", "osm": "osmoles", "[HPF]": "[HPF]", "[LPF]": "[LPF]", "[iU]": "[IU]"} | {
    atom: atom for atom in ("[hnsf'U]", "[NTU]", "[FNU]", "[Ch]", "[mesh_i]", "[m/s2/Hz^(1/2)]")
}


def is_valid(code: str) -> bool:
    """Whether a text is UCUM by its grammar."""
    try:
        _parse(code)
    except (LarkError, ValueError):
        return False
    return True


def read(code: str) -> Unit | None:
    """The unit of a UCUM code, or None when it is none or its meaning is not certain."""
    if len(code) > LONGEST:
        return None
    try:
        unit = _READER.transform(_parse(code))
    except (LarkError, VisitError, ValueError):
        return None
    return Unit(code, unit.factor, unit.top, unit.bottom, unit.offset)


def _parse(code: str) -> Tree[Token]:
    tree: Tree[Token] = _parser().parse(code)
    for raised in tree.find_data("annotatable"):
        match raised.children[0]:
            case Tree(children=[Token(type="FACTOR")]):
                raise ValueError("a bare number has no exponent")  # 10+3/ul: the grammar lets it pass
    return tree


@cache
def _parser() -> Any:
    return ucumvert.get_ucum_parser()


class _Reader(Transformer[Any, Unit]):
    """Folds a parse tree into a unit, node by node; names are the grammar's."""

    def ANNOTATION(self, token: Token) -> Unit:  # noqa: N802
        base = annotation(str(token)[1:-1])
        return _ONE if base is None else Unit("", Fraction(1), ((base, 1),))

    def simple_unit(self, tokens: list[Token]) -> Unit:
        last = tokens[-1]
        if last.type == "FACTOR":
            if len(last) > 6:
                raise ValueError("a factor beyond all use")
            return Unit("", Fraction(int(last)))
        unit = atom(str(last))
        if len(tokens) == 1:
            return unit
        if unit.offset:
            raise ValueError("a prefix on a temperature scale")
        return Unit("", PREFIXES[str(tokens[0])] * unit.factor, unit.top, unit.bottom)

    def annotatable(self, parts: list[Any]) -> Unit:
        unit, exponent = parts
        return _power(unit, int(exponent))

    def component(self, parts: list[Unit]) -> Unit:
        return _times(*parts)

    def term(self, parts: list[Any]) -> Unit:
        left, operator, right = parts
        return _times(left, right if operator == "." else _power(right, -1))

    def main_term(self, parts: list[Any]) -> Unit:
        return parts[0] if len(parts) == 1 else _power(parts[1], -1)


_ONE: Final = Unit("", Fraction(1))
_READER: Final = _Reader()


def _times(a: Unit, b: Unit) -> Unit:
    if a.offset or b.offset:
        if b == _ONE:
            return a
        raise ValueError("a temperature scale is no factor")
    return Unit("", a.factor * b.factor, combine(a.top, b.top), combine(a.bottom, b.bottom))


def _power(unit: Unit, exponent: int) -> Unit:
    if unit.offset or abs(exponent) > 40:
        raise ValueError("a power without meaning")
    top, bottom = _raised(unit.top, abs(exponent)), _raised(unit.bottom, abs(exponent))
    return Unit("", unit.factor**exponent, *((top, bottom) if exponent > 0 else (bottom, top)))


def _raised(dimension: Dimension, exponent: int) -> Dimension:
    return tuple((base, power * exponent) for base, power in dimension)


@cache
def atom(code: str) -> Unit:
    """A unit without prefix: ``U`` is 1/60000000 mol/s."""
    if code in _OFFSETS:
        factor, offset = _OFFSETS[code]
        return Unit(code, factor, (("temperature", 1),), offset=offset)
    if code in _OWN_BASE or code in _arbitrary():
        return Unit(code, Fraction(1), ((_OWN_BASE.get(code, code), 1),))
    factor, units = _registry().get_root_units(MAPPINGS_UCUM_TO_PINT.get(code, code).strip("[]"))
    powers = {_BASES[name]: int(exponent) for name, exponent in units._units.items()}
    return Unit(
        code,
        Fraction(factor),
        tuple(sorted((base, power) for base, power in powers.items() if power > 0)),
        tuple(sorted((base, -power) for base, power in powers.items() if power < 0)),
    )


@cache
def _arbitrary() -> frozenset[str]:
    """Atoms that UCUM declares arbitrary (equal to nothing else) or special (not a multiple of anything)."""
    essence = ElementTree.parse(_PACKAGE / "vendor" / "ucum-essence.xml")
    return frozenset(
        element.get("Code", "")
        for element in essence.iter()
        if element.get("isArbitrary") == "yes" or element.get("isSpecial") == "yes"
    )


@cache
def _registry() -> Any:
    registry: Any = pint.UnitRegistry(non_int_type=Fraction)
    registry.load_definitions(_PACKAGE / "pint_ucum_defs.txt")
    return registry


# What laboratories, charts and protocols use every day. "a b / c d" stands for a/c, a/d, b/c and b/d; "_" for nothing.
_COMMON: Final = """
kg g mg ug ng pg mol mmol umol nmol pmol kat ukat nkat / L dL mL uL
[IU] k[IU] m[IU] u[IU] U kU mU uU [arb'U] [AU] {RU} {EU} / L dL mL uL
_ 1 {#} {cells} {copies} 10*3 10*6 10*9 10*12 10*6.{cells} 10*3.{copies} [CFU] [PFU] meq mosm / L dL mL uL
_ {cells} 10*3 10*6 {copies} / mm3
g mg ug ng / g mg kg mol mmol umol d h min (24.h)
g mg ug mmol / g{creat} mg{creat} mol{creat} mmol{creat}
mmol umol nmol / mol mmol kg g d (24.h)
mg{FEU} ug{FEU} ng{FEU} mg{DDU} ug{DDU} ng{DDU} / L mL
_ {beats} {breaths} L mL mm / min h s
mL L / d (24.h) kg m2 min/{1.73_m2} s/{1.73_m2} min/m2 kg/min
mg ug g / m2 wk kg/d kg/min kg/h m2/d
_ {cells} {RBC} {WBC} / [HPF] [LPF]
kg g / m2
[IU] U / d kg h g g{Hb}
[GPL'U] [MPL'U] [APL'U] [beth'U] ng{titer} / mL
m cm mm / s
mosm/kg {copies}/ug %/h dyn.s/cm5 [GPL'U] [MPL'U]
kg g mg ug ng pg mol mmol umol nmol pmol L dL cL mL uL fL m cm mm um nm m2 cm2 mm2 mm3 cm3
s ms us min h d wk mo a (24.h) Hz 10*3 10*6 10*9
1 % [ppm] [ppb] {INR} {score} {ratio} {index} {titer} {s_co_ratio} {#} {Hb} %{Hb} %{HemoglobinSaturation} [pH]
Cel [degF] K mm[Hg] cm[H2O] kPa Pa mV J Gy cGy Bq MBq mCi kcal [lb_av] [oz_av] [in_i] [ft_i] [wood'U]
eq meq mosm [IU] k[IU] m[IU] U kU [arb'U] [CFU] {copies} {cells} {beats} {FEU} {1.73_m2}
"""


def common_units() -> list[str]:
    """The codes of `units.json`, sorted."""
    codes: set[str] = set()
    for line in _COMMON.strip().splitlines():
        above, _, below = line.partition(" / ")
        sides = [side.split() for side in (above, below) if side]
        codes.update("/".join(pair).removeprefix("_") for pair in product(*sides))
    return sorted(codes)


def write_table() -> int:
    """Write `units.json` from what UCUM's grammar and pint say today."""
    units = {code: read(code) for code in common_units()}
    if unread := [code for code, unit in units.items() if unit is None]:
        print(f"not readable: {' '.join(unread)}", file=sys.stderr)
        return 1
    rows = ",\n".join(f"{json.dumps(code)}: {json.dumps(to_row(unit))}" for code, unit in units.items() if unit)
    TABLE.write_text(f"{{\n{rows}\n}}\n", "ascii")
    print(f"{len(units)} units written to {TABLE}")
    return 0


if __name__ == "__main__":
    sys.exit(write_table())
