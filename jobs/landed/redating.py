"""Late rows given the day that is their own, as if they had come in time: the one exception to closed nights.

A file that came after its night was closed counts from the first night still open (:mod:`jobs.landed.stage`), so that
what was published stays true. A repair, which a person asks for, moves such rows back; the nights from there on are
then run again (:mod:`jobs.repair`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.landed import files as listing
from jobs.landed import landing
from jobs.landed.streams import Refused
from jobs.lib.stages import Night
from jobs.lib.stores import Source


@dataclass(frozen=True)
class Late:
    """The files of one source with rows that count from a later day than their own; ``first`` is the earliest."""

    source: Source
    files: tuple[str, ...]
    rows: int
    first: date


def late(night: Night, source: Source, oldest: date | None = None) -> Late | None:
    """What of a source is late; None where nothing is. A bulk snapshot without days of its own is never late. Rows of
    days before ``oldest``, the first night that can be made again, count from that one at the earliest."""
    table = night.tables.read_landed(source.name)
    if table is None or source.known.kind == "always":
        return None
    behind = with_own_day(night, source, table, oldest).where(F.col("_own_day") < F.col("_known_day"))
    found = behind.groupBy("_file").agg(F.min("_own_day").alias("first"), F.count_if(F.col("_row") > 0).alias("rows"))
    rows = sorted(found.collect(), key=lambda row: row["_file"])
    if not rows:
        return None
    return Late(
        source, tuple(row["_file"] for row in rows), sum(r["rows"] for r in rows), min(r["first"] for r in rows)
    )


def redate(night: Night, found: Late, oldest: date | None = None) -> None:
    """Gives the late rows their own day, in one commit; every other row of their files stays as it is."""
    table = night.tables.read_landed(found.source.name)
    assert table is not None
    of_files = table.where(F.col("_file").isin(*found.files))
    moved = with_own_day(night, found.source, of_files, oldest)
    moved = moved.withColumn("_known_day", F.least("_own_day", "_known_day")).select(*table.columns)
    quoted = ", ".join("'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'" for name in found.files)
    night.tables.replace_landed(found.source.name, moved, f"_file IN ({quoted})", found.rows)


def with_own_day(night: Night, source: Source, table: DataFrame, oldest: date | None) -> DataFrame:
    """Landed rows with ``_own_day``, the day that their file's name or they themselves tell, not before ``oldest``;
    null where none does."""
    if source.known.column is not None:
        told = F.date_add(landing.local_day(source.known, night.store.timezone), source.known.lag_days)
        dated = table.withColumn("_own_day", F.when(F.col("_row") > 0, told))
    else:
        names = [row["_file"] for row in table.where(F.col("_row") == 0).select("_file").distinct().collect()]
        days = [(name, day) for name in names if (day := _day_in(name, source)) is not None]
        known = night.spark.createDataFrame(days, "_file string, _own_day date")
        dated = table.join(F.broadcast(known), "_file", "left")
    if oldest is None:
        return dated
    # No night before it takes them in.
    return dated.withColumn("_own_day", F.when(F.col("_own_day").isNotNull(), F.greatest("_own_day", F.lit(oldest))))


def _day_in(name: str, source: Source) -> date | None:
    try:
        return listing.day_in(name, source.known)
    except Refused:  # landed under an earlier pattern of store.yml
        return None
