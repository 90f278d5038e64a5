"""Record the golden files of sessions again: `python -m tests.session.record` (`make golden`)."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from prescreen.cli import main

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"


def record() -> None:
    """What the commands say of the example's week."""
    GOLDEN.mkdir(exist_ok=True)
    week = ["NCT07535138", "--on", "2026-06-01", "--from", str(ROOT / "examples" / "feed.ndjson")]
    with TemporaryDirectory() as folder:
        store = f"{folder}/log.db"
        for name, arguments in (
            ("feed.out.ndjson", ["watch", *week, "--store", store]),
            ("feed.txt", ["watch", *week, "--format", "text"]),
            ("worklist.txt", ["worklist", "--store", store]),
        ):
            with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()):
                status = main(arguments)
            if status:
                sys.exit(f"{name}: exit status {status}")
            (GOLDEN / name).write_text(out.getvalue(), encoding="utf-8")


if __name__ == "__main__":
    record()
