"""A life of candidates in a session, made up step by step, beside a model of it that knows nothing of sessions.

Facts are drawn on and near the edges of what a trial's leaves ask for. The model keeps plain profiles; after each step
what the session says is held against `statuses` of the model's profile.
"""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from functools import lru_cache
from random import Random
from typing import Any

import pytest

from prescreen import InputRefused, load_candidate, screen, statuses
from prescreen.candidate import Candidate
from prescreen.catalogue import DOMAINS
from prescreen.engine.screen import compiled_trial, findings
from prescreen.language.model import Age, Answer, Coded, Comparison, Event, Observation, Trial, parts_of
from prescreen.ranges import Ranges, load_ranges
from prescreen.session import Change, Session
from prescreen.time import shift_day
from prescreen.truth import FALSE, TRUE, UNKNOWN
from tests.engine.helper import criteria

TODAY = date(2026, 6, 1)
CANDIDATES = ("C-1", "C-2")
LISTS = ("observations", *DOMAINS)
STATUSES = {
    "conditions": ("active", "remission", "resolved"),
    "treatments": ("ongoing", "completed", "planned", "never"),
    "procedures": ("completed", "planned", "not-done"),
}
DATES = {"conditions": ("onset", "abatement"), "treatments": ("start", "end"), "procedures": ("date",), "allergies": ()}

Plain = dict[str, Any]

_SURGERY = {"procedure": "major-surgery", "within": "24 weeks before enrolment"}
_HIGH = {"observation": "ALT", "above": "2 ULN", "within": "28 days"}
TWICE = criteria(
    {"include_if": {"any": [{"answer": "fit"}, {"not": {"answer": "fit"}}]}},
    {"include_if": {"any": [{**_HIGH}, {"observation": "ALT", "at_most": "3 ULN", "within": "28 days"}]}},
    {"exclude_if": {"any": [{"age": {"below": "40 years"}}, {"age": {"at_least": "30 years"}, "on": "enrolment"}]}},
    {"exclude_if": {"all": [_SURGERY, {"not": _SURGERY}]}},
    {"include_if": {"if": _HIGH, "then": {"answer": "carer"}, "else": {"answer": "carer"}}},
    {"include_if": {"any": [{"answer": "stage", "equals": "early"}, {"not": {"answer": "stage", "equals": "late"}}]}},
    id="TWICE",
)
"""A trial that uses its facts twice, which those of `rules/` do where it seldom matters."""


class Vocabulary:
    """What a trial asks for, as records of candidates that are close to it."""

    def __init__(self, trial: Trial, *, several: bool) -> None:
        self.several = several
        leaves = [leaf for criterion in trial.criteria for leaf in parts_of(criterion.condition)]
        for leaf in list(leaves):
            if isinstance(leaf, Observation):
                leaves += parts_of(leaf.without)
            elif isinstance(leaf, Event):
                leaves += leaf.excepted
        self.trial = trial
        self.observations = [leaf for leaf in leaves if isinstance(leaf, Observation)]
        self.events = [leaf for leaf in leaves if isinstance(leaf, Event)]
        self.ages = [leaf for leaf in leaves if isinstance(leaf, Age)]
        self.questions = sorted({leaf.question for leaf in leaves if isinstance(leaf, Answer)})
        windows = [leaf.window for leaf in (*self.observations, *self.events)]
        ends = [end for window in windows for end in (window.start, window.end) if end is not None]
        self.spans = [end.span for end in ends if end.span is not None and end.span.unit != "hours"]
        self.spans += [leaf.for_at_least for leaf in self.events if leaf.for_at_least is not None]

    def day(self, rng: Random, today: date) -> str:
        """A date as people write it, on or near the edge of a window."""
        number = today.toordinal()
        dice = rng.random()
        if self.spans and dice < 0.5:
            number = shift_day(number, rng.choice(self.spans), -1) + rng.choice([-1, 0, 0, 1])
        elif dice < 0.9:
            number -= rng.choice([0, 1, 5, 20, 27, 28, 29, 90, 400])
        else:
            number += rng.choice([1, 5, 30])
        text = date.fromordinal(number).isoformat()
        form = rng.random()
        if form < 0.07:
            return text[:4]
        if form < 0.15:
            return text[:7]
        if form < 0.2:
            return f"{text}T{rng.choice(['08:30', '23:59'])}"
        if form < 0.26:  # as FHIR's periods come in
            later = date.fromordinal(number + rng.choice([0, 1, 3, 30])).isoformat()
            return rng.choice([f"{text}/{later}", f"../{text}", f"{text}/.."])
        return text

    def records(self, rng: Random, today: date) -> dict[str, list[Plain]]:
        """One record in its list."""
        if self.observations and (not self.events or rng.random() < 0.6):
            return {"observations": [self.observation(rng, today)]}
        if not self.events:
            return {}
        leaf = rng.choice(self.events)
        return {leaf.domain: [self.event(leaf, rng, today)]}

    def observation(self, rng: Random, today: date) -> Plain:
        leaf = rng.choice(self.observations)
        concept = self.trial.catalogue.observations[leaf.code]
        code = leaf.code
        if concept.inputs and rng.random() < 0.8:
            code = rng.choice([name for name in concept.inputs if name in self.trial.catalogue.observations])
            concept = self.trial.catalogue.observations[code]
        made: Plain = {"code": code}
        if rng.random() < 0.95:
            made["date"] = self.day(rng, today)
        coded = [value for test in leaf.tests if isinstance(test, Coded) for value in test.values]
        values = [*concept.values, *coded] if code == leaf.code else list(concept.values)
        if values and (concept.analyte is None or rng.random() < 0.4):
            made["value"] = rng.choice([*values, *values, "indeterminate"])
            return made
        bounds = [t for test in leaf.tests if isinstance(test, Comparison) for t in test.thresholds]
        number = 5.0
        if bounds and code == leaf.code:
            bound = rng.choice(bounds)
            number = float(bound.number)
            if bound.of is not None:
                limit = rng.choice([1.2, 40, 21])
                number *= limit
                if rng.random() < 0.85:
                    made["reference_range"] = {"low" if bound.of == "LLN" else "high": limit}
        elif concept.low is not None and concept.high is not None:
            number = float(concept.low + concept.high) / rng.choice([2, 3, 6])
        number = round(number * rng.choice([0.5, 0.99, 1, 1, 1.01, 2]), 3)
        form = rng.random()
        made["value"] = (
            number if form < 0.85 else rng.choice([f"<{number}", f">{number}", f"{number}-{number * 2}", None])
        )
        if concept.unit and rng.random() < 0.96:
            made["unit"] = concept.unit
        if rng.random() < 0.05:
            made["verification"] = rng.choice(["provisional", "refuted"])
        return made

    def rival(self, known: Plain, rng: Random) -> dict[str, list[Plain]]:
        """A record that contradicts one on file: another result of the same time, or the same thing refuted."""
        name = rng.choice([name for name in LISTS if known.get(name)])
        other = dict(rng.choice(known[name]))
        other.pop("id", None)
        if name != "observations":
            other["verification"] = "confirmed" if other.get("verification") == "refuted" else "refuted"
        elif isinstance(other.get("value"), int | float):
            other["value"] = round(other["value"] * rng.choice([0.2, 1, 4]), 3)
        else:
            other["value"] = rng.choice(["negative", "positive", None])
        return {name: [other]}

    def event(self, leaf: Event, rng: Random, today: date) -> Plain:
        catalogue = self.trial.catalogue
        code = rng.choice(leaf.codes)
        related = sorted(catalogue.ancestors(leaf.domain, code) | catalogue.descendants(leaf.domain, code))
        if related and rng.random() < 0.3:
            code = rng.choice(related)
        made: Plain = {"code": code}
        if leaf.domain in STATUSES and rng.random() < 0.85:
            made["status"] = rng.choice(STATUSES[leaf.domain])
        dates = [self.day(rng, today) for _ in range(2)]
        for name, text in zip(DATES[leaf.domain], sorted(dates), strict=False):
            if rng.random() < 0.8:
                made[name] = text
        if rng.random() < 0.15:
            made["verification"] = rng.choice(["provisional", "refuted"])
        for name, wanted in (("severity", leaf.severity), ("outcome", leaf.outcome), ("route", leaf.route)):
            if wanted and rng.random() < 0.6:
                made[name] = rng.choice(sorted(wanted))
        return made

    def single(self, rng: Random, today: date) -> Plain:
        """Something of which there is one."""
        choices = ["birth_date", "birth_date", "age", "sex", "complete", "complete", "complete"]
        choices += ["answers"] * (3 if self.questions else 0) + ["anchors"] * (2 if self.trial.anchors else 0)
        match rng.choice(choices):
            case "birth_date":
                spans = [span for leaf in self.ages for span in (leaf.low, leaf.below) if span is not None]
                day = today.toordinal() - 12_000
                if spans:
                    day = min(
                        shift_day(today.toordinal(), rng.choice(spans), -1) + rng.choice([-1, 0, 1, 9]), day + 11_900
                    )
                return {"birth_date": date.fromordinal(day).isoformat()[: rng.choice([4, 7, 10, 10, 10])]}
            case "age":
                return {"age": {"value": rng.choice([17, 18, 30, 64, 65, 66, 80]), "on": self.day(rng, today)}}
            case "sex":
                return {"sex": rng.choice(["female", "male"])}
            case "answers":
                question = rng.choice(self.questions)
                options = self.trial.questions[question].options or (True, False)
                name = question if not self.several and rng.random() < 0.7 else f"{self.trial.id}:{question}"
                return {"answers": {name: rng.choice(list(options))}}
            case "anchors":
                return {"anchors": {rng.choice(sorted(self.trial.anchors)): self.day(rng, today)}}
        domain = rng.choice(DOMAINS)
        through = {"through": self.day(rng, today)}
        coded = {**through, "systems": ["icd-10-cm"]} if rng.random() < 0.5 else {"systems": ["icd-10-cm", "rxnorm"]}
        return {"complete": {domain: rng.choice([True, True, False, through, coded])}}


@lru_cache
def ranges_of(trial: Trial) -> Ranges:
    """A site's table for the analytes of a trial: limits by sex, by age, and newer ones since a day."""
    rows = [
        f"{leaf.code},{who},{low},{high},{unit},{since},{until}"
        for leaf in Vocabulary(trial, several=False).observations
        if (unit := trial.catalogue.observations[leaf.code].unit)
        for who, low, high, since, until in (
            ("female,18,64", 1, 20, "", "2026-05-10"),
            ("female,18,64", 1, 38, "2026-05-11", ""),
            ("male,,", 2, 40, "", ""),
        )
    ]
    rows = list(dict.fromkeys(rows))
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("\n".join(["code,sex,age_from,age_to,low,high,unit,valid_from,valid_to", *rows]) + "\n")
        file.flush()
        return load_ranges(file.name, trial.catalogue)


class Life:
    """A session, the model beside it, and everything that was told."""

    def __init__(self, trials: Sequence[Trial], store: str | None = None, *, ranged: bool = False) -> None:
        """ranged: the site has a table of reference ranges."""
        self.trials = list(trials)
        self.store = store
        self.ranges = {trial.id: ranges_of(trial) for trial in self.trials} if ranged else {}
        self.session = Session(self.trials, store, on=TODAY, ranges=self.ranges)
        self.words = [Vocabulary(trial, several=len(self.trials) > 1) for trial in self.trials]
        self.profiles: dict[str, Plain] = {}
        self.common = TODAY
        self.own: dict[str, date] = {}
        self.sent: list[Plain] = []
        self.kept: list[Plain] = []
        self.steps = 0
        self.told: dict[tuple[str, str, str], str] = {}
        self.first: dict[tuple[str, str], dict[str, str]] = {}
        self.session.listen(self.hear)

    def hear(self, change: Change) -> None:
        if change.criterion is None:
            return
        key = (change.candidate, change.trial, change.criterion)
        before = self.told.get(key) or self.first.get(key[:2], {}).get(change.criterion)
        assert before in (None, change.before)
        assert change.because == self.why(change)
        self.told[key] = change.after

    def why(self, change: Change) -> tuple[str, ...]:
        """Why a criterion is as it is now, from all that is on file."""
        (trial,) = [each for each in self.trials if each.id == change.trial]
        compiled = compiled_trial(trial)
        (criterion,) = [each for each in compiled.criteria if each.criterion.id == change.criterion]
        facts = Candidate(self.session.candidate(change.candidate).profile).facts(trial.catalogue)
        holds = (change.after == "met") is not criterion.excludes
        truth = UNKNOWN if change.after == "undetermined" else TRUE if holds else FALSE
        return findings(criterion, truth, compiled.setting(facts, change.day, self.ranges.get(trial.id)), trial)

    def asked(self, trial: Trial, question: str) -> str:
        """A question with its trial, as the session has it on file."""
        return question if ":" in question else f"{trial.id}:{question}"

    def day_of(self, candidate: str) -> date:
        return self.own.get(candidate, self.common)

    def send(self, event: Plain) -> None:
        event = {"event": f"e-{len(self.sent)}", **event}
        self.sent.append(event)
        assert not self.session.apply(event, named=True).repeated
        self.kept.append(event)

    def step(self, kind: str, rng: Random) -> None:
        """One step of a kind, drawn from `rng`."""
        self.steps += 1
        candidate = rng.choice(CANDIDATES)
        known = self.profiles.get(candidate)
        if known is None or kind == "add":
            self._add(candidate, rng)
        else:
            getattr(self, f"_{kind}")(candidate, known, rng)
        self.check(candidate)

    def _add(self, candidate: str, rng: Random) -> None:
        words = rng.choice(self.words)
        today = self.day_of(candidate)
        facts: Plain = {}
        known = self.profiles.get(candidate, {})
        for _ in range(rng.choice([1, 1, 2, 4, 12])):
            rivalled = rng.random() < 0.15 and any(known.get(name) for name in LISTS)
            made = words.rival(known, rng) if rivalled else words.records(rng, today)
            for name, records in made.items():
                record = dict(records[0])
                if rng.random() < 0.85:
                    record["id"] = f"r-{len(self.sent)}-{sum(map(len, facts.values()))}"
                facts.setdefault(name, []).append(record)
        if not facts or (candidate not in self.profiles and rng.random() < 0.7):
            facts |= words.single(rng, today)
        if words.questions and rng.random() < 0.3:
            asked = [name for name in words.questions if rng.random() < 0.5]
            facts["answers"] = {self.asked(words.trial, name): rng.random() < 0.5 for name in asked}
        with suppress(InputRefused):  # end before start, and the like: told, and nothing of it counts
            self.first_of(candidate)
            self.send({"candidate": candidate, "add": facts})
            self.put(candidate, facts, self.sent[-1]["event"])

    def _correct(self, candidate: str, known: Plain, rng: Random) -> None:
        named = [(name, record) for name in LISTS for record in known.get(name, []) if "id" in record]
        if not named:
            return self._add(candidate, rng)
        name, record = rng.choice(named)
        words = rng.choice(self.words)
        again = next(
            (made[name][0] for _ in range(9) if name in (made := words.records(rng, self.day_of(candidate)))), {}
        )
        again = {**record, **again} if rng.random() < 0.5 else {**(again or record), "id": record["id"]}
        again["id"] = record["id"]
        with suppress(InputRefused):
            self.send({"candidate": candidate, "add": {name: [again]}})
            self.put(candidate, {name: [again]})
        return None

    def _withdraw(self, candidate: str, known: Plain, rng: Random) -> None:
        named = [record["id"] for name in LISTS for record in known.get(name, []) if "id" in record]
        if not named:
            return self._set(candidate, known, rng)
        gone = rng.sample(named, rng.randint(1, min(3, len(named))))
        self.send({"candidate": candidate, "remove": gone})
        for name in LISTS:
            known[name] = [record for record in known.get(name, []) if record.get("id") not in gone]
        return None

    def _set(self, candidate: str, known: Plain, rng: Random) -> None:
        facts = rng.choice(self.words).single(rng, self.day_of(candidate))
        if rng.random() < 0.3:
            key = next(iter(facts))
            facts = {key: None if not isinstance(facts[key], dict) else dict.fromkeys(facts[key])}
        with suppress(InputRefused):
            self.send({"candidate": candidate, "set": facts})
            self.put(candidate, facts)

    def _day_all(self, candidate: str, known: Plain, rng: Random) -> None:
        self.common = self._moved(self.common, rng)
        self.own.clear()
        self.send({"on": self.common.isoformat()})

    def _day_one(self, candidate: str, known: Plain, rng: Random) -> None:
        day = self._moved(self.day_of(candidate), rng)
        with suppress(InputRefused):  # before the birth
            self.send({"candidate": candidate, "on": day.isoformat()})
            self.own[candidate] = day

    def _moved(self, day: date, rng: Random) -> date:
        spans = rng.choice(self.words).spans
        number = day.toordinal()
        if spans and rng.random() < 0.3:
            number = shift_day(number, rng.choice(spans), rng.choice([1, 1, -1])) + rng.choice([-1, 0, 1])
        else:
            number += rng.choice([1, 1, 2, 7, 28, 29, 30, -1, -7, 365])
        low, high = TODAY.toordinal() - 1_000, TODAY.toordinal() + 4_000
        return date.fromordinal(max(low, min(high, number)))

    def _kill(self, candidate: str, known: Plain, rng: Random) -> None:
        for process in self.session.processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def _forget(self, candidate: str, known: Plain, rng: Random) -> None:
        """Every dossier has to be made of its events again."""
        self.session._keeper.forget()

    def _replay(self, candidate: str, known: Plain, rng: Random) -> None:
        if self.kept:
            outcome = self.session.apply(rng.choice(self.kept), named=True)
            assert outcome.repeated
            assert not outcome.changes

    def _wrong(self, candidate: str, known: Plain, rng: Random) -> None:
        """Something right beside something wrong: nothing of it counts."""
        facts = rng.choice(self.words).single(rng, self.day_of(candidate))
        wrong = rng.choice([{"add": {"observatons": []}}, {"remove": ["nobody"]}, {"on": "2026-02-30"}])
        with pytest.raises(InputRefused):
            self.session.apply({"event": f"wrong-{self.steps}", "candidate": candidate, "set": facts, **wrong})

    def _reopen(self, candidate: str, known: Plain, rng: Random) -> None:
        if self.store is not None:
            self.session.close()
            self.session = Session(self.trials, self.store, on=TODAY, ranges=self.ranges)
            assert tuple(self.session.pending()) == ()
            self.session.listen(self.hear)

    def first_of(self, candidate: str) -> None:
        """What is said of somebody of whom nothing is known yet, on the day of the first event."""
        for trial in self.trials:
            if candidate not in self.profiles:
                empty = statuses(trial, {"id": candidate}, on=self.day_of(candidate), ranges=self.ranges.get(trial.id))
                self.first[candidate, trial.id] = dict(empty)

    def put(self, candidate: str, facts: Plain, event: str = "") -> None:
        """What the model has of an event; a record without an id is called after it."""
        profile = self.profiles.setdefault(candidate, {"id": candidate})
        for key, value in facts.items():
            if key in LISTS:
                records = profile.setdefault(key, [])
                for number, given in enumerate(value):
                    record = {"id": f"{event}/{key}[{number}]", **given}
                    places = [n for n, each in enumerate(records) if "id" in record and each.get("id") == record["id"]]
                    if places:
                        records[places[0]] = record
                    else:
                        records.append(record)
            elif value is None:
                profile.pop(key, None)
            elif isinstance(value, dict) and key in ("answers", "anchors", "complete"):
                if key == "answers":
                    value = {self.asked(self.trials[0], name): answer for name, answer in value.items()}
                merged = {**profile.get(key, {}), **value}
                profile[key] = {name: inner for name, inner in merged.items() if inner is not None}
            else:
                profile[key] = value

    def check(self, candidate: str, *, whole: bool = False) -> None:
        """The session says of a candidate what a screening of the model's profile says."""
        profile = self.profiles.get(candidate)
        if profile is None:
            return
        day = self.day_of(candidate)
        assert self.session.day_of(candidate) == day
        for trial in self.trials:
            try:
                known = load_candidate(profile, catalogue=trial.catalogue)
                expected = statuses(trial, known, on=day, ranges=self.ranges.get(trial.id))
            except InputRefused:
                return  # born after the day: no screening either
            found = self.session.statuses(candidate, trial.id)
            assert found == expected, (trial.id, day, profile, _differing(found, expected))
            for criterion, status in found.items():
                told = self.told.get((candidate, trial.id, criterion))
                assert status == (told or self.first[candidate, trial.id][criterion]), (criterion, told, status)
            if whole:
                report = screen(trial, profile, on=day, ranges=self.ranges.get(trial.id))
                assert self.session.report(candidate, trial.id) == report

    def end(self, *, whole: bool = False) -> None:
        for candidate in CANDIDATES:
            self.check(candidate, whole=whole)
        self.session.close()


def _differing(found: dict[str, Any], expected: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (found[name], expected[name]) for name in expected if found[name] != expected[name]}


KINDS = ("add",) * 6 + ("correct",) * 4 + (
    "withdraw", "withdraw", "set", "set", "set", "day_all", "day_all", "day_one", "kill", "replay", "reopen", "wrong",
    "forget", "forget"
)  # fmt: skip
