"""What the strings and numbers of a candidate's JSON must mean: dates, values, limits, codes.

The checks read plain data, so that they run beside the checks of structure and every mistake of an input is told at
once; what has the wrong type is passed over here, because it is told there.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, Literal

from prescreen.candidate.profile import Profile
from prescreen.candidate.structure import MANY_PROBLEMS, RECORD_LISTS, quoted
from prescreen.catalogue import Catalogue, ObservationConcept, system_name
from prescreen.catalogue.codes import SYSTEMS
from prescreen.catalogue.model import DOMAINS, Domain
from prescreen.problems import Problem, did_you_mean
from prescreen.quantities import Number, Scale, Unreadable, read_value
from prescreen.quantities.numerals import DIGITS, bounded
from prescreen.time import day_text, parse_when

MAX_ID: Final = 200

_DATES: Final[dict[Domain, tuple[str, ...]]] = {
    "conditions": ("onset", "abatement", "date"),
    "treatments": ("start", "end", "date"),
    "procedures": ("date",),
    "allergies": ("date",),
}
_KINDS: Final[dict[str, str]] = {
    "observations": "observation",
    "conditions": "condition",
    "treatments": "treatment",
    "procedures": "procedure",
    "allergies": "substance",
}


def problems_of_meaning(data: dict[str, Any], catalogue: Catalogue) -> list[Problem]:
    """Everything in a candidate's plain data that cannot mean what it must, in the order of a profile.

    Of a flood of mistakes, the first thousand or so.
    """
    problems: list[Problem] = []
    _check_id(data.get("id"), problems)
    _check_dates("", data, ("birth_date",), problems)
    if type(age := data.get("age")) is dict:
        _check_dates("age.", age, ("on",), problems)
    for name in RECORD_LISTS:
        records = data.get(name)
        if type(records) is not list:
            continue
        for index, record in enumerate(records):
            if type(record) is not dict:
                continue
            if name == "observations":
                _check_observation(index, record, catalogue, problems)
            else:
                _check_event(name, index, record, catalogue, problems)
            if len(problems) >= MANY_PROBLEMS:
                return problems
    if type(anchors := data.get("anchors")) is dict:
        _check_dates("anchors.", anchors, tuple(anchors), problems)
    if type(complete := data.get("complete")) is dict:
        _check_complete(complete, problems)
    return problems


def check_against_day(profile: Profile, day: int, file: str | None = None) -> list[Problem]:
    """What is wrong with a profile on a screening day (its ordinal): a birth that is still to come."""
    if profile.birth_date is None or parse_when(profile.birth_date).first_day <= day:
        return []
    message = f"the birth date {profile.birth_date} lies after the screening day {day_text(day)}"
    return [Problem("future-birth", message, file=file, path="birth_date")]


def is_id(identity: str) -> bool:
    """Whether a text may be a candidate's id."""
    return bool(identity.strip()) and identity.isprintable() and len(identity) <= MAX_ID


def _check_id(identity: Any, problems: list[Problem]) -> None:
    if type(identity) is str and not is_id(identity):
        message = f"{quoted(identity)} is no id: expected 1 to {MAX_ID} printable characters"
        problems.append(Problem("bad-id", message, path="id"))


def _check_observation(index: int, record: dict[str, Any], catalogue: Catalogue, problems: list[Problem]) -> None:
    code = record.get("code")
    fault: Fault | None = None
    if type(code) is str:
        if catalogue.observation(code) is None:
            problems.append(
                _unknown_code("observations", code, f"observations[{index}].code", catalogue, len(problems))
            )
    elif type(code) is dict and (fault := _coding_fault(code)) is not None:
        problems.append(_problem(fault, f"observations[{index}].code.system"))
    value = record.get("value")
    if value is not None:
        fault = text_fault(value) if type(value) is str else _number_fault(value)
        if fault is not None and not (fault[0] == "negative" and _may_be_negative(record, catalogue)):
            problems.append(_problem(fault, f"observations[{index}].value"))
    date = record.get("date")
    if type(date) is str and (fault := _date_fault(date)) is not None:
        problems.append(_problem(fault, f"observations[{index}].date"))
    limit = record.get("detection_limit")
    if limit is not None and (fault := _number_fault(limit)) is not None:
        problems.append(_problem(fault, f"observations[{index}].detection_limit"))
    reference = record.get("reference_range")
    if type(reference) is dict and (found := _range_fault(reference, record, catalogue)) is not None:
        fault, place = found
        problems.append(_problem(fault, f"observations[{index}].reference_range{place}"))


def _range_fault(reference: dict[str, Any], record: dict[str, Any], catalogue: Catalogue) -> tuple[Fault, str] | None:
    """What is wrong with a reference range first, and where in it."""
    low: Any = reference.get("low")
    high: Any = reference.get("high")
    fault = _limit_fault(low, record, catalogue)
    if fault is not None:
        return fault, ".low"
    fault = _limit_fault(high, record, catalogue)
    if fault is not None:
        return fault, ".high"
    if type(low) in _NUMBERS and type(high) in _NUMBERS and low > high:
        return ("range-upside-down", f"the lower limit {low} is above the upper limit {high}", None), ""
    return None


def _limit_fault(limit: Any, record: dict[str, Any], catalogue: Catalogue) -> Fault | None:
    fault = None if limit is None else _number_fault(limit)
    return None if fault is not None and fault[0] == "negative" and _may_be_negative(record, catalogue) else fault


def _may_be_negative(record: dict[str, Any], catalogue: Catalogue) -> bool:
    """Whether a result below zero exists: of few analytes, of any as a logarithm, of what nobody knows."""
    code, unit = record.get("code"), record.get("unit")
    concept: ObservationConcept | None = None
    if type(code) is str:
        concept = catalogue.observation(code)
    elif type(code) is dict and type(code.get("system")) is str and type(code.get("code")) is str:
        concept = catalogue.observation_for(code["system"], code["code"])
    if concept is None or concept.analyte is None or concept.analyte.may_be_negative:
        return True
    scale = concept.analyte.scale(unit) if type(unit) is str else None
    return isinstance(scale, Scale) and scale.log10


def _check_event(
    domain: Domain, index: int, record: dict[str, Any], catalogue: Catalogue, problems: list[Problem]
) -> None:
    _check_event_code(domain, index, "code", record.get("code"), domain, catalogue, problems)
    before = len(problems)
    _check_dates((domain, index), record, _DATES[domain], problems)
    if domain == "conditions" and len(problems) == before:
        _check_order(domain, index, record, "onset", "abatement", problems)
    elif domain == "treatments":
        if len(problems) == before:
            _check_order(domain, index, record, "start", "end", problems)
        _check_event_code(domain, index, "for", record.get("for"), "conditions", catalogue, problems)
        for name in ("dose", "daily_dose"):
            dose = record.get(name)
            if type(dose) is dict and (fault := _number_fault(dose.get("value"))) is not None:
                problems.append(_problem(fault, f"treatments[{index}].{name}.value"))


def _check_event_code(
    place: str, index: int, key: str, code: Any, domain: Domain, catalogue: Catalogue, problems: list[Problem]
) -> None:
    if type(code) is str:
        if catalogue.event(domain, code) is None:
            problems.append(_unknown_code(domain, code, f"{place}[{index}].{key}", catalogue, len(problems)))
    elif type(code) is dict and (found := _coding_fault(code)) is not None:
        problems.append(_problem(found, f"{place}[{index}].{key}.system"))


def _check_order(
    domain: Domain, index: int, record: dict[str, Any], first: str, last: str, problems: list[Problem]
) -> None:
    """Something that ended, in every reading of its dates, before it began; the dates are known to be dates."""
    begun, ended = record.get(first), record.get(last)
    if type(begun) is str and type(ended) is str and parse_when(begun).low > parse_when(ended).high:
        message = f"the {first} {begun} lies after the {last} {ended}"
        problems.append(Problem("dates-upside-down", message, path=f"{domain}[{index}]"))


def _check_complete(complete: dict[str, Any], problems: list[Problem]) -> None:
    for domain in DOMAINS:
        declared = complete.get(domain)
        if type(declared) is not dict:
            continue
        _check_dates(f"complete.{domain}.", declared, ("through",), problems)
        systems = declared.get("systems")
        if type(systems) is list:
            for index, system in enumerate(systems):
                if type(system) is str and (fault := _system_fault(system)) is not None:
                    problems.append(_problem(fault, f"complete.{domain}.systems[{index}]"))


def _check_dates(
    place: str | tuple[str, int], record: dict[str, Any], names: tuple[str, ...], problems: list[Problem]
) -> None:
    for name in names:
        text = record.get(name)
        if type(text) is str and (fault := _date_fault(text)) is not None:
            prefix = place if isinstance(place, str) else f"{place[0]}[{place[1]}]."
            problems.append(_problem(fault, prefix + name))


Fault = tuple[str, str, str | None]
"""Code, message and hint of a problem whose place the caller knows."""


def _problem(fault: Fault, path: str) -> Problem:
    code, message, hint = fault
    return Problem(code, message, path=path, hint=hint)


def _date_fault(text: str) -> Fault | None:
    try:
        parse_when(text)
    except ValueError as error:
        return ("bad-date", str(error), None)
    return None


def _number_fault(number: Any) -> Fault | None:
    """Why a number cannot be used: far too long, or negative where nothing is."""
    if type(number) is int:
        if not -_BOUND < number < _BOUND:
            return _TOO_LONG
    elif type(number) is Decimal:
        if bounded(number) is None:
            return _TOO_LONG
        if not number.is_signed():
            return None
    else:
        return None
    return ("negative", f"{number} is negative, which this cannot be", None) if number < 0 else None


def text_fault(text: str) -> Fault | None:
    """Why a written result cannot be used, as for a number."""
    written = read_value(text, may_be_negative=True)
    if isinstance(written, Unreadable):
        hint = "write null where there is no result" if "no result yet" in written.reason else None
        return ("unreadable-value", f"the value {quoted(text)} cannot be read: {written.reason}", hint)
    if isinstance(written, Number):
        lowest = written.low if written.low is not None else written.high
        if lowest is not None and lowest < 0:
            return ("negative", f"the value {quoted(text)} is negative, which this cannot be", None)
    return None


def _coding_fault(code: dict[str, Any]) -> Fault | None:
    system = code.get("system")
    return _system_fault(system) if type(system) is str else None


@lru_cache(maxsize=1_024)
def _system_fault(system: str) -> Fault | None:
    """A code system is named by a short name that we know or by a URI, whether we know that or not."""
    if system_name(system) is not None or ":" in system:
        return None
    message = f"{quoted(system)} is no code system: expected a URI or one of {', '.join(SYSTEMS)}"
    return ("unknown-system", message, did_you_mean(system[:100], SYSTEMS))


def _unknown_code(
    domain: Literal["observations"] | Domain, code: str, path: str, catalogue: Catalogue, before: int
) -> Problem:
    """before: how many problems there are already; the nearest name is looked for in the first ones only."""
    hint = _nearest(domain, code[:100], catalogue) if before < _HINTED else None
    return Problem("unknown-code", f"no {_KINDS[domain]} is named {quoted(code)}", path=path, hint=hint)


@lru_cache(maxsize=1_024)
def _nearest(domain: Literal["observations"] | Domain, code: str, catalogue: Catalogue) -> str | None:
    known = catalogue.observation_names() if domain == "observations" else catalogue.event_names(domain)
    return did_you_mean(code, known)


_HINTED: Final = 20
_BOUND: Final = 10**DIGITS
_NUMBERS: Final = (int, Decimal)
_TOO_LONG: Final[Fault] = ("too-long", f"a number of more than {DIGITS} digits, which no result has", None)
