"""What each item sells over its next days together: what a delivery must last for.

Beside 7, 14 and 28 days each item has a horizon of its own: its lead time and review period, what an order must last
for. The mean is the sum of the days' means. Quantiles come from sampled paths with the correction that earlier origins
showed, never from summed quantiles.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.demand import totals
from jobs.demand.forecasts import NAMES
from jobs.demand.frames import HORIZON_DAYS
from jobs.demand.history import WHOLE
from jobs.demand.model import Model
from jobs.demand.paths import keys_of
from jobs.demand.terms import Params, by_item
from jobs.lib.errors import DaybreakError
from jobs.lib.registry import Champion
from jobs.lib.settings import Settings
from jobs.lib.stores import Store

HORIZONS = (7, 14, 28)
SCHEMA = (
    "item_id string, location_id string, horizon_days int, mean double, "
    + ", ".join(f"{name} double" for name in NAMES)
    + ", method string, gap_to_places double"
)


@dataclass(frozen=True)
class Summing:
    """All that a task needs; ``period`` is 7 where a forecast's rows are weeks, of which each item has ``rows``."""

    model: Model
    period: int
    rows: int

    def blocks(self, parts: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """Totals of a partition of forecasts, which holds whole items."""
        rows = pd.concat(list(parts), ignore_index=True)
        if len(rows):
            yield self.totals(rows)

    def totals(self, rows: pd.DataFrame) -> pd.DataFrame:
        """One row an item, place and horizon, from one row an item, place and day. A horizon of an item's own
        (``own_days``) is left out where the days ahead do not reach it; the others are cut to them. Raises
        DaybreakError for an item that has not each day ahead once: its sums would be another's days."""
        rows = rows.sort_values(["item_id", "location_id", "target_date"], kind="stable")
        days = self.rows
        told = rows.groupby(["item_id", "location_id"])["target_date"].agg(["size", "nunique"])
        wrong = told[(told != days).any(axis=1)]
        if len(wrong):
            (item, place), counts = wrong.index[0], wrong.iloc[0]
            raise DaybreakError(
                f"demand.forecast: {item} at {place} has {counts['size']} rows on {counts['nunique']} days ahead, not "
                f"one on each of {days}; so have {len(wrong) - 1} others of {len(told)}"
            )
        first = rows.iloc[::days].reset_index(drop=True)
        quantiles = rows[list(NAMES)].to_numpy(float).reshape(-1, days, len(NAMES))
        mean = rows["mean"].to_numpy(float).reshape(-1, days)
        keys = keys_of(first["item_id"], first["location_id"])
        own = first["own_days"].to_numpy(int)
        spans = np.column_stack([*[np.full(len(first), h) for h in HORIZONS], own])
        periods = np.clip(spans // self.period, 1, days)
        drawn = totals.total_quantiles(quantiles, mean, periods, keys)
        summed = np.cumsum(mean, axis=1)
        is_other = ~np.isin(own, HORIZONS) & (own <= days * self.period)
        parts = []
        for at in range(spans.shape[1]):
            each = zip(first["segment"], spans[:, at], strict=True)
            factors = np.stack([self.model.factors(segment, str(nearest(span))) for segment, span in each])
            found = pd.DataFrame(totals.corrected(drawn[:, at], factors), columns=list(NAMES))
            facts = first[["item_id", "location_id", "method"]].assign(
                horizon_days=spans[:, at].astype(np.int32), mean=summed[np.arange(len(first)), periods[:, at] - 1]
            )
            whole = pd.concat([facts, found], axis=1)
            parts.append(whole if at < len(HORIZONS) else whole[is_other])
        order = ["item_id", "location_id", "horizon_days", "mean", *NAMES, "method"]
        return _beside_places(pd.concat(parts, ignore_index=True)[order])


def _beside_places(rows: pd.DataFrame) -> pd.DataFrame:
    """With ``gap_to_places``: how far an item as a whole is from the sum of its places, as a share of it; null for a
    place, and for an item without places."""
    is_whole = rows["location_id"] == WHOLE
    key = ["item_id", "horizon_days"]
    places = rows[~is_whole].groupby(key)["mean"].sum()
    summed = places.reindex(pd.MultiIndex.from_frame(rows[key])).to_numpy()
    return rows.assign(gap_to_places=((rows["mean"] - summed).abs() / (rows["mean"] + 1)).where(is_whole))


def nearest(days: int) -> int:
    """The horizon whose correction serves a span of so many days: the first that is as long, else the longest."""
    return next((horizon for horizon in HORIZONS if horizon >= days), HORIZONS[-1])


def forecast_total(
    forecast: DataFrame, suppliers: DataFrame, items: DataFrame, champion: Champion, store: Store, settings: Settings
) -> DataFrame:
    """One row an item (at a location) and horizon."""
    period = 7 if store.period == "week" else 1
    summing = Summing(Model.load(champion.path), period, HORIZON_DAYS[store.period] // period)
    terms = by_item(suppliers, items, forecast.select("item_id").distinct())
    spread = forecast.join(own_days(terms, period), "item_id", "left")
    spread = spread.repartition(settings.shuffle_partitions, "item_id")
    return spread.mapInPandas(summing.blocks, SCHEMA).withColumn("model_version", F.lit(champion.version))


def own_days(terms: DataFrame, period: int) -> DataFrame:
    """``item_id`` and ``own_days``: lead time and review period together, assumed where the store does not say them
    (:class:`jobs.demand.terms.Params`), in whole periods of so many days."""
    assumed = Params()
    lead = F.coalesce("lead_time_days", F.lit(assumed.lead_time_days))
    review = F.greatest(F.coalesce("review_days", F.lit(assumed.review_days)), F.lit(1))
    return terms.select("item_id", (F.ceil((lead + review) / period) * period).cast("int").alias("own_days"))
