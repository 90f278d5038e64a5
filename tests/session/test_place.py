"""durable-rules is installed for live sessions, and stays out of the way of a screening."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

SCREENING = """
import io, sys
from contextlib import redirect_stdout
from prescreen.cli import main

with redirect_stdout(io.StringIO()) as output:
    status = main(["screen", "NCT07535138", sys.argv[1], "--on", "2026-06-01"])
assert status == 0 and "C-010" in output.getvalue(), output.getvalue()
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def _run(code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_durable_rules_is_there_and_holds_a_rule() -> None:
    code = "import durable.lang as lang; print(lang.ruleset.__name__)"
    assert _run(code).strip() == "ruleset"


def test_a_screening_imports_neither_durable_rules_nor_the_unit_registry_nor_the_solver() -> None:
    imported = set(_run(SCREENING, str(ROOT / "examples" / "c-010-si-units.json")).split())
    assert {"prescreen", "pydantic", "rich"} <= imported
    assert not imported & {"durable", "durable_rules_engine", "durable_engine", "pint", "ucumvert", "lark", "z3"}


def test_the_session_package_is_only_a_place_so_far() -> None:
    assert _run("import sys, prescreen.session; print('durable' in sys.modules)").strip() == "False"
