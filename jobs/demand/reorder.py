"""What to order tonight, item by item and place by place: how much, when at the latest, and why, in words.

Read by buyers. Demand comes from ``demand.forecast`` alone, as sample paths (:mod:`jobs.demand.paths`); what a store
does not say of its suppliers is assumed as :class:`jobs.demand.terms.Params` states, and named in the row. The advice
is for the places that the forecast names, where stock is counted at one of them; else all stock of an item counts as
one, against the forecast of the store as a whole. Where places are advised, what is on its way without a place counts
at the warehouse behind them, else shared among them as too little stock is: tonight nobody orders it again.
"""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.demand.advice import LEVELS, SCHEMA, Advisor
from jobs.demand.history import WHOLE
from jobs.demand.terms import by_item
from jobs.lib.settings import Settings
from jobs.lib.stores import Store

PLACE = ("item_id", "location_id")


def reorder(
    forecast: DataFrame,
    stock_levels: DataFrame,
    inbound: DataFrame,
    suppliers: DataFrame,
    locations: DataFrame,
    items: DataFrame,
    item: DataFrame,
    as_of: date,
    store: Store,
    settings: Settings,
) -> DataFrame:
    """One row per counted item and place that is forecast, and per place that supplies such a one from its stock.

    An item that no stock count names gets no advice: nobody knows what is there.
    """
    ahead = _advised(_ahead(forecast), stock_levels)
    sources = locations.where(F.col("supplied_from").isNotNull()).select(F.col("supplied_from").alias("location_id"))
    sources = sources.distinct().withColumn("is_source", F.lit(True))
    # A place that only supplies others has no forecast of its own, but those of its items have.
    made_by = ahead.groupBy("item_id").agg(F.max("model_version").alias("model_version"))
    held = _held(_placed(stock_levels, ahead, sources)).join(ahead.drop("model_version"), list(PLACE), "left")
    held = held.where(F.col("ahead").isNotNull() | F.col("is_source")).join(made_by, "item_id", "inner")
    rows = (
        held.join(_coming(_placed(inbound, ahead, sources), as_of), list(PLACE), "left")
        .join(_unplaced(inbound, as_of), "item_id", "left")
        .join(by_item(suppliers, items, held.select("item_id").distinct()), "item_id", "left")
        .join(item.select("item_id", "price", "cost"), "item_id", "left")
        .join(F.broadcast(locations.select("location_id", "supplied_from", "transfer_days")), "location_id", "left")
    )
    advisor = Advisor(step_days=7 if store.period == "week" else 1)
    # All places of an item come together: they share what their source has.
    spread = rows.repartition(settings.shuffle_partitions, "item_id").sortWithinPartitions(*PLACE)
    return spread.mapInPandas(advisor.blocks, SCHEMA)


def _held(placed: DataFrame) -> DataFrame:
    """What each place has of each item, and room for: no limit where one of the places that it stands for has none."""
    is_limited = F.count("shelf_capacity") == F.count(F.lit(1))
    capacity = F.when(is_limited, F.sum("shelf_capacity")).alias("shelf_capacity")
    return placed.groupBy(*PLACE, "is_source").agg(F.sum("on_hand").alias("on_hand"), capacity)


def _coming(placed: DataFrame, as_of: date) -> DataFrame:
    """What is on its way to each place: days until it is expected and since it was ordered, pieces; NaN for unknown."""
    days = {"inbound_in": "expected_on", "inbound_ordered": "ordered_on"}
    left = [F.date_diff(F.col(column), F.lit(as_of)).cast("double") for column in days.values()]
    told = [F.coalesce(one, F.lit(float("nan"))).alias(name) for name, one in zip(days, left, strict=True)]
    each = F.struct(*told, F.col("units").alias("inbound_units"))
    listed = placed.where(F.col("units") > 0).groupBy(*PLACE).agg(F.sort_array(F.collect_list(each)).alias("_all"))
    return listed.select(*PLACE, *[F.col(f"_all.{name}").alias(name) for name in (*days, "inbound_units")])


def _unplaced(inbound: DataFrame, as_of: date) -> DataFrame:
    """What is on its way of each item to the store as a whole, as :func:`_coming` tells it."""
    coming = _coming(inbound.where(F.col("location_id") == WHOLE), as_of).drop("location_id")
    return coming.withColumnsRenamed({name: name.replace("inbound", "unplaced") for name in coming.columns})


def _ahead(forecast: DataFrame) -> DataFrame:
    """A row per item and place: ``ahead``, days in order with a day's levels and mean side by side, one flat array."""
    told = (*LEVELS, "mean")
    ordered = F.sort_array(F.collect_list(F.struct("target_date", *told)))
    flat = F.flatten(F.transform(ordered, lambda one: F.array(*[one[name].cast("double") for name in told])))
    return forecast.groupBy(*PLACE).agg(flat.alias("ahead"), F.max("model_version").alias("model_version"))


def _advised(ahead: DataFrame, stock_levels: DataFrame) -> DataFrame:
    """Of an item whose stock is counted at a place that is forecast its places, of others the store as a whole."""
    is_place = F.col("location_id") != WHOLE
    counted = (
        ahead.where(is_place).select(*PLACE).join(stock_levels.select(*PLACE).distinct(), list(PLACE), "left_semi")
    )
    by_place = counted.select("item_id").distinct().withColumn("_is_by_place", F.lit(True))
    chosen = ahead.join(by_place, "item_id", "left").where(is_place == F.coalesce("_is_by_place", F.lit(False)))
    return chosen.drop("_is_by_place")


def _placed(rows: DataFrame, ahead: DataFrame, sources: DataFrame) -> DataFrame:
    """Rows of stock under the places of the forecast: their own where it is forecast, or supplies others and the item
    is forecast place by place, else the store as a whole."""
    known = ahead.select(*PLACE, F.lit(True).alias("is_forecast"))
    by_place = ahead.where(F.col("location_id") != WHOLE).select("item_id", F.lit(True).alias("is_by_place"))
    found = rows.join(known, list(PLACE), "left").join(by_place.distinct(), "item_id", "left")
    found = found.join(F.broadcast(sources), "location_id", "left")
    is_source = F.coalesce("is_source", F.lit(False)) & F.coalesce("is_by_place", F.lit(False))
    is_own = F.coalesce("is_forecast", F.lit(False)) | is_source
    place = F.when(is_own, F.col("location_id")).otherwise(F.lit(WHOLE))
    return found.withColumns({"location_id": place, "is_source": is_source})
