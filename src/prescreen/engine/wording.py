"""What leaves found, in words: the sentences of headlines and explanations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from prescreen.candidate.facts import EventFact, Facts, Result
from prescreen.candidate.profile import TreatmentRecord
from prescreen.catalogue import Catalogue
from prescreen.engine import events, results, tallies
from prescreen.engine.compare import limits_of, threshold_for, threshold_magnitude
from prescreen.engine.compile import LeafNode, events_of
from prescreen.engine.setting import Setting
from prescreen.language.model import Age, Answer, Comparison, Detected, Event, Observation, Sex
from prescreen.language.wording import event_label, observation_label
from prescreen.quantities import Magnitude
from prescreen.time import When, completed_months, completed_years, length_text
from prescreen.truth import FALSE, TRUE, UNKNOWN, Truth

_MOST_EARLIER: Final = 3


def number_text(magnitude: Magnitude) -> str:
    """About four digits of a number."""
    return _digits(magnitude.approx)


_DIGITS: Final[dict[float, str]] = {}
_MOST_REMEMBERED: Final = 4096


def _digits(value: float) -> str:
    """Limits and thresholds are the same for many candidates, so what was made of a number is remembered."""
    text = _DIGITS.get(value)
    if text is None:
        if len(_DIGITS) >= _MOST_REMEMBERED:
            _DIGITS.clear()
        text = _DIGITS[value] = _digits_of(value)
    return text


def _digits_of(value: float) -> str:
    if 1e-4 <= value < 1e9:
        return _plain(value)
    if value == 0.0:
        return "0"
    if -1e9 < value <= -1e-4:
        return f"-{_plain(-value)}"
    return format(value, ".3g")


def _plain(value: float) -> str:
    """A number from 0.0001 to a thousand million to four digits, or all before the point; without an exponent.

    By hand, since a report is full of such numbers and `format` takes three times as long.
    """
    places = _places(value, 4)
    number = int(value * _TENS[places] + 0.5)
    while places > 0 and number % 10 == 0:
        number //= 10
        places -= 1
    text = str(number)
    if places == 0:
        return text
    if len(text) <= places:
        text = "0" * (places + 1 - len(text)) + text
    return f"{text[:-places]}.{text[-places:]}"


def rounded(value: float) -> float:
    """A number to six digits."""
    size = abs(value)
    if not 1e-4 <= size < 1e5:
        return float(format(value, ".6g"))
    scale = _TENS[_places(size, 6)]
    near = int(size * scale + 0.5) / scale
    return near if value > 0 else -near


def _places(value: float, digits: int) -> int:
    """After how many places behind its point a number has so many digits; none behind the point of a large one."""
    places, bound = digits - 1, 10.0
    while places > 0 and value >= bound:
        places -= 1
        bound *= 10.0
    if value < 1.0:
        bound = 1.0
        while value < bound:
            places += 1
            bound /= 10.0
    return places


_TENS: Final[list[float]] = [10.0**place for place in range(12)]


def with_unit(magnitude: Magnitude, unit: str) -> str:
    return f"{number_text(magnitude)} {unit}" if unit else number_text(magnitude)


def value_text(result: Result) -> str:
    """A result's value: as written, or computed from its inputs."""
    if result.record is not None:
        return result.written
    if result.inputs and result.value_low is not None and result.problem is None:
        low = with_unit(result.value_low, result.concept.unit)
        if result.is_point:
            return f"{low} (derived)"
        high = "more" if result.value_high is None else with_unit(result.value_high, result.concept.unit)
        return f"{low} to {high} (derived)"
    return "a value that cannot be derived"


def observation_finding(
    node: LeafNode,
    leaf: Observation,
    found: results.Found,
    chosen: Result | None,
    setting: Setting,
    catalogue: Catalogue,
) -> tuple[str, str | None]:
    """What an observation leaf found, and the stable name of why it is unknown; chosen: the result that tells."""
    name = node.label
    if chosen is None:
        if found.lacking:
            return (
                f"{name} is not on file and cannot be derived without {_facts_words(found.lacking, catalogue)}",
                "missing",
            )
        if found.refused:
            return f"{name}: no result counts, for each follows {_spoiler(leaf, catalogue)}", "refused"
        if found.stale is not None:
            return f"{name} of {found.stale.when.text} is outside the window ({node.window})", "stale"
        return f"{name} is not on file", "missing"
    if found.conflict:
        values = " and ".join(value_text(result) for result in found.results[:4])
        return f"{name}: {values} at the same time ({found.results[0].when.text}) contradict each other", "conflict"
    text = f"{name} {_one_finding(leaf, chosen, setting)}"
    if leaf.changes:
        text += _measured_from(found)
    if found.perhaps_refused:
        return f"{text}; whether it counts depends on {_spoiler(leaf, catalogue)}", "refused"
    if found.truth is not UNKNOWN:
        return text, None
    if leaf.changes and not found.earlier:
        return text, "missing"
    if not found.sure:
        return f"{text}; it may lie outside the window ({node.window})", "date"
    if len(found.results) > 1 and TRUE in found.truths and FALSE in found.truths:
        others = ", ".join(f"{value_text(r)} on {r.when.text}" for r in found.results[:4])
        return f"{name}: which result counts is open ({others})", "date"
    return text + _why_unknown(leaf, chosen, setting)[0], _why_unknown(leaf, chosen, setting)[1]


def _measured_from(found: results.Found) -> str:
    """The earlier results that a fall or rise was measured from."""
    if not found.earlier:
        return ", no earlier result on file"
    told = [f"{value_text(result)} on {result.when.text}" for result in found.earlier[:_MOST_EARLIER]]
    more = len(found.earlier) - len(told)
    return f", after {listed(told)}" + (f" and {more} more" if more else "")


def _spoiler(leaf: Observation, catalogue: Catalogue) -> str:
    """The events of `without`, in words."""
    codes = [(event.domain, code) for event in events_of(leaf.without) for code in event.codes]
    return " or ".join(event_label(domain, code, catalogue) for domain, code in codes[:4])


def telling(found: results.Found) -> Result | None:
    """Of the results that count, the first that carries the leaf's truth."""
    for place, truth in enumerate(found.truths):
        if truth is found.truth:
            return found.results[place]
    return found.results[0] if found.results else None


def _one_finding(leaf: Observation, result: Result, setting: Setting) -> str:
    text = (
        f"{value_text(result)} on {result.when.text}"
        if result.record is None or result.dated
        else value_text(result) + ", undated"
    )
    point = result.value_low if result.is_point else None
    for test in leaf.tests:
        if not isinstance(test, Comparison):
            continue
        threshold = threshold_for(result, test)
        if threshold is None or threshold.of is None:
            continue
        limit = None
        if threshold.of == "LLOD":
            limit = result.lod
        else:
            limits = limits_of(result, threshold.of, setting)
            limit = limits[0].number if len(limits) == 1 else None
        if limit is not None and point is not None and limit.approx > 0:
            ratio = _digits_of(point.approx / limit.approx)
            return f"{text} = {ratio} × {threshold.of} {with_unit(limit, result.concept.unit)}"
    return text


def _why_unknown(leaf: Observation, result: Result, setting: Setting) -> tuple[str, str]:
    if result.problem is not None:
        return f": {result.problem[1]}", result.problem[0]
    for test in leaf.tests:
        if isinstance(test, Comparison):
            threshold = threshold_for(result, test)
            if (
                threshold is not None
                and threshold.of is not None
                and threshold_magnitude(result, test, setting) is None
            ):
                if threshold.of == "LLOD":
                    return "; its limit of detection is not known", "detection-limit"
                return f"; its {threshold.of} is not known", "range"
        elif isinstance(test, Detected):
            if result.lod is None:
                return "; its limit of detection is not known", "detection-limit"
        elif result.coded is None:
            return "; a coded result is needed", "code"
    return "; the value is not known closely enough", "censored"


def _facts_words(facts: Sequence[str], catalogue: Catalogue) -> str:
    words = [
        observation_label(fact.partition(":")[2], catalogue) if ":" in fact else fact.replace("_", " ")
        for fact in facts
    ]
    return listed(words)


def listed(words: Sequence[str]) -> str:
    """Words as people list them: ``A, B and C``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def _day_of(when: When) -> str:
    """A date as written; of a time of one day, the day."""
    return when.text[:10] if when.is_one_day and "T" in when.text and "/" not in when.text else when.text


def event_text(fact: EventFact, setting: Setting) -> str:
    """A record in words: ``appendectomy 2026-01-12, 20 weeks before``."""
    parts = [fact.label]
    status = fact.status
    if fact.start is not None:
        start = _day_of(fact.start)
        parts.append(start if fact.domain in ("procedures", "allergies") else f"since {start}")
    if fact.end is not None and fact.domain not in ("procedures", "allergies"):
        parts.append(f"until {_day_of(fact.end)}")
    text = " ".join(parts)
    if status not in (None, "completed", "active"):
        text += f" ({status})"
    if fact.verification == "provisional":
        text += " (provisional)"
    when: When | None = fact.end or fact.start
    if when is not None and when.is_one_day and status not in ("active", "ongoing", "planned"):
        days = setting.day - when.first_day
        if days > 0:
            text += f", {length_text(days)} before"
    return text


def equivalent_text(record: EventFact, leaf: Event, catalogue: Catalogue) -> str:
    """A record's daily dose as it is added up: ``4 mg/day = 5 mg/day as prednisone (who says so)``."""
    written = record.record
    dose = written.daily_dose if isinstance(written, TreatmentRecord) else None
    if dose is None:
        return "its daily dose is not on file"
    equivalent = tallies.equivalent_of(record, leaf.equivalent, catalogue)
    number = events.milligrams(dose, "mg/d")
    if equivalent is None or number is None:
        return f"{dose.value} {dose.unit}, which cannot be added up"
    worth = with_unit(Magnitude.of(number * equivalent.factor), "mg/day")
    label = event_label("treatments", leaf.equivalent, catalogue)
    return f"{dose.value} {dose.unit} = {worth} as {label} ({equivalent.source})"


_ASPECT_WORDS = {
    "code": "what was recorded is broader than what is asked, or coded where that has no codes",
    "verification": "it is provisional",
    "status": "its status is not on file",
    "date": "its date is not known closely enough",
    "end": "its end is not on file",
    "anchor": "whether it lies in the window depends on a day that is not known",
    "duration": "how long it has lasted is not known closely enough",
    "conflict": "what is on file contradicts itself",
    "exception": "whether the exception applies is open",
    "for": "its indication is not on file or unclear",
}


def event_finding(node: LeafNode, leaf: Event, found: events.Found, setting: Setting) -> tuple[str, str | None]:
    """What an existence leaf found, and the stable name of why it is unknown."""
    label = node.label
    if leaf.tallies and found.matches:
        told = listed([event_text(record, setting) for record, _, _ in found.matches[:4]])
        return (told, None) if found.truth is not UNKNOWN else (f"{told}: what they come to together is open", "tally")
    if found.truth is TRUE:
        sure = [event_text(record, setting) for record, truth, _ in found.matches if truth is TRUE]
        return listed(sure[:3]) or "as supposed", None
    if found.truth is FALSE:
        if any(fact.startswith("complete:") for fact in found.against):
            return f"no {label}: the {leaf.domain} on file are declared complete", None
        if not found.against:
            return f"no {label}: nothing past can lie in the window ({node.window})", None
        return f"no {label}: recorded as absent", None
    if found.matches:
        record, _, aspects = next(((r, t, a) for r, t, a in found.matches if t is UNKNOWN), found.matches[0])
        why = "; ".join(
            _ASPECT_WORDS.get(aspect, f"its {aspect.replace('_', ' ')} is not on file") for aspect in aspects
        )
        return f"{event_text(record, setting)}: {why}", aspects[0] if aspects else "status"
    if leaf.domain in setting.facts.complete:
        return (
            f"{label} not on file, and the declaration that the {leaf.domain} are complete does not cover it",
            "missing",
        )
    return f"{label} not on file, and the {leaf.domain} are not declared complete", "missing"


def age_finding(leaf: Age, setting: Setting) -> tuple[str, str | None]:
    birth = setting.facts.birth
    if birth is None:
        return "the birth date is not on file", "missing"
    anchor = setting.anchor(leaf.anchor)
    if anchor is None:
        return f"the day of {leaf.anchor.replace('_', ' ')} is not on file", "anchor"
    units = {span.unit for span in (leaf.low, leaf.below) if span is not None}
    in_months = bool(units & {"months", "weeks", "days"})
    completed = completed_months if in_months else completed_years
    youngest = oldest = completed(min(birth.last_day, anchor.first_day), anchor.first_day)
    if not (birth.is_one_day and anchor.is_one_day):
        oldest = completed(min(birth.first_day, anchor.last_day), anchor.last_day)
    age = str(oldest) if youngest == oldest else f"{youngest} to {oldest}"
    return f"Age {age}{' months' if in_months else ''}, required {leaf.text}", "date" if youngest != oldest else None


def sex_finding(leaf: Sex, setting: Setting) -> tuple[str, str | None]:
    sex = setting.facts.sex
    return ("the sex is not on file", "missing") if sex is None else (f"{sex}, required {leaf.sex}", None)


def answer_finding(leaf: Answer, found_truth: Truth, facts: Facts, trial: str, words: str) -> tuple[str, str | None]:
    answer = facts.answers.get(f"{trial}:{leaf.question}", facts.answers.get(leaf.question))
    if answer is None:
        return f"not answered yet: {words}", "missing"
    said = {True: "yes", False: "no"}.get(answer, str(answer)) if isinstance(answer, bool) else answer
    if found_truth is UNKNOWN:
        return f"answered “{said}”, which is none of the answers to: {words}", "answer"
    return f"answered {said}: {words}", None
