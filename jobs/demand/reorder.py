"""What to order tonight, item by item and place by place: how much, when at the latest, and why, in words.

Read by buyers. Demand comes from ``demand.forecast`` alone, as sample paths (:mod:`jobs.demand.paths`); what a store
does not say of its suppliers is assumed as :class:`jobs.demand.terms.Params` states, and named in the row. The advice
is for the places that the forecast names: where it knows the store as a whole alone, all its stock counts as one.
"""

from __future__ import annotations

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.demand.advice import LEVELS, SCHEMA, Advisor
from jobs.demand.terms import TERMS
from jobs.lib.settings import Settings
from jobs.lib.stores import Store

EVERYTHING = "all"
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
    ahead = _ahead(forecast)
    sources = locations.where(F.col("supplied_from").isNotNull()).select(F.col("supplied_from").alias("location_id"))
    sources = sources.distinct().withColumn("is_source", F.lit(True))
    stock = (
        _placed(stock_levels, ahead, sources)
        .groupBy(*PLACE, "is_source")
        .agg(F.sum("on_hand").alias("on_hand"), F.sum("shelf_capacity").alias("shelf_capacity"))
    )
    held = stock.join(ahead, list(PLACE), "left").where(F.col("ahead").isNotNull() | F.col("is_source"))
    coming = (
        _placed(inbound.where(F.col("units") > 0), ahead, sources)
        .groupBy(*PLACE)
        .agg(
            F.collect_list("units").alias("inbound_units"),
            F.collect_list(_days_left("expected_on", as_of)).alias("inbound_in"),
            F.collect_list(_days_left("ordered_on", as_of)).alias("inbound_ordered"),
        )
    )
    money = item.select("item_id", "price", "cost")
    chain = locations.select("location_id", "supplied_from", "transfer_days")
    rows = (
        held.join(coming, list(PLACE), "left")
        .join(_terms(suppliers, items, held.select("item_id").distinct()), "item_id", "left")
        .join(money, "item_id", "left")
        .join(F.broadcast(chain), "location_id", "left")
    )
    advisor = Advisor(step_days=7 if store.period == "week" else 1)
    # All places of an item come together: they share what their source has.
    spread = rows.repartition(settings.shuffle_partitions, "item_id").sortWithinPartitions(*PLACE)
    return spread.mapInPandas(advisor.blocks, SCHEMA)


def _ahead(forecast: DataFrame) -> DataFrame:
    """A row per item and place: ``ahead``, days in order with a day's levels and mean side by side, one flat array."""
    told = (*LEVELS, "mean")
    ordered = F.sort_array(F.collect_list(F.struct("target_date", *told)))
    flat = F.flatten(F.transform(ordered, lambda one: F.array(*[one[name].cast("double") for name in told])))
    return forecast.groupBy(*PLACE).agg(flat.alias("ahead"), F.max("model_version").alias("model_version"))


def _placed(rows: DataFrame, ahead: DataFrame, sources: DataFrame) -> DataFrame:
    """Rows of stock under the places of the forecast: their own where it is forecast or supplies others, else the
    store as a whole."""
    known = ahead.select(*PLACE, F.lit(True).alias("is_forecast"))
    found = rows.join(known, list(PLACE), "left").join(F.broadcast(sources), "location_id", "left")
    is_source = F.coalesce("is_source", F.lit(False))
    is_own = F.coalesce("is_forecast", F.lit(False)) | is_source
    place = F.when(is_own, F.col("location_id")).otherwise(F.lit(EVERYTHING))
    return found.withColumns({"location_id": place, "is_source": is_source})


def _days_left(column: str, as_of: date) -> Column:
    # collect_list passes over nulls, and the three lists of an item's deliveries must stay in step.
    return F.coalesce(F.date_diff(F.col(column), F.lit(as_of)).cast("double"), F.lit(float("nan")))


def _terms(suppliers: DataFrame, items: DataFrame, wanted: DataFrame) -> DataFrame:
    """Terms by item: its own row's, else its supplier's for all items, else those of "all" for all; column by column.
    Of several suppliers the item's own counts, then the quickest."""
    named = wanted.join(items.select("item_id", F.col("supplier_id").alias("own_supplier")), "item_id", "left")
    terms = F.struct(*TERMS)
    for_item = suppliers.where(F.col("item_id") != EVERYTHING).join(named, "item_id", "inner")
    is_other = ~F.coalesce(F.col("supplier_id") == F.col("own_supplier"), F.lit(False))
    quick = F.coalesce("lead_time_days", F.lit(1e9))
    first = for_item.groupBy("item_id").agg(F.min_by(terms, F.struct(is_other, quick, "supplier_id")).alias("_item"))
    general = suppliers.where(F.col("item_id") == EVERYTHING).select("supplier_id", terms.alias("_supplier"))
    anyone = general.where(F.col("supplier_id") == EVERYTHING).select(F.col("_supplier").alias("_anyone"))
    joined = (
        named.join(first, "item_id", "left")
        .join(general, named["own_supplier"] == general["supplier_id"], "left")
        .join(anyone, F.lit(True), "left")
    )
    chosen = [F.coalesce(f"_item.{name}", f"_supplier.{name}", f"_anyone.{name}").alias(name) for name in TERMS]
    return joined.select("item_id", *chosen)
