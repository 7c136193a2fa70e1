"""Tastes as numbers: what they know, that a customer's do not depend on others, and what bounds them."""

import numpy as np
import pytest
from scipy import sparse

from jobs.recommendations import factors
from jobs.recommendations.factors import FactorParams


@pytest.fixture(scope="module")
def orders() -> sparse.csr_matrix:
    """Sixty customers of two tastes: of forty items the even ones or the odd ones, four each; the last item nobody."""
    generator = np.random.default_rng(5)
    dense = np.zeros((60, 41), np.float32)
    for row in range(60):
        dense[row, 2 * generator.choice(20, 4, replace=False) + row % 2] = generator.integers(1, 4, 4)
    return sparse.csr_matrix(dense)


def test_a_taste_is_told_from_the_other(orders):
    found = factors.scores(orders, factors.fit(orders, FactorParams()), best=8)
    row = np.repeat(np.arange(60), np.diff(found.indptr))
    assert (np.diff(found.indptr) == 8).all()
    assert (found.indices % 2 == row % 2).mean() > 0.9


def test_a_customers_scores_do_not_depend_on_the_block(orders):
    fitted = factors.fit(orders, FactorParams())
    together = factors.scores(orders, fitted, best=8)
    for row in (0, 17, 59):
        alone = factors.scores(orders[row], fitted, best=8)
        assert (alone.toarray() == together[row].toarray()).all()


def test_a_fold_in_solves_the_equations_of_the_paper(orders):
    fitted = factors.fit(orders, FactorParams())
    confidence = orders[:, fitted.columns].toarray()[3].astype(float)
    items = fitted.values
    left = items.T @ items + 0.01 * np.eye(items.shape[1]) + (items.T * np.maximum(confidence - 1, 0)) @ items
    expected = items @ np.linalg.solve(left, items.T @ confidence)
    found = factors.scores(orders, fitted, best=40)[3].toarray().ravel()[fitted.columns]
    assert found == pytest.approx(expected, abs=1e-4)


def test_only_the_items_with_most_customers_have_numbers(orders):
    fitted = factors.fit(orders, FactorParams(items=10))
    support = np.diff(orders.tocsc().indptr)
    assert len(fitted.columns) == 10 and support[fitted.columns].min() >= np.sort(support)[-10]
    assert set(factors.scores(orders, fitted, best=99).indices) <= set(fitted.columns)


def test_without_orders_there_is_nothing():
    nothing = sparse.csr_matrix((3, 5), dtype=np.float32)
    assert factors.scores(nothing, factors.fit(nothing, FactorParams()), best=3).nnz == 0
