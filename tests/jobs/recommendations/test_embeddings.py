"""Item embeddings: near where the same customers buy, the same from any order of rows, bounded in items."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from jobs.recommendations import embeddings
from jobs.recommendations.embeddings import EmbeddingParams

TASTES, ITEMS = 4, 60


@pytest.fixture(scope="module")
def bought() -> sparse.csr_matrix:
    """800 customers of four tastes, each of fifteen items."""
    luck = np.random.default_rng(5)
    taste, item = np.arange(800) % TASTES, np.arange(ITEMS)
    chance = np.where(item[None, :] % TASTES == taste[:, None], 0.3, 0.03)
    return sparse.csr_matrix((luck.random((800, ITEMS)) < chance).astype(np.float32))


def test_items_of_one_taste_are_near_each_other(bought):
    vectors = embeddings.fit(bought, EmbeddingParams())
    likeness = vectors @ vectors.T
    is_alike = np.arange(ITEMS)[:, None] % TASTES == np.arange(ITEMS)[None, :] % TASTES
    inside = likeness[is_alike & ~np.eye(ITEMS, dtype=bool)].mean()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3) and inside > likeness[~is_alike].mean() + 0.3


def test_a_profile_points_to_what_the_customer_buys(bought):
    vectors = embeddings.fit(bought, EmbeddingParams())
    score = embeddings.profiles(bought, vectors) @ vectors.T
    score[bought.toarray() > 0] = -np.inf
    assert (score.argmax(axis=1) % TASTES == np.arange(800) % TASTES).mean() > 0.9
    assert not embeddings.profiles(bought[:1] * 0, vectors).any()


def test_the_order_of_customers_does_not_show_and_items_are_bounded(bought):
    mixed = bought[np.random.default_rng(1).permutation(800)]
    params = EmbeddingParams(items=40)
    vectors = embeddings.fit(bought, params)
    assert np.allclose(vectors, embeddings.fit(mixed, params))
    assert (np.abs(vectors).sum(axis=1) > 0).sum() == 40
    nothing = embeddings.fit(sparse.csr_matrix((3, 5), dtype=np.float32), params)
    assert nothing.shape == (5, 32) and not nothing.any()
