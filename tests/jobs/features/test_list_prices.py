"""List prices from all that was ever said of them: what was planned, until when, and nothing of items without plans."""

from __future__ import annotations

from datetime import date

from pyspark.sql import SparkSession

from jobs.features.list_prices import list_prices
from jobs.landed.files import BEGINNING
from tests.jobs.features.conftest import frame


def march(number: int) -> date:
    return date(2026, 3, number)


def said(known: int, begins: int, price: float, gone: bool = False, row: int = 1, item: str = "pen") -> dict:
    return {
        "item_id": item, "valid_from": march(begins), "price": price, "is_deleted": gone, "known_day": march(known),
        "currency": "EUR", "_row": row,
    }  # fmt: skip


def spans(spark: SparkSession, *rows: dict) -> list[tuple]:
    """(item, first day, price, known from, known until), days as numbers."""
    of = [
        (row["item_id"], row["valid_from"], row["price"], row["known_from"], row["known_until"])
        for row in list_prices(frame(spark, "prices", list(rows))).collect()
    ]
    return sorted((item, first.day, price, known.day, until and until.day) for item, first, price, known, until in of)


def test_what_was_said_of_a_price_stands_until_it_is_changed_or_taken_back(spark):
    found = spans(
        spark,
        said(2, 1, 10.0),
        # A plan, another one in its place, the same said again, and none any more.
        *(said(3, 20, 8.0), said(5, 20, 7.0), said(6, 20, 7.0), said(9, 20, 7.0, gone=True)),
        # Two files of one day: the later counts.
        *(said(4, 25, 12.0, row=1), said(4, 25, 11.0, row=2)),
        # An item that never told a price before it began, and one that took its only plan back before any night.
        *(said(3, 3, 5.0, item="ink"), said(9, 7, 6.0, item="ink")),
        *(said(3, 9, 5.0, item="mug"), said(3, 9, 5.0, gone=True, row=2, item="mug")),
        # A bulk snapshot without history.
        *({**said(1, begins, price, item="cup"), "known_day": BEGINNING} for begins, price in ((1, 5.0), (20, 4.0))),
    )
    pen = [("pen", 1, 10.0, 2, None), ("pen", 20, 7.0, 5, 9), ("pen", 20, 8.0, 3, 5), ("pen", 25, 11.0, 4, None)]
    assert found == pen
