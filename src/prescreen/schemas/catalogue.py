"""The schema of a catalogue file. Which keys stand where is the loader's to say; their shapes are in `_KEYS` here."""

from __future__ import annotations

from typing import Any, Final, get_args

from prescreen.catalogue import Asked, bundled_catalogue
from prescreen.catalogue.codes import FORMS, HIERARCHICAL, SYSTEMS, TITLES
from prescreen.catalogue.entries import DERIVATION_KEYS, ENTRY_KEYS, EQUIVALENT_KEYS, HALF_LIFE_KEYS, NAME, SCHEMA
from prescreen.catalogue.model import FORMULAS
from prescreen.schemas.shapes import (
    DIALECT,
    FLAG,
    NUMBER,
    TEXT,
    Shape,
    any_key,
    known,
    list_of,
    mapping,
    names_of,
    ref,
    said,
    words,
)

_TEXTS: Final = list_of(TEXT, 0)
_PAIR: Final = list_of(NUMBER, 2, 2)


def _codes(system: str) -> Shape:
    form = {"type": ["string", "number"], "pattern": f"^({FORMS[system].pattern})$"}
    return said(f"codes of {TITLES[system]}", list_of(form, 0))


def _by_hierarchy(description: str) -> Shape:
    return said(description, mapping({system: _codes(system) for system in sorted(HIERARCHICAL)}))


def _value_set(description: str) -> Shape:
    part = {
        "system": said("a code system by its short name", {"type": "string", "pattern": f"^({'|'.join(SYSTEMS)})$"}),
        **dict.fromkeys(("codes", "is_a"), list_of({"type": ["string", "number"]})),
    }
    return said(description, list_of({**mapping(part, ("system",)), "anyOf": any_key(("codes", "is_a"))}))


_KEYS: Final[dict[str, Shape]] = {
    "label": said("what people call it", TEXT),
    "synonyms": said("other names for it in rule files and candidates", _TEXTS),
    "ask": said("who is asked for it; by default the coordinator", words(get_args(Asked))),
    "question": said("how it is asked for", TEXT),
    **{system: _codes(system) for system in SYSTEMS},
    "unit": said('the unit in which it is shown; "" for a score', {"type": ["string", "number"]}),
    "units": said("other units in use", _TEXTS),
    "equates": said("units that mean the same here", _TEXTS),
    "formula_mass": said("the chemical formula, from which the molar mass is computed", TEXT),
    "molar_mass": said("grams per mole", NUMBER),
    "denominator_formula_mass": said("the chemical formula of what it is a ratio to", TEXT),
    "valence": said("equivalents per mole", {"type": ["integer", "string"], "minimum": 1, "maximum": 8}),
    "affine": said(
        "scales that are no multiple of ours: by unit, factor and offset",
        {"type": "object", "additionalProperties": _PAIR},
    ),
    "plausible": said("the lowest and the highest value that can be meant, in its unit", _PAIR),
    "values": said("the codes that a coded result may have", _TEXTS),
    "signed": said("whether it may be below 0", FLAG),
    "derived": said("how it is computed where it was not measured", ref("derivation")),
    "parents": said("broader concepts", list_of(ref("parent"), 0)),
    "momentary": said("whether it is an event of a moment, such as a stroke", FLAG),
    "half_life": said(
        "the half-life of elimination, and who says so",
        mapping({"length": TEXT, "source": TEXT}, HALF_LIFE_KEYS),
    ),
    "equivalents": said(
        "by other treatments, what a dose is worth in them",
        {
            "type": "object",
            "additionalProperties": mapping({"of": NUMBER, "equals": NUMBER, "source": TEXT}, EQUIVALENT_KEYS),
        },
    ),
    "outside": _by_hierarchy("codes that surely mean something else"),
    "perhaps": _by_hierarchy("codes that may be of it"),
    "include": _value_set("codes that are of it: single ones, and ones with all that lies below them"),
    "exclude": _value_set("codes that are not of it, although they lie below its own"),
}
"""What stands under each key of a concept; a new key is a line here."""

_DERIVATION: Final[dict[str, Shape]] = {
    "formula": said("the name of the derivation", words(FORMULAS)),
    "inputs": said("the observations it is computed from", list_of(ref("input"))),
}


def catalogue_schema() -> dict[str, Any]:
    """The JSON Schema of a catalogue file."""
    catalogue = bundled_catalogue()
    sections = {
        section: said(
            f"{section} by name",
            names_of(_concept(section, keys), f"^{NAME}$"),
        )
        for section, keys in ENTRY_KEYS.items()
    }
    return {
        "$schema": DIALECT,
        "title": "A file of the catalogue",
        **mapping({"schema": said("the kind and version of this file", {"const": SCHEMA}), **sections}, ("schema",)),
        "definitions": {
            "derivation": mapping({key: _DERIVATION[key] for key in DERIVATION_KEYS}, DERIVATION_KEYS),
            "parent": known({name for concepts in catalogue.events.values() for name in concepts}),
            "input": known(catalogue.observations),
        },
    }


def _concept(section: str, keys: tuple[str, ...]) -> Shape:
    more = {"anyOf": any_key(("unit", "values"))} if section == "observations" else {}
    return mapping({key: _KEYS[key] for key in keys}, ("label",), **more)
