"""SIGKILL in each stage: the same command again gives the same content as an undisturbed night."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

from pyspark.sql import SparkSession

from jobs.lib import contracts, stages
from jobs.lib.tables import content_hash
from tests.conftest import settings_of
from tests.e2e.nights import release_of
from tests.shop import Shop, usual_day

DAY = date(2026, 3, 5)
COMMANDS = (["landed"], ["validated"], ["features"], ["train"], ["recommendations"], ["published"])
SEED = 20261121


def start(home: Path, store: Path, command: list[str]) -> subprocess.Popen:
    """``python -m jobs …`` in a process group of its own, with its JVM and workers in it."""
    env = {**os.environ, "DAYBREAK_HOME": str(home), "DAYBREAK_STORE": str(store), "DAYBREAK_MASTER": "local[2]"}
    env |= {"DAYBREAK_DRIVER_MEMORY": "1g", "DAYBREAK_SETTLE_SECONDS": "0", "PRODUCTS": "recommendations"}
    whole = [sys.executable, "-m", "jobs", *command, "--as-of", str(DAY)]
    with (home.parent / f"{home.name}.log").open("ab") as log:
        return subprocess.Popen(whole, env=env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)


def finish(home: Path, store: Path, command: list[str]) -> float:
    """Runs a command to its end; how many seconds it took."""
    started = time.monotonic()
    code = start(home, store, command).wait()
    log = (home.parent / f"{home.name}.log").read_text(errors="replace")
    assert code == 0, f"{command} ended with {code}:\n{log[-3000:]}"
    return time.monotonic() - started


def test_a_stage_killed_anywhere_is_mended_by_running_it_again(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop.create(tmp_path, settings_of(tmp_path / "whole"))
    for back in range(4):
        shop.deliver(DAY - timedelta(days=back), usual_day(DAY - timedelta(days=back)))
    whole, struck = tmp_path / "whole", tmp_path / "struck"
    for home in (whole, struck):
        home.mkdir()
    draw = random.Random(SEED)
    killed = 0
    for command in COMMANDS:
        took = finish(whole, shop.folder, command)
        victim = start(struck, shop.folder, command)
        try:
            # From the first Spark job to the last row of the completion, wherever the draw falls.
            victim.wait(timeout=took * draw.uniform(0.35, 0.95))
        except subprocess.TimeoutExpired:
            os.killpg(victim.pid, signal.SIGKILL)
            killed += victim.wait() == -signal.SIGKILL
        finish(struck, shop.folder, command)
    assert killed >= 4, "too few of the strikes met a running stage to prove anything"

    assert release_of(struck) == release_of(whole)
    made = {}
    for home in (whole, struck):
        tables = stages.looking("tests", settings_of(home, DAYBREAK_STORE=str(shop.folder)), DAY).tables
        names = [*contracts.names("validated"), *contracts.names("features"), *contracts.names("recommendations")]
        made[home] = {name: content_hash(frame, frame.columns) for name in names for frame in [tables.read(name, DAY)]}
    assert made[struck] == made[whole]
