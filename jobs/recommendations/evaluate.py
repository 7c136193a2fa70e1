"""How good lists are: ranking metrics a customer, figures of a whole set of lists.

Lists are frames ``customer_id, item_id, rank`` (rank from 1), truth is a frame ``customer_id, item_id`` of
distinct pairs. Every customer of the truth counts, also one without a list (all zeros; tau, which needs hits, is
NaN). Relevance is binary.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from jobs.recommendations.catalogue import Catalogue

CUTOFFS = (5, 10, 20)
MAP_CUTOFFS = (5, 10, 12, 20)
TAU_PLACES = 20


def per_customer(lists: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """One row per customer of the truth, sorted by id: the measures of :func:`of_hits`."""
    return of_hits(hits(lists, truth), truth.groupby("customer_id", sort=True).size())


def hits(lists: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """The places that were bought, sorted by customer and rank, each with how many ``places`` its list has and with the
    truth's own columns (say, a group)."""
    found = lists[["customer_id", "item_id", "rank"]].merge(truth, on=["customer_id", "item_id"])
    found["places"] = found["customer_id"].map(lists["customer_id"].value_counts())
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
    places = np.zeros(len(sizes))
    places[row] = np.minimum(found["places"].to_numpy(), TAU_PLACES)
    figures[f"tau@{TAU_PLACES}"] = tau(total(inside), total(inside * rank), places)
    return pd.DataFrame(figures, index=sizes.index)


def tau(bought: np.ndarray, rank_sum: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Kendall's tau-b between the order of a list and what was bought of it, from the number of hits, the sum of
    their ranks and the number of places that the list has: 1 where all that was bought stands first, -1 where it stands
    last, NaN where all or nothing was.

    Bought or not is all that is compared (ties among either count as tau-b counts them, Kendall 1945): within 28 days
    hardly anything is ordered twice.
    """
    behind = rank_sum - bought * (bought + 1) / 2  # pairs in which something not bought stands before something bought
    pairs = bought * (places - bought)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(pairs > 0, (pairs - 2 * behind) / np.sqrt(pairs * places * (places - 1) / 2), np.nan)


def novelty(lists: pd.DataFrame, catalogue: Catalogue, surprise: np.ndarray, k: int = 10) -> pd.Series:
    """Mean surprise of the first k places, one value a customer."""
    customers, row, column = _first_places(lists, catalogue, k)
    return pd.Series(np.bincount(row, weights=surprise[column]) / np.bincount(row), index=customers)


def diversity(lists: pd.DataFrame, catalogue: Catalogue, k: int = 10) -> pd.Series:
    """One less the mean cosine of the texts of the first k places over all pairs, one value a customer (Ziegler et al.
    2005: intra-list similarity); NaN where fewer than two places have a text."""
    customers, row, column = _first_places(lists, catalogue, k)
    has_text = np.diff(catalogue.text.indptr)[column] > 0
    shape = (len(customers), len(catalogue.item_ids))
    chosen = sparse.csr_matrix((has_text.astype(float), (row, column)), shape=shape) @ catalogue.text
    length = np.asarray(chosen.multiply(chosen).sum(axis=1)).ravel()
    texts = np.bincount(row, weights=has_text, minlength=len(customers))
    with np.errstate(invalid="ignore", divide="ignore"):
        alike = np.where(texts > 1, (length - texts) / (texts * (texts - 1)), np.nan)
    return pd.Series(1 - alike, index=customers)


def _first_places(lists: pd.DataFrame, catalogue: Catalogue, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Customers, sorted, and of each of the first k places the number of its customer and of its item."""
    top = lists[lists["rank"] <= k].sort_values(["customer_id", "rank"], kind="stable")
    column = catalogue.index_of(top["item_id"])
    customers, row = np.unique(top["customer_id"].to_numpy(object)[column >= 0], return_inverse=True)
    return customers, row, column[column >= 0]


def surprise(customers_of_item: np.ndarray, customers: int) -> np.ndarray:
    """-log2 of the share of these customers who ever bought each item; one that nobody bought counts as bought once."""
    return -np.log2(np.maximum(customers_of_item, 1) / max(customers, 1))


def serendipity(found: pd.DataFrame, kind_of_item: pd.Series, own: pd.DataFrame, k: int = 10) -> pd.Series:
    """Share of each customer's hits in the first k places whose kind (category) they had never bought from: one row a
    customer with a hit who had bought before, as to others every kind is new. ``own`` holds the pairs bought before."""
    found = found[(found["rank"] <= k) & found["customer_id"].isin(own["customer_id"])]
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
