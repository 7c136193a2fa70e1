"""Item-item models against their formulas, in blocks and whole."""

import numpy as np
import pytest
from scipy import sparse

from jobs.recommendations import item_item
from jobs.recommendations.item_item import ItemItemParams


@pytest.fixture
def history() -> sparse.csr_matrix:
    generator = np.random.default_rng(1)
    return sparse.csr_matrix((generator.random((60, 12)) < 0.3).astype(np.float32))


def test_ease_is_its_closed_form(history):
    """B = -P / diag(P) with P = (X'X + λI)^-1 and a zero diagonal (Steck 2019, eq. 8)."""
    params = ItemItemParams(ease_support=1, row_power=0.0, ease_penalty=3.0)
    dense = history.toarray().astype(float)
    inverse = np.linalg.inv(dense.T @ dense + 3.0 * np.eye(12))
    expected = -inverse / np.diag(inverse)[None, :]
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(item_item.fit(history, params).toarray(), expected, atol=2e-5)


def test_each_item_keeps_its_strongest_neighbours_only(history):
    whole = item_item.fit(history, ItemItemParams(ease_support=1)).toarray()
    few = item_item.fit(history, ItemItemParams(ease_support=1, neighbours=4)).toarray()
    for column in range(12):
        kept = np.flatnonzero(few[:, column])
        assert len(kept) == 4 and (few[kept, column] == whole[kept, column]).all()
        left = np.setdiff1d(np.arange(12), [*kept, column])
        assert np.abs(whole[left, column]).max() <= np.abs(few[kept, column]).min()


def test_items_beyond_the_dense_part_have_cosine_neighbours(history):
    weights = item_item.fit(history, ItemItemParams(ease_items=5, ease_support=1))
    assert (np.asarray((weights != 0).sum(axis=0)).ravel() > 0).all()
    assert weights.diagonal().max() == 0


def test_cosine_by_hand():
    bought = sparse.csr_matrix(np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1], [0, 0, 1]], np.float32))
    found = item_item.cosine(bought, np.arange(3), ItemItemParams(cosine_shrinkage=1.0)).toarray()
    assert found[0, 1] == pytest.approx(2 * 2 / 3 / np.sqrt(3 * 2))
    assert found[0, 2] == pytest.approx(1 * 1 / 2 / np.sqrt(3 * 2))
    assert found[1, 2] == 0 and (np.diag(found) == 0).all() and (found == found.T).all()


def test_nobody_bought_anything():
    assert item_item.fit(sparse.csr_matrix((0, 4), dtype=np.float32), ItemItemParams()).nnz == 0
