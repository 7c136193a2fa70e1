"""What a night's deliveries change in what was known: rows sent twice, corrected, withdrawn with their file, or gone.

Every decision on a row uses only rows known no later than it, so that a batch of many days gives what its nights
would have given one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from jobs.lib.contracts import Contract
from jobs.lib.tables import FILE_ORDER

# Filled by cleaning, not by the store: a row is the same row whatever these hold.
FILLED = {
    "validated.order_lines": ("is_test", "cancels_order_id", "cancels_line_number"),
    "validated.events": ("is_bot",),
}
# Stands for "known before this batch" among the days of delivery.
BEFORE = date(1900, 1, 1)  # before any delivery; Java reads no year below 1000 as Python writes it


def content(contract: Contract) -> Column:
    """A hash of what the store said in a row: equal for rows that say the same."""
    names = [column.name for column in contract.own_columns if column.name not in FILLED.get(contract.name, ())]
    # xxhash64 passes over nulls: the flags keep (1, null) and (null, 1) apart.
    return F.xxhash64(*[F.col(name) for name in names], *[F.col(name).isNull() for name in names])


def ambiguous(contract: Contract, among: str) -> Column:
    """True on the second and later rows of a key in one file that say something else than the first: which of them is
    right cannot be known. Only rows with the same ``among`` are compared. Not asked of versions, where the later row
    of a file counts."""
    if contract.history != "events":
        return F.lit(False)
    same_file = Window.partitionBy(*contract.key, "_file", "_file_version", "known_day", among).orderBy(
        "_row", content(contract)
    )
    first = F.first(content(contract)).over(same_file.rowsBetween(Window.unboundedPreceding, Window.currentRow))
    return content(contract) != first


def settled_events(
    incoming: DataFrame, existing: DataFrame, contract: Contract, versions: DataFrame | None = None
) -> DataFrame:
    """``incoming`` and those rows of ``existing`` that it touches, with what became of each.

    ``versions``: rows (_file, _file_version, day) of files delivered again in this batch under an old name; a file
    that is there in a later version says no more what only the earlier one said. Adds ``_is_new``; ``_is_repeat``,
    true for a new row whose key was last known with the same content; and ``_until``, the day from which another row
    or a newer version of the file stands in its place (null while it stands).
    """
    touched = existing.join(incoming.select(*contract.key).distinct(), list(contract.key), "left_semi")
    if versions is not None:
        files = F.broadcast(versions.select("_file").distinct())
        touched = touched.unionByName(
            existing.join(files, "_file", "left_semi")
            .join(incoming.select(*contract.key).distinct(), list(contract.key), "left_anti")
            .select(*existing.columns)
        )
    rows = incoming.withColumn("_is_new", F.lit(True)).unionByName(
        touched.select(*incoming.columns).withColumn("_is_new", F.lit(False))
    )
    rows = _withdrawn(rows.withColumn("_content", content(contract)), contract, versions)
    ordered = Window.partitionBy(*contract.key).orderBy(*FILE_ORDER)
    stood = F.lag("_withdrawn_on").over(ordered).isNull() | (F.lag("_withdrawn_on").over(ordered) > F.col("known_day"))
    repeat = F.coalesce((F.lag("_content").over(ordered) == F.col("_content")) & stood, F.lit(False))
    rows = rows.withColumn("_is_repeat", repeat & F.col("_is_new"))
    # The row that takes a row's place is the next one of its key that is no repeat.
    others = F.when(~F.col("_is_repeat"), F.col("known_day"))
    after = ordered.rowsBetween(1, Window.unboundedFollowing)
    replaced_on = F.first(others, ignorenulls=True).over(after)
    return rows.withColumn("_until", F.least(replaced_on, F.col("_withdrawn_on"))).drop("_content", "_withdrawn_on")


def _withdrawn(rows: DataFrame, contract: Contract, versions: DataFrame | None) -> DataFrame:
    """Adds ``_withdrawn_on``: the day of the first later version of the row's file that no longer has its key."""
    if versions is None:
        return rows.withColumn("_withdrawn_on", F.lit(None).cast("date"))
    later = versions.groupBy("_file").agg(F.collect_list(F.struct("_file_version", "day")).alias("_versions"))
    present = F.collect_set(F.concat_ws("/", "_file_version", "_file")).over(Window.partitionBy(*contract.key))
    lacking = F.filter(
        "_versions",
        lambda version: (
            (version["_file_version"] > F.col("_file_version"))
            & ~F.array_contains(F.col("_present"), F.concat_ws("/", version["_file_version"], F.col("_file")))
        ),
    )
    joined = rows.join(F.broadcast(later), "_file", "left").withColumn("_present", present)
    return joined.withColumn("_withdrawn_on", F.array_min(F.transform(lacking, lambda version: version["day"]))).drop(
        "_versions", "_present"
    )


def settled_versions(
    incoming: DataFrame,
    existing: DataFrame,
    contract: Contract,
    days: Sequence[date] | None,
    broken: DataFrame | None = None,
) -> DataFrame:
    """The rows of ``incoming`` that say something new of their key, and tombstones of keys that are gone.

    ``days``: those on which a whole snapshot was delivered, None where the source sends changes. A key that was there
    before such a day and is not among that day's rows, nor among the ``broken`` ones (rows of the key columns and
    known_day), is gone: its last row again with is_deleted. ``existing``: what was visible before, a row a key.
    """
    columns = incoming.columns
    rows = incoming.withColumn("_is_new", F.lit(True)).unionByName(
        existing.select(*columns).withColumn("_is_new", F.lit(False))
    )
    if days:
        rows = rows.unionByName(_tombstones(rows, contract, days, broken).select(*rows.columns))
    ordered = Window.partitionBy(*contract.key).orderBy(*FILE_ORDER)
    rows = rows.withColumn("_content", content(contract))
    repeat = F.coalesce(F.lag("_content").over(ordered) == F.col("_content"), F.lit(False))
    return rows.withColumn("_is_repeat", repeat).where(F.col("_is_new")).drop("_content", "_is_new")


def _tombstones(rows: DataFrame, contract: Contract, days: Sequence[date], broken: DataFrame | None) -> DataFrame:
    """A row with is_deleted for each (key, day of delivery) that is the first one without the key."""
    key = list(contract.key)
    days = sorted(days)
    following = rows.sparkSession.createDataFrame(
        list(zip([BEFORE, *days[:-1]], days, strict=True)), "_day date, _next date"
    )
    shown = rows.withColumn("_day", F.when(F.col("_is_new"), F.col("known_day")).otherwise(F.lit(BEFORE))).withColumn(
        "_is_broken", F.lit(False)
    )
    if broken is not None:
        seen = broken.select(*key, "known_day").distinct().dropna()
        shown = shown.unionByName(
            seen.withColumn("_day", F.col("known_day")).withColumn("_is_broken", F.lit(True)), allowMissingColumns=True
        )
    last_of_day = Window.partitionBy(*key, "_day").orderBy(
        F.col("_is_broken"), *[F.col(name).desc() for name in FILE_ORDER]
    )
    lasts = shown.withColumn("_nth", F.row_number().over(last_of_day)).where(F.col("_nth") == 1)
    by_day = Window.partitionBy(*key).orderBy("_day")
    gone = (
        lasts.withColumn("_back", F.lead("_day").over(by_day))
        .join(F.broadcast(following), "_day")
        .where(F.col("_back").isNull() | (F.col("_back") > F.col("_next")))
    )
    # A key whose only rows are broken never became visible: nothing to take back.
    return (
        gone.where(~F.col("_is_broken") & ~F.col("is_deleted"))
        .withColumn("known_day", F.col("_next"))
        .withColumn("is_deleted", F.lit(True))
        .withColumn("_is_new", F.lit(True))
        .withColumns(
            {
                "_file": F.lit(None).cast("string"),
                "_file_version": F.lit(None).cast("int"),
                "_row": F.lit(None).cast("long"),
            }
        )
    )
