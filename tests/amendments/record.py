"""The golden files of `prescreen diff`, and the one command that records them again:

python -m tests.amendments.record          (from the repository's root, with `src` on PYTHONPATH)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec

from prescreen import load_trial
from prescreen.amendment import Amendment, compare, markdown, text
from prescreen.language import Trial

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"


def versions() -> tuple[Trial, Trial]:
    return load_trial(HERE / "OLD"), load_trial(HERE / "NEW")


@cache
def amended() -> Amendment:
    """The planted amendment, its files named as everywhere."""
    found = compare(*versions())
    old, new = (
        msgspec.structs.replace(version, file=f"{name}/trial.yaml")
        for version, name in ((found.old, "OLD"), (found.new, "NEW"))
    )
    return msgspec.structs.replace(found, old=old, new=new)


DRAWN: dict[str, Callable[[], str]] = {
    "amendment.txt": lambda: text.render(amended()),
    "amendment-narrow.txt": lambda: text.render(amended(), width=60),
    "amendment.ansi": lambda: text.render(amended(), colour=True),
    "amendment.md": lambda: markdown.render(amended()),
    "amendment.json": lambda: amended().model_dump_json(indent=2) + "\n",
}


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for name, draw in DRAWN.items():
        (GOLDEN / name).write_text(draw(), encoding="utf-8")
        print(f"recorded {name}")


if __name__ == "__main__":
    main()
