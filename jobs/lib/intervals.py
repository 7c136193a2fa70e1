"""Means over customers with bootstrap intervals, for many measures at once.

All columns of a frame are resampled with the same draws of customers, so that ratios of columns are paired.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

DRAWS = 1000
LEVEL = (0.025, 0.975)


@dataclass(frozen=True)
class Interval:
    """A figure, the 95% interval of its bootstrap and the number of customers that it rests on."""

    value: float
    low: float
    high: float
    cases: int


@dataclass(frozen=True)
class Resampled:
    """Means of the columns: over all customers, and in each draw (draws × columns)."""

    columns: pd.Index
    means: np.ndarray
    draws: np.ndarray
    cases: np.ndarray

    def mean(self, column: object) -> Interval:
        """The mean of a column."""
        at = self.columns.get_loc(column)
        return _interval(self.means[at], self.draws[:, at], self.cases[at])

    def ratio(self, ours: object, theirs: object) -> Interval:
        """The mean of one column over that of another, paired."""
        a, b = self.columns.get_loc(ours), self.columns.get_loc(theirs)
        with np.errstate(invalid="ignore", divide="ignore"):
            value, draws = self.means[a] / self.means[b], self.draws[:, a] / self.draws[:, b]
        return _interval(value, draws, min(self.cases[a], self.cases[b]))

    def chance_above(self, ours: object, theirs: object) -> float:
        """Share of the draws in which the mean of one column is above that of another, an equal one counting half; NaN
        where no draw knows both."""
        ahead = self.draws[:, self.columns.get_loc(ours)] - self.draws[:, self.columns.get_loc(theirs)]
        known = ahead[~np.isnan(ahead)]
        return float((np.sign(known) + 1).mean() / 2) if len(known) else np.nan


def resampled(each: pd.DataFrame, seed: int, draws: int = DRAWS) -> Resampled:
    """Bootstrap over the rows of ``each`` (customers × measures); NaN where a measure says nothing of a customer."""
    values = each.to_numpy(float)
    is_told = ~np.isnan(values)
    counts = np.random.default_rng(seed).multinomial(len(each), np.full(len(each), 1 / max(len(each), 1)), draws)
    # One thread: sums differ in the last bits with the number of threads.
    with threadpool_limits(1), np.errstate(invalid="ignore", divide="ignore"):
        sums = np.where(is_told, values, 0.0)
        drawn = (counts @ sums) / (counts @ is_told.astype(float))
        means = sums.sum(axis=0) / is_told.sum(axis=0)
    return Resampled(each.columns, means, drawn, is_told.sum(axis=0))


def _interval(value: float, draws: np.ndarray, cases: int) -> Interval:
    known = draws[np.isfinite(draws)]
    low, high = np.quantile(known, LEVEL) if len(known) else (np.nan, np.nan)
    return Interval(float(value), float(low), float(high), int(cases))
