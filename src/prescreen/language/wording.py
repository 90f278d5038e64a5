"""Conditions in words: a short requirement for every node of the tree, as reports show it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from prescreen.catalogue import Catalogue
from prescreen.language.events import STATUSES, statuses_of
from prescreen.language.model import (
    ANY_WINDOW,
    SCREENING,
    Age,
    AllOf,
    Answer,
    AnyOf,
    AtLeastOf,
    Condition,
    Domain,
    Event,
    If,
    Moment,
    Not,
    Observation,
    Question,
    Select,
    Sex,
    Unless,
    Use,
    Window,
)


def describe(
    condition: Condition,
    catalogue: Catalogue,
    questions: Mapping[str, Question],
    results_within: Window = ANY_WINDOW,
) -> str:
    """What a condition asks for, in a short phrase: ``ALT at most 3 × ULN``, ``all of``, ``aged 18 to 65 years``.

    Logic is a heading for its parts (``at least 2 of``), which are described each by itself. results_within: the
    trial's own window of results, which goes without saying.
    """

    def words(part: Condition) -> str:
        return describe(part, catalogue, questions, results_within)

    match condition:
        case AllOf():
            return "all of"
        case AnyOf():
            return "any of"
        case AtLeastOf(count=count):
            return f"at least {count} of"
        case Not(child=Event() as event):
            return f"no {_event(event, catalogue, _USUAL)}"
        case Not(child=child):
            return f"not: {words(child)}"
        case If(condition=asked, then=then, otherwise=otherwise):
            rest = f", otherwise {words(otherwise)}" if otherwise else ""
            return f"if {words(asked)}, then {words(then)}{rest}"
        case Use(name=name):
            return _readable(name)
        case Unless(child=child, exception=exception):
            return f"{words(child)}, unless {words(exception)}"
        case Age(text=text, anchor=anchor):
            return f"aged {text}" + (f" at {_readable(anchor)}" if anchor != SCREENING else "")
        case Sex(sex=sex):
            return sex
        case Observation(code=code, text=text, window=window, select=select, without=without):
            when = "" if window == results_within else window_words(window) or "at any time"
            # Where a rule file says `within: 1 month` there, it is counted from the sample.
            spoiled = f"(not after {words(without).replace('before screening', 'before it')})" if without else ""
            return _joined([observation_label(code, catalogue), text, _select(select), when, spoiled])
        case Event():
            return _event(condition, catalogue, _USUAL)
        case Answer(question=question, equals=equals):
            answer = ("yes" if equals else "no") if isinstance(equals, bool) else equals
            asked_text = questions[question].text.strip() if question in questions else _readable(question)
            return f"“{asked_text}” answered {answer}"


def observation_label(code: str, catalogue: Catalogue) -> str:
    """How people call an observation: an abbreviation by its name (ALT, HBV DNA), else by the catalogue's label."""
    if code != code.lower():
        return _KIND_OF_TEST.sub(" ", code)
    concept = catalogue.observation(code)
    return concept.label if concept else _readable(code)


def event_label(domain: Domain, code: str, catalogue: Catalogue) -> str:
    """How people call a condition, treatment, procedure or substance."""
    concept = catalogue.event(domain, code)
    return concept.label if concept else _readable(code)


def leaf_label(leaf: Observation | Event, catalogue: Catalogue) -> str:
    """What people call what a leaf looks for; of many codes the first three."""
    if isinstance(leaf, Observation):
        return observation_label(leaf.code, catalogue)
    label = _listed((event_label(leaf.domain, code, catalogue) for code in leaf.codes[:3]), "and")
    return f"change of {label}" if leaf.changed else label


def window_words(window: Window) -> str:
    """``within 24 weeks before screening``; nothing for any time."""
    match window:
        case Window(start=None, end=None):
            return ""
        case Window(start=None, end=Moment() as end):
            return f"{'before ' if end.span is None else 'until '}{_moment(end)}"
        case Window(start=Moment() as start, end=None):
            return f"{'after ' if start.span is None else 'from '}{_moment(start)}"
        case Window(start=Moment(anchor=a, span=None), end=Moment(anchor=b, span=span)) if a == b and span:
            return f"within {span} after {_readable(a)}"
        case Window(start=Moment(anchor=a, span=span), end=Moment(anchor=b, span=None)) if a == b and span:
            return f"within {span} before {_readable(a)}"
        case Window(start=Moment() as start, end=Moment() as end):
            return f"from {_moment(start)} to {_moment(end)}"
    return window.text


_USUAL = frozenset({"confirmed"})
_ANY_CERTAINTY = frozenset({"confirmed", "provisional"})


def _event(event: Event, catalogue: Catalogue, usual: frozenset[str]) -> str:
    """An event with the options that are not the default. usual: the certainty that goes without saying."""
    sort = "allergy to " if event.domain == "allergies" else ""
    parts = [
        _listed(sorted(event.severity), "or"),
        sort + _listed((event_label(event.domain, code, catalogue) for code in event.codes), "or"),
        f"({status})" if (status := _statuses(event)) else "",
        f"({_listed(sorted(event.verification), 'or')})" if event.verification != usual else "",
    ]
    for before, words in (
        ("of the", event.site),
        ("confirmed by", event.confirmed_by),
        ("for", [event_label("conditions", code, catalogue) for code in event.indication]),
        ("given", event.route),
        ("with outcome", event.outcome),
    ):
        if words:
            parts.append(f"{before} {_listed(sorted(words), 'or')}")
    parts += [f"{amount.operator.replace('_', ' ')} {amount.text}" for amount in (*event.dose, *event.daily_dose)]
    if event.equivalent:
        parts.append(f"as {event_label('treatments', event.equivalent, catalogue)}, added up")
    parts += [f"({operator.replace('_', ' ')} {number} of these)" for operator, number in event.count]
    parts += [f"({operator.replace('_', ' ')} {number} lines)" for operator, number in event.lines]
    parts += [f"lasting {operator.replace('_', ' ')} {span}" for operator, span in event.duration]
    if event.changed:
        parts.append(f"begun, ended or changed less than {event.for_at_least} before {_readable(event.at)}")
    elif event.for_at_least:
        parts.append(f"for at least {event.for_at_least}")
        parts.append(f"at {_readable(event.at)}" if event.at != SCREENING else "")
    parts.append(f"{'begun ' if event.by_start else ''}{window_words(event.window)}")
    if event.excepted:
        exceptions = (_event(exception, catalogue, _ANY_CERTAINTY) for exception in event.excepted)
        parts.append(f"except {_listed(exceptions, 'and')}")
    return _joined(parts)


def _statuses(event: Event) -> str:
    """The statuses that count, where they are neither the default nor all of them."""
    every = frozenset(STATUSES[event.domain])
    if not event.statuses or event.statuses in (statuses_of(event.domain, "ever"), every):
        return ""
    named = (status for status in STATUSES[event.domain] if status in event.statuses)
    return _listed(("in remission" if status == "remission" else status for status in named), "or")


def _select(select: Select) -> str:
    match select.how:
        case "latest":
            return ""
        case "consecutive":
            apart = f" at least {select.apart} apart" if select.apart else ""
            return f"in {select.count} consecutive results{apart}"
        case "mean_of":
            return f"as the mean of the latest {select.count} results"
        case "any" | "every":
            return f"in {select.how} result"
    return f"by the {select.how} result"


def _moment(moment: Moment) -> str:
    if moment.span is None:
        return _readable(moment.anchor)
    return f"{moment.span} {'before' if moment.sign < 0 else 'after'} {_readable(moment.anchor)}"


_KIND_OF_TEST = re.compile(r"-(?=(?:DNA|RNA|Ab)$)")


def _readable(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")


def _listed(words: Iterable[str], last: str) -> str:
    """``a, b or c``; "" for nothing."""
    every = list(words)
    return every[0] if len(every) == 1 else f"{', '.join(every[:-1])} {last} {every[-1]}" if every else ""


def _joined(parts: Iterable[str]) -> str:
    return " ".join(part for part in parts if part)
