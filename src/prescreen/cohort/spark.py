"""Apache Spark as the database of a cohort: local mode unless it is configured otherwise (docs/cohorts.md).

Nothing here is imported, and no Java started, before a run asks for Spark.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from prescreen.problems import InputRefused, Problem
from prescreen.tables import Source, Tables
from prescreen.tables.dataset import as_text

if TYPE_CHECKING:
    import pyarrow as pa

_DEFAULTS: Final = {
    "spark.master": "local[*]",
    "spark.app.name": "prescreen",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "8",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.analyzer.maxIterations": "1000",
    "spark.sql.optimizer.maxIterations": "1000",
    "spark.driver.memory": "3g",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.log.level": "ERROR",
}
_KEPT: Final = ("_read", "_sums_", "_part_")
"""Parts of the names of tables that are computed once and kept; others are computed with what uses them."""


class SparkRunner:
    """Runs the statements of a cohort on Spark. A session that is there already is used as it is."""

    dialect = "spark"

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.session: Any = _session()

    def source(self, table: str) -> tuple[str, Sequence[str]] | None:
        source = self.tables.sources.get(table)
        if source is None:
            return None
        name = f"{table}_source"
        if source.kind == "parquet":
            frame = self.session.read.option("mergeSchema", "true").parquet(*map(str, source.files))
        else:
            frame = self.session.createDataFrame(self._by_duckdb(source))
        frame.createOrReplaceTempView(name)
        return name, list(source.columns)

    def _by_duckdb(self, source: Source) -> pa.Table:
        """CSV and DuckDB files are read where the run was started, as the local engine reads them."""
        chosen = ", ".join(f'{as_text(name, kind)} AS "{name}"' for name, kind in source.columns.items())
        return self.tables.connection.sql(f"SELECT {chosen} FROM {source.scan()}").to_arrow_table()

    def make(self, name: str, query: str) -> None:
        frame = self.session.sql(query)
        if any(part in name for part in _KEPT) or name.partition("_")[0] == "people":
            frame = frame.localCheckpoint()
        frame.createOrReplaceTempView(name)

    def add(self, name: str, rows: pa.Table) -> None:
        self.session.createDataFrame(rows).createOrReplaceTempView(name)

    def fetch(self, query: str) -> pa.Table:
        return self.session.sql(query).toArrow()


def _session() -> Any:
    try:
        from pyspark import SparkConf
        from pyspark.sql import SparkSession
    except ImportError:
        message = "the engine spark needs pyspark, which is not installed"
        hint = "install prescreen with its extra `spark`: prescreen[cohort,spark]"
        raise InputRefused([Problem("not-installed", message, hint=hint)]) from None
    conf = SparkConf()
    for name, value in _DEFAULTS.items():
        if not conf.contains(name):
            conf.set(name, value)
    try:
        return SparkSession.builder.config(conf=conf).getOrCreate()
    except Exception as error:  # Java missing, a master that cannot be reached: whatever Spark says of it
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        hint = "it needs Java 17 or later, and a master that can be reached"
        raise InputRefused([Problem("no-spark", f"Spark cannot be started: {reason}", hint=hint)]) from None
