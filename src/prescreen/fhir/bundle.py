"""A Bundle as a list of entries: its JSON taken apart, each resource read only if something of it is used.

Numbers are exact, and no key that is given twice goes unnoticed. msgspec takes a Bundle apart without reading what is
in its resources, most of which nobody asks about; jiter reads what is left around them, and each resource that is used
(docs/decisions/0004, 0025).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import jiter
import msgspec

from prescreen.candidate.read import from_json, refuse_unusable
from prescreen.problems import InputRefused, Problem

MAX_ENTRIES: Final = 200_000
_LARGE: Final = 4_000_000  # bytes from which on values are counted before they are read
_SMALL: Final = 100
_DEEPEST: Final = 4  # Bundles in Bundles

_FHIR: Final = re.compile(rb'\s*\{\s*"resourceType"\s*:\s*"([A-Za-z]{1,60})"')
_RESOURCE: Final = re.compile(rb'"resource"\s*:\s*(?=\{\s*"resourceType"\s*:\s*"([A-Za-z]{1,60})")')
_SIGNS: Final = (b"\\", b"\x7f", b"\xc2")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_TYPE: Final = re.compile(r"[A-Za-z]{1,60}")


_NAMES: Final[dict[bytes, str]] = {}


class _RawEntry(msgspec.Struct):
    fullUrl: str | None = None
    resource: msgspec.Raw = msgspec.Raw(b"")


class _RawBundle(msgspec.Struct):
    resourceType: str | None = None
    entry: list[_RawEntry] = []


_DECODER: Final = msgspec.json.Decoder(_RawBundle)


class Part:
    """An entry of a Bundle, or a resource within one.

    path: of the resource, or of the entry where there is none. kind: the type of its resource, None where that is not
    known; url: its fullUrl. raw: the resource's text; data: the resource, once it is read. problem: what is wrong with
    the entry or its JSON; twice: keys that are given twice. plain: whether the text has no sign that might stand for
    one that no text has.
    """

    __slots__ = ("data", "kind", "path", "plain", "problem", "raw", "twice", "url")

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
        self.twice: frozenset[str] = frozenset()

    def read(self) -> dict[str, Any]:
        """The resource; of a key that is given twice the first, and all such keys in `twice`."""
        if self.data is None:
            self.data = self._parsed()
        return self.data

    def _parsed(self) -> dict[str, Any]:
        raw = self.raw or b""
        try:
            data = jiter.from_json(raw, float_mode="decimal", catch_duplicate_keys=True, allow_inf_nan=False)
        except ValueError:
            data = self._with_mistakes(raw)
        if not self.plain and (b"\\" in raw or b"\x7f" in raw or b"\xc2" in raw):
            data = _harmless(data)
        return data if isinstance(data, dict) else {}

    def _with_mistakes(self, raw: bytes) -> object:
        twice: set[str] = set()

        def first(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            found: dict[str, Any] = {}
            for key, value in pairs:
                if key in found:
                    twice.add(key)
                else:
                    found[key] = value
            return found

        try:
            data = json.loads(raw, parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=first)
        except (ValueError, ArithmeticError, RecursionError):
            self.problem = "its JSON cannot be read"
            return {}
        self.twice = frozenset(twice)
        if twice:
            self.problem = f"the key `{min(twice)[:40]}` is given twice"
        else:
            self.problem = "a number that cannot be read"
        return data


def _no_number(text: str) -> None:
    return None


def kind_of_text(text: bytes) -> str | None:
    """The type of a resource by how its text begins; None where it does not say it first."""
    match = _FHIR.match(text)
    return None if match is None else match[1].decode()


def parts(source: bytes | Mapping[str, Any]) -> list[Part]:
    """The entries of a Bundle, those of Bundles in it among them. Raises InputRefused where it is none."""
    if isinstance(source, bytes):
        if len(source) > _LARGE or len(source) < _SMALL:
            refuse_unusable(source)
        found = _at_once(source)
        if found is not None:
            return found
    data = _whole(source) if isinstance(source, bytes) else source
    if data.get("resourceType") != "Bundle":
        raise InputRefused([no_bundle(data.get("resourceType"))])
    return list(_entries(data, "", 0))


def no_bundle(kind: object) -> Problem:
    named = f"a FHIR {kind}" if isinstance(kind, str) and _TYPE.fullmatch(kind) else "a FHIR resource"
    hint = "a folder of NDJSON files, one for each resource type, is read by `prescreen import`"
    return Problem("fhir", f"is {named}: expected a Bundle, with the Patient and its records", hint=hint)


def _at_once(text: bytes) -> list[Part] | None:
    """The entries without reading their resources; None where something is amiss, or that would not be safe.

    What is left when each resource is cut out is read by jiter, so that no key of the Bundle itself is given twice.
    """
    try:
        bundle = _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    entries = bundle.entry
    if bundle.resourceType != "Bundle" or len(entries) > MAX_ENTRIES:
        return None
    plain = not any(sign in text for sign in _SIGNS)
    found: list[Part] = []
    outside: list[bytes] = []
    begins, position = _RESOURCE.search, 0
    for index, entry in enumerate(entries):
        place = begins(text, position)
        if place is None:
            return None
        name, start = place[1], place.end()
        own = bytes(entry.resource)
        if name == b"Bundle" or not text.startswith(own, start):
            return None
        outside.append(text[position:start])
        position = start + len(own)
        named = _NAMES.get(name) or _NAMES.setdefault(name, name.decode())
        found.append(Part(f"entry[{index}].resource", named, entry.fullUrl, own, None, None, plain))
    outside.append(text[position:])
    try:
        jiter.from_json(b"null".join(outside), catch_duplicate_keys=True)
    except ValueError:
        return None
    return found


def _whole(text: bytes) -> dict[str, Any]:
    """The whole Bundle as data. What is given twice within resources is told for each; elsewhere it is refused."""
    try:
        data = from_json(text)
    except InputRefused as refused:
        whole = Part("", None, raw=text)
        data = whole.read()
        if not whole.twice or not _STRUCTURE.isdisjoint(whole.twice):
            raise refused from None
        bundle = _DECODER.decode(text)
        data = {
            "resourceType": bundle.resourceType,
            "entry": [{"fullUrl": entry.fullUrl, "resource": entry.resource} for entry in bundle.entry],
        }
    return data if isinstance(data, dict) else {}


_STRUCTURE: Final = frozenset({"entry", "resource", "resourceType", "fullUrl"})


def _entries(bundle: Mapping[str, Any], prefix: str, depth: int) -> Iterator[Part]:
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        yield Part(f"{prefix}entry", None, problem="the entries of the Bundle are no list")
        return
    if len(entries) > MAX_ENTRIES:
        raise InputRefused([Problem("too-long", f"a Bundle of more than {MAX_ENTRIES:,} entries")])
    for index, entry in enumerate(entries):
        path = f"{prefix}entry[{index}]"
        if not isinstance(entry, dict):
            yield Part(path, None, problem="the entry is no object")
            continue
        resource, url = entry.get("resource"), entry.get("fullUrl")
        url = url if isinstance(url, str) else None
        if isinstance(resource, msgspec.Raw):
            kind = _FHIR.match(resource)
            part = Part(f"{path}.resource", None if kind is None else kind[1].decode(), url, bytes(resource))
            resource = part.read()
            if kind is None:
                part.kind = _kind(resource)
            yield part
            continue
        if resource is None:
            yield Part(path, None, url, problem="the entry has no resource")
            continue
        if not isinstance(resource, dict) or _kind(resource) is None:
            yield Part(f"{path}.resource", None, url, problem="it is not said of which type the resource is")
            continue
        if _kind(resource) == "Bundle" and depth < _DEEPEST:
            yield from _entries(resource, f"{path}.resource.", depth + 1)
            continue
        yield Part(f"{path}.resource", _kind(resource), url, data=_harmless(resource))


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
