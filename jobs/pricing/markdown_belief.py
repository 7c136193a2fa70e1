"""What is believed of an item's demand while it is marked down: a grid of levels and elasticities, taught by sales."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln
from scipy.stats import norm

LEVELS, ELASTICITIES, SCENARIOS = 9, 5, 6
MIDDLE = np.log(0.7)  # scenarios are ordered by their rate at a price about half-way down
STEEPEST, FLATTEST = -8.0, -0.2


@dataclass(frozen=True)
class Belief:
    """Points of (log units a week at the first price, elasticity) with weights that sum to 1; ``size`` is that of the
    negative binomial of a week's sales."""

    log_level: np.ndarray
    elasticity: np.ndarray
    weight: np.ndarray
    size: float

    @staticmethod
    def prior(log_level: float, level_sd: float, elasticity: float, elasticity_sd: float, size: float) -> Belief:
        """Normal in both, independent, at quantiles of equal probability."""
        levels = log_level + level_sd * _middles(LEVELS)
        slopes = np.clip(elasticity + elasticity_sd * _middles(ELASTICITIES), STEEPEST, FLATTEST)
        grid = np.meshgrid(levels, slopes, indexing="ij")
        many = LEVELS * ELASTICITIES
        return Belief(grid[0].ravel(), grid[1].ravel(), np.full(many, 1 / many), size)

    def updated(self, sold: float, ratio: float, pace: float = 1.0) -> Belief:
        """After a week in which ``sold`` pieces went at ``ratio`` times the first price and some were left; one that
        sold out tells only that demand was at least that, and is left out by the caller. ``pace``: what its season
        makes of a usual week."""
        mean = pace * np.exp(self.log_level + self.elasticity * np.log(ratio))
        told = self.size * np.log(self.size / (self.size + mean)) + sold * np.log(mean / (self.size + mean))
        told += gammaln(sold + self.size) - gammaln(self.size)
        weight = self.weight * np.exp(told - told.max())
        return Belief(self.log_level, self.elasticity, weight / weight.sum(), self.size)

    def scenarios(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """``SCENARIOS`` points that stand for equal parts of the weight, ordered by their rate half-way down: log
        level, elasticity, weight of each."""
        order = np.argsort(self.log_level + self.elasticity * MIDDLE, kind="stable")
        weight = self.weight[order]
        ends = np.cumsum(weight)
        starts = ends - weight
        edges = np.linspace(0, 1, SCENARIOS + 1)
        # how much of each point lies in each part: points × parts
        shared = np.minimum(ends[:, None], edges[None, 1:]) - np.maximum(starts[:, None], edges[None, :-1])
        shared = np.maximum(shared, 0.0)
        mass = np.maximum(shared.sum(axis=0), 1e-12)
        level = self.log_level[order] @ shared / mass
        slope = self.elasticity[order] @ shared / mass
        return level, slope, mass / mass.sum()

    def rates(self, ratios: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Units a week, scenarios × prices, at these multiples of the first price; and the scenarios' weights."""
        level, slope, weight = self.scenarios()
        return np.exp(level[:, None] + slope[:, None] * np.log(ratios)[None, :]), weight


def _middles(parts: int) -> np.ndarray:
    """The standard normal's quantiles in the middle of equal parts, scaled to its variance."""
    points = norm.ppf((np.arange(parts) + 0.5) / parts)
    return points / points.std()
