"""Code systems: their names, how their codes are written, and which codes stand for what lies below them.

ICD-10-CM, ICD-10-PCS and ATC say the hierarchy in the code itself: with dots taken away, a code stands for every
code that begins with it. Codes of the other systems stand for themselves.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

SYSTEMS: Final[dict[str, tuple[str, ...]]] = {
    "loinc": ("http://loinc.org", "urn:oid:2.16.840.1.113883.6.1", "LN"),
    "icd-10-cm": ("http://hl7.org/fhir/sid/icd-10-cm", "urn:oid:2.16.840.1.113883.6.90", "ICD10CM", "ICD-10CM"),
    "icd-10-pcs": (
        "http://hl7.org/fhir/sid/icd-10-pcs",
        "http://www.cms.gov/Medicare/Coding/ICD10",
        "urn:oid:2.16.840.1.113883.6.4",
        "ICD10PCS",
    ),
    "snomed": ("http://snomed.info/sct", "urn:oid:2.16.840.1.113883.6.96", "SNOMED CT", "SNOMED-CT", "SNOMEDCT", "SCT"),
    "rxnorm": ("http://www.nlm.nih.gov/research/umls/rxnorm", "urn:oid:2.16.840.1.113883.6.88", "RXNORM-CUI"),
    "atc": ("http://www.whocc.no/atc", "urn:oid:2.16.840.1.113883.6.73"),
    "cpt": ("http://www.ama-assn.org/go/cpt", "urn:oid:2.16.840.1.113883.6.12", "CPT4", "CPT-4"),
    "cvx": ("http://hl7.org/fhir/sid/cvx", "urn:oid:2.16.840.1.113883.12.292"),
}
"""Short names, each with the URIs, object identifiers and other spellings by which data name the system."""

TITLES: Final = {
    "loinc": "LOINC",
    "icd-10-cm": "ICD-10-CM",
    "icd-10-pcs": "ICD-10-PCS",
    "snomed": "SNOMED CT",
    "rxnorm": "RxNorm",
    "atc": "ATC",
    "cpt": "CPT",
    "cvx": "CVX",
}
"""Short names as people write them."""

HIERARCHICAL: Final = frozenset({"icd-10-cm", "icd-10-pcs", "atc"})

MAX_CODE: Final = 64
"""No system has longer codes."""


def system_name(text: str) -> str | None:
    """The short name of a system given by short name, URI or object identifier; None for an unknown one."""
    if len(text) > 200:
        return None
    return _NAMES.get(text) or _NAMES.get(_folded_system(text))


def normal_code(system: str, code: str) -> str:
    """A code as it is compared: without dots and in capitals where the system does not tell them apart."""
    code = code.strip()
    match system:
        case "icd-10-cm":
            return code.replace(".", "").upper()
        case "icd-10-pcs" | "atc" | "cpt":
            return code.upper()
        case _:
            return code


def is_code(system: str, code: str) -> bool:
    """Whether a catalogue may list a text as a code of a system: form and, where there is one, check digit.

    LOINC: mod 10 (LOINC Users' Guide, appendix A). SNOMED CT: Verhoeff (SNOMED CT Release File Specification, §6).
    """
    if len(code) > MAX_CODE or not FORMS[system].fullmatch(code):
        return False
    match system:
        case "loinc":
            return _mod10(code[:-2]) == int(code[-1])
        case "snomed":
            return _verhoeff(code)
        case "icd-10-cm" if "-" in code:
            first, last = code.split("-")
            return first < last
        case _:
            return True


def stands_for(pattern: str, code: str) -> bool:
    """Whether a catalogue's code of a hierarchical system, or range of categories, covers a recorded one (normal).

    A block of ICD-10-CM may be recorded too (N00-N08): it is covered when all of its categories are.
    """
    if _BLOCK.fullmatch(code):
        begun, ended = code.split("-")
        return stands_for(pattern, begun) and stands_for(pattern, ended) and ("-" in pattern or len(pattern) < 3)
    if "-" in pattern:
        first, last = pattern.split("-")
        return len(code) >= 3 and first <= code[:3] <= last
    return code.startswith(pattern)


def may_stand_for(code: str, pattern: str, system: str) -> bool:
    """Whether a recorded code is broader than a catalogue's, or too vague to be told from it, both normal.

    Broader is a proper prefix. Vague, in ICD-10-CM, is what ends in 9 or 0, "unspecified" by convention, towards its
    neighbours: M32.9 and M32.10 beside M32.14, C44.90 beside C44.31; not C44.319 beside C44.32.
    """
    if _BLOCK.fullmatch(code):
        begun, ended = code.split("-")
        first, last = pattern.split("-") if "-" in pattern else (pattern[:3], pattern[:3])
        return first <= ended and begun <= last and not stands_for(pattern, code)
    if "-" in pattern or stands_for(pattern, code):
        return False
    return pattern.startswith(code) or (system == "icd-10-cm" and pattern.startswith(_without_vague_end(code)))


class ListedCodes:
    """The codes that concepts list in a hierarchical system, normal, found by a recorded one without trying each.

    pairs: each code, or range of categories, with the name of its concept.
    """

    def __init__(self, system: str, pairs: Iterable[tuple[str, str]]) -> None:
        self.system = system
        self._names: dict[str, set[str]] = {}
        for pattern, name in pairs:
            self._names.setdefault(pattern, set()).add(name)
        self._ranges = [pattern for pattern in self._names if "-" in pattern]
        self._ordered = sorted(pattern for pattern in self._names if "-" not in pattern)

    def standing_for(self, code: str) -> set[str]:
        """The concepts of which a code `stands_for` a recorded one."""
        prefixes = (code[:end] for end in range(len(code) + 1))
        near = [*(prefix for prefix in prefixes if prefix in self._names), *self._ranges]
        return self._of(pattern for pattern in near if stands_for(pattern, code))

    def hidden_in(self, code: str) -> set[str]:
        """The concepts for one of whose codes a recorded one `may_stand_for`."""
        if _BLOCK.fullmatch(code):
            begun, ended = code.split("-")
            near = [*self._between(begun, ended), *self._ranges]
        else:
            said = _without_vague_end(code) if self.system == "icd-10-cm" else code
            near = self._between(said, said)
        return self._of(pattern for pattern in near if may_stand_for(code, pattern, self.system))

    def below(self, code: str) -> set[str]:
        """The concepts with a code below a recorded one, or in a recorded block."""
        found = self._of(pattern for pattern in self._ranges if pattern.startswith(code))
        return found | (self.hidden_in(code) if "-" in code else self._of(self._between(code, code)))

    def _between(self, first: str, last: str) -> list[str]:
        """The codes, ranges apart, from one to what begins with the other."""
        begin = bisect_left(self._ordered, first)
        return self._ordered[begin : bisect_left(self._ordered, last + _AFTER_ALL, begin)]

    def _of(self, patterns: Iterable[str]) -> set[str]:
        return {name for pattern in patterns for name in self._names[pattern]}


def _without_vague_end(code: str) -> str:
    """The part of an ICD-10-CM code that says something: what stands before the last nines and zeros."""
    if code.startswith(_NINE_IS_WITHOUT_COMPLICATIONS):
        return code
    return code[:3] + code[3:].rstrip("09")


def is_unspecified(code: str, system: str) -> bool:
    """Whether a recorded code, normal, says so little that it may hide one of another category (C80.1, N05.9)."""
    return system == "icd-10-cm" and code.startswith(_UNSPECIFIED)


_AFTER_ALL: Final = "\U0010ffff"
_BLOCK: Final = re.compile(r"[A-Z][0-9][0-9A-Z]-[A-Z][0-9][0-9A-Z]", re.ASCII)

FORMS: Final = {
    "loinc": re.compile(r"[0-9]{1,7}-[0-9]", re.ASCII),
    "icd-10-cm": re.compile(r"[A-Z][0-9][0-9A-Z](\.?[0-9A-Z]{1,4})?|[A-Z][0-9][0-9A-Z]-[A-Z][0-9][0-9A-Z]", re.ASCII),
    "icd-10-pcs": re.compile(r"[0-9A-Z]{2,7}", re.ASCII),
    "snomed": re.compile(r"[1-9][0-9]{5,17}", re.ASCII),
    "rxnorm": re.compile(r"[1-9][0-9]{0,7}", re.ASCII),
    "atc": re.compile(r"[A-Z]([0-9]{2}([A-Z]([A-Z]([0-9]{2})?)?)?)?", re.ASCII),
    "cpt": re.compile(r"[0-9]{4}[0-9A-Z]", re.ASCII),
    "cvx": re.compile(r"[0-9]{1,3}", re.ASCII),
}

# Diabetes is where E11.9 says "without complications".
_NINE_IS_WITHOUT_COMPLICATIONS: Final = ("E089", "E099", "E109", "E119", "E139")

# Titles of ICD-10-CM that name no organ, agent or kind, and so may hide a code of another category.
_UNSPECIFIED: Final = (
    *("A49", "B179", "B19", "B99", "C76", "C799", "C80", "C859", "C959", "C969", "D489", "D49", "D849", "D899"),
    *("F29", "F99", "G939", "I519", "I679", "I99", "J989", "K769", "M359", "N05", "N19", "N289", "R69"),
)


def _folded_system(text: str) -> str:
    folded = text.strip().casefold().rstrip("/").replace("https://", "http://", 1)
    # an edition or version of SNOMED CT follows its URI
    return "http://snomed.info/sct" if folded.startswith("http://snomed.info/sct/") else folded


_NAMES: Final = {
    _folded_system(spelling): name for name, spellings in SYSTEMS.items() for spelling in (name, *spellings)
}


def _mod10(digits: str) -> int:
    """The check digit of a LOINC number: Luhn's algorithm."""
    doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits))]
    return -sum(number // 10 + number % 10 for number in doubled) % 10


def _verhoeff(digits: str) -> bool:
    """Whether the last digit checks the others (J. Verhoeff, *Error Detecting Decimal Codes*, 1969)."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = _DIHEDRAL[check][_PERMUTED[place % 8][int(digit)]]
    return check == 0


# The dihedral group D5: rotations 0–4, reflections 5–9.
_DIHEDRAL: Final = tuple(
    tuple(((a + b if a < 5 else a - b) % 5) + (0 if (a < 5) == (b < 5) else 5) for b in range(10)) for a in range(10)
)


def _permutations() -> tuple[tuple[int, ...], ...]:
    first = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
    rows = [tuple(range(10))]
    for _ in range(7):
        rows.append(tuple(first[digit] for digit in rows[-1]))
    return tuple(rows)


_PERMUTED: Final = _permutations()
