"""Plain results, the commonest kind: a final number in one unit, under one code, of one day; or several such numbers as
the components of a panel, or a coded result.

Most of a Bundle is such results, and `prescreen.fhir.observations` would take most of the time of a screening for them.
What is read here is the same, sooner, or None: then the long way is taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from prescreen.candidate.checks import text_fault
from prescreen.candidate.profile import Coding as ProfileCoding
from prescreen.candidate.profile import ObservationRecord
from prescreen.candidate.taking import made
from prescreen.catalogue import Catalogue, system_name
from prescreen.fhir.bundle import Part, exact_json, has_odd_signs, may_change_meaning
from prescreen.fhir.codes import observations_in_words, result_in_words
from prescreen.fhir.resources import Coding, Concept, Result, slim
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
_OF_COMPONENT: Final = {"code", "valueQuantity"}
_NUMBER: Final = b'"valueQuantity"'
_CODED_RESULT: Final = b'"valueCodeableConcept"'
_COMPONENTS: Final = b'"component"'
_BELOW: Final = 10**15
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
    if not _is_well_formed(data.get("subject"), data.get("issued")):
        return None
    coded = _coded(data, setting.catalogue, setting.plain_codes)
    if coded[0] is None:
        return None
    setting.add_sound(_record(identity or None, coded[0], value, unit, when, _source(path)), path)
    return coded[1]


class _What:
    """What stands before the subject. code: None where the long way is taken; keys: of the members; result: the key
    that the last such result had its value under, where the next one's is looked for first."""

    __slots__ = ("code", "keys", "result", "state")

    def __init__(self, code: ProfileCoding | None, state: State, keys: frozenset[str], result: bytes) -> None:
        self.code = code
        self.state: State = state
        self.keys = keys
        self.result = result


class _When:
    """What stands between the subject and the value. setting: None where the long way is taken."""

    __slots__ = ("date", "setting")

    def __init__(self, setting: Setting | None, date: str) -> None:
        self.setting = setting
        self.date = date


class _End:
    """What stands from a coded result or the components on, but for their quantities. keys: of the members after it;
    value: the coded result in words; components: their codes. Neither: the long way is taken."""

    __slots__ = ("components", "keys", "value")

    def __init__(self, keys: frozenset[str], value: str | None, components: list[Coded]) -> None:
        self.keys = keys
        self.value = value
        self.components = components


_UNFIT: Final = frozenset({"resourceType"})
"""For the keys of what cannot follow a value: one that stands before it."""


class PlainTexts:
    """Reads the Observations of a Bundle from their texts, of which most is the same again and again.

    What stands before the subject is the same for all results of one test, what stands from there to the value for all
    of one encounter, and what follows for all of one system; each such text is read once. As JSON they are whole
    between the keys around them, and no two share a key: so they are the resource, in which no key is there twice.
    Of a panel the components but for their quantities are such a text, too, as is a coded result.
    """

    __slots__ = ("_after", "_before", "_between", "_catalogue", "_codes", "_ends", "_settings", "_shared")

    def __init__(self, catalogue: Catalogue, settings: Mapping[str, Setting]) -> None:
        """settings: the candidates by the references that lead to them."""
        self._catalogue = catalogue
        self._settings = settings
        self._codes: dict[Given, Coded] = {}
        self._shared = _shared(catalogue)
        self._before: dict[bytes, _What] = {}
        self._between: dict[bytes, _When] = {}
        self._after: dict[bytes, frozenset[str]] = {}
        self._ends: dict[bytes, _End] = {}

    def read(self, part: Part) -> State | None:
        """An Observation whose text begins with its type and id."""
        raw, identity, plain = part.raw, part.early, part.plain
        if raw is None or identity is None:
            return None
        middle = raw.find(b'"subject"', part.begin)
        if middle < 0:
            return None
        before = raw[part.begin : middle]
        what = self._shared.get(before) or self._before.get(before)
        if what is None:
            what = self._read_before(before, _key_of_result(raw, middle), plain)
        if what.code is None:
            return None
        while True:
            last = raw.find(what.result, middle)
            between = raw[middle:last] if last >= 0 else b""
            when = self._between.get(between)
            if when is None:
                when = keep(self._between, between, self._read_between(between, plain), _MOST_KEPT)
            if when.setting is not None:
                break
            result = _key_of_result(raw, middle)
            if result == what.result:
                return None
            what.result = result
        if what.result == _NUMBER:
            return self._read_number(part, identity, raw, last, what, when)
        if what.result == _COMPONENTS:
            return self._read_components(part, identity, raw[last:], what, when)
        rest = raw[last:]
        coded = self._ends.get(rest)
        if coded is None:
            coded = keep(self._ends, rest, _read_coded(rest, plain), _MOST_KEPT)
        if coded.value is None or not coded.keys.isdisjoint(what.keys):
            return None
        record = _record(identity, what.code, coded.value, None, when.date, _source(part.path))
        when.setting.add_sound(record, part.path)
        return what.state

    def _read_number(self, part: Part, identity: str, raw: bytes, last: int, what: _What, when: _When) -> State | None:
        """A result whose value is a quantity, which begins at `last`."""
        setting, code = when.setting, what.code
        quantity = _quantity(raw, last)
        if quantity is None or setting is None or code is None:
            return None
        after = raw[quantity.end :]
        keys = self._after.get(after)
        if keys is None:
            keys = keep(self._after, after, _read_after(after, part.plain), _MOST_KEPT)
        if not keys.isdisjoint(what.keys):
            return None
        record = _record(identity, code, quantity.value, quantity.unit, when.date, _source(part.path))
        setting.add_sound(record, part.path)
        return what.state

    def _read_components(self, part: Part, identity: str, rest: bytes, what: _What, when: _When) -> State | None:
        """A panel, whose components are quantities. rest: of its text, from the components on."""
        setting = when.setting
        quantities: list[_Quantity] = []
        pieces: list[bytes] = []
        begin = 0
        place = rest.find(_NUMBER)
        while place >= 0:
            quantity = _quantity(rest, place)
            if quantity is None:
                return None
            quantities.append(quantity)
            pieces.append(rest[begin:place])
            begin = quantity.end
            place = rest.find(_NUMBER, begin)
        pieces.append(rest[begin:])
        around = b'"valueQuantity":0'.join(pieces)
        panel = self._ends.get(around)
        if panel is None:
            panel = keep(self._ends, around, self._read_panel(around, part.plain), _MOST_KEPT)
        # as many as there are: so none stands elsewhere
        if setting is None or len(panel.components) != len(quantities) or not panel.keys.isdisjoint(what.keys):
            return None
        state: State = "understood"
        source = _source(part.path)
        for index, (code, known) in enumerate(panel.components):
            if code is not None:  # as all of them are
                quantity = quantities[index]
                record = _record(f"{identity}#{index}", code, quantity.value, quantity.unit, when.date, source)
                setting.add_sound(record, f"{part.path}.component[{index}]")
            if known == "unmapped":
                state = "unmapped"
        return state

    def _read_before(self, text: bytes, result: bytes, plain: bool) -> _What:
        data = _members(b'{"resourceType":0,"id":0', text, b'"subject":0}', plain)
        if data.pop("subject", None) is None or not data.keys() <= _WHAT:
            return keep(self._before, text, _What(None, "open", _UNFIT, result), _MOST_KEPT)
        code, state = _coded(data, self._catalogue, self._codes)
        is_shared = data.keys() <= _SHARED and len(text) <= _LONGEST_SHARED
        memory = self._shared if is_shared else self._before
        return keep(memory, text, _What(code, state, frozenset(data), result), _MOST_KEPT)

    def _read_panel(self, text: bytes, plain: bool) -> _End:
        """Components, in each of which a nought stands for its quantity, and what follows them."""
        data = _members(b"{", text, b"", plain)
        components: Any = data.pop("component", None)
        codes: list[Coded] = []
        if type(components) is list and data.keys() <= _AFTER:
            for each in components:
                if type(each) is not dict or each.keys() != _OF_COMPONENT or each["valueQuantity"] != 0:
                    return _NO_END
                coded = _known_code(each["code"], self._catalogue, self._codes)
                if coded[0] is None:
                    return _NO_END
                codes.append(coded)
        return _End(frozenset(data), None, codes) if codes else _NO_END

    def _read_between(self, text: bytes, plain: bool) -> _When:
        data = _members(b"{", text, b'"valueQuantity":0}', plain)
        if data.pop("valueQuantity", None) is not None and data.keys() <= _WHEN:
            subject: Any = data.get("subject")
            date: Any = data.get("effectiveDateTime")
            reference: Any = subject.get("reference") if type(subject) is dict else None
            if type(reference) is str and _is_moment(date) and _is_well_formed(subject, data.get("issued")):
                return _When(self._settings.get(reference), date)
        return _When(None, "")


_NO_END: Final = _End(_UNFIT, None, [])


def _key_of_result(raw: bytes, begin: int) -> bytes:
    """Under which key a resource has its value, or values; that of a number where it is none of those known."""
    first, place = _NUMBER, raw.find(_NUMBER, begin)
    for key in (_CODED_RESULT, _COMPONENTS):
        other = raw.find(key, begin)
        if other >= 0 and (place < 0 or other < place):
            first, place = key, other
    return first


class _Quantity:
    """A plain quantity in a text, and where it ends."""

    __slots__ = ("end", "unit", "value")

    def __init__(self, value: int | Decimal, unit: str, end: int) -> None:
        self.value = value
        self.unit = unit
        self.end = end


_QUANTITY_TEXT: Final = re.compile(
    rb"""
    "valueQuantity"_:_\{
    _"value"_:_((?:[1-9][0-9]{0,14}+|0)(\.[0-9]{1,20}+)?+)_,
    _"unit"_:_"([ !#-\[\]-~]++)"_,
    _"system"_:_"http://unitsofmeasure\.org"_,
    _"code"_:_"\3"_
    \}""".replace(b"_", rb"[\t\n\r]*+\x20*+"),  # blanks, indentation; twice as fast as if any blanks were taken
    re.VERBOSE,
)


def _quantity(text: bytes, begin: int) -> _Quantity | None:
    """The plain quantity that is the member of a resource whose key begins there; None where it is another one."""
    match = _QUANTITY_TEXT.match(text, begin)
    if match is None:
        return None
    number, fraction, unit = match.groups()
    value: Any = int(number) if fraction is None else Decimal(number.decode())
    return _Quantity(value, unit.decode(), match.end())


def _read_coded(text: bytes, plain: bool) -> _End:
    """A coded result, and what follows it."""
    data = _members(b"{", text, b"", plain)
    given = {"valueCodeableConcept": data.pop("valueCodeableConcept", None)}
    if not data.keys() <= _AFTER:
        return _NO_END
    result, bad = slim(given, Result)
    if bad or result.valueCodeableConcept is None:
        return _NO_END
    words = result_in_words(result.valueCodeableConcept)
    if not words or text_fault(words) is not None:
        return _NO_END
    return _End(frozenset(data), words, [])


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


def _is_well_formed(subject: Any, issued: Any) -> bool:
    """Whether what is not used here has the form that FHIR gives it, so that the long way would tell nothing of it."""
    if subject is None:
        return _is_text(issued)
    if type(subject) is not dict:
        return False
    given = (issued, subject.get("reference"), subject.get("type"), subject.get("display"))
    return all(map(_is_text, given))


def _is_text(value: Any) -> bool:
    return value is None or type(value) is str


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
    status = data.get("status")
    if type(status) is not str or status not in FINAL:
        return _OPEN
    return _known_code(data.get("code"), catalogue, known)


def _known_code(concept: Any, catalogue: Catalogue, known: dict[Given, Coded]) -> Coded:
    if type(concept) is not dict:
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


_GIVEN: Final = {"id", "code", "source", "value", "date"}
_GIVEN_NUMBER: Final = _GIVEN | {"unit"}


def _source(path: str) -> str:
    """How the records of an Observation name it, as those of `Entry` do."""
    return f"{path.removesuffix('.resource')} Observation"


def _record(identity: Any, code: ProfileCoding, value: Any, unit: str | None, date: str, source: str) -> Any:
    fields = {"id": identity, "code": code, "source": source, "verification": "confirmed", "value": value,
              "unit": unit, "reference_range": None, "detection_limit": None, "date": date}  # fmt: skip
    return made(ObservationRecord, fields, _GIVEN if unit is None else _GIVEN_NUMBER)
