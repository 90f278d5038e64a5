"""The commonest Observations by a short way: a final result that is a number in one unit, under one code.

Most of a Bundle is such results, and the long way (`prescreen.fhir.observations`) would take most of the time of a
screening for them. msgspec reads what is needed from the text; that no key of what is read is given twice shows in the
number of keys. Whatever is unusual takes the long way, to which a property test holds this one.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

import msgspec

from prescreen.candidate.profile import Coding as ProfileCoding
from prescreen.candidate.profile import ObservationRecord
from prescreen.catalogue import system_name
from prescreen.fhir.codes import observations_in_words
from prescreen.fhir.resources import NOT_GIVEN, PLAIN, Coding, Concept, PlainResult
from prescreen.fhir.setting import Setting, State
from prescreen.quantities.numerals import bounded
from prescreen.time import parse_when

_FINAL: Final = frozenset({"final", "amended", "corrected"})
_UCUM: Final = "http://unitsofmeasure.org"
_NUMBER: Final = re.compile(rb"(0|[1-9][0-9]{0,14})(\.[0-9]{1,20})?")
_KEYS: Final = 14  # that each such result has: 6 of its own, 3 of its code, 1 of its subject, 4 of its value
_COLON: Final = b'":'
_BLANK: Final = b" \t\n\r"


def plain_result(raw: bytes) -> PlainResult | None:
    """What an Observation's text says, where it is such a result and no key of it is given twice."""
    if not raw.isascii() or b"\\" in raw or b"\x7f" in raw:
        return None
    try:
        found: PlainResult = PLAIN.decode(raw)
    except msgspec.DecodeError:
        return None
    concept = found.code
    if len(concept.coding) != 1 or found.status not in _FINAL:
        return None
    coding = concept.coding[0]
    keys = _KEYS
    if found.id is not None:
        keys += 1
    if concept.text is not None:
        keys += 1
    if coding.display is not None:
        keys += 1
    unread: list[bytes] = []
    for each in (
        found.meta, found.category, found.encounter, found.issued, found.text, found.identifier, found.performer,
        found.method, found.specimen, found.bodySite, found.note, found.extension, found.subject.display,
    ):  # fmt: skip
        if each is not NOT_GIVEN:
            keys += 1
            unread.append(bytes(each))
    # Without blanks and escapes, `":` stands after each key and nowhere else. Of two equal keys msgspec takes one.
    inside = b",".join(unread).translate(None, _BLANK).count(_COLON)
    return found if raw.translate(None, _BLANK).count(_COLON) == keys + inside else None


def add_plain(found: PlainResult, path: str, setting: Setting) -> State | None:
    """The record of such a result; None where something about it is unusual."""
    coding, quantity, when = found.code.coding[0], found.valueQuantity, found.effectiveDateTime
    unit: str = quantity.code
    if quantity.unit != unit or quantity.system != _UCUM or not unit or "/" in when or when[17:19] == "60":
        return None
    match = _NUMBER.fullmatch(bytes(quantity.value))
    if match is None:
        return None
    value: Any = int(match[0]) if match[2] is None else Decimal(match[0].decode())
    if match[2] is not None and bounded(value) is None:
        return None
    given = (coding.system, coding.code, coding.display, found.code.text)
    known = setting.plain_codes.get(given)
    if known is None:
        known = setting.plain_codes[given] = _code(given, setting)
    if known[0] is None:
        return None
    try:
        parse_when(when)
    except ValueError:
        return None
    source = f"{path.removesuffix('.resource')} Observation"
    setting.add_sound(_record(found.id or None, known[0], value, unit, when, source), path)
    return known[1]


_new: Final[Any] = ObservationRecord.__new__
_set: Final[Any] = object.__setattr__
_GIVEN: Final = {"id", "code", "source", "value", "unit", "date"}


def _record(identity: Any, code: ProfileCoding, value: Any, unit: str, date: str, source: str) -> Any:
    """The record that validation of the same would make, sooner: nothing of it needs to be checked any more."""
    record = _new(ObservationRecord)
    fields = {"id": identity, "code": code, "source": source, "verification": "confirmed", "value": value,
              "unit": unit, "reference_range": None, "detection_limit": None, "date": date}  # fmt: skip
    _set(record, "__dict__", fields)
    _set(record, "__pydantic_fields_set__", _GIVEN)
    _set(record, "__pydantic_extra__", None)
    _set(record, "__pydantic_private__", None)
    return record


def _code(given: tuple[str, str, str | None, str | None], setting: Setting) -> tuple[ProfileCoding | None, State]:
    """A code as the profile has it, and whether it is listed; None where a longer look at it is needed."""
    system, code, display, text = given
    if not system or not code:
        return None, "open"
    if setting.catalogue.observation_for(system, code) is not None:
        return ProfileCoding(system=system, code=code), "understood"
    if not display or (":" not in system and system_name(system) is None):
        return None, "open"
    if observations_in_words(Concept([Coding(system, code, display)], text), setting.catalogue):
        return None, "open"
    return ProfileCoding(system=system, code=code, display=display), "unmapped"
