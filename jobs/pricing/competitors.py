"""Which competitors' prices of an item count tonight, and why the others do not."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.pricing.guardrails import Trust


def latest(competitor_prices: DataFrame) -> DataFrame:
    """The last price seen of each competitor and item: ``item_id, competitor, observed_on, price, is_in_stock``."""
    newest = F.max_by(F.struct("price", "is_in_stock"), "observed_on")
    found = competitor_prices.groupBy("item_id", "competitor").agg(
        F.max("observed_on").alias("observed_on"), newest.alias("_last")
    )
    return found.select("item_id", "competitor", "observed_on", "_last.price", "_last.is_in_stock")


def trusted(seen: pd.DataFrame, current: pd.DataFrame, trust: Trust, as_of: date) -> pd.DataFrame:
    """One row an item with any competitor: ``item_id, competitor_price`` (the median of those that count, NaN where
    none does) and ``competitor_note`` (why others were ignored, empty where none was).

    ``seen`` as :func:`latest` gives it; ``current`` has ``item_id, price`` of ours.
    """
    rows = seen.merge(current[["item_id", "price"]].rename(columns={"price": "ours"}), on="item_id", how="inner")
    if rows.empty:
        return pd.DataFrame({"item_id": [], "competitor_price": [], "competitor_note": []})
    age = (pd.Timestamp(as_of) - pd.to_datetime(rows["observed_on"])).dt.days
    ratio = rows["price"] / rows["ours"]
    far = ~ratio.between(1 / trust.implausible_ratio, trust.implausible_ratio)
    told = np.select(
        [age > trust.stale_days, far, ~rows["is_in_stock"].astype(bool)],
        [
            rows["competitor"] + " ignored: seen " + age.astype(str) + " days ago",
            rows["competitor"] + " ignored: " + ratio.map("{:.3g}".format) + " times our price",
            rows["competitor"] + " ignored: sold out there",
        ],
        default="",
    )
    rows = rows.assign(note=told, counted=rows["price"].where(told == "")).sort_values(["item_id", "competitor"])
    found = rows.groupby("item_id", sort=True).agg(
        competitor_price=("counted", "median"), competitor_note=("note", lambda notes: "; ".join(filter(None, notes)))
    )
    return found.reset_index()
