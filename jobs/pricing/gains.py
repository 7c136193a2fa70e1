"""What a change of one item's price is expected to bring, and the price that one would like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobs.pricing.grid import neighbours
from jobs.pricing.posterior import NONE, Posterior

COLUMNS = ("units", "units_low", "units_high", "profit", "profit_low", "profit_high", "gain", "gain_low")
CHUNK = 20_000  # candidates whose draws are held at a time
Z80 = 1.2816  # of a normal's 80% interval


@dataclass(frozen=True)
class GainParams:
    """What decides, and how far it is believed.

    ``shrinkage`` is the part of a predicted gain that is expected to come: a choice of the best of many noisy figures
    promises too much (the optimiser's curse: Smith and Winkler 2006, Management Science 52). ``quantile`` of the
    posterior of the gain decides; ``largest_step`` bounds how far from today's price is looked; ``cost_plus_weight``
    is the weight of cost-plus in the price desired: it costs some of the mean gain and saves the worst case. Both
    chosen on development seeds 101 to 106 of jobs.store.pricing_world.
    """

    shrinkage: float = 0.6
    quantile: float = 0.25
    largest_step: float = 0.15
    steps: int = 31
    margin_floor: float = 0.05
    cost_plus_weight: float = 0.25


def gains(
    posterior: Posterior, current: pd.DataFrame, candidates: pd.DataFrame, params: GainParams = GainParams()
) -> pd.DataFrame:
    """One row a candidate, in the order of ``candidates``, all per week.

    ``current``: ``item_id, price, cost`` (cost null: revenue is meant wherever profit is said); ``candidates``:
    ``item_id, price`` (any number of prices an item). Columns: ``item_id, price, units, units_low, units_high,
    profit, profit_low, profit_high`` (80% intervals; the item's own profit), ``gain`` (of the shop against today's
    price, neighbours' share included, shrunk) and ``gain_low`` (the quantile that decides, shrunk by the same factor).
    Items with evidence ``none``, or without a row in ``current``, have NaN throughout. Raises ValueError for a
    price that is not above 0.
    """
    today = _today(posterior, current)
    at = pd.Index(posterior.item_id).get_indexer(pd.Index(candidates["item_id"].astype(str)))
    price = candidates["price"].to_numpy(float)
    if not (price > 0).all():
        raise ValueError("gains: a candidate price is not above 0")
    at = np.where((at >= 0) & today.is_known[at], at, -1)
    out = np.full((len(price), len(COLUMNS)), np.nan)
    for start in range(0, len(price), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(price)))
        rows = rows[at[rows] >= 0]
        out[rows] = _outcomes(posterior, today, at[rows], price[rows], params)
    told = pd.DataFrame(out, columns=list(COLUMNS))
    told.insert(0, "item_id", candidates["item_id"].to_numpy())
    told.insert(1, "price", price)
    return told


def desired_price(
    posterior: Posterior,
    current: pd.DataFrame,
    params: GainParams = GainParams(),
    reach: tuple[np.ndarray, np.ndarray] | None = None,
) -> pd.DataFrame:
    """One row an item of ``current``: ``item_id, price, lower_bound_price, cost_plus_price``.

    ``price`` is the weighted geometric mean of the price with the best lower bound of the gain and the one that
    cost-plus at the category's median mark-up gives, both within ``largest_step`` of today's price and above the
    floor of margin; the item's own price where evidence is ``none``; the former alone where no cost above 0 is known.
    ``reach`` says of each row how far down (below 1) and how far up it is looked instead.
    """
    down, up = reach or (params.largest_step, params.largest_step)
    price, cost = current["price"].to_numpy(float), current["cost"].to_numpy(float, na_value=np.nan)
    floor = np.nan_to_num(cost / (1 - params.margin_floor))
    high = price * (1 + up)
    low = np.minimum(np.maximum(price * (1 - down), floor), high)
    start = np.clip(price, low, high)
    steps = np.linspace(0, 1, params.steps)
    tried = np.concatenate([start[:, None], low[:, None] * (high / low)[:, None] ** steps], axis=1)
    item_id = current["item_id"].to_numpy()
    candidates = pd.DataFrame({"item_id": np.repeat(item_id, tried.shape[1]), "price": tried.ravel()})
    gain = gains(posterior, current, candidates, params)["gain_low"].to_numpy().reshape(tried.shape)
    best = np.where(np.isnan(gain), -np.inf, gain).argmax(axis=1)  # the first is today's price, kept on a tie
    lower_bound = tried[np.arange(len(price)), best]
    at = pd.Index(posterior.item_id).get_indexer(pd.Index(current["item_id"].astype(str)))
    is_blind = (at < 0) | (posterior.evidence[at] == NONE)
    category = pd.Series(posterior.category[at]).where(at >= 0)
    cost_plus = np.clip(_cost_plus(category, price, cost), low, high)
    # What costs nothing, or has nobody's mark-up, has no price by cost.
    weight = np.where(cost_plus > 0, params.cost_plus_weight, 0.0)
    mixed = lower_bound ** (1 - weight) * np.where(np.isnan(cost_plus), 1.0, cost_plus) ** weight
    return pd.DataFrame(
        {
            "item_id": item_id,
            "price": np.where(is_blind, price, mixed),
            "lower_bound_price": np.where(is_blind, price, lower_bound),
            "cost_plus_price": cost_plus,
        }
    )


@dataclass(frozen=True)
class _Today:
    """Arrays over the posterior's items: today's price, expected units at it, and what a unit sold costs the shop."""

    price: np.ndarray
    cost: np.ndarray
    effective_cost: np.ndarray
    log_units: np.ndarray
    is_known: np.ndarray


def _today(posterior: Posterior, current: pd.DataFrame) -> _Today:
    """Today's prices in the posterior's order; an item that is not priced today has no neighbours' margin to win.

    What neighbours win counts as the item itself does: by revenue for an item whose cost is not known, else by profit,
    a neighbour without a cost having the share of its price that is the median of its category.
    """
    rows = current.set_index(current["item_id"].astype(str)).reindex(posterior.item_id)
    price = rows["price"].to_numpy(float)
    if (price <= 0).any():
        raise ValueError("gains: a current price is not above 0")
    has_cost = rows["cost"].notna().to_numpy()
    cost = np.nan_to_num(rows["cost"].to_numpy(float, na_value=np.nan))
    is_known = ~np.isnan(price) & (posterior.evidence != NONE)
    mean = np.nan_to_num(posterior.mean)
    log_units = posterior.log_rate + mean * np.log(np.where(np.isnan(price), 1, price) / posterior.price)
    usual = pd.Series(np.where(has_cost, cost / price, np.nan)).groupby(posterior.category).transform("median")
    profit = price - np.where(has_cost, cost, price * usual)
    weight = np.where(is_known, np.exp(np.clip(log_units, -12, 12)), 0.0)
    diverted = np.zeros(len(price))
    for counts, worth in ((has_cost, profit), (~has_cost, price)):
        margin = np.where(is_known, np.nan_to_num(worth), 0.0)
        mates, rest = neighbour_margins(posterior.category, posterior.nest, margin, weight)
        diverted += counts * (posterior.diversion_nest * mates + posterior.diversion_category * rest)
    return _Today(price, cost, cost + diverted, log_units, is_known)


def neighbour_margins(
    category: np.ndarray, nest: np.ndarray, margin: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean margin per unit of each item's nest mates, and of the others of its category (0 where nobody)."""
    mates, rest = np.zeros(len(margin)), np.zeros(len(margin))
    for at in pd.Series(np.arange(len(margin))).groupby(category).indices.values():
        near, far = neighbours(margin[at][:, None], nest[at], weight[at])
        mates[at], rest[at] = near[:, 0], far[:, 0]
    return mates, rest


def _outcomes(posterior: Posterior, today: _Today, at: np.ndarray, price: np.ndarray, params: GainParams) -> np.ndarray:
    """The columns of :func:`gains` for candidates ``price`` of items ``at``."""
    step = np.log(price / today.price[at])
    now = np.exp(today.log_units[at])
    ratio = np.exp(posterior.draws[at] * step[:, None])
    mean = ratio.mean(axis=1)
    effective = today.effective_cost[at]
    gain = now[:, None] * ((price - effective)[:, None] * ratio - (today.price[at] - effective)[:, None])
    # The level is uncertain too: its error moves units and profit, but hardly whether a change pays.
    spread = np.sqrt(np.log(np.maximum(ratio, 1e-9)).var(axis=1) + posterior.log_rate_sd[at] ** 2)
    units = now * mean
    low, high = units * np.exp(-Z80 * spread), units * np.exp(Z80 * spread)
    margin = price - today.cost[at]
    profit = np.sort(np.stack([margin * low, margin * high], axis=1), axis=1)
    return np.stack(
        [
            units,
            low,
            high,
            margin * units,
            profit[:, 0],
            profit[:, 1],
            params.shrinkage * gain.mean(axis=1),
            params.shrinkage * np.quantile(gain, params.quantile, axis=1),
        ],
        axis=1,
    )


def _cost_plus(category: pd.Series, price: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Cost times the median mark-up of the item's category; NaN where there is no cost above 0."""
    known = np.where(cost > 0, cost, np.nan)
    markup = pd.Series(price / known)
    return known * markup.groupby(category).transform("median").to_numpy()
