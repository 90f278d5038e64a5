"""`make fuzz`: rule files and catalogues broken at random; each is loaded or refused with a diagnostic.

Prints how many were loaded and refused, with which codes, the slowest of them and the peak memory. Exit status 1 where
one ended in a traceback, took longer than ten seconds, or the memory grew beyond 500 MB. What a number stands for
depends on the seed only: `tools/fuzz.py --seed 1 --only 4711` prints that file and what is said of it.
"""

from __future__ import annotations

import argparse
import copy
import json
import multiprocessing
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from prescreen.catalogue import read_catalogue  # noqa: E402
from prescreen.check import MISTAKES  # noqa: E402
from prescreen.check.rules import check_trial  # noqa: E402
from prescreen.language import load_trial  # noqa: E402
from prescreen.language.source import plain_data  # noqa: E402
from prescreen.problems import InputRefused, Problem  # noqa: E402
from prescreen.yamlio import read_yaml  # noqa: E402

FILES, SECONDS, MEGABYTES = 50_000, 10, 500
_CATALOGUE_EVERY = 10  # files
_CHECK_EVERY = 10  # files whose cases are run as well
_MOST_LINES = 60  # of a seed; whole trials would only be slower
_TREES = 0.7  # of the files are broken as trees
_SLOWEST = 5


@dataclass(slots=True)
class Tally:
    """What became of some files. slowest: seconds and number of file, the slowest first."""

    loaded: int = 0
    refused: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest: list[tuple[float, int]] = field(default_factory=list)
    megabytes: float = 0

    def add(self, other: Tally) -> None:
        self.loaded += other.loaded
        self.refused += other.refused
        self.codes += other.codes
        self.faults += other.faults
        self.slowest = sorted([*self.slowest, *other.slowest], reverse=True)[:_SLOWEST]
        self.megabytes = max(self.megabytes, other.megabytes)


class Hang(BaseException):
    """A file took too long; no handler of the program catches it."""


def main() -> int:
    arguments = argparse.ArgumentParser(description="broken rule files: loaded or refused, never anything else")
    arguments.add_argument("--files", type=int, default=FILES)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", type=int, help="print this one file and what is said of it")
    given = arguments.parse_args()
    if given.only is not None:
        return show(given.seed, given.only)
    workers = os.cpu_count() or 1
    begun = time.perf_counter()
    parts = [(range(first, given.files, workers), given.seed) for first in range(workers)]
    whole = Tally()
    with multiprocessing.Pool(workers) as pool:
        for part in pool.imap_unordered(_part, parts):
            whole.add(part)
    print(f"{given.files:,} files of seed {given.seed} in {time.perf_counter() - begun:.0f} s on {workers} cores")
    print(f"{whole.loaded:,} loaded, {whole.refused:,} refused, {len(whole.faults)} faults")
    print("refused with " + ", ".join(f"{code} {count:,}" for code, count in whole.codes.most_common()))
    print("codes not seen: " + (", ".join(sorted(set(MISTAKES) - set(whole.codes))) or "none"))
    print("slowest: " + ", ".join(f"{seconds:.2f} s (file {number})" for seconds, number in whole.slowest))
    print(f"peak memory {whole.megabytes:.0f} MB, {MEGABYTES} allowed")
    print("\n".join(whole.faults[:20]))
    return 1 if whole.faults or whole.megabytes >= MEGABYTES else 0


def _part(part: tuple[Iterable[int], int]) -> Tally:
    return run(*part)


def run(numbers: Iterable[int], seed: int) -> Tally:
    """Load the files of some numbers, one after the other."""
    tally = Tally()
    signal.signal(signal.SIGALRM, _too_long)
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            begun = time.perf_counter()
            signal.alarm(SECONDS)
            try:
                problems = load(seed, number, Path(folder))
                _judge(problems, number, tally)
            except Hang:
                tally.faults.append(f"file {number}: still at it after {SECONDS} s")
            except Exception:
                tally.faults.append(f"file {number}: {traceback.format_exc(limit=-2)}")
            finally:
                signal.alarm(0)
            tally.slowest = sorted([*tally.slowest, (time.perf_counter() - begun, number)], reverse=True)[:_SLOWEST]
    tally.megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return tally


def _too_long(*_: object) -> None:
    raise Hang


def _judge(problems: tuple[Problem, ...], number: int, tally: Tally) -> None:
    tally.loaded += not problems
    tally.refused += bool(problems)
    tally.codes += Counter({problem.code for problem in problems})
    for problem in problems:
        if problem.code not in MISTAKES or not problem.message or not problem.file or len(str(problem)) > 5_000:
            tally.faults.append(f"file {number}: not told as it should be: {problem!r:.500}")


def load(seed: int, number: int, folder: Path) -> tuple[Problem, ...]:
    """What is wrong with the file of a number; nothing where it loads."""
    content = broken(seed, number)
    if number % _CATALOGUE_EVERY == 0:
        (folder / "catalogue").mkdir(exist_ok=True)
        (folder / "catalogue" / "own.yaml").write_bytes(content)
        return tuple(read_catalogue(folder / "catalogue")[1])
    path = folder / "rules" / "T1" / "trial.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if number % _CHECK_EVERY == 1:
        return check_trial(str(path)).problems
    try:
        load_trial(path)
    except InputRefused as refused:
        return refused.problems
    return ()


def show(seed: int, number: int) -> int:
    sys.stdout.buffer.write(broken(seed, number) + b"\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory() as folder:
        for problem in load(seed, number, Path(folder)):
            print(problem)
    return 0


def broken(seed: int, number: int) -> bytes:
    """A sound file, or a part of one, with up to six things done to its text or, more often, to its tree."""
    chance = random.Random(f"{seed}:{number}")
    kind = "catalogue" if number % _CATALOGUE_EVERY == 0 else "trial"
    if chance.random() < _TREES:
        return _broken_tree(kind, chance)
    lines = list(_part_of(_one_of(_seeds(kind), kind, chance), chance))
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        chance.choice(_MUTATIONS)(lines, chance)
    raw = "\n".join(lines).encode("utf-8", "surrogatepass") + b"\n"
    if chance.random() < 0.05:
        at = chance.randrange(len(raw))
        raw = raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :]
    return raw


def _one_of(seeds: Sequence[Any], kind: str, chance: random.Random) -> Any:
    """A seed: half of the time a sound one, of which there are few."""
    sound = len(list(ROOT.glob(_PATTERNS[kind][0])))
    return seeds[chance.randrange(sound if chance.random() < 0.5 else len(seeds))]


def _broken_tree(kind: str, chance: random.Random) -> bytes:
    """What is YAML still, as JSON is, so that reading goes on to what the file means."""
    tree = copy.deepcopy(_one_of(_trees(kind), kind, chance))
    for key, entries in tree.items():  # a few entries of each part are enough
        if isinstance(entries, list) and len(entries) > 3:
            tree[key] = chance.sample(entries, 3)
        elif isinstance(entries, dict) and len(entries) > 30:
            tree[key] = dict(chance.sample(list(entries.items()), 8))
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        places = list(_places(tree))
        if places:
            _break(*chance.choice(places), kind, chance)
    return json.dumps(tree, indent=1, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def _break(within: Any, at: Any, kind: str, chance: random.Random) -> None:
    """Do one thing to what stands at a key of a mapping or at a place of a list."""
    found = within[at]
    match chance.randrange(8):
        case 0 | 1:
            within[at] = copy.deepcopy(chance.choice(_pieces(kind)))
        case 2 | 3:
            within[at] = chance.choice(_words())
        case 4:
            within[at] = chance.choice(([found], {"not": found}, {"all": [found, found]}, {"unless": found}))
        case 5:
            del within[at]
        case _ if isinstance(within, dict):
            name = chance.choice((chance.choice(_words()), at[:-1], at + "s", at[1:] + at[:1]))
            if chance.random() < 0.5:
                del within[at]
            within[name] = found
        case _:
            within.append(found)


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every mapping or list with each of its keys or places."""
    pending = [tree]
    while pending:
        node = pending.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        for key in keys:
            yield node, key
            pending.append(node[key])


@cache
def _trees(kind: str) -> tuple[dict[str, Any], ...]:
    """The seeds that are YAML, as plain data."""
    found = []
    for lines in _seeds(kind):
        root, _ = read_yaml("\n".join(lines), "seed")
        if root is not None and root.kind == "map":
            found.append(json.loads(json.dumps(plain_data(root), default=float)))
    return tuple(found)


@cache
def _pieces(kind: str) -> tuple[Any, ...]:
    """What stands anywhere in the seeds."""
    return tuple(node[key] for tree in _trees(kind) for node, key in _places(tree))


_PATTERNS = {
    "trial": ("rules/*/trial.yaml", "tests/bad-rules/*/trial.yaml"),
    "catalogue": ("rules/catalogue/*.yaml", "tests/bad-rules/*/catalogue/*.yaml"),
}
"""Where the sound seeds are, and then the others."""


@cache
def _seeds(kind: str) -> tuple[tuple[str, ...], ...]:
    """The lines of the files to begin with: sound ones, and the corpus of mistakes."""
    paths = [path for pattern in _PATTERNS[kind] for path in sorted(ROOT.glob(pattern))]
    return tuple(tuple(path.read_text(encoding="utf-8", errors="replace").splitlines()) for path in paths)


@cache
def _words() -> tuple[str, ...]:
    """Words of all seeds, and some that are trouble."""
    found = {
        word.strip("{}[],:\"'")
        for kind in ("trial", "catalogue")
        for lines in _seeds(kind)
        for line in lines
        for word in line.split()
    }
    return (*sorted(found), *_TROUBLE)


_TROUBLE = (
    *("{}", "[]", "null", "~", "true", "''", "-", "- ", "? ", ": ", "|", ">", "&a", "*a", "!!str", "!", "%", "@", "`"),
    *("1e999", "-1", ".nan", ".inf", "0x1F", "9" * 400, "1" * 20, "1,5 U/L", "30 furlongs", "10*3/uL", "3 × ULN"),
    *(
        "2026-02-30",
        "half-lives",
        "5 half-lives before screening",
        "28 dayz",
        "before before",
        "\u2028",
        "\x07",
        "\ufeff",
    ),
    *("{" * 70, "[" * 70, "{not: " * 40, "x" * 3000, "肝功能", "👩‍⚕️", "\u0301", "\ud800"),
)


def _part_of(lines: tuple[str, ...], chance: random.Random) -> tuple[str, ...]:
    """The top of a long file, and a piece of the rest."""
    if len(lines) <= _MOST_LINES:
        return lines
    start = chance.randrange(len(lines))
    return (*lines[:15], *lines[start : start + _MOST_LINES - 15])


def _somewhere(lines: list[str], chance: random.Random) -> int:
    if not lines:
        lines.append("")
    return chance.randrange(len(lines))


def _replace_word(lines: list[str], chance: random.Random) -> None:
    at = _somewhere(lines, chance)
    words = lines[at].split(" ")
    words[chance.randrange(len(words))] = chance.choice(_words())
    lines[at] = " ".join(words)


def _misspell(lines: list[str], chance: random.Random) -> None:
    at = _somewhere(lines, chance)
    line = lines[at]
    place = chance.randrange(len(line) + 1)
    cut = chance.randint(0, 2)
    lines[at] = (
        line[:place] + chance.choice("aeiou:,{}[]-#'\" \t&*!0123456789.é") * chance.randint(0, 2) + line[place + cut :]
    )


def _cut_out(lines: list[str], chance: random.Random) -> None:
    at = _somewhere(lines, chance)
    del lines[at : at + chance.randint(1, 8)]


def _say_twice(lines: list[str], chance: random.Random) -> None:
    at = _somewhere(lines, chance)
    piece = lines[at : at + chance.randint(1, 8)]
    lines[at:at] = piece * chance.choice((1, 1, 1, 2, 40))


def _move(lines: list[str], chance: random.Random) -> None:
    first, second = _somewhere(lines, chance), _somewhere(lines, chance)
    lines[first], lines[second] = lines[second], lines[first]


def _indent(lines: list[str], chance: random.Random) -> None:
    at = _somewhere(lines, chance)
    line = lines[at]
    lines[at] = chance.choice(("  " + line, " " + line, line[1:], line[2:], line.strip(), "\t" + line))


def _graft(lines: list[str], chance: random.Random) -> None:
    """A piece of another file, perhaps one of another kind."""
    other = chance.choice(_seeds(chance.choice(("trial", "trial", "catalogue"))))
    start = chance.randrange(len(other) + 1)
    at = _somewhere(lines, chance)
    lines[at:at] = other[start : start + chance.randint(1, 12)]


def _grow(lines: list[str], chance: random.Random) -> None:
    """One list or mapping grows long."""
    at = _somewhere(lines, chance)
    items = ", ".join(chance.choice(_words()) for _ in range(chance.randint(5, 300)))
    lines[at] = lines[at] + f" [{items}]"


_MUTATIONS = (_replace_word, _replace_word, _misspell, _misspell, _cut_out, _say_twice, _move, _indent, _graft, _grow)


if __name__ == "__main__":
    sys.exit(main())
