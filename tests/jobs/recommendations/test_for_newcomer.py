"""Lists for newcomers: a segment's own popularity shows, what may not be shown does not."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from jobs.recommendations.for_newcomer import (
    NewcomerParams,
    draw_lists,
    drawn,
    newcomer_score,
    one_list,
    segment_lists,
    segment_popularity,
)
from jobs.recommendations.rerank import Exploration

from . import small_shop

AS_OF = small_shop.FIRST_DAY + timedelta(days=250)


@pytest.fixture(scope="module")
def items():
    return small_shop.item_frame(small_shop.orders(), AS_OF)


@pytest.fixture(scope="module")
def segments():
    return small_shop.segments(small_shop.pair_frame(small_shop.orders(), AS_OF))


def test_all_is_always_there_with_twenty_places(items, segments):
    found = segment_lists(items, segments, is_ours=True)
    kinds = {f"category=home > {kind}" for kind in small_shop.KINDS}
    assert set(found["segment"]) == {"all", "country=Britain", "country=France", "category=home", *kinds}
    for _, places in found.groupby("segment"):
        assert list(places["rank"]) == list(range(1, 21)) and places["item_id"].is_unique
    assert "all" in set(segment_lists(items, segments.iloc[:0], True)["segment"])


def test_all_follows_its_score_and_popularity_where_that_won(items, segments):
    ours = segment_lists(items, segments, is_ours=True)
    best = items.assign(score=newcomer_score(items)).sort_values(["score", "item_id"], ascending=[False, True])
    assert list(ours.loc[ours["segment"] == "all", "item_id"]) == list(best["item_id"].head(20))
    theirs = segment_lists(items, segments, is_ours=False)
    by = ["customers_28d", "orders_28d", "customers_all", "last_age", "item_id"]
    popular = items.sort_values(by, ascending=[False, False, False, True, True])
    assert list(theirs.loc[theirs["segment"] == "all", "item_id"]) == list(popular["item_id"].head(20))


def test_lists_of_countries_follow_their_own_gate(items, segments):
    found = {
        (is_ours, there): segment_lists(items, segments, is_ours, is_ours_there=there).set_index("segment")["item_id"]
        for is_ours in (True, False)
        for there in (True, False)
    }
    for segment in ("all", "country=France", "category=home > mug"):
        for there in (True, False):
            ours, theirs = (found[is_ours, there].loc[segment].tolist() for is_ours in (True, False))
            assert (ours == theirs) == (segment == "country=France")
    assert list(found[True, True].loc["country=France"]) != list(found[True, False].loc["country=France"])


def test_those_abroad_see_what_others_abroad_buy(items, segments):
    french = segments[segments["value"] == "France"].copy()
    favourite = items["item_id"].iloc[-1]
    french.loc[french["item_id"] == favourite, "weight"] = 1e6
    if favourite not in set(french["item_id"]):
        french = pd.concat([french, french.iloc[:1].assign(item_id=favourite, weight=1e6)])
    found = segment_lists(items, pd.concat([segments[segments["value"] != "France"], french]), is_ours=True)
    first = found[(found["segment"] == "country=France") & (found["rank"] == 1)].iloc[0]
    assert first["item_id"] == favourite and "France" in first["reason"]


def test_what_may_not_be_shown_is_not(items, segments):
    top = segment_lists(items, segments, True).query("segment == 'all'")["item_id"].tolist()
    barred = items.copy()
    barred.loc[barred["item_id"] == top[0], "is_active"] = False
    barred.loc[barred["item_id"] == top[1], "on_hand"] = 0.0
    barred.loc[barred["item_id"] == top[2], "sold_in"] = "France"
    found = segment_lists(barred, segments, True, NewcomerParams(home_country="Britain"))
    assert not set(top[:2]) & set(found["item_id"])
    assert set(found.loc[found["item_id"] == top[2], "segment"]) <= {"country=France"}


@pytest.mark.parametrize("is_ours", [True, False])
def test_the_one_list_is_that_of_the_segment_all(items, segments, is_ours):
    every = segment_lists(items, segments, is_ours)
    pd.testing.assert_frame_equal(one_list(items, is_ours), every[every["segment"] == "all"].reset_index(drop=True))


def test_draws_without_chance_are_the_list_for_all(items, segments):
    every = segment_lists(items, segments.iloc[:0], is_ours=True)
    everyone = every[every["segment"] == "all"].drop(columns="segment")
    found = draw_lists(items, True, Exploration(0.0, "salt", AS_OF))
    assert list(found["segment"].unique()) == [f"draw={number}" for number in range(10)]
    for _, places in found.groupby("segment"):
        pd.testing.assert_frame_equal(places.drop(columns="segment").reset_index(drop=True), everyone)


def test_draws_come_as_often_as_their_propensities_say(items):
    """Every item at every exploring place, over 10,000 draws: bounds of 4.5 sigma."""
    score, count = newcomer_score(items), 10_000
    found = drawn(items, score, score > 0, Exploration(0.1, "salt", AS_OF), NewcomerParams(draws=count))
    item, draw = found.at % len(items), found.at // len(items)
    every = pd.DataFrame({"rank": found.rank, "item": item, "propensity": found.propensity, "draw": draw})
    counts = every.groupby(["rank", "item"])["propensity"].agg(["size", "min", "max"])
    odds = counts["min"]
    assert np.allclose(odds, counts["max"], rtol=1e-12)
    assert (np.abs(counts["size"] - count * odds) <= 4.5 * np.sqrt(count * odds * (1 - odds))).all()
    assert np.allclose(odds.groupby("rank").sum(), 1)
    assert sorted(every.loc[every["propensity"] < 1, "rank"].unique()) == list(range(4, 21, 2))
    assert not every.duplicated(["draw", "item"]).any()
    best = np.lexsort((np.arange(len(items)), -score))[:20]
    assert set(every.loc[~found.is_explored, "item"]) == set(best) and not set(item[found.is_explored]) & set(best)


def test_draws_show_new_items_never_what_is_barred_and_say_why(items):
    changed = items.copy()
    changed["listed_age"] = np.nan
    changed.loc[5, ["first_age", "customers_28d", "first_basket_decayed_14d", "decayed_14d", "listed_age"]] = (
        np.nan, 0, 0, 0, 3,
    )  # fmt: skip
    changed.loc[6:40, "is_restricted"] = True
    found = pd.concat([draw_lists(changed, True, Exploration(0.5, str(salt), AS_OF)) for salt in range(20)])
    said = found.loc[found["item_id"] == changed["item_id"][5]]
    assert len(said) and set(said["reason"]) == {"New here: listed 3 days ago"}
    assert not set(found["item_id"]) & set(changed["item_id"][6:41])
    other = found[(found["source"] == "exploration") & (found["item_id"] != changed["item_id"][5])]
    assert other["reason"].str.match(r"Something different: (bought by [1-9o]|last sold)|New here: first sold").all()


def test_segments_from_the_tables(spark):
    pairs = spark.createDataFrame(
        [("a", "x", 1, 0.5), ("b", "x", 2, 1.0), ("b", "y", 0, 0.0), ("c", "y", 1, 0.25)],
        "customer_id string, item_id string, orders long, decayed_90d double",
    )
    who = spark.createDataFrame(
        [("a", "France", None, 1), ("b", "France", "web", 2), ("c", "Spain", None, 1), ("d", "Spain", "web", 0)],
        "customer_id string, country string, channel string, orders long",
    )
    found = segment_popularity(pairs, who)
    assert [tuple(row) for row in found.itertuples(index=False)] == [
        ("channel", "web", "x", 1.0, 1),
        ("country", "France", "x", 1.5, 2),
        ("country", "Spain", "y", 0.25, 1),
    ]


def test_who_browsed_a_category_sees_the_most_bought_of_it(items, segments):
    found = segment_lists(items, segments, is_ours=True)
    mugs = found[found["segment"] == "category=home > mug"]
    category = items.set_index("item_id")["category"]
    assert set(category[mugs["item_id"]]) == {"home > mug"} and (mugs["source"] == "popular in the category").all()
    assert mugs["reason"].str.contains("of mug: ").all() and mugs["score"].is_monotonic_decreasing
    # Few items, or none that may be shown, are no list.
    rare = items.assign(category=np.where(np.arange(len(items)) < 4, "rare > thing", items["category"]))
    assert not segment_lists(rare, segments, True)["segment"].str.contains("rare").any()
    gone = items.assign(is_active=items["category"] != "home > mug")
    assert "category=home > mug" not in set(segment_lists(gone, segments, True)["segment"])


def test_the_season_has_a_list_once_there_was_one_before(items, segments):
    assert "season=now" not in set(segment_lists(items, segments, True)["segment"])
    last = items["item_id"].iloc[-1]
    sold = items.assign(orders_season=np.where(items["item_id"] == last, 12.0, 0.0))
    found = segment_lists(sold, segments, is_ours=True).query("segment == 'season=now'")
    first = found.iloc[0]
    assert (first["item_id"], first["source"]) == (last, "seasonal") and "12 times in these weeks last year" in first[
        "reason"
    ]
    assert len(found) == 20 and set(found["source"].iloc[1:]) <= {"popular", "first baskets"}


GUESTS = dict.fromkeys(("customers_28d", "customers_all", "first_basket_decayed_14d", "decayed_14d"), 0.0)


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_shop_of_guests_has_lists_by_their_orders(items, segments, is_ours):
    guests = items.assign(**GUESTS, first_basket_28d=0.0)
    found = segment_lists(guests, segments.iloc[:0], is_ours)
    best = guests.sort_values(["orders_28d", "last_age", "item_id"], ascending=[False, True, True])
    assert list(found.loc[found["segment"] == "all", "item_id"]) == list(best["item_id"].head(20))
    assert found["reason"].str.match(r"Ordered (once|[0-9]+ times)|Among the most bought of \w+: (ordered|last)").all()
    assert len(found[found["segment"] == "category=home > mug"]) == 20


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_shop_that_sold_nothing_of_late_has_lists_by_all_time(items, segments, is_ours):
    lately = ("customers_28d", "orders_28d", "first_basket_28d", "first_basket_decayed_14d", "decayed_14d")
    quiet = items.assign(**dict.fromkeys(lately, 0.0), last_age=items["last_age"] + 40)
    found = segment_lists(quiet, segments.iloc[:0], is_ours).query("segment == 'all'")
    best = quiet.sort_values(["customers_all", "last_age", "item_id"], ascending=[False, True, True])
    assert list(found["item_id"]) == list(best["item_id"].head(20))
    assert found["reason"].str.match(r"Bought by [1-9]\d* customers so far").all()


def test_a_small_countrys_list_goes_on_with_what_all_buy(items, segments):
    few = pd.concat([segments[segments["value"] != "France"], segments[segments["value"] == "France"].head(3)])
    found = segment_lists(items, few, is_ours=False).query("segment == 'country=France'")
    assert len(found) == 20 and set(found["item_id"].head(3)) == set(few["item_id"].tail(3))


def test_what_never_sold_is_on_no_plain_list(items, segments):
    unsold = items.assign(last_age=np.where(np.arange(len(items)) < 80, np.nan, 5.0), **GUESTS, orders_28d=0.0)
    assert len(segment_lists(unsold, segments.iloc[:0], True).query("segment == 'all'")) == 10


def test_a_long_category_is_cut_in_the_sentence_that_names_it(items, segments):
    found = segment_lists(items.assign(category="home > " + "z" * 370), segments, is_ours=True)
    told = found.loc[found["segment"].str.contains("zzz"), "reason"]
    assert len(told) == 20 and told.str.contains("of " + "z" * 119 + "…: ").all()


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_catalogue_sold_in_named_countries_has_a_list_for_all_of_what_is_sold_at_home(items, segments, is_ours):
    number = np.arange(len(items))
    named = items.assign(sold_in=np.where(number % 3 == 0, "AT CH", "DE AT CH"), orders_season=1.0)
    at_home = NewcomerParams(home_country="DE")
    found = segment_lists(named, segments.assign(kind="channel"), is_ours, at_home)
    names = {"all", "season=now", "channel=Britain", "channel=France", "category=home"}
    assert names | {f"category=home > {kind}" for kind in small_shop.KINDS} == set(found["segment"])
    shown = pd.concat([found, draw_lists(named, is_ours, Exploration(0.5, "salt", AS_OF), at_home)])
    assert set(shown["item_id"]) <= set(named.loc[number % 3 > 0, "item_id"]) and (shown["rank"].max() == 20)
    assert len(one_list(named, is_ours, at_home)) == 20
    # A store that names no country of its own has that list too.
    nowhere = one_list(named, is_ours)
    assert len(nowhere) == 20 and not set(nowhere["item_id"]) <= set(named.loc[number % 3 > 0, "item_id"])


def test_draws_leave_what_was_listed_long_ago_and_never_sold(items):
    """In a small catalogue the places next to the list would reach it."""
    unsold = np.arange(len(items)) >= 40
    changed = items.assign(listed_age=np.where(unsold, 812.0, np.nan))
    sales = [name for name in items.select_dtypes(float) if name not in ("on_hand", "price")]
    changed.loc[unsold, sales] = 0.0
    changed.loc[unsold, ["first_age", "last_age"]] = np.nan
    changed.loc[80, "listed_age"] = 3.0
    found = pd.concat([draw_lists(changed, True, Exploration(0.5, str(salt), AS_OF)) for salt in range(20)])
    shown = set(found.loc[found["source"] == "exploration", "item_id"])
    assert shown & set(items["item_id"][unsold]) == {items["item_id"][80]} and shown & set(items["item_id"][~unsold])


def test_what_sold_in_weeks_of_a_place_is_not_told_in_orders(items, segments):
    weeks = items.assign(**GUESTS, first_basket_28d=0.0, orders_season=5.0)
    found = segment_lists(weeks, segments.iloc[:0], True, NewcomerParams(is_weekly=True))
    assert not found["reason"].str.contains("rdered").any()
    units = items.set_index("item_id")["units_28d"]
    for place in found[found["segment"] == "all"].itertuples():
        pieces = units[place.item_id]
        assert place.reason in (f"Sold {pieces:.0f} times in the last 28 days", "Sold once in the last 28 days")


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_product_has_one_place_in_lists_and_draws(items, segments, is_ours):
    sized = items.assign(parent_item_id=[f"p{n // 3}" for n in range(len(items))], listed_age=np.nan)
    every = segment_lists(sized, segments, is_ours)
    draws = pd.concat([draw_lists(sized, is_ours, Exploration(0.25, str(salt), AS_OF)) for salt in range(5)])
    for found in (every, *(part for _, part in draws.groupby(draws["rank"].eq(1).cumsum()))):
        product = found["item_id"].str[1:].astype(int) // 3
        assert not found.assign(product=product).duplicated(["segment", "product"]).any()
    score = newcomer_score(sized)
    best = sized.assign(score=score, product=np.arange(len(items)) // 3).sort_values("score", ascending=False)
    ours = segment_lists(sized, segments, True)
    assert list(ours.loc[ours["segment"] == "all", "item_id"]) == list(
        best.drop_duplicates("product")["item_id"].head(20)
    )
    assert (draws["propensity"] < 1).any()
