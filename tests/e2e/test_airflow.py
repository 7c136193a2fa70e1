"""A whole night of a small store through Airflow: its engine, a stage, Airflow and the command itself are killed, the
same command run again; then a bad day."""

from __future__ import annotations

import os
import signal
import subprocess
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import psutil
import psycopg
import pytest
from pyspark.sql import SparkSession

from jobs.lib import airflow
from jobs.lib.engine import SERVER
from tests.conftest import settings_of
from tests.e2e.nights import LIMIT_SECONDS, finish, release_of, said, start, until_said, whole_night
from tests.faults.strikes import contents, delivered
from tests.postgres import PASSWORD, binaries
from tests.shop import Shop, order, usual_day

DAY = date(2026, 3, 5)


def run(home: Path, shop: Shop, day: date, **variables: str) -> subprocess.Popen:
    """``make run`` as make calls it."""
    return start(
        home, shop.folder, ["jobs.lib.nights", "run", "--store", str(shop.folder), "--day", str(day)], **variables
    )


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


def strike_three_times(home: Path, night: subprocess.Popen) -> None:
    """Takes from a night its engine, then a stage, then Airflow itself; the command says so and ends."""
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


def test_a_night_through_airflow_comes_through_strikes_and_a_bad_day(
    spark: SparkSession, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    home, whole = tmp_path / "home", tmp_path / "whole"
    kept = {"AWS_ACCESS_KEY_ID": "access-key-kept", "AWS_SECRET_ACCESS_KEY": "secret-key-kept"}
    kept |= {"AWS_SESSION_TOKEN": "session-token-kept", "DAYBREAK_WAREHOUSE": warehouse_of(request, home)}
    kept |= {"DAYBREAK_CONTROL_SHARE": "0"}
    shop = delivered(tmp_path, DAY)

    strike_three_times(home, run(home, shop, DAY, **kept))
    told = len(said(home))
    again = run(home, shop, DAY, **kept)
    until_said(home, again, f"{'validated':24} running", told)
    again.send_signal(signal.SIGKILL)
    again.wait()
    assert not (home / "published").exists()

    assert run(home, shop, DAY, **kept).wait(LIMIT_SECONDS) == 0, said(home)[-4000:]
    release = release_of(home)
    lists = pd.read_parquet(next((home / "published").glob("shop/recommendations/for_customer/*/*/*.parquet")))
    assert set(lists["placement"]) >= {"home", "buy_again"}
    assert lists.groupby(["customer_id", "variant", "placement"])["rank"].min().eq(1).all()
    assert lists["reason"].str.len().gt(0).all()

    whole.mkdir()
    finish(whole, shop.folder, whole_night(DAY), DAYBREAK_CONTROL_SHARE="0")
    assert release == release_of(whole)
    assert contents(home, shop, DAY) == contents(whole, shop, DAY)
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
