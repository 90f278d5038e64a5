"""Which criterion of the old version is which of the new one: by id, by text, by what it asks."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from prescreen.amendment.meaning import likeness, meaning, required, subjects
from prescreen.language.model import Criterion

_SAME: Final = 0.55  # likeness from which two criteria of different ids are one
_OTHER: Final = 0.12  # likeness under which two criteria of one id are two
_ID: Final = 0.4  # what the same id adds to likeness
_KIND: Final = 0.05
_MOST: Final = 100_000  # pairs that are looked at; of more, those of one id or one meaning
_ALIKE: Final = 10  # criteria of one meaning among so many


@dataclass(frozen=True, slots=True)
class Matched:
    """pairs: criteria that belong together, in the new order. removed, added: those without a partner."""

    pairs: tuple[tuple[Criterion, Criterion], ...]
    removed: tuple[Criterion, ...]
    added: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True)
class _Traits:
    words: Counter[str]
    subjects: Counter[str]
    meaning: Hashable


def matched(old: Sequence[Criterion], new: Sequence[Criterion]) -> Matched:
    """The criteria of two versions, each with at most one of the other; those of one id that cohorts have split
    (`I4@A`, `I4@B`) are each compared with the one that they come from or become."""
    olds, news = ([_traits(criterion) for criterion in criteria] for criteria in (old, new))
    scores: list[tuple[float, int, int, int]] = []
    for i, j in _candidates(old, new, olds, news):
        like = _like(olds[i], news[j])
        same_id = old[i].id == new[j].id
        if like >= _SAME or (same_id and like >= _OTHER):
            score = like + _ID * same_id + _KIND * (old[i].kind == new[j].kind)
            scores.append((-score, abs(i - j), i, j))
    partner: dict[int, int] = {}  # new -> old
    taken: set[int] = set()
    for _, _, i, j in sorted(scores):
        if i not in taken and j not in partner:
            partner[j] = i
            taken.add(i)
    for j, other in enumerate(new):  # cohorts now told apart, or no longer
        if j in partner:
            continue
        split = (i for i, one in enumerate(old) if base(one.id) == base(other.id) and one.id != other.id)
        for i in split:
            if "@" not in old[i].id or ("@" not in other.id and i not in taken):
                partner[j] = i
                taken.add(i)
                break
    pairs: list[tuple[Criterion, Criterion]] = []
    for j, other in enumerate(new):
        if j in partner:
            pairs.append((old[partner[j]], other))
        if "@" not in other.id:
            several = [i for i, one in enumerate(old) if i not in taken and "@" in one.id and base(one.id) == other.id]
            taken.update(several)
            pairs += [(old[i], other) for i in several]
    removed = tuple(old[i] for i in range(len(old)) if i not in taken)
    return Matched(tuple(pairs), removed, tuple(new[j] for j in range(len(new)) if j not in partner))


def _candidates(
    old: Sequence[Criterion], new: Sequence[Criterion], olds: Sequence[_Traits], news: Sequence[_Traits]
) -> Iterator[tuple[int, int]]:
    """The pairs that may belong together: each with each, but where nothing changed or where that would be too many."""
    place = {criterion.id: j for j, criterion in enumerate(new)}
    by_id = {i: place[criterion.id] for i, criterion in enumerate(old) if criterion.id in place}
    settled = {i: j for i, j in by_id.items() if olds[i] == news[j]}
    yield from settled.items()
    rest = [i for i in range(len(old)) if i not in settled]
    others = sorted(set(range(len(new))) - set(settled.values()))
    if len(rest) * len(others) <= _MOST:
        yield from product(rest, others)
        return
    alike: dict[Hashable, list[int]] = {}
    for j in others:
        alike.setdefault(news[j].meaning, []).append(j)
    for i in rest:
        yield from ((i, j) for j in alike.get(olds[i].meaning, [])[:_ALIKE])
        if i in by_id:
            yield i, by_id[i]


def moved(pairs: Sequence[tuple[Criterion, Criterion]], old: Sequence[Criterion]) -> set[str]:
    """New ids of the criteria that no longer stand in the order of the old version: as few as explain the new one."""
    place = {criterion.id: position for position, criterion in enumerate(old)}
    order = [place[one.id] for one, _ in pairs]
    ends: list[int] = []  # the last places of the best rising runs, by length
    lengths: list[int] = []
    for position in order:
        at = bisect_left(ends, position)
        ends[at : at + 1] = [position]
        lengths.append(at + 1)
    kept: set[int] = set()
    wanted, limit = max(lengths, default=0), len(place)
    for index in range(len(order) - 1, -1, -1):
        if lengths[index] == wanted and order[index] < limit:
            kept.add(index)
            wanted, limit = wanted - 1, order[index]
    repeated = {place for place in order if order.count(place) > 1}
    return {new.id for i, (_, new) in enumerate(pairs) if i not in kept and order[i] not in repeated}


def base(identifier: str) -> str:
    """The id as the rule file has it: ``I4`` of ``I4@A``."""
    return identifier.partition("@")[0]


def _traits(criterion: Criterion) -> _Traits:
    words = Counter(re.findall(r"\w+", criterion.text.casefold()))
    return _Traits(words, subjects(criterion.condition), meaning(required(criterion)))


def _like(one: _Traits, other: _Traits) -> float:
    """0 to 1: by text and by what is asked, whichever tells more; what means the same is the same."""
    text, asked = likeness(one.words, other.words), likeness(one.subjects, other.subjects)
    if one.meaning == other.meaning:
        return max(0.9, text)
    return max(text, (text + asked) / 2)
