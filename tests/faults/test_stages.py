"""SIGKILL in stages: running them again and going on gives the same content as an undisturbed night."""

from __future__ import annotations

import random
import shutil
from datetime import date, timedelta
from pathlib import Path

from pyspark.sql import SparkSession

from tests.e2e.nights import COMMANDS, finish, whole_night
from tests.faults.strikes import delivered, ended, is_whole, strike, took, warehouse_of

DAY = date(2026, 3, 5)
SEED = 20261121
NAMES = [command[0] for command in COMMANDS]
STRIKES = 4  # in stages that the seed draws (not `warehouse`: half a second); the benchmark `faults` strikes all, often


def test_a_stage_killed_anywhere_is_mended_by_running_it_again(spark: SparkSession, tmp_path: Path) -> None:
    """The home has the release of the night before to lose."""
    shop = delivered(tmp_path, DAY)
    home, whole, earlier = tmp_path / "home", tmp_path / "whole", tmp_path / "earlier"
    home.mkdir()
    finish(home, shop.folder, whole_night(DAY - timedelta(days=1)))
    shutil.copytree(home, earlier)
    finish(home, shop.folder, whole_night(DAY))
    usual = took(home, DAY)
    home.rename(whole)
    earlier.rename(home)
    loaded = warehouse_of(home)
    draw = random.Random(SEED)
    chosen = sorted(draw.sample(NAMES[:-1], STRIKES), key=NAMES.index)
    killed = 0
    for before, name in zip([NAMES[0], *chosen], chosen, strict=False):
        # What was struck before runs again, and the stages behind it until the next is struck.
        after_seconds = usual[name] * draw.uniform(0.0, 0.95)
        killed += strike(home, shop.folder, whole_night(DAY, before), after_seconds, once=f"== {name} of {DAY}\n")
        assert is_whole(home)
        assert warehouse_of(home) == loaded or name == "published"  # a late strike is in the next
    finish(home, shop.folder, whole_night(DAY, chosen[-1]))
    assert killed >= STRIKES - 1, "too few of the strikes met a stage at work to prove anything"
    assert ended(home, shop, DAY) == ended(whole, shop, DAY)
