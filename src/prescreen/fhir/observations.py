"""Observations: results of every kind of value, their reference ranges and components (http://hl7.org/fhir/R4/observation)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from prescreen.candidate.leftopen import Record, undecided
from prescreen.catalogue import ObservationConcept, system_name
from prescreen.fhir.codes import (
    TEXT,
    code_among,
    first_code,
    observations_in_words,
    observations_named,
    result_in_words,
    text_in_words,
    text_of,
)
from prescreen.fhir.plain import FINAL, UCUM, read_plain
from prescreen.fhir.resources import Concept, Observation, Quantity, ReferenceRange, Result, Span, slim
from prescreen.fhir.setting import ENTERED_IN_ERROR, Entry, Setting, State
from prescreen.fhir.times import NoDate, between, is_aged, moment, some_time_in
from prescreen.quantities import Number, Scale, UnitProblem, read_value

_PROVISIONAL: Final = frozenset({"registered", "preliminary"})
_NOTHING_MEASURED: Final = frozenset({"not-performed", "not-asked", "asked-declined", "not-applicable"})
_COMPARATORS: Final = ("<", "<=", ">", ">=")
_EFFECTIVE: Final = ("effectiveDateTime", "effectiveInstant", "effectivePeriod", "effectiveTiming", "issued")
_SEXES: Final = {"female": "female", "male": "male", "248152002": "female", "248153007": "male", "F": "female",
                 "M": "male"}  # fmt: skip


def read_observation(entry: Entry, setting: Setting) -> State:
    """The records of an Observation: one for itself where it has a value, one for each component."""
    data = entry.data
    if entry.doubt is None and (state := read_plain(data, entry.path, setting)) is not None:
        return state
    return read_fully(entry, setting)


def read_fully(entry: Entry, setting: Setting) -> State:
    """An Observation of any kind."""
    data = entry.data
    resource, bad = slim(data, Observation)
    status = resource.status
    if status == ENTERED_IN_ERROR or status == "cancelled":
        if entry.doubt is None:
            setting.tell(status, entry.path, f"the observation is {status.replace('-', ' ')}; not used")
            return "aside"
        entry.doubt = f"{entry.doubt}; one says that it is {status.replace('-', ' ')}"
    faults: dict[str, str] = {}
    if bad:
        setting.tell_bad(entry, bad)
        faults = {path.split(".")[0].split("[")[0]: f"{path}: {why}" for path, why in bad.items()}
    doubt = entry.doubt or _doubt(resource, faults)
    date = _date(resource, faults, entry, setting)
    common: Record = {"id": resource.id or None, "source": entry.source, "date": date}
    if status in _PROVISIONAL:
        common["verification"] = "provisional"
    if doubt is not None:
        common["date"] = None
        setting.tell("bad-entry", entry.path, f"{doubt}; left open")
    state: State = "open" if doubt is not None else "understood"
    states: list[State] = []
    kinds = _values(data)
    if kinds or not resource.component:
        states.append(_read_result(resource, data, kinds, faults, common, entry.path, doubt is not None, setting))
    for index, component in enumerate(resource.component):
        path = f"{entry.path}.component[{index}]"
        part = data["component"][index]
        its = {
            place.split(".")[1].split("[")[0]: f"{place}: {why}"
            for place, why in bad.items()
            if place.startswith(f"component[{index}].")
        }
        if not part and f"component[{index}]" in bad:
            its["code"] = bad[f"component[{index}]"]
        its |= {name: why for name, why in faults.items() if name in _EFFECTIVE}
        values = _values(part)
        own = {**common, "id": f"{resource.id}#{index}" if resource.id else None}
        states.append(_read_result(component, part, values, its, own, path, doubt is not None, setting))
    if "component" in faults and not resource.component:
        setting.tell("bad-entry", f"{entry.path}.component", faults["component"])
        state = "open"
    return _worst([state, *states])


def _values(data: dict[str, Any]) -> list[str]:
    """The keys that give a value, of whatever kind; also those that say of a value only what is missing."""
    return [key for key in data if key.startswith("value") or (key.startswith("_value") and key[1:] not in data)]


_ORDER: Final[tuple[State, ...]] = ("open", "unmapped", "understood")


def _worst(states: list[State]) -> State:
    """What is said of an entry whose parts fared differently; having no value of its own does not matter to a panel."""
    if states[0] != "understood":
        return states[0]
    for state in _ORDER:
        if state in states[1:]:
            return state
    return "aside"


def _doubt(resource: Observation, faults: dict[str, str]) -> str | None:
    """Why it may be that there is no such result, or that it is of somebody else."""
    if resource.status not in FINAL and resource.status not in _PROVISIONAL:
        if "status" in faults:
            return faults["status"]
        if resource.status is None:
            return "there is no status"
        return f"the status `{resource.status[:40]}` does not say whether the result holds"
    if resource.focus:
        return "the observation is about something else than its subject (focus)"
    return None


def _date(resource: Observation, faults: dict[str, str], entry: Entry, setting: Setting) -> str | None:
    """When the sample was taken; at the latest when the result was issued."""
    given: list[str] = [name for name in _EFFECTIVE[:4] if name in entry.data or name in faults]
    if len(given) > 1:
        setting.tell("bad-entry", entry.path, f"two times ({', '.join(given)}); the result may be of any day")
        return None
    try:
        for name in given:
            if name in faults:
                raise NoDate(faults[name])
        if resource.effectiveDateTime is not None:
            return moment(resource.effectiveDateTime)
        if resource.effectiveInstant is not None:
            return moment(resource.effectiveInstant)
        if resource.effectivePeriod is not None:
            return some_time_in(resource.effectivePeriod)
        if "effectiveTiming" in given:
            raise NoDate("a timing is no date")
        if "issued" in faults:
            raise NoDate(faults["issued"])
        if resource.issued is not None:
            return between(None, moment(resource.issued))
    except NoDate as error:
        name = given[0] if given else "issued"
        faults[name] = str(error)
        setting.tell("bad-entry", f"{entry.path}.{name}", f"{error}; the result may be of any day")
    return None


def _read_result(
    result: Result,
    data: dict[str, Any],
    kinds: list[str],
    faults: dict[str, str],
    common: Record,
    path: str,
    doubtful: bool,
    setting: Setting,
) -> State:
    """One value under one code. kinds: the keys of the JSON that give a value; faults: what cannot be read, by key."""
    named = observations_named(result.code, setting.catalogue)
    concept = setting.catalogue.observations[next(iter(named))] if len(named) == 1 else None
    problem: str | None = None
    value: Any = None
    unit: str | None = None
    wrong = [name for name in faults if name.startswith("value")]
    kinds = list(dict.fromkeys((*kinds, *wrong)))
    if not kinds:
        if data and not _is_result(result, faults):
            return "aside"
        problem = "there is a result, but not what it is"
    elif wrong:
        problem = faults[wrong[0]]
    elif len(kinds) > 1:
        problem = f"two values ({', '.join(kinds)})"
    elif result.dataAbsentReason is not None:
        problem = "a value, and a reason why there is none"
    else:
        value, unit, problem = _value(result, kinds[0], concept)
    record: Record = {**common, "value": value, "unit": unit}
    if problem is None and "referenceRange" not in faults and concept is not None and result.referenceRange:
        record["reference_range"] = _range(result.referenceRange, unit, common["date"], path, setting)
    elif "referenceRange" in faults:
        setting.tell("bad-entry", f"{path}.referenceRange", f"{faults['referenceRange']}; no range is used")
    if problem is not None:
        place = f"{path}.{kinds[0]}" if kinds else path
        setting.tell("bad-entry", place, f"{problem}; the result decides nothing")
    if problem is not None or doubtful:
        record["value"], record["unit"] = undecided(value), None
    state: State = "understood" if problem is None and not doubtful else "open"
    return _placed(result, record, named, path, state, faults, setting)


def _placed(
    result: Result,
    record: Record,
    named: dict[str, tuple[str, str]],
    path: str,
    state: State,
    faults: dict[str, str],
    setting: Setting,
) -> State:
    """The record under its code; under each of several, deciding nothing, where the codings differ."""
    record = {key: value for key, value in record.items() if value is not None}
    record["value"] = record.get("value")
    if len(named) == 1:
        system, code = next(iter(named.values()))
        record["code"] = {"system": system, "code": code}
        setting.add("observations", record, path)
        return state
    if named:
        names = ", ".join(named)
        setting.tell(
            "conflict", f"{path}.code", f"its codings are of different observations ({names}); decides nothing"
        )
        for system, code in named.values():
            setting.add("observations", _deciding_nothing(record, {"system": system, "code": code}), path)
        return "open"
    text = text_of(result.code)
    maybe = observations_in_words(result.code, setting.catalogue)
    if maybe:
        names = " or ".join(maybe)
        message = f"`{text[:80]}` is coded in no way that the catalogue lists, but may be {names}; decides nothing"
        setting.tell("unknown-code", f"{path}.code", message)
        for name in maybe:
            setting.add("observations", _deciding_nothing(record, name), path)
        return "open"
    some = _some_code(result.code)
    if some is None or (not text_in_words(result.code) and system_name(some["system"]) is None):
        why = faults.get("code", "there is no code that can be read" if some is None else "a code that nobody knows")
        setting.tell("unknown-code", path, f"{why}; it may be a result of any observation")
        setting.codeless.append((_deciding_nothing(record, None), path))
        return "open"
    record["code"] = some
    setting.add("observations", record, path)
    return "unmapped"


def _deciding_nothing(record: Record, code: Any) -> Record:
    return {**record, "code": code, "value": undecided(record["value"]), "unit": None}


def _some_code(concept: Concept | None) -> Record | None:
    """A code that the catalogue does not list: one of a known system, of another, or words."""
    if concept is None:
        return None
    given = [coding for coding in concept.coding if coding.system and coding.code]
    known = [coding for coding in given if system_name(coding.system or "") is not None]
    for coding in (*known, *given):
        system = coding.system or ""
        if ":" not in system and system_name(system) is None:
            system = f"urn:{system}"
        shown = coding.display or concept.text
        return {"system": system, "code": coding.code, **({"display": shown} if shown else {})}
    text = text_of(concept)
    return {"system": f"urn:{TEXT}", "code": text[:60]} if text else None


def _is_result(result: Result, faults: dict[str, str]) -> bool:
    """Whether there is a result although no value is given: the reason for that does not say that there is none."""
    if "dataAbsentReason" in faults or "interpretation" in faults or result.interpretation:
        return True
    if result.dataAbsentReason is None:
        return False
    return first_code(result.dataAbsentReason) not in _NOTHING_MEASURED


# --- values ----------------------------------------------------------------------------------------------------------


def _value(result: Result, kind: str, concept: ObservationConcept | None) -> tuple[Any, str | None, str | None]:
    """The value and the unit as the candidate's model writes them, and what is wrong with them."""
    match kind:
        case "valueQuantity" if result.valueQuantity is not None:
            return _quantity(result.valueQuantity, concept)
        case "valueCodeableConcept" if result.valueCodeableConcept is not None:
            text = result_in_words(result.valueCodeableConcept)
            return (text, None, None) if text else (None, None, "the coded result cannot be read")
        case "valueString" if result.valueString is not None:
            return result.valueString, None, None
        case "valueBoolean" if result.valueBoolean is not None:
            return str(result.valueBoolean).lower(), None, None
        case "valueInteger" if result.valueInteger is not None:
            return result.valueInteger, None, None
        case "valueRange" if result.valueRange is not None:
            return _between(result.valueRange)
        case "valueRatio" if result.valueRatio is not None:
            ends = (result.valueRatio.numerator, result.valueRatio.denominator)
            numbers = [None if end is None or _unit(end) or end.comparator else _number(end) for end in ends]
            if numbers[0] == 1 and numbers[1] is not None:
                return f"1:{numbers[1]}", None, None
            return None, None, "a ratio that is no titre"
        case _:
            return None, None, f"a value of a kind that is not read ({kind[:40]})"


def _quantity(quantity: Quantity, concept: ObservationConcept | None) -> tuple[Any, str | None, str | None]:
    number, unit = _number(quantity), _unit(quantity)
    if number is None:
        return None, unit, "a quantity without a number"
    comparator = quantity.comparator
    value: Any = number
    if comparator is not None:
        if comparator not in _COMPARATORS:
            return number, unit, f"the comparator `{comparator[:20]}` is none of {', '.join(_COMPARATORS)}"
        value = f"{comparator}{number}"
    if unit is not None and quantity.unit and unit != quantity.unit and _contradict(unit, quantity.unit, concept):
        return value, unit, f"the unit is `{quantity.unit[:40]}` in words and `{unit[:40]}` as a code"
    return value, unit, None


def _number(quantity: Quantity) -> int | Decimal | None:
    number = quantity.value
    return number if type(number) is int or type(number) is Decimal else None


def _unit(quantity: Quantity) -> str | None:
    """The unit as coded in UCUM, or else as written."""
    if quantity.code and (quantity.system is None or quantity.system.rstrip("/") == UCUM):
        return quantity.code
    return quantity.unit or quantity.code or None


def _contradict(code: str, words: str, concept: ObservationConcept | None) -> bool:
    """Whether both spellings of a unit can be read, and are not the same unit."""
    if concept is None or concept.analyte is None:
        return False
    coded, written = concept.analyte.scale(code), concept.analyte.scale(words)
    if isinstance(coded, UnitProblem) or isinstance(written, UnitProblem):
        return isinstance(written, Scale)  # what is written fits the analyte, and the code does not
    return coded.kind != written.kind or any(coded.exact(number) != written.exact(number) for number in (1, 10))


def _between(span: Span) -> tuple[Any, str | None, str | None]:
    low, high = span.low, span.high
    ends = [end for end in (low, high) if end is not None]
    units = {_unit(end) for end in ends}
    numbers = [_number(end) for end in ends]
    if not ends or None in numbers or len(units) > 1 or any(end.comparator for end in ends):
        return None, None, "a range without two numbers of one unit"
    unit = units.pop()
    if low is None:
        return f"<={numbers[0]}", unit, None
    if high is None:
        return f">={numbers[0]}", unit, None
    if min(number for number in numbers if number is not None) < 0:
        return None, unit, "a range below zero"
    return f"{numbers[0]}-{numbers[1]}", unit, None


# --- reference ranges ------------------------------------------------------------------------------------------------


def _range(
    ranges: list[ReferenceRange], unit: str | None, date: str | None, path: str, setting: Setting
) -> Record | None:
    """The normal range for this patient; None where there is none, or it is open which it is."""
    certain: list[Record] = []
    possible: list[Record] = []
    for index, each in enumerate(ranges):
        place = f"{path}.referenceRange[{index}]"
        if each.type is not None and not _is_normal(each.type):
            if any(coding.code for coding in each.type.coding):
                continue  # one of another kind: therapeutic, critical
            setting.tell("not-used", place, "it is open whether the range is a normal one; no range is used")
            return None
        try:
            applies = _applies(each, date, setting)
        except NoDate as error:
            setting.tell("bad-entry", place, f"{error}; no range is used")
            return None
        if applies is False:
            continue
        limits = _limits(each, unit)
        if isinstance(limits, str):
            setting.tell("bad-entry", place, f"{limits}; no range is used")
            return None
        if limits is not None and limits not in certain and limits not in possible:
            (certain if applies else possible).append(limits)
    if len(certain) == 1 and not possible:
        return certain[0]
    if len(certain) + len(possible) == 1:
        setting.tell("not-used", f"{path}.referenceRange", "it is open whether the range is meant for this patient")
    elif certain or possible:
        setting.tell("not-used", f"{path}.referenceRange", "it is open which of several ranges is meant; none is used")
    return None


def _is_normal(kind: Concept) -> bool:
    return code_among(kind, ("normal",)) is not None


def _applies(reference: ReferenceRange, date: str | None, setting: Setting) -> bool | None:
    """Whether a range is meant for this patient; None where that is open."""
    answers: list[bool | None] = []
    if reference.appliesTo:
        answers.append(_is_meant(reference.appliesTo, setting.sex))
    if reference.age is not None:
        answers.append(is_aged(reference.age, setting.birth, date))
    if False in answers:
        return False
    return None if None in answers else True


def _is_meant(groups: Iterable[Concept], sex: str | None) -> bool | None:
    """Whether a range for some groups of people is for somebody; groups other than sexes are not told apart."""
    open_ = False
    for group in groups:
        sexes = {_SEXES[coding.code] for coding in group.coding if coding.code in _SEXES}
        if len(sexes) != 1 or sex is None:
            open_ = True
        elif sex not in sexes:
            return False
    return None if open_ else True


_WORDS: Final = re.compile(r"([<>=≤≥]{0,2}\s*[0-9.]+(?:\s*[-–—]\s*[0-9.]+)?)\s*([^0-9\s].*)?")


def _limits_in_words(text: str, unit: str | None) -> Record | str:
    """The limits of a range such as "3.5-5.0 mmol/L" or "<= 40", where that can mean nothing else."""
    match = _WORDS.fullmatch(" ".join(text.split())[:100])
    number = None if match is None else read_value(match[1])
    if match is None or not isinstance(number, Number) or number.titre or number.low == number.high:
        return f"the range is in words (`{text[:60]}`)"
    # below "<40" ends what is normal at 40, and nothing is said of where it begins
    is_range = match[1][0] not in _SIGNS
    limits: Record = {}
    if number.low is not None and (is_range or match[1][0] in ">≥="):
        limits["low"] = number.low
    if number.high is not None and (is_range or match[1][0] in "<≤="):
        limits["high"] = number.high
    own: str | None = match[2]
    if own is not None and own != unit:
        limits["unit"] = own
    return limits


_SIGNS: Final = "<>=≤≥"


def _limits(reference: ReferenceRange, unit: str | None) -> Record | str | None:
    """The limits of a range, why they cannot be read, or None where there are none."""
    ends = {name: end for name, end in (("low", reference.low), ("high", reference.high)) if end is not None}
    if not ends:
        return None if reference.text is None else _limits_in_words(reference.text, unit)
    limits: Record = {}
    units = {_unit(end) for end in ends.values()}
    if len(units) > 1:
        return "the limits have different units"
    for name, end in ends.items():
        number = _number(end)
        if number is None or end.comparator:
            return f"the {name} limit is no number"
        limits[name] = number
    if "low" in limits and "high" in limits and limits["low"] > limits["high"]:
        return f"the lower limit {limits['low']} is above the upper limit {limits['high']}"
    own = units.pop()
    if own is not None and own != unit:
        limits["unit"] = own
    return limits
