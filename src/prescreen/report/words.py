"""The words in which every renderer says the same thing, and the cleaning of text that came from elsewhere.

Text, Markdown and HTML differ in looks only. What a status is called, how criteria are grouped, how a margin or a
fact is put into words, is decided here once.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice
from typing import Final

from prescreen.report.model import CriterionReport, Evidence, Explanation, NextFact, Report, Status, Verdict

MARK: Final[dict[str, str]] = {
    "failed": "✗",
    "undetermined": "?",
    "met": "✓",
    "ineligible": "✗",
    "eligible": "✓",
}
"""The mark of a status or verdict. It always stands beside the word or in place of it: never colour alone."""

LEGEND: Final = "In the trees ✓ is true, ✗ false, ? unknown; of an exclusion, true means that it applies."

ORDER: Final[tuple[Status, ...]] = ("failed", "undetermined", "met")
"""What a reader needs first: what stands in the way, what is open, what is settled."""

MEANING: Final[dict[Verdict, str]] = {
    "eligible": "Meets every criterion on file. This is a pre-screen, not an enrolment.",
    "ineligible": "At least one criterion is failed.",
    "undetermined": "No criterion is failed, but the verdict is open.",
}

LONGEST: Final = 2_000
"""Characters of one text that are shown; what is left out is counted."""

_SLACK: Final = 100  # so that what was cut, and says so, is not cut again
_MOST_COMBINING = 4  # marks on one letter: enough for every script, too few to paint over the line above
_COMBINING = frozenset({"Mn", "Me"})
_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_SPACES = re.compile("[ \t\r\n\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]+")


def clean(text: str) -> str:
    r"""Text that can be shown anywhere: one line, of bounded length, with nothing in it that acts.

    Blanks of any kind and line ends become one space. Characters that steer a terminal or the direction of the text
    (controls, bidirectional and zero-width marks, lone surrogates, unassigned ones) are written as escapes,
    ``\u202e``, so that a reader sees that they are there.
    """
    text = _SPACES.sub(" ", text).strip(" ")
    if len(text) <= LONGEST and text.isascii() and text.isprintable():
        return text
    pieces = list(islice(_shown(text), LONGEST + _SLACK + 1))  # one for each character
    if sum(map(len, pieces)) <= LONGEST + _SLACK:
        return "".join(pieces)
    kept = sum(1 for length in accumulate(map(len, pieces)) if length <= LONGEST)
    return f"{''.join(pieces[:kept])} … ({len(text) - kept} more characters)"


def _shown(text: str) -> Iterator[str]:
    combining = 0
    for character in text:
        category = unicodedata.category(character)
        combining = combining + 1 if category in _COMBINING else 0
        if category in _ESCAPED or combining > _MOST_COMBINING:
            code = ord(character)
            yield f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
        else:
            yield character


def grouped(report: Report) -> list[tuple[Status, list[CriterionReport]]]:
    """The criteria by status, failed first, in the protocol's order within each; statuses that nobody has left out."""
    groups = [(status, [c for c in report.criteria if c.status == status]) for status in ORDER]
    return [(status, criteria) for status, criteria in groups if criteria]


def counts(report: Report) -> str:
    """ "1 failed, 2 undetermined, 20 met"; what there is none of is left out."""
    said = [f"{report.counts.get(status, 0)} {status}" for status in ORDER if report.counts.get(status, 0)]
    return ", ".join(said) or "no criteria"


def meaning(report: Report) -> str:
    """What the verdict says, in a sentence."""
    if report.verdict == "undetermined" and not report.source_complete and not report.counts.get("undetermined", 0):
        return "Meets every criterion on file, but the rule file's source is incomplete."
    return MEANING[report.verdict]


def gaps(report: Report) -> str | None:
    """What is missing from the rule file's source and what that means; None where it is complete."""
    if report.source_complete:
        return None
    named = "; ".join(clean(gap) for gap in report.source_gaps) or "the rule file does not say what is missing"
    return f"{named}. Nobody can be reported eligible."


def effect(criterion: CriterionReport) -> str:
    """What the status says of the candidate: an exclusion that is met is one that does not apply."""
    match criterion.kind, criterion.status:
        case kind, "undetermined":
            return f"{kind} is open"
        case "inclusion", status:
            return "inclusion is fulfilled" if status == "met" else "inclusion is not fulfilled"
        case _, status:
            return "exclusion does not apply" if status == "met" else "exclusion applies"


def truth_word(truth: bool | None) -> str:
    return "unknown" if truth is None else "true" if truth else "false"


def truth_mark(truth: bool | None) -> str:
    return "?" if truth is None else "✓" if truth else "✗"


def doubts(criterion: CriterionReport) -> list[str]:
    """What a reviewer should know about how a status was reached."""
    said = []
    if criterion.conflict:
        said.append("records conflict")
    if not criterion.exact:
        said.append("sound, not proven exact")
    return said


def turn(criterion: CriterionReport) -> str | None:
    """ "met from 2026-06-30": what the criterion becomes with the same profile, and when."""
    if criterion.turns_on is None:
        return None
    return f"{criterion.turns_to or 'another status'} from {clean(criterion.turns_on)}"


def turns(report: Report) -> list[tuple[str, str, list[str]]]:
    """The days on which statuses turn, soonest first: (day, new status, ids of the criteria)."""
    days: dict[tuple[str, str], list[str]] = {}
    for criterion in report.criteria:
        if criterion.turns_on is not None:
            days.setdefault((criterion.turns_on, criterion.turns_to or "another status"), []).append(criterion.id)
    return [(day, status, ids) for (day, status), ids in sorted(days.items())]


def rescreen(report: Report) -> str | None:
    return None if report.rescreen_on is None else f"Re-screen on {clean(report.rescreen_on)}"


def cohort_verdicts(report: Report) -> list[tuple[str, Verdict]]:
    """The verdict of each arm; none where the trial has one arm only."""
    return list(report.cohorts.items()) if len(report.cohorts) > 1 else []


def origin(criterion: CriterionReport) -> str | None:
    """Where the criterion stands in the source: "inclusion 3.1"."""
    return " ".join(clean(part) for part in (criterion.section, criterion.item) if part) or None


def cohorts_of(criterion: CriterionReport) -> str | None:
    return f"cohort {', '.join(clean(c) for c in criterion.cohorts)} only" if criterion.cohorts else None


def nodes(explanation: Explanation) -> Iterator[tuple[int, str | None, Explanation]]:
    """The tree, top down: (depth, part that the node plays in its parent, node). Deep trees need no deep stack."""
    stack: list[tuple[int, str | None, Explanation]] = [(0, None, explanation)]
    while stack:
        depth, part, node = stack.pop()
        yield depth, part, node
        stack.extend((depth + 1, _part(node, i), child) for i, child in reversed(list(enumerate(node.children))))


def _part(parent: Explanation, index: int) -> str | None:
    match parent.node:
        case "if":
            return ("if", "then", "else")[index] if index < 3 else None
        case "unless":
            return ("", "unless")[index] or None if index < 2 else None
        case _:
            return None


def node_facts(node: Explanation) -> Iterator[tuple[str, str]]:
    """How a leaf was compared: (name, words) for each thing that is known of it."""
    if node.threshold is not None:
        yield "threshold", clean(node.threshold)
    if node.limit is not None:
        yield "limit", clean(node.limit)
    if node.margin is not None:
        yield "margin", margin_words(node.margin)
    if node.reason is not None and node.finding is None:  # a finding says it better
        yield "reason", clean(node.reason).replace("_", " ").replace("-", " ")


def margin_words(margin: float) -> str:
    """ "23 % below the threshold"; from ten times on, the multiple of the threshold is plainer."""
    if not math.isfinite(margin):
        return "not measurable"
    if margin == 0:
        return "exactly at the threshold"
    side = "above" if margin > 0 else "below"
    size = abs(margin) * 100
    if margin >= 9:
        return f"{margin + 1:.3g} times the threshold"
    return f"{size:.0f} % {side} the threshold" if size >= 1 else f"{size:.1g} % {side} the threshold"


_ROLE: Final[dict[str, str]] = {
    "decides": "decides",
    "considered": "looked at, does not decide",
    "conflicts": "conflicts with another record",
    "outside": "outside the window",
    "unusable": "cannot be used",
}


def dated(evidence: Evidence) -> str | None:
    """The date as written; "undated" for a record without one, None for what has no date (sex, an answer)."""
    if evidence.date is not None:
        return clean(evidence.date)
    return "undated" if "[" in evidence.record else None


def role(evidence: Evidence) -> str:
    return _ROLE.get(evidence.role) or clean(evidence.role)


_KINDS: Final[dict[str, str]] = {
    "anchor": "the day of {}",
    "complete": "whether the list of {} is complete",
    "answer": "an answer to {}",
    "condition": "the condition {}",
    "treatment": "the treatment {}",
    "procedure": "the procedure {}",
    "allergy": "an allergy to {}",
}
_PARTS: Final[dict[str, str]] = {"reference_range": "reference range", "detection_limit": "detection limit"}


def fact_words(fact: str) -> str:
    """A fact's name in words: ``observation:ALT#reference_range`` is "ALT, its reference range"."""
    whole, _, part = fact.partition("#")
    kind, colon, name = whole.partition(":")
    words = _KINDS.get(kind, "{}").replace("{}", name) if colon and name else whole.replace("_", " ")
    if part:
        words += f", its {_PARTS.get(part, part.replace('_', ' '))}"
    return clean(words)


def asked(report: Report) -> dict[str, tuple[str, str]]:
    """For each fact that can be asked for: whom to ask, and the question."""
    questions = {next_.fact: (next_.ask, next_.question) for next_ in report.next_facts if len(next_.facts) < 2}
    questions.update((missing.fact, (missing.ask, missing.question)) for missing in report.questions)
    return questions


def wanted(next_fact: NextFact) -> str:
    """The fact, or the set of facts, that is wanted: "HBsAg with HBcAb"."""
    return " with ".join(fact_words(fact) for fact in next_fact.facts or (next_fact.fact,))


def settles(next_fact: NextFact) -> str:
    said = f"settles {', '.join(clean(c) for c in next_fact.settles)}" if next_fact.settles else "helps"
    return f"{said}; could decide the verdict" if next_fact.decides else said


def failed_ids(report: Report) -> list[str]:
    return [clean(criterion.id) for criterion in report.criteria if criterion.status == "failed"]


def trials(reports: Sequence[Report]) -> list[str]:
    """The trials that the reports are about, each once, in order."""
    return list(dict.fromkeys(report.trial for report in reports))


def tally(reports: Iterable[Report]) -> dict[Verdict, int]:
    """How many candidates have each verdict, the hopeful first."""
    found: dict[Verdict, int] = {"eligible": 0, "undetermined": 0, "ineligible": 0}
    for report in reports:
        found[report.verdict] += 1
    return found
