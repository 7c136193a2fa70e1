"""A store's folder tried: what is found, what is wrong and where, and nothing written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs import check
from jobs.lib.errors import DaybreakError
from jobs.lib.settings import Settings

STORE_YML = """\
name: shop
currency: EUR
timezone: Europe/Berlin
landing: files
files:
  sales:
    where: "sales-*.csv"
    format: csv
    known: {name: '(\\d{4}-\\d{2}-\\d{2})'}
    ids: [nr]
"""
ORDER_LINES = """\
SELECT nr AS order_id, 1 AS line_number, at AS ordered_at, who AS customer_id,
       what AS item_id,
       units, price,
       _file, _row, _known_day
FROM sales
"""
HEADER = "nr,at,who,what,units,price,shop\n"


@pytest.fixture
def shop(spark: SparkSession, home: Settings, tmp_path: Path) -> Settings:
    """A store with 40 good rows of one day."""
    folder = tmp_path / "shop"
    (folder / "files").mkdir(parents=True)
    (folder / "store.yml").write_text(STORE_YML)
    (folder / "order_lines.sql").write_text(ORDER_LINES)
    rows = [f"{n},2026-02-02 10:00:00,anna,mug,2,4.50,north\n" for n in range(40)]
    (folder / "files" / "sales-2026-02-02.csv").write_text(HEADER + "".join(rows))
    return replace(home, store=str(folder))


def write(shop: Settings, name: str, text: str) -> None:
    """Puts a file into the store's folder."""
    (Path(shop.store) / name).write_text(text)


def test_a_store_that_can_run(shop: Settings, capsys: pytest.CaptureFixture) -> None:
    assert check.run(shop) == 0
    said = capsys.readouterr().out
    assert "sales: 1 files, 0.0 MB, 2026-02-02 to 2026-02-02" in said
    assert "sales-2026-02-02.csv has nr, at, who, what, units, price, shop" in said
    assert "gives order_id, line_number, ordered_at, customer_id, item_id, units, price" in said
    assert "40 sampled rows, 40 good" in said
    assert "no mapping reads these columns of sales: shop" in said
    assert "on  order_lines.customer_id: personal lists" in said
    assert "off order_lines.location_id: forecasts of the store as a whole" in said
    assert "off events: recommendations from purchases" in said
    assert "off stock_levels: forecasts but no reorder advice" in said
    assert said.endswith("ready to run\n")
    assert not shop.home.exists(), "a check writes nothing"


def test_broken_rows_are_counted_with_an_example_and_no_person_is_shown(
    shop: Settings, capsys: pytest.CaptureFixture
) -> None:
    long_name = "x" * 200
    rows = [
        "1,2026-02-02 10:00:00,anna,mug,-1,4.50,n",
        "2,yesterday,anna,mug,1,4.50,n",
        "3,2026-02-02 10:00:00,anna,mug,1,free,n",
    ]
    rows += [
        f"4,2026-02-02 10:00:00,{long_name},mug,1,4.50,n",
        "5,2026-02-02 10:00:00,anna,4111 1111 1111 1111,1,4.50,n",
    ]
    write(shop, "files/sales-2026-02-03.csv", HEADER + "\n".join(rows) + "\n")
    write(shop, "files/sales-2026-02-04.csv", HEADER + "6,2026-02-04 10:00:00,anna\n")
    assert check.run(shop) == 1
    said = capsys.readouterr().out
    assert "44 sampled rows, 40 good" in said
    assert "1 quarantined: units: expect_column_values_to_be_between, such as sales-2026-02-03.csv, row 1: '-1'" in said
    assert "1 quarantined: ordered_at: cast_to_timestamp, such as sales-2026-02-03.csv, row 2: 'yesterday'" in said
    assert "1 quarantined: price: cast_to_double, such as sales-2026-02-03.csv, row 3: 'free'" in said
    assert "1 quarantined: customer_id: expect_column_value_lengths_to_be_between" in said
    assert "sales-2026-02-04.csv: fields: line 2: 3 fields; expected 7" in said
    assert "1 sampled rows hold card numbers" in said
    assert "9% of the sampled rows of order_lines would be quarantined; a night allows 5%" in said
    assert long_name not in said
    assert "4111" not in said


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "what AS item_id",
            "wat AS item_id",
            ["order_lines.sql, line 2", "no column wat", "did you mean what", "units"],
        ),
        ("what AS item_id", "what AS itemid", ["order_lines.sql", "no column itemid", "did you mean item_id"]),
        ("FROM sales", "FROM sale", ["order_lines.sql, line 5", "no files named sale", "did you mean sales"]),
        ("units, price,", "units price price,", ["order_lines.sql, line 3"]),
        ("units, price,", "price,", ["order_lines.sql", "needs the column units"]),
    ],
)
def test_a_typo_in_the_sql_is_one_message(
    old: str, new: str, expected: list[str], shop: Settings, capsys: pytest.CaptureFixture
) -> None:
    write(shop, "order_lines.sql", ORDER_LINES.replace(old, new))
    assert check.run(shop) == 1
    told = [line for line in capsys.readouterr().out.splitlines() if "PROBLEM" in line]
    assert len(told) == 1
    for words in expected:
        assert words in told[0]


ITEMS = """\
SELECT what AS item_id, 'Kitchen > Mugs' AS category, _file, min(_row) AS _row, _known_day
FROM sales
GROUP BY what, _file, _known_day
"""
GUARDRAILS = """\
frozen_items: [mug, mgu]
price_lines:
  jam: [cherry]
rules:
  - category: Kitchen
    margin_floor: 0.2
  - category: Kitchen > Mug
    margin_floor: 0.3
"""


def test_guardrails_about_nothing_are_named(shop: Settings, capsys: pytest.CaptureFixture) -> None:
    write(shop, "items.sql", ITEMS)
    write(shop, "guardrails.yml", GUARDRAILS)
    assert check.run(shop) == 0
    said = capsys.readouterr().out
    assert "name what none of 1 sampled items has: cherry, mgu, Kitchen > Mug\n" in said
    write(shop, "guardrails.yml", "margin_flor: 0.1\n")
    assert check.run(shop) == 1
    assert "guardrails.yml:1: margin_flor: unknown key" in capsys.readouterr().out


def test_without_files_there_is_nothing_to_map(shop: Settings, capsys: pytest.CaptureFixture) -> None:
    (Path(shop.store) / "files" / "sales-2026-02-02.csv").unlink()
    assert check.run(shop) == 1
    assert "reads sales, of which there are no files" in capsys.readouterr().out
    (Path(shop.store) / "files").rmdir()
    with pytest.raises(DaybreakError, match=r"the landing place .* is not there"):
        check.run(shop)
