"""The door to Delta: whole days, nothing visible before its contract held, and a past day that stays what it was."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.lib import contracts, lineage
from jobs.lib.contracts import Contract
from jobs.lib.errors import DaybreakError, RuleBroken
from jobs.lib.frames import random_frame
from jobs.lib.tables import SUPERSEDED, Tables, Written, content_hash

LINES, ITEMS, CATEGORY = "validated.order_lines", "validated.items", "features.category"
D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)


def rows_of(tables: Tables, frame: pd.DataFrame, contract: Contract) -> DataFrame:
    """A pandas frame as Spark rows of a contract: missing values null, moments Python's own."""
    records = frame.astype(object).where(frame.notna(), None).to_dict("records")
    moments = [name for name, column in contract.columns.items() if column.type == "timestamp"]
    for record in records:
        record.update({name: record[name].to_pydatetime() for name in moments if record[name] is not None})
    return tables.spark.createDataFrame(records, contract.schema())


def lines(tables: Tables, known: date, rows: list[tuple[str, int, int]], version: int = 1) -> DataFrame:
    """Order lines (order, line, units) of the file of the day ``known``, dated that day."""
    contract = contracts.load(LINES)
    frame = random_frame(contract, len(rows), seed=7).astype(object)
    frame[["order_id", "line_number", "units"]] = rows
    frame["order_date"], frame["known_day"] = D1, known
    frame["_file"], frame["_file_version"], frame["_row"] = f"{known}.csv", version, range(1, len(rows) + 1)
    return rows_of(tables, frame, contract)


def units(frame: DataFrame) -> dict[str, int]:
    return {row["order_id"]: row["units"] for row in frame.collect()}


def test_a_day_is_replaced_whole_and_others_stay(tables: Tables) -> None:
    tables.replace_day(LINES, lines(tables, D1, [("a", 1, 1), ("b", 1, 2)]), D1)
    tables.replace_day(LINES, lines(tables, D2, [("c", 1, 3)]), D2)
    tables.replace_day(LINES, lines(tables, D2, [("d", 1, 4)]), D2)
    assert units(tables.read(LINES, D3)) == {"a": 1, "b": 2, "d": 4}


def test_a_night_sees_nothing_that_became_known_later(tables: Tables) -> None:
    tables.replace_day(LINES, lines(tables, D2, [("late", 1, 1)]), D2)
    assert units(tables.read(LINES, D1)) == {}
    assert units(tables.read(LINES, D2)) == {"late": 1}


def test_a_superseded_row_counts_until_the_night_of_its_replacement(tables: Tables) -> None:
    tables.replace_day(LINES, lines(tables, D1, [("a", 1, 5), ("b", 1, 1)]), D1)
    tables.replace_day(LINES, lines(tables, D3, [("a", 1, 2)], version=2), D3)
    replaced = contracts.load(SUPERSEDED)
    row = {"table": LINES, "row_key": "a\x1f1", "_file": f"{D1}.csv", "_file_version": 1, "_row": 1, "known_day": D3}
    tables.replace_day(
        SUPERSEDED, tables.spark.createDataFrame([{**dict.fromkeys(replaced.columns), **row}], replaced.schema()), D3
    )
    assert units(tables.read(LINES, D2)) == {"a": 5, "b": 1}
    assert units(tables.read(LINES, D3)) == {"a": 2, "b": 1}
    changes = (
        tables.read_changes(LINES, D2, D3)
        .groupBy("order_id")
        .agg(F.sum(F.col("units") * F.col("_sign")).alias("units"))
    )
    assert units(changes) == {"a": -3}


def test_versions_give_the_last_row_known_and_no_deleted_one(tables: Tables) -> None:
    contract = contracts.load(ITEMS)

    def delivered(day: date, title: str | None, is_deleted: bool) -> DataFrame:
        frame = random_frame(contract, 1, seed=3).astype(object)
        frame["item_id"], frame["title"], frame["is_deleted"] = "i", title, is_deleted
        frame["known_day"], frame["_file"], frame["_file_version"], frame["_row"] = day, f"{day}.csv", 1, 1
        return rows_of(tables, frame, contract)

    tables.replace_day(ITEMS, delivered(D1, "old", False), D1)
    tables.replace_day(ITEMS, delivered(D2, "new", False), D2)
    tables.replace_day(ITEMS, delivered(D3, None, True), D3)
    assert [row["title"] for row in tables.read(ITEMS, D1).collect()] == ["old"]
    assert [row["title"] for row in tables.read(ITEMS, D2).collect()] == ["new"]
    assert tables.read(ITEMS, D3).count() == 0


def test_a_broken_key_writes_nothing_and_leaves_the_earlier_day(tables: Tables) -> None:
    tables.replace_day(LINES, lines(tables, D1, [("a", 1, 1)]), D1)
    with pytest.raises(RuleBroken, match="order_lines"):
        tables.replace_day(LINES, lines(tables, D1, [("b", 1, 1), ("b", 1, 2)]), D1)
    assert units(tables.read(LINES, D1)) == {"a": 1}


def test_a_missing_table_reads_as_an_empty_one_of_its_contract(tables: Tables) -> None:
    frame = tables.read(CATEGORY, D1)
    assert frame.count() == 0
    assert frame.columns == list(contracts.load(CATEGORY).columns)


def test_a_table_from_before_a_nullable_column_has_nulls_in_it(tables: Tables) -> None:
    contract = contracts.load(ITEMS)
    frame = random_frame(contract, 2, seed=7).assign(known_day=D1)
    tables.replace_day(ITEMS, rows_of(tables, frame, contract), D1)
    old = tables.spark.read.format("delta").load(tables.path(ITEMS)).drop("title")
    old.write.format("delta").mode("overwrite").option("overwriteSchema", "true").save(tables.path(ITEMS))
    with tables.keeping([ITEMS]):
        kept = tables.read(ITEMS, D1)
        for frame in (kept, tables.pinned({}).read(ITEMS, D1), tables.read_changes(ITEMS, None, D1)):
            assert [row["title"] for row in frame.collect()] == [None, None]


def test_a_table_from_before_a_column_might_be_null_takes_nulls(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = contracts.load(ITEMS)
    title = replace(contract.columns["title"], nullable=False)
    strict = replace(contract, columns={**contract.columns, "title": title})
    with monkeypatch.context() as patch:
        patch.setattr(contracts, "load", lambda *_: strict)
        frame = random_frame(strict, 2, seed=7).assign(known_day=D1)
        tables.replace_day(ITEMS, rows_of(tables, frame, strict), D1)
    frame = random_frame(contract, 2, seed=8).astype(object).assign(known_day=D2, title=None)
    tables.replace_day(ITEMS, rows_of(tables, frame, contract), D2)
    frame = tables.raw(ITEMS)
    assert frame is not None and frame.where("title IS NULL").count() == 2 and frame.count() == 4


def test_a_version_that_delta_no_longer_lets_anybody_read_is_said_in_words(tables: Tables) -> None:
    contract = contracts.load(ITEMS)
    for seed in (1, 2):
        frame = random_frame(contract, 2, seed=seed).assign(known_day=D1)
        tables.replace_day(ITEMS, rows_of(tables, frame, contract), D1)
    eight_days_ago = time.time() - 8 * 86400
    for commit in Path(tables.path(ITEMS), "_delta_log").iterdir():
        os.utime(commit, (eight_days_ago, eight_days_ago))
    frame = random_frame(contract, 2, seed=3).assign(known_day=D2)
    tables.replace_day(ITEMS, rows_of(tables, frame, contract), D2)
    old, newest = (tables.written[at].version for at in (0, -1))
    assert tables.pinned({ITEMS: newest}).read(ITEMS, D2).count() > 0
    with pytest.raises(DaybreakError, match=r"validated.items: version \d is no longer kept"):
        tables.pinned({ITEMS: old}).read(ITEMS, D2)


def test_the_tables_comments_and_statistics_come_from_the_contract(tables: Tables) -> None:
    name = "validated.customers"
    contract = contracts.load(name)
    frame = random_frame(contract, 5, seed=1)
    tables.replace_day(
        name,
        rows_of(tables, frame.assign(known_day=D1), contract),
        D1,
    )
    path = tables.path(name)
    comments = {row["col_name"]: row["comment"] for row in tables.spark.sql(f"DESCRIBE TABLE delta.`{path}`").collect()}
    assert comments["country"] == contract.columns["country"].comment
    properties = tables.spark.sql(f"DESCRIBE DETAIL delta.`{path}`").first()["properties"]
    kept = properties.get("delta.dataSkippingStatsColumns", "").split(",")
    assert "email" not in kept and "customer_id" not in kept


def test_content_hash_knows_rows_and_not_their_order(spark) -> None:
    one = spark.createDataFrame([("a", 1.0, None), ("b", 2.0, "x")], "k string, v double, t string")
    other = spark.createDataFrame(
        [("b", 2.00000000001, "x"), ("a", 1.0, None)], "k string, v double, t string"
    ).repartition(5)
    changed = spark.createDataFrame([("b", 2.0, None), ("a", 1.0, "x")], "k string, v double, t string")
    assert content_hash(one, one.columns) == content_hash(other, other.columns)
    assert content_hash(one, one.columns) != content_hash(changed, changed.columns)


def test_a_completion_names_versions_and_is_the_newest(tables: Tables) -> None:
    assert lineage.completion(tables, "features", D1) is None
    lineage.complete(
        tables, "features", D1, [Written("features.item", 3, 10)], 1.0, None, datetime(2026, 3, 2, 3, tzinfo=UTC), None
    )
    lineage.complete(
        tables, "features", D1, [Written("features.item", 5, 10)], 1.0, 2**30, datetime(2026, 3, 2, 4, tzinfo=UTC), None
    )
    assert lineage.completion(tables, "features", D1).versions == {"features.item": 5}
    assert lineage.last_completed(tables, "features", before=D2) == D1
    assert lineage.last_written(tables, "features.item", before=D1) is None


def test_a_log_without_memory_goes_on_with_it(tables: Tables) -> None:
    at = datetime(2026, 3, 2, 3, tzinfo=UTC)
    lineage.complete(tables, "features", D1, [Written("features.item", 3, 10)], 1.0, 2**30, at, None)
    older = tables.raw(lineage.RUNS).drop("peak_bytes").localCheckpoint()
    older.write.format("delta").mode("overwrite").option("overwriteSchema", "true").save(tables.path(lineage.RUNS))
    lineage.complete(tables, "features", D2, [Written("features.item", 4, 10)], 1.0, 2**30, at, None)
    kept = lineage.runs(tables).orderBy("as_of").collect()
    assert [row["peak_bytes"] for row in kept] == [None, 2**30]
