"""What the strings and numbers of a candidate's JSON must mean: dates, values, limits, codes.

The checks read plain data, so that they run beside the checks of structure and every mistake of an input is told at
once; what has the wrong type is passed over here, because it is told there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from prescreen.candidate.profile import Profile
from prescreen.candidate.structure import quoted
from prescreen.catalogue import Catalogue, ObservationConcept, system_name
from prescreen.catalogue.codes import SYSTEMS
from prescreen.catalogue.model import DOMAINS, Domain
from prescreen.problems import Problem, did_you_mean
from prescreen.quantities import Number, Scale, Unreadable, read_value
from prescreen.quantities.numerals import DIGITS, bounded
from prescreen.time import When, day_text, parse_when

MAX_ID: Final = 200

_BOUND: Final = 10**DIGITS
_DATES: Final[dict[Domain, tuple[str, ...]]] = {
    "conditions": ("onset", "abatement", "date"),
    "treatments": ("start", "end", "date"),
    "procedures": ("date",),
    "allergies": ("date",),
}
_KINDS: Final[dict[Domain, str]] = {
    "conditions": "condition",
    "treatments": "treatment",
    "procedures": "procedure",
    "allergies": "substance",
}


def problems_of_meaning(data: dict[str, Any], catalogue: Catalogue) -> Iterator[Problem]:
    """Everything in a candidate's plain data that cannot mean what it must, in the order of a profile."""
    yield from _check_id(data.get("id"))
    yield from _check_person(data)
    for index, record in enumerate(_objects(data.get("observations"))):
        if record is not None:
            yield from _check_observation(f"observations[{index}]", record, catalogue)
    for domain in DOMAINS:
        for index, record in enumerate(_objects(data.get(domain))):
            if record is not None:
                yield from _check_event(f"{domain}[{index}]", domain, record, catalogue)
    yield from _check_anchors(data)
    yield from _check_complete(data)


def check_against_day(profile: Profile, day: int, file: str | None = None) -> list[Problem]:
    """What is wrong with a profile on a screening day (its ordinal): a birth that is still to come."""
    if profile.birth_date is None or parse_when(profile.birth_date).first_day <= day:
        return []
    message = f"the birth date {profile.birth_date} lies after the screening day {day_text(day)}"
    return [Problem("future-birth", message, file=file, path="birth_date")]


def _objects(records: Any) -> list[dict[str, Any] | None]:
    if type(records) is not list:
        return []
    return [record if type(record) is dict else None for record in records]


def _check_id(identity: Any) -> Iterator[Problem]:
    if type(identity) is str and not (identity.strip() and identity.isprintable() and len(identity) <= MAX_ID):
        message = f"{quoted(identity)} is no id: expected 1 to {MAX_ID} printable characters"
        yield Problem("bad-id", message, path="id")


def _check_person(data: dict[str, Any]) -> Iterator[Problem]:
    yield from _check_dates("", data, ("birth_date",))
    age = data.get("age")
    if type(age) is dict:
        yield from _check_dates("age.", age, ("on",))


def _check_observation(path: str, record: dict[str, Any], catalogue: Catalogue) -> Iterator[Problem]:
    get = record.get
    concept: ObservationConcept | None = None
    code = get("code")
    if type(code) is str:
        concept = catalogue.observation(code)
        if concept is None:
            yield _unknown_code("observation", code, f"{path}.code", catalogue.observation_names())
    elif type(code) is dict:
        concept, problem = _coded_observation(code, catalogue)
        if problem is not None:
            yield Problem(problem[0], problem[1], path=f"{path}.code.system", hint=problem[2])
    may_be_negative = concept is None or _may_be_negative(concept, get("unit"))
    value = get("value")
    if value is not None and (fault := _value_fault(value, may_be_negative)) is not None:
        yield Problem(fault[0], fault[1], path=f"{path}.value", hint=fault[2])
    date = get("date")
    if type(date) is str and (reason := _date_fault(date)) is not None:
        yield Problem("bad-date", reason, path=f"{path}.date")
    limit = get("detection_limit")
    if limit is not None and (fault := _number_fault(limit, False)) is not None:
        yield Problem(fault[0], fault[1], path=f"{path}.detection_limit", hint=fault[2])
    reference = get("reference_range")
    if type(reference) is dict:
        yield from _check_range(f"{path}.reference_range", reference, may_be_negative)


def _may_be_negative(concept: ObservationConcept, unit: Any) -> bool:
    """Whether a result below zero exists: of few analytes, and of any as a logarithm."""
    analyte = concept.analyte
    if analyte is None or analyte.may_be_negative:
        return True
    if type(unit) is not str or "log" not in unit.lower():
        return False
    scale = analyte.scale(unit)
    return isinstance(scale, Scale) and scale.log10


def _check_range(path: str, reference: dict[str, Any], may_be_negative: bool) -> Iterator[Problem]:
    low, high = reference.get("low"), reference.get("high")
    sound = True
    for name, bound in (("low", low), ("high", high)):
        if bound is not None and (fault := _number_fault(bound, may_be_negative)) is not None:
            sound = False
            yield Problem(fault[0], fault[1], path=f"{path}.{name}", hint=fault[2])
    if sound and isinstance(low, (int, Decimal)) and isinstance(high, (int, Decimal)) and low > high:
        yield Problem("range-upside-down", f"the lower limit {low} is above the upper limit {high}", path=path)


def _check_event(path: str, domain: Domain, record: dict[str, Any], catalogue: Catalogue) -> Iterator[Problem]:
    yield from _check_event_code(f"{path}.code", domain, record.get("code"), catalogue)
    yield from _check_dates(f"{path}.", record, _DATES[domain])
    if domain == "conditions":
        yield from _check_order(path, record, "onset", "abatement")
    elif domain == "treatments":
        yield from _check_order(path, record, "start", "end")
        if "for" in record:
            yield from _check_event_code(f"{path}.for", "conditions", record["for"], catalogue)
        for name in ("dose", "daily_dose"):
            dose = record.get(name)
            if type(dose) is dict and (fault := _number_fault(dose.get("value"), False)) is not None:
                yield Problem(fault[0], fault[1], path=f"{path}.{name}.value", hint=fault[2])


def _check_event_code(path: str, domain: Domain, code: Any, catalogue: Catalogue) -> Iterator[Problem]:
    if type(code) is str:
        if catalogue.event(domain, code) is None:
            yield _unknown_code(_KINDS[domain], code, path, catalogue.event_names(domain))
    elif type(code) is dict:
        system = code.get("system")
        if type(system) is str and (fault := _system_fault(system)) is not None:
            yield Problem(fault[0], fault[1], path=f"{path}.system", hint=fault[2])


def _check_order(path: str, record: dict[str, Any], first: str, last: str) -> Iterator[Problem]:
    begun, ended = _when(record.get(first)), _when(record.get(last))
    if begun is not None and ended is not None and begun.low > ended.high:
        yield Problem("dates-upside-down", f"the {first} {begun} lies after the {last} {ended}", path=path)


def _check_anchors(data: dict[str, Any]) -> Iterator[Problem]:
    anchors = data.get("anchors")
    if type(anchors) is dict:
        yield from _check_dates("anchors.", anchors, tuple(anchors))


def _check_complete(data: dict[str, Any]) -> Iterator[Problem]:
    complete = data.get("complete")
    if type(complete) is not dict:
        return
    for domain in DOMAINS:
        declared = complete.get(domain)
        if type(declared) is not dict:
            continue
        yield from _check_dates(f"complete.{domain}.", declared, ("through",))
        systems = declared.get("systems")
        if type(systems) is list:
            for index, system in enumerate(systems):
                if type(system) is str and (fault := _system_fault(system)) is not None:
                    yield Problem(fault[0], fault[1], path=f"complete.{domain}.systems[{index}]", hint=fault[2])


def _check_dates(prefix: str, record: dict[str, Any], names: tuple[str, ...]) -> Iterator[Problem]:
    for name in names:
        text = record.get(name)
        if type(text) is str and (reason := _date_fault(text)) is not None:
            yield Problem("bad-date", reason, path=prefix + name)


def _when(text: Any) -> When | None:
    return parse_when(text) if type(text) is str and _date_fault(text) is None else None


def _date_fault(text: str) -> str | None:
    try:
        parse_when(text)
    except ValueError as error:
        return str(error)
    return None


Fault = tuple[str, str, str | None]
"""Code, message and hint of a problem whose place the caller knows."""


def _value_fault(value: Any, may_be_negative: bool) -> Fault | None:
    if type(value) is str:
        return _text_fault(value, may_be_negative)
    return _number_fault(value, may_be_negative)


def _number_fault(number: Any, may_be_negative: bool) -> Fault | None:
    """Why a number cannot be used: far too long, or negative where nothing is."""
    if type(number) is int:
        if not -_BOUND < number < _BOUND:
            return _too_long()
    elif type(number) is Decimal:
        if bounded(number) is None:
            return _too_long()
    else:
        return None
    if number < 0 and not may_be_negative:
        return ("negative", f"{number} is negative, which this cannot be", None)
    return None


def _too_long() -> Fault:
    return ("too-long", f"a number of more than {DIGITS} digits, which no result has", None)


@lru_cache(maxsize=16_384)
def _text_fault(text: str, may_be_negative: bool) -> Fault | None:
    written = read_value(text, may_be_negative)
    if isinstance(written, Unreadable):
        hint = "write null where there is no result" if "no result yet" in written.reason else None
        return ("unreadable-value", f"the value {quoted(text)} cannot be read: {written.reason}", hint)
    if isinstance(written, Number) and not may_be_negative:
        lowest = written.low if written.low is not None else written.high
        if lowest is not None and lowest < 0:
            return ("negative", f"the value {quoted(text)} is negative, which this cannot be", None)
    return None


def _coded_observation(code: dict[str, Any], catalogue: Catalogue) -> tuple[ObservationConcept | None, Fault | None]:
    system, name = code.get("system"), code.get("code")
    if type(system) is not str:
        return None, None
    if (fault := _system_fault(system)) is not None:
        return None, fault
    return (catalogue.observation_for(system, name) if type(name) is str else None), None


@lru_cache(maxsize=1_024)
def _system_fault(system: str) -> Fault | None:
    """A code system is named by a short name that we know or by a URI, whether we know that or not."""
    if system_name(system) is not None or ":" in system:
        return None
    message = f"{quoted(system)} is no code system: expected a URI or one of {', '.join(SYSTEMS)}"
    return ("unknown-system", message, did_you_mean(system, SYSTEMS))


def _unknown_code(kind: str, code: str, path: str, known: Iterable[str]) -> Problem:
    message = f"no {kind} is named {quoted(code)}"
    return Problem("unknown-code", message, path=path, hint=did_you_mean(code[:100], known))
