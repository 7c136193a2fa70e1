"""Which nights a repair runs again: all that took something in and were not published since, in order."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pyspark.sql import SparkSession

from jobs import repair
from jobs.landed import redating
from jobs.lib import lineage, stages
from jobs.lib.settings import Settings
from jobs.repair import Plan
from tests.jobs.landed.conftest import open_shop
from tests.shop import Shop, order, usual_day

DAYS = [date(2026, 3, 5) + timedelta(days=n) for n in range(4)]
MOVED = datetime(2026, 3, 9, 12, tzinfo=UTC)


def test_a_night_that_was_validated_and_never_published_is_run_again_too(
    spark: SparkSession, home: Settings, tmp_path: Path
) -> None:
    shop = Shop.create(tmp_path, home)
    night = stages.looking("repair", shop.settings, DAYS[-1])

    def completed(stage: str, day: date, hours: int) -> None:
        at = MOVED + timedelta(hours=hours)
        lineage.complete(night.tables, stage, day, [], 0.0, None, at, None)

    for day in DAYS[:3]:
        completed("validated", day, -3)
    completed("landed", DAYS[3], -3)
    for day in (DAYS[0], DAYS[1]):
        completed("published", day, -2)
    plan = Plan(str(DAYS[1]), MOVED.isoformat())
    # The third failed before it was published, the fourth took nothing in.
    assert repair.nights(night, plan) == DAYS[1:3]
    completed("published", DAYS[1], 1)
    assert repair.nights(night, plan) == [DAYS[2]]
    completed("published", DAYS[2], 2)
    assert repair.nights(night, plan) == []


def test_a_night_run_between_two_halves_of_a_repair_is_run_again_after_what_it_stands_on() -> None:
    plan, moved = Plan(str(DAYS[0]), MOVED.isoformat()), MOVED.timestamp()
    # The repair was killed after the first night, and the third was run by hand.
    killed = [(DAYS[0], moved + 1), (DAYS[1], moved - 9), (DAYS[2], moved + 2)]
    assert repair.due(killed, plan) == DAYS[1:3]
    # Killed again, after the second.
    killed[1] = (DAYS[1], moved + 3)
    assert repair.due(killed, plan) == DAYS[2:3]
    killed[2] = (DAYS[2], moved + 4)
    assert repair.due(killed, plan) == []


def test_late_rows_count_from_the_first_night_that_can_be_made_again(
    spark: SparkSession, home: Settings, tmp_path: Path
) -> None:
    shop = open_shop(spark, home, tmp_path)
    days = [date(2026, 2, n) for n in (2, 3, 4, 5)]
    for day in days[:3]:
        shop.deliver(f"orders-{day}.csv", f"order,item,price\n{day.day},mug,4.50\n")
        shop.run(day)
    shop.deliver("orders-2026-02-01.csv", "order,item,price\n1,kettle,20.00\n")
    shop.run(days[3])
    night = shop.night(days[3])
    late = redating.late(night, night.store.sources["orders"], oldest=days[1])
    assert late is not None and (late.files, late.first) == (("orders-2026-02-01.csv",), days[1])
    redating.redate(night, late, oldest=days[1])
    known = {row["_file"]: row["_known_day"] for row in shop.rows() if row["_row"] > 0}
    assert known == {f"orders-{day}.csv": day for day in days[:3]} | {"orders-2026-02-01.csv": days[1]}
    assert redating.late(night, night.store.sources["orders"], oldest=days[1]) is None


def test_what_came_after_the_newest_night_is_landed_and_counts_from_its_own_day(
    spark: SparkSession, home: Settings, tmp_path: Path
) -> None:
    shop = Shop.create(tmp_path, home)
    for day in DAYS[:3]:
        shop.deliver(day, usual_day(day))
        shop.run(day, "landed", "validated")
    late = shop.deliver(DAYS[1], [order("late", DAYS[1], "c1", "i1", units=2)], name=f"orders-{DAYS[1]}-late.csv")
    tomorrow = shop.deliver(DAYS[3], usual_day(DAYS[3]))
    for _ in range(2):  # a repair that was killed before the nights ran names them again
        assert repair.run(shop.settings) == DAYS[1:3]
    landed = stages.looking("tests", shop.settings, DAYS[3]).tables.read_landed("orders")
    assert landed is not None
    known = {row["_file"]: row["_known_day"] for row in landed.select("_file", "_known_day").distinct().collect()}
    assert known[late.name] == DAYS[1] and tomorrow.name not in known
