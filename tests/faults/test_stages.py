"""SIGKILL in each stage: the same command again gives the same content as an undisturbed night."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path

from pyspark.sql import SparkSession

from tests.e2e.nights import COMMANDS, finish, release_of, stage
from tests.faults.strikes import contents, delivered, strike

DAY = date(2026, 3, 5)
SEED = 20261121


def test_a_stage_killed_anywhere_is_mended_by_running_it_again(spark: SparkSession, tmp_path: Path) -> None:
    shop = delivered(tmp_path, DAY)
    whole, struck = tmp_path / "whole", tmp_path / "struck"
    for home in (whole, struck):
        home.mkdir()
    draw = random.Random(SEED)
    killed = 0
    for command in COMMANDS:
        took = finish(whole, shop.folder, stage(command, DAY))
        # From the first Spark job to the last row of the completion, wherever the draw falls.
        killed += strike(struck, shop.folder, stage(command, DAY), took * draw.uniform(0.35, 0.95))
        finish(struck, shop.folder, stage(command, DAY))
    assert killed >= 4, "too few of the strikes met a running stage to prove anything"
    assert release_of(struck) == release_of(whole)
    assert contents(struck, shop, DAY) == contents(whole, shop, DAY)
