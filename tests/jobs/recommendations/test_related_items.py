"""Beside an item: what is alike, and what is bought with it more often than chance would have it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from jobs.recommendations import catalogue, related_items
from jobs.recommendations.basket import BasketParams
from jobs.recommendations.catalogue import CatalogueParams
from jobs.recommendations.related_items import RelatedParams, common_words

from . import small_shop

AS_OF = small_shop.FIRST_DAY + timedelta(days=250)


@pytest.fixture(scope="module")
def items():
    lines = small_shop.orders()
    return catalogue.fit(small_shop.item_frame(lines, AS_OF), small_shop.pair_frame(lines, AS_OF))


def baskets_of(*baskets: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        [(f"o{n}", item) for n, held in enumerate(baskets) for item in held], columns=["order_id", "item_id"]
    )


def test_lift_and_support_by_hand(items):
    """i001 and i002 share 6 of 20 orders and are in 8 and 7: lift 6 · 20 / (8 · 7); i000 is in every order."""
    pair, one, two, none = ["i000", "i001", "i002"], ["i000", "i001"], ["i000", "i002"], ["i000"]
    held = baskets_of(*[pair] * 6, *[one] * 2, *[two], *[none] * 11)
    found = related_items.fit(items, held, RelatedParams()).lists(pd.Series(["i001", "i000"]))
    together = found[found["relation"] == "bought_together"]
    assert list(together["item_id"]) == ["i001"] and list(together["related_item_id"]) == ["i002"]
    lift = 6 * 20 / (8 * 7)
    assert together["score"].iloc[0] == pytest.approx(lift * 6 / 16, rel=1e-5)
    assert together["reason"].iloc[0] == f"Bought together in 6 orders, {lift:.1f} times as often as by chance"


def test_what_is_merely_popular_stands_beside_nothing(items):
    held = baskets_of(*[["i000", f"i{n:03d}"] for n in range(1, 30) for _ in range(6)])
    found = related_items.fit(items, held, RelatedParams()).lists(pd.Series(items.item_ids))
    assert not (found["relation"] == "bought_together").any()


def test_blocks_of_items_do_not_show(items):
    lines = small_shop.orders()[["order_id", "item_id"]].drop_duplicates()
    whole = related_items.fit(items, lines, RelatedParams()).lists(pd.Series(items.item_ids))
    small = RelatedParams(baskets=BasketParams(memory=20_000))
    cut = related_items.fit(items, lines.sample(frac=1, random_state=1), small)
    parts = pd.concat([cut.lists(pd.Series([item])) for item in items.item_ids])
    by = ["item_id", "relation", "rank"]
    pd.testing.assert_frame_equal(
        whole.sort_values(by).reset_index(drop=True), parts.sort_values(by).reset_index(drop=True)
    )


def test_an_item_is_not_beside_itself_and_places_have_no_gaps(items):
    lines = small_shop.orders()[["order_id", "item_id"]].drop_duplicates()
    found = related_items.fit(items, lines, RelatedParams()).lists(pd.Series(items.item_ids))
    assert (found["item_id"] != found["related_item_id"]).all() and (found["score"] > 0).all()
    for _, places in found.groupby(["item_id", "relation"]):
        assert list(places["rank"]) == list(range(1, len(places) + 1)) and places["related_item_id"].is_unique
    assert found["reason"].str.len().gt(5).all()
    assert set(found.loc[found["relation"] == "similar", "item_id"]) == set(items.item_ids)


def test_shared_words():
    assert common_words("Red Retrospot Lamp", "LAMP, red") == ["red", "lamp"]
    assert common_words("大容量不锈钢保温杯", "不锈钢保温杯 红") == ["不锈钢保温杯"]
    assert common_words("Usb 不锈钢 5", "usb 锈钢 5") == ["usb", "锈钢"]


def test_what_is_sold_in_fewer_countries_stands_beside_nothing_sold_in_more(items):
    lines = small_shop.orders()
    pairs, item = small_shop.pair_frame(lines, AS_OF), small_shop.item_frame(lines, AS_OF)
    number = item["item_id"].str[1:].astype(int)
    where = {0: None, 1: "FR", 2: "DE FR"}
    split = catalogue.fit(item.assign(sold_in=[where[n % 3] for n in number]), pairs)
    held = lines[["order_id", "item_id"]].drop_duplicates()
    params = RelatedParams(baskets=BasketParams(min_orders=1))
    found = related_items.fit(split, held, params).lists(pd.Series(split.item_ids))
    sides = {(int(a[1:]) % 3, int(b[1:]) % 3) for a, b in zip(found["item_id"], found["related_item_id"], strict=True)}
    # Everywhere beside all; Germany and France beside France; never the other way.
    assert sides == {(0, 0), (1, 0), (2, 0), (1, 1), (1, 2), (2, 2)}


def test_long_titles_are_cut_so_that_a_reason_stays_a_sentence(items):
    """The contract's 400 characters are of the whole reason; a validated title may have more."""
    long = replace(items, titles=np.array([f"{'x' * 500} {title}" for title in items.titles], dtype=object))
    found = related_items.fit(long, baskets_of(), RelatedParams())
    for near in (1.0, 0.0):
        _, reason = found._similar_reason(0, 1, near, alike=0.0)
        assert "xxx" in reason and reason.endswith("…") and len(reason) < 150


def test_a_lift_that_would_read_as_chance_itself_is_none(items):
    """i001 is in 41 orders of 100, i002 in 50, both in 21: 1.02 times as often as by chance."""
    held = baskets_of(*[["i001", "i002"]] * 21, *[["i001"]] * 20, *[["i002"]] * 29, *[["i000"]] * 30)
    found = related_items.fit(items, held, RelatedParams()).lists(pd.Series(["i001"]))
    assert not (found["relation"] == "bought_together").any()
    any_lift = RelatedParams(baskets=BasketParams())
    assert (related_items.fit(items, held, any_lift).lists(pd.Series(["i001"]))["relation"] == "bought_together").any()


def test_beside_an_item_stand_other_products_and_one_variant_of_each():
    lines = small_shop.orders()
    sized = small_shop.item_frame(lines, AS_OF).assign(parent_item_id=[f"p{n // 3}" for n in range(small_shop.ITEMS)])
    items = catalogue.fit(sized, small_shop.pair_frame(lines, AS_OF))
    held = lines[["order_id", "item_id"]].drop_duplicates()
    params = RelatedParams(baskets=BasketParams(min_orders=1))
    found = related_items.fit(items, held, params).lists(pd.Series(items.item_ids))
    beside = found["related_item_id"].str[1:].astype(int) // 3
    assert not found.assign(product=beside).duplicated(["item_id", "relation", "product"]).any()
    is_similar = found["relation"] == "similar"
    assert (beside != found["item_id"].str[1:].astype(int) // 3)[is_similar].all()
    assert set(found["item_id"][is_similar]) == set(items.item_ids)


@pytest.mark.parametrize("tells_what_is_gone", [True, False])
def test_what_sold_no_more_stands_beside_nothing_where_neither_catalogue_nor_stock_tell(tells_what_is_gone):
    """The age is that since the shop's own last sale: of one that was shut all winter nothing is stale."""
    lines = small_shop.orders()
    item, pairs = small_shop.item_frame(lines, AS_OF), small_shop.pair_frame(lines, AS_OF)
    number = np.arange(len(item))
    gone = item.assign(last_age=np.where(number % 3 == 0, 170.0 + number % 2, 80.0))
    params = CatalogueParams(tells_what_is_gone=tells_what_is_gone)
    held = lines[["order_id", "item_id"]].drop_duplicates()
    found = related_items.fit(catalogue.fit(gone, pairs, params), held, RelatedParams()).lists(item["item_id"])
    beside = found["related_item_id"].str[1:].astype(int)
    stale = found.assign(is_stale=(beside % 3 == 0) & (beside % 2 == 1))
    assert stale.groupby("relation")["is_stale"].any().tolist() == [tells_what_is_gone] * 2
    assert (beside % 6 == 0).any() and set(found["item_id"][found["relation"] == "similar"]) == set(item["item_id"])
