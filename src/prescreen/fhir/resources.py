"""The slim models of FHIR R4: of each resource what is read, and nothing else (http://hl7.org/fhir/R4).

Everything may be absent, because data may be wrong. `slim` makes a model of JSON data of any shape: what has another
type than FHIR says is left out, and told with its path.
"""

from __future__ import annotations

import re
from typing import Any, Final, TypeVar

import msgspec


class Element(msgspec.Struct):
    """What all parts of a resource are made of."""


class Coding(Element):
    system: str | None = None
    code: str | None = None
    display: str | None = None


class Concept(Element):
    """A CodeableConcept."""

    coding: list[Coding] = []
    text: str | None = None


class Quantity(Element):
    """Also Age, Duration and SimpleQuantity. value: exact, an int or a Decimal; anything else is no number."""

    value: Any = None
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Span(Element):
    """A Range of quantities."""

    low: Quantity | None = None
    high: Quantity | None = None


class Ratio(Element):
    numerator: Quantity | None = None
    denominator: Quantity | None = None


class Period(Element):
    start: str | None = None
    end: str | None = None


class Reference(Element):
    reference: str | None = None
    type: str | None = None
    display: str | None = None


class ReferenceRange(Element):
    low: Quantity | None = None
    high: Quantity | None = None
    type: Concept | None = None
    appliesTo: list[Concept] = []
    age: Span | None = None
    text: str | None = None


class Result(Element):
    """What an Observation and its components have in common: a code and a value of some kind."""

    code: Concept | None = None
    valueQuantity: Quantity | None = None
    valueCodeableConcept: Concept | None = None
    valueString: str | None = None
    valueBoolean: bool | None = None
    valueInteger: int | None = None
    valueRange: Span | None = None
    valueRatio: Ratio | None = None
    dataAbsentReason: Concept | None = None
    interpretation: list[Any] = []
    referenceRange: list[ReferenceRange] = []


class Component(Result):
    pass


class Resource(Element):
    """What all resources have in common."""

    id: str | None = None
    status: str | None = None
    subject: Reference | None = None


class Observation(Result):
    id: str | None = None
    status: str | None = None
    subject: Reference | None = None
    effectiveDateTime: str | None = None
    effectiveInstant: str | None = None
    effectivePeriod: Period | None = None
    effectiveTiming: Any = None
    issued: str | None = None
    focus: list[Reference] = []
    component: list[Component] = []


class Timed(Resource):
    """A resource whose beginning is a date, a period, an age, or words."""

    onsetDateTime: str | None = None
    onsetPeriod: Period | None = None
    onsetAge: Quantity | None = None
    onsetRange: Span | None = None
    onsetString: str | None = None
    recordedDate: str | None = None


class Condition(Timed):
    clinicalStatus: Concept | None = None
    verificationStatus: Concept | None = None
    severity: Concept | None = None
    code: Concept | None = None
    abatementDateTime: str | None = None
    abatementPeriod: Period | None = None
    abatementAge: Quantity | None = None
    abatementRange: Span | None = None
    abatementString: str | None = None


class Reaction(Element):
    severity: str | None = None


class AllergyIntolerance(Timed):
    clinicalStatus: Concept | None = None
    verificationStatus: Concept | None = None
    code: Concept | None = None
    patient: Reference | None = None
    reaction: list[Reaction] = []


class Procedure(Resource):
    code: Concept | None = None
    performedDateTime: str | None = None
    performedPeriod: Period | None = None
    performedAge: Quantity | None = None
    performedRange: Span | None = None
    performedString: str | None = None


class Repeat(Element):
    frequency: Any = None
    frequencyMax: Any = None
    period: Any = None
    periodMax: Any = None
    periodUnit: str | None = None
    dayOfWeek: Any = None
    timeOfDay: Any = None
    when: Any = None
    count: Any = None


class Timing(Element):
    repeat: Repeat | None = None


class DoseAndRate(Element):
    doseQuantity: Quantity | None = None


class Dosage(Element):
    """Of an order or a statement; `dose` is that of an administration."""

    timing: Timing | None = None
    asNeededBoolean: bool | None = None
    asNeededCodeableConcept: Any = None
    route: Concept | None = None
    doseAndRate: list[DoseAndRate] = []
    dose: Quantity | None = None


class Medicated(Resource):
    """What the three resources about a drug have in common."""

    medicationCodeableConcept: Concept | None = None
    medicationReference: Reference | None = None
    reasonCode: list[Concept] = []
    contained: list[Any] = []


class MedicationRequest(Medicated):
    intent: str | None = None
    doNotPerform: bool | None = None
    authoredOn: str | None = None
    dosageInstruction: list[Dosage] = []


class MedicationStatement(Medicated):
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    dateAsserted: str | None = None
    dosage: list[Dosage] = []


class MedicationAdministration(Medicated):
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    dosage: Dosage | None = None


class Ingredient(Element):
    itemCodeableConcept: Concept | None = None
    isActive: bool | None = None


class Medication(Resource):
    code: Concept | None = None
    ingredient: list[Ingredient] = []


class Immunization(Resource):
    patient: Reference | None = None
    vaccineCode: Concept | None = None
    occurrenceDateTime: str | None = None
    occurrenceString: str | None = None


class Identifier(Element):
    system: str | None = None
    value: str | None = None


class Extension(Element):
    url: str | None = None
    valueCode: str | None = None
    valueCodeableConcept: Concept | None = None


class Patient(Resource):
    identifier: list[Identifier] = []
    active: bool | None = None
    gender: str | None = None
    birthDate: str | None = None
    deceasedBoolean: bool | None = None
    deceasedDateTime: str | None = None
    extension: list[Extension] = []


class Policy(Element):
    uri: str | None = None


class Provision(Element):
    type: str | None = None
    period: Any = None
    provision: list[Any] = []


class Consent(Resource):
    patient: Reference | None = None
    scope: Concept | None = None
    identifier: list[Identifier] = []
    policy: list[Policy] = []
    sourceReference: Reference | None = None
    provision: Provision | None = None


class Answer(Element):
    valueBoolean: bool | None = None
    valueCoding: Coding | None = None
    valueString: str | None = None
    item: list[Item] = []


class Item(Element):
    linkId: str | None = None
    definition: str | None = None
    answer: list[Answer] = []
    item: list[Item] = []


class QuestionnaireResponse(Resource):
    questionnaire: str | None = None
    item: list[Item] = []


# --- Bundles, whose resources stay text -------------------------------------------------------------------------------


class RawEntry(msgspec.Struct, gc=False):
    fullUrl: str | None = None
    resource: msgspec.Raw = msgspec.Raw(b"")
    modifierExtension: Any = None


class RawBundle(msgspec.Struct):
    resourceType: str | None = None
    entry: list[RawEntry] = []
    implicitRules: Any = None


BUNDLE: Final = msgspec.json.Decoder(RawBundle)


class RawEntries(msgspec.Struct):
    """A Bundle of which any entry may be no entry."""

    entry: list[msgspec.Raw]


class RawResource(msgspec.Struct):
    """An entry of which anything else may be wrong."""

    resource: msgspec.Raw


ENTRIES: Final = msgspec.json.Decoder(RawEntries)
ENTRY: Final = msgspec.json.Decoder(RawResource)


class _Kind(msgspec.Struct):
    resourceType: str | None = None
    id: Any = None


_KIND: Final = msgspec.json.Decoder(_Kind)
_TYPE: Final = re.compile(r"[A-Za-z]{1,60}")


def kind_in(text: bytes) -> str | None:
    """The type of a resource by its text, wherever that says it."""
    try:
        kind = _KIND.decode(text).resourceType
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return kind if kind is not None and _TYPE.fullmatch(kind) else None


def id_in(text: bytes) -> str | None:
    """The id of a resource by its text."""
    try:
        identity = _KIND.decode(text).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return identity if isinstance(identity, str) else None


# --- from JSON to models ---------------------------------------------------------------------------------------------

R = TypeVar("R", bound=Element)

_MOST_MISTAKES: Final = 200  # of one resource; what has more is not read
_WHERE: Final = re.compile(r"(.*?)(?: - at `\$(.*)`)?", re.DOTALL)
_STEP: Final = re.compile(r"\.([A-Za-z]+)|\[(\d+)\]")


def slim(data: dict[str, Any], model: type[R]) -> tuple[R, dict[str, str]]:
    """The model that JSON data describes, and what of the data had to be left out: by path, why.

    Paths are those of FHIR (``valueQuantity.value``, ``component[2].code``). What is left out is taken from `data` too.
    """
    bad: dict[str, str] = {}
    while True:
        try:
            return msgspec.convert(data, model), bad
        except msgspec.ValidationError as error:
            match = _WHERE.fullmatch(str(error))
            message, where = (match[1], match[2]) if match else (str(error), None)
            if where is None or len(bad) >= _MOST_MISTAKES:
                bad[""] = "it is nothing like such a resource"
                return model(), bad
            _leave_out(data, where)
            bad[where.removeprefix(".")] = _in_words(message)


def _leave_out(data: Any, where: str) -> None:
    steps = [name or int(index) for name, index in _STEP.findall(where)]
    for step in steps[:-1]:
        data = data[step]
    # in a list nothing takes its place away from the others
    if isinstance(data, list):
        data[steps[-1]] = {}
    else:
        del data[steps[-1]]


_KINDS: Final = {"str": "text", "int": "a number", "float": "a number", "bool": "true or false", "object": "an object",
                 "array": "a list", "null": "nothing"}  # fmt: skip


def _in_words(message: str) -> str:
    """What msgspec says, in the words of JSON."""
    match = re.fullmatch(r"Expected `([a-z]+)(?: \| null)?`, got `([a-z]+)`", message)
    if match is None:
        return "it has not the form that FHIR gives it"
    wanted, given = (_KINDS.get(word, word) for word in match.groups())
    return f"{given} where {wanted} is expected"
