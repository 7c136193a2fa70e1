"""How good lists are: ranking metrics a customer, figures of a whole set of lists, paired comparisons.

Lists are frames ``customer_id, item_id, rank`` (rank from 1), truth is a frame ``customer_id, item_id`` of
distinct pairs. Every customer of the truth counts, also one without a list (all zeros). Relevance is binary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

CUTOFFS = (5, 10, 20)
MAP_CUTOFF = 12
BOOTSTRAP_DRAWS = 1000


def per_customer(lists: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """One row per customer of the truth, sorted by id: ndcg, recall and precision at 5, 10 and 20, map@12.

    Recall is capped: hits / min(k, size of the truth), so that 1.0 can always be reached. NDCG has the gain 1 for
    a hit and the discount log2(rank + 1); its ideal list has min(k, size of the truth) hits on top. MAP@12 is the
    mean precision at the hits over min(12, size of the truth).
    """
    sizes = truth.groupby("customer_id", sort=True).size()
    hits = lists.merge(truth[["customer_id", "item_id"]], on=["customer_id", "item_id"])
    hits = hits[["customer_id", "rank"]].sort_values(["customer_id", "rank"], kind="stable")
    rank = hits["rank"].to_numpy(float)
    row = sizes.index.get_indexer(hits["customer_id"])
    wanted = sizes.to_numpy()

    def total(value: np.ndarray) -> np.ndarray:
        return np.bincount(row, weights=value, minlength=len(sizes))

    figures: dict[str, np.ndarray] = {}
    for k in CUTOFFS:
        ideal = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(2, k + 2)))])
        inside = (rank <= k).astype(float)
        figures[f"ndcg@{k}"] = total(inside / np.log2(rank + 1)) / ideal[np.minimum(wanted, k)]
        figures[f"recall@{k}"] = total(inside) / np.minimum(wanted, k)
        figures[f"precision@{k}"] = total(inside) / k
    nth_hit = hits.groupby("customer_id").cumcount().to_numpy() + 1
    precision = np.where(rank <= MAP_CUTOFF, nth_hit / rank, 0.0)
    figures[f"map@{MAP_CUTOFF}"] = total(precision) / np.minimum(wanted, MAP_CUTOFF)
    return pd.DataFrame(figures, index=sizes.index)


def coverage(lists: pd.DataFrame, catalogue_size: int, k: int = 10) -> float:
    """Share of the catalogue (items of the feature table) that stands on at least one list's first k places."""
    return lists.loc[lists["rank"] <= k, "item_id"].nunique() / max(catalogue_size, 1)


def gini(lists: pd.DataFrame, catalogue_size: int, k: int = 10) -> float:
    """Inequality of the items' exposure in the first k places: 0 all alike, towards 1 few items take all."""
    shown = lists.loc[lists["rank"] <= k, "item_id"].value_counts().to_numpy()
    if not len(shown):
        return 0.0
    exposure = np.sort(np.concatenate([np.zeros(max(catalogue_size - len(shown), 0)), shown]))
    place = np.arange(1, len(exposure) + 1)
    return float(np.sum((2 * place - len(exposure) - 1) * exposure) / (len(exposure) * exposure.sum()))


def novelty(lists: pd.DataFrame, customers_of_item: pd.Series, customers: int, k: int = 10) -> float:
    """Mean surprise -log2(share of customers who ever bought it) of the first k places; an unsold item counts one."""
    top = lists.loc[lists["rank"] <= k, "item_id"]
    buyers = top.map(customers_of_item).fillna(0).clip(lower=1).to_numpy(float)
    return float(np.mean(-np.log2(buyers / max(customers, 1)))) if len(top) else 0.0


@dataclass(frozen=True)
class Comparison:
    """A model beside a baseline over the same customers: means, their ratio and its paired bootstrap interval."""

    ours: float
    baseline: float
    ratio: float
    low: float
    high: float
    customers: int

    @property
    def is_better(self) -> bool:
        """Whether the model earns its place: a higher mean on at least one customer."""
        return self.customers > 0 and self.ours > self.baseline


def compare(ours: pd.Series, baseline: pd.Series, seed: int, draws: int = BOOTSTRAP_DRAWS) -> Comparison:
    """Paired bootstrap over customers: both series hold one figure a customer and share their index."""
    if not ours.index.equals(baseline.index):
        raise ValueError("compare() needs the same customers in the same order on both sides")
    a, b = ours.to_numpy(float), baseline.to_numpy(float)
    if not len(a):
        return Comparison(0.0, 0.0, 1.0, 1.0, 1.0, 0)
    generator = np.random.default_rng(seed)
    ratios = np.empty(draws)
    for draw in range(draws):
        pick = generator.integers(0, len(a), len(a))
        ratios[draw] = _ratio(a[pick].mean(), b[pick].mean())
    low, high = np.quantile(ratios, [0.025, 0.975])
    return Comparison(float(a.mean()), float(b.mean()), _ratio(a.mean(), b.mean()), float(low), float(high), len(a))


def summary(lists: pd.DataFrame, truth: pd.DataFrame, item: pd.DataFrame, customers: int) -> dict[str, float]:
    """The mean figures of a set of lists over the customers of the truth, with those of the set as a whole."""
    figures = {name: float(value) for name, value in per_customer(lists, truth).mean().items()}
    figures["coverage@10"] = coverage(lists, len(item))
    figures["gini@10"] = gini(lists, len(item))
    figures["novelty@10"] = novelty(lists, item.set_index("item_id")["customers_all"], customers)
    return figures


def _ratio(ours: float, baseline: float) -> float:
    """Ours over the baseline; against a baseline of 0, 1 when both are 0 and infinity otherwise."""
    if baseline > 0:
        return float(ours / baseline)
    return 1.0 if ours <= 0 else float("inf")
