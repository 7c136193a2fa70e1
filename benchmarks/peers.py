"""What a user would pick instead: popularity, personal frequency, and the item-kNN and ALS of the library ``implicit``.

Lists are ``customer_id, item_id, rank``, 20 places, for the customers of a truth.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
from scipy import sparse

PLACES = 20
SEED = 7


def popularity(history: pd.DataFrame, truth: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """The items that most customers bought in the last 28 days, the same for all."""
    ranked = _popular(history, as_of).index[:PLACES]
    one = pd.DataFrame({"item_id": ranked, "rank": range(1, len(ranked) + 1)})
    return pd.DataFrame({"customer_id": sorted(set(truth["customer_id"]))}).merge(one, how="cross")


def frequency(history: pd.DataFrame, truth: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """A customer's own items by the number of orders with them, ties by popularity; popular items fill the rest."""
    customers = sorted(set(truth["customer_id"]))
    popular = _popular(history, as_of)
    own = history[history["customer_id"].isin(customers)].drop_duplicates(["customer_id", "item_id", "order_id"])
    counts = own.groupby(["customer_id", "item_id"]).size().rename("orders").reset_index()
    filler = pd.DataFrame({"customer_id": customers}).merge(
        pd.DataFrame({"item_id": popular.index[: 2 * PLACES]}), how="cross"
    )
    both = (
        pd.concat([counts, filler.assign(orders=0)]).groupby(["customer_id", "item_id"], as_index=False)["orders"].max()
    )
    both["popularity"] = both["item_id"].map(popular).fillna(0)
    both = both.sort_values(["customer_id", "orders", "popularity", "item_id"], ascending=[True, False, False, True])
    both["rank"] = both.groupby("customer_id").cumcount() + 1
    return both.loc[both["rank"] <= PLACES, ["customer_id", "item_id", "rank"]]


def bm25(history: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """implicit's BM25 item-kNN, own items left out."""
    from implicit.nearest_neighbours import BM25Recommender

    return _of_library(BM25Recommender(K=100, num_threads=0), history, truth)


def als(history: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """implicit's alternating least squares with 128 factors, own items left out."""
    from implicit.als import AlternatingLeastSquares

    return _of_library(AlternatingLeastSquares(factors=128, random_state=SEED, num_threads=0), history, truth)


def without_own(truth: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """The pairs of the truth that are new to their customer."""
    had = pd.MultiIndex.from_frame(history[["customer_id", "item_id"]].drop_duplicates())
    return truth[~pd.MultiIndex.from_frame(truth[["customer_id", "item_id"]]).isin(had)]


def _popular(history: pd.DataFrame, as_of: date) -> pd.Series:
    recent = history[history["day"] > as_of - timedelta(days=28)].drop_duplicates(["customer_id", "item_id"])
    return recent.groupby("item_id").size().sort_values(ascending=False, kind="stable")


def _of_library(model, history: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    customers, items = pd.Index(sorted(set(history["customer_id"]))), pd.Index(sorted(set(history["item_id"])))
    pairs = history.drop_duplicates(["customer_id", "item_id", "order_id"])
    at = (customers.get_indexer(pairs["customer_id"]), items.get_indexer(pairs["item_id"]))
    matrix = sparse.csr_matrix((np.ones(len(pairs), dtype=np.float32), at), shape=(len(customers), len(items)))
    model.fit(matrix, show_progress=False)
    wanted = customers.get_indexer(sorted(set(truth["customer_id"])))
    found, scores = model.recommend(wanted, matrix[wanted], N=PLACES, filter_already_liked_items=True)
    rows = np.repeat(wanted, found.shape[1])
    lists = pd.DataFrame(
        {
            "customer_id": customers[rows],
            "item_id": items[found.ravel()],
            "rank": np.tile(np.arange(1, PLACES + 1), len(wanted)),
        }
    )
    return lists[np.isfinite(scores.ravel())]
