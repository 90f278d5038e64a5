"""docs/authoring.md, followed from top to bottom as a reader would: files are written, changed, and commands run.

The first line of a block names the file that it belongs to. A block of YAML is added at the end of its file, others
are the file. A `diff` is a mistake to try: it is undone after the commands that follow it. A `console` block is run.

`python -m tests.docs.guide` writes what the commands say now into the page, but where it leaves lines out (…).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.docs.pages import DOCS, ROOT, Block, as_shown, blocks, commands, said_by

PAGE: Final = DOCS / "authoring.md"
NEEDED: Final = ("rules", "schemas", "examples")
"""What a reader has: the folders of the repository that the page's files speak of."""


@dataclass(frozen=True, slots=True)
class Run:
    """A command of the page, what the page says that it says, and what it says."""

    command: str
    shown: str
    said: str

    @property
    def holds(self) -> bool:
        return as_shown(self.shown, self.said)


def follow(page: str, here: Path) -> list[Run]:
    """Do everything that a page says, in a folder."""
    before = Path.cwd()
    for name in NEEDED:
        (here / name).symlink_to(ROOT / name)
    os.chdir(here)
    try:
        return list(_follow(blocks(page)))
    finally:
        os.chdir(before)


def _follow(page: list[Block]) -> Iterator[Run]:
    tried: dict[Path, str] = {}
    for block in page:
        file = Path(block.about)
        match block.language:
            case "console":
                for command, shown in commands(block):
                    yield Run(command, shown, said_by(command))
                for changed, text in tried.items():
                    changed.write_text(text, encoding="utf-8")
                tried.clear()
            case "diff":
                tried[file] = file.read_text(encoding="utf-8")
                file.write_text(_changed(tried[file], block.text), encoding="utf-8")
            case "yaml" if file.exists():
                file.write_text(file.read_text(encoding="utf-8") + block.text, encoding="utf-8")
            case _ if block.about:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.text, encoding="utf-8")


def _changed(text: str, change: str) -> str:
    lines = change.splitlines()
    old, new = ("".join(f"{line[1:]}\n" for line in lines if line[:1] == sign) for sign in "-+")
    assert text.count(old) == 1, f"these lines must stand in the file once:\n{old}"
    return text.replace(old, new)


def main() -> None:
    """Write what the commands say into the page."""
    page = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        runs = follow(page, Path(folder))
    at = 0
    for run in runs:
        begin = page.index(f"$ {run.command}\n", at) + len(f"$ {run.command}\n")
        at = begin + len(run.shown)
        if not run.holds and "…\n" in run.shown:
            print(f"to be changed by hand: {run.command}\n{run.said}")
        elif not run.holds:
            page = page[:begin] + run.said + page[at:]
            at = begin + len(run.said)
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
