"""Sample paths of one item's demand for as long as an order must last, from its forecast's quantiles and means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jobs.demand.paths import RHO, paths

LAST_STEPS = 14  # of a forecast go on, again and again, where a protection period is longer


def demand_ahead(
    quantiles: np.ndarray, means: np.ndarray, shares: Sequence[float], steps: int, draws: int, key: np.uint64
) -> np.ndarray:
    """Units [draws, steps] from ``quantiles`` [days, shares] and ``means`` [days]; ``key`` makes them the item's."""
    longer = max(steps, len(quantiles))
    levels, mean = going_on(quantiles, longer), going_on(means, longer)
    drawn = paths(levels[None], shares, draws, RHO, keys=np.array([key], np.uint64))[0]
    # Numbers of their own beside those of the paths, which take 0.
    random = np.random.Generator(np.random.Philox(key=np.array([key, 1], np.uint64)))
    return drawn + _rare_sales(levels[:, -1], mean, 1 - shares[-1], draws, random)


def going_on(values: np.ndarray, steps: int) -> np.ndarray:
    """Values [days, ...] for as many steps: beyond the forecast its last two weeks come again and again."""
    known = len(values)
    if known >= steps:
        return values
    again = min(LAST_STEPS, known)
    at = np.arange(steps)
    return values[np.where(at < known, at, known - again + (at - known) % again)]


def _rare_sales(
    highest: np.ndarray, mean: np.ndarray, share: float, draws: int, random: np.random.Generator
) -> np.ndarray:
    """Sales [draws, steps] on days whose ``highest`` quantile is 0: all that is known of them is that they come on less
    than ``share`` of the days and what they come to on average. Pieces are whole; larger sales stand for more frequent
    ones that the share forbids."""
    rate = np.where(highest > 0, 0.0, np.maximum(mean, 0.0))
    size = np.maximum(np.ceil(rate / share), 1.0)
    return ((random.random((draws, len(rate))) < rate / size) * size).astype(np.float32)
