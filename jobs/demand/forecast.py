"""What each item sells on each day ahead, with quantiles: read by buyers, and by what is ordered and priced from it.

The mean of days sums to the mean of their total; over a category or the store means are sums of their items'
(bottom-up), so that they agree with their parts at any level, and an item's places add up to the item as a whole
(:mod:`jobs.demand.places`). Quantiles of sums are in ``forecast_total``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.demand import frames, places
from jobs.demand.calendar import Calendar
from jobs.demand.forecasts import NAMES, long_frame
from jobs.demand.model import Model
from jobs.features.campaigns import campaigns
from jobs.features.list_prices import list_prices
from jobs.lib.registry import Champion
from jobs.lib.settings import Settings
from jobs.lib.stores import Store

AT_ONCE = 1000  # items, each of their places for one, whose arrays a task holds at a time, about
SCHEMA = (
    "item_id string, location_id string, target_date date, mean double, "
    + ", ".join(f"{name} double" for name in NAMES)
    + ", method string, segment string"
)


@dataclass(frozen=True)
class Forecaster:
    """All that a task needs; sent to tasks once."""

    model: Model
    calendar: Calendar

    def blocks(self, parts: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """Forecasts of a partition, which holds whole items; no item's depends on what stands beside it."""
        rows = pd.concat(list(parts), ignore_index=True)
        if len(rows):
            yield self.forecasts(rows)

    def forecasts(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Forecasts of the items of a frame of :func:`jobs.demand.frames.with_facts`."""
        history = frames.dense(rows, self.calendar)
        found, method, segment = self.model.forecast(history)
        found = places.reconciled(found, history.ids, history.locations)
        frame = long_frame(found, history, method)
        frame["segment"] = segment.repeat(self.calendar.horizon)
        return frame.assign(target_date=frame["target_date"].dt.date)


def forecast(
    item_daily: DataFrame,
    item_location_daily: DataFrame,
    item: DataFrame,
    promotions_changes: DataFrame,
    prices_changes: DataFrame,
    as_of: date,
    champion: Champion,
    store: Store,
    settings: Settings,
    items_changes: DataFrame | None = None,
    items: DataFrame | None = None,
) -> DataFrame:
    """One row an item and day ahead, of the store as a whole (``location_id`` is ``all``) and, where order lines name
    several, of each place; weeks stand for days in a store that tells weekly sums. Without ``items_changes`` (all that
    the catalogue ever said) what is not active is taken for dropped. Of ``items`` that will be dropped nothing is
    expected from that day on."""
    item = item if items_changes is None else frames.with_unlisted(item, items_changes)
    days = frames.item_days(item_daily)
    calendar = frames.calendar_of(days, store, as_of)
    forecaster = Forecaster(Model.load(champion.path), calendar)
    days = days.unionByName(frames.place_days(item_location_daily, calendar))
    blocks = max(settings.shuffle_partitions, frames.series_count(days) // AT_ONCE + 1)
    rows = frames.with_facts(days, item, campaigns(promotions_changes), list_prices(prices_changes), as_of, items)
    rows = rows.repartition(blocks, "item_id").sortWithinPartitions("item_id")
    return rows.mapInPandas(forecaster.blocks, SCHEMA).withColumn("model_version", F.lit(champion.version))
