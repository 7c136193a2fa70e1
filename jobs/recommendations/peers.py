"""What a user would pick instead, fitted on a window's own history: BM25 item-kNN and ALS of the library ``implicit``.

They order the same candidates as the model, so that the rules of what may be shown are the same for all; over the whole
catalogue of Online Retail they reach less (2011-10-03, discovery, NDCG@10: BM25 0.084 instead of 0.087, ALS 0.086 of
0.090). A night has no scores of theirs to publish: where one is ahead of the model, the gate says so.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from threadpoolctl import threadpool_limits

from jobs.recommendations.baselines import popularity, tie_break
from jobs.recommendations.learning import Window
from jobs.recommendations.rows import lookup

NAMES = ("BM25", "ALS")
BLOCK_PAIRS = 200_000


@dataclass(frozen=True)
class PeerParams:
    """``customers`` bounds what they are fitted on: the buyers of the window and others of the sample, by chance. There
    are at most ``factors``, and at least twenty items to a factor: on a small catalogue more make ALS a weak peer."""

    customers: int = 10_000
    neighbours: int = 100
    factors: int = 64
    iterations: int = 15
    seed: int = 7


def scores(window: Window, params: PeerParams | None = None) -> dict[str, np.ndarray]:
    """One score a candidate of the window by the name of the peer; popularity breaks ties."""
    params = params or PeerParams()
    history, row = histories(window, params)
    ties = tie_break(popularity(window.found.features)) if len(window.found.row) else np.zeros(0)
    # The library warns of formats that it converts itself, and of threads that are limited here.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = _bm25(window, history, row, params), _als(window, history, row, params)
    return {name: score + ties for name, score in zip(NAMES, found, strict=True)}


def histories(window: Window, params: PeerParams) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Orders (customers × items), and the matrix's row of each of the window's customers (-1: has bought nothing)."""
    own, sample = (frame[frame["orders"] > 0] for frame in (window.cut.pairs, window.cut.sample))
    buyers = np.sort(own["customer_id"].unique().astype(object))
    others = np.setdiff1d(sample["customer_id"].unique().astype(object), buyers)
    drawn = np.random.default_rng(params.seed).permutation(len(others))[: max(params.customers - len(buyers), 0)]
    customers = pd.Index(np.sort(np.concatenate([buyers, others[drawn]])))
    pairs = pd.concat([own, sample[sample["customer_id"].isin(others[drawn])]])
    pairs = pairs.sort_values(["customer_id", "item_id"], kind="stable")
    column = window.catalogue.index_of(pairs["item_id"])
    row = customers.get_indexer(pairs["customer_id"])
    orders = pairs["orders"].to_numpy(np.float32)
    shape = (len(customers), len(window.catalogue.item_ids))
    matrix = sparse.csr_matrix((orders[column >= 0], (row[column >= 0], column[column >= 0])), shape=shape)
    return matrix, customers.get_indexer(window.customer_ids)


def _bm25(window: Window, history: sparse.csr_matrix, row: np.ndarray, params: PeerParams) -> np.ndarray:
    """Items' neighbours by BM25-weighted co-occurrence, summed over what the customer ordered."""
    from implicit.nearest_neighbours import BM25Recommender

    model = BM25Recommender(K=params.neighbours, num_threads=1)
    model.fit(history, show_progress=False)
    scored = (_rows(history, row) @ model.similarity).tocsr()
    starts = np.searchsorted(window.found.row, np.arange(scored.shape[0] + 1))
    return np.asarray(lookup(scored, starts, window.found.column), float)


def _als(window: Window, history: sparse.csr_matrix, row: np.ndarray, params: PeerParams) -> np.ndarray:
    """Matrix factorisation for implicit feedback (Hu, Koren and Volinsky 2008)."""
    from implicit.als import AlternatingLeastSquares

    factors = max(min(params.factors, history.shape[1] // 20), 1)
    model = AlternatingLeastSquares(
        factors=factors, iterations=params.iterations, random_state=params.seed, num_threads=1
    )
    model.fit(history, show_progress=False)
    customers = np.where((row >= 0)[:, None], np.asarray(model.user_factors)[row], 0)
    items, found = np.asarray(model.item_factors), window.found
    score = np.empty(len(found.row))
    for start in range(0, len(score), BLOCK_PAIRS):
        part = slice(start, start + BLOCK_PAIRS)
        score[part] = np.einsum("ij,ij->i", customers[found.row[part]], items[found.column[part]])
    return score


def _rows(matrix: sparse.csr_matrix, row: np.ndarray) -> sparse.csr_matrix:
    """These rows of the matrix, an empty one for -1."""
    return sparse.diags((row >= 0).astype(np.float32)) @ matrix[row]
