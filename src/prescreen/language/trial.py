"""The top of a rule file: the trial, its questions and anchors, its criteria and their cases."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Literal

from prescreen.catalogue import Catalogue
from prescreen.language.accepted import OF_CRITERION, OF_TRIAL, read_accepted
from prescreen.language.cohorts import differs
from prescreen.language.conditions import Place, read_condition, read_definition
from prescreen.language.model import Asked, Case, Cohort, Criterion, Question, Trial, Where, Window
from prescreen.language.names import Names
from prescreen.language.quantities import read_quantities
from prescreen.language.source import Fields, Source, plain_data, shown
from prescreen.language.windows import RESERVED_ANCHORS, read_window
from prescreen.time import parse_when
from prescreen.yamlio import Node

SCHEMA = "prescreen/trial/1"

TRIAL_KEYS = (
    "schema",
    "id",
    "title",
    "recruitment",
    "source",
    "results_within",
    "anchors",
    "questions",
    "definitions",
    "cohorts",
    "quantities",
    "accepted",
    "criteria",
)
CRITERION_KEYS = ("id", "text", "source", "reading", "cohorts", "include_if", "exclude_if", "accepted", "cases")
SOURCE_KEYS = ("document", "complete", "gaps")
COHORT_KEYS = ("id", "title")
QUESTION_KEYS = ("ask", "text", "options")
PLACE_KEYS = ("section", "item")
CASE_KEYS = ("expect", "given", "on", "cohort")
REQUIRED: dict[tuple[str, ...], tuple[str, ...]] = {
    TRIAL_KEYS: ("schema", "id", "title", "criteria"),
    CRITERION_KEYS: ("id", "text"),
    COHORT_KEYS: ("id", "title"),
    QUESTION_KEYS: ("ask", "text"),
    CASE_KEYS: ("expect", "given"),
}
"""The keys that a mapping of those keys must have."""

ASKED: tuple[Asked, ...] = ("candidate", "caregiver", "coordinator", "investigator")
EXPECTED: tuple[Literal["met", "failed", "undetermined"], ...] = ("met", "failed", "undetermined")


def read_trial(source: Source, root: Node, catalogue: Catalogue, sha256: str) -> Trial | None:
    """The trial of a rule file's root node as far as it can be read; `source.problems` says what is wrong.

    A criterion in which something is wrong is left out; so are all of them where the age of results is unclear. None:
    the root is no mapping.
    """
    fields = source.fields(root, "a trial", TRIAL_KEYS, REQUIRED[TRIAL_KEYS])
    if fields is None:
        return None
    _check_schema(source, fields.get("schema"))
    identifier = source.name(node, "an id") if (node := fields.get("id")) else None
    title = _prose(source, fields, "title")
    recruitment = _prose(source, fields, "recruitment")
    document, complete, gaps = _origin(source, fields.get("source"))
    anchors = _anchors(source, fields.get("anchors"))
    cohorts = _cohorts(source, fields.get("cohorts"))
    within = fields.get("results_within")
    window = read_window(source, within, anchors) if within else None
    names = Names(
        source,
        catalogue,
        anchors,
        _questions(source, fields.get("questions")),
        {key.text: value for key, value in _named(source, fields, "definitions")},
        window or Window(None, None, "any"),  # not the `any` of a leaf that says so: `check` tells them apart
        cohorts=tuple(cohort.id for cohort in cohorts),
    )
    names = replace(names, catalogue=read_quantities(names, fields.get("quantities")))
    criteria = _criteria(names, fields.get("criteria"))
    for name, node in names.definitions.items():  # those that no criterion uses are checked as well
        for own in _for_each_cohort(names, node, names.cohorts):
            if own.cohort is None or name not in names.used:  # one that is used may be meant for some cohorts only
                read_definition(own, name, Place.of("inclusion"))
    return Trial(
        id=identifier or "",
        title=title or "",
        criteria=criteria if window or within is None else (),
        questions=dict(names.questions),
        anchors=anchors,
        cohorts=cohorts,
        complete=complete,
        gaps=gaps,
        recruitment=recruitment,
        document=document,
        results_within=names.results_within,
        results_within_stated=within is not None,
        sha256=sha256,
        catalogue=names.catalogue,
        file=source.file,
        accepted=read_accepted(source, fields.get("accepted"), OF_TRIAL),
    )


def _check_schema(source: Source, node: Node | None) -> None:
    if node and (node.kind != "scalar" or node.text != SCHEMA):
        source.refuse(node, "wrong-schema", "this is no trial that this version can read", f"write `schema: {SCHEMA}`")


def _prose(source: Source, fields: Fields, key: str) -> str | None:
    node = fields.get(key)
    return source.prose(node, f"`{key}`") if node else None


def _named(source: Source, fields: Fields, key: str) -> list[tuple[Node, Node]]:
    node = fields.get(key)
    return source.named(node, f"`{key}`") if node else []


def _origin(source: Source, node: Node | None) -> tuple[str | None, bool, tuple[str, ...]]:
    """The document of a trial, whether it holds every criterion, and what it lacks."""
    fields = source.fields(node, "the source", SOURCE_KEYS) if node else None
    if fields is None:
        return None, True, ()
    stated, gaps_node = fields.get("complete"), fields.get("gaps")
    complete = source.boolean(stated, "`complete`") if stated else True
    gaps = [source.prose(gap, "a gap") for gap in source.items(gaps_node, "`gaps`")] if gaps_node else []
    if gaps_node and complete:
        message = "a source with `gaps` is not complete"
        source.refuse(fields.keys["gaps"], "unknown-value", message, "write `complete: false` beside them")
    return _prose(source, fields, "document"), complete is not False, tuple(gap for gap in gaps if gap)


def _anchors(source: Source, node: Node | None) -> dict[str, str]:
    anchors: dict[str, str] = {}
    for key, value in source.named(node, "`anchors`") if node else ():
        if key.text in RESERVED_ANCHORS:
            source.refuse(key, "reserved-name", f"`{key.text}` has a meaning of its own: an anchor needs another name")
        anchors[key.text] = source.prose(value, "what an anchor is") or ""
    return anchors


def _cohorts(source: Source, node: Node | None) -> tuple[Cohort, ...]:
    cohorts: dict[str, Cohort] = {}
    for item in source.items(node, "`cohorts`") if node else ():
        fields = source.fields(item, "a cohort", COHORT_KEYS, REQUIRED[COHORT_KEYS])
        if fields is None or "id" not in fields:
            continue
        name = source.name(fields.values["id"], "an id")
        title = _prose(source, fields, "title")
        if name in cohorts:
            source.refuse(fields.values["id"], "duplicate-id", f"there are two cohorts `{name}`")
        elif name:
            cohorts[name] = Cohort(name, title or "")
    return tuple(cohorts.values())


def _questions(source: Source, node: Node | None) -> dict[str, Question]:
    questions: dict[str, Question] = {}
    for key, value in source.named(node, "`questions`") if node else ():
        fields = source.fields(value, "a question", QUESTION_KEYS, REQUIRED[QUESTION_KEYS])
        if fields is None:
            questions[key.text] = Question(key.text, "coordinator", "")
            continue
        asked_node, options = fields.get("ask"), fields.get("options")
        word = source.choice(asked_node, "`ask`", ASKED) if asked_node else None
        asked: Asked = next((known for known in ASKED if known == word), "coordinator")
        text = _prose(source, fields, "text")
        questions[key.text] = Question(key.text, asked, text or "", _options(source, options) if options else ())
    return questions


def _options(source: Source, node: Node) -> tuple[str, ...]:
    """The answers that a question may have, two or more; yes or no needs none."""
    items = source.items(node, "`options`")
    found = [source.text(item, "an option") for item in items]
    options = tuple(dict.fromkeys(option for option in found if option))
    if any(isinstance(item.plain(), bool) for item in items if item.kind == "scalar"):
        source.refuse(node, "wrong-type", "a question of `true` or `false` has no `options`", "leave `options` out")
    elif items and len(options) < 2:
        source.refuse(node, "empty", "a question has two options or more", "leave `options` out for yes or no")
    return options


def _for_each_cohort(names: Names, node: Node, cohorts: Collection[str]) -> list[Names]:
    """The names once, or once for each cohort where a condition's bounds differ by cohort."""
    if not cohorts or not differs(node, names.definitions):
        return [names]
    return [replace(names, cohort=cohort) for cohort in cohorts]


def _criteria(names: Names, node: Node | None) -> tuple[Criterion, ...]:
    if node is None:
        return ()
    criteria: list[Criterion] = []
    seen: dict[str, int] = {}
    for item in names.source.items(node, "`criteria`"):
        fields = names.source.fields(item, "a criterion", CRITERION_KEYS, REQUIRED[CRITERION_KEYS])
        if fields is None:
            continue
        twice = (identifier := fields.get("id")) is not None and identifier.text in seen
        if identifier and twice:
            message = f"there are two criteria `{shown(identifier.text)}`"
            first = seen[identifier.text]
            names.source.refuse(identifier, "duplicate-id", message + (f", the other on line {first}" if first else ""))
        elif identifier:
            seen[identifier.text] = identifier.line
        found = _criterion(names, fields)
        criteria += [] if twice else found
    return tuple(criteria)


def _criterion(names: Names, fields: Fields) -> list[Criterion]:
    """A criterion; one for each of its cohorts where what it asks differs by cohort."""
    source = names.source
    identifier = source.name(node, "an id") if (node := fields.get("id")) else None
    text, reading = _prose(source, fields, "text"), _prose(source, fields, "reading")
    section, item = _place_in_source(source, fields.get("source"))
    own = fields.get("cohorts")
    belongs = [
        source.lookup(name, "cohort", names.cohorts, "cohorts")
        for name in (source.one_or_more(own, "`cohorts`") if own else ())
    ]
    includes, excludes = fields.get("include_if"), fields.get("exclude_if")
    if (includes is None) == (excludes is None):
        how = "both `include_if` and `exclude_if`" if includes else "neither `include_if` nor `exclude_if`"
        source.refuse(fields.node, "not-one-kind", f"a criterion includes or excludes: this has {how}")
    kind: Literal["inclusion", "exclusion"] = "inclusion" if includes else "exclusion"
    before = len(source.problems)
    accepted = read_accepted(source, fields.get("accepted"), OF_CRITERION)
    cohorts = tuple(name for name in belongs if name)
    each = _for_each_cohort(names, fields.node, cohorts or names.cohorts)
    cases = _cases(source, fields.get("cases"), [names.cohort for names in each if names.cohort])
    found: list[Criterion] = []
    for mine in each:
        condition = read_condition(mine, includes, Place.of("inclusion")) if includes else None
        excluding = read_condition(mine, excludes, Place.of("exclusion")) if excludes else None
        condition = condition or excluding
        if identifier is None or condition is None or len(source.problems) > before:
            continue
        found.append(
            Criterion(
                id=identifier if mine.cohort is None else f"{identifier}@{mine.cohort}",
                kind=kind,
                text=text or "",
                condition=condition,
                section=section,
                item=item,
                reading=reading,
                cohorts=cohorts if mine.cohort is None else (mine.cohort,),
                cases=tuple(case for case in cases if case.cohort in (None, mine.cohort)),
                where=Where(fields.node.line, fields.node.column),
                accepted=accepted,
            )
        )
    return found


def _place_in_source(source: Source, node: Node | None) -> tuple[str | None, str | None]:
    fields = source.fields(node, "a criterion's source", PLACE_KEYS) if node else None
    if fields is None:
        return None, None
    return _prose(source, fields, "section"), _prose(source, fields, "item")


def _cases(source: Source, node: Node | None, cohorts: Collection[str]) -> tuple[Case, ...]:
    items: Iterable[Node] = source.items(node, "`cases`") if node else ()
    return tuple(case for item in items if (case := _case(source, item, cohorts)))


def _case(source: Source, node: Node, cohorts: Collection[str]) -> Case | None:
    """A case; it may name one of the cohorts that the criterion tells apart."""
    known = CASE_KEYS if cohorts else CASE_KEYS[:-1]
    fields = source.fields(node, "a case", known, REQUIRED[CASE_KEYS])
    if fields is None or "expect" not in fields or "given" not in fields:
        return None
    word = source.choice(fields.values["expect"], "`expect`", EXPECTED)
    given = fields.values["given"]
    on = _day(source, fields.get("on"))
    content = plain_data(given)
    if not isinstance(content, dict):
        source.refuse(given, "wrong-type", "`given` is what is known of a candidate: a mapping", "write `given: {}`")
        return None
    for key, _ in given.pairs():
        if key.text == "id":
            source.refuse(key, "unknown-key", "the candidate of a case has no `id`")
    named = fields.get("cohort")
    cohort = source.lookup(named, "cohort", cohorts, "cohorts") if named else None
    expect = next((known for known in EXPECTED if known == word), None)
    if expect is None or (on is None and "on" in fields):
        return None
    return Case(expect, content, on, cohort, Where(node.line, node.column))


def _day(source: Source, node: Node | None) -> str | None:
    """A screening day, YYYY-MM-DD."""
    text = source.text(node, "a screening day") if node else None
    if node is None or text is None:
        return None
    try:
        when = parse_when(text)
    except ValueError as error:
        source.refuse(node, "invalid-date", str(error))
        return None
    if len(text) != len("2026-06-01") or not when.is_one_day:
        source.refuse(node, "invalid-date", f"`{shown(text)}` is no day", "write YYYY-MM-DD")
        return None
    return text
