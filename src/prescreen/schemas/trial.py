"""The schema of a rule file. Which keys stand where is the loader's to say; their shapes are in `OPTIONS` here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, get_args

from prescreen.candidate.profile import Profile
from prescreen.catalogue import Catalogue, Domain, bundled_catalogue
from prescreen.language import trial as top
from prescreen.language.accepted import FINDINGS, OF_CRITERION, OF_TRIAL
from prescreen.language.changes import BASES, WAYS
from prescreen.language.comparisons import COMPARISONS, OPERATORS
from prescreen.language.conditions import CONDITIONS, HOWS, SEXES
from prescreen.language.events import DOMAINS, OF_WHOLE_LEAVES, STATUSES, VERIFICATIONS
from prescreen.language.model import LimitOfRange
from prescreen.language.quantities import NEEDED_KEYS, QUANTITY_KEYS
from prescreen.language.source import NAME
from prescreen.language.windows import RESERVED_ANCHORS
from prescreen.schemas.shapes import (
    DIALECT,
    FLAG,
    TEXT,
    Shape,
    any_key,
    has_key,
    known,
    list_of,
    mapping,
    matching,
    names_of,
    one_or_more,
    ref,
    said,
    words,
)

_SPAN: Final = r"\d{1,6}\s*(hours?|days?|weeks?|months?|years?)"
_WASHOUT: Final = rf"({_SPAN}|\d{{1,6}}(\.\d+)?\s*half-li(fe|ves))"
_NAMED: Final = f"^{NAME}$"
_CONDITION: Final = ref("condition")
_COUNT: Final[Shape] = {"type": "integer", "minimum": 1}

_BOUNDS: Final = (*OPERATORS, "between")
_MEANINGS: Final = {
    "at_least": "at or above this (≥)",
    "above": "above this (>)",
    "at_most": "at or below this (≤)",
    "below": "below this (<)",
    "between": "from the first to the second, both included",
}


def _bounds(value: Shape) -> dict[str, Shape]:
    """The keys of a comparison with numbers; `between` has two of what the others have one of."""
    pair = list_of(value, 2, 2)
    return {name: said(_MEANINGS[name], pair if name == "between" else value) for name in _BOUNDS}


def _bounded(value: Shape, **more: Shape) -> Shape:
    return mapping({**_bounds(value), **more}, minProperties=1)


def _by_cohort(value: Shape, **more: Shape) -> Shape:
    """The same, with bounds that may differ by cohort."""
    return _bounded(value, per_cohort=said("bounds by cohort", names_of(_bounded(value), _NAMED)), **more)


OPTIONS: Final[dict[str, Shape]] = {
    **_bounds(ref("limit")),
    "between": said(_MEANINGS["between"], list_of(ref("quantity"), 2, 2)),
    "is": said("the coded result is this", TEXT),
    "is_not": said("the coded result is none of these", one_or_more(TEXT)),
    "one_of": said("the coded result is one of these", one_or_more(TEXT)),
    "detected": said("at or above the limit of detection, or below it", FLAG),
    "within": said("when: before, after or around an anchor, or at any time", ref("window")),
    "select": said("which results of the window count; by default the latest", ref("select")),
    "on": said("the anchor on whose day the age counts; by default the screening", TEXT),
    "equals": said("the answer that is meant; by default yes", TEXT),
    "then": said("what holds for those of the condition", _CONDITION),
    "else": said("what holds for all others", _CONDITION),
    "unless": said("an exception: it saves under `include_if` and spares under `exclude_if`", _CONDITION),
    **{
        way: said(
            f"a {way} from an earlier result to the one that counts",
            mapping(
                {**_bounds(ref("quantity")), "from": words(BASES), "over": ref("span")},
                minProperties=1,
            ),
        )
        for way in ("fall", "rise")
    },
    "per_cohort": said("bounds by cohort", names_of({"type": "object", "minProperties": 1}, _NAMED)),
    "without": said("events after which a result does not count", one_or_more(_CONDITION)),
    "by": said("the window is that of the beginning", words(("start",))),
    "duration": said("how long it lasted", _by_cohort(ref("span"))),
    "lines": said("how many lines of treatment", _by_cohort({"type": "integer", "minimum": 0})),
    "stable_for": said("for how long the dose has not changed", ref("span")),
    "for_at_least": said("how long it has lasted", ref("span")),
    "at": said("the anchor up to which `for_at_least` counts", TEXT),
    "verification": said("how certain the record is; by default confirmed", one_or_more(words(VERIFICATIONS))),
    "severity": said("how severe", one_or_more(TEXT)),
    "site": said("where in the body", one_or_more(TEXT)),
    "confirmed_by": said("how it was confirmed", one_or_more(TEXT)),
    "for": said("the condition it is given for", one_or_more(ref("code-condition"))),
    "route": said("how it is given", one_or_more(TEXT)),
    "outcome": said("what came of it", one_or_more(TEXT)),
    "dose": said("the mass given at once", _by_cohort(ref("quantity"))),
    "daily_dose": said("the mass given in a day", _by_cohort(ref("quantity"), **{"as": ref("code-treatment")})),
    "count": said("of how many different ones there is a record", _by_cohort({"type": "integer", "minimum": 0})),
}
"""What stands under each option of a condition. `status` and `except` differ by domain; a new option is a line here."""


def trial_schema() -> dict[str, Any]:
    """The JSON Schema of a rule file; codes of the bundled catalogue are completed, others are let pass."""
    catalogue = bundled_catalogue()
    kinds = {kind: _kind(kind, options) for kind, options in CONDITIONS.items()}
    given = Profile.model_json_schema(by_alias=True, ref_template="#/definitions/{model}")
    given["properties"].pop("id")
    given.pop("required")
    return {
        "$schema": DIALECT,
        "title": "A trial's rule file",
        **mapping(_keys(top.TRIAL_KEYS, _TOP), top.REQUIRED[top.TRIAL_KEYS]),
        "definitions": {
            **_PARTS,
            **_codes(catalogue),
            **{f"condition-{kind}": shape for kind, shape in kinds.items()},
            "condition": _condition(kinds),
            "criterion": _criterion(),
            "case": mapping(_keys(top.CASE_KEYS, _CASE), top.REQUIRED[top.CASE_KEYS]),
            **given.pop("$defs"),
            "given": {**given, "description": "what is known of the candidate"},
        },
    }


def _keys(keys: tuple[str, ...], shapes: dict[str, Shape]) -> dict[str, Shape]:
    """The shapes of the loader's keys. A KeyError here says that a new key has no shape yet."""
    return {key: shapes[key] for key in keys}


def _condition(kinds: dict[str, Shape]) -> Shape:
    """A mapping of exactly one kind; what may stand beside it is asked only then, so that mistakes are told plainly."""
    return {
        "type": "object",
        "properties": {
            kind: {"description": shape["properties"][kind]["description"]} for kind, shape in kinds.items()
        },
        "oneOf": any_key(kinds),
        "allOf": [{"if": has_key(kind), "then": ref(f"condition-{kind}")} for kind in kinds],
    }


def _kind(kind: str, options: tuple[str, ...]) -> Shape:
    """A mapping with the key of a kind of condition and its options."""
    own = {key: shape for key, shape in _of_domain(kind).items() if key in options}
    shapes = {kind: _KINDS[kind], **_keys((*options, "unless"), {**OPTIONS, **own})}
    required = (kind, "then") if kind == "if" else (kind,)
    more: dict[str, Any] = {}
    if kind == "observation":
        more["anyOf"] = any_key((*COMPARISONS, *WAYS, "per_cohort"))
    if "at" in options:
        spans = [option for option in ("for_at_least", "stable_for") if option in options]
        more["dependencies"] = {"at": {"anyOf": any_key(spans)}}
    return mapping(shapes, required, **more)


def _of_domain(kind: str) -> dict[str, Shape]:
    """The options whose words depend on the domain of an event."""
    domain = DOMAINS.get(kind)
    if domain is None:
        return {}
    options = [option for option in CONDITIONS[kind] if option not in OF_WHOLE_LEAVES]
    statuses = {"status": said("by default `ever`: not what is planned", one_or_more(_statuses(domain)))}
    exception = mapping({kind: _KINDS[kind], **_keys(tuple(options), {**OPTIONS, **statuses})}, (kind,))
    code = ref(f"code-{kind}")
    excepted = said("single records that do not count", one_or_more({"anyOf": [code, exception]}))
    return {**statuses, "except": excepted}


def _statuses(domain: Domain) -> Shape:
    return words((*STATUSES[domain], "ever"))


def _codes(catalogue: Catalogue) -> dict[str, Shape]:
    """The names of the catalogue by kind of condition."""
    events = {f"code-{noun}": known(catalogue.events[domain]) for noun, domain in DOMAINS.items()}
    return {"code-observation": known(catalogue.observations), **events}


def _criterion() -> Shape:
    both = any_key(("include_if", "exclude_if"))
    return mapping(_keys(top.CRITERION_KEYS, _CRITERION), top.REQUIRED[top.CRITERION_KEYS], oneOf=both)


_KINDS: Final[dict[str, Shape]] = {
    "all": said("all of the conditions hold", list_of(_CONDITION)),
    "any": said("one of the conditions holds, or more", list_of(_CONDITION)),
    "not": said("the condition does not hold", _CONDITION),
    "at_least_of": said(
        "so many of the conditions hold", mapping({"count": _COUNT, "of": list_of(_CONDITION)}, ("count", "of"))
    ),
    "if": said("a subgroup with a requirement of its own", _CONDITION),
    "use": said("the named definition holds", TEXT),
    "age": said("completed units of age", _by_cohort(ref("span"))),
    "sex": said("sex for clinical use", words(SEXES)),
    "observation": said(
        "a laboratory result, vital sign, score or derived quantity",
        {
            "anyOf": [
                ref("code-observation"),
                mapping(
                    {"every_of": list_of(ref("code-observation")), "any_of": list_of(ref("code-observation"))},
                    minProperties=1,
                    maxProperties=1,
                ),
            ]
        },
    ),
    "condition": said("something that is or was the case", one_or_more(ref("code-condition"))),
    "treatment": said("something that is or was given, or is planned", one_or_more(ref("code-treatment"))),
    "procedure": said("something that was done or is planned", one_or_more(ref("code-procedure"))),
    "allergy": said("an allergy to this", one_or_more(ref("code-allergy"))),
    "answer": said("a question of `questions` was answered so", TEXT),
}

_PARTS: Final[dict[str, Shape]] = {
    "span": matching(rf"^\s*{_SPAN}\s*$", "28 days", "24 weeks", "18 years"),
    "quantity": {
        "anyOf": [
            {"type": "number"},
            matching(
                r"^\s*[-+]?\d+(\.\d+)?([eE][-+]?\d+)?([^\d.,].*)?$",
                "30 mL/min/1.73m2",
                *(f"1 {limit}" for limit in get_args(LimitOfRange)),
            ),
        ]
    },
    "limit": one_or_more(ref("quantity")),
    "moment": matching(rf"^\s*(({_SPAN}\s+)?(before|after)\s+)?\S+\s*$", "24 weeks before screening", "screening"),
    "washout": matching(
        rf"^\s*{_WASHOUT}(\s+(before|after)\s+\S+)?\s*$", "30 days", "5 half-lives", "30 days before enrolment"
    ),
    "window": {
        "anyOf": [
            {
                **matching(
                    rf"^\s*({_WASHOUT}|({_WASHOUT}\s+)?(before|after)\s+\S+|any)\s*$",
                    *("28 days", "14 days before screening", "any"),
                ),
                "errorMessage": "write `28 days`, `14 days before ANCHOR`, `{from: …, to: …}` or `any`",
            },
            mapping({"from": ref("moment"), "to": ref("moment")}, minProperties=1),
            *(mapping({way: list_of(ref("washout"))}, (way,)) for way in ("longest", "shortest")),
        ]
    },
    "select": {
        "anyOf": [
            words(HOWS),
            mapping({"consecutive": {"type": "integer", "minimum": 2}, "apart": ref("span")}, ("consecutive",)),
            mapping({"mean_of": {"type": "integer", "minimum": 2}}, ("mean_of",)),
        ]
    },
}


def _accepted(codes: Iterable[str]) -> Shape:
    return mapping({code: said(FINDINGS[code], TEXT) for code in codes})


_TOP: Final[dict[str, Shape]] = {
    "schema": said("the kind and version of this file", {"const": top.SCHEMA}),
    "id": said("the trial's id in its registry", {**TEXT, "pattern": _NAMED}),
    "title": said("the trial's title", TEXT),
    "recruitment": said("whether the trial is recruiting", TEXT),
    "source": said(
        "where the criteria come from",
        mapping(
            _keys(
                top.SOURCE_KEYS,
                {
                    "document": said("the file with the source text", TEXT),
                    "complete": said("whether it holds every criterion; otherwise nobody is eligible", FLAG),
                    "gaps": said("what it lacks", list_of(TEXT)),
                },
            ),
            dependencies={"gaps": {"required": ["complete"], "properties": {"complete": {"const": False}}}},
        ),
    ),
    "results_within": said("how old a result may be where a condition does not say", ref("window")),
    "anchors": said(
        "days that windows count from, each with what it is",
        {**names_of(TEXT, _NAMED), "propertyNames": {"not": {"enum": list(RESERVED_ANCHORS)}}},
    ),
    "questions": said(
        "what is asked when a criterion needs it",
        names_of(
            mapping(
                _keys(
                    top.QUESTION_KEYS,
                    {
                        "ask": said("who is asked", words(top.ASKED)),
                        "text": said("the question", TEXT),
                        "options": said(
                            "the answers it may have, unless yes and no", list_of({"type": ["string", "number"]}, 2)
                        ),
                    },
                ),
                top.REQUIRED[top.QUESTION_KEYS],
            ),
            _NAMED,
        ),
    ),
    "definitions": said("named conditions, for `use`", names_of(_CONDITION, _NAMED)),
    "cohorts": said(
        "the arms of the trial",
        list_of(
            mapping(
                _keys(top.COHORT_KEYS, {"id": {**TEXT, "pattern": _NAMED}, "title": TEXT}),
                top.REQUIRED[top.COHORT_KEYS],
            )
        ),
    ),
    "quantities": said(
        "quantities of the trial's own, each by a formula",
        names_of(
            mapping(
                _keys(
                    QUANTITY_KEYS,
                    {
                        "formula": said("arithmetic on codes and `age`", TEXT),
                        "unit": said("the unit of what comes out", TEXT),
                        "units": said("by code, the unit in which it counts in the formula", {"type": "object"}),
                        "label": said("what people call it", TEXT),
                        "same_day": said("whether the results must be of one day", FLAG),
                        "any_day": said("codes whose results count however old they are", one_or_more(TEXT)),
                    },
                ),
                NEEDED_KEYS,
            ),
            _NAMED,
        ),
    ),
    "accepted": said(
        "findings of `check --prove` about the trial as a whole that are meant, with the reason", _accepted(OF_TRIAL)
    ),
    "criteria": said("one entry for each criterion, in the protocol's order", list_of(ref("criterion"))),
}

_CRITERION: Final[dict[str, Shape]] = {
    "id": said("the id of the criterion", {**TEXT, "pattern": _NAMED}),
    "text": said("what the protocol says", TEXT),
    "source": said("where the protocol says it", mapping(_keys(top.PLACE_KEYS, {"section": TEXT, "item": TEXT}))),
    "reading": said("how an ambiguous text was read", TEXT),
    "cohorts": said("the cohorts it belongs to; by default all", one_or_more(TEXT)),
    "include_if": said("an inclusion criterion: met where this holds", _CONDITION),
    "exclude_if": said("an exclusion criterion: failed where this holds", _CONDITION),
    "accepted": said(
        "findings of `check --prove` about the criterion that are meant, with the reason", _accepted(OF_CRITERION)
    ),
    "cases": said("candidates with the status that they must have", list_of(ref("case"))),
}

_CASE: Final[dict[str, Shape]] = {
    "expect": said("the status that the criterion must have", words(top.EXPECTED)),
    "given": ref("given"),
    "cohort": said("the cohort it is screened for, where bounds differ by cohort", TEXT),
    "on": said("the screening day, by default 2026-06-01", matching(r"^\d{4}-\d{2}-\d{2}$", "2026-06-01")),
}
