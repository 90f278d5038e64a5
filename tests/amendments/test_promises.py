"""What the comparison promises of any two conditions, held against screening: every answer to a few questions, and
results on and beside every limit."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from itertools import pairwise, product

from hypothesis import given, settings
from hypothesis import strategies as st

from prescreen.amendment import compare
from prescreen.amendment.meaning import meaning, required
from prescreen.amendment.witnesses import with_witnesses
from prescreen.api import statuses
from prescreen.language import Trial

from .rules import one, trial

DAY = date(2026, 6, 1)
ASKED = ("a", "b", "c", "d")
ANSWERS = [dict(zip(ASKED, each, strict=True)) for each in product((True, False), repeat=len(ASKED))]


Tree = tuple[str, tuple["Tree", ...]]
"""A condition while it is edited: what it is, and its parts."""

LEAVES: list[Tree] = [*((name, ()) for name in ASKED), ("named", ())]


def grown(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    leaf = st.sampled_from(LEAVES)
    return st.one_of(
        st.tuples(st.sampled_from(["all", "any", "1", "2", "3"]), several),
        st.tuples(st.just("not"), st.tuples(inner)),
        st.tuples(st.just("if"), st.tuples(leaf, inner, inner)),
        st.tuples(st.just("unless"), st.tuples(inner, leaf)),
    )


TREES = st.recursive(st.sampled_from(LEAVES), grown, max_leaves=6)


@st.composite
def edited(draw: st.DrawFn, tree: Tree) -> Tree:
    """The tree after one or two edits anywhere in it."""
    for _ in range(draw(st.integers(1, 2))):
        tree = draw(_edit(tree))
    return tree


@st.composite
def _edit(draw: st.DrawFn, tree: Tree) -> Tree:
    what, parts = tree
    inside = [i for i in range(len(parts)) if not (what in ("if", "unless") and i == {"if": 0, "unless": 1}[what])]
    if inside and draw(st.booleans()):
        i = draw(st.sampled_from(inside))
        return what, (*parts[:i], draw(_edit(parts[i])), *parts[i + 1 :])
    other = draw(TREES)
    choices: list[Tree] = [other, ("not", (tree,)), ("all", (tree, other)), ("any", (other, tree))]
    choices += [("unless", (tree, draw(st.sampled_from(LEAVES))))]
    if what in ("all", "any", "1", "2", "3"):
        again = draw(st.sampled_from(["all", "any", "1", "2", "3"]))
        choices += [(again, parts), (what, (*parts, other)), (what, parts[::-1])]
        choices += [(what, parts[1:])] if len(parts) > 1 else []
    elif parts:
        choices.append(parts[0])
    return draw(st.sampled_from(choices))


def written(tree: Tree) -> str:
    """The condition as a rule file has it."""
    what, parts = tree
    said = [written(part) for part in parts]
    match what:
        case "all" | "any":
            return f"{{{what}: [{', '.join(said)}]}}"
        case "1" | "2" | "3":
            return f"{{at_least_of: {{count: {min(int(what), len(said))}, of: [{', '.join(said)}]}}}}"
        case "not":
            return f"{{not: {said[0]}}}"
        case "if":
            return f"{{if: {said[0]}, then: {said[1]}, else: {said[2]}}}"
        case "unless":
            return f"{{all: [{said[0]}], unless: {said[1]}}}"
    return "{use: named}" if what == "named" else f"{{answer: {what}}}"


CONDITIONS = TREES.map(written)
PAIRS = TREES.flatmap(lambda tree: st.tuples(st.just(tree), st.one_of(edited(tree), TREES))).map(
    lambda pair: (written(pair[0]), written(pair[1]))
)
NAMED = "{{named: {{any: [{{answer: {}}}, {{answer: {}}}]}}}}"


def trials(old: str, new: str, kinds: tuple[str, str], named: tuple[str, str, str]) -> tuple[Trial, Trial]:
    first, second, third = named
    return (
        one(old, kinds[0], definitions=NAMED.format(first, second)),
        one(new, kinds[1], definitions=NAMED.format(first, third)),
    )


def table(version: Trial) -> list[str]:
    """The status for each way of answering."""
    return [statuses(version, {"id": "C", "answers": answers}, DAY)["X1"] for answers in ANSWERS]


KINDS = st.sampled_from(
    [("include_if", "include_if"), ("exclude_if", "exclude_if")] * 2
    + [("include_if", "exclude_if"), ("exclude_if", "include_if")]
)
NAMES = st.tuples(*[st.sampled_from(ASKED)] * 3)


@settings(max_examples=400)
@given(PAIRS, KINDS, NAMES)
def test_a_told_direction_agrees_with_every_way_of_answering(
    pair: tuple[str, str], kinds: tuple[str, str], named: tuple[str, str, str]
) -> None:
    before, after = trials(*pair, kinds, named)
    turns = {(was, now) for was, now in zip(table(before), table(after), strict=True) if was != now}
    found = compare(before, after)
    direction = found.criteria[0].direction if found.criteria else "none"
    if direction == "none":
        assert not turns
    elif direction == "looser":
        assert turns <= {("failed", "met")}
    elif direction == "stricter":
        assert turns <= {("met", "failed")}
    same = meaning(required(before.criteria[0])) == meaning(required(after.criteria[0]))
    assert not (same and turns)
    assert found.same_meaning <= (not turns)
    assert same == (direction == "none")


@settings(max_examples=60)
@given(PAIRS, KINDS, NAMES)
def test_a_searched_direction_is_what_every_way_of_answering_shows(
    pair: tuple[str, str], kinds: tuple[str, str], named: tuple[str, str, str]
) -> None:
    before, after = trials(*pair, kinds, named)
    turns = {(was, now) for was, now in zip(table(before), table(after), strict=True) if was != now}
    for change in with_witnesses(compare(before, after), before, after).criteria:
        if change.search is None:
            assert not turns
            continue
        assert change.search.result == ("found" if turns else "none")
        assert {(witness.old, witness.new) for witness in change.search.witnesses} == turns
        told = {
            frozenset(): "none",
            frozenset({("failed", "met")}): "looser",
            frozenset({("met", "failed")}): "stricter",
        }
        assert change.direction == told.get(frozenset(turns), "both")


OPERATORS = st.sampled_from(["at_least", "above", "at_most", "below"])
LIMITS = st.sampled_from(["1", "1.5", "2", "2.5", "3"])
WRITTEN = {"ULN": lambda limit: f"{limit} ULN", "U/L": lambda limit: f"{Fraction(limit) * 40} U/L"}


@settings(max_examples=150)
@given(OPERATORS, LIMITS, OPERATORS, LIMITS, st.sampled_from(list(WRITTEN)), st.booleans(), st.booleans())
def test_a_told_direction_agrees_with_results_on_and_beside_the_limits(
    operator: str, limit: str, other: str, also: str, unit: str, excludes: bool, denied: bool
) -> None:
    def version(how: str, number: str) -> Trial:
        leaf = f"{{observation: ALT, {how}: {WRITTEN[unit](number)}}}".replace("/1 U", " U")
        return one(f"{{not: {leaf}}}" if denied else leaf, "exclude_if" if excludes else "include_if")

    before, after = version(operator, limit), version(other, also)
    ends = sorted({float(limit) * 40, float(also) * 40})
    middles = [(low + high) / 2 for low, high in pairwise(ends)]
    turns = set()
    for value in (ends[0] - 1, *ends, *middles, ends[-1] + 1):
        result = {"code": "ALT", "value": value, "unit": "U/L", "reference_range": {"high": 40}, "date": "2026-05-30"}
        was, now = (statuses(each, {"id": "C", "observations": [result]}, DAY)["X1"] for each in (before, after))
        if was != now:
            turns.add((was, now))
    found = compare(before, after)
    direction = found.criteria[0].direction if found.criteria else "none"
    told = {frozenset(): "none", frozenset({("failed", "met")}): "looser", frozenset({("met", "failed")}): "stricter"}
    assert direction == told.get(frozenset(turns), "both") or (direction == "both" and len(turns) == 1)


@settings(max_examples=50)
@given(st.lists(CONDITIONS, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_reordered_criteria_are_moved_and_nothing_else(conditions: list[str], random: object) -> None:
    each = [
        f"{{id: X{i}, text: criterion number {i} of this trial, include_if: {condition}}}"
        for i, condition in enumerate(conditions)
    ]
    other = list(each)
    random.shuffle(other)  # type: ignore[attr-defined]
    definitions = NAMED.format("a", "b")
    versions = [trial(f"[{', '.join(items)}]", definitions=definitions) for items in (each, other)]
    found = compare(*versions)
    assert found.same_meaning
    assert {what for change in found.criteria for what in change.what} <= {"moved"}
    assert all(change.old == change.new for change in found.criteria)
    assert (each == other) == (not found.criteria)
