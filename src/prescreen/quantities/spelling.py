"""From units as laboratories spell them to codes of UCUM (the Unified Code for Units of Measure, ucum.org).

Upper and lower case are kept apart where they mean different things: g/L is a mass, G/L is 10*9/L; ``M/uL`` is
millions, ``mg`` is not ``Mg``. Only text that is in capitals throughout and can mean nothing else (MG/DL) is
folded. Nothing here knows what a unit is worth; what is not recognised passes unchanged.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final


@lru_cache(maxsize=2048)
def to_ucum(text: str) -> tuple[str, bool]:
    """The UCUM code that a spelling stands for, and whether the logarithm (to base 10) of that unit is meant.

    The code is empty for a spelling known to be ambiguous: ``109/L`` may be 10*9/L or 109/L.
    """
    text = _fold(text)
    if logarithm := _LOG.fullmatch(text):
        return _respell(logarithm[1] or logarithm[2] or f"{{{logarithm[3]}}}{logarithm[4]}"), True
    return _respell(text), False


def _respell(text: str) -> str:
    text = text.strip()
    if text in _WHOLE:
        return _WHOLE[text]
    if text.casefold() in _WHOLE_ANY_CASE:
        return _WHOLE_ANY_CASE[text.casefold()]
    if _LOST_EXPONENT.search(text):
        return ""
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    parts = [part for part in _PARTS.split(text.replace(" ", "")) if part]
    if _all_capitals(parts):
        return "".join(_CAPITALS.get(part, part) for part in parts)
    if parts[:2] == ["M", "/"] and parts[2:] and parts[2] in _LITRES:
        return ""  # M/L: millions or moles?
    if len(parts) > 1 and parts[0] in _COUNTS:
        parts[0] = _COUNTS[parts[0]]
    return "".join(_component(part) for part in parts)


def _component(part: str) -> str:
    annotated = part.find("{")
    if annotated > 0:  # mcg{FEU}
        return _component(part[:annotated]) + part[annotated:]
    return _COMPONENTS.get(part) or _WORDS.get(part.casefold()) or part


def _all_capitals(parts: list[str]) -> bool:
    known = all(part in _CAPITALS or part in "/.()" or part in ("24", "h") or part[0].isdigit() for part in parts)
    return known and any(part in _CAPITALS and part not in _CAPITALS_IN_DOUBT for part in parts)


def _fold(text: str) -> str:
    """One spelling of characters: superscripts, micro and multiplication signs, blanks."""
    text = _SUPERSCRIPT_POWER.sub(lambda match: "10*" + unicodedata.normalize("NFKC", match[1]), text)
    text = unicodedata.normalize("NFKC", text).translate(_CHARACTERS)
    text = re.sub(r"\s+per\s+", "/", text)
    return re.sub(r"\s*([/.·])\s*", r"\1", " ".join(text.split()))


_SUPERSCRIPT_POWER: Final = re.compile("10([⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,2})")
_CHARACTERS: Final = str.maketrans({"μ": "u", "−": "-", "×": "x", "⋅": ".", "·": ".", "∙": ".", "º": "°"})
_PARTS: Final = re.compile(r"((?:\{[^{}]*\}|\[[^\[\]]*\]|[^/.(){}\[\]])+|[/.()])")

# 109/L on paper was 10⁹/L once; a copy lost the superscript. Never read it as a hundred and nine.
_LOST_EXPONENT: Final = re.compile(r"(?<![0-9.*^])x?10(?:3|6|9|12)(?![0-9])")

# log10 copies/mL · log(IU/mL) · {Log_copies}/mL
_LOG: Final = re.compile(
    r"(?:log|lg)(?:_?10)?(?:\s*\(\s*(.+?)\s*\)|[\s_]+(.+))|\{(?:log|lg)(?:_?10)?_([A-Za-z]+)\}(.*)", re.I
)

_REWRITES: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.I), replacement)
    for pattern, replacement in (
        (r"[\[({]?\b1[.,]73[\s_.]*(?:m\s?(?:\^|\*\*)?\s?2|sq\.?\s?m)?[\])}]?$", "{1.73_m2}"),
        (r"(?<![0-9])(?:x\s?)?10\s?(?:e|\*\*|\*|\^)\s?\+?(-?[0-9]{1,2})(?![0-9])", r"10*\1"),
        (r"(?<![0-9])(?:x\s?)?10\(([0-9]{1,2})\)", r"10*\1"),
        (r"(10\*[0-9]+)\s(?=[a-z\[{])", r"\1."),
        (r"\(?\b24\s?(?:h|hr|hrs|hour|hours)\)?(?=$|[\s/])", "(24.h)"),
        (r"\{24[\s_]?(?:h|hr|hours?)\}", "(24.h)"),
        (r"(?<=[a-z])(?:\^|\*\*)(-?[0-9])", r"\1"),
        (r"\bmm\s?hg\b", "mm[Hg]"),
        (r"\bcm\s?h2o\b", "cm[H2O]"),
        (r"\b(?:cu\s?mm|cmm)$", "mm3"),
        (r"(?<=g|l)\s?\(?(?:of\s)?(?:creatinine|creat|crea|cr)\)?$", "{creat}"),
        (r"(?<=/g)\s?\(?hb\)?$", "{Hb}"),
        (r"(?<=/kg)\s?\(?h2o\)?$", ""),
        (r"^([a-z]+)/([a-z]+)\s?[({\[]?(feu|ddu)[)}\]]?$", r"\1{\3}/\2"),
    )
)

_WHOLE: Final = {
    "pH": "[pH]", "C": "Cel", "F": "[degF]", "mM": "mmol/L", "uM": "umol/L", "nM": "nmol/L", "pM": "pmol/L",
    "G/L": "10*9/L", "T/L": "10*12/L", "ft": "[ft_i]", "in": "[in_i]", "lb": "[lb_av]", "lbs": "[lb_av]",
    "#": "{#}", "WU": "[wood'U]", "y": "a",
}  # fmt: skip

_WHOLE_ANY_CASE: Final = {
    "mg%": "mg/dL", "g%": "g/dL", "gm%": "g/dL", "°c": "Cel", "degc": "Cel", "celsius": "Cel", "deg c": "Cel",
    "°f": "[degF]", "degf": "[degF]", "fahrenheit": "[degF]", "deg f": "[degF]", "inr": "{INR}", "ratio": "{ratio}",
    "score": "{score}", "points": "{score}", "index": "{index}", "titer": "{titer}", "titre": "{titer}",
    "s/co": "{s_co_ratio}", "s/co ratio": "{s_co_ratio}", "bpm": "{beats}/min", "percent": "%",
    "% of total hb": "%{Hb}", "% of total hemoglobin": "%{Hb}", "% of total haemoglobin": "%{Hb}", "% hb": "%{Hb}",
    "% ngsp": "%", "% dcct": "%", "mmol/mol hb": "mmol/mol", "mmol/mol ifcc": "mmol/mol", "pounds": "[lb_av]",
    "inches": "[in_i]", "feet": "[ft_i]", "wood units": "[wood'U]", "wood unit": "[wood'U]",
    "n/a": "", "na": "", "none": "", "unknown": "",
}  # fmt: skip

# Thousands and millions per volume; alone, K is the kelvin.
_COUNTS: Final = {"K": "10*3", "k": "10*3", "M": "10*6"}
_LITRES: Final = frozenset({"L", "l", "dL", "dl", "litre", "liter"})

# Parts between / and . whose case matters.
_COMPONENTS: Final = {
    "IU": "[IU]", "iU": "[IU]", "[iU]": "[IU]", "mIU": "m[IU]",
    "uIU": "u[IU]", "nIU": "n[IU]", "kIU": "k[IU]", "m[iU]": "m[IU]", "u[iU]": "u[IU]", "k[iU]": "k[IU]",
    "µIU": "u[IU]", "miu": "m[IU]", "uiu": "u[IU]", "AU": "[arb'U]", "[1.73_m2]": "{1.73_m2}",
    "RU": "{RU}", "EU": "{EU}", "GPL": "[GPL'U]", "MPL": "[MPL'U]", "APL": "[APL'U]", "PFU": "[PFU]",
    "TCID50": "[TCID_50]", "BAU": "[BAU]", "cc": "mL", "ppm": "[ppm]", "ppb": "[ppb]",
    "u": "U", "mu": "mU", "ku": "kU", "l": "L", "dl": "dL",
    "ml": "mL", "ul": "uL", "uKat": "ukat", "gm": "g", "gms": "g", "mgs": "mg", "kgs": "kg", "y": "a",
    "cps": "{copies}", "cp": "{copies}", "mkat": "mkat", "{IU}": "[IU]", "{CFU}": "[CFU]", "{HPF}": "[HPF]",
    "{LPF}": "[LPF]", "{RU}": "{RU}", "#": "{#}", "mls": "mL", "Osm": "osm", "mOsmol": "mosm",
}  # fmt: skip

# Words that have one meaning in any case.
_WORDS: Final = {
    "mcg": "ug", "mcl": "uL", "mcmol": "umol", "mckat": "ukat", "iu": "[IU]", "meq": "meq", "ueq": "ueq",
    "mosm": "mosm", "mosmol": "mosm", "cell": "{cells}", "cells": "{cells}", "copy": "{copies}",
    "copies": "{copies}", "[copies]": "{copies}", "{copy}": "{copies}", "{copies}": "{copies}", "{cp}": "{copies}",
    "{cps}": "{copies}", "beat": "{beats}", "beats": "{beats}", "breath": "{breaths}", "breaths": "{breaths}",
    "cfu": "[CFU]", "hpf": "[HPF]", "lpf": "[LPF]", "mmhg": "mm[Hg]", "percent": "%",
    "sec": "s", "secs": "s", "second": "s", "seconds": "s", "msec": "ms", "msecs": "ms",
    "millisecond": "ms", "milliseconds": "ms", "mins": "min", "minute": "min", "minutes": "min", "hr": "h",
    "hrs": "h", "hour": "h", "hours": "h", "day": "d", "days": "d", "week": "wk", "weeks": "wk", "wks": "wk",
    "month": "mo", "months": "mo", "mos": "mo", "year": "a", "years": "a", "yr": "a", "yrs": "a",
    "thousand": "10*3", "thous": "10*3", "thou": "10*3", "million": "10*6", "mill": "10*6", "billion": "10*9",
    "gram": "g", "grams": "g", "kilogram": "kg", "kilograms": "kg", "milligram": "mg", "milligrams": "mg",
    "liter": "L", "litre": "L", "liters": "L", "litres": "L", "units": "U", "unit": "U", "wbc": "{WBC}",
    "rbc": "{RBC}", "dyne": "dyn", "dynes": "dyn",
}  # fmt: skip

# Parts of a unit printed in capitals throughout.
_CAPITALS: Final = {
    "MG": "mg", "UG": "ug", "NG": "ng", "PG": "pg", "G": "g", "GM": "g", "KG": "kg", "MCG": "ug", "L": "L",
    "DL": "dL", "ML": "mL", "UL": "uL", "MCL": "uL", "FL": "fL", "MOL": "mol", "MMOL": "mmol", "UMOL": "umol",
    "MCMOL": "umol", "NMOL": "nmol", "PMOL": "pmol", "MEQ": "meq", "U": "U", "IU": "[IU]", "MIU": "m[IU]",
    "UIU": "u[IU]", "KU": "kU", "MM": "mm", "CM": "cm", "MM3": "mm3", "M2": "m2", "MIN": "min", "SEC": "s",
    "MSEC": "ms", "HR": "h", "H": "h", "DAY": "d", "D": "d", "K": "10*3", "M": "10*6", "MOSM": "mosm",
    "CELLS": "{cells}", "COPIES": "{copies}", "CFU": "[CFU]", "HPF": "[HPF]", "UKAT": "ukat", "{1.73_m2}": "{1.73_m2}",
    "CREAT": "{creat}",
}  # fmt: skip
_CAPITALS_IN_DOUBT: Final = frozenset(
    {"L", "G", "U", "K", "M", "H", "D", "IU", "MIU", "KU", "M2", "{1.73_m2}", "CFU", "HPF"}
)
