"""Sample paths from the quantiles and means of days: how the days of an item go together, as sums over days need it.

A Gaussian copula (Nelsen, "An Introduction to Copulas", 2006) joins the days' own distributions with one and the same
correlation between any two days. Summed daily quantiles would be far too wide, independent days far too narrow.

Between two levels quantiles leave open how units rise. Where they are whole pieces, of an item that sells by the few,
the mean decides: straight lines would make a quarter more of a Poisson demand of .3 a day, and nothing at all of one
of .045, whose every published quantile is 0. Elsewhere lines are straight, whatever the mean: it leaves out bulk orders
(:func:`jobs.demand.history.capped`) that the quantiles know of, and paths scaled down to it covered too little (28-day
totals of Online Retail's new items, July to September 2011: .57 instead of .69 of them between q10 and q90).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

RHO = 0.2
DRAWS = 400
# Beyond the last quantile a sale grows no further than this far into its tail: one draw in a thousand.
RAREST = 0.999
Stretches = tuple[np.ndarray, np.ndarray, np.ndarray]  # of the days of an item, as stretches_of has them
MOST_BENT = 0.02  # the least share of a stretch between two levels that its upper end has


def keys_of(*names: Sequence[str] | np.ndarray | pd.Series) -> np.ndarray:
    """A number per row, uint64, that says which item (and location) it is on every machine and in every run."""
    joined = pd.Series(names[0], dtype=str).to_numpy(object)
    for more in names[1:]:
        joined = joined + "\x1f" + pd.Series(more, dtype=str).to_numpy(object)
    return pd.util.hash_array(joined.astype(object), categorize=False)


def paths(
    quantiles: np.ndarray,
    means: np.ndarray,
    levels: Sequence[float],
    draws: int = DRAWS,
    rho: float = RHO,
    seed: int = 0,
    keys: np.ndarray | None = None,
) -> np.ndarray:
    """Units per (item, draw, day), float32, from ``quantiles`` (item, day, level) at rising ``levels`` in (0, 1) and
    ``means`` (item, day).

    ``rho`` in [0, 1) is the correlation of any two days. ``keys`` (:func:`keys_of`) seed each item on its own, so that
    its paths do not depend on which items stand beside it; without them the position counts. Quantiles are made to
    rise and to be at least 0. Raises ValueError for shapes or levels that do not fit.
    """
    at = np.asarray(levels, float)
    quantiles, means = np.asarray(quantiles, float), np.nan_to_num(np.asarray(means, float))
    if quantiles.ndim != 3 or quantiles.shape[2] != len(at) or len(at) < 2:
        raise ValueError(f"quantiles must be (items, days, {len(at)} levels), at least two; got {quantiles.shape}")
    if means.shape != quantiles.shape[:2]:
        raise ValueError(f"means must be (items, days) as the quantiles are, {quantiles.shape[:2]}; got {means.shape}")
    if not (at[0] > 0 and at[-1] < 1 and (np.diff(at) > 0).all()) or not 0 <= rho < 1:
        raise ValueError("levels must rise strictly within (0, 1), and rho lie in [0, 1)")
    items, days, _ = quantiles.shape
    keys = np.arange(items, dtype=np.uint64) if keys is None else np.asarray(keys, np.uint64)
    sorted_up = np.maximum.accumulate(np.maximum(np.nan_to_num(quantiles), 0.0), axis=2)
    found = np.empty((items, draws, days), np.float32)
    for item in range(items):
        random = np.random.Generator(np.random.Philox(key=np.array([keys[item], seed], np.uint64)))
        common, own = np.split(_normals(draws, days + 1, random), [1], axis=1)
        share = ndtr(np.sqrt(rho) * common + np.sqrt(1 - rho) * own)
        stretches = stretches_of(sorted_up[item], at)
        upper, missing = _bent(sorted_up[item], stretches, means[item], at)
        found[item] = _units(share, stretches, upper, at)
        if missing.any():
            found[item] += _rare_sales(missing, 1 - at[-1], draws, random)
    return found


def _normals(draws: int, columns: int, random: np.random.Generator) -> np.ndarray:
    """Standard normal draws [draws, columns], each column spread evenly over its law: a Latin hypercube (McKay, Beckman
    and Conover, 1979). Levels chosen on 300 of them cost as much as on 1,200 draws left to chance, .1% less than on 300
    (Online Retail, June to September 2011)."""
    order = np.argsort(random.random((draws, columns)), axis=0)
    return ndtri((order + random.random((draws, columns))) / draws)


def _bent(
    quantiles: np.ndarray, stretches: Stretches, means: np.ndarray, levels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How much of each stretch between two levels its upper end has, by day, so that the day's mean is the one told:
    a half is straight. And the units that are missing in the mean even so."""
    low, high, slope = stretches
    width, beyond = np.diff(np.concatenate([[0.0], levels])), 1 - levels[-1]
    least = low @ width + beyond * quantiles[:, -1]
    span = (high - low) @ width + 2 * beyond * slope
    is_whole = (quantiles == np.round(quantiles)).all(axis=1)
    wanted = np.divide(means - least, span, out=np.full(len(means), 0.5), where=is_whole & (span > 0))
    upper = np.clip(wanted, MOST_BENT, 1 - MOST_BENT)
    missing = np.where(is_whole, np.maximum(means - least - span, 0.0), 0.0)
    return upper, missing


def stretches_of(quantiles: np.ndarray, levels: np.ndarray) -> Stretches:
    """Lower and upper end of each stretch (day, level), the first of them below the first level, straight on from it
    and down to 0 at most; and the slope of the tail above the last level, an exponential one, that of the last two."""
    lowest = np.maximum(0.0, quantiles[:, :1] - (quantiles[:, 1:2] - quantiles[:, :1]))
    values = np.concatenate([lowest, quantiles], axis=1)
    slope = (quantiles[:, -1] - quantiles[:, -2]) / np.log((1 - levels[-2]) / (1 - levels[-1]))
    return values[:, :-1], values[:, 1:], slope


def _units(share: np.ndarray, stretches: Stretches, upper: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The quantile functions of the days at ``share`` (draw, day), ``upper`` (day) as :func:`_bent` has it. Days whose
    low quantiles are 0 keep their chance of no sale."""
    low, high, slope = stretches
    grid = np.concatenate([[0.0], levels])
    inside = np.minimum(share, levels[-1])
    stretch = np.clip(np.searchsorted(levels, inside, side="left"), 0, len(levels) - 1)
    day = np.arange(len(low))[None, :]
    # A power of the way through a stretch has the mean 1 / (1 + power).
    weight = ((inside - grid[stretch]) / (levels[stretch] - grid[stretch])) ** (1 / upper - 1)[None, :]
    units = low[day, stretch] * (1 - weight) + high[day, stretch] * weight
    beyond = np.log((1 - levels[-1]) / (1 - np.clip(share, levels[-1], RAREST)))
    return units + (2 * upper * slope)[None, :] * beyond


def _rare_sales(rate: np.ndarray, share: float, draws: int, random: np.random.Generator) -> np.ndarray:
    """Sales [draws, days] above the highest quantile, ``rate`` a day on average: all that is known of them is that they
    come on less than ``share`` of the days. Pieces are whole; larger sales stand for more frequent ones that the share
    forbids."""
    size = np.maximum(np.ceil(rate / share), 1.0)
    return ((random.random((draws, len(rate))) < rate / size) * size).astype(np.float32)
