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
    """A group of people raises an alarm when its NDCG@10 is below ``threshold`` of all customers', a group of items
    when its share of the places is below ``threshold`` of its share of what was bought; and the interval of the ratio
    is below 1. ``power`` above 0 weights the training rows of a customer by (share of ``column``'s group) ** -power."""

    threshold: float = 0.7
    column: str = "country"
    power: float = 0.0


QUALITY, EXPOSURE = "quality_ratio", "exposure_ratio"
WORDS = {
    QUALITY: "NDCG@10 is {value:.2f} of that of all customers with history",
    EXPOSURE: "the group's share of the first ten places is {value:.2f} of its share of what was bought",
}


def is_alarming(ratio: Interval, params: FairnessParams) -> bool:
    """Whether a group gets less than the threshold allows, and not by chance."""
    return ratio.value < params.threshold and ratio.high < 1


def alarms(ratios: Mapping[tuple[str, str], Interval], params: FairnessParams) -> dict[str, str]:
    """Group → sentence, from (group, measure) → ratio, for those that get less than the threshold allows."""
    return {
        group: f"{group}: {WORDS[measure].format(value=found.value)} "
        f"(95% {found.low:.2f} to {found.high:.2f}, {found.cases:,} customers)"
        for (group, measure), found in ratios.items()
        if is_alarming(found, params)
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
