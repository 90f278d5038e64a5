"""A candidate's profile: the JSON of contract §2, checked.

Models are strict about keys and types; what strings mean (dates, values, units, codes) is checked by
`prescreen.candidate.read` on the way in, so that a profile that exists is one that can be screened.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, WithJsonSchema


def _exact(value: Any) -> Any:
    """Python floats count by their shortest text, as everything else does: 1.8 is 9/5."""
    if type(value) is float:
        return Decimal(repr(value))
    return value


Number = Annotated[int | Decimal, BeforeValidator(_exact), WithJsonSchema({"type": "number"})]
"""An exact number; NaN and infinities are refused."""

WrittenValue = Annotated[
    int | Decimal | str | None,
    BeforeValidator(_exact),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}, {"type": "null"}]}),
]
"""A result as written: a number, a string such as "<20" or "negative", or null."""

Verification = Literal["confirmed", "provisional", "refuted"]


_LIST = Strict(False)  # JSON has lists where the frozen profile has tuples


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Coding(_Model):
    """A code of a code system; `system` is a short name (``loinc``) or a URI."""

    system: str
    code: str
    display: str | None = None


class Dose(_Model):
    value: Number
    unit: str


class Range(_Model):
    """A reference range as the laboratory printed it; `unit` is the result's own where absent."""

    low: Number | None = None
    high: Number | None = None
    unit: str | None = None


class _Record(_Model):
    id: str | None = None
    code: str | Coding
    source: str | None = None
    verification: Verification = "confirmed"


class ObservationRecord(_Record):
    value: WrittenValue = None
    unit: str | None = None
    reference_range: Range | None = None
    detection_limit: Number | None = None
    date: str | None = None


class ConditionRecord(_Record):
    onset: str | None = None
    abatement: str | None = None
    status: Literal["active", "remission", "resolved"] | None = None
    severity: str | None = None
    site: str | None = None
    confirmed_by: str | None = None
    date: str | None = None  # the day that the record speaks of: until when a refutation holds


class TreatmentRecord(_Record):
    start: str | None = None
    end: str | None = None
    status: Literal["ongoing", "completed", "planned", "never"] | None = None
    dose: Dose | None = None
    daily_dose: Dose | None = None
    route: str | None = None
    indication: str | Coding | None = Field(default=None, alias="for")
    outcome: str | None = None
    date: str | None = None


class ProcedureRecord(_Record):
    date: str | None = None
    status: Literal["completed", "planned", "not-done"] | None = None
    site: str | None = None


class AllergyRecord(_Record):
    severity: str | None = None
    date: str | None = None


class AgeOn(_Model):
    """An age where the birth date is not shared: completed years on a day."""

    value: Annotated[int, Field(ge=0, le=150)]
    on: str


class Completeness(_Model):
    """Everything of a domain is on file through a day, among what the systems can express (absent: all)."""

    through: str | None = None
    systems: Annotated[tuple[str, ...], _LIST] | None = None


class Complete(_Model):
    conditions: bool | Completeness = False
    treatments: bool | Completeness = False
    procedures: bool | Completeness = False
    allergies: bool | Completeness = False


NOTHING_COMPLETE: Final = Complete()


class Profile(_Model):
    id: str
    birth_date: str | None = None
    age: AgeOn | None = None
    sex: Literal["female", "male"] | None = None
    observations: Annotated[tuple[ObservationRecord, ...], _LIST] = ()
    conditions: Annotated[tuple[ConditionRecord, ...], _LIST] = ()
    treatments: Annotated[tuple[TreatmentRecord, ...], _LIST] = ()
    procedures: Annotated[tuple[ProcedureRecord, ...], _LIST] = ()
    allergies: Annotated[tuple[AllergyRecord, ...], _LIST] = ()
    answers: dict[str, bool | str] = {}
    anchors: dict[str, str] = {}
    complete: Complete = NOTHING_COMPLETE
