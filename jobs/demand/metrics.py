"""How good a forecast was: per item, so that any set of items and any resampling of them has its figures.

WAPE and bias are ratios of sums; MASE and scaled pinball are means of items' own ratios to their scale, the mean
|y_t - y_(t-7)| of the history (a week back), as in Hyndman & Koehler (IJF, 2006) and the M5 competition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobs.demand.forecasts import LEVELS, Forecast
from jobs.demand.history import History

SCORED = (0.1, 0.5, 0.9)
RATIOS = {
    "wape": ("error", "sold"),
    "mean_wape": ("mean_error", "sold"),
    "total_wape": ("total_error", "total_sold"),
    "bias": ("excess", "sold"),
    "cover80": ("inside", "seen"),
    "above_q90": ("above", "seen"),
    "mase": ("scaled_error", "scaled"),
    "pinball": ("scaled_pinball", "scaled"),
}


@dataclass(frozen=True)
class Truth:
    """What came: ``units`` and ``seen`` (item, period), ``scale`` (item) of the history before."""

    units: np.ndarray
    seen: np.ndarray
    scale: np.ndarray


def truth(history: History, past: int, horizon: int) -> Truth:
    """What came in the ``horizon`` periods after the first ``past`` of ``history``."""
    units, seen = history.actual(past, horizon)
    return Truth(units, seen, scale(history, past))


def scale(history: History, past: int) -> np.ndarray:
    """Mean |y_t - y_(t-week)| per item over its days on sale that could be seen; NaN where it never changed."""
    lag = max(1, 7 // history.calendar.period)
    units, seen = history.actual(0, past)
    there = history.on_days()[:, :past] & seen
    if past <= lag:
        return np.full(len(history), np.nan)
    both = there[:, lag:] & there[:, :-lag]
    step = (np.abs(units[:, lag:] - units[:, :-lag]) * both).sum(axis=1)
    count = both.sum(axis=1)
    found = np.divide(step, count, out=np.full(len(history), np.nan), where=count > 0)
    return np.where(found > 0, found, np.nan)


def pinball(units: np.ndarray, quantile: np.ndarray, level: float) -> np.ndarray:
    """The loss whose mean the ``level`` quantile makes smallest."""
    miss = units - quantile
    return np.maximum(level * miss, (level - 1) * miss)


def per_item(forecast: Forecast, true: Truth) -> pd.DataFrame:
    """Sums per item of which :data:`RATIOS` are made; only what could be seen counts."""
    seen = true.seen.astype(float)
    median, low, high = (forecast.quantiles[:, :, LEVELS.index(q)] for q in (0.5, 0.1, 0.9))
    error = (np.abs(true.units - median) * seen).sum(axis=1)
    loss = np.mean(
        [(pinball(true.units, forecast.quantiles[:, :, LEVELS.index(q)], q) * seen).sum(axis=1) for q in SCORED], axis=0
    )
    count = np.maximum(seen.sum(axis=1), 1)
    excess = (forecast.mean - true.units) * seen
    return pd.DataFrame(
        {
            "error": error,
            "sold": (true.units * seen).sum(axis=1),
            "mean_error": (np.abs(true.units - forecast.mean) * seen).sum(axis=1),
            "total_error": np.abs(excess.sum(axis=1)),
            "total_sold": (true.units * seen).sum(axis=1),
            "excess": excess.sum(axis=1),
            "inside": ((true.units >= low) & (true.units <= high) & true.seen).sum(axis=1),
            "above": ((true.units > high) & true.seen).sum(axis=1),
            "seen": seen.sum(axis=1),
            "scaled_error": error / count / true.scale,
            "scaled_pinball": loss / count / true.scale,
            "scaled": np.where(np.isnan(true.scale), np.nan, 1.0),
            "total_pinball": loss,
        }
    )


def figures(each: pd.DataFrame) -> dict[str, float]:
    """The measures of a set of items: name → figure, NaN where nothing can be said."""
    sums = each.sum()
    return {name: float(sums[a] / sums[b]) if sums[b] else float("nan") for name, (a, b) in RATIOS.items()}


def total_coverage(low: np.ndarray, high: np.ndarray, total: np.ndarray) -> float:
    """Share of items whose total lies between the two quantiles, both included."""
    return float(((total >= low) & (total <= high)).mean()) if len(total) else float("nan")
