"""docs/tables.md names every table and column, each as usual or not, as the program has them."""

from __future__ import annotations

import re
from pathlib import Path

from prescreen.tables import TABLES

TEXT = (Path(__file__).parents[2] / "docs" / "tables.md").read_text(encoding="utf-8")


def test_every_table_and_column_is_described() -> None:
    described = {}
    for name, columns in re.findall(r"(?m)^\| `(\w+)` \| (.*) \|$", TEXT):
        found = re.findall(r"(\*?)`(\w+)`\1(?: \([^)]*\))?", columns)
        described[name] = [(column, not star) for star, column in found]
    assert described == {
        name: [(column.name, column.usual) for column in table.columns] for name, table in TABLES.items()
    }
