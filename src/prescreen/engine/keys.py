"""Keys: what is open about a candidate, one key for each open thing, however many leaves depend on it.

`engine.open` says which keys a leaf waits for, `engine.cases` tells their possibilities apart, `engine.missing` gives
them names to ask for.
"""

from __future__ import annotations

from msgspec import Struct

from prescreen.engine.setting import FreeKey
from prescreen.language.model import Event


class AnchorKey(Struct, frozen=True, gc=False):
    name: str


class SexKey(Struct, frozen=True, gc=False):
    pass


class BirthKey(Struct, frozen=True, gc=False):
    pass


class AnswerKey(Struct, frozen=True, gc=False):
    question: str


class DateKey(Struct, frozen=True, gc=False):
    """When a result was taken."""

    code: str
    index: int


class TieKey(Struct, frozen=True, gc=False):
    """Which of several results of one and the same time counts."""

    code: str
    low: int
    high: int


class ResultKey(Struct, frozen=True, gc=False):
    """The value of a result, and its limits."""

    code: str
    index: int


class FreeKeyOf(Struct, frozen=True, gc=False):
    """The result that a leaf has none of."""

    key: FreeKey

    def __hash__(self) -> int:
        return hash(self.key[0])  # quick; equality tells the rest


class EventKey(Struct, frozen=True, gc=False):
    """Whether what an existence leaf asks for is the case."""

    leaf: Event

    def __hash__(self) -> int:
        return hash(self.leaf.codes)  # quick; equality tells the rest


Key = AnchorKey | SexKey | BirthKey | AnswerKey | DateKey | TieKey | ResultKey | FreeKeyOf | EventKey
