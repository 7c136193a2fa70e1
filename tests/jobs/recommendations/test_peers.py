"""The library's models on a window: what they know of tastes, that they repeat, and what bounds them."""

from datetime import date

import numpy as np
import pytest

from jobs.recommendations import baselines, contenders, evaluate, peers
from jobs.recommendations.learning import Window, window
from jobs.recommendations.peers import PeerParams

from . import small_shop


@pytest.fixture(scope="module")
def found() -> Window:
    return window(small_shop.cut(small_shop.orders(), date(2025, 9, 1)))


def test_both_find_a_customers_taste_better_than_chance(found):
    """Of three tastes a customer has one in 85 of 100 orders; a discovery of chance would be of it in a third."""
    new = ~found.found.is_own
    for score in peers.scores(found).values():
        lists = found.lists(score[new], new)
        is_kin = lists["item_id"].str[1:].astype(int) // 30 == lists["customer_id"].str[1:].astype(int) % 3
        assert is_kin[lists["rank"] <= 5].mean() > 0.9


def test_scores_repeat_to_the_last_bit(found):
    again = peers.scores(found)
    for name, score in peers.scores(found).items():
        assert (score == again[name]).all()


def test_histories_are_bounded_and_have_the_windows_buyers(found):
    matrix, row = peers.histories(found, PeerParams(customers=85))
    assert matrix.shape == (85, len(found.catalogue.item_ids)) and (row >= 0).all()
    own = found.cut.pairs[found.cut.pairs["customer_id"] == found.customer_ids[3]]
    assert matrix[row[3]].sum() == own["orders"].sum()


def test_ties_among_what_says_nothing_go_by_popularity(found):
    score = peers.scores(found)["BM25"]
    silent = score < 1e-6
    popular = baselines.popularity(found.found.features)
    assert silent.any() and (np.argsort(score[silent]) == np.argsort(baselines.tie_break(popular)[silent])).all()


def test_newcomers_lists_stand_only_where_there_is_no_personal_one(found):
    who = set(found.customer_ids)
    lists = contenders.newcomer_lists(found, is_ours=False)
    assert not set(lists["customer_id"]) & who
    assert evaluate.per_customer(lists, found.cut.truth)["ndcg@10"].reindex(sorted(who)).eq(0).all()
