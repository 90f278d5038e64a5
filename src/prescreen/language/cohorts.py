"""Bounds that differ by cohort: ``per_cohort: {A: {at_most: 10 %}, B: {below: 6.5 %}}``.

A criterion in which they stand is read once for each of its cohorts, as if it had been written for that one alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from prescreen.language.names import Names
from prescreen.language.source import Fields, shown
from prescreen.yamlio import Node

KEY = "per_cohort"


def for_cohort(names: Names, fields: Fields, known: Collection[str]) -> Fields | None:
    """The fields of a mapping, `per_cohort` replaced by what it gives to the cohort that is being read.

    known: the keys that may stand there.
    """
    node, source = fields.get(KEY), names.source
    if node is None:
        return fields
    key = fields.keys[KEY]
    if not names.cohorts:
        source.refuse(key, "unknown-cohort", "the trial declares no cohorts", "declare them under `cohorts`")
        return None
    if node.kind != "map":
        source.refuse(node, "wrong-type", f"`{KEY}` is a mapping from cohorts to bounds")
        return None
    given = {cohort.text: value for cohort, value in node.pairs()}
    wrong = [cohort for cohort, _ in node.pairs() if source.lookup(cohort, "cohort", names.cohorts, "cohorts") is None]
    if wrong:
        return None
    if names.cohort not in given:
        source.refuse(key, "missing-key", f"`{KEY}` says nothing of the cohort `{shown(names.cohort or '')}`")
        return None
    own = source.fields(given[names.cohort], f"`{KEY}`", known)
    if own is None:
        return None
    for twice in own.values.keys() & fields.values.keys():
        message = f"`{twice}` stands here and for all cohorts"
        source.refuse(own.keys[twice], "wrong-comparison", message, "write it in one place")
        return None
    values = {name: value for name, value in fields.values.items() if name != KEY} | own.values
    return Fields(fields.node, values, {**fields.keys, **own.keys}, fields.misspelt or own.misspelt)


def differs(node: Node, definitions: Mapping[str, Node]) -> bool:
    """Whether a condition, or a definition that it uses, has bounds by cohort."""
    pending, seen = [node], set[str]()
    while pending:
        part = pending.pop()
        pending.extend(part.items() if part.kind == "list" else ())
        for key, value in part.pairs() if part.kind == "map" else ():
            if key.text == KEY:
                return True
            pending.append(value)
            if key.text == "use" and value.kind == "scalar" and value.text in definitions and value.text not in seen:
                seen.add(value.text)
                pending.append(definitions[value.text])
    return False
