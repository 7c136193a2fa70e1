"""SIGKILL in each stage: running it again and going on gives the same content as an undisturbed night."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import time
from datetime import date, timedelta
from pathlib import Path

from pyspark.sql import SparkSession

from tests.e2e.nights import COMMANDS, finish, said, start, whole_night
from tests.faults.strikes import delivered, ended, is_whole, warehouse_of
from tests.shop import Shop

DAY = date(2026, 3, 5)
SEED = 20261121
LIMIT_SECONDS = 900
NAMES = [command[0] for command in COMMANDS]
LOADING = ("published", "warehouse")  # a strike that comes late in the one is in the other


def strike_in(home: Path, shop: Shop, first: str, name: str, after_seconds: float) -> bool:
    """Runs the stages from ``first`` on and kills them so many seconds after the stage ``name`` began; whether they
    were still at work."""
    heard = len(said(home))
    night = start(home, shop.folder, whole_night(DAY, first))
    until = time.monotonic() + LIMIT_SECONDS
    while f"== {name} of {DAY}\n" not in said(home)[heard:]:
        assert night.poll() is None and time.monotonic() < until, said(home)[-3000:]
        time.sleep(0.1)
    time.sleep(after_seconds)
    is_at_work = night.poll() is None
    if is_at_work:
        os.killpg(night.pid, signal.SIGKILL)
    night.wait()
    return is_at_work


def test_a_stage_killed_anywhere_is_mended_by_running_it_again(spark: SparkSession, tmp_path: Path) -> None:
    """The home has the release of the night before to lose."""
    shop = delivered(tmp_path, DAY)
    home, whole, earlier = tmp_path / "home", tmp_path / "whole", tmp_path / "earlier"
    home.mkdir()
    finish(home, shop.folder, whole_night(DAY - timedelta(days=1)))
    shutil.copytree(home, earlier)
    finish(home, shop.folder, whole_night(DAY))
    took = {name: float(re.findall(rf"== {name} of {DAY} took (\S+) s", said(home))[-1]) for name in NAMES}
    home.rename(whole)
    earlier.rename(home)
    loaded = warehouse_of(home)
    draw = random.Random(SEED)
    killed = 0
    for before, name in zip([NAMES[0], *NAMES], NAMES, strict=False):
        # The stage that was struck before runs again, then comes the next.
        killed += strike_in(home, shop, before, name, took[name] * draw.uniform(0.0, 0.95))
        assert is_whole(home)
        assert warehouse_of(home) == loaded or name in LOADING
    finish(home, shop.folder, whole_night(DAY, NAMES[-1]))
    assert killed >= 6, "too few of the strikes met a stage at work to prove anything"
    assert ended(home, shop, DAY) == ended(whole, shop, DAY)
