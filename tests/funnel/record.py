"""The golden files of the funnel's renderers, and the one command that records them again:

python -m tests.funnel.record          (from the repository's root, with `src` on PYTHONPATH)
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from prescreen.funnel import funnel_html, funnel_text

from . import sample

GOLDEN = Path(__file__).parent / "golden"

DRAWN: dict[str, Callable[[], str]] = {
    "funnel.txt": lambda: funnel_text(sample.funnel()),
    "funnel-narrow.txt": lambda: funnel_text(sample.funnel(), width=60),
    "funnel-colour.ansi": lambda: funnel_text(sample.funnel(), colour=True, width=140),
    "funnel.html": lambda: funnel_html(sample.funnel()),
    "hostile.html": lambda: funnel_html(sample.hostile()),
    "nobody.txt": lambda: funnel_text(sample.nobody()),
}


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for name, draw in DRAWN.items():
        (GOLDEN / name).write_text(draw(), encoding="utf-8")
        print(f"recorded {name}")


if __name__ == "__main__":
    main()
