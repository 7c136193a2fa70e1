"""Nights of landing on real files: each exactly once, the good ones whatever the bad ones are."""

from __future__ import annotations

import gzip
import io
import os
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.landed import stage
from jobs.landed.decisions import Refusal
from jobs.lib.errors import DaybreakError
from jobs.lib.settings import Settings
from jobs.lib.tables import Tables, Written
from tests.jobs.landed.conftest import Landing, open_shop

MONDAY, TUESDAY, WEDNESDAY = date(2026, 2, 2), date(2026, 2, 3), date(2026, 2, 4)
GOOD = "order,item,price\n1,kettle,20.00\n2,mug,4.50\n"
CARD = "4111 1111 1111 1111"


def test_bad_files_are_named_and_the_good_ones_of_the_day_go_on(shop: Landing, capsys: pytest.CaptureFixture) -> None:
    shop.deliver("orders-2026-02-01.csv", GOOD)
    shop.deliver("orders-2026-02-02-cut.csv.gz", gzip.compress(GOOD.encode() * 500)[:-20])
    shop.deliver("orders-2026-02-02-extra.csv", "order,item,price,colour\n3,cup,1.00,red\n")
    shop.deliver("orders-2026-02-02-header.csv", "order,item,price\n")
    shop.deliver("orders-2026-02-02-latin.csv", GOOD.replace("mug", "mügé").encode("latin-1"))
    shop.deliver("orders-2026-02-02-missing.csv", "order,price\n4,1.00\n")
    shop.deliver("orders-2026-02-02-nothing.csv", "")
    shop.deliver("orders-2026-02-02-ragged.csv", "order,item,price\n5,cup,1.00\n6,cup,1,00\n")
    shop.deliver("orders-2026-02-02-renamed.csv", "order,item,unit_price\n7,cup,1.00\n")
    shop.deliver("orders-2026-02-02-swapped.csv", "price,order,item\n2.50,8,cup\n")
    shop.deliver("orders-2026-02-02.csv.gz", gzip.compress(GOOD.replace("1,", "9,").encode()))
    shop.deliver("orders-2026-02-03.csv", "order,item,price\n10,cup,1.00\n")
    shop.deliver("orders-today.csv", "order,item,price\n11,cup,1.00\n")
    shop.run(MONDAY)

    assert set(shop.own()) == {
        (f"orders-2026-02-{name}", 1)
        for name in ("01.csv", "02-extra.csv", "02-header.csv", "02-swapped.csv", "02.csv.gz")
    }
    first, second = (row for row in shop.rows() if row["_file"] == "orders-2026-02-01.csv" and row["_row"] > 0)
    assert (first["order"], first["item"], first["price"], first["colour"]) == ("1", "kettle", "20.00", None)
    assert (first["_row"], second["_row"], first["_known_day"]) == (1, 2, date(2026, 2, 1))
    swapped = next(row for row in shop.rows() if row["_file"] == "orders-2026-02-02-swapped.csv" and row["_row"] > 0)
    assert (swapped["order"], swapped["item"], swapped["price"]) == ("8", "cup", "2.50")
    header = shop.own()[("orders-2026-02-02-header.csv", 1)]
    assert (header["_rows"], header["order"], header["_known_day"]) == (0, None, MONDAY)
    assert {row["file"].removeprefix("orders-2026-02-02-"): row["rule"] for row in shop.refused()} == {
        "cut.csv.gz": "gzip", "latin.csv": "encoding", "missing.csv": "header", "nothing.csv": "empty",
        "ragged.csv": "fields", "renamed.csv": "header", "orders-today.csv": "known_day",
    }  # fmt: skip
    details = {row["file"]: row["detail"] for row in shop.refused()}
    assert "line 3, byte" in details["orders-2026-02-02-latin.csv"]
    assert "'price' is missing; was it renamed to 'unit_price'?" in details["orders-2026-02-02-renamed.csv"]
    assert "line 3: 4 fields; expected 3" in details["orders-2026-02-02-ragged.csv"]
    said = capsys.readouterr().out
    assert "REFUSED orders-2026-02-02-cut.csv.gz: gzip" in said
    assert "orders-2026-02-02-extra.csv: landed with columns that are new: colour" in said

    shop.deliver("orders-2026-02-02-cut.csv.gz", gzip.compress(GOOD.replace("1,", "12,").encode()))
    shop.run(TUESDAY)
    mended = shop.own()[("orders-2026-02-02-cut.csv.gz", 1)]
    assert mended["_known_day"] == TUESDAY, "it came after its own night was closed"
    assert len(shop.refused()) == 7, "those still refused are not told twice"


def test_a_file_mended_for_a_night_that_validation_stopped_counts_in_that_night(shop: Landing) -> None:
    shop.deliver("orders-2026-02-02.csv", GOOD.replace("4.50", "none"))
    shop.run(MONDAY, closes=False)
    shop.deliver("orders-2026-02-02.csv", GOOD)
    shop.run(MONDAY)
    assert [row["_known_day"] for row in shop.own().values()] == [MONDAY, MONDAY]


def test_refusals_of_sources_that_land_at_once_do_not_replace_each_other(
    shop: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    night, told = shop.night(MONDAY), Refusal("a.csv", "", 1, "note", "card_number", "****")
    # As if both had looked before either wrote.
    with monkeypatch.context() as patched:
        patched.setattr(Tables, "raw", lambda self, name: None)
        for name in ("orders", "clicks"):
            stage._quarantine(night, replace(night.store.sources["orders"], name=name), [told])
    assert sorted(row["source"] for row in shop.refused()) == ["clicks", "orders"]


def test_the_same_bytes_are_ignored_and_other_bytes_a_version(shop: Landing, capsys: pytest.CaptureFixture) -> None:
    path = shop.deliver("orders-2026-02-02.csv", GOOD)
    shop.run(MONDAY)
    first = shop.rows()
    os.utime(path)
    shop.deliver("orders-2026-02-02-again.csv", GOOD)
    shop.run(MONDAY)
    assert shop.rows() == first
    assert "orders-2026-02-02-again.csv: ignored, the same bytes as orders-2026-02-02.csv" in capsys.readouterr().out

    stamp = path.stat()
    shop.deliver("orders-2026-02-02.csv", GOOD.replace("4.50", "4.60"))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # as large and as old as before, and yet another file
    shop.run(TUESDAY)
    assert shop.counts() == {("orders-2026-02-02.csv", 1): 2, ("orders-2026-02-02.csv", 2): 2}
    assert [row["price"] for row in shop.rows() if row["_row"] == 2] == ["4.50", "4.60"]
    assert [row["_known_day"] for row in shop.own().values()] == [MONDAY, TUESDAY]


@dataclass
class Crashing(Tables):
    """The tables of a run that dies before or after its commit of landed rows."""

    dies_before: bool = True

    def append_landed(self, source: str, frame: DataFrame, rows: int) -> Written:
        if self.dies_before:
            raise KeyboardInterrupt
        super().append_landed(source, frame, rows)
        raise KeyboardInterrupt


@pytest.mark.parametrize("dies_before", [True, False])
def test_a_crash_around_the_commit_loses_and_doubles_nothing(dies_before: bool, shop: Landing) -> None:
    shop.deliver("orders-2026-02-01.csv", GOOD)
    shop.deliver("orders-2026-02-02.csv", GOOD.replace("kettle", "pan") + f"3,{CARD},1.00\n")
    night = shop.night(MONDAY)
    crashing = Crashing(night.spark, night.tables.lake, night.tables.store, dies_before=dies_before)
    with pytest.raises(KeyboardInterrupt):
        stage.run(replace(night, tables=crashing))
    shop.run(MONDAY)
    assert shop.counts() == {("orders-2026-02-01.csv", 1): 2, ("orders-2026-02-02.csv", 1): 2}
    assert len(shop.own()) == 2
    assert [(row["row"], row["column"], row["rule"]) for row in shop.refused()] == [(3, "item", "card_number")]


def test_a_card_number_is_refused_and_written_nowhere(shop: Landing, capsys: pytest.CaptureFixture) -> None:
    digits = CARD.replace(" ", "")
    lines = [f"{digits},an id may look like one,1.00", f"2,card {CARD},1.00", "3,mug,4.50", f"4,mug,{digits}"]
    shop.deliver("orders-2026-02-02.csv", "\n".join(["order,item,price", *lines]) + "\n")
    shop.run(MONDAY)
    assert [(row["order"], row["_row"]) for row in shop.rows()] == [(None, 0), (digits, 1), ("3", 3)]
    assert shop.own()[("orders-2026-02-02.csv", 1)]["_rows"] == 4
    assert [(row["row"], row["column"]) for row in shop.refused()] == [(2, "item"), (4, "price")]
    said = capsys.readouterr()
    assert CARD not in said.out + said.err
    written = list(contents(shop.settings.home))
    assert len(written) > 5
    assert not [path for path, text in written if CARD in text]
    with_id = [path for path, text in written if digits in text]
    assert with_id
    assert all("landed/orders" in path.as_posix() for path in with_id), "the id alone, where ids land"


def contents(folder: Path) -> list[tuple[Path, str]]:
    """Every file below a folder as text: Parquet decoded, all else as its bytes read."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        is_parquet = path.suffix == ".parquet"
        text = str(pq.read_table(path).to_pylist()) if is_parquet else path.read_bytes().decode("latin-1")
        found.append((path, text))
    return found


def test_a_file_still_being_written_waits(shop: Landing, capsys: pytest.CaptureFixture) -> None:
    shop.deliver("orders-2026-02-02.csv", GOOD)
    patient = Landing(shop.spark, replace(shop.settings, settle_seconds=3600), shop.files)
    patient.run(MONDAY)
    assert "orders-2026-02-02.csv: still being written, waits" in capsys.readouterr().out
    assert shop.rows() == []
    os.utime(shop.files / "orders-2026-02-02.csv", (1_000_000_000, 1_000_000_000))
    patient.run(TUESDAY)
    assert shop.counts() == {("orders-2026-02-02.csv", 1): 2}
    assert shop.own()[("orders-2026-02-02.csv", 1)]["_known_day"] == TUESDAY


def test_json_lines_by_the_time_of_each_row(spark: SparkSession, home: Settings, tmp_path: Path) -> None:
    shop = open_shop(spark, home, tmp_path, format="jsonl", known="{event_time: at, lag_days: 1}")
    lines = [
        '{"order": 1, "at": "2026-02-01T22:59:00Z"}',
        '{"order": 2, "at": "2026-02-01T23:00:00Z"}',
        '{"order": 3, "at": "2026-02-01 23:30:00", "note": "the shop\'s own clock"}',
        '{"order": 4, "at": "soon"}',
    ]
    shop.deliver("orders-1.jsonl", "\n".join(lines))
    shop.run(MONDAY)
    assert [(row["order"], row["_known_day"]) for row in shop.rows()] == [
        (None, MONDAY), ("1", MONDAY), ("2", TUESDAY), ("3", MONDAY), ("4", MONDAY),
    ]  # fmt: skip
    shop.deliver("orders-2.jsonl", '{"order": 5, "at": "2026-01-20T10:00:00Z"}\n')
    shop.run(TUESDAY)
    assert shop.rows()[-1]["_known_day"] == TUESDAY, "no row is dated into a closed night"


def test_weeks_that_the_store_counts(spark: SparkSession, home: Settings, tmp_path: Path) -> None:
    shop = open_shop(spark, home, tmp_path, format="csv", known="{week: week, first_week: 2026-01-20}")
    shop.deliver("orders-1.csv", "order,week\n1,1\n2,2\n3,never\n")
    shop.run(MONDAY)
    assert [(row["order"], row["_known_day"]) for row in shop.rows()[1:]] == [
        ("1", date(2026, 1, 26)), ("2", MONDAY), ("3", MONDAY),
    ], "a week is known on its last day; a row that tells none, on the night's"  # fmt: skip


def test_parquet_by_a_column(spark: SparkSession, home: Settings, tmp_path: Path) -> None:
    shop = open_shop(spark, home, tmp_path, format="parquet", known="{column: exported on, format: dd.MM.yyyy}")
    days, buffer = ["01.02.2026", "02.02.2026"], io.BytesIO()
    pq.write_table(pa.table({"order": [1, 2], "a.price": [1.5, None], "exported on": days}), buffer)
    shop.deliver("orders-1.parquet", buffer.getvalue())
    shop.run(MONDAY)
    assert [(row["order"], row["a.price"], row["_known_day"].day) for row in shop.rows()[1:]] == [
        ("1", "1.5", 1), ("2", None, 2),
    ]  # fmt: skip


def test_files_in_a_bucket(
    spark: SparkSession,
    home: Settings,
    tmp_path: Path,
    s3_server: str,
    bucket: str,
) -> None:
    settings = replace(home, s3_endpoint=s3_server)
    shop = open_shop(spark, settings, tmp_path, landing=f"s3://{bucket}/in")
    client = boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1")
    client.put_object(Bucket=bucket, Key="in/orders-2026-02-02.csv.gz", Body=gzip.compress(GOOD.encode()))
    client.put_object(Bucket=bucket, Key="in/orders-2026-02-02-cut.csv.gz", Body=gzip.compress(GOOD.encode() * 99)[:-9])
    shop.run(MONDAY)
    shop.run(TUESDAY)
    assert shop.counts() == {("orders-2026-02-02.csv.gz", 1): 2}
    assert [row["rule"] for row in shop.refused()] == ["gzip"]


def test_a_landing_place_that_is_not_there_is_an_error(shop: Landing) -> None:
    shop.files.rmdir()
    with pytest.raises(DaybreakError, match=r"the landing place .* is not there"):
        shop.run(MONDAY)
