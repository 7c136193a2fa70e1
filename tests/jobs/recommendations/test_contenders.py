"""The lists that are compared: a newcomer's is that of their country, where there is one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from jobs.lib.intervals import resampled
from jobs.recommendations import baselines, columns, contenders, evaluate, gates
from jobs.recommendations.for_newcomer import segment_lists
from jobs.recommendations.learning import Window, window
from jobs.recommendations.model import MODEL

from . import small_shop


@pytest.fixture(scope="module")
def seen() -> Window:
    """Customers whose number ends with an even figure had not ordered before."""
    cut = small_shop.cut(small_shop.orders(), small_shop.FIRST_DAY + timedelta(days=250))
    is_new = cut.pairs["customer_id"].str[-1].isin(list("02468"))
    country = np.where(cut.truth["customer_id"].str[1:].astype(int) % 4 == 0, "France", "Atlantis")
    pairs = cut.pairs[~is_new].reset_index(drop=True)
    has_ordered = cut.truth["customer_id"].isin(pairs["customer_id"])
    return window(replace(cut, pairs=pairs, truth=cut.truth.assign(country=country, has_ordered=has_ordered)))


class Backwards:
    """A model that puts last what a customer ordered most often."""

    def model_score(self, ranker: str, features: pd.DataFrame, row: np.ndarray) -> np.ndarray:
        return -baselines.frequency(features)


def test_newcomers_do_not_weigh_in_the_gate_of_lists_that_they_are_not_shown(seen):
    """Newcomers' lists that find all that newcomers buy: enough to win on all buyers with the worst personal lists."""
    lists = contenders.lists(seen, {MODEL: Backwards()})
    found = seen.cut.truth[~seen.cut.truth["customer_id"].isin(seen.customer_ids)]
    known = found.assign(rank=found.groupby("customer_id").cumcount() + 1)
    personal = lists["all"][MODEL][lists["all"][MODEL]["customer_id"].isin(seen.customer_ids)]
    lists["all"][MODEL] = pd.concat([personal, known])
    drawn = resampled(columns.each_customer(seen, lists), seed=1)
    ours, theirs = (drawn.mean(("all", name, gates.MEASURE)).value for name in (MODEL, "frequency"))
    assert ours > theirs
    gate = gates.evaluated(drawn, seen.cut.day)["personal"]
    assert gate.publishes == "frequency" and "does not beat" in gate.reason
    buyers = seen.cut.truth[seen.cut.truth["customer_id"].isin(seen.customer_ids)]
    assert gate.customers == buyers["customer_id"].nunique() < seen.cut.truth["customer_id"].nunique()
    assert gate.ours == pytest.approx(evaluate.per_customer(personal, buyers)[gates.MEASURE].mean())


def test_lists_of_what_is_bought_again_hold_nothing_else(seen):
    lists = contenders.lists(seen, {MODEL: Backwards()})
    own = pd.MultiIndex.from_frame(seen.cut.own[["customer_id", "item_id"]])
    assert set(lists["again"]) == {MODEL, "frequency", "dueness"}
    for places in lists["again"].values():
        assert len(places) and pd.MultiIndex.from_frame(places[["customer_id", "item_id"]]).isin(own).all()


def test_lists_are_judged_as_served_with_one_variant_of_a_product_unless_it_is_bought_again(seen):
    items = seen.cut.items
    sized = window(replace(seen.cut, items=items.assign(parent_item_id=[f"p{n // 3}" for n in range(len(items))])))
    for kind, named in contenders.lists(sized, {MODEL: Backwards()}).items():
        for name, lists in named.items():
            product = lists["item_id"].str[1:].astype(int) // 3
            twice = lists.assign(product=product).duplicated(["customer_id", "product"]).any()
            assert twice == (kind == "again"), (kind, name)


def test_novelty_counts_customers_and_buyers_of_the_same_sample(seen):
    """A store of which one customer in ten is sampled: its items have more buyers than the sample has customers."""
    lists = contenders.lists(seen, {MODEL: Backwards()})
    few = set(sorted(seen.cut.sample["customer_id"].unique())[::10])
    sample = seen.cut.sample[seen.cut.sample["customer_id"].isin(few)]
    assert seen.catalogue.column("customers_all").max() > len(few)
    told = columns.each_customer(replace(seen, cut=replace(seen.cut, sample=sample)), lists)
    novelty = told.xs("novelty@10", axis=1, level=2)
    assert novelty.min().min() >= 0 and novelty.max().max() <= np.log2(len(few)) + 1e-9


def test_who_gave_no_consent_or_only_looked_is_no_newcomer(seen):
    """Of the newcomers of the fixture every other one had ordered (and gave no consent); two regulars only looked."""
    cut = seen.cut
    strangers = sorted(set(cut.truth["customer_id"]) - set(seen.customer_ids))
    refused = strangers[::2]
    lookers = sorted(set(cut.truth["customer_id"]) & set(seen.customer_ids))[:2]
    pairs = cut.pairs.assign(orders=cut.pairs["orders"].where(~cut.pairs["customer_id"].isin(lookers), 0))
    has_ordered = cut.truth["has_ordered"] & ~cut.truth["customer_id"].isin(lookers)
    truth = cut.truth.assign(has_ordered=has_ordered | cut.truth["customer_id"].isin(refused))
    changed = replace(seen, cut=replace(cut, pairs=pairs, truth=truth))
    of = {split: set(changed.cut.bought(split)["customer_id"]) for split in ("only looked", "without consent", "cold")}
    assert of == {"only looked": set(lookers), "without consent": set(refused), "cold": set(strangers[1::2])}
    assert not of["only looked"] & set(changed.cut.bought("discovery")["customer_id"])
    lists = contenders.lists(changed, {MODEL: Backwards()})
    assert set(lists["cold"][MODEL]["customer_id"]) == set(strangers)
    told = columns.each_customer(changed, lists)
    for split, who in of.items():
        assert set(told.index[told[split, MODEL, gates.MEASURE].notna()]) == who
    # Who gave no consent is shown no list that only persons get.
    assert set(told["without consent"].columns.get_level_values(0)) == {MODEL, "popularity"}


@pytest.mark.parametrize("is_ours", [True, False])
def test_newcomers_are_served_the_list_of_the_country_that_they_declare(seen, is_ours):
    lists = segment_lists(seen.cut.items, seen.cut.segments, is_ours)
    found = contenders.country_lists(seen, is_ours)
    assert set(found["customer_id"]) == set(seen.cut.bought("cold")["customer_id"])
    for customer, places in found.groupby("customer_id"):
        segment = "country=France" if int(customer[1:]) % 4 == 0 else "all"
        expected = lists[lists["segment"] == segment]
        assert list(places.sort_values("rank")["item_id"]) == list(expected["item_id"])


def test_what_they_find_there_is_measured_apart(seen):
    found = dict(columns._of_countries(seen, {}))
    assert {key[:2] for key in found} == {("cold by country", MODEL), ("cold by country", "popularity")}
    cold = set(seen.cut.bought("cold")["customer_id"])
    for values in found.values():
        assert set(values.dropna().index) == cold and values.max() > 0
    plain = replace(seen, cut=replace(seen.cut, truth=seen.cut.truth.drop(columns="country")))
    assert not list(columns._of_countries(plain, {}))


def test_lists_of_countries_have_a_gate_where_orders_declare_one(seen):
    """Newcomers for whom the country's list by ours finds nothing, and the one list by ours all."""
    each = columns.each_customer(seen, contenders.lists(seen, {MODEL: Backwards()}))
    cold = each["cold", MODEL, gates.MEASURE].notna()
    each.loc[cold, ("cold", MODEL, gates.MEASURE)] = 1.0
    each.loc[cold, ("cold by country", MODEL, gates.MEASURE)] = 0.0
    found = gates.evaluated(resampled(each, seed=1), seen.cut.day)
    assert (found["cold"].publishes, found["cold by country"].publishes) == (MODEL, "popularity")
    found = gates.evaluated(resampled(each.drop(columns="cold by country", level=0), seed=1), seen.cut.day)
    gate = found["cold by country"]
    assert gate.publishes == MODEL and "no newcomer's order declares a country" in gate.reason


def test_an_order_may_name_no_country_beside_one_that_does(seen):
    """The same newcomer bought two items, one in a line without a country."""
    truth = seen.cut.truth.sort_values(["customer_id", "item_id"]).reset_index(drop=True)
    half = replace(
        seen, cut=replace(seen.cut, truth=truth.assign(country=truth["country"].where(truth.index % 2 == 0)))
    )
    cold = half.cut.bought("cold").groupby("customer_id")["country"].agg(["count", "size"])
    assert ((cold["count"] > 0) & (cold["count"] < cold["size"])).any()
    expected = contenders.country_lists(seen, is_ours=True)
    named = set(cold.index[cold["count"] > 0])
    found = contenders.country_lists(half, is_ours=True)
    assert set(found["customer_id"]) == set(cold.index)
    pd.testing.assert_frame_equal(
        found[found["customer_id"].isin(named)].reset_index(drop=True),
        expected[expected["customer_id"].isin(named)].reset_index(drop=True),
    )


def test_newcomers_lists_are_judged_as_the_night_makes_them(seen):
    """Of a catalogue that is sold in named countries: what is sold where the store is."""
    items = seen.cut.items.assign(sold_in="GB")
    at_home = replace(seen, cut=replace(seen.cut, items=items), catalogue=replace(seen.catalogue, home_country="GB"))
    for lists in (contenders.newcomer_lists, contenders.country_lists):
        assert set(lists(at_home, True)["rank"]) == set(range(1, 21))
