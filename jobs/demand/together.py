"""How the demand of several items goes together: the spread of their sum, from each item's own quantiles.

Errors of any two items have one correlation: of the whole store one, of a category another. Each is learnt from the
sums of earlier origins, so that the spread of a sum is what such sums had (an equicorrelated model, as for defaults in
a portfolio: Vasicek, "The distribution of loan portfolio value", Risk, 2002, here for the second moment alone). The sum
itself is drawn as a gamma of that mean and spread, which is never negative and leans right, as demand does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from jobs.demand.forecasts import LEVELS
from jobs.demand.paths import stretches_of
from jobs.features.category import steps

STORE, CATEGORY, UNSORTED = "store", "category", "unsorted"
MOST = 0.9


@dataclass(frozen=True)
class Errors:
    """Of the items at one origin over one horizon: what came less the mean forecast, the forecast's own standard
    deviation, and the categories' paths ("" where the store names none)."""

    error: np.ndarray
    deviation: np.ndarray
    category: np.ndarray


def deviations(quantiles: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Standard deviations (item) of distributions known by their quantiles (item, level) and means (item): straight
    between the levels, beyond them as :func:`jobs.demand.paths.stretches_of` has it. At least a Poisson's: an item
    whose every quantile is 0 still sells by chance."""
    at = np.array(LEVELS)
    low, high, slope = stretches_of(quantiles, at)
    width, last, beyond = np.diff(np.concatenate([[0.0], at])), quantiles[:, -1], 1 - at[-1]
    first = ((low + high) / 2) @ width + beyond * (last + slope)
    second = ((low**2 + low * high + high**2) / 3) @ width + beyond * (last**2 + 2 * last * slope + 2 * slope**2)
    return np.sqrt(np.maximum(second - first**2, mean))


def correlations(origins: list[Errors]) -> dict[str, float]:
    """The correlation of any two items' errors, in the store and within a category: what the squares of sums exceed
    the sum of squares by, against what they would if all went as one. Errors are not centred, so that a shop which all
    forecasts missed on one side counts as one. Between 0 and .9; 0 where nothing is known, and within a category at
    least the store's."""
    store = _correlation([np.zeros(len(one.error), int) for one in origins], origins)
    within = _correlation([pd.factorize(one.category)[0] for one in origins], origins, among=True)
    return {STORE: round(store, 4), CATEGORY: round(max(store, within), 4)}


def _correlation(groups: list[np.ndarray], origins: list[Errors], among: bool = False) -> float:
    above, whole = 0.0, 0.0
    for group, one in zip(groups, origins, strict=True):
        told = np.isfinite(one.error) & (one.deviation > 0)
        if among:
            told &= one.category.astype(str) != ""
        if not told.any():
            continue
        error, deviation, at = one.error[told], one.deviation[told], group[told]
        above += float((np.bincount(at, error) ** 2 - np.bincount(at, error**2)).sum())
        whole += float((np.bincount(at, deviation) ** 2 - np.bincount(at, deviation**2)).sum())
    return float(np.clip(above / whole, 0.0, MOST)) if whole > 0 else 0.0


def group_quantiles(
    mean: np.ndarray, deviation: np.ndarray, variance: np.ndarray, correlation: np.ndarray
) -> np.ndarray:
    """Quantiles (group, level) of sums, from their means, the sums of their items' standard deviations and variances,
    and the correlation of any two of them (each one value a group). 0 where nothing is expected."""
    spread = (1 - correlation) * variance + correlation * deviation**2
    is_there = (mean > 0) & (spread > 0)
    shape = np.where(is_there, mean**2 / np.where(is_there, spread, 1.0), 1.0)[:, None]
    scale = np.where(is_there, spread / np.where(is_there, mean, 1.0), 1.0)[:, None]
    return np.where(is_there[:, None], stats.gamma.ppf(np.array(LEVELS)[None, :], shape, scale=scale), 0.0)


def chain_of(category: str | None) -> list[tuple[str, str]]:
    """The groups that an item of this category belongs to, as level and path: the store, then each step of the path."""
    if not category:
        return [(STORE, "all"), (UNSORTED, "none")]
    return [(STORE, "all"), *[(CATEGORY, step) for step in steps(category)]]
