"""A whole night of a small store through Airflow: killed once in the middle, run again by the same command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import psycopg
import pytest

from tests.conftest import settings_of
from tests.e2e.nights import release_of
from tests.postgres import PASSWORD, binaries
from tests.shop import Shop, order, usual_day

DAY = date(2026, 3, 5)
LIMIT_SECONDS = 900


def run(home: Path, shop: Shop, day: date, **variables: str) -> subprocess.Popen:
    """``make run`` as make calls it."""
    env = {**os.environ, "DAYBREAK_HOME": str(home), "DAYBREAK_MASTER": "local[2]", "DAYBREAK_DRIVER_MEMORY": "1g"}
    env |= {"DAYBREAK_SETTLE_SECONDS": "0", "DAYBREAK_CONTROL_SHARE": "0", "PRODUCTS": "recommendations"}
    env |= variables
    command = [sys.executable, "-m", "jobs.lib.nights", "run", "--store", str(shop.folder), "--day", str(day)]
    with (home.parent / "night.log").open("ab") as log:
        return subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)


def said(home: Path) -> str:
    return (home.parent / "night.log").read_text(errors="replace")


def warehouse_of(request: pytest.FixtureRequest, home: Path) -> str:
    """A Postgres of the tests' own, so that a password is there to be kept; without one the file in the home."""
    return request.getfixturevalue("postgres_url") if binaries() else str(home / "warehouse" / "shop.duckdb")


def loaded(warehouse: str) -> list[tuple]:
    """What a reader of the warehouse is told of its releases."""
    asked = "SELECT release, as_of, state FROM daybreak.releases"
    with psycopg.connect(warehouse) if "://" in warehouse else duckdb.connect(warehouse, read_only=True) as reader:
        return reader.execute(asked).fetchall()  # type: ignore[union-attr]


def revealing(folder: Path, secrets: list[str]) -> list[str]:
    """Files below the folder that hold one of the secrets, in whatever format."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [str(path) for path in files if any(secret.encode() in path.read_bytes() for secret in secrets)]


def test_a_night_through_airflow_survives_a_kill_and_a_bad_day(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    home = tmp_path / "home"
    kept = {"AWS_ACCESS_KEY_ID": "access-key-kept", "AWS_SECRET_ACCESS_KEY": "secret-key-kept"}
    kept |= {"AWS_SESSION_TOKEN": "session-token-kept", "DAYBREAK_WAREHOUSE": warehouse_of(request, home)}
    shop = Shop.create(tmp_path, settings_of(home))
    for back in range(4):
        shop.deliver(DAY - timedelta(days=back), usual_day(DAY - timedelta(days=back)))

    first = run(home, shop, DAY, **kept)
    until = time.monotonic() + LIMIT_SECONDS
    while "validated                running" not in said(home):
        assert first.poll() is None and time.monotonic() < until, said(home)[-3000:]
        time.sleep(0.5)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert not (home / "published").exists()

    assert run(home, shop, DAY, **kept).wait(LIMIT_SECONDS) == 0, said(home)[-4000:]
    release = release_of(home)
    lists = pd.read_parquet(next((home / "published").glob("shop/recommendations/for_customer/*/*/*.parquet")))
    assert set(lists["placement"]) >= {"home", "buy_again"}
    assert lists.groupby(["customer_id", "variant", "placement"])["rank"].min().eq(1).all()
    assert lists["reason"].str.len().gt(0).all()

    assert loaded(kept["DAYBREAK_WAREHOUSE"]) == [(release, DAY, "current")]
    assert release in (home / "reports" / "shop" / f"{DAY}.html").read_text()

    # The next day most of its lines are broken: the night fails, names table and rule, and yesterday stays.
    bad = DAY + timedelta(days=1)
    shop.deliver(bad, [order(n, bad, f"c{n}", "i1", units=-1) for n in range(15)] + usual_day(bad)[:5])
    assert run(home, shop, bad, **kept).wait(LIMIT_SECONDS) == 1
    assert "validated.order_lines" in said(home) and "quarantined_share" in said(home)
    assert release_of(home) == release
    assert loaded(kept["DAYBREAK_WAREHOUSE"]) == [(release, DAY, "current")]

    # Nothing that nights write, Airflow's logs and databases among it, tells a credential.
    assert revealing(tmp_path, [PASSWORD, *(kept[name] for name in kept if name.startswith("AWS"))]) == []
