"""What any shop could do by itself: the quantiles of recent same weekdays, last year, last year with growth."""

from __future__ import annotations

import warnings

import numpy as np

from jobs.demand.forecasts import LEVELS, MEDIAN, Forecast, tidy
from jobs.demand.history import History, capped, filled

WEEKS = 8


def weekday_quantiles(history: History, weeks: int = WEEKS) -> Forecast:
    """Quantiles of the last eight same weekdays (of the last eight weeks, where a period is a week)."""
    calendar, past = history.calendar, history.calendar.past
    span = weeks * 7 // calendar.period
    units = np.where(history.observed, history.units, np.nan)[:, max(0, past - span) :]
    weekday = calendar.weekday[max(0, past - span) : past]
    ahead = calendar.weekday[past:]
    quantiles = np.zeros((len(history), calendar.horizon, len(LEVELS)))
    mean = np.zeros((len(history), calendar.horizon))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a weekday that was never seen is all NaN
        for day in np.unique(ahead):
            same = units[:, weekday == day]
            if same.shape[1]:
                quantiles[:, ahead == day] = np.nanquantile(same, LEVELS, axis=1).T[:, None]
                mean[:, ahead == day] = np.nanmean(same, axis=1)[:, None]
    return tidy(quantiles, mean, history)


def seasonal(history: History) -> Forecast:
    """The same period a year (52 weeks) ago, or with less than a year of history the last week again."""
    lag = _lag(history)
    return _around(history, _copied(history, lag), lag, np.ones(len(history)))


def growing(history: History) -> Forecast:
    """The same period a year ago times the item's growth: its last eight weeks over the same eight a year ago."""
    lag = _lag(history)
    return _around(history, _copied(history, lag) * growth(history)[:, None], lag, growth(history))


def growth(history: History) -> np.ndarray:
    """Units of the last eight weeks over the same a year ago, between a third and three; 1 where either is unknown."""
    past, year = history.calendar.past, history.calendar.year
    span = WEEKS * 7 // history.calendar.period
    if past < year + span:
        return np.ones(len(history))
    units = filled(history, capped(history.units))
    now, then = units[:, past - span :].sum(axis=1), units[:, past - span - year : past - year].sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((now > 0) & (then > 0), np.clip(now / then, 1 / 3, 3.0), 1.0)


def _lag(history: History) -> int:
    calendar = history.calendar
    return calendar.year if history.knows_last_year else min(max(1, 7 // calendar.period), calendar.past)


def _copied(history: History, lag: int) -> np.ndarray:
    past, horizon = history.calendar.past, history.calendar.horizon
    ahead = np.arange(past, past + horizon)
    back = ahead - lag * np.ceil((ahead - past + 1) / lag).astype(int)
    return np.where(back >= 0, filled(history, history.units)[:, np.maximum(back, 0)], 0.0)


def _around(history: History, point: np.ndarray, lag: int, factor: np.ndarray) -> Forecast:
    """Quantiles by what the same rule missed over the last half year of observed days, relative to the item's mean."""
    past = history.calendar.past
    span = min(history.calendar.periods(182), max(past - lag, 0))
    units, seen = history.units[:, past - span :], history.observed[:, past - span :]
    before = filled(history, history.units)[:, past - span - lag : past - lag] if span else units
    miss = np.where(seen, units - before * factor[:, None], np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        spread = (
            np.nan_to_num(np.nanquantile(miss, LEVELS, axis=1).T) if span else np.zeros((len(history), len(LEVELS)))
        )
    spread = spread - spread[:, MEDIAN : MEDIAN + 1]
    return tidy(point[:, :, None] + spread[:, None, :], point, history)
