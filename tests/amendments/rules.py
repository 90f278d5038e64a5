"""Trials for these tests, written in YAML."""

from __future__ import annotations

from prescreen import load_trial
from prescreen.language import Trial
from prescreen.language.source import plain_data
from prescreen.yamlio import load_yaml

HEAD = """\
schema: prescreen/trial/1
id: T1
title: a trial
results_within: 28 days
anchors: {first_dose: the first dose}
cohorts: [{id: A, title: one arm}, {id: B, title: another arm}]
questions:
  a: {ask: coordinator, text: "A?"}
  b: {ask: coordinator, text: "B?"}
  c: {ask: coordinator, text: "C?"}
  d: {ask: coordinator, text: "D?"}
"""


def trial(criteria: str, head: str = HEAD, definitions: str = "") -> Trial:
    """A trial with these criteria, a YAML list."""
    text = f"{head}{f'definitions: {definitions}' if definitions else ''}\ncriteria: {criteria}\n"
    plain = plain_data(load_yaml(text, "trial.yaml"))
    assert isinstance(plain, dict)
    return load_trial(plain)


def one(condition: str, kind: str = "include_if", **more: str) -> Trial:
    """A trial with one criterion."""
    return trial(f"[{{id: X1, text: one, {kind}: {condition}}}]", **more)
