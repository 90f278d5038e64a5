"""Written results judged in floats, where that is safe, are judged as each spelling is by itself, exactly."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prescreen import load_trial
from prescreen.catalogue import ObservationConcept
from prescreen.cohort.algebra import Reading, Spelling
from prescreen.cohort.arrays import Arrays, Memory
from prescreen.cohort.judging import WRITTEN, Written, judgement
from prescreen.cohort.rows import Everybody, Rows
from prescreen.cohort.spelling import Pool
from prescreen.language.load import bundled_trials
from prescreen.language.model import Observation, parts_of
from prescreen.quantities import Scale

SIGNS = ("", "<", ">", "<=", ">=")
NEAR = (Fraction(1), Fraction(10**12 + 1, 10**12), Fraction(10**12 - 1, 10**12), Fraction(99, 100), Fraction(101, 100))


def quickly_judged() -> Iterator[tuple[ObservationConcept, Reading]]:
    """Every leaf of the bundled trials that has a shorter way."""
    for name in bundled_trials():
        trial = load_trial(name)
        for criterion in trial.criteria:
            for leaf in parts_of(criterion.condition):
                if isinstance(leaf, Observation):
                    concept = trial.catalogue.observations[leaf.code]
                    reading = judgement(leaf, Written(concept), ())
                    if reading.quick:
                        yield concept, reading


LEAVES = list({(concept.name, reading.key[-1]): (concept, reading) for concept, reading in quickly_judged()}.values())


def judged(spellings: list[Spelling], reading: Reading, concept: ObservationConcept) -> list[int]:
    """What columns make of results, each a row of one candidate."""
    pools = {name: Pool([name]) for name in WRITTEN}
    columns = {
        name: np.asarray([pools[name].number((spelling[place],)) for spelling in spellings])
        for place, name in enumerate(WRITTEN)
    }
    arrays = Arrays(1, Everybody(1, {}, {}, {}.get), lambda _: (), Memory(), lambda _: concept)
    rows = Rows("observations", pools, {"owner": np.zeros(len(spellings), np.int64), **columns})
    found: list[int] = arrays.read(rows, reading).tolist()
    return found


def decimals(number: Fraction) -> str:
    """A number with at most 18 decimals."""
    return f"{round(number * 10**18) / 10**18:.18f}".rstrip("0").rstrip(".") if number.denominator != 1 else str(number)


def on_and_about(concept: ObservationConcept, reading: Reading) -> Iterator[Spelling]:
    """Results on a leaf's thresholds and about them, in every unit; as numbers, as ends, with limits of their own."""
    assert concept.analyte is not None
    for quick in reading.quick:
        for unit in (*concept.units, None, "no unit"):
            scale = concept.analyte.scale(unit)
            plain = isinstance(scale, Scale) and not scale.log10
            for limit in (Fraction(1, 2), Fraction(40), None) if quick.multiple else (None,):
                canonical = Fraction(quick.number).limit_denominator(10**6)
                if limit is not None:
                    canonical *= limit
                for factor in NEAR:
                    number = canonical * factor
                    if plain:
                        assert isinstance(scale, Scale)
                        number = (number - scale.offset) / scale.factor
                    if number < 0:
                        continue
                    high = None
                    if limit is not None:
                        assert isinstance(scale, Scale) or not plain
                        high = decimals((limit - scale.offset) / scale.factor) if plain else decimals(limit)  # type: ignore[union-attr]
                        high = None if high.startswith("-") else high
                    for sign in SIGNS:
                        yield (sign + decimals(number), unit, None, high, None, None, None)
                    yield (decimals(number), unit, None, high, None, None, "provisional")
                    yield (f"{decimals(number / 2)}-{decimals(number)}", unit, None, high, None, None, None)
                    yield (f"{decimals(number)}-{decimals(number * 2)}", unit, None, high, None, None, None)


@pytest.mark.parametrize(("concept", "reading"), LEAVES, ids=[concept.name for concept, _ in LEAVES])
def test_on_thresholds_and_about_them(concept: ObservationConcept, reading: Reading) -> None:
    spellings = list(on_and_about(concept, reading))
    assert judged(spellings, reading, concept) == [reading.of(spelling) for spelling in spellings]


NUMBERS = st.decimals(0, 2000, places=3, allow_nan=False).map(lambda number: f"{number:f}")


@given(st.data())
def test_any_results(data: st.DataObject) -> None:
    concept, reading = data.draw(st.sampled_from(LEAVES))
    units = st.sampled_from((*concept.units, None, "no unit"))
    value = st.one_of(
        st.tuples(st.sampled_from(SIGNS), NUMBERS).map("".join),
        st.tuples(NUMBERS, NUMBERS).map(lambda ends: "-".join(sorted(ends, key=float))),
        st.sampled_from(("1:80", "negative", "detected", "?", "0", "<0", None)),
    )
    spelling = st.tuples(
        value,
        units,
        st.none() | NUMBERS,
        st.none() | NUMBERS,
        st.none() | units,
        st.none() | NUMBERS,
        st.sampled_from((None, "confirmed", "provisional", "no such word")),
    )
    spellings = data.draw(st.lists(spelling, min_size=1, max_size=20))
    assert judged(spellings, reading, concept) == [reading.of(each) for each in spellings]
