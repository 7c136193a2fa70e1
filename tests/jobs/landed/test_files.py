"""Which files are looked at, and what their names tell."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from jobs.landed import files
from jobs.landed.streams import Refused
from jobs.lib.objects import open_store
from jobs.lib.stores import Known, Source

NO_S3 = SimpleNamespace(s3_endpoint=None, s3_region="us-east-1")


def source(where: str) -> Source:
    return Source("x", where, "csv", Known("always"))


def place(folder: Path, *names: str) -> files.ObjectStore:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("a\n1\n")
        os.utime(folder / name, (1_000_000_000, 1_000_000_000))
    return open_store(folder, NO_S3)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("*.csv", ["a.csv"]),
        ("*.csv*", ["a.csv", "b.csv.gz"]),
        ("**/*.csv", ["2026/02/c.csv", "a.csv", "in/d.csv"]),
        ("*/*.csv", ["in/d.csv"]),
        ("in/[a-d].csv", ["in/d.csv"]),
        ("?.csv", ["a.csv"]),
    ],
)
def test_patterns_and_names_that_are_passed_over(where: str, found: list[str], tmp_path: Path) -> None:
    names = ("a.csv", "b.csv.gz", "in/d.csv", "2026/02/c.csv")
    passed_over = (".hidden.csv", "_SUCCESS.csv", "_tmp/e.csv", "f.csv.part", "g.tmp")
    lying = place(tmp_path, *names, *passed_over)
    listing = files.listed(lying, {"x": source(where)}, datetime.now(UTC), timedelta(0))
    assert [file.key for file in listing.files["x"]] == found


def test_a_young_file_is_still_being_written(tmp_path: Path) -> None:
    lying = place(tmp_path, "old.csv", "young.csv", "other.txt")
    os.utime(tmp_path / "young.csv")
    listing = files.listed(lying, {"x": source("*.csv")}, datetime.now(UTC), timedelta(seconds=60))
    assert [file.key for file in listing.files["x"]] == ["old.csv"]
    assert [file.key for file in listing.unsettled] == ["young.csv"]
    assert listing.strangers == ["other.txt"]


def test_a_file_that_grows_between_two_looks_is_seen(tmp_path: Path) -> None:
    lying = place(tmp_path, "a.csv", "b.csv", "c.csv")
    before = list(lying.list())
    with (tmp_path / "b.csv").open("a") as grown:
        grown.write("2\n")
    (tmp_path / "c.csv").unlink()
    assert files.changed(lying, before) == {"b.csv", "c.csv"}


def test_the_day_in_a_name() -> None:
    iso = Known("name", pattern=r"(\d{4}-\d{2}-\d{2})", format="yyyy-MM-dd")
    assert files.day_in("orders/2026-02-03.csv", iso) == date(2026, 2, 3)
    assert files.day_in("o_03022026.csv", Known("name", pattern=r"_(\d{8})", format="ddMMyyyy")) == date(2026, 2, 3)
    assert files.day_in("whatever", Known("always")) == date(1970, 1, 1)
    assert files.day_in("whatever", Known("event_time", column="at")) is None
    for name in ("orders.csv", "orders-2026-02-30.csv"):
        with pytest.raises(Refused) as refused:
            files.day_in(name, iso)
        assert refused.value.rule == "known_day"
