"""The golden files of the renderers, and the one command that records them again:

    python -m tests.report.record          (from the repository's root, with `src` on PYTHONPATH)

Look at the difference before committing it: a golden file is what a reviewer will read.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from prescreen.report import html, markdown, text

from . import sample

GOLDEN = Path(__file__).parent / "golden"

DRAWN: dict[str, Callable[[], str]] = {
    "short.txt": lambda: text.render(sample.c017()),
    "short-narrow.txt": lambda: text.render(sample.c017(), width=60),
    "short-colour.ansi": lambda: text.render(sample.c017(), colour=True),
    "verbose.txt": lambda: text.render(sample.c017(), verbose=True),
    "cohorts.txt": lambda: text.render(sample.several()[3]),
    "summary.txt": lambda: text.render_summary(sample.several()),
    "summary-narrow.txt": lambda: text.render_summary(sample.several(), width=60),
    "several.md": lambda: markdown.render(sample.several()),
    "hostile.md": lambda: markdown.render([sample.hostile()]),
    "several.html": lambda: html.render(sample.several()),
    "hostile.html": lambda: html.render([sample.hostile()]),
}


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for name, draw in DRAWN.items():
        (GOLDEN / name).write_text(draw(), encoding="utf-8")
        print(f"recorded {name}")


if __name__ == "__main__":
    main()
