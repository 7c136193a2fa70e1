"""Kinds by category or by words, and who leads them."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from jobs.recommendations import catalogue, kinds

from . import small_shop

DAY = date(2025, 9, 1)


def fitted(**changed) -> catalogue.Catalogue:
    lines = small_shop.orders()
    return catalogue.fit(small_shop.item_frame(lines, DAY).assign(**changed), small_shop.pair_frame(lines, DAY))


def test_categories_are_kinds_where_the_store_keeps_them():
    assert set(fitted().kind) == {"home > lamp", "home > mug", "home > scarf"}


def test_without_categories_titles_make_kinds():
    found, again = fitted(category=None), fitted(category=None)
    assert (found.kind == again.kind).all()
    words = pd.Series(found.titles).str.split().str[1]
    assert pd.crosstab(found.kind, words).max(axis=1).sum() / len(words) > 0.9


def test_few_texts_are_of_no_kind():
    item = pd.DataFrame({"item_id": ["a", "b"], "category": [None, None]})
    assert list(kinds.of_items(item, np.ones((2, 3)))) == [None, None]


def test_leaders_are_the_best_of_their_kind_that_may_be_shown():
    members = kinds.membership(np.array(["x", "x", "x", None, "y"], dtype=object))
    found = kinds.leaders(members, np.array([4.0, 8.0, 2.0, 9.0, 0.0]), best=2)
    assert found.toarray() == pytest.approx(np.array([[0.5, 1, 0, 0, 0], [0, 0, 0, 0, 0]]))
    none = kinds.membership(np.array([None, None], dtype=object))
    assert kinds.leaders(none, np.ones(2), best=2).shape == (0, 2)
