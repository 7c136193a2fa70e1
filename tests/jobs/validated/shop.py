"""A small shop for the validation's tests: files as they land, given as lists of rows; no reading of files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from jobs.lib import lineage
from jobs.lib.settings import Settings
from jobs.lib.stages import Night
from jobs.lib.stores import Known, Source, Store
from jobs.lib.tables import Tables
from jobs.validated import stage

LINES = """
SELECT order_id, line AS line_number, time AS ordered_at, customer AS customer_id, item AS item_id, units, price,
       currency, cancelled AS is_cancellation, _file, _file_version, _row, _known_day
FROM sales
"""
ITEMS = "SELECT item AS item_id, title, price, _file, _file_version, _row, _known_day FROM catalogue"
LINE_COLUMNS = ("order_id", "line", "time", "customer", "item", "units", "price", "currency", "cancelled")
ITEM_COLUMNS = ("item", "title", "price")


@dataclass
class Shop:
    """Delivers files and runs nights of the validated stage on them."""

    spark: SparkSession
    settings: Settings
    folder: Path
    versions: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.tables = Tables(self.spark, self.settings.lake, "shop")
        self.mapping("order_lines", LINES)
        known = Known("name", pattern=r"(\d{4}-\d{2}-\d{2})")
        self.sources = {
            "sales": Source("sales", "sales-*.csv", "csv", known, columns=LINE_COLUMNS),
            "catalogue": Source("catalogue", "items-*.csv", "csv", known, delivers="snapshot", columns=ITEM_COLUMNS),
        }

    def mapping(self, table: str, sql: str) -> Path:
        """Writes the SQL of one table."""
        path = self.folder / f"{table}.sql"
        path.write_text(sql)
        return path

    @property
    def store(self) -> Store:
        """The shop as store.yml would make it: pounds, London, closed on Saturdays."""
        mappings = {path.stem: path for path in sorted(self.folder.glob("*.sql"))}
        closed = frozenset([5])
        return Store(
            "shop",
            "GBP",
            "Europe/London",
            "GB",
            "day",
            closed,
            None,
            str(self.folder),
            self.folder,
            self.sources,
            mappings,
        )

    def deliver(self, source: str, day: str, rows: Sequence[Sequence], file: str | None = None) -> None:
        """Lands one file known on ``day``; a file name delivered before is a new version of it."""
        self.deliver_all(source, {day: rows}, file)

    def deliver_all(self, source: str, days: Mapping[str, Sequence[Sequence]], file: str | None = None) -> None:
        """Lands a file a day in one commit."""
        names = self.sources[source].columns
        landed = []
        for day, rows in days.items():
            name = file or f"{source}-{day}.csv"
            version = self.versions[name] = self.versions.get(name, 0) + 1
            known = date.fromisoformat(day)
            own = (name, version, f"{name}-{version}", 0, len(rows), known, datetime.now(UTC))
            landed.append((*[None] * len(names), *own))
            for at, row in enumerate(rows, 1):
                text = [None if value is None else str(value) for value in row]
                landed.append((*text, name, version, f"{name}-{version}", at, None, known, datetime.now(UTC)))
        columns = ", ".join(f"{name} string" for name in names)
        own = "_file string, _file_version int, _sha256 string, _row long, _rows long, _known_day date"
        schema = f"{columns}, {own}, _received_at timestamp"
        self.tables.append_landed(source, self.spark.createDataFrame(landed, schema).coalesce(1), len(landed))

    def night(self, day: str) -> Night:
        """The stage's view of one night."""
        return Night(
            self.spark, self.settings, self.store, self.tables.pinned({}), date.fromisoformat(day), "validated"
        )

    def validate(self, day: str) -> None:
        """Runs the stage for one night and completes it, as `python -m jobs validated` does."""
        night = self.night(day)
        stage.run(night)
        lineage.complete(
            self.tables, "validated", night.as_of, night.tables.written, 0.0, None, datetime.now(UTC), None
        )

    def read(self, table: str, day: str) -> DataFrame:
        """A table as of a day."""
        return self.tables.read(table, date.fromisoformat(day))

    def results(self, day: str, table: str = "validated.order_lines") -> dict[str, object]:
        """Rule → row of quality.results of one table and day."""
        rows = self.tables.raw("quality.results").where(f"`table` = '{table}' AND known_day = '{day}'").collect()
        return {row["rule"]: row for row in rows}

    def quarantine(self, table: str = "order_lines") -> list[tuple]:
        """(file, row, column, rule, value) of what was kept out, sorted."""
        frame = self.tables.raw(f"quarantine.{table}")
        return sorted(tuple(row) for row in frame.select("file", "row", "column", "rule", "value").collect())


def line(order: object, number: object = 1, day: str = "2026-01-05", **other: object) -> list:
    """One line of a sales file, a good one but for what is said otherwise."""
    facts = {
        "order_id": order, "line": number, "time": f"{day} 10:00:00", "customer": "17850", "item": "A", "units": 2,
        "price": 1.5, "currency": "GBP", "cancelled": "false",
    }  # fmt: skip
    return list((facts | other).values())
