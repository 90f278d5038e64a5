"""Records that are taken as they are come out as pydantic makes them; what it would refuse or change is left to it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from prescreen.candidate.profile import (
    AllergyRecord,
    Coding,
    ConditionRecord,
    Dose,
    ObservationRecord,
    ProcedureRecord,
    Profile,
    Range,
    TreatmentRecord,
)
from prescreen.candidate.structure import build_profile
from prescreen.candidate.taking import Shape

MODELS = [
    ObservationRecord, ConditionRecord, TreatmentRecord, ProcedureRecord, AllergyRecord, Coding, Dose, Range
]  # fmt: skip
KEYS = sorted({field.alias or name for model in MODELS for name, field in model.model_fields.items()})

text = st.sampled_from(["", "ALT", "U/L", "2026-05-01", "confirmed", "refuted", "active", "never", "loinc", "å"])
numbers = st.integers(-3, 10**20) | st.decimals(allow_nan=False, allow_infinity=False, places=2)
scalars = text | numbers | st.sampled_from([Decimal("Infinity"), Decimal("NaN")]) | st.none() | st.booleans()


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from([*KEYS, "indication", "odd"]), inner, max_size=5)


data = objects(scalars | objects(scalars) | st.lists(scalars, max_size=2))
codings = st.fixed_dictionaries({"system": text, "code": text}, optional={"display": text})
ranges = st.fixed_dictionaries({}, optional={"low": numbers, "high": numbers | st.none(), "unit": text})
observations = st.fixed_dictionaries(
    {"code": text | codings},
    optional={
        "id": text, "source": text, "verification": st.sampled_from(["confirmed", "provisional", "refuted"]),
        "value": numbers | text | st.none(), "unit": text, "reference_range": ranges, "detection_limit": numbers,
        "date": text,
    },
)  # fmt: skip
doses = st.fixed_dictionaries({"value": numbers, "unit": text})
treatments = st.fixed_dictionaries(
    {"code": text | codings},
    optional={"start": text, "end": st.none() | text, "for": text | codings, "dose": doses, "status": st.just("never")},
)


def same(taken: BaseModel, made: BaseModel) -> None:
    assert type(taken) is type(made)
    assert taken == made
    assert taken.model_dump_json(by_alias=True) == made.model_dump_json(by_alias=True)
    assert taken.model_fields_set == made.model_fields_set
    for name in type(made).model_fields:
        inner = getattr(made, name)
        assert type(getattr(taken, name)) is type(inner)
        if isinstance(inner, BaseModel):
            same(getattr(taken, name), inner)


@pytest.mark.parametrize("model", MODELS)
@given(plain=data)
@example(plain={"code": "ALT", "value": True})
@example(plain={"code": "ALT", "odd": 1})
@example(plain={})
def test_what_pydantic_would_refuse_is_not_taken(model: type[BaseModel], plain: dict[str, Any]) -> None:
    taken = Shape(model).take(plain)
    try:
        made = model.model_validate(plain)
    except ValidationError:
        assert taken is None
    else:
        assert taken is not None
        same(taken, made)


@given(plain=observations)
def test_observations_are_taken(plain: dict[str, Any]) -> None:
    same(Shape(ObservationRecord).take(plain), ObservationRecord.model_validate(plain))


@given(plain=treatments)
def test_treatments_are_taken(plain: dict[str, Any]) -> None:
    same(Shape(TreatmentRecord).take(plain), TreatmentRecord.model_validate(plain))


@given(
    plain=st.fixed_dictionaries(
        {"id": text},
        optional={
            "observations": st.lists(observations | data, max_size=3),
            "treatments": st.lists(treatments, max_size=3) | st.none(),
            "sex": text, "birth_date": text, "answers": objects(text | st.booleans()), "odd": st.just(1),
            "age": st.fixed_dictionaries({"value": st.integers(-5, 160), "on": text}),
        },
    )
)  # fmt: skip
def test_a_profile_is_the_same_either_way(plain: dict[str, Any]) -> None:
    built = build_profile(plain)
    try:
        made = Profile.model_validate(plain)
    except ValidationError:
        assert isinstance(built, list)
        return
    assert isinstance(built, Profile)
    same(built, made)
    for taken, record in zip(built.observations + built.treatments, made.observations + made.treatments, strict=True):
        same(taken, record)


def test_what_python_has_beside_json_is_left_to_pydantic() -> None:
    assert Shape(ObservationRecord).take({"code": "ALT", "value": 1.5}) is None
    assert build_profile({"id": "a", "observations": [{"code": "ALT", "value": 1.5}]}) == Profile(
        id="a", observations=(ObservationRecord(code="ALT", value=Decimal("1.5")),)
    )


def test_records_already_made_stay_what_they_are() -> None:
    made = ObservationRecord(code="ALT", value=3)
    data = {"id": "a", "observations": [{"code": "AST"}, made]}
    built = build_profile(data)
    assert isinstance(built, Profile)
    assert built.observations == Profile.model_validate(data).observations
    assert built.observations[1] is made
    assert isinstance(build_profile({"id": "a", "observations": [made], "conditions": [made]}), list)


def test_records_that_are_taken_do_not_change() -> None:
    record = Shape(ObservationRecord).take({"code": "ALT"})
    with pytest.raises(ValidationError):
        record.code = "AST"


def test_a_field_with_conditions_is_no_shape() -> None:
    class Aged(BaseModel):
        age: Annotated[int, Ge(0)]

    class MaybeAged(BaseModel):
        age: Annotated[int, Ge(0)] | None
        kind: Literal["a"] = "a"

    for model in (Aged, MaybeAged):
        with pytest.raises(TypeError, match="conditions"):
            Shape(model)
