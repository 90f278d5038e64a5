"""The statements of Spark run on DuckDB: the same expressions in another dialect, without Java."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from prescreen.tables import Tables


class DuckRunner:
    dialect = "duckdb"

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.connection = tables.connection.cursor()

    def source(self, table: str) -> tuple[str, Sequence[str]] | None:
        source = self.tables.sources.get(table)
        return None if source is None else (source.scan(), list(source.columns))

    def make(self, name: str, query: str) -> None:
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")

    def add(self, name: str, rows: pa.Table) -> None:
        self.connection.register(f"{name}_rows", rows)
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM {name}_rows")

    def fetch(self, query: str) -> pa.Table:
        return self.connection.sql(query).to_arrow_table()
