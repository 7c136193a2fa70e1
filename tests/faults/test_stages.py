"""SIGKILL in each stage: the same command again gives the same content as an undisturbed night."""

from __future__ import annotations

import random
import shutil
from datetime import date, timedelta
from pathlib import Path

from pyspark.sql import SparkSession

from tests.e2e.nights import COMMANDS, finish, stage, whole_night
from tests.faults.strikes import delivered, ended, is_whole, strike, warehouse_of

DAY = date(2026, 3, 5)
SEED = 20261121


def test_a_stage_killed_anywhere_is_mended_by_running_it_again(spark: SparkSession, tmp_path: Path) -> None:
    """The home has the release of the night before to lose."""
    shop = delivered(tmp_path, DAY)
    home, whole, earlier = tmp_path / "home", tmp_path / "whole", tmp_path / "earlier"
    home.mkdir()
    finish(home, shop.folder, whole_night(DAY - timedelta(days=1)))
    shutil.copytree(home, earlier)
    took = {command[0]: finish(home, shop.folder, stage(command, DAY)) for command in COMMANDS}
    home.rename(whole)
    earlier.rename(home)
    loaded = warehouse_of(home)
    draw = random.Random(SEED)
    killed = 0
    for command in COMMANDS:
        # From the first Spark job to the last row of the completion, wherever the draw falls.
        killed += strike(home, shop.folder, stage(command, DAY), took[command[0]] * draw.uniform(0.35, 0.95))
        assert is_whole(home)
        assert warehouse_of(home) == loaded or command == ["warehouse"]
        finish(home, shop.folder, stage(command, DAY))
    assert killed >= 4, "too few of the strikes met a running stage to prove anything"
    assert ended(home, shop, DAY) == ended(whole, shop, DAY)
