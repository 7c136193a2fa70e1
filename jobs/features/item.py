"""What an item is and how it sells, as of a day: popularity, trend, launch, loyalty, price, stock."""

from __future__ import annotations

from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.features.learning import baskets, decay, off_contract, sold, within
from jobs.features.weekly import LOOKS, looks
from jobs.lib.exact import exact_money, exact_sum
from jobs.lib.stores import Store

HALF_LIVES = (5, 14, 45)
CUSTOMER_WINDOWS = (7, 14, 28, 56)
YEAR_DAYS = 364  # of whole weeks, so that weekends fall on weekends


def item(
    items: DataFrame,
    prices: DataFrame,
    contract_prices: DataFrame,
    stock_levels: DataFrame,
    order_lines: DataFrame,
    events: DataFrame,
    customer_item: DataFrame,
    item_weekly: DataFrame,
    as_of: date,
    store: Store,
    events_from: date | None,
) -> DataFrame:
    """One row per item that the catalogue lists or that has been ordered."""
    listed, sales = items.withColumn("is_listed", F.lit(True)), _sales(order_lines, as_of)
    if "contract_prices" in store.mappings:
        # What a firm pays by its agreement is nobody else's price.
        others = off_contract(sold(order_lines), contract_prices).groupBy("item_id").agg(*_sold_at(as_of))
        sales = sales.drop("sold_price_28d", "sold_price").join(others, "item_id", "left")
    whole = listed.join(sales, "item_id", "full").join(_loyalty(customer_item, as_of), "item_id", "left")
    whole = whole.join(_decayed(order_lines, as_of), "item_id", "left").join(
        _attention(events, item_weekly, as_of, events_from), "item_id", "left"
    )
    whole = whole.join(_catalogue_prices(prices, as_of), "item_id", "left").join(
        _stock(stock_levels), "item_id", "left"
    )
    counted = [
        "orders_28d",
        "orders_season",
        "units_28d",
        "revenue_28d",
        "mean_units",
        "repeat_rate",
        "first_basket_28d",
        "first_basket_decayed_14d",
    ]
    counted += [f"customers_{days}d" for days in CUSTOMER_WINDOWS] + [
        "customers_all",
        "discoveries_10d",
        "discoveries_28d",
    ]
    counted += [f"decayed_{days}d" for days in HALF_LIVES] + ["views_28d", "carts_28d", "impressions_28d"]
    # An item that a catalogue no longer lists is gone; a store without one sells whatever it has sold.
    is_listed = F.coalesce("is_listed", F.lit("items" not in store.mappings))
    on_sale = F.coalesce(F.col("available_from") <= F.date_add(F.lit(as_of), 1), F.lit(True))
    ended = F.coalesce(F.col("discontinued_on") <= F.date_add(F.lit(as_of), 1), F.lit(False))
    return (
        whole.withColumn("is_active", is_listed & on_sale & ~ended)
        .withColumn("price", F.coalesce("list_price", "price", "sold_price_28d", "sold_price"))
        .withColumn("cost", F.coalesce("list_cost", "cost"))
        .fillna(0, counted)
        .fillna(False, ["is_restricted"])
    )


def _sales(order_lines: DataFrame, as_of: date) -> DataFrame:
    lines, recent = sold(order_lines), within("order_date", as_of, 28)
    in_season = within("order_date", as_of - timedelta(days=YEAR_DAYS - 28), 28)
    return lines.groupBy("item_id").agg(
        F.min("order_date").alias("first_ordered_on"),
        F.max("order_date").alias("last_ordered_on"),
        F.countDistinct(F.when(recent, F.col("order_id"))).alias("orders_28d"),
        F.countDistinct(F.when(in_season, F.col("order_id"))).alias("orders_season"),
        F.coalesce(F.sum(F.when(recent, F.col("units"))), F.lit(0)).cast("long").alias("units_28d"),
        exact_money(F.when(recent, F.col("units") * F.col("price"))).alias("revenue_28d"),
        F.avg("units").alias("mean_units"),
        *_sold_at(as_of),
    )


def _sold_at(as_of: date) -> list[Column]:
    """The prices at which an item sold, lately and ever: medians of its lines."""
    lately = F.when(within("order_date", as_of, 28), F.col("price"))
    return [
        F.percentile(lately, F.lit(0.5)).alias("sold_price_28d"),
        F.percentile("price", F.lit(0.5)).alias("sold_price"),
    ]


def _loyalty(customer_item: DataFrame, as_of: date) -> DataFrame:
    """Customers by recency, first baskets (what people begin with) and discoveries (what those who know the shop
    turn to), all of identified customers."""
    ordered = customer_item.where(F.col("orders") > 0)
    began = ordered.groupBy("customer_id").agg(F.min("first_ordered_on").alias("began_on"))
    pairs = ordered.join(began, "customer_id", "inner")
    is_first = F.col("first_ordered_on") == F.col("began_on")
    customers = [
        F.sum(within("last_ordered_on", as_of, days).cast("long")).alias(f"customers_{days}d")
        for days in CUSTOMER_WINDOWS
    ]
    found = [
        F.sum((~is_first & within("first_ordered_on", as_of, days)).cast("long")).alias(f"discoveries_{days}d")
        for days in (10, 28)
    ]
    first_weight = F.when(is_first, decay("first_ordered_on", as_of, 14)).otherwise(F.lit(0.0))
    return pairs.groupBy("item_id").agg(
        *customers,
        F.count(F.lit(1)).alias("customers_all"),
        F.avg((F.col("orders") > 1).cast("int")).alias("repeat_rate"),
        F.sum((is_first & within("first_ordered_on", as_of, 28)).cast("long")).alias("first_basket_28d"),
        exact_sum(first_weight).alias("first_basket_decayed_14d"),
        *found,
    )


def _decayed(order_lines: DataFrame, as_of: date) -> DataFrame:
    orders = baskets(order_lines)
    return orders.groupBy("item_id").agg(
        *[exact_sum(decay("order_date", as_of, days)).alias(f"decayed_{days}d") for days in HALF_LIVES]
    )


def _attention(events: DataFrame, item_weekly: DataFrame, as_of: date, events_from: date | None) -> DataFrame:
    kinds = [*LOOKS, "impression"]
    seen = looks(events, item_weekly, ["item_id"], as_of, 28, events_from, kinds)
    return seen.groupBy("item_id").agg(
        *[F.greatest(F.sum(f"{kind}s"), F.lit(0)).alias(f"{kind}s_28d") for kind in kinds]
    )


def _catalogue_prices(prices: DataFrame, as_of: date) -> DataFrame:
    in_force = prices.where(F.col("valid_from") <= F.lit(as_of))
    return in_force.groupBy("item_id").agg(
        F.max_by("price", "valid_from").alias("list_price"),
        F.expr("max_by(cost, valid_from) FILTER (WHERE cost IS NOT NULL)").alias("list_cost"),
    )


def _stock(stock_levels: DataFrame) -> DataFrame:
    return stock_levels.groupBy("item_id").agg(F.sum("on_hand").alias("on_hand"))
