"""Items that sell less than once a week: the intermittent models of statsforecast, and a plain rate of order lines.

TSB (Teunter, Syntetos & Babai, 2011), ADIDA (Nikolopoulos et al., 2011), IMAPA (Petropoulos & Kourentzes, 2015),
Croston-SBA (Syntetos & Boylan, 2005) give a mean a day; quantiles come from a compound Poisson: lines arrive at that
mean over the usual line, each of the usual line's units.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.stats import poisson

from jobs.demand.ewq import weekday_factors
from jobs.demand.forecasts import LEVELS, Forecast, tidy
from jobs.demand.history import History, capped

MODELS = ("tsb", "adida", "imapa", "croston")
RATE_DAYS = 84
BACK_DAYS = 250


def lines(history: History) -> Forecast:
    """Order lines a day of the last 84 days times the item's median units per line."""
    span = history.calendar.periods(RATE_DAYS)
    seen = np.maximum(history.observed[:, -span:].sum(axis=1), 1)
    rate = (history.lines[:, -span:] * history.observed[:, -span:]).sum(axis=1) / seen
    return around(history, rate * usual_line(history))


def zero(history: History) -> Forecast:
    """Nothing: an item that is no longer sold."""
    shape = (len(history), history.calendar.horizon)
    return Forecast(np.zeros((*shape, len(LEVELS))), np.zeros(shape))


def intermittent(history: History, model: str) -> Forecast:
    """One of :data:`MODELS` on the observed days of each item."""
    from statsforecast import models

    factories: dict[str, Callable[[], Any]] = {
        "tsb": partial(models.TSB, alpha_d=0.1, alpha_p=0.05),
        "adida": models.ADIDA,
        "imapa": models.IMAPA,
        "croston": models.CrostonSBA,
    }
    made = factories[model]()
    units = capped(history.units)[:, -history.calendar.periods(BACK_DAYS) :]
    seen = history.observed[:, -units.shape[1] :]
    rate = np.zeros(len(history))
    for row in range(len(history)):
        values = units[row][seen[row]].astype(np.float64)
        if (values > 0).any():
            rate[row] = float(made.forecast(values, h=1)["mean"][0])
    return around(history, np.nan_to_num(rate))


def around(history: History, rate: np.ndarray) -> Forecast:
    """Quantiles of days whose lines are Poisson with mean ``rate`` (units per open day) over the usual line."""
    calendar = history.calendar
    factor = weekday_factors(calendar, 112)[calendar.weekday[calendar.past :]]
    mean = np.maximum(rate, 0.0)[:, None] * factor[None, :]
    line = usual_line(history)[:, None]
    counts = np.stack([poisson.ppf(level, mean / line) for level in LEVELS], axis=2)
    return tidy(counts * line[:, :, None], mean, history)


def usual_line(history: History) -> np.ndarray:
    """Median units per order line over the item's days with a sale; 1 without any."""
    with np.errstate(invalid="ignore", divide="ignore"):
        each = np.where(history.lines > 0, history.units / history.lines, np.nan)
    found = np.ones(len(history))
    sold = (history.lines > 0).any(axis=1)
    if sold.any():
        found[sold] = np.nanmedian(each[sold], axis=1)
    return np.maximum(found, 1.0)
