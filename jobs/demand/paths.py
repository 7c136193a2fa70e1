"""Sample paths from the quantiles of days: how the days of an item go together, as sums over a lead time need it.

A Gaussian copula (Nelsen, "An Introduction to Copulas", 2006) joins the days' own distributions with one and the same
correlation between any two days. Summed daily quantiles would be far too wide, independent days far too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtr

RHO = 0.2
DRAWS = 400
# Beyond the last quantile a sale grows no further than this far into its tail: one draw in a thousand.
RAREST = 0.999


def keys_of(*names: Sequence[str] | np.ndarray | pd.Series) -> np.ndarray:
    """A number per row, uint64, that says which item (and location) it is on every machine and in every run."""
    joined = pd.Series(names[0], dtype=str).to_numpy(object)
    for more in names[1:]:
        joined = joined + "\x1f" + pd.Series(more, dtype=str).to_numpy(object)
    return pd.util.hash_array(joined.astype(object), categorize=False)


def paths(
    quantiles: np.ndarray,
    levels: Sequence[float],
    draws: int = DRAWS,
    rho: float = RHO,
    seed: int = 0,
    keys: np.ndarray | None = None,
) -> np.ndarray:
    """Units per (item, draw, day), float32, from ``quantiles`` (item, day, level) at rising ``levels`` in (0, 1).

    ``rho`` in [0, 1) is the correlation of any two days. ``keys`` (:func:`keys_of`) seed each item on its own, so that
    its paths do not depend on which items stand beside it; without them the position counts. Quantiles are made to
    rise and to be at least 0. Raises ValueError for shapes or levels that do not fit.
    """
    at = np.asarray(levels, float)
    quantiles = np.asarray(quantiles, float)
    if quantiles.ndim != 3 or quantiles.shape[2] != len(at) or len(at) < 2:
        raise ValueError(f"quantiles must be (items, days, {len(at)} levels), at least two; got {quantiles.shape}")
    if not (at[0] > 0 and at[-1] < 1 and (np.diff(at) > 0).all()) or not 0 <= rho < 1:
        raise ValueError("levels must rise strictly within (0, 1), and rho lie in [0, 1)")
    items, days, _ = quantiles.shape
    keys = np.arange(items, dtype=np.uint64) if keys is None else np.asarray(keys, np.uint64)
    sorted_up = np.maximum.accumulate(np.maximum(np.nan_to_num(quantiles), 0.0), axis=2)
    found = np.empty((items, draws, days), np.float32)
    for item in range(items):
        random = np.random.Generator(np.random.Philox(key=np.array([keys[item], seed], np.uint64)))
        common = random.standard_normal((draws, 1))
        own = random.standard_normal((draws, days))
        share = ndtr(np.sqrt(rho) * common + np.sqrt(1 - rho) * own)
        found[item] = _units(share, sorted_up[item], at)
    return found


def _units(share: np.ndarray, quantiles: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The quantile functions of the days (day, level) at ``share`` (draw, day): straight between the levels, so that
    days whose low quantiles are 0 keep their chance of no sale; below the first level straight on, down to 0 at most;
    above the last an exponential tail with the slope of the last two levels."""
    lowest = np.maximum(0.0, quantiles[:, :1] - (quantiles[:, 1:2] - quantiles[:, :1]))
    grid, values = np.concatenate([[0.0], levels]), np.concatenate([lowest, quantiles], axis=1)
    inside = np.minimum(share, levels[-1])
    right = np.clip(np.searchsorted(grid, inside, side="left"), 1, len(grid) - 1)
    day = np.arange(values.shape[0])[None, :]
    weight = (inside - grid[right - 1]) / (grid[right] - grid[right - 1])
    units = values[day, right - 1] * (1 - weight) + values[day, right] * weight
    slope = (quantiles[:, -1] - quantiles[:, -2]) / np.log((1 - levels[-2]) / (1 - levels[-1]))
    beyond = np.log((1 - levels[-1]) / (1 - np.clip(share, levels[-1], RAREST)))
    return units + slope[None, :] * beyond
