"""``python -m jobs store --through DAY``: lets the simulated store of a home deliver what is missing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from pyspark.sql import SparkSession

from jobs.store.delivery import deliver, world_of
from jobs.store.lists import Reader
from jobs.store.world import WorldParams


def run(
    home: Path,
    publish_root: str | None,
    through: date,
    first: date | None = None,
    params: WorldParams | None = None,
    spark: Callable[[], SparkSession] | None = None,
    read: Reader | None = None,
    progress: Callable[[str], None] = print,
) -> list[date]:
    """Delivers the days up to ``through`` into ``<home>/stores/simulated`` and returns those that were new.

    A world that is there goes on with its own parameters; a new one begins on ``first``, or so that ``through`` is the
    last day of its history. ``read`` reads published objects where ``publish_root`` is no folder.
    """
    folder = home / "stores" / "simulated"
    there = world_of(folder / "truth")
    chosen = params or (there[0] if there else WorldParams())
    start = there[1] if there else first or through - timedelta(days=chosen.history_days - 1)
    return deliver(folder, publish_root, chosen, start, through, progress, spark, read)
