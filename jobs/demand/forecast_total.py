"""What each item sells over its next days together: what a delivery must last for.

Beside 7, 14 and 28 days each item has horizons of its own: its lead time, in which no order of tonight helps, and lead
time and review period together, what such an order must last for. The mean is the sum of the days' means;
``gap_to_days`` is what a check of the contract looks at. Quantiles come from sampled paths with the correction that
earlier origins showed, never from summed quantiles. Beyond the days of the forecast its last two weeks come again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.demand import totals
from jobs.demand.ahead import going_on
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
OWN = ("lead_days", "own_days")
SCHEMA = (
    "item_id string, location_id string, horizon_days int, mean double, "
    + ", ".join(f"{name} double" for name in NAMES)
    + ", method string, gap_to_days double, gap_to_places double"
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
        """One row an item, place and horizon, from one row an item, place and day. Horizons of an item's own
        (:data:`OWN`, 0 for none) may reach beyond the days ahead; the others are cut to them. Raises DaybreakError for
        an item that has not each day ahead once: its sums would be another's days."""
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
        lead, own = (first[name].to_numpy(int) for name in OWN)
        spans = np.column_stack([*[np.full(len(first), horizon) for horizon in HORIZONS], lead, own])
        drawn, summed = self._sums(quantiles, mean, spans, keys_of(first["item_id"], first["location_id"]))
        is_told = (spans > 0) & ((np.arange(spans.shape[1]) < len(HORIZONS)) | ~np.isin(spans, HORIZONS))
        is_told[lead == own, len(HORIZONS)] = False
        parts = []
        for at in range(spans.shape[1]):
            each = zip(first["segment"], spans[:, at], strict=True)
            factors = np.stack([self.model.factors(segment, str(nearest(span))) for segment, span in each])
            found = pd.DataFrame(totals.corrected(drawn[:, at], factors), columns=list(NAMES))
            facts = first[["item_id", "location_id", "method"]].assign(
                horizon_days=spans[:, at].astype(np.int32), mean=summed[:, at]
            )
            parts.append(pd.concat([facts, found], axis=1)[is_told[:, at]])
        order = ["item_id", "location_id", "horizon_days", "mean", *NAMES, "method"]
        return _beside_places(self._beside_days(pd.concat(parts, ignore_index=True)[order], rows))

    def _sums(
        self, quantiles: np.ndarray, mean: np.ndarray, spans: np.ndarray, keys: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Quantiles (item, span, level) and means (item, span) of the first ``spans`` days (item, span)."""
        periods = np.maximum(spans // self.period, 1)
        inside = np.minimum(periods, self.rows)
        drawn = totals.total_quantiles(quantiles, mean, inside, keys)
        summed = np.take_along_axis(np.cumsum(mean, axis=1), inside - 1, axis=1)
        usual = len(HORIZONS)
        # Each length for itself: paths of one item do not depend on how far another's go.
        for steps in np.unique(periods[:, usual:][periods[:, usual:] > self.rows]):
            at, span = np.nonzero(periods[:, usual:] == steps)
            longer, means = (going_on(values[at].swapaxes(0, 1), steps).swapaxes(0, 1) for values in (quantiles, mean))
            drawn[at, usual + span] = totals.total_quantiles(longer, means, [steps], keys[at])[:, 0]
            summed[at, usual + span] = means.sum(axis=1)
        return drawn, summed

    def _beside_days(self, found: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
        """With ``gap_to_days``: how far a mean is from the sum of its days' in ``rows``, told by their dates, as a
        share of it; null for a horizon beyond them."""
        key = ["item_id", "location_id"]
        by_day = rows.pivot(index=key, columns="target_date", values="mean").sort_index(axis=1).cumsum(axis=1)
        row = by_day.index.get_indexer(pd.MultiIndex.from_frame(found[key]))
        last = np.maximum(found["horizon_days"].to_numpy() // self.period, 1) - 1
        summed = by_day.to_numpy()[row, np.minimum(last, self.rows - 1)]
        gap = (found["mean"] - summed).abs() / (found["mean"] + 1)
        return found.assign(gap_to_days=gap.where(last < self.rows))


def _beside_places(rows: pd.DataFrame) -> pd.DataFrame:
    """With ``gap_to_places``: how far an item as a whole is from the sum of its places, as a share of it; null for a
    place, for an item without places, and for a horizon that not all of them have."""
    is_whole = rows["location_id"] == WHOLE
    key = ["item_id", "horizon_days"]
    places = rows[~is_whole].groupby(key)["mean"].agg(["sum", "size"])
    every = rows[~is_whole].groupby("item_id")["location_id"].nunique()
    told = places["sum"].where(places["size"] == every.reindex(places.index.get_level_values("item_id")).to_numpy())
    summed = told.reindex(pd.MultiIndex.from_frame(rows[key])).to_numpy()
    return rows.assign(gap_to_places=((rows["mean"] - summed).abs() / (rows["mean"] + 1)).where(is_whole))


def nearest(days: int) -> int:
    """The horizon whose correction serves a span of so many days: the first that is as long, else the longest."""
    return next((horizon for horizon in HORIZONS if horizon >= days), HORIZONS[-1])


def forecast_total(
    forecast: DataFrame,
    suppliers: DataFrame,
    locations: DataFrame,
    items: DataFrame,
    champion: Champion,
    store: Store,
    settings: Settings,
) -> DataFrame:
    """One row an item (at a location) and horizon."""
    period = 7 if store.period == "week" else 1
    summing = Summing(Model.load(champion.path), period, HORIZON_DAYS[store.period] // period)
    terms = by_item(suppliers, items, forecast.select("item_id").distinct())
    refilled = F.broadcast(locations.select("location_id", "supplied_from", "transfer_days"))
    spread = forecast.join(terms, "item_id", "left").join(refilled, "location_id", "left")
    spread = spread.withColumns(own_days(period)).repartition(settings.shuffle_partitions, "item_id")
    return spread.mapInPandas(summing.blocks, SCHEMA).withColumn("model_version", F.lit(champion.version))


def own_days(period: int) -> dict[str, Column]:
    """:data:`OWN`, the lead time alone and with the review period, in whole periods of so many days: the supplier's
    terms, or those of a place that another one refills (:func:`jobs.demand.terms.ordering`), assumed where the store
    does not say them (:class:`jobs.demand.terms.Params`)."""
    assumed, is_refilled = Params(), F.col("supplied_from").isNotNull()
    told = F.when(is_refilled, F.col("transfer_days")).otherwise(F.col("lead_time_days"))
    lead = F.coalesce(told, F.lit(assumed.lead_time_days))
    agreed = F.when(~is_refilled, F.col("review_days"))
    review = F.greatest(F.coalesce(agreed, F.lit(assumed.review_days)), F.lit(1))
    spans = zip(OWN, (lead, lead + review), strict=True)
    return {name: (F.ceil(days / period) * period).cast("int") for name, days in spans}
