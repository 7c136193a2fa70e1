"""Log units over items, locations and weeks by boosted trees: what the regressions' straight lines miss.

Only for forecasts at prices that are given. The local slope of a tree in the own price is no elasticity (relative
columns move with it), so no price is ever chosen on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xgboost as xgb

SEED = 17


@dataclass(frozen=True)
class TreeParams:
    """Of XGBoost: a cautious first guess, not tuned."""

    rounds: int = 300
    learning_rate: float = 0.05
    max_depth: int = 6
    min_child_weight: float = 30.0
    subsample: float = 0.7
    colsample_bytree: float = 0.7
    reg_lambda: float = 5.0


def fit_trees(
    target: np.ndarray, features: np.ndarray, decreasing: tuple[int, ...], params: TreeParams = TreeParams()
) -> xgb.Booster:
    """Trees of ``target`` (rows) on ``features`` (rows × columns), never rising in the columns ``decreasing``."""
    monotone = tuple(-1 if at in decreasing else 0 for at in range(features.shape[1]))
    settings = {
        "eta": params.learning_rate,
        "max_depth": params.max_depth,
        "min_child_weight": params.min_child_weight,
        "subsample": params.subsample,
        "colsample_bytree": params.colsample_bytree,
        "lambda": params.reg_lambda,
        "monotone_constraints": str(monotone),
        "tree_method": "hist",
        "seed": SEED,
    }
    return xgb.train(settings, xgb.QuantileDMatrix(features, target), params.rounds)


def predicted(trees: xgb.Booster, features: np.ndarray) -> np.ndarray:
    """The trees' word on each row."""
    return trees.inplace_predict(features)
