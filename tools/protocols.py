"""The table of docs/protocols.md: how much of each protocol in rules/ is computed, and how much is asked.

Counted from the conditions themselves: a criterion is computed whole where none of its leaves is a question, asked
where all are, and computed in part otherwise. A criterion whose bounds differ by cohort counts once. Prints the tables;
`--write` puts them into the page, which keeps the last column of the first, written by hand.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src")]

from prescreen.language import load_trial  # noqa: E402
from prescreen.language.model import Answer, Criterion, Leaf, parts_of  # noqa: E402

PAGE = ROOT / "docs" / "protocols.md"
FIRST = "NCT07535138"
"""The trial that was there before the ten others; it is counted beside them."""

_HEAD = (
    *("protocol", "criteria", "computed whole", "computed in part", "asked"),
    *("whole, of the computable", "whole, of all", "asked: what, and why"),
)
_RULE = "|---|---:|---:|---:|---:|---:|---:|---|"


@dataclass(frozen=True, slots=True)
class Count:
    """The ids of a protocol's criteria, by how they are decided."""

    name: str
    whole: tuple[str, ...] = ()
    part: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()

    @property
    def criteria(self) -> int:
        return len(self.whole) + len(self.part) + len(self.asked)

    @property
    def percent(self) -> float:
        """Of the criteria that are computed at all, those computed whole."""
        return 100 * len(self.whole) / (len(self.whole) + len(self.part))


def counted(folder: Path) -> Count:
    """The count of a trial's rule file."""
    found: dict[str, list[str]] = {"whole": [], "part": [], "asked": []}
    seen: set[str] = set()
    for criterion in load_trial(folder).criteria:
        name = criterion.id.partition("@")[0]
        if name not in seen:
            seen.add(name)
            found[how_decided(criterion)].append(name)
    return Count(folder.name, **{how: tuple(names) for how, names in found.items()})


def how_decided(criterion: Criterion) -> str:
    """`whole`, `part` or `asked`: whether none, some or all leaves of its condition are questions."""
    leaves = [part for part in parts_of(criterion.condition) if isinstance(part, Leaf)]
    questions = sum(isinstance(leaf, Answer) for leaf in leaves)
    if questions == len(leaves):
        return "asked"
    return "part" if questions else "whole"


def total(counts: Iterable[Count]) -> Count:
    """Several protocols as one."""
    every = tuple(counts)
    return Count(
        f"the {len(every)} together",
        *(tuple(name for count in every for name in getattr(count, how)) for how in ("whole", "part", "asked")),
    )


def all_counted() -> list[Count]:
    """The counts of all protocols, in the order of their ids."""
    return [counted(path.parent) for path in sorted(ROOT.glob("rules/NCT*/trial.yaml"))]


def table(counts: list[Count], reasons: dict[str, str]) -> str:
    """The table of counts: the ten, all of them together, and the one beside them."""
    ten = [count for count in counts if count.name != FIRST]
    beside = [count for count in counts if count.name == FIRST]
    rows = [*((_linked(count.name), count) for count in ten), ("**together**", total(ten))]
    rows += [(_linked(count.name), count) for count in beside]
    lines = [_row(_HEAD), _RULE]
    for name, count in rows:
        numbers = (count.criteria, len(count.whole), len(count.part), len(count.asked))
        shares = (f"{share:.0f} %" for share in (count.percent, 100 * len(count.whole) / count.criteria))
        lines.append(_row((name, *map(str, numbers), *shares, reasons.get(name, ""))))
    return "\n".join(lines) + "\n"


def listing(counts: list[Count]) -> str:
    """Which criteria are computed in part, and which are asked."""
    lines = [_row(("protocol", "computed in part", "asked")), "|---|---|---|"]
    lines += [_row((_linked(count.name), ", ".join(count.part), ", ".join(count.asked))) for count in counts]
    return "\n".join(lines) + "\n"


def written(page: str, counts: list[Count]) -> str:
    """The page with its tables made again."""
    for name, text in (("counts", table(counts, reasons(page))), ("criteria", listing(counts))):
        pattern = rf"(?s)(<!-- {name}: made by tools/protocols.py -->\n\n)\|.*?\n(?=\n|$)"
        page, found = re.subn(pattern, lambda match, text=text: match[1] + text, page)  # type: ignore[misc]
        if found != 1:
            raise SystemExit(f"the page has no table `{name}`")
    return page


def reasons(page: str) -> dict[str, str]:
    """By the first cell of a row, the last one: what is asked and why."""
    return {cells[0]: cells[-1] for cells in _rows(page) if len(cells) == len(_HEAD)}


def _rows(page: str) -> Iterator[list[str]]:
    for line in page.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |".replace("|  |", "| |")


def _linked(name: str) -> str:
    return f"[{name}](../rules/{name}/trial.yaml)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="put the tables into docs/protocols.md")
    page, counts = PAGE.read_text(encoding="utf-8"), all_counted()
    if parser.parse_args().write:
        PAGE.write_text(written(page, counts), encoding="utf-8")
    else:
        print(table(counts, {}))
        print(listing(counts))


if __name__ == "__main__":
    main()
