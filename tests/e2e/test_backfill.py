"""Nights of a range equal nights one by one, and a repair brings late rows to the same: release for release."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from pyspark.sql import SparkSession

from jobs import repair
from jobs.lib import registry, stages
from jobs.recommendations import train
from tests.conftest import settings_of
from tests.e2e.nights import releases_of
from tests.shop import Shop, order, usual_day

FIRST = date(2026, 3, 5)
DAYS = [FIRST + timedelta(days=later) for later in range(3)]
LATE = [order(f"late-{n}", DAYS[1], f"c{n}", f"i{n}", units=2) for n in range(3)]
STAGES = ("landed", "validated", "features", "recommendations", "published")


def night(shop: Shop, day: date) -> None:
    """A whole night, as ``make run`` runs it: training where it is due."""
    for stage in STAGES:
        if stage == "recommendations" and registry.is_due(shop.settings, "shop", "recommendations", day):
            train.run(stages.open_night("recommendations", shop.settings, day))
        shop.run(day, stage)


def history(shop: Shop) -> None:
    for back in range(1, 4):
        shop.deliver(FIRST - timedelta(days=back), usual_day(FIRST - timedelta(days=back)))


def test_a_backfill_and_a_repair_publish_what_nights_in_time_did(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "at_once").mkdir()
    (tmp_path / "as_it_came").mkdir()
    at_once = Shop.create(tmp_path / "at_once", settings_of(tmp_path / "at_once" / "home"))
    history(at_once)
    for day in DAYS:
        at_once.deliver(day, usual_day(day))
    at_once.deliver(DAYS[1], LATE, name=f"orders-{DAYS[1]}-late.csv")
    for day in DAYS:
        night(at_once, day)
    in_time = releases_of(at_once.settings.home)

    as_it_came = Shop.create(tmp_path / "as_it_came", settings_of(tmp_path / "as_it_came" / "home"))
    history(as_it_came)
    for day in DAYS:
        as_it_came.deliver(day, usual_day(day))
        if day == DAYS[2]:
            as_it_came.deliver(DAYS[1], LATE, name=f"orders-{DAYS[1]}-late.csv")
        night(as_it_came, day)
    before = releases_of(as_it_came.settings.home)
    assert before[str(DAYS[0])] == in_time[str(DAYS[0])], "a night saw what was delivered after it"
    assert before[str(DAYS[1])] != in_time[str(DAYS[1])], "the late file changes nothing: the test proves nothing"

    assert repair.run(as_it_came.settings) == DAYS[1:]
    night(as_it_came, DAYS[1])
    assert repair.run(as_it_came.settings) == DAYS[2:], "a repair that was killed goes on where it was"
    night(as_it_came, DAYS[2])
    assert repair.run(as_it_came.settings) == []

    after = releases_of(as_it_came.settings.home)
    assert after[str(DAYS[0])] == before[str(DAYS[0])], "a night before the late rows was published again"
    for day in map(str, DAYS[1:]):
        assert after[day][-1] == in_time[day][-1] and len(after[day]) <= 2
