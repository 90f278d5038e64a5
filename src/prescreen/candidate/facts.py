"""A profile's records made ready to be compared: dated, converted, indexed by concept.

This is done once per candidate and catalogue; it depends neither on the trial nor on the screening day. Nothing is
dropped: what cannot be used keeps its reason, and what a person should know of is listed in `issues`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from prescreen.candidate.profile import (
    AllergyRecord,
    Coding,
    Completeness,
    ConditionRecord,
    ObservationRecord,
    ProcedureRecord,
    Profile,
    Range,
    TreatmentRecord,
)
from prescreen.catalogue import HIERARCHICAL, Catalogue, ObservationConcept, Related, system_name
from prescreen.issues import Issue
from prescreen.quantities import (
    CodedValue,
    Magnitude,
    NoValue,
    Number,
    Scale,
    UnitProblem,
    Unreadable,
    compare,
    read_value,
)
from prescreen.time import ANY_TIME, When, age_interval, parse_when

Domain = Literal["conditions", "treatments", "procedures", "allergies"]
DOMAINS: Final[tuple[Domain, ...]] = ("conditions", "treatments", "procedures", "allergies")
KIND_OF: Final[dict[str, str]] = {
    "observations": "observation",
    "conditions": "condition",
    "treatments": "treatment",
    "procedures": "procedure",
    "allergies": "allergy",
}
DOMAIN_OF: Final[dict[str, Domain]] = {KIND_OF[domain]: domain for domain in DOMAINS}
STATUSES: Final[dict[str, frozenset[str]]] = {
    "conditions": frozenset({"active", "remission", "resolved"}),
    "treatments": frozenset({"ongoing", "completed", "planned", "never"}),
    "procedures": frozenset({"completed", "planned", "not-done"}),
    "allergies": frozenset({"recorded"}),
}
NOT_DETECTED: Final = frozenset({"not-detected", "negative"})
DETECTED: Final = frozenset({"detected", "positive"})

EventRecord = ConditionRecord | TreatmentRecord | ProcedureRecord | AllergyRecord


class Result:
    """One observation record, ready to be compared.

    when, low, high: the instants that its time may be. value_low, value_high: bounds of the value in the
    analyte's canonical unit (None: unbounded), open ends marked; equal objects for a point. coded: the coded
    result, or None. detection: True "detected", False "not detected", None: the numbers say. uln, lln, lod:
    the limits that came with the result, canonical. problem: (code, words) why the value decides nothing.
    kind: the kind of unit that the value was written in. written, unit, dated, source: the record's own words; nothing
    of a derived result, which has no record but inputs.
    """

    __slots__ = (
        "coded",
        "concept",
        "dated",
        "detection",
        "high",
        "high_open",
        "index",
        "inputs",
        "kind",
        "lln",
        "lod",
        "low",
        "low_open",
        "problem",
        "record",
        "source",
        "uln",
        "unit",
        "value_high",
        "value_low",
        "when",
        "written",
    )

    def __init__(self, index: int, concept: ObservationConcept, record: ObservationRecord | None, when: When) -> None:
        self.index = index
        self.concept = concept
        self.record = record
        self.when = when
        self.low = when.low
        self.high = when.high
        self.value_low: Magnitude | None = None
        self.value_high: Magnitude | None = None
        self.low_open = False
        self.high_open = False
        self.coded: str | None = None
        self.detection: bool | None = None
        self.uln: Magnitude | None = None
        self.lln: Magnitude | None = None
        self.lod: Magnitude | None = None
        self.problem: tuple[str, str] | None = None
        self.kind: str | None = None
        self.inputs: tuple[Result, ...] = ()
        self.written = ""
        self.unit: str | None = None
        self.dated: str | None = None
        self.source: str | None = None

    def copy(self) -> Result:
        """The same result, to be varied."""
        twin = Result(self.index, self.concept, self.record, self.when)
        twin.low, twin.high = self.low, self.high
        twin.value_low, twin.value_high = self.value_low, self.value_high
        twin.low_open, twin.high_open = self.low_open, self.high_open
        twin.coded, twin.detection = self.coded, self.detection
        twin.uln, twin.lln, twin.lod = self.uln, self.lln, self.lod
        twin.problem, twin.kind, twin.inputs = self.problem, self.kind, self.inputs
        twin.written, twin.unit, twin.dated, twin.source = self.written, self.unit, self.dated, self.source
        return twin

    @property
    def name(self) -> str:
        """The fact's name: ``observation:ALT[2]``, the index being its place in the profile."""
        return f"observation:{self.concept.name}[{self.index}]"

    @property
    def is_point(self) -> bool:
        return self.value_low is not None and self.value_low is self.value_high


class EventFact:
    """One condition, treatment, procedure or allergy record, with the concepts that it is or may be.

    start, end: the instants at which it may have begun and ended; end None: not written. statuses: those that
    it may have. any_of: the concepts of either kind. asserts: the record says that something is so; denies: that it
    is not (refuted, never, not done). unplaced: its code is listed for no concept, in a system whose codes do not show
    what is below what: it may be of any concept. status, verification, source: as written. spoken: the day that a
    record other than of a procedure speaks of, until when a refutation holds.
    """

    __slots__ = (
        "any_of", "asserts", "denies", "domain", "end", "index", "is_a", "label", "may_be", "record", "related",
        "source", "spoken", "start", "status", "statuses", "system", "unplaced", "verification",
    )  # fmt: skip

    def __init__(
        self,
        index: int,
        domain: Domain,
        record: EventRecord,
        related: Related,
        start: When | None,
        end: When | None,
        statuses: frozenset[str],
    ) -> None:
        self.index = index
        self.domain: Domain = domain
        self.record = record
        self.related = related
        self.label = _label(record.code, related)
        self.system = related.system
        self.is_a = related.is_a
        self.may_be = related.may_be
        self.any_of = related.any_of
        self.unplaced = related.system is not None and not related.named and related.system not in HIERARCHICAL
        self.start = start
        self.end = end
        self.statuses = statuses
        self.verification: str = record.verification
        self.source = record.source
        self.status = status = _written_status(record)
        spoken = None if isinstance(record, ProcedureRecord) else record.date
        self.spoken = None if spoken is None else parse_when(spoken)
        negative = status in ("never", "not-done")
        refuted = self.verification == "refuted"
        self.asserts = not refuted and not negative
        # A denial that is itself refuted or provisional denies nothing; a plan called off denies no past event.
        self.denies = (refuted and not negative and status != "planned") or (
            negative and self.verification == "confirmed"
        )

    @classmethod
    def of(cls, index: int, domain: Domain, record: EventRecord, related: Related) -> EventFact:
        """A record of the profile, dated."""
        start, end = _times(record)
        status = _written_status(record)
        return cls(
            index,
            domain,
            record,
            related,
            None if start is None else parse_when(start),
            None if end is None else parse_when(end),
            STATUSES[domain] if status is None else frozenset((status,)),
        )

    def with_status(self, status: str) -> EventFact:
        """The same record, had it this status."""
        return self._varied(self.end, frozenset((status,)))

    def going_on(self) -> EventFact:
        """The same record, had it no end."""
        return self._varied(None, self.statuses)

    def _varied(self, end: When | None, statuses: frozenset[str]) -> EventFact:
        return EventFact(self.index, self.domain, self.record, self.related, self.start, end, statuses)

    @property
    def name(self) -> str:
        code = self.record.code
        text = code if isinstance(code, str) else f"{code.system}|{code.code}"
        if self.related.named:
            text = min(self.related.named)
        return f"{KIND_OF[self.domain]}:{text}[{self.index}]"


def _label(code: str | Coding, related: Related) -> str:
    """How people read what was recorded: where the catalogue has no words for it, by those that came with the code."""
    if isinstance(code, Coding) and code.display and not related.named:
        return f"{code.display[:_LONGEST_LABEL]} ({related.label})"
    return related.label


_LONGEST_LABEL: Final = 80


def _written_status(record: EventRecord) -> str | None:
    status: str | None = record.__dict__.get("status")  # of an allergy there is none
    return status


def _times(record: EventRecord) -> tuple[str | None, str | None]:
    match record:
        case ConditionRecord():
            return record.onset, record.abatement
        case TreatmentRecord():
            return record.start, record.end
        case ProcedureRecord() | AllergyRecord():
            return record.date, record.date


class Declared:
    """A domain declared complete: through a day (None: the screening day), among systems (None: all).

    key: both as one text, by which declarations of many candidates are the same.
    """

    __slots__ = ("key", "systems", "through")

    def __init__(self, through: When | None, systems: frozenset[str] | None) -> None:
        self.through = through
        self.systems = systems
        self.key = "" if through is None else through.text
        if systems is not None:
            self.key += f" in {', '.join(sorted(systems))}"


class Facts:
    """Everything known of a candidate, indexed for the evaluator. See the module's docstring."""

    __slots__ = (
        "_by_index",
        "_size",
        "anchors",
        "answers",
        "birth",
        "complete",
        "events",
        "issues",
        "places",
        "profile",
        "results",
        "sex",
    )

    def __init__(
        self,
        profile: Profile,
        results: dict[str, tuple[Result, ...]],
        events: dict[Domain, tuple[EventFact, ...]],
        birth: When | None,
        sex: Literal["female", "male"] | None,
        answers: dict[str, bool | str],
        anchors: dict[str, When],
        complete: dict[Domain, Declared],
        issues: tuple[Issue, ...],
        places: Mapping[str, str] | None = None,
    ) -> None:
        self.profile = profile
        self.places = places
        self.results = results
        self.events = events
        self.birth = birth
        self.sex = sex
        self.answers = answers
        self.anchors = anchors
        self.complete = complete
        self.issues = issues
        self._by_index: dict[int, Result] | None = None
        self._size = -1

    def result(self, index: int) -> Result:
        """The result made of an observation record, by its place in the profile."""
        if self._by_index is None:
            self._by_index = {result.index: result for found in self.results.values() for result in found}
        return self._by_index[index]

    def place(self, path: str) -> str:
        """Where something of the profile stands in the data that it was made of; its path, where it is that data."""
        return path if self.places is None else _place(path, self.places)

    @property
    def size(self) -> int:
        """The number of records."""
        if self._size < 0:
            size = 0
            for results in self.results.values():
                size += len(results)
            for records in self.events.values():
                size += len(records)
            self._size = size
        return self._size

    def varied(
        self,
        *,
        results: dict[str, tuple[Result, ...]] | None = None,
        answers: dict[str, bool | str] | None = None,
        anchors: dict[str, When] | None = None,
        birth: When | None = None,
        sex: Literal["female", "male"] | None = None,
    ) -> Facts:
        """The same facts but for those given."""
        return Facts(
            self.profile,
            self.results if results is None else results,
            self.events,
            self.birth if birth is None else birth,
            self.sex if sex is None else sex,
            self.answers if answers is None else answers,
            self.anchors if anchors is None else anchors,
            self.complete,
            self.issues,
            self.places,
        )


class Candidate:
    """A profile with its facts prepared; safe to share between threads.

    issues: what was wrong with the data that the profile was made of, listed among those of its facts. places: by path
    of a record in the profile, its place in that data, where issues name it.
    """

    __slots__ = ("_earlier", "_facts", "issues", "places", "profile")

    def __init__(
        self,
        profile: Profile,
        catalogue: Catalogue | None = None,
        issues: tuple[Issue, ...] = (),
        places: Mapping[str, str] | None = None,
    ) -> None:
        self.profile = profile
        self.issues = issues
        self.places = places
        self._facts: dict[str, Facts] = {}
        self._earlier: dict[str, Facts] = {}
        if catalogue is not None:
            self.facts(catalogue)

    @property
    def id(self) -> str:
        return self.profile.id

    def facts(self, catalogue: Catalogue) -> Facts:
        """The facts in the light of a catalogue, prepared on first use."""
        found = self._facts.get(catalogue.sha256)
        if found is None:
            earlier = self._earlier.pop(catalogue.sha256, None)
            found = prepare(self.profile, catalogue, self.issues, self.places, earlier)
            self._facts[catalogue.sha256] = found
        return found

    def facts_on(self, kinds: frozenset[str], catalogue: Catalogue) -> Facts:
        """The facts as far as they are of some kinds (`observation:ALT`, `procedures`), which takes less time.

        All of them where they have been prepared, or can be from those before.
        """
        if catalogue.sha256 in self._facts or catalogue.sha256 in self._earlier:
            return self.facts(catalogue)
        return prepare(self.profile, catalogue, self.issues, self.places, None, kinds)

    def with_profile(self, profile: Profile) -> Candidate:
        """A candidate with another profile; what was made of a record that stays at its place is used again."""
        twin = Candidate(profile)
        if self.places is None and not self.issues:
            twin._earlier = {**self._earlier, **self._facts}
        return twin


def prepare(
    profile: Profile,
    catalogue: Catalogue,
    known: tuple[Issue, ...] = (),
    places: Mapping[str, str] | None = None,
    earlier: Facts | None = None,
    kinds: frozenset[str] | None = None,
) -> Facts:
    """Index a profile's records by the concepts of a catalogue.

    known: issues that are listed before its own. places: see `Candidate`. earlier: facts of another profile in the
    light of the same catalogue; what was made of the very same record at the same place is taken from there. kinds:
    of which records are wanted (`observation:ALT`, `procedures`); None: all.
    """
    issues: list[Issue] = []
    results = _results(profile, catalogue, earlier, kinds, issues)
    events: dict[Domain, tuple[EventFact, ...]] = {}
    complete: dict[Domain, Declared] = {}
    for domain in DOMAINS:
        records: tuple[EventRecord, ...] = getattr(profile, domain)
        if records and (kinds is None or domain in kinds):
            before = () if earlier is None else earlier.events.get(domain, ())
            events[domain] = tuple(
                before[index]
                if index < len(before) and before[index].record is record
                else EventFact.of(index, domain, record, _related(domain, record.code, catalogue))
                for index, record in enumerate(records)
            )
        declared: bool | Completeness = getattr(profile.complete, domain)
        if declared is True:
            complete[domain] = Declared(None, None)
        elif declared is not False:
            complete[domain] = Declared(
                None if declared.through is None else parse_when(declared.through),
                None if declared.systems is None else frozenset(system_name(s) or s for s in declared.systems),
            )
    birth = _birth(profile, issues)
    anchors = {name: parse_when(text) for name, text in profile.anchors.items()}
    if places is not None:
        issues = [Issue(each.code, _place(each.path or "", places), each.message) for each in issues]
    told = (*known, *issues)
    return Facts(profile, results, events, birth, profile.sex, profile.answers, anchors, complete, told, places)


def _results(
    profile: Profile,
    catalogue: Catalogue,
    earlier: Facts | None,
    kinds: frozenset[str] | None,
    issues: list[Issue],
) -> dict[str, tuple[Result, ...]]:
    """Results by concept, the newest first."""
    if earlier is not None and profile.observations is earlier.profile.observations:
        issues += [issue for issue in earlier.issues if (issue.path or "").startswith("observations[")]
        return earlier.results
    made = {} if earlier is None else _sound_results(earlier)
    by_code: dict[str, list[Result]] = {}
    for index, record in enumerate(profile.observations):
        known = made.get(index)
        if known is not None and known.record is record:
            by_code.setdefault(known.concept.name, []).append(known)
            continue
        concept = _observation_concept(record.code, catalogue)
        if concept is None:
            issues.append(
                Issue(
                    "unmapped-code",
                    f"observations[{index}].code",
                    f"{_code_text(record.code)} is no observation that the catalogue knows; not used",
                )
            )
            continue
        if kinds is not None and f"observation:{concept.name}" not in kinds:
            continue
        result = read_result(index, concept, record, issues)
        if result is not None:
            by_code.setdefault(concept.name, []).append(result)
    results: dict[str, tuple[Result, ...]] = {}
    for name, found in by_code.items():
        if len(found) > 1:
            found.sort(key=_newest_first)
        results[name] = tuple(found)
    return results


def _sound_results(facts: Facts) -> dict[int, Result]:
    """Results by their place in the profile, but for those of which an issue tells something."""
    told = {(issue.path or "").partition("]")[0] for issue in facts.issues}
    return {
        result.index: result
        for found in facts.results.values()
        for result in found
        if f"observations[{result.index}" not in told
    }


def _place(path: str, places: Mapping[str, str]) -> str:
    """A place in a profile as one in the data that it was made of: of the record, or of the record's code."""
    record, bracket, rest = path.partition("]")
    found = places.get(record + bracket)
    if found is None:
        return path
    return f"{found}.code" if rest == ".code" else found


def _newest_first(result: Result) -> tuple[int, int, int]:
    return (-result.high, -result.low, result.index)


def _birth(profile: Profile, issues: list[Issue]) -> When | None:
    born = None if profile.birth_date is None else parse_when(profile.birth_date)
    if profile.age is None:
        return born
    aged = age_interval(profile.age.value, parse_when(profile.age.on))
    if born is None:
        return aged
    low, high = max(born.low, aged.low), min(born.high, aged.high)
    if low > high:
        issues.append(
            Issue("conflict", "age", f"the age given does not agree with the birth date {born.text}; neither is used")
        )
        return None
    return When(born.text, low, high)


def _observation_concept(code: str | Coding, catalogue: Catalogue) -> ObservationConcept | None:
    if isinstance(code, str):
        return catalogue.observation(code)
    coding: dict[str, Any] = code.__dict__
    return catalogue.observation_for(coding["system"], coding["code"])


def _related(domain: Domain, code: str | Coding, catalogue: Catalogue) -> Related:
    return catalogue.related(domain, code if isinstance(code, str) else (code.system, code.code))


def _code_text(code: str | Coding) -> str:
    if isinstance(code, str):
        return code
    coding: dict[str, Any] = code.__dict__
    text = f"{coding['system']}|{coding['code']}"
    return f"{text} ({coding['display']})" if coding["display"] else text


def read_result(
    index: int, concept: ObservationConcept, record: ObservationRecord, issues: list[Issue]
) -> Result | None:
    """Make a record comparable; None when it is no result (a null value, a refuted record)."""
    given: dict[str, Any] = record.__dict__  # its fields: each would take five times as long to ask for
    verification = given["verification"]
    if verification == "refuted":
        return None
    value = given["value"]
    written = read_value(value, concept.analyte is not None and concept.analyte.may_be_negative)
    if isinstance(written, NoValue):
        return None
    dated: str | None = given["date"]
    result = Result(index, concept, record, ANY_TIME if dated is None else parse_when(dated))
    result.dated = dated
    result.source = given["source"]
    result.unit = unit = given["unit"]
    result.written = f"{value} {unit}" if unit else str(value)
    if isinstance(written, Number):
        _read_number(result, written, given, issues)
    elif isinstance(written, CodedValue):
        _read_code(result, written.code, given, issues)
    elif isinstance(written, Unreadable):
        result.problem = ("value", f"the value `{value}` cannot be read: {written.reason}")
    if verification == "provisional":
        result.problem = ("provisional", "the result is provisional")
    if result.problem is not None:
        issues.append(
            Issue(f"{result.problem[0]}-unusable", f"observations[{index}]", f"{concept.name}: {result.problem[1]}")
        )
    return result


def _read_number(result: Result, number: Number, given: dict[str, Any], issues: list[Issue]) -> None:
    concept = result.concept
    if concept.analyte is None:
        result.problem = ("code", f"{concept.name} is a coded result; `{given['value']}` is a number")
        return
    scale = concept.analyte.scale(result.unit)
    if isinstance(scale, UnitProblem):
        result.problem = ("unit", scale.message)
        return
    if number.titre and concept.unit:
        result.problem = ("value", f"`{given['value']}` is a titre, not a quantity")
        return
    result.kind = scale.kind
    low, high = scale.bounds(number)
    result.value_low, result.value_high = low, high
    result.low_open = number.low_open
    result.high_open = number.high_open
    least, most = _plausible(concept)
    if (high is not None and least is not None and compare(high, least) < 0) or (
        low is not None and most is not None and compare(low, most) > 0
    ):
        result.problem = ("implausible", f"{result.written.rstrip()} is not plausible")
    _read_limits(result, given, scale, issues)


Edges = tuple[Magnitude | None, Magnitude | None]


def _plausible(concept: ObservationConcept) -> Edges:
    """The least and the greatest plausible value; kept by the concept's identity, since to hash a Fraction is slow."""
    found = _PLAUSIBLE.get(id(concept))
    if found is None:
        least = None if concept.low is None else Magnitude.of(concept.low)
        most = None if concept.high is None else Magnitude.of(concept.high)
        if len(_PLAUSIBLE) >= _MOST_KEPT:
            _PLAUSIBLE.clear()
        # The concept is kept with its edges, so that no other can come by its identity.
        found = _PLAUSIBLE[id(concept)] = (concept, (least, most))
    return found[1]


_PLAUSIBLE: Final[dict[int, tuple[ObservationConcept, Edges]]] = {}
_MOST_KEPT: Final = 4096


def _read_limits(result: Result, given: dict[str, Any], scale: Scale | None, issues: list[Issue]) -> None:
    """The reference range and the limit of detection that came with the result, in the canonical unit."""
    reference: Range | None = given["reference_range"]
    concept = result.concept
    if reference is not None and concept.analyte is not None:
        limits: dict[str, Any] = reference.__dict__
        unit = limits["unit"]
        own = scale if unit is None else concept.analyte.scale(unit)
        if isinstance(own, UnitProblem):
            issues.append(
                Issue(
                    "unit-unusable", f"observations[{result.index}].reference_range", f"{concept.name}: {own.message}"
                )
            )
        elif own is not None:
            low, high = limits["low"], limits["high"]
            if low is not None:
                result.lln = _limit(own.magnitude(low), "low", result, issues)
            if high is not None:
                result.uln = _limit(own.magnitude(high), "high", result, issues)
    if scale is not None and (detection := given["detection_limit"]) is not None:
        result.lod = scale.magnitude(detection)


def _limit(limit: Magnitude, end: str, result: Result, issues: list[Issue]) -> Magnitude | None:
    """A limit of normal; None, and an issue, where no such limit is plausible (a range printed in another unit)."""
    concept = result.concept
    least, most = _plausible(concept)
    if (
        (end == "low" or compare(limit, _ZERO) > 0)
        and (most is None or compare(limit, most) <= 0)
        and (end == "low" or least is None or compare(limit, least) >= 0)
    ):
        return limit
    message = (
        f"{concept.name}: a {end} limit of {limit.approx:.6g} {concept.unit}".rstrip() + " is not plausible; not used"
    )
    issues.append(Issue("implausible-limit", f"observations[{result.index}].reference_range.{end}", message))
    return None


def _as_listed(code: str, values: tuple[str, ...]) -> str:
    """A code in the catalogue's spelling (class `B`), where it is listed there."""
    for value in values:
        if value.casefold() == code:
            return value
    return code


def _read_code(result: Result, code: str, given: dict[str, Any], issues: list[Issue]) -> None:
    concept = result.concept
    code = _as_listed(code, concept.values)
    result.coded = code
    if code == "indeterminate":
        result.problem = ("indeterminate", "the result is indeterminate")
        return
    if concept.analyte is None or code in concept.values:
        if concept.values and code not in concept.values and concept.analyte is None:
            folded = {"detected": "positive", "not-detected": "negative"}.get(code)
            if folded in concept.values:
                result.coded = folded
            else:
                result.problem = ("code", f"`{given['value']}` is no result that {concept.name} may have")
                return
        if concept.analyte is None:
            return
    unit = result.unit
    scale = concept.analyte.scale(unit) if unit is not None or given["detection_limit"] is not None else None
    usable = scale if isinstance(scale, Scale) else None
    if code in NOT_DETECTED:
        result.detection = False
        _read_limits(result, given, usable, issues)
        result.value_low = _ZERO
        result.value_high = result.lod
        result.high_open = True
    elif code in DETECTED:
        result.detection = True
        _read_limits(result, given, usable, issues)
        result.value_low = result.lod or _ZERO
        result.low_open = True
    elif code not in concept.values:
        result.problem = ("code", f"`{given['value']}` is no number")


_ZERO = Magnitude.of(0)
