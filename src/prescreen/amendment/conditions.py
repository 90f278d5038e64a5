"""Differences between two conditions, found by walking both trees at once.

Parts that mean the same are passed over, parts that speak of the same are compared with each other, what is left over
was added or removed. Words are of the condition; what they mean for candidates follows from where the part stands:
under an exclusion or a `not` the direction is turned round.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, product

from prescreen.amendment.events import event_differences, stable
from prescreen.amendment.leaves import age_differences, answer_differences, observation_differences, sex_differences
from prescreen.amendment.meaning import Keys, meaning, plain
from prescreen.amendment.model import Difference
from prescreen.amendment.words import Effect, Sign, Told, direction, listed, phrase
from prescreen.language.model import (
    Age,
    AllOf,
    Answer,
    AnyOf,
    AtLeastOf,
    Condition,
    Event,
    If,
    Not,
    Observation,
    Sex,
    Trial,
    Unless,
    Use,
)

_ALIKE = 0.15  # the least likeness of two parts of which one can have become the other
_Group = AllOf | AnyOf | AtLeastOf


def condition_differences(
    old: Condition, new: Condition, before: Trial, after: Trial, sign: Sign
) -> tuple[Difference, ...]:
    """Every difference between two conditions. sign: 1 where it helps a candidate if the condition holds, -1 where that
    keeps out."""
    found = _merged(_walk(old, new, _Place(before, after, sign, Keys())))
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where two parts stand. cause: the definition in which they do."""

    before: Trial
    after: Trial
    sign: Sign
    keys: Keys
    cause: str | None = None

    def turned(self) -> _Place:
        return replace(self, sign=-1 if self.sign == 1 else 1 if self.sign == -1 else 0)

    def open(self) -> _Place:
        return replace(self, sign=0)


_Found = tuple[Told, "_Place"]


def _merged(found: Iterator[_Found]) -> Iterator[Difference]:
    """Neighbours of which the same is said are said at once: ``ALT, AST and ALP: limit raised …``."""

    def same(item: _Found) -> tuple[object, ...]:
        told, place = item
        return (bool(told.subject), told.words, told.effect, place.sign, told.cause or place.cause)

    # leaves of one `every_of` may each have several differences: order by what is said, as first said
    each = list(found)
    first = {same(item): position for position, item in reversed(list(enumerate(each)))}
    each.sort(key=lambda item: first[same(item)])
    for _, items in groupby(each, same):
        told = list(items)
        (one, place) = told[0]
        names = listed(dict.fromkeys(item.subject for item, _ in told if item.subject))
        yield Difference(
            f"{names}: {one.words}" if names else one.words, direction(one.effect, place.sign), one.cause or place.cause
        )


def _walk(old: Condition, new: Condition, place: _Place) -> Iterator[_Found]:
    """The differences of two parts; of parts that mean the same, only how they are written."""
    found = _compared(old, new, place)
    if place.keys.same(old, new):
        found = (item for item in found if item[0].effect == "same")
    yield from found


def _compared(old: Condition, new: Condition, place: _Place) -> Iterator[_Found]:
    match old, new:
        case (Use(name=name, child=was), Use(name=also, child=now)) if name == also:
            yield from _walk(was, now, replace(place, cause=f"definition:{name}"))
        case (Use(child=was), _) if not isinstance(new, _Group):
            yield from _walk(was, new, place)
        case (_, Use(child=now)) if not isinstance(old, _Group):
            yield from _walk(old, now, place)
        case (Not(was), Not(now)):
            yield from _walk(was, now, place.turned())
        case (Unless(was, exception, saves), Unless(now, other, also)) if saves == also:
            yield from _walk(was, now, place)
            yield from _walk(exception, other, place if saves else place.turned())
        case (_, Unless(now, exception, saves)) if not isinstance(old, Unless):
            yield from _walk(old, now, place)
            told = Told("", f"exception added: {phrase(exception, place.after)}", "weaker" if saves else "stronger")
            yield told, place
        case (Unless(was, exception, saves), _) if not isinstance(new, Unless):
            yield from _walk(was, new, place)
            told = Told("", f"exception removed: {phrase(exception, place.before)}", "stronger" if saves else "weaker")
            yield told, place
        case (If(), If()):
            yield from _branches(old, new, place)
        case (Not(child), _) | (_, Not(child)) if isinstance(child, _Group | Unless | If):
            yield from _walk(plain(old), plain(new), place)
        case _ if (first := stable(old)) and (second := stable(new)):
            yield from ((told, place) for told in _stability(first, second, place))
        case _ if isinstance(old, _Group) or isinstance(new, _Group):
            yield from _groups(old, new, place)
        case _ if _comparable(old, new):
            yield from _leaves(old, new, place)
        case _:
            yield from _others(old, new, place)


def _comparable(old: Condition, new: Condition) -> bool:
    """Whether two leaves ask about the same thing, so that their options can be compared."""
    match old, new:
        case (Observation(code=code), Observation(code=other)):
            return code == other
        case (Event(), Event()):
            return old.domain == new.domain and old.changed == new.changed and bool(set(old.codes) & set(new.codes))
        case (Answer(question), Answer(other)):
            return question == other
        case (Age(), Age()) | (Sex(), Sex()):
            return True
    return False


def _stability(old: Event, new: Event, place: _Place) -> Iterator[Told]:
    """What must be stable. Of further drugs one more may be stable, and one more may have changed."""
    found = event_differences(old, new, place.before, place.after, "must be stable for")
    other = set(old.codes) != set(new.codes)
    yield from (replace(told, effect="unclear") if other and told.effect != "same" else told for told in found)


def _leaves(old: Condition, new: Condition, place: _Place) -> Iterator[_Found]:
    match old, new:
        case (Observation(), Observation()):
            told = observation_differences(old, new, place.before, place.after)
        case (Event(), Event()):
            told = event_differences(old, new, place.before, place.after)
        case (Age(), Age()):
            told = age_differences(old, new)
        case (Sex(), Sex()):
            told = sex_differences(old, new)
        case (Answer(), Answer()):
            told = answer_differences(old, new)
        case _:
            told = []
    if not told and not place.keys.same(old, new):
        told = [_replaced(old, new, place)]
    yield from ((each, place) for each in told)


def _replaced(old: Condition, new: Condition, place: _Place) -> Told:
    if place.keys.meaning(old) == meaning(Not(new)):
        return Told("", f"turned into the contrary: {phrase(new, place.after)}", "unclear")
    return Told("", f"now {phrase(new, place.after)} instead of {phrase(old, place.before)}", "unclear")


def _branches(old: If, new: If, place: _Place) -> Iterator[_Found]:
    asked = phrase(new.condition, place.after, inner=True)
    yield from _said(_walk(old.condition, new.condition, place.open()), "in who belongs to the subgroup")
    yield from _said(_walk(old.then, new.then, place), f"where {asked}")
    was, now = old.otherwise, new.otherwise
    if was and now:
        yield from _said(_walk(was, now, place), f"where not {asked}")
    elif now:
        yield Told("", f"now also asked of the others: {phrase(now, place.after)}", "stronger"), place
    elif was:
        yield Told("", f"no longer asked of the others: {phrase(was, place.before)}", "weaker"), place


def _said(found: Iterator[_Found], where: str) -> Iterator[_Found]:
    for told, place in found:
        yield replace(told, words=f"{told.words} ({where})"), place


def _others(old: Condition, new: Condition, place: _Place) -> Iterator[_Found]:
    """Parts of different kinds: a subgroup that was made or given up, a `not` that came or went, another thing."""
    match old, new:
        case (_, If(asked, then, None)) if place.keys.likeness(old, then) >= _ALIKE:
            yield Told("", f"now asked only where {phrase(asked, place.after)}", "weaker"), place
            yield from _walk(old, then, place)
        case (If(asked, then, None), _) if place.keys.likeness(then, new) >= _ALIKE:
            yield Told("", f"no longer asked only where {phrase(asked, place.before)}", "stronger"), place
            yield from _walk(then, new, place)
        case (_, If(asked, then, otherwise)) if (
            otherwise and max(place.keys.likeness(old, each) for each in (then, otherwise)) >= _ALIKE
        ):
            yield Told("", f"now differs by subgroup: {phrase(new, place.after)}", "unclear"), place
        case (If(), _):
            yield Told("", f"no longer differs by subgroup: {phrase(new, place.after)}", "unclear"), place
        case _ if _comparable(was := plain(old), now := plain(new)):
            yield from _walk(was, now, place)
        case _:
            yield _replaced(old, new, place), place


def _groups(old: Condition, new: Condition, place: _Place) -> Iterator[_Found]:
    """`all`, `any`, `at_least_of`; a condition that stands alone is a group of one."""
    was, now = _parts(old), _parts(new)
    pairs, removed, added = _aligned(was, now, place.keys)
    if not pairs:
        yield _replaced(old, new, place), place
        return
    needed, more, fewer = _needed(old, new)
    if needed is None or _count(old, was) != _count(new, now):
        yield from ((told, place) for told in _regrouped(old, new, was, now, place))
    for before, after in pairs:
        yield from _walk(before, after, place)
    needed = isinstance(new, AllOf) if needed is None else needed
    for part in removed:
        yield Told("", f"no longer {'needed' if needed else 'counts'}: {phrase(part, place.before)}", fewer), place
    for part in added:
        yield Told("", f"now also {'needed' if needed else 'counts'}: {phrase(part, place.after)}", more), place


def _needed(old: Condition, new: Condition) -> tuple[bool | None, Effect, Effect]:
    """Whether all parts must hold in both versions (None: not as before), and what more and fewer parts do."""
    if all(isinstance(group, AllOf) or not isinstance(group, _Group) for group in (old, new)):
        return True, "stronger", "weaker"
    if all(isinstance(group, AnyOf) or not isinstance(group, _Group) for group in (old, new)):
        return False, "weaker", "stronger"
    if isinstance(old, AtLeastOf) and isinstance(new, AtLeastOf):
        return False, "weaker", "stronger"
    if isinstance(old, AnyOf) and isinstance(new, AllOf):
        return None, "stronger", "stronger"
    if isinstance(old, AllOf) and isinstance(new, AnyOf):
        return None, "weaker", "weaker"
    return None, "unclear", "unclear"


def _regrouped(
    old: Condition, new: Condition, was: Sequence[Condition], now: Sequence[Condition], place: _Place
) -> Iterator[Told]:
    """`any` became `all`, 2 of 3 became 3 of 4."""
    if not (isinstance(old, _Group) and isinstance(new, _Group)) or type(old) is type(new) is not AtLeastOf:
        return
    effect: Effect = "unclear"
    count, least = _count(old, was), _count(new, now)
    if (
        len(was) == len(now)
        or type(old) is type(new)
        or (not isinstance(old, AtLeastOf) and not isinstance(new, AtLeastOf))
    ):
        effect = "stronger" if least > count else "weaker"
    about = listed(phrase(part, place.after, inner=True) for part in now)
    yield Told("", f"{_name(old)} became {_name(new)}: {about}", effect)


def _parts(group: Condition) -> list[Condition]:
    """The parts of a group, those of a group of the same kind inside it among them."""
    match group:
        case AllOf(children) | AnyOf(children):
            parts: list[Condition] = []
            for child in children:
                parts += _parts(child) if type(child) is type(group) and stable(child) is None else [child]
            return parts
        case AtLeastOf(children=children):
            return list(children)
    return [group]


def _count(group: Condition, parts: Sequence[Condition]) -> int:
    """How many parts must hold."""
    return 1 if isinstance(group, AnyOf) else group.count if isinstance(group, AtLeastOf) else len(parts)


def _name(group: Condition) -> str:
    match group:
        case AllOf():
            return "`all`"
        case AnyOf():
            return "`any`"
        case AtLeastOf(count, children):
            return f"`at least {count} of {len(children)}`"
    return "one condition"


_Pairs = list[tuple[Condition, Condition]]


def _aligned(
    old: Sequence[Condition], new: Sequence[Condition], keys: Keys
) -> tuple[_Pairs, list[Condition], list[Condition]]:
    """Which parts of two groups belong together, in the new order, and which are left over on either side."""
    chosen: dict[int, int] = {}  # new position -> old position
    alike: dict[Hashable, list[int]] = {}
    for i in range(len(old) - 1, -1, -1):
        alike.setdefault(keys.meaning(old[i]), []).append(i)
    for j, part in enumerate(new):
        if same := alike.get(keys.meaning(part)):
            chosen[j] = same.pop()
    free = set(range(len(old))) - set(chosen.values())
    scores: list[tuple[float, int, int, int]] = []
    for i, j in product(sorted(free), [j for j in range(len(new)) if j not in chosen]):
        kinship = _kinship(old[i], new[j], keys)
        if kinship >= _ALIKE:
            scores.append((-kinship, abs(i - j), i, j))
    for _, _, i, j in sorted(scores):
        if i in free and j not in chosen:
            chosen[j] = i
            free.discard(i)
    pairs = [(old[chosen[j]], new[j]) for j in range(len(new)) if j in chosen]
    return pairs, [old[i] for i in sorted(free)], [new[j] for j in range(len(new)) if j not in chosen]


def _kinship(old: Condition, new: Condition, keys: Keys) -> float:
    """How likely one part has become another: what both speak of, and whether they are of one kind."""
    like = keys.likeness(old, new)
    if not like:
        return 0.0
    return like + (0.3 if type(old) is type(new) else 0.0) + (0.2 if _comparable(old, new) else 0.0)
