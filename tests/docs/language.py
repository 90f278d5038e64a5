"""The examples of docs/language.md: each section is a small trial of its own, put into the frame that the page shows.

A block of YAML is a catalogue file, a criterion (it has `include_if` or `exclude_if`; id and text are added where it
has none), or keys of the top of a rule file, which go before those of the frame.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.docs.pages import DOCS, blocks, prose

PAGE: Final = DOCS / "language.md"
FRAME: Final = "The frame of the examples"
"""The heading of the section whose block holds what all others share."""

_KEY: Final = re.compile(r"(?m)^(?=[a-z_]+:)")


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page: the rule file that its blocks make, and its catalogue file ("" for none)."""

    name: str
    words: str
    trial: str
    catalogue: str

    def write(self, folder: Path) -> Path:
        """The files of the section in a folder; what is loaded is given back."""
        path = folder / "EXAMPLE" / "trial.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(self.trial, encoding="utf-8")
        (folder / "protocol.md").write_text("The protocol.\n")
        if self.catalogue:
            (folder / "catalogue").mkdir()
            (folder / "catalogue" / "own.yaml").write_text(self.catalogue, encoding="utf-8")
        return path


def sections() -> list[Section]:
    """The sections that have examples, in the page's order."""
    parts = re.split(r"(?m)^###? (.*)\n", PAGE.read_text(encoding="utf-8"))
    texts = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert len(texts) == len(parts) // 2, "two sections have one heading"
    frame = _keys(*(block.text for block in blocks(texts[FRAME])))
    return [_section(name, text, frame) for name, text in texts.items() if "```yaml" in text and name != FRAME]


def recipes() -> list[Section]:
    """The rules of the table of what protocols say, each as a trial in the frame."""
    page = PAGE.read_text(encoding="utf-8")
    frame = _keys(*(block.text for block in blocks(page)[:1]))
    rules = re.findall(r"(?m)^\| ([^|]*) \| `((?:in|ex)clude_if: .*)` \|$", page)
    return [
        Section(said, "", "".join({**frame, "criteria": f"criteria:\n{_criterion(rule, 1)}"}.values()), "")
        for said, rule in rules
    ]


def _section(name: str, text: str, frame: dict[str, str]) -> Section:
    yaml = [block.text for block in blocks(text) if block.language == "yaml"]
    catalogue = "".join(block for block in yaml if "schema: prescreen/catalogue/1" in block)
    criteria = [block for block in yaml if re.search(r"(?m)^(in|ex)clude_if:", block)]
    top = _keys(*(block for block in yaml if block not in criteria and block != catalogue))
    if criteria:
        top["criteria"] = "criteria:\n" + "".join(_criterion(block, number) for number, block in enumerate(criteria, 1))
    return Section(name, prose(text), "".join({**frame, **top}.values()), catalogue)


def _keys(*blocks: str) -> dict[str, str]:
    """The text of each top-level key."""
    parts = [part for block in blocks for part in _KEY.split(block) if _KEY.match(part)]
    return {part.partition(":")[0]: part for part in parts}


def _criterion(block: str, number: int) -> str:
    keys = _keys(block)
    own = {"id": f"id: C{number}\n", "text": "text: What the protocol says.\n", **keys}
    lines = "".join(own.values()).splitlines()
    return "".join(f"  {'- ' if number == 0 else '  '}{line}\n" for number, line in enumerate(lines))
