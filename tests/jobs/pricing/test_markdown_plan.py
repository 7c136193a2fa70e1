"""What sold since the model was fitted, as the plans want it: week by week, at the price that was paid."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from pyspark.sql import SparkSession

from jobs.pricing.markdown_plan import _sold_since
from jobs.pricing.panel import panel
from tests.jobs.pricing.small_pricing import NIGHT, table

FITTED = date(2026, 3, 15)  # a Sunday: two weeks are over since
FIRST, SECOND = date(2026, 3, 16), date(2026, 3, 23)
BEFORE = date(2026, 3, 2)
SOLD = [
    (BEFORE, "pan", 100), (FIRST, "pan", 3), (SECOND, "pan", 4), (NIGHT, "pan", 50),
    (BEFORE, "unsold", 9), (BEFORE, "empty", 9), (FIRST, "empty", 5), (SECOND, "empty", 6),
    (BEFORE, "shown", 9), (FIRST, "shown", 80), (BEFORE, "gone", 9), (FIRST, "gone", 9),
]  # fmt: skip


def line(number: int, day: date, item: str, units: int, **more: object) -> dict[str, Any]:
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    usual = {"order_id": str(number), "line_number": 1, "ordered_at": at, "order_date": day, "item_id": item}
    return {**usual, "units": units, "price": 9.0, "is_product": True, "known_day": day, **more}


def test_whole_weeks_since_the_fit_count_at_their_price_unless_they_tell_nothing(spark: SparkSession) -> None:
    lines = [line(number, *sold) for number, sold in enumerate(SOLD)]
    lines.append(line(97, SECOND, "pan", 7, is_test=True))
    lines.append(line(98, SECOND, "pan", 500, customer_id="firm"))
    names = ("pan", "unsold", "empty", "shown", "gone")
    listed = [{"item_id": name, "valid_from": BEFORE, "price": 12.0, "known_day": BEFORE} for name in names]
    listed.append({"item_id": "pan", "valid_from": SECOND, "price": 9.0, "known_day": SECOND})
    shown = {"promotion_id": "P", "item_id": "shown", "starts_on": FIRST, "ends_on": FIRST, "is_featured": True}
    counts = [(FIRST, 0.0), (FIRST + timedelta(days=1), 7.0)]
    stock = [{"item_id": "empty", "location_id": "all", "on_hand": held, "known_day": day} for day, held in counts]
    agreed = {"customer_id": "firm", "item_id": "pan", "valid_from": BEFORE, "price": 9.0, "known_day": BEFORE}
    weeks = panel(
        table(spark, "validated.order_lines", lines),
        table(spark, "validated.items", [{"item_id": name, "known_day": BEFORE} for name in names]),
        table(spark, "validated.prices", listed),
        table(spark, "validated.promotions", [{**shown, "known_day": BEFORE}]),
        table(spark, "validated.stock_levels", stock),
        table(spark, "validated.competitor_prices", []),
        table(spark, "validated.contract_prices", [agreed]),
        NIGHT - timedelta(days=2),
    )
    facts = [{"item_id": name, "is_active": True, "on_hand": 60.0 * (name != "gone"), "as_of": NIGHT} for name in names]
    found = _sold_since(weeks, table(spark, "features.item", facts), FITTED)
    assert [tuple(row) for row in found.drop(columns="week").itertuples(index=False)] == [
        ("empty", 12.0, 6.0), ("pan", 12.0, 3.0), ("pan", 9.0, 4.0), ("shown", 12.0, 0.0),
        # Nobody bought it: that it did not sell is known, and not that nothing is known of it.
        ("unsold", 12.0, 0.0), ("unsold", 12.0, 0.0),
    ]  # fmt: skip
