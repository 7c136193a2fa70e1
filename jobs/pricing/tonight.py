"""What is known tonight of every item that can be sold tomorrow: its price, cost, bounds, line, stock, competitors."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.pricing import competitors
from jobs.pricing.guardrails import Guardrails

SALES_DAYS = 28  # of which features.item has the price that was paid
CONFIRMED_DAYS = 28  # within which a list is to have a decided price, else it was never set
BOUNDS = ("map_price", "msrp", "price_line", "clear_by")


def tonight(
    item: DataFrame,
    items: DataFrame,
    prices: DataFrame,
    promotions: DataFrame,
    competitor_prices: DataFrame,
    price_approvals: DataFrame,
    as_of: date,
    guardrails: Guardrails,
) -> pd.DataFrame:
    """One row an active item that has a price, sorted by id; the catalogue bounds it.

    Columns: ``item_id, title, category, price, cost, on_hand, units_28d, discontinued_on, map_price, msrp, price_line,
    clear_by, changed_on`` (day from which today's price holds, null where unknown), ``past_price`` (the price
    ``Guardrails.move_days`` days ago, else the first one known, null where none is), ``decided_on`` (day on which a
    refusal was told, or a later day from which a decided price will hold), ``planned_on, planned_price`` (the first
    other price that the list has for later than tomorrow, null where it has none), ``on_promotion`` (a promotion runs
    tomorrow), ``competitor_price, competitor_note``. A decided price that holds by tomorrow is the price, also
    where the table of prices does not know it yet, for up to ``CONFIRMED_DAYS``: one that no list has shown by then is
    not what customers pay.
    """
    sold = item.where("is_active").select("item_id", "title", "category", "price", "cost", "on_hand", "units_28d")
    rows: pd.DataFrame = (
        sold.join(items.select("item_id", "discontinued_on", *BOUNDS), "item_id", "left")
        .join(_in_force(prices, price_approvals, as_of, guardrails.move_days), "item_id", "left")
        .join(_decided(price_approvals, as_of), "item_id", "left")
        .join(_promoted(promotions, as_of), "item_id", "left")
        .toPandas()
    )
    # Without a list a decision counts until four weeks of sales tell what became of it.
    days = (pd.Timestamp(as_of) - pd.to_datetime(rows.pop("unlisted_since"))).dt.days
    is_told = (days >= SALES_DAYS) & (rows["units_28d"] > 0)
    rows["price"] = rows["decided_price"].mask(is_told).fillna(rows["price"])
    # Prices are for tomorrow, and so is the cost that a list has for it.
    rows["cost"] = rows.pop("listed_cost").fillna(rows["cost"])
    rows["on_promotion"] = rows["on_promotion"].eq(True)
    rows = rows[rows["price"] > 0].drop(columns="decided_price")
    rows = rows.merge(_planned(prices, rows, as_of), on="item_id", how="left")
    for name in ("discontinued_on", "clear_by", "changed_on", "decided_on", "planned_on"):
        rows[name] = pd.to_datetime(rows[name])
    rows["price_line"] = rows["item_id"].map(dict(guardrails.price_lines)).fillna(rows["price_line"])
    seen: pd.DataFrame = competitors.latest(competitor_prices).toPandas()
    counted = competitors.trusted(seen, rows, guardrails.competitors, as_of)
    rows = rows.merge(counted, on="item_id", how="left")
    rows["competitor_price"] = rows["competitor_price"].astype(float)
    rows["competitor_note"] = rows["competitor_note"].fillna("")
    return rows.sort_values("item_id", kind="stable", ignore_index=True)


def _in_force(prices: DataFrame, price_approvals: DataFrame, as_of: date, move_days: int) -> DataFrame:
    """``item_id, decided_price, changed_on, past_price, listed_cost, unlisted_since`` (the day of the decision where no
    list has the item). The price that holds tomorrow is the last of the table of
    prices and of what was decided; a decision wins over a list of the same day, and a list price that says the same is
    no change. Of two decisions for one day that of the later suggestion wins."""
    tomorrow = F.lit(as_of + timedelta(days=1))
    never = F.lit(None).cast("date").alias("suggested_on")
    listed = prices.select("item_id", "valid_from", "price", "cost", F.lit(0).alias("_order"), never)
    decided = price_approvals.where("decision <> 'refused'").select(
        "item_id", "valid_from", "price", F.lit(None).cast("double").alias("cost"), F.lit(1).alias("_order"),
        "suggested_on",
    )  # fmt: skip
    known = listed.unionByName(_confirmed(decided, listed, as_of)).where(F.col("valid_from") <= tomorrow)
    order = "valid_from, _order, suggested_on"
    before = F.expr(f"lag(price) OVER (PARTITION BY item_id ORDER BY {order})")
    changes = known.withColumn("_changed", F.when(before.isNull() | (before != F.col("price")), F.col("valid_from")))
    then = as_of + timedelta(days=1 - move_days)
    past = F.expr(f"max_by(price, struct({order})) FILTER (WHERE valid_from <= DATE'{then}')")
    return changes.groupBy("item_id").agg(
        F.expr(f"max_by(price, struct({order}))").alias("decided_price"),
        F.max("_changed").alias("changed_on"),
        F.coalesce(past, F.expr(f"min_by(price, struct({order}))")).alias("past_price"),
        F.expr("max_by(cost, valid_from) FILTER (WHERE _order = 0 AND cost IS NOT NULL)").alias("listed_cost"),
        F.when(F.min("_order") > 0, F.max("valid_from")).alias("unlisted_since"),
    )


def _confirmed(decided: DataFrame, listed: DataFrame, as_of: date) -> DataFrame:
    """Decisions without those of long ago that the list of their item, which has nothing newer, does not know."""
    newest = (
        listed.where(F.col("valid_from") <= F.lit(as_of)).groupBy("item_id").agg(F.max("valid_from").alias("_newest"))
    )
    is_old = F.date_diff(F.lit(as_of), "valid_from") >= CONFIRMED_DAYS
    joined = decided.join(newest, "item_id", "left")
    return joined.where(~(is_old & F.coalesce(F.col("valid_from") >= F.col("_newest"), F.lit(False)))).drop("_newest")


def _decided(price_approvals: DataFrame, as_of: date) -> DataFrame:
    """``item_id, decided_on`` of refusals and of decisions that wait for their day."""
    waits = (F.col("decision") != "refused") & (F.col("valid_from") > F.lit(as_of + timedelta(days=1)))
    # A refusal holds from when it was told.
    refused = F.greatest("suggested_on", "known_day")
    when = F.when(F.col("decision") == "refused", refused).when(waits, F.col("valid_from"))
    return price_approvals.groupBy("item_id").agg(F.max(when).alias("decided_on"))


def _planned(prices: DataFrame, rows: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """``item_id, planned_on, planned_price`` of the ``rows`` whose list has another price than theirs for later."""
    later = prices.where(F.col("valid_from") > F.lit(as_of + timedelta(days=1)))
    told: pd.DataFrame = later.select(
        "item_id", F.col("valid_from").alias("planned_on"), F.col("price").alias("planned_price")
    ).toPandas()
    told = told.merge(rows[["item_id", "price"]], on="item_id")
    others = told[told["planned_price"] != told["price"]].sort_values("planned_on", kind="stable")
    return others.drop_duplicates("item_id").drop(columns="price")


def _promoted(promotions: DataFrame, as_of: date) -> DataFrame:
    tomorrow = F.lit(as_of + timedelta(days=1))
    running = promotions.where((F.col("starts_on") <= tomorrow) & (F.col("ends_on") >= tomorrow) & (F.col("depth") > 0))
    return running.select("item_id").distinct().withColumn("on_promotion", F.lit(True))
