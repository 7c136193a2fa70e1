"""A mapping's SQL run over views, what is wrong with it told in one message, and its text cast by contract."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import functions as F

from jobs.lib import contracts, mappings
from jobs.lib.errors import DaybreakError
from jobs.lib.stores import Store

NAMES = ("no", "at", "who", "what", "many", "much")
GOOD = """-- what the till writes; FROM elsewhere
SELECT no AS order_id, '1' AS line_number, at AS ordered_at, who AS customer_id, what AS item_id, many AS units,
       much AS price, _file, _row, _known_day
FROM till
"""


@pytest.fixture
def store(tmp_path):
    paths = {"order_lines": tmp_path / "order_lines.sql"}
    return Store(
        "shop", "GBP", "Europe/London", "GB", "day", frozenset(), None, "landing", tmp_path, sources={}, mappings=paths
    )  # fmt: skip


@pytest.fixture
def till(spark):
    """A view of one file's rows, given as tuples of text."""

    def made(*rows):
        full = [(*row, "till.csv", 1, at, date(2026, 7, 1)) for at, row in enumerate(rows, 1)]
        columns = ", ".join(f"{name} string" for name in NAMES)
        return spark.createDataFrame(full, f"{columns}, _file string, _file_version int, _row long, _known_day date")

    return made


def mapped(spark, store, sql, frame):
    path = Path(store.mappings["order_lines"])
    path.write_text(sql)
    return mappings.cast(
        mappings.run(spark, path, {"till": frame}), contracts.load("validated.order_lines"), store
    )  # fmt: skip


def test_a_moment_that_names_its_zone_is_not_taken_for_the_stores_clock(spark, store, till):
    """London is an hour ahead of UTC in July; Postgres writes an offset of whole hours without minutes."""
    clock = "2026-07-01 10:15"
    ends = ["", ":00", ":00+00", ":00.5-05", ":00+05:30", ":00+0200", ":00 EST", ":00 UTC", ":00Z", ":00 Europe/Paris"]
    frame = till(*[(str(at), clock + end, "c", "A", "1", "1") for at, end in enumerate(ends)])
    cast = mapped(spark, store, GOOD, frame).withColumn("ordered_at", F.date_format("ordered_at", "HH:mm"))
    found = [row["ordered_at"] for row in cast.orderBy("_row").collect()]
    assert found == ["09:15", "09:15", "10:15", "15:15", "04:45", "08:15", "15:15", "10:15", "10:15", "08:15"]


def test_a_day_given_as_a_date_is_the_stores_day(spark, store, till):
    """West of UTC midnight there is the evening before."""
    sql = GOOD.replace("at AS ordered_at", "to_date(at) AS ordered_at")
    west = replace(store, timezone="America/Chicago")
    (row,) = mapped(spark, west, sql, till(("1", "2026-07-01", "c", "A", "1", "1"))).collect()
    assert row["order_date"] == date(2026, 7, 1)


def test_text_becomes_the_contracts_types_and_bad_text_a_rule_broken(spark, store, till):
    frame = till(
        ("17850.0", "2026-07-01 23:30:00", " c ", "85123A", "6.0", "2.55"),
        ("2", "2026-07-01T23:30:00Z", "", "A", "6.5", "2,55"),
        ("3", "01/07/2026", None, "A", "99999999999", "NaN"),
        ("4", "2026", None, "A", "1e1", "1e-1"),
    )
    cast = mapped(spark, store, GOOD, frame).withColumn("ordered_at", F.col("ordered_at").cast("string"))
    rows = cast.orderBy("_row").collect()
    one, two, three, four = rows
    assert (one["order_id"], one["customer_id"], one["item_id"], one["units"], one["price"]) == (
        "17850",
        "c",
        "85123A",
        6,
        2.55,
    )
    assert (one["ordered_at"], one["order_date"]) == ("2026-07-01 22:30:00", date(2026, 7, 1))
    assert (two["ordered_at"], two["order_date"], two["customer_id"]) == (
        "2026-07-01 23:30:00",
        date(2026, 7, 2),
        None,
    )
    assert (one["currency"], one["is_cancellation"], one["is_product"], one["known_day"]) == (
        "GBP",
        False,
        True,
        date(2026, 7, 1),
    )
    assert (one["_file"], one["_file_version"], one["_row"]) == ("till.csv", 1, 1)

    def uncast(row):
        return [(entry["column"], entry["rule"], entry["value"]) for entry in row["_uncast"]]

    assert uncast(one) == []
    assert uncast(two) == [("units", "cast_to_int", "6.5"), ("price", "cast_to_double", "2,55")]
    assert [entry[:2] for entry in uncast(three)] == [
        ("ordered_at", "cast_to_timestamp"),
        ("units", "cast_to_int"),
        ("price", "cast_to_double"),
    ]
    assert [entry[:2] for entry in uncast(four)] == [("ordered_at", "cast_to_timestamp")]
    assert (four["units"], four["price"]) == (10, 0.1)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (GOOD.replace("who AS", "hwo AS"), r"line 2: there is no column hwo \(did you mean who\?\); the files have"),
        (GOOD.replace("FROM till", "FROM tills"), r"line 4: there are no files named tills \(did you mean till\?\)"),
        (GOOD.replace("SELECT", "SELECTT"), "expected one query beginning with SELECT"),
        (GOOD.replace("FROM till\n", "FORM till\n"), r"order_lines\.sql, line 4: .*till"),
        (GOOD.replace("AS units", "AS unit"), r"order_lines has no column unit \(did you mean units\?\)"),
        (GOOD.replace("what AS item_id,", ""), "needs the column item_id: what was bought"),
        (GOOD.replace("_row,", ""), "must also select _row"),
        (GOOD.replace("AS price", "AS units"), "the column units is selected twice"),
    ],
)  # fmt: skip
def test_a_wrong_mapping_is_one_message(spark, store, till, sql, message):
    with pytest.raises(DaybreakError, match=message):
        mapped(spark, store, sql, till())


def test_what_a_mapping_mentions_stands_outside_comments(store):
    store.mappings["order_lines"].write_text("-- from shop\nSELECT 'web' /* phone */ FROM Till JOIN app USING (no)")
    assert mappings.mentioned(store.mappings["order_lines"], ["shop", "web", "phone", "till", "app"]) == [
        "app",
        "till",
    ]


def test_parameters_are_the_stores_own_facts(spark, store, till):
    path = store.mappings["order_lines"]
    path.write_text("SELECT :currency AS currency, :as_of AS day, _file, _row, _known_day FROM till")
    given = mappings.parameters(store, date(2026, 7, 2))
    row = (
        mappings.run(spark, path, {"till": till(("1",) * 6)}, given)
        .select("currency", F.col("day").cast("string"), "_file_version")
        .first()
    )
    assert tuple(row) == ("GBP", "2026-07-02", 1)
