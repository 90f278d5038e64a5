"""What was read of a candidate, settled into a profile: what cannot mean what it must becomes what it leaves open."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from prescreen.candidate.checks import problems_of_meaning
from prescreen.candidate.leftopen import NOT_READABLE, UNREADABLE, of_every_observation, open_result
from prescreen.candidate.profile import NOTHING_COMPLETE, Profile
from prescreen.candidate.structure import build_profile
from prescreen.catalogue import DOMAINS
from prescreen.fhir.setting import Setting
from prescreen.problems import InputRefused, Problem

_PLACE: Final = re.compile(r"(\w+)\[(\d+)\]\.?(\w*)")
_ENDS: Final = {"conditions": ("onset", "abatement"), "treatments": ("start", "end")}


def settled(identity: str, setting: Setting) -> Profile:
    """The profile of a candidate. Raises InputRefused only for an id that is none."""
    if setting.codeless:
        paths = [path for _, path in setting.codeless]
        everything = of_every_observation([record for record, _ in setting.codeless], setting.catalogue)
        of_each = len(setting.catalogue.observations)
        for number, record in enumerate(everything):
            setting.add("observations", record, paths[number // of_each])
    data: dict[str, Any] = {
        "id": identity,
        **setting.person,
        **dict(setting.records.items()),
        "complete": NOTHING_COMPLETE,
        "answers": {name: value for name, (value, _) in setting.answers.items()},
    }
    setting.places |= {f"answers.{name}": path for name, (_, path) in setting.answers.items()}
    results: list[Any] = setting.records["observations"]  # those that need no further check are records already
    unchecked: list[Any] = [each if type(each) is dict else None for each in results]
    if problems := problems_of_meaning({**data, "observations": unchecked}, setting.catalogue):
        _leave_open(setting, data, problems)
    profile = build_profile(data)
    if not isinstance(profile, Profile):
        raise InputRefused(profile)
    return profile


def _leave_open(setting: Setting, data: Mapping[str, Any], problems: list[Problem]) -> None:
    """Records that cannot mean what they must become what they leave open (`prescreen.candidate.leftopen`)."""
    wrong: dict[tuple[str, int], dict[str, str]] = {}
    for problem in problems:
        match = _PLACE.match(problem.path or "")
        if match is None:
            continue
        names = (match[3],) if match[3] else _ENDS.get(match[1], ("date",))
        record = data[match[1]][int(match[2])]
        for name in names:
            if name == "value" and str(record["value"]).endswith(NOT_READABLE):
                continue  # a result that decides nothing already
            if name == "code" and record["code"]["system"] == UNREADABLE:
                continue
            wrong.setdefault((match[1], int(match[2])), {}).setdefault(name, problem.message)
    for (place, index), bad in wrong.items():
        path = setting.places[f"{place}[{index}]"]
        why = "; ".join(dict.fromkeys(bad.values()))
        if place == "observations":
            records = setting.records["observations"]
            records[index] = {
                key: value for key, value in open_result(records[index], bad).items() if value is not None
            }
            setting.tell("bad-entry", path, f"{why}; it decides nothing")
            continue
        domain = next(each for each in DOMAINS if each == place)
        record = {"verification": "confirmed", **setting.records[domain][index]}
        found, outcome = setting.open_events.leave_open(domain, record, bad)
        setting.records[domain][index] = found[0]
        for each in found[1:]:
            setting.add(domain, each, path)
        setting.tell("bad-entry", path, f"{why}; {outcome}")
