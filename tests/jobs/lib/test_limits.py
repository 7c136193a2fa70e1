"""The limits of the house as checks whose bounds the night brings."""

from datetime import date

import pandas as pd
from pyspark.sql import DataFrame, SparkSession

from jobs.lib import contracts, frames, limits, quality

LINES = contracts.load("validated.order_lines")
ITEMS = contracts.load("validated.items")


def broken_by(frame: DataFrame, *extra: object) -> list[str]:
    return [one.rule for one in quality.check(frame, LINES, False, [one for one in extra if one]) if one.is_broken]  # type: ignore[misc]


def lines(spark: SparkSession, rows: int = 100, **columns: object) -> DataFrame:
    frame: pd.DataFrame = frames.random_frame(LINES, rows, seed=2).assign(**columns)
    return spark.createDataFrame(frame, LINES.schema())


def test_a_tenth_of_the_usual_rows_is_too_few_and_a_third_is_not(spark: SparkSession) -> None:
    frame = lines(spark)
    assert broken_by(frame, limits.volume(LINES, [1000, 900, 1100, 50_000])) == ["volume"]
    assert broken_by(frame, limits.volume(LINES, [300, 310])) == []
    assert broken_by(frame, limits.volume(LINES, [2, 3, 4])) == ["volume"]


def test_nothing_to_compare_with_is_no_check() -> None:
    assert limits.volume(LINES, []) is None
    assert limits.volume(ITEMS, [5]) is None
    assert limits.freshness(ITEMS, date(2026, 2, 1)) is None
    assert limits.quarantined_share(LINES, 0) is None


def test_old_news_is_not_fresh(spark: SparkSession) -> None:
    frame = lines(spark, order_date=date(2026, 1, 29))
    assert broken_by(frame, limits.freshness(LINES, date(2026, 1, 31))) == []
    assert broken_by(frame, limits.freshness(LINES, date(2026, 2, 1))) == ["freshness"]


def test_five_in_a_hundred_may_be_quarantined_and_six_not(spark: SparkSession) -> None:
    assert broken_by(lines(spark, 95), limits.quarantined_share(LINES, 100)) == []
    assert broken_by(lines(spark, 94), limits.quarantined_share(LINES, 100)) == ["quarantined_share"]


def test_references_count_the_values_that_no_key_has(spark: SparkSession) -> None:
    frame = lines(spark, 40, item_id=[f"item{number}" for number in range(40)])
    for known, is_broken in ((36, False), (35, True)):
        items = spark.createDataFrame([(f"item{number}",) for number in range(known)], "item_id string")
        flagged, checks = limits.references(frame, LINES, {"validated.items": items.union(items)})
        assert flagged.count() == 40
        result = quality.check(flagged, LINES, False, checks)[-1]
        assert (result.rule, result.column, result.broken, result.is_broken) == (
            "references",
            "item_id",
            40 - known,
            is_broken,
        )


def test_a_table_that_the_store_lacks_is_not_referred_to(spark: SparkSession) -> None:
    frame = lines(spark, 10)
    same, checks = limits.references(frame, LINES, {})
    assert same is frame and checks == ()
