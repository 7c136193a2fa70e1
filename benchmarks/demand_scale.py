"""Forecasts of many items over two years by the night's own transforms: series a second, memory, and how both grow.

``DAYBREAK_BENCH_ITEMS`` makes it fewer items; the other size is always a fifth. A run that was cut off goes on with the
size that it was at where ``DAYBREAK_BENCH_HOME`` keeps its home.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks.figures import Figure
from benchmarks.homes import Cost, fresh_home, once, run

ITEMS = int(os.environ.get("DAYBREAK_BENCH_ITEMS") or 100_000)
GROWTH = 5
DAYS = 730
AS_OF = date(2026, 3, 31)
LEARNT_FROM = 1_000


def measure() -> Iterator[Figure]:
    """Both sizes in processes of their own, whole: the start of Spark and the training on a sample included."""
    small = ITEMS // GROWTH
    with fresh_home(goes_on=True) as home:
        costs = {items: of_size(home, items) for items in (small, ITEMS)}
    for items, cost in costs.items():
        yield Figure("demand_scale", f"{items:,} items × {DAYS} days: series a second", items / cost.seconds)
        name = f"{items:,} items × {DAYS} days: peak memory, GiB"
        yield Figure("demand_scale", name, cost.peak_gib, target=8, better="lower")
    ratio = costs[ITEMS].seconds / costs[small].seconds
    name = f"{GROWTH} times the items: times the seconds"
    yield Figure("demand_scale", name, ratio, target=1.2 * GROWTH, better="lower")


def of_size(home: Path, items: int) -> Cost:
    """What the forecasts of so many items cost, done once a home."""
    print(f"  {items:,} items …", flush=True)
    return once(home, str(items), lambda: run(["-m", "benchmarks.demand_scale", str(items)], home / str(items)))


def item_days(spark: SparkSession, items: int) -> DataFrame:
    """Random sales in the shape of ``features.item_daily``: levels from many a day to one in a month."""
    grid = spark.range(items * DAYS).select(
        F.format_string("i%07d", (F.col("id") / DAYS).cast("long")).alias("item_id"),
        F.date_sub(F.lit(AS_OF), (F.col("id") % DAYS).cast("int")).alias("day"),
        (F.abs(F.xxhash64("id")) % 10_000 / 10_000).alias("chance"),
        (F.abs(F.xxhash64((F.col("id") / DAYS).cast("long"), F.lit(1))) % 1000 / 1000).alias("rank"),
    )
    level = F.pow(F.lit(0.02), F.col("rank")) * 6
    lines = F.floor(level * F.col("chance") * 2 + F.col("rank") * F.col("chance"))
    sold = grid.withColumn("lines", lines.cast("long")).where(F.col("lines") > 0)
    return sold.select(
        "item_id",
        "day",
        (F.col("lines") * 2).alias("units"),
        F.lit(0).cast("long").alias("withdrawn"),
        F.lit(0).cast("long").alias("cancelled"),
        "lines",
        (F.col("lines") * 5.0).alias("revenue"),
        F.lit(None).cast("double").alias("on_hand"),
        F.col("day").alias("known_day"),
    )


def forecasts(items: int) -> None:
    """Trains on a sample, forecasts every item and writes both tables, as a night does."""
    from jobs.demand import frames, train
    from jobs.demand.backtest import BacktestParams
    from jobs.demand.forecast import forecast
    from jobs.demand.forecast_total import forecast_total
    from jobs.features.campaigns import campaigns
    from jobs.features.list_prices import list_prices
    from jobs.lib import contracts, stores
    from jobs.lib import settings as environment
    from jobs.lib.registry import Champion
    from jobs.lib.spark import session

    settings = environment.load()
    spark, store = session(settings, "daybreak demand scale"), replace(stores.load(settings), mappings={})
    daily = item_days(spark, items)
    item = spark.createDataFrame(
        [], "item_id string, title string, category string, available_from date, is_active boolean"
    )
    promotions, prices, places = (
        spark.createDataFrame([], contracts.load(name).schema())
        for name in ("validated.promotions", "validated.prices", "features.item_location_daily")
    )
    days = frames.item_days(daily.where(F.col("item_id") < f"i{LEARNT_FROM:07d}"))
    rows = frames.with_facts(days, item, campaigns(promotions), list_prices(prices), AS_OF).toPandas()
    history = frames.dense(rows, frames.calendar_of(days, store, AS_OF))
    folder = Path(settings.home) / "model"
    train.train(history, BacktestParams(), settings.model_threads, print).model.save(folder)
    champion = Champion("demand", AS_OF - timedelta(days=1), "scale", folder, {}, None)
    made = forecast(daily, places, item, promotions, prices, AS_OF, champion, store, settings)
    # What a run that was cut off left there is written anew.
    made.write.mode("overwrite").parquet(str(settings.home / "forecast"))
    again = spark.read.parquet(str(settings.home / "forecast"))
    terms = [
        spark.createDataFrame([], contracts.load(f"validated.{name}").schema())
        for name in ("suppliers", "locations", "items")
    ]
    totals = forecast_total(again, *terms, champion, store, settings)
    totals.write.mode("overwrite").parquet(str(settings.home / "forecast_total"))


if __name__ == "__main__":
    forecasts(int(sys.argv[1]))
