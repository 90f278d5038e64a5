"""Conversions for one analyte, and magnitudes compared exactly."""

import random
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from prescreen.quantities import (
    Analyte,
    Magnitude,
    Number,
    Root,
    Scale,
    UnitProblem,
    analyte,
    compare,
    compare_exact,
    molar_mass,
    read_value,
)

CREATININE = molar_mass("C4H7N3O")
creatinine = analyte("mg/dL", molar_mass=CREATININE, name="creatinine")
alt = analyte("U/L", equates=("[IU]", "U"), name="ALT")
upcr = analyte("g/g", denominator_molar_mass=CREATININE, name="UPCR")
hba1c = analyte("%", affine={"mmol/mol": (Fraction("0.09148"), Fraction("2.152"))}, name="HbA1c")
calcium = analyte("mg/dL", molar_mass=molar_mass("Ca"), valence=2, name="calcium")
temperature = analyte("Cel", may_be_negative=True)
hbv_dna = analyte("[IU]/mL", name="HBV DNA")
inr = analyte("", name="INR")
lvef = analyte("%", name="LVEF")
calcium_ratio = analyte("mg/mg", molar_mass=molar_mass("Ca"), denominator_molar_mass=CREATININE)


def scale(known: Analyte, unit: str | None) -> Scale:
    found = known.scale(unit)
    assert isinstance(found, Scale), found
    return found


def problem(known: Analyte, unit: str | None) -> UnitProblem:
    found = known.scale(unit)
    assert isinstance(found, UnitProblem), found
    return found


@pytest.mark.parametrize(
    ("known", "unit", "factor"),
    [
        (creatinine, "mg/dL", Fraction(1)),
        (creatinine, "umol/L", CREATININE / 10000),
        (creatinine, "mg/L", Fraction(1, 10)),
        (alt, "IU/L", Fraction(1)),
        (alt, "µkat/L", Fraction(60)),
        (alt, "mIU/mL", Fraction(1)),
        (upcr, "mg/g", Fraction(1, 1000)),
        (upcr, "mg/mmol", 1 / CREATININE),
        (upcr, "%", Fraction(1, 100)),
        (calcium, "mmol/L", molar_mass("Ca") / 10),
        (calcium, "mEq/L", molar_mass("Ca") / 20),
        (hba1c, "1", Fraction(100)),
        (lvef, "1", Fraction(100)),
        (lvef, "L/L", Fraction(100)),
        (calcium_ratio, "mmol/mmol", molar_mass("Ca") / CREATININE),
        (calcium_ratio, "mg/mmol", 1 / CREATININE),
        (calcium_ratio, "mg/g", Fraction(1, 1000)),
        (hbv_dna, "kIU/L", Fraction(1)),
        (analyte("mmol/L", valence=1), "mEq/L", Fraction(1)),
        (analyte("mosm/kg", equates=("osm", "mol")), "mmol/kg", Fraction(1)),
        (analyte("[IU]/mL", equates=("[IU]", "[arb'U]", "{RU}")), "RU/mL", Fraction(1)),
        (analyte("mmol/L", equates=("U", "[IU]"), molar_mass=Fraction(10)), "mg/dL", Fraction(1)),
    ],
)
def test_factors(known: Analyte, unit: str, factor: Fraction) -> None:
    found = scale(known, unit)
    assert found.factor == factor
    assert not found.offset
    assert not found.log10


def test_one_gram_per_gram_of_protein_to_creatinine() -> None:
    assert round(1 / scale(upcr, "mg/mmol").factor, 2) == Fraction("113.12")


def test_hba1c_between_its_two_scales() -> None:
    assert scale(hba1c, "mmol/mol").exact(48) == Fraction("0.09148") * 48 + Fraction("2.152")
    assert scale(hba1c, "mmol/mol").kind != scale(hba1c, "%").kind
    assert problem(hba1c, "g/g").code == "unit-incompatible"


def test_temperatures_convert_without_cancellation() -> None:
    assert scale(temperature, "degF").magnitude(Decimal("98.6")).exact == 37
    assert compare(scale(temperature, "degF").magnitude(Decimal("100.4")), scale(temperature, "Cel").magnitude(38)) == 0
    assert scale(temperature, "K").exact(Fraction("310.15")) == 37


@pytest.mark.parametrize(
    ("known", "unit"),
    [
        (creatinine, "U/L"),
        (creatinine, "mmol/d"),
        (creatinine, "mEq/L"),
        (alt, "mg/dL"),
        (hbv_dna, "copies/mL"),
        (hbv_dna, "U/mL"),
        (hbv_dna, "/mL"),
        (upcr, "mmol/mol"),
        (analyte("g/g"), "mmol/mol"),
        (calcium_ratio, "1"),
        (analyte("mmol/L"), "mEq/L"),
        (analyte("mmol/L"), "mg/dL"),
        (analyte("mL/min/{1.73_m2}"), "mL/min"),
        (analyte("ug{FEU}/mL"), "ug/mL"),
        (analyte("ug{FEU}/mL"), "ug{DDU}/mL"),
        (analyte("mg"), "mg/d"),
        (lvef, "mL"),
        (inr, "%"),
        (inr, "s"),
        (inr, "{copies}"),
        (inr, "log10 [IU]/mL"),
        (temperature, "m"),
    ],
)
def test_what_does_not_convert(known: Analyte, unit: str) -> None:
    assert problem(known, unit).code == "unit-incompatible"


@pytest.mark.parametrize("unit", [None, "", " ", "1", "{INR}", "INR", "{score}", "ratio", "[pH]", "{SLEDAI}"])
def test_scores_need_no_unit(unit: str | None) -> None:
    assert scale(inr, unit).exact(Fraction(5, 2)) == Fraction(5, 2)


def test_unit_problems_in_domain_words() -> None:
    assert problem(alt, "mg/dL").message == (
        "`mg/dL` is a mass concentration; ALT is measured as a catalytic concentration, for instance `U/L`"
    )
    assert problem(alt, None) == UnitProblem(
        "unit-missing", "no unit is given; ALT is measured as a catalytic concentration, for instance `U/L`"
    )
    unknown = problem(creatinine, "mg/dLL")
    assert unknown.code == "unit-unknown"
    assert unknown.message.endswith("did you mean `mg/dL`?")
    assert problem(inr, "mg/dL").message.endswith("INR has no unit")
    assert "the result is measured" in problem(temperature, "").message


def test_unknown_units_are_shown_short_and_printable() -> None:
    message = problem(alt, "\x1b[31m" + "x" * 200).message
    assert "\x1b" not in message
    assert len(message) < 160
    assert "did you mean" not in message


def test_scales_are_found_once_and_not_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prescreen.quantities.analytes._MOST_SCALES", 20)
    known = analyte("g/L")
    assert known.scale("mg/dL") is known.scale("mg/dL")
    for i in range(30):
        known.scale(f"x{i}")
    known.scale("y" * 500)
    assert len(known._scales) <= 20
    assert scale(known, "g/dL").factor == 10


@pytest.mark.parametrize(
    "make",
    [
        lambda: analyte("furlongs"),
        lambda: analyte("log10 [IU]/mL"),
        lambda: analyte("g/L", molar_mass=Fraction(0)),
        lambda: analyte("g/L", valence=0),
        lambda: analyte("%", affine={"mmol/mol": (Fraction(-1), Fraction(0))}),
        lambda: analyte("U/L", equates=("U", "g")),
        lambda: analyte("U/L", equates=("U", "m/s")),
    ],
)
def test_analytes_that_make_no_sense_are_refused(make: object) -> None:
    with pytest.raises(ValueError, match=r"`|above 0|at least 1"):
        make()  # type: ignore[operator]


def test_a_threshold_on_the_dot_is_met() -> None:
    """1.8 mg/dL is 1.5 x 1.2 mg/dL; floats say that it is more."""
    assert 1.8 > 1.5 * 1.2
    uln = scale(creatinine, "mg/dL").magnitude(Decimal("1.2"))
    assert compare(scale(creatinine, "mg/dL").magnitude(Decimal("1.8")), uln.times(Magnitude.of(Decimal("1.5")))) == 0


@pytest.mark.parametrize(
    ("known", "a", "unit_a", "b", "unit_b"),
    [
        (analyte("ng/mL"), 10, "ug/L", 10, "ng/mL"),
        (analyte("10*9/L"), Decimal("4.1"), "10*9/L", 4100, "/uL"),
        (alt, Decimal("0.1"), "ukat/L", 6, "U/L"),
        (creatinine, Decimal("1.1312"), "mg/dL", 100, "umol/L"),
        (calcium, 5, "mEq/L", Decimal("2.5"), "mmol/L"),
        (hbv_dna, 3, "log10 IU/mL", 1000, "IU/mL"),
        (hbv_dna, Decimal("3.3"), "log10 IU/mL", Decimal("6.3"), "log10 IU/L"),
        (hbv_dna, Decimal("3.123456"), "log10 IU/mL", Decimal("6.123456"), "log10 IU/L"),
    ],
)
def test_equal_across_units(known: Analyte, a: Decimal, unit_a: str, b: Decimal, unit_b: str) -> None:
    one, other = scale(known, unit_a).magnitude(a), scale(known, unit_b).magnitude(b)
    assert compare(one, other) == 0
    assert compare_exact(one.exact, other.exact) == 0


class TestLogarithms:
    log = scale(hbv_dna, "log10 IU/mL")

    def test_decimals_give_roots(self) -> None:
        exact = self.log.exact(Decimal("2.5"))
        assert isinstance(exact, Root)
        assert float(exact) == pytest.approx(316.2277660)
        assert self.log.magnitude(Decimal("-0.5")).approx == pytest.approx(0.316227766)

    def test_many_decimals_stay_cheap_and_exact(self) -> None:
        """log10(2000) = 3.30102999566398119521...: raising to its denominator would never end."""
        below = self.log.magnitude(Decimal("3.301029995663981195213"))
        above = self.log.magnitude(Decimal("3.301029995663981195214"))
        assert compare(below, Magnitude.of(2000)) == -1
        assert compare(above, Magnitude.of(2000)) == 1

    def test_absurd_logarithms_are_bounded(self) -> None:
        assert self.log.exact(10**39) == Fraction(10) ** 100
        assert self.log.exact(-(10**39)) == Fraction(1, 10**100)

    def test_less_than_a_logarithm_reaches_down_to_none(self) -> None:
        written = read_value("<1.3")
        assert isinstance(written, Number)
        low, high = self.log.bounds(written)
        assert low is not None
        assert high is not None
        assert low.exact == 0
        assert 19 < high.approx < 20

    def test_a_logarithm_of_zero_is_one(self) -> None:
        written = read_value(0)
        assert isinstance(written, Number)
        low, high = self.log.bounds(written)
        assert low is high
        assert low is not None
        assert low.exact == 1


def test_bounds_of_intervals() -> None:
    grams = scale(creatinine, "mg/L")
    above, between = read_value(">10"), read_value("10-20")
    assert isinstance(above, Number)
    assert isinstance(between, Number)
    low, high = grams.bounds(above)
    assert low is not None
    assert low.exact == 1
    assert high is None
    low, high = grams.bounds(between)
    assert low is not None
    assert high is not None
    assert low.exact == 1
    assert high.exact == 2
    assert grams.bounds(Number(None, True, None, True)) == (None, None)


numbers = st.decimals(min_value=0, max_value=10**6, places=4)
units = st.sampled_from(["mg/dL", "g/L", "umol/L", "mmol/L", "ng/mL", "mg/L", "mcg/L"])


@given(numbers, units, numbers, units)
def test_comparison_agrees_with_fractions(a: Decimal, unit_a: str, b: Decimal, unit_b: str) -> None:
    one, other = scale(creatinine, unit_a), scale(creatinine, unit_b)
    x, y = Fraction(a) * one.factor, Fraction(b) * other.factor
    assert compare(one.magnitude(a), other.magnitude(b)) == (x > y) - (x < y)


@given(st.integers(1, 10**6), units, units)
def test_comparison_on_the_dot(seed: int, unit_a: str, unit_b: str) -> None:
    one, other = scale(creatinine, unit_a), scale(creatinine, unit_b)
    ratio = other.factor / one.factor
    assume(ratio.numerator * seed < 10**40)
    a, b = one.magnitude(ratio.numerator * seed), other.magnitude(ratio.denominator * seed)
    assert compare(a, b) == 0
    assert compare(one.magnitude(ratio.numerator * seed + 1), b) == 1


@given(st.decimals(min_value=-9, max_value=9, places=3), st.decimals(min_value=-9, max_value=9, places=3))
def test_logarithms_keep_their_order(a: Decimal, b: Decimal) -> None:
    log = scale(hbv_dna, "log10 IU/mL")
    assert compare(log.magnitude(a), log.magnitude(b)) == (a > b) - (a < b)


def test_magnitudes_multiply_roots_by_fractions_only() -> None:
    root = Magnitude(2.0**0.5, Root(Fraction(1), Fraction(2), 1, 2))
    half = Magnitude.of(Fraction(1, 2))
    assert compare(root.times(half), half.times(root)) == 0
    assert root.rational is None
    assert half.rational == Fraction(1, 2)
    assert compare_exact(root.exact, Fraction(-1)) == 1
    assert compare_exact(Fraction(0), Fraction(0)) == 0
    assert repr(half) == "Magnitude(0.5)"
    with pytest.raises(TypeError):
        _ = root.times(root).exact


def test_threads_agree() -> None:
    """Contexts of pint, used by several threads, gave creatinine the factor of glucose."""
    from concurrent.futures import ThreadPoolExecutor

    glucose = analyte("mg/dL", molar_mass=molar_mass("C6H12O6"))
    wanted = {id(creatinine): CREATININE / 10000, id(glucose): molar_mass("C6H12O6") / 10000}

    def factor(known: Analyte) -> bool:
        return scale(analyte("mg/dL", molar_mass=known.molar_mass), "umol/L").factor == wanted[id(known)]

    work = [creatinine, glucose] * 200
    random.Random(1).shuffle(work)
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(factor, work))
