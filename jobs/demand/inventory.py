"""What forecasts are worth in the stockroom: policies run on days that nobody had seen, against each other.

Daily base stock with lost sales: each morning every item is ordered up to its level, an order arrives whole
``lead_days`` later, before that day's sales. All policies begin with what the mean of the last four weeks sells over
lead time and a day, nothing on the way; days before the first order can arrive cost nothing. The levels of all days are
set once, by what was known at the start. Cost is per unit demanded. Where a period is a week, weeks stand for days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobs.demand import policy
from jobs.demand.ahead import demand_ahead
from jobs.demand.policy import Terms

OURS, USUAL, FORESIGHT = "ours", "mean_sigma", "foresight"
USUAL_DEVIATIONS = 1.28  # the normal distribution's nine tenths, as penalty 9 against holding 1 suggests


@dataclass(frozen=True)
class Setting:
    """The prices of the game: ``holding`` a unit for a day, ``penalty`` of a unit not sold for want of it. The usual
    policy looks back on ``recent_days``."""

    lead_days: int = 7
    recent_days: int = 28
    holding: float = 1.0
    penalty: float = 9.0
    draws: int = 300

    @property
    def terms(self) -> Terms:
        """The same as terms of one item."""
        return Terms(self.lead_days, 0.0, 1, self.holding, self.penalty)


def start(past: np.ndarray, setting: Setting) -> np.ndarray:
    """Units [items] on the shelf at the start, from units of the days before [items, days]."""
    return past[:, -setting.recent_days :].mean(axis=1) * (setting.lead_days + 1)


def cost_of(levels: np.ndarray, actual: np.ndarray, on_hand: np.ndarray, setting: Setting) -> np.ndarray:
    """Cost [items] of keeping each item at its level ([items], or [items, days]) while ``actual`` [items, days] is
    demanded."""
    leads = np.full(actual.shape, setting.lead_days)
    nothing = np.zeros((0, 1, 1), np.float32)
    each_day = levels if levels.ndim == 2 else np.broadcast_to(levels[:, None], actual.shape)
    aim = each_day.T[:, None, :]
    return policy.operated(aim, actual, leads, setting.terms, setting.lead_days, on_hand[None], nothing)[0]


def foresight_cost(actual: np.ndarray, on_hand: np.ndarray, setting: Setting) -> np.ndarray:
    """Cost [items] of one who knows all days to come: each order is what its day will lack, and only what was on the
    shelf at the start is held."""
    shelf, cost = on_hand.astype(float), np.zeros(len(actual))
    for day in range(actual.shape[1]):
        if day >= setting.lead_days:
            shelf = np.maximum(shelf, actual[:, day])
        shelf = np.maximum(shelf - actual[:, day], 0)
        if day >= setting.lead_days:
            cost += setting.holding * shelf
    return cost


def mean_sigma_levels(past: np.ndarray, deviations: float, setting: Setting) -> np.ndarray:
    """The usual levels [items]: mean of four weeks over lead time and a day, and so many standard deviations."""
    days = setting.lead_days + 1
    recent = past[:, -setting.recent_days :]
    return np.maximum(recent.mean(axis=1) * days + deviations * recent.std(axis=1) * np.sqrt(days), 0)


def path_levels(
    quantiles: np.ndarray, means: np.ndarray, shares: Sequence[float], setting: Setting, keys: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Our levels [items, days] from forecast ``quantiles`` [items, days, shares] and ``means`` [items, days], of least
    simulated cost on their paths; and the medians [items] of what the paths sell over lead time and a day."""
    levels, medians = np.zeros(quantiles.shape[:2]), np.zeros(len(quantiles))
    for item in range(len(quantiles)):
        demand = demand_ahead(quantiles[item], means[item], shares, 1, setting.draws, keys[item])
        level = policy.best_level(demand, setting.terms, np.random.default_rng(item))
        levels[item] = level.best * level.profile
        medians[item] = np.median(policy.protected(demand, setting.terms))
    return levels, medians


def compared(past: np.ndarray, actual: np.ndarray, ours: np.ndarray, setting: Setting) -> pd.DataFrame:
    """Costs by item of our levels [items, days], of the usual ones and of perfect foresight, with the units
    ``demanded`` on the days that were charged; ``past`` and ``actual`` are units [items, days] before and in the game.
    """
    on_hand = start(past, setting)
    usual = mean_sigma_levels(past, USUAL_DEVIATIONS, setting)
    levels = {OURS: ours, USUAL: usual}
    costs = {name: cost_of(level, actual, on_hand, setting) for name, level in levels.items()}
    costs[FORESIGHT] = foresight_cost(actual, on_hand, setting)
    return pd.DataFrame(costs).assign(demanded=actual[:, setting.lead_days :].sum(axis=1))


def per_unit(cost: np.ndarray, actual: np.ndarray, setting: Setting) -> float:
    """Cost per unit demanded on the days that were charged; NaN where nothing was."""
    demanded = actual[:, setting.lead_days :].sum()
    return float(cost.sum() / demanded) if demanded > 0 else float("nan")


def tuned(past: Sequence[np.ndarray], actual: Sequence[np.ndarray], setting: Setting) -> float:
    """The deviations for :func:`mean_sigma_levels` that cost least on earlier windows (units before each, units in
    each)."""
    tried = np.round(np.arange(-1.5, 2.01, 0.25), 2)
    costs = [
        sum(
            per_unit(
                cost_of(mean_sigma_levels(before, one, setting), then, start(before, setting), setting), then, setting
            )
            for before, then in zip(past, actual, strict=True)
        )
        for one in tried
    ]
    return float(tried[int(np.argmin(costs))])
