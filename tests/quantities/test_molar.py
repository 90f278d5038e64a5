"""Molar masses, and the conversion factors of clinical chemistry that follow from them."""

from fractions import Fraction

import pytest

from prescreen.quantities import HAEMOGLOBIN_MONOMER, Scale, analyte, molar_mass


@pytest.mark.parametrize(
    ("formula", "mass"),
    [("C4H7N3O", "113.120"), ("C33H36N4O6", "584.673"), ("C6H12O6", "180.156"), ("Ca", "40.078"), ("NaCl", "58.440")],
)
def test_molar_mass(formula: str, mass: str) -> None:
    assert molar_mass(formula) == Fraction(mass)


@pytest.mark.parametrize("formula", ["", "c6", "C6H12O6 ", "Xx2", "C(CH3)4", "H" * 100, "C99999"])
def test_what_is_no_formula_is_refused(formula: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        molar_mass(formula)


@pytest.mark.parametrize(
    ("formula", "mass_unit", "amount_unit", "printed"),
    [
        ("C4H7N3O", "mg/dL", "umol/L", "88.402"),  # creatinine
        ("C33H36N4O6", "mg/dL", "umol/L", "17.104"),  # bilirubin
        ("C6H12O6", "mg/dL", "mmol/L", "0.055507"),  # glucose
        ("N2", "mg/dL", "mmol/L", "0.35696"),  # urea nitrogen
        ("CH4N2O", "mg/dL", "mmol/L", "0.16651"),  # urea
        ("C5H4N4O3", "mg/dL", "umol/L", "59.484"),  # uric acid
        ("C27H46O", "mg/dL", "mmol/L", "0.025862"),  # cholesterol
        ("C57H104O6", "mg/dL", "mmol/L", "0.011294"),  # triglycerides, as triolein
        ("Ca", "mg/dL", "mmol/L", "0.24951"),
        ("P", "mg/dL", "mmol/L", "0.32285"),
        ("Mg", "mg/dL", "mmol/L", "0.41144"),
        ("C27H44O2", "ng/mL", "nmol/L", "2.496"),  # 25-hydroxyvitamin D3
        ("C19H28O2", "ng/dL", "nmol/L", "0.03467"),  # testosterone
    ],
)
def test_factors_agree_with_the_printed_ones(formula: str, mass_unit: str, amount_unit: str, printed: str) -> None:
    scale = analyte(amount_unit, molar_mass=molar_mass(formula)).scale(mass_unit)
    assert isinstance(scale, Scale)
    digits = len(printed.partition(".")[2])
    assert round(scale.factor, digits) == Fraction(printed)


def test_haemoglobin_is_counted_in_monomers() -> None:
    scale = analyte("mmol/L", molar_mass=HAEMOGLOBIN_MONOMER).scale("g/dL")
    assert isinstance(scale, Scale)
    assert round(scale.factor, 5) == Fraction("0.62056")
