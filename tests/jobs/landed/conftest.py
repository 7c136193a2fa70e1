"""A shop whose folder receives files, and what landed of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pyspark.sql import Row, SparkSession

from jobs.landed import stage
from jobs.lib import lineage, stages
from jobs.lib.settings import Settings
from jobs.lib.stages import Night

STORE_YML = """\
name: shop
currency: EUR
timezone: Europe/Berlin
landing: {landing}
files:
  orders:
    where: "orders-*"
    format: {format}
    known: {known}
    delivers: events
    ids: [order]
"""
BY_NAME = r"{name: '(\d{4}-\d{2}-\d{2})'}"


@dataclass
class Landing:
    """A store of one source and the nights that land its files."""

    spark: SparkSession
    settings: Settings
    files: Path

    def deliver(self, name: str, content: str | bytes) -> Path:
        """Writes one file as delivered."""
        path = self.files / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def night(self, day: date) -> Night:
        """A night to work on without completing it."""
        return replace(stages.looking("landed", self.settings, day), stage="landed")

    def run(self, day: date, closes: bool = True) -> None:
        """One landed stage, to its completion, and with ``closes`` the word that the day's validation completed too."""
        stages.run("landed", self.settings, day)
        if closes:
            tables = self.night(day).tables
            lineage.complete(tables, "validated", day, [], 0.0, None, datetime.now(UTC), None)

    def rows(self, day: date = date(2026, 2, 2)) -> list[Row]:
        """All that landed, files' own rows among it."""
        landed = self.night(day).tables.read_landed("orders")
        return [] if landed is None else landed.orderBy("_file", "_file_version", "_row").collect()

    def counts(self) -> Counter:
        """Data rows by file and version."""
        return Counter((row["_file"], row["_file_version"]) for row in self.rows() if row["_row"] > 0)

    def own(self) -> dict[tuple[str, int], Row]:
        """The files' own rows by file and version."""
        return {(row["_file"], row["_file_version"]): row for row in self.rows() if row["_row"] == 0}

    def refused(self) -> list[Row]:
        """quarantine.files, in order."""
        table = self.night(date(2026, 2, 2)).tables.raw(stage.QUARANTINE)
        return [] if table is None else table.orderBy("file", "row").collect()

    def closed(self, day: date) -> date | None:
        """The last closed night."""
        return lineage.last_completed(self.night(day).tables, "landed")


@pytest.fixture
def shop(spark: SparkSession, home: Settings, tmp_path: Path) -> Landing:
    """The shop with its landing folder, days in file names."""
    return open_shop(spark, home, tmp_path)


def open_shop(
    spark: SparkSession,
    home: Settings,
    folder: Path,
    landing: str | None = None,
    format: str = "csv",
    known: str = BY_NAME,
) -> Landing:
    """Writes the store's folder."""
    store, files = folder / "shop", folder / "files"
    store.mkdir()
    files.mkdir()
    (store / "store.yml").write_text(STORE_YML.format(landing=landing or files, format=format, known=known))
    (store / "order_lines.sql").write_text("SELECT `order` AS order_id, _file, _row, _known_day FROM orders")
    return Landing(spark, replace(home, store=str(store)), files)
