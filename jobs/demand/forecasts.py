"""What every model gives back: quantiles and means of the days to come, in one shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobs.demand.history import History

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
NAMES = ("q05", "q10", "q25", "q50", "q75", "q90", "q95")
MEDIAN = LEVELS.index(0.5)


@dataclass(frozen=True)
class Forecast:
    """``quantiles`` (item, period, level) and ``mean`` (item, period), in the order of the history's items."""

    quantiles: np.ndarray
    mean: np.ndarray

    def of(self, rows: np.ndarray) -> Forecast:
        """Some of the items."""
        return Forecast(self.quantiles[rows], self.mean[rows])


def tidy(quantiles: np.ndarray, mean: np.ndarray, history: History) -> Forecast:
    """Quantiles that rise, nothing below zero, nothing on closed days, before an item's launch or from its end on, and
    nothing that is no number."""
    is_sold = history.on_sale_ahead()
    quantiles = np.sort(np.maximum(np.nan_to_num(quantiles, posinf=0.0), 0.0), axis=2) * is_sold[:, :, None]
    mean = np.maximum(np.nan_to_num(mean, posinf=0.0), 0.0) * is_sold
    return Forecast(quantiles, mean)


def mean_of(quantiles: np.ndarray) -> np.ndarray:
    """The mean of a distribution known by its quantiles (…, level): the middle of each stretch by its share."""
    edges = np.concatenate([[0.0], (np.array(LEVELS)[1:] + np.array(LEVELS)[:-1]) / 2, [1.0]])
    return quantiles @ np.diff(edges)


def long_frame(forecast: Forecast, history: History, method: np.ndarray | str) -> pd.DataFrame:
    """One row an item and period to come: the published columns."""
    calendar = history.calendar
    ahead = calendar.days[calendar.past :]
    shape = forecast.mean.shape
    frame = pd.DataFrame(
        {
            "item_id": np.repeat(history.ids, shape[1]),
            "location_id": np.repeat(history.locations, shape[1]),
            "target_date": np.tile(ahead, shape[0]),
            "mean": forecast.mean.ravel(),
        }
    )
    for at, name in enumerate(NAMES):
        frame[name] = forecast.quantiles[:, :, at].ravel()
    frame["method"] = np.repeat(np.broadcast_to(np.asarray(method, object), shape[:1]), shape[1])
    return frame
