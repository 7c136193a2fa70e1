"""What a shop would use instead for elasticities and prices: regressions of a spreadsheet, mark-ups, a rise for all."""

from __future__ import annotations

import numpy as np
import pandas as pd

from jobs.pricing.gains import GainParams
from jobs.pricing.posterior import Posterior

STEPS = 61
STEEPEST, FLATTEST = -10.0, -0.1


def item_ols(panel: pd.DataFrame, current: pd.DataFrame) -> np.ndarray:
    """Each item's slope of log (units + 1/2) on log price, with a season; in the order of ``current``."""
    out = {}
    for item, rows in panel.groupby("item_id"):
        angle = 2 * np.pi * np.arange(len(rows)) / 52
        design = np.column_stack([np.log(rows["price"]), np.ones(len(rows)), np.sin(angle), np.cos(angle)])
        out[item] = np.linalg.lstsq(design, np.log(rows["units"] + 0.5), rcond=None)[0][0]
    return current["item_id"].map(out).to_numpy()


def category_effects(panel: pd.DataFrame, current: pd.DataFrame) -> np.ndarray:
    """One slope a category with effects of items and of weeks, by log (units + 1/2)."""
    log_units, log_price = np.log(panel["units"] + 0.5), np.log(panel["price"])
    slopes = {}
    for category, rows in panel.groupby("category"):
        y, x = (_within(values.loc[rows.index], rows) for values in (log_units, log_price))
        slopes[category] = float((x * y).sum() / (x * x).sum())
    return current["category"].map(slopes).to_numpy()


def own_best(elasticity: np.ndarray, current: pd.DataFrame, params: GainParams) -> np.ndarray:
    """Prices that maximise each item's own profit by these elasticities, within the largest step."""
    price, cost = current["price"].to_numpy(), current["cost"].to_numpy()
    tried = price[:, None] * np.linspace(1 - params.largest_step, 1 + params.largest_step, STEPS)
    slope = np.clip(np.nan_to_num(elasticity, nan=FLATTEST), STEEPEST, FLATTEST)[:, None]
    profit = (tried - cost[:, None]) * (tried / price[:, None]) ** slope
    profit = np.where(tried * (1 - params.margin_floor) >= cost[:, None], profit, -np.inf)
    best = np.where(np.isinf(profit).all(axis=1), STEPS - 1, profit.argmax(axis=1))
    return tried[np.arange(len(price)), best]


def without_diversion(posterior: Posterior) -> Posterior:
    """The same posterior where nobody goes to a neighbour."""
    nobody = np.zeros_like(posterior.diversion_nest)
    return Posterior(**{**posterior.__dict__, "diversion_nest": nobody, "diversion_category": nobody})


def _within(values: pd.Series, rows: pd.DataFrame) -> np.ndarray:
    by_item, by_week = values.groupby(rows["item_id"]), values.groupby(rows["week"])
    return (values - by_item.transform("mean") - by_week.transform("mean") + values.mean()).to_numpy()
