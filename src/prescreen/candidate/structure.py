"""From plain JSON data to a `Profile`: keys and types, with every mistake told in the profile's own words."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final, Literal

from pydantic import BaseModel, ValidationError

from prescreen.candidate.profile import (
    AgeOn,
    AllergyRecord,
    Coding,
    Complete,
    Completeness,
    ConditionRecord,
    Dose,
    ObservationRecord,
    ProcedureRecord,
    Profile,
    Range,
    TreatmentRecord,
)
from prescreen.candidate.taking import Shape
from prescreen.catalogue import DOMAINS, Domain
from prescreen.problems import Problem, did_you_mean

Place = tuple[str | int, ...]
"""Where something stands in the JSON: keys and 0-based positions."""

RECORD_LISTS: Final[tuple[Literal["observations"] | Domain, ...]] = ("observations", *DOMAINS)

MANY_PROBLEMS: Final = 1_000
_PIECE: Final = 1_000  # records
_MANY_KEYS: Final = 1_000
_MANY_ANSWERS: Final = 10_000


def build_profile(data: object, *, large: bool = False) -> Profile | list[Problem]:
    """The profile that JSON data describes, or everything that is wrong with its keys and types.

    large: the data is so long that its mistakes could be too many; lists are then tried in pieces, and no more
    pieces are tried once there are a thousand problems.
    """
    if large and isinstance(data, dict) and (problems := _problems_in_pieces(data)):
        return problems
    try:
        return Profile.model_validate(data) if (taken := _taken(data)) is None else taken
    except ValidationError as error:
        return _problems(error)


def _taken(data: object) -> Profile | None:
    """The profile that data describes whose records can all be taken as they are. Raises pydantic's ValidationError
    for what else is wrong."""
    if not isinstance(data, dict):
        return None
    taken: dict[str, tuple[BaseModel, ...]] = {}
    for name, shape in _SHAPES.items():
        if name not in data:
            continue
        records = shape.records(data[name])
        if records is None:
            return None
        taken[name] = records
    profile = Profile.model_validate({**data, **dict.fromkeys(taken, ())})
    profile.__dict__.update(taken)
    return profile


def path_text(place: Iterable[str | int]) -> str:
    """A place as people write it: ``observations[2].code``; keys that are no plain words are quoted."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.replace("-", "_").isidentifier() and len(part) <= 60:
            text += f".{part}" if text else part
        else:
            text += f"[{quoted(part)}]"
    return text


def quoted(text: str, length: int = 40) -> str:
    """Text of the input, short and harmless enough to be shown in a message."""
    shown = text if len(text) <= length else text[:length] + "…"
    return f"`{shown}`" if shown.isprintable() else f"`{ascii(shown)[1:-1]}`"


def shown(value: object) -> str:
    """What stands in the input, in words: ``a list``, ``the number 5``."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f"the text {quoted(value)}"
        case int() if abs(value) < 10**20:
            return f"the number {value}"
        case int() | float() | Decimal():
            return "a number"
        case dict():
            return "an object"
        case list() | tuple():
            return "a list"
        case _:
            return f"a Python {type(value).__name__}"


_MODELS: Final[dict[str, type[BaseModel]]] = {
    "age": AgeOn,
    "observations": ObservationRecord,
    "conditions": ConditionRecord,
    "treatments": TreatmentRecord,
    "procedures": ProcedureRecord,
    "allergies": AllergyRecord,
    "code": Coding,
    "for": Coding,
    "dose": Dose,
    "daily_dose": Dose,
    "reference_range": Range,
    "complete": Complete,
}

_SHAPES: Final = {name: Shape(_MODELS[name]) for name in RECORD_LISTS}

_EXPECTED: Final = {
    "string_type": "text",
    "int_type": "a number",
    "is_instance_of": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
}


def _problems(error: ValidationError, start: int = 0) -> list[Problem]:
    """One problem a place: the branches of a union that all failed are one mistake."""
    problems: list[Problem] = []
    unmet: dict[Place, tuple[object, list[str]]] = {}
    details = error.errors(include_url=False)
    inside = {_place(detail["loc"][:-1], start) for detail in details if detail["loc"]}
    for detail in details:
        kind, loc, given = detail["type"], detail["loc"], detail["input"]
        place = _place(loc, start)
        match kind:
            case "missing":
                place = (*_place(loc[:-1], start), loc[-1])
                problems.append(Problem("missing-key", f"`{loc[-1]}` is missing", path=path_text(place)))
            case "extra_forbidden":
                place = (*_place(loc[:-1], start), loc[-1])
                problems.append(_unknown_key(place))
            case "literal_error":
                expected = detail["ctx"]["expected"].replace("'", "`")
                message = f"{shown(given)} where one of {expected} is expected"
                problems.append(Problem("wrong-value", message, path=path_text(place)))
            case "greater_than_equal" | "less_than_equal":
                message = f"{shown(given)} where an age of 0 to 150 completed years is expected"
                problems.append(Problem("wrong-value", message, path=path_text(place)))
            case _ if isinstance(given, dict) and place in inside and kind in ("string_type", "bool_type"):
                pass  # an object was meant, and what is wrong inside it is told there
            case _:
                expected = _EXPECTED.get(kind, detail["msg"])
                alternatives = unmet.setdefault(place, (given, []))[1]
                if expected not in alternatives:
                    alternatives.append(expected)
    for place, (given, alternatives) in unmet.items():
        message = f"{shown(given)} where {' or '.join(alternatives)} is expected"
        problems.append(Problem("wrong-type", message, path=path_text(place)))
    return problems


def _place(loc: tuple[int | str, ...], start: int) -> Place:
    """The place in the JSON of a pydantic location, which also names the branches of unions.

    start: where in its list the first record stood.
    """
    if loc[:1] == ("answers",):
        return loc[:2]
    place = [
        part
        for index, part in enumerate(loc)
        if not (index >= 2 and part in ("str", "int", "decimal", "bool", "Coding", "Completeness"))
    ]
    if start and len(place) > 1 and isinstance(place[1], int):
        place[1] += start
    return tuple(place)


def _unknown_key(place: Place) -> Problem:
    key = str(place[-1])
    names = [part for part in place[:-1] if isinstance(part, str)]
    if names[:1] == ["complete"] and len(names) == 2:
        model: type[BaseModel] = Completeness
    else:
        model = _MODELS[names[-1]] if names else Profile
    known = [field.alias or name for name, field in model.model_fields.items()]
    hint = did_you_mean(key, known) or f"known keys: {', '.join(known)}"
    return Problem("unknown-key", f"there is no key {quoted(key)} here", path=path_text(place), hint=hint)


def _problems_in_pieces(data: dict[str, Any]) -> list[Problem]:
    if (problem := _far_too_many_keys(data)) is not None:
        return [problem]
    lists = {name: data[name] for name in RECORD_LISTS if isinstance(data.get(name), list)}
    problems: list[Problem] = []
    pieces: list[tuple[int, dict[str, Any]]] = [(0, {**data, **{name: [] for name in lists}})]
    for name, records in lists.items():
        starts = range(0, len(records), _PIECE)
        pieces += [(start, {"id": "piece", name: records[start : start + _PIECE]}) for start in starts]
    for start, piece in pieces:
        try:
            Profile.model_validate(piece)
        except ValidationError as error:
            problems += _problems(error, start)
            if len(problems) >= MANY_PROBLEMS:
                break
    return problems


def _far_too_many_keys(data: dict[str, Any]) -> Problem | None:
    """An object with absurdly many keys, which would give as many errors."""
    pending: list[tuple[Place, Any]] = [((), data)]
    while pending:
        place, item = pending.pop()
        inner = item.items() if isinstance(item, dict) else enumerate(item)
        many = _MANY_ANSWERS if place in (("answers",), ("anchors",)) else _MANY_KEYS
        if isinstance(item, dict) and len(item) > many:
            return Problem("too-long", f"an object of {len(item)} keys", path=path_text(place) or None)
        pending.extend(((*place, part), value) for part, value in inner if isinstance(value, (dict, list)))
    return None
