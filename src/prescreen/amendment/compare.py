"""Two versions of a trial, compared: criterion by criterion, and what lies outside the criteria."""

from __future__ import annotations

from collections.abc import Iterable

from prescreen.amendment.conditions import condition_differences
from prescreen.amendment.matching import base, matched, moved
from prescreen.amendment.meaning import meaning, required, subjects
from prescreen.amendment.model import (
    DIRECTIONS,
    Amendment,
    Change,
    CriterionChange,
    Difference,
    Direction,
    Rewording,
    Version,
    together,
)
from prescreen.amendment.shared import changed_codes, trial_changes
from prescreen.amendment.words import listed, phrase
from prescreen.language.model import Criterion, Trial

_FORMAL = frozenset({"renumbered", "moved", "writing", "source"})
"""Changes of a criterion that leave its meaning as it was."""


def compare(old: Trial, new: Trial) -> Amendment:
    """What changed from one version of a trial to another, in words, with the direction of each change as far as its
    form tells. Whose status it changes is for `prescreen.amendment.witnesses` to find."""
    found = matched(old.criteria, new.criteria)
    elsewhere = moved(found.pairs, old.criteria)
    codes = changed_codes(old, new)
    changes: list[CriterionChange] = []
    position = {criterion.id: index for index, criterion in enumerate(new.criteria)}
    for before, after in found.pairs:
        change = _changed(before, after, old, new, codes, after.id in elsewhere)
        if change is not None:
            changes.append(change)
    changes += [_added(criterion, new) for criterion in found.added]
    changes.sort(key=lambda change: position[change.new or ""])
    changes = _with_removed(changes, [_removed(criterion, old) for criterion in found.removed], old, new, found.pairs)
    outside = trial_changes(old, new, found, codes)
    counts: dict[Direction, int] = {
        direction: sum(change.direction == direction for change in changes) for direction in DIRECTIONS
    }
    return Amendment(
        old=_version(old),
        new=_version(new),
        same_meaning=not outside and all(_FORMAL.issuperset(change.what) for change in changes),
        counts={direction: number for direction, number in counts.items() if number},
        trial=tuple(outside),
        criteria=tuple(changes),
        cases=sum(before.cases != after.cases for before, after in found.pairs),
    )


def _version(trial: Trial) -> Version:
    return Version(trial.id, trial.title, trial.file, trial.sha256, len(trial.criteria))


def _with_removed(
    changes: list[CriterionChange],
    removed: Iterable[CriterionChange],
    old: Trial,
    new: Trial,
    pairs: Iterable[tuple[Criterion, Criterion]],
) -> list[CriterionChange]:
    """The changes in the new order, what was removed behind what stood before it."""
    becomes = {before.id: after.id for before, after in pairs}
    place = {criterion.id: float(index) for index, criterion in enumerate(new.criteria)}
    last = -1.0
    removed_places: dict[str, float] = {}
    for number, criterion in enumerate(old.criteria):
        if criterion.id in becomes:
            last = place[becomes[criterion.id]]
        else:
            removed_places[criterion.id] = last + 0.5 + number / 1e6

    def order(change: CriterionChange) -> float:
        return place[change.new] if change.new else removed_places[change.old or ""]

    return sorted([*changes, *removed], key=order)


def _added(criterion: Criterion, trial: Trial) -> CriterionChange:
    words = f"new {criterion.kind} criterion: {phrase(criterion.condition, trial)}"
    return CriterionChange(
        old=None,
        new=criterion.id,
        kind=criterion.kind,
        what=("added",),
        direction="stricter",
        differences=(Difference(words, "stricter"),),
        text=Rewording(None, criterion.text),
        reading=Rewording(None, criterion.reading) if criterion.reading else None,
    )


def _removed(criterion: Criterion, trial: Trial) -> CriterionChange:
    words = f"{criterion.kind} criterion removed: {phrase(criterion.condition, trial)}"
    return CriterionChange(
        old=criterion.id,
        new=None,
        kind=criterion.kind,
        what=("removed",),
        direction="looser",
        differences=(Difference(words, "looser"),),
        text=Rewording(criterion.text, None),
        reading=Rewording(criterion.reading, None) if criterion.reading else None,
    )


def _changed(
    before: Criterion, after: Criterion, old: Trial, new: Trial, codes: dict[str, str], moved_about: bool
) -> CriterionChange | None:
    """What changed in a criterion; None where nothing did."""
    what: list[Change] = []
    differences: list[Difference] = []
    if base(before.id) != base(after.id):
        what.append("renumbered")
    if moved_about:
        what.append("moved")
    if before.kind != after.kind:
        what.append("kind")
        differences += _turned(before, after, old, new)
    else:
        found = condition_differences(
            before.condition, after.condition, old, new, 1 if after.kind == "inclusion" else -1
        )
        differences += found
    differences += _recoded(after, codes)
    if any(difference.direction != "none" for difference in differences) and before.kind == after.kind:
        what.append("condition")
    elif before.kind == after.kind and before.condition != after.condition:
        what.append("writing")
        if not differences:
            differences.append(Difference("written otherwise, with the same meaning", "none"))
    cohorts = _cohorts(before, after, old, new)
    if cohorts:
        what.append("cohorts")
        differences += cohorts
    if before.text != after.text:
        what.append("text")
    if before.reading != after.reading:
        what.append("reading")
    if (before.section, before.item) != (after.section, after.item):
        what.append("source")
    if not what:
        return None
    return CriterionChange(
        old=before.id,
        new=after.id,
        kind=after.kind,
        what=tuple(what),
        direction=together({difference.direction for difference in differences}),
        differences=tuple(differences),
        text=Rewording(before.text, after.text) if before.text != after.text else None,
        reading=Rewording(before.reading, after.reading) if before.reading != after.reading else None,
    )


def _turned(before: Criterion, after: Criterion, old: Trial, new: Trial) -> list[Difference]:
    """An inclusion criterion that became an exclusion criterion, or the other way round."""
    words = f"{before.kind} criterion became {after.kind} criterion"
    if meaning(required(before)) == meaning(required(after)):
        return [Difference(f"{words}: what a candidate must meet is the same", "none")]
    if meaning(before.condition) == meaning(after.condition):
        contrary = "what was required now keeps out" if before.kind == "inclusion" else "what kept out is now required"
        return [Difference(f"{words}: {contrary}", "both")]
    return [Difference(words, "none"), *condition_differences(required(before), required(after), old, new, 1)]


def _recoded(criterion: Criterion, codes: dict[str, str]) -> list[Difference]:
    """Codes of the criterion that mean something else in the catalogue of the new version."""
    used = [name for name in subjects(criterion.condition) if name in codes]
    return [Difference(codes[name], "unclear", f"catalogue:{name.partition(':')[2]}") for name in used]


def _cohorts(before: Criterion, after: Criterion, old: Trial, new: Trial) -> list[Difference]:
    """Cohorts that the criterion is now asked of, and those that it no longer is; cohorts of one version only aside."""
    if ("@" in before.id) != ("@" in after.id):
        return []  # cohorts told apart, or no longer
    both = {cohort.id for cohort in old.cohorts} & {cohort.id for cohort in new.cohorts}
    was, now = (
        {cohort for cohort in (criterion.cohorts or [each.id for each in trial.cohorts]) if cohort in both}
        for criterion, trial in ((before, old), (after, new))
    )
    gained, lost = sorted(now - was), sorted(was - now)
    found = [Difference(f"now also asked of cohort {listed(gained)}", "stricter")] if gained else []
    return found + ([Difference(f"no longer asked of cohort {listed(lost)}", "looser")] if lost else [])
