"""Whom a model serves worse, and which items it hides: quality by group of people, exposure by group of items.

An alarm is a sentence in the release; what a store can do about it is to weight small groups up in training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobs.lib.intervals import Interval
from jobs.recommendations.learning import Window


@dataclass(frozen=True)
class FairnessParams:
    """A group raises an alarm when its NDCG@10 is below this share of all customers', and the interval of the ratio
    below 1. ``power`` above 0 weights the training rows of a customer by (share of ``column``'s group) ** -power."""

    threshold: float = 0.7
    column: str = "country"
    power: float = 0.0


def alarms(ratios: Mapping[str, Interval], params: FairnessParams) -> dict[str, str]:
    """Group → sentence, for those that the model serves worse than the threshold allows."""
    return {
        group: f"{group}: NDCG@10 is {found.value:.2f} of that of all customers with history "
        f"(95% {found.low:.2f} to {found.high:.2f}, {found.cases:,} customers)"
        for group, found in ratios.items()
        if found.value < params.threshold and found.high < 1
    }


def weights(window: Window, params: FairnessParams) -> np.ndarray:
    """One weight a customer of the window (``window.customer_ids``), 1 on average: smaller groups weigh more. Customers
    of no known group are a group too."""
    group = window.customers[params.column].astype(object)
    group = group.where(group.notna(), "").astype(str)
    weight = group.map(group.value_counts(normalize=True)).to_numpy(float) ** -params.power
    return weight / weight.mean() if len(weight) else weight


def exposure(lists: pd.DataFrame, group: pd.Index, customers: pd.Index, k: int = 10) -> pd.Series:
    """Share of the first k places of each customer's list that items of the group take; NaN without a list."""
    return shares(lists[lists["rank"] <= k], group, customers)


def shares(pairs: pd.DataFrame, group: pd.Index, customers: pd.Index) -> pd.Series:
    """Share of each customer's pairs whose item is of the group; NaN for a customer without any."""
    is_inside = pairs["item_id"].isin(group).astype(float)
    return is_inside.groupby(pairs["customer_id"]).mean().reindex(customers)
