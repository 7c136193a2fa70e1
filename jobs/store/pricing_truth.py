"""What is true of the pricing world and what no product may read: how demand answers to prices, and what that earns.

Arrays are categories × items of a category. ``x`` is the log of a price over its base price.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

LOGIT_SHARE = 0.3
CONSTANT, EXPONENTIAL, LOGIT = 0, 1, 2
DIVERSION_CAP = 0.8


@dataclass(frozen=True)
class PricingTruth:
    """Demand as it is. ``diversion`` is categories × items × items: [c, i, j] is what a log price of j adds to log
    demand of i. ``elasticity`` is that of the own price at the base price, all else equal and habits adapted.

    ``log_rate`` is log units a week at base prices; ``competitor`` what rivals' prices of the last week add to it.
    """

    elasticity: np.ndarray
    shape: np.ndarray
    diversion: np.ndarray
    log_rate: np.ndarray
    base_price: np.ndarray
    price: np.ndarray
    cost: np.ndarray
    competitor: np.ndarray

    def units(self, price: np.ndarray) -> np.ndarray:
        """Expected units a week at these prices (categories × items) once habits have adapted."""
        x = np.log(price / self.base_price)
        return np.exp(self.log_rate + self.competitor + response(self.elasticity, self.shape, x) + self._spill(x))

    def profit(self, price: np.ndarray) -> float:
        """The shop's expected profit a week, in the long run."""
        return float(((price - self.cost) * self.units(price)).sum())

    def oracle(self, largest_step: float, margin_floor: float) -> np.ndarray:
        """The best prices within ``largest_step`` of today's and above the floor of margin, found jointly."""
        low, high = bounds(self.price, self.cost, largest_step, margin_floor)
        scale = max(abs(self.profit(self.price)), 1e-9)

        def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
            price = self.base_price * np.exp(x.reshape(self.price.shape))
            return -self.profit(price) / scale, -self._slope(price).ravel() / scale

        limits = np.stack([np.log(low / self.base_price).ravel(), np.log(high / self.base_price).ravel()], axis=1)
        start = np.log(np.clip(self.price, low, high) / self.base_price).ravel()
        best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=limits, options={"maxiter": 500})
        return np.clip(self.base_price * np.exp(best.x.reshape(self.price.shape)), low, high)

    def _spill(self, x: np.ndarray) -> np.ndarray:
        return np.einsum("cij,cj->ci", self.diversion, x)

    def _slope(self, price: np.ndarray) -> np.ndarray:
        """The derivative of profit in log prices."""
        x = np.log(price / self.base_price)
        units, margin = self.units(price), price - self.cost
        own = price * units + margin * units * steepness(self.elasticity, self.shape, x)
        return own + np.einsum("cij,ci->cj", self.diversion, margin * units)


def bounds(
    price: np.ndarray, cost: np.ndarray, largest_step: float, margin_floor: float
) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest price allowed; where even the highest step misses the floor of margin, that step."""
    high = price * (1 + largest_step)
    return np.minimum(np.maximum(price * (1 - largest_step), cost / (1 - margin_floor)), high), high


def response(elasticity: np.ndarray, shape: np.ndarray, x: np.ndarray) -> np.ndarray:
    """What log demand makes of a log price ``x``; all three shapes have slope ``elasticity`` at 0."""
    start = np.log(LOGIT_SHARE / (1 - LOGIT_SHARE))
    logit = -np.log1p(np.exp(-(start + elasticity / (1 - LOGIT_SHARE) * x))) - np.log(LOGIT_SHARE)
    return np.select(
        [shape == CONSTANT, shape == EXPONENTIAL], [elasticity * x, elasticity * np.expm1(x)], default=logit
    )


def steepness(elasticity: np.ndarray, shape: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The derivative of :func:`response`."""
    start = np.log(LOGIT_SHARE / (1 - LOGIT_SHARE))
    utility = elasticity / (1 - LOGIT_SHARE) * x
    logit = elasticity / (1 - LOGIT_SHARE) / (1 + np.exp(start + utility))
    return np.select([shape == CONSTANT, shape == EXPONENTIAL], [elasticity, elasticity * np.exp(x)], default=logit)


def diversions(rng: np.random.Generator, nest: np.ndarray, elasticity: np.ndarray, log_rate: np.ndarray) -> np.ndarray:
    """The diversion matrix: a share of what an item loses goes to its nest, a smaller one to the category's rest."""
    categories, items = elasticity.shape
    is_mate = (nest[:, :, None] == nest[:, None, :]) & ~np.eye(items, dtype=bool)
    is_other = nest[:, :, None] != nest[:, None, :]
    share = rng.uniform(0.05, 0.35, (categories, 1, items)), rng.uniform(0, 0.1, (categories, 1, items))
    rate = np.exp(log_rate)
    lost = np.abs(elasticity) * rate
    matrix = np.zeros((categories, items, items))
    for is_won, part in zip((is_mate, is_other), share, strict=True):
        total = np.where(is_won, rate[:, :, None], 0).sum(axis=1, keepdims=True)
        matrix += is_won * part * lost[:, None, :] / np.where(total > 0, total, 1)
    return np.minimum(matrix, DIVERSION_CAP)


def optimal_costs(
    elasticity: np.ndarray, diversion: np.ndarray, log_rate: np.ndarray, base_price: np.ndarray
) -> np.ndarray:
    """Costs for which the base prices are the joint first-order optimum of profit."""
    rate = np.exp(log_rate)
    # For each item j: price·rate + margin_j·rate_j·e_j + Σ_i margin_i·rate_i·G_ij = 0, linear in the margins.
    system = np.transpose(diversion * rate[:, :, None], (0, 2, 1))
    items = np.arange(rate.shape[1])
    system[:, items, items] += elasticity * rate
    margin = np.linalg.solve(system, -(base_price * rate)[..., None])[..., 0]
    return base_price * (1 - np.clip(margin / base_price, 0.05, 0.9))
