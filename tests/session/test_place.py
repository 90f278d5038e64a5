"""durable-rules and the database are there for live sessions, and stay out of the way of a screening."""

from __future__ import annotations

import ast
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
    assert not imported & {
        "durable",
        "durable_rules_engine",
        "durable_engine",
        "pint",
        "ucumvert",
        "lark",
        "sqlalchemy",
        "z3",
    }


SESSION = """
import sys
from datetime import date
from prescreen.session import Session

with Session("NCT07535138", on=date(2026, 6, 1)) as session:
    session.add("C-1", {"birth_date": "1990"})
    assert session.statuses("C-1")["I1"] == "met"
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_a_session_keeps_durable_rules_in_another_process() -> None:
    assert not {"durable", "durable_rules_engine"} & set(_run(SESSION).split())


def test_the_package_of_sessions_costs_nothing_to_import() -> None:
    imported = set(_run("import sys, prescreen.session; print(*sys.modules)").split())
    assert not {"durable", "sqlalchemy", "pydantic"} & imported


def test_one_module_knows_durable_rules_and_the_log_the_database() -> None:
    found: dict[str, set[str]] = {name: set() for name in ("durable", "sqlalchemy")}
    for path in (ROOT / "src" / "prescreen").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                if name.partition(".")[0] in found:
                    found[name.partition(".")[0]].add(path.name)
    assert found == {"durable": {"worker.py"}, "sqlalchemy": {"book.py", "log.py"}}
