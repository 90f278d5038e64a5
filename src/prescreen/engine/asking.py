"""Whom to ask for a missing fact, and what."""

from __future__ import annotations

from typing import Final

from prescreen.candidate.facts import DOMAIN_OF
from prescreen.language.model import Trial
from prescreen.language.wording import event_label, observation_label
from prescreen.report.model import Missing

_ASPECT_QUESTIONS: Final = {
    "reference_range": "Which reference range (upper and lower limit of normal) belongs to {label}?",
    "detection_limit": "What is the lower limit of detection of {label}?",
    "unit": "In which unit was {label} reported?",
    "date": "On which day was {label}?",
    "end": "When did {label} end?",
    "status": "What is the status of {label}?",
    "verification": "Is {label} confirmed?",
    "code": "What exactly was recorded as {label}, and is it one of those asked for?",
    "conflict": "Which of the contradicting records of {label} is right?",
    "exception": "Does the exception apply to {label}?",
}


def ask(fact: str, trial: Trial) -> Missing:
    """A missing fact with whom to ask and what."""
    kind, _, rest = fact.partition(":")
    name, _, aspect = rest.partition("#")
    catalogue = trial.catalogue
    if kind == "answer":
        question = trial.questions[rest]
        return Missing(fact, question.ask, question.text.strip())
    if kind == "anchor":
        return Missing(fact, "coordinator", f"On which day is or was {trial.anchors.get(rest, rest)}?")
    if kind == "complete":
        return Missing(fact, "coordinator", f"Are all {rest} of the candidate on file, and up to which day?")
    if kind == "birth_date":
        return Missing(fact, "candidate", "What is the full date of birth?")
    if kind == "sex":
        return Missing(fact, "candidate", "What is the sex for clinical use?")
    if kind == "observation":
        concept = catalogue.observations[name]
        label, who, words = observation_label(name, catalogue), concept.ask, concept.question
    else:
        domain = DOMAIN_OF[kind]
        event = catalogue.events[domain][name]
        label, who, words = event_label(domain, name, catalogue), event.ask, event.question
    if aspect:
        words = _ASPECT_QUESTIONS.get(aspect, f"What is the {aspect.replace('_', ' ')} of {{label}}?").format(
            label=label
        )
    return Missing(fact, who, words)
