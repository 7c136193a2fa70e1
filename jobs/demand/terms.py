"""What ordering an item costs and how long it takes: the store's own terms, and what is assumed where it has none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.demand.policy import Terms

EVERYTHING = "all"  # as item or supplier: whichever has no row of its own
TERMS = ("lead_time_days", "lead_time_sd_days", "review_days", "pack_size", "minimum_order")
DAYS_A_YEAR = 365.0


@dataclass(frozen=True)
class Params:
    """What is assumed where a store does not say.

    ``lead_time_sd_share`` of the lead time is its deviation where unknown; ``service_level`` the newsvendor ratio
    where price or cost are unknown, and ``lowest_level`` to ``highest_level`` the bounds of one that follows from them:
    beyond them it would rest on the very tail of the paths. ``holding_share_per_year`` of a piece's cost is what
    keeping it a year costs (capital, room, ageing)."""

    lead_time_days: float = 7.0
    lead_time_sd_share: float = 0.25
    review_days: int = 1
    pack_size: int = 1
    minimum_order: int = 0
    service_level: float = 0.95
    lowest_level: float = 0.5
    highest_level: float = 0.98
    holding_share_per_year: float = 0.25


@dataclass(frozen=True)
class Ordering:
    """The terms in force for one item at one place, in steps of the forecast; ``assumed`` names those that the store
    did not give."""

    terms: Terms
    pack: int
    minimum: int
    service_level: float
    assumed: tuple[str, ...]


def ordering(row: pd.Series, params: Params, step_days: int) -> Ordering:
    """The terms of a row with the columns TERMS, supplied_from, transfer_days, price and cost, any of them null. A
    place that another one refills takes single pieces, any number, as often as reviews are by default."""
    assumed: list[str] = []

    def known(name: str, default: Any) -> Any:
        if pd.notna(row[name]):
            return row[name]
        assumed.append(name)
        return default

    if isinstance(row["supplied_from"], str):
        lead = float(known("transfer_days", params.lead_time_days))
        deviation, review, pack, minimum = params.lead_time_sd_share * lead, params.review_days, 1, 0
    else:
        lead = float(known("lead_time_days", params.lead_time_days))
        deviation = float(known("lead_time_sd_days", params.lead_time_sd_share * lead))
        review = max(int(known("review_days", params.review_days)), 1)
        pack = max(int(known("pack_size", params.pack_size)), 1)
        minimum = max(int(known("minimum_order", params.minimum_order)), 0)
    steps = -(-review // step_days)
    level = service_level(row["price"], row["cost"], steps * step_days, params)
    if level is None:
        assumed.append("service_level")
        level = params.service_level
    # In units of holding a piece for a step, since only the ratio of the two decides.
    terms = Terms(lead / step_days, deviation / step_days, steps, 1.0, steps * level / (1 - level))
    return Ordering(terms, pack, minimum, level, tuple(assumed))


def service_level(price: float | None, cost: float | None, cycle_days: int, params: Params) -> float | None:
    """The newsvendor ratio: the margin that goes with a sale, against it and a cycle's holding; None where price or
    cost are unknown."""
    if price is None or cost is None or not price >= 0 or not cost > 0:
        return None
    margin = max(price - cost, 0.0)
    holding = cost * params.holding_share_per_year * cycle_days / DAYS_A_YEAR
    return float(np.clip(margin / (margin + holding), params.lowest_level, params.highest_level))


def by_item(suppliers: DataFrame, items: DataFrame, wanted: DataFrame) -> DataFrame:
    """Terms of the items ``wanted``, a row each, null where nothing is known: the item's own row's, else its supplier's
    for all items, else those of "all" for all; column by column. Of several suppliers of an item the one that the
    catalogue names counts, then the quickest."""
    named = wanted.join(items.select("item_id", F.col("supplier_id").alias("own_supplier")), "item_id", "left")
    terms = F.struct(*TERMS, "supplier_id")
    for_item = suppliers.where(F.col("item_id") != EVERYTHING).join(named, "item_id", "inner")
    is_other = ~F.coalesce(F.col("supplier_id") == F.col("own_supplier"), F.lit(False))
    quick = F.coalesce("lead_time_days", F.lit(1e9))
    first = for_item.groupBy("item_id").agg(F.min_by(terms, F.struct(is_other, quick, "supplier_id")).alias("_item"))
    general = suppliers.where(F.col("item_id") == EVERYTHING).select("supplier_id", terms.alias("_supplier"))
    anyone = general.where(F.col("supplier_id") == EVERYTHING).select(F.col("_supplier").alias("_anyone"))
    known = named.join(first, "item_id", "left")
    known = known.withColumn("supplier_id", F.coalesce("own_supplier", "_item.supplier_id"))
    joined = known.join(general, "supplier_id", "left").join(anyone, F.lit(True), "left")
    chosen = [F.coalesce(f"_item.{name}", f"_supplier.{name}", f"_anyone.{name}").alias(name) for name in TERMS]
    return joined.select("item_id", *chosen)
