"""Campaigns from all that was ever said of them: what ran stays, what was dropped ahead of time does not."""

from __future__ import annotations

from datetime import date

from pyspark.sql import SparkSession

from jobs.features.campaigns import campaigns
from tests.jobs.features.conftest import frame


def march(number: int) -> date:
    return date(2026, 3, number)


def said(known: int, starts: int, ends: int, depth: float = 0.2, gone: bool = False, of: str = "p") -> dict:
    return {
        "promotion_id": of, "item_id": "pen", "starts_on": march(starts), "ends_on": march(ends), "depth": depth,
        "is_deleted": gone, "known_day": march(known),
    }  # fmt: skip


def spans(spark: SparkSession, *rows: dict) -> list[tuple]:
    """(first day, last day, depth, known from, known until), days as numbers."""
    found = campaigns(frame(spark, "promotions", list(rows)))
    of = [
        (row["starts_on"], row["ends_on"], row["depth"], row["known_from"], row["known_until"])
        for row in found.collect()
    ]
    return sorted((a.day, b.day, depth, known.day, until and until.day) for a, b, depth, known, until in of)


def test_a_campaign_that_a_snapshot_dropped_after_its_end_ran(spark):
    assert spans(spark, said(3, 5, 9), said(10, 5, 9, gone=True)) == [(5, 9, 0.2, 3, None)]


def test_one_dropped_before_it_began_never_ran_and_was_expected_until_then(spark):
    assert spans(spark, said(3, 5, 9), said(4, 5, 9, gone=True)) == [(5, 9, 0.2, 3, 4)]


def test_one_that_ended_early_ran_until_then(spark):
    assert spans(spark, said(3, 5, 9), said(7, 5, 9, gone=True)) == [(5, 6, 0.2, 3, None), (7, 9, 0.2, 3, 7)]


def test_a_change_counts_from_its_day_on_and_a_number_may_be_used_again(spark):
    longer = spans(spark, said(3, 5, 9), said(8, 5, 12, 0.4))
    assert longer == [(5, 7, 0.2, 3, None), (5, 12, 0.4, 8, None), (8, 9, 0.2, 3, 8)]
    again = spans(spark, said(3, 5, 9), said(10, 5, 9, gone=True), said(20, 21, 22))
    assert again == [(5, 9, 0.2, 3, None), (21, 22, 0.2, 20, None)]


def test_of_two_files_of_a_day_the_later_counts(spark):
    first, second = {**said(3, 5, 9), "_row": 1}, {**said(3, 6, 9), "_row": 2}
    assert spans(spark, second, first) == [(6, 9, 0.2, 3, None)]
