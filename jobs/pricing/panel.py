"""One row per item and week for the elasticities: what sold, at which price, and what else was going on.

Lines at a business customer's contract price do not answer to the list price and stay out. A store without a table of
prices has them as it sold: the median line of the week, since the mean falls with the size of the order.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from jobs.features.campaigns import campaigns
from jobs.features.learning import off_contract, sold
from jobs.lib.stores import Store
from jobs.lib.tables import FILE_ORDER
from jobs.pricing.guardrails import Trust

WEEKS = 156  # three years: what bounds the frame on the driver, with the catalogue
COLUMNS = (
    "item_id", "category", "nest", "week", "units", "price", "cost", "is_promotion", "is_featured", "is_stockout",
    "competitor_price",
)  # fmt: skip


def panel(
    order_lines: DataFrame,
    items: DataFrame,
    prices: DataFrame,
    promotions_changes: DataFrame,
    stock_levels_changes: DataFrame,
    competitor_prices: DataFrame,
    contract_prices: DataFrame,
    until: date,
) -> DataFrame:
    """``COLUMNS``, one row per item and week from the item's first sale on; weeks are counted back from the one that
    ends with ``until`` (:func:`last_day`).

    ``price`` is what customers paid: the list price weighted by its days less the week's promotion, else the median
    line, else the last one known; weeks before any price are left out. ``nest`` is the product that variants share.
    ``is_promotion``: one ran, also one that tells no depth (0): what it took off may be in the list price already.
    ``is_stockout``: on at least one evening of the week the shelf was empty. ``stock_levels_changes`` has every count,
    ``promotions_changes`` all that was ever said of promotions.
    """
    lines = off_contract(sold(order_lines), contract_prices)
    weeks = _weeks(lines, until)
    joined = (
        weeks.join(_sales(lines, until), ["item_id", "week"], "left")
        .join(_listed(weeks, prices), ["item_id", "week"], "left")
        .join(_promoted(campaigns(promotions_changes), until), ["item_id", "week"], "left")
        .join(_sold_out(stock_levels_changes, until), ["item_id", "week"], "left")
        .join(_competitors(competitor_prices, until), ["item_id", "week"], "left")
        .join(_facts(items), "item_id", "left")
    )
    so_far = Window.partitionBy("item_id").orderBy("week")
    paid = F.col("list_price") * (1 - F.coalesce("depth", F.lit(0.0)))
    told = F.coalesce(paid, F.col("line_price"))
    priced = joined.withColumn("price", F.coalesce(told, F.last(told, ignorenulls=True).over(so_far)))
    return priced.where(F.col("price") > 0).select(
        "item_id",
        "category",
        "nest",
        "week",
        F.coalesce("units", F.lit(0)).cast("double").alias("units"),
        "price",
        F.coalesce("list_cost", "cost").alias("cost"),
        F.col("depth").isNotNull().alias("is_promotion"),
        F.coalesce("is_featured", F.lit(False)).alias("is_featured"),
        F.coalesce(F.col("days_out") > 0, F.lit(False)).alias("is_stockout"),
        "competitor_price",
    )


def last_day(order_lines: DataFrame, store: Store, as_of: date) -> date:
    """The last day of the newest whole week. A store that tells weekly sums has weeks of its own, which end on the day
    that the sums are dated by: in any other week half of it would have next week's price. Else weeks end on Sundays."""
    newest = order_lines.agg(F.max("order_date")).first() if store.period == "week" else None
    if newest is not None and newest[0] is not None:
        return newest[0]
    return as_of - timedelta(days=(as_of.weekday() + 1) % 7)


def collected(frame: DataFrame, trust: Trust = Trust()) -> pd.DataFrame:
    """The panel on the driver, sorted; bounded by the catalogue times ``WEEKS``. A competitor's price that cannot be
    of the same thing is none."""
    rows: pd.DataFrame = frame.select(*COLUMNS).toPandas()
    rows.attrs.clear()  # Spark Connect leaves its metrics of the query there, which Parquet cannot write
    rows["week"] = pd.to_datetime(rows["week"])
    ratio = rows["competitor_price"] / rows["price"]
    rows.loc[~ratio.between(1 / trust.implausible_ratio, trust.implausible_ratio), "competitor_price"] = np.nan
    return rows.sort_values(["item_id", "week"], kind="stable", ignore_index=True)


def _week(day: str, until: date) -> Column:
    """The first day of the week in which a day lies."""
    return F.date_sub(F.col(day), F.pmod(F.date_diff(F.col(day), F.lit(until + timedelta(days=1))), F.lit(7)))


def _weeks(lines: DataFrame, until: date) -> DataFrame:
    """Item × week, from the first sale to the last week that is over."""
    last = until - timedelta(days=6)
    first = last - timedelta(weeks=WEEKS - 1)
    began = lines.groupBy("item_id").agg(F.greatest(F.min(_week("order_date", until)), F.lit(first)).alias("_first"))
    known = began.where(F.col("_first") <= F.lit(last))
    return known.select("item_id", F.explode(F.expr(f"sequence(_first, DATE'{last}', INTERVAL 7 DAYS)")).alias("week"))


def _sales(lines: DataFrame, until: date) -> DataFrame:
    return lines.groupBy("item_id", _week("order_date", until).alias("week")).agg(
        F.sum("units").alias("units"), F.percentile("price", F.lit(0.5)).alias("line_price")
    )


def _listed(weeks: DataFrame, prices: DataFrame) -> DataFrame:
    """The list price and cost of an item's week, each price weighted by the days for which it held."""
    following = Window.partitionBy("item_id").orderBy("valid_from")
    spans = prices.select(
        "item_id",
        "valid_from",
        F.lead("valid_from").over(following).alias("_until"),
        "price",
        F.last("cost", ignorenulls=True).over(following.rowsBetween(Window.unboundedPreceding, 0)).alias("_c"),
    )
    met = weeks.join(spans, "item_id", "inner").where(
        (F.col("valid_from") < F.date_add("week", 7)) & (F.col("_until").isNull() | (F.col("_until") > F.col("week")))
    )
    ends = F.least(F.date_add("week", 7), F.coalesce("_until", F.date_add("week", 7)))
    days = F.date_diff(ends, F.greatest("valid_from", "week"))
    weighed = met.withColumn("_days", days)
    return weighed.groupBy("item_id", "week").agg(
        (F.sum(F.col("price") * F.col("_days")) / F.sum("_days")).alias("list_price"),
        F.max_by("_c", "valid_from").alias("list_cost"),
    )


def _promoted(known: DataFrame, until: date) -> DataFrame:
    """The depth of a week's promotion, weighted by the days that it ran, and whether the item was featured."""
    days = known.where("known_until IS NULL").select(
        "item_id", "depth", "is_featured", F.explode(F.sequence("starts_on", "ends_on")).alias("day")
    )
    deepest = days.groupBy("item_id", "day").agg(F.max("depth").alias("depth"), F.max("is_featured").alias("featured"))
    return deepest.groupBy("item_id", _week("day", until).alias("week")).agg(
        (F.sum("depth") / 7).alias("depth"), F.max("featured").alias("is_featured")
    )


def _sold_out(stock_levels_changes: DataFrame, until: date) -> DataFrame:
    """Days of a week on which no location had a piece left; a count holds until the next one of its location."""
    order = Window.partitionBy("item_id", "location_id").orderBy(*FILE_ORDER)
    counts = stock_levels_changes.withColumn("_until", F.lead("known_day").over(order))
    end = F.coalesce(F.date_sub("_until", 1), F.lit(until))
    spans = counts.where(~F.col("is_deleted") & (end >= F.col("known_day")))
    held = spans.select("item_id", "on_hand", F.explode(F.sequence(F.col("known_day"), end)).alias("day"))
    empty = held.groupBy("item_id", "day").agg(F.max("on_hand").alias("most")).where("most <= 0")
    return empty.groupBy("item_id", _week("day", until).alias("week")).agg(F.count(F.lit(1)).alias("days_out"))


def _competitors(competitor_prices: DataFrame, until: date) -> DataFrame:
    there = competitor_prices.where("is_in_stock")
    return there.groupBy("item_id", _week("observed_on", until).alias("week")).agg(
        F.percentile("price", F.lit(0.5)).alias("competitor_price")
    )


def _facts(items: DataFrame) -> DataFrame:
    return items.select("item_id", "category", F.col("parent_item_id").alias("nest"), "cost")
