"""What each item sells over its next days together: what a delivery must last for.

The mean is the sum of the days' means. Quantiles come from sampled paths with the correction that earlier origins
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
from jobs.demand.model import Model
from jobs.demand.paths import keys_of
from jobs.lib.registry import Champion
from jobs.lib.settings import Settings
from jobs.lib.stores import Store

HORIZONS = (7, 14, 28)
SCHEMA = (
    "item_id string, location_id string, horizon_days int, mean double, "
    + ", ".join(f"{name} double" for name in NAMES)
    + ", method string"
)


@dataclass(frozen=True)
class Summing:
    """All that a task needs; ``period`` is 7 where a forecast's rows are weeks."""

    model: Model
    period: int

    def blocks(self, parts: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """Totals of a partition of forecasts, which holds whole items."""
        rows = pd.concat(list(parts), ignore_index=True)
        if len(rows):
            yield self.totals(rows)

    def totals(self, rows: pd.DataFrame) -> pd.DataFrame:
        """One row an item, place and horizon, from one row an item, place and day."""
        rows = rows.sort_values(["item_id", "location_id", "target_date"], kind="stable")
        days = len(rows) // len(rows[["item_id", "location_id"]].drop_duplicates())
        first = rows.iloc[::days].reset_index(drop=True)
        quantiles = rows[list(NAMES)].to_numpy(float).reshape(-1, days, len(NAMES))
        mean = np.cumsum(rows["mean"].to_numpy(float).reshape(-1, days), axis=1)
        keys = keys_of(first["item_id"], first["location_id"])
        horizons = [min(max(1, h // self.period), days) for h in HORIZONS]
        drawn = totals.total_quantiles(quantiles, horizons, keys)
        parts = []
        for at, (horizon, periods) in enumerate(zip(HORIZONS, horizons, strict=True)):
            factors = np.stack([self.model.factors(segment, str(horizon)) for segment in first["segment"]])
            found = pd.DataFrame(totals.corrected(drawn[:, at], factors), columns=list(NAMES))
            facts = first[["item_id", "location_id", "method"]].assign(
                horizon_days=np.int32(horizon), mean=mean[:, periods - 1]
            )
            parts.append(pd.concat([facts, found], axis=1))
        order = ["item_id", "location_id", "horizon_days", "mean", *NAMES, "method"]
        return pd.concat(parts, ignore_index=True)[order]


def forecast_total(forecast: DataFrame, champion: Champion, store: Store, settings: Settings) -> DataFrame:
    """One row an item (at a location) and horizon."""
    summing = Summing(Model.load(champion.path), 7 if store.period == "week" else 1)
    spread = forecast.repartition(settings.shuffle_partitions, "item_id")
    return spread.mapInPandas(summing.blocks, SCHEMA).withColumn("model_version", F.lit(champion.version))
