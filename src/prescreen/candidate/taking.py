"""Records of plain data, taken as they are where pydantic would find nothing to say and nothing to change.

Data of just the types that a model names comes out of its validation as it went in. To see that takes a tenth of the
time, from a table drawn from the model's fields; everything else is left to pydantic, which tells what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, WithJsonSchema

_new: Final[Any] = object.__new__
# What a model's `__setattr__` would refuse of a frozen one.
_SLOTS: Final[Mapping[str, Any]] = vars(BaseModel)
_set_fields: Final[Any] = _SLOTS["__dict__"].__set__
_set_given: Final[Any] = _SLOTS["__pydantic_fields_set__"].__set__
_set_extra: Final[Any] = _SLOTS["__pydantic_extra__"].__set__
_set_private: Final[Any] = _SLOTS["__pydantic_private__"].__set__


def made(model: type[BaseModel], values: dict[str, Any], given: set[str]) -> Any:
    """The model with a value for each of its fields, as validation of the same would make it: nothing is checked.

    given: the names of the fields that are not there by default.
    """
    record = _new(model)
    _set_fields(record, values)
    _set_given(record, given)
    _set_extra(record, None)
    _set_private(record, None)
    return record


class _Field:
    """What a field takes: any text or some words, values of some other types, an object of some shape."""

    __slots__ = ("name", "shape", "text", "types", "words")

    def __init__(self, name: str, annotation: Any) -> None:
        self.name = name
        self.text = False
        self.words: frozenset[str] = frozenset()
        self.types: frozenset[type] = frozenset()
        self.shape: Shape | None = None
        self._take(annotation)

    def _take(self, annotation: Any) -> None:
        origin = get_origin(annotation)
        if origin is Annotated:
            base, *conditions = get_args(annotation)
            _without_conditions(conditions)
            self._take(base)
        elif origin is Literal:
            self.words |= frozenset(get_args(annotation))
        elif origin is not None:
            for part in get_args(annotation):
                self._take(part)
        elif annotation is str:
            self.text = True
        elif issubclass(annotation, BaseModel):
            self.shape = Shape(annotation)
        else:
            self.types |= {annotation}


class Shape:
    """What an object must be to be taken as a model of pydantic; of models whose fields know no further conditions."""

    __slots__ = ("aliased", "defaults", "fields", "model", "required")

    def __init__(self, model: type[BaseModel]) -> None:
        self.model = model
        self.fields: dict[str, _Field] = {}
        self.defaults: dict[str, Any] = {}  # in the order of the fields, in which a model is written
        self.required: list[str] = []
        self.aliased = False
        for name, field in model.model_fields.items():
            key = field.alias or name
            _without_conditions(field.metadata)
            self.fields[key] = _Field(name, field.annotation)
            self.defaults[name] = None if field.is_required() else field.default
            self.aliased = self.aliased or key != name
            if field.is_required():
                self.required.append(key)

    def records(self, data: object) -> tuple[Any, ...] | None:
        """The models that a list of objects, or of models already made, is; None unless each can be taken."""
        if type(data) is not list:
            return None
        taken: list[Any] = []
        for item in data:
            record = item
            if type(item) is dict:
                record = self.take(item)
                if record is None:
                    return None
            elif type(item) is not self.model:
                return None
            taken.append(record)
        return tuple(taken)

    def take(self, data: dict[str, Any]) -> Any:
        """The model that an object is, as validation of it would make it; None where it cannot just be taken."""
        values = self.defaults.copy()
        for key, value in data.items():
            field = self.fields.get(key)
            if field is None:
                return None
            kind = type(value)
            if kind is str:
                if not field.text and value not in field.words:
                    return None
            elif kind is dict:
                if field.shape is None:
                    return None
                value = field.shape.take(value)
                if value is None:
                    return None
            elif kind not in field.types or (kind is Decimal and not value.is_finite()):
                return None
            values[field.name] = value
        for key in self.required:
            if key not in data:
                return None
        return made(self.model, values, {self.fields[key].name for key in data} if self.aliased else set(data))


def _without_conditions(metadata: Sequence[Any]) -> None:
    """Raises TypeError for what a value would have to be beside its type."""
    if not all(isinstance(each, _HARMLESS) for each in metadata):
        raise TypeError(f"a field with conditions cannot be taken as it is: {metadata!r}")


_HARMLESS: Final = (BeforeValidator, WithJsonSchema)
"""What the numbers of a profile carry: it changes Python floats only, which plain data has not."""
