"""What an amendment changed outside the criteria: each thing told once, with the criteria that use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prescreen.amendment.conditions import condition_differences
from prescreen.amendment.matching import Matched
from prescreen.amendment.meaning import subjects, window_key
from prescreen.amendment.model import Matter, TrialChange
from prescreen.amendment.words import listed, readable, when, window_change
from prescreen.catalogue import EventConcept, ObservationConcept
from prescreen.language.model import Age, Answer, Condition, Event, Observation, Trial, Use, parts_of

_MEANT: Final[dict[type, tuple[str, ...]]] = {
    ObservationConcept: (
        "codes", "analyte", "values", "low", "high", "formula", "inputs", "expression", "same_day", "any_day"
    ),
    EventConcept: ("codes", "parents", "momentary", "outside", "perhaps", "half_life", "equivalents"),
}  # fmt: skip
"""What of a concept can change a status."""


def changed_codes(old: Trial, new: Trial) -> dict[str, str]:
    """The codes that both versions name and whose concepts differ, and how: by ``observation:ALT``,
    ``conditions:SLE``."""
    if old.catalogue.sha256 == new.catalogue.sha256:
        return {}
    named = [{name for criterion in trial.criteria for name in subjects(criterion.condition)} for trial in (old, new)]
    found: dict[str, str] = {}
    for name in sorted(set.intersection(*named)):
        domain, _, code = name.partition(":")
        was, now = (_concept(trial, domain, code) for trial in (old, new))
        if was is None or now is None or type(was) is not type(now):
            continue
        differ = [field for field in _MEANT[type(now)] if getattr(was, field) != getattr(now, field)]
        if differ:
            found[name] = f"{now.label}: {_recoded(was, now, differ)}"
    return found


def _concept(trial: Trial, domain: str, code: str) -> ObservationConcept | EventConcept | None:
    if domain == "observation":
        return trial.catalogue.observation(code)
    for known in ("conditions", "treatments", "procedures", "allergies"):
        if known == domain:
            return trial.catalogue.event(known, code)
    return None


def _recoded(was: ObservationConcept | EventConcept, now: ObservationConcept | EventConcept, differ: list[str]) -> str:
    if isinstance(was, ObservationConcept) and isinstance(now, ObservationConcept) and was.written != now.written:
        return f"formula changed from “{was.written}” to “{now.written}”"
    return f"the catalogue gives other {listed(readable(field) for field in differ)}"


def trial_changes(old: Trial, new: Trial, found: Matched, codes: Mapping[str, str]) -> list[TrialChange]:
    """Everything about the trial that changed, but for its criteria."""
    changes: list[TrialChange] = []
    for what, was, now in (
        ("id", old.id, new.id),
        ("title", old.title, new.title),
        ("recruitment", old.recruitment, new.recruitment),
    ):
        if was != now:
            matter: Matter = "id" if what == "id" else "title" if what == "title" else "recruitment"
            changes.append(TrialChange(matter, None, (_reworded(was, now),)))
    changes += _source(old, new)
    changes += _results_within(old, new)
    changes += _cohorts(old, new)
    changes += _anchors(old, new)
    changes += _questions(old, new)
    changes += _definitions(old, new)
    for name, words in codes.items():
        own = (
            (concept := _concept(new, *name.split(":", 1)))
            and isinstance(concept, ObservationConcept)
            and concept.written
        )
        used = _users(new, lambda part, name=name: name in subjects(part))  # type: ignore[misc]
        changes.append(TrialChange("quantity" if own else "catalogue", name.partition(":")[2], (words,), used))
    return changes


def _reworded(was: str | None, now: str | None) -> str:
    if was is None or now is None:
        return f"now stated: “{now}”" if now is not None else f"no longer stated (was “{was}”)"
    return f"“{was}” became “{now}”"


def _source(old: Trial, new: Trial) -> list[TrialChange]:
    words: list[str] = []
    if old.complete != new.complete:
        if new.complete:
            words.append("the source text is now complete: candidates can be reported eligible")
        else:
            words.append("the source text is no longer complete: nobody can be reported eligible")
    words += [f"gap closed: {gap}" for gap in old.gaps if gap not in new.gaps]
    words += [f"new gap: {gap}" for gap in new.gaps if gap not in old.gaps]
    if old.document != new.document:
        words.append(f"document: {_reworded(old.document, new.document)}")
    return [TrialChange("source", None, tuple(words))] if words else []


def _results_within(old: Trial, new: Trial) -> list[TrialChange]:
    if window_key(old.results_within) == window_key(new.results_within):
        return []
    if old.results_within_stated and new.results_within_stated:
        words, _ = window_change(old.results_within, new.results_within)
    else:
        words = f"how old results may be: “{when(new.results_within)}” instead of “{when(old.results_within)}”"
    used = _users(new, lambda part: isinstance(part, Observation) and part.window == new.results_within)
    return [TrialChange("results_within", None, (words,), used)]


def _cohorts(old: Trial, new: Trial) -> Iterator[TrialChange]:
    was, now = ({cohort.id: cohort.title for cohort in trial.cohorts} for trial in (old, new))
    for name in [*was, *(name for name in now if name not in was)]:
        if name not in now:
            own = tuple(criterion.id for criterion in old.criteria if criterion.cohorts == (name,))
            yield TrialChange("cohort", name, (f"removed: {was[name]}",), own)
        elif name not in was:
            own = tuple(criterion.id for criterion in new.criteria if criterion.cohorts == (name,))
            yield TrialChange("cohort", name, (f"added: {now[name]}",), own)
        elif was[name] != now[name]:
            yield TrialChange("cohort", name, (_reworded(was[name], now[name]),))


def _anchors(old: Trial, new: Trial) -> Iterator[TrialChange]:
    for name in [*old.anchors, *(name for name in new.anchors if name not in old.anchors)]:
        was, now = old.anchors.get(name), new.anchors.get(name)
        if was != now:
            words = f"added: {now}" if was is None else f"removed: {was}" if now is None else _reworded(was, now)
            trial = old if now is None else new
            yield TrialChange("anchor", name, (words,), _users(trial, lambda part, name=name: name in _days(part)))  # type: ignore[misc]


def _days(part: Condition) -> set[str]:
    """The anchors that a leaf counts from."""
    match part:
        case Age(anchor=anchor):
            return {anchor}
        case Observation(window=window):
            return {end.anchor for end in (window.start, window.end) if end}
        case Event():
            each = (part, *part.excepted)
            ends = {end.anchor for event in each for end in (event.window.start, event.window.end) if end}
            return ends | {event.at for event in each if event.for_at_least}
    return set()


def _questions(old: Trial, new: Trial) -> Iterator[TrialChange]:
    for name in [*old.questions, *(name for name in new.questions if name not in old.questions)]:
        was, now = old.questions.get(name), new.questions.get(name)
        if was == now:
            continue
        words: list[str] = []
        if was is None or now is None:
            words.append(
                f"added, put to the {now.ask}: “{now.text}”" if now else f"removed: “{was.text if was else ''}”"
            )
        else:
            if was.text != now.text:
                words.append(_reworded(was.text, now.text))
            if was.ask != now.ask:
                words.append(f"now put to the {now.ask} instead of the {was.ask}")
            if was.options != now.options:
                options = (listed(question.options, "or") or "yes or no" for question in (was, now))
                words.append("answers: {} became {}".format(*options))
        trial = old if now is None else new
        asked = _users(trial, lambda part, name=name: isinstance(part, Answer) and part.question == name)  # type: ignore[misc]
        yield TrialChange("question", name, tuple(words), asked)


def _definitions(old: Trial, new: Trial) -> Iterator[TrialChange]:
    was, now = _defined(old), _defined(new)
    for name in (name for name in was if name in now):
        found = condition_differences(was[name], now[name], old, new, 0)
        own = [each.words for each in found if not (each.cause or "").startswith("definition:")]
        if own:
            used = _users(new, lambda part, name=name: isinstance(part, Use) and part.name == name)  # type: ignore[misc]
            yield TrialChange("definition", name, tuple(own), used)


def _defined(trial: Trial) -> dict[str, Condition]:
    """The definitions that criteria use."""
    found: dict[str, Condition] = {}
    for criterion in trial.criteria:
        for part in parts_of(criterion.condition):
            if isinstance(part, Use):
                found.setdefault(part.name, part.child)
    return found


def _users(trial: Trial, uses: Callable[[Condition], bool]) -> tuple[str, ...]:
    """The criteria with a part that uses something."""
    return tuple(criterion.id for criterion in trial.criteria if any(map(uses, _all_parts(criterion.condition))))


def _all_parts(condition: Condition) -> Iterator[Condition]:
    """All parts, those of `without` among them."""
    for part in parts_of(condition):
        yield part
        if isinstance(part, Observation) and part.without:
            yield from parts_of(part.without)
