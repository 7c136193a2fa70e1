"""Fourteen nights by ``make backfill`` and by Airflow itself equal nights run one by one: release for release."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.lib import airflow, nights
from jobs.lib.airflow_api import Api
from tests.conftest import settings_of
from tests.e2e.nights import finish, releases_of, start, until_said
from tests.e2e.test_backfill import night
from tests.shop import Shop, usual_day

FIRST = date(2026, 3, 5)
DAYS = [FIRST + timedelta(days=later) for later in range(14)]
LAST = DAYS[-1]
LIMIT_SECONDS = 3600


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop that has delivered all days."""
    folder = tmp_path_factory.mktemp("fourteen")
    made = Shop.create(folder, settings_of(folder / "one_by_one"))
    for day in [FIRST - timedelta(days=back) for back in (3, 2, 1)] + DAYS:
        made.deliver(day, usual_day(day))
    return made


@pytest.fixture(scope="module")
def one_by_one(spark: SparkSession, shop: Shop) -> dict[str, list[str]]:
    """The releases of the nights in order, each once."""
    for day in DAYS:
        night(shop, day)
    releases = releases_of(shop.settings.home)
    assert len({release for (release,) in releases.values()}) == len(DAYS), "nights alike prove nothing"
    return releases


def test_by_make_backfill(one_by_one: dict[str, list[str]], shop: Shop) -> None:
    home = shop.settings.home.with_name("by_make")
    command = ["jobs.lib.nights", "backfill", "--store", str(shop.folder), "--from", str(FIRST), "--to", str(LAST)]
    finish(home, shop.folder, command)
    assert releases_of(home) == one_by_one


def test_by_airflows_own_command(one_by_one: dict[str, list[str]], shop: Shop) -> None:
    """As dags/nightly.py says it, beside an Airflow that is up."""
    home = shop.settings.home.with_name("by_airflow")
    settings = settings_of(home, DAYBREAK_STORE=str(shop.folder))
    up = start(home, shop.folder, ["jobs.lib.nights", "up"])
    try:
        until_said(home, up, "password")
        server = airflow.running(settings)
        assert server is not None
        backfill = ["--dag-id", nights.DAG, "--from-date", str(FIRST), "--to-date", str(LAST)]
        backfill += ["--max-active-runs", "1", "--reprocess-behavior", "completed"]
        command = [str(Path(sys.executable).with_name("airflow")), "backfill", "create", *backfill]
        env = airflow.environment(settings, server, os.environ)
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        api = Api(server.url, server.password)
        until = time.monotonic() + LIMIT_SECONDS
        while True:
            states = [run["state"] for run in nights.listed(api, run_type="backfill")]
            assert "failed" not in states and time.monotonic() < until, states
            if states == ["success"] * len(DAYS):
                break
            time.sleep(2)
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait(120)
    assert releases_of(home) == one_by_one
