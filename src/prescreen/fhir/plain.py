"""Plain results, the commonest kind: a final number in one unit, under one code, of one day.

Most of a Bundle is such results, and `prescreen.fhir.observations` would take most of the time of a screening for them.
What is read here is the same, sooner, or None: then the long way is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from prescreen.candidate.profile import Coding as ProfileCoding
from prescreen.candidate.profile import ObservationRecord
from prescreen.candidate.taking import made
from prescreen.catalogue import Catalogue, system_name
from prescreen.fhir.bundle import Part, exact_json, has_odd_signs, may_change_meaning
from prescreen.fhir.codes import observations_in_words
from prescreen.fhir.resources import MEASURED, Coding, Concept
from prescreen.fhir.setting import Coded, Given, Setting, State
from prescreen.memory import keep
from prescreen.quantities.numerals import bounded
from prescreen.time import parse_when

FINAL: Final = frozenset({"final", "amended", "corrected"})
UCUM: Final = "http://unitsofmeasure.org"

_WHAT: Final = frozenset(
    {"resourceType", "id", "meta", "text", "identifier", "status", "category", "code", "extension"}
)
_WHEN: Final = frozenset({"subject", "encounter", "issued", "effectiveDateTime", "performer"})
_SHARED: Final = frozenset({"resourceType", "id", "status", "category", "code"})  # without the values of the first two
_AFTER: Final = frozenset({"meta", "method", "specimen", "bodySite", "note"})
_PLAIN: Final = _WHAT | _WHEN | _AFTER | {"valueQuantity"}
_QUANTITY: Final = frozenset({"value", "unit", "system", "code"})
_BELOW: Final = 10**15
_MARKS: Final = 16  # around the key `valueQuantity`, the four of a quantity, and three texts; one twice has more
_MOST_KEPT: Final = 4096
_MOST_CATALOGUES: Final = 8
_LONGEST_SHARED: Final = 2_000  # bytes; a longer text is remembered for its Bundle only

_OPEN: Final[Coded] = (None, "open")


def read_plain(data: dict[str, Any], path: str, setting: Setting) -> State | None:
    """An Observation given as data."""
    if not data.keys() <= _PLAIN:
        return None
    quantity: Any = data.get("valueQuantity")
    when: Any = data.get("effectiveDateTime")
    identity: Any = data.get("id")
    if type(quantity) is not dict or not quantity.keys() <= _QUANTITY or not _is_moment(when):
        return None
    value: Any = quantity.get("value")
    unit: Any = quantity.get("code")
    if quantity.get("system") != UCUM or unit != quantity.get("unit") or not _is_measured(value, unit):
        return None
    if identity is not None and type(identity) is not str:
        return None
    coded = _coded(data, setting.catalogue, setting.plain_codes)
    if coded[0] is None:
        return None
    setting.add_sound(_record(identity or None, coded[0], value, unit, when, path), path)
    return coded[1]


class _What:
    """What stands before the subject. code: None where the long way is taken; keys: of the members."""

    __slots__ = ("code", "keys", "state")

    def __init__(self, code: ProfileCoding | None, state: State, keys: frozenset[str]) -> None:
        self.code = code
        self.state: State = state
        self.keys = keys


class _When:
    """What stands between the subject and the value. setting: None where the long way is taken."""

    __slots__ = ("date", "setting")

    def __init__(self, setting: Setting | None, date: str) -> None:
        self.setting = setting
        self.date = date


_UNFIT: Final = frozenset({"resourceType"})
"""For the keys of what cannot follow a value: one that stands before it."""


class PlainTexts:
    """Reads the Observations of a Bundle from their texts, of which most is the same again and again.

    What stands before the subject is the same for all results of one test, what stands from there to the value for all
    of one encounter, and what follows for all of one system; each such text is read once. As JSON they are whole
    between the keys around them, and no two share a key: so they are the resource, in which no key is there twice.
    """

    __slots__ = ("_after", "_before", "_between", "_catalogue", "_codes", "_settings", "_shared")

    def __init__(self, catalogue: Catalogue, settings: Mapping[str, Setting]) -> None:
        """settings: the candidates by the references that lead to them."""
        self._catalogue = catalogue
        self._settings = settings
        self._codes: dict[Given, Coded] = {}
        self._shared = _shared(catalogue)
        self._before: dict[bytes, _What] = {}
        self._between: dict[bytes, _When] = {}
        self._after: dict[bytes, frozenset[str]] = {}

    def read(self, part: Part) -> State | None:
        """An Observation whose text begins with its type and id."""
        raw, identity, plain = part.raw, part.early, part.plain
        if raw is None or identity is None:
            return None
        middle = raw.find(b'"subject"', part.begin)
        last = raw.find(b'"valueQuantity"', middle)
        if middle < 0 or last < 0:
            return None
        marks, end = 0, last
        while marks < _MARKS:  # a unit such as `{score}` has signs of an object's end
            end = raw.find(b"}", end) + 1
            if end == 0:
                return None
            measured = raw[last:end]
            marks = measured.count(b'"')
        if marks > _MARKS or has_odd_signs(measured, plain):
            return None
        before, between, after = raw[part.begin : middle], raw[middle:last], raw[end:]
        what = self._shared.get(before) or self._before.get(before)
        if what is None:
            what = self._read_before(before, plain)
        if what.code is None:
            return None
        when = self._between.get(between)
        if when is None:
            when = keep(self._between, between, self._read_between(between, plain), _MOST_KEPT)
        if when.setting is None:
            return None
        keys = self._after.get(after)
        if keys is None:
            keys = keep(self._after, after, _read_after(after, plain), _MOST_KEPT)
        if not keys.isdisjoint(what.keys):
            return None
        try:
            quantity = MEASURED.decode(b"{" + measured + b"}").valueQuantity
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        value, unit = quantity.value, quantity.code
        if quantity.system != UCUM or unit != quantity.unit or not _is_measured(value, unit):
            return None
        when.setting.add_sound(_record(identity, what.code, value, unit, when.date, part.path), part.path)
        return what.state

    def _read_before(self, text: bytes, plain: bool) -> _What:
        data = _members(b'{"resourceType":0,"id":0', text, b'"subject":0}', plain)
        if data.pop("subject", None) is None or not data.keys() <= _WHAT:
            return keep(self._before, text, _What(None, "open", _UNFIT), _MOST_KEPT)
        code, state = _coded(data, self._catalogue, self._codes)
        is_shared = data.keys() <= _SHARED and len(text) <= _LONGEST_SHARED
        memory = self._shared if is_shared else self._before
        return keep(memory, text, _What(code, state, frozenset(data)), _MOST_KEPT)

    def _read_between(self, text: bytes, plain: bool) -> _When:
        data = _members(b"{", text, b'"valueQuantity":0}', plain)
        if data.pop("valueQuantity", None) is not None and data.keys() <= _WHEN:
            subject: Any = data.get("subject")
            date: Any = data.get("effectiveDateTime")
            reference: Any = subject.get("reference") if type(subject) is dict else None
            if type(reference) is str and _is_moment(date):
                return _When(self._settings.get(reference), date)
        return _When(None, "")


def _read_after(text: bytes, plain: bool) -> frozenset[str]:
    data = _members(b'{"valueQuantity":0', text, b"", plain)
    if data.pop("valueQuantity", None) is None or not data.keys() <= _AFTER:
        return _UNFIT
    return frozenset(data)


_MEMORY: Final[dict[str, dict[bytes, _What]]] = {}


def _shared(catalogue: Catalogue) -> dict[bytes, _What]:
    """What is remembered across Bundles: what was measured, of which nothing is a candidate's own."""
    if len(_MEMORY) >= _MOST_CATALOGUES:
        _MEMORY.clear()
    return _MEMORY.setdefault(catalogue.sha256, {})


def _members(begin: bytes, text: bytes, end: bytes, plain: bool) -> dict[str, Any]:
    """What members of a resource say; nothing where they are not whole, or a longer look at them is needed."""
    if may_change_meaning(text) or has_odd_signs(text, plain):
        return {}
    try:
        data = exact_json(begin + text + end)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _is_moment(when: Any) -> bool:
    if type(when) is not str or "/" in when or when[17:19] == "60":
        return False
    try:
        parse_when(when)
    except ValueError:
        return False
    return True


def _is_measured(value: Any, unit: Any) -> bool:
    if type(unit) is not str or not unit:
        return False
    if type(value) is int:
        return 0 <= value < _BELOW
    return type(value) is Decimal and value >= 0 and bounded(value) is not None


def _coded(data: dict[str, Any], catalogue: Catalogue, known: dict[Given, Coded]) -> Coded:
    """The code of a result, if it is final. known: those met so far."""
    status, concept = data.get("status"), data.get("code")
    if type(status) is not str or status not in FINAL or type(concept) is not dict:
        return _OPEN
    codings = concept.get("coding")
    if type(codings) is not list or len(codings) != 1 or type(codings[0]) is not dict:
        return _OPEN
    coding = codings[0]
    system, code, display, text = coding.get("system"), coding.get("code"), coding.get("display"), concept.get("text")
    if type(system) is not str or type(code) is not str:
        return _OPEN
    if (display is not None and type(display) is not str) or (text is not None and type(text) is not str):
        return _OPEN
    given = (system, code, display, text)
    found = known.get(given)
    if found is None:
        found = known[given] = _read_code(system, code, display, text, catalogue)
    return found


def _read_code(system: str, code: str, display: str | None, text: str | None, catalogue: Catalogue) -> Coded:
    if catalogue.observation_for(system, code) is not None:
        return ProfileCoding(system=system, code=code), "understood"
    if not _says_nothing(system, display, text, catalogue):
        return _OPEN
    return ProfileCoding(system=system, code=code, display=display), "unmapped"


def _says_nothing(system: str, display: str | None, text: str | None, catalogue: Catalogue) -> bool:
    """Whether a code that is not listed is surely of a system, and no observation is named so in words."""
    if not display:
        return False
    if ":" not in system and system_name(system) is None:
        return False
    return not observations_in_words(Concept([Coding(system, "?", display)], text), catalogue)


_GIVEN: Final = {"id", "code", "source", "value", "unit", "date"}


def _record(identity: Any, code: ProfileCoding, value: Any, unit: str, date: str, path: str) -> Any:
    source = f"{path.removesuffix('.resource')} Observation"
    fields = {"id": identity, "code": code, "source": source, "verification": "confirmed", "value": value,
              "unit": unit, "reference_range": None, "detection_limit": None, "date": date}  # fmt: skip
    return made(ObservationRecord, fields, _GIVEN)
