"""The lists that a model must beat, and that are shown where it does not: popularity and personal frequency.

Both are scores over the same candidates as the model's, so that they stand side by side on equal terms.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


def popularity(features: pd.DataFrame) -> np.ndarray:
    """Customers who bought the item in 28 days, then those of all time."""
    recent, ever = features["item_customers_28d"].to_numpy(float), features["item_customers_all"].to_numpy(float)
    return recent + _below_one(ever)


def frequency(features: pd.DataFrame) -> np.ndarray:
    """The customer's orders of the item; popularity breaks ties, without which this baseline is a weak one."""
    return features["orders"].to_numpy(float) + _below_one(popularity(features))


def _below_one(value: np.ndarray) -> np.ndarray:
    """The same order within [0, 1), whatever else is in the frame."""
    return value / (value + 1)


BASELINES = {"frequency": frequency, "popularity": popularity}
