"""Whether the logistic model's probabilities mean what they say, over all candidates of a window.

It learns from a sample of what was not bought, so that its own probabilities are too high by design; two numbers
learnt on an earlier window (Platt 1999) bring them back, and the error is stated before and after.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

BINS = 10


def probability(margin: np.ndarray) -> np.ndarray:
    """Of log-odds."""
    return 1 / (1 + np.exp(-np.clip(margin, -30, 30)))


def scaling(margin: np.ndarray, is_bought: np.ndarray) -> tuple[float, float]:
    """Slope and offset of log-odds that fit best what was bought; (1, 0) where all or nothing was."""
    if is_bought.all() or not is_bought.any():
        return 1.0, 0.0
    with threadpool_limits(1):
        fitted = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-9).fit(margin[:, None], is_bought)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def reliability(told: np.ndarray, is_bought: np.ndarray) -> pd.DataFrame:
    """Ten bins of as many pairs each, from the least likely: mean probability ``told``, share ``bought``, ``pairs``."""
    order = np.argsort(told, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    rows = [(told[part].mean(), is_bought[part].mean(), len(part)) for part in parts]
    return pd.DataFrame(rows, columns=["told", "bought", "pairs"])


def error(bins: pd.DataFrame) -> float:
    """Expected calibration error over bins of equal size (Nixon et al. 2019): mean |told - bought|, each pair alike."""
    return float(np.average((bins["told"] - bins["bought"]).abs(), weights=bins["pairs"])) if len(bins) else np.nan
