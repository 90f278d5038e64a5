"""What a funnel says, in words and shares: the same in every form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from prescreen.funnel.model import CohortFunnel, Funnel, Protocol, Step, TrialFunnel
from prescreen.report.words import clean
from prescreen.report.words import fact_words as one_fact

VERDICTS: Final = ("eligible", "undetermined", "ineligible")
_SHOWN_FACTS: Final = 12


def number(count: int) -> str:
    """Grouped by thousands: 1,234,567."""
    return f"{count:,}"


def share(count: int, of: int) -> str:
    """A share in per cent, never rounded to none or all: "41.2 %", "< 0.1 %"."""
    if count == 0 or of == 0:
        return "0 %"
    if count == of:
        return "100 %"
    percent = 100 * count / of
    if percent < 0.1:
        return "< 0.1 %"
    return "> 99.9 %" if percent > 99.9 else f"{percent:.1f} %"


def change(count: int, before: int) -> str:
    """How many more or fewer: "+1,200", "−30", "±0"."""
    return "±0" if count == before else f"{'+' if count > before else '−'}{abs(count - before):,}"


def fact_words(fact: str) -> str:
    """A fact's name in words; where any of several codes would do, with "or" between them."""
    return one_fact(fact).replace("|", " or ")


def cohort_name(cohort: CohortFunnel) -> str:
    """ "Cohort A: adults"; empty where the trial has no cohorts."""
    if cohort.cohort is None:
        return ""
    title = f": {clean(cohort.title)}" if cohort.title else ""
    return f"Cohort {clean(cohort.cohort)}{title}"


def variant_name(protocol: Protocol) -> str:
    return "as written" if protocol.variant is None else clean(protocol.variant)


def not_excluded(protocol: Protocol | CohortFunnel) -> int:
    """Who are eligible, or may be."""
    return protocol.verdicts.get("eligible", 0) + protocol.verdicts.get("undetermined", 0)


class Waiting(NamedTuple):
    """A fact that a criterion waits for: of how many candidates, and of how many it is the only one."""

    criterion: str
    fact: str
    candidates: int
    alone: int


def waiting(cohort: CohortFunnel, most: int = _SHOWN_FACTS) -> list[Waiting]:
    """The facts that criteria wait for, first those that would settle most by themselves."""
    found = [
        Waiting(clean(step.id), fact_words(missing.fact), missing.candidates, missing.alone)
        for step in cohort.criteria
        for missing in step.missing
    ]
    return sorted(found, key=lambda each: (-each.alone, -each.candidates))[:most]


def more_waiting(cohort: CohortFunnel) -> str | None:
    """That there are more such facts than `waiting` shows; None where there are not."""
    rest = sum(len(step.missing) for step in cohort.criteria) - _SHOWN_FACTS
    return f"and {number(rest)} more; funnel.json lists them all" if rest > 0 else None


def in_short(trial: TrialFunnel, candidates: int) -> Iterator[str]:
    """What a feasibility meeting asks first, a sentence each."""
    written = trial.protocols[0]
    eligible, open_, out = (written.verdicts.get(verdict, 0) for verdict in VERDICTS)
    if trial.complete:
        yield (
            f"{number(eligible)} of {number(candidates)} meet every criterion on file; {number(open_)} more are not "
            f"excluded, and wait for something that is not known; {number(out)} are excluded."
        )
    else:
        yield (
            f"{number(open_)} of {number(candidates)} are not excluded; {number(out)} are. Nobody can be called "
            f"eligible: the source text is incomplete ({gaps(trial)})."
        )
    for cohort in written.cohorts:
        where = "" if cohort.cohort is None else f"In cohort {clean(cohort.cohort)}, "
        costliest = max(cohort.criteria, key=lambda step: step.alone_excludes, default=None)
        if costliest is not None and costliest.alone_excludes:
            yield (
                f"{where}{clean(costliest.id)} costs most: it alone excludes {number(costliest.alone_excludes)} "
                f"({share(costliest.alone_excludes, candidates)}), who fail nothing else."
            )
        asked = waiting(cohort, 1)
        if asked and asked[0].alone:
            yield (
                f"{where}{asked[0].criterion} waits for {asked[0].fact}, and nothing else, in "
                f"{number(asked[0].alone)} candidate{'' if asked[0].alone == 1 else 's'}."
            )
    best = max(trial.protocols[1:], key=not_excluded, default=None)
    if best is not None and not_excluded(best) > not_excluded(written):
        more = not_excluded(best) - not_excluded(written)
        yield f"With {variant_name(best)}, {number(more)} more {'is' if more == 1 else 'are'} not excluded."


def gaps(trial: TrialFunnel) -> str:
    return "; ".join(clean(gap) for gap in trial.gaps) or "the rule file does not say what is missing"


def provenance(funnel: Funnel, trial: TrialFunnel) -> list[tuple[str, str]]:
    found = [("rules", trial.rules_sha256), ("catalogue", funnel.catalogue_sha256)]
    if funnel.ranges_sha256 is not None:
        found.append(("reference ranges", funnel.ranges_sha256))
    return found


def lost_before(step: Step, candidates: int) -> int:
    """Who were excluded by criteria before this one."""
    return candidates - step.remaining - step.excludes
