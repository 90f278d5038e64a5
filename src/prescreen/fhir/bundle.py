"""A Bundle as a list of entries: its JSON taken apart, each resource read only if something of it is used.

Numbers are exact, and no key that is given twice goes unnoticed. msgspec takes a Bundle apart without reading what is
in its resources, most of which nobody asks about; jiter reads what is left around them, and each resource that is used
(docs/decisions/0004, 0025).
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Final

import jiter
import msgspec

from prescreen.candidate.read import from_json, refuse_unusable
from prescreen.fhir.resources import BUNDLE, ENTRIES, ENTRY, kind_in
from prescreen.memory import keep
from prescreen.problems import InputRefused, Problem

MAX_ENTRIES: Final = 200_000
_LARGE: Final = 4_000_000  # bytes from which on values are counted before they are read
_SMALL: Final = 100
_DEEPEST: Final = 4  # Bundles in Bundles

_NEAR: Final = 300  # within which an id is looked for
_SOON: Final = 2_000  # within which most entries have their resource: so near, `find` begins without preparations
_LONGEST_ID: Final = 64

_FIRST: Final = rb'\s*"resourceType"\s*:\s*"([A-Za-z]{1,60})"(?:\s*,\s*"id"\s*:\s*"())?'
_FHIR: Final = re.compile(rb"\s*\{" + _FIRST)
_RESOURCE: Final = re.compile(rb'"resource"\s*:\s*(?=\{(?:' + _FIRST + rb")?)")
_ID: Final = re.compile(rb'[.-]*[A-Za-z0-9][A-Za-z0-9.-]*"')
_WITHIN: Final = re.compile(rb'"resourceType"\s*:\s*"([A-Za-z]{1,60})"')
_ESCAPED: Final = re.compile(rb"\\[ubf]")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_TYPE: Final = re.compile(r"[A-Za-z]{1,60}")


_CODED: Final = ("code", "medicationCodeableConcept", "medicationReference", "vaccineCode", "component", "ingredient")
_CODING: Final = frozenset({*_CODED, "coding", "system", "text", "reference"})


class Part:
    """An entry of a Bundle, or a resource within one.

    path: of the resource, or of the entry where there is none. kind: the type of its resource, None where that is not
    known; url: its fullUrl. raw: the resource's text; data: the resource, where it was read with the whole. problem:
    what is wrong with the entry or its JSON; twice: keys that are given twice. plain: whether the Bundle's text has
    no sign as it is that no text has; escaped ones are looked for in each resource. early: the resource's id, where
    its text begins with type and id; begin: how much of the text those are.
    """

    __slots__ = ("begin", "data", "early", "kind", "path", "plain", "problem", "raw", "twice", "url")

    def __init__(
        self,
        path: str,
        kind: str | None,
        url: str | None = None,
        raw: bytes | None = None,
        data: dict[str, Any] | None = None,
        problem: str | None = None,
        plain: bool = False,
    ) -> None:
        self.path = path
        self.kind = kind
        self.url = url
        self.raw = raw
        self.data = data
        self.problem = problem
        self.plain = plain
        self.early: str | None = None
        self.begin = 0
        self.twice: frozenset[str] = frozenset()

    def identity(self) -> object:
        """The resource's id as it is written."""
        return self.early if self.early is not None else self.read().get("id")

    def read(self) -> dict[str, Any]:
        """The resource; of a key that is given twice the first, and all such keys in `twice`.

        It is not kept: a Bundle's resources together are many objects, which the collector of garbage would walk over.
        """
        if self.data is not None:
            return self.data
        raw = self.raw or b""
        try:
            data = exact_json(raw)
        except ValueError as error:
            data = self._with_mistakes(raw, str(error))
        if has_odd_signs(raw, self.plain):
            data = _harmless(data)
        return data if isinstance(data, dict) else {}

    def _with_mistakes(self, raw: bytes, mistake: str) -> object:
        """What can be read of JSON that is not as it should be. mistake: what jiter says of it."""
        twice: set[str] = set()
        first = partial(_first_of_each, twice)
        try:
            text = raw.decode()  # strictly: `json` would take surrogates from bytes
            data: object = json.loads(text, parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=first)
        except (ValueError, ArithmeticError, RecursionError):
            self.problem = "its JSON cannot be read"
            return {}
        self.twice = frozenset(twice)
        if twice:
            self.problem = f"the key `{_harmless(min(twice)[:40])}` is given twice"
        elif "hex escape" in mistake:
            self.problem = "half of a sign that is written as two"
        elif "recursion" in mistake:
            self.problem = "it is nested too deeply"
        else:
            self.problem = "a number that cannot be read"
        if isinstance(data, dict) and not _CODING.isdisjoint(twice):
            for name in _CODED:  # of what it is, none of two codes can be told
                data.pop(name, None)
        return data

    def changes_meaning(self, data: dict[str, Any]) -> bool:
        """Whether something in the resource changes its meaning in a way that nobody here knows."""
        return (self.raw is None or may_change_meaning(self.raw)) and _changes(data)


# (`x in text` makes an exception first, and takes longer than to look for it in a resource.)


def exact_json(text: bytes) -> object:
    """What JSON says, numbers exact. Raises ValueError where a key is given twice, or it is none."""
    return jiter.from_json(text, float_mode="decimal", catch_duplicate_keys=True, allow_inf_nan=False)


def has_odd_signs(text: bytes, plain: bool) -> bool:
    """Whether JSON may have signs that no text has. plain: none as they are."""
    if text.find(b"\\") >= 0 and _ESCAPED.search(text) is not None:
        return True
    return not plain and (text.find(b"\x7f") >= 0 or text.find(b"\xc2") >= 0)


def may_change_meaning(text: bytes) -> bool:
    """Whether JSON may have something that changes its meaning in a way that nobody here knows."""
    return (
        text.find(b"modifierExtension") >= 0
        or text.find(b"implicitRules") >= 0
        or (text.find(b"\\") >= 0 and text.find(b"\\u") >= 0)
    )


def _changes(value: Any) -> bool:
    if isinstance(value, dict):
        return "modifierExtension" in value or "implicitRules" in value or any(_changes(v) for v in value.values())
    if isinstance(value, list):
        return any(_changes(each) for each in value)
    return False


def _first_of_each(twice: set[str], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, of keys that are given twice the first; they are added to some."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            twice.add(key)
        else:
            found[key] = value
    return found


def _no_number(text: str) -> None:
    return None


def kind_of_text(text: bytes) -> str | None:
    """The type of a resource; None where its text does not say it."""
    match = _FHIR.match(text)
    return kind_in(text) if match is None else match[1].decode()


def parts(source: bytes | Mapping[str, Any], used: Container[str]) -> list[Part]:
    """The entries of a Bundle, those of Bundles in it among them. Raises InputRefused where it is none.

    used: the types of resources that are read.
    """
    if isinstance(source, bytes):
        if len(source) > _LARGE or len(source) < _SMALL:
            refuse_unusable(source)
        found = _at_once(source, used)
        if found is not None:
            return found
    data = _whole(source) if isinstance(source, bytes) else source
    if data.get("resourceType") != "Bundle":
        raise InputRefused([no_bundle(data.get("resourceType"))])
    if data.get("implicitRules") is not None:
        message = "the Bundle is made by rules of its own (implicitRules), which are not known"
        raise InputRefused([Problem("fhir", message)])
    entries: list[Part] = []
    _add_entries(data, "", 0, entries)
    return entries


def no_bundle(kind: object) -> Problem:
    named = f"a FHIR {kind}" if isinstance(kind, str) and _TYPE.fullmatch(kind) else "a FHIR resource"
    hint = "a folder of NDJSON files, one for each resource type, is read by `prescreen import`"
    return Problem("fhir", f"is {named}: expected a Bundle, with the Patient and its records", hint=hint)


def _at_once(text: bytes, used: Container[str]) -> list[Part] | None:
    """The entries without reading their resources; None where something is amiss, or that would not be safe.

    used: the types of resources that are read; of others only what contains one of those has its text.
    """
    try:
        bundle = BUNDLE.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    entries: list[Any] = bundle.entry
    if bundle.resourceType != "Bundle" or len(entries) > MAX_ENTRIES or bundle.implicitRules is not None:
        return None
    plain = text.find(b"\x7f") < 0 and text.find(b"\xc2") < 0
    found: list[Part] = []
    outside: list[bytes] = []
    position = 0
    named = 0
    last = _NO_HEAD
    for index, entry in enumerate(entries):
        key = text.find(b'"resource"', position, position + _SOON)
        if key < 0:
            key = text.find(b'"resource"', position)
        head = last
        if last.is_before_id and key >= 0 and text.startswith(last.text, key):
            begin = key + len(last.text)  # as many begin like the one before
        else:
            mark = text.find(b'"id"', key, key + _NEAR) if key >= 0 else -1
            begin = 0 if mark < 0 else text.find(b'"', mark + len(b'"id"')) + 1
            beginning = text[key:begin] if begin else b""
            found_head = _HEADS.get(beginning)
            if found_head is None:
                found_head = _head(text, key, begin, beginning)
                if found_head.is_before_id and len(beginning) <= _NEAR:
                    keep(_HEADS, beginning, found_head, _MOST_HEADS)
            head = last = found_head
        if head.length == 0:
            return None
        start = key + head.length
        outside.append(text[position:start])
        resource: Any = entry.resource
        position = start + len(resource)
        # another key may be called so, and an entry may have none
        if position == start or not text.startswith(resource, start):
            return None
        kind = head.kind
        own: bytes | None = None
        if kind is None:
            own = text[start:position]
            kind = kind_in(own)
        if kind is None or kind == "Bundle" or entry.modifierExtension is not None:
            return None
        if own is None and (kind in used or _holds(text, start, position, used)):
            own = text[start:position]
        url: str | None = entry.fullUrl
        if url is not None:
            named += 1
        part = Part(f"entry[{index}].resource", kind, url, own, None, None, plain)
        if own is not None and head.is_before_id:
            identity = _ID.match(text, begin)
            end = begin if identity is None else identity.end()
            if begin < end <= begin + _LONGEST_ID + 1:
                part.early = text[begin : end - 1].decode()
                part.begin = end - start
        found.append(part)
    return found if _is_each_once(outside, text[position:], named) else None


_MOST_HEADS: Final = 4096


class _Head:
    """How a resource begins in its entry, as many others do: the text up to its id.

    kind: its type, where it begins with that; length: of the text before the resource, 0 where there is none;
    is_before_id: whether its id follows.
    """

    __slots__ = ("is_before_id", "kind", "length", "text")

    def __init__(self, text: bytes, kind: str | None, length: int, is_before_id: bool) -> None:
        self.text = text
        self.kind = kind
        self.length = length
        self.is_before_id = is_before_id


_NO_HEAD: Final = _Head(b"", None, 0, False)
_HEADS: Final[dict[bytes, _Head]] = {}
"""Those that are a type and the key of the id: of these there are few in all Bundles."""


def _head(text: bytes, key: int, begin: int, beginning: bytes) -> _Head:
    """What begins with the key `resource`. begin: where the value of the next key `id` does, as text; beginning: all
    before that."""
    place = _RESOURCE.match(text, key) if key >= 0 else None
    if place is None:
        return _NO_HEAD
    kind: bytes | None = place[1]
    named = None if kind is None else kind.decode()
    return _Head(beginning, named, place.end() - key, place.end(2) == begin)


def _is_each_once(before: list[bytes], rest: bytes, named: int) -> bool:
    """Whether no key of a Bundle itself is given twice, by what is left of its text without its resources.

    before: what stands before each resource; rest: what stands after the last. msgspec takes the last of two equal
    keys, so that an entry with two resources is not where the text has its first one, or `rest` has one too many.
    """
    around = (before[0] if before else b"") + rest
    left = b"null".join(before) + b"null" + rest if before else rest
    if (
        b"\\" not in left
        and b'"resource"' not in rest
        and left.count(b'"fullUrl"') == named
        and around.count(b'"entry"') == 1
        and around.count(b'"resourceType"') == 1
        and b'"implicitRules"' not in around
        and b'"modifierExtension"' not in left
    ):
        return True
    try:
        jiter.from_json(left, catch_duplicate_keys=True)
    except ValueError:
        return False
    return True


def _holds(text: bytes, start: int, end: int, kinds: Container[str]) -> bool:
    """Whether a resource of certain types may be within another one, whose text begins and ends there."""
    if text.find(b"\\", start, end) >= 0 and text.find(b"\\u", start, end) >= 0:
        return True  # any letter may be written so, those of a type too
    place = text.find(b'"resourceType"', start + 20, end)
    while place >= 0:
        match = _WITHIN.match(text, place)
        if match is not None and match[1].decode() in kinds:
            return True
        place = text.find(b'"resourceType"', place + 14, end)
    return False


def _whole(text: bytes) -> Mapping[str, Any]:
    """The whole Bundle as data. What is given twice within resources is told for each; elsewhere it is refused.

    Resources with keys that are given twice stay text, as `msgspec.Raw`.
    """
    try:
        data = from_json(text)
    except InputRefused as refused:
        whole = Part("", None, None, text)
        data = whole.read()
        if not whole.twice or not _STRUCTURE.isdisjoint(whole.twice):
            raise refused from None
        try:
            _leave_as_text(data, text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise refused from None
    return data if isinstance(data, dict) else {}


def _leave_as_text(bundle: dict[str, Any], text: bytes) -> None:
    """Put in place of the resources of a Bundle that have mistakes their texts. Raises msgspec.DecodeError."""
    entries: Any = bundle.get("entry")
    if not isinstance(entries, list):
        return
    texts: list[Any] = ENTRIES.decode(text).entry
    for entry, own in zip(entries, texts, strict=True):
        if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
            resource: Any = ENTRY.decode(own).resource
            try:
                exact_json(bytes(resource))
            except ValueError:
                entry["resource"] = resource


_STRUCTURE: Final = frozenset({"entry", "resource", "resourceType", "fullUrl", "implicitRules", "modifierExtension"})
"""Keys of a Bundle and its entries that say what their resources are, and whether they mean what they say."""


def _add_entries(bundle: Mapping[str, Any], prefix: str, depth: int, found: list[Part]) -> None:
    """The entries of a Bundle that was read as a whole; those of Bundles in it in its place."""
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        found.append(Part(f"{prefix}entry", None, None, None, None, "the entries of the Bundle are no list"))
        return
    if len(entries) > MAX_ENTRIES:
        raise InputRefused([Problem("too-long", f"a Bundle of more than {MAX_ENTRIES:,} entries")])
    data: dict[str, Any]
    for index, entry in enumerate(entries):
        path = f"{prefix}entry[{index}]"
        if not isinstance(entry, dict):
            found.append(Part(path, None, None, None, None, "the entry is no object"))
            continue
        resource: Any = entry.get("resource")
        given: Any = entry.get("fullUrl")
        url: str | None = given if isinstance(given, str) else None
        if isinstance(resource, msgspec.Raw):
            _add_text(bytes(resource), f"{path}.resource", url, _entry_problem(entry), depth, found)
        elif resource is None:
            found.append(Part(path, None, url, None, None, "the entry has no resource"))
        elif not isinstance(resource, dict):
            found.append(Part(f"{path}.resource", None, url, None, None, UNTYPED))
        elif _kind(resource) is None:
            data = _harmless(resource)
            found.append(Part(f"{path}.resource", _likely_kind(data), url, None, data, UNTYPED))
        elif _kind(resource) == "Bundle" and depth < _DEEPEST:
            _add_entries(resource, f"{path}.resource.", depth + 1, found)
        else:
            data = _harmless(resource)
            found.append(Part(f"{path}.resource", _kind(resource), url, None, data, _entry_problem(entry)))


def _add_text(raw: bytes, path: str, url: str | None, problem: str | None, depth: int, found: list[Part]) -> None:
    """A resource of which a key is given twice."""
    kind = kind_of_text(raw)
    part = Part(path, kind, url, raw, None, problem)
    if kind == "Bundle" and depth < _DEEPEST:
        _add_entries(_whole(raw), f"{path}.", depth + 1, found)
        return
    if kind is None:
        part.kind = _likely_kind(part.read())
    found.append(part)


def _entry_problem(entry: Mapping[str, Any]) -> str | None:
    return None if entry.get("modifierExtension") is None else CHANGED


def _likely_kind(resource: Mapping[str, Any]) -> str | None:
    """What a resource that does not say its type may be, if it is one that could contradict others."""
    if any(key.startswith("value") or key in ("component", "effectiveDateTime") for key in resource):
        return "Observation"
    return "Condition" if "verificationStatus" in resource else None


UNTYPED: Final = "it is not said of which type the resource is"
CHANGED: Final = "an extension changes the meaning in a way that is not known"


def _kind(resource: Mapping[str, Any]) -> str | None:
    kind = resource.get("resourceType")
    return kind if isinstance(kind, str) and _TYPE.fullmatch(kind) else None


def _harmless(value: Any) -> Any:
    """The same data without signs that no text has, each of which becomes one that no code has."""
    if isinstance(value, str):
        return _CONTROL.sub("�", value)
    if isinstance(value, dict):
        return {_harmless(key): _harmless(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_harmless(inner) for inner in value]
    return value
