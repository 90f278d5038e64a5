"""Existence leaves: conditions, treatments, procedures, allergies, in an open world (semantics §3 and §5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final

from prescreen.candidate.facts import STATUSES, Declared, Domain, EventFact, Facts
from prescreen.candidate.profile import Coding, Dose, TreatmentRecord
from prescreen.catalogue import Catalogue
from prescreen.engine.setting import Bounds, Setting
from prescreen.engine.setting import Found as AnyFound
from prescreen.engine.timing import begun_for, contradicts_itself, timed
from prescreen.language.model import SCREENING, Amount, Event, Operator, Window
from prescreen.quantities import Analyte, Scale, analyte
from prescreen.time import EARLIEST, HOUR, last_instant, unshift_day
from prescreen.truth import FALSE, TRUE, UNKNOWN, Truth, agreement, disjunction

_DOSE: Final[dict[str, Analyte]] = {}
_MOST_REMEMBERED: Final = 4096
_FEW: Final = 8  # names that are sooner looked up one by one
_PLANNED: Final = frozenset({"planned"})


Match = tuple[EventFact, Truth, tuple[str, ...]]


class Found(AnyFound):
    """What an existence leaf found.

    matches: the records that are or may be what the leaf asks for, with each one's truth and the names of what is open
    about it (``date``, ``status``, ``code``, ``verification`` …). against: records and declarations that deny it.
    conflict: the same is both confirmed and refuted. absent: whether nothing else can exist. seen: all records that
    had to be looked at.
    """

    __slots__ = ("_asks", "absent", "against", "matches", "seen")

    def __init__(
        self,
        truth: Truth,
        matches: tuple[Match, ...] = (),
        against: tuple[str, ...] = (),
        conflict: bool = False,
        absent: bool = False,
        approximate: bool = False,
        constant: tuple[object, ...] | None = None,
        seen: tuple[EventFact, ...] = (),
    ) -> None:
        super().__init__(truth, constant, conflict, approximate)
        self.matches = matches
        self.against = against
        self.absent = absent
        self.seen = seen
        self._asks: tuple[object, ...] | None = None

    def asks(self, leaf: Event) -> tuple[object, ...] | None:
        """What tells one such finding from another for what an open leaf asks next: of each match its concepts, its
        truth and what is open about it, but nothing of its record. None where that would not tell enough, or be long.
        """
        if leaf.tallies or len(self.matches) > _FEW:
            return None
        if self._asks is None:
            concepts = [(record.related.named, truth, aspects) for record, truth, aspects in self.matches]
            self._asks = (self.absent, *concepts)
        return self._asks


Decide = Callable[[Setting], Found]


def event_leaf(leaf: Event, catalogue: Catalogue, numbers: Mapping[Window, int]) -> Decide:
    """The function that decides an existence leaf; `numbers` are those of the trial's windows."""
    domain, window, number = leaf.domain, leaf.window, numbers[leaf.window]
    # A duration and a window together may leave no room for any record; that is not looked into.
    unsure = (leaf.for_at_least is not None or bool(leaf.duration)) and not (
        window.start is None and window.end is None
    )
    nothing = Found(UNKNOWN, constant=("nothing",), approximate=unsure)
    sought = Sought(leaf, catalogue)
    identity, names = id(leaf), leaf.codes
    covered = frozenset.intersection(*(code.systems for code in sought.codes))
    denied = Found(FALSE, (), (sought.complete,), absent=True, constant=("complete",))
    anchors = anchors_of(leaf)
    day_only = not anchors
    by_declaration: dict[int, dict[str, Found]] = {}  # by day

    def decide(setting: Setting) -> Found:
        if setting.forced is not None and leaf in setting.forced:
            return Found(setting.forced[leaf])
        facts = setting.facts
        records = facts.events.get(domain, ())
        declared = facts.complete.get(domain)
        if day_only and declared is None and not records:
            return nothing
        bounds = setting.windows.bounds[number] or setting.bounds(window)
        touching = setting.touching.get(identity)
        if touching is None:
            touching = setting.touching[identity] = [
                record
                for record in records
                if _one_of(names, record.any_of)
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
            of_day = by_declaration.get(setting.day)
            known = None if of_day is None else of_day.get(declared.key)
            if known is not None:
                return known
        matches: list[Match] = []
        conflict = False
        best = FALSE
        for record in touching:
            if not record.asserts:
                continue
            truth, open_aspects = matches_record(sought, record, bounds, setting)
            if truth is FALSE:
                continue
            if truth is TRUE and is_refuted(record, records, setting):
                truth, open_aspects, conflict = UNKNOWN, ("conflict",), True
            conflict = conflict or "conflict" in open_aspects
            matches.append((record, truth, open_aspects))
            if truth is TRUE:
                best = TRUE
            elif best is FALSE:
                best = UNKNOWN
        if best is TRUE:
            return Found(TRUE, tuple(matches), seen=tuple(touching))
        absent, against = absent_besides(sought, records, declared, bounds, setting)
        if not matches:
            # What no record of the candidate is in can be remembered: the declaration and anchors alone tell it apart.
            constant: tuple[object, ...] | None = None
            if not touching and absent == bool(against):
                constant = ("nothing" if declared is None else declared.key, *against, *_told(anchors, facts))
            truth = FALSE if absent else UNKNOWN
            unproven = unsure and not absent
            found = Found(truth, (), against, False, absent, unproven, constant, tuple(touching))
            if day_only and constant is not None and declared is not None:
                if len(by_declaration) >= _MOST_REMEMBERED:
                    by_declaration.clear()
                of_day = by_declaration.setdefault(setting.day, {})
                if len(of_day) >= _MOST_REMEMBERED:
                    of_day.clear()
                of_day[declared.key] = found
            return found
        approximate = unsure or any(
            "exception" in aspects[1:] or "duration" in aspects or (len(aspects) > 1 and "date" in aspects)
            for _, _, aspects in matches
        )
        return Found(UNKNOWN, tuple(matches), against, conflict, absent, approximate, None, tuple(touching))

    return decide


def _one_of(names: tuple[str, ...], concepts: frozenset[str]) -> bool:
    if len(names) > _FEW:
        return not concepts.isdisjoint(names)
    return any(name in concepts for name in names)


def anchors_of(leaf: Event) -> tuple[str, ...]:
    """The names of the anchors that a leaf hangs on, beside the screening day."""
    names = [end.anchor for end in (leaf.window.start, leaf.window.end) if end is not None]
    return tuple(sorted({*names, leaf.at} - {SCREENING}))


def _told(anchors: tuple[str, ...], facts: Facts) -> list[object]:
    """What is known of anchors, of which some may be supposed and have no text."""
    told: list[object] = []
    for name in anchors:
        when = facts.anchors.get(name)
        if when is None:
            told.append(None)
        else:
            told += (when.text, when.low, when.high)
    return told


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


class Sought:
    """A leaf with its codes and exceptions prepared."""

    __slots__ = (
        "catalogue",
        "codes",
        "complete",
        "excepted",
        "leaf",
        "momentary",
        "names",
        "plans_only",
        "treats",
        "wanted",
    )

    def __init__(self, leaf: Event, catalogue: Catalogue, codes: tuple[str, ...] | None = None) -> None:
        self.leaf = leaf
        self.catalogue = catalogue
        self.complete = f"complete:{leaf.domain}"
        self.codes = tuple(_Code(code, leaf.domain, catalogue) for code in codes or leaf.codes)
        self.names = codes or leaf.codes
        self.wanted = _wanted_attributes(leaf)
        self.treats = bool(leaf.indication or leaf.dose or leaf.daily_dose)
        self.excepted = tuple(Sought(exception, catalogue) for exception in leaf.excepted)
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


def matches_record(
    sought: Sought, record: EventFact, bounds: Bounds, setting: Setting
) -> tuple[Truth, tuple[str, ...]]:
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


def _matches_as_it_is(
    sought: Sought, record: EventFact, bounds: Bounds, setting: Setting
) -> tuple[Truth, tuple[str, ...]]:
    leaf = sought.leaf
    related = TRUE
    if not _one_of(sought.names, record.is_a):
        related = disjunction([_relation(record, code) for code in sought.codes])
        if related is FALSE:
            return FALSE, ()
    open_aspects: list[str] = ["code"] if related is UNKNOWN else []
    if record.verification == "provisional" and "provisional" not in leaf.verification:
        open_aspects.append("verification")
    elif record.verification == "confirmed" and "confirmed" not in leaf.verification:
        return FALSE, ()
    in_time, aspects = timed(leaf, sought.momentary, record, bounds, setting)
    if in_time is FALSE:
        return FALSE, ()
    if in_time is UNKNOWN:
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
        truth, _ = matches_record(exception, record, setting.bounds(exception.leaf.window), setting)
        if truth is TRUE:
            return FALSE, ()
        if truth is UNKNOWN:
            open_aspects.append("exception")
    return (UNKNOWN, tuple(open_aspects)) if open_aspects else (TRUE, ())


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


def _more(sought: Sought, record: EventFact) -> list[tuple[str, Truth]]:
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


def _indicated(given: str | Coding | None, sought: Sought) -> Truth:
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
    number = milligrams(dose, unit)
    if number is None:
        return UNKNOWN
    return Truth.of(all(holds(number, bound.operator, bound.number) for bound in bounds))


def milligrams(dose: Dose, unit: str) -> Fraction | None:
    """A dose in mg or mg/d; None where its unit is no such one."""
    known = _DOSE.get(unit)
    if known is None:
        known = _DOSE[unit] = analyte(unit)
    scale = known.scale(dose.unit)
    return Fraction(dose.value) * scale.factor + scale.offset if isinstance(scale, Scale) else None


def holds(number: Fraction | int, operator: Operator, bound: Fraction | int) -> bool:
    match operator:
        case "at_least":
            return number >= bound
        case "above":
            return number > bound
        case "at_most":
            return number <= bound
        case "below":
            return number < bound


def is_refuted(record: EventFact, records: tuple[EventFact, ...], setting: Setting) -> bool:
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
    return min(last_instant(when.last_day if may else when.first_day), setting.now)


def absent_besides(
    sought: Sought, records: tuple[EventFact, ...], declared: Declared | None, bounds: Bounds, setting: Setting
) -> tuple[bool, tuple[str, ...]]:
    """Whether nothing unrecorded can match, and the facts that say so."""
    leaf, codes = sought.leaf, sought.codes
    if bounds.low_maybe > bounds.high_maybe or ("planned" not in leaf.statuses and bounds.low_maybe > setting.now):
        return True, ()  # an empty window, or one that opens after the screening day: nothing past lies in it
    if declared is not None and not _declared_through(declared, sought, bounds, setting):
        declared = None
    if declared is not None and all(_covers(declared, code) for code in codes):
        return True, (sought.complete,)
    if sought.plans_only:
        return False, ()
    # One code may be denied by a record, another by the declaration.
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
        if denial is not None:
            name = denial.name
        elif declared is not None and _covers(declared, code):
            name = sought.complete
        else:
            return False, ()
        if name not in against:
            against.append(name)
    if "planned" in leaf.statuses:
        return False, ()  # no record denies a plan
    return True, tuple(against)


def _covers(declared: Declared, code: _Code) -> bool:
    return declared.systems is None or bool(code.systems & declared.systems)


def _declared_through(declared: Declared, sought: Sought, bounds: Bounds, setting: Setting) -> bool:
    """Whether the declaration reaches as far as the leaf looks."""
    if declared.through is None:
        return True
    return last_instant(declared.through.first_day) >= _looked_at_until(sought, bounds, setting)


def _looked_at_until(sought: Sought, bounds: Bounds, setting: Setting) -> int:
    """The last instant at which something that the leaf asks for can have begun: its window's end, the screening day,
    or so long before that or the anchor as it must have lasted."""
    if sought.plans_only:
        return setting.now
    last = min(bounds.high_maybe, setting.now)
    for operator, length in sought.leaf.duration:
        if operator in ("at_least", "above") and "planned" not in sought.leaf.statuses:
            last = min(last, begun_for(length, operator == "above", setting))
    span = sought.leaf.for_at_least
    if span is None:
        return last
    anchor = setting.anchor(sought.leaf.at)
    if anchor is None:
        return last
    if sought.leaf.changed:
        return min(last, last_instant(anchor.last_day))
    if span.unit == "hours":
        return min(last, anchor.high - span.number * HOUR)
    return min(last, last_instant(unshift_day(anchor.last_day, span)))
