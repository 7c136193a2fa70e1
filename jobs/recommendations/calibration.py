"""Whether the logistic model's probabilities mean what they say, over all candidates of a window.

It learns from a sample of what was not bought, so that its own probabilities are too high by design; two numbers
learnt on an earlier window (Platt 1999) bring them back, and the error is stated before and after.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

BINS = 10
STEPS = 25


def probability(margin: np.ndarray) -> np.ndarray:
    """Of log-odds."""
    return 1 / (1 + np.exp(-np.clip(margin, -30, 30)))


def scaling(margin: np.ndarray, is_bought: np.ndarray) -> tuple[float, float]:
    """Slope and offset of log-odds that fit best what was bought (Newton's method); (1, 0) where all or nothing was."""
    slope, offset = 1.0, 0.0
    if is_bought.all() or not is_bought.any():
        return slope, offset
    features = np.column_stack([margin, np.ones(len(margin))])
    for _ in range(STEPS):
        told = probability(slope * margin + offset)
        weight = np.maximum(told * (1 - told), 1e-9)
        step = np.linalg.lstsq((features.T * weight) @ features, features.T @ (is_bought - told), rcond=None)[0]
        slope, offset = slope + step[0], offset + step[1]
        if np.abs(step).max() < 1e-9:
            break
    return float(slope), float(offset)


def reliability(told: np.ndarray, is_bought: np.ndarray) -> pd.DataFrame:
    """Ten bins of as many pairs each, from the least likely: mean probability ``told``, share ``bought``, ``pairs``."""
    order = np.argsort(told, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    rows = [(told[part].mean(), is_bought[part].mean(), len(part)) for part in parts]
    return pd.DataFrame(rows, columns=["told", "bought", "pairs"])


def error(bins: pd.DataFrame) -> float:
    """Expected calibration error over bins of equal size (Nixon et al. 2019): mean |told - bought|, each pair alike."""
    return float(np.average((bins["told"] - bins["bought"]).abs(), weights=bins["pairs"])) if len(bins) else np.nan
