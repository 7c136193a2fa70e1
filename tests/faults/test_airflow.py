"""A night through Airflow that is struck three times: its engine, then a stage, then Airflow itself."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from datetime import date
from pathlib import Path

import psutil
from pyspark.sql import SparkSession

from jobs.lib import airflow
from jobs.lib.engine import SERVER
from tests.conftest import settings_of
from tests.e2e.nights import finish, release_of, said, start, whole_night
from tests.faults.strikes import contents, delivered

DAY = date(2026, 3, 5)
LIMIT_SECONDS = 900


def until_said(home: Path, night: subprocess.Popen, text: str) -> None:
    until = time.monotonic() + LIMIT_SECONDS
    while text not in said(home):
        assert night.poll() is None and time.monotonic() < until, said(home)[-4000:]
        time.sleep(0.3)


def struck(home: Path, *words: str) -> list[int]:
    """Kills the processes of the home's server whose command line has all the words; their ids."""
    server = airflow.running(settings_of(home))
    assert server is not None
    killed = []
    for process in airflow.members(server):
        try:
            if all(word in " ".join(process.cmdline()) for word in words):
                process.send_signal(signal.SIGKILL)
                killed.append(process.pid)
        except psutil.Error:
            continue
    return killed


def test_a_night_comes_through_the_loss_of_engine_stage_and_airflow(spark: SparkSession, tmp_path: Path) -> None:
    shop = delivered(tmp_path, DAY)
    whole, home = tmp_path / "whole", tmp_path / "struck"
    whole.mkdir()
    command = ["jobs.lib.nights", "run", "--store", str(shop.folder), "--day", str(DAY)]

    night = start(home, shop.folder, command)
    try:
        until_said(home, night, "validating what was known")
        assert struck(home, SERVER, "java"), "no engine was at work"
        # Airflow tries the stage again by itself, on the engine that its keeper has started again.
        until_said(home, night, f"{'features':24} running")
        assert struck(home, "__main__.py", "features"), "no stage was at work"
        until_said(home, night, f"{'features':24} success")
        assert struck(home, "airflow"), "no Airflow was at work"
        assert night.wait(LIMIT_SECONDS) == 1, said(home)[-4000:]
    finally:
        if night.poll() is None:
            os.killpg(night.pid, signal.SIGKILL)
    assert "Airflow has died" in said(home) and "Traceback" not in said(home)
    assert not (home / "published").exists()

    finish(home, shop.folder, command)
    finish(whole, shop.folder, whole_night(DAY))
    assert release_of(home) == release_of(whole)
    assert contents(home, shop, DAY) == contents(whole, shop, DAY)
