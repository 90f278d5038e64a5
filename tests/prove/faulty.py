"""The trials in `tests/faulty-trials`: each with faults planted where a comment says `# found: CODE`."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from prescreen.check import Checked, Proving, check_paths

ROOT = Path(__file__).parents[1] / "faulty-trials"
FAULTY = {path.parent.name: path for path in sorted(ROOT.glob("*/trial.yaml"))}


def planted(path: Path) -> list[tuple[str, int]]:
    """The code and the line of each fault."""
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    return sorted((code, number) for number, line in lines for code in re.findall(r"# found: ([a-z-]+)$", line))


@cache
def checked(path: Path) -> Checked:
    (result,) = check_paths([str(path)], None, proving=Proving())
    return result
