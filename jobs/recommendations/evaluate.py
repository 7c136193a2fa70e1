"""How good lists are: ranking metrics a customer, figures of a whole set of lists, paired comparisons.

Lists are frames ``customer_id, item_id, rank`` (rank from 1), truth is a frame ``customer_id, item_id`` of
distinct pairs. Every customer of the truth counts, also one without a list (all zeros; tau, which needs hits, is
NaN). Relevance is binary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from jobs.recommendations.catalogue import Catalogue

CUTOFFS = (5, 10, 20)
MAP_CUTOFFS = (5, 10, 12, 20)
TAU_PLACES = 20
BOOTSTRAP_DRAWS = 1000


def per_customer(lists: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """One row per customer of the truth, sorted by id: the measures of :func:`of_hits`."""
    return of_hits(hits(lists, truth), truth.groupby("customer_id", sort=True).size())


def hits(lists: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """The places that were bought, sorted by customer and rank, with the truth's own columns (say, a group)."""
    found = lists[["customer_id", "item_id", "rank"]].merge(truth, on=["customer_id", "item_id"])
    return found.sort_values(["customer_id", "rank"], kind="stable").reset_index(drop=True)


def of_hits(found: pd.DataFrame, sizes: pd.Series) -> pd.DataFrame:
    """Measures of lists with these hits, one row a customer of ``sizes`` (items wanted): ndcg, recall, precision and
    map at 5, 10 and 20, map@12 and Kendall's tau.

    Recall is capped: hits / min(k, items wanted), so that 1.0 can always be reached. NDCG has the gain 1 for a hit
    and the discount log2(rank + 1); its ideal list has min(k, items wanted) hits on top. MAP@k is the mean precision
    at the hits over min(k, items wanted).
    """
    rank = found["rank"].to_numpy(float)
    row = sizes.index.get_indexer(found["customer_id"])
    wanted = sizes.to_numpy()
    precision = (found.groupby("customer_id").cumcount().to_numpy() + 1) / rank

    def total(value: np.ndarray) -> np.ndarray:
        return np.bincount(row, weights=value, minlength=len(sizes))

    figures: dict[str, np.ndarray] = {}
    for k in CUTOFFS:
        ideal = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(2, k + 2)))])
        inside = (rank <= k).astype(float)
        figures[f"ndcg@{k}"] = total(inside / np.log2(rank + 1)) / ideal[np.minimum(wanted, k)]
        figures[f"recall@{k}"] = total(inside) / np.minimum(wanted, k)
        figures[f"precision@{k}"] = total(inside) / k
    for k in MAP_CUTOFFS:
        figures[f"map@{k}"] = total(np.where(rank <= k, precision, 0.0)) / np.minimum(wanted, k)
    inside = (rank <= TAU_PLACES).astype(float)
    figures[f"tau@{TAU_PLACES}"] = tau(total(inside), total(inside * rank))
    return pd.DataFrame(figures, index=sizes.index)


def tau(bought: np.ndarray, rank_sum: np.ndarray, places: int = TAU_PLACES) -> np.ndarray:
    """Kendall's tau-b between the order of a list and what was bought of it, from the number of hits and the sum of
    their ranks: 1 where all that was bought stands first, -1 where it stands last, NaN where all or nothing was.

    Bought or not is all that is compared (ties among either count as tau-b counts them, Kendall 1945): within 28 days
    hardly anything is ordered twice.
    """
    behind = rank_sum - bought * (bought + 1) / 2  # pairs in which something not bought stands before something bought
    pairs = bought * (places - bought)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(pairs > 0, (pairs - 2 * behind) / np.sqrt(pairs * places * (places - 1) / 2), np.nan)


def of_places(lists: pd.DataFrame, catalogue: Catalogue, surprise: np.ndarray, k: int = 10) -> pd.DataFrame:
    """Measures of a list that nobody need have bought, one row a customer: ``novelty@k``, the mean surprise of the
    first k places, and ``diversity@k``, one less the mean cosine of their texts over all pairs (Ziegler et al. 2005:
    intra-list similarity; NaN where fewer than two places have a text)."""
    top = lists[lists["rank"] <= k].sort_values(["customer_id", "rank"], kind="stable")
    column = catalogue.index_of(top["item_id"])
    top, column = top[column >= 0], column[column >= 0]
    customers, row = np.unique(top["customer_id"].to_numpy(object), return_inverse=True)
    places = np.bincount(row, minlength=len(customers))
    has_text = np.diff(catalogue.text.indptr)[column] > 0
    shape = (len(customers), len(catalogue.item_ids))
    chosen = sparse.csr_matrix((has_text.astype(float), (row, column)), shape=shape) @ catalogue.text
    length = np.asarray(chosen.multiply(chosen).sum(axis=1)).ravel()
    texts = np.bincount(row, weights=has_text, minlength=len(customers))
    with np.errstate(invalid="ignore", divide="ignore"):
        alike = np.where(texts > 1, (length - texts) / (texts * (texts - 1)), np.nan)
    novelty = np.bincount(row, weights=surprise[column], minlength=len(customers)) / places
    return pd.DataFrame({f"novelty@{k}": novelty, f"diversity@{k}": 1 - alike}, index=customers)


def surprise(customers_of_item: np.ndarray, customers: int) -> np.ndarray:
    """-log2 of the share of customers who ever bought each item; one that nobody bought counts as bought once."""
    return -np.log2(np.maximum(customers_of_item, 1) / max(customers, 1))


def serendipity(found: pd.DataFrame, kind_of_item: pd.Series, own: pd.DataFrame, k: int = 10) -> pd.Series:
    """Share of each customer's hits in the first k places whose kind (category) they had never bought from: one row a
    customer with a hit. ``own`` holds the pairs bought before."""
    found = found[found["rank"] <= k]
    kind = found["item_id"].map(kind_of_item)
    before = pd.MultiIndex.from_arrays([own["customer_id"], own["item_id"].map(kind_of_item)]).unique()
    is_new = ~pd.MultiIndex.from_arrays([found["customer_id"], kind]).isin(before) & kind.notna().to_numpy()
    return pd.Series(is_new.astype(float), index=found.index).groupby(found["customer_id"]).mean()


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


def _ratio(ours: float, baseline: float) -> float:
    """Ours over the baseline; against a baseline of 0, 1 when both are 0 and infinity otherwise."""
    if baseline > 0:
        return float(ours / baseline)
    return 1.0 if ours <= 0 else float("inf")
