"""A result as the laboratory wrote it: a number, an interval (``<20``, ``20-40``), a titre, a code, or nothing.

Nothing is guessed: what has two readings is `Unreadable`, with the reason in words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from prescreen.memory import keep
from prescreen.quantities.numerals import bounded, parse_decimal


class Number(NamedTuple):
    """The interval of numbers that was written; None leaves an end unbounded, `*_open` leaves its end out.

    A point has low == high (the same object). ``<20`` is [0, 20): amounts are not negative; see `read_value`.
    titre: the number is the reciprocal of a dilution, 80 for ``1:80``.
    A named tuple and not a dataclass because one is made for every result on file.
    """

    low: Decimal | int | None
    low_open: bool
    high: Decimal | int | None
    high_open: bool
    titre: bool = False


@dataclass(frozen=True, slots=True)
class CodedValue:
    """A result in words as a canonical code: lower case, ``-`` for blanks; ``reactive`` is ``positive``."""

    code: str


@dataclass(frozen=True, slots=True)
class NoValue:
    """There is no result."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something was written that has no certain meaning; `reason` in words."""

    reason: str


Written = Number | CodedValue | NoValue | Unreadable

_OUT_OF_BOUNDS: Final = Unreadable("the number has too many digits, or is too large or too small to be a result")
_NO_VALUE: Final = NoValue()
_new: Final = tuple.__new__  # half the time of Number(...)
_LONGEST: Final = 120
_LARGEST: Final = 10**40

# What was read of texts: most results in words are one of a few.
_UNSIGNED: Final[dict[str, Written]] = {}
_SIGNED: Final[dict[str, Written]] = {}
_MOST_KNOWN: Final = 16_384


def read_value(value: int | Decimal | str | None, may_be_negative: bool = False) -> Written:
    """What a result says. may_be_negative: ``<20`` then has no lower end (base excess, a T-score)."""
    kind = type(value)
    if kind is Decimal:
        number = bounded(value)  # type: ignore[arg-type]
        return _OUT_OF_BOUNDS if number is None else _new(Number, (number, False, number, False, False))
    if kind is int:
        if -_LARGEST < value < _LARGEST:  # type: ignore[operator]
            return _new(Number, (value, False, value, False, False))
        return _OUT_OF_BOUNDS
    if value is None:
        return _NO_VALUE
    if isinstance(value, str):
        known = _SIGNED if may_be_negative else _UNSIGNED
        found = known.get(value)
        if found is None:
            found = _read_text(value, may_be_negative)
            if len(value) <= _LONGEST:
                keep(known, value, found, _MOST_KNOWN)
        return found
    return Unreadable("a result is a number, text or null")


# What people write for a comparison, and whether its end is open.
_BELOW: Final = {"<": True, "less than": True, "below": True, "<=": False, "=<": False, "≤": False, "⩽": False}
_ABOVE: Final = {">": True, "greater than": True, "more than": True, "above": True}
_ABOVE.update({">=": False, "=>": False, "≥": False, "⩾": False})
_COMPARATOR: Final = re.compile(
    r"(<=|>=|=<|=>|[<>≤≥⩽⩾]|less than\b|below\b|greater than\b|more than\b|above\b)\s*(?=[0-9.+-])(.*)", re.I
)
_RANGE: Final = re.compile(r"([0-9]*\.?[0-9]+)\s*(?:-|–|—|\bto\b)\s*([0-9]*\.?[0-9]+)")
_TITRE: Final = re.compile(r"1\s?:\s?([0-9]{1,9})")
_COMMA: Final = re.compile(r"([+-]?[0-9]+),([0-9]+)")
_THOUSANDS: Final = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_ANY_NUMERAL: Final = re.compile(r"[+-]?[0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?", re.I)
_NUMBER_AND_MORE: Final = re.compile(r"([+-]?[0-9]*\.?[0-9]+)\s*([A-Za-zµμ%\[{/*^].*)")
_CODE: Final = re.compile(r"(?:[1-4]\+|[^\W\d_][\w +'/-]*)")


def _read_text(text: str, may_be_negative: bool) -> Written:
    if len(text) > _LONGEST:
        return Unreadable(f"it is longer than any result ({len(text)} characters)")
    text = " ".join(text.split())
    if not text:
        return _NO_VALUE
    point = _end(text)
    if point is not None:
        number, titre = point
        return Number(number, False, number, False, titre)
    code = _CODES.get(text.casefold().replace("-", " ").replace("_", " ").strip() or text)
    if code is not None:
        return code
    if compared := _COMPARATOR.fullmatch(text):
        return _read_comparison(compared[1].lower(), compared[2], may_be_negative)
    if between := _RANGE.fullmatch(text):
        return _read_range(between[1], between[2])
    return _read_words(text)


def _end(text: str) -> tuple[Decimal, bool] | None:
    """A number, or the reciprocal of a titre, and whether it is one."""
    if titre := _TITRE.fullmatch(text):
        number = Decimal(titre[1])
        return (number, True) if number else None
    plain_number = parse_decimal(text)
    return None if plain_number is None else (plain_number, False)


def _read_comparison(comparator: str, rest: str, may_be_negative: bool) -> Written:
    end = _end(rest)
    if end is None:
        return _why_not(rest)
    number, titre = end
    if comparator in _ABOVE:
        return Number(number, _ABOVE[comparator], None, True, titre)
    bounded_below = not may_be_negative and number >= 0 and not (number == 0 and _BELOW[comparator])
    return Number(0 if bounded_below else None, not bounded_below, number, _BELOW[comparator], titre)


def _read_range(first: str, second: str) -> Written:
    low, high = parse_decimal(first), parse_decimal(second)
    if low is None or high is None:
        return _OUT_OF_BOUNDS
    if low > high:
        return Unreadable("the range is upside down")
    return Number(low, False, high, False)


def _read_words(text: str) -> Written:
    folded = text.casefold()
    if folded in _NOT_NUMBERS:
        return Unreadable("it is not a finite number")
    if folded.replace("-", " ").replace("_", " ").strip(" .") in _NO_RESULT:
        return Unreadable("it says that there is no result yet")
    if _CODE.fullmatch(text) and not _APPROXIMATE.match(text):
        return CodedValue(re.sub(r"[\s_]+", "-", folded))
    return _why_not(text)


_APPROXIMATE: Final = re.compile(r"(?:~|≈|±|about|approx(?:\.|imately)?|ca\.?|circa)\s*[0-9.]", re.I)


def _why_not(text: str) -> Unreadable:
    if _THOUSANDS.fullmatch(text):
        return Unreadable(f"a comma has two readings: write {text.replace(',', '')}, or use a point")
    if comma := _COMMA.fullmatch(text):
        return Unreadable(f"use a point: {comma[1]}.{comma[2]}")
    if _APPROXIMATE.match(text):
        return Unreadable("an approximate number has no certain bounds")
    if re.fullmatch(r"[0-9.]+\s?/\s?[0-9.]+", text):
        return Unreadable("two numbers in one result: give each its own")
    if _ANY_NUMERAL.fullmatch(text):
        return _OUT_OF_BOUNDS
    if _NUMBER_AND_MORE.fullmatch(text):
        return Unreadable("only a number belongs here; the unit has its own field")
    return Unreadable("it is neither a number, a range, nor a coded result")


def _codes(code: str, *words: str) -> dict[str, Written]:
    return {word: CodedValue(code) for word in words}


# Keys are folded: lower case, blanks for - and _.
_CODES: Final[dict[str, Written]] = {
    **_codes("positive", "positive", "pos", "pos.", "+", "reactive", "repeatedly reactive"),
    **_codes("negative", "negative", "neg", "neg.", "-", "–", "−", "nonreactive", "non reactive", "not reactive"),
    **_codes("detected", "detected", "target detected", "detectable"),
    **_codes("not-detected", "not detected", "undetected", "undetectable", "not detectable", "none detected"),
    **_codes("not-detected", "non detected", "nondetected", "target not detected", "tnd"),
    **_codes("not-detected", "below detection limit", "below limit of detection", "below the limit of detection"),
    **_codes("not-detected", "below the detection limit", "<lod", "< lod", "<llod", "< llod"),
    **_codes("indeterminate", "indeterminate", "equivocal", "borderline", "inconclusive", "invalid"),
}
_NOT_NUMBERS: Final = frozenset({"nan", "inf", "infinity", "-inf", "+inf", "-infinity", "+infinity", "∞"})
# A result on its way is on file, and is not `negative`: it must not be read as a code.
_NO_RESULT: Final = frozenset(
    {"pending", "not done", "not performed", "not tested", "not available", "unknown", "none", "null", "n/a", "na"}
    | {"cancelled", "canceled", "error", "failed", "see comment", "see note", "see report", "qns", "to follow"}
    | {"quantity not sufficient", "insufficient", "insufficient sample", "haemolysed", "hemolyzed", "hemolysed"}
)
