"""The protocol: origins, choice, gates, corrections, files; short histories get baselines and say so."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from jobs.demand import backtest, calibration, choosing, judging, networks
from jobs.demand import train as training
from jobs.demand.evaluation import COST
from jobs.demand.history import WHOLE, History
from jobs.demand.inventory import FORESIGHT, USUAL
from jobs.demand.methods import Forecasts, parts
from jobs.demand.model import Model
from jobs.demand.networks import NetworkParams
from jobs.demand.segments import SEGMENTS, segments

from .small_shop import FIRST_DAY, SMALL, WEEKLY, long, made


@pytest.fixture(scope="module")
def shop():
    return made(long(40))


@pytest.fixture(scope="module")
def trained(shop):
    return training.train(shop, SMALL, 2)


def test_origins_have_closed_by_the_night_and_enough_before_them(shop):
    assert backtest.origins(shop, SMALL) == [182, 154, 126]
    assert backtest.origins(made(long(5), 100), SMALL) == []


def test_an_origin_knows_the_launches_since_the_models_were_learnt():
    frame = long(8)
    sellers = frame[frame["item_id"] == "i000"]
    since = {f"early{n}": 128 + n for n in range(8)} | {f"fresh{n}": 172 for n in range(3)}
    starts = {item: FIRST_DAY + timedelta(days=days) for item, days in since.items()}
    launched = [sellers[sellers["day"] >= str(start)].assign(item_id=item) for item, start in starts.items()]
    cases = backtest.backtest(made(pd.concat([frame, *launched])), SMALL, 2)
    newest = next(case for case in cases if case.past == 182 and case.segment == "new")
    assert set(newest.then.ids) >= {"fresh0", "fresh1", "fresh2"}
    # With nothing to compare with, launches are told by the item's own rate of order lines.
    assert (newest.forecasts["launches"].mean != newest.forecasts["lines"].mean).any()


def test_what_is_boosted_is_learnt_again_at_each_origin(shop):
    """As a night serves it; the days after an origin teach it nothing."""
    cases = backtest.backtest(shop, SMALL, 2)
    for past in backtest.origins(shop, SMALL):
        (case,) = (case for case in cases if case.past == past and case.segment == "dense")
        then = shop.at(past)
        learnt = backtest.learn(then, SMALL, 2, {"boosted"})
        alone = Forecasts(then.of(segments(then) == "dense"), learnt).of("boosted")
        assert (case.forecasts["boosted"].quantiles == alone.quantiles).all()


def test_every_segment_has_a_gate_in_words_and_only_winners_are_served(trained):
    assert set(trained.model.gates) == set(SEGMENTS)
    for segment, gate in trained.model.gates.items():
        assert gate.reason and gate.has_passed == (gate.serves != choosing.BASELINES[segment])
        if gate.has_passed:
            assert f"{gate.serves} beats" in gate.reason and gate.high < 1 and gate.items >= choosing.FEWEST
        elif gate.high is None:
            assert gate.reason.startswith(f"{gate.serves}: ")
        else:
            assert gate.high >= 1 and f"does not beat that of {gate.serves}" in gate.reason
    assert trained.model.gates["dense"].has_passed
    dense = trained.evaluation[trained.evaluation["segment"] == "dense"]
    assert {"weekday", "ewq", "boosted", "ewq+boosted"} <= set(dense["method"])
    assert {"wape", "mase", "pinball", "total_wape", "bias", "cover80", "above_q90"} <= set(dense["measure"])
    assert not trained.evaluation.duplicated(["segment", "method", "measure"]).any()


def test_what_forecasts_are_worth_in_the_stockroom_is_told_beside_other_policies(trained):
    told = trained.evaluation[trained.evaluation["measure"] == COST]
    ours = told[told["is_served"]].set_index("segment")
    assert ours.loc["dense", "method"] == trained.model.gates["dense"].serves and ours.loc["dense", "cases"] >= 10
    cost = told[told["segment"] == "dense"].set_index("method")["value"]
    assert set(cost.index) == {ours.loc["dense", "method"], USUAL, FORESIGHT}
    assert cost[FORESIGHT] < cost[ours.loc["dense", "method"]] < cost[USUAL]
    assert (told["low"] <= told["value"]).all() and (told["value"] <= told["high"]).all()


def test_the_items_that_were_missed_most_are_named(shop, trained):
    assert list(trained.missed.columns) == ["item_id", "units"] and len(trained.missed) == 20
    assert trained.missed["units"].is_monotonic_decreasing and trained.missed["item_id"].is_unique
    method = trained.model.gates["dense"].serves
    past, busiest = backtest.origins(shop, SMALL)[0], trained.missed["item_id"][0]
    (case,) = (case for case in backtest.backtest(shop, SMALL, 2) if case.past == past and case.segment == "dense")
    assert trained.missed["units"][0] == pytest.approx(
        case.figures[method].loc[list(case.then.ids).index(busiest), "error"], abs=1e-6
    )


def test_saved_and_loaded_it_forecasts_alike(shop, trained, tmp_path):
    trained.model.save(tmp_path)
    first, method, segment = trained.model.forecast(shop)
    again, same, _ = Model.load(tmp_path).forecast(shop)
    assert (first.quantiles == again.quantiles).all() and (method == same).all()
    assert (np.diff(first.quantiles, axis=2) >= 0).all() and set(segment) <= set(SEGMENTS)


def test_a_champion_from_before_seasonal_goods_were_told_apart_serves_them(trained, tmp_path):
    trained.model.save(tmp_path)
    about = json.loads((tmp_path / "model.json").read_text())
    del about["gates"]["seasonal"]
    (tmp_path / "model.json").write_text(json.dumps(about))
    again = Model.load(tmp_path)
    assert again.gates["seasonal"].serves == "seasonal" and again.gates["dense"] == trained.model.gates["dense"]


def test_what_the_night_cannot_learn_any_more_is_served_by_the_best_of_the_others(monkeypatch):
    """A Christmas shop in January: the network that the origins had items enough for has none to learn from."""
    frame = long(16)
    lasting = frame["item_id"] < "i006"
    shop = made(frame[lasting | (frame["day"] < str(FIRST_DAY + timedelta(days=140)))])
    tiny = NetworkParams(
        series=8, least_series=8, least_days=60, input_days=28, steps=(2, 1), windows=8, batch=4, hidden=8
    )
    assert len(networks.sample(shop.at(182), tiny)) == 8 > len(networks.sample(shop, tiny))
    network, chosen = "ewq+boosted+nhits", choosing.chosen
    # A network so small wins nothing: the gate of one that does.
    won = choosing.Gate("dense", network, f"{network} beats weekday")
    monkeypatch.setattr(choosing, "chosen", lambda cases: chosen(cases) | {"dense": won})
    found = training.train(shop, replace(SMALL, origins=1, networks=tiny), 1)
    gate = found.model.gates["dense"]
    assert not parts(gate.serves) & {"nhits", "tft"} and gate.reason.endswith(f"to learn {network} now")
    forecast, method, segment = found.model.forecast(shop)
    assert np.isfinite(forecast.mean).all() and set(method[segment == "dense"]) == {gate.serves}
    assert set(found.evaluation.query("segment == 'dense' and is_served")["method"]) == {gate.serves}


@pytest.mark.parametrize("days", [1, 30, 100])
def test_a_short_history_serves_baselines_and_says_so(days, tmp_path):
    found = training.train(made(long(8, days), days), SMALL, 1)
    assert {gate.serves for gate in found.model.gates.values()} == {"weekday", "lines", "seasonal", "zero"}
    assert "history too short" in found.model.gates["dense"].reason and not len(found.evaluation)
    found.model.save(tmp_path)
    forecast, *_ = Model.load(tmp_path).forecast(made(long(8, days), days))
    assert np.isfinite(forecast.mean).all() and isinstance(found.evaluation, pd.DataFrame)


def yearly(weeks: int) -> History:
    """Fifteen items of weekly sums with the same strong season."""
    random = np.random.default_rng(2)
    season = 1 + 0.8 * np.sin(2 * np.pi * np.arange(weeks) / 52)
    rows = []
    for number in range(15):
        units = np.round((20 + 5 * number) * season * random.uniform(0.9, 1.1, weeks))
        day = pd.date_range(FIRST_DAY, periods=weeks, freq="7D")
        rows.append(pd.DataFrame({"item_id": f"i{number:02d}", "day": day, "units": units, "lines": 5}))
    return made(pd.concat(rows, ignore_index=True), weeks * 7, WEEKLY)


def test_years_of_weekly_sums_are_served_by_what_knows_last_year():
    weeks = 150
    found = training.train(yearly(weeks), SMALL, 1)
    gate = found.model.gates["dense"]
    assert {"seasonal", "growing"} & parts(gate.serves), gate.reason
    forecast, _, _ = found.model.forecast(yearly(weeks))
    expected = 20 * (1 + 0.8 * np.sin(2 * np.pi * np.arange(weeks, weeks + 8) / 52))
    assert forecast.mean.shape == (15, 8) and np.abs(forecast.mean[0] / expected - 1).max() < 0.35


def test_what_knows_last_year_may_be_chosen_as_soon_as_one_origin_has_a_year():
    shop = yearly(74)
    # Weeks known at the origins: the naive forecasts that look back a year need 60.
    assert backtest.origins(shop, SMALL) == [66, 58, 50]
    gate = training.train(shop, SMALL, 1).model.gates["dense"]
    assert {"seasonal", "growing"} & parts(gate.serves) and gate.reason.endswith("chosen on 1 origin, the same")


def test_christmas_goods_come_back_a_year_later():
    days = 364 + 180
    frame = long(30, days)
    at = [FIRST_DAY + timedelta(days=n) for n in range(days - 364 + 4, days - 364 + 24)]
    season = pd.DataFrame({"day": pd.to_datetime([day for day in at if day.weekday() != 6]), "units": 6, "lines": 2})
    goods = [season.assign(item_id=f"wreath {n}") for n in range(12)]
    once = [season.assign(item_id="gone", day=season["day"] - pd.Timedelta(days=90))]
    shop = made(pd.concat([frame, *goods, *once], ignore_index=True), days)
    found = training.train(shop, SMALL, 1)
    forecast, _, segment = found.model.forecast(shop)
    is_wreath = np.array([item.startswith("wreath") for item in shop.ids])
    assert set(segment[is_wreath]) == {"seasonal"} and segment[list(shop.ids).index("gone")] == "ended"
    assert (forecast.mean[is_wreath].sum(axis=1) > 0.5 * season["units"].sum()).all()
    # With less history nothing is known of a year ago, and what the catalogue has taken out comes back in no season.
    assert "seasonal" not in segments(shop.at(400))
    assert set(segments(replace(shop, ended=is_wreath))[is_wreath]) == {"ended"}


def test_places_are_judged_and_learnt_from_but_errors_that_go_together_are_those_of_wholes():
    frame = long(12).assign(location_id=WHOLE)
    turn = np.arange(len(frame)) % 2
    placed = frame.assign(location_id=np.where(turn == 0, "north", "south"))
    both = made(pd.concat([frame, placed], ignore_index=True))
    cases = backtest.backtest(both, SMALL, 2)
    gates = choosing.chosen(cases)
    judged = {(item, place) for case in cases for item, place in zip(case.then.ids, case.then.locations, strict=True)}
    assert {place for _, place in judged} == {WHOLE, "north", "south"}
    wholes = [case.then.locations == WHOLE for case in cases]
    found = calibration.errors(calibration.calibrated(cases, gates))
    assert sum(len(one.error) for one in found) == sum(whole.sum() for whole in wholes) < sum(map(len, wholes))
    missed = judging.missed(cases, gates)
    assert missed["item_id"].is_unique and len(missed) > 0


def test_the_sample_of_places_has_a_bound_and_is_always_the_same(spark, monkeypatch):
    rows = [(f"i{n}", place, n) for n in range(30) for place in ("north", "south") for _ in range(3)]
    days = spark.createDataFrame(rows, "item_id string, location_id string, units int")
    monkeypatch.setattr(training, "AT_PLACES", 10)
    first, again = (training.sampled_places(one).toPandas() for one in (days, days.repartition(5)))
    pairs = [set(zip(one["item_id"], one["location_id"], strict=True)) for one in (first, again)]
    assert len(pairs[0]) == 10 and pairs[0] == pairs[1] and len(first) == 30
