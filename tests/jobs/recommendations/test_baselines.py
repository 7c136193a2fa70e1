"""The baselines on a window: what those of a library know of tastes, that they repeat, and how ties are broken."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from jobs.recommendations import baselines, contenders, evaluate
from jobs.recommendations.learning import Window, window

from . import small_shop

LEARNT = ("BM25", "ALS", "EASE", "user kNN", "item embeddings")


@pytest.fixture(scope="module")
def found() -> Window:
    return window(small_shop.cut(small_shop.orders(), date(2025, 9, 1)))


@pytest.mark.parametrize("name", LEARNT)
def test_a_customers_taste_is_found_better_than_by_chance(found, name):
    """Of three tastes a customer has one in 85 of 100 orders; a discovery of chance would be of it in a third."""
    new = ~found.found.is_own
    lists = found.lists(baselines.BASELINES[name](found.found.features[new]), new)
    is_kin = lists["item_id"].str[1:].astype(int) // 30 == lists["customer_id"].str[1:].astype(int) % 3
    assert is_kin[lists["rank"] <= 5].mean() > 0.8


def test_bm25_is_the_librarys(found):
    """Fitted on the same orders it scores alike; a customer's first places are the same items."""
    from implicit.nearest_neighbours import BM25Recommender

    from jobs.recommendations.candidates import block_of

    block = block_of(small_shop.cut(small_shop.orders(), date(2025, 9, 1)).sample, found.catalogue)
    orders = block.matrix(block.pairs["orders"])
    model = BM25Recommender(K=100, num_threads=1)
    model.fit(orders, show_progress=False)
    row = int(np.flatnonzero(block.customers["customer_id"].to_numpy(object) == found.customer_ids[3])[0])
    ids, score = model.recommend(row, orders[row], N=5, filter_already_liked_items=False)
    ours = found.found.features["bm25"].to_numpy()[found.found.row == 3]
    column = found.found.column[found.found.row == 3]
    expected = dict(zip(ids.tolist(), score.tolist(), strict=True))
    common = [place for place, item in enumerate(column) if item in expected]
    assert len(common) >= 3
    assert ours[common] == pytest.approx([expected[column[place]] for place in common], rel=1e-4)


def test_learning_repeats_to_the_last_bit(found):
    again = window(small_shop.cut(small_shop.orders(), date(2025, 9, 1)))
    for name in LEARNT:
        score = baselines.BASELINES[name]
        assert (score(found.found.features) == score(again.found.features)).all()


def test_what_is_due_today_comes_first():
    """Gaps of ten days: often bought and due, late, early; once bought, due by the item's gap; never again; new."""
    features = pd.DataFrame(
        {
            "orders": [3.0, 3.0, 3.0, 1.0, 1.0, 0.0],
            "last_age": [10.0, 40.0, 5.0, 11.0, 10.0, 9999.0],
            "gap": [10.0, 10.0, 10.0, np.nan, np.nan, np.nan],
            "item_repeat_gap": [99.0, 99.0, 99.0, 10.0, 10.0, 10.0],
            "item_repeat_rate": [0.5, 0.5, 0.5, 0.5, 0.0, 0.5],
            "item_customers_28d": 1.0,
            "item_customers_all": 1.0,
        }
    )
    score = baselines.dueness(features)
    assert score[:4] == pytest.approx([1, 0.25, 0.5, 10 / 11], abs=1e-5)
    assert 0 < score[5] < score[4] < 1e-5


def test_ties_among_what_says_nothing_go_by_popularity(found):
    score = baselines.BASELINES["BM25"](found.found.features)
    silent = score < 1e-6
    popular = baselines.popularity(found.found.features)
    assert silent.any() and (np.argsort(score[silent]) == np.argsort(baselines.tie_break(popular)[silent])).all()


def test_newcomers_lists_stand_only_where_there_is_no_personal_one(found):
    who = set(found.customer_ids)
    lists = contenders.newcomer_lists(found, is_ours=False)
    assert not set(lists["customer_id"]) & who
    assert evaluate.per_customer(lists, found.cut.truth)["ndcg@10"].reindex(sorted(who)).eq(0).all()
