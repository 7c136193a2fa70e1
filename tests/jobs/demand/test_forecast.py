"""The published tables from feature rows: they keep their contracts, and agree with each other and any cut of items."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

from jobs.demand import choosing, frames
from jobs.demand import forecast as forecasting
from jobs.demand import train as training
from jobs.demand.choosing import Gate
from jobs.demand.evaluation import evaluation
from jobs.demand.forecast import forecast
from jobs.demand.forecast_total import HORIZONS, forecast_total
from jobs.demand.forecasts import NAMES
from jobs.demand.history import WHOLE
from jobs.demand.model import Model
from jobs.demand.networks import NetworkParams
from jobs.features.campaigns import campaigns
from jobs.features.list_prices import list_prices
from jobs.lib import contracts
from jobs.lib.evaluations import EVALUATION
from jobs.lib.registry import Champion
from tests.conftest import settings_of
from tests.jobs.features.conftest import frame

from .small_shop import DAYS, FIRST_DAY, SMALL, STORE, calendar_of, long, made

AS_OF = FIRST_DAY + timedelta(days=DAYS - 1)
PLACED = ("i001", "i003")
SERIES = 21 + 2 * len(PLACED)  # 20 items that sold and one that did not yet; two open places of some


def item_daily(spark, rows: pd.DataFrame):
    told = rows.assign(day=rows["day"].dt.date, known_day=AS_OF, cancelled=0, returned=0, on_hand=np.nan)
    return spark.createDataFrame(
        told[[field.name for field in contracts.load("features.item_daily").schema()]].to_dict("records"),
        contracts.load("features.item_daily").schema(),
    )


def item_location_daily(spark, rows: pd.DataFrame):
    """The same sales, those of ink and mugs at three places, one of which has long been closed."""
    some = rows[rows["item_id"].isin(PLACED)].reset_index(drop=True)
    old = some["day"] < some["day"].max() - pd.Timedelta(days=100)
    turn = some.index % 3
    place = np.where(old & (turn == 0), "closed", np.where(turn == 1, "north", "south"))
    told = some.assign(location_id=place, day=some["day"].dt.date, known_day=AS_OF, cancelled=0, on_hand=np.nan)
    schema = contracts.load("features.item_location_daily").schema()
    return spark.createDataFrame(told[[field.name for field in schema]].to_dict("records"), schema)


@pytest.fixture(scope="module")
def published(spark, tmp_path_factory):
    rows = long(20)
    folder = tmp_path_factory.mktemp("champion")
    trained = training.train(made(rows), SMALL, 2)
    trained.model.save(folder)
    trained.evaluation.to_csv(folder / EVALUATION, index=False)
    champion = Champion("demand", AS_OF, "abc", folder, {}, None)
    listed = [("i000", "Pen", None, None, True), ("i002", "Old pen", None, date(2025, 1, 1), False)]
    listed.append(("fresh", "Pen", None, AS_OF - timedelta(days=3), True))
    columns = "item_id string, title string, category string, available_from date, is_active boolean"
    item = spark.createDataFrame(listed, columns)
    promotions = frame(
        spark,
        "promotions",
        [
            {
                "promotion_id": "p",
                "item_id": "i001",
                "starts_on": AS_OF + timedelta(days=3),
                "ends_on": AS_OF + timedelta(days=9),
                "depth": 0.2,
                "known_day": AS_OF,
            }
        ],
    )
    listed = [(AS_OF - timedelta(days=90), 10.0), (AS_OF + timedelta(days=5), 8.0)]
    told = {"item_id": "i003", "currency": "EUR", "known_day": AS_OF}
    prices = frame(spark, "prices", [{**told, "valid_from": day, "price": price} for day, price in listed])
    settings = settings_of(tmp_path_factory.mktemp("home"))
    both = item_daily(spark, rows), item_location_daily(spark, rows)
    days = forecast(*both, item, promotions, prices, AS_OF, champion, STORE, settings).cache()
    more = replace(settings, shuffle_partitions=5)
    again = forecast(*both, item, promotions, prices, AS_OF, champion, STORE, more)
    terms = [
        {"supplier_id": "s", "item_id": "i001", "lead_time_days": 9.5, "review_days": 2, "known_day": AS_OF},
        {"supplier_id": "s", "item_id": "i003", "lead_time_days": 13.0, "review_days": 1, "known_day": AS_OF},
        {"supplier_id": "s", "item_id": "i004", "lead_time_days": 60.0, "known_day": AS_OF},
    ]
    refilled = {"location_id": "north", "supplied_from": "south", "transfer_days": 2.0, "known_day": AS_OF}
    known = [frame(spark, "suppliers", terms), frame(spark, "locations", [refilled])]
    known.append(frame(spark, "items", [{"item_id": "i000", "known_day": AS_OF}]))
    totals = forecast_total(days, *known, champion, STORE, settings).cache()
    tables = {"days": days, "again": again, "totals": totals, "evaluation": evaluation(item, champion)}
    return SimpleNamespace(**tables, facts=(item, promotions, prices), champion=champion, settings=settings)


def test_the_tables_keep_their_contracts(published, tables):
    made = {"forecast": published.days, "forecast_total": published.totals, "evaluation": published.evaluation}
    for name, table in made.items():
        assert tables.replace_day(f"demand.{name}", table, AS_OF).rows > 0


def test_a_row_an_item_and_day_ahead_and_totals_that_agree(published):
    days, totals = published.days.toPandas(), published.totals.toPandas()
    assert len(days) == SERIES * 28 and days["target_date"].min() == AS_OF + timedelta(days=1)
    of_all = totals.groupby("horizon_days")["item_id"].agg(["size", "nunique"])
    assert set(HORIZONS) <= set(of_all.index) and (of_all.loc[list(HORIZONS), "size"] == SERIES).all()
    days, totals = (frame[frame["location_id"] == WHOLE] for frame in (days, totals))
    by_item = days.groupby("item_id")["mean"].sum()
    of_28 = totals[totals["horizon_days"] == 28].set_index("item_id")
    assert np.allclose(of_28["mean"], by_item.loc[of_28.index])
    busiest = of_28.loc["i000"]
    summed = days[days["item_id"] == "i000"][list(NAMES)].sum()
    assert busiest["q95"] - busiest["q05"] < summed["q95"] - summed["q05"]


def test_places_that_are_open_are_forecast_and_add_up_to_the_item(published):
    days, totals = published.days.toPandas(), published.totals.toPandas()
    places = days[days["location_id"] != WHOLE]
    assert set(map(tuple, places[["item_id", "location_id"]].to_numpy())) == {
        (item, place) for item in PLACED for place in ("north", "south")
    }
    whole = days[days["location_id"] == WHOLE].set_index(["item_id", "target_date"])["mean"]
    summed = places.groupby(["item_id", "target_date"])["mean"].sum()
    assert np.allclose(summed, whole.loc[summed.index])
    assert (places.groupby("location_id")["mean"].sum() > 0).all()
    told = totals[totals["gap_to_places"].notna()]
    assert set(told["item_id"]) == set(PLACED) and (told["gap_to_places"] < 1e-9).all()


def test_what_was_taken_back_at_once_is_no_demand_of_the_store_either(spark):
    rows = long(3)
    slip = rows.tail(1).assign(item_id="slip", units=74_215, withdrawn=74_215, lines=1)
    found = frames.store_days(frames.item_days(item_daily(spark, pd.concat([rows, slip], ignore_index=True))))
    assert found["units"].sum() == rows["units"].sum() and found["lines"].sum() == rows["lines"].sum() + 1


def test_one_place_alone_is_the_store_as_a_whole(spark, published):
    rows = long(3)
    placed = item_location_daily(spark, rows).where("location_id = 'north'")
    assert frames.place_days(placed, calendar_of(rows, AS_OF)).isEmpty()


def test_places_that_shut_for_a_holiday_together_are_still_open(spark):
    rows = long(3)
    rows = rows[rows["day"] <= pd.Timestamp(AS_OF) - pd.Timedelta(days=31)]
    found = frames.place_days(item_location_daily(spark, rows), calendar_of(rows, AS_OF))
    assert {row["location_id"] for row in found.select("location_id").distinct().collect()} == {"north", "south"}


def test_an_items_own_horizons_are_its_lead_time_alone_and_with_the_review_period(published):
    days, totals = published.days.toPandas(), published.totals.toPandas()
    is_own = ~totals["horizon_days"].isin(HORIZONS)
    own = totals[is_own].groupby(["item_id", "location_id"])["horizon_days"].agg(sorted)
    # Of what has no supplier nothing is known: 7 days, which all have, and 8. The north is refilled in two.
    told = {"i001": [10, 12], "i003": [13], "i004": [60, 61]}
    for (item, place), spans in own.items():
        assert spans == ([2, 3] if place == "north" else told.get(item, [8])), (item, place)
    assert len(own) == SERIES and (totals["gap_to_days"].isna() == (totals["horizon_days"] > 28)).all()
    assert (totals["gap_to_days"].dropna() < 1e-9).all()
    days, totals = (frame[frame["location_id"] == WHOLE].set_index("item_id") for frame in (days, totals))
    of = totals.loc["i001"].set_index("horizon_days")
    ahead = days.loc["i001"].sort_values("target_date")["mean"].to_numpy()
    assert (
        np.isclose(of.loc[12, "mean"], ahead[:12].sum()) and of.loc[7, "q50"] <= of.loc[12, "q50"] <= of.loc[14, "q50"]
    )
    far = totals.loc["i004"].set_index("horizon_days")
    ahead = days.loc["i004"].sort_values("target_date")["mean"].to_numpy()
    assert np.isclose(far.loc[60, "mean"], ahead.sum() + 2 * ahead[14:].sum() + ahead[14:18].sum())


def test_what_the_catalogue_dropped_is_ended(published):
    days = published.days.toPandas()
    assert set(days.loc[days["item_id"] == "i002", "segment"]) == {"ended"}
    assert days.loc[days["item_id"] == "i002", "mean"].sum() == 0


def test_what_the_catalogue_never_listed_is_on_sale_while_it_sells(spark, published):
    item, *told = published.facts
    unlisted = item.withColumn("is_active", F.lit(False)).withColumn("available_from", F.lit(None).cast("date"))
    listed = [{"item_id": "i002", "known_day": FIRST_DAY}, {"item_id": "i002", "known_day": AS_OF, "is_deleted": True}]
    nowhere = spark.createDataFrame([], contracts.load("features.item_location_daily").schema())
    tables = item_daily(spark, long(3)), nowhere, unlisted, *told
    night = AS_OF, published.champion, STORE, published.settings
    found = forecast(*tables, *night, frame(spark, "items", listed)).toPandas().groupby("item_id")
    assert found["segment"].first().to_dict() == {"i000": "dense", "i001": "dense", "i002": "ended"}
    assert found["mean"].sum()["i000"] > 0 == found["mean"].sum()["i002"]
    ending = [{"item_id": "i000", "known_day": AS_OF, "discontinued_on": AS_OF + timedelta(days=5)}]
    days = forecast(*tables[:2], item, *told, *night, items=frame(spark, "items", ending)).toPandas()
    days = days[days["item_id"] == "i000"].sort_values("target_date")
    assert days["mean"].iloc[:4].sum() > 0 == days[["mean", *NAMES]].iloc[4:].to_numpy().sum()


def test_an_item_that_has_not_sold_yet_is_forecast_as_a_new_one(published):
    days = published.days.toPandas()
    fresh = days[days["item_id"] == "fresh"]
    assert len(fresh) == 28 and set(fresh["segment"]) == {"new"}


def test_an_item_and_its_places_know_its_planned_prices(spark, published):
    rows = long(4)
    item, promotions, prices = published.facts
    calendar = calendar_of(rows, AS_OF)
    placed = frames.place_days(item_location_daily(spark, rows), calendar)
    days = frames.item_days(item_daily(spark, rows)).unionByName(placed)
    told = frames.with_facts(days, item, campaigns(promotions), list_prices(prices), AS_OF).toPandas()
    found = frames.dense(told, calendar)
    change = found.planned_price_change
    assert (change.any(axis=1) == (found.ids == "i003")).all()
    assert change[found.ids == "i003"] == pytest.approx(np.tile([0.0] * 4 + [np.log(0.8)] * 24, (3, 1)))


def test_a_long_tail_is_cut_into_blocks_by_all_its_items(spark, published, monkeypatch):
    tail = long(1).head(1)
    rows = pd.concat([tail.assign(item_id=f"t{n:02d}", day=tail["day"] + pd.Timedelta(days=n)) for n in range(12)])
    monkeypatch.setattr(forecasting, "AT_ONCE", 2)
    nowhere = spark.createDataFrame([], contracts.load("features.item_location_daily").schema())
    known = item_daily(spark, rows), nowhere, *published.facts
    cut = forecast(*known, AS_OF, published.champion, STORE, published.settings)
    # One item a day: by its best day the whole tail would be one block of each two that Spark shuffles into.
    found = cut.select("item_id", F.spark_partition_id().alias("block")).toPandas().drop_duplicates()
    assert len(found) == 13 and found["block"].nunique() > published.settings.shuffle_partitions


def test_the_number_of_partitions_changes_nothing(published):
    order = ["item_id", "location_id", "target_date"]
    first, again = (
        frame.toPandas().sort_values(order, ignore_index=True) for frame in (published.days, published.again)
    )
    pd.testing.assert_frame_equal(first, again)


def test_a_network_that_a_gate_serves_forecasts_in_spark_as_it_did_in_training(spark, tmp_path, published, monkeypatch):
    rows, serves, chosen = long(8), "ewq+boosted+nhits", choosing.chosen
    tiny = NetworkParams(least_series=3, least_days=60, input_days=28, steps=(3, 2), windows=16, batch=4, hidden=8)
    served = Gate("dense", serves, "forced")
    monkeypatch.setattr(choosing, "chosen", lambda cases: {**chosen(cases), "dense": served})
    trained = training.train(made(rows), replace(SMALL, origins=1, networks=tiny), 1)
    assert serves in set(trained.evaluation.query("is_served")["method"])
    trained.model.save(tmp_path)
    nowhere = spark.createDataFrame([], contracts.load("features.item_location_daily").schema())
    tables = item_daily(spark, rows), nowhere, *(facts.limit(0) for facts in published.facts)
    night = AS_OF, Champion("demand", AS_OF, "abc", tmp_path, {}, None), STORE, published.settings
    found = forecast(*tables, *night).toPandas().sort_values(["item_id", "target_date"])
    expected, method, _ = Model.load(tmp_path).forecast(made(rows))
    assert (found["method"].to_numpy().reshape(8, 28)[:, 0] == method).all() and (method == serves).sum() >= 3
    assert np.allclose(found["mean"].to_numpy().reshape(8, 28), expected.mean, atol=1e-3)
    assert np.allclose(found[list(NAMES)].to_numpy().reshape(8, 28, 7), expected.quantiles, atol=1e-3)
    without = replace(trained.model, gates={**trained.model.gates, "dense": Gate("dense", "ewq+boosted", "")})
    assert not np.allclose(without.forecast(made(rows))[0].quantiles, expected.quantiles, atol=1e-3)
