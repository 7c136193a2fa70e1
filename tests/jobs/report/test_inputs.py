"""Sizes of what came in: where most lie, and what lies far outside."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from pyspark.sql import functions as F

from jobs.lib.stages import Night
from jobs.report import inputs
from tests.jobs.recommendations.conftest import fitted

DAY = date(2011, 10, 31)


class Read:
    """A lake of these validated tables alone."""

    def __init__(self, **frames) -> None:
        self.frames = {f"validated.{name}": frame for name, frame in frames.items()}

    def exists(self, name: str) -> bool:
        return name in self.frames

    def read(self, name: str, as_of: date):
        return self.frames[name]


def read(night: Night, **frames) -> list[dict]:
    return inputs.distributions(replace(night, tables=Read(**frames), as_of=DAY))  # type: ignore[arg-type]


def test_a_histogram_counts_each_line_and_names_the_far_ones(spark, night: Night) -> None:
    rows = [(f"o{n // 3}", f"i{n}", DAY - timedelta(days=n // 3 % 28), 1 + n % 9, 2.5) for n in range(90)]
    rows += [("big", "spike", DAY, 80_000, 2.5), ("past", "old", DAY - timedelta(days=28), 10**6, 2.5)]
    frame = spark.createDataFrame(rows, "order_id string, item_id string, order_date date, units int, price double")
    lines = fitted(frame.withColumn("is_product", F.lit(True)), "validated.order_lines")
    units, price, orders = read(night, order_lines=lines)
    assert units["rows"] == 91 == sum(bar["rows"] for bar in units["bars"]) and len(units["bars"]) == inputs.BINS
    assert units["most"] == pytest.approx(80_000) and units["quartiles"][1] == pytest.approx(5, rel=0.1)
    assert units["outliers"] == 1 and [row["what"] for row in units["examples"]] == ["spike"]
    # One price for all is one bar, and nothing lies far from it.
    assert len(price["bars"]) == 1 and price["bars"][0]["height"] == 1 and price["outliers"] == 0
    assert orders["rows"] == 31 and orders["most"] == pytest.approx(200_000)
    assert [row["what"] for row in orders["examples"]] == ["big"]


def test_stock_and_visits_have_pictures_and_no_visitor_is_named(spark, night: Night) -> None:
    counted = spark.createDataFrame(
        [(f"i{n}", 10.0 + n % 3) for n in range(50)] + [("lost", -4.0)], "item_id string, on_hand double"
    )
    stock = fitted(counted.withColumn("known_day", F.lit(DAY)), "validated.stock_levels")
    seen = [(f"s{n % 20}", DAY, "view", False) for n in range(100)] + [("greedy", DAY, "view", False)] * 900
    seen += [("robot", DAY, "view", True)] * 5000 + [("s1", DAY, "impression", False)] * 50
    events = spark.createDataFrame(seen, "session_id string, event_date date, event_type string, is_bot boolean")
    on_hand, visits = read(night, stock_levels=stock, events=fitted(events, "validated.events"))
    assert (on_hand["rows"], on_hand["of"], on_hand["outliers"]) == (50, "counts", 0)
    assert (visits["rows"], visits["most"], visits["outliers"]) == (21, pytest.approx(900), 1)
    assert visits["examples"] == [{"what": None, "day": str(DAY), "value": 900.0}]


def test_without_lines_there_is_nothing_to_draw(spark, night: Night) -> None:
    assert read(night) == []
    empty = fitted(spark.createDataFrame([], "item_id string, order_date date"), "validated.order_lines")
    assert read(night, order_lines=empty) == []
