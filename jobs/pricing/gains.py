"""What a change of one item's price is expected to bring, and the price that one would like."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from jobs.pricing.posterior import Posterior


@dataclass(frozen=True)
class GainParams:
    """``shrinkage`` is the part of a predicted gain that is expected to come (predictions run three times too high);
    ``quantile`` of the posterior of the gain decides; ``largest_step`` bounds how far from today's price is looked;
    ``cost_plus_weight`` is the weight of cost-plus in the price desired."""

    shrinkage: float = 1 / 3
    quantile: float = 0.25
    largest_step: float = 0.15
    steps: int = 31
    margin_floor: float = 0.05
    cost_plus_weight: float = 0.5


def gains(
    posterior: Posterior, current: pd.DataFrame, candidates: pd.DataFrame, params: GainParams = GainParams()
) -> pd.DataFrame:
    """One row a candidate, in the order of ``candidates``, all per week.

    ``current``: ``item_id, price, cost`` (cost null: revenue is meant wherever profit is said); ``candidates``:
    ``item_id, price`` (any number of prices an item). Columns: ``item_id, price, units, units_low, units_high,
    profit, profit_low, profit_high`` (80% intervals; the item's own profit), ``gain`` (of the shop against today's
    price, neighbours' share included, shrunk) and ``gain_low`` (the quantile that decides, shrunk by the same factor).
    Items with evidence ``none`` have NaN throughout.
    """
    raise NotImplementedError


def desired_price(posterior: Posterior, current: pd.DataFrame, params: GainParams = GainParams()) -> pd.DataFrame:
    """One row an item of ``current``: ``item_id, price, lower_bound_price, cost_plus_price``.

    ``price`` is the geometric mean of the price with the best lower bound of the gain and the one that cost-plus at
    the category's median mark-up gives, both within ``largest_step`` of today's price; the item's own price where
    evidence is ``none``; the former alone where no cost is known.
    """
    raise NotImplementedError
