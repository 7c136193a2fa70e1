"""Through Spark: frames for the blocks, labels, and the lists that are not a customer's."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pandas as pd
from pyspark.sql import functions as F

from jobs.recommendations import frames
from jobs.recommendations.for_newcomer import for_newcomer
from jobs.recommendations.related_items import related_items

from . import small_shop
from .conftest import AS_OF, STORE, fitted, kept


def test_pairs_carry_ages_and_only_customers_who_allow_it(tables):
    refused = tables["customer"].withColumn("is_personal_allowed", F.col("country") != "France")
    found = frames.pair_rows(tables["customer_item"], refused, AS_OF).toPandas()
    expected = small_shop.pair_frame(small_shop.orders(), AS_OF).query("country != 'France'")
    found = found.sort_values(["customer_id", "item_id"]).reset_index(drop=True)
    shared = [c for c in expected.columns if c in found.columns]
    assert set(expected.columns) == set(found.columns)
    expected = expected[shared].reset_index(drop=True)
    pd.testing.assert_frame_equal(found[shared], expected, check_dtype=False)


def test_samples_are_bounded_and_the_same_in_any_order(tables):
    pairs = frames.pair_rows(tables["customer_item"], tables["customer"], AS_OF)
    some = frames.sampled(pairs, customers=10)
    assert some["customer_id"].nunique() == 10
    again = frames.sampled(pairs.orderBy(F.desc("units")).repartition(3), customers=10)
    pd.testing.assert_frame_equal(some, again)
    outside = sorted(set(small_shop.pair_frame(small_shop.orders(), AS_OF)["customer_id"]) - set(some["customer_id"]))
    who = [outside[0], some["customer_id"].iloc[0], "nobody"]
    both, theirs = frames.sampled_and_of(pairs, who, customers=10)
    pd.testing.assert_frame_equal(both, some)
    assert set(theirs["customer_id"]) == set(who[:2])
    assert len(theirs) == pairs.where(F.col("customer_id").isin(who)).count()


def test_samples_of_long_histories_have_fewer_customers(tables, monkeypatch):
    pairs = frames.pair_rows(tables["customer_item"], tables["customer"], AS_OF)
    whole = frames.sampled(pairs)
    monkeypatch.setattr(frames, "SAMPLE_PAIRS", 300)
    some = frames.sampled(pairs)
    assert 200 < len(some) <= 300 and whole.merge(some[["customer_id"]].drop_duplicates()).equals(some)
    monkeypatch.setattr(frames, "SAMPLE_PAIRS", 1)
    assert frames.sampled(pairs)["customer_id"].nunique() <= 1


def test_labels_begin_the_day_after_the_cut_and_end_28_days_later(spark):
    days = {"before": 0, "first": 1, "last": 28, "after": 29}
    rows = [("c", item, AS_OF + timedelta(days=n), "o", 1) for item, n in days.items()]
    rows += [(None, "guest", AS_OF + timedelta(days=2), "o", 1), ("c", "first", AS_OF + timedelta(days=3), "p", 1)]
    schema = "customer_id string, item_id string, order_date date, order_id string, units int"
    lines = fitted(spark.createDataFrame(rows, schema).withColumn("is_product", F.lit(True)), "validated.order_lines")
    assert list(frames.labels(lines, AS_OF, 100)["item_id"]) == ["first", "last"]
    cancelled = lines.withColumn("is_cancellation", F.lit(True))
    for barred in (cancelled, lines.withColumn("is_test", F.lit(True)), lines.withColumn("is_product", F.lit(False))):
        assert not len(frames.labels(barred, AS_OF, 100))


def test_who_ordered_is_asked_of_all_with_and_without_consent(tables):
    known = tables["customer_item"].select("customer_id").distinct().limit(2).collect()
    who = sorted(row["customer_id"] for row in known)
    looked = tables["customer_item"].withColumn(
        "orders", F.when(F.col("customer_id") == who[0], F.lit(0)).otherwise(F.col("orders"))
    )
    assert frames.who_ordered(looked, [*who, "nobody"]) == {who[1]}
    assert frames.who_ordered(looked, []) == set()


def test_a_cart_counts_above_a_view_from_the_day_after_the_cut_on(spark):
    rows = [("c", "i", "view", 1), ("c", "i", "cart", 2), ("c", "i", "view", 3), ("c", "j", "view", 28)]
    rows += [("c", "before", "cart", 0), ("c", "after", "cart", 29), ("c", "k", "purchase", 2), ("d", "i", "cart", 2)]
    rows = [(*row[:3], AS_OF + timedelta(days=row[3])) for row in rows] + [(None, "i", "view", AS_OF)]
    schema = "customer_id string, item_id string, event_type string, event_date date"
    events = fitted(spark.createDataFrame(rows, schema), "validated.events")
    found = frames.looked_at(events, AS_OF, ["c", "nobody"])
    assert found.to_numpy().tolist() == [["c", "i", 2], ["c", "j", 1]]
    assert not len(frames.looked_at(events.withColumn("is_bot", F.lit(True)), AS_OF, ["c"]))


def test_newcomers_and_related_items_keep_their_contracts(tables, champion, home):
    inputs = {name: tables[name] for name in ("customer_item", "item", "customer")}
    lists = for_newcomer(**inputs, as_of=AS_OF, store=STORE, champion=champion, settings=home)
    draws = {f"draw={number}" for number in range(10)}
    categories = {"category=home", *(f"category=home > {kind}" for kind in small_shop.KINDS)}
    assert {"all", "country=Britain", "country=France"} | draws | categories == set(
        kept(lists.toPandas(), "recommendations.for_newcomer")["segment"]
    )
    beside = related_items(
        **inputs, order_lines=tables["order_lines"], as_of=AS_OF, store=STORE, champion=champion, settings=home
    ).toPandas()
    assert set(kept(beside, "recommendations.related_items")["relation"]) == {"similar", "bought_together"}


def test_a_weekly_store_has_similar_items_and_nothing_bought_together(tables, champion, home):
    """An order of it is a place's week, with all that sold there."""
    inputs = {name: tables[name] for name in ("customer_item", "item", "customer", "order_lines")}
    weekly = SimpleNamespace(country="US", period="week", mappings=STORE.mappings)
    beside = related_items(**inputs, as_of=AS_OF, store=weekly, champion=champion, settings=home).toPandas()
    assert set(kept(beside, "recommendations.related_items")["relation"]) == {"similar"}
