"""A trial as a FHIR Group: who may take part, as characteristics, each with the words of its criterion.

The Group is of R5; what only R6 has (how characteristics combine, their descriptions) stands in the extensions that
FHIR defines for elements of another version. A condition that is no single characteristic is a Group of its own,
contained and referred to. What a Group cannot say is said in the description of its characteristic, and listed.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from prescreen.catalogue import Catalogue
from prescreen.catalogue.codes import SYSTEMS, TITLES
from prescreen.language.model import (
    Age,
    AllOf,
    Answer,
    AnyOf,
    AtLeastOf,
    Coded,
    Comparison,
    Condition,
    Criterion,
    Event,
    If,
    Not,
    Observation,
    Sex,
    Threshold,
    Trial,
    Unless,
    Use,
)
from prescreen.language.wording import event_label, observation_label

R6: Final = "http://hl7.org/fhir/6.0/StructureDefinition/extension-Group"
_UCUM: Final = "http://unitsofmeasure.org"
_SIGNS: Final = {"at_least": ">=", "above": ">", "at_most": "<=", "below": "<"}
_AGE_UNITS: Final = {"years": "a", "months": "mo", "weeks": "wk", "days": "d", "hours": "h"}
_KIND: Final = {
    "conditions": "condition", "treatments": "treatment", "procedures": "procedure", "allergies": "allergy",
}  # fmt: skip


_EVER: Final = {
    "conditions": frozenset({"active", "remission", "resolved"}),
    "treatments": frozenset({"ongoing", "completed"}),
    "procedures": frozenset({"completed"}),
    "allergies": frozenset({"recorded"}),
}


def group_of(trial: Trial) -> tuple[dict[str, Any], list[str]]:
    """The Group of a trial, and in words what it cannot express, each with the criterion's id before it."""
    writer = _Writer(trial.catalogue, trial)
    characteristics = [writer.criterion(criterion) for criterion in trial.criteria]
    group: dict[str, Any] = {
        "resourceType": "Group",
        "contained": writer.contained,
        "extension": [_combined("all-of")],
        "identifier": [{"value": trial.id}],
        "active": True,
        "type": "person",
        "membership": "definitional",
        "name": trial.title,
        "description": _description(trial, writer.untold),
        "characteristic": characteristics,
    }
    return {key: value for key, value in group.items() if value != []}, writer.untold


def _description(trial: Trial, untold: list[str]) -> str:
    lines = [f"Who may take part in {trial.id}: {trial.title}."]
    if not trial.complete:
        lines.append("The source of these criteria is incomplete: " + "; ".join(trial.gaps) + ".")
    if untold:
        lines.append("What this Group cannot express:")
        lines += [f"- {each}" for each in untold]
    return "\n".join(lines)


class _Writer:
    """Collects the contained Groups, and what cannot be said."""

    def __init__(self, catalogue: Catalogue, trial: Trial) -> None:
        self.catalogue = catalogue
        self.trial = trial
        self.contained: list[dict[str, Any]] = []
        self.untold: list[str] = []
        self.lost: list[str] = []

    def criterion(self, criterion: Criterion) -> dict[str, Any]:
        self.lost = []
        made = self.characteristic(criterion.condition, criterion.kind == "exclusion")
        if criterion.cohorts:
            self.lost.append(f"it is asked in the cohorts {', '.join(criterion.cohorts)} only")
        lost = list(dict.fromkeys(self.lost))
        self.untold += [f"{criterion.id}: {each}" for each in lost]
        text = f"{criterion.id}: {criterion.text}" + (f" (not expressed: {'; '.join(lost)})" if lost else "")
        extension = {"url": f"{R6}.characteristic.description", "valueMarkdown": text}
        return {"extension": [extension], **made}

    def characteristic(self, condition: Condition, exclude: bool) -> dict[str, Any]:
        """A condition as one characteristic: of its own, or a reference to a Group of several."""
        match condition:
            case Not(child):
                return self.characteristic(child, not exclude)
            case Use(child=child):
                return self.characteristic(child, exclude)
            case AllOf(children):
                return self.group("all-of", children, exclude)
            case AnyOf(children):
                return self.group("any-of", children, exclude)
            case AtLeastOf(count, children):
                return self.group("at-least", children, exclude, count)
            case If(first, then, otherwise):
                branches: tuple[Condition, ...] = (AllOf((first, then)),)
                branches += (Not(first),) if otherwise is None else (AllOf((Not(first), otherwise)),)
                return self.group("any-of", branches, exclude)
            case Unless(child, exception, saves):
                if saves:
                    return self.group("any-of", (child, exception), exclude)
                return self.group("all-of", (child, Not(exception)), exclude)
            case Age():
                return self.age(condition, exclude)
            case Sex(sex):
                system = "http://hl7.org/fhir/administrative-gender"
                value = {"coding": [{"system": system, "code": sex}]}
                return {"code": {"text": "sex for clinical use"}, "valueCodeableConcept": value, "exclude": exclude}
            case Observation():
                return self.observation(condition, exclude)
            case Event():
                return self.event(condition, exclude)
            case Answer(question, equals):
                asked = self.trial.questions[question]
                code = {"text": f"{asked.text} (asked of the {asked.ask})"}
                if isinstance(equals, bool):
                    return {"code": code, "valueBoolean": equals, "exclude": exclude}
                return {"code": code, "valueCodeableConcept": {"text": equals}, "exclude": exclude}

    def group(self, how: str, children: Iterable[Condition], exclude: bool, count: int | None = None) -> dict[str, Any]:
        """A contained Group of characteristics that combine in some way, referred to."""
        return self.referred(how, [self.characteristic(child, False) for child in children], exclude, count)

    def referred(
        self, how: str, characteristics: list[dict[str, Any]], exclude: bool, count: int | None = None
    ) -> dict[str, Any]:
        name = f"g{len(self.contained) + 1}"
        extensions = [_combined(how)]
        if count is not None:
            extensions.append({"url": f"{R6}.combinationThreshold", "valuePositiveInt": count})
        self.contained.append(
            {
                "resourceType": "Group",
                "id": name,
                "extension": extensions,
                "type": "person",
                "membership": "definitional",
                "characteristic": characteristics,
            }
        )
        return {"code": {"text": how}, "valueReference": {"reference": f"#{name}"}, "exclude": exclude}

    def age(self, age: Age, exclude: bool) -> dict[str, Any]:
        code = {"coding": [{"system": SYSTEMS["loinc"][0], "code": "30525-0", "display": "Age"}], "text": age.text}
        if age.anchor != "screening":
            self.lost.append(f"the age counts on the day of {age.anchor}")
        if age.low is not None and age.below is not None and age.low.unit != age.below.unit:
            parts = [Age(age.low, None, age.anchor, age.text), Age(None, age.below, age.anchor, age.text)]
            return self.group("all-of", parts, exclude)
        ends: dict[str, Any] = {}
        if age.low is not None:
            ends["low"] = _quantity(Fraction(age.low.number), _AGE_UNITS[age.low.unit])
        if age.below is not None:  # completed units: less than 66 is at most 65
            ends["high"] = _quantity(Fraction(age.below.number - 1), _AGE_UNITS[age.below.unit])
        return {"code": code, "valueRange": ends, "exclude": exclude}

    def observation(self, leaf: Observation, exclude: bool) -> dict[str, Any]:
        concept = self.catalogue.observations.get(leaf.code)
        label = observation_label(leaf.code, self.catalogue)
        codings = [] if concept is None else [("loinc", each) for each in concept.codes.get("loinc", ())]
        code = _codeable(codings, label)
        if leaf.window.text != "any":
            self.lost.append(f"{label}: only results of a time ({leaf.window.text})")
        if leaf.select.how != "latest":
            self.lost.append(f"{label}: which results count ({leaf.select.how.replace('_', ' ')})")
        if leaf.changes:
            self.lost.append(f"{label}: how it has changed")
        if leaf.without is not None:
            self.lost.append(f"{label}: results after some events do not count")
        values: list[tuple[dict[str, Any], bool]] = []
        for test in leaf.tests:
            match test:
                case Comparison(operator, thresholds):
                    values.append((self.compared(label, operator, thresholds, concept.unit if concept else ""), False))
                case Coded(words, negated):
                    values.append(({"valueCodeableConcept": {"text": " or ".join(words)}}, negated))
                case _:
                    values.append(({"valueCodeableConcept": {"text": "detected"}}, not test.wanted))
        if not values:
            values = [({"valueCodeableConcept": {"text": leaf.text or "a result"}}, False)]
        made = [{"code": code, **value, "exclude": negated} for value, negated in values]
        if len(made) == 1:
            return {**made[0], "exclude": made[0]["exclude"] is not exclude}
        return self.referred("all-of", made, exclude)

    def compared(self, label: str, operator: str, thresholds: tuple[Threshold, ...], unit: str) -> dict[str, Any]:
        threshold = thresholds[0]
        if threshold.of is not None:
            self.lost.append(f"{label}: a multiple of the result's own limit ({threshold.text})")
            return {"valueCodeableConcept": {"text": f"{_SIGNS[operator]} {threshold.text}"}}
        if len(thresholds) > 1:
            self.lost.append(f"{label}: the limit in another unit ({thresholds[1].text})")
        return {"valueQuantity": {**_quantity(threshold.number, unit), "comparator": _SIGNS[operator]}}

    def event(self, leaf: Event, exclude: bool) -> dict[str, Any]:
        kind = _KIND[leaf.domain]
        labels = " or ".join(event_label(leaf.domain, code, self.catalogue) for code in leaf.codes)
        options = {
            "a time": leaf.window.text != "any",
            "statuses": leaf.statuses != _EVER[leaf.domain],
            "how long it has lasted": leaf.for_at_least is not None or bool(leaf.duration),
            "exceptions": bool(leaf.excepted),
            "how certain it is": "provisional" in leaf.verification,
            "severity, site or confirmation": bool(leaf.severity or leaf.site or leaf.confirmed_by),
            "what it was given for, its route or its outcome": bool(leaf.indication or leaf.route or leaf.outcome),
            "doses": bool(leaf.dose or leaf.daily_dose),
            "numbers of records": bool(leaf.count or leaf.lines),
        }
        self.lost += [f"{labels}: {option}" for option, is_there in options.items() if is_there]
        made: list[dict[str, Any]] = []
        for name in leaf.codes:
            concept = self.catalogue.events[leaf.domain][name]
            codings = [
                (system, code) for system, codes in concept.codes.items() for code in codes if system != "icd-10-pcs"
            ]
            value = _codeable(codings, concept.label)
            made.append({"code": {"text": kind}, "valueCodeableConcept": value, "exclude": False})
        if len(made) == 1:
            return {**made[0], "exclude": exclude}
        return self.referred("any-of", made, exclude)


def _combined(how: str) -> dict[str, Any]:
    return {"url": f"{R6}.combinationMethod", "valueCode": how}


def _codeable(codings: list[tuple[str, str]], text: str) -> dict[str, Any]:
    found = [
        {"system": SYSTEMS[system][0], "code": code, "display": f"{TITLES[system]} {code}"} for system, code in codings
    ]
    return {**({"coding": found} if found else {}), "text": text}


def _quantity(number: Fraction, unit: str) -> dict[str, Any]:
    value: int | float = number.numerator if number.denominator == 1 else float(_decimal(number))
    return {"value": value, **({"unit": unit, "system": _UCUM, "code": unit} if unit else {})}


def _decimal(number: Fraction) -> Decimal:
    return Decimal(number.numerator) / Decimal(number.denominator)
