"""What items are called, for people who read a report."""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import functions as F

from jobs.lib.stages import Night


def titles(night: Night, items: Iterable[str]) -> dict[str, str]:
    """Item → its title, its id where it has none; of a few items, without those that are not known."""
    if not night.tables.exists("features.item"):
        return {}
    known = night.tables.read("features.item", night.as_of).where(F.col("item_id").isin(sorted(set(items))))
    return {row["item_id"]: row["title"] or row["item_id"] for row in known.select("item_id", "title").collect()}
