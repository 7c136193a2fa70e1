"""Stores are folders; what is wrong with one is said with file, line, key and the nearest right word."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from jobs.lib import stores
from jobs.lib.errors import DaybreakError
from jobs.lib.settings import Settings

YML = """\
name: shop
currency: EUR
timezone: Europe/Berlin
country: DE
period: day
closed_weekdays: [sunday]
landing: files
files:
  orders:
    where: "orders/*.csv.gz"
    format: csv
    options: {delimiter: ";", encoding: latin-1}
    known: {name: '(\\d{8})', format: yyyyMMdd}
    delivers: events
    ids: [order]
    columns: [order, item]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "store.yml").write_text(YML)
    (tmp_path / "shop" / "order_lines.sql").write_text("SELECT 1")
    return tmp_path / "shop"


def test_a_folder_becomes_a_store(folder: Path, home: Settings) -> None:
    store = stores.load(replace(home, store=str(folder)))
    assert (store.name, store.currency, store.timezone, store.country) == ("shop", "EUR", "Europe/Berlin", "DE")
    assert store.closed_weekdays == {6}
    assert store.landing == str(folder / "files")
    assert store.mappings == {"order_lines": folder / "order_lines.sql"}
    orders = store.sources["orders"]
    assert (orders.delimiter, orders.encoding, orders.header, orders.ids) == (";", "latin-1", True, ("order",))
    assert orders.known == stores.Known("name", pattern=r"(\d{8})", format="yyyyMMdd")


def test_a_store_may_count_its_weeks(folder: Path, home: Settings) -> None:
    weekly = YML.replace("{name: '(\\d{8})', format: yyyyMMdd}", "{week: number, first_week: 1989-09-14}")
    (folder / "store.yml").write_text(weekly)
    known = stores.load(replace(home, store=str(folder))).sources["orders"].known
    assert known == stores.Known("week", column="number", first_week=date(1989, 9, 14))


@pytest.mark.parametrize("name", stores.shipped())
def test_shipped_stores_load(name: str, home: Settings, tmp_path: Path) -> None:
    store = stores.load(replace(home, store=name, data=str(tmp_path)))
    assert store.name == name
    assert "order_lines" in store.mappings


def test_the_landing_setting_wins_and_variables_are_put_in(folder: Path, home: Settings, tmp_path: Path) -> None:
    settings = replace(home, store=str(folder))
    assert stores.load(replace(settings, landing="s3://bucket/in")).landing == "s3://bucket/in"
    (folder / "store.yml").write_text(YML.replace("landing: files", "landing: ${DAYBREAK_DATA}/raw"))
    assert stores.load(replace(settings, data=str(tmp_path))).landing == str(tmp_path / "raw")
    with pytest.raises(DaybreakError, match=r"store.yml:7: landing: DAYBREAK_DATA is not set"):
        stores.load(settings)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("currency: EUR", "curency: EUR", r"store.yml:2: curency: unknown key; did you mean 'currency'"),
        (
            "currency: EUR",
            "currency: euro",
            r"store.yml:2: currency: expected an ISO 4217 code.*'euro'",
        ),
        ("Europe/Berlin", "Europe/Bonn", r"store.yml:3: timezone: there is no time zone 'Europe/Bonn'"),
        ("country: DE", "country: NO", r"store.yml:4: country: YAML reads this as false: put it in quotes"),
        ("[sunday]", "[sonday]", r"store.yml:6: closed_weekdays: 'sonday' is not known here; did you mean 'sunday'"),
        (
            "format: csv\n",
            "format: cvs\n",
            r"store.yml:11: files.orders.format: 'cvs' is not.*mean 'csv'",
        ),
        ("encoding: latin-1", "encoding: latin-99", r"files.orders.options.encoding: there is no encoding 'latin-99'"),
        ('delimiter: ";"', 'delimiter: ";;"', r"files.orders.options.delimiter: expected one ASCII character"),
        (r"'(\d{8})'", r"'\d{8}'", r"store.yml:13: files.orders.known.name: expected exactly one group"),
        (r"'(\d{8})'", r"'(\d{8}'", r"files.orders.known.name: this is not a regular expression"),
        ("yyyyMMdd", "yyyymmdd", r"files.orders.known.format: expected yyyy, MM and dd once each"),
        ("    known: {name: '(\\d{8})', format: yyyyMMdd}\n", "", r"files.orders: the key 'known' is missing"),
        (
            "{name: '(\\d{8})', format: yyyyMMdd}",
            "{week: number, first_week: soon}",
            r"store.yml:13: files.orders.known.first_week: expected a day such as 2026-02-03, found 'soon'",
        ),
        (
            "delivers: events",
            "delivers: event",
            r"files.orders.delivers: 'event' is not.*mean 'events'",
        ),
        ("  orders:", "  Orders-1:", r"files.Orders-1: expected a name that SQL can use"),
        ("period: day", "period: day\nperiod: week", r"store.yml:6: period: stands here a second time"),
        ("name: shop", "name: [shop", r"store.yml:\d+: this is not YAML"),
    ],
)
def test_a_mistake_is_told_with_line_and_key(old: str, new: str, message: str, folder: Path, home: Settings) -> None:
    assert old in YML
    (folder / "store.yml").write_text(YML.replace(old, new, 1))
    with pytest.raises(DaybreakError, match=message):
        stores.load(replace(home, store=str(folder)))


def test_an_unknown_store_or_mapping_names_the_nearest(folder: Path, home: Settings) -> None:
    with pytest.raises(DaybreakError, match=r"there is no store 'online_retale'; did you mean 'online_retail'"):
        stores.load(replace(home, store="online_retale"))
    (folder / "itmes.sql").write_text("SELECT 1")
    with pytest.raises(DaybreakError, match=r"itmes.sql: there is no input table 'itmes'; did you mean 'items'"):
        stores.load(replace(home, store=str(folder)))
    (folder / "itmes.sql").unlink()
    (folder / "order_lines.sql").unlink()
    with pytest.raises(DaybreakError, match=r"order_lines.sql is missing"):
        stores.load(replace(home, store=str(folder)))
    (folder / "store.yml").unlink()
    with pytest.raises(DaybreakError, match=r"there is no store.yml in this folder"):
        stores.load(replace(home, store=str(folder)))
