"""Plant bugs in the engine, one at a time, and show that the soundness check catches each.

A bug is a replacement in the source of one function; the function's code is swapped, so that whoever imported it has
the bug too. Exit status 1 when one survives, or no longer applies because the source has changed.
"""

from __future__ import annotations

import argparse
import inspect
import multiprocessing
import os
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.reference.compare import agrees, expected, said  # noqa: E402
from tests.reference.generate import Pair, pair  # noqa: E402

PAIRS = 4_000


@dataclass(frozen=True)
class Mutant:
    """A bug: in this function, this text instead of that."""

    title: str
    function: str  # module:name or module:Class.name
    old: str
    new: str


ENGINE = "prescreen.engine."
MUTANTS = (
    Mutant(
        "`any` swallows an unknown",
        ENGINE + "compile:AnyNode.evaluate",
        "if truth is UNKNOWN:",
        "if False:",
    ),
    Mutant(
        "strict for non-strict", ENGINE + "compare:_relation", "return TRUE if sign <= 0", "return TRUE if sign < 0"
    ),
    Mutant(
        "window begins a day late",
        ENGINE + "setting:_start",
        "first_instant(shift_day(anchor.first_day, span, moment.sign)),",
        "first_instant(shift_day(anchor.first_day, span, moment.sign) + 1),",
    ),
    Mutant(
        "first for latest",
        ENGINE + "results:_latest",
        "chosen = [",
        "return _first(leaf, inside, bounds, setting)\n    chosen = [",
    ),
    Mutant(
        "missing treated as negative",
        ENGINE + "events:event_leaf",
        "nothing = Found(UNKNOWN",
        "nothing = Found(FALSE",
    ),
    Mutant(
        "provisional counted as confirmed",
        ENGINE + "events:_matches_as_it_is",
        'if record.verification == "provisional" and',
        "if False and",
    ),
    Mutant("`through` ignored", ENGINE + "events:_declared_through", "if declared.through is None:", "if True:"),
    Mutant(
        "broader concept counted",
        ENGINE + "events:_relation",
        "if code.name in related.may_be:\n        return UNKNOWN",
        "if code.name in related.may_be:\n        return TRUE",
    ),
    Mutant(
        "`<20` read as 20",
        "prescreen.candidate.facts:_read_number",
        "result.low_open = number.low_open",
        "result.value_low = result.value_high or result.value_low",
    ),
    Mutant(
        "refutation covers broader concepts",
        ENGINE + "events:absent_besides",
        "record.related.named & code.broader",
        "record.related.is_a & code.broader",
    ),
    Mutant(
        "months as 30 days",
        "prescreen.time:_shift_months",
        "since = from_year * 12 + from_month - 1 + months",
        "return day + 30 * months\n    since = from_year * 12 + from_month - 1 + months",
    ),
    Mutant(
        "ULN of another result",
        ENGINE + "compare:limits_of",
        "own = result.uln",
        "own = (setting.facts.results.get(result.concept.name) or (result,))[0].uln",
    ),
    Mutant(
        "null value counted as a result",
        "prescreen.candidate.facts:read_result",
        "if isinstance(written, NoValue):",
        "if False:",
    ),
    Mutant(
        "unknown status counted",
        ENGINE + "events:matches_record",
        "truth = agreement(truths)",
        "truth = disjunction(truths)",
    ),
    Mutant(
        "exception removes unknown matches",
        ENGINE + "events:_matches_as_it_is",
        "if truth is TRUE:\n            return FALSE, ()",
        "if truth is not FALSE:\n            return FALSE, ()",
    ),
    Mutant(
        "66 on the day after the birthday",
        ENGINE + "person:age_leaf",
        "last >= shift_day(born_first, leaf.below, 1)",
        "last > shift_day(born_first, leaf.below, 1)",
    ),
    Mutant("unknown sex is neither", ENGINE + "person:sex_leaf", "_UNKNOWN if sex is None", "_FALSE if sex is None"),
    Mutant(
        "an unknown exception saves",
        ENGINE + "compile:SavedNode.evaluate",
        "disjunction((truth, self.children[1].evaluate(setting)))",
        "(truth if self.children[1].evaluate(setting) is FALSE else TRUE)",
    ),
    Mutant(
        "free values shared between windows",
        ENGINE + "setting:free_key",
        "return (leaf.code, leaf.window, leaf.select)",
        "return (leaf.code, None, leaf.select)",
    ),
    Mutant(
        "results of the future count",
        ENGINE + "results:observation_leaf",
        "if low > now or low > high_maybe",
        "if low > high_maybe",
    ),
    Mutant(
        "a conflict goes to the first on file",
        ENGINE + "results:_agreed",
        "truth = first if all(",
        "truth = first if True or all(",
    ),
    Mutant(
        "at least k counts unknowns", "prescreen.truth:at_least", "true += truth is TRUE", "true += truth is not FALSE"
    ),
    Mutant("a fall taken for a rise", ENGINE + "trend:_bound_holds", "sign = -1 if", "sign = 1 if"),
    Mutant("a fall by more than it is", ENGINE + "trend:_is_above", "and (not strict or", "and (strict or"),
    Mutant("what changed is stable", ENGINE + "timing:_less_than_ago", "if recent and", "if not recent and"),
    Mutant("the shorter washout counts", "prescreen.language.washout:_covers", ">= needed", "< needed"),
    Mutant("`by: start` ignored", ENGINE + "timing:timed", "momentary or leaf.by_start", "momentary"),
    Mutant(
        "`if` unknown takes `else`",
        "prescreen.truth:choice",
        "return then if then is otherwise else UNKNOWN",
        "return otherwise",
    ),
)

_pairs: list[tuple[Pair, frozenset[bool]]] = []


class NotApplicableError(Exception):
    """The text to be replaced is not in the function's source, or not once."""


def planted(mutant: Mutant) -> None:
    """Give the function its bug, for the rest of this process."""
    function, source = mutated(mutant)
    function.__code__ = _code_of(function, source)


def mutated(mutant: Mutant) -> tuple[FunctionType, str]:
    """The function that a bug is planted in, and its source with the bug."""
    module_name, _, name = mutant.function.partition(":")
    function: Any = import_module(module_name)
    for part in name.split("."):
        function = getattr(function, part)
    function = getattr(function, "__wrapped__", function)
    source = textwrap.dedent(inspect.getsource(function))
    if source.count(mutant.old) != 1:
        raise NotApplicableError(f"`{mutant.old}` occurs {source.count(mutant.old)} times in {mutant.function}")
    return function, source.replace(mutant.old, mutant.new)


def _code_of(function: FunctionType, source: str) -> CodeType:
    module = compile("from __future__ import annotations\n" + source, inspect.getfile(function), "exec")
    return next(each for each in module.co_consts if isinstance(each, CodeType) and each.co_name == function.__name__)


def _reference(seeds: range) -> list[tuple[Pair, frozenset[bool]]]:
    made = []
    for seed in seeds:
        one = pair(seed)
        truths = expected(one)
        if truths is None:
            continue
        # Only pairs on which the sound engine agrees: what differs then is the bug's doing.
        try:
            sound = agrees(truths, said(one))
        except Exception:  # the soundness run lists these
            continue
        if sound:
            made.append((one, truths))
    return made


def _hunt(index: int) -> tuple[int, str]:
    """Run the pairs against one mutant until one tells; how it was caught, in words."""
    try:
        planted(MUTANTS[index])
    except NotApplicableError as problem:
        return index, f"no longer applies: {problem}"
    crash = ""
    for number, (one, truths) in enumerate(_pairs, start=1):
        try:
            answer = said(one)
        except Exception as error:  # a crash tells too, but a wrong answer tells more
            crash = crash or f"caught by a crash ({type(error).__name__}) at pair {number}"
            continue
        if not agrees(truths, answer):
            words = "a needless unknown" if answer is None else "a wrong answer"
            return index, f"caught by {words} at pair {number}"
    return index, crash or f"SURVIVED {len(_pairs)} pairs"


def main(pairs: int = PAIRS, processes: int | None = None, report: Callable[[str], None] = print) -> int:
    """Try every mutant; 1 when one is not caught."""
    began = time.monotonic()
    processes = processes or min(2, os.cpu_count() or 1)
    context = multiprocessing.get_context("fork")
    chunks = [range(at, min(at + 100, pairs)) for at in range(0, pairs, 100)]
    with context.Pool(processes) as workers:
        _pairs[:] = [each for found in workers.map(_reference, chunks) for each in found]
    # A fresh process for each, so that no bug outlives its turn.
    with context.Pool(processes, maxtasksperchild=1) as workers:
        outcome = dict(workers.imap_unordered(_hunt, range(len(MUTANTS)), chunksize=1))
    caught = 0
    for index, mutant in enumerate(MUTANTS):
        caught += outcome[index].startswith("caught")
        report(f"{mutant.title:<42}{outcome[index]}")
    report(f"planted bugs caught: {caught} of {len(MUTANTS)}, in {time.monotonic() - began:.0f} s")
    return 0 if caught == len(MUTANTS) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--processes", type=int, default=None)
    options = parser.parse_args()
    sys.exit(main(options.pairs, options.processes))
