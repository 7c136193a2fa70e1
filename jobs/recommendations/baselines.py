"""The lists that a model must beat, and one of which is shown where it does not.

All are scores over the same candidates as the model's, so that they stand side by side on equal terms, and all come
from a night's own features, so that the night can publish them. BM25 item-kNN and ALS are those of the library
``implicit``, what a shop would try first, fitted on the same sample as everything that knows of items.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd


def popularity(features: pd.DataFrame) -> np.ndarray:
    """Customers who bought the item in 28 days, then those of all time."""
    recent, ever = features["item_customers_28d"].to_numpy(float), features["item_customers_all"].to_numpy(float)
    return recent + _below_one(ever)


def frequency(features: pd.DataFrame) -> np.ndarray:
    """The customer's orders of the item; popularity breaks ties, without which this baseline is a weak one."""
    return features["orders"].to_numpy(float) + _below_one(popularity(features))


def dueness(features: pd.DataFrame) -> np.ndarray:
    """How near the time since the customer last ordered the item is to that after which it is ordered again, by the
    customer's own mean gap where they ordered it often, else by the item's: 1 is today, 0 what nobody ever ordered
    again. Frequency breaks ties."""
    orders, last = features["orders"].to_numpy(float), features["last_age"].to_numpy(float)
    gap = np.where(orders > 2, features["gap"], features["item_repeat_gap"]).astype(float)
    comes_again = (orders > 1) | ((orders > 0) & (features["item_repeat_rate"].to_numpy(float) > 0))
    distance = np.abs(np.log(np.maximum(last, 1) / np.maximum(gap, 1)))
    return np.where(comes_again, np.exp(-distance), 0) + tie_break(frequency(features))


def tie_break(value: np.ndarray) -> np.ndarray:
    """So small a share of the value's order that it decides between equal scores only."""
    return 1e-6 * _below_one(value)


def _below_one(value: np.ndarray) -> np.ndarray:
    """The same order within [0, 1), whatever else is in the frame."""
    return value / (value + 1)


def by_column(name: str) -> Callable[[pd.DataFrame], np.ndarray]:
    """The score that one collaborative or content feature gives alone; popularity breaks ties."""

    def score(features: pd.DataFrame) -> np.ndarray:
        return features[name].to_numpy(float) + tie_break(popularity(features))

    return score


BASELINES = {
    "frequency": frequency,
    "dueness": dueness,
    "popularity": popularity,
    "BM25": by_column("bm25"),
    "user kNN": by_column("users_all"),
    "EASE": by_column("ease"),
    "content": by_column("text_cosine"),
    "item embeddings": by_column("embedding_cosine"),
    "ALS": by_column("factors"),
}
