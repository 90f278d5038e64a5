"""Conditions: from the mappings of a rule file to the tree that the engine evaluates.

A condition is a mapping with exactly one of the keys of `CONDITIONS`, its options beside it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from prescreen.language.ages import read_age
from prescreen.language.changes import WAYS, read_changes
from prescreen.language.cohorts import for_cohort
from prescreen.language.comparisons import COMPARISONS, read_tests
from prescreen.language.events import DOMAINS, OPTIONS, read_event
from prescreen.language.model import (
    SCREENING,
    Age,
    AllOf,
    Answer,
    AnyOf,
    AtLeastOf,
    Condition,
    Event,
    If,
    Not,
    Observation,
    Select,
    Sex,
    Unless,
    Use,
    Where,
    Window,
    parts_of,
)
from prescreen.language.names import Names
from prescreen.language.source import MAX_DEPTH, Fields, Source, listed, shown
from prescreen.language.windows import read_span, read_window
from prescreen.problems import closest
from prescreen.yamlio import Node

CONDITIONS: dict[str, tuple[str, ...]] = {
    "all": (),
    "any": (),
    "not": (),
    "at_least_of": (),
    "if": ("then", "else"),
    "use": (),
    "age": ("on",),
    "sex": (),
    "observation": (*COMPARISONS, *WAYS, "per_cohort", "within", "select", "without"),
    **{noun: OPTIONS[domain] for noun, domain in DOMAINS.items()},
    "answer": ("equals",),
}
"""The keys that say what kind a condition is, and the options of each; `unless` may stand beside any."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a condition stands.

    saves: whether an `unless` there saves (True) or spares. unclear: why an `unless` there has no direction, or
    None. may_omit_else: whether an `if` may do without `else`. uses: the definitions around it. depth: how many
    conditions are around it.
    """

    saves: bool
    may_omit_else: bool
    unclear: str | None = None
    uses: tuple[str, ...] = ()
    depth: int = 0

    @classmethod
    def of(cls, kind: Literal["inclusion", "exclusion"]) -> Place:
        """The place right under include_if or exclude_if."""
        return cls(saves=kind == "inclusion", may_omit_else=kind == "inclusion")

    def under_not(self) -> Place:
        return replace(self, saves=not self.saves, may_omit_else=False)

    def without_direction(self, why: str) -> Place:
        return replace(self, unclear=why, may_omit_else=False)


def read_condition(names: Names, node: Node, place: Place) -> Condition | None:
    """The condition of a node; None where something is wrong with it, which has then been reported."""
    source = names.source
    source.spend()
    if place.depth >= MAX_DEPTH:
        source.refuse(node, "too-deep", f"conditions are nested more than {MAX_DEPTH} deep, definitions written out")
        return None
    place = replace(place, depth=place.depth + 1)
    kinds = _kinds(source, node)
    if len(kinds) != 1:
        _look_into(names, node, kinds, place)
        return None
    ((written, key),) = kinds.items()
    fields = source.fields(node, f"`{key}`", (key, *CONDITIONS[key], "unless"), told={written: key})
    if fields is None:
        return None
    exception = fields.get("unless")
    if exception is None:
        return _read(names, key, fields, place)
    child = _read(names, key, fields, place)
    inner = place.without_direction("inside the exception of another `unless`")
    spared_by = read_condition(names, exception, inner)
    if place.unclear:
        hint = "write what is meant with `all`, `any` and `not`"
        message = f"`unless` has no clear direction {place.unclear}"
        source.refuse(fields.keys["unless"], "unclear-unless", message, hint)
        return None
    where = Where(node.line, node.column)
    return Unless(child, spared_by, place.saves, where) if child and spared_by else None


def read_definition(names: Names, name: str, place: Place) -> Condition | None:
    """A definition as it is meant at a place; one found to be wrong is read only once."""
    if name in names.broken:
        return None
    before = len(names.source.problems)
    child = read_condition(names, names.definitions[name], replace(place, uses=(*place.uses, name)))
    if child is None or len(names.source.problems) > before:
        names.broken.add(name)
        return None
    return child


_MAX_GUESSES = 10


def _kinds(source: Source, node: Node) -> dict[str, str]:
    """The kinds of condition that a mapping names, by the keys as written; all but a single one is a mistake."""
    if node.kind != "map":
        hint = "write a mapping such as `{sex: female}`"
        source.refuse(node, "wrong-type", "a condition is a mapping with one kind of condition", hint)
        return {}
    keys = [key for key, _ in node.pairs() if key.text in CONDITIONS]
    if len(keys) == 1:
        return {keys[0].text: keys[0].text}
    if keys:
        hint = "put each in a mapping of its own, under `all` or `any`"
        found = listed(key.text for key in keys)
        source.refuse(keys[1], "not-one-condition", f"several kinds of condition in one mapping: {found}", hint)
        return {key.text: key.text for key in keys}
    first = [key for key, _ in node.pairs()[:_MAX_GUESSES]]
    meant = next(((key, near) for key in first if (near := closest(key.text, CONDITIONS))), None)
    if meant:
        key, near = meant
        message = f"`{shown(key.text)}` is no kind of condition"
        source.refuse(key, "not-one-condition", message, f"did you mean `{near}`?")
        return {key.text: near}
    hint = f"one of {listed(CONDITIONS, 'or')}"
    source.refuse(node, "not-one-condition", "this mapping has no kind of condition", hint)
    return {}


def _look_into(names: Names, node: Node, kinds: Collection[str], place: Place) -> None:
    """Report what else is wrong in a mapping of several kinds of condition, each read by itself."""
    known = list(dict.fromkeys(option for kind in kinds for option in (kind, *CONDITIONS[kind])))
    fields = names.source.fields(node, "a condition", (*known, "unless")) if kinds else None
    if fields is None:
        return
    for kind in kinds:
        _read(names, kind, fields.only((kind, *CONDITIONS[kind])), place)
    if exception := fields.get("unless"):
        read_condition(names, exception, place.without_direction("inside the exception of another `unless`"))


def _read(names: Names, key: str, fields: Fields, place: Place) -> Condition | None:
    source, node, where = names.source, fields.values[key], Where(fields.node.line, fields.node.column)
    match key:
        case "all" | "any":
            children = _children(names, node, f"`{key}`", place)
            if children is None:
                return None
            return AllOf(children, where) if key == "all" else AnyOf(children, where)
        case "not":
            child = read_condition(names, node, place.under_not())
            return Not(child, where) if child else None
        case "at_least_of":
            return _at_least_of(names, node, where, place)
        case "if":
            return _if(names, fields, where, place)
        case "use":
            return _use(names, node, where, place)
        case "age":
            return read_age(names, fields)
        case "sex":
            word = source.choice(node, "`sex`", SEXES)
            return next((Sex(sex, where) for sex in SEXES if sex == word), None)
        case "observation":
            return _observation(names, fields, place)
        case "answer":
            return _answer(names, fields, where)
    return read_event(names, DOMAINS[key], fields)


SEXES: tuple[Literal["female", "male"], ...] = ("female", "male")


def _children(names: Names, node: Node, what: str, place: Place) -> tuple[Condition, ...] | None:
    items = names.source.items(node, what)
    found = [read_condition(names, item, place) for item in items]
    children = tuple(child for child in found if child)
    return children if children and len(children) == len(items) else None


def _at_least_of(names: Names, node: Node, where: Where, place: Place) -> Condition | None:
    fields = names.source.fields(node, "`at_least_of`", ("count", "of"), required=("count", "of"))
    if fields is None or "of" not in fields or "count" not in fields:
        return None
    children = _children(names, fields.values["of"], "`of`", place)
    size = len(fields.values["of"].items())
    count = names.source.whole(fields.values["count"], "the count", 1, size) if size else None
    return AtLeastOf(count, children, where) if count and children else None


def _if(names: Names, fields: Fields, where: Where, place: Place) -> Condition | None:
    source, then, otherwise = names.source, fields.get("then"), fields.get("else")
    asking = place.without_direction("inside the condition of an `if`")
    condition = read_condition(names, fields.values["if"], asking)
    holds = read_condition(names, then, place) if then else None
    if then is None:
        source.refuse(fields.keys["if"], "missing-key", "`if` needs `then`")
    if otherwise is None and not place.may_omit_else:
        message = "`if` without `else` is clear only under `include_if` itself: here it would decide for everyone else"
        hint = "write `all: [A, B]` for `if: A, then: B`, or add `else`"
        source.refuse(fields.keys["if"], "missing-else", message, hint)
    otherwise_holds = read_condition(names, otherwise, place) if otherwise else None
    if condition is None or holds is None or (otherwise and otherwise_holds is None):
        return None
    return If(condition, holds, otherwise_holds, where)


def _use(names: Names, node: Node, where: Where, place: Place) -> Condition | None:
    name = names.source.lookup(node, "definition", names.definitions, "definitions")
    if name is None or name in names.broken:
        return None
    if name in place.uses:
        circle = " uses ".join(f"`{use}`" for use in (*place.uses[place.uses.index(name) :], name))
        names.source.refuse(node, "recursive-definition", f"a definition uses itself: {shown(circle)}")
        return None
    names.used.add(name)
    child = read_definition(names, name, place)
    return Use(name, child, where) if child else None


def _answer(names: Names, fields: Fields, where: Where) -> Condition | None:
    source, equals = names.source, fields.get("equals")
    name = source.lookup(fields.values["answer"], "question", names.questions, "questions")
    if name is None:
        return None
    options = names.questions[name].options
    if not options:
        wanted = source.boolean(equals, "`equals`") if equals else True
        return None if wanted is None else Answer(name, wanted, where)
    if equals is None:
        hint = f"add `equals`: one of {listed(options)}"
        source.refuse(fields.node, "missing-key", f"`{name}` has several answers: say which one is meant", hint)
        return None
    option = source.choice(equals, f"the answer to `{name}`", options)
    return Answer(name, option, where) if option else None


def _observation(names: Names, fields: Fields, place: Place) -> Condition | None:
    """A leaf, or for `every_of` and `any_of` all or any of several."""
    source, node = names.source, fields.values["observation"]
    own = for_cohort(names, fields, (*COMPARISONS, *WAYS))
    if own is None:
        return None
    frame = _frame(names, own, place)
    if node.kind == "scalar":
        return _result(names, own, node, Where(fields.node.line, fields.node.column), frame)
    several = source.fields(node, "`observation`", ("every_of", "any_of"))
    if several is None:
        return None
    if len(several.values) != 1:
        if not several.misspelt:
            message = "an observation is one code, or several by `every_of` or `any_of`"
            hint = "write a code, `{every_of: [ALT, AST]}` or `{any_of: [ALT, AST]}`"
            source.refuse(node, "not-one-condition", message, hint)
        return None
    (how, codes), *_ = several.values.items()
    results = [
        _result(names, own, code, Where(code.line, code.column), frame) for code in source.items(codes, f"`{how}`")
    ]
    children = tuple(result for result in results if result)
    where = Where(fields.node.line, fields.node.column)
    if not children or len(children) < len(results):
        return None
    return AllOf(children, where) if how == "every_of" else AnyOf(children, where)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What all results of a leaf share: window, `select` and `without`."""

    window: Window
    select: Select
    without: Condition | None


def _frame(names: Names, fields: Fields, place: Place) -> _Frame | None:
    source, within, select = names.source, fields.get("within"), fields.get("select")
    window = read_window(source, within, names.anchors) if within else names.results_within
    chosen = _select(source, select) if select else Select()
    if chosen and select:
        unfit = {
            "highest": ("is", "is_not", "one_of"),
            "lowest": ("is", "is_not", "one_of"),
            "mean_of": ("is", "is_not", "one_of", *WAYS),
            "consecutive": WAYS,
        }
        for key in fields.values:
            if key in unfit.get(chosen.how, ()):
                message = f"`{chosen.how}` is chosen among numbers: it does not go with `{key}`"
                if key in WAYS:
                    message = f"`{key}` is that of one result: it does not go with `{chosen.how}`"
                source.refuse(select, "wrong-comparison", message)
    spoiling = fields.get("without")
    for way in WAYS if spoiling else ():
        if way in fields:
            message = f"`{way}` and `without` do not go together: which earlier results count would be left open"
            source.refuse(fields.keys["without"], "wrong-comparison", message)
    without = _spoiling(names, spoiling, place) if spoiling else None
    if window is None or chosen is None or (spoiling and without is None):
        return None
    return _Frame(window, chosen, without)


def _spoiling(names: Names, node: Node, place: Place) -> Condition | None:
    """The condition of `without`: events, counted from the sample's day."""
    condition = read_condition(names, node, place.without_direction("inside `without`"))
    if condition is None:
        return None
    for part in parts_of(condition):
        if isinstance(part, Age | Sex | Answer | Observation):
            message = "`without` speaks of conditions, treatments, procedures and allergies only"
            names.source.refuse(node, "wrong-type", message)
            return None
        if isinstance(part, Event) and any(anchor != SCREENING for anchor in _anchors_of(part)):
            message = "`without` is counted from the day of the sample: no anchor stands in it"
            names.source.refuse(node, "invalid-window", message, "write `within: 1 month`")
            return None
    return condition


def _anchors_of(event: Event) -> list[str]:
    ends = [end for each in (event, *event.excepted) for end in (each.window.start, each.window.end)]
    return [event.at, *(each.at for each in event.excepted), *(end.anchor for end in ends if end)]


def _result(names: Names, fields: Fields, code: Node, where: Where, frame: _Frame | None) -> Observation | None:
    concept = names.observation(code)
    if concept is None:
        return None
    tests = read_tests(names.source, fields, concept, needed=not any(way in fields for way in WAYS))
    changes = read_changes(names.source, fields, concept)
    if tests is None or changes is None or frame is None:
        return None
    text = " and ".join(filter(None, (tests[1], changes[1])))
    return Observation(concept.name, tests[0], frame.window, frame.select, text, where, changes[0], frame.without)


HOWS: tuple[Literal["latest", "first", "any", "every", "highest", "lowest"], ...] = (
    "latest",
    "first",
    "any",
    "every",
    "highest",
    "lowest",
)
_MAX_RESULTS = 1000


def _select(source: Source, node: Node) -> Select | None:
    if node.kind != "map":
        word = source.choice(node, "`select`", HOWS)
        return next((Select(how) for how in HOWS if how == word), None)
    fields = source.fields(node, "`select`", ("consecutive", "apart", "mean_of"))
    if fields is None or fields.misspelt:
        return None
    consecutive, mean_of, apart = fields.get("consecutive"), fields.get("mean_of"), fields.get("apart")
    if (consecutive is None) == (mean_of is None) or (mean_of and apart):
        hint = "write `{consecutive: 2, apart: 24 hours}` or `{mean_of: 3}`"
        source.refuse(node, "unknown-value", "`select` is a word, `consecutive` results or a `mean_of` them", hint)
        return None
    how: Literal["consecutive", "mean_of"] = "consecutive" if consecutive else "mean_of"
    span = read_span(source, apart, "`apart`") if apart else None
    number = source.whole(fields.values[how], "the number of results", 2, _MAX_RESULTS)
    return Select(how, number, span) if number and (span or not apart) else None
