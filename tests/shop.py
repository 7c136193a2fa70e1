"""A tiny store for tests: a folder with store.yml and SQL, files written as a shop would, nights run stage by stage."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from pyspark.sql import DataFrame

from jobs.lib import stages
from jobs.lib.settings import Settings

HEADER = ("order", "line", "at", "customer", "item", "units", "price", "currency", "cancelled")
STORE_YML = """\
name: shop
currency: EUR
timezone: Europe/Berlin
country: DE
period: day
landing: {landing}
files:
  orders:
    where: "orders-*.csv*"
    format: csv
    known: {{name: 'orders-(\\d{{4}}-\\d{{2}}-\\d{{2}})'}}
    delivers: events
    ids: [order, customer, item]
"""
ORDER_LINES_SQL = """\
SELECT `order` AS order_id, line AS line_number, at AS ordered_at, customer AS customer_id, item AS item_id,
       units, price, currency, cancelled AS is_cancellation, _file, _file_version, _row, _known_day
FROM orders
"""


@dataclass(frozen=True)
class Shop:
    """A store folder, its landing folder and settings whose home is empty at first."""

    folder: Path
    landing: Path
    settings: Settings

    @classmethod
    def create(cls, folder: Path, settings: Settings) -> Shop:
        """Writes the store's folder below ``folder``."""
        store, landing = folder / "shop", folder / "landing"
        store.mkdir(parents=True)
        landing.mkdir()
        (store / "store.yml").write_text(STORE_YML.format(landing=landing))
        (store / "order_lines.sql").write_text(ORDER_LINES_SQL)
        return cls.opened(folder, settings)

    @classmethod
    def opened(cls, folder: Path, settings: Settings) -> Shop:
        """The one that was created below ``folder``."""
        return cls(folder / "shop", folder / "landing", replace(settings, store=str(folder / "shop")))

    def deliver(self, day: date | str, rows: Iterable[tuple], name: str | None = None, header: tuple = HEADER) -> Path:
        """Writes a day's file of orders; other rows under the same name are a new version of it."""
        path = self.landing / (name or f"orders-{day}.csv")
        text = io.StringIO(newline="")
        csv.writer(text).writerows([header, *rows])
        content = text.getvalue().encode()
        path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
        return path

    def run(self, day: date, *names: str) -> None:
        """Runs stages for a day, as ``python -m jobs`` does."""
        for name in names:
            stages.run(name, self.settings, day)

    def read(self, table: str, day: date) -> DataFrame:
        """A table as of a day."""
        return stages.looking("tests", self.settings, day).tables.read(table, day)


def order(
    number: int | str, day: date, customer: str, item: str, units: int = 1, price: float = 2.5, line: int = 1
) -> tuple:
    """One line of an order, placed at noon of ``day``."""
    return (number, line, f"{day} 12:00:00", customer, item, units, price, "EUR", "false")


def usual_day(day: date, orders: int = 20) -> list[tuple]:
    """A day's orders: customers and items in turn, the same for the same day."""
    first = day.toordinal() * 1000
    return [
        order(first + n, day, f"c{(n + day.day) % 7}", f"i{(n * 3 + day.day) % 11}", 1 + n % 3) for n in range(orders)
    ]
