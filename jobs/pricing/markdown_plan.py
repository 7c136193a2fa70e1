"""A price for each week to come of every item that should be cleared: by a date, or since there is too much of it.

Planned anew every night from the stock that is left and what sold; the plan shows what follows if sales go as expected.
"""

from __future__ import annotations

from datetime import date

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.lib import contracts
from jobs.lib.registry import Champion
from jobs.lib.settings import Settings
from jobs.lib.stores import Store
from jobs.pricing import guardrails_file, rows_of
from jobs.pricing.clearing import plans
from jobs.pricing.panel import last_day, panel
from jobs.pricing.posterior import Posterior
from jobs.pricing.tonight import tonight


def markdown_plan(
    item: DataFrame,
    items: DataFrame,
    prices: DataFrame,
    promotions: DataFrame,
    promotions_changes: DataFrame,
    competitor_prices: DataFrame,
    price_approvals: DataFrame,
    order_lines: DataFrame,
    contract_prices: DataFrame,
    stock_levels_changes: DataFrame,
    as_of: date,
    champion: Champion,
    store: Store,
    settings: Settings,
) -> DataFrame:
    """One row an item to clear and week; none in a store without stock levels."""
    guardrails = guardrails_file.load(store.folder, settings.guardrails, store.currency)
    rows = tonight(item, items, prices, promotions, competitor_prices, price_approvals, as_of, guardrails)
    until = last_day(order_lines, store, as_of)
    weeks = panel(
        order_lines,
        items,
        prices,
        promotions_changes,
        stock_levels_changes,
        competitor_prices,
        contract_prices,
        until,
    )
    since = _sold_since(weeks, item, champion.champion_from)
    told = plans(rows, Posterior.load(champion.path), guardrails, since, as_of)
    named = told.assign(currency=store.currency, model_version=champion.version, as_of=as_of)
    return rows_of.spark_rows(item.sparkSession, named, contracts.load("pricing.markdown_plan"))


def _sold_since(weeks: DataFrame, item: DataFrame, fitted_on: date) -> pd.DataFrame:
    """``item_id, week, price, units`` of items in stock, one row a week of the panel that was not over when the model
    was fitted. Weeks without a sale are among them: they say most about a slow item. A week with an empty shelf tells
    only that demand was at least what sold, and one that shows the item more is not what the plan's weeks will be."""
    later = weeks.where((F.date_add("week", 6) > F.lit(fitted_on)) & ~F.col("is_stockout") & ~F.col("is_featured"))
    stocked = item.where("is_active AND on_hand >= 1").select("item_id")
    found: pd.DataFrame = (
        later.join(stocked, "item_id", "left_semi").select("item_id", "week", "price", "units").toPandas()
    )
    return found.sort_values(["item_id", "week"], kind="stable", ignore_index=True)
