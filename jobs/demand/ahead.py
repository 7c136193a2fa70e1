"""Sample paths of one item's demand for as long as an order must last, from its forecast's quantiles and means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jobs.demand.paths import paths

# Less than what makes totals cover: that holds the doubt about an item's level too, which under lost sales buys stock
# of what does not sell. Cheapest of .05 to .4 on windows of June to September 2011 of Online Retail, a fifth of a
# percent ahead of totals' .2.
RHO = 0.1
LAST_STEPS = 14  # of a forecast go on, again and again, where a protection period is longer


def demand_ahead(
    quantiles: np.ndarray, means: np.ndarray, shares: Sequence[float], steps: int, draws: int, key: np.uint64
) -> np.ndarray:
    """Units [draws, steps] from ``quantiles`` [days, shares] and ``means`` [days]; ``key`` makes them the item's."""
    longer = max(steps, len(quantiles))
    levels, mean = going_on(quantiles, longer), going_on(means, longer)
    return paths(levels[None], mean[None], shares, draws, RHO, keys=np.array([key], np.uint64))[0]


def going_on(values: np.ndarray, steps: int) -> np.ndarray:
    """Values [days, ...] for as many steps: beyond the forecast its last two weeks come again and again."""
    known = len(values)
    if known >= steps:
        return values
    again = min(LAST_STEPS, known)
    at = np.arange(steps)
    return values[np.where(at < known, at, known - again + (at - known) % again)]
