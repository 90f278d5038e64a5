"""Units as laboratories spell them: read as meant, or refused."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prescreen.quantities import Unit, read_unit, ucum, units
from prescreen.quantities.spelling import to_ucum


def same(a: Unit | None, b: Unit | None) -> bool:
    """Whether two units are one, however they are spelt."""
    assert a is not None
    assert b is not None
    return (a.factor, a.top, a.bottom, a.offset, a.log10) == (b.factor, b.top, b.bottom, b.offset, b.log10)


SPELLINGS = {
    "mg/dL": "mg/dL mg/dl MG/DL mg%",
    "mg/L": "mg/L MG/L",
    "ng/mL": "ng/mL NG/ML",
    "g/dL": "g/dL g/dl GM/DL gm/dL g%",
    "umol/L": "umol/L µmol/L μmol/L mcmol/L µmol/l UMOL/L uM",
    "ug/L": "ug/L mcg/L µg/l MCG/L",
    "U/L": "U/L u/l u/L units/L",
    "[IU]/L": "IU/L [iU]/L [IU]/L iu/l",
    "m[IU]/mL": "mIU/mL miu/ml MIU/ML m[iU]/mL",
    "10*9/L": "10*9/L 10^9/L 10**9/L x10^9/L X10E9/L 10e9/L 10⁹/L ×10⁹/L x10(9)/L G/L",
    "10*12/L": "T/L 10^12/L 10¹²/L",
    "10*3/uL": "K/uL k/uL K/µL K/UL 10^3/uL X10E3/UL Thousand/uL thou/mcL",
    "10*6/uL": "M/uL 10^6/µL million/uL",
    "10*3/mm3": "K/mm3 10^3/mm³ K/cumm",
    "/uL": "/uL #/uL cells/uL cells/µL {cells}/uL CELLS/UL 1/uL",
    "mL/min/{1.73_m2}": "mL/min/1.73m2 mL/min/1.73m^2 mL/min/1.73m² ml/min/1,73m2 mL/min/[1.73_m2] mL/min/(1.73_m2)",
    "g/(24.h)": "g/24h g/24hr g/d g/day g/{24_h}",
    "mg/g": "mg/g mg/g{creat} mg/g{Cr}",
    "kg/m2": "kg/m2 kg/m^2 kg/m**2 kg/m²",
    "mm[Hg]": "mmHg mm[Hg] MMHG mmhg",
    "Cel": "°C C degC ℃ Cel",
    "[degF]": "°F F degF",
    "meq/L": "mEq/L meq/L MEQ/L",
    "mosm/kg": "mOsm/kg mosmol/kg mosm/kg",
    "{copies}/mL": "copies/mL cp/mL {copies}/mL COPIES/ML [copies]/mL {copy}/mL",
    "[CFU]/mL": "CFU/mL cfu/mL {CFU}/mL",
    "/[HPF]": "/HPF /hpf cells/HPF",
    "ug{FEU}/mL": "ug{FEU}/mL ug/mL{FEU} mcg{feu}/mL",
    "ms": "ms msec MSEC milliseconds",
    "s": "s sec seconds SEC",
    "a": "a yr years y",
    "/min": "/min bpm beats/min {beats}/min",
    "mm/h": "mm/h mm/hr MM/HR",
    "mL": "mL ml cc",
    "[in_i]": "in inches",
    "[arb'U]/mL": "AU/mL [arb'U]/mL",
}


@pytest.mark.parametrize(
    ("code", "spelt"), [(code, text) for code, texts in SPELLINGS.items() for text in texts.split()]
)
def test_spellings(code: str, spelt: str) -> None:
    assert same(read_unit(spelt), ucum.read(code))


@pytest.mark.parametrize(
    ("spelt", "code"),
    [
        ("mL/min/1.73 m2", "mL/min/{1.73_m2}"),
        ("mL/min per 1.73 m2", "mL/min/{1.73_m2}"),
        ("mL/min/1.73 m^2", "mL/min/{1.73_m2}"),
        ("g/24 h", "g/(24.h)"),
        ("mg / 24 hours", "mg/d"),
        ("mg per dL", "mg/dL"),
        (" mg/dL ", "mg/dL"),
        ("x 10^9 / L", "10*9/L"),
        ("10^6 copies/mL", "10*6.{copies}/mL"),
        ("mg/g creatinine", "mg/g"),
        ("mg/mmol Cr", "mg/mmol"),
        ("ng/mL FEU", "ng{FEU}/mL"),
        ("mg/L DDU", "mg{DDU}/L"),
        ("% of total Hb", "%"),
        ("U/g Hb", "U/g"),
        ("mOsm/kg H2O", "mosm/kg"),
        ("mm Hg", "mm[Hg]"),
        ("cm H2O", "cm[H2O]"),
        ("deg C", "Cel"),
        ("dyn·s·cm⁻⁵", "dyn.s/cm5"),
        ("Wood units", "[wood'U]"),
        ("pH", "[pH]"),
    ],
)
def test_spellings_with_blanks(spelt: str, code: str) -> None:
    unit, meant = read_unit(spelt), ucum.read(code)
    assert unit is not None
    assert meant is not None
    assert (unit.factor, unit.dimension) == (meant.factor, meant.dimension)


@pytest.mark.parametrize("spelt", ["log10 IU/mL", "Log IU/mL", "log10(IU/mL)", "{Log_IU}/mL", "lg [IU]/mL"])
def test_logarithms_of_a_unit(spelt: str) -> None:
    unit, plain_unit = read_unit(spelt), read_unit("[IU]/mL")
    assert unit is not None
    assert plain_unit is not None
    assert unit.log10
    assert (unit.factor, unit.dimension) == (plain_unit.factor, plain_unit.dimension)
    assert unit.kind == "logarithm of a concentration in [IU]"


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "109/L", "103/uL", "M/L", "MIU/L", "10+3/ul", "1:80", "log10", "log10 IU", "log10 Cel/L", "mg/dLL"),
        *("N/A", "none", "mg/", "mg//dL", "m99", "10*999999/L", "1234567/L", "x" * 61, "{" * 30, "Cel/L", "kCel"),
        *("Cel2", "mg/dL; drop", "nan"),
    ],
)
def test_what_is_not_certain_is_refused(text: str) -> None:
    assert read_unit(text) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("g/L", "G/L"),
        ("mg", "Mg"),
        ("K/uL", "K"),
        ("mL/min", "mL/min/{1.73_m2}"),
        ("ug{FEU}/mL", "ug{DDU}/mL"),
        ("ug{FEU}/mL", "ug/mL"),
        ("meq/L", "mmol/L"),
        ("mosm/L", "mmol/L"),
        ("[IU]/mL", "{copies}/mL"),
        ("[IU]/mL", "[CFU]/mL"),
        ("[IU]/mL", "/mL"),
        ("[IU]/mL", "U/mL"),
        ("{copies}/mL", "/mL"),
        ("[arb'U]/mL", "[AU]/mL"),
        ("mg", "mg/d"),
        ("/[HPF]", "/[LPF]"),
        ("{RU}/mL", "{EU}/mL"),
        ("{something}/mL", "/mL"),
        ("mm", "mm[Hg]"),
    ],
)
def test_what_pint_or_ucumvert_confuse_is_kept_apart(one: str, other: str) -> None:
    a, b = read_unit(one), read_unit(other)
    assert a is not None
    assert b is not None
    assert (a.factor, a.dimension) != (b.factor, b.dimension)
    if one != "mg" or other != "Mg":
        assert a.dimension != b.dimension


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("mg/dL", "mass concentration"),
        ("mmol/L", "substance concentration"),
        ("U/L", "catalytic concentration"),
        ("10*9/L", "number concentration"),
        ("[IU]/mL", "concentration in [IU]"),
        ("mL/min", "flow"),
        ("mL/min/1.73m2", "flow per 1.73 m² of body surface"),
        ("%", "plain number"),
        ("mg/g", "mass fraction"),
        ("mmol/mol", "substance fraction"),
        ("mEq/L", "concentration of equivalents"),
        ("ug{FEU}/mL", "mass·{FEU} per volume"),
        ("/[HPF]", "number per [HPF]"),
        ("kg/m2", "mass per area"),
        ("ms", "time"),
    ],
)
def test_kinds_in_words(text: str, kind: str) -> None:
    unit = read_unit(text)
    assert unit is not None
    assert unit.kind == kind


def test_temperatures_have_an_offset() -> None:
    fahrenheit = read_unit("degF")
    assert fahrenheit is not None
    assert fahrenheit.factor * 212 + fahrenheit.offset == Fraction("373.15")
    assert ucum.read("Cel{oral}") is None
    assert same(ucum.read("Cel{total}"), ucum.read("Cel"))


@pytest.mark.parametrize(
    ("code", "factor"),
    [
        ("U", Fraction(1, 60_000_000)),
        ("[lb_av]", Fraction("453.59237")),
        ("fL", Fraction(1, 10**18)),
        ("10*3", Fraction(1000)),
    ],
)
def test_atoms_are_worth_what_ucum_says(code: str, factor: Fraction) -> None:
    unit = ucum.read(code)
    assert unit is not None
    assert unit.factor == factor


@pytest.mark.parametrize("code", ["m", "/m", "10*-3/ul", "g/(8.h){shift}", "100/{cells}", "{cells}", "mol/L", "[pH]"])
def test_valid_ucum(code: str) -> None:
    assert ucum.is_valid(code)


@pytest.mark.parametrize("code", ["m/", "10+3/ul", "10-3", "mg/dLx", "°C", "m//s", "{"])
def test_invalid_ucum(code: str) -> None:
    assert not ucum.is_valid(code)
    assert ucum.read(code) is None


def test_the_table_is_what_the_grammar_and_pint_say_today() -> None:
    today = {code: ucum.read(code) for code in ucum.common_units()}
    written = {code: units.from_row(code, row) for code, row in units.table().items()}
    assert today == written
    assert len(written) > 300


def test_the_table_can_be_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ucum, "TABLE", tmp_path / "units.json")
    monkeypatch.setattr(ucum, "common_units", lambda: ["mg/dL", "Cel"])
    assert ucum.write_table() == 0
    assert json.loads((tmp_path / "units.json").read_text()) == {
        "mg/dL": ["10", {"mass": 1}, {"length": 3}],
        "Cel": ["1", {"temperature": 1}, {}, "5463/20"],
    }
    monkeypatch.setattr(ucum, "common_units", lambda: ["no unit"])
    assert ucum.write_table() == 1


def test_the_table_holds_every_unit_in_daily_use() -> None:
    absent = {
        spelt for texts in SPELLINGS.values() for spelt in texts.split() if to_ucum(spelt)[0] not in units.table()
    }
    assert absent <= {"mg/g{Cr}", "mcg{feu}/mL", "K/cumm", "K/mm3", "10^3/mm³", "mL/min/(1.73_m2)"}


def test_the_catalogue_needs_no_registry() -> None:
    """Building pint's registry takes half a second: loading the catalogue and common units must not."""
    program = (
        "import sys; from prescreen.quantities import *;"
        "[analyte(u).scale(w) for u, w in [('mg/dL', 'g/L'), ('U/L', 'ukat/L'), ('10*9/L', 'K/uL'), ('Cel', 'degF')]];"
        "from prescreen.catalogue import load_catalogue; load_catalogue();"
        "print(sorted({'pint', 'lark', 'ucumvert'} & set(sys.modules)))"
    )
    if not (Path(__file__).parents[2] / "rules" / "catalogue").is_dir():
        pytest.skip("no catalogue here")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


@given(st.text(alphabet="mgdLlIUk/.*^10 {}[]()cratu%μ²⁹xEe-+", max_size=12))
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    unit = read_unit(text)
    assert unit is None or unit.factor > 0
