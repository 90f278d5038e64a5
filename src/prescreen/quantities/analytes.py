"""Units as they convert for one analyte: the only conversions there are.

Between units of one kind the factor is the units' own. What else converts depends on what is measured: mass and
amount of substance by the molar mass, equivalents by the valence, IU and U where the catalogue equates them,
HbA1c between its two scales. All factors are exact; they are found once for each spelling of a unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Final

from prescreen.problems import closest
from prescreen.quantities.magnitude import Exact, Magnitude, Root
from prescreen.quantities.units import Dimension, Unit, combine, is_arbitrary, read_unit, spellings
from prescreen.quantities.written import Number

_MOST_SCALES: Final = 2000
_LARGEST_LOG: Final = 100
_ROOT_DECIMALS: Final = 1000


@dataclass(frozen=True, slots=True)
class UnitProblem:
    """Why a unit cannot be used. code: unit-missing, unit-unknown or unit-incompatible; message in words."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Scale:
    """How a number x in one unit becomes canonical: ``factor * x + offset``, or ``factor * 10**x`` for a logarithm.

    kind: the kind of quantity of the unit as written ("mass concentration"), by which a threshold given in two
    kinds of unit is chosen. unit: the UCUM code of the unit as written ("" where none was needed).
    """

    factor: Fraction
    offset: Fraction
    kind: str
    log10: bool
    unit: str
    _factor: float = field(init=False, repr=False, compare=False)
    _linear: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_factor", float(self.factor))
        object.__setattr__(self, "_linear", not self.log10 and self.offset == 0)

    def magnitude(self, number: Decimal | int) -> Magnitude:
        """The number in the canonical unit. For bounds of an interval see `bounds`."""
        if self._linear:
            return Magnitude(float(number) * self._factor, number, self.factor)
        if self.log10:
            return self._antilog(Fraction(number))
        exact = Fraction(number) * self.factor + self.offset  # float sums cancel: 98.6 degF is 37 Cel exactly
        return Magnitude(float(exact), exact)

    def exact(self, number: Fraction | Decimal | int) -> Exact:
        """The number in the canonical unit, exactly; a `Root` only for logarithms with decimals."""
        if self.log10:
            return self._antilog(Fraction(number)).exact
        return Fraction(number) * self.factor + self.offset

    def bounds(self, number: Number) -> tuple[Magnitude | None, Magnitude | None]:
        """Both ends of a written interval in the canonical unit; one object for a point; None is unbounded.

        The lower end of ``<1.3`` log10 copies/mL is no copies, not the one copy whose logarithm is 0.
        """
        low, high = number.low, number.high
        if low is not None and (low is high or low == high):
            point = self.magnitude(low)
            return point, point
        none_at_all = self.log10 and low == 0 and not number.low_open
        lower = None if low is None else _ZERO if none_at_all else self.magnitude(low)
        return lower, None if high is None else self.magnitude(high)

    def _antilog(self, exponent: Fraction) -> Magnitude:
        # Beyond ±100 there is nothing to count; the powers would fill the memory.
        exponent = max(Fraction(-_LARGEST_LOG), min(Fraction(_LARGEST_LOG), exponent))
        whole = exponent.numerator // exponent.denominator
        part = exponent - whole
        factor = self.factor * Fraction(10) ** whole
        approx = float(factor) * 10.0 ** float(part)
        if part == 0:
            return Magnitude(approx, factor)
        if part.denominator <= _ROOT_DECIMALS:
            return Magnitude(approx, Root(factor, Fraction(10), part.numerator, part.denominator))
        return Magnitude(approx, lambda: factor * _power_of_ten(part))


_ZERO: Final = Magnitude(0.0, Fraction(0))


def _power_of_ten(part: Fraction) -> Fraction:
    """10**part to 110 digits. It is irrational (part is no integer), so it never ties with a rational threshold;
    raising it to the power of its denominator, as for few decimals, would not end."""
    from decimal import localcontext

    with localcontext() as context:
        context.prec = 110
        return Fraction(Decimal(10) ** (Decimal(part.numerator) / Decimal(part.denominator)))


@dataclass(frozen=True, slots=True)
class Analyte:
    """What is measured, as far as its units are concerned. Made by `analyte`, which says what the fields mean."""

    unit: str
    name: str
    molar_mass: Fraction | None
    denominator_molar_mass: Fraction | None
    valence: int | None
    equates: tuple[str, ...]
    affine: tuple[tuple[str, Fraction, Fraction], ...]
    may_be_negative: bool
    _canonical: Unit = field(repr=False, compare=False)
    _same: tuple[tuple[str, Unit], ...] = field(repr=False, compare=False)
    _scales: dict[str | None, Scale | UnitProblem] = field(default_factory=dict, repr=False, compare=False)

    def scale(self, unit: str | None) -> Scale | UnitProblem:
        """How numbers in a unit as written become canonical, or why they do not."""
        found = self._scales.get(unit)
        if found is None:
            found = self._find(unit)
            if len(self._scales) < _MOST_SCALES and (unit is None or len(unit) < 100):
                self._scales[unit] = found
        return found

    def _find(self, text: str | None) -> Scale | UnitProblem:
        if text is None or not text.strip():
            if self.unit:
                return UnitProblem("unit-missing", f"no unit is given; {self._expected()}")
            return Scale(Fraction(1), Fraction(0), _NO_UNIT.kind, False, "")
        unit = read_unit(text)
        if unit is None:
            words = f"{_quoted(text)} is no unit known here; {self._expected()}{self._hint(text)}"
            return UnitProblem("unit-unknown", words)
        scale = self._convert(unit) if self.unit else _of_score(unit)
        if scale is None:
            return UnitProblem("unit-incompatible", f"{_quoted(text)} is {_a(unit.kind)}; {self._expected()}")
        return scale

    def _convert(self, unit: Unit) -> Scale | None:
        own = self._canonical
        for code, slope, intercept in self.affine:
            other = _known(code)
            if (unit.top, unit.bottom) == (other.top, other.bottom) and not unit.log10:
                return Scale(slope * unit.factor / other.factor, intercept, unit.kind, False, unit.ucum)
        if self.affine and (unit.top, unit.bottom) != (own.top, own.bottom):
            return None
        a, b = self._in_common_terms(unit), self._in_common_terms(own)
        if a.dimension != b.dimension or not self._same_ratio(a, b):
            return None
        if unit.log10:
            return Scale(a.factor / b.factor, Fraction(0), unit.kind, True, unit.ucum)
        offset = (unit.offset - own.offset) / own.factor
        return Scale(a.factor / b.factor, offset, unit.kind, False, unit.ucum)

    def _in_common_terms(self, unit: Unit) -> Unit:
        """The unit with equated units, equivalents and moles replaced, where this analyte says by what."""
        for base, by in self._same:
            unit = _replace_above(_replace_below(unit, base, by), base, by)
        if self.valence is not None:
            mole = Unit("", Fraction(1, self.valence), (("substance", 1),))
            unit = _replace_above(unit, "equivalents", mole)
        if self.molar_mass is not None:
            unit = _replace_above(unit, "substance", Unit("", self.molar_mass, (("mass", 1),)))
        if self.denominator_molar_mass is not None:
            unit = _replace_below(unit, "substance", Unit("", self.denominator_molar_mass, (("mass", 1),)))
        return unit

    def _same_ratio(self, a: Unit, b: Unit) -> bool:
        """mol/mol is not g/g, though both cancel; a bare number is either, unless the two would differ."""
        if a.dimension or (a.top, a.bottom) == (b.top, b.bottom):
            return True
        bare = not a.top or not b.top
        return bare and not (self.molar_mass is not None and self.denominator_molar_mass is not None)

    def _expected(self) -> str:
        name = self.name or "the result"
        if not self.unit:
            return f"{name} has no unit"
        return f"{name} is measured as {_a(self._canonical.kind)}, for instance `{self.unit}`"

    def _hint(self, text: str) -> str:
        if len(text) > 20:
            return ""
        like = closest(text, spellings(self._canonical.dimension))
        return f"; did you mean `{like}`?" if like else ""


def analyte(
    unit: str,
    *,
    molar_mass: Fraction | None = None,
    denominator_molar_mass: Fraction | None = None,
    valence: int | None = None,
    equates: tuple[str, ...] = (),
    affine: Mapping[str, tuple[Fraction, Fraction]] | None = None,
    may_be_negative: bool = False,
    name: str = "",
) -> Analyte:
    """An analyte compared in `unit`, or "" for a score, an INR or a pH, which need none.

    molar_mass, denominator_molar_mass: g/mol of what stands above and below the line (protein *per creatinine*).
    valence: equivalents in a mole. equates: units that mean the same for this analyte, ("[IU]", "U").
    affine: units of another scale, unit → (a, b) with canonical = a·x + b. may_be_negative: whether results below
    zero exist. name: for messages. ValueError says what is wrong.
    """
    canonical = _known(unit) if unit else _NO_UNIT
    if canonical.log10:
        raise ValueError(f"`{unit}` is a logarithm: compare in the unit itself")
    for mass in (molar_mass, denominator_molar_mass):
        if mass is not None and mass <= 0:
            raise ValueError("a molar mass is above 0")
    if valence is not None and valence < 1:
        raise ValueError("a valence is at least 1")
    scales = tuple((code, Fraction(a), Fraction(b)) for code, (a, b) in (affine or {}).items())
    for code, slope, _ in scales:
        if slope <= 0 or _known(code).log10:
            raise ValueError(f"the scale in `{code}` does not rise with ours")
    return Analyte(
        unit,
        name,
        molar_mass,
        denominator_molar_mass,
        valence,
        tuple(equates),
        scales,
        may_be_negative,
        canonical,
        _equations(equates),
    )


_NO_UNIT: Final = Unit("", Fraction(1))


def _known(code: str) -> Unit:
    unit = read_unit(code)
    if unit is None:
        raise ValueError(f"{_quoted(code)} is no unit known here")
    return unit


def _equations(codes: tuple[str, ...]) -> tuple[tuple[str, Unit], ...]:
    """Each base that is replaced, and by what: all by the one that is no base itself, else by the first."""
    units = [_known(code) for code in codes]
    arbitrary = [unit for unit in units if not unit.bottom and len(unit.top) == 1 and is_arbitrary(unit.top[0][0])]
    others = [unit for unit in units if unit not in arbitrary]
    if len(others) > 1:
        raise ValueError(f"{' and '.join(f'`{unit.ucum}`' for unit in others)} cannot be equated: both have a meaning")
    target = others[0] if others else units[0] if units else _NO_UNIT
    return tuple(
        (unit.top[0][0], Unit("", target.factor / unit.factor, target.top, target.bottom))
        for unit in arbitrary
        if unit != target
    )


def _replace_above(unit: Unit, base: str, by: Unit) -> Unit:
    power = dict(unit.top).get(base, 0)
    if not power:
        return unit
    top = combine(unit.top, ((base, -power),))
    return Unit(
        unit.ucum,
        unit.factor * by.factor**power,
        combine(top, _raised(by.top, power)),
        combine(unit.bottom, _raised(by.bottom, power)),
        unit.offset,
        unit.log10,
    )


def _replace_below(unit: Unit, base: str, by: Unit) -> Unit:
    turned = _replace_above(Unit("", 1 / unit.factor, unit.bottom, unit.top), base, by)
    return Unit(unit.ucum, 1 / turned.factor, turned.bottom, turned.top, unit.offset, unit.log10)


def _raised(dimension: Dimension, power: int) -> Dimension:
    return tuple((base, exponent * power) for base, exponent in dimension)


_COUNTED: Final = frozenset({"{copies}", "{1.73_m2}", "{FEU}", "{DDU}"})


def _of_score(unit: Unit) -> Scale | None:
    """A score may carry a one, a pH or an annotation that names it, and nothing that has a size."""
    named = len(unit.top) == 1 and (unit.top[0][0] == "[pH]" or unit.top[0][0][0] == "{")
    if unit.factor != 1 or unit.bottom or unit.log10 or not (not unit.top or named) or _counts(unit):
        return None
    return Scale(Fraction(1), Fraction(0), _NO_UNIT.kind, False, unit.ucum)


def _counts(unit: Unit) -> bool:
    return any(base in _COUNTED for base, _ in unit.top)


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _quoted(text: str) -> str:
    shown = "".join(c if c.isprintable() else "�" for c in text[:40])
    return f"`{shown}…`" if len(text) > 40 else f"`{shown}`"
