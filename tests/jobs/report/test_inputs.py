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
    """Tables of which there are these order lines."""

    def __init__(self, frame) -> None:
        self.frame = frame

    def exists(self, name: str) -> bool:
        return self.frame is not None

    def read(self, name: str, as_of: date):
        return self.frame


def test_a_histogram_counts_each_line_and_names_the_far_ones(spark, night: Night) -> None:
    rows = [(f"i{n}", DAY - timedelta(days=n % 28), 1 + n % 9, 2.5) for n in range(90)]
    rows += [("spike", DAY, 80_000, 2.5), ("old", DAY - timedelta(days=28), 10**6, 2.5)]
    frame = spark.createDataFrame(rows, "item_id string, order_date date, units int, price double")
    lines = fitted(frame.withColumn("is_product", F.lit(True)), "validated.order_lines")
    units, price = inputs.distributions(replace(night, tables=Read(lines), as_of=DAY))  # type: ignore[arg-type]
    assert units["lines"] == 91 == sum(bar["lines"] for bar in units["bars"]) and len(units["bars"]) == inputs.BINS
    assert units["most"] == pytest.approx(80_000) and units["quartiles"][1] == pytest.approx(5, rel=0.1)
    assert units["outliers"] == 1 and [row["item_id"] for row in units["examples"]] == ["spike"]
    # One price for all is one bar, and nothing lies far from it.
    assert len(price["bars"]) == 1 and price["bars"][0]["height"] == 1 and price["outliers"] == 0


def test_without_lines_there_is_nothing_to_draw(spark, night: Night) -> None:
    assert inputs.distributions(replace(night, tables=Read(None))) == []  # type: ignore[arg-type]
    empty = fitted(spark.createDataFrame([], "item_id string, order_date date"), "validated.order_lines")
    assert inputs.distributions(replace(night, tables=Read(empty))) == []  # type: ignore[arg-type]
