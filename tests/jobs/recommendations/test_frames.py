"""Through Spark: frames for the blocks, lists that no number of partitions changes, tables that keep contracts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.lib import contracts
from jobs.lib.registry import Champion
from jobs.recommendations import frames, gates
from jobs.recommendations.for_customer import for_customer
from jobs.recommendations.for_newcomer import for_newcomer
from jobs.recommendations.model import Model
from jobs.recommendations.related_items import related_items

from . import small_shop

AS_OF = small_shop.FIRST_DAY + timedelta(days=160)


def day_of(age: str):
    """The day that lies so many days before the as-of day."""
    return F.date_sub(F.lit(AS_OF), F.col(age).cast("int"))


@pytest.fixture(scope="module")
def tables(spark: SparkSession) -> dict[str, DataFrame]:
    """The feature tables as their contracts have them, made from the small shop's frames."""
    lines = small_shop.orders()
    pairs, items = small_shop.pair_frame(lines, AS_OF), small_shop.item_frame(lines, AS_OF)
    rows = spark.createDataFrame(pairs.drop(columns=["viewed_age", "carted_age"]))
    item = spark.createDataFrame(items[[c for c in items if items[c].notna().all()]])
    item = item.withColumns({"first_ordered_on": day_of("first_age"), "last_ordered_on": day_of("last_age")})
    customer = rows.select(
        "customer_id",
        *frames.GROUPS,
        *[F.col(alias).alias(name) for name, alias in frames.CUSTOMER.items()],
        day_of("customer_age").alias("first_ordered_on"),
        day_of("customer_recency").alias("last_ordered_on"),
    ).distinct()
    known = lines[lines["day"] <= AS_OF]
    order_lines = spark.createDataFrame(known.rename(columns={"day": "order_date"}))
    return {
        "customer_item": fitted(
            rows.select(
                *[c for c in rows.columns if not c.startswith("customer_") or c == "customer_id"],
                day_of("first_age").alias("first_ordered_on"),
                day_of("last_age").alias("last_ordered_on"),
            ),
            "features.customer_item",
        ),
        "item": fitted(item, "features.item"),
        "customer": fitted(customer.withColumn("is_personal_allowed", F.lit(True)), "features.customer"),
        "order_lines": fitted(order_lines.withColumn("is_product", F.lit(True)), "validated.order_lines"),
    }


def fitted(frame: DataFrame, name: str) -> DataFrame:
    """The contract's columns, those that the frame lacks as nulls, zeros or false."""
    empty = {"boolean": False, "string": None, "date": None, "timestamp": None}
    columns = []
    for field in contracts.load(name).schema().fields:
        kind = field.dataType.simpleString()
        value = (
            F.col(field.name) if field.name in frame.columns else F.lit(empty.get(kind, None if field.nullable else 0))
        )
        columns.append(value.cast(field.dataType).alias(field.name))
    return frame.select(*columns).cache()


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Champion:
    """Baselines as a champion: what Spark does with blocks does not depend on the model."""
    folder: Path = tmp_path_factory.mktemp("champion")
    Model({}, gates.without_model("short"), {}, str(AS_OF)).save(folder)
    return Champion("recommendations", AS_OF, "0123456789ab", folder, {}, None)


def collected(frame: DataFrame, name: str) -> pd.DataFrame:
    key = [column for column in contracts.load(name).key if column != "as_of"]
    return frame.toPandas().sort_values(key).reset_index(drop=True)


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


def test_lists_do_not_depend_on_partitions_and_keep_their_contracts(tables, champion, home):
    inputs = {name: tables[name] for name in ("customer_item", "item", "customer")}
    settings = replace(home, control_share=0.1)
    found = for_customer(**inputs, as_of=AS_OF, champion=champion, settings=settings)
    lists = collected(found, "recommendations.for_customer")
    inputs["customer_item"] = inputs["customer_item"].orderBy(F.desc("item_id")).repartition(3)
    other = for_customer(**inputs, as_of=AS_OF, champion=champion, settings=replace(settings, shuffle_partitions=3))
    pd.testing.assert_frame_equal(collected(other, "recommendations.for_customer"), lists)
    assert set(lists["variant"]) == {"model", "control"}
    kept(lists, "recommendations.for_customer")


def test_newcomers_and_related_items_keep_their_contracts(tables, champion, home):
    inputs = {name: tables[name] for name in ("customer_item", "item", "customer")}
    lists = for_newcomer(**inputs, as_of=AS_OF, champion=champion, settings=home)
    draws = {f"draw={number}" for number in range(10)}
    assert {"all", "country=Britain", "country=France"} | draws == set(
        kept(lists.toPandas(), "recommendations.for_newcomer")["segment"]
    )
    beside = related_items(
        **inputs, order_lines=tables["order_lines"], as_of=AS_OF, champion=champion, settings=home
    ).toPandas()
    assert set(kept(beside, "recommendations.related_items")["relation"]) == {"similar", "bought_together"}


def kept(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows, after the contract's columns, key and value sets were seen to hold."""
    contract = contracts.load(name)
    names = [field.name for field in contract.schema().fields if field.name != "as_of"]
    assert set(rows.columns) == set(names) and rows[names].notna().all().all()
    assert not rows.duplicated([column for column in contract.key if column != "as_of"]).any()
    for column in contract.columns.values():
        for check in column.checks:
            if "value_set" in check.kwargs:
                assert set(rows[column.name]) <= set(check.kwargs["value_set"])
    return rows
