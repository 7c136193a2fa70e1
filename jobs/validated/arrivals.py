"""What came in for the days of a batch: landed rows as views for the mappings, and which source delivered when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.lib.stages import Night
from jobs.lib.stores import Source

REFUSED = "quarantine.files"
INTERNAL = ("_sha256", "_rows", "_received_at", "_bytes", "_modified_at", "_columns")
# Days before the night of which it is known what came: past weeks of the volume rule, and missing files.
LOOK_BACK = 70
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

    def holds(self, column: str) -> Column:
        """The condition that a column's day is one of these."""
        return F.col(column).between(F.lit(self.first), F.lit(self.last))

    @property
    def condition(self) -> str:
        """The same of known_day as SQL, for a partition replace."""
        return f"known_day >= DATE'{self.first}' AND known_day <= DATE'{self.last}'"


@dataclass(frozen=True)
class Arrivals:
    """What each source of a store delivered.

    ``views``: its data rows known on the batch's days, one version of a file on a day. ``days``: data rows by day, 0
    for an empty file, of the batch and of the ``LOOK_BACK`` days before the night. ``renewed``: the sources of which a
    file came more than once under its name.
    """

    night: Night
    span: Span
    views: dict[str, DataFrame]
    days: dict[str, dict[date, int]]
    renewed: frozenset[str]

    def versions(self, sources: Iterable[str]) -> DataFrame | None:
        """(_file, _file_version, day) of the files that came under an old name on the batch's days; None for none."""
        parts = []
        for name in self.renewed & set(sources):
            landed = self.night.tables.read_landed(name)
            assert landed is not None
            again = landed.where((F.col("_file_version") > 1) & self.span.holds("_known_day"))
            own_day = F.coalesce(F.min(F.when(F.col("_row") > 0, F.col("_known_day"))), F.min("_known_day"))
            parts.append(again.groupBy("_file", "_file_version").agg(own_day.alias("day")))
        return reduce(DataFrame.unionByName, parts) if parts else None

    def delivered(self, sources: Iterable[str]) -> dict[date, int]:
        """Day → data rows that the sources delivered on it together; a day without a file is not in it."""
        found: dict[date, int] = {}
        for name in sources:
            for day, rows in self.days.get(name, {}).items():
                found[day] = found.get(day, 0) + rows
        return found

    def snapshot_days(self, sources: Iterable[Source]) -> list[date] | None:
        """The batch's days on which every snapshot source among ``sources`` arrived whole; None where there is none.

        A day with an empty file, or with one that landing refused, shows nothing as gone.
        """
        snapshots = [source.name for source in sources if source.delivers == "snapshot"]
        if not snapshots:
            return None
        days = [
            {day for day, rows in self.days.get(name, {}).items() if rows and self.span.first <= day}
            for name in snapshots
        ]
        whole = set.intersection(*days)
        refused = self.night.tables.raw(REFUSED)
        if refused is not None and whole:
            bad = (
                refused.where(F.col("source").isin(snapshots) & self.span.holds("known_day"))
                .select("known_day")
                .distinct()
            )
            whole -= {row["known_day"] for row in bad.collect()}
        return sorted(whole)


def arrived(night: Night, span: Span) -> Arrivals:
    """What came in for a batch. A source of which nothing has landed yet has a view without rows where store.yml gives
    its columns, else none."""
    views, days, renewed = {}, {}, set()
    for name, source in night.store.sources.items():
        landed = night.tables.read_landed(name)
        if landed is not None:
            days[name], is_renewed = _delivered(
                landed, min(span.first, night.as_of - timedelta(days=LOOK_BACK)), night.as_of
            )
            renewed |= {name} if is_renewed else set()
            pending = landed.where(span.holds("_known_day"))
            views[name] = (_newest(pending) if is_renewed else pending).where(F.col("_row") > 0).drop(*INTERNAL)
        elif source.columns:
            columns = ", ".join(f"`{column}` string" for column in source.columns)
            lineage = "_file string, _file_version int, _row long, _known_day date"
            views[name] = night.spark.createDataFrame([], f"{columns}, {lineage}")
    return Arrivals(night, span, views, days, frozenset(renewed))


def _delivered(landed: DataFrame, since: date, until: date) -> tuple[dict[date, int], bool]:
    known = landed.where(F.col("_known_day").between(F.lit(since), F.lit(until)))
    counted = (
        known.groupBy("_known_day")
        .agg(F.count_if(F.col("_row") > 0).alias("rows"), F.max("_file_version").alias("version"))
        .collect()
    )
    return {row["_known_day"]: row["rows"] for row in counted}, any(row["version"] > 1 for row in counted)


def _newest(pending: DataFrame) -> DataFrame:
    again = pending.where(F.col("_file_version") > 1).select("_file").distinct()
    newest = (
        pending.join(F.broadcast(again), "_file", "left_semi")
        .groupBy("_file", "_known_day")
        .agg(F.max("_file_version").alias("_newest"))
    )
    joined = pending.join(F.broadcast(newest), ["_file", "_known_day"], "left")
    return joined.where(F.col("_newest").isNull() | (F.col("_newest") == F.col("_file_version"))).drop("_newest")
