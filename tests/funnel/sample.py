"""Funnels to draw: counted from statuses as the format says, so that they add up, and one that means harm."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

CRITERIA = [
    ("I1", "inclusion", "Aged 18 to 65 years.", "birth_date", 0.3, 0.02),
    ("I2", "inclusion", "Creatinine at most 1.5 × ULN.", "observation:creatinine#reference_range", 0.1, 0.3),
    ("E1", "exclusion", "Hepatitis B or C.", "condition:hepatitis-B|hepatitis-C", 0.02, 0.5),
    ("E2", "exclusion", "Not able to comply.", "answer:able-to-comply", 0.0, 0.9),
]


def protocol(variant: str | None, complete: bool, cohorts: list[tuple[str | None, str | None]], off: str = "") -> Any:
    """One protocol's counts over 2,000 made-up candidates."""
    made = []
    best = Counter[str]()
    verdicts_of: list[list[str]] = []
    for place, (name, title) in enumerate(cohorts):
        rng = Random(place)
        kept = [each for each in CRITERIA if each[0] != off]
        rows = []
        for _ in range(2_000):
            drawn = {each[0]: (rng.random(), each[4], each[5]) for each in CRITERIA}
            rows.append({
                key: "failed" if dice < bad else "undetermined" if dice < bad + unknown else "met"
                for key, (dice, bad, unknown) in drawn.items() if key != off
            })  # fmt: skip
        verdicts_of.append([
            "ineligible" if "failed" in row.values()
            else "undetermined" if "undetermined" in row.values() or not complete else "eligible"
            for row in rows
        ])  # fmt: skip
        steps = []
        for index, (key, kind, text, fact, _, _) in enumerate(kept):
            sofar = [each[0] for each in kept[: index + 1]]
            number = Counter(row[key] for row in rows)
            steps.append({
                "id": key, "kind": kind, "text": text, **{s: number[s] for s in ("met", "failed", "undetermined")},
                "excludes": sum(row[key] == "failed" and not _any(row, sofar[:-1]) for row in rows),
                "remaining": sum(not _any(row, sofar) for row in rows),
                "remaining_met": sum(all(row[each] == "met" for each in sofar) for row in rows),
                "alone_excludes": sum(row[key] == "failed" and list(row.values()).count("failed") == 1 for row in rows),
                "alone_undetermined": sum(
                    row[key] == "undetermined" and list(row.values()).count("met") == len(row) - 1 for row in rows
                ),
                "missing": [{"fact": fact, "candidates": number["undetermined"], "alone": number["undetermined"] // 2}],
            })  # fmt: skip
        counted = Counter(verdicts_of[-1])
        made.append({"cohort": name, "title": title, "verdicts": _all(counted), "criteria": steps})
    for verdicts in zip(*verdicts_of, strict=True):
        best[min(verdicts, key=["eligible", "undetermined", "ineligible"].index)] += 1
    return {"variant": variant, "verdicts": _all(best), "cohorts": made}


def _any(row: dict[str, str], keys: list[str]) -> bool:
    return any(row[key] == "failed" for key in keys)


def _all(counted: Counter[str]) -> dict[str, int]:
    return {verdict: counted[verdict] for verdict in ("eligible", "undetermined", "ineligible")}


def funnel(**changes: Any) -> dict[str, Any]:
    """Two trials: one without cohorts and with what-if variants, one of incomplete source with two cohorts."""
    one: list[tuple[str | None, str | None]] = [(None, None)]
    first = {
        "trial": "NCT00000001", "title": "A trial", "rules_sha256": "a" * 64, "complete": True, "gaps": [],
        "protocols": [protocol(None, True, one), protocol("I1=off", True, one, "I1"),
                      protocol("E2=off", True, one, "E2")],
    }  # fmt: skip
    second = {
        "trial": "NCT00000002", "title": "A trial in two arms", "rules_sha256": "b" * 64, "complete": False,
        "gaps": ["the list breaks off"],
        "protocols": [protocol(None, False, [("A", "adults"), ("B", None)])],
    }  # fmt: skip
    return {
        "schema": "prescreen/funnel/1", "screening_date": "2026-06-01", "candidates": 2_000,
        "catalogue_sha256": "c" * 64, "ranges_sha256": "d" * 64, "issues": 3, "trials": [first, second], **changes,
    }  # fmt: skip


HARM = '<script>alert(1)</script>\x1b[31m[red]\u202e"><img src=x>'


def hostile() -> dict[str, Any]:
    """A funnel whose texts would act, if they could."""
    made = funnel()
    trial = {**made["trials"][0], "trial": HARM, "title": HARM, "gaps": [HARM], "complete": False}
    written = {**trial["protocols"][0], "variant": None}
    cohort = {**written["cohorts"][0], "cohort": HARM, "title": HARM}
    step = {**cohort["criteria"][0], "id": HARM, "text": HARM}
    step["missing"] = [{"fact": HARM, "candidates": 1, "alone": 1}]
    harmful = {**written, "cohorts": [{**cohort, "criteria": [step]}]}
    trial["protocols"] = [harmful, {**harmful, "variant": HARM}]
    return {**made, "screening_date": HARM, "trials": [trial]}


def nobody() -> dict[str, Any]:
    """A funnel of no candidates."""
    one: dict[str, Any] = protocol(None, True, [(None, None)])
    for step in one["cohorts"][0]["criteria"]:
        step.update({name: 0 for name, value in step.items() if isinstance(value, int)}, missing=[])
    none = _all(Counter())
    one = {**one, "verdicts": none, "cohorts": [{**one["cohorts"][0], "verdicts": none}]}
    trial = {**funnel()["trials"][0], "protocols": [one]}
    return funnel(candidates=0, issues=0, ranges_sha256=None, trials=[trial])
