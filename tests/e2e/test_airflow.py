"""A whole night of a small store through Airflow: killed once in the middle, run again by the same command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from tests.conftest import settings_of
from tests.e2e.nights import release_of
from tests.shop import Shop, order, usual_day

DAY = date(2026, 3, 5)
LIMIT_SECONDS = 900


def run(home: Path, shop: Shop, day: date) -> subprocess.Popen:
    """``make run`` as make calls it."""
    env = {**os.environ, "DAYBREAK_HOME": str(home), "DAYBREAK_MASTER": "local[2]", "DAYBREAK_DRIVER_MEMORY": "1g"}
    env |= {"DAYBREAK_SETTLE_SECONDS": "0", "DAYBREAK_CONTROL_SHARE": "0", "PRODUCTS": "recommendations"}
    command = [sys.executable, "-m", "jobs.lib.nights", "run", "--store", str(shop.folder), "--day", str(day)]
    with (home.parent / "night.log").open("ab") as log:
        return subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)


def said(home: Path) -> str:
    return (home.parent / "night.log").read_text(errors="replace")


def test_a_night_through_airflow_survives_a_kill_and_a_bad_day(tmp_path: Path) -> None:
    home = tmp_path / "home"
    shop = Shop.create(tmp_path, settings_of(home))
    for back in range(4):
        shop.deliver(DAY - timedelta(days=back), usual_day(DAY - timedelta(days=back)))

    first = run(home, shop, DAY)
    until = time.monotonic() + LIMIT_SECONDS
    while "validated                running" not in said(home):
        assert first.poll() is None and time.monotonic() < until, said(home)[-3000:]
        time.sleep(0.5)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert not (home / "published").exists()

    assert run(home, shop, DAY).wait(LIMIT_SECONDS) == 0, said(home)[-4000:]
    release = release_of(home)
    lists = pd.read_parquet(next((home / "published").glob("shop/recommendations/for_customer/*/*/*.parquet")))
    assert set(lists["placement"]) >= {"home", "buy_again"}
    assert lists.groupby(["customer_id", "variant", "placement"])["rank"].min().eq(1).all()
    assert lists["reason"].str.len().gt(0).all()

    # The next day most of its lines are broken: the night fails, names table and rule, and yesterday stays.
    bad = DAY + timedelta(days=1)
    shop.deliver(bad, [order(n, bad, f"c{n}", "i1", units=-1) for n in range(15)] + usual_day(bad)[:5])
    assert run(home, shop, bad).wait(LIMIT_SECONDS) == 1
    assert "validated.order_lines" in said(home) and "quarantined_share" in said(home)
    assert release_of(home) == release
