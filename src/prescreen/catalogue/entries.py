"""One catalogue file: the keys of an entry, read into a concept, each mistake told at its place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Final, get_args

from prescreen.catalogue.codes import HIERARCHICAL, SYSTEMS, TITLES, is_code
from prescreen.catalogue.model import (
    DOMAINS,
    FORMULAS,
    Asked,
    Domain,
    Equivalent,
    EventConcept,
    HalfLife,
    ObservationConcept,
)
from prescreen.problems import Problem, closest, did_you_mean
from prescreen.quantities import Analyte, UnitProblem, analyte, molar_mass, parse_number
from prescreen.yamlio import Node

SCHEMA: Final = "prescreen/catalogue/1"

MISTAKES: Final[dict[str, str]] = {
    "unreadable": "a file or folder that cannot be opened, or is no ordinary one",
    "wrong-schema": "a file that does not begin with the schema of its kind",
    "wrong-type": "a mapping, list, text, number or yes-or-no where another was expected",
    "missing-key": "something that must be said is not",
    "unknown-key": "a key that does not exist here",
    "unknown-value": "a word that is none of those allowed here",
    "invalid-name": "a name or id with characters that names do not have",
    "invalid-number": "a number that cannot be read or cannot be meant",
    "invalid-formula": "a formula, of a molecule or of a quantity, that cannot be read or computes nothing",
    "invalid-code": "a code that its code system cannot have",
    "missing-unit": "a number without the unit that it needs",
    "unknown-unit": "a unit that cannot be read",
    "wrong-unit": "a unit of the wrong kind",
    "mass-twice": "a molar mass given as formula and as number",
    "range-upside-down": "a range that ends before it begins",
    "duplicate-id": "one id or name given to two things",
    "duplicate-code": "one code given to two observations",
    "unknown-parent": "a broader concept that the catalogue does not hold",
    "unknown-input": "an input of a derivation that the catalogue does not hold",
    "unknown-equivalent": "a treatment that doses are expressed in and that the catalogue does not hold",
    "too-many-parents": "a concept that rests on more broader ones than anybody wrote",
    "too-many-inputs": "a derivation that rests on more observations than anybody wrote",
    "cycle": "a concept that is broader than itself, or derived from itself",
}
"""Every code of a problem of a catalogue file, besides those of `prescreen.yamlio`, and what it means."""

UNIT_CODES: Final = {"unit-missing": "missing-unit", "unit-unknown": "unknown-unit", "unit-incompatible": "wrong-unit"}
"""What a unit that does not fit an analyte is called in a file of the author's."""

Concept = ObservationConcept | EventConcept


Entry = tuple[str, Node, Node, Concept | None]
"""The section and the nodes of the name and of the content of a concept; the concept is None where it has a mistake."""


def read_entries(root: Node, file: str, problems: list[Problem], check_units: bool) -> Iterator[Entry]:
    """The concepts of a file, each with its places.

    problems: takes what is wrong. check_units: whether each unit is held against its analyte, which costs what the
    first use of units costs.
    """
    reader = _Reader(file, problems, check_units)
    sections = reader.fields(root, "a catalogue file", ("schema", "observations", *DOMAINS))
    schema = sections.pop("schema", None)
    if schema is None or schema.text != SCHEMA:
        reader.refuse(schema or root, "wrong-schema", f"expected `schema: {SCHEMA}`")
    for section, entries in sections.items():
        for name, node in reader.entries(entries, section):
            before = len(problems)
            if node.kind != "map":
                reader.refuse(node, "wrong-type", f"`{name.text}` must be a map of keys and values")
                yield section, name, node, None
                continue
            domain = next((domain for domain in DOMAINS if domain == section), None)
            concept = _event(reader, domain, name, node) if domain else _observation(reader, name, node)
            yield section, name, node, concept if len(problems) == before else None


_COMMON: Final = ("label", "synonyms", "ask", "question", *SYSTEMS)
_OBSERVATION: Final = (
    *("unit", "units", "equates", "formula_mass", "molar_mass", "denominator_formula_mass", "valence", "affine"),
    *("plausible", "values", "signed", "derived", *_COMMON),
)
_EVENT: Final = ("parents", "momentary", "outside", "perhaps", "include", "exclude", *_COMMON)
_TREATMENT: Final = ("half_life", "equivalents", *_EVENT)
ENTRY_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "observations": _OBSERVATION,
    **dict.fromkeys(DOMAINS, _EVENT),
    "treatments": _TREATMENT,
}
"""The keys of a concept by section."""
VALUE_SET_KEYS: Final = ("system", "codes", "is_a")
DERIVATION_KEYS: Final = ("formula", "inputs")
NAME: Final = "[A-Za-z0-9][A-Za-z0-9-]{0,63}"
"""What the name of a concept is, as a regular expression."""
HALF_LIFE_KEYS: Final = ("length", "source")
EQUIVALENT_KEYS: Final = ("of", "equals", "source")
_HIERARCHICAL: Final = tuple(sorted(HIERARCHICAL))
_ASKED: Final[tuple[Asked, ...]] = get_args(Asked)


def _observation(reader: _Reader, key: Node, node: Node) -> ObservationConcept:
    name = key.text
    fields = reader.fields(node, f"`{name}`", ENTRY_KEYS["observations"])
    label = reader.required_text(fields, "label", key)
    values = reader.texts(fields.get("values"))
    unit = reader.text(fields["unit"], empty=True) if "unit" in fields else None
    if unit is None and not values:
        reader.refuse(key, "missing-unit", f"`{name}` needs a unit, or the values that a coded result may have",
                      '`unit: ""` is right for a score')  # fmt: skip
    quantity = _analyte(reader, name, unit, fields)
    units = reader.texts(fields.get("units"))
    if reader.check_units and quantity is not None:
        reader.check(quantity, fields)
    low, high = reader.plausible(fields.get("plausible"))
    formula, inputs = reader.derivation(fields.get("derived"))
    return ObservationConcept(
        name=name,
        label=label,
        synonyms=reader.texts(fields.get("synonyms")),
        codes={system: codes for system, codes in reader.codes(fields).items() if codes},
        analyte=quantity,
        unit=unit or "",
        units=units,
        values=values,
        low=low,
        high=high,
        formula=formula,
        inputs=inputs,
        ask=reader.asked(fields.get("ask")),
        question=reader.text(fields["question"]) if "question" in fields else f"What is the latest {label}, and when?",
    )


def _analyte(reader: _Reader, name: str, unit: str | None, fields: Mapping[str, Node]) -> Analyte | None:
    """How the units of an observation convert; None for a coded result."""
    if unit is None:
        return None
    try:
        return analyte(
            unit,
            molar_mass=reader.mass(fields.get("formula_mass"), fields.get("molar_mass")),
            denominator_molar_mass=reader.mass(fields.get("denominator_formula_mass"), None),
            valence=reader.count(fields.get("valence")),
            equates=reader.texts(fields.get("equates")),
            affine=reader.affine(fields.get("affine")),
            may_be_negative=reader.flag(fields.get("signed")),
            name=name,
        )
    except ValueError as error:
        reader.refuse(fields["unit"], "unknown-unit", str(error))
        return None


def _event(reader: _Reader, domain: Domain, key: Node, node: Node) -> EventConcept:
    fields = reader.fields(node, f"`{key.text}`", ENTRY_KEYS[domain])
    label = reader.required_text(fields, "label", key)
    asked = f"Is there any record of {label}, and when?"
    codes = reader.codes(fields)
    listed, included = reader.value_set(fields.get("include"))
    excluded, below = reader.value_set(fields.get("exclude"))
    for more in (listed, included):
        codes = {system: (*codes.get(system, ()), *more.get(system, ())) for system in {**codes, **more}}
    excluded = {system: (*excluded.get(system, ()), *below.get(system, ())) for system in {**excluded, **below}}
    return EventConcept(
        name=key.text,
        domain=domain,
        label=label,
        synonyms=reader.texts(fields.get("synonyms")),
        parents=reader.texts(fields.get("parents")),
        codes={system: left for system, some in codes.items() if (left := _without(system, some, excluded))},
        momentary=reader.flag(fields.get("momentary")),
        ask=reader.asked(fields.get("ask")),
        question=reader.text(fields["question"]) if "question" in fields else asked,
        outside=reader.patterns(fields, "outside"),
        perhaps=reader.patterns(fields, "perhaps"),
        included={system: some for system, some in included.items() if system not in HIERARCHICAL},
        excluded=excluded,
        half_life=reader.half_life(fields.get("half_life")),
        equivalents=reader.equivalents(fields.get("equivalents")),
    )


def _without(system: str, codes: tuple[str, ...], excluded: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Codes but for those that are excluded; in a hierarchical system that is seen when a code is looked up."""
    gone = () if system in HIERARCHICAL else excluded.get(system, ())
    return tuple(code for code in dict.fromkeys(codes) if code not in gone)


_HOURS: Final = {"hours": 1, "hour": 1, "days": 24, "day": 24}


class _Reader:
    """Reads nodes as what a key wants; what is something else becomes a problem and a harmless value."""

    def __init__(self, file: str, problems: list[Problem], check_units: bool) -> None:
        self.file = file
        self.problems = problems
        self.check_units = check_units

    def refuse(self, node: Node, code: str, message: str, hint: str | None = None) -> None:
        self.problems.append(node.problem(code, message, self.file, hint))

    def fields(self, node: Node, what: str, known: tuple[str, ...]) -> dict[str, Node]:
        """The values of a map by key; unknown keys are refused."""
        if node.kind != "map":
            self.refuse(node, "wrong-type", f"{what} must be a map of keys and values")
        found: dict[str, Node] = {}
        for key, value in node.pairs():
            if key.text in known:
                found[key.text] = value
                continue
            meant = closest(key.text, known)
            hint = f"did you mean `{meant}`?" if meant else f"one of {', '.join(known)}"
            self.refuse(key, "unknown-key", f"{what} has no key `{key.text[:64]}`", hint)
            if meant and node.get(meant) is None:  # what stands under it may have mistakes of its own
                found.setdefault(meant, value)
        return found

    def entries(self, node: Node, section: str) -> Iterator[tuple[Node, Node]]:
        """The names of a section with their concepts' nodes."""
        if node.kind != "map":
            self.refuse(node, "wrong-type", f"`{section}` must be a map from names to concepts")
        for key, value in node.pairs():
            if re.fullmatch(NAME, key.text, re.ASCII):
                yield key, value
            else:
                self.refuse(
                    key, "invalid-name", f"`{key.text[:64]}` is no name", "letters, digits and hyphens, at most 64"
                )

    def text(self, node: Node, empty: bool = False) -> str:
        if node.kind != "scalar" or not (node.text.strip() or empty):
            self.refuse(node, "wrong-type", "expected a text")
        return node.text

    def required_text(self, fields: Mapping[str, Node], name: str, key: Node) -> str:
        if name in fields:
            return self.text(fields[name])
        who = f"`{key.text[:64]}`" if key.kind == "scalar" else "this"
        self.refuse(key, "missing-key", f"{who} needs a `{name}`")
        return ""

    def texts(self, node: Node | None) -> tuple[str, ...]:
        if node is None:
            return ()
        if node.kind != "list":
            self.refuse(node, "wrong-type", "expected a list of texts in square brackets")
        return tuple(self.text(item) for item in node.items())

    def flag(self, node: Node | None) -> bool:
        value = node.plain() if node is not None and node.kind == "scalar" else False
        if node is not None and (node.kind != "scalar" or not isinstance(value, bool)):
            self.refuse(node, "wrong-type", "expected true or false")
        return value is True

    def number(self, node: Node) -> Fraction | None:
        number = parse_number(node.text) if node.kind == "scalar" else None
        if number is None:
            self.refuse(node, "invalid-number", "expected a number", "write it with a decimal point, as in 0.5")
        return number

    def count(self, node: Node | None) -> int | None:
        number = self.number(node) if node is not None else None
        if node is None or number is None:
            return None
        if number.denominator != 1 or not 1 <= number <= 8:
            self.refuse(node, "invalid-number", "expected a whole number from 1 to 8")
            return None
        return int(number)

    def mass(self, formula: Node | None, number: Node | None) -> Fraction | None:
        """Grams per mole, from a chemical formula or as given."""
        if formula is not None and number is not None:
            self.refuse(number, "mass-twice", "a molar mass is given as formula or as number, not both")
        if formula is not None:
            try:
                return molar_mass(self.text(formula))
            except ValueError as error:
                self.refuse(formula, "invalid-formula", str(error))
        mass = self.number(number) if number is not None else None
        if number is None or mass is None:
            return None
        if mass <= 0:
            self.refuse(number, "invalid-number", "a molar mass is above 0")
            return None
        return mass

    def pair(self, node: Node) -> tuple[Fraction, Fraction] | None:
        items = node.items()
        if len(items) != 2:
            self.refuse(node, "wrong-type", "expected a list of two numbers")
            return None
        first, second = self.number(items[0]), self.number(items[1])
        return None if first is None or second is None else (first, second)

    def plausible(self, node: Node | None) -> tuple[Fraction | None, Fraction | None]:
        pair = self.pair(node) if node is not None else None
        if node is None or pair is None:
            return None, None
        if pair[0] >= pair[1]:
            self.refuse(node, "range-upside-down", "a plausible range begins below its end")
        return pair

    def affine(self, node: Node | None) -> dict[str, tuple[Fraction, Fraction]] | None:
        """By unit, the factor and the offset that make a value canonical."""
        if node is None:
            return None
        if node.kind != "map":
            self.refuse(node, "wrong-type", "expected a map from units to factor and offset")
        pairs = ((key.text, self.pair(value)) for key, value in node.pairs())
        return {unit: pair for unit, pair in pairs if pair is not None}

    def derivation(self, node: Node | None) -> tuple[str | None, tuple[str, ...]]:
        if node is None:
            return None, ()
        fields = self.fields(node, "`derived`", DERIVATION_KEYS)
        formula = self.required_text(fields, "formula", node)
        if formula and formula not in FORMULAS:
            self.refuse(fields["formula"], "unknown-value", f"no derivation is named `{formula[:64]}`",
                        did_you_mean(formula[:64], FORMULAS))  # fmt: skip
        inputs = self.texts(fields.get("inputs"))
        if not inputs:
            self.refuse(node, "missing-key", "a derivation needs its `inputs`")
        return formula, inputs

    def half_life(self, node: Node | None) -> HalfLife | None:
        """`{length: 22 days, source: …}`, in hours or days."""
        if node is None:
            return None
        fields = self.fields(node, "`half_life`", HALF_LIFE_KEYS)
        text, source = self.required_text(fields, "length", node), self.required_text(fields, "source", node)
        number, _, unit = text.partition(" ")
        value, hours = parse_number(number), _HOURS.get(unit)
        if text and (value is None or value <= 0 or hours is None):
            self.refuse(fields["length"], "invalid-number", "expected a number of hours or days, such as `22 days`")
        return HalfLife(value * hours, source) if value and hours else None

    def equivalents(self, node: Node | None) -> dict[str, Equivalent]:
        """`{prednisone: {of: 4, equals: 5, source: …}}`: 4 mg of this are worth 5 mg of prednisone."""
        if node is None:
            return {}
        if node.kind != "map":
            self.refuse(node, "wrong-type", "expected a map from treatments to what a dose is worth in them")
        found: dict[str, Equivalent] = {}
        for key, value in node.pairs():
            fields = self.fields(value, "an equivalent", EQUIVALENT_KEYS)
            source = self.required_text(fields, "source", value)
            pair = [(self.number(fields[name]) if name in fields else None) or Fraction(0) for name in ("of", "equals")]
            if min(pair) <= 0:
                self.refuse(value, "invalid-number", "an equivalent needs two doses above 0, `of` and `equals`")
            else:
                found[key.text] = Equivalent(pair[1] / pair[0], source)
        return found

    def asked(self, node: Node | None) -> Asked:
        if node is None:
            return "coordinator"
        for person in _ASKED:
            if node.text == person:
                return person
        self.refuse(node, "unknown-value", f"expected one of {', '.join(_ASKED)}", did_you_mean(node.text[:64], _ASKED))
        return "coordinator"

    def patterns(self, fields: Mapping[str, Node], name: str) -> dict[str, tuple[str, ...]]:
        """Codes by hierarchical system, under a key of their own; an empty list counts."""
        if name not in fields:
            return {}
        return self.codes(self.fields(fields[name], f"`{name}`", _HIERARCHICAL))

    def value_set(self, node: Node | None) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
        """`[{system: snomed, codes: […], is_a: […]}, …]`: by system, single codes, and codes with what lies below."""
        single: dict[str, tuple[str, ...]] = {}
        below: dict[str, tuple[str, ...]] = {}
        if node is None:
            return single, below
        if node.kind != "list":
            self.refuse(node, "wrong-type", "expected a list of systems, each with its codes")
        for item in node.items():
            fields = self.fields(item, "a part of a value set", VALUE_SET_KEYS)
            named = self.required_text(fields, "system", item)
            if named and named not in SYSTEMS:
                hint = did_you_mean(named[:64], SYSTEMS)
                self.refuse(fields["system"], "unknown-value", f"there is no code system `{named[:64]}`", hint)
            if not fields.keys() & {"codes", "is_a"}:
                self.refuse(item, "missing-key", "a part of a value set needs `codes` or `is_a`")
            if named not in SYSTEMS:
                continue
            for key, found in (("codes", single), ("is_a", below)):
                if key in fields:
                    found[named] = (*found.get(named, ()), *self.codes_of(named, fields[key]))
        return single, below

    def codes(self, fields: Mapping[str, Node]) -> dict[str, tuple[str, ...]]:
        """Codes by system; what cannot be one, by its form or check digit, is refused."""
        found: dict[str, tuple[str, ...]] = {}
        for system in SYSTEMS:
            if system not in fields:
                continue
            found[system] = self.codes_of(system, fields[system])
        return found

    def codes_of(self, system: str, node: Node) -> tuple[str, ...]:
        """A list of codes of a system; what cannot be one is refused."""
        for item in node.items():
            if item.kind == "scalar" and not is_code(system, item.text):
                self.refuse(item, "invalid-code", f"`{item.text[:64]}` is no {TITLES[system]} code",
                            "check it for a misprint: its form or its check digit is wrong")  # fmt: skip
        return self.texts(node)

    def check(self, quantity: Analyte, fields: Mapping[str, Node]) -> None:
        """Hold the canonical and the other units against the analyte."""
        for node in (fields["unit"], *(fields["units"].items() if "units" in fields else ())):
            scale = quantity.scale(node.text)
            if isinstance(scale, UnitProblem):
                self.refuse(node, UNIT_CODES[scale.code], scale.message)
