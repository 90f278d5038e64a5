"""A trial as the engine sees it: criteria as frozen trees of conditions.

The loader builds these from YAML (every name resolved, every quantity converted, every mistake reported); the
evaluator only reads them. A condition is one of the classes of `Condition`; code that handles them does so with
one `match`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, Literal

from prescreen.catalogue import Catalogue
from prescreen.quantities.magnitude import Magnitude
from prescreen.time import Span

Operator = Literal["at_least", "above", "at_most", "below"]
LimitOfRange = Literal["ULN", "LLN", "LLOD"]
Domain = Literal["conditions", "treatments", "procedures", "allergies"]
Asked = Literal["candidate", "caregiver", "coordinator", "investigator"]

SCREENING: Final = "screening"


@dataclass(frozen=True, slots=True)
class Moment:
    """One end of a window: an anchor's day, moved by a span (sign -1 before, +1 after; span None: not moved)."""

    anchor: str
    span: Span | None = None
    sign: Literal[-1, 1] = -1


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` to `end`, both ends in; None leaves that end open. `text` is how the rule file says it."""

    start: Moment | None
    end: Moment | None
    text: str = field(compare=False)


ANY_WINDOW: Final = Window(None, None, "any")


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number that a result is compared with.

    of: None for an absolute quantity; ULN, LLN or LLOD for a multiple of the result's own limit.
    number: the multiple, or the quantity **in the analyte's canonical unit** (exact).
    kind: the dimension of the unit as written (see `prescreen.quantities`), by which a threshold given in two
    units is chosen for a result; None for multiples and scores. text: as the rule file writes it.
    """

    number: Fraction
    of: LimitOfRange | None
    kind: str | None
    text: str
    magnitude: Magnitude = field(init=False, compare=False, repr=False)
    against_one: int = field(init=False, compare=False, repr=False)  # -1, 0, 1: below, at or above one

    def __post_init__(self) -> None:
        object.__setattr__(self, "against_one", (self.number > 1) - (self.number < 1))
        object.__setattr__(self, "magnitude", Magnitude.of(self.number))

    @classmethod
    def multiple(cls, of: LimitOfRange, number: Fraction = Fraction(1)) -> Threshold:
        """So many times a limit of the result's own."""
        return cls(number, of, None, f"{number} {of}")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A result compared with a threshold; several thresholds are the same limit in several kinds of unit."""

    operator: Operator
    thresholds: tuple[Threshold, ...]


@dataclass(frozen=True, slots=True)
class Coded:
    """A coded result that is (negated: is not) one of `values` (canonical lower-case codes)."""

    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Detected:
    """A result at or above the limit of detection (wanted True) or below it (False)."""

    wanted: bool


Test = Comparison | Coded | Detected


@dataclass(frozen=True, slots=True)
class Select:
    """Which results of the window count.

    how: latest, first, any, every, highest, lowest, consecutive (count of them in a row, neighbours at least
    `apart`), mean_of (the latest count).
    """

    how: Literal["latest", "first", "any", "every", "highest", "lowest", "consecutive", "mean_of"] = "latest"
    count: int = 1
    apart: Span | None = None


@dataclass(frozen=True, slots=True)
class ChangeBound:
    """A bound on a change. number: percent of the earlier result (relative), or an amount in the canonical unit."""

    operator: Operator
    number: Fraction
    relative: bool


@dataclass(frozen=True, slots=True)
class Change:
    """How far a result lies below (fall) or above (rise) an earlier one.

    base: which of the earlier results. over: how long before the result they may be (None: any time).
    """

    way: Literal["fall", "rise"]
    bounds: tuple[ChangeBound, ...]
    base: Literal["latest", "first", "highest", "lowest"] = "latest"
    over: Span | None = None


@dataclass(frozen=True, slots=True)
class Where:
    """The place of a condition in its file, 1-based."""

    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class AllOf:
    children: tuple[Condition, ...]
    where: Where = field(default=Where(), compare=False)


@dataclass(frozen=True, slots=True)
class AnyOf:
    children: tuple[Condition, ...]
    where: Where = field(default=Where(), compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    child: Condition
    where: Where = field(default=Where(), compare=False)


@dataclass(frozen=True, slots=True)
class AtLeastOf:
    count: int
    children: tuple[Condition, ...]
    where: Where = field(default=Where(), compare=False)


@dataclass(frozen=True, slots=True)
class If:
    """`otherwise` None (only under include_if, never under not): nothing is asked of the others."""

    condition: Condition
    then: Condition
    otherwise: Condition | None
    where: Where = field(default=Where(), compare=False)


@dataclass(frozen=True, slots=True)
class Use:
    """A named condition of the trial's `definitions`."""

    name: str
    child: Condition
    where: Where = field(default=Where(), compare=False)


@dataclass(frozen=True, slots=True)
class Unless:
    """An exception. saves: `any: [child, exception]`; otherwise it spares: `all: [child, not exception]`.

    The loader has already turned `saves` round for each enclosing `not` and for the kind of criterion.
    """

    child: Condition
    exception: Condition
    saves: bool
    where: Where = field(default=Where(), compare=False)


@dataclass(frozen=True, slots=True)
class Age:
    """Age in completed units on the anchor's day: at least `low` and less than `below` (None: open).

    `above: 18 years` has become low = 19 years, `at_most: 65 years` below = 66 years. `text` is the
    requirement in words: "18 to 65 years".
    """

    low: Span | None
    below: Span | None
    anchor: str
    text: str
    where: Where = field(default=Where(), compare=False)


@dataclass(frozen=True, slots=True)
class Sex:
    sex: Literal["female", "male"]
    where: Where = field(default=Where(), compare=False)


@dataclass(frozen=True, slots=True)
class Observation:
    """One analyte's result(s) in a window; all `tests` apply to the same result. `text`: the tests in words.

    changes: how it must compare with an earlier result. without: events that spoil a result, as of the sample's day; a
    result for which it is true does not count.
    """

    code: str
    tests: tuple[Test, ...]
    window: Window
    select: Select
    text: str
    where: Where = field(default=Where(), compare=False)
    changes: tuple[Change, ...] = ()
    without: Condition | None = None


@dataclass(frozen=True, slots=True)
class Amount:
    """A bound on a dose: exact number in mg (`dose`) or mg/day (`daily_dose`)."""

    operator: Operator
    number: Fraction
    text: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that is or was the case, is or was given, was done, or is planned.

    codes: catalogue names, any of them. statuses: those that count (`ever` has been expanded). excepted:
    records matching one of these do not count: codes are Events with no other option. needs_status: whether a
    missing status can matter. count: (operator, k) bounds on the number of distinct codes with a record; lines: on the
    number of courses of which no two overlap in time. equivalent: the treatment in which `daily_dose` is expressed, all
    records that overlap in time added up. changed: what counts is that it began or ended less than `for_at_least`
    before `at`, at the latest on that day. by_start: the window holds its beginning, not only some of its time.
    duration: bounds on the time from its beginning to its end, or to the screening day.
    """

    domain: Domain
    codes: tuple[str, ...]
    window: Window
    statuses: frozenset[str]
    for_at_least: Span | None = None
    at: str = SCREENING
    verification: frozenset[str] = frozenset({"confirmed"})
    excepted: tuple[Event, ...] = ()
    severity: frozenset[str] = frozenset()
    site: frozenset[str] = frozenset()
    confirmed_by: frozenset[str] = frozenset()
    indication: tuple[str, ...] = ()  # the option `for`: catalogue names of conditions
    route: frozenset[str] = frozenset()
    outcome: frozenset[str] = frozenset()
    dose: tuple[Amount, ...] = ()
    daily_dose: tuple[Amount, ...] = ()
    count: tuple[tuple[Operator, int], ...] = ()
    lines: tuple[tuple[Operator, int], ...] = ()
    equivalent: str = ""
    changed: bool = False
    by_start: bool = False
    duration: tuple[tuple[Operator, Span], ...] = ()
    where: Where = field(default=Where(), compare=False)

    @property
    def tallies(self) -> bool:
        """Whether its truth rests on several records together."""
        return bool(self.count or self.lines or self.equivalent)


@dataclass(frozen=True, slots=True)
class Answer:
    """A question put to somebody. equals: the answer that makes the condition true."""

    question: str
    equals: bool | str
    where: Where = field(default=Where(), compare=False)


Condition = AllOf | AnyOf | Not | AtLeastOf | If | Use | Unless | Age | Sex | Observation | Event | Answer
Leaf = Age | Sex | Observation | Event | Answer


def parts_of(condition: Condition | None) -> Iterator[Condition]:
    """A condition and all conditions in it, those of `without` aside."""
    pending = [condition]
    while pending:
        part = pending.pop()
        if part is None:
            continue
        yield part
        match part:
            case AllOf(children) | AnyOf(children) | AtLeastOf(children=children):
                pending.extend(reversed(children))
            case Not(child) | Use(child=child):
                pending.append(child)
            case If(first, then, otherwise):
                pending.extend((otherwise, then, first))
            case Unless(child, exception):
                pending.extend((exception, child))
            case _:
                pass


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of whom. options: the answers it may have; empty for yes or no."""

    id: str
    ask: Asked
    text: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """An author's example: a partial candidate and the status that it must have. cohort: in which of the criterion's
    cohorts, where its bounds differ by cohort (None: in each)."""

    expect: Literal["met", "failed", "undetermined"]
    given: dict[str, object]
    on: str | None = None
    cohort: str | None = None
    where: Where = field(default=Where(), compare=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A finding of proofs that the authors know of and explain. code: its kind; where: of the code in the file."""

    code: str
    reason: str
    where: Where = field(default=Where(), compare=False)


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion of the protocol, or what it asks of one cohort where that differs (its id is then `I4@A`).

    condition: of include_if or exclude_if, as `kind` says.
    """

    id: str
    kind: Literal["inclusion", "exclusion"]
    text: str
    condition: Condition
    section: str | None = None
    item: str | None = None
    reading: str | None = None
    cohorts: tuple[str, ...] = ()  # empty: all of them
    cases: tuple[Case, ...] = ()
    where: Where = field(default=Where(), compare=False)
    accepted: tuple[Accepted, ...] = ()


@dataclass(frozen=True, slots=True)
class Cohort:
    id: str
    title: str


@dataclass(frozen=True, eq=False)
class Trial:
    """A trial's rules, checked and resolved; equal only to itself.

    sha256: of the rule file's bytes. complete: whether the source text holds every criterion; gaps say what is
    missing. results_within: the window of results where a leaf names none.
    """

    id: str
    title: str
    criteria: tuple[Criterion, ...]
    questions: dict[str, Question]
    anchors: dict[str, str]
    cohorts: tuple[Cohort, ...]
    complete: bool
    gaps: tuple[str, ...]
    recruitment: str | None
    document: str | None
    results_within: Window
    results_within_stated: bool
    sha256: str
    catalogue: Catalogue
    file: str | None = None
    accepted: tuple[Accepted, ...] = ()
