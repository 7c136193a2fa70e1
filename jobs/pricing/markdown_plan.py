"""A price for each week to come of every item that should be cleared: by a date, or since there is too much of it.

Planned anew every night from the stock that is left and what sold; the plan shows what follows if sales go as expected.
"""

from __future__ import annotations

from datetime import date

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.features.learning import sold
from jobs.lib import contracts
from jobs.lib.registry import Champion
from jobs.lib.settings import Settings
from jobs.lib.stores import Store
from jobs.pricing import guardrails_file, rows_of
from jobs.pricing.clearing import plans
from jobs.pricing.posterior import Posterior
from jobs.pricing.tonight import tonight


def markdown_plan(
    item: DataFrame,
    items: DataFrame,
    prices: DataFrame,
    promotions: DataFrame,
    competitor_prices: DataFrame,
    price_approvals: DataFrame,
    order_lines: DataFrame,
    as_of: date,
    champion: Champion,
    store: Store,
    settings: Settings,
) -> DataFrame:
    """One row an item to clear and week; none in a store without stock levels."""
    guardrails = guardrails_file.load(store.folder, settings.guardrails)
    rows = tonight(item, items, prices, promotions, competitor_prices, price_approvals, as_of, guardrails)
    since = _sold_since(item, order_lines, champion.champion_from, as_of)
    told = plans(rows, Posterior.load(champion.path), guardrails, since, as_of)
    named = told.assign(currency=store.currency, model_version=champion.version, as_of=as_of)
    return rows_of.spark_rows(item.sparkSession, named, contracts.load("pricing.markdown_plan"))


def _sold_since(item: DataFrame, order_lines: DataFrame, fitted_on: date, as_of: date) -> pd.DataFrame:
    """``item_id, units, weeks`` of every item in stock: pieces sold after the day on which the model was fitted, and
    for how long. What nobody bought has 0 units: that is what says most about a slow item."""
    later = sold(order_lines).where((F.col("order_date") > F.lit(fitted_on)) & (F.col("order_date") <= F.lit(as_of)))
    units = later.groupBy("item_id").agg(F.sum("units").cast("double").alias("units"))
    stocked = item.where("is_active AND on_hand >= 1").select("item_id").join(units, "item_id", "left")
    found: pd.DataFrame = stocked.fillna(0.0, ["units"]).toPandas()
    return found.assign(weeks=(as_of - fitted_on).days / 7)
