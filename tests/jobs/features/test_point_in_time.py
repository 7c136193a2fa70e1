"""A day computed long after equals the same day computed on its night, with late and corrected rows in play."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.lib import contracts
from jobs.lib.tables import content_hash
from tests.conftest import settings_of
from tests.shop import Shop, order, usual_day

FIRST = date(2026, 3, 2)
DAYS = [FIRST + timedelta(days=n) for n in range(3)]
DAILY = [name for name in contracts.names("features") if contracts.load(name).history == "daily"]
UPSTREAM = ("landed", "validated", "features")
LATE = order("late", DAYS[0], "c1", "i1", units=9)
CORRECTED = [(*row[:5], row[5] + 5, *row[6:]) for row in usual_day(DAYS[0])[2:]]
KNOWN = [*CORRECTED, LATE, *usual_day(DAYS[1]), *usual_day(DAYS[2])]


def hashes(shop: Shop, day: date) -> dict[str, str]:
    return {name: content_hash(frame, frame.columns) for name in DAILY for frame in [shop.read(name, day)]}


@pytest.fixture(scope="module")
def nights(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, dict[str, str]]:
    """A shop after two nights, and the hashes of the first one's features on that night. The second brings its own
    file, a late order of an earlier day, and the first day's file corrected."""
    folder = tmp_path_factory.mktemp("point-in-time")
    shop = Shop.create(folder, settings_of(folder / "home"))
    for day in DAYS[:2]:
        shop.deliver(day, usual_day(day))
    shop.run(DAYS[1], *UPSTREAM)
    on_its_night = hashes(shop, DAYS[1])
    shop.deliver(DAYS[2], [*usual_day(DAYS[2]), LATE])
    shop.deliver(DAYS[0], CORRECTED)
    shop.run(DAYS[2], *UPSTREAM)
    return shop, on_its_night


def test_features_of_a_night_are_the_same_when_computed_long_after(nights: tuple[Shop, dict[str, str]]) -> None:
    shop, on_its_night = nights
    assert shop.read("validated.order_lines", DAYS[2]).where(F.col("order_date") == F.lit(DAYS[0])).count() == 19
    shop.run(DAYS[1], "features")
    assert hashes(shop, DAYS[1]) == on_its_night
    units = shop.read("features.customer_item", DAYS[2]).agg(F.sum("units")).first()[0]
    assert units == sum(row[5] for row in KNOWN)


def test_weekly_partials_add_up_to_what_is_known_now(nights: tuple[Shop, dict[str, str]]) -> None:
    shop, _ = nights
    shop.run(DAYS[2], "features")
    weeks = shop.read("features.item_weekly", DAYS[2]).agg(F.sum("units").alias("units"), F.sum("lines").alias("lines"))
    assert tuple(weeks.first()) == (sum(row[5] for row in KNOWN), len(KNOWN))
