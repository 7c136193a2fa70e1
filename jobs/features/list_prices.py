"""List prices as they were known on each day: what forecasts learn of past announcements, and see of those to come.

What is no price, 0 or in another currency than the store's never gets here: it waits in quarantine, and what was said
before it still stands.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from jobs.landed.files import BEGINNING
from jobs.lib.tables import FILE_ORDER


def list_prices(prices_changes: DataFrame) -> DataFrame:
    """What was said of the prices of items of which any was ever known before it began: ``item_id, valid_from, price,
    known_from, known_until`` (the first day on which it was said no more, null while it stands).

    A row holds until the next one of its key that says another price or takes it back; the same said again (a list
    that is delivered whole every night) makes no second row. Of a bulk snapshot without history (``known: always``)
    nobody knows what was announced: its prices count as told on their first days.
    """
    order = Window.partitionBy("item_id", "valid_from").orderBy(*FILE_ORDER)
    known = prices_changes.withColumn("price", F.when(~F.col("is_deleted"), F.col("price")))
    is_same = F.col("price").eqNullSafe(F.lag("price").over(order))
    changed = known.withColumn("_is_same", is_same).where(~F.col("_is_same"))
    spans = changed.withColumn("known_until", F.lead("known_day").over(order))
    is_said = F.col("price").isNotNull() & F.coalesce(F.col("known_until") > F.col("known_day"), F.lit(True))
    told = F.when(F.col("known_day") == F.lit(BEGINNING), F.col("valid_from")).otherwise(F.col("known_day"))
    is_ahead = F.max(F.col("valid_from") > F.col("known_from")).over(Window.partitionBy("item_id"))
    said = spans.where(is_said).withColumn("known_from", told).withColumn("_has_ahead", is_ahead).where("_has_ahead")
    return said.select("item_id", "valid_from", "price", "known_from", "known_until")
