"""Pairing of cancellations with their orders, test orders, and orders sent twice."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from pyspark.sql import functions as F

from jobs.lib import contracts
from jobs.validated.order_lines import order_lines, sent_twice


@pytest.fixture
def lines(spark):
    """Frames of lines given as (order, day, units, what is said otherwise)."""
    schema = contracts.load("validated.order_lines").schema()

    def made(*rows):
        full = []
        for order, day, units, *other in rows:
            facts = dict.fromkeys(schema.fieldNames())
            facts |= {
                "order_id": order,
                "line_number": 1,
                "ordered_at": datetime(2026, 1, day, 10),
                "order_date": date(2026, 1, day),
                "customer_id": "c",
                "item_id": "A",
                "units": units,
                "price": 1.0,
                "currency": "GBP",
                "is_cancellation": order.startswith("C"),
                "is_product": True,
                "is_test": False,
                "known_day": date(2026, 1, day),
                "_file": f"{day}.csv",
                "_file_version": 1,
                "_row": 1,
            }
            facts |= other[0] if other else {}
            full.append(tuple(facts[name] for name in schema.fieldNames()))
        return spark.createDataFrame(full, schema).withColumn("_until", F.lit(None).cast("date"))

    return made


def pairs(frame):
    return {row["order_id"]: row["cancels_order_id"] for row in frame.where("is_cancellation").collect()}


def test_a_cancellation_takes_back_the_latest_order_with_units_enough(lines):
    new = lines(
        ("1", 1, 10),
        ("2", 2, 12),
        ("3", 3, 2),
        ("C4", 4, 6),  # 3 has too few: the latest that fits is 2
        ("C5", 5, 8),  # 2 has 6 left: 1
        ("C6", 6, 6),  # the rest of 2
        ("C7", 7, 6),  # nothing is left with so many
        ("8", 8, 50),  # comes after: never
        ("C9", 9, 1, {"customer_id": "other"}),
        ("C10", 10, 1, {"customer_id": None}),
    )
    done = order_lines(new, lines())
    assert pairs(done) == {"C4": "2", "C5": "1", "C6": "2", "C7": None, "C9": None, "C10": None}
    assert done.count() == new.count()


def test_nights_one_by_one_pair_as_one_batch_does(lines):
    rows = [("1", 1, 5), ("2", 2, 5), ("C3", 3, 4), ("C4", 4, 4)]
    whole = pairs(order_lines(lines(*rows), lines()))
    past = lines()
    single = {}
    for row in rows:
        night = order_lines(lines(row), past)
        single |= pairs(night)
        past = past.unionByName(night).localCheckpoint()
    assert single == whole == {"C3": "2", "C4": "1"}


def test_orders_of_a_test_item_are_marked_and_what_the_mapping_says_stays(lines):
    done = order_lines(lines(("1", 1, 1, {"item_id": "TEST 01"}), ("2", 1, 1, {"is_test": True}), ("3", 1, 1)), lines())
    assert {row["order_id"]: row["is_test"] for row in done.collect()} == {"1": True, "2": True, "3": False}


def test_an_order_is_sent_twice_when_another_file_has_the_same_lines_in_any_order(lines):
    new = lines(
        ("1", 1, 2, {"line_number": 1}),
        ("1", 1, 3, {"line_number": 2}),
        ("1", 1, 3, {"line_number": 8, "_file": "b.csv", "known_day": date(2026, 1, 2)}),
        ("1", 1, 2, {"line_number": 9, "_file": "b.csv", "known_day": date(2026, 1, 2)}),
        ("2", 1, 2),
        ("2", 1, 4, {"line_number": 2, "_file": "b.csv", "known_day": date(2026, 1, 2)}),
        ("3", 1, 2, {"_file": "c.csv", "known_day": date(2026, 1, 3)}),
    )
    twice = sent_twice(new, lines(("3", 1, 2)))
    assert sorted((row["order_id"], row["_file"]) for row in twice.collect()) == [("1", "b.csv"), ("3", "c.csv")]
