"""Views, carts and orders of an item in a week, kept for ever when the session's detail is gone.

A row is a partial: what became known of the week on one day, corrections as negative amounts; the week is their sum.
"""

from __future__ import annotations

from pyspark.sql import DataFrame

from jobs.features.weekly import LOOKS, weekly


def item_weekly(order_lines_changes: DataFrame, events_changes: DataFrame) -> DataFrame:
    """One row per item, week (its Monday) and day on which this part of it became known."""
    return weekly(order_lines_changes, events_changes, ["item_id"], [*LOOKS, "impression"])
