"""What came in for the days of a batch: landed rows as views for the mappings, and the days on which a source delivered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.lib.stages import Night
from jobs.lib.stores import Source

REFUSED = "quarantine.files"
INTERNAL = ("_sha256", "_rows", "_received_at")
# No store has rows known before: what `known: always` means is 1970.
FIRST_DAY = date(1900, 1, 1)


@dataclass(frozen=True)
class Span:
    """The known days that one run of the stage validates: those after the night before it, up to its own."""

    first: date
    last: date

    @property
    def before(self) -> date:
        """The last day whose rows are history to this run."""
        return self.first - timedelta(days=1)

    def holds(self, column: str) -> DataFrame:
        """The condition that a column's day is one of these."""
        return F.col(column).between(F.lit(self.first), F.lit(self.last))

    def condition(self, table: str | None = None) -> str:
        """The same as SQL for a partition replace, of one table's rows in a table of many tables."""
        days = f"known_day >= DATE'{self.first}' AND known_day <= DATE'{self.last}'"
        return f"{days} AND `table` = '{table}'" if table else days


def views(night: Night, span: Span) -> dict[str, DataFrame]:
    """Source name → its data rows known on the days of ``span``, one version of a file on a day: the newest.

    A source of which nothing has landed yet has a view without rows where store.yml gives its columns, else none.
    """
    found = {}
    for name, source in night.store.sources.items():
        landed = night.tables.read_landed(name)
        if landed is not None:
            found[name] = _newest(landed.where(span.holds("_known_day")), landed).where(F.col("_row") > 0).drop(*INTERNAL)
        elif source.columns:
            columns = ", ".join(f"`{column}` string" for column in source.columns)
            lineage = "_file string, _file_version int, _row long, _known_day date"
            found[name] = night.spark.createDataFrame([], f"{columns}, {lineage}")
    return found


def versions(night: Night, sources: Iterable[str], span: Span) -> DataFrame | None:
    """(_file, _file_version, day) of the files that came under an old name on the days of ``span``; None for none."""
    parts = []
    for name in sources:
        landed = night.tables.read_landed(name)
        if landed is None:
            continue
        again = landed.where((F.col("_file_version") > 1) & span.holds("_known_day"))
        own_day = F.coalesce(F.min(F.when(F.col("_row") > 0, F.col("_known_day"))), F.min("_known_day"))
        parts.append(again.groupBy("_file", "_file_version").agg(own_day.alias("day")))
    if not parts:
        return None
    together = reduce(DataFrame.unionByName, parts)
    return None if together.isEmpty() else together


def delivered_days(night: Night, source: str, since: date) -> dict[date, int]:
    """Day → data rows that ``source`` delivered on it, from ``since`` to the night; an empty file makes a day of 0 rows."""
    landed = night.tables.read_landed(source)
    if landed is None:
        return {}
    known = landed.where((F.col("_known_day") >= F.lit(since)) & (F.col("_known_day") <= F.lit(night.as_of)))
    counted = known.groupBy("_known_day").agg(F.sum((F.col("_row") > 0).cast("int")).alias("rows")).collect()
    return {row["_known_day"]: row["rows"] for row in counted}


def snapshot_days(night: Night, sources: Iterable[Source], span: Span) -> list[date] | None:
    """The days of ``span`` on which every snapshot source among ``sources`` arrived whole; None where there is none.

    A day with an empty file, or with one that landing refused, shows nothing as gone.
    """
    snapshots = [source.name for source in sources if source.delivers == "snapshot"]
    if not snapshots:
        return None
    days = [{day for day, rows in delivered_days(night, name, span.first).items() if rows} for name in snapshots]
    whole = set.intersection(*days)
    refused = night.tables.raw(REFUSED)
    if refused is not None and whole:
        bad = refused.where(F.col("source").isin(snapshots) & span.holds("known_day")).select("known_day").distinct()
        whole -= {row["known_day"] for row in bad.collect()}
    return sorted(whole)


def _newest(pending: DataFrame, landed: DataFrame) -> DataFrame:
    again = landed.where(F.col("_file_version") > 1).select("_file").distinct()
    if again.isEmpty():
        return pending
    newest = (
        pending.join(F.broadcast(again), "_file", "left_semi").groupBy("_file", "_known_day").agg(F.max("_file_version").alias("_newest"))
    )
    joined = pending.join(F.broadcast(newest), ["_file", "_known_day"], "left")
    return joined.where(F.col("_newest").isNull() | (F.col("_newest") == F.col("_file_version"))).drop("_newest")
