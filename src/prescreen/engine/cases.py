"""Telling cases apart: exact truths where a fact is used more than once (semantics §1).

Kleene's tables are exact while each open fact is used once. Where one is used again, its possibilities are cut into
regions in which no leaf of the criterion changes; each region is supposed in turn and the rest decided as before. What
holds in every case holds; two cases that differ make the truth unknown. The work is bounded; past the bound the truth
stays unknown and is marked as not proven exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final

from prescreen.candidate.facts import Result
from prescreen.engine import person, results
from prescreen.engine.compare import limits_of, table_days
from prescreen.engine.compile import CompiledCriterion, Node
from prescreen.engine.keys import (
    AnchorKey,
    AnswerKey,
    BirthKey,
    DateKey,
    EventKey,
    FreeKeyOf,
    Key,
    ResultKey,
    SexKey,
    TieKey,
)
from prescreen.engine.open import open_keys, undecided
from prescreen.engine.setting import FreeKey, Setting, free_key
from prescreen.language.model import (
    Age,
    Coded,
    Comparison,
    Detected,
    Event,
    Observation,
    Test,
    Trial,
    Window,
)
from prescreen.quantities import Magnitude
from prescreen.time import (
    ANY_TIME,
    DAY,
    EARLIEST_DAY,
    LATEST_DAY,
    Span,
    When,
    first_instant,
    last_instant,
    shift_day,
    unshift_day,
)
from prescreen.truth import FALSE, TRUE, UNKNOWN, Truth

MOST_CASES: Final = 5_000
MOST_TRIED: Final = 2_000  # for all missing facts of a criterion together
_PRIORITY: Final[dict[type, int]] = {
    kind: place
    for place, kind in enumerate(
        (BirthKey, AnchorKey, SexKey, AnswerKey, DateKey, TieKey, ResultKey, FreeKeyOf, EventKey)
    )
}
_RECORDS_A_CASE: Final = 30
_DAY_MARGIN: Final = 4  # clipped months move a day by at most three


class TooManyCasesError(Exception):
    """The bound on the number of cases was reached."""


class UncutError(Exception):
    """The possibilities of a fact could not be cut into finitely many regions."""


class Budget:
    """How much may still be tried. cost: of one case."""

    __slots__ = ("cost", "left")

    def __init__(self, cost: int, left: int = MOST_CASES) -> None:
        self.left = left
        self.cost = cost

    def spend(self) -> None:
        self.left -= self.cost
        if self.left < 0:
            raise TooManyCasesError


def cost_of(criterion: CompiledCriterion, setting: Setting) -> int:
    """What one case of a criterion costs: more where there are many records of the kinds that it asks for.

    No other record counts, so that none changes the answer; nor does any where no record is in what was found, since
    such reports are shared (see `engine.screen`).
    """
    if criterion.rests_on_no_record(setting):
        return 1
    return 1 + criterion.records_in(setting.facts) // _RECORDS_A_CASE


@dataclass(frozen=True, slots=True)
class Resolved:
    """A criterion's truth; exact: it is unknown only because two completions differ."""

    truth: Truth
    exact: bool


_KLEENE: Final = {truth: Resolved(truth, True) for truth in Truth}


def resolve(criterion: CompiledCriterion, setting: Setting, trial: Trial) -> Resolved:
    """The truth of a criterion's condition, sound in any case and exact where that is promised."""
    truth = criterion.root.evaluate(setting)
    if truth is not UNKNOWN:
        return _KLEENE[truth]
    if not criterion.repeats_in(setting):
        return _KLEENE[UNKNOWN] if _promised(criterion, setting) else Resolved(UNKNOWN, False)
    try:
        truth = _resolve(criterion.root, setting, trial, Budget(cost_of(criterion, setting)))
    except (TooManyCasesError, UncutError):
        return Resolved(UNKNOWN, False)
    return Resolved(truth, truth is not UNKNOWN or _promised(criterion, setting))


def truth_of(criterion: CompiledCriterion, setting: Setting, trial: Trial, budget: Budget | None = None) -> Truth:
    """`resolve` without asking whether an unknown is proven; budget: one that several evaluations share."""
    truth = criterion.root.evaluate(setting)
    if truth is not UNKNOWN or not criterion.repeats_in(setting):
        return truth
    try:
        return _resolve(criterion.root, setting, trial, budget or Budget(cost_of(criterion, setting)))
    except (TooManyCasesError, UncutError):
        return UNKNOWN


def _resolve(
    root: Node, setting: Setting, trial: Trial, budget: Budget, settled: frozenset[Key] = frozenset()
) -> Truth:
    truth = root.evaluate(setting)
    if truth is not UNKNOWN:
        return truth
    key = _most_used(key_uses(root, setting))
    if key is None:
        return UNKNOWN
    if key in settled:
        raise UncutError
    agreed: Truth | None = None
    for case in cases(key, root, setting, trial):
        budget.spend()
        truth = _resolve(root, case, trial, budget, settled | {key})
        if truth is UNKNOWN or (agreed is not None and truth is not agreed):
            return UNKNOWN
        agreed = truth
    return UNKNOWN if agreed is None else agreed


def key_uses(root: Node, setting: Setting) -> dict[Key, int]:
    """How often each open fact is used by the leaves on which an UNKNOWN truth depends."""
    uses: dict[Key, int] = {}
    for leaf in undecided(root, setting):
        for key in open_keys(leaf, setting):
            uses[key] = uses.get(key, 0) + 1
    return uses


def _most_used(uses: dict[Key, int]) -> Key | None:
    repeated = [key for key, count in uses.items() if count > 1]
    return min(repeated, key=lambda key: _PRIORITY[type(key)], default=None)


def matters(
    root: Node, setting: Setting, trial: Trial, key: Key, budget: Budget, settled: frozenset[Key] = frozenset()
) -> bool:
    """Whether two completions that differ in this fact alone differ in the truth of `root`."""
    if root.evaluate(setting) is not UNKNOWN:
        return False
    uses = key_uses(root, setting)
    if key not in uses:
        return False
    other = _most_used(uses)
    if other is None:
        return True  # each fact used once: any of them can tip the balance
    if other == key:
        rest = {name: count for name, count in uses.items() if name != key}
        if not rest:
            truths = set()
            for case in cases(key, root, setting, trial):
                budget.spend()
                truths.add(root.evaluate(case))
            return TRUE in truths and FALSE in truths
        other = _most_used(rest) or min(rest, key=lambda name: _PRIORITY[type(name)])
    if other in settled:
        raise UncutError
    for case in cases(other, root, setting, trial):
        budget.spend()
        if matters(root, case, trial, key, budget, settled | {other}):
            return True
    return False


def _promised(criterion: CompiledCriterion, setting: Setting) -> bool:
    """Whether an unknown is one of those that semantics §1 promises to be exact."""
    leaves = undecided(criterion.root, setting)
    for leaf in leaves:
        found = setting.found[leaf.number]
        if found is not None and found.approximate:
            return False
    if criterion.entangled:
        for one in leaves:
            for other in leaves:
                if (one.number, other.number) in criterion.entangled:
                    return False
    return True


# --- the cases of each kind of fact ------------------------------------------------------------------


def cases(key: Key, root: Node, setting: Setting, trial: Trial) -> Iterator[Setting]:
    """Settings that between them stand for all that a fact may be, one for each region."""
    facts = setting.facts
    match key:
        case SexKey():
            for sex in ("female", "male"):
                yield setting.supposing(facts.varied(sex=sex))
        case AnswerKey(question):
            for answer in person.answers_of(trial.questions[question]):
                yield setting.supposing(facts.varied(answers={**facts.answers, f"{trial.id}:{question}": answer}))
        case EventKey(leaf):
            for truth in (TRUE, FALSE):
                yield setting.supposing(forced={**(setting.forced or {}), leaf: truth})
        case AnchorKey(name):
            for day in _anchor_days(name, root, setting, trial):
                yield setting.supposing(facts.varied(anchors={**facts.anchors, name: _one_day(day)}))
        case BirthKey():
            for day in _birth_days(root, setting, trial):
                yield setting.supposing(facts.varied(birth=_one_day(day)))
        case DateKey(code, index):
            for instant in _instants(code, index, root, setting, trial):
                yield _taken_at(setting, code, index, instant)
        case TieKey(code, low, high):
            tied = [r for r in facts.results[code] if r.low == low and r.high == high]
            for one in tied:
                kept = tuple(r for r in facts.results[code] if r is one or r not in tied)
                yield setting.supposing(facts.varied(results={**facts.results, code: kept}))
        case ResultKey(code, index):
            result = facts.result(index)
            if any(_is_derived_from(code, leaf, trial) for leaf in _all_observations(root)):
                raise UncutError  # where a derived value crosses its thresholds is not known beforehand
            for variant in _variants(result, root, setting):
                others = tuple(variant if r.index == index else r for r in facts.results[code])
                yield setting.supposing(facts.varied(results={**facts.results, code: others}))
        case FreeKeyOf(free):
            blank = Result(-1, trial.catalogue.observations[free[0]], None, ANY_TIME)
            blank.problem = ("missing", "")
            for variant in _variants(_derived_bounds(free, root, setting) or blank, root, setting):
                variant.index = -1
                variant.inputs = ()
                yield setting.supposing(free={**(setting.free or {}), free: variant})


def _one_day(day: int) -> When:
    return When("", first_instant(day), last_instant(day))


def _taken_at(setting: Setting, code: str, index: int, instant: int) -> Setting:
    """The evaluation, had a result been taken at an instant."""
    changed = []
    for result in setting.facts.results[code]:
        if result.index == index:
            result = result.copy()
            result.low = result.high = instant
        changed.append(result)
    return setting.supposing(setting.facts.varied(results={**setting.facts.results, code: tuple(changed)}))


def _spread(low: int, high: int, cuts: Iterable[int]) -> list[int]:
    """Whole numbers of [low, high] so that between two neighbouring cuts at least one is taken."""
    inside = sorted({low, high, *(cut for cut in cuts if low < cut < high)})
    between = {(a + b) // 2 for a, b in pairwise(inside)}
    return sorted({*inside, *between})


def _all_observations(root: Node) -> list[Observation]:
    return [leaf.condition for leaf in root.leaves() if isinstance(leaf.condition, Observation)]


def _observation_leaves(root: Node, code: str) -> list[Observation]:
    return [leaf for leaf in _all_observations(root) if leaf.code == code]


def _is_derived_from(code: str, leaf: Observation, trial: Trial) -> bool:
    return code in trial.catalogue.observations[leaf.code].inputs


def _anchor_days(name: str, root: Node, setting: Setting, trial: Trial) -> list[int]:
    when = setting.anchor(name)
    low, high = (EARLIEST_DAY, LATEST_DAY) if when is None else (when.first_day, when.last_day)
    cuts: set[int] = set()
    for node in root.leaves():
        match node.condition:
            case Observation() as leaf:
                codes = (leaf.code, *trial.catalogue.observations[leaf.code].inputs)
                edges = [e for code in codes for r in setting.facts.results.get(code, ()) for e in (r.low, r.high)]
                cuts.update(_moved(leaf.window, name, edges, setting))
            case Event() as leaf:
                edges = [edge for record in setting.facts.events.get(leaf.domain, ()) for edge in _edges(record)]
                declared = setting.facts.complete.get(leaf.domain)
                if declared is not None and declared.through is not None:
                    edges += [declared.through.low, declared.through.high]
                for part in (leaf, *leaf.excepted):
                    cuts.update(_moved(part.window, name, edges, setting))
                    if part.at == name and part.for_at_least is not None:
                        cuts.update(_around(edges, part.for_at_least, 1))
                        if part.changed:
                            cuts.update(_around(edges, None, 1))
            case Age() as leaf if leaf.anchor == name and setting.facts.birth is not None:
                birth = setting.facts.birth
                for span in (leaf.low, leaf.below):
                    if span is not None:
                        cuts.update(_around([birth.low, birth.high], span, 1))
            case _:
                pass
    return _spread(low, high, cuts)


def _edges(record: object) -> list[int]:
    found: list[int] = []
    for name in ("start", "end"):
        when = getattr(record, name, None)
        if when is not None:
            found += [when.low, when.high]
    return found


def _moved(window: Window, name: str, edges: list[int], setting: Setting) -> Iterator[int]:
    """The anchor days near which some edge enters or leaves a window."""
    for moment in (window.start, window.end):
        if moment is not None and moment.anchor == name:
            yield from _around([*edges, setting.now], moment.span, -moment.sign)


def _around(edges: list[int], span: Span | None, sign: int) -> Iterator[int]:
    for edge in edges:
        day = edge // DAY
        if span is not None:
            if span.unit == "hours":
                day += sign * span.number // 24
            else:
                day = shift_day(max(EARLIEST_DAY, min(LATEST_DAY, day)), span, sign)
        yield from range(day - _DAY_MARGIN, day + _DAY_MARGIN + 1)


def _birth_days(root: Node, setting: Setting, trial: Trial) -> list[int]:
    birth = setting.facts.birth
    low, high = (EARLIEST_DAY, setting.day) if birth is None else (birth.first_day, min(birth.last_day, setting.day))
    cuts: set[int] = set()
    for node in root.leaves():
        if not isinstance(node.condition, Age):
            continue
        anchor = setting.anchor(node.condition.anchor)
        if anchor is not None and anchor.is_one_day:
            days = [anchor.first_day]
        else:
            # The anchor is told apart next, wherever its place to the other facts changes.
            days = _anchor_days(node.condition.anchor, root, setting, trial)
        for span in (node.condition.low, node.condition.below):
            if span is not None:
                for day in days:
                    last = unshift_day(day, span)
                    cuts.update((last, last + 1))
    used = {leaf.code: trial.catalogue.observations[leaf.code].inputs for leaf in _all_observations(root)}
    codes = {code for own, inputs in used.items() for code in (own, *inputs)}
    cuts.update(_age_cuts(codes, setting, low, high, derived=any(used.values())))
    return _spread(low, high, cuts)


def _age_cuts(codes: Iterable[str], setting: Setting, low: int, high: int, *, derived: bool) -> Iterator[int]:
    """Birth days at which an age on the day of some result of these codes changes: for derived values and sites'
    tables."""
    ages: Iterable[int] = range(131)
    if high - low > 3 * 366 and not derived:
        if setting.ranges is None:
            return
        ages = sorted({age + more for age in setting.ranges.ages for more in (0, 1)})
    days = {
        edge // DAY
        for code in codes
        for result in setting.facts.results.get(code, ())
        if result.low <= setting.now
        for edge in (result.low, min(result.high, setting.now))
    } | {setting.day}
    for day in days:
        for age in ages:
            last = unshift_day(day, Span(age, "years"))
            if low <= last <= high:
                yield last
                yield last + 1


def _instants(code: str, index: int, root: Node, setting: Setting, trial: Trial) -> list[int]:
    """Instants of a partially dated result: on, beside and between all that its order and windows depend on."""
    mine = setting.facts.result(index)
    for leaf in _all_observations(root):
        uncut = leaf.changes or leaf.without is not None or leaf.select.apart is not None
        if uncut and (leaf.code == code or _is_derived_from(code, leaf, trial)):
            raise UncutError  # what lies so far from another is not known beforehand
    cuts: set[int] = set()
    for node in root.leaves():
        if isinstance(node.condition, Observation):
            for edge in setting.bounds(node.condition.window):
                cuts.update((edge - 1, edge, edge + 1))
    for day in table_days(mine, setting):
        cuts.update((first_instant(day) - 1, first_instant(day)))
    taken: set[int] = set()
    for other in setting.facts.results[code]:
        if other.index != index:
            for edge in (other.low, other.high):
                cuts.update((edge - 1, edge, edge + 1))
            if other.low == other.high:
                taken.add(other.low)
    # Results of one moment contradict each other only where they were written so; these can be told apart.
    return [moment for moment in _spread(mine.low, min(mine.high, setting.now), cuts) if moment not in taken]


def _derived_bounds(free: FreeKey, root: Node, setting: Setting) -> Result | None:
    """The derived result that a free value stands for, whose bounds it must keep: one of the same window; what another
    window holds says nothing of it."""
    for node in root.leaves():
        leaf, found = node.condition, setting.found[node.number]
        if isinstance(leaf, Observation) and free_key(leaf) == free and isinstance(found, results.Found):
            derived = [result for result in found.results if result.inputs]
            if len(derived) > 1:
                raise UncutError
            if derived:
                return derived[0].copy()
    return None


def _variants(result: Result, root: Node, setting: Setting) -> Iterator[Result]:
    """A result made definite in every way that a leaf of the criterion could tell apart: value, code and limits."""
    leaves = _observation_leaves(root, result.concept.name)
    tests = [test for leaf in leaves for test in leaf.tests]
    if any(leaf.select.how == "mean_of" or leaf.changes or leaf.without is not None for leaf in leaves):
        raise UncutError
    comparisons = [test for test in tests if isinstance(test, Comparison)]
    multiples: dict[str, set[Fraction]] = {"ULN": set(), "LLN": set(), "LLOD": set()}
    fixed: set[Fraction] = set()
    for test in comparisons:
        for threshold in test.thresholds:
            if threshold.of is None:
                fixed.add(threshold.number)
            else:
                multiples[threshold.of].add(threshold.number)
    if any(isinstance(test, Detected) for test in tests):
        multiples["LLOD"].add(Fraction(1))
    if result.problem is not None:
        result = result.copy()
        result.uln = result.lln = result.lod = None
    # A value that nobody has written may come in any kind of unit in which a threshold is given.
    given = {t.kind for test in comparisons if len(test.thresholds) > 1 for t in test.thresholds}
    kinds = [result.kind] if result.problem is None or not given else sorted(given, key=str)
    for code in _codes(result, tests):
        for value in _values(result, fixed, multiples, setting):
            for limits in _limit_choices(result, value, multiples, setting):
                variant = result.copy()
                variant.problem = None
                variant.coded = code if code is not None else result.coded
                variant.detection = None
                variant.value_low = variant.value_high = Magnitude.of(value)
                variant.low_open = variant.high_open = False
                variant.uln, variant.lln, variant.lod = limits
                for kind in kinds:
                    variant.kind = kind
                    yield variant.copy()


def _codes(result: Result, tests: list[Test]) -> list[str | None]:
    named = {value for test in tests if isinstance(test, Coded) for value in test.values}
    if not named or (result.coded is not None and result.problem is None):
        return [None]
    return [*sorted(named), "another"]


def _values(
    result: Result, fixed: set[Fraction], multiples: dict[str, set[Fraction]], setting: Setting
) -> list[Fraction]:
    """Values on, between and beyond every point at which some comparison changes."""
    usable = result.problem is None
    signed = result.concept.analyte is not None and result.concept.analyte.may_be_negative
    low: Fraction | None = None if signed else Fraction(0)
    high: Fraction | None = None
    low_open = high_open = False
    if usable and result.value_low is not None:
        low, low_open = result.value_low.rational, result.low_open
        if low is None:
            raise UncutError
    if usable and result.value_high is not None:
        high, high_open = result.value_high.rational, result.high_open
        if high is None:
            raise UncutError
    if low is not None and low == high:
        return [low]
    cuts = set(fixed)
    for of, numbers in multiples.items():
        limit = _known_limit(result, of, setting)
        if limit is not None:
            cuts.update(number * limit for number in numbers)
    for other in setting.facts.results.get(result.concept.name, ()):
        for edge in (other.value_low, other.value_high):
            if other is not result and edge is not None and edge.rational is not None:
                cuts.add(edge.rational)
    if result.lod is not None and result.lod.rational is not None:
        cuts.add(result.lod.rational)
    inside = sorted(c for c in cuts if (low is None or c > low) and (high is None or c < high))
    points = list(inside)
    ends = [*([low] if low is not None else []), *inside, *([high] if high is not None else [])]
    points += [(a + b) / 2 for a, b in pairwise(ends)]
    if low is not None and not low_open:
        points.append(low)
    if high is not None and not high_open:
        points.append(high)
    if high is None:
        points.append((ends[-1] if ends else Fraction(0)) + 1)
    if low is None:
        points.append((ends[0] if ends else Fraction(0)) - 1)
    return sorted(set(points))


def _known_limit(result: Result, of: str, setting: Setting) -> Fraction | None:
    if result.problem is not None:
        return None  # nothing of it can be relied on
    if of == "LLOD":
        return None if result.lod is None else result.lod.rational
    found = limits_of(result, "ULN" if of == "ULN" else "LLN", setting)
    number = found[0].number if len(found) == 1 else None
    return None if number is None else number.rational


LimitChoice = tuple[Magnitude | None, Magnitude | None, Magnitude | None]


def _limit_choices(
    result: Result, value: Fraction, multiples: dict[str, set[Fraction]], setting: Setting
) -> Iterator[LimitChoice]:
    """Every way in which a value may lie to limits that are not known."""
    ulns = _limit_points(result.uln, "ULN", result, value, multiples["ULN"], setting)
    llns = _limit_points(result.lln, "LLN", result, value, multiples["LLN"], setting)
    lods = _limit_points(result.lod, "LLOD", result, value, multiples["LLOD"], setting)
    for uln in ulns:
        for lln in llns:
            for lod in lods:
                yield uln, lln, lod


def _limit_points(
    known: Magnitude | None, of: str, result: Result, value: Fraction, numbers: set[Fraction], setting: Setting
) -> list[Magnitude | None]:
    if known is not None or not numbers or _known_limit(result, of, setting) is not None:
        return [known]
    if of == "LLOD" and result.problem is None:
        return _detection_points(result, value, numbers)
    cuts = sorted({value / number for number in numbers if number > 0 and value > 0})
    if not cuts:
        return [Magnitude.of(1)]
    points = [*cuts, *((a + b) / 2 for a, b in pairwise(cuts)), cuts[0] / 2, cuts[-1] * 2]
    return [Magnitude.of(point) for point in sorted(points)]


def _detection_points(result: Result, value: Fraction, numbers: set[Fraction]) -> list[Magnitude | None]:
    """Limits of detection that agree with what the result says of its own detection."""
    cuts = sorted({value / number for number in {*numbers, Fraction(1)} if number > 0 and value > 0})
    if not cuts:
        return [Magnitude.of(1)]
    points = {*cuts, *((a + b) / 2 for a, b in pairwise(cuts)), cuts[0] / 2, cuts[-1] * 2}
    if result.detection is True or (result.detection is None and _positive(result)):
        points = {point for point in points if point < value}
    elif result.detection is False:
        points = {point for point in points if point > value}
    return [Magnitude.of(point) for point in sorted(points)]


def _positive(result: Result) -> bool:
    low = result.value_low
    return low is not None and (low.approx > 0 or result.low_open)
