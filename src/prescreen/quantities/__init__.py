"""Values and units as laboratories write them, compared exactly. The only place that knows pint (`ucum`, lazily)."""

from prescreen.quantities.analytes import Analyte, Scale, UnitProblem, analyte
from prescreen.quantities.formula import Formula, parse_formula
from prescreen.quantities.magnitude import Exact, Magnitude, Root, compare, compare_exact
from prescreen.quantities.molar import HAEMOGLOBIN_MONOMER, molar_mass
from prescreen.quantities.numerals import parse_number, plain, short_number
from prescreen.quantities.units import Unit, read_unit
from prescreen.quantities.written import CodedValue, NoValue, Number, Unreadable, Written, read_value

__all__ = [
    "HAEMOGLOBIN_MONOMER",
    "Analyte",
    "CodedValue",
    "Exact",
    "Formula",
    "Magnitude",
    "NoValue",
    "Number",
    "Root",
    "Scale",
    "Unit",
    "UnitProblem",
    "Unreadable",
    "Written",
    "analyte",
    "compare",
    "compare_exact",
    "molar_mass",
    "parse_formula",
    "parse_number",
    "plain",
    "read_unit",
    "read_value",
    "short_number",
]
