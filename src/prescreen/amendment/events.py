"""Differences between two leaves about conditions, treatments, procedures or allergies."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from prescreen.amendment.bounds import Found, bound_changes, of_amounts, of_counts
from prescreen.amendment.meaning import meaning, window_key
from prescreen.amendment.words import TURNED, Effect, Told, at, listed, phrase, span_change, window_change
from prescreen.language.model import AllOf, Condition, Event, Not, Operator, Trial
from prescreen.language.wording import event_label
from prescreen.time import Span

_SHOWN: Final = 3  # codes that a leaf is called by


def event_differences(
    old: Event, new: Event, before: Trial, after: Trial, lasting: str = "must last at least"
) -> list[Told]:
    """Codes, window and every option. lasting: what `for_at_least` is called."""
    found: list[Found] = []
    found += _codes(old, new, before, after)
    if window_key(old.window) != window_key(new.window):
        found.append(window_change(old.window, new.window))
    if old.by_start != new.by_start:
        words = (
            "the window is now that of its beginning" if new.by_start else "the window no longer asks for its beginning"
        )
        found.append((words, "stronger" if new.by_start else "weaker"))
    found += _words("status", old.statuses, new.statuses)
    found += _words("certainty", old.verification, new.verification)
    for name, was, now in (
        ("severity", old.severity, new.severity),
        ("site", old.site, new.site),
        ("confirmation", old.confirmed_by, new.confirmed_by),
        ("route", old.route, new.route),
        ("outcome", old.outcome, new.outcome),
        ("indication", _labels(old, before), _labels(new, after)),
    ):
        found += _optional(name, frozenset(was), frozenset(now))
    if old.for_at_least != new.for_at_least or old.at != new.at:
        longer: Effect = "weaker" if new.changed else "stronger"
        if old.for_at_least != new.for_at_least:
            word = "begun, ended or changed less than" if new.changed else lasting
            found.append(span_change(word, old.for_at_least, new.for_at_least, longer))
        if old.at != new.at:
            found.append((f"counted {at(new.at)} instead of {at(old.at)}", "unclear"))
    found += bound_changes(of_amounts(old.dose), of_amounts(new.dose), "limit of the dose")
    found += bound_changes(of_amounts(old.daily_dose), of_amounts(new.daily_dose), "limit of the daily dose")
    if old.equivalent != new.equivalent:
        word = event_label("treatments", new.equivalent, after.catalogue) if new.equivalent else ""
        found.append((f"daily doses added up as {word}" if word else "daily doses no longer added up", "unclear"))
    found += _durations(old, new)
    found += _exceptions(old, new, before, after)
    found = _of_tally(found, old, new)
    found += bound_changes(of_counts(old.count), of_counts(new.count), "number of these")
    found += bound_changes(of_counts(old.lines), of_counts(new.lines), "number of lines")
    name = called(replace(new, codes=tuple(code for code in new.codes if code in old.codes)), after)
    return [Told(name, words, effect) for words, effect in found]


def called(event: Event, trial: Trial) -> str:
    """How a leaf is called: by its first codes."""
    labels = [event_label(event.domain, code, trial.catalogue) for code in event.codes]
    rest = len(labels) - _SHOWN
    shown = labels if rest <= 1 else [*labels[:_SHOWN], f"{rest} more"]
    return ("allergy to " if event.domain == "allergies" else "") + listed(shown, "and" if rest > 1 else "or")


def stable(condition: Condition) -> Event | None:
    """The leaf that `stable_for` was written on, where a condition is such a one."""
    match condition:
        case AllOf((Event() as event, Not(Event(changed=True) as change))) if event.for_at_least == change.for_at_least:
            return event
    return None


def _codes(old: Event, new: Event, before: Trial, after: Trial) -> list[Found]:
    found: list[Found] = []
    for word, codes, trial, effect in (
        ("now also counts", [code for code in new.codes if code not in old.codes], after, "weaker"),
        ("no longer counts", [code for code in old.codes if code not in new.codes], before, "stronger"),
    ):
        if codes:
            labels = listed(event_label(old.domain, code, trial.catalogue) for code in codes)
            found.append((f"{word}: {labels}", "weaker" if effect == "weaker" else "stronger"))
    return found


def _labels(event: Event, trial: Trial) -> list[str]:
    return [event_label("conditions", code, trial.catalogue) for code in event.indication]


def _words(name: str, old: Collection[str], new: Collection[str]) -> list[Found]:
    """Words of which one must hold."""
    gained, lost = sorted(set(new) - set(old)), sorted(set(old) - set(new))
    found: list[Found] = []
    if gained:
        found.append((f"{name}: now also {listed(gained, 'or')}", "weaker"))
    if lost:
        found.append((f"{name}: no longer {listed(lost, 'or')}", "stronger"))
    return found


def _optional(name: str, old: frozenset[str], new: frozenset[str]) -> list[Found]:
    """The same where no word at all asks for nothing."""
    if bool(old) == bool(new):
        return _words(name, old, new)
    if new:
        return [(f"{name}: now only {listed(sorted(new), 'or')}", "stronger")]
    return [(f"{name}: no longer only {listed(sorted(old), 'or')}", "weaker")]


def _durations(old: Event, new: Event) -> list[Found]:
    found: list[Found] = []
    for operator, longer in _LONGER.items():
        was, now = (_bound(event, operator) for event in (old, new))
        if was == now:
            continue
        name = f"duration {operator.replace('_', ' ')}"
        if was is None or now is None:
            found.append((f"now also {name} {now}", "stronger") if now else (f"no longer {name} {was}", "weaker"))
        else:
            found.append(span_change(name, was, now, longer))
    return found


_LONGER: Final[dict[Operator, Effect]] = {
    "at_least": "stronger",
    "above": "stronger",
    "at_most": "weaker",
    "below": "weaker",
}


def _bound(event: Event, operator: Operator) -> Span | None:
    return next((span for each, span in event.duration if each == operator), None)


def _exceptions(old: Event, new: Event, before: Trial, after: Trial) -> list[Found]:
    """Records that do not count."""
    was, now = ({meaning(event): event for event in each.excepted} for each in (old, new))
    found: list[Found] = []
    for word, events, trial, effect in (
        ("exception added", [now[key] for key in now if key not in was], after, "stronger"),
        ("exception removed", [was[key] for key in was if key not in now], before, "weaker"),
    ):
        found += [
            (f"{word}: {_excepted(event, trial)}", "stronger" if effect == "stronger" else "weaker") for event in events
        ]
    return found


_UNUSUAL: Final = frozenset({"confirmed", "provisional"})


def _excepted(event: Event, trial: Trial) -> str:
    """An exception in words; that any certainty counts goes without saying there."""
    usual = replace(event, verification=frozenset({"confirmed"})) if event.verification == _UNUSUAL else event
    return phrase(usual, trial)


def _of_tally(found: list[Found], old: Event, new: Event) -> list[Found]:
    """What lets more records count helps a lower bound on their number, and hinders an upper one."""
    if not (old.tallies or new.tallies):
        return found
    upper = {
        operator in ("at_most", "below")
        for event in (old, new)
        for operator, _ in (
            *event.count,
            *event.lines,
            *((a.operator, 0) for a in event.daily_dose if event.equivalent),
        )
    }
    if upper == {False}:
        return found
    if upper == {True} and not (old.equivalent or new.equivalent):
        return [(words, TURNED[effect]) for words, effect in found]
    return [(words, "same" if effect == "same" else "unclear") for words, effect in found]
