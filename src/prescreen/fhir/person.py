"""Who the candidate is, what was consented to and what was answered."""

from __future__ import annotations

import re
from typing import Any, Final

from prescreen.candidate.checks import is_id
from prescreen.candidate.leftopen import NO_ANSWER
from prescreen.fhir.codes import code_among, first_code
from prescreen.fhir.resources import Answer, Consent, Item, Patient, QuestionnaireResponse, slim
from prescreen.fhir.setting import ENTERED_IN_ERROR, Entry, Setting, State
from prescreen.fhir.times import NoDate, moment
from prescreen.time import parse_when

_BIRTH_SEX: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"
_CLINICAL_USE: Final = "http://hl7.org/fhir/StructureDefinition/patient-sexParameterForClinicalUse"
_SEXES: Final = {"male": "male", "female": "female", "M": "male", "F": "female", "male-typical": "male",
                 "female-typical": "female"}  # fmt: skip
_TRIAL: Final = re.compile(r"\b(NCT[0-9]{8}|EUCTR?[0-9]{4}-[0-9]{6}-[0-9]{2}|ISRCTN[0-9]{8})\b")
_QUESTION: Final = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9-]{0,63}:)?[A-Za-z][A-Za-z0-9-]{0,63}")
_DEEPEST: Final = 30


def patient_id(data: dict[str, Any], url: str | None) -> str | None:
    """The id of a candidate: the Patient's own, one of its identifiers, or that of its entry."""
    identifiers = data.get("identifier")
    given = [each.get("value") for each in identifiers if isinstance(each, dict)] if type(identifiers) is list else []
    tail = None if url is None else re.split(r"[/:]", url)[-1]
    for text in (data.get("id"), *given, tail):
        if isinstance(text, str) and is_id(text):
            return text
    return None


def read_patients(entries: list[Entry], setting: Setting) -> State:
    """The birth date and the sex, where all Patient resources of the candidate agree on them."""
    births: dict[str, str] = {}
    sexes: dict[str, str] = {}
    state: State = "understood"
    for entry in entries:
        if entry.spoilt:
            setting.tell("bad-entry", entry.path, f"{entry.doubt}; birth date and sex are not used")
            return "open"
        resource, bad = slim(entry.data, Patient)
        setting.tell_bad(entry, bad)
        if bad:
            state = "open"
        born = _birth(resource, entry, setting)
        if born is not None:
            births[born] = entry.path
        sex = _sex(resource, entry, setting, bad)
        if sex is not None:
            sexes[sex] = entry.path
        if resource.deceasedBoolean or resource.deceasedDateTime is not None:
            setting.tell("deceased", entry.path, "the patient is said to have died")
        if resource.active is False:
            setting.tell("not-used", f"{entry.path}.active", "the record of the patient is said to be out of use")
        if entry.doubt is not None:
            setting.tell("bad-entry", entry.path, f"{entry.doubt}; what the versions differ in is not used")
            state = "open"
    for what, key, found in (("birth date", "birth_date", births), ("sex", "sex", sexes)):
        if len(found) == 1:
            setting.person[key] = next(iter(found))
        elif found:
            message = f"more than one {what} ({', '.join(found)}); none is used"
            setting.tell("conflict", list(found.values())[1], message)
    if "birth_date" in setting.person:
        setting.birth = parse_when(setting.person["birth_date"])
    setting.sex = setting.person.get("sex")
    return state


def _birth(resource: Patient, entry: Entry, setting: Setting) -> str | None:
    if resource.birthDate is None:
        return None
    try:
        return moment(resource.birthDate)
    except NoDate as error:
        setting.tell("bad-entry", f"{entry.path}.birthDate", f"{error}; not used")
        return None


def _sex(resource: Patient, entry: Entry, setting: Setting, bad: dict[str, str]) -> str | None:
    """The sex for clinical use where it is stated; otherwise the gender, unless the sex at birth is another."""
    said: dict[str, str | None] = {}
    for extension in resource.extension:
        if extension.url == _BIRTH_SEX:
            said["birth"] = _SEXES.get(extension.valueCode or "")
        elif extension.url == _CLINICAL_USE:
            said["use"] = _SEXES.get(first_code(extension.valueCodeableConcept) or extension.valueCode or "")
    if "use" in said:
        return said["use"]
    gender = resource.gender
    if gender is None:
        return said.get("birth") if "gender" not in bad else None
    sex = _SEXES.get(gender) if gender in ("female", "male") else None
    if sex is None and gender not in ("other", "unknown"):
        expected = "female, male, other, unknown"
        setting.tell("bad-entry", f"{entry.path}.gender", f"`{gender[:40]}` is none of {expected}; not used")
    if said.get("birth") is not None and sex != said["birth"]:
        if sex is not None or gender == "other":
            message = f"the gender is {gender}, the sex at birth {said['birth']}; neither is used"
            setting.tell("conflict", f"{entry.path}.gender", message)
            return None
        return said["birth"] if gender == "unknown" else None
    return sex


# --- consents --------------------------------------------------------------------------------------------------------


def read_consent(entry: Entry, setting: Setting) -> State:
    """A consent to a trial that it names: the answer to that trial's question `informed-consent`."""
    resource, bad = slim(entry.data, Consent)
    setting.tell_bad(entry, bad)
    if resource.status == ENTERED_IN_ERROR:
        setting.tell(ENTERED_IN_ERROR, entry.path, "entered in error; not used")
        return "aside"
    texts = [each.value or "" for each in resource.identifier] + [each.uri or "" for each in resource.policy]
    if resource.sourceReference is not None:
        texts += [resource.sourceReference.reference or "", resource.sourceReference.display or ""]
    trials = sorted({match for text in texts for match in _TRIAL.findall(text)})
    if not trials:
        setting.tell("not-used", entry.path, "a consent that names no trial")
        return "aside"
    if resource.scope is not None and resource.scope.coding and code_among(resource.scope, ("research",)) is None:
        setting.tell("not-used", entry.path, "a consent to something else than research")
        return "aside"
    refused = resource.status == "rejected" or (resource.provision is not None and resource.provision.type == "deny")
    provision = resource.provision
    limited = provision is not None and (provision.period is not None or bool(provision.provision))
    if bad or entry.doubt is not None or (not refused and (resource.status != "active" or limited)):
        why = f"a consent with the status `{(resource.status or 'none')[:40]}` is no answer"
        if limited:
            why = "a consent for a time, or with exceptions"
        why = entry.doubt or why
        setting.tell("bad-entry", entry.path, f"{why}; left open")
        for trial in trials:
            _answer(f"{trial}:informed-consent", NO_ANSWER, entry.path, setting)
        return "open"
    for trial in trials:
        _answer(f"{trial}:informed-consent", not refused, entry.path, setting)
    return "understood"


# --- answers ---------------------------------------------------------------------------------------------------------


def read_response(entry: Entry, setting: Setting) -> State:
    """Answers by the names of their questions, which are the `linkId` or the end of the `definition`."""
    resource, bad = slim(entry.data, QuestionnaireResponse)
    setting.tell_bad(entry, bad)
    if resource.status == ENTERED_IN_ERROR:
        setting.tell(ENTERED_IN_ERROR, entry.path, "entered in error; not used")
        return "aside"
    certain = resource.status in ("completed", "amended") and not bad and entry.doubt is None
    named = _TRIAL.search(resource.questionnaire or "")
    found: list[tuple[str, bool | str, str]] = []
    unnamed = _collect(resource.item, f"{entry.path}.item", named[1] if named else None, found, 0)
    for name, value, path in found:
        _answer(name, value if certain else NO_ANSWER, path, setting)
    if unnamed:
        setting.tell("unmapped-code", entry.path, f"{unnamed} answers to questions that have no name; not used")
    if not certain and found:
        why = entry.doubt or f"answers with the status `{(resource.status or 'none')[:40]}` may change"
        setting.tell("bad-entry", entry.path, f"{why}; left open")
        return "open"
    if not found:
        return "unmapped" if unnamed else "aside"
    return "understood"


def _collect(
    items: list[Item], path: str, trial: str | None, found: list[tuple[str, bool | str, str]], depth: int
) -> int:
    """Gathers the answers of items and of what lies under them; gives back how many are to questions without a name."""
    unnamed = 0
    for index, item in enumerate(items if depth < _DEEPEST else ()):
        here = f"{path}[{index}]"
        if item.answer:
            name = _question(item, trial)
            if name is None:
                unnamed += 1
            else:
                values = {_value(answer) for answer in item.answer}
                found.append((name, values.pop() if len(values) == 1 else NO_ANSWER, here))
        unnamed += _collect(item.item, f"{here}.item", trial, found, depth + 1)
        for answer in item.answer:
            unnamed += _collect(answer.item, f"{here}.answer.item", trial, found, depth + 1)
    return unnamed


def _question(item: Item, trial: str | None) -> str | None:
    defined = None if item.definition is None else re.split(r"[#/]", item.definition)[-1]
    for text in (item.linkId, defined):
        if text and _QUESTION.fullmatch(text):
            return text if ":" in text or trial is None else f"{trial}:{text}"
    return None


def _value(answer: Answer) -> bool | str:
    given = [each for each in (answer.valueBoolean, answer.valueString) if each is not None]
    if answer.valueCoding is not None:
        given.append(answer.valueCoding.code or NO_ANSWER)
    return given[0] if len(given) == 1 else NO_ANSWER


def _answer(name: str, value: bool | str, path: str, setting: Setting) -> None:
    known = setting.answers.setdefault(name, (value, path))
    if known[0] is not value and known[0] != value:
        setting.answers[name] = (NO_ANSWER, path)
        setting.tell("conflict", path, f"another answer to `{name}` is on file; neither is used")
