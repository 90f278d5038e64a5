"""Cohort tables: what they hold, found on disk, read into candidates, and written (contract §6)."""

from prescreen.tables.cells import Row
from prescreen.tables.dataset import Tables, open_tables
from prescreen.tables.extras import require
from prescreen.tables.model import TABLES, Column, Table, TableIssue
from prescreen.tables.reading import TableCandidate, read_rows
from prescreen.tables.sources import Source
from prescreen.tables.writing import Sink, rows_of, write_tables

__all__ = [
    "TABLES", "Column", "Row", "Sink", "Source", "Table", "TableCandidate", "TableIssue", "Tables",
    "open_tables", "read_rows", "require", "rows_of", "write_tables",
]  # fmt: skip
