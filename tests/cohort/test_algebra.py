"""The connectives over columns are Kleene's, and bounds hold whatever a fallback turns out to be."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from prescreen.cohort.algebra import FALLBACK, Truths
from prescreen.truth import Truth, at_least, choice, conjunction, disjunction, negation


class Numbers:
    """The algebra on single numbers of numpy: all that connectives need."""

    truth = staticmethod(np.int8)
    number = staticmethod(np.int64)
    least = staticmethod(np.minimum)
    most = staticmethod(np.maximum)
    plus = staticmethod(np.add)
    minus = staticmethod(np.subtract)
    same = staticmethod(np.equal)
    at_most = staticmethod(np.less_equal)
    where = staticmethod(lambda c, a, b: a if c else b)
    nowhere = staticmethod(lambda c: not c)


CODES = (0, 1, 2, FALLBACK)


def may_be(code: int) -> tuple[Truth, ...]:
    return tuple(Truth) if code == FALLBACK else (Truth(code),)


@pytest.mark.parametrize("name", ["all", "any", "not", "choice", "at_least_1", "at_least_2", "at_least_3"])
def test_connectives(name: str) -> None:
    truths = Truths(Numbers())  # type: ignore[arg-type, var-annotated]
    for codes in product(CODES, repeat=3):
        parts = [truths.leaf(np.int8(code), True) for code in codes]
        match name:
            case "all":
                found, table = truths.all_of(parts), conjunction
            case "any":
                found, table = truths.any_of(parts), disjunction  # type: ignore[assignment]
            case "not":
                found, table = truths.negation(parts[0]), lambda some: negation(some[0])  # type: ignore[assignment]
            case "choice":
                found, table = truths.choice(*parts), lambda some: choice(*some)  # type: ignore[assignment]
            case _:
                least = int(name[-1])
                found = truths.at_least(least, parts)
                table = lambda some, k=least: at_least(k, some)  # type: ignore[assignment] # noqa: E731
        wanted = [table(list(some)).value for some in product(*map(may_be, codes))]
        assert int(found.least) <= min(wanted)
        assert int(found.most) >= max(wanted)
        if FALLBACK not in codes:
            assert int(found.least) == int(found.most) == wanted[0]
