"""Lists for newcomers: a segment's own popularity shows, what may not be shown does not."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from jobs.recommendations.for_newcomer import newcomer_score, segment_lists, segment_popularity

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
    assert set(found["segment"]) == {"all", "country=Britain", "country=France"}
    for _, places in found.groupby("segment"):
        assert list(places["rank"]) == list(range(1, 21)) and places["item_id"].is_unique
    assert (segment_lists(items, segments.iloc[:0], True)["segment"] == "all").all()


def test_all_follows_its_score_and_popularity_where_that_won(items, segments):
    ours = segment_lists(items, segments, is_ours=True)
    best = items.assign(score=newcomer_score(items)).sort_values(["score", "item_id"], ascending=[False, True])
    assert list(ours.loc[ours["segment"] == "all", "item_id"]) == list(best["item_id"].head(20))
    theirs = segment_lists(items, segments, is_ours=False)
    popular = items.sort_values(["customers_28d", "item_id"], ascending=[False, True])
    assert list(theirs.loc[theirs["segment"] == "all", "item_id"]) == list(popular["item_id"].head(20))


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
    found = segment_lists(barred, segments, True)
    assert not set(top[:2]) & set(found["item_id"])
    assert set(found.loc[found["item_id"] == top[2], "segment"]) <= {"country=France"}


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
