"""Exponentially weighted quantiles: recent days count more, weekdays are made alike by the store's own factors.

Three half-lives are averaged, so that nothing hangs on one. After Taylor, "Forecasting daily supermarket sales using
exponentially weighted quantile regression" (EJOR, 2007), without the regression.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.demand.calendar import Calendar
from jobs.demand.forecasts import LEVELS, Forecast, tidy
from jobs.demand.history import History, capped

DRAWN_BY = 8  # days of its own weigh as much as the store in a slow store's weekday


@dataclass(frozen=True)
class EwqParams:
    """Days: how far back, the half-lives, and the span that the weekday factors are learnt on."""

    back: int = 250
    half_lives: tuple[int, ...] = (20, 40, 80)
    factor_days: int = 112


def ewq(history: History, params: EwqParams | None = None) -> Forecast:
    """Weighted quantiles of the observed days up to ``back`` days ago. The mean is the weighted mean of days that are
    at most the item's usual big day."""
    params = params or EwqParams()
    calendar, past = history.calendar, history.calendar.past
    start = max(0, past - calendar.periods(params.back))
    factor = weekday_factors(calendar, params.factor_days)
    past_factor, ahead = factor[calendar.weekday[start:past]], factor[calendar.weekday[past:]]
    units = history.units[:, start:] / past_factor
    level = capped(history.units[:, start:]) / past_factor
    age = np.arange(past - start)[::-1]
    base, mean = np.zeros((len(history), len(LEVELS))), np.zeros(len(history))
    for half_life in params.half_lives:
        weight = 0.5 ** (age / (half_life / calendar.period)) * history.observed[:, start:]
        base += weighted_quantiles(units, weight) / len(params.half_lives)
        total = weight.sum(axis=1)
        mean += np.divide((level * weight).sum(axis=1), total, out=np.zeros(len(total)), where=total > 0) / len(
            params.half_lives
        )
    return tidy(base[:, None, :] * ahead[None, :, None], mean[:, None] * ahead[None, :], history)


def weekday_factors(calendar: Calendar, days: int) -> np.ndarray:
    """Seven factors around 1: the store's median number of order lines on open days of each weekday of late. In a store
    so slow that a weekday's median is 0 the mean stands for it, drawn to the store's: a few lines say little."""
    late = slice(max(0, calendar.past - calendar.periods(days)), calendar.past)
    lines, weekday, is_open = calendar.lines[late], calendar.weekday[late], calendar.is_open[late]
    if not lines[is_open].any():
        return np.ones(7)
    found = np.ones(7)
    for day in np.unique(weekday[is_open]):
        found[day] = np.median(lines[is_open & (weekday == day)])
    if not found.all():
        store = lines[is_open].mean()
        for day in np.unique(weekday[is_open]):
            same = lines[is_open & (weekday == day)]
            found[day] = (same.sum() + DRAWN_BY * store) / (len(same) + DRAWN_BY)
    usual = np.mean([found[day] for day in np.unique(weekday[is_open])])
    factors = np.ones(7)
    for day in np.unique(weekday[is_open]):
        factors[day] = max(found[day] / usual, 0.05)
    return factors


def weighted_quantiles(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Quantiles (item, level) of each row of ``values`` with ``weight`` of the same shape, straight between the middles
    of the values' weights; 0 for a row without weight."""
    order = np.argsort(values, axis=1, kind="stable")
    ranked, heavy = np.take_along_axis(values, order, axis=1), np.take_along_axis(weight, order, axis=1)
    total = heavy.sum(axis=1, keepdims=True)
    share = np.divide(np.cumsum(heavy, axis=1) - heavy / 2, total, out=np.zeros_like(heavy), where=total > 0)
    found = np.zeros((len(values), len(LEVELS)))
    for row in np.flatnonzero(total[:, 0] > 0):
        kept = heavy[row] > 0
        found[row] = np.interp(LEVELS, share[row][kept], ranked[row][kept])
    return found
