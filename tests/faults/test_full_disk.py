"""A disk that is full in the middle of a night: the stage fails in words, and once there is room it runs again."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from jobs.lib.tables import content_hash
from tests.conftest import settings_of
from tests.faults.strikes import delivered
from tests.shop import Shop

DAY = date(2026, 3, 5)
TABLES = ("validated.order_lines", "features.item")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB in memory, for who may mount one."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"no mount here: {error}")
    if done.returncode:
        pytest.skip(f"a file system of its own may not be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def filled(disk: Path) -> Path:
    """Takes all the room that is left."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as out:
        try:
            while True:
                out.write(b"x" * 65536)
        except OSError:
            return filler


def hashes(shop: Shop) -> list[str]:
    frames = [shop.read(table, DAY) for table in TABLES]
    return [content_hash(frame, frame.columns) for frame in frames]


def test_a_full_disk_stops_a_stage_and_spoils_nothing(spark: SparkSession, small_disk: Path, tmp_path: Path) -> None:
    shop = delivered(tmp_path, DAY)
    whole = Shop(shop.folder, shop.landing, settings_of(tmp_path / "whole", DAYBREAK_STORE=str(shop.folder)))
    struck = Shop(shop.folder, shop.landing, settings_of(small_disk / "home", DAYBREAK_STORE=str(shop.folder)))
    for stage in ("landed", "validated", "features"):
        whole.run(DAY, stage)
        filler = filled(small_disk)
        with pytest.raises((PySparkException, OSError)):
            struck.run(DAY, stage)
        filler.unlink()
        struck.run(DAY, stage)
    assert hashes(struck) == hashes(whole)
