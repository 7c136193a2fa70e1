"""Marking down a stock by a date when demand is uncertain: a stochastic dynamic programme over demand scenarios.

For each scenario of (level, elasticity) the programme with a known rate is solved backwards over weeks and pieces left,
prices never rising (Gallego and van Ryzin, 1994, in weeks and with negative-binomial demand). The price now is the one
with the best mean over the scenarios of what follows, each continued as if its rate were known: "scenario" or
hindsight look-ahead, solved anew with what sold. Money is in units of the first price.
"""

from __future__ import annotations

import numpy as np
from numba import njit

NEVER = 1e-8  # sales less probable than this, all together, are left out of sums


@njit(cache=True)
def demand(mean: float, size: float, most: int) -> np.ndarray:
    """P(D = 0), …, P(D = most - 1), P(D >= most) of a negative binomial with this mean and ``size`` (the variance is
    mean + mean²/size)."""
    chances = np.zeros(most + 1)
    if most == 0 or mean <= 0.0:
        chances[0] = 1.0
        return chances
    share = mean / (mean + size)
    chance = np.exp(-size * np.log1p(mean / size))
    left = 1.0
    for pieces in range(most):
        chances[pieces] = chance
        left -= chance
        chance *= share * (size + pieces) / (pieces + 1.0)
    chances[most] = max(left, 0.0)
    return chances


@njit(cache=True)
def _chances(rates: np.ndarray, size: float, stock: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By price: the chances of sales, of no less than so many, and the last that matters."""
    many = len(rates)
    chances, beyond, most = np.zeros((many, stock + 1)), np.zeros((many, stock + 1)), np.zeros(many, np.int64)
    for j in range(many):
        chances[j] = demand(rates[j], size, stock)
        total = 0.0
        for pieces in range(stock, -1, -1):
            total += chances[j, pieces]
            beyond[j, pieces] = total
            if most[j] == 0 and total > NEVER:
                most[j] = pieces + 1
    return chances, beyond, most


@njit(cache=True)
def worth(
    stock: int, pace: np.ndarray, prices: np.ndarray, rates: np.ndarray, size: float, salvage: float
) -> np.ndarray:
    """weeks × prices × (stock + 1): expected revenue from a week on when ``prices[j]`` is asked in it and the best
    allowed prices after it. ``rates``: units at each price, prices falling, in a usual week; ``pace``: how much of a
    usual week each one is, by its season or for the days that there are of it."""
    weeks, many = len(pace), len(prices)
    found = np.zeros((weeks, many, stock + 1))
    after = np.empty((many, stock + 1))
    for left in range(stock + 1):
        after[:, left] = salvage * left
    chances, beyond, most = _chances(rates * pace[-1], size, stock)
    for week in range(weeks - 1, -1, -1):
        if week < weeks - 1 and pace[week] != pace[week + 1]:
            # Without a season the chances of all weeks but the last are the same.
            chances, beyond, most = _chances(rates * pace[week], size, stock)
        for j in range(many):
            for left in range(stock + 1):
                value = 0.0
                for sold in range(min(left, most[j])):
                    value += chances[j, sold] * (prices[j] * sold + after[j, left - sold])
                found[week, j, left] = value + beyond[j, left] * (prices[j] * left + after[j, 0])
        for left in range(stock + 1):
            best = -1.0
            for j in range(many - 1, -1, -1):
                best = max(best, found[week, j, left])
                after[j, left] = best
    return found


@njit(cache=True)
def price_now(
    stock: int,
    weeks: int,
    first: int,
    prices: np.ndarray,
    rates: np.ndarray,
    weights: np.ndarray,
    size: float,
    salvage: float,
) -> int:
    """The index (``first`` or later) of the price to ask this week. ``rates``: scenarios × prices."""
    total = np.zeros(len(prices) - first)
    for k in range(len(weights)):
        value = worth(stock, np.ones(weeks), prices[first:], rates[k, first:], size, salvage)
        total += weights[k] * value[0, :, stock]
    return first + int(np.argmax(total))


@njit(cache=True)
def path(
    stock: int,
    pace: np.ndarray,
    first: int,
    prices: np.ndarray,
    rates: np.ndarray,
    weights: np.ndarray,
    size: float,
    salvage: float,
) -> np.ndarray:
    """The price's index in each week if sales go as expected: each week the best mean over scenarios at the pieces then
    expected to be left."""
    weeks = len(pace)
    values = np.zeros((weeks, len(prices), stock + 1))
    for k in range(len(weights)):
        values += weights[k] * worth(stock, pace, prices, rates[k], size, salvage)
    chosen = np.zeros(weeks, np.int64)
    left, lowest = float(stock), first
    for week in range(weeks):
        at = round(left)
        lowest = lowest + int(np.argmax(values[week, lowest:, at]))
        chosen[week] = lowest
        sold = 0.0
        for k in range(len(weights)):
            sold += weights[k] * _expected(at, rates[k, lowest] * pace[week], size)
        left = max(left - sold, 0.0)
    return chosen


@njit(cache=True)
def _expected(stock: int, rate: float, size: float) -> float:
    """E[min(stock, D)]."""
    chances = demand(rate, size, stock)
    total = 0.0
    for sold in range(stock + 1):
        total += chances[sold] * sold
    return total


@njit(cache=True)
def followed(
    stock: int, chosen: np.ndarray, rates: np.ndarray, weights: np.ndarray, size: float, pace: np.ndarray
) -> np.ndarray:
    """weeks × 2: units expected to sell and pieces expected to be left, when the prices of ``chosen`` are asked
    whatever sells; the last row has instead (probability that all is gone, 0)."""
    weeks = len(chosen)
    told = np.zeros((weeks + 1, 2))
    for k in range(len(weights)):
        there = np.zeros(stock + 1)
        there[stock] = 1.0
        for week in range(weeks):
            chances = demand(rates[k, chosen[week]] * pace[week], size, stock)
            after = np.zeros(stock + 1)
            sold_mean, left_mean = 0.0, 0.0
            for left in range(stock + 1):
                if there[left] <= 0.0:
                    continue
                rest = 1.0
                for sold in range(left):
                    chance = there[left] * chances[sold]
                    after[left - sold] += chance
                    sold_mean += chance * sold
                    left_mean += chance * (left - sold)
                    rest -= chances[sold]
                after[0] += there[left] * max(rest, 0.0)
                sold_mean += there[left] * max(rest, 0.0) * left
            there = after
            told[week, 0] += weights[k] * sold_mean
            told[week, 1] += weights[k] * left_mean
        told[weeks, 0] += weights[k] * there[0]
    return told
