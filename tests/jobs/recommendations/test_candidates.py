"""Sources by hand: what is due again, leaders of the kinds that a customer buys, and a ceiling that holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from jobs.recommendations import candidates, catalogue, gates
from jobs.recommendations.candidates import Block, CandidateParams, block_of
from jobs.recommendations.catalogue import CatalogueParams
from jobs.recommendations.model import Model
from jobs.recommendations.score import Scorer

from . import small_shop

DAY = date(2025, 9, 1)


@pytest.fixture(scope="module")
def items() -> catalogue.Catalogue:
    lines = small_shop.orders()
    return catalogue.fit(small_shop.item_frame(lines, DAY), small_shop.pair_frame(lines, DAY))


@pytest.fixture(scope="module")
def block(items) -> Block:
    return block_of(small_shop.pair_frame(small_shop.orders(), DAY), items)


def test_due_is_what_is_as_old_as_its_gap():
    """The customer's own gap counts from three orders on, else the item's, 40 days; a look is nothing to repeat."""
    pairs = pd.DataFrame(
        {
            "orders": [3.0, 3.0, 1.0, 1.0, 1.0, 0.0],
            "first_age": [90.0, 70.0, 40.0, 30.0, 100.0, np.nan],
            "last_age": [30.0, 10.0, 40.0, 30.0, 100.0, np.nan],
        }
    )
    gaps = SimpleNamespace(column=lambda name: np.full(6, {"repeat_gap": 40.0, "repeat_rate": 0.1}[name]))
    found = candidates.dueness(SimpleNamespace(pairs=pairs, column=np.arange(6)), gaps)
    assert found == pytest.approx([1, 0, 1, 30 / 40, 0, 0])


def test_an_items_gap_is_that_of_those_who_ordered_it_again_drawn_to_all(items):
    pairs = small_shop.pair_frame(small_shop.orders(), DAY)
    again = pairs[pairs["orders"] > 1]
    gap = (again["first_age"] - again["last_age"]) / (again["orders"] - 1)
    mine = gap[again["item_id"] == "i003"]
    expected = (mine.sum() + catalogue.GAP_TRUST * gap.mean()) / (len(mine) + catalogue.GAP_TRUST)
    assert items.column("repeat_gap")[3] == pytest.approx(expected, rel=1e-5)


def test_each_source_names_only_its_own_and_no_more_than_it_may(block, items):
    params = CandidateParams(due=3, leaders=5, factors=4)
    found = candidates.candidates(block, items, candidates.scores(block, items, params), params)
    count = {name: np.bincount(keys // block.items, minlength=len(block.customers)) for name, keys in found.items()}
    for name, most in (("due again", 3), ("category leaders", 5), ("factors", 4)):
        assert count[name].sum() and count[name].max() <= most
    assert set(found["due again"]) <= set(found["own history"])
    bought = block.matrix(block.pairs["orders"] > 0)
    kinds_bought = (bought @ items.members).toarray() > 0
    row, column = np.divmod(found["category leaders"], block.items)
    assert kinds_bought[row, items.members[column].indices].all()


def test_a_source_that_may_bring_nothing_brings_nothing(block, items):
    params = CandidateParams(leaders=0, factors=0, users=0, due=0)
    scored = candidates.scores(block, items, params)
    found = candidates.candidates(block, items, scored, params)
    assert scored["factors"].nnz == 0
    assert not any(len(found[name]) for name in ("category leaders", "factors", "customers alike", "due again"))


def test_what_sold_in_the_coming_weeks_of_last_year_is_proposed(block):
    lines = small_shop.orders()
    item = small_shop.item_frame(lines, DAY)
    sold = item.assign(orders_season=np.where(item["item_id"] == "i089", 7.0, 0.0))
    of_season = catalogue.fit(sold, small_shop.pair_frame(lines, DAY))
    params = CandidateParams()
    found = candidates.candidates(block, of_season, candidates.scores(block, of_season, params), params)["seasonal"]
    row, column = np.divmod(found, block.items)
    assert list(row) == list(range(len(block.customers))) and set(of_season.item_ids[column]) == {"i089"}


def test_what_nobody_ever_ordered_again_is_not_due():
    """Of a sofa the gap is that of all items; of a shop in which nobody came back it is no time at all."""
    pairs = pd.DataFrame({"orders": [1.0, 2.0], "first_age": [40.0, 80.0], "last_age": [40.0, 40.0]})
    of_items = {"repeat_gap": 40.0, "repeat_rate": 0.0}
    gaps = SimpleNamespace(column=lambda name: np.full(2, of_items[name]))
    bought = SimpleNamespace(pairs=pairs, column=np.arange(2))
    assert candidates.dueness(bought, gaps) == pytest.approx([0, 1])
    of_items["repeat_gap"] = 0.0
    assert candidates.dueness(bought, gaps) == pytest.approx([0, 0])


def test_a_country_is_proposed_the_best_of_what_is_sold_there():
    lines = small_shop.orders()
    item, pairs = small_shop.item_frame(lines, DAY), small_shop.pair_frame(lines, DAY)
    popular = item.sort_values("customers_28d", ascending=False)["item_id"].head(45)
    items = catalogue.fit(item.assign(sold_in=np.where(item["item_id"].isin(popular), "Britain", None)), pairs)
    block, params = block_of(pairs, items), CandidateParams()
    found = candidates.candidates(block, items, candidates.scores(block, items, params), params)
    row, column = np.divmod(found["popular"], block.items)
    is_french = (block.customers["country"] == "France").to_numpy()
    assert (np.bincount(row, minlength=len(is_french))[is_french] == params.shared["popular"]).all()
    assert not set(items.item_ids[column[is_french[row]]]) & set(popular)


def test_who_names_no_country_is_shown_what_is_sold_where_the_store_is():
    lines = small_shop.orders()
    item, pairs = small_shop.item_frame(lines, DAY), small_shop.pair_frame(lines, DAY)
    named = item.assign(sold_in=np.where(np.arange(len(item)) % 3 == 0, "AT CH", "DE AT CH"))
    items = catalogue.fit(named, pairs, CatalogueParams(home_country="DE"))
    block, params = block_of(pairs.assign(country=None), items), CandidateParams()
    scored = candidates.scores(block, items, params)
    found = candidates.candidates(block, items, scored, params)
    row, column = np.divmod(np.unique(np.concatenate(list(found.values()))), block.items)
    assert (np.bincount(row, minlength=len(block.customers)) >= 20).all() and (column % 3 > 0).all()
    homeless = candidates.candidates(block, replace(items, home_country=None), scored, params)
    row, column = np.divmod(np.unique(np.concatenate(list(homeless.values()))), block.items)
    assert (np.bincount(row, minlength=len(block.customers)) >= 20).all() and (column % 3 == 0).any()


def test_who_owns_the_best_of_every_source_is_proposed_the_next(block, items):
    """As many as make twenty new ones; where the sources bring so many, nothing more."""
    few = CandidateParams(
        **dict.fromkeys(("item_item", "users", "content", "leaders", "factors", "basket"), 0), shared={"popular": 15}
    )
    scored = candidates.scores(block, items, few)
    found = candidates.candidates(block, items, scored, few)
    best = items.by_place["popular"]
    assert (np.diff(found["popular"]) > 0).all()
    keys = np.unique(np.concatenate(list(found.values())))
    for row in range(len(block.customers)):
        own = set(block.column[block.row == row])
        new = [column for column in keys[keys // block.items == row] % block.items if column not in own]
        assert sorted(new) == sorted([column for column in best if column not in own][:20])
    enough = replace(few, shared={"popular": 40})
    plain = candidates.candidates(block, items, scored, enough)["popular"]
    count = np.bincount(plain // block.items, minlength=len(block.customers))
    is_new = ~np.isin(plain, block.row * block.items + block.column)
    new = np.bincount(plain[is_new] // block.items, minlength=len(block.customers))
    assert (count[new > 20] == 40).all() and (new >= 20).all() and (new > 20).any()


def test_what_only_guests_buy_is_proposed_after_what_customers_buy():
    lines = small_shop.orders()
    item, pairs = small_shop.item_frame(lines, DAY), small_shop.pair_frame(lines, DAY)
    who = pairs["customer_id"].unique()[:2]
    few = pairs[pairs["customer_id"].isin(who)]
    of_people = [name for name in item if name.startswith(("customers_", "decayed_", "first_basket", "discoveries_"))]
    guests = item.assign(**dict.fromkeys(of_people, 0.0), orders_28d=np.arange(len(item)) % 50)
    guests["customers_all"] = guests["item_id"].map(few.groupby("item_id").size()).fillna(0.0)
    guests.loc[89, ["first_age", "last_age", "orders_28d"]] = np.nan, np.nan, 0.0
    items = catalogue.fit(guests, few)
    places = pd.Series(items.places["popular"], index=guests["item_id"])
    known = guests["customers_all"] > 0
    assert places[known.to_numpy()].max() == known.sum() and places["i089"] == catalogue.NEVER
    by_guests = guests[~known].sort_values(["orders_28d", "last_age", "item_id"], ascending=[False, True, True])
    assert list(places[by_guests["item_id"].drop(89)].rank()) == list(range(1, len(by_guests)))
    assert not items.leaders[:, np.flatnonzero(~known)].nnz
    lists = Scorer(items, Model({}, gates.without_model("short"), {}, str(DAY))).lists(few)
    new = lists[lists["placement"] == "discover"]
    assert (new.groupby("customer_id").size() == 20).all()
    assert new["reason"].str.match(r"Ordered (once|\d+ times) in the last 28 days").any()


def lookers(pairs: pd.DataFrame, who: set[str]) -> pd.DataFrame:
    """The pairs with those of some customers turned into looks: two views of what they had ordered, and no order."""
    is_looker = pairs["customer_id"].isin(who)
    looked = pairs[is_looker].assign(views_28d=2.0, viewed_age=1.0, customer_orders=0.0, first_age=np.nan)
    nothing = ("orders", "units", "orders_28d", "decayed_14d", "decayed_30d", "decayed_90d", "orders_since")
    looked = looked.assign(last_age=np.nan, **dict.fromkeys(nothing, 0.0))
    return pd.concat([pairs[~is_looker], looked]).sort_values(["customer_id", "item_id"]).reset_index(drop=True)


def test_who_only_looked_is_proposed_what_goes_with_it():
    """Of what they buy in the next 28 days the personal sources propose more than half; told of orders alone they had
    nothing to say."""
    lines = small_shop.orders()
    cut = small_shop.cut(lines, DAY)
    who = set(cut.pairs["customer_id"].unique()[::2])
    pairs = lookers(cut.sample, who)
    items = catalogue.fit(cut.items, pairs)
    few = CandidateParams(item_item=15, users=15, content=15, leaders=15, factors=15, basket=5, viewed=0, shared={})
    block = block_of(pairs[pairs["customer_id"].isin(who)], items)
    scored = candidates.scores(block, items, few)
    found = candidates.candidates(block, items, scored, replace(few, shared={"popular": 0}))
    truth = cut.truth[cut.truth["customer_id"].isin(who)]
    row = pd.Index(block.customers["customer_id"]).get_indexer(truth["customer_id"])
    wanted = row * block.items + items.index_of(truth["item_id"])
    proposed = np.concatenate([found[name] for name in ("bought with", "customers alike", "similar", "factors")])
    assert np.isin(wanted, proposed).mean() > 0.5
    # Their looks and no more stand behind it.
    unseen = block_of(block.pairs.assign(views_28d=0.0), items)
    assert not any(matrix.nnz for matrix in candidates.scores(unseen, items, few).values())


def test_looks_change_nothing_of_who_orders_and_nothing_where_none_are_logged(items):
    pairs = small_shop.pair_frame(small_shop.orders(), DAY)
    block, seen = block_of(pairs, items), block_of(pairs.assign(views_28d=9.0, carts_28d=3.0), items)
    assert not block.looked.any() and not seen.looked.any()
    more = pd.concat([pairs, lookers(pairs, {"c001"}).query("orders == 0").assign(item_id="i089")]).drop_duplicates(
        ["customer_id", "item_id"]
    )
    for orders, looked in ((2.0, 0.2), (3.0, 0.0)):
        block = block_of(more.assign(customer_orders=orders), items)
        assert block.looked[block.pairs["orders"] == 0] == pytest.approx(looked)
        assert not block.looked[block.pairs["orders"] > 0].any()
