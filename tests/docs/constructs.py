"""The constructs of the language: every key and every word of the schemas, and which of them a text makes use of.

The schemas are made from the loaders' tables, so that a new key is a new construct here without further ado. Where the
same keys stand in many places (bounds, options of all events, code systems), they are one construct each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jsonschema import Draft7Validator

from prescreen.catalogue.codes import SYSTEMS
from prescreen.catalogue.entries import ENTRY_KEYS
from prescreen.language.comparisons import OPERATORS
from prescreen.language.events import DOMAINS, OPTIONS

BOUNDS: Final = (*OPERATORS, "between")
SHARED: Final = set.intersection(*(set(options) for options in OPTIONS.values()))
"""The options that all events have."""
EVENTS: Final = tuple(section for section in ENTRY_KEYS if section != "observations")
_MANY: Final = 20
"""So many words are no words of the language, but names of a catalogue."""
_CODES: Final = ("code-", "parent", "input")

Schema = Mapping[str, Any]


def constructs(schema: Schema) -> set[str]:
    """Every construct that a schema knows."""
    found: set[str] = set()
    for name, node in _roots(schema):
        if not name.startswith(_CODES):
            found.update(_all(node, name))
    return {construct for construct in found if construct}


def used(schema: Schema, data: Any) -> set[str]:
    """The constructs of a schema that a file's content makes use of."""
    return {construct for construct in _used(schema, Draft7Validator(schema), schema, data, "") if construct}


def _roots(schema: Schema) -> Iterator[tuple[str, Schema]]:
    yield "", {key: value for key, value in schema.items() if key != "definitions"}
    yield from schema["definitions"].items()


def _all(node: Any, path: str) -> Iterator[str]:
    if not isinstance(node, dict):
        return
    yield from (_key(path, key) for key in node.get("properties", {}))
    yield from (_word(path, word) for word in _words(node))
    for key, value, inner in _parts(node, path):
        if key != "if":
            yield from _all(value, inner)


def _parts(node: Schema, path: str) -> Iterator[tuple[str, Any, str]]:
    """The schemas in a schema, with the path that each belongs to."""
    for key, value in node.items():
        match key:
            case "properties":
                yield from ((key, each, f"{path}/{name}") for name, each in value.items())
            case "patternProperties":
                yield from ((key, each, path) for each in value.values())
            case "anyOf" | "oneOf" | "allOf":
                yield from ((key, each, path) for each in value)
            case "items" | "if" | "then" | "additionalProperties":
                yield key, value, path


def _used(root: Schema, validator: Draft7Validator, node: Any, data: Any, path: str) -> Iterator[str]:
    if not isinstance(node, dict):
        return
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        if not name.startswith(_CODES):
            yield from _used(root, validator, root["definitions"][name], data, name)
        return
    yield from (_word(path, word) for word in _words(node) if word == data)
    here = data if isinstance(data, dict) else {}
    properties = node.get("properties", {})
    for name in properties.keys() & here.keys():
        yield _key(path, name)
        yield from _used(root, validator, properties[name], here[name], f"{path}/{name}")
    for key, value, inner in _parts(node, path):
        match key:
            case "patternProperties" | "additionalProperties":
                for name in here.keys() - properties.keys():
                    yield from _used(root, validator, value, here[name], inner)
            case "items" if isinstance(data, list):
                for item in data:
                    yield from _used(root, validator, value, item, inner)
            case "anyOf" | "oneOf" | "allOf" if "if" in value:
                if validator.evolve(schema=value["if"]).is_valid(data):
                    yield from _used(root, validator, value["then"], data, inner)
            case "anyOf" | "oneOf" | "allOf" if validator.evolve(schema=value).is_valid(data):
                yield from _used(root, validator, value, data, inner)


def _words(node: Schema) -> list[str]:
    words = node.get("enum", [])
    return words if len(words) < _MANY else []


def _key(path: str, key: str) -> str:
    """What a key is called as a construct; "" for what is none of its own."""
    place = _place(path)
    if "except/" in f"{path}/" or place.endswith("/per_cohort"):
        return ""  # what stands in an exception, or for a cohort, are the options of its kind
    if key in BOUNDS and place not in ("observation", "age", "change"):
        return f"a bound of {place}"
    if key == "per_cohort":
        return f"per_cohort of {place}" if place in ("observation", "age") else "per_cohort of an option"
    if place in DOMAINS and key in SHARED:
        return f"event: {key}"
    if key == "unless":
        return "unless"
    if path.startswith("/") and key in SYSTEMS:
        return f"catalogue: {key}"
    return f"{place}: {key}"


def _word(path: str, word: str) -> str:
    if "except/" in f"{path}/" or path.endswith("/not"):
        return ""
    place = _place(path)
    domain, _, option = place.partition("/")
    if option == "ask":
        return f"ask: {word}"
    return f"event/{option}: {word}" if domain in DOMAINS and option in SHARED else f"{place}: {word}"


def _place(path: str) -> str:
    """Where a key stands, as people would say it: the kind of condition, the section of a catalogue."""
    path = path.removeprefix("condition-").replace("observation/fall", "change").replace("observation/rise", "change")
    parts = re.sub("^[A-Z][a-z]+Record", "record", path).split("/")
    if len(parts) > 1 and parts[0] == parts[1]:  # what stands under the key of the kind itself
        del parts[1]
    if parts[0] == "" and len(parts) > 1 and parts[1] in EVENTS:
        parts[1] = "events"
    return "/".join(parts).removeprefix("/") or "the top"
