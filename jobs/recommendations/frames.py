"""From the feature tables in Spark to the plain frames that models and blocks work on.

Dates become ages in days before the as-of day, so that no result depends on a calendar, and every value is a number
or a text. What is collected to the driver has a stated bound.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from jobs.features.learning import human, sold
from jobs.lib.settings import GROUP_COLUMNS

SAMPLE_CUSTOMERS = 50_000
SAMPLE_PAIRS = 3_000_000
WINDOW_DAYS = 28
# What a ranker learns to put above what: a purchase above a cart above a view.
BOUGHT, INTEREST = 3, {"cart": 2, "view": 1}
OWN = ("orders", "units", "orders_since", "orders_28d", "decayed_14d", "decayed_30d", "decayed_90d")
SEEN = ("views_28d", "carts_28d")
# What fairness and the splits of an evaluation are measured by; of these the ranker's features know the country alone.
GROUPS = GROUP_COLUMNS
CUSTOMER = {
    "orders": "customer_orders",
    "mean_gap_days": "mean_gap_days",
    "items_per_order": "items_per_order",
    "value_per_order": "value_per_order",
    "mean_price": "customer_price",
    "repeat_share": "repeat_share",
    "views_28d": "customer_views",
}


def pair_rows(customer_item: DataFrame, customer: DataFrame, as_of: date) -> DataFrame:
    """One row per (customer, item) pair with the customer's own columns beside it; only of customers who may be
    given a personal list. Counts are doubles, ages are days before ``as_of`` and null where it never happened."""
    who = customer.where(F.col("is_personal_allowed")).select(
        "customer_id",
        *GROUPS,
        "is_restricted_allowed",
        *[F.col(name).cast("double").alias(alias) for name, alias in CUSTOMER.items()],
        _age("first_ordered_on", as_of).alias("customer_age"),
        _age("last_ordered_on", as_of).alias("customer_recency"),
    )
    pairs = customer_item.select(
        "customer_id",
        "item_id",
        *[F.col(name).cast("double").alias(name) for name in (*OWN, *SEEN)],
        _age("first_ordered_on", as_of).alias("first_age"),
        _age("last_ordered_on", as_of).alias("last_age"),
        _age("last_viewed_on", as_of).alias("viewed_age"),
        _age("last_carted_on", as_of).alias("carted_age"),
    )
    return pairs.join(who, "customer_id", "inner")


def item_rows(item: DataFrame, as_of: date) -> pd.DataFrame:
    """The item table on the driver, sorted by id, with ages for dates; the catalogue is what bounds it."""
    rows = item.withColumns(
        {
            "first_age": _age("first_ordered_on", as_of),
            "last_age": _age("last_ordered_on", as_of),
            "listed_age": _age("available_from", as_of),
        }
    ).drop("as_of", "first_ordered_on", "last_ordered_on", "available_from")
    return _on_the_driver(rows, "item_id")


def sampled(pairs: DataFrame, customers: int = SAMPLE_CUSTOMERS) -> pd.DataFrame:
    """The pairs of at most ``customers`` customers, on the driver: always the same ones, by a hash of their ids; of
    fewer where these have more than :data:`SAMPLE_PAIRS`."""
    return _on_the_driver(
        pairs.join(F.broadcast(_chosen(pairs, customers)), "customer_id", "left_semi"), "customer_id", "item_id"
    )


def sampled_and_of(
    pairs: DataFrame, customer_ids: Iterable[str], customers: int = SAMPLE_CUSTOMERS
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What :func:`sampled` gives, and the pairs of these customers (a bounded list), in one query."""
    wanted = pairs.sparkSession.createDataFrame([(who,) for who in sorted(customer_ids)], "customer_id string")
    marks = (
        _chosen(pairs, customers)
        .withColumn("_is_sampled", F.lit(True))
        .join(wanted.withColumn("_is_wanted", F.lit(True)), "customer_id", "full")
        .fillna(False)
    )
    rows = _on_the_driver(pairs.join(F.broadcast(marks), "customer_id", "inner"), "customer_id", "item_id")
    is_sampled, is_wanted = rows.pop("_is_sampled"), rows.pop("_is_wanted")
    return rows[is_sampled].reset_index(drop=True), rows[is_wanted].reset_index(drop=True)


def _chosen(pairs: DataFrame, customers: int) -> DataFrame:
    """Ids of at most so many who ordered, with at most :data:`SAMPLE_PAIRS` pairs together (one, if they alone have
    more)."""
    place = (F.xxhash64("customer_id"), F.col("customer_id"))
    sizes = pairs.groupBy("customer_id").agg(F.count(F.lit(1)).alias("pairs"), F.max("orders").alias("orders"))
    who = sizes.where("orders > 0").orderBy(*place).limit(customers)
    before = F.sum("pairs").over(Window.orderBy(*place).rowsBetween(Window.unboundedPreceding, -1))
    is_within = F.col("before").isNull() | (F.col("before") + F.col("pairs") <= SAMPLE_PAIRS)
    return who.withColumn("before", before).where(is_within).select("customer_id")


def following(day: str, cut: date) -> Column:
    """Whether the date column ``day`` is one of the 28 days after ``cut``."""
    return (F.col(day) > F.lit(cut)) & (F.col(day) <= F.lit(cut + timedelta(days=WINDOW_DAYS)))


def labels(order_lines: DataFrame, cut: date, customers: int, shown: DataFrame | None = None) -> pd.DataFrame:
    """Distinct products bought in the 28 days after ``cut`` by at most ``customers`` buyers (by a hash of their ids):
    customer_id, item_id and the declared country of the order, sorted; with ``shown``
    (:func:`jobs.recommendations.position.shown`) also shown_rank and shown_in, the best place until the day on which it
    was first bought, null where it was not shown."""
    lines = sold(order_lines).where(following("order_date", cut) & F.col("customer_id").isNotNull())
    bought = lines.groupBy("customer_id", "item_id").agg(
        F.max("country").alias("country"), F.min("order_date").alias("bought_on")
    )
    buyers = bought.select("customer_id").distinct().orderBy(F.xxhash64("customer_id"), "customer_id").limit(customers)
    kept = bought.join(F.broadcast(buyers), "customer_id", "left_semi")
    if shown is not None:
        pair = ["customer_id", "item_id"]
        before = kept.join(shown, pair, "inner").where(F.col("shown_on") <= F.col("bought_on"))
        best = before.groupBy(*pair).agg(F.min(F.struct("shown_rank", "shown_in")).alias("best"))
        kept = kept.join(best.select(*pair, "best.shown_rank", "best.shown_in"), pair, "left")
    return _on_the_driver(kept.drop("bought_on"), "customer_id", "item_id")


def who_ordered(customer_item: DataFrame, customer_ids: Iterable[str]) -> set[str]:
    """Which of these customers (a bounded list) had ordered, with or without consent to a list of their own."""
    wanted = customer_item.sparkSession.createDataFrame([(who,) for who in sorted(customer_ids)], "customer_id string")
    ordered = customer_item.where(F.col("orders") > 0).join(F.broadcast(wanted), "customer_id", "left_semi")
    return {row["customer_id"] for row in ordered.select("customer_id").distinct().collect()}


def looked_at(events: DataFrame, cut: date, customer_ids: Iterable[str]) -> pd.DataFrame:
    """What these customers (a bounded list) put into a cart or viewed in the 28 days after ``cut``, whether or not they
    bought it: customer_id, item_id, grade (:data:`INTEREST`), sorted."""
    inside, kind = following("event_date", cut), F.col("event_type")
    grade = F.coalesce(*[F.when(kind == name, F.lit(grade)) for name, grade in INTEREST.items()])
    seen = human(events).where(inside & kind.isin(*INTEREST))
    wanted = events.sparkSession.createDataFrame([(who,) for who in sorted(customer_ids)], "customer_id string")
    graded = seen.groupBy("customer_id", "item_id").agg(F.max(grade).alias("grade"))
    return _on_the_driver(graded.join(F.broadcast(wanted), "customer_id", "left_semi"), "customer_id", "item_id")


def _on_the_driver(frame: DataFrame, *by: str) -> pd.DataFrame:
    """A bounded frame in pandas, its rows in the order of ``by``."""
    rows: pd.DataFrame = frame.toPandas()
    return rows.sort_values(list(by), kind="stable").reset_index(drop=True)


def _age(column: str, as_of: date):
    return F.date_diff(F.lit(as_of), F.col(column)).cast("double")
