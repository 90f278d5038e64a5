"""What a run asks: the criteria of its trials, each as one column, and the protocols that are made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prescreen.catalogue import DOMAINS, Catalogue
from prescreen.cohort.vary import Change, changed
from prescreen.cohort.windows import anchors_of
from prescreen.language.model import Criterion, Event, Observation, Sex, Trial, parts_of
from prescreen.problems import InputRefused, Problem


@dataclass(frozen=True, slots=True)
class Column:
    """A criterion that every candidate is held against. trial: that it is of, as written or as varied."""

    trial: Trial
    criterion: Criterion

    @property
    def anchored(self) -> bool:
        """Whether something in it hangs on an anchor other than the screening day."""
        return any(anchors_of(part) for part in parts_of(self.criterion.condition))

    @property
    def supposable(self) -> bool:
        """Whether something in it hangs on such an anchor or on the sex: they are supposed where they are not given."""
        return self.anchored or any(isinstance(part, Sex) for part in parts_of(self.criterion.condition))


@dataclass(frozen=True, slots=True)
class Protocol:
    """A trial as written (variant None) or varied. columns: the criteria, in order, by their places in the plan."""

    trial: Trial
    variant: str | None
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """columns: those as written come first, trial by trial. concepts, domains: what they look at."""

    trials: tuple[Trial, ...]
    catalogue: Catalogue
    columns: tuple[Column, ...]
    protocols: tuple[Protocol, ...]
    concepts: tuple[str, ...]
    domains: tuple[str, ...]

    @property
    def written(self) -> tuple[Protocol, ...]:
        """The protocols as written, one for each trial."""
        return tuple(protocol for protocol in self.protocols if protocol.variant is None)

    @property
    def bare(self) -> bool:
        """Whether answers that name no trial count: only where there is one trial."""
        return len(self.trials) == 1


def make_plan(trials: Sequence[Trial], changes: Sequence[Sequence[Change]] = ()) -> Plan:
    """The plan of a run. changes: for each further protocol, what it changes. Raises InputRefused."""
    _unlike(trials)
    columns: list[Column] = []
    protocols: list[Protocol] = []
    for trial in trials:
        first = len(columns)
        columns += [Column(trial, criterion) for criterion in trial.criteria]
        protocols.append(Protocol(trial, None, tuple(range(first, len(columns)))))
    for written in tuple(protocols):
        for some in changes:
            mine = [change for change in some if change.concerns(written.trial)]
            if not mine:
                continue
            varied = changed(written.trial, mine)
            kept: list[int] = []
            for criterion in varied.criteria:
                same = [place for place in written.columns if columns[place].criterion is criterion]
                if not same:
                    columns.append(Column(varied, criterion))
                kept.append(same[0] if same else len(columns) - 1)
            protocols.append(Protocol(varied, "; ".join(change.text for change in mine), tuple(kept)))
    concepts, domains = looked_at(columns)
    catalogue = trials[0].catalogue
    return Plan(tuple(trials), catalogue, tuple(columns), tuple(protocols), concepts, domains)


def _unlike(trials: Sequence[Trial]) -> None:
    """Refuse trials that give one code two meanings, and one trial twice."""
    problems = [
        Problem("trial-twice", f"the trial {trial.id} is given twice", trial.file)
        for place, trial in enumerate(trials)
        if any(other.id == trial.id for other in trials[:place])
    ]
    first = trials[0].catalogue
    for trial in trials[1:]:
        other = trial.catalogue
        shared = {n: c for n, c in first.observations.items() if c.expression is None}
        own = {n: c for n, c in other.observations.items() if c.expression is None}
        if other.events != first.events or own != shared:
            message = f"{trial.id} and {trials[0].id} have different catalogues beside them"
            problems.append(Problem("catalogues", message, trial.file, hint="screen them in runs of their own"))
    if problems:
        raise InputRefused(problems)


def looked_at(columns: Sequence[Column]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The observations, inputs of derived ones included, and the kinds of events."""
    concepts: dict[str, None] = {}
    domains: set[str] = set()
    for column in columns:
        observations = column.trial.catalogue.observations
        for part in parts_of(column.criterion.condition):
            match part:
                case Observation(code=code, without=without):
                    concepts |= dict.fromkeys((code, *observations[code].inputs))
                    domains |= {event.domain for event in parts_of(without) if isinstance(event, Event)}
                case Event(domain=domain):
                    domains.add(domain)
                case _:
                    pass
    return tuple(concepts), tuple(domain for domain in DOMAINS if domain in domains)
