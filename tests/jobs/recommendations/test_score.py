"""Lists of customers: their rules, and that no result depends on the block a customer is in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from jobs.recommendations import catalogue as item_side
from jobs.recommendations import gates, score
from jobs.recommendations.candidates import CandidateParams, block_of
from jobs.recommendations.catalogue import NEVER
from jobs.recommendations.model import Model
from jobs.recommendations.pair_features import candidate_pairs
from jobs.recommendations.reasons import different, reasons_of, sources_of
from jobs.recommendations.rerank import Exploration, Reranker, RerankParams
from jobs.recommendations.score import Control, Scorer, customers_together

from . import small_shop

AS_OF = small_shop.FIRST_DAY + timedelta(days=250)


@pytest.fixture(scope="module")
def lines():
    return small_shop.orders()


@pytest.fixture(scope="module")
def pairs(lines):
    return small_shop.pair_frame(lines, AS_OF)


@pytest.fixture(scope="module")
def items(lines):
    return small_shop.item_frame(lines, AS_OF)


@pytest.fixture(scope="module")
def scorer(items, pairs):
    """Baselines throughout: what lists must obey does not depend on the model. Chance is frequent."""
    model = Model({}, gates.without_model("short"), {}, str(AS_OF))
    return Scorer(item_side.fit(items, pairs), model, reranker=Reranker(exploration=Exploration(0.3, "salt", AS_OF)))


@pytest.fixture(scope="module")
def lists(scorer, pairs):
    return scorer.lists(pairs)


def test_each_placement_keeps_its_rule(lists, pairs):
    own = pd.MultiIndex.from_frame(pairs[["customer_id", "item_id"]])
    is_own = pd.MultiIndex.from_frame(lists[["customer_id", "item_id"]]).isin(own)
    assert is_own[lists["placement"] == "buy_again"].all()
    assert not is_own[lists["placement"] == "discover"].any()
    assert set(lists["placement"]) == {"home", "buy_again", "discover"}


def test_places_count_from_one_without_gaps_and_no_item_comes_twice(lists):
    for _, places in lists.groupby(["customer_id", "placement"]):
        assert list(places["rank"]) == list(range(1, len(places) + 1))
        assert places["item_id"].is_unique
    full = lists[lists["placement"] != "buy_again"].groupby(["customer_id", "placement"]).size()
    assert (full == 20).all()


def test_every_customer_with_a_history_has_lists(lists, pairs):
    assert set(lists["customer_id"]) == set(pairs["customer_id"])


def test_reasons_name_an_item_or_a_figure(lists, items):
    assert lists["reason"].str.len().gt(5).all()
    titles = set(items["title"])
    beside = lists[lists["source"].isin(["bought with", "similar"])]
    assert beside["reason"].map(lambda text: any(title in text for title in titles)).all()
    own = lists[lists["source"] == "own history"]
    assert own["reason"].str.match(r"You bought it (once|\d+ times), last (today|yesterday|\d+ days ago)").all()


def test_a_customer_alone_gets_what_the_block_gave(scorer, lists, pairs):
    for who in pairs["customer_id"].unique()[::25]:
        alone = scorer.lists(pairs[pairs["customer_id"] == who])
        together = lists[lists["customer_id"] == who].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone.reset_index(drop=True), together)


def test_neither_row_order_nor_the_cut_of_the_stream_matters(scorer, lists, pairs, monkeypatch):
    monkeypatch.setattr(score, "BLOCK_CUSTOMERS", 7)
    stream = [pairs.iloc[start : start + 33] for start in range(0, len(pairs), 33)]
    cut = pd.concat(list(scorer.blocks(stream)), ignore_index=True)
    pd.testing.assert_frame_equal(cut, lists.reset_index(drop=True))
    mixed = scorer.lists(pairs.sample(frac=1, random_state=3))
    pd.testing.assert_frame_equal(mixed.reset_index(drop=True), lists.reset_index(drop=True))


def test_streams_are_cut_between_customers(pairs):
    stream = [pairs.iloc[start : start + 50] for start in range(0, len(pairs), 50)]
    blocks = list(customers_together(stream, 10))
    assert sum(len(block) for block in blocks) == len(pairs)
    seen = [who for block in blocks for who in block["customer_id"].unique()]
    assert len(seen) == len(set(seen)) and max(block["customer_id"].nunique() for block in blocks) == 10
    assert list(customers_together([], 10)) == []


def test_what_may_not_be_shown_is_in_no_list(items, pairs, lists):
    top = lists[lists["placement"] == "home"]["item_id"].value_counts().index
    barred = items.copy()
    barred.loc[barred["item_id"] == top[0], "is_active"] = False
    barred.loc[barred["item_id"] == top[1], "is_restricted"] = True
    barred.loc[barred["item_id"] == top[2], "on_hand"] = 0.0
    barred.loc[barred["item_id"] == top[3], "sold_in"] = "France Spain"
    model = Model({}, gates.without_model("short"), {}, str(AS_OF))
    found = Scorer(item_side.fit(barred, pairs), model).lists(pairs)
    assert not set(top[:3]) & set(found["item_id"])
    allowed = Scorer(item_side.fit(barred, pairs), model).lists(pairs.assign(is_restricted_allowed=True))
    assert set(top[:3]) & set(allowed["item_id"]) == {top[1]}
    countries = pairs.drop_duplicates("customer_id").set_index("customer_id")["country"]
    assert set(countries[found.loc[found["item_id"] == top[3], "customer_id"]]) == {"France"}


def test_the_control_share_is_stable_and_gets_popularity(scorer, pairs):
    held = replace(scorer, control=Control(0.3, "salt"))
    found = held.lists(pairs)
    control = set(found.loc[found["variant"] == "control", "customer_id"])
    assert 0.15 < len(control) / pairs["customer_id"].nunique() < 0.45
    assert control == {who for who in pairs["customer_id"].unique() if Control(0.3, "salt").holds(who)}
    assert control != {who for who in pairs["customer_id"].unique() if Control(0.3, "other").holds(who)}
    home = found[(found["variant"] == "control") & (found["placement"] == "home")]
    assert home.groupby("rank")["item_id"].nunique().max() == 1
    assert set(scorer.lists(pairs)["variant"]) == {"model"}


def test_each_placement_goes_by_its_own_gate(scorer, pairs):
    """What is bought again may be ordered by frequency while home is by anything, and the other way round."""

    def order(placement: str, **gate: str) -> list[str]:
        gates_of = {name: replace(said, publishes=gate.get(name, "EASE")) for name, said in scorer.model.gates.items()}
        plain = Reranker(RerankParams(weights={}, diversity=0.0, early_diversity=0.0))
        found = replace(scorer, model=replace(scorer.model, gates=gates_of), reranker=plain).lists(pairs)
        return list(found.loc[found["placement"] == placement, "item_id"])

    plain = {placement: order(placement) for placement in ("home", "buy_again", "discover")}
    for gate, placement in {"personal": "home", "again": "buy_again", "discovery": "discover"}.items():
        for other in plain:
            assert (order(other, **{gate: "popularity"}) == plain[other]) == (other != placement)


def test_a_published_baseline_keeps_the_order_that_was_judged(scorer, pairs):
    """Of a customer who ordered one item forty times and five others less: all else scores alike beside it."""
    who = pairs["customer_id"].value_counts().sort_index().eq(6).idxmax()
    mine = pairs[pairs["customer_id"] == who].reset_index(drop=True)
    mine.loc[0, "orders"] = 40.0

    def home(diversity: float, discovery: float = 0.0) -> list[str]:
        weights = {"discovery": discovery}
        params = RerankParams(weights=weights, early_weights=weights, diversity=diversity, early_diversity=diversity)
        found = replace(scorer, reranker=Reranker(params)).lists(mine)
        return list(found.loc[found["placement"] == "home", "item_id"])

    plain = home(0.0)
    assert plain[0] == mine["item_id"][0] and set(plain[:6]) == set(mine["item_id"])
    assert home(0.5) == plain
    # What a store asks for moves places, those near each other first.
    new = home(0.0, 0.1)
    assert new[:4] == plain[:4] and new != plain


def test_control_is_neither_re_ranked_nor_given_to_chance(scorer, pairs):
    held = replace(scorer, control=Control(1.0, "salt"))
    plain = replace(held, reranker=Reranker(RerankParams(weights={}, diversity=0.0, early_diversity=0.0)))
    found = held.lists(pairs)
    pd.testing.assert_frame_equal(found, plain.lists(pairs))
    assert (found["propensity"] == 1).all() and "exploration" not in set(found["source"])
    assert all(places["score"].is_monotonic_decreasing for _, places in found.groupby(["customer_id", "placement"]))


def test_explored_places_say_so_and_carry_their_odds(lists, pairs):
    explored = lists[lists["source"] == "exploration"]
    assert len(explored) > 30 and set(explored["rank"]) == {8, 16}
    assert set(explored["placement"]) == {"home", "discover"}
    assert explored["propensity"].lt(0.3).all()
    assert explored["reason"].str.match(r"New here: |Something different: (bought by (one|[1-9])|last sold )").all()
    own = pd.MultiIndex.from_frame(pairs[["customer_id", "item_id"]])
    assert not pd.MultiIndex.from_frame(explored[["customer_id", "item_id"]]).isin(own).any()
    stayed = lists[lists["rank"].isin([8, 16]) & (lists["source"] != "exploration")]
    assert set(stayed.loc[stayed["placement"] != "buy_again", "propensity"]) == {0.7}
    assert (lists.loc[~lists["rank"].isin([8, 16]) | (lists["placement"] == "buy_again"), "propensity"] == 1).all()


def test_an_item_just_listed_has_a_chance_without_a_sale(items, pairs, scorer):
    waiting = items.assign(listed_age=np.where(items["item_id"] == "i050", 2.0, 400.0), title="a thing of its own")
    ages = ["first_age", "last_age"]
    sales = [c for c in items.select_dtypes(float) if c not in (*ages, "on_hand", "price")]
    waiting.loc[waiting["item_id"] == "i050", sales] = 0.0
    waiting.loc[waiting["item_id"] == "i050", ages] = np.nan
    others = pairs[pairs["item_id"] != "i050"]
    found = replace(scorer, catalogue=item_side.fit(waiting, others)).lists(others)
    shown = found[found["item_id"] == "i050"]
    assert len(shown) and set(shown["reason"]) <= {"New here: listed 2 days ago", "New in the shop: listed 2 days ago"}


def test_a_looked_at_item_is_a_candidate_and_says_so(scorer, pairs):
    who = pairs["customer_id"].iloc[0]
    mine = pairs[pairs["customer_id"] == who]
    bought = set(mine["item_id"])
    other = sorted(set(scorer.catalogue.item_ids) - bought)[-1]
    seen = mine.iloc[:1].copy()
    for name in ("orders", "units", "orders_28d", "decayed_14d", "decayed_30d", "decayed_90d", "orders_since"):
        seen[name] = 0.0
    seen["item_id"], seen["views_28d"], seen["first_age"], seen["last_age"] = other, 3.0, np.nan, np.nan
    block = block_of(pd.concat([mine, seen]), scorer.catalogue)
    found = candidate_pairs(block, scorer.catalogue, CandidateParams())
    at = np.flatnonzero(scorer.catalogue.item_ids[found.column] == other)
    assert len(at) == 1 and not found.is_own[at[0]]
    source = sources_of(found, scorer.catalogue, at)
    assert list(source) == ["viewed"]
    assert "You looked at it 3 times" in reasons_of(block, found, scorer.catalogue, at, source)[0]


def test_similar_names_the_own_item_that_speaks_for_it_in_its_own_direction(scorer, pairs):
    """An item may be among another's nearest and not the other way."""
    one_way = sparse.triu(scorer.catalogue.text_neighbours, 1).tocsr()
    found = replace(scorer, catalogue=replace(scorer.catalogue, text_neighbours=one_way)).lists(pairs)
    told = found.loc[found["source"] == "similar", "reason"]
    assert len(told) and told.str.startswith("Similar to ").all()


def test_a_long_title_is_cut_in_the_sentence_that_names_it(scorer, pairs):
    titles = np.array(["y" * 364] * len(scorer.catalogue.titles), dtype=object)
    told = replace(scorer, catalogue=replace(scorer.catalogue, titles=titles)).lists(pairs)["reason"]
    assert told.str.contains("y" * 119 + "…").any() and told.str.len().max() < 200


@pytest.mark.parametrize(
    "listed_age, told",
    [
        (27.0, "New here: listed 27 days ago"),
        (812.0, "Not bought by anybody yet"),
        (np.inf, "Not bought by anybody yet"),
    ],
)
def test_only_what_was_listed_lately_is_called_new(listed_age, told):
    assert different({"item_first_age": NEVER, "listed_age": listed_age}) == told


def test_lists_have_one_variant_of_a_product_and_new_things_none_of_what_was_bought(scorer, items, pairs):
    """Three sizes of each product: only `buy_again` has several; lists of new things are as long as products go."""
    sized = items.assign(parent_item_id=[f"p{n // 3}" for n in range(len(items))])
    sizes = replace(scorer, catalogue=item_side.fit(sized, pairs)).lists(pairs)
    product = sizes["item_id"].str[1:].astype(int) // 3
    once = sizes.assign(product=product)[sizes["placement"] != "buy_again"]
    assert not once.duplicated(["customer_id", "placement", "product"]).any()
    again = sizes.assign(product=product)[sizes["placement"] == "buy_again"]
    assert again.duplicated(["customer_id", "product"]).any()
    own = pairs.assign(product=pairs["item_id"].str[1:].astype(int) // 3)[["customer_id", "product"]].drop_duplicates()
    new = once[once["placement"] == "discover"]
    assert len(new) and not len(new.merge(own, on=["customer_id", "product"]))
    left = len(items) // 3 - own.groupby("customer_id").size()
    assert (new.groupby("customer_id").size() == left.clip(upper=20)[left > 0]).all()
