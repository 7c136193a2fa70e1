"""Items over several days together: quantiles of the sum from sampled paths, corrected by what earlier origins showed.

The correction is split conformal prediction (Vovk et al., 2005) on ratios: how far, in the forecast's own width, the
truth lay from the median at each level. The mean of a total is the sum of the days' means.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jobs.demand.forecasts import LEVELS, MEDIAN
from jobs.demand.paths import DRAWS, RHO, paths

AT_ONCE = 400 * 28  # days of items whose paths are held at a time
LEAST, MOST = 0.5, 2.0
FEWEST = 30  # with fewer truths there is no correction
SHRINKAGE = 100  # so many truths weigh as much as none said anything
SEED = 11


def total_quantiles(
    quantiles: np.ndarray, means: np.ndarray, horizons: Sequence[int] | np.ndarray, keys: np.ndarray
) -> np.ndarray:
    """Quantiles (item, horizon, level) of the sums of the first ``horizons`` periods (the same for all items, or a row
    of them an item) of ``quantiles`` (item, period, level) and ``means`` (item, period); ``keys`` as in
    :func:`jobs.demand.paths.keys_of`."""
    last = np.broadcast_to(np.asarray(horizons, int) - 1, (len(quantiles), np.shape(horizons)[-1]))
    found = np.zeros((*last.shape, len(LEVELS)))
    at_once = max(AT_ONCE // max(quantiles.shape[1], 1), 1)
    for start in range(0, len(quantiles), at_once):
        block = slice(start, start + at_once)
        days = paths(quantiles[block], means[block], LEVELS, DRAWS, RHO, SEED, keys[block])
        drawn = np.cumsum(days, axis=2, dtype=np.float64)
        for at in range(last.shape[1]):
            sums = np.take_along_axis(drawn, last[block, at, None, None], axis=2)[:, :, 0]
            found[block, at] = np.quantile(sums, LEVELS, axis=1).T
    return found


def correction(quantiles: np.ndarray, true: np.ndarray) -> np.ndarray:
    """A factor per level for the distance from the median, from quantiles (case, level) and what came (case): with it
    the share of cases below each level is what the level says. Between a half and two, and the nearer to 1 the fewer
    the cases."""
    found = np.ones(len(LEVELS))
    for at, level in enumerate(LEVELS):
        width = quantiles[:, at] - quantiles[:, MEDIAN]
        told = np.abs(width) > 1e-9
        if at == MEDIAN or told.sum() < FEWEST:
            continue
        # A lower level has a negative width: its ratio is above 1 where the truth lies lower still.
        ratio = (true[told] - quantiles[told, MEDIAN]) / width[told]
        factor = np.clip(np.quantile(ratio, level if level > 0.5 else 1 - level), LEAST, MOST)
        found[at] = 1 + (factor - 1) * told.sum() / (told.sum() + SHRINKAGE)
    return found


def corrected(quantiles: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Quantiles (…, level) with each level's distance from the median times its factor; sorted, at least 0."""
    median = quantiles[..., MEDIAN : MEDIAN + 1]
    return np.sort(np.maximum(median + (quantiles - median) * factors, 0.0), axis=-1)
