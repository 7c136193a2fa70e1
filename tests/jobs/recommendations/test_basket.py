"""Pairs of one basket as a source of personal lists: by lift, not by popularity, and with the reason that it gives."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from jobs.recommendations import basket, catalogue, gates
from jobs.recommendations.basket import BasketParams
from jobs.recommendations.candidates import CandidateParams, block_of
from jobs.recommendations.model import Model
from jobs.recommendations.pair_features import candidate_pairs
from jobs.recommendations.reasons import reasons_of
from jobs.recommendations.score import Scorer

from . import small_shop
from .conftest import fitted

AS_OF = small_shop.FIRST_DAY + timedelta(days=250)


@pytest.fixture(scope="module")
def held() -> pd.DataFrame:
    lines = small_shop.orders()
    return lines.loc[lines["day"] <= AS_OF, ["order_id", "item_id"]].drop_duplicates()


@pytest.fixture(scope="module")
def items(held) -> catalogue.Catalogue:
    lines = small_shop.orders()
    params = catalogue.CatalogueParams(baskets=BasketParams(min_orders=2))
    return catalogue.fit(small_shop.item_frame(lines, AS_OF), small_shop.pair_frame(lines, AS_OF), params, held)


def test_partners_are_those_of_the_highest_lift_over_the_orders_that_both_are_in(items, held):
    item, partner = 3, int(items.basket[3].indices[items.basket[3].data.argmax()])
    inside = held.groupby("item_id")["order_id"].agg(set)
    both = len(inside[items.item_ids[item]] & inside[items.item_ids[partner]])
    orders = held["order_id"].nunique()
    lift = both * orders / (len(inside[items.item_ids[item]]) * len(inside[items.item_ids[partner]]))
    assert items.basket[item, partner] == pytest.approx(lift * both / (both + 10), rel=1e-5)
    assert lift > 1 and both >= 2 and items.basket[item, item] == 0
    assert np.diff(items.basket.indptr).max() <= basket.PLACES


def test_the_source_names_partners_of_what_the_customer_bought_and_says_of_which(items):
    pairs = small_shop.pair_frame(small_shop.orders(), AS_OF)
    block = block_of(pairs, items)
    found = candidate_pairs(block, items, CandidateParams(basket=5))
    is_named = found.sources["same basket"]
    assert is_named.any() and np.bincount(found.row[is_named]).max() <= 5
    at = np.flatnonzero(is_named)
    said = reasons_of(block, found, items, at, np.full(len(at), "same basket", object))
    own = pairs.groupby("customer_id")["item_id"].agg(set)
    for place, text in zip(at, said, strict=True):
        because = text.removeprefix("Often in one basket with ")
        speaking = {
            items.titles[items.index.get_loc(item)] for item in own[block.customers["customer_id"][found.row[place]]]
        }
        assert because in speaking


def test_without_baskets_the_source_is_empty_and_lists_are_whole():
    lines = small_shop.orders()
    pairs = small_shop.pair_frame(lines, AS_OF)
    plain = catalogue.fit(small_shop.item_frame(lines, AS_OF), pairs)
    assert plain.basket.nnz == 0
    lists = Scorer(plain, Model({}, gates.without_model("short"), {}, str(AS_OF))).lists(pairs)
    assert (lists[lists["placement"] == "home"].groupby("customer_id").size() == 20).all()


def test_baskets_are_those_of_the_year_until_the_day_guests_among_them(spark):
    rows = [
        ("a", "x", "c", 0),
        ("a", "x", "c", 0),
        ("b", "y", None, 364),
        ("old", "x", "c", 365),
        ("new", "x", "c", -1),
    ]
    lines = spark.createDataFrame(
        [(order, item, who, AS_OF - timedelta(days=ago)) for order, item, who, ago in rows],
        "order_id string, item_id string, customer_id string, order_date date",
    )
    lines = fitted(lines.selectExpr("*", "true AS is_product"), "validated.order_lines")
    found = basket.baskets(lines, AS_OF, BasketParams())
    assert sorted(found.itertuples(index=False, name=None)) == [("a", "x"), ("b", "y")]
    assert basket.baskets(lines, AS_OF, BasketParams(orders=1))["order_id"].nunique() == 1
    assert not len(basket.baskets(lines, AS_OF, BasketParams(is_weekly=True)))


def test_lists_are_whole_where_no_order_is_a_basket():
    lines = small_shop.orders()
    none = pd.DataFrame(columns=["order_id", "item_id"], dtype=object)
    found = catalogue.fit(small_shop.item_frame(lines, AS_OF), small_shop.pair_frame(lines, AS_OF), held=none)
    assert found.basket.shape == (small_shop.ITEMS, small_shop.ITEMS) and found.basket.nnz == 0
