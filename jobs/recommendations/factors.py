"""Matrix factorisation: a taste as a few numbers, items' fitted on the sample, a customer's folded in when scored.

Implicit feedback as in Hu, Koren and Volinsky (2008): an order raises the confidence that a pair is liked. Only the
items with most customers have numbers, so that the scores of a customer over all of them are a short vector.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from jobs.recommendations.quiet import one_thread


@dataclass(frozen=True)
class FactorParams:
    """``items`` bounds what a customer is compared with. There are at most ``factors`` numbers, and at least twenty
    items to one: on a small catalogue more say nothing."""

    factors: int = 32
    iterations: int = 8
    penalty: float = 0.01
    items: int = 4000
    seed: int = 7


@dataclass(frozen=True)
class Factors:
    """``columns`` are the items' numbers in the catalogue, ``values`` theirs (items × factors, float64), ``gram`` the
    part of every customer's equations that is the same for all."""

    columns: np.ndarray
    values: np.ndarray
    gram: np.ndarray


def fit(orders: sparse.csr_matrix, params: FactorParams) -> Factors:
    """The items' numbers from customers × items with how often each was ordered; one thread, so that they repeat."""
    from implicit.als import AlternatingLeastSquares

    support = np.diff(orders.tocsc().indptr)
    columns = np.sort(np.lexsort((np.arange(len(support)), -support))[: params.items])
    columns = columns[support[columns] > 0]
    size = max(min(params.factors, len(columns) // 20), 1)
    if not len(columns):
        return Factors(columns, np.zeros((0, size)), np.eye(size))
    with one_thread():
        model = AlternatingLeastSquares(
            factors=size,
            iterations=params.iterations,
            regularization=params.penalty,
            random_state=params.seed,
            num_threads=1,
        )
        model.fit(orders[:, columns].tocsr(), show_progress=False)
        values = np.asarray(model.item_factors, float)
        gram = values.T @ values + params.penalty * np.eye(size)
    return Factors(columns, values, gram)


def scores(orders: sparse.csr_matrix, factors: Factors, best: int) -> sparse.csr_matrix:
    """Each customer's ``best`` items by likeness of tastes (customers × items, sparse), of those with numbers.

    Customers are solved for one at a time: what one gets does not depend on who else is asked for.
    """
    known = orders[:, factors.columns].tocsr()
    rows, columns, values = [], [], []
    count = min(best, len(factors.columns))
    with threadpool_limits(1):
        for row in range(known.shape[0] if count else 0):
            part = slice(known.indptr[row], known.indptr[row + 1])
            if part.start == part.stop:
                continue
            score = factors.values @ _taste(known.indices[part], known.data[part].astype(float), factors)
            top = np.sort(np.argpartition(-score, count - 1)[:count])
            rows.append(np.full(count, row))
            columns.append(factors.columns[top])
            values.append(score[top].astype(np.float32))
    if not rows:
        return sparse.csr_matrix(orders.shape, dtype=np.float32)
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return sparse.csr_matrix(entries, shape=orders.shape)


def _taste(bought: np.ndarray, orders: np.ndarray, factors: Factors) -> np.ndarray:
    """A customer's numbers: the least squares of what they bought, weighted by confidence, beside all the rest."""
    order = np.argsort(bought)
    items, confidence = factors.values[bought[order]], orders[order]
    return np.linalg.solve(factors.gram + (items.T * (confidence - 1)) @ items, items.T @ confidence)
