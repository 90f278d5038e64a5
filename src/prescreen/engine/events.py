"""Existence leaves: conditions, treatments, procedures, allergies, in an open world (semantics §3 and §5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final

from prescreen.candidate.facts import STATUSES, Declared, Domain, EventFact
from prescreen.candidate.profile import Coding, Dose, TreatmentRecord
from prescreen.catalogue import Catalogue
from prescreen.engine.setting import Bounds, Setting, depends_on_day_only
from prescreen.engine.setting import Found as AnyFound
from prescreen.language.model import SCREENING, Amount, Event, Operator, Window
from prescreen.quantities import Analyte, Scale, analyte
from prescreen.time import DAY, EARLIEST, HOUR, LATEST, shift_day, unshift_day
from prescreen.truth import FALSE, TRUE, UNKNOWN, Truth, agreement, at_least, conjunction, disjunction, negation

_DOSE: Final[dict[str, Analyte]] = {}
_MOST_REMEMBERED: Final = 4096
_PLANNED: Final = frozenset({"planned"})
_LASTING: Final = {"conditions": "active", "treatments": "ongoing"}


Match = tuple[EventFact, Truth, tuple[str, ...]]


class Found(AnyFound):
    """What an existence leaf found.

    matches: the records that are or may be what the leaf asks for, with each one's truth and the names of what is open
    about it (``date``, ``status``, ``code``, ``verification`` …). against: records and declarations that deny it.
    conflict: the same is both confirmed and refuted. absent: whether nothing else can exist. seen: all records that
    had to be looked at.
    """

    __slots__ = ("absent", "against", "matches", "seen")

    def __init__(
        self,
        truth: Truth,
        matches: tuple[Match, ...] = (),
        against: tuple[str, ...] = (),
        conflict: bool = False,
        absent: bool = False,
        approximate: bool = False,
        constant: tuple[str, ...] | None = None,
        seen: tuple[EventFact, ...] = (),
    ) -> None:
        super().__init__(truth, constant, conflict, approximate)
        self.matches = matches
        self.against = against
        self.absent = absent
        self.seen = seen


Decide = Callable[[Setting], Found]


def event_leaf(leaf: Event, catalogue: Catalogue, numbers: Mapping[Window, int]) -> Decide:
    """The function that decides an existence leaf; `numbers` are those of the trial's windows."""
    domain, window, number = leaf.domain, leaf.window, numbers[leaf.window]
    # A duration and a window together may leave no room for any record; that is not looked into.
    unsure = leaf.for_at_least is not None and not (window.start is None and window.end is None)
    nothing = Found(UNKNOWN, constant=("nothing",), approximate=unsure)
    sought = _Sought(leaf, catalogue)
    apart = tuple(_Sought(leaf, catalogue, (code,)) for code in leaf.codes) if leaf.count else ()
    codes, identity = frozenset(leaf.codes), id(leaf)
    covered = frozenset.intersection(*(code.systems for code in sought.codes))
    complete = (f"complete:{domain}",)
    denied = Found(FALSE, (), complete, absent=True, constant=("complete",))
    day_only = depends_on_day_only(window) and leaf.at == SCREENING
    by_declaration: dict[tuple[str, frozenset[str] | None, int], Found] = {}

    def decide(setting: Setting) -> Found:
        if setting.forced is not None and leaf in setting.forced:
            return Found(setting.forced[leaf])
        facts = setting.facts
        records = facts.events.get(domain, ())
        declared = facts.complete.get(domain)
        if day_only and declared is None and not records:
            return nothing
        bounds = setting.windows.bounds[number] or setting.bounds(window)
        if apart:
            return _counted(leaf, apart, records, declared, bounds, setting)
        touching = setting.touching.get(identity)
        if touching is None:
            touching = setting.touching[identity] = [
                record
                for record in records
                if not codes.isdisjoint(record.any_of)
                or record.unplaced
                or (record.system is not None and record.system not in covered)
                or record.denies
            ]
        if not touching and day_only:
            if declared is None:
                return nothing
            if declared.through is None and declared.systems is None:
                return denied
            # A declaration and a day tell all; many candidates share them.
            known = by_declaration.get((_through(declared), declared.systems, setting.day))
            if known is not None:
                return known
        matches: list[Match] = []
        conflict = False
        best = FALSE
        for record in touching:
            if not record.asserts:
                continue
            truth, open_aspects = _matches(sought, record, bounds, setting)
            if truth is FALSE:
                continue
            if truth is TRUE and _refuted(record, records, setting):
                truth, open_aspects, conflict = UNKNOWN, ("conflict",), True
            conflict = conflict or "conflict" in open_aspects
            matches.append((record, truth, open_aspects))
            if truth is TRUE:
                best = TRUE
            elif best is FALSE:
                best = UNKNOWN
        if best is TRUE:
            return Found(TRUE, tuple(matches), seen=tuple(touching))
        absent, against = _absent(sought, records, declared, bounds, setting)
        if not matches:
            # What no record of the candidate is in can be remembered: the declaration alone tells it apart.
            constant = None
            if day_only and not touching and declared is not None and absent == bool(against):
                constant = (_through(declared), ",".join(sorted(declared.systems or ())), *against)
            truth = FALSE if absent else UNKNOWN
            unproven = unsure and not absent
            found = Found(truth, (), against, False, absent, unproven, constant, tuple(touching))
            if constant is not None and declared is not None:
                if len(by_declaration) >= _MOST_REMEMBERED:
                    by_declaration.clear()
                by_declaration[_through(declared), declared.systems, setting.day] = found
            return found
        approximate = unsure or any(
            "exception" in aspects[1:] or "duration" in aspects or (len(aspects) > 1 and "date" in aspects)
            for _, _, aspects in matches
        )
        return Found(UNKNOWN, tuple(matches), against, conflict, absent, approximate, None, tuple(touching))

    return decide


def _through(declared: Declared) -> str:
    return "" if declared.through is None else declared.through.text


class _Code:
    """One code of a leaf, with what is needed to hold a record against it."""

    __slots__ = ("broader", "momentary", "name", "systems")

    def __init__(self, name: str, domain: Domain, catalogue: Catalogue) -> None:
        concepts = catalogue.events[domain]
        self.name = name
        self.momentary = concepts[name].momentary
        self.broader = frozenset(catalogue.ancestors(domain, name)) | {name}
        self.systems = frozenset(
            system for system in catalogue.event_systems(domain) if _expressible(name, system, domain, catalogue)
        )


def _expressible(name: str, system: str, domain: Domain, catalogue: Catalogue) -> bool:
    """Whether all that a concept means can be coded in a system: by codes of its own, or of each of its parts."""
    concepts = catalogue.events[domain]
    if concepts[name].codes.get(system) or system in concepts[name].outside:
        return True
    parts = [other for other in catalogue.descendants(domain, name) if name in concepts[other].parents]
    return bool(parts) and all(_expressible(part, system, domain, catalogue) for part in parts)


class _Sought:
    """A leaf with its codes and exceptions prepared."""

    __slots__ = ("catalogue", "codes", "excepted", "leaf", "momentary", "names", "plans_only", "treats", "wanted")

    def __init__(self, leaf: Event, catalogue: Catalogue, codes: tuple[str, ...] | None = None) -> None:
        self.leaf = leaf
        self.catalogue = catalogue
        self.codes = tuple(_Code(code, leaf.domain, catalogue) for code in codes or leaf.codes)
        self.names = frozenset(codes or leaf.codes)
        self.wanted = _wanted_attributes(leaf)
        self.treats = bool(leaf.indication or leaf.dose or leaf.daily_dose)
        self.excepted = tuple(_Sought(exception, catalogue) for exception in leaf.excepted)
        self.momentary = leaf.domain in ("procedures", "allergies") or all(code.momentary for code in self.codes)
        self.plans_only = leaf.statuses == _PLANNED


def _relation(record: EventFact, code: _Code) -> Truth:
    """Whether a record is of a concept: UNKNOWN for a broader one, or one coded where the concept has no codes."""
    related = record.related
    if code.name in related.is_a:
        return TRUE
    if code.name in related.may_be:
        return UNKNOWN
    if record.unplaced or (related.system is not None and related.system not in code.systems):
        return UNKNOWN
    return FALSE


def _matches(sought: _Sought, record: EventFact, bounds: Bounds, setting: Setting) -> tuple[Truth, tuple[str, ...]]:
    """Whether one record is what the leaf asks for, and what is open about it.

    A missing status may be any of the domain's, and times follow from it: each is tried in turn.
    """
    contradictory = contradicts_itself(record, setting)
    if len(record.statuses) == 1 and not contradictory:
        return _matches_as_it_is(sought, record, bounds, setting)
    if contradictory:
        # Either it goes on, or it ended when it says.
        over = STATUSES[record.domain] - record.statuses - {"planned", "never"}
        readings = [record.going_on(), *(record.with_status(status) for status in sorted(over))]
    else:
        readings = [record.with_status(status) for status in sorted(record.statuses)]
    tried = [_matches_as_it_is(sought, reading, bounds, setting) for reading in readings]
    truths = [truth for truth, _ in tried]
    truth = agreement(truths)
    if truth is not UNKNOWN:
        return truth, ()
    aspects = dict.fromkeys(aspect for _, some in tried for aspect in some)
    if len(set(truths)) > 1:
        aspects = {"conflict" if contradictory else "status": None, **aspects}
    return UNKNOWN, tuple(aspects)


def contradicts_itself(record: EventFact, setting: Setting) -> bool:
    """Whether a record is said to go on although its end is past."""
    return (
        record.end is not None
        and record.end.high <= setting.now
        and record.statuses == frozenset((_LASTING.get(record.domain, ""),))
    )


def _matches_as_it_is(
    sought: _Sought, record: EventFact, bounds: Bounds, setting: Setting
) -> tuple[Truth, tuple[str, ...]]:
    leaf = sought.leaf
    related = TRUE
    if record.is_a.isdisjoint(sought.names):
        related = disjunction([_relation(record, code) for code in sought.codes])
        if related is FALSE:
            return FALSE, ()
    open_aspects: list[str] = ["code"] if related is UNKNOWN else []
    if record.verification == "provisional" and "provisional" not in leaf.verification:
        open_aspects.append("verification")
    elif record.verification == "confirmed" and "confirmed" not in leaf.verification:
        return FALSE, ()
    timed, aspects = _timed(sought, record, bounds, setting)
    if timed is FALSE:
        return FALSE, ()
    if timed is UNKNOWN:
        open_aspects.extend(aspects)
    for aspect, wanted in sought.wanted:
        truth = _attribute(record, aspect, wanted)
        if truth is FALSE:
            return FALSE, ()
        if truth is UNKNOWN:
            open_aspects.append(aspect)
    for aspect, truth in _more(sought, record) if sought.treats else ():
        if truth is FALSE:
            return FALSE, ()
        if truth is UNKNOWN:
            open_aspects.append(aspect)
    for exception in sought.excepted:
        truth, _ = _matches(exception, record, setting.bounds(exception.leaf.window), setting)
        if truth is TRUE:
            return FALSE, ()
        if truth is UNKNOWN:
            open_aspects.append("exception")
    return (UNKNOWN, tuple(open_aspects)) if open_aspects else (TRUE, ())


def _timed(sought: _Sought, record: EventFact, bounds: Bounds, setting: Setting) -> tuple[Truth, list[str]]:
    """Status, window and duration together, of a record with one status."""
    leaf = sought.leaf
    (status,) = record.statuses
    if leaf.statuses and status not in leaf.statuses:
        return FALSE, []
    window = _in_window(leaf, record, status, sought.momentary, bounds, setting)
    lasting = _long_enough(leaf, record, status, setting)
    aspects: list[str] = []
    if window is UNKNOWN and _dated(record) and not depends_on_day_only(leaf.window):
        aspects.append("anchor")
    elif window is UNKNOWN:
        end_open = record.start is not None and record.start.is_one_day and not sought.momentary
        aspects.append("end" if end_open else "date")
    if lasting is UNKNOWN:
        aspects.append("duration" if aspects else "date")
    return conjunction((window, lasting)), aspects


def _dated(record: EventFact) -> bool:
    """Whether each of a record's dates is one day."""
    return record.start is not None and record.start.is_one_day and (record.end is None or record.end.is_one_day)


def _in_window(leaf: Event, record: EventFact, status: str, momentary: bool, bounds: Bounds, setting: Setting) -> Truth:
    start_low, start_high, end_low, end_high = times(record, status, momentary, setting)
    if start_low > start_high:
        return FALSE  # wholly later than the screening day, and not a plan
    if start_high > setting.now and status != "planned":
        return UNKNOWN  # it ends after the screening day, and may begin after it
    if leaf.window.start is None and leaf.window.end is None:
        return TRUE
    low_sure, high_sure, low_maybe, high_maybe = bounds
    if low_maybe > high_maybe or start_low > high_maybe or end_high < low_maybe:
        return FALSE
    if start_high <= high_sure and end_low >= low_sure and (low_sure <= high_sure or _one_anchor(leaf.window)):
        return TRUE
    return UNKNOWN


def _one_anchor(window: Window) -> bool:
    """Whether a window cannot turn out empty: with both ends on one anchor, it opens before it closes."""
    return window.start is None or window.end is None or window.start.anchor == window.end.anchor


def times(record: EventFact, status: str, momentary: bool, setting: Setting) -> tuple[int, int, int, int]:
    """The instants at which a record may have begun and ended, given its status.

    What is over or going on is cut off at the screening day; a plan without a day may be of any later day. Ongoing
    records run to the screening day; a missing end may be any instant from the start.
    """
    now, today = setting.now, setting.day * DAY
    start = record.start
    if status == "planned":
        low, high = (today, LATEST) if start is None else (start.low, start.high)
        end = record.end
        if momentary or end is None:
            return low, high, low, high if momentary else LATEST
        return low, high, end.low, end.high
    low, high = (EARLIEST, now) if start is None else (start.low, min(start.high, now))
    if momentary:
        return low, high, low, high
    end = record.end
    if end is not None:
        if start is None and end.low > now and status != _LASTING.get(record.domain):
            high = end.high
        high = min(high, end.high)
        return low, high, max(min(end.low, now), low), min(end.high, now)
    if status == _LASTING.get(record.domain):
        return low, high, now, now
    return low, high, low, now


def _long_enough(leaf: Event, record: EventFact, status: str, setting: Setting) -> Truth:
    """`for_at_least`: since the onset of what lasts, since the end of what is over (semantics §5)."""
    span = leaf.for_at_least
    if span is None:
        return TRUE
    lasting = status == _LASTING.get(record.domain) or record.domain in ("procedures", "allergies")
    since = record.start if lasting else record.end
    anchor = setting.anchor(leaf.at)
    low, high = (EARLIEST, setting.now) if since is None else (since.low, min(since.high, setting.now))
    if not lasting and record.start is not None:
        low = max(low, record.start.low)
    first, last = (EARLIEST, LATEST) if anchor is None else (anchor.low, anchor.high)
    if span.unit == "hours":
        shift = span.number * HOUR
        return TRUE if high + shift <= first else FALSE if low + shift > last else UNKNOWN
    if shift_day(high // DAY, span, 1) <= first // DAY:
        return TRUE
    return FALSE if shift_day(low // DAY, span, 1) > last // DAY else UNKNOWN


def _wanted_attributes(leaf: Event) -> list[tuple[str, frozenset[str]]]:
    return [
        (name, wanted)
        for name, wanted in (
            ("severity", leaf.severity),
            ("site", leaf.site),
            ("confirmed_by", leaf.confirmed_by),
            ("route", leaf.route),
            ("outcome", leaf.outcome),
        )
        if wanted
    ]


def _attribute(record: EventFact, name: str, wanted: frozenset[str]) -> Truth:
    written = getattr(record.record, name, None)
    if written is None:
        return UNKNOWN
    return Truth.of(str(written).strip().casefold() in {word.casefold() for word in wanted})


def _more(sought: _Sought, record: EventFact) -> list[tuple[str, Truth]]:
    """Indication and doses of treatments."""
    leaf = sought.leaf
    found: list[tuple[str, Truth]] = []
    written = record.record
    if leaf.indication:
        given = written.indication if isinstance(written, TreatmentRecord) else None
        found.append(("for", _indicated(given, sought)))
    for name, bounds in (("dose", leaf.dose), ("daily_dose", leaf.daily_dose)):
        if bounds:
            dose = getattr(written, name, None)
            found.append((name, _dosed(dose, bounds, "mg" if name == "dose" else "mg/d")))
    return found


def _indicated(given: str | Coding | None, sought: _Sought) -> Truth:
    if given is None:
        return UNKNOWN
    code = given if isinstance(given, str) else (given.system, given.code)
    related = sought.catalogue.related("conditions", code)
    truths = [
        TRUE if code in related.is_a else UNKNOWN if code in related.may_be or related.system is not None else FALSE
        for code in sought.leaf.indication
    ]
    return disjunction(truths)


def _dosed(dose: Dose | None, bounds: tuple[Amount, ...], unit: str) -> Truth:
    if dose is None:
        return UNKNOWN
    scale = _DOSE.setdefault(unit, analyte(unit)).scale(dose.unit)
    if not isinstance(scale, Scale):
        return UNKNOWN
    number = Fraction(dose.value) * scale.factor + scale.offset
    return Truth.of(all(_holds(number, bound.operator, bound.number) for bound in bounds))


def _holds(number: Fraction | int, operator: Operator, bound: Fraction | int) -> bool:
    match operator:
        case "at_least":
            return number >= bound
        case "above":
            return number > bound
        case "at_most":
            return number <= bound
        case "below":
            return number < bound


def _refuted(record: EventFact, records: tuple[EventFact, ...], setting: Setting) -> bool:
    """Whether another record denies this very one: its concept or a broader one, for the same time."""
    if not record.related.is_a or record.statuses == _PLANNED:
        return False  # a plan is of another time than what is denied
    for other in records:
        if not other.denies or not other.related.named & record.related.is_a:
            continue
        if _dated_not_done(other):
            if other.start is not None and record.start is not None and other.start.text == record.start.text:
                return True
            continue
        if (record.start.low if record.start is not None else EARLIEST) <= denied_through(other, setting, may=True):
            return True
    return False


def _dated_not_done(record: EventFact) -> bool:
    return record.domain == "procedures" and record.start is not None and record.verification != "refuted"


def denied_through(record: EventFact, setting: Setting, *, may: bool = False) -> int:
    """The last instant up to which a refutation surely (or possibly) speaks: its own date, else the screening day."""
    own = record.spoken if record.domain != "procedures" else None
    when = own or record.end or record.start
    if when is None:
        return setting.now
    return min((when.last_day if may else when.first_day) * DAY + DAY - 1, setting.now)


def _absent(
    sought: _Sought, records: tuple[EventFact, ...], declared: Declared | None, bounds: Bounds, setting: Setting
) -> tuple[bool, tuple[str, ...]]:
    """Whether nothing unrecorded can match, and the facts that say so."""
    leaf, codes = sought.leaf, sought.codes
    domain = leaf.domain
    if bounds.low_maybe > bounds.high_maybe or ("planned" not in leaf.statuses and bounds.low_maybe > setting.now):
        return True, ()  # an empty window, or one that opens after the screening day: nothing past lies in it
    if declared is not None and _covers(declared, codes) and _declared_through(declared, sought, bounds, setting):
        return True, (f"complete:{domain}",)
    if sought.plans_only:
        return False, ()
    needed = _looked_at_until(sought, bounds, setting)
    against: list[str] = []
    for code in codes:
        denial = next(
            (
                record
                for record in records
                if record.denies
                and not _dated_not_done(record)
                and record.related.named & code.broader
                and denied_through(record, setting) >= needed
            ),
            None,
        )
        if denial is None:
            return False, ()
        if denial.name not in against:
            against.append(denial.name)
    if "planned" in leaf.statuses:
        return False, ()
    return True, tuple(against)


def _covers(declared: Declared, codes: tuple[_Code, ...]) -> bool:
    return declared.systems is None or all(code.systems & declared.systems for code in codes)


def _declared_through(declared: Declared, sought: _Sought, bounds: Bounds, setting: Setting) -> bool:
    """Whether the declaration reaches as far as the leaf looks."""
    if declared.through is None:
        return True
    return declared.through.first_day * DAY + DAY - 1 >= _looked_at_until(sought, bounds, setting)


def _looked_at_until(sought: _Sought, bounds: Bounds, setting: Setting) -> int:
    """The last instant at which something that the leaf asks for can have begun: its window's end, the screening day,
    or so long before the anchor as it must have lasted."""
    if sought.plans_only:
        return setting.now
    last = min(bounds.high_maybe, setting.now)
    span = sought.leaf.for_at_least
    if span is None:
        return last
    anchor = setting.anchor(sought.leaf.at)
    if anchor is None:
        return last
    if span.unit == "hours":
        return min(last, anchor.high - span.number * HOUR)
    return min(last, unshift_day(anchor.last_day, span) * DAY + DAY - 1)


def _counted(
    leaf: Event,
    apart: tuple[_Sought, ...],
    records: tuple[EventFact, ...],
    declared: Declared | None,
    bounds: Bounds,
    setting: Setting,
) -> Found:
    """`count`: how many of the codes have a matching record, between those that surely and those that may have."""
    truths: list[Truth] = []
    matches: list[tuple[EventFact, Truth, tuple[str, ...]]] = []
    against: list[str] = []
    for sought in apart:
        truth = FALSE
        for record in records:
            if not record.asserts:
                continue
            one, aspects = _matches(sought, record, bounds, setting)
            if one is TRUE and _refuted(record, records, setting):
                one, aspects = UNKNOWN, ("conflict",)
            if one is not FALSE:
                matches.append((record, one, aspects))
                truth = disjunction((truth, one))
        if truth is FALSE:
            absent, why = _absent(sought, records, declared, bounds, setting)
            against.extend(name for name in why if name not in against)
            truth = FALSE if absent else UNKNOWN
        truths.append(truth)
    parts = [_count_holds(truths, operator, bound) for operator, bound in leaf.count]
    return Found(conjunction(parts), tuple(matches), tuple(against), seen=records)


def _count_holds(truths: list[Truth], operator: Operator, bound: int) -> Truth:
    match operator:
        case "at_least":
            return at_least(bound, truths)
        case "above":
            return at_least(bound + 1, truths)
        case "at_most":
            return negation(at_least(bound + 1, truths))
        case "below":
            return negation(at_least(bound, truths))
