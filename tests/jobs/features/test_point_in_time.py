"""A day computed long after equals the same day computed on its night, with late and corrected rows in play."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.lib import contracts
from jobs.lib.settings import Settings
from jobs.lib.tables import content_hash
from tests.shop import Shop, order, usual_day

FIRST = date(2026, 3, 2)
DAYS = [FIRST + timedelta(days=n) for n in range(4)]
DAILY = [name for name in contracts.names("features") if contracts.load(name).history == "daily"]
UPSTREAM = ("landed", "validated", "features")


def hashes(shop: Shop, day: date) -> dict[str, str]:
    return {name: content_hash(frame, frame.columns) for name in DAILY for frame in [shop.read(name, day)]}


def test_features_of_a_night_are_the_same_when_computed_long_after(
    spark: SparkSession, tmp_path: Path, home: Settings
) -> None:
    shop = Shop.create(tmp_path, home)
    for day in DAYS[:2]:
        shop.deliver(day, usual_day(day))
    shop.run(DAYS[1], *UPSTREAM)
    on_its_night = hashes(shop, DAYS[1])

    # The next night brings its own file, a late order of an earlier day, and the first day's file corrected.
    late = order("late", DAYS[0], "c1", "i1", units=9)
    shop.deliver(DAYS[2], [*usual_day(DAYS[2]), late])
    corrected = [(*row[:5], row[5] + 5, *row[6:]) for row in usual_day(DAYS[0])[2:]]
    shop.deliver(DAYS[0], corrected)
    shop.run(DAYS[2], *UPSTREAM)
    assert shop.read("validated.order_lines", DAYS[2]).where(F.col("order_date") == F.lit(DAYS[0])).count() == 19

    shop.run(DAYS[1], "features")
    assert hashes(shop, DAYS[1]) == on_its_night
    units = shop.read("features.customer_item", DAYS[2]).agg(F.sum("units")).first()[0]
    expected = sum(row[5] for day in DAYS[1:3] for row in usual_day(day)) + sum(row[5] for row in corrected) + 9
    assert units == expected


def test_weekly_partials_add_up_to_what_is_known_now(spark: SparkSession, tmp_path: Path, home: Settings) -> None:
    shop = Shop.create(tmp_path, home)
    shop.deliver(DAYS[0], usual_day(DAYS[0]))
    shop.run(DAYS[0], *UPSTREAM)
    shop.deliver(DAYS[1], usual_day(DAYS[1]))
    shop.deliver(DAYS[0], usual_day(DAYS[0])[:15])
    for _ in range(2):
        shop.run(DAYS[1], *UPSTREAM)
    weeks = shop.read("features.item_weekly", DAYS[1]).agg(F.sum("units").alias("units"), F.sum("lines").alias("lines"))
    rows = [*usual_day(DAYS[0])[:15], *usual_day(DAYS[1])]
    assert tuple(weeks.first()) == (sum(row[5] for row in rows), len(rows))
