"""The price of every item for tomorrow, beside the one it has: a suggestion for a person or an ERP, never applied here.

Decided on the driver: the catalogue is what bounds it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
from pyspark.sql import DataFrame

from jobs.lib import contracts
from jobs.lib.registry import Champion
from jobs.lib.settings import Settings
from jobs.lib.stores import Store
from jobs.pricing import guardrails_file, rows_of
from jobs.pricing.clearing import proposed
from jobs.pricing.guardrails import Guardrails
from jobs.pricing.posterior import Posterior
from jobs.pricing.suggestions import suggest
from jobs.pricing.tonight import tonight


def price_suggestions(
    item: DataFrame,
    items: DataFrame,
    prices: DataFrame,
    promotions: DataFrame,
    competitor_prices: DataFrame,
    price_approvals: DataFrame,
    markdown_plan: DataFrame,
    as_of: date,
    champion: Champion,
    store: Store,
    settings: Settings,
) -> DataFrame:
    """One row an active item with a price."""
    guardrails = guardrails_file.load(store.folder, settings.guardrails, store.currency)
    rows = tonight(item, items, prices, promotions, competitor_prices, price_approvals, as_of, guardrails)
    posterior = Posterior.load(champion.path)
    plan: pd.DataFrame = markdown_plan.select("item_id", "week", "price", "current_price", "held_by").toPandas()
    cleared, rest = set(plan["item_id"]), left_over(guardrails, len(proposed(plan, as_of)))
    told = suggest(rows, posterior, rest, settings.control_salt, as_of, cleared) if len(rows) else pd.DataFrame()
    named = told.assign(currency=store.currency, model_version=champion.version, as_of=as_of)
    return rows_of.spark_rows(item.sparkSession, named, contracts.load("pricing.price_suggestions"))


def left_over(guardrails: Guardrails, marked_down: int) -> Guardrails:
    """The guardrails with so many fewer changes as markdowns take of the night's."""
    if guardrails.max_changes is None:
        return guardrails
    return replace(guardrails, max_changes=max(guardrails.max_changes - marked_down, 0))
