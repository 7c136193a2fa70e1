"""What sold since the model was fitted, as the plans want it: learnable sales alone, in weeks of their own length."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pyspark.sql import SparkSession

from jobs.pricing.markdown_plan import _sold_since
from tests.jobs.pricing.small_pricing import NIGHT, table


def test_only_sales_after_the_fit_and_by_the_night_count(spark: SparkSession) -> None:
    fitted = NIGHT - timedelta(days=14)

    def line(number: int, back: int, units: int, **more: object) -> dict:
        day = NIGHT - timedelta(days=back)
        usual = {
            "order_id": str(number),
            "line_number": 1,
            "ordered_at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
            "order_date": day,
            "item_id": "pan",
        }
        return {**usual, "units": units, "price": 9.0, "is_product": True, "known_day": day, **more}

    lines = [line(1, 14, 100), line(2, 13, 3), line(3, 0, 4), line(4, -1, 50), line(5, 2, 7, is_test=True)]
    lines.append(line(6, 1, 5, item_id="pot"))
    stocked = [
        {"item_id": name, "is_active": True, "on_hand": 60.0, "as_of": NIGHT} for name in ("pan", "pot", "unsold")
    ]
    item = table(
        spark, "features.item", [*stocked, {"item_id": "none left", "is_active": True, "on_hand": 0.0, "as_of": NIGHT}]
    )
    told = _sold_since(item, table(spark, "validated.order_lines", lines), fitted, NIGHT).set_index("item_id")
    # Nobody bought the third: that it did not sell is known, and not that nothing is known of it.
    assert told["units"].to_dict() == {"pan": 7.0, "pot": 5.0, "unsold": 0.0} and (told["weeks"] == 2).all()
