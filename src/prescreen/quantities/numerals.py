"""Decimal numerals: read strictly, written plainly."""

from __future__ import annotations

import re
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow, Subnormal
from fractions import Fraction
from typing import Final

DIGITS: Final = 40
"""No laboratory prints more digits, or powers of ten beyond this: what does is refused before it costs anything."""

_NUMERAL: Final = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{1,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,2})?")
_SHORT: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_BOUNDED: Final = Context(
    prec=DIGITS, Emax=DIGITS, Emin=-DIGITS, traps=[Inexact, Overflow, InvalidOperation, Subnormal]
)
_plus: Final = _BOUNDED.plus


def bounded(number: Decimal) -> Decimal | None:
    """The number itself, or None when it is not finite or has more digits than `DIGITS` allows."""
    try:
        result = _plus(number)
    except ArithmeticError:
        return None
    return result if result.is_finite() else None


def parse_decimal(text: str) -> Decimal | None:
    """The number that a numeral such as ``-1.50`` or ``2e3`` writes, or None.

    ASCII only. No NaN, infinity, comma, underscore, blank, bare point at the end, nor anything out of bounds.
    """
    return bounded(Decimal(text)) if _NUMERAL.fullmatch(text) else None


def short_number(text: str) -> float | None:
    """The float next to a numeral of a few digits without sign or exponent, as most results are written; None for any
    other text. For who needs no more than that: `read_value` takes four times as long."""
    return float(text) if _SHORT.fullmatch(text) else None


def parse_number(text: str) -> Fraction | None:
    """As `parse_decimal`, exact and ready for arithmetic."""
    number = parse_decimal(text)
    return None if number is None else Fraction(number)


def plain(number: Fraction | Decimal | int) -> str:
    """The number as people read it: exact when that is short, else to 4 significant digits; digits before the
    point are never rounded away. No exponents between 1e-6 and 1e15."""
    exact = Fraction(number)
    if exact == 0:
        return "0"
    sign, size = ("-" if exact < 0 else ""), abs(exact)
    order = _order(size)
    if not -6 <= order < 15:
        return sign + _scientific(size, order)
    for places in range(max(0, 6 - order)):
        if (size * 10**places).denominator == 1:
            return sign + _fixed(size, places)
    text = _fixed(size, max(0, 3 - order))
    return sign + (text.rstrip("0").rstrip(".") if "." in text else text)


def _order(size: Fraction) -> int:
    """The power of ten of the first significant digit."""
    order = len(str(size.numerator)) - len(str(size.denominator))
    return order if size >= Fraction(10) ** order else order - 1


def _fixed(size: Fraction, places: int) -> str:
    digits = str(round(size * 10**places)).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits


def _scientific(size: Fraction, order: int) -> str:
    digits = _fixed(size / Fraction(10) ** order, 3).rstrip("0").rstrip(".")
    return f"{digits}e{order:+03d}"
