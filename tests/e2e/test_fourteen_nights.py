"""Fourteen nights by ``make backfill`` and by Airflow itself equal nights run one by one, release for release; then
readers go back and forth by Airflow's DAG, and late rows are repaired by ``make repair``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs import repair
from jobs.lib import airflow, nights
from jobs.lib.airflow_api import USER, Api
from jobs.published import history, releases
from tests.conftest import settings_of
from tests.e2e.nights import finish, release_of, releases_of, start, until_said
from tests.e2e.test_backfill import night
from tests.shop import Shop, order, usual_day
from tests.waiting import until

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


@pytest.fixture(scope="module")
def under_airflow(one_by_one: dict[str, list[str]], shop: Shop) -> Iterator[tuple[Path, Api]]:
    """A home whose nights an Airflow that stays up has run, as dags/nightly.py says it."""
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
        until_success(lambda: nights.listed(api, run_type="backfill"), len(DAYS))
        yield home, api
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait(120)


def until_success(asked: Callable[[], list[dict]], runs: int) -> None:
    """Waits until so many runs have succeeded; none may fail."""

    def have_succeeded() -> bool:
        states = [run["state"] for run in asked()]
        assert "failed" not in states, states
        return states == ["success"] * runs

    until(have_succeeded, LIMIT_SECONDS, told=lambda: str(asked()), every=2)


def test_by_airflows_own_command(under_airflow: tuple[Path, Api], one_by_one: dict[str, list[str]]) -> None:
    assert releases_of(under_airflow[0]) == one_by_one


def test_readers_are_taken_back_and_forth_by_airflows_dag(
    under_airflow: tuple[Path, Api], one_by_one: dict[str, list[str]], shop: Shop
) -> None:
    home, api = under_airflow
    newest, before = (one_by_one[str(day)][-1] for day in (DAYS[-1], DAYS[-2]))
    for to, expected in (("previous", before), ("latest", newest)):
        why = f"a test of {to}; $(touch {home}/typed)"
        conf = {"store": str(shop.folder), "product": "recommendations", "to": to, "why": why}
        runs = "/dags/rollback/dagRuns"
        api.call("POST", runs, {"dag_run_id": to, "logical_date": None, "conf": conf})
        until_success(lambda run=f"{runs}/{to}": [api.get(run)], 1)
        assert release_of(home) == expected
        last = history.rollbacks(releases.open_product(settings_of(home), "shop", "recommendations"))[-1]
        assert last.done_at is not None
        assert (last.asked, last.to, last.by, last.why) == (to, expected, USER, why)
    assert not (home / "typed").exists(), "what a person types was run as a command"


def test_late_rows_are_repaired_by_make_repair(
    under_airflow: tuple[Path, Api], one_by_one: dict[str, list[str]], shop: Shop
) -> None:
    """The nights that used them, and no others, end as in a home repaired by hand; a second repair does nothing."""
    late = [order(f"late-{n}", DAYS[-2], f"c{n}", f"i{n}", units=2) for n in range(3)]
    shop.deliver(DAYS[-2], late, name=f"orders-{DAYS[-2]}-late.csv")
    assert repair.run(shop.settings) == DAYS[-2:]
    for day in DAYS[-2:]:
        night(shop, day)
    expected = releases_of(shop.settings.home)
    home = under_airflow[0]
    for _ in range(2):
        finish(home, shop.folder, ["jobs.lib.nights", "repair", "--store", str(shop.folder)])
        assert releases_of(home) == expected
    assert all(len(made) == 1 + (day in map(str, DAYS[-2:])) for day, made in expected.items())
