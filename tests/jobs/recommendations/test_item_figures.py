"""Figures of items for re-ranking: likeness out of text, margin, stock, newness, and nothing where nothing is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from jobs.recommendations import content, item_figures


def table(**columns: list) -> pd.DataFrame:
    """Three items on sale, with other columns as given."""
    base = {"is_active": [True] * 3, "is_restricted": [False] * 3, "on_hand": [np.nan] * 3, "first_age": [100.0] * 3}
    return pd.DataFrame(base | columns)


def fitted(**columns: list) -> item_figures.ItemFigures:
    return item_figures.fit(table(**columns), sparse.csr_matrix((3, 0)))


def test_what_is_not_known_counts_nothing():
    found = fitted()
    assert not found.margin.any() and not found.stock.any() and not found.embedding.any()
    assert np.isinf(found.listed_age).all() and not found.is_unproven.any()


def test_margin_is_a_share_of_the_price():
    found = fitted(price=[10.0, 10.0, 0.0], cost=[4.0, 12.0, 1.0])
    assert list(found.margin) == [pytest.approx(0.6), 0.0, 0.0]


def test_stock_grows_with_the_pieces_and_ends_at_one():
    assert list(fitted(on_hand=[0.0, 9.0, 99.0]).stock) == [0.0, pytest.approx(0.5), 1.0]


def test_fresh_is_a_late_first_sale_or_a_late_listing_of_the_unsold():
    found = fitted(first_age=[3.0, np.nan, np.nan], listed_age=[400.0, 5.0, np.nan])
    assert list(found.is_fresh) == [True, True, False]
    assert list(found.is_unsold) == [False, True, True] and found.is_unproven.all()
    assert list(found.just_listed) == [0.0, pytest.approx(1 / 6), 0.0]


def test_restricted_items_are_for_those_allowed_while_on_sale_and_in_stock():
    found = fitted(is_restricted=[True, True, False], on_hand=[1.0, 0.0, 1.0])
    assert list(found.is_for_allowed) == [True, False, False]


def test_likeness_is_close_to_that_of_the_text_and_the_same_again():
    colours, kinds = ("red", "blue", "green", "white", "black"), ("lamp", "mug", "scarf", "bag")
    titles = [f"{colour} {kind} {size}" for colour in colours for kind in kinds for size in ("small", "large")]
    text = content.vectors(pd.DataFrame({"title": titles}))
    found = item_figures.embedding(text)
    assert found.shape == (40, item_figures.DIMENSIONS) and np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-3)
    assert np.abs(found @ found.T - (text @ text.T).toarray()).max() < 0.2
    assert (found == item_figures.embedding(text)).all()


def test_few_items_and_empty_texts_have_rows_too():
    text = content.vectors(pd.DataFrame({"title": ["red mug", "red mug", None]}))
    found = item_figures.embedding(text)
    assert found.shape == (3, item_figures.DIMENSIONS) and not found[2].any()
    assert float(found[0] @ found[1]) == pytest.approx(1, abs=1e-3)


def test_a_product_is_what_shares_a_parent_and_the_parent_itself():
    parents = [None, "shirt", "shirt", None, "mug", None]
    item = pd.DataFrame({"item_id": ["lamp", "l", "m", "shirt", "red", "scarf"], "parent_item_id": parents})
    assert item_figures.products(item).tolist() == [0, 1, 1, 1, 4, 5]
    assert item_figures.products(item.assign(parent_item_id=None)).tolist() == list(range(6))
    assert item_figures.products(item[["item_id"]]).tolist() == list(range(6))
