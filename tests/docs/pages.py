"""What all pages share: their fenced blocks, the commands in them, and what running one says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final

from prescreen.cli import main

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"

_FENCED: Final = re.compile(r"(?ms)^```(\w*)([^\n]*)\n(.*?)^```$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. about: what stands behind the language in its first line."""

    language: str
    about: str
    text: str


def blocks(text: str) -> list[Block]:
    return [Block(language, about.strip(), content) for language, about, content in _FENCED.findall(text)]


def prose(text: str) -> str:
    """A page without its blocks."""
    return _FENCED.sub("", text)


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Each command of a console block with the output shown for it."""
    for part in re.split(r"(?m)^\$ ", block.text)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def said_by(command: str) -> str:
    """What a command of ours writes: standard output, then standard error."""
    name, *arguments = shlex.split(command)
    assert name == "prescreen", command
    with redirect_stdout(StringIO()) as output, redirect_stderr(StringIO()) as errors:
        main(arguments)
    said = output.getvalue() + errors.getvalue()
    return "".join(line.rstrip() + "\n" for line in said.splitlines())


def as_shown(shown: str, given: str) -> bool:
    """Whether an output is the one that a page shows: there a line of its own with … stands for any lines."""
    pattern = "(?:.*\n)*?".join(re.escape(part) for part in re.split(r"(?m)^…\n", shown))
    return re.fullmatch(pattern, given) is not None
