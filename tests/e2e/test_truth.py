"""A night of the simulated store held against what is true of it: the bots found, and the lists beside the oracle's."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.lib import stages
from jobs.lib.settings import Settings
from jobs.recommendations import train
from jobs.store import stage as world
from jobs.store.truth import Truth
from jobs.store.world import WorldParams
from tests.conftest import settings_of

DAY = date(2026, 3, 3)
WORLD = WorldParams(customers=400, items=200, history_days=120)


@pytest.fixture(scope="module")
def checked(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The home of a small store whose history has been validated."""
    home = tmp_path_factory.mktemp("truth")
    settings = settings_of(home, DAYBREAK_STORE="simulated", DAYBREAK_CONTROL_SHARE="0", DAYBREAK_EXPLORATION_SHARE="0")
    world.run(settings.home, settings.publish, DAY, params=WORLD, spark=lambda: spark, read=lambda key: None)
    for stage in ("landed", "validated"):
        stages.run(stage, settings, DAY)
    return settings


@pytest.fixture(scope="module")
def settled(checked: Settings) -> Settings:
    """The same home after its first night."""
    stages.run("features", checked, DAY)
    train.run(stages.open_night("recommendations", checked, DAY))
    stages.run("recommendations", checked, DAY)
    return checked


def test_bots_are_found_and_people_are_not_taken_for_them(checked: Settings) -> None:
    """By visitor, over the whole history: one that is a machine on a day is one."""
    tables = stages.looking("tests", checked, DAY).tables
    events = tables.read("validated.events", DAY).where(F.col("event_type") != "impression")
    seen = events.where(~F.col("is_test")).groupBy("visitor_id").agg(F.max("is_bot").alias("is_bot")).toPandas()
    bots = Truth(checked.home / "stores" / "simulated").bots()
    is_bot = seen["visitor_id"].isin(set(bots["visitor_id"]))
    found = seen["is_bot"].astype(bool)
    assert is_bot.sum() >= 20, "too few bots to measure on"
    precision, recall = (found & is_bot).sum() / found.sum(), (found & is_bot).sum() / is_bot.sum()
    assert precision >= 0.95, f"precision {precision:.3f}"
    assert recall >= 0.6, f"recall {recall:.3f}"


def test_lists_come_nearer_to_the_oracles_than_popularity(settled: Settings) -> None:
    tables = stages.looking("tests", settled, DAY).tables
    lists = tables.read("recommendations.for_customer", DAY).toPandas()
    item = tables.read("features.item", DAY).toPandas()
    popular = item[item["is_active"]].sort_values(["customers_28d", "item_id"], ascending=[False, True])["item_id"][:20]
    truth, tomorrow = Truth(settled.home / "stores" / "simulated"), DAY + timedelta(days=1)
    for placement in ("home", "discover"):
        ours = lists[lists["placement"] == placement]
        places = pd.DataFrame({"rank": range(1, len(popular) + 1), "item_id": popular.to_numpy()})
        same = ours[["customer_id"]].drop_duplicates().merge(places, how="cross")
        near = truth.judged(tomorrow, ours, placement=placement, horizon_days=28)["ndcg"].mean()
        far = truth.judged(tomorrow, same, placement=placement, horizon_days=28)["ndcg"].mean()
        assert near > 1.05 * far, f"{placement}: {near:.3f} of the oracle's, popularity {far:.3f}"
