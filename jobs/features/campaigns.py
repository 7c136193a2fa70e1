"""Promotions as they were known on each day: what forecasts and prices learn of past ones, and see of those to come.

The last row known of a campaign does not do for that: a snapshot tells no more of one that has ended, and its tombstone
would take the past with it.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from jobs.lib.tables import FILE_ORDER


def campaigns(promotions_changes: DataFrame) -> DataFrame:
    """Spans of an item's promotion, of all rows ever known of them: ``promotion_id, item_id, starts_on, ends_on, depth,
    is_featured, known_from, known_until`` (the first day on which it was said no more, null while it stands).

    A row holds until the next one of its key, be it a change or a withdrawal: its days before then stay, since the
    store ran them so; those after it were expected up to that day and no longer.
    """
    order = Window.partitionBy("promotion_id", "item_id").orderBy(*FILE_ORDER)
    known = promotions_changes.withColumn("_next", F.lead("known_day").over(order))
    said = known.where(~F.col("is_deleted") & (F.col("_next").isNull() | (F.col("_next") > F.col("known_day"))))
    stands = said.withColumn("ends_on", F.least("ends_on", F.date_sub("_next", 1))).withColumn(
        "known_until", F.lit(None).cast("date")
    )
    expected = (
        said.where(F.col("_next").isNotNull())
        .withColumn("starts_on", F.greatest("starts_on", "_next"))
        .withColumn("known_until", F.col("_next"))
    )
    return (
        stands.unionByName(expected)
        .where(F.col("starts_on") <= F.col("ends_on"))
        .select(
            "promotion_id",
            "item_id",
            "starts_on",
            "ends_on",
            "depth",
            "is_featured",
            F.col("known_day").alias("known_from"),
            "known_until",
        )
    )
