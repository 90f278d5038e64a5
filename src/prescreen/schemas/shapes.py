"""Pieces that schemas are made of, in draft-07, which every editor reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

Shape = dict[str, Any]

DIALECT: Final = "http://json-schema.org/draft-07/schema#"

TEXT: Final[Shape] = {"type": ["string", "number", "boolean"], "minLength": 1}
"""A text: YAML may take it for a number or a truth value, and the loader reads it as it is written."""

FLAG: Final[Shape] = {"type": "boolean"}
NUMBER: Final[Shape] = {"type": ["number", "string"]}


def words(options: Iterable[str]) -> Shape:
    """One of several words."""
    return {"type": "string", "enum": list(options)}


def known(names: Iterable[str]) -> Shape:
    """A name that an editor completes; another may have been added elsewhere."""
    return {"anyOf": [{"enum": sorted(names, key=lambda name: (name.casefold(), name))}, TEXT]}


def matching(pattern: str, *examples: str) -> Shape:
    """A text of a form, with examples that editors offer."""
    return {"type": "string", "pattern": pattern, **({"examples": list(examples)} if examples else {})}


def list_of(items: Shape, least: int = 1, most: int | None = None) -> Shape:
    return {"type": "array", "items": items, "minItems": least, **({"maxItems": most} if most else {})}


def one_or_more(item: Shape) -> Shape:
    """A thing, or a list of such things."""
    return {"anyOf": [item, list_of(item)]}


def ref(name: str) -> Shape:
    return {"$ref": f"#/definitions/{name}"}


def mapping(properties: Mapping[str, Shape], required: Sequence[str] = (), **more: Any) -> Shape:
    """A mapping of known keys only."""
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": dict(properties), "additionalProperties": False, **needed, **more}


def names_of(values: Shape, pattern: str) -> Shape:
    """A mapping whose keys are names that the author gives."""
    return {"type": "object", "patternProperties": {pattern: values}, "additionalProperties": False}


def any_key(keys: Iterable[str]) -> list[Shape]:
    """For `anyOf` or `oneOf`: a mapping that has this key, or that one."""
    return [has_key(key) for key in keys]


def has_key(key: str) -> Shape:
    return {"type": "object", "required": [key]}


def said(description: str, shape: Shape) -> Shape:
    """A shape with what an editor shows beside it."""
    return {"description": description, **shape}
